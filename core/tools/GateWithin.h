#pragma once
#include "core/tools/Gate.h"

namespace sb::tools {

/// A call whose tool runs, for what that tool asks for itself. It lives on the agent's executor.
struct Gate::UnderWay
{
    UnderWay(Call call_, CallObserver observer_, std::stop_token outer)
        : call(std::move(call_))
        , observer(std::move(observer_))
        , link(std::move(outer), [this] { stop.request_stop(); })
    {
    }

    Call call; ///< its labels grow with what the tool reads
    CallObserver observer;
    std::stop_source stop; ///< when the call is cancelled, and when it has ended
    std::stop_callback<std::function<void()>> link;
    QList<taint::Source> read;
    int running = 0;
    std::optional<Promise<>> idle; ///< somebody waits until nothing runs
};

} // namespace sb::tools
