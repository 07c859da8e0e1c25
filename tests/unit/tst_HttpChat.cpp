#include "HttpFixture.h"

using namespace sb;
using namespace sb::test;
using protocol::Ask;
using protocol::Kind;

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
        const QByteArray data = eventField(event, "data");
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

class tst_HttpChat : public HttpFixture
{
    Q_OBJECT

private Q_SLOTS:
    void init() { freshRuntime(); }
    void cleanup() { stopServer(); }

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
};

void tst_HttpChat::chatCompletion()
{
    Ask seen;
    m_runtime->onAsk = [&](const Ask& ask, Promise<QJsonObject> promise) {
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
    QCOMPARE(m_runtime->listeners.load(), 0); // no events are paid for when none are needed
}

void tst_HttpChat::chatParts()
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

void tst_HttpChat::chatChannels_data()
{
    QTest::addColumn<QByteArray>("user");
    QTest::addColumn<QByteArray>("channel");
    QTest::newRow("plain") << QByteArray("u-1.a_b@c+d") << QByteArray("u-1.a_b@c+d");
    QTest::newRow("missing") << QByteArray() << QByteArray("api");
    QTest::newRow("space") << QByteArray("a b") << QByteArray("a_b-c8687a08aa");
    QTest::newRow("path") << QByteArray("../../x") << QByteArray();
    QTest::newRow("long") << QByteArray(500, 'x') << QByteArray();
}

void tst_HttpChat::chatChannels()
{
    QFETCH(QByteArray, user);
    QFETCH(QByteArray, channel);
    QString seen;
    m_runtime->onAsk = [&](const Ask& ask, Promise<QJsonObject> promise) {
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

void tst_HttpChat::chatRefusals_data()
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

void tst_HttpChat::chatRefusals()
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
    QCOMPARE(m_runtime->asked.load(), 0);
}

void tst_HttpChat::chatErrors_data()
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

void tst_HttpChat::chatErrors()
{
    QFETCH(int, code);
    QFETCH(int, status);
    QFETCH(QString, name);
    m_runtime->onAsk = [code](const Ask&, Promise<QJsonObject> promise) {
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

void tst_HttpChat::chatStreams()
{
    m_runtime->onAsk = [&](const Ask& ask, Promise<QJsonObject> promise) {
        m_runtime->playTurn(
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
    QTRY_COMPARE(m_runtime->listeners.load(), 0);
    // The connection serves on.
    http.request("GET /healthz");
    QCOMPARE(http.read().status, 200);
}

void tst_HttpChat::chatStreamOfSeveralSteps()
{
    m_runtime->onAsk = [&](const Ask& ask, Promise<QJsonObject> promise) {
        m_runtime->playTurn(ask,
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

void tst_HttpChat::chatStreamLosesNothing()
{
    // No deltas at all; then deltas with a hole; then a reply that is longer than a listener may
    // leave unread.
    const QString longText(600'000, u'x');
    int round = 0;
    m_runtime->onAsk = [&](const Ask& ask, Promise<QJsonObject> promise) {
        if (++round == 1) {
            promise.set(toJson(Ask::Reply{QStringLiteral("All of it."), false, 1, 1}));
            return;
        }
        const auto seq = m_runtime->append(
            ask.agent, Kind::MessageReceived, {{QStringLiteral("key"), ask.key}}, ask.channel);
        m_runtime->append(ask.agent,
                          Kind::TurnStarted,
                          {{QStringLiteral("takes"), QJsonArray{seq}}},
                          ask.channel);
        m_runtime->publish(
            protocol::TextDelta{ask.agent, ask.channel, ask.channel, QStringLiteral("A")});
        if (round == 2) {
            m_runtime->publish(
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

void tst_HttpChat::chatStreamShowsOnlyItsOwnTurn()
{
    m_runtime->onAsk = [&](const Ask& ask, Promise<QJsonObject> promise) {
        const auto delta = [&](const char* text, const QString& process) {
            m_runtime->publish(
                protocol::TextDelta{ask.agent, ask.channel, process, QString::fromLatin1(text)});
        };
        delta("of the turn before", ask.channel);
        const auto seq = m_runtime->append(
            ask.agent, Kind::MessageReceived, {{QStringLiteral("key"), ask.key}}, ask.channel);
        delta(", still", ask.channel);
        m_runtime->append(ask.agent,
                          Kind::MessageSent,
                          {{QStringLiteral("text"), QStringLiteral("of the turn before, still")}},
                          ask.channel);
        m_runtime->append(ask.agent,
                          Kind::TurnStarted,
                          {{QStringLiteral("takes"), QJsonArray{seq}}},
                          ask.channel);
        delta("a worker's thought", QStringLiteral("wrk-1"));
        delta("mine", ask.channel);
        m_runtime->append(ask.agent,
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

void tst_HttpChat::chatStreamErrors()
{
    m_runtime->onAsk = [&](const Ask& ask, Promise<QJsonObject> promise) {
        m_runtime->append(
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

QTEST_GUILESS_MAIN(tst_HttpChat)
#include "tst_HttpChat.moc"
