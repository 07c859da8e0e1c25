#pragma once
#include <QString>
#include <array>
#include <optional>

// For the source files that give enums that travel their names, in the order of the values; the
// headers declare the functions.
namespace sb::protocol::detail {

template <class E, size_t N>
std::optional<E> findName(const std::array<const char*, N>& names, QStringView name)
{
    for (size_t i = 0; i < N; ++i) {
        if (name == QLatin1StringView(names[i])) {
            return E(i);
        }
    }
    return std::nullopt;
}

} // namespace sb::protocol::detail

#define SB_PROTOCOL_NAMES(E, ...)                                                                  \
    namespace {                                                                                    \
    constexpr std::array names##E{__VA_ARGS__};                                                    \
    }                                                                                              \
    QString enumName(E value)                                                                      \
    {                                                                                              \
        return QString::fromLatin1(names##E[size_t(value)]);                                       \
    }                                                                                              \
    std::optional<E> enumFromName(QStringView name, E*)                                            \
    {                                                                                              \
        return detail::findName<E>(names##E, name);                                                \
    }
