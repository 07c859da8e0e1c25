#include "tests/ui/PanelFixture.h"
#include "ui/panels/parts/TailView.h"
#include "ui/panels/workers/WorkersPanel.h"

#include <QAction>
#include <QCheckBox>
#include <QClipboard>
#include <QElapsedTimer>
#include <QMenu>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScrollBar>
#include <QSplitter>
#include <QTabWidget>
#include <QTableView>

using namespace sb;
using namespace sb::panels;
using namespace Qt::StringLiterals;
using models::WorkersModel;
using protocol::CancelProcess;
using protocol::ProcessInfo;
using protocol::ProcessState;

namespace {

using Fixture = test::PanelFixture<WorkersPanel>;

QTableView& table(Fixture& f)
{
    return *f.panel.findChild<QTableView*>();
}

TailView& tail(Fixture& f)
{
    return *f.panel.findChild<TailView*>();
}

QPushButton& cancelButton(Fixture& f)
{
    return *f.panel.findChild<QPushButton*>(u"cancelWorker"_s);
}

int rowOf(Fixture& f, const QString& task)
{
    for (int row = 0; row < table(f).model()->rowCount(); ++row) {
        if (table(f).model()->index(row, WorkersModel::Task).data().toString().startsWith(task)) {
            return row;
        }
    }
    return -1;
}

void clickRow(Fixture& f, int row)
{
    const auto rect = table(f).visualRect(table(f).model()->index(row, WorkersModel::Task));
    QTest::mouseClick(table(f).viewport(), Qt::LeftButton, {}, rect.center());
}

const QString suite = u"Run the whole test suite"_s;

} // namespace

class tst_Workers final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void theLivingComeFirst();
    void theNewestAtWorkIsSelected();
    void whatWasNotPrintedIsNotShownEmpty();
    void cancelByButton();
    void cancelByKey();
    void cancelFromTheMenu();
    void cancelFails();
    void outputFollowsItsEnd();
    void outputStaysWhereItIsRead();
    void outputIsCapped();
    void wholeTaskAndResult();
    void copiesTheTask();
    void ticksOnlyWhileItIsSeen();
    void filters();
    void opensALink();
    void words();
    void narrowAndWide();
    void tenThousand();
    void everyControlHasAName();
};

void tst_Workers::theLivingComeFirst()
{
    Fixture f({1200, 500});
    f.open();
    QCOMPARE(f.panel.badge(), 3);
    const auto* model = table(f).model();
    QCOMPARE(model->rowCount(), 5);
    QCOMPARE(model->index(0, WorkersModel::State).data().toString(), u"Waits for you"_s);
    QCOMPARE(model->index(3, WorkersModel::State).data().toString(), u"Done"_s);
    QVERIFY(model->index(4, WorkersModel::State).data(WorkersModel::EndedRole).toBool());
    auto changed = f.runtime.snapshot.processes.at(1);
    changed.state = ProcessState::Failed;
    changed.endedAt = test::DemoRuntime::now;
    f.runtime.publish(protocol::ProcessChanged{changed});
    QTRY_COMPARE(f.panel.badge(), 2);
    QCOMPARE(model->rowCount(), 5); // it stays
}

void tst_Workers::theNewestAtWorkIsSelected()
{
    Fixture f;
    f.open();
    const auto current = [&] {
        return table(f).currentIndex().data(WorkersModel::IdRole).toString();
    };
    auto begin = [&](const QString& id, TimeUs startedAt, ProcessState state) {
        auto info = f.runtime.snapshot.processes.at(1);
        info.id = id;
        info.startedAt = startedAt;
        info.state = state;
        info.endedAt = state == ProcessState::Running ? 0 : startedAt + 1;
        f.runtime.publish(protocol::ProcessChanged{info});
        f.settle();
    };
    begin(u"wrk-1"_s, test::DemoRuntime::now, ProcessState::Running);
    QCOMPARE(current(), u"wrk-1"_s);
    begin(u"wrk-2"_s, test::DemoRuntime::now + 10, ProcessState::Running);
    QCOMPARE(current(), u"wrk-2"_s);
    begin(u"wrk-2"_s, test::DemoRuntime::now + 10, ProcessState::Succeeded);
    QCOMPARE(current(), u"wrk-1"_s);            // that one is still at work
    clickRow(f, table(f).currentIndex().row()); // from here on the person's choice stays
    begin(u"wrk-3"_s, test::DemoRuntime::now + 20, ProcessState::Running);
    QCOMPARE(current(), u"wrk-1"_s);
    auto* search = f.panel.findChild<QLineEdit*>();
    search->setText(suite);
    search->setText(u"wrk-3"_s);
    QCOMPARE(current(), u"wrk-3"_s);
    search->clear();
    QCOMPARE(current(), u"wrk-1"_s);
}

void tst_Workers::whatWasNotPrintedIsNotShownEmpty()
{
    Fixture f;
    f.runtime.outputs.clear();
    auto& silent = f.runtime.snapshot.processes[1];
    silent.status = u"thinking"_s;
    f.open();
    clickRow(f, rowOf(f, suite));
    auto* tabs = f.panel.findChild<QTabWidget*>();
    QTRY_COMPARE(tabs->currentIndex(), 1);
    f.runtime.publish(protocol::OutputTail{silent.agent, silent.id, u"now it prints\n"_s});
    QTRY_COMPARE(tabs->currentIndex(), 0);
    tabs->setCurrentIndex(1); // the person's pick stays
    f.runtime.publish(protocol::OutputTail{silent.agent, silent.id, u"and more\n"_s});
    f.settle();
    QCOMPARE(tabs->currentIndex(), 1);
}

void tst_Workers::cancelByButton()
{
    Fixture f;
    f.open();
    clickRow(f, rowOf(f, suite));
    QVERIFY(cancelButton(f).isVisible());
    f.runtime.holdReplies = true;
    QTest::mouseClick(&cancelButton(f), Qt::LeftButton);
    QVERIFY(!cancelButton(f).isEnabled() || !cancelButton(f).isVisible());
    f.runtime.release();
    QTRY_COMPARE(f.panel.badge(), 2);
    const auto sent = f.runtime.asked<CancelProcess>();
    QCOMPARE(sent.size(), 1);
    QCOMPARE(sent.first().process, u"wrk-2m8x4c7d1f"_s);
    QCOMPARE(sent.first().agent, u"fixer"_s);
    QCOMPARE(sent.first().by, u"window"_s);
    QTRY_VERIFY(!cancelButton(f).isVisible()); // it has ended
}

void tst_Workers::cancelByKey()
{
    Fixture f;
    f.open();
    clickRow(f, rowOf(f, suite));
    QCOMPARE(f.runtime.asked<CancelProcess>().size(), 0); // selecting never acts
    QTest::keyClick(&table(f), Qt::Key_Delete);
    QTRY_COMPARE(f.runtime.asked<CancelProcess>().size(), 1);
    QTRY_COMPARE(f.panel.badge(), 2);
    QTest::keyClick(&table(f), Qt::Key_Delete); // an ended one cannot be ended
    f.settle();
    QCOMPARE(f.runtime.asked<CancelProcess>().size(), 1);
    // In the filter, Delete deletes a letter.
    auto* search = f.panel.findChild<QLineEdit*>();
    search->setFocus();
    clickRow(f, rowOf(f, u"What did we decide"_s));
    search->setFocus();
    QTest::keyClick(search, Qt::Key_Delete);
    f.settle();
    QCOMPARE(f.runtime.asked<CancelProcess>().size(), 1);
}

void tst_Workers::cancelFromTheMenu()
{
    Fixture f;
    f.open();
    clickRow(f, rowOf(f, suite));
    const auto at = table(f).visualRect(table(f).currentIndex()).center();
    Q_EMIT table(f).customContextMenuRequested(at);
    auto* menu = f.panel.findChild<QMenu*>();
    QVERIFY(menu != nullptr);
    QTRY_VERIFY(menu->isVisible());
    QTest::keyClick(menu, Qt::Key_Down);
    QTest::keyClick(menu, Qt::Key_Return);
    QTRY_COMPARE(f.runtime.asked<CancelProcess>().size(), 1);
}

void tst_Workers::cancelFails()
{
    Fixture f;
    f.runtime.failures[u"cancel"_s] = {
        ErrorCode::Unavailable, u"The runtime does not answer."_s, {}};
    f.open();
    clickRow(f, rowOf(f, suite));
    QTest::mouseClick(&cancelButton(f), Qt::LeftButton);
    QTRY_VERIFY(std::ranges::any_of(f.panel.findChildren<QLabel*>(), [](const QLabel* label) {
        return label->isVisible() &&
               label->text() == u"It was not cancelled: The runtime does not answer."_s;
    }));
    QVERIFY(cancelButton(f).isEnabled());
}

void tst_Workers::outputFollowsItsEnd()
{
    Fixture f;
    f.open();
    clickRow(f, rowOf(f, suite));
    QTRY_VERIFY(tail(f).toPlainText().startsWith(u"============"_s));
    for (int i = 0; i < 100; ++i) {
        f.runtime.publish(
            protocol::OutputTail{u"fixer"_s, u"wrk-2m8x4c7d1f"_s, u"line %1\n"_s.arg(i)});
    }
    f.runtime.publish(protocol::OutputTail{u"fixer"_s, u"wrk-other"_s, u"not mine\n"_s});
    QTRY_VERIFY(tail(f).toPlainText().endsWith(u"line 99\n"_s));
    QVERIFY(tail(f).isFollowing());
    QVERIFY(!tail(f).toPlainText().contains(u"not mine"_s));
    clickRow(f, rowOf(f, u"What did we decide"_s));
    QTRY_COMPARE(tail(f).toPlainText(), QString());
    clickRow(f, rowOf(f, suite));
    QTRY_VERIFY(tail(f).toPlainText().endsWith(u"line 99\n"_s)); // the ring, asked for again
    QCOMPARE(tail(f).toPlainText().count(u"line 99\n"_s), 1);
}

void tst_Workers::outputStaysWhereItIsRead()
{
    Fixture f;
    f.open();
    clickRow(f, rowOf(f, suite));
    const auto print = [&f](int from, int to) {
        for (int i = from; i < to; ++i) {
            f.runtime.publish(
                protocol::OutputTail{u"fixer"_s, u"wrk-2m8x4c7d1f"_s, u"line %1\n"_s.arg(i)});
        }
        f.settle();
    };
    f.settle();
    print(0, 200);
    tail(f).verticalScrollBar()->setValue(50);
    print(200, 300);
    QCOMPARE(tail(f).verticalScrollBar()->value(), 50);
    auto* latest = tail(f).findChild<QPushButton*>();
    QVERIFY(latest->isVisible());
    QCOMPARE(latest->text(), u"Jump to latest · 100 new"_s);
    QTest::mouseClick(latest, Qt::LeftButton);
    QVERIFY(tail(f).isFollowing());
    QVERIFY(!latest->isVisible());
}

void tst_Workers::outputIsCapped()
{
    Fixture f;
    f.open();
    clickRow(f, rowOf(f, suite));
    f.settle();
    for (int i = 0; i < 40; ++i) {
        f.runtime.publish(protocol::OutputTail{
            u"fixer"_s, u"wrk-2m8x4c7d1f"_s, QString(QString(4000, u'z') + u'\n')});
        if (i % 10 == 9) {
            f.settle();
        }
    }
    f.runtime.publish(protocol::OutputTail{u"fixer"_s, u"wrk-2m8x4c7d1f"_s, u"the end"_s});
    QTRY_VERIFY(tail(f).toPlainText().endsWith(u"the end"_s));
    QVERIFY(tail(f).toPlainText().size() <= TailView::capacity);
    QCOMPARE(tail(f).horizontalScrollBar()->maximum(), 0);
}

void tst_Workers::wholeTaskAndResult()
{
    Fixture f;
    auto& done = f.runtime.snapshot.processes[3];
    done.task = u"Find where mean() is called\n"_s + QString(4000, u'w') + u"\u202e"_s;
    f.open();
    clickRow(f, rowOf(f, u"Find where"_s));
    auto* tabs = f.panel.findChild<QTabWidget*>();
    tabs->setCurrentIndex(1);
    auto* text = qobject_cast<QPlainTextEdit*>(tabs->currentWidget());
    QVERIFY(text->toPlainText().contains(QString(QString(4000, u'w') + u"⟨U+202E⟩"_s)));
    QVERIFY(text->toPlainText().contains(u"Three callers: report.py:12"_s));
}

void tst_Workers::copiesTheTask()
{
    Fixture f;
    f.open();
    clickRow(f, rowOf(f, suite));
    for (auto* button : f.panel.findChildren<QPushButton*>()) {
        if (button->text() == u"Copy task"_s) {
            QTest::mouseClick(button, Qt::LeftButton);
        }
    }
    QCOMPARE(QApplication::clipboard()->text(), u"Run the whole test suite and say what fails"_s);
}

void tst_Workers::ticksOnlyWhileItIsSeen()
{
    Fixture f({1200, 500});
    f.open();
    const auto timers = f.panel.findChildren<QTimer*>();
    auto* source = qobject_cast<QSortFilterProxyModel*>(table(f).model())->sourceModel();
    int ticks = 0;
    connect(source, &QAbstractItemModel::dataChanged, this, [&] { ++ticks; });
    const int row = rowOf(f, suite);
    f.clock.advance(std::chrono::seconds(18));
    static_cast<WorkersModel*>(source)->tick();
    QCOMPARE(table(f).model()->index(row, WorkersModel::Time).data().toString(), u"1 min 00 s"_s);
    QCOMPARE(ticks, 3); // one for each that lives
    f.panel.hide();
    ticks = 0;
    QTest::qWait(1200);
    QCOMPARE(ticks, 0);
    f.panel.show();
    QTRY_VERIFY_WITH_TIMEOUT(ticks > 0, 3000);
}

void tst_Workers::filters()
{
    Fixture f;
    f.open();
    QVERIFY(f.panel.search());
    QTest::keyClicks(QApplication::focusWidget(), u"test"_s);
    QCOMPARE(table(f).model()->rowCount(), 2);
    QTest::keyClicks(QApplication::focusWidget(), u"xyz"_s);
    QVERIFY(!table(f).isVisible());
    auto* search = qobject_cast<QLineEdit*>(QApplication::focusWidget());
    search->clear();
    QVERIFY(table(f).isVisible());
    f.panel.findChild<QCheckBox*>()->click();
    QCOMPARE(table(f).model()->rowCount(), 3);
}

void tst_Workers::opensALink()
{
    Fixture f;
    f.open();
    f.panel.findChild<QCheckBox*>()->click();
    QVERIFY(f.panel.open(
        {Link::To::Process, u"fixer"_s, u"wrk-9z8x7c6v5b"_s, 0})); // an ended one is shown again
    QCOMPARE(table(f).currentIndex().siblingAtColumn(WorkersModel::Task).data().toString(),
             u"Fetch the style guide"_s);
    QVERIFY(!f.panel.open({Link::To::Process, u"fixer"_s, u"wrk-none"_s, 0}));
    QList<Link> links;
    connect(&f.panel, &Panel::linkActivated, this, [&](const Link& link) { links.append(link); });
    for (auto* button : f.panel.findChildren<QPushButton*>()) {
        if (button->text() == u"Journal"_s) {
            QTest::mouseClick(button, Qt::LeftButton);
        }
    }
    const QList<Link> expected{{Link::To::Entry, u"fixer"_s, {}, 30}};
    QVERIFY(links == expected);
}

void tst_Workers::words()
{
    Fixture f;
    f.runtime.snapshot = {};
    const auto says = [&](const QString& words) {
        return std::ranges::any_of(f.panel.findChildren<QLabel*>(), [&](const QLabel* label) {
            return label->isVisible() && label->text() == words;
        });
    };
    f.open();
    QVERIFY(says(u"No workers yet. They appear when an agent delegates a task."_s));
    Fixture broken;
    broken.runtime.failures[u"snapshot"_s] = {ErrorCode::Locked, u"The database is locked."_s, {}};
    broken.bridge.start();
    broken.panel.show();
    QTRY_VERIFY(std::ranges::any_of(broken.panel.findChildren<QLabel*>(), [](const QLabel* label) {
        return label->isVisible() &&
               label->text() == u"The workers cannot be shown: The database is locked."_s;
    }));
}

void tst_Workers::narrowAndWide()
{
    Fixture f({1400, 500});
    f.open();
    QVERIFY(!table(f).isColumnHidden(WorkersModel::State));
    const auto fits = [&] {
        int width = 0;
        for (int column = 0; column < WorkersModel::ColumnCount; ++column) {
            width += table(f).columnWidth(column);
        }
        return width <= table(f).viewport()->width();
    };
    for (const int width : {1400, 1000, 700, 500, 320}) {
        f.panel.resize(width, 500);
        f.settle();
        QVERIFY2(fits(), qPrintable(QString::number(width)));
    }
    QVERIFY(table(f).isColumnHidden(WorkersModel::State));
    QVERIFY(!table(f).isColumnHidden(WorkersModel::Task));
    // A table says how much was done and what was said last; where there is no room for that, a row
    // has two lines.
    f.panel.resize(1300, 1400);
    f.settle();
    QVERIFY(!table(f).isColumnHidden(WorkersModel::ToolCalls));
    QVERIFY(!table(f).isColumnHidden(WorkersModel::Status));
    QVERIFY(table(f).columnWidth(WorkersModel::Task) > table(f).columnWidth(WorkersModel::Status));
}

void tst_Workers::tenThousand()
{
    Fixture f({1200, 600});
    const auto example = f.runtime.snapshot.processes.at(1);
    for (int i = 0; i < 10'000; ++i) {
        auto info = example;
        info.id = u"wrk-%1"_s.arg(i);
        info.startedAt -= i * 1000;
        f.runtime.snapshot.processes.append(info);
    }
    f.open();
    QCOMPARE(table(f).model()->rowCount(), 10'005);
    QElapsedTimer timer;
    timer.start();
    for (int i = 0; i < 20; ++i) {
        auto changed = f.runtime.snapshot.processes.at(100 + i);
        changed.status = u"step"_s;
        f.runtime.publish(protocol::ProcessChanged{changed});
    }
    f.settle();
    qInfo() << "20 changes among 10,000:" << timer.elapsed() - 60 << "ms";
    timer.restart();
    auto* source = qobject_cast<QSortFilterProxyModel*>(table(f).model())->sourceModel();
    static_cast<WorkersModel*>(source)->tick();
    qInfo() << "a tick of 10,000:" << timer.elapsed() << "ms";
    QVERIFY(timer.elapsed() < 500);
}

void tst_Workers::everyControlHasAName()
{
    Fixture f;
    f.open();
    QCOMPARE(test::namelessControls(f.panel), QStringList());
    f.panel.findChild<QTabWidget*>()->setCurrentIndex(1);
    QCOMPARE(test::namelessControls(f.panel), QStringList());
}

QTEST_MAIN(tst_Workers)
#include "tst_Workers.moc"
