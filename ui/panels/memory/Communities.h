#pragma once
#include "ui/panels/memory/GraphLayout.h"

namespace sb::panels {

/// Groups of nodes that have more edges among themselves than to others, for a graph that is too
/// large to be seen node by node.
struct Communities
{
    std::vector<int> of;    ///< node → its community
    std::vector<int> sizes; ///< community → how many nodes
    GraphShape shape;       ///< communities that are connected
    [[nodiscard]] int count() const { return int(sizes.size()); }
};

/// Finds them by modularity (Louvain), the same for the same graph. Groups of fewer than `smallest`
/// nodes become one with the others of their `kinds` (0 …; as long as the graph).
Communities
findCommunities(const GraphShape& shape, std::span<const unsigned char> kinds, int smallest = 3);

/// Places for a graph that has none yet: its communities are laid out first, and each node goes to
/// its own. Far nearer to the end than a disc.
std::vector<Place> placesByCommunity(const Communities& communities, float aspect = 1);

} // namespace sb::panels
