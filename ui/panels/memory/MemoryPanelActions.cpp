// What a person does with memories: by buttons, keys, the context menu and the palette alike.
#include "ui/models/MemoryWords.h"
#include "ui/panels/memory/IngestBar.h"
#include "ui/panels/memory/LinkBar.h"
#include "ui/panels/memory/MemoryDetails.h"
#include "ui/panels/memory/MemoryPanel.h"
#include "ui/widgets/Format.h"
#include "ui/widgets/Labels.h"

#include <QAction>
#include <QButtonGroup>
#include <QClipboard>
#include <QDir>
#include <QDragEnterEvent>
#include <QGuiApplication>
#include <QMenu>
#include <QMimeData>
#include <QPushButton>
#include <QScopedValueRollback>
#include <QStackedWidget>
#include <QTableView>

using namespace Qt::StringLiterals;

namespace sb::panels {

using models::MemoryTable;
using protocol::MemoryChange;
using protocol::MemoryInfo;
using protocol::MemoryOp;

namespace {

QString shortLine(const MemoryInfo& memory)
{
    return models::memoryLine(memory.content, 40);
}

MemoryChange editOf(const MemoryInfo& memory)
{
    MemoryChange change;
    change.op = MemoryOp::Edit;
    change.id = memory.id;
    return change;
}

protocol::ExportFormat formatOf(const QString& path)
{
    return path.endsWith(".json"_L1, Qt::CaseInsensitive)      ? protocol::ExportFormat::Json
           : path.endsWith(".graphml"_L1, Qt::CaseInsensitive) ? protocol::ExportFormat::GraphMl
                                                               : protocol::ExportFormat::Html;
}

} // namespace

QAction* MemoryPanel::action(const QString& name,
                             const QString& text,
                             const QString& icon,
                             const QKeySequence& keys,
                             std::function<void()> run)
{
    auto* made = new QAction(context().theme.icon(icon), text, this);
    made->setObjectName(name);
    made->setShortcut(keys);
    made->setShortcutContext(Qt::WidgetWithChildrenShortcut);
    connect(made, &QAction::triggered, this, std::move(run));
    addAction(made);
    m_actions.insert(name, made);
    return made;
}

void MemoryPanel::addActions()
{
    using Keys = QKeySequence;
    action(u"memory-undo"_s, tr("Undo in the memory"), u"undo"_s, Keys::Undo, [this] {
        m_edits.undo();
    });
    action(u"memory-redo"_s, tr("Redo in the memory"), u"refresh"_s, {}, [this] {
        m_edits.redo();
    })->setShortcuts({Keys(u"Ctrl+Shift+Z"_s), Keys(u"Ctrl+Y"_s)});
    action(u"memory-around"_s, tr("Show around"), u"memory"_s, Keys(u"Ctrl+G"_s), [this] {
        goAround(m_chosen.value(0));
    })->setToolTip(tr("Show what is around this memory"));
    action(u"memory-edit"_s, tr("Edit the text"), u"edit"_s, Keys(u"F2"_s), [this] {
        m_details->edit();
    });
    action(u"memory-pin"_s, tr("Pin"), u"pin"_s, Keys(u"Ctrl+D"_s), [this] { pinOrUnpin(); });
    action(
        u"memory-forget"_s, tr("Forget"), u"erase"_s, Keys::Delete, [this] { forgetOrRemember(); });
    action(u"memory-promote"_s,
           tr("Let prompts carry it"),
           u"check"_s,
           Keys(u"Ctrl+Shift+P"_s),
           [this] { promote(); });
    action(u"memory-link"_s, tr("Link…"), u"link"_s, Keys(u"Ctrl+L"_s), [this] {
        if (const auto memories = chosen(); !memories.isEmpty()) {
            m_linkBar->begin(memories.first().id, shortLine(memories.first()));
            if (memories.size() > 1) { // both ends are chosen already
                m_linkBar->setTarget(memories.at(1).id, shortLine(memories.at(1)));
            }
        }
    });
    action(u"memory-split"_s, tr("Split…"), u"split"_s, Keys(u"Ctrl+Shift+S"_s), [this] {
        m_details->split();
    });
    action(u"memory-merge"_s, tr("Merge"), u"merge"_s, Keys(u"Ctrl+M"_s), [this] { merge(); });
    action(u"memory-copy"_s, tr("Copy the text"), u"copy"_s, Keys::Copy, [this] { copy(); });
    action(u"memory-search"_s, tr("Search the memory"), u"search"_s, {}, [this] { search(); });
    action(u"memory-add"_s, tr("Read files into the memory…"), u"plus"_s, {}, [this] {
        m_add->click();
    });
    action(u"memory-export"_s, tr("Export the memory…"), u"save"_s, {}, [this] { exportMemory(); });
    action(u"memory-graph"_s, tr("Show the memory as a graph"), u"memory"_s, {}, [this] {
        setView(View::Graph);
    });
    action(u"memory-table"_s, tr("Show the memory as a table"), u"journal"_s, {}, [this] {
        setView(View::Table);
    });
    action(u"memory-bulletin"_s, tr("Show what every prompt carries"), u"info"_s, {}, [this] {
        setView(View::Bulletin);
    });
}

QList<MemoryInfo> MemoryPanel::chosen() const
{
    QList<MemoryInfo> memories;
    for (const auto& id : m_chosen) {
        if (const auto* memory = m_table.find(id)) {
            memories.append(*memory);
        } else if (m_details->shown().memory.id == id) {
            memories.append(m_details->shown().memory); // not among what is shown, but looked at
        }
    }
    return memories;
}

// One choice everywhere: `from` is where it was made and needs not be told.
void MemoryPanel::choose(const QStringList& ids, const QWidget* from)
{
    if (m_isChoosing) {
        return;
    }
    const QScopedValueRollback guard(m_isChoosing, true);
    const bool isSame = ids == m_chosen;
    m_chosen = ids;
    if (from != m_graph) {
        m_graph->setChosen(ids);
        if (from != nullptr && !ids.isEmpty()) {
            if (!m_graph->pointOf(ids.first()) && m_table.find(ids.first()) != nullptr) {
                m_around = ids.first();
                showGraph(true);
            }
            m_graph->bringIntoSight(ids.first());
        }
    }
    if (from != m_tableView) {
        auto* selection = m_tableView->selectionModel();
        QItemSelection rows;
        for (const auto& id : ids) {
            if (const int row = m_table.row(id); row >= 0) {
                rows.select(m_table.index(row, 0),
                            m_table.index(row, MemoryTable::ColumnCount - 1));
            }
        }
        selection->select(rows, QItemSelectionModel::ClearAndSelect);
        if (const int row = m_table.row(ids.value(0)); row >= 0) {
            selection->setCurrentIndex(m_table.index(row, 0), QItemSelectionModel::NoUpdate);
            m_tableView->scrollTo(m_table.index(row, 0));
        }
    }
    if (!isSame || from == nullptr) {
        showDetails();
    }
    if (m_linkBar->isOpen()) {
        const auto memories = chosen();
        if (!memories.isEmpty()) {
            m_linkBar->setTarget(memories.first().id, shortLine(memories.first()));
        }
    }
    refreshActions();
}

void MemoryPanel::showDetails()
{
    const auto asked = ++m_detailsAsked;
    if (m_chosen.isEmpty()) {
        m_details->say(tr("Choose a memory to see where it comes from, and to put it right."));
        return;
    }
    protocol::GetMemory command;
    command.agent = m_agent;
    command.id = m_chosen.first();
    context().bridge.request(
        command, this, [this, asked](const Result<protocol::GetMemory::Reply>& reply) {
            if (asked != m_detailsAsked) {
                return; // another one is chosen by now
            }
            if (reply) {
                m_details->show(*reply, m_moment);
            } else {
                m_details->say(tr("This memory cannot be shown: %1").arg(reply.error().message));
            }
            refreshActions();
        });
}

void MemoryPanel::goTo(const QString& id)
{
    if (m_shownView == View::Bulletin) {
        setView(View::Graph);
    }
    if (m_shownView == View::Graph && !m_graph->pointOf(id)) {
        goAround(id);
        return;
    }
    choose({id}, nullptr);
    m_graph->bringIntoSight(id);
}

void MemoryPanel::goAround(const QString& id)
{
    keepPlaces();
    m_around = id;
    showGraph(true);
    if (!id.isEmpty()) {
        choose({id}, nullptr);
    }
    setView(View::Graph);
}

void MemoryPanel::refreshActions()
{
    const auto memories = chosen();
    const bool canChange = !memories.isEmpty() && !isPast();
    const bool isOne = memories.size() == 1;
    const auto all = [&](auto holds) { return std::ranges::all_of(memories, holds); };
    const auto enable = [this](const QString& name, bool isEnabled) {
        m_actions.value(name)->setEnabled(isEnabled);
    };
    enable(u"memory-undo"_s, m_edits.canUndo());
    enable(u"memory-redo"_s, m_edits.canRedo());
    enable(u"memory-around"_s, isOne);
    enable(u"memory-edit"_s, canChange && isOne);
    enable(u"memory-split"_s, canChange && isOne);
    enable(u"memory-link"_s, canChange && memories.size() <= 2);
    enable(u"memory-merge"_s, canChange && memories.size() >= 2);
    enable(u"memory-pin"_s, canChange);
    enable(u"memory-forget"_s, canChange);
    enable(u"memory-copy"_s, !memories.isEmpty());
    enable(u"memory-promote"_s,
           canChange && all([](const auto& m) { return models::isDoubted(m); }));
    const bool isPinned = canChange && all([](const auto& m) { return m.isPinned; });
    const bool isForgotten = canChange && all([](const auto& m) { return m.forgottenAt != 0; });
    m_actions.value(u"memory-pin"_s)->setText(isPinned ? tr("Unpin") : tr("Pin"));
    m_actions.value(u"memory-forget"_s)->setText(isForgotten ? tr("Remember again") : tr("Forget"));
    m_actions.value(u"memory-forget"_s)
        ->setIcon(context().theme.icon(isForgotten ? u"undo"_s : u"erase"_s));
    m_actions.value(u"memory-merge"_s)
        ->setText(memories.size() >= 2 ? tr("Merge these %1").arg(memories.size()) : tr("Merge"));
    m_undoButton->setEnabled(m_edits.canUndo());
}

void MemoryPanel::addMenuActions(QMenu* menu)
{
    for (const QLatin1StringView name : {"memory-around"_L1,
                                         "memory-edit"_L1,
                                         "memory-pin"_L1,
                                         "memory-forget"_L1,
                                         "memory-promote"_L1,
                                         "memory-link"_L1,
                                         "memory-split"_L1,
                                         "memory-merge"_L1,
                                         "memory-copy"_L1}) {
        if (auto* one = m_actions.value(name); one->isEnabled()) {
            menu->addAction(one);
        }
    }
}

void MemoryPanel::openMenu(const QPoint& global)
{
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    addMenuActions(menu);
    const auto memories = chosen();
    if (!memories.isEmpty() && !isPast()) {
        auto* types = menu->addMenu(tr("Change the type"));
        for (const auto type : models::allMemoryTypes()) {
            auto* one = types->addAction(models::memoryTypeText(type));
            one->setCheckable(true);
            one->setChecked(memories.first().type == type);
            connect(one, &QAction::triggered, this, [this, memories, type] {
                QList<MemoryChange> changes;
                for (const auto& memory : memories) {
                    changes.append(editOf(memory));
                    changes.last().type = type;
                }
                m_edits.change(changes,
                               tr("“%1” is now: %2.")
                                   .arg(shortLine(memories.first()), models::memoryTypeText(type)));
            });
        }
    }
    if (m_middle->currentWidget() == m_tableView) {
        auto* sorting = menu->addMenu(tr("Sort by"));
        for (int column = 0; column < MemoryTable::ColumnCount; ++column) {
            const bool isText = column == MemoryTable::Content || column == MemoryTable::Type;
            sorting->addAction(
                m_table.headerData(column, Qt::Horizontal, Qt::DisplayRole).toString(),
                this,
                [this, column, isText] {
                    m_tableView->sortByColumn(column,
                                              isText ? Qt::AscendingOrder : Qt::DescendingOrder);
                });
        }
    }
    if (m_graph->isPlacePinned(m_graph->current()) && m_middle->currentWidget() == m_graph) {
        menu->addAction(tr("Let it move in the graph again"), this, [this] {
            m_graph->release(m_graph->current());
        });
    }
    if (menu->isEmpty()) {
        delete menu;
        return;
    }
    menu->popup(global);
}

void MemoryPanel::forgetOrRemember()
{
    const auto memories = chosen();
    if (memories.isEmpty() || isPast()) {
        return;
    }
    const bool mustForget =
        std::ranges::any_of(memories, [](const auto& m) { return m.forgottenAt == 0; });
    QList<MemoryChange> changes;
    for (const auto& memory : memories) {
        if ((memory.forgottenAt == 0) == mustForget) {
            changes.append(editOf(memory));
            changes.last().forgotten = mustForget;
        }
    }
    const QString what = changes.size() == 1 ? tr("“%1”").arg(shortLine(memories.first()))
                                             : tr("%n memories", nullptr, int(changes.size()));
    m_edits.change(changes,
                   mustForget ? tr("Forgot %1.").arg(what) : tr("Remembered %1 again.").arg(what));
}

void MemoryPanel::pinOrUnpin()
{
    const auto memories = chosen();
    const bool mustPin = std::ranges::any_of(memories, [](const auto& m) { return !m.isPinned; });
    QList<MemoryChange> changes;
    for (const auto& memory : memories) {
        if (memory.isPinned != mustPin) {
            changes.append(editOf(memory));
            changes.last().pinned = mustPin;
        }
    }
    if (!changes.isEmpty()) {
        const QString what = changes.size() == 1 ? tr("“%1”").arg(shortLine(memories.first()))
                                                 : tr("%n memories", nullptr, int(changes.size()));
        m_edits.change(changes,
                       mustPin ? tr("Pinned %1.").arg(what) : tr("Unpinned %1.").arg(what));
    }
}

void MemoryPanel::promote()
{
    const auto memories = chosen();
    QList<MemoryChange> changes;
    for (const auto& memory : memories) {
        changes.append(editOf(memory));
        changes.last().promoted = true;
    }
    if (!changes.isEmpty()) {
        m_edits.change(changes, tr("Prompts may carry “%1” now.").arg(shortLine(memories.first())));
    }
}

void MemoryPanel::merge()
{
    const auto memories = chosen();
    if (memories.size() < 2) {
        return;
    }
    QStringList ids;
    for (const auto& memory : memories) {
        ids.append(memory.id);
    }
    m_edits.merge(ids,
                  tr("Merged %1 memories into “%2”.")
                      .arg(QString::number(ids.size()), shortLine(memories.first())));
}

void MemoryPanel::copy()
{
    QStringList texts;
    for (const auto& memory : chosen()) {
        // The table's text is cut; the one that is looked at is whole.
        texts.append(memory.id == m_details->shown().memory.id ? m_details->shown().memory.content
                                                               : memory.content);
    }
    QGuiApplication::clipboard()->setText(texts.join(u"\n\n"_s));
}

void MemoryPanel::link(protocol::Relation relation)
{
    MemoryChange change;
    change.op = MemoryOp::Link;
    change.from = m_linkBar->from();
    change.to = m_linkBar->target();
    change.relation = relation;
    const auto line = [this](const QString& id) {
        const auto* memory = m_table.find(id);
        return memory == nullptr ? id : shortLine(*memory);
    };
    m_edits.change({change},
                   tr("Linked: “%1” %2 “%3”.")
                       .arg(line(change.from), models::relationText(relation), line(change.to)));
    m_linkBar->end();
}

void MemoryPanel::tellDone(const QString& told, bool canUndo)
{
    m_notice->setText(told);
    m_undoButton->setVisible(canUndo);
    m_notice->show();
    m_noticeEnds.start();
}

void MemoryPanel::exportMemory()
{
    m_chooseFile(
        this, QDir::homePath() + u"/memory-%1.html"_s.arg(m_agent), [this](const QString& path) {
            protocol::ExportMemory command;
            command.agent = m_agent;
            command.path = path;
            command.format = formatOf(path);
            command.filter = filter();
            tellDone(tr("Writing the memory to %1…").arg(path), false);
            context().bridge.request(
                command, this, [this, path](const Result<protocol::ExportMemory::Reply>& reply) {
                    tellDone(reply
                                 ? tr("%1 memories and %2 links were written to %3.")
                                       .arg(widgets::countText(reply->memories),
                                            widgets::countText(reply->edges),
                                            path)
                                 : tr("The memory was not exported: %1").arg(reply.error().message),
                             false);
                });
        });
}

void MemoryPanel::ingest(const QStringList& paths)
{
    m_ingests->read(paths);
}

void MemoryPanel::dragEnterEvent(QDragEnterEvent* event)
{
    if (event->mimeData()->hasUrls() && !m_agent.isEmpty()) {
        event->acceptProposedAction();
    }
}

void MemoryPanel::dropEvent(QDropEvent* event)
{
    QStringList paths;
    for (const auto& url : event->mimeData()->urls()) {
        if (url.isLocalFile()) {
            paths.append(url.toLocalFile());
        }
    }
    if (!paths.isEmpty()) {
        event->acceptProposedAction();
        ingest(paths);
    }
}

} // namespace sb::panels
