#include "core/process/ProcessProjection.h"

#include "core/process/ProcessTables.h"

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

void addHistory(Connection& connection, const Entry& entry, const QJsonArray& messages)
{
    int part = 0;
    for (const auto& message : messages) {
        connection.run("INSERT INTO history (process, seq, part, message) VALUES (?, ?, ?, ?)",
                       entry.process,
                       entry.seq,
                       part++,
                       jsonText(taint::settledMessage(message.toObject(), entry.seq, entry.time)));
    }
}

/// The sources that an entry names, its own seq filled in.
QList<taint::Source> sourcesOf(const Entry& entry, const QJsonValue& sources)
{
    return taint::settled(taint::sourcesFromJson(sources.toArray()), entry.seq, entry.time);
}

/// What files were written with, and from where.
void addFileLabels(Connection& connection, const Entry& entry)
{
    for (const auto& value : entry.payload.value(QStringLiteral("files")).toArray()) {
        const QJsonObject file = value.toObject();
        connection.run(
            "INSERT OR REPLACE INTO file_label (path, seq, digest, sources) VALUES (?, ?, ?, ?)",
            file.value(QStringLiteral("path")).toString(),
            entry.seq,
            file.value(QStringLiteral("after")).toString(),
            jsonText(taint::toJson(sourcesOf(entry, file.value(QStringLiteral("sources"))))));
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
    QJsonObject stored =
        entry.payload.value(QStringLiteral("message")).toObject(llm::toJson(message));
    const auto sources = entry.payload.value(QStringLiteral("sources"));
    if (sources.isArray()) {
        stored.insert(QStringLiteral("sources"), taint::toJson(sourcesOf(entry, sources)));
    }
    connection.run("INSERT INTO mailbox (seq, owner, kind, message, key) VALUES (?, ?, 'message', "
                   "?, nullif(?, ''))",
                   entry.seq,
                   owner,
                   jsonText(stored),
                   key);
    if (owner != channel) {
        return;
    }
    touchChannel(connection, entry, channel);
    // A conversation without a name is called by its first message.
    connection.run(
        "UPDATE channel SET title = ?, title_seq = ? WHERE id = ? AND title = '' AND title_seq = 0",
        firstLine(message.text),
        entry.seq,
        channel);
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
    if (kind == u"compactor" || kind == u"cortex") {
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
        connection.run(
            "INSERT INTO mailbox (seq, owner, kind, message) VALUES (?, ?, 'result', ?)",
            entry.seq,
            owner,
            jsonText(taint::settledMessage(
                entry.payload.value(QStringLiteral("message")).toObject(), entry.seq, entry.time)));
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
            "INSERT INTO cost (day, model, micro_usd, seq) VALUES (?, ?, ?, ?) ON CONFLICT (day, "
            "model) DO UPDATE SET micro_usd = micro_usd + excluded.micro_usd, seq = excluded.seq",
            timeText(entry.time).left(10),
            field(entry, "model"),
            cost.toInteger(),
            entry.seq);
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
    message.sources = sourcesOf(entry, entry.payload.value(QStringLiteral("sources")));
    if (!entry.payload.contains(u"within")) { // else a tool has asked, and the model never reads it
        addHistory(connection, entry, {llm::toJson(message)});
    }
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

void onHistoryCompacted(Connection& connection, const Entry& entry)
{
    const QString process = field(entry, "history");
    const qint64 messages = entry.payload.value(QStringLiteral("messages")).toInteger();
    connection.run(
        "INSERT INTO summary (process, seq, through, text, sources, messages) VALUES (?, "
        "?, ?, ?, ?, ?)",
        process,
        entry.seq,
        entry.payload.value(QStringLiteral("through")).toInteger(),
        field(entry, "summary"),
        jsonText(taint::toJson(sourcesOf(entry, entry.payload.value(QStringLiteral("sources"))))),
        messages);
    const bool isEmergency = entry.payload.value(QStringLiteral("emergency")).toBool();
    auto item = itemFor(
        entry,
        ItemKind::Notice,
        u'n' + QString::number(entry.seq),
        {},
        isEmergency
            ? QStringLiteral("The model's window was full: the %1 oldest messages were cut without "
                             "a summary by a model. The agent goes on with their beginnings and "
                             "can read them again.")
                  .arg(messages)
            : QStringLiteral("A summary now stands for the %1 oldest messages; the agent can read "
                             "them again.")
                  .arg(messages));
    item.detail = field(entry, "summary");
    item.state = isEmergency ? ProcessState::Interrupted : ProcessState::Succeeded;
    const QString channel = channelOf(connection, process);
    if (channel != process) {
        item.parentItem = process;
    }
    insertItem(connection, channel, item);
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
        // The question that let it begin is done with: one that comes after asks about doing it
        // again.
        connection.run("UPDATE open_call SET started_seq = ?, approval = '', arguments = ? WHERE "
                       "process = ? AND call = ?",
                       entry.seq,
                       jsonText(entry.payload.value(QStringLiteral("arguments")).toObject()),
                       entry.process,
                       field(entry, "call"));
        addFileLabels(connection, entry);
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
        onHistoryCompacted(connection, entry);
        break;
    case Kind::CheckpointCreated:
        addFileLabels(connection, entry);
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

} // namespace

QList<journal::Projection::Table> ProcessProjection::tables() const
{
    const QString seq = QStringLiteral("seq");
    const QString started = QStringLiteral("started_seq");
    return {{QStringLiteral("channel"), QStringLiteral("last_seq")},
            {QStringLiteral("process"), started},
            {QStringLiteral("mailbox"), seq},
            {QStringLiteral("history"), seq},
            {QStringLiteral("summary"), seq},
            {QStringLiteral("file_label"), seq},
            {QStringLiteral("open_call"), QStringLiteral("call_seq")},
            {QStringLiteral("run"), started},
            {QStringLiteral("transcript"), seq},
            {QStringLiteral("cost"), seq}};
}

Result<> ProcessProjection::apply(Connection& connection, const Entry& entry)
{
    process::apply(connection, entry);
    return {};
}

QJsonObject ProcessProjection::kept(const Entry& entry) const
{
    QJsonObject kept;
    for (const char* name :
         {"approve",     "call",      "call_seq",   "channel", "fork_through", "history",
          "id",          "kind",      "model",      "origin",  "outcome",      "owner",
          "parent",      "process",   "run",        "state",   "takes",        "through",
          "tool",        "turn_open", "unattended", "usage",   "error",        "cost_micro_usd",
          "interactive", "within"}) {
        const auto value = entry.payload.value(QLatin1StringView(name));
        if (!value.isUndefined()) {
            kept.insert(QLatin1StringView(name), value);
        }
    }
    // A channel that had a name is called by its id once the name is erased, and not by its first
    // message.
    if (entry.kind == Kind::ProcessStarted && !field(entry, "title").isEmpty()) {
        kept.insert(QStringLiteral("title"), entry.process);
    }
    return kept;
}

Result<> ProcessProjection::erase(Connection& connection, const Entry& entry)
{
    // Rows that came from this entry alone go; in rows that others share its words are blanked.
    connection.run("DELETE FROM mailbox WHERE seq = ?", entry.seq);
    connection.run("DELETE FROM history WHERE process = ? AND seq = ?", entry.process, entry.seq);
    connection.run("DELETE FROM summary WHERE seq = ?", entry.seq);
    connection.run("DELETE FROM file_label WHERE seq = ?", entry.seq);
    connection.run("DELETE FROM transcript WHERE seq = ?", entry.seq);
    connection.run("UPDATE channel SET last_text = '' WHERE last_seq = ?", entry.seq);
    connection.run("UPDATE channel SET title = id WHERE created_seq = ? AND title_seq = 0 AND "
                   "title <> ''",
                   entry.seq);
    connection.run("UPDATE channel SET title = '' WHERE title_seq = ?", entry.seq);
    connection.run("UPDATE process SET task = '' WHERE started_seq = ?", entry.seq);
    connection.run("UPDATE run SET task = '' WHERE started_seq = ?", entry.seq);
    connection.run("UPDATE open_call SET arguments = '{}' WHERE started_seq = ?", entry.seq);
    connection.run("UPDATE run SET text = '' WHERE finished_seq = ?", entry.seq);
    const QString channel = channelOf(connection, entry.process);
    const auto blankDetail = [&](const QString& id) {
        if (auto item = findItem(connection, channel, id)) {
            item->detail.clear();
            insertItem(connection, channel, *item);
        }
    };
    if (entry.kind == Kind::ProcessEnded) {
        connection.run("UPDATE process SET result = '' WHERE id = ?", entry.process);
        blankDetail(entry.process);
    } else if (entry.kind == Kind::ProcessStatus) {
        connection.run("UPDATE process SET status = '' WHERE id = ?", entry.process);
    } else if (entry.kind == Kind::ToolResult) {
        blankDetail(toolItemId(entry.payload.value(QStringLiteral("call_seq")).toInteger()));
    } else if (entry.kind == Kind::RunFinished) {
        connection.run("UPDATE run SET text = '' WHERE id = ?", field(entry, "run"));
    }
    return {};
}

} // namespace sb::process
