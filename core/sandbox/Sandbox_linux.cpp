#include "core/base/Defence.h"
#include "core/sandbox/Environment.h"
#include "core/sandbox/Folders.h"
#include "core/sandbox/Launcher_linux.h"
#include "core/sandbox/Launches_linux.h"
#include "core/sandbox/Sandbox.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QProcess>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <mutex>

namespace sb::sandbox {

using namespace Qt::StringLiterals;

namespace {

QByteArray fileText(const QString& path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.read(4096).trimmed() : QByteArray();
}

// "bubblewrap 0.11.0" → "0.11.0"; empty when the program is no bubblewrap.
QString bubblewrapVersion(const QString& program)
{
    QProcess process;
    process.start(program, {u"--version"_s});
    if (!process.waitForFinished(5000) || process.exitCode() != 0) {
        return {};
    }
    const auto words = QString::fromUtf8(process.readAllStandardOutput()).trimmed().split(u' ');
    return words.size() == 2 && words[0] == u"bubblewrap"_s ? words[1] : QString();
}

// What stands behind bubblewrap's refusal, and what a person can do about it.
QString explained(const QString& words, bool root)
{
    if (root) {
        return words; // those switches are about everybody else
    }
    if (fileText(u"/proc/sys/kernel/apparmor_restrict_unprivileged_userns"_s) == "1") {
        return u"This system's AppArmor does not let bubblewrap make user namespaces. Allow it "
               u"with: "
               "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"_s;
    }
    if (fileText(u"/proc/sys/kernel/unprivileged_userns_clone"_s) == "0") {
        return u"This system forbids user namespaces. Allow them with: "
               "sudo sysctl -w kernel.unprivileged_userns_clone=1"_s;
    }
    if (fileText(u"/proc/sys/user/max_user_namespaces"_s) == "0") {
        return u"This system forbids user namespaces. Allow them with: "
               "sudo sysctl -w user.max_user_namespaces=10000"_s;
    }
    return words;
}

} // namespace

struct Sandbox::Private
{
    Settings settings;
    HiddenPaths hidden;
    Host host = probeHost();
    std::optional<QString> groups =
        controlGroupParent(u"/sys/fs/cgroup"_s, fileText(u"/proc/self/cgroup"_s));
    QString helper; ///< resolved
    std::optional<FileIdentity> helperIdentity;
    QString bubblewrap; ///< absolute; set by the probe
    std::once_flag probed;
    Capabilities capabilities;
    Launches launches; ///< last, so that it goes first

    Private(Settings given, Clock& clock)
        : settings(std::move(given))
        , hidden(settings.hidden)
        , helper(QFileInfo(settings.helper).canonicalFilePath())
        , helperIdentity(fileIdentity(helper))
        , launches(clock)
    {
    }

    Result<Host> hostFor(const QString& workspace) const
    {
        Host result = host;
        result.helper = helper;
        SB_TRY(result.hidden, hidden.within(workspace));
        if (!defended("sandbox.data-folders-hidden")) {
            result.hidden.clear();
        }
        return result;
    }
    Future<LaunchReport> start(const LaunchPlan& plan,
                               const Host& where,
                               std::function<void(const QString&)> output,
                               std::stop_token stop,
                               std::function<void(int)> door = {},
                               std::function<Milliseconds()> excused = {},
                               Screen screen = {})
    {
        const auto files = etcFiles(plan, Contents::Read);
        QList<QByteArray> contents;
        for (const auto& file : files) {
            contents << file.content;
        }
        return launches.start({{bubblewrap,
                                nulTerminated(launcherArguments(plan, where, files)),
                                helperParameters(plan, where),
                                plan.standardInput,
                                std::move(contents),
                                plan.environment},
                               plan.limits,
                               std::move(output),
                               std::move(stop),
                               groups ? ControlGroup::make(*groups, plan.limits) : nullptr,
                               std::move(door),
                               std::move(excused),
                               std::move(screen)});
    }
    void probe();
    Result<> tryOnce();
};

void Sandbox::Private::probe()
{
    bubblewrap = QStandardPaths::findExecutable(settings.bubblewrap);
    if (bubblewrap.isEmpty()) {
        capabilities.problem =
            u"Commands run only inside a sandbox, and bubblewrap is missing. Install it: apt-get install bubblewrap"_s;
        return;
    }
    capabilities.bubblewrap = bubblewrapVersion(bubblewrap);
    if (!QFileInfo(settings.helper).isExecutable()) {
        capabilities.problem =
            u"Commands run only inside a sandbox, and its helper %1 is missing. Install Signalbox again."_s
                .arg(settings.helper);
        return;
    }
    auto tried = tryOnce();
    if (!tried && groups) {
        groups.reset(); // then without
        tried = tryOnce();
    }
    capabilities.cgroup = groups.has_value();
    if (!tried) {
        capabilities.problem =
            u"Commands run only inside a sandbox, and this machine refuses one. "_s +
            explained(tried.error().message, host.root);
        return;
    }
    capabilities.usable = true;
}

Result<> Sandbox::Private::tryOnce()
{
    const QTemporaryDir folder;
    const auto path = QFileInfo(folder.path()).canonicalFilePath();
    LaunchPlan plan;
    plan.argv = {u"true"_s};
    plan.workspace = plan.cwd = path;
    SB_TRY(plan.environment, rebuiltEnvironment(path, {}, Network::None));
    SB_TRY(const auto where, hostFor(path));
    SB_TRY(const auto report, start(plan, where, {}, {}).wait());
    if (report.outcome.exitCode != 0) {
        return fail(ErrorCode::Unsupported,
                    u"A trial command failed inside it: %1"_s.arg(report.outcome.output.trimmed()));
    }
    capabilities.landlock = report.landlock > 0;
    capabilities.pidsCapped = report.pidsCapped;
    if (!report.pidsCapped && host.root) {
        capabilities.remark =
            u"The number of processes is watched, not capped: that needs Linux 6.14, or a user other than root."_s;
    }
    return {};
}

Sandbox::Sandbox(Settings settings, Clock& clock)
    : m(std::make_unique<Private>(std::move(settings), clock))
{
}

Sandbox::~Sandbox() = default;

const Capabilities& Sandbox::capabilities()
{
    std::call_once(m->probed, [this] { m->probe(); });
    return m->capabilities;
}

Result<QString> Sandbox::ground(const QString& workspace) const
{
    SB_TRY(const QString resolved, checkedWorkspace(workspace));
    const auto covers = [&](const QString& folder) {
        const QString there = QFileInfo(folder).canonicalFilePath();
        return !there.isEmpty() && liesIn(resolved, there);
    };
    if (std::ranges::any_of(m->settings.hidden, covers) &&
        std::ranges::none_of(m->settings.open, covers)) {
        return fail(ErrorCode::Forbidden,
                    u"The workspace %1 lies in Signalbox's own data; choose another folder."_s.arg(
                        resolved));
    }
    SB_TRY(const QStringList own, m->hidden.within(resolved));
    if (!own.isEmpty()) {
        return fail(
            ErrorCode::Forbidden,
            u"The workspace %1 contains Signalbox's own folder %2; choose a folder beside it."_s
                .arg(resolved, own.first()));
    }
    return resolved;
}

Result<LaunchPlan> Sandbox::plan(const LaunchRequest& request)
{
    SB_CHECK(checkedArguments(request.argv));
    SB_CHECK(checkedLimits(request.limits));
    LaunchPlan plan;
    SB_TRY(plan.workspace, checkedWorkspace(request.workspace));
    SB_TRY(plan.cwd, checkedCwd(request.cwd, plan.workspace));
    SB_TRY(plan.environment,
           rebuiltEnvironment(plan.workspace,
                              request.environment,
                              request.network ? Network::Door : Network::None));
    plan.argv = request.argv;
    plan.standardInput = request.standardInput;
    plan.workspaceReadOnly = request.workspaceReadOnly;
    plan.network = request.network;
    plan.ownServers = request.ownServers;
    plan.limits = request.limits;
    SB_TRY(const auto host, m->hostFor(plan.workspace));
    plan.launcher = launcherArguments(plan, host, etcFiles(plan, Contents::Leave));
    return plan;
}

Future<Outcome> Sandbox::launch(LaunchPlan plan,
                                std::function<void(const QString&)> output,
                                std::stop_token stop,
                                std::function<void(int)> door,
                                std::function<Milliseconds()> excused,
                                Screen screen)
{
    if (!capabilities().usable) {
        return Future<Outcome>::ready(fail(ErrorCode::Unsupported, m->capabilities.problem));
    }
    // The folders may have changed since somebody approved this; the arguments are made anew from
    // what the hash covers.
    const auto check = [&]() -> Result<Host> {
        SB_CHECK(checkedArguments(plan.argv));
        SB_TRY(const auto workspace, checkedWorkspace(plan.workspace));
        SB_TRY(const auto cwd, checkedCwd(plan.cwd, workspace));
        if ((workspace != plan.workspace || cwd != plan.cwd) &&
            defended("sandbox.folders-checked-again")) {
            return fail(
                ErrorCode::Conflict,
                u"The folder %1 is no longer the one that was planned for."_s.arg(plan.cwd));
        }
        return m->hostFor(workspace);
    };
    if (fileIdentity(m->helper) != m->helperIdentity && defended("sandbox.helper-identity")) {
        // An update, or a command in a workspace around it. What confines commands must be what we
        // started with.
        return Future<Outcome>::ready(
            fail(ErrorCode::Unavailable,
                 u"The sandbox's helper %1 was replaced; restart Signalbox."_s.arg(m->helper)));
    }
    auto host = check();
    if (!host) {
        return Future<Outcome>::ready(std::unexpected(std::move(host).error()));
    }
    Promise<Outcome> promise;
    auto future = promise.future();
    m->start(plan,
             *host,
             std::move(output),
             std::move(stop),
             std::move(door),
             std::move(excused),
             std::move(screen))
        .then([promise = std::move(promise)](Result<LaunchReport> report) {
            if (!report) {
                promise.set(std::unexpected(std::move(report).error()));
                return;
            }
            promise.set(std::move(report->outcome));
        });
    return future;
}

} // namespace sb::sandbox
