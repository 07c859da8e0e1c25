// The memory panel's graph, as JSON lines: bench_graph [NODES …]; 1k, 10k, 50k and 100k without.
// What is painted goes into a picture in memory, as it does on a screen without a graphics card.
#include "ui/panels/memory/GraphView.h"

#include <QApplication>
#include <QElapsedTimer>
#include <QJsonDocument>
#include <QPainter>
#include <QTest>
#include <cstdio>
#include <random>

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::panels;

namespace {

constexpr QSize screen(1280, 720);

double part(QList<double> values, double share)
{
    std::ranges::sort(values);
    return values.isEmpty() ? 0.0 : values.at(qsizetype(share * double(values.size() - 1)));
}

void print(const QString& name, int nodes, const QList<double>& times, QJsonObject more = {})
{
    const auto rounded = [](double value) { return std::round(value * 1000) / 1000; };
    more.insert(u"bench"_s, u"graph_%1_%2k"_s.arg(name).arg(nodes / 1000));
    more.insert(u"unit"_s, u"ms"_s);
    more.insert(u"n"_s, times.size());
    more.insert(u"p50"_s, rounded(part(times, 0.5)));
    more.insert(u"p99"_s, rounded(part(times, 0.99)));
    std::printf("%s\n", QJsonDocument(more).toJson(QJsonDocument::Compact).constData());
    std::fflush(stdout);
}

template <class F>
double milliseconds(F function)
{
    QElapsedTimer timer;
    timer.start();
    function();
    return double(timer.nsecsElapsed()) / 1e6;
}

// As memories are linked: mostly within a subject, some across, one in ten not at all.
models::MemoryGraph graphOf(int nodes)
{
    std::mt19937 random(7);
    models::MemoryGraph graph;
    for (int i = 0; i < nodes; ++i) {
        graph.nodes.push_back(
            {.id = u"mem-%1"_s.arg(i),
             .content = u"What is known about subject %1, number %2"_s.arg(i / 40).arg(i),
             .type = protocol::MemoryType(random() % 9),
             .importance = float(random() % 100) / 100});
        if (i % 10 == 9) {
            continue;
        }
        for (int edge = 0; edge < 2; ++edge) {
            const bool isNear = random() % 10 != 0;
            const int other =
                isNear ? i / 40 * 40 + int(random() % 40) : int(random() % unsigned(nodes));
            if (other < i) {
                graph.edges.push_back({i, other, protocol::Relation(random() % 6)});
            }
        }
    }
    return graph;
}

void measure(theme::Theme& theme, int count)
{
    const auto graph = graphOf(count);
    // From the data to places in the window; then until nothing moves.
    GraphView view(theme);
    view.resize(screen);
    view.show();
    [[maybe_unused]] const bool isShown = QTest::qWaitForWindowExposed(&view);
    QElapsedTimer since;
    since.start();
    view.setGraph(graph, {});
    [[maybe_unused]] const bool isThere = QTest::qWaitFor([&] { return view.hasPlaces(); }, 60'000);
    view.repaint();
    print(u"first_picture"_s, count, {double(since.nsecsElapsed()) / 1e6});
    [[maybe_unused]] const bool isDone = QTest::qWaitFor([&] { return view.isAtRest(); }, 300'000);
    print(u"at_rest"_s, count, {double(since.nsecsElapsed()) / 1e6});

    // Each frame is another zoom, so that nothing of the frame before can be used.
    QImage image(screen, QImage::Format_ARGB32_Premultiplied);
    const auto frames = [&](const QString& name, bool isWhole, int times) {
        GraphPainter painter(theme);
        const auto known = view.known();
        std::vector<Place> places;
        for (const auto& node : graph.nodes) {
            places.push_back(known.places.value(node.id).at);
        }
        const std::vector<char> chosen(places.size(), 0);
        const Lens fitted = view.lens();
        QList<double> paints;
        for (int i = 0; i < times; ++i) {
            Lens lens = fitted;
            lens.scale *= (isWhole ? 1.0 : 6.0) + 0.002 * (i % 10);
            lens.offset = QPointF(screen.width() / 2.0, screen.height() / 2.0);
            paints.append(milliseconds([&] {
                QPainter onImage(&image);
                onImage.fillRect(image.rect(), Qt::white);
                painter.paint(onImage,
                              {.graph = graph,
                               .places = places,
                               .communities = nullptr,
                               .lens = lens,
                               .area = QRectF(image.rect()),
                               .current = 3,
                               .hovered = -1,
                               .isChosen = chosen,
                               .hasFocus = true});
            }));
        }
        print(name, count, paints.mid(3), {{u"labels"_s, painter.labels()}});
    };
    const int times = count > 20'000 ? 40 : 200;
    frames(u"paint_every_node"_s, true, times);
    frames(u"paint_zoomed_in"_s, false, times);
    // What the widget shows of it: above 5,000 in sight, communities.
    QList<double> shown;
    for (int i = 0; i < times; ++i) {
        view.zoom(i % 2 == 0 ? 1.02 : 1 / 1.02);
        shown.append(milliseconds([&] { view.repaint(); }));
    }
    print(u"paint_as_shown"_s, count, shown.mid(3), {{u"communities"_s, view.showsCommunities()}});

    QList<std::pair<int, int>> edges;
    for (const auto& edge : graph.edges) {
        edges.append({edge.from, edge.to});
    }
    GraphLayout::Start start;
    start.places.resize(size_t(count));
    GraphLayout layout(GraphShape::make(count, edges), std::move(start));
    QList<double> steps;
    while (!layout.isAtRest() && steps.size() < (count > 20'000 ? 60 : 400)) {
        steps.append(milliseconds([&] { layout.step(); }));
    }
    print(u"layout_step"_s, count, steps);

    QList<double> picks;
    for (int i = 0; i < 300; ++i) {
        const QPointF point((i * 37) % screen.width(), (i * 91) % screen.height());
        picks.append(milliseconds([&] { (void)view.memoryAt(point); }));
    }
    print(u"pick"_s, count, picks.mid(1));
}

} // namespace

int main(int argc, char** argv)
{
    QApplication app(argc, argv);
    theme::Theme theme({.scheme = theme::Scheme::Light});
    QList<int> counts;
    for (const auto& word : app.arguments().mid(1)) {
        counts.append(word.toInt());
    }
    if (counts.isEmpty()) {
        counts = {1000, 10'000, 50'000, 100'000};
    }
    for (const int count : counts) {
        if (count > 0) {
            measure(theme, count);
        }
    }
    return 0;
}
