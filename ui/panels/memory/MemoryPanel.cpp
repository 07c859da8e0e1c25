#include "ui/panels/memory/MemoryPanel.h"

#include "ui/models/MemoryWords.h"
#include "ui/panels/memory/BulletinView.h"
#include "ui/panels/memory/GraphLegend.h"
#include "ui/panels/memory/IngestBar.h"
#include "ui/panels/memory/LinkBar.h"
#include "ui/panels/memory/MemoryDetails.h"
#include "ui/panels/memory/TimeBar.h"
#include "ui/panels/parts/FlowLayout.h"
#include "ui/panels/parts/RowDelegate.h"
#include "ui/widgets/Labels.h"
#include "ui/widgets/StateFile.h"

#include <QBoxLayout>
#include <QButtonGroup>
#include <QComboBox>
#include <QFileDialog>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLineEdit>
#include <QMenu>
#include <QPushButton>
#include <QResizeEvent>
#include <QScrollArea>
#include <QSplitter>
#include <QStackedWidget>
#include <QTableView>
#include <QToolButton>

using namespace Qt::StringLiterals;

namespace sb::panels {

using models::MemoryTable;
using theme::Tone;
using widgets::ToneLabel;

namespace {

// Opened, not executed: no second event loop.
QFileDialog* opened(QWidget* parent, const QString& title, const QString& suggested)
{
    auto* dialog = new QFileDialog(parent, title, suggested);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    return dialog;
}

void chooseFileByDialog(QWidget* parent,
                        const QString& suggested,
                        std::function<void(const QString&)> chosen)
{
    auto* dialog = opened(parent, MemoryPanel::tr("Export the memory"), suggested);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setNameFilters({MemoryPanel::tr("A page to look at in a browser (*.html)"),
                            MemoryPanel::tr("JSON (*.json)"),
                            MemoryPanel::tr("GraphML, for graph programs (*.graphml)")});
    const QStringList suffixes{u"html"_s, u"json"_s, u"graphml"_s};
    dialog->setDefaultSuffix(suffixes.first());
    QObject::connect(dialog, &QFileDialog::filterSelected, dialog, [=](const QString& filter) {
        dialog->setDefaultSuffix(
            suffixes.value(dialog->nameFilters().indexOf(filter), suffixes.first()));
    });
    QObject::connect(dialog, &QFileDialog::fileSelected, parent, std::move(chosen));
    dialog->open();
}

void chooseFilesByDialog(QWidget* parent, std::function<void(const QStringList&)> chosen)
{
    auto* dialog = opened(parent, MemoryPanel::tr("Files to be read into the memory"), {});
    dialog->setFileMode(QFileDialog::ExistingFiles);
    QObject::connect(dialog, &QFileDialog::filesSelected, parent, std::move(chosen));
    dialog->open();
}

constexpr int legendShare = 3; // it takes at most one part in so many of the width by itself

} // namespace

MemoryPanel::MemoryPanel(const Context& context, QWidget* parent)
    : Panel(context, u"memory"_s, tr("Memory"), u"memory"_s, parent)
    , m_edits(context, this)
    , m_places(std::make_unique<widgets::StateFile>(context.stateDir + u"/memory-places.json"_s))
    , m_agents(new QComboBox(this))
    , m_search(new QLineEdit(this))
    , m_types(new QToolButton(this))
    , m_typesMenu(new QMenu(m_types))
    , m_vouchers(new QToolButton(this))
    , m_vouchersMenu(new QMenu(m_vouchers))
    , m_forgotten(new QToolButton(this))
    , m_views(new QButtonGroup(this))
    , m_add(new QPushButton(tr("Add files…"), this))
    , m_export(new QPushButton(tr("Export…"), this))
    , m_splitter(new QSplitter(Qt::Horizontal, this))
    , m_hitsSide(new QWidget(m_splitter))
    , m_hitsWords(
          new ToneLabel(context.theme, ToneLabel::Role::Secondary, Tone::Secondary, {}, m_hitsSide))
    , m_hitsView(new QTableView(m_hitsSide))
    , m_middle(new QStackedWidget(m_splitter))
    , m_graph(new GraphView(context.theme, m_middle))
    , m_tableView(new QTableView(m_middle))
    , m_bulletin(new BulletinView(context, m_middle))
    , m_nothingPage(new QScrollArea(m_middle))
    , m_nothing(new widgets::EmptyState(context.theme, u"memory"_s, m_nothingPage))
    , m_notice(new widgets::Banner(context.theme, u"done"_s, Tone::Accent, {}, this))
    , m_undoButton(nullptr)
    , m_time(new TimeBar(context.theme, this))
    , m_state(new ToneLabel(context.theme, ToneLabel::Role::Secondary, Tone::Secondary, {}, this))
    , m_chooseFile(chooseFileByDialog)
    , m_chooseFiles(chooseFilesByDialog)
{
    setAcceptDrops(true);
    m_table.setNow(context.clock.nowUs());
    auto* content = new QWidget(this);
    auto* layout = new QVBoxLayout(content);
    layout->setContentsMargins({});
    layout->setSpacing(0);
    auto* bar = new QWidget(content);
    buildBar(bar);
    layout->addWidget(bar);
    m_linkBar = new LinkBar(context, content);
    layout->addWidget(m_linkBar);
    layout->addWidget(m_splitter, 1);
    m_ingests = new IngestBar(context, content);
    layout->addWidget(m_ingests);
    m_undoButton = m_notice->addButton(tr("Undo"), [this] { m_edits.undo(); });
    m_undoButton->setObjectName(u"undo"_s);
    m_undoButton->setAutoDefault(false);
    m_notice->setObjectName(u"notice"_s);
    m_notice->hide();
    layout->addWidget(m_notice);
    auto* foot = new QWidget(content);
    auto* footRow = new FlowLayout(foot);
    footRow->setContentsMargins({});
    footRow->setSpacing(0);
    m_time->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    footRow->addWidget(m_time);
    m_state->setWordWrap(false);
    m_state->setObjectName(u"state"_s);
    m_state->setContentsMargins(theme::space::margin, 0, theme::space::margin, 0);
    footRow->addWidget(m_state);
    layout->addWidget(foot);
    addActions();
    buildMiddle();
    setContent(content);
    connectAll();
    applyFilter();
    setView(View::Graph);
    if (context.bridge.isLoaded()) {
        readAgents();
    }
    refresh();
}

MemoryPanel::~MemoryPanel()
{
    keepPlaces();
}

void MemoryPanel::buildBar(QWidget* bar)
{
    auto* controls = new FlowLayout(bar);
    controls->setContentsMargins(
        theme::space::margin, theme::space::inside, theme::space::margin, theme::space::inside);
    m_agents->setAccessibleName(tr("Agent"));
    m_agents->setSizeAdjustPolicy(QComboBox::AdjustToContents);
    m_search->setPlaceholderText(tr("Search the memory"));
    m_search->setAccessibleName(tr("Search the memory"));
    m_search->setClearButtonEnabled(true);
    m_search->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    m_search->installEventFilter(this);
    buildFilters();
    auto* views = new QWidget(bar);
    auto* row = new QHBoxLayout(views);
    row->setContentsMargins({});
    row->setSpacing(0);
    const auto view = [&](View which, const QString& icon, const QString& text) {
        auto* button = new QToolButton(views);
        button->setText(text);
        button->setIcon(context().theme.icon(icon));
        button->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
        button->setCheckable(true);
        button->setAutoRaise(true);
        button->setFocusPolicy(Qt::StrongFocus);
        m_views->addButton(button, int(which));
        row->addWidget(button);
    };
    view(View::Graph, u"memory"_s, tr("Graph"));
    view(View::Table, u"journal"_s, tr("Table"));
    view(View::Bulletin, u"info"_s, tr("Bulletin"));
    m_add->setIcon(context().theme.icon(u"plus"_s));
    m_add->setToolTip(tr("Read files into the memory; they can be dropped here as well"));
    m_export->setIcon(context().theme.icon(u"save"_s));
    m_export->setToolTip(tr("Write the memory to a file: JSON, GraphML or a page for a browser"));
    for (auto* button : {m_add, m_export}) {
        button->setAutoDefault(false);
    }
    for (QWidget* control : std::initializer_list<QWidget*>{
             m_agents, m_search, m_types, m_vouchers, m_forgotten, views, m_add, m_export}) {
        controls->addWidget(control);
    }
}

void MemoryPanel::buildFilters()
{
    const auto menuButton = [this](QToolButton* button, QMenu* menu, const QString& icon) {
        button->setPopupMode(QToolButton::InstantPopup);
        button->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
        button->setIcon(context().theme.icon(icon));
        button->setMenu(menu);
        button->setFocusPolicy(Qt::StrongFocus);
    };
    const auto entry = [this](QMenu* menu, const QString& text, int value) {
        auto* made = menu->addAction(text);
        made->setCheckable(true);
        made->setData(value);
        connect(made, &QAction::toggled, this, &MemoryPanel::applyFilter);
    };
    menuButton(m_types, m_typesMenu, u"filter"_s);
    for (const auto type : models::allMemoryTypes()) {
        entry(m_typesMenu, models::memoryTypeText(type), int(type));
    }
    menuButton(m_vouchers, m_vouchersMenu, u"filter"_s);
    for (const auto provenance : models::allProvenances()) {
        entry(m_vouchersMenu, models::provenanceText(provenance), int(provenance));
    }
    m_forgotten->setCheckable(true);
    m_forgotten->setText(tr("Forgotten too"));
    m_forgotten->setIcon(context().theme.icon(u"eye"_s));
    m_forgotten->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    m_forgotten->setToolTip(tr("Show what was forgotten, too"));
    m_forgotten->setFocusPolicy(Qt::StrongFocus);
}

void MemoryPanel::buildMiddle()
{
    m_splitter->setChildrenCollapsible(false);
    buildHits();
    buildTable();
    // A low dock has no room for three lines and a button.
    m_nothingPage->setWidget(m_nothing);
    m_nothingPage->setWidgetResizable(true);
    m_nothingPage->setFrameShape(QFrame::NoFrame);
    m_nothingPage->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_nothingPage->setFocusPolicy(Qt::NoFocus);
    m_nothingPage->setAccessibleName(tr("Memory"));
    for (QWidget* page :
         std::initializer_list<QWidget*>{m_graph, m_tableView, m_bulletin, m_nothingPage}) {
        m_middle->addWidget(page);
    }
    m_details = new MemoryDetails(context(),
                                  m_edits,
                                  {m_actions.value(u"memory-around"_s),
                                   m_actions.value(u"memory-pin"_s),
                                   m_actions.value(u"memory-forget"_s),
                                   m_actions.value(u"memory-link"_s),
                                   m_actions.value(u"memory-split"_s),
                                   m_actions.value(u"memory-merge"_s)},
                                  m_splitter);
    m_splitter->addWidget(m_hitsSide);
    m_splitter->addWidget(m_middle);
    m_splitter->addWidget(m_details);
    m_splitter->setStretchFactor(0, 3);
    m_splitter->setStretchFactor(1, 7);
    m_splitter->setStretchFactor(2, 4);
    buildGraphTools();
    m_graph->installEventFilter(this);
}

void MemoryPanel::buildHits()
{
    auto* column = new QVBoxLayout(m_hitsSide);
    column->setContentsMargins({});
    column->setSpacing(0);
    m_hitsWords->setContentsMargins(
        theme::space::margin, theme::space::inside, theme::space::margin, theme::space::inside);
    m_hitsWords->setObjectName(u"hitsWords"_s);
    column->addWidget(m_hitsWords);
    column->addWidget(m_hitsView, 1);
    setUpTable(*m_hitsView, tr("Found memories"));
    m_hitsView->setObjectName(u"hits"_s);
    m_hitsView->setModel(&m_hits);
    m_hitsView->horizontalHeader()->hide();
    m_hitsView->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
    m_hitsDelegate = new RowDelegate(
        context().theme,
        [this](const QModelIndex& index, bool) {
            const auto& hit = m_hits.at(index.row());
            RowLook look;
            look.icon = models::provenanceIcon(hit.memory.provenance);
            look.iconTone = models::isDoubted(hit.memory) ? Tone::Waiting : Tone::Secondary;
            look.second = models::memoryTypeText(hit.memory.type) + u" · "_s +
                          index.data(models::MemoryHits::WhyRole).toString();
            return look;
        },
        this);
    m_hitsDelegate->setNarrow(true);
    m_hitsView->setItemDelegate(m_hitsDelegate);
    m_hitsSide->hide();
    m_hitsSide->setMinimumWidth(160);
}

void MemoryPanel::buildTable()
{
    setUpTable(*m_tableView, tr("Memories"));
    m_tableView->setObjectName(u"memories"_s);
    m_tableView->setSelectionMode(QAbstractItemView::ExtendedSelection);
    m_tableView->setModel(&m_table);
    // What is remembered takes the room that the other columns leave.
    m_tableView->horizontalHeader()->setSectionResizeMode(MemoryTable::Content,
                                                          QHeaderView::Stretch);
    m_tableView->setSortingEnabled(true);
    m_tableView->sortByColumn(MemoryTable::Made, Qt::DescendingOrder);
    m_delegate = new RowDelegate(
        context().theme,
        [this](const QModelIndex& index, bool isNarrow) {
            const auto& memory = m_table.at(index.row());
            RowLook look;
            look.tone =
                memory.forgottenAt != 0 || (index.column() != MemoryTable::Content && !isNarrow)
                    ? Tone::Secondary
                    : Tone::Text;
            if (!isNarrow && index.column() == MemoryTable::Vouched) {
                const bool isDoubted = models::isDoubted(memory);
                look.badge = widgets::BadgeSpec{models::provenanceIcon(memory.provenance),
                                                models::provenanceText(memory.provenance),
                                                isDoubted ? Tone::Waiting : Tone::Secondary};
            }
            if (isNarrow) {
                look.icon = models::provenanceIcon(memory.provenance);
                look.iconTone = models::isDoubted(memory) ? Tone::Waiting : Tone::Secondary;
                const auto cell = [&](int column) {
                    return index.siblingAtColumn(column).data().toString();
                };
                look.second = QStringList{cell(MemoryTable::Type),
                                          cell(MemoryTable::Importance),
                                          cell(MemoryTable::Made)}
                                  .join(u" · "_s);
            }
            return look;
        },
        this);
    m_tableView->setItemDelegate(m_delegate);
    m_tableView->viewport()->installEventFilter(this);
}

void MemoryPanel::buildGraphTools()
{
    const auto overlay = [this] {
        auto* made = new QWidget(m_graph);
        made->setAutoFillBackground(true);
        made->setBackgroundRole(QPalette::Base);
        auto* row = new QHBoxLayout(made);
        row->setContentsMargins(
            theme::space::inside, theme::space::inside, theme::space::inside, theme::space::inside);
        row->setSpacing(theme::space::inside);
        return made;
    };
    const auto tool = [this](QWidget* in, const QString& icon, const QString& name) {
        auto* button = new QToolButton(in);
        button->setAutoRaise(true);
        button->setFocusPolicy(Qt::TabFocus);
        if (!icon.isEmpty()) {
            button->setIcon(context().theme.icon(icon));
        }
        button->setAccessibleName(name);
        button->setToolTip(name);
        in->layout()->addWidget(button);
        return button;
    };
    m_scope = overlay();
    m_scope->setObjectName(u"scope"_s);
    m_scopeWords =
        new ToneLabel(context().theme, ToneLabel::Role::Secondary, Tone::Text, {}, m_scope);
    m_scopeWords->setWordWrap(false);
    m_scope->layout()->addWidget(m_scopeWords);
    m_hops = new QButtonGroup(this);
    for (int hops = 1; hops <= 3; ++hops) {
        auto* button = tool(m_scope, {}, tr("Show what is within %n links", nullptr, hops));
        button->setText(QString::number(hops));
        button->setCheckable(true);
        button->setChecked(hops == 2);
        m_hops->addButton(button, hops);
    }
    m_all = new QPushButton(tr("Show all"), m_scope);
    m_all->setObjectName(u"showAll"_s);
    m_all->setAutoDefault(false);
    m_scope->layout()->addWidget(m_all);

    m_zoom = overlay();
    connect(tool(m_zoom, u"plus"_s, tr("Zoom in")), &QToolButton::clicked, this, [this] {
        m_graph->zoom(1.4);
    });
    connect(tool(m_zoom, u"minus"_s, tr("Zoom out")), &QToolButton::clicked, this, [this] {
        m_graph->zoom(1 / 1.4);
    });
    connect(tool(m_zoom, u"fit"_s, tr("Show everything in this graph")),
            &QToolButton::clicked,
            m_graph,
            &GraphView::fit);
    m_legendButton = tool(m_zoom, u"info"_s, tr("Show what colours and lines mean"));
    m_legendButton->setCheckable(true);
    m_legend = new GraphLegend(context().theme, m_graph->painter(), m_graph);
    m_legend->hide();
}

void MemoryPanel::connectAll()
{
    auto& bridge = context().bridge;
    m_typing.setSingleShot(true);
    m_typing.setInterval(160);
    connect(&m_typing, &QTimer::timeout, this, &MemoryPanel::lookFor);
    connect(m_search, &QLineEdit::textChanged, this, [this](const QString& text) {
        text.trimmed().isEmpty() ? lookFor() : m_typing.start();
    });
    m_statsSoon.setSingleShot(true);
    m_statsSoon.setInterval(300);
    connect(&m_statsSoon, &QTimer::timeout, this, &MemoryPanel::readStats);
    m_noticeEnds.setSingleShot(true);
    m_noticeEnds.setInterval(15'000);
    connect(&m_noticeEnds, &QTimer::timeout, this, [this] {
        // Whoever is about to press it keeps it.
        m_undoButton->hasFocus() ? m_noticeEnds.start() : m_notice->hide();
    });
    connect(m_agents, &QComboBox::activated, this, [this] {
        m_hasPicked = true;
        showAgent(m_agents->currentData().toString());
    });
    connect(m_forgotten, &QToolButton::toggled, this, &MemoryPanel::applyFilter);
    connect(m_views, &QButtonGroup::idClicked, this, [this](int view) { setView(View(view)); });
    connect(m_add, &QPushButton::clicked, this, [this] {
        m_chooseFiles(this, [this](const QStringList& paths) { ingest(paths); });
    });
    connect(m_export, &QPushButton::clicked, this, &MemoryPanel::exportMemory);
    connect(m_time, &TimeBar::momentChanged, this, &MemoryPanel::momentChanged);
    connect(
        m_graph, &GraphView::chosenChanged, this, [this] { choose(m_graph->chosen(), m_graph); });
    connect(m_graph, &GraphView::activated, this, &MemoryPanel::goAround);
    connect(m_graph, &GraphView::menuWanted, this, &MemoryPanel::openMenu);
    connect(m_graph, &GraphView::placesSettled, this, &MemoryPanel::keepPlaces);
    connect(m_hops, &QButtonGroup::idClicked, this, [this] { showGraph(false); });
    connect(m_all, &QPushButton::clicked, this, [this] { goAround({}); });
    connect(m_legendButton, &QToolButton::clicked, this, [this](bool isWanted) {
        m_legendWish = isWanted;
        placeOverlays();
    });
    const auto chosenIn = [](const QTableView* view) {
        QStringList ids;
        for (const auto& index : view->selectionModel()->selectedRows()) {
            ids.append(index.data(MemoryTable::IdRole).toString());
        }
        const QString current = view->currentIndex().data(MemoryTable::IdRole).toString();
        if (ids.removeOne(current)) {
            ids.prepend(current);
        }
        return ids;
    };
    static_assert(int(MemoryTable::IdRole) == int(models::MemoryHits::IdRole));
    for (auto* view : {m_tableView, m_hitsView}) {
        connect(view->selectionModel(),
                &QItemSelectionModel::selectionChanged,
                this,
                [this, view, chosenIn] {
                    if (view->hasFocus() || view->viewport()->underMouse()) {
                        choose(chosenIn(view), view);
                    }
                });
        connect(view, &QTableView::activated, this, [this](const QModelIndex& index) {
            goTo(index.data(MemoryTable::IdRole).toString());
        });
        connect(view, &QTableView::customContextMenuRequested, this, [this, view](QPoint point) {
            const auto current = view->currentIndex();
            const bool isByKey =
                !view->viewport()->rect().contains(point) || !view->indexAt(point).isValid();
            openMenu(view->viewport()->mapToGlobal(isByKey ? view->visualRect(current).center()
                                                           : point));
        });
    }
    connect(&m_table, &MemoryTable::changed, this, [this] {
        showGraph(false);
        refresh();
    });
    connect(m_details, &MemoryDetails::jumpWanted, this, &MemoryPanel::goTo);
    connect(m_details, &MemoryDetails::linkActivated, this, &Panel::linkActivated);
    connect(m_bulletin, &BulletinView::jumpWanted, this, &MemoryPanel::goTo);
    connect(m_bulletin, &BulletinView::linkActivated, this, &Panel::linkActivated);
    connect(m_ingests, &IngestBar::failed, this, [this](const QString& sentence) {
        tellDone(sentence, false);
    });
    connect(m_linkBar, &LinkBar::linkWanted, this, &MemoryPanel::link);
    connect(&m_edits, &MemoryEdits::done, this, [this](const QString& told, bool isUndo) {
        tellDone(told, !isUndo);
    });
    connect(&m_edits, &MemoryEdits::failed, this, [this](const QString& sentence) {
        tellDone(sentence, false);
        showDetails(); // what was typed or chosen there is not how it is
    });
    connect(&m_edits, &MemoryEdits::changed, this, &MemoryPanel::refreshActions);
    connect(&bridge, &bridge::Bridge::snapshotLoaded, this, [this] {
        m_isStale = true; // after events were lost too
        readAgents();
    });
    connect(&bridge, &bridge::Bridge::agentsChanged, this, &MemoryPanel::readAgents);
    connect(&bridge, &bridge::Bridge::memoryUpdated, this, &MemoryPanel::updated);
    connect(&bridge,
            &bridge::Bridge::memoryIndexed,
            this,
            [this](const protocol::MemoryIndexed& progress) {
                if (progress.agent == m_agent) {
                    m_stats.index = progress.index;
                    tellIndex();
                }
            });
    connect(&context().theme, &theme::Theme::changed, this, [this] {
        fitColumns();
        placeOverlays();
    });
}

void MemoryPanel::setView(View view)
{
    m_shownView = view;
    m_views->button(int(view))->setChecked(true);
    refresh();
}

// Scope on the left, zoom on the right, the legend below it: they lie over the graph, so that a low
// dock keeps its height.
void MemoryPanel::placeOverlays()
{
    const int side = theme::space::related;
    m_scope->setVisible(m_isLoaded && !m_graph->graph().nodes.empty());
    m_zoom->adjustSize();
    m_zoom->move(m_graph->width() - m_zoom->width() - side, side);
    const int room = m_zoom->x() - 2 * side;
    const QFontMetrics metrics(context().theme.secondary());
    const int others = m_scope->sizeHint().width() - m_scopeWords->sizeHint().width();
    m_scopeWords->setText(metrics.elidedText(
        m_scope->property("words").toString(), Qt::ElideRight, std::max(40, room - others)));
    m_scope->layout()->activate();
    m_scope->resize(m_scope->sizeHint());
    m_scope->move(side, side);
    m_legend->adjustSize();
    const int top = m_zoom->geometry().bottom() + side;
    const int below = std::max(side, std::min(top, m_graph->height() - m_legend->height() - side));
    const bool hasRoom = below == top && m_legend->width() * legendShare < m_graph->width();
    const bool isShown = m_legendWish.value_or(hasRoom) && !m_graph->graph().nodes.empty();
    m_legend->setVisible(isShown);
    m_legend->move(m_graph->width() - m_legend->width() - side, below);
    m_legend->raise();
    m_legendButton->setChecked(isShown);
    m_graph->setCovered(QMargins(
        0, m_zoom->height() / 2 + side, isShown && hasRoom ? m_legend->width() + side : 0, 0));
}

void MemoryPanel::fitColumns()
{
    const int width = m_tableView->viewport()->width();
    const QFontMetrics metrics(context().theme.body());
    const int letter = std::max(1, metrics.averageCharWidth());
    const bool isNarrow = width < 70 * letter;
    m_delegate->setNarrow(isNarrow);
    m_tableView->verticalHeader()->setDefaultSectionSize(m_delegate->rowHeight());
    m_hitsView->verticalHeader()->setDefaultSectionSize(m_hitsDelegate->rowHeight());
    m_tableView->horizontalHeader()->setVisible(!isNarrow);
    for (const int column : {int(MemoryTable::Type),
                             int(MemoryTable::Vouched),
                             int(MemoryTable::Importance),
                             int(MemoryTable::Links),
                             int(MemoryTable::Made)}) {
        m_tableView->setColumnHidden(column, isNarrow);
        const int wanted =
            std::max(metrics.horizontalAdvance(
                         m_table.headerData(column, Qt::Horizontal, Qt::DisplayRole).toString()) +
                         3 * letter,
                     13 * letter);
        m_tableView->setColumnWidth(column, wanted);
    }
}

void MemoryPanel::showEvent(QShowEvent* event)
{
    Panel::showEvent(event);
    if (m_isStale) {
        reload();
    }
    fitColumns();
}

void MemoryPanel::resizeEvent(QResizeEvent* event)
{
    Panel::resizeEvent(event);
    // A tall, narrow window has no room for three columns.
    const bool isTall = width() < 900 && height() > width() * 3 / 4;
    const auto wanted = isTall ? Qt::Vertical : Qt::Horizontal;
    if (m_splitter->orientation() != wanted || event->oldSize().isEmpty()) {
        m_splitter->setOrientation(wanted);
        m_splitter->setSizes(isTall ? QList{150, 300, 260} : QList{280, 620, 400});
    }
}

bool MemoryPanel::eventFilter(QObject* watched, QEvent* event)
{
    if (event->type() == QEvent::Resize && watched == m_graph) {
        placeOverlays();
    }
    if (event->type() == QEvent::Resize && watched == m_tableView->viewport()) {
        fitColumns();
    }
    if (event->type() == QEvent::KeyPress && watched == m_search) {
        const int key = static_cast<QKeyEvent*>(event)->key();
        if (key == Qt::Key_Down && m_hits.rowCount() > 0 && !m_hitsSide->isHidden()) {
            m_hitsView->setFocus(Qt::OtherFocusReason);
            m_hitsView->selectRow(0);
            return true;
        }
        if (key == Qt::Key_Escape && !m_search->text().isEmpty()) {
            m_search->clear();
            return true;
        }
    }
    return Panel::eventFilter(watched, event);
}

QWidget* MemoryPanel::focusTarget()
{
    switch (m_shownView) {
    case View::Graph:
        return m_middle->currentWidget() == m_graph ? static_cast<QWidget*>(m_graph) : m_search;
    case View::Table:
        return m_middle->currentWidget() == m_tableView ? static_cast<QWidget*>(m_tableView)
                                                        : m_search;
    case View::Bulletin:
        return m_search;
    }
    return m_search;
}

bool MemoryPanel::search()
{
    m_search->setFocus(Qt::ShortcutFocusReason);
    m_search->selectAll();
    return true;
}

void MemoryPanel::setCurrentChannel(const QString& agent, const QString& channel)
{
    Q_UNUSED(channel)
    m_followed = agent;
    if (!m_hasPicked && m_agents->findData(agent) >= 0) {
        showAgent(agent);
    }
}

} // namespace sb::panels
