#include "tests/ui/UiFixture.h"
#include "ui/dialogs/StoreKeyDialog.h"
#include "ui/panels/conversation/ConversationPanel.h"
#include "ui/panels/conversation/TranscriptView.h"
#include "ui/shell/Dock.h"
#include "ui/shell/Palette.h"
#include "ui/shell/StatusLine.h"
#include "ui/widgets/Format.h"
#include "ui/widgets/Labels.h"

#include <QAbstractButton>
#include <QAbstractItemView>
#include <QAbstractSpinBox>
#include <QComboBox>
#include <QDesktopServices>
#include <QLabel>
#include <QLineEdit>
#include <QMenuBar>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScrollBar>
#include <QTabBar>
#include <QToolButton>

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::protocol;
using panels::Link;
using shell::Dock;
using test::DemoRuntime;
using test::UiFixture;

namespace {

QString where(const QWidget* widget)
{
    QStringList parts;
    for (; widget; widget = widget->parentWidget()) {
        parts.prepend(
            QString::fromLatin1(widget->metaObject()->className()) +
            (widget->objectName().isEmpty() ? QString() : QString(u'#' + widget->objectName())));
    }
    return parts.join(u" › "_s);
}

bool isInside(const QWidget* widget, const char* className)
{
    for (; widget; widget = widget->parentWidget()) {
        if (widget->inherits(className)) {
            return true;
        }
    }
    return false;
}

bool isControl(const QWidget* widget)
{
    return qobject_cast<const QAbstractButton*>(widget) || qobject_cast<const QLineEdit*>(widget) ||
           qobject_cast<const QComboBox*>(widget) ||
           qobject_cast<const QAbstractItemView*>(widget) ||
           qobject_cast<const QPlainTextEdit*>(widget) ||
           qobject_cast<const QAbstractSpinBox*>(widget);
}

// What is wrong with the widgets of the window as they are shown now.
QStringList complaints(shell::MainWindow& window)
{
    QStringList found;
    for (QWidget* widget : window.findChildren<QWidget*>()) {
        // Parts of Qt's own controls speak through the control.
        if (!widget->isVisible() || isInside(widget->parentWidget(), "QComboBox") ||
            isInside(widget->parentWidget(), "QLineEdit") ||
            isInside(widget->parentWidget(), "QHeaderView") ||
            isInside(widget->parentWidget(), "QTabBar") ||
            isInside(widget->parentWidget(), "QMenuBar") ||
            widget->objectName().startsWith(u"qt_") || widget->inherits("QHeaderView") ||
            (widget->inherits("QAbstractButton") &&
             isInside(widget->parentWidget(), "QTableView"))) {
            continue;
        }
        if (isControl(widget)) {
            const auto* button = qobject_cast<const QAbstractButton*>(widget);
            const QString name = !widget->accessibleName().isEmpty() ? widget->accessibleName()
                                 : button                            ? button->text()
                                                                     : QString();
            if (name.trimmed().isEmpty()) {
                found.append(u"no accessible name: "_s + where(widget));
            }
            if (widget->isEnabled() && !(widget->focusPolicy() & Qt::TabFocus) &&
                widget->focusPolicy() == Qt::NoFocus) {
                found.append(u"no way to it by keyboard: "_s + where(widget));
            }
        }
        if (const auto* label = qobject_cast<const QLabel*>(widget);
            label && !label->text().isEmpty()) {
            const QColor text = label->palette().color(QPalette::Active, label->foregroundRole());
            const QColor ground = label->palette().color(QPalette::Active, label->backgroundRole());
            if (theme::contrast(text, ground) < 4.5) {
                found.append(u"contrast %1: "_s.arg(theme::contrast(text, ground)) + where(widget));
            }
            if (label->wordWrap() && label->height() + 1 < label->heightForWidth(label->width()) &&
                !isInside(label, "QScrollArea")) {
                found.append(u"clipped: "_s + where(widget));
            }
        }
    }
    return found;
}

QAction* action(shell::MainWindow& window, const QString& name)
{
    return window.findChild<QAction*>(name);
}

} // namespace

/// Stands in for the desktop's editor.
class Opened final : public QObject
{
    Q_OBJECT
public:
    QList<QUrl> urls;
public Q_SLOTS:
    void open(const QUrl& url) { urls.append(url); }
};

class tst_Shell : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void coloursCanBeReadInBothThemes_data()
    {
        QTest::addColumn<int>("scheme");
        QTest::newRow("light") << int(theme::Scheme::Light);
        QTest::newRow("dark") << int(theme::Scheme::Dark);
    }
    void coloursCanBeReadInBothThemes()
    {
        QFETCH(int, scheme);
        const theme::Theme theme({theme::Scheme(scheme)});
        const QPalette palette = QApplication::palette();
        QCOMPARE(theme.isDark(), theme::Scheme(scheme) == theme::Scheme::Dark);
        for (int tone = 0; tone <= int(theme::Tone::Removed); ++tone) {
            for (const auto role : {QPalette::Base, QPalette::Window, QPalette::AlternateBase}) {
                QVERIFY2(theme::contrast(theme.colour(theme::Tone(tone)), palette.color(role)) >=
                             4.5,
                         qPrintable(QString::number(tone)));
            }
            QVERIFY(theme::contrast(theme.colour(theme::Tone(tone)),
                                    theme.soft(theme::Tone(tone))) >= 4.5);
            QVERIFY(theme::contrast(theme.colour(theme::Tone::Text),
                                    theme.soft(theme::Tone(tone))) >= 4.5);
        }
        QVERIFY(theme::contrast(palette.color(QPalette::HighlightedText),
                                palette.color(QPalette::Highlight)) >= 4.5);
        QVERIFY(theme::contrast(palette.color(QPalette::PlaceholderText),
                                palette.color(QPalette::Base)) >= 4.5);
        QCOMPARE(theme::contrast(Qt::white, Qt::black), 21.0);
    }

    void everyIconIsDrawn()
    {
        const theme::Theme theme;
        const QStringList names = QDir(u":/signalbox/icons"_s).entryList({u"*.svg"_s});
        QVERIFY(names.size() > 50);
        for (const QString& name : names) {
            const QImage image = theme.pixmap(name.chopped(4), 16, Qt::black, 1).toImage();
            bool any = false;
            for (int i = 0; i < 256 && !any; ++i) {
                any = qAlpha(image.pixel(i % 16, i / 16)) > 128;
            }
            QVERIFY2(any, qPrintable(name));
        }
    }

    void writesNumbersAsPeopleReadThem()
    {
        using namespace widgets;
        QLocale::setDefault(QLocale::c());
        QCOMPARE(durationText(1'240'000), u"1.2 s"_s);
        QCOMPARE(durationText(184'000'000), u"3 min 04 s"_s);
        QCOMPARE(durationText(7'500'000'000), u"2 h 05 min"_s);
        QCOMPARE(sizeText(512), u"512 B"_s);
        QCOMPARE(sizeText(3'482), u"3.4 KiB"_s);
        QCOMPARE(sizeText(1'258'291), u"1.2 MiB"_s);
        QCOMPARE(moneyText(421'300), u"$0.42"_s);
        QCOMPARE(moneyText(900), u"< $0.01"_s);
        QCOMPARE(ageText(DemoRuntime::now - 5'000'000, DemoRuntime::now), u"now"_s);
        QCOMPARE(ageText(DemoRuntime::now - 300'000'000, DemoRuntime::now), u"5 min ago"_s);
        QCOMPARE(visibleText(u"rm \u202Etxt\u200B\u00A0x"_s), u"rm ⟨U+202E⟩txt⟨U+200B⟩⟨U+00A0⟩x"_s);
        QCOMPARE(visibleText(u"p\u0430ypal"_s), u"p\u0430⟨U+0430⟩ypal"_s);
        QCOMPARE(visibleText(u"привет world\n\tαβ"_s), u"привет world\n\tαβ"_s);
    }

    void eventsArriveOnceAFrame()
    {
        DemoRuntime runtime;
        bridge::Bridge bridge(runtime);
        QSignalSpy deltas(&bridge, &bridge::Bridge::textDeltas);
        QSignalSpy loaded(&bridge, &bridge::Bridge::snapshotLoaded);
        bridge.start();
        QTRY_COMPARE(loaded.count(), 1);
        QString text;
        std::thread other([&] {
            for (int i = 0; i < 1000; ++i) {
                runtime.publish(TextDelta{u"a"_s, u"c"_s, u"c"_s, u"x"_s});
            }
        });
        connect(&bridge, &bridge::Bridge::textDeltas, this, [&](const QList<TextDelta>& list) {
            for (const auto& delta : list) {
                text += delta.text;
            }
        });
        QTRY_COMPARE(text.size(), 1000);
        other.join();
        QVERIFY2(deltas.count() < 100, qPrintable(QString::number(deltas.count())));
        // A message between deltas keeps its place.
        QStringList order;
        connect(&bridge, &bridge::Bridge::textDeltas, this, [&](const auto& list) {
            order.append(list.first().text);
        });
        connect(
            &bridge, &bridge::Bridge::transcriptChanged, this, [&] { order.append(u"message"_s); });
        runtime.publish(TextDelta{u"a"_s, u"c"_s, u"c"_s, u"one"_s});
        runtime.publish(TranscriptChanged{
            u"a"_s, u"c"_s, DemoRuntime::item(ItemKind::Agent, 1, u"a"_s, u"one"_s)});
        runtime.publish(TextDelta{u"a"_s, u"c"_s, u"c"_s, u"two"_s});
        QTRY_COMPARE(order, (QStringList{u"one"_s, u"message"_s, u"two"_s}));
        runtime.publish(Lagged{});
        QTRY_COMPARE(loaded.count(), 2);
    }

    void aReplyForSomebodyGoneIsDropped()
    {
        DemoRuntime runtime;
        bridge::Bridge bridge(runtime);
        runtime.holdReplies = true;
        bool called = false;
        auto asker = std::make_unique<QObject>();
        bridge.request(Ping{}, asker.get(), [&](auto) { called = true; });
        asker.reset();
        runtime.release();
        QTest::qWait(60);
        QVERIFY(!called);
    }

    void theLayoutIsRememberedAndReset()
    {
        UiFixture ui;
        ui.runtime.fillWithExamples();
        ui.open();
        Dock* journal = ui.window->dock(u"journal"_s);
        QVERIFY(journal->isVisible());
        action(*ui.window, u"show-journal"_s)->trigger();
        QVERIFY(!journal->isVisible());
        action(*ui.window, u"window-workers"_s)->trigger();
        QVERIFY(ui.window->dock(u"workers"_s)->isFloating());
        QVERIFY(ui.window->dock(u"workers"_s)->isVisible());
        ui.close();
        ui.open();
        QVERIFY(!ui.window->dock(u"journal"_s)->isVisible());
        QVERIFY(ui.window->dock(u"workers"_s)->isFloating());
        QCOMPARE(ui.window->dock(u"workers"_s)->windowType(), Qt::Window);
        QVERIFY(ui.window->dock(u"workers"_s)->isVisible());
        QVERIFY(!action(*ui.window, u"show-journal"_s)->isChecked());
        action(*ui.window, u"reset-layout"_s)->trigger();
        QTRY_VERIFY(ui.window->dock(u"journal"_s)->isVisible());
        QVERIFY(!ui.window->dock(u"workers"_s)->isFloating());
        for (Dock* dock : ui.window->docks()) {
            QVERIFY2(dock->isVisible(), qPrintable(dock->panel().id()));
        }
    }

    void aPanelThatALayoutDoesNotKnowStandsWhereItBelongs()
    {
        UiFixture ui;
        ui.runtime.fillWithExamples();
        { // as a version without that panel left it, with a dock in a place of its own
            bridge::Bridge bridge(ui.runtime);
            shell::Settings settings{.stateDir = ui.folder.path(), .themeForced = true};
            settings.panels.pop_back();
            shell::MainWindow old(bridge, ui.theme, ui.clock, std::move(settings));
            old.resize(1280, 800);
            old.show();
            QVERIFY(QTest::qWaitForWindowExposed(&old));
            QVERIFY(old.dock(u"containment"_s) == nullptr);
            old.addDockWidget(Qt::RightDockWidgetArea, old.dock(u"channels"_s));
            old.close();
        }
        auto& window = ui.open();
        Dock* journal = window.dock(u"journal"_s);
        Dock* containment = window.dock(u"containment"_s);
        QCOMPARE(window.tabifiedDockWidgets(journal),
                 (QList<QDockWidget*>{window.dock(u"memory"_s), containment}));
        QVERIFY(!journal->visibleRegion().isEmpty()); // what was in sight stays there
        QVERIFY(containment->visibleRegion().isEmpty());
        QCOMPARE(window.dockWidgetArea(window.dock(u"channels"_s)), Qt::RightDockWidgetArea);
        containment->jumpTo();
        QTRY_VERIFY(!containment->visibleRegion().isEmpty());
    }

    void keysAreStoredAndTheVaultIsUnlocked()
    {
        UiFixture ui;
        ui.runtime.fillWithExamples();
        ui.runtime.vault = {u"/home/me/vault"_s, true, true, true};
        QStringList stored;
        auto& window = ui.open({1280, 800}, [&](const QString& name, SecretString, auto done) {
            stored.append(name);
            done(u"vault:"_s + name.section(u':', -1));
        });
        auto* unlock = action(window, u"unlock-vault"_s);
        QTRY_VERIFY(unlock->isEnabled());
        const auto shown = [&]() -> widgets::Banner* {
            for (auto* one : window.findChildren<widgets::Banner*>()) {
                if (one->isVisible() && one->text().startsWith(u"The key ")) {
                    return one;
                }
            }
            return nullptr;
        };
        const auto banner = [&] { return shown() != nullptr ? shown()->text() : QString(); };
        const auto buttonOf = [&](const QString& text) -> QPushButton* {
            if (shown() != nullptr) {
                for (auto* one : shown()->findChildren<QPushButton*>()) {
                    if (one->text() == text && one->isVisible()) {
                        return one;
                    }
                }
            }
            return nullptr;
        };
        QCOMPARE(banner(), QString());

        // Locked: the banner unlocks.
        const KeyProblem locked{u"vault:cloud"_s, u"locked"_s, u"The vault stays locked."_s};
        ui.runtime.publish(KeysChanged{{locked}});
        QTRY_COMPARE(banner(),
                     u"The key vault:cloud cannot be had, so its model is not asked. The vault "
                     u"stays locked."_s);
        QVERIFY(buttonOf(u"Store a key…"_s) == nullptr);
        QCOMPARE(complaints(window), QStringList());
        QTest::mouseClick(buttonOf(u"Unlock the vault…"_s), Qt::LeftButton);
        QTRY_COMPARE(ui.runtime.asked<UnlockVault>().size(), 1);
        QTRY_COMPARE(banner(), QString());
        QTRY_VERIFY(!unlock->isEnabled()); // it is open now

        // Missing: the banner stores it, under the name that the file has.
        ui.runtime.publish(
            KeysChanged{{{u"vault:cloud"_s, u"not_found"_s, u"It is not there."_s}}});
        QTRY_VERIFY(buttonOf(u"Store a key…"_s) != nullptr);
        QVERIFY(buttonOf(u"Open signalbox.yaml"_s) == nullptr);
        QTest::mouseClick(buttonOf(u"Store a key…"_s), Qt::LeftButton);
        auto* dialog = window.findChild<dialogs::StoreKeyDialog*>();
        QVERIFY(dialog != nullptr);
        QCOMPARE(dialog->findChildren<QLineEdit*>().first()->text(), u"cloud"_s);
        auto* value = dialog->findChildren<QLineEdit*>().at(1);
        value->setFocus();
        QTest::keyClicks(value, u"sk-not-a-real-one"_s);
        QTest::keyClick(value, Qt::Key_Return);
        QTRY_COMPARE(stored, QStringList{u"vault:cloud"_s});
        dialog->close();
        for (const auto& command : std::as_const(ui.runtime.commands)) { // a key is in no command
            QVERIFY(!QJsonDocument(commandToJson(command)).toJson().contains("not-a-real"));
        }

        // One that is kept elsewhere is stored under a new name, or named otherwise in the file.
        ui.runtime.publish(KeysChanged{{{u"env:CLOUD"_s, u"not_found"_s, u"It is not set."_s},
                                        {u"file:/x"_s, u"not_found"_s, u"It is not there."_s}}});
        QTRY_VERIFY(buttonOf(u"Open signalbox.yaml"_s) != nullptr);
        QVERIFY(buttonOf(u"Store a key…"_s) != nullptr);
        QVERIFY(banner().endsWith(u"(and 1 more keys)"_s)); // without the English texts

        // The menu and the palette have both.
        QVERIFY(action(window, u"store-key"_s)->isEnabled());
        QTRY_VERIFY(window.findChild<dialogs::StoreKeyDialog*>() == nullptr);
        window.activateWindow();
        QVERIFY(QTest::qWaitForWindowActive(&window));
        QTest::keyClick(&window, Qt::Key_K, Qt::ControlModifier);
        shell::Palette& palette = window.commandPalette();
        QTRY_VERIFY(palette.isVisible());
        QTest::keyClicks(palette.findChild<QLineEdit*>(), u"store a key"_s);
        QVERIFY(palette.shown().first().startsWith(u"Store a key"));
        QTest::keyClick(palette.findChild<QLineEdit*>(), Qt::Key_Return);
        QTRY_VERIFY(window.findChild<dialogs::StoreKeyDialog*>() != nullptr);
        window.findChild<dialogs::StoreKeyDialog*>()->close();

        // Where nobody can be asked, nothing is offered that cannot be.
        ui.runtime.vault = {u"/home/me/vault"_s, true, true, false};
        ui.runtime.publish(KeysChanged{{locked}});
        QTRY_VERIFY(banner().startsWith(u"The key vault:cloud"));
        QTest::qWait(60);
        QVERIFY(buttonOf(u"Unlock the vault…"_s) == nullptr);
        QVERIFY(!unlock->isEnabled());
    }

    void everyPanelOpensInAWindowAndComesBack()
    {
        UiFixture ui;
        ui.runtime.fillWithExamples();
        ui.open();
        for (Dock* dock : ui.window->docks()) {
            const auto buttons = dock->titleBarWidget()->findChildren<QToolButton*>();
            QTest::mouseClick(buttons.first(), Qt::LeftButton);
            QVERIFY(dock->isFloating());
            QVERIFY(dock->isVisible());
            QVERIFY(dock->windowFlags().testFlag(Qt::Window));
            QTest::mouseClick(buttons.first(), Qt::LeftButton);
            QVERIFY(!dock->isFloating());
            QVERIFY(dock->isVisible());
        }
    }

    void thePaletteFindsEveryAction()
    {
        UiFixture ui;
        ui.runtime.fillWithExamples();
        auto& window = ui.open();
        QTest::keyClick(&window, Qt::Key_K, Qt::ControlModifier);
        shell::Palette& palette = window.commandPalette();
        QTRY_VERIFY(palette.isVisible());
        auto* field = palette.findChild<QLineEdit*>();
        QTRY_VERIFY(field->hasFocus());
        QStringList names;
        const auto collect = [&](const auto& self, const QList<QAction*>& actions) -> void {
            for (QAction* one : actions) {
                if (one->menu()) {
                    self(self, one->menu()->actions());
                } else if (!one->isSeparator() && one->isVisible()) {
                    names.append(one->text().remove(u'&'));
                }
            }
        };
        collect(collect, window.findChild<QMenuBar*>()->actions());
        for (Dock* dock : window.docks()) {
            collect(collect, dock->panel().actions());
        }
        QVERIFY(names.size() > 25);
        for (QString name : names) {
            while (name.endsWith(u'…') || name.endsWith(u' ')) {
                name.chop(1);
            }
            field->clear();
            QTest::keyClicks(field, name);
            QVERIFY2(palette.shown().contains(name), qPrintable(name));
        }
        field->clear();
        QTest::keyClicks(field, u"rstlay"_s);
        QVERIFY(palette.shown().first().startsWith(u"Reset the layout"));
        field->clear();
        QTest::keyClicks(field, u"show journal"_s);
        QCOMPARE(palette.shown().first(), u"Show Journal"_s);
        QTest::keyClick(field, Qt::Key_Return);
        QVERIFY(!palette.isVisible());
        QVERIFY(!window.dock(u"journal"_s)->isVisible());
        QTest::keyClick(&window, Qt::Key_K, Qt::ControlModifier);
        QTRY_VERIFY(palette.isVisible());
        QTest::keyClick(field, Qt::Key_Escape);
        QVERIFY(!palette.isVisible());
    }

    void keysJumpBetweenPanels()
    {
        UiFixture ui;
        ui.runtime.fillWithExamples();
        auto& window = ui.open();
        const auto focused = [&]() -> QString {
            for (Dock* dock : window.docks()) {
                if (dock->isAncestorOf(QApplication::focusWidget())) {
                    return dock->panel().id();
                }
            }
            return {};
        };
        QTRY_COMPARE(focused(), u"conversation"_s);
        const auto docks = window.docks();
        for (int i = 0; i < int(docks.size()); ++i) {
            QTest::keyClick(&window, Qt::Key(Qt::Key_1 + i), Qt::ControlModifier);
            QTRY_COMPARE(focused(), docks.at(i)->panel().id());
        }
        QTest::keyClick(&window, Qt::Key_1, Qt::ControlModifier);
        for (int i = 1; i <= int(docks.size()); ++i) {
            QTest::keyClick(&window, Qt::Key_F6);
            QTRY_COMPARE(focused(), docks.at(i % docks.size())->panel().id());
        }
        // Text fields have uses of their own for some of these keys; ours come first.
        QTest::keyClick(&window, Qt::Key_2, Qt::ControlModifier);
        QWidget* composer = QApplication::focusWidget();
        QVERIFY(qobject_cast<QPlainTextEdit*>(composer));
        QTest::keyClicks(composer, u"words"_s);
        static_cast<QPlainTextEdit*>(composer)->moveCursor(QTextCursor::Start);
        QTest::keyClick(composer, Qt::Key_K, Qt::ControlModifier);
        QTRY_VERIFY(window.commandPalette().isVisible());
        QTest::keyClick(QApplication::focusWidget(), Qt::Key_Escape);
        QVERIFY(composer->hasFocus());
        QCOMPARE(static_cast<QPlainTextEdit*>(composer)->toPlainText(), u"words"_s);
        QTest::keyClick(composer, Qt::Key_F, Qt::ControlModifier);
        QVERIFY(qobject_cast<QLineEdit*>(QApplication::focusWidget()));
        QTest::keyClick(QApplication::focusWidget(), Qt::Key_K, Qt::ControlModifier);
        QTRY_VERIFY(window.commandPalette().isVisible());
        QTest::keyClick(QApplication::focusWidget(), Qt::Key_Escape);
        QTest::keyClick(&window, Qt::Key_1, Qt::ControlModifier);
        QTest::keyClick(&window, Qt::Key_F6, Qt::ShiftModifier);
        QTRY_COMPARE(focused(), docks.last()->panel().id());
        QTest::keyClick(&window, Qt::Key_1, Qt::ControlModifier);
        QTest::keyClick(&window, Qt::Key_F, Qt::ControlModifier);
        QCOMPARE(focused(), u"channels"_s);
        QVERIFY(qobject_cast<QLineEdit*>(QApplication::focusWidget()));
    }

    void aNewConversationIsBegun()
    {
        UiFixture ui;
        ui.runtime.fillWithExamples();
        auto& window = ui.open();
        const auto before = ui.runtime.snapshot.channels.size();
        QTest::keyClick(&window, Qt::Key_N, Qt::ControlModifier);
        QTRY_COMPARE(ui.runtime.snapshot.channels.size(), before + 1);
        auto& panel =
            static_cast<panels::ConversationPanel&>(window.dock(u"conversation"_s)->panel());
        QTRY_VERIFY(panel.view().transcript());
        QTRY_COMPARE(panel.view().transcript()->channel(), ui.runtime.snapshot.channels.last().id);
    }

    void channelsTellWhatIsUnread()
    {
        UiFixture ui;
        ui.runtime.fillWithExamples();
        auto& window = ui.open();
        auto* list = window.dock(u"channels"_s)->findChild<QAbstractItemView*>();
        const auto texts = [&] {
            QStringList all;
            for (int i = 0; i < list->model()->rowCount(); ++i) {
                all.append(list->model()->index(i, 0).data(Qt::AccessibleTextRole).toString());
            }
            return all.filter(u"unread"_s);
        };
        QCOMPARE(texts(), QStringList()); // the first start: nothing is news
        ChannelInfo channel = ui.runtime.snapshot.channels.at(1);
        channel.lastSeq = 90;
        ui.runtime.publish(ChannelChanged{channel});
        QTRY_COMPARE(texts().size(), 1);
        QVERIFY(texts().first().startsWith(channel.title));
        window.openLink({Link::To::Channel, channel.agent, channel.id, 0});
        QTRY_COMPARE(texts().size(), 0);
        auto* filter = window.dock(u"channels"_s)->findChild<QLineEdit*>();
        QTest::keyClicks(filter, u"release"_s);
        QTRY_COMPARE(list->model()->rowCount(), 2);
    }

    void bannersSayWhatIsWrong()
    {
        UiFixture ui;
        ui.runtime.snapshot.agents = {{u"fixer"_s, {}, {}, u"Its workspace is missing."_s}};
        ui.runtime.snapshot.configProblem = u"Line 3: unknown key."_s;
        auto& window = ui.open();
        const auto banners = [&] {
            QStringList texts;
            for (auto* banner : window.menuWidget()->findChildren<widgets::Banner*>()) {
                if (banner->isVisible()) {
                    texts.append(banner->text());
                }
            }
            return texts;
        };
        QTRY_COMPARE(banners().size(), 3);
        QCOMPARE(banners().at(0), u"Line 3: unknown key."_s);
        QCOMPARE(banners().at(1), u"Agent fixer: Its workspace is missing."_s);
        QVERIFY(banners().at(2).contains(u"tour"));
        ui.runtime.publish(ConfigChanged{});
        ui.runtime.publish(AgentChanged{{u"fixer"_s, {}, {}, {}}, false});
        QTRY_COMPARE(banners().size(), 1);
        action(window, u"tour"_s)->trigger();
        action(window, u"tour"_s)->trigger(); // pressed twice is pressed once
        QTRY_COMPARE(banners().size(), 0);
        QCOMPARE(ui.runtime.asked<StartRun>().size(), 1);
        QVERIFY(ui.runtime.asked<StartRun>().first().tour);
        auto& panel =
            static_cast<panels::ConversationPanel&>(window.dock(u"conversation"_s)->panel());
        QTRY_VERIFY(panel.view().transcript());
    }

    void theFirstFileIsWrittenByAButton()
    {
        UiFixture ui;
        const QString path = ui.folder.filePath(u"signalbox.yaml"_s);
        ui.runtime.snapshot.configPath = path;
        ui.runtime.snapshot.configProblem = u"There is no signalbox.yaml."_s;
        Opened opened;
        QDesktopServices::setUrlHandler(u"file"_s, &opened, "open");
        const auto restore = qScopeGuard([] { QDesktopServices::unsetUrlHandler(u"file"_s); });
        auto& window = ui.open();
        const auto banners = [&] {
            QStringList texts;
            for (auto* banner : window.menuWidget()->findChildren<widgets::Banner*>()) {
                if (banner->isVisible()) {
                    texts.append(banner->text());
                }
            }
            return texts;
        };
        const auto button = [&](QWidget* in, const QString& text) {
            QPushButton* found = nullptr;
            for (auto* one : in->findChildren<QPushButton*>()) {
                found = one->isVisible() && one->text() == text ? one : found;
            }
            return found;
        };
        // One banner at the first start; the empty channel list has the other button.
        QTRY_COMPARE(banners().size(), 1);
        QVERIFY(banners().first().contains(u"tour"));
        QVERIFY(button(window.dock(u"channels"_s), u"Write a signalbox.yaml"_s));
        QTest::mouseClick(button(&window, u"Not now"_s), Qt::LeftButton);
        QCOMPARE(banners(), QStringList{u"No agent is configured yet."_s});
        ui.runtime.holdReplies = true;
        auto* write = button(window.menuWidget(), u"Write a signalbox.yaml"_s);
        QTest::mouseClick(write, Qt::LeftButton);
        QTest::mouseClick(write, Qt::LeftButton); // pressed twice is pressed once
        QCOMPARE(ui.runtime.asked<WriteConfig>().size(), 1);
        QFile file(path);
        QVERIFY(file.open(QIODevice::WriteOnly));
        ui.runtime.release();
        QTRY_COMPARE(opened.urls, QList<QUrl>{QUrl::fromLocalFile(path)});
        ui.runtime.publish(AgentChanged{{u"assistant"_s, {}, {}, {}}, false});
        ui.runtime.publish(ConfigChanged{});
        QTRY_COMPARE(banners(), QStringList());
        action(window, u"open-config"_s)->trigger(); // now it is there
        QCOMPARE(opened.urls.size(), 2);
        QCOMPARE(ui.runtime.asked<WriteConfig>().size(), 1);
    }

    void theStatusLineCountsAndLeadsThere()
    {
        UiFixture ui;
        ui.runtime.fillWithExamples();
        auto& window = ui.open();
        const auto buttons = window.statusBar()->findChildren<QToolButton*>();
        QCOMPARE(buttons.size(), 4);
        QTRY_COMPARE(buttons.at(0)->text(), u"2 running"_s);
        QCOMPARE(buttons.at(1)->text(), u"3 waiting"_s);
        QCOMPARE(buttons.at(2)->text(), u"$0.42 today"_s);
        QCOMPARE(buttons.at(3)->text(), u"Journal not verified"_s);
        Totals totals = ui.runtime.snapshot.totals;
        totals.journalVerifiedAt = 1;
        ui.runtime.publish(TotalsChanged{totals});
        QTRY_COMPARE(buttons.at(3)->text(), u"Journal verified"_s);
        totals.journalProblem = u"Entry 12 of fixer is damaged."_s;
        ui.runtime.publish(TotalsChanged{totals});
        QTRY_COMPARE(buttons.at(3)->text(), u"Journal has a problem"_s);
        QCOMPARE(buttons.at(3)->toolTip(), totals.journalProblem);
        QTest::mouseClick(buttons.at(1), Qt::LeftButton);
        QTRY_VERIFY(window.dock(u"approvals"_s)->isAncestorOf(QApplication::focusWidget()));
    }

    void aSecondStartRaisesTheWindow()
    {
        UiFixture ui;
        auto& window = ui.open();
        window.showMinimized();
        ui.runtime.publish(Activated{u"token"_s});
        QTRY_VERIFY(!window.isMinimized());
        QVERIFY(window.isVisible());
        qunsetenv("XDG_ACTIVATION_TOKEN");
    }

    void everyControlHasANameAndCanBeReached_data()
    {
        QTest::addColumn<int>("scheme");
        QTest::addColumn<double>("scale");
        QTest::addColumn<bool>("filled");
        QTest::newRow("light") << int(theme::Scheme::Light) << 1.0 << true;
        QTest::newRow("dark, empty") << int(theme::Scheme::Dark) << 1.0 << false;
        QTest::newRow("dark, 200 %") << int(theme::Scheme::Dark) << 2.0 << true;
    }
    void everyControlHasANameAndCanBeReached()
    {
        QFETCH(int, scheme);
        QFETCH(double, scale);
        QFETCH(bool, filled);
        UiFixture ui({theme::Scheme(scheme), scale});
        if (filled) {
            ui.runtime.fillWithExamples();
        }
        auto& window = ui.open({1280, 720});
        QCoreApplication::processEvents();
        QVERIFY2(window.height() <= 720 && window.width() <= 1280,
                 qPrintable(u"%1 × %2"_s.arg(window.width()).arg(window.height())));
        QStringList found;
        for (Dock* dock : window.docks()) { // tabs hide each other
            dock->jumpTo();
            QCoreApplication::processEvents();
            found += complaints(window);
        }
        found.removeDuplicates();
        QVERIFY2(found.isEmpty(), qPrintable(found.join(u'\n')));
    }
};

QTEST_MAIN(tst_Shell)
#include "tst_Shell.moc"
