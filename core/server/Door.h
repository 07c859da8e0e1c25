#pragma once
#include "core/server/Exchange.h"
#include "core/server/HttpServer.h"
#include "core/server/RateLimit.h"

namespace sb::server {

/// What a request costs is decided by the class of its route.
enum class RouteClass {
    Health,
    Read,    ///< a snapshot, a list
    Audit,   ///< reads the journal or all counters
    Decide,  ///< answers an approval
    Message, ///< a turn of an agent
    Unknown, ///< no such route
};
[[nodiscard]] double costOf(RouteClass kind);

/// Whether a Host header names the address and port that are listened on, or "localhost" and the
/// port. Every other name is refused, also one that resolves to loopback: that is how a web page
/// elsewhere reaches local servers (DNS rebinding). `address` is without brackets.
[[nodiscard]] bool isOwnHost(QByteArrayView host, const QString& address, quint16 port);
/// The same for an Origin header: "http://" and an own host, nothing after it.
[[nodiscard]] bool isOwnOrigin(QByteArrayView origin, const QString& address, quint16 port);

/// The headers that every answer carries, so that no browser may frame, sniff, cache, or hand it to
/// another site.
using Headers = std::vector<std::pair<QByteArray, QByteArray>>;
[[nodiscard]] const Headers& protectingHeaders();

/// Decides on a request by its head alone, before anything of its body is read. Only used on the
/// reactor's thread.
class Door
{
public:
    /// The settings must outlive it.
    Door(const HttpServer::Settings& settings, QString address, quint16 port);

    /// The refusal, or nothing: it may pass. Sets the exchange's route and whether its sender
    /// showed the token.
    [[nodiscard]] std::optional<Reply>
    check(Exchange& exchange, const QByteArray& peer, qint64 nowUs);

private:
    [[nodiscard]] bool showsToken(const Exchange& exchange) const;
    [[nodiscard]] bool spellsToken(const Exchange& exchange) const;
    [[nodiscard]] std::optional<Reply>
    limit(bool holder, const QByteArray& peer, RouteClass kind, qint64 nowUs);

    const HttpServer::Settings& m_settings;
    QString m_address;
    quint16 m_port;
    RateLimit m_strangers;
    RateLimit m_holders;
};

} // namespace sb::server
