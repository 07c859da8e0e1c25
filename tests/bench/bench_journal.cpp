// Measures the journal on a real disk: bench_journal [FOLDER]. Prints one JSON line a figure.
#include "core/journal/Journal.h"
#include "core/journal/SigningKey.h"

#include <QCoreApplication>
#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QJsonDocument>
#include <QTemporaryDir>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fcntl.h>
#include <latch>
#include <semaphore>
#include <thread>
#include <unistd.h>

using namespace sb;

namespace {

void print(const char* bench, double value, const char* unit, QJsonObject more = {})
{
    more.insert(QStringLiteral("bench"), QLatin1StringView(bench));
    more.insert(QStringLiteral("value"), std::round(value * 1000) / 1000);
    more.insert(QStringLiteral("unit"), QLatin1StringView(unit));
    std::puts(QJsonDocument(more).toJson(QJsonDocument::Compact).constData());
    std::fflush(stdout);
}

double median(std::vector<double> values)
{
    std::ranges::sort(values);
    return values[values.size() / 2];
}

journal::NewEntry sample(int i)
{
    return {
        .kind = protocol::Kind::ToolResult,
        .process = QStringLiteral("wrk-7k3q9m2x5a"),
        .cause = QString::number(i),
        .payload =
            {
                {QStringLiteral("call"), i},
                {QStringLiteral("tool"), QStringLiteral("file_read")},
                {QStringLiteral("output"),
                 QStringLiteral("A line or two of what a tool says, as long as most of them are.")},
                {QStringLiteral("ok"), true},
            },
        .traceId = QStringLiteral("4bf92f3577b34da6a3ce929d0e0e4736"),
        .spanId = QStringLiteral("00f067aa0ba902b7"),
    };
}

// What the same disk needs for the write itself: a grown file, two pages and their frames, one
// fdatasync.
double bareSync(const QString& folder)
{
    const int fd = ::open(QFile::encodeName(folder + QStringLiteral("/bare")).constData(),
                          O_RDWR | O_CREAT | O_CLOEXEC,
                          0600);
    const QByteArray frames(2 * (4096 + 24), 'x');
    std::vector<double> times;
    for (int i = 0; i < 300; ++i) {
        QElapsedTimer timer;
        timer.start();
        if (::write(fd, frames.constData(), size_t(frames.size())) < 0 || ::fdatasync(fd) != 0) {
            std::perror("bare");
            std::exit(1);
        }
        times.push_back(double(timer.nsecsElapsed()) / 1e6);
    }
    ::close(fd);
    return median(times);
}

template <class T>
T must(Result<T> result)
{
    if (!result) {
        std::fprintf(stderr, "bench_journal: %s\n", qPrintable(result.error().message));
        std::exit(1);
    }
    if constexpr (!std::is_void_v<T>) {
        return std::move(*result);
    }
}

} // namespace

int main(int argc, char** argv)
{
    const QCoreApplication app(argc, argv);
    const QStringList arguments = QCoreApplication::arguments();
    const QTemporaryDir folder((arguments.size() > 1 ? arguments[1] : QDir::tempPath()) +
                               QStringLiteral("/bench-XXXXXX"));
    SystemClock clock;
    const auto key = must(journal::SigningKey::loadOrCreate(folder.path()));
    auto database = must(store::Database::open({.path = folder.filePath(QStringLiteral("agent.db")),
                                                .migrations = QStringLiteral(":/sql/agent"),
                                                .vfs = {}},
                                               clock));
    journal::Journal::Settings settings;
    settings.agent = QStringLiteral("bench");
    settings.signingKey = key.secret;
    auto journal = must(journal::Journal::open(std::move(settings), *database, clock));

    // Alone, one after the other.
    std::vector<double> lone;
    for (int i = 0; i < 500; ++i) {
        QElapsedTimer timer;
        timer.start();
        must(journal->append(sample(i)).wait());
        lone.push_back(double(timer.nsecsElapsed()) / 1e6);
    }
    const double bare = bareSync(folder.path());
    print("journal.append.lone", median(lone), "ms", {{QStringLiteral("fdatasync_ms"), bare}});

    // Many appenders: four threads, each with up to 1024 entries on their way.
    constexpr int threads = 4;
    constexpr int each = 100'000;
    QElapsedTimer timer;
    timer.start();
    {
        std::vector<std::jthread> appenders;
        for (int t = 0; t < threads; ++t) {
            appenders.emplace_back([&] {
                std::counting_semaphore<1024> room(1024);
                std::latch all(each);
                for (int i = 0; i < each; ++i) {
                    room.acquire();
                    journal->append(sample(i)).then([&](Result<protocol::Entry> entry) {
                        must(std::move(entry));
                        room.release();
                        all.count_down();
                    });
                }
                all.wait();
            });
        }
    }
    const double seconds = double(timer.nsecsElapsed()) / 1e9;
    print("journal.append.group",
          threads * each / seconds,
          "entries/s",
          {{QStringLiteral("entries"), threads * each}});

    const auto report = must(journal->verify({}, {}));
    if (!report.ok) {
        std::fprintf(stderr, "bench_journal: %s\n", qPrintable(report.message));
        return 1;
    }
    print("journal.verify",
          double(report.entries) / report.seconds,
          "entries/s",
          {{QStringLiteral("entries"), report.entries}});

    timer.restart();
    protocol::QueryJournal query;
    query.text = QStringLiteral("nowhere");
    must(journal->query(query));
    print("journal.query.text",
          double(report.entries) / (double(timer.nsecsElapsed()) / 1e9),
          "entries/s");

    // What a start pays for a journal that is there already.
    const QString path = database->path();
    std::vector<double> opening;
    for (int i = 0; i < 20; ++i) {
        journal.reset();
        database.reset();
        timer.restart();
        database = must(store::Database::open(
            {.path = path, .migrations = QStringLiteral(":/sql/agent")}, clock));
        journal::Journal::Settings again;
        again.agent = QStringLiteral("bench");
        again.signingKey = key.secret;
        journal = must(journal::Journal::open(std::move(again), *database, clock));
        opening.push_back(double(timer.nsecsElapsed()) / 1e6);
    }
    print("journal.open", median(opening), "ms");
    return 0;
}
