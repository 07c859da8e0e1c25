#pragma once
#include "core/policy/Policy.h"

namespace sb::policy {

/// Why labels ask or forbid, in one sentence for a person, with where the value came from.
[[nodiscard]] QString reasonOf(const TaintVerdict& verdict, const Action& action);

} // namespace sb::policy
