#include "core/runtime/Runtime.h"

#include "core/journal/SigningKey.h"
#include "core/runtime/Answers.h"
#include "core/runtime/Tour.h"
#include "core/sandbox/Probes.h"
#include "core/tools/Schema.h"
#include "core/tools/Workspace.h"

#include <QDir>
#include <QFileInfo>
#include <QSaveFile>

#include <unistd.h>

// One function a command. Those that only hand on to an open agent never leave the caller's thread;
// what reads from disk runs on the pool.
namespace sb::runtime {

Future<QJsonObject> Runtime::send(protocol::Command command)
{
    return std::visit([this](auto& one) { return handle(std::move(one)); }, command);
}

/// f: AgentRuntime& → Future<R>.
template <class R, class F>
Future<QJsonObject> Runtime::withAgent(const QString& id, F f)
{
    const QString wanted = id.isEmpty() ? standardAgent() : id;
    if (AgentRuntime* const open = openAgent(wanted)) {
        // One that the configuration does not name any more takes no new work.
        if (auto known = isInForce(wanted); !known) {
            return Future<QJsonObject>::ready(std::unexpected(known.error()));
        }
        return asJson<R>(f(*open));
    }
    Promise<QJsonObject> promise;
    auto answer = promise.future();
    m_pool->post([this, wanted, f = std::move(f), promise = std::move(promise)]() mutable {
        auto opened = workingAgent(wanted);
        if (!opened) {
            promise.set(std::unexpected(opened.error()));
            return;
        }
        asJson<R>(f(**opened)).then([promise = std::move(promise)](Result<QJsonObject> result) {
            promise.set(std::move(result));
        });
    });
    return answer;
}

Future<QJsonObject> Runtime::handle(protocol::Ping)
{
    return Future<QJsonObject>::ready(protocol::toJson(
        protocol::Ping::Reply{qint64(::getpid()), QStringLiteral(SB_VERSION), m_settings.role}));
}

Future<QJsonObject> Runtime::handle(const protocol::Activate& command)
{
    m_hub.publish(protocol::Activated{command.token});
    return Future<QJsonObject>::ready(protocol::toJson(done()));
}

Future<QJsonObject> Runtime::handle(protocol::GetSnapshot)
{
    using Reply = protocol::GetSnapshot::Reply;
    return onPool<Reply>([this]() -> Result<Reply> {
        Reply reply;
        {
            const std::shared_lock lock(m_mutex);
            reply.configPath = m_settings.home.config;
            reply.configProblem = m_configProblem ? m_configProblem->message : QString();
        }
        reply.keyProblems =
            m_keyProblems.withLock([](const auto& known) { return known.values(); });
        for (const QString& id : agentIds(true)) {
            const auto opened = agent(id);
            if (!opened) {
                reply.agents.append({id, {}, {}, opened.error().message});
                continue;
            }
            AgentRuntime& runtime = **opened;
            reply.agents.append(runtime.info());
            const auto read =
                runtime.database().read([&](store::Connection& connection) -> Result<> {
                    SB_TRY(const auto channels, process::readChannels(connection, 500));
                    for (const auto& channel : channels) {
                        reply.channels.append(runtime.decorate(channel));
                    }
                    SB_TRY(const auto processes, process::readRecentProcesses(connection, 100));
                    for (auto process : processes) {
                        process.agent = id;
                        reply.processes.append(std::move(process));
                    }
                    return {};
                });
            if (!read) {
                reply.agents.last().problem = read.error().message;
                continue;
            }
            SB_TRY(auto approvals, runtime.approvals().list(true));
            int settled = 0;
            for (auto it = approvals.crbegin(); it != approvals.crend(); ++it) {
                if (it->state == protocol::ApprovalState::Waiting || settled++ < 20) {
                    reply.approvals.prepend(*it);
                }
            }
        }
        reply.totals = totals();
        return reply;
    });
}

Future<QJsonObject> Runtime::handle(protocol::WriteConfig)
{
    using Reply = protocol::WriteConfig::Reply;
    return onPool<Reply>([this]() -> Result<Reply> {
        const Reply reply{m_settings.home.config, m_settings.home.defaultWorkspace()};
        SB_CHECK(config::writeStarter(reply.path, reply.workspace));
        return reply;
    });
}

Future<QJsonObject> Runtime::handle(const protocol::OpenChannel& command)
{
    return withAgent<protocol::ChannelInfo>(command.agent, [command](AgentRuntime& agent) {
        return agent.host().openChannel(command.id, command.title, command.origin);
    });
}

Future<QJsonObject> Runtime::handle(const protocol::SendMessage& command)
{
    using Reply = protocol::SendMessage::Reply;
    return withAgent<Reply>(command.agent, [command](AgentRuntime& agent) {
        return mapped<Reply>(agent.host().send(command, QStringLiteral("window")),
                             [](qint64 seq) { return Reply{seq}; });
    });
}

Future<QJsonObject> Runtime::handle(const protocol::Ask& command)
{
    using Reply = protocol::Ask::Reply;
    return withAgent<Reply>(command.agent, [command](AgentRuntime& agent) {
        protocol::SendMessage message{
            command.agent, command.channel, command.text, command.from, command.key};
        return mapped<Reply>(agent.host().ask(std::move(message), QStringLiteral("api")),
                             [](const process::TurnResult& turn) {
                                 return Reply{turn.text,
                                              turn.failed,
                                              turn.usage.inputTokens,
                                              turn.usage.outputTokens};
                             });
    });
}

Future<QJsonObject> Runtime::handle(protocol::GetTranscript command)
{
    using Reply = protocol::GetTranscript::Reply;
    return onPool<Reply>([this, command]() -> Result<Reply> {
        SB_TRY(AgentRuntime* const opened, agent(command.agent));
        return opened->database().read([&](store::Connection& connection) {
            return process::readTranscript(
                connection, command.channel, command.before, command.limit);
        });
    });
}

Future<QJsonObject> Runtime::handle(const protocol::GetOutput& command)
{
    using Reply = protocol::GetOutput::Reply;
    return withAgent<Reply>(command.agent, [command](AgentRuntime& agent) {
        return Future<Reply>::ready(Reply{agent.output(command.process)});
    });
}

Future<QJsonObject> Runtime::handle(const protocol::CancelProcess& command)
{
    return withAgent<protocol::Done>(command.agent, [command](AgentRuntime& agent) {
        return mapped<protocol::Done>(agent.host().cancel(command.process, command.by), done);
    });
}

Future<QJsonObject> Runtime::handle(const protocol::ListApprovals& command)
{
    using Reply = protocol::ListApprovals::Reply;
    return onPool<Reply>([this, command]() -> Result<Reply> {
        Reply reply;
        const QStringList ids =
            command.agent.isEmpty() ? agentIds(true) : QStringList{command.agent};
        std::optional<Error> problem;
        for (const QString& id : ids) {
            const auto opened = agent(id);
            const auto approvals =
                opened ? (*opened)->approvals().list(command.all)
                       : Result<QList<protocol::ApprovalInfo>>(std::unexpected(opened.error()));
            if (approvals) {
                reply.approvals.append(*approvals);
            } else {
                problem = approvals.error();
            }
        }
        // One agent whose record cannot be read must not hide what the others ask.
        if (problem && reply.approvals.isEmpty()) {
            return std::unexpected(*problem);
        }
        std::ranges::stable_sort(reply.approvals, {}, &protocol::ApprovalInfo::requestedAt);
        return reply;
    });
}

Result<protocol::ApprovalInfo> Runtime::findApproval(const QString& id, AgentRuntime** owner)
{
    std::optional<Error> problem;
    for (const QString& agentId : agentIds(true)) {
        const auto opened = agent(agentId);
        auto found = opened ? (*opened)->approvals().get(id)
                            : Result<protocol::ApprovalInfo>(std::unexpected(opened.error()));
        if (found) {
            *owner = *opened;
            return found;
        }
        if (found.error().code != ErrorCode::NotFound) {
            problem = found.error(); // the others may have it
        }
    }
    if (problem) {
        return std::unexpected(*problem);
    }
    return fail(ErrorCode::NotFound, QStringLiteral("There is no approval \"%1\".").arg(id));
}

Future<QJsonObject> Runtime::handle(const protocol::GetApproval& command)
{
    return onPool<protocol::ApprovalInfo>([this, command] {
        AgentRuntime* owner = nullptr;
        return findApproval(command.id, &owner);
    });
}

Future<QJsonObject> Runtime::handle(protocol::SettleApproval command)
{
    Promise<QJsonObject> promise;
    auto answer = promise.future();
    m_pool->post([this, command = std::move(command), promise = std::move(promise)]() mutable {
        AgentRuntime* owner = nullptr;
        const auto found = findApproval(command.id, &owner);
        if (!found) {
            promise.set(std::unexpected(found.error()));
            return;
        }
        // Arguments that the tool would refuse use up no question.
        if (command.accept && command.arguments && !found->schema.isEmpty()) {
            if (auto fits = tools::checkArguments(found->schema, *command.arguments); !fits) {
                promise.set(std::unexpected(fits.error()));
                return;
            }
        }
        asJson(owner->approvals().settle(std::move(command)))
            .then([this,
                   ownerId = owner->journal().agent(),
                   channel = found->channel,
                   promise = std::move(promise)](Result<QJsonObject> settled) mutable {
                AgentRuntime* const open = openAgent(ownerId); // nullptr when the program closes
                if (!settled || open == nullptr || !isInForce(ownerId)) {
                    promise.set(std::move(settled));
                    return;
                }
                m_pool->post([this,
                              open,
                              ownerId,
                              channel,
                              settled = std::move(settled),
                              promise = std::move(promise)]() mutable {
                    // Whoever asked may have been parked in an earlier life of the program: it goes
                    // on here. The answer comes once it does, so that a caller can wait for its
                    // end.
                    if (ownerId == tourAgentId()) {
                        (void)prepareTour();
                    } else {
                        recordConfig();
                    }
                    open->host().recover(channel).then(
                        [settled = std::move(settled), promise = std::move(promise)](
                            Result<>) mutable { promise.set(std::move(settled)); });
                });
            });
    });
    return answer;
}

Future<QJsonObject> Runtime::handle(const protocol::QueryJournal& command)
{
    using Reply = protocol::QueryJournal::Reply;
    return onPool<Reply>([this, command]() -> Result<Reply> {
        if (command.agent == instanceChainId() && !hasInstanceChain()) {
            return Reply();
        }
        SB_TRY(journal::Journal* const chain, journalOf(command.agent));
        return chain->query(command);
    });
}

Result<protocol::VerifyReport> Runtime::verify(const QString& id)
{
    const auto progress = [this, id](qint64 checked, qint64 total) {
        m_hub.publish(protocol::VerifyProgress{id, checked, total});
    };
    auto chain = journalOf(id);
    if (chain) {
        return (*chain)->verify(progress, {});
    }
    if (chain.error().code == ErrorCode::NotFound || chain.error().code == ErrorCode::DiskFull) {
        return std::unexpected(chain.error()); // which says nothing about the chain
    }
    // A chain that cannot be written (any more) is not sound; what is wrong with it can often be
    // told all the same.
    protocol::VerifyReport report;
    report.agent = id;
    report.message = chain.error().message;
    if (chain.error().code == ErrorCode::TooNew || chain.error().code == ErrorCode::Locked) {
        return report;
    }
    const bool isInstance = id == instanceChainId();
    const auto key = journal::SigningKey::loadOrCreate(m_settings.home.data);
    auto database = store::Database::open(
        {isInstance ? m_settings.home.instanceDatabase()
                    : m_settings.home.agentFolder(id) + QStringLiteral("/agent.db"),
         isInstance ? QStringLiteral(":/sql/instance") : QStringLiteral(":/sql/agent"),
         {}},
        m_clock);
    if (!database) {
        return report;
    }
    auto checked = journal::Journal::verifyDatabase(
        **database, id, key ? key->publicKey : QByteArray(), progress, {});
    return checked && !checked->ok ? *checked : report;
}

bool Runtime::hasInstanceChain() const
{
    return QFileInfo::exists(m_settings.home.instanceDatabase());
}

Future<QJsonObject> Runtime::handle(const protocol::VerifyJournal& command)
{
    using Reply = protocol::VerifyJournal::Reply;
    return onPool<Reply>([this, command]() -> Result<Reply> {
        Reply reply;
        QStringList ids = command.agent.isEmpty() ? agentIds(true) : QStringList{command.agent};
        if (command.agent.isEmpty() && hasInstanceChain()) {
            ids.append(instanceChainId());
        }
        for (const QString& id : ids) {
            SB_TRY(auto report, verify(id));
            if (!report.ok) {
                m_journalProblem.withLock([&](QString& problem) { problem = report.message; });
            }
            reply.reports.append(std::move(report));
        }
        if (std::ranges::all_of(reply.reports, &protocol::VerifyReport::ok)) {
            m_journalVerifiedAt = m_clock.nowUs();
        }
        publishTotals();
        return reply;
    });
}

Future<QJsonObject> Runtime::handle(const protocol::ExportJournal& command)
{
    using Reply = protocol::ExportJournal::Reply;
    return onPool<Reply>([this, command]() -> Result<Reply> {
        SB_TRY(journal::Journal* const chain, journalOf(command.agent));
        // Written beside the target and renamed, so that a failure leaves no half of a file.
        QSaveFile file(command.path);
        if (!file.open(QIODevice::WriteOnly)) {
            return fail(
                ErrorCode::Io,
                QStringLiteral("%1 cannot be written: %2.").arg(command.path, file.errorString()),
                command.path);
        }
        SB_TRY(const qint64 entries, chain->exportTo(file, {}, {}));
        if (!file.commit()) {
            return fail(
                ErrorCode::Io,
                QStringLiteral("%1 cannot be written: %2.").arg(command.path, file.errorString()),
                command.path);
        }
        return Reply{entries, command.path};
    });
}

Future<QJsonObject> Runtime::handle(const protocol::ErasePayload& command)
{
    return onPool<protocol::Done>([this, command]() -> Result<protocol::Done> {
        SB_TRY(journal::Journal* const chain, journalOf(command.agent));
        SB_CHECK(chain->erase(command.seq, command.reason, command.by).wait());
        return done();
    });
}

Future<QJsonObject> Runtime::handle(protocol::UndoWrite command)
{
    Promise<QJsonObject> promise;
    auto answer = promise.future();
    m_pool->post([this, command, promise = std::move(promise)]() mutable {
        auto opened = agent(command.agent);
        auto restored = opened ? (*opened)->restore(command.checkpoint)
                               : Result<QStringList>(std::unexpected(opened.error()));
        if (!restored) {
            promise.set(std::unexpected(restored.error()));
            return;
        }
        journal::NewEntry entry;
        entry.kind = protocol::Kind::CheckpointRestored;
        entry.cause = QString::number(command.checkpoint);
        entry.payload = {{QStringLiteral("by"), command.by},
                         {QStringLiteral("paths"), QJsonArray::fromStringList(*restored)}};
        asJson(mapped<protocol::Done>((*opened)->journal().append(std::move(entry)),
                                      [](const protocol::Entry&) { return protocol::Done(); }))
            .then([promise = std::move(promise)](Result<QJsonObject> result) {
                promise.set(std::move(result));
            });
    });
    return answer;
}

Future<QJsonObject> Runtime::handle(protocol::StartRun command)
{
    using Reply = protocol::StartRun::Reply;
    if (!command.tour) {
        const QString wanted = command.agent.isEmpty() ? standardAgent() : command.agent;
        if (auto known = isInForce(wanted); !known) {
            return Future<QJsonObject>::ready(std::unexpected(known.error()));
        }
        m_pool->post([this] { recordConfig(); });
        return withAgent<Reply>(wanted, [command](AgentRuntime& agent) {
            // Without a workspace nothing of a task can be done; a conversation can go on.
            const QString problem = agent.info().problem;
            return problem.isEmpty() ? agent.host().startRun(command)
                                     : Future<Reply>::ready(fail(ErrorCode::InvalidInput, problem));
        });
    }
    Promise<QJsonObject> promise;
    auto answer = promise.future();
    m_pool->post([this, command, promise = std::move(promise)]() mutable {
        auto prepared = resetTour(m_settings.home, m_git);
        if (prepared) {
            prepared = prepareTour();
        }
        auto opened = prepared ? agent(tourAgentId())
                               : Result<AgentRuntime*>(std::unexpected(prepared.error()));
        if (!opened) {
            promise.set(std::unexpected(opened.error()));
            return;
        }
        command.task = tourTask();
        command.agent = tourAgentId();
        AgentRuntime* const tour = *opened;
        (*opened)->host().startRun(command).then(
            [tour, rehearsed = command.rehearsed, promise = std::move(promise)](
                Result<Reply> started) mutable {
                if (started && rehearsed) {
                    tour->playPerson(started->run);
                }
                promise.set(started ? Result<QJsonObject>(protocol::toJson(*started))
                                    : std::unexpected(started.error()));
            });
    });
    return answer;
}

Future<QJsonObject> Runtime::handle(const protocol::GetContainment& command)
{
    return onPool<protocol::ContainmentInfo>(
        [this, command]() -> Result<protocol::ContainmentInfo> {
            SB_TRY(AgentRuntime* const owner,
                   agent(command.agent.isEmpty() ? standardAgent() : command.agent));
            const config::Agent definition = owner->definition();
            const auto& capabilities = m_sandbox->capabilities();
            protocol::ContainmentInfo info =
                m_probed.withLock([&](const auto& probed) { return probed.value(definition.id); });
            info.agent = definition.id;
            info.problem = capabilities.usable ? problemOf(definition) : capabilities.problem;
            info.remark = capabilities.remark;
            if (command.probe && info.problem.isEmpty()) {
                SB_CHECK(tryContainment(definition, info));
            }
            info.hosts = definition.allowedHosts;
            SB_TRY(info.grants, owner->grants().list());
            const egress::Stats stats = owner->egressStats();
            info.requests = stats.requests;
            info.refused = stats.refused;
            info.bytesIn = stats.bytesIn;
            info.bytesOut = stats.bytesOut;
            return info;
        });
}

// Blocks for about a second, on the pool.
Result<> Runtime::tryContainment(const config::Agent& agent, protocol::ContainmentInfo& info)
{
    sandbox::ProbeTarget target;
    target.workspace = agent.workspace;
    target.network = true; // as commands have it
    target.limits = commandLimits(agent.limits);
    SB_TRY(const auto probes, sandbox::probe(*m_sandbox, target));
    info.probes.clear();
    for (const sandbox::Probe& probe : probes) {
        info.probes.append({probe.group + u'.' + probe.id,
                            probe.question,
                            sandbox::verdictName(probe.verdict),
                            probe.by,
                            probe.detail,
                            qRound64(probe.milliseconds)});
    }
    info.probedAt = m_clock.nowUs();
    m_probed.withLock([&](auto& probed) { probed.insert(agent.id, info); });
    return {};
}

Future<QJsonObject> Runtime::handle(const protocol::RevokeGrant& command)
{
    return withAgent<protocol::GrantInfo>(command.agent, [command](AgentRuntime& agent) {
        return agent.grants().revoke(command.id, command.by);
    });
}

} // namespace sb::runtime
