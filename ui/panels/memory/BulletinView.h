#pragma once
#include "ui/panels/Panel.h"

class QListWidget;
class QPushButton;
class QTextBrowser;

namespace sb::widgets {
class EmptyState;
class ToneLabel;
} // namespace sb::widgets

namespace sb::panels {

/// What every prompt of the agent's channels carries now, and of which memories it was made.
class BulletinView final : public QWidget
{
    Q_OBJECT
public:
    BulletinView(const Context& context, QWidget* parent);
    /// `lineOf` says a memory in a line; empty where it is not known here.
    void show(const QString& agent,
              const protocol::BulletinInfo& bulletin,
              const std::function<QString(const QString& id)>& lineOf);
    using QWidget::show;

Q_SIGNALS:
    void jumpWanted(const QString& id);
    void linkActivated(const sb::panels::Link& link);

private:
    Context m_context;
    QString m_agent;
    protocol::BulletinInfo m_bulletin;
    QWidget* m_page;
    widgets::EmptyState* m_nothing;
    widgets::ToneLabel* m_from;
    QPushButton* m_entry;
    QTextBrowser* m_text;
    QListWidget* m_memories;
};

} // namespace sb::panels
