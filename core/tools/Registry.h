#pragma once
#include "core/tools/Tool.h"

#include <map>
#include <set>

namespace sb::tools {

/// All tools of the runtime, and which kind of process has which. A tool outside a process's set
/// does not exist for it.
class Registry
{
public:
    /// Adds a tool for these kinds of process.
    void add(std::unique_ptr<Tool> tool, std::set<protocol::ProcessKind> kinds);

    /// The tool, when this kind of process has it; else nothing.
    [[nodiscard]] Tool* find(protocol::ProcessKind kind, const QString& name) const;
    /// What a request of this kind of process offers to its model, sorted by name.
    [[nodiscard]] const QList<llm::ToolSpec>& specs(protocol::ProcessKind kind) const;

private:
    struct Entry
    {
        std::unique_ptr<Tool> tool;
        std::set<protocol::ProcessKind> kinds;
    };
    std::map<QString, Entry> m_tools;
    std::map<protocol::ProcessKind, QList<llm::ToolSpec>> m_specs;
};

} // namespace sb::tools
