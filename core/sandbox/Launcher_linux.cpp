#include "core/sandbox/Launcher_linux.h"
#include "core/sandbox/Environment.h"
#include "core/sandbox/Folders.h"
#include "core/sandbox/HelperProtocol.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace sb::sandbox {

using namespace Qt::StringLiterals;

namespace {

QString text(const char* latin)
{
    return QString::fromLatin1(latin);
}

// /usr, and what older layouts keep beside it: a link stays a link, a folder is shown read-only.
void addSystem(QStringList& arguments)
{
    arguments << u"--ro-bind"_s << u"/usr"_s << u"/usr"_s;
    for (const auto& path :
         {u"/bin"_s, u"/sbin"_s, u"/lib"_s, u"/lib32"_s, u"/lib64"_s, u"/libx32"_s}) {
        const QFileInfo info(path);
        if (info.isSymLink()) {
            arguments << u"--symlink"_s << info.readSymLink() << path;
        } else if (info.isDir()) {
            arguments << u"--ro-bind"_s << path << path;
        }
    }
}

// What programs need of /etc to run, and nothing that tells about the machine's users, hosts or
// passwords.
void addEtc(QStringList& arguments, const std::vector<EtcFile>& files)
{
    if (!defended("sandbox.etc-allow-list")) {
        arguments << u"--ro-bind"_s << u"/etc"_s << u"/etc"_s;
        return;
    }
    int fd = helper::FirstFileFd;
    for (const auto& file : files) {
        arguments << u"--perms"_s << u"0444"_s << u"--file"_s << QString::number(fd++) << file.path;
    }
    QStringList shown{
        u"/etc/alternatives"_s,
        u"/etc/ssl/certs"_s,
        u"/etc/pki/tls/certs"_s,
        u"/etc/pki/ca-trust/extracted"_s,
        u"/etc/crypto-policies"_s,
        u"/etc/localtime"_s,
        u"/etc/os-release"_s,
    };
    const auto java = QDir(u"/etc"_s).entryList({u"java-*"_s}, QDir::Dirs | QDir::NoDotAndDotDot);
    for (const auto& name : java) { // a Java of Debian keeps half of itself there
        shown << u"/etc/"_s + name;
    }
    for (const auto& path : std::as_const(shown)) {
        const QFileInfo info(path);
        if (info.isSymLink()) { // into /usr, mostly; what leads elsewhere leads nowhere inside
            arguments << u"--symlink"_s << info.readSymLink() << path;
        } else if (info.exists()) {
            arguments << u"--ro-bind"_s << path << path;
        }
    }
}

void addKernel(QStringList& arguments, const Host& host)
{
    if (defended("sandbox.own-proc")) {
        arguments << u"--proc"_s << u"/proc"_s;
    } else {
        arguments << u"--ro-bind"_s << u"/proc"_s << u"/proc"_s;
    }
    // As the machine's root, files such as core_pattern would be ours to write: capabilities do not
    // guard them.
    arguments << u"--ro-bind"_s << u"/proc/sys"_s << u"/proc/sys"_s;
    if (host.root && !host.landlock) {
        for (const auto& path : {u"/proc/acpi"_s, u"/proc/scsi"_s, u"/proc/fs"_s}) {
            if (QFileInfo(path).isDir()) {
                arguments << u"--size"_s << u"4096"_s << u"--tmpfs"_s << path << u"--remount-ro"_s
                          << path;
            }
        }
    }
    if (host.root) {
        for (const auto& path : {u"/proc/kcore"_s,
                                 u"/proc/keys"_s,
                                 u"/proc/slabinfo"_s,
                                 u"/proc/sysrq-trigger"_s,
                                 u"/proc/timer_list"_s}) {
            if (QFileInfo::exists(path)) {
                arguments << u"--ro-bind"_s << u"/dev/null"_s << path;
            }
        }
    }
    arguments << u"--dev"_s << u"/dev"_s;
}

void addMemoryFolder(QStringList& arguments,
                     const QString& path,
                     const LaunchPlan& plan,
                     bool capped)
{
    if (capped) {
        arguments << u"--size"_s << QString::number(plan.limits.tmpBytes);
    }
    arguments << u"--perms"_s << u"1777"_s << u"--tmpfs"_s << path;
}

/// Git outside of the sandbox runs what .git/hooks and .git/config name, so a command may read them
/// but not change them. That .git is a mount of its own keeps it from being moved aside.
void addRepository(QStringList& arguments, const LaunchPlan& plan)
{
    const QString git = plan.workspace + u"/.git"_s;
    if (!defended("sandbox.git-hooks") || plan.workspaceReadOnly || !QFileInfo(git).isDir() ||
        QFileInfo(git).isSymLink()) {
        return;
    }
    arguments << u"--bind"_s << git << git;
    const QString hooks = git + u"/hooks"_s;
    if (!QFileInfo(hooks).isSymLink()) {
        arguments
            << (QFileInfo(hooks).isDir()
                    ? QStringList{u"--ro-bind"_s, hooks, hooks}
                    : QStringList{
                          u"--size"_s, u"4096"_s, u"--tmpfs"_s, hooks, u"--remount-ro"_s, hooks});
    }
    const QString config = git + u"/config"_s;
    if (QFileInfo(config).isFile() && !QFileInfo(config).isSymLink()) {
        arguments << u"--ro-bind"_s << config << config;
    }
}

} // namespace

Host probeHost()
{
    Host host;
    host.root = ::geteuid() == 0;
    host.landlock =
        ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
    utsname name{};
    if (::uname(&name) == 0) {
        const auto parts = QString::fromLatin1(name.release).split(u'.');
        const int major = parts.value(0).toInt();
        const int minor = parts.value(1).toInt();
        // Without Landlock the command could raise the cap again, so it is not even shown.
        host.pidMax = host.landlock && (major > 6 || (major == 6 && minor >= 14));
    }
    return host;
}

std::vector<EtcFile> etcFiles(const LaunchPlan& plan, Contents contents)
{
    const QByteArray user(UserName.data(), UserName.size());
    const QByteArray home = QFile::encodeName(plan.workspace).replace(':', '_').replace('\n', '_');
    std::vector<EtcFile> files{
        {u"/etc/passwd"_s,
         "root:x:0:0:root:/:/usr/sbin/nologin\n" + user + ":x:1000:1000::" + home +
             ":/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"},
        {u"/etc/group"_s, "root:x:0:\n" + user + ":x:1000:\nnogroup:x:65534:\n"},
        {u"/etc/nsswitch.conf"_s,
         "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n"},
        {u"/etc/hosts"_s, "127.0.0.1 localhost signalbox\n::1 localhost\n"},
    };
    for (const auto& path : {u"/etc/ld.so.cache"_s,
                             u"/etc/ssl/openssl.cnf"_s,
                             u"/etc/fonts/fonts.conf"_s,
                             u"/etc/protocols"_s,
                             u"/etc/services"_s,
                             u"/etc/timezone"_s}) {
        if (contents == Contents::Leave) {
            if (QFile::exists(path)) {
                files.push_back({path, {}});
            }
            continue;
        }
        QFile file(path);
        if (file.open(QIODevice::ReadOnly | QIODevice::Unbuffered)) {
            files.push_back({path, file.read(4 << 20)});
        }
    }
    return files;
}

QStringList
launcherArguments(const LaunchPlan& plan, const Host& host, const std::vector<EtcFile>& files)
{
    QStringList arguments{
        u"--unshare-user"_s,
        u"--unshare-pid"_s,
        u"--unshare-uts"_s,
        u"--unshare-cgroup"_s,
        u"--new-session"_s,
        u"--die-with-parent"_s,
        u"--as-pid-1"_s, // the helper is
        u"--cap-drop"_s,
        u"ALL"_s,
        u"--uid"_s,
        u"1000"_s,
        u"--gid"_s,
        u"1000"_s,
        u"--hostname"_s,
        u"signalbox"_s,
    };
    if (defended("sandbox.network-apart")) {
        arguments << u"--unshare-net"_s;
    }
    if (defended("sandbox.ipc-namespace")) {
        arguments << u"--unshare-ipc"_s;
    }
    addSystem(arguments);
    addEtc(arguments, files);
    addKernel(arguments, host);
    addMemoryFolder(arguments, u"/dev/shm"_s, plan, defended("sandbox.shm-size"));
    arguments << u"--remount-ro"_s << u"/dev"_s;
    if (defended("sandbox.private-tmp")) {
        addMemoryFolder(arguments, u"/tmp"_s, plan, defended("sandbox.tmp-size"));
    } else {
        arguments << u"--bind"_s << u"/tmp"_s << u"/tmp"_s;
    }
    if (defended("sandbox.no-run")) {
        arguments << u"--dir"_s << u"/run"_s;
    } else {
        arguments << u"--ro-bind"_s << u"/run"_s << u"/run"_s;
    }
    if (!defended("sandbox.home-hidden")) {
        const QString home = QDir::homePath();
        arguments << u"--bind"_s << home << home;
    }
    if (!liesIn(plan.workspace, u"/var"_s)) { // a workspace there needs real folders above it
        arguments << u"--symlink"_s << u"/tmp"_s << u"/var/tmp"_s;
    }
    arguments << u"--ro-bind"_s << host.helper << text(helper::Program);
    if (host.pidMax) {
        arguments << u"--bind"_s << u"/proc/sys/kernel/pid_max"_s << text(helper::PidMax);
    }
    const bool readOnly = plan.workspaceReadOnly && defended("sandbox.read-only-workspace");
    arguments << (readOnly ? u"--ro-bind"_s : u"--bind"_s) << plan.workspace << plan.workspace;
    addRepository(arguments, plan);
    if (liesIn(host.helper, plan.workspace) &&
        defended("sandbox.helper-read-only")) { // whoever works on Signalbox itself
        arguments << u"--ro-bind"_s << host.helper << host.helper;
    }
    for (const auto& path : host.hidden) {
        if (QFileInfo(path).isDir()) {
            arguments << u"--size"_s << u"4096"_s << u"--perms"_s << u"0000"_s << u"--tmpfs"_s
                      << path << u"--remount-ro"_s << path;
        } else {
            arguments << u"--ro-bind"_s << u"/dev/null"_s << path;
        }
    }
    // The root itself is memory without a cap: nothing may be written there.
    arguments << u"--remount-ro"_s << u"/"_s;
    arguments << u"--chdir"_s << plan.cwd;
    return arguments;
}

QByteArray helperParameters(const LaunchPlan& plan, const Host& host)
{
    const auto& limits = plan.limits;
    const auto number = [](const QString& key, qint64 value) {
        return QString(key % u'=' % QString::number(value));
    };
    QStringList words{
        number(u"memory"_s, limits.memoryBytes),
        number(u"memory_total"_s, limits.totalMemoryBytes),
        number(u"file"_s, limits.fileBytes),
        number(u"disk_reserve"_s, limits.diskReserveBytes),
        number(u"processes"_s, limits.processes),
        number(u"files"_s, limits.openFiles),
        number(u"cpu"_s, limits.cpuSeconds),
        number(u"cap_pids"_s, host.pidMax),
        number(u"landlock"_s, host.landlock),
        number(u"read_only"_s, plan.workspaceReadOnly),
        number(u"door"_s, plan.network),
        number(u"own_servers"_s, plan.ownServers),
        number(u"workspace_bytes"_s, limits.workspaceBytes),
        u"workspace="_s + plan.workspace,
        u"--"_s,
    };
#ifdef SB_SWITCHABLE_DEFENCES
    words.prepend(u"defences_off="_s + QString::fromLatin1(defencesOff()));
#endif
    return nulTerminated(words + plan.argv);
}

QByteArray nulTerminated(const QStringList& strings)
{
    QByteArray bytes;
    for (const auto& string : strings) {
        bytes += QFile::encodeName(string);
        bytes += '\0';
    }
    return bytes;
}

} // namespace sb::sandbox
