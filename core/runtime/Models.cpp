#include "core/runtime/Models.h"

#include "core/llm/AnthropicMessages.h"
#include "core/llm/OpenAiChat.h"
#include "core/llm/Rehearsal.h"

namespace sb::runtime {

llm::HttpSettings httpSettings(const config::Provider& provider, const Models::Keys& keys)
{
    llm::HttpSettings settings;
    settings.id = provider.id;
    settings.baseUrl = provider.baseUrl;
    if (!provider.key.isEmpty()) {
        settings.key = [lease = keys.lease, reference = provider.key] { return lease(reference); };
        settings.keyRefused = [refused = keys.refused, reference = provider.key] {
            refused(reference);
        };
    }
    settings.firstByte = provider.firstByteTimeout.value_or(settings.firstByte);
    settings.idle = provider.idleTimeout.value_or(settings.idle);
    settings.total = provider.totalTimeout.value_or(settings.total);
    return settings;
}

Result<std::shared_ptr<Models>>
Models::make(const config::Config& config, const Keys& keys, Executor& network, Clock& clock)
{
    std::shared_ptr<Models> models(new Models);
    QHash<QString, llm::Price> prices;
    for (const auto& provider : config.providers) {
        std::shared_ptr<llm::Provider> made;
        switch (provider.api) {
        case config::Api::OpenAiChat:
            made = std::make_shared<llm::OpenAiChat>(httpSettings(provider, keys), network, clock);
            break;
        case config::Api::Anthropic:
            made = std::make_shared<llm::AnthropicMessages>(
                httpSettings(provider, keys), network, clock);
            break;
        case config::Api::Rehearsal: {
            llm::Rehearsal::Settings pace;
            const QString script = provider.script.isEmpty()
                                       ? QStringLiteral(":/tour/trajectory.json")
                                       : provider.script;
            SB_TRY(made, llm::Rehearsal::fromFile(script, provider.id, pace, network, clock));
            break;
        }
        }
        models->m_providers[provider.id] = std::move(made);
        for (auto it = provider.prices.cbegin(); it != provider.prices.cend(); ++it) {
            prices.insert(provider.id + u'/' + it.key(),
                          {it->input,
                           it->output,
                           it->cachedInput > 0 ? std::optional(it->cachedInput) : std::nullopt});
        }
    }
    models->m_pricing = llm::Pricing(std::move(prices));
    QMap<QString, QStringList> routes;
    routes[QStringLiteral("default")] = {config.routes.standard.text()};
    for (auto it = config.routes.byProcess.cbegin(); it != config.routes.byProcess.cend(); ++it) {
        routes[it.key()] = {it->text()};
    }
    models->m_routed = config.routes.byProcess.keys();
    for (const auto& route : config.routes.fallback) {
        routes[QStringLiteral("fallback")].append(route.text());
    }
    models->m_router = std::make_unique<llm::Router>(routes,
                                                     models->m_providers,
                                                     llm::Reliable::Settings{},
                                                     llm::Breakers::Settings{},
                                                     network,
                                                     clock);
    return models;
}

Result<std::shared_ptr<Models>> Models::rehearsed(const QString& script,
                                                  llm::Rehearsal::Settings pace,
                                                  Executor& network,
                                                  Clock& clock)
{
    std::shared_ptr<Models> models(new Models);
    SB_TRY(std::shared_ptr<llm::Provider> recorded,
           llm::Rehearsal::fromFile(script, QStringLiteral("rehearsal"), pace, network, clock));
    models->m_providers[QStringLiteral("rehearsal")] = std::move(recorded);
    const QMap<QString, QStringList> routes{
        {QStringLiteral("default"), {QStringLiteral("rehearsal/recorded")}}};
    models->m_router = std::make_unique<llm::Router>(routes,
                                                     models->m_providers,
                                                     llm::Reliable::Settings{},
                                                     llm::Breakers::Settings{},
                                                     network,
                                                     clock);
    return models;
}

Result<std::shared_ptr<Models>> Models::none(Executor& network, Clock& clock)
{
    std::shared_ptr<Models> models(new Models);
    models->m_router = std::make_unique<llm::Router>(QMap<QString, QStringList>{},
                                                     models->m_providers,
                                                     llm::Reliable::Settings{},
                                                     llm::Breakers::Settings{},
                                                     network,
                                                     clock);
    return models;
}

llm::Provider& Models::forProcess(protocol::ProcessKind kind) const
{
    return m_router->forProcess(enumName(kind));
}

bool Models::hasRoute(protocol::ProcessKind kind) const
{
    return m_routed.contains(enumName(kind));
}

QString Models::standardModel() const
{
    return m_router->modelFor(QStringLiteral("channel"));
}

std::optional<qint64> Models::cost(const QString& model, const llm::Usage& usage) const
{
    return m_pricing.costMicroUsd(model, usage);
}

} // namespace sb::runtime
