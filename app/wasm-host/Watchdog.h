#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>

namespace sb::wasmhost {

/// Calls `bite` on a thread of its own when an armed deadline passes. Arming and disarming are a
/// lock and nothing else as long as deadlines come in order, so a short call costs no wake.
class Watchdog
{
public:
    using Time = std::chrono::steady_clock::time_point;

    explicit Watchdog(std::function<void()> bite);

    void arm(Time deadline);
    /// True when it has bitten since it was armed.
    bool disarm();

private:
    void run();

    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::function<void()> m_bite;
    Time m_deadline = Time::max();
    Time m_sleepsUntil = Time::max();
    bool m_bitten = false;
};

} // namespace sb::wasmhost
