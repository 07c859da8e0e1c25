#include "ui/panels/memory/Communities.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sb::panels {

namespace {

// A graph whose edges have weights, as it is after the nodes of a community became one.
struct Weighted
{
    GraphShape shape;
    std::vector<float> weights; // of shape.targets
    std::vector<float> inside;  // of edges within a node, counted from both ends
    double total = 0;           // of all, from both ends

    [[nodiscard]] float degree(int node) const
    {
        float sum = inside[std::size_t(node)];
        for (int i = shape.starts[std::size_t(node)]; i < shape.starts[std::size_t(node) + 1];
             ++i) {
            sum += weights[std::size_t(i)];
        }
        return sum;
    }
};

// Moves each node to the neighbouring community that gains most, until nothing gains. True: some
// moved.
bool moveNodes(const Weighted& graph, std::vector<int>& community)
{
    const int count = graph.shape.size();
    std::vector<double> sums(std::size_t(count), 0);
    std::vector<float> degrees(std::size_t(count), 0);
    for (int node = 0; node < count; ++node) {
        degrees[std::size_t(node)] = graph.degree(node);
        sums[std::size_t(node)] = degrees[std::size_t(node)];
    }
    std::vector<float> links(std::size_t(count), 0);
    std::vector<int> touched;
    bool isAnyMoved = false;
    bool isMoved = true;
    for (int pass = 0; isMoved && pass < 12; ++pass) {
        isMoved = false;
        for (int node = 0; node < count; ++node) {
            const int own = community[std::size_t(node)];
            const double degree = degrees[std::size_t(node)];
            touched.assign(1, own);
            const int begin = graph.shape.starts[std::size_t(node)];
            const int end = graph.shape.starts[std::size_t(node) + 1];
            for (int i = begin; i < end; ++i) {
                const int other = community[std::size_t(graph.shape.targets[std::size_t(i)])];
                if (links[std::size_t(other)] == 0 && other != own) {
                    touched.push_back(other);
                }
                links[std::size_t(other)] += graph.weights[std::size_t(i)];
            }
            sums[std::size_t(own)] -= degree;
            int best = own;
            double bestGain =
                links[std::size_t(own)] - sums[std::size_t(own)] * degree / graph.total;
            for (const int other : touched) {
                const double gain =
                    links[std::size_t(other)] - sums[std::size_t(other)] * degree / graph.total;
                if (gain > bestGain + 1e-9) {
                    bestGain = gain;
                    best = other;
                }
            }
            sums[std::size_t(best)] += degree;
            community[std::size_t(node)] = best;
            isMoved = isMoved || best != own;
            for (const int other : touched) {
                links[std::size_t(other)] = 0;
            }
        }
        isAnyMoved = isAnyMoved || isMoved;
    }
    return isAnyMoved;
}

// Numbers from 0 without gaps, in the order in which they first occur.
int renumber(std::vector<int>& community)
{
    std::vector<int> numbers(community.size(), -1);
    int next = 0;
    for (int& one : community) {
        int& number = numbers[std::size_t(one)];
        if (number < 0) {
            number = next++;
        }
        one = number;
    }
    return next;
}

// The graph of the communities; weights of edges between two are summed.
Weighted collapse(const Weighted& graph, const std::vector<int>& community, int count)
{
    Weighted result;
    result.total = graph.total;
    result.inside.assign(std::size_t(count), 0);
    std::vector<int> order(community.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, {}, [&](int node) { return community[std::size_t(node)]; });
    result.shape.starts.push_back(0);
    std::vector<float> links(std::size_t(count), 0);
    std::vector<int> touched;
    std::size_t at = 0;
    for (int one = 0; one < count; ++one) {
        touched.clear();
        for (; at < order.size() && community[std::size_t(order[at])] == one; ++at) {
            const auto node = std::size_t(order[at]);
            result.inside[std::size_t(one)] += graph.inside[node];
            for (int i = graph.shape.starts[node]; i < graph.shape.starts[node + 1]; ++i) {
                const int other = community[std::size_t(graph.shape.targets[std::size_t(i)])];
                const float weight = graph.weights[std::size_t(i)];
                if (other == one) {
                    result.inside[std::size_t(one)] += weight;
                    continue;
                }
                if (links[std::size_t(other)] == 0) {
                    touched.push_back(other);
                }
                links[std::size_t(other)] += weight;
            }
        }
        std::ranges::sort(touched);
        for (const int other : touched) {
            result.shape.targets.push_back(other);
            result.weights.push_back(std::exchange(links[std::size_t(other)], 0.0F));
        }
        result.shape.starts.push_back(int(result.shape.targets.size()));
    }
    return result;
}

} // namespace

Communities
findCommunities(const GraphShape& shape, std::span<const unsigned char> kinds, int smallest)
{
    const auto nodes = std::size_t(shape.size());
    Weighted whole;
    whole.shape = shape;
    whole.weights.assign(shape.targets.size(), 1);
    whole.inside.assign(nodes, 0);
    whole.total = std::max(1.0, double(shape.targets.size()));

    Communities result;
    result.of.resize(nodes);
    std::iota(result.of.begin(), result.of.end(), 0);
    Weighted graph = whole;
    for (int level = 0; level < 8; ++level) {
        std::vector<int> community(std::size_t(graph.shape.size()));
        std::iota(community.begin(), community.end(), 0);
        if (!moveNodes(graph, community)) {
            break;
        }
        const int count = renumber(community);
        for (int& one : result.of) {
            one = community[std::size_t(one)];
        }
        graph = collapse(graph, community, count);
    }

    // What hangs together with hardly anything is shown by its kind: a ring of dots says nothing.
    int count = nodes == 0 ? 0 : renumber(result.of);
    std::vector<int> sizes(std::size_t(count), 0);
    for (const int one : result.of) {
        ++sizes[std::size_t(one)];
    }
    std::vector<int> numbers(std::size_t(count) + 256, -1);
    int next = 0;
    for (std::size_t node = 0; node < nodes; ++node) {
        const int one = result.of[node];
        const bool isSmall = sizes[std::size_t(one)] < smallest;
        int& number = numbers[isSmall ? std::size_t(count) + kinds[node] : std::size_t(one)];
        if (number < 0) {
            number = next++;
        }
        result.of[node] = number;
    }
    count = next;
    result.sizes.assign(std::size_t(count), 0);
    for (const int one : result.of) {
        ++result.sizes[std::size_t(one)];
    }
    result.shape = collapse(whole, result.of, count).shape;
    return result;
}

std::vector<Place> placesByCommunity(const Communities& communities, float aspect)
{
    GraphLayout::Start start;
    start.aspect = aspect;
    const auto count = std::size_t(communities.count());
    start.places.resize(count);
    for (const int size : communities.sizes) {
        start.masses.push_back(float(size));
    }
    GraphLayout rough(communities.shape, std::move(start));
    // Many groups are not laid out to the end: they only have to be roughly in their places.
    const int steps = count < 400 ? 300 : int(120'000 / count);
    for (int i = 0; i < steps && rough.step(); ++i) {
    }
    constexpr float golden = 2.399963F;
    std::vector<int> filled(count, 0);
    std::vector<Place> places;
    places.reserve(communities.of.size());
    for (const int one : communities.of) {
        const Place middle = rough.places()[std::size_t(one)];
        const auto index = float(filled[std::size_t(one)]++);
        const auto size = float(communities.sizes[std::size_t(one)]);
        const float radius = GraphLayout::radiusOf(size) * std::sqrt((index + 0.5F) / size) * 0.9F;
        places.push_back({middle.x + radius * std::cos(index * golden),
                          middle.y + radius * std::sin(index * golden)});
    }
    return places;
}

} // namespace sb::panels
