#include "core/egress/Loop.h"

#include "core/base/Contracts.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <pthread.h>
#include <semaphore>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace sb::egress {

Fd::~Fd()
{
    if (m_fd >= 0) {
        ::close(m_fd);
    }
}

struct Loop::Inbox
{
    explicit Inbox(Fd wake) : wakeUp(std::move(wake)) {}

    void post(Job job)
    {
        const std::scoped_lock lock(mutex);
        if (closed) {
            return;
        }
        jobs.push_back(std::move(job));
        // The loop's own thread looks here before it sleeps; for others one wake-up is enough.
        if (jobs.size() == 1 &&
            thread.load(std::memory_order_relaxed) != std::this_thread::get_id()) {
            wake();
        }
    }
    void wake() const
    {
        const quint64 one = 1;
        [[maybe_unused]] const auto written = ::write(wakeUp.get(), &one, sizeof one);
    }
    void close()
    {
        std::deque<Job> dropped; // destroyed outside the lock: what a job holds may post again
        const std::scoped_lock lock(mutex);
        closed = true;
        dropped.swap(jobs);
    }

    std::mutex mutex;
    std::deque<Job> jobs;
    bool closed = false;
    Fd wakeUp; ///< an eventfd
    std::atomic<std::thread::id> thread;
};

Result<std::unique_ptr<Loop>> Loop::create()
{
    Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    Fd wakeUp(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    epoll_event event{};
    event.events = EPOLLIN;
    if (!epoll || !wakeUp || ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wakeUp.get(), &event) != 0) {
        return fail(ErrorCode::Io,
                    QStringLiteral("The egress proxy cannot wait for connections: %1.")
                        .arg(QString::fromLocal8Bit(std::strerror(errno))));
    }
    auto inbox = std::make_shared<Inbox>(std::move(wakeUp));
    return std::unique_ptr<Loop>(new Loop(std::move(epoll), std::move(inbox)));
}

Loop::Loop(Fd epoll, std::shared_ptr<Inbox> inbox)
    : m_epoll(std::move(epoll)), m_inbox(std::move(inbox))
{
    m_thread = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Loop::~Loop()
{
    SB_ASSERT(!isCurrent());
    m_thread.request_stop();
    m_inbox->wake();
    m_thread.join();
    m_inbox->close();
}

void Loop::post(Job job)
{
    m_inbox->post(std::move(job));
}

bool Loop::isCurrent() const
{
    return m_inbox->thread.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

void Loop::postAndWait(Job job)
{
    std::binary_semaphore done(0);
    post([&] {
        job();
        done.release();
    });
    done.acquire();
}

std::function<void(Job)> Loop::poster() const
{
    return [inbox = m_inbox](Job job) { inbox->post(std::move(job)); };
}

quint64 Loop::watch(int fd, Watcher& watcher)
{
    const quint64 id = ++m_lastId; // 0 is the inbox
    m_watchers.emplace(id, &watcher);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u64 = id;
    if (::epoll_ctl(m_epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        // Told as a fault of the descriptor, which its next use will confirm.
        post([this, id] {
            if (const auto found = m_watchers.find(id); found != m_watchers.end()) {
                found->second->ready(EPOLLERR | EPOLLHUP);
            }
        });
    }
    return id;
}

void Loop::forget(quint64 id, int fd)
{
    m_watchers.erase(id);
    ::epoll_ctl(m_epoll.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void Loop::run(const std::stop_token& stop)
{
    ::pthread_setname_np(::pthread_self(), "egress");
    // A connection that its peer closed is told by an error, not by a signal that ends the program.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    m_inbox->thread = std::this_thread::get_id();
    std::array<epoll_event, 128> events{};
    bool more = false;
    while (!stop.stop_requested()) {
        const int count =
            ::epoll_wait(m_epoll.get(), events.data(), int(events.size()), more ? 0 : -1);
        for (int i = 0; i < count; ++i) {
            if (events[i].data.u64 == 0) {
                quint64 value = 0;
                [[maybe_unused]] const auto read =
                    ::read(m_inbox->wakeUp.get(), &value, sizeof value);
                continue;
            }
            // By number, for an event before this one may have ended what it is about.
            const auto found = m_watchers.find(events[i].data.u64);
            if (found != m_watchers.end()) {
                found->second->ready(events[i].events);
            }
        }
        std::deque<Job> jobs;
        {
            const std::scoped_lock lock(m_inbox->mutex);
            jobs.swap(m_inbox->jobs);
        }
        for (Job& job : jobs) {
            job();
            job = nullptr;
        }
        const std::scoped_lock lock(m_inbox->mutex);
        more = !m_inbox->jobs.empty();
    }
}

} // namespace sb::egress
