#pragma once
#include "ui/panels/Panel.h"

#include <QDockWidget>

class QToolButton;

namespace sb::widgets {
class ElidedLabel;
}

namespace sb::shell {

/// A panel in the window or in a window of its own, with a title that says which it is and how many
/// things wait in it.
class Dock final : public QDockWidget
{
    Q_OBJECT
public:
    Dock(panels::Panel* panel, theme::Theme& theme, QWidget* parent);

    [[nodiscard]] panels::Panel& panel() const { return *m_panel; }
    /// Into a window of its own with the system's frame, or back into the main window. Never needs
    /// dragging.
    void setInOwnWindow(bool own);
    /// A layout that was restored floats panels as tool windows: gives this one the frame that it
    /// had.
    void restoreOwnWindow();
    /// Shows and raises it, and puts the focus into the panel.
    void jumpTo();

private:
    void refreshTitle();

    panels::Panel* m_panel;
    theme::Theme& m_theme;
    widgets::ElidedLabel* m_title;
    QToolButton* m_window;
    QToolButton* m_hide;
};

} // namespace sb::shell
