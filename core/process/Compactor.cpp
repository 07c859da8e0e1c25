#include "core/process/Compactor.h"

#include "core/process/Host.h"

namespace sb::process {

using protocol::Kind;

namespace {

constexpr qsizetype keptAtLeast = 4;
constexpr qsizetype perMessage = 4000; ///< characters of one message that the summariser reads

QString roleName(llm::Role role)
{
    switch (role) {
    case llm::Role::User:
        return QStringLiteral("user");
    case llm::Role::Assistant:
        return QStringLiteral("agent");
    case llm::Role::Tool:
        return QStringLiteral("tool");
    }
    return {};
}

QString rendered(const llm::Message& message, qsizetype cap)
{
    QString text = message.text;
    for (const auto& call : message.toolCalls) {
        text += QStringLiteral(" [calls %1]").arg(call.name);
    }
    return roleName(message.role) + QStringLiteral(": ") +
           (text.size() > cap ? text.left(cap / 2) + QStringLiteral(" … ") + text.right(cap / 2)
                              : text) +
           u'\n';
}

} // namespace

Compactor::Compactor(Host& host, protocol::ProcessInfo info, QString run, QString target)
    : Process(host, std::move(info), std::move(run)), m_target(std::move(target))
{
}

QString Compactor::instructions() const
{
    return basePrompt("compactor");
}

qsizetype Compactor::cut(const QList<Remembered>& history)
{
    qsizetype total = 0;
    for (const auto& remembered : history) {
        total += remembered.message.text.size() + 50;
    }
    qsizetype taken = 0;
    qsizetype best = 0;
    for (qsizetype i = 0; i + keptAtLeast < history.size(); ++i) {
        taken += history[i].message.text.size() + 50;
        // A cut before a tool's result would part it from its call; one inside an entry would hide
        // half of it.
        const bool clean =
            history[i + 1].message.role != llm::Role::Tool && history[i + 1].seq != history[i].seq;
        if (clean) {
            best = i + 1;
            if (taken >= total / 2) {
                break;
            }
        }
    }
    return best;
}

QCoro::Task<> Compactor::body()
{
    noteProgress();
    auto summarising = summarise();
    auto result = co_await summarising;
    rest();
    if (!result) {
        if (auto* target = m_host.find(m_target)) {
            target->compactionFailed();
        }
        if (m_stopReason != StopReason::Leaving) {
            auto ending = m_host.m.journal.append(
                entry(Kind::ProcessEnded,
                      QString::number(m_info.startedSeq),
                      {{QStringLiteral("kind"), enumName(m_info.kind)},
                       {QStringLiteral("state"), QStringLiteral("failed")},
                       {QStringLiteral("result"), result.error().message}}));
            (void)co_await cancellable({}, m_host.m.executor, std::move(ending));
        }
    }
    m_host.ended(m_info.id, std::nullopt);
}

QCoro::Task<Result<>> Compactor::summarise()
{
    Process* target = m_host.find(m_target);
    const qsizetype count = target != nullptr ? cut(target->m_history) : 0;
    if (count == 0) {
        co_return fail(ErrorCode::NotFound,
                       QStringLiteral("There is nothing to summarise any more."));
    }
    const qint64 through = target->m_history[count - 1].seq;
    QString old = target->m_summary;
    taint::Context covering;
    {
        auto whole = target->m_history;
        target->m_history.resize(count);
        covering = target->read();
        target->m_history = std::move(whole);
    }
    QString digest;
    QString text;
    if (!old.isEmpty()) {
        text += QStringLiteral("Summary of what came before:\n%1\n\n").arg(old);
    }
    for (qsizetype i = 0; i < count; ++i) {
        text += rendered(target->m_history[i].message, perMessage);
        digest += rendered(target->m_history[i].message, 200);
    }
    m_history = {{through, llm::Message{llm::Role::User, text, {}, {}, false}}};
    auto thinking = think(QString::number(through));
    auto response = co_await thinking;
    QString summary;
    if (response && !response->text.trimmed().isEmpty()) {
        summary = response->text.trimmed();
        auto recording = record(std::move(*response), {});
        SB_CO_CHECK(co_await recording);
    } else if (m_stop.stop_requested()) {
        co_return fail(ErrorCode::Cancelled, QStringLiteral("It was cancelled."));
    } else {
        // No model, no summary of its making; the beginnings of the messages are better than
        // nothing, and say so.
        summary =
            QStringLiteral("(Made without a model: the beginnings of the earlier messages.)\n") +
            old + digest.right(12'000);
    }
    auto looking = runOn(m_host.m.pool, [covering, summary]() -> Result<QList<taint::Source>> {
        return covering.carriedBy(summary);
    });
    SB_CO_TRY(auto carried, co_await cancellable({}, m_host.m.executor, std::move(looking)));
    carried = taint::passedOn(
        std::move(carried), m_info.id, QStringLiteral("a summary of the conversation"));
    QJsonObject payload{{QStringLiteral("history"), m_target},
                        {QStringLiteral("through"), through},
                        {QStringLiteral("messages"), count},
                        {QStringLiteral("summary"), summary}};
    insertSources(payload, carried);
    auto storing = m_host.m.journal.transact(
        [covered =
             entry(Kind::HistoryCompacted, QString::number(m_info.startedSeq), std::move(payload)),
         ended = entry(
             Kind::ProcessEnded,
             QString::number(m_info.startedSeq),
             {{QStringLiteral("kind"), enumName(m_info.kind)},
              {QStringLiteral("state"), QStringLiteral("succeeded")},
              {QStringLiteral("result"), QStringLiteral("%1 messages summarised").arg(count)}})](
            journal::Transaction& transaction) mutable -> Result<std::pair<qint64, TimeUs>> {
            SB_TRY(const auto written, transaction.append(std::move(covered)));
            SB_CHECK(transaction.append(std::move(ended)));
            return std::pair(written.seq, written.time);
        });
    SB_CO_TRY(const auto stored, co_await cancellable({}, m_host.m.executor, std::move(storing)));
    // Only now, with the summary on disk, may the messages leave.
    if (auto* stillThere = m_host.find(m_target)) {
        stillThere->cover(
            through, summary, taint::settled(std::move(carried), stored.first, stored.second));
    }
    co_return {};
}

} // namespace sb::process
