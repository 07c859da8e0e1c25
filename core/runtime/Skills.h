#pragma once
#include "core/base/Guarded.h"
#include "core/config/Config.h"
#include "core/packages/Packages.h"
#include "core/runtime/Home.h"
#include "core/tools/Gate.h"

#include <mutex>

namespace sb::wasm {
class Hosts;
class KvStores;
} // namespace sb::wasm

namespace sb::runtime {

/// What is installed in a home, and whose keys are believed there.
class Installed
{
public:
    /// The secret is the home's (its journals' signing key): the trust store is sealed with a key
    /// derived from it. The clock must outlive it.
    Installed(const Home& home, const QByteArray& homeSecret, const Clock& clock);

    Installed(const Installed&) = delete;
    Installed& operator=(const Installed&) = delete;

    packages::Packages& packages() { return m_packages; }
    [[nodiscard]] const packages::Packages& packages() const { return m_packages; }
    [[nodiscard]] packages::Trust& trust() { return m_trust; }
    /// The publisher's key is not believed any more; answers with what was known of it. NotFound,
    /// with the names that there are.
    [[nodiscard]] Result<packages::Pin> forget(const QString& publisher);

    /// The package that "publisher/name" or "name" means; a skill, unless another kind is given.
    /// NotFound; InvalidInput, with the choices, where several publishers have one of that name.
    [[nodiscard]] Result<packages::Installed>
    find(const QString& name, packages::Kind kind = packages::Kind::Skill) const;

private:
    packages::FileTrust m_trust;
    packages::Packages m_packages;
};

/// Installed skills at work: for each agent the tools that its skills bring, on top of those that
/// all agents have. Nothing is read or started before an agent lists a skill, and no process before
/// a tool is called. Each call reads its package anew, and is refused when one byte of it is not
/// what its publisher signed or the publisher is not trusted any more.
class Skills
{
public:
    struct Parts
    {
        const Home& home;
        QString program; ///< path of signalbox-wasm-host
        Clock& clock;
        Executor& pool;
        const tools::Registry& shared;                  ///< what all agents have; complete by now
        std::function<Result<QByteArray>()> homeSecret; ///< blocks on disk
        /// Takes a host call through the gate of the agent (context.agent).
        std::function<Future<tools::Settled>(const tools::Context&, llm::ToolCall)> through;
    };
    explicit Skills(Parts parts);
    /// The pool, and the executors of the agents, must have ended.
    ~Skills();

    /// The tools of an agent, which lives on that executor. Blocks on disk when it has skills.
    const tools::Registry& registryFor(const config::Agent& agent, Executor& executor);
    /// The agent lists other skills now. Its registry changes on its executor a little later; calls
    /// that are under way end as they began.
    void update(const config::Agent& agent);

private:
    struct Engine;
    struct OfAgent;
    using Tools = std::vector<std::unique_ptr<tools::Tool>>;
    Result<Engine*> engine();
    Tools toolsFor(const QString& agent, const QStringList& skills);
    static void exchange(OfAgent& agent, Tools tools);

    Parts m;
    std::mutex m_starting;
    std::unique_ptr<Engine> m_engine; ///< made under m_starting, once
    Guarded<std::map<QString, std::unique_ptr<OfAgent>>> m_agents;
};

} // namespace sb::runtime
