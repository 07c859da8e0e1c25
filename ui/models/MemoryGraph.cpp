#include "ui/models/MemoryGraph.h"

#include "ui/models/MemoryWords.h"

#include <QHash>

namespace sb::models {

namespace {

MemoryGraph::Node nodeOf(const protocol::MemoryInfo& memory)
{
    return {.id = memory.id,
            .content = memory.content,
            .type = memory.type,
            .importance = float(memory.importance),
            .isPinned = memory.isPinned,
            .isForgotten = memory.forgottenAt != 0,
            .isDoubted = isDoubted(memory)};
}

void addEdges(MemoryGraph& graph,
              const QList<protocol::MemoryEdge>& edges,
              const QHash<QString, int>& numbers)
{
    for (const auto& edge : edges) {
        const int from = numbers.value(edge.from, -1);
        const int to = numbers.value(edge.to, -1);
        if (edge.knownTo == 0 && from >= 0 && to >= 0 && from != to) {
            graph.edges.push_back({from, to, edge.relation});
        }
    }
}

} // namespace

QString nodeLine(const MemoryGraph::Node& node)
{
    return memoryLine(node.content, 60);
}

MemoryGraph memoryGraph(const QList<protocol::MemoryInfo>& memories,
                        const QList<protocol::MemoryEdge>& edges)
{
    MemoryGraph graph;
    QHash<QString, int> numbers;
    numbers.reserve(memories.size());
    graph.nodes.reserve(size_t(memories.size()));
    for (const auto& memory : memories) {
        numbers.insert(memory.id, int(graph.nodes.size()));
        graph.nodes.push_back(nodeOf(memory));
    }
    addEdges(graph, edges, numbers);
    return graph;
}

MemoryGraph memoryGraphAround(const QList<protocol::MemoryInfo>& memories,
                              const QList<protocol::MemoryEdge>& edges,
                              const QString& id,
                              int hops,
                              int most)
{
    QHash<QString, qsizetype> rows;
    rows.reserve(memories.size());
    for (qsizetype row = 0; row < memories.size(); ++row) {
        rows.insert(memories.at(row).id, row);
    }
    QMultiHash<QString, QString> neighbours;
    for (const auto& edge : edges) {
        if (edge.knownTo == 0) {
            neighbours.insert(edge.from, edge.to);
            neighbours.insert(edge.to, edge.from);
        }
    }
    MemoryGraph graph;
    QHash<QString, int> numbers;
    QStringList ring;
    const auto take = [&](const QString& one) {
        const auto row = rows.constFind(one);
        if (row == rows.cend() || numbers.contains(one) || int(graph.nodes.size()) >= most) {
            return;
        }
        numbers.insert(one, int(graph.nodes.size()));
        graph.nodes.push_back(nodeOf(memories.at(*row)));
        ring.append(one);
    };
    take(id);
    for (int hop = 0; hop < hops; ++hop) {
        for (const auto& one : std::exchange(ring, {})) {
            for (const auto& other : neighbours.values(one)) {
                take(other);
            }
        }
    }
    addEdges(graph, edges, numbers);
    return graph;
}

} // namespace sb::models
