#include "core/runtime/AgentRuntime.h"

#include "core/tools/Workspace.h"

#include <QDir>
#include <QFileInfo>

namespace sb::runtime {

using protocol::Entry;
using protocol::Kind;

namespace {

constexpr qsizetype outputRing = 64 * 1024;
constexpr qsizetype ringsKept = 64;
constexpr size_t modelsKept = 16;

} // namespace

sandbox::Limits commandLimits(const config::AgentLimits& given)
{
    sandbox::Limits limits;
    limits.wall = given.commandTimeout;
    limits.memoryBytes = given.memoryBytes;
    limits.totalMemoryBytes = std::max(limits.totalMemoryBytes, given.memoryBytes);
    limits.processes = given.processes;
    limits.openFiles = given.openFiles;
    limits.cpuSeconds = given.cpuSeconds;
    limits.tmpBytes = given.tmpBytes;
    limits.workspaceBytes = given.workspaceBytes;
    return limits;
}

AgentRuntime::AgentRuntime(Parts parts) : m(std::move(parts)) {}

Result<std::unique_ptr<AgentRuntime>>
AgentRuntime::open(Parts parts, config::Agent agent, std::shared_ptr<Models> models)
{
    std::unique_ptr<AgentRuntime> self(new AgentRuntime(std::move(parts)));
    AgentRuntime* const raw = self.get();
    const QString id = agent.id;
    const QString folder = self->m.home.agentFolder(id);
    if (!QDir().mkpath(folder)) {
        return fail(
            ErrorCode::Io, QStringLiteral("The folder %1 cannot be made.").arg(folder), folder);
    }
    self->m_inForce.withLock([&](InForce& inForce) {
        inForce.agent = std::move(agent);
        inForce.models = std::move(models);
    });
    SB_TRY(self->m_database,
           store::Database::open(
               {folder + QStringLiteral("/agent.db"), QStringLiteral(":/sql/agent"), {}},
               self->m.clock));
    journal::Journal::Settings settings;
    settings.agent = id;
    settings.signingKey = self->m.signingKey;
    settings.redact = self->m.redactPayload;
    settings.projections.push_back(std::make_unique<process::ProcessProjection>());
    settings.projections.push_back(std::make_unique<approvals::ApprovalProjection>());
    settings.projections.push_back(std::make_unique<approvals::GrantProjection>());
    settings.projections.push_back(std::make_unique<memory::MemoryProjection>());
    SB_TRY(self->m_journal,
           journal::Journal::open(std::move(settings), *self->m_database, self->m.clock));
    self->m_entries = self->m_journal->subscribe(
        self->m_feed, [raw](const QList<Entry>& entries) { raw->onEntries(entries); });
    self->m_approvals = std::make_unique<approvals::Approvals>(
        *self->m_journal, *self->m_database, self->m.clock, self->m.feed, self->m.approvalsExpire);
    self->m_grants = std::make_unique<approvals::Grants>(*self->m_journal, *self->m_database);
    SB_TRY(const auto waiting, self->m_approvals->list(false));
    for (const auto& approval : waiting) {
        ++self->m_waiting;
        self->m_waitingByChannel.withLock([&](auto& map) { ++map[approval.channel]; });
    }
    self->m_approvalChanges =
        self->m_approvals->onChanged(self->m.feed, [raw](const protocol::ApprovalInfo& approval) {
            const int step = approval.state == protocol::ApprovalState::Waiting ? 1 : -1;
            raw->rememberAnswer(approval);
            raw->m_waiting += step;
            raw->m_waitingByChannel.withLock([&](auto& map) { map[approval.channel] += step; });
            raw->m.hub.publish(protocol::ApprovalChanged{approval});
            raw->publishProcess(approval.process);
            raw->publishChannel(approval.channel);
            raw->m.totalsChanged();
        });
    self->withdrawLeftQuestions(waiting);
    self->m_gate = std::make_unique<tools::Gate>(tools::Gate::Parts{
        self->m.registry,
        *self->m_journal,
        *self->m_approvals,
        self->m.executor,
        self->m.pool,
        [raw] { return raw->m_inForce.withLock([](const InForce& in) { return in.agent.rules; }); },
        self->m.redactText,
        self->m.watch});
    self->m_memory = std::make_unique<AgentMemory>(AgentMemory::Parts{
        folder,
        *self->m_journal,
        *self->m_database,
        self->m.pool,
        self->m.clock,
        self->m.embedder,
        self->m.readable,
        [raw, id](const protocol::MemoryIndexInfo& index) {
            raw->m.hub.publish(protocol::MemoryIndexed{id, index});
        },
        [raw](const QString& process) {
            const auto info = raw->m_database->read([&](store::Connection& connection) {
                return process::readProcess(connection, process);
            });
            return info && *info ? (*info)->channel : process;
        }});
    self->m_host = std::make_unique<process::Host>(process::Host::Parts{
        self->m.executor,
        self->m.pool,
        self->m.clock,
        *self->m_journal,
        *self->m_database,
        *self->m_gate,
        self->m.registry,
        *raw,
        [raw] {
            return raw->m_inForce.withLock([&](const InForce& in) {
                process::AgentSettings made;
                made.id = in.agent.id;
                made.workspace = in.agent.workspace;
                made.instructions = in.agent.instructions;
                made.allowedHosts =
                    in.agent.allowedHosts + raw->m_grants->inForce(QStringLiteral("network"));
                made.workersPerChannel = in.agent.limits.workers;
                made.branchesPerChannel = in.agent.limits.branches;
                made.taint = in.agent.taint;
                made.commandLimits = commandLimits(in.agent.limits);
                made.toolCalls = in.agent.limits.toolCalls;
                made.outputTokens = in.agent.limits.outputTokens;
                made.bulletinWords = in.agent.memory.bulletinWords;
                made.cortexHasModel = in.models->hasRoute(protocol::ProcessKind::Cortex);
                return made;
            });
        },
        [raw](protocol::ProcessKind kind) -> llm::Provider& {
            return raw->m_inForce.withLock(
                [&](const InForce& in) -> llm::Provider& { return in.models->forProcess(kind); });
        },
        [raw](const QString& model, const llm::Usage& usage) {
            return raw->m_inForce.withLock(
                [&](const InForce& in) { return in.models->cost(model, usage); });
        },
        self->m.watch,
        self->m_memory.get()});
    return self;
}

AgentRuntime::~AgentRuntime()
{
    m_person.reset();
    m_approvalChanges.reset();
    m_entries.reset();
    m_host.reset();
    m_memory.reset(); // writes the index
    m_gate.reset();
    m_grants.reset();
    m_approvals.reset();
    m_journal.reset();
    m_database.reset();
}

void AgentRuntime::update(config::Agent agent, std::shared_ptr<Models> models)
{
    m_inForce.withLock([&](InForce& inForce) {
        inForce.agent = std::move(agent);
        inForce.retired.push_back(std::exchange(inForce.models, std::move(models)));
        if (inForce.retired.size() > modelsKept) {
            inForce.retired.erase(inForce.retired.begin()); // its last calls have ended long since
        }
    });
    m.hub.publish(protocol::AgentChanged{info(), false});
}

protocol::AgentInfo AgentRuntime::info() const
{
    const auto [agent, model] = m_inForce.withLock(
        [](const InForce& in) { return std::pair(in.agent, in.models->standardModel()); });
    return {agent.id, agent.workspace, model, m.problem(agent)};
}

config::Agent AgentRuntime::definition() const
{
    return m_inForce.withLock([](const InForce& in) { return in.agent; });
}

void AgentRuntime::playPerson(const QString& run)
{
    const auto answer = [this, run](const protocol::ApprovalInfo& approval) {
        if (approval.state == protocol::ApprovalState::Waiting && approval.run == run) {
            protocol::SettleApproval yes;
            yes.id = approval.id;
            yes.accept = true;
            yes.by = QStringLiteral("rehearsal");
            (void)m_approvals->settle(std::move(yes));
        }
    };
    m.feed.post([this, answer] {
        m_person = m_approvals->onChanged(m.feed, answer);
        // What was asked before anybody listened.
        if (const auto waiting = m_approvals->list(false)) {
            for (const auto& approval : *waiting) {
                answer(approval);
            }
        }
    });
}

Result<QStringList> AgentRuntime::restore(qint64 checkpoint)
{
    SB_TRY(const Entry entry, m_journal->entry(checkpoint));
    if (entry.kind != Kind::CheckpointCreated) {
        return fail(ErrorCode::InvalidInput,
                    QStringLiteral("Entry %1 is no checkpoint.").arg(checkpoint));
    }
    SB_TRY(const auto workspace, tools::Workspace::open(definition().workspace));
    QStringList restored;
    for (const auto& value : entry.payload.value(QStringLiteral("files")).toArray()) {
        const QJsonObject file = value.toObject();
        SB_TRY(const auto place, workspace.resolve(file.value(QStringLiteral("path")).toString()));
        const QString after = file.value(QStringLiteral("after")).toString();
        const auto before = file.value(QStringLiteral("before"));
        if (before.isNull()) {
            SB_CHECK(workspace.remove(place.relative, after));
        } else {
            SB_TRY(const QByteArray bytes, m_journal->part(before.toString()));
            SB_CHECK(workspace.write(place.relative, bytes, after));
        }
        restored.append(place.absolute);
    }
    return restored;
}

QString AgentRuntime::output(const QString& process) const
{
    return m_outputs.withLock([&](const auto& outputs) { return outputs.value(process); });
}

protocol::ChannelInfo AgentRuntime::decorate(protocol::ChannelInfo info) const
{
    info.agent = m_journal->agent();
    info.running = m_host ? m_host->running(info.id) : 0;
    info.waiting = m_waitingByChannel.withLock([&](const auto& map) { return map.value(info.id); });
    return info;
}

void AgentRuntime::textDelta(const QString& channel, const QString& process, const QString& text)
{
    m.hub.publish(protocol::TextDelta{m_journal->agent(), channel, process, text});
}

void AgentRuntime::textReset(const QString& channel, const QString& process)
{
    m.hub.publish(protocol::TextReset{m_journal->agent(), channel, process});
}

void AgentRuntime::output(const QString& process, const QString& text)
{
    m_outputs.withLock([&](QHash<QString, QString>& outputs) {
        if (!outputs.contains(process) && outputs.size() >= ringsKept) {
            outputs.erase(outputs.begin()); // any: they are pictures, the journal has the text
        }
        QString& ring = outputs[process];
        ring += text;
        if (ring.size() > outputRing) {
            ring = ring.right(outputRing);
        }
    });
    m.hub.publish(protocol::OutputTail{m_journal->agent(), process, text});
}

void AgentRuntime::channelActivity(const QString& channel, int)
{
    if (m.hub.hasListeners()) {
        m.feed.post([this, channel] {
            publishChannel(channel);
            m.totalsChanged();
        });
    }
}

void AgentRuntime::publishProcess(const QString& id)
{
    if (!m.hub.hasListeners()) {
        return;
    }
    auto info = m_database->read(
        [&](store::Connection& connection) { return process::readProcess(connection, id); });
    if (info && *info) {
        (*info)->agent = m_journal->agent();
        m.hub.publish(protocol::ProcessChanged{std::move(**info)});
    }
}

void AgentRuntime::publishChannel(const QString& id)
{
    if (!m.hub.hasListeners() || !m_host) {
        return;
    }
    auto info = m_database->read(
        [&](store::Connection& connection) { return process::readChannel(connection, id); });
    if (info && *info) {
        m.hub.publish(protocol::ChannelChanged{decorate(std::move(**info))});
    }
}

void AgentRuntime::publishMemory(const Entry& entry)
{
    protocol::MemoryUpdated update;
    update.agent = m_journal->agent();
    update.change.seq = entry.seq;
    QStringList ids;
    for (const auto& value : entry.payload.value(QStringLiteral("changes")).toArray()) {
        const QJsonObject change = value.toObject();
        const QJsonObject memory = change.value(QStringLiteral("memory")).toObject();
        if (!memory.isEmpty()) {
            ids.append(memory.value(QStringLiteral("id")).toString());
            continue;
        }
        auto edge = protocol::fromJson<protocol::MemoryEdge>(
            change.value(QStringLiteral("edge")).toObject());
        if (edge && change.value(QStringLiteral("op")).toString() == u"cut") {
            edge->knownTo = entry.time;
        }
        if (edge) {
            update.change.edges.append(std::move(*edge));
        }
    }
    ids.removeDuplicates();
    (void)m_database->read([&](store::Connection& connection) -> Result<> {
        for (const QString& id : std::as_const(ids)) {
            if (auto memory = memory::readMemory(connection, id)) {
                update.change.memories.append(std::move(*memory));
            }
        }
        return {};
    });
    m.hub.publish(std::move(update));
}

void AgentRuntime::onEntries(const QList<Entry>& entries)
{
    if (!m.hub.hasListeners()) {
        return;
    }
    bool cost = false;
    QStringList channels;
    QStringList processes;
    for (const Entry& entry : entries) {
        auto item = m_database->read(
            [&](store::Connection& connection) { return process::readItemOf(connection, entry); });
        if (item && *item) {
            m.hub.publish(
                protocol::TranscriptChanged{m_journal->agent(), (*item)->first, (*item)->second});
        }
        switch (entry.kind) {
        case Kind::MessageReceived:
        case Kind::MessageSent:
        case Kind::Incident:
            channels.append(entry.payload.value(QStringLiteral("channel")).toString());
            break;
        case Kind::ProcessStarted:
        case Kind::ProcessEnded:
        case Kind::ProcessStatus:
        case Kind::ToolCall:
        case Kind::ModelResponse:
            processes.append(entry.process);
            channels.append(entry.process);
            cost = cost || entry.kind == Kind::ModelResponse;
            break;
        case Kind::TurnStarted:
        case Kind::ModelRequest:
        case Kind::PolicyDecision:
        case Kind::ApprovalRequested:
        case Kind::ApprovalSettled:
            break;
        case Kind::MemoryChanged:
            publishMemory(entry);
            break;
        case Kind::ToolStarted:
        case Kind::ToolResult:
        case Kind::CheckpointCreated:
        case Kind::CheckpointRestored:
        case Kind::HistoryCompacted:
        case Kind::EgressRequest:
        case Kind::ConfigChanged:
        case Kind::PayloadErased:
        case Kind::RunStarted:
        case Kind::RunFinished:
            break;
        }
        m.hub.publish(protocol::EntryAppended{entry});
    }
    processes.removeDuplicates();
    for (const QString& id : processes) {
        publishProcess(id);
    }
    channels.removeDuplicates();
    for (const QString& id : channels) {
        publishChannel(id);
    }
    if (cost) {
        m.totalsChanged();
    }
}

} // namespace sb::runtime
