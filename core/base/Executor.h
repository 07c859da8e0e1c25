#pragma once
#include <QString>
#include <functional>
#include <memory>
#include <thread>

class QObject;

namespace sb {

using Job = std::move_only_function<void()>;

/// Something that runs jobs, each whole and in the order in which they were posted.
class Executor
{
public:
    virtual ~Executor() = default;
    /// Runs the job later; from any thread. A job posted after the executor stopped is dropped.
    virtual void post(Job job) = 0;
    /// Whether the caller already runs on it.
    [[nodiscard]] virtual bool isCurrent() const = 0;
};

/// A thread of its own with a Qt event loop: agents' processes, sockets and HTTP live on these.
class LoopExecutor final : public Executor
{
public:
    explicit LoopExecutor(const QString& name);
    /// Runs what was already posted, then ends the thread.
    ~LoopExecutor() override;
    void post(Job job) override;
    [[nodiscard]] bool isCurrent() const override;
    /// Waits until a job has run on it; for setting up and taking down objects that live there.
    void postAndWait(Job job);

private:
    struct Private;
    std::unique_ptr<Private> m;
};

/// Posts to the event loop of the thread that made it: the GUI thread, a test's main thread.
class ContextExecutor final : public Executor
{
public:
    ContextExecutor();
    ~ContextExecutor() override;
    void post(Job job) override;
    [[nodiscard]] bool isCurrent() const override;

private:
    std::unique_ptr<QObject> m_context;
};

/// A few threads for work that blocks (SQL, git, hashing). Jobs run in any order, side by side.
class Pool final : public Executor
{
public:
    explicit Pool(int threads, const QString& name);
    /// Runs what was already posted, then ends the threads.
    ~Pool() override;
    void post(Job job) override;
    [[nodiscard]] bool isCurrent() const override;

private:
    struct Private;
    std::unique_ptr<Private> m;
};

/// Runs each job at once in the caller's thread: for the command line's one-shot verbs and tests.
class InlineExecutor final : public Executor
{
public:
    void post(Job job) override { job(); }
    [[nodiscard]] bool isCurrent() const override { return true; }
};

} // namespace sb
