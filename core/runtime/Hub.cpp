#include "core/runtime/Hub.h"

#include "core/base/Guarded.h"

#include <atomic>
#include <deque>
#include <mutex>
#include <vector>

namespace sb::runtime {

using protocol::Event;

struct Hub::Listener
{
    Executor* executor = nullptr;
    std::function<void(const Event&)> call;
    std::mutex mutex;
    std::deque<Event> waiting;
    bool posted = false;
    bool lagged = false;
    std::recursive_mutex
        calling; // held while it is called, so that unsubscribing waits for the end of a call
    bool ended = false; // under `calling`

    // Joins a piece to the newest one when they belong together.
    static bool merge(Event& last, const Event& next)
    {
        if (auto* a = std::get_if<protocol::TextDelta>(&last)) {
            const auto* b = std::get_if<protocol::TextDelta>(&next);
            if (b != nullptr && a->agent == b->agent && a->process == b->process) {
                a->text += b->text;
                return true;
            }
        }
        if (auto* a = std::get_if<protocol::OutputTail>(&last)) {
            const auto* b = std::get_if<protocol::OutputTail>(&next);
            if (b != nullptr && a->agent == b->agent && a->process == b->process) {
                a->text += b->text;
                return true;
            }
        }
        return false;
    }

    static void push(const std::shared_ptr<Listener>& self, const Event& event)
    {
        bool post = false;
        {
            const std::scoped_lock lock(self->mutex);
            if (self->lagged) {
                return;
            }
            if (!self->waiting.empty() && merge(self->waiting.back(), event)) {
                return;
            }
            if (self->waiting.size() >= size_t(capacity)) {
                self->waiting.clear();
                self->waiting.push_back(protocol::Lagged{});
                self->lagged = true;
            } else {
                self->waiting.push_back(event);
            }
            post = !std::exchange(self->posted, true);
        }
        if (post) {
            self->executor->post([self] { drain(self); });
        }
    }

    static void drain(const std::shared_ptr<Listener>& self)
    {
        std::deque<Event> events;
        {
            const std::scoped_lock lock(self->mutex);
            events.swap(self->waiting);
            self->posted = false;
            self->lagged = false;
        }
        const std::scoped_lock lock(self->calling);
        for (const Event& event : events) {
            if (self->ended) {
                return;
            }
            self->call(event);
        }
    }
};

struct Hub::Private
{
    Guarded<std::vector<std::shared_ptr<Listener>>> listeners;
    std::atomic<int> count = 0;
};

Hub::Hub() : m(std::make_shared<Private>()) {}

Hub::~Hub() = default;

void Hub::publish(const Event& event)
{
    if (!hasListeners()) {
        return;
    }
    const auto listeners = m->listeners.withLock([](const auto& all) { return all; });
    for (const auto& listener : listeners) {
        Listener::push(listener, event);
    }
}

Subscription Hub::subscribe(Executor& executor, std::function<void(const Event&)> call)
{
    auto listener = std::make_shared<Listener>();
    listener->executor = &executor;
    listener->call = std::move(call);
    m->listeners.withLock([&](auto& all) { all.push_back(listener); });
    ++m->count;
    return Subscription([hub = m, listener] {
        hub->listeners.withLock([&](auto& all) { std::erase(all, listener); });
        --hub->count;
        const std::scoped_lock lock(listener->calling);
        listener->ended = true;
    });
}

bool Hub::hasListeners() const
{
    return m->count.load() > 0;
}

} // namespace sb::runtime
