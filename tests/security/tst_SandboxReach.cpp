#include "tests/security/SandboxFixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace sb;
using namespace sb::sandbox;
using namespace Qt::StringLiterals;

/// What a hostile command cannot reach: files, processes, the network, secrets.
class tst_SandboxReach : public QObject
{
    Q_OBJECT

    SystemClock m_clock;
    std::unique_ptr<SandboxFixture> m_fixture;
    QString m_key; ///< a private key outside of the workspace

    static constexpr const char* Secret = "hunter2-do-not-leak";
    static QString secret() { return QString::fromLatin1(Secret); }

    // Nobody has come to this listening socket, or sent to it.
    static bool untouched(int fd)
    {
        char byte = 0;
        const int other = ::accept(fd, nullptr, nullptr);
        return other < 0 && ::recv(fd, &byte, 1, MSG_DONTWAIT) < 0;
    }

private Q_SLOTS:
    void initTestCase() { qputenv("SB_TEST_SECRET", Secret); }
    void init()
    {
        m_fixture = std::make_unique<SandboxFixture>(m_clock);
        m_key = m_fixture->outside + u"/.ssh/id_ed25519"_s;
        m_fixture->write(m_key, Secret);
        const auto& can = m_fixture->sandbox.capabilities();
        QVERIFY2(can.usable, qPrintable(can.problem));
    }
    void cleanup() { QCOMPARE(m_fixture->survivors(), 0); }

    void worksAtAll()
    {
        const auto done = m_fixture->sh(
            u"pwd; id -un; echo written > file; cat file; hostname; date >/dev/null"_s);
        QCOMPARE(done.output, QString(m_fixture->workspace % u"\nagent\nwritten\nsignalbox\n"));
        QCOMPARE(done.exitCode, 0);
        QVERIFY(QFile::exists(m_fixture->workspace + u"/file"_s));
    }
    void standardInputArrives()
    {
        auto request = m_fixture->program({u"cat"_s});
        request.standardInput = "to be read\n";
        QCOMPARE(m_fixture->outcome(request).output, u"to be read\n"_s);
        QCOMPARE(m_fixture->sh(u"cat; echo end"_s).output, u"end\n"_s);
    }

    void keyIsUnreadable_data()
    {
        QTest::addColumn<QString>("script");
        QTest::newRow("absolute") << u"cat KEY"_s;
        QTest::newRow("dots") << u"cat ../*/.ssh/id_ed25519 ../../../../../../../..KEY"_s;
        QTest::newRow("link") << u"ln -s KEY link; cat link"_s;
        QTest::newRow("link of the host") << u"cat way-out/.ssh/id_ed25519"_s;
        QTest::newRow("hard link") << u"ln KEY hard; cat hard"_s;
        QTest::newRow("find")
            << u"find / -xdev -name id_ed25519 -exec cat {} +; ls -a /root/.ssh /home"_s;
        QTest::newRow("root of process 1") << u"cat /proc/1/rootKEY /proc/1/cwdKEY"_s;
        QTest::newRow("own root")
            << u"cat /proc/self/rootKEY; cd /proc/self/root/../..; cat .KEY"_s;
        QTest::newRow("descriptors")
            << u"for f in /proc/[0-9]*/fd/* /dev/fd/*; do cat $f/KEY $f/../KEY; done"_s;
    }
    void keyIsUnreadable()
    {
        QFETCH(QString, script);
        QVERIFY(QFile::link(m_fixture->outside, m_fixture->workspace + u"/way-out"_s));
        const auto done =
            m_fixture->sh(script.replace(u"KEY"_s, m_key) + u" 2>&1; echo reached-the-end"_s);
        QVERIFY2(!done.output.contains(secret()), qPrintable(done.output));
        QVERIFY2(done.output.contains(u"reached-the-end"_s), qPrintable(done.output));
    }

    void nothingElseIsWritable_data()
    {
        QTest::addColumn<QString>("target");
        for (const char* target : {"OUTSIDE/planted",
                                   "way-out/planted",
                                   "../planted",
                                   "/planted",
                                   "/usr/planted",
                                   "/etc/planted",
                                   "/etc/passwd",
                                   "/dev/planted",
                                   "/run/planted",
                                   "/var/planted",
                                   "/.signalbox/helper",
                                   "/.signalbox/planted",
                                   "/.signalbox/pid_max",
                                   "/proc/sys/kernel/core_pattern",
                                   "/proc/sys/kernel/pid_max",
                                   "/proc/sys/kernel/hostname",
                                   "/proc/sysrq-trigger",
                                   "/sys/power/state"}) {
            QTest::newRow(target) << QString::fromLatin1(target);
        }
    }
    void nothingElseIsWritable()
    {
        QFETCH(QString, target);
        QVERIFY(QFile::link(m_fixture->outside, m_fixture->workspace + u"/way-out"_s));
        target.replace(u"OUTSIDE"_s, m_fixture->outside);
        const auto done = m_fixture->sh(u"echo 999 > '%1' && echo written"_s.arg(target));
        if (target != u"../planted"_s) { // beside the workspace lies the sandbox's own /tmp, which
                                         // goes with it
            QVERIFY2(!done.output.contains(u"written"_s), qPrintable(done.output));
            QVERIFY(done.exitCode > 0);
        }
        QVERIFY(!QFile::exists(m_fixture->outside + u"/planted"_s));
        QVERIFY(!QFile::exists(QFileInfo(m_fixture->workspace).path() + u"/planted"_s));
    }
    void readOnlyWorkspaceStaysSo()
    {
        auto request = m_fixture->request(
            u"echo x > file || echo refused; mount -o remount,rw \"$PWD\"; rm -rf kept"_s);
        request.workspaceReadOnly = true;
        m_fixture->write(m_fixture->workspace + u"/kept"_s, "x");
        QVERIFY(m_fixture->outcome(request).output.contains(u"refused"_s));
        QVERIFY(!QFile::exists(m_fixture->workspace + u"/file"_s));
        QVERIFY(QFile::exists(m_fixture->workspace + u"/kept"_s));
    }
    void whatGitRunsOutsideCannotBePlanted()
    {
        const QString git = m_fixture->workspace + u"/.git"_s;
        m_fixture->write(git + u"/config"_s, "[core]\n");
        m_fixture->write(git + u"/HEAD"_s, "ref: refs/heads/main\n");
        m_fixture->write(git + u"/hooks/sample"_s, "x");
        const auto done = m_fixture->sh(u"echo x > .git/hooks/pre-commit; echo x >> "
                                        u".git/hooks/sample; git config core.fsmonitor ./x; "
                                        "echo '[core] hooksPath = /tmp' >> .git/config; rm -rf "
                                        ".git/hooks; mv .git/hooks .git/h; "
                                        "mv .git g && mkdir -p .git/hooks && echo x > "
                                        ".git/hooks/pre-commit; rm -f .git/config; "
                                        "touch .git/index && echo usable"_s);
        QVERIFY2(done.output.contains(u"usable"_s),
                 qPrintable(done.output)); // git itself still works
        QFile config(git + u"/config"_s);
        QVERIFY(config.open(QIODevice::ReadOnly));
        QCOMPARE(config.readAll(), QByteArray("[core]\n"));
        QCOMPARE(QDir(git + u"/hooks"_s).entryList(QDir::Files), QStringList{u"sample"_s});
        QVERIFY(!QFile::exists(m_fixture->workspace + u"/g"_s));
    }
    void whatGitRunsOutsideCannotBePlantedWhereThereWereNoHooks()
    {
        const QString git = m_fixture->workspace + u"/.git"_s;
        m_fixture->write(git + u"/config"_s, "[core]\n");
        (void)m_fixture->sh(u"mkdir -p .git/hooks; echo x > .git/hooks/pre-commit"_s);
        QVERIFY(!QFile::exists(git + u"/hooks/pre-commit"_s));
    }
    void dataFolderInsideTheWorkspaceIsAbsent()
    {
        const QString data = m_fixture->workspace + u"/.local/signalbox"_s;
        m_fixture->write(data + u"/vault"_s, Secret);
        Sandbox sandbox(
            {QStringLiteral(SB_BIN_DIR "/signalbox-sandbox-helper"), u"bwrap"_s, {data}}, m_clock);
        auto plan = sandbox.plan(m_fixture->request(
            u"cat .local/signalbox/vault; chmod 700 .local/signalbox; ls .local/signalbox; "
            "umount .local/signalbox; mv .local/signalbox moved; mv .local away; cat "
            "*/signalbox/vault; echo x > "
            ".local/signalbox/new"_s));
        QVERIFY(plan);
        const auto done = sandbox.launch(std::move(*plan), {}, {}).wait();
        QVERIFY(done);
        QVERIFY2(!done->output.contains(secret()), qPrintable(done->output));
        // Were it moved by that, the next launch is refused rather than shown it.
        auto next = sandbox.plan(m_fixture->request(u"cat */signalbox/vault"_s));
        if (next) {
            const auto again = sandbox.launch(std::move(*next), {}, {}).wait();
            QVERIFY(again);
            QVERIFY(!again->output.contains(secret()));
        } else {
            QCOMPARE(next.error().code, ErrorCode::Forbidden);
        }
    }

    void helperInsideTheWorkspaceStaysWhatItIs()
    {
        // Whoever works on Signalbox with Signalbox has its helper in the workspace.
        const QString helper = m_fixture->workspace + u"/build/helper"_s;
        QVERIFY(QDir().mkpath(QFileInfo(helper).path()));
        QVERIFY(QFile::copy(QStringLiteral(SB_BIN_DIR "/signalbox-sandbox-helper"), helper));
        Sandbox sandbox({helper, u"bwrap"_s, {}}, m_clock);
        QVERIFY2(sandbox.capabilities().usable, qPrintable(sandbox.capabilities().problem));
        auto plan = sandbox.plan(m_fixture->request(
            u"echo planted > build/helper; rm -f build/helper; mv build/helper build/other; mv build away; mkdir build; cp /bin/true build/helper"_s));
        QVERIFY(plan);
        const auto copy = *plan;
        QVERIFY(sandbox.launch(std::move(*plan), {}, {}).wait());
        const auto again = sandbox.launch(copy, {}, {}).wait();
        QVERIFY(!again);
        QCOMPARE(again.error().message,
                 u"The sandbox's helper %1 was replaced; restart Signalbox."_s.arg(helper));
        QFile real(QStringLiteral(SB_BIN_DIR "/signalbox-sandbox-helper"));
        QFile kept(m_fixture->workspace + u"/away/helper"_s);
        QVERIFY(real.open(QIODevice::ReadOnly) && kept.open(QIODevice::ReadOnly));
        QCOMPARE(kept.readAll(), real.readAll());
    }
    void workspaceInVarTmp()
    {
        const QTemporaryDir folder(u"/var/tmp/signalbox-XXXXXX"_s);
        QVERIFY(folder.isValid());
        auto request =
            m_fixture->request(u"pwd; echo x > file; echo y > /var/tmp/planted || echo refused"_s);
        request.workspace = request.cwd = folder.path();
        QVERIFY(m_fixture->outcome(request).output.startsWith(folder.path() + u'\n'));
        QVERIFY(QFile::exists(folder.filePath(u"file"_s)));
        QVERIFY(!QFile::exists(u"/var/tmp/planted"_s));
    }

    void etcTellsNothing()
    {
        const auto done = m_fixture->sh(
            u"ls -R /etc | grep -E 'shadow|sudoers|machine-id|ssh_host|private|gitconfig|netrc'; wc -l < /etc/passwd; getent hosts localhost >/dev/null && echo name"_s);
        QCOMPARE(done.output, u"3\nname\n"_s);
    }

    void otherProcessesAreUnseen()
    {
        const auto done = m_fixture->sh(
            u"set -- /proc/[0-9]*; echo $#; kill -9 %1 2>&1; kill -0 %1 2>&1; ps -e 2>&1 | grep -c tst_Sandbox"_s
                .arg(::getpid()));
        // Process 1 and the shell.
        QVERIFY2(done.output.startsWith(u"2\n"_s), qPrintable(done.output));
        QVERIFY2(done.output.contains(u"No such process"_s), qPrintable(done.output));
        QVERIFY2(done.output.endsWith(u"\n0\n"_s), qPrintable(done.output));
    }
    void processOneIsOutOfReach()
    {
        const auto done = m_fixture->sh(
            u"kill -9 1; kill -STOP 1; kill -TERM 1; cat /proc/1/environ /proc/1/maps /proc/1/mem; ls /proc/1/fd; tr '\\0' ' ' < /proc/1/cmdline; echo alive"_s);
        QVERIFY2(done.output.endsWith(u"/.signalbox/helper alive\n"_s), qPrintable(done.output));
        // environ, maps, mem; whether the numbers of its descriptors can be listed depends on who
        // we are outside.
        QVERIFY2(done.output.count(u"Permission denied"_s) >= 3, qPrintable(done.output));
        QCOMPARE(done.exitCode, 0);
    }

    void environmentHoldsNoSecret()
    {
        const auto done = m_fixture->sh(
            u"env; for f in /proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/[0-9]*/task/*/environ; do tr '\\0' '\\n' < $f; done 2>&1; cat /proc/cmdline >/dev/null"_s);
        QVERIFY2(!done.output.contains(secret()), qPrintable(done.output));
        QVERIFY(!done.output.contains(u"SB_TEST_SECRET"_s));
        QVERIFY(done.output.contains(m_fixture->mark)); // it did look
    }
    void argumentsAreNotInTheLauncher()
    {
        // While it runs: bubblewrap's command line, as everybody on the machine can read it, and
        // its environment.
        auto plan = m_fixture->sandbox.plan(
            m_fixture->request(u": %1; echo up; sleep 1000"_s.arg(secret())));
        QVERIFY(plan);
        std::stop_source stop;
        std::atomic<bool> up = false;
        auto future = m_fixture->sandbox.launch(
            std::move(*plan), [&](const QString&) { up = true; }, stop.get_token());
        QTRY_VERIFY(up);
        int launchers = 0;
        const auto numbers = QDir(u"/proc"_s).entryList(QDir::Dirs | QDir::NoDotAndDotDot);
        for (const auto& number : numbers) {
            QFile command(u"/proc/%1/cmdline"_s.arg(number));
            QFile environment(u"/proc/%1/environ"_s.arg(number));
            if (!command.open(QIODevice::ReadOnly) || !environment.open(QIODevice::ReadOnly)) {
                continue;
            }
            const auto words = command.readAll();
            const auto variables = environment.readAll();
            if (!variables.contains(m_fixture->mark.toLatin1()) || words.startsWith("sh") ||
                words.startsWith("sleep")) {
                continue;
            }
            ++launchers;
            QVERIFY2(!words.contains(Secret), words.constData());
            QVERIFY(!variables.contains(Secret));
        }
        QVERIFY(launchers >= 1);
        stop.request_stop();
        const auto done = std::move(future).wait();
        QVERIFY(done);
        QVERIFY(done->cancelled);
    }

    void openDescriptorsDoNotLeak()
    {
        const int leaked =
            ::open(m_key.toLocal8Bit().constData(), O_RDONLY); // on purpose without O_CLOEXEC
        const int folder =
            ::open(m_fixture->outside.toLocal8Bit().constData(), O_RDONLY | O_DIRECTORY);
        QVERIFY(::dup2(leaked, 57) == 57 && ::dup2(folder, 58) == 58);
        const auto done = m_fixture->sh(
            u"cat /proc/self/fd/57; cat /proc/self/fd/58/.ssh/id_ed25519; for f in /proc/self/fd/*; do readlink $f; done; ls /proc/$$/fd"_s);
        for (const int fd : {leaked, folder, 57, 58}) {
            ::close(fd);
        }
        QVERIFY2(!done.output.contains(secret()), qPrintable(done.output));
        QVERIFY2(!done.output.contains(u"memfd"_s), qPrintable(done.output));
        QVERIFY2(!done.output.contains(u"socket"_s), qPrintable(done.output));
        QVERIFY2(done.output.endsWith(u"\n0\n1\n2\n"_s), qPrintable(done.output));
    }

    void networkIsOutOfReach()
    {
        const int tcp = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        const int udp = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        auto* plain = reinterpret_cast<sockaddr*>(&address);
        socklen_t size = sizeof address;
        QVERIFY(::bind(tcp, plain, size) == 0 && ::listen(tcp, 5) == 0);
        QVERIFY(::getsockname(tcp, plain, &size) == 0);
        QVERIFY(::bind(udp, plain, size) == 0); // the same number
        const auto done = m_fixture->python(uR"(
import socket
for host in ("127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "1.1.1.1"):
    s = socket.socket(); s.settimeout(2)
    try:
        s.connect((host, %1)); print("CONNECTED", host)
    except OSError as e:
        print("no way", host)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.sendto(b"x", ("127.0.0.1", %1))
print("interfaces", open("/proc/net/dev").read().count(":"))
try:
    socket.getaddrinfo("example.com", 80); print("RESOLVED")
except OSError as e:
    print("no name")
)"_s.arg(ntohs(address.sin_port)));
        QVERIFY2(!done.output.contains(u"CONNECTED"_s), qPrintable(done.output));
        QVERIFY2(!done.output.contains(u"RESOLVED"_s), qPrintable(done.output));
        QCOMPARE(done.output.count(u"no way"_s), 5);
        QVERIFY2(done.output.endsWith(u"interfaces 1\nno name\n"_s), qPrintable(done.output));
        QVERIFY(untouched(tcp));
        QVERIFY(untouched(udp));
        ::close(tcp);
        ::close(udp);
    }
    void unixSocketsAreOutOfReach()
    {
        const QByteArray path = m_fixture->outside.toLocal8Bit() + "/socket";
        const QByteArray abstract = QByteArray(1, '\0') + m_fixture->mark.toLatin1();
        QList<int> sockets;
        for (const auto& name : {path, abstract}) {
            sockaddr_un address{};
            address.sun_family = AF_UNIX;
            std::ranges::copy(name, address.sun_path);
            const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
            QVERIFY(::bind(fd,
                           reinterpret_cast<sockaddr*>(&address),
                           socklen_t(offsetof(sockaddr_un, sun_path) + size_t(name.size()))) == 0 &&
                    ::listen(fd, 5) == 0);
            sockets << fd;
        }
        const auto done = m_fixture->python(uR"(
import socket, os
for name in ("%1", "\0%2", "/run/dbus/system_bus_socket", "/run/docker.sock", "/run/systemd/private"):
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect(name); print("CONNECTED", name)
    except OSError as e:
        print("refused")
print(os.listdir("/run"))
)"_s.arg(QString::fromLocal8Bit(path), m_fixture->mark));
        QCOMPARE(done.output, u"refused\nrefused\nrefused\nrefused\nrefused\n[]\n"_s);
        for (const int fd : std::as_const(sockets)) {
            QVERIFY(untouched(fd));
            ::close(fd);
        }
    }
};

QTEST_GUILESS_MAIN(tst_SandboxReach)
#include "tst_SandboxReach.moc"
