#pragma once

namespace sb::helper {

/// Landlock's version in this kernel, 0 without.
int landlockVersion();

/// Allows writing only below the workspace (unless it is read-only), /tmp and /dev/shm, and to
/// devices; everything that the mounts show stays readable. The mounts say so already: this holds
/// when a mount has a hole. False with errno.
bool restrictFiles(int version, const char* workspace, bool workspaceReadOnly);

/// Forbids the system calls that a command has no business with. Must come last. False with errno.
bool restrictSystemCalls();

} // namespace sb::helper
