// What the HTTP server itself costs: chat completions against a runtime that answers at once.
// Prints one JSON line a figure. `bench_http serve SECONDS` only serves, for another client: it
// prints "ready ADDR:PORT TOKEN".
#include "../unit/FakeRuntime.h"
#include "core/server/HttpServer.h"

#include <QElapsedTimer>
#include <QJsonDocument>
#include <arpa/inet.h>
#include <cmath>
#include <cstdio>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace sb;

namespace {

const QByteArray token = "a-token-of-some-length-for-the-bench";

void print(const char* bench, double value, const char* unit, QJsonObject more = {})
{
    more.insert(QStringLiteral("bench"), QLatin1StringView(bench));
    more.insert(QStringLiteral("value"), std::round(value * 1000) / 1000);
    more.insert(QStringLiteral("unit"), QLatin1StringView(unit));
    std::puts(QJsonDocument(more).toJson(QJsonDocument::Compact).constData());
    std::fflush(stdout);
}

std::unique_ptr<server::HttpServer> serve(test::FakeRuntime& runtime)
{
    server::HttpServer::Settings settings;
    settings.token = SecretString(QByteArray(token.constData(), token.size()));
    auto started = server::HttpServer::start(std::move(settings), runtime);
    if (!started) {
        std::fprintf(stderr, "%s\n", qPrintable(started.error().message));
        std::exit(1);
    }
    return std::move(*started);
}

double threadSeconds()
{
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    return double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

double processSeconds()
{
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/// Many connections from one thread, each asking again as soon as it has its answer.
class Load
{
public:
    Load(quint16 port, int connections, bool keepAlive)
        : m_epoll(::epoll_create1(0)), m_keepAlive(keepAlive)
    {
        m_address.sin_family = AF_INET;
        m_address.sin_port = htons(port);
        m_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const QByteArray body =
            R"({"model":"assistant","user":"u1","messages":[{"role":"user","content":"hello"}]})";
        m_request =
            "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:" + QByteArray::number(port) +
            "\r\nAuthorization: Bearer " + token + "\r\nContent-Type: application/json\r\n" +
            (keepAlive ? "" : "Connection: close\r\n") +
            "Content-Length: " + QByteArray::number(body.size()) + "\r\n\r\n" + body;
        m_got.resize(size_t(connections));
        for (int i = 0; i < connections; ++i) {
            connect(i);
        }
    }
    ~Load()
    {
        for (auto& [fd, in] : m_got) {
            ::close(fd);
        }
        ::close(m_epoll);
    }

    void run(int requests)
    {
        int done = 0;
        epoll_event events[256];
        while (done < requests) {
            const int count = ::epoll_wait(m_epoll, events, 256, 5000);
            if (count <= 0) {
                std::fputs("no answer within 5 s\n", stderr);
                std::exit(1);
            }
            for (int i = 0; i < count; ++i) {
                done += receive(int(events[i].data.u32));
            }
        }
    }

private:
    void connect(int i)
    {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (::connect(fd, reinterpret_cast<const sockaddr*>(&m_address), sizeof m_address) != 0) {
            std::perror("connect");
            std::exit(1);
        }
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u32 = unsigned(i);
        ::epoll_ctl(m_epoll, EPOLL_CTL_ADD, fd, &event);
        m_got[size_t(i)] = {fd, {}};
        ask(i);
    }
    void ask(int i)
    {
        [[maybe_unused]] const auto sent = ::send(
            m_got[size_t(i)].first, m_request.constData(), size_t(m_request.size()), MSG_NOSIGNAL);
    }
    int receive(int i)
    {
        auto& [fd, in] = m_got[size_t(i)];
        char buffer[4096];
        const auto size = ::recv(fd, buffer, sizeof buffer, 0);
        if (size > 0) {
            in.append(buffer, size);
            // One answer fits into a packet; its body ends with the usage.
            if (!in.endsWith("}") || !in.contains("word hello")) {
                return 0;
            }
            if (m_keepAlive) {
                in.clear();
                ask(i);
                return 1;
            }
            return 0;
        }
        if (m_keepAlive || !in.contains("word hello")) {
            std::fputs("a connection was closed\n", stderr);
            std::exit(1);
        }
        ::close(fd);
        connect(i);
        return 1;
    }

    int m_epoll;
    bool m_keepAlive;
    sockaddr_in m_address{};
    QByteArray m_request;
    std::vector<std::pair<int, QByteArray>> m_got;
};

void measure(const char* name, int connections, bool keepAlive, int requests)
{
    test::FakeRuntime runtime;
    const auto server = serve(runtime);
    Load load(server->port(), connections, keepAlive);
    load.run(requests / 10);
    QElapsedTimer timer;
    const double before = processSeconds() - threadSeconds();
    timer.start();
    load.run(requests);
    const double wall = double(timer.nsecsElapsed()) / 1e9;
    const double server_us = (processSeconds() - threadSeconds() - before) / requests * 1e6;
    print(name,
          requests / wall,
          "requests/s",
          {{QStringLiteral("connections"), connections},
           {QStringLiteral("keep_alive"), keepAlive},
           {QStringLiteral("server_cpu_us"), std::round(server_us * 10) / 10}});
}

} // namespace

int main(int argc, char** argv)
{
    if (argc > 2 && qstrcmp(argv[1], "serve") == 0) {
        test::FakeRuntime runtime;
        const auto server = serve(runtime);
        std::printf("ready 127.0.0.1:%d %s\n", server->port(), token.constData());
        std::fflush(stdout);
        ::sleep(unsigned(std::atoi(argv[2])));
        return 0;
    }
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    {
        test::FakeRuntime runtime;
        QElapsedTimer timer;
        timer.start();
        const auto server = serve(runtime);
        print("http_server_start", double(timer.nsecsElapsed()) / 1e6, "ms");
    }
    measure("http_chat_50", 50, true, 40'000);
    measure("http_chat_500", 500, true, 40'000);
    measure("http_chat_50_new_connections", 50, false, 20'000);
    measure("http_chat_500_new_connections", 500, false, 20'000);
}
