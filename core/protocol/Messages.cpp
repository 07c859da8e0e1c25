#include "core/protocol/Commands.h"
#include "core/protocol/Events.h"

namespace sb::protocol {

namespace {

template <class Variant>
QJsonObject encode(const Variant& value, const QString& key)
{
    return std::visit(
        [&]<class T>(const T& alternative) {
            QJsonObject object = toJson(alternative);
            object.insert(key, QLatin1StringView(T::name));
            return object;
        },
        value);
}

template <class Variant, size_t I = 0>
Result<Variant> decode(const QJsonObject& object, const QString& key)
{
    if constexpr (I == std::variant_size_v<Variant>) {
        return fail(
            ErrorCode::InvalidInput,
            QStringLiteral("There is no %1 \"%2\".").arg(key, object.value(key).toString()));
    } else {
        using T = std::variant_alternative_t<I, Variant>;
        if (object.value(key).toString() != QLatin1StringView(T::name)) {
            return decode<Variant, I + 1>(object, key);
        }
        SB_TRY(T value, fromJson<T>(object));
        return Variant(std::move(value));
    }
}

const QString commandKey = QStringLiteral("command");
const QString eventKey = QStringLiteral("event");

} // namespace

QJsonObject commandToJson(const Command& command)
{
    return encode(command, commandKey);
}

Result<Command> commandFromJson(const QJsonObject& object)
{
    return decode<Command>(object, commandKey);
}

QJsonObject eventToJson(const Event& event)
{
    return encode(event, eventKey);
}

Result<Event> eventFromJson(const QJsonObject& object)
{
    return decode<Event>(object, eventKey);
}

} // namespace sb::protocol
