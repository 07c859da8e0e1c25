#include "core/llm/Router.h"

namespace sb::llm {

using namespace Qt::StringLiterals;

Router::Router(const QMap<QString, QStringList>& routes,
               const Providers& providers,
               const Reliable::Settings& settings,
               const Breakers::Settings& breakers,
               Executor& executor,
               Clock& clock)
{
    const auto shared = std::make_shared<Breakers>(breakers, clock);
    QStringList kinds = routes.keys();
    kinds.removeAll(u"fallback"_s);
    if (!kinds.contains(u"default"_s)) {
        kinds.append(u"default"_s);
    }
    for (const QString& kind : std::as_const(kinds)) {
        QStringList candidates = routes.value(kind) + routes.value(u"fallback"_s);
        candidates.removeDuplicates();
        m_routes.emplace(
            kind,
            std::make_unique<Reliable>(candidates, providers, shared, settings, executor, clock));
    }
}

const Reliable& Router::route(const QString& kind) const
{
    const auto found = m_routes.find(kind);
    return found == m_routes.end() ? *m_routes.at(u"default"_s) : *found->second;
}

Provider& Router::forProcess(const QString& kind) const
{
    const auto found = m_routes.find(kind);
    return found == m_routes.end() ? *m_routes.at(u"default"_s) : *found->second;
}

QString Router::modelFor(const QString& kind) const
{
    const QString first = route(kind).candidates().value(0);
    return first.contains(u'/') ? first : QString();
}

} // namespace sb::llm
