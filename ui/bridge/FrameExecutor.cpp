#include "ui/bridge/FrameExecutor.h"

#include <QThread>

namespace sb::bridge {

FrameExecutor::FrameExecutor(std::function<void()> batchDone)
    : m_context(std::make_unique<QObject>()), m_batchDone(std::move(batchDone))
{
    m_timer.setSingleShot(true);
    m_timer.setTimerType(Qt::PreciseTimer);
    QObject::connect(&m_timer, &QTimer::timeout, m_context.get(), [this] { run(); });
}

FrameExecutor::~FrameExecutor() = default;

bool FrameExecutor::isCurrent() const
{
    return QThread::currentThread() == m_timer.thread();
}

void FrameExecutor::post(Job job)
{
    const std::scoped_lock lock(m_mutex);
    if (m_closed) {
        return;
    }
    m_jobs.push_back(std::move(job));
    if (!m_awake) {
        m_awake = true;
        // Under the lock, so that close() cannot take the context away meanwhile; this only queues
        // an event.
        QMetaObject::invokeMethod(m_context.get(), [this] { schedule(); }, Qt::QueuedConnection);
    }
}

void FrameExecutor::schedule()
{
    const qint64 since = m_sinceRun.isValid() ? m_sinceRun.elapsed() : frameMs;
    if (since >= frameMs) {
        run();
    } else {
        m_timer.start(int(frameMs - since));
    }
}

void FrameExecutor::run()
{
    std::vector<Job> jobs;
    {
        const std::scoped_lock lock(m_mutex);
        jobs.swap(m_jobs);
        m_awake = false;
    }
    m_sinceRun.start();
    for (Job& job : jobs) {
        job();
    }
    m_batchDone();
}

void FrameExecutor::close()
{
    std::vector<Job> dropped; // destroyed outside of the lock: a job may own anything
    std::unique_ptr<QObject> context;
    {
        const std::scoped_lock lock(m_mutex);
        m_closed = true;
        dropped.swap(m_jobs);
        context.swap(m_context);
    }
    m_timer.stop();
}

} // namespace sb::bridge
