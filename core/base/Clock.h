#pragma once
#include "core/base/Executor.h"
#include "core/base/Subscription.h"

#include <QDateTime>
#include <chrono>
#include <memory>

namespace sb {

using Milliseconds = std::chrono::milliseconds;
/// Wall-clock time in microseconds since 1970, UTC: what the journal stores.
using TimeUs = qint64;

/// Where time comes from, so that tests can turn the hands.
class Clock
{
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual TimeUs nowUs() const = 0;
    /// Microseconds that never run backwards; for durations and deadlines inside one process.
    [[nodiscard]] virtual qint64 steadyUs() const = 0;
    /// Runs the job on the executor once the time has passed, unless the subscription ended first.
    virtual Subscription after(Milliseconds delay, Executor& executor, Job job) = 0;
};

/// The machine's clock, with one thread that sleeps until the next timer is due.
class SystemClock final : public Clock
{
public:
    SystemClock();
    ~SystemClock() override;
    [[nodiscard]] TimeUs nowUs() const override;
    [[nodiscard]] qint64 steadyUs() const override;
    Subscription after(Milliseconds delay, Executor& executor, Job job) override;

private:
    struct Private;
    std::shared_ptr<Private> m;
};

/// A clock that stands still until it is told to move; timers that come due are posted in order.
class FakeClock final : public Clock
{
public:
    explicit FakeClock(TimeUs start = 1'800'000'000'000'000);
    ~FakeClock() override;
    [[nodiscard]] TimeUs nowUs() const override;
    [[nodiscard]] qint64 steadyUs() const override;
    Subscription after(Milliseconds delay, Executor& executor, Job job) override;
    void advance(Milliseconds by);
    /// How many timers wait; a test can wait for one to be set before it moves the hands.
    [[nodiscard]] int waiting() const;

private:
    struct Private;
    std::shared_ptr<Private> m;
};

/// RFC 3339 in UTC with microseconds: 2026-11-20T08:40:00.123456Z.
QString timeText(TimeUs time);
/// The inverse of timeText; nothing when the text is no such time.
std::optional<TimeUs> timeFromText(const QString& text);

} // namespace sb
