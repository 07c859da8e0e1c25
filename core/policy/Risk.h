#pragma once
#include "core/policy/Policy.h"
#include "core/policy/Shell.h"

namespace sb::policy {

struct RiskEstimate
{
    protocol::Risk risk = protocol::Risk::Low;
    QStringList reasons; ///< whole sentences, the gravest first
};

/// How much is at stake, from what is known about programs and files. `line` is read for shell
/// only.
[[nodiscard]] RiskEstimate
estimateRisk(const Action& action, const ShellLine& line, const ShellReach& reach);

} // namespace sb::policy
