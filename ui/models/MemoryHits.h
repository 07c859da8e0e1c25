#pragma once
#include "core/protocol/Memory.h"

#include <QAbstractListModel>

namespace sb::models {

/// What a search of memories brought, the best first, each with why.
class MemoryHits final : public QAbstractListModel
{
    Q_OBJECT
public:
    enum Role { IdRole = Qt::UserRole + 1, WhyRole, TypeRole };
    using QAbstractListModel::QAbstractListModel;

    void set(const QList<protocol::MemoryHit>& hits);
    [[nodiscard]] const protocol::MemoryHit& at(int row) const { return m_hits.at(row); }

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;

private:
    QList<protocol::MemoryHit> m_hits;
};

} // namespace sb::models
