// What a mouse and a keyboard do in the transcript: selecting text, moving from row to row,
// folding.
#include "ui/panels/conversation/TranscriptView.h"
#include "ui/widgets/CodeHighlighter.h"
#include "ui/widgets/Format.h"

#include <QApplication>
#include <QClipboard>
#include <QContextMenuEvent>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPushButton>
#include <QScrollBar>
#include <QToolTip>

using namespace Qt::StringLiterals;

namespace sb::panels {

QPoint TranscriptView::inRow(int row, const QPoint& point) const
{
    return {point.x(), int(point.y() + verticalScrollBar()->value() - m_heights.top(row))};
}

TranscriptView::Place TranscriptView::placeAt(const QPoint& point)
{
    const int row = m_heights.rowAt(point.y() + verticalScrollBar()->value());
    if (row < 0) {
        return {};
    }
    return {row, layoutOf(row).positionAt(inRow(row, point))};
}

std::pair<TranscriptView::Place, TranscriptView::Place> TranscriptView::selection() const
{
    return std::minmax(m_selectionFrom, m_selectionTo);
}

bool TranscriptView::hasSelection() const
{
    return m_selectionFrom != m_selectionTo;
}

void TranscriptView::setSelection(Place from, Place to)
{
    m_selectionFrom = from;
    m_selectionTo = to;
    viewport()->update();
}

void TranscriptView::selectRow(int row)
{
    if (m_transcript && row >= 0 && row < m_heights.count()) {
        setSelection({row, {}}, {row, layoutOf(row).end()});
    }
}

QString TranscriptView::selectedText()
{
    if (!m_transcript || !hasSelection()) {
        return {};
    }
    const auto [from, to] = selection();
    QStringList parts;
    for (int row = from.row; row <= to.row && row < m_heights.count(); ++row) {
        const auto& shown = m_transcript->row(row);
        if (shown.hidden) {
            continue;
        }
        if (row != from.row && row != to.row) {
            parts.append(shown.item.text); // whole, without laying it out
            continue;
        }
        RowLayout& layout = layoutOf(row);
        const QString text = layout.text(row == from.row ? from.position : layout.start(),
                                         row == to.row ? to.position : layout.end());
        parts.append(text.isEmpty() && from.row != to.row ? shown.item.text : text);
    }
    return parts.join(u"\n\n"_s);
}

void TranscriptView::copy()
{
    QString text = selectedText();
    if (text.isEmpty() && m_transcript && m_current >= 0) {
        const auto& item = m_transcript->row(m_current).item;
        text = item.text;
    }
    if (!text.isEmpty()) {
        QApplication::clipboard()->setText(text);
    }
}

void TranscriptView::toggle(int row)
{
    if (!m_transcript || row < 0 || row >= m_transcript->count()) {
        return;
    }
    const auto& shown = m_transcript->row(row);
    using protocol::ItemKind;
    if (shown.item.kind != ItemKind::Tool && shown.item.kind != ItemKind::Delegate) {
        return;
    }
    // What was clicked stays under the pointer, also at the end of the conversation.
    if (m_atEnd) {
        const auto [first, last] = rowsInSight();
        m_atEnd = false;
        m_anchorRow = std::max(0, first);
        m_anchorOffset = int(verticalScrollBar()->value() - m_heights.top(m_anchorRow));
    }
    m_transcript->setOpen(row, !shown.open);
}

void TranscriptView::showPlace(const Place& place)
{
    const RowLayout& layout = layoutOf(place.row);
    const QRect rect = layout.rectOf(place.position).translated(0, rowRect(place.row).top());
    if (rect.top() < 0 || rect.bottom() > viewport()->height()) {
        m_atEnd = false;
        qint64 top = m_heights.top(place.row) + layout.rectOf(place.position).top() -
                     viewport()->height() / 3;
        top = std::max<qint64>(0, top);
        m_anchorRow = m_heights.rowAt(top);
        m_anchorOffset = int(top - m_heights.top(m_anchorRow));
        keepAnchor();
    }
}

bool TranscriptView::find(const QString& words, bool backwards)
{
    if (!m_transcript || words.isEmpty() || m_heights.count() == 0) {
        return false;
    }
    const auto [from, to] = selection();
    const int rows = m_heights.count();
    const bool selected = hasSelection();
    int row = selected         ? (backwards ? from.row : to.row)
              : m_current >= 0 ? m_current
              : backwards      ? rows - 1
                               : 0;
    const auto contains = [&](int index) {
        const auto& shown = m_transcript->row(index);
        return shown.item.text.contains(words, Qt::CaseInsensitive) ||
               shown.item.detail.contains(words, Qt::CaseInsensitive);
    };
    for (int step = 0; step <= rows; ++step) {
        const int index = ((backwards ? row - step : row + step) % rows + rows) % rows;
        if (!contains(index)) {
            continue;
        }
        const auto& shown = m_transcript->row(index);
        if (shown.hidden) { // unfold what it stands in
            m_transcript->setOpen(m_transcript->indexOf(shown.item.parentItem), true);
        }
        if (!shown.open && (shown.item.kind == protocol::ItemKind::Tool ||
                            shown.item.kind == protocol::ItemKind::Delegate)) {
            m_transcript->setOpen(index, true);
        }
        RowLayout& layout = layoutOf(index);
        std::optional<std::pair<RowPosition, RowPosition>> hit;
        if (!backwards) {
            hit = layout.find(words, step == 0 && selected ? to.position : layout.start());
        } else {
            const RowPosition limit = step == 0 && selected ? from.position : layout.end();
            for (auto next = layout.find(words, layout.start()); next && next->second <= limit;
                 next = layout.find(words, next->second)) {
                hit = next;
            }
        }
        if (hit) {
            m_current = index;
            setSelection({index, hit->first}, {index, hit->second});
            showPlace({index, hit->first});
            return true;
        }
    }
    return false;
}

void TranscriptView::updateCursor(const QPoint& point)
{
    const int row = m_heights.rowAt(point.y() + verticalScrollBar()->value());
    Qt::CursorShape shape = Qt::ArrowCursor;
    if (m_transcript && row >= 0) {
        const RowLayout& layout = layoutOf(row);
        const QPoint inside = inRow(row, point);
        if (!layout.linkAt(inside).isEmpty() || !layout.copyButtonAt(inside).isEmpty() ||
            layout.isFoldAt(inside)) {
            shape = Qt::PointingHandCursor;
        } else if (layout.isTextAt(inside)) {
            shape = Qt::IBeamCursor;
        }
    }
    viewport()->setCursor(shape);
}

void TranscriptView::mousePressEvent(QMouseEvent* event)
{
    if (event->button() != Qt::LeftButton || !m_transcript || m_heights.count() == 0) {
        return;
    }
    m_pressed = event->position().toPoint();
    const Place place = placeAt(m_pressed);
    m_current = place.row;
    m_selecting = true;
    m_autoScroll.start();
    setSelection(event->modifiers() & Qt::ShiftModifier ? m_selectionFrom : place, place);
    Q_EMIT currentRowChanged(m_current);
}

void TranscriptView::mouseMoveEvent(QMouseEvent* event)
{
    const QPoint point = event->position().toPoint();
    if (m_selecting && (event->buttons() & Qt::LeftButton)) {
        if ((point - m_pressed).manhattanLength() >= QApplication::startDragDistance() ||
            hasSelection()) {
            setSelection(m_selectionFrom, placeAt(point));
        }
        return;
    }
    if (m_heights.count() > 0) {
        updateCursor(point);
    }
}

void TranscriptView::mouseReleaseEvent(QMouseEvent* event)
{
    m_autoScroll.stop();
    const bool click = m_selecting && !hasSelection() && event->button() == Qt::LeftButton;
    m_selecting = false;
    if (!m_transcript || m_heights.count() == 0) {
        return;
    }
    if (hasSelection() && QApplication::clipboard()->supportsSelection()) {
        QApplication::clipboard()->setText(selectedText(), QClipboard::Selection);
    }
    const QPoint point = event->position().toPoint();
    const int row = m_heights.rowAt(point.y() + verticalScrollBar()->value());
    if (!click || row < 0) {
        return;
    }
    const RowLayout& layout = layoutOf(row);
    const QPoint inside = inRow(row, point);
    if (layout.isFoldAt(inside)) {
        toggle(row);
    } else if (const QString code = layout.copyButtonAt(inside); !code.isEmpty()) {
        QApplication::clipboard()->setText(code);
        QToolTip::showText(event->globalPosition().toPoint(), tr("Copied"), viewport());
    } else if (const QString link = layout.linkAt(inside); !link.isEmpty()) {
        Q_EMIT linkClicked(link);
    }
}

void TranscriptView::mouseDoubleClickEvent(QMouseEvent* event)
{
    if (event->button() != Qt::LeftButton || !m_transcript || m_heights.count() == 0) {
        return;
    }
    const Place place = placeAt(event->position().toPoint());
    const RowLayout& layout = layoutOf(place.row);
    if (layout.isFoldAt(inRow(place.row, event->position().toPoint()))) {
        toggle(place.row);
        return;
    }
    const auto [from, to] = layout.wordAt(place.position);
    setSelection({place.row, from}, {place.row, to});
}

void TranscriptView::contextMenuEvent(QContextMenuEvent* event)
{
    if (!m_transcript || m_heights.count() == 0) {
        return;
    }
    if (event->reason() == QContextMenuEvent::Keyboard) {
        if (m_current >= 0) {
            const QRect rect = rowRect(m_current);
            Q_EMIT rowMenuRequested(
                m_current, viewport()->mapToGlobal(QPoint(40, std::max(0, rect.top()) + 20)));
        }
        return;
    }
    const int row = m_heights.rowAt(viewport()->mapFromGlobal(event->globalPos()).y() +
                                    verticalScrollBar()->value());
    const auto [from, to] = selection();
    if (!hasSelection() || row < from.row || row > to.row) {
        setCurrentRow(row);
    }
    Q_EMIT rowMenuRequested(row, event->globalPos());
}

void TranscriptView::moveCurrent(int step, bool extend)
{
    const int rows = m_heights.count();
    int row =
        m_current < 0 ? (step > 0 ? rowsInSight().first - 1 : rowsInSight().second + 1) : m_current;
    do {
        row += step;
    } while (row >= 0 && row < rows && m_transcript->row(row).hidden);
    if (row < 0 || row >= rows) {
        // A message longer than the view is read on by scrolling.
        verticalScrollBar()->setValue(verticalScrollBar()->value() +
                                      step * verticalScrollBar()->singleStep() * 3);
        return;
    }
    const QRect now = m_current >= 0 ? rowRect(m_current) : QRect();
    if (!extend && m_current >= 0 &&
        ((step > 0 && now.bottom() > viewport()->height()) ||
         (step < 0 && now.top() < 0 && now.bottom() > 0))) {
        verticalScrollBar()->setValue(verticalScrollBar()->value() +
                                      step * verticalScrollBar()->singleStep() * 3);
        return;
    }
    if (extend) {
        const Place from = hasSelection() ? m_selectionFrom : Place{std::max(0, m_current), {}};
        setCurrentRow(row);
        setSelection(from, {row, layoutOf(row).end()});
    } else {
        m_selectionFrom = m_selectionTo = {};
        setCurrentRow(row);
    }
}

void TranscriptView::keyPressEvent(QKeyEvent* event)
{
    if (!m_transcript || m_heights.count() == 0) {
        QAbstractScrollArea::keyPressEvent(event);
        return;
    }
    if (event->matches(QKeySequence::Copy)) {
        copy();
        return;
    }
    if (event->matches(QKeySequence::SelectAll)) {
        setSelection({0, {}}, {m_heights.count() - 1, layoutOf(m_heights.count() - 1).end()});
        return;
    }
    QScrollBar* bar = verticalScrollBar();
    switch (event->key()) {
    case Qt::Key_Up:
    case Qt::Key_Down:
        moveCurrent(event->key() == Qt::Key_Down ? 1 : -1, event->modifiers() & Qt::ShiftModifier);
        return;
    case Qt::Key_PageUp:
    case Qt::Key_PageDown:
        bar->setValue(bar->value() +
                      (event->key() == Qt::Key_PageDown ? 1 : -1) * (viewport()->height() - 40));
        return;
    case Qt::Key_Home:
        m_current = 0;
        bar->setValue(0);
        return;
    case Qt::Key_End:
        m_current = m_heights.count() - 1;
        jumpToEnd();
        return;
    case Qt::Key_Return:
    case Qt::Key_Enter:
    case Qt::Key_Space:
        toggle(m_current);
        return;
    case Qt::Key_Right:
    case Qt::Key_Left:
        if (m_current >= 0 &&
            m_transcript->row(m_current).open != (event->key() == Qt::Key_Right)) {
            toggle(m_current);
        }
        return;
    case Qt::Key_Escape:
        if (hasSelection()) {
            m_selectionFrom = m_selectionTo = {};
            viewport()->update();
            return;
        }
        break;
    default:
        break;
    }
    QAbstractScrollArea::keyPressEvent(event);
}

void TranscriptView::focusInEvent(QFocusEvent* event)
{
    QAbstractScrollArea::focusInEvent(event);
    if (m_current < 0 && m_heights.count() > 0 && event->reason() != Qt::MouseFocusReason) {
        m_current = rowsInSight().second;
        while (m_current > 0 && m_transcript->row(m_current).hidden) {
            --m_current;
        }
        Q_EMIT currentRowChanged(m_current);
    }
    viewport()->update();
}

void TranscriptView::focusOutEvent(QFocusEvent* event)
{
    QAbstractScrollArea::focusOutEvent(event);
    viewport()->update();
}

void TranscriptView::changeEvent(QEvent* event)
{
    QAbstractScrollArea::changeEvent(event);
    if (event->type() == QEvent::ActivationChange) {
        viewport()->update();
    }
}

bool TranscriptView::viewportEvent(QEvent* event)
{
    if (event->type() == QEvent::ToolTip && m_transcript && m_heights.count() > 0) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const int row = m_heights.rowAt(help->pos().y() + verticalScrollBar()->value());
        const RowLayout& layout = layoutOf(row);
        const QPoint inside = inRow(row, help->pos());
        QString words;
        if (const QString link = layout.linkAt(inside); !link.isEmpty()) {
            words = widgets::visibleText(link); // where it really leads
        } else if (!layout.copyButtonAt(inside).isEmpty()) {
            words = tr("Copy this code");
        } else if (layout.isTimeAt(inside) || layout.isFoldAt(inside)) {
            words = widgets::exactTimeText(m_transcript->row(row).item.time);
        }
        QToolTip::showText(help->globalPos(), words.toHtmlEscaped(), viewport());
        return true;
    }
    return QAbstractScrollArea::viewportEvent(event);
}

} // namespace sb::panels
