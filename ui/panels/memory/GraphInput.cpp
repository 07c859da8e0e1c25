// How a person moves through the graph: mouse, wheel, keys and tooltips.
#include "ui/models/MemoryWords.h"
#include "ui/panels/memory/GraphView.h"

#include <QApplication>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QToolTip>
#include <cmath>

namespace sb::panels {

namespace {

constexpr double slack = 5;    // pixels beside a node that still count as on it
constexpr double step = 48;    // of the arrow keys
constexpr double notch = 1.25; // of the zoom

double distanceToSegment(QPointF point, QPointF a, QPointF b)
{
    const QPointF along = b - a;
    const double length = QPointF::dotProduct(along, along);
    const double part =
        length == 0 ? 0 : std::clamp(QPointF::dotProduct(point - a, along) / length, 0.0, 1.0);
    return QLineF(point, a + along * part).length();
}

} // namespace

int GraphView::nodeAt(QPointF point) const
{
    if (m_places.empty() || showsCommunities()) {
        return -1;
    }
    // The nearest middle within the largest radius; then its own radius decides.
    models::MemoryGraph::Node largest;
    largest.importance = 1;
    const double reach = m_painter.radius(largest, m_lens.scale) + slack;
    const int node = tree().nearest(m_lens.toPlane(point), float(reach / m_lens.scale));
    if (node < 0) {
        return -1;
    }
    const double own = m_painter.radius(m_graph.nodes[size_t(node)], m_lens.scale) + slack;
    return QLineF(point, m_lens.toScreen(m_places[size_t(node)])).length() <= own ? node : -1;
}

QString GraphView::memoryAt(QPointF point) const
{
    const int node = nodeAt(point);
    return node < 0 ? QString() : m_graph.nodes[size_t(node)].id;
}

int GraphView::communityAt(QPointF point) const
{
    if (!showsCommunities()) {
        return -1;
    }
    int best = -1;
    double bestDistance = 0;
    const auto& marks = m_painter.marks();
    for (size_t i = 0; i < marks.size(); ++i) {
        const double distance = QLineF(point, m_lens.toScreen(marks[i].middle)).length();
        if (distance <= m_painter.radius(marks[i], m_lens.scale) + slack &&
            (best < 0 || distance < bestDistance)) {
            best = int(i);
            bestDistance = distance;
        }
    }
    return best;
}

int GraphView::edgeAt(QPointF point) const
{
    if (m_places.empty() || showsCommunities()) {
        return -1;
    }
    for (size_t i = 0; i < m_graph.edges.size(); ++i) {
        const auto& edge = m_graph.edges[i];
        if (distanceToSegment(point,
                              m_lens.toScreen(m_places[size_t(edge.from)]),
                              m_lens.toScreen(m_places[size_t(edge.to)])) < slack) {
            return int(i);
        }
    }
    return -1;
}

QString GraphView::tipAt(QPointF point) const
{
    if (const int one = communityAt(point); one >= 0) {
        const CommunityMark& mark = m_painter.marks()[size_t(one)];
        return tr("%n memories that belong together, most of them: %1. The weightiest: %2",
                  nullptr,
                  mark.count)
            .arg(models::memoryTypeText(mark.type),
                 models::nodeLine(m_graph.nodes[size_t(mark.leader)]));
    }
    if (const int node = nodeAt(point); node >= 0) {
        const auto& one = m_graph.nodes[size_t(node)];
        QStringList lines{models::memoryTypeText(one.type) + QStringLiteral(": ") +
                          models::nodeLine(one)};
        if (one.isForgotten) {
            lines.append(tr("Forgotten."));
        }
        if (one.isDoubted) {
            lines.append(tr("Nobody vouches for it."));
        }
        if (one.isPinned) {
            lines.append(tr("Pinned: it never fades."));
        }
        if (m_isPinned[size_t(node)] != 0) {
            lines.append(tr("You put it in this place."));
        }
        return lines.join(u'\n');
    }
    if (const int edge = edgeAt(point); edge >= 0) {
        const auto& one = m_graph.edges[size_t(edge)];
        return tr("“%1” %2 “%3”")
            .arg(models::nodeLine(m_graph.nodes[size_t(one.from)]),
                 models::relationText(one.relation),
                 models::nodeLine(m_graph.nodes[size_t(one.to)]));
    }
    return {};
}

bool GraphView::event(QEvent* event)
{
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        if (const QString tip = tipAt(QPointF(help->pos())); !tip.isEmpty()) {
            QToolTip::showText(help->globalPos(), tip, this);
        } else {
            QToolTip::hideText();
            event->ignore();
        }
        return true;
    }
    return QWidget::event(event);
}

void GraphView::choose(int node, bool isAdded)
{
    if (!isAdded) {
        std::ranges::fill(m_isChosen, 0);
        m_current = node;
    } else if (node >= 0 && m_isChosen[size_t(node)] != 0) {
        m_isChosen[size_t(node)] = 0; // once more takes it out again
        if (m_current == node) {
            const auto left = std::ranges::find(m_isChosen, 1);
            m_current = left == m_isChosen.end() ? -1 : int(left - m_isChosen.begin());
        }
        node = -1;
    } else if (m_current < 0) {
        m_current = node;
    }
    if (node >= 0) {
        m_isChosen[size_t(node)] = 1;
    }
    update();
    tell();
    Q_EMIT chosenChanged();
}

// The nearest memory in that direction, within a right angle; the one nearest to the middle when
// none is chosen.
void GraphView::chooseTowards(QPointF direction)
{
    if (m_places.empty() || showsCommunities()) {
        return;
    }
    const QPointF from =
        m_current < 0 ? QRectF(rect()).center() : m_lens.toScreen(m_places[size_t(m_current)]);
    int best = -1;
    double bestDistance = 0;
    for (size_t i = 0; i < m_places.size(); ++i) {
        const QPointF way = m_lens.toScreen(m_places[i]) - from;
        const double along = QPointF::dotProduct(way, direction);
        const double distance = std::hypot(way.x(), way.y());
        const bool isThere = m_current < 0 || (int(i) != m_current && along > 0.7 * distance);
        if (isThere && (best < 0 || distance < bestDistance)) {
            best = int(i);
            bestDistance = distance;
        }
    }
    if (best >= 0) {
        choose(best, false);
        bringIntoSight(current());
    }
}

void GraphView::zoomToCommunity(int community)
{
    const CommunityMark& mark = m_painter.marks()[size_t(community)];
    const double side = std::max(1.0F, 2.4F * mark.radius);
    const double scale = std::min(width() / side, height() / side);
    m_lens.scale = std::clamp(std::max(scale, m_lens.scale * 1.6), 0.01, 4.0);
    m_lens.offset = QRectF(rect()).center() - QPointF(mark.middle.x, mark.middle.y) * m_lens.scale;
    m_isFollowing = false;
    m_areMany.reset();
    update();
}

void GraphView::mousePressEvent(QMouseEvent* event)
{
    m_pressedAt = event->position();
    m_lastAt = m_pressedAt;
    m_isDragging = false;
    m_pressed = nodeAt(m_pressedAt);
    if (event->button() == Qt::RightButton) {
        // The menu is about what was clicked; several that are chosen stay chosen.
        if (m_pressed >= 0 && m_isChosen[size_t(m_pressed)] == 0) {
            choose(m_pressed, false);
        }
        m_pressed = -1;
        return;
    }
    m_isPanning = m_pressed < 0;
    if (m_pressed >= 0) {
        choose(m_pressed, event->modifiers().testFlag(Qt::ControlModifier));
    }
}

void GraphView::mouseMoveEvent(QMouseEvent* event)
{
    const QPointF now = event->position();
    const bool isFar = (now - m_pressedAt).manhattanLength() >= QApplication::startDragDistance();
    if (event->buttons().testFlag(Qt::LeftButton) && (isFar || m_isDragging)) {
        m_isDragging = true;
        if (m_isPanning) {
            pan(now - m_lastAt);
            setCursor(Qt::ClosedHandCursor);
        } else if (m_pressed >= 0 && !m_places.empty()) {
            m_isFollowing = false; // the ground must not move under the hand
            m_places[size_t(m_pressed)] = m_lens.toPlane(now);
            m_isPinned[size_t(m_pressed)] = 1;
            m_isAtRest = false;
            placesChanged();
            m_layout->pin(m_pressed, m_places[size_t(m_pressed)]);
            update();
        }
        m_lastAt = now;
        return;
    }
    const int under = event->buttons() == Qt::NoButton ? nodeAt(now) : m_hovered;
    if (under != m_hovered) {
        m_hovered = under;
        setCursor(under >= 0 ? Qt::PointingHandCursor : Qt::ArrowCursor);
        update();
    }
}

void GraphView::mouseReleaseEvent(QMouseEvent* event)
{
    if (event->button() == Qt::LeftButton && m_isPanning && !m_isDragging &&
        !event->modifiers().testFlag(Qt::ControlModifier) && m_current >= 0) {
        choose(-1, false); // a click beside everything chooses nothing
    }
    m_pressed = -1;
    m_isPanning = false;
    m_isDragging = false;
    setCursor(m_hovered >= 0 ? Qt::PointingHandCursor : Qt::ArrowCursor);
}

void GraphView::mouseDoubleClickEvent(QMouseEvent* event)
{
    if (const int one = communityAt(event->position()); one >= 0) {
        zoomToCommunity(one);
    } else if (const QString id = memoryAt(event->position()); !id.isEmpty()) {
        Q_EMIT activated(id);
    }
}

void GraphView::wheelEvent(QWheelEvent* event)
{
    const double turns = event->angleDelta().y() / 120.0;
    if (turns == 0) {
        event->ignore();
        return;
    }
    zoomAt(event->position(), std::pow(notch, turns));
    event->accept();
}

void GraphView::keyPressEvent(QKeyEvent* event)
{
    const bool isGoing = event->modifiers().testFlag(Qt::ControlModifier);
    const auto arrow = [&](double x, double y) {
        if (isGoing) {
            chooseTowards({x, y});
        } else {
            pan(QPointF(-x, -y) * step); // towards it: the graph goes the other way
        }
    };
    switch (event->key()) {
    case Qt::Key_Left:
        return arrow(-1, 0);
    case Qt::Key_Right:
        return arrow(1, 0);
    case Qt::Key_Up:
        return arrow(0, -1);
    case Qt::Key_Down:
        return arrow(0, 1);
    case Qt::Key_Plus:
    case Qt::Key_Equal:
        return zoom(notch);
    case Qt::Key_Minus:
        return zoom(1 / notch);
    case Qt::Key_0:
    case Qt::Key_Home:
        return fit();
    case Qt::Key_Return:
    case Qt::Key_Enter:
        if (m_current >= 0) {
            Q_EMIT activated(current());
            return;
        }
        break;
    case Qt::Key_Escape:
        if (m_current >= 0) {
            choose(-1, false);
            return;
        }
        break;
    default:
        break;
    }
    QWidget::keyPressEvent(event);
}

void GraphView::contextMenuEvent(QContextMenuEvent* event)
{
    const auto here = pointOf(current());
    Q_EMIT menuWanted(event->reason() == QContextMenuEvent::Keyboard && here
                          ? mapToGlobal(here->toPoint())
                          : event->globalPos());
}

void GraphView::focusInEvent(QFocusEvent* event)
{
    QWidget::focusInEvent(event);
    update();
}

void GraphView::focusOutEvent(QFocusEvent* event)
{
    QWidget::focusOutEvent(event);
    update();
}

void GraphView::leaveEvent(QEvent* event)
{
    QWidget::leaveEvent(event);
    if (std::exchange(m_hovered, -1) >= 0) {
        update();
    }
}

} // namespace sb::panels
