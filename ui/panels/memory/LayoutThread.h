#pragma once
#include "core/base/Executor.h"
#include "ui/panels/memory/Communities.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace sb::panels {

/// Lays a graph out in a thread of its own. It sleeps while nothing moves. Made, used and destroyed
/// in one thread with an event loop, where the pictures arrive.
class LayoutThread
{
public:
    /// How far it is. Several are passed over when they come faster than they are taken.
    struct Picture
    {
        quint64 graph = 0; ///< what set() returned
        std::shared_ptr<const std::vector<Place>> places;
        std::shared_ptr<const Communities> communities; ///< of a graph of `communitiesFrom` nodes
        bool isAtRest = false;
    };
    struct Graph
    {
        GraphShape shape;
        GraphLayout::Start start;
        std::vector<unsigned char> kinds; ///< of the nodes, for communities
        float warmth = 1;                 ///< 0: everything stays where it is
        bool isFresh = true;              ///< nothing has a place yet
    };
    static constexpr int communitiesFrom = 2000;

    explicit LayoutThread(std::function<void(const Picture&)> taken);
    ~LayoutThread();

    /// Begins with another graph. Pictures of the one before may still come.
    quint64 set(Graph graph);
    /// Puts a node somewhere and keeps it there, while the others make room.
    void pin(int node, Place at);
    void release(int node);

private:
    struct Shared;
    struct Order
    {
        int node = 0;
        std::optional<Place> at; // none: released
    };
    void run(const std::stop_token& stop);
    void publish(const std::shared_ptr<const Communities>& communities, bool isAtRest);

    std::shared_ptr<Shared> m_shared; // with pictures that are on their way
    ContextExecutor m_executor;
    std::mutex m_mutex;
    std::condition_variable_any m_woken;
    std::optional<Graph> m_next; // under m_mutex, as the rest of these
    std::vector<Order> m_orders;
    quint64 m_set = 0;
    GraphLayout m_layout; // of the thread, as m_current
    quint64 m_current = 0;
    std::jthread m_thread; // last: it uses all of this
};

} // namespace sb::panels
