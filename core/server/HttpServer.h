#pragma once
#include "core/base/Clock.h"
#include "core/base/SecretString.h"
#include "core/protocol/RuntimeClient.h"
#include "core/server/RateLimit.h"

namespace sb::server {

/// The runtime behind HTTP on this machine's loopback. What it serves is in this folder's README.
class HttpServer
{
public:
    struct Settings
    {
        QString address = QStringLiteral("127.0.0.1"); ///< a loopback address, or "localhost"
        quint16 port = 0;                              ///< 0: any that is free
        SecretString token;                            ///< what "Authorization: Bearer" must carry
        QString role = QStringLiteral("serve");        ///< for /metrics
        QString version = QStringLiteral(SB_VERSION);
        /// More Prometheus text for /metrics; called on the server's thread, so it must not wait.
        std::function<QByteArray()> metrics;

        /// What may be asked over time, by address, without the token: a few hundred times
        /// /healthz a minute, and a guess at the token every quarter of a second.
        Rate strangers{500.0 / 60, 500};
        /// The same with the token, for each class of routes: 4,000 messages a second. It ends what
        /// runs wild and is beyond what an instance can do.
        Rate holders{120'000, 240'000};

        qsizetype maxBody = 1 << 20;
        int maxConnections = 4096;
        Milliseconds requestTimeout{30'000}; ///< from a request's first line to the end of its body
        Milliseconds idleTimeout{75'000};    ///< of a connection between requests
        Milliseconds heartbeat{15'000};      ///< of event streams
        Milliseconds drain{1'000};           ///< how long stopping waits for answers to leave
        qsizetype pendingBytes = 256
                                 << 10; ///< a listener that leaves more than this unread is dropped
        int pendingEvents = 1024;       ///< … or more events than this
    };

    /// Listens, and serves from then on. The client must outlive the server. Fails with
    /// InvalidInput (not a loopback address), Conflict (the port is in use), Forbidden (a port that
    /// needs more rights) or Io.
    static Result<std::unique_ptr<HttpServer>> start(Settings settings,
                                                     protocol::RuntimeClient& client);
    /// Answers what still waits with 503, ends the event streams, and stops.
    ~HttpServer();

    /// The port that it listens on.
    [[nodiscard]] quint16 port() const;
    /// The address without brackets: "127.0.0.1", "::1".
    [[nodiscard]] QString address() const;

private:
    struct Private;
    explicit HttpServer(std::unique_ptr<Private> parts);
    std::unique_ptr<Private> m;
};

} // namespace sb::server
