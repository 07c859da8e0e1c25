#pragma once
#include "core/packages/Folded.h"
#include "core/packages/Injection.h"

namespace sb::packages {

struct ConceptHit
{
    FindingKind kind;
    qsizetype start; ///< in the folded text
    qsizetype end;
};

/// What no list of phrases foresees: sentences that bring together things which honest text seldom
/// does, such as orders that are void and this page that is to be obeyed instead, or a greeting to
/// an agent and a command to run.
[[nodiscard]] QList<ConceptHit> conceptsIn(const QString& folded);

} // namespace sb::packages
