#include "tests/ui/PanelFixture.h"
#include "ui/models/ContainmentRows.h"
#include "ui/panels/containment/ContainmentPanel.h"
#include "ui/widgets/Format.h"
#include "ui/widgets/Labels.h"

#include <QAction>
#include <QClipboard>
#include <QElapsedTimer>
#include <QJsonDocument>
#include <QLabel>
#include <QListView>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTextEdit>
#include <QToolButton>

using namespace sb;
using namespace sb::panels;
using namespace Qt::StringLiterals;
using models::ContainmentRows;
using models::Mark;
using protocol::GetContainment;
using protocol::GrantInfo;
using protocol::RevokeGrant;
using test::DemoRuntime;

namespace {

using Fixture = test::PanelFixture<ContainmentPanel>;

QListView& attempts(Fixture& f)
{
    return *f.panel.findChild<QListView*>(u"attempts"_s);
}

QListView& reach(Fixture& f)
{
    return *f.panel.findChild<QListView*>(u"reach"_s);
}

QPushButton& button(Fixture& f, const QString& name)
{
    return *f.panel.findChild<QPushButton*>(name);
}

QString verdict(Fixture& f)
{
    return f.panel.findChild<QLabel*>(u"verdict"_s)->text();
}

widgets::EmptyState& nothing(Fixture& f)
{
    for (auto* state : f.panel.findChildren<widgets::EmptyState*>()) {
        if (state->isVisible()) {
            return *state;
        }
    }
    qFatal("nothing says that there is nothing");
}

// The texts of the labels that are seen.
QStringList said(Fixture& f)
{
    QStringList texts;
    for (const auto* label : f.panel.findChildren<QLabel*>()) {
        if (label->isVisible()) {
            texts.append(label->text());
        }
    }
    return texts;
}

QStringList titles(const QListView& list, Mark mark)
{
    QStringList found;
    for (int row = 0; row < list.model()->rowCount(); ++row) {
        const auto index = list.model()->index(row, 0);
        if (Mark(index.data(ContainmentRows::MarkRole).toInt()) == mark) {
            found.append(index.data().toString());
        }
    }
    return found;
}

void clickRow(QListView& list, const QString& title)
{
    for (int row = 0; row < list.model()->rowCount(); ++row) {
        const auto index = list.model()->index(row, 0);
        if (index.data().toString() == title) {
            list.scrollTo(index);
            QTest::mouseClick(list.viewport(), Qt::LeftButton, {}, list.visualRect(index).center());
            return;
        }
    }
    qFatal("no row says %s", qPrintable(title));
}

// One agent alone, whose attempts come out as a test wants them.
void keepOnly(Fixture& f, const QString& agent)
{
    f.runtime.snapshot.agents.removeIf([&](const auto& info) { return info.id != agent; });
}

const QString tried = u"tried "_s; // what follows depends on the zone of the machine

} // namespace

class tst_Containment final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void notTriedYet();
    void nothingIsTriedByItself();
    void tryingTellsThatItTries();
    void allHeld();
    void whatWentThroughStandsFirst();
    void whatCouldNotBeTriedIsNotHeld();
    void anUnknownVerdictIsNotHeld();
    void detailsOfAnAttempt();
    void aProblemSaysWhatToDo();
    void failures();
    void takesBack();
    void takesBackByKey();
    void takingBackFails();
    void forgetsAPublisherAndTrustsItAgain();
    void publishersThatCannotBeShown();
    void leadsToTheJournalAndTheFile();
    void emptyReachSaysWhatToDo();
    void readsAgainWhenTheJournalTells();
    void anOldAnswerDoesNotUndoATry();
    void oneAgentNeedsNoPicker();
    void followsTheConversation();
    void followsFromTheStart();
    void copies();
    void keysReachEverything();
    void headingsAreSteppedOver();
    void everyControlHasAName();
    void manyRows();
    void longTexts();
    void noAgents();
};

void tst_Containment::notTriedYet()
{
    Fixture f;
    keepOnly(f, u"assistant"_s);
    f.open();
    QTRY_COMPARE(verdict(f), u"Not tried yet"_s);
    QVERIFY(nothing(f).text().startsWith(u"Not tried yet. A try takes"));
    QVERIFY(!attempts(f).isVisible());
    QCOMPARE(f.runtime.asked<GetContainment>().size(), 1);
    QVERIFY(!f.runtime.asked<GetContainment>().first().probe);
    QVERIFY(!button(f, u"try"_s).isVisible()); // one button for one thing
    auto* now = nothing(f).findChild<QPushButton*>();
    QCOMPARE(now->text(), u"Try now"_s);
    QCOMPARE(f.panel.focusTarget(), now);
    now->setFocus();
    QTest::keyClick(now, Qt::Key_Space);
    QTRY_VERIFY(verdict(f).startsWith(u"27 of 27 attempts were held back, "_s + tried));
    QVERIFY(f.runtime.asked<GetContainment>().last().probe);
    QVERIFY(attempts(f).isVisible());
    QVERIFY(attempts(f).hasFocus()); // the button that was pressed is gone
}

void tst_Containment::nothingIsTriedByItself()
{
    Fixture f;
    f.open();
    f.runtime.publish(protocol::Lagged{});
    f.settle();
    f.panel.hide();
    f.panel.show();
    f.settle();
    for (const auto& command : f.runtime.asked<GetContainment>()) {
        QVERIFY(!command.probe);
    }
}

void tst_Containment::tryingTellsThatItTries()
{
    Fixture f;
    keepOnly(f, u"fixer"_s);
    f.open();
    QTRY_VERIFY(attempts(f).isVisible());
    auto& again = button(f, u"try"_s);
    again.setFocus();
    f.runtime.holdReplies = true;
    QTest::mouseClick(&again, Qt::LeftButton);
    QCOMPARE(verdict(f), u"Trying what a command of fixer can do…"_s);
    QCOMPARE(again.text(), u"Trying…"_s);
    QVERIFY(f.panel.findChild<QProgressBar*>()->isVisible());
    QVERIFY(attempts(f).isVisible()); // what was found last stays until then
    QTest::mouseClick(&again, Qt::LeftButton);
    QCOMPARE(f.runtime.asked<GetContainment>().size(), 2); // pressed twice is pressed once
    QVERIFY(again.hasFocus());
    f.runtime.release();
    QTRY_VERIFY(verdict(f).startsWith(u"27 of 27"));
    QVERIFY(!f.panel.findChild<QProgressBar*>()->isVisible());
    QCOMPARE(again.text(), u"Try now"_s);
}

void tst_Containment::allHeld()
{
    Fixture f;
    keepOnly(f, u"fixer"_s);
    f.open();
    QTRY_VERIFY(verdict(f).startsWith(u"27 of 27 attempts were held back, "_s + tried));
    QCOMPARE(f.panel.badge(), 0);
    QCOMPARE(titles(attempts(f), Mark::Heading),
             (QStringList{u"Secrets · 4 of 4 held"_s,
                          u"Files · 6 of 6 held"_s,
                          u"Network · 5 of 5 held"_s,
                          u"Processes · 4 of 4 held"_s,
                          u"Kernel · 4 of 4 held"_s,
                          u"Resources · 4 of 4 held"_s}));
    QCOMPARE(titles(attempts(f), Mark::Held).size(), 27);
    const auto row = attempts(f).model()->index(1, 0);
    QCOMPARE(row.data(Qt::AccessibleTextRole).toString(),
             u"Held · Can a command read the keys of the models? · no key inside"_s);
}

void tst_Containment::whatWentThroughStandsFirst()
{
    Fixture f;
    keepOnly(f, u"fixer"_s);
    auto& probe = f.runtime.containments[u"fixer"_s].probes.last();
    probe.verdict = u"open"_s;
    probe.detail = u"4,096 files were opened"_s;
    f.open();
    QTRY_VERIFY(verdict(f).startsWith(u"1 of 27 attempts went through, "_s + tried));
    QCOMPARE(f.panel.badge(), 1);
    const auto* model = attempts(f).model();
    QCOMPARE(model->index(0, 0).data().toString(), u"Went through: 1"_s);
    QCOMPARE(
        model->index(1, 0).data(Qt::AccessibleTextRole).toString(),
        u"Open · Can a command open files without end? · Resources · 4,096 files were opened"_s);
    QCOMPARE(titles(attempts(f), Mark::Heading).last(), u"Resources · 3 of 4 held"_s);
    QCOMPARE(titles(attempts(f), Mark::Held).size(), 26);
    const auto* label = f.panel.findChild<QLabel*>(u"verdict"_s);
    QCOMPARE(label->palette().color(QPalette::WindowText), f.theme.colour(theme::Tone::Failed));
}

void tst_Containment::whatCouldNotBeTriedIsNotHeld()
{
    Fixture f;
    keepOnly(f, u"fixer"_s);
    auto& info = f.runtime.containments[u"fixer"_s];
    info.probes[3].verdict = u"unknown"_s;
    info.probes[3].detail = u"The workspace has no repository."_s;
    info.remark = u"This kernel has no Landlock, so one layer holds the files."_s;
    f.open();
    QTRY_VERIFY(verdict(f).startsWith(u"26 of 27 attempts were held back, 1 could not be made, "_s +
                                      tried));
    QVERIFY(said(f).contains(info.remark));
    QCOMPARE(f.panel.badge(), 0);
    const auto files = titles(attempts(f), Mark::Heading).filter(u"Files"_s);
    QCOMPARE(files, QStringList{u"Files · 5 of 6 held"_s});
    QCOMPARE(titles(attempts(f), Mark::Unknown).size(), 1);
}

void tst_Containment::anUnknownVerdictIsNotHeld()
{
    using protocol::ProbeInfo;
    QCOMPARE(models::markOf(ProbeInfo{{}, {}, u"HELD"_s, {}, {}, 0}), Mark::Unknown);
    QCOMPARE(models::markOf(ProbeInfo{}), Mark::Unknown);
    QCOMPARE(models::protectedWord(u"files.home"_s), u"Files"_s);
    QCOMPARE(models::protectedWord(u"clock.set"_s), u"Clock"_s);
    QCOMPARE(models::protectedWord(u"odd"_s), u"Other"_s);
    // An agent of which nothing was tried is not one of which all was held.
    protocol::ContainmentInfo info;
    info.probedAt = 1;
    QCOMPARE(models::headline(info, u"then"_s).state, models::Headline::State::Unsure);
}

void tst_Containment::detailsOfAnAttempt()
{
    Fixture f;
    keepOnly(f, u"fixer"_s);
    f.open();
    QTRY_VERIFY(attempts(f).isVisible());
    auto* text = f.panel.findChild<QTextEdit*>(u"attempt"_s);
    QVERIFY(!text->isVisible());
    clickRow(attempts(f), u"Can a command reach the cloud's metadata?"_s);
    QTRY_VERIFY(text->isVisible());
    QCOMPARE(
        text->toPlainText(),
        u"Can a command reach the cloud's metadata?\n\nHeld by: egress proxy\nOutcome: EACCES: "
        "Permission denied"_s);
    QVERIFY(said(f).contains(u"Network · 12 ms · network.metadata"_s));
    QTest::keyClick(&attempts(f), Qt::Key_Escape);
    QTRY_VERIFY(!text->isVisible());
}

void tst_Containment::aProblemSaysWhatToDo()
{
    Fixture f;
    keepOnly(f, u"assistant"_s);
    f.runtime.containments[u"assistant"_s].problem = u"bubblewrap is not installed."_s;
    f.open();
    QTRY_COMPARE(verdict(f), u"bubblewrap is not installed."_s);
    QVERIFY(nothing(f).text().contains(u"signalbox-node doctor"));
    auto* again = nothing(f).findChild<QPushButton*>();
    QCOMPARE(again->text(), u"Try again"_s);
    f.runtime.containments[u"assistant"_s].problem.clear();
    QTest::mouseClick(again, Qt::LeftButton);
    QTRY_VERIFY(verdict(f).startsWith(u"27 of 27"));
}

void tst_Containment::failures()
{
    Fixture f;
    keepOnly(f, u"fixer"_s);
    const Error failure{ErrorCode::Unavailable, u"The runtime does not answer."_s, {}};
    f.runtime.failures[u"containment"_s] = failure;
    f.open();
    QTRY_COMPARE(nothing(f).text(),
                 u"What holds fixer cannot be shown: The runtime does not answer."_s);
    QVERIFY(!reach(f).isVisible());
    f.runtime.failures.clear();
    QTest::mouseClick(nothing(f).findChild<QPushButton*>(), Qt::LeftButton);
    QTRY_VERIFY(verdict(f).startsWith(u"27 of 27"));
    QVERIFY(!f.runtime.asked<GetContainment>().last().probe); // reading was what failed
    f.runtime.failures[u"containment"_s] = failure;
    QTest::mouseClick(&button(f, u"try"_s), Qt::LeftButton);
    QTRY_VERIFY(said(f).contains(u"The attempts were not made: The runtime does not answer."_s));
    QVERIFY(verdict(f).startsWith(u"27 of 27")); // of before, with its time
}

void tst_Containment::takesBack()
{
    Fixture f({460, 1100});
    keepOnly(f, u"fixer"_s);
    f.open();
    QTRY_COMPARE(titles(reach(f), Mark::Given),
                 (QStringList{u"codeload.github.com:443"_s, u"docs.python.org:443"_s}));
    QCOMPARE(titles(reach(f), Mark::Listed).size(), 3);
    auto& back = button(f, u"takeBack"_s);
    QVERIFY(!back.isEnabled());
    clickRow(reach(f), u"pypi.org:443"_s); // the file's: not taken back here
    QVERIFY(!back.isEnabled());
    clickRow(reach(f), u"docs.python.org:443"_s);
    QVERIFY(back.isEnabled());
    QCOMPARE(back.accessibleName(), u"Take back docs.python.org:443"_s);
    QCOMPARE(f.runtime.asked<RevokeGrant>().size(), 0); // selecting never acts
    back.setFocus();
    f.runtime.holdReplies = true;
    QTest::mouseClick(&back, Qt::LeftButton);
    QCOMPARE(back.text(), u"Taking back…"_s);
    QTest::mouseClick(&back, Qt::LeftButton);
    f.runtime.release();
    QTRY_COMPARE(titles(reach(f), Mark::TakenBack),
                 (QStringList{u"docs.python.org:443"_s, u"paste.example.net:443"_s}));
    QCOMPARE(titles(reach(f), Mark::Given), QStringList{u"codeload.github.com:443"_s});
    const auto sent = f.runtime.asked<RevokeGrant>();
    QCOMPARE(sent.size(), 1);
    QCOMPARE(sent.first().agent, u"fixer"_s);
    QCOMPARE(sent.first().id, u"grt-4h2k8d"_s);
    QCOMPARE(sent.first().by, u"window"_s);
    QCOMPARE(reach(f).currentIndex().data(ContainmentRows::SecondRole).toString(),
             u"%1 · given by you, %2"_s.arg(
                 widgets::clockText(DemoRuntime::now, DemoRuntime::now),
                 widgets::clockText(DemoRuntime::now - 95 * 60'000'000LL, DemoRuntime::now)));
    // It is still the one that is selected, and is history: no button brings it back.
    QCOMPARE(reach(f).currentIndex().data().toString(), u"docs.python.org:443"_s);
    QVERIFY(!back.isEnabled());
    QVERIFY(reach(f).hasFocus());
}

void tst_Containment::takesBackByKey()
{
    Fixture f({460, 1100});
    keepOnly(f, u"fixer"_s);
    f.open();
    QTRY_COMPARE(titles(reach(f), Mark::Given).size(), 2);
    clickRow(reach(f), u"codeload.github.com:443"_s);
    QTest::keyClick(&reach(f), Qt::Key_Delete);
    QTRY_COMPARE(titles(reach(f), Mark::TakenBack).size(), 2);
    QTest::keyClick(&reach(f), Qt::Key_Delete); // history is not taken back again
    f.settle();
    QCOMPARE(f.runtime.asked<RevokeGrant>().size(), 1);
}

void tst_Containment::takingBackFails()
{
    Fixture f({460, 1100});
    keepOnly(f, u"fixer"_s);
    f.runtime.failures[u"revoke_grant"_s] = {
        ErrorCode::DiskFull, u"The disk is full, so nothing can be recorded."_s, {}};
    f.open();
    QTRY_COMPARE(titles(reach(f), Mark::Given).size(), 2);
    clickRow(reach(f), u"codeload.github.com:443"_s);
    QTest::mouseClick(&button(f, u"takeBack"_s), Qt::LeftButton);
    QTRY_VERIFY(
        said(f).contains(u"codeload.github.com:443 was not taken back: The disk is full, so "
                         "nothing can be recorded."_s));
    QCOMPARE(titles(reach(f), Mark::Given).size(), 2);
    QVERIFY(button(f, u"takeBack"_s).isEnabled());
}

void tst_Containment::forgetsAPublisherAndTrustsItAgain()
{
    Fixture f;
    f.open();
    auto& list = *f.panel.findChild<QListView*>(u"publishers"_s);
    QTRY_COMPARE(titles(list, Mark::Trusted), (QStringList{u"acme"_s, u"signalbox"_s}));
    const auto row = list.model()->index(1, 0).data(Qt::AccessibleTextRole).toString();
    QVERIFY2(row.startsWith(u"Trusted · signalbox · 2 packages"), qPrintable(row));
    QVERIFY(row.contains(u"9f86 d081"_s));
    auto& change = button(f, u"changePublisher"_s);
    QVERIFY(!change.isEnabled());
    clickRow(list, u"signalbox"_s);
    QCOMPARE(f.runtime.asked<protocol::ForgetPublisher>().size(), 0); // selecting never acts
    QCOMPARE(change.accessibleName(), u"Forget signalbox"_s);
    change.setFocus();
    QTest::keyClick(&change, Qt::Key_Space);
    QTRY_COMPARE(titles(list, Mark::Forgotten), QStringList{u"signalbox"_s});
    QCOMPARE(f.runtime.asked<protocol::ForgetPublisher>().first().publisher, u"signalbox"_s);
    QCOMPARE(f.runtime.asked<protocol::ForgetPublisher>().first().by, u"window"_s);
    // It stays selected, and the same button takes it back.
    QCOMPARE(change.text(), u"Trust again"_s);
    QVERIFY(change.hasFocus());
    QTest::keyClick(&change, Qt::Key_Space);
    QTRY_COMPARE(titles(list, Mark::Trusted), (QStringList{u"acme"_s, u"signalbox"_s}));
    QCOMPARE(f.runtime.asked<protocol::RememberPublisher>().size(), 1);

    f.runtime.failures[u"forget_publisher"_s] =
        Error{ErrorCode::Locked, u"The list is being changed by another program."_s, {}};
    QTest::mouseClick(&change, Qt::LeftButton);
    QTRY_VERIFY(said(f).contains(
        u"signalbox stays as it was: The list is being changed by another program."_s));
    QCOMPARE(titles(list, Mark::Trusted), (QStringList{u"acme"_s, u"signalbox"_s}));
}

void tst_Containment::publishersThatCannotBeShown()
{
    Fixture f;
    f.runtime.publishers.clear();
    f.runtime.failures[u"publishers"_s] =
        Error{ErrorCode::Corrupt, u"The list holds no list."_s, {}};
    f.open();
    QTRY_VERIFY(said(f).contains(u"The publishers cannot be shown: The list holds no list."_s));
    f.runtime.failures.clear();
    f.runtime.publish(protocol::Lagged{});
    QTRY_VERIFY(said(f).join(u' ').contains(u"You decide about each"_s));
    QVERIFY(!button(f, u"changePublisher"_s).isVisible());
}

void tst_Containment::leadsToTheJournalAndTheFile()
{
    Fixture f({460, 1100});
    keepOnly(f, u"fixer"_s);
    f.open();
    QTRY_COMPARE(titles(reach(f), Mark::Given).size(), 2);
    QSignalSpy links(&f.panel, &Panel::linkActivated);
    QSignalSpy wanted(&f.panel, &Panel::actionRequested);
    clickRow(reach(f), u"codeload.github.com:443"_s);
    auto& entry = button(f, u"grantInJournal"_s);
    QCOMPARE(entry.text(), u"Journal entry 41"_s);
    QTest::mouseClick(&entry, Qt::LeftButton);
    QCOMPARE(links.size(), 1);
    QCOMPARE(links.first().first().value<Link>(), (Link{Link::To::Entry, u"fixer"_s, {}, 41}));
    QTest::mouseClick(&button(f, u"openConfig"_s), Qt::LeftButton);
    QCOMPARE(wanted.size(), 1);
    QCOMPARE(wanted.first().first().toString(), u"open-config"_s);
    QVERIFY(f.panel.findChild<QLabel*>(u"counters"_s)
                ->text()
                .startsWith(u"Through the proxy since Signalbox started: 214 request"));
}

void tst_Containment::emptyReachSaysWhatToDo()
{
    Fixture f({460, 1100});
    keepOnly(f, u"assistant"_s);
    f.open();
    QTRY_VERIFY(!said(f).filter(u"Nothing outside this machine. Hosts are listed in"_s).isEmpty());
    QVERIFY(!reach(f).isVisible());
    QVERIFY(!button(f, u"takeBack"_s).isVisible());
    QVERIFY(button(f, u"openConfig"_s).isVisible());
    QVERIFY(said(f).contains(u"No request went through the proxy since Signalbox started."_s));
}

void tst_Containment::readsAgainWhenTheJournalTells()
{
    Fixture f({460, 1100});
    keepOnly(f, u"assistant"_s);
    f.open();
    QTRY_COMPARE(f.runtime.asked<GetContainment>().size(), 1);
    f.runtime.containments[u"assistant"_s].grants = {
        {u"grt-1"_s, u"network"_s, u"new.example:443"_s, u"window"_s, DemoRuntime::now, 99, 0}};
    protocol::Entry entry;
    entry.agent = u"assistant"_s;
    entry.kind = protocol::Kind::ConfigChanged;
    for (int i = 0; i < 50; ++i) {
        entry.seq = 99 + i;
        f.runtime.publish(protocol::EntryAppended{entry});
    }
    QTRY_COMPARE(titles(reach(f), Mark::Given), QStringList{u"new.example:443"_s});
    QCOMPARE(f.runtime.asked<GetContainment>().size(), 2); // once for all
    // Not while nobody looks, but as soon as somebody does.
    f.panel.hide();
    f.runtime.publish(protocol::EntryAppended{entry});
    QTest::qWait(1300);
    QCOMPARE(f.runtime.asked<GetContainment>().size(), 2);
    f.panel.show();
    QTRY_COMPARE(f.runtime.asked<GetContainment>().size(), 3);
}

void tst_Containment::anOldAnswerDoesNotUndoATry()
{
    Fixture f;
    keepOnly(f, u"assistant"_s);
    f.open();
    QTest::mouseClick(nothing(f).findChild<QPushButton*>(), Qt::LeftButton);
    QTRY_VERIFY(verdict(f).startsWith(u"27 of 27"));
    auto& info = f.runtime.containments[u"assistant"_s];
    info.probes.clear();
    info.probedAt = 0;
    info.requests = 1;
    f.runtime.publish(protocol::Lagged{});
    QTRY_VERIFY(f.panel.findChild<QLabel*>(u"counters"_s)->text().contains(u": 1 request"));
    QVERIFY(verdict(f).startsWith(u"27 of 27"));
}

void tst_Containment::oneAgentNeedsNoPicker()
{
    Fixture f;
    f.open();
    auto* picker = f.panel.findChild<QComboBox*>();
    QTRY_VERIFY(picker->isVisible());
    QCOMPARE(picker->count(), 2);
    picker->setFocus();
    QTest::keyClick(picker, Qt::Key_Down);
    QTRY_VERIFY(verdict(f).startsWith(u"27 of 27"));
    QCOMPARE(f.runtime.asked<GetContainment>().last().agent, u"fixer"_s);
    // Attempts go on for the agent that was left, and are not shown as another's.
    f.runtime.holdReplies = true;
    QTest::mouseClick(&button(f, u"try"_s), Qt::LeftButton);
    QTest::keyClick(picker, Qt::Key_Up);
    f.runtime.release();
    QTRY_COMPARE(verdict(f), u"Not tried yet"_s);
    f.runtime.publish(protocol::AgentChanged{{u"assistant"_s, {}, {}, {}}, true});
    QTRY_VERIFY(!picker->isVisible());
    QTRY_VERIFY(verdict(f).startsWith(u"27 of 27"));
}

void tst_Containment::followsTheConversation()
{
    Fixture f;
    f.open();
    QTRY_COMPARE(verdict(f), u"Not tried yet"_s);
    f.panel.setCurrentChannel(u"fixer"_s, u"main"_s);
    QTRY_VERIFY(verdict(f).startsWith(u"27 of 27"));
    auto* picker = f.panel.findChild<QComboBox*>();
    QCOMPARE(picker->currentText(), u"fixer"_s);
    picker->setFocus();
    QTest::keyClick(picker, Qt::Key_Up); // from here on the person's choice stays
    QTRY_COMPARE(verdict(f), u"Not tried yet"_s);
    f.panel.setCurrentChannel(u"fixer"_s, u"release"_s);
    f.settle();
    QCOMPARE(verdict(f), u"Not tried yet"_s);
}

void tst_Containment::followsFromTheStart()
{
    Fixture f;
    f.panel.setCurrentChannel(u"fixer"_s, u"main"_s); // before the agents are known
    f.open();
    QTRY_VERIFY(verdict(f).startsWith(u"27 of 27"));
    QCOMPARE(f.panel.findChild<QComboBox*>()->currentText(), u"fixer"_s);
}

void tst_Containment::copies()
{
    Fixture f;
    keepOnly(f, u"fixer"_s);
    auto& info = f.runtime.containments[u"fixer"_s];
    info.probes.first().verdict = u"open"_s;
    f.open();
    QTRY_VERIFY(attempts(f).isVisible());
    const auto run = [&](const QString& text) {
        for (auto* action : f.panel.actions()) {
            if (action->text() == text) {
                action->trigger();
            }
        }
        return QGuiApplication::clipboard()->text();
    };
    const auto text = run(u"Copy the containment as text"_s);
    const auto lines = text.split(u'\n');
    QVERIFY(lines.first().startsWith(u"Agent fixer: 1 of 27 attempts went through, tried "));
    QVERIFY(lines.contains(u"Went through: 1"_s));
    QVERIFY(lines.contains(u"  Open · Can a command read files of your home? · Landlock, mount "
                           "namespace · EACCES: Permission denied · 2 ms"_s));
    QVERIFY(lines.contains(u"  pypi.org:443 · listed in signalbox.yaml"_s));
    QVERIFY(text.contains(u"  docs.python.org:443 · given by you, "));
    QVERIFY(text.contains(u"journal entry 12\n"));
    const auto json = QJsonDocument::fromJson(run(u"Copy the containment as JSON"_s).toUtf8());
    QCOMPARE(json.object(), protocol::toJson(info));
    clickRow(attempts(f), u"Can a command become root?"_s);
    QTest::keySequence(&attempts(f), QKeySequence::Copy);
    QCOMPARE(QGuiApplication::clipboard()->text(),
             u"Held · Can a command become root? · no new privileges"_s);
}

void tst_Containment::keysReachEverything()
{
    Fixture f({460, 1100});
    f.open();
    f.panel.setCurrentChannel(u"fixer"_s, u"main"_s);
    QTRY_VERIFY(attempts(f).isVisible());
    clickRow(reach(f), u"codeload.github.com:443"_s);
    clickRow(*f.panel.findChild<QListView*>(u"publishers"_s), u"acme"_s);
    auto* picker = f.panel.findChild<QComboBox*>();
    picker->setFocus();
    QList<QWidget*> way{picker};
    for (int i = 0; i < 20; ++i) {
        QTest::keyClick(qApp->focusWidget(), Qt::Key_Tab);
        if (qApp->focusWidget() == picker) {
            break;
        }
        way.append(qApp->focusWidget());
    }
    const QList<QWidget*> expected{picker,
                                   &button(f, u"try"_s),
                                   f.panel.findChild<QToolButton*>(),
                                   &attempts(f),
                                   f.panel.findChild<QTextEdit*>(u"attempt"_s),
                                   &reach(f),
                                   &button(f, u"takeBack"_s),
                                   &button(f, u"grantInJournal"_s),
                                   &button(f, u"openConfig"_s),
                                   f.panel.findChild<QListView*>(u"publishers"_s),
                                   &button(f, u"changePublisher"_s)};
    QStringList names;
    for (auto* widget : way) {
        names.append(QLatin1StringView(widget->metaObject()->className()) + u' ' +
                     widget->objectName());
    }
    QVERIFY2(way == expected, qPrintable(names.join(u'\n')));
}

void tst_Containment::headingsAreSteppedOver()
{
    Fixture f({460, 1100});
    keepOnly(f, u"fixer"_s);
    f.open();
    QTRY_VERIFY(attempts(f).isVisible());
    auto& list = attempts(f);
    list.setFocus();
    QCOMPARE(list.currentIndex().row(), 1);
    QVERIFY(list.selectionModel()->isSelected(list.currentIndex()));
    QTest::keyClick(&list, Qt::Key_Home);
    QCOMPARE(list.currentIndex().row(), 1);
    for (int i = 0; i < 4; ++i) {
        QTest::keyClick(&list, Qt::Key_Down);
    }
    QCOMPARE(list.currentIndex().row(), 6); // 5 is a heading
    QTest::keyClick(&list, Qt::Key_Up);
    QCOMPARE(list.currentIndex().row(), 4);
    QTest::keyClick(&list, Qt::Key_PageDown);
    QVERIFY(list.currentIndex().row() > 6);
    QVERIFY(list.currentIndex().flags().testFlag(Qt::ItemIsSelectable));
    QTest::keyClick(&list, Qt::Key_End);
    QCOMPARE(list.currentIndex().row(), list.model()->rowCount() - 1);
}

void tst_Containment::everyControlHasAName()
{
    Fixture f({460, 1100});
    f.open();
    QCOMPARE(test::namelessControls(f.panel), QStringList());
    f.panel.setCurrentChannel(u"fixer"_s, u"main"_s);
    QTRY_VERIFY(attempts(f).isVisible());
    clickRow(attempts(f), u"Can a command become root?"_s);
    QCOMPARE(test::namelessControls(f.panel), QStringList());
}

void tst_Containment::manyRows()
{
    Fixture f({460, 1100});
    keepOnly(f, u"fixer"_s);
    auto& info = f.runtime.containments[u"fixer"_s];
    const auto probe = info.probes.first();
    for (int i = 0; i < 10'000; ++i) {
        auto another = probe;
        another.id = u"files.%1"_s.arg(i);
        another.question = u"Can a command read file %1?"_s.arg(i);
        info.probes.append(another);
        info.hosts.append(u"host-%1.example:443"_s.arg(i));
        info.grants.append({u"grt-%1"_s.arg(i),
                            u"network"_s,
                            u"given-%1.example:443"_s.arg(i),
                            u"window"_s,
                            DemoRuntime::now - i,
                            i + 1,
                            0});
    }
    QElapsedTimer timer;
    timer.start();
    f.open();
    QTRY_VERIFY(verdict(f).startsWith(u"10,027 of 10,027") ||
                verdict(f).startsWith(u"10027 of 10027"));
    qInfo() << "30,000 rows:" << timer.elapsed() << "ms";
    QVERIFY(reach(f).height() < f.panel.height()); // it scrolls by itself
    timer.restart();
    clickRow(reach(f), u"given-9999.example:443"_s);
    QTest::mouseClick(&button(f, u"takeBack"_s), Qt::LeftButton);
    QTRY_COMPARE(titles(reach(f), Mark::TakenBack).size(), 2);
    qInfo() << "taking one back:" << timer.elapsed() << "ms";
    QCOMPARE(f.runtime.asked<RevokeGrant>().first().id, u"grt-9999"_s);
}

void tst_Containment::longTexts()
{
    for (const QString& text :
         {QString(4000, u'x'), QString(u"اقرأ الملف \u202Eثم <b>"_s).repeated(90)}) {
        Fixture f({320, 700}, 2.0);
        keepOnly(f, u"fixer"_s);
        auto& info = f.runtime.containments[u"fixer"_s];
        info.probes = {{u"files.home"_s, text, u"open"_s, text, text, 3}};
        info.hosts = {text};
        info.grants = {{u"grt-1"_s, u"network"_s, text, text, DemoRuntime::now, 5, 0}};
        info.remark = text.left(300);
        f.open();
        QTRY_VERIFY(attempts(f).isVisible());
        QCOMPARE(f.panel.width(), 320); // nothing pushes it wider
        const auto tip = attempts(f).model()->index(1, 0).data(Qt::ToolTipRole).toString();
        QVERIFY(tip.size() > 1000 && !tip.contains(u"<b>"));
        QVERIFY(!attempts(f).model()->index(1, 0).data().toString().contains(QChar(0x202E)));
        attempts(f).setFocus();
        f.settle();
        auto* side = f.panel.findChild<QScrollArea*>(u"side"_s);
        QVERIFY(side->widget()->width() <= side->viewport()->width());
        QVERIFY(attempts(f).height() >= f.theme.rowHeight());
    }
}

void tst_Containment::noAgents()
{
    Fixture f;
    f.runtime.snapshot.agents.clear();
    f.open();
    QCOMPARE(nothing(f).text(), u"No agents yet. They are described in signalbox.yaml."_s);
    QVERIFY(f.runtime.asked<GetContainment>().isEmpty());
}

QTEST_MAIN(tst_Containment)
#include "tst_Containment.moc"
