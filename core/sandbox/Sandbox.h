#pragma once
#include "core/base/Clock.h"
#include "core/base/Future.h"
#include "core/base/Result.h"

#include <QMap>
#include <QString>
#include <QStringList>
#include <functional>
#include <stop_token>

namespace sb::sandbox {

struct Limits
{
    Milliseconds wall{60'000};
    qint64 memoryBytes = qint64(2) << 30; ///< private memory of each process
    qint64 totalMemoryBytes =
        qint64(8) << 30; ///< of all processes together; watched, so a little more for a moment
    qint64 fileBytes = qint64(1) << 30;        ///< largest file
    qint64 diskReserveBytes = qint64(1) << 30; ///< left free on the workspace's disk; watched
    qint64 workspaceBytes = qint64(4) << 30;   ///< what it may add to the workspace; watched
    int processes = 256;
    int openFiles = 1024;
    qint64 tmpBytes = qint64(256) << 20; ///< /tmp and /dev/shm, each
    qint64 outputBytes = 64 << 10;       ///< kept of what it prints: head and tail
    int cpuSeconds = 600;                ///< of each process; of all together watched
};

/// What a tool wants to run.
struct LaunchRequest
{
    QStringList argv;                     ///< argv[0] is looked up in the sandbox's PATH
    QString workspace;                    ///< absolute; the only writable folder
    QString cwd;                          ///< absolute, inside the workspace
    QMap<QString, QString> environment{}; ///< explicit extras; never the caller's environment
    QByteArray standardInput{};
    bool workspaceReadOnly = false;
    bool network = false;   ///< through the door alone, see Sandbox::launch
    bool ownServers = true; ///< may connect to servers that it starts itself on its own loopback;
                            ///< without, Landlock (version 4) leaves the door's port alone
    Limits limits{};
};

/// Exactly what will be started. Its hash is what an approval binds to.
struct LaunchPlan
{
    QStringList argv; ///< inside the sandbox
    QString workspace;
    QString cwd;
    QMap<QString, QString> environment; ///< the whole rebuilt environment
    QByteArray standardInput;
    bool workspaceReadOnly = false;
    bool network = false;
    bool ownServers = true;
    Limits limits;
    QStringList launcher; ///< bubblewrap's own arguments (handed over by a file descriptor)
    /// SHA-256, hex, over argv, folders, environment, standard input, network and limits.
    [[nodiscard]] QString hash() const;
};

/// A system call that the filter refused.
struct RefusedCall
{
    QString call; ///< the kernel's name
    int count = 0;
    int pid = 0; ///< of the first process that tried, by its number inside
    QString program;
    bool operator==(const RefusedCall&) const = default;
};

struct Outcome
{
    int exitCode = -1; ///< -1 when it ended by a signal or was killed
    int signal = 0;
    bool timedOut = false;
    bool cancelled = false;
    QString output; ///< stdout and stderr as they came, UTF-8, escapes made harmless, capped to
                    ///< head and tail
    qint64 outputBytes = 0; ///< printed in all
    qint64 durationMs = 0;
    QList<RefusedCall> refusedCalls; ///< each name once, in no special order
};

/// Stands between a command and everybody who reads its output; called on an inner thread, a last
/// time with nothing when the output `ends`.
using Screen = std::function<QByteArray(QByteArrayView bytes, bool ends)>;

/// What this machine can enforce, found by trying.
struct Capabilities
{
    bool usable = false;
    QString problem; ///< why not, and how to get it: one or two sentences
    bool landlock = false;
    bool cgroup = false;     ///< a control group of ours holds memory, processes and CPU
    bool pidsCapped = false; ///< the number of processes is capped for any user, root included
    QString remark;          ///< what is weaker here than it could be; may be empty
    QString bubblewrap;      ///< its version
};

/// Linux: bubblewrap, then our helper, then the command. Refuses where it cannot contain.
class Sandbox
{
public:
    struct Settings
    {
        QString helper;     ///< path of signalbox-sandbox-helper
        QString bubblewrap; ///< path or name
        QStringList hidden; ///< folders that stay absent even if a workspace lies around them: the
                            ///< data folders
        QStringList open{}; ///< folders in those that may be a workspace all the same: the tour's
    };
    explicit Sandbox(Settings settings, Clock& clock);
    ~Sandbox();

    /// Tries once and remembers. Blocks for some milliseconds the first time.
    const Capabilities& capabilities();

    Result<LaunchPlan> plan(const LaunchRequest& request);

    /// The workspace with links resolved, for tools that start no program as well. NotFound, or
    /// Forbidden for a folder of the system, one around the user's home or around Signalbox's own
    /// folders: whoever could move those could put others in their place.
    [[nodiscard]] Result<QString> ground(const QString& workspace) const;

    /// Starts the plan; `output` gets text as it comes (escapes made harmless, on an inner thread).
    /// The answer comes when the whole process group is gone: ended, timed out, or cancelled
    /// through stop. Unsupported where there is no sandbox.
    ///
    /// A plan with network has one way out: inside, 127.0.0.1:3128 listens, and `door` gets that
    /// listening TCP socket (once, on an inner thread, before the command starts; the callee owns
    /// it and closes it when the launch has ended). Whoever accepts there talks to the command.
    /// Without a door the socket is closed and nobody answers. `excused` tells how much of the time
    /// so far does not count for the wall limit (a person was asked); called on an inner thread.
    ///
    /// `screen` gets every byte that is printed, in order and before anything is left out, and
    /// gives what of it may be kept and shown.
    Future<Outcome> launch(LaunchPlan plan,
                           std::function<void(const QString&)> output,
                           std::stop_token stop,
                           std::function<void(int listeningFd)> door = {},
                           std::function<Milliseconds()> excused = {},
                           Screen screen = {});

private:
    struct Private;
    std::unique_ptr<Private> m;
};

/// Makes terminal escapes, control and bidirectional characters visible, so that captured output
/// cannot move a cursor, set a title, or make text read differently from what it is. Newline and
/// tab stay. Holds state across chunks (UTF-8 and escapes cut in two).
class OutputFilter
{
public:
    QString filter(QByteArrayView bytes);
    QString finish();

private:
    QByteArray m_rest;
    int m_state = 0;
};

} // namespace sb::sandbox
