#include "FakeRuntime.h"
#include "RawHttp.h"
#include "core/server/HttpServer.h"

#include <QJsonDocument>
#include <QTest>

using namespace sb;
using protocol::Ask;
using protocol::Kind;
using server::HttpServer;
using test::FakeRuntime;
using test::RawHttp;

namespace {

const QByteArray token = "a-token-of-some-length-for-tests";

QJsonObject objectOf(const QByteArray& json)
{
    return QJsonDocument::fromJson(json).object();
}

QByteArray field(const QByteArray& event, const char* name)
{
    for (const auto& line : event.split('\n')) {
        if (line.startsWith(QByteArray(QByteArray(name) + ": "))) {
            return line.mid(qsizetype(qstrlen(name)) + 2);
        }
    }
    return {};
}

QByteArray chatBody(const QByteArray& text, const QByteArray& extra = {})
{
    return R"({"model":"assistant","messages":[{"role":"system","content":"x"},{"role":"user","content":")" +
           text + R"("}])" + extra + "}";
}

} // namespace

class tst_HttpServer : public QObject
{
    Q_OBJECT

    FakeRuntime m_runtime;
    std::unique_ptr<HttpServer> m_server;

    void serve(std::function<void(HttpServer::Settings&)> adjust = {})
    {
        HttpServer::Settings settings;
        settings.token = SecretString(QByteArray(token.constData(), token.size()));
        settings.metrics = [] { return QByteArray("signalbox_fake 7"); };
        if (adjust) {
            adjust(settings);
        }
        auto started = HttpServer::start(std::move(settings), m_runtime);
        QVERIFY2(started, started ? "" : qPrintable(started.error().message));
        m_server = std::move(*started);
    }
    RawHttp client(int receiveBuffer = 0) { return RawHttp(m_server->port(), receiveBuffer); }
    RawHttp::Response get(const QByteArray& path, const QByteArray& extra = {})
    {
        auto http = client();
        http.request("GET " + path, {}, extra);
        return http.read();
    }
    RawHttp::Response
    post(const QByteArray& path, const QByteArray& body, const QByteArray& extra = {})
    {
        auto http = client();
        http.request("POST " + path, body, extra);
        return http.read();
    }
    // The value of a line of /metrics.
    qint64 metric(const QByteArray& name)
    {
        for (const auto& line : get("/metrics").body.split('\n')) {
            if (line.startsWith(QByteArray(name + ' '))) {
                return line.mid(name.size() + 1).toLongLong();
            }
        }
        return -1;
    }

private Q_SLOTS:
    void init()
    {
        m_runtime.~FakeRuntime();
        new (&m_runtime) FakeRuntime;
    }
    void cleanup() { m_server.reset(); }

    void healthNeedsNoToken();
    void refusals_data();
    void refusals();
    void onlyLoopback();
    void portInUse();
    void ipv6();
    void metricsCount();
    void models();
    void head();
    void chatCompletion();
    void chatParts();
    void chatChannels_data();
    void chatChannels();
    void chatRefusals_data();
    void chatRefusals();
    void chatErrors_data();
    void chatErrors();
    void chatStreams();
    void chatStreamOfSeveralSteps();
    void chatStreamLosesNothing();
    void chatStreamShowsOnlyItsOwnTurn();
    void chatStreamErrors();
    void approvals();
    void eventsLive();
    void eventsResume();
    void eventsFilter();
    void eventsGap();
    void eventsAfterLag();
    void eventsManyPages();
    void eventsBadCursor();
    void heartbeat();
    void stalledListenerIsDropped();
    void stalledReplayIsBounded();
    void disconnectIsNoticed();
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
    row("ipv6 name", "GET /metrics", "[::1]:PORT", bearer, 200);
    row("other loopback", "GET /metrics", "127.9.9.9:PORT", bearer, 200);
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
        const auto started = HttpServer::start(std::move(settings), m_runtime);
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
    const auto second = HttpServer::start(std::move(settings), m_runtime);
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
    auto started = HttpServer::start(std::move(settings), m_runtime);
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
    QCOMPARE(http.read().body, R"({"status":"ok"})"); // and nothing lay in between
}

void tst_HttpServer::chatCompletion()
{
    Ask seen;
    m_runtime.onAsk = [&](const Ask& ask, Promise<QJsonObject> promise) {
        seen = ask;
        promise.set(toJson(Ask::Reply{QStringLiteral("Hello, wörld"), false, 12, 3}));
    };
    serve();
    const auto response = post(
        "/v1/chat/completions", chatBody("hi", R"(,"user":"anna")"), "Idempotency-Key: k-1\r\n");
    QCOMPARE(response.status, 200);
    const auto object = objectOf(response.body);
    QCOMPARE(object.value(u"object").toString(), u"chat.completion");
    QCOMPARE(object.value(u"model").toString(), u"assistant");
    QCOMPARE(object.value(u"choices")[0][u"message"][u"content"].toString(),
             QStringLiteral("Hello, wörld"));
    QCOMPARE(object.value(u"choices")[0][u"message"][u"role"].toString(), u"assistant");
    QCOMPARE(object.value(u"choices")[0][u"finish_reason"].toString(), u"stop");
    QCOMPARE(object.value(u"usage")[u"prompt_tokens"].toInt(), 12);
    QCOMPARE(object.value(u"usage")[u"completion_tokens"].toInt(), 3);
    QCOMPARE(object.value(u"usage")[u"total_tokens"].toInt(), 15);
    QCOMPARE(seen.agent, u"assistant");
    QCOMPARE(seen.channel, u"anna");
    QCOMPARE(seen.text, u"hi");
    QCOMPARE(seen.key, u"k-1");
    QCOMPARE(m_runtime.listeners.load(), 0); // no events are paid for when none are needed
}

void tst_HttpServer::chatParts()
{
    serve();
    const auto response = post(
        "/v1/chat/completions",
        R"({"model":"assistant","messages":[{"role":"user","content":"first"},{"role":"assistant","content":"x"},)"
        R"({"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]})",
        "Content-Type: text/plain\r\n");
    QCOMPARE(objectOf(response.body).value(u"choices")[0][u"message"][u"content"].toString(),
             u"word a\nb");
}

void tst_HttpServer::chatChannels_data()
{
    QTest::addColumn<QByteArray>("user");
    QTest::addColumn<QByteArray>("channel");
    QTest::newRow("plain") << QByteArray("u-1.a_b@c+d") << QByteArray("u-1.a_b@c+d");
    QTest::newRow("missing") << QByteArray() << QByteArray("api");
    QTest::newRow("space") << QByteArray("a b") << QByteArray("a_b-c8687a08aa");
    QTest::newRow("path") << QByteArray("../../x") << QByteArray();
    QTest::newRow("long") << QByteArray(500, 'x') << QByteArray();
}

void tst_HttpServer::chatChannels()
{
    QFETCH(QByteArray, user);
    QFETCH(QByteArray, channel);
    QString seen;
    m_runtime.onAsk = [&](const Ask& ask, Promise<QJsonObject> promise) {
        seen = ask.channel;
        promise.set(toJson(Ask::Reply{}));
    };
    serve();
    QCOMPARE(post("/v1/chat/completions",
                  chatBody("hi",
                           user.isEmpty() ? QByteArray() : QByteArray(",\"user\":\"" + user + '"')))
                 .status,
             200);
    QVERIFY(seen.size() <= 64);
    QVERIFY(!seen.contains(u'/'));
    QVERIFY(!seen.startsWith(u'.'));
    if (!channel.isEmpty()) {
        QCOMPARE(seen, QString::fromLatin1(channel));
    }
}

void tst_HttpServer::chatRefusals_data()
{
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<QString>("message");
    const auto row = [](const char* name, const char* body, const char* message) {
        QTest::newRow(name) << QByteArray(body) << QString::fromLatin1(message);
    };
    row("no body", "", "The body is not JSON");
    row("no json", "{\"model\":", "The body is not JSON");
    row("an array", "[]", "The body must be a JSON object.");
    row("no model",
        R"({"messages":[{"role":"user","content":"x"}]})",
        "\"model\" must be the id of an agent.");
    row("no messages",
        R"({"model":"assistant"})",
        "\"messages\" must hold a message of role \"user\".");
    row("messages no array", R"({"model":"assistant","messages":7})", "\"messages\" must hold");
    row("empty text",
        R"({"model":"assistant","messages":[{"role":"user","content":"  "}]})",
        "The last user message is empty.");
    row("picture",
        R"({"model":"assistant","messages":[{"role":"user","content":[{"type":"image_url"}]}]})",
        "Only text can be sent to an agent.");
    row("number",
        R"({"model":"assistant","messages":[{"role":"user","content":5}]})",
        "A message's \"content\" must be");
}

void tst_HttpServer::chatRefusals()
{
    QFETCH(QByteArray, body);
    QFETCH(QString, message);
    serve();
    const auto response = post("/v1/chat/completions", body);
    QCOMPARE(response.status, 400);
    const auto error = objectOf(response.body).value(u"error").toObject();
    QVERIFY2(error.value(u"message").toString().startsWith(message), response.body.constData());
    QCOMPARE(error.value(u"type").toString(), u"invalid_request_error");
    QCOMPARE(error.value(u"code").toString(), u"invalid_input");
    QCOMPARE(m_runtime.asked.load(), 0);
}

void tst_HttpServer::chatErrors_data()
{
    QTest::addColumn<int>("code");
    QTest::addColumn<int>("status");
    QTest::addColumn<QString>("name");
    QTest::newRow("unknown agent")
        << int(ErrorCode::NotFound) << 404 << QStringLiteral("model_not_found");
    QTest::newRow("seen before") << int(ErrorCode::Conflict) << 409 << QStringLiteral("conflict");
    QTest::newRow("shutting down")
        << int(ErrorCode::Unavailable) << 503 << QStringLiteral("unavailable");
    QTest::newRow("disk full") << int(ErrorCode::DiskFull) << 507 << QStringLiteral("disk_full");
    QTest::newRow("turn failed") << -1 << 502 << QStringLiteral("turn_failed");
}

void tst_HttpServer::chatErrors()
{
    QFETCH(int, code);
    QFETCH(int, status);
    QFETCH(QString, name);
    m_runtime.onAsk = [code](const Ask&, Promise<QJsonObject> promise) {
        if (code < 0) {
            promise.set(toJson(Ask::Reply{QStringLiteral("It says why."), true, 0, 0}));
        } else {
            promise.set(fail(ErrorCode(code), QStringLiteral("It says why.")));
        }
    };
    serve();
    for (const auto* stream : {"", ",\"stream\":true"}) {
        const auto response = post("/v1/chat/completions", chatBody("hi", stream));
        const auto error = objectOf(response.body).value(u"error").toObject();
        if (code < 0 && *stream) {
            QCOMPARE(response.status, 200);
            QVERIFY(response.body.contains("\"error\":{"));
            QVERIFY(response.body.endsWith("data: [DONE]\n\n"));
        } else {
            QCOMPARE(response.status, status);
            QCOMPARE(error.value(u"message").toString(), u"It says why.");
            QCOMPARE(error.value(u"code").toString(), name);
        }
    }
}

namespace {

struct Streamed
{
    QStringList pieces;
    QList<QJsonObject> chunks;
    bool done = false;
};

Streamed readStream(RawHttp& http)
{
    Streamed result;
    for (QByteArray event = http.readEvent(); !event.isEmpty(); event = http.readEvent()) {
        const QByteArray data = field(event, "data");
        if (data == "[DONE]") {
            result.done = true;
            continue;
        }
        const auto chunk = objectOf(data);
        result.chunks.append(chunk);
        const auto content = chunk.value(u"choices")[0][u"delta"][u"content"].toString();
        if (!content.isEmpty()) {
            result.pieces.append(content);
        }
    }
    return result;
}

} // namespace

void tst_HttpServer::chatStreams()
{
    m_runtime.onAsk = [&](const Ask& ask, Promise<QJsonObject> promise) {
        m_runtime.playTurn(
            ask,
            {{QStringLiteral(" Hello"), QStringLiteral(" there, "), QStringLiteral("you. ")}},
            std::move(promise));
    };
    serve();
    auto http = client();
    http.request(
        "POST /v1/chat/completions",
        chatBody("hi", R"(,"stream":true,"stream_options":{"include_usage":true},"user":"anna")"));
    const auto response = http.readHead();
    QCOMPARE(response.status, 200);
    QCOMPARE(response.headers.value("content-type"), "text/event-stream; charset=utf-8");
    const auto streamed = readStream(http);
    QCOMPARE(
        streamed.pieces,
        (QStringList{QStringLiteral("Hello"), QStringLiteral(" there,"), QStringLiteral(" you.")}));
    QVERIFY(streamed.done);
    const auto& chunks = streamed.chunks;
    QCOMPARE(chunks.first().value(u"choices")[0][u"delta"][u"role"].toString(), u"assistant");
    QCOMPARE(chunks.first().value(u"object").toString(), u"chat.completion.chunk");
    QCOMPARE(chunks[chunks.size() - 2].value(u"choices")[0][u"finish_reason"].toString(), u"stop");
    QCOMPARE(chunks.last().value(u"usage")[u"total_tokens"].toInt(), 14);
    QCOMPARE(chunks.last().value(u"choices").toArray().size(), 0);
    QTRY_COMPARE(m_runtime.listeners.load(), 0);
    // The connection serves on.
    http.request("GET /healthz");
    QCOMPARE(http.read().status, 200);
}

void tst_HttpServer::chatStreamOfSeveralSteps()
{
    m_runtime.onAsk = [&](const Ask& ask, Promise<QJsonObject> promise) {
        m_runtime.playTurn(ask,
                           {{QStringLiteral("I look"), QStringLiteral(" into it.\n")},
                            {QStringLiteral("\nDone.")}},
                           std::move(promise));
    };
    serve();
    auto http = client();
    http.request("POST /v1/chat/completions", chatBody("hi", R"(,"stream":true)"));
    QCOMPARE(http.readHead().status, 200);
    const auto streamed = readStream(http);
    QCOMPARE(streamed.pieces.join(QString()), QStringLiteral("I look into it.\n\nDone."));
    QCOMPARE(streamed.pieces.size(), 3);
    QVERIFY(!streamed.chunks.last().contains(u"usage"));
}

void tst_HttpServer::chatStreamLosesNothing()
{
    // No deltas at all; then deltas with a hole; then a reply that is longer than a listener may
    // leave unread.
    const QString longText(600'000, u'x');
    int round = 0;
    m_runtime.onAsk = [&](const Ask& ask, Promise<QJsonObject> promise) {
        if (++round == 1) {
            promise.set(toJson(Ask::Reply{QStringLiteral("All of it."), false, 1, 1}));
            return;
        }
        const auto seq = m_runtime.append(
            ask.agent, Kind::MessageReceived, {{QStringLiteral("key"), ask.key}}, ask.channel);
        m_runtime.append(ask.agent,
                         Kind::TurnStarted,
                         {{QStringLiteral("takes"), QJsonArray{seq}}},
                         ask.channel);
        m_runtime.publish(
            protocol::TextDelta{ask.agent, ask.channel, ask.channel, QStringLiteral("A")});
        if (round == 2) {
            m_runtime.publish(
                protocol::TextDelta{ask.agent, ask.channel, ask.channel, QStringLiteral("C")});
            promise.set(toJson(Ask::Reply{QStringLiteral("ABC"), false, 1, 1}));
        } else {
            promise.set(toJson(Ask::Reply{u'A' + longText, false, 1, 1}));
        }
    };
    serve();
    const auto ask = [&] {
        auto http = client();
        http.request("POST /v1/chat/completions", chatBody("hi", R"(,"stream":true)"));
        (void)http.readHead();
        const auto streamed = readStream(http);
        return streamed.done ? streamed.pieces.join(QString()) : QString();
    };
    QCOMPARE(ask(), QStringLiteral("All of it."));
    QCOMPARE(ask(), QStringLiteral("AC\n\nABC"));
    QCOMPARE(ask(), QString(u'A' + longText));
}

void tst_HttpServer::chatStreamShowsOnlyItsOwnTurn()
{
    m_runtime.onAsk = [&](const Ask& ask, Promise<QJsonObject> promise) {
        const auto delta = [&](const char* text, const QString& process) {
            m_runtime.publish(
                protocol::TextDelta{ask.agent, ask.channel, process, QString::fromLatin1(text)});
        };
        delta("of the turn before", ask.channel);
        const auto seq = m_runtime.append(
            ask.agent, Kind::MessageReceived, {{QStringLiteral("key"), ask.key}}, ask.channel);
        delta(", still", ask.channel);
        m_runtime.append(ask.agent,
                         Kind::MessageSent,
                         {{QStringLiteral("text"), QStringLiteral("of the turn before, still")}},
                         ask.channel);
        m_runtime.append(ask.agent,
                         Kind::TurnStarted,
                         {{QStringLiteral("takes"), QJsonArray{seq}}},
                         ask.channel);
        delta("a worker's thought", QStringLiteral("wrk-1"));
        delta("mine", ask.channel);
        m_runtime.append(ask.agent,
                         Kind::MessageSent,
                         {{QStringLiteral("text"), QStringLiteral("mine")}},
                         ask.channel);
        promise.set(toJson(Ask::Reply{QStringLiteral("mine"), false, 1, 1}));
    };
    serve();
    auto http = client();
    http.request("POST /v1/chat/completions", chatBody("hi", R"(,"stream":true)"));
    (void)http.readHead();
    QCOMPARE(readStream(http).pieces, QStringList{QStringLiteral("mine")});
}

void tst_HttpServer::chatStreamErrors()
{
    m_runtime.onAsk = [&](const Ask& ask, Promise<QJsonObject> promise) {
        m_runtime.append(
            ask.agent, Kind::MessageReceived, {{QStringLiteral("key"), ask.key}}, ask.channel);
        promise.set(fail(ErrorCode::Io, QStringLiteral("The disk broke.")));
    };
    serve();
    auto http = client();
    http.request("POST /v1/chat/completions", chatBody("hi", R"(,"stream":true)"));
    (void)http.readHead();
    const auto streamed = readStream(http);
    QCOMPARE(streamed.chunks.last().value(u"error")[u"message"].toString(), u"The disk broke.");
    QVERIFY(streamed.done);
}

void tst_HttpServer::approvals()
{
    protocol::ApprovalInfo info;
    info.id = QStringLiteral("apr-1");
    info.agent = QStringLiteral("assistant");
    info.tool = QStringLiteral("shell");
    m_runtime.addApproval(info);
    info.id = QStringLiteral("apr-2");
    info.state = protocol::ApprovalState::Rejected;
    info.by = QStringLiteral("window");
    m_runtime.addApproval(info);
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

void tst_HttpServer::eventsLive()
{
    m_runtime.append(QStringLiteral("assistant"), Kind::Incident);
    serve();
    auto http = client();
    http.keepAll = true;
    http.request("GET /v1/events");
    QCOMPARE(http.readHead().status, 200);
    QCOMPARE(http.readEvent(), "id: _instance:0,assistant:1,other:0"); // from now on
    m_runtime.append(QStringLiteral("assistant"), Kind::ToolCall, {{QStringLiteral("n"), 1}});
    m_runtime.append(QStringLiteral("_instance"), Kind::ConfigChanged);
    const QByteArray first = http.readEvent();
    QCOMPARE(field(first, "id"), "_instance:0,assistant:2,other:0");
    QCOMPARE(field(first, "event"), "tool.call");
    const auto entry = objectOf(field(first, "data"));
    QCOMPARE(entry.value(u"seq").toInt(), 2);
    QCOMPARE(entry.value(u"agent").toString(), u"assistant");
    QCOMPARE(entry.value(u"payload")[u"n"].toInt(), 1);
    QCOMPARE(field(http.readEvent(), "id"), "_instance:1,assistant:2,other:0");
    QCOMPARE(metric("signalbox_http_event_listeners"), 1);
}

void tst_HttpServer::eventsResume()
{
    for (int i = 0; i < 5; ++i) {
        m_runtime.append(QStringLiteral("assistant"), Kind::ToolCall, {{QStringLiteral("n"), i}});
        m_runtime.append(QStringLiteral("_instance"), Kind::ConfigChanged);
    }
    serve();
    const auto follow = [&](const QByteArray& path, const QByteArray& extra, int count) {
        auto http = client();
        http.request("GET " + path, {}, extra);
        QByteArrayList ids;
        if (http.readHead().status == 200) {
            for (int i = 0; i < count; ++i) {
                ids.append(field(http.readEvent(), "id"));
            }
            m_runtime.append(QStringLiteral("other"), Kind::Incident);
            ids.append(field(http.readEvent(), "id"));
        }
        return ids;
    };
    QCOMPARE(follow("/v1/events", "Last-Event-ID: _instance:5,assistant:3,other:0\r\n", 2),
             (QByteArrayList{"_instance:5,assistant:4,other:0",
                             "_instance:5,assistant:5,other:0",
                             "_instance:5,assistant:5,other:1"}));
    QCOMPARE(follow("/v1/events?cursor=_instance:5,assistant:5,other:1", {}, 0),
             (QByteArrayList{"_instance:5,assistant:5,other:2"}));
    // From the beginning; a chain that the cursor does not name was not seen.
    QCOMPARE(follow("/v1/events?cursor=", {}, 12).size(), 13);
    QCOMPARE(follow("/v1/events?cursor=_instance:4,other:3", {}, 6).first(), "_instance:5,other:3");
    // A chain that is shorter than the cursor says was started anew.
    QCOMPARE(follow("/v1/events?cursor=_instance:99,assistant:99,other:99", {}, 0),
             (QByteArrayList{"_instance:5,assistant:5,other:5"}));
}

void tst_HttpServer::eventsFilter()
{
    for (int i = 0; i < 3; ++i) {
        m_runtime.append(QStringLiteral("assistant"), Kind::ToolCall);
        m_runtime.append(QStringLiteral("assistant"), Kind::ToolResult);
        m_runtime.append(QStringLiteral("other"), Kind::ToolCall);
    }
    serve();
    auto http = client();
    http.request("GET /v1/events?agent=assistant&kinds=tool.result,incident&cursor=");
    QCOMPARE(http.readHead().status, 200);
    QCOMPARE(field(http.readEvent(), "id"), "assistant:2");
    QCOMPARE(field(http.readEvent(), "id"), "assistant:4");
    QCOMPARE(field(http.readEvent(), "id"), "assistant:6");
    m_runtime.append(QStringLiteral("other"), Kind::Incident);
    m_runtime.append(QStringLiteral("assistant"), Kind::ToolCall);
    m_runtime.append(QStringLiteral("assistant"), Kind::Incident);
    QCOMPARE(field(http.readEvent(), "id"), "assistant:8");
    QCOMPARE(get("/v1/events?kinds=tool.cal").status, 400);
    QCOMPARE(get("/v1/events?agent=nobody").status, 404);
}

void tst_HttpServer::eventsGap()
{
    serve();
    auto http = client();
    http.request("GET /v1/events?agent=assistant");
    QCOMPARE(http.readHead().status, 200);
    m_runtime.append(QStringLiteral("assistant"), Kind::ToolCall);
    QCOMPARE(field(http.readEvent(), "id"), "assistant:1");
    // Two that never arrive as events are found in the journal when the third does.
    m_runtime.append(QStringLiteral("assistant"), Kind::ToolCall, {}, {}, true);
    m_runtime.append(QStringLiteral("assistant"), Kind::ToolCall, {}, {}, true);
    m_runtime.append(QStringLiteral("assistant"), Kind::ToolResult);
    QCOMPARE(field(http.readEvent(), "id"), "assistant:2");
    QCOMPARE(field(http.readEvent(), "id"), "assistant:3");
    QCOMPARE(field(http.readEvent(), "id"), "assistant:4");
    m_runtime.append(QStringLiteral("assistant"), Kind::ToolResult);
    QCOMPARE(field(http.readEvent(), "id"), "assistant:5");
}

void tst_HttpServer::eventsAfterLag()
{
    serve();
    auto http = client();
    http.request("GET /v1/events?agent=assistant");
    QCOMPARE(http.readHead().status, 200);
    m_runtime.append(QStringLiteral("assistant"), Kind::ToolCall);
    QCOMPARE(field(http.readEvent(), "id"), "assistant:1");
    m_runtime.append(QStringLiteral("assistant"), Kind::ToolCall, {}, {}, true);
    m_runtime.publish(protocol::Lagged{});
    QCOMPARE(field(http.readEvent(), "id"), "assistant:2");
    m_runtime.append(QStringLiteral("assistant"), Kind::ToolCall);
    QCOMPARE(field(http.readEvent(), "id"), "assistant:3");
}

void tst_HttpServer::eventsManyPages()
{
    constexpr int before = 5000;
    constexpr int during = 500;
    for (int i = 0; i < before; ++i) {
        m_runtime.append(QStringLiteral("assistant"), Kind::ToolCall, {{QStringLiteral("n"), i}});
    }
    serve();
    auto http = client();
    http.request("GET /v1/events?agent=assistant&cursor=");
    std::jthread writer([&] {
        for (int i = 0; i < during; ++i) {
            m_runtime.append(
                QStringLiteral("assistant"), Kind::ToolResult, {{QStringLiteral("n"), i}});
        }
    });
    QCOMPARE(http.readHead().status, 200);
    for (int i = 1; i <= before + during; ++i) {
        QCOMPARE(field(http.readEvent(), "id"), "assistant:" + QByteArray::number(i));
    }
}

void tst_HttpServer::eventsBadCursor()
{
    serve();
    for (const auto* cursor : {"x", "a:b", ":3", "a:1,,b:2", "a:-1"}) {
        const auto response = get("/v1/events", QByteArray("Last-Event-ID: ") + cursor + "\r\n");
        QCOMPARE(response.status, 400);
        QVERIFY(response.body.contains("is no cursor of this stream"));
    }
    QTRY_COMPARE(m_runtime.listeners.load(), 0);
}

void tst_HttpServer::heartbeat()
{
    serve([](auto& settings) { settings.heartbeat = Milliseconds(50); });
    auto http = client();
    http.keepAll = true;
    http.request("GET /v1/events");
    QCOMPARE(http.readHead().status, 200);
    QVERIFY(http.readEvent().startsWith("id: "));
    QCOMPARE(http.readEvent(), ": still here");
    QCOMPARE(http.readEvent(), ": still here");
}

void tst_HttpServer::stalledListenerIsDropped()
{
    serve();
    auto stalled = client(4096);
    auto reader = client();
    stalled.request("GET /v1/events?agent=assistant");
    reader.request("GET /v1/events?agent=assistant");
    QCOMPARE(stalled.readHead().status, 200);
    QCOMPARE(reader.readHead().status, 200);
    QTRY_COMPARE(metric("signalbox_http_event_listeners"), 2);
    const QJsonObject payload{{QStringLiteral("text"), QString(4000, u'x')}};
    for (int i = 1; i <= 600; ++i) {
        m_runtime.append(QStringLiteral("assistant"), Kind::ToolResult, payload);
        QCOMPARE(field(reader.readEvent(), "id"),
                 "assistant:" + QByteArray::number(i)); // the others do not suffer
    }
    QTRY_COMPARE(metric("signalbox_http_event_listeners"), 1);
    QCOMPARE(metric("signalbox_http_dropped_listeners_total"), 1);
    while (stalled.more()) {
    }
    QVERIFY(!stalled.timedOut()); // its connection was closed
}

void tst_HttpServer::stalledReplayIsBounded()
{
    const QJsonObject payload{{QStringLiteral("text"), QString(4000, u'x')}};
    for (int i = 0; i < 2000; ++i) {
        m_runtime.append(QStringLiteral("assistant"), Kind::ToolResult, payload);
    }
    serve([](auto& settings) { settings.idleTimeout = Milliseconds(1000); });
    auto stalled = client(4096);
    stalled.request("GET /v1/events?agent=assistant&cursor=");
    QCOMPARE(stalled.readHead().status, 200);
    QTRY_COMPARE(metric("signalbox_http_event_listeners"), 0);
}

void tst_HttpServer::disconnectIsNoticed()
{
    serve();
    auto http = client();
    http.request("GET /v1/events");
    QCOMPARE(http.readHead().status, 200);
    QTRY_COMPARE(m_runtime.listeners.load(), 1);
    http.close();
    QTRY_COMPARE(m_runtime.listeners.load(), 0);
    QTRY_COMPARE(metric("signalbox_http_event_listeners"), 0);
}

void tst_HttpServer::disconnectWhileWaiting()
{
    std::vector<Promise<QJsonObject>> held;
    std::mutex mutex;
    m_runtime.onAsk = [&](const Ask&, Promise<QJsonObject> promise) {
        const std::scoped_lock lock(mutex);
        held.push_back(std::move(promise));
    };
    serve();
    {
        auto http = client();
        auto streaming = client();
        http.request("POST /v1/chat/completions", chatBody("hi"));
        streaming.request("POST /v1/chat/completions", chatBody("hi", R"(,"stream":true)"));
        QTRY_COMPARE(m_runtime.asked.load(), 2);
        QTRY_COMPARE(metric("signalbox_http_connections"), 3); // with the one that asks
    }
    QTRY_COMPARE(metric("signalbox_http_connections"), 1);
    QTRY_COMPARE(m_runtime.listeners.load(), 0);
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
    m_runtime.onAsk = [&](const Ask& ask, Promise<QJsonObject> promise) {
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
            m_runtime.asked.load(), (round + 1) * count, 20'000); // all wait side by side
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
    QCOMPARE(m_runtime.asked.load(), 0);
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
    m_runtime.onAsk = [&](const Ask&, Promise<QJsonObject> promise) {
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
    QTRY_COMPARE(m_runtime.asked.load(), 2);
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
    QCOMPARE(m_runtime.listeners.load(), 0);
}

void tst_HttpServer::stopWhileNobodyReads()
{
    serve([](auto& settings) { settings.drain = Milliseconds(100); });
    auto stalled = client(4096);
    stalled.request("GET /v1/events?agent=assistant");
    QCOMPARE(stalled.readHead().status, 200);
    for (int i = 0; i < 60; ++i) {
        m_runtime.append(QStringLiteral("assistant"),
                         Kind::ToolResult,
                         {{QStringLiteral("text"), QString(4000, u'x')}});
    }
    QElapsedTimer timer;
    timer.start();
    m_server.reset();
    QVERIFY(timer.elapsed() < 2000);
    QCOMPARE(m_runtime.listeners.load(), 0);
}

void tst_HttpServer::answerAfterTheServerIsGone()
{
    Promise<QJsonObject> held;
    m_runtime.onAsk = [&](const Ask&, Promise<QJsonObject> promise) { held = std::move(promise); };
    serve();
    auto http = client();
    http.request("POST /v1/chat/completions", chatBody("hi"));
    QTRY_COMPARE(m_runtime.asked.load(), 1);
    m_server.reset();
    held.set(toJson(Ask::Reply{QStringLiteral("late"), false, 0, 0}));
    QCOMPARE(http.read().status, 503);
}

QTEST_GUILESS_MAIN(tst_HttpServer)
#include "tst_HttpServer.moc"
