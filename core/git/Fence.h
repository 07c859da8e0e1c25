#pragma once
#include "core/base/Result.h"

#include <functional>
#include <optional>
#include <type_traits>

namespace sb::git {

/// Whether this kernel can confine a thread to a folder (Landlock, second version or later).
[[nodiscard]] bool canFence();

/// Runs the job on a thread of its own that can open files beneath the folder only, whatever links
/// lead elsewhere, and waits for it. An Error means that the job did not run. Where the kernel has
/// no Landlock the job runs without it.
Result<> runFenced(const QString& folder, const std::function<void()>& job);

/// The same for a job that answers: Result<T> f().
template <class F, class R = std::invoke_result_t<F>>
R fenced(const QString& folder, F f)
{
    std::optional<R> answer;
    SB_CHECK(runFenced(folder, [&] { answer.emplace(f()); }));
    return std::move(*answer);
}

} // namespace sb::git
