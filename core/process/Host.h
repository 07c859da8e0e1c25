#pragma once
#include "core/base/Guarded.h"
#include "core/process/Channel.h"
#include "core/process/Compactor.h"
#include "core/process/Cortex.h"
#include "core/process/Delegate.h"
#include "core/process/Delegation.h"
#include "core/process/Mind.h"
#include "core/process/Process.h"

#include <deque>
#include <unordered_map>

namespace sb::process {

/// What a person sets for an agent, as its processes need it.
struct AgentSettings
{
    QString id;
    QString workspace;    ///< absolute, links resolved
    QString problem;      ///< why its tools cannot work now (no workspace …); empty: they can
    QString instructions; ///< added to every prompt of its channels, branches and workers
    QStringList allowedHosts;
    sandbox::Limits commandLimits{};
    int workersPerChannel = 32;
    int branchesPerChannel = 8;
    int channelSteps = 12; ///< model calls in one turn
    int branchSteps = 50;
    int workerSteps = 150;
    int toolCalls = 400;     ///< of one process
    int outputTokens = 4096; ///< of one model answer
    qint64 contextTokens = 128'000;
    Milliseconds stall{300'000}; ///< without progress a process is ended
    Milliseconds interactiveIdle{1'800'000};
    taint::Settings taint; ///< what labels do, and what is trusted
    int bulletinWords = 500;
    bool cortexHasModel = false; ///< a route names one for it; else it goes by rules alone
};

/// Pictures of progress; called on the agent's executor or a tool's thread. May be dropped by
/// whoever shows them.
class Observer
{
public:
    virtual ~Observer() = default;
    virtual void textDelta(const QString& channel, const QString& process, const QString& text) = 0;
    virtual void textReset(const QString& channel, const QString& process) = 0;
    virtual void output(const QString& process, const QString& text) = 0;
    /// A channel's count of running processes, or a process's picture, changed without an entry
    /// telling so.
    virtual void channelActivity(const QString& channel, int running) = 0;
};

/// What a turn came to, for whoever asked for it.
struct TurnResult
{
    QString text;
    bool failed = false;
    llm::Usage usage;
};

/// All processes of one agent: starts them, hands their results over, supervises, resumes after a
/// crash. Public functions may be called from any thread; everything happens on the agent's
/// executor.
class Host final : public Delegator
{
public:
    struct Parts
    {
        Executor& executor; ///< the agent's
        Executor& pool;     ///< blocking reads
        Clock& clock;
        journal::Journal& journal;
        store::Database& database;
        tools::Gate& gate;
        const tools::Registry& registry;
        Observer& observer;
        std::function<AgentSettings()> settings; ///< those in force now
        std::function<llm::Provider&(protocol::ProcessKind)> provider;
        std::function<std::optional<qint64>(const QString& model, const llm::Usage&)> cost;
        leaks::Watch watch{}; ///< over what models say, and over messages
        Mind* mind = nullptr; ///< the agent's memory; none: it has no bulletin and no Cortex
    };
    explicit Host(Parts parts);
    /// The host must have been shut down.
    ~Host() override;

    /// Makes a channel, or finds it when the id exists.
    Future<protocol::ChannelInfo> openChannel(QString id, QString title, QString origin);
    /// Puts a message into a channel's mailbox; answers when it is on disk. The channel is made
    /// when it is not there.
    Future<qint64> send(protocol::SendMessage message, QString origin);
    /// The same, and waits for the turn that takes the message to end.
    Future<TurnResult> ask(protocol::SendMessage message, QString origin);
    /// A channel of its own for one task, ended by a run.finished.
    Future<protocol::StartRun::Reply> startRun(protocol::StartRun command);
    Future<> cancel(QString process, QString by);
    /// Takes up what was under way when the program stopped: one channel's, or (empty)
    /// everything's.
    Future<> recover(QString channel);
    /// Stops everything without ending it in the journal, and answers when nothing runs any more.
    Future<> leave();
    /// Answers when the channel has nothing left to do, or only waits for a person.
    Future<> settledDown(QString channel);
    /// Processes at work now, turns included; of one channel or (empty) of all.
    int running(const QString& channel) const;

    // Delegator: what the tools branch, spawn_worker, route, cancel, skip and channel_recall do.
    Future<QString>
    spawnWorker(const tools::Context& context, QString task, bool interactive) override;
    Future<QString> branch(const tools::Context& context, QString question) override;
    Future<QString> route(const tools::Context& context, QString worker, QString message) override;
    Future<QString> cancelByTool(const tools::Context& context, QString id) override;
    Future<Words> recall(const tools::Context& context, QString words) override;
    Future<Words> readAgain(const tools::Context& context, qint64 summary, int offset) override;

private:
    friend class Process;
    friend class Channel;
    friend class Delegate;
    friend class Branch;
    friend class Worker;
    friend class Compactor;
    friend class Cortex;
    friend class CortexWork;

    struct Children
    {
        int branches = 0;
        int workers = 0;
    };

    QCoro::Task<Result<protocol::ChannelInfo>>
    openChannelTask(QString id, QString title, QString origin);
    QCoro::Task<Result<qint64>> sendTask(protocol::SendMessage message,
                                         QString origin,
                                         std::shared_ptr<Promise<TurnResult>> asker);
    QCoro::Task<Result<protocol::StartRun::Reply>> startRunTask(protocol::StartRun command);
    QCoro::Task<Result<>> recoverTask(QString channel);
    QCoro::Task<Result<QString>>
    spawnTask(protocol::ProcessKind kind, tools::Context context, QString task, bool interactive);
    QCoro::Task<Result<QString>> routeTask(tools::Context context, QString worker, QString message);
    /// The channel's object, read from the store or new.
    QCoro::Task<Result<Channel*>>
    channelFor(QString id, QString title, QString origin, QString run);
    QCoro::Task<Result<Channel*>>
    loadChannel(QString id, QString title, QString origin, QString run);
    QCoro::Task<Result<>> recoverProcess(protocol::ProcessInfo info, QString run);
    QCoro::Task<Result<>> finishRun(Channel* channel, protocol::Outcome outcome, QString text);

    /// Runs f (returning a Task of Result<T>) on the agent's executor, and answers with what it
    /// came to.
    template <class T, class F>
    Future<T> onExecutor(F f)
    {
        Promise<T> promise;
        auto future = promise.future();
        m.executor.post([this, f = std::move(f), promise = std::move(promise)]() mutable {
            if (m_leaving) {
                promise.set(
                    fail(ErrorCode::Unavailable, QStringLiteral("The program is closing.")));
                return;
            }
            ++m_busy;
            answer<T>(f(), std::move(promise));
        });
        return future;
    }
    template <class T>
    QCoro::Task<> answer(QCoro::Task<Result<T>> task, Promise<T> promise)
    {
        auto result = co_await task;
        --m_busy;
        promise.set(std::move(result));
        checkLeft();
    }

    /// Owns the process and lets it work.
    template <class P>
    P& start(std::unique_ptr<P> process)
    {
        P& started = *process;
        const QString id = started.info().id;
        m_processes[id] = std::move(process);
        m_tasks.insert_or_assign(id, started.body());
        if (m_leaving) {
            started.stop(StopReason::Leaving, {});
        }
        activity(started.info().channel);
        watch();
        return started;
    }
    void activity(const QString& channel);
    /// A process began or ceased to wait for a person.
    void waitingChanged(const QString& channel, bool waiting);
    /// Answers after a while, at once when the program closes: for trying a disk again.
    Future<> pause();
    /// Writes a message.received for an owner down; one with a key that was written before is found
    /// instead.
    struct Received
    {
        qint64 seq = 0;
        bool isNew = true;
        TimeUs time = 0;
    };
    Future<Received>
    receive(QList<journal::NewEntry> before, journal::NewEntry received, QString owner);
    QCoro::Task<Result<>> recoverChannel(QString id);
    [[nodiscard]] protocol::ApproveMode approveModeOf(const QString& channel) const;
    /// Answers with the compactor's id.
    QString startCompactor(Process& target, Compactor::Tier tier);
    /// What the next prompt of a channel carries; nullptr when there is none.
    QCoro::Task<std::shared_ptr<const Bulletin>> bulletin();
    /// A bulletin as the rules would write it now, beside the one that stands. Blocks on disk.
    struct Composed
    {
        QString text;
        QStringList memories;
        protocol::BulletinInfo current;
        bool isUnchanged = false; ///< no memory was written since the one that stands
    };
    Result<Composed> compose();
    /// A process is through: its mail goes to its owner, and it is taken down.
    void ended(const QString& id, std::optional<Mail> mailForOwner);
    /// Who gets a process's result: its parent, or the channel when the parent is gone.
    [[nodiscard]] QString ownerOf(const protocol::ProcessInfo& info) const;
    /// Hands mail that is in the journal to its owner.
    void post(Mail mail);
    /// Something in the channel changed: finishes its run, tells who waits.
    void settle(const QString& channel);
    void turnEnded(Channel& channel, const QList<qint64>& taken, const TurnResult& result);
    [[nodiscard]] Process* find(const QString& id) const;
    void evictIdleChannels();
    [[nodiscard]] Children childrenOf(const QString& channel) const;
    [[nodiscard]] bool hasChildren(const QString& owner) const;
    [[nodiscard]] QList<const Process*> processesOf(const QString& channel) const;
    void supervise();
    void watch();
    void checkLeft();
    /// Takes secrets out of a message of somebody outside, before anybody reads it. When it is
    /// written down as `entry`, tell() raises the incidents.
    struct Cleaned
    {
        QString text;
        QList<leaks::Hit> hits;
        QString from;
    };
    [[nodiscard]] Cleaned cleaned(const QString& text, const QString& from) const;
    void tell(const Cleaned& message, const QString& channel, qint64 entry) const;
    /// With which labels a text of somebody outside enters: a person, or another agent, whose name
    /// begins with "agent:".
    [[nodiscard]] QList<taint::Source> sourcesOfMessage(const QString& from,
                                                        const QString& text) const;
    /// A message as an entry's payload holds it: whole, or, when it is too large for one (the
    /// journal cuts payloads at 64 KiB), its role and the hash of the part that holds it. `share`:
    /// how many messages the payload holds.
    QCoro::Task<Result<QJsonObject>> storable(llm::Message message, qsizetype share);
    /// Puts in place what storable() had put aside. Blocks on disk.
    Result<> fetchParts(QList<Remembered>& messages);
    Result<> fetchParts(QList<Mail>& mail);
    /// Stores a text that many requests share and answers with its hash; remembers it.
    QCoro::Task<Result<QString>> part(QByteArray bytes);
    /// The same for the list of a process kind's tools.
    QCoro::Task<Result<QString>> toolsPart(protocol::ProcessKind kind, QList<llm::ToolSpec> tools);

    Parts m;
    std::unordered_map<QString, std::unique_ptr<Channel>> m_channels;
    std::unordered_map<QString, std::unique_ptr<Process>> m_processes;
    std::unordered_map<QString, QCoro::Task<>> m_tasks;
    std::unordered_map<QString, std::vector<Promise<Channel*>>> m_opening;
    std::unordered_map<qint64, std::shared_ptr<Promise<TurnResult>>>
        m_asking; ///< by the message's seq
    std::vector<std::pair<QString, Promise<>>> m_waiters;
    QHash<QByteArray, QString> m_parts;
    QHash<protocol::ProcessKind, std::pair<QList<llm::ToolSpec>, QString>> m_toolParts;
    std::optional<Promise<>> m_left;
    bool m_leaving = false;
    int m_busy = 0; ///< coroutines of the host itself under way
    std::vector<Subscription> m_pauses;
    bool m_isRecovering = false; ///< one recovery at a time, so that nothing is started twice
    std::deque<Promise<>> m_recoveriesWaiting;
    Subscription m_timer;
    bool m_watching = false;
    std::shared_ptr<const Bulletin> m_bulletin; ///< the newest that was read
    std::atomic<qint64> m_bulletinSeq = -1;     ///< of the newest there is; -1: not looked for yet
    Cortex m_cortex;
    Guarded<QHash<QString, int>> m_running; ///< by channel; read from any thread
};

} // namespace sb::process
