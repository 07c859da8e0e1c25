#include "core/base/Defence.h"

#ifdef SB_SWITCHABLE_DEFENCES

#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>

namespace sb {

namespace {

struct Off
{
    std::mutex mutex;
    std::string names;
};

Off& off()
{
    // Test builds only. What was switched off may be asked for by threads that outlive main().
    static Off* const switched = [] {
        auto* made = new Off;
        const char* given = std::getenv("SB_DEFENCES_OFF");
        made->names = given != nullptr ? given : "";
        return made;
    }();
    return *switched;
}

} // namespace

bool defended(const char* name)
{
    Off& switched = off();
    const std::scoped_lock lock(switched.mutex);
    std::string_view left = switched.names;
    while (!left.empty()) {
        const auto end = left.find(',');
        if (left.substr(0, end) == name) {
            return false;
        }
        left = end == std::string_view::npos ? std::string_view() : left.substr(end + 1);
    }
    return true;
}

void setDefencesOff(const char* names)
{
    Off& switched = off();
    const std::scoped_lock lock(switched.mutex);
    switched.names = names;
}

const char* defencesOff()
{
    Off& switched = off();
    const std::scoped_lock lock(switched.mutex);
    return switched.names.c_str();
}

} // namespace sb

#endif
