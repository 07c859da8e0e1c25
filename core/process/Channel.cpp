#include "core/process/Channel.h"

#include "core/process/Host.h"

namespace sb::process {

using protocol::Kind;

namespace {

constexpr qsizetype rememberedEnds = 6;
constexpr Milliseconds retryAfter{5000};

bool isOfTheDisk(ErrorCode code)
{
    return code == ErrorCode::DiskFull || code == ErrorCode::Io || code == ErrorCode::Locked;
}

QString oneLine(const QString& text, int cap)
{
    const QString line = text.simplified();
    return line.size() > cap ? line.left(cap - 1) + u'…' : line;
}

} // namespace

Channel::Channel(Host& host, protocol::ProcessInfo info, QString run, QString title, QString origin)
    : Process(host, std::move(info), std::move(run))
    , m_title(std::move(title))
    , m_origin(std::move(origin))
{
}

void Channel::deliver(Mail mail)
{
    m_mail.append(std::move(mail));
    pump();
}

void Channel::restoreEnd(const QString& text, bool failed)
{
    m_lastText = text;
    m_lastTurnFailed = failed;
}

void Channel::resumeTurn()
{
    if (!m_turning && !m_host.m_leaving) {
        m_turning = true;
        m_stop = std::stop_source();
        m_task.emplace(turn(true));
    }
}

void Channel::pump()
{
    if (m_turning || m_mail.isEmpty() || m_host.m_leaving) {
        return;
    }
    if (!runCancelledBy.isEmpty()) {
        m_host.settle(m_info.channel); // what still comes in is taken note of, and answered no more
        return;
    }
    m_retry.reset();
    m_turning = true;
    m_stopReason = StopReason::None;
    m_stop = std::stop_source();
    m_task.emplace(turn(false));
}

void Channel::stop(StopReason reason, const QString& by)
{
    if (m_turning) {
        Process::stop(reason, by);
    } else if (reason == StopReason::Leaving) {
        m_stopReason = reason;
    }
}

void Channel::rememberEnded(const protocol::ProcessInfo& info, QList<taint::Source> taskSources)
{
    m_ended.prepend({info, std::move(taskSources)});
    if (m_ended.size() > rememberedEnds) {
        m_ended.removeLast();
    }
}

QString Channel::instructions() const
{
    return basePrompt("channel");
}

QString Channel::situation() const
{
    const qint64 now = m_host.m.clock.nowUs();
    QString text = QStringLiteral("\n## Status\n\nIt is %1.\n").arg(timeText(now).left(19) + u'Z');
    const auto alive = m_host.processesOf(m_info.channel);
    for (const Process* process : alive) {
        const auto& info = process->info();
        text += QStringLiteral("- %1 %2 is %3, %4 s, %5 tool calls: %6")
                    .arg(enumName(info.kind),
                         info.id,
                         process->isWaitingForApproval() ? QStringLiteral("waiting for a person")
                                                         : QStringLiteral("running"))
                    .arg((now - info.startedAt) / 1'000'000)
                    .arg(info.toolCalls)
                    .arg(oneLine(info.task, 160));
        text += info.status.isEmpty() ? QStringLiteral("\n")
                                      : QStringLiteral(" (%1)\n").arg(oneLine(info.status, 120));
    }
    if (alive.isEmpty()) {
        text += QStringLiteral("No branch or worker is running.\n");
    }
    for (const auto& [info, sources] : m_ended) {
        text +=
            QStringLiteral("- %1 %2 %3: %4\n")
                .arg(enumName(info.kind), info.id, enumName(info.state), oneLine(info.task, 120));
    }
    return text;
}

QList<Process::Told> Channel::told()
{
    QList<Told> all;
    const auto add = [&](const QString& text, const QList<taint::Source>& sources) {
        if (!text.isEmpty() && !sources.isEmpty()) {
            all.append({text, sources});
        }
    };
    for (const Process* running : m_host.processesOf(m_info.channel)) {
        if (Process* process = m_host.find(running->info().id)) {
            add(process->info().task, process->taskSources());
            add(process->info().status, process->statusSources());
        }
    }
    for (const auto& ended : m_ended) {
        add(ended.info.task, ended.taskSources);
    }
    if (m_bulletin && !m_bulletin->sources.isEmpty()) {
        all.append({m_bulletin->text, m_bulletin->sources, m_bulletin->fingerprint});
    }
    return all;
}

QCoro::Task<> Channel::turn(bool resumed)
{
    m_host.activity(m_info.channel);
    noteProgress();
    m_guard = LoopGuard();
    m_taken.clear();
    auto conversing = converse(resumed);
    auto result = co_await conversing;

    TurnResult end;
    if (result) {
        end = std::move(*result);
    } else {
        end.failed = true;
        end.text = m_host.m.watch.look(result.error().message).text; // it may quote a service
    }
    m_lastTurnCancelled = m_stopReason == StopReason::Cancelled;
    if (!result && m_stopReason != StopReason::Leaving) {
        QString message = result.error().message;
        if (m_stopReason == StopReason::Cancelled) {
            message = QStringLiteral("Cancelled by %1.").arg(m_stoppedBy);
        } else if (m_stopReason == StopReason::Stalled) {
            message = QStringLiteral("Nothing moved for %1 s, so the turn was stopped.")
                          .arg(m_host.m.settings().stall.count() / 1000);
        }
        end.text = message;
        auto telling = m_host.m.journal.append(
            entry(Kind::Incident,
                  m_history.isEmpty() ? QString() : QString::number(m_history.last().seq),
                  {{QStringLiteral("channel"), m_info.channel},
                   {QStringLiteral("message"), message},
                   {QStringLiteral("code"), errorCodeName(result.error().code)},
                   {QStringLiteral("turn_open"), false}}));
        (void)co_await cancellable({}, m_host.m.executor, std::move(telling));
    }
    m_lastTurnFailed = end.failed;
    if (!end.text.isEmpty()) {
        m_lastText = end.text;
    }
    m_turning = false;
    rest();
    if (!result && !m_mail.isEmpty() && isOfTheDisk(result.error().code)) {
        // Its mail could not be taken; it is tried again when the disk may have room, not at once
        // for ever.
        m_host.turnEnded(*this, std::exchange(m_taken, {}), end);
        m_retry =
            m_host.m.clock.after(retryAfter, m_host.m.executor, [&host = m_host, id = m_info.id] {
                if (auto* process = host.find(id)) {
                    static_cast<Channel*>(process)->pump();
                }
            });
        co_return;
    }
    m_host.turnEnded(*this, std::exchange(m_taken, {}), end);
    // The next turn begins in a job of its own: this one's frame still stands here.
    m_host.m.executor.post([&host = m_host, id = m_info.id] {
        if (auto* process = host.find(id)) {
            static_cast<Channel*>(process)->pump();
        }
    });
}

QCoro::Task<Result<TurnResult>> Channel::converse(bool resumed)
{
    TurnResult end;
    QString cause;
    if (resumed) {
        auto resuming = resumeCalls();
        SB_CO_CHECK(co_await resuming);
        if (!m_mail.isEmpty() && !owesAnAnswer()) {
            resumed = false;
        }
    }
    if (!resumed) {
        for (const auto& mail : m_mail.mid(0, mostMail)) {
            m_taken.append(mail.seq);
        }
        auto taking = takeMail(true);
        SB_CO_CHECK(co_await taking);
    }
    cause = m_history.isEmpty() ? QString() : QString::number(m_history.last().seq);

    QStringList said;
    const int steps = m_host.m.settings().channelSteps;
    for (int step = 0; step < steps; ++step) {
        auto thinking = think(cause);
        auto response = co_await thinking;
        if (!response) {
            co_return std::unexpected(response.error());
        }
        const QString text = response->text.trimmed();
        const bool last = response->toolCalls.isEmpty();
        end.usage.inputTokens += response->usage.inputTokens;
        end.usage.outputTokens += response->usage.outputTokens;
        QList<journal::NewEntry> besides;
        if (!text.isEmpty()) {
            QJsonObject payload{{QStringLiteral("channel"), m_info.channel},
                                {QStringLiteral("text"), text}};
            if (last) {
                payload.insert(QStringLiteral("turn_open"), false);
            }
            besides.append(entry(Kind::MessageSent, {}, payload));
            said.append(text);
        } else if (last) {
            besides.append(
                entry(Kind::ProcessStatus,
                      {},
                      {{QStringLiteral("status"), QStringLiteral("ended without a reply")},
                       {QStringLiteral("turn_open"), false}}));
        }
        const auto calls = response->toolCalls;
        auto recording = record(std::move(*response), std::move(besides));
        SB_CO_TRY(const qint64 seq, co_await recording);
        end.text = said.join(QStringLiteral("\n\n"));
        if (last) {
            co_return end;
        }
        auto acting = act(calls, text, seq);
        SB_CO_CHECK(co_await acting);
        if (std::ranges::any_of(calls, [](const auto& call) { return call.name == u"skip"; })) {
            auto closing = m_host.m.journal.append(
                entry(Kind::ProcessStatus,
                      QString::number(seq),
                      {{QStringLiteral("status"), QStringLiteral("skipped")},
                       {QStringLiteral("turn_open"), false}}));
            SB_CO_CHECK(co_await cancellable({}, m_host.m.executor, std::move(closing)));
            co_return end;
        }
        cause = QString::number(m_history.last().seq);
    }
    co_return fail(
        ErrorCode::Conflict,
        QStringLiteral("The turn took %1 model calls without coming to an end, and was stopped.")
            .arg(steps));
}

} // namespace sb::process
