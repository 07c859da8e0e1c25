#include "core/tools/GitTool.h"
#include "core/tools/Schema.h"
#include "tests/unit/ToolTestKit.h"

#include <QTest>

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::tools;
using toolkit::call;
using toolkit::put;
using toolkit::realGit;

class tst_GitTools : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        m_place = std::make_unique<toolkit::Place>();
        realGit(m_place->work, {u"init"_s, u"-q"_s, u"-b"_s, u"main"_s});
        put(m_place->in(u"a.txt"_s), "one\n");
        realGit(m_place->work, {u"add"_s, u"a.txt"_s});
        realGit(m_place->work, {u"commit"_s, u"-qm"_s, u"Start"_s});
    }

    void schemasAreStrict()
    {
        QVERIFY(checkArguments(m_status.spec().schema, {}));
        QVERIFY(!checkArguments(m_status.spec().schema, {{u"x"_s, 1}}));
        QVERIFY(checkArguments(m_diff.spec().schema, {{u"staged"_s, true}}));
        QVERIFY(!checkArguments(m_commit.spec().schema, {}));
        QVERIFY(checkArguments(m_commit.spec().schema, commit(u"m"_s, {u"a.txt"_s})));
        QVERIFY(!checkArguments(m_commit.spec().schema,
                                {{u"message"_s, u"m"_s}, {u"paths"_s, QJsonArray{1}}}));
    }

    void statusAndDiff()
    {
        put(m_place->in(u"a.txt"_s), "two\n");
        put(m_place->in(u"new.txt"_s), "n\n");
        const auto status = call(m_status, {}, m_place->context);
        const QString head = realGit(m_place->work, {u"rev-parse"_s, u"HEAD"_s});
        QCOMPARE(status.text, u"On branch main\nLast commit %1\n M a.txt\n?? new.txt"_s.arg(head));
        QCOMPARE(status.facts.value(u"changed"_s).toInt(), 2);
        const auto diff = call(m_diff, {}, m_place->context);
        QVERIFY(diff.text.endsWith(u"@@ -1 +1 @@\n-one\n+two\n"_s));
        QCOMPARE(call(m_diff, {{u"path"_s, u"new.txt"_s}}, m_place->context).text,
                 u"[Nothing differs.]"_s);
        QCOMPARE(call(m_diff, {{u"staged"_s, true}}, m_place->context).text,
                 u"[Nothing differs.]"_s);
        QCOMPARE(call(m_diff, {{u"path"_s, u"../outside"_s}}, m_place->context).text,
                 u"leaves the workspace"_s);
    }

    void commitsWhatWasShown()
    {
        put(m_place->in(u"a.txt"_s), "two\n");
        put(m_place->in(u"new.txt"_s), "n\n");
        const auto plan = m_commit.plan(commit(u"Fix it\n\nBecause."_s), m_place->context);
        QVERIFY(plan);
        QCOMPARE(plan->command, u"Commit “Fix it” (2 files, +2 -1)"_s);
        QCOMPARE(plan->action.subject, u"Fix it\n\nBecause."_s);
        QCOMPARE(plan->action.effect, policy::Effect::WriteWorkspace);
        QCOMPARE(plan->paths, QStringList({m_place->in(u"a.txt"_s), m_place->in(u"new.txt"_s)}));
        QVERIFY(plan->diff.contains(u"-one\n+two\n"_s));
        const auto again = m_commit.plan(commit(u"Fix it\n\nBecause."_s), m_place->context);
        QCOMPARE(again->hash(), plan->hash());
        QCOMPARE(realGit(m_place->work, {u"rev-list"_s, u"--count"_s, u"HEAD"_s}), u"1"_s);

        const auto output = toolkit::run(m_commit, *plan, m_place->context);
        QVERIFY2(output && !output->isError, output ? qPrintable(output->text) : "");
        QCOMPARE(output->facts.value(u"commit"_s).toString(),
                 realGit(m_place->work, {u"rev-parse"_s, u"HEAD"_s}));
        QCOMPARE(output->facts.value(u"branch"_s).toString(), u"main"_s);
        QCOMPARE(realGit(m_place->work, {u"log"_s, u"-1"_s, u"--format=%an <%ae>: %s"_s}),
                 u"Signalbox agent <assistant@signalbox.invalid>: Fix it"_s);
        QCOMPARE(realGit(m_place->work, {u"status"_s, u"--porcelain"_s}), QString());
        QVERIFY(call(m_commit, commit(u"again"_s), m_place->context)
                    .text.contains(u"nothing to commit"_s));
    }

    void notWhatCameAfter()
    {
        put(m_place->in(u"a.txt"_s), "two\n");
        const auto plan = m_commit.plan(commit(u"m"_s), m_place->context);
        put(m_place->in(u"a.txt"_s), "slipped in\n");
        QVERIFY(toolkit::run(m_commit, *plan, m_place->context)
                    ->text.contains(u"nothing was committed"_s));
        put(m_place->in(u"a.txt"_s), "two\n");
        realGit(m_place->work, {u"commit"_s, u"-q"_s, u"--allow-empty"_s, u"-m"_s, u"moved"_s});
        QVERIFY(
            toolkit::run(m_commit, *plan, m_place->context)->text.contains(u"branch has moved"_s));
        QCOMPARE(realGit(m_place->work, {u"log"_s, u"-1"_s, u"--format=%s"_s}), u"moved"_s);
    }

    void commitsNamedPaths()
    {
        put(m_place->in(u"a.txt"_s), "two\n");
        put(m_place->in(u"b.txt"_s), "b\n");
        QFile::link(m_place->outside + u"/secret.txt"_s, m_place->in(u"link"_s));
        QVERIFY(!call(m_commit, commit(u"m"_s, {u"b.txt"_s, u"link"_s}), m_place->context).isError);
        QCOMPARE(realGit(m_place->work, {u"show"_s, u"--name-only"_s, u"--format="_s}),
                 u"b.txt\nlink"_s);
        QVERIFY(!realGit(m_place->work, {u"show"_s, u"HEAD:link"_s}).contains(u"secret\n"_s));
        QCOMPARE(call(m_commit, commit(u"m"_s, {u"../outside"_s}), m_place->context).text,
                 u"leaves the workspace"_s);
        QVERIFY(call(m_commit, commit(QString()), m_place->context)
                    .text.contains(u"needs a message"_s));
        QFile::remove(m_place->in(u"b.txt"_s));
        QVERIFY(!call(m_commit, commit(u"gone"_s, {u"b.txt"_s}), m_place->context).isError);
        QCOMPARE(realGit(m_place->work, {u"show"_s, u"--name-status"_s, u"--format="_s}),
                 u"D\tb.txt"_s);
    }

    void saysWhenThereIsNoRepository()
    {
        QDir(m_place->in(u".git"_s)).removeRecursively();
        for (BuiltinTool* tool : {static_cast<BuiltinTool*>(&m_status),
                                  static_cast<BuiltinTool*>(&m_diff),
                                  static_cast<BuiltinTool*>(&m_commit)}) {
            const auto output = call(*tool, commit(u"m"_s), m_place->context);
            QVERIFY(output.isError);
            QVERIFY(output.text.contains(u"no git repository in the workspace"_s));
        }
    }

    void writesNothingOutside()
    {
        // What a command in the sandbox can do to .git must not make a commit write elsewhere.
        put(m_place->in(u"a.txt"_s), "two\n");
        put(m_place->outside + u"/profile"_s, "");
        QFile::remove(m_place->in(u".git/logs/HEAD"_s));
        QFile::link(m_place->outside + u"/profile"_s, m_place->in(u".git/logs/HEAD"_s));
        QVERIFY(call(m_commit, commit(u"m"_s), m_place->context)
                    .text.contains(u"outside of the workspace"_s));
        QCOMPARE(toolkit::get(m_place->outside + u"/profile"_s), "");
    }

private:
    static QJsonObject commit(const QString& message, const QStringList& paths = {})
    {
        QJsonObject arguments{{u"message"_s, message}};
        if (!paths.isEmpty()) {
            arguments.insert(u"paths"_s, QJsonArray::fromStringList(paths));
        }
        return arguments;
    }

    std::unique_ptr<toolkit::Place> m_place;
    git::Library m_library;
    Pool m_pool{2, u"pool"_s};
    const Files m_files{m_pool,
                        [](const QString& workspace) { return Workspace::open(workspace); }};
    GitStatusTool m_status{m_files, m_library};
    GitDiffTool m_diff{m_files, m_library};
    GitCommitTool m_commit{m_files, m_library};
};

QTEST_GUILESS_MAIN(tst_GitTools)
#include "tst_GitTools.moc"
