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
    Workbench(const Workbench&) = delete;
    Workbench& operator=(const Workbench&) = delete;

    shell::MainWindow& window() { return *m_window; }
    protocol::RuntimeClient& client() { return m_session->client(); }

private:
    Workbench();
    struct Keys;
    Future<SecretString> ask(const secrets::PassphraseQuestion& question);
    /// Keeps a key: in the runtime here, or beside one that is in another process, which is told.
    void
    storeKey(const QString& name, SecretString value, std::function<void(Result<QString>)> stored);
    std::unique_ptr<runtime::Session> m_session;
    runtime::Home m_home;
    std::unique_ptr<Keys> m_keys; ///< made at first use, and only beside another process's runtime
    std::unique_ptr<theme::Theme> m_theme;
    std::unique_ptr<bridge::Bridge> m_bridge;
    std::unique_ptr<shell::MainWindow> m_window;
};

} // namespace sb::workbench
