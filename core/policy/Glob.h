#pragma once
#include <QString>

namespace sb::policy {

/// Stands in a text for what cannot be known before it runs: any run of characters without a blank
/// ("$X" in quotes).
inline constexpr QChar anyRun{0xFFFF};
/// The same, blanks included: what an unquoted variable, substitution or glob expands to.
inline constexpr QChar anyWords{0xFFFE};

/// Whether the whole text matches the pattern: * is any run of characters, ? is one. A text with
/// anyRun or anyWords matches when something that it may stand for does.
[[nodiscard]] bool globMatches(QStringView pattern, QStringView text);

} // namespace sb::policy
