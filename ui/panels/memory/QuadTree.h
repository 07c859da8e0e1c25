#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace sb::panels {

/// A point of the plane that a graph is laid out in. One unit is one pixel at a zoom of 1.
struct Place
{
    float x = 0;
    float y = 0;
    bool operator==(const Place&) const = default;
};

/// Points sorted into squares: for the forces between far groups of nodes, and for finding what is
/// under the mouse. Building it again for moved points costs one sort.
class QuadTree
{
public:
    /// A square with something in it. Cells stand in the order of a walk that goes into each before
    /// its neighbours: the first child follows at once, `next` is where the walk goes on without
    /// going in.
    struct Cell
    {
        float x = 0; ///< centre of mass
        float y = 0;
        float mass = 0;
        float side = 0;
        int next = 0;
        int first = 0; ///< of a leaf: its points in order()
        int last = 0;  ///< one behind; of others the same as first
    };

    /// `masses` is as long as `places`, or empty: then each weighs 1.
    void build(std::span<const Place> places, std::span<const float> masses = {});

    /// The point nearest to `at` within the distance, or -1.
    [[nodiscard]] int nearest(Place at, float within) const;

    [[nodiscard]] std::span<const Cell> cells() const { return m_cells; }
    /// Indices of the points as they lie in the squares, neighbours beside each other.
    [[nodiscard]] std::span<const int> order() const { return m_order; }
    /// The points in that order.
    [[nodiscard]] std::span<const Place> sorted() const { return m_sorted; }
    [[nodiscard]] std::span<const float> sortedMasses() const { return m_masses; }

private:
    void divide(int first, int last, int level, float side);

    std::vector<std::uint32_t> m_codes;
    std::vector<std::uint64_t> m_keys; // code and index, to be sorted together
    std::vector<std::uint64_t> m_spare;
    std::vector<int> m_order;
    std::vector<Place> m_sorted;
    std::vector<float> m_masses;
    std::vector<Cell> m_cells;
    Place m_corner;
    float m_side = 1;
};

} // namespace sb::panels
