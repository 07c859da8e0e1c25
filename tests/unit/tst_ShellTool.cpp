#include "core/tools/Builtins.h"
#include "core/tools/Schema.h"
#include "core/tools/ShellTool.h"
#include "core/tools/StatusTool.h"
#include "tests/unit/ToolTestKit.h"

#include <QTest>

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::tools;
using toolkit::call;
using toolkit::put;

class tst_ShellTool : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        if (!m_sandbox.capabilities().usable) {
            QSKIP(qPrintable(m_sandbox.capabilities().problem));
        }
    }
    void init() { m_place = std::make_unique<toolkit::Place>(); }

    void plansExactlyWhatRuns()
    {
        QDir().mkpath(m_place->in(u"sub"_s));
        const auto plan = m_tool.plan(
            {{u"command"_s, u"make test\n# now"_s}, {u"cwd"_s, u"sub"_s}, {u"timeout_s"_s, 30}},
            m_place->context);
        QVERIFY(plan);
        QCOMPARE(plan->action.subject, u"make test\n# now"_s);
        QCOMPARE(plan->action.effect, policy::Effect::Execute);
        QCOMPARE(plan->command, u"make test ⏎ # now"_s);
        QCOMPARE(plan->launch->argv, QStringList({u"/bin/sh"_s, u"-c"_s, u"make test\n# now"_s}));
        QCOMPARE(plan->launch->cwd, m_place->in(u"sub"_s));
        QCOMPARE(plan->launch->limits.wall, Milliseconds(30'000));
        QCOMPARE(plan->patience, Milliseconds(45'000));
        QVERIFY(!plan->launch->workspaceReadOnly);
        for (const QString& cwd : {u".."_s, u"/"_s, u"~"_s}) {
            QVERIFY(m_tool.plan({{u"command"_s, u"ls"_s}, {u"cwd"_s, cwd}}, m_place->context)
                        ->action.leavesWorkspace);
        }
        QVERIFY(!m_tool.plan({{u"command"_s, u"ls"_s}, {u"cwd"_s, u"none"_s}}, m_place->context));
        QVERIFY(!m_tool.plan({{u"command"_s, u" \n"_s}}, m_place->context));
        QVERIFY(!m_tool.plan({{u"command"_s, QString(u"a"_s + QChar(0))}}, m_place->context));
        QVERIFY(!m_tool.plan({{u"command"_s, QString(200'000, u'x')}}, m_place->context));
        QVERIFY(!m_tool.plan({}, m_place->context));
    }

    void runsInTheWorkspace()
    {
        const auto output =
            call(m_tool,
                 {{u"command"_s, u"pwd; echo made > made.txt; echo err >&2; exit 3"_s}},
                 m_place->context);
        QVERIFY2(output.text.startsWith(m_place->work + u"\nerr\n[exit code 3, "_s),
                 qPrintable(output.text));
        QVERIFY(output.isError);
        QCOMPARE(output.facts.value(u"exit_code"_s).toInt(), 3);
        QCOMPARE(output.facts.value(u"timed_out"_s).toBool(true), false);
        QCOMPARE(toolkit::get(m_place->in(u"made.txt"_s)), "made\n");
        QVERIFY(!call(m_tool, {{u"command"_s, u"true"_s}}, m_place->context).isError);
    }

    void tellsHowItGoes()
    {
        const auto plan = m_tool.plan({{u"command"_s, u"echo one; echo two"_s}}, m_place->context);
        std::mutex mutex;
        QString seen;
        const auto output =
            toolkit::run(m_tool, *plan, m_place->context, {}, [&](const QString& text) {
                const std::scoped_lock lock(mutex);
                seen += text;
            });
        QVERIFY(output);
        QCOMPARE(seen, u"one\ntwo\n"_s);
    }

    void stopsInTime()
    {
        const auto output = call(m_tool,
                                 {{u"command"_s, u"echo begun; sleep 100"_s}, {u"timeout_s"_s, 1}},
                                 m_place->context);
        QVERIFY(output.isError);
        QVERIFY2(output.text.startsWith(u"begun\n[timed out after"_s), qPrintable(output.text));
        QVERIFY(output.facts.value(u"timed_out"_s).toBool());

        const auto plan =
            m_tool.plan({{u"command"_s, u"echo begun; sleep 100"_s}}, m_place->context);
        std::stop_source stop;
        const auto cancelled =
            toolkit::run(m_tool, *plan, m_place->context, stop.get_token(), [&](const QString&) {
                stop.request_stop(); // as soon as it has begun
            });
        QVERIFY(cancelled);
        QVERIFY(cancelled->text.contains(u"[cancelled after"_s));
        QVERIFY(cancelled->facts.value(u"cancelled"_s).toBool());
    }

    void aLeakEndsTheCommand()
    {
        const QByteArray value = "Fk3xT9vQ2mZr8LpWwN5c";
        const auto scanner = leaks::Scanner::with(
            leaks::Scanner::create(), u"env:KEY"_s, SecretString(QByteArray(value)));
        std::mutex mutex;
        QList<leaks::Incident> incidents;
        ShellTool tool(m_sandbox,
                       leaks::Watch([scanner] { return scanner; },
                                    [&](const leaks::Incident& incident) {
                                        const std::scoped_lock lock(mutex);
                                        incidents.append(incident);
                                    }));
        // Nothing to find: everything as always.
        QVERIFY(call(tool, {{u"command"_s, u"echo fine"_s}}, m_place->context)
                    .text.startsWith(u"fine\n[exit code 0, "_s));
        QCOMPARE(incidents.size(), 0);
        // A pattern is taken out, and the command goes on.
        const auto pattern =
            call(tool,
                 {{u"command"_s, u"printf 'AKIA%s\\n' ABCD1234EFGH5678; echo on"_s}},
                 m_place->context);
        QVERIFY2(pattern.text.startsWith(u"[redacted:aws-key]\non\n[exit code 0, "_s),
                 qPrintable(pattern.text));
        QCOMPARE(incidents.size(), 1);
        QCOMPARE(incidents[0].fate, leaks::Fate::TakenOut);
        // A known value ends it.
        toolkit::put(m_place->in(u"key"_s), value);
        const auto leak = call(tool,
                               {{u"command"_s, u"echo a; cat key; echo; sleep 60; echo on"_s}},
                               m_place->context);
        QVERIFY2(
            leak.text.startsWith(u"a\n[redacted:env:KEY]\n[stopped: the output held the value of "
                                 "a secret (env:KEY)"_s),
            qPrintable(leak.text));
        QVERIFY(leak.isError);
        QCOMPARE(leak.facts.value(u"leak"_s).toString(), u"known:env:KEY"_s);
        QVERIFY(leak.facts.value(u"duration_ms"_s).toInt() < 30'000);
        QCOMPARE(incidents.size(), 2);
        QCOMPARE(incidents[1].what, u"known:env:KEY"_s);
        QCOMPARE(incidents[1].origin.where, u"tool:shell"_s);
        QCOMPARE(incidents[1].origin.process, u"wrk-1"_s);
        QCOMPARE(incidents[1].offset, 2);
        QCOMPARE(incidents[1].fate, leaks::Fate::Stopped);
    }

    void aFloodHidesNoLeak()
    {
        const QByteArray value = "Fk3xT9vQ2mZr8LpWwN5c";
        const auto scanner = leaks::Scanner::with(
            leaks::Scanner::create(), u"env:KEY"_s, SecretString(QByteArray(value)));
        std::mutex mutex;
        QList<leaks::Incident> incidents;
        ShellTool tool(m_sandbox,
                       leaks::Watch([scanner] { return scanner; },
                                    [&](const leaks::Incident& incident) {
                                        const std::scoped_lock lock(mutex);
                                        incidents.append(incident);
                                    }));
        // Far more than is shown or kept, with the value in its middle.
        const QByteArray half = QByteArray("all is well\n").repeated(200'000);
        toolkit::put(m_place->in(u"flood"_s), half + value + '\n' + half);
        const auto plan =
            tool.plan({{u"command"_s, u"cat flood; sleep 60; echo on"_s}}, m_place->context);
        QVERIFY(plan);
        QString shown;
        const auto output =
            toolkit::run(tool, *plan, m_place->context, {}, [&](const QString& text) {
                const std::scoped_lock lock(mutex);
                shown += text;
            });
        QVERIFY(output);
        QCOMPARE(output->facts.value(u"leak"_s).toString(), u"known:env:KEY"_s);
        QVERIFY(output->facts.value(u"duration_ms"_s).toInt() < 30'000);
        QVERIFY(output->facts.value(u"output_bytes"_s).toInteger() <= 2 * half.size() + 21);
        QCOMPARE(incidents.size(), 1);
        QCOMPARE(incidents[0].offset, half.size());
        QCOMPARE(incidents[0].fate, leaks::Fate::Stopped);
        QVERIFY(shown.size() < half.size());
        QVERIFY(!shown.contains(QString::fromLatin1(value)));
        QVERIFY(!output->text.contains(QString::fromLatin1(value)));
    }

    void statusIsPassedOn()
    {
        StatusTool tool;
        const auto output =
            call(tool, {{u"status"_s, u" running\nthe tests \x1b[1m"_s}}, m_place->context);
        QCOMPARE(output.text, u"ok"_s);
        const QString status = output.facts.value(u"status"_s).toString();
        QVERIFY(status.startsWith(u"running ⏎ the tests"_s));
        QVERIFY(!status.contains(QChar(0x1b)));
        QVERIFY(call(tool, {{u"status"_s, u"  "_s}}, m_place->context).isError);
        QCOMPARE(tool.plan({{u"status"_s, u"x"_s}}, m_place->context)->action.effect,
                 policy::Effect::None);
    }

    void theWholeSet()
    {
        InlineExecutor executor;
        git::Library library;
        const auto tools = builtinWorkerTools(
            {m_sandbox, executor, library, []() -> Result<egress::Proxy*> {
                 return fail(ErrorCode::Unavailable, u"There is no way out here."_s);
             }});
        QStringList names;
        for (const auto& tool : tools) {
            const llm::ToolSpec& spec = tool->spec();
            names.append(spec.name);
            QVERIFY(!spec.description.isEmpty());
            QCOMPARE(spec.schema.value(u"additionalProperties"_s), QJsonValue(false));
            // Nonsense of the wrong types never gets beyond an error.
            const auto plan = tool->plan(
                {{u"path"_s, 1}, {u"url"_s, true}, {u"message"_s, QJsonArray()}}, m_place->context);
            Q_UNUSED(plan);
            QVERIFY(!checkArguments(spec.schema, {{u"no such argument"_s, 1}}));
        }
        names.sort();
        QCOMPARE(names,
                 QStringList({u"file_edit"_s,
                              u"file_list"_s,
                              u"file_read"_s,
                              u"file_search"_s,
                              u"file_write"_s,
                              u"git_commit"_s,
                              u"git_diff"_s,
                              u"git_status"_s,
                              u"set_status"_s,
                              u"shell"_s,
                              u"web_fetch"_s}));
    }

private:
    std::unique_ptr<toolkit::Place> m_place;
    SystemClock m_clock;
    sandbox::Sandbox m_sandbox{
        {QStringLiteral(SB_BIN_DIR "/signalbox-sandbox-helper"), u"bwrap"_s, {}}, m_clock};
    ShellTool m_tool{m_sandbox};
};

QTEST_GUILESS_MAIN(tst_ShellTool)
#include "tst_ShellTool.moc"
