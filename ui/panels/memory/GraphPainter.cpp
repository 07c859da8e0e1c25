#include "ui/panels/memory/GraphPainter.h"

#include "ui/models/MemoryWords.h"
#include "ui/panels/memory/GraphColours.h"
#include "ui/widgets/Format.h"

#include <QApplication>
#include <QPainter>
#include <QPainterPath>
#include <array>
#include <cmath>

using namespace Qt::StringLiterals;

namespace sb::panels {

using models::MemoryGraph;
using theme::Tone;

namespace {

constexpr int smoothEdges = 700;   // more of them are drawn without smoothing and dashes
constexpr int letterFrom = 8;      // the radius that has room for a letter
constexpr int dotBelow = 3;        // smaller nodes are squares: nobody can tell
constexpr double labelWidth = 118; // of its two lines
constexpr size_t roomyNodes = 250;
constexpr int mostNames = 8;        // of communities: the largest ones
constexpr double crowdedShare = 16; // of the ground, one part in so many is under labels

enum Looks { Usual, Forgotten, Doubted };

QImage blank(int side, qreal ratio)
{
    QImage image((QSizeF(side, side) * ratio).toSize(), QImage::Format_ARGB32_Premultiplied);
    image.setDevicePixelRatio(ratio);
    image.fill(Qt::transparent);
    return image;
}

bool isOutside(const QPointF& a, const QPointF& b, const QRectF& area)
{
    return (a.x() < area.left() && b.x() < area.left()) ||
           (a.x() > area.right() && b.x() > area.right()) ||
           (a.y() < area.top() && b.y() < area.top()) ||
           (a.y() > area.bottom() && b.y() > area.bottom());
}

} // namespace

/// Where something is written already: cells of a few pixels.
struct GraphPainter::Occupied
{
    static constexpr int cell = 4;
    explicit Occupied(const QRectF& area)
        : columns(int(area.width()) / cell + 2)
        , rows(int(area.height()) / cell + 2)
        , used(size_t(columns) * size_t(rows), 0)
    {
    }

    /// Takes the room when it is free, or in any case.
    bool take(const QRectF& rect, bool mustTake)
    {
        const int left = std::clamp(int(rect.left()) / cell, 0, columns - 1);
        const int right = std::clamp(int(rect.right()) / cell, 0, columns - 1);
        const int top = std::clamp(int(rect.top()) / cell, 0, rows - 1);
        const int bottom = std::clamp(int(rect.bottom()) / cell, 0, rows - 1);
        for (int pass = mustTake ? 1 : 0; pass < 2; ++pass) {
            for (int y = top; y <= bottom; ++y) {
                for (int x = left; x <= right; ++x) {
                    char& one = used[size_t(y) * size_t(columns) + size_t(x)];
                    if (pass == 0 && one != 0) {
                        return false;
                    }
                    if (pass == 1) {
                        one = 1;
                    }
                }
            }
        }
        return true;
    }

    int columns;
    int rows;
    std::vector<char> used;
};

std::vector<CommunityMark> communityMarks(const MemoryGraph& graph,
                                          const std::vector<Place>& places,
                                          const Communities& communities)
{
    const auto count = size_t(communities.count());
    std::vector<CommunityMark> marks(count);
    std::vector<std::array<int, 16>> types(count);
    for (size_t node = 0; node < places.size(); ++node) {
        const auto one = size_t(communities.of[node]);
        CommunityMark& mark = marks[one];
        mark.middle.x += places[node].x;
        mark.middle.y += places[node].y;
        ++mark.count;
        ++types[one][size_t(graph.nodes[node].type)];
        if (mark.leader < 0 ||
            graph.nodes[node].importance > graph.nodes[size_t(mark.leader)].importance) {
            mark.leader = int(node);
        }
    }
    for (size_t one = 0; one < count; ++one) {
        CommunityMark& mark = marks[one];
        mark.middle.x /= float(mark.count);
        mark.middle.y /= float(mark.count);
        mark.radius = GraphLayout::radiusOf(float(mark.count)) * 0.75F;
        mark.type = protocol::MemoryType(std::ranges::max_element(types[one]) - types[one].begin());
    }
    return marks;
}

void GraphPainter::forgetLabels()
{
    m_labels.clear();
    m_strongLabels.clear();
    m_degrees.clear();
    m_marks.clear();
}

void GraphPainter::forgetAll()
{
    forgetLabels();
    m_sprites.clear();
}

double GraphPainter::fontFactor() const
{
    return std::clamp(QFontMetricsF(m_theme.body()).height() / 17.0, 1.0, 1.7);
}

double GraphPainter::radius(const MemoryGraph::Node& node, double scale) const
{
    const double zoom = std::clamp(std::sqrt(scale), 0.3, 1.5);
    return std::max(1.5, (4.0 + 8.0 * double(node.importance)) * zoom * fontFactor());
}

double GraphPainter::radius(const CommunityMark& mark, double scale) const
{
    return std::max(9.0 * fontFactor(), double(mark.radius) * scale);
}

void GraphPainter::findVisible(const GraphScene& scene)
{
    const auto count = scene.places.size();
    m_points.resize(count);
    m_visible.clear();
    const QRectF wide = scene.area.adjusted(-24, -24, 24, 24);
    for (size_t i = 0; i < count; ++i) {
        const QPointF point = scene.lens.toScreen(scene.places[i]);
        m_points[i] = point;
        if (point.x() > wide.left() && point.x() < wide.right() && point.y() > wide.top() &&
            point.y() < wide.bottom()) {
            m_visible.push_back(int(i));
        }
    }
    if (m_degrees.size() != count) {
        m_degrees.assign(count, 0);
        for (const auto& edge : scene.graph.edges) {
            ++m_degrees[size_t(edge.from)];
            ++m_degrees[size_t(edge.to)];
        }
    }
}

void GraphPainter::paint(QPainter& painter, const GraphScene& scene)
{
    m_labelCount = 0;
    if (scene.communities != nullptr) {
        paintCommunities(painter, scene);
        return;
    }
    findVisible(scene);
    paintEdges(painter, scene);
    paintNodes(painter, scene);
    paintLabels(painter, scene);
}

void GraphPainter::paintEdges(QPainter& painter, const GraphScene& scene)
{
    const auto& edges = scene.graph.edges;
    std::vector<int> seen;
    seen.reserve(edges.size());
    for (size_t i = 0; i < edges.size(); ++i) {
        if (!isOutside(
                m_points[size_t(edges[i].from)], m_points[size_t(edges[i].to)], scene.area)) {
            seen.push_back(int(i));
        }
    }
    if (seen.size() <= smoothEdges) {
        paintNearEdges(painter, scene, seen);
        return;
    }
    painter.setRenderHint(QPainter::Antialiasing, false);
    for (const auto relation : models::allRelations()) {
        m_lines.clear();
        for (const int i : seen) {
            const auto& edge = edges[size_t(i)];
            if (edge.relation == relation) {
                m_lines.append(QLine(m_points[size_t(edge.from)].toPoint(),
                                     m_points[size_t(edge.to)].toPoint()));
            }
        }
        painter.setPen(QPen(faintEdgeColour(m_theme, relation), 0));
        painter.drawLines(m_lines);
    }
    std::erase_if(seen, [&](int i) {
        const auto& edge = edges[size_t(i)];
        return scene.current < 0 || (edge.from != scene.current && edge.to != scene.current);
    });
    paintNearEdges(painter, scene, seen);
}

// With arrows, and with the relation told by line and colour.
void GraphPainter::paintNearEdges(QPainter& painter,
                                  const GraphScene& scene,
                                  const std::vector<int>& edges)
{
    painter.setRenderHint(QPainter::Antialiasing);
    for (const auto relation : models::allRelations()) {
        const EdgeLook look = edgeLook(m_theme, relation);
        QPen pen(look.colour, 1.25);
        pen.setCapStyle(Qt::FlatCap);
        if (!look.dashes.isEmpty()) {
            pen.setDashPattern(look.dashes);
        }
        for (const int i : edges) {
            const auto& edge = scene.graph.edges[size_t(i)];
            if (edge.relation != relation) {
                continue;
            }
            const QLineF line(m_points[size_t(edge.from)], m_points[size_t(edge.to)]);
            const auto& target = scene.graph.nodes[size_t(edge.to)];
            const double away = radius(target, scene.lens.scale) + 2;
            const double length = line.length();
            if (length < 2) {
                continue;
            }
            const bool isOfCurrent = edge.from == scene.current || edge.to == scene.current;
            pen.setWidthF(isOfCurrent ? 2.25 : 1.25);
            painter.setPen(pen);
            const double head = isOfCurrent ? 9 : 7;
            if (!look.hasArrow || length < away + head) {
                painter.drawLine(line);
                continue;
            }
            const QPointF along((line.dx()) / length, (line.dy()) / length);
            const QPointF across(-along.y(), along.x());
            const QPointF tip = line.p2() - along * away;
            const QPointF back = tip - along * head;
            painter.drawLine(QLineF(line.p1(), back));
            painter.setPen(Qt::NoPen);
            painter.setBrush(look.colour);
            const std::array<QPointF, 3> arrow{
                tip, back + across * head * 0.42, back - across * head * 0.42};
            painter.drawConvexPolygon(arrow.data(), int(arrow.size()));
            painter.setBrush(Qt::NoBrush);
        }
    }
}

const QImage& GraphPainter::sprite(const MemoryGraph::Node& node, int radius, qreal ratio)
{
    const Looks looks = node.isForgotten ? Forgotten : node.isDoubted ? Doubted : Usual;
    const int key = ((radius * 16 + int(node.type)) * 4 + int(looks)) * 2 + int(node.isPinned);
    QImage& image = m_sprites[key];
    if (!image.isNull() && image.devicePixelRatio() == ratio) {
        return image;
    }
    const double margin = 4;
    image = blank(2 * (radius + int(margin)), ratio);
    QPainter painter(&image);
    painter.setRenderHint(QPainter::Antialiasing);
    const QPointF middle(radius + margin, radius + margin);
    const QColor ground = QApplication::palette().color(QPalette::Base);
    const QColor colour = typeColour(m_theme, node.type);
    QColor letter = onColour(colour);
    if (looks == Usual) {
        painter.setPen(QPen(ground, 1.5)); // parts it from what lies beneath
        painter.setBrush(colour);
        painter.drawEllipse(middle, radius, radius);
    } else {
        // Hollow: forgotten is a thin ring, what nobody vouches for a broken one.
        QPen pen(colour, looks == Doubted ? std::max(1.5, radius * 0.22) : 1.2);
        if (looks == Doubted && radius >= 5) {
            pen.setDashPattern({1.6, 0.9});
            pen.setCapStyle(Qt::FlatCap);
        }
        painter.setPen(pen);
        painter.setBrush(ground);
        const double inner = radius - pen.widthF() / 2;
        painter.drawEllipse(middle, inner, inner);
        letter = looks == Forgotten ? m_theme.colour(Tone::Secondary)
                                    : theme::readableOn(colour, ground, 4.5);
    }
    if (node.isPinned) {
        painter.setPen(QPen(m_theme.colour(Tone::Text), 1.25));
        painter.setBrush(Qt::NoBrush);
        painter.drawEllipse(middle, radius + 2.25, radius + 2.25);
    }
    if (radius >= letterFrom) {
        QFont font = m_theme.body();
        font.setPixelSize(std::max(9, int(radius * 1.15)));
        font.setWeight(QFont::DemiBold);
        painter.setFont(font);
        painter.setPen(letter);
        painter.drawText(QRectF(middle.x() - radius, middle.y() - radius, 2 * radius, 2 * radius),
                         Qt::AlignCenter,
                         models::memoryTypeLetter(node.type));
    }
    return image;
}

QImage
GraphPainter::sample(protocol::MemoryType type, bool isForgotten, bool isDoubted, qreal ratio)
{
    MemoryGraph::Node node;
    node.type = type;
    node.isForgotten = isForgotten;
    node.isDoubted = isDoubted;
    return sprite(node, int(8 * fontFactor()), ratio);
}

void GraphPainter::paintNodes(QPainter& painter, const GraphScene& scene)
{
    painter.setRenderHint(QPainter::Antialiasing, false);
    const qreal ratio = painter.device()->devicePixelRatio();
    std::array<QColor, 16> colours;
    for (const auto type : models::allMemoryTypes()) {
        colours[size_t(type)] = typeColour(m_theme, type);
    }
    for (const int i : m_visible) {
        const auto& node = scene.graph.nodes[size_t(i)];
        const QPointF at = m_points[size_t(i)];
        const int size = int(std::lround(radius(node, scene.lens.scale)));
        if (size < dotBelow) {
            painter.fillRect(QRect(int(at.x()) - size / 2, int(at.y()) - size / 2, 3, 3),
                             colours[size_t(node.type)]);
        } else {
            const QImage& image = sprite(node, size, ratio);
            const double half = image.width() / ratio / 2;
            painter.drawImage(
                QPoint(int(std::lround(at.x() - half)), int(std::lround(at.y() - half))), image);
        }
    }
    const auto ring = [&](int node, double distance, const QPen& pen) {
        const double size = radius(scene.graph.nodes[size_t(node)], scene.lens.scale) + distance;
        painter.setPen(pen);
        painter.drawEllipse(m_points[size_t(node)], size, size);
    };
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setBrush(Qt::NoBrush);
    const QColor accent = m_theme.colour(Tone::Accent);
    for (size_t node = 0; node < scene.isChosen.size(); ++node) {
        if (scene.isChosen[node] != 0 && int(node) != scene.current) {
            ring(int(node), 4, QPen(accent, 2));
        }
    }
    if (scene.hovered >= 0 && scene.hovered != scene.current) {
        ring(scene.hovered, 3.5, QPen(m_theme.colour(Tone::Secondary), 1.5));
    }
    if (scene.current >= 0) {
        ring(scene.current, 4.5, QPen(accent, scene.hasFocus ? 3 : 2));
    }
}

bool GraphPainter::paintLabel(QPainter& painter,
                              Occupied& occupied,
                              int node,
                              const QString& text,
                              QPointF below,
                              bool isStrong)
{
    QStaticText& label = (isStrong ? m_strongLabels : m_labels)[node];
    QFont font = m_theme.secondary();
    font.setWeight(isStrong ? QFont::DemiBold : QFont::Normal);
    if (label.text().isEmpty()) {
        const double width = (isStrong ? 1.4 : 1.0) * labelWidth * fontFactor();
        label.setText(
            QFontMetricsF(font).elidedText(text, Qt::ElideRight, (isStrong ? 2.6 : 1.55) * width));
        label.setTextFormat(Qt::PlainText);
        QTextOption centred(Qt::AlignHCenter);
        centred.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
        label.setTextOption(centred);
        label.setTextWidth(width);
        label.prepare({}, font);
    }
    // Its own width, not that of the lines that it could have.
    const QSizeF size = label.size();
    const double used =
        std::min(size.width(), QFontMetricsF(font).horizontalAdvance(label.text()) + 2);
    const QRectF box(below.x() - used / 2 - 2, below.y(), used + 4, size.height());
    if (!occupied.take(box, isStrong)) {
        return false;
    }
    // On a ground of its own: words on lines cannot be read.
    painter.fillRect(box.toAlignedRect(), QApplication::palette().color(QPalette::Base));
    painter.setFont(font);
    painter.drawStaticText(QPointF(below.x() - label.textWidth() / 2, box.top()), label);
    ++m_labelCount;
    return true;
}

void GraphPainter::paintLabels(QPainter& painter, const GraphScene& scene)
{
    Occupied occupied(scene.area);
    const auto bottom = [&](int node) {
        const double size = radius(scene.graph.nodes[size_t(node)], scene.lens.scale);
        return m_points[size_t(node)] + QPointF(0, size + 3);
    };
    // Where nodes lie close, labels have to lie over some, or there would be none.
    const bool isRoomy = m_visible.size() <= roomyNodes;
    const double ground = scene.area.width() * scene.area.height();
    const double box = labelWidth * 2 * QFontMetricsF(m_theme.secondary()).height();
    const int most = isRoomy ? mostLabels : std::min(mostLabels, int(ground / box / crowdedShare));
    for (const int node : m_visible) {
        if (!isRoomy) {
            break;
        }
        // A little less than it is, or it would be in the way of its own label.
        const double size =
            radius(scene.graph.nodes[size_t(node)], scene.lens.scale) - Occupied::cell;
        occupied.take(
            QRectF(m_points[size_t(node)] - QPointF(size, size), QSizeF(2 * size, 2 * size)), true);
    }
    painter.setPen(m_theme.colour(Tone::Text));
    for (const int node : {scene.current, scene.hovered}) {
        if (node >= 0) {
            paintLabel(painter,
                       occupied,
                       node,
                       models::nodeLine(scene.graph.nodes[size_t(node)]),
                       bottom(node),
                       true);
        }
    }
    std::vector<char> isNear(scene.graph.nodes.size(), 0);
    if (scene.current >= 0) {
        for (const auto& edge : scene.graph.edges) {
            if (edge.from == scene.current || edge.to == scene.current) {
                isNear[size_t(edge.from)] = 1;
                isNear[size_t(edge.to)] = 1;
            }
        }
    }
    const auto weight = [&](int node) {
        const auto& one = scene.graph.nodes[size_t(node)];
        return (isNear[size_t(node)] != 0 ? 10.0F : 0.0F) + (one.isPinned ? 1.0F : 0.0F) +
               one.importance * 2 + std::min(float(m_degrees[size_t(node)]), 12.0F) / 6 -
               (one.isForgotten ? 2.0F : 0.0F);
    };
    std::vector<std::pair<float, int>> wanted;
    wanted.reserve(m_visible.size());
    for (const int node : m_visible) {
        if (node != scene.current && node != scene.hovered) {
            wanted.emplace_back(-weight(node), node);
        }
    }
    // Far more would never find room.
    const auto tried = std::min(wanted.size(), size_t(3 * mostLabels));
    std::ranges::partial_sort(wanted, wanted.begin() + std::ptrdiff_t(tried));
    painter.setPen(m_theme.colour(Tone::Text));
    for (size_t i = 0; i < tried && m_labelCount < most; ++i) {
        const int node = wanted[i].second;
        paintLabel(painter,
                   occupied,
                   node,
                   models::nodeLine(scene.graph.nodes[size_t(node)]),
                   bottom(node),
                   false);
    }
}

void GraphPainter::paintCommunities(QPainter& painter, const GraphScene& scene)
{
    if (m_marks.empty()) {
        m_marks = communityMarks(scene.graph, scene.places, *scene.communities);
    }
    painter.setRenderHint(QPainter::Antialiasing, false);
    const auto& shape = scene.communities->shape;
    m_lines.clear();
    for (int one = 0; one < shape.size(); ++one) {
        for (const int other : shape.of(one)) {
            if (other > one) {
                m_lines.append(QLine(scene.lens.toScreen(m_marks[size_t(one)].middle).toPoint(),
                                     scene.lens.toScreen(m_marks[size_t(other)].middle).toPoint()));
            }
        }
    }
    painter.setPen(QPen(faintEdgeColour(m_theme, protocol::Relation::RelatedTo), 0));
    painter.drawLines(m_lines);

    painter.setRenderHint(QPainter::Antialiasing);
    const QColor ground = QApplication::palette().color(QPalette::Base);
    Occupied occupied(scene.area);
    std::vector<int> order(m_marks.size());
    for (size_t i = 0; i < order.size(); ++i) {
        order[i] = int(i);
    }
    std::ranges::sort(order, [&](int a, int b) {
        return std::pair(-m_marks[size_t(a)].count, a) < std::pair(-m_marks[size_t(b)].count, b);
    });
    QFont font = m_theme.secondary();
    font.setWeight(QFont::DemiBold);
    const QFontMetricsF metrics(font);
    for (const int one : order) {
        const CommunityMark& mark = m_marks[size_t(one)];
        const double size = radius(mark, scene.lens.scale);
        const QPointF middle = scene.lens.toScreen(mark.middle);
        const QColor colour = typeColour(m_theme, mark.type);
        painter.setPen(QPen(colour, 2));
        painter.setBrush(ground);
        painter.drawEllipse(middle, size, size);
        const QString count = widgets::countText(mark.count);
        if (metrics.horizontalAdvance(count) < 2 * size - 4) {
            painter.setFont(font);
            painter.setPen(m_theme.colour(Tone::Text));
            painter.drawText(QRectF(middle - QPointF(size, size), QSizeF(2 * size, 2 * size)),
                             Qt::AlignCenter,
                             count);
        }
    }
    painter.setPen(m_theme.colour(Tone::Text));
    for (const int one : order) {
        const CommunityMark& mark = m_marks[size_t(one)];
        const QPointF below =
            scene.lens.toScreen(mark.middle) + QPointF(0, radius(mark, scene.lens.scale) + 3);
        if (m_labelCount >= mostNames || !scene.area.contains(below)) {
            continue;
        }
        paintLabel(painter,
                   occupied,
                   mark.leader,
                   models::nodeLine(scene.graph.nodes[size_t(mark.leader)]),
                   below,
                   false);
    }
}

} // namespace sb::panels
