// Measures the gate: what a call that nobody is asked about costs, and what its labels cost:
// bench_gate [FOLDER]. Prints one JSON line a figure.
#include "core/tools/Gate.h"

#include <QCoreApplication>
#include <QDir>
#include <QElapsedTimer>
#include <QJsonDocument>
#include <QTemporaryDir>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <latch>
#include <vector>

using namespace sb;
using namespace Qt::StringLiterals;

namespace {

void print(const char* bench, double value, const char* unit, QJsonObject line = {})
{
    line.insert(u"bench"_s, QLatin1StringView(bench));
    line.insert(u"value"_s, std::round(value * 1000) / 1000);
    line.insert(u"unit"_s, QLatin1StringView(unit));
    std::puts(QJsonDocument(line).toJson(QJsonDocument::Compact).constData());
}

QString output(int number, qsizetype size)
{
    QString text;
    for (int i = 0; text.size() < size; ++i) {
        text +=
            u"line %1 of %2: what a program prints while it works\n"_s.arg(i * 7919).arg(number);
    }
    return text;
}

double median(std::vector<double> values)
{
    std::ranges::sort(values);
    return values[values.size() / 2];
}

/// Does nothing, at once.
class IdleTool final : public tools::Tool
{
public:
    IdleTool()
    {
        m_spec.name = u"idle"_s;
        m_spec.schema = {{u"type"_s, u"object"_s}};
    }
    [[nodiscard]] const llm::ToolSpec& spec() const override { return m_spec; }
    [[nodiscard]] bool isIdempotent() const override { return true; }
    Result<tools::Plan> plan(const QJsonObject& arguments, const tools::Context&) override
    {
        tools::Plan made;
        made.arguments = arguments;
        made.action.tool = m_spec.name;
        made.action.arguments = arguments;
        return made;
    }
    Future<tools::Output> run(tools::Permit,
                              tools::Plan,
                              tools::Context,
                              std::function<void(const QString&)>,
                              std::stop_token) override
    {
        return Future<tools::Output>::ready(tools::Output{});
    }

private:
    llm::ToolSpec m_spec;
};

// Calls that the rules allow, from the model's wish to its answer, beside what the journal alone
// takes for the same entries in the same transactions.
void passing(const char* bench, const QString& folder, int rounds)
{
    SystemClock clock;
    LoopExecutor executor(u"agent"_s);
    Pool pool(1, u"pool"_s);
    auto database =
        std::move(*store::Database::open({folder + u"/agent.db"_s, u":/sql/agent"_s, {}}, clock));
    journal::Journal::Settings settings;
    settings.agent = u"a"_s;
    settings.projections.push_back(std::make_unique<approvals::ApprovalProjection>());
    auto journal = std::move(*journal::Journal::open(std::move(settings), *database, clock));
    approvals::Approvals approvals(*journal, *database, clock, executor);
    tools::Registry registry;
    registry.add(std::make_unique<IdleTool>(), {protocol::ProcessKind::Worker});
    policy::Rule rule;
    rule.match = u"idle"_s;
    rule.decide = policy::Decide::Allow;
    tools::Gate gate({registry,
                      *journal,
                      approvals,
                      executor,
                      pool,
                      [rule] { return QList{rule}; },
                      [](const QString& text) { return text; }});
    tools::Call call;
    call.call.id = u"c1"_s;
    call.call.name = u"idle"_s;
    call.context.agent = u"a"_s;
    call.context.process = u"wrk-1"_s;
    const auto entry = [](protocol::Kind kind) {
        journal::NewEntry made;
        made.kind = kind;
        made.process = u"wrk-1"_s;
        made.payload = {{u"call"_s, u"c1"_s}, {u"tool"_s, u"idle"_s}};
        return made;
    };
    std::vector<double> through;
    std::vector<double> alone;
    bool failed = false;
    std::latch done(1);
    constexpr std::array transactions{1, 2, 1};
    const auto measure = [&]() -> QCoro::Task<> {
        for (int i = 0; i < rounds; ++i) {
            QElapsedTimer timer;
            timer.start();
            auto passed = gate.pass(call, {}, {});
            const auto settled = co_await passed;
            failed = failed || !settled || (*settled).message.isError;
            through.push_back(double(timer.nsecsElapsed()) / 1000);
            timer.restart();
            for (const int entries : transactions) {
                auto writing = journal->transact(
                    [entry, entries](journal::Transaction& transaction) -> Result<int> {
                        for (int n = 0; n < entries; ++n) {
                            SB_CHECK(transaction.append(entry(protocol::Kind::ToolResult)));
                        }
                        return entries;
                    });
                const auto written = co_await cancellable({}, executor, std::move(writing));
                failed = failed || !written;
            }
            alone.push_back(double(timer.nsecsElapsed()) / 1000);
        }
        done.count_down();
    };
    std::optional<QCoro::Task<>> running;
    executor.post([&] { running.emplace(measure()); });
    done.wait();
    executor.postAndWait([&] { running.reset(); });
    if (failed) {
        std::fputs("a call failed\n", stderr);
        std::exit(1);
    }
    const double whole = median(through);
    const double record = median(alone);
    print(bench,
          whole - record,
          "us",
          {{u"whole"_s, std::round(whole)}, {u"journal_alone"_s, std::round(record)}});
}

} // namespace

int main(int argc, char** argv)
{
    const QCoreApplication application(argc, argv);
    const QTemporaryDir disk((argc > 1 ? QString::fromLocal8Bit(argv[1]) : QDir::tempPath()) +
                             u"/bench-gate-XXXXXX"_s);
    const QTemporaryDir memory(u"/dev/shm/bench-gate-XXXXXX"_s);
    passing("gate.pass", disk.path(), 2000);
    if (memory.isValid()) {
        passing("gate.pass.in_memory", memory.path(), 5000);
    }

    // What a worker has read after thirty calls.
    tools::Labelling labelling;
    for (int i = 0; i < 30; ++i) {
        labelling.read.add(std::make_shared<taint::Fingerprint>(output(i, 4000)),
                           taint::settled({taint::entering({taint::Label::UntrustedFile},
                                                           u"wrk-1"_s,
                                                           u"the file src/%1.cpp"_s.arg(i))},
                                          i + 1,
                                          1));
    }
    tools::Context context;
    context.workspace = u"/work/demo"_s;
    tools::Plan plan;
    plan.arguments = {{u"command"_s, u"cmake --build build --target all && ctest -R unit"_s}};
    plan.action.tool = u"shell"_s;
    plan.action.subject = plan.arguments.value(u"command"_s).toString();
    plan.action.effect = policy::Effect::Execute;
    const auto redact = [](const QString& text) { return text; };
    std::vector<double> with;
    std::vector<double> bare;
    for (int i = 0; i < 3000; ++i) {
        QElapsedTimer timer;
        timer.start();
        (void)policy::decide({}, plan.action);
        bare.push_back(double(timer.nsecsElapsed()) / 1000);
        timer.restart();
        const auto known = tools::labelled(plan, labelling, context, redact);
        (void)policy::decide({}, known.plan.action);
        with.push_back(double(timer.nsecsElapsed()) / 1000);
    }
    print("gate.labels", median(with) - median(bare), "us");

    const QString large = output(0, 1 << 20);
    std::vector<double> reading;
    for (int i = 0; i < 11; ++i) {
        const taint::Fingerprint fingerprint(large);
        QElapsedTimer timer;
        timer.start();
        (void)fingerprint.has(1);
        reading.push_back(double(timer.nsecsElapsed()) / 1e6);
    }
    print("gate.fingerprint_1mb", median(reading), "ms");
    return 0;
}
