#pragma once
#include "core/base/Clock.h"
#include "ui/bridge/Bridge.h"
#include "ui/theme/Theme.h"

#include <QWidget>

class QStackedLayout;

namespace sb::widgets {
class EmptyState;
}

namespace sb::panels {

/// Something that a panel can be asked to show.
struct Link
{
    enum class To { Channel, Process, Approval, Entry };
    To to = To::Entry;
    QString agent;
    QString id;     ///< of the channel, process or approval
    qint64 seq = 0; ///< of the journal entry, or of the message in the channel
    bool operator==(const Link&) const = default;
};

/// What every panel is given.
struct Context
{
    bridge::Bridge& bridge;
    theme::Theme& theme;
    Clock& clock;
    QString stateDir; ///< where a panel may keep its own state (drafts, column widths); exists
};

/// Base of the panels that dock. The shell makes the dock, its title, menu, icon and shortcuts from
/// it. A panel's own actions (addAction) appear in the palette, so give them text, icon and
/// shortcut (with Qt::WidgetWithChildrenShortcut).
class Panel : public QWidget
{
    Q_OBJECT
public:
    /// `id` names it in the saved layout and never changes; `icon` is a name of resources/icons.
    Panel(
        const Context& context, QString id, QString title, QString icon, QWidget* parent = nullptr);

    [[nodiscard]] const QString& id() const { return m_id; }
    [[nodiscard]] const QString& title() const { return m_title; }
    [[nodiscard]] const QString& iconName() const { return m_icon; }
    [[nodiscard]] int badge() const { return m_badge; }

    /// The widget that gets the focus when the panel is jumped to; the panel itself by default.
    [[nodiscard]] virtual QWidget* focusTarget() { return m_content ? m_content : this; }
    /// Ctrl+F in this panel: put the cursor into the search or filter field. False: it has none.
    virtual bool search() { return false; }
    /// The conversation that is shown elsewhere changed: mark it, filter by it, or ignore it.
    virtual void setCurrentChannel(const QString& agent, const QString& channel);
    /// Shows what the link points at. False: not this panel's business.
    virtual bool open(const Link& link);

Q_SIGNALS:
    /// The shell passes it to the panel that can open it, and raises that one.
    void linkActivated(const sb::panels::Link& link);
    /// Asks the shell for one of its actions by object name: "tour", "open-config",
    /// "new-conversation".
    void actionRequested(const QString& name);
    /// Something failed that has no better place in the panel: the shell shows the sentence for a
    /// while.
    void problem(const QString& sentence);
    /// This panel shows another conversation now; the shell tells all panels.
    void currentChannelChanged(const QString& agent, const QString& channel);
    /// A number in the dock's title: "Approvals (2)"; 0: none.
    void badgeChanged(int count);

protected:
    [[nodiscard]] const Context& context() const { return m_context; }
    /// Puts the panel's content into place; call once. A margin of 0: lists reach the edges.
    void setContent(QWidget* content);
    /// Shows these words instead of the content, or the content again when `text` is empty.
    /// The button is optional; `pressed` is called for it.
    void setEmptyText(const QString& text,
                      const QString& buttonText = {},
                      std::function<void()> pressed = {});
    [[nodiscard]] bool isEmptyShown() const;
    void setBadge(int count);

private:
    Context m_context;
    QString m_id;
    QString m_title;
    QString m_icon;
    int m_badge = 0;
    QStackedLayout* m_stack;
    QWidget* m_content = nullptr;
    widgets::EmptyState* m_empty = nullptr;
};

} // namespace sb::panels
