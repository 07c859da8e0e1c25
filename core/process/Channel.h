#pragma once
#include "core/process/Process.h"

namespace sb::process {

struct TurnResult;

/// Talks to a person. Its mailbox is always open: what arrives on an idle channel starts a turn at
/// once, what arrives during a turn enters the next one together.
class Channel final : public Process
{
public:
    Channel(Host& host, protocol::ProcessInfo info, QString run, QString title, QString origin);

    void deliver(Mail mail) override;
    /// Starts a turn when mail waits and none is going on.
    void pump();
    void stop(StopReason reason, const QString& by) override;
    /// Goes on with a turn that the journal says was open.
    void resumeTurn();

    [[nodiscard]] bool isTurning() const { return m_turning; }
    [[nodiscard]] bool isIdle() const
    {
        return !m_turning && (m_mail.isEmpty() || !runCancelledBy.isEmpty());
    }
    [[nodiscard]] bool lastTurnFailed() const { return m_lastTurnFailed; }
    [[nodiscard]] bool lastTurnCancelled() const { return m_lastTurnCancelled; }
    [[nodiscard]] const QString& lastText() const { return m_lastText; }
    [[nodiscard]] const QString& title() const { return m_title; }
    [[nodiscard]] const QString& origin() const { return m_origin; }
    /// Those that ended lately, for the status block.
    void rememberEnded(const protocol::ProcessInfo& info, QList<taint::Source> taskSources);

    // What the host keeps of the channel's run.
    std::optional<RunInfo> runInfo;
    bool parked = false; ///< it has said that it waits for a person
    qint64 lastUsedUs = 0;
    QString runCancelledBy; ///< its run was cancelled: it ends without another turn
    int pins = 0;           ///< somebody holds it over an await: it is not evicted
    /// What its last turn came to, as the store has it.
    void restoreEnd(const QString& text, bool failed);
    [[nodiscard]] const QList<Mail>& mail() const { return m_mail; }
    void dropMail() { m_mail.clear(); }

protected:
    [[nodiscard]] QString instructions() const override;
    [[nodiscard]] QString situation() const override;
    [[nodiscard]] QList<Told> told() override;
    [[nodiscard]] bool carriesBulletin() const override { return true; }

private:
    QCoro::Task<> turn(bool resumed);
    QCoro::Task<Result<TurnResult>> converse(bool resumed);

    QString m_title;
    QString m_origin;
    struct Ended
    {
        protocol::ProcessInfo info;
        QList<taint::Source> taskSources;
    };
    QList<Ended> m_ended;
    QList<qint64> m_taken;
    QString m_lastText;
    bool m_turning = false;
    bool m_lastTurnFailed = false;
    bool m_lastTurnCancelled = false;
    Subscription m_retry;
    std::optional<QCoro::Task<>> m_task;
};

} // namespace sb::process
