#include "core/tools/Schema.h"
#include "core/tools/SearchTool.h"
#include "tests/unit/ToolTestKit.h"

#include <QTest>

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::tools;
using toolkit::call;
using toolkit::put;

class tst_SearchTool : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        if (!m_sandbox.capabilities().usable) {
            QSKIP(qPrintable(m_sandbox.capabilities().problem));
        }
    }
    void init()
    {
        m_place = std::make_unique<toolkit::Place>();
        put(m_place->in(u"a.txt"_s), "needle one\nhay\nNeedle two\n");
        put(m_place->in(u"sub/b.cpp"_s), "int needle = 1;\n");
        put(m_place->in(u"build/c.txt"_s), "needle ignored\n");
        put(m_place->in(u".gitignore"_s), "build/\n*.log\n");
        put(m_place->in(u"x.log"_s), "needle ignored\n");
        put(m_place->in(u".hidden"_s), "needle hidden\n");
        put(m_place->in(u"bin"_s), QByteArray("needle\0binary\n", 14));
        QFile::link(m_place->outside, m_place->in(u"out"_s));
        put(m_place->outside + u"/n.txt"_s, "needle outside\n");
    }

    void findsAsRipgrepDoes()
    {
        QCOMPARE(search({{u"pattern"_s, u"needle"_s}}).text,
                 u"a.txt:1:needle one\nsub/b.cpp:1:int needle = 1;"_s);
        QCOMPARE(search({{u"pattern"_s, u"^needle"_s}, {u"ignore_case"_s, true}}).text,
                 u"a.txt:1:needle one\na.txt:3:Needle two"_s);
        QCOMPARE(search({{u"pattern"_s, u"needle"_s}, {u"path"_s, u"sub"_s}}).text,
                 u"sub/b.cpp:1:int needle = 1;"_s);
        QCOMPARE(search({{u"pattern"_s, u"needle"_s}, {u"path"_s, u"a.txt"_s}}).text,
                 u"a.txt:1:needle one"_s);
        QCOMPARE(search({{u"pattern"_s, u"needle"_s}, {u"glob"_s, u"*.cpp"_s}}).text,
                 u"sub/b.cpp:1:int needle = 1;"_s);
        const auto nothing = search({{u"pattern"_s, u"no such thing"_s}});
        QCOMPARE(nothing.text, u"[Nothing matches.]"_s);
        QVERIFY(!nothing.isError);
    }

    void aPatternIsNoOption()
    {
        put(m_place->in(u"-e"_s), "--pre=/bin/sh\n");
        QCOMPARE(search({{u"pattern"_s, u"--pre=/bin/sh"_s}}).text, u"-e:1:--pre=/bin/sh"_s);
        QCOMPARE(search({{u"pattern"_s, u"pre"_s}, {u"path"_s, u"-e"_s}}).text,
                 u"-e:1:--pre=/bin/sh"_s);
        QCOMPARE(search({{u"pattern"_s, u"a.c("_s}, {u"literal"_s, true}}).text,
                 u"[Nothing matches.]"_s);
        const auto broken = search({{u"pattern"_s, u"a("_s}});
        QVERIFY(broken.isError);
        QVERIFY(broken.text.contains(u"regex"_s));
    }

    void staysInTheWorkspace()
    {
        QCOMPARE(search({{u"pattern"_s, u"needle"_s}, {u"path"_s, u"out"_s}}).text,
                 u"leaves the workspace"_s);
        QCOMPARE(search({{u"pattern"_s, u"."_s}, {u"path"_s, u"/etc"_s}}).text,
                 u"leaves the workspace"_s);
        const auto plan = m_tool.plan({{u"pattern"_s, u"x"_s}}, m_place->context);
        QVERIFY(plan->launch->workspaceReadOnly);
        QCOMPARE(plan->action.effect, policy::Effect::ReadWorkspace);
    }

    void capsWhatComesBack()
    {
        put(m_place->in(u"many.txt"_s), QByteArray("match\n").repeated(5000));
        put(m_place->in(u"more.txt"_s), QByteArray("match\n").repeated(5000));
        put(m_place->in(u"wide.txt"_s), "wide" + QByteArray(100'000, 'x') + "\n");
        const auto many = search({{u"pattern"_s, u"match"_s}});
        QCOMPARE(many.text.count(u"many.txt"_s), 200);
        QVERIFY(many.text.endsWith(
            u"[There are more than 200 matches; narrow the pattern, the path or the glob.]"_s));
        QCOMPARE(many.facts.value(u"matches"_s).toInt(), 200);
        QVERIFY(search({{u"pattern"_s, u"wide"_s}}).text.size() < 500);
    }

    void refusesNonsense()
    {
        QVERIFY(!m_tool.plan({}, m_place->context));
        QVERIFY(!m_tool.plan({{u"pattern"_s, QString(QChar(0))}}, m_place->context));
        QVERIFY(!m_tool.plan({{u"pattern"_s, QString(20'000, u'x')}}, m_place->context));
        QVERIFY(!checkArguments(m_tool.spec().schema, {{u"path"_s, u"a"_s}}));
        QVERIFY(search({{u"pattern"_s, u"x"_s}, {u"path"_s, u"none"_s}}).isError);
    }

private:
    Output search(const QJsonObject& arguments)
    {
        return call(m_tool, arguments, m_place->context);
    }

    std::unique_ptr<toolkit::Place> m_place;
    SystemClock m_clock;
    sandbox::Sandbox m_sandbox{
        {QStringLiteral(SB_BIN_DIR "/signalbox-sandbox-helper"), u"bwrap"_s, {}}, m_clock};
    SearchTool m_tool{m_sandbox};
};

QTEST_GUILESS_MAIN(tst_SearchTool)
#include "tst_SearchTool.moc"
