#pragma once
#include "core/base/Executor.h"
#include "core/base/Subscription.h"
#include "core/protocol/Events.h"

#include <functional>
#include <memory>

namespace sb::runtime {

/// Hands events to listeners, each on its own executor, in order. Bounded for each: of a listener
/// that does not keep up, pictures of progress are merged, and beyond `capacity` waiting events
/// everything is dropped and it gets Lagged.
class Hub
{
public:
    static constexpr int capacity = 8192;

    Hub();
    ~Hub();
    void publish(const protocol::Event& event);
    Subscription subscribe(Executor& executor,
                           std::function<void(const protocol::Event&)> listener);
    /// Whether anybody listens: readings for nobody need not be made.
    [[nodiscard]] bool hasListeners() const;

private:
    struct Listener;
    struct Private;
    std::shared_ptr<Private> m; // shared with subscriptions, which may outlive the hub
};

} // namespace sb::runtime
