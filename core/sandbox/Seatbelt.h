#pragma once
#include "core/sandbox/Sandbox.h"

namespace sb::sandbox {

/// What the machine adds on macOS.
struct SeatbeltHost
{
    QStringList hidden; ///< resolved folders and files inside the workspace that must not be seen
    QString temporary;  ///< the launch's own folder for temporary files; absolute
};

/// The profile for sandbox-exec that confines this plan: everything is denied but what is named,
/// namely reading the system's programs and libraries, the workspace, its own temporary folder, and
/// the proxy's port where the plan has network. Plain data: made by the same code on every system.
/// InvalidInput for a path that is not absolute, or that no profile can spell (NUL, line ends).
Result<QString> seatbeltProfile(const LaunchPlan& plan, const SeatbeltHost& host);

/// The words to start: sandbox-exec, the profile, then the plan's command. The profile goes along
/// in full, for a file of it could be swapped.
Result<QStringList> seatbeltCommand(const LaunchPlan& plan, const SeatbeltHost& host);

} // namespace sb::sandbox
