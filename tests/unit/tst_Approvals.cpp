#include "core/approvals/Approvals.h"
#include "tests/unit/JournalFixture.h"

#include <QTest>
#include <latch>

using namespace sb;
using approvals::ApprovalProjection;
using approvals::Approvals;
using protocol::ApprovalInfo;
using protocol::ApprovalState;
using protocol::SettleApproval;

class tst_Approvals : public QObject
{
    Q_OBJECT

    std::unique_ptr<JournalFixture> m;
    std::unique_ptr<LoopExecutor> m_executor;
    std::unique_ptr<Approvals> m_approvals;

    bool open()
    {
        close();
        journal::Journal::Settings settings;
        settings.projections.push_back(std::make_unique<ApprovalProjection>());
        if (!m->open(std::move(settings))) {
            return false;
        }
        m_executor = std::make_unique<LoopExecutor>(QStringLiteral("test"));
        m_approvals = std::make_unique<Approvals>(*m->journal, *m->database, m->clock, *m_executor);
        return true;
    }
    void close()
    {
        m_approvals.reset();
        m_executor.reset();
        m->close();
    }
    static ApprovalInfo draft()
    {
        ApprovalInfo info;
        info.process = QStringLiteral("wrk-1");
        info.tool = QStringLiteral("shell");
        info.arguments = {{QStringLiteral("command"), QStringLiteral("git push")}};
        info.argv = {QStringLiteral("git"), QStringLiteral("push")};
        info.planHash = QString(64, u'a');
        info.callSeq = 3;
        return info;
    }
    ApprovalInfo ask()
    {
        return m_approvals
            ->request(draft(),
                      {QStringLiteral("1"), QStringLiteral("0af7651916cd43dd8448eb211c80319c")})
            .wait()
            .value_or(ApprovalInfo());
    }
    static SettleApproval answer(const QString& id, bool accept, const char* by = "cli")
    {
        SettleApproval decision;
        decision.id = id;
        decision.accept = accept;
        decision.by = QString::fromLatin1(by);
        return decision;
    }

private Q_SLOTS:
    void init() { m = std::make_unique<JournalFixture>(); }
    void cleanup() { close(); }

    void aQuestionIsAskedSeenAndAccepted()
    {
        QVERIFY(open());
        QList<ApprovalState> changes;
        InlineExecutor here;
        const auto subscription =
            m_approvals->onChanged(here, [&](const ApprovalInfo& info) { changes << info.state; });
        const ApprovalInfo asked = ask();
        QVERIFY(asked.id.startsWith(QStringLiteral("apr-")));
        QCOMPARE(asked.agent, QStringLiteral("assistant"));
        QCOMPARE(asked.requestedAt, m->clock.nowUs());
        QCOMPARE(asked.expiresAt, asked.requestedAt + 24LL * 3600 * 1'000'000);
        QCOMPARE(asked.requestSeq, 1);
        QCOMPARE(m_approvals->get(asked.id), Result<ApprovalInfo>(asked));
        QCOMPARE(m_approvals->list(false), Result<QList<ApprovalInfo>>({asked}));

        auto waiting = m_approvals->settled(asked.id);
        auto decision = answer(asked.id, true);
        decision.arguments =
            QJsonObject{{QStringLiteral("command"), QStringLiteral("git push --dry-run")}};
        decision.note = QStringLiteral("only look");
        const auto settled = m_approvals->settle(decision).wait();
        QVERIFY(settled);
        ApprovalInfo expected = asked;
        expected.state = ApprovalState::Accepted;
        expected.by = QStringLiteral("cli");
        expected.note = decision.note;
        expected.editedArguments = decision.arguments;
        expected.settledAt = m->clock.nowUs();
        expected.settleSeq = 2;
        QCOMPARE(*settled, expected);
        QCOMPARE(std::move(waiting).wait(), settled);
        QCOMPARE(m_approvals->settled(asked.id).wait(), settled); // also when it is settled already
        QCOMPARE(m_approvals->get(asked.id), settled);
        QCOMPARE(m_approvals->list(false)->size(), 0);
        QCOMPARE(m_approvals->list(true)->size(), 1);
        QCOMPARE(changes, (QList{ApprovalState::Waiting, ApprovalState::Accepted}));

        const auto entry = m->journal->entry(2);
        QCOMPARE(entry->kind, protocol::Kind::ApprovalSettled);
        QCOMPARE(entry->cause, QStringLiteral("1"));
        QCOMPARE(entry->payload[QStringLiteral("plan_hash")].toString(), asked.planHash);
        QCOMPARE(entry->payload[QStringLiteral("state")].toString(), QStringLiteral("accepted"));
    }

    void theSecondAnswerIsToldWhoWasFirst()
    {
        QVERIFY(open());
        const QString id = ask().id;
        QVERIFY(m_approvals->settle(answer(id, false)).wait());
        const auto second = m_approvals->settle(answer(id, true, "window")).wait();
        QCOMPARE(second.error().code, ErrorCode::Conflict);
        QVERIFY2(second.error().message.startsWith(QStringLiteral("Already rejected by cli at ")),
                 qPrintable(second.error().message));
        QCOMPARE(m_approvals->get(id)->state, ApprovalState::Rejected);
        QCOMPARE(m_approvals->settle(answer(QStringLiteral("apr-none"), true)).wait().error().code,
                 ErrorCode::NotFound);
        QCOMPARE(m_approvals->settled(QStringLiteral("apr-none")).wait().error().code,
                 ErrorCode::NotFound);
    }

    void listenersComeAndGoWhileQuestionsAreSettled()
    {
        constexpr int questions = 40;
        QVERIFY(open());
        LoopExecutor listening(QStringLiteral("listeners"));
        QList<ApprovalState> stays;
        const auto subscription = m_approvals->onChanged(
            listening, [&](const ApprovalInfo& info) { stays << info.state; });
        std::atomic<bool> settled = false;
        std::jthread asker([&] {
            for (int i = 0; i < questions; ++i) {
                (void)m_approvals->settle(answer(ask().id, true)).wait();
            }
            settled = true;
        });
        while (!settled) {
            const auto visitor = m_approvals->onChanged(listening, [](const ApprovalInfo&) {});
            std::this_thread::yield();
        }
        asker.join();
        listening.postAndWait([] {});
        QList<ApprovalState> all;
        for (int i = 0; i < questions; ++i) {
            all << ApprovalState::Waiting << ApprovalState::Accepted;
        }
        QCOMPARE(stays, all);
    }

    void whoeverRacesOneWins()
    {
        QVERIFY(open());
        for (int round = 0; round < 20; ++round) {
            const QString id = ask().id;
            constexpr int racers = 6;
            std::latch start(racers);
            std::atomic<int> winners{0};
            std::atomic<int> refused{0};
            std::mutex mutex;
            QString winner;
            std::vector<std::jthread> threads;
            for (int t = 0; t < racers; ++t) {
                threads.emplace_back([&, t] {
                    auto decision = answer(id, t % 2 == 0);
                    decision.by = QStringLiteral("racer %1").arg(t);
                    start.arrive_and_wait();
                    const auto result = m_approvals->settle(decision).wait();
                    if (result) {
                        ++winners;
                        const std::scoped_lock lock(mutex);
                        winner = decision.by;
                    } else if (result.error().code == ErrorCode::Conflict) {
                        ++refused;
                    }
                });
            }
            threads.clear();
            QCOMPARE(winners.load(), 1);
            QCOMPARE(refused.load(), racers - 1);
            QCOMPARE(m_approvals->get(id)->by, winner);
        }
        QVERIFY(m->verify().ok);
    }

    void withoutAnAnswerItExpiresToNo()
    {
        QVERIFY(open());
        const QString id = ask().id;
        auto waiting = m_approvals->settled(id);
        m->clock.advance(std::chrono::hours(23));
        m_executor->postAndWait([] {});
        QCOMPARE(m_approvals->get(id)->state, ApprovalState::Waiting);
        QTRY_COMPARE(m->clock.waiting(), 1);
        m->clock.advance(std::chrono::hours(1));
        const auto settled = std::move(waiting).wait();
        QVERIFY(settled);
        QCOMPARE(settled->state, ApprovalState::Expired);
        QCOMPARE(settled->by, QStringLiteral("expiry"));
        QCOMPARE(m_approvals->settle(answer(id, true)).wait().error().message,
                 QStringLiteral("Already expired at %1.").arg(timeText(m->clock.nowUs())));
        QCOMPARE(m->clock.waiting(), 0);
    }

    void aLateAnswerComesTooLateAlsoBeforeTheTimer()
    {
        QVERIFY(open());
        ApprovalInfo brief = draft();
        brief.expiresAt = m->clock.nowUs() + 1'000'000;
        // An executor that is busy: the timer's job cannot run yet.
        const auto asked = m_approvals->request(brief, {}).wait();
        std::binary_semaphore gate(0);
        m_executor->post([&] { gate.acquire(); });
        m->clock.advance(std::chrono::seconds(2));
        const auto late = m_approvals->settle(answer(asked->id, true)).wait();
        gate.release();
        m_executor->postAndWait([] {}); // it is through with the gate, which lives on this stack
        QCOMPARE(late.error().code, ErrorCode::Conflict);
        QCOMPARE(m_approvals->get(asked->id)->state, ApprovalState::Expired);
        QCOMPARE(m->journal->lastSeq(), 2);
    }

    void questionsSurviveARestart()
    {
        QVERIFY(open());
        const ApprovalInfo first = ask();
        m->clock.advance(std::chrono::hours(20));
        const ApprovalInfo second = ask();
        auto lost = m_approvals->settled(first.id);
        close();
        QCOMPARE(std::move(lost).wait().error().code, ErrorCode::Cancelled);
        m->clock.advance(std::chrono::hours(5)); // the first one's time passes while nobody runs
        QVERIFY(open());
        const auto expired = m_approvals->settled(first.id).wait();
        QCOMPARE(expired->state, ApprovalState::Expired);
        QCOMPARE(m_approvals->list(false), Result<QList<ApprovalInfo>>({second}));
        auto waiting = m_approvals->settled(second.id);
        m->clock.advance(std::chrono::hours(19));
        QCOMPARE(std::move(waiting).wait()->state, ApprovalState::Expired);
    }

    void aCancelledProcessTakesItsQuestionBack()
    {
        QVERIFY(open());
        const QString id = ask().id;
        const auto withdrawn =
            m_approvals->withdraw(id, QStringLiteral("It was cancelled.")).wait();
        QVERIFY(withdrawn);
        QCOMPARE(withdrawn->state, ApprovalState::Rejected);
        QCOMPARE(withdrawn->note, QStringLiteral("It was cancelled."));
        QCOMPARE(m_approvals->settle(answer(id, true)).wait().error().code, ErrorCode::Conflict);
    }

    void largeArgumentsAreNeverCut()
    {
        QVERIFY(open());
        ApprovalInfo large = draft();
        large.tool = QStringLiteral("file_write");
        large.arguments = {{QStringLiteral("content"), QString(200'000, u'x')}};
        large.diff = QString(300'000, u'+');
        const auto asked = m_approvals->request(large, {}).wait();
        QVERIFY(asked);
        QCOMPARE(m_approvals->get(asked->id), asked);
        QCOMPARE(m_approvals->list(false)->first().arguments, large.arguments);
        auto decision = answer(asked->id, true);
        decision.arguments = QJsonObject{{QStringLiteral("content"), QString(150'000, u'y')}};
        const auto settled = m_approvals->settle(decision).wait();
        QVERIFY(settled);
        QCOMPARE(settled->editedArguments, decision.arguments);
        QVERIFY(open());
        QCOMPARE(m_approvals->get(asked->id), settled);
        QVERIFY(m->verify().ok);
    }

    void theTableIsAReadingOfTheJournal()
    {
        QVERIFY(open());
        const QString first = ask().id;
        ask();
        const QString third = ask().id;
        QVERIFY(m_approvals->settle(answer(first, true)).wait());
        QVERIFY(m_approvals->settle(answer(third, false)).wait());
        const auto live = m_approvals->list(true);
        QCOMPARE(live->size(), 3);
        for (const qint64 seq : {live->first().requestSeq, live->last().settleSeq}) {
            QCOMPARE(m->journal->entry(seq)->traceId,
                     QStringLiteral("0af7651916cd43dd8448eb211c80319c"));
        }
        QVERIFY(m->journal->rebuildProjections());
        QCOMPARE(m_approvals->list(true), live);
        QVERIFY(m->verify().ok);
        for (const qint64 seq : {live->first().requestSeq, live->last().settleSeq}) {
            QVERIFY(m->journal->erase(seq, {}, {}).wait());
        }
        const auto report = m->verify();
        QVERIFY2(report.ok, qPrintable(report.message));
    }

    void anErasedQuestionIsGoneAndItsWaitersKnow()
    {
        QVERIFY(open());
        const ApprovalInfo asked = ask();
        auto waiting = m_approvals->settled(asked.id);
        QVERIFY(m->journal->erase(asked.requestSeq, {}, {}).wait());
        QCOMPARE(m_approvals->settle(answer(asked.id, true)).wait().error().code,
                 ErrorCode::NotFound);
        QCOMPARE(std::move(waiting).wait().error().code, ErrorCode::NotFound);
    }
};

QTEST_GUILESS_MAIN(tst_Approvals)
#include "tst_Approvals.moc"
