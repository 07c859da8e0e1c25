#include "core/sandbox/Descriptor.h"
#include "tests/security/Attack.h"
#include "tests/security/SandboxFixture.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

using namespace sb;
using namespace sb::sandbox;
using namespace Qt::StringLiterals;
using attack::Attack;

namespace {

constexpr const char* Secret = "hunter2-do-not-leak";

attack::Outcome succeeded(bool yes)
{
    return yes ? attack::Outcome::Succeeded : attack::Outcome::Refused;
}

/// Everything new for each run: a clock, a sandbox with its thread, a workspace.
struct Scene
{
    SystemClock clock;
    SandboxFixture fixture{clock};

    // What the attacker saw. Words that mean success are put together by the script: Python quotes
    // its source when it fails.
    QString sees(const QString& script) { return fixture.sh(script).output; }
    QString sees(const LaunchRequest& request) { return fixture.outcome(request).output; }
    attack::Outcome reads(const QString& script)
    {
        return succeeded(sees(script).contains(QString::fromLatin1(Secret)));
    }
    attack::Outcome says(const QString& script, const QString& word)
    {
        return succeeded(sees(script).contains(word));
    }
    attack::Outcome pythonSays(const QString& script, const QString& word)
    {
        return succeeded(fixture.python(script).output.contains(word));
    }
    // A system call by its number on x86-64, as a program without any library would make it.
    attack::Outcome calls(const QString& arguments)
    {
        return pythonSays(
            u"import ctypes, os, struct\nc = ctypes.CDLL(None, use_errno=True)\n"
            "c.syscall.restype = ctypes.c_long\nb = ctypes.create_string_buffer(256)\n"
            "args = [ctypes.c_long(a) if isinstance(a, int) else a for a in (%1,)]\n"
            "print('DO' + 'NE' if c.syscall(*args) >= 0 else ctypes.get_errno())"_s.arg(arguments),
            u"DONE"_s);
    }
};

QList<Attack> fileAttacks()
{
    return {
        {"sandbox.read-key-in-home",
         "sandbox.home-hidden",
         [] {
             Scene scene;
             const QTemporaryDir home(QDir::homePath() + u"/.sb-attack-XXXXXX"_s);
             scene.fixture.write(home.filePath(u".ssh/id_rsa"_s), Secret);
             return scene.reads(u"cat '%1/.ssh/id_rsa'"_s.arg(home.path()));
         }},
        {"sandbox.read-outside",
         "sandbox.private-tmp",
         [] {
             Scene scene;
             scene.fixture.write(scene.fixture.outside + u"/key"_s, Secret);
             return scene.reads(u"cat '%1/key'"_s.arg(scene.fixture.outside));
         }},
        {"sandbox.read-through-link",
         "sandbox.private-tmp",
         [] {
             Scene scene;
             scene.fixture.write(scene.fixture.outside + u"/key"_s, Secret);
             return scene.reads(u"ln -s '%1' out; cat out/key"_s.arg(scene.fixture.outside));
         }},
        {"sandbox.write-outside",
         "sandbox.private-tmp",
         [] {
             Scene scene;
             const QString planted = scene.fixture.outside + u"/planted"_s;
             (void)scene.sees(u"echo x > '%1'"_s.arg(planted));
             return succeeded(QFile::exists(planted));
         }},
        {"sandbox.write-through-link",
         "sandbox.private-tmp",
         [] {
             Scene scene;
             QFile::link(scene.fixture.outside, scene.fixture.workspace + u"/out"_s);
             (void)scene.sees(u"echo x > out/planted"_s);
             return succeeded(QFile::exists(scene.fixture.outside + u"/planted"_s));
         }},
        {"sandbox.read-accounts",
         "sandbox.etc-allow-list",
         [] {
             Scene scene;
             return scene.says(u"cat /etc/passwd"_s, u"daemon:"_s);
         }},
        {"sandbox.socket-in-run",
         "sandbox.no-run",
         [] {
             Scene scene;
             // What a service of the machine leaves there.
             const QTemporaryDir run(
                 (::geteuid() == 0 ? u"/run"_s : qEnvironmentVariable("XDG_RUNTIME_DIR")) +
                 u"/sb-attack-XXXXXX"_s);
             scene.fixture.write(run.filePath(u"token"_s), Secret);
             return scene.reads(u"cat '%1/token'"_s.arg(run.path()));
         }},
        {"sandbox.plant-git-hook",
         "sandbox.git-hooks",
         [] {
             Scene scene;
             const QString git = scene.fixture.workspace + u"/.git"_s;
             scene.fixture.write(git + u"/config"_s, "[core]\n");
             (void)scene.sees(u"mkdir -p .git/hooks; echo x > .git/hooks/pre-commit"_s);
             return succeeded(QFile::exists(git + u"/hooks/pre-commit"_s));
         }},
        {"sandbox.plant-git-monitor",
         "sandbox.git-hooks",
         [] {
             Scene scene;
             const QString config = scene.fixture.workspace + u"/.git/config"_s;
             scene.fixture.write(config, "[core]\n");
             (void)scene.sees(u"echo '[core] fsmonitor = ./evil' >> .git/config"_s);
             QFile file(config);
             return succeeded(file.open(QIODevice::ReadOnly) && file.readAll().contains("evil"));
         }},
        {"sandbox.read-data-folder",
         "sandbox.data-folders-hidden",
         [] {
             Scene scene;
             const QString data = scene.fixture.workspace + u"/.local/signalbox"_s;
             scene.fixture.write(data + u"/vault"_s, Secret);
             Sandbox sandbox(
                 {QStringLiteral(SB_BIN_DIR "/signalbox-sandbox-helper"), u"bwrap"_s, {data}},
                 scene.clock);
             auto plan = sandbox.plan(scene.fixture.request(u"cat .local/signalbox/vault"_s));
             const auto done = sandbox.launch(std::move(*plan), {}, {}).wait();
             return succeeded(done && done->output.contains(QString::fromLatin1(Secret)));
         }},
        {"sandbox.move-data-folder",
         "sandbox.data-folder-moved",
         [] {
             Scene scene;
             const QString data = scene.fixture.workspace + u"/.local/signalbox"_s;
             scene.fixture.write(data + u"/vault"_s, Secret);
             Sandbox sandbox(
                 {QStringLiteral(SB_BIN_DIR "/signalbox-sandbox-helper"), u"bwrap"_s, {data}},
                 scene.clock);
             // As an earlier command with the folder above it would have done.
             QDir().rename(scene.fixture.workspace + u"/.local"_s,
                           scene.fixture.workspace + u"/away"_s);
             auto plan = sandbox.plan(scene.fixture.request(u"cat away/signalbox/vault"_s));
             if (!plan) {
                 return attack::Outcome::Refused;
             }
             const auto done = sandbox.launch(std::move(*plan), {}, {}).wait();
             return succeeded(done && done->output.contains(QString::fromLatin1(Secret)));
         }},
        {"sandbox.system-as-workspace",
         "sandbox.workspace-choice",
         [] {
             Scene scene;
             auto request = scene.fixture.request(u"true"_s);
             request.workspace = request.cwd = u"/usr/share"_s;
             return succeeded(scene.fixture.sandbox.plan(request).has_value());
         }},
        {"sandbox.home-as-workspace",
         "sandbox.workspace-choice",
         [] {
             Scene scene;
             auto request = scene.fixture.request(u"true"_s);
             request.workspace = request.cwd = QDir::homePath();
             return succeeded(scene.fixture.sandbox.plan(request).has_value());
         }},
        {"sandbox.cwd-by-link",
         "sandbox.cwd-inside",
         [] {
             Scene scene;
             QFile::link(scene.fixture.outside, scene.fixture.workspace + u"/out"_s);
             auto request = scene.fixture.request(u"true"_s);
             request.cwd = scene.fixture.workspace + u"/out"_s;
             return succeeded(scene.fixture.sandbox.plan(request).has_value());
         }},
        {"sandbox.swap-folder-after-approval",
         "sandbox.folders-checked-again",
         [] {
             Scene scene;
             const QString sub = scene.fixture.workspace + u"/sub"_s;
             const QString other = scene.fixture.workspace + u"/other"_s;
             QDir().mkpath(sub);
             QDir().mkpath(other);
             scene.fixture.write(other + u"/Makefile"_s, Secret);
             auto request = scene.fixture.request(u"cat Makefile"_s);
             request.cwd = sub;
             auto plan = scene.fixture.sandbox.plan(request);
             QDir().rmdir(sub);
             QFile::link(other, sub);
             const auto done = scene.fixture.sandbox.launch(std::move(*plan), {}, {}).wait();
             return succeeded(done && done->output.contains(QString::fromLatin1(Secret)));
         }},
        {"sandbox.write-read-only-workspace",
         "sandbox.read-only-workspace", // both layers: the mount and Landlock
         [] {
             Scene scene;
             auto request = scene.fixture.request(u"echo x > planted"_s);
             request.workspaceReadOnly = true;
             (void)scene.sees(request);
             return succeeded(QFile::exists(scene.fixture.workspace + u"/planted"_s));
         }},
        {"sandbox.replace-helper",
         "sandbox.helper-identity",
         [] {
             Scene scene;
             const QString helper = scene.fixture.outside + u"/helper"_s;
             QFile::copy(QStringLiteral(SB_BIN_DIR "/signalbox-sandbox-helper"), helper);
             Sandbox sandbox({helper, u"bwrap"_s, {}}, scene.clock);
             auto plan = sandbox.plan(scene.fixture.request(u"true"_s));
             (void)sandbox.capabilities();
             QFile::rename(helper, helper + u".old"_s);
             scene.fixture.write(helper, "#!/bin/sh\necho unconfined\n");
             QFile::setPermissions(helper, QFile::ReadOwner | QFile::ExeOwner);
             const auto done = sandbox.launch(std::move(*plan), {}, {}).wait();
             return succeeded(done || done.error().message.contains(u"unconfined"_s));
         }},
        {"sandbox.rewrite-helper-in-workspace",
         "sandbox.helper-read-only",
         [] {
             Scene scene;
             const QString helper = scene.fixture.workspace + u"/build/helper"_s;
             QDir().mkpath(QFileInfo(helper).path());
             QFile::copy(QStringLiteral(SB_BIN_DIR "/signalbox-sandbox-helper"), helper);
             Sandbox sandbox({helper, u"bwrap"_s, {}}, scene.clock);
             auto plan = sandbox.plan(scene.fixture.request(u"rm -f build/helper"_s));
             (void)sandbox.launch(std::move(*plan), {}, {}).wait();
             return succeeded(!QFile::exists(helper));
         }},
    };
}

QList<Attack> secretAttacks()
{
    return {
        {"sandbox.key-from-environment",
         "sandbox.rebuilt-environment",
         [] {
             Scene scene;
             return scene.reads(u"env"_s);
         }},
        {"sandbox.key-from-process-environment",
         "sandbox.rebuilt-environment",
         [] {
             Scene scene;
             return scene.reads(u"for f in /proc/[0-9]*/environ; do cat $f; done 2>&1"_s);
         }},
        {"sandbox.open-init-memory",
         "sandbox.init-closed", // both layers: process 1 is not dumpable, and Landlock stands round
                                // the command
         [] {
             Scene scene;
             return scene.says(u"head -c 1 /proc/1/maps >/dev/null && echo OPENED"_s, u"OPENED"_s);
         }},
        {"sandbox.read-init-environment",
         "sandbox.init-closed",
         [] {
             Scene scene;
             return scene.says(u"tr '\\0' '\\n' < /proc/1/environ"_s, u"HOME="_s);
         }},
        {"sandbox.inherited-descriptor",
         "sandbox.descriptors", // both layers: ours at the start, and the helper's
         [] {
             Scene scene;
             scene.fixture.write(scene.fixture.outside + u"/key"_s, Secret);
             const Descriptor key(::open(
                 QFile::encodeName(scene.fixture.outside + u"/key"_s).constData(), O_RDONLY));
             const Descriptor leaked(::fcntl(key.get(), F_DUPFD, 57));
             return scene.reads(
                 u"cat <&%1"_s.arg(leaked.get()).replace(u"cat"_s, u"exec bash -c 'cat"_s) +
                 u"'"_s);
         }},
        {"sandbox.variable-that-runs-code",
         "sandbox.variable-names",
         [] {
             Scene scene;
             scene.fixture.write(scene.fixture.workspace + u"/evil.sh"_s, "echo PWNED\n");
             auto request = scene.fixture.program({u"bash"_s, u"-c"_s, u"true"_s});
             request.environment.insert(u"BASH_ENV"_s, scene.fixture.workspace + u"/evil.sh"_s);
             return succeeded(scene.sees(request).contains(u"PWNED"_s));
         }},
        {"sandbox.see-processes",
         "sandbox.own-proc",
         [] {
             Scene scene;
             auto request =
                 scene.fixture.request(u"grep -l tst_SandboxAtta /proc/[0-9]*/comm && echo SEEN"_s);
             return succeeded(scene.sees(request).contains(u"SEEN"_s));
         }},
        {"sandbox.read-shared-segment",
         "sandbox.ipc-namespace",
         [] {
             Scene scene;
             const key_t key = 0x5b000000 | (::getpid() & 0xffffff);
             const int segment = ::shmget(key, 4096, IPC_CREAT | 0666);
             const auto result = scene.calls(u"29, %1, 0, 0"_s.arg(int(key)));
             ::shmctl(segment, IPC_RMID, nullptr);
             return result;
         }},
        {"sandbox.title-of-terminal",
         "sandbox.output-filter",
         [] {
             Scene scene;
             return scene.says(u"printf '\\033]0;owned\\007'"_s, u"\u001b]0;"_s);
         }},
        {"sandbox.paint-over",
         "sandbox.output-filter",
         [] {
             Scene scene;
             return scene.says(u"printf 'rm -rf /\\rls      '"_s, u"\r"_s);
         }},
        {"sandbox.text-reads-backwards",
         "sandbox.output-filter",
         [] {
             Scene scene;
             return scene.says(u"printf 'a\\342\\200\\256gpj.exe'"_s, u"\u202e"_s);
         }},
    };
}

/// A service of the machine on its loopback.
struct Service
{
    explicit Service(int type) : fd(::socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* plain = reinterpret_cast<sockaddr*>(&address);
        (void)::bind(fd.get(), plain, size);
        (void)::listen(fd.get(), 5);
        (void)::getsockname(fd.get(), plain, &size);
        port = ntohs(address.sin_port);
    }
    Descriptor fd;
    int port = 0;
};

QList<Attack> networkAttacks()
{
    return {
        {"sandbox.connect-host-loopback",
         "sandbox.network-apart",
         [] {
             Scene scene;
             const Service service(SOCK_STREAM);
             (void)scene.fixture.python(
                 u"import socket; socket.create_connection(('127.0.0.1', %1), 2)"_s.arg(
                     service.port));
             return succeeded(Descriptor(::accept(service.fd.get(), nullptr, nullptr)).get() >= 0);
         }},
        {"sandbox.send-to-host-loopback",
         "sandbox.network-apart",
         [] {
             Scene scene;
             const Service service(SOCK_DGRAM);
             (void)scene.fixture.python(
                 u"import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', %1))"_s
                     .arg(service.port));
             char byte = 0;
             return succeeded(::recv(service.fd.get(), &byte, 1, MSG_DONTWAIT) == 1);
         }},
        {"sandbox.connect-abstract-socket",
         "sandbox.network-apart", // both layers: the network namespace and Landlock's scope
         [] {
             Scene scene;
             const QByteArray name = QByteArray(1, '\0') + scene.fixture.mark.toLatin1();
             const Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
             sockaddr_un address{};
             address.sun_family = AF_UNIX;
             std::ranges::copy(name, address.sun_path);
             (void)::bind(fd.get(),
                          reinterpret_cast<sockaddr*>(&address),
                          socklen_t(offsetof(sockaddr_un, sun_path) + size_t(name.size())));
             (void)::listen(fd.get(), 5);
             (void)scene.fixture.python(
                 u"import socket; socket.socket(socket.AF_UNIX).connect('\\x00%1')"_s.arg(
                     scene.fixture.mark));
             return succeeded(Descriptor(::accept(fd.get(), nullptr, nullptr)).get() >= 0);
         }},
        {"sandbox.connect-socket-of-user",
         "sandbox.private-tmp",
         [] {
             Scene scene;
             const QByteArray path = QFile::encodeName(scene.fixture.outside + u"/agent.sock"_s);
             const Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
             sockaddr_un address{};
             address.sun_family = AF_UNIX;
             std::ranges::copy(path, address.sun_path);
             (void)::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
             (void)::listen(fd.get(), 5);
             (void)scene.fixture.python(
                 u"import socket; socket.socket(socket.AF_UNIX).connect('%1')"_s.arg(
                     QString::fromLocal8Bit(path)));
             return succeeded(Descriptor(::accept(fd.get(), nullptr, nullptr)).get() >= 0);
         }},
        {"sandbox.connect-beside-the-door",
         "sandbox.landlock-ports",
         [] {
             Scene scene;
             auto request = scene.fixture.program(
                 {u"python3"_s,
                  u"-c"_s,
                  u"import socket; s = socket.create_server(('127.0.0.1', 8080)); socket.create_connection(('127.0.0.1', 8080)); print('CONN' + 'ECTED')"_s});
             request.ownServers = false;
             return succeeded(scene.sees(request).contains(u"CONNECTED"_s));
         }},
        {"sandbox.netlink-socket",
         "sandbox.calls.socket-families",
         [] { return Scene().calls(u"41, 16, 3, 0"_s); }},
        {"sandbox.vsock-socket",
         "sandbox.calls.socket-families",
         [] { return Scene().calls(u"41, 40, 1, 0"_s); }},
    };
}

// Each by its number on x86-64.
QList<Attack> kernelAttacks()
{
    return {
        {"sandbox.ptrace",
         "sandbox.calls.tracing",
         [] { return Scene().calls(u"101, 0, 0, 0, 0"_s); }},
        {"sandbox.read-other-memory",
         "sandbox.calls.tracing",
         [] {
             return Scene().calls(
                 u"310, os.getpid(), struct.pack('QQ', ctypes.addressof(b), 8), 1, struct.pack('QQ', ctypes.addressof(b) + 8, 8), 1, 0"_s);
         }},
        {"sandbox.user-namespace",
         "sandbox.calls.namespaces",
         [] { return Scene().calls(u"272, 0x10000000"_s); }},
        {"sandbox.user-namespace-by-clone",
         "sandbox.calls.namespaces",
         [] { return Scene().calls(u"56, 0x10000000 | 17, 0, 0, 0, 0"_s); }},
        {"sandbox.keyring",
         "sandbox.calls.keys",
         [] { return Scene().calls(u"248, b'user', b'x', b'y', 1, -1"_s); }},
        {"sandbox.io-uring", "sandbox.calls.rings", [] { return Scene().calls(u"425, 1, b"_s); }},
        {"sandbox.page-faults",
         "sandbox.calls.page-faults",
         [] { return Scene().calls(u"323, 1"_s); }},
        {"sandbox.file-handle",
         "sandbox.calls.handles",
         [] {
             return Scene().calls(
                 u"303, -100, b'.', ctypes.create_string_buffer(struct.pack('I', 128), 200), b, 0"_s);
         }},
        {"sandbox.local-segments",
         "sandbox.calls.segments",
         [] { return Scene().calls(u"154, 0, b, 16"_s); }},
        {"sandbox.executable-data",
         "sandbox.calls.personality", // READ_IMPLIES_EXEC
         [] { return Scene().calls(u"135, 0x0400000"_s); }},
        {"sandbox.list-mounts",
         "sandbox.calls.mounts",
         [] {
             return Scene().calls(
                 u"458, struct.pack('IIQQ', 24, 0, 0xffffffffffffffff, 0), b, 16, 0"_s);
         }},
        {"sandbox.type-on-terminal",
         "sandbox.calls.terminal",
         [] {
             return Scene().pythonSays(uR"(
import pty, os, fcntl, termios
pid, fd = pty.fork()
if pid == 0:
    try:
        fcntl.ioctl(0, termios.TIOCSTI, b"x"); os.write(1, b"TY" + b"PED")
    except OSError: pass
    os._exit(0)
os.waitpid(pid, 0)
print(os.read(fd, 100).decode())
)"_s,
                                       u"TYPED"_s);
         }},
        {"sandbox.other-system-calls",
         "sandbox.calls.native", // int 0x80: mov eax, 20 (getpid); int 0x80; ret
         [] {
             return Scene().pythonSays(
                 u"import ctypes, mmap\nm = mmap.mmap(-1, 4096, "
                 u"prot=7)\nm.write(bytes.fromhex('b814000000cd80c3'))\n"
                 "f = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(m)))\nprint('ANS' + 'WER', f())"_s,
                 u"ANSWER"_s);
         }},
    };
}

QList<Attack> limitAttacks()
{
    return {
        {"sandbox.fork-bomb",
         "sandbox.process-cap", // all layers: pid_max, the resource limit, the helper's count
         [] {
             Scene scene;
             auto request = scene.fixture.program({u"python3"_s, u"-c"_s, uR"(
import os, signal
n = 0
try:
    while n < 600:
        if os.fork() == 0: signal.pause()
        n += 1
except OSError: pass
print(n)
)"_s});
             request.limits.processes = 50;
             return succeeded(scene.sees(request).trimmed().toInt() >= 600);
         }},
        {"sandbox.fill-memory",
         "sandbox.memory-limit",
         [] {
             Scene scene;
             auto request = scene.fixture.program(
                 {u"python3"_s, u"-c"_s, u"x = bytearray(300 << 20); print('HE' + 'LD')"_s});
             request.limits.memoryBytes = 128 << 20;
             return succeeded(scene.sees(request).contains(u"HELD"_s));
         }},
        {"sandbox.fill-memory-together",
         "sandbox.total-memory",
         [] {
             Scene scene;
             auto request = scene.fixture.program({u"python3"_s, u"-c"_s, uR"(
import os, time
for i in range(4):
    if os.fork() == 0:
        x = bytearray(48 << 20); time.sleep(1.2); os._exit(0)
for i in range(4): os.wait()
print("HE" + "LD")
)"_s});
             request.limits.totalMemoryBytes = 96 << 20;
             return succeeded(scene.sees(request).contains(u"HELD"_s));
         }},
        {"sandbox.huge-file",
         "sandbox.file-size",
         [] {
             Scene scene;
             auto request =
                 scene.fixture.request(u"trap '' XFSZ; head -c 9000000 /dev/zero > big"_s);
             request.limits.fileBytes = 8 << 20;
             (void)scene.sees(request);
             return succeeded(QFileInfo(scene.fixture.workspace + u"/big"_s).size() == 9'000'000);
         }},
        {"sandbox.fill-workspace",
         "sandbox.workspace-quota",
         [] {
             Scene scene;
             auto request = scene.fixture.request(
                 u"for i in 1 2 3 4 5 6; do head -c 8000000 /dev/urandom > $i; done; sync -f .; sleep 1; echo FILLED"_s);
             request.limits.workspaceBytes = 16 << 20;
             return succeeded(scene.sees(request).contains(u"FILLED"_s));
         }},
        {"sandbox.fill-workspace-with-deleted-files",
         "sandbox.workspace-quota",
         [] {
             Scene scene;
             auto request = scene.fixture.request(
                 u"exec 3> a 4> b; rm a b; head -c 30000000 /dev/urandom >&3; head -c 30000000 /dev/urandom >&4; sync -f .; sleep 1; echo FILLED"_s);
             request.limits.workspaceBytes = 16 << 20;
             return succeeded(scene.sees(request).contains(u"FILLED"_s));
         }},
        {"sandbox.fill-workspace-in-a-closed-folder",
         "sandbox.workspace-quota",
         [] {
             Scene scene;
             auto request = scene.fixture.request(
                 u"mkdir d; chmod 300 d; for i in 1 2 3 4 5; do head -c 8000000 /dev/urandom > d/$i; done; sync -f .; sleep 1; chmod 700 d; echo FILLED"_s);
             request.limits.workspaceBytes = 16 << 20;
             const auto outcome = succeeded(scene.sees(request).contains(u"FILLED"_s));
             QFile::setPermissions(scene.fixture.workspace + u"/d"_s,
                                   QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
             return outcome;
         }},
        {"sandbox.fill-disk",
         "sandbox.disk-reserve",
         [] {
             Scene scene;
             struct statvfs disk{};
             (void)::statvfs(QFile::encodeName(scene.fixture.workspace).constData(), &disk);
             auto request = scene.fixture.request(
                 u"for i in 1 2 3 4 5 6 7 8; do head -c 8000000 /dev/urandom > $i; done; sync -f .; sleep 1; echo FILLED"_s);
             request.limits.diskReserveBytes =
                 qint64(disk.f_bavail) * qint64(disk.f_frsize) - (30 << 20);
             return succeeded(scene.sees(request).contains(u"FILLED"_s));
         }},
        {"sandbox.fill-tmp",
         "sandbox.tmp-size",
         [] {
             Scene scene;
             auto request =
                 scene.fixture.request(u"head -c 6000000 /dev/zero > /tmp/big && echo FILLED"_s);
             request.limits.tmpBytes = 4 << 20;
             return succeeded(scene.sees(request).contains(u"FILLED"_s));
         }},
        {"sandbox.fill-shared-memory",
         "sandbox.shm-size",
         [] {
             Scene scene;
             auto request = scene.fixture.request(
                 u"head -c 6000000 /dev/zero > /dev/shm/big && echo FILLED"_s);
             request.limits.tmpBytes = 4 << 20;
             return succeeded(scene.sees(request).contains(u"FILLED"_s));
         }},
        {"sandbox.many-descriptors",
         "sandbox.open-files",
         [] {
             Scene scene;
             auto request = scene.fixture.program(
                 {u"python3"_s,
                  u"-c"_s,
                  u"import os; [os.dup(0) for i in range(200)]; print('OPEN' + 'ED')"_s});
             request.limits.openFiles = 64;
             return succeeded(scene.sees(request).contains(u"OPENED"_s));
         }},
        {"sandbox.burn-processor",
         "sandbox.cpu-time",
         [] {
             Scene scene;
             auto request = scene.fixture.program(
                 {u"python3"_s,
                  u"-c"_s,
                  u"import time\nwhile time.process_time() < 1.6: pass\nprint('BU' + 'RNT')"_s});
             request.limits.cpuSeconds = 1;
             return succeeded(scene.sees(request).contains(u"BURNT"_s));
         }},
        {"sandbox.burn-processor-in-turns",
         "sandbox.cpu-time-together",
         [] {
             Scene scene;
             auto request = scene.fixture.program({u"python3"_s, u"-c"_s, uR"(
import os, time
for i in range(6):
    if os.fork() == 0:
        while time.process_time() < 0.6: pass
        os._exit(0)
    os.wait()
print("BU" + "RNT")
)"_s});
             request.limits.cpuSeconds = 1;
             return succeeded(scene.sees(request).contains(u"BURNT"_s));
         }},
        {"sandbox.run-on",
         "sandbox.wall-time",
         [] {
             Scene scene;
             auto request = scene.fixture.request(u"sleep 0.8; echo LATE"_s);
             request.limits.wall = Milliseconds(200);
             return succeeded(scene.sees(request).contains(u"LATE"_s));
         }},
        {"sandbox.outlive-the-command",
         "sandbox.end-with-command",
         [] {
             Scene scene;
             (void)scene.sees(
                 u"(trap '' HUP TERM; sleep 0.4; echo x > planted) >/dev/null 2>&1 &"_s);
             return succeeded(QFile::exists(scene.fixture.workspace + u"/planted"_s));
         }},
        {"sandbox.flood-output",
         "sandbox.output-size",
         [] {
             Scene scene;
             return succeeded(scene.sees(u"yes | head -c 2000000"_s).size() > 1'000'000);
         }},
        {"sandbox.raise-process-cap",
         "sandbox.landlock",
         [] {
             Scene scene;
             return scene.says(u"echo 30000 > /.signalbox/pid_max && echo RAISED"_s, u"RAISED"_s);
         }},
    };
}

QList<Attack> attacks()
{
    return fileAttacks() + secretAttacks() + networkAttacks() + kernelAttacks() + limitAttacks();
}

} // namespace

/// What a hostile command tries, each refused by one defence.
class tst_SandboxAttacks : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        qputenv("SB_TEST_SECRET", Secret);
        Scene scene;
        const auto& can = scene.fixture.sandbox.capabilities();
        QVERIFY2(can.usable, qPrintable(can.problem));
    }
    void attack_data() { attack::addRows(attacks()); }
    void attack()
    {
#ifndef Q_PROCESSOR_X86_64
        QSKIP("The numbers of system calls are those of x86-64.");
#endif
        attack::check(attacks());
    }
};

QTEST_GUILESS_MAIN(tst_SandboxAttacks)
#include "tst_SandboxAttacks.moc"
