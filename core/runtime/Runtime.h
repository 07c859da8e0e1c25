#pragma once
#include "core/config/ConfigWatcher.h"
#include "core/git/Library.h"
#include "core/protocol/RuntimeClient.h"
#include "core/runtime/AgentRuntime.h"
#include "core/runtime/Ingests.h"
#include "core/runtime/InstanceChain.h"
#include "core/runtime/InstanceLock.h"
#include "core/runtime/Outlet.h"
#include "core/runtime/Skills.h"
#include "core/sandbox/Sandbox.h"
#include "core/secrets/Redactor.h"
#include "core/secrets/Secrets.h"

#include <shared_mutex>

namespace sb::runtime {

/// Everything behind one home, as one RuntimeClient. Safe to use from any thread.
class Runtime final : public protocol::RuntimeClient
{
public:
    struct Settings
    {
        Home home;
        QString role;   ///< "window", "serve", "run", "cli": who holds the home
        QString helper; ///< path of signalbox-sandbox-helper
        bool needsConfig =
            true; ///< false: a missing or bad file leaves an instance without agents (window, tour)
        secrets::AskPassphrase askPassphrase{}; ///< empty: the vault of keys stays locked
    };
    /// Takes the home, reads the configuration. Opens no database yet. Conflict when another
    /// process runs the home; what config::load says of the file.
    static Result<std::unique_ptr<Runtime>> open(Settings settings, Clock& clock);
    /// Leaves in order: nobody can ask any more, processes leave, journals close with a signed
    /// head, threads end.
    ~Runtime() override;

    // protocol::RuntimeClient
    Future<QJsonObject> send(protocol::Command command) override;
    Subscription subscribe(Executor& executor,
                           std::function<void(const protocol::Event&)> listener) override;

    /// Opens every agent, takes up what was interrupted, and follows the configuration file. In the
    /// background; the answer comes when all agents are open. Those that cannot be opened say why
    /// in their AgentInfo.
    Future<> takeUp();
    /// Answers when a channel has nothing left to do, or only waits for a person.
    Future<> settledDown(const QString& agent, const QString& channel);
    [[nodiscard]] const Home& home() const { return m_settings.home; }
    [[nodiscard]] sandbox::Sandbox& sandbox() { return *m_sandbox; }
    /// Keeps a key and answers with its reference; see Secrets::store().
    Future<QString> storeKey(const QString& name, SecretString value);
    /// Prometheus text: what runs, waits, was spent.
    QByteArray metrics();
    Executor& loop() { return *m_feed; }
    Executor& pool() { return *m_pool; }

private:
    struct Slot;
    Runtime(Settings settings, Clock& clock, InstanceLock lock);
    Result<> build();
    void applyConfig(const std::shared_ptr<const config::Config>& config,
                     const std::optional<Error>& problem);
    /// The file changed while the runtime lives.
    void reloaded(const std::shared_ptr<const config::Config>& config,
                  const std::optional<Error>& problem);

    /// The agent when it is open already; nullptr else. Never blocks.
    AgentRuntime* openAgent(const QString& id);
    /// Opens the agent if need be. Blocks on disk: on a pool thread.
    Result<AgentRuntime*> agent(const QString& id);
    Result<AgentRuntime*> openSlot(Slot& slot);
    /// The same for one that is to do something new: its definition must be in force, a folder
    /// alone does not do.
    Result<AgentRuntime*> workingAgent(const QString& id);
    /// NotFound, with the ids that there are, for an agent that the configuration does not name.
    Result<> isInForce(const QString& id) const;
    /// Key of this home's journals, made on first use. Blocks on disk.
    [[nodiscard]] QString problemOf(const config::Agent& agent) const;
    /// The way out, made at first use: it has a thread of its own, which a start need not pay for.
    Result<Outlet*> outlet();
    [[nodiscard]] leaks::Watch watch();
    void raiseLeak(const leaks::Incident& incident);
    void recordNotice(const QString& text);
    void keyChanged(const secrets::Change& change);
    /// A key for a model's service. What cannot be had is told to all who listen, until it can.
    Future<secrets::Lease> leaseKey(const QString& reference);
    Models::Keys modelKeys();
    /// Edits the list of keys that cannot be had, and tells of it when it is another one now.
    void noteKeys(const std::function<void(QMap<QString, protocol::KeyProblem>&)>& edit);
    [[nodiscard]] protocol::VaultInfo vaultInfo() const;
    /// The memories of agents that let this one read them. Blocks on disk.
    std::vector<AgentMemory*> readableBy(const QString& agent);
    /// What makes vectors of memories, as the configuration says. A change is told to all agents.
    void useEmbeddings(const config::Config& config);
    /// What is installed, and whose keys are believed. Blocks on disk.
    Result<std::unique_ptr<Installed>> installed();
    /// Writes down what a person decided about a publisher. Blocks on disk.
    Result<> recordPublisher(const packages::Pin& pin, const QString& what, const QString& by);
    Result<> tryContainment(const config::Agent& agent, protocol::ContainmentInfo& info);
    Result<QByteArray> signingKey();
    /// The instance's own chain, opened on first use. Blocks on disk.
    Result<InstanceChain*> instance();
    /// An agent's chain or the instance's.
    Result<journal::Journal*> journalOf(const QString& id);
    /// Writes down which configuration is in force, unless it is the one that was recorded last.
    void recordConfig();
    void noteJournalProblem(const Error& error);
    /// Ids of the configured agents, then of those that only have a folder.
    QStringList agentIds(bool withFolders) const;
    QString standardAgent() const;
    void publishTotals();
    protocol::Totals totals();

    template <class R, class F>
    Future<QJsonObject> withAgent(const QString& id, F f);
    template <class R, class F>
    Future<QJsonObject> onPool(F f);
    template <class R, class F>
    Future<QJsonObject> withMemory(const QString& id, F f);
    template <class R, class F>
    Future<QJsonObject> fromMemory(const QString& id, F f);

    // One function a command.
    Future<QJsonObject> handle(protocol::Ping command);
    Future<QJsonObject> handle(const protocol::Activate& command);
    Future<QJsonObject> handle(protocol::GetSnapshot command);
    Future<QJsonObject> handle(protocol::WriteConfig command);
    Future<QJsonObject> handle(const protocol::OpenChannel& command);
    Future<QJsonObject> handle(const protocol::SendMessage& command);
    Future<QJsonObject> handle(const protocol::Ask& command);
    Future<QJsonObject> handle(protocol::GetTranscript command);
    Future<QJsonObject> handle(const protocol::GetOutput& command);
    Future<QJsonObject> handle(const protocol::CancelProcess& command);
    Future<QJsonObject> handle(const protocol::ListApprovals& command);
    Future<QJsonObject> handle(const protocol::GetApproval& command);
    Future<QJsonObject> handle(protocol::SettleApproval command);
    Future<QJsonObject> handle(const protocol::QueryJournal& command);
    Future<QJsonObject> handle(const protocol::VerifyJournal& command);
    Future<QJsonObject> handle(const protocol::ExportJournal& command);
    Future<QJsonObject> handle(const protocol::ErasePayload& command);
    Future<QJsonObject> handle(protocol::UndoWrite command);
    Future<QJsonObject> handle(protocol::StartRun command);
    Future<QJsonObject> handle(const protocol::GetContainment& command);
    Future<QJsonObject> handle(const protocol::RevokeGrant& command);
    Future<QJsonObject> handle(protocol::GetVault command);
    Future<QJsonObject> handle(protocol::UnlockVault command);
    Future<QJsonObject> handle(const protocol::KeyChanged& command);
    Future<QJsonObject> handle(protocol::ListPublishers command);
    Future<QJsonObject> handle(const protocol::ForgetPublisher& command);
    Future<QJsonObject> handle(const protocol::RememberPublisher& command);
    Future<QJsonObject> handle(const protocol::SearchMemory& command);
    Future<QJsonObject> handle(const protocol::ListMemories& command);
    Future<QJsonObject> handle(const protocol::GetMemory& command);
    Future<QJsonObject> handle(const protocol::GetMemoryGraph& command);
    Future<QJsonObject> handle(const protocol::ChangeMemory& command);
    Future<QJsonObject> handle(const protocol::MergeMemories& command);
    Future<QJsonObject> handle(const protocol::SplitMemory& command);
    Future<QJsonObject> handle(const protocol::UndoMemoryChange& command);
    Future<QJsonObject> handle(const protocol::GetMemoryStats& command);
    Future<QJsonObject> handle(const protocol::ExportMemory& command);
    Future<QJsonObject> handle(const protocol::IngestPaths& command);
    Future<QJsonObject> handle(const protocol::ListIngests& command);
    Future<QJsonObject> handle(const protocol::StopIngest& command);
    Result<protocol::ApprovalInfo> findApproval(const QString& id, AgentRuntime** owner);
    Result<protocol::VerifyReport> verify(const QString& agent);
    [[nodiscard]] bool hasInstanceChain() const;
    Result<> prepareTour();

    struct Slot
    {
        std::mutex opening;
        config::Agent definition;
        std::shared_ptr<Models> models; ///< its own (the tour's); else the instance's
        std::unique_ptr<AgentRuntime> agent;
        std::atomic<AgentRuntime*> open = nullptr; ///< the same, for those who do not wait
        std::optional<Error> problem;
    };

    Settings m_settings;
    Clock& m_clock;
    InstanceLock m_lock;
    Hub m_hub;
    std::unique_ptr<Pool> m_pool;
    std::unique_ptr<LoopExecutor> m_network;
    std::unique_ptr<LoopExecutor> m_feed;
    std::vector<std::unique_ptr<LoopExecutor>> m_agentLoops;
    git::Library m_git;
    std::unique_ptr<secrets::Secrets> m_secrets;
    secrets::Redactor m_redactor;
    std::unique_ptr<sandbox::Sandbox> m_sandbox;
    std::mutex m_makingOutlet;
    std::unique_ptr<Outlet> m_outlet;
    Guarded<QHash<QString, protocol::ContainmentInfo>> m_probed; ///< what was found last, by agent
    tools::Registry m_registry;
    std::unique_ptr<Skills> m_skills;
    std::unique_ptr<Ingests> m_ingests;
    std::unique_ptr<config::ConfigWatcher> m_watcher;
    mutable std::shared_mutex m_mutex; ///< over what follows
    std::shared_ptr<const config::Config> m_config;
    std::optional<Error> m_configProblem;
    std::shared_ptr<Models> m_models;
    /// What the embedder was made of.
    std::pair<config::Embeddings, std::optional<config::Provider>> m_embeddings;
    std::shared_ptr<memory::Embedder> m_embedder;
    std::map<QString, std::shared_ptr<Slot>> m_agents;
    QStringList m_order; ///< agents as the configuration lists them
    bool m_closing = false;
    std::mutex m_signing; ///< while the key is read or made
    QByteArray m_signingKey;
    std::mutex m_openingInstance;
    std::unique_ptr<InstanceChain> m_instance; ///< under m_openingInstance
    std::atomic<bool> m_recorded = false;      ///< the configuration that is in force now
    Guarded<QString> m_journalProblem;
    Guarded<QMap<QString, protocol::KeyProblem>> m_keyProblems; ///< by reference
    Guarded<QMap<QString, packages::Pin>> m_forgotten;          ///< publishers, in this run
    std::atomic<TimeUs> m_journalVerifiedAt = 0;                // when verify last held
    std::atomic<bool> m_totalsPosted = false;
    std::atomic<bool> m_takenUp = false;
};

} // namespace sb::runtime
