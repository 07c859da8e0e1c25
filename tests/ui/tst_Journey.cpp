#include "tests/ui/WindowDriver.h"

#include <QProcess>

using namespace sb;
using namespace sb::test;

/// What a newcomer does, on the real window with the real runtime under it.
class tst_Journey final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void the_tour_ends_in_a_commit_that_a_person_accepted()
    {
        WindowDriver driver;
        QVERIFY(driver.click(QStringLiteral("Take the tour")));
        QVERIFY(driver.waitFor([&] { return driver.approvals(false).size() == 1; }));
        // Return, pressed on the card, decides nothing.
        QVERIFY(driver.waitFor([&] { return driver.button(QStringLiteral("Accept")) != nullptr; }));
        auto* const accept = driver.button(QStringLiteral("Accept"));
        accept->setFocus();
        QTest::keyClick(accept, Qt::Key_Return);
        QTest::keyClick(accept, Qt::Key_Enter);
        QCOMPARE(driver.approvals(false).size(), 1);

        QVERIFY(driver.click(QStringLiteral("Accept")));
        QVERIFY(driver.waitFor([&] { return driver.tourOutcome() == u"succeeded"; }));
        const auto settled = driver.approvals(true);
        QCOMPARE(settled.size(), 1);
        QCOMPARE(settled.first().by, QStringLiteral("window"));

        QProcess git;
        git.start(QStringLiteral("git"),
                  {QStringLiteral("-c"),
                   QStringLiteral("safe.directory=*"),
                   QStringLiteral("-C"),
                   driver.folder() + QStringLiteral("/data/tour/workspace"),
                   QStringLiteral("log"),
                   QStringLiteral("--format=%s")});
        QVERIFY(git.waitForFinished());
        QVERIFY(git.readAllStandardOutput().startsWith(
            "Charge further kilometres only beyond the tenth"));

        QVERIFY(driver.click(QStringLiteral("Verify")));
        protocol::VerifyJournal verify;
        verify.agent = QStringLiteral("tour");
        auto report = driver.client().request(verify).wait();
        QVERIFY(report && report->reports.first().ok);
    }

    void a_second_window_on_the_same_home_raises_the_first()
    {
        WindowDriver driver;
        int raised = 0;
        ContextExecutor here;
        const auto listening = driver.client().subscribe(here, [&](const protocol::Event& event) {
            raised += std::holds_alternative<protocol::Activated>(event) ? 1 : 0;
        });
        QProcess second;
        second.start(QStringLiteral(SB_BIN_DIR "/signalbox"),
                     {QStringLiteral("--home"), driver.folder()});
        QVERIFY(driver.waitFor([&] { return second.state() == QProcess::NotRunning; }));
        QCOMPARE(second.exitStatus(), QProcess::NormalExit);
        QCOMPARE(second.exitCode(), 0);
        QVERIFY(driver.waitFor([&] { return raised == 1; }, 5000));
    }
};

QTEST_MAIN(tst_Journey)
#include "tst_Journey.moc"
