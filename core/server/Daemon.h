#pragma once
#include "core/server/Routes.h"

#include <semaphore>
#include <unordered_set>

struct MHD_Daemon;

namespace sb::server {

/// A socket that listens on a loopback address.
struct Listener
{
    Fd socket;
    QString address;
    quint16 port = 0;

    static Result<Listener> open(const QString& address, quint16 port);
};

/// libmicrohttpd on the reactor's thread: accepts, checks, dispatches to the routes, and keeps the
/// time.
class Daemon
{
public:
    static Result<std::unique_ptr<Daemon>> start(HttpServer::Settings settings,
                                                 Listener listener,
                                                 protocol::RuntimeClient& client,
                                                 Reactor& reactor);
    ~Daemon();
    /// Starts the reactor, and serves from then on.
    Result<> begin();
    /// From the owner's thread: answers what waits, lets answers leave, ends.
    void stop();

    [[nodiscard]] quint16 port() const { return m_port; }
    [[nodiscard]] const QString& address() const { return m_address; }

    // libmicrohttpd's callbacks.
    struct Connection
    {
        int fd = -1;
        QByteArray peer;     ///< the other side's address
        qint64 deadline = 0; ///< when its request must have arrived; 0 while none is awaited
        std::shared_ptr<Exchange> exchange; ///< shared with who answers it
    };
    int access(MHD_Connection* connection,
               Connection& facts,
               const char* url,
               const char* method,
               const char* data,
               size_t* size,
               void** request);
    void completed(Connection& facts);
    Connection* opened(MHD_Connection* connection);
    void closed(Connection* facts);

private:
    Daemon(HttpServer::Settings settings,
           Listener& listener,
           protocol::RuntimeClient& client,
           Reactor& reactor);
    void begin(Exchange& exchange, const QByteArray& peer, const char* url, const char* method);
    [[nodiscard]] std::optional<Reply> check(Exchange& exchange, const QByteArray& peer);
    [[nodiscard]] bool canSkipBody(const Exchange& exchange) const;
    int work();
    void sweep(qint64 now);
    void endAll();

    HttpServer::Settings m_settings;
    QString m_address;
    quint16 m_port;
    Reactor& m_reactor;
    Limits m_limits;
    Counters m_counters;
    EventHub m_hub;
    Services m_services;
    Door m_door;
    MHD_Daemon* m_daemon = nullptr;
    std::unordered_set<Connection*> m_connections;
    qint64 m_sweepEvery;
    qint64 m_nextSweep = 0;
    bool m_stopping = false;
    bool m_toldEmpty = false;
    std::binary_semaphore m_empty{0};
};

} // namespace sb::server
