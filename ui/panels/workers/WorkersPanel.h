#pragma once
#include "ui/models/WorkersModel.h"
#include "ui/panels/Panel.h"

#include <QTimer>

class QCheckBox;
class QLineEdit;
class QSplitter;
class QTableView;

namespace sb::widgets {
class EmptyState;
}

namespace sb::panels {

class RowDelegate;
class WorkerDetails;

/// What works for the agents now, and what did lately.
class WorkersPanel final : public Panel
{
    Q_OBJECT
public:
    explicit WorkersPanel(const Context& context, QWidget* parent = nullptr);

    [[nodiscard]] QWidget* focusTarget() override;
    bool search() override;
    bool open(const Link& link) override;

protected:
    void showEvent(QShowEvent* event) override;
    void hideEvent(QHideEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void buildTable();
    void addActions();
    void refresh();
    /// Without a choice of the person's own, the newest of those at work is shown.
    void selectByItself();
    void fitColumns();
    void showCurrent();
    void showMenu(const QPoint& position);
    void tick();

    models::WorkersModel m_model;
    models::WorkersFilter m_filter;
    QLineEdit* m_search;
    QCheckBox* m_ended;
    QSplitter* m_splitter;
    QTableView* m_table;
    RowDelegate* m_delegate;
    widgets::EmptyState* m_noMatch;
    WorkerDetails* m_details;
    QAction* m_cancel = nullptr;
    QTimer m_tick;
    std::optional<std::pair<QString, QString>> m_chosen; // agent and id, once a person chose
    bool m_isChanging = false;                           // rows or selection, by the panel itself
    QString m_failure;
};

} // namespace sb::panels
