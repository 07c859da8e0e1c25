#include "core/process/Cortex.h"

#include "core/memory/Bulletin.h"
#include "core/process/Host.h"

#include <QCryptographicHash>

namespace sb::process {

using protocol::Kind;

namespace {

constexpr int dayWords = 150;
constexpr Milliseconds longestTidying{7'200'000};

QByteArray digestOf(const QString& text)
{
    return QCryptographicHash::hash(text.toUtf8(), QCryptographicHash::Sha256);
}

} // namespace

CortexWork::CortexWork(Host& host, protocol::ProcessInfo info, Cortex::Job job, QString cause)
    : Process(host, std::move(info), {}), m_job(job), m_cause(std::move(cause))
{
}

QString CortexWork::instructions() const
{
    return basePrompt(m_prompt);
}

QCoro::Task<> CortexWork::body()
{
    noteProgress();
    auto working = work();
    auto result = co_await working;
    rest();
    if (!result && !m_hasBegun && m_stopReason == StopReason::None) {
        auto starting = startWork(m_info.task); // what went wrong is to be seen
        (void)co_await starting;
    }
    if (m_hasBegun && m_stopReason != StopReason::Leaving) {
        auto ending = m_host.m.journal.append(
            entry(Kind::ProcessEnded,
                  QString::number(m_info.startedSeq),
                  {{QStringLiteral("kind"), enumName(m_info.kind)},
                   {QStringLiteral("state"),
                    result ? QStringLiteral("succeeded") : QStringLiteral("failed")},
                   {QStringLiteral("result"), result ? *result : result.error().message}}));
        (void)co_await cancellable({}, m_host.m.executor, std::move(ending));
    }
    m_host.ended(m_info.id, std::nullopt);
    m_host.m_cortex.through();
}

QCoro::Task<Result<QString>> CortexWork::work()
{
    auto working = m_job == Cortex::Job::Days      ? days()
                   : m_job == Cortex::Job::Tidy    ? tidy()
                   : m_job == Cortex::Job::Rewrite ? rewrite()
                                                   : polish();
    auto result = co_await working;
    co_return result;
}

QCoro::Task<Result<>> CortexWork::startWork(QString task)
{
    if (m_hasBegun) {
        co_return {};
    }
    m_info.task = std::move(task);
    auto writing = m_host.m.journal.append(entry(Kind::ProcessStarted,
                                                 m_cause,
                                                 {{QStringLiteral("kind"), enumName(m_info.kind)},
                                                  {QStringLiteral("parent"), QString()},
                                                  {QStringLiteral("channel"), QString()},
                                                  {QStringLiteral("run"), QString()},
                                                  {QStringLiteral("task"), m_info.task}}));
    SB_CO_TRY(const auto written, co_await cancellable({}, m_host.m.executor, std::move(writing)));
    m_info.startedSeq = written.seq;
    m_hasBegun = true;
    noteProgress();
    co_return {};
}

QCoro::Task<Result<>> CortexWork::status(QString text)
{
    auto telling = m_host.m.journal.append(entry(Kind::ProcessStatus,
                                                 QString::number(m_info.startedSeq),
                                                 {{QStringLiteral("status"), text}}));
    SB_CO_CHECK(co_await cancellable({}, m_host.m.executor, std::move(telling)));
    m_info.status = std::move(text);
    co_return {};
}

memory::Origin CortexWork::origin(const QString& reason) const
{
    memory::Origin made;
    made.by = QStringLiteral("cortex");
    made.reason = reason;
    made.process = m_info.id;
    made.cause = QString::number(m_info.startedSeq);
    made.traceId = m_traceId;
    made.spanId = m_spanId;
    return made;
}

QCoro::Task<Result<QString>> CortexWork::askModel(const char* prompt, QString text, int words)
{
    m_prompt = prompt;
    llm::Message message;
    message.text = QStringLiteral("At most %1 words.\n\n").arg(words) + text;
    m_history = {{m_info.startedSeq, std::move(message)}};
    auto thinking = think(QString::number(m_info.startedSeq));
    auto response = co_await thinking;
    if (!response) {
        co_return std::unexpected(response.error());
    }
    const QString made = response->text.trimmed();
    m_model = response->model;
    auto recording = record(std::move(*response), {});
    SB_CO_CHECK(co_await recording);
    if (made.isEmpty()) {
        co_return fail(ErrorCode::InvalidInput, QStringLiteral("The model said nothing."));
    }
    if (memory::wordsIn(made) > words) {
        co_return fail(ErrorCode::InvalidInput,
                       QStringLiteral("The model wrote %1 words where %2 were the most.")
                           .arg(memory::wordsIn(made))
                           .arg(words));
    }
    co_return made;
}

QCoro::Task<Result<QString>> CortexWork::days()
{
    auto reading = runOn(m_host.m.pool, [this] {
        return m_host.m.database.read([&](store::Connection& connection) {
            return readDaysDue(connection, m_host.m.clock.nowUs());
        });
    });
    SB_CO_TRY(const auto due, co_await cancellable({}, m_host.m.executor, std::move(reading)));
    QStringList done;
    for (const Day& day : due) {
        if (m_stop.stop_requested()) {
            co_return fail(ErrorCode::Cancelled, QStringLiteral("It was cancelled."));
        }
        if (m_cause.isEmpty()) {
            m_cause = QString::number(day.lastEntry);
        }
        auto starting = startWork(QStringLiteral("Sum up %1").arg(day.date));
        SB_CO_CHECK(co_await starting);
        auto summing = summarise(day);
        SB_CO_CHECK(co_await summing);
        done.append(day.date);
    }
    if (!done.isEmpty()) {
        m_host.m_cortex.rewriteSoon(QString::number(m_info.startedSeq));
    }
    co_return QStringLiteral("Summed up %1.").arg(done.join(QStringLiteral(", ")));
}

QCoro::Task<Result<>> CortexWork::summarise(Day day)
{
    QString text = dayText(day);
    if (m_host.m.settings().cortexHasModel && !day.said.isEmpty()) {
        auto asking = askModel("cortex_day", dayTranscript(day), dayWords);
        auto made = co_await asking;
        if (made) {
            text = QStringLiteral("%1: %2").arg(day.date, *made);
        } else if (m_stop.stop_requested()) {
            co_return std::unexpected(made.error());
        } else {
            auto telling = status(
                QStringLiteral("%1 is summed up by rules: %2").arg(day.date, made.error().message));
            SB_CO_CHECK(co_await telling);
        }
    }
    protocol::MemoryChange save;
    save.id = day.memoryId();
    save.type = protocol::MemoryType::Event;
    save.provenance = protocol::Provenance::System;
    save.content = text;
    save.validFrom = day.from;
    save.validTo = day.to;
    protocol::MemorySource source;
    source.entry = day.lastEntry;
    source.channel = day.channels.size() == 1 ? day.channels.first() : QString();
    source.process = m_info.id;
    save.source = source;
    auto made = origin(QStringLiteral("the summary of a day"));
    made.sources =
        taint::passedOn(day.sources, m_info.id, QStringLiteral("the summary of %1").arg(day.date));
    auto saving = m_host.m.mind->memories().change({save}, std::move(made));
    const auto saved = co_await cancellable({}, m_host.m.executor, std::move(saving));
    if (!saved && saved.error().code != ErrorCode::Conflict) {
        co_return std::unexpected(saved.error());
    }
    co_return {};
}

QCoro::Task<Result<QString>> CortexWork::tidy()
{
    auto starting = startWork(m_info.task);
    SB_CO_CHECK(co_await starting);
    noteProgress(longestTidying); // a service may still make the vectors of many memories
    auto tidying =
        m_host.m.mind->tidy(m_info.id, QString::number(m_info.startedSeq), m_stop.get_token());
    SB_CO_TRY(const QString done,
              co_await cancellable(m_stop.get_token(), m_host.m.executor, std::move(tidying)));
    co_return done.isEmpty() ? QStringLiteral("Nothing was to be done.") : done;
}

QCoro::Task<Result<QString>> CortexWork::rewrite()
{
    auto composing = runOn(m_host.m.pool, [this] { return m_host.compose(); });
    SB_CO_TRY(const auto made, co_await cancellable({}, m_host.m.executor, std::move(composing)));
    const QByteArray digest = digestOf(made.text);
    const bool isModels = made.current.seq != 0 && made.current.by != u"rules";
    if (isModels && m_host.m_cortex.m_polished.isEmpty() && made.isUnchanged) {
        m_host.m_cortex.m_polished = digest; // from an earlier life of the program
    }
    if (isModels
            ? m_host.m_cortex.m_polished == digest
            : made.text == made.current.text || (made.text.isEmpty() && made.current.seq == 0)) {
        co_return QString();
    }
    auto starting = startWork(m_info.task);
    SB_CO_CHECK(co_await starting);
    auto telling = tell(made.text, made.memories, QStringLiteral("rules"));
    auto told = co_await telling;
    co_return told;
}

QCoro::Task<Result<QString>> CortexWork::polish()
{
    const auto settings = m_host.m.settings();
    auto composing = runOn(m_host.m.pool, [this] { return m_host.compose(); });
    SB_CO_TRY(const auto made, co_await cancellable({}, m_host.m.executor, std::move(composing)));
    const QByteArray digest = digestOf(made.text);
    if (!settings.cortexHasModel || made.text.isEmpty() || m_host.m_cortex.m_polished == digest) {
        co_return QString();
    }
    auto starting = startWork(m_info.task);
    SB_CO_CHECK(co_await starting);
    m_host.m_cortex.m_polished =
        digest; // also when the model fails: it is not asked again and again
    auto asking = askModel("cortex_bulletin", made.text, settings.bulletinWords);
    auto text = co_await asking;
    if (!text) {
        if (m_stop.stop_requested()) {
            co_return std::unexpected(text.error());
        }
        co_return QStringLiteral("The bulletin by rules stands: %1").arg(text.error().message);
    }
    auto telling = tell(*text, made.memories, m_model);
    auto told = co_await telling;
    co_return told;
}

QCoro::Task<Result<QString>> CortexWork::tell(QString text, QStringList memories, QString by)
{
    const auto words = memory::wordsIn(text);
    const auto count = memories.size();
    auto telling = m_host.m.mind->memories().tell(std::move(text),
                                                  std::move(memories),
                                                  std::move(by),
                                                  origin(QStringLiteral("what matters now")));
    SB_CO_CHECK(co_await cancellable({}, m_host.m.executor, std::move(telling)));
    co_return QStringLiteral("%1 words from %2 memories.").arg(words).arg(count);
}

} // namespace sb::process
