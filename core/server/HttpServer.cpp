#include "core/server/HttpServer.h"

#include "core/server/Daemon.h"

namespace sb::server {

struct HttpServer::Private
{
    std::unique_ptr<Reactor> reactor;
    std::unique_ptr<Daemon> daemon;
};

HttpServer::HttpServer(std::unique_ptr<Private> parts) : m(std::move(parts)) {}

Result<std::unique_ptr<HttpServer>> HttpServer::start(Settings settings,
                                                      protocol::RuntimeClient& client)
{
    SB_TRY(auto socket, Listener::open(settings.address, settings.port));
    auto parts = std::make_unique<Private>();
    SB_TRY(parts->reactor, Reactor::create());
    SB_TRY(parts->daemon,
           Daemon::start(std::move(settings), std::move(socket), client, *parts->reactor));
    SB_CHECK(parts->daemon->begin());
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(parts)));
}

HttpServer::~HttpServer()
{
    m->daemon->stop();
}

quint16 HttpServer::port() const
{
    return m->daemon->port();
}

QString HttpServer::address() const
{
    return m->daemon->address();
}

} // namespace sb::server
