#pragma once
#include "core/runtime/Runtime.h"

// What the functions of the runtime's commands share: answers as JSON.
namespace sb::runtime {

template <class R>
Future<QJsonObject> asJson(Future<R> future)
{
    Promise<QJsonObject> promise;
    auto answer = promise.future();
    std::move(future).then([promise = std::move(promise)](Result<R> result) {
        if (!result) {
            promise.set(std::unexpected(result.error()));
        } else {
            promise.set(protocol::toJson(*result));
        }
    });
    return answer;
}

template <class R, class T, class F>
Future<R> mapped(Future<T> future, F f)
{
    Promise<R> promise;
    auto answer = promise.future();
    std::move(future).then(
        [promise = std::move(promise), f = std::move(f)](Result<T> result) mutable {
            if (!result) {
                promise.set(std::unexpected(result.error()));
            } else if constexpr (std::is_void_v<T>) {
                promise.set(f());
            } else {
                promise.set(f(std::move(*result)));
            }
        });
    return answer;
}

inline protocol::Done done()
{
    return {};
}

/// f: () → Result<R>, on the pool.
template <class R, class F>
Future<QJsonObject> Runtime::onPool(F f)
{
    return asJson<R>(runOn(*m_pool, std::move(f)));
}

} // namespace sb::runtime
