// What the egress proxy costs beside a direct connection, with keep-alive: the two take turns in
// one run, so that whatever else the machine does hits both alike. Every request is judged,
// looked up in the list and recorded (by a recorder that answers at once: the journal has figures
// of its own). One JSON object a line.
#include "core/egress/Proxy.h"

#include <QCoreApplication>
#include <QElapsedTimer>
#include <arpa/inet.h>
#include <cstdio>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace sb;
using namespace sb::egress;
using namespace Qt::StringLiterals;

namespace {

constexpr const char* kAnswer =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";

std::pair<int, quint16> listening()
{
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(fd, reinterpret_cast<sockaddr*>(&to), sizeof to);
    ::listen(fd, 512);
    socklen_t size = sizeof to;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&to), &size);
    return {fd, ntohs(to.sin_port)};
}

void quick(int fd)
{
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// Answers every request alike, as fast as one thread can.
void serve(int listener)
{
    const int epoll = ::epoll_create1(0);
    epoll_event event{.events = EPOLLIN, .data = {.fd = listener}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    epoll_event events[64];
    char piece[65536];
    while (true) {
        const int count = ::epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < count; ++i) {
            const int fd = events[i].data.fd;
            if (fd == listener) {
                const int made = ::accept(listener, nullptr, nullptr);
                if (made < 0) {
                    return;
                }
                quick(made);
                event = {.events = EPOLLIN, .data = {.fd = made}};
                ::epoll_ctl(epoll, EPOLL_CTL_ADD, made, &event);
                continue;
            }
            const auto got = ::recv(fd, piece, sizeof piece, 0);
            if (got <= 0) {
                ::close(fd);
                continue;
            }
            [[maybe_unused]] const auto sent =
                ::send(fd, kAnswer, std::char_traits<char>::length(kAnswer), MSG_NOSIGNAL);
        }
    }
}

struct Client
{
    explicit Client(quint16 port)
    {
        fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
            std::perror("connect");
        }
        quick(fd);
    }
    ~Client() { ::close(fd); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // Microseconds of one request; the answer's body ends what is read.
    [[nodiscard]] double request(const QByteArray& bytes) const
    {
        QElapsedTimer timer;
        timer.start();
        ::send(fd, bytes.data(), size_t(bytes.size()), MSG_NOSIGNAL);
        char piece[4096];
        QByteArrayView tail;
        do {
            const auto got = ::recv(fd, piece, sizeof piece, 0);
            if (got <= 0) {
                return -1;
            }
            tail = QByteArrayView(piece, got);
        } while (!tail.endsWith("ok"));
        return double(timer.nsecsElapsed()) / 1000;
    }
    int fd;
};

double median(std::vector<double> values)
{
    std::ranges::sort(values);
    return values[values.size() / 2];
}

double rate(quint16 port, const QByteArray& request, int threads, int each)
{
    QElapsedTimer timer;
    timer.start();
    std::vector<std::jthread> running;
    running.reserve(size_t(threads));
    for (int i = 0; i < threads; ++i) {
        running.emplace_back([&] {
            const Client client(port);
            for (int k = 0; k < each; ++k) {
                if (client.request(request) < 0) {
                    std::fprintf(stderr, "a request failed\n");
                    return;
                }
            }
        });
    }
    running.clear();
    return double(threads) * each * 1e9 / double(timer.nsecsElapsed());
}

} // namespace

int main(int argc, char** argv)
{
    const QCoreApplication application(argc, argv);
    const auto [serverFd, serverPort] = listening();
    std::thread server([fd = serverFd] { serve(fd); });
    SystemClock clock;
    Pool pool(1, u"names"_s);
    SystemResolver resolver(pool);
    const Rules rules{.allow = {u"gitlab.com:443"_s,
                                u"*.example.org:443"_s,
                                u"127.0.0.1:"_s + QString::number(serverPort)}};
    std::atomic<qint64> seq = 0;
    auto proxy =
        Proxy::create({.clock = clock,
                       .resolver = resolver,
                       .rules = [&](const QString&) { return rules; },
                       .record = [&](const Session&,
                                     const QJsonObject&) { return Future<qint64>::ready(++seq); }});
    if (!proxy) {
        std::fprintf(stderr, "%s\n", qPrintable(proxy.error().message));
        return 1;
    }
    const auto [listener, port] = listening();
    Session session;
    session.agent = u"assistant"_s;
    const Subscription serving = (*proxy)->serve(listener, session);

    const QByteArray place = "127.0.0.1:" + QByteArray::number(serverPort);
    const QByteArray direct = "GET /a HTTP/1.1\r\nHost: " + place + "\r\nAccept: */*\r\n\r\n";
    const QByteArray through =
        "GET http://" + place + "/a HTTP/1.1\r\nHost: " + place + "\r\nAccept: */*\r\n\r\n";

    std::vector<double> directUs;
    std::vector<double> throughUs;
    {
        const Client one(serverPort);
        const Client two(port);
        for (int i = 0; i < 6000; ++i) {
            const double a = one.request(direct);
            const double b = two.request(through);
            if (i >= 1000) { // warm
                directUs.push_back(a);
                throughUs.push_back(b);
            }
        }
    }
    const double a = median(directUs);
    const double b = median(throughUs);
    std::printf("{\"bench\": \"egress.added\", \"value\": %.4f, \"unit\": \"ms at p50\", "
                "\"direct_ms\": %.4f, \"through_ms\": %.4f}\n",
                (b - a) / 1000,
                a / 1000,
                b / 1000);
    const double directRate = rate(serverPort, direct, 8, 4000);
    const double throughRate = rate(port, through, 8, 4000);
    std::printf("{\"bench\": \"egress.rate\", \"value\": %.0f, \"unit\": \"requests/s\", "
                "\"direct\": %.0f, \"connections\": 8}\n",
                throughRate,
                directRate);
    ::shutdown(serverFd, SHUT_RDWR);
    server.join();
    return 0;
}
