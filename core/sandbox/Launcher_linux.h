#pragma once
#include "core/sandbox/Sandbox.h"

namespace sb::sandbox {

/// What the machine, rather than the request, puts into a launch.
struct Host
{
    QString helper;     ///< resolved
    QStringList hidden; ///< resolved folders and files inside the workspace that must not be seen
    bool root =
        false; ///< we are the machine's root: files of /proc that only root may open are open to us
    bool landlock = false;
    bool pidMax = false; ///< the kernel has a pid_max for each pid namespace
};

/// The host as it is, but for `helper` and `hidden`.
Host probeHost();

/// bubblewrap's arguments: namespaces, mounts, folder. Pure but for looking which system folders
/// and files exist.
QStringList launcherArguments(const LaunchPlan& plan, const Host& host);

/// What the helper reads: limits, then the command.
QByteArray helperParameters(const LaunchPlan& plan, const Host& host);

/// The strings as the kernel's interfaces like them: each ends with NUL.
QByteArray nulTerminated(const QStringList& strings);

} // namespace sb::sandbox
