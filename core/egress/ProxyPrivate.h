#pragma once
#include "core/egress/Injector.h"
#include "core/egress/Proxy.h"
#include "core/egress/Target.h"
#include "core/egress/Wire.h"

#include <QHash>
#include <atomic>
#include <set>

namespace sb::egress {

/// Why a request does not go through, as the client is told.
struct Refusal
{
    int status = 403;
    QString reason; ///< one sentence
    ErrorCode code = ErrorCode::Forbidden;
    bool isVerdict = true; ///< of ours; false where the server or the network is at fault
};
template <class T>
using Outcome = std::expected<T, Refusal>;

/// A request on its way through the checks.
struct Journey
{
    Session session;
    QString method;
    Target target;
    std::optional<QStringList> allow; ///< instead of the agent's list
    QString approved;                 ///< as in FetchRequest
    bool scanned = false;
    QString key; ///< reference of the key that is put in
    // What came of it:
    Listed listed;
    QList<QHostAddress> addresses; ///< checked
    QHostAddress address;          ///< connected to
    qint64 seq = 0;                ///< of the record of its intent
    qint64 startUs = 0;
    qint64 byteLimit = 0; ///< of the agent's day
    qint64 bytesOut = 0;
    qint64 bytesIn = 0;
};

/// One agent's use of the network.
struct Usage
{
    qint64 day = 0;
    qint64 bytes = 0;
    qint64 connections = 0;
    int open = 0;
};

/// A connection to a server; it counts for its agent until it is gone.
struct Upstream
{
    std::unique_ptr<Wire> wire;
    Target target;
    QHostAddress address;
    std::shared_ptr<void> slot; // counts down in the proxy when the last holder lets go
};

/// A socket on which clients of one session arrive.
class Listener final : public Watcher
{
public:
    Listener(Proxy::Private& proxy, Fd fd, Session session);
    ~Listener() override;
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    void ready(unsigned events) override;
    /// Accepts all that wait.
    void accept();
    [[nodiscard]] quint64 id() const { return m_id; }

    const Session session;
    std::set<quint64> clients; ///< ids of its actors

private:
    Proxy::Private& m_proxy;
    Fd m_fd;
    quint64 m_id;
};

/// All that lives on the proxy's thread.
struct Proxy::Private
{
    explicit Private(Parts p) : parts(std::move(p)) {}

    Parts parts;
    std::unique_ptr<Loop> loop;
    Tls tls;
    QHash<QString, Usage> usage; // outlives the connections, which count down in it
    std::unordered_map<quint64, std::unique_ptr<Actor>> actors;
    /// Shared with their clients, which take themselves off.
    std::unordered_map<quint64, std::shared_ptr<Listener>> listeners;
    quint64 lastId = 0;
    Subscription sweep;

    struct Counters
    {
        std::atomic<qint64> requests, refused, failed, tunnels, injected, leaks, bytesOut, bytesIn,
            clients, servers;
    } counters;

    /// The actor lives until forget(); the sweep looks at its clock.
    void keep(quint64 id, std::unique_ptr<Actor> actor);
    void forget(quint64 id);
    void armSweep();

    /// List, look-alikes, question, budget, name, addresses, and the record of the intent: after
    /// it the journey may be made. `open` is a connection that could serve it.
    Task<Outcome<bool>>
    admit(Actor& actor, Journey& journey, const Rules& rules, const Upstream* open);
    /// Connects to the first of the checked addresses that answers, with TLS for https.
    Task<Outcome<Upstream>> dial(Actor& actor, Journey& journey);

    /// Writes down that it was refused. `why` goes to the client.
    void recordRefusal(const Journey& journey, const Refusal& why);
    /// Writes down what came of an admitted journey.
    void recordEnd(const Journey& journey, QStringView verdict, const QString& reason, int status);
    /// Counts bytes; false when the agent has used up what it may today.
    bool spend(Journey& journey, qint64 out, qint64 in);

private:
    Task<Outcome<bool>> judge(Actor& actor, Journey& journey, const Rules& rules);
    Task<Outcome<bool>> findAddresses(Actor& actor, Journey& journey);
    Usage& usageOf(const QString& agent);
    [[nodiscard]] QJsonObject payload(const Journey& journey, QStringView verdict) const;
};

/// What an actor that was interrupted tells its client.
Refusal interrupted(const Actor& actor, const QString& what);

/// Serves one connection from a sandbox until it ends, and forgets itself then.
void serveClient(Proxy::Private& proxy, Fd fd, const std::shared_ptr<Listener>& listener);

} // namespace sb::egress
