#include "core/process/ProcessProjection.h"

#include "core/store/Rows.h"

#include <QJsonDocument>
#include <QTimeZone>

namespace sb::process {

using protocol::ChannelInfo;
using protocol::Entry;
using protocol::ItemKind;
using protocol::Kind;
using protocol::ProcessInfo;
using protocol::ProcessState;
using protocol::TranscriptItem;
using store::Connection;

namespace {

QString jsonText(const QJsonObject& object)
{
    return QString::fromUtf8(QJsonDocument(object).toJson(QJsonDocument::Compact));
}

QJsonObject jsonObject(const QString& text)
{
    return QJsonDocument::fromJson(text.toUtf8()).object();
}

QString field(const Entry& entry, const char* name)
{
    return entry.payload.value(QLatin1StringView(name)).toString();
}

/// The first line, capped: for lists.
QString firstLine(const QString& text, int cap = 200)
{
    const QString line = text.trimmed().section(u'\n', 0, 0);
    return line.size() > cap ? line.left(cap - 1) + u'…' : line;
}

/// A tool call in one line: its name and what it is about.
QString callLine(const Entry& entry)
{
    const QJsonObject arguments = entry.payload.value(QStringLiteral("arguments")).toObject();
    for (const char* name :
         {"command", "path", "pattern", "url", "message", "task", "question", "status"}) {
        const auto value = arguments.value(QLatin1StringView(name));
        if (value.isString()) {
            return field(entry, "tool") + u' ' + firstLine(value.toString());
        }
    }
    return field(entry, "tool");
}

bool isDelegation(const QString& tool)
{
    return tool == u"branch" || tool == u"spawn_worker";
}

void insertItem(Connection& connection, const QString& channel, const TranscriptItem& item)
{
    connection.run("INSERT OR REPLACE INTO transcript (channel, seq, id, item) VALUES (?, ?, ?, ?)",
                   channel,
                   item.seq,
                   item.id,
                   jsonText(protocol::toJson(item)));
}

std::optional<TranscriptItem>
findItem(Connection& connection, const QString& channel, const QString& id)
{
    std::optional<TranscriptItem> item;
    store::forEachRow(
        connection,
        "SELECT item FROM transcript WHERE channel = ? AND id = ?",
        [&](SQLite::Statement& row) {
            if (auto read = protocol::fromJson<TranscriptItem>(jsonObject(store::text(row, 0)))) {
                item = std::move(*read);
            }
        },
        channel,
        id);
    return item;
}

/// The channel that a process belongs to; a channel's process id is the channel's own.
QString channelOf(Connection& connection, const QString& process)
{
    QString channel = process;
    store::forEachRow(
        connection,
        "SELECT channel FROM process WHERE id = ?",
        [&](SQLite::Statement& row) { channel = store::text(row, 0); },
        process);
    return channel;
}

void addHistory(Connection& connection, const Entry& entry, const QJsonArray& messages)
{
    int part = 0;
    for (const auto& message : messages) {
        connection.run("INSERT INTO history (process, seq, part, message) VALUES (?, ?, ?, ?)",
                       entry.process,
                       entry.seq,
                       part++,
                       jsonText(message.toObject()));
    }
}

void touchChannel(Connection& connection, const Entry& entry, const QString& channel)
{
    connection.run("UPDATE channel SET last_seq = ?, last_time = ?, last_text = ? WHERE id = ?",
                   entry.seq,
                   entry.time,
                   firstLine(field(entry, "text")),
                   channel);
}

TranscriptItem itemFor(const Entry& entry, ItemKind kind, QString id, QString author, QString text)
{
    TranscriptItem item;
    item.id = std::move(id);
    item.seq = entry.seq;
    item.time = entry.time;
    item.kind = kind;
    item.author = std::move(author);
    item.text = std::move(text);
    item.process = entry.process;
    return item;
}

QString messageItemId(qint64 seq)
{
    return u'm' + QString::number(seq);
}

QString toolItemId(qint64 callSeq)
{
    return u't' + QString::number(callSeq);
}

void onMessageReceived(Connection& connection, const Entry& entry)
{
    // A follow-up for a worker names it as its owner; anything else is for the channel, and people
    // see it.
    const QString channel = field(entry, "channel");
    const QString owner = entry.payload.value(QStringLiteral("owner")).toString(channel);
    const QString key = field(entry, "key");
    llm::Message message;
    message.role = llm::Role::User;
    message.text = field(entry, "text");
    connection.run("INSERT INTO mailbox (seq, owner, kind, message, key) VALUES (?, ?, 'message', "
                   "?, nullif(?, ''))",
                   entry.seq,
                   owner,
                   jsonText(llm::toJson(message)),
                   key);
    if (owner != channel) {
        return;
    }
    touchChannel(connection, entry, channel);
    insertItem(
        connection,
        channel,
        itemFor(
            entry, ItemKind::User, messageItemId(entry.seq), field(entry, "from"), message.text));
}

void onProcessStarted(Connection& connection, const Entry& entry)
{
    const QString kind = field(entry, "kind");
    if (kind == u"channel") {
        connection.run("INSERT INTO channel (id, title, origin, created_seq, last_time) VALUES (?, "
                       "?, ?, ?, ?)",
                       entry.process,
                       field(entry, "title"),
                       field(entry, "origin"),
                       entry.seq,
                       entry.time);
        return;
    }
    const QString channel = field(entry, "channel");
    connection.run(
        "INSERT INTO process (id, kind, state, parent, channel, run, task, started_at, "
        "started_seq, "
        "fork_through, call_seq, interactive) VALUES (?, ?, 'running', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        entry.process,
        kind,
        field(entry, "parent"),
        channel,
        field(entry, "run"),
        field(entry, "task"),
        entry.time,
        entry.seq,
        entry.payload.value(QStringLiteral("fork_through")).toInteger(),
        entry.payload.value(QStringLiteral("call_seq")).toInteger(),
        entry.payload.value(QStringLiteral("interactive")).toBool() ? 1 : 0);
    if (kind == u"compactor") {
        return; // people see it among the workers, not in the conversation
    }
    addHistory(connection, entry, entry.payload.value(QStringLiteral("messages")).toArray());
    auto item = itemFor(
        entry, ItemKind::Delegate, entry.process, kind, firstLine(field(entry, "task"), 400));
    item.state = ProcessState::Running;
    insertItem(connection, channel, item);
}

void onProcessEnded(Connection& connection, const Entry& entry)
{
    const QString state = field(entry, "state");
    const QString result = field(entry, "result");
    connection.run("UPDATE process SET state = ?, result = ?, ended_at = ? WHERE id = ?",
                   state,
                   result,
                   entry.time,
                   entry.process);
    connection.run("DELETE FROM open_call WHERE process = ?", entry.process);
    const QString owner = field(entry, "owner");
    if (!owner.isEmpty()) {
        connection.run("INSERT INTO mailbox (seq, owner, kind, message) VALUES (?, ?, 'result', ?)",
                       entry.seq,
                       owner,
                       jsonText(entry.payload.value(QStringLiteral("message")).toObject()));
    }
    const QString channel = channelOf(connection, entry.process);
    if (auto item = findItem(connection, channel, entry.process)) {
        item->state = protocol::enumFromName(state, static_cast<ProcessState*>(nullptr))
                          .value_or(ProcessState::Failed);
        item->detail = result;
        insertItem(connection, channel, *item);
    }
}

void onModelResponse(Connection& connection, const Entry& entry)
{
    const QJsonObject usage = entry.payload.value(QStringLiteral("usage")).toObject();
    addHistory(connection, entry, {entry.payload.value(QStringLiteral("message"))});
    connection.run(
        "UPDATE process SET model_calls = model_calls + 1, input_tokens = input_tokens + ?, "
        "output_tokens = output_tokens + ? WHERE id = ?",
        usage.value(QStringLiteral("input_tokens")).toInteger(),
        usage.value(QStringLiteral("output_tokens")).toInteger(),
        entry.process);
    const auto cost = entry.payload.value(QStringLiteral("cost_micro_usd"));
    if (cost.isDouble()) {
        connection.run(
            "INSERT INTO cost (day, model, micro_usd) VALUES (?, ?, ?) "
            "ON CONFLICT (day, model) DO UPDATE SET micro_usd = micro_usd + excluded.micro_usd",
            timeText(entry.time).left(10),
            field(entry, "model"),
            cost.toInteger());
    }
}

void onToolCall(Connection& connection, const Entry& entry)
{
    connection.run("INSERT OR REPLACE INTO open_call (process, call, call_seq) VALUES (?, ?, ?)",
                   entry.process,
                   field(entry, "call"),
                   entry.seq);
    connection.run("UPDATE process SET tool_calls = tool_calls + 1 WHERE id = ?", entry.process);
    if (isDelegation(field(entry, "tool"))) {
        return; // what it starts has an item of its own
    }
    const QString channel = channelOf(connection, entry.process);
    auto item = itemFor(
        entry, ItemKind::Tool, toolItemId(entry.seq), field(entry, "tool"), callLine(entry));
    item.state = ProcessState::Running;
    if (channel != entry.process) {
        item.parentItem = entry.process;
    }
    insertItem(connection, channel, item);
}

void setToolItem(Connection& connection,
                 const QString& process,
                 qint64 callSeq,
                 ProcessState state,
                 const QString& detail)
{
    const QString channel = channelOf(connection, process);
    if (auto item = findItem(connection, channel, toolItemId(callSeq))) {
        item->state = state;
        item->detail = detail;
        insertItem(connection, channel, *item);
    }
}

void onToolResult(Connection& connection, const Entry& entry)
{
    llm::Message message;
    message.role = llm::Role::Tool;
    message.toolCallId = field(entry, "call");
    message.text = field(entry, "text");
    message.isError = entry.payload.value(QStringLiteral("error")).toBool();
    addHistory(connection, entry, {llm::toJson(message)});
    connection.run(
        "DELETE FROM open_call WHERE process = ? AND call = ?", entry.process, message.toolCallId);
    setToolItem(connection,
                entry.process,
                entry.payload.value(QStringLiteral("call_seq")).toInteger(),
                message.isError ? ProcessState::Failed : ProcessState::Succeeded,
                message.text);
}

void onApproval(Connection& connection, const Entry& entry, bool requested)
{
    const QString process = requested ? field(entry, "process") : entry.process;
    if (requested) {
        const qint64 callSeq = entry.payload.value(QStringLiteral("call_seq")).toInteger();
        connection.run("UPDATE open_call SET approval = ? WHERE process = ? AND call_seq = ?",
                       field(entry, "id"),
                       process,
                       callSeq);
        setToolItem(connection, process, callSeq, ProcessState::WaitingApproval, {});
    }
    connection.run("UPDATE process SET state = ? WHERE id = ? AND ended_at = 0",
                   requested ? QStringLiteral("waiting_approval") : QStringLiteral("running"),
                   process);
}

void apply(Connection& connection, const Entry& entry)
{
    switch (entry.kind) {
    case Kind::MessageReceived:
        onMessageReceived(connection, entry);
        break;
    case Kind::MessageSent: {
        const QString channel = field(entry, "channel");
        touchChannel(connection, entry, channel);
        insertItem(connection,
                   channel,
                   itemFor(entry,
                           ItemKind::Agent,
                           messageItemId(entry.seq),
                           entry.agent,
                           field(entry, "text")));
        break;
    }
    case Kind::TurnStarted:
        for (const auto& seq : entry.payload.value(QStringLiteral("takes")).toArray()) {
            connection.run("UPDATE mailbox SET taken_seq = ? WHERE seq = ? AND taken_seq IS NULL",
                           entry.seq,
                           seq.toInteger());
        }
        addHistory(connection, entry, entry.payload.value(QStringLiteral("messages")).toArray());
        break;
    case Kind::ProcessStarted:
        onProcessStarted(connection, entry);
        break;
    case Kind::ProcessStatus:
        connection.run(
            "UPDATE process SET status = ? WHERE id = ?", field(entry, "status"), entry.process);
        break;
    case Kind::ProcessEnded:
        onProcessEnded(connection, entry);
        break;
    case Kind::ModelResponse:
        onModelResponse(connection, entry);
        break;
    case Kind::ToolCall:
        onToolCall(connection, entry);
        break;
    case Kind::ToolStarted:
        connection.run("UPDATE open_call SET started_seq = ? WHERE process = ? AND call = ?",
                       entry.seq,
                       entry.process,
                       field(entry, "call"));
        break;
    case Kind::ToolResult:
        onToolResult(connection, entry);
        break;
    case Kind::ApprovalRequested:
        onApproval(connection, entry, true);
        break;
    case Kind::ApprovalSettled:
        onApproval(connection, entry, false);
        break;
    case Kind::HistoryCompacted:
        connection.run("INSERT INTO summary (process, seq, through, text) VALUES (?, ?, ?, ?)",
                       field(entry, "history"),
                       entry.seq,
                       entry.payload.value(QStringLiteral("through")).toInteger(),
                       field(entry, "summary"));
        break;
    case Kind::Incident: {
        const QString channel = field(entry, "channel");
        if (!channel.isEmpty()) {
            auto item = itemFor(entry,
                                ItemKind::Notice,
                                u'n' + QString::number(entry.seq),
                                {},
                                field(entry, "message"));
            item.state = ProcessState::Failed;
            insertItem(connection, channel, item);
        }
        break;
    }
    case Kind::RunStarted:
        connection.run("INSERT INTO run (id, channel, task, approve, unattended, started_seq) "
                       "VALUES (?, ?, ?, ?, ?, ?)",
                       field(entry, "run"),
                       field(entry, "channel"),
                       field(entry, "task"),
                       field(entry, "approve"),
                       entry.payload.value(QStringLiteral("unattended")).toBool() ? 1 : 0,
                       entry.seq);
        break;
    case Kind::RunFinished:
        // A run that waits for a person has said so, but goes on later.
        connection.run("UPDATE run SET finished_seq = ?, outcome = ?, text = ? WHERE id = ?",
                       field(entry, "outcome") == u"waiting_approval" ? qint64(0) : entry.seq,
                       field(entry, "outcome"),
                       field(entry, "text"),
                       field(entry, "run"));
        break;
    case Kind::ModelRequest:
    case Kind::PolicyDecision:
    case Kind::MemoryChanged:
    case Kind::CheckpointCreated:
    case Kind::CheckpointRestored:
    case Kind::EgressRequest:
    case Kind::ConfigChanged:
    case Kind::PayloadErased:
        break;
    }
    if (entry.payload.value(QStringLiteral("turn_open")).isBool()) {
        connection.run("UPDATE channel SET turn_open = ? WHERE id = ?",
                       entry.payload.value(QStringLiteral("turn_open")).toBool() ? 1 : 0,
                       entry.process);
    }
}

ChannelInfo channelFrom(SQLite::Statement& row)
{
    ChannelInfo info;
    info.id = store::text(row, 0);
    info.title = store::text(row, 1);
    info.origin = store::text(row, 2);
    info.lastSeq = store::integer(row, 3);
    info.lastTime = store::integer(row, 4);
    info.lastText = store::text(row, 5);
    return info;
}

constexpr auto processColumns =
    "SELECT id, kind, state, parent, channel, task, status, result, started_at, ended_at, "
    "tool_calls, "
    "model_calls, input_tokens, output_tokens, started_seq FROM process ";

ProcessInfo processFrom(SQLite::Statement& row)
{
    ProcessInfo info;
    info.id = store::text(row, 0);
    info.kind =
        protocol::enumFromName(store::text(row, 1), static_cast<protocol::ProcessKind*>(nullptr))
            .value_or(protocol::ProcessKind::Worker);
    info.state = protocol::enumFromName(store::text(row, 2), static_cast<ProcessState*>(nullptr))
                     .value_or(ProcessState::Failed);
    info.parent = store::text(row, 3);
    info.channel = store::text(row, 4);
    info.task = store::text(row, 5);
    info.status = store::text(row, 6);
    info.result = store::text(row, 7);
    info.startedAt = store::integer(row, 8);
    info.endedAt = store::integer(row, 9);
    info.toolCalls = int(store::integer(row, 10));
    info.modelCalls = int(store::integer(row, 11));
    info.inputTokens = store::integer(row, 12);
    info.outputTokens = store::integer(row, 13);
    info.startedSeq = store::integer(row, 14);
    return info;
}

constexpr auto runColumns = "SELECT id, channel, task, approve, started_seq, finished_seq, "
                            "outcome, text, unattended FROM run ";

RunInfo runFrom(SQLite::Statement& row)
{
    RunInfo info;
    info.id = store::text(row, 0);
    info.channel = store::text(row, 1);
    info.task = store::text(row, 2);
    info.approve =
        protocol::enumFromName(store::text(row, 3), static_cast<protocol::ApproveMode*>(nullptr))
            .value_or(protocol::ApproveMode::Ask);
    info.startedSeq = store::integer(row, 4);
    info.finishedSeq = store::integer(row, 5);
    info.outcome = store::text(row, 6);
    info.text = store::text(row, 7);
    info.unattended = store::integer(row, 8) != 0;
    return info;
}

/// All rows of a statement that starts with one of the column lists above.
template <class T, class... Args>
Result<QList<T>> readAll(Connection& connection,
                         const std::string& statement,
                         T (*from)(SQLite::Statement&),
                         const Args&... args)
{
    QList<T> all;
    store::forEachRow(
        connection,
        statement.c_str(),
        [&](SQLite::Statement& row) { all.append(from(row)); },
        args...);
    return all;
}

template <class T>
Result<std::optional<T>> first(Result<QList<T>> all)
{
    if (!all) {
        return std::unexpected(all.error());
    }
    return all->isEmpty() ? std::optional<T>() : std::optional<T>(all->first());
}

} // namespace

QStringList ProcessProjection::tables() const
{
    return {QStringLiteral("channel"),
            QStringLiteral("process"),
            QStringLiteral("mailbox"),
            QStringLiteral("history"),
            QStringLiteral("summary"),
            QStringLiteral("open_call"),
            QStringLiteral("run"),
            QStringLiteral("transcript"),
            QStringLiteral("cost")};
}

Result<> ProcessProjection::apply(Connection& connection, const Entry& entry)
{
    process::apply(connection, entry);
    return {};
}

namespace {
constexpr auto channelColumns =
    "SELECT id, title, origin, last_seq, last_time, last_text FROM channel ";
}

Result<std::optional<ChannelInfo>> readChannel(Connection& connection, const QString& id)
{
    return first(
        readAll(connection, std::string(channelColumns) + "WHERE id = ?", channelFrom, id));
}

Result<QList<ChannelInfo>> readChannels(Connection& connection, int limit)
{
    return readAll(connection,
                   std::string(channelColumns) + "ORDER BY last_time DESC LIMIT ?",
                   channelFrom,
                   limit);
}

Result<bool> readTurnOpen(Connection& connection, const QString& channel)
{
    bool open = false;
    store::forEachRow(
        connection,
        "SELECT turn_open FROM channel WHERE id = ?",
        [&](SQLite::Statement& row) { open = store::integer(row, 0) != 0; },
        channel);
    return open;
}

Result<QStringList> readUnfinishedChannels(Connection& connection)
{
    QStringList channels;
    store::forEachRow(connection,
                      "SELECT id FROM channel WHERE turn_open = 1 "
                      "UNION SELECT owner FROM mailbox JOIN channel ON channel.id = owner WHERE "
                      "taken_seq IS NULL "
                      "UNION SELECT channel FROM process WHERE ended_at = 0 "
                      "UNION SELECT channel FROM run WHERE finished_seq = 0",
                      [&](SQLite::Statement& row) { channels.append(store::text(row, 0)); });
    return channels;
}

Result<std::optional<ProcessInfo>> readProcess(Connection& connection, const QString& id)
{
    return first(
        readAll(connection, std::string(processColumns) + "WHERE id = ?", processFrom, id));
}

Result<QList<ProcessInfo>> readOpenProcesses(Connection& connection, const QString& channel)
{
    return channel.isEmpty()
               ? readAll(connection,
                         std::string(processColumns) + "WHERE ended_at = 0 ORDER BY started_seq",
                         processFrom)
               : readAll(connection,
                         std::string(processColumns) +
                             "WHERE ended_at = 0 AND channel = ? ORDER BY started_seq",
                         processFrom,
                         channel);
}

Result<QList<ProcessInfo>> readRecentProcesses(Connection& connection, int limit)
{
    return readAll(connection,
                   std::string(processColumns) + "ORDER BY started_seq DESC LIMIT ?",
                   processFrom,
                   limit);
}

Result<QList<ProcessInfo>>
readEndedProcesses(Connection& connection, const QString& channel, int limit)
{
    return readAll(connection,
                   std::string(processColumns) +
                       "WHERE ended_at > 0 AND channel = ? ORDER BY started_seq DESC LIMIT ?",
                   processFrom,
                   channel,
                   limit);
}

Result<QString> readProcessOfCall(Connection& connection, const QString& parent, qint64 callSeq)
{
    QString id;
    store::forEachRow(
        connection,
        "SELECT id FROM process WHERE parent = ? AND call_seq = ?",
        [&](SQLite::Statement& row) { id = store::text(row, 0); },
        parent,
        callSeq);
    return id;
}

Result<bool> readInteractive(Connection& connection, const QString& process)
{
    bool interactive = false;
    store::forEachRow(
        connection,
        "SELECT interactive FROM process WHERE id = ?",
        [&](SQLite::Statement& row) { interactive = store::integer(row, 0) != 0; },
        process);
    return interactive;
}

Result<QList<Mail>> readMail(Connection& connection, const QString& owner)
{
    QList<Mail> all;
    Result<> broken;
    store::forEachRow(
        connection,
        "SELECT seq, kind, message FROM mailbox WHERE owner = ? AND taken_seq IS NULL ORDER BY seq",
        [&](SQLite::Statement& row) {
            auto message = llm::messageFromJson(jsonObject(store::text(row, 2)));
            if (!message) {
                broken = std::unexpected(message.error());
                return;
            }
            all.append({store::integer(row, 0), owner, store::text(row, 1), std::move(*message)});
        },
        owner);
    SB_CHECK(broken);
    return all;
}

Result<History> readHistory(Connection& connection, const QString& process)
{
    History history;
    Result<> broken;
    const auto read = [&](const QString& of, qint64 through) {
        qint64 covered = 0;
        store::forEachRow(
            connection,
            "SELECT seq, through, text FROM summary WHERE process = ? AND seq <= ? ORDER BY seq "
            "DESC LIMIT 1",
            [&](SQLite::Statement& row) {
                history.summarySeq = store::integer(row, 0);
                covered = store::integer(row, 1);
                history.summary = store::text(row, 2);
            },
            of,
            through);
        if (covered > 0 && of == process) {
            history.messages.clear(); // its own summary covers what it had inherited too
        }
        store::forEachRow(
            connection,
            "SELECT seq, message FROM history WHERE process = ? AND seq > ? AND seq <= ? ORDER BY "
            "seq, part",
            [&](SQLite::Statement& row) {
                auto message = llm::messageFromJson(jsonObject(store::text(row, 1)));
                if (!message) {
                    broken = std::unexpected(message.error());
                    return;
                }
                history.messages.append({store::integer(row, 0), std::move(*message)});
            },
            of,
            covered,
            through);
    };
    QString parent;
    qint64 forkThrough = 0;
    store::forEachRow(
        connection,
        "SELECT parent, fork_through FROM process WHERE id = ?",
        [&](SQLite::Statement& row) {
            parent = store::text(row, 0);
            forkThrough = store::integer(row, 1);
        },
        process);
    if (forkThrough > 0) {
        read(parent, forkThrough);
    }
    read(process, std::numeric_limits<qint64>::max());
    SB_CHECK(broken);
    return history;
}

Result<QList<OpenCall>> readOpenCalls(Connection& connection, const QString& process)
{
    QList<OpenCall> all;
    store::forEachRow(
        connection,
        "SELECT call, call_seq, started_seq, approval FROM open_call WHERE process = ?",
        [&](SQLite::Statement& row) {
            all.append({store::text(row, 0),
                        store::integer(row, 1),
                        store::integer(row, 2),
                        store::text(row, 3)});
        },
        process);
    return all;
}

Result<std::optional<RunInfo>> readRun(Connection& connection, const QString& id)
{
    return first(readAll(connection, std::string(runColumns) + "WHERE id = ?", runFrom, id));
}

Result<std::optional<RunInfo>> readRunOfChannel(Connection& connection, const QString& channel)
{
    return first(
        readAll(connection, std::string(runColumns) + "WHERE channel = ?", runFrom, channel));
}

Result<QList<RunInfo>> readOpenRuns(Connection& connection)
{
    return readAll(connection, std::string(runColumns) + "WHERE finished_seq = 0", runFrom);
}

Result<protocol::GetTranscript::Reply>
readTranscript(Connection& connection, const QString& channel, qint64 before, int limit)
{
    protocol::GetTranscript::Reply reply;
    const int capped = std::clamp(limit, 1, 1000);
    store::forEachRow(
        connection,
        "SELECT item FROM transcript WHERE channel = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
        [&](SQLite::Statement& row) {
            if (reply.items.size() == capped) {
                reply.more = true;
                return;
            }
            if (auto item = protocol::fromJson<TranscriptItem>(jsonObject(store::text(row, 0)))) {
                reply.items.prepend(std::move(*item));
            }
        },
        channel,
        before > 0 ? before : std::numeric_limits<qint64>::max(),
        capped + 1);
    return reply;
}

Result<std::optional<std::pair<QString, TranscriptItem>>> readItemOf(Connection& connection,
                                                                     const Entry& entry)
{
    using Found = std::optional<std::pair<QString, TranscriptItem>>;
    QString id;
    QString process = entry.process;
    if (entry.kind == Kind::MessageReceived || entry.kind == Kind::MessageSent) {
        id = messageItemId(entry.seq);
        process = field(entry, "channel");
    } else if (entry.kind == Kind::Incident) {
        id = u'n' + QString::number(entry.seq);
        process = field(entry, "channel");
    } else if (entry.kind == Kind::ProcessStarted || entry.kind == Kind::ProcessEnded) {
        id = entry.process;
    } else if (entry.kind == Kind::ToolCall) {
        id = toolItemId(entry.seq);
    } else if (entry.kind == Kind::ToolResult || entry.kind == Kind::ApprovalRequested) {
        id = toolItemId(entry.payload.value(QStringLiteral("call_seq")).toInteger());
        process = entry.payload.value(QStringLiteral("process")).toString(entry.process);
    } else {
        return Found();
    }
    const QString channel = channelOf(connection, process);
    auto item = findItem(connection, channel, id);
    return item ? Found(std::pair(channel, std::move(*item))) : Found();
}

Result<QStringList>
searchChannel(Connection& connection, const QString& channel, const QString& words, int limit)
{
    QStringList found;
    const QStringList wanted = words.split(u' ', Qt::SkipEmptyParts);
    store::forEachRow(
        connection,
        "SELECT item FROM transcript WHERE channel = ? ORDER BY seq DESC LIMIT 5000",
        [&](SQLite::Statement& row) {
            if (found.size() >= limit) {
                return;
            }
            const auto item = protocol::fromJson<TranscriptItem>(jsonObject(store::text(row, 0)));
            if (!item || (item->kind != ItemKind::User && item->kind != ItemKind::Agent)) {
                return;
            }
            const bool all = std::ranges::all_of(wanted, [&](const QString& word) {
                return item->text.contains(word, Qt::CaseInsensitive);
            });
            if (all) {
                found.append(QStringLiteral("%1 %2: %3")
                                 .arg(timeText(item->time), item->author, item->text.left(2000)));
            }
        },
        channel);
    return found;
}

Result<std::pair<qint64, bool>> readCost(Connection& connection, const QString& day)
{
    std::pair<qint64, bool> cost{0, false};
    store::forEachRow(
        connection,
        "SELECT sum(micro_usd), count(*) FROM cost WHERE day = ?",
        [&](SQLite::Statement& row) {
            cost = {store::integer(row, 0), store::integer(row, 1) > 0};
        },
        day);
    return cost;
}

} // namespace sb::process
