#include "core/sandbox/Descriptor.h"
#include "tests/security/SandboxScene.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace sb;
using namespace sb::sandbox;
using namespace sb::sandbox::scene;
using namespace Qt::StringLiterals;
using attack::Attack;

namespace {

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

QList<Attack> attacks()
{
    return fileAttacks() + secretAttacks() + networkAttacks();
}

} // namespace

/// What a hostile command tries to read, change and reach, each refused by one defence.
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
