#include "HttpFixture.h"

using namespace sb;
using namespace sb::test;
using protocol::Kind;

class tst_HttpEvents : public HttpFixture
{
    Q_OBJECT

private Q_SLOTS:
    void init() { freshRuntime(); }
    void cleanup() { stopServer(); }

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
};

void tst_HttpEvents::eventsLive()
{
    m_runtime->append(QStringLiteral("assistant"), Kind::Incident);
    serve();
    auto http = client();
    http.keepAll = true;
    http.request("GET /v1/events");
    QCOMPARE(http.readHead().status, 200);
    QCOMPARE(http.readEvent(), "id: _instance:0,assistant:1,other:0"); // from now on
    m_runtime->append(QStringLiteral("assistant"), Kind::ToolCall, {{QStringLiteral("n"), 1}});
    m_runtime->append(QStringLiteral("_instance"), Kind::ConfigChanged);
    const QByteArray first = http.readEvent();
    QCOMPARE(eventField(first, "id"), "_instance:0,assistant:2,other:0");
    QCOMPARE(eventField(first, "event"), "tool.call");
    const auto entry = objectOf(eventField(first, "data"));
    QCOMPARE(entry.value(u"seq").toInt(), 2);
    QCOMPARE(entry.value(u"agent").toString(), u"assistant");
    QCOMPARE(entry.value(u"payload")[u"n"].toInt(), 1);
    QCOMPARE(eventField(http.readEvent(), "id"), "_instance:1,assistant:2,other:0");
    QCOMPARE(metric("signalbox_http_event_listeners"), 1);
}

void tst_HttpEvents::eventsResume()
{
    for (int i = 0; i < 5; ++i) {
        m_runtime->append(QStringLiteral("assistant"), Kind::ToolCall, {{QStringLiteral("n"), i}});
        m_runtime->append(QStringLiteral("_instance"), Kind::ConfigChanged);
    }
    serve();
    const auto follow = [&](const QByteArray& path, const QByteArray& extra, int count) {
        auto http = client();
        http.request("GET " + path, {}, extra);
        QByteArrayList ids;
        if (http.readHead().status == 200) {
            for (int i = 0; i < count; ++i) {
                ids.append(eventField(http.readEvent(), "id"));
            }
            m_runtime->append(QStringLiteral("other"), Kind::Incident);
            ids.append(eventField(http.readEvent(), "id"));
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

void tst_HttpEvents::eventsFilter()
{
    for (int i = 0; i < 3; ++i) {
        m_runtime->append(QStringLiteral("assistant"), Kind::ToolCall);
        m_runtime->append(QStringLiteral("assistant"), Kind::ToolResult);
        m_runtime->append(QStringLiteral("other"), Kind::ToolCall);
    }
    serve();
    auto http = client();
    http.request("GET /v1/events?agent=assistant&kinds=tool.result,incident&cursor=");
    QCOMPARE(http.readHead().status, 200);
    QCOMPARE(eventField(http.readEvent(), "id"), "assistant:2");
    QCOMPARE(eventField(http.readEvent(), "id"), "assistant:4");
    QCOMPARE(eventField(http.readEvent(), "id"), "assistant:6");
    m_runtime->append(QStringLiteral("other"), Kind::Incident);
    m_runtime->append(QStringLiteral("assistant"), Kind::ToolCall);
    m_runtime->append(QStringLiteral("assistant"), Kind::Incident);
    QCOMPARE(eventField(http.readEvent(), "id"), "assistant:8");
    QCOMPARE(get("/v1/events?kinds=tool.cal").status, 400);
    QCOMPARE(get("/v1/events?agent=nobody").status, 404);
}

void tst_HttpEvents::eventsGap()
{
    serve();
    auto http = client();
    http.request("GET /v1/events?agent=assistant");
    QCOMPARE(http.readHead().status, 200);
    m_runtime->append(QStringLiteral("assistant"), Kind::ToolCall);
    QCOMPARE(eventField(http.readEvent(), "id"), "assistant:1");
    // Two that never arrive as events are found in the journal when the third does.
    m_runtime->append(QStringLiteral("assistant"), Kind::ToolCall, {}, {}, true);
    m_runtime->append(QStringLiteral("assistant"), Kind::ToolCall, {}, {}, true);
    m_runtime->append(QStringLiteral("assistant"), Kind::ToolResult);
    QCOMPARE(eventField(http.readEvent(), "id"), "assistant:2");
    QCOMPARE(eventField(http.readEvent(), "id"), "assistant:3");
    QCOMPARE(eventField(http.readEvent(), "id"), "assistant:4");
    m_runtime->append(QStringLiteral("assistant"), Kind::ToolResult);
    QCOMPARE(eventField(http.readEvent(), "id"), "assistant:5");
}

void tst_HttpEvents::eventsAfterLag()
{
    serve();
    auto http = client();
    http.request("GET /v1/events?agent=assistant");
    QCOMPARE(http.readHead().status, 200);
    m_runtime->append(QStringLiteral("assistant"), Kind::ToolCall);
    QCOMPARE(eventField(http.readEvent(), "id"), "assistant:1");
    m_runtime->append(QStringLiteral("assistant"), Kind::ToolCall, {}, {}, true);
    m_runtime->publish(protocol::Lagged{});
    QCOMPARE(eventField(http.readEvent(), "id"), "assistant:2");
    m_runtime->append(QStringLiteral("assistant"), Kind::ToolCall);
    QCOMPARE(eventField(http.readEvent(), "id"), "assistant:3");
}

void tst_HttpEvents::eventsManyPages()
{
    constexpr int before = 5000;
    constexpr int during = 500;
    for (int i = 0; i < before; ++i) {
        m_runtime->append(QStringLiteral("assistant"), Kind::ToolCall, {{QStringLiteral("n"), i}});
    }
    serve();
    auto http = client();
    http.request("GET /v1/events?agent=assistant&cursor=");
    std::jthread writer([&] {
        for (int i = 0; i < during; ++i) {
            m_runtime->append(
                QStringLiteral("assistant"), Kind::ToolResult, {{QStringLiteral("n"), i}});
        }
    });
    QCOMPARE(http.readHead().status, 200);
    for (int i = 1; i <= before + during; ++i) {
        QCOMPARE(eventField(http.readEvent(), "id"), "assistant:" + QByteArray::number(i));
    }
}

void tst_HttpEvents::eventsBadCursor()
{
    serve();
    for (const auto* cursor : {"x", "a:b", ":3", "a:1,,b:2", "a:-1"}) {
        const auto response = get("/v1/events", QByteArray("Last-Event-ID: ") + cursor + "\r\n");
        QCOMPARE(response.status, 400);
        QVERIFY(response.body.contains("is no cursor of this stream"));
    }
    QTRY_COMPARE(m_runtime->listeners.load(), 0);
}

void tst_HttpEvents::heartbeat()
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

void tst_HttpEvents::stalledListenerIsDropped()
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
        m_runtime->append(QStringLiteral("assistant"), Kind::ToolResult, payload);
        QCOMPARE(eventField(reader.readEvent(), "id"),
                 "assistant:" + QByteArray::number(i)); // the others do not suffer
    }
    QTRY_COMPARE(metric("signalbox_http_event_listeners"), 1);
    QCOMPARE(metric("signalbox_http_dropped_listeners_total"), 1);
    while (stalled.more()) {
    }
    QVERIFY(!stalled.timedOut()); // its connection was closed
}

void tst_HttpEvents::stalledReplayIsBounded()
{
    const QJsonObject payload{{QStringLiteral("text"), QString(4000, u'x')}};
    for (int i = 0; i < 2000; ++i) {
        m_runtime->append(QStringLiteral("assistant"), Kind::ToolResult, payload);
    }
    serve([](auto& settings) { settings.idleTimeout = Milliseconds(1000); });
    auto stalled = client(4096);
    stalled.request("GET /v1/events?agent=assistant&cursor=");
    QCOMPARE(stalled.readHead().status, 200);
    QTRY_COMPARE(metric("signalbox_http_event_listeners"), 0);
}

void tst_HttpEvents::disconnectIsNoticed()
{
    serve();
    auto http = client();
    http.request("GET /v1/events");
    QCOMPARE(http.readHead().status, 200);
    QTRY_COMPARE(m_runtime->listeners.load(), 1);
    http.close();
    QTRY_COMPARE(m_runtime->listeners.load(), 0);
    QTRY_COMPARE(metric("signalbox_http_event_listeners"), 0);
}

QTEST_GUILESS_MAIN(tst_HttpEvents)
#include "tst_HttpEvents.moc"
