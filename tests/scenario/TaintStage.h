#pragma once
#include "tests/scenario/Instance.h"

#include <QTcpServer>
#include <QTcpSocket>

namespace sb::test {

/// A page on a loopback socket of the test's own thread; it answers while the test's loop turns.
class Page
{
public:
    explicit Page(const QByteArray& text)
    {
        m_server.listen(QHostAddress::LocalHost);
        QObject::connect(&m_server, &QTcpServer::newConnection, &m_server, [this, text] {
            while (auto* socket = m_server.nextPendingConnection()) {
                QObject::connect(socket, &QTcpSocket::readyRead, socket, [this, socket, text] {
                    m_asked += socket->readAll();
                    socket->write(
                        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " +
                        QByteArray::number(text.size()) + "\r\nConnection: close\r\n\r\n" + text);
                    socket->disconnectFromHost();
                });
            }
        });
    }
    [[nodiscard]] QString place() const
    {
        return QStringLiteral("127.0.0.1:%1").arg(m_server.serverPort());
    }
    [[nodiscard]] QString url(const QString& path = {}) const
    {
        return QStringLiteral("http://%1/%2").arg(place(), path);
    }
    /// Everything that was ever sent to it.
    [[nodiscard]] const QByteArray& asked() const { return m_asked; }

private:
    QTcpServer m_server;
    QByteArray m_asked;
};

/// An agent whose channel starts a worker for each message "start NAME"; what the workers do is
/// scripted by their names.
class Stage
{
public:
    explicit Stage(const QStringList& policy, const QByteArray& pageText = "A page.")
        : page(pageText)
    {
        instance.writeConfig(policy,
                             QStringLiteral("    network: {allow: [\"%1\"]}\n").arg(page.place()));
    }
    static QJsonObject command(const QString& line) { return {{QStringLiteral("command"), line}}; }
    static QJsonObject path(const QString& name) { return {{QStringLiteral("path"), name}}; }
    static QJsonObject url(const QString& address) { return {{QStringLiteral("url"), address}}; }
    static QJsonObject task(const QString& words) { return {{QStringLiteral("task"), words}}; }

    /// The script of the worker whose task begins with the name.
    ScriptedModel::Rule worker(const QString& name)
    {
        return instance.model.when(both(fromWorker(), anyMessageContains(name)));
    }
    /// What the channel answers to a message that holds these words, before the rules of open().
    ScriptedModel::Rule channel(const QString& words)
    {
        return instance.model.when(both(fromChannel(), lastMessageContains(words)));
    }
    /// "start NAME" makes a worker with the task "NAME" and what is added.
    void starts(const QString& name, const QString& more = {}, bool interactive = false)
    {
        auto arguments = task(name + more);
        arguments.insert(QStringLiteral("interactive"), interactive);
        channel(QStringLiteral("start ") + name)
            .reply(toolCall(QStringLiteral("spawn_worker"), arguments));
    }
    void open()
    {
        instance.model.when(both(fromChannel(), lastRoleIs(QStringLiteral("tool"))))
            .always(text(QStringLiteral("Under way.")));
        instance.model
            .when(both(fromChannel(), lastMessageContains(QStringLiteral("[worker wrk-"))))
            .always(text(QStringLiteral("Heard of it.")));
        instance.model
            .when(both(fromChannel(), lastMessageContains(QStringLiteral("[branch brn-"))))
            .always(text(QStringLiteral("Heard of it.")));
        instance.model.otherwise(text(QStringLiteral("Done.")));
        instance.open();
    }
    void say(const QString& words, const QString& channelId = QStringLiteral("room"))
    {
        instance.say(channelId, words);
    }
    /// Waits until a worker has ended and its channel has heard of it.
    bool ended(int count = 1, const QString& channelId = QStringLiteral("room"))
    {
        return QTest::qWaitFor(
            [&] { return instance.sent(channelId).count(QStringLiteral("Heard of it.")) >= count; },
            15'000);
    }
    /// What was decided on the newest call of a tool, once something was.
    QJsonObject decision(const QString& tool, int count = 1)
    {
        QJsonObject found;
        (void)QTest::qWaitFor(
            [&] {
                int seen = 0;
                for (const auto& entry : instance.entries(QStringLiteral("policy.decision"))) {
                    if (entry.payload.value(QStringLiteral("tool")).toString() == tool) {
                        found = entry.payload;
                        ++seen;
                    }
                }
                return seen >= count;
            },
            15'000);
        return found;
    }
    QString verdict(const QString& tool, int count = 1)
    {
        return decision(tool, count).value(QStringLiteral("verdict")).toString();
    }

    Page page;
    Instance instance;
};

} // namespace sb::test
