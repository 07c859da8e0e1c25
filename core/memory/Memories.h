#pragma once
#include "core/journal/Journal.h"
#include "core/protocol/Memory.h"
#include "core/taint/Source.h"

namespace sb::memory {

/// The longest content of one memory, in characters.
constexpr qsizetype MostCharacters = 8000;

/// memory.changed and what tool.result tells of recalls, as tables.
class MemoryProjection final : public journal::Projection
{
public:
    [[nodiscard]] QList<Table> tables() const override;
    Result<> apply(store::Connection& connection, const protocol::Entry& entry) override;
    [[nodiscard]] QJsonObject kept(const protocol::Entry& entry) const override;
    Result<> erase(store::Connection& connection, const protocol::Entry& entry) override;
};

/// In whose name something is changed, and why.
struct Origin
{
    QString by;                     ///< "owner", "cortex", "ingest", or a process's id
    QString reason{};               ///< one sentence; may be empty
    QString process{};              ///< whose entry it is
    QString cause{};                ///< seq of the entry that made it happen
    QList<taint::Source> sources{}; ///< what the new contents come from
    QString traceId{};
    QString spanId{};
};

/// One agent's memories: the only writer of memory.changed. Safe to use from any thread.
class Memories
{
public:
    /// `suspicious` says why a text reads like an instruction to the agent (empty: it does not);
    /// nobody vouches for such a memory, whoever saved it, unless the owner did. The journal must
    /// have a MemoryProjection.
    Memories(journal::Journal& journal,
             store::Database& database,
             std::function<QString(const QString& text)> suspicious = {});

    /// Makes all the changes in one entry, or none. Save needs a content; what else is not given is
    /// standard (provenance: untrusted when a source's labels say so, else agent). A Link that
    /// Updates or Contradicts closes the validity of the memory that it leads to. What changes
    /// nothing makes no entry: seq is 0 then. InvalidInput, NotFound, Conflict (a forgotten memory
    /// is edited, other than to remember it), Forbidden (only the owner vouches and promotes).
    Future<protocol::MemoryChanged> change(QList<protocol::MemoryChange> changes, Origin origin);
    Future<protocol::MemoryChanged> merge(QStringList ids, const QString& content, Origin origin);
    Future<protocol::MemoryChanged> split(QString id, QStringList contents, Origin origin);
    /// Conflict when what that entry touched was changed since; NotFound when it changed nothing.
    Future<protocol::MemoryChanged> undo(qint64 seq, Origin origin);
    /// Writes a bulletin down; one that says what the newest says already is not written again.
    Future<protocol::BulletinInfo>
    tell(QString text, QStringList memories, QString by, Origin origin);

    /// A piece of a file that becomes a memory.
    struct Piece
    {
        QString digest; ///< SHA-256, hex
        protocol::MemoryChange memory;
    };
    /// Saves those pieces of a file that are not known yet, all or none, in as many entries as it
    /// takes; answers with how many those were. What it answered is on disk.
    Future<int> ingest(QString file, QList<Piece> pieces, Origin origin);

    // Readings; they block on disk.
    Result<protocol::ListMemories::Reply>
    list(const protocol::MemoryFilter& filter, int offset, int limit);
    Result<protocol::GetMemory::Reply> get(const QString& id);
    Result<protocol::GetMemoryGraph::Reply>
    graph(const QString& around, int depth, int limit, const protocol::MemoryFilter& filter);
    /// Without `index`.
    Result<protocol::GetMemoryStats::Reply> stats();
    Result<protocol::BulletinInfo> bulletin();

    [[nodiscard]] journal::Journal& journal() { return m_journal; }
    [[nodiscard]] store::Database& database() { return m_database; }

private:
    journal::Journal& m_journal;
    store::Database& m_database;
    std::function<QString(const QString&)> m_suspicious;
};

// The same readings on a connection, for those who have one. SQLite's exceptions may fly.

std::optional<protocol::MemoryInfo> readMemory(store::Connection& connection, const QString& id);
QList<protocol::MemoryInfo> readMemories(store::Connection& connection,
                                         const protocol::MemoryFilter& filter,
                                         int offset,
                                         int limit);
/// Where a memory's content comes from.
QList<taint::Source> readSources(store::Connection& connection, const QString& id);
/// Where the newest bulletin's text comes from.
QList<taint::Source> readBulletinSources(store::Connection& connection);
/// Edges between memories that the filter lets through, or (ids not empty) those that touch them.
QList<protocol::MemoryEdge> readEdges(store::Connection& connection,
                                      const QStringList& ids,
                                      const protocol::MemoryFilter& filter);

/// How much a memory weighs at a moment: see README.md. 0 to 1.
double weightAt(const protocol::MemoryInfo& memory, TimeUs now);

} // namespace sb::memory
