#include "core/process/Delegate.h"

#include "core/base/Defence.h"
#include "core/process/Host.h"

namespace sb::process {

using protocol::Kind;
using protocol::ProcessState;

namespace {

constexpr qsizetype resultCap = 32 * 1024;

/// A result as its owner's model reads it.
llm::Message
resultMessage(const protocol::ProcessInfo& info, const QString& state, const QString& text)
{
    llm::Message message;
    message.role = llm::Role::User;
    message.text =
        QStringLiteral("[%1 %2 %3]\nTask: %4\n\n%5")
            .arg(enumName(info.kind), info.id, state, info.task.left(2000), text.left(resultCap));
    return message;
}

} // namespace

Delegate::Delegate(Host& host, protocol::ProcessInfo info, QString run, bool interactive)
    : Process(host, std::move(info), std::move(run)), m_interactive(interactive)
{
}

void Delegate::deliver(Mail mail)
{
    m_mail.append(std::move(mail));
    if (m_wake) {
        std::exchange(m_wake, std::nullopt)->set({});
    }
}

void Delegate::nudge()
{
    if (m_wake && !m_interactive) {
        std::exchange(m_wake, std::nullopt)->set({});
    }
}

QCoro::Task<> Delegate::body()
{
    noteProgress();
    auto working = work();
    auto result = co_await working;
    rest();
    if (m_stopReason == StopReason::Leaving) {
        m_host.ended(m_info.id, std::nullopt);
        co_return;
    }

    End end;
    if (result) {
        end = std::move(*result);
    } else if (m_stopReason == StopReason::Cancelled) {
        end = {ProcessState::Cancelled, QStringLiteral("Cancelled by %1.").arg(m_stoppedBy)};
    } else if (m_stopReason == StopReason::Stalled) {
        end = {
            ProcessState::Failed,
            QStringLiteral(
                "It made no progress for too long; it was stopped with everything that it ran.")};
    } else {
        end = {ProcessState::Failed, m_host.m.watch.look(result.error().message).text};
    }
    m_info.state = end.state;
    m_info.result = end.result;
    Mail mail;
    mail.owner = m_host.ownerOf(m_info);
    mail.kind = QStringLiteral("result");
    mail.message = resultMessage(m_info, enumName(end.state), end.result);
    auto looking = sourcesOf(mail.message.text, QStringLiteral("the result of %1").arg(m_info.id));
    auto looked = co_await looking;
    // Nothing is handed on without its labels: what they are cannot be told, so it is all of them.
    mail.message.sources = looked ? *looked : taint::sourcesFromJson({QJsonValue()});
    if (end.isKnown) {
        mail.owner.clear(); // its owner has the result already
    }
    Result<protocol::Entry> written = fail(ErrorCode::Internal, {});
    for (;;) {
        auto storing = m_host.storable(mail.message, 2);
        auto stored = co_await storing;
        if (stored) {
            QJsonObject payload{{QStringLiteral("kind"), enumName(m_info.kind)},
                                {QStringLiteral("state"), enumName(end.state)},
                                {QStringLiteral("result"), end.result},
                                {QStringLiteral("owner"), mail.owner},
                                {QStringLiteral("message"), *stored}};
            insertSources(payload, mail.message.sources);
            auto ending = m_host.m.journal.append(entry(Kind::ProcessEnded,
                                                        m_history.isEmpty()
                                                            ? QString::number(m_info.startedSeq)
                                                            : QString::number(m_history.last().seq),
                                                        std::move(payload)));
            written = co_await cancellable({}, m_host.m.executor, std::move(ending));
            if (written) {
                break;
            }
        }
        // The disk fails. Nothing is lost: it is tried again, and after a restart it is taken up
        // again.
        auto waiting = m_host.pause();
        (void)co_await cancellable({}, m_host.m.executor, std::move(waiting));
        if (m_host.m_leaving) {
            m_host.ended(m_info.id, std::nullopt);
            co_return;
        }
    }
    if (mail.owner.isEmpty()) {
        m_host.ended(m_info.id, std::nullopt);
        co_return;
    }
    mail.seq = written->seq;
    mail.message.sources =
        taint::settled(std::move(mail.message.sources), written->seq, written->time);
    m_info.endedAt = written->time;
    m_host.ended(m_info.id, std::move(mail));
}

QCoro::Task<Result<>> Delegate::waitForMail(std::optional<Milliseconds> atMost)
{
    m_wake.emplace();
    auto woken = m_wake->future();
    Subscription timer;
    if (atMost) {
        timer = m_host.m.clock.after(*atMost, m_host.m.executor, [this] {
            if (m_wake) {
                std::exchange(m_wake, std::nullopt)
                    ->set(fail(ErrorCode::Timeout,
                               QStringLiteral("Nobody had anything more for it.")));
            }
        });
    }
    rest();
    auto result = co_await cancellable(m_stop.get_token(), m_host.m.executor, std::move(woken));
    m_wake.reset();
    noteProgress();
    co_return result;
}

QCoro::Task<Result<QList<taint::Source>>> Delegate::sourcesOf(QString text, QString what)
{
    if (!defended("taint.results")) {
        co_return QList<taint::Source>();
    }
    auto looking = runOn(m_host.m.pool, [context = read(), text]() -> Result<QList<taint::Source>> {
        return context.carriedBy(text);
    });
    SB_CO_TRY(auto carried, co_await cancellable({}, m_host.m.executor, std::move(looking)));
    co_return taint::passedOn(std::move(carried), m_info.id, what);
}

QCoro::Task<Result<>> Delegate::report(const QString& text)
{
    Mail mail;
    mail.owner = m_host.ownerOf(m_info);
    mail.kind = QStringLiteral("result");
    mail.message = resultMessage(m_info, QStringLiteral("reports and waits for follow-ups"), text);
    auto looking = sourcesOf(mail.message.text, QStringLiteral("a report of %1").arg(m_info.id));
    SB_CO_TRY(mail.message.sources, co_await looking);
    QJsonObject payload{{QStringLiteral("owner"), mail.owner},
                        {QStringLiteral("channel"), QString()},
                        {QStringLiteral("from"), m_info.id},
                        {QStringLiteral("text"), mail.message.text}};
    insertSources(payload, mail.message.sources);
    auto reporting = m_host.m.journal.append(
        entry(Kind::MessageReceived, QString::number(m_history.last().seq), std::move(payload)));
    SB_CO_TRY(const auto written,
              co_await cancellable({}, m_host.m.executor, std::move(reporting)));
    mail.seq = written.seq;
    mail.message.sources =
        taint::settled(std::move(mail.message.sources), written.seq, written.time);
    m_host.post(std::move(mail));
    co_return {};
}

QCoro::Task<Result<Delegate::End>> Delegate::work()
{
    // One that had said its last word before the program stopped does not say it again.
    m_hasReported = m_interactive && !m_history.isEmpty() && !owesAnAnswer();
    auto resuming = resumeCalls();
    SB_CO_CHECK(co_await resuming);
    for (int step = 0; step < stepLimit();) {
        if (!m_mail.isEmpty()) {
            auto taking = takeMail(false);
            SB_CO_CHECK(co_await taking);
        }
        if (owesAnAnswer()) {
            ++step;
            auto thinking = think(m_history.isEmpty() ? QString::number(m_info.startedSeq)
                                                      : QString::number(m_history.last().seq));
            auto response = co_await thinking;
            if (!response) {
                co_return std::unexpected(response.error());
            }
            const auto calls = response->toolCalls;
            const QString text = response->text;
            auto recording = record(std::move(*response), {});
            SB_CO_TRY(const qint64 seq, co_await recording);
            if (!calls.isEmpty()) {
                auto acting = act(calls, text, seq);
                SB_CO_CHECK(co_await acting);
                continue;
            }
        }
        // It has said its last word, unless somebody has more for it.
        if (!m_mail.isEmpty()) {
            continue;
        }
        if (awaitsOthers()) {
            auto waiting = waitForMail(std::nullopt);
            SB_CO_CHECK(co_await waiting);
            continue;
        }
        const QString text =
            m_history.isEmpty() ? QString() : m_history.last().message.text.trimmed();
        if (m_interactive) {
            if (!std::exchange(m_hasReported, false)) {
                auto reporting = report(text);
                SB_CO_CHECK(co_await reporting);
            }
            auto waiting = waitForMail(m_host.m.settings().interactiveIdle);
            auto more = co_await waiting;
            if (more) {
                continue;
            }
            if (more.error().code != ErrorCode::Timeout) {
                co_return std::unexpected(more.error());
            }
            co_return End{ProcessState::Succeeded, text, true};
        }
        co_return End{ProcessState::Succeeded,
                      text.isEmpty() ? QStringLiteral("(It ended without a report.)") : text};
    }
    co_return fail(
        ErrorCode::Conflict,
        QStringLiteral("It took %1 model calls without coming to an end, and was stopped.")
            .arg(stepLimit()));
}

QString Branch::instructions() const
{
    return basePrompt("branch");
}

int Branch::stepLimit() const
{
    return m_host.m.settings().branchSteps;
}

bool Branch::awaitsOthers() const
{
    return m_host.hasChildren(m_info.id);
}

QString Worker::instructions() const
{
    return basePrompt("worker") +
           QStringLiteral("\nThe workspace is %1.\n").arg(m_host.m.settings().workspace);
}

int Worker::stepLimit() const
{
    return m_host.m.settings().workerSteps;
}

} // namespace sb::process
