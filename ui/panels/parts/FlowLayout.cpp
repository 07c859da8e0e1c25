#include "ui/panels/parts/FlowLayout.h"

#include "ui/theme/Theme.h"

#include <QStyle>
#include <QWidget>

namespace sb::panels {

FlowLayout::FlowLayout(QWidget* parent) : QLayout(parent)
{
    setSpacing(theme::space::related);
}

FlowLayout::~FlowLayout()
{
    qDeleteAll(m_items);
}

void FlowLayout::addItem(QLayoutItem* item)
{
    m_items.append(item);
}

int FlowLayout::count() const
{
    return int(m_items.size());
}

QLayoutItem* FlowLayout::itemAt(int index) const
{
    return m_items.value(index);
}

QLayoutItem* FlowLayout::takeAt(int index)
{
    return index >= 0 && index < m_items.size() ? m_items.takeAt(index) : nullptr;
}

int FlowLayout::heightForWidth(int width) const
{
    return arrange({0, 0, width, 0}, true);
}

QSize FlowLayout::sizeHint() const
{
    // As wide as all in one line; whoever gives less gets more lines.
    int width = 0;
    int height = 0;
    for (const auto* item : m_items) {
        if (!item->isEmpty()) {
            width += item->sizeHint().width() + (width > 0 ? spacing() : 0);
            height = std::max(height, item->sizeHint().height());
        }
    }
    const auto margins = contentsMargins();
    return {width + margins.left() + margins.right(), height + margins.top() + margins.bottom()};
}

QSize FlowLayout::minimumSize() const
{
    QSize size;
    for (const auto* item : m_items) {
        if (!item->isEmpty()) {
            size = size.expandedTo(item->minimumSize());
        }
    }
    const auto margins = contentsMargins();
    return size + QSize(margins.left() + margins.right(), margins.top() + margins.bottom());
}

void FlowLayout::setGeometry(const QRect& rect)
{
    QLayout::setGeometry(rect);
    arrange(rect, false);
}

int FlowLayout::arrange(const QRect& rect, bool isDryRun) const
{
    const QRect area = rect.marginsRemoved(contentsMargins());
    const auto direction =
        parentWidget() != nullptr ? parentWidget()->layoutDirection() : Qt::LeftToRight;
    int y = area.top();
    qsizetype next = 0;
    while (next < m_items.size()) {
        // One line: as many as fit, at least one.
        QList<QLayoutItem*> line;
        int used = 0;
        int height = 0;
        int growing = 0;
        for (; next < m_items.size(); ++next) {
            auto* item = m_items.at(next);
            if (item->isEmpty()) {
                continue;
            }
            const int width = std::min(item->sizeHint().width(), area.width());
            if (!line.isEmpty() && used + spacing() + width > area.width()) {
                break;
            }
            used += width + (line.isEmpty() ? 0 : spacing());
            height = std::max(height, item->sizeHint().height());
            growing += item->expandingDirections().testFlag(Qt::Horizontal) ? 1 : 0;
            line.append(item);
        }
        int x = area.left();
        for (auto* item : line) {
            int width = std::min(item->sizeHint().width(), area.width());
            if (growing > 0 && item->expandingDirections().testFlag(Qt::Horizontal)) {
                width += (area.width() - used) / growing;
            }
            const QRect place(
                x, y + (height - item->sizeHint().height()) / 2, width, item->sizeHint().height());
            if (!isDryRun) {
                item->setGeometry(QStyle::visualRect(direction, area, place));
            }
            x += width + spacing();
        }
        y += height + (next < m_items.size() && !line.isEmpty() ? spacing() : 0);
    }
    return y - rect.top() + contentsMargins().bottom();
}

} // namespace sb::panels
