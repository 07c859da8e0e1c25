#pragma once
#include "ui/models/MemoryHits.h"
#include "ui/models/MemoryTable.h"
#include "ui/panels/memory/GraphView.h"
#include "ui/panels/memory/MemoryEdits.h"

#include <QTimer>

class QButtonGroup;
class QComboBox;
class QLineEdit;
class QMenu;
class QPushButton;
class QScrollArea;
class QSplitter;
class QStackedWidget;
class QTableView;
class QToolButton;

namespace sb::widgets {
class Banner;
class EmptyState;
class StateFile;
class ToneLabel;
} // namespace sb::widgets

namespace sb::panels {

class BulletinView;
class GraphLegend;
class IngestBar;
class LinkBar;
class MemoryDetails;
class RowDelegate;
class TimeBar;

/// What an agent remembers: to look at as a graph or a table, now and as it was known at any day,
/// and to be put right. Every change is taken back with Ctrl+Z.
class MemoryPanel final : public Panel
{
    Q_OBJECT
public:
    /// Ask a person for a file to write, or for files to read; call back with paths, or not at all.
    using ChooseFile = std::function<void(
        QWidget*, const QString& suggested, std::function<void(const QString&)>)>;
    using ChooseFiles = std::function<void(QWidget*, std::function<void(const QStringList&)>)>;
    enum class View { Graph, Table, Bulletin };

    explicit MemoryPanel(const Context& context, QWidget* parent = nullptr);
    ~MemoryPanel() override;

    [[nodiscard]] QWidget* focusTarget() override;
    bool search() override;
    void setCurrentChannel(const QString& agent, const QString& channel) override;
    /// Replace the file dialogs, for tests.
    void setChooseFile(ChooseFile chooseFile) { m_chooseFile = std::move(chooseFile); }
    void setChooseFiles(ChooseFiles chooseFiles) { m_chooseFiles = std::move(chooseFiles); }

protected:
    void showEvent(QShowEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;

private:
    // MemoryPanel.cpp: what there is and where it stands
    void buildBar(QWidget* bar);
    void buildFilters();
    void buildMiddle();
    void buildGraphTools();
    void buildTable();
    void buildHits();
    void connectAll();
    void placeOverlays();
    void fitColumns();
    void setView(View view);

    // MemoryPanelData.cpp: what is shown
    void readAgents();
    void showAgent(const QString& agent);
    void reload();
    void readStats();
    void applyFilter();
    void loaded(const Result<protocol::GetMemoryGraph::Reply>& reply);
    void updated(const QList<protocol::MemoryUpdated>& changes);
    void showGraph(bool isAnother);
    void keepPlaces();
    void refresh();
    void lookFor();
    void momentChanged();
    void tellIndex();
    [[nodiscard]] protocol::MemoryFilter filter() const;
    [[nodiscard]] bool isFiltered() const;
    [[nodiscard]] bool isPast() const { return m_moment != 0; }

    // MemoryPanelActions.cpp: what is done with it
    void addActions();
    void addMenuActions(QMenu* menu);
    void choose(const QStringList& ids, const QWidget* from);
    void showDetails();
    void goTo(const QString& id);
    void goAround(const QString& id);
    void refreshActions();
    void openMenu(const QPoint& global);
    void forgetOrRemember();
    void pinOrUnpin();
    void promote();
    void merge();
    void copy();
    void link(protocol::Relation relation);
    void tellDone(const QString& told, bool canUndo);
    void exportMemory();
    void ingest(const QStringList& paths);
    [[nodiscard]] QList<protocol::MemoryInfo> chosen() const;
    QAction* action(const QString& name,
                    const QString& text,
                    const QString& icon,
                    const QKeySequence& keys,
                    std::function<void()> run);

    models::MemoryTable m_table;
    models::MemoryHits m_hits;
    MemoryEdits m_edits;
    std::unique_ptr<widgets::StateFile> m_places;
    QComboBox* m_agents;
    QLineEdit* m_search;
    QToolButton* m_types;
    QMenu* m_typesMenu;
    QToolButton* m_vouchers;
    QMenu* m_vouchersMenu;
    QToolButton* m_forgotten;
    QButtonGroup* m_views;
    QPushButton* m_add;
    QPushButton* m_export;
    IngestBar* m_ingests = nullptr;
    LinkBar* m_linkBar = nullptr;
    QSplitter* m_splitter;
    QWidget* m_hitsSide;
    widgets::ToneLabel* m_hitsWords;
    QTableView* m_hitsView;
    RowDelegate* m_hitsDelegate = nullptr;
    QStackedWidget* m_middle;
    GraphView* m_graph;
    QTableView* m_tableView;
    RowDelegate* m_delegate = nullptr;
    BulletinView* m_bulletin;
    QScrollArea* m_nothingPage;
    widgets::EmptyState* m_nothing;
    QWidget* m_scope = nullptr; // over the graph, as the next two
    QWidget* m_zoom = nullptr;
    GraphLegend* m_legend = nullptr;
    QToolButton* m_legendButton = nullptr;
    widgets::ToneLabel* m_scopeWords = nullptr;
    QButtonGroup* m_hops = nullptr;
    QPushButton* m_all = nullptr;
    MemoryDetails* m_details = nullptr;
    widgets::Banner* m_notice;
    QPushButton* m_undoButton;
    TimeBar* m_time;
    widgets::ToneLabel* m_state;
    QHash<QString, QAction*> m_actions; // by name

    QString m_agent;
    QString m_followed; // the agent of the conversation that is shown
    bool m_hasPicked = false;
    View m_shownView = View::Graph;
    QString m_around; // the memory that the graph is about; empty: all of them
    QString m_aroundLine;
    QStringList m_chosen; // the current one first
    TimeUs m_moment = 0;  // what was known then; 0: now
    protocol::GetMemoryStats::Reply m_stats;
    QString m_failure; // why nothing can be shown
    bool m_isCut = false;
    bool m_isLoaded = false;
    bool m_isStale = true;
    bool m_isAsking = false; // one question for the graph at a time; the newest wish waits
    bool m_asksAgain = false;
    bool m_isFresh = true; // the first picture of this agent
    quint64 m_searches = 0;
    quint64 m_detailsAsked = 0;
    bool m_isChoosing = false;
    std::optional<bool> m_legendWish; // none: where there is room for it
    QTimer m_typing;
    QTimer m_statsSoon;
    QTimer m_noticeEnds;
    ChooseFile m_chooseFile;
    ChooseFiles m_chooseFiles;
};

} // namespace sb::panels
