#pragma once
#include "core/base/Guarded.h"
#include "core/egress/Proxy.h"
#include "core/leaks/Watch.h"
#include "core/tools/Door.h"

namespace sb::runtime {

class AgentRuntime;

/// The instance's way out: one egress proxy, which knows each agent's rules, asks people about what
/// is not listed, writes every request into the agent's journal and looks through what leaves.
class Outlet
{
public:
    struct Parts
    {
        Clock& clock;
        Executor& pool;
        /// The agent, when it is open; nullptr otherwise.
        std::function<AgentRuntime*(const QString& id)> agent;
        std::function<Future<SecretString>(const QString& reference)> resolveSecret;
        leaks::Watch watch;
    };
    static Result<std::unique_ptr<Outlet>> create(Parts parts);
    ~Outlet();
    Outlet(const Outlet&) = delete;
    Outlet& operator=(const Outlet&) = delete;

    /// Ends every connection and waits until they are gone. Doors may outlive it, and lead nowhere
    /// then.
    void close();

    [[nodiscard]] egress::Proxy& proxy() { return *m_proxy; }
    /// The way out of one command; see tools::Door.
    [[nodiscard]] std::shared_ptr<tools::Door> door(const tools::Context& context);

private:
    class CommandDoor;
    explicit Outlet(Parts parts);
    Future<bool> ask(const egress::Question& question);

    Parts m;
    egress::SystemResolver m_resolver;
    Guarded<QHash<QString, std::weak_ptr<CommandDoor>>> m_doors; ///< by process and call
    std::unique_ptr<egress::Proxy> m_proxy;
};

} // namespace sb::runtime
