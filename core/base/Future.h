#pragma once
#include "core/base/Executor.h"
#include "core/base/Result.h"

#include <coroutine>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <stop_token>
#include <utility>

namespace sb {

/// The one-shot answer of work that runs elsewhere. A Promise sets it once, from any thread;
/// whoever holds the Future awaits it on an executor (see Await), gives it a callback, or blocks
/// for it (command line and tests only). A promise that is dropped unset answers with Cancelled, so
/// nobody waits for ever.
template <class T>
class Future;

namespace detail {

template <class T>
struct FutureState
{
    std::mutex mutex;
    std::optional<Result<T>> value;
    std::move_only_function<void(Result<T>)> then;
    bool taken = false;

    void set(Result<T> result)
    {
        std::move_only_function<void(Result<T>)> callback;
        {
            const std::scoped_lock lock(mutex);
            if (value || taken) {
                return; // the first answer wins
            }
            if (!then) {
                value.emplace(std::move(result));
                return;
            }
            taken = true;
            callback = std::move(then);
        }
        callback(std::move(result));
    }
};

} // namespace detail

template <class T = void>
class Promise
{
public:
    Promise() : m_state(std::make_shared<detail::FutureState<T>>()) {}
    Promise(Promise&&) noexcept = default;
    Promise& operator=(Promise&& other) noexcept
    {
        drop();
        m_state = std::move(other.m_state);
        return *this;
    }
    Promise(const Promise&) = delete;
    Promise& operator=(const Promise&) = delete;
    ~Promise() { drop(); }

    [[nodiscard]] Future<T> future() const;
    /// Answers. A second answer is ignored.
    void set(Result<T> result) const { m_state->set(std::move(result)); }

private:
    void drop()
    {
        if (m_state) {
            m_state->set(fail(ErrorCode::Cancelled, QStringLiteral("The work was given up.")));
        }
    }
    std::shared_ptr<detail::FutureState<T>> m_state;
};

template <class T = void>
class [[nodiscard]] Future
{
public:
    using Value = T;
    explicit Future(std::shared_ptr<detail::FutureState<T>> state) : m_state(std::move(state)) {}

    /// A future that is answered already.
    static Future ready(Result<T> result)
    {
        auto state = std::make_shared<detail::FutureState<T>>();
        state->value.emplace(std::move(result));
        return Future(std::move(state));
    }

    /// Whether the answer is there already.
    [[nodiscard]] bool isReady() const
    {
        const std::scoped_lock lock(m_state->mutex);
        return m_state->value.has_value();
    }

    /// Calls back with the answer, in the thread that sets it, or at once when it is there already.
    void then(std::move_only_function<void(Result<T>)> callback) &&
    {
        std::optional<Result<T>> now;
        {
            const std::scoped_lock lock(m_state->mutex);
            if (!m_state->value) {
                m_state->then = std::move(callback);
                return;
            }
            m_state->taken = true;
            now.swap(m_state->value);
        }
        callback(std::move(*now));
    }

    /// The same, on the executor.
    void then(Executor& executor, std::move_only_function<void(Result<T>)> callback) &&
    {
        std::move(*this).then([&executor,
                               callback = std::move(callback)](Result<T> result) mutable {
            executor.post([callback = std::move(callback), result = std::move(result)]() mutable {
                callback(std::move(result));
            });
        });
    }

    /// Blocks this thread until the answer is there. Never on an executor of the runtime.
    Result<T> wait() &&
    {
        std::binary_semaphore done(0);
        std::optional<Result<T>> answer;
        std::move(*this).then([&](Result<T> result) {
            answer.emplace(std::move(result));
            done.release();
        });
        done.acquire();
        return std::move(*answer);
    }

private:
    std::shared_ptr<detail::FutureState<T>> m_state;
};

template <class T>
Future<T> Promise<T>::future() const
{
    return Future<T>(m_state);
}

/// Awaits a future on an executor: co_await cancellable(stop, executor, std::move(future)).
/// The coroutine goes on there with the answer, or with Cancelled as soon as stop is requested; a
/// late answer is dropped. This is the only way in which a process of ours waits.
template <class T>
class [[nodiscard]] Await
{
    struct Shared
    {
        std::mutex mutex;
        std::optional<Result<T>> answer;
        std::coroutine_handle<> handle;
        bool resumed = false;

        // Takes the first answer and resumes the coroutine on its executor.
        static void
        answerWith(const std::shared_ptr<Shared>& self, Executor& executor, Result<T> result)
        {
            {
                const std::scoped_lock lock(self->mutex);
                if (self->resumed) {
                    return;
                }
                self->resumed = true;
                self->answer.emplace(std::move(result));
            }
            executor.post([self] { self->handle.resume(); });
        }
    };
    using StopFunction = std::function<void()>;

public:
    Await(std::stop_token stop, Executor& executor, Future<T> future)
        : m_stop(std::move(stop))
        , m_executor(executor)
        , m_future(std::move(future))
        , m_shared(std::make_shared<Shared>())
    {
    }

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle)
    {
        m_shared->handle = handle;
        auto shared =
            m_shared; // this awaiter may be gone as soon as the coroutine is resumed elsewhere
        Executor& executor = m_executor;
        auto future = std::move(m_future);
        m_callback.emplace(m_stop, StopFunction([shared, &executor] {
                               Shared::answerWith(
                                   shared,
                                   executor,
                                   fail(ErrorCode::Cancelled, QStringLiteral("It was cancelled.")));
                           }));
        std::move(future).then([shared, &executor](Result<T> result) {
            Shared::answerWith(shared, executor, std::move(result));
        });
    }
    Result<T> await_resume()
    {
        m_callback.reset();
        return std::move(*m_shared->answer);
    }

private:
    std::stop_token m_stop;
    Executor& m_executor;
    Future<T> m_future;
    std::shared_ptr<Shared> m_shared;
    std::optional<std::stop_callback<StopFunction>> m_callback;
};

template <class T>
Await<T> cancellable(std::stop_token stop, Executor& executor, Future<T> future)
{
    return Await<T>(std::move(stop), executor, std::move(future));
}

/// Runs f (returning Result<T>) on another executor, a pool say, and answers with what it returned.
template <class F, class R = std::invoke_result_t<F>>
Future<typename R::value_type> runOn(Executor& executor, F f)
{
    Promise<typename R::value_type> promise;
    auto future = promise.future();
    executor.post([promise = std::move(promise), f = std::move(f)]() mutable { promise.set(f()); });
    return future;
}

} // namespace sb
