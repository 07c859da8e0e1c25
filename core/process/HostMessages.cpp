#include "core/process/Host.h"

#include "core/base/Defence.h"
#include "core/taint/Detect.h"

#include <QCryptographicHash>
#include <QJsonDocument>

namespace sb::process {

using protocol::ProcessKind;

namespace {

constexpr qsizetype largestInline = 48 * 1024;      ///< bytes of JSON in a payload
constexpr qsizetype searchedForPersons = 64 * 1024; ///< characters of a message

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
    // The sources stay here: their last step waits for the seq of the entry.
    QJsonObject stored{{QStringLiteral("role"), json.value(QStringLiteral("role"))},
                       {QStringLiteral("part"), hash}};
    const QString sources = QStringLiteral("sources");
    if (json.contains(sources)) {
        stored.insert(sources, json.value(sources));
    }
    co_return stored;
}

QList<taint::Source> Host::sourcesOfMessage(const QString& from, const QString& text) const
{
    const QLatin1StringView agent("agent:");
    if (!defended("taint.messages")) {
        return {};
    }
    taint::Labels labels{from.startsWith(agent) ? taint::Label::UntrustedAgent
                                                : taint::Label::UserInput};
    const QString field = QStringLiteral("text");
    const QString redacted = m.journal.redacted({{field, text}}).value(field).toString();
    if (redacted != text || taint::holdsRedacted(text)) {
        labels |= {taint::Label::Secret};
    }
    if (taint::holdsPersonal(QStringView(text).left(searchedForPersons))) {
        labels |= {taint::Label::Pii};
    }
    return {taint::entering(
        labels,
        {},
        from.startsWith(agent)
            ? QStringLiteral("the message of the agent %1").arg(from.mid(agent.size()))
            : QStringLiteral("the message of %1").arg(from))};
}

Host::Cleaned Host::cleaned(const QString& text, const QString& from) const
{
    if (!defended("leaks.messages")) {
        return {text, {}, from};
    }
    auto screened = m.watch.look(text);
    return {std::move(screened.text), std::move(screened.hits), from};
}

void Host::tell(const Cleaned& message, const QString& channel, qint64 entry) const
{
    m.watch.raise(
        message.hits,
        {QStringLiteral("message:") + message.from, m.journal.agent(), channel, channel, entry},
        leaks::Fate::TakenOut);
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
            auto sources = std::move(one.message.sources);
            SB_TRY(one.message, llm::messageFromJson(QJsonDocument::fromJson(*bytes).object()));
            one.message.sources = std::move(sources);
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
    // A kind's tools are the same until somebody changes the agent's skills, and writing them takes
    // longer than all the rest of a request.
    if (const auto found = m_toolParts.constFind(kind);
        found != m_toolParts.constEnd() && found->first == tools) {
        co_return found->second;
    }
    QJsonArray json;
    for (const auto& tool : tools) {
        json.append(QJsonObject{{QStringLiteral("name"), tool.name},
                                {QStringLiteral("description"), tool.description},
                                {QStringLiteral("schema"), tool.schema}});
    }
    SB_CO_TRY(const QString hash,
              co_await part(QJsonDocument(json).toJson(QJsonDocument::Compact)));
    m_toolParts.insert(kind, {tools, hash});
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
