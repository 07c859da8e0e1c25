#pragma once
#include "core/memory/Memories.h"
#include "core/store/Rows.h"

#include <QJsonDocument>

/// What writing and reading the memories' tables share.
namespace sb::memory {

/// The columns that infoFrom() reads, in its order.
#define SB_MEMORY_COLUMNS                                                                          \
    "m.id, m.seq, m.known_from, m.known_to, m.type, m.content, m.importance, m.provenance, "       \
    "m.pinned, m.promoted, m.suspicion, m.valid_from, m.valid_to, m.created_at, m.created_seq, "   \
    "m.forgotten_at, m.merged_into, m.source, m.sources, ifnull(a.count, 0), ifnull(a.at, 0)"
#define SB_MEMORY_TABLES "memory m LEFT JOIN memory_access a ON a.id = m.id"
/// The columns that edgeFrom() reads.
#define SB_EDGE_COLUMNS                                                                            \
    "e.from_id, e.to_id, e.relation, e.weight, e.drawn_by, e.seq, e.known_from, e.known_to"

inline QString jsonText(const QJsonArray& array)
{
    return QString::fromUtf8(QJsonDocument(array).toJson(QJsonDocument::Compact));
}

inline QList<taint::Source> sourcesFromText(const QString& text)
{
    // Most have none, and there may be a hundred thousand.
    return text == u"[]" ? QList<taint::Source>()
                         : taint::sourcesFromJson(QJsonDocument::fromJson(text.toUtf8()).array());
}

/// Without what does not apply.
QJsonObject sourceJson(const protocol::MemorySource& source);

/// Which column of SB_MEMORY_COLUMNS holds the taint sources.
constexpr int sourcesColumn = 18;

/// The memory in the statement's row; `agent` is whose it is.
protocol::MemoryInfo infoFrom(const SQLite::Statement& row, const QString& agent);
protocol::MemoryEdge edgeFrom(const SQLite::Statement& row);
/// Whose journal this database holds.
QString agentOf(store::Connection& connection);

/// Forgotten, or merged into another: left out unless somebody asks for it.
inline bool isHidden(const protocol::MemoryInfo& memory)
{
    return memory.forgottenAt != 0 || !memory.mergedInto.isEmpty();
}

/// Newest first; empty when there is none of that id.
QList<protocol::MemoryInfo> readVersions(store::Connection& connection, const QString& id);
/// The newest bulletin; seq 0 when there is none.
protocol::BulletinInfo readBulletin(store::Connection& connection);

} // namespace sb::memory
