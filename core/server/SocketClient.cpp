#include "core/server/SocketClient.h"

#include "core/server/Line.h"

#include <QFile>
#include <map>
#include <unistd.h>

namespace sb::server {

namespace {

constexpr qsizetype longestFrame = 64 << 20;
constexpr int longestQueue = 8192; // events that wait for one subscriber's executor

Error lostError()
{
    return {
        ErrorCode::Unavailable, QStringLiteral("The running Signalbox closed the connection."), {}};
}

/// Who hears events. Shared by the subscription, the reactor's list and the jobs on their way to
/// its executor.
struct Subscriber
{
    Executor& executor;
    std::function<void(const protocol::Event&)> listener;
    std::atomic<bool> ended = false;
    std::atomic<int> queued = 0;
    bool lagging = false; ///< only on the reactor's thread
};

void deliver(const std::shared_ptr<Subscriber>& subscriber, const protocol::Event& event)
{
    ++subscriber->queued;
    subscriber->executor.post([subscriber, event] {
        --subscriber->queued;
        if (!subscriber->ended) {
            subscriber->listener(event);
        }
    });
}

} // namespace

struct SocketClient::Private
{
    std::unique_ptr<Reactor> reactor;
    // The rest only on the reactor's thread.
    std::unique_ptr<Line> line;
    qint64 nextId = 0;
    std::map<qint64, Promise<QJsonObject>> waiting;
    std::vector<std::shared_ptr<Subscriber>> subscribers;

    void request(QJsonObject object, Promise<QJsonObject> promise)
    {
        if (!line->isOpen()) {
            promise.set(std::unexpected(lostError()));
            return;
        }
        const qint64 id = ++nextId;
        object.insert(QStringLiteral("id"), id);
        waiting.emplace(id, std::move(promise));
        line->send(object);
    }

    void receive(const QJsonObject& object)
    {
        if (object.contains(u"event")) {
            // A kind of event that a later version added is none of ours.
            if (const auto event = protocol::eventFromJson(object.value(u"event").toObject())) {
                publish(*event);
            }
            return;
        }
        const auto answered = waiting.extract(object.value(u"id").toInteger());
        if (answered.empty()) {
            return;
        }
        const auto error = object.value(u"error").toObject();
        if (error.isEmpty()) {
            answered.mapped().set(object.value(u"reply").toObject());
        } else {
            answered.mapped().set(fail(errorCodeFromName(error.value(u"code").toString()),
                                       error.value(u"message").toString(),
                                       error.value(u"context").toString()));
        }
    }

    void publish(const protocol::Event& event)
    {
        for (const auto& subscriber : subscribers) {
            if (subscriber->queued >= longestQueue) {
                subscriber->lagging = true;
                continue;
            }
            if (std::exchange(subscriber->lagging, false)) {
                deliver(subscriber, protocol::Lagged{});
            }
            deliver(subscriber, event);
        }
    }

    void lost()
    {
        for (auto& [id, promise] : std::exchange(waiting, {})) {
            promise.set(std::unexpected(lostError()));
        }
        for (const auto& subscriber : std::exchange(subscribers, {})) {
            deliver(subscriber, protocol::Lagged{});
        }
    }

    void tellSubscribed(bool on)
    {
        request({{QStringLiteral("subscribe"), on}}, Promise<QJsonObject>());
    }
};

SocketClient::SocketClient(std::unique_ptr<Private> parts) : m(std::move(parts)) {}

Result<std::unique_ptr<SocketClient>> SocketClient::connect(const QString& path)
{
    SB_TRY(auto socket, connectLocal(path));
    // Whoever listens there will be told secrets and obeyed about approvals.
    if (peerOf(socket.get()) != ::geteuid()) {
        return fail(ErrorCode::Forbidden,
                    QStringLiteral("The running Signalbox belongs to another user."),
                    path);
    }
    auto parts = std::make_unique<Private>();
    SB_TRY(parts->reactor, Reactor::create());
    Line::Handlers handlers;
    handlers.received = [raw = parts.get()](const QJsonObject& object) { raw->receive(object); };
    handlers.lost = [raw = parts.get()] { raw->lost(); };
    parts->line = std::make_unique<Line>(
        std::move(socket), *parts->reactor, longestFrame, std::move(handlers));
    SB_CHECK(parts->line->open());
    SB_CHECK(parts->reactor->begin("control-client"));
    return std::unique_ptr<SocketClient>(new SocketClient(std::move(parts)));
}

SocketClient::~SocketClient()
{
    m->reactor->postAndWait([this] {
        m->line->close();
        m->subscribers.clear();
        for (auto& [id, promise] : std::exchange(m->waiting, {})) {
            promise.set(
                fail(ErrorCode::Cancelled, QStringLiteral("The connection was closed here.")));
        }
    });
    m->reactor.reset();
}

Future<QJsonObject> SocketClient::send(protocol::Command command)
{
    Promise<QJsonObject> promise;
    auto future = promise.future();
    m->reactor->post(
        [raw = m.get(), command = std::move(command), promise = std::move(promise)]() mutable {
            raw->request({{QStringLiteral("command"), protocol::commandToJson(command)}},
                         std::move(promise));
        });
    return future;
}

Subscription SocketClient::subscribe(Executor& executor,
                                     std::function<void(const protocol::Event&)> listener)
{
    auto subscriber = std::make_shared<Subscriber>(executor, std::move(listener));
    m->reactor->post([raw = m.get(), subscriber] {
        if (!raw->line->isOpen()) {
            deliver(subscriber, protocol::Lagged{});
            return;
        }
        raw->subscribers.push_back(subscriber);
        if (raw->subscribers.size() == 1) {
            raw->tellSubscribed(true);
        }
    });
    // The client may be gone by then, so only its inbox is held, which drops the job in that case.
    return Subscription([raw = m.get(), inbox = m->reactor->inbox(), subscriber] {
        subscriber->ended = true;
        inbox->post([raw, subscriber] {
            const auto erased = std::erase(raw->subscribers, subscriber);
            if (erased > 0 && raw->subscribers.empty()) {
                raw->tellSubscribed(false);
            }
        });
    });
}

} // namespace sb::server
