#pragma once
#include "core/memory/Memories.h"
#include "core/tools/MemoryTools.h"

namespace sb::process {

/// An agent's memory as its processes use it. Safe to use from any thread; outlives the host.
class Mind : public tools::Remembering
{
public:
    /// For readings, which block on disk.
    virtual memory::Memories& memories() = 0;
    /// Merges, links and forgets, see core/memory/Upkeep.h, as that process, because of that entry.
    /// Answers with what was done, in words; empty: nothing was to be done.
    virtual Future<QString> tidy(QString process, QString cause, std::stop_token stop) = 0;
};

} // namespace sb::process
