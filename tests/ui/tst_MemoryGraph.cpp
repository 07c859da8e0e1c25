#include "ui/panels/memory/Communities.h"
#include "ui/panels/memory/LayoutThread.h"

#include <QTest>
#include <cmath>
#include <random>
#include <set>

using namespace sb;
using namespace sb::panels;

namespace {

using Edges = std::vector<std::pair<int, int>>;

float distance(Place a, Place b)
{
    return std::hypot(a.x - b.x, a.y - b.y);
}

GraphLayout layoutOf(int nodes, const Edges& edges, GraphLayout::Start start = {})
{
    start.places.resize(size_t(nodes));
    return GraphLayout(GraphShape::make(nodes, edges), std::move(start));
}

std::vector<Place> atRest(GraphLayout& layout)
{
    int steps = 0;
    while (layout.step() && ++steps < 2000) {
    }
    return {layout.places().begin(), layout.places().end()};
}

// Groups of `size` nodes in a ring each, with one edge from each to the next.
Edges groups(int count, int size)
{
    Edges edges;
    for (int group = 0; group < count; ++group) {
        for (int i = 0; i < size; ++i) {
            edges.emplace_back(group * size + i, group * size + (i + 1) % size);
            edges.emplace_back(group * size + i, group * size + (i + 3) % size);
        }
        edges.emplace_back(group * size, ((group + 1) % count) * size);
    }
    return edges;
}

} // namespace

class tst_MemoryGraph final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void neighboursBothWays();
    void theNearestPoint();
    void forcesComeNearTheExactOnes();
    void sameGraphSamePicture();
    void edgesPullTogether();
    void comesToRest();
    void pinnedStay();
    void newOnesStandBesideTheirNeighbours();
    void nothingAndOne();
    void allInOnePlace();
    void asWideAsTheWindow();
    void groupsAreFound();
    void looseNodesAreGroupedByKind();
    void picturesArriveAndItSleeps();
    void onlyTheNewestGraphIsShown();
};

void tst_MemoryGraph::neighboursBothWays()
{
    const auto shape = GraphShape::make(4, Edges{{0, 1}, {2, 1}, {3, 3}});
    QCOMPARE(shape.size(), 4);
    const auto of = [&](int node) {
        const auto span = shape.of(node);
        return std::vector<int>(span.begin(), span.end());
    };
    QCOMPARE(of(1), (std::vector<int>{0, 2}));
    QCOMPARE(of(0), std::vector<int>{1});
    QVERIFY(of(3).empty()); // an edge to itself
}

void tst_MemoryGraph::theNearestPoint()
{
    std::mt19937 random(1);
    std::vector<Place> places;
    for (int i = 0; i < 3000; ++i) {
        places.push_back({float(random() % 10'000), float(random() % 3000)});
    }
    QuadTree tree;
    tree.build(places);
    for (int i = 0; i < 300; ++i) {
        const Place at{float(random() % 10'000), float(random() % 3000)};
        int expected = -1;
        for (size_t j = 0; j < places.size(); ++j) {
            if (distance(places[j], at) <= 60 &&
                (expected < 0 ||
                 distance(places[j], at) < distance(places[size_t(expected)], at))) {
                expected = int(j);
            }
        }
        const int found = tree.nearest(at, 60);
        QCOMPARE(found < 0, expected < 0);
        if (found >= 0) {
            QCOMPARE(distance(places[size_t(found)], at), distance(places[size_t(expected)], at));
        }
    }
    QCOMPARE(QuadTree().nearest({0, 0}, 100), -1);
}

// The picture as a whole is as large as the sum over all pairs would make it.
void tst_MemoryGraph::forcesComeNearTheExactOnes()
{
    auto layout = layoutOf(400, {});
    const auto places = atRest(layout);
    float largest = 0;
    for (const auto& place : places) {
        largest = std::max(largest, std::hypot(place.x, place.y));
    }
    const float wanted = GraphLayout::radiusOf(400);
    QVERIFY2(std::abs(largest - wanted) < wanted * 0.2F, qPrintable(QString::number(largest)));
}

void tst_MemoryGraph::sameGraphSamePicture()
{
    const auto edges = groups(5, 8);
    auto first = layoutOf(40, edges);
    auto second = layoutOf(40, edges);
    QVERIFY(atRest(first) == atRest(second));
}

void tst_MemoryGraph::edgesPullTogether()
{
    auto layout = layoutOf(80, groups(8, 10));
    const auto places = atRest(layout);
    float inside = 0;
    float across = 0;
    for (size_t i = 0; i < 80; ++i) {
        inside += distance(places[i], places[i / 10 * 10 + (i + 1) % 10]);
        across += distance(places[i], places[(i + 40) % 80]);
    }
    QVERIFY2(inside * 2 < across, qPrintable(QString::number(across / inside)));
}

void tst_MemoryGraph::comesToRest()
{
    auto layout = layoutOf(50, groups(5, 10));
    int steps = 0;
    while (layout.step()) {
        QVERIFY(++steps < 400);
    }
    const auto places = std::vector(layout.places().begin(), layout.places().end());
    QVERIFY(!layout.step());
    QVERIFY(std::ranges::equal(layout.places(), places));
    for (const auto& place : places) {
        QVERIFY(std::isfinite(place.x) && std::isfinite(place.y));
    }
}

void tst_MemoryGraph::pinnedStay()
{
    auto layout = layoutOf(20, groups(2, 10));
    layout.pin(7, {500, -300});
    const auto places = atRest(layout);
    QCOMPARE(places[7], (Place{500, -300}));
    layout.release(7);
    layout.heat(1);
    QVERIFY(atRest(layout)[7] != (Place{500, -300}));
}

void tst_MemoryGraph::newOnesStandBesideTheirNeighbours()
{
    auto before = layoutOf(20, groups(2, 10));
    const auto places = atRest(before);
    GraphLayout::Start start;
    start.places = places;
    start.places.resize(22);
    start.isPlaced.assign(20, 1);
    auto edges = groups(2, 10);
    edges.emplace_back(20, 4);
    edges.emplace_back(21, 20); // knows only the other new one
    const GraphLayout after(GraphShape::make(22, edges), std::move(start));
    for (size_t i = 0; i < 20; ++i) {
        QCOMPARE(after.places()[i], places[i]);
    }
    QVERIFY(distance(after.places()[20], places[4]) < 2 * GraphLayout::spacing);
    QVERIFY(distance(after.places()[21], places[4]) < 3 * GraphLayout::spacing);
}

void tst_MemoryGraph::nothingAndOne()
{
    auto nothing = layoutOf(0, {});
    QVERIFY(!nothing.step());
    auto one = layoutOf(1, {});
    QVERIFY(distance(atRest(one)[0], {0, 0}) < GraphLayout::spacing);
}

void tst_MemoryGraph::allInOnePlace()
{
    GraphLayout::Start start;
    start.places.assign(60, {3, 3});
    start.isPlaced.assign(60, 1);
    GraphLayout layout(GraphShape::make(60, Edges{}), std::move(start));
    const auto places = atRest(layout);
    std::set<std::pair<float, float>> different;
    for (const auto& place : places) {
        QVERIFY(std::isfinite(place.x) && std::isfinite(place.y));
        different.emplace(place.x, place.y);
    }
    QCOMPARE(different.size(), size_t(60));
}

void tst_MemoryGraph::asWideAsTheWindow()
{
    GraphLayout::Start start;
    start.aspect = 2.5F;
    auto layout = layoutOf(300, {}, std::move(start));
    Place largest;
    for (const auto& place : atRest(layout)) {
        largest = {std::max(largest.x, std::abs(place.x)), std::max(largest.y, std::abs(place.y))};
    }
    const float aspect = largest.x / largest.y;
    QVERIFY2(aspect > 1.9F && aspect < 3.1F, qPrintable(QString::number(aspect)));
}

void tst_MemoryGraph::groupsAreFound()
{
    const auto shape = GraphShape::make(120, groups(6, 20));
    const std::vector<unsigned char> kinds(120, 0);
    const auto found = findCommunities(shape, kinds);
    QCOMPARE(found.count(), 6);
    for (size_t i = 0; i < 120; ++i) {
        QCOMPARE(found.of[i], found.of[i / 20 * 20]);
    }
    QCOMPARE(std::vector(found.sizes), std::vector<int>(6, 20));
    QCOMPARE(found.shape.of(0).size(), size_t(2)); // each with the next and the one before
    QVERIFY(findCommunities(shape, kinds).of == found.of);
}

void tst_MemoryGraph::looseNodesAreGroupedByKind()
{
    auto edges = groups(1, 20);
    const auto shape = GraphShape::make(50, edges);
    std::vector<unsigned char> kinds(50, 0);
    std::fill(kinds.begin() + 35, kinds.end(), 4);
    const auto found = findCommunities(shape, kinds);
    QCOMPARE((std::set<int>(found.of.begin() + 20, found.of.end()).size()), size_t(2));
    QCOMPARE(found.sizes[size_t(found.of[20])], 15);
    QCOMPARE(found.of[20], found.of[34]);
    QCOMPARE(found.of[35], found.of[49]);
    QVERIFY(found.of[20] != found.of[35]);
    QCOMPARE(placesByCommunity(found).size(), size_t(50));
}

void tst_MemoryGraph::picturesArriveAndItSleeps()
{
    std::vector<LayoutThread::Picture> pictures;
    LayoutThread thread([&](const auto& picture) { pictures.push_back(picture); });
    LayoutThread::Graph graph;
    graph.shape = GraphShape::make(60, groups(6, 10));
    graph.start.places.resize(60);
    graph.kinds.assign(60, 0);
    const auto number = thread.set(std::move(graph));
    QTRY_VERIFY(!pictures.empty() && pictures.back().isAtRest);
    QCOMPARE(pictures.back().graph, number);
    QCOMPARE(pictures.back().places->size(), size_t(60));
    const auto count = pictures.size();
    QTest::qWait(150);
    QCOMPARE(pictures.size(), count);
    thread.pin(5, {900, 900});
    QTRY_VERIFY(pictures.size() > count && pictures.back().isAtRest);
    QCOMPARE((*pictures.back().places)[5], (Place{900, 900}));
}

void tst_MemoryGraph::onlyTheNewestGraphIsShown()
{
    LayoutThread::Picture last;
    LayoutThread thread([&](const auto& picture) { last = picture; });
    quint64 number = 0;
    for (int nodes = 10; nodes <= 3000; nodes += 299) {
        LayoutThread::Graph graph;
        graph.shape = GraphShape::make(nodes, Edges{{0, 1}});
        graph.start.places.resize(size_t(nodes));
        graph.kinds.assign(size_t(nodes), 0);
        number = thread.set(std::move(graph));
    }
    QTRY_VERIFY(last.graph == number && last.isAtRest);
    QVERIFY(last.communities != nullptr);
}

QTEST_GUILESS_MAIN(tst_MemoryGraph)
#include "tst_MemoryGraph.moc"
