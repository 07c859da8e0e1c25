#include "core/process/Host.h"

namespace sb::process {

using protocol::Kind;
using protocol::Outcome;

void Host::settle(const QString& id)
{
    // In a job of its own, so that what is just changing has changed.
    m.executor.post([this, id] {
        const auto found = m_channels.find(id);
        Channel* channel = found != m_channels.end() ? found->second.get() : nullptr;
        const auto alive = processesOf(id);
        const bool idle = (channel == nullptr || channel->isIdle()) && alive.isEmpty();
        const bool waits =
            channel != nullptr &&
            (channel->isWaitingForApproval() || (channel->isIdle() && !alive.isEmpty())) &&
            std::ranges::all_of(alive, [&](const Process* process) {
                return process->isWaitingForApproval() || hasChildren(process->info().id);
            });
        if (m_leaving || (!idle && !waits)) {
            return;
        }
        if (channel != nullptr && channel->runInfo && channel->runInfo->finishedSeq == 0) {
            if (idle && channel->runInfo->finishedSeq == 0) {
                channel->runInfo->finishedSeq = -1; // being written
                const auto outcome =
                    !channel->runCancelledBy.isEmpty() || channel->lastTurnCancelled()
                        ? Outcome::Cancelled
                    : channel->lastTurnFailed() ? Outcome::Failed
                                                : Outcome::Succeeded;
                ++m_busy;
                m_tasks.insert_or_assign(
                    id + u"/finish",
                    answer<void>(finishRun(channel, outcome, channel->lastText()), Promise<>()));
            } else if (waits && channel->runInfo->unattended && !channel->parked) {
                channel->parked = true;
                ++m_busy;
                m_tasks.insert_or_assign(
                    id + u"/finish",
                    answer<void>(
                        finishRun(
                            channel,
                            Outcome::WaitingApproval,
                            QStringLiteral(
                                "It waits for a person's word: signalbox-node approvals list")),
                        Promise<>()));
            }
        }
        for (auto it = m_waiters.begin(); it != m_waiters.end();) {
            if (it->first == id) {
                it->second.set({});
                it = m_waiters.erase(it);
            } else {
                ++it;
            }
        }
    });
}

QCoro::Task<Result<>> Host::finishRun(Channel* channel, Outcome outcome, QString text)
{
    const QString cause =
        QString::number(channel->history().isEmpty() ? channel->runInfo->startedSeq
                                                     : channel->history().last().seq);
    if (outcome == Outcome::Cancelled && !channel->mail().isEmpty()) {
        // Results that came in after the end: read by nobody, and not to be read at the next start.
        QJsonArray takes;
        for (const auto& mail : channel->mail()) {
            takes.append(mail.seq);
        }
        channel->dropMail();
        (void)m.journal.append(channel->entry(Kind::TurnStarted,
                                              cause,
                                              {{QStringLiteral("takes"), takes},
                                               {QStringLiteral("messages"), QJsonArray()},
                                               {QStringLiteral("turn_open"), false}}));
    }
    if (outcome == Outcome::Succeeded) {
        // What was asked for is the work, not the words about it: where the last worker failed and
        // none made up for it, the run has failed.
        auto reading = runOn(m.pool, [this, id = channel->info().id] {
            return m.database.read([&](store::Connection& connection) {
                return readEndedProcesses(connection, id, 100);
            });
        });
        SB_CO_TRY(const auto ended, co_await cancellable({}, m.executor, std::move(reading)));
        const auto last =
            std::ranges::find(ended, protocol::ProcessKind::Worker, &protocol::ProcessInfo::kind);
        if (last != ended.end() && last->state != protocol::ProcessState::Succeeded) {
            outcome = Outcome::Failed;
        }
    }
    auto writing = m.journal.append(channel->entry(Kind::RunFinished,
                                                   cause,
                                                   {{QStringLiteral("run"), channel->runInfo->id},
                                                    {QStringLiteral("channel"), channel->info().id},
                                                    {QStringLiteral("outcome"), enumName(outcome)},
                                                    {QStringLiteral("text"), text}}));
    auto written = co_await cancellable({}, m.executor, std::move(writing));
    if (!written) {
        // Nobody may wait for ever for an end that could not be written: it is tried again.
        auto waiting = pause();
        (void)co_await cancellable({}, m.executor, std::move(waiting));
        channel->runInfo->finishedSeq = 0;
        channel->parked = false;
        settle(channel->info().id);
        co_return std::unexpected(written.error());
    }
    if (outcome != Outcome::WaitingApproval) {
        channel->runInfo->finishedSeq = written->seq;
    }
    co_return {};
}

} // namespace sb::process
