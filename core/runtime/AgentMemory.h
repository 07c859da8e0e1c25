#pragma once
#include "core/memory/Index.h"
#include "core/memory/Recall.h"
#include "core/process/Mind.h"

#include <semaphore>

namespace sb::runtime {

/// What one agent remembers: for its processes, its tools and for people. What recall needs is
/// opened at first use. Safe to use from any thread.
class AgentMemory final : public process::Mind
{
public:
    struct Parts
    {
        QString folder; ///< where the index lies
        journal::Journal& journal;
        store::Database& database;
        Executor& pool;
        Clock& clock;
        /// The one in force.
        std::function<std::shared_ptr<memory::Embedder>()> embedder;
        /// The memories of other agents that this one may read. Blocks on disk.
        std::function<std::vector<AgentMemory*>()> readable;
        /// The index is another one than before; from any thread.
        std::function<void(const protocol::MemoryIndexInfo&)> indexed;
        /// In which conversation a process works. Blocks on disk.
        std::function<QString(const QString& process)> channelOf;
    };
    explicit AgentMemory(Parts parts);
    ~AgentMemory() override;

    // process::Mind
    memory::Memories& memories() override { return m_memories; }
    Future<Saved> save(QList<protocol::MemoryChange> changes, memory::Origin origin) override;
    Future<protocol::MemoryChanged> change(QList<protocol::MemoryChange> changes,
                                           memory::Origin origin) override;
    Future<Recalled> recall(QString words, int limit, protocol::MemoryFilter filter) override;
    Future<QString> tidy(QString process, QString cause, std::stop_token stop) override;

    /// Of this agent alone.
    Future<protocol::SearchMemory::Reply>
    search(QString words, int limit, protocol::MemoryFilter filter);
    /// With the index. Blocks on disk.
    Result<protocol::GetMemoryStats::Reply> stats();
    /// How much is remembered. Blocks on disk.
    qint64 count();
    /// Another embedder is in force.
    void use(std::shared_ptr<memory::Embedder> embedder);
    /// Ends what works in the background, and answers when it has. The pool must still run; from
    /// here on nothing can be looked for.
    void close();

private:
    struct Opened;
    /// Blocks on disk the first time. Unavailable once it was closed.
    Result<std::shared_ptr<Opened>> opened();
    /// Nothing when it was not opened yet.
    std::shared_ptr<Opened> openNow();
    void tellIndex();
    /// The current memory of that type that says the same, if there is one. Blocks on disk.
    Result<std::optional<protocol::MemoryInfo>> findSame(const protocol::MemoryChange& save);
    Future<Saved> saveNow(QList<protocol::MemoryChange> changes, memory::Origin origin);

    Parts m;
    memory::Memories m_memories;
    std::mutex m_opening;
    /// Shared with the searches that are under way, so that closing can wait for them.
    std::shared_ptr<Opened> m_opened;
    bool m_isClosed = false;
    std::binary_semaphore m_gone{0}; ///< nobody uses what was opened any more
};

} // namespace sb::runtime
