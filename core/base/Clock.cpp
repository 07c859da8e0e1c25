#include "core/base/Clock.h"

#include <condition_variable>
#include <cstdio>
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
            // Posted under the lock: whoever cancels a timer knows afterwards that it is not on its
            // way.
            node.mapped().executor->post(std::move(node.mapped().job));
        }
    }
};

SystemClock::SystemClock() : m(std::make_shared<Private>()) {}

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

FakeClock::FakeClock(TimeUs start) : m(std::make_shared<Private>())
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

// By hand, because QDateTime asks for the local time zone's file at every parse (20 times slower),
// and takes times that the local summer time skips for invalid although they are UTC.
QString timeText(TimeUs time)
{
    using namespace std::chrono;
    const sys_time<microseconds> point{microseconds(time)};
    const auto day = floor<days>(point);
    const year_month_day date{day};
    const hh_mm_ss clock{point - day};
    char text[48];
    const int size = std::snprintf(text,
                                   sizeof text,
                                   "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ",
                                   int(date.year()),
                                   unsigned(date.month()),
                                   unsigned(date.day()),
                                   int(clock.hours().count()),
                                   int(clock.minutes().count()),
                                   int(clock.seconds().count()),
                                   int(clock.subseconds().count()));
    return QString::fromLatin1(text, size);
}

std::optional<TimeUs> timeFromText(const QString& text)
{
    using namespace std::chrono;
    static constexpr QStringView shape = u"dddd-dd-ddTdd:dd:dd.ddddddZ";
    if (text.size() != shape.size()) {
        return std::nullopt;
    }
    for (qsizetype i = 0; i < shape.size(); ++i) {
        const bool fits =
            shape[i] == u'd' ? text[i] >= u'0' && text[i] <= u'9' : text[i] == shape[i];
        if (!fits) {
            return std::nullopt;
        }
    }
    const auto number = [&](qsizetype from, qsizetype count) {
        return QStringView(text).mid(from, count).toInt();
    };
    const year_month_day date{
        year(number(0, 4)), month(unsigned(number(5, 2))), day(unsigned(number(8, 2)))};
    if (!date.ok() || number(11, 2) > 23 || number(14, 2) > 59 || number(17, 2) > 59) {
        return std::nullopt;
    }
    const auto point = sys_days(date) + hours(number(11, 2)) + minutes(number(14, 2)) +
                       seconds(number(17, 2)) + microseconds(number(20, 6));
    return TimeUs(microseconds(point.time_since_epoch()).count());
}

} // namespace sb
