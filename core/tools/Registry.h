#pragma once
#include "core/tools/Tool.h"

#include <map>
#include <set>
#include <vector>

namespace sb::tools {

/// All tools of the runtime, and which kind of process has which. A tool outside a process's set
/// does not exist for it. A registry can stand on another one: then it has the tools of one agent
/// besides those that all agents have.
class Registry
{
public:
    Registry() = default;
    /// On top of another one, which must outlive it and not change any more.
    explicit Registry(const Registry& base) : m_base(&base) {}

    /// Adds a tool for these kinds of process. No kind may have one of that name already.
    void add(std::unique_ptr<Tool> tool, std::set<protocol::ProcessKind> kinds);

    /// The tool, when this kind of process has it; else nothing.
    [[nodiscard]] Tool* find(protocol::ProcessKind kind, const QString& name) const;
    /// What a request of this kind of process offers to its model, sorted by name.
    [[nodiscard]] const QList<llm::ToolSpec>& specs(protocol::ProcessKind kind) const;
    /// Whether some kind of process has a tool of that name.
    [[nodiscard]] bool has(const QString& name) const;
    /// Takes away what was added here. Calls of those tools may be under way, so the caller keeps
    /// them until none is.
    [[nodiscard]] std::vector<std::unique_ptr<Tool>> takeAll();

private:
    struct Entry
    {
        std::unique_ptr<Tool> tool;
        std::set<protocol::ProcessKind> kinds;
    };
    const Registry* m_base = nullptr;
    std::map<QString, Entry> m_tools;
    std::map<protocol::ProcessKind, QList<llm::ToolSpec>> m_specs;
};

} // namespace sb::tools
