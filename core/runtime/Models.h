#pragma once
#include "core/config/Config.h"
#include "core/llm/HttpProvider.h"
#include "core/llm/Pricing.h"
#include "core/llm/Rehearsal.h"
#include "core/llm/Router.h"
#include "core/protocol/Values.h"
#include "core/secrets/Secrets.h"

namespace sb::runtime {

/// The model services of one configuration, with routes and prices. Made anew when the
/// configuration changes; calls under way keep the old one alive.
class Models
{
public:
    /// Where providers' keys come from, by their references.
    struct Keys
    {
        std::function<Future<secrets::Lease>(const QString& reference)> lease;
        /// A service does not know the key (any more); from the network's thread.
        std::function<void(const QString& reference)> refused;
    };

    /// The network executor must have an event loop. InvalidInput for a rehearsal that cannot be
    /// read.
    static Result<std::shared_ptr<Models>>
    make(const config::Config& config, const Keys& keys, Executor& network, Clock& clock);

    /// One recorded model for every kind of process.
    static Result<std::shared_ptr<Models>> rehearsed(const QString& script,
                                                     llm::Rehearsal::Settings pace,
                                                     Executor& network,
                                                     Clock& clock);
    /// None: every call says that no model is configured.
    static Result<std::shared_ptr<Models>> none(Executor& network, Clock& clock);

    [[nodiscard]] llm::Provider& forProcess(protocol::ProcessKind kind) const;
    /// Whether a route names a model for this kind of process itself.
    [[nodiscard]] bool hasRoute(protocol::ProcessKind kind) const;
    [[nodiscard]] QString standardModel() const;
    [[nodiscard]] std::optional<qint64> cost(const QString& model, const llm::Usage& usage) const;

private:
    Models() = default;
    llm::Providers m_providers;
    llm::Pricing m_pricing;
    QStringList m_routed; ///< kinds of process that have a route of their own
    std::unique_ptr<llm::Router> m_router;
};

/// How a provider is reached.
llm::HttpSettings httpSettings(const config::Provider& provider, const Models::Keys& keys);

} // namespace sb::runtime
