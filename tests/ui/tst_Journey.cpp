#include "tests/ui/WindowDriver.h"

#include "ui/panels/conversation/ConversationPanel.h"
#include "ui/panels/conversation/Transcript.h"
#include "ui/panels/conversation/TranscriptView.h"

#include <QDesktopServices>
#include <QFileInfo>
#include <QProcess>

using namespace sb;
using namespace sb::test;

namespace {

/// Stands in for the desktop's editor.
class Opened final : public QObject
{
    Q_OBJECT
public:
    QList<QUrl> urls;
public Q_SLOTS:
    void open(const QUrl& url) { urls.append(url); }
};

} // namespace

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

        // What the worker did is found by keys: its line unfolds to its tools, and those to their
        // output.
        auto& view = static_cast<panels::ConversationPanel&>(
                         driver.window().dock(QStringLiteral("conversation"))->panel())
                         .view();
        const auto* transcript = view.transcript();
        int worker = 0;
        const auto hasEnded = [&] {
            worker = transcript->count() - 1;
            if (transcript->isStreaming() ||
                transcript->row(worker).item.kind != protocol::ItemKind::Agent) {
                return false;
            }
            while (worker > 0 &&
                   transcript->row(worker).item.kind != protocol::ItemKind::Delegate) {
                --worker;
            }
            return transcript->row(worker).duration > 0;
        };
        QVERIFY(driver.waitFor(hasEnded));
        view.setFocus();
        view.setCurrentRow(worker);
        QVERIFY(transcript->row(worker + 1).hidden);
        QTest::keyClick(&view, Qt::Key_Right);
        QVERIFY(!transcript->row(worker + 1).hidden);
        QTest::keyClick(&view, Qt::Key_Down);
        for (int i = 0; i < 50 && view.currentRow() != worker + 1; ++i) {
            QTest::keyClick(&view, Qt::Key_Down); // the unfolded result is longer than the view
        }
        QCOMPARE(view.currentRow(), worker + 1);
        const int folded = view.rowRect(worker + 1).height();
        QTest::keyClick(&view, Qt::Key_Return);
        QVERIFY(transcript->row(worker + 1).open);
        QVERIFY(!transcript->row(worker + 1).item.detail.isEmpty());
        QVERIFY(view.rowRect(worker + 1).height() > folded);

        QVERIFY(driver.click(QStringLiteral("Verify")));
        protocol::VerifyJournal verify;
        verify.agent = QStringLiteral("tour");
        auto report = driver.client().request(verify).wait();
        QVERIFY(report && report->reports.first().ok);
    }

    void the_first_configuration_is_written_from_the_window()
    {
        Opened opened;
        QDesktopServices::setUrlHandler(QStringLiteral("file"), &opened, "open");
        WindowDriver driver;
        QVERIFY(driver.click(QStringLiteral("Not now")));
        QVERIFY(driver.click(QStringLiteral("Write a signalbox.yaml")));
        QVERIFY(driver.waitFor([&] { return !opened.urls.isEmpty(); }));
        QVERIFY(QFileInfo::exists(opened.urls.first().toLocalFile()));
        // The runtime reads it by itself: its agent is there to be spoken with.
        QVERIFY(driver.waitFor(
            [&] { return driver.button(QStringLiteral("Begin a new conversation")) != nullptr; }));
        QVERIFY(driver.button(QStringLiteral("Write a signalbox.yaml")) == nullptr);
        QDesktopServices::unsetUrlHandler(QStringLiteral("file"));
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
