// The real window on a home of its own: bench_window HOME [IDLE_S]. Prints one JSON object: ms from
// the program's start (SB_BENCH_START, CLOCK_MONOTONIC in ns, set by whoever starts it) to main(),
// to show() and to the first painted frame, and the idle memory after IDLE_S seconds.
#include "app/workbench/Workbench.h"

#include <QApplication>
#include <QEvent>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTimer>

#include <cstdio>
#include <ctime>

using namespace sb;

namespace {

double nowMs()
{
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return double(now.tv_sec) * 1e3 + double(now.tv_nsec) / 1e6;
}

double pssMb()
{
    QFile file(QStringLiteral("/proc/self/smaps_rollup"));
    if (!file.open(QIODevice::ReadOnly)) {
        return 0;
    }
    for (const QByteArray& line : file.readAll().split('\n')) {
        if (line.startsWith("Pss:")) {
            return line.mid(4).trimmed().split(' ').first().toDouble() * 1024 / 1e6;
        }
    }
    return 0;
}

// Tells when the window's first frame is out: one turn of the loop after it was painted.
class FirstFrame final : public QObject
{
public:
    explicit FirstFrame(std::function<void()> painted) : m_painted(std::move(painted)) {}

protected:
    bool eventFilter(QObject* watched, QEvent* event) override
    {
        if (event->type() == QEvent::Paint && m_painted) {
            QTimer::singleShot(0, watched, std::exchange(m_painted, {}));
        }
        return false;
    }

private:
    std::function<void()> m_painted;
};

} // namespace

int main(int argc, char** argv)
{
    const double inMain = nowMs();
    const QByteArray given = qgetenv("SB_BENCH_START");
    const double start = given.isEmpty() ? inMain : given.toDouble() / 1e6;
    QApplication application(argc, argv);
    QApplication::setApplicationName(QStringLiteral("signalbox"));
    const double inQt = nowMs();

    workbench::Workbench::Options options;
    options.home = runtime::Home::locate(QApplication::arguments().value(1));
    options.program = QStringLiteral(SB_BIN_DIR);
    auto opened = workbench::Workbench::open(options);
    if (!opened || !*opened) {
        std::fprintf(stderr,
                     "bench_window: %s\n",
                     opened ? "another window has the home" : qPrintable(opened.error().message));
        return 1;
    }
    const double built = nowMs();
    QJsonObject figures;
    const auto put = [&](const char* name, double value) {
        figures.insert(QLatin1StringView(name), std::round(value * 10) / 10);
    };
    FirstFrame frame([&] {
        put("painted_ms", nowMs() - start);
        const int idle = QApplication::arguments().value(2).toInt();
        QTimer::singleShot(idle * 1000, &application, [&] {
            put("pss_mb", pssMb());
            QApplication::quit();
        });
    });
    (*opened)->window().installEventFilter(&frame);
    (*opened)->window().show();
    put("main_ms", inMain - start);
    put("qt_ms", inQt - start);
    put("built_ms", built - start);
    put("show_ms", nowMs() - start);
    const int code = QApplication::exec();
    std::puts(QJsonDocument(figures).toJson(QJsonDocument::Compact).constData());
    return code;
}
