#include "core/base/Clock.h"

#include <QTimeZone>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

namespace sb {

namespace {

struct Timer
{
    Executor* executor;
    Job job;
};

qint64 monotonicUs()
{
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

} // namespace

struct SystemClock::Private
{
    std::mutex mutex;
    std::condition_variable changed;
    std::map<std::pair<qint64, quint64>, Timer> timers;
    quint64 nextId = 0;
    bool stopping = false;
    std::thread thread; // started with the first timer

    void run()
    {
        std::unique_lock lock(mutex);
        while (!stopping) {
            if (timers.empty()) {
                changed.wait(lock);
                continue;
            }
            const qint64 due = timers.begin()->first.first;
            const qint64 now = monotonicUs();
            if (now < due) {
                changed.wait_for(lock, std::chrono::microseconds(due - now));
                continue;
            }
            auto node = timers.extract(timers.begin());
            // Posted under the lock: whoever cancels a timer knows afterwards that it is not on its way.
            node.mapped().executor->post(std::move(node.mapped().job));
        }
    }
};

SystemClock::SystemClock()
    : m(std::make_shared<Private>())
{}

SystemClock::~SystemClock()
{
    {
        const std::scoped_lock lock(m->mutex);
        m->stopping = true;
    }
    m->changed.notify_all();
    if (m->thread.joinable()) {
        m->thread.join();
    }
}

TimeUs SystemClock::nowUs() const
{
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

qint64 SystemClock::steadyUs() const
{
    return monotonicUs();
}

Subscription SystemClock::after(Milliseconds delay, Executor& executor, Job job)
{
    const qint64 due = monotonicUs() + std::max<qint64>(0, delay.count()) * 1000;
    std::pair<qint64, quint64> key;
    {
        const std::scoped_lock lock(m->mutex);
        key = {due, m->nextId++};
        m->timers.emplace(key, Timer{&executor, std::move(job)});
        if (!m->thread.joinable()) {
            m->thread = std::thread([p = m.get()] { p->run(); });
        }
    }
    m->changed.notify_one();
    return Subscription([weak = std::weak_ptr(m), key] {
        if (auto p = weak.lock()) {
            decltype(p->timers)::node_type node; // its job is destroyed outside the lock
            const std::scoped_lock lock(p->mutex);
            node = p->timers.extract(key);
        }
    });
}

struct FakeClock::Private
{
    mutable std::mutex mutex;
    TimeUs now = 0;
    qint64 steady = 0;
    std::map<std::pair<qint64, quint64>, Timer> timers;
    quint64 nextId = 0;
};

FakeClock::FakeClock(TimeUs start)
    : m(std::make_shared<Private>())
{
    m->now = start;
}

FakeClock::~FakeClock() = default;

TimeUs FakeClock::nowUs() const
{
    const std::scoped_lock lock(m->mutex);
    return m->now;
}

qint64 FakeClock::steadyUs() const
{
    const std::scoped_lock lock(m->mutex);
    return m->steady;
}

Subscription FakeClock::after(Milliseconds delay, Executor& executor, Job job)
{
    const std::scoped_lock lock(m->mutex);
    const std::pair<qint64, quint64> key{m->steady + delay.count() * 1000, m->nextId++};
    m->timers.emplace(key, Timer{&executor, std::move(job)});
    return Subscription([weak = std::weak_ptr(m), key] {
        if (auto p = weak.lock()) {
            decltype(p->timers)::node_type node;
            const std::scoped_lock guard(p->mutex);
            node = p->timers.extract(key);
        }
    });
}

void FakeClock::advance(Milliseconds by)
{
    std::vector<Timer> due;
    {
        const std::scoped_lock lock(m->mutex);
        m->now += by.count() * 1000;
        m->steady += by.count() * 1000;
        while (!m->timers.empty() && m->timers.begin()->first.first <= m->steady) {
            due.push_back(std::move(m->timers.extract(m->timers.begin()).mapped()));
        }
    }
    for (auto& timer : due) {
        timer.executor->post(std::move(timer.job));
    }
}

int FakeClock::waiting() const
{
    const std::scoped_lock lock(m->mutex);
    return int(m->timers.size());
}

QString timeText(TimeUs time)
{
    const qint64 seconds = time >= 0 ? time / 1'000'000 : (time - 999'999) / 1'000'000;
    const auto date = QDateTime::fromSecsSinceEpoch(seconds, QTimeZone::UTC);
    return date.toString(QStringLiteral("yyyy-MM-ddTHH:mm:ss"))
        + QStringLiteral(".%1Z").arg(time - seconds * 1'000'000, 6, 10, QLatin1Char('0'));
}

std::optional<TimeUs> timeFromText(const QString& text)
{
    if (text.size() != 27 || text[19] != u'.' || !text.endsWith(u'Z')) {
        return std::nullopt;
    }
    auto date = QDateTime::fromString(text.left(19), QStringLiteral("yyyy-MM-ddTHH:mm:ss"));
    bool ok = false;
    const int micros = QStringView(text).mid(20, 6).toInt(&ok);
    if (!date.isValid() || !ok) {
        return std::nullopt;
    }
    date.setTimeZone(QTimeZone::UTC);
    return date.toSecsSinceEpoch() * 1'000'000 + micros;
}

} // namespace sb
