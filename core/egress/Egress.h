#pragma once
#include "core/base/Clock.h"
#include "core/base/Future.h"
#include "core/base/SecretString.h"

#include <QByteArrayView>
#include <QHostAddress>
#include <QJsonObject>
#include <QList>
#include <QStringList>

/// Values of the way out.
namespace sb::egress {

/// In whose name a connection is made.
struct Session
{
    QString agent;
    QString process;
    QString channel;
    QString run;
    QString traceId;
    qint64 callSeq = 0; ///< of the tool.call that started it
};

/// A key that the proxy puts into requests to one host. The sandbox knows the placeholder only.
struct Injection
{
    QString host;        ///< "gitlab.com:443"
    QString header;      ///< "Authorization"; the placeholder may stand inside of Basic's base64
    QString placeholder; ///< "signalbox:gitlab"
    QString reference;   ///< of the key, for resolveSecret
};

/// What an agent may use up. 0 is without a limit.
struct Budget
{
    int connections = 64;         ///< to servers, at the same time
    qint64 connectionsPerDay = 0; ///< of UTC
    qint64 bytesPerDay = 0;       ///< both directions together
};

/// What holds for an agent now; asked anew for every request.
struct Rules
{
    QStringList allow{}; ///< see findListed()
    QList<Injection> inject{};
    Budget budget{};
};

/// An address outside the list, for a person to judge.
struct Question
{
    Session session;
    QString method; ///< "GET", "CONNECT" …
    QString scheme;
    QString host; ///< in normal form (A-labels)
    QString name; ///< the same for a person's eyes, with what an A-label says
    int port = 0;
    QString entry; ///< what a rule would add to the list: "host:port"
};

/// Looks through what leaves, piece by piece.
class BodyScanner
{
public:
    virtual ~BodyScanner() = default;
    /// Whether what was fed so far holds something that must not leave.
    virtual bool feed(QByteArrayView bytes) = 0;
    /// The same at the end.
    virtual bool finish() = 0;
    /// How many of the bytes fed may be sent on: those after these may be the beginning of
    /// something that must not leave.
    [[nodiscard]] virtual qint64 safeBytes() const = 0;
};

/// Turns names into addresses. Tests have one of their own.
class Resolver
{
public:
    virtual ~Resolver() = default;
    /// All addresses of a name; Unavailable when it has none. Answers on any thread.
    virtual Future<QList<QHostAddress>> resolve(const QString& name) = 0;
};

/// The system's resolver, which blocks threads of the pool.
class SystemResolver final : public Resolver
{
public:
    explicit SystemResolver(Executor& pool) : m_pool(pool) {}
    Future<QList<QHostAddress>> resolve(const QString& name) override;

private:
    Executor& m_pool;
};

struct Limits
{
    Milliseconds head{15'000}; ///< for the head of a request, from its first byte
    Milliseconds idle{60'000}; ///< without a byte in any direction; between requests as well
    Milliseconds total{3'600'000};
    Milliseconds connect{10'000};   ///< for each address, with TLS
    Milliseconds resolve{10'000};   ///< a name
    Milliseconds question{600'000}; ///< for a person's answer
    int clients = 512;              ///< connections from one session at the same time
};

struct FetchRequest
{
    QString url{};
    QByteArray method = "GET";
    QList<std::pair<QByteArray, QByteArray>> headers{};
    QByteArray body{};
    /// The list that the caller was judged by; without it the agent's own.
    std::optional<QStringList> allow{};
    /// "host:port" that a person let through for this once; for public addresses only.
    QString approved{};
    int redirects = 5;
    qint64 maxBytes = 1 << 20; ///< of the body; the rest is not read
    Milliseconds patience{30'000};
};

struct FetchReply
{
    QString url; ///< where the last redirect led
    int status = 0;
    QList<std::pair<QByteArray, QByteArray>> headers;
    QByteArray body;
    bool truncated = false;
    QString address;  ///< that was connected to
    QStringList hops; ///< the addresses before it

    /// The first header of that name, whatever its case; empty when there is none.
    [[nodiscard]] QByteArray header(QByteArrayView name) const;
};

/// Since the start.
struct Stats
{
    qint64 requests = 0;
    qint64 refused = 0;
    qint64 failed = 0;
    qint64 tunnels = 0;
    qint64 injected = 0;
    qint64 leaks = 0;
    qint64 bytesOut = 0;
    qint64 bytesIn = 0;
    qint64 clients = 0; ///< now
    qint64 servers = 0; ///< now
};

} // namespace sb::egress
