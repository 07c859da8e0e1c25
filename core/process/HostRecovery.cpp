#include "core/process/Host.h"

namespace sb::process {

using protocol::Kind;
using protocol::ProcessInfo;
using protocol::ProcessKind;

QCoro::Task<Result<>> Host::recoverTask(QString only)
{
    if (m_isRecovering) {
        auto turn = m_recoveriesWaiting.emplace_back().future();
        SB_CO_CHECK(co_await cancellable({}, m.executor, std::move(turn)));
    }
    m_isRecovering = true;
    QStringList channels{only};
    Result<> result;
    if (only.isEmpty()) {
        auto reading = runOn(m.pool, [this] {
            return m.database.read(
                [](store::Connection& connection) { return readUnfinishedChannels(connection); });
        });
        auto unfinished = co_await cancellable({}, m.executor, std::move(reading));
        if (unfinished) {
            channels = *unfinished;
        } else {
            channels.clear();
            result = std::unexpected(unfinished.error());
        }
    }
    for (const QString& id : channels) {
        if (m_leaving) {
            break;
        }
        auto recovering = recoverChannel(id);
        auto recovered = co_await recovering;
        if (!recovered && !m_leaving) {
            // One that cannot be taken up keeps none of the others from it.
            result = recovered;
            journal::NewEntry incident;
            incident.kind = Kind::Incident;
            incident.process = id;
            incident.payload = {{QStringLiteral("channel"), id},
                                {QStringLiteral("message"),
                                 QStringLiteral("It could not be taken up again: %1")
                                     .arg(recovered.error().message)},
                                {QStringLiteral("code"), errorCodeName(recovered.error().code)}};
            (void)m.journal.append(std::move(incident));
        }
    }
    m_isRecovering = false;
    if (!m_recoveriesWaiting.empty()) {
        m_isRecovering = true; // handed on, so that nobody slips in between
        auto next = std::move(m_recoveriesWaiting.front());
        m_recoveriesWaiting.pop_front();
        next.set({});
    }
    if (only.isEmpty()) {
        m_cortex.wake();
    }
    co_return result;
}

QCoro::Task<Result<>> Host::recoverChannel(QString id)
{
    const bool wasLoaded = m_channels.contains(id);
    struct Stored
    {
        bool turnOpen = false;
        QList<ProcessInfo> open;
    };
    auto reading = runOn(m.pool, [this, id] {
        return m.database.read([&](store::Connection& connection) -> Result<Stored> {
            Stored stored;
            SB_TRY(stored.turnOpen, readTurnOpen(connection, id));
            SB_TRY(stored.open, readOpenProcesses(connection, id));
            return stored;
        });
    });
    SB_CO_TRY(const Stored stored, co_await cancellable({}, m.executor, std::move(reading)));
    auto opening = channelFor(id, id, QStringLiteral("recovered"), {});
    SB_CO_TRY(Channel* const channel, co_await opening);
    ++channel->pins;
    Result<> result;
    // Parents come before their children: they were started first.
    for (const auto& info : stored.open) {
        if (result && find(info.id) == nullptr) {
            auto recovering = recoverProcess(info, channel->run());
            result = co_await recovering;
        }
    }
    --channel->pins;
    if (channel->runInfo && channel->runInfo->finishedSeq == 0) {
        channel->runInfo->unattended =
            true; // whoever had started it sits at no terminal of this program's
    }
    if (stored.turnOpen && !wasLoaded) {
        channel->resumeTurn();
    } else {
        channel->pump();
    }
    settle(id);
    co_return result;
}

QCoro::Task<Result<>> Host::recoverProcess(ProcessInfo info, QString run)
{
    info.agent = m.journal.agent();
    journal::NewEntry note;
    note.process = info.id;
    note.cause = QString::number(info.startedSeq);
    if (info.kind == ProcessKind::Compactor) {
        // Summaries are made again when they are needed.
        note.kind = Kind::ProcessEnded;
        note.payload = {{QStringLiteral("kind"), enumName(info.kind)},
                        {QStringLiteral("state"), QStringLiteral("interrupted")},
                        {QStringLiteral("result"), QStringLiteral("The program stopped.")}};
        auto writing = m.journal.append(std::move(note));
        SB_CO_CHECK(co_await cancellable({}, m.executor, std::move(writing)));
        co_return {};
    }
    struct Stored
    {
        History history;
        QList<OpenCall> openCalls;
        QList<Mail> mail;
        QList<taint::Source> taskSources;
        bool interactive = false;
        bool hasEnded = false;
    };
    auto reading = runOn(m.pool, [this, id = info.id] {
        return m.database.read([&](store::Connection& connection) -> Result<Stored> {
            Stored stored;
            SB_TRY(const auto now, readProcess(connection, id));
            stored.hasEnded = !now || now->endedAt != 0;
            SB_TRY(stored.history, readHistory(connection, id));
            SB_TRY(stored.openCalls, readOpenCalls(connection, id));
            SB_TRY(stored.mail, readMail(connection, id));
            SB_TRY(stored.interactive, readInteractive(connection, id));
            SB_TRY(stored.taskSources, readTaskSources(connection, id));
            SB_CHECK(fetchParts(stored.history.messages));
            SB_CHECK(fetchParts(stored.mail));
            return stored;
        });
    });
    SB_CO_TRY(Stored stored, co_await cancellable({}, m.executor, std::move(reading)));
    if (stored.hasEnded) {
        co_return {}; // it ended by itself meanwhile
    }
    note.kind = Kind::ProcessStatus;
    note.payload = {{QStringLiteral("status"), QStringLiteral("interrupted; goes on where it was")},
                    {QStringLiteral("state"), QStringLiteral("interrupted")}};
    auto writing = m.journal.append(std::move(note));
    SB_CO_CHECK(co_await cancellable({}, m.executor, std::move(writing)));
    std::unique_ptr<Delegate> process;
    if (info.kind == ProcessKind::Worker) {
        process = std::make_unique<Worker>(*this, info, std::move(run), stored.interactive);
    } else {
        process = std::make_unique<Branch>(*this, info, std::move(run), stored.interactive);
    }
    process->restore(std::move(stored.history), std::move(stored.openCalls));
    process->m_mail = std::move(stored.mail);
    process->m_taskSources = std::move(stored.taskSources);
    start(std::move(process));
    co_return {};
}

} // namespace sb::process
