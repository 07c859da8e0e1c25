#pragma once
#include "core/base/Clock.h"
#include "tests/support/DemoRuntime.h"
#include "ui/bridge/Bridge.h"
#include "ui/shell/MainWindow.h"
#include "ui/theme/Theme.h"

#include <QTemporaryDir>
#include <QtTest>

namespace sb::test {

/// The real main window on a canned runtime, with a state folder of its own and a clock that stands
/// still.
struct UiFixture
{
    explicit UiFixture(theme::Theme::Options options = {theme::Scheme::Light})
        : theme(options), clock(DemoRuntime::now)
    {
    }

    /// Makes and shows the window, and waits until it has its snapshot.
    shell::MainWindow& open(QSize size = {1280, 800}, dialogs::StoreKeyDialog::Store storeKey = {})
    {
        bridge = std::make_unique<bridge::Bridge>(runtime);
        shell::Settings settings{.stateDir = folder.path(), .themeForced = true};
        settings.storeKey = std::move(storeKey);
        window = std::make_unique<shell::MainWindow>(*bridge, theme, clock, std::move(settings));
        window->resize(size);
        window->show();
        window->activateWindow();
        [[maybe_unused]] const bool exposed = QTest::qWaitForWindowExposed(window.get());
        [[maybe_unused]] const bool loaded = QTest::qWaitFor([this] { return bridge->isLoaded(); });
        QCoreApplication::processEvents();
        return *window;
    }
    void close()
    {
        window->close();
        window.reset();
        bridge.reset();
    }

    theme::Theme theme;
    FakeClock clock;
    DemoRuntime runtime;
    QTemporaryDir folder;
    std::unique_ptr<bridge::Bridge> bridge;
    std::unique_ptr<shell::MainWindow> window;
};

} // namespace sb::test
