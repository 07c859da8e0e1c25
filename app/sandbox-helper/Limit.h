#pragma once
#include <cstdint>

namespace sb::helper {

struct Limits
{
    std::uint64_t memoryBytes = 0; ///< of one process; 0 is no limit, here and below
    std::uint64_t totalMemoryBytes = 0;
    std::uint64_t fileBytes = 0;
    std::uint64_t diskReserveBytes = 0;
    std::uint64_t workspaceBytes = 0; ///< what may be added to the workspace
    std::uint64_t processes = 0;
    std::uint64_t openFiles = 0;
    std::uint64_t cpuSeconds = 0;
};

/// Sets the resource limits, hard as well as soft, on this process and all that it will start.
/// False with errno.
bool applyLimits(const Limits& limits);

/// Caps the numbers of the pid namespace, which binds root too. False where the kernel has no such
/// cap.
bool capPids(std::uint64_t processes);

/// Makes the kernel choose us and ours first when memory runs out.
void volunteerForOom();

} // namespace sb::helper
