#include "ui/models/MemoryHits.h"

#include "ui/models/MemoryWords.h"

namespace sb::models {

void MemoryHits::set(const QList<protocol::MemoryHit>& hits)
{
    beginResetModel();
    m_hits = hits;
    endResetModel();
}

int MemoryHits::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : int(m_hits.size());
}

QVariant MemoryHits::data(const QModelIndex& index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) {
        return {};
    }
    const auto& hit = m_hits.at(index.row());
    switch (role) {
    case Qt::DisplayRole:
        return memoryLine(hit.memory.content);
    case Qt::ToolTipRole:
    case WhyRole:
        return whyFoundText(hit.reasons);
    case Qt::AccessibleTextRole:
        return tr("%1, %2. %3")
            .arg(memoryTypeText(hit.memory.type),
                 memoryLine(hit.memory.content),
                 whyFoundText(hit.reasons));
    case TypeRole:
        return int(hit.memory.type);
    case IdRole:
        return hit.memory.id;
    default:
        return {};
    }
}

} // namespace sb::models
