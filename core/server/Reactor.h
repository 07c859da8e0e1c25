#pragma once
#include "core/base/Executor.h"
#include "core/base/Result.h"

#include <atomic>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>

namespace sb::server {

/// An owned file descriptor.
class Fd
{
public:
    Fd() = default;
    explicit Fd(int fd) : m_fd(fd) {}
    Fd(Fd&& other) noexcept : m_fd(std::exchange(other.m_fd, -1)) {}
    Fd& operator=(Fd&& other) noexcept
    {
        std::swap(m_fd, other.m_fd);
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd();

    [[nodiscard]] int get() const { return m_fd; }
    [[nodiscard]] int release() { return std::exchange(m_fd, -1); }
    explicit operator bool() const { return m_fd >= 0; }

private:
    int m_fd = -1;
};

/// Where jobs for a reactor arrive. It is shared with whoever may answer after the reactor has
/// gone: what is posted then is dropped.
class Inbox final : public Executor
{
public:
    explicit Inbox(Fd wakeUp);
    void post(Job job) override;
    [[nodiscard]] bool isCurrent() const override;

private:
    friend class Reactor;
    std::deque<Job> take();
    void close();

    std::mutex m_mutex;
    std::deque<Job> m_jobs;
    bool m_closed = false;
    Fd m_wakeUp; ///< an eventfd
    std::atomic<std::thread::id> m_thread;
};

/// A thread that waits for sockets and runs jobs, without Qt's event loop: it starts in
/// microseconds, and libmicrohttpd can be driven from it.
class Reactor
{
public:
    /// Without its thread as yet: whoever makes it may set up watches and hook first, and so never
    /// waits for a thread to come up.
    static Result<std::unique_ptr<Reactor>> create();
    /// Starts the thread. Once.
    Result<> begin(const char* name);
    /// Runs what was already posted, then ends the thread.
    ~Reactor();

    /// Jobs posted here run on the reactor's thread; from any thread.
    [[nodiscard]] const std::shared_ptr<Inbox>& inbox() const { return m_inbox; }
    void post(Job job) { m_inbox->post(std::move(job)); }
    /// Waits until the job has run.
    void postAndWait(Job job);

    // The rest only on the reactor's thread, or before it began.

    /// Calls back with epoll's events as long as they last (level-triggered), until unwatch().
    Result<> watch(int fd, unsigned events, std::function<void(unsigned)> callback);
    void change(int fd, unsigned events);
    void unwatch(int fd);
    /// Called before each wait; says how many milliseconds the wait may last at most (-1: no
    /// limit).
    void setHook(std::function<int()> hook) { m_hook = std::move(hook); }

private:
    struct Watch
    {
        quint32 generation = 0;
        std::function<void(unsigned)> callback;
    };
    Reactor(Fd epoll, std::shared_ptr<Inbox> inbox);
    void loop();
    void dispatch(quint64 tag, unsigned events);

    Fd m_epoll;
    std::shared_ptr<Inbox> m_inbox; // shared: see Inbox
    std::unordered_map<int, std::shared_ptr<Watch>>
        m_watches; // shared: a callback may end its own watch
    std::function<int()> m_hook;
    quint32 m_generation = 0;
    bool m_stopping = false;
    std::thread m_thread;
};

/// Milliseconds that never run backwards.
qint64 steadyMs();

} // namespace sb::server
