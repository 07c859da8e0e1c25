#include "core/tools/Gate.h"

#include "core/base/Defence.h"
#include "core/tools/GateWithin.h"
#include "core/tools/Schema.h"

#include <QJsonDocument>

namespace sb::tools {

using journal::NewEntry;
using protocol::ApprovalInfo;
using protocol::ApprovalState;
using protocol::ApproveMode;
using protocol::Kind;

namespace {

QString verdictName(policy::Verdict verdict)
{
    switch (verdict) {
    case policy::Verdict::Allow:
        return QStringLiteral("allow");
    case policy::Verdict::Ask:
        return QStringLiteral("ask");
    case policy::Verdict::Forbid:
        return QStringLiteral("forbid");
    }
    return QStringLiteral("forbid");
}

NewEntry entryOf(const Call& call, Kind kind, QString cause, QJsonObject payload)
{
    payload.insert(QStringLiteral("call"), call.call.id);
    payload.insert(QStringLiteral("tool"), call.call.name);
    if (call.within != 0) {
        payload.insert(QStringLiteral("within"), call.within);
    }
    NewEntry entry;
    entry.kind = kind;
    entry.process = call.context.process;
    entry.cause = std::move(cause);
    entry.payload = std::move(payload);
    entry.traceId = call.traceId;
    entry.spanId = call.spanId;
    return entry;
}

QString refusal(const QString& why)
{
    return QStringLiteral("Refused: ") + why;
}

/// Whether the record took secrets out of these arguments: then they are not what was meant any
/// more.
bool holdsRedacted(const QJsonObject& arguments)
{
    return QJsonDocument(arguments).toJson(QJsonDocument::Compact).contains("[redacted:");
}

bool isLeaving(const CallObserver& observer)
{
    return observer.isLeaving && observer.isLeaving();
}

QString rejection(const ApprovalInfo& approval)
{
    if (approval.state == ApprovalState::Expired) {
        return refusal(QStringLiteral("nobody answered in time, and no answer means no."));
    }
    if (approval.by == u"run --approve deny") {
        return refusal(
            QStringLiteral("this run was started to refuse whatever a person would be asked."));
    }
    return approval.note.isEmpty()
               ? refusal(QStringLiteral("a person said no."))
               : refusal(QStringLiteral("a person said no, and this: %1").arg(approval.note));
}

} // namespace

Gate::Gate(Parts parts) : m(std::move(parts)) {}

Gate::~Gate() = default;

QCoro::Task<Result<Settled>> Gate::pass(Call call, CallObserver observer, std::stop_token stop)
{
    auto result = co_await judge(std::move(call), {}, false, std::move(observer), std::move(stop));
    co_return result;
}

QCoro::Task<Result<Settled>>
Gate::resume(Call call, Interrupted state, CallObserver observer, std::stop_token stop)
{
    if (!state.arguments.isEmpty()) {
        call.call.arguments = state.arguments;
    }
    auto result = co_await judge(
        std::move(call), std::move(state), true, std::move(observer), std::move(stop));
    co_return result;
}

ApprovalInfo Gate::question(const Call& call,
                            const Tool& tool,
                            const Plan& plan,
                            const policy::Decision& decision) const
{
    ApprovalInfo draft;
    draft.agent = call.context.agent;
    draft.process = call.context.process;
    draft.channel = call.channel;
    draft.run = call.run;
    draft.tool = call.call.name;
    draft.risk = decision.risk;
    draft.riskReasons = decision.riskReasons;
    draft.flows = taint::toInfo(plan.action.flows);
    draft.arguments = plan.arguments;
    draft.schema = tool.spec().schema;
    draft.command = plan.command;
    draft.paths = plan.paths;
    draft.diff = plan.diff;
    draft.cwd = plan.launch ? plan.launch->cwd : call.context.workspace;
    if (plan.launch) {
        draft.argv = plan.launch->argv;
        draft.environment = plan.launch->environment.keys();
    }
    draft.rule = decision.rule;
    draft.reason = decision.reason;
    draft.justification = call.justification;
    draft.planHash = plan.hash();
    return draft;
}

QCoro::Task<Result<Settled>> Gate::judge(
    Call call, Interrupted state, bool isTakenUp, CallObserver observer, std::stop_token stop)
{
    // Before anything of it is written down: no call carries the value of a known secret.
    auto screened = m.watch.look(call.call.arguments);
    const QString leak = defended("leaks.calls") ? leaks::firstKnown(screened.hits) : QString();
    if (!leak.isEmpty()) {
        call.call.arguments = std::move(screened.object);
    }
    QString cause = QString::number(state.callSeq);
    if (state.callSeq == 0) {
        QJsonObject payload{{QStringLiteral("arguments"), call.call.arguments}};
        if (!call.call.malformed.isEmpty()) {
            payload.insert(QStringLiteral("malformed"), call.call.malformed.left(4096));
        }
        auto proposed = m.journal.append(entryOf(call, Kind::ToolCall, call.cause, payload));
        SB_CO_TRY(const auto entry, co_await cancellable({}, m.executor, std::move(proposed)));
        cause = QString::number(entry.seq);
        state.callSeq = entry.seq;
    }
    call.callSeq = state.callSeq;
    call.context.callSeq = state.callSeq;

    m.watch.raise(screened.hits,
                  {QStringLiteral("call:") + call.call.name,
                   call.context.agent,
                   call.channel,
                   call.context.process,
                   call.callSeq},
                  leak.isEmpty() ? leaks::Fate::Passed : leaks::Fate::Stopped);
    if (!leak.isEmpty()) {
        const QString why = QStringLiteral("the call holds the value of the secret %1.")
                                .arg(leak.sliced(leak.indexOf(u':') + 1));
        auto denied = m.journal.append(
            entryOf(call,
                    Kind::PolicyDecision,
                    cause,
                    {{QStringLiteral("verdict"), verdictName(policy::Verdict::Forbid)},
                     {QStringLiteral("rule"), QStringLiteral("leaks")},
                     {QStringLiteral("reason"), why}}));
        SB_CO_TRY(const auto entry, co_await cancellable({}, m.executor, std::move(denied)));
        auto answered = co_await answer(
            std::move(call),
            refusal(why) + QStringLiteral(" Leave it out, and do not write it in another way."),
            true,
            {},
            QString::number(entry.seq),
            stop);
        co_return answered;
    }

    if (isTakenUp && holdsRedacted(call.call.arguments)) {
        auto answered = co_await answer(
            std::move(call),
            QStringLiteral("It was interrupted, and the record of this call had secrets "
                           "taken out of it. Make the call again."),
            true,
            {},
            cause,
            stop);
        co_return answered;
    }

    Tool* tool = m.registry.find(call.kind, call.call.name);
    if (tool == nullptr) {
        const QString why = QStringLiteral("there is no tool \"%1\" for a %2.")
                                .arg(call.call.name, enumName(call.kind));
        auto denied =
            m.journal.append(entryOf(call,
                                     Kind::PolicyDecision,
                                     cause,
                                     {{QStringLiteral("verdict"), QStringLiteral("forbid")},
                                      {QStringLiteral("rule"), QStringLiteral("capability")},
                                      {QStringLiteral("reason"), why}}));
        SB_CO_TRY(const auto entry, co_await cancellable({}, m.executor, std::move(denied)));
        auto answered = co_await answer(
            std::move(call), refusal(why), true, {}, QString::number(entry.seq), stop);
        co_return answered;
    }
    if (!call.call.malformed.isEmpty()) {
        auto answered = co_await answer(
            std::move(call),
            QStringLiteral(
                "The arguments were not a JSON object. Send the call again with valid JSON."),
            true,
            {},
            cause,
            stop);
        co_return answered;
    }
    if (auto fits = checkArguments(tool->spec().schema, call.call.arguments); !fits) {
        auto answered =
            co_await answer(std::move(call), fits.error().message, true, {}, cause, stop);
        co_return answered;
    }

    const auto makePlan = [this, tool, call](const QJsonObject& arguments) {
        return runOn(m.pool, [this, tool, call, arguments]() -> Result<Labelled> {
            SB_TRY(Plan made, tool->plan(arguments, call.context));
            return labelled(std::move(made), call.labelling, call.context, m.redact);
        });
    };
    auto planning = makePlan(call.call.arguments);
    auto planned = co_await cancellable(stop, m.executor, std::move(planning));
    if (!planned) {
        if (isLeaving(observer)) {
            co_return std::unexpected(planned.error());
        }
        // Why it cannot be done may tell what stands in a file.
        auto told = sourcesOfProblem(call.call.arguments, call.context);
        auto answered = co_await answer(
            std::move(call), planned.error().message, true, {}, cause, stop, std::move(told));
        co_return answered;
    }
    Labelled known = std::move(*planned);
    const Plan& plan = known.plan;
    const QList<taint::Rule> labelRules = call.labelling.settings.rules;

    policy::Decision decision = policy::decide(m.rules(), plan.action, labelRules);
    if (state.started && !tool->isIdempotent()) {
        // It may have taken effect already; only a person can know whether once more does harm. A
        // question that the call has open was asked since it began: it is that one.
        if (decision.verdict != policy::Verdict::Forbid) {
            decision.verdict = policy::Verdict::Ask;
            decision.rule = QStringLiteral("recovery");
            decision.reason = QStringLiteral("It had begun when the program stopped, so it may "
                                             "have been done already. Do it again?");
            decision.risk = std::max(decision.risk, protocol::Risk::High);
        }
    } else if (state.started && decision.verdict == policy::Verdict::Ask) {
        decision.verdict =
            policy::Verdict::Allow; // a person had accepted it, or it would not have begun
    }
    QJsonObject judged{{QStringLiteral("verdict"), verdictName(decision.verdict)},
                       {QStringLiteral("rule"), decision.rule},
                       {QStringLiteral("reason"), decision.reason},
                       {QStringLiteral("risk"), enumName(decision.risk)},
                       {QStringLiteral("command"), plan.command},
                       {QStringLiteral("plan"), plan.hash()}};
    if (!plan.action.labels.isEmpty()) {
        judged.insert(QStringLiteral("labels"),
                      QJsonArray::fromStringList(plan.action.labels.names()));
    }
    const bool isPrecise = std::ranges::any_of(
        plan.action.flows, [](const taint::Flow& flow) { return flow.isPrecise; });
    if (isPrecise || (decision.verdict != policy::Verdict::Allow && !plan.action.flows.isEmpty())) {
        judged.insert(QStringLiteral("flows"),
                      protocol::toJsonValue(taint::toInfo(plan.action.flows)));
    }
    NewEntry verdict = entryOf(call, Kind::PolicyDecision, cause, std::move(judged));
    const bool isSpent = call.callLimit > 0 && call.callsBefore >= call.callLimit;
    if (decision.verdict == policy::Verdict::Allow && state.approval.isEmpty() && !isSpent) {
        // Nothing comes between the verdict and the intent: they share a transaction.
        Leave leave{.verdict = std::move(verdict)};
        auto performed = co_await perform(
            std::move(call), tool, std::move(known), std::move(leave), std::move(observer), stop);
        co_return performed;
    }
    auto deciding = m.journal.append(std::move(verdict));
    SB_CO_TRY(const auto decided, co_await cancellable({}, m.executor, std::move(deciding)));
    cause = QString::number(decided.seq);

    if (decision.verdict != policy::Verdict::Ask && !state.approval.isEmpty()) {
        // It had asked in an earlier life, and need not any more. What was answered "no" stays
        // "no".
        auto withdrawing = m.approvals.withdraw(
            state.approval,
            QStringLiteral("The rules have changed; nobody needs to answer any more."));
        (void)co_await cancellable({}, m.executor, std::move(withdrawing));
        auto asking = m.approvals.settled(state.approval);
        const auto earlier = co_await cancellable(stop, m.executor, std::move(asking));
        if (earlier && earlier->state != ApprovalState::Accepted && earlier->by != u"signalbox") {
            auto answered =
                co_await answer(std::move(call), rejection(*earlier), true, {}, cause, stop);
            co_return answered;
        }
    }
    if (decision.verdict == policy::Verdict::Forbid) {
        auto answered =
            co_await answer(std::move(call), refusal(decision.reason), true, {}, cause, stop);
        co_return answered;
    }

    bool wasEdited = false;
    if (decision.verdict == policy::Verdict::Ask) {
        QString id = state.approval;
        if (id.isEmpty()) {
            ApprovalInfo draft = question(call, *tool, plan, decision);
            draft.callSeq = state.callSeq;
            auto asking = m.approvals.request(std::move(draft), {cause, call.traceId});
            SB_CO_TRY(const auto asked, co_await cancellable({}, m.executor, std::move(asking)));
            id = asked.id;
        }
        // Whether something is done a second time, only a person can say, whatever the run was
        // told.
        if (call.approve != ApproveMode::Ask && decision.rule != u"recovery") {
            protocol::SettleApproval settle;
            settle.id = id;
            settle.accept = call.approve == ApproveMode::Allow;
            settle.by = settle.accept ? QStringLiteral("run --approve allow")
                                      : QStringLiteral("run --approve deny");
            auto settling = m.approvals.settle(std::move(settle));
            (void)co_await cancellable({}, m.executor, std::move(settling));
        }
        auto waiting = m.approvals.settled(id);
        // A question that is settled already (by --approve, or before the program came back) is
        // nothing that a run would be parked for.
        if (!waiting.isReady() && observer.waitingForApproval) {
            observer.waitingForApproval(true);
        }
        auto settled = co_await cancellable(stop, m.executor, std::move(waiting));
        if (observer.waitingForApproval) {
            observer.waitingForApproval(false);
        }
        if (!settled) {
            if (isLeaving(observer)) {
                co_return std::unexpected(settled.error()); // it waits on, in the next life
            }
            if (settled.error().code == ErrorCode::Cancelled) {
                auto withdrawing = m.approvals.withdraw(
                    id, QStringLiteral("The process that asked was cancelled."));
                (void)co_await cancellable({}, m.executor, std::move(withdrawing));
            }
            auto answered =
                co_await answer(std::move(call), settled.error().message, true, {}, cause, stop);
            co_return answered;
        }
        const ApprovalInfo approval = *settled;
        cause = QString::number(approval.settleSeq);
        if (approval.state != ApprovalState::Accepted) {
            auto answered =
                co_await answer(std::move(call), rejection(approval), true, {}, cause, stop);
            co_return answered;
        }

        // What was accepted must be what is done: the plan is made again now, and must be the same,
        // unless the person changed it; then the changed one must stand before the policy as well.
        const bool edited = approval.editedArguments.has_value();
        wasEdited = edited;
        const QJsonObject arguments = edited ? *approval.editedArguments : call.call.arguments;
        QString problem;
        if (edited && holdsRedacted(arguments)) {
            problem = refusal(QStringLiteral(
                "the changed arguments hold a text that secrets were taken out of."));
        } else if (auto fits = checkArguments(tool->spec().schema, arguments); !fits) {
            problem = fits.error().message;
        } else {
            auto replanning = makePlan(arguments);
            auto again = co_await cancellable(stop, m.executor, std::move(replanning));
            if (!again && isLeaving(observer)) {
                co_return std::unexpected(again.error());
            }
            // The rules may have changed while the question waited.
            const auto now = again ? policy::decide(m.rules(), again->plan.action, labelRules)
                                   : policy::Decision();
            if (!again) {
                problem = again.error().message;
            } else if (now.verdict == policy::Verdict::Forbid) {
                problem = refusal(now.reason);
            } else if (edited) {
                known = std::move(*again);
            } else if (again->plan.hash() != approval.planHash) {
                problem = refusal(QStringLiteral(
                    "what it would do has changed since a person accepted it (a file or the "
                    "environment is not the same any more). Look again and repeat the call."));
            } else {
                known = std::move(*again);
            }
        }
        if (!problem.isEmpty()) {
            auto answered = co_await answer(std::move(call), problem, true, {}, cause, stop);
            co_return answered;
        }
    }

    if (isSpent) {
        const QString why = refusal(
            QStringLiteral("this process has used up its %1 tool calls.").arg(call.callLimit));
        auto answered = co_await answer(std::move(call), why, true, {}, cause, stop);
        co_return answered;
    }
    Leave leave{.cause = cause, .wasEdited = wasEdited};
    auto performed = co_await perform(
        std::move(call), tool, std::move(known), std::move(leave), std::move(observer), stop);
    co_return performed;
}

QCoro::Task<Result<Settled>> Gate::perform(Call call,
                                           Tool* tool,
                                           Labelled labelled,
                                           Leave leave,
                                           CallObserver observer,
                                           std::stop_token stop)
{
    Plan& plan = labelled.plan;
    const QJsonArray written = taint::toJson(labelled.written);
    QJsonArray files;
    for (auto it = plan.before.cbegin(); it != plan.before.cend(); ++it) {
        QJsonObject file{{QStringLiteral("path"), it.key()},
                         {QStringLiteral("after"), plan.after.value(it.key())}};
        if (!written.isEmpty()) {
            file.insert(QStringLiteral("sources"), written);
        }
        if (it.value()) {
            auto storing = m.journal.storePart(*it.value());
            SB_CO_TRY(const QString part, co_await cancellable({}, m.executor, std::move(storing)));
            file.insert(QStringLiteral("before"), part);
        } else {
            file.insert(QStringLiteral("before"), QJsonValue::Null);
        }
        files.append(file);
    }
    QJsonArray touched; // what a command may write that is to keep its labels
    if (!written.isEmpty() && plan.before.isEmpty()) {
        for (const QString& path : std::as_const(labelled.paths)) {
            touched.append(
                QJsonObject{{QStringLiteral("path"), path}, {QStringLiteral("sources"), written}});
        }
    }
    const QJsonObject edited = leave.wasEdited ? plan.arguments : QJsonObject();
    auto intending =
        m.journal.transact([call,
                            leave = std::move(leave),
                            files,
                            touched,
                            command = plan.command,
                            hash = plan.hash(),
                            edited](journal::Transaction& transaction) -> Result<qint64> {
            QString cause = leave.cause;
            if (leave.verdict) {
                SB_TRY(const auto decided, transaction.append(*leave.verdict));
                cause = QString::number(decided.seq);
            }
            QJsonObject intent{{QStringLiteral("command"), command},
                               {QStringLiteral("arguments"), edited},
                               {QStringLiteral("plan"), hash}};
            if (!touched.isEmpty()) {
                intent.insert(QStringLiteral("files"), touched);
            }
            SB_TRY(const auto started,
                   transaction.append(entryOf(call, Kind::ToolStarted, cause, std::move(intent))));
            if (!files.isEmpty()) {
                SB_CHECK(transaction.append(entryOf(call,
                                                    Kind::CheckpointCreated,
                                                    QString::number(started.seq),
                                                    {{QStringLiteral("files"), files}})));
            }
            return started.seq;
        });
    SB_CO_TRY(const qint64 intent, co_await cancellable({}, m.executor, std::move(intending)));
    const QString intentCause = QString::number(intent);
    if (stop.stop_requested() && !isLeaving(observer)) {
        auto answered = co_await answer(
            std::move(call), QStringLiteral("It was cancelled."), true, {}, intentCause, stop);
        co_return answered;
    }

    if (observer.effectStarts) {
        observer.effectStarts(plan.patience);
    }
    auto progress = [output = observer.output, redact = m.redact](const QString& text) {
        if (output) {
            output(redact ? redact(text) : text);
        }
    };
    // Awaited without the stop token: a cancelled tool still answers, once nothing of it runs any
    // more.
    const policy::Action action = plan.action;
    const QString command = plan.command;
    const auto underWay = std::make_shared<UnderWay>(call, observer, stop);
    m_underWay.insert_or_assign(call.callSeq, underWay);
    auto running = tool->run(Permit(), std::move(plan), call.context, std::move(progress), stop);
    auto output = co_await cancellable({}, m.executor, std::move(running));
    auto closing = close(underWay);
    const auto readWithin = co_await closing;
    if (isLeaving(observer)) {
        // Its effect may be half done; the record says "begun", and recovery takes it from there.
        co_return fail(ErrorCode::Cancelled, QStringLiteral("The program is closing."));
    }
    if (!output) {
        Output failed;
        failed.text = output.error().message;
        failed.isError = true;
        output = std::move(failed);
    }
    if (!readWithin.isEmpty()) {
        output->sources = output->sources.value_or(QList<taint::Source>()) + readWithin;
    }
    // What a tool watched itself, it has told already.
    if (m.watch.isOn() && !output->facts.contains(QStringLiteral("leak"))) {
        output->text = m.watch
                           .screen(output->text,
                                   {QStringLiteral("tool:") + call.call.name,
                                    call.context.agent,
                                    call.channel,
                                    call.context.process,
                                    call.callSeq})
                           .text;
    }
    QString text = m.redact ? m.redact(output->text) : output->text;
    auto sources = sourcesOfOutput(
        *output, text, action, command, labelled.files, call.labelling.settings, call.context);
    auto answered = co_await answer(std::move(call),
                                    std::move(text),
                                    output->isError,
                                    output->facts,
                                    intentCause,
                                    stop,
                                    std::move(sources));
    co_return answered;
}

QCoro::Task<Result<Settled>> Gate::answer(Call call,
                                          QString text,
                                          bool isError,
                                          QJsonObject facts,
                                          QString cause,
                                          std::stop_token,
                                          QList<taint::Source> sources)
{
    if (m.redact) {
        text = m.redact(text);
    }
    QJsonObject payload{{QStringLiteral("call_seq"), call.callSeq},
                        {QStringLiteral("text"), text},
                        {QStringLiteral("error"), isError},
                        {QStringLiteral("facts"), facts}};
    if (!sources.isEmpty()) {
        payload.insert(QStringLiteral("labels"),
                       QJsonArray::fromStringList(taint::joined(sources).names()));
        payload.insert(QStringLiteral("sources"), taint::toJson(sources));
    }
    auto writing =
        m.journal.append(entryOf(call, Kind::ToolResult, std::move(cause), std::move(payload)));
    SB_CO_TRY(const auto entry, co_await cancellable({}, m.executor, std::move(writing)));
    Settled settled;
    settled.message.role = llm::Role::Tool;
    settled.message.toolCallId = call.call.id;
    settled.message.text = text;
    settled.message.isError = isError;
    settled.message.sources = taint::settled(std::move(sources), entry.seq, entry.time);
    settled.facts = std::move(facts);
    settled.resultSeq = entry.seq;
    co_return settled;
}

} // namespace sb::tools
