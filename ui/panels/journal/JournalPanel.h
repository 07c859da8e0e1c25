#pragma once
#include "ui/models/JournalModel.h"
#include "ui/panels/Panel.h"

#include <QTimer>

class QComboBox;
class QLineEdit;
class QMenu;
class QPushButton;
class QSplitter;
class QTableView;
class QToolButton;

namespace sb::widgets {
class EmptyState;
class ToneLabel;
} // namespace sb::widgets

namespace sb::panels {

class EntryDetails;
class ReportBar;
class RowDelegate;

/// The journal as it grows: narrowed by agent, kinds and words, with the details of one entry
/// beside it.
class JournalPanel final : public Panel
{
    Q_OBJECT
public:
    /// Asks a person for a file and calls back with its path, or not at all.
    using ChooseFile = std::function<void(
        QWidget*, const QString& suggested, std::function<void(const QString&)>)>;

    explicit JournalPanel(const Context& context, QWidget* parent = nullptr);

    [[nodiscard]] QWidget* focusTarget() override;
    bool search() override;
    bool open(const Link& link) override;
    /// Replaces the file dialog, for tests.
    void setChooseFile(ChooseFile chooseFile) { m_chooseFile = std::move(chooseFile); }

protected:
    void showEvent(QShowEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void buildBar(QWidget* bar);
    void buildKinds();
    void buildTable();
    void addActions();
    void readAgents();
    void applyFilter();
    void showFilter(const models::JournalFilter& filter);
    void refresh();
    void fitColumns();
    void showCurrent();
    void select(int row);
    void selectNewest();
    void exportChain();
    void goTo(const QString& agent, qint64 seq);

    models::JournalModel m_model;
    QComboBox* m_agent;
    QToolButton* m_kinds;
    QMenu* m_kindsMenu;
    QLineEdit* m_search;
    QPushButton* m_verify;
    QPushButton* m_export;
    ReportBar* m_report;
    QSplitter* m_splitter;
    QTableView* m_table;
    RowDelegate* m_delegate;
    widgets::EmptyState* m_nothing;
    EntryDetails* m_details;
    QWidget* m_footer;
    widgets::ToneLabel* m_footerWords;
    QPushButton* m_newest;
    QPushButton* m_older;
    QTimer m_typing;
    QTimer m_quiet;           // since the last new entry
    bool m_hasChosen = false; // a person chose the entry that is shown
    bool m_isSelecting = false;
    ChooseFile m_chooseFile;
    bool m_isShowingFilter = false;
    bool m_isMissing = false; // the entry that somebody asked for is not there
};

} // namespace sb::panels
