#include "ui/models/ApprovalsModel.h"
#include "ui/models/Arguments.h"
#include "ui/models/EntrySummary.h"
#include "ui/models/JournalModel.h"
#include "ui/models/VisibleText.h"
#include "ui/models/Words.h"
#include "ui/models/WorkersModel.h"
#include "ui/widgets/PlainLine.h"

#include <QAbstractItemModelTester>
#include <QSignalSpy>
#include <QTest>

using namespace sb;
using namespace sb::models;
using namespace Qt::StringLiterals;
using protocol::ApprovalInfo;
using protocol::ApprovalState;
using protocol::Entry;
using protocol::Kind;
using protocol::ProcessInfo;
using protocol::ProcessKind;
using protocol::ProcessState;

namespace {

constexpr auto strict = QAbstractItemModelTester::FailureReportingMode::Fatal;

ProcessInfo worker(int number, TimeUs startedAt, ProcessState state = ProcessState::Running)
{
    ProcessInfo info;
    info.agent = u"fixer"_s;
    info.id = u"wrk-%1"_s.arg(number);
    info.task = u"task %1"_s.arg(number);
    info.state = state;
    info.startedAt = startedAt;
    info.endedAt = state == ProcessState::Running ? 0 : startedAt + 5'000'000;
    return info;
}

ApprovalInfo approval(int number, ApprovalState state = ApprovalState::Waiting)
{
    ApprovalInfo info;
    info.id = u"apr-%1"_s.arg(number, 5, 10, QChar(u'0'));
    info.command = u"make %1"_s.arg(number);
    info.requestedAt = 1000 + number;
    info.settledAt = state == ApprovalState::Waiting ? 0 : 2000 + number;
    info.state = state;
    return info;
}

QStringList ids(const ApprovalsModel& model)
{
    QStringList result;
    for (int row = 0; row < model.rowCount(); ++row) {
        result.append(model.at(row).id.last(1));
    }
    return result;
}

/// Chains in memory that answer at once or when told to.
class Chains
{
public:
    void add(const QString& agent, int count, TimeUs start = 1'000'000, TimeUs step = 1000)
    {
        auto& chain = m_chains[agent];
        for (int i = 0; i < count; ++i) {
            Entry entry;
            entry.agent = agent;
            entry.seq = chain.size() + 1;
            entry.time = start + step * entry.seq;
            entry.kind = entry.seq % 2 == 0 ? Kind::ToolCall : Kind::ToolResult;
            entry.payload = {{u"text"_s, u"number %1"_s.arg(entry.seq)}};
            chain.append(entry);
        }
    }
    const Entry& last(const QString& agent) { return m_chains[agent].last(); }

    JournalModel::Query query()
    {
        return [this](const protocol::QueryJournal& asked, const JournalModel::Answer& answer) {
            queries.append(asked);
            if (failure) {
                answer(std::unexpected(*failure));
                return;
            }
            protocol::QueryJournal::Reply reply;
            const auto& chain = m_chains[asked.agent];
            JournalFilter filter;
            filter.text = asked.text;
            for (const auto& name : asked.kinds) {
                filter.kinds.append(*protocol::kindFromName(name));
            }
            for (auto it = chain.crbegin(); it != chain.crend(); ++it) {
                if ((asked.before == 0 || it->seq < asked.before) && filter.accepts(*it)) {
                    if (reply.entries.size() == asked.limit) {
                        reply.more = true;
                        break;
                    }
                    reply.entries.append(*it);
                }
            }
            if (isHeld) {
                held.append([answer, reply] { answer(reply); });
            } else {
                answer(reply);
            }
        };
    }

    /// The tester of models asks for more whenever it can, even inside a change: answers must come
    /// later then.
    void pump()
    {
        while (!held.isEmpty()) {
            held.takeFirst()();
        }
    }

    QList<protocol::QueryJournal> queries;
    QList<std::function<void()>> held;
    std::optional<Error> failure;
    bool isHeld = false;

private:
    QHash<QString, QList<Entry>> m_chains;
};

} // namespace

class tst_Models final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void plainLine_data();
    void plainLine();
    void workersComeAndChange();
    void workersAgeOnlyWhileTheyLive();
    void workersInOrder();
    void workersFilter();
    void endedWorkersAreCapped();
    void approvalsInOrder();
    void approvalsSettledStaySettled();
    void approvalsCapSettled();
    void journalPages();
    void journalIsAProperModel();
    void journalMergesChainsByTime();
    void journalLivePrependsOnceAFrame();
    void journalNeverShowsAnEntryTwice();
    void journalFiltersNewOnes();
    void journalIsCapped();
    void journalAroundAnEntry();
    void journalFailure();
    void journalLateAnswerIsIgnored();
    void summaries_data();
    void summaries();
    void visibleText_data();
    void visibleText();
    void arguments();
    void schema();
    void quoting();
};

void tst_Models::plainLine_data()
{
    QTest::addColumn<QString>("markdown");
    QTest::addColumn<QString>("plain");
    const auto row = [](const char* name, const QString& markdown, const QString& plain) {
        QTest::newRow(name) << markdown << plain;
    };
    row("words", u"Nothing to do."_s, u"Nothing to do."_s);
    row("bold", u"**Fixed and committed.**\n\n- more"_s, u"Fixed and committed."_s);
    row("emphasis",
        u"a *small* and _quiet_ ~~old~~ ***loud*** one"_s,
        u"a small and quiet old loud one"_s);
    row("nested", u"**the `-ge 10` of _it_**"_s, u"the -ge 10 of it"_s);
    row("heading", u"\n\n## The *median*\ntext"_s, u"The median"_s);
    row("an issue is no heading", u"#12 is open"_s, u"#12 is open"_s);
    row("list", u"- [ ] first\n- second"_s, u"first"_s);
    row("quote", u"> > said"_s, u"said"_s);
    row("code", u"Run `make -j2 **all**` now"_s, u"Run make -j2 **all** now"_s);
    row("fence", u"```sh\n# not a heading\n```"_s, u"# not a heading"_s);
    row("rule", u"---\ntext"_s, u"text"_s);
    row("link", u"See [the **docs**](https://a.example/(x)) first"_s, u"See the docs first"_s);
    row("picture", u"![a plan](plan.png)"_s, u"a plan"_s);
    row("address", u"At <https://a.example/b>"_s, u"At https://a.example/b"_s);
    row("escaped", u"\\*not\\* it"_s, u"*not* it"_s);
    row("snake case", u"call my_own_name and __init__.py"_s, u"call my_own_name and __init__.py"_s);
    row("arithmetic", u"2*3*4 and 2 * 3 * 4, 2 ** 8"_s, u"2*3*4 and 2 * 3 * 4, 2 ** 8"_s);
    row("globs", u"*.cpp and *.h"_s, u"*.cpp and *.h"_s);
    row("open", u"**never closed, [nor this](x"_s, u"**never closed, [nor this](x"_s);
    row("less than", u"if a < b and c > d"_s, u"if a < b and c > d"_s);
    row("nothing", QString(), QString());
    row("only marks", u"***"_s, u"***"_s);
}

void tst_Models::plainLine()
{
    QFETCH(QString, markdown);
    QTEST(widgets::plainLine(markdown), "plain");
}

void tst_Models::workersComeAndChange()
{
    FakeClock clock;
    WorkersModel model(clock);
    const QAbstractItemModelTester tester(&model, strict);
    auto channel = worker(9, 1);
    channel.kind = ProcessKind::Channel;
    model.reset({worker(1, 10), channel});
    QCOMPARE(model.rowCount(), 1);
    auto changed = worker(1, 10);
    changed.status = u"compiling"_s;
    model.apply({changed, worker(2, 20), worker(3, 30), worker(3, 31)});
    QCOMPARE(model.rowCount(), 3);
    QCOMPARE(model.index(0, WorkersModel::Status).data().toString(), u"compiling"_s);
    QCOMPARE(model.at(2).startedAt, 31);
    QCOMPARE(model.alive(), 3);
    model.apply({worker(2, 20, ProcessState::Failed)});
    QCOMPARE(model.alive(), 2);
    QCOMPARE(model.find(u"fixer"_s, u"wrk-2"_s), 1);
    QCOMPARE(model.find(u"other"_s, u"wrk-2"_s), -1);
}

void tst_Models::workersAgeOnlyWhileTheyLive()
{
    FakeClock clock;
    WorkersModel model(clock);
    model.reset({worker(1, clock.nowUs()), worker(2, clock.nowUs(), ProcessState::Succeeded)});
    clock.advance(std::chrono::seconds(184));
    QSignalSpy spy(&model, &QAbstractItemModel::dataChanged);
    model.tick();
    QCOMPARE(spy.size(), 1);
    QCOMPARE(spy.first().first().toModelIndex(), model.index(0, WorkersModel::Time));
    QCOMPARE(model.index(0, WorkersModel::Time).data().toString(), u"3 min 04 s"_s);
    QCOMPARE(model.index(1, WorkersModel::Time).data().toString(), u"5.0 s"_s);
    model.apply({worker(1, 1, ProcessState::Cancelled)});
    spy.clear();
    model.tick();
    QCOMPARE(spy.size(), 0);
}

void tst_Models::workersInOrder()
{
    FakeClock clock;
    WorkersModel model(clock);
    WorkersFilter filter;
    const QAbstractItemModelTester tester(&filter, strict);
    filter.setSourceModel(&model);
    filter.sort(WorkersModel::State);
    model.reset({worker(1, 10, ProcessState::Succeeded),
                 worker(2, 20),
                 worker(3, 30, ProcessState::Failed),
                 worker(4, 40, ProcessState::WaitingApproval),
                 worker(5, 50)});
    const auto order = [&] {
        QStringList tasks;
        for (int row = 0; row < filter.rowCount(); ++row) {
            tasks.append(filter.index(row, WorkersModel::Task).data().toString().last(1));
        }
        return tasks.join(u""_s);
    };
    QCOMPARE(order(), u"45231"_s);
    filter.sort(WorkersModel::Task);
    QCOMPARE(order(), u"12345"_s);
}

void tst_Models::workersFilter()
{
    FakeClock clock;
    WorkersModel model(clock);
    WorkersFilter filter;
    filter.setSourceModel(&model);
    model.reset({worker(1, 10, ProcessState::Succeeded), worker(2, 20), worker(12, 30)});
    filter.setText(u"task 1"_s);
    QCOMPARE(filter.rowCount(), 2);
    filter.setShowEnded(false);
    QCOMPARE(filter.rowCount(), 1);
    filter.setText({});
    QCOMPARE(filter.rowCount(), 2);
}

void tst_Models::endedWorkersAreCapped()
{
    FakeClock clock;
    WorkersModel model(clock);
    const QAbstractItemModelTester tester(&model,
                                          QAbstractItemModelTester::FailureReportingMode::Warning);
    QList<ProcessInfo> many{worker(0, 1)};
    for (int i = 1; i <= WorkersModel::maxEnded() + 5; ++i) {
        many.append(worker(i, i, ProcessState::Succeeded));
    }
    model.apply(many);
    QCOMPARE(model.rowCount(), WorkersModel::maxEnded() + 1);
    QCOMPARE(model.at(0).id, u"wrk-0"_s);
    QCOMPARE(model.at(1).id, u"wrk-6"_s);
    QCOMPARE(model.find(u"fixer"_s, u"wrk-6"_s), 1);
    QCOMPARE(model.find(u"fixer"_s, u"wrk-5"_s), -1);
}

void tst_Models::approvalsInOrder()
{
    ApprovalsModel model;
    const QAbstractItemModelTester tester(&model, strict);
    model.reset({approval(3),
                 approval(1),
                 approval(4, ApprovalState::Accepted),
                 approval(5, ApprovalState::Expired)});
    QCOMPARE(ids(model), QStringList({u"1"_s, u"3"_s, u"5"_s, u"4"_s}));
    model.apply(approval(2));
    QCOMPARE(ids(model), QStringList({u"1"_s, u"2"_s, u"3"_s, u"5"_s, u"4"_s}));
    QCOMPARE(model.waiting(), 3);
    model.apply(approval(1, ApprovalState::Rejected)); // the first of all becomes the last of all
    QCOMPARE(ids(model), QStringList({u"2"_s, u"3"_s, u"5"_s, u"4"_s, u"1"_s}));
    QCOMPARE(model.waiting(), 2);
    model.apply(approval(3, ApprovalState::Accepted));
    QCOMPARE(ids(model), QStringList({u"2"_s, u"5"_s, u"4"_s, u"3"_s, u"1"_s}));
    auto renamed = approval(2);
    renamed.note = u"x"_s;
    model.apply(renamed);
    QCOMPARE(model.at(0).note, u"x"_s);
    model.apply(approval(2, ApprovalState::Accepted));
    QCOMPARE(ids(model), QStringList({u"5"_s, u"4"_s, u"3"_s, u"2"_s, u"1"_s}));
    QCOMPARE(model.waiting(), 0);
}

void tst_Models::approvalsSettledStaySettled()
{
    ApprovalsModel model;
    model.apply(approval(1, ApprovalState::Accepted));
    model.apply(approval(1, ApprovalState::Waiting));
    QCOMPARE(model.find(u"apr-00001"_s)->state, ApprovalState::Accepted);
    QCOMPARE(model.find(u"apr-00002"_s), nullptr);
}

void tst_Models::approvalsCapSettled()
{
    ApprovalsModel model;
    const QAbstractItemModelTester tester(&model,
                                          QAbstractItemModelTester::FailureReportingMode::Warning);
    for (int i = 0; i < ApprovalsModel::maxSettled() + 10; ++i) {
        model.apply(approval(i, ApprovalState::Accepted));
    }
    model.apply(approval(99999));
    QCOMPARE(model.rowCount(), ApprovalsModel::maxSettled() + 1);
    QCOMPARE(model.waiting(), 1);
}

void tst_Models::journalPages()
{
    Chains chains;
    chains.add(u"a"_s, 450);
    JournalModel model(chains.query());
    model.setAgents({u"a"_s});
    QCOMPARE(model.rowCount(), 200);
    QCOMPARE(model.at(0).seq, 450);
    model.fetchMore({});
    model.fetchMore({});
    QCOMPARE(model.rowCount(), 450);
    QVERIFY(!model.canFetchMore({}));
    QCOMPARE(model.at(449).seq, 1);
    QCOMPARE(chains.queries.size(), 3);
    QCOMPARE(chains.queries.at(1).before, 251);
}

void tst_Models::journalIsAProperModel()
{
    Chains chains;
    chains.isHeld = true;
    chains.add(u"a"_s, 450);
    chains.add(u"b"_s, 10, 1'300'000);
    JournalModel model(chains.query());
    const QAbstractItemModelTester tester(&model, strict);
    model.setAgents({u"a"_s, u"b"_s});
    chains.pump();
    QCOMPARE(model.rowCount(), 460);
    chains.add(u"b"_s, 1);
    model.append({chains.last(u"b"_s)});
    QTRY_COMPARE(model.rowCount(), 461);
    model.setFilter({.agent = u"b"_s, .kinds = {}, .text = {}});
    chains.pump();
    QCOMPARE(model.rowCount(), 11);
    model.showAround(u"a"_s, 100);
    chains.pump();
    QCOMPARE(model.rowCount(), 149);
}

void tst_Models::journalMergesChainsByTime()
{
    Chains chains;
    chains.add(u"a"_s, 500, 0, 2000);
    chains.add(u"b"_s, 500, 0, 2003);
    chains.add(u"_instance"_s, 3, 500'000, 1);
    JournalModel model(chains.query());
    model.setAgents({u"_instance"_s, u"a"_s, u"b"_s});
    while (model.canFetchMore({})) {
        model.fetchMore({});
    }
    QCOMPARE(model.rowCount(), 1003);
    for (int row = 1; row < model.rowCount(); ++row) {
        QVERIFY(model.at(row - 1).time >= model.at(row).time);
    }
    model.setFilter({.agent = u"_instance"_s, .kinds = {}, .text = {}});
    QCOMPARE(model.rowCount(), 3);
}

void tst_Models::journalLivePrependsOnceAFrame()
{
    Chains chains;
    chains.add(u"a"_s, 2);
    JournalModel model(chains.query());
    model.setAgents({u"a"_s});
    QSignalSpy inserted(&model, &QAbstractItemModel::rowsInserted);
    for (int i = 0; i < 5; ++i) {
        chains.add(u"a"_s, 1);
        model.append({chains.last(u"a"_s)});
    }
    QCOMPARE(inserted.size(), 0);
    QTRY_COMPARE(model.rowCount(), 7);
    QCOMPARE(inserted.size(), 1);
    QCOMPARE(model.at(0).seq, 7);
    QCOMPARE(model.find(u"a"_s, 7), 0);
    QCOMPARE(model.find(u"a"_s, 8), -1);
}

void tst_Models::journalNeverShowsAnEntryTwice()
{
    Chains chains;
    chains.add(u"a"_s, 2);
    chains.isHeld = true;
    JournalModel model(chains.query());
    model.setAgents({u"a"_s});
    QVERIFY(model.isLoading());
    model.append({chains.last(u"a"_s)}); // announced while its page is on the way
    QTRY_COMPARE(model.rowCount(), 1);
    chains.held.takeFirst()();
    QVERIFY(!model.isLoading());
    QCOMPARE(model.rowCount(), 2);
    QCOMPARE(model.at(0).seq, 2);
    QCOMPARE(model.at(1).seq, 1);
}

void tst_Models::journalFiltersNewOnes()
{
    Chains chains;
    chains.add(u"a"_s, 20);
    JournalModel model(chains.query());
    model.setAgents({u"a"_s, u"b"_s});
    model.setFilter({.agent = {}, .kinds = {Kind::ToolCall}, .text = u"NUMBER 1"_s});
    QCOMPARE(model.rowCount(), 5); // 18, 16, 14, 12, 10
    chains.add(u"a"_s, 80);
    model.append({chains.last(u"a"_s)}); // 100
    Entry other = chains.last(u"a"_s);
    other.kind = Kind::Incident;
    other.seq = 101;
    model.append({other});
    other.kind = Kind::ToolCall;
    other.agent = u"stranger"_s;
    model.append({other});
    QTRY_COMPARE(model.rowCount(), 6);
    QCOMPARE(model.at(0).seq, 100);
}

void tst_Models::journalIsCapped()
{
    Chains chains;
    chains.add(u"a"_s, JournalModel::maxRows() + 500);
    JournalModel model(chains.query());
    model.setAgents({u"a"_s});
    while (model.canFetchMore({})) {
        model.fetchMore({});
    }
    QCOMPARE(model.rowCount(), JournalModel::maxRows());
    QVERIFY(model.isCapped());
    const auto oldest = model.at(model.rowCount() - 1).seq;
    chains.add(u"a"_s, 3);
    model.append({chains.last(u"a"_s)});
    QTRY_COMPARE(model.at(0).seq, JournalModel::maxRows() + 503);
    QCOMPARE(model.rowCount(), JournalModel::maxRows());
    QCOMPARE(model.at(model.rowCount() - 1).seq, oldest + 1);
    model.showOlder();
    QVERIFY(!model.isLive());
    QCOMPARE(model.at(0).seq, oldest);
    while (model.canFetchMore({})) {
        model.fetchMore({});
    }
    QCOMPARE(model.at(model.rowCount() - 1).seq, 1);
    QVERIFY(!model.isCapped());
}

void tst_Models::journalAroundAnEntry()
{
    Chains chains;
    chains.add(u"a"_s, 3000);
    JournalModel model(chains.query());
    model.setAgents({u"a"_s});
    QSignalSpy found(&model, &JournalModel::found);
    model.showAround(u"a"_s, 1000);
    QCOMPARE(found.size(), 1);
    const int row = found.first().first().toInt();
    QCOMPARE(model.at(row).seq, 1000);
    QVERIFY(row > 0);
    QVERIFY(!model.isLive());
    model.append({chains.last(u"a"_s)});
    model.showAround(u"a"_s, 4000);
    QCOMPARE(found.last().first().toInt(), -1);
    model.reload();
    QVERIFY(model.isLive());
    QCOMPARE(model.at(0).seq, 3000);
    auto caused = chains.last(u"a"_s);
    caused.seq = 3001;
    caused.cause = u"2999"_s;
    model.append({caused});
    QTRY_COMPARE(model.causedBy(u"a"_s, 2999), QList<int>{0});
}

void tst_Models::journalFailure()
{
    Chains chains;
    chains.add(u"a"_s, 3);
    chains.failure = Error{ErrorCode::Corrupt, u"The journal cannot be read."_s, {}};
    JournalModel model(chains.query());
    model.setAgents({u"a"_s});
    QCOMPARE(model.problem(), u"The journal cannot be read."_s);
    QVERIFY(!model.canFetchMore({}));
    QCOMPARE(chains.queries.size(), 1);
    chains.failure.reset();
    model.reload();
    QCOMPARE(model.problem(), QString());
    QCOMPARE(model.rowCount(), 3);
}

void tst_Models::journalLateAnswerIsIgnored()
{
    Chains chains;
    chains.add(u"a"_s, 4);
    chains.isHeld = true;
    auto model = std::make_unique<JournalModel>(chains.query());
    model->setAgents({u"a"_s});
    model->setFilter({.agent = {}, .kinds = {Kind::ToolCall}, .text = {}});
    QCOMPARE(chains.held.size(), 2);
    chains.held.takeFirst()();
    QCOMPARE(model->rowCount(), 0);
    QVERIFY(model->isLoading());
    chains.held.takeFirst()();
    QCOMPARE(model->rowCount(), 2);
    model->reload();
    model.reset();
    chains.held.takeFirst()(); // nobody is there any more
}

void tst_Models::summaries_data()
{
    QTest::addColumn<int>("kind");
    QTest::addColumn<QJsonObject>("payload");
    QTest::addColumn<QString>("said");
    QTest::addColumn<bool>("failure");
    const auto row = [](const char* name,
                        Kind kind,
                        const QJsonObject& payload,
                        const QString& said,
                        bool failure = false) {
        QTest::newRow(name) << int(kind) << payload << said << failure;
    };
    row("message",
        Kind::MessageReceived,
        {{u"from"_s, u"you"_s}, {u"text"_s, u"Hello\nthere"_s}},
        u"you: Hello"_s);
    row("call",
        Kind::ToolCall,
        {{u"tool"_s, u"shell"_s}, {u"arguments"_s, QJsonObject{{u"command"_s, u"make"_s}}}},
        u"shell · make"_s);
    row("forbidden",
        Kind::PolicyDecision,
        {{u"verdict"_s, u"forbid"_s}, {u"rule"_s, u"default"_s}, {u"reason"_s, u"It leaves."_s}},
        u"Forbidden · rule default · It leaves."_s,
        true);
    row("settled",
        Kind::ApprovalSettled,
        {{u"state"_s, u"accepted"_s}, {u"by"_s, u"window"_s}},
        u"accepted · by you"_s);
    row("result",
        Kind::ToolResult,
        {{u"tool"_s, u"shell"_s},
         {u"error"_s, true},
         {u"facts"_s, QJsonObject{{u"exit_code"_s, 2}}},
         {u"text"_s, u"no rule"_s}},
        u"shell · failed · exit code 2 · no rule"_s,
        true);
    row("response",
        Kind::ModelResponse,
        {{u"message"_s,
          QJsonObject{{u"text"_s, u"I look."_s},
                      {u"tool_calls"_s, QJsonArray{QJsonObject{{u"name"_s, u"shell"_s}}}}}},
         {u"usage"_s, QJsonObject{{u"input_tokens"_s, 12}, {u"output_tokens"_s, 3}}}},
        u"I look. · calls shell · 12 tokens read, 3 written"_s);
    row("files",
        Kind::CheckpointCreated,
        {{u"files"_s,
          QJsonArray{QJsonObject{{u"path"_s, u"/w/a.c"_s}},
                     QJsonObject{{u"path"_s, u"/w/b.c"_s}}}}},
        u"/w/a.c, /w/b.c"_s);
    row("unknown fields",
        Kind::MemoryChanged,
        {{u"added"_s, 3}, {u"why"_s, u"merge"_s}},
        u"added: 3 · why: merge"_s);
    row("empty", Kind::TurnStarted, {}, QString());
    row("incident", Kind::Incident, {{u"message"_s, u"Disk full."_s}}, u"Disk full."_s, true);
}

void tst_Models::summaries()
{
    QFETCH(int, kind);
    QFETCH(QJsonObject, payload);
    QFETCH(QString, said);
    QFETCH(bool, failure);
    Entry entry;
    entry.kind = Kind(kind);
    entry.payload = payload;
    QCOMPARE(entrySummary(entry), said);
    QCOMPARE(entryIsFailure(entry), failure);
    entry.erased = true;
    QCOMPARE(entrySummary(entry), u"The payload was erased."_s);
}

void tst_Models::visibleText_data()
{
    QTest::addColumn<QString>("raw");
    QTest::addColumn<QString>("shown");
    QTest::addColumn<int>("invisible");
    QTest::addColumn<int>("lookAlike");
    QTest::addColumn<bool>("rightToLeft");
    QTest::newRow("plain") << u"git push\n\torigin"_s << u"git push\n\torigin"_s << 0 << 0 << false;
    QTest::newRow("zero width") << u"rm\u200b x"_s << u"rm⟨U+200B⟩ x"_s << 1 << 0 << false;
    QTest::newRow("override") << u"a\u202egpj.exe"_s << u"a⟨U+202E⟩gpj.exe"_s << 1 << 0 << false;
    QTest::newRow("escape") << u"\x1b[2J"_s << u"⟨U+001B⟩[2J"_s << 1 << 0 << false;
    QTest::newRow("tag") << u"a\U000E0041"_s << u"a⟨U+E0041⟩"_s << 1 << 0 << false;
    QTest::newRow("no-break space") << u"a\u00a0b"_s << u"a⟨U+00A0⟩b"_s << 1 << 0 << false;
    QTest::newRow("mixed word") << u"p\u0430ypal"_s << u"p\u0430⟨U+0430⟩ypal"_s << 0 << 1 << false;
    QTest::newRow("all twins") << u"\u0441\u0443\u0440"_s
                               << u"\u0441⟨U+0441⟩\u0443⟨U+0443⟩\u0440⟨U+0440⟩"_s << 0 << 3
                               << false;
    QTest::newRow("honest Russian") << u"\u043f\u0440\u0438\u0432\u0435\u0442"_s
                                    << u"\u043f\u0440\u0438\u0432\u0435\u0442"_s << 0 << 0 << false;
    QTest::newRow("dash") << u"rm \u2013rf"_s << u"rm \u2013⟨U+2013⟩rf"_s << 0 << 1 << false;
    QTest::newRow("slash") << u"\u2215etc"_s << u"\u2215⟨U+2215⟩etc"_s << 0 << 1 << false;
    QTest::newRow("umlaut") << u"für"_s << u"für"_s << 0 << 0 << false;
    QTest::newRow("hebrew") << u"\u05e9\u05dc"_s << u"\u05e9\u05dc"_s << 0 << 0 << true;
    QTest::newRow("chinese") << u"\u6587\u4ef6"_s << u"\u6587\u4ef6"_s << 0 << 0 << false;
}

void tst_Models::visibleText()
{
    QFETCH(QString, raw);
    QFETCH(QString, shown);
    QFETCH(int, invisible);
    QFETCH(int, lookAlike);
    QFETCH(bool, rightToLeft);
    const auto result = models::visibleText(raw, Strictness::Exact);
    QCOMPARE(result.text, shown);
    QCOMPARE(result.invisible, invisible);
    QCOMPARE(result.lookAlike, lookAlike);
    QCOMPARE(result.rightToLeft, rightToLeft);
    QCOMPARE(result.marks.size(), invisible + lookAlike);
    QCOMPARE(visibleTextNotice(result).isEmpty(), invisible + lookAlike == 0 && !rightToLeft);
    QCOMPARE(models::visibleText(u"a \u2013 b"_s, Strictness::Prose).lookAlike, 0);
}

void tst_Models::arguments()
{
    const QJsonObject before{{u"command"_s, u"make"_s},
                             {u"timeout_s"_s, 5},
                             {u"env"_s, QJsonObject{{u"A"_s, 1}, {u"B"_s, 2}}}};
    QJsonObject after = before;
    QCOMPARE(argumentChanges(before, after), QList<ArgumentChange>());
    after[u"command"_s] = u"make test"_s;
    after[u"env"_s] = QJsonObject{{u"A"_s, 1}, {u"B"_s, true}};
    after.remove(u"timeout_s"_s);
    const QList<ArgumentChange> expected{{u"command"_s, u"make"_s, u"make test"_s},
                                         {u"env.B"_s, u"2"_s, u"true"_s},
                                         {u"timeout_s"_s, u"5"_s, {}}};
    QCOMPARE(argumentChanges(before, after), expected);
}

void tst_Models::schema()
{
    const QJsonObject wanted{
        {u"type"_s, u"object"_s},
        {u"required"_s, QJsonArray{u"command"_s}},
        {u"properties"_s,
         QJsonObject{{u"command"_s, QJsonObject{{u"type"_s, u"string"_s}}},
                     {u"timeout_s"_s, QJsonObject{{u"type"_s, u"integer"_s}}}}}};
    QVERIFY(checkAgainstSchema(wanted, {{u"command"_s, u"ls"_s}}).has_value());
    QVERIFY(checkAgainstSchema({}, {{u"anything"_s, 1}}).has_value());
    const auto missing = checkAgainstSchema(wanted, {{u"timeout_s"_s, 1}});
    QVERIFY(!missing && missing.error().message.contains(u"command"_s));
    QVERIFY(!checkAgainstSchema(wanted, {{u"command"_s, 7}}));
    QVERIFY(!checkAgainstSchema({{u"type"_s, 5}}, {{u"command"_s, 7}}));
}

void tst_Models::quoting()
{
    QCOMPARE(quotedCommand({u"git"_s, u"commit"_s, u"-m"_s, u"it's done"_s, QString()}),
             u"git commit -m 'it'\\''s done' ''"_s);
    QCOMPARE(briefCountText(12'345), u"12.3k"_s);
}

QTEST_MAIN(tst_Models)
#include "tst_Models.moc"
