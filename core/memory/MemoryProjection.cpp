#include "core/memory/MemoryRows.h"

namespace sb::memory {

using protocol::Entry;
using protocol::Kind;
using protocol::MemoryInfo;
using store::Connection;
using namespace Qt::StringLiterals;

namespace {

/// What a version was called in the entry, apart from what anybody said in it.
constexpr std::array wordFields{"content"_L1, "suspicion"_L1, "source"_L1};

QStringList idsRecalled(const Entry& entry)
{
    QStringList ids;
    if (entry.kind == Kind::ToolResult && entry.payload.value("tool"_L1) == "memory_recall"_L1) {
        for (const auto& id :
             entry.payload.value("facts"_L1).toObject().value("memories"_L1).toArray()) {
            ids.append(id.toString());
        }
        ids.removeDuplicates();
    }
    return ids;
}

QString sourcesText(const Entry& entry, const QJsonValue& sources)
{
    return jsonText(taint::toJson(
        taint::settled(taint::sourcesFromJson(sources.toArray()), entry.seq, entry.time)));
}

Result<> addVersion(Connection& connection, const Entry& entry, const QJsonObject& change)
{
    const QJsonObject json = change.value("memory"_L1).toObject();
    SB_TRY(auto memory, protocol::fromJson<MemoryInfo>(json));
    if (change.value("op"_L1) == "save"_L1) {
        memory.createdAt = entry.time;
        memory.createdSeq = entry.seq;
    }
    for (const auto& field : change.value("now"_L1).toArray()) {
        if (field == "forgotten_at"_L1) {
            memory.forgottenAt = entry.time;
        } else if (field == "valid_to"_L1) {
            memory.validTo = std::max(entry.time, memory.validFrom);
        }
    }
    connection.run(
        "UPDATE memory SET known_to = ? WHERE id = ? AND known_to = 0", entry.time, memory.id);
    connection.run(
        "INSERT INTO memory (id, seq, known_from, type, content, importance, provenance, pinned, "
        "promoted, suspicion, valid_from, valid_to, created_at, created_seq, forgotten_at, "
        "merged_into, source, sources) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?)",
        memory.id,
        entry.seq,
        entry.time,
        enumName(memory.type),
        memory.content,
        memory.importance,
        enumName(memory.provenance),
        memory.isPinned,
        memory.isPromoted,
        memory.suspicion,
        memory.validFrom,
        memory.validTo,
        memory.createdAt,
        memory.createdSeq,
        memory.forgottenAt,
        memory.mergedInto,
        QString::fromUtf8(QJsonDocument(sourceJson(memory.source)).toJson(QJsonDocument::Compact)),
        sourcesText(entry, change.value("sources"_L1)));
    return {};
}

Result<> changeEdge(Connection& connection, const Entry& entry, const QJsonObject& change)
{
    SB_TRY(const auto edge,
           protocol::fromJson<protocol::MemoryEdge>(change.value("edge"_L1).toObject()));
    if (change.value("op"_L1) == "cut"_L1) {
        connection.run("UPDATE memory_edge SET known_to = ? WHERE from_id = ? AND to_id = ? AND "
                       "relation = ? AND known_to = 0",
                       entry.time,
                       edge.from,
                       edge.to,
                       enumName(edge.relation));
        return {};
    }
    connection.run("INSERT INTO memory_edge (from_id, to_id, relation, seq, known_from, weight, "
                   "drawn_by) VALUES (?, ?, ?, ?, ?, ?, ?)",
                   edge.from,
                   edge.to,
                   enumName(edge.relation),
                   entry.seq,
                   entry.time,
                   edge.weight,
                   edge.by);
    return {};
}

void addBulletin(Connection& connection, const Entry& entry)
{
    const QJsonObject bulletin = entry.payload.value("bulletin"_L1).toObject();
    connection.run(
        "INSERT INTO bulletin (seq, at, text, memories, made_by, sources) VALUES (?, ?, ?, ?, ?, "
        "?)",
        entry.seq,
        entry.time,
        bulletin.value("text"_L1).toString(),
        jsonText(bulletin.value("memories"_L1).toArray()),
        bulletin.value("by"_L1).toString(),
        sourcesText(entry, bulletin.value("sources"_L1)));
}

} // namespace

QJsonObject sourceJson(const protocol::MemorySource& source)
{
    QJsonObject json = protocol::toJson(source);
    for (auto field = json.begin(); field != json.end();) {
        const bool says =
            field->isString() ? !field->toString().isEmpty() : field->toInteger() != 0;
        field = says ? std::next(field) : json.erase(field);
    }
    return json;
}

QList<journal::Projection::Table> MemoryProjection::tables() const
{
    return {{u"memory"_s, u"seq"_s},
            {u"memory_edge"_s, u"seq"_s},
            {u"memory_access"_s, u"seq"_s},
            {u"bulletin"_s, u"seq"_s},
            {u"ingested"_s, u"seq"_s}};
}

Result<> MemoryProjection::apply(Connection& connection, const Entry& entry)
{
    for (const QString& id : idsRecalled(entry)) {
        connection.run("INSERT INTO memory_access (id, count, at, seq) VALUES (?, 1, ?, ?) ON "
                       "CONFLICT (id) DO UPDATE SET count = count + 1, at = excluded.at, seq = "
                       "excluded.seq",
                       id,
                       entry.time,
                       entry.seq);
    }
    if (entry.kind != Kind::MemoryChanged) {
        return {};
    }
    for (const auto& value : entry.payload.value("changes"_L1).toArray()) {
        const QJsonObject change = value.toObject();
        SB_CHECK(change.contains("edge"_L1) ? changeEdge(connection, entry, change)
                                            : addVersion(connection, entry, change));
    }
    if (entry.payload.contains("bulletin"_L1)) {
        addBulletin(connection, entry);
    }
    // Pieces whose reading was taken back may be read again.
    if (const qint64 undone = entry.payload.value("undoes"_L1).toInteger(); undone != 0) {
        connection.run("DELETE FROM ingested WHERE seq = ?", undone);
    }
    for (const auto& value : entry.payload.value("ingested"_L1).toArray()) {
        const QJsonObject piece = value.toObject();
        connection.run("INSERT INTO ingested (file, piece, memory, seq) VALUES (?, ?, ?, ?)",
                       piece.value("file"_L1).toString(),
                       piece.value("piece"_L1).toString(),
                       piece.value("memory"_L1).toString(),
                       entry.seq);
    }
    return {};
}

QJsonObject MemoryProjection::kept(const Entry& entry) const
{
    QJsonObject kept;
    if (const QStringList ids = idsRecalled(entry); !ids.isEmpty()) {
        kept.insert("tool"_L1, entry.payload.value("tool"_L1));
        kept.insert("facts"_L1, QJsonObject{{u"memories"_s, QJsonArray::fromStringList(ids)}});
    }
    if (entry.kind != Kind::MemoryChanged) {
        return kept;
    }
    QJsonArray changes;
    for (const auto& value : entry.payload.value("changes"_L1).toArray()) {
        QJsonObject change = value.toObject();
        change.remove("sources"_L1);
        if (change.contains("memory"_L1)) {
            QJsonObject memory = change.value("memory"_L1).toObject();
            for (const auto& field : wordFields) {
                memory.remove(field);
            }
            change.insert("memory"_L1, memory);
        }
        changes.append(change);
    }
    if (!changes.isEmpty()) {
        kept.insert("changes"_L1, changes);
    }
    if (entry.payload.contains("undoes"_L1)) {
        kept.insert("undoes"_L1, entry.payload.value("undoes"_L1));
    }
    if (entry.payload.contains("bulletin"_L1)) {
        QJsonObject bulletin = entry.payload.value("bulletin"_L1).toObject();
        bulletin.remove("text"_L1);
        bulletin.remove("sources"_L1);
        kept.insert("bulletin"_L1, bulletin);
    }
    return kept;
}

Result<> MemoryProjection::erase(Connection& connection, const Entry& entry)
{
    if (entry.kind != Kind::MemoryChanged) {
        return {};
    }
    for (const auto& change : entry.payload.value("changes"_L1).toArray()) {
        const QJsonObject memory = change.toObject().value("memory"_L1).toObject();
        if (!memory.isEmpty()) {
            connection.run("UPDATE memory SET content = '', suspicion = '', source = '{}', sources "
                           "= '[]' WHERE id = ? AND seq = ?",
                           memory.value("id"_L1).toString(),
                           entry.seq);
        }
    }
    connection.run("UPDATE bulletin SET text = '', sources = '[]' WHERE seq = ?", entry.seq);
    for (const auto& value : entry.payload.value("ingested"_L1).toArray()) {
        const QJsonObject piece = value.toObject();
        connection.run("DELETE FROM ingested WHERE file = ? AND piece = ? AND seq = ?",
                       piece.value("file"_L1).toString(),
                       piece.value("piece"_L1).toString(),
                       entry.seq);
    }
    return {};
}

} // namespace sb::memory
