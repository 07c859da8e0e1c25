#include "core/process/Host.h"

#include "core/base/Defence.h"
#include "core/base/Ids.h"
#include "core/store/Rows.h"

namespace sb::process {

using protocol::Kind;
using protocol::ProcessInfo;
using protocol::ProcessKind;

namespace {

constexpr qsizetype mostReadAgain = 12'000;   ///< characters of an answer
constexpr qsizetype longestReadAgain = 4'000; ///< of one message in it

} // namespace

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
    const auto summarySources = isWorker ? QList<taint::Source>() : parent->m_summarySources;
    auto checkpoints = isWorker ? QList<Checkpoint>() : parent->m_checkpoints;
    if (defended("taint.tasks")) {
        auto carrying =
            runOn(m.pool, [read = parent->read(), task]() -> Result<QList<taint::Source>> {
                return read.carriedBy(task);
            });
        SB_CO_TRY(auto carried, co_await cancellable({}, m.executor, std::move(carrying)));
        first.sources = taint::passedOn(
            std::move(carried), info.parent, QStringLiteral("the task of %1").arg(info.id));
    }
    const QString run = parent->run();
    std::unique_ptr<Delegate> process;
    if (isWorker) {
        process = std::make_unique<Worker>(*this, info, run, interactive);
    } else {
        process = std::make_unique<Branch>(*this, info, run, interactive);
    }
    process->inherit(
        traceId, std::move(inherited), summary, summarySources, std::move(checkpoints));
    auto storing = storable(first, 2);
    SB_CO_TRY(const QJsonObject firstStored, co_await storing);
    QJsonObject payload{{QStringLiteral("kind"), enumName(kind)},
                        {QStringLiteral("parent"), info.parent},
                        {QStringLiteral("channel"), info.channel},
                        {QStringLiteral("run"), run},
                        {QStringLiteral("task"), task},
                        {QStringLiteral("call_seq"), context.callSeq},
                        {QStringLiteral("interactive"), interactive},
                        {QStringLiteral("fork_through"), forkThrough},
                        {QStringLiteral("messages"), QJsonArray{firstStored}}};
    insertSources(payload, first.sources);
    auto writing = m.journal.append(
        process->entry(Kind::ProcessStarted, QString::number(context.callSeq), std::move(payload)));
    SB_CO_TRY(const auto written, co_await cancellable({}, m.executor, std::move(writing)));
    process->m_info.startedAt = written.time;
    process->m_info.startedSeq = written.seq;
    first.sources = taint::settled(std::move(first.sources), written.seq, written.time);
    process->m_taskSources = first.sources;
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

QString Host::startCompactor(Process& target, Compactor::Tier tier)
{
    ProcessInfo info;
    info.agent = m.journal.agent();
    info.id = newId(QLatin1StringView("cmp"));
    info.kind = ProcessKind::Compactor;
    info.parent = target.info().id;
    info.channel = target.info().channel;
    info.task = QStringLiteral("Summarise the oldest part of %1").arg(target.info().id);
    info.startedAt = m.clock.nowUs();
    auto compactor = std::make_unique<Compactor>(*this, info, target.run(), target.info().id, tier);
    const QString cause =
        target.m_history.isEmpty() ? QString() : QString::number(target.m_history.last().seq);
    (void)m.journal.append(compactor->entry(Kind::ProcessStarted,
                                            cause,
                                            {{QStringLiteral("kind"), enumName(info.kind)},
                                             {QStringLiteral("parent"), info.parent},
                                             {QStringLiteral("channel"), info.channel},
                                             {QStringLiteral("run"), target.run()},
                                             {QStringLiteral("task"), info.task}}));
    start(std::move(compactor));
    return info.id;
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
    Process* asker = find(context.process);
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
    if (defended("taint.routes")) {
        auto looking =
            runOn(m.pool, [read = asker->read(), message]() -> Result<QList<taint::Source>> {
                return read.carriedBy(message);
            });
        SB_CO_TRY(auto carried, co_await cancellable({}, m.executor, std::move(looking)));
        spoken.sources = taint::passedOn(
            std::move(carried), context.process, QStringLiteral("a follow-up to %1").arg(worker));
    }
    insertSources(routed.payload, spoken.sources);
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
        mail.message.sources =
            taint::settled(std::move(mail.message.sources), written.seq, written.time);
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

Future<Delegator::Words> Host::recall(const tools::Context& context, QString words)
{
    Promise<Words> promise;
    auto future = promise.future();
    m.executor.post([this, context, words, promise = std::move(promise)]() mutable {
        Process* asker = find(context.process);
        if (asker == nullptr) {
            promise.set(
                fail(ErrorCode::NotFound, QStringLiteral("The process that asked is gone.")));
            return;
        }
        // Any message of the conversation may come back, also one that was said since the branch
        // was forked, or that a summary covers: they may hold the words of all that went into it.
        Process* conversation = find(asker->info().channel);
        auto sources = (conversation != nullptr ? conversation : asker)->read().influences();
        for (taint::Source& source : sources) {
            source.exact = true;
        }
        sources = defended("taint.recall")
                      ? taint::passedOn(std::move(sources),
                                        asker->info().channel,
                                        QStringLiteral("earlier messages of the conversation"))
                      : QList<taint::Source>();
        m.pool.post([this,
                     channel = asker->info().channel,
                     words,
                     sources = std::move(sources),
                     promise = std::move(promise)] {
            const auto found = m.database.read([&](store::Connection& connection) {
                return searchChannel(connection, channel, words, 20);
            });
            if (!found) {
                promise.set(std::unexpected(found.error()));
            } else {
                promise.set(found->isEmpty()
                                ? Words{QStringLiteral("No earlier message holds these words."), {}}
                                : Words{found->join(u'\n'), sources});
            }
        });
    });
    return future;
}

Future<Delegator::Words> Host::readAgain(const tools::Context& context, qint64 summary, int offset)
{
    return runOn(m.pool, [this, context, summary, offset]() -> Result<Words> {
        auto read =
            m.database.read([&](store::Connection& connection) -> Result<QList<Remembered>> {
                // Its own, or that of the conversation that it was forked from.
                auto own = readCheckpoint(connection, context.process, summary);
                if (!own && own.error().code == ErrorCode::NotFound) {
                    SB_TRY(const auto info, readProcess(connection, context.process));
                    own =
                        readCheckpoint(connection, info ? info->channel : context.process, summary);
                }
                return own;
            });
        SB_CHECK(read);
        SB_CHECK(fetchParts(*read));
        Words words;
        qsizetype at = std::clamp<qsizetype>(offset, 0, read->size());
        const qsizetype first = at;
        for (; at < read->size() && words.text.size() < mostReadAgain; ++at) {
            const auto& message = read->at(at).message;
            words.text += QStringLiteral("%1 (entry %2): %3\n")
                              .arg(roleName(message.role))
                              .arg(read->at(at).seq)
                              .arg(message.text.left(longestReadAgain));
            words.sources += message.sources;
        }
        words.text += at < read->size()
                          ? QStringLiteral("(Messages %1 to %2 of %3; offset %2 goes on.)")
                                .arg(first + 1)
                                .arg(at)
                                .arg(read->size())
                          : QStringLiteral("(That was the last of %1 messages.)").arg(read->size());
        words.sources = defended("taint.recall")
                            ? taint::passedOn(taint::condensed(words.sources),
                                              context.process,
                                              QStringLiteral("messages that a summary stands for"))
                            : QList<taint::Source>();
        return words;
    });
}

void Host::ended(const QString& id, std::optional<Mail> mailForOwner)
{
    Process* process = find(id);
    SB_ASSERT(process != nullptr);
    const ProcessInfo info = process->info();
    if (const auto channel = m_channels.find(info.channel);
        channel != m_channels.end() && mailForOwner && info.kind != ProcessKind::Compactor) {
        channel->second->rememberEnded(info, process->taskSources());
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
        if (process->info().channel == channel && process->info().kind != ProcessKind::Compactor &&
            process->info().kind != ProcessKind::Cortex) {
            all.append(process.get());
        }
    }
    std::ranges::sort(all, {}, [](const Process* process) { return process->info().startedSeq; });
    return all;
}

void Host::activity(const QString& channel)
{
    if (channel.isEmpty()) {
        return; // the cortex works for no channel in particular
    }
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

} // namespace sb::process
