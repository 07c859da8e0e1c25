#pragma once
#include "core/memory/Memories.h"
#include "core/tools/Registry.h"

namespace sb::tools {

/// What the memory tools act on: one agent's memory. Safe to use from any thread.
class Remembering
{
public:
    virtual ~Remembering() = default;

    struct Saved
    {
        protocol::MemoryChanged change; ///< its first memory is the one that was saved
        bool isNew = true;              ///< false: one that says the same was there already
    };
    /// Saves a memory (the first change) with its edges (the others; an empty end of theirs is that
    /// memory). One of the same type that says the same is brought up to date instead of doubled.
    virtual Future<Saved> save(QList<protocol::MemoryChange> changes, memory::Origin origin) = 0;
    virtual Future<protocol::MemoryChanged> change(QList<protocol::MemoryChange> changes,
                                                   memory::Origin origin) = 0;
    struct Recalled
    {
        QList<protocol::MemoryHit> hits; ///< those of other agents among them name theirs
        QString notice;                  ///< what could not be used this time
        QList<taint::Source> sources;    ///< where the words of all of them come from
    };
    /// Of this agent, and of those that let it read theirs.
    virtual Future<Recalled> recall(QString words, int limit, protocol::MemoryFilter filter) = 0;
};

/// Adds memory_save, memory_recall, memory_delete and memory_link to a registry, for branches.
/// `find` answers with an agent's memory; Unavailable when it is not running.
void addMemoryTools(Registry& registry,
                    std::function<Result<Remembering*>(const QString& agent)> find);

/// Whether two texts say the same but for blanks, case, punctuation and slips of the pen. Another
/// number, name order or short word is another statement.
bool saysTheSame(const QString& one, const QString& other);

/// A hit as a model reads it: id, type, who vouches for it, content, why it was found.
QString hitText(const protocol::MemoryHit& hit, const QString& agent);

} // namespace sb::tools
