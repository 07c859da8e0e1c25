#include "core/base/Defence.h"
#include "core/server/LocalServer.h"
#include "core/server/Token.h"
#include "tests/security/Attack.h"
#include "tests/unit/HttpFixture.h"

#include <QTemporaryDir>
#include <sys/mman.h>
#include <sys/un.h>
#include <sys/wait.h>

using namespace sb;
using namespace sb::test;
using attack::Attack;
using attack::Outcome;
using protocol::Ask;

namespace {

Outcome succeededIf(bool harm)
{
    return harm ? Outcome::Succeeded : Outcome::Refused;
}

/// A server of its own, with a client that sends what it is told.
class Site final : public HttpFixture
{
public:
    explicit Site(std::function<void(server::HttpServer::Settings&)> adjust = {})
    {
        freshRuntime();
        serve(std::move(adjust));
    }
    [[nodiscard]] QByteArray own() const
    {
        return "127.0.0.1:" + QByteArray::number(m_server->port());
    }
    static QByteArray bearer() { return "Authorization: Bearer " + token + "\r\n"; }

    /// One request as its bytes say; PORT stands for the port.
    RawHttp::Response ask(const QByteArray& line,
                          const QByteArray& host,
                          const QByteArray& headers,
                          const QByteArray& body = {})
    {
        auto http = client();
        QByteArray bytes = line + " HTTP/1.1\r\nHost: " + host + "\r\n" + headers;
        if (!body.isEmpty()) {
            bytes += "Content-Length: " + QByteArray::number(body.size()) + "\r\n";
        }
        bytes += "\r\n" + body;
        http.send(bytes.replace("PORT", QByteArray::number(m_server->port())));
        return http.read(!line.startsWith("HEAD"));
    }
    [[nodiscard]] int asked() const { return m_runtime->asked; }
    using HttpFixture::client;
};

/// The attacker wants an answer with this status for these bytes, token and all.
std::function<Outcome()>
gets(int status, const QByteArray& line, const QByteArray& host, const QByteArray& headers)
{
    return [=] {
        Site site;
        return succeededIf(site.ask(line, host, headers).status == status);
    };
}

const QByteArray here = "127.0.0.1:PORT";

// Without a token, each route that has anything to tell or to do.
std::function<Outcome()> stranger(const QByteArray& line, const QByteArray& body = {})
{
    return [=] {
        Site site;
        const auto response = site.ask(line, here, {}, body);
        return succeededIf(response.status != 401 && response.status != 0);
    };
}

std::function<Outcome()> guesses(const QByteArray& authorization)
{
    return [=] {
        Site site;
        return succeededIf(
            site.ask("GET /metrics", here, "Authorization: " + authorization + "\r\n").status ==
            200);
    };
}

// The comparison must touch every byte, or its time tells how many were right. The second half of
// the guess lies where reading ends the process: a comparison that stops at the first difference
// comes back, one that reads all of it does not.
Outcome timing()
{
    const auto page = size_t(::sysconf(_SC_PAGESIZE));
    auto* memory = static_cast<char*>(
        ::mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    std::memset(memory, 'x', 2 * page);
    const SecretString secret(QByteArray(qsizetype(2 * page), 'y'));
    const pid_t child = ::fork();
    if (child == 0) {
        ::signal(SIGSEGV, SIG_DFL);
        ::mprotect(memory + page, page, PROT_NONE);
        const bool equal =
            server::Token::matches(secret, QByteArrayView(memory, qsizetype(2 * page)));
        ::_exit(equal ? 2 : 0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ::munmap(memory, 2 * page);
    return succeededIf(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

Outcome flood()
{
    Site site([](auto& settings) { settings.strangers = {0.01, 20}; });
    int answered = 0;
    for (int i = 0; i < 60; ++i) {
        answered += site.ask("GET /healthz", here, {}).status == 200 ? 1 : 0;
    }
    return succeededIf(answered > 20);
}

Outcome guessing()
{
    Site site([](auto& settings) { settings.strangers = {0.01, 20}; });
    int heard = 0;
    for (int i = 0; i < 60; ++i) {
        heard += site.ask("GET /metrics",
                          here,
                          "Authorization: Bearer guess-" + QByteArray::number(i) + "\r\n")
                             .status == 401
                     ? 1
                     : 0;
    }
    return succeededIf(heard > 20);
}

// A script that holds the token starts turns without end.
Outcome messages()
{
    Site site([](auto& settings) { settings.holders = {0.01, 90}; });
    for (int i = 0; i < 10; ++i) {
        site.ask("POST /v1/chat/completions", here, Site::bearer(), chatBody("again"));
    }
    return succeededIf(site.asked() > 3);
}

// A byte now and then keeps the connection; many of them keep the server.
Outcome slowLoris(const QByteArray& start)
{
    Site site([](auto& settings) { settings.requestTimeout = Milliseconds(150); });
    auto http = site.client();
    QByteArray bytes = start;
    http.send(bytes.replace("PORT", site.own().split(':').last()));
    QElapsedTimer timer;
    timer.start();
    // Anything that comes back is the server's farewell; a connection that is gone takes nothing.
    bool open = true;
    while (open && timer.elapsed() < 1200) {
        pollfd heard{http.fd(), POLLIN, 0};
        open = ::poll(&heard, 1, 50) == 0 && http.send("x");
    }
    return succeededIf(open);
}

Outcome oversizedBody(bool chunked)
{
    Site site([](auto& settings) { settings.maxBody = 4096; });
    const QByteArray body = chatBody(QByteArray(8192, 'x'));
    if (!chunked) {
        site.ask("POST /v1/chat/completions", here, Site::bearer(), body);
        return succeededIf(site.asked() > 0);
    }
    auto http = site.client();
    http.send(http.head("POST /v1/chat/completions", "Transfer-Encoding: chunked\r\n\r\n") +
              QByteArray::number(body.size(), 16) + "\r\n" + body + "\r\n0\r\n\r\n");
    (void)http.read();
    return succeededIf(site.asked() > 0);
}

Outcome healthDetails()
{
    Site site;
    return succeededIf(site.ask("GET /healthz", here, {}).body.contains("version"));
}

// The request that a browser sends to ask whether it may send another one does the work itself.
Outcome preflight()
{
    Site site;
    site.ask("OPTIONS /v1/chat/completions", here, Site::bearer(), chatBody("hello"));
    return succeededIf(site.asked() > 0);
}

std::function<Outcome()> lacks(const QByteArray& header, const QByteArray& value)
{
    return [=] {
        Site site;
        return succeededIf(
            !site.ask("GET /healthz", here, {}).headers.value(header).contains(value));
    };
}

Outcome connections()
{
    Site site([](auto& settings) { settings.maxConnections = 4; });
    std::vector<RawHttp> held;
    for (int i = 0; i < 12; ++i) {
        held.push_back(site.client());
    }
    int served = 0;
    for (auto& http : held) {
        http.send("GET /healthz HTTP/1.1\r\nHost: " + site.own() + "\r\n\r\n");
    }
    for (auto& http : held) {
        served += http.more(300) ? 1 : 0;
    }
    return succeededIf(served > 4);
}

// One proxy reads one length, this server another.
Outcome twoLengths()
{
    Site site;
    auto http = site.client();
    const QByteArray body = chatBody("smuggled");
    http.send(http.head("POST /v1/chat/completions",
                        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n") +
              QByteArray::number(body.size(), 16) + "\r\n" + body + "\r\n0\r\n\r\n");
    (void)http.read();
    return succeededIf(site.asked() > 0);
}

// A line that never ends, or ends after the memory did.
Outcome endlessFrame()
{
    const QTemporaryDir folder;
    FakeRuntime runtime;
    const QString path = folder.filePath(QStringLiteral("control.sock"));
    server::LocalServer::Limits limits;
    limits.frame = 4096;
    const auto listening = server::LocalServer::start(path, runtime, limits);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    qstrncpy(address.sun_path, QFile::encodeName(path).constData(), sizeof address.sun_path);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool answered = false;
    if (listening &&
        ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        const QByteArray line =
            R"({"id":1,"command":{"command":"ping"},"pad":")" + QByteArray(100'000, 'x') + "\"}\n";
        qsizetype sent = 0;
        while (sent < line.size()) {
            const auto part =
                ::send(fd, line.constData() + sent, size_t(line.size() - sent), MSG_NOSIGNAL);
            if (part <= 0) {
                break;
            }
            sent += part;
        }
        pollfd heard{fd, POLLIN, 0};
        char byte = 0;
        answered = ::poll(&heard, 1, 5000) == 1 && ::recv(fd, &byte, 1, 0) == 1;
    }
    ::close(fd);
    return succeededIf(answered);
}

} // namespace

class tst_HttpAttacks : public QObject
{
    Q_OBJECT

    static QList<Attack> attacks()
    {
        const QByteArray bearer = Site::bearer();
        const QByteArray chat = chatBody("hello");
        return {
            {"http.rebound-name",
             "http.host",
             gets(200, "GET /metrics", "rebound.example:PORT", bearer)},
            {"http.rebound-localhost-suffix",
             "http.host",
             gets(200, "GET /metrics", "localhost.rebound.example:PORT", bearer)},
            {"http.other-port", "http.host", gets(200, "GET /metrics", "127.0.0.1:1", bearer)},
            {"http.other-loopback",
             "http.host",
             gets(200, "GET /metrics", "127.9.9.9:PORT", bearer)},
            {"http.number-as-host",
             "http.host",
             gets(200, "GET /metrics", "2130706433:PORT", bearer)},
            {"http.foreign-origin",
             "http.origin",
             gets(200, "GET /metrics", here, bearer + "Origin: https://evil.example\r\n")},
            {"http.null-origin",
             "http.origin",
             gets(200, "GET /metrics", here, bearer + "Origin: null\r\n")},
            {"http.other-local-server",
             "http.origin",
             gets(200, "GET /metrics", here, bearer + "Origin: http://localhost:3000\r\n")},
            {"http.picture-in-a-page",
             "http.fetch-site",
             gets(200, "GET /healthz", here, "Sec-Fetch-Site: cross-site\r\n")},
            {"http.token-in-query",
             "http.token-in-address",
             gets(200, "GET /metrics?token=a-token-of-some-length-for-tests", here, bearer)},
            {"http.token-in-path",
             "http.token-in-address",
             gets(404, "GET /v1/a-token-of-some-length-for-tests", here, bearer)},
            {"http.no-token-metrics", "http.token", stranger("GET /metrics")},
            {"http.no-token-models", "http.token", stranger("GET /v1/models")},
            {"http.no-token-chat", "http.token", stranger("POST /v1/chat/completions", chat)},
            {"http.no-token-events", "http.token", stranger("GET /v1/events?agent=x&agent=")},
            {"http.no-token-approvals", "http.token", stranger("GET /v1/approvals")},
            {"http.no-token-answer",
             "http.token",
             stranger("POST /v1/approvals/apr-1", R"({"decision":"accept"})")},
            {"http.no-token-paths", "http.token", stranger("GET /v1/hidden")},
            {"http.token-of-another-scheme",
             "http.token",
             guesses("Basic a-token-of-some-length-for-tests")},
            {"http.beginning-of-the-token", "http.token", guesses("Bearer a-token-of-some")},
            {"http.token-timing", "http.token-timing", timing},
            {"http.flood", "http.rate-limit", flood},
            {"http.guessing", "http.rate-limit", guessing},
            {"http.endless-messages", "http.rate-limit", messages},
            {"http.slow-headers",
             "http.request-deadline",
             [] { return slowLoris("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nX: "); }},
            {"http.slow-body",
             "http.request-deadline",
             [] {
                 return slowLoris("POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n" +
                                  Site::bearer() + "Content-Length: 100000\r\n\r\n");
             }},
            {"http.oversized-body", "http.body-cap", [] { return oversizedBody(false); }},
            {"http.oversized-chunks", "http.body-cap", [] { return oversizedBody(true); }},
            {"http.health-details", "http.health-details", healthDetails},
            {"http.preflight", "http.methods", preflight},
            {"http.delete", "http.methods", gets(200, "DELETE /v1/approvals", here, bearer)},
            {"http.framed",
             "http.headers",
             lacks("content-security-policy", "frame-ancestors 'none'")},
            {"http.sniffed", "http.headers", lacks("x-content-type-options", "nosniff")},
            {"http.embedded", "http.headers", lacks("cross-origin-resource-policy", "same-origin")},
            {"http.cached", "http.headers", lacks("cache-control", "no-store")},
            {"http.connections", "http.connection-cap", connections},
            {"http.two-hosts",
             "http.single-headers",
             gets(200, "GET /metrics", "127.0.0.1:PORT\r\nHost: evil.example", bearer)},
            {"http.two-lengths", "http.one-framing", twoLengths},
            {"http.endless-frame", "socket.frame-cap", endlessFrame},
        };
    }

private Q_SLOTS:
    void attack_data() { attack::addRows(attacks()); }
    void attack() { attack::check(attacks()); }
};

QTEST_GUILESS_MAIN(tst_HttpAttacks)
#include "tst_HttpAttacks.moc"
