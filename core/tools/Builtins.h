#pragma once
#include "core/git/Library.h"
#include "core/tools/Tool.h"

#include <vector>

namespace sb::tools {

/// What the built-in tools work with; all of it outlives them.
struct Builtin
{
    sandbox::Sandbox& sandbox;
    Executor& pool; ///< for files and git
    Executor& loop; ///< with a Qt event loop, for web_fetch
    Clock& clock;
    git::Library& git;
};

/// Every built-in tool of a worker: shell, file_read, file_write, file_edit, file_list,
/// file_search, git_status, git_diff, git_commit, web_fetch, set_status.
std::vector<std::unique_ptr<Tool>> builtinWorkerTools(const Builtin& parts);

} // namespace sb::tools
