#include "core/process/Host.h"

#include <QCryptographicHash>
#include <QJsonDocument>

namespace sb::process {

using protocol::ProcessKind;

namespace {

constexpr qsizetype largestInline = 48 * 1024; ///< bytes of JSON in a payload

} // namespace

QCoro::Task<Result<QJsonObject>> Host::storable(llm::Message message, qsizetype share)
{
    QJsonObject json = llm::toJson(message);
    QByteArray bytes = QJsonDocument(json).toJson(QJsonDocument::Compact);
    if (bytes.size() <= largestInline / std::max<qsizetype>(share, 1)) {
        co_return json;
    }
    bytes = QJsonDocument(m.journal.redacted(json)).toJson(QJsonDocument::Compact);
    auto storing = m.journal.storePart(std::move(bytes));
    SB_CO_TRY(const QString hash, co_await cancellable({}, m.executor, std::move(storing)));
    co_return QJsonObject{{QStringLiteral("role"), json.value(QStringLiteral("role"))},
                          {QStringLiteral("part"), hash}};
}

namespace {

template <class T>
Result<> fetchPartsOf(QList<T>& messages, journal::Journal& journal)
{
    for (T& one : messages) {
        if (!one.part.isEmpty()) {
            const auto bytes = journal.part(one.part);
            if (!bytes && bytes.error().code == ErrorCode::NotFound) {
                one.message.text = QStringLiteral("(erased)");
                continue;
            }
            if (!bytes) {
                return std::unexpected(bytes.error());
            }
            SB_TRY(one.message, llm::messageFromJson(QJsonDocument::fromJson(*bytes).object()));
        }
    }
    return {};
}

} // namespace

Result<> Host::fetchParts(QList<Remembered>& messages)
{
    return fetchPartsOf(messages, m.journal);
}

Result<> Host::fetchParts(QList<Mail>& mail)
{
    return fetchPartsOf(mail, m.journal);
}

QCoro::Task<Result<QString>> Host::toolsPart(ProcessKind kind, QList<llm::ToolSpec> tools)
{
    // A kind's tools are the same as long as the program runs, and writing them takes longer than
    // all the rest of a request.
    if (const auto found = m_toolParts.constFind(kind); found != m_toolParts.constEnd()) {
        co_return *found;
    }
    QJsonArray json;
    for (const auto& tool : tools) {
        json.append(QJsonObject{{QStringLiteral("name"), tool.name},
                                {QStringLiteral("description"), tool.description},
                                {QStringLiteral("schema"), tool.schema}});
    }
    SB_CO_TRY(const QString hash,
              co_await part(QJsonDocument(json).toJson(QJsonDocument::Compact)));
    m_toolParts.insert(kind, hash);
    co_return hash;
}

QCoro::Task<Result<QString>> Host::part(QByteArray bytes)
{
    // What an owner wrote into instructions is no more to be kept than any other secret.
    const QString field = QStringLiteral("text");
    bytes =
        m.journal.redacted({{field, QString::fromUtf8(bytes)}}).value(field).toString().toUtf8();
    const QByteArray key = QCryptographicHash::hash(bytes, QCryptographicHash::Sha256);
    if (const auto found = m_parts.constFind(key); found != m_parts.constEnd()) {
        co_return *found;
    }
    auto storing = m.journal.storePart(std::move(bytes));
    SB_CO_TRY(const QString hash, co_await cancellable({}, m.executor, std::move(storing)));
    m_parts.insert(key, hash);
    co_return hash;
}

} // namespace sb::process
