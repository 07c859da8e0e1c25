#pragma once
#include <coroutine>
#include <cstdlib>
#include <optional>
#include <utility>

namespace sb::egress {

namespace detail {

// Goes on with whoever awaited the task.
struct Resume
{
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) const noexcept
    {
        return done.promise().next;
    }
    void await_resume() const noexcept {}
};

struct TaskPromiseBase
{
    std::coroutine_handle<> next = std::noop_coroutine();
    static std::suspend_always initial_suspend() { return {}; }
    static Resume final_suspend() noexcept { return {}; }
    // No exception crosses a coroutine here: there is nobody who could catch it.
    [[noreturn]] static void unhandled_exception() { std::abort(); }
};

template <class T>
struct TaskPromise : TaskPromiseBase
{
    std::optional<T> value;
    std::coroutine_handle<TaskPromise> get_return_object()
    {
        return std::coroutine_handle<TaskPromise>::from_promise(*this);
    }
    template <class U>
    void return_value(U&& result)
    {
        value.emplace(std::forward<U>(result));
    }
};

template <>
struct TaskPromise<void> : TaskPromiseBase
{
    std::coroutine_handle<TaskPromise> get_return_object()
    {
        return std::coroutine_handle<TaskPromise>::from_promise(*this);
    }
    void return_void() const {}
};

} // namespace detail

/// A step of a coroutine that is a coroutine itself: starts when it is awaited and goes on in the
/// same thread. It belongs to whoever awaits it.
template <class T = void>
class [[nodiscard]] Task
{
public:
    using promise_type = detail::TaskPromise<T>;
    // NOLINTNEXTLINE(google-explicit-constructor): what a coroutine's return object becomes
    Task(std::coroutine_handle<promise_type> handle) : m_handle(handle) {}
    Task(Task&& other) noexcept : m_handle(std::exchange(other.m_handle, {})) {}
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    Task& operator=(Task&&) = delete;
    ~Task()
    {
        if (m_handle) {
            m_handle.destroy();
        }
    }

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> next) noexcept
    {
        m_handle.promise().next = next;
        return m_handle;
    }
    T await_resume()
    {
        if constexpr (!std::is_void_v<T>) {
            return std::move(*m_handle.promise().value);
        }
    }

private:
    std::coroutine_handle<promise_type> m_handle;
};

/// A coroutine that nobody awaits; it ends by itself.
struct Detached
{
    struct promise_type
    {
        static Detached get_return_object() { return {}; }
        static std::suspend_never initial_suspend() { return {}; }
        static std::suspend_never final_suspend() noexcept { return {}; }
        static void return_void() {}
        [[noreturn]] static void unhandled_exception() { std::abort(); }
    };
};

} // namespace sb::egress
