#pragma once
#include "app/sandbox-helper/Parameters.h"
#include "app/sandbox-helper/Usage.h"
#include "core/sandbox/HelperProtocol.h"

#include <optional>

namespace sb::helper {

/// Looks after what no limit of the kernel holds without a control group or a quota: memory and
/// number of all processes together, the room on the workspace's disk, and how much of it this
/// command takes.
class Watch
{
public:
    Watch(const Parameters& parameters, bool pidsCapped);

    /// Until the next look is due.
    [[nodiscard]] int waitMs() const;
    /// What is exceeded, when it is time to look and something is. A busy sandbox wakes us all the
    /// time; the clock decides, not the silence.
    [[nodiscard]] std::optional<sandbox::helper::Excess> lookWhenDue();

private:
    std::optional<sandbox::helper::Excess> look(std::uint64_t& room) const;
    std::optional<sandbox::helper::Excess> lookAtDisk(std::uint64_t& room) const;

    const Limits m_limits;
    const char* m_workspace; ///< null when nothing can be written there
    DiskSpace m_reserve;
    std::uint64_t m_freeAtStart = 0;
    std::int64_t m_startNs = 0;
    const std::uint64_t m_longest;
    std::int64_t m_next = 0;
};

} // namespace sb::helper
