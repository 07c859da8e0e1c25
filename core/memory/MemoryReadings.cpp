#include "core/memory/MemoryRows.h"

#include <QSet>

namespace sb::memory {

using protocol::MemoryEdge;
using protocol::MemoryFilter;
using protocol::MemoryInfo;
using store::Connection;
using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype graphCharacters = 200;
constexpr int mostInGraph = 100'000;

// What was known at ?1 (0: what is known now), and passes the rest of a filter in ?2 to ?6. The two
// are texts of their own, so that SQLite takes the index of what is current.
#define SB_CURRENT "m.known_to = 0 "
#define SB_PAST "m.known_from <= ?1 AND (m.known_to = 0 OR m.known_to > ?1) "
#define SB_PASSES                                                                                  \
    "AND (?2 = '[]' OR m.type IN (SELECT value FROM json_each(?2))) "                              \
    "AND (?3 = '[]' OR m.provenance IN (SELECT value FROM json_each(?3))) "                        \
    "AND (?4 = 0 OR ((m.valid_from = 0 OR m.valid_from <= ?4) AND "                                \
    "(m.valid_to = 0 OR m.valid_to > ?4))) AND m.created_at >= ?5 "                                \
    "AND (?6 OR (m.forgotten_at = 0 AND m.merged_into = '')) "

template <class E>
QString namesText(const QList<E>& values)
{
    QJsonArray names;
    for (const E value : values) {
        names.append(enumName(value));
    }
    return jsonText(names);
}

/// Binds the filter and more values behind it, and calls f with every row.
template <class F, class... More>
void forEachPassing(Connection& connection,
                    const char* now,
                    const char* past,
                    const MemoryFilter& filter,
                    F&& f,
                    const More&... more)
{
    store::forEachRow(connection,
                      filter.knownAt == 0 ? now : past,
                      std::forward<F>(f),
                      filter.knownAt,
                      namesText(filter.types),
                      namesText(filter.provenances),
                      filter.trueAt,
                      filter.since == 0 ? std::numeric_limits<qint64>::min() : filter.since,
                      filter.withForgotten,
                      more...);
}

/// A memory as it was then: who recalled it later is not known yet.
MemoryInfo seenAt(MemoryInfo memory, TimeUs knownAt)
{
    if (knownAt != 0 && memory.accessedAt > knownAt) {
        memory.accessedAt = 0;
        memory.accessCount = 0;
    }
    return memory;
}

/// The version of one memory that the filter lets through.
std::optional<MemoryInfo> readPassing(Connection& connection,
                                      const QString& id,
                                      const QString& agent,
                                      const MemoryFilter& filter)
{
    std::optional<MemoryInfo> memory;
    forEachPassing(
        connection,
        "SELECT " SB_MEMORY_COLUMNS " FROM " SB_MEMORY_TABLES
        " WHERE ?1 = 0 AND m.id = ?7 AND " SB_CURRENT SB_PASSES,
        "SELECT " SB_MEMORY_COLUMNS " FROM " SB_MEMORY_TABLES
        " WHERE m.id = ?7 AND " SB_PAST SB_PASSES,
        filter,
        [&](SQLite::Statement& row) { memory = seenAt(infoFrom(row, agent), filter.knownAt); },
        id);
    return memory;
}

/// Most important first.
QList<MemoryInfo> readImportant(Connection& connection, const MemoryFilter& filter, int limit)
{
    QList<MemoryInfo> all;
    const QString agent = agentOf(connection);
    forEachPassing(
        connection,
        "SELECT " SB_MEMORY_COLUMNS " FROM " SB_MEMORY_TABLES
        " WHERE ?1 = 0 AND " SB_CURRENT SB_PASSES
        "ORDER BY m.importance DESC, m.created_at DESC, m.id LIMIT ?7",
        "SELECT " SB_MEMORY_COLUMNS " FROM " SB_MEMORY_TABLES " WHERE " SB_PAST SB_PASSES
        "ORDER BY m.importance DESC, m.created_at DESC, m.id LIMIT ?7",
        filter,
        [&](SQLite::Statement& row) { all.append(seenAt(infoFrom(row, agent), filter.knownAt)); },
        limit);
    return all;
}

/// What lies around a memory, nearest first.
protocol::GetMemoryGraph::Reply readAround(Connection& connection,
                                           const MemoryInfo& start,
                                           int depth,
                                           int limit,
                                           const MemoryFilter& filter)
{
    protocol::GetMemoryGraph::Reply reply;
    reply.memories.append(start);
    QSet<QString> seen{start.id};
    QStringList ring{start.id};
    for (int step = 0; step < depth && !ring.isEmpty() && !reply.isCut; ++step) {
        QList<MemoryInfo> next;
        for (const MemoryEdge& edge : readEdges(connection, ring, filter)) {
            for (const QString& end : {edge.from, edge.to}) {
                if (seen.contains(end)) {
                    continue;
                }
                seen.insert(end);
                if (auto memory = readPassing(connection, end, start.agent, filter)) {
                    next.append(std::move(*memory));
                }
            }
        }
        std::ranges::sort(next, [](const MemoryInfo& a, const MemoryInfo& b) {
            return std::tie(b.importance, a.id) < std::tie(a.importance, b.id);
        });
        if (next.size() > limit - reply.memories.size()) {
            next.resize(limit - reply.memories.size());
            reply.isCut = true;
        }
        ring.clear();
        for (const MemoryInfo& memory : next) {
            ring.append(memory.id);
        }
        reply.memories.append(next);
    }
    return reply;
}

} // namespace

MemoryInfo infoFrom(const SQLite::Statement& row, const QString& agent)
{
    MemoryInfo memory;
    memory.id = store::text(row, 0);
    memory.agent = agent;
    memory.seq = store::integer(row, 1);
    memory.knownFrom = store::integer(row, 2);
    memory.knownTo = store::integer(row, 3);
    memory.type = enumFromName(store::text(row, 4), static_cast<protocol::MemoryType*>(nullptr))
                      .value_or(protocol::MemoryType::Fact);
    memory.content = store::text(row, 5);
    memory.importance = row.getColumn(6).getDouble();
    memory.provenance =
        enumFromName(store::text(row, 7), static_cast<protocol::Provenance*>(nullptr))
            .value_or(protocol::Provenance::Untrusted);
    memory.isPinned = store::integer(row, 8) != 0;
    memory.isPromoted = store::integer(row, 9) != 0;
    memory.suspicion = store::text(row, 10);
    memory.validFrom = store::integer(row, 11);
    memory.validTo = store::integer(row, 12);
    memory.createdAt = store::integer(row, 13);
    memory.createdSeq = store::integer(row, 14);
    memory.forgottenAt = store::integer(row, 15);
    memory.mergedInto = store::text(row, 16);
    if (const QByteArray source = store::blob(row, 17); source != "{}") {
        memory.source =
            protocol::fromJson<protocol::MemorySource>(QJsonDocument::fromJson(source).object())
                .value_or(protocol::MemorySource());
    }
    memory.labels = taint::joined(sourcesFromText(store::text(row, sourcesColumn))).names();
    memory.accessCount = int(store::integer(row, 19));
    memory.accessedAt = store::integer(row, 20);
    return memory;
}

MemoryEdge edgeFrom(const SQLite::Statement& row)
{
    MemoryEdge edge;
    edge.from = store::text(row, 0);
    edge.to = store::text(row, 1);
    edge.relation = enumFromName(store::text(row, 2), static_cast<protocol::Relation*>(nullptr))
                        .value_or(protocol::Relation::RelatedTo);
    edge.weight = row.getColumn(3).getDouble();
    edge.by = store::text(row, 4);
    edge.seq = store::integer(row, 5);
    edge.knownFrom = store::integer(row, 6);
    edge.knownTo = store::integer(row, 7);
    return edge;
}

QString agentOf(Connection& connection)
{
    QString agent;
    store::forEachRow(connection, "SELECT agent FROM entry WHERE seq = 1", [&](auto& row) {
        agent = store::text(row, 0);
    });
    return agent;
}

std::optional<MemoryInfo> readMemory(Connection& connection, const QString& id)
{
    MemoryFilter all;
    all.withForgotten = true;
    return readPassing(connection, id, agentOf(connection), all);
}

QList<MemoryInfo> readVersions(Connection& connection, const QString& id)
{
    QList<MemoryInfo> versions;
    const QString agent = agentOf(connection);
    store::forEachRow(
        connection,
        "SELECT " SB_MEMORY_COLUMNS " FROM " SB_MEMORY_TABLES " WHERE m.id = ? ORDER BY m.seq DESC",
        [&](SQLite::Statement& row) { versions.append(infoFrom(row, agent)); },
        id);
    return versions;
}

QList<MemoryInfo>
readMemories(Connection& connection, const MemoryFilter& filter, int offset, int limit)
{
    QList<MemoryInfo> all;
    const QString agent = agentOf(connection);
    forEachPassing(
        connection,
        "SELECT " SB_MEMORY_COLUMNS " FROM " SB_MEMORY_TABLES
        " WHERE ?1 = 0 AND " SB_CURRENT SB_PASSES
        "ORDER BY m.created_at DESC, m.id DESC LIMIT ?7 OFFSET ?8",
        "SELECT " SB_MEMORY_COLUMNS " FROM " SB_MEMORY_TABLES " WHERE " SB_PAST SB_PASSES
        "ORDER BY m.created_at DESC, m.id DESC LIMIT ?7 OFFSET ?8",
        filter,
        [&](SQLite::Statement& row) { all.append(seenAt(infoFrom(row, agent), filter.knownAt)); },
        limit,
        offset);
    return all;
}

QList<taint::Source> readSources(Connection& connection, const QString& id)
{
    QList<taint::Source> sources;
    store::forEachRow(
        connection,
        "SELECT sources FROM memory WHERE id = ? AND known_to = 0",
        [&](SQLite::Statement& row) { sources = sourcesFromText(store::text(row, 0)); },
        id);
    return sources;
}

QList<MemoryEdge>
readEdges(Connection& connection, const QStringList& ids, const MemoryFilter& filter)
{
    QList<MemoryEdge> edges;
    const auto add = [&](SQLite::Statement& row) { edges.append(edgeFrom(row)); };
    if (!ids.isEmpty()) {
        store::forEachRow(
            connection,
            "SELECT " SB_EDGE_COLUMNS " FROM memory_edge e WHERE e.from_id IN (SELECT value FROM "
            "json_each(?1)) AND ((?2 = 0 AND e.known_to = 0) OR (?2 <> 0 AND e.known_from <= ?2 "
            "AND (e.known_to = 0 OR e.known_to > ?2))) UNION SELECT " SB_EDGE_COLUMNS
            " FROM memory_edge e WHERE e.to_id IN (SELECT value FROM json_each(?1)) AND ((?2 = 0 "
            "AND e.known_to = 0) OR (?2 <> 0 AND e.known_from <= ?2 AND (e.known_to = 0 OR "
            "e.known_to > ?2)))",
            add,
            jsonText(QJsonArray::fromStringList(ids)),
            filter.knownAt);
        return edges;
    }
    forEachPassing(
        connection,
        "SELECT " SB_EDGE_COLUMNS " FROM memory_edge e WHERE ?1 = 0 AND e.known_to = 0 AND EXISTS "
        "(SELECT 1 FROM memory m WHERE m.id = e.from_id AND " SB_CURRENT SB_PASSES
        ") AND EXISTS (SELECT 1 FROM memory m WHERE m.id = e.to_id AND " SB_CURRENT SB_PASSES ")",
        "SELECT " SB_EDGE_COLUMNS " FROM memory_edge e WHERE e.known_from <= ?1 AND (e.known_to = "
        "0 OR e.known_to > ?1) AND EXISTS (SELECT 1 FROM memory m WHERE m.id = e.from_id "
        "AND " SB_PAST SB_PASSES
        ") AND EXISTS (SELECT 1 FROM memory m WHERE m.id = e.to_id AND " SB_PAST SB_PASSES ")",
        filter,
        add);
    return edges;
}

protocol::BulletinInfo readBulletin(Connection& connection)
{
    protocol::BulletinInfo bulletin;
    store::forEachRow(connection,
                      "SELECT seq, at, text, memories, made_by FROM bulletin ORDER BY seq DESC "
                      "LIMIT 1",
                      [&](SQLite::Statement& row) {
                          bulletin.seq = store::integer(row, 0);
                          bulletin.at = store::integer(row, 1);
                          bulletin.text = store::text(row, 2);
                          for (const auto& id :
                               QJsonDocument::fromJson(store::blob(row, 3)).array()) {
                              bulletin.memories.append(id.toString());
                          }
                          bulletin.by = store::text(row, 4);
                      });
    return bulletin;
}

QList<taint::Source> readBulletinSources(Connection& connection)
{
    QList<taint::Source> sources;
    store::forEachRow(
        connection,
        "SELECT sources FROM bulletin ORDER BY seq DESC LIMIT 1",
        [&](SQLite::Statement& row) { sources = sourcesFromText(store::text(row, 0)); });
    return sources;
}

Result<protocol::ListMemories::Reply>
Memories::list(const MemoryFilter& filter, int offset, int limit)
{
    if (offset < 0 || limit < 0) {
        return fail(ErrorCode::InvalidInput,
                    u"A page of memories cannot begin before the first."_s);
    }
    return m_database.read([&](Connection& connection) -> Result<protocol::ListMemories::Reply> {
        protocol::ListMemories::Reply reply;
        reply.memories = readMemories(connection, filter, offset, limit);
        forEachPassing(connection,
                       "SELECT count(*) FROM memory m WHERE ?1 = 0 AND " SB_CURRENT SB_PASSES,
                       "SELECT count(*) FROM memory m WHERE " SB_PAST SB_PASSES,
                       filter,
                       [&](SQLite::Statement& row) { reply.total = store::integer(row, 0); });
        return reply;
    });
}

Result<protocol::GetMemory::Reply> Memories::get(const QString& id)
{
    return m_database.read([&](Connection& connection) -> Result<protocol::GetMemory::Reply> {
        protocol::GetMemory::Reply reply;
        reply.versions = readVersions(connection, id);
        if (reply.versions.isEmpty()) {
            return fail(ErrorCode::NotFound, u"There is no memory %1."_s.arg(id));
        }
        reply.memory = reply.versions.first();
        reply.edges = readEdges(connection, {id}, {});
        QSet<QString> seen{id};
        for (const MemoryEdge& edge : std::as_const(reply.edges)) {
            const QString& other = edge.from == id ? edge.to : edge.from;
            if (!seen.contains(other)) {
                seen.insert(other);
                if (auto memory = readMemory(connection, other)) {
                    reply.neighbours.append(std::move(*memory));
                }
            }
        }
        return reply;
    });
}

Result<protocol::GetMemoryGraph::Reply>
Memories::graph(const QString& around, int depth, int limit, const MemoryFilter& filter)
{
    if (depth < 0 || limit < 1) {
        return fail(ErrorCode::InvalidInput,
                    u"A graph needs a depth of 0 or more and a limit of 1 or more."_s);
    }
    return m_database.read([&](Connection& connection) -> Result<protocol::GetMemoryGraph::Reply> {
        const int most = std::min(limit, mostInGraph);
        protocol::GetMemoryGraph::Reply reply;
        if (around.isEmpty()) {
            reply.memories = readImportant(connection, filter, most + 1);
            reply.isCut = reply.memories.size() > most;
            reply.memories.resize(std::min<qsizetype>(reply.memories.size(), most));
            reply.edges = readEdges(connection, {}, filter);
        } else {
            // The one in the middle is shown whatever it is.
            MemoryFilter all;
            all.knownAt = filter.knownAt;
            all.withForgotten = true;
            const auto start = readPassing(connection, around, agentOf(connection), all);
            if (!start) {
                return fail(ErrorCode::NotFound,
                            filter.knownAt == 0
                                ? u"There is no memory %1."_s.arg(around)
                                : u"The memory %1 was not known at that time."_s.arg(around));
            }
            reply = readAround(connection, *start, depth, most, filter);
            QStringList ids;
            for (const MemoryInfo& memory : std::as_const(reply.memories)) {
                ids.append(memory.id);
            }
            reply.edges = readEdges(connection, ids, filter);
        }
        QSet<QString> ids;
        for (MemoryInfo& memory : reply.memories) {
            ids.insert(memory.id);
            if (memory.content.size() > graphCharacters) {
                const bool isPair = memory.content[graphCharacters - 2].isHighSurrogate();
                memory.content.truncate(graphCharacters - (isPair ? 2 : 1));
                memory.content += u'…';
            }
        }
        reply.edges.removeIf([&](const MemoryEdge& edge) {
            return !ids.contains(edge.from) || !ids.contains(edge.to);
        });
        return reply;
    });
}

Result<protocol::GetMemoryStats::Reply> Memories::stats()
{
    return m_database.read([](Connection& connection) -> Result<protocol::GetMemoryStats::Reply> {
        protocol::GetMemoryStats::Reply stats;
        store::forEachRow(
            connection,
            "SELECT count(*) FILTER (WHERE forgotten_at = 0 AND merged_into = ''), count(*) FILTER "
            "(WHERE forgotten_at <> 0), count(*) FILTER (WHERE forgotten_at = 0 AND merged_into = "
            "'' AND provenance = 'untrusted'), count(*) FILTER (WHERE forgotten_at = 0 AND "
            "merged_into = '' AND suspicion <> '') FROM memory WHERE known_to = 0",
            [&](SQLite::Statement& row) {
                stats.memories = store::integer(row, 0);
                stats.forgotten = store::integer(row, 1);
                stats.untrusted = store::integer(row, 2);
                stats.suspicious = store::integer(row, 3);
            });
        store::forEachRow(connection,
                          "SELECT type, count(*) FROM memory WHERE known_to = 0 AND forgotten_at = "
                          "0 AND merged_into = '' GROUP BY type ORDER BY count(*) DESC, type",
                          [&](SQLite::Statement& row) {
                              stats.byType.append({store::text(row, 0), store::integer(row, 1)});
                          });
        for (const MemoryEdge& edge : readEdges(connection, {}, {})) {
            const QString name = enumName(edge.relation);
            auto found = std::ranges::find(stats.byRelation, name, &protocol::NamedCount::name);
            if (found == stats.byRelation.end()) {
                stats.byRelation.append({name, 0});
                found = std::prev(stats.byRelation.end());
            }
            ++found->count;
            ++stats.edges;
        }
        std::ranges::sort(stats.byRelation, [](const auto& a, const auto& b) {
            return std::tie(b.count, a.name) < std::tie(a.count, b.name);
        });
        store::forEachRow(connection,
                          "SELECT ifnull(min(known_from), 0), ifnull(max(known_from), 0) FROM "
                          "memory",
                          [&](SQLite::Statement& row) {
                              stats.first = store::integer(row, 0);
                              stats.last = store::integer(row, 1);
                          });
        stats.bulletin = readBulletin(connection);
        return stats;
    });
}

Result<protocol::BulletinInfo> Memories::bulletin()
{
    return m_database.read([](Connection& connection) -> Result<protocol::BulletinInfo> {
        return readBulletin(connection);
    });
}

} // namespace sb::memory
