#pragma once
#include "core/leaks/Scanner.h"

#include <QStringList>

/// What the tests of leak detection share. Keys are put together at run time, so that no scanner
/// takes these files for ones that leak.
namespace leakskit {

using namespace Qt::StringLiterals;

inline sb::SecretString secret(const QByteArray& bytes)
{
    return sb::SecretString(QByteArray(bytes.constData(), bytes.size()));
}

inline std::shared_ptr<const sb::leaks::Scanner> knowing(const QByteArray& value,
                                                         const QString& name = u"env:KEY"_s)
{
    return sb::leaks::Scanner::with(sb::leaks::Scanner::create(), name, secret(value));
}

// Random looking, and the same in every run.
inline QByteArray
madeUp(qsizetype length,
       QByteArrayView alphabet = "aB3dE5gH7jK9mN1pQ2sT4vW6xYz8rLcFuDkZ0GhXbVtRqPnMiJoCwEySaUfI")
{
    QByteArray text;
    quint32 state = 0x2545'f491U + quint32(length);
    for (qsizetype i = 0; i < length; ++i) {
        state = state * 1664525U + 1013904223U;
        text += alphabet[qsizetype(state >> 16) % alphabet.size()];
    }
    return text;
}
inline QByteArray hex(qsizetype length)
{
    return madeUp(length, "0123456789abcdef");
}

inline QList<sb::leaks::Hit> scan(const std::shared_ptr<const sb::leaks::Scanner>& scanner,
                                  const QByteArray& text)
{
    return scanner->scan(QByteArrayView(text));
}
// "nothing" where there is nothing to redact.
inline QByteArray redact(const std::shared_ptr<const sb::leaks::Scanner>& scanner,
                         const QByteArray& text)
{
    return scanner->redact(QByteArrayView(text)).value_or("nothing");
}

inline QStringList names(const QList<sb::leaks::Hit>& hits)
{
    QStringList list;
    for (const auto& hit : hits) {
        list.append(hit.what);
    }
    return list;
}

} // namespace leakskit
