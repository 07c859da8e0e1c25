#pragma once
#include "ui/theme/Theme.h"

#include <QStatusBar>

class QToolButton;

namespace sb::shell {

/// What runs, what waits for a person, what it costs, whether the journal holds: at a glance, each
/// a way to its panel.
class StatusLine final : public QStatusBar
{
    Q_OBJECT
public:
    explicit StatusLine(theme::Theme& theme, QWidget* parent = nullptr);
    void setTotals(const protocol::Totals& totals);

Q_SIGNALS:
    void panelWanted(const QString& id);

private:
    QToolButton* addButton(const QString& panel);
    theme::Theme& m_theme;
    protocol::Totals m_totals;
    QToolButton* m_running;
    QToolButton* m_waiting;
    QToolButton* m_cost;
    QToolButton* m_journal;
};

} // namespace sb::shell
