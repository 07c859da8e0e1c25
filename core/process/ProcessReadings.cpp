#include "core/process/ProcessProjection.h"

#include "core/process/ProcessTables.h"

#include <QCryptographicHash>
#include <QFile>
#include <QFileInfo>

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

constexpr qint64 largestCopy = 16 << 20; // bytes; what the file tools write at most

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
                         const char* columns,
                         const char* rest,
                         T (*from)(SQLite::Statement&),
                         const Args&... args)
{
    std::string statement(columns);
    statement += rest;
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

namespace {
constexpr auto channelColumns =
    "SELECT id, title, origin, last_seq, last_time, last_text FROM channel ";
}

Result<std::optional<ChannelInfo>> readChannel(Connection& connection, const QString& id)
{
    return first(readAll(connection, channelColumns, "WHERE id = ?", channelFrom, id));
}

Result<QList<ChannelInfo>> readChannels(Connection& connection, int limit)
{
    return readAll(
        connection, channelColumns, "ORDER BY last_time DESC LIMIT ?", channelFrom, limit);
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
                      "UNION SELECT channel FROM process WHERE ended_at = 0 AND kind <> 'cortex' "
                      "UNION SELECT channel FROM mailbox JOIN process ON process.id = owner WHERE "
                      "taken_seq IS NULL "
                      "AND ended_at > 0 AND mailbox.kind = 'result' "
                      "UNION SELECT channel FROM run WHERE finished_seq = 0",
                      [&](SQLite::Statement& row) { channels.append(store::text(row, 0)); });
    return channels;
}

Result<std::optional<ProcessInfo>> readProcess(Connection& connection, const QString& id)
{
    return first(readAll(connection, processColumns, "WHERE id = ?", processFrom, id));
}

Result<QList<ProcessInfo>> readOpenProcesses(Connection& connection, const QString& channel)
{
    return channel.isEmpty() ? readAll(connection,
                                       processColumns,
                                       "WHERE ended_at = 0 ORDER BY started_seq",
                                       processFrom)
                             : readAll(connection,
                                       processColumns,
                                       "WHERE ended_at = 0 AND channel = ? ORDER BY started_seq",
                                       processFrom,
                                       channel);
}

Result<QList<ProcessInfo>> readRecentProcesses(Connection& connection, int limit)
{
    return readAll(connection,
                   processColumns,
                   "WHERE kind <> 'cortex' ORDER BY started_seq DESC LIMIT ?",
                   processFrom,
                   limit);
}

Result<QList<ProcessInfo>>
readEndedProcesses(Connection& connection, const QString& channel, int limit)
{
    return readAll(connection,
                   processColumns,
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
        // What came for one that has ended meanwhile is its channel's to hear.
        "SELECT seq, kind, message FROM mailbox WHERE taken_seq IS NULL AND (owner = ?1 OR (kind = "
        "'result' AND owner IN (SELECT id FROM process WHERE channel = ?1 AND ended_at > 0))) "
        "ORDER BY seq",
        [&](SQLite::Statement& row) {
            const QJsonObject stored = jsonObject(store::text(row, 2));
            auto message = llm::messageFromJson(stored);
            if (!message) {
                broken = std::unexpected(message.error());
                return;
            }
            all.append({store::integer(row, 0),
                        owner,
                        store::text(row, 1),
                        std::move(*message),
                        stored.value(QStringLiteral("part")).toString()});
        },
        owner);
    SB_CHECK(broken);
    return all;
}

namespace {

/// A process's own messages after one seq, up to another.
Result<QList<Remembered>>
readMessages(Connection& connection, const QString& process, qint64 after, qint64 through)
{
    QList<Remembered> all;
    Result<> broken;
    store::forEachRow(
        connection,
        "SELECT seq, message FROM history WHERE process = ? AND seq > ? AND seq <= ? ORDER BY "
        "seq, part",
        [&](SQLite::Statement& row) {
            const QJsonObject stored = jsonObject(store::text(row, 1));
            auto message = llm::messageFromJson(stored);
            if (!message) {
                broken = std::unexpected(message.error());
                return;
            }
            all.append({store::integer(row, 0),
                        std::move(*message),
                        stored.value(QStringLiteral("part")).toString()});
        },
        process,
        after,
        through);
    SB_CHECK(broken);
    return all;
}

} // namespace

Result<QList<Remembered>> readCheckpoint(Connection& connection, const QString& process, qint64 seq)
{
    qint64 through = -1;
    qint64 before = 0;
    store::forEachRow(
        connection,
        "SELECT seq, through FROM summary WHERE process = ? AND seq <= ? ORDER BY seq",
        [&](SQLite::Statement& row) {
            if (store::integer(row, 0) == seq) {
                through = store::integer(row, 1);
            } else {
                before = store::integer(row, 1);
            }
        },
        process,
        seq);
    if (through < 0) {
        return fail(ErrorCode::NotFound,
                    QStringLiteral("There is no summary %1 of this conversation.").arg(seq));
    }
    return readMessages(connection, process, before, through);
}

Result<History> readHistory(Connection& connection, const QString& process)
{
    History history;
    Result<> broken;
    const auto read = [&](const QString& of, qint64 through) {
        qint64 covered = 0;
        store::forEachRow(
            connection,
            "SELECT seq, through, text, sources, messages FROM summary WHERE process = ? AND seq "
            "<= ? ORDER BY seq",
            [&](SQLite::Statement& row) {
                covered = store::integer(row, 1);
                history.summary = store::text(row, 2);
                history.summarySources = taint::sourcesFromJson(jsonArray(store::text(row, 3)));
                history.checkpoints.append(
                    {store::integer(row, 0), covered, qsizetype(store::integer(row, 4))});
            },
            of,
            through);
        if (covered > 0 && of == process) {
            history.messages.removeIf([&](const Remembered& one) {
                return one.seq <= covered;
            }); // its own summary covers what it had inherited too
        }
        auto messages = readMessages(connection, of, covered, through);
        if (messages) {
            history.messages += *messages;
        } else {
            broken = std::unexpected(messages.error());
        }
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

Result<QList<taint::Source>> readTaskSources(Connection& connection, const QString& process)
{
    QList<taint::Source> sources;
    store::forEachRow(
        connection,
        "SELECT message FROM history WHERE process = ? ORDER BY seq, part LIMIT 1",
        [&](SQLite::Statement& row) {
            sources = taint::sourcesFromJson(
                jsonObject(store::text(row, 0)).value(QStringLiteral("sources")).toArray());
        },
        process);
    return sources;
}

Result<QList<taint::Source>> readFileSources(Connection& connection, const QString& path)
{
    QList<taint::Source> sources;
    const auto take = [&](SQLite::Statement& row) {
        sources = taint::sourcesFromJson(jsonArray(store::text(row, 0)));
    };
    bool isKnown = false;
    store::forEachRow(
        connection,
        "SELECT sources FROM file_label WHERE path = ? ORDER BY seq DESC LIMIT 1",
        [&](SQLite::Statement& row) {
            isKnown = true;
            take(row);
        },
        path);
    bool isAnyKnown = false;
    store::forEachRow(connection,
                      "SELECT 1 FROM file_label WHERE digest <> '' AND sources <> '[]' LIMIT 1",
                      [&](SQLite::Statement&) { isAnyKnown = true; });
    if (isKnown || !isAnyKnown) {
        return sources;
    }
    QFile file(path);
    const QFileInfo info(path);
    if (!info.isFile() || info.size() > largestCopy || !file.open(QIODevice::ReadOnly)) {
        return sources;
    }
    QCryptographicHash hash(QCryptographicHash::Sha256);
    if (hash.addData(&file)) {
        store::forEachRow(connection,
                          "SELECT sources FROM file_label WHERE digest = ? AND digest <> '' AND "
                          "sources <> '[]' LIMIT 1",
                          take,
                          QString::fromLatin1(hash.result().toHex()));
    }
    return sources;
}

Result<QList<OpenCall>> readOpenCalls(Connection& connection, const QString& process)
{
    QList<OpenCall> all;
    store::forEachRow(
        connection,
        "SELECT call, call_seq, started_seq, approval, arguments FROM open_call WHERE process = ?",
        [&](SQLite::Statement& row) {
            all.append({store::text(row, 0),
                        store::integer(row, 1),
                        store::integer(row, 2),
                        store::text(row, 3),
                        jsonObject(store::text(row, 4))});
        },
        process);
    return all;
}

Result<std::optional<RunInfo>> readRun(Connection& connection, const QString& id)
{
    return first(readAll(connection, runColumns, "WHERE id = ?", runFrom, id));
}

Result<std::optional<RunInfo>> readRunOfChannel(Connection& connection, const QString& channel)
{
    return first(readAll(connection, runColumns, "WHERE channel = ?", runFrom, channel));
}

Result<QList<RunInfo>> readOpenRuns(Connection& connection)
{
    return readAll(connection, runColumns, "WHERE finished_seq = 0", runFrom);
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
    } else if (entry.kind == Kind::HistoryCompacted) {
        id = u'n' + QString::number(entry.seq);
        process = field(entry, "history");
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
