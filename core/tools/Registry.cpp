#include "core/tools/Registry.h"

#include "core/base/Contracts.h"

namespace sb::tools {

void Registry::add(std::unique_ptr<Tool> tool, std::set<protocol::ProcessKind> kinds)
{
    const QString name = tool->spec().name;
    SB_ASSERT(!has(name));
    for (const auto kind : kinds) {
        const auto [found, isNew] = m_specs.try_emplace(kind);
        auto& specs = found->second;
        if (isNew && m_base != nullptr) {
            specs = m_base->specs(kind);
        }
        const auto at = std::ranges::upper_bound(specs, name, {}, &llm::ToolSpec::name);
        specs.insert(at, tool->spec());
    }
    m_tools.emplace(name, Entry{std::move(tool), std::move(kinds)});
}

Tool* Registry::find(protocol::ProcessKind kind, const QString& name) const
{
    const auto found = m_tools.find(name);
    if (found == m_tools.end()) {
        return m_base != nullptr ? m_base->find(kind, name) : nullptr;
    }
    return found->second.kinds.contains(kind) ? found->second.tool.get() : nullptr;
}

const QList<llm::ToolSpec>& Registry::specs(protocol::ProcessKind kind) const
{
    static const QList<llm::ToolSpec> none;
    const auto found = m_specs.find(kind);
    if (found == m_specs.end()) {
        return m_base != nullptr ? m_base->specs(kind) : none;
    }
    return found->second;
}

bool Registry::has(const QString& name) const
{
    return m_tools.contains(name) || (m_base != nullptr && m_base->has(name));
}

std::vector<std::unique_ptr<Tool>> Registry::takeAll()
{
    std::vector<std::unique_ptr<Tool>> taken;
    for (auto& [name, entry] : m_tools) {
        taken.push_back(std::move(entry.tool));
    }
    m_tools.clear();
    m_specs.clear();
    return taken;
}

} // namespace sb::tools
