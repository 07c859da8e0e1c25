#include "core/tools/Builtins.h"

#include "core/tools/FilesTool.h"
#include "core/tools/GitTool.h"
#include "core/tools/SearchTool.h"
#include "core/tools/ShellTool.h"
#include "core/tools/StatusTool.h"
#include "core/tools/WebTool.h"

namespace sb::tools {

std::vector<std::unique_ptr<Tool>> builtinWorkerTools(const Builtin& parts)
{
    std::vector<std::unique_ptr<Tool>> tools;
    tools.push_back(std::make_unique<ShellTool>(parts.sandbox));
    tools.push_back(std::make_unique<FileReadTool>(parts.pool));
    tools.push_back(std::make_unique<FileWriteTool>(parts.pool, parts.git));
    tools.push_back(std::make_unique<FileEditTool>(parts.pool, parts.git));
    tools.push_back(std::make_unique<FileListTool>(parts.pool));
    tools.push_back(std::make_unique<SearchTool>(parts.sandbox));
    tools.push_back(std::make_unique<GitStatusTool>(parts.pool, parts.git));
    tools.push_back(std::make_unique<GitDiffTool>(parts.pool, parts.git));
    tools.push_back(std::make_unique<GitCommitTool>(parts.pool, parts.git));
    tools.push_back(std::make_unique<WebTool>(parts.loop, parts.clock));
    tools.push_back(std::make_unique<StatusTool>());
    return tools;
}

} // namespace sb::tools
