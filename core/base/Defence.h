#pragma once

/// Single defences, each by a name, so that a test can show that an attack is stopped by this one
/// and by nothing else: switched off, the attack must succeed. Only the sanitizer build can switch
/// them (SB_SWITCHABLE_DEFENCES); in every other build they are constants and leave no code behind.
namespace sb {

#ifdef SB_SWITCHABLE_DEFENCES

/// False when the name stands in what setDefencesOff() was told last, at first in the environment
/// variable SB_DEFENCES_OFF: names with commas between them.
[[nodiscard]] bool defended(const char* name);
void setDefencesOff(const char* names);
/// What is switched off, for programs that are started with an environment of their own.
[[nodiscard]] const char* defencesOff();

#else

[[nodiscard]] constexpr bool defended(const char*)
{
    return true;
}

#endif

} // namespace sb
