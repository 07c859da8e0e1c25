#pragma once
#include "core/packages/Injection.h"

#include <QRegularExpression>
#include <vector>

namespace sb::packages {

struct Pattern
{
    FindingKind kind;
    Severity severity;
    QRegularExpression expression; ///< over folded text
};

/// What instructions to an agent look like, in English, German, Spanish, French, Russian and
/// Chinese. Made once, on first use.
[[nodiscard]] const std::vector<Pattern>& patterns();
/// Words of a text that writes about attacks instead of making one.
[[nodiscard]] const QRegularExpression& aboutAttacks();
/// Words that address an agent.
[[nodiscard]] const QRegularExpression& aboutAgents();

} // namespace sb::packages
