#pragma once
#include <QString>
#include <expected>
#include <utility>

namespace sb {

/// What kind of failure it is; callers decide on this, people read the message.
enum class ErrorCode {
    InvalidInput, ///< somebody gave us something unusable (configuration, arguments, a model's
                  ///< JSON)
    NotFound,
    Conflict,    ///< already there, already decided, held by somebody else
    Forbidden,   ///< a policy, capability or the sandbox says no
    Unavailable, ///< the other side does not answer or refuses for now
    Timeout,
    Cancelled,
    Io,
    DiskFull,
    Corrupt, ///< stored bytes do not say what they said when they were written
    TooNew,  ///< written by a later version of this program
    Locked,
    Unsupported, ///< this machine cannot do it
    Internal,
};

/// The name as it appears in JSON: "invalid_input", "not_found", …
QString errorCodeName(ErrorCode code);
/// The inverse of errorCodeName; Internal for a name that it does not know.
ErrorCode errorCodeFromName(QStringView name);

/// A failure: one clear sentence for a person, and what a developer needs besides.
struct Error
{
    ErrorCode code = ErrorCode::Internal;
    QString message; ///< a whole sentence, without secrets
    QString context; ///< file, key, address …; may be empty

    /// The same failure with a few words put in front of the message.
    [[nodiscard]] Error inFrontOf(const QString& words) const
    {
        return {code, words + QStringLiteral(": ") + message, context};
    }
    bool operator==(const Error&) const = default;
};

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, QString message, QString context = {})
{
    return std::unexpected(Error{code, std::move(message), std::move(context)});
}

} // namespace sb

#define SB_CONCAT_(a, b) a##b
#define SB_CONCAT(a, b) SB_CONCAT_(a, b)

/// SB_TRY(auto x, f()): x is f()'s value, or this function returns f()'s error.
#define SB_TRY(declaration, expression)                                                            \
    auto SB_CONCAT(sbTry, __LINE__) = (expression);                                                \
    if (!SB_CONCAT(sbTry, __LINE__)) {                                                             \
        return std::unexpected(std::move(SB_CONCAT(sbTry, __LINE__)).error());                     \
    }                                                                                              \
    declaration = *std::move(SB_CONCAT(sbTry, __LINE__))

/// The same where only success matters.
#define SB_CHECK(expression)                                                                       \
    if (auto sbCheck = (expression); !sbCheck) {                                                   \
        return std::unexpected(std::move(sbCheck).error());                                        \
    }

/// SB_TRY and SB_CHECK inside a coroutine.
#define SB_CO_TRY(declaration, expression)                                                         \
    auto SB_CONCAT(sbTry, __LINE__) = (expression);                                                \
    if (!SB_CONCAT(sbTry, __LINE__)) {                                                             \
        co_return std::unexpected(std::move(SB_CONCAT(sbTry, __LINE__)).error());                  \
    }                                                                                              \
    declaration = *std::move(SB_CONCAT(sbTry, __LINE__))
#define SB_CO_CHECK(expression)                                                                    \
    if (auto sbCheck = (expression); !sbCheck) {                                                   \
        co_return std::unexpected(std::move(sbCheck).error());                                     \
    }
