#pragma once

namespace sb::helper {

/// A socket that listens on the door's port of this network namespace's own loopback. -1 with
/// errno.
int openDoor();

} // namespace sb::helper
