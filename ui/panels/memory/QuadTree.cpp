#include "ui/panels/memory/QuadTree.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace sb::panels {

namespace {

constexpr int levels = 16; // 65,536 squares along each side tell points apart well enough
constexpr int leafPoints = 8;

// Puts a zero between the bits of a 16-bit number.
std::uint32_t spread(std::uint32_t bits)
{
    bits = (bits | (bits << 8)) & 0x00ff00ffU;
    bits = (bits | (bits << 4)) & 0x0f0f0f0fU;
    bits = (bits | (bits << 2)) & 0x33333333U;
    return (bits | (bits << 1)) & 0x55555555U;
}

// By the code in the upper half. A sort by comparing takes three times as long.
void radixSort(std::vector<std::uint64_t>& keys, std::vector<std::uint64_t>& spare)
{
    spare.resize(keys.size());
    for (int shift = 32; shift < 64; shift += 8) {
        std::array<std::size_t, 257> starts{};
        for (const auto key : keys) {
            ++starts[((key >> shift) & 0xff) + 1];
        }
        for (std::size_t i = 1; i < starts.size(); ++i) {
            starts[i] += starts[i - 1];
        }
        for (const auto key : keys) {
            spare[starts[(key >> shift) & 0xff]++] = key;
        }
        keys.swap(spare);
    }
}

} // namespace

void QuadTree::build(std::span<const Place> places, std::span<const float> masses)
{
    const auto count = places.size();
    m_cells.clear();
    m_order.resize(count);
    m_sorted.resize(count);
    m_masses.resize(count);
    m_codes.resize(count);
    m_keys.resize(count);
    if (count == 0) {
        return;
    }
    Place low = places[0];
    Place high = places[0];
    for (const Place& place : places) {
        low = {std::min(low.x, place.x), std::min(low.y, place.y)};
        high = {std::max(high.x, place.x), std::max(high.y, place.y)};
    }
    m_corner = low;
    m_side = std::max({high.x - low.x, high.y - low.y, 1.0F});
    const float scale = 65535.0F / m_side;
    for (std::size_t i = 0; i < count; ++i) {
        const auto x = std::uint32_t((places[i].x - low.x) * scale);
        const auto y = std::uint32_t((places[i].y - low.y) * scale);
        const std::uint32_t code = spread(std::min(x, 65535U)) | (spread(std::min(y, 65535U)) << 1);
        m_keys[i] = (std::uint64_t(code) << 32) | i;
    }
    radixSort(m_keys, m_spare);
    for (std::size_t i = 0; i < count; ++i) {
        const auto index = std::size_t(m_keys[i] & 0xffffffffU);
        m_codes[i] = std::uint32_t(m_keys[i] >> 32);
        m_order[i] = int(index);
        m_sorted[i] = places[index];
        m_masses[i] = masses.empty() ? 1.0F : masses[index];
    }
    m_cells.reserve(count);
    divide(0, int(count), 0, m_side);
}

void QuadTree::divide(int first, int last, int level, float side)
{
    const auto at = m_cells.size();
    m_cells.push_back({.side = side});
    float mass = 0;
    float x = 0;
    float y = 0;
    if (last - first <= leafPoints || level == levels) {
        m_cells[at].first = first;
        m_cells[at].last = last;
        for (auto i = std::size_t(first); i < std::size_t(last); ++i) {
            mass += m_masses[i];
            x += m_sorted[i].x * m_masses[i];
            y += m_sorted[i].y * m_masses[i];
        }
    } else {
        const int shift = 2 * (levels - 1 - level);
        int begin = first;
        for (std::uint32_t quarter = 0; quarter < 4; ++quarter) {
            const auto from = m_codes.begin() + begin;
            const auto end =
                std::partition_point(from, m_codes.begin() + last, [&](std::uint32_t code) {
                    return ((code >> shift) & 3U) <= quarter;
                });
            const int stop = int(end - m_codes.begin());
            if (stop > begin) {
                const auto child = m_cells.size();
                divide(begin, stop, level + 1, side / 2);
                mass += m_cells[child].mass;
                x += m_cells[child].x * m_cells[child].mass;
                y += m_cells[child].y * m_cells[child].mass;
            }
            begin = stop;
        }
    }
    Cell& cell = m_cells[at];
    cell.mass = mass;
    cell.x = x / mass;
    cell.y = y / mass;
    cell.next = int(m_cells.size());
}

int QuadTree::nearest(Place at, float within) const
{
    int best = -1;
    float bestDistance = within * within;
    for (std::size_t i = 0; i < m_cells.size();) {
        const Cell& cell = m_cells[i];
        // All of a square's points lie within its diagonal from their centre of mass.
        const float reach = cell.side * 1.42F + std::sqrt(bestDistance);
        const float dx = cell.x - at.x;
        const float dy = cell.y - at.y;
        if (dx * dx + dy * dy > reach * reach) {
            i = std::size_t(cell.next);
            continue;
        }
        for (auto p = std::size_t(cell.first); p < std::size_t(cell.last); ++p) {
            const float px = m_sorted[p].x - at.x;
            const float py = m_sorted[p].y - at.y;
            if (px * px + py * py <= bestDistance) {
                bestDistance = px * px + py * py;
                best = m_order[p];
            }
        }
        ++i;
    }
    return best;
}

} // namespace sb::panels
