#include "core/process/Host.h"

#include "core/base/Contracts.h"
#include "core/base/Ids.h"
#include "core/store/Rows.h"

#include <QCryptographicHash>
#include <QJsonDocument>

namespace sb::process {

using protocol::Kind;
using protocol::Outcome;
using protocol::ProcessInfo;
using protocol::ProcessKind;
using protocol::ProcessState;

namespace {

constexpr Milliseconds superviseEvery{5000};
constexpr size_t channelsKept = 1024;
constexpr qsizetype longTextShown = 8000; ///< characters of a longer message that its entry shows
constexpr qsizetype largestInline = 48 * 1024; ///< bytes of JSON in a payload

QString shortTitle(const QString& text)
{
    const QString line = text.trimmed().section(u'\n', 0, 0).simplified();
    return line.size() > 120 ? line.left(119) + u'…' : line; // views elide it to their width
}

template <class T>
Future<T> refuse(ErrorCode code, const QString& message)
{
    return Future<T>::ready(fail(code, message));
}

} // namespace

Host::Host(Parts parts) : m(std::move(parts)) {}

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

// Channels.

QCoro::Task<Result<Channel*>>
Host::channelFor(QString id, QString title, QString origin, QString run)
{
    if (m_leaving) {
        co_return fail(ErrorCode::Unavailable, QStringLiteral("The program is closing."));
    }
    if (const auto found = m_channels.find(id); found != m_channels.end()) {
        found->second->lastUsedUs = m.clock.steadyUs();
        co_return found->second.get();
    }
    if (const auto opening = m_opening.find(id); opening != m_opening.end()) {
        auto future = opening->second.emplace_back().future();
        auto result = co_await cancellable({}, m.executor, std::move(future));
        co_return result;
    }
    m_opening[id];
    auto loading = loadChannel(id, std::move(title), std::move(origin), std::move(run));
    auto loaded = co_await loading;
    auto waiting = std::move(m_opening.extract(id).mapped());
    for (auto& promise : waiting) {
        promise.set(loaded);
    }
    co_return loaded;
}

QCoro::Task<Result<Channel*>>
Host::loadChannel(QString id, QString title, QString origin, QString run)
{
    struct Stored
    {
        std::optional<protocol::ChannelInfo> info;
        std::optional<RunInfo> run;
        History history;
        QList<OpenCall> openCalls;
        QList<Mail> mail;
        QList<ProcessInfo> ended;
        QString lastText;
        bool lastFailed = false;
    };
    auto reading = runOn(m.pool, [this, id]() -> Result<Stored> {
        return m.database.read([&](store::Connection& connection) -> Result<Stored> {
            Stored stored;
            SB_TRY(stored.info, readChannel(connection, id));
            if (!stored.info) {
                return stored;
            }
            SB_TRY(stored.run, readRunOfChannel(connection, id));
            SB_TRY(stored.history, readHistory(connection, id));
            SB_TRY(stored.openCalls, readOpenCalls(connection, id));
            SB_TRY(stored.mail, readMail(connection, id));
            SB_TRY(stored.ended, readEndedProcesses(connection, id, 6));
            SB_TRY(const auto transcript, readTranscript(connection, id, 0, 50));
            for (const auto& item : transcript.items) {
                if (item.kind == protocol::ItemKind::Agent ||
                    item.kind == protocol::ItemKind::Notice) {
                    stored.lastText = item.text;
                    stored.lastFailed = item.kind == protocol::ItemKind::Notice;
                }
            }
            SB_CHECK(fetchParts(stored.history.messages));
            SB_CHECK(fetchParts(stored.mail));
            return stored;
        });
    });
    SB_CO_TRY(Stored stored, co_await cancellable({}, m.executor, std::move(reading)));

    ProcessInfo info;
    info.agent = m.journal.agent();
    info.id = id;
    info.channel = id;
    info.kind = ProcessKind::Channel;
    if (stored.info) {
        title = stored.info->title;
        origin = stored.info->origin;
        run = stored.run ? stored.run->id : QString();
    } else {
        journal::NewEntry started;
        started.kind = Kind::ProcessStarted;
        started.process = id;
        started.payload = {{QStringLiteral("kind"), QStringLiteral("channel")},
                           {QStringLiteral("title"), title},
                           {QStringLiteral("origin"), origin},
                           {QStringLiteral("run"), run}};
        auto writing = m.journal.append(std::move(started));
        SB_CO_TRY(const auto written, co_await cancellable({}, m.executor, std::move(writing)));
        info.startedSeq = written.seq;
    }
    auto channel = std::make_unique<Channel>(*this, std::move(info), std::move(run), title, origin);
    channel->runInfo = stored.run;
    channel->lastUsedUs = m.clock.steadyUs();
    std::ranges::reverse(stored.ended);
    for (const auto& ended : stored.ended) {
        channel->rememberEnded(ended);
    }
    channel->restore(std::move(stored.history), std::move(stored.openCalls));
    channel->restoreEnd(stored.lastText, stored.lastFailed);
    Channel* loaded = channel.get();
    evictIdleChannels();
    m_channels[id] = std::move(channel);
    loaded->m_mail = std::move(stored.mail); // taken with the next delivery, or by recovery
    co_return loaded;
}

void Host::evictIdleChannels()
{
    if (m_channels.size() < channelsKept) {
        return;
    }
    std::vector<std::pair<qint64, QString>> idle;
    for (const auto& [id, channel] : m_channels) {
        const bool hasRun =
            !channel->run().isEmpty() && (!channel->runInfo || channel->runInfo->finishedSeq <= 0);
        if (channel->isIdle() && channel->pins == 0 && !hasRun && processesOf(id).isEmpty()) {
            idle.emplace_back(channel->lastUsedUs, id);
        }
    }
    std::ranges::sort(idle);
    for (size_t i = 0; i < idle.size() / 2; ++i) {
        m_channels.erase(idle[i].second);
    }
}

QCoro::Task<Result<protocol::ChannelInfo>>
Host::openChannelTask(QString id, QString title, QString origin)
{
    if (id.isEmpty()) {
        id = newId(QLatin1StringView("ch"));
    }
    auto opening = channelFor(id, title.isEmpty() ? id : title, origin, {});
    SB_CO_TRY(const Channel* const channel, co_await opening);
    protocol::ChannelInfo info;
    info.agent = m.journal.agent();
    info.id = id;
    info.title = channel->title();
    info.origin = channel->origin();
    info.running = running(id);
    co_return info;
}

QCoro::Task<Result<qint64>> Host::sendTask(protocol::SendMessage message,
                                           QString origin,
                                           std::shared_ptr<Promise<TurnResult>> asker)
{
    auto opening = channelFor(message.channel, shortTitle(message.text), origin, {});
    SB_CO_TRY(Channel* const channel, co_await opening);
    journal::NewEntry received;
    received.kind = Kind::MessageReceived;
    received.process = message.channel;
    received.traceId = channel->m_traceId;
    received.payload = {{QStringLiteral("channel"), message.channel},
                        {QStringLiteral("from"), message.from},
                        {QStringLiteral("text"), message.text}};
    llm::Message spoken;
    spoken.text = message.text;
    auto storing = storable(std::move(spoken), 1);
    SB_CO_TRY(const QJsonObject stored, co_await storing);
    if (stored.contains(QStringLiteral("part"))) {
        received.payload.insert(QStringLiteral("text"),
                                QString(message.text.left(longTextShown) + u'…'));
        received.payload.insert(QStringLiteral("message"), stored);
    }
    if (!message.key.isEmpty()) {
        received.payload.insert(QStringLiteral("key"), message.key);
    }
    ++channel->pins;
    auto writing = receive({}, std::move(received), message.channel);
    auto written = co_await cancellable({}, m.executor, std::move(writing));
    --channel->pins;
    if (!written) {
        co_return std::unexpected(written.error());
    }
    const Received known = *written;
    if (known.isNew) {
        if (asker) {
            m_asking[known.seq] = std::move(asker);
        }
        Mail mail;
        mail.seq = known.seq;
        mail.owner = message.channel;
        mail.kind = QStringLiteral("message");
        mail.message.text = message.text;
        post(std::move(mail));
    } else if (asker) {
        asker->set(
            fail(ErrorCode::Conflict,
                 QStringLiteral("This message was received before, as entry %1.").arg(known.seq)));
    }
    co_return known.seq;
}

Future<Host::Received>
Host::receive(QList<journal::NewEntry> before, journal::NewEntry received, QString owner)
{
    return m.journal.transact(
        [before = std::move(before), received = std::move(received), owner = std::move(owner)](
            journal::Transaction& transaction) mutable -> Result<Received> {
            Received known;
            const QString key = received.payload.value(QStringLiteral("key")).toString();
            if (!key.isEmpty()) {
                store::forEachRow(
                    transaction.connection(),
                    "SELECT seq FROM mailbox WHERE owner = ? AND key = ?",
                    [&](SQLite::Statement& row) { known = {store::integer(row, 0), false}; },
                    owner,
                    key);
                if (!known.isNew) {
                    return known;
                }
            }
            for (auto& entry : before) {
                SB_TRY(const auto written, transaction.append(std::move(entry)));
                received.cause = QString::number(written.seq);
            }
            SB_TRY(const auto entry, transaction.append(std::move(received)));
            known.seq = entry.seq;
            return known;
        });
}

QCoro::Task<Result<protocol::StartRun::Reply>> Host::startRunTask(protocol::StartRun command)
{
    protocol::StartRun::Reply reply;
    reply.run = newId(QLatin1StringView("run"));
    reply.agent = m.journal.agent();
    reply.channel = reply.run;
    auto opening = channelFor(reply.channel,
                              shortTitle(command.task),
                              command.tour ? QStringLiteral("tour") : QStringLiteral("run"),
                              reply.run);
    SB_CO_TRY(Channel* const channel, co_await opening);
    RunInfo info;
    info.id = reply.run;
    info.channel = reply.channel;
    info.task = command.task;
    info.approve = command.approve;
    info.unattended = command.unattended;
    llm::Message spoken;
    spoken.text = command.task;
    auto storing = storable(spoken, 1);
    SB_CO_TRY(const QJsonObject stored, co_await storing);
    const auto started = channel->entry(Kind::RunStarted,
                                        {},
                                        {{QStringLiteral("run"), reply.run},
                                         {QStringLiteral("channel"), reply.channel},
                                         {QStringLiteral("task"), command.task.left(longTextShown)},
                                         {QStringLiteral("approve"), enumName(command.approve)},
                                         {QStringLiteral("unattended"), command.unattended}});
    auto received = channel->entry(Kind::MessageReceived,
                                   {},
                                   {{QStringLiteral("channel"), reply.channel},
                                    {QStringLiteral("from"), QStringLiteral("you")},
                                    {QStringLiteral("text"), command.task.left(longTextShown)},
                                    {QStringLiteral("message"), stored}});
    // In one transaction: a run without its message would be one with nothing to do.
    auto writing = receive({started}, std::move(received), reply.channel);
    SB_CO_TRY(const Received written, co_await cancellable({}, m.executor, std::move(writing)));
    info.startedSeq = written.seq - 1;
    reply.seq = info.startedSeq;
    channel->runInfo = info;
    Mail mail;
    mail.seq = written.seq;
    mail.owner = reply.channel;
    mail.kind = QStringLiteral("message");
    mail.message = std::move(spoken);
    post(std::move(mail));
    co_return reply;
}

void Host::turnEnded(Channel& channel, const QList<qint64>& taken, TurnResult result)
{
    for (const qint64 seq : taken) {
        if (const auto asking = m_asking.extract(seq)) {
            asking.mapped()->set(result);
        }
    }
    channel.lastUsedUs = m.clock.steadyUs();
    activity(channel.info().channel);
    settle(channel.info().channel);
    m.executor.post([this] { checkLeft(); });
}

protocol::ApproveMode Host::approveModeOf(const QString& channel) const
{
    const auto found = m_channels.find(channel);
    // What a run was told holds for that run, not for what is said in its channel afterwards.
    return found != m_channels.end() && found->second->runInfo &&
                   found->second->runInfo->finishedSeq <= 0
               ? found->second->runInfo->approve
               : protocol::ApproveMode::Ask;
}

// Branches, workers, compactors.

Future<QString> Host::spawnWorker(const tools::Context& context, QString task, bool interactive)
{
    return onExecutor<QString>([this, context, task = std::move(task), interactive] {
        return spawnTask(ProcessKind::Worker, context, task, interactive);
    });
}

Future<QString> Host::branch(const tools::Context& context, QString question)
{
    return onExecutor<QString>([this, context, question = std::move(question)] {
        return spawnTask(ProcessKind::Branch, context, question, false);
    });
}

QCoro::Task<Result<QString>>
Host::spawnTask(ProcessKind kind, tools::Context context, QString task, bool interactive)
{
    const QString started =
        QStringLiteral("%1 %2 is at work. Its result will arrive as a message.");
    auto looking = runOn(m.pool, [this, context] {
        return m.database.read([&](store::Connection& connection) {
            return readProcessOfCall(connection, context.process, context.callSeq);
        });
    });
    SB_CO_TRY(const QString existing, co_await cancellable({}, m.executor, std::move(looking)));
    if (!existing.isEmpty()) {
        co_return started.arg(enumName(kind), existing);
    }
    Process* parent = find(context.process);
    if (parent == nullptr || m_leaving) {
        co_return fail(ErrorCode::Unavailable, QStringLiteral("The process that asked is gone."));
    }
    const auto settings = m.settings();
    const auto children = childrenOf(parent->info().channel);
    const bool isWorker = kind == ProcessKind::Worker;
    const int limit = isWorker ? settings.workersPerChannel : settings.branchesPerChannel;
    if ((isWorker ? children.workers : children.branches) >= limit) {
        co_return fail(
            ErrorCode::Conflict,
            QStringLiteral("There are %1 at work already, which is the limit; wait for one to end.")
                .arg(limit));
    }

    ProcessInfo info;
    info.agent = m.journal.agent();
    info.id = newId(QLatin1StringView(isWorker ? "wrk" : "brn"));
    info.kind = kind;
    info.parent = parent->info().id;
    info.channel = parent->info().channel;
    info.task = task;
    llm::Message first;
    first.role = llm::Role::User;
    first.text = task;

    // A branch sees what its channel saw before the answer that called for it.
    QList<Remembered> inherited;
    qint64 forkThrough = 0;
    if (!isWorker) {
        inherited = parent->history();
        while (!inherited.isEmpty() && inherited.last().message.role == llm::Role::Tool) {
            inherited.removeLast();
        }
        if (!inherited.isEmpty() && inherited.last().message.role == llm::Role::Assistant &&
            !inherited.last().message.toolCalls.isEmpty()) {
            inherited.removeLast();
        }
        forkThrough = inherited.isEmpty() ? 0 : inherited.last().seq;
    }
    const QString traceId = parent->m_traceId;
    const QString summary = isWorker ? QString() : parent->m_summary;
    const QString run = parent->run();
    std::unique_ptr<Delegate> process;
    if (isWorker) {
        process = std::make_unique<Worker>(*this, info, run, interactive);
    } else {
        process = std::make_unique<Branch>(*this, info, run, interactive);
    }
    process->inherit(traceId, std::move(inherited), summary);
    auto storing = storable(first, 2);
    SB_CO_TRY(const QJsonObject firstStored, co_await storing);
    auto writing =
        m.journal.append(process->entry(Kind::ProcessStarted,
                                        QString::number(context.callSeq),
                                        {{QStringLiteral("kind"), enumName(kind)},
                                         {QStringLiteral("parent"), info.parent},
                                         {QStringLiteral("channel"), info.channel},
                                         {QStringLiteral("run"), run},
                                         {QStringLiteral("task"), task},
                                         {QStringLiteral("call_seq"), context.callSeq},
                                         {QStringLiteral("interactive"), interactive},
                                         {QStringLiteral("fork_through"), forkThrough},
                                         {QStringLiteral("messages"), QJsonArray{firstStored}}}));
    SB_CO_TRY(const auto written, co_await cancellable({}, m.executor, std::move(writing)));
    process->m_info.startedAt = written.time;
    process->m_info.startedSeq = written.seq;
    process->m_history.append({written.seq, std::move(first)});
    const QString id = info.id;
    const QString parentId = info.parent;
    auto& child = start(std::move(process));
    if (const Process* still = find(parentId);
        still == nullptr || still->m_stopReason == StopReason::Cancelled) {
        child.stop(StopReason::Cancelled, QStringLiteral("what started it"));
    }
    co_return started.arg(enumName(kind), id);
}

void Host::startCompactor(Process& target)
{
    ProcessInfo info;
    info.agent = m.journal.agent();
    info.id = newId(QLatin1StringView("cmp"));
    info.kind = ProcessKind::Compactor;
    info.parent = target.info().id;
    info.channel = target.info().channel;
    info.task = QStringLiteral("Summarise the oldest part of %1").arg(target.info().id);
    info.startedAt = m.clock.nowUs();
    auto compactor = std::make_unique<Compactor>(*this, info, target.run(), target.info().id);
    (void)m.journal.append(compactor->entry(Kind::ProcessStarted,
                                            {},
                                            {{QStringLiteral("kind"), enumName(info.kind)},
                                             {QStringLiteral("parent"), info.parent},
                                             {QStringLiteral("channel"), info.channel},
                                             {QStringLiteral("run"), target.run()},
                                             {QStringLiteral("task"), info.task}}));
    start(std::move(compactor));
}

Future<QString> Host::route(const tools::Context& context, QString worker, QString message)
{
    return onExecutor<QString>(
        [this, context, worker = std::move(worker), message = std::move(message)] {
            return routeTask(context, worker, message);
        });
}

QCoro::Task<Result<QString>>
Host::routeTask(tools::Context context, QString worker, QString message)
{
    const Process* asker = find(context.process);
    const Process* target = find(worker);
    if (asker == nullptr || target == nullptr || target->info().kind != ProcessKind::Worker ||
        target->info().channel != asker->info().channel) {
        co_return fail(
            ErrorCode::NotFound,
            QStringLiteral("No worker %1 is at work here; spawn a new one.").arg(worker));
    }
    journal::NewEntry routed;
    routed.kind = Kind::MessageReceived;
    routed.process = worker;
    routed.cause = QString::number(context.callSeq);
    routed.payload = {{QStringLiteral("owner"), worker},
                      {QStringLiteral("channel"), QString()},
                      {QStringLiteral("from"), context.process},
                      {QStringLiteral("key"), QStringLiteral("call:%1").arg(context.callSeq)},
                      {QStringLiteral("text"), message}};
    llm::Message spoken;
    spoken.text = message;
    auto storing = storable(spoken, 2);
    SB_CO_TRY(const QJsonObject stored, co_await storing);
    routed.payload.insert(QStringLiteral("message"), stored);
    auto writing = receive({}, std::move(routed), worker);
    SB_CO_TRY(const Received written, co_await cancellable({}, m.executor, std::move(writing)));
    if (written.isNew) {
        Mail mail;
        mail.seq = written.seq;
        mail.owner = worker;
        mail.kind = QStringLiteral("message");
        mail.message = std::move(spoken);
        post(std::move(mail));
    }
    co_return QStringLiteral("%1 will read it before its next step.").arg(worker);
}

Future<QString> Host::cancelByTool(const tools::Context& context, QString id)
{
    Promise<QString> promise;
    auto future = promise.future();
    m.executor.post([this, context, id, promise = std::move(promise)]() mutable {
        const Process* asker = find(context.process);
        const Process* target = find(id);
        if (asker == nullptr || target == nullptr || target->info().kind == ProcessKind::Channel ||
            target->info().channel != asker->info().channel) {
            promise.set(fail(ErrorCode::NotFound,
                             QStringLiteral("Nothing with the id %1 is at work here.").arg(id)));
            return;
        }
        cancel(id, QStringLiteral("its channel"))
            .then([promise = std::move(promise), id](Result<> done) {
                promise.set(done ? Result<QString>(QStringLiteral("%1 is being stopped.").arg(id))
                                 : std::unexpected(done.error()));
            });
    });
    return future;
}

Future<QString> Host::recall(const tools::Context& context, QString words)
{
    Promise<QString> promise;
    auto future = promise.future();
    m.executor.post([this, context, words, promise = std::move(promise)]() mutable {
        const Process* asker = find(context.process);
        if (asker == nullptr) {
            promise.set(
                fail(ErrorCode::NotFound, QStringLiteral("The process that asked is gone.")));
            return;
        }
        m.pool.post([this, channel = asker->info().channel, words, promise = std::move(promise)] {
            const auto found = m.database.read([&](store::Connection& connection) {
                return searchChannel(connection, channel, words, 20);
            });
            if (!found) {
                promise.set(std::unexpected(found.error()));
            } else {
                promise.set(found->isEmpty()
                                ? QStringLiteral("No earlier message holds these words.")
                                : found->join(u'\n'));
            }
        });
    });
    return future;
}

void Host::ended(const QString& id, std::optional<Mail> mailForOwner)
{
    Process* process = find(id);
    SB_ASSERT(process != nullptr);
    const ProcessInfo info = process->info();
    if (const auto channel = m_channels.find(info.channel);
        channel != m_channels.end() && mailForOwner && info.kind != ProcessKind::Compactor) {
        channel->second->rememberEnded(info);
    }
    // Its own frame still stands here: it is taken down in a job of its own.
    m.executor.post([this, id, info, mail = std::move(mailForOwner)]() mutable {
        // Results that came for it while it ended are its channel's to hear.
        for (Mail& left : std::exchange(m_processes.at(id)->m_mail, {})) {
            if (left.kind == u"result" && !m_leaving) {
                left.owner = info.channel;
                post(std::move(left));
            }
        }
        m_tasks.erase(id);
        m_processes.erase(id);
        if (mail) {
            post(std::move(*mail));
        }
        // One that waits only for others must look again.
        if (auto* owner = find(info.parent);
            owner != nullptr && owner->info().kind == ProcessKind::Branch) {
            static_cast<Delegate*>(owner)->nudge();
        }
        activity(info.channel);
        settle(info.channel);
        checkLeft();
    });
}

QString Host::ownerOf(const ProcessInfo& info) const
{
    return m_processes.contains(info.parent) ? info.parent : info.channel;
}

void Host::post(Mail mail)
{
    if (Process* owner = find(mail.owner); owner != nullptr && !m_leaving) {
        if (const auto channel = m_channels.find(mail.owner); channel != m_channels.end()) {
            channel->second->parked = false;
        }
        owner->deliver(std::move(mail));
    }
    // Otherwise it stays in the mailbox table, and is read from there when its owner is next
    // opened.
}

Process* Host::find(const QString& id) const
{
    if (const auto found = m_processes.find(id); found != m_processes.end()) {
        return found->second.get();
    }
    const auto channel = m_channels.find(id);
    return channel != m_channels.end() ? channel->second.get() : nullptr;
}

Host::Children Host::childrenOf(const QString& channel) const
{
    Children children;
    for (const auto& [id, process] : m_processes) {
        if (process->info().channel == channel) {
            children.branches += process->info().kind == ProcessKind::Branch ? 1 : 0;
            children.workers += process->info().kind == ProcessKind::Worker ? 1 : 0;
        }
    }
    return children;
}

bool Host::hasChildren(const QString& owner) const
{
    return std::ranges::any_of(m_processes, [&](const auto& item) {
        return item.second->info().parent == owner &&
               item.second->info().kind == ProcessKind::Worker;
    });
}

QList<const Process*> Host::processesOf(const QString& channel) const
{
    QList<const Process*> all;
    for (const auto& [id, process] : m_processes) {
        if (process->info().channel == channel && process->info().kind != ProcessKind::Compactor) {
            all.append(process.get());
        }
    }
    std::ranges::sort(all, {}, [](const Process* process) { return process->info().startedSeq; });
    return all;
}

void Host::activity(const QString& channel)
{
    const auto found = m_channels.find(channel);
    const int turning = found != m_channels.end() && found->second->isTurning() ? 1 : 0;
    const int count = turning + int(processesOf(channel).size());
    m_running.withLock([&](QHash<QString, int>& running) {
        if (count > 0) {
            running[channel] = count;
        } else {
            running.remove(channel);
        }
    });
    m.observer.channelActivity(channel, count);
    if (turning != 0) {
        watch();
    }
}

void Host::waitingChanged(const QString& channel, bool waiting)
{
    if (const auto found = m_channels.find(channel); found != m_channels.end() && !waiting) {
        found->second->parked = false; // the next question is to be told of again
    }
    settle(channel);
}

Future<> Host::pause()
{
    Promise<> promise;
    auto future = promise.future();
    std::erase_if(m_pauses, [](const Subscription& one) { return !one; });
    if (!m_leaving) {
        m_pauses.push_back(m.clock.after(
            Milliseconds(5000), m.executor, [promise = std::move(promise)] { promise.set({}); }));
    }
    return future;
}

// Runs.

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

// Recovery.

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
    start(std::move(process));
    co_return {};
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

QCoro::Task<Result<QJsonObject>> Host::storable(llm::Message message, qsizetype share)
{
    QJsonObject json = llm::toJson(message);
    QByteArray bytes = QJsonDocument(json).toJson(QJsonDocument::Compact);
    if (bytes.size() <= largestInline / std::max<qsizetype>(share, 1)) {
        co_return json;
    }
    bytes = QJsonDocument(m.journal.redacted(json)).toJson(QJsonDocument::Compact);
    auto storing = m.journal.storePart(std::move(bytes));
    SB_CO_TRY(const QString hash, co_await cancellable({}, m.executor, std::move(storing)));
    co_return QJsonObject{{QStringLiteral("role"), json.value(QStringLiteral("role"))},
                          {QStringLiteral("part"), hash}};
}

namespace {

template <class T>
Result<> fetchPartsOf(QList<T>& messages, journal::Journal& journal)
{
    for (T& one : messages) {
        if (!one.part.isEmpty()) {
            const auto bytes = journal.part(one.part);
            if (!bytes && bytes.error().code == ErrorCode::NotFound) {
                one.message.text = QStringLiteral("(erased)");
                continue;
            }
            if (!bytes) {
                return std::unexpected(bytes.error());
            }
            SB_TRY(one.message, llm::messageFromJson(QJsonDocument::fromJson(*bytes).object()));
        }
    }
    return {};
}

} // namespace

Result<> Host::fetchParts(QList<Remembered>& messages)
{
    return fetchPartsOf(messages, m.journal);
}

Result<> Host::fetchParts(QList<Mail>& mail)
{
    return fetchPartsOf(mail, m.journal);
}

QCoro::Task<Result<QString>> Host::toolsPart(ProcessKind kind, QList<llm::ToolSpec> tools)
{
    // A kind's tools are the same as long as the program runs, and writing them takes longer than
    // all the rest of a request.
    if (const auto found = m_toolParts.constFind(kind); found != m_toolParts.constEnd()) {
        co_return *found;
    }
    QJsonArray json;
    for (const auto& tool : tools) {
        json.append(QJsonObject{{QStringLiteral("name"), tool.name},
                                {QStringLiteral("description"), tool.description},
                                {QStringLiteral("schema"), tool.schema}});
    }
    SB_CO_TRY(const QString hash,
              co_await part(QJsonDocument(json).toJson(QJsonDocument::Compact)));
    m_toolParts.insert(kind, hash);
    co_return hash;
}

QCoro::Task<Result<QString>> Host::part(QByteArray bytes)
{
    // What an owner wrote into instructions is no more to be kept than any other secret.
    const QString field = QStringLiteral("text");
    bytes =
        m.journal.redacted({{field, QString::fromUtf8(bytes)}}).value(field).toString().toUtf8();
    const QByteArray key = QCryptographicHash::hash(bytes, QCryptographicHash::Sha256);
    if (const auto found = m_parts.constFind(key); found != m_parts.constEnd()) {
        co_return *found;
    }
    auto storing = m.journal.storePart(std::move(bytes));
    SB_CO_TRY(const QString hash, co_await cancellable({}, m.executor, std::move(storing)));
    m_parts.insert(key, hash);
    co_return hash;
}

} // namespace sb::process
