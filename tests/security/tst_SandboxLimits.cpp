#include "tests/security/SandboxFixture.h"

#include <csignal>
#include <sys/statvfs.h>

using namespace sb;
using namespace sb::sandbox;
using namespace Qt::StringLiterals;

/// What a hostile command cannot use up, and that it ends when it must.
class tst_SandboxLimits : public QObject
{
    Q_OBJECT

    SystemClock m_clock;
    std::unique_ptr<SandboxFixture> m_fixture;

    static qsizetype openDescriptors()
    {
        return QDir(u"/proc/self/fd"_s)
            .entryList(QDir::AllEntries | QDir::System | QDir::NoDotAndDotDot)
            .size();
    }

private Q_SLOTS:
    void init()
    {
        m_fixture = std::make_unique<SandboxFixture>(m_clock);
        const auto& can = m_fixture->sandbox.capabilities();
        QVERIFY2(can.usable, qPrintable(can.problem));
    }
    void cleanup() { QCOMPARE(m_fixture->survivors(), 0); }

    void forksAreCapped()
    {
        if (const auto& can = m_fixture->sandbox.capabilities(); !can.remark.isEmpty()) {
            QSKIP(qPrintable(can.remark));
        }
        auto request = m_fixture->program({u"python3"_s, u"-c"_s, uR"(
import os, time
n = 0
while n < 5000:
    try:
        if os.fork() == 0:
            time.sleep(1000)
    except OSError as e:
        break
    n += 1
print(n)
)"_s});
        request.limits.processes = 50;
        const auto done = m_fixture->outcome(request);
        const int count = done.output.trimmed().toInt();
        QVERIFY2(count >= 45 && count <= 350, qPrintable(done.output));
    }
    void forkBombIsContained()
    {
        auto request = m_fixture->request(u"bomb() { bomb | bomb & }; bomb & exec sleep 1000"_s);
        request.limits.processes = 50;
        request.limits.wall = Milliseconds(700);
        const auto done = m_fixture->outcome(request);
        QVERIFY2(done.timedOut, qPrintable(done.output));
        QVERIFY(done.output.size() < 500'000);
    }
    void memoryIsCapped()
    {
        auto request = m_fixture->program(
            {u"python3"_s,
             u"-c"_s,
             u"x = []\ntry:\n while True: x.append(bytearray(1 << 24))\nexcept MemoryError: print(len(x) < 16)"_s});
        request.limits.memoryBytes = 256 << 20;
        QCOMPARE(m_fixture->outcome(request).output, u"True\n"_s);
    }
    void memoryOfAllTogetherIsCapped()
    {
        // Each process stays below its own limit, and shares what it can to look smaller.
        auto request = m_fixture->program({u"python3"_s, u"-c"_s, uR"(
import mmap, os, time
for i in range(20):
    if os.fork() == 0:
        m = mmap.mmap(-1, 32 << 20)
        m.write(b"x" * (32 << 20))
        time.sleep(1000)
time.sleep(1000)
)"_s});
        request.limits.memoryBytes = 128 << 20;
        request.limits.totalMemoryBytes = 256 << 20;
        const auto done = m_fixture->outcome(request);
        QCOMPARE(done.signal, SIGKILL);
        QVERIFY(!done.timedOut);
        QCOMPARE(
            done.output,
            u"\nsignalbox: ended because its processes together held more memory than is allowed\n"_s);
    }
    void sharedMemoryCountsOnce()
    {
        auto request = m_fixture->program({u"python3"_s, u"-c"_s, uR"(
import mmap, os, time
m = mmap.mmap(-1, 64 << 20)
m.write(b"x" * (64 << 20))
for i in range(10):
    if os.fork() == 0:
        sum(m[::4096]); time.sleep(0.5); os._exit(0)
for i in range(10): os.wait()
print("fine")
)"_s});
        request.limits.totalMemoryBytes = 256 << 20;
        QCOMPARE(m_fixture->outcome(request).output, u"fine\n"_s);
    }
    void filesAreCapped()
    {
        auto request = m_fixture->request(
            u"trap '' XFSZ; dd if=/dev/zero of=big bs=1M count=64 2>&1; stat -c %s big"_s);
        request.limits.fileBytes = 8 << 20;
        const auto done = m_fixture->outcome(request);
        QVERIFY2(done.output.contains(u"File too large"_s), qPrintable(done.output));
        QVERIFY2(done.output.endsWith(u"\n8388608\n"_s), qPrintable(done.output));
    }
    void diskKeepsItsReserve()
    {
        struct statvfs disk{};
        QVERIFY(::statvfs(m_fixture->workspace.toLocal8Bit().constData(), &disk) == 0);
        const auto free = qint64(disk.f_bavail) * qint64(disk.f_frsize);
        // Many files, each within its limit; enough of them, even when others make room on the disk
        // meanwhile.
        auto request = m_fixture->request(
            u"i=0; while [ $i -lt 6000 ]; do head -c 1000000 /dev/zero > $i; i=$((i + 1)); done; echo filled"_s);
        request.limits.diskReserveBytes = free - (50 << 20);
        const auto done = m_fixture->outcome(request);
        QVERIFY2(done.output.endsWith(
                     u"signalbox: ended because the workspace's disk is nearly full\n"_s),
                 qPrintable(done.output));
        QCOMPARE(done.signal, SIGKILL);
    }
    void memoryFoldersAreCapped_data()
    {
        QTest::addColumn<QString>("folder");
        QTest::newRow("/tmp") << u"/tmp"_s;
        QTest::newRow("/dev/shm") << u"/dev/shm"_s;
        QTest::newRow("/var/tmp") << u"/var/tmp"_s;
    }
    void memoryFoldersAreCapped()
    {
        QFETCH(QString, folder);
        auto request = m_fixture->request(
            u"for i in 1 2 3 4 5 6 7 8; do dd if=/dev/zero of=%1/$i bs=1M count=1 2>&1; done | grep -c 'No space left'; du -sk %1/. | cut -f1"_s
                .arg(folder));
        request.limits.tmpBytes = 4 << 20;
        const auto lines = m_fixture->outcome(request).output.split(u'\n');
        QVERIFY2(lines.value(0).toInt() >= 4, qPrintable(lines.join(u' ')));
        QVERIFY2(lines.value(1).toInt() <= 4200, qPrintable(lines.join(u' ')));
    }
    void descriptorsAndTimeAreCapped()
    {
        auto request =
            m_fixture->request(u"ulimit -n; ulimit -Hn; ulimit -c; while :; do :; done"_s);
        request.limits.openFiles = 64;
        request.limits.cpuSeconds = 1;
        const auto done = m_fixture->outcome(request);
        QCOMPARE(done.output, u"64\n64\n0\n"_s);
        QVERIFY(done.signal == SIGXCPU || done.signal == SIGKILL);
        QCOMPARE(done.exitCode, -1);
        QVERIFY(!done.timedOut);
    }

    void timeoutEndsAll()
    {
        auto request = m_fixture->request(
            u"echo started; nohup setsid sh -c '(trap \"\" TERM HUP INT; while :; do sleep 0.05; done) & disown 2>/dev/null; sleep 1000' >/dev/null 2>&1 & trap '' TERM; while :; do sleep 0.1; done"_s);
        request.limits.wall = Milliseconds(400);
        const auto done = m_fixture->outcome(request);
        QVERIFY2(done.timedOut, qPrintable(done.output));
        QVERIFY(!done.cancelled);
        QCOMPARE(done.exitCode, -1);
        QCOMPARE(done.output, u"started\n"_s);
        QCOMPARE(m_fixture->survivors(), 0);
        QVERIFY2(done.durationMs >= 400 && done.durationMs < 5000,
                 qPrintable(QString::number(done.durationMs)));
    }
    void stoppedProcessesEndToo()
    {
        auto request = m_fixture->request(u"kill -STOP $$; echo never"_s);
        request.limits.wall = Milliseconds(200);
        QVERIFY(m_fixture->outcome(request).timedOut);
    }
    void timeoutComesFromTheClock()
    {
        FakeClock clock;
        SandboxFixture fixture(clock);
        QVERIFY(fixture.sandbox.capabilities().usable);
        auto plan = fixture.sandbox.plan(fixture.request(u"sleep 1000"_s));
        QVERIFY(plan);
        auto future = fixture.sandbox.launch(std::move(*plan), {}, {});
        QTRY_COMPARE(clock.waiting(), 1);
        clock.advance(Milliseconds(60'000));
        const auto done = std::move(future).wait();
        QVERIFY(done);
        QVERIFY(done->timedOut);
        QCOMPARE(clock.waiting(), 0);
        QCOMPARE(fixture.survivors(), 0);
    }
    void cancelIsKindFirst()
    {
        std::stop_source stop;
        auto plan = m_fixture->sandbox.plan(m_fixture->request(
            u"trap 'echo tidied up; exit 0' TERM; echo ready; while :; do sleep 0.05; done"_s));
        QVERIFY(plan);
        std::atomic<bool> ready = false;
        auto future = m_fixture->sandbox.launch(
            std::move(*plan), [&](const QString&) { ready = true; }, stop.get_token());
        QTRY_VERIFY(ready);
        stop.request_stop();
        const auto done = std::move(future).wait();
        QVERIFY(done);
        QVERIFY(done->cancelled);
        QCOMPARE(done->exitCode, -1);
        QVERIFY2(done->output.contains(u"tidied up"_s), qPrintable(done->output));
    }
    void cancelBeforeTheStart()
    {
        std::stop_source stop;
        stop.request_stop();
        auto plan = m_fixture->sandbox.plan(m_fixture->request(u"touch ran"_s));
        QVERIFY(plan);
        const auto done = m_fixture->sandbox.launch(std::move(*plan), {}, stop.get_token()).wait();
        QVERIFY(done && done->cancelled);
        QVERIFY(!QFile::exists(m_fixture->workspace + u"/ran"_s));
    }
    void cancelRacesWithTheStart()
    {
        for (int i = 0; i < 40; ++i) {
            std::stop_source stop;
            auto plan = m_fixture->sandbox.plan(m_fixture->request(u"sleep 1000"_s));
            QVERIFY(plan);
            auto future = m_fixture->sandbox.launch(std::move(*plan), {}, stop.get_token());
            std::this_thread::sleep_for(
                std::chrono::microseconds(250 * i)); // lands in every phase of the start
            stop.request_stop();
            const auto done = std::move(future).wait();
            QVERIFY(done && done->cancelled);
        }
    }
    void ownersCanGoAway()
    {
        auto plan =
            m_fixture->sandbox.plan(m_fixture->request(u"trap '' TERM; sleep 1000 & sleep 1000"_s));
        QVERIFY(plan);
        const QString mark = m_fixture->mark;
        std::optional<Future<Outcome>> future;
        {
            Sandbox other({QStringLiteral(SB_BIN_DIR "/signalbox-sandbox-helper"), u"bwrap"_s, {}},
                          m_clock);
            std::atomic<bool> up = false;
            plan->argv.last().prepend(u"echo up;"_s);
            future.emplace(other.launch(std::move(*plan), [&](const QString&) { up = true; }, {}));
            QTRY_VERIFY(up);
        }
        QCOMPARE(m_fixture->survivors(), 0);
        const auto done = std::move(*future).wait();
        QVERIFY(done && done->cancelled);
    }

    void backgroundChildrenGoWithTheCommand()
    {
        const auto done = m_fixture->sh(
            u"(trap '' HUP TERM; sleep 1000) & setsid sleep 1000 & echo done; exit 3"_s);
        QCOMPARE(done.output, u"done\n"_s);
        QCOMPARE(done.exitCode, 3);
        QVERIFY2(done.durationMs < 5000, qPrintable(QString::number(done.durationMs)));
        QCOMPARE(m_fixture->survivors(), 0);
    }
    void killedLauncherTakesAllAlong()
    {
        // Somebody on the machine kills bubblewrap itself.
        auto plan =
            m_fixture->sandbox.plan(m_fixture->request(u"echo up; trap '' TERM; sleep 1000"_s));
        QVERIFY(plan);
        std::atomic<bool> up = false;
        auto future =
            m_fixture->sandbox.launch(std::move(*plan), [&](const QString&) { up = true; }, {});
        QTRY_VERIFY(up);
        const auto numbers = QDir(u"/proc"_s).entryList(QDir::Dirs | QDir::NoDotAndDotDot);
        for (const auto& number : numbers) {
            QFile command(u"/proc/%1/cmdline"_s.arg(number));
            QFile environment(u"/proc/%1/environ"_s.arg(number));
            if (command.open(QIODevice::ReadOnly) && command.readAll().contains("bwrap") &&
                environment.open(QIODevice::ReadOnly) &&
                environment.readAll().contains(m_fixture->mark.toLatin1())) {
                ::kill(number.toInt(), SIGKILL);
            }
        }
        const auto done = std::move(future).wait();
        QVERIFY(done);
        QCOMPARE(done->exitCode, -1);
        QCOMPARE(done->signal, SIGKILL);
        QCOMPARE(m_fixture->survivors(), 0);
    }
    void signalsAreReported()
    {
        const auto done = m_fixture->sh(u"kill -SEGV $$"_s);
        QCOMPARE(done.exitCode, -1);
        QCOMPARE(done.signal, SIGSEGV);
        QCOMPARE(m_fixture->sh(u"exit 137"_s).exitCode, 137);
    }

    void hugeOutputStaysSmall()
    {
        qsizetype shown = 0;
        auto plan = m_fixture->sandbox.plan(
            m_fixture->request(u"echo first; yes | head -c 100000000; echo; echo last"_s));
        QVERIFY(plan);
        const auto done =
            m_fixture->sandbox
                .launch(std::move(*plan), [&](const QString& t) { shown += t.size(); }, {})
                .wait();
        QVERIFY(done);
        QCOMPARE(done->outputBytes, 100'000'000 + 12);
        QVERIFY2(done->output.startsWith(u"first\ny\ny\n"_s) &&
                     done->output.endsWith(u"y\n\nlast\n"_s),
                 qPrintable(done->output.left(100)));
        QVERIFY(done->output.size() < (64 << 10) + 100);
        QVERIFY(done->output.contains(u"[… 99,934,476 bytes left out …]"_s));
        QVERIFY2(shown > 10'000 && shown < 20'000'000, qPrintable(QString::number(shown)));
    }
    void outputWithoutNewlineArrives()
    {
        QString live;
        auto plan = m_fixture->sandbox.plan(
            m_fixture->request(u"printf 'half \\303'; printf '\\274 done' >&2"_s));
        QVERIFY(plan);
        const auto done =
            m_fixture->sandbox.launch(std::move(*plan), [&](const QString& t) { live += t; }, {})
                .wait();
        QVERIFY(done);
        QCOMPARE(done->output, u"half ü done"_s);
        QCOMPARE(live, u"half ü done"_s);
    }
    void binaryOutputIsText()
    {
        const auto done = m_fixture->sh(u"head -c 3000 /dev/urandom"_s);
        QCOMPARE(done.outputBytes, 3000);
        QVERIFY(!done.output.contains(QChar(u'\x1b')));
    }

    void missingCommandIsClear()
    {
        auto done = m_fixture->outcome(m_fixture->program({u"no-such-program"_s, u"x"_s}));
        QCOMPARE(done.output, u"signalbox: no-such-program: command not found\n"_s);
        QCOMPARE(done.exitCode, 127);
        done = m_fixture->outcome(m_fixture->program({u"/etc/passwd"_s}));
        QCOMPARE(done.output, u"signalbox: /etc/passwd cannot be started: Permission denied\n"_s);
        QCOMPARE(done.exitCode, 126);
    }
    void vanishedFolderIsClear()
    {
        QVERIFY(QDir().mkpath(m_fixture->workspace + u"/sub"_s));
        auto request = m_fixture->request(u"true"_s);
        request.cwd = m_fixture->workspace + u"/sub"_s;
        auto plan = m_fixture->sandbox.plan(request);
        QVERIFY(plan);
        QVERIFY(QDir().rmdir(request.cwd));
        auto copy = *plan;
        auto done = m_fixture->sandbox.launch(std::move(copy), {}, {}).wait();
        QVERIFY(!done);
        QCOMPARE(done.error().message, u"The working folder %1 does not exist."_s.arg(request.cwd));
        // Or it became a way out.
        QVERIFY(QFile::link(m_fixture->outside, request.cwd));
        done = m_fixture->sandbox.launch(std::move(*plan), {}, {}).wait();
        QVERIFY(!done);
        QCOMPARE(done.error().code, ErrorCode::Forbidden);
    }
    void launcherOfAPlanIsNotTrusted()
    {
        auto plan =
            m_fixture->sandbox.plan(m_fixture->request(u"ls '%1'"_s.arg(m_fixture->outside)));
        QVERIFY(plan);
        const auto hash = plan->hash();
        plan->launcher << u"--bind"_s << u"/"_s << u"/"_s;
        QCOMPARE(plan->hash(), hash); // so it must have no effect
        const auto done = m_fixture->sandbox.launch(std::move(*plan), {}, {}).wait();
        QVERIFY(done);
        QVERIFY(done->exitCode > 0);
    }

    void withoutBubblewrapItRefuses()
    {
        Sandbox sandbox(
            {QStringLiteral(SB_BIN_DIR "/signalbox-sandbox-helper"), u"/nonexistent"_s, {}},
            m_clock);
        auto plan = sandbox.plan(m_fixture->request(u"touch ran"_s));
        QVERIFY(plan);
        const auto done = sandbox.launch(std::move(*plan), {}, {}).wait();
        QVERIFY(!done);
        QCOMPARE(done.error().code, ErrorCode::Unsupported);
        QCOMPARE(
            done.error().message,
            u"Commands run only inside a sandbox, and bubblewrap is missing. Install it: apt-get install bubblewrap"_s);
        QVERIFY(!QFile::exists(m_fixture->workspace + u"/ran"_s));
    }
    void withoutHelperItRefuses()
    {
        Sandbox sandbox({u"/nonexistent/helper"_s, u"bwrap"_s, {}}, m_clock);
        QVERIFY(!sandbox.capabilities().usable);
        QVERIFY(sandbox.capabilities().problem.contains(u"/nonexistent/helper"_s));
    }
    void brokenBubblewrapIsRefusedInItsWords()
    {
        const QString fake = m_fixture->workspace + u"/bwrap"_s;
        m_fixture->write(
            fake, "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n");
        QVERIFY(QFile::setPermissions(fake, QFile::permissions(fake) | QFile::ExeOwner));
        Sandbox sandbox({QStringLiteral(SB_BIN_DIR "/signalbox-sandbox-helper"), fake, {}},
                        m_clock);
        QVERIFY(!sandbox.capabilities().usable);
        QVERIFY2(sandbox.capabilities().problem.contains(u"namespace"_s),
                 qPrintable(sandbox.capabilities().problem));
    }

    void manyLaunchesLeaveNothing()
    {
        (void)m_fixture->sh(u"true"_s);
        const auto before = openDescriptors();
        for (int round = 0; round < 10; ++round) {
            std::vector<Future<Outcome>> futures;
            for (int i = 0; i < 20; ++i) {
                auto plan = m_fixture->sandbox.plan(m_fixture->request(u"echo %1"_s.arg(i)));
                QVERIFY(plan);
                futures.push_back(m_fixture->sandbox.launch(std::move(*plan), {}, {}));
            }
            for (int i = 0; i < 20; ++i) {
                const auto done = std::move(futures[size_t(i)]).wait();
                QVERIFY(done);
                QCOMPARE(done->output, u"%1\n"_s.arg(i));
            }
        }
        QCOMPARE(openDescriptors(), before);
    }
};

QTEST_GUILESS_MAIN(tst_SandboxLimits)
#include "tst_SandboxLimits.moc"
