#include "ui/panels/journal/JournalPanel.h"

#include "ui/panels/journal/EntryDetails.h"
#include "ui/panels/journal/ReportBar.h"
#include "ui/panels/parts/FlowLayout.h"
#include "ui/panels/parts/RowDelegate.h"
#include "ui/widgets/Format.h"
#include "ui/widgets/Labels.h"

#include <QAction>
#include <QBoxLayout>
#include <QComboBox>
#include <QFileDialog>
#include <QHeaderView>
#include <QLineEdit>
#include <QMenu>
#include <QPushButton>
#include <QResizeEvent>
#include <QScopedValueRollback>
#include <QScrollBar>
#include <QSplitter>
#include <QTableView>
#include <QToolButton>

using namespace Qt::StringLiterals;

namespace sb::panels {

using models::JournalFilter;
using models::JournalModel;
using protocol::Kind;
using theme::Tone;

namespace {

const QString instanceChain = u"_instance"_s;

QString iconOf(Kind kind)
{
    switch (kind) {
    case Kind::MessageReceived:
    case Kind::MessageSent:
    case Kind::TurnStarted:
        return u"conversation"_s;
    case Kind::ProcessStarted:
    case Kind::ProcessStatus:
    case Kind::ProcessEnded:
        return u"workers"_s;
    case Kind::ModelRequest:
    case Kind::ModelResponse:
        return u"agent"_s;
    case Kind::ToolCall:
    case Kind::ToolStarted:
    case Kind::ToolResult:
        return u"terminal"_s;
    case Kind::PolicyDecision:
    case Kind::ApprovalRequested:
    case Kind::ApprovalSettled:
        return u"approvals"_s;
    case Kind::CheckpointCreated:
    case Kind::CheckpointRestored:
        return u"file"_s;
    case Kind::MemoryChanged:
    case Kind::HistoryCompacted:
    case Kind::ConfigChanged:
    case Kind::EgressRequest:
        return u"info"_s;
    case Kind::Incident:
        return u"warning"_s;
    case Kind::PayloadErased:
        return u"erase"_s;
    case Kind::RunStarted:
    case Kind::RunFinished:
        return u"play"_s;
    }
    return {};
}

void chooseFileByDialog(QWidget* parent,
                        const QString& suggested,
                        std::function<void(const QString&)> chosen)
{
    // Opened, not executed: no second event loop.
    auto* dialog = new QFileDialog(parent,
                                   JournalPanel::tr("Export the journal"),
                                   suggested,
                                   JournalPanel::tr("JSON lines (*.jsonl)"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setDefaultSuffix(u"jsonl"_s);
    QObject::connect(dialog, &QFileDialog::fileSelected, parent, std::move(chosen));
    dialog->open();
}

} // namespace

JournalPanel::JournalPanel(const Context& context, QWidget* parent)
    : Panel(context, u"journal"_s, tr("Journal"), u"journal"_s, parent)
    , m_model([this](const protocol::QueryJournal& query, JournalModel::Answer answer) {
        this->context().bridge.request(query, this, std::move(answer));
    })
    , m_agent(new QComboBox(this))
    , m_kinds(new QToolButton(this))
    , m_kindsMenu(new QMenu(m_kinds))
    , m_search(new QLineEdit(this))
    , m_verify(new QPushButton(tr("Verify"), this))
    , m_export(new QPushButton(tr("Export…"), this))
    , m_report(new ReportBar(context, this))
    , m_splitter(new QSplitter(Qt::Horizontal, this))
    , m_table(new QTableView(m_splitter))
    , m_nothing(new widgets::EmptyState(context.theme, u"journal"_s, m_splitter))
    , m_details(new EntryDetails(context, m_splitter))
    , m_footer(new QWidget(this))
    , m_footerWords(new widgets::ToneLabel(
          context.theme, widgets::ToneLabel::Role::Secondary, Tone::Secondary, {}, m_footer))
    , m_newest(new QPushButton(tr("Back to the newest"), m_footer))
    , m_older(new QPushButton(tr("Show older ones"), m_footer))
    , m_chooseFile(chooseFileByDialog)
{
    auto* content = new QWidget(this);
    auto* layout = new QVBoxLayout(content);
    layout->setContentsMargins({});
    layout->setSpacing(0);
    auto* bar = new QWidget(content);
    buildBar(bar);
    layout->addWidget(bar);
    layout->addWidget(m_report);
    layout->addWidget(m_splitter, 1);
    m_splitter->setChildrenCollapsible(false);
    m_splitter->addWidget(m_table);
    m_splitter->addWidget(m_nothing);
    m_splitter->addWidget(m_details);
    m_splitter->setStretchFactor(0, 5);
    m_splitter->setStretchFactor(1, 5);
    m_splitter->setStretchFactor(2, 3);
    auto* footer = new FlowLayout(m_footer);
    footer->setContentsMargins(
        theme::space::margin, theme::space::inside, theme::space::margin, theme::space::inside);
    m_footerWords->setWordWrap(false);
    footer->addWidget(m_footerWords);
    for (auto* button : {m_newest, m_older}) {
        button->setAutoDefault(false);
        footer->addWidget(button);
    }
    layout->addWidget(m_footer);
    buildTable();
    addActions();
    setContent(content);

    m_typing.setSingleShot(true);
    m_typing.setInterval(250);
    connect(&m_typing, &QTimer::timeout, this, &JournalPanel::applyFilter);
    m_quiet.setSingleShot(true);
    m_quiet.setInterval(400);
    connect(&m_quiet, &QTimer::timeout, this, &JournalPanel::selectNewest);
    connect(&m_model, &QAbstractItemModel::modelReset, this, [this] { m_hasChosen = false; });
    connect(&m_model, &JournalModel::stateChanged, this, &JournalPanel::refresh);
    connect(&m_model,
            &QAbstractItemModel::rowsInserted,
            this,
            [this](const QModelIndex&, int first, int last) {
                auto* scroll = m_table->verticalScrollBar();
                if (first == 0 && scroll->value() > 0) {
                    // Who scrolled down reads there: what comes on top must not push it away.
                    const int added = (last - first + 1) * m_delegate->rowHeight();
                    scroll->setMaximum(scroll->maximum() + added);
                    scroll->setValue(scroll->value() + added);
                }
                refresh();
            });
    connect(&m_model, &JournalModel::found, this, [this](int row) {
        m_isMissing = row < 0;
        refresh(); // the table was hidden while it was empty, and only a shown one can scroll
        select(row);
    });
    connect(m_newest, &QPushButton::clicked, this, [this] {
        m_isMissing = false;
        m_model.reload();
    });
    connect(m_older, &QPushButton::clicked, &m_model, &JournalModel::showOlder);
    connect(m_details, &EntryDetails::linkActivated, this, [this](const Link& link) {
        goTo(link.agent, link.seq);
    });
    connect(m_report, &ReportBar::linkActivated, this, [this](const Link& link) {
        goTo(link.agent, link.seq);
    });
    connect(m_report, &ReportBar::runningChanged, this, [this] {
        m_verify->setEnabled(!m_report->isRunning());
        m_export->setEnabled(!m_report->isRunning());
    });
    connect(&context.bridge, &bridge::Bridge::snapshotLoaded, this, [this] {
        readAgents();
        m_model.reload(); // after events were lost too
    });
    connect(&context.bridge, &bridge::Bridge::agentsChanged, this, &JournalPanel::readAgents);
    connect(&context.bridge, &bridge::Bridge::entriesAppended, &m_model, &JournalModel::append);
    connect(&context.theme, &theme::Theme::changed, this, &JournalPanel::fitColumns);
    if (context.bridge.isLoaded()) {
        readAgents();
    }
    refresh();
}

void JournalPanel::buildBar(QWidget* bar)
{
    auto* controls = new FlowLayout(bar);
    controls->setContentsMargins(
        theme::space::margin, theme::space::inside, theme::space::margin, theme::space::inside);
    m_agent->setAccessibleName(tr("Agent"));
    m_agent->setSizeAdjustPolicy(QComboBox::AdjustToContents);
    m_agent->addItem(tr("All agents"), QString());
    m_search->setPlaceholderText(tr("Words in the payload"));
    m_search->setAccessibleName(tr("Words in the payload"));
    m_search->setClearButtonEnabled(true);
    m_search->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    m_kinds->setPopupMode(QToolButton::InstantPopup);
    m_kinds->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    m_kinds->setIcon(context().theme.icon(u"filter"_s));
    m_kinds->setMenu(m_kindsMenu);
    m_kinds->setFocusPolicy(Qt::StrongFocus);
    m_verify->setIcon(context().theme.icon(u"verify"_s));
    m_verify->setAutoDefault(false);
    m_verify->setToolTip(tr("Read the journal back from disk and check every hash"));
    m_export->setIcon(context().theme.icon(u"save"_s));
    m_export->setAutoDefault(false);
    m_export->setToolTip(tr("Write one agent's chain with its proofs to a file"));
    for (QWidget* control :
         std::initializer_list<QWidget*>{m_agent, m_kinds, m_search, m_verify, m_export}) {
        controls->addWidget(control);
    }
    buildKinds();
    connect(m_agent, &QComboBox::currentIndexChanged, this, &JournalPanel::applyFilter);
    connect(m_search, &QLineEdit::textEdited, &m_typing, qOverload<>(&QTimer::start));
    connect(m_search, &QLineEdit::returnPressed, this, &JournalPanel::applyFilter);
    connect(m_search, &QLineEdit::textChanged, this, [this](const QString& text) {
        if (text.isEmpty()) {
            applyFilter();
        }
    });
    connect(m_verify, &QPushButton::clicked, this, [this] {
        m_report->verify(m_model.filter().agent);
    });
    connect(m_export, &QPushButton::clicked, this, &JournalPanel::exportChain);
}

void JournalPanel::buildKinds()
{
    auto* all = m_kindsMenu->addAction(tr("All kinds"));
    connect(all, &QAction::triggered, this, [this] {
        auto filter = m_model.filter();
        filter.kinds.clear();
        showFilter(filter);
        applyFilter();
    });
    m_kindsMenu->addSeparator();
    for (const auto kind : protocol::allKinds()) {
        auto* action = m_kindsMenu->addAction(protocol::kindName(kind));
        action->setCheckable(true);
        action->setData(int(kind));
        connect(action, &QAction::toggled, this, &JournalPanel::applyFilter);
    }
    m_kinds->setText(tr("All kinds"));
    m_kinds->setAccessibleName(tr("Kinds: all"));
}

void JournalPanel::buildTable()
{
    setUpTable(*m_table, tr("Journal entries"));
    m_table->setModel(&m_model);
    m_delegate = new RowDelegate(
        context().theme,
        [this](const QModelIndex& index, bool isNarrow) {
            const bool isFailure = index.data(JournalModel::FailureRole).toBool();
            RowLook look;
            look.tone =
                isFailure && (isNarrow || index.column() == JournalModel::Kind) ? Tone::Failed
                : index.column() == JournalModel::Summary || index.column() == JournalModel::Kind
                    ? Tone::Text
                    : Tone::Secondary;
            look.isMono = index.column() == JournalModel::Time;
            if (isNarrow) {
                const auto& entry = m_model.at(index.row());
                const auto cell = [&](int column) {
                    return index.siblingAtColumn(column).data().toString();
                };
                look.icon = iconOf(entry.kind);
                look.iconTone = isFailure ? Tone::Failed : Tone::Secondary;
                look.second =
                    QStringList{cell(JournalModel::Kind), cell(JournalModel::Time), entry.agent}
                        .join(u" · "_s);
            }
            return look;
        },
        this);
    m_table->setItemDelegate(m_delegate);
    m_table->viewport()->installEventFilter(this);
    connect(m_table->selectionModel(),
            &QItemSelectionModel::currentRowChanged,
            this,
            &JournalPanel::showCurrent);
    connect(m_table, &QAbstractItemView::pressed, this, [this] { m_hasChosen = true; });
    connect(m_table, &QAbstractItemView::activated, this, [this](const QModelIndex& index) {
        const auto& entry = m_model.at(index.row());
        if (!entry.process.isEmpty()) {
            Q_EMIT linkActivated({Link::To::Process, entry.agent, entry.process, 0});
        }
    });
}

void JournalPanel::addActions()
{
    const auto add = [this](const QString& text, const QString& icon, auto triggered) {
        auto* action = new QAction(context().theme.icon(icon), text, this);
        connect(action, &QAction::triggered, this, triggered);
        addAction(action);
    };
    add(tr("Verify the journal"), u"verify"_s, [this] { m_report->verify({}); });
    add(tr("Export a chain of the journal…"), u"save"_s, [this] { exportChain(); });
    add(tr("Filter the journal"), u"search"_s, [this] { search(); });
    add(tr("Show the newest entries"), u"refresh"_s, [this] { m_model.reload(); });
}

void JournalPanel::readAgents()
{
    QStringList agents;
    for (const auto& agent : context().bridge.agents()) {
        agents.append(agent.id);
    }
    agents.append(instanceChain);
    m_isShowingFilter = true;
    const auto chosen = m_agent->currentData().toString();
    m_agent->clear();
    m_agent->addItem(tr("All agents"), QString());
    for (const auto& agent : std::as_const(agents)) {
        m_agent->addItem(agent == instanceChain ? tr("The instance itself") : agent, agent);
    }
    m_agent->setCurrentIndex(std::max(0, m_agent->findData(chosen)));
    m_isShowingFilter = false;
    m_model.setAgents(agents);
    applyFilter();
}

void JournalPanel::applyFilter()
{
    if (m_isShowingFilter) {
        return;
    }
    m_typing.stop();
    m_isMissing = false;
    JournalFilter filter;
    filter.agent = m_agent->currentData().toString();
    filter.text = m_search->text().simplified();
    for (const auto* action : m_kindsMenu->actions()) {
        if (action->isChecked()) {
            filter.kinds.append(Kind(action->data().toInt()));
        }
    }
    m_kinds->setText(filter.kinds.isEmpty() ? tr("All kinds")
                     : filter.kinds.size() == 1
                         ? protocol::kindName(filter.kinds.first())
                         : tr("%n kinds", nullptr, int(filter.kinds.size())));
    m_kinds->setAccessibleName(filter.kinds.isEmpty()
                                   ? tr("Kinds: all")
                                   : tr("Kinds: %1 chosen").arg(filter.kinds.size()));
    m_model.setFilter(filter);
}

// Puts the controls to what the model shows.
void JournalPanel::showFilter(const JournalFilter& filter)
{
    m_isShowingFilter = true;
    m_agent->setCurrentIndex(std::max(0, m_agent->findData(filter.agent)));
    m_search->setText(filter.text);
    for (auto* action : m_kindsMenu->actions()) {
        if (action->isCheckable()) {
            action->setChecked(filter.kinds.contains(Kind(action->data().toInt())));
        }
    }
    m_kinds->setText(tr("All kinds"));
    m_kinds->setAccessibleName(tr("Kinds: all"));
    m_isShowingFilter = false;
}

void JournalPanel::goTo(const QString& agent, qint64 seq)
{
    if (const int row = m_model.find(agent, seq); row >= 0) {
        select(row);
        return;
    }
    m_isMissing = false;
    showFilter({.agent = agent, .kinds = {}, .text = {}});
    m_model.showAround(agent, seq);
}

void JournalPanel::select(int row)
{
    if (row < 0) {
        return;
    }
    const auto index = m_model.index(row, JournalModel::Time);
    m_table->setCurrentIndex(index);
    // Once the table has its place and its rows; before that there is nothing to scroll.
    QTimer::singleShot(0, m_table, [this] {
        m_table->scrollTo(m_table->currentIndex(), QAbstractItemView::PositionAtCenter);
    });
    m_table->setFocus(Qt::OtherFocusReason);
}

bool JournalPanel::open(const Link& link)
{
    if (link.to != Link::To::Entry) {
        return false;
    }
    goTo(link.agent, link.seq);
    return true;
}

QWidget* JournalPanel::focusTarget()
{
    return m_table->isHidden() ? static_cast<QWidget*>(m_search) : m_table;
}

bool JournalPanel::search()
{
    m_search->setFocus(Qt::ShortcutFocusReason);
    m_search->selectAll();
    return true;
}

void JournalPanel::refresh()
{
    const bool isEmpty = m_model.rowCount() == 0;
    m_table->setVisible(!isEmpty);
    m_nothing->setVisible(isEmpty);
    m_nothing->setButton({}, {});
    const bool isFiltered = m_model.filter() != JournalFilter();
    if (!m_model.problem().isEmpty()) {
        m_nothing->setText(tr("The journal cannot be shown: %1").arg(m_model.problem()));
        m_nothing->setButton(tr("Try again"), [this] { m_model.reload(); });
    } else if (m_model.isLoading() || !context().bridge.isLoaded()) {
        m_nothing->setText(tr("Loading the journal…"));
    } else if (isFiltered) {
        m_nothing->setText(tr("No entry matches the filter."));
        m_nothing->setButton(tr("Show all entries"), [this] {
            showFilter({});
            applyFilter();
        });
    } else {
        m_nothing->setText(tr("Nothing is recorded yet. Everything that happens will stand here."));
    }
    m_details->setVisible(!isEmpty && m_table->currentIndex().isValid());
    m_newest->setVisible(!m_model.isLive());
    m_older->setVisible(m_model.isCapped());
    QString words;
    if (m_model.isCapped()) {
        words = tr("%1 entries are shown; narrow the filter to see others.")
                    .arg(widgets::countText(m_model.rowCount()));
    } else if (!m_model.isLive()) {
        words = tr("These are older entries; new ones are not added here.");
    } else if (!isEmpty && !m_model.problem().isEmpty()) {
        words = tr("Older entries cannot be shown: %1").arg(m_model.problem());
    }
    if (m_isMissing) {
        words = tr("There is no such entry in this journal.");
    }
    m_footerWords->setText(words);
    m_footer->setVisible(!words.isEmpty());
    if (!isEmpty && !m_table->currentIndex().isValid() && !m_model.isLoading()) {
        selectNewest();
    } else if (!m_hasChosen && m_table->currentIndex().row() > 0) {
        m_quiet.start();
    }
}

// The details tell of the newest entry until a person chooses one, but not while entries stream in
// or somebody reads further down.
void JournalPanel::selectNewest()
{
    if (!m_hasChosen && m_table->verticalScrollBar()->value() == 0) {
        const QScopedValueRollback selecting(m_isSelecting, true);
        m_table->setCurrentIndex(m_model.index(0, JournalModel::Time));
    }
}

void JournalPanel::showCurrent()
{
    const auto index = m_table->currentIndex();
    if (!index.isValid()) {
        m_details->clear();
        return;
    }
    m_hasChosen = m_hasChosen || !m_isSelecting;
    const auto& entry = m_model.at(index.row());
    QList<protocol::Entry> caused;
    for (const int row : m_model.causedBy(entry.agent, entry.seq)) {
        caused.append(m_model.at(row));
    }
    m_details->show(entry, caused);
    m_details->setVisible(true);
}

void JournalPanel::exportChain()
{
    auto agent = m_model.filter().agent;
    if (agent.isEmpty() && m_table->currentIndex().isValid()) {
        agent = m_model.at(m_table->currentIndex().row()).agent;
    }
    if (agent.isEmpty()) {
        agent = context().bridge.agents().isEmpty() ? instanceChain
                                                    : context().bridge.agents().first().id;
    }
    m_chooseFile(this, tr("%1-journal.jsonl").arg(agent), [this, agent](const QString& path) {
        if (!path.isEmpty()) {
            m_report->exportTo(agent, path);
        }
    });
}

void JournalPanel::fitColumns()
{
    const QFontMetrics metrics(context().theme.body());
    const int unit = metrics.averageCharWidth();
    const int width = m_table->viewport()->width();
    const bool isNarrow = width < 62 * unit;
    m_delegate->setNarrow(isNarrow);
    m_table->horizontalHeader()->setVisible(!isNarrow);
    m_table->verticalHeader()->setDefaultSectionSize(m_delegate->rowHeight());
    int rest = width;
    const auto column = [&](int which, bool isShown, int wanted) {
        m_table->setColumnHidden(which, !isShown);
        if (isShown) {
            m_table->setColumnWidth(which, wanted);
            rest -= wanted;
        }
    };
    const int time = QFontMetrics(context().theme.mono()).horizontalAdvance(u"00:00:00.000"_s) +
                     4 * theme::space::inside;
    column(JournalModel::Time, !isNarrow, time);
    column(JournalModel::Kind,
           !isNarrow,
           metrics.horizontalAdvance(u"approval.requested"_s) + 4 * theme::space::inside);
    column(JournalModel::Agent, width > 90 * unit, 14 * unit);
    column(JournalModel::Process, width > 110 * unit, 20 * unit);
    column(JournalModel::Summary, true, rest);
}

void JournalPanel::showEvent(QShowEvent* event)
{
    Panel::showEvent(event);
    fitColumns();
}

void JournalPanel::resizeEvent(QResizeEvent* event)
{
    Panel::resizeEvent(event);
    const int unit = QFontMetrics(context().theme.body()).averageCharWidth();
    const auto orientation =
        width() > 110 * unit || width() > 2 * height() ? Qt::Horizontal : Qt::Vertical;
    if (orientation != m_splitter->orientation() || event->oldSize().isEmpty()) {
        m_splitter->setOrientation(orientation);
        const int whole = orientation == Qt::Horizontal ? width() : height();
        m_splitter->setSizes({whole * 3 / 5, whole * 3 / 5, whole * 2 / 5});
    }
    fitColumns();
}

bool JournalPanel::eventFilter(QObject* watched, QEvent* event)
{
    // The table also changes its width when the splitter moves or the details come.
    if (event->type() == QEvent::Resize && watched == m_table->viewport()) {
        fitColumns();
    }
    return Panel::eventFilter(watched, event);
}

} // namespace sb::panels
