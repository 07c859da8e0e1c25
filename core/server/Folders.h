#pragma once
#include "core/base/Result.h"

namespace sb::server {

/// Makes the folder (0700) if it is missing, takes others' rights away if it is ours, and refuses
/// it otherwise.
Result<> ensurePrivateFolder(const QString& path);

/// "%1: reason of errno." as an Io (or DiskFull) error.
std::unexpected<Error> systemFailure(const QString& sentence, int code, const QString& context);

/// Where a runtime's control socket lies: DIR/run/control.sock, or, because a socket's path may
/// have 107 bytes only, a short name made from it in a folder of the user's own under
/// XDG_RUNTIME_DIR or /tmp.
QString socketPathFor(const QString& runDir);

} // namespace sb::server
