#pragma once
#include "ui/models/ContainmentRows.h"
#include "ui/panels/Panel.h"

#include <QSet>

class QAction;
class QPushButton;

namespace sb::widgets {
class ToneLabel;
}

namespace sb::panels {

class MarkedList;

/// What the agent may reach: the file's hosts and what a person gave for good, which is taken back
/// here.
class ReachSection final : public QWidget
{
    Q_OBJECT
public:
    ReachSection(const Context& context, QWidget* parent);

    void show(const protocol::ContainmentInfo& info);
    /// Takes back the permission that is selected, if it is in force.
    [[nodiscard]] QAction* takeBackAction() const { return m_takeBackAction; }

Q_SIGNALS:
    void linkActivated(const sb::panels::Link& link);
    void configWanted();
    /// The runtime answered: it is taken back.
    void takenBack(const QString& agent, const sb::protocol::GrantInfo& grant);

private:
    [[nodiscard]] const protocol::GrantInfo* selected() const;
    [[nodiscard]] bool canTakeBack() const;
    [[nodiscard]] QString hint() const;
    void takeBack();
    void refresh();

    Context m_context;
    protocol::ContainmentInfo m_info;
    models::ContainmentRows m_rows;
    MarkedList* m_list;
    QAction* m_takeBackAction;
    QPushButton* m_takeBack;
    QPushButton* m_journal;
    QPushButton* m_config;
    widgets::ToneLabel* m_failure;
    widgets::ToneLabel* m_hint;
    widgets::ToneLabel* m_counters;
    QSet<std::pair<QString, QString>> m_leaving; // agent and id: asked for, not yet answered
};

} // namespace sb::panels
