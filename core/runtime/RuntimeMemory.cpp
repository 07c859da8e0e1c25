#include "core/memory/Export.h"
#include "core/runtime/Answers.h"
#include "core/runtime/Embedders.h"

#include <QSaveFile>

// What agents remember, for people: to be looked at, put right, and carried away.
namespace sb::runtime {

using namespace Qt::StringLiterals;

namespace {

constexpr int mostHits = 100;
constexpr int mostListed = 1000;
constexpr int mostInGraph = 200'000;

/// Whoever sends a command is the person whose agents these are.
memory::Origin owners(const QString& reason)
{
    memory::Origin origin;
    origin.by = u"owner"_s;
    origin.reason = reason;
    return origin;
}

} // namespace

std::vector<AgentMemory*> Runtime::readableBy(const QString& id)
{
    QStringList others;
    {
        const std::shared_lock lock(m_mutex);
        for (const config::Agent& one : m_config->agents) {
            if (one.id != id && one.memory.readers.contains(id)) {
                others.append(one.id);
            }
        }
    }
    std::vector<AgentMemory*> all;
    for (const QString& other : others) {
        if (const auto opened = agent(other)) {
            all.push_back(&(*opened)->memory());
        }
    }
    return all;
}

void Runtime::useEmbeddings(const config::Config& config)
{
    const config::Provider* const found = config.provider(config.memory.embeddings.provider);
    const auto provider = found != nullptr ? std::optional(*found) : std::nullopt;
    std::shared_ptr<memory::Embedder> made;
    {
        const std::unique_lock lock(m_mutex);
        if (m_embedder && m_embeddings == std::pair(config.memory.embeddings, provider)) {
            return;
        }
        m_embeddings = {config.memory.embeddings, provider};
        made = makeEmbedder(config, modelKeys(), *m_network, *m_pool, m_clock);
        m_embedder = made;
    }
    for (const QString& id : agentIds(false)) {
        if (AgentRuntime* const open = openAgent(id)) {
            open->memory().use(made);
        }
    }
}

/// f: (AgentMemory&) → Future<R>, on the pool.
template <class R, class F>
Future<QJsonObject> Runtime::withMemory(const QString& id, F f)
{
    Promise<QJsonObject> promise;
    auto answer = promise.future();
    m_pool->post([this,
                  wanted = id.isEmpty() ? standardAgent() : id,
                  f = std::move(f),
                  promise = std::move(promise)]() mutable {
        auto opened = agent(wanted);
        if (!opened) {
            promise.set(std::unexpected(opened.error()));
            return;
        }
        asJson<R>(f((*opened)->memory()))
            .then([promise = std::move(promise)](Result<QJsonObject> result) {
                promise.set(std::move(result));
            });
    });
    return answer;
}

/// f: (AgentMemory&) → Result<R>, on the pool.
template <class R, class F>
Future<QJsonObject> Runtime::fromMemory(const QString& id, F f)
{
    return onPool<R>(
        [this, wanted = id.isEmpty() ? standardAgent() : id, f = std::move(f)]() -> Result<R> {
            SB_TRY(AgentRuntime* const opened, agent(wanted));
            return f(opened->memory());
        });
}

Future<QJsonObject> Runtime::handle(const protocol::SearchMemory& command)
{
    return withMemory<protocol::SearchMemory::Reply>(command.agent, [command](AgentMemory& memory) {
        return memory.search(command.words, std::clamp(command.limit, 1, mostHits), command.filter);
    });
}

Future<QJsonObject> Runtime::handle(const protocol::ListMemories& command)
{
    using Reply = protocol::ListMemories::Reply;
    return fromMemory<Reply>(command.agent, [command](AgentMemory& memory) {
        return memory.memories().list(
            command.filter, std::max(command.offset, 0), std::clamp(command.limit, 1, mostListed));
    });
}

Future<QJsonObject> Runtime::handle(const protocol::GetMemory& command)
{
    return fromMemory<protocol::GetMemory::Reply>(command.agent, [command](AgentMemory& memory) {
        return memory.memories().get(command.id);
    });
}

Future<QJsonObject> Runtime::handle(const protocol::GetMemoryGraph& command)
{
    return fromMemory<protocol::GetMemoryGraph::Reply>(
        command.agent, [command](AgentMemory& memory) {
            return memory.memories().graph(command.around,
                                           std::clamp(command.depth, 0, 6),
                                           std::clamp(command.limit, 1, mostInGraph),
                                           command.filter);
        });
}

Future<QJsonObject> Runtime::handle(const protocol::ChangeMemory& command)
{
    return withMemory<protocol::MemoryChanged>(command.agent, [command](AgentMemory& memory) {
        return memory.change(command.changes, owners(command.reason));
    });
}

Future<QJsonObject> Runtime::handle(const protocol::MergeMemories& command)
{
    return withMemory<protocol::MemoryChanged>(command.agent, [command](AgentMemory& memory) {
        return memory.memories().merge(command.ids, command.content, owners(u"merged by hand"_s));
    });
}

Future<QJsonObject> Runtime::handle(const protocol::SplitMemory& command)
{
    return withMemory<protocol::MemoryChanged>(command.agent, [command](AgentMemory& memory) {
        return memory.memories().split(command.id, command.contents, owners(u"split by hand"_s));
    });
}

Future<QJsonObject> Runtime::handle(const protocol::UndoMemoryChange& command)
{
    return withMemory<protocol::MemoryChanged>(command.agent, [command](AgentMemory& memory) {
        return memory.memories().undo(command.seq, owners(u"taken back by hand"_s));
    });
}

Future<QJsonObject> Runtime::handle(const protocol::GetMemoryStats& command)
{
    return fromMemory<protocol::GetMemoryStats::Reply>(
        command.agent, [](AgentMemory& memory) { return memory.stats(); });
}

Future<QJsonObject> Runtime::handle(const protocol::ExportMemory& command)
{
    using Reply = protocol::ExportMemory::Reply;
    return fromMemory<Reply>(command.agent, [this, command](AgentMemory& memory) -> Result<Reply> {
        memory::Exported exported;
        exported.agent = memory.memories().journal().agent();
        exported.at = m_clock.nowUs();
        SB_TRY(auto listed,
               memory.memories().list(command.filter, 0, std::numeric_limits<int>::max()));
        exported.memories = std::move(listed.memories);
        SB_TRY(exported.edges,
               memory.memories().database().read(
                   [&](store::Connection& connection) -> Result<QList<protocol::MemoryEdge>> {
                       return memory::readEdges(connection, {}, command.filter);
                   }));
        // Written beside the target and renamed, so that a failure leaves no half of a file.
        QSaveFile file(command.path);
        if (!file.open(QIODevice::WriteOnly)) {
            return fail(ErrorCode::Io,
                        u"%1 cannot be written: %2."_s.arg(command.path, file.errorString()),
                        command.path);
        }
        SB_CHECK(memory::writeExport(file, exported, command.format));
        if (!file.commit()) {
            return fail(ErrorCode::Io,
                        u"%1 cannot be written: %2."_s.arg(command.path, file.errorString()),
                        command.path);
        }
        return Reply{exported.memories.size(), exported.edges.size()};
    });
}

} // namespace sb::runtime
