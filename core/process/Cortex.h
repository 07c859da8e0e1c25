#pragma once
#include "core/process/DaySummary.h"
#include "core/process/Process.h"

#include <array>

namespace sb::process {

/// Watches an agent's journal and does by itself what nobody asks for: keeps the bulletin, tidies
/// the memory, sums days up, and tells of processes that stood still. It works only when something
/// happened: an agent that idles costs nothing and writes nothing. On the agent's executor.
class Cortex
{
public:
    enum class Job {
        Days,    ///< sums up days that are over
        Tidy,    ///< decay, merging, edges, pruning
        Rewrite, ///< the bulletin, by rules
        Polish   ///< the bulletin, by the model that a route names for it
    };
    static constexpr size_t jobs = 4;

    explicit Cortex(Host& host) : m_host(host) {}

    /// Begins to listen.
    void begin();
    /// Looks for what was left undone when the program stopped.
    void wake();
    void leave();
    /// A process was stopped because it stood still.
    void tellStall(const Process& process);

private:
    friend class CortexWork;
    /// On the thread that writes the journal.
    void heard(const QList<protocol::Entry>& entries);
    void memoryChanged(qint64 seq, bool isOwn, bool isIngested);
    void armDay();
    void want(Job job, const QString& cause);
    void next();
    void through();
    void rewriteSoon(const QString& cause);

    /// Runs the listener at once where it is told; nothing waits in a queue for what is passed
    /// over.
    InlineExecutor m_here;
    Host& m_host;
    std::array<std::optional<QString>, jobs> m_wanted; ///< with the seq that is the cause
    bool m_isWorking = false;
    bool m_hasLeft = false;
    std::atomic<bool> m_isDayArmed = false;
    qint64 m_rewriteSince = 0; ///< steady time of the first change that is not in the bulletin
    qint64 m_polishSince = 0;
    QByteArray m_polished; ///< digest of the text that the model's bulletin was made from
    Subscription m_rewrite;
    Subscription m_polish;
    Subscription m_tidy;
    Subscription m_day;
    Subscription m_entries;
};

/// One piece of the Cortex's work, as a process of its own. It stands in the journal from the
/// moment when there is something to do.
class CortexWork final : public Process
{
public:
    CortexWork(Host& host, protocol::ProcessInfo info, Cortex::Job job, QString cause);
    void deliver(Mail) override {}
    QCoro::Task<> body();

protected:
    [[nodiscard]] QString instructions() const override;

private:
    QCoro::Task<Result<QString>> work();
    QCoro::Task<Result<QString>> days();
    QCoro::Task<Result<QString>> tidy();
    QCoro::Task<Result<QString>> rewrite();
    QCoro::Task<Result<QString>> polish();
    QCoro::Task<Result<>> summarise(Day day);
    /// Writes down that it is at work.
    QCoro::Task<Result<>> startWork(QString task);
    QCoro::Task<Result<>> status(QString text);
    /// What the model makes of a text, at most so many words.
    QCoro::Task<Result<QString>> askModel(const char* prompt, QString text, int words);
    QCoro::Task<Result<QString>> tell(QString text, QStringList memories, QString by);
    [[nodiscard]] memory::Origin origin(const QString& reason) const;

    Cortex::Job m_job;
    QString m_cause;
    const char* m_prompt = "cortex_bulletin";
    QString m_model; ///< that answered last
    bool m_hasBegun = false;
};

} // namespace sb::process
