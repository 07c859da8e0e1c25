#pragma once
#include "core/server/Door.h"
#include "core/server/EventHub.h"
#include "core/server/Exchange.h"
#include "core/server/HttpServer.h"

namespace sb::server {

/// What the routes work with.
struct Services
{
    protocol::RuntimeClient& client;
    Reactor& reactor;
    EventHub& hub;
    const HttpServer::Settings& settings;
    Counters& counters;

    /// Asks the runtime; the answer comes back on the reactor's thread.
    template <class C>
    void ask(C command, std::move_only_function<void(Result<typename C::Reply>)> then)
    {
        client.request(std::move(command))
            .then([inbox = reactor.inbox(),
                   then = std::move(then)](Result<typename C::Reply> reply) mutable {
                inbox->post([then = std::move(then), reply = std::move(reply)]() mutable {
                    then(std::move(reply));
                });
            });
    }
};

/// Answers a request of a route. It has the right method, and its sender has shown the token (but
/// for healthz).
using Handler = void (*)(Services& services, const std::shared_ptr<Exchange>& exchange);

void serveHealth(Services& services, const std::shared_ptr<Exchange>& exchange);
void serveMetrics(Services& services, const std::shared_ptr<Exchange>& exchange);
void serveModels(Services& services, const std::shared_ptr<Exchange>& exchange);
void serveChat(Services& services, const std::shared_ptr<Exchange>& exchange);
void serveEvents(Services& services, const std::shared_ptr<Exchange>& exchange);
void serveApprovals(Services& services, const std::shared_ptr<Exchange>& exchange);
void serveApproval(Services& services, const std::shared_ptr<Exchange>& exchange);

struct Route
{
    Handler handler = nullptr;
    QByteArray name;
    RouteClass kind = RouteClass::Unknown;
    QByteArray methods; ///< as the Allow header says it
};
/// The route of a path; nothing when there is none.
std::optional<Route> findRoute(const QByteArray& path);

/// The body as a JSON object, or one sentence that says what is wrong with it.
Result<QJsonObject> parseObject(const QByteArray& body);
/// The id of a channel that a client may name as it likes: letters, digits and -_.@+ stay; when
/// anything else had to go, a piece of the original's hash is added, so that two names never become
/// one.
QString channelIdFor(const QString& user);

} // namespace sb::server
