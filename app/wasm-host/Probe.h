#pragma once

namespace sb::wasmhost {

/// Tries what a guest that had broken out of the engine would try, in a process that is confined
/// already. Returns 0 when it succeeded and 1 when it was refused; the filter of system calls ends
/// the process instead. 2 for a name that there is not.
int probe(const char* name);

} // namespace sb::wasmhost
