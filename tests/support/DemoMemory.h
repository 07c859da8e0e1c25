#pragma once
#include "core/protocol/Memory.h"

#include "core/base/Result.h"

#include <QHash>

namespace sb::test {

/// One agent's memory as a runtime would serve it, the simplest way: versions and edges with their
/// times in two lists, and every change can be taken back.
class DemoMemory
{
public:
    explicit DemoMemory(QString agent = {}) : m_agent(std::move(agent)) {}

    /// A few weeks of a person's and an agent's work, with corrections, a contradiction, something
    /// untrusted and something forgotten. `now` is when the last of it was written down.
    void fillWithExamples(TimeUs now);
    /// So many memories in subjects of about forty, linked mostly within their own.
    void fillWithMany(int count, TimeUs now);
    /// Writes one down as it is, with `knownFrom` for its times where these are empty.
    QString add(protocol::MemoryInfo memory);
    void
    addEdge(const QString& from, const QString& to, protocol::Relation relation, TimeUs since = 0);

    Result<protocol::GetMemoryGraph::Reply> answer(const protocol::GetMemoryGraph& command) const;
    Result<protocol::ListMemories::Reply> answer(const protocol::ListMemories& command) const;
    Result<protocol::SearchMemory::Reply> answer(const protocol::SearchMemory& command) const;
    Result<protocol::GetMemory::Reply> answer(const protocol::GetMemory& command) const;
    Result<protocol::GetMemoryStats::Reply> answer(const protocol::GetMemoryStats& command) const;
    Result<protocol::MemoryChanged> answer(const protocol::ChangeMemory& command, qint64 seq);
    Result<protocol::MemoryChanged> answer(const protocol::MergeMemories& command, qint64 seq);
    Result<protocol::MemoryChanged> answer(const protocol::SplitMemory& command, qint64 seq);
    Result<protocol::MemoryChanged> answer(const protocol::UndoMemoryChange& command, qint64 seq);

    [[nodiscard]] protocol::MemoryInfo current(const QString& id) const;

    protocol::MemoryIndexInfo index{QStringLiteral("hashed"), 384, 0, 0, {}};
    protocol::BulletinInfo bulletin;
    TimeUs now = 0; ///< of the changes that come

private:
    struct Before
    {
        QList<protocol::MemoryInfo> memories; // as they were; a seq of 0: there was none
        QList<protocol::MemoryEdge> drawn;
        QList<protocol::MemoryEdge> cut;
        bool isTakenBack = false;
    };
    [[nodiscard]] QList<protocol::MemoryInfo> at(const protocol::MemoryFilter& filter) const;
    [[nodiscard]] QList<protocol::MemoryEdge> edgesAt(TimeUs moment) const;
    void put(protocol::MemoryInfo memory, qint64 seq, protocol::MemoryChanged& changed);
    void draw(const protocol::MemoryEdge& edge, qint64 seq, protocol::MemoryChanged& changed);
    void cut(const protocol::MemoryEdge& edge, qint64 seq, protocol::MemoryChanged& changed);

    QString m_agent;
    QList<protocol::MemoryInfo> m_versions;
    QList<protocol::MemoryEdge> m_edges;
    QHash<QString, qsizetype> m_current; // id → its newest version
    QHash<qint64, Before> m_before;      // by seq of the change
    int m_next = 1;
};

} // namespace sb::test
