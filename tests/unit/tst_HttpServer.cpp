#include "HttpFixture.h"

using namespace sb;
using namespace sb::test;
using protocol::Ask;
using protocol::Kind;
using server::HttpServer;

class tst_HttpServer : public HttpFixture
{
    Q_OBJECT

private Q_SLOTS:
    void init() { freshRuntime(); }
    void cleanup() { stopServer(); }

    void healthNeedsNoToken();
    void healthTellsTheOwnerMore();
    void tokenInTheAddress();
    void tooManyRequests();
    void twoLengths();
    void refusals_data();
    void refusals();
    void onlyLoopback();
    void portInUse();
    void ipv6();
    void metricsCount();
    void models();
    void head();
    void approvals();
    void disconnectWhileWaiting();
    void keepAliveAndPipelining();
    void fiveHundredAtOnce();
    void bodyCap();
    void bodyCapChunked();
    void bodyExactlyAtCap();
    void expectContinue();
    void slowBody();
    void slowHeaders();
    void hugeHeaders();
    void garbage();
    void stopWhileRequestsHang();
    void stopWhileNobodyReads();
    void answerAfterTheServerIsGone();
};

void tst_HttpServer::healthNeedsNoToken()
{
    serve();
    auto http = client();
    http.send("GET /healthz HTTP/1.1\r\nHost: localhost:" + QByteArray::number(m_server->port()) +
              "\r\n\r\n");
    const auto response = http.read();
    QCOMPARE(response.status, 200);
    QCOMPARE(response.body, R"({"status":"ok"})");
    QCOMPARE(response.headers.value("x-content-type-options"), "nosniff");
    QCOMPARE(response.headers.value("cache-control"), "no-store");
    QCOMPARE(response.headers.value("referrer-policy"), "no-referrer");
    QCOMPARE(response.headers.value("cross-origin-resource-policy"), "same-origin");
    QVERIFY(response.headers.value("content-security-policy").contains("frame-ancestors 'none'"));
}

void tst_HttpServer::healthTellsTheOwnerMore()
{
    serve();
    const auto health = objectOf(get("/healthz").body);
    QCOMPARE(health.value(u"status").toString(), u"ok");
    QCOMPARE(health.value(u"version").toString(), QStringLiteral(SB_VERSION));
    QCOMPARE(health.value(u"role").toString(), u"serve");
}

void tst_HttpServer::tokenInTheAddress()
{
    serve();
    const QList<QByteArray> paths{"/metrics?access_token=" + token,
                                  "/metrics?" + token,
                                  "/healthz?a=b&c=" + token,
                                  "/v1/approvals/" + token};
    for (const QByteArray& path : paths) {
        const auto response = get(path);
        QCOMPARE(response.status, 400);
        QVERIFY(!response.body.contains(token));
    }
}

void tst_HttpServer::tooManyRequests()
{
    serve([](auto& settings) {
        settings.strangers = {1, 12};
        settings.holders = {1, 60};
    });
    const auto ask = [&](const QByteArray& path, bool holder) {
        auto http = client();
        http.send("GET " + path +
                  " HTTP/1.1\r\nHost: localhost:" + QByteArray::number(m_server->port()) + "\r\n" +
                  (holder ? "Authorization: Bearer " + token + "\r\n" : QByteArray()) + "\r\n");
        return http.read();
    };
    for (int i = 0; i < 12; ++i) {
        QCOMPARE(ask("/healthz", false).status, 200);
    }
    const auto refused = ask("/healthz", false);
    QCOMPARE(refused.status, 429);
    QVERIFY(refused.headers.value("retry-after").toInt() >= 1);
    const auto error = objectOf(refused.body).value(u"error").toObject();
    QVERIFY(error.value(u"message").toString().startsWith(u"Too many requests; try again in "));
    // Guesses at the token count as well, those who hold it have a purse of their own, and each
    // class of routes has another.
    QCOMPARE(ask("/metrics", false).status, 401);
    QCOMPARE(ask("/metrics", false).status, 401);
    QCOMPARE(ask("/metrics", false).status, 429);
    QCOMPARE(ask("/healthz", true).status, 200);
    QCOMPARE(post("/v1/chat/completions", chatBody("a")).status, 200);
    QCOMPARE(post("/v1/chat/completions", chatBody("a")).status, 200);
    QCOMPARE(post("/v1/chat/completions", chatBody("a")).status, 429);
    QCOMPARE(m_runtime->asked.load(), 2);
    QCOMPARE(get("/v1/models").status, 200);
}

void tst_HttpServer::twoLengths()
{
    serve();
    for (const QByteArray& lengths :
         {QByteArray("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"),
          QByteArray("Content-Length: 4\r\nContent-Length: 40\r\n"),
          QByteArray("Content-Length: +4\r\n"),
          QByteArray("Transfer-Encoding: xchunked\r\n"),
          QByteArray("Transfer-Encoding : chunked\r\n"),
          QByteArray("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n")}) {
        auto http = client();
        http.send(http.head("POST /v1/chat/completions", lengths) +
                  "\r\n0\r\n\r\nGET /v1/models HTTP/1.1\r\n\r\n");
        const auto first = http.read();
        QVERIFY2(first.status == 400 || first.status == 501 || first.status == 0,
                 lengths.constData());
        QVERIFY2(http.read().status == 0,
                 lengths.constData()); // what stood behind is never read as a request
    }
    QCOMPARE(m_runtime->asked.load(), 0);
}

void tst_HttpServer::refusals_data()
{
    QTest::addColumn<QByteArray>("line");
    QTest::addColumn<QByteArray>("host");
    QTest::addColumn<QByteArray>("extra");
    QTest::addColumn<int>("status");
    const QByteArray bearer = "Authorization: Bearer " + token + "\r\n";
    const auto row = [](const char* name,
                        const char* line,
                        const char* host,
                        const QByteArray& extra,
                        int status) {
        QTest::newRow(name) << QByteArray(line) << QByteArray(host) << extra << status;
    };
    row("no token", "GET /metrics", "127.0.0.1:PORT", {}, 401);
    row("no token, unknown path", "GET /nothing", "127.0.0.1:PORT", {}, 401);
    row("wrong token", "GET /metrics", "127.0.0.1:PORT", "Authorization: Bearer wrong\r\n", 401);
    row("wrong token of the same length",
        "GET /metrics",
        "127.0.0.1:PORT",
        "Authorization: Bearer b-token-of-some-length-for-tests\r\n",
        401);
    row("not bearer",
        "GET /metrics",
        "127.0.0.1:PORT",
        "Authorization: Basic " + token + "\r\n",
        401);
    row("scheme in lower case",
        "GET /metrics",
        "127.0.0.1:PORT",
        "Authorization: bearer " + token + "\r\n",
        200);
    row("foreign host", "GET /metrics", "evil.example:PORT", bearer, 403);
    row("foreign host at healthz", "GET /healthz", "evil.example:PORT", {}, 403);
    row("a name that only starts right",
        "GET /metrics",
        "localhost.evil.example:PORT",
        bearer,
        403);
    row("an address that is none", "GET /metrics", "127.0.0.1.evil:PORT", bearer, 403);
    row("other port", "GET /metrics", "127.0.0.1:1", bearer, 403);
    row("no port", "GET /metrics", "127.0.0.1", bearer, 403);
    row("empty host", "GET /metrics", "", bearer, 403);
    row("localhost", "GET /metrics", "LOCALHOST:PORT", bearer, 200);
    row("ipv6 name", "GET /metrics", "[::1]:PORT", bearer, 403);
    row("other loopback", "GET /metrics", "127.9.9.9:PORT", bearer, 403);
    row("a dot behind the name", "GET /metrics", "localhost.:PORT", bearer, 403);
    row("the address as one number", "GET /metrics", "2130706433:PORT", bearer, 403);
    row("user before the host", "GET /metrics", "x@127.0.0.1:PORT", bearer, 403);
    row("own origin",
        "GET /metrics",
        "127.0.0.1:PORT",
        bearer + "Origin: http://localhost:PORT\r\n",
        200);
    row("foreign origin",
        "GET /metrics",
        "127.0.0.1:PORT",
        bearer + "Origin: http://evil.example\r\n",
        403);
    row("origin of another port",
        "GET /metrics",
        "127.0.0.1:PORT",
        bearer + "Origin: http://localhost:3000\r\n",
        403);
    row("origin of another spelling",
        "GET /metrics",
        "127.0.0.1:PORT",
        bearer + "Origin: https://127.0.0.1:PORT\r\n",
        403);
    row("origin with a path",
        "GET /metrics",
        "127.0.0.1:PORT",
        bearer + "Origin: http://127.0.0.1:PORT/x\r\n",
        403);
    row("empty origin", "GET /metrics", "127.0.0.1:PORT", bearer + "Origin:\r\n", 403);
    row("picture in another site's page",
        "GET /healthz",
        "127.0.0.1:PORT",
        "Sec-Fetch-Site: cross-site\r\n",
        403);
    row("typed into a browser", "GET /healthz", "127.0.0.1:PORT", "Sec-Fetch-Site: none\r\n", 200);
    row("two hosts", "GET /metrics", "127.0.0.1:PORT\r\nHost: evil.example", bearer, 400);
    row("two tokens", "GET /metrics", "127.0.0.1:PORT", bearer + bearer, 400);
    row("null origin", "GET /metrics", "127.0.0.1:PORT", bearer + "Origin: null\r\n", 403);
    row("unknown path", "GET /v2", "127.0.0.1:PORT", bearer, 404);
    row("path below an approval", "GET /v1/approvals/a/b", "127.0.0.1:PORT", bearer, 404);
    row("wrong method", "DELETE /v1/approvals", "127.0.0.1:PORT", bearer, 405);
    row("preflight", "OPTIONS /v1/chat/completions", "127.0.0.1:PORT", bearer, 405);
    row("get of chat", "GET /v1/chat/completions", "127.0.0.1:PORT", bearer, 405);
    row("post to health", "POST /healthz", "127.0.0.1:PORT", {}, 405);
}

void tst_HttpServer::refusals()
{
    QFETCH(QByteArray, line);
    QFETCH(QByteArray, host);
    QFETCH(QByteArray, extra);
    QFETCH(int, status);
    serve();
    auto http = client();
    const QByteArray port = QByteArray::number(m_server->port());
    QByteArray bytes = line + " HTTP/1.1\r\nHost: " + host + "\r\n" + extra + "\r\n";
    http.send(bytes.replace("PORT", port));
    const auto response = http.read();
    QCOMPARE(response.status, status);
    QCOMPARE(response.headers.value("cache-control"), "no-store");
    QVERIFY(!response.headers.contains("access-control-allow-origin"));
    if (status != 200) {
        QVERIFY(!objectOf(response.body).value(u"error")[u"message"].toString().isEmpty());
    }
    QCOMPARE(response.headers.contains("www-authenticate"), status == 401);
    QCOMPARE(response.headers.contains("allow"), status == 405);
}

void tst_HttpServer::onlyLoopback()
{
    for (const auto* address : {"0.0.0.0", "192.168.1.1", "::", "example.org", ""}) {
        HttpServer::Settings settings;
        settings.address = QString::fromLatin1(address);
        const auto started = HttpServer::start(std::move(settings), *m_runtime);
        QVERIFY(!started);
        QCOMPARE(started.error().code, ErrorCode::InvalidInput);
        QVERIFY(started.error().message.contains(u"no loopback address"));
    }
}

void tst_HttpServer::portInUse()
{
    serve();
    HttpServer::Settings settings;
    settings.port = m_server->port();
    const auto second = HttpServer::start(std::move(settings), *m_runtime);
    QVERIFY(!second);
    QCOMPARE(second.error(),
             (Error{ErrorCode::Conflict,
                    QStringLiteral("Port %1 on 127.0.0.1 is in use by another program.")
                        .arg(m_server->port()),
                    {}}));
}

void tst_HttpServer::ipv6()
{
    HttpServer::Settings settings;
    settings.address = QStringLiteral("[::1]");
    auto started = HttpServer::start(std::move(settings), *m_runtime);
    if (!started) {
        QSKIP("This machine has no ::1.");
    }
    QCOMPARE((*started)->address(), QStringLiteral("::1"));
    const int fd = ::socket(AF_INET6, SOCK_STREAM, 0);
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons((*started)->port());
    address.sin6_addr = in6addr_loopback;
    QCOMPARE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const QByteArray request =
        "GET /healthz HTTP/1.1\r\nHost: [::1]:" + QByteArray::number((*started)->port()) +
        "\r\n\r\n";
    QCOMPARE(::send(fd, request.constData(), size_t(request.size()), 0), ssize_t(request.size()));
    char answer[32] = "";
    QVERIFY(::recv(fd, answer, sizeof answer, 0) > 0);
    QVERIFY(QByteArray(answer, 15).startsWith("HTTP/1.1 200"));
    ::close(fd);
}

void tst_HttpServer::metricsCount()
{
    serve();
    (void)get("/v1/models");
    (void)get("/v2");
    const auto response = get("/metrics");
    QCOMPARE(response.headers.value("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    QVERIFY(response.body.startsWith("signalbox_fake 7\n# HELP"));
    QVERIFY(response.body.contains(
        "signalbox_http_requests_total{route=\"models\",status=\"200\"} 1\n"));
    QVERIFY(response.body.contains(
        "signalbox_http_requests_total{route=\"other\",status=\"404\"} 1\n"));
    QVERIFY(response.body.contains("signalbox_build_info{version=\"0.1.0\",role=\"serve\"} 1\n"));
    QVERIFY(response.body.contains("\nsignalbox_http_event_listeners 0\n"));
}

void tst_HttpServer::models()
{
    serve();
    const auto object = objectOf(get("/v1/models").body);
    QCOMPARE(object.value(u"object").toString(), u"list");
    QCOMPARE(object.value(u"data")[0][u"id"].toString(), u"assistant");
    QCOMPARE(object.value(u"data")[1][u"id"].toString(), u"other");
}

void tst_HttpServer::head()
{
    serve();
    auto http = client();
    http.request("HEAD /v1/models");
    const auto response = http.read(false);
    QCOMPARE(response.status, 200);
    QVERIFY(response.headers.value("content-length").toInt() > 10);
    http.request("GET /healthz");
    QCOMPARE(objectOf(http.read().body).value(u"status").toString(), u"ok"); // nothing in between
}

void tst_HttpServer::approvals()
{
    protocol::ApprovalInfo info;
    info.id = QStringLiteral("apr-1");
    info.agent = QStringLiteral("assistant");
    info.tool = QStringLiteral("shell");
    m_runtime->addApproval(info);
    info.id = QStringLiteral("apr-2");
    info.state = protocol::ApprovalState::Rejected;
    info.by = QStringLiteral("window");
    m_runtime->addApproval(info);
    serve();
    QCOMPARE(objectOf(get("/v1/approvals").body).value(u"approvals").toArray().size(), 1);
    QCOMPARE(objectOf(get("/v1/approvals?all=1").body).value(u"approvals").toArray().size(), 2);
    QCOMPARE(objectOf(get("/v1/approvals/apr-1").body).value(u"tool").toString(), u"shell");
    QCOMPARE(get("/v1/approvals/apr-9").status, 404);

    QCOMPARE(post("/v1/approvals/apr-1", R"({"decision":"maybe"})").status, 400);
    QCOMPARE(post("/v1/approvals/apr-1", R"({"decision":"reject","arguments":{}})").status, 400);
    QCOMPARE(post("/v1/approvals/apr-1", R"({"decision":"accept","arguments":3})").status, 400);
    QCOMPARE(post("/v1/approvals/apr-9", R"({"decision":"accept"})").status, 404);

    const auto late = post("/v1/approvals/apr-2", R"({"decision":"accept"})");
    QCOMPARE(late.status, 409);
    const auto error = objectOf(late.body).value(u"error").toObject();
    QCOMPARE(error.value(u"message").toString(), u"It was already decided by window.");
    QCOMPARE(error.value(u"code").toString(), u"already_settled");
    QCOMPARE(error.value(u"by").toString(), u"window");
    QCOMPARE(error.value(u"state").toString(), u"rejected");

    const auto settled = post("/v1/approvals/apr-1",
                              R"({"decision":"accept","note":"go","arguments":{"command":"ls"}})");
    QCOMPARE(settled.status, 200);
    const auto object = objectOf(settled.body);
    QCOMPARE(object.value(u"state").toString(), u"accepted");
    QCOMPARE(object.value(u"by").toString(), u"http");
    QCOMPARE(object.value(u"note").toString(), u"go");
    QCOMPARE(object.value(u"edited_arguments")[u"command"].toString(), u"ls");
}

void tst_HttpServer::disconnectWhileWaiting()
{
    std::vector<Promise<QJsonObject>> held;
    std::mutex mutex;
    m_runtime->onAsk = [&](const Ask&, Promise<QJsonObject> promise) {
        const std::scoped_lock lock(mutex);
        held.push_back(std::move(promise));
    };
    serve();
    {
        auto http = client();
        auto streaming = client();
        http.request("POST /v1/chat/completions", chatBody("hi"));
        streaming.request("POST /v1/chat/completions", chatBody("hi", R"(,"stream":true)"));
        QTRY_COMPARE(m_runtime->asked.load(), 2);
        QTRY_COMPARE(metric("signalbox_http_connections"), 3); // with the one that asks
    }
    QTRY_COMPARE(metric("signalbox_http_connections"), 1);
    QTRY_COMPARE(m_runtime->listeners.load(), 0);
    const std::scoped_lock lock(mutex);
    for (auto& promise : held) {
        promise.set(toJson(Ask::Reply{QStringLiteral("late"), false, 0, 0})); // to nobody
    }
    QCOMPARE(get("/healthz").status, 200);
}

void tst_HttpServer::keepAliveAndPipelining()
{
    serve();
    auto http = client();
    for (int i = 0; i < 20; ++i) {
        http.request("POST /v1/chat/completions", chatBody(QByteArray::number(i)));
        http.request("GET /v2"); // a refusal keeps the connection, too
        QVERIFY(http.read().body.contains(QByteArray("word " + QByteArray::number(i))));
        QCOMPARE(http.read().status, 404);
        http.request("POST /v2", "a body that nobody wants");
        QCOMPARE(http.read().status, 404);
    }
    QCOMPARE(metric("signalbox_http_connections"), 2);
}

void tst_HttpServer::fiveHundredAtOnce()
{
    constexpr int count = 500;
    constexpr int rounds = 4;
    std::mutex mutex;
    std::vector<std::pair<Ask, Promise<QJsonObject>>> held;
    m_runtime->onAsk = [&](const Ask& ask, Promise<QJsonObject> promise) {
        const std::scoped_lock lock(mutex);
        held.emplace_back(ask, std::move(promise));
    };
    serve();
    std::vector<RawHttp> clients;
    for (int i = 0; i < count; ++i) {
        clients.push_back(client());
        QVERIFY(clients.back().connected());
    }
    for (int round = 0; round < rounds; ++round) {
        for (int i = 0; i < count; ++i) {
            clients[size_t(i)].request("POST /v1/chat/completions",
                                       chatBody("m" + QByteArray::number(i),
                                                ",\"user\":\"u" + QByteArray::number(i) + '"'));
        }
        QTRY_COMPARE_WITH_TIMEOUT(
            m_runtime->asked.load(), (round + 1) * count, 20'000); // all wait side by side
        {
            const std::scoped_lock lock(mutex);
            for (auto& [ask, promise] : held) {
                promise.set(toJson(Ask::Reply{
                    QStringLiteral("word ") + ask.text + u' ' + ask.channel, false, 1, 1}));
            }
            held.clear();
        }
        for (int i = 0; i < count; ++i) {
            const QByteArray number = QByteArray::number(i);
            QVERIFY(clients[size_t(i)].read().body.contains(
                QByteArray("word m" + number + " u" + number + '"')));
        }
    }
}

void tst_HttpServer::bodyCap()
{
    serve([](auto& settings) { settings.maxBody = 1000; });
    auto http = client();
    http.send(http.head("POST /v1/chat/completions", "Content-Length: 5000000\r\n\r\n"));
    const auto response = http.read(); // before a byte of it was sent
    QCOMPARE(response.status, 413);
    QCOMPARE(objectOf(response.body).value(u"error")[u"message"].toString(),
             u"The body may have 1000 bytes.");
    QVERIFY(!http.more());
    QCOMPARE(m_runtime->asked.load(), 0);
}

void tst_HttpServer::bodyCapChunked()
{
    serve([](auto& settings) { settings.maxBody = 1000; });
    auto http = client();
    http.send(http.head("POST /v1/chat/completions", "Transfer-Encoding: chunked\r\n\r\n"));
    http.send("320\r\n" + QByteArray(800, 'x') + "\r\n320\r\n" + QByteArray(800, 'x') + "\r\n");
    QCOMPARE(http.read().status, 413);
    QVERIFY(!http.more());
    QVERIFY(!http.timedOut());
    QTRY_COMPARE(metric("signalbox_http_connections"), 1);
}

void tst_HttpServer::bodyExactlyAtCap()
{
    serve([](auto& settings) { settings.maxBody = 1000; });
    const QByteArray frame = chatBody({});
    const QByteArray body = chatBody(QByteArray(1000 - frame.size(), 'x'));
    QCOMPARE(body.size(), 1000);
    QCOMPARE(post("/v1/chat/completions", body).status, 200);
    QCOMPARE(post("/v1/chat/completions", body + ' ').status, 413);
    // The same in pieces.
    auto http = client();
    http.send(http.head("POST /v1/chat/completions", "Transfer-Encoding: chunked\r\n\r\n"));
    http.send("3e8\r\n" + body + "\r\n0\r\n\r\n");
    QCOMPARE(http.read().status, 200);
}

void tst_HttpServer::expectContinue()
{
    serve();
    auto http = client();
    const QByteArray body = chatBody("hi");
    http.send(http.head(
        "POST /v1/chat/completions",
        "Expect: 100-continue\r\nContent-Length: " + QByteArray::number(body.size()) + "\r\n\r\n"));
    QCOMPARE(http.readHead().status, 100);
    http.send(body);
    QCOMPARE(http.read().status, 200);
    auto stranger = client();
    stranger.token = "wrong";
    stranger.send(stranger.head("POST /v1/chat/completions",
                                "Expect: 100-continue\r\nContent-Length: 10\r\n\r\n"));
    QCOMPARE(stranger.read().status, 401); // and is not asked for the body
}

void tst_HttpServer::slowBody()
{
    serve([](auto& settings) { settings.requestTimeout = Milliseconds(200); });
    auto http = client();
    http.send(http.head("POST /v1/chat/completions", "Content-Length: 100\r\n\r\n"));
    // It keeps dripping: only the whole time counts, not the pauses.
    QElapsedTimer timer;
    timer.start();
    while (http.send("x") && timer.elapsed() < 5000 && !http.more(20)) {
    }
    QVERIFY(timer.elapsed() < 4000);
    QCOMPARE(http.read().status, 408);
    QTRY_COMPARE(metric("signalbox_http_connections"), 1);
}

void tst_HttpServer::slowHeaders()
{
    serve([](auto& settings) { settings.requestTimeout = Milliseconds(200); });
    auto http = client();
    auto silent = client();
    http.send("GET /healthz HTTP/1.1\r\nHost: 127.");
    while (http.more() || silent.more()) {
    }
    QVERIFY(!http.timedOut());
    QVERIFY(!silent.timedOut());
    QTRY_COMPARE(metric("signalbox_http_connections"), 1);
}

void tst_HttpServer::hugeHeaders()
{
    serve();
    auto http = client();
    http.send(http.head("GET /healthz"));
    for (int i = 0; i < 100 && http.send("X-Filler-" + QByteArray::number(i) + ": " +
                                         QByteArray(1000, 'x') + "\r\n");
         ++i) {
    }
    http.send("\r\n");
    QCOMPARE(http.readHead().status, 431);
    QCOMPARE(get("/healthz").status, 200);
}

void tst_HttpServer::garbage()
{
    serve();
    for (const QByteArray& bytes :
         {QByteArray("\0\0\0\0\r\n\r\n", 8),
          QByteArray("GET\r\n\r\n"),
          QByteArray("GET /healthz HTTP/9.9\r\n\r\n"),
          QByteArray("POST /healthz HTTP/1.1\r\nContent-Length: -5\r\n\r\n"),
          QByteArray("POST /healthz HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")}) {
        auto http = client();
        http.send(bytes);
        QVERIFY(http.readHead().status != 200);
    }
    QCOMPARE(get("/healthz").status, 200);
}

void tst_HttpServer::stopWhileRequestsHang()
{
    std::mutex mutex;
    std::vector<Promise<QJsonObject>> held;
    m_runtime->onAsk = [&](const Ask&, Promise<QJsonObject> promise) {
        const std::scoped_lock lock(mutex);
        held.push_back(std::move(promise));
    };
    serve();
    auto asking = client();
    auto streaming = client();
    auto events = client();
    auto idle = client();
    auto half = client();
    asking.request("POST /v1/chat/completions", chatBody("hi"));
    streaming.request("POST /v1/chat/completions", chatBody("hi", R"(,"stream":true)"));
    events.request("GET /v1/events");
    half.send(half.head("POST /v1/chat/completions", "Content-Length: 100\r\n\r\n"));
    QCOMPARE(events.readHead().status, 200);
    QTRY_COMPARE(m_runtime->asked.load(), 2);
    QElapsedTimer timer;
    timer.start();
    m_server.reset();
    QVERIFY(timer.elapsed() < 900); // nobody was waited for
    const auto response = asking.read();
    QCOMPARE(response.status, 503);
    QCOMPARE(objectOf(response.body).value(u"error")[u"message"].toString(),
             u"Signalbox is shutting down.");
    QCOMPARE(streaming.read().status, 503);
    while (events.more() || idle.more() || half.more()) {
    }
    QVERIFY(!events.timedOut() && !idle.timedOut() && !half.timedOut());
    QCOMPARE(m_runtime->listeners.load(), 0);
}

void tst_HttpServer::stopWhileNobodyReads()
{
    serve([](auto& settings) { settings.drain = Milliseconds(100); });
    auto stalled = client(4096);
    stalled.request("GET /v1/events?agent=assistant");
    QCOMPARE(stalled.readHead().status, 200);
    for (int i = 0; i < 60; ++i) {
        m_runtime->append(QStringLiteral("assistant"),
                          Kind::ToolResult,
                          {{QStringLiteral("text"), QString(4000, u'x')}});
    }
    QElapsedTimer timer;
    timer.start();
    m_server.reset();
    QVERIFY(timer.elapsed() < 2000);
    QCOMPARE(m_runtime->listeners.load(), 0);
}

void tst_HttpServer::answerAfterTheServerIsGone()
{
    Promise<QJsonObject> held;
    m_runtime->onAsk = [&](const Ask&, Promise<QJsonObject> promise) { held = std::move(promise); };
    serve();
    auto http = client();
    http.request("POST /v1/chat/completions", chatBody("hi"));
    QTRY_COMPARE(m_runtime->asked.load(), 1);
    m_server.reset();
    held.set(toJson(Ask::Reply{QStringLiteral("late"), false, 0, 0}));
    QCOMPARE(http.read().status, 503);
}

QTEST_GUILESS_MAIN(tst_HttpServer)
#include "tst_HttpServer.moc"
