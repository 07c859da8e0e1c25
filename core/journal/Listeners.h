#pragma once
#include "core/base/Subscription.h"
#include "core/protocol/Values.h"

#include <functional>
#include <list>
#include <memory>
#include <mutex>

namespace sb {
class Executor;
}

namespace sb::journal {

/// Delivers committed entries to whoever listens: each entry once, in order, without waiting for
/// anyone and without growing: beyond a few thousand waiting entries a listener reads what it
/// missed from disk.
class Listeners
{
public:
    using Listener = std::function<void(const QList<protocol::Entry>&)>;
    /// Reads up to `limit` entries after seq.
    using Reader = std::function<Result<QList<protocol::Entry>>(qint64 seq, int limit)>;

    explicit Listeners(Reader reader);
    /// Nothing is read any more when this returns; a listener that runs just now may still finish.
    ~Listeners();

    Subscription add(Executor& executor, qint64 from, Listener listener);
    /// On the writer's thread, after the commit.
    void publish(const QList<protocol::Entry>& entries);

private:
    struct One;
    Reader m_reader;
    std::mutex m_mutex;
    std::list<std::shared_ptr<One>> m_all;
};

} // namespace sb::journal
