#include "core/sandbox/Descriptor.h"
#include "core/sandbox/HelperProtocol.h"
#include "core/sandbox/Probes.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QUuid>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace sb::sandbox {

using namespace Qt::StringLiterals;

namespace {

struct Claim
{
    const char* group;
    const char* id;
    const char* question;
    const char* by;
};

// In the order in which a person reads them. The ids are those that the helper answers with, and
// below those that take a command of their own.
constexpr Claim Claims[] = {
    {"files", "home-read", "Can a command read a file in your home?", "mount namespace"},
    {"files", "home-list", "Can a command list your home?", "mount namespace"},
    {"files",
     "outside-read",
     "Can a command read files of other programs in /tmp?",
     "mount namespace"},
    {"files",
     "outside-write",
     "Can a command write outside of the workspace?",
     "mount namespace, Landlock"},
    {"files",
     "system-write",
     "Can a command change the system's programs?",
     "read-only mounts, Landlock"},
    {"files",
     "passwords-read",
     "Can a command read the machine's password file?",
     "list of /etc files"},
    {"files", "run-empty", "Can a command see the machine's services in /run?", "mount namespace"},
    {"files", "disk-device", "Can a command open a disk as a device?", "user namespace"},
    {"kernel", "kernel-memory", "Can a command read the kernel's memory?", "mount namespace"},
    {"kernel",
     "core-pattern",
     "Can a command have the kernel run a program for crashes?",
     "read-only /proc/sys, Landlock"},
    {"kernel",
     "sysrq",
     "Can a command send the kernel emergency keys?",
     "mount namespace, Landlock"},
    {"processes", "processes-seen", "Can a command see other processes?", "pid namespace"},
    {"processes",
     "signal-outside",
     "Can a command signal a process outside?",
     "pid namespace, Landlock"},
    {"secrets",
     "init-environment",
     "Can a command read the environment of its supervisor?",
     "not dumpable, Landlock"},
    {"processes",
     "init-memory",
     "Can a command open the memory of its supervisor?",
     "not dumpable, Landlock"},
    {"processes", "ptrace", "Can a command trace processes?", "seccomp"},
    {"processes", "memory-read", "Can a command read another process's memory?", "seccomp"},
    {"secrets", "core-dump", "Can a crash write memory to disk?", "resource limit"},
    {"secrets",
     "environment",
     "Does a command get variables that were not planned?",
     "rebuilt environment"},
    {"network",
     "loopback-host",
     "Can a command reach services on this machine's loopback?",
     "network namespace"},
    {"network",
     "network-tcp",
     "Can a command connect to the network directly?",
     "network namespace"},
    {"network", "network-udp", "Can a command send datagrams to the network?", "network namespace"},
    {"network", "metadata", "Can a command reach a cloud's metadata service?", "network namespace"},
    {"network", "names", "Can a command resolve names by itself?", "no resolver inside"},
    {"network", "socket-path", "Can a command reach a program's socket file?", "mount namespace"},
    {"network",
     "socket-abstract",
     "Can a command reach a program's abstract socket?",
     "network namespace, Landlock"},
    {"network", "dbus", "Can a command talk to D-Bus?", "mount namespace"},
    {"network", "socket-netlink", "Can a command ask the kernel about the network?", "seccomp"},
    {"network", "socket-packet", "Can a command listen to raw packets?", "seccomp"},
    {"network", "socket-vsock", "Can a command talk to a virtual machine's host?", "seccomp"},
    {"kernel", "capabilities", "Can a command become root?", "no capabilities, no_new_privs"},
    {"kernel", "mount", "Can a command mount something?", "seccomp, Landlock"},
    {"kernel", "user-namespace", "Can a command make a user namespace?", "seccomp"},
    {"kernel", "io-uring", "Can a command use io_uring?", "seccomp"},
    {"secrets", "keyring", "Can a command use the kernel's keyring?", "seccomp"},
    {"kernel", "bpf", "Can a command load programs into the kernel?", "seccomp"},
    {"kernel", "page-faults", "Can a command hold up the kernel at page faults?", "seccomp"},
    {"kernel", "file-handles", "Can a command open files by handle?", "seccomp"},
    {"kernel", "other-door", "Can a command use the 32-bit system calls?", "seccomp"},
    {"terminal", "terminal-typing", "Can a command type on a terminal?", "seccomp"},
    {"terminal", "terminal-escapes", "Can output control your terminal?", "output filter"},
    {"resources", "limit-processes", "Can a command start more processes than allowed?", ""},
    {"resources", "limit-memory", "Can a process take more memory than allowed?", "resource limit"},
    {"resources", "limit-memory-all", "Can processes together take more memory than allowed?", ""},
    {"resources",
     "limit-file",
     "Can a command write a larger file than allowed?",
     "resource limit"},
    {"resources",
     "limit-workspace",
     "Can a command fill the disk from its workspace?",
     "the helper's watch"},
    {"resources", "limit-files", "Can a command open more files than allowed?", "resource limit"},
    {"resources", "limit-tmp", "Can a command fill /tmp beyond its size?", "size of the mount"},
    {"resources", "limit-shm", "Can a command fill /dev/shm beyond its size?", "size of the mount"},
    {"resources",
     "limit-cpu",
     "Can a command use more processor time than allowed?",
     "resource limit"},
    {"resources", "limit-time", "Can a command run longer than allowed?", "end of the namespace"},
    {"processes", "outlive", "Can a process outlive its command?", "end of the pid namespace"},
};

QString byOf(const Claim& claim, const Capabilities& can)
{
    const auto id = QLatin1StringView(claim.id);
    if (id == "limit-processes"_L1) {
        return can.cgroup       ? u"control group"_s
               : can.pidsCapped ? u"pid_max of the namespace"_s
                                : u"resource limit, the helper's count"_s;
    }
    if (id == "limit-memory-all"_L1) {
        return can.cgroup ? u"control group"_s : u"the helper's watch"_s;
    }
    return QString::fromLatin1(claim.by);
}

/// What stands outside and must stay out of reach, for as long as the probes run.
class Bait
{
public:
    Bait()
        : m_home(QDir::homePath() + u"/.signalbox-probe-XXXXXX"_s)
        , m_abstract("signalbox-probe-" + QUuid::createUuid().toByteArray(QUuid::WithoutBraces))
    {
        plant(m_home.filePath(u"key"_s));
        plant(m_outside.filePath(u"key"_s));
        m_tcp = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* plain = reinterpret_cast<sockaddr*>(&address);
        if (::bind(m_tcp.get(), plain, size) == 0 && ::listen(m_tcp.get(), 5) == 0 &&
            ::getsockname(m_tcp.get(), plain, &size) == 0) {
            m_port = ntohs(address.sin_port);
        }
        m_path = listen(QFile::encodeName(m_outside.filePath(u"socket"_s)));
        m_name = listen(QByteArray(1, '\0') + m_abstract);
    }

    [[nodiscard]] QStringList words() const
    {
        return {
            u"home="_s + QDir::homePath(),
            u"home_file="_s + m_home.filePath(u"key"_s),
            u"outside_file="_s + m_outside.filePath(u"key"_s),
            u"outside_new="_s + planted(),
            u"host_pid=%1"_s.arg(::getpid()),
            u"host_uid=%1"_s.arg(::getuid()),
            u"host_tcp=%1"_s.arg(m_port),
            u"host_path="_s + m_outside.filePath(u"socket"_s),
            u"host_abstract="_s + QString::fromLatin1(m_abstract),
        };
    }
    /// Which claims the bait itself shows to be untrue, whatever was said inside.
    [[nodiscard]] QStringList bitten() const
    {
        QStringList ids;
        if (QFile::exists(planted())) {
            ids << u"outside-write"_s;
        }
        for (const auto& [id, fd] : {std::pair{u"loopback-host"_s, m_tcp.get()},
                                     {u"socket-path"_s, m_path.get()},
                                     {u"socket-abstract"_s, m_name.get()}}) {
            if (Descriptor(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC))) {
                ids << id;
            }
        }
        return ids;
    }

private:
    static void plant(const QString& path)
    {
        QFile file(path);
        if (file.open(QIODevice::WriteOnly)) {
            file.write("bait");
        }
    }
    static Descriptor listen(const QByteArray& name)
    {
        Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (size_t(name.size()) >= sizeof address.sun_path) {
            return {};
        }
        std::ranges::copy(name, address.sun_path);
        const auto size = socklen_t(offsetof(sockaddr_un, sun_path) + size_t(name.size()));
        if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
            ::listen(fd.get(), 5) != 0) {
            return {};
        }
        return fd;
    }
    [[nodiscard]] QString planted() const { return m_outside.filePath(u"planted"_s); }

    QTemporaryDir m_home;
    QTemporaryDir m_outside;
    QByteArray m_abstract;
    Descriptor m_tcp;
    Descriptor m_path;
    Descriptor m_name;
    int m_port = 0;
};

struct Answer
{
    Verdict verdict = Verdict::Unknown;
    QString detail;
    double milliseconds = 0;
};
using Answers = QMap<QString, Answer>;

QString detailOf(const QString& id, Verdict verdict, int number)
{
    if (verdict == Verdict::Open) {
        return u"it worked"_s;
    }
    static const QStringList counted{u"limit-processes"_s, u"limit-files"_s, u"processes-seen"_s};
    if (counted.contains(id)) {
        return u"%1 and no more"_s.arg(number);
    }
    if (id == u"other-door"_s) {
        return u"ended by signal %1"_s.arg(number);
    }
    return number > 0 ? QString::fromLocal8Bit(std::strerror(number)) : QString();
}

// What the helper printed, line by line: id, verdict, number, microseconds.
Answers readAnswers(const QString& output, bool network)
{
    // Not taken from the plan: a witness must not ask the accused. bubblewrap adds PWD.
    QStringList expected = u"PATH HOME USER LOGNAME SHELL LANG TERM TMPDIR PWD"_s.split(u' ');
    if (network) {
        expected +=
            u"http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY no_proxy npm_config_proxy npm_config_https_proxy PIP_PROXY"_s
                .split(u' ');
    }
    Answers answers;
    Answer environment{Verdict::Held, {}, 0};
    int variables = 0;
    const auto lines = output.split(u'\n');
    for (const auto& line : lines) {
        const auto fields = line.split(u'\t');
        if (fields.size() != 4) {
            continue;
        }
        if (fields[0] == u"environment"_s) {
            ++variables;
            if (!expected.contains(fields[2])) {
                environment.verdict = Verdict::Open;
                environment.detail += fields[2] + u' ';
            }
            continue;
        }
        if (fields[0] == u"terminal-escapes"_s) {
            const bool harmless = fields[2].startsWith(u'␛') && !line.contains(QChar(0x1b));
            answers[fields[0]] = {harmless ? Verdict::Held : Verdict::Open, fields[2], 0};
            continue;
        }
        const Verdict verdict = fields[1] == u"held"_s   ? Verdict::Held
                                : fields[1] == u"open"_s ? Verdict::Open
                                                         : Verdict::Unknown;
        answers[fields[0]] = {
            verdict, detailOf(fields[0], verdict, fields[2].toInt()), fields[3].toDouble() / 1000};
    }
    if (variables > 0) {
        if (environment.verdict == Verdict::Held) {
            environment.detail = u"%1 variables, all planned"_s.arg(variables);
        }
        answers[u"environment"_s] = environment;
    }
    return answers;
}

/// Launches that end by the limit which they try.
class Trials
{
public:
    Trials(Sandbox& sandbox, const ProbeTarget& target)
        : m_sandbox(sandbox)
        , m_target(target)
        , m_folder(target.workspace + u"/.signalbox-probe-XXXXXX"_s)
    {
        m_leftover = m_folder.filePath(u"left"_s);
    }

    void start()
    {
        run(
            u"limit-time"_s,
            u"sleep 5"_s,
            u"tried with 0.15 s"_s,
            [](Limits& limits) { limits.wall = Milliseconds(150); },
            [](const Outcome& outcome) { return outcome.timedOut; });
        run(
            u"limit-cpu"_s,
            u"while :; do :; done"_s,
            u"tried with 1 s"_s,
            [](Limits& limits) { limits.cpuSeconds = 1; },
            [](const Outcome& outcome) { return outcome.signal != 0 && !outcome.timedOut; });
        run(
            u"limit-memory-all"_s,
            u"head -c 100000000 /dev/zero | tail -c 99000000 | sleep 0.8"_s,
            u"tried with 48 MB"_s,
            [](Limits& limits) { limits.totalMemoryBytes = 48'000'000; },
            [](const Outcome& outcome) { return outcome.signal != 0 && !outcome.timedOut; });
        if (!m_folder.isValid() || m_target.workspaceReadOnly) {
            return; // nothing can be written there by a command, or by us to try
        }
        run(
            u"limit-workspace"_s,
            u"head -c 40000000 /dev/zero > filled; sleep 0.8"_s,
            u"tried with 8 MB"_s,
            [](Limits& limits) { limits.workspaceBytes = 8'000'000; },
            [](const Outcome& outcome) { return outcome.signal != 0 && !outcome.timedOut; });
        run(
            u"outlive"_s,
            u"(trap '' HUP TERM; sleep 0.3; echo x > left) >/dev/null 2>&1 &"_s,
            u"a background process that ignores signals"_s,
            [](Limits&) {},
            [](const Outcome& outcome) { return outcome.exitCode == 0; });
    }

    void finish(Answers& answers)
    {
        for (auto& trial : m_trials) {
            const auto outcome = std::move(trial.future).wait();
            auto& answer = answers[trial.id];
            if (outcome) {
                answer.milliseconds = double(outcome->durationMs);
                answer.verdict = trial.held(*outcome) ? Verdict::Held : Verdict::Open;
                answer.detail = trial.detail;
            } else {
                answer.detail = outcome.error().message;
            }
        }
        // By now it would have been written: the others took longer.
        if (answers.contains(u"outlive"_s) && QFile::exists(m_leftover)) {
            answers[u"outlive"_s].verdict = Verdict::Open;
        }
    }

private:
    struct Trial
    {
        QString id;
        QString detail;
        std::function<bool(const Outcome&)> held;
        Future<Outcome> future;
    };
    void run(const QString& id,
             const QString& script,
             const QString& detail,
             const std::function<void(Limits&)>& limit,
             std::function<bool(const Outcome&)> held)
    {
        LaunchRequest request;
        request.argv = {u"sh"_s, u"-c"_s, script};
        request.workspace = m_target.workspace;
        request.cwd = m_folder.isValid() ? m_folder.path() : m_target.workspace;
        request.workspaceReadOnly = m_target.workspaceReadOnly;
        request.limits = m_target.limits;
        request.limits.wall = std::min(request.limits.wall, Milliseconds(5000));
        limit(request.limits);
        auto plan = m_sandbox.plan(request);
        m_trials.push_back(
            {id,
             detail,
             std::move(held),
             plan ? m_sandbox.launch(std::move(*plan), {}, {})
                  : Future<Outcome>::ready(std::unexpected(std::move(plan).error()))});
    }

    Sandbox& m_sandbox;
    const ProbeTarget& m_target;
    QTemporaryDir m_folder;
    QString m_leftover;
    std::vector<Trial> m_trials;
};

Result<LaunchPlan> mainPlan(Sandbox& sandbox, const ProbeTarget& target, const Bait& bait)
{
    LaunchRequest request;
    request.argv =
        QStringList{QString::fromLatin1(helper::Program), QString::fromLatin1(helper::ProbeVerb)} +
        bait.words() +
        QStringList{
            u"memory=%1"_s.arg(target.limits.memoryBytes),
            u"file=%1"_s.arg(target.limits.fileBytes),
            u"tmp=%1"_s.arg(target.limits.tmpBytes),
            u"files=%1"_s.arg(target.limits.openFiles),
            u"processes=%1"_s.arg(target.limits.processes),
        };
    request.workspace = request.cwd = target.workspace;
    request.workspaceReadOnly = target.workspaceReadOnly;
    request.network = target.network;
    request.ownServers = target.ownServers;
    request.limits = target.limits;
    request.limits.wall = std::min(request.limits.wall, Milliseconds(5000));
    request.limits.outputBytes = 256 << 10; // the probes' own words
    return sandbox.plan(request);
}

} // namespace

QString verdictName(Verdict verdict)
{
    switch (verdict) {
    case Verdict::Held:
        return u"held"_s;
    case Verdict::Open:
        return u"open"_s;
    case Verdict::Unknown:
        return u"unknown"_s;
    }
    return {};
}

Result<QList<Probe>> probe(Sandbox& sandbox, const ProbeTarget& target)
{
    const Bait bait;
    SB_TRY(const auto plan, mainPlan(sandbox, target, bait));
    auto inside = sandbox.launch(plan, {}, {});
    Trials trials(sandbox, target);
    trials.start();
    const auto outcome = std::move(inside).wait();
    Answers answers;
    if (outcome) {
        answers = readAnswers(outcome->output, plan.network);
    }
    trials.finish(answers);
    SB_CHECK(outcome);
    for (const auto& id : bait.bitten()) {
        answers[id].verdict = Verdict::Open;
        answers[id].detail = u"it arrived outside"_s;
    }
    // Ended in the middle of starting processes: that is what was to be shown.
    if (!answers.contains(u"limit-processes"_s) && outcome->signal != 0 && !outcome->timedOut) {
        answers[u"limit-processes"_s] = {Verdict::Held, u"all were ended"_s, 0};
    }
    QList<Probe> probes;
    for (const auto& claim : Claims) {
        const auto id = QString::fromLatin1(claim.id);
        const auto answer = answers.value(id, {Verdict::Unknown, u"it could not be tried"_s, 0});
        probes.append(
            {QString::fromLatin1(claim.group),
             id,
             QString::fromLatin1(claim.question),
             answer.verdict,
             answer.verdict == Verdict::Held ? byOf(claim, sandbox.capabilities()) : QString(),
             answer.detail,
             answer.milliseconds});
    }
    return probes;
}

} // namespace sb::sandbox
