#include "core/protocol/Values.h"

#include <array>

namespace sb::protocol {

namespace {

template <class E, size_t N>
std::optional<E> find(const std::array<const char*, N>& names, QStringView name)
{
    for (size_t i = 0; i < N; ++i) {
        if (name == QLatin1StringView(names[i])) {
            return E(i);
        }
    }
    return std::nullopt;
}

} // namespace

#define SB_PROTOCOL_ENUM(E, ...)                                                                   \
    namespace {                                                                                    \
    constexpr std::array names##E{__VA_ARGS__};                                                    \
    }                                                                                              \
    QString enumName(E value)                                                                      \
    {                                                                                              \
        return QString::fromLatin1(names##E[size_t(value)]);                                       \
    }                                                                                              \
    std::optional<E> enumFromName(QStringView name, E*)                                            \
    {                                                                                              \
        return find<E>(names##E, name);                                                            \
    }

SB_PROTOCOL_ENUM(ProcessKind, "channel", "branch", "worker", "compactor", "cortex")
SB_PROTOCOL_ENUM(
    ProcessState, "running", "waiting_approval", "succeeded", "failed", "cancelled", "interrupted")
SB_PROTOCOL_ENUM(ApprovalState, "waiting", "accepted", "rejected", "expired")
SB_PROTOCOL_ENUM(Risk, "low", "medium", "high", "critical")
SB_PROTOCOL_ENUM(Outcome, "succeeded", "failed", "cancelled", "waiting_approval")
SB_PROTOCOL_ENUM(ApproveMode, "ask", "allow", "deny")
SB_PROTOCOL_ENUM(ItemKind, "user", "agent", "tool", "delegate", "notice")
#undef SB_PROTOCOL_ENUM

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
