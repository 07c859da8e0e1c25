#include "core/tools/WasmTool.h"
#include "tests/security/wasm/WasmFixture.h"
#include "tests/unit/ToolTestKit.h"

#include <QJsonArray>
#include <QJsonDocument>

using namespace sb;
using namespace sb::tools;
using namespace Qt::StringLiterals;
using toolkit::Place;

/// A skill's tool among the others: its plan, what its host calls become, how it fails.
class tst_WasmTool : public QObject
{
    Q_OBJECT

    Place m_place;
    std::unique_ptr<wasmkit::Runtime> m_runtime;
    wasm::KvStores m_stores;
    Pool m_pool{2, u"pool"_s};
    QList<llm::ToolCall> m_passed;
    Output m_gate{u"from the gate"_s, false, {}};

    WasmToolSpec spec(const QStringList& capabilities = {}) const
    {
        WasmToolSpec made;
        made.skill = u"demo"_s;
        made.name = u"demo_tool"_s;
        made.description = u"Does what its arguments say."_s;
        made.schema = {{u"type"_s, u"object"_s}};
        made.module = wasmkit::path("attacks");
        made.capabilities = capabilities;
        made.dataFolder = m_place.top + u"/data"_s;
        return made;
    }
    std::unique_ptr<WasmTool> tool(WasmToolSpec made)
    {
        WasmTool::Parts parts{m_runtime->hosts, m_stores, m_pool, m_runtime->clock, {}, {}};
        parts.through = [this](const Context& context, const llm::ToolCall& call) {
            if (context.agent != m_place.context.agent) {
                return Future<Output>::ready(fail(ErrorCode::Internal, u"another agent"_s));
            }
            m_passed.append(call);
            return Future<Output>::ready(m_gate);
        };
        auto created = WasmTool::create(std::move(made), std::move(parts));
        return created ? std::move(*created) : nullptr;
    }
    // The test module hands arguments that begin with a brace on as a host call.
    Output ask(WasmTool& tool, const QString& method, const QJsonObject& params = {})
    {
        return toolkit::call(tool, {{u"method"_s, method}, {u"params"_s, params}}, m_place.context);
    }

private Q_SLOTS:
    void init()
    {
        m_runtime = std::make_unique<wasmkit::Runtime>();
        m_passed.clear();
        m_gate = Output{u"from the gate"_s, false, {}};
    }
    void cleanup() { m_runtime.reset(); }

    void plansWithoutTouchingAnything()
    {
        const auto made = tool(spec({u"fs_read"_s}));
        const auto plan = made->plan({{u"a"_s, 1}}, m_place.context);
        QVERIFY(plan);
        QCOMPARE(plan->command, u"Run demo_tool of the skill demo: {\"a\":1}"_s);
        QCOMPARE(plan->action.effect, policy::Effect::None);
        QCOMPARE(plan->digests.size(), 1);
        QVERIFY(!made->isIdempotent());
        QVERIFY(tool(spec())->isIdempotent());
        QCOMPARE(m_runtime->hosts.processes(), 0);
    }
    void hostCallsPassTheGate()
    {
        const auto made = tool(spec({u"fs_read"_s}));
        const auto output = ask(*made, u"fs_read"_s, {{u"path"_s, u"notes.txt"_s}});
        QCOMPARE(output.text, u"{\"ok\":\"from the gate\"}"_s);
        QVERIFY(!output.isError);
        QCOMPARE(m_passed.size(), 1);
        QCOMPARE(m_passed.first().name, u"file_read"_s);
        QCOMPARE(m_passed.first().arguments, (QJsonObject{{u"path"_s, u"notes.txt"_s}}));
        QCOMPARE(output.facts.value(u"host_calls_passed_on"_s), QJsonArray{u"file_read"_s});
        QCOMPARE(output.facts.value(u"ending"_s), u"finished"_s);
    }
    void whatTheGateRefusesIsAnError()
    {
        m_gate = Output{u"The gate says no."_s, true, {}};
        const auto made = tool(spec({u"shell_exec"_s}));
        const auto output = ask(*made, u"shell_exec"_s, {{u"command"_s, u"id"_s}});
        QCOMPARE(output.text, u"{\"error\":\"The gate says no.\"}"_s);
        QVERIFY(output.isError);
    }
    void refusedBeforeTheGate_data()
    {
        QTest::addColumn<QString>("method");
        QTest::addColumn<QJsonObject>("params");
        QTest::addColumn<QString>("error");
        const auto row =
            [](const QString& method, const QJsonObject& params, const QString& error) {
                QTest::newRow(qPrintable(method)) << method << params << error;
            };
        row(u"fs_write"_s,
            {{u"path"_s, u"a"_s}, {u"content"_s, u"b"_s}},
            u"The skill \"demo\" does not have the capability \"fs_write\"."_s);
        row(u"net_fetch"_s,
            {{u"url"_s, u"https://b.example/"_s}},
            u"The skill \"demo\" does not have the capability \"net_fetch:b.example:443\"."_s);
        row(u"env_read"_s, {{u"name"_s, u"HOME"_s}}, u"The environment is shown to no tool."_s);
        row(u"agent_send"_s, {}, u"A tool cannot reach or start agents."_s);
        row(u"agent_spawn"_s, {}, u"A tool cannot reach or start agents."_s);
        row(u"nonsense"_s, {}, u"There is no host call \"nonsense\"."_s);
    }
    void refusedBeforeTheGate()
    {
        QFETCH(const QString, method);
        QFETCH(const QJsonObject, params);
        QFETCH(const QString, error);
        const auto made = tool(spec({u"fs_read"_s, u"net_fetch:a.example"_s}));
        const auto output = ask(*made, method, params);
        QCOMPARE(QJsonDocument::fromJson(output.text.toUtf8()).object(),
                 (QJsonObject{{u"error"_s, error}}));
        QVERIFY(m_passed.isEmpty());
        QCOMPARE(output.facts.contains(u"host_calls_refused"_s), method != u"nonsense");
    }
    void storeBelongsToTheSkill()
    {
        const auto made = tool(spec({u"kv"_s}));
        QCOMPARE(ask(*made, u"kv_get"_s, {{u"key"_s, u"k"_s}}).text, u"{\"ok\":null}"_s);
        QCOMPARE(ask(*made, u"kv_set"_s, {{u"key"_s, u"k"_s}, {u"value"_s, 7}}).text,
                 u"{\"ok\":true}"_s);
        QCOMPARE(ask(*made, u"kv_get"_s, {{u"key"_s, u"k"_s}}).text, u"{\"ok\":7}"_s);
        QVERIFY(QFile::exists(m_place.top + u"/data/kv.json"_s));
        QVERIFY(m_passed.isEmpty());
    }
    void timeComesFromTheClock()
    {
        const auto made = tool(spec());
        const auto now = m_runtime->clock.nowUs() / 1'000'000;
        const auto told = QJsonDocument::fromJson(ask(*made, u"time_now"_s).text.toUtf8())
                              .object()
                              .value(u"ok"_s)
                              .toInteger();
        QVERIFY(told >= now && told <= now + 60);
    }
    void failuresAreSentences()
    {
        auto made = spec();
        made.module = wasmkit::path("shape7");
        const auto output = toolkit::call(*tool(made), {{u"a"_s, 1}}, m_place.context);
        QVERIFY(output.isError);
        QCOMPARE(output.text,
                 u"The tool \"demo_tool\" was ended: it broke off: integer divide by zero."_s);
        QCOMPARE(output.facts.value(u"ending"_s), u"trapped"_s);
    }
    void aModuleThatIsNotThePublishedOne()
    {
        auto made = spec();
        made.digest = QByteArray(32, 'x');
        const auto plan = tool(made)->plan({}, m_place.context);
        QVERIFY(!plan);
        QCOMPARE(plan.error().code, ErrorCode::Forbidden);
    }
    void cancelled()
    {
        const auto made = tool(spec());
        auto plan = made->plan({}, m_place.context);
        QVERIFY(plan);
        std::stop_source stop;
        stop.request_stop();
        const auto output = toolkit::run(*made, *plan, m_place.context, stop.get_token());
        QVERIFY(!output);
        QCOMPARE(output.error().code, ErrorCode::Cancelled);
    }
    void badSpecsAreTold()
    {
        QVERIFY(!tool(spec({u"env_read"_s})));
        auto made = spec();
        made.limits.instructions = 0;
        QVERIFY(!tool(made));
        made = spec();
        made.name.clear();
        QVERIFY(!tool(made));
    }
};

QTEST_GUILESS_MAIN(tst_WasmTool)
#include "tst_WasmTool.moc"
