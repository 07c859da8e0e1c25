#include "core/tools/Registry.h"

#include "core/base/Contracts.h"

namespace sb::tools {

void Registry::add(std::unique_ptr<Tool> tool, std::set<protocol::ProcessKind> kinds)
{
    const QString name = tool->spec().name;
    SB_ASSERT(!m_tools.contains(name));
    for (const auto kind : kinds) {
        auto& specs = m_specs[kind];
        const auto at = std::ranges::upper_bound(specs, name, {}, &llm::ToolSpec::name);
        specs.insert(at, tool->spec());
    }
    m_tools.emplace(name, Entry{std::move(tool), std::move(kinds)});
}

Tool* Registry::find(protocol::ProcessKind kind, const QString& name) const
{
    const auto found = m_tools.find(name);
    return found != m_tools.end() && found->second.kinds.contains(kind) ? found->second.tool.get()
                                                                        : nullptr;
}

const QList<llm::ToolSpec>& Registry::specs(protocol::ProcessKind kind) const
{
    static const QList<llm::ToolSpec> none;
    const auto found = m_specs.find(kind);
    return found != m_specs.end() ? found->second : none;
}

} // namespace sb::tools
