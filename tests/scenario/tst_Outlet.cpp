#include "tests/scenario/Instance.h"

#include <QTcpServer>
#include <QTcpSocket>

using namespace sb;
using namespace sb::test;
using namespace Qt::StringLiterals;

namespace {

/// A web server on this machine's loopback; answers everything with the same words.
class Server
{
public:
    explicit Server(const QByteArray& words)
    {
        m_loop.postAndWait([&] {
            m_server = std::make_unique<QTcpServer>();
            m_server->listen(QHostAddress::LocalHost);
            port = m_server->serverPort();
            QObject::connect(m_server.get(), &QTcpServer::newConnection, [this, words] {
                while (QTcpSocket* const socket = m_server->nextPendingConnection()) {
                    QObject::connect(socket, &QTcpSocket::readyRead, socket, [this, socket, words] {
                        if (!socket->readAll().contains("\r\n\r\n")) {
                            return;
                        }
                        ++asked;
                        socket->write("HTTP/1.1 200 OK\r\nContent-Length: " +
                                      QByteArray::number(words.size()) +
                                      "\r\nConnection: close\r\n\r\n" + words);
                        socket->disconnectFromHost();
                    });
                }
            });
        });
    }
    ~Server()
    {
        m_loop.postAndWait([&] { m_server.reset(); });
    }
    [[nodiscard]] QString place() const { return u"127.0.0.1:%1"_s.arg(port); }

    quint16 port = 0;
    std::atomic<int> asked = 0;

private:
    LoopExecutor m_loop{u"server"_s};
    std::unique_ptr<QTcpServer> m_server;
};

/// An agent whose worker runs one command after the other and keeps what they print.
class Stage
{
public:
    explicit Stage(const QStringList& hosts, const QStringList& commands)
    {
        // Each by its name: what a page said must not lead to commands that only a pattern allows.
        QStringList rules;
        for (const QString& command : commands) {
            rules.append(u"{match: \"shell(%1)\", decide: allow}"_s.arg(command));
        }
        rules.removeDuplicates();
        instance.writeConfig(
            rules, u"    network: {allow: [%1]}\n"_s.arg(u'"' + hosts.join(u"\", \""_s) + u'"'));
        if (!commands.isEmpty()) {
            auto worker = instance.model.when(fromWorker());
            for (const QString& command : commands) {
                worker.reply(toolCall(u"shell"_s, {{u"command"_s, command}}));
            }
            worker.always(text(u"Done."_s));
        }
        instance.model.when(fromChannel())
            .reply(toolCall(u"spawn_worker"_s, {{u"task"_s, u"Fetch"_s}}))
            .always(text(u"On its way."_s));
    }
    void go()
    {
        instance.open();
        QVERIFY(instance.say(u"room"_s, u"Fetch it"_s) > 0);
    }
    /// What the commands printed, oldest first.
    QStringList printed()
    {
        QStringList texts;
        for (const auto& entry : instance.entries(u"tool.result"_s)) {
            if (entry.payload.value(u"tool"_s).toString() == u"shell") {
                texts.append(entry.payload.value(u"text"_s).toString());
            }
        }
        return texts;
    }
    QList<QJsonObject> requests()
    {
        QList<QJsonObject> all;
        for (const auto& entry : instance.entries(u"egress.request"_s)) {
            all.append(entry.payload);
        }
        return all;
    }

    Instance instance;
};

QString curl(const QString& url)
{
    return u"curl -sS --max-time 20 "_s + url;
}

} // namespace

/// The one way out of a sandbox, from the command to the server and back.
class tst_Outlet final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void a_command_reaches_what_is_listed_and_nothing_else()
    {
        Server listed("the listed words");
        Server other("other words");
        Stage stage({listed.place()},
                    {curl(u"http://"_s + listed.place() + u"/secret-query"_s),
                     curl(u"http://"_s + other.place() + u'/'),
                     // Past the proxy there is no way at all.
                     curl(u"--noproxy 127.0.0.1 http://"_s + listed.place() + u'/')});
        stage.go();
        QTRY_COMPARE_WITH_TIMEOUT(stage.printed().size(), 3, 30000);
        const QStringList printed = stage.printed();
        QVERIFY2(printed[0].contains(u"the listed words"), qPrintable(printed[0]));
        QVERIFY2(!printed[1].contains(u"other words") &&
                     printed[1].contains(other.place().section(u':', 0, 0)),
                 qPrintable(printed[1]));
        QVERIFY2(!printed[2].contains(u"the listed words"), qPrintable(printed[2]));
        QCOMPARE(listed.asked.load(), 1);
        QCOMPARE(other.asked.load(), 0);

        // Each request is in the record: what was meant, what came of it, what was refused; never
        // the query.
        QTRY_COMPARE(stage.requests().size(), 3);
        const auto requests = stage.requests();
        QCOMPARE(requests[0].value(u"phase"_s).toString(), u"intent"_s);
        QCOMPARE(requests[1].value(u"phase"_s).toString(), u"done"_s);
        QCOMPARE(requests[1].value(u"bytes_in"_s).toInteger() > 0, true);
        QCOMPARE(requests[2].value(u"verdict"_s).toString(), u"refused"_s);
        for (const auto& request : requests) {
            QVERIFY(!QJsonDocument(request).toJson().contains("secret-query"));
        }
        const auto containment =
            stage.instance.ask(protocol::GetContainment{u"assistant"_s, false});
        QVERIFY(containment);
        QCOMPARE(containment->requests, 2);
        QCOMPARE(containment->refused, 1);
    }

    void an_address_outside_the_list_is_put_before_a_person()
    {
        Stage stage({u"nowhere.invalid:1"_s},
                    {curl(u"http://unlisted.invalid/"_s), curl(u"http://unlisted.invalid/"_s)});
        stage.go();
        QTRY_COMPARE_WITH_TIMEOUT(stage.instance.waiting().size(), 1, 20000);
        auto question = stage.instance.waiting().first();
        QCOMPARE(question.tool, u"network"_s);
        QCOMPARE(question.arguments.value(u"address"_s).toString(), u"unlisted.invalid:80"_s);
        QCOMPARE(question.channel, u"room"_s);
        QCOMPARE(stage.printed().size(), 0); // the command waits

        protocol::SettleApproval no;
        no.id = question.id;
        no.by = u"test"_s;
        QVERIFY(stage.instance.ask(no));
        QTRY_COMPARE_WITH_TIMEOUT(stage.printed().size(), 1, 20000);
        QVERIFY2(stage.printed().first().contains(u"A person refused it"),
                 qPrintable(stage.printed().first()));

        // Asked again, and this time for good.
        QTRY_COMPARE_WITH_TIMEOUT(stage.instance.waiting().size(), 1, 20000);
        question = stage.instance.waiting().first();
        protocol::SettleApproval always;
        always.id = question.id;
        always.accept = true;
        always.by = u"test"_s;
        always.arguments =
            QJsonObject{{u"address"_s, u"unlisted.invalid:80"_s}, {u"remember"_s, true}};
        QVERIFY(stage.instance.ask(always));
        QTRY_COMPARE_WITH_TIMEOUT(stage.printed().size(), 2, 30000);
        QVERIFY(!stage.printed().last().contains(u"is not on the list"));
        const auto grants = [&] {
            const auto info = stage.instance.ask(protocol::GetContainment{u"assistant"_s, false});
            return info ? info->grants : QList<protocol::GrantInfo>();
        };
        QTRY_COMPARE(grants().size(), 1);
        QCOMPARE(grants().first().what, u"unlisted.invalid:80"_s);
        QCOMPARE(grants().first().by, u"test"_s);

        // It outlives the program, until it is taken back.
        stage.instance.close();
        stage.instance.open();
        QCOMPARE(grants().size(), 1);
        protocol::RevokeGrant revoke;
        revoke.agent = u"assistant"_s;
        revoke.id = grants().first().id;
        revoke.by = u"test"_s;
        QVERIFY(stage.instance.ask(revoke));
        QVERIFY(grants().first().revokedAt > 0);
        const auto again = stage.instance.ask(revoke);
        QCOMPARE(again.error().code, ErrorCode::Conflict);
    }

    void a_fetch_outside_the_list_asks_through_the_gate()
    {
        Stage stage({u"nowhere.invalid:1"_s}, {});
        auto worker = stage.instance.model.when(hasTool(u"web_fetch"_s));
        worker.reply(toolCall(u"web_fetch"_s, {{u"url"_s, u"http://unlisted.invalid/"_s}}))
            .always(text(u"Done."_s));
        stage.go();
        QTRY_COMPARE_WITH_TIMEOUT(stage.instance.waiting().size(), 1, 20000);
        const auto question = stage.instance.waiting().first();
        QCOMPARE(question.tool, u"web_fetch"_s);
        protocol::SettleApproval yes;
        yes.id = question.id;
        yes.accept = true;
        yes.by = u"test"_s;
        QVERIFY(stage.instance.ask(yes));
        const auto answered = [&] {
            for (const auto& entry : stage.instance.entries(u"tool.result"_s)) {
                if (entry.payload.value(u"tool"_s).toString() == u"web_fetch") {
                    return entry.payload.value(u"text"_s).toString();
                }
            }
            return QString();
        };
        // It was let through to the resolver, which knows no such name; for this once only.
        QTRY_VERIFY_WITH_TIMEOUT(!answered().isEmpty(), 30000);
        QVERIFY2(answered().contains(u"could not be resolved"), qPrintable(answered()));
        const auto info = stage.instance.ask(protocol::GetContainment{u"assistant"_s, false});
        QVERIFY(info && info->grants.isEmpty());
    }

    void a_question_is_not_left_over_for_the_next_start()
    {
        Stage stage({u"nowhere.invalid:1"_s}, {curl(u"http://unlisted.invalid/"_s)});
        stage.go();
        QTRY_COMPARE_WITH_TIMEOUT(stage.instance.waiting().size(), 1, 20000);
        const QString id = stage.instance.waiting().first().id;
        stage.instance.close();
        stage.instance.open();
        const auto isOpen = [&] {
            return std::ranges::any_of(stage.instance.waiting(),
                                       [&](const auto& info) { return info.id == id; });
        };
        QTRY_VERIFY(!isOpen());
    }

    void a_question_goes_with_the_command_that_asked()
    {
        Stage stage({u"nowhere.invalid:1"_s},
                    {u"curl -sS --max-time 1 http://unlisted.invalid/"_s});
        stage.go();
        QTRY_COMPARE_WITH_TIMEOUT(stage.printed().size(), 1, 30000);
        QTRY_VERIFY(stage.instance.waiting().isEmpty());
    }

    void the_containment_of_an_agent_is_tried()
    {
        Stage stage({u"nowhere.invalid:1"_s}, {});
        stage.instance.open();
        auto info = stage.instance.ask(protocol::GetContainment{u"assistant"_s, false});
        QVERIFY(info);
        QVERIFY(info->probes.isEmpty() && info->probedAt == 0);
        info = stage.instance.ask(protocol::GetContainment{u"assistant"_s, true});
        QVERIFY2(info, info ? "" : qPrintable(info.error().message));
        QVERIFY(info->probes.size() > 40);
        for (const auto& probe : info->probes) {
            QVERIFY2(probe.verdict != u"open", qPrintable(probe.question + u' ' + probe.detail));
            QVERIFY(probe.id.contains(u'.'));
        }
        const auto last = stage.instance.ask(protocol::GetContainment{u"assistant"_s, false});
        QCOMPARE(last->probes, info->probes);
    }
};

QTEST_GUILESS_MAIN(tst_Outlet)
#include "tst_Outlet.moc"
