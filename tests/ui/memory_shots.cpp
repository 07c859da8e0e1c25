// Takes pictures of the memory panel with much, little, nothing and awkward things in it, light and
// dark, at 100 and 200 %, in the dock's size and larger. Usage: memory_shots DIR [NAME]
#include "tests/support/DemoRuntime.h"
#include "ui/panels/memory/GraphView.h"
#include "ui/panels/memory/MemoryPanel.h"

#include <QAbstractButton>
#include <QApplication>
#include <QDir>
#include <QLineEdit>
#include <QSlider>
#include <QTemporaryDir>
#include <QTest>
#include <cstdio>

using namespace sb;
using namespace sb::panels;
using namespace Qt::StringLiterals;

namespace {

using Prepare = std::function<void(test::DemoRuntime&)>;
using Act = std::function<void(MemoryPanel&)>;

void settle(MemoryPanel& panel)
{
    QTest::qWait(150);
    auto* graph = panel.findChild<GraphView*>();
    [[maybe_unused]] const bool isDone = QTest::qWaitFor([&] { return graph->isAtRest(); }, 20'000);
    QTest::qWait(60);
}

void press(MemoryPanel& panel, const QString& text)
{
    for (auto* button : panel.findChildren<QAbstractButton*>()) {
        if (button->text() == text && button->isVisible()) {
            QTest::mouseClick(button, Qt::LeftButton);
            return;
        }
    }
    std::fprintf(stderr, "no button says %s\n", qPrintable(text));
}

struct Size
{
    QString name;
    QSize size;
};

void shoot(const QString& folder,
           const QString& name,
           const QList<Size>& sizes,
           const Prepare& prepare,
           const Act& act)
{
    static const QFont systemFont = QApplication::font();
    for (const bool isDark : {false, true}) {
        for (const double scale : {1.0, 2.0}) {
            for (const auto& size : sizes) {
                QApplication::setFont(systemFont); // a theme scales what it finds
                theme::Theme theme({.scheme = isDark ? theme::Scheme::Dark : theme::Scheme::Light,
                                    .fontScale = scale});
                test::DemoRuntime runtime;
                FakeClock clock(test::DemoRuntime::now);
                runtime.fillWithExamples();
                prepare(runtime);
                const QTemporaryDir state;
                bridge::Bridge bridge(runtime);
                MemoryPanel panel({bridge, theme, clock, state.path()});
                panel.resize(size.size);
                panel.setAutoFillBackground(true);
                bridge.start();
                panel.show();
                settle(panel);
                if (act) {
                    act(panel);
                    settle(panel);
                }
                const auto file = u"%1/%2-%3-%4-%5.png"_s.arg(folder,
                                                              name,
                                                              size.name,
                                                              isDark ? u"dark"_s : u"light"_s,
                                                              QString::number(scale * 100));
                panel.grab().save(file);
                std::printf("%s\n", qPrintable(file));
            }
        }
    }
}

} // namespace

int main(int argc, char** argv)
{
    QApplication application(argc, argv);
    QApplication::setStyle(u"Fusion"_s);
    if (argc < 2) {
        std::fprintf(stderr, "usage: memory_shots DIR [NAME]\n");
        return 2;
    }
    const auto folder = QString::fromLocal8Bit(argv[1]);
    QDir().mkpath(folder);
    const auto wanted = argc > 2 ? QString::fromLocal8Bit(argv[2]) : QString();
    const Size dock{u"dock"_s, {1280, 300}};
    const Size large{u"large"_s, {1280, 720}};
    const Size narrow{u"narrow"_s, {560, 720}};
    const auto maybe = [&](const QString& name,
                           const QList<Size>& sizes,
                           const Prepare& prepare,
                           const Act& act = {}) {
        if (wanted.isEmpty() || wanted == name) {
            shoot(folder, name, sizes, prepare, act);
        }
    };
    const auto fill = [](int count) {
        return [count](test::DemoRuntime& runtime) {
            runtime.memories[u"assistant"_s] = test::DemoMemory(u"assistant"_s);
            runtime.memories[u"assistant"_s].fillWithMany(count, test::DemoRuntime::now);
        };
    };
    const auto awkward = [](const QString& text) {
        return [text](test::DemoRuntime& runtime) {
            auto& memory = runtime.memories[u"assistant"_s];
            memory = test::DemoMemory(u"assistant"_s);
            protocol::MemoryInfo one;
            one.content = text;
            one.knownFrom = test::DemoRuntime::now - 1'000'000;
            one.source.file = u"/home/ana/"_s + text.left(60) + u".md"_s;
            const auto first = memory.add(one);
            one.provenance = protocol::Provenance::Untrusted;
            one.suspicion = text.left(300);
            memory.addEdge(memory.add(one), first, protocol::Relation::Contradicts);
        };
    };
    const auto chooseBest = [](MemoryPanel& panel) {
        auto* graph = panel.findChild<GraphView*>();
        for (const auto& node : graph->graph().nodes) {
            if (node.isDoubted || graph->graph().nodes.size() < 8) {
                QTest::mouseClick(graph,
                                  Qt::LeftButton,
                                  {},
                                  graph->pointOf(node.id).value_or(QPointF()).toPoint());
                return;
            }
        }
    };
    const auto chooseAna = [](MemoryPanel& panel) {
        auto* graph = panel.findChild<GraphView*>();
        for (const auto& node : graph->graph().nodes) {
            if (node.content.startsWith(u"Version 2.0")) {
                QTest::mouseClick(graph,
                                  Qt::LeftButton,
                                  {},
                                  graph->pointOf(node.id).value_or(QPointF()).toPoint());
            }
        }
    };
    maybe(u"examples"_s, {dock, large, narrow}, [](auto&) {});
    maybe(u"chosen"_s, {dock, large, narrow}, [](auto&) {}, chooseAna);
    maybe(u"doubted"_s, {large}, [](auto&) {}, chooseBest);
    maybe(
        u"done"_s,
        {large},
        [](auto&) {},
        [&](MemoryPanel& panel) {
            chooseAna(panel);
            settle(panel);
            press(panel, u"Forget"_s);
        });
    maybe(
        u"linking"_s,
        {large},
        [](auto&) {},
        [&](MemoryPanel& panel) {
            chooseAna(panel);
            settle(panel);
            press(panel, u"Link…"_s);
        });
    maybe(
        u"search"_s,
        {dock, large, narrow},
        [](auto&) {},
        [](MemoryPanel& panel) {
            QTest::keyClicks(panel.findChild<QLineEdit*>(), u"reports Monday"_s);
            QTest::qWait(300);
        });
    maybe(
        u"table"_s,
        {dock, large, narrow},
        [](auto&) {},
        [](MemoryPanel& panel) { press(panel, u"Table"_s); });
    maybe(
        u"bulletin"_s,
        {dock, large},
        [](auto&) {},
        [](MemoryPanel& panel) { press(panel, u"Bulletin"_s); });
    maybe(
        u"forgotten"_s,
        {large},
        [](auto&) {},
        [](MemoryPanel& panel) { press(panel, u"Forgotten too"_s); });
    maybe(
        u"past"_s,
        {large},
        [](auto&) {},
        [](MemoryPanel& panel) { panel.findChild<QSlider*>(u"days"_s)->setValue(8); });
    maybe(u"thousand"_s, {large}, fill(1000));
    maybe(u"thousand-all"_s, {large}, fill(1000), [](MemoryPanel& panel) {
        press(panel, u"Show all"_s);
    });
    maybe(u"many"_s, {dock, large}, fill(10'000), [](MemoryPanel& panel) {
        press(panel, u"Show all"_s);
    });
    maybe(u"long"_s, {large, narrow}, awkward(QString(4000, u'x')), chooseBest);
    maybe(u"rtl"_s, {large}, awkward(u"اقرأ الملف ثم اكتب ملخصا قصيرا عنه"_s), chooseBest);
    maybe(u"empty"_s, {dock, large}, [](test::DemoRuntime& runtime) { runtime.memories.clear(); });
    maybe(u"error"_s, {dock}, [](test::DemoRuntime& runtime) {
        runtime.failures[u"memory_graph"_s] = {
            ErrorCode::Corrupt, u"The file agent.db is damaged at page 7."_s, {}};
    });
    return 0;
}
