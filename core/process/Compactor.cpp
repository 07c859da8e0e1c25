#include "core/process/Compactor.h"

#include "core/process/Host.h"
#include "core/process/Mind.h"

#include <QRegularExpression>

namespace sb::process {

using protocol::Kind;

namespace {

constexpr qsizetype keptAtLeast = 4;
constexpr qsizetype perMessage = 4000; ///< characters of one message that the summariser reads
constexpr qsizetype mostFacts = 12;
constexpr qsizetype longestFact = 500; ///< characters

/// Percent of a history's text that goes.
int shareOf(Compactor::Tier tier)
{
    switch (tier) {
    case Compactor::Tier::Early:
        return 30;
    case Compactor::Tier::Pressing:
    case Compactor::Tier::Emergency:
        return 50;
    }
    return 50;
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

Compactor::Compactor(Host& host, protocol::ProcessInfo info, QString run, QString target, Tier tier)
    : Process(host, std::move(info), std::move(run)), m_target(std::move(target)), m_tier(tier)
{
}

std::optional<Compactor::Tier> Compactor::tierOf(qint64 tokens, qint64 window)
{
    const qint64 percent = tokens * 100 / std::max<qint64>(window, 1);
    if (percent < 80) {
        return std::nullopt;
    }
    return percent >= 95 ? Tier::Emergency : percent >= 85 ? Tier::Pressing : Tier::Early;
}

QString Compactor::instructions() const
{
    return basePrompt("compactor");
}

void Compactor::hurry()
{
    m_isHurried = true;
    m_stop.request_stop(); // without a reason: its work goes on, only the model is not waited for
}

qsizetype Compactor::cut(const QList<Remembered>& history, Tier tier)
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
            if (taken * 100 >= total * shareOf(tier)) {
                break;
            }
        }
    }
    return best;
}

Compactor::Answer Compactor::parse(const QString& text)
{
    static const QRegularExpression head(QStringLiteral("^## Facts to remember[ \\t]*$"),
                                         QRegularExpression::MultilineOption);
    static const QRegularExpression line(QStringLiteral("\\A- ([a-z]+): (\\S.*)\\z"));
    Answer answer;
    const auto found = head.match(text);
    answer.summary = (found.hasMatch() ? text.first(found.capturedStart()) : text).trimmed();
    if (!found.hasMatch()) {
        return answer;
    }
    for (const QString& one : text.sliced(found.capturedEnd()).split(u'\n', Qt::SkipEmptyParts)) {
        const QString trimmed = one.trimmed();
        if (trimmed.isEmpty()) {
            continue;
        }
        const auto parts = line.match(trimmed);
        const auto type =
            protocol::enumFromName(parts.captured(1), static_cast<protocol::MemoryType*>(nullptr));
        const QString fact = parts.captured(2).trimmed();
        if (!parts.hasMatch() || !type || fact.size() > longestFact ||
            answer.facts.size() == mostFacts) {
            answer.facts.clear();
            return answer;
        }
        answer.facts.append({*type, fact});
    }
    return answer;
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
    const qsizetype count = target != nullptr ? cut(target->m_history, m_tier) : 0;
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
    Answer answer;
    QString told;
    if (m_tier != Tier::Emergency) {
        auto thinking = think(QString::number(through));
        auto response = co_await thinking;
        if (response) {
            answer = parse(response->text);
        }
        if (!answer.summary.isEmpty()) {
            auto recording = record(std::move(*response), {});
            SB_CO_TRY(const qint64 answered, co_await recording);
            if (m_host.m.mind != nullptr && !answer.facts.isEmpty()) {
                auto flushing = flush(answer.facts, covering, answered);
                told = co_await flushing;
            }
        }
    }
    if (m_stopReason != StopReason::None) {
        co_return fail(ErrorCode::Cancelled, QStringLiteral("It was cancelled."));
    }
    const bool isCutShort = answer.summary.isEmpty();
    if (isCutShort) {
        // No model, no summary of its making; the beginnings of the messages are better than
        // nothing, and say so.
        const QString mark =
            QStringLiteral("(Made without a model: the beginnings of the earlier messages.)\n");
        old.remove(mark);
        answer.summary = QString(mark + old.right(8000) + digest.right(12'000));
    }
    auto looking = runOn(m_host.m.pool,
                         [covering, summary = answer.summary]() -> Result<QList<taint::Source>> {
                             return covering.carriedBy(summary);
                         });
    SB_CO_TRY(auto carried, co_await cancellable({}, m_host.m.executor, std::move(looking)));
    carried = taint::passedOn(
        std::move(carried), m_info.id, QStringLiteral("a summary of the conversation"));
    QJsonObject payload{
        {QStringLiteral("history"), m_target},
        {QStringLiteral("through"), through},
        {QStringLiteral("messages"), count},
        {QStringLiteral("emergency"), isCutShort && (m_isHurried || m_tier == Tier::Emergency)},
        {QStringLiteral("summary"), answer.summary}};
    insertSources(payload, carried);
    auto storing = m_host.m.journal.transact(
        [covered =
             entry(Kind::HistoryCompacted, QString::number(m_info.startedSeq), std::move(payload)),
         ended = entry(Kind::ProcessEnded,
                       QString::number(m_info.startedSeq),
                       {{QStringLiteral("kind"), enumName(m_info.kind)},
                        {QStringLiteral("state"), QStringLiteral("succeeded")},
                        {QStringLiteral("result"),
                         QString(QStringLiteral("%1 messages summarised").arg(count) + told)}})](
            journal::Transaction& transaction) mutable -> Result<std::pair<qint64, TimeUs>> {
            SB_TRY(const auto written, transaction.append(std::move(covered)));
            SB_CHECK(transaction.append(std::move(ended)));
            return std::pair(written.seq, written.time);
        });
    SB_CO_TRY(const auto stored, co_await cancellable({}, m_host.m.executor, std::move(storing)));
    // Only now, with the summary on disk, may the messages leave.
    if (auto* stillThere = m_host.find(m_target)) {
        stillThere->cover({stored.first, through, count},
                          answer.summary,
                          taint::settled(std::move(carried), stored.first, stored.second));
    }
    co_return {};
}

QCoro::Task<QString>
Compactor::flush(QList<Answer::Fact> facts, taint::Context covering, qint64 cause)
{
    int kept = 0;
    int refused = 0;
    for (const auto& fact : facts) {
        auto looking =
            runOn(m_host.m.pool, [covering, text = fact.text]() -> Result<QList<taint::Source>> {
                return covering.carriedBy(text);
            });
        auto carried = co_await cancellable({}, m_host.m.executor, std::move(looking));
        if (!carried) {
            continue;
        }
        // There is no person to ask here: what one would have to allow is not kept, and neither is
        // what must not be.
        policy::Action action;
        action.sinks = {taint::Sink::Memory};
        for (const taint::Source& source : *carried) {
            action.flows.append({QStringLiteral("content"), source.labels, source.exact, {source}});
            action.labels |= source.labels;
        }
        if (policy::judgeTaint(m_host.m.settings().taint.rules, action)) {
            ++refused;
            continue;
        }
        protocol::MemoryChange save;
        save.content = fact.text;
        save.type = fact.type;
        protocol::MemorySource source;
        source.entry = cause;
        source.channel = m_info.channel;
        source.process = m_info.id;
        save.source = source;
        memory::Origin origin;
        origin.by = m_info.id;
        origin.process = m_info.id;
        origin.cause = QString::number(cause);
        origin.reason = QStringLiteral("kept before the conversation was shortened");
        origin.traceId = m_traceId;
        origin.spanId = m_spanId;
        origin.sources =
            taint::passedOn(std::move(*carried), m_info.id, QStringLiteral("what it remembers"));
        auto saving = m_host.m.mind->save({save}, std::move(origin));
        const auto saved = co_await cancellable({}, m_host.m.executor, std::move(saving));
        kept += saved ? 1 : 0;
    }
    QString told = kept > 0 ? QStringLiteral(", %1 facts remembered").arg(kept) : QString();
    if (refused > 0) {
        told += QStringLiteral(", %1 not remembered: a person would have to say so").arg(refused);
    }
    co_return told;
}

} // namespace sb::process
