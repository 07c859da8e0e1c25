#include "core/server/Reactor.h"

#include "core/base/Contracts.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <pthread.h>
#include <semaphore>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

namespace sb::server {

Fd::~Fd()
{
    if (m_fd >= 0) {
        ::close(m_fd);
    }
}

Inbox::Inbox(Fd wakeUp) : m_wakeUp(std::move(wakeUp)) {}

void Inbox::post(Job job)
{
    const std::scoped_lock lock(m_mutex);
    if (m_closed) {
        return;
    }
    m_jobs.push_back(std::move(job));
    // One wake-up is enough for all jobs until they are taken.
    if (m_jobs.size() == 1) {
        const quint64 one = 1;
        [[maybe_unused]] const auto written = ::write(m_wakeUp.get(), &one, sizeof one);
    }
}

bool Inbox::isCurrent() const
{
    return m_thread.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

std::deque<Job> Inbox::take()
{
    const std::scoped_lock lock(m_mutex);
    quint64 count = 0;
    [[maybe_unused]] const auto read = ::read(m_wakeUp.get(), &count, sizeof count);
    return std::exchange(m_jobs, {});
}

void Inbox::close()
{
    std::deque<Job> dropped; // destroyed outside the lock: what a job holds may post again
    const std::scoped_lock lock(m_mutex);
    m_closed = true;
    dropped.swap(m_jobs);
}

Result<std::unique_ptr<Reactor>> Reactor::create()
{
    Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    Fd wakeUp(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!epoll || !wakeUp) {
        return fail(ErrorCode::Io,
                    QStringLiteral("No more files can be opened: %1.")
                        .arg(QString::fromLocal8Bit(std::strerror(errno))));
    }
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = quint64(unsigned(wakeUp.get()));
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wakeUp.get(), &event) != 0) {
        return fail(ErrorCode::Io, QStringLiteral("The server's thread cannot wait for work."));
    }
    auto inbox = std::make_shared<Inbox>(std::move(wakeUp));
    return std::unique_ptr<Reactor>(new Reactor(std::move(epoll), std::move(inbox)));
}

Result<> Reactor::begin(const char* name)
{
    SB_ASSERT(!m_thread.joinable());
    // Signals belong to the main thread.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        m_thread = std::thread([this] { loop(); });
    } catch (const std::system_error&) {
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (!m_thread.joinable()) {
        return fail(ErrorCode::Unavailable, QStringLiteral("No more threads can be started."));
    }
    pthread_setname_np(m_thread.native_handle(), name);
    return {};
}

Reactor::Reactor(Fd epoll, std::shared_ptr<Inbox> inbox)
    : m_epoll(std::move(epoll)), m_inbox(std::move(inbox))
{
}

Reactor::~Reactor()
{
    SB_ASSERT(!m_inbox->isCurrent());
    if (m_thread.joinable()) {
        post([this] { m_stopping = true; });
        m_thread.join();
    }
    m_inbox->close();
}

void Reactor::postAndWait(Job job)
{
    SB_ASSERT(!m_inbox->isCurrent());
    std::binary_semaphore done(0);
    post([&] {
        job();
        done.release();
    });
    done.acquire();
}

Result<> Reactor::watch(int fd, unsigned events, std::function<void(unsigned)> callback)
{
    // The generation tells an event of this watch from one of an earlier descriptor with the same
    // number.
    const quint32 generation = ++m_generation;
    epoll_event event{};
    event.events = events;
    event.data.u64 = (quint64(generation) << 32) | quint64(unsigned(fd));
    if (::epoll_ctl(m_epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        return fail(ErrorCode::Io,
                    QStringLiteral("A connection cannot be watched: %1.")
                        .arg(QString::fromLocal8Bit(std::strerror(errno))));
    }
    m_watches[fd] = std::make_shared<Watch>(Watch{generation, std::move(callback)});
    return {};
}

void Reactor::change(int fd, unsigned events)
{
    const auto found = m_watches.find(fd);
    SB_ASSERT(found != m_watches.end());
    epoll_event event{};
    event.events = events;
    event.data.u64 = (quint64(found->second->generation) << 32) | quint64(unsigned(fd));
    ::epoll_ctl(m_epoll.get(), EPOLL_CTL_MOD, fd, &event);
}

void Reactor::unwatch(int fd)
{
    if (m_watches.erase(fd) > 0) {
        ::epoll_ctl(m_epoll.get(), EPOLL_CTL_DEL, fd, nullptr);
    }
}

void Reactor::dispatch(quint64 tag, unsigned events)
{
    const auto found = m_watches.find(int(unsigned(tag)));
    if (found == m_watches.end() || found->second->generation != quint32(tag >> 32)) {
        return; // ended by an earlier callback of this round
    }
    const auto held = found->second;
    held->callback(events);
}

void Reactor::loop()
{
    m_inbox->m_thread = std::this_thread::get_id();
    std::array<epoll_event, 128> events{};
    while (!m_stopping) {
        const int limit = m_hook ? m_hook() : -1;
        const int count = ::epoll_wait(m_epoll.get(), events.data(), int(events.size()), limit);
        bool jobsWait = false;
        for (int i = 0; i < count; ++i) {
            const auto& event = events[size_t(i)];
            if (event.data.u64 == quint64(unsigned(m_inbox->m_wakeUp.get()))) {
                jobsWait = true;
            } else {
                dispatch(event.data.u64, event.events);
            }
        }
        if (jobsWait) {
            for (auto& job : m_inbox->take()) {
                job();
            }
        }
    }
    m_hook = nullptr;
    m_watches.clear();
}

qint64 steadyMs()
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

} // namespace sb::server
