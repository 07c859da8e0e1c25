#include "core/tools/GateWithin.h"

#include "core/base/Defence.h"

namespace sb::tools {

Future<Settled> Gate::passWithin(const Context& context, llm::ToolCall wanted)
{
    Promise<Settled> promise;
    auto future = promise.future();
    m.executor.post(
        [this, context, wanted = std::move(wanted), promise = std::move(promise)]() mutable {
            const auto found = m_underWay.find(context.callSeq);
            if (found == m_underWay.end() ||
                found->second->call.context.process != context.process) {
                promise.set(fail(ErrorCode::Conflict,
                                 QStringLiteral("The call that asks for it has ended.")));
                return;
            }
            const auto outer = found->second;
            // A call of its own in every respect, but for those who asked.
            Call call = outer->call;
            call.call = std::move(wanted);
            call.cause = QString::number(context.callSeq);
            call.within = context.callSeq;
            call.callSeq = 0;
            call.justification =
                QStringLiteral("The tool %1 asks for it.").arg(outer->call.call.name);
            outer->call.callsBefore += 1; // each counts against what the process may do
            outer->running += 1;
            within(outer, std::move(call), std::move(promise));
        });
    return future;
}

QCoro::Task<> Gate::within(std::shared_ptr<UnderWay> outer, Call call, Promise<Settled> promise)
{
    auto passing = pass(std::move(call), outer->observer, outer->stop.get_token());
    auto settled = co_await passing;
    if (settled && !settled->message.sources.isEmpty() && defended("taint.host-calls")) {
        // What the tool asks for next, and what it answers in the end, may hold this.
        outer->call.labelling.read.add(
            std::make_shared<const taint::Fingerprint>(settled->message.text),
            settled->message.sources);
        outer->read += settled->message.sources;
    }
    outer->running -= 1;
    promise.set(std::move(settled));
    if (outer->running == 0 && outer->idle) {
        outer->idle->set({});
    }
}

QCoro::Task<Result<>> Gate::abandon(Call call, QString approval)
{
    const QString why = QStringLiteral("The tool that asked for it ended with the program.");
    if (!approval.isEmpty()) {
        auto withdrawing = m.approvals.withdraw(approval, why);
        (void)co_await cancellable({}, m.executor, std::move(withdrawing)); // or it was answered
    }
    auto reading = runOn(m.pool, [this, seq = call.callSeq] { return m.journal.entry(seq); });
    SB_CO_TRY(const auto asked, co_await cancellable({}, m.executor, std::move(reading)));
    call.call.name = asked.payload.value(QStringLiteral("tool")).toString();
    call.within = asked.payload.value(QStringLiteral("within")).toInteger();
    const QString cause = QString::number(call.callSeq);
    auto answering = answer(std::move(call), why, true, {}, cause, {});
    SB_CO_CHECK(co_await answering);
    co_return {};
}

QCoro::Task<QList<taint::Source>> Gate::close(std::shared_ptr<UnderWay> outer)
{
    // A tool can end while its host call waits for a person: that question is nobody's any more.
    // What is asked refers to the process, so the process's call must not end before.
    m_underWay.erase(outer->call.callSeq);
    outer->stop.request_stop();
    if (outer->running > 0) {
        outer->idle.emplace();
        auto idle = outer->idle->future();
        (void)co_await cancellable({}, m.executor, std::move(idle));
    }
    co_return taint::passedOn(taint::condensed(outer->read),
                              outer->call.context.process,
                              QStringLiteral("what %1 made of it").arg(outer->call.call.name));
}

} // namespace sb::tools
