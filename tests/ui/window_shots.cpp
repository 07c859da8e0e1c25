#include "tests/ui/WindowDriver.h"

#include "ui/panels/conversation/ConversationPanel.h"
#include "ui/panels/conversation/Transcript.h"
#include "ui/panels/conversation/TranscriptView.h"

#include <QDir>

#include <cstdio>

using namespace sb;
using namespace sb::test;

namespace {

QString folder;
QString schemeName;

/// Lets what is on its way arrive, then saves what the widget shows.
void save(QWidget& widget, const QString& name)
{
    QTest::qWait(250);
    const QString path = QStringLiteral("%1/%2-%3.png").arg(folder, name, schemeName);
    if (!widget.grab().save(path)) {
        qFatal("%s cannot be written", qPrintable(path));
    }
}

void require(bool happened, const char* what)
{
    if (!happened) {
        qFatal("It did not happen: %s", what);
    }
}

} // namespace

/// usage: window-shots light|dark FOLDER [SCALE]: takes the tour in the real window and saves a
/// picture of every stage and panel; SCALE 2 doubles the font.
int main(int argc, char** argv)
{
    QApplication application(argc, argv);
    if (argc != 3 && argc != 4) {
        std::fputs("usage: window-shots light|dark FOLDER [SCALE]\n", stderr);
        return 2;
    }
    schemeName = QString::fromLocal8Bit(argv[1]);
    folder = QString::fromLocal8Bit(argv[2]);
    theme::Theme::Options options;
    if (argc == 4) {
        options.fontScale = QByteArray(argv[3]).toDouble();
        schemeName += QLatin1StringView("-scale") + QLatin1StringView(argv[3]);
    }
    options.scheme = schemeName.startsWith(u"dark") ? theme::Scheme::Dark : theme::Scheme::Light;

    WindowDriver driver(options);
    save(driver.window(), QStringLiteral("1-first-start"));
    QTest::keyClick(&driver.window(), Qt::Key_K, Qt::ControlModifier);
    save(driver.window(), QStringLiteral("2-palette"));
    if (auto* const popup = QApplication::activePopupWidget() != nullptr
                                ? QApplication::activePopupWidget()
                                : QApplication::focusWidget()) {
        QTest::keyClick(popup, Qt::Key_Escape);
    }
    require(driver.click(QStringLiteral("Take the tour")), "the tour's button");
    require(driver.waitFor([&] { return driver.approvals(false).size() == 1; }),
            "the tour's question");
    require(driver.waitFor([&] { return driver.button(QStringLiteral("Accept")) != nullptr; }),
            "its card");
    save(driver.window(), QStringLiteral("3-question"));
    driver.window().resize(1280, 720);
    save(driver.window(), QStringLiteral("3-question-small-screen"));
    driver.window().resize(1440, 900);
    require(driver.click(QStringLiteral("Accept")), "accepting");
    require(driver.waitFor([&] { return driver.tourOutcome() == u"succeeded"; }), "the commit");
    if (driver.button(QStringLiteral("Verify")) == nullptr) {
        driver.window().dock(QStringLiteral("journal"))->jumpTo(); // it is behind a tab
    }
    require(driver.click(QStringLiteral("Verify")), "verifying");
    save(driver.window(), QStringLiteral("4-done"));
    // The worker's line, unfolded by keys, and its first tool call too.
    auto& view = static_cast<panels::ConversationPanel&>(
                     driver.window().dock(QStringLiteral("conversation"))->panel())
                     .view();
    view.setFocus();
    QTest::keyClick(&view, Qt::Key_Home);
    for (int i = 0; i < 6; ++i) {
        QTest::keyClick(&view, Qt::Key_Down);
    }
    while (view.transcript()->row(view.currentRow()).item.kind != protocol::ItemKind::Delegate &&
           view.currentRow() > 0) {
        QTest::keyClick(&view, Qt::Key_Up);
    }
    QTest::keyClick(&view, Qt::Key_Right);
    QTest::keyClick(&view, Qt::Key_Down);
    QTest::keyClick(&view, Qt::Key_Right);
    save(driver.window(), QStringLiteral("4-unfolded"));
    for (shell::Dock* const dock : driver.window().docks()) {
        dock->jumpTo(); // one that is behind a tab has another size
        save(*dock, QStringLiteral("panel-") + dock->objectName().toLower());
    }
    driver.window().resize(1280, 720);
    save(driver.window(), QStringLiteral("5-small-screen"));
    return 0;
}
