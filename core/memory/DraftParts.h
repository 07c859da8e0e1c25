#pragma once
#include "core/base/Clock.h"
#include "core/base/Result.h"

#include <QStringList>

/// What the two halves of Draft share.
namespace sb::memory {

inline constexpr QLatin1StringView forgottenAtField("forgotten_at");
inline constexpr QLatin1StringView validToField("valid_to");

inline bool isShare(double value)
{
    return value >= 0 && value <= 1; // not a number is no share either
}

inline void setTo(TimeUs& field, TimeUs value, QStringList& now, QLatin1StringView name)
{
    field = value;
    now.removeAll(name);
}

/// The entry's time: any other number than 0 stands for it until it is known.
inline void setToNow(TimeUs& field, QStringList& now, QLatin1StringView name)
{
    setTo(field, 1, now, name);
    now.append(QString(name));
}

inline std::unexpected<Error> invalid(const QString& sentence)
{
    return fail(ErrorCode::InvalidInput, sentence);
}

} // namespace sb::memory
