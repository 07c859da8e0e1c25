#pragma once
#include "core/base/Result.h"

#include <QJsonArray>
#include <QJsonObject>
#include <QJsonValue>
#include <QList>
#include <QStringList>
#include <concepts>
#include <optional>

/// One description of a value's fields serves both directions. A value type has
///     template <class Self, class V> static void fields(Self& s, V&& v) { v("agent", s.agent); … }
/// and an enum that travels has `QString enumName(E)` and `std::optional<E>
/// enumFromName(QStringView, E*)` beside it.
namespace sb::protocol {

namespace detail {
struct AnyVisitor
{
    template <class T>
    void operator()(const char*, T&&) const
    {
    }
};
} // namespace detail

template <class T>
concept Described = requires(T& t) { T::fields(t, detail::AnyVisitor{}); };
template <class T>
concept NamedEnum = std::is_enum_v<T> && requires(T t) {
    { enumName(t) } -> std::same_as<QString>;
};

template <class T>
QJsonValue toJsonValue(const T& value);
template <class T>
Result<> fromJsonValue(const QJsonValue& json, T& value, const QString& where);

template <Described T>
QJsonObject toJson(const T& value)
{
    QJsonObject object;
    T::fields(value, [&](const char* name, const auto& field) {
        object.insert(QLatin1StringView(name), toJsonValue(field));
    });
    return object;
}

/// Reads a value. A missing field keeps its default; one of the wrong type is an error that names
/// it.
template <Described T>
Result<T> fromJson(const QJsonObject& object)
{
    T value;
    Result<> result;
    T::fields(value, [&](const char* name, auto& field) {
        const auto found = object.constFind(QLatin1StringView(name));
        if (result && found != object.constEnd() && !found->isNull()) {
            result = fromJsonValue(*found, field, QString::fromLatin1(name));
        }
    });
    if (!result) {
        return std::unexpected(result.error());
    }
    return value;
}

namespace detail {
template <class T>
struct IsOptional : std::false_type
{
};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type
{
};
template <class T>
struct IsList : std::false_type
{
};
template <class T>
struct IsList<QList<T>> : std::true_type
{
};

inline std::unexpected<Error> wrongType(const QString& where, const char* wanted)
{
    return fail(
        ErrorCode::InvalidInput,
        QStringLiteral("The field \"%1\" must be %2.").arg(where, QLatin1StringView(wanted)));
}
} // namespace detail

template <class T>
QJsonValue toJsonValue(const T& value)
{
    if constexpr (Described<T>) {
        return toJson(value);
    } else if constexpr (NamedEnum<T>) {
        return enumName(value);
    } else if constexpr (detail::IsOptional<T>::value) {
        return value ? toJsonValue(*value) : QJsonValue(QJsonValue::Null);
    } else if constexpr (std::same_as<T, QStringList>) {
        return QJsonArray::fromStringList(value);
    } else if constexpr (detail::IsList<T>::value) {
        QJsonArray array;
        for (const auto& item : value) {
            array.append(toJsonValue(item));
        }
        return array;
    } else if constexpr (std::same_as<T, QByteArray>) {
        return QString::fromLatin1(value.toHex());
    } else {
        return QJsonValue(value);
    }
}

template <class T>
Result<> fromJsonValue(const QJsonValue& json, T& value, const QString& where)
{
    if constexpr (Described<T>) {
        if (!json.isObject()) {
            return detail::wrongType(where, "an object");
        }
        auto read = fromJson<T>(json.toObject());
        if (!read) {
            return std::unexpected(read.error());
        }
        value = std::move(*read);
    } else if constexpr (NamedEnum<T>) {
        const auto read = enumFromName(json.toString(), static_cast<T*>(nullptr));
        if (!json.isString() || !read) {
            return detail::wrongType(where, "one of its names");
        }
        value = *read;
    } else if constexpr (detail::IsOptional<T>::value) {
        value.emplace();
        return fromJsonValue(json, *value, where);
    } else if constexpr (std::same_as<T, QStringList> || detail::IsList<T>::value) {
        if (!json.isArray()) {
            return detail::wrongType(where, "an array");
        }
        value.clear();
        for (const auto& item : json.toArray()) {
            typename T::value_type read{};
            SB_CHECK(fromJsonValue(item, read, where));
            value.append(std::move(read));
        }
    } else if constexpr (std::same_as<T, QByteArray>) {
        value = QByteArray::fromHex(json.toString().toLatin1());
    } else if constexpr (std::same_as<T, QString>) {
        if (!json.isString()) {
            return detail::wrongType(where, "a string");
        }
        value = json.toString();
    } else if constexpr (std::same_as<T, bool>) {
        if (!json.isBool()) {
            return detail::wrongType(where, "true or false");
        }
        value = json.toBool();
    } else if constexpr (std::same_as<T, QJsonObject>) {
        if (!json.isObject()) {
            return detail::wrongType(where, "an object");
        }
        value = json.toObject();
    } else if constexpr (std::same_as<T, QJsonValue>) {
        value = json;
    } else if constexpr (std::integral<T>) {
        if (!json.isDouble()) {
            return detail::wrongType(where, "a number");
        }
        value = T(json.toInteger());
    } else {
        if (!json.isDouble()) {
            return detail::wrongType(where, "a number");
        }
        value = T(json.toDouble());
    }
    return {};
}

} // namespace sb::protocol
