#pragma once
#include "core/base/Executor.h"

#include <QElapsedTimer>
#include <QObject>
#include <QTimer>
#include <functional>
#include <mutex>
#include <vector>

namespace sb::bridge {

/// Runs jobs on the GUI thread in batches: the first at once, then at most one batch in 16 ms.
/// Nothing ticks while nothing is posted. Made and destroyed on the GUI thread; post() is for any
/// thread.
class FrameExecutor final : public Executor
{
public:
    static constexpr int frameMs = 16;

    /// `batchDone` is called on the GUI thread after each batch.
    explicit FrameExecutor(std::function<void()> batchDone);
    ~FrameExecutor() override;
    void post(Job job) override;
    [[nodiscard]] bool isCurrent() const override;
    /// Drops what waits and whatever comes later; on the GUI thread.
    void close();

private:
    void schedule();
    void run();

    std::mutex m_mutex;
    std::vector<Job> m_jobs;            // under m_mutex
    bool m_awake = false;               // under m_mutex: a run is on its way
    bool m_closed = false;              // under m_mutex
    std::unique_ptr<QObject> m_context; // lives on the GUI thread; under m_mutex for posting to it
    QTimer m_timer;
    QElapsedTimer m_sinceRun;
    std::function<void()> m_batchDone;
};

} // namespace sb::bridge
