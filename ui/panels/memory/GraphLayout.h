#pragma once
#include "ui/panels/memory/QuadTree.h"

#include <utility>

namespace sb::panels {

/// Who is connected with whom, as two arrays: the neighbours of node i are targets[starts[i]] up to
/// targets[starts[i + 1]].
struct GraphShape
{
    std::vector<int> starts;
    std::vector<int> targets;

    [[nodiscard]] int size() const { return starts.empty() ? 0 : int(starts.size()) - 1; }
    [[nodiscard]] std::span<const int> of(int node) const
    {
        const auto begin = std::size_t(starts[std::size_t(node)]);
        return std::span(targets).subspan(begin,
                                          std::size_t(starts[std::size_t(node) + 1]) - begin);
    }
    /// Edges count both ways; those from a node to itself are left out.
    static GraphShape make(int nodes, std::span<const std::pair<int, int>> edges);
};

/// Where the nodes of a graph go: all push each other away (Barnes-Hut, θ 1.2), edges pull, and a
/// weak pull to the middle keeps parts without edges together. The same graph and the same places
/// at the start come to the same picture.
class GraphLayout
{
public:
    struct Start
    {
        std::vector<Place> places;
        std::vector<char> isPlaced; ///< others are put beside their neighbours
        std::vector<char> isPinned; ///< stay where they are
        std::vector<float> masses;  ///< how strongly each pushes; empty: 1
        float aspect = 1;           ///< how much wider than high the picture becomes
    };

    GraphLayout() = default;
    /// It begins to move with this warmth: see heat().
    GraphLayout(GraphShape shape, Start start, float warmth = 1);

    /// Moves everything a little, and less each time. False: it has come to rest, nothing moved.
    bool step();
    /// Makes it move again, as after a change: 1 for a new graph, 0.3 for a small change.
    void heat(float warmth);
    void pin(int node, Place at);
    void release(int node);

    [[nodiscard]] std::span<const Place> places() const { return m_places; }
    [[nodiscard]] bool isPinned(int node) const { return m_isPinned[std::size_t(node)] != 0; }
    [[nodiscard]] bool isAtRest() const { return m_warmth < restsBelow; }

    /// How far neighbours lie from each other when nothing else pulls at them.
    static constexpr float spacing = 36;
    /// The radius of the disc that `count` nodes fill.
    static float radiusOf(float count);

private:
    static constexpr float restsBelow = 0.004F;
    void push();
    void pull();
    void placeNew(const std::vector<char>& isPlaced);

    GraphShape m_shape;
    QuadTree m_tree;
    std::vector<Place> m_places;
    std::vector<Place> m_speeds;
    std::vector<char> m_isPinned;
    std::vector<float> m_masses;
    Place m_gravity; // along each axis
    float m_warmth = 0;
};

} // namespace sb::panels
