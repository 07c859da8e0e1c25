#include "core/runtime/Answers.h"
#include "core/runtime/Ingests.h"

// Files that people hand to an agent's memory.
namespace sb::runtime {

Future<QJsonObject> Runtime::handle(const protocol::IngestPaths& command)
{
    using Reply = protocol::IngestPaths::Reply;
    return onPool<Reply>([this, command]() -> Result<Reply> {
        SB_TRY(AgentRuntime* const opened,
               agent(command.agent.isEmpty() ? standardAgent() : command.agent));
        Reply reply;
        SB_TRY(
            reply.jobs,
            m_ingests->begin(opened->definition().id, opened->memory().memories(), command.paths));
        return reply;
    });
}

Future<QJsonObject> Runtime::handle(const protocol::ListIngests& command)
{
    protocol::IngestPaths::Reply reply;
    reply.jobs = m_ingests->list(command.agent);
    return Future<QJsonObject>::ready(protocol::toJson(reply));
}

Future<QJsonObject> Runtime::handle(const protocol::StopIngest& command)
{
    return asJson<protocol::IngestInfo>(
        Future<protocol::IngestInfo>::ready(m_ingests->stop(command.id)));
}

} // namespace sb::runtime
