// Frame times of the window, as JSON lines: bench_ui [ui-scroll | ui-stream | ui-switch | ui-start]
// …; all without a name. Runs on whatever platform Qt picks; QT_QPA_PLATFORM=offscreen draws in
// software.
#include "tests/ui/UiFixture.h"
#include "ui/panels/conversation/ConversationPanel.h"
#include "ui/panels/conversation/TranscriptView.h"
#include "ui/shell/Dock.h"

#include <QApplication>
#include <QJsonDocument>
#include <QScrollBar>
#include <cstdio>
#include <ctime>

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::protocol;

namespace {

/// How long something took by the clock, and how long this thread worked for it: on a machine that
/// is busy with something else only the second tells about us.
struct Times
{
    QList<double> wall;
    QList<double> cpu;
};

double threadCpuMs()
{
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return double(now.tv_sec) * 1e3 + double(now.tv_nsec) / 1e6;
}

template <class F>
void measure(Times& times, F function)
{
    const double cpu = threadCpuMs();
    QElapsedTimer timer;
    timer.start();
    function();
    times.wall.append(double(timer.nsecsElapsed()) / 1e6);
    times.cpu.append(threadCpuMs() - cpu);
}

double part(QList<double> values, double share)
{
    std::ranges::sort(values);
    const auto index = qsizetype(share * double(values.size() - 1));
    return values.isEmpty() ? 0.0 : std::round(values.at(index) * 1000) / 1000;
}

void print(const QString& name, const Times& times, QJsonObject more = {})
{
    more.insert(u"bench"_s, name);
    more.insert(u"unit"_s, u"ms"_s);
    more.insert(u"n"_s, times.wall.size());
    more.insert(u"p50"_s, part(times.wall, 0.5));
    more.insert(u"p99"_s, part(times.wall, 0.99));
    more.insert(u"max"_s, part(times.wall, 1));
    more.insert(u"cpu_p50"_s, part(times.cpu, 0.5));
    more.insert(u"cpu_p99"_s, part(times.cpu, 0.99));
    std::printf("%s\n", QJsonDocument(more).toJson(QJsonDocument::Compact).constData());
    std::fflush(stdout);
}

panels::TranscriptView& viewOf(shell::MainWindow& window)
{
    return static_cast<panels::ConversationPanel&>(window.dock(u"conversation"_s)->panel()).view();
}

void open(shell::MainWindow& window, const QString& agent, const QString& channel)
{
    window.openLink({panels::Link::To::Channel, agent, channel, 0});
    [[maybe_unused]] const bool loaded = QTest::qWaitFor([&] {
        const auto* transcript = viewOf(window).transcript();
        return transcript && transcript->channel() == channel && transcript->isLoaded();
    });
}

// Resident memory of this process in KiB.
qint64 residentKiB()
{
    QFile file(u"/proc/self/status"_s);
    if (!file.open(QIODevice::ReadOnly)) {
        return 0;
    }
    for (const QByteArray& line : file.readAll().split('\n')) {
        if (line.startsWith("VmRSS:")) {
            return line.mid(6).trimmed().split(' ').first().toLongLong();
        }
    }
    return 0;
}

// 10,000 messages: every wheel notch, page and jump is a frame that is painted whole.
void scroll()
{
    test::UiFixture ui;
    ui.runtime.addLongConversation(10'000);
    ui.runtime.snapshot.agents = {{u"assistant"_s, {}, {}, {}}};
    auto& window = ui.open();
    open(window, u"assistant"_s, u"long"_s);
    auto& view = viewOf(window);
    while (view.transcript()->hasOlder()) {
        view.verticalScrollBar()->setValue(0);
        [[maybe_unused]] const auto before = view.transcript()->count();
        [[maybe_unused]] const bool more = QTest::qWaitFor(
            [&] { return view.transcript()->count() > before || !view.transcript()->hasOlder(); });
    }
    const auto frame = [&](Times& times, int value) {
        measure(times, [&] {
            view.verticalScrollBar()->setValue(value);
            view.viewport()->repaint();
        });
    };
    Times wheel;
    Times jumps;
    Times pages;
    QScrollBar* bar = view.verticalScrollBar();
    for (int i = 0; i < 3000; ++i) {
        frame(wheel, std::max(0, bar->value() + (i % 1000 < 900 ? 60 : -60)));
        if (i % 50 == 0) {
            QCoreApplication::processEvents();
        }
    }
    for (int i = 0; i < 600; ++i) {
        frame(pages, bar->value() + view.viewport()->height() - 40);
    }
    for (int i = 0; i < 400; ++i) {
        frame(jumps, int(qint64(bar->maximum()) * ((i * 7919) % 1000) / 1000));
    }
    const QJsonObject facts{{u"messages"_s, view.transcript()->count()},
                            {u"rss_kib"_s, residentKiB()}};
    print(u"ui_scroll_wheel_10k"_s, wheel, facts);
    print(u"ui_scroll_page_10k"_s, pages, facts);
    print(u"ui_scroll_jump_10k"_s, jumps, facts);
    ui.close();
}

// 20 channels, 200 tokens a second each; what the GUI thread works in each slice of 16 ms.
void stream()
{
    test::UiFixture ui;
    ui.runtime.fillWithExamples();
    for (int i = 0; i < 20; ++i) {
        ChannelInfo channel;
        channel.agent = u"fixer"_s;
        channel.id = u"s%1"_s.arg(i);
        channel.title = channel.id;
        channel.running = 1;
        ui.runtime.snapshot.channels.append(channel);
    }
    auto& window = ui.open();
    open(window, u"fixer"_s, u"s0"_s);
    const QStringList words =
        u"The queue keeps its **order** and `run()` takes the best entry of it; that is\n\n- enough\n- for now\n\n```cpp\nfor (auto& job : queue) {\n    job.run();\n}\n```\n\n"_s
            .split(u' ');
    std::atomic<bool> stop = false;
    std::thread model([&] {
        auto next = std::chrono::steady_clock::now();
        for (int token = 0; !stop; ++token) {
            for (int i = 0; i < 20; ++i) {
                const QString id = u"s%1"_s.arg(i);
                ui.runtime.publish(
                    TextDelta{u"fixer"_s, id, id, QString(words.at(token % words.size()) + u' ')});
            }
            next += std::chrono::milliseconds(5);
            std::this_thread::sleep_until(next);
        }
    });
    // What the thread works for in each 16 ms, whatever woke it.
    Times frames;
    QElapsedTimer total;
    total.start();
    while (total.elapsed() < 10'000) {
        double wall = 0;
        const double cpu = threadCpuMs();
        QElapsedTimer slice;
        slice.start();
        while (slice.elapsed() < 16) {
            QElapsedTimer busy;
            busy.start();
            QCoreApplication::processEvents();
            wall += double(busy.nsecsElapsed()) / 1e6;
            std::this_thread::sleep_for(std::chrono::microseconds(500));
        }
        frames.wall.append(wall);
        frames.cpu.append(threadCpuMs() - cpu);
    }
    stop = true;
    model.join();
    auto& view = viewOf(window);
    const auto& last = view.transcript()->row(view.transcript()->count() - 1).item.text;
    print(u"ui_stream_20x200_frame_work"_s,
          frames,
          {{u"shown_characters"_s, last.size()}, {u"rss_kib"_s, residentKiB()}});
    ui.close();
}

void switching()
{
    test::UiFixture ui;
    ui.runtime.fillWithExamples();
    ui.runtime.addLongConversation(10'000);
    auto& window = ui.open();
    Times times;
    for (int i = 0; i < 60; ++i) {
        measure(times, [&] {
            if (i % 2 == 0) {
                open(window, u"assistant"_s, u"long"_s);
            } else {
                open(window, u"fixer"_s, u"main"_s);
            }
            viewOf(window).viewport()->repaint();
        });
    }
    print(u"ui_switch_conversation"_s, times);
    ui.close();
}

void start()
{
    Times times;
    for (int i = 0; i < 10; ++i) {
        std::unique_ptr<test::UiFixture> ui;
        measure(times, [&] {
            ui = std::make_unique<test::UiFixture>();
            ui->runtime.fillWithExamples();
            ui->open().repaint();
        });
        ui->close();
    }
    print(u"ui_window_shown_and_loaded"_s, times, {{u"rss_kib"_s, residentKiB()}});
}

} // namespace

int main(int argc, char** argv)
{
    QApplication app(argc, argv);
    const QStringList wanted = app.arguments().mid(1);
    const auto run = [&](const QString& name, auto function) {
        if (wanted.isEmpty() || wanted.contains(name)) {
            function();
        }
    };
    run(u"ui-start"_s, start);
    run(u"ui-scroll"_s, scroll);
    run(u"ui-stream"_s, stream);
    run(u"ui-switch"_s, switching);
    return 0;
}
