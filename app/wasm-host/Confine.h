#pragma once
#include <cstdint>

namespace sb::wasmhost {

/// Before threads are started: no new rights, resource limits (memory: what is in use now, and so
/// many bytes more), no core files, no file and no port through Landlock. Returns Landlock's
/// version, 0 without, -1 with errno when a step failed.
int confineProcess(std::uint64_t memoryBytes);

/// After threads are started, for all of them: only the system calls that computing needs. Any
/// other ends the process. False with errno.
bool confineSystemCalls();

} // namespace sb::wasmhost
