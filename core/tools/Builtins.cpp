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
    const Files files{parts.pool,
                      [&sandbox = parts.sandbox](const QString& workspace) -> Result<Workspace> {
                          SB_TRY(const QString ground, sandbox.ground(workspace));
                          return Workspace::open(ground);
                      }};
    std::vector<std::unique_ptr<Tool>> tools;
    tools.push_back(std::make_unique<ShellTool>(parts.sandbox, parts.watch, parts.door));
    tools.push_back(std::make_unique<FileReadTool>(files));
    tools.push_back(std::make_unique<FileWriteTool>(files, parts.git));
    tools.push_back(std::make_unique<FileEditTool>(files, parts.git));
    tools.push_back(std::make_unique<FileListTool>(files));
    tools.push_back(std::make_unique<SearchTool>(parts.sandbox));
    tools.push_back(std::make_unique<GitStatusTool>(files, parts.git));
    tools.push_back(std::make_unique<GitDiffTool>(files, parts.git));
    tools.push_back(std::make_unique<GitCommitTool>(files, parts.git));
    tools.push_back(std::make_unique<WebTool>(parts.proxy, parts.pool));
    tools.push_back(std::make_unique<StatusTool>());
    return tools;
}

} // namespace sb::tools
