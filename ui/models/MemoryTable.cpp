#include "ui/models/MemoryTable.h"

#include "ui/models/MemoryWords.h"
#include "ui/widgets/Format.h"

#include <numeric>

using namespace Qt::StringLiterals;

namespace sb::models {

using protocol::MemoryEdge;
using protocol::MemoryInfo;

namespace {

// Figures and times are compared by their ends.
bool isFigure(int column)
{
    return column >= MemoryTable::Importance;
}

} // namespace

MemoryTable::MemoryTable(QObject* parent) : QAbstractTableModel(parent) {}

void MemoryTable::load(QList<MemoryInfo> memories,
                       QList<MemoryEdge> edges,
                       const protocol::MemoryFilter& filter)
{
    beginResetModel();
    m_rows = std::move(memories);
    m_edges = std::move(edges);
    m_filter = filter;
    countEdges();
    arrange();
    number();
    endResetModel();
    Q_EMIT changed();
}

bool MemoryTable::accepts(const MemoryInfo& memory) const
{
    return (memory.forgottenAt == 0 || m_filter.withForgotten) &&
           (m_filter.types.isEmpty() || m_filter.types.contains(memory.type)) &&
           (m_filter.provenances.isEmpty() || m_filter.provenances.contains(memory.provenance));
}

void MemoryTable::apply(const protocol::MemoryChanged& change)
{
    for (const auto& memory : change.memories) {
        const int at = row(memory.id);
        if (at >= 0 && accepts(memory)) {
            m_rows[at] = memory;
        } else if (at >= 0) {
            beginRemoveRows({}, at, at);
            m_rows.removeAt(at);
            number();
            endRemoveRows();
        } else if (accepts(memory)) {
            // On top, wherever the order would have it: a row that just came must be seen.
            beginInsertRows({}, 0, 0);
            m_rows.prepend(memory);
            number();
            endInsertRows();
        }
    }
    for (const auto& edge : change.edges) {
        m_edges.removeIf([&](const MemoryEdge& old) {
            return old.from == edge.from && old.to == edge.to && old.relation == edge.relation;
        });
        if (edge.knownTo == 0) {
            m_edges.append(edge);
        }
    }
    countEdges();
    if (!m_rows.isEmpty()) {
        Q_EMIT dataChanged(index(0, 0), index(int(m_rows.size()) - 1, ColumnCount - 1));
    }
    Q_EMIT changed();
}

void MemoryTable::countEdges()
{
    m_degrees.clear();
    for (const auto& edge : std::as_const(m_edges)) {
        if (edge.knownTo == 0) {
            ++m_degrees[edge.from];
            ++m_degrees[edge.to];
        }
    }
}

void MemoryTable::number()
{
    m_numbers.clear();
    m_numbers.reserve(m_rows.size());
    for (int row = 0; row < int(m_rows.size()); ++row) {
        m_numbers.insert(m_rows.at(row).id, row);
    }
}

const MemoryInfo* MemoryTable::find(const QString& id) const
{
    const int at = row(id);
    return at < 0 ? nullptr : &m_rows.at(at);
}

QString MemoryTable::middle() const
{
    const MemoryInfo* best = nullptr;
    double bestWeight = -1;
    for (const auto& memory : m_rows) {
        const double weight = (memory.forgottenAt == 0 ? 100 : 0) + (memory.isPinned ? 2 : 0) +
                              4 * memory.importance + std::min(m_degrees.value(memory.id), 12);
        if (weight > bestWeight) {
            bestWeight = weight;
            best = &memory;
        }
    }
    return best == nullptr ? QString() : best->id;
}

int MemoryTable::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : int(m_rows.size());
}

int MemoryTable::columnCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : int(ColumnCount);
}

QString MemoryTable::cell(const MemoryInfo& memory, int column) const
{
    switch (column) {
    case Content:
        return memoryLine(memory.content);
    case Type:
        return memoryTypeText(memory.type);
    case Importance:
        return tr("%1 %").arg(std::lround(memory.importance * 100));
    case Vouched:
        return provenanceText(memory.provenance);
    case Links:
        return widgets::countText(m_degrees.value(memory.id));
    case Made:
        return widgets::ageText(memory.createdAt, m_now);
    default:
        return {};
    }
}

QVariant MemoryTable::data(const QModelIndex& index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) {
        return {};
    }
    const auto& memory = m_rows.at(index.row());
    switch (role) {
    case Qt::DisplayRole:
        return cell(memory, index.column());
    case Qt::ToolTipRole:
        return index.column() == Made      ? widgets::exactTimeText(memory.createdAt)
               : index.column() == Vouched ? provenanceSentence(memory.provenance)
                                           : QVariant();
    case Qt::TextAlignmentRole:
        return int((isFigure(index.column()) ? Qt::AlignTrailing : Qt::AlignLeading) |
                   Qt::AlignVCenter);
    case Qt::AccessibleTextRole:
        return index.column() == Content
                   ? tr("%1%2%3").arg(memory.forgottenAt != 0 ? tr("Forgotten: ") : QString(),
                                      isDoubted(memory) ? tr("Nobody vouches: ") : QString(),
                                      cell(memory, Content))
                   : tr("%1: %2").arg(
                         headerData(index.column(), Qt::Horizontal, Qt::DisplayRole).toString(),
                         cell(memory, index.column()));
    case IdRole:
        return memory.id;
    default:
        return {};
    }
}

QVariant MemoryTable::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal) {
        return {};
    }
    if (role == Qt::TextAlignmentRole && isFigure(section)) {
        return int(Qt::AlignTrailing | Qt::AlignVCenter);
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    switch (section) {
    case Content:
        return tr("Memory");
    case Type:
        return tr("Type");
    case Importance:
        return tr("Importance");
    case Vouched:
        return tr("Vouched for by");
    case Links:
        return tr("Links");
    case Made:
        return tr("Written down");
    default:
        return {};
    }
}

void MemoryTable::arrange()
{
    const auto less = [this](const MemoryInfo& a, const MemoryInfo& b) {
        switch (m_column) {
        case Content:
            return a.content.compare(b.content, Qt::CaseInsensitive) < 0;
        case Type:
            return a.type < b.type;
        case Importance:
            return a.importance < b.importance;
        case Vouched:
            return a.provenance < b.provenance;
        case Links:
            return m_degrees.value(a.id) < m_degrees.value(b.id);
        default:
            return a.createdAt < b.createdAt;
        }
    };
    std::ranges::stable_sort(m_rows, [&](const MemoryInfo& a, const MemoryInfo& b) {
        return m_order == Qt::AscendingOrder ? less(a, b) : less(b, a);
    });
}

void MemoryTable::sort(int column, Qt::SortOrder order)
{
    m_column = column;
    m_order = order;
    Q_EMIT layoutAboutToBeChanged({}, VerticalSortHint);
    const auto old = persistentIndexList();
    QStringList ids;
    for (const auto& index : old) {
        ids.append(m_rows.at(index.row()).id);
    }
    arrange();
    number();
    QModelIndexList fresh;
    for (qsizetype i = 0; i < old.size(); ++i) {
        fresh.append(index(row(ids.at(i)), old.at(i).column()));
    }
    changePersistentIndexList(old, fresh);
    Q_EMIT layoutChanged({}, VerticalSortHint);
}

} // namespace sb::models
