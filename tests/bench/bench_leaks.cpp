// Measures leak detection: bench_leaks. Prints one JSON line a figure; each is the median of runs.
#include "core/leaks/Watch.h"
#include "core/secrets/Redactor.h"
#include "tests/unit/LeaksKit.h"

#include <QElapsedTimer>
#include <QJsonDocument>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>

using namespace Qt::StringLiterals;
using namespace sb;

namespace {

constexpr int runs = 9;
constexpr qsizetype size = 64 << 20;
constexpr qsizetype chunk = 64 << 10;

void print(const char* bench, double value, const char* unit, QJsonObject more = {})
{
    more.insert(u"bench"_s, QLatin1StringView(bench));
    more.insert(u"value"_s, std::round(value * 1000) / 1000);
    more.insert(u"unit"_s, QLatin1StringView(unit));
    std::puts(QJsonDocument(more).toJson(QJsonDocument::Compact).constData());
    std::fflush(stdout);
}

// Of this thread: everything here is one thread's work, and other programs must not count.
double cpuNs()
{
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return double(now.tv_sec) * 1e9 + double(now.tv_nsec);
}

template <class F>
double medianNs(F&& f)
{
    std::vector<double> times;
    for (int i = 0; i < runs; ++i) {
        const double before = cpuNs();
        f();
        times.push_back(cpuNs() - before);
    }
    std::ranges::sort(times);
    return times[times.size() / 2];
}

QByteArray plainText()
{
    const QByteArray lines =
        "The test expects three signals on the branch line, the table lists two of them.\n"
        "[ 41%] Building CXX object core/engine/CMakeFiles/engine.dir/Interlocking.cpp.o\n"
        "    if (route.isSet() && route.signals().size() == expected) { return route; }\n"
        "2026-03-14T09:26:53Z info  engine: route 17 was set, 3 points moved in 412 ms\n";
    return lines.repeated(size / lines.size());
}

} // namespace

int main()
{
    const QByteArray text = plainText();
    QByteArray coded = leakskit::madeUp(1 << 20);
    coded = coded.repeated(size / coded.size());

    const auto gigabytes = [&](double ns) { return double(text.size()) / ns; };
    // Called through a pointer that changes under the compiler's eyes, so that it is called at all.
    const void* (*volatile search)(const void*, int, size_t) = std::memchr;
    print("leaks.memchr",
          gigabytes(medianNs([&] { (void)search(text.constData(), 1, size_t(text.size())); })),
          "GB/s");

    QElapsedTimer first;
    first.start();
    const bool vectorscan = leaks::hasVectorscan();
    print("leaks.first_use",
          double(first.nsecsElapsed()) / 1e6,
          "ms",
          {{u"vectorscan"_s, vectorscan}});

    auto scanner = leaks::Scanner::create();
    for (const int known : {0, 10}) {
        for (int i = 0; i < known; ++i) {
            scanner = leaks::Scanner::with(
                scanner, QString::number(i), leakskit::secret(leakskit::madeUp(30 + i)));
        }
        const auto streams = [&](const QByteArray& what, leaks::Stream::Keep keep) {
            return gigabytes(medianNs([&] {
                leaks::Stream stream(scanner, keep);
                for (qsizetype at = 0; at < what.size(); at += chunk) {
                    stream.feed(QByteArrayView(what).sliced(at, std::min(chunk, what.size() - at)));
                    (void)stream.redacted();
                }
                stream.finish();
            }));
        };
        const QJsonObject more{{u"known_values"_s, known}};
        print("leaks.plain_text", streams(text, leaks::Stream::Keep::Hits), "GB/s", more);
        print("leaks.plain_text.redacted", streams(text, leaks::Stream::Keep::Text), "GB/s", more);
        print("leaks.base64_text", streams(coded, leaks::Stream::Keep::Hits), "GB/s", more);
    }

    secrets::Redactor redactor;
    for (int i = 0; i < 10; ++i) {
        redactor.add(u"env:K"_s, leakskit::secret(leakskit::madeUp(30 + i)));
    }
    const QJsonObject payload{
        {u"tool"_s, u"file_read"_s},
        {u"arguments"_s,
         QJsonObject{{u"path"_s, u"src/engine/Interlocking.cpp"_s}, {u"lines"_s, 200}}},
        {u"process"_s, u"wrk-7k3q9m2x5a"_s},
        {u"reason"_s, u"Reading inside the workspace is allowed."_s},
        {u"text"_s,
         u"The test expects three signals on the branch line, the table lists two of them."_s},
        {u"id"_s, u"call_0123456789abcdef"_s}};
    constexpr int rounds = 20'000;
    print("leaks.payload",
          medianNs([&] {
              for (int i = 0; i < rounds; ++i) {
                  (void)redactor.redact(payload);
              }
          }) / rounds /
              1000,
          "us",
          {{u"bytes"_s, QJsonDocument(payload).toJson(QJsonDocument::Compact).size()}});

    // A model's answer, as it comes and as a whole.
    const leaks::Watch watch([&] { return redactor.scanner(); }, {});
    const QString answer = QString::fromUtf8(text.first(2048));
    constexpr qsizetype delta = 4;
    print("leaks.answer",
          medianNs([&] {
              for (int i = 0; i < rounds; ++i) {
                  (void)watch.look(answer);
              }
          }) / rounds /
              1000,
          "us",
          {{u"bytes"_s, answer.size()}});
    constexpr int answers = 200;
    print("leaks.delta",
          medianNs([&] {
              for (int i = 0; i < answers; ++i) {
                  leaks::LiveText live(watch);
                  for (qsizetype at = 0; at < answer.size(); at += delta) {
                      (void)live.feed(answer.sliced(at, delta));
                  }
                  (void)live.finish();
              }
          }) / answers /
              (double(answer.size()) / double(delta)) / 1000,
          "us",
          {{u"bytes"_s, delta}});
    return 0;
}
