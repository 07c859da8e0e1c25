#include "tests/security/SandboxScene.h"

#include <sys/statvfs.h>

using namespace sb;
using namespace sb::sandbox;
using namespace sb::sandbox::scene;
using namespace Qt::StringLiterals;
using attack::Attack;

namespace {

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
    return kernelAttacks() + limitAttacks();
}

} // namespace

/// What a hostile command tries against the kernel and its limits, each refused by one defence.
class tst_SandboxKernelAttacks : public QObject
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

QTEST_GUILESS_MAIN(tst_SandboxKernelAttacks)
#include "tst_SandboxKernelAttacks.moc"
