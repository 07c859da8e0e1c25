#pragma once

namespace sb::helper {

/// Puts the filter of system calls on this process and all that it will start: an allow-list by
/// class. Everything else is refused, and told to whoever holds the listener; the call waits for
/// that answer, with ENOSYS when nobody is left to give one. Returns the listener; -1 where this
/// kernel (or a listener around us) has none and calls are refused untold; -2 with errno when there
/// is no filter at all. Must come last.
int restrictSystemCalls();

/// What a refused call is answered: EPERM for those of today, ENOSYS for those that came after this
/// was written, so that programs take their older way.
int refusal(int call);

} // namespace sb::helper
