#pragma once
#include "ui/panels/Panel.h"
#include "ui/panels/channels/ChannelsModel.h"

#include <QTimer>

class QLineEdit;
class QListView;
class QMenu;
class QToolButton;

namespace sb::widgets {
class StateFile;
class EmptyState;
} // namespace sb::widgets

namespace sb::panels {

/// Every conversation of every agent; choosing one shows it.
class ChannelsPanel final : public Panel
{
    Q_OBJECT
public:
    explicit ChannelsPanel(const Context& context, QWidget* parent = nullptr);
    ~ChannelsPanel() override;

    [[nodiscard]] QWidget* focusTarget() override;
    bool search() override;
    void setCurrentChannel(const QString& agent, const QString& channel) override;

protected:
    bool event(QEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void refresh();
    void fillAgentMenu();
    void begin(const QString& agent);
    void beginWithCurrentAgent();
    void markSeen();
    void show(const QModelIndex& index);
    [[nodiscard]] bool isUnread(const protocol::ChannelInfo& channel) const;

    std::unique_ptr<widgets::StateFile> m_seen;
    bool m_firstEver; ///< no window was here before: nothing is unread
    ChannelsModel m_model;
    QLineEdit* m_filter;
    QToolButton* m_new;
    QMenu* m_agents;
    QListView* m_list;
    QString m_agent;
    QString m_channel;
    QTimer m_ages;
    bool m_selecting = false;
};

} // namespace sb::panels
