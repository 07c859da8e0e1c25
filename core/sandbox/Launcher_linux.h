#pragma once
#include "core/sandbox/Sandbox.h"

#include <vector>

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

/// A small file of the sandbox's /etc, handed over by a descriptor: copying one costs a tenth of
/// mounting it.
struct EtcFile
{
    QString path;
    QByteArray content;
};

enum class Contents : quint8 { Read, Leave };

/// What /etc consists of beside a few mounted folders: users, groups and hosts made up, the rest
/// read here and now (a plan needs only the names).
std::vector<EtcFile> etcFiles(const LaunchPlan& plan, Contents contents);

/// bubblewrap's arguments: namespaces, mounts, folder. Pure but for looking which system folders
/// exist.
QStringList
launcherArguments(const LaunchPlan& plan, const Host& host, const std::vector<EtcFile>& files);

/// What the helper reads: limits, then the command.
QByteArray helperParameters(const LaunchPlan& plan, const Host& host);

/// The strings as the kernel's interfaces like them: each ends with NUL.
QByteArray nulTerminated(const QStringList& strings);

} // namespace sb::sandbox
