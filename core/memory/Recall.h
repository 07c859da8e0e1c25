#pragma once
#include "core/memory/Index.h"
#include "core/memory/Memories.h"

namespace sb::memory {

/// Looks for memories three ways at once, and says of each why it was found. Safe to use from any
/// thread. What it searches in must outlive its searches, and so must the pool's jobs.
class Recall
{
public:
    Recall(Memories& memories, Index& index, Clock& clock, Executor& pool);

    /// The best first, at most `limit` (1 to 100). A filter with knownAt reads the past (its words
    /// alone find there). Where vectors cannot be had, or not within two seconds, words and graph
    /// find, and the notice says so. InvalidInput when there is no word to look for.
    Future<protocol::SearchMemory::Reply>
    search(QString words, int limit, protocol::MemoryFilter filter);

private:
    Memories& m_memories;
    Index& m_index;
    Clock& m_clock;
    Executor& m_pool;
};

} // namespace sb::memory
