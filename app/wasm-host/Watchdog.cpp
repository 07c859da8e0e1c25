#include "app/wasm-host/Watchdog.h"

#include <latch>
#include <thread>

namespace sb::wasmhost {

Watchdog::Watchdog(std::function<void()> bite) : m_bite(std::move(bite))
{
    // The process ends by _exit and never before, so nobody joins it. It must have started before
    // system calls are filtered: a thread that starts makes some that are never needed again.
    std::latch started(1);
    std::thread([this, &started] {
        started.count_down();
        run();
    }).detach();
    started.wait();
}

void Watchdog::arm(Time deadline)
{
    const std::scoped_lock lock(m_mutex);
    m_deadline = deadline;
    m_bitten = false;
    if (deadline < m_sleepsUntil) {
        m_changed.notify_one();
    }
}

bool Watchdog::disarm()
{
    const std::scoped_lock lock(m_mutex);
    m_deadline = Time::max();
    return m_bitten;
}

void Watchdog::run()
{
    std::unique_lock lock(m_mutex);
    for (;;) {
        const auto now = std::chrono::steady_clock::now();
        if (m_deadline <= now) {
            // Under the lock: once disarm() has returned, it can bite no other call.
            m_bitten = true;
            m_deadline = Time::max();
            m_bite();
        }
        m_sleepsUntil = m_deadline;
        if (m_deadline == Time::max()) {
            m_changed.wait(lock);
        } else {
            m_changed.wait_until(lock, m_deadline);
        }
    }
}

} // namespace sb::wasmhost
