#include "ui/models/EntrySummary.h"

#include "ui/models/Words.h"
#include "ui/widgets/Format.h"
#include "ui/widgets/PlainLine.h"

#include <QCoreApplication>

using namespace Qt::StringLiterals;

namespace sb::models {

using protocol::Entry;
using protocol::Kind;

namespace {

struct EntrySummary
{
    Q_DECLARE_TR_FUNCTIONS(EntrySummary)
};

QString scalarText(const QJsonValue& value)
{
    switch (value.type()) {
    case QJsonValue::String:
        return widgets::firstLine(value.toString());
    case QJsonValue::Double:
        return QString::number(value.toDouble(), 'g', 15);
    case QJsonValue::Bool:
        return value.toBool() ? u"true"_s : u"false"_s;
    case QJsonValue::Null:
    case QJsonValue::Array:
    case QJsonValue::Object:
    case QJsonValue::Undefined:
        break;
    }
    return {};
}

// The first of these fields that says something.
QString field(const QJsonObject& object, std::initializer_list<QLatin1StringView> names)
{
    for (const auto name : names) {
        if (auto text = scalarText(object.value(name)); !text.isEmpty()) {
            return text;
        }
    }
    return {};
}

// The same of a field that is written in Markdown: what a person or a model said.
QString prose(const QJsonObject& object, std::initializer_list<QLatin1StringView> names)
{
    for (const auto name : names) {
        const auto value = object.value(name);
        const auto text =
            value.isString() ? widgets::plainLine(value.toString()) : scalarText(value);
        if (!text.isEmpty()) {
            return text;
        }
    }
    return {};
}

QString joined(const QStringList& parts)
{
    QStringList said;
    for (const auto& part : parts) {
        if (!part.isEmpty()) {
            said.append(part);
        }
    }
    return said.join(u" · "_s);
}

QString everyField(const QJsonObject& object)
{
    QStringList parts;
    for (auto it = object.begin(); it != object.end() && parts.size() < 5; ++it) {
        QStringList words;
        for (const auto& value : it->isArray() ? it->toArray() : QJsonArray{*it}) {
            words.append(scalarText(value));
        }
        if (const auto text = words.join(u' ').trimmed(); !text.isEmpty()) {
            parts.append(QString(it.key() + u": "_s + widgets::firstLine(text, 80)));
        }
    }
    return parts.join(u" · "_s);
}

QString callText(const QJsonObject& payload)
{
    const auto arguments = payload.value("arguments"_L1).toObject();
    auto main = field(arguments,
                      {"command"_L1,
                       "path"_L1,
                       "url"_L1,
                       "task"_L1,
                       "question"_L1,
                       "status"_L1,
                       "pattern"_L1,
                       "message"_L1,
                       "query"_L1,
                       "content"_L1});
    if (main.isEmpty()) {
        main = everyField(arguments);
    }
    return joined({field(payload, {"tool"_L1, "name"_L1}), main});
}

QString tokensText(const QJsonObject& payload)
{
    const auto usage =
        payload.value("usage"_L1).isObject() ? payload.value("usage"_L1).toObject() : payload;
    const auto input = usage.value("input_tokens"_L1).toInteger();
    const auto output = usage.value("output_tokens"_L1).toInteger();
    return input + output == 0 ? QString()
                               : EntrySummary::tr("%1 tokens read, %2 written")
                                     .arg(briefCountText(input), briefCountText(output));
}

QString countOf(const QJsonObject& payload, QLatin1StringView name)
{
    const auto value = payload.value(name);
    return value.isArray() ? QString::number(value.toArray().size()) : scalarText(value);
}

QString requestText(const QJsonObject& payload)
{
    const auto messages = countOf(payload, "messages"_L1);
    const auto tools = countOf(payload, "tools"_L1);
    return joined({field(payload, {"model"_L1}),
                   messages.isEmpty() ? QString() : EntrySummary::tr("%1 messages").arg(messages),
                   tools.isEmpty() || tools.size() > 4 ? QString()
                                                       : EntrySummary::tr("%1 tools").arg(tools)});
}

QString responseText(const QJsonObject& payload)
{
    // The message itself, or a reference to it where it is too long to stand in the entry.
    const auto message =
        payload.value("message"_L1).isObject() ? payload.value("message"_L1).toObject() : payload;
    QStringList calls;
    for (const auto& call : message.value("tool_calls"_L1).toArray()) {
        calls.append(field(call.toObject(), {"name"_L1, "tool"_L1}));
    }
    return joined(
        {field(payload, {"error"_L1}),
         prose(message, {"text"_L1}),
         calls.isEmpty() ? QString() : EntrySummary::tr("calls %1").arg(calls.join(u", "_s)),
         tokensText(payload)});
}

QString verdictText(const QJsonObject& payload)
{
    const auto verdict = field(payload, {"verdict"_L1, "decision"_L1});
    const auto said = verdict == "allow"_L1    ? EntrySummary::tr("Allowed")
                      : verdict == "ask"_L1    ? EntrySummary::tr("Asks")
                      : verdict == "forbid"_L1 ? EntrySummary::tr("Forbidden")
                                               : verdict;
    const auto rule = field(payload, {"rule"_L1});
    return joined({said,
                   rule.isEmpty() ? QString() : EntrySummary::tr("rule %1").arg(rule),
                   field(payload, {"command"_L1, "tool"_L1}),
                   field(payload, {"reason"_L1})});
}

QString settledText(const QJsonObject& payload)
{
    const auto by = deciderText(field(payload, {"by"_L1}));
    return joined({field(payload, {"state"_L1, "decision"_L1, "outcome"_L1}),
                   by.isEmpty() ? QString() : EntrySummary::tr("by %1").arg(by),
                   field(payload, {"note"_L1}),
                   field(payload, {"command"_L1, "tool"_L1, "approval"_L1, "id"_L1})});
}

QString resultText(const QJsonObject& payload)
{
    const auto exitCode = payload.value("facts"_L1).toObject().value("exit_code"_L1);
    return joined({field(payload, {"tool"_L1}),
                   payload.value("error"_L1).toBool() ? EntrySummary::tr("failed") : QString(),
                   exitCode.isDouble() ? EntrySummary::tr("exit code %1").arg(exitCode.toInteger())
                                       : QString(),
                   field(payload, {"text"_L1})});
}

QString filesText(const QJsonObject& payload)
{
    QStringList paths;
    for (const auto& file : payload.value("files"_L1).toArray()) {
        paths.append(file.isString() ? file.toString() : field(file.toObject(), {"path"_L1}));
    }
    return paths.isEmpty() ? field(payload, {"path"_L1}) : paths.join(u", "_s);
}

QString specific(const Entry& entry)
{
    const auto& payload = entry.payload;
    switch (entry.kind) {
    case Kind::MessageReceived:
    case Kind::MessageSent: {
        const auto from = field(payload, {"from"_L1, "author"_L1});
        const auto text = prose(payload, {"text"_L1});
        return from.isEmpty() || text.isEmpty() ? text : EntrySummary::tr("%1: %2").arg(from, text);
    }
    case Kind::ProcessStarted:
        return joined({field(payload, {"kind"_L1}), prose(payload, {"task"_L1, "question"_L1})});
    case Kind::ProcessStatus:
        return prose(payload, {"status"_L1, "text"_L1});
    case Kind::ProcessEnded:
        return joined({field(payload, {"state"_L1, "outcome"_L1}),
                       prose(payload, {"result"_L1, "text"_L1, "reason"_L1})});
    case Kind::ModelRequest:
        return requestText(payload);
    case Kind::ModelResponse:
        return responseText(payload);
    case Kind::ToolCall:
        return callText(payload);
    case Kind::PolicyDecision:
        return verdictText(payload);
    case Kind::ApprovalRequested:
        return joined({field(payload, {"risk"_L1}),
                       field(payload, {"command"_L1, "tool"_L1}),
                       field(payload, {"reason"_L1, "rule"_L1})});
    case Kind::ApprovalSettled:
        return settledText(payload);
    case Kind::ToolStarted:
        return joined({field(payload, {"tool"_L1}), field(payload, {"command"_L1})});
    case Kind::ToolResult:
        return resultText(payload);
    case Kind::CheckpointCreated:
    case Kind::CheckpointRestored:
        return filesText(payload);
    case Kind::EgressRequest:
        return joined({field(payload, {"verdict"_L1, "decision"_L1}),
                       field(payload, {"method"_L1}),
                       field(payload, {"url"_L1, "host"_L1})});
    case Kind::Incident:
        return field(payload, {"message"_L1, "text"_L1, "reason"_L1});
    case Kind::PayloadErased:
        return joined({EntrySummary::tr("entry %1").arg(field(payload, {"seq"_L1})),
                       field(payload, {"reason"_L1})});
    case Kind::RunStarted:
        return prose(payload, {"task"_L1});
    case Kind::RunFinished:
        return joined({field(payload, {"outcome"_L1}), prose(payload, {"text"_L1})});
    case Kind::TurnStarted:
    case Kind::MemoryChanged:
    case Kind::HistoryCompacted:
    case Kind::ConfigChanged:
        return {};
    }
    return {};
}

} // namespace

QString entrySummary(const Entry& entry)
{
    if (entry.erased) {
        return EntrySummary::tr("The payload was erased.");
    }
    const auto said = specific(entry);
    return widgets::visibleText(
        widgets::firstLine(said.isEmpty() ? everyField(entry.payload) : said));
}

bool entryIsFailure(const Entry& entry)
{
    const auto& payload = entry.payload;
    if (entry.kind == Kind::Incident) {
        return true;
    }
    if (entry.kind == Kind::ToolResult) {
        return payload.value("error"_L1).toBool();
    }
    if (entry.kind == Kind::ModelResponse) {
        return !scalarText(payload.value("error"_L1)).isEmpty();
    }
    if (entry.kind == Kind::PolicyDecision) {
        return field(payload, {"verdict"_L1, "decision"_L1}) == "forbid"_L1;
    }
    return (entry.kind == Kind::ProcessEnded || entry.kind == Kind::RunFinished) &&
           field(payload, {"state"_L1, "outcome"_L1}) == "failed"_L1;
}

} // namespace sb::models
