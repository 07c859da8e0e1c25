#include "core/server/Door.h"

#include "core/base/Defence.h"
#include "core/server/Routes.h"
#include "core/server/Token.h"

#include <QUrl>

namespace sb::server {

namespace {

Reply refuse(int status, const QString& message, const QString& code)
{
    return Reply::error(status, message, code);
}

/// Headers that say who asks, for whom and how long the message is. Two of them mean two readings,
/// one here and another in whatever stands before this server.
constexpr std::array singleHeaders{"Host",
                                   "Origin",
                                   "Authorization",
                                   "Content-Length",
                                   "Transfer-Encoding",
                                   "Expect",
                                   "Last-Event-ID",
                                   "Idempotency-Key"};

std::optional<Reply> checkShape(const Exchange& exchange)
{
    if (defended("http.single-headers")) {
        for (const char* name : singleHeaders) {
            if (exchange.headerCount(name) > 1) {
                return refuse(
                    400,
                    QStringLiteral("The header %1 stands here twice.").arg(QLatin1StringView(name)),
                    QStringLiteral("invalid_input"));
            }
        }
    }
    if (defended("http.one-framing") && exchange.headerCount("Content-Length") > 0 &&
        exchange.headerCount("Transfer-Encoding") > 0) {
        return refuse(400,
                      QStringLiteral("The body's length is told in two ways."),
                      QStringLiteral("invalid_input"));
    }
    return std::nullopt;
}

} // namespace

double costOf(RouteClass kind)
{
    switch (kind) {
    case RouteClass::Health:
        return 1;
    case RouteClass::Read:
    case RouteClass::Unknown:
        return 2;
    case RouteClass::Audit:
    case RouteClass::Decide:
        return 5;
    case RouteClass::Message:
        return 30;
    }
    return 30;
}

bool isOwnHost(QByteArrayView host, const QString& address, quint16 port)
{
    const QByteArray given = host.toByteArray().toLower();
    const QByteArray name =
        address.contains(u':') ? '[' + address.toLatin1().toLower() + ']' : address.toLatin1();
    const QByteArray suffix = ':' + QByteArray::number(port);
    // A client leaves out the port that http has by itself.
    const bool isPlain = port == 80 && (given == name || given == "localhost");
    return isPlain || given == name + suffix || given == "localhost" + suffix;
}

bool isOwnOrigin(QByteArrayView origin, const QString& address, quint16 port)
{
    const QByteArray given = origin.toByteArray().toLower();
    return given.startsWith("http://") && isOwnHost(QByteArrayView(given).sliced(7), address, port);
}

const Headers& protectingHeaders()
{
    static const Headers headers{
        {"X-Content-Type-Options", "nosniff"},
        {"Cache-Control", "no-store"},
        {"Content-Security-Policy",
         "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
    };
    static const Headers none;
    return defended("http.headers") ? headers : none;
}

Door::Door(const HttpServer::Settings& settings, QString address, quint16 port)
    : m_settings(settings)
    , m_address(std::move(address))
    , m_port(port)
    , m_strangers(settings.strangers)
    , m_holders(settings.holders)
{
}

bool Door::showsToken(const Exchange& exchange) const
{
    const QByteArray given = exchange.header("Authorization");
    return given.size() > 7 && given.left(7).toLower() == "bearer " &&
           Token::matches(m_settings.token, QByteArrayView(given).sliced(7).trimmed());
}

// Addresses end up in logs, histories and Referer headers.
bool Door::spellsToken(const Exchange& exchange) const
{
    const auto isToken = [&](const QByteArray& text) {
        return Token::matches(m_settings.token, text);
    };
    return std::ranges::any_of(exchange.arguments(), isToken) ||
           std::ranges::any_of(exchange.path.split('/'), isToken);
}

std::optional<Reply> Door::limit(bool holder, const QByteArray& peer, RouteClass kind, qint64 nowUs)
{
    // Each class has a purse of its own: whoever asks for health too often can still be told no
    // about other things, and the owner's reading does not stop the owner's messages.
    const QByteArray key =
        (holder ? QByteArray("token") : peer) + '/' + QByteArray::number(int(kind));
    const auto wait = (holder ? m_holders : m_strangers).take(key, costOf(kind), nowUs);
    if (!wait || !defended("http.rate-limit")) {
        return std::nullopt;
    }
    const qint64 seconds = std::max<qint64>(1, (*wait + 999'999) / 1'000'000);
    auto reply = refuse(
        429,
        seconds == 1 ? QStringLiteral("Too many requests; try again in a second.")
                     : QStringLiteral("Too many requests; try again in %1 seconds.").arg(seconds),
        QStringLiteral("rate_limited"));
    reply.headers.push_back({"Retry-After", QByteArray::number(seconds)});
    return reply;
}

std::optional<Reply> Door::check(Exchange& exchange, const QByteArray& peer, qint64 nowUs)
{
    const auto route = findRoute(exchange.path);
    exchange.holdsToken = showsToken(exchange);
    if (auto tooMany =
            limit(exchange.holdsToken, peer, route ? route->kind : RouteClass::Unknown, nowUs)) {
        return tooMany;
    }
    if (auto bad = checkShape(exchange)) {
        return bad;
    }
    if (defended("http.host") && !isOwnHost(exchange.header("Host"), m_address, m_port)) {
        return refuse(403,
                      QStringLiteral("The Host header does not name this server."),
                      QStringLiteral("forbidden"));
    }
    const bool hasOrigin = exchange.headerCount("Origin") > 0;
    if (defended("http.origin") && hasOrigin &&
        !isOwnOrigin(exchange.header("Origin"), m_address, m_port)) {
        return refuse(403,
                      QStringLiteral("Web pages from elsewhere may not use this server."),
                      QStringLiteral("forbidden"));
    }
    // What browsers add by themselves to requests that another site's page makes, also to those
    // without an Origin: pictures, scripts, links.
    const QByteArray site = exchange.header("Sec-Fetch-Site").toLower();
    if (defended("http.fetch-site") && (site == "cross-site" || site == "same-site")) {
        return refuse(403,
                      QStringLiteral("Web pages from elsewhere may not use this server."),
                      QStringLiteral("forbidden"));
    }
    if (defended("http.token-in-address") && spellsToken(exchange)) {
        return refuse(400,
                      QStringLiteral("The token must not stand in the address, where logs keep it; "
                                     "send it as the header \"Authorization: Bearer TOKEN\"."),
                      QStringLiteral("token_in_address"));
    }
    if (defended("http.token") && !exchange.holdsToken &&
        (!route || route->kind != RouteClass::Health)) {
        auto reply =
            refuse(401,
                   QStringLiteral("This needs the header \"Authorization: Bearer TOKEN\"."),
                   QStringLiteral("unauthorized"));
        reply.headers.push_back({"WWW-Authenticate", "Bearer realm=\"signalbox\""});
        return reply;
    }
    if (!route) {
        return refuse(
            404,
            QStringLiteral("There is nothing at %1.").arg(QString::fromUtf8(exchange.path)),
            QStringLiteral("not_found"));
    }
    exchange.route = route->name;
    const auto methods = route->methods.split(',');
    if (defended("http.methods") && !methods.contains(exchange.method) &&
        !methods.contains(' ' + exchange.method)) {
        auto reply =
            refuse(405,
                   QStringLiteral("%1 takes %2 only.")
                       .arg(QString::fromUtf8(exchange.path), QLatin1StringView(route->methods)),
                   QStringLiteral("method_not_allowed"));
        reply.headers.push_back({"Allow", route->methods});
        return reply;
    }
    if (defended("http.body-cap") &&
        exchange.header("Content-Length").toULongLong() > quint64(m_settings.maxBody)) {
        return refuse(413,
                      QStringLiteral("The body may have %1 bytes.").arg(m_settings.maxBody),
                      QStringLiteral("invalid_input"));
    }
    return std::nullopt;
}

} // namespace sb::server
