#pragma once
#include "core/base/Guarded.h"
#include "core/sandbox/ControlGroup_linux.h"
#include "core/sandbox/Sandbox.h"
#include "core/sandbox/Spawn_linux.h"

#include <deque>
#include <thread>
#include <unordered_map>

namespace sb::sandbox {

/// What the helper said about itself, beside the command's outcome.
struct LaunchReport
{
    Outcome outcome;
    int landlock = 0;
    bool pidsCapped = false;
};

/// All commands that run, on one thread that sleeps until one of them stirs.
class Launches final : public Executor
{
public:
    explicit Launches(Clock& clock);
    /// Ends what still runs, waits until it is gone, then ends the thread.
    ~Launches() override;

    struct Order
    {
        SpawnRequest spawn;
        Limits limits;
        std::function<void(const QString&)> output;
        std::stop_token stop;
        std::unique_ptr<ControlGroup> group; ///< to start it in; may be none
        std::function<void(int)> door; ///< gets the listening socket, where the plan asks for one
        std::function<Milliseconds()> excused; ///< as Sandbox::launch has it
        Screen screen;                         ///< the same
    };
    /// Starts it. The answer comes on the thread here, once everything that it started is gone.
    Future<LaunchReport> start(Order order);

    void post(Job job) override;
    [[nodiscard]] bool isCurrent() const override;

private:
    struct Launch;
    enum class Source : quint8 { Process, Output, Control, Init };
    enum class Why : quint8 { Timeout, Cancel };

    void run();
    void wake();
    void begin(Order order, Promise<LaunchReport> promise);
    void handle(quint64 id, Source source);
    void readOutput(Launch& launch, qint64 most);
    void take(Launch& launch, QByteArrayView bytes);
    void readControl(Launch& launch);
    void started(Launch& launch, quint32 flags, std::deque<Descriptor> sent);
    void show(Launch& launch, QByteArrayView bytes);
    void stop(quint64 id, Why why);
    void arm(quint64 id, Milliseconds wall);
    void press(Launch& launch);
    void finishIfGone(quint64 id);
    [[nodiscard]] int waitMs() const;
    bool watch(int fd, quint64 id, Source source);

    Clock& m_clock;
    Descriptor m_poll;
    Descriptor m_wake;
    Guarded<std::deque<Job>> m_jobs;
    bool m_stopping = false; ///< on the thread only; so is the rest
    quint64 m_nextId = 1;
    std::unordered_map<quint64, std::unique_ptr<Launch>> m_launches;
    std::thread m_thread;
};

} // namespace sb::sandbox
