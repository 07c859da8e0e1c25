#include "core/server/LocalServer.h"

#include "core/server/Folders.h"
#include "core/server/Line.h"

#include <QFile>
#include <QFileInfo>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace sb::server {

namespace {

constexpr int backlog = 64;

QJsonObject errorToJson(const Error& error)
{
    return {{QStringLiteral("code"), errorCodeName(error.code)},
            {QStringLiteral("message"), error.message},
            {QStringLiteral("context"), error.context}};
}

// Pictures of progress may be left out for a slow listener; the rest may not.
bool isPicture(const protocol::Event& event)
{
    return std::holds_alternative<protocol::TextDelta>(event) ||
           std::holds_alternative<protocol::OutputTail>(event) ||
           std::holds_alternative<protocol::VerifyProgress>(event) ||
           std::holds_alternative<protocol::MemoryIndexed>(event) ||
           std::holds_alternative<protocol::MemoryIngest>(event);
}

/// Clears the way: a socket that nobody listens on any more is removed.
Result<> removeStale(const QString& path)
{
    const QByteArray native = QFile::encodeName(path);
    struct stat facts{};
    if (::lstat(native.constData(), &facts) != 0) {
        return {};
    }
    if (!S_ISSOCK(facts.st_mode)) {
        return fail(ErrorCode::Conflict,
                    QStringLiteral("%1 is in the way: it is no socket.").arg(path),
                    path);
    }
    const auto living = connectLocal(path);
    if (living) {
        return fail(ErrorCode::Conflict,
                    QStringLiteral("Another Signalbox runs on this home already."),
                    path);
    }
    if (living.error().code != ErrorCode::NotFound) {
        return std::unexpected(living.error());
    }
    ::unlink(native.constData());
    return {};
}

Result<Fd> listenAt(const QString& path)
{
    SB_CHECK(ensurePrivateFolder(QFileInfo(path).path()));
    SB_CHECK(removeStale(path));
    const QByteArray native = QFile::encodeName(path);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (native.size() >= qsizetype(sizeof address.sun_path)) {
        return fail(
            ErrorCode::InvalidInput, QStringLiteral("The socket's path is too long."), path);
    }
    std::memcpy(address.sun_path, native.constData(), size_t(native.size()));
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    // The mode is given to the descriptor, so that the file never has another one.
    if (!socket || ::fchmod(socket.get(), 0600) != 0 ||
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(socket.get(), backlog) != 0) {
        return systemFailure(
            QStringLiteral("The control socket %1 cannot be made").arg(path), errno, path);
    }
    return socket;
}

} // namespace

struct LocalServer::Private
{
    /// One program at the other end. Shared with the answers that are still owed to it.
    struct Peer
    {
        std::unique_ptr<Line> line;
        bool subscribed = false;
        bool dropped = false;
        int underWay = 0;
        qsizetype eventBytes = 0; ///< since the queue was last empty
    };

    QString path;
    std::pair<dev_t, ino_t> file; ///< of the socket, so that no other's is removed
    protocol::RuntimeClient& client;
    Limits limits;
    std::unique_ptr<Reactor> reactor;
    Fd listening;
    Fd spare; ///< closed to accept one connection, and refuse it, when no more files can be opened
    std::vector<std::shared_ptr<Peer>> peers;
    Subscription subscription;

    Private(QString where, protocol::RuntimeClient& runtime, Limits caps)
        : path(std::move(where)), client(runtime), limits(caps)
    {
    }

    void accept()
    {
        for (;;) {
            Fd socket(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (!socket && (errno == EMFILE || errno == ENFILE)) {
                spare = Fd();
                const Fd refused(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
                spare = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
                continue;
            }
            if (!socket) {
                return;
            }
            if (peerOf(socket.get()) != ::geteuid() || int(peers.size()) >= limits.clients) {
                continue;
            }
            auto peer = std::make_shared<Peer>();
            Line::Handlers handlers;
            handlers.received = [this, raw = peer.get()](const QJsonObject& object) {
                receive(*raw, object);
            };
            handlers.lost = [this, raw = peer.get()] { drop(*raw); };
            peer->line = std::make_unique<Line>(
                std::move(socket), *reactor, limits.frame, std::move(handlers));
            if (peer->line->open()) {
                peers.push_back(std::move(peer));
            }
        }
    }

    // Later, because the peer's own line may be the caller.
    void drop(Peer& peer)
    {
        if (std::exchange(peer.dropped, true)) {
            return;
        }
        peer.line->close();
        reactor->post([this, raw = &peer] {
            std::erase_if(peers, [&](const auto& one) { return one.get() == raw; });
            updateSubscription();
        });
    }

    void receive(Peer& peer, const QJsonObject& object)
    {
        const auto found =
            std::ranges::find_if(peers, [&](const auto& one) { return one.get() == &peer; });
        const QJsonValue id = object.value(u"id");
        if (found == peers.end()) {
            return;
        }
        if (object.contains(u"subscribe")) {
            peer.subscribed = object.value(u"subscribe").toBool();
            updateSubscription();
            answer(peer, id, QJsonObject());
            return;
        }
        auto command = protocol::commandFromJson(object.value(u"command").toObject());
        if (!command) {
            answer(peer, id, std::unexpected(command.error()));
            return;
        }
        if (++peer.underWay >= limits.requests) {
            peer.line->setReading(false);
        }
        client.send(*std::move(command))
            .then([this, inbox = reactor->inbox(), weak = std::weak_ptr(*found), id](
                      Result<QJsonObject> reply) {
                // Dropped by the inbox once this server is gone.
                inbox->post([this, weak, id, reply = std::move(reply)] {
                    if (const auto alive = weak.lock(); alive && alive->line->isOpen()) {
                        --alive->underWay;
                        answer(*alive, id, reply);
                        alive->line->setReading(true);
                    }
                });
            });
    }

    void answer(Peer& peer, const QJsonValue& id, const Result<QJsonObject>& reply)
    {
        const bool tooSlow = peer.line->pendingBytes() > limits.pendingBytes;
        if (tooSlow) {
            drop(peer);
            return;
        }
        QJsonObject object{{QStringLiteral("id"), id}};
        if (reply) {
            object.insert(QStringLiteral("reply"), *reply);
        } else {
            object.insert(QStringLiteral("error"), errorToJson(reply.error()));
        }
        peer.line->send(object);
    }

    void updateSubscription()
    {
        const bool wanted = std::ranges::any_of(
            peers, [](const auto& peer) { return peer->subscribed && peer->line->isOpen(); });
        if (wanted && !subscription) {
            subscription = client.subscribe(
                *reactor->inbox(), [this](const protocol::Event& event) { deliver(event); });
        } else if (!wanted) {
            subscription.reset();
        }
    }

    void deliver(const protocol::Event& event)
    {
        QByteArray line; // made once for all
        for (const auto& peer : peers) {
            if (!peer->subscribed || !peer->line->isOpen()) {
                continue;
            }
            if (peer->line->pendingBytes() == 0) {
                peer->eventBytes = 0;
            } else if (peer->eventBytes > limits.pendingEvents) {
                drop(*peer);
                continue;
            } else if (isPicture(event) && peer->eventBytes > limits.pendingEvents / 4) {
                continue;
            }
            if (line.isEmpty()) {
                line = Frames::encode({{QStringLiteral("event"), protocol::eventToJson(event)}});
            }
            peer->eventBytes += line.size();
            peer->line->sendBytes(line);
        }
    }
};

LocalServer::LocalServer(std::unique_ptr<Private> parts) : m(std::move(parts)) {}

Result<std::unique_ptr<LocalServer>> LocalServer::start(const QString& path,
                                                        protocol::RuntimeClient& client)
{
    return start(path, client, Limits{});
}

Result<std::unique_ptr<LocalServer>>
LocalServer::start(const QString& path, protocol::RuntimeClient& client, Limits limits)
{
    auto parts = std::make_unique<Private>(path, client, limits);
    SB_TRY(parts->listening, listenAt(path));
    struct stat facts{};
    ::lstat(QFile::encodeName(path).constData(), &facts);
    parts->file = {facts.st_dev, facts.st_ino};
    parts->spare = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    SB_TRY(parts->reactor, Reactor::create());
    SB_CHECK(parts->reactor->watch(
        parts->listening.get(), EPOLLIN, [raw = parts.get()](unsigned) { raw->accept(); }));
    SB_CHECK(parts->reactor->begin("control"));
    return std::unique_ptr<LocalServer>(new LocalServer(std::move(parts)));
}

LocalServer::~LocalServer()
{
    m->reactor->postAndWait([this] {
        m->subscription.reset();
        m->reactor->unwatch(m->listening.get());
        m->listening = Fd();
        for (const auto& peer : m->peers) {
            peer->line->close();
        }
    });
    m->reactor.reset();
    const QByteArray native = QFile::encodeName(m->path);
    struct stat facts{};
    if (::lstat(native.constData(), &facts) == 0 &&
        std::pair(facts.st_dev, facts.st_ino) == m->file) {
        ::unlink(native.constData());
    }
}

} // namespace sb::server
