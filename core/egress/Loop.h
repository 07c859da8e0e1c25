#pragma once
#include "core/base/Executor.h"
#include "core/base/Result.h"

#include <coroutine>
#include <deque>
#include <mutex>
#include <stop_token>
#include <unordered_map>

namespace sb::egress {

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
    explicit operator bool() const { return m_fd >= 0; }

private:
    int m_fd = -1;
};

/// Told when something happened to a descriptor.
class Watcher
{
public:
    virtual ~Watcher() = default;
    /// `events` as epoll has them. It may delete the watcher.
    virtual void ready(unsigned events) = 0;
};

/// The thread on which all connections live: it waits for sockets (edge-triggered, so that a
/// descriptor is told to the kernel once) and runs jobs.
class Loop final : public Executor
{
    struct Inbox;

public:
    static Result<std::unique_ptr<Loop>> create();
    /// Ends the thread; jobs that were not run yet are dropped.
    ~Loop() override;

    void post(Job job) override;
    [[nodiscard]] bool isCurrent() const override;
    /// Waits until the job has run.
    void postAndWait(Job job);
    /// Posts, and drops the job when the loop is gone: for whoever may outlive it.
    [[nodiscard]] std::function<void(Job)> poster() const;

    /// Only on the loop's own thread: tells the watcher of every change from now on.
    quint64 watch(int fd, Watcher& watcher);
    void forget(quint64 id, int fd);

    /// Lets others go first: co_await loop.others().
    auto others()
    {
        struct Others
        {
            Loop& loop;
            [[nodiscard]] bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<> handle) const
            {
                loop.post([handle] { handle.resume(); });
            }
            void await_resume() const noexcept {}
        };
        return Others{*this};
    }

private:
    Loop(Fd epoll, std::shared_ptr<Inbox> inbox);
    void run(const std::stop_token& stop);

    Fd m_epoll;
    std::shared_ptr<Inbox> m_inbox; // shared with whoever posts after the loop has gone
    std::unordered_map<quint64, Watcher*> m_watchers;
    quint64 m_lastId = 0;
    std::jthread m_thread;
};

} // namespace sb::egress
