#include "tests/ui/UiFixture.h"
#include "ui/panels/conversation/Composer.h"
#include "ui/panels/conversation/ConversationPanel.h"
#include "ui/panels/conversation/HeightIndex.h"
#include "ui/panels/conversation/MarkdownBlocks.h"
#include "ui/panels/conversation/Transcript.h"
#include "ui/panels/conversation/TranscriptView.h"
#include "ui/shell/Dock.h"

#include <QAccessible>
#include <QClipboard>
#include <QLineEdit>
#include <QPushButton>
#include <QScrollBar>

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::protocol;
using panels::Composer;
using panels::ConversationPanel;
using panels::Link;
using panels::Transcript;
using panels::TranscriptView;
using test::DemoRuntime;
using test::UiFixture;

namespace {

ConversationPanel& conversation(UiFixture& ui)
{
    return static_cast<ConversationPanel&>(ui.window->dock(u"conversation"_s)->panel());
}

void show(UiFixture& ui, const QString& agent, const QString& channel)
{
    ui.window->openLink({Link::To::Channel, agent, channel, 0});
    QTRY_VERIFY(conversation(ui).view().transcript());
    QTRY_COMPARE(conversation(ui).view().transcript()->channel(), channel);
    QTRY_VERIFY(conversation(ui).view().transcript()->isLoaded());
}

QStringList ids(const Transcript& transcript)
{
    QStringList result;
    for (int i = 0; i < transcript.count(); ++i) {
        result.append(transcript.row(i).item.id);
    }
    return result;
}

void preedit(QWidget& widget, const QString& text, const QString& commit = {})
{
    QInputMethodEvent event(text, {});
    event.setCommitString(commit);
    QCoreApplication::sendEvent(&widget, &event);
}

} // namespace

class tst_Conversation : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void splitsMarkdownWhereBlocksEnd_data()
    {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QStringList>("blocks");
        QTest::newRow("nothing") << u""_s << QStringList{};
        QTest::newRow("paragraphs") << u"a\nb\n\nc\n"_s << QStringList{u"a\nb"_s, u"c"_s};
        QTest::newRow("code") << u"a\n```cpp\nint x;\n\ny\n```\nb"_s
                              << QStringList{u"a"_s, u"code cpp closed: int x;\n\ny"_s, u"b"_s};
        QTest::newRow("open code")
            << u"```py\nx = 1\n"_s << QStringList{u"code py open: x = 1\n"_s};
        QTest::newRow("loose list") << u"1. a\n\n2. b\n\n   more\n\nafter"_s
                                    << QStringList{u"1. a\n\n2. b\n\n   more"_s, u"after"_s};
        QTest::newRow("list then code")
            << u"- a\n\n```\nx\n```"_s << QStringList{u"- a"_s, u"code  closed: x"_s};
        QTest::newRow("windows lines") << u"a\r\n\r\nb"_s << QStringList{u"a"_s, u"b"_s};
    }
    void splitsMarkdownWhereBlocksEnd()
    {
        QFETCH(QString, text);
        QStringList blocks;
        for (const auto& block : panels::splitMarkdown(text)) {
            blocks.append(
                block.code ? u"code %1 %2: %3"_s.arg(
                                 block.language, block.closed ? u"closed"_s : u"open"_s, block.text)
                           : block.text);
        }
        QTEST(blocks, "blocks");
    }

    void splittingTheTailGivesTheSameBlocks()
    {
        const QString text =
            u"Intro.\n\n1. a\n\n2. b\n\n```cpp\nint x;\n```\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\nEnd of it."_s;
        for (qsizetype length = 1; length <= text.size(); ++length) {
            const QString part = text.left(length);
            const qsizetype start = panels::lastBlockStart(part);
            auto whole = panels::splitMarkdown(part);
            auto again = panels::splitMarkdown(part.left(start));
            again += panels::splitMarkdown(part.mid(start));
            QCOMPARE(again.size(), whole.size());
            QCOMPARE(again.last().text, whole.last().text);
        }
    }

    void heightsAddUp()
    {
        panels::HeightIndex index;
        index.reset({10, 0, 20, 30});
        QCOMPARE(index.total(), 60);
        QCOMPARE(index.top(2), 10);
        QCOMPARE(index.rowAt(10), 2);
        QCOMPARE(index.rowAt(9), 0);
        QCOMPARE(index.rowAt(1000), 3);
        index.set(0, 5);
        QCOMPARE(index.top(3), 25);
        index.insert(4, {7});
        QCOMPARE(index.total(), 62);
        index.insert(0, {1, 2});
        QCOMPARE(index.top(2), 3);
        QCOMPARE(index.total(), 65);
    }

    void toolsStandUnderTheirDelegate()
    {
        Transcript transcript(u"a"_s, u"c"_s);
        auto delegate = DemoRuntime::item(ItemKind::Delegate, 5, u"worker"_s, u"task"_s);
        auto reply = DemoRuntime::item(ItemKind::Agent, 7, u"a"_s, u"hello"_s);
        auto tool = DemoRuntime::item(ItemKind::Tool, 9, u"shell"_s, u"make"_s);
        tool.parentItem = delegate.id;
        transcript.addPage({delegate, reply}, false);
        transcript.upsert(tool);
        QCOMPARE(ids(transcript), (QStringList{delegate.id, tool.id, reply.id}));
        QVERIFY(transcript.row(1).hidden);
        transcript.setOpen(0, true);
        QVERIFY(!transcript.row(1).hidden);
        auto second = DemoRuntime::item(ItemKind::Tool, 8, u"shell"_s, u"ls"_s);
        second.parentItem = delegate.id;
        transcript.upsert(second);
        transcript.upsert(DemoRuntime::item(ItemKind::User, 20, u"you"_s, u"next"_s));
        QCOMPARE(ids(transcript),
                 (QStringList{delegate.id, second.id, tool.id, reply.id, u"itm-20"_s}));
    }

    void aPageThatArrivesLateLosesNothing()
    {
        Transcript transcript(u"a"_s, u"c"_s);
        transcript.upsert(DemoRuntime::item(ItemKind::Agent, 12, u"a"_s, u"new"_s));
        transcript.addPage({DemoRuntime::item(ItemKind::User, 10, u"you"_s, u"old"_s),
                            DemoRuntime::item(ItemKind::Agent, 12, u"a"_s, u"new"_s)},
                           true);
        QCOMPARE(ids(transcript), (QStringList{u"itm-10"_s, u"itm-12"_s}));
        // A page that was cut below a delegate: its tools find it when it comes.
        auto tool = DemoRuntime::item(ItemKind::Tool, 9, u"shell"_s, u"make"_s);
        tool.parentItem = u"itm-5"_s;
        transcript.upsert(tool);
        QVERIFY(!transcript.row(0).child);
        transcript.addPage({DemoRuntime::item(ItemKind::Delegate, 5, u"worker"_s, u"task"_s)},
                           false);
        QVERIFY(transcript.row(1).child);
    }

    void enterSendsAndShiftEnterBeginsALine()
    {
        UiFixture ui;
        ui.runtime.fillWithExamples();
        ui.open();
        show(ui, u"fixer"_s, u"main"_s);
        Composer& composer = conversation(ui).composer();
        composer.setFocus();
        QTest::keyClicks(&composer, u"one"_s);
        QTest::keyClick(&composer, Qt::Key_Return, Qt::ShiftModifier);
        QTest::keyClicks(&composer, u"two"_s);
        const int before = composer.height();
        QCOMPARE(ui.runtime.asked<SendMessage>().size(), 0);
        QTest::keyClick(&composer, Qt::Key_Return);
        QTRY_COMPARE(ui.runtime.asked<SendMessage>().size(), 1);
        const SendMessage sent = ui.runtime.asked<SendMessage>().first();
        QCOMPARE(sent.text, u"one\ntwo"_s);
        QCOMPARE(sent.channel, u"main"_s);
        QVERIFY(!sent.key.isEmpty());
        QVERIFY(composer.toPlainText().isEmpty());
        QVERIFY(composer.height() < before);
        QTest::keyClick(&composer, Qt::Key_Return); // nothing to send
        QTest::keyClicks(&composer, u"   "_s);
        QTest::keyClick(&composer, Qt::Key_Return);
        QCOMPARE(ui.runtime.asked<SendMessage>().size(), 1);
    }

    void growsToEightLines()
    {
        UiFixture ui;
        ui.runtime.fillWithExamples();
        ui.open();
        show(ui, u"fixer"_s, u"main"_s);
        Composer& composer = conversation(ui).composer();
        QList<int> heights;
        for (int i = 0; i < 12; ++i) {
            QTest::keyClick(&composer, Qt::Key_Return, Qt::ShiftModifier);
            heights.append(composer.height());
        }
        QVERIFY(heights.at(0) < heights.at(6));
        QCOMPARE(heights.at(7), heights.at(11));
    }

    void enterBelongsToTheInputMethodWhileItComposes()
    {
        UiFixture ui;
        ui.runtime.fillWithExamples();
        ui.open();
        show(ui, u"fixer"_s, u"main"_s);
        Composer& composer = conversation(ui).composer();
        composer.setFocus();
        preedit(composer, u"にほん"_s);
        QTest::keyClick(&composer, Qt::Key_Return);
        QCOMPARE(ui.runtime.asked<SendMessage>().size(), 0);
        // Some input methods commit and let the same Enter through.
        preedit(composer, {}, u"日本"_s);
        QKeyEvent leaked(QEvent::KeyPress, Qt::Key_Return, Qt::NoModifier);
        QCoreApplication::sendEvent(&composer, &leaked);
        QCOMPARE(ui.runtime.asked<SendMessage>().size(), 0);
        QCOMPARE(composer.toPlainText(), u"日本"_s);
        QCoreApplication::processEvents();
        QTest::keyClick(&composer, Qt::Key_Return);
        QTRY_COMPARE(ui.runtime.asked<SendMessage>().size(), 1);
    }

    void draftsSurviveARestart()
    {
        UiFixture ui;
        ui.runtime.fillWithExamples();
        ui.open();
        show(ui, u"fixer"_s, u"main"_s);
        QTest::keyClicks(&conversation(ui).composer(), u"half a thought"_s);
        show(ui, u"fixer"_s, u"release"_s);
        QVERIFY(conversation(ui).composer().toPlainText().isEmpty());
        // Saved within a second, without closing the window.
        const auto saved = [&] {
            QFile file(ui.folder.filePath(u"conversations.json"_s));
            return file.open(QIODevice::ReadOnly) && file.readAll().contains("half a thought");
        };
        QTRY_VERIFY_WITH_TIMEOUT(saved(), 1500);
        ui.close();
        ui.open();
        show(ui, u"fixer"_s, u"main"_s);
        QCOMPARE(conversation(ui).composer().toPlainText(), u"half a thought"_s);
    }

    void aMessageThatCannotBeSentComesBack()
    {
        UiFixture ui;
        ui.runtime.fillWithExamples();
        ui.runtime.failures.insert(u"send_message"_s,
                                   {ErrorCode::DiskFull, u"The disk is full."_s, {}});
        ui.open();
        show(ui, u"fixer"_s, u"main"_s);
        Composer& composer = conversation(ui).composer();
        QTest::keyClicks(&composer, u"important"_s);
        QTest::keyClick(&composer, Qt::Key_Return);
        QTRY_COMPARE(composer.toPlainText(), u"important"_s);
    }

    void aReplyIsShownWhileItIsWritten()
    {
        UiFixture ui;
        ui.runtime.fillWithExamples();
        ui.open();
        show(ui, u"fixer"_s, u"main"_s);
        Transcript& transcript = *conversation(ui).view().transcript();
        const int before = transcript.count();
        const QString text = u"First.\n\n- a\n- b\n\n```cpp\nint x = 1;\n```\n\nThe `end`."_s;
        for (const QChar c : text) {
            ui.runtime.publish(TextDelta{u"fixer"_s, u"main"_s, u"main"_s, QString(c)});
        }
        ui.runtime.publish(
            TextDelta{u"fixer"_s, u"main"_s, u"wrk-7k3q9m2x5a"_s, u"a worker thinks"_s});
        QTRY_COMPARE(transcript.count(), before + 1);
        QTRY_COMPARE(transcript.row(before).item.text, text);
        QVERIFY(transcript.row(before).streaming);
        TranscriptView& view = conversation(ui).view();
        const int height = view.rowRect(before).height();
        QVERIFY(height > 60);
        ui.runtime.publish(TranscriptChanged{
            u"fixer"_s, u"main"_s, DemoRuntime::item(ItemKind::Agent, 2000, u"fixer"_s, text)});
        QTRY_VERIFY(!transcript.isStreaming());
        QCOMPARE(transcript.count(), before + 1);
        QCOMPARE(view.rowRect(before).height(), height); // nothing jumps when it is complete
        view.selectRow(before);
        QVERIFY(view.selectedText().contains(u"int x = 1;"));
        ui.runtime.publish(TextDelta{u"fixer"_s, u"main"_s, u"main"_s, u"again"_s});
        ui.runtime.publish(TextReset{u"fixer"_s, u"main"_s, u"main"_s});
        ui.runtime.publish(TextDelta{u"fixer"_s, u"main"_s, u"main"_s, u"anew"_s});
        QTRY_VERIFY(transcript.isStreaming());
        QTRY_COMPARE(transcript.row(before + 1).item.text, u"anew"_s);
    }

    void theReaderIsNotYanked()
    {
        UiFixture ui;
        ui.runtime.fillWithExamples();
        ui.runtime.addLongConversation(300);
        ui.open();
        show(ui, u"assistant"_s, u"long"_s);
        TranscriptView& view = conversation(ui).view();
        QVERIFY(view.isAtEnd());
        view.verticalScrollBar()->setValue(view.verticalScrollBar()->maximum() / 2);
        QVERIFY(!view.isAtEnd());
        const int row = view.rowsInSight().first + 1;
        const QString id = view.transcript()->row(row).item.id;
        const int top = view.rowRect(row).top();
        for (int i = 0; i < 12; ++i) {
            ui.runtime.publish(TranscriptChanged{
                u"assistant"_s,
                u"long"_s,
                DemoRuntime::item(ItemKind::Agent, 5000 + i, u"assistant"_s, u"news"_s)});
        }
        QTRY_COMPARE(view.unseen(), 12);
        QCOMPARE(view.rowRect(view.transcript()->indexOf(id)).top(), top);
        auto* jump = view.findChild<QPushButton*>();
        QTRY_VERIFY(jump->isVisible());
        QVERIFY(jump->text().contains(u"12"));
        QTest::mouseClick(jump, Qt::LeftButton);
        QVERIFY(view.isAtEnd());
        QCOMPARE(view.unseen(), 0);
        QTRY_VERIFY(!jump->isVisible());
        // At the end, the end stays in sight.
        ui.runtime.publish(
            TranscriptChanged{u"assistant"_s,
                              u"long"_s,
                              DemoRuntime::item(ItemKind::Agent, 6000, u"assistant"_s, u"more"_s)});
        QTRY_COMPARE(view.transcript()->row(view.transcript()->count() - 1).item.seq, 6000);
        QVERIFY(view.isAtEnd());
        QVERIFY(view.rowRect(view.transcript()->count() - 1).bottom() <= view.viewport()->height());
    }

    void olderPagesArriveWithoutAJump()
    {
        UiFixture ui;
        ui.runtime.addLongConversation(900);
        ui.runtime.snapshot.agents = {{u"assistant"_s, {}, {}, {}}};
        ui.open();
        show(ui, u"assistant"_s, u"long"_s);
        TranscriptView& view = conversation(ui).view();
        QCOMPARE(view.transcript()->count(), 200);
        for (int page = 2; page <= 5; ++page) {
            view.verticalScrollBar()->setValue(view.viewport()->height());
            QTRY_VERIFY(view.transcript()->count() >= std::min(900, 200 * page));
        }
        QVERIFY(!view.transcript()->hasOlder());
        QCOMPARE(view.transcript()->firstSeq(), 1);
        view.verticalScrollBar()->setValue(0);
        QCOMPARE(view.rowsInSight().first, 0);
    }

    void aToolUnfoldsInPlaceByClickAndKey()
    {
        UiFixture ui;
        ui.runtime.fillWithExamples();
        ui.open({1280, 1400});
        show(ui, u"fixer"_s, u"main"_s);
        TranscriptView& view = conversation(ui).view();
        const int row = view.transcript()->indexOf(u"itm-32"_s);
        const int folded = view.rowRect(row).height();
        const int top = view.rowRect(row).top();
        QVERIFY(folded > 0);
        QTest::mouseClick(view.viewport(), Qt::LeftButton, {}, view.rowRect(row).center());
        QVERIFY(view.transcript()->row(row).open);
        QVERIFY(view.rowRect(row).height() > folded);
        QCOMPARE(view.rowRect(row).top(), top);
        QVERIFY(view.rowRect(row + 1).height() > 0); // its tools came into sight
        view.setFocus();
        view.setCurrentRow(row);
        QTest::keyClick(&view, Qt::Key_Return);
        QVERIFY(!view.transcript()->row(row).open);
        QCOMPARE(view.rowRect(row + 1).height(), 0);
    }

    void textIsSelectedWithTheMouseAndCopied()
    {
        UiFixture ui;
        ui.runtime.fillWithExamples();
        ui.open({1280, 1400});
        show(ui, u"fixer"_s, u"main"_s);
        TranscriptView& view = conversation(ui).view();
        const QRect first = view.rowRect(0);
        const QRect second = view.rowRect(1);
        QTest::mousePress(view.viewport(), Qt::LeftButton, {}, QPoint(40, first.bottom() - 20));
        QTest::mouseMove(view.viewport(), QPoint(200, first.bottom() - 20));
        QTest::mouseMove(view.viewport(),
                         QPoint(view.viewport()->width() - 30, second.bottom() - 8));
        QTest::mouseRelease(view.viewport(),
                            Qt::LeftButton,
                            {},
                            QPoint(view.viewport()->width() - 30, second.bottom() - 8));
        QVERIFY(view.hasSelection());
        QTest::keyClick(&view, Qt::Key_C, Qt::ControlModifier);
        QVERIFY(QGuiApplication::clipboard()->text().contains(u"I'll have a worker look at it"));
        QTest::keyClick(&view, Qt::Key_Escape);
        QVERIFY(!view.hasSelection());
        view.setFocus();
        view.setCurrentRow(0);
        QTest::keyClick(&view, Qt::Key_C, Qt::ControlModifier);
        QVERIFY(QGuiApplication::clipboard()->text().startsWith(u"`make test` fails"));
    }

    void findsTextAlsoInsideFoldedTools()
    {
        UiFixture ui;
        ui.runtime.fillWithExamples();
        ui.open();
        show(ui, u"fixer"_s, u"main"_s);
        TranscriptView& view = conversation(ui).view();
        view.setFocus();
        QTest::keyClick(&view, Qt::Key_F, Qt::ControlModifier);
        auto* field = qobject_cast<QLineEdit*>(QApplication::focusWidget());
        QVERIFY(field);
        QTest::keyClicks(field, u"13 passed"_s);
        QTest::keyClick(field, Qt::Key_Return);
        QVERIFY(view.hasSelection());
        QCOMPARE(view.selectedText(), u"13 passed"_s);
        QTest::keyClick(field, Qt::Key_Escape);
        QVERIFY(!field->isVisible());
    }

    void nothingThatAModelWritesIsLoaded()
    {
        theme::Theme theme;
        const auto document = panels::makeProse(
            u"<img src=\"file:///etc/hostname\"> ![words](file:///etc/hostname) <script>x</script>"_s,
            theme,
            panels::ProseStyle::Message);
        QVERIFY(!document->toPlainText().contains(QChar::ObjectReplacementCharacter));
        QVERIFY(document->toPlainText().contains(u"[words – file:///etc/hostname]"));
        QVERIFY(document->toPlainText().contains(u"<script>"));
        QVERIFY(!document->resource(QTextDocument::ImageResource, QUrl(u"file:///etc/hostname"_s))
                     .isValid());
    }

    void screenReadersWalkOverTheRows()
    {
        UiFixture ui;
        ui.runtime.fillWithExamples();
        ui.open({1280, 1400});
        show(ui, u"fixer"_s, u"main"_s);
        TranscriptView& view = conversation(ui).view();
        QAccessibleInterface* list = QAccessible::queryAccessibleInterface(&view);
        QVERIFY(list);
        QCOMPARE(list->role(), QAccessible::List);
        QCOMPARE(list->text(QAccessible::Name), u"Transcript"_s);
        QCOMPARE(list->childCount(), view.transcript()->count());
        QCOMPARE(list->child(7)->text(QAccessible::Name),
                 u"You: Looks right. And what about `median`?"_s);
        QCOMPARE(
            list->child(2)->text(QAccessible::Name),
            u"Make test_mean_of_nothing pass without changing the test, Waits for you, folded"_s);
        QVERIFY(list->child(3)->state().invisible);
        QCOMPARE(list->indexOfChild(list->child(4)), 4);
        view.setFocus();
        view.setCurrentRow(7);
        QCOMPARE(list->focusChild(), list->child(7));
    }

    void nothingPaintsWhileNothingChanges()
    {
        UiFixture ui;
        ui.runtime.fillWithExamples();
        ui.open();
        show(ui, u"fixer"_s, u"main"_s);
        TranscriptView& view = conversation(ui).view();
        view.setFocus();
        QTest::qWait(300); // colours of code, focus
        const int paints = view.paintCount();
        QTest::qWait(700);
        QCOMPARE(view.paintCount(), paints);
    }
};

QTEST_MAIN(tst_Conversation)
#include "tst_Conversation.moc"
