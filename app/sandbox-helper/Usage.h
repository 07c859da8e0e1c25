#pragma once
#include <cstdint>

namespace sb::helper {

struct Usage
{
    std::uint64_t memoryBytes = 0; ///< exact only when it is near or above the limit that was given
    std::uint64_t processes = 0;
};

/// What all processes of this namespace but process 1 hold together. First by a quick sum that
/// counts shared pages many times; only when that is above the limit by the kernel's proportional
/// sizes, which take longer.
Usage measure(std::uint64_t memoryLimit);

} // namespace sb::helper
