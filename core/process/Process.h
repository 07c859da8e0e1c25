#pragma once
#include "core/process/LoopGuard.h"
#include "core/process/ProcessProjection.h"
#include "core/tools/Gate.h"

#include <qcoro/qcorotask.h>

namespace sb::process {

class Host;

/// Adds "labels" and "sources" to an entry's payload, where there are any.
void insertSources(QJsonObject& payload, const QList<taint::Source>& sources);

/// What matters now, as the prompts of channels carry it.
struct Bulletin
{
    qint64 seq = 0; ///< of the memory.changed that holds it; 0: there is none
    QString text;
    QList<taint::Source> sources; ///< of the memories in it
    std::shared_ptr<const taint::Fingerprint> fingerprint;
};

/// Why a process was told to stop.
enum class StopReason {
    None,
    Cancelled, ///< a person, its owner, or a tool said so
    Stalled,   ///< no progress; the supervisor ended it
    Leaving,   ///< the program closes; the journal keeps it as it is, and the next start resumes
};

/// What channels, branches and workers have in common: a history, a model to ask, and the gate to
/// pass calls through. It lives on its agent's executor.
class Process
{
public:
    Process(Host& host, protocol::ProcessInfo info, QString run);
    virtual ~Process() = default;
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    [[nodiscard]] const protocol::ProcessInfo& info() const { return m_info; }
    [[nodiscard]] const QString& run() const { return m_run; }
    [[nodiscard]] const QList<Remembered>& history() const { return m_history; }
    [[nodiscard]] bool isWaitingForApproval() const { return m_waitingForApproval; }
    [[nodiscard]] StopReason stopReason() const { return m_stopReason; }

    /// Takes over what the journal knows of it: history, summary, calls under way.
    void restore(History history, QList<OpenCall> openCalls);
    /// A branch begins with what its parent knew.
    void inherit(const QString& traceId,
                 QList<Remembered> history,
                 const QString& summary,
                 QList<taint::Source> summarySources,
                 QList<Checkpoint> checkpoints);
    /// The summary is stored: the messages that it stands for leave.
    void cover(const Checkpoint& checkpoint, const QString& summary, QList<taint::Source> sources);
    /// What its model has before it, and where that came from.
    [[nodiscard]] taint::Context read();
    void compactionFailed();
    /// Where its task and its status came from.
    [[nodiscard]] const QList<taint::Source>& taskSources() const { return m_taskSources; }
    [[nodiscard]] QList<taint::Source> statusSources();
    /// Appends mail that has come in; the process takes it when it is ready.
    virtual void deliver(Mail mail) = 0;
    /// Asks it to end, with all that it started. The first reason counts.
    virtual void stop(StopReason reason, const QString& by);
    /// Microseconds on the steady clock by which it must have made progress; 0 while nothing is
    /// expected of it.
    [[nodiscard]] qint64 deadlineUs() const;
    /// Nothing is expected of it until it is woken.
    void rest() { m_patienceUs = 0; }

protected:
    friend class Compactor;
    friend class Host;

    /// One call of the model with the history as it stands. Tells the journal that it asks.
    QCoro::Task<Result<llm::Response>> think(QString cause);
    /// Writes the answer down, with further entries in the same transaction (their cause becomes
    /// the response), and adds it to the history. Returns the response's seq.
    QCoro::Task<Result<qint64>> record(llm::Response response, QList<journal::NewEntry> besides);
    /// Passes the calls of an answer through the gate, one after the other. An error ends the
    /// process.
    QCoro::Task<Result<>> act(QList<llm::ToolCall> calls, QString text, qint64 responseSeq);
    /// Finishes the calls that were under way when the program stopped.
    QCoro::Task<Result<>> resumeCalls();
    /// Takes all mail into the history. That is written in one transaction with the request of the
    /// think() that follows, which also makes sure that nobody took it before.
    QCoro::Task<Result<>> takeMail(bool opensTurn);

    /// Instructions for the model that are the same for every call of this kind.
    [[nodiscard]] virtual QString instructions() const = 0;
    /// What changes from call to call: a channel's status block.
    [[nodiscard]] virtual QString situation() const { return {}; }
    /// What that text holds that others wrote, each with where it came from.
    struct Told
    {
        QString text;
        QList<taint::Source> sources;
        std::shared_ptr<const taint::Fingerprint> fingerprint = {}; ///< where it is known already
    };
    [[nodiscard]] virtual QList<Told> told() { return {}; }
    /// Whether its prompts carry the bulletin.
    [[nodiscard]] virtual bool carriesBulletin() const { return false; }
    /// Called by a tool of this process's own (skip).
    virtual void onToolFacts(const QJsonObject&) {}

    /// The program's prompt of that name with what the agent's owner adds.
    [[nodiscard]] QString basePrompt(const char* name) const;
    void noteProgress(Milliseconds patience = Milliseconds(0));
    [[nodiscard]] journal::NewEntry
    entry(protocol::Kind kind, QString cause, QJsonObject payload) const;
    /// Whether the model is expected to speak next: the history ends with something that it has not
    /// answered.
    [[nodiscard]] bool owesAnAnswer() const;
    /// Tokens that the next request would hold, from what the last one held and what came since.
    [[nodiscard]] qint64 contextTokens() const;
    /// Starts a compactor when the history nears the window; where there is no room left, the
    /// history is cut at once.
    QCoro::Task<Result<>> mindTheWindow();
    /// The summary as a prompt holds it, with how to read on behind it.
    [[nodiscard]] QString summaryText() const;

    static constexpr qsizetype mostMail = 64; ///< messages that are taken together

    Host& m_host;
    protocol::ProcessInfo m_info;
    QString m_run;
    std::stop_source m_stop;
    StopReason m_stopReason = StopReason::None;
    QString m_stoppedBy;
    QList<Remembered> m_history;
    QString m_summary;
    QList<Checkpoint> m_checkpoints;            ///< the summaries so far, oldest first
    std::shared_ptr<const Bulletin> m_bulletin; ///< as the last prompt carried it
    QList<taint::Source> m_summarySources;
    std::shared_ptr<const taint::Fingerprint> m_summaryFingerprint;
    QList<taint::Source> m_taskSources;
    QList<taint::Source> m_statusSources;
    QList<OpenCall> m_openCalls;
    QList<Mail> m_mail;
    LoopGuard m_guard;
    QString m_traceId;
    QString m_spanId;
    bool m_waitingForApproval = false;
    QString m_compactor; ///< the one that is at work on its history; empty: none

private:
    [[nodiscard]] tools::Call
    callFor(llm::ToolCall toolCall, const QString& text, qint64 responseSeq);
    [[nodiscard]] tools::CallObserver callObserver();
    QCoro::Task<Result<>>
    settleCall(llm::ToolCall toolCall, Result<tools::Settled> settled, QString warning);
    QCoro::Task<Result<llm::Response>> ask(QString cause);
    /// Takes secrets out of an answer, but for the arguments of its calls: those are the gate's.
    void clean(llm::Response& response) const;

    /// Mail that is in the history, but not yet in the journal.
    struct Taking
    {
        journal::NewEntry entry;
        QList<Mail> mail;
    };
    /// What the journal said of a request and of the mail that was taken with it.
    struct Asked
    {
        qint64 taken = 0; ///< 0: there was no mail
        qint64 request = 0;
    };
    /// Writes down the mail that is being taken, and the request if there is one.
    Future<Asked> writeDown(std::optional<journal::NewEntry> request);
    /// The taken mail has its place in the journal, or could not be taken.
    void settleTaking(const Result<Asked>& asked);

    // Streams and tools report progress from their own threads, and may outlive this object by a
    // moment.
    std::shared_ptr<std::atomic<qint64>> m_progressUs;
    qint64 m_patienceUs = 0;
    qint64 m_requestSeq = 0;
    std::optional<Taking> m_taking;
    std::optional<Promise<>> m_compacted;
    qint64 m_lastInputTokens = 0;
    qsizetype m_charsAtLastRequest = 0;
};

} // namespace sb::process
