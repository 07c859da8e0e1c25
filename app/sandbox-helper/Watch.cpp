#include "app/sandbox-helper/Watch.h"

#include <algorithm>
#include <ctime>

namespace sb::helper {

using sandbox::helper::Excess;

namespace {

constexpr std::uint64_t FirstMs = 100;          // most commands have ended by then
constexpr std::uint64_t BytesPerMs = 4'000'000; // about as fast as memory can be filled

std::int64_t nowNs(clockid_t clock)
{
    timespec time{};
    clock_gettime(clock, &time);
    return std::int64_t(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

std::int64_t nowMs()
{
    return nowNs(CLOCK_MONOTONIC) / 1'000'000;
}

} // namespace

Watch::Watch(const Parameters& parameters, bool pidsCapped)
    : m_limits(parameters.limits)
    , m_workspace(parameters.readOnly ? nullptr : parameters.workspace)
    , m_longest(pidsCapped ? 500 : FirstMs)
    , m_next(nowMs() + std::int64_t(FirstMs))
{
    if (m_workspace) {
        const auto space = diskSpace(m_workspace);
        // On a disk that is nearly full already, a command may use half of what is left.
        m_reserve.bytes =
            space.bytes > m_limits.diskReserveBytes ? m_limits.diskReserveBytes : space.bytes / 2;
        m_reserve.files = space.files / 10;
        m_freeAtStart = space.bytes;
        // Files carry the time of the last tick, which is a little behind.
        m_startNs = nowNs(CLOCK_REALTIME_COARSE);
    }
}

int Watch::waitMs() const
{
    const auto left = m_next - nowMs();
    return left > 0 ? int(left) : 0;
}

std::optional<Excess> Watch::lookWhenDue()
{
    if (nowMs() < m_next) {
        return std::nullopt;
    }
    std::uint64_t room = UINT64_MAX;
    const auto excess = look(room);
    m_next = nowMs() + std::int64_t(std::clamp<std::uint64_t>(room / BytesPerMs, 50, m_longest));
    return excess;
}

std::optional<Excess> Watch::look(std::uint64_t& room) const
{
    const auto usage = measure(m_limits.totalMemoryBytes);
    if (usage.memoryBytes > m_limits.totalMemoryBytes && defended("sandbox.total-memory")) {
        return Excess::Memory;
    }
    if (usage.processes > m_limits.processes + sandbox::helper::ReservedPids &&
        defended("sandbox.process-cap")) {
        return Excess::Processes;
    }
    // The kernel limits each process; many of them one after the other are many times that.
    if (usage.cpuSeconds > m_limits.cpuSeconds && m_limits.cpuSeconds > 0 &&
        defended("sandbox.cpu-time-together")) {
        return Excess::Cpu;
    }
    room = m_limits.totalMemoryBytes - std::min(usage.memoryBytes, m_limits.totalMemoryBytes);
    return m_workspace ? lookAtDisk(room) : std::nullopt;
}

std::optional<Excess> Watch::lookAtDisk(std::uint64_t& room) const
{
    const auto space = diskSpace(m_workspace);
    if ((space.bytes < m_reserve.bytes || space.files < m_reserve.files) &&
        defended("sandbox.disk-reserve")) {
        return Excess::Disk;
    }
    room = std::min(room, space.bytes - std::min(space.bytes, m_reserve.bytes));
    // The disk's own count costs nothing, but others write there too: only when it has shrunk by
    // more than the quota are the files themselves looked at.
    const auto taken = m_freeAtStart - std::min(space.bytes, m_freeAtStart);
    if (taken > m_limits.workspaceBytes && defended("sandbox.workspace-quota") &&
        addedBytes(m_workspace, m_startNs) > m_limits.workspaceBytes) {
        return Excess::Quota;
    }
    room = std::min(room, m_limits.workspaceBytes - std::min(taken, m_limits.workspaceBytes));
    return std::nullopt;
}

} // namespace sb::helper
