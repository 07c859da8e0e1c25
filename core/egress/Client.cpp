#include "core/egress/Client.h"

#include "core/base/Defence.h"

namespace sb::egress {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype kPiece = 64 << 10;
constexpr qsizetype kMostWaiting = 256 << 10; // of bytes that one side does not take
constexpr int kTurns = 32; // pieces that one connection moves before others have theirs

Refusal badRequest(const QString& why)
{
    return {400, why, ErrorCode::InvalidInput};
}

Refusal holdsSecret()
{
    return {403, u"The request holds a secret that must not leave, so it was stopped."_s};
}

} // namespace

void serveClient(Proxy::Private& proxy, Fd fd, const std::shared_ptr<Listener>& listener)
{
    const quint64 id = ++proxy.lastId;
    auto client = std::make_unique<Client>(proxy, std::move(fd), listener, id);
    Client& begun = *client;
    listener->clients.insert(id);
    proxy.keep(id, std::move(client));
    begun.run();
}

Client::Client(Proxy::Private& proxy, Fd fd, std::shared_ptr<Listener> listener, quint64 id)
    : Actor(*proxy.loop, proxy.parts.clock)
    , m_proxy(proxy)
    , m_listener(std::move(listener))
    , m_id(id)
    , m_wire(*proxy.loop, std::move(fd), *this)
    , m_piece(kPiece, Qt::Uninitialized)
{
    ++m_proxy.counters.clients;
}

Client::~Client()
{
    --m_proxy.counters.clients;
    m_listener->clients.erase(m_id);
}

void Client::touched()
{
    if (m_wire.hasHungUp()) {
        close();
    }
}

Detached Client::run()
{
    bool more = true;
    while (more && !isOver()) {
        more = co_await readHead();
        if (!more) {
            break;
        }
        if (m_request.head().method == "CONNECT") {
            co_await serveTunnel();
            break;
        }
        more = co_await serveRequest();
        if (more) {
            m_request.next();
        }
    }
    // This coroutine's frame is not part of the client, so it may end it; not from inside a call
    // of its own wire, though.
    m_loop.post([&proxy = m_proxy, id = m_id] { proxy.forget(id); });
}

Task<bool> Client::readHead()
{
    patience(m_proxy.parts.limits.idle);
    bool begun = false;
    while (true) {
        if (!m_in.isEmpty()) {
            if (!std::exchange(begun, true)) {
                patience(m_proxy.parts.limits.head);
            }
            const auto taken = m_request.feed(m_in);
            if (!taken) {
                Journey journey;
                journey.session = m_listener->session;
                journey.method = QString::fromLatin1(m_request.head().method);
                co_await refuse(journey,
                                badRequest(u"This is no request that can be understood in one way "
                                           "only: %1."_s.arg(taken.error().message)));
                co_return false;
            }
            m_in.remove(0, *taken);
            if (m_request.hasHead()) {
                co_return true;
            }
        }
        const Wire::Moved moved = m_wire.read(m_piece.data(), kPiece);
        if (moved.io == Wire::Io::Done) {
            m_in.append(m_piece.constData(), moved.bytes);
            continue;
        }
        if (moved.io != Wire::Io::Again) {
            co_return false;
        }
        co_await next();
        if (isOver()) {
            co_return false;
        }
    }
}

Outcome<Target> Client::targetOf(const Head& head)
{
    const auto bad = [](const QString& why) { return std::unexpected(badRequest(why)); };
    if (head.count("Host") > 1 && defended("egress.one-host")) {
        return bad(u"The request names its host more than once."_s);
    }
    if (head.count("Transfer-Encoding") > 0 && defended("egress.transfer-encoding") &&
        (head.count("Transfer-Encoding") > 1 || head.minor < 1 ||
         QByteArrayView(head.value("Transfer-Encoding")).compare("chunked", Qt::CaseInsensitive) !=
             0)) {
        return bad(u"The only transfer encoding that passes is chunked, once."_s);
    }
    if (head.chunked && head.length >= 0 && defended("egress.one-length")) {
        return bad(u"The request says the length of its body in two ways."_s);
    }
    if (head.method == "TRACE" && defended("egress.trace")) {
        return std::unexpected(
            Refusal{403, u"TRACE does not pass: it would show the headers that were put in."_s});
    }
    if (!head.target.contains("://")) {
        return bad(u"This is a proxy: the request must name the whole address, as in "
                   "GET http://example.org/ HTTP/1.1."_s);
    }
    auto target = readUrl(head.target);
    if (!target) {
        return bad(target.error().message);
    }
    return *std::move(target);
}

Task<bool> Client::serveRequest()
{
    lifetime(m_proxy.parts.limits.total);
    Exchange x;
    x.head = m_request.head();
    x.journey.session = m_listener->session;
    x.journey.method = QString::fromLatin1(x.head.method);
    x.journey.startUs = m_clock.steadyUs();
    auto target = targetOf(x.head);
    if (!target) {
        co_return co_await refuse(x.journey, target.error());
    }
    x.journey.target = *std::move(target);
    auto ready = co_await prepare(x);
    if (!ready) {
        co_return co_await refuse(x.journey, ready.error());
    }
    Refusal why;
    x.reused = *ready;
    Ended ended = Ended::Stale;
    while (ended == Ended::Stale) {
        if (!x.reused) {
            m_upstream = {};
            m_answer.emplace(MessageReader::Kind::Response);
            auto dialled = co_await m_proxy.dial(*this, x.journey);
            if (!dialled) {
                co_return co_await refuse(x.journey, dialled.error());
            }
            m_upstream = *std::move(dialled);
        }
        x.journey.address = m_upstream.address;
        m_answer->expectNoBody(x.head.method == "HEAD");
        x.up.set(writeRequestHead(
            x.head, x.journey.target.hostHeader(), x.journey.target.path, x.values));
        ended = co_await pump(x, why);
        x.reused = false;
    }
    if (ended != Ended::Well || !x.keepUp) {
        m_upstream = {};
    } else {
        m_answer->next();
    }
    if (ended == Ended::Refused && !x.answered) {
        co_return co_await refuse(x.journey, why);
    }
    if (x.echo.hits() > 0) {
        ++m_proxy.counters.leaks;
        why.reason = u"The answer held the key that was put in; it was blotted out."_s;
    }
    m_proxy.recordEnd(x.journey, ended == Ended::Well ? u"allowed" : u"cut", why.reason, x.status);
    if (ended == Ended::Well && !m_request.isComplete()) {
        co_await linger();
        co_return false;
    }
    co_return ended == Ended::Well&& x.keep;
}

Task<Outcome<bool>> Client::prepare(Exchange& x)
{
    const auto& parts = m_proxy.parts;
    const Rules rules = parts.rules(x.journey.session.agent);
    x.journey.target = upgraded(x.journey.target, rules.inject);
    const auto places = findPlaceholders(x.head, x.journey.target, rules.inject);
    if (!places) {
        co_return std::unexpected(Refusal{403, places.error().message});
    }
    if (!places->empty()) {
        x.journey.key = places->front().injection.reference;
    }
    if (parts.scanner) {
        x.scanner = parts.scanner(x.journey.session);
    }
    x.journey.scanned = x.scanner != nullptr;
    // What stands in the address and the headers leaves as well, and before anything of the body.
    if (x.scanner && defended("egress.scan")) {
        const auto scanner = parts.scanner(x.journey.session);
        if (scanner->feed(
                writeRequestHead(x.head, x.journey.target.hostHeader(), x.journey.target.path)) ||
            scanner->finish()) {
            ++m_proxy.counters.leaks;
            co_return std::unexpected(holdsSecret());
        }
    }
    auto admitted = co_await m_proxy.admit(*this, x.journey, rules, &m_upstream);
    if (!admitted) {
        co_return admitted;
    }
    auto put = co_await putKeysIn(x, *places);
    if (!put) {
        co_return put;
    }
    if (*admitted) {
        // The server may have closed meanwhile, or said something that nobody asked for.
        const Wire::Moved early = m_upstream.wire->read(m_piece.data(), 1);
        if (early.io != Wire::Io::Again || m_upstream.wire->hasHungUp()) {
            co_return false;
        }
    }
    co_return *admitted;
}

Task<Outcome<bool>> Client::putKeysIn(Exchange& x, const std::vector<Place>& places)
{
    for (const Place& place : places) {
        if (x.values.contains(place.header)) {
            continue;
        }
        if (!m_proxy.parts.resolveSecret) {
            co_return std::unexpected(
                Refusal{503, u"There is no store of keys here."_s, ErrorCode::Unavailable, false});
        }
        patience(m_proxy.parts.limits.idle);
        auto key = co_await cancellable(
            stopToken(), m_loop, m_proxy.parts.resolveSecret(place.injection.reference));
        if (isOver()) {
            co_return std::unexpected(interrupted(*this, u"The key could not be read in time."_s));
        }
        if (!key) {
            co_return std::unexpected(Refusal{503,
                                              u"The key for %1 could not be read: %2"_s.arg(
                                                  place.injection.host, key.error().message),
                                              ErrorCode::Unavailable,
                                              false});
        }
        const QByteArray& value = x.head.headers[place.header].value;
        auto whole = withKey(value, place, *key);
        if (!whole) {
            co_return std::unexpected(
                Refusal{503, whole.error().message, ErrorCode::Unavailable, false});
        }
        // What a server might show again: the key, and the form in which Basic sends it.
        whole->expose([&](QByteArrayView bytes) {
            if (QByteArrayView(value).contains(place.injection.placeholder.toUtf8())) {
                return;
            }
            x.echo.know(SecretString(bytes.sliced(6).toByteArray()));
        });
        key->expose([&](QByteArrayView bytes) {
            x.echo.know(SecretString(bytes.trimmed().toByteArray()));
        });
        x.values.emplace(place.header, *std::move(whole));
        ++m_proxy.counters.injected;
    }
    co_return true;
}

Task<Client::Ended> Client::pump(Exchange& x, Refusal& why)
{
    patience(m_proxy.parts.limits.idle);
    int turns = 0;
    while (true) {
        bool moved = false;
        if (const auto ended = moveUp(x, why, moved)) {
            co_return *ended;
        }
        if (const auto ended = moveDown(x, why, moved)) {
            co_return *ended;
        }
        if (x.answerDone && x.down.isEmpty()) {
            co_return Ended::Well;
        }
        if (moved && !isOver()) {
            if (++turns >= kTurns) {
                turns = 0;
                patience(m_proxy.parts.limits.idle);
                co_await m_loop.others();
            }
            continue;
        }
        co_await next();
        if (isOver()) {
            why = interrupted(*this, x.journey.target.place() + u" did not answer in time."_s);
            co_return x.answered ? Ended::Cut : Ended::Refused;
        }
        patience(m_proxy.parts.limits.idle);
    }
}

std::optional<QByteArray> Client::released(Exchange& x, QByteArray body, bool ends)
{
    if (!x.scanner || !defended("egress.scan")) {
        return body;
    }
    if ((!body.isEmpty() && x.scanner->feed(body)) || (ends && x.scanner->finish())) {
        return std::nullopt;
    }
    x.held += body;
    const bool all = ends || !defended("egress.hold");
    const qsizetype safe = all ? x.held.size() : x.scanner->safeBytes() - x.released;
    QByteArray now = x.held.first(safe);
    x.held.remove(0, safe);
    x.released += safe;
    return now;
}

std::optional<Client::Ended> Client::moveUp(Exchange& x, Refusal& why, bool& moved)
{
    if (!m_request.isComplete() && x.up.size() < kMostWaiting) {
        if (m_in.isEmpty()) {
            const Wire::Moved got = m_wire.read(m_piece.data(), kPiece);
            if (got.io == Wire::Io::End || got.io == Wire::Io::Failed) {
                why.reason = u"The client went away."_s;
                x.answered = true; // there is nobody to answer
                return Ended::Cut;
            }
            if (got.io == Wire::Io::Done) {
                m_in.append(m_piece.constData(), got.bytes);
                moved = true;
            }
        }
        if (!m_in.isEmpty()) {
            const auto taken = m_request.feed(m_in);
            if (!taken) {
                why = badRequest(
                    u"The body of the request is broken: %1."_s.arg(taken.error().message));
                return Ended::Refused;
            }
            m_in.remove(0, *taken);
        }
    }
    const bool ends = m_request.isComplete() && !std::exchange(x.upEnded, true);
    const auto body = released(x, m_request.takeBody(), ends);
    if (!body) {
        ++m_proxy.counters.leaks;
        why = holdsSecret();
        return Ended::Refused;
    }
    if (!body->isEmpty()) {
        x.up.append(x.head.chunked ? chunk(*body) : *body);
    }
    if (ends && x.head.chunked) {
        x.up.append(chunk({}));
    }
    if (!x.up.isEmpty() && !x.upBroken) {
        const auto sent = x.up.flush(*m_upstream.wire);
        if (!sent) {
            x.upBroken = true; // what it says is still read
        } else if (*sent > 0) {
            moved = true;
            if (!m_proxy.spend(x.journey, *sent, 0)) {
                why = {429, u"The agent has used up its bytes of network for today (UTC)."_s};
                return x.answered ? Ended::Cut : Ended::Refused;
            }
        }
    }
    if (x.upBroken) {
        x.up.clear();
    }
    return {};
}

std::optional<Client::Ended> Client::moveDown(Exchange& x, Refusal& why, bool& moved)
{
    if (!x.answerDone && x.down.size() < kMostWaiting) {
        const Wire::Moved got = m_upstream.wire->read(m_piece.data(), kPiece);
        if (got.io == Wire::Io::Done) {
            moved = true;
            x.begun = true;
            if (!m_proxy.spend(x.journey, 0, got.bytes)) {
                why = {429, u"The agent has used up its bytes of network for today (UTC)."_s};
                return x.answered ? Ended::Cut : Ended::Refused;
            }
            if (const auto ended =
                    takeAnswer(x, QByteArrayView(m_piece.constData(), got.bytes), why)) {
                return ended;
            }
        } else if (got.io != Wire::Io::Again) {
            moved = true;
            if (!x.begun && x.reused && !x.head.hasBody && x.head.method != "POST" &&
                x.head.method != "PATCH") {
                return Ended::Stale;
            }
            x.keepUp = false;
            if (!m_answer->end() || !m_answer->isComplete()) {
                why = {502,
                       x.journey.target.place() +
                           u" closed the connection before it had answered."_s,
                       ErrorCode::Unavailable,
                       false};
                return x.answered ? Ended::Cut : Ended::Refused;
            }
            if (const auto ended = takeAnswer(x, {}, why)) {
                return ended;
            }
        }
    }
    if (!x.down.isEmpty()) {
        const auto sent = x.down.flush(m_wire);
        if (!sent) {
            why.reason = u"The client went away."_s;
            return Ended::Cut;
        }
        moved = moved || *sent > 0;
    }
    return {};
}

std::optional<Client::Ended> Client::takeAnswer(Exchange& x, QByteArrayView bytes, Refusal& why)
{
    while (true) {
        const auto taken = m_answer->feed(bytes);
        if (!taken) {
            why = {502,
                   u"%1 answered with what is no HTTP: %2."_s.arg(x.journey.target.place(),
                                                                  taken.error().message),
                   ErrorCode::Unavailable,
                   false};
            return x.answered ? Ended::Cut : Ended::Refused;
        }
        bytes = bytes.sliced(*taken);
        if (m_answer->hasHead() && !x.answered) {
            if (const auto ended = takeAnswerHead(x, why)) {
                return ended;
            }
            if (!x.answered && m_answer->isComplete()) {
                m_answer->next(); // that was "continue" or the like
                if (bytes.isEmpty()) {
                    return {};
                }
                continue;
            }
        }
        const bool last = m_answer->isComplete();
        QByteArray body = m_answer->takeBody();
        if (x.answered && (!body.isEmpty() || last)) {
            body = x.echo.pass(body, last);
            if (!body.isEmpty()) {
                x.down.append(x.chunkDown ? chunk(body) : body);
            }
        }
        if (last) {
            if (x.chunkDown) {
                x.down.append(chunk({}));
            }
            x.answerDone = true;
            // More than an answer: nobody can say what it belongs to.
            x.keepUp = x.keepUp && bytes.isEmpty() && m_request.isComplete() && !x.upBroken;
        }
        return {};
    }
}

std::optional<Client::Ended> Client::takeAnswerHead(Exchange& x, Refusal& why)
{
    const Head& head = m_answer->head();
    if (head.status == 101) {
        why = {502,
               x.journey.target.place() +
                   u" wants to change the protocol, which only a tunnel can."_s,
               ErrorCode::Unavailable,
               false};
        return Ended::Refused;
    }
    if (head.status < 200) {
        x.down.append(x.echo.pass(writeResponseHead(head, false, true), true));
        return {};
    }
    const bool modern = x.head.minor >= 1;
    x.status = head.status;
    x.keepUp = x.keepUp && head.keepAlive && !head.untilClose;
    x.chunkDown = head.hasBody && (head.chunked || head.untilClose) && modern;
    x.keep = x.head.keepAlive && m_request.isComplete() &&
             (x.chunkDown || !(head.chunked || head.untilClose) || !head.hasBody);
    x.down.append(x.echo.pass(writeResponseHead(head, x.chunkDown, x.keep), true));
    x.answered = true;
    return {};
}

Task<bool> Client::refuse(const Journey& journey, const Refusal& why)
{
    m_proxy.recordRefusal(journey, why);
    if (isClosing()) {
        co_return false;
    }
    // A request that was not read to its end leaves bytes of which nobody knows what they are.
    const bool keep = !isOver() && m_request.isComplete() && m_request.head().keepAlive &&
                      m_request.head().method != "CONNECT";
    const bool sent =
        co_await send(writeAnswer(why.status, why.reason, keep, m_request.head().method == "HEAD"));
    if (sent && !keep) {
        co_await linger();
    }
    co_return sent&& keep;
}

Task<bool> Client::send(const QByteArray& bytes)
{
    Outbox out;
    out.append(bytes);
    patience(m_proxy.parts.limits.idle);
    while (true) {
        if (!out.flush(m_wire)) {
            co_return false;
        }
        if (out.isEmpty()) {
            co_return true;
        }
        co_await next();
        if (isOver()) {
            co_return false;
        }
    }
}

Task<> Client::linger()
{
    m_wire.finish();
    patience(Milliseconds(2'000));
    qsizetype most = 4 << 20;
    while (most > 0) {
        const Wire::Moved moved = m_wire.read(m_piece.data(), kPiece);
        if (moved.io == Wire::Io::Done) {
            most -= moved.bytes;
            continue;
        }
        if (moved.io != Wire::Io::Again) {
            co_return;
        }
        co_await next();
        if (isOver()) {
            co_return;
        }
    }
}

} // namespace sb::egress
