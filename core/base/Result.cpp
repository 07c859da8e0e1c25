#include "core/base/Result.h"

#include <array>

namespace sb {

namespace {
struct Name
{
    ErrorCode code;
    const char* name;
};
constexpr std::array names{
    Name{ErrorCode::InvalidInput, "invalid_input"},
    Name{ErrorCode::NotFound, "not_found"},
    Name{ErrorCode::Conflict, "conflict"},
    Name{ErrorCode::Forbidden, "forbidden"},
    Name{ErrorCode::Unavailable, "unavailable"},
    Name{ErrorCode::Timeout, "timeout"},
    Name{ErrorCode::Cancelled, "cancelled"},
    Name{ErrorCode::Io, "io"},
    Name{ErrorCode::DiskFull, "disk_full"},
    Name{ErrorCode::Corrupt, "corrupt"},
    Name{ErrorCode::TooNew, "too_new"},
    Name{ErrorCode::Locked, "locked"},
    Name{ErrorCode::Unsupported, "unsupported"},
    Name{ErrorCode::Internal, "internal"},
};
} // namespace

QString errorCodeName(ErrorCode code)
{
    for (const auto& entry : names) {
        if (entry.code == code) {
            return QString::fromLatin1(entry.name);
        }
    }
    return QStringLiteral("internal");
}

ErrorCode errorCodeFromName(QStringView name)
{
    for (const auto& entry : names) {
        if (name == QLatin1StringView(entry.name)) {
            return entry.code;
        }
    }
    return ErrorCode::Internal;
}

} // namespace sb
