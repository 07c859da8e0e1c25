#include "tests/ui/WindowDriver.h"

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

/// usage: window-shots light|dark FOLDER: takes the tour in the real window and saves a picture of
/// every stage and panel.
int main(int argc, char** argv)
{
    QApplication application(argc, argv);
    if (argc != 3) {
        std::fputs("usage: window-shots light|dark FOLDER\n", stderr);
        return 2;
    }
    schemeName = QString::fromLocal8Bit(argv[1]);
    folder = QString::fromLocal8Bit(argv[2]);
    theme::Theme::Options options;
    options.scheme = schemeName == u"dark" ? theme::Scheme::Dark : theme::Scheme::Light;

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
    require(driver.click(QStringLiteral("Accept")), "accepting");
    require(driver.waitFor([&] { return driver.tourOutcome() == u"succeeded"; }), "the commit");
    require(driver.click(QStringLiteral("Verify")), "verifying");
    save(driver.window(), QStringLiteral("4-done"));
    for (shell::Dock* const dock : driver.window().docks()) {
        save(*dock, QStringLiteral("panel-") + dock->objectName().toLower());
    }
    driver.window().resize(1280, 720);
    save(driver.window(), QStringLiteral("5-small-screen"));
    return 0;
}
