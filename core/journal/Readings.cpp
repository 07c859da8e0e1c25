#include "core/journal/JournalPrivate.h"
#include "core/journal/Rows.h"

#include <QJsonDocument>

namespace sb::journal {

using protocol::Entry;

Entry entryFrom(const SQLite::Statement& row)
{
    Entry entry;
    entry.seq = store::integer(row, 0);
    entry.time = store::integer(row, 1);
    entry.agent = store::text(row, 2);
    entry.process = store::text(row, 3);
    const QString kind = store::text(row, 4);
    entry.cause = store::text(row, 5);
    entry.traceId = store::text(row, 6);
    entry.spanId = store::text(row, 7);
    entry.hash = store::blob(row, 8);
    entry.erased = row.isColumnNull(9);
    if (!entry.erased) {
        entry.payload = QJsonDocument::fromJson(store::blob(row, 9)).object();
    }
    if (const auto known = protocol::kindFromName(kind)) {
        entry.kind = *known;
    } else {
        entry.kind = protocol::Kind::Incident;
        entry.payload = {
            {QStringLiteral("message"),
             QStringLiteral("This entry is of the kind \"%1\", which is not known.").arg(kind)},
            {QStringLiteral("payload"), entry.payload},
        };
    }
    return entry;
}

QList<Entry> entriesAfter(store::Connection& connection, qint64 seq, int limit)
{
    auto& rows = connection.query("SELECT " SB_ENTRY_COLUMNS " FROM " SB_ENTRY_TABLES
                                  " WHERE e.seq > ? ORDER BY e.seq LIMIT ?",
                                  seq,
                                  limit);
    QList<Entry> entries;
    while (rows.executeStep()) {
        entries.append(entryFrom(rows));
    }
    rows.reset();
    return entries;
}

namespace {

std::unexpected<Error> damagedAt(const QByteArray& agent, qint64 seq, const QString& what)
{
    return fail(ErrorCode::Corrupt,
                QStringLiteral("The journal of %1 is damaged at entry %2: %3.")
                    .arg(QString::fromUtf8(agent))
                    .arg(seq)
                    .arg(what));
}

} // namespace

Result<ChainEnd> readChainEnd(store::Connection& connection, const QByteArray& agent)
{
    ChainEnd end;
    auto& head = connection.query(
        "SELECT count, root, last_hash, peaks FROM head ORDER BY count DESC LIMIT 1");
    if (head.executeStep()) {
        end.seq = end.headAt = store::integer(head, 0);
        const QByteArray last = store::blob(head, 2);
        auto frontier = Frontier::fromPeaks(end.seq, store::blob(head, 3));
        if (!frontier || toBytes(frontier->root()) != store::blob(head, 1) || last.size() != 32) {
            return damagedAt(
                agent, end.seq, QStringLiteral("the signed head there does not fit itself"));
        }
        end.frontier = *frontier;
        end.last = *toHash(last);
        head.reset();
        auto& tip = connection.query("SELECT hash FROM entry WHERE seq = ?", end.seq);
        if (!tip.executeStep()) {
            const qint64 newest = connection.database()
                                      .execAndGet("SELECT ifnull(max(seq), 0) FROM entry")
                                      .getInt64();
            return damagedAt(agent,
                             newest + 1,
                             QStringLiteral("it is missing, although a signed head says that there "
                                            "are %1 entries")
                                 .arg(end.seq));
        }
        if (store::blob(tip, 0) != last) {
            return damagedAt(agent, end.seq, QStringLiteral("it is not the entry that was signed"));
        }
    }
    // What came after the newest head is short, and is read with the same suspicion as verify has.
    auto& rows = connection.query("SELECT seq, time_us, agent, process, kind, cause, trace_id, "
                                  "span_id, payload_hash, prev_hash, "
                                  "hash FROM entry WHERE seq > ? ORDER BY seq",
                                  end.seq);
    while (rows.executeStep()) {
        const QByteArray columns[] = {store::blob(rows, 2),
                                      store::blob(rows, 3),
                                      store::blob(rows, 4),
                                      store::blob(rows, 5),
                                      store::blob(rows, 6),
                                      store::blob(rows, 7),
                                      store::blob(rows, 8),
                                      store::blob(rows, 9)};
        const qint64 seq = store::integer(rows, 0);
        if (seq != end.seq + 1) {
            return damagedAt(agent, end.seq + 1, QStringLiteral("it is missing"));
        }
        const Hash hash = entryHash({
            .seq = seq,
            .time = store::integer(rows, 1),
            .agent = columns[0],
            .process = columns[1],
            .kind = columns[2],
            .cause = columns[3],
            .traceId = columns[4],
            .spanId = columns[5],
            .payloadHash = columns[6],
            .prevHash = columns[7],
        });
        if (columns[0] != agent || toBytes(hash) != store::blob(rows, 10)) {
            return damagedAt(agent, seq, QStringLiteral("its fields do not fit its hash"));
        }
        if (columns[7] != view(end.last)) {
            return damagedAt(agent, seq, QStringLiteral("it does not follow the entry before it"));
        }
        end.seq = seq;
        end.last = hash;
        end.frontier.push(hash);
    }
    return end;
}

Result<Entry> Journal::entry(qint64 seq)
{
    return m->database.read([&](store::Connection& connection) -> Result<Entry> {
        auto& row = connection.query(
            "SELECT " SB_ENTRY_COLUMNS " FROM " SB_ENTRY_TABLES " WHERE e.seq = ?", seq);
        if (!row.executeStep()) {
            return fail(ErrorCode::NotFound,
                        QStringLiteral("The journal of %1 has no entry %2.").arg(agent()).arg(seq));
        }
        return entryFrom(row);
    });
}

Result<QList<Entry>> Journal::after(qint64 seq, int limit)
{
    return m->database.read([&](store::Connection& connection) -> Result<QList<Entry>> {
        return entriesAfter(connection, seq, limit);
    });
}

Result<protocol::QueryJournal::Reply> Journal::query(const protocol::QueryJournal& query)
{
    // Each word must occur in the payload's JSON. SQLite compares ASCII without regard to case;
    // other words are compared here, on the rows that are left.
    QStringList likes;
    QStringList others;
    for (const QString& word : query.text.split(u' ', Qt::SkipEmptyParts)) {
        const QByteArray json = QJsonDocument(QJsonArray{word}).toJson(QJsonDocument::Compact);
        const QString inJson = QString::fromUtf8(json.mid(2, json.size() - 4));
        const bool ascii = std::ranges::all_of(word, [](QChar c) { return c.unicode() < 128; });
        if (ascii) {
            QString pattern = inJson;
            pattern.replace(u'\\', QStringLiteral("\\\\"))
                .replace(u'%', QStringLiteral("\\%"))
                .replace(u'_', QStringLiteral("\\_"));
            likes.append(u'%' + pattern + u'%');
        } else {
            others.append(inJson);
        }
    }
    QString sql = QStringLiteral("SELECT " SB_ENTRY_COLUMNS " FROM " SB_ENTRY_TABLES
                                 " WHERE e.seq > ? AND e.seq < ?");
    if (!query.kinds.isEmpty()) {
        sql += QStringLiteral(" AND e.kind IN (?") +
               QStringLiteral(", ?").repeated(query.kinds.size() - 1) + u')';
    }
    if (!query.process.isEmpty()) {
        sql += QStringLiteral(" AND e.process = ?");
    }
    sql += QStringLiteral(" AND CAST(p.bytes AS TEXT) LIKE ? ESCAPE '\\'").repeated(likes.size());
    sql += QStringLiteral(" ORDER BY e.seq DESC");
    const int limit = std::clamp(query.limit, 1, 10'000);
    return m->database.read(
        [&](store::Connection& connection) -> Result<protocol::QueryJournal::Reply> {
            SQLite::Statement rows(connection.database(), sql.toStdString());
            int index = 0;
            store::bind(rows, ++index, query.after);
            store::bind(rows,
                        ++index,
                        query.before > 0 ? query.before : std::numeric_limits<qint64>::max());
            for (const QString& kind : query.kinds) {
                store::bind(rows, ++index, kind);
            }
            if (!query.process.isEmpty()) {
                store::bind(rows, ++index, query.process);
            }
            for (const QString& pattern : likes) {
                store::bind(rows, ++index, pattern);
            }
            protocol::QueryJournal::Reply reply;
            while (rows.executeStep()) {
                if (!others.isEmpty()) {
                    const QString payload = store::text(rows, 9);
                    if (!std::ranges::all_of(others, [&](const QString& word) {
                            return payload.contains(word, Qt::CaseInsensitive);
                        })) {
                        continue;
                    }
                }
                if (reply.entries.size() == limit) {
                    reply.more = true;
                    break;
                }
                reply.entries.append(entryFrom(rows));
            }
            return reply;
        });
}

Result<QByteArray> Journal::part(const QString& hash)
{
    return m->database.read([&](store::Connection& connection) -> Result<QByteArray> {
        const QByteArray wanted = QByteArray::fromHex(hash.toLatin1());
        auto& row = connection.query("SELECT salt, bytes FROM part WHERE hash = ?", wanted);
        if (!row.executeStep()) {
            return fail(ErrorCode::NotFound,
                        QStringLiteral("The journal of %1 holds no part %2.").arg(agent(), hash));
        }
        QByteArray bytes = store::blob(row, 1);
        if (toBytes(payloadHash(store::blob(row, 0), bytes)) != wanted) {
            return fail(ErrorCode::Corrupt,
                        QStringLiteral("The stored part %1 in the journal of %2 is damaged.")
                            .arg(hash, agent()));
        }
        return bytes;
    });
}

} // namespace sb::journal
