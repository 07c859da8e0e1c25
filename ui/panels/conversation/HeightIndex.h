#pragma once
#include <QList>

namespace sb::panels {

/// Heights of rows and their sums, both in O(log n) (a Fenwick tree).
class HeightIndex final
{
public:
    void reset(QList<int> heights);
    void set(int row, int height);
    [[nodiscard]] int height(int row) const { return m_heights.at(row); }
    [[nodiscard]] int count() const { return int(m_heights.size()); }
    /// The sum of the heights above the row.
    [[nodiscard]] qint64 top(int row) const;
    [[nodiscard]] qint64 total() const { return top(count()); }
    /// The row that covers y; the first or last one when y lies outside; -1 without rows.
    [[nodiscard]] int rowAt(qint64 y) const;
    /// Puts rows in; O(n), for pages and single new rows at the end (which is O(log n)).
    void insert(int row, const QList<int>& heights);

private:
    QList<int> m_heights;
    QList<qint64> m_tree; // m_tree[i] sums the lowbit(i) heights that end at i - 1
};

} // namespace sb::panels
