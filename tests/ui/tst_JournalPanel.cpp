#include "tests/ui/PanelFixture.h"
#include "ui/models/JournalModel.h"
#include "ui/panels/journal/JournalPanel.h"
#include "ui/panels/journal/ReportBar.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QMenu>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollBar>
#include <QTableView>
#include <QTextBrowser>
#include <QToolButton>

using namespace sb;
using namespace sb::panels;
using namespace Qt::StringLiterals;
using models::JournalModel;
using protocol::Entry;
using protocol::Kind;
using protocol::QueryJournal;

namespace {

class Fixture : public test::PanelFixture<JournalPanel>
{
public:
    explicit Fixture(QSize size = {1200, 500}) : PanelFixture(size) {}
    QTableView& table() { return *panel.findChild<QTableView*>(); }
    QAbstractItemModel& model() { return *table().model(); }
    QTextBrowser& details() { return *panel.findChild<QTextBrowser*>(); }
    QPushButton* button(const QString& text)
    {
        for (auto* found : panel.findChildren<QPushButton*>()) {
            if ((found->text() == text || found->accessibleName() == text) && found->isVisible()) {
                return found;
            }
        }
        return nullptr;
    }
    void clickRow(int row)
    {
        const auto rect = table().visualRect(model().index(row, JournalModel::Summary));
        QTest::mouseClick(table().viewport(), Qt::LeftButton, {}, rect.center());
        settle();
    }
    bool says(const QString& part)
    {
        return std::ranges::any_of(panel.findChildren<QLabel*>(), [&](const QLabel* label) {
            return label->isVisible() && label->text().contains(part);
        });
    }
    Entry entry(qint64 seq, Kind kind, const QString& text)
    {
        Entry made = runtime.journals[u"fixer"_s].last();
        made.seq = seq;
        made.kind = kind;
        made.time = test::DemoRuntime::now + seq;
        made.payload = {{u"text"_s, text}};
        made.cause = u"41"_s;
        return made;
    }
};

} // namespace

class tst_JournalPanel final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void newestFirstAndLive();
    void whatIsReadStays();
    void theNewestIsShownUntilOneIsChosen();
    void filtersByKind();
    void filtersByAgent();
    void filtersByText();
    void detailsAndTheChainOfCauses();
    void linkFromElsewhere();
    void verifyHolds();
    void verifyNamesTheFirstBadOne();
    void verifyShowsProgress();
    void verifyFails();
    void exports();
    void undoesAWrite();
    void undoIsRefused();
    void pages();
    void words();
    void narrow();
    void everyControlHasAName();
};

void tst_JournalPanel::newestFirstAndLive()
{
    Fixture f;
    f.open();
    QTRY_COMPARE(f.model().rowCount(), 42);
    QCOMPARE(f.model().index(0, JournalModel::Kind).data().toString(), u"checkpoint.created"_s);
    f.runtime.publish(protocol::EntryAppended{f.entry(43, Kind::MessageSent, u"All done."_s)});
    QTRY_COMPARE(f.model().rowCount(), 43);
    QCOMPARE(f.model().index(0, JournalModel::Summary).data().toString(), u"All done."_s);
}

void tst_JournalPanel::theNewestIsShownUntilOneIsChosen()
{
    Fixture f;
    f.open();
    QTRY_COMPARE(f.model().rowCount(), 42);
    f.runtime.publish(protocol::EntryAppended{f.entry(43, Kind::Incident, u"one"_s)});
    f.runtime.publish(protocol::EntryAppended{f.entry(44, Kind::Incident, u"two"_s)});
    QTRY_VERIFY(f.details().toPlainText().contains(u"entry 44 of fixer"_s));
    QCOMPARE(f.table().currentIndex().row(), 0);
    f.clickRow(0); // chosen although it was shown already
    f.runtime.publish(protocol::EntryAppended{f.entry(45, Kind::Incident, u"three"_s)});
    QTRY_COMPARE(f.table().currentIndex().row(), 1);
    QTest::qWait(500); // longer than it takes to follow
    QCOMPARE(f.table().currentIndex().row(), 1);
    QVERIFY(f.details().toPlainText().contains(u"entry 44 of fixer"_s));
}

void tst_JournalPanel::whatIsReadStays()
{
    Fixture f;
    f.open();
    QTRY_COMPARE(f.model().rowCount(), 42);
    auto* bar = f.table().verticalScrollBar();
    f.clickRow(5);
    bar->setValue(200);
    const auto before =
        f.table().indexAt(QPoint(5, 5)).siblingAtColumn(JournalModel::Time).data().toString();
    const auto shown = f.details().toPlainText();
    for (int i = 0; i < 7; ++i) {
        f.runtime.publish(protocol::EntryAppended{f.entry(43 + i, Kind::MessageSent, u"news"_s)});
    }
    QTRY_COMPARE(f.model().rowCount(), 49);
    f.settle();
    QCOMPARE(f.table().indexAt(QPoint(5, 5)).siblingAtColumn(JournalModel::Time).data().toString(),
             before);
    QCOMPARE(f.details().toPlainText(), shown);
}

void tst_JournalPanel::filtersByKind()
{
    Fixture f;
    f.open();
    auto* kinds = f.panel.findChild<QToolButton*>();
    for (auto* action : kinds->menu()->actions()) {
        if (action->text() == u"tool.call"_s || action->text() == u"incident"_s) {
            action->trigger();
        }
    }
    QTRY_COMPARE(f.model().rowCount(), 6);
    QCOMPARE(kinds->text(), u"2 kinds"_s);
    const auto asked = f.runtime.asked<QueryJournal>();
    QCOMPARE(asked.last().kinds, QStringList({u"tool.call"_s, u"incident"_s}));
    f.runtime.publish(protocol::EntryAppended{f.entry(43, Kind::MessageSent, u"not of them"_s)});
    f.runtime.publish(protocol::EntryAppended{f.entry(44, Kind::Incident, u"one of them"_s)});
    QTRY_COMPARE(f.model().rowCount(), 7);
    f.settle();
    QCOMPARE(f.model().rowCount(), 7);
    kinds->menu()->actions().first()->trigger(); // all kinds
    QTRY_COMPARE(f.model().rowCount(), 44);
}

void tst_JournalPanel::filtersByAgent()
{
    Fixture f;
    auto other = f.entry(1, Kind::MessageSent, u"hello"_s);
    other.agent = u"assistant"_s;
    f.runtime.journals[u"assistant"_s] = {other};
    f.open();
    QTRY_COMPARE(f.model().rowCount(), 43);
    auto* agents = f.panel.findChild<QComboBox*>();
    agents->setFocus();
    QTest::keyClick(agents, Qt::Key_Down);
    QCOMPARE(agents->currentText(), u"assistant"_s);
    QTRY_COMPARE(f.model().rowCount(), 1);
    f.runtime.publish(
        protocol::EntryAppended{f.entry(43, Kind::MessageSent, u"of the other one"_s)});
    f.settle();
    QCOMPARE(f.model().rowCount(), 1);
}

void tst_JournalPanel::filtersByText()
{
    Fixture f;
    f.open();
    QVERIFY(f.panel.search());
    auto* search = qobject_cast<QLineEdit*>(QApplication::focusWidget());
    QVERIFY(search != nullptr);
    QTest::keyClicks(search, u"mean.py"_s);
    QTest::keyClick(search, Qt::Key_Return);
    QTRY_COMPARE(f.model().rowCount(), 1);
    QTest::keyClicks(search, u"nowhere"_s);
    QTRY_VERIFY(f.says(u"No entry matches the filter."_s));
    QTest::mouseClick(f.button(u"Show all entries"_s), Qt::LeftButton);
    QTRY_COMPARE(f.model().rowCount(), 42);
    QCOMPARE(search->text(), QString());
}

void tst_JournalPanel::detailsAndTheChainOfCauses()
{
    Fixture f;
    f.open();
    QTRY_COMPARE(f.model().rowCount(), 42);
    f.clickRow(3); // tool.started 39, caused by 38, caused 40
    QVERIFY(f.details().toPlainText().contains(u"\"argv\": ["_s));
    QVERIFY(f.details().toPlainText().contains(u"tool.started, entry 39 of fixer"_s));
    QVERIFY(f.details().toPlainText().contains(u"40 tool.result"_s));
    Q_EMIT f.details().anchorClicked(QUrl(u"entry:?agent=fixer&seq=38"_s));
    f.settle();
    QVERIFY(f.details().toPlainText().contains(u"entry 38 of fixer"_s));
    QCOMPARE(f.table().currentIndex().row(), 4);
    // The same by key alone: Tab to the link, Return follows it.
    f.details().setFocus();
    QTest::keyClick(&f.details(), Qt::Key_Tab);
    QTest::keyClick(&f.details(), Qt::Key_Return);
    f.settle();
    QVERIFY(f.details().toPlainText().contains(u"entry 37 of fixer"_s));
}

void tst_JournalPanel::linkFromElsewhere()
{
    Fixture f;
    auto& journal = f.runtime.journals[u"fixer"_s];
    const auto example = journal.last();
    while (journal.size() < 2000) {
        auto next = example;
        next.seq = journal.size() + 1;
        journal.append(next);
    }
    f.open();
    QTRY_COMPARE(f.model().rowCount(), 200);
    QVERIFY(f.panel.open({Link::To::Entry, u"fixer"_s, {}, 700}));
    QTRY_VERIFY(f.details().toPlainText().contains(u"entry 700 of fixer"_s));
    QTRY_VERIFY(
        f.table().visualRect(f.table().currentIndex()).intersects(f.table().viewport()->rect()));
    QVERIFY(f.button(u"Back to the newest"_s) != nullptr);
    QTest::mouseClick(f.button(u"Back to the newest"_s), Qt::LeftButton);
    QTRY_VERIFY(f.details().toPlainText().contains(u"entry 2000 of fixer"_s));
    QVERIFY(f.panel.open({Link::To::Entry, u"fixer"_s, {}, 99'999}));
    QTRY_VERIFY(f.says(u"There is no such entry"_s));
    QVERIFY(!f.panel.open({Link::To::Process, u"fixer"_s, u"wrk-1"_s, 0}));
}

void tst_JournalPanel::verifyHolds()
{
    Fixture f;
    const auto head = u"9f86d081884c7d659a2feaa0c4c7d659"_s;
    f.runtime.reports = {{u"fixer"_s, true, 42, 0, 0, {}, 0.0042, head},
                         {u"assistant"_s, true, 12, 0, 0, {}, 0.0001, {}}};
    f.open();
    QTest::mouseClick(f.button(u"Verify"_s), Qt::LeftButton);
    QTRY_VERIFY(f.says(u"All 2 chains hold: 54 entries, checked in "_s));
    QVERIFY(!f.says(u"fixer: all 42"_s));
    auto* report = f.panel.findChild<ReportBar*>();
    const int folded = report->height();
    QTest::mouseClick(f.button(u"Show each chain"_s), Qt::LeftButton);
    QTRY_VERIFY(f.says(u"fixer: all 42 entries hold, checked in 4 ms. Head 9f86d081…c4c7d659"_s));
    QVERIFY(f.says(u"assistant: all 12 entries hold"_s));
    f.settle();
    QVERIFY(report->height() > folded);
    auto* copy = f.button(u"Copy the head of fixer"_s);
    QTest::mouseClick(copy, Qt::LeftButton);
    QCOMPARE(QGuiApplication::clipboard()->text(), head);
    QTest::mouseClick(f.button(u"Hide each chain"_s), Qt::LeftButton);
    QTRY_COMPARE(report->height(), folded);
    QCOMPARE(f.runtime.asked<protocol::VerifyJournal>().first().agent, QString());
    QVERIFY(f.button(u"Verify"_s)->isEnabled());
    QTest::mouseClick(f.button(u"Close the report"_s), Qt::LeftButton);
    QVERIFY(!f.says(u"entries hold"_s));
}

void tst_JournalPanel::verifyNamesTheFirstBadOne()
{
    Fixture f;
    f.runtime.reports = {
        {u"assistant"_s, true, 12, 0, 0, u"All hold."_s, 0.01, u"ab"_s},
        {u"fixer"_s,
         false,
         42,
         0,
         17,
         u"The journal of fixer is not sound at entry 17: its payload was changed."_s,
         0.01,
         {}}};
    f.open();
    QTest::mouseClick(f.button(u"Verify"_s), Qt::LeftButton);
    QTRY_VERIFY(
        f.says(u"The journal of fixer is not sound at entry 17: its payload was changed."_s));
    QTest::mouseClick(f.button(u"Show entry 17"_s), Qt::LeftButton);
    QTRY_VERIFY(f.details().toPlainText().contains(u"entry 17 of fixer"_s));
}

void tst_JournalPanel::verifyShowsProgress()
{
    Fixture f;
    f.open();
    f.runtime.holdReplies = true;
    QTest::mouseClick(f.button(u"Verify"_s), Qt::LeftButton);
    f.settle();
    QVERIFY(!f.panel.findChild<QPushButton*>(u"undoWrite"_s)->isHidden());
    f.clock.advance(std::chrono::seconds(2));
    f.runtime.publish(protocol::VerifyProgress{u"fixer"_s, 1'000'000, 4'000'000});
    QTRY_VERIFY(f.says(u"Checking fixer: 1,000,000 of 4,000,000 entries, 500,000 a second"_s));
    QCOMPARE(f.panel.findChild<QProgressBar*>()->value(), 250);
    QVERIFY(!f.button(u"Verify"_s)->isEnabled());
    f.runtime.release();
    QTRY_VERIFY(f.says(u"All 2 chains hold: 54 entries"_s));
}

void tst_JournalPanel::verifyFails()
{
    Fixture f;
    f.runtime.failures[u"verify"_s] = {ErrorCode::Io, u"The disk does not answer."_s, {}};
    f.open();
    QTest::mouseClick(f.button(u"Verify"_s), Qt::LeftButton);
    QTRY_VERIFY(f.says(u"The journal could not be checked: The disk does not answer."_s));
}

void tst_JournalPanel::exports()
{
    Fixture f;
    QString suggested;
    f.panel.setChooseFile(
        [&](QWidget*, const QString& name, const std::function<void(const QString&)>& chosen) {
            suggested = name;
            chosen(u"/tmp/out.jsonl"_s);
        });
    f.open();
    QTRY_COMPARE(f.model().rowCount(), 42);
    QTest::mouseClick(f.button(u"Export…"_s), Qt::LeftButton);
    QTRY_VERIFY(f.says(u"42 entries with their proofs were written to /tmp/out.jsonl."_s));
    QCOMPARE(suggested, u"fixer-journal.jsonl"_s);
    const auto sent = f.runtime.asked<protocol::ExportJournal>();
    QCOMPARE(sent.size(), 1);
    QCOMPARE(sent.first().agent, u"fixer"_s);
    QCOMPARE(sent.first().path, u"/tmp/out.jsonl"_s);
}

void tst_JournalPanel::undoesAWrite()
{
    Fixture f;
    f.open();
    QTRY_COMPARE(f.model().rowCount(), 42);
    f.clickRow(1);
    QVERIFY(f.button(u"Undo this write"_s) == nullptr); // an incident is no write
    f.clickRow(0);
    QTest::mouseClick(f.button(u"Undo this write"_s), Qt::LeftButton);
    QTRY_VERIFY(f.says(u"The file is as it was before this write."_s));
    const auto sent = f.runtime.asked<protocol::UndoWrite>();
    QCOMPARE(sent.size(), 1);
    QCOMPARE(sent.first().checkpoint, 42);
    QCOMPARE(sent.first().agent, u"fixer"_s);
    QVERIFY(!f.button(u"Undo this write"_s)->isEnabled());
}

void tst_JournalPanel::undoIsRefused()
{
    Fixture f;
    f.runtime.failures[u"undo_write"_s] = {
        ErrorCode::Conflict, u"The file was changed since."_s, {}};
    f.open();
    QTRY_COMPARE(f.model().rowCount(), 42);
    f.clickRow(0);
    QTest::mouseClick(f.button(u"Undo this write"_s), Qt::LeftButton);
    QTRY_VERIFY(f.says(u"It was not undone: The file was changed since."_s));
    QVERIFY(f.button(u"Undo this write"_s)->isEnabled());
}

void tst_JournalPanel::pages()
{
    Fixture f;
    auto& journal = f.runtime.journals[u"fixer"_s];
    const auto example = journal.last();
    while (journal.size() < 10'000) {
        auto next = example;
        next.seq = journal.size() + 1;
        journal.append(next);
    }
    f.open();
    QTRY_COMPARE(f.model().rowCount(), 200);
    for (int i = 0; i < 40 && f.model().rowCount() < JournalModel::maxRows(); ++i) {
        f.table().verticalScrollBar()->setValue(f.table().verticalScrollBar()->maximum());
        QTest::qWait(30);
    }
    QTRY_COMPARE(f.model().rowCount(), JournalModel::maxRows());
    QVERIFY(f.says(u"4,000 entries are shown; narrow the filter to see others."_s));
    QTest::mouseClick(f.button(u"Show older ones"_s), Qt::LeftButton);
    QTRY_VERIFY(f.details().toPlainText().contains(u"entry 6000 of fixer"_s));
}

void tst_JournalPanel::words()
{
    Fixture f;
    f.runtime.journals.clear();
    f.open();
    QTRY_VERIFY(f.says(u"Nothing is recorded yet."_s));
    Fixture broken;
    broken.runtime.failures[u"journal"_s] = {ErrorCode::Corrupt, u"The file is damaged."_s, {}};
    broken.open();
    QTRY_VERIFY(broken.says(u"The journal cannot be shown: The file is damaged."_s));
    broken.runtime.failures.clear();
    QTest::mouseClick(broken.button(u"Try again"_s), Qt::LeftButton);
    QTRY_COMPARE(broken.model().rowCount(), 42);
}

void tst_JournalPanel::narrow()
{
    Fixture f;
    f.open();
    for (const int width : {1400, 900, 600, 360}) {
        f.panel.resize(width, 500);
        f.settle();
        int used = 0;
        for (int column = 0; column < JournalModel::ColumnCount; ++column) {
            used += f.table().columnWidth(column);
        }
        QVERIFY2(used <= f.table().viewport()->width(), qPrintable(QString::number(width)));
    }
}

void tst_JournalPanel::everyControlHasAName()
{
    Fixture f;
    f.open();
    QTest::mouseClick(f.button(u"Verify"_s), Qt::LeftButton);
    f.settle();
    QCOMPARE(test::namelessControls(f.panel), QStringList());
}

QTEST_MAIN(tst_JournalPanel)
#include "tst_JournalPanel.moc"
