#include "core/process/Host.h"

#include "core/base/Ids.h"
#include "core/store/Rows.h"

namespace sb::process {

using protocol::Kind;
using protocol::ProcessInfo;
using protocol::ProcessKind;

namespace {

constexpr size_t channelsKept = 1024;
constexpr qsizetype longTextShown = 8000; ///< characters of a longer message that its entry shows

/// Whether it is what a turn came to: its last words, or why it failed. That a secret was found on
/// the way, or a summary was made, is not.
bool isEnd(journal::Journal& journal, const protocol::TranscriptItem& item)
{
    if (item.kind != protocol::ItemKind::Notice) {
        return item.kind == protocol::ItemKind::Agent;
    }
    const auto entry = journal.entry(item.seq);
    return !entry ||
           (entry->kind == Kind::Incident && !entry->payload.contains(QStringLiteral("leak")));
}

QString shortTitle(const QString& text)
{
    const QString line = text.trimmed().section(u'\n', 0, 0).simplified();
    return line.size() > 120 ? line.left(119) + u'…' : line; // views elide it to their width
}

} // namespace

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
        QList<QList<taint::Source>> taskSources; ///< of those
        QList<protocol::TranscriptItem> items;   ///< the latest
        QString lastText;
        bool lastFailed = false;
    };
    auto reading = runOn(m.pool, [this, id]() -> Result<Stored> {
        auto read = m.database.read([&](store::Connection& connection) -> Result<Stored> {
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
            for (const auto& ended : std::as_const(stored.ended)) {
                SB_TRY(auto sources, readTaskSources(connection, ended.id));
                stored.taskSources.append(std::move(sources));
            }
            SB_TRY(const auto transcript, readTranscript(connection, id, 0, 50));
            stored.items = transcript.items;
            SB_CHECK(fetchParts(stored.history.messages));
            SB_CHECK(fetchParts(stored.mail));
            return stored;
        });
        if (read) {
            const auto end =
                std::ranges::find_last_if(read->items, [&](const protocol::TranscriptItem& item) {
                    return isEnd(m.journal, item);
                });
            if (!end.empty()) {
                read->lastText = end.front().text;
                read->lastFailed = end.front().kind == protocol::ItemKind::Notice;
            }
        }
        return read;
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
    for (qsizetype i = stored.ended.size() - 1; i >= 0; --i) {
        channel->rememberEnded(stored.ended[i], stored.taskSources[i]);
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
        id = newId(QLatin1StringView("ch")); // its first message will be its title
    } else if (title.isEmpty()) {
        title = id;
    }
    auto opening = channelFor(id, std::move(title), std::move(origin), {});
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
    const Cleaned cleanMessage = cleaned(message.text, message.from);
    message.text = cleanMessage.text;
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
    spoken.sources = sourcesOfMessage(message.from, message.text);
    insertSources(received.payload, spoken.sources);
    auto storing = storable(spoken, 1);
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
        tell(cleanMessage, message.channel, known.seq);
        if (asker) {
            m_asking[known.seq] = std::move(asker);
        }
        Mail mail;
        mail.seq = known.seq;
        mail.owner = message.channel;
        mail.kind = QStringLiteral("message");
        mail.message = std::move(spoken);
        mail.message.sources =
            taint::settled(std::move(mail.message.sources), known.seq, known.time);
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
                    [&](SQLite::Statement& row) { known = {store::integer(row, 0), false, 0}; },
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
            known.time = entry.time;
            return known;
        });
}

QCoro::Task<Result<protocol::StartRun::Reply>> Host::startRunTask(protocol::StartRun command)
{
    protocol::StartRun::Reply reply;
    reply.run = newId(QLatin1StringView("run"));
    reply.agent = m.journal.agent();
    reply.channel = reply.run;
    const Cleaned task = cleaned(command.task, QStringLiteral("you"));
    command.task = task.text;
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
    spoken.sources = sourcesOfMessage(task.from, command.task);
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
                                    {QStringLiteral("from"), task.from},
                                    {QStringLiteral("text"), command.task.left(longTextShown)},
                                    {QStringLiteral("message"), stored}});
    insertSources(received.payload, spoken.sources);
    // In one transaction: a run without its message would be one with nothing to do.
    auto writing = receive({started}, std::move(received), reply.channel);
    SB_CO_TRY(const Received written, co_await cancellable({}, m.executor, std::move(writing)));
    tell(task, reply.channel, written.seq);
    info.startedSeq = written.seq - 1;
    reply.seq = info.startedSeq;
    channel->runInfo = info;
    Mail mail;
    mail.seq = written.seq;
    mail.owner = reply.channel;
    mail.kind = QStringLiteral("message");
    mail.message = std::move(spoken);
    mail.message.sources =
        taint::settled(std::move(mail.message.sources), written.seq, written.time);
    post(std::move(mail));
    co_return reply;
}

void Host::turnEnded(Channel& channel, const QList<qint64>& taken, const TurnResult& result)
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

} // namespace sb::process
