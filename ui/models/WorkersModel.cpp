#include "ui/models/WorkersModel.h"

#include "ui/models/Words.h"
#include "ui/widgets/Badge.h"
#include "ui/widgets/Format.h"
#include "ui/widgets/PlainLine.h"

namespace sb::models {

using protocol::ProcessInfo;
using protocol::ProcessKind;
using protocol::ProcessState;
using widgets::countText;
using widgets::durationText;
using widgets::exactTimeText;
using widgets::plainLine;

namespace {

bool isListed(const ProcessInfo& info)
{
    switch (info.kind) {
    case ProcessKind::Branch:
    case ProcessKind::Worker:
    case ProcessKind::Compactor:
        return true;
    case ProcessKind::Channel:
    case ProcessKind::Cortex:
        return false;
    }
    return false;
}

} // namespace

bool WorkersModel::hasEnded(const ProcessInfo& info)
{
    return info.state != ProcessState::Running && info.state != ProcessState::WaitingApproval;
}

WorkersModel::WorkersModel(const Clock& clock, QObject* parent)
    : QAbstractTableModel(parent), m_clock(clock)
{
}

void WorkersModel::reset(const QList<ProcessInfo>& processes)
{
    beginResetModel();
    m_rows.clear();
    m_index.clear();
    m_alive = 0;
    for (const auto& info : processes) {
        const std::pair key{info.agent, info.id};
        if (isListed(info) && !m_index.contains(key)) {
            m_index.insert(key, int(m_rows.size()));
            m_rows.append(info);
            m_alive += hasEnded(info) ? 0 : 1;
        }
    }
    endResetModel();
    trim();
}

void WorkersModel::apply(const QList<ProcessInfo>& processes)
{
    QList<ProcessInfo> added;
    QHash<std::pair<QString, QString>, qsizetype> addedIndex;
    for (const auto& info : processes) {
        if (!isListed(info)) {
            continue;
        }
        const std::pair key{info.agent, info.id};
        if (const auto known = m_index.constFind(key); known != m_index.constEnd()) {
            auto& row = m_rows[*known];
            if (row == info) {
                continue;
            }
            m_alive += int(!hasEnded(info)) - int(!hasEnded(row));
            row = info;
            Q_EMIT dataChanged(index(*known, 0), index(*known, ColumnCount - 1));
        } else if (const auto fresh = addedIndex.constFind(key); fresh != addedIndex.constEnd()) {
            added[*fresh] = info;
        } else {
            addedIndex.insert(key, added.size());
            added.append(info);
        }
    }
    if (!added.isEmpty()) {
        const int first = int(m_rows.size());
        beginInsertRows({}, first, first + int(added.size()) - 1);
        for (const auto& info : added) {
            m_index.insert({info.agent, info.id}, int(m_rows.size()));
            m_rows.append(info);
            m_alive += hasEnded(info) ? 0 : 1;
        }
        endInsertRows();
    }
    trim();
}

void WorkersModel::tick()
{
    if (m_alive == 0) {
        return;
    }
    // Only the display role: a view that is sorted by time need not sort again, for all that live
    // age alike.
    for (int row = 0; row < m_rows.size(); ++row) {
        if (!hasEnded(m_rows.at(row))) {
            Q_EMIT dataChanged(index(row, Time), index(row, Time), {Qt::DisplayRole});
        }
    }
}

int WorkersModel::find(const QString& agent, const QString& id) const
{
    return m_index.value({agent, id}, -1);
}

void WorkersModel::reindex(int from)
{
    for (int row = from; row < m_rows.size(); ++row) {
        m_index.insert({m_rows.at(row).agent, m_rows.at(row).id}, row);
    }
}

void WorkersModel::trim()
{
    int surplus = int(m_rows.size()) - m_alive - maxEnded();
    for (int row = 0; surplus > 0 && row < m_rows.size();) {
        if (!hasEnded(m_rows.at(row))) {
            ++row;
            continue;
        }
        int last = row;
        while (last + 1 < m_rows.size() && last - row + 1 < surplus &&
               hasEnded(m_rows.at(last + 1))) {
            ++last;
        }
        beginRemoveRows({}, row, last);
        for (int gone = row; gone <= last; ++gone) {
            m_index.remove({m_rows.at(gone).agent, m_rows.at(gone).id});
        }
        m_rows.remove(row, last - row + 1);
        reindex(row);
        surplus -= last - row + 1;
        endRemoveRows();
    }
}

int WorkersModel::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : int(m_rows.size());
}

int WorkersModel::columnCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : int(ColumnCount);
}

qint64 WorkersModel::duration(const ProcessInfo& info) const
{
    return (info.endedAt != 0 ? info.endedAt : m_clock.nowUs()) - info.startedAt;
}

QString WorkersModel::text(const ProcessInfo& info, int column) const
{
    switch (column) {
    case Task:
        return plainLine(info.task);
    case Agent:
        return info.agent;
    case State:
        return widgets::stateBadge(info.state).word;
    case Time:
        return durationText(duration(info));
    case ToolCalls:
        return countText(info.toolCalls);
    case Status:
        return plainLine(hasEnded(info) && !info.result.isEmpty() ? info.result : info.status);
    case Tokens:
        return briefCountText(info.inputTokens + info.outputTokens);
    default:
        return {};
    }
}

QVariant WorkersModel::sortValue(const ProcessInfo& info, int column) const
{
    switch (column) {
    case Time:
        return duration(info);
    case ToolCalls:
        return info.toolCalls;
    case Tokens:
        return info.inputTokens + info.outputTokens;
    default:
        return text(info, column);
    }
}

QString WorkersModel::toolTip(const ProcessInfo& info, int column) const
{
    switch (column) {
    case Task:
        return info.task.left(2000);
    case Time:
        return hasEnded(info) ? tr("From %1 to %2")
                                    .arg(exactTimeText(info.startedAt), exactTimeText(info.endedAt))
                              : tr("Since %1").arg(exactTimeText(info.startedAt));
    case Status:
        return (hasEnded(info) && !info.result.isEmpty() ? info.result : info.status).left(2000);
    case Tokens:
        return tr("%1 tokens read, %2 written, in %3 model calls")
            .arg(countText(info.inputTokens),
                 countText(info.outputTokens),
                 countText(info.modelCalls));
    default:
        return {};
    }
}

QVariant WorkersModel::data(const QModelIndex& index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) {
        return {};
    }
    const auto& info = m_rows.at(index.row());
    const int column = index.column();
    switch (role) {
    case Qt::DisplayRole:
        return text(info, column);
    case Qt::ToolTipRole: {
        // Rich text is never wanted: what an agent wrote must not be laid out as markup.
        const auto tip = toolTip(info, column);
        return tip.isEmpty() ? QVariant()
                             : QStringLiteral("<span style=\"white-space:pre-wrap\">%1</span>")
                                   .arg(tip.toHtmlEscaped());
    }
    case Qt::AccessibleTextRole:
        return tr("%1: %2").arg(headerData(column, Qt::Horizontal, Qt::DisplayRole).toString(),
                                text(info, column));
    case Qt::TextAlignmentRole:
        return column == Time || column == ToolCalls || column == Tokens
                   ? QVariant::fromValue(Qt::Alignment(Qt::AlignRight | Qt::AlignVCenter))
                   : QVariant::fromValue(Qt::Alignment(Qt::AlignLeading | Qt::AlignVCenter));
    case SortRole:
        return sortValue(info, column);
    case StateRole:
        return int(info.state);
    case EndedRole:
        return hasEnded(info);
    case AgentRole:
        return info.agent;
    case IdRole:
        return info.id;
    default:
        return {};
    }
}

QVariant WorkersModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal || section < 0 || section >= ColumnCount) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        return section == Time || section == ToolCalls || section == Tokens
                   ? QVariant::fromValue(Qt::Alignment(Qt::AlignRight | Qt::AlignVCenter))
                   : QVariant::fromValue(Qt::Alignment(Qt::AlignLeading | Qt::AlignVCenter));
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    switch (section) {
    case Task:
        return tr("Task");
    case Agent:
        return tr("Agent");
    case State:
        return tr("State");
    case Time:
        return tr("Time");
    case ToolCalls:
        return tr("Tool calls");
    case Status:
        return tr("Last status");
    case Tokens:
        return tr("Tokens");
    default:
        return {};
    }
}

WorkersFilter::WorkersFilter(QObject* parent) : QSortFilterProxyModel(parent)
{
    setSortRole(WorkersModel::SortRole);
    setDynamicSortFilter(true);
}

void WorkersFilter::setText(const QString& text)
{
    m_words = text.split(QLatin1Char(' '), Qt::SkipEmptyParts);
    invalidateRowsFilter();
}

void WorkersFilter::setShowEnded(bool show)
{
    m_showEnded = show;
    invalidateRowsFilter();
}

bool WorkersFilter::filterAcceptsRow(int row, const QModelIndex& parent) const
{
    Q_UNUSED(parent)
    const auto& info = static_cast<const WorkersModel*>(sourceModel())->at(row);
    if (!m_showEnded && WorkersModel::hasEnded(info)) {
        return false;
    }
    return std::ranges::all_of(m_words, [&](const QString& word) {
        return info.task.contains(word, Qt::CaseInsensitive) ||
               info.agent.contains(word, Qt::CaseInsensitive) ||
               info.status.contains(word, Qt::CaseInsensitive) ||
               info.id.contains(word, Qt::CaseInsensitive);
    });
}

bool WorkersFilter::lessThan(const QModelIndex& left, const QModelIndex& right) const
{
    const auto* workers = static_cast<const WorkersModel*>(sourceModel());
    const auto& a = workers->at(left.row());
    const auto& b = workers->at(right.row());
    if (left.column() == WorkersModel::State) {
        // What waits for a person stands on top, then what runs, then what ended, each the newest
        // first.
        const auto rank = [](const ProcessInfo& info) {
            return WorkersModel::hasEnded(info)                  ? 2
                   : info.state == ProcessState::WaitingApproval ? 0
                                                                 : 1;
        };
        if (rank(a) != rank(b)) {
            return rank(a) < rank(b);
        }
        return WorkersModel::hasEnded(a) ? a.endedAt > b.endedAt : a.startedAt > b.startedAt;
    }
    return QSortFilterProxyModel::lessThan(left, right);
}

} // namespace sb::models
