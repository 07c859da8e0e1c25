#pragma once
#include "core/base/Guarded.h"
#include "core/base/SecretString.h"
#include "core/leaks/Scanner.h"

#include <QByteArray>
#include <QJsonObject>
#include <QString>
#include <memory>

namespace sb::secrets {

/// Keeps keys out of what is written down: replaces every value that it was told, and whatever
/// looks like a common kind of key, by "[redacted:NAME]". What it finds, and how, is sb::leaks.
/// Safe to use from any thread; cheap when nothing matches.
class Redactor
{
public:
    Redactor();
    ~Redactor();
    Redactor(const Redactor&) = delete;
    Redactor& operator=(const Redactor&) = delete;

    /// Remembers a value under a name ("env:LOCAL_KEY"). Those that cannot be told from plain
    /// words are not (leaks::Known::isTellable): they would blot them out.
    void add(const QString& name, const SecretString& value);

    /// What knows everything that was added so far, for looking through outputs as they come.
    [[nodiscard]] std::shared_ptr<const leaks::Scanner> scanner() const;

    [[nodiscard]] QString redact(QString text) const;
    /// UTF-8, JSON text included.
    [[nodiscard]] QByteArray redact(QByteArray bytes) const;
    /// Every string and every key in it, at any depth.
    [[nodiscard]] QJsonObject redact(QJsonObject object) const;

private:
    // Shared with readers that work on the old one while a new one is put in place.
    Guarded<std::shared_ptr<const leaks::Scanner>> m_scanner;
};

} // namespace sb::secrets
