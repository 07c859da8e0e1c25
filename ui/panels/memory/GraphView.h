#pragma once
#include "ui/panels/memory/GraphPainter.h"
#include "ui/panels/memory/LayoutThread.h"

#include <QWidget>

namespace sb::panels {

/// Where nodes are, by the ids of their memories; as it is kept from one start to the next.
struct KnownPlaces
{
    struct One
    {
        Place at;
        bool isPinned = false;
    };
    QHash<QString, One> places;
    /// A compact text; memories are told apart by 64 bits of their ids' hashes.
    [[nodiscard]] QString toText() const;
    /// The places for these ids, of those that the text has.
    static KnownPlaces fromText(const QString& text, const models::MemoryGraph& graph);
};

/// Memories as a graph that can be moved through with mouse and keys. Above five thousand that
/// would be in sight, communities stand for them. It paints only when something changed.
class GraphView final : public QWidget
{
    Q_OBJECT
public:
    static constexpr int mostNodes = 5000; ///< in sight, before communities take their place

    explicit GraphView(theme::Theme& theme, QWidget* parent = nullptr);
    ~GraphView() override;

    /// Shows a graph. Memories keep the places that they have, or those of `known`; the rest finds
    /// its own. Another graph than the one before has only those of `known`, and is shown whole.
    void setGraph(models::MemoryGraph graph, const KnownPlaces& known, bool isAnother = false);
    [[nodiscard]] const models::MemoryGraph& graph() const { return m_graph; }
    /// The places as they are now.
    [[nodiscard]] KnownPlaces known() const;

    /// Marks the memories; the first is the current one. What is not in the graph is passed over.
    void setChosen(const QStringList& ids);
    [[nodiscard]] QStringList chosen() const; ///< the current one first
    [[nodiscard]] QString current() const;

    /// Zooms so that everything is in sight, and keeps it so until somebody moves it.
    void fit();
    void zoom(double factor);
    /// What lies over its edges, so that nothing is put there.
    void setCovered(const QMargins& covered);
    /// Brings a memory into the middle, unless it is well in sight.
    void bringIntoSight(const QString& id);
    /// Lets a memory move again that was put in its place.
    void release(const QString& id);
    [[nodiscard]] bool isPlacePinned(const QString& id) const;

    [[nodiscard]] bool showsCommunities() const;
    [[nodiscard]] bool isAtRest() const { return m_isAtRest; }
    /// Something to look at is there: the layout gave its first places.
    [[nodiscard]] bool hasPlaces() const { return !m_places.empty() || m_graph.nodes.empty(); }
    /// The memory at that point of the widget; empty when there is none.
    [[nodiscard]] QString memoryAt(QPointF point) const;
    /// Where a memory is drawn; nothing when it has no place.
    [[nodiscard]] std::optional<QPointF> pointOf(const QString& id) const;
    /// What the tooltip at that point says.
    [[nodiscard]] QString tipAt(QPointF point) const;
    [[nodiscard]] const Lens& lens() const { return m_lens; }
    [[nodiscard]] int paints() const { return m_paints; } ///< how often it was painted
    [[nodiscard]] GraphPainter& painter() { return m_painter; }

    [[nodiscard]] QSize sizeHint() const override { return {480, 320}; }
    [[nodiscard]] QSize minimumSizeHint() const override { return {160, 120}; }

Q_SIGNALS:
    /// A person chose others.
    void chosenChanged();
    /// Double click or Return on a memory: show what is around it.
    void activated(const QString& id);
    void menuWanted(const QPoint& global);
    /// Everything has its place now, or somebody pinned one.
    void placesSettled();

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    void leaveEvent(QEvent* event) override;
    bool event(QEvent* event) override;

private:
    void take(const LayoutThread::Picture& picture);
    void zoomAt(QPointF point, double factor);
    void pan(QPointF by);
    void fitNow();
    void placesChanged();
    void choose(int node, bool isAdded);
    void chooseTowards(QPointF direction);
    void tell();
    [[nodiscard]] int nodeAt(QPointF point) const;
    [[nodiscard]] int communityAt(QPointF point) const;
    [[nodiscard]] int edgeAt(QPointF point) const;
    [[nodiscard]] const QuadTree& tree() const;
    void zoomToCommunity(int community);

    theme::Theme& m_theme;
    GraphPainter m_painter;
    models::MemoryGraph m_graph;
    QHash<QString, int> m_numbers; // id → node
    std::vector<Place> m_places;   // empty until the layout gave the first
    std::vector<char> m_isPinned;
    std::vector<char> m_isChosen;
    std::shared_ptr<const Communities> m_communities;
    mutable QuadTree m_tree;
    mutable bool m_isTreeStale = true;
    mutable std::optional<bool> m_areMany; // whether communities are shown, until something moves
    Lens m_lens;
    int m_current = -1;
    int m_hovered = -1;
    int m_pressed = -1; // the node under the button
    bool m_isDragging = false;
    bool m_isPanning = false;
    QPointF m_pressedAt;
    QPointF m_lastAt;
    bool m_isFollowing = true; // everything stays in sight
    QMargins m_covered;
    bool m_isAtRest = true;
    int m_paints = 0;
    quint64 m_shown = 0;                    // the layout's number of the graph
    std::unique_ptr<LayoutThread> m_layout; // made with the first graph
};

} // namespace sb::panels
