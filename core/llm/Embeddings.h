#pragma once
#include "core/llm/HttpProvider.h"

#include <QStringList>

namespace sb::llm {

/// Vectors of texts from a service with the OpenAI-compatible interface (/v1/embeddings): Ollama,
/// LM Studio, llama.cpp, a cloud. Its sockets live on the executor, whose thread must have a Qt
/// event loop; the executor and the clock outlive it. Safe to use from any thread.
class Embeddings
{
public:
    struct Settings
    {
        HttpSettings http;            ///< id, baseUrl, key, keyRefused and rawCap are used
        QString model;                ///< without the provider's id
        Milliseconds timeout{30'000}; ///< for one request
        int batch = 64;               ///< texts in one request, at most
        int batchCharacters = 100'000;
    };
    Embeddings(Settings settings, Executor& executor, Clock& clock);
    ~Embeddings(); ///< what it still asks for is answered with Cancelled
    Embeddings(const Embeddings&) = delete;
    Embeddings& operator=(const Embeddings&) = delete;

    using Vectors = std::vector<std::vector<float>>;
    /// One vector a text, in order, as the service makes them. Unavailable when the service is
    /// down, slow or limits us, Conflict when a vector has another length than those before,
    /// Forbidden, NotFound and InvalidInput as a Provider has them. All of the texts or none.
    Future<Vectors> embed(QStringList texts);

private:
    class Engine;
    std::shared_ptr<Engine> m_engine; // shared with the jobs that it posted to its executor
    Executor& m_executor;
};

} // namespace sb::llm
