#include "ui/panels/workers/WorkersPanel.h"

#include "ui/panels/parts/FlowLayout.h"
#include "ui/panels/parts/RowDelegate.h"
#include "ui/panels/workers/WorkerDetails.h"
#include "ui/widgets/Format.h"
#include "ui/widgets/Labels.h"

#include <QAction>
#include <QApplication>
#include <QBoxLayout>
#include <QCheckBox>
#include <QHeaderView>
#include <QLineEdit>
#include <QMenu>
#include <QResizeEvent>
#include <QScopedValueRollback>
#include <QSplitter>
#include <QTableView>

using namespace Qt::StringLiterals;

namespace sb::panels {

using models::WorkersModel;
using protocol::ProcessInfo;
using protocol::ProcessState;
using theme::Tone;

WorkersPanel::WorkersPanel(const Context& context, QWidget* parent)
    : Panel(context, u"workers"_s, tr("Workers"), u"workers"_s, parent)
    , m_model(context.clock)
    , m_search(new QLineEdit(this))
    , m_ended(new QCheckBox(tr("Show ended"), this))
    , m_splitter(new QSplitter(Qt::Vertical, this))
    , m_table(new QTableView(m_splitter))
    , m_noMatch(new widgets::EmptyState(context.theme, u"filter"_s, m_splitter))
    , m_details(new WorkerDetails(context, m_splitter))
{
    auto* content = new QWidget(this);
    auto* layout = new QVBoxLayout(content);
    layout->setContentsMargins({});
    layout->setSpacing(0);
    auto* bar = new QWidget(content);
    auto* controls = new FlowLayout(bar);
    controls->setContentsMargins(
        theme::space::margin, theme::space::inside, theme::space::margin, theme::space::inside);
    m_search->setPlaceholderText(tr("Filter workers"));
    m_search->setAccessibleName(tr("Filter workers"));
    m_search->setClearButtonEnabled(true);
    m_search->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    m_ended->setChecked(true);
    m_ended->setAccessibleName(tr("Show ended workers"));
    controls->addWidget(m_search);
    controls->addWidget(m_ended);
    layout->addWidget(bar);
    layout->addWidget(m_splitter, 1);
    m_splitter->setChildrenCollapsible(false);
    m_splitter->addWidget(m_table);
    m_splitter->addWidget(m_noMatch);
    m_splitter->addWidget(m_details);
    m_splitter->setStretchFactor(0, 3);
    m_splitter->setStretchFactor(1, 3);
    m_splitter->setStretchFactor(2, 4);
    m_noMatch->setText(tr("No worker matches the filter."));
    buildTable();
    addActions();
    setContent(content);

    connect(m_search, &QLineEdit::textChanged, this, [this](const QString& text) {
        {
            const QScopedValueRollback changing(m_isChanging, true);
            m_filter.setText(text);
        }
        refresh();
    });
    connect(m_ended, &QCheckBox::toggled, this, [this](bool isOn) {
        {
            const QScopedValueRollback changing(m_isChanging, true);
            m_filter.setShowEnded(isOn);
        }
        refresh();
    });
    connect(&context.bridge, &bridge::Bridge::snapshotLoaded, this, [this] {
        m_failure.clear();
        {
            const QScopedValueRollback changing(m_isChanging, true);
            m_model.reset(this->context().bridge.processes());
        }
        refresh();
    });
    connect(&context.bridge, &bridge::Bridge::snapshotFailed, this, [this](const Error& error) {
        m_failure = error.message;
        refresh();
    });
    connect(&context.bridge,
            &bridge::Bridge::processesChanged,
            this,
            [this](const QList<ProcessInfo>& processes) {
                {
                    const QScopedValueRollback changing(m_isChanging, true);
                    m_model.apply(processes);
                }
                refresh();
            });
    connect(&context.bridge, &bridge::Bridge::outputTails, m_details, &WorkerDetails::appendOutput);
    connect(m_details, &WorkerDetails::linkActivated, this, &Panel::linkActivated);
    connect(&context.theme, &theme::Theme::changed, this, &WorkersPanel::fitColumns);
    m_tick.setInterval(1000);
    connect(&m_tick, &QTimer::timeout, this, &WorkersPanel::tick);
    if (context.bridge.isLoaded()) {
        m_model.reset(context.bridge.processes());
    }
    refresh();
}

void WorkersPanel::buildTable()
{
    m_filter.setSourceModel(&m_model);
    m_filter.sort(WorkersModel::State);
    setUpTable(*m_table, tr("Workers"));
    m_table->setModel(&m_filter);
    m_table->setSortingEnabled(true);
    m_table->horizontalHeader()->setSortIndicator(WorkersModel::State, Qt::AscendingOrder);
    m_delegate = new RowDelegate(
        context().theme,
        [this](const QModelIndex& index, bool isNarrow) {
            const auto& info = m_model.at(m_filter.mapToSource(index).row());
            const bool hasEnded = index.data(WorkersModel::EndedRole).toBool();
            const auto badge = widgets::stateBadge(info.state);
            RowLook look;
            look.tone = hasEnded ? Tone::Secondary : Tone::Text;
            if (isNarrow) {
                const auto cell = [&](int column) {
                    return index.siblingAtColumn(column).data().toString();
                };
                look.icon = badge.icon;
                look.iconTone = badge.tone;
                QStringList parts{badge.word, cell(WorkersModel::Time)};
                if (info.toolCalls > 0) {
                    parts.append(tr("%n tool calls", nullptr, info.toolCalls));
                }
                if (const auto status = cell(WorkersModel::Status); !status.isEmpty()) {
                    parts.append(status);
                } else {
                    parts.append(info.agent);
                }
                look.second = parts.join(u" · "_s);
            } else if (index.column() == WorkersModel::State) {
                look.badge = badge;
            }
            return look;
        },
        this);
    m_table->setItemDelegate(m_delegate);
    m_table->viewport()->installEventFilter(this);
    connect(m_table->selectionModel(),
            &QItemSelectionModel::currentRowChanged,
            this,
            &WorkersPanel::showCurrent);
    connect(&m_model,
            &QAbstractItemModel::dataChanged,
            this,
            [this](const QModelIndex& from, const QModelIndex&, const QList<int>& roles) {
                if (roles.isEmpty()) {
                    const QScopedValueRollback changing(m_isChanging, true);
                    showCurrent();
                } else if (m_delegate->isNarrow()) {
                    m_table->viewport()->update(); // the time stands in the task's cell
                }
                Q_UNUSED(from)
            });
    // A click on the row that is selected already is a choice too.
    connect(m_table, &QAbstractItemView::pressed, this, [this] { showCurrent(); });
    connect(m_table, &QWidget::customContextMenuRequested, this, &WorkersPanel::showMenu);
    connect(m_table, &QAbstractItemView::activated, this, [this] {
        const auto& info = m_details->info();
        if (!info.channel.isEmpty()) {
            Q_EMIT linkActivated({Link::To::Channel, info.agent, info.channel, 0});
        }
    });
}

void WorkersPanel::addActions()
{
    m_cancel = new QAction(context().theme.icon(u"stop"_s), tr("Cancel the selected worker"), this);
    m_cancel->setShortcut(Qt::Key_Delete);
    m_cancel->setShortcutContext(Qt::WidgetWithChildrenShortcut);
    m_cancel->setAutoRepeat(false);
    connect(m_cancel, &QAction::triggered, m_details, &WorkerDetails::cancel);
    addAction(m_cancel);
    auto* find = new QAction(context().theme.icon(u"search"_s), tr("Filter workers"), this);
    connect(find, &QAction::triggered, this, &WorkersPanel::search);
    addAction(find);
}

void WorkersPanel::showMenu(const QPoint& position)
{
    if (!m_table->indexAt(position).isValid()) {
        return;
    }
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    m_cancel->setEnabled(m_details->canCancel());
    menu->addAction(m_cancel);
    const auto info = m_details->info();
    if (!info.channel.isEmpty()) {
        menu->addAction(context().theme.icon(u"conversation"_s),
                        tr("Show its conversation"),
                        this,
                        [this, info] {
                            Q_EMIT linkActivated({Link::To::Channel, info.agent, info.channel, 0});
                        });
    }
    menu->addAction(
        context().theme.icon(u"journal"_s),
        tr("Show its start in the journal"),
        this,
        [this, info] { Q_EMIT linkActivated({Link::To::Entry, info.agent, {}, info.startedSeq}); });
    // The action serves its shortcut too, so it must not stay switched off when the menu is gone.
    connect(menu, &QMenu::aboutToHide, m_cancel, [this] { m_cancel->setEnabled(true); });
    menu->popup(m_table->viewport()->mapToGlobal(position));
}

QWidget* WorkersPanel::focusTarget()
{
    return isEmptyShown() ? Panel::focusTarget() : m_table;
}

bool WorkersPanel::search()
{
    m_search->setFocus(Qt::ShortcutFocusReason);
    m_search->selectAll();
    return true;
}

bool WorkersPanel::open(const Link& link)
{
    if (link.to != Link::To::Process) {
        return false;
    }
    const int row = m_model.find(link.agent, link.id);
    if (row < 0) {
        return false;
    }
    auto index = m_filter.mapFromSource(m_model.index(row, WorkersModel::Task));
    if (!index.isValid()) {
        m_search->clear();
        m_ended->setChecked(true);
        index = m_filter.mapFromSource(m_model.index(row, WorkersModel::Task));
    }
    m_chosen = {link.agent, link.id};
    m_table->setCurrentIndex(index);
    m_table->scrollTo(index);
    return true;
}

void WorkersPanel::refresh()
{
    setBadge(m_model.alive());
    const bool mustTick = isVisible() && m_model.alive() > 0;
    if (mustTick != m_tick.isActive()) {
        mustTick ? m_tick.start() : m_tick.stop();
    }
    const bool isFilteredOut = m_filter.rowCount() == 0;
    m_table->setVisible(!isFilteredOut);
    m_noMatch->setVisible(isFilteredOut);
    if (!isFilteredOut) {
        selectByItself();
    }
    m_details->setVisible(m_table->currentIndex().isValid() && !isFilteredOut);
    if (m_model.rowCount() > 0) {
        setEmptyText({});
    } else if (!m_failure.isEmpty()) {
        setEmptyText(tr("The workers cannot be shown: %1").arg(m_failure));
    } else if (!context().bridge.isLoaded()) {
        setEmptyText(tr("Loading the workers…"));
    } else {
        setEmptyText(tr("No workers yet. They appear when an agent delegates a task."));
    }
}

void WorkersPanel::selectByItself()
{
    QModelIndex wanted;
    if (m_chosen) {
        const int row = m_model.find(m_chosen->first, m_chosen->second);
        wanted = m_filter.mapFromSource(m_model.index(row, WorkersModel::Task));
    }
    const QModelIndex current = m_table->currentIndex();
    if (!wanted.isValid() && current.isValid() && m_details->isAncestorOf(qApp->focusWidget())) {
        return; // somebody reads there
    }
    const auto isBetter = [](const ProcessInfo& a, const ProcessInfo& b) {
        const bool isAlive = !WorkersModel::hasEnded(a);
        if (isAlive != !WorkersModel::hasEnded(b)) {
            return isAlive;
        }
        return isAlive ? a.startedAt > b.startedAt : a.endedAt > b.endedAt;
    };
    for (int row = 0; !m_chosen && row < m_filter.rowCount(); ++row) {
        const auto index = m_filter.index(row, WorkersModel::Task);
        const auto& info = m_model.at(m_filter.mapToSource(index).row());
        if (!wanted.isValid() || isBetter(info, m_model.at(m_filter.mapToSource(wanted).row()))) {
            wanted = index;
        }
    }
    if (!wanted.isValid()) {
        // What was chosen is filtered out: the first row stands in for it.
        wanted = current.isValid() ? current : m_filter.index(0, WorkersModel::Task);
    }
    if (wanted.row() != current.row() || !current.isValid()) {
        const QScopedValueRollback changing(m_isChanging, true);
        m_table->setCurrentIndex(wanted);
    }
}

void WorkersPanel::showCurrent()
{
    const auto index = m_filter.mapToSource(m_table->currentIndex());
    if (index.isValid()) {
        if (!m_isChanging) {
            m_chosen = {m_model.at(index.row()).agent, m_model.at(index.row()).id};
        }
        m_details->show(m_model.at(index.row()));
        m_details->setVisible(true);
    }
}

// Columns leave in the order of their worth as the panel gets narrow; in the end two lines a row
// say it all.
void WorkersPanel::fitColumns()
{
    const QFontMetrics metrics(context().theme.body());
    const int unit = metrics.averageCharWidth();
    const int width = m_table->viewport()->width();
    // A table only where it has room for what the last status says.
    const bool isNarrow = width < 104 * unit;
    m_delegate->setNarrow(isNarrow);
    m_table->horizontalHeader()->setVisible(!isNarrow);
    m_table->verticalHeader()->setDefaultSectionSize(m_delegate->rowHeight());
    const auto column = [&](int which, bool isShown, int wanted) {
        m_table->setColumnHidden(which, !isShown);
        if (isShown) {
            m_table->setColumnWidth(which, wanted);
        }
        return isShown ? wanted : 0;
    };
    if (isNarrow) {
        for (int which = 0; which < WorkersModel::ColumnCount; ++which) {
            column(which, which == WorkersModel::Task, width);
        }
        return;
    }
    int badge = 0;
    for (const auto state :
         {ProcessState::Running, ProcessState::WaitingApproval, ProcessState::Interrupted}) {
        badge = std::max(badge,
                         widgets::badgeSize(context().theme, widgets::stateBadge(state)).width());
    }
    const auto headed = [&](int which, int wanted) {
        const auto head = m_filter.headerData(which, Qt::Horizontal).toString();
        return std::max(wanted,
                        metrics.horizontalAdvance(head) + 4 * unit + 2 * theme::space::related);
    };
    int rest = width;
    rest -= column(WorkersModel::State, true, badge + 2 * theme::space::related);
    rest -= column(WorkersModel::Time, true, headed(WorkersModel::Time, 13 * unit));
    rest -= column(WorkersModel::ToolCalls, true, headed(WorkersModel::ToolCalls, 6 * unit));
    rest -=
        column(WorkersModel::Tokens, width > 125 * unit, headed(WorkersModel::Tokens, 8 * unit));
    rest -= column(WorkersModel::Agent, width > 145 * unit, 14 * unit);
    rest -= column(WorkersModel::Status, true, rest * 2 / 5);
    column(WorkersModel::Task, true, rest);
}

void WorkersPanel::tick()
{
    m_model.tick();
}

void WorkersPanel::showEvent(QShowEvent* event)
{
    Panel::showEvent(event);
    refresh();
    fitColumns();
}

void WorkersPanel::hideEvent(QHideEvent* event)
{
    Panel::hideEvent(event);
    refresh();
}

void WorkersPanel::resizeEvent(QResizeEvent* event)
{
    Panel::resizeEvent(event);
    const int unit = QFontMetrics(context().theme.body()).averageCharWidth();
    const auto orientation =
        width() > 130 * unit && width() > height() ? Qt::Horizontal : Qt::Vertical;
    if (orientation != m_splitter->orientation() || event->oldSize().isEmpty()) {
        m_splitter->setOrientation(orientation);
        const int table = orientation == Qt::Horizontal ? width() * 3 / 5 : height() * 2 / 5;
        const int whole = orientation == Qt::Horizontal ? width() : height();
        m_splitter->setSizes({table, table, whole - table});
    }
    fitColumns();
}

bool WorkersPanel::eventFilter(QObject* watched, QEvent* event)
{
    // The table also changes its width when the splitter moves or the details come.
    if (event->type() == QEvent::Resize && watched == m_table->viewport()) {
        fitColumns();
    }
    return Panel::eventFilter(watched, event);
}

} // namespace sb::panels
