#pragma once

namespace sb::helper {

/// Landlock's version in this kernel, 0 without.
int landlockVersion();

struct Reach
{
    const char* workspace = nullptr;
    bool workspaceReadOnly = false;
    bool ownServers = true; ///< may connect to any port of its own loopback, not only to the door
};

/// Allows writing only below the workspace (unless it is read-only), /tmp and /dev/shm, and to
/// devices; everything that the mounts show stays readable. From version 4 on it also limits which
/// ports may be connected to. Mounts and namespaces say so already: this holds when one has a hole.
/// False with errno.
bool restrictReach(int version, const Reach& reach);

} // namespace sb::helper
