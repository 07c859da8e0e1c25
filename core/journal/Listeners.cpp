#include "core/journal/Listeners.h"

#include "core/base/Executor.h"

namespace sb::journal {

namespace {
constexpr qsizetype keptInMemory = 4096;
constexpr int readAtOnce = 512;
} // namespace

struct Listeners::One : std::enable_shared_from_this<One>
{
    Executor* executor = nullptr;
    Listener listener;

    // Recursive, because an executor that runs jobs at once comes back here from publish().
    std::recursive_mutex mutex;
    bool active = true;
    bool posted = false;
    bool behind = false; // what waits is on disk, not in `waiting`
    qint64 seen = 0;     // seq of the last one handed over
    QList<protocol::Entry> waiting;
    const Reader* reader = nullptr; // null once the journal is gone

    void push(const QList<protocol::Entry>& entries)
    {
        const std::scoped_lock lock(mutex);
        if (!active || entries.last().seq <= seen) {
            return;
        }
        if (behind || waiting.size() + entries.size() > keptInMemory) {
            behind = true;
            waiting.clear();
        } else {
            waiting += entries;
        }
        if (!posted) {
            posted = true;
            // Under the lock: whoever ends the subscription knows that nothing is posted
            // afterwards.
            executor->post([self = shared_from_this()] { self->deliver(); });
        }
    }

    void deliver()
    {
        for (;;) {
            QList<protocol::Entry> batch;
            {
                const std::scoped_lock lock(mutex);
                if (active && behind && reader) {
                    // The lock keeps the journal from going away under the reading.
                    batch = (*reader)(seen, readAtOnce).value_or(QList<protocol::Entry>());
                    behind = batch.size() == readAtOnce;
                } else {
                    batch.swap(waiting);
                }
                // What the disk gave may overlap with what was pushed meanwhile.
                batch.removeIf([&](const protocol::Entry& entry) { return entry.seq <= seen; });
                if (!active || batch.isEmpty()) {
                    posted = false;
                    return;
                }
                seen = batch.last().seq;
            }
            listener(batch);
        }
    }
};

Listeners::Listeners(Reader reader) : m_reader(std::move(reader)) {}

Listeners::~Listeners()
{
    for (const auto& one : m_all) {
        const std::scoped_lock lock(one->mutex);
        one->reader = nullptr;
        one->behind = false;
    }
}

Subscription Listeners::add(Executor& executor, qint64 from, Listener listener)
{
    auto one = std::make_shared<One>();
    one->executor = &executor;
    one->listener = std::move(listener);
    one->seen = from;
    one->reader = &m_reader;
    const std::scoped_lock lock(m_mutex);
    m_all.push_back(one);
    return Subscription([one] {
        // The journal forgets it with its next publication, so a subscription may outlive the
        // journal.
        const std::scoped_lock guard(one->mutex);
        one->active = false;
        one->waiting.clear();
    });
}

void Listeners::publish(const QList<protocol::Entry>& entries)
{
    std::vector<std::shared_ptr<One>> all;
    {
        const std::scoped_lock lock(m_mutex);
        all.assign(m_all.begin(), m_all.end());
    }
    for (const auto& one : all) {
        one->push(entries);
    }
    const std::scoped_lock lock(m_mutex);
    std::erase_if(m_all, [](const auto& one) {
        const std::scoped_lock guard(one->mutex);
        return !one->active;
    });
}

} // namespace sb::journal
