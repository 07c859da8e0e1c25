#pragma once
#include "core/approvals/Grants.h"
#include "core/base/Guarded.h"
#include "core/config/Config.h"
#include "core/egress/Egress.h"
#include "core/leaks/Watch.h"
#include "core/process/Host.h"
#include "core/runtime/AgentMemory.h"
#include "core/runtime/Home.h"
#include "core/runtime/Hub.h"
#include "core/runtime/Models.h"

namespace sb::runtime {

/// What an agent's commands may use up, as signalbox.yaml says.
sandbox::Limits commandLimits(const config::AgentLimits& given);

/// One agent at work: its database, journal, approvals, gate and processes, and what of them
/// becomes events.
class AgentRuntime final : public process::Observer
{
public:
    struct Parts
    {
        const Home& home;
        Clock& clock;
        Executor& executor; ///< its processes; may be shared with other agents
        LoopExecutor& feed; ///< readings for events, in order
        Executor& pool;
        const tools::Registry& registry;
        Hub& hub;
        QByteArray signingKey;
        std::function<QJsonObject(QJsonObject)> redactPayload;
        std::function<QString(const QString&)> redactText;
        leaks::Watch watch;
        Milliseconds approvalsExpire;
        std::function<void()> totalsChanged;
        /// Why an agent's tools cannot work on this machine now; looks at the disk.
        std::function<QString(const config::Agent&)> problem;
        /// Makes vectors of memories: the one in force.
        std::function<std::shared_ptr<memory::Embedder>()> embedder;
        /// The memories of other agents that it may read. Blocks on disk.
        std::function<std::vector<AgentMemory*>()> readable;
    };
    /// Opens or makes the agent's stores. Blocks on disk. Errors are those of store and journal:
    /// TooNew, Corrupt …
    static Result<std::unique_ptr<AgentRuntime>>
    open(Parts parts, config::Agent agent, std::shared_ptr<Models> models);
    /// Closes the journal with a signed head. leave() must have been answered.
    ~AgentRuntime() override;

    /// Puts a changed definition or other models in force for what begins from now on.
    void update(config::Agent agent, std::shared_ptr<Models> models);
    [[nodiscard]] protocol::AgentInfo info() const;
    [[nodiscard]] config::Agent definition() const;
    /// Puts the files of a checkpoint.created back as they were; answers with their paths. Blocks
    /// on files. Conflict when one is not as the write left it.
    Result<QStringList> restore(qint64 checkpoint);
    /// From here on every question of that run is answered with yes, by "rehearsal": the tour
    /// without a person.
    void playPerson(const QString& run);

    process::Host& host() { return *m_host; }
    journal::Journal& journal() { return *m_journal; }
    store::Database& database() { return *m_database; }
    approvals::Approvals& approvals() { return *m_approvals; }
    approvals::Grants& grants() { return *m_grants; }
    tools::Gate& gate() { return *m_gate; }
    AgentMemory& memory() { return *m_memory; }
    // What the egress proxy wants to know and to have written down.
    [[nodiscard]] egress::Rules egressRules() const;
    Future<qint64> recordEgress(const egress::Session& session, const QJsonObject& payload);
    /// Its requests since the program started.
    [[nodiscard]] egress::Stats egressStats() const;
    /// Puts an address outside the list before a person; true lets this one request through. A yes
    /// that is to be remembered becomes a standing permission. Where nobody is there to ask, the
    /// question stays and the answer is no.
    Future<bool> askForAddress(const egress::Question& question);
    /// Writes an incident down, where the person of that conversation sees it. Blocks on disk.
    void recordLeak(const leaks::Incident& incident);
    /// The call has ended: nobody needs to answer its questions any more.
    void endAddressQuestions(const QString& process, qint64 callSeq);

    /// The end of what a process's tools printed.
    [[nodiscard]] QString output(const QString& process) const;
    [[nodiscard]] int waitingApprovals() const { return m_waiting.load(); }
    protocol::ChannelInfo decorate(protocol::ChannelInfo info) const;

    // process::Observer
    void textDelta(const QString& channel, const QString& process, const QString& text) override;
    void textReset(const QString& channel, const QString& process) override;
    void output(const QString& process, const QString& text) override;
    void channelActivity(const QString& channel, int running) override;

private:
    explicit AgentRuntime(Parts parts);
    void onEntries(const QList<protocol::Entry>& entries);
    void publishProcess(const QString& id);
    void publishChannel(const QString& id);
    void publishMemory(const protocol::Entry& entry);
    void rememberAnswer(const protocol::ApprovalInfo& approval);
    /// Questions about addresses whose commands went with an earlier life of the program.
    void withdrawLeftQuestions(const QList<protocol::ApprovalInfo>& waiting);
    Result<protocol::ApprovalInfo> addressQuestion(const egress::Question& question);

    struct InForce
    {
        config::Agent agent;
        std::shared_ptr<Models> models;
        std::vector<std::shared_ptr<Models>> retired; ///< calls under way may still use them
    };
    /// Readings are made on the feed, but only for listeners: without any, that thread is not even
    /// woken, and what was appended is passed over where it was noticed.
    class Feed final : public Executor
    {
    public:
        explicit Feed(Parts& parts) : m_parts(parts) {}
        void post(Job job) override
        {
            if (m_parts.hub.hasListeners()) {
                m_parts.feed.post(std::move(job));
            } else {
                job();
            }
        }
        [[nodiscard]] bool isCurrent() const override { return m_parts.feed.isCurrent(); }

    private:
        Parts& m_parts;
    };

    Parts m;
    Feed m_feed{m};
    Guarded<InForce> m_inForce;
    Guarded<QHash<QString, QString>> m_outputs; ///< rings, by process
    Guarded<QHash<QString, int>> m_waitingByChannel;
    Guarded<egress::Stats> m_egressStats;
    std::mutex m_askingForAddress; ///< one question about an address, however many ask for it
    /// Open questions about addresses: id → the calls ("process call") that wait for the answer.
    Guarded<QHash<QString, QSet<QString>>> m_addressAskers;
    std::atomic<int> m_waiting = 0;
    std::unique_ptr<store::Database> m_database;
    std::unique_ptr<journal::Journal> m_journal;
    std::unique_ptr<approvals::Approvals> m_approvals;
    std::unique_ptr<approvals::Grants> m_grants;
    std::unique_ptr<tools::Gate> m_gate;
    std::unique_ptr<AgentMemory> m_memory;
    std::unique_ptr<process::Host> m_host;
    Subscription m_entries;
    Subscription m_approvalChanges;
    Subscription m_person;
};

} // namespace sb::runtime
