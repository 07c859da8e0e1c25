#pragma once
#include "core/protocol/RuntimeClient.h"

#include <QObject>
#include <QPointer>

namespace sb::bridge {

class FrameExecutor;

/// The runtime as the GUI thread sees it. Signals come at most once in 16 ms and only when
/// something happened; each carries all that happened of its kind, the newest value only for things
/// that have a state.
class Bridge final : public QObject
{
    Q_OBJECT
public:
    explicit Bridge(protocol::RuntimeClient& client, QObject* parent = nullptr);
    ~Bridge() override;

    /// Subscribes and asks for the snapshot. Call once, when the panels are connected.
    void start();

    /// Sends a command; `reply` is called with Result<C::Reply> on the GUI thread, in order with
    /// the events, unless `guard` was destroyed before.
    template <class C, class F>
    void request(C command, QObject* guard, F reply)
    {
        m_client.request(std::move(command))
            .then([this_ = QPointer<Bridge>(this),
                   executor = m_executor,
                   guard_ = QPointer<QObject>(guard),
                   reply = std::move(reply)](Result<typename C::Reply> result) mutable {
                postReply(executor,
                          [this_,
                           guard_,
                           reply = std::move(reply),
                           result = std::move(result)]() mutable {
                              if (this_ && guard_) {
                                  this_->flush();
                                  reply(std::move(result));
                              }
                          });
            });
    }

    // The last known state, kept current by the events before the signals are sent.
    [[nodiscard]] bool isLoaded() const { return m_loaded; }
    [[nodiscard]] const QList<protocol::AgentInfo>& agents() const { return m_state.agents; }
    [[nodiscard]] const QList<protocol::ChannelInfo>& channels() const { return m_state.channels; }
    [[nodiscard]] const QList<protocol::ProcessInfo>& processes() const
    {
        return m_state.processes;
    }
    [[nodiscard]] const QList<protocol::ApprovalInfo>& approvals() const
    {
        return m_state.approvals;
    }
    [[nodiscard]] const protocol::Totals& totals() const { return m_state.totals; }
    [[nodiscard]] const QString& configPath() const { return m_state.configPath; }
    [[nodiscard]] const QString& configProblem() const { return m_state.configProblem; }
    /// Keys that are wanted and cannot be had.
    [[nodiscard]] const QList<protocol::KeyProblem>& keyProblems() const
    {
        return m_state.keyProblems;
    }
    /// No agent but the tour's is there, and there is no file yet that could name one.
    [[nodiscard]] bool lacksConfig() const;
    /// The process with that id, or nothing when it is unknown.
    [[nodiscard]] const protocol::ProcessInfo* process(const QString& id) const;
    /// The channel, or nothing when it is unknown.
    [[nodiscard]] const protocol::ChannelInfo* channel(const QString& agent,
                                                       const QString& id) const;

Q_SIGNALS:
    /// The first snapshot, or a fresh one after events were lost: read everything again.
    void snapshotLoaded();
    void snapshotFailed(const sb::Error& error);
    void entriesAppended(const QList<sb::protocol::Entry>& entries);
    void textDeltas(const QList<sb::protocol::TextDelta>& deltas); ///< merged by process
    /// What was written so far of the reply is void; sent before textDeltas.
    void textResets(const QList<sb::protocol::TextReset>& resets);
    void outputTails(const QList<sb::protocol::OutputTail>& tails); ///< merged by process
    void agentsChanged(); ///< added, removed or changed: see agents()
    void channelsChanged(const QList<sb::protocol::ChannelInfo>& channels);
    void processesChanged(const QList<sb::protocol::ProcessInfo>& processes);
    void approvalsChanged(const QList<sb::protocol::ApprovalInfo>& approvals);
    void transcriptChanged(const QList<sb::protocol::TranscriptChanged>& changes);
    void totalsChanged(const sb::protocol::Totals& totals);
    void configProblemChanged(const QString& problem); ///< empty: the file is in force
    void keyProblemsChanged();                         ///< see keyProblems()
    void memoryUpdated(const QList<sb::protocol::MemoryUpdated>& changes); ///< in order
    void memoryIndexed(const sb::protocol::MemoryIndexed& progress);
    void memoryIngest(const sb::protocol::MemoryIngest& progress);
    void verifyProgress(const sb::protocol::VerifyProgress& progress);
    void activated(const QString& token);

private:
    static void postReply(const std::shared_ptr<FrameExecutor>& executor, Job job);
    void take(const protocol::Event& event);
    void loadSnapshot();
    /// Sends what has been gathered so far.
    void flush();

    struct Pending
    {
        QList<protocol::Entry> entries;
        QList<protocol::TextReset> resets;
        QList<protocol::TextDelta> deltas;
        QList<protocol::OutputTail> tails;
        QList<protocol::ChannelInfo> channels;
        QList<protocol::ProcessInfo> processes;
        QList<protocol::ApprovalInfo> approvals;
        QList<protocol::TranscriptChanged> transcript;
        QList<protocol::VerifyProgress> verify;
        QList<protocol::MemoryUpdated> memory;
        QList<protocol::MemoryIndexed> indexes;
        QList<protocol::MemoryIngest> ingests;
        std::optional<protocol::Totals> totals;
        std::optional<QString> configProblem;
        std::optional<QString> activated;
        bool agents = false;
        bool keys = false;
        bool any = false;
    };

    protocol::RuntimeClient& m_client;
    std::shared_ptr<FrameExecutor> m_executor; // shared with replies still on their way
    protocol::GetSnapshot::Reply m_state;
    Pending m_pending;
    bool m_loaded = false;
    Subscription m_subscription;
};

} // namespace sb::bridge
