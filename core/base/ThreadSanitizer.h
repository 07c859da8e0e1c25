#pragma once
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#include <sanitizer/tsan_interface.h>
#define SB_THREAD_SANITIZER 1
#endif
#endif

/// ThreadSanitizer follows std::mutex and its like, but not what happens inside Qt, which is not
/// instrumented. Where work is handed over by means of Qt alone, these two tell it: what happened
/// before handOver(place) happened before whatever comes after takeOver(place). They are nothing in
/// other builds.
namespace sb::tsan {

inline void handOver([[maybe_unused]] void* place)
{
#ifdef SB_THREAD_SANITIZER
    __tsan_release(place);
#endif
}

inline void takeOver([[maybe_unused]] void* place)
{
#ifdef SB_THREAD_SANITIZER
    __tsan_acquire(place);
#endif
}

} // namespace sb::tsan
