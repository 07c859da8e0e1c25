#include "tests/scenario/Program.h"

#include <QRandomGenerator>

using namespace sb::test;
using namespace Qt::StringLiterals;

namespace {

constexpr int rounds = 15;

} // namespace

/// kill -9 at any moment: the work is done once, or a person is asked because it may have been
/// done.
class tst_CommandLineCrash final : public QObject
{
    Q_OBJECT

    /// Accepts whatever is asked until nothing waits. Answers how often a person was asked because
    /// something may have been done already.
    static int acceptAll(Program& program)
    {
        int doubts = 0;
        for (int i = 0; i < 8; ++i) {
            const auto waiting = program.waiting();
            if (waiting.isEmpty()) {
                return doubts;
            }
            const auto& question = waiting.first();
            doubts += question[u"rule"].toString() == u"recovery" ? 1 : 0;
            const auto accepted =
                program.run({u"approvals"_s, u"accept"_s, question[u"id"].toString(), u"--json"_s});
            if (accepted.code != 0 && accepted.code != 3) {
                qWarning("%s", accepted.said().constData());
                return -1;
            }
        }
        return -1;
    }

    static QString lastOutcome(Program& program)
    {
        QString outcome;
        for (const auto& entry : program.journal()) {
            if (entry[u"kind"].toString() == u"run.finished") {
                outcome = entry[u"outcome"].toString();
            }
        }
        return outcome;
    }

private Q_SLOTS:
    void a_parked_run_that_is_killed_ends_with_its_work_done_once()
    {
        Program program;
        program.playShell(u"echo once >> log"_s);
        // `run` parks and leaves by itself; this one is killed while it is parked, with a runtime
        // around it.
        Serving serving(program);
        const QString id = program.park();
        QVERIFY(!id.isEmpty());
        serving.kill();
        QCOMPARE(program.run({u"journal"_s, u"verify"_s}).code, 0);
        const auto accepted = program.run({u"approvals"_s, u"accept"_s, id, u"--json"_s});
        QVERIFY2(accepted.code == 0, accepted.said());
        QCOMPARE(accepted.last()[u"outcome"].toString(), u"succeeded"_s);
        QCOMPARE(program.inWorkspace(u"log"_s), QByteArray("once\n"));
    }

    void killed_while_it_carries_a_parked_run_to_its_end()
    {
        auto* random = QRandomGenerator::global();
        for (int round = 0; round < rounds; ++round) {
            Program program;
            program.playShell(u"echo once >> log"_s);
            const QString id = program.park();
            QVERIFY(!id.isEmpty());
            auto accepting = program.start({u"approvals"_s, u"accept"_s, id, u"--json"_s});
            QTest::qWait(int(random->bounded(10, 160)));
            accepting->kill();
            accepting->waitForFinished();
            const auto verified = program.run({u"journal"_s, u"verify"_s});
            QVERIFY2(verified.code == 0, verified.said());
            int doubts = 0;
            {
                // A runtime takes up what was under way; then whatever it asks is accepted.
                Serving serving(program);
                QVERIFY(serving.port > 0);
                const auto settled = [&] {
                    return lastOutcome(program) == u"succeeded" || !program.waiting().isEmpty();
                };
                QTRY_VERIFY2_WITH_TIMEOUT(
                    settled(),
                    program.run({u"journal"_s, u"tail"_s, u"-n"_s, u"12"_s}).out.constData(),
                    15000);
                QCOMPARE(serving.end().code, 0);
            }
            doubts = acceptAll(program);
            QVERIFY(doubts >= 0);
            QCOMPARE(lastOutcome(program), u"succeeded"_s);
            const auto lines = program.inWorkspace(u"log"_s).count('\n');
            QVERIFY2(lines == 1 || (doubts > 0 && lines == 1 + doubts),
                     QByteArray(QByteArray::number(lines) + " lines, asked " +
                                QByteArray::number(doubts) + " times"));
            QCOMPARE(program.run({u"journal"_s, u"verify"_s}).code, 0);
        }
    }

    void killed_in_the_middle_of_everything()
    {
        auto* random = QRandomGenerator::global();
        for (int round = 0; round < rounds; ++round) {
            Program program;
            program.playAllowedScript("echo once >> log\n");
            auto running = program.start({u"run"_s, u"--json"_s, u"Write a line"_s});
            QTest::qWait(int(random->bounded(5, 220)));
            running->kill();
            running->waitForFinished();
            const bool begun = running->readAllStandardOutput().contains("message.received");
            auto verified = program.run({u"journal"_s, u"verify"_s});
            QVERIFY2(verified.code == 0, verified.said());
            const auto ended = [&] {
                const QString outcome = lastOutcome(program);
                return outcome == u"succeeded" || !program.waiting().isEmpty();
            };
            const bool known = std::ranges::any_of(program.journal(), [](const QJsonObject& entry) {
                return entry[u"kind"].toString() == u"message.received";
            });
            QVERIFY(known || !begun); // what was printed is on disk
            if (known) {
                Serving serving(program);
                QVERIFY(serving.port > 0);
                QTRY_VERIFY2_WITH_TIMEOUT(
                    ended(),
                    program.run({u"journal"_s, u"tail"_s, u"-n"_s, u"12"_s}).out.constData(),
                    15000);
                QCOMPARE(serving.end().code, 0);
                const int doubts = acceptAll(program);
                QVERIFY(doubts >= 0);
                QCOMPARE(lastOutcome(program), u"succeeded"_s);
                const auto lines = program.inWorkspace(u"log"_s).count('\n');
                QVERIFY2(lines == 1 || (doubts > 0 && lines == 1 + doubts),
                         QByteArray(QByteArray::number(lines) + " lines, asked " +
                                    QByteArray::number(doubts) + " times"));
            }
            verified = program.run({u"journal"_s, u"verify"_s});
            QVERIFY2(verified.code == 0, verified.said());
        }
    }
};

QTEST_GUILESS_MAIN(tst_CommandLineCrash)
#include "tst_CommandLineCrash.moc"
