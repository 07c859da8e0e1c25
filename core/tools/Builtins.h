#pragma once
#include "core/egress/Proxy.h"
#include "core/git/Library.h"
#include "core/leaks/Watch.h"
#include "core/tools/Door.h"

#include <vector>

namespace sb::tools {

/// What the built-in tools work with; all of it outlives them.
struct Builtin
{
    sandbox::Sandbox& sandbox;
    Executor& pool; ///< for files and git
    git::Library& git;
    /// The way out, made at first use.
    std::function<Result<egress::Proxy*>()> proxy;
    MakeDoor door{};      ///< none: commands have no network
    leaks::Watch watch{}; ///< looks through what commands print
};

/// Every built-in tool of a worker: shell, file_read, file_write, file_edit, file_list,
/// file_search, git_status, git_diff, git_commit, web_fetch, set_status.
std::vector<std::unique_ptr<Tool>> builtinWorkerTools(const Builtin& parts);

} // namespace sb::tools
