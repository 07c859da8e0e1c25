#include "ui/panels/memory/LayoutThread.h"

#include <algorithm>
#include <chrono>

namespace sb::panels {

namespace {

using Watch = std::chrono::steady_clock;
constexpr auto frame = std::chrono::milliseconds(33);
// Small graphs come to rest in this time and are shown at once as they stay.
constexpr auto patience = std::chrono::milliseconds(180);

} // namespace

struct LayoutThread::Shared
{
    std::mutex mutex;
    std::optional<Picture> picture; // not taken yet
    std::function<void(const Picture&)> taken;
};

LayoutThread::LayoutThread(std::function<void(const Picture&)> taken)
    : m_shared(std::make_shared<Shared>())
    , m_thread([this](const std::stop_token& stop) { run(stop); })
{
    m_shared->taken = std::move(taken);
}

LayoutThread::~LayoutThread()
{
    m_shared->taken = {}; // pictures arrive in this thread, so none is being taken now
}

quint64 LayoutThread::set(Graph graph)
{
    const std::scoped_lock lock(m_mutex);
    m_next = std::move(graph);
    m_orders.clear();
    m_woken.notify_one();
    return ++m_set;
}

void LayoutThread::pin(int node, Place at)
{
    const std::scoped_lock lock(m_mutex);
    m_orders.push_back({node, at});
    m_woken.notify_one();
}

void LayoutThread::release(int node)
{
    const std::scoped_lock lock(m_mutex);
    m_orders.push_back({node, {}});
    m_woken.notify_one();
}

void LayoutThread::publish(const std::shared_ptr<const Communities>& communities, bool isAtRest)
{
    const auto places = m_layout.places();
    Picture picture{.graph = m_current,
                    .places =
                        std::make_shared<const std::vector<Place>>(places.begin(), places.end()),
                    .communities = communities,
                    .isAtRest = isAtRest};
    {
        const std::scoped_lock lock(m_shared->mutex);
        if (std::exchange(m_shared->picture, std::move(picture))) {
            return; // the one before was not taken: this one goes in its place
        }
    }
    m_executor.post([shared = m_shared] {
        std::optional<Picture> now;
        {
            const std::scoped_lock lock(shared->mutex);
            now.swap(shared->picture);
        }
        if (now && shared->taken) {
            shared->taken(*now);
        }
    });
}

void LayoutThread::run(const std::stop_token& stop)
{
    std::shared_ptr<const Communities> communities;
    Watch::time_point shownAt;
    bool mustShow = false;
    while (true) {
        std::optional<Graph> next;
        std::vector<Order> orders;
        {
            std::unique_lock lock(m_mutex);
            m_woken.wait(lock, stop, [&] {
                return m_next || !m_orders.empty() || mustShow || !m_layout.isAtRest();
            });
            if (stop.stop_requested()) {
                return;
            }
            next.swap(m_next);
            orders.swap(m_orders);
            m_current = m_set;
        }
        if (next) {
            communities.reset();
            const bool isLarge = next->shape.size() >= communitiesFrom;
            if (isLarge) {
                communities = std::make_shared<const Communities>(findCommunities(
                    next->shape, next->kinds, std::clamp(next->shape.size() / 800, 3, 40)));
            }
            if (isLarge && next->isFresh) {
                next->start.places = placesByCommunity(*communities, next->start.aspect);
                next->start.isPlaced.assign(next->start.places.size(), 1);
            }
            m_layout = GraphLayout(std::move(next->shape), std::move(next->start), next->warmth);
            // A large one is shown as soon as its communities are in their places.
            shownAt = isLarge ? Watch::time_point() : Watch::now() + patience - frame;
            mustShow = true;
        }
        for (const Order& order : orders) {
            if (order.at) {
                m_layout.pin(order.node, *order.at);
            } else {
                m_layout.release(order.node);
            }
            m_layout.heat(0.12F);
            mustShow = true;
        }
        mustShow = m_layout.step() || mustShow;
        const bool isAtRest = m_layout.isAtRest();
        if (mustShow && (isAtRest || Watch::now() - shownAt >= frame)) {
            publish(communities, isAtRest);
            shownAt = Watch::now();
            mustShow = false;
        }
    }
}

} // namespace sb::panels
