#include "tests/ui/PanelFixture.h"
#include "ui/panels/approvals/ApprovalsPanel.h"
#include "ui/panels/approvals/CardList.h"
#include "ui/panels/parts/WrappedText.h"

#include <QCheckBox>
#include <QElapsedTimer>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScrollBar>
#include <QSignalSpy>

using namespace sb;
using namespace sb::panels;
using namespace Qt::StringLiterals;
using protocol::ApprovalInfo;
using protocol::ApprovalState;
using protocol::Risk;
using protocol::SettleApproval;

namespace {

using Fixture = test::PanelFixture<ApprovalsPanel>;

ApprovalInfo question(int number, Risk risk = Risk::Medium)
{
    ApprovalInfo info;
    info.id = u"apr-%1"_s.arg(number, 4, 10, QChar(u'0'));
    info.agent = u"fixer"_s;
    info.process = u"wrk-7k3q9m2x5a"_s;
    info.channel = u"main"_s;
    info.tool = u"shell"_s;
    info.risk = risk;
    info.command = u"make part-%1"_s.arg(number);
    info.argv = {u"make"_s, u"part-%1"_s.arg(number)};
    info.arguments = {{u"command"_s, info.command}, {u"timeout_s"_s, 30}};
    info.schema =
        QJsonObject{{u"type"_s, u"object"_s},
                    {u"required"_s, QJsonArray{u"command"_s}},
                    {u"properties"_s,
                     QJsonObject{{u"command"_s, QJsonObject{{u"type"_s, u"string"_s}}},
                                 {u"timeout_s"_s, QJsonObject{{u"type"_s, u"integer"_s}}}}}};
    info.requestedAt = test::DemoRuntime::now - 60'000'000 + number;
    info.expiresAt = test::DemoRuntime::now + 600'000'000;
    info.requestSeq = 43;
    return info;
}

ApprovalInfo addressQuestion(const QString& address, bool isForGood = false)
{
    auto info = question(0, Risk::High);
    info.tool = u"network"_s;
    info.command = u"Reach "_s + address;
    info.argv.clear();
    info.arguments = protocol::addressArguments(address, isForGood);
    info.reason = u"A command of it wants to reach an address that is not on the agent's list."_s;
    return info;
}

void ask(Fixture& f, int count, Risk risk = Risk::Medium)
{
    f.runtime.snapshot.approvals.clear();
    for (int i = 0; i < count; ++i) {
        f.runtime.snapshot.approvals.append(question(i, risk));
    }
}

QPushButton* button(ApprovalCard& card, const QString& name)
{
    return card.findChild<QPushButton*>(name);
}

// The way a person does it: onto the middle of the button, wherever that is now.
void click(QWidget* widget)
{
    QTest::mouseClick(widget, Qt::LeftButton);
}

/// The key goes to whatever has the focus, as it would from a keyboard.
void press(Fixture& f, Qt::Key key)
{
    QWidget* target =
        QApplication::focusWidget() != nullptr ? QApplication::focusWidget() : &f.panel;
    QTest::keyClick(target, key);
}

} // namespace

class tst_ApprovalsPanel final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void tenSettledByKeysAndClicks();
    void returnNeverApproves();
    void selectingNeverActs();
    void editChangesExactlyWhatIsSent();
    void untouchedArgumentsStayAsTheyWere();
    void editThatDoesNotFitCannotBeSent();
    void editAsJson();
    void hiddenCharactersAreSeenWhileEditing();
    void rejectWithAReason();
    void escapeLeaves();
    void highRiskTakesTwoSteps();
    void anAddressIsAllowedOnceOrForGood();
    void answersThatWrapStandInTheCard();
    void anAddressNobodyWaitsForIsAllowedForGoodOnly();
    void aToolCalledNetworkHasNoAddress();
    void criticalRiskDwells();
    void aHeldKeyIsOneStep();
    void aFirstStepIsForgotten();
    void conflictShowsWhoDecided();
    void decidedElsewhereWhileEditing();
    void aChangedQuestionIsAskedAnew();
    void failureStandsOnTheCard();
    void nothingMovesUnderThePointer();
    void slidUnderThePointerTakesNoClick();
    void answersStayInSight();
    void scrolledUnderThePointerTakesNoClick();
    void commandIsWholeAndHiddenCharactersShow();
    void factsAndWordsAreApart();
    void linksToTheJournal();
    void aThousandWait();
    void decidedOnesAreFolded();
    void opensALink();
    void words();
    void everyControlHasAName();
    void fitsAtTwiceTheFont();
};

void tst_ApprovalsPanel::tenSettledByKeysAndClicks()
{
    Fixture f;
    ask(f, 10);
    f.open();
    QCOMPARE(f.panel.badge(), 10);
    auto& cards = f.panel.cards();
    press(f, Qt::Key_J); // to the first one
    for (int i = 0; i < 6; ++i) {
        const auto id = question(i).id;
        QVERIFY(cards.current() != nullptr);
        QCOMPARE(cards.current()->approval().id, id);
        if (i % 2 == 0) {
            press(f, Qt::Key_A);
        } else {
            press(f, Qt::Key_R);
            QTest::keyClicks(QApplication::focusWidget(), u"not now"_s);
            press(f, Qt::Key_Return); // in the field for the reason, Return rejects
        }
        QTRY_COMPARE(f.panel.badge(), 9 - i);
        press(f, Qt::Key_Down);
        f.settle();
    }
    for (int i = 6; i < 10; ++i) {
        const auto id = question(i).id;
        cards.showCard(id);
        f.settle();
        auto* card = cards.card(id);
        click(button(*card, i % 2 == 0 ? u"accept"_s : u"reject"_s));
        if (i % 2 == 1) {
            f.settle();
            click(button(*card, u"reject"_s));
        }
        QTRY_COMPARE(f.panel.badge(), 9 - i);
    }
    const auto sent = f.runtime.asked<SettleApproval>();
    QCOMPARE(sent.size(), 10);
    for (int i = 0; i < 10; ++i) {
        QCOMPARE(sent.at(i).id, question(i).id);
        QCOMPARE(sent.at(i).accept, i % 2 == 0);
        QCOMPARE(sent.at(i).by, u"window"_s);
        QVERIFY(!sent.at(i).arguments);
        QCOMPARE(sent.at(i).note, i % 2 == 1 && i < 6 ? u"not now"_s : QString());
    }
}

void tst_ApprovalsPanel::returnNeverApproves()
{
    for (const auto risk : {Risk::Low, Risk::Medium, Risk::High, Risk::Critical}) {
        Fixture f;
        ask(f, 2, risk);
        f.open();
        auto& cards = f.panel.cards();
        press(f, Qt::Key_J);
        auto* card = cards.current();
        for (const auto key : {Qt::Key_Return, Qt::Key_Enter}) {
            press(f, key);
            for (auto* child : card->findChildren<QWidget*>()) {
                if (child->isVisible() && child->focusPolicy() != Qt::NoFocus &&
                    child->objectName() != u"reject"_s && child->objectName() != u"edit"_s &&
                    child->objectName() != u"journalLink"_s) {
                    child->setFocus();
                    press(f, key);
                }
            }
        }
        cards.card(question(0).id)->accept(); // the first step of a high risk
        f.clock.advance(Milliseconds(2000));
        f.settle();
        const auto before = f.runtime.asked<SettleApproval>().size();
        button(*card, u"accept"_s)->setFocus();
        press(f, Qt::Key_Return);
        press(f, Qt::Key_Enter);
        f.settle();
        QCOMPARE(f.runtime.asked<SettleApproval>().size(), before);
        QCOMPARE(before, risk >= Risk::High ? 0 : 1);
        QVERIFY(!button(*card, u"accept"_s)->isDefault());
        QVERIFY(!button(*card, u"accept"_s)->autoDefault());
    }
}

void tst_ApprovalsPanel::selectingNeverActs()
{
    Fixture f;
    ask(f, 3);
    f.open();
    for (int i = 0; i < 3; ++i) {
        press(f, Qt::Key_J);
        f.settle();
    }
    press(f, Qt::Key_Up);
    press(f, Qt::Key_Space);
    auto* card = f.panel.cards().current();
    QVERIFY(card != nullptr);
    QTest::mouseDClick(card, Qt::LeftButton, {}, QPoint(5, 5));
    f.settle();
    QCOMPARE(f.runtime.asked<SettleApproval>().size(), 0);
    // A key while no card has the focus only takes one up.
    Fixture other;
    ask(other, 1);
    other.open();
    other.panel.cards().setFocus();
    press(other, Qt::Key_A);
    other.settle();
    QCOMPARE(other.runtime.asked<SettleApproval>().size(), 0);
    QVERIFY(other.panel.cards().current() != nullptr);
}

void tst_ApprovalsPanel::editChangesExactlyWhatIsSent()
{
    Fixture f;
    ask(f, 1);
    f.open();
    press(f, Qt::Key_J);
    press(f, Qt::Key_E);
    auto* card = f.panel.cards().card(question(0).id);
    auto* accept = button(*card, u"accept"_s);
    QCOMPARE(accept->text(), u"Accept as edited"_s);
    QVERIFY(!accept->isEnabled()); // nothing is changed yet
    press(f, Qt::Key_A);           // typed into the field, not an answer
    QCOMPARE(f.runtime.asked<SettleApproval>().size(), 0);
    auto* command = qobject_cast<QPlainTextEdit*>(QApplication::focusWidget());
    QVERIFY(command != nullptr);
    command->selectAll();
    QTest::keyClicks(command, u"make check"_s);
    f.settle();
    QVERIFY(accept->isEnabled());
    click(accept);
    QTRY_COMPARE(f.runtime.asked<SettleApproval>().size(), 1);
    const auto sent = f.runtime.asked<SettleApproval>().first();
    const QJsonObject expected{{u"command"_s, u"make check"_s}, {u"timeout_s"_s, 30}};
    QVERIFY(sent.accept && sent.arguments);
    QCOMPARE(*sent.arguments, expected);
    f.settle();
    QVERIFY(card->findChildren<WrappedText*>().first() != nullptr);
    const auto texts = card->findChildren<WrappedText*>();
    QVERIFY(std::ranges::any_of(texts, [](const WrappedText* text) {
        return text->toPlainText() == u"You accepted it as edited."_s;
    }));
}

void tst_ApprovalsPanel::untouchedArgumentsStayAsTheyWere()
{
    Fixture f;
    ask(f, 1);
    auto& info = f.runtime.snapshot.approvals.first();
    // A text control turns these into others: carriage returns, no-break spaces, line separators.
    info.arguments[u"content"_s] = u"a\r\nb\u00a0c\u2028d"_s;
    info.arguments[u"nested"_s] =
        QJsonObject{{u"list"_s, QJsonArray{1, 2.5, true, QJsonValue::Null}}};
    info.arguments[u"big"_s] = 9007199254740991.0;
    const auto original = info.arguments;
    f.open();
    press(f, Qt::Key_J);
    press(f, Qt::Key_E);
    auto* card = f.panel.cards().card(info.id);
    auto* command = qobject_cast<QPlainTextEdit*>(QApplication::focusWidget());
    command->selectAll();
    QTest::keyClicks(command, u"ls"_s);
    click(button(*card, u"accept"_s));
    QTRY_COMPARE(f.runtime.asked<SettleApproval>().size(), 1);
    auto expected = original;
    expected[u"command"_s] = u"ls"_s;
    QCOMPARE(*f.runtime.asked<SettleApproval>().first().arguments, expected);
}

void tst_ApprovalsPanel::editThatDoesNotFitCannotBeSent()
{
    Fixture f;
    ask(f, 1);
    f.open();
    press(f, Qt::Key_J);
    press(f, Qt::Key_E);
    auto* card = f.panel.cards().card(question(0).id);
    QLineEdit* timeout = nullptr;
    for (auto* edit : card->findChildren<QLineEdit*>()) {
        timeout = edit->accessibleName() == u"timeout_s"_s ? edit : timeout;
    }
    QVERIFY(timeout != nullptr);
    timeout->setFocus();
    timeout->selectAll();
    QTest::keyClicks(timeout, u"soon"_s);
    QVERIFY(!button(*card, u"accept"_s)->isEnabled());
    timeout->selectAll();
    QTest::keyClicks(timeout, u"2.5"_s); // a number, but the schema wants an integer
    QVERIFY(!button(*card, u"accept"_s)->isEnabled());
    card->accept();
    f.settle();
    QCOMPARE(f.runtime.asked<SettleApproval>().size(), 0);
    timeout->selectAll();
    QTest::keyClicks(timeout, u"60"_s);
    click(button(*card, u"accept"_s));
    QTRY_COMPARE(f.runtime.asked<SettleApproval>().size(), 1);
    QCOMPARE(f.runtime.asked<SettleApproval>().first().arguments->value(u"timeout_s"_s),
             QJsonValue(60));
}

void tst_ApprovalsPanel::editAsJson()
{
    Fixture f;
    ask(f, 1);
    f.open();
    press(f, Qt::Key_J);
    press(f, Qt::Key_E);
    auto* card = f.panel.cards().card(question(0).id);
    auto* asJson = card->findChild<QCheckBox*>();
    asJson->click();
    QPlainTextEdit* json = nullptr;
    for (auto* edit : card->findChildren<QPlainTextEdit*>()) {
        json = edit->accessibleName() == u"Arguments as JSON"_s ? edit : json;
    }
    QVERIFY(json != nullptr && json->isVisible());
    json->setPlainText(u"{\"command\": \"true\""_s);
    json->document()->setModified(true);
    QVERIFY(!button(*card, u"accept"_s)->isEnabled());
    QVERIFY(!asJson->isEnabled()); // the way back would lose what was typed
    json->setFocus();
    json->moveCursor(QTextCursor::End);
    QTest::keyClicks(json, u"}"_s);
    f.settle();
    click(button(*card, u"accept"_s));
    QTRY_COMPARE(f.runtime.asked<SettleApproval>().size(), 1);
    const QJsonObject expected{{u"command"_s, u"true"_s}};
    QCOMPARE(*f.runtime.asked<SettleApproval>().first().arguments, expected);
}

void tst_ApprovalsPanel::hiddenCharactersAreSeenWhileEditing()
{
    Fixture f;
    ask(f, 1);
    auto& info = f.runtime.snapshot.approvals.first();
    info.arguments[u"command"_s] = u"rm x\u202ey"_s;
    f.open();
    press(f, Qt::Key_J);
    press(f, Qt::Key_E);
    auto* command = qobject_cast<QPlainTextEdit*>(QApplication::focusWidget());
    QVERIFY(command != nullptr);
    QCOMPARE(command->toPlainText(), u"\"rm x\\u202ey\""_s);
    command->moveCursor(QTextCursor::End);
    command->moveCursor(QTextCursor::Left);
    QTest::keyClicks(command, u"z"_s);
    click(button(*f.panel.cards().card(info.id), u"accept"_s));
    QTRY_COMPARE(f.runtime.asked<SettleApproval>().size(), 1);
    QCOMPARE(f.runtime.asked<SettleApproval>().first().arguments->value(u"command"_s).toString(),
             u"rm x\u202eyz"_s);
}

void tst_ApprovalsPanel::rejectWithAReason()
{
    Fixture f;
    ask(f, 1, Risk::Critical); // a no needs no second step
    f.open();
    press(f, Qt::Key_J);
    press(f, Qt::Key_R);
    QTest::keyClicks(QApplication::focusWidget(),
                     u"are you sure? arrr"_s); // a, r and e are letters here
    press(f, Qt::Key_Return);
    QTRY_COMPARE(f.runtime.asked<SettleApproval>().size(), 1);
    QVERIFY(!f.runtime.asked<SettleApproval>().first().accept);
    QCOMPARE(f.runtime.asked<SettleApproval>().first().note, u"are you sure? arrr"_s);
}

void tst_ApprovalsPanel::escapeLeaves()
{
    Fixture f;
    ask(f, 1, Risk::High);
    f.open();
    press(f, Qt::Key_J);
    auto* card = f.panel.cards().current();
    press(f, Qt::Key_R);
    QVERIFY(card->isBusy());
    press(f, Qt::Key_Escape);
    QVERIFY(!card->isBusy());
    QVERIFY(card->hasFocusInside());
    press(f, Qt::Key_E);
    QVERIFY(card->isBusy());
    press(f, Qt::Key_Escape);
    QVERIFY(!card->isBusy());
    press(f, Qt::Key_A);
    QVERIFY(card->isBusy());
    press(f, Qt::Key_Escape);
    QVERIFY(!card->isBusy());
    QCOMPARE(f.runtime.asked<SettleApproval>().size(), 0);
}

void tst_ApprovalsPanel::highRiskTakesTwoSteps()
{
    Fixture f;
    ask(f, 2, Risk::High);
    f.open();
    press(f, Qt::Key_J);
    auto* card = f.panel.cards().current();
    press(f, Qt::Key_A);
    QCOMPARE(button(*card, u"accept"_s)->text(), u"Really accept"_s);
    press(f, Qt::Key_A); // a double tap is one tap too many
    f.settle();
    QCOMPARE(f.runtime.asked<SettleApproval>().size(), 0);
    f.clock.advance(ApprovalCard::highDwell);
    f.settle();
    press(f, Qt::Key_A);
    QTRY_COMPARE(f.runtime.asked<SettleApproval>().size(), 1);
    // And with the mouse: a double click on the button is only the first step.
    f.panel.cards().showCard(question(1).id);
    f.settle();
    auto* accept = button(*f.panel.cards().card(question(1).id), u"accept"_s);
    QTest::mouseClick(accept, Qt::LeftButton);
    QTest::mouseDClick(accept, Qt::LeftButton);
    f.settle();
    QCOMPARE(f.runtime.asked<SettleApproval>().size(), 1);
    f.clock.advance(ApprovalCard::highDwell);
    f.settle();
    click(accept);
    QTRY_COMPARE(f.runtime.asked<SettleApproval>().size(), 2);
}

void tst_ApprovalsPanel::anAddressIsAllowedOnceOrForGood()
{
    const auto address = u"api.example.com:443"_s;
    Fixture f;
    f.runtime.snapshot.approvals = {addressQuestion(address)};
    f.open();
    auto* card = f.panel.cards().card(question(0).id);
    auto* once = button(*card, u"accept"_s);
    auto* forGood = button(*card, u"acceptForGood"_s);
    QCOMPARE(once->text(), u"Accept once"_s);
    QCOMPARE(forGood->text(), u"Always allow api.example.com:443"_s);
    QCOMPARE(button(*card, u"reject"_s)->text(), u"Deny"_s);
    QVERIFY(!button(*card, u"edit"_s)->isVisible());
    QVERIFY(!forGood->isDefault() && !forGood->autoDefault());
    QCOMPARE(test::namelessControls(f.panel), QStringList());

    // Return does not press it, and a first press is no answer.
    forGood->setFocus();
    press(f, Qt::Key_Return);
    press(f, Qt::Key_Enter);
    QCOMPARE(forGood->text(), u"Always allow api.example.com:443"_s);
    click(forGood);
    QCOMPARE(forGood->text(), u"Really always allow api.example.com:443"_s);
    QVERIFY(!once->isVisible()); // one answer is on its way, the other out of the pointer's
    f.clock.advance(ApprovalCard::highDwell);
    f.settle();
    forGood->setFocus();
    press(f, Qt::Key_Return);
    f.settle();
    QCOMPARE(f.runtime.asked<SettleApproval>().size(), 0);

    // The key for "once" does not finish what was begun for good.
    card->setFocus();
    press(f, Qt::Key_A);
    QCOMPARE(once->text(), u"Really accept once"_s);
    QVERIFY(once->isVisible() && !forGood->isVisible());
    press(f, Qt::Key_Escape);
    QVERIFY(once->isVisible() && forGood->isVisible());
    press(f, Qt::Key_E); // nothing of it can be edited
    QVERIFY(!card->isBusy());

    click(forGood);
    f.clock.advance(ApprovalCard::highDwell);
    f.settle();
    click(forGood);
    QTRY_COMPARE(f.runtime.asked<SettleApproval>().size(), 1);
    const auto sent = f.runtime.asked<SettleApproval>().first();
    QVERIFY(sent.accept);
    QCOMPARE(sent.arguments, protocol::addressArguments(address, true));
    f.settle();
    QVERIFY(card->findChildren<WrappedText*>().last()->accessibleName() == u"Outcome"_s);
    QVERIFY(card->findChildren<WrappedText*>().last()->toPlainText().startsWith(
        u"You allowed it from now on."_s));

    // Once is as it was asked: nothing is edited. And the palette has the other answer too.
    for (const bool isOnce : {true, false}) {
        Fixture other;
        other.runtime.snapshot.approvals = {addressQuestion(address)};
        other.open();
        press(other, Qt::Key_J);
        const auto act = [&] {
            if (isOnce) {
                press(other, Qt::Key_A);
                return;
            }
            for (auto* action : other.panel.actions()) {
                if (action->text().startsWith(u"Always allow"_s)) {
                    action->trigger();
                }
            }
        };
        act();
        other.clock.advance(ApprovalCard::highDwell);
        other.settle();
        act();
        QTRY_COMPARE(other.runtime.asked<SettleApproval>().size(), 1);
        QCOMPARE(other.runtime.asked<SettleApproval>().first().arguments.has_value(), !isOnce);
    }
}

void tst_ApprovalsPanel::answersThatWrapStandInTheCard()
{
    for (const double scale : {1.0, 2.0}) {
        Fixture f({430, 640}, scale);
        f.runtime.snapshot.approvals = {addressQuestion(u"registry.npmjs.org:443"_s)};
        f.open();
        auto* card = f.panel.cards().card(question(0).id);
        for (const auto& name : {u"reject"_s, u"accept"_s, u"acceptForGood"_s}) {
            auto* answer = button(*card, name);
            const QRect place(answer->mapTo(card, QPoint()), answer->size());
            QVERIFY2(card->rect().contains(place), qPrintable(name));
            // Whole words, or fewer of them.
            QVERIFY2(answer->width() >= answer->sizeHint().width(), qPrintable(name));
        }
    }
}

void tst_ApprovalsPanel::anAddressNobodyWaitsForIsAllowedForGoodOnly()
{
    // Asked by a run that went on without the answer; the name is wider than the card, and has a
    // letter that only looks like an "e".
    const auto address = u"very-long-name-of-a-host.that.goes.on.and.on.\u0435xample.com:443"_s;
    Fixture f;
    f.runtime.snapshot.approvals = {addressQuestion(address, true)};
    f.open();
    auto* card = f.panel.cards().card(question(0).id);
    auto* forGood = button(*card, u"acceptForGood"_s);
    QVERIFY(!button(*card, u"accept"_s)->isVisible());
    QCOMPARE(forGood->text(), u"Always allow it"_s);
    QVERIFY(forGood->accessibleName().contains(u"U+0435"_s));
    press(f, Qt::Key_J);
    press(f, Qt::Key_A); // the one yes that there is
    QCOMPARE(forGood->text(), u"Really always allow it"_s);
    f.clock.advance(ApprovalCard::highDwell);
    f.settle();
    press(f, Qt::Key_A);
    QTRY_COMPARE(f.runtime.asked<SettleApproval>().size(), 1);
    QVERIFY(!f.runtime.asked<SettleApproval>().first().arguments);
}

void tst_ApprovalsPanel::aToolCalledNetworkHasNoAddress()
{
    Fixture f;
    auto info = addressQuestion(u"api.example.com:443"_s);
    info.planHash = u"00ff"_s; // a skill may bring a tool of that name: its calls have a plan
    f.runtime.snapshot.approvals = {info};
    f.open();
    auto* card = f.panel.cards().card(info.id);
    QVERIFY(button(*card, u"acceptForGood"_s) == nullptr);
    QCOMPARE(button(*card, u"accept"_s)->text(), u"Accept"_s);
}

void tst_ApprovalsPanel::criticalRiskDwells()
{
    Fixture f;
    ask(f, 1, Risk::Critical);
    f.open();
    press(f, Qt::Key_J);
    auto* accept = button(*f.panel.cards().current(), u"accept"_s);
    click(accept);
    QVERIFY(!accept->isEnabled());
    f.clock.advance(Milliseconds(999));
    f.settle();
    QVERIFY(!accept->isEnabled());
    click(accept);
    press(f, Qt::Key_A);
    f.settle();
    QCOMPARE(f.runtime.asked<SettleApproval>().size(), 0);
    f.clock.advance(Milliseconds(1));
    QTRY_VERIFY(accept->isEnabled());
    QCOMPARE(accept->text(), u"Really accept"_s);
    press(f, Qt::Key_A);
    QTRY_COMPARE(f.runtime.asked<SettleApproval>().size(), 1);
    QVERIFY(f.runtime.asked<SettleApproval>().first().accept);
}

void tst_ApprovalsPanel::aHeldKeyIsOneStep()
{
    Fixture f;
    ask(f, 1, Risk::High);
    f.open();
    press(f, Qt::Key_J);
    press(f, Qt::Key_A);
    f.clock.advance(Milliseconds(500));
    f.settle();
    for (int i = 0; i < 5; ++i) {
        QKeyEvent held(QEvent::KeyPress, Qt::Key_A, {}, u"a"_s, true);
        QKeyEvent override(QEvent::ShortcutOverride, Qt::Key_A, {}, u"a"_s, true);
        QApplication::sendEvent(QApplication::focusWidget(), &override);
        QApplication::sendEvent(QApplication::focusWidget(), &held);
    }
    f.settle();
    QCOMPARE(f.runtime.asked<SettleApproval>().size(), 0);
}

void tst_ApprovalsPanel::aFirstStepIsForgotten()
{
    Fixture f;
    ask(f, 2, Risk::High);
    f.open();
    press(f, Qt::Key_J);
    auto* card = f.panel.cards().current();
    press(f, Qt::Key_A);
    f.clock.advance(ApprovalCard::armedFor);
    QTRY_VERIFY(!card->isBusy());
    press(f, Qt::Key_A);
    QVERIFY(card->isBusy());
    press(f, Qt::Key_Down); // to another card
    QTRY_VERIFY(!card->isBusy());
    QCOMPARE(f.runtime.asked<SettleApproval>().size(), 0);
}

void tst_ApprovalsPanel::conflictShowsWhoDecided()
{
    Fixture f;
    ask(f, 1);
    f.open();
    // The event is still on its way when the person answers.
    auto& there = f.runtime.snapshot.approvals.first();
    there.state = ApprovalState::Rejected;
    there.by = u"cli"_s;
    there.settledAt = test::DemoRuntime::now;
    press(f, Qt::Key_J);
    auto* card = f.panel.cards().current();
    press(f, Qt::Key_A);
    const auto says = [card](const QString& words) {
        return std::ranges::any_of(card->findChildren<WrappedText*>(),
                                   [&](const WrappedText* text) {
                                       return text->isVisible() && text->toPlainText() == words;
                                   });
    };
    QTRY_VERIFY(says(u"Already decided by cli: rejected."_s));
    QTRY_COMPARE(f.panel.badge(), 0);
    QVERIFY(!button(*card, u"accept"_s)->isVisible());
}

void tst_ApprovalsPanel::decidedElsewhereWhileEditing()
{
    Fixture f;
    ask(f, 2);
    f.open();
    press(f, Qt::Key_J);
    auto* card = f.panel.cards().current();
    press(f, Qt::Key_E);
    auto settled = question(0);
    settled.state = ApprovalState::Accepted;
    settled.by = u"cli"_s;
    settled.settledAt = test::DemoRuntime::now;
    f.runtime.publish(protocol::ApprovalChanged{settled});
    QTRY_COMPARE(f.panel.badge(), 1);
    f.settle();
    QVERIFY(!card->isBusy());
    QVERIFY(card->findChild<ArgumentsEditor*>() == nullptr);
    card->accept();
    f.settle();
    QCOMPARE(f.runtime.asked<SettleApproval>().size(), 0);
}

void tst_ApprovalsPanel::aChangedQuestionIsAskedAnew()
{
    Fixture f;
    ask(f, 1, Risk::High);
    f.open();
    press(f, Qt::Key_J);
    auto* card = f.panel.cards().current();
    press(f, Qt::Key_A);
    f.clock.advance(ApprovalCard::highDwell);
    f.settle();
    auto changed = question(0, Risk::High);
    changed.argv = {u"rm"_s, u"-rf"_s, u"/"_s};
    changed.planHash = u"another"_s;
    f.runtime.publish(protocol::ApprovalChanged{changed});
    f.settle();
    const auto texts = card->findChildren<WrappedText*>();
    QVERIFY(std::ranges::any_of(
        texts, [](const WrappedText* text) { return text->toPlainText() == u"rm -rf /"_s; }));
    QVERIFY(!card->isBusy());
    press(f, Qt::Key_A); // only the first step again
    f.settle();
    QCOMPARE(f.runtime.asked<SettleApproval>().size(), 0);
}

void tst_ApprovalsPanel::failureStandsOnTheCard()
{
    Fixture f;
    ask(f, 1);
    f.runtime.failures[u"settle"_s] = {ErrorCode::DiskFull, u"The disk is full."_s, {}};
    f.open();
    press(f, Qt::Key_J);
    auto* card = f.panel.cards().current();
    press(f, Qt::Key_A);
    QTRY_VERIFY(
        std::ranges::any_of(card->findChildren<WrappedText*>(), [](const WrappedText* text) {
            return text->isVisible() &&
                   text->toPlainText() == u"It was not done: The disk is full."_s;
        }));
    QVERIFY(button(*card, u"accept"_s)->isEnabled());
    QCOMPARE(f.panel.badge(), 1);
    f.runtime.failures.clear();
    press(f, Qt::Key_A);
    QTRY_COMPARE(f.panel.badge(), 0);
}

void tst_ApprovalsPanel::nothingMovesUnderThePointer()
{
    Fixture f;
    ask(f, 4);
    f.open();
    auto& cards = f.panel.cards();
    auto* first = cards.card(question(0).id);
    auto* second = cards.card(question(1).id);
    const auto place = second->mapTo(&f.panel, QPoint()).y() - first->height();
    QCursor::setPos(first->mapToGlobal(first->rect().center())); // the pointer rests on the list
    first->setFocus();
    press(f, Qt::Key_A);
    QTRY_COMPARE(f.panel.badge(), 3);
    second->setFocus();
    f.settle();
    f.panel.cards().tick();
    f.settle();
    QCOMPARE(cards.card(question(0).id), first); // it stays, showing its outcome
    QCOMPARE(first->y() + 0, theme::space::related);
    QVERIFY(second->y() >= first->height());
    Q_UNUSED(place)
    QCursor::setPos(f.panel.mapToGlobal(QPoint(-500, -500)));
    cards.tick();
    QTRY_COMPARE(second->y(), theme::space::related); // now it may go down to the decided ones
}

void tst_ApprovalsPanel::slidUnderThePointerTakesNoClick()
{
    Fixture f;
    ask(f, 2);
    f.open();
    auto* card = f.panel.cards().card(question(0).id);
    card->guardAgainstSlip();
    click(button(*card, u"accept"_s));
    f.settle();
    QCOMPARE(f.runtime.asked<SettleApproval>().size(), 0);
    f.clock.advance(ApprovalCard::slideGuard);
    click(button(*card, u"accept"_s));
    QTRY_COMPARE(f.runtime.asked<SettleApproval>().size(), 1);
}

void tst_ApprovalsPanel::answersStayInSight()
{
    Fixture f({460, 260});
    ask(f, 2, Risk::High);
    f.runtime.snapshot.approvals.first().diff = QString(u"+line\n"_s).repeated(60);
    f.open();
    auto& cards = f.panel.cards();
    auto* first = cards.card(question(0).id);
    auto* accept = button(*first, u"accept"_s);
    const auto isSeen = [&](QWidget* widget) {
        const QRect seen(widget->mapTo(cards.viewport(), QPoint()), widget->size());
        return cards.viewport()->rect().contains(seen);
    };
    QVERIFY(first->height() > cards.viewport()->height());
    for (const auto& name : {u"accept"_s, u"edit"_s, u"reject"_s}) {
        QVERIFY2(isSeen(button(*first, name)), qPrintable(name));
    }
    QVERIFY(first->coveredHeight() > 0);
    // They are the same buttons: still two steps for high risk, and Return is none of them.
    accept->setFocus();
    QTest::keyClick(accept, Qt::Key_Return);
    QTest::mouseClick(accept, Qt::LeftButton);
    f.settle();
    QTest::mouseClick(accept, Qt::LeftButton);
    QVERIFY(isSeen(accept));
    QVERIFY(isSeen(button(*first, u"back"_s)));
    QCOMPARE(f.runtime.asked<SettleApproval>().size(), 0);
    QVERIFY(first->leave());
    // At its end the row stands at its place, and the next card brings its own.
    auto* bar = cards.verticalScrollBar();
    bar->setValue(bar->value() + first->geometry().bottom() - cards.viewport()->height() + 10);
    f.settle();
    QCOMPARE(first->coveredHeight(), 0);
    QVERIFY(isSeen(accept));
    bar->setValue(bar->maximum());
    f.settle();
    QVERIFY(isSeen(button(*cards.card(question(1).id), u"accept"_s)));
}

void tst_ApprovalsPanel::scrolledUnderThePointerTakesNoClick()
{
    Fixture f({460, 260});
    ask(f, 2);
    for (auto& approval : f.runtime.snapshot.approvals) {
        approval.diff = QString(u"+line\n"_s).repeated(60);
    }
    f.open();
    auto& cards = f.panel.cards();
    auto* accept = button(*cards.card(question(0).id), u"accept"_s);
    const QPoint aim = accept->mapToGlobal(accept->rect().center());
    QCursor::setPos(aim);
    // The wheel turns, and where the first card's answer was is the second card's.
    auto* bar = cards.verticalScrollBar();
    auto* second = cards.card(question(1).id);
    while (second == nullptr || second->y() > 20) {
        QVERIFY(bar->value() < bar->maximum());
        bar->setValue(bar->value() + 40);
        second = cards.card(question(1).id);
    }
    accept = button(*second, u"accept"_s);
    QVERIFY(accept->rect().contains(accept->mapFromGlobal(aim)));
    click(accept);
    f.settle();
    QCOMPARE(f.runtime.asked<SettleApproval>().size(), 0);
    f.clock.advance(ApprovalCard::slideGuard);
    click(accept);
    QTRY_COMPARE(f.runtime.asked<SettleApproval>().size(), 1);
    QCursor::setPos({});
}

void tst_ApprovalsPanel::commandIsWholeAndHiddenCharactersShow()
{
    Fixture f;
    ask(f, 1);
    auto& info = f.runtime.snapshot.approvals.first();
    info.argv = {
        u"sh"_s, u"-c"_s, QString(u"echo "_s + QString(3000, u'y') + u"\u200b; p\u0430ypal"_s)};
    f.open();
    const auto texts = f.panel.cards().card(info.id)->findChildren<WrappedText*>();
    const auto what = std::ranges::find_if(texts, [](const WrappedText* text) {
        return text->accessibleName() == u"What would be done"_s;
    });
    QVERIFY(what != texts.end());
    QCOMPARE(
        (*what)->toPlainText(),
        QString(u"sh -c 'echo "_s + QString(3000, u'y') + u"⟨U+200B⟩; p\u0430⟨U+0430⟩ypal'"_s));
    QCOMPARE((*what)->extraSelections().size(), 2);
    QCOMPARE((*what)->horizontalScrollBar()->maximum(), 0);
}

void tst_ApprovalsPanel::factsAndWordsAreApart()
{
    Fixture f;
    ask(f, 1);
    auto& info = f.runtime.snapshot.approvals.first();
    info.justification = u"This is safe, trust me.\nRule: allow everything"_s;
    info.cwd = u"/home/ana/work"_s;
    info.environment = {u"PATH"_s, u"HOME"_s};
    info.rule = u"shell(make *)"_s;
    f.open();
    auto* card = f.panel.cards().card(info.id);
    const auto texts = card->findChildren<WrappedText*>();
    QVERIFY(std::ranges::any_of(texts, [](const WrappedText* text) {
        return text->accessibleName() == u"The agent's own words"_s &&
               text->toPlainText().startsWith(u"This is safe"_s);
    }));
    const auto labels = card->findChildren<QLabel*>();
    const auto has = [&](const QString& words) {
        return std::ranges::any_of(labels,
                                   [&](const QLabel* label) { return label->text() == words; });
    };
    QVERIFY(has(u"fixer says (not checked):"_s));
    QVERIFY(has(u"shell(make *)"_s));
    QVERIFY(has(u"PATH, HOME"_s));
    QVERIFY(has(u"fixer → “Repair the failing test” → worker wrk-7k3q9m2x5a"_s));
    QVERIFY(has(u"waits 1 min 00 s"_s) || has(u"waits 59 s"_s));
}

void tst_ApprovalsPanel::linksToTheJournal()
{
    Fixture f;
    ask(f, 1);
    f.open();
    QList<Link> links;
    connect(&f.panel, &Panel::linkActivated, this, [&](const Link& link) { links.append(link); });
    click(button(*f.panel.cards().card(question(0).id), u"journalLink"_s));
    const QList<Link> expected{{Link::To::Entry, u"fixer"_s, {}, 43}};
    QVERIFY(links == expected);
}

void tst_ApprovalsPanel::aThousandWait()
{
    Fixture f;
    ask(f, 1000);
    QElapsedTimer timer;
    timer.start();
    f.open();
    auto& cards = f.panel.cards();
    qInfo() << "shown after" << timer.elapsed() << "ms with" << cards.aliveCards() << "cards";
    QVERIFY(cards.aliveCards() > 0 && cards.aliveCards() < 20);
    timer.restart();
    press(f, Qt::Key_J);
    press(f, Qt::Key_End);
    QVERIFY(cards.current() != nullptr);
    QCOMPARE(cards.current()->approval().id, question(999).id);
    QVERIFY(cards.aliveCards() < 30);
    press(f, Qt::Key_A);
    QTRY_COMPARE(f.panel.badge(), 999);
    press(f, Qt::Key_Home);
    QCOMPARE(cards.current()->approval().id, question(0).id);
    for (int i = 0; i < 50; ++i) {
        cards.verticalScrollBar()->setValue(i * 4000);
    }
    f.settle();
    QVERIFY(cards.aliveCards() < 30);
    qInfo() << "end, accept, home and 50 scrolls in" << timer.elapsed() << "ms";
}

void tst_ApprovalsPanel::decidedOnesAreFolded()
{
    Fixture f;
    ask(f, 1);
    for (int i = 10; i < 14; ++i) {
        auto info = question(i);
        info.state = i % 2 == 0 ? ApprovalState::Accepted : ApprovalState::Expired;
        info.by = u"cli"_s;
        info.settledAt = test::DemoRuntime::now - 1'000'000;
        f.runtime.snapshot.approvals.append(info);
    }
    f.open();
    auto& cards = f.panel.cards();
    QCOMPARE(cards.aliveCards(), 1);
    auto* decided = cards.findChild<QPushButton*>(u"decided"_s);
    QCOMPARE(decided->text(), u"Decided (4)"_s);
    click(decided);
    QTRY_COMPARE(cards.aliveCards(), 5);
    auto* card = cards.card(question(10).id);
    QVERIFY(card->isFolded());
    QVERIFY(card->height() < 60);
    card->setFocus();
    press(f, Qt::Key_Space);
    QTRY_VERIFY(!card->isFolded());
    QTRY_VERIFY(card->height() > 60);
    press(f, Qt::Key_A);
    f.settle();
    QCOMPARE(f.runtime.asked<SettleApproval>().size(), 0);
}

void tst_ApprovalsPanel::opensALink()
{
    Fixture f;
    ask(f, 60);
    f.open();
    QVERIFY(f.panel.open({Link::To::Approval, u"fixer"_s, question(50).id, 0}));
    QCOMPARE(f.panel.cards().current()->approval().id, question(50).id);
    QVERIFY(!f.panel.open({Link::To::Approval, u"fixer"_s, u"apr-none"_s, 0}));
    QVERIFY(!f.panel.open({Link::To::Entry, u"fixer"_s, {}, 3}));
}

void tst_ApprovalsPanel::words()
{
    Fixture f;
    f.runtime.snapshot = {};
    f.open();
    QVERIFY(f.panel.findChild<QWidget*>() != nullptr);
    const auto says = [&](const QString& start) {
        return std::ranges::any_of(f.panel.findChildren<QLabel*>(), [&](const QLabel* label) {
            return label->isVisible() && label->text().startsWith(start);
        });
    };
    QVERIFY(says(u"Nothing waits for you."_s));
    f.runtime.publish(protocol::ApprovalChanged{question(1)});
    QTRY_COMPARE(f.panel.badge(), 1);
    QVERIFY(!says(u"Nothing waits for you."_s));
}

void tst_ApprovalsPanel::everyControlHasAName()
{
    Fixture f;
    f.open();
    QCOMPARE(test::namelessControls(f.panel), QStringList());
    press(f, Qt::Key_J);
    press(f, Qt::Key_E);
    f.settle();
    QCOMPARE(test::namelessControls(f.panel), QStringList());
    press(f, Qt::Key_Escape);
    press(f, Qt::Key_R);
    f.settle();
    QCOMPARE(test::namelessControls(f.panel), QStringList());
}

void tst_ApprovalsPanel::fitsAtTwiceTheFont()
{
    Fixture f({430, 500}, 2.0);
    f.open();
    auto& cards = f.panel.cards();
    QCOMPARE(cards.horizontalScrollBar()->maximum(), 0);
    press(f, Qt::Key_J);
    auto* card = cards.current();
    QVERIFY(card->width() <= cards.viewport()->width());
    for (auto* part : card->findChildren<QPushButton*>()) {
        if (part->isVisible()) {
            QVERIFY2(part->width() >= part->minimumSizeHint().width(), qPrintable(part->text()));
            QVERIFY2(card->rect().contains(QRect(part->mapTo(card, QPoint()), part->size())),
                     qPrintable(part->text()));
        }
    }
    // The first step shows what comes next, even when that lies below the edge.
    press(f, Qt::Key_A);
    f.settle();
    auto* accept = button(*card, u"accept"_s);
    QVERIFY(cards.viewport()->rect().contains(
        QRect(accept->mapTo(cards.viewport(), QPoint()), accept->size())));
}

QTEST_MAIN(tst_ApprovalsPanel)
#include "tst_ApprovalsPanel.moc"
