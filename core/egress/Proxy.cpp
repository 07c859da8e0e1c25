#include "core/egress/Proxy.h"

#include "core/egress/ProxyPrivate.h"

#include <cerrno>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace sb::egress {

using namespace Qt::StringLiterals;

namespace {

constexpr Milliseconds kSweep{250};

} // namespace

Listener::Listener(Proxy::Private& proxy, Fd fd, Session s)
    : session(std::move(s)), m_proxy(proxy), m_fd(std::move(fd))
{
    ::fcntl(m_fd.get(), F_SETFL, ::fcntl(m_fd.get(), F_GETFL) | O_NONBLOCK);
    ::fcntl(m_fd.get(), F_SETFD, FD_CLOEXEC);
    m_id = m_proxy.loop->watch(m_fd.get(), *this);
}

Listener::~Listener()
{
    m_proxy.loop->forget(m_id, m_fd.get());
}

void Listener::ready(unsigned)
{
    accept();
}

void Listener::accept()
{
    const auto self = m_proxy.listeners.find(m_id);
    if (self == m_proxy.listeners.end()) {
        return;
    }
    const std::shared_ptr<Listener> alive = self->second; // a client may end while it begins
    while (true) {
        Fd fd(::accept4(m_fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!fd) {
            if (errno == EINTR || errno == ECONNABORTED) {
                continue;
            }
            return; // out of descriptors: the sweep tries again
        }
        if (int(clients.size()) >= m_proxy.parts.limits.clients) {
            const QByteArray answer =
                writeAnswer(429, u"This sandbox has too many connections open."_s, false);
            [[maybe_unused]] const auto sent =
                ::send(fd.get(), answer.data(), size_t(answer.size()), MSG_NOSIGNAL);
            ++m_proxy.counters.refused;
            continue;
        }
        const int on = 1;
        ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); // no matter to Unix ones
        serveClient(m_proxy, std::move(fd), alive);
    }
}

void Proxy::Private::keep(quint64 id, std::unique_ptr<Actor> actor)
{
    actors.emplace(id, std::move(actor));
    if (actors.size() == 1) {
        armSweep();
    }
}

void Proxy::Private::forget(quint64 id)
{
    actors.erase(id);
}

void Proxy::Private::armSweep()
{
    sweep = parts.clock.after(kSweep, *loop, [this] {
        const qint64 now = parts.clock.steadyUs();
        std::vector<quint64> ids;
        ids.reserve(actors.size());
        for (const auto& [id, actor] : actors) {
            ids.push_back(id);
        }
        for (const quint64 id : ids) { // each may end others
            if (const auto found = actors.find(id); found != actors.end()) {
                found->second->lookAtClock(now);
            }
        }
        std::vector<std::shared_ptr<Listener>> accepting;
        for (const auto& [id, listener] : listeners) {
            accepting.push_back(listener);
        }
        for (const auto& listener : accepting) {
            listener->accept();
        }
        if (!actors.empty()) {
            armSweep();
        }
    });
}

Result<std::unique_ptr<Proxy>> Proxy::create(Parts parts)
{
    auto p = std::make_unique<Private>(std::move(parts));
    SB_TRY(p->tls, Tls::create(p->parts.authorities));
    SB_TRY(p->loop, Loop::create());
    return std::unique_ptr<Proxy>(new Proxy(std::move(p)));
}

Proxy::Proxy(std::unique_ptr<Private> p) : m(std::move(p)) {}

Proxy::~Proxy()
{
    // First nobody comes in any more, then each is told to end, and ends in its own time: it may
    // have to be resumed by an answer that it waits for.
    m->loop->postAndWait([this] {
        m->sweep.reset();
        m->listeners.clear();
        std::vector<quint64> ids;
        for (const auto& [id, actor] : m->actors) {
            ids.push_back(id);
        }
        for (const quint64 id : ids) {
            if (const auto found = m->actors.find(id); found != m->actors.end()) {
                found->second->close();
            }
        }
    });
    bool empty = false;
    while (!empty) {
        m->loop->postAndWait([this, &empty] { empty = m->actors.empty(); });
    }
    m->loop->postAndWait([this] { m->sweep.reset(); });
    m->loop.reset();
}

Subscription Proxy::serve(int listeningFd, const Session& session)
{
    auto key = std::make_shared<quint64>(0); // known to the loop once it has begun
    m->loop->post([this, key, fd = Fd(listeningFd), session]() mutable {
        auto listener = std::make_shared<Listener>(*m, std::move(fd), session);
        *key = listener->id();
        m->listeners.emplace(*key, listener);
        listener->accept(); // whoever came before
    });
    return Subscription([p = m.get(), key, post = m->loop->poster()] {
        // Dropped when the proxy is gone, and everything with it.
        post([p, key] {
            const auto found = p->listeners.find(*key);
            if (found == p->listeners.end()) {
                return;
            }
            const std::shared_ptr<Listener> listener = found->second;
            p->listeners.erase(found);
            const std::set<quint64> clients = listener->clients;
            for (const quint64 id : clients) {
                if (const auto client = p->actors.find(id); client != p->actors.end()) {
                    client->second->close();
                }
            }
        });
    });
}

Stats Proxy::stats() const
{
    const auto& c = m->counters;
    return {.requests = c.requests,
            .refused = c.refused,
            .failed = c.failed,
            .tunnels = c.tunnels,
            .injected = c.injected,
            .leaks = c.leaks,
            .bytesOut = c.bytesOut,
            .bytesIn = c.bytesIn,
            .clients = c.clients,
            .servers = c.servers};
}

Future<QList<QHostAddress>> SystemResolver::resolve(const QString& name)
{
    return runOn(m_pool, [name]() -> Result<QList<QHostAddress>> {
        addrinfo hints{};
        hints.ai_family = AF_UNSPEC;
        hints.ai_socktype = SOCK_STREAM;
        addrinfo* list = nullptr;
        const int error = ::getaddrinfo(name.toLatin1().constData(), nullptr, &hints, &list);
        if (error != 0) {
            return fail(ErrorCode::Unavailable,
                        u"The name %1 could not be resolved: %2."_s.arg(
                            name, QString::fromLocal8Bit(::gai_strerror(error))));
        }
        QList<QHostAddress> addresses;
        for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
            const QHostAddress address(at->ai_addr);
            if (!address.isNull() && !addresses.contains(address)) {
                addresses.append(address);
            }
        }
        ::freeaddrinfo(list);
        return addresses;
    });
}

QByteArray FetchReply::header(QByteArrayView name) const
{
    for (const auto& [key, value] : headers) {
        if (QByteArrayView(key).compare(name, Qt::CaseInsensitive) == 0) {
            return value;
        }
    }
    return {};
}

} // namespace sb::egress
