// Chat completions as fast as they are answered: bench_turns URL TOKEN MODEL CONCURRENCY N. Each
// has a connection and a channel of its own, as turns.py's have, but this client hardly takes any
// of the processor's time. Prints one JSON object.
#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <netinet/in.h>
#include <string>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const char* what)
{
    std::perror(what);
    std::exit(1);
}

class Load
{
public:
    Load(const std::string& url, std::string token, std::string model, int concurrency, int count)
        : m_token(std::move(token))
        , m_model(std::move(model))
        , m_count(count)
        , m_epoll(::epoll_create1(EPOLL_CLOEXEC))
        , m_calls(size_t(concurrency))
    {
        // http://127.0.0.1:PORT/PATH
        const std::string scheme = "http://127.0.0.1:";
        const auto slash = url.find('/', scheme.size());
        if (!url.starts_with(scheme) || slash == std::string::npos) {
            std::fputs("bench_turns: the URL must begin with http://127.0.0.1:PORT/\n", stderr);
            std::exit(2);
        }
        m_address.sin_family = AF_INET;
        m_address.sin_port = htons(std::uint16_t(std::atoi(url.c_str() + scheme.size())));
        m_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        m_host = url.substr(7, slash - 7);
        m_path = url.substr(slash);
        m_times.reserve(size_t(count));
    }

    int run()
    {
        const auto began = Clock::now();
        for (size_t i = 0; i < m_calls.size() && m_begun < m_count; ++i) {
            begin(i);
        }
        epoll_event events[256];
        while (int(m_times.size()) < m_count) {
            const int ready = ::epoll_wait(m_epoll, events, 256, 60'000);
            if (ready <= 0) {
                std::fputs("bench_turns: no answer within 60 s\n", stderr);
                return 1;
            }
            for (int i = 0; i < ready; ++i) {
                receive(size_t(events[i].data.u32));
            }
        }
        const double wall = std::chrono::duration<double>(Clock::now() - began).count();
        timespec cpu{};
        ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
        std::ranges::sort(m_times);
        std::printf(
            "{\"turns_s\":%.1f,\"p50\":%.2f,\"p99\":%.2f,\"failed\":%d,\"client_cpu_ms\":%.3f}\n",
            m_count / wall,
            m_times[m_times.size() / 2],
            m_times[m_times.size() * 99 / 100],
            m_failed,
            (double(cpu.tv_sec) * 1e3 + double(cpu.tv_nsec) / 1e6) / m_count);
        return 0;
    }

private:
    struct Call
    {
        int fd = -1;
        Clock::time_point began;
        std::string in;
    };

    void begin(size_t index)
    {
        Call& call = m_calls[index];
        call.began = Clock::now();
        call.in.clear();
        call.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (call.fd < 0 ||
            ::connect(call.fd, reinterpret_cast<const sockaddr*>(&m_address), sizeof m_address) !=
                0) {
            die("bench_turns: connect");
        }
        const std::string number = std::to_string(m_begun++);
        const std::string body =
            "{\"model\":\"" + m_model + "\",\"user\":\"b" + std::to_string(::getpid()) + "-" +
            number + "\",\"messages\":[{\"role\":\"user\",\"content\":\"hello " + number + "\"}]}";
        const std::string request = "POST " + m_path + " HTTP/1.1\r\nHost: " + m_host +
                                    "\r\nConnection: close\r\n"
                                    "Content-Type: application/json\r\nAuthorization: Bearer " +
                                    m_token + "\r\nContent-Length: " + std::to_string(body.size()) +
                                    "\r\n\r\n" + body;
        if (::send(call.fd, request.data(), request.size(), MSG_NOSIGNAL) !=
            ssize_t(request.size())) {
            die("bench_turns: send");
        }
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u32 = unsigned(index);
        ::epoll_ctl(m_epoll, EPOLL_CTL_ADD, call.fd, &event);
    }

    // Not every server closes the connection after its answer, although it is asked to.
    static bool isWhole(const std::string& answer)
    {
        const auto head = answer.find("\r\n\r\n");
        if (head == std::string::npos) {
            return false;
        }
        const std::string name = "content-length:";
        const auto same = [](char a, char b) { return std::tolower(a) == b; };
        const auto end = answer.begin() + std::ptrdiff_t(head);
        const auto length = std::search(answer.begin(), end, name.begin(), name.end(), same);
        if (length != end) {
            return answer.size() >= head + 4 + std::strtoul(&*length + name.size(), nullptr, 10);
        }
        return answer.ends_with("0\r\n\r\n");
    }

    void receive(size_t index)
    {
        Call& call = m_calls[index];
        char buffer[8192];
        const ssize_t size = ::recv(call.fd, buffer, sizeof buffer, 0);
        if (size > 0) {
            call.in.append(buffer, size_t(size));
            if (!isWhole(call.in)) {
                return;
            }
        }
        ::close(call.fd);
        const std::chrono::duration<double, std::milli> took = Clock::now() - call.began;
        m_times.push_back(took.count());
        m_failed +=
            call.in.starts_with("HTTP/1.1 200") && call.in.find("\"content\"") != std::string::npos
                ? 0
                : 1;
        if (m_begun < m_count) {
            begin(index);
        }
    }

    std::string m_token;
    std::string m_model;
    std::string m_host;
    std::string m_path;
    int m_count;
    int m_begun = 0;
    int m_failed = 0;
    int m_epoll;
    sockaddr_in m_address{};
    std::vector<Call> m_calls;
    std::vector<double> m_times;
};

} // namespace

int main(int argc, char** argv)
{
    if (argc != 6) {
        std::fputs("usage: bench_turns URL TOKEN MODEL CONCURRENCY N\n", stderr);
        return 2;
    }
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    return Load(argv[1], argv[2], argv[3], std::atoi(argv[4]), std::atoi(argv[5])).run();
}
