#include "core/runtime/Embedders.h"

#include "core/llm/Embeddings.h"
#include "core/memory/HashedEmbedder.h"
#include "core/memory/OnnxEmbedder.h"

#include <cmath>

namespace sb::runtime {

using namespace Qt::StringLiterals;
using Vectors = std::vector<std::vector<float>>;

namespace {

/// A model of a service.
class ServiceEmbedder final : public memory::Embedder
{
public:
    ServiceEmbedder(QString name,
                    llm::Embeddings::Settings settings,
                    Executor& network,
                    Clock& clock)
        : m_name(std::move(name)), m_service(std::move(settings), network, clock)
    {
    }
    [[nodiscard]] QString name() const override { return m_name; }
    [[nodiscard]] bool isImmediate() const override { return false; }

    Future<Vectors> embed(QStringList texts) override
    {
        Promise<Vectors> promise;
        auto future = promise.future();
        m_service.embed(std::move(texts))
            .then([promise = std::move(promise)](Result<Vectors> vectors) {
                if (vectors) {
                    std::ranges::for_each(*vectors, normalise);
                }
                promise.set(std::move(vectors));
            });
        return future;
    }

private:
    static void normalise(std::vector<float>& vector)
    {
        double sum = 0;
        for (const float one : vector) {
            sum += double(one) * double(one);
        }
        if (sum > 0) {
            const auto scale = float(1 / std::sqrt(sum));
            for (float& one : vector) {
                one *= scale;
            }
        }
    }

    QString m_name;
    llm::Embeddings m_service;
};

/// A model in a folder, which is read when the first memory needs it. One that is not what it
/// should be answers with why until the configuration names another.
class FolderEmbedder final : public memory::Embedder
{
public:
    FolderEmbedder(QString folder, Executor& pool) : m_folder(std::move(folder)), m_pool(pool) {}
    [[nodiscard]] QString name() const override
    {
        const auto& model = opened();
        return model ? (*model)->name() : m_folder;
    }
    [[nodiscard]] bool isImmediate() const override { return false; }

    Future<Vectors> embed(QStringList texts) override
    {
        const auto& model = opened();
        return model ? (*model)->embed(std::move(texts))
                     : Future<Vectors>::ready(std::unexpected(model.error()));
    }

private:
    const Result<std::unique_ptr<memory::OnnxEmbedder>>& opened() const
    {
        const std::scoped_lock lock(m_mutex);
        if (!m_model) {
            m_model.emplace(memory::OnnxEmbedder::open(m_folder, m_pool));
        }
        return *m_model; // which nobody changes any more
    }

    QString m_folder;
    Executor& m_pool;
    mutable std::mutex m_mutex;
    mutable std::optional<Result<std::unique_ptr<memory::OnnxEmbedder>>> m_model;
};

} // namespace

std::shared_ptr<memory::Embedder> makeEmbedder(const config::Config& config,
                                               const Models::Keys& keys,
                                               Executor& network,
                                               Executor& pool,
                                               Clock& clock)
{
    const config::Embeddings& wanted = config.memory.embeddings;
    if (const config::Provider* const provider = config.provider(wanted.provider)) {
        llm::Embeddings::Settings settings;
        settings.http = httpSettings(*provider, keys);
        settings.model = wanted.model;
        return std::make_shared<ServiceEmbedder>(
            config::Route{wanted.provider, wanted.model}.text(),
            std::move(settings),
            network,
            clock);
    }
    if (!wanted.folder.isEmpty()) {
        return std::make_shared<FolderEmbedder>(wanted.folder, pool);
    }
    return std::make_shared<memory::HashedEmbedder>();
}

} // namespace sb::runtime
