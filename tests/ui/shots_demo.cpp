// Saves pictures of the window with canned content: shots_demo DIR. For looking at, not for
// comparing.
#include "tests/ui/UiFixture.h"
#include "ui/panels/conversation/ConversationPanel.h"
#include "ui/panels/conversation/TranscriptView.h"
#include "ui/shell/Dock.h"
#include "ui/shell/Palette.h"

#include <QApplication>
#include <QDir>

using namespace Qt::StringLiterals;
using namespace sb;

namespace {

void save(QWidget& widget, const QString& path)
{
    for (int i = 0; i < 20; ++i) {
        QTest::qWait(20); // colours of code come from another thread
    }
    widget.grab().save(path);
}

void series(
    const QString& folder, const QString& name, theme::Scheme scheme, double scale, QSize size)
{
    test::UiFixture ui({scheme, scale});
    ui.runtime.fillWithExamples();
    auto& window = ui.open(size);
    save(window, folder + u'/' + name + u".png"_s);
    // Unfolded, selected, and a reply on its way.
    auto& view =
        static_cast<panels::ConversationPanel&>(window.dock(u"conversation"_s)->panel()).view();
    view.setFocus();
    view.setCurrentRow(2);
    QTest::keyClick(&view, Qt::Key_Return);
    view.setCurrentRow(4);
    QTest::keyClick(&view, Qt::Key_Return);
    ui.runtime.publish(protocol::TextDelta{
        u"fixer"_s,
        u"main"_s,
        u"main"_s,
        u"## The median\n\nIt has the *same* fault:\n\n> raises IndexError\n\n```py\ndef median(v):"_s});
    view.selectRow(1);
    save(window, folder + u'/' + name + u"-unfolded.png"_s);
    view.jumpToEnd();
    save(window, folder + u'/' + name + u"-writing.png"_s);
    window.openLink({panels::Link::To::Channel, u"assistant"_s, u"rtl"_s, 0});
    save(window, folder + u'/' + name + u"-rtl.png"_s);
    window.openLink({panels::Link::To::Channel, u"assistant"_s, u"notes"_s, 0});
    save(window, folder + u'/' + name + u"-long.png"_s);
    QTest::keyClick(&window, Qt::Key_K, Qt::ControlModifier);
    save(window, folder + u'/' + name + u"-palette.png"_s);
    ui.close();
}

} // namespace

int main(int argc, char** argv)
{
    QApplication app(argc, argv);
    const QString folder = app.arguments().value(1, u"."_s);
    QDir().mkpath(folder);
    series(folder, u"light"_s, theme::Scheme::Light, 1.0, {1280, 800});
    series(folder, u"dark"_s, theme::Scheme::Dark, 1.0, {1600, 960});
    series(folder, u"light-200"_s, theme::Scheme::Light, 2.0, {1280, 720});
    {
        test::UiFixture ui({theme::Scheme::Dark, 1.0});
        ui.runtime.snapshot.configPath = u"/nowhere/signalbox.yaml"_s;
        ui.runtime.snapshot.configProblem =
            u"signalbox.yaml, line 7, column 5: there is no key \"fallbak\"; did you mean \"fallback\"? The old configuration stays in force."_s;
        ui.runtime.snapshot.agents = {{u"assistant"_s,
                                       u"/home/ana/work"_s,
                                       u"local/qwen"_s,
                                       u"Its workspace /home/ana/work is not writable."_s}};
        auto& window = ui.open();
        save(window, folder + u"/empty.png"_s);
        ui.close();
    }
    for (const auto scheme : {theme::Scheme::Light, theme::Scheme::Dark}) { // without its key
        const auto name = scheme == theme::Scheme::Light ? u"/light"_s : u"/dark"_s;
        test::UiFixture ui({scheme, 1.0});
        ui.runtime.fillWithExamples();
        ui.runtime.vault = {u"/home/ana/.local/share/signalbox/vault"_s, true, true, true};
        ui.runtime.snapshot.keyProblems = {
            {u"vault:anthropic"_s,
             u"locked"_s,
             u"The vault stays locked, because its passphrase was not given."_s}};
        auto& window = ui.open({1280, 800}, [](const QString&, SecretString, const auto&) {});
        save(window, folder + name + u"-locked.png"_s);
        ui.runtime.publish(protocol::KeysChanged{
            {{u"env:ANTHROPIC_API_KEY"_s,
              u"not_found"_s,
              u"The environment variable ANTHROPIC_API_KEY, which holds a key, is not set."_s}}});
        QTest::qWait(60);
        save(window, folder + name + u"-missing.png"_s);
        ui.close();
    }
    return 0;
}
