#include "core/runtime/AgentRuntime.h"

// What an agent has to do with the way out: its rules, its record, its person.

namespace sb::runtime {

using protocol::ApprovalInfo;
using protocol::ApprovalState;
using protocol::Kind;

namespace {

const QString networkTool = QStringLiteral("network");

QJsonObject addressSchema(const QString& address)
{
    return {
        {QStringLiteral("type"), QStringLiteral("object")},
        {QStringLiteral("properties"),
         QJsonObject{
             {QStringLiteral("address"), QJsonObject{{QStringLiteral("const"), address}}},
             {QStringLiteral("remember"),
              QJsonObject{
                  {QStringLiteral("type"), QStringLiteral("boolean")},
                  {QStringLiteral("description"),
                   QStringLiteral("Let this agent reach the address from now on.")},
              }},
         }},
        {QStringLiteral("required"), QJsonArray{QStringLiteral("address")}},
        {QStringLiteral("additionalProperties"), false},
    };
}

QString callKey(const QString& process, qint64 callSeq)
{
    return process + u' ' + QString::number(callSeq);
}

} // namespace

egress::Rules AgentRuntime::egressRules() const
{
    const config::Agent agent = definition();
    egress::Rules rules;
    rules.allow = agent.allowedHosts + m_grants->inForce(networkTool);
    for (const auto& injection : agent.network.injections) {
        rules.inject.append(
            {injection.host, injection.header, injection.placeholder, injection.key});
    }
    rules.budget.connections = agent.network.connections;
    rules.budget.bytesPerDay = agent.network.bytesPerDay;
    return rules;
}

Future<qint64> AgentRuntime::recordEgress(const egress::Session& session,
                                          const QJsonObject& payload)
{
    m_egressStats.withLock([&](egress::Stats& stats) {
        const bool refused = payload.value(QStringLiteral("verdict")).toString() == u"refused";
        // A request that goes out is written down twice: when it is meant, and when it is done.
        const bool done = payload.value(QStringLiteral("phase")).toString() == u"done";
        stats.requests += done ? 0 : 1;
        stats.refused += refused ? 1 : 0;
        stats.bytesOut += payload.value(QStringLiteral("bytes_out")).toInteger();
        stats.bytesIn += payload.value(QStringLiteral("bytes_in")).toInteger();
    });
    Promise<qint64> promise;
    auto future = promise.future();
    m_journal
        ->append({.kind = Kind::EgressRequest,
                  .process = session.process,
                  .cause = session.callSeq > 0 ? QString::number(session.callSeq) : QString(),
                  .payload = payload,
                  .traceId = session.traceId})
        .then([promise = std::move(promise)](Result<protocol::Entry> entry) {
            promise.set(
                entry.transform([](const protocol::Entry& written) { return written.seq; }));
        });
    return future;
}

// The question that waits for this address already, or a new one. Blocks; on the pool.
Result<ApprovalInfo> AgentRuntime::addressQuestion(const egress::Question& question)
{
    const std::scoped_lock lock(m_askingForAddress);
    SB_TRY(const auto waiting, m_approvals->list(false));
    for (const ApprovalInfo& info : waiting) {
        if (protocol::addressOf(info) == question.entry) {
            return info;
        }
    }
    ApprovalInfo draft;
    draft.process = question.session.process;
    draft.tool = networkTool;
    auto approve = protocol::ApproveMode::Ask;
    bool nobodyThere = false;
    SB_CHECK(m_database->read([&](store::Connection& connection) -> Result<> {
        SB_TRY(const auto info, process::readProcess(connection, draft.process));
        draft.channel = info ? info->channel : QString();
        SB_TRY(const auto run, process::readRunOfChannel(connection, draft.channel));
        if (run && run->finishedSeq == 0) {
            draft.run = run->id;
            approve = run->approve;
            nobodyThere = run->unattended;
        }
        return {};
    }));
    draft.risk = protocol::Risk::High;
    draft.riskReasons = {QStringLiteral("the address is not on the agent's list")};
    if (question.method == u"CONNECT") {
        draft.riskReasons.append(QStringLiteral("what goes through a tunnel cannot be looked at"));
    }
    // Where the command cannot wait for the answer, a yes is worth something only from now on.
    draft.arguments = protocol::addressArguments(question.entry, nobodyThere);
    draft.schema = addressSchema(question.entry);
    draft.command = QStringLiteral("Reach %1:%2").arg(question.name).arg(question.port);
    draft.rule = QStringLiteral("default");
    draft.reason = QStringLiteral(
        "A command of it wants to reach an address that is not on the agent's list.");
    const qint64 callSeq = question.session.callSeq;
    SB_TRY(ApprovalInfo asked,
           m_approvals
               ->request(
                   std::move(draft),
                   {callSeq > 0 ? QString::number(callSeq) : QString(), question.session.traceId})
               .wait());
    if (approve != protocol::ApproveMode::Ask) {
        protocol::SettleApproval settle;
        settle.id = asked.id;
        settle.accept = approve == protocol::ApproveMode::Allow;
        settle.by = settle.accept ? QStringLiteral("run --approve allow")
                                  : QStringLiteral("run --approve deny");
        return m_approvals->settle(std::move(settle)).wait();
    }
    return asked;
}

egress::Stats AgentRuntime::egressStats() const
{
    return m_egressStats.withLock([](const egress::Stats& stats) { return stats; });
}

Future<bool> AgentRuntime::askForAddress(const egress::Question& question)
{
    Promise<bool> promise;
    auto future = promise.future();
    m.pool.post([this, question, promise = std::move(promise)]() mutable {
        const auto asked = addressQuestion(question);
        if (!asked) {
            promise.set(std::unexpected(asked.error()));
            return;
        }
        if (asked->state == ApprovalState::Waiting && protocol::isForGood(*asked)) {
            promise.set(false); // nobody is there who could answer while the command waits
            return;
        }
        m_addressAskers.withLock([&](auto& all) {
            all[asked->id].insert(callKey(question.session.process, question.session.callSeq));
        });
        m_approvals->settled(asked->id).then(
            [this, promise = std::move(promise)](Result<ApprovalInfo> settled) {
                if (settled) {
                    m_addressAskers.withLock([&](auto& all) { all.remove(settled->id); });
                }
                promise.set(settled.transform([](const ApprovalInfo& info) {
                    return info.state == ApprovalState::Accepted;
                }));
            });
    });
    return future;
}

void AgentRuntime::endAddressQuestions(const QString& process, qint64 callSeq)
{
    QStringList unasked;
    m_addressAskers.withLock([&](QHash<QString, QSet<QString>>& all) {
        for (auto it = all.begin(); it != all.end(); ++it) {
            if (it->remove(callKey(process, callSeq)) && it->isEmpty()) {
                unasked.append(it.key());
            }
        }
    });
    for (const QString& id : std::as_const(unasked)) {
        (void)m_approvals->withdraw(id, QStringLiteral("The command that asked has ended."));
    }
}

void AgentRuntime::withdrawLeftQuestions(const QList<ApprovalInfo>& waiting)
{
    for (const ApprovalInfo& info : waiting) {
        // One that is to be remembered is worth an answer also without the command.
        if (!protocol::addressOf(info).isEmpty() && !protocol::isForGood(info)) {
            (void)m_approvals->withdraw(info.id,
                                        QStringLiteral("The command that asked has ended."));
        }
    }
}

void AgentRuntime::rememberAnswer(const ApprovalInfo& approval)
{
    const QString address = protocol::addressOf(approval);
    if (!address.isEmpty() && approval.state == ApprovalState::Accepted &&
        protocol::isForGood(approval)) {
        (void)m_grants->give(
            networkTool, address, approval.by, QString::number(approval.settleSeq));
    }
}

} // namespace sb::runtime
