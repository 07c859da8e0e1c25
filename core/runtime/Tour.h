#pragma once
#include "core/git/Library.h"
#include "core/runtime/Home.h"
#include "core/runtime/Models.h"

namespace sb::runtime {

/// The agent of the bundled tour: it needs no configuration, and lives inside the home's data.
QString tourAgentId();
/// Where it works; inside the home's data, so that it needs no folder of the user's.
QString tourWorkspace(const Home& home);
/// What the newcomer's message says.
QString tourTask();

struct TourParts
{
    config::Agent agent;
    std::shared_ptr<Models> models; ///< the recorded model
};
/// The tour's agent with its rules, and the recorded model that plays it.
Result<TourParts> makeTour(const Home& home, Executor& network, Clock& clock);
/// Lays the tour's repository afresh: a small program with a failing test, one commit.
Result<> resetTour(const Home& home, git::Library& library);

} // namespace sb::runtime
