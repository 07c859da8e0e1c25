#include "core/sandbox/ControlGroup_linux.h"
#include "tests/security/SandboxFixture.h"

using namespace sb;
using namespace sb::sandbox;
using namespace Qt::StringLiterals;

/// Plans are data: no process is started here.
class tst_SandboxPlan : public QObject
{
    Q_OBJECT

    SystemClock m_clock;
    SandboxFixture m_fixture{m_clock};

    LaunchPlan plan(const LaunchRequest& request)
    {
        return m_fixture.sandbox.plan(request).value_or(LaunchPlan{});
    }
    Error error(const LaunchRequest& request)
    {
        auto result = m_fixture.sandbox.plan(request);
        return result ? Error{ErrorCode::Internal, u"no error"_s, {}} : result.error();
    }
    // Each pair of neighbours, as bubblewrap would read "--bind FROM TO".
    static bool has(const QStringList& list, const QStringList& part)
    {
        return !std::ranges::search(list, part).empty();
    }

private Q_SLOTS:
    void environmentIsRebuilt()
    {
        const auto& workspace = m_fixture.workspace;
        auto request = m_fixture.request(u"true"_s);
        request.environment = {{u"CI"_s, u"1"_s}};
        const QMap<QString, QString> expected{
            {u"CI"_s, u"1"_s},
            {u"HOME"_s, workspace},
            {u"LANG"_s, u"C.UTF-8"_s},
            {u"LOGNAME"_s, u"agent"_s},
            {u"PATH"_s, u"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"_s},
            {u"SHELL"_s, u"/bin/sh"_s},
            {u"TERM"_s, u"dumb"_s},
            {u"TMPDIR"_s, u"/tmp"_s},
            {u"USER"_s, u"agent"_s},
        };
        QCOMPARE(plan(request).environment, expected);
    }

    void variablesThatChangeWhatRunsAreRefused_data()
    {
        QTest::addColumn<QString>("name");
        for (const char* name : {"LD_PRELOAD",
                                 "LD_LIBRARY_PATH",
                                 "LD_AUDIT",
                                 "BASH_ENV",
                                 "ENV",
                                 "NODE_OPTIONS",
                                 "PYTHONSTARTUP",
                                 "PERL5OPT",
                                 "RUBYOPT",
                                 "GIT_SSH_COMMAND",
                                 "GIT_CONFIG_COUNT",
                                 "BASH_FUNC_ls",
                                 "JAVA_TOOL_OPTIONS",
                                 "SSH_AUTH_SOCK",
                                 "GLIBC_TUNABLES",
                                 "IFS"}) {
            QTest::newRow(name) << QString::fromLatin1(name);
        }
    }
    void variablesThatChangeWhatRunsAreRefused()
    {
        QFETCH(QString, name);
        auto request = m_fixture.request(u"true"_s);
        request.environment = {{name, u"x"_s}};
        QCOMPARE(error(request).code, ErrorCode::Forbidden);
    }

    void nonsenseIsRefused_data()
    {
        QTest::addColumn<LaunchRequest>("request");
        QTest::addColumn<ErrorCode>("code");
        QTest::addColumn<QString>("message");
        const auto& workspace = m_fixture.workspace;
        m_fixture.write(workspace + u"/file"_s, "x");
        QFile::link(m_fixture.outside, workspace + u"/way-out"_s);
        const auto good = m_fixture.request(u"true"_s);
        const auto with = [&](auto change) {
            auto request = good;
            change(request);
            return request;
        };
        QTest::newRow("no command") << with([](auto& r) { r.argv.clear(); })
                                    << ErrorCode::InvalidInput << u"There is no command to run."_s;
        QTest::newRow("NUL") << with([](auto& r) { r.argv << QString(QChar(u'\0')); })
                             << ErrorCode::InvalidInput
                             << u"An argument of the command contains a NUL character."_s;
        QTest::newRow("relative workspace")
            << with([](auto& r) { r.workspace = u"demo"_s; }) << ErrorCode::InvalidInput
            << u"The workspace must be an absolute path, not “demo”."_s;
        QTest::newRow("missing workspace")
            << with([](auto& r) { r.workspace = u"/nonexistent/x"_s; }) << ErrorCode::NotFound
            << u"The workspace /nonexistent/x does not exist."_s;
        QTest::newRow("workspace is a file") << with([&](auto& r) {
            r.workspace = workspace + u"/file"_s;
        }) << ErrorCode::InvalidInput << u"The workspace %1/file is not a folder."_s.arg(workspace);
        QTest::newRow("root")
            << with([](auto& r) { r.workspace = u"/"_s; }) << ErrorCode::Forbidden
            << u"/ belongs to the system and cannot be a workspace; choose a folder of your own."_s;
        QTest::newRow("system")
            << with([](auto& r) { r.workspace = u"/usr/share"_s; }) << ErrorCode::Forbidden
            << u"/usr/share belongs to the system and cannot be a workspace; choose a folder of your own."_s;
        QTest::newRow("home")
            << with([](auto& r) { r.workspace = QDir::homePath(); }) << ErrorCode::Forbidden
            << u"The workspace %1 contains your home folder with its keys; choose a folder inside it."_s
                   .arg(QFileInfo(QDir::homePath()).canonicalFilePath());
        QTest::newRow("missing folder")
            << with([&](auto& r) { r.cwd = workspace + u"/gone"_s; }) << ErrorCode::NotFound
            << u"The working folder %1/gone does not exist."_s.arg(workspace);
        for (const auto& out :
             {QString(workspace % u"/.."), QString(workspace % u"/way-out"), u"/"_s}) {
            QTest::addRow("out by %s", qPrintable(out.section(u'/', -1)))
                << with([&](auto& r) { r.cwd = out; }) << ErrorCode::Forbidden
                << u"The working folder %1 lies outside the workspace %2."_s.arg(out, workspace);
        }
        QTest::newRow("no limit") << with([](auto& r) { r.limits.processes = 0; })
                                  << ErrorCode::InvalidInput
                                  << u"Each limit of a command must be greater than zero."_s;
        QTest::newRow("no name") << with([](auto& r) { r.environment = {{u"A=B"_s, u"x"_s}}; })
                                 << ErrorCode::InvalidInput
                                 << u"“A=B” is not a name for an environment variable."_s;
    }
    void nonsenseIsRefused()
    {
        QFETCH(LaunchRequest, request);
        QFETCH(ErrorCode, code);
        QFETCH(QString, message);
        const auto refused = error(request);
        QCOMPARE(refused.message, message);
        QCOMPARE(refused.code, code);
    }

    void linksAreResolved()
    {
        const QString link = m_fixture.outside + u"/link"_s;
        QVERIFY(QFile::link(m_fixture.workspace, link));
        auto request = m_fixture.request(u"true"_s);
        request.workspace = request.cwd = link;
        const auto made = plan(request);
        QCOMPARE(made.workspace, m_fixture.workspace);
        QCOMPARE(made.cwd, m_fixture.workspace);
    }

    void hashCoversWhatRuns_data()
    {
        QTest::addColumn<LaunchPlan>("changed");
        const auto base = plan(m_fixture.request(u"true"_s));
        const auto row = [&](const char* name, auto change) {
            auto changed = base;
            change(changed);
            QTest::newRow(name) << changed;
        };
        row("argv", [](auto& p) { p.argv.last() += u' '; });
        row("one argument as two", [](auto& p) { p.argv << QString(); });
        row("workspace", [](auto& p) { p.workspace += u'x'; });
        row("cwd", [](auto& p) { p.cwd += u'x'; });
        row("environment", [](auto& p) { p.environment[u"HOME"_s] = u"/"_s; });
        row("input", [](auto& p) { p.standardInput = "x"; });
        row("read only", [](auto& p) { p.workspaceReadOnly = true; });
        row("network", [](auto& p) { p.network = true; });
        row("own servers", [](auto& p) { p.ownServers = false; });
        row("added", [](auto& p) { ++p.limits.workspaceBytes; });
        row("wall", [](auto& p) { p.limits.wall += Milliseconds(1); });
        row("memory", [](auto& p) { ++p.limits.memoryBytes; });
        row("all memory", [](auto& p) { ++p.limits.totalMemoryBytes; });
        row("file", [](auto& p) { ++p.limits.fileBytes; });
        row("disk", [](auto& p) { ++p.limits.diskReserveBytes; });
        row("processes", [](auto& p) { ++p.limits.processes; });
        row("files", [](auto& p) { ++p.limits.openFiles; });
        row("tmp", [](auto& p) { ++p.limits.tmpBytes; });
        row("output", [](auto& p) { ++p.limits.outputBytes; });
        row("cpu", [](auto& p) { ++p.limits.cpuSeconds; });
    }
    void hashCoversWhatRuns()
    {
        QFETCH(LaunchPlan, changed);
        const auto base = plan(m_fixture.request(u"true"_s));
        QCOMPARE(base.hash().size(), 64);
        QCOMPARE(base.hash(), plan(m_fixture.request(u"true"_s)).hash());
        QVERIFY(base.hash() != changed.hash());
    }

    void launcherShowsOnlyTheWorkspace()
    {
        const auto& workspace = m_fixture.workspace;
        auto request = m_fixture.request(u"echo secret-argument"_s);
        const auto made = plan(request);
        QVERIFY(has(made.launcher, {u"--bind"_s, workspace, workspace}));
        QVERIFY(has(made.launcher, {u"--chdir"_s, workspace}));
        for (const auto& flag : {u"--unshare-user"_s,
                                 u"--unshare-pid"_s,
                                 u"--unshare-net"_s,
                                 u"--unshare-ipc"_s,
                                 u"--unshare-uts"_s,
                                 u"--unshare-cgroup"_s,
                                 u"--new-session"_s,
                                 u"--die-with-parent"_s}) {
            QVERIFY2(made.launcher.contains(flag), qPrintable(flag));
        }
        const auto all = made.launcher.join(u' ');
        QVERIFY(!all.contains(u"secret-argument"_s));
        QVERIFY(!all.contains(m_fixture.mark));
        QVERIFY(!all.contains(u"shadow"_s));
        // Nothing is mounted writable but the workspace and the cap on process numbers.
        QStringList writable;
        for (qsizetype i = 0; i + 1 < made.launcher.size(); ++i) {
            if (made.launcher[i] == u"--bind"_s || made.launcher[i] == u"--dev-bind"_s) {
                writable << made.launcher[i + 1];
            }
        }
        writable.removeAll(u"/proc/sys/kernel/pid_max"_s);
        QCOMPARE(writable, QStringList{workspace});
        request.workspaceReadOnly = true;
        QVERIFY(has(plan(request).launcher, {u"--ro-bind"_s, workspace, workspace}));
    }

    void controlGroupsAreFound_data()
    {
        QTest::addColumn<QString>("own");
        QTest::addColumn<QStringList>("giving"); // folders whose groups have limits
        QTest::addColumn<QString>("parent");
        QTest::newRow("none") << u"0::/user/app"_s << QStringList() << QString();
        QTest::newRow("beside ours")
            << u"1:name=x:/\n0::/user/app"_s << QStringList{u"/user"_s} << u"/user"_s;
        QTest::newRow("below ours")
            << u"0::/user/app"_s << QStringList{u"/user/app"_s} << u"/user/app"_s;
        QTest::newRow("at the top") << u"0::/"_s << QStringList{u""_s} << u""_s;
        QTest::newRow("older hierarchy")
            << u"4:memory:/user/app"_s << QStringList{u"/user"_s} << QString();
        QTest::newRow("outside of the namespace")
            << u"0::/../app"_s << QStringList{u""_s} << QString();
    }
    void controlGroupsAreFound()
    {
        QFETCH(QString, own);
        QFETCH(QStringList, giving);
        QFETCH(QString, parent);
        const QTemporaryDir mount;
        m_fixture.write(mount.filePath(u"cgroup.controllers"_s), "memory pids\n");
        for (const auto& folder : {u"/user/app"_s, u"/user"_s, u""_s}) {
            QDir().mkpath(mount.path() + folder);
            m_fixture.write(QString(mount.path() % folder % u"/cgroup.procs"), "");
            m_fixture.write(QString(mount.path() % folder % u"/cgroup.subtree_control"),
                            giving.contains(folder) ? "cpu memory pids\n" : "memory\n");
        }
        const auto found = controlGroupParent(mount.path(), own.toLatin1());
        QCOMPARE(found.has_value(), !parent.isNull());
        if (found) {
            QCOMPARE(*found, mount.path() + parent);
        }
        // A plain folder takes no limits, and leaves nothing behind.
        QVERIFY(!found || !ControlGroup::make(u"/nonexistent"_s, {}));
    }
    void controlGroupsGetTheLimits()
    {
        Limits limits;
        limits.totalMemoryBytes = 1000;
        limits.processes = 10;
        QCOMPARE(controlGroupFiles(limits, 8),
                 (QList<ControlGroupFile>{{u"memory.max"_s, "1000", true},
                                          {u"memory.swap.max"_s, "0", false},
                                          {u"memory.oom.group"_s, "1", false},
                                          {u"pids.max"_s, "14", true},
                                          {u"cpu.max"_s, "700000 100000", false}}));
        QCOMPARE(controlGroupFiles(limits, 1).last().value, QByteArray("100000 100000"));
    }

    void dataFoldersStayAbsent()
    {
        const QString data = m_fixture.outside + u"/.local/data"_s;
        m_fixture.write(data + u"/key"_s, "x");
        Sandbox sandbox({{}, u"bwrap"_s, {data}}, m_clock);
        auto request = m_fixture.request(u"true"_s);
        request.workspace = request.cwd = m_fixture.outside;
        auto made = sandbox.plan(request);
        QVERIFY(made);
        QVERIFY(has(made->launcher, {u"--tmpfs"_s, data, u"--remount-ro"_s, data}));
        // Moved away, the mask would cover nothing.
        QVERIFY(
            QDir().rename(m_fixture.outside + u"/.local"_s, m_fixture.outside + u"/elsewhere"_s));
        auto moved = sandbox.plan(request);
        QVERIFY(!moved);
        QCOMPARE(moved.error().code, ErrorCode::Forbidden);
        Sandbox whole({{}, u"bwrap"_s, {m_fixture.outside}}, m_clock);
        auto refused = whole.plan(request);
        QVERIFY(!refused);
        QCOMPARE(refused.error().code, ErrorCode::Forbidden);
    }
};

QTEST_GUILESS_MAIN(tst_SandboxPlan)
#include "tst_SandboxPlan.moc"
