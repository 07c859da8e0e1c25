#include "core/memory/Memories.h"

#include <array>
#include <cmath>

namespace sb::memory {

namespace {

// In days, in the order of the types; 0: it does not age.
constexpr std::array halfLives{0.0, 180.0, 365.0, 180.0, 60.0, 180.0, 120.0, 30.0, 14.0};
constexpr double usPerDay = 24.0 * 3600 * 1'000'000;

} // namespace

double weightAt(const protocol::MemoryInfo& memory, TimeUs now)
{
    const double halfLife = halfLives[size_t(memory.type)];
    if (halfLife == 0 || memory.isPinned) {
        return memory.importance;
    }
    const TimeUs since = std::max(memory.knownFrom, memory.accessedAt);
    const double days = double(std::max<TimeUs>(0, now - since)) / usPerDay;
    return memory.importance * std::exp2(-days / halfLife);
}

} // namespace sb::memory
