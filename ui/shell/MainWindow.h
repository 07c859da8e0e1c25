#pragma once
#include "ui/dialogs/StoreKeyDialog.h"
#include "ui/shell/Panels.h"

#include <QMainWindow>

class QMenu;
class QPushButton;
class QVBoxLayout;

namespace sb::widgets {
class Banner;
class StateFile;
} // namespace sb::widgets

namespace sb::shell {

class Dock;
class Palette;
class StatusLine;

struct Settings
{
    QString stateDir; ///< where the window keeps its layout, drafts and marks; made when it is not
                      ///< there
    bool themeForced =
        false; ///< the command line chose light or dark: the remembered choice is not applied
    std::vector<PanelEntry> panels = standardPanels();
    /// Keeps a key where the runtime finds it; empty: keys cannot be stored from here. A key never
    /// goes through the bridge, whose commands may leave the process.
    dialogs::StoreKeyDialog::Store storeKey{};
};

/// The window. Its constructor makes the panels and starts the bridge; show() is the caller's.
class MainWindow final : public QMainWindow
{
    Q_OBJECT
public:
    MainWindow(bridge::Bridge& bridge, theme::Theme& theme, Clock& clock, Settings settings);
    ~MainWindow() override;

    /// The dock of the panel with that id; null when there is none.
    [[nodiscard]] Dock* dock(const QString& panelId) const;
    [[nodiscard]] const QList<Dock*>& docks() const { return m_docks; }
    [[nodiscard]] Palette& commandPalette() const { return *m_palette; }
    /// Shows what the link points at, in whichever panel can.
    void openLink(const panels::Link& link);
    void resetLayout();
    /// Comes to the front, as asked for by a second start of the program.
    void bringToFront(const QString& token);

protected:
    void closeEvent(QCloseEvent* event) override;
    void showEvent(QShowEvent* event) override;

private:
    void makePanels(const panels::Context& context, const std::vector<PanelEntry>& entries);
    void makeMenus();
    void makeBanners();
    void arrange(); ///< the default layout
    void restoreLayout();
    void saveLayout();
    void cycle(int step);
    void openPalette();
    void search();
    void takeTour();
    /// Opens signalbox.yaml in the desktop's editor; writes it before when there is none.
    void openConfig();
    void writeConfig();
    void editConfig(const QString& path);
    /// Asks for a key; `reference` is the one that is missing, or nothing.
    void storeKey(const QString& reference);
    void unlockVault();
    void readVault();
    void showKeyProblems();
    void placeNewDocks(const QByteArray& layout);
    void about();
    void refreshBanners();
    void say(const QString& sentence);
    [[nodiscard]] Dock* focusedDock() const;
    QAction* add(QMenu* menu,
                 const QString& name,
                 const QString& icon,
                 const QString& text,
                 const QKeySequence& keys,
                 std::function<void()> run);

    bridge::Bridge& m_bridge;
    theme::Theme& m_theme;
    std::unique_ptr<widgets::StateFile> m_state;
    QList<Dock*> m_docks;
    std::vector<PanelEntry::Place> m_places;
    Palette* m_palette;
    StatusLine* m_status;
    QVBoxLayout* m_top = nullptr;
    widgets::Banner* m_configBanner = nullptr;
    widgets::Banner* m_agentBanner = nullptr;
    widgets::Banner* m_keyBanner = nullptr;
    QPushButton* m_storeButton = nullptr; // of the banner, as the next two
    QPushButton* m_unlockButton = nullptr;
    QPushButton* m_namedButton = nullptr;
    widgets::Banner* m_setupBanner = nullptr; // no agent and no file yet
    widgets::Banner* m_lostBanner = nullptr;
    widgets::Banner* m_welcome = nullptr;
    QMenu* m_view = nullptr;
    QMenu* m_panelsMenu = nullptr;
    dialogs::StoreKeyDialog::Store m_storeKey;
    protocol::VaultInfo m_vault;
    QString m_currentAgent;
    bool m_restoring = true;
    bool m_tourStarting = false;
    bool m_writingConfig = false;
    bool m_firstShow = true;
};

} // namespace sb::shell
