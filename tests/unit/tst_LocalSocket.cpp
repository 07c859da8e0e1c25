#include "FakeRuntime.h"
#include "core/server/Folders.h"
#include "core/server/LocalServer.h"
#include "core/server/SocketClient.h"

#include <QDir>
#include <QFile>
#include <QJsonDocument>
#include <QTemporaryDir>
#include <QTest>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace sb;
using protocol::Ask;
using protocol::Kind;
using server::LocalServer;
using server::SocketClient;
using test::FakeRuntime;

namespace {

// The other end as bytes.
class RawLine
{
public:
    explicit RawLine(const QString& path) : m_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const QByteArray native = QFile::encodeName(path);
        std::memcpy(address.sun_path, native.constData(), size_t(native.size()));
        m_connected =
            ::connect(m_fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
        timeval limit{5, 0};
        ::setsockopt(m_fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(m_fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    }
    ~RawLine() { ::close(m_fd); }
    RawLine(const RawLine&) = delete;
    RawLine& operator=(const RawLine&) = delete;

    [[nodiscard]] bool connected() const { return m_connected; }
    bool send(const QByteArray& bytes) const
    {
        return ::send(m_fd, bytes.constData(), size_t(bytes.size()), MSG_NOSIGNAL) == bytes.size();
    }
    QByteArray line()
    {
        while (!m_in.contains('\n')) {
            char buffer[65536];
            const auto got = ::recv(m_fd, buffer, sizeof buffer, 0);
            if (got <= 0) {
                m_ended = got == 0 || errno == ECONNRESET;
                return {};
            }
            m_in.append(buffer, got);
        }
        const auto end = m_in.indexOf('\n');
        const QByteArray result = m_in.left(end);
        m_in.remove(0, end + 1);
        return result;
    }
    [[nodiscard]] bool ended() const { return m_ended; }

private:
    int m_fd;
    bool m_connected = false;
    bool m_ended = false;
    QByteArray m_in;
};

} // namespace

class tst_LocalSocket : public QObject
{
    Q_OBJECT

    std::unique_ptr<QTemporaryDir> m_folder;
    std::unique_ptr<FakeRuntime> m_runtime;
    std::unique_ptr<LocalServer> m_server;

    QString path() const { return m_folder->path() + QStringLiteral("/run/control.sock"); }
    void serve(LocalServer::Limits limits = {})
    {
        auto started = LocalServer::start(path(), *m_runtime, limits);
        QVERIFY2(started, started ? "" : qPrintable(started.error().message));
        m_server = std::move(*started);
    }
    std::unique_ptr<SocketClient> client()
    {
        auto connected = SocketClient::connect(path());
        return connected ? std::move(*connected) : nullptr;
    }

private Q_SLOTS:
    void init()
    {
        m_folder = std::make_unique<QTemporaryDir>();
        m_runtime = std::make_unique<FakeRuntime>();
    }
    void cleanup()
    {
        m_server.reset();
        m_runtime.reset();
    }

    void askAndAnswer();
    void commandsWithAnIdOfTheirOwn();
    void errorsKeepTheirCode();
    void manyAtOnce();
    void bigAnswers();
    void eventsArriveInOrder();
    void unsubscribing();
    void nobodyListens();
    void filesAreTheOwnersAlone();
    void staleSocketIsReplaced();
    void livingSocketIsNot();
    void somethingElseInTheWay();
    void lostConnection();
    void clientGoesFirst();
    void serverStopsWhileAnswersAreOwed();
    void nonsense_data();
    void nonsense();
    void longFrame();
    void unknownCommand();
    void stalledSubscriberIsDropped();
    void greedyClientIsNotReadFrom();
    void slowExecutorLags();
    void shortPaths();
};

void tst_LocalSocket::askAndAnswer()
{
    serve();
    const auto talk = client();
    QVERIFY(talk);
    const auto pong = talk->request(protocol::Ping{}).wait();
    QVERIFY(pong);
    QCOMPARE(pong->pid, 4711);
    QCOMPARE(pong->role, u"serve");
    const auto reply = talk->request(Ask{QStringLiteral("assistant"),
                                         QStringLiteral("c"),
                                         QStringLiteral("hi\n\"there\" ü"),
                                         {},
                                         {}})
                           .wait();
    QVERIFY(reply);
    QCOMPARE(reply->text, QStringLiteral("word hi\n\"there\" ü"));
}

void tst_LocalSocket::commandsWithAnIdOfTheirOwn()
{
    protocol::ApprovalInfo info;
    info.id = QStringLiteral("apr-1");
    m_runtime->addApproval(info);
    serve();
    const auto talk = client();
    const auto reply = talk->request(protocol::GetApproval{QStringLiteral("apr-1")}).wait();
    QVERIFY(reply);
    QCOMPARE(*reply, info);
}

void tst_LocalSocket::errorsKeepTheirCode()
{
    serve();
    const auto talk = client();
    const auto reply = talk->request(protocol::GetApproval{QStringLiteral("apr-9")}).wait();
    QVERIFY(!reply);
    QCOMPARE(reply.error(),
             (Error{ErrorCode::NotFound, QStringLiteral("There is no such approval."), {}}));
}

void tst_LocalSocket::manyAtOnce()
{
    serve();
    const auto talk = client();
    std::vector<Future<Ask::Reply>> answers;
    for (int i = 0; i < 2000; ++i) {
        answers.push_back(talk->request(Ask{{}, {}, QString::number(i), {}, {}}));
    }
    for (int i = 0; i < 2000; ++i) {
        const auto reply = std::move(answers[size_t(i)]).wait();
        QVERIFY(reply);
        QCOMPARE(reply->text, QString(u"word " + QString::number(i)));
    }
}

void tst_LocalSocket::bigAnswers()
{
    serve();
    const auto talk = client();
    const QString text(3'000'000, u'x');
    const auto reply = talk->request(Ask{{}, {}, text, {}, {}}).wait();
    QVERIFY(reply);
    QCOMPARE(reply->text.size(), text.size() + 5);
}

void tst_LocalSocket::eventsArriveInOrder()
{
    serve();
    const auto talk = client();
    ContextExecutor executor;
    QList<qint64> seen;
    const auto subscription = talk->subscribe(executor, [&](const protocol::Event& event) {
        if (const auto* appended = std::get_if<protocol::EntryAppended>(&event)) {
            seen.append(appended->entry.seq);
        }
    });
    QVERIFY(
        talk->request(protocol::Ping{}).wait()); // the subscription stands when this is answered
    QList<qint64> expected;
    for (int i = 0; i < 1000; ++i) {
        expected.append(m_runtime->append(
            QStringLiteral("assistant"), Kind::ToolCall, {{QStringLiteral("n"), i}}));
    }
    QTRY_COMPARE(seen.size(), expected.size());
    QCOMPARE(seen, expected);
}

void tst_LocalSocket::unsubscribing()
{
    serve();
    const auto talk = client();
    ContextExecutor executor;
    int seen = 0;
    auto first = talk->subscribe(executor, [&](const protocol::Event&) { ++seen; });
    auto second = talk->subscribe(executor, [&](const protocol::Event&) { ++seen; });
    QTRY_COMPARE(m_runtime->listeners.load(), 1);
    first.reset();
    m_runtime->append(QStringLiteral("assistant"), Kind::ToolCall);
    QTRY_COMPARE(seen, 1);
    second.reset();
    QTRY_COMPARE(m_runtime->listeners.load(), 0);
    first = talk->subscribe(executor, [&](const protocol::Event&) { ++seen; });
    QTRY_COMPARE(m_runtime->listeners.load(), 1);
    m_runtime->append(QStringLiteral("assistant"), Kind::ToolCall);
    QTRY_COMPARE(seen, 2);
}

void tst_LocalSocket::nobodyListens()
{
    const auto none = SocketClient::connect(path());
    QVERIFY(!none);
    QCOMPARE(none.error().code, ErrorCode::NotFound);
    serve();
    m_server.reset();
    QVERIFY(!QFile::exists(path()));
    QCOMPARE(SocketClient::connect(path()).error().code, ErrorCode::NotFound);
    QCOMPARE(SocketClient::connect(QString(300, u'x')).error().code, ErrorCode::InvalidInput);
}

void tst_LocalSocket::filesAreTheOwnersAlone()
{
    serve();
    struct stat facts{};
    QCOMPARE(::stat(QFile::encodeName(path()).constData(), &facts), 0);
    QCOMPARE(facts.st_mode & 0777, 0600U);
    QCOMPARE(::stat(QFile::encodeName(m_folder->path() + u"/run").constData(), &facts), 0);
    QCOMPARE(facts.st_mode & 0777, 0700U);
}

void tst_LocalSocket::staleSocketIsReplaced()
{
    QVERIFY(QDir().mkpath(m_folder->path() + u"/run"));
    const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const QByteArray native = QFile::encodeName(path());
    std::memcpy(address.sun_path, native.constData(), size_t(native.size()));
    QCOMPARE(::bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(dead); // as a process that was killed leaves it
    QVERIFY(QFile::exists(path()));
    QCOMPARE(SocketClient::connect(path()).error().code, ErrorCode::NotFound);
    serve();
    QVERIFY(client());
}

void tst_LocalSocket::livingSocketIsNot()
{
    serve();
    const auto second = LocalServer::start(path(), *m_runtime);
    QVERIFY(!second);
    QCOMPARE(second.error().code, ErrorCode::Conflict);
    QCOMPARE(second.error().message,
             QStringLiteral("Another Signalbox runs on this home already."));
    QVERIFY(client());
}

void tst_LocalSocket::somethingElseInTheWay()
{
    QVERIFY(QDir().mkpath(m_folder->path() + u"/run"));
    QFile file(path());
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.close();
    const auto started = LocalServer::start(path(), *m_runtime);
    QVERIFY(!started);
    QCOMPARE(started.error().code, ErrorCode::Conflict);
    QVERIFY(file.exists());
}

void tst_LocalSocket::lostConnection()
{
    Promise<QJsonObject> held;
    m_runtime->onAsk = [&](const Ask&, Promise<QJsonObject> promise) { held = std::move(promise); };
    serve();
    const auto talk = client();
    ContextExecutor executor;
    QList<size_t> seen;
    const auto subscription = talk->subscribe(
        executor, [&](const protocol::Event& event) { seen.append(event.index()); });
    QTRY_COMPARE(m_runtime->listeners.load(), 1);
    auto answer = talk->request(Ask{});
    QTRY_COMPARE(m_runtime->asked.load(), 1);
    m_server.reset();
    const auto reply = std::move(answer).wait();
    QVERIFY(!reply);
    QCOMPARE(reply.error().code, ErrorCode::Unavailable);
    QTRY_COMPARE(seen, QList<size_t>{protocol::Event(protocol::Lagged{}).index()});
    QCOMPARE(talk->request(protocol::Ping{}).wait().error().code, ErrorCode::Unavailable);
    held.set(QJsonObject()); // to nobody
}

void tst_LocalSocket::clientGoesFirst()
{
    Promise<QJsonObject> held;
    m_runtime->onAsk = [&](const Ask&, Promise<QJsonObject> promise) { held = std::move(promise); };
    serve();
    auto talk = client();
    ContextExecutor executor;
    auto subscription = talk->subscribe(executor, [](const protocol::Event&) {});
    auto answer = talk->request(Ask{});
    QTRY_COMPARE(m_runtime->asked.load(), 1);
    talk.reset();
    QCOMPARE(std::move(answer).wait().error().code, ErrorCode::Cancelled);
    QTRY_COMPARE(m_runtime->listeners.load(), 0);
    held.set(QJsonObject());
    subscription.reset();
    QVERIFY(client()->request(protocol::Ping{}).wait());
}

void tst_LocalSocket::serverStopsWhileAnswersAreOwed()
{
    std::mutex mutex;
    std::vector<Promise<QJsonObject>> held;
    m_runtime->onAsk = [&](const Ask&, Promise<QJsonObject> promise) {
        const std::scoped_lock lock(mutex);
        held.push_back(std::move(promise));
    };
    serve();
    const auto talk = client();
    std::vector<Future<Ask::Reply>> answers;
    for (int i = 0; i < 50; ++i) {
        answers.push_back(talk->request(Ask{}));
    }
    QTRY_COMPARE(m_runtime->asked.load(), 50);
    std::jthread late([&] {
        const std::scoped_lock lock(mutex);
        for (auto& promise : held) {
            promise.set(toJson(Ask::Reply{}));
        }
    });
    m_server.reset();
    for (auto& answer : answers) {
        (void)std::move(answer).wait(); // answered or Unavailable, but never left
    }
}

void tst_LocalSocket::nonsense_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::newRow("no json") << QByteArray("hello\n");
    QTest::newRow("no object") << QByteArray("[1]\n");
    QTest::newRow("zeros") << QByteArray("\0\0\0\n", 4);
    QTest::newRow("http") << QByteArray("GET / HTTP/1.1\r\n\r\n");
}

void tst_LocalSocket::nonsense()
{
    QFETCH(QByteArray, bytes);
    serve();
    RawLine raw(path());
    QVERIFY(raw.connected());
    QVERIFY(raw.send(bytes));
    QVERIFY(raw.line().isEmpty());
    QVERIFY(raw.ended());
    QVERIFY(client()->request(protocol::Ping{}).wait());
}

void tst_LocalSocket::longFrame()
{
    LocalServer::Limits limits;
    limits.frame = 10'000;
    serve(limits);
    RawLine raw(path());
    raw.send(QByteArray(200'000, ' '));
    QVERIFY(raw.line().isEmpty());
    QVERIFY(raw.ended());
}

void tst_LocalSocket::unknownCommand()
{
    serve();
    RawLine raw(path());
    raw.send("{\"id\":\"a\",\"command\":{\"command\":\"fly\"}}\n{\"id\":8,\"command\":{\"comm");
    const auto answer = QJsonDocument::fromJson(raw.line()).object();
    QCOMPARE(answer.value(u"id").toString(), u"a"); // whatever the id is, it comes back
    QCOMPARE(answer.value(u"error")[u"code"].toString(), u"invalid_input");
    QCOMPARE(answer.value(u"error")[u"message"].toString(), u"There is no command \"fly\".");
    raw.send("and\":\"ping\"}}\n"); // a line may come in pieces
    QCOMPARE(QJsonDocument::fromJson(raw.line()).object().value(u"reply")[u"pid"].toInt(), 4711);
}

void tst_LocalSocket::stalledSubscriberIsDropped()
{
    LocalServer::Limits limits;
    limits.pendingEvents = 100'000;
    serve(limits);
    RawLine raw(path());
    raw.send("{\"id\":1,\"subscribe\":true}\n");
    QTRY_COMPARE(m_runtime->listeners.load(), 1);
    const QString text(4000, u'x');
    // Pictures alone never cost it the connection.
    for (int i = 0; i < 500; ++i) {
        m_runtime->publish(protocol::TextDelta{QStringLiteral("assistant"), {}, {}, text});
    }
    QVERIFY(client()->request(protocol::Ping{}).wait());
    QCOMPARE(m_runtime->listeners.load(), 1);
    for (int i = 0; i < 500; ++i) {
        m_runtime->append(
            QStringLiteral("assistant"), Kind::ToolResult, {{QStringLiteral("text"), text}});
    }
    QTRY_COMPARE(m_runtime->listeners.load(), 0);
    while (!raw.line().isEmpty()) {
    }
    QVERIFY(raw.ended());
}

void tst_LocalSocket::greedyClientIsNotReadFrom()
{
    std::mutex mutex;
    std::vector<Promise<QJsonObject>> held;
    m_runtime->onAsk = [&](const Ask&, Promise<QJsonObject> promise) {
        const std::scoped_lock lock(mutex);
        held.push_back(std::move(promise));
    };
    LocalServer::Limits limits;
    limits.requests = 10;
    serve(limits);
    const auto talk = client();
    std::vector<Future<Ask::Reply>> answers;
    for (int i = 0; i < 100; ++i) {
        answers.push_back(talk->request(Ask{}));
    }
    QTRY_COMPARE(m_runtime->asked.load(), 10);
    QVERIFY(client()->request(protocol::Ping{}).wait()); // others are served meanwhile
    QCOMPARE(m_runtime->asked.load(), 10);
    int answered = 0;
    while (answered < 100) {
        std::vector<Promise<QJsonObject>> now;
        {
            const std::scoped_lock lock(mutex);
            now.swap(held);
        }
        for (auto& promise : now) {
            promise.set(toJson(Ask::Reply{}));
            ++answered;
        }
        QTest::qWait(1);
    }
    for (auto& answer : answers) {
        QVERIFY(std::move(answer).wait());
    }
}

void tst_LocalSocket::slowExecutorLags()
{
    serve();
    const auto talk = client();
    ContextExecutor executor; // does not run while this test does not return to its loop
    int lagged = 0;
    qint64 last = 0;
    const auto subscription = talk->subscribe(executor, [&](const protocol::Event& event) {
        if (const auto* appended = std::get_if<protocol::EntryAppended>(&event)) {
            last = appended->entry.seq;
        } else if (std::holds_alternative<protocol::Lagged>(event)) {
            ++lagged;
        }
    });
    QVERIFY(talk->request(protocol::Ping{}).wait());
    for (int i = 0; i < 9000; ++i) {
        m_runtime->append(QStringLiteral("assistant"), Kind::ToolCall);
        if (i % 100 == 0) {
            QVERIFY(talk->request(protocol::Ping{})
                        .wait()); // keeps the socket from being the one that stalls
        }
    }
    QVERIFY(talk->request(protocol::Ping{}).wait());
    QTRY_COMPARE(last, 8192);
    QCOMPARE(lagged, 0);
    m_runtime->append(QStringLiteral("assistant"), Kind::ToolCall);
    QTRY_COMPARE(last, 9001);
    QCOMPARE(lagged, 1);
}

void tst_LocalSocket::shortPaths()
{
    const QString direct = server::socketPathFor(m_folder->path());
    QCOMPARE(direct, QString(QDir(m_folder->path()).canonicalPath() + u"/control.sock"));
    const QString deep = m_folder->path() + u'/' + QString(120, u'd') + u"/run";
    QVERIFY(QDir().mkpath(deep));
    qputenv("XDG_RUNTIME_DIR", QFile::encodeName(m_folder->path()));
    const QString hashed = server::socketPathFor(deep);
    QVERIFY(hashed.startsWith(m_folder->path() + u"/signalbox-"));
    QVERIFY(hashed.size() <= 100);
    QCOMPARE(server::socketPathFor(deep + u"/../run"), hashed);
    QVERIFY(server::socketPathFor(deep + u"/other") != hashed);
    {
        const auto started = LocalServer::start(hashed, *m_runtime);
        QVERIFY(started);
        QVERIFY(SocketClient::connect(hashed));
    }
    // A folder that somebody prepared as a link is not used.
    const QString folder = hashed.left(hashed.lastIndexOf(u'/'));
    QVERIFY(QDir(folder).removeRecursively());
    QVERIFY(QFile::link(m_folder->path(), folder));
    QCOMPARE(LocalServer::start(hashed, *m_runtime).error().code, ErrorCode::Forbidden);
    qputenv("XDG_RUNTIME_DIR", QByteArray(200, 'x').prepend('/'));
    QVERIFY(server::socketPathFor(deep).startsWith(u"/tmp/signalbox-"));
    qunsetenv("XDG_RUNTIME_DIR");
    QVERIFY(server::socketPathFor(deep).startsWith(u"/tmp/signalbox-"));
}

QTEST_GUILESS_MAIN(tst_LocalSocket)
#include "tst_LocalSocket.moc"
