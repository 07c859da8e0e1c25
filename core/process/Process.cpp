#include "core/process/Process.h"

#include "core/base/Defence.h"
#include "core/base/Ids.h"
#include "core/process/Host.h"
#include "core/store/Rows.h"

#include <QFile>
#include <QJsonDocument>

namespace sb::process {

using journal::NewEntry;
using protocol::Kind;
using protocol::ProcessKind;

namespace {

/// The fixed part of a prompt, from the program's resources.
QString promptText(const char* name)
{
    QFile file(QStringLiteral(":/prompts/%1.md").arg(QLatin1StringView(name)));
    const bool opened = file.open(QIODevice::ReadOnly);
    SB_ASSERT(opened);
    return QString::fromUtf8(file.readAll());
}

/// The seq of what is in the history before the journal has given it one; beyond all that a summary
/// can cover.
constexpr qint64 pendingSeq = std::numeric_limits<qint64>::max();
constexpr qsizetype mostCheckpoints = 12; ///< that a prompt names

/// All that a message says, for those who may quote it.
QString wordsOf(const llm::Message& message)
{
    QString words = message.text;
    for (const auto& call : message.toolCalls) {
        taint::eachText(call.arguments,
                        [&](const QString&, const QString& text) { words += u'\n' + text; });
    }
    return words;
}

qsizetype charsOf(const llm::Message& message)
{
    qsizetype chars = message.text.size();
    for (const auto& call : message.toolCalls) {
        chars +=
            call.name.size() + QJsonDocument(call.arguments).toJson(QJsonDocument::Compact).size();
    }
    return chars + 16;
}

} // namespace

void insertSources(QJsonObject& payload, const QList<taint::Source>& sources)
{
    if (!sources.isEmpty()) {
        payload.insert(QStringLiteral("labels"),
                       QJsonArray::fromStringList(taint::joined(sources).names()));
        payload.insert(QStringLiteral("sources"), taint::toJson(sources));
    }
}

Process::Process(Host& host, protocol::ProcessInfo info, QString run)
    : m_host(host)
    , m_info(std::move(info))
    , m_run(std::move(run))
    , m_traceId(QString::fromLatin1(randomBytes(16).toHex()))
    , m_spanId(QString::fromLatin1(randomBytes(8).toHex()))
    , m_progressUs(std::make_shared<std::atomic<qint64>>(host.m.clock.steadyUs()))
{
}

void Process::restore(History history, QList<OpenCall> openCalls)
{
    m_history = std::move(history.messages);
    m_summary = std::move(history.summary);
    m_summarySources = std::move(history.summarySources);
    m_checkpoints = std::move(history.checkpoints);
    m_openCalls = std::move(openCalls);
}

void Process::inherit(const QString& traceId,
                      QList<Remembered> history,
                      const QString& summary,
                      QList<taint::Source> summarySources,
                      QList<Checkpoint> checkpoints)
{
    m_traceId = traceId;
    m_history = std::move(history);
    m_summary = summary;
    m_summarySources = std::move(summarySources);
    m_checkpoints = std::move(checkpoints);
}

taint::Context Process::read()
{
    taint::Context context;
    for (Remembered& one : m_history) {
        if (one.message.sources.isEmpty()) {
            continue;
        }
        if (!one.fingerprint) {
            one.fingerprint = std::make_shared<taint::Fingerprint>(wordsOf(one.message));
        }
        context.add(one.fingerprint, one.message.sources);
    }
    if (!m_summarySources.isEmpty() && defended("taint.summary")) {
        if (!m_summaryFingerprint) {
            m_summaryFingerprint = std::make_shared<taint::Fingerprint>(m_summary);
        }
        context.add(m_summaryFingerprint, m_summarySources);
    }
    if (defended("taint.situation")) {
        const auto others = told();
        for (const Told& one : others) {
            context.add(one.fingerprint ? one.fingerprint
                                        : std::make_shared<taint::Fingerprint>(one.text),
                        one.sources);
        }
    }
    return context;
}

QList<taint::Source> Process::statusSources()
{
    if (m_statusSources.isEmpty() && !m_info.status.isEmpty()) {
        // Said in an earlier life of the program.
        m_statusSources = taint::passedOn(
            read().influences(), m_info.id, QStringLiteral("the status of %1").arg(m_info.id));
    }
    return m_statusSources;
}

void Process::cover(const Checkpoint& checkpoint,
                    const QString& summary,
                    QList<taint::Source> sources)
{
    m_history.removeIf(
        [&](const Remembered& remembered) { return remembered.seq <= checkpoint.through; });
    m_checkpoints.append(checkpoint);
    m_summary = summary;
    m_summarySources = std::move(sources);
    m_summaryFingerprint.reset();
    m_lastInputTokens = 0; // the next request tells anew
    m_charsAtLastRequest = 0;
    m_compactor.clear();
    if (m_compacted) {
        std::exchange(m_compacted, std::nullopt)->set({});
    }
}

void Process::compactionFailed()
{
    m_compactor.clear();
    if (m_compacted) {
        std::exchange(m_compacted, std::nullopt)
            ->set(fail(ErrorCode::Unavailable, QStringLiteral("The summary was not made.")));
    }
}

void Process::stop(StopReason reason, const QString& by)
{
    if (m_stopReason == StopReason::None) {
        m_stopReason = reason;
        m_stoppedBy = by;
    }
    m_stop.request_stop();
}

qint64 Process::deadlineUs() const
{
    if (m_waitingForApproval || m_patienceUs == 0) {
        return 0;
    }
    return m_progressUs->load() + m_patienceUs;
}

void Process::noteProgress(Milliseconds patience)
{
    const auto stall = m_host.m.settings().stall;
    m_progressUs->store(m_host.m.clock.steadyUs());
    m_patienceUs = std::max(stall, patience).count() * 1000;
}

NewEntry Process::entry(Kind kind, QString cause, QJsonObject payload) const
{
    NewEntry entry;
    entry.kind = kind;
    entry.process = m_info.id;
    entry.cause = std::move(cause);
    entry.payload = std::move(payload);
    entry.traceId = m_traceId;
    entry.spanId = m_spanId;
    return entry;
}

QString Process::basePrompt(const char* name) const
{
    QString text = promptText(name);
    const auto settings = m_host.m.settings();
    if (!settings.instructions.isEmpty()) {
        text +=
            QStringLiteral("\n## From the owner of this agent\n\n") + settings.instructions + u'\n';
    }
    return text;
}

bool Process::owesAnAnswer() const
{
    return !m_history.isEmpty() && (m_history.last().message.role != llm::Role::Assistant ||
                                    !m_history.last().message.toolCalls.isEmpty());
}

qint64 Process::contextTokens() const
{
    qsizetype chars = m_summary.size();
    for (const auto& remembered : m_history) {
        chars += charsOf(remembered.message);
    }
    // About four characters a token; where the service has counted, only what came since is
    // estimated.
    return m_lastInputTokens > 0 ? m_lastInputTokens + (chars - m_charsAtLastRequest) / 4
                                 : chars / 4 + 2000;
}

QCoro::Task<Result<>> Process::mindTheWindow()
{
    using Tier = Compactor::Tier;
    for (;;) {
        const auto tier = Compactor::tierOf(contextTokens(), m_host.m.settings().contextTokens);
        if (!tier) {
            co_return {};
        }
        if (m_compactor.isEmpty()) {
            if (Compactor::cut(m_history, *tier) == 0) {
                co_return {};
            }
            m_compactor = m_host.startCompactor(*this, *tier);
        } else if (auto* const atWork = m_host.find(m_compactor);
                   atWork != nullptr && *tier == Tier::Emergency) {
            static_cast<Compactor*>(atWork)->hurry();
        }
        if (*tier != Tier::Emergency || m_compactor.isEmpty()) {
            co_return {};
        }
        m_compacted.emplace();
        auto compacted = m_compacted->future();
        const auto made =
            co_await cancellable(m_stop.get_token(), m_host.m.executor, std::move(compacted));
        if (!made && m_stop.stop_requested()) {
            co_return std::unexpected(made.error());
        }
        if (!made) {
            co_return {}; // the service may take it as it is; where not, it says so
        }
    }
}

QString Process::summaryText() const
{
    QString text = QStringLiteral("\n## What came before, in short\n\n") + m_summary + u'\n';
    QStringList before;
    for (const Checkpoint& one : m_checkpoints) {
        const QString messages =
            one.messages > 0 ? QStringLiteral(" (%1 messages)").arg(one.messages) : QString();
        before.append(QString::number(one.seq) + messages);
    }
    if (before.size() > mostCheckpoints) {
        before = before.last(mostCheckpoints);
    }
    if (!before.isEmpty() && m_info.kind != ProcessKind::Worker) {
        text += QStringLiteral("\nThe messages behind it can be read again: channel_recall, in a "
                               "branch, with one of these as its summary: %1.\n")
                    .arg(before.join(QStringLiteral(", ")));
    }
    return text;
}

QCoro::Task<Result<llm::Response>> Process::think(QString cause)
{
    auto asking = ask(std::move(cause));
    auto response = co_await asking;
    if (m_taking) {
        // It came to no request, but the mail was read.
        const auto taken = co_await cancellable({}, m_host.m.executor, writeDown(std::nullopt));
        settleTaking(taken);
        if (!taken) {
            co_return std::unexpected(taken.error());
        }
    }
    co_return response;
}

QCoro::Task<Result<llm::Response>> Process::ask(QString cause)
{
    SB_CO_CHECK(co_await mindTheWindow());
    noteProgress();

    llm::Request request;
    request.processKind = enumName(m_info.kind);
    request.maxOutputTokens = m_host.m.settings().outputTokens;
    request.system = instructions();
    SB_CO_TRY(const QString systemPart, co_await m_host.part(request.system.toUtf8()));
    request.tools = m_host.m.registry.specs(m_info.kind);
    SB_CO_TRY(const QString toolsPart, co_await m_host.toolsPart(m_info.kind, request.tools));
    if (!m_summary.isEmpty()) {
        request.system += summaryText();
    }
    QString bulletinPart;
    if (carriesBulletin()) {
        auto reading = m_host.bulletin();
        m_bulletin = co_await reading;
        if (m_bulletin) {
            SB_CO_TRY(bulletinPart, co_await m_host.part(m_bulletin->text.toUtf8()));
        }
    }
    const QString now = situation();
    request.system += now;
    if (m_bulletin) {
        request.system += QStringLiteral("\n## What you remember\n\n") + m_bulletin->text + u'\n';
    }
    request.messages.reserve(m_history.size());
    m_charsAtLastRequest = m_summary.size();
    for (const auto& remembered : m_history) {
        request.messages.append(remembered.message);
        m_charsAtLastRequest += charsOf(remembered.message);
    }
    request.traceParent = QStringLiteral("00-%1-%2-01").arg(m_traceId, m_spanId);

    // The parts by their hashes and the history by its last entry, so that this entry does not grow
    // with it.
    // Nothing waits for it while the model thinks: should the program stop now, it asks again.
    QJsonObject parts{{QStringLiteral("system"), systemPart},
                      {QStringLiteral("tools"), toolsPart},
                      {QStringLiteral("summary"), m_summary},
                      {QStringLiteral("situation"), now},
                      {QStringLiteral("through"), m_history.isEmpty() ? 0 : m_history.last().seq},
                      {QStringLiteral("messages"), m_history.size()}};
    if (m_bulletin) {
        parts.insert(QStringLiteral("bulletin"), bulletinPart);
        parts.insert(QStringLiteral("bulletin_seq"), m_bulletin->seq); // of its memory.changed
    }
    auto asking = writeDown(entry(Kind::ModelRequest, std::move(cause), std::move(parts)));
    llm::StreamSink sink;
    // Shared with the stream, which may outlive this call when it is cancelled; otherwise it has
    // ended when its last words are taken here.
    const auto live = std::make_shared<leaks::LiveText>(m_host.m.watch);
    sink.delta = [progress = m_progressUs,
                  &clock = m_host.m.clock,
                  &observer = m_host.m.observer,
                  channel = m_info.channel,
                  process = m_info.id,
                  live](const QString& piece) {
        progress->store(clock.steadyUs());
        if (const QString text = live->feed(piece); !text.isEmpty()) {
            observer.textDelta(channel, process, text);
        }
    };
    sink.reset =
        [&observer = m_host.m.observer, channel = m_info.channel, process = m_info.id, live] {
            live->begin();
            observer.textReset(channel, process);
        };
    auto answering = m_host.m.provider(m_info.kind)
                         .complete(std::move(request), std::move(sink), m_stop.get_token());
    auto response =
        co_await cancellable(m_stop.get_token(), m_host.m.executor, std::move(answering));
    const auto asked = co_await cancellable({}, m_host.m.executor, std::move(asking));
    settleTaking(asked);
    if (!asked) {
        co_return std::unexpected(asked.error());
    }
    m_requestSeq = asked->request;
    if (response) {
        if (const QString rest = live->finish(); !rest.isEmpty()) {
            m_host.m.observer.textDelta(m_info.channel, m_info.id, rest);
        }
        clean(*response);
        m_lastInputTokens = response->usage.inputTokens;
        m_info.modelCalls += 1;
        m_info.inputTokens += response->usage.inputTokens;
        m_info.outputTokens += response->usage.outputTokens;
    }
    co_return response;
}

void Process::clean(llm::Response& response) const
{
    const leaks::Watch& watch = m_host.m.watch;
    if (!watch.isOn() || !defended("leaks.model")) {
        return;
    }
    QList<leaks::Hit> hits;
    const auto screen = [&](QString& text) {
        auto screened = watch.look(text);
        text = std::move(screened.text);
        hits += screened.hits;
    };
    screen(response.text);
    for (auto& call : response.toolCalls) {
        screen(call.name);
        screen(call.malformed);
    }
    watch.raise(hits,
                {QStringLiteral("model"),
                 m_host.m.journal.agent(),
                 m_info.channel,
                 m_info.id,
                 m_requestSeq},
                leaks::Fate::TakenOut);
}

QCoro::Task<Result<qint64>> Process::record(llm::Response response, QList<NewEntry> besides)
{
    llm::Message message;
    message.role = llm::Role::Assistant;
    message.text = response.text;
    message.toolCalls = response.toolCalls;
    // The gate stops such a call; the model need not hear again what it said.
    for (auto& call : message.toolCalls) {
        auto screened = m_host.m.watch.look(call.arguments);
        if (!leaks::firstKnown(screened.hits).isEmpty()) {
            call.arguments = std::move(screened.object);
        }
    }
    // What it quotes stays a quote also when the quoted text has left the history.
    auto context = read();
    if (!context.labels().without({taint::Label::UserInput}).isEmpty()) {
        auto looking = runOn(m_host.m.pool,
                             [context = std::move(context),
                              words = wordsOf(message)]() -> Result<QList<taint::Source>> {
                                 return context.quotedBy(words);
                             });
        SB_CO_TRY(auto quoted, co_await cancellable({}, m_host.m.executor, std::move(looking)));
        message.sources = taint::passedOn(
            std::move(quoted), m_info.id, QStringLiteral("what %1 said").arg(m_info.id));
    }
    auto storing = m_host.storable(message, 1);
    SB_CO_TRY(const QJsonObject stored, co_await storing);
    QJsonObject payload{{QStringLiteral("message"), stored},
                        {QStringLiteral("model"), response.model},
                        {QStringLiteral("usage"), llm::toJson(response.usage)},
                        {QStringLiteral("attempts"), response.attempts}};
    if (const auto cost = m_host.m.cost(response.model, response.usage)) {
        payload.insert(QStringLiteral("cost_micro_usd"), *cost);
    }
    auto writing = m_host.m.journal.transact(
        [answer = entry(Kind::ModelResponse, QString::number(m_requestSeq), std::move(payload)),
         besides = std::move(besides)](
            journal::Transaction& transaction) mutable -> Result<std::pair<qint64, TimeUs>> {
            SB_TRY(const auto written, transaction.append(std::move(answer)));
            for (auto& more : besides) {
                more.cause = QString::number(written.seq);
                SB_CHECK(transaction.append(std::move(more)));
            }
            return std::pair(written.seq, written.time);
        });
    SB_CO_TRY(const auto written, co_await cancellable({}, m_host.m.executor, std::move(writing)));
    message.sources = taint::settled(std::move(message.sources), written.first, written.second);
    m_history.append({written.first, std::move(message)});
    noteProgress();
    co_return written.first;
}

tools::CallObserver Process::callObserver()
{
    tools::CallObserver observer;
    observer.waitingForApproval = [this](bool waiting) {
        m_waitingForApproval = waiting;
        m_info.state =
            waiting ? protocol::ProcessState::WaitingApproval : protocol::ProcessState::Running;
        noteProgress();
        m_host.waitingChanged(m_info.channel, waiting);
    };
    observer.effectStarts = [this](Milliseconds patience) {
        noteProgress(patience + Milliseconds(30'000));
    };
    observer.output = [progress = m_progressUs,
                       &clock = m_host.m.clock,
                       &host = m_host.m.observer,
                       process = m_info.id](const QString& text) {
        progress->store(clock.steadyUs());
        host.output(process, text);
    };
    observer.isLeaving = [this] { return m_stopReason == StopReason::Leaving; };
    return observer;
}

tools::Call Process::callFor(llm::ToolCall toolCall, const QString& text, qint64 responseSeq)
{
    const auto settings = m_host.m.settings();
    tools::Call call;
    call.call = std::move(toolCall);
    call.kind = m_info.kind;
    call.context.agent = settings.id;
    call.context.process = m_info.id;
    call.context.workspace = settings.workspace;
    call.context.allowedHosts = settings.allowedHosts;
    call.context.limits = settings.commandLimits;
    call.channel = m_info.channel;
    call.run = m_run;
    call.approve = m_host.approveModeOf(m_info.channel);
    call.cause = QString::number(responseSeq);
    call.traceId = m_traceId;
    call.spanId = m_spanId;
    call.justification = text.left(2000);
    call.callsBefore = m_info.toolCalls;
    call.callLimit = settings.toolCalls;
    call.labelling.read = read();
    call.labelling.settings = settings.taint;
    call.labelling.sourcesOfFile = [&database = m_host.m.database](const QString& path) {
        const auto sources = database.read(
            [&](store::Connection& connection) { return readFileSources(connection, path); });
        // What cannot be read counts with all labels.
        return sources ? *sources : taint::sourcesFromJson({QJsonValue()});
    };
    return call;
}

QCoro::Task<Result<>>
Process::settleCall(llm::ToolCall toolCall, Result<tools::Settled> settled, QString warning)
{
    if (!settled) {
        co_return std::unexpected(settled.error());
    }
    settled->message.text += warning;
    m_history.append({settled->resultSeq, settled->message});
    m_info.toolCalls += 1;
    noteProgress();
    const QString status = settled->facts.value(QStringLiteral("status")).toString();
    if (toolCall.name == u"set_status" && !status.isEmpty()) {
        m_info.status = status;
        auto looking =
            runOn(m_host.m.pool, [context = read(), status]() -> Result<QList<taint::Source>> {
                return context.carriedBy(status);
            });
        SB_CO_TRY(auto carried, co_await cancellable({}, m_host.m.executor, std::move(looking)));
        m_statusSources = taint::settled(
            taint::passedOn(
                std::move(carried), m_info.id, QStringLiteral("the status of %1").arg(m_info.id)),
            settled->resultSeq,
            m_host.m.clock.nowUs());
        auto telling = m_host.m.journal.append(entry(Kind::ProcessStatus,
                                                     QString::number(settled->resultSeq),
                                                     {{QStringLiteral("status"), status}}));
        SB_CO_CHECK(co_await cancellable({}, m_host.m.executor, std::move(telling)));
    }
    onToolFacts(settled->facts);
    if (m_stop.stop_requested()) {
        co_return fail(ErrorCode::Cancelled, QStringLiteral("It was cancelled."));
    }
    co_return {};
}

QCoro::Task<Result<>> Process::act(QList<llm::ToolCall> calls, QString text, qint64 responseSeq)
{
    for (const llm::ToolCall& toolCall : calls) {
        if (m_stop.stop_requested()) {
            co_return fail(ErrorCode::Cancelled, QStringLiteral("It was cancelled."));
        }
        const auto verdict = m_guard.count(toolCall.name, toolCall.arguments);
        if (verdict == LoopGuard::Verdict::Stop) {
            co_return fail(
                ErrorCode::Conflict,
                QStringLiteral("It went round in circles (%1, %2 times the same) and was stopped.")
                    .arg(toolCall.name)
                    .arg(LoopGuard::stopAt));
        }
        auto passing = m_host.m.gate.pass(
            callFor(toolCall, text, responseSeq), callObserver(), m_stop.get_token());
        auto settled = co_await passing;
        if (settled) {
            m_guard.note(settled->message.text);
        }
        auto settling =
            settleCall(toolCall,
                       std::move(settled),
                       verdict == LoopGuard::Verdict::Warn ? LoopGuard::warning() : QString());
        SB_CO_CHECK(co_await settling);
    }
    co_return {};
}

QCoro::Task<Result<>> Process::resumeCalls()
{
    // The calls of the last answer that have no result yet.
    qsizetype last = m_history.size() - 1;
    QStringList answered;
    while (last >= 0 && m_history[last].message.role == llm::Role::Tool) {
        answered.append(m_history[last].message.toolCallId);
        --last;
    }
    const auto openCalls = std::exchange(m_openCalls, {});
    if (last < 0 || m_history[last].message.role != llm::Role::Assistant) {
        co_return {};
    }
    const qint64 responseSeq = m_history[last].seq;
    const auto message = m_history[last].message;
    // What a tool had asked for itself is over with it; should the tool run again, it asks again.
    for (const auto& open : openCalls) {
        if (std::ranges::contains(message.toolCalls, open.call, &llm::ToolCall::id)) {
            continue;
        }
        llm::ToolCall within;
        within.id = open.call;
        auto call = callFor(std::move(within), {}, responseSeq);
        call.callSeq = open.callSeq;
        auto abandoning = m_host.m.gate.abandon(std::move(call), open.approval);
        SB_CO_CHECK(co_await abandoning);
    }
    for (const llm::ToolCall& toolCall : message.toolCalls) {
        if (answered.contains(toolCall.id)) {
            continue;
        }
        tools::Interrupted state;
        for (const auto& open : openCalls) {
            if (open.call == toolCall.id) {
                state.callSeq = open.callSeq;
                state.started = open.startedSeq > 0;
                state.approval = open.approval;
                state.arguments = open.arguments;
            }
        }
        auto passing = m_host.m.gate.resume(callFor(toolCall, message.text, responseSeq),
                                            state,
                                            callObserver(),
                                            m_stop.get_token());
        auto settled = co_await passing;
        auto settling = settleCall(toolCall, std::move(settled), {});
        SB_CO_CHECK(co_await settling);
    }
    co_return {};
}

QCoro::Task<Result<>> Process::takeMail(bool opensTurn)
{
    // Not more than an entry can name; what is left comes with the next turn.
    const QList<Mail> mail = m_mail.mid(0, mostMail);
    m_mail = m_mail.mid(mail.size());
    QJsonArray takes;
    QJsonArray messages;
    for (const auto& one : mail) {
        takes.append(one.seq);
        auto storing = m_host.storable(one.message, mail.size());
        SB_CO_TRY(const QJsonObject stored, co_await storing);
        messages.append(stored);
    }
    QJsonObject payload{{QStringLiteral("takes"), takes}, {QStringLiteral("messages"), messages}};
    if (opensTurn) {
        payload.insert(QStringLiteral("turn_open"), true);
    }
    Taking taking{entry(Kind::TurnStarted, QString::number(mail.last().seq), std::move(payload)),
                  mail};
    for (const auto& one : mail) {
        m_history.append({pendingSeq, one.message});
    }
    m_taking = std::move(taking);
    co_return {};
}

Future<Process::Asked> Process::writeDown(std::optional<NewEntry> request)
{
    return m_host.m.journal.transact(
        [taking = m_taking,
         request = std::move(request)](journal::Transaction& transaction) mutable -> Result<Asked> {
            Asked asked;
            if (taking) {
                auto& connection = transaction.connection();
                for (const auto& one : taking->mail) {
                    bool open = false;
                    store::forEachRow(
                        connection,
                        "SELECT 1 FROM mailbox WHERE seq = ? AND taken_seq IS NULL",
                        [&](SQLite::Statement&) { open = true; },
                        one.seq);
                    if (!open) {
                        return fail(
                            ErrorCode::Conflict,
                            QStringLiteral("Message %1 was delivered already.").arg(one.seq));
                    }
                }
                SB_TRY(const auto taken, transaction.append(std::move(taking->entry)));
                asked.taken = taken.seq;
                if (request) {
                    request->cause = QString::number(taken.seq);
                    request->payload.insert(QStringLiteral("through"), taken.seq);
                }
            }
            if (request) {
                SB_TRY(const auto written, transaction.append(std::move(*request)));
                asked.request = written.seq;
            }
            return asked;
        });
}

void Process::settleTaking(const Result<Asked>& asked)
{
    const auto taking = std::exchange(m_taking, std::nullopt);
    if (!taking) {
        return;
    }
    if (!asked) {
        m_history.removeIf([](const Remembered& one) { return one.seq == pendingSeq; });
        if (asked.error().code != ErrorCode::Conflict) {
            m_mail = taking->mail + m_mail; // it was not taken: it waits on
        }
        return;
    }
    for (auto& remembered : m_history) {
        if (remembered.seq == pendingSeq) {
            remembered.seq = asked->taken;
        }
    }
}

} // namespace sb::process
