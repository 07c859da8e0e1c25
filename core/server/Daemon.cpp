#include "core/server/Daemon.h"

#include "core/base/Contracts.h"
#include "core/base/Defence.h"
#include "core/server/Folders.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sb::server {

namespace {

constexpr int backlog = 1024;

struct Address
{
    sockaddr_storage storage{};
    socklen_t size = 0;
};

std::optional<Address> loopbackAddress(const QString& text, quint16 port)
{
    QByteArray name = text.trimmed().toLatin1().toLower();
    if (name == "localhost") {
        name = "127.0.0.1";
    }
    if (name.startsWith('[') && name.endsWith(']')) {
        name = name.sliced(1, name.size() - 2);
    }
    Address address;
    sockaddr_in four{};
    if (::inet_pton(AF_INET, name.constData(), &four.sin_addr) == 1) {
        if ((ntohl(four.sin_addr.s_addr) >> 24) != 127) {
            return std::nullopt;
        }
        four.sin_family = AF_INET;
        four.sin_port = htons(port);
        std::memcpy(&address.storage, &four, sizeof four);
        address.size = sizeof four;
        return address;
    }
    sockaddr_in6 six{};
    if (::inet_pton(AF_INET6, name.constData(), &six.sin6_addr) == 1 &&
        IN6_IS_ADDR_LOOPBACK(&six.sin6_addr)) {
        six.sin6_family = AF_INET6;
        six.sin6_port = htons(port);
        std::memcpy(&address.storage, &six, sizeof six);
        address.size = sizeof six;
        return address;
    }
    return std::nullopt;
}

QByteArray nameOf(const sockaddr* address)
{
    char text[INET6_ADDRSTRLEN] = {};
    if (address != nullptr && address->sa_family == AF_INET) {
        ::inet_ntop(
            AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text, sizeof text);
    } else if (address != nullptr && address->sa_family == AF_INET6) {
        ::inet_ntop(AF_INET6,
                    &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr,
                    text,
                    sizeof text);
    }
    return text;
}

// Each connection is a file; the soft limit is 1,024 on most machines.
void raiseFileLimit(int connections)
{
    rlimit limit{};
    const rlim_t wanted = rlim_t(connections) + 512;
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
        limit.rlim_cur = std::min(limit.rlim_max, wanted);
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

MHD_Result onAccess(void* self,
                    MHD_Connection* connection,
                    const char* url,
                    const char* method,
                    const char*,
                    const char* data,
                    size_t* size,
                    void** request)
{
    const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    auto* facts = static_cast<Daemon::Connection*>(info->socket_context);
    return MHD_Result(
        static_cast<Daemon*>(self)->access(connection, *facts, url, method, data, size, request));
}

void onCompleted(void* self, MHD_Connection* connection, void** request, MHD_RequestTerminationCode)
{
    if (*request != nullptr) {
        const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        static_cast<Daemon*>(self)->completed(
            *static_cast<Daemon::Connection*>(info->socket_context));
        *request = nullptr;
    }
}

void onConnection(void* self,
                  MHD_Connection* connection,
                  void** context,
                  MHD_ConnectionNotificationCode code)
{
    auto* daemon = static_cast<Daemon*>(self);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = daemon->opened(connection);
    } else {
        daemon->closed(static_cast<Daemon::Connection*>(*context));
        *context = nullptr;
    }
}

} // namespace

Result<Listener> Listener::open(const QString& address, quint16 port)
{
    const auto where = loopbackAddress(address, port);
    if (!where) {
        return fail(
            ErrorCode::InvalidInput,
            QStringLiteral(
                "Signalbox listens on this machine only: \"%1\" is no loopback address (use "
                "127.0.0.1 or ::1).")
                .arg(address));
    }
    Fd socket(::socket(where->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) {
        return systemFailure(
            QStringLiteral("No socket can be opened on %1").arg(address), errno, address);
    }
    const int yes = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&where->storage), where->size) !=
            0 ||
        ::listen(socket.get(), backlog) != 0) {
        if (errno == EADDRINUSE) {
            return fail(ErrorCode::Conflict,
                        QStringLiteral("Port %1 on %2 is in use by another program.")
                            .arg(port)
                            .arg(address));
        }
        if (errno == EACCES) {
            return fail(ErrorCode::Forbidden,
                        QStringLiteral(
                            "Port %1 may be used only by an administrator; choose one above 1023.")
                            .arg(port));
        }
        return systemFailure(
            QStringLiteral("Port %1 on %2 cannot be used").arg(port).arg(address), errno, address);
    }
    Listener listener;
    Address bound;
    bound.size = sizeof bound.storage;
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&bound.storage), &bound.size);
    char text[INET6_ADDRSTRLEN] = "";
    if (bound.storage.ss_family == AF_INET6) {
        sockaddr_in6 six{};
        std::memcpy(&six, &bound.storage, sizeof six);
        listener.port = ntohs(six.sin6_port);
        ::inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof text);
    } else {
        sockaddr_in four{};
        std::memcpy(&four, &bound.storage, sizeof four);
        listener.port = ntohs(four.sin_port);
        ::inet_ntop(AF_INET, &four.sin_addr, text, sizeof text);
    }
    listener.address = QString::fromLatin1(text);
    listener.socket = std::move(socket);
    return listener;
}

Daemon::Daemon(HttpServer::Settings settings,
               Listener& listener,
               protocol::RuntimeClient& client,
               Reactor& reactor)
    : m_settings(std::move(settings))
    , m_address(listener.address)
    , m_port(listener.port)
    , m_reactor(reactor)
    , m_limits{m_settings.maxBody, m_settings.pendingBytes, m_settings.pendingEvents}
    , m_hub(client, reactor)
    , m_services{client, reactor, m_hub, m_settings, m_counters}
    , m_door(m_settings, m_address, m_port)
    , m_sweepEvery(std::clamp<qint64>(
          std::min({m_settings.requestTimeout, m_settings.heartbeat, m_settings.idleTimeout})
                  .count() /
              4,
          10,
          1000))
{
}

Daemon::~Daemon()
{
    if (m_daemon != nullptr) {
        MHD_stop_daemon(m_daemon); // it never began
    }
}

Result<std::unique_ptr<Daemon>> Daemon::start(HttpServer::Settings settings,
                                              Listener listener,
                                              protocol::RuntimeClient& client,
                                              Reactor& reactor)
{
    raiseFileLimit(settings.maxConnections);
    std::unique_ptr<Daemon> daemon(new Daemon(std::move(settings), listener, client, reactor));
    const auto idle = unsigned(std::max<qint64>(1, daemon->m_settings.idleTimeout.count() / 1000));
    daemon->m_daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME,
        0,
        nullptr,
        nullptr,
        onAccess,
        daemon.get(),
        MHD_OPTION_LISTEN_SOCKET,
        listener.socket.get(),
        MHD_OPTION_CONNECTION_LIMIT,
        defended("http.connection-cap") ? unsigned(daemon->m_settings.maxConnections) : 65'536U,
        MHD_OPTION_CLIENT_DISCIPLINE_LVL,
        // What RFC 9112 forbids is refused, not guessed at.
        defended("http.one-framing") ? 1 : -3,
        MHD_OPTION_CONNECTION_TIMEOUT,
        idle,
        MHD_OPTION_NOTIFY_COMPLETED,
        onCompleted,
        daemon.get(),
        MHD_OPTION_NOTIFY_CONNECTION,
        onConnection,
        daemon.get(),
        MHD_OPTION_END);
    if (daemon->m_daemon == nullptr) {
        return fail(ErrorCode::Io, QStringLiteral("The HTTP server cannot be started."));
    }
    (void)listener.socket.release(); // the daemon's from now on
    return daemon;
}

Result<> Daemon::begin()
{
    const auto* info = MHD_get_daemon_info(m_daemon, MHD_DAEMON_INFO_EPOLL_FD);
    SB_CHECK(
        m_reactor.watch(info->epoll_fd, EPOLLIN, [](unsigned) {})); // work() follows every wake-up
    m_reactor.setHook([this] { return work(); });
    return m_reactor.begin("http");
}

int Daemon::work()
{
    MHD_run(m_daemon);
    if (m_connections.empty()) {
        m_nextSweep = 0;
        if (m_stopping && !std::exchange(m_toldEmpty, true)) {
            m_empty.release();
        }
        const auto wait = MHD_get_timeout64s(m_daemon);
        return int(std::min<int64_t>(wait, 60'000));
    }
    const qint64 now = steadyMs();
    if (now >= m_nextSweep) {
        sweep(now);
        m_nextSweep = now + m_sweepEvery;
    }
    const auto wait = MHD_get_timeout64s(m_daemon);
    const auto untilSweep = int(m_nextSweep - now);
    return wait < 0 ? untilSweep : int(std::min<int64_t>(wait, untilSweep));
}

void Daemon::sweep(qint64 now)
{
    for (auto* connection : m_connections) {
        if (connection->deadline > 0 && now > connection->deadline &&
            defended("http.request-deadline")) {
            connection->deadline = 0;
            if (connection->exchange) {
                connection->exchange->answerRaw(408, "The request did not arrive in time.");
            }
            ::shutdown(connection->fd, SHUT_RDWR);
        } else if (connection->exchange) {
            connection->exchange->heartbeat(now, m_settings.heartbeat.count());
        }
    }
}

Daemon::Connection* Daemon::opened(MHD_Connection* connection)
{
    auto* facts = new Connection;
    facts->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    facts->peer = nameOf(
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
    facts->deadline = steadyMs() + m_settings.requestTimeout.count();
    m_connections.insert(facts);
    m_counters.connections = qint64(m_connections.size());
    return facts;
}

void Daemon::closed(Connection* facts)
{
    m_connections.erase(facts);
    m_counters.connections = qint64(m_connections.size());
    delete facts;
}

void Daemon::completed(Connection& facts)
{
    if (const auto exchange = std::exchange(facts.exchange, nullptr)) {
        exchange->over();
    }
    facts.deadline = steadyMs() + m_settings.idleTimeout.count();
    if (m_stopping) {
        ::shutdown(facts.fd, SHUT_RDWR);
    }
}

int Daemon::access(MHD_Connection* connection,
                   Connection& facts,
                   const char* url,
                   const char* method,
                   const char* data,
                   size_t* size,
                   void** request)
{
    if (*request == nullptr) {
        facts.exchange =
            std::make_shared<Exchange>(connection, facts.fd, m_reactor, m_limits, m_counters);
        facts.deadline = steadyMs() + m_settings.requestTimeout.count();
        *request = facts.exchange.get();
        Exchange& exchange = *facts.exchange;
        begin(exchange, facts.peer, url, method);
        if (exchange.refusal && !exchange.discardBody) {
            facts.deadline = 0;
            exchange.dispatched = true;
            exchange.answer(*std::move(exchange.refusal));
            return exchange.settle() == Exchange::Step::Close ? MHD_NO : MHD_YES;
        }
        return MHD_YES;
    }
    const auto exchange = facts.exchange; // a route may end it
    if (*size > 0) {
        if (!exchange->takeBody(QByteArrayView(data, qsizetype(*size)))) {
            exchange->answerRaw(413, "The body is longer than it may be.");
            return MHD_NO;
        }
        *size = 0;
        return MHD_YES;
    }
    if (!exchange->dispatched) {
        exchange->dispatched = true;
        facts.deadline = 0;
        if (exchange->refusal) {
            exchange->answer(*std::move(exchange->refusal));
        } else {
            findRoute(exchange->path)->handler(m_services, exchange);
        }
    }
    return exchange->settle() == Exchange::Step::Close ? MHD_NO : MHD_YES;
}

void Daemon::begin(Exchange& exchange, const QByteArray& peer, const char* url, const char* method)
{
    exchange.method = method;
    exchange.path = url;
    exchange.refusal = check(exchange, peer);
    if (exchange.refusal) {
        exchange.discardBody = canSkipBody(exchange);
    } else if (const auto length = exchange.header("Content-Length").toLongLong(); length > 0) {
        exchange.body.reserve(length);
    }
}

std::optional<Reply> Daemon::check(Exchange& exchange, const QByteArray& peer)
{
    if (m_stopping) {
        return Reply::error(
            503, QStringLiteral("Signalbox is shutting down."), QStringLiteral("unavailable"));
    }
    return m_door.check(exchange, peer, steadyMs() * 1000);
}

// An answer before the request was read closes the connection under the sender's hands; so a short
// body is read and thrown away first. A client that asks before it sends (Expect) has sent none.
bool Daemon::canSkipBody(const Exchange& exchange) const
{
    // Where the body ends is doubtful, and so would be where the next request begins.
    const int framings =
        exchange.headerCount("Content-Length") + exchange.headerCount("Transfer-Encoding");
    return framings < 2 && exchange.header("Expect").isEmpty() &&
           exchange.header("Content-Length").toULongLong() <= quint64(m_settings.maxBody);
}

void Daemon::endAll()
{
    m_stopping = true;
    const MHD_socket socket = MHD_quiesce_daemon(m_daemon);
    if (socket != MHD_INVALID_SOCKET) {
        ::close(socket);
    }
    const auto reply = Reply::error(
        503, QStringLiteral("Signalbox is shutting down."), QStringLiteral("unavailable"));
    for (auto* connection : m_connections) {
        if (!connection->exchange || !connection->exchange->dispatched) {
            ::shutdown(connection->fd, SHUT_RDWR); // nothing is promised yet
        } else if (connection->exchange->isStreaming()) {
            connection->exchange->finish();
        } else {
            auto last = reply;
            last.headers.push_back({"Connection", "close"});
            connection->exchange->answer(std::move(last));
        }
    }
}

void Daemon::stop()
{
    m_reactor.postAndWait([this] { endAll(); });
    (void)m_empty.try_acquire_for(m_settings.drain);
    m_reactor.postAndWait([this] {
        // Whoever did not take the answer by now loses it. Nothing may be suspended when the daemon
        // stops.
        for (auto* connection : m_connections) {
            if (connection->exchange) {
                connection->exchange->abandon();
            }
        }
        m_reactor.setHook(nullptr);
        m_reactor.unwatch(MHD_get_daemon_info(m_daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
        MHD_stop_daemon(std::exchange(m_daemon, nullptr));
    });
}

} // namespace sb::server
