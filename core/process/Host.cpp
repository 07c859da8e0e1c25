#include "core/process/Host.h"

#include "core/base/Contracts.h"

namespace sb::process {

using protocol::ProcessKind;

namespace {

constexpr Milliseconds superviseEvery{5000};

} // namespace

Host::Host(Parts parts) : m(std::move(parts)), m_cortex(*this)
{
    m_cortex.begin();
}

Host::~Host()
{
    SB_ASSERT(m_processes.empty() && m_busy == 0);
}

// What others ask for: each is a coroutine on the agent's executor.

Future<protocol::ChannelInfo> Host::openChannel(QString id, QString title, QString origin)
{
    return onExecutor<protocol::ChannelInfo>(
        [this, id = std::move(id), title = std::move(title), origin = std::move(origin)] {
            return openChannelTask(id, title, origin);
        });
}

Future<qint64> Host::send(protocol::SendMessage message, QString origin)
{
    return onExecutor<qint64>([this, message = std::move(message), origin = std::move(origin)] {
        return sendTask(message, origin, nullptr);
    });
}

Future<TurnResult> Host::ask(protocol::SendMessage message, QString origin)
{
    auto asker = std::make_shared<Promise<TurnResult>>();
    auto answer = asker->future();
    auto sent =
        onExecutor<qint64>([this, message = std::move(message), origin = std::move(origin), asker] {
            return sendTask(message, origin, asker);
        });
    std::move(sent).then([asker](Result<qint64> result) {
        if (!result) {
            asker->set(std::unexpected(result.error()));
        }
    });
    return answer;
}

Future<protocol::StartRun::Reply> Host::startRun(protocol::StartRun command)
{
    return onExecutor<protocol::StartRun::Reply>(
        [this, command = std::move(command)] { return startRunTask(command); });
}

Future<> Host::recover(QString channel)
{
    return onExecutor<void>([this, channel = std::move(channel)] { return recoverTask(channel); });
}

Future<> Host::cancel(QString process, QString by)
{
    Promise<> promise;
    auto future = promise.future();
    m.executor.post(
        [this, process = std::move(process), by = std::move(by), promise = std::move(promise)] {
            Process* found = find(process);
            if (found == nullptr) {
                promise.set(fail(ErrorCode::NotFound,
                                 QStringLiteral("%1 is not running (any more).").arg(process)));
                return;
            }
            if (const auto channel = m_channels.find(process);
                channel != m_channels.end() && channel->second->runInfo &&
                channel->second->runInfo->finishedSeq == 0) {
                channel->second->runCancelledBy = by; // no result of what is stopped opens a turn
            }
            // What it started goes first, so that no result of it comes back to somebody who is
            // gone.
            for (const auto& [id, other] : m_processes) {
                const bool below = other->info().parent == process ||
                                   (found->info().kind == ProcessKind::Channel &&
                                    other->info().channel == process);
                if (below && other->info().kind != ProcessKind::Compactor) {
                    other->stop(StopReason::Cancelled, by);
                }
            }
            found->stop(StopReason::Cancelled, by);
            settle(process);
            promise.set({});
        });
    return future;
}

Future<> Host::leave()
{
    Promise<> promise;
    auto future = promise.future();
    m.executor.post([this, promise = std::move(promise)]() mutable {
        m_leaving = true;
        m_left = std::move(promise);
        m_cortex.leave();
        m_timer.reset();
        m_pauses.clear();
        for (auto& waiting : std::exchange(m_recoveriesWaiting, {})) {
            waiting.set(fail(ErrorCode::Cancelled, QStringLiteral("The program is closing.")));
        }
        for (const auto& [id, channel] : m_channels) {
            channel->stop(StopReason::Leaving, {});
        }
        for (const auto& [id, process] : m_processes) {
            process->stop(StopReason::Leaving, {});
        }
        checkLeft();
    });
    return future;
}

Future<> Host::settledDown(QString channel)
{
    Promise<> promise;
    auto future = promise.future();
    m.executor.post([this, channel = std::move(channel), promise = std::move(promise)]() mutable {
        m_waiters.emplace_back(channel, std::move(promise));
        settle(channel);
    });
    return future;
}

int Host::running(const QString& channel) const
{
    return m_running.withLock([&](const QHash<QString, int>& running) {
        if (!channel.isEmpty()) {
            return running.value(channel);
        }
        int sum = 0;
        for (const int count : running) {
            sum += count;
        }
        return sum;
    });
}

// Supervision and leaving.

void Host::watch()
{
    if (m_watching || m_leaving) {
        return;
    }
    m_watching = true;
    m_timer = m.clock.after(superviseEvery, m.executor, [this] {
        m_watching = false;
        supervise();
    });
}

void Host::supervise()
{
    const qint64 now = m.clock.steadyUs();
    bool any = false;
    const auto look = [&](Process& process) {
        any = true;
        const qint64 deadline = process.deadlineUs();
        if (deadline > 0 && now > deadline) {
            if (process.stopReason() == StopReason::None) {
                m_cortex.tellStall(process);
            }
            process.stop(StopReason::Stalled, QStringLiteral("the supervisor"));
        }
    };
    for (const auto& [id, process] : m_processes) {
        look(*process);
    }
    for (const auto& [id, channel] : m_channels) {
        if (channel->isTurning()) {
            look(*channel);
        }
    }
    if (any) {
        watch();
    }
}

void Host::checkLeft()
{
    if (!m_left || m_busy > 0 || !m_processes.empty()) {
        return;
    }
    for (const auto& [id, channel] : m_channels) {
        if (channel->isTurning()) {
            return;
        }
    }
    m_channels.clear();
    auto left = std::exchange(m_left, std::nullopt);
    left->set({});
}

} // namespace sb::process
