#pragma once
#include "core/runtime/Session.h"
#include "ui/bridge/Bridge.h"
#include "ui/shell/MainWindow.h"
#include "ui/theme/Theme.h"

namespace sb::workbench {

/// The window with everything under it. Make it after the QApplication, in the GUI thread.
class Workbench
{
public:
    struct Options
    {
        runtime::Home home;
        QString program; ///< folder of this executable
        theme::Theme::Options theme;
        bool themeForced = false;
    };
    /// Nothing when another window has the home: it was asked to come to the front.
    static Result<std::unique_ptr<Workbench>> open(const Options& options);
    ~Workbench();

    shell::MainWindow& window() { return *m_window; }
    protocol::RuntimeClient& client() { return m_session->client(); }

private:
    Workbench() = default;
    Future<SecretString> ask(const secrets::PassphraseQuestion& question);
    std::unique_ptr<runtime::Session> m_session;
    std::unique_ptr<theme::Theme> m_theme;
    std::unique_ptr<bridge::Bridge> m_bridge;
    std::unique_ptr<shell::MainWindow> m_window;
};

} // namespace sb::workbench
