#include "core/sandbox/Descriptor.h"
#include "tests/security/SandboxFixture.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>

using namespace sb;
using namespace sb::sandbox;
using namespace Qt::StringLiterals;

namespace {

// Answers each connection with what it was asked, until nobody can come any more.
class Server
{
public:
    void serve(int fd)
    {
        m_door = Descriptor(fd);
        m_calls.fetch_add(1);
        m_thread = std::jthread([this](const std::stop_token& stop) { run(stop); });
    }
    [[nodiscard]] int calls() const { return m_calls; }
    [[nodiscard]] int accepted() const { return m_accepted; }
    [[nodiscard]] int door() const { return m_door.get(); }

private:
    void run(const std::stop_token& stop)
    {
        while (!stop.stop_requested()) {
            pollfd wait{m_door.get(), POLLIN, 0};
            if (::poll(&wait, 1, 20) <= 0) {
                continue;
            }
            const Descriptor peer(::accept4(m_door.get(), nullptr, nullptr, SOCK_CLOEXEC));
            ++m_accepted;
            char bytes[2048];
            const auto got = ::recv(peer.get(), bytes, sizeof bytes, 0);
            const QByteArray line =
                QByteArrayView(bytes, std::max<qsizetype>(0, got)).toByteArray().split('\r')[0];
            const QByteArray answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " +
                                      QByteArray::number(line.size()) + "\r\n\r\n" + line;
            (void)::send(peer.get(), answer.constData(), size_t(answer.size()), MSG_NOSIGNAL);
        }
    }
    Descriptor m_door;
    std::atomic<int> m_calls = 0;
    std::atomic<int> m_accepted = 0;
    std::jthread m_thread;
};

} // namespace

/// The one way out of a sandbox with network, and that there is none in one without.
class tst_SandboxDoor : public QObject
{
    Q_OBJECT

    SystemClock m_clock;
    SandboxFixture m_fixture{m_clock};

    LaunchRequest withNetwork(const QString& script) const
    {
        auto request = m_fixture.request(script);
        request.network = true;
        return request;
    }

    LaunchRequest python(const QString& script) const
    {
        auto request = m_fixture.program({u"python3"_s, u"-c"_s, script});
        request.network = true;
        return request;
    }

    Result<Outcome> run(const LaunchRequest& request, std::function<void(int)> door)
    {
        SB_TRY(auto plan, m_fixture.sandbox.plan(request));
        return m_fixture.sandbox.launch(std::move(plan), {}, {}, std::move(door)).wait();
    }

private Q_SLOTS:
    void initTestCase()
    {
        const auto& can = m_fixture.sandbox.capabilities();
        QVERIFY2(can.usable, qPrintable(can.problem));
    }
    void cleanup() { QCOMPARE(m_fixture.survivors(), 0); }

    void connectionsFromInsideReachTheServer()
    {
        Server server;
        const auto done = run(
            python(
                u"import urllib.request as r; print(r.urlopen('http://example.com/page').read().decode())"_s),
            [&](int fd) { server.serve(fd); });
        QVERIFY(done);
        QCOMPARE(done->output, u"GET http://example.com/page HTTP/1.1\n"_s);
        QCOMPARE(server.calls(), 1);
        QCOMPARE(server.accepted(), 1);
    }
    void programsTakeTheWay_data()
    {
        QTest::addColumn<QString>("program");
        QTest::addColumn<QString>("script");
        QTest::addColumn<QString>("line");
        QTest::newRow("curl") << u"curl"_s << u"curl -s http://example.com/a"_s
                              << u"GET http://example.com/a HTTP/1.1"_s;
        QTest::newRow("curl with TLS") << u"curl"_s << u"curl -s https://example.com/a"_s
                                       << u"CONNECT example.com:443 HTTP/1.1"_s;
        QTest::newRow("git") << u"git"_s << u"git ls-remote https://example.com/r.git"_s
                             << u"CONNECT example.com:443 HTTP/1.1"_s;
        QTest::newRow("npm") << u"npm"_s
                             << u"npm ping --fetch-retries=0 --registry=https://example.com/"_s
                             << u"CONNECT example.com:443 HTTP/1.1"_s;
        QTest::newRow("pip")
            << u"pip3"_s
            << u"pip3 download --retries 0 --index-url https://example.com/simple nothing"_s
            << u"CONNECT example.com:443 HTTP/1.1"_s;
    }
    void programsTakeTheWay()
    {
        QFETCH(QString, program);
        QFETCH(QString, script);
        QFETCH(QString, line);
        if (m_fixture.sh(u"command -v "_s + program).exitCode != 0) {
            QSKIP("The program is not on this machine.");
        }
        // One connection is enough to see where it goes.
        QByteArray first;
        std::jthread answering;
        const auto done = run(withNetwork(script), [&](int fd) {
            answering = std::jthread([&first, door = Descriptor(fd)](const std::stop_token& stop) {
                while (!stop.stop_requested()) {
                    pollfd wait{door.get(), POLLIN, 0};
                    if (::poll(&wait, 1, 20) <= 0) {
                        continue;
                    }
                    const Descriptor peer(::accept4(door.get(), nullptr, nullptr, SOCK_CLOEXEC));
                    char bytes[2048];
                    const auto got = ::recv(peer.get(), bytes, sizeof bytes, 0);
                    if (first.isEmpty() && got > 0) {
                        first = QByteArrayView(bytes, got).toByteArray().split('\r')[0];
                    }
                }
            });
        });
        answering = {};
        QVERIFY(done);
        QVERIFY2(QString::fromUtf8(first) == line,
                 qPrintable(QString::fromUtf8(first) + u" | "_s + done->output));
    }

    void withoutADoorNobodyAnswers()
    {
        const auto done = run(python(uR"(
import socket
try: socket.create_connection(("127.0.0.1", 3128), 2); print("CONNECTED")
except OSError as e: print("refused")
)"_s),
                              {});
        QVERIFY(done);
        QCOMPARE(done->output, u"refused\n"_s);
    }
    void withoutNetworkThereIsNoDoor()
    {
        int calls = 0;
        const auto done = run(m_fixture.request(u"env | grep -i proxy; echo none"_s), [&](int fd) {
            ++calls;
            ::close(fd);
        });
        QVERIFY(done);
        QCOMPARE(done->output, u"none\n"_s);
        QCOMPARE(calls, 0);
    }
    void theDoorIsTheOnlyWay()
    {
        Server server;
        const auto done = run(python(uR"(
import socket
for a in (("1.1.1.1", 80), ("10.0.0.1", 3128), ("169.254.169.254", 80), ("127.0.0.1", 4010)):
    try: socket.create_connection(a, 2); print("CONNECTED", a)
    except OSError as e: print("no way")
print(open("/proc/net/dev").read().count(":"))
import os; print(os.path.exists("/etc/resolv.conf"))
)"_s),
                              [&](int fd) { server.serve(fd); });
        QVERIFY(done);
        QCOMPARE(done->output, u"no way\nno way\nno way\nno way\n1\nFalse\n"_s);
        QCOMPARE(server.accepted(), 0);
    }
    void theListeningSocketStaysOutside()
    {
        Server server;
        const auto done =
            run(withNetwork(
                    u"ls /proc/self/fd /proc/$$/fd | tr '\\n' ' '; grep -c :0C38 /proc/net/tcp"_s),
                [&](int fd) { server.serve(fd); });
        QVERIFY(done);
        QVERIFY2(!done->output.contains(u"5"_s) && done->output.endsWith(u"1\n"_s),
                 qPrintable(done->output));
    }
    void environmentTellsTheWay()
    {
        auto with = m_fixture.sandbox.plan(withNetwork(u"true"_s));
        auto without = m_fixture.sandbox.plan(m_fixture.request(u"true"_s));
        QVERIFY(with && without);
        QVERIFY(with->hash() != without->hash());
        for (const auto& name : {u"http_proxy"_s,
                                 u"https_proxy"_s,
                                 u"HTTP_PROXY"_s,
                                 u"HTTPS_PROXY"_s,
                                 u"ALL_PROXY"_s,
                                 u"npm_config_proxy"_s,
                                 u"npm_config_https_proxy"_s,
                                 u"PIP_PROXY"_s}) {
            QCOMPARE(with->environment.value(name), u"http://127.0.0.1:3128"_s);
            QVERIFY(!without->environment.contains(name));
        }
        QCOMPARE(with->environment.value(u"no_proxy"_s, u"missing"_s), QString());
        // The flag counts by itself, whatever the environment says.
        auto flagged = *without;
        flagged.network = true;
        QVERIFY(flagged.hash() != without->hash());
    }
};

QTEST_GUILESS_MAIN(tst_SandboxDoor)
#include "tst_SandboxDoor.moc"
