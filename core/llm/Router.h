#pragma once
#include "core/llm/Reliable.h"

#include <QMap>

namespace sb::llm {

/// Which model serves which kind of process. Keys of the routes: default, channel, branch, worker,
/// compactor, cortex, and fallback, whose models follow those of every kind. A kind without a route
/// of its own takes the default's.
class Router
{
public:
    Router(const QMap<QString, QStringList>& routes,
           const Providers& providers,
           const Reliable::Settings& settings,
           const Breakers::Settings& breakers,
           Executor& executor,
           Clock& clock);

    /// The provider for a kind of process; the default's for a kind without a route. Lives as long
    /// as the router.
    [[nodiscard]] Provider& forProcess(const QString& kind) const;
    /// "provider/model" that is tried first; empty when there is no route at all.
    [[nodiscard]] QString modelFor(const QString& kind) const;

private:
    [[nodiscard]] const Reliable& route(const QString& kind) const;
    std::map<QString, std::unique_ptr<Reliable>> m_routes; // "default" is always there
};

} // namespace sb::llm
