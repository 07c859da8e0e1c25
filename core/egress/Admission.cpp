#include "core/base/Defence.h"
#include "core/egress/ProxyPrivate.h"

#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace sb::egress {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 kDayUs = 86'400'000'000;

Outcome<bool> refuse(int status, QString reason, ErrorCode code = ErrorCode::Forbidden)
{
    return std::unexpected(Refusal{status, std::move(reason), code});
}

Outcome<bool> fault(int status, QString reason, ErrorCode code)
{
    return std::unexpected(Refusal{status, std::move(reason), code, false});
}

QString textOf(const QHostAddress& address)
{
    return address.toString();
}

} // namespace

Refusal interrupted(const Actor& actor, const QString& what)
{
    return actor.isExpired() ? Refusal{504, what, ErrorCode::Timeout, false}
                             : Refusal{502, u"It was cancelled."_s, ErrorCode::Cancelled, false};
}

Usage& Proxy::Private::usageOf(const QString& agent)
{
    Usage& used = usage[agent];
    const qint64 today = parts.clock.nowUs() / kDayUs;
    if (used.day != today) {
        used.day = today;
        used.bytes = 0;
        used.connections = 0;
    }
    return used;
}

bool Proxy::Private::spend(Journey& journey, qint64 out, qint64 in)
{
    journey.bytesOut += out;
    journey.bytesIn += in;
    counters.bytesOut += out;
    counters.bytesIn += in;
    Usage& used = usageOf(journey.session.agent);
    used.bytes += out + in;
    return journey.byteLimit <= 0 || used.bytes <= journey.byteLimit ||
           !defended("egress.byte-budget");
}

QJsonObject Proxy::Private::payload(const Journey& journey, QStringView verdict) const
{
    QJsonObject told{{u"method"_s, journey.method},
                     {u"scheme"_s, journey.target.scheme},
                     {u"host"_s, journey.target.host},
                     {u"port"_s, journey.target.port},
                     {u"verdict"_s, verdict.toString()},
                     {u"rule"_s, journey.listed.entry},
                     {u"content"_s, journey.scanned ? u"scanned"_s : u"unscanned"_s}};
    const QHostAddress address = !journey.address.isNull()     ? journey.address
                                 : journey.addresses.isEmpty() ? QHostAddress()
                                                               : journey.addresses.first();
    if (!address.isNull()) {
        told.insert(u"address"_s, textOf(address));
    }
    if (!journey.key.isEmpty()) {
        told.insert(u"key"_s, journey.key);
    }
    return told;
}

void Proxy::Private::recordRefusal(const Journey& journey, const Refusal& why)
{
    ++(why.isVerdict ? counters.refused : counters.failed);
    if (journey.seq != 0) {
        recordEnd(journey, why.isVerdict ? u"refused" : u"failed", why.reason, why.status);
        return;
    }
    if (parts.record) {
        QJsonObject told = payload(journey, why.isVerdict ? u"refused" : u"failed");
        told.insert(u"phase"_s, u"refused"_s);
        told.insert(u"reason"_s, why.reason);
        told.insert(u"status"_s, why.status);
        parts.record(journey.session, told).then([](const Result<qint64>&) {});
    }
}

void Proxy::Private::recordEnd(const Journey& journey,
                               QStringView verdict,
                               const QString& reason,
                               int status)
{
    if (!parts.record) {
        return;
    }
    QJsonObject told = payload(journey, verdict);
    told.insert(u"phase"_s, u"done"_s);
    told.insert(u"intent"_s, journey.seq);
    told.insert(u"bytes_out"_s, journey.bytesOut);
    told.insert(u"bytes_in"_s, journey.bytesIn);
    told.insert(u"duration_ms"_s, double(parts.clock.steadyUs() - journey.startUs) / 1000);
    if (status != 0) {
        told.insert(u"status"_s, status);
    }
    if (!reason.isEmpty()) {
        told.insert(u"reason"_s, reason);
    }
    parts.record(journey.session, told).then([](const Result<qint64>&) {});
}

Task<Outcome<bool>> Proxy::Private::judge(Actor& actor, Journey& journey, const Rules& rules)
{
    const Target& target = journey.target;
    const QStringList& list = journey.allow ? *journey.allow : rules.allow;
    journey.listed = findListed(target, list);
    if (journey.listed.listing != Listing::None || !defended("egress.list")) {
        co_return true;
    }
    const QString like = looksLike(target, list);
    if (!like.isEmpty() && defended("egress.look-alike")) {
        co_return refuse(403,
                         u"%1 only looks like %2, which is on the agent's list."_s.arg(
                             readable(target.host), like));
    }
    if (target.place() == journey.approved) {
        journey.listed = {u"approval"_s, Listing::Wildcard};
        co_return true;
    }
    // Nobody is asked about an address that a yes could not open.
    const QHostAddress literal(target.host);
    if (!literal.isNull() && !mayConnect(target.host, Listing::Wildcard, literal)) {
        co_return refuse(
            403,
            u"%1 is an address of %2, which is refused unless it is on the agent's "
            "list itself."_s.arg(target.host, kindText(sb::egress::judge(literal).kind)));
    }
    const QString unlisted =
        u"%1 is not on the list of addresses that this agent may reach."_s.arg(target.place());
    if (!parts.ask) {
        co_return refuse(403, unlisted);
    }
    Question question{journey.session,
                      journey.method,
                      target.scheme,
                      target.host,
                      readable(target.host),
                      target.port,
                      target.place()};
    actor.patience(parts.limits.question);
    actor.setAsking(true);
    auto yes = co_await cancellable(actor.stopToken(), *loop, parts.ask(question));
    actor.setAsking(false);
    if (actor.isOver()) {
        co_return std::unexpected(actor.isExpired()
                                      ? Refusal{403, unlisted + u" Nobody answered in time."_s}
                                      : interrupted(actor, {}));
    }
    if (!yes || !*yes) {
        co_return refuse(403, yes ? unlisted + u" A person refused it."_s : unlisted);
    }
    // The answer may have added a rule; without one it holds for this once, and for public
    // addresses only.
    const Rules now = parts.rules(journey.session.agent);
    journey.listed = findListed(target, now.allow);
    if (journey.listed.listing == Listing::None) {
        journey.listed = {u"approval"_s, Listing::Wildcard};
    }
    co_return true;
}

Task<Outcome<bool>> Proxy::Private::findAddresses(Actor& actor, Journey& journey)
{
    const QString& host = journey.target.host;
    QList<QHostAddress> found;
    if (const QHostAddress literal(host); !literal.isNull()) {
        found = {literal};
    } else {
        actor.patience(parts.limits.resolve);
        auto answer = co_await cancellable(actor.stopToken(), *loop, parts.resolver.resolve(host));
        if (actor.isOver()) {
            co_return std::unexpected(
                interrupted(actor, u"The name %1 could not be resolved in time."_s.arg(host)));
        }
        if (!answer) {
            co_return fault(502, answer.error().message, ErrorCode::Unavailable);
        }
        found = *std::move(answer);
    }
    const Listing listing = journey.listed.listing;
    for (const QHostAddress& address : std::as_const(found)) {
        if (mayConnect(host, listing, address)) {
            journey.addresses.append(address);
        }
    }
    if (journey.addresses.isEmpty()) {
        if (found.isEmpty()) {
            co_return fault(
                502, u"The name %1 has no address."_s.arg(host), ErrorCode::Unavailable);
        }
        co_return refuse(
            403,
            u"%1 leads to %2, an address of %3, which is refused unless it is on the "
            "agent's list itself."_s.arg(
                host, textOf(found.first()), kindText(sb::egress::judge(found.first()).kind)));
    }
    co_return true;
}

Task<Outcome<bool>>
Proxy::Private::admit(Actor& actor, Journey& journey, const Rules& rules, const Upstream* open)
{
    journey.startUs = parts.clock.steadyUs();
    ++counters.requests;
    auto judged = co_await judge(actor, journey, rules);
    if (!judged) {
        co_return judged;
    }
    const Usage& used = usageOf(journey.session.agent);
    const Budget& budget = rules.budget;
    journey.byteLimit = budget.bytesPerDay;
    const auto agent = journey.session.agent;
    if (budget.bytesPerDay > 0 && used.bytes >= budget.bytesPerDay &&
        defended("egress.byte-budget")) {
        co_return refuse(
            429,
            u"%1 has used up its %2 bytes of network for today (UTC)."_s.arg(agent).arg(
                budget.bytesPerDay),
            ErrorCode::Unavailable);
    }
    const bool reuse = open != nullptr && open->wire && open->target.host == journey.target.host &&
                       open->target.port == journey.target.port &&
                       open->target.scheme == journey.target.scheme &&
                       mayConnect(journey.target.host, journey.listed.listing, open->address);
    if (reuse) {
        journey.addresses = {open->address};
    } else {
        if (budget.connectionsPerDay > 0 && used.connections >= budget.connectionsPerDay &&
            defended("egress.daily-connections")) {
            co_return refuse(429,
                             u"%1 has made its %2 connections for today (UTC)."_s.arg(agent).arg(
                                 budget.connectionsPerDay),
                             ErrorCode::Unavailable);
        }
        if (budget.connections > 0 && used.open >= budget.connections &&
            defended("egress.open-connections")) {
            co_return refuse(
                429,
                u"%1 has %2 connections open, which is as many as it may have."_s.arg(agent).arg(
                    used.open),
                ErrorCode::Unavailable);
        }
        auto found = co_await findAddresses(actor, journey);
        if (!found) {
            co_return found;
        }
    }
    if (parts.record) {
        QJsonObject told = payload(journey, u"allowed");
        told.insert(u"phase"_s, u"intent"_s);
        actor.patience(parts.limits.idle);
        auto seq =
            co_await cancellable(actor.stopToken(), *loop, parts.record(journey.session, told));
        if (actor.isOver()) {
            co_return std::unexpected(
                interrupted(actor, u"The request could not be written down in time."_s));
        }
        if (!seq) {
            co_return fault(503,
                            u"The request could not be written down, so it was not made."_s,
                            ErrorCode::Unavailable);
        }
        journey.seq = *seq;
    }
    co_return reuse;
}

Task<Outcome<Upstream>> Proxy::Private::dial(Actor& actor, Journey& journey)
{
    QString trouble;
    bool timedOut = false;
    // Checked before, but others of this agent may have been faster since.
    Usage& used = usageOf(journey.session.agent);
    ++used.open;
    ++used.connections;
    ++counters.servers;
    Upstream upstream;
    upstream.target = journey.target;
    upstream.slot = std::shared_ptr<void>(nullptr, [this, agent = journey.session.agent](void*) {
        --usage[agent].open;
        --counters.servers;
    });
    // "Rebinding": a name that is looked up again may lead elsewhere. What is connected to is what
    // was checked.
    QList<QHostAddress> addresses = journey.addresses;
    if (!defended("egress.checked-address") && !journey.target.isAddress()) {
        auto again = co_await cancellable(
            actor.stopToken(), *loop, parts.resolver.resolve(journey.target.host));
        addresses = again.value_or(addresses);
    }
    for (const QHostAddress& address : std::as_const(addresses)) {
        const bool six = address.protocol() == QAbstractSocket::IPv6Protocol;
        Fd fd(::socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (!fd) {
            trouble = u"no more connections can be opened on this machine"_s;
            break;
        }
        const int on = 1;
        ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        sockaddr_storage storage{};
        socklen_t size = 0;
        if (six) {
            auto* to = reinterpret_cast<sockaddr_in6*>(&storage);
            to->sin6_family = AF_INET6;
            to->sin6_port = htons(quint16(journey.target.port));
            const Q_IPV6ADDR bytes = address.toIPv6Address();
            std::memcpy(&to->sin6_addr, bytes.c, 16);
            size = sizeof *to;
        } else {
            auto* to = reinterpret_cast<sockaddr_in*>(&storage);
            to->sin_family = AF_INET;
            to->sin_port = htons(quint16(journey.target.port));
            to->sin_addr.s_addr = htonl(address.toIPv4Address());
            size = sizeof *to;
        }
        const int error =
            ::connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0 ? 0 : errno;
        if (error != 0 && error != EINPROGRESS) {
            trouble = QString::fromLocal8Bit(std::strerror(error));
            continue;
        }
        auto wire = std::make_unique<Wire>(*loop, std::move(fd), actor);
        actor.patience(parts.limits.connect);
        Wire::Io io = wire->connected();
        while (io == Wire::Io::Again && !actor.isOver()) {
            co_await actor.next();
            io = wire->connected();
        }
        if (io == Wire::Io::Done && journey.target.scheme == "https"_L1) {
            auto ssl = tls.client(wire->fd(), journey.target.host);
            if (!ssl) {
                trouble = ssl.error().message;
                continue;
            }
            wire->secure(*std::move(ssl));
            io = wire->shakeHands();
            while (io == Wire::Io::Again && !actor.isOver()) {
                co_await actor.next();
                io = wire->shakeHands();
            }
        }
        if (actor.isClosing()) {
            co_return std::unexpected(interrupted(actor, {}));
        }
        if (io == Wire::Io::Done) {
            journey.address = address;
            upstream.address = address;
            upstream.wire = std::move(wire);
            co_return upstream;
        }
        timedOut = timedOut || actor.isExpired();
        trouble = actor.isExpired() ? u"it did not answer in time"_s : wire->fault();
    }
    co_return std::unexpected(
        Refusal{timedOut ? 504 : 502,
                u"%1 could not be reached: %2."_s.arg(journey.target.place(), trouble),
                timedOut ? ErrorCode::Timeout : ErrorCode::Unavailable,
                false});
}

} // namespace sb::egress
