#pragma once
#include "core/protocol/Memory.h"

#include <QAbstractTableModel>
#include <QHash>

namespace sb::models {

/// The memories that are shown, with their edges: what the graph draws and the table lists. It can
/// be sorted by every column, and follows the changes that the runtime tells.
class MemoryTable final : public QAbstractTableModel
{
    Q_OBJECT
public:
    enum Column { Content, Type, Vouched, Importance, Links, Made, ColumnCount };
    enum Role { IdRole = Qt::UserRole + 1 };

    explicit MemoryTable(QObject* parent = nullptr);

    /// Replaces everything, as it was asked for with this filter.
    void load(QList<protocol::MemoryInfo> memories,
              QList<protocol::MemoryEdge> edges,
              const protocol::MemoryFilter& filter);
    /// Takes in a change: what the filter does not want leaves.
    void apply(const protocol::MemoryChanged& change);
    /// Ages are told from this moment.
    void setNow(TimeUs now) { m_now = now; }

    [[nodiscard]] const QList<protocol::MemoryInfo>& memories() const { return m_rows; }
    [[nodiscard]] const QList<protocol::MemoryEdge>& edges() const { return m_edges; }
    [[nodiscard]] const protocol::MemoryInfo& at(int row) const { return m_rows.at(row); }
    [[nodiscard]] int row(const QString& id) const { return m_numbers.value(id, -1); }
    /// The memory, or nothing when it is not shown; holds until the model changes.
    [[nodiscard]] const protocol::MemoryInfo* find(const QString& id) const;
    /// The one to begin with: pinned or important, and with the most edges. Empty without any.
    [[nodiscard]] QString middle() const;

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    void sort(int column, Qt::SortOrder order) override;

Q_SIGNALS:
    /// Memories or edges are others now; once for each load and change.
    void changed();

private:
    [[nodiscard]] bool accepts(const protocol::MemoryInfo& memory) const;
    [[nodiscard]] QString cell(const protocol::MemoryInfo& memory, int column) const;
    void countEdges();
    void number();
    void arrange();

    QList<protocol::MemoryInfo> m_rows;
    QList<protocol::MemoryEdge> m_edges;
    QHash<QString, int> m_numbers; // id → row
    QHash<QString, int> m_degrees;
    protocol::MemoryFilter m_filter;
    TimeUs m_now = 0;
    int m_column = Made;
    Qt::SortOrder m_order = Qt::DescendingOrder;
};

} // namespace sb::models
