#include "core/base/Executor.h"

#include "core/base/Contracts.h"
#include "core/base/ThreadSanitizer.h"

#include <QCoreApplication>
#include <QEvent>
#include <QEventLoop>
#include <QThread>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <semaphore>
#include <vector>

namespace sb {

namespace {

const QEvent::Type jobEvent = QEvent::Type(QEvent::registerEventType());

// One event drains the whole queue, so a burst of jobs costs one wake-up of the loop.
class JobQueue final : public QObject
{
public:
    void push(Job job)
    {
        bool wake = false;
        {
            const std::scoped_lock lock(m_mutex);
            wake = m_jobs.empty() && !m_draining;
            m_jobs.push_back(std::move(job));
        }
        if (wake) {
            QCoreApplication::postEvent(this, new QEvent(jobEvent));
        }
    }

protected:
    bool event(QEvent* event) override
    {
        if (event->type() != jobEvent) {
            return QObject::event(event);
        }
        std::deque<Job> jobs;
        {
            const std::scoped_lock lock(m_mutex);
            jobs.swap(m_jobs);
            m_draining = true;
        }
        while (!jobs.empty()) {
            Job job = std::move(jobs.front());
            jobs.pop_front();
            job();
        }
        bool more = false;
        {
            // Jobs that these posted come in a next event, after sockets and timers had their turn.
            const std::scoped_lock lock(m_mutex);
            m_draining = false;
            more = !m_jobs.empty();
        }
        if (more) {
            QCoreApplication::postEvent(this, new QEvent(jobEvent));
        }
        return true;
    }

private:
    std::mutex m_mutex;
    std::deque<Job> m_jobs;
    bool m_draining = false;
};

// Whoever waits for its end sees all that it did.
class LoopThread final : public QThread
{
public:
    void waitForEnd()
    {
        wait();
        tsan::takeOver(this);
    }

protected:
    void run() override
    {
        exec();
        tsan::handOver(this);
    }
};

} // namespace

struct LoopExecutor::Private
{
    LoopThread thread;
    JobQueue* queue = nullptr; // lives on the thread
};

LoopExecutor::LoopExecutor(const QString& name) : m(std::make_unique<Private>())
{
    m->queue = new JobQueue;
    m->queue->moveToThread(&m->thread);
    m->thread.setObjectName(name);
    m->thread.start();
}

LoopExecutor::~LoopExecutor()
{
    SB_ASSERT(!isCurrent());
    m->queue->push([this] { m->thread.quit(); });
    m->thread.waitForEnd();
    delete m->queue;
}

void LoopExecutor::post(Job job)
{
    m->queue->push(std::move(job));
}

bool LoopExecutor::isCurrent() const
{
    return QThread::currentThread() == &m->thread;
}

void LoopExecutor::postAndWait(Job job)
{
    if (isCurrent()) {
        job();
        return;
    }
    std::binary_semaphore done(0);
    post([&] {
        job();
        done.release();
    });
    done.acquire();
}

ContextExecutor::ContextExecutor() : m_context(std::make_unique<JobQueue>()) {}

ContextExecutor::~ContextExecutor() = default;

void ContextExecutor::post(Job job)
{
    static_cast<JobQueue*>(m_context.get())->push(std::move(job));
}

bool ContextExecutor::isCurrent() const
{
    return QThread::currentThread() == m_context->thread();
}

struct Pool::Private
{
    std::mutex mutex;
    std::condition_variable ready;
    std::deque<Job> jobs;
    bool stopping = false;
    std::vector<std::thread> threads;
};

Pool::Pool(int threads, const QString&) : m(std::make_unique<Private>())
{
    SB_ASSERT(threads > 0);
    for (int i = 0; i < threads; ++i) {
        m->threads.emplace_back([this] {
            for (;;) {
                Job job;
                {
                    std::unique_lock lock(m->mutex);
                    m->ready.wait(lock, [&] { return m->stopping || !m->jobs.empty(); });
                    if (m->jobs.empty()) {
                        return;
                    }
                    job = std::move(m->jobs.front());
                    m->jobs.pop_front();
                }
                job();
            }
        });
    }
}

Pool::~Pool()
{
    {
        const std::scoped_lock lock(m->mutex);
        m->stopping = true;
    }
    m->ready.notify_all();
    for (auto& thread : m->threads) {
        thread.join();
    }
}

void Pool::post(Job job)
{
    {
        const std::scoped_lock lock(m->mutex);
        m->jobs.push_back(std::move(job));
    }
    m->ready.notify_one();
}

bool Pool::isCurrent() const
{
    const auto self = std::this_thread::get_id();
    return std::ranges::any_of(m->threads,
                               [&](const auto& thread) { return thread.get_id() == self; });
}

} // namespace sb
