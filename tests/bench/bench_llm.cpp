// Model calls per second through one provider against the scripted service, which runs as a process
// of its own. Prints one JSON line for each row. bench_llm [--url BASE_URL] measures against
// another service instead.
#include "core/llm/OpenAiChat.h"

#include <QCoreApplication>
#include <QJsonDocument>
#include <QProcess>
#include <QTextStream>
#include <algorithm>
#include <semaphore>
#include <sys/resource.h>

using namespace sb;
using namespace sb::llm;
using namespace Qt::StringLiterals;

namespace {

double cpuSeconds()
{
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return double(time.tv_sec) + double(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Keeps `width` calls in flight until `total` were answered; everything but the waiting happens on
// the executor.
class Load
{
public:
    Load(Provider& provider, Clock& clock, int width, int total)
        : m_provider(provider), m_clock(clock), m_left(total), m_open(total)
    {
        m_times.reserve(size_t(total));
        for (int i = 0; i < width; ++i) {
            next();
        }
        m_done.acquire();
    }
    [[nodiscard]] int failures() const { return m_failures; }
    [[nodiscard]] const QString& firstError() const { return m_error; }
    /// Milliseconds within which that share of the calls was answered.
    double quantile(double share)
    {
        std::ranges::sort(m_times);
        return double(m_times[size_t(double(m_times.size() - 1) * share)]) / 1000.0;
    }

private:
    void next()
    {
        if (m_left.fetch_sub(1) <= 0) {
            return;
        }
        Request request;
        request.model = u"m"_s;
        request.messages = {{Role::User, u"hello"_s, {}, {}, false}};
        const qint64 start = m_clock.steadyUs();
        m_provider.complete(std::move(request), {}, {})
            .then([this, start](Result<Response> response) {
                {
                    const std::scoped_lock lock(m_mutex);
                    m_times.push_back(m_clock.steadyUs() - start);
                    if (!response) {
                        ++m_failures;
                        m_error = response.error().message;
                    }
                }
                next();
                if (m_open.fetch_sub(1) == 1) {
                    m_done.release();
                }
            });
    }

    Provider& m_provider;
    Clock& m_clock;
    std::atomic<int> m_left;
    std::atomic<int> m_open;
    std::mutex m_mutex;
    std::vector<qint64> m_times;
    int m_failures = 0;
    QString m_error;
    std::binary_semaphore m_done{0};
};

void measure(const QString& url, int delay, QTextStream& out)
{
    SystemClock clock;
    LoopExecutor executor(u"llm"_s);
    HttpSettings settings;
    settings.id = u"bench"_s;
    settings.baseUrl = url;
    OpenAiChat provider(settings, executor, clock);
    for (const int width : {1, 50, 500}) {
        const int total = width == 1 ? (delay > 0 ? 50 : 1000) : 6000;
        const Load warmUp(provider, clock, width, width); // opens the connections
        const double cpuStart = cpuSeconds();
        const qint64 start = clock.steadyUs();
        Load load(provider, clock, width, total);
        const double wall = double(clock.steadyUs() - start) / 1e6;
        const QJsonObject line{
            {u"bench"_s, u"llm_calls"_s},
            {u"delay_ms"_s, delay},
            {u"concurrent"_s, width},
            {u"calls"_s, total},
            {u"calls_per_s"_s, std::round(total / wall)},
            {u"p50_ms"_s, load.quantile(0.5)},
            {u"p99_ms"_s, load.quantile(0.99)},
            {u"cpu_us_per_call"_s, std::round((cpuSeconds() - cpuStart) * 1e6 / total)},
            {u"failures"_s, load.failures()},
            {u"error"_s, load.firstError()}};
        out << QJsonDocument(line).toJson(QJsonDocument::Compact) << Qt::endl;
    }
}

} // namespace

int main(int argc, char** argv)
{
    QCoreApplication app(argc, argv);
    QCoreApplication::setLibraryPaths({});
    QTextStream out(stdout);
    const QStringList arguments = QCoreApplication::arguments();
    if (const qsizetype at = arguments.indexOf(u"--url"_s); at > 0) {
        measure(arguments.value(at + 1), -1, out);
        return 0;
    }
    for (const int delay : {0, 50}) {
        QProcess server;
        server.setProcessChannelMode(QProcess::ForwardedErrorChannel);
        server.start(QStringLiteral(SB_TEST_BIN_DIR "/scripted-model"),
                     {u"0"_s, u"--delay"_s, QString::number(delay)});
        if (!server.waitForReadyRead()) {
            QTextStream(stderr) << "scripted-model did not start\n";
            return 1;
        }
        const QString place = QString::fromUtf8(server.readLine()).trimmed().section(u' ', 1);
        measure(u"http://%1/v1"_s.arg(place), delay, out);
        server.kill();
        server.waitForFinished();
    }
    return 0;
}
