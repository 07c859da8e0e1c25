#include "core/journal/Payload.h"
#include "core/journal/Rows.h"
#include "core/memory/Draft.h"
#include "core/memory/DraftParts.h"
#include "core/memory/MemoryRows.h"

#include <QSet>

namespace sb::memory {

using protocol::MemoryEdge;
using protocol::MemoryInfo;
using protocol::MemoryOp;
using namespace Qt::StringLiterals;

namespace {

/// What an entry may take, with room for what the redactor and an erasure add.
constexpr qsizetype mostBytes = journal::payloadCap - 4 * 1024;

QJsonObject edgeJson(const MemoryEdge& edge)
{
    return {{u"from"_s, edge.from},
            {u"to"_s, edge.to},
            {u"relation"_s, enumName(edge.relation)},
            {u"weight"_s, edge.weight},
            {u"by"_s, edge.by}};
}

} // namespace

Result<> Draft::undo(qint64 seq)
{
    std::optional<protocol::Entry> entry;
    store::forEachRow(
        m_connection,
        "SELECT " SB_ENTRY_COLUMNS " FROM " SB_ENTRY_TABLES " WHERE e.seq = ?",
        [&](SQLite::Statement& row) { entry = journal::entryFrom(row); },
        seq);
    if (entry && entry->erased && entry->kind == protocol::Kind::MemoryChanged) {
        return fail(ErrorCode::Conflict,
                    u"The entry %1 was erased, so it cannot be taken back."_s.arg(seq));
    }
    const QJsonArray changes = entry && entry->kind == protocol::Kind::MemoryChanged
                                   ? entry->payload.value("changes"_L1).toArray()
                                   : QJsonArray();
    if (changes.isEmpty()) {
        return fail(ErrorCode::NotFound, u"The entry %1 changed no memory."_s.arg(seq));
    }
    const auto later = [&](const QString& what) {
        return fail(
            ErrorCode::Conflict,
            u"%1 was changed again after entry %2: take that back first."_s.arg(what).arg(seq));
    };
    // Backwards: an edge that was drawn anew was cut before.
    for (qsizetype i = changes.size() - 1; i >= 0; --i) {
        const QJsonObject change = changes[i].toObject();
        if (const auto memory = change.value("memory"_L1).toObject(); !memory.isEmpty()) {
            const QString id = memory.value("id"_L1).toString();
            SB_TRY(Version * version, known(id));
            if (version->info.seq != seq) {
                return later(u"The memory %1"_s.arg(id));
            }
            if (auto before = readVersion(id, seq - 1)) {
                if (before->info.content.isEmpty() && !version->info.content.isEmpty()) {
                    return fail(ErrorCode::Conflict,
                                u"What the memory %1 said before was erased."_s.arg(id));
                }
                *version = std::move(*before);
            } else {
                setToNow(version->info.forgottenAt, version->now, forgottenAtField);
            }
            continue;
        }
        SB_TRY(const auto edge, protocol::fromJson<MemoryEdge>(change.value("edge"_L1).toObject()));
        const EdgeKey key{edge.from, edge.to, edge.relation};
        auto& touched = touch(key);
        if (change.value("op"_L1) == "link"_L1) {
            if (!touched.after || touched.after->seq != seq) {
                return later(u"The edge from %1 to %2"_s.arg(edge.from, edge.to));
            }
            touched.after.reset();
        } else {
            if (touched.after) {
                return later(u"The edge from %1 to %2"_s.arg(edge.from, edge.to));
            }
            draw(key, edge.weight);
        }
    }
    return {};
}

Result<> Draft::check(const Version& version)
{
    const MemoryInfo& info = version.info;
    if (!isShare(info.importance)) {
        return invalid(u"A memory's importance lies between 0 and 1."_s);
    }
    if (info.validFrom != 0 && info.validTo != 0 && info.validTo < info.validFrom &&
        !version.now.contains(validToField)) {
        return invalid(u"A memory cannot cease to be true before it begins to be."_s);
    }
    QSet<QString> passed{info.id};
    for (QString next = info.mergedInto; !next.isEmpty();) {
        if (next == info.id) {
            return invalid(u"A memory cannot be merged into itself."_s);
        }
        if (passed.contains(next)) {
            break; // a ring that this one is not part of
        }
        passed.insert(next);
        SB_TRY(const Version* into, known(next));
        next = into->info.mergedInto;
    }
    return {};
}

QJsonObject Draft::versionJson(const Touched<Version>& touched)
{
    const Version& version = *touched.after;
    QJsonObject memory = protocol::toJson(version.info);
    memory.insert("source"_L1, sourceJson(version.info.source));
    // Columns that are worked out when it is folded or read.
    for (const auto& name : {"agent"_L1,
                             "seq"_L1,
                             "known_from"_L1,
                             "known_to"_L1,
                             "labels"_L1,
                             "access_count"_L1,
                             "accessed_at"_L1}) {
        memory.remove(name);
    }
    QJsonObject change{{u"op"_s, enumName(touched.before ? MemoryOp::Edit : MemoryOp::Save)}};
    if (!touched.before) {
        memory.remove("created_at"_L1);
        memory.remove("created_seq"_L1);
    }
    for (const QString& name : version.now) {
        memory.remove(name);
    }
    change.insert("memory"_L1, memory);
    if (!version.now.isEmpty()) {
        change.insert("now"_L1, QJsonArray::fromStringList(version.now));
    }
    if (!version.sources.isEmpty()) {
        change.insert("sources"_L1, taint::toJson(version.sources));
    }
    return change;
}

Result<protocol::MemoryChanged> Draft::commit(journal::Transaction& transaction, QJsonObject more)
{
    QJsonArray changes;
    const QStringList ids = m_order; // checking touches more
    for (const QString& id : ids) {
        const auto& touched = m_memories.at(id);
        if (touched.before != touched.after) {
            SB_CHECK(check(*touched.after));
            changes.append(versionJson(touched));
        }
    }
    QList<MemoryEdge> cuts;
    QList<EdgeKey> links;
    for (const auto& [key, touched] : m_edges) {
        if (touched.before == touched.after) {
            continue;
        }
        if (touched.before) {
            changes.append(QJsonObject{{u"op"_s, enumName(MemoryOp::Cut)},
                                       {u"edge"_s, edgeJson(*touched.before)}});
            cuts.append(*touched.before);
        }
        if (touched.after) {
            changes.append(QJsonObject{{u"op"_s, enumName(MemoryOp::Link)},
                                       {u"edge"_s, edgeJson(*touched.after)}});
            links.append(key);
        }
    }
    protocol::MemoryChanged changed;
    if (!changes.isEmpty()) {
        more.insert("by"_L1, m_origin.by);
        more.insert("reason"_L1, m_origin.reason);
        more.insert("changes"_L1, changes);
        const qsizetype bytes = QJsonDocument(more).toJson(QJsonDocument::Compact).size();
        const auto tooLarge = [&] {
            return invalid(u"This change is too large for one entry of the journal (%1 of %2 KiB): "
                           "make it in several."_s.arg((bytes + 1023) / 1024)
                               .arg(mostBytes / 1024));
        };
        if (bytes > mostBytes) {
            return tooLarge();
        }
        SB_TRY(const auto entry,
               transaction.append({.kind = protocol::Kind::MemoryChanged,
                                   .process = m_origin.process,
                                   .cause = m_origin.cause,
                                   .payload = std::move(more),
                                   .traceId = m_origin.traceId,
                                   .spanId = m_origin.spanId}));
        if (entry.payload.contains("capped"_L1)) {
            return tooLarge(); // the redactor made it longer; the transaction undoes it
        }
        changed.seq = entry.seq;
    }
    for (const QString& id : ids) {
        const auto& touched = m_memories.at(id);
        if (changes.isEmpty() || touched.before != touched.after) {
            changed.memories.append(*readMemory(m_connection, id));
        }
    }
    const auto readEdge = [&](const EdgeKey& key, qint64 seq) {
        store::forEachRow(
            m_connection,
            "SELECT " SB_EDGE_COLUMNS " FROM memory_edge e WHERE e.from_id = ? AND e.to_id = ? AND "
            "e.relation = ? AND e.seq = ?",
            [&](SQLite::Statement& row) { changed.edges.append(edgeFrom(row)); },
            key.from,
            key.to,
            enumName(key.relation),
            seq);
    };
    for (const MemoryEdge& edge : cuts) {
        readEdge({edge.from, edge.to, edge.relation}, edge.seq);
    }
    for (const EdgeKey& key : links) {
        readEdge(key, changed.seq);
    }
    return changed;
}

} // namespace sb::memory
