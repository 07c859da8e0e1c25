#pragma once
#include "ui/models/MemoryGraph.h"
#include "ui/panels/memory/Communities.h"
#include "ui/theme/Theme.h"

#include <QHash>
#include <QImage>
#include <QStaticText>

class QPainter;

namespace sb::panels {

/// From the plane of the layout to the widget.
struct Lens
{
    double scale = 1;
    QPointF offset;
    [[nodiscard]] QPointF toScreen(Place place) const
    {
        return {place.x * scale + offset.x(), place.y * scale + offset.y()};
    }
    [[nodiscard]] Place toPlane(QPointF point) const
    {
        return {float((point.x() - offset.x()) / scale), float((point.y() - offset.y()) / scale)};
    }
};

/// What GraphPainter paints; everything in it outlives the call.
struct GraphScene
{
    const models::MemoryGraph& graph;
    const std::vector<Place>& places;
    const Communities* communities = nullptr; ///< set: these are drawn in the place of the nodes
    Lens lens;
    QRectF area;
    int current = -1;
    int hovered = -1;
    const std::vector<char>& isChosen;
    bool hasFocus = false;
};

/// A group of nodes as one circle.
struct CommunityMark
{
    Place middle;
    float radius = 0; ///< in the plane
    int count = 0;
    int leader = -1;                                        ///< the node that names it
    protocol::MemoryType type = protocol::MemoryType::Fact; ///< that most of its nodes have
};
std::vector<CommunityMark> communityMarks(const models::MemoryGraph& graph,
                                          const std::vector<Place>& places,
                                          const Communities& communities);

/// Draws a graph in one pass: edges by the thousand with one pen, nodes as small pictures that are
/// made once, at most 200 labels. Keeps what it made until the theme changes.
class GraphPainter
{
public:
    static constexpr int mostLabels = 200;

    explicit GraphPainter(theme::Theme& theme) : m_theme(theme) {}

    void paint(QPainter& painter, const GraphScene& scene);
    /// Another graph: labels belong to the nodes of the one before.
    void forgetLabels();
    /// The theme changed.
    void forgetAll();

    /// In pixels of the screen at that zoom.
    [[nodiscard]] double radius(const models::MemoryGraph::Node& node, double scale) const;
    [[nodiscard]] double radius(const CommunityMark& mark, double scale) const;
    /// The picture of a node as the legend shows it.
    [[nodiscard]] QImage
    sample(protocol::MemoryType type, bool isForgotten, bool isDoubted, qreal ratio);
    [[nodiscard]] const std::vector<CommunityMark>& marks() const { return m_marks; }
    /// The places changed.
    void forgetMarks() { m_marks.clear(); }
    /// How many labels the last picture has.
    [[nodiscard]] int labels() const { return m_labelCount; }

private:
    struct Occupied;
    void paintEdges(QPainter& painter, const GraphScene& scene);
    void paintNearEdges(QPainter& painter, const GraphScene& scene, const std::vector<int>& edges);
    void paintNodes(QPainter& painter, const GraphScene& scene);
    void paintLabels(QPainter& painter, const GraphScene& scene);
    void paintCommunities(QPainter& painter, const GraphScene& scene);
    bool paintLabel(QPainter& painter,
                    Occupied& occupied,
                    int node,
                    const QString& text,
                    QPointF below,
                    bool isStrong);
    const QImage& sprite(const models::MemoryGraph::Node& node, int radius, qreal ratio);
    void findVisible(const GraphScene& scene);
    [[nodiscard]] double fontFactor() const;

    theme::Theme& m_theme;
    QHash<int, QImage> m_sprites;
    QHash<int, QStaticText> m_labels;
    QHash<int, QStaticText> m_strongLabels;
    std::vector<CommunityMark> m_marks;
    std::vector<QPointF> m_points; // of all nodes, on the screen
    std::vector<int> m_visible;    // nodes
    std::vector<int> m_degrees;    // of all nodes
    QList<QLine> m_lines;
    int m_labelCount = 0;
};

} // namespace sb::panels
