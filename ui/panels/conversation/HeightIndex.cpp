#include "ui/panels/conversation/HeightIndex.h"

#include <bit>

namespace sb::panels {

void HeightIndex::reset(QList<int> heights)
{
    m_heights = std::move(heights);
    const qsizetype n = m_heights.size();
    m_tree.assign(n + 1, 0);
    for (qsizetype i = 1; i <= n; ++i) {
        m_tree[i] += m_heights.at(i - 1);
        const qsizetype parent = i + (i & -i);
        if (parent <= n) {
            m_tree[parent] += m_tree.at(i);
        }
    }
}

void HeightIndex::set(int row, int height)
{
    const qint64 difference = height - m_heights.at(row);
    if (difference == 0) {
        return;
    }
    m_heights[row] = height;
    for (qsizetype i = row + 1; i < m_tree.size(); i += i & -i) {
        m_tree[i] += difference;
    }
}

qint64 HeightIndex::top(int row) const
{
    qint64 sum = 0;
    for (qsizetype i = row; i > 0; i -= i & -i) {
        sum += m_tree.at(i);
    }
    return sum;
}

int HeightIndex::rowAt(qint64 y) const
{
    const int n = count();
    if (n == 0) {
        return -1;
    }
    qsizetype position = 0;
    qint64 rest = std::max<qint64>(0, y);
    for (auto step = qsizetype(std::bit_floor(quint64(n))); step > 0; step /= 2) {
        if (position + step <= n && m_tree.at(position + step) <= rest) {
            position += step;
            rest -= m_tree.at(position);
        }
    }
    return int(std::min<qsizetype>(position, n - 1));
}

void HeightIndex::insert(int row, const QList<int>& heights)
{
    if (row == count() && heights.size() == 1) {
        // A new node at the end covers its lowbit range, whose sum the tree knows already.
        m_heights.append(heights.first());
        if (m_tree.isEmpty()) {
            m_tree.append(0);
        }
        const qsizetype i = m_heights.size();
        m_tree.append(top(int(i - 1)) - top(int(i - (i & -i))) + heights.first());
        return;
    }
    QList<int> all = m_heights.mid(0, row);
    all += heights;
    all += m_heights.mid(row);
    reset(std::move(all));
}

} // namespace sb::panels
