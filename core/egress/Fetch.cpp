#include "core/base/Defence.h"
#include "core/egress/ProxyPrivate.h"

#include <QUrl>

namespace sb::egress {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype kPiece = 64 << 10;

bool isToken(QByteArrayView name)
{
    return !name.isEmpty() && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               QByteArrayView("!#$%&'*+-.^_`|~").contains(c);
    });
}

/// One request of our own, with its redirects.
class Fetcher final : public Actor
{
public:
    Fetcher(Proxy::Private& proxy,
            FetchRequest request,
            Session session,
            Promise<FetchReply> promise,
            quint64 id)
        : Actor(*proxy.loop, proxy.parts.clock)
        , m_proxy(proxy)
        , m_request(std::move(request))
        , m_session(std::move(session))
        , m_promise(std::move(promise))
        , m_id(id)
    {
    }

    Detached run(std::stop_token stop)
    {
        // The token may be stopped from any thread, and while this starts.
        m_cancel.emplace(std::move(stop), [post = m_loop.poster(), &proxy = m_proxy, id = m_id] {
            post([&proxy, id] {
                if (const auto found = proxy.actors.find(id); found != proxy.actors.end()) {
                    found->second->close();
                }
            });
        });
        lifetime(m_request.patience);
        Result<FetchReply> result = co_await follow();
        m_cancel.reset();
        m_promise.set(std::move(result));
        m_loop.post([&proxy = m_proxy, id = m_id] { proxy.forget(id); });
    }

private:
    Task<Result<FetchReply>> follow()
    {
        FetchReply reply;
        QByteArray url = QUrl(m_request.url, QUrl::StrictMode).toEncoded(QUrl::RemoveFragment);
        for (int hop = 0;; ++hop) {
            auto went = co_await once(url, reply);
            if (!went) {
                co_return std::unexpected(went.error());
            }
            const QByteArray location = reply.header("Location");
            const bool moved = reply.status == 301 || reply.status == 302 || reply.status == 303 ||
                               reply.status == 307 || reply.status == 308;
            if (!moved || location.isEmpty() || m_request.redirects == 0) {
                co_return reply;
            }
            if (hop >= m_request.redirects) {
                co_return fail(ErrorCode::Unavailable,
                               u"It was redirected more than %1 times."_s.arg(m_request.redirects));
            }
            const QUrl next = QUrl(QString::fromUtf8(url)).resolved(QUrl::fromEncoded(location));
            if (reply.status == 303 ||
                (m_request.method == "POST" && (reply.status == 301 || reply.status == 302))) {
                m_request.method = "GET";
                m_request.body.clear();
            }
            // What was meant for one host is none of another's business.
            if (next.host() != QUrl(QString::fromUtf8(url)).host() ||
                next.scheme() != QUrl(QString::fromUtf8(url)).scheme()) {
                m_request.headers.removeIf([](const auto& header) {
                    const QByteArrayView name(header.first);
                    return name.compare("Authorization", Qt::CaseInsensitive) == 0 ||
                           name.compare("Cookie", Qt::CaseInsensitive) == 0;
                });
            }
            const QStringList hops = reply.hops + QStringList{QString::fromUtf8(url)};
            reply = {};
            reply.hops = hops;
            url = next.toEncoded(QUrl::RemoveFragment);
            m_redirected = true;
        }
    }

    Task<Result<bool>> once(const QByteArray& url, FetchReply& reply)
    {
        auto target = readUrl(url);
        if (!target) {
            co_return std::unexpected(target.error());
        }
        Journey journey;
        journey.session = m_session;
        journey.method = QString::fromLatin1(m_request.method);
        journey.target = *std::move(target);
        journey.allow = m_request.allow;
        journey.approved = m_request.approved;
        Head head;
        head.method = m_request.method;
        head.length = m_request.body.isEmpty() ? -1 : m_request.body.size();
        head.headers = {{"Connection", "close"}};
        for (const auto& [name, value] : std::as_const(m_request.headers)) {
            const bool plain = isToken(name) && std::ranges::none_of(value, [](char c) {
                                   return (uchar(c) < 0x20 && c != '\t') || c == 0x7f;
                               });
            if (!plain && defended("egress.header-lines")) {
                co_return fail(ErrorCode::InvalidInput,
                               u"A header holds what no header can: a line end or a control "
                               "character."_s);
            }
            head.headers.append({name, value});
        }
        QByteArray text = writeRequestHead(head, journey.target.hostHeader(), journey.target.path);
        text.insert(text.size() - 2, "Connection: close\r\n");
        text += m_request.body;
        if (m_proxy.parts.scanner) {
            const auto scanner = m_proxy.parts.scanner(m_session);
            journey.scanned = scanner != nullptr;
            if (scanner && defended("egress.scan") && (scanner->feed(text) || scanner->finish())) {
                ++m_proxy.counters.leaks;
                co_return refused(
                    journey,
                    {403, u"The request holds a secret that must not leave, so it was stopped."_s});
            }
        }
        // Only the first hop was judged by whoever called: the others are new to everybody.
        const bool trusted = m_redirected && !defended("egress.redirects");
        if (trusted) {
            journey.allow = QStringList{journey.target.place()};
        }
        const Rules rules = m_proxy.parts.rules(m_session.agent);
        auto admitted = co_await m_proxy.admit(*this, journey, rules, nullptr);
        if (!admitted) {
            co_return refused(journey, admitted.error());
        }
        auto dialled = co_await m_proxy.dial(*this, journey);
        if (!dialled) {
            co_return refused(journey, dialled.error());
        }
        Upstream upstream = *std::move(dialled);
        auto answer = co_await converse(journey, *upstream.wire, text, reply);
        if (!answer) {
            co_return refused(journey, answer.error());
        }
        reply.url = QString::fromUtf8(url);
        reply.address = journey.address.toString();
        m_proxy.recordEnd(journey, u"allowed", {}, reply.status);
        co_return true;
    }

    Task<Outcome<bool>>
    converse(Journey& journey, Wire& wire, const QByteArray& text, FetchReply& reply)
    {
        MessageReader reader(MessageReader::Kind::Response);
        reader.expectNoBody(m_request.method == "HEAD");
        QByteArray piece(kPiece, Qt::Uninitialized);
        Outbox out;
        out.append(text);
        patience(m_proxy.parts.limits.idle);
        while (true) {
            const auto sent = out.flush(wire);
            const Wire::Moved got = wire.read(piece.data(), kPiece);
            const bool gone = got.io == Wire::Io::End || got.io == Wire::Io::Failed;
            if (!m_proxy.spend(journey, sent.value_or(0), got.bytes)) {
                co_return std::unexpected(
                    Refusal{429, u"The agent has used up its bytes of network for today (UTC)."_s});
            }
            QByteArrayView bytes(piece.constData(), got.bytes);
            while (!bytes.isEmpty()) {
                const auto taken = reader.feed(bytes);
                if (!taken) {
                    co_return std::unexpected(
                        Refusal{502,
                                u"%1 answered with what is no HTTP: %2."_s.arg(
                                    journey.target.place(), taken.error().message),
                                ErrorCode::Unavailable,
                                false});
                }
                bytes = bytes.sliced(*taken);
                if (!reader.isComplete() || reader.head().status >= 200) {
                    break;
                }
                reader.next(); // "continue" and the like
            }
            const bool ended = gone && reader.end() && reader.isComplete();
            reply.body += reader.takeBody();
            reply.truncated = reply.body.size() > m_request.maxBytes;
            if (reader.isComplete() || ended || reply.truncated) {
                reply.body.truncate(m_request.maxBytes);
                reply.status = reader.head().status;
                for (const Header& header : reader.head().headers) {
                    reply.headers.append({header.name, header.value});
                }
                co_return true;
            }
            if (gone) {
                co_return std::unexpected(Refusal{
                    502,
                    journey.target.place() + u" closed the connection before it had answered."_s,
                    ErrorCode::Unavailable,
                    false});
            }
            if (got.io == Wire::Io::Done) {
                patience(m_proxy.parts.limits.idle);
                continue;
            }
            co_await next();
            if (isOver()) {
                co_return std::unexpected(
                    interrupted(*this, journey.target.place() + u" did not answer in time."_s));
            }
        }
    }

    Result<bool> refused(const Journey& journey, const Refusal& why)
    {
        m_proxy.recordRefusal(journey, why);
        return fail(why.code, why.reason, journey.target.place());
    }

    Proxy::Private& m_proxy;
    FetchRequest m_request;
    Session m_session;
    Promise<FetchReply> m_promise;
    quint64 m_id;
    bool m_redirected = false;
    std::optional<std::stop_callback<std::function<void()>>> m_cancel;
};

} // namespace

Future<FetchReply> Proxy::fetch(FetchRequest request, const Session& session, std::stop_token stop)
{
    Promise<FetchReply> promise;
    auto future = promise.future();
    m->loop->post([p = m.get(),
                   request = std::move(request),
                   owner = session,
                   promise = std::move(promise),
                   stop = std::move(stop)]() mutable {
        const quint64 id = ++p->lastId;
        auto fetcher = std::make_unique<Fetcher>(
            *p, std::move(request), std::move(owner), std::move(promise), id);
        Fetcher& begun = *fetcher;
        p->keep(id, std::move(fetcher));
        begun.run(std::move(stop));
    });
    return future;
}

} // namespace sb::egress
