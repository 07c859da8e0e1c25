#include "core/approvals/Approvals.h"
#include "core/base/Guarded.h"
#include "core/tools/Gate.h"

#include <QDirIterator>
#include <QRegularExpression>
#include <QTemporaryDir>
#include <QTest>

using namespace sb;
using namespace sb::tools;
using protocol::ApprovalState;
using protocol::Kind;
using protocol::ProcessKind;

// Nobody but the gate can make what a tool needs to run.
static_assert(!std::is_default_constructible_v<Permit>);
static_assert(!std::is_copy_constructible_v<Permit>);
static_assert(!std::is_aggregate_v<Permit>);

namespace {

QString s(const char* text)
{
    return QString::fromUtf8(text);
}

/// A tool that tells what was asked of it, with a plan that the test can change under way.
class ProbeTool final : public Tool
{
public:
    ProbeTool()
    {
        m_spec.name = s("probe");
        m_spec.schema = {
            {s("type"), s("object")},
            {s("properties"), QJsonObject{{s("word"), QJsonObject{{s("type"), s("string")}}}}},
            {s("required"), QJsonArray{s("word")}},
            {s("additionalProperties"), false}};
    }
    [[nodiscard]] const llm::ToolSpec& spec() const override { return m_spec; }
    [[nodiscard]] bool isIdempotent() const override { return idempotent; }
    Result<Plan> plan(const QJsonObject& arguments, const Context&) override
    {
        ++plans;
        Plan made;
        made.arguments = arguments;
        made.action.tool = m_spec.name;
        made.action.subject = arguments.value(s("word")).toString();
        made.action.arguments = arguments;
        made.action.effect = policy::Effect::Execute;
        made.action.leavesWorkspace = leaves;
        made.command = s("probe ") + made.action.subject;
        made.digests.insert(s("file"), digest.withLock([](const QString& text) { return text; }));
        return made;
    }
    Future<Output>
    run(Permit, Plan plan, Context, std::function<void(const QString&)>, std::stop_token) override
    {
        ++runs;
        lastWord = plan.action.subject;
        // What the journal holds at this moment, for the test that the intent came first.
        protocol::QueryJournal query;
        query.kinds = {s("tool.started")};
        startedBefore = journal->query(query)->entries.size();
        Output output;
        output.text = s("did ") + plan.action.subject;
        return Future<Output>::ready(output);
    }

    std::atomic<int> plans = 0;
    std::atomic<int> runs = 0;
    bool idempotent = false;
    bool leaves = false;
    Guarded<QString> digest;
    QString lastWord;
    qsizetype startedBefore = 0;
    journal::Journal* journal = nullptr;

private:
    llm::ToolSpec m_spec;
};

} // namespace

/// The order of the gate, and that nothing leads around it.
class tst_Gate final : public QObject
{
    Q_OBJECT

    struct Fixture
    {
        Fixture() : pool(1, s("pool"))
        {
            auto opened = store::Database::open(
                {folder.filePath(s("agent.db")), s(":/sql/agent"), {}}, clock);
            if (!opened) {
                qFatal("%s", qPrintable(opened.error().message));
            }
            database = std::move(*opened);
            journal::Journal::Settings settings;
            settings.agent = s("a");
            settings.projections.push_back(std::make_unique<approvals::ApprovalProjection>());
            auto chain = journal::Journal::open(std::move(settings), *database, clock);
            if (!chain) {
                qFatal("%s", qPrintable(chain.error().message));
            }
            journal = std::move(*chain);
            approvals =
                std::make_unique<approvals::Approvals>(*journal, *database, clock, executor);
            auto made = std::make_unique<ProbeTool>();
            tool = made.get();
            tool->journal = journal.get();
            registry.add(std::move(made), {ProcessKind::Worker});
            gate = std::make_unique<Gate>(Gate::Parts{registry,
                                                      *journal,
                                                      *approvals,
                                                      executor,
                                                      pool,
                                                      [this] { return rules; },
                                                      [](const QString& text) {
                                                          return QString(text).replace(
                                                              s("hunter2"), s("[redacted]"));
                                                      }});
        }

        Call call(const char* word)
        {
            Call made;
            made.call.id = s("c1");
            made.call.name = s("probe");
            made.call.arguments = {{s("word"), QLatin1StringView(word)}};
            made.context.agent = s("a");
            made.context.process = s("wrk-1");
            return made;
        }
        static policy::Rule rule(const char* match, policy::Decide decide)
        {
            policy::Rule made;
            made.match = s(match);
            made.decide = decide;
            return made;
        }
        QStringList kinds()
        {
            QStringList names;
            const auto entries = journal->after(0, 100);
            for (const auto& entry : *entries) {
                names.append(protocol::kindName(entry.kind));
            }
            return names;
        }
        /// Passes the call; the test settles what is asked meanwhile.
        std::optional<Result<Settled>> pass(Call made, const std::function<void()>& meanwhile = {})
        {
            std::optional<Result<Settled>> result;
            start(gate->pass(std::move(made), {}, stop.get_token()), result);
            return wait(result, meanwhile);
        }
        std::optional<Result<Settled>>
        resume(Call made, Interrupted state, const std::function<void()>& meanwhile = {})
        {
            std::optional<Result<Settled>> result;
            start(gate->resume(std::move(made), std::move(state), {}, stop.get_token()), result);
            return wait(result, meanwhile);
        }
        QCoro::Task<> start(QCoro::Task<Result<Settled>> task,
                            std::optional<Result<Settled>>& result)
        {
            auto settled = co_await task;
            result.emplace(std::move(settled));
        }
        std::optional<Result<Settled>> wait(std::optional<Result<Settled>>& result,
                                            const std::function<void()>& meanwhile)
        {
            if (meanwhile) {
                if (!QTest::qWaitFor([&] { return !approvals->list(false)->isEmpty(); })) {
                    return std::nullopt;
                }
                meanwhile();
            }
            if (!QTest::qWaitFor([&] { return result.has_value(); })) {
                return std::nullopt;
            }
            return std::move(result);
        }
        void settle(bool accept, std::optional<QJsonObject> edited = {})
        {
            protocol::SettleApproval decision;
            decision.id = approvals->list(false)->first().id;
            decision.accept = accept;
            decision.arguments = std::move(edited);
            decision.by = s("test");
            QVERIFY(approvals->settle(std::move(decision)).wait());
        }

        QTemporaryDir folder;
        SystemClock clock;
        ContextExecutor executor;
        Pool pool;
        std::unique_ptr<store::Database> database;
        std::unique_ptr<journal::Journal> journal;
        std::unique_ptr<approvals::Approvals> approvals;
        Registry registry;
        ProbeTool* tool = nullptr;
        std::unique_ptr<Gate> gate;
        QList<policy::Rule> rules;
        std::stop_source stop;
    };

private Q_SLOTS:
    void bad_arguments_are_answered_before_anything_is_planned()
    {
        Fixture f;
        auto call = f.call("x");
        call.call.arguments = {{s("wort"), 1}};
        const auto result = f.pass(call);
        QVERIFY(result && *result);
        QVERIFY((*result)->message.isError);
        QCOMPARE(f.tool->plans.load(), 0);
        QCOMPARE(f.tool->runs.load(), 0);
        QCOMPARE(f.kinds(), (QStringList{s("tool.call"), s("tool.result")}));
    }

    void a_process_without_the_tool_cannot_reach_it()
    {
        Fixture f;
        f.rules = {Fixture::rule("*", policy::Decide::Allow)};
        auto call = f.call("x");
        call.kind = ProcessKind::Channel;
        const auto result = f.pass(call);
        QVERIFY(result && *result && (*result)->message.isError);
        QCOMPARE(f.tool->plans.load(), 0);
        QCOMPARE(f.kinds(), (QStringList{s("tool.call"), s("policy.decision"), s("tool.result")}));
    }

    void a_rule_that_denies_is_never_put_before_a_person()
    {
        Fixture f;
        f.rules = {Fixture::rule("probe", policy::Decide::Allow),
                   Fixture::rule("probe(x)", policy::Decide::Deny)};
        const auto result = f.pass(f.call("x"));
        QVERIFY(result && *result && (*result)->message.isError);
        QCOMPARE(f.tool->runs.load(), 0);
        QCOMPARE(f.kinds(), (QStringList{s("tool.call"), s("policy.decision"), s("tool.result")}));
    }

    void leaving_the_workspace_is_forbidden_whatever_the_rules_say()
    {
        Fixture f;
        f.rules = {Fixture::rule("*", policy::Decide::Allow)};
        f.tool->leaves = true;
        const auto result = f.pass(f.call("x"));
        QVERIFY(result && *result && (*result)->message.isError);
        QCOMPARE(f.tool->runs.load(), 0);
    }

    void the_intent_is_on_disk_before_the_effect()
    {
        Fixture f;
        f.rules = {Fixture::rule("probe", policy::Decide::Allow)};
        const auto result = f.pass(f.call("x"));
        QVERIFY(result && *result);
        QCOMPARE((*result)->message.text, s("did x"));
        QCOMPARE(f.tool->startedBefore, 1);
        QCOMPARE(f.kinds(),
                 (QStringList{
                     s("tool.call"), s("policy.decision"), s("tool.started"), s("tool.result")}));
    }

    void secrets_do_not_come_back_to_the_model()
    {
        Fixture f;
        f.rules = {Fixture::rule("probe", policy::Decide::Allow)};
        const auto result = f.pass(f.call("hunter2"));
        QVERIFY(result && *result);
        QCOMPARE((*result)->message.text, s("did [redacted]"));
    }

    void what_was_rejected_is_not_done()
    {
        Fixture f;
        const auto result = f.pass(f.call("x"), [&] { f.settle(false); });
        QVERIFY(result && *result && (*result)->message.isError);
        QCOMPARE(f.tool->runs.load(), 0);
    }

    void what_was_accepted_is_done_once()
    {
        Fixture f;
        const auto result = f.pass(f.call("x"), [&] { f.settle(true); });
        QVERIFY(result && *result && !(*result)->message.isError);
        QCOMPARE(f.tool->runs.load(), 1);
    }

    void a_plan_that_changed_since_it_was_accepted_is_refused()
    {
        Fixture f;
        const auto result = f.pass(f.call("x"), [&] {
            f.tool->digest.withLock([](QString& value) { value = s("another"); });
            f.settle(true);
        });
        QVERIFY(result && *result && (*result)->message.isError);
        QVERIFY((*result)->message.text.contains(u"changed"));
        QCOMPARE(f.tool->runs.load(), 0);
    }

    void edited_arguments_are_what_is_done_and_stand_before_the_policy()
    {
        Fixture f;
        f.rules = {Fixture::rule("probe(bad)", policy::Decide::Deny)};
        const auto good =
            f.pass(f.call("x"), [&] { f.settle(true, QJsonObject{{s("word"), s("y")}}); });
        QVERIFY(good && *good && !(*good)->message.isError);
        QCOMPARE(f.tool->lastWord, s("y"));
        const auto bad =
            f.pass(f.call("x"), [&] { f.settle(true, QJsonObject{{s("word"), s("bad")}}); });
        QVERIFY(bad && *bad && (*bad)->message.isError);
        QCOMPARE(f.tool->runs.load(), 1);
    }

    void a_cancelled_question_is_withdrawn()
    {
        Fixture f;
        const auto result = f.pass(f.call("x"), [&] { f.stop.request_stop(); });
        QVERIFY(result);
        QVERIFY(f.approvals->list(false)->isEmpty());
        QCOMPARE(f.approvals->list(true)->first().state, ApprovalState::Rejected);
        QCOMPARE(f.tool->runs.load(), 0);
    }

    void used_up_calls_are_refused()
    {
        Fixture f;
        f.rules = {Fixture::rule("probe", policy::Decide::Allow)};
        auto call = f.call("x");
        call.callLimit = 3;
        call.callsBefore = 3;
        const auto result = f.pass(call);
        QVERIFY(result && *result && (*result)->message.isError);
        QCOMPARE(f.tool->runs.load(), 0);
    }

    void what_may_have_happened_is_put_before_a_person_although_a_rule_allows_it()
    {
        Fixture f;
        f.rules = {Fixture::rule("probe", policy::Decide::Allow)};
        const auto result = f.resume(f.call("x"), {7, true, {}, {}}, [&] {
            const auto asked = f.approvals->list(false)->first();
            QCOMPARE(asked.rule, s("recovery"));
            f.settle(false);
        });
        QVERIFY(result && *result && (*result)->message.isError);
        QCOMPARE(f.tool->runs.load(), 0);
    }

    void what_can_be_repeated_is_repeated_without_asking()
    {
        Fixture f;
        f.tool->idempotent = true;
        const auto result = f.resume(f.call("x"), {7, true, {}, {}});
        QVERIFY(result && *result && !(*result)->message.isError);
        QCOMPARE(f.tool->runs.load(), 1);
    }

    void no_other_code_makes_a_permit()
    {
        // The type keeps honest code out; this keeps casts out, which could forge one.
        const QRegularExpression forged(
            s(R"((bit_cast|reinterpret_cast|static_cast)\s*<[^>]*Permit|\bPermit\s*[({]\s*[)}])"));
        QStringList found;
        for (const char* folder : {"core", "app", "ui"}) {
            QDirIterator files(s(SB_SOURCE_DIR "/") + s(folder),
                               {s("*.h"), s("*.cpp")},
                               QDir::Files,
                               QDirIterator::Subdirectories);
            while (files.hasNext()) {
                QFile file(files.next());
                QVERIFY(file.open(QIODevice::ReadOnly));
                const bool isGate = file.fileName().endsWith(s("core/tools/Gate.cpp")) ||
                                    file.fileName().endsWith(s("core/tools/Tool.h"));
                if (!isGate && forged.match(QString::fromUtf8(file.readAll())).hasMatch()) {
                    found.append(file.fileName());
                }
            }
        }
        QCOMPARE(found, QStringList());
    }
};

QTEST_GUILESS_MAIN(tst_Gate)
#include "tst_Gate.moc"
