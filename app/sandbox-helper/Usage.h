#pragma once
#include <cstdint>

namespace sb::helper {

struct Usage
{
    std::uint64_t memoryBytes = 0; ///< exact only when it is near or above the limit that was given
    std::uint64_t processes = 0;
    std::uint64_t cpuSeconds = 0; ///< of those that live, and of all that were buried here
};

/// What all processes of this namespace but process 1 hold together. First by a quick sum that
/// counts shared pages many times; only when that is above the limit by the kernel's proportional
/// sizes, which take longer.
Usage measure(std::uint64_t memoryLimit);

struct DiskSpace
{
    std::uint64_t bytes = 0;
    std::uint64_t files = 0; ///< how many more there can be
};

/// What is free on the disk of this folder for somebody without privileges. All there can be where
/// it can't be told.
DiskSpace diskSpace(const char* folder);

/// About what commands have added below this folder since `since` (nanoseconds of the real-time
/// clock), as far as it can be seen: the files that were changed after that, and deleted ones that
/// a process still holds open. UINT64_MAX where a folder hides what it holds, or holds too much to
/// look through.
std::uint64_t addedBytes(const char* folder, std::int64_t since);

} // namespace sb::helper
