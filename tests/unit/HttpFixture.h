#pragma once
#include "FakeRuntime.h"
#include "RawHttp.h"
#include "core/server/HttpServer.h"

#include <QJsonDocument>
#include <QTest>

namespace sb::test {

inline QJsonObject objectOf(const QByteArray& json)
{
    return QJsonDocument::fromJson(json).object();
}

/// The value of a line "name: value" of a server-sent event.
inline QByteArray eventField(const QByteArray& event, const char* name)
{
    const QByteArray start = QByteArray(name) + ": ";
    for (const auto& line : event.split('\n')) {
        if (line.startsWith(start)) {
            return line.mid(start.size());
        }
    }
    return {};
}

inline QByteArray chatBody(const QByteArray& text, const QByteArray& extra = {})
{
    return R"({"model":"assistant","messages":[{"role":"system","content":"x"},{"role":"user","content":")" +
           text + R"("}])" + extra + "}";
}

/// An HTTP server over a fake runtime, on a port of its own.
class HttpFixture : public QObject
{
protected:
    static inline const QByteArray token = "a-token-of-some-length-for-tests";

    void serve(const std::function<void(server::HttpServer::Settings&)>& adjust = {})
    {
        server::HttpServer::Settings settings;
        settings.token = SecretString(QByteArray(token.constData(), token.size()));
        settings.metrics = [] { return QByteArray("signalbox_fake 7"); };
        if (adjust) {
            adjust(settings);
        }
        auto started = server::HttpServer::start(std::move(settings), *m_runtime);
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
    /// The value of a line of /metrics; -1: there is none.
    qint64 metric(const QByteArray& name)
    {
        const QByteArray start = name + ' ';
        for (const auto& line : get("/metrics").body.split('\n')) {
            if (line.startsWith(start)) {
                return line.mid(start.size()).toLongLong();
            }
        }
        return -1;
    }
    void freshRuntime() { m_runtime = std::make_unique<FakeRuntime>(); }
    void stopServer() { m_server.reset(); }

    std::unique_ptr<FakeRuntime> m_runtime;
    std::unique_ptr<server::HttpServer> m_server;
};

} // namespace sb::test
