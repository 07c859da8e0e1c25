#pragma once
#include "core/protocol/Memory.h"

#include <vector>

namespace sb::models {

/// Memories and edges as a graph that is drawn: edges name nodes by their number.
struct MemoryGraph
{
    struct Node
    {
        QString id;
        QString content; ///< its beginning
        protocol::MemoryType type = protocol::MemoryType::Fact;
        float importance = 0.6F;
        bool isPinned = false;
        bool isForgotten = false;
        bool isDoubted = false; ///< nobody vouches for it
    };
    struct Edge
    {
        int from = 0;
        int to = 0;
        protocol::Relation relation = protocol::Relation::RelatedTo;
        bool operator==(const Edge&) const = default;
    };
    std::vector<Node> nodes;
    std::vector<Edge> edges;
};

/// The whole of them. Edges that are cut, or that lead to what is not there, are left out.
MemoryGraph memoryGraph(const QList<protocol::MemoryInfo>& memories,
                        const QList<protocol::MemoryEdge>& edges);
/// What lies within `hops` edges of a memory, the nearest first, at most `most` nodes; nothing when
/// it is not there.
MemoryGraph memoryGraphAround(const QList<protocol::MemoryInfo>& memories,
                              const QList<protocol::MemoryEdge>& edges,
                              const QString& id,
                              int hops,
                              int most = 2000);

/// What is written beside a node.
QString nodeLine(const MemoryGraph::Node& node);

} // namespace sb::models
