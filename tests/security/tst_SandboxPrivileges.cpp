#include "tests/security/SandboxFixture.h"

using namespace sb;
using namespace sb::sandbox;
using namespace Qt::StringLiterals;

/// What a hostile command cannot become or do to the kernel.
class tst_SandboxPrivileges : public QObject
{
    Q_OBJECT

    SystemClock m_clock;
    SandboxFixture m_fixture{m_clock};

private Q_SLOTS:
    void initTestCase()
    {
        const auto& can = m_fixture.sandbox.capabilities();
        QVERIFY2(can.usable, qPrintable(can.problem));
        if (!can.remark.isEmpty()) {
            qInfo() << can.remark;
        }
    }
    void cleanup() { QCOMPARE(m_fixture.survivors(), 0); }

    void stateIsStripped()
    {
        const auto done = m_fixture.sh(
            u"grep -E '^(Cap...|NoNewPrivs|Seccomp|Uid|TracerPid):' /proc/self/status | tr '\\t' ' '"_s);
        QCOMPARE(
            done.output,
            u"TracerPid: 0\nUid: 1000 1000 1000 1000\n"
            "CapInh: 0000000000000000\nCapPrm: 0000000000000000\nCapEff: 0000000000000000\n"
            "CapBnd: 0000000000000000\nCapAmb: 0000000000000000\nNoNewPrivs: 1\nSeccomp: 2\n"_s);
    }

    // System calls by number, as a program without any library would make them. Each must answer
    // EPERM (1), or ENOSYS (38) where that is how we refuse it.
    void callsAreRefused_data()
    {
        QTest::addColumn<QString>("call");
        QTest::addColumn<int>("error");
        const auto row = [](const char* name, const QString& call, int error = 1) {
            QTest::newRow(name) << call << error;
        };
        row("ptrace attach", u"101, 16, os.getppid(), 0, 0"_s);
        row("ptrace traceme", u"101, 0, 0, 0, 0"_s);
        row("process_vm_readv", u"310, os.getppid(), 0, 0, 0, 0, 0"_s);
        row("mount", u"165, b'none', b'/tmp', b'tmpfs', 0, 0"_s);
        row("umount", u"166, b'/proc', 0"_s);
        row("pivot_root", u"155, b'/tmp', b'/tmp'"_s);
        row("chroot", u"161, b'/tmp'"_s);
        row("open_tree", u"428, -100, b'/', 1"_s);
        row("fsopen", u"430, b'tmpfs', 0"_s);
        row("mount_setattr", u"442, -100, b'/', 0, 0, 0"_s);
        row("unshare user", u"272, 0x10000000"_s);
        row("unshare mounts", u"272, 0x00020000"_s);
        row("setns", u"308, 0, 0"_s);
        row("clone into a user namespace", u"56, 0x10000000 | 17, 0, 0, 0, 0"_s);
        row("clone into a network namespace", u"56, 0x40000000 | 17, 0, 0, 0, 0"_s);
        row("clone3", u"435, 0, 0"_s, 38);
        row("keyctl", u"250, 0, 0"_s);
        row("add_key", u"248, b'user', b'x', b'y', 1, -2"_s);
        row("bpf", u"321, 0, 0, 0"_s);
        row("perf_event_open", u"298, 0, 0, 0, 0, 0"_s);
        row("userfaultfd", u"323, 0"_s);
        row("io_uring_setup", u"425, 1, 0"_s);
        row("kexec_load", u"246, 0, 0, 0, 0"_s);
        row("init_module", u"175, 0, 0, b''"_s);
        row("finit_module", u"313, 0, b'', 0"_s);
        row("reboot", u"169, 0xfee1dead, 672274793, 0, 0"_s);
        row("open_by_handle_at", u"304, 0, 0, 0"_s);
        row("swapon", u"167, b'/tmp/x', 0"_s);
        row("settimeofday", u"164, 0, 0"_s);
        row("sethostname", u"170, b'x', 1"_s);
        row("TIOCSTI", u"16, 0, 0x5412, b'x'"_s);
        row("TIOCSTI with high bits", u"16, 0, 0x100005412, b'x'"_s);
        row("TIOCLINUX", u"16, 0, 0x541c, b'x'"_s);
        row("netlink socket", u"41, 16, 3, 0"_s);
        row("packet socket", u"41, 17, 3, 0"_s);
        row("vsock socket", u"41, 40, 1, 0"_s);
        row("kernel cryptography socket", u"41, 38, 5, 0"_s);
        row("family with high bits", u"41, 0x100000010, 3, 0"_s);
        row("raw socket", u"41, 2, 3, 1"_s);
    }
    void callsAreRefused()
    {
#ifndef Q_PROCESSOR_X86_64
        QSKIP("The numbers are those of x86-64.");
#endif
        QFETCH(QString, call);
        QFETCH(int, error);
        const auto done = m_fixture.python(
            u"import ctypes, os\nc = ctypes.CDLL(None, use_errno=True)\nc.syscall.restype = "
            u"ctypes.c_long\n"
            "args = [ctypes.c_long(a) if isinstance(a, int) else a for a in (%1,)]\n"
            "r = c.syscall(*args)\nprint(r, ctypes.get_errno())"_s.arg(call));
        QCOMPARE(done.output, u"-1 %1\n"_s.arg(error));
    }

    void otherInstructionSetsDie()
    {
#ifndef Q_PROCESSOR_X86_64
        QSKIP("The machine code is that of x86-64.");
#endif
        // int 0x80: the 32-bit door, with other numbers. mov eax, 20 (getpid); int 0x80; ret
        const auto done = m_fixture.python(
            u"import ctypes, mmap\nm = mmap.mmap(-1, 4096, "
            u"prot=7)\nm.write(bytes.fromhex('b814000000cd80c3'))\n"
            "f = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(m)))\nprint('answer', f())"_s);
        QVERIFY2(!done.output.contains(u"answer"_s), qPrintable(done.output));
    }

    void namespacesCannotBeMade()
    {
        const auto done = m_fixture.sh(
            u"unshare -U true && echo MADE; unshare -r id && echo MADE; bwrap --ro-bind / / true && echo MADE; nsenter -t 1 -m true && echo ENTERED; mount -t tmpfs x /tmp && echo MOUNTED; true"_s);
        QVERIFY2(!done.output.contains(u"MADE"_s) && !done.output.contains(u"ENTERED"_s) &&
                     !done.output.contains(u"MOUNTED"_s),
                 qPrintable(done.output));
    }

    void setuidProgramsGainNothing()
    {
        const auto done = m_fixture.sh(
            u"cp /usr/bin/id mine; chmod 6755 mine; ./mine -u; su -c id root </dev/null; for p in $(find /usr/bin /usr/sbin -perm -4000 2>/dev/null | head -3); do grep -q 1 /proc/self/status; done; python3 -c 'import os\nfor f in (os.setuid, os.setgid):\n try: f(0); print(\"ROOT\")\n except OSError as e: print(\"refused\")'"_s);
        QVERIFY2(done.output.startsWith(u"1000\n"_s), qPrintable(done.output));
        QVERIFY2(!done.output.contains(u"uid=0"_s) && !done.output.contains(u"ROOT"_s),
                 qPrintable(done.output));
        QCOMPARE(done.output.count(u"refused"_s), 2);
        // Nor is a program that we would run outside left with such a bit and another owner.
        QCOMPARE(QFileInfo(m_fixture.workspace + u"/mine"_s).ownerId(),
                 QFileInfo(m_fixture.workspace).ownerId());
    }

    void devicesCannotBeMade()
    {
        const auto done = m_fixture.sh(
            u"mknod disk b 254 0; mknod /tmp/mem c 1 1; cat disk /tmp/mem; ls /dev | tr '\\n' ' '"_s);
        QVERIFY2(
            done.output.endsWith(
                u"core fd full null ptmx pts random shm stderr stdin stdout tty urandom zero "_s),
            qPrintable(done.output));
    }

    void terminalIsAbsent()
    {
        const auto done =
            m_fixture.sh(u"tty; echo > /dev/tty && echo TYPED; ps -o tty= -p $$; true"_s);
        QVERIFY2(done.output.contains(u"not a tty"_s), qPrintable(done.output));
        QVERIFY2(!done.output.contains(u"TYPED"_s), qPrintable(done.output));
    }
    void terminalCannotBeSpoofed()
    {
        QString live;
        auto plan = m_fixture.sandbox.plan(m_fixture.request(
            u"printf '\\033]0;owned\\007\\033[2J\\033[1A\\302\\233safe\\r\\342\\200\\256over\\377'"_s));
        QVERIFY(plan);
        const auto done =
            m_fixture.sandbox
                .launch(std::move(*plan), [&](const QString& text) { live += text; }, {})
                .wait();
        QVERIFY(done);
        QCOMPARE(done->output, u"␛]0;owned␇␛[2J␛[1A‹U+009B›safe\n‹U+202E›over\uFFFD"_s);
        QCOMPARE(live, done->output);
    }

    void ordinaryWorkIsUnhindered_data()
    {
        QTest::addColumn<QString>("script");
        QTest::addColumn<QString>("program");
        QTest::newRow("C") << u"echo 'int main(void){return 0;}' > a.c && cc -o a a.c && ./a"_s
                           << u"cc"_s;
        QTest::newRow("make") << u"printf 'all:\\n\\t@true\\n' > Makefile && make -j4"_s
                              << u"make"_s;
        QTest::newRow("git")
            << u"git init -q r && cd r && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x && git status >/dev/null"_s
            << u"git"_s;
        QTest::newRow("clang")
            << u"echo 'int main(){return 0;}' > b.cc && clang++-19 -O1 -o b b.cc && ./b"_s
            << u"clang++-19"_s;
        QTest::newRow("cmake")
            << u"printf 'cmake_minimum_required(VERSION 3.20)\nproject(p C)\nadd_executable(p p.c)\n' > CMakeLists.txt && echo 'int main(void){return 0;}' > p.c && cmake -S . -B o >/dev/null && cmake --build o >/dev/null"_s
            << u"cmake"_s;
        QTest::newRow("bash") << u"bash -c 'cat <(echo x) | tee y; wait; [[ -s y ]]'"_s
                              << u"bash"_s;
        QTest::newRow("npm") << u"npm init -y >/dev/null && npm pack --silent"_s << u"npm"_s;
        QTest::newRow("curl")
            << u"python3 -m http.server 8123 --bind 127.0.0.1 >/dev/null 2>&1 & for i in 1 2 3 4 5 6 7 8 9; do curl -sf http://127.0.0.1:8123/ >/dev/null && exit 0; sleep 0.2; done; exit 1"_s
            << u"curl"_s;
        QTest::newRow("java") << u"java -version"_s << u"java"_s;
        QTest::newRow("pip") << u"python3 -m venv --without-pip v && v/bin/python -c 'import ssl'"_s
                             << u"python3"_s;
        QTest::newRow("sqlite")
            << u"python3 -c 'import sqlite3; d=sqlite3.connect(\"x.db\"); d.execute(\"pragma journal_mode=wal\"); d.execute(\"create table t(a)\")'"_s
            << u"python3"_s;
        QTest::newRow("node")
            << u"node -e 'fetch; new WebAssembly.Memory({initial:1}); require(\"child_process\").execSync(\"true\")'"_s
            << u"node"_s;
        QTest::newRow("threads")
            << u"python3 -c 'import concurrent.futures as f; list(f.ProcessPoolExecutor(2).map(abs, range(9)))'"_s
            << u"python3"_s;
        QTest::newRow("loopback")
            << u"python3 -c 'import socket; s=socket.create_server((\"127.0.0.1\",0)); socket.create_connection(s.getsockname())'"_s
            << u"python3"_s;
        QTest::newRow("terminal of its own")
            << u"python3 -c 'import pty; pty.spawn([\"true\"])'"_s << u"python3"_s;
    }
    void ordinaryWorkIsUnhindered()
    {
        QFETCH(QString, script);
        QFETCH(QString, program);
        if (m_fixture.sh(u"command -v "_s + program).exitCode != 0) {
            QSKIP("The program is not on this machine.");
        }
        const auto done = m_fixture.sh(script);
        QVERIFY2(done.exitCode == 0, qPrintable(done.output));
        for (const auto& refused : done.refusedCalls) {
            qInfo() << refused.call << refused.count << refused.program;
        }
    }

    void whatIsRefusedIsTold()
    {
        const auto done = m_fixture.python(uR"(
import ctypes
c = ctypes.CDLL(None, use_errno=True)
for i in range(3): c.syscall(101, 0, 0, 0, 0); print(ctypes.get_errno())
c.syscall(425, 1, 0)
c.syscall(500); print(ctypes.get_errno())
c.syscall(5000); print(ctypes.get_errno())
)"_s);
        QCOMPARE(done.output, u"1\n1\n1\n38\n38\n"_s);
        auto calls = done.refusedCalls;
        std::ranges::sort(calls, {}, &RefusedCall::call);
        QCOMPARE(calls.size(), 4);
        QCOMPARE(calls[0].call, u"io_uring_setup"_s);
        QCOMPARE(calls[1], (RefusedCall{u"ptrace"_s, 3, calls[1].pid, u"python3"_s}));
        QVERIFY(calls[1].pid > 1);
        QCOMPARE(calls[2].call, u"system call 500"_s);
        QCOMPARE(calls[3].count, 1);
    }
    void aFloodOfRefusedCallsDisturbsNobody()
    {
        auto request = m_fixture.program({u"python3"_s, u"-c"_s, uR"(
import ctypes, os
c = ctypes.CDLL(None, use_errno=True)
for i in range(8):
    if os.fork() == 0:
        while True: c.syscall(250, 0, 0, 0, 0, 0)
print("up", flush=True)
import time; time.sleep(1000)
)"_s});
        request.limits.wall = Milliseconds(600);
        const auto done = m_fixture.outcome(request);
        QVERIFY(done.timedOut);
        QCOMPARE(done.output, u"up\n"_s);
        QVERIFY2(done.durationMs < 5000, qPrintable(QString::number(done.durationMs)));
        QVERIFY(!done.refusedCalls.isEmpty() && done.refusedCalls[0].count > 100);
    }
    void aFurtherFilterCannotHideAnything()
    {
        // A listener of one's own: the kernel allows one in a chain, and ours is there.
        const auto done = m_fixture.python(uR"(
import ctypes, struct
c = ctypes.CDLL(None, use_errno=True)
code = struct.pack("HBBI", 6, 0, 0, 0x7fc00000)
b = ctypes.create_string_buffer(code)
class P(ctypes.Structure): _fields_ = [("n", ctypes.c_ushort), ("f", ctypes.c_void_p)]
p = P(1, ctypes.addressof(b))
print(c.syscall(317, 1, 8, ctypes.byref(p)), ctypes.get_errno())
)"_s);
        QCOMPARE(done.output, u"-1 16\n"_s);
    }
};

QTEST_GUILESS_MAIN(tst_SandboxPrivileges)
#include "tst_SandboxPrivileges.moc"
