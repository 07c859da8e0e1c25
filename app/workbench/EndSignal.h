#pragma once
#include <functional>

namespace sb::workbench {

/// The session or a person asks the program to end: SIGTERM, SIGINT, SIGHUP. Made before everything
/// else, because a thread that is there already would take the signals.
class EndSignal
{
public:
    EndSignal();
    ~EndSignal();
    EndSignal(const EndSignal&) = delete;
    EndSignal& operator=(const EndSignal&) = delete;

    /// Calls back on this thread, which has an event loop by now.
    void listen(std::function<void()> ended);

private:
    int m_descriptor = -1;
};

} // namespace sb::workbench
