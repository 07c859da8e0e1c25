#include "core/protocol/Values.h"

#include "core/protocol/EnumNames.h"

namespace sb::protocol {

SB_PROTOCOL_NAMES(ProcessKind, "channel", "branch", "worker", "compactor", "cortex")
SB_PROTOCOL_NAMES(
    ProcessState, "running", "waiting_approval", "succeeded", "failed", "cancelled", "interrupted")
SB_PROTOCOL_NAMES(ApprovalState, "waiting", "accepted", "rejected", "expired")
SB_PROTOCOL_NAMES(Risk, "low", "medium", "high", "critical")
SB_PROTOCOL_NAMES(Outcome, "succeeded", "failed", "cancelled", "waiting_approval")
SB_PROTOCOL_NAMES(ApproveMode, "ask", "allow", "deny")
SB_PROTOCOL_NAMES(ItemKind, "user", "agent", "tool", "delegate", "notice")

QJsonObject entryToJson(const Entry& entry)
{
    QJsonObject object{
        {QStringLiteral("seq"), entry.seq},
        {QStringLiteral("time"), timeText(entry.time)},
        {QStringLiteral("agent"), entry.agent},
        {QStringLiteral("process"), entry.process},
        {QStringLiteral("kind"), kindName(entry.kind)},
        {QStringLiteral("trace_id"), entry.traceId},
        {QStringLiteral("span_id"), entry.spanId},
        {QStringLiteral("payload"), entry.payload},
        {QStringLiteral("hash"), QString::fromLatin1(entry.hash.toHex())},
    };
    bool isNumber = false;
    const qint64 cause = entry.cause.toLongLong(&isNumber);
    object.insert(QStringLiteral("cause"),
                  entry.cause.isEmpty() ? QJsonValue(QJsonValue::Null)
                  : isNumber            ? QJsonValue(cause)
                                        : QJsonValue(entry.cause));
    if (entry.erased) {
        object.insert(QStringLiteral("erased"), true);
    }
    if (entry.kind == Kind::RunFinished) {
        object.insert(QStringLiteral("outcome"), entry.payload.value(QStringLiteral("outcome")));
        object.insert(QStringLiteral("text"), entry.payload.value(QStringLiteral("text")));
    }
    return object;
}

Result<Entry> entryFromJson(const QJsonObject& object)
{
    const auto kind = kindFromName(object.value(QStringLiteral("kind")).toString());
    const auto time = timeFromText(object.value(QStringLiteral("time")).toString());
    if (!kind || !time) {
        return fail(ErrorCode::InvalidInput, QStringLiteral("This is no journal entry."));
    }
    const auto cause = object.value(QStringLiteral("cause"));
    Entry entry;
    entry.seq = object.value(QStringLiteral("seq")).toInteger();
    entry.time = *time;
    entry.agent = object.value(QStringLiteral("agent")).toString();
    entry.process = object.value(QStringLiteral("process")).toString();
    entry.kind = *kind;
    entry.cause = cause.isDouble() ? QString::number(cause.toInteger()) : cause.toString();
    entry.traceId = object.value(QStringLiteral("trace_id")).toString();
    entry.spanId = object.value(QStringLiteral("span_id")).toString();
    entry.payload = object.value(QStringLiteral("payload")).toObject();
    entry.erased = object.value(QStringLiteral("erased")).toBool();
    entry.hash = QByteArray::fromHex(object.value(QStringLiteral("hash")).toString().toLatin1());
    return entry;
}

QJsonValue toJsonValue(const Entry& entry)
{
    return entryToJson(entry);
}

Result<> fromJsonValue(const QJsonValue& json, Entry& entry, const QString&)
{
    SB_TRY(entry, entryFromJson(json.toObject()));
    return {};
}

} // namespace sb::protocol
