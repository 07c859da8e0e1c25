#include "ui/panels/memory/GraphView.h"

#include "ui/models/MemoryWords.h"

#include <QDataStream>
#include <QIODevice>
#include <QPainter>
#include <QResizeEvent>
#include <algorithm>

using namespace Qt::StringLiterals;

namespace sb::panels {

namespace {

constexpr double smallestScale = 0.004;
constexpr double largestScale = 6;
constexpr double fittedScale = 3.2; // a few nodes are not blown up

quint64 hashOf(const QString& id)
{
    quint64 hash = 0xcbf29ce484222325; // FNV-1a: Qt's own is another in each start
    for (const QChar c : id) {
        hash = (hash ^ c.unicode()) * 0x100000001b3;
    }
    return hash;
}

} // namespace

QString KnownPlaces::toText() const
{
    QByteArray bytes;
    QDataStream stream(&bytes, QIODevice::WriteOnly);
    stream.setFloatingPointPrecision(QDataStream::SinglePrecision);
    for (const auto& [id, one] : places.asKeyValueRange()) {
        stream << hashOf(id) << one.at.x << one.at.y << one.isPinned;
    }
    return QString::fromLatin1(bytes.toBase64());
}

KnownPlaces KnownPlaces::fromText(const QString& text, const models::MemoryGraph& graph)
{
    QHash<quint64, One> found;
    const QByteArray bytes = QByteArray::fromBase64(text.toLatin1());
    QDataStream stream(bytes);
    stream.setFloatingPointPrecision(QDataStream::SinglePrecision);
    while (!stream.atEnd()) {
        quint64 hash = 0;
        One one;
        stream >> hash >> one.at.x >> one.at.y >> one.isPinned;
        const bool isSane = std::abs(one.at.x) < 1e6F && std::abs(one.at.y) < 1e6F; // nor NaN
        if (stream.status() == QDataStream::Ok && isSane) {
            found.insert(hash, one);
        }
    }
    KnownPlaces known;
    if (!found.isEmpty()) {
        for (const auto& node : graph.nodes) {
            if (const auto one = found.constFind(hashOf(node.id)); one != found.cend()) {
                known.places.insert(node.id, *one);
            }
        }
    }
    return known;
}

GraphView::GraphView(theme::Theme& theme, QWidget* parent)
    : QWidget(parent), m_theme(theme), m_painter(theme)
{
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setAutoFillBackground(false);
    setAttribute(Qt::WA_OpaquePaintEvent);
    connect(&theme, &theme::Theme::changed, this, [this] {
        m_painter.forgetAll();
        update();
    });
    tell();
}

GraphView::~GraphView() = default;

void GraphView::setGraph(models::MemoryGraph graph, const KnownPlaces& known, bool isAnother)
{
    const KnownPlaces before = isAnother ? KnownPlaces() : this->known();
    m_isFollowing = m_isFollowing || isAnother;
    const QStringList chosenBefore = chosen();
    const auto sameEdges = [&] {
        // By number: whoever adds or takes away a memory changes the numbers anyway.
        return graph.edges == m_graph.edges && graph.nodes.size() == m_graph.nodes.size();
    }();
    m_graph = std::move(graph);
    m_numbers.clear();
    m_numbers.reserve(qsizetype(m_graph.nodes.size()));
    LayoutThread::Graph next;
    const auto count = m_graph.nodes.size();
    next.start.places.resize(count);
    next.start.isPlaced.assign(count, 0);
    next.start.isPinned.assign(count, 0);
    next.kinds.reserve(count);
    size_t placed = 0;
    for (size_t i = 0; i < count; ++i) {
        const auto& node = m_graph.nodes[i];
        m_numbers.insert(node.id, int(i));
        next.kinds.push_back((unsigned char)(node.type));
        auto one = before.places.constFind(node.id);
        if (one == before.places.cend()) {
            one = known.places.constFind(node.id);
            if (one == known.places.cend()) {
                continue;
            }
        }
        next.start.places[i] = one->at;
        next.start.isPlaced[i] = 1;
        next.start.isPinned[i] = char(one->isPinned);
        ++placed;
    }
    std::vector<std::pair<int, int>> pairs;
    pairs.reserve(m_graph.edges.size());
    for (const auto& edge : m_graph.edges) {
        pairs.emplace_back(edge.from, edge.to);
    }
    next.shape = GraphShape::make(int(count), pairs);
    next.isFresh = placed == 0;
    next.start.aspect = std::clamp(float(width()) / float(std::max(1, height())), 0.6F, 3.0F);
    const bool isAsKept = placed == count && (sameEdges || before.places.isEmpty());
    next.warmth = next.isFresh               ? 1.0F
                  : isAsKept                 ? 0.0F
                  : placed * 10 >= count * 9 ? 0.15F
                  : placed * 2 >= count      ? 0.4F
                                             : 0.9F;
    m_isPinned = next.start.isPinned;
    // Those that have a place are drawn at once; the others come with the layout's first picture.
    m_places = placed == count ? next.start.places : std::vector<Place>();
    m_isChosen.assign(count, 0);
    m_current = -1;
    m_hovered = -1;
    m_pressed = -1;
    m_isDragging = false;
    m_communities.reset();
    m_painter.forgetLabels();
    placesChanged();
    setChosen(chosenBefore);
    m_isAtRest = count == 0;
    if (!m_layout) {
        m_layout = std::make_unique<LayoutThread>(
            [this](const LayoutThread::Picture& picture) { take(picture); });
    }
    m_shown = m_layout->set(std::move(next));
    if (m_isFollowing && !m_places.empty()) {
        fitNow();
    }
    update();
    tell();
}

void GraphView::take(const LayoutThread::Picture& picture)
{
    if (picture.graph != m_shown || picture.places->size() != m_graph.nodes.size()) {
        return; // of the graph before this one
    }
    Place held;
    const bool isHeld = m_isDragging && m_pressed >= 0 && !m_places.empty();
    if (isHeld) {
        held = m_places[size_t(m_pressed)];
    }
    m_places = *picture.places;
    if (isHeld) {
        m_places[size_t(m_pressed)] = held; // the hand is newer than the picture
    }
    m_communities = picture.communities;
    placesChanged();
    if (m_isFollowing) {
        fitNow();
    }
    m_isAtRest = picture.isAtRest;
    update();
    if (m_isAtRest) {
        Q_EMIT placesSettled();
    }
}

void GraphView::placesChanged()
{
    m_isTreeStale = true;
    m_areMany.reset();
    m_painter.forgetMarks();
}

KnownPlaces GraphView::known() const
{
    KnownPlaces known;
    known.places.reserve(qsizetype(m_places.size()));
    for (size_t i = 0; i < m_places.size(); ++i) {
        known.places.insert(m_graph.nodes[i].id, {m_places[i], m_isPinned[i] != 0});
    }
    return known;
}

const QuadTree& GraphView::tree() const
{
    if (std::exchange(m_isTreeStale, false)) {
        m_tree.build(m_places);
    }
    return m_tree;
}

bool GraphView::showsCommunities() const
{
    if (!m_communities || m_places.empty() || m_graph.nodes.size() <= size_t(mostNodes)) {
        return false;
    }
    if (!m_areMany) {
        const Place low = m_lens.toPlane(QPointF(0, 0));
        const Place high = m_lens.toPlane(QPointF(width(), height()));
        const auto seen = std::ranges::count_if(m_places, [&](const Place& place) {
            return place.x > low.x && place.x < high.x && place.y > low.y && place.y < high.y;
        });
        m_areMany = seen > mostNodes;
    }
    return *m_areMany;
}

void GraphView::setChosen(const QStringList& ids)
{
    std::ranges::fill(m_isChosen, 0);
    m_current = -1;
    for (const auto& id : ids) {
        if (const int node = m_numbers.value(id, -1); node >= 0) {
            m_isChosen[size_t(node)] = 1;
            m_current = m_current < 0 ? node : m_current;
        }
    }
    update();
    tell();
}

QString GraphView::current() const
{
    return m_current < 0 ? QString() : m_graph.nodes[size_t(m_current)].id;
}

QStringList GraphView::chosen() const
{
    QStringList ids;
    if (m_current >= 0) {
        ids.append(current());
    }
    for (size_t node = 0; node < m_isChosen.size(); ++node) {
        if (m_isChosen[node] != 0 && int(node) != m_current) {
            ids.append(m_graph.nodes[node].id);
        }
    }
    return ids;
}

void GraphView::tell()
{
    setAccessibleName(m_graph.nodes.empty()
                          ? tr("Graph without memories")
                          : tr("Graph of %n memories", nullptr, int(m_graph.nodes.size())));
    const QString keys = tr("Arrow keys move it, Ctrl with arrow keys goes to another memory, plus "
                            "and minus zoom, Return shows what is around a memory. The table lists "
                            "the same.");
    setAccessibleDescription(
        m_current < 0 ? keys
                      : tr("Chosen: %1, %2. %3")
                            .arg(models::memoryTypeText(m_graph.nodes[size_t(m_current)].type),
                                 models::nodeLine(m_graph.nodes[size_t(m_current)]),
                                 keys));
}

void GraphView::setCovered(const QMargins& covered)
{
    if (std::exchange(m_covered, covered) != covered && m_isFollowing) {
        fitNow();
        update();
    }
}

void GraphView::fit()
{
    m_isFollowing = true;
    fitNow();
    update();
}

void GraphView::fitNow()
{
    if (m_places.empty() || width() < 8 || height() < 8) {
        return;
    }
    Place low = m_places.front();
    Place high = low;
    for (const Place& place : m_places) {
        low = {std::min(low.x, place.x), std::min(low.y, place.y)};
        high = {std::max(high.x, place.x), std::max(high.y, place.y)};
    }
    // Labels need room.
    const double side = 2 * QFontMetricsF(m_theme.secondary()).height();
    const double labelSide = std::min(2.2 * side, width() / 8.0);
    const double below = std::min(1.4 * side, height() / 6.0);
    const double wide = std::max(1.0, double(high.x - low.x));
    const double tall = std::max(1.0, double(high.y - low.y));
    const QRectF room = QRectF(rect()).adjusted(
        labelSide, m_covered.top() + below / 2, -labelSide - m_covered.right(), -below);
    m_lens.scale =
        std::clamp(std::min(room.width() / wide, room.height() / tall), smallestScale, fittedScale);
    m_lens.offset = room.center() - QPointF(low.x + high.x, low.y + high.y) / 2 * m_lens.scale;
    m_areMany.reset();
}

void GraphView::zoomAt(QPointF point, double factor)
{
    const double scale = std::clamp(m_lens.scale * factor, smallestScale, largestScale);
    m_lens.offset = point - (point - m_lens.offset) * (scale / m_lens.scale);
    m_lens.scale = scale;
    m_isFollowing = false;
    m_areMany.reset();
    update();
}

void GraphView::zoom(double factor)
{
    // Around what is chosen, so that it stays in sight.
    const auto here = pointOf(current());
    zoomAt(here && QRectF(rect()).contains(*here) ? *here : QRectF(rect()).center(), factor);
}

void GraphView::pan(QPointF by)
{
    m_lens.offset += by;
    m_isFollowing = false;
    m_areMany.reset();
    update();
}

void GraphView::bringIntoSight(const QString& id)
{
    const auto point = pointOf(id);
    if (!point) {
        return;
    }
    const double side = std::min({40.0, width() / 4.0, height() / 4.0});
    if (showsCommunities()) {
        zoomAt(*point, 0.5 / m_lens.scale);
    }
    if (const auto now = pointOf(id);
        now && !QRectF(rect()).adjusted(side, side, -side, -side).contains(*now)) {
        pan(QRectF(rect()).center() - *now);
    }
}

void GraphView::release(const QString& id)
{
    if (const int node = m_numbers.value(id, -1); node >= 0 && m_isPinned[size_t(node)] != 0) {
        m_isPinned[size_t(node)] = 0;
        m_isAtRest = false;
        m_layout->release(node);
    }
}

bool GraphView::isPlacePinned(const QString& id) const
{
    const int node = m_numbers.value(id, -1);
    return node >= 0 && m_isPinned[size_t(node)] != 0;
}

std::optional<QPointF> GraphView::pointOf(const QString& id) const
{
    const int node = m_numbers.value(id, -1);
    if (node < 0 || m_places.empty()) {
        return {};
    }
    return m_lens.toScreen(m_places[size_t(node)]);
}

void GraphView::paintEvent(QPaintEvent* event)
{
    ++m_paints;
    QPainter painter(this);
    painter.fillRect(event->rect(), palette().color(QPalette::Base));
    if (m_places.empty()) {
        return;
    }
    m_painter.paint(painter,
                    {.graph = m_graph,
                     .places = m_places,
                     .communities = showsCommunities() ? m_communities.get() : nullptr,
                     .lens = m_lens,
                     .area = QRectF(rect()),
                     .current = m_current,
                     .hovered = m_hovered,
                     .isChosen = m_isChosen,
                     .hasFocus = hasFocus()});
}

void GraphView::resizeEvent(QResizeEvent* event)
{
    QWidget::resizeEvent(event);
    m_areMany.reset();
    if (m_isFollowing) {
        fitNow();
    } else if (event->oldSize().isValid()) {
        // What was in the middle stays there.
        const QSize by = event->size() - event->oldSize();
        m_lens.offset += QPointF(by.width() / 2.0, by.height() / 2.0);
    }
}

} // namespace sb::panels
