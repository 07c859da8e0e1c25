#pragma once
#include <mutex>
#include <utility>

namespace sb {

/// A value that can be reached only under its lock. Do not call back, publish or do I/O inside.
template <class T>
class Guarded
{
public:
    Guarded() = default;
    explicit Guarded(T value) : m_value(std::move(value)) {}

    template <class F>
    decltype(auto) withLock(F&& f)
    {
        const std::scoped_lock lock(m_mutex);
        return std::forward<F>(f)(m_value);
    }
    template <class F>
    decltype(auto) withLock(F&& f) const
    {
        const std::scoped_lock lock(m_mutex);
        return std::forward<F>(f)(m_value);
    }

private:
    mutable std::mutex m_mutex;
    T m_value{};
};

} // namespace sb
