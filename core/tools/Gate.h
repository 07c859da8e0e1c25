#pragma once
#include "core/approvals/Approvals.h"
#include "core/journal/Journal.h"
#include "core/leaks/Watch.h"
#include "core/tools/GateTaint.h"
#include "core/tools/Registry.h"

#include <qcoro/qcorotask.h>

namespace sb::tools {

/// A tool call on its way to the gate.
struct Call
{
    llm::ToolCall call;
    protocol::ProcessKind kind = protocol::ProcessKind::Worker;
    Context context;
    QString channel;
    QString run;           ///< empty outside a run
    QString cause;         ///< seq of the model.response that holds the call
    QString justification; ///< what the model wrote beside it
    protocol::ApproveMode approve = protocol::ApproveMode::Ask;
    int callsBefore = 0;   ///< tool calls of this process so far, for its budget
    int callLimit = 0;     ///< 0: none
    Labelling labelling{}; ///< what its model has read, and what that means
    qint64 callSeq = 0;    ///< of its tool.call; set by the gate
    qint64 within = 0;     ///< seq of the tool.call of the tool that asks for it; 0: a model does
    QString traceId;       ///< of the process, for what the gate writes down
    QString spanId;
};

/// Where a call stood when the program stopped; recovery hands it to Gate::resume.
struct Interrupted
{
    qint64 callSeq = 0;    ///< of its tool.call
    bool started = false;  ///< its intent was on disk: the effect may have happened
    QString approval;      ///< id of the approval that it had asked for
    QJsonObject arguments; ///< those that it began with, where a person had changed them
};

/// How a call ended. There is always an answer for the model, journalled as tool.result.
struct Settled
{
    llm::Message message;
    QJsonObject facts;
    qint64 resultSeq = 0;
};

/// What the process that calls wants to hear meanwhile; on its executor or a tool's thread.
struct CallObserver
{
    std::function<void(bool waiting)> waitingForApproval;
    std::function<void(Milliseconds patience)> effectStarts;
    std::function<void(const QString&)> output;
    /// Whether the whole program is closing: then nothing is answered or withdrawn, and the next
    /// start resumes.
    std::function<bool()> isLeaving;
};

/// The one way from a model's wish to an effect. In this order: known secrets, schema, capability
/// of the process kind, plan, labels, policy, approval, budget, intent on disk, effect, outcome
/// redacted and journalled. Whatever fails on the way denies, and the model reads why. It lives on
/// its agent's executor.
class Gate
{
public:
    struct Parts
    {
        const Registry& registry;
        journal::Journal& journal;
        approvals::Approvals& approvals;
        Executor& executor;                            ///< the agent's
        Executor& pool;                                ///< for planning, which reads files
        std::function<QList<policy::Rule>()> rules;    ///< those in force now
        std::function<QString(const QString&)> redact; ///< takes secrets out of a text
        leaks::Watch watch{};                          ///< raises incidents for them
    };
    explicit Gate(Parts parts);
    ~Gate();

    /// Takes a call through. An Error only when the journal cannot be written or the call was
    /// cancelled; everything else is an answer for the model.
    QCoro::Task<Result<Settled>> pass(Call call, CallObserver observer, std::stop_token stop);

    /// Takes up a call that was under way when the program stopped. One whose effect may have
    /// happened and that is not idempotent is put before a person first.
    QCoro::Task<Result<Settled>>
    resume(Call call, Interrupted state, CallObserver observer, std::stop_token stop);

    /// Takes through what a tool asks for whose own call is under way (context.callSeq): as a call
    /// of the same process, judged with all that its model and the tool have read. From any thread.
    /// Conflict when that call is not under way (any more); Cancelled when it ends meanwhile.
    Future<Settled> passWithin(const Context& context, llm::ToolCall wanted);

    /// Ends, in the record, a call of a tool (call.callSeq, with the question that it had asked)
    /// that was under way when the program stopped.
    QCoro::Task<Result<>> abandon(Call call, QString approval);

private:
    struct UnderWay;
    QCoro::Task<> within(std::shared_ptr<UnderWay> outer, Call call, Promise<Settled> promise);
    /// Ends what the call's tool still asks for, and answers with what it has read.
    QCoro::Task<QList<taint::Source>> close(std::shared_ptr<UnderWay> outer);
    QCoro::Task<Result<Settled>> judge(
        Call call, Interrupted state, bool isTakenUp, CallObserver observer, std::stop_token stop);
    /// Why a call may be performed.
    struct Leave
    {
        QString cause{}; ///< seq of the decision, or of the person's answer
        /// The decision itself, where it is not written down yet: then it comes first.
        std::optional<journal::NewEntry> verdict{};
        bool wasEdited = false; ///< by the person who accepted it
    };
    QCoro::Task<Result<Settled>> perform(Call call,
                                         Tool* tool,
                                         Labelled labelled,
                                         Leave leave,
                                         CallObserver observer,
                                         std::stop_token stop);
    QCoro::Task<Result<Settled>> answer(Call call,
                                        QString text,
                                        bool isError,
                                        QJsonObject facts,
                                        QString cause,
                                        std::stop_token stop,
                                        QList<taint::Source> sources = {});
    [[nodiscard]] protocol::ApprovalInfo question(const Call& call,
                                                  const Tool& tool,
                                                  const Plan& plan,
                                                  const policy::Decision& decision) const;

    Parts m;
    std::map<qint64, std::shared_ptr<UnderWay>> m_underWay; ///< by the tool.call's seq
};

} // namespace sb::tools
