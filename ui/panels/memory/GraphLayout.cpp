#include "ui/panels/memory/GraphLayout.h"

#include <algorithm>
#include <cmath>

namespace sb::panels {

namespace {

constexpr float theta = 1.2F;
constexpr float charge = 40;        // of one node on another at a distance of 1
constexpr float gravity = 0.09F;    // with the charge it makes a disc of about one spacing a node
constexpr float friction = 0.6F;    // what is left of a speed after a step
constexpr float cooling = 0.0215F;  // 255 steps from 1 to rest
constexpr float golden = 2.399963F; // the angle that fills a disc evenly

// The i-th place of a disc that is filled from its middle.
Place onDisc(float i, float distance)
{
    const float radius = distance * std::sqrt(i + 0.5F);
    return {radius * std::cos(i * golden), radius * std::sin(i * golden)};
}

} // namespace

GraphShape GraphShape::make(int nodes, std::span<const std::pair<int, int>> edges)
{
    GraphShape shape;
    shape.starts.assign(std::size_t(nodes) + 1, 0);
    for (const auto& [from, to] : edges) {
        if (from != to) {
            ++shape.starts[std::size_t(from) + 1];
            ++shape.starts[std::size_t(to) + 1];
        }
    }
    for (std::size_t i = 1; i < shape.starts.size(); ++i) {
        shape.starts[i] += shape.starts[i - 1];
    }
    shape.targets.resize(std::size_t(shape.starts.back()));
    std::vector<int> next(shape.starts.begin(), shape.starts.end() - 1);
    for (const auto& [from, to] : edges) {
        if (from != to) {
            shape.targets[std::size_t(next[std::size_t(from)]++)] = to;
            shape.targets[std::size_t(next[std::size_t(to)]++)] = from;
        }
    }
    return shape;
}

float GraphLayout::radiusOf(float count)
{
    return std::sqrt(charge * count / gravity);
}

GraphLayout::GraphLayout(GraphShape shape, Start start, float warmth)
    : m_shape(std::move(shape))
    , m_places(std::move(start.places))
    , m_speeds(m_places.size())
    , m_isPinned(std::move(start.isPinned))
    , m_masses(std::move(start.masses))
    // What fills an ellipse pushes out along its axes as they relate to each other.
    , m_gravity{gravity / std::sqrt(start.aspect), gravity * std::sqrt(start.aspect)}
    , m_warmth(warmth)
{
    m_isPinned.resize(m_places.size());
    start.isPlaced.resize(m_places.size());
    placeNew(start.isPlaced);
}

// Beside the middle of those neighbours that have a place, the rest on a disc around everything:
// whoever looks at the graph finds again what was there.
void GraphLayout::placeNew(const std::vector<char>& isPlaced)
{
    std::vector<char> has = isPlaced;
    bool isAny = std::ranges::any_of(has, [](char one) { return one != 0; });
    for (bool isProgress = isAny; isProgress;) {
        isProgress = false;
        std::vector<int> placed;
        for (int node = 0; node < m_shape.size(); ++node) {
            if (has[std::size_t(node)] != 0) {
                continue;
            }
            float count = 0;
            Place sum;
            for (const int other : m_shape.of(node)) {
                if (has[std::size_t(other)] != 0) {
                    sum = {sum.x + m_places[std::size_t(other)].x,
                           sum.y + m_places[std::size_t(other)].y};
                    ++count;
                }
            }
            if (count > 0) {
                const Place aside = onDisc(float(node % 64), spacing / 8);
                m_places[std::size_t(node)] = {sum.x / count + aside.x, sum.y / count + aside.y};
                placed.push_back(node);
            }
        }
        for (const int node : placed) {
            has[std::size_t(node)] = 1;
            isProgress = true;
        }
    }
    float index = 0;
    if (isAny) {
        index = float(std::ranges::count_if(has, [](char one) { return one != 0; }));
    }
    for (std::size_t node = 0; node < m_places.size(); ++node) {
        if (has[node] == 0) {
            m_places[node] = onDisc(index++, spacing * 0.6F);
        }
    }
}

void GraphLayout::heat(float warmth)
{
    m_warmth = std::max(m_warmth, warmth);
}

void GraphLayout::pin(int node, Place at)
{
    m_places[std::size_t(node)] = at;
    m_speeds[std::size_t(node)] = {};
    m_isPinned[std::size_t(node)] = 1;
}

void GraphLayout::release(int node)
{
    m_isPinned[std::size_t(node)] = 0;
}

bool GraphLayout::step()
{
    if (isAtRest() || m_places.empty()) {
        return false;
    }
    push();
    pull();
    for (std::size_t i = 0; i < m_places.size(); ++i) {
        if (m_isPinned[i] != 0) {
            m_speeds[i] = {};
            continue;
        }
        Place& speed = m_speeds[i];
        Place& place = m_places[i];
        speed.x = (speed.x - place.x * m_gravity.x * m_warmth) * friction;
        speed.y = (speed.y - place.y * m_gravity.y * m_warmth) * friction;
        place.x += speed.x;
        place.y += speed.y;
    }
    m_warmth -= m_warmth * cooling;
    return true;
}

void GraphLayout::push()
{
    m_tree.build(m_places, m_masses);
    const auto cells = m_tree.cells();
    const auto order = m_tree.order();
    const auto sorted = m_tree.sorted();
    const auto masses = m_tree.sortedMasses();
    const float strength = charge * m_warmth;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        const Place here = sorted[i];
        float fx = 0;
        float fy = 0;
        for (std::size_t c = 0; c < cells.size();) {
            const QuadTree::Cell& cell = cells[c];
            const float dx = here.x - cell.x;
            const float dy = here.y - cell.y;
            const float distance = dx * dx + dy * dy;
            if (cell.side * cell.side < theta * theta * distance) {
                const float force = cell.mass / distance;
                fx += dx * force;
                fy += dy * force;
                c = std::size_t(cell.next);
                continue;
            }
            for (auto p = std::size_t(cell.first); p < std::size_t(cell.last); ++p) {
                float px = here.x - sorted[p].x;
                float py = here.y - sorted[p].y;
                if (px == 0 && py == 0) {
                    if (p == i) {
                        continue;
                    }
                    // Two in one place part in a direction that is always the same.
                    const Place aside = onDisc(float(order[i] % 97), 0.05F);
                    px = aside.x;
                    py = aside.y;
                }
                const float force = masses[p] / std::max(px * px + py * py, 1.0F);
                fx += px * force;
                fy += py * force;
            }
            ++c;
        }
        Place& speed = m_speeds[std::size_t(order[i])];
        speed.x += fx * strength;
        speed.y += fy * strength;
    }
}

void GraphLayout::pull()
{
    for (int node = 0; node < m_shape.size(); ++node) {
        const auto degree = float(m_shape.of(node).size());
        for (const int other : m_shape.of(node)) {
            if (other < node) {
                continue; // each edge once
            }
            Place& a = m_speeds[std::size_t(node)];
            Place& b = m_speeds[std::size_t(other)];
            float dx = m_places[std::size_t(other)].x + b.x - m_places[std::size_t(node)].x - a.x;
            float dy = m_places[std::size_t(other)].y + b.y - m_places[std::size_t(node)].y - a.y;
            const float distance = std::max(std::sqrt(dx * dx + dy * dy), 0.01F);
            const auto others = float(m_shape.of(other).size());
            float rest = spacing;
            if (!m_masses.empty()) {
                rest =
                    radiusOf(m_masses[std::size_t(node)]) + radiusOf(m_masses[std::size_t(other)]);
            }
            // A hub is not torn about by each of its many edges.
            const float pulls = (distance - rest) / distance * m_warmth / std::min(degree, others);
            const float share = degree / (degree + others);
            dx *= pulls;
            dy *= pulls;
            a.x += dx * (1 - share);
            a.y += dy * (1 - share);
            b.x -= dx * share;
            b.y -= dy * share;
        }
    }
}

} // namespace sb::panels
