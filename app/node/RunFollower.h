#pragma once
#include "app/node/CommandLine.h"
#include "core/protocol/RuntimeClient.h"

#include <condition_variable>
#include <deque>
#include <mutex>

namespace sb::node {

/// Watches one run on any runtime: prints its journal entries as they come, asks a person at the
/// terminal where one is needed, and ends with the run.
class RunFollower
{
public:
    struct Options
    {
        bool json = false;
        bool asksPerson = false; ///< approvals are asked on this terminal
    };
    /// Listens from here on, so that nothing of what is started next is missed.
    RunFollower(protocol::RuntimeClient& client, Executor& events, Options options);

    /// Follows until the run finishes or parks; the end signal cancels it. `after`: entries up to
    /// this seq are old.
    Exit follow(const QString& agent, const QString& run, qint64 after, EndSignal& end);

private:
    void take(const protocol::Entry& entry);
    void print(const protocol::Entry& entry) const;
    void catchUp();
    bool belongs(const protocol::Entry& entry);
    void ask(const protocol::ApprovalInfo& approval, EndSignal& end);
    /// Whether nothing is at work for the run (any more).
    [[nodiscard]] bool isIdle();
    [[nodiscard]] bool isSettledElsewhere(const QString& id);

    protocol::RuntimeClient& m_client;
    Options m_options;
    QString m_agent;
    QString m_run;
    qint64 m_lastSeq = 0;
    QSet<QString> m_processes;
    std::optional<protocol::Entry> m_finished;

    QList<protocol::ApprovalInfo> m_toAsk;

    std::mutex m_mutex;
    std::deque<protocol::Event> m_events;
    int m_wake[2] = {-1,
                     -1}; ///< a pipe, so that one poll() waits for events and for the end signal
    Subscription m_subscription;

public:
    ~RunFollower();
    RunFollower(const RunFollower&) = delete;
    RunFollower& operator=(const RunFollower&) = delete;
};

} // namespace sb::node
