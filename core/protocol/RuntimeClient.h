#pragma once
#include "core/base/Future.h"
#include "core/base/Subscription.h"
#include "core/protocol/Commands.h"
#include "core/protocol/Events.h"

namespace sb::protocol {

/// The one way to a runtime: in the same process, behind a local socket, later on another machine.
/// Safe to call from any thread.
class RuntimeClient
{
public:
    virtual ~RuntimeClient() = default;

    /// Sends any command; the answer is the JSON of its Reply. Prefer request().
    virtual Future<QJsonObject> send(Command command) = 0;

    /// Delivers events on the executor, in order, until the subscription ends. Bounded: see Lagged.
    virtual Subscription subscribe(Executor& executor,
                                   std::function<void(const Event&)> listener) = 0;

    template <class C>
    Future<typename C::Reply> request(C command)
    {
        Promise<typename C::Reply> promise;
        auto future = promise.future();
        send(Command(std::move(command)))
            .then([promise = std::move(promise)](Result<QJsonObject> reply) {
                if (!reply) {
                    promise.set(std::unexpected(reply.error()));
                } else {
                    promise.set(fromJson<typename C::Reply>(*reply));
                }
            });
        return future;
    }
};

} // namespace sb::protocol
