#include "core/runtime/Ingests.h"

#include "core/base/Ids.h"

#include <QDir>
#include <QFileInfo>

namespace sb::runtime {

using protocol::IngestInfo;
using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype mostPaths = 1000;
constexpr std::ptrdiff_t mostEnded = 50; ///< that are still told of

bool isRunning(const IngestInfo& info)
{
    return info.state == u"running";
}

} // namespace

Ingests::Ingests(Parts parts) : m(std::move(parts)) {}

Ingests::~Ingests()
{
    close();
}

Result<QList<IngestInfo>>
Ingests::begin(const QString& agent, memory::Memories& memories, const QStringList& paths)
{
    if (paths.isEmpty() || paths.size() > mostPaths) {
        return fail(ErrorCode::InvalidInput,
                    u"One to %1 files or folders are read at once."_s.arg(mostPaths));
    }
    QList<IngestInfo> begun;
    for (const QString& path : paths) {
        const QFileInfo info(path);
        if (!QDir::isAbsolutePath(path) || path.contains(QChar::Null)) {
            return fail(ErrorCode::InvalidInput,
                        u"A file to be read needs its whole path, not “%1”."_s.arg(path));
        }
        if (!info.exists()) {
            return fail(ErrorCode::NotFound, u"There is no file or folder %1."_s.arg(path));
        }
        if (!info.isFile() && !info.isDir()) {
            return fail(ErrorCode::InvalidInput, u"%1 is neither a file nor a folder."_s.arg(path));
        }
        IngestInfo one;
        one.id = newId("ing"_L1);
        one.agent = agent;
        one.path = QDir::cleanPath(path);
        one.state = u"running"_s;
        begun.append(one);
    }
    return m_state.withLock([&](State& state) -> Result<QList<IngestInfo>> {
        if (state.isClosed) {
            return fail(ErrorCode::Unavailable, u"The program is closing."_s);
        }
        if (!state.thread) {
            state.thread = std::make_unique<Pool>(1, u"ingest"_s);
        }
        for (const IngestInfo& info : std::as_const(begun)) {
            auto job = std::make_shared<Job>(info, std::stop_source(), &memories);
            state.jobs.push_back(job);
            state.thread->post([this, job] { run(job); });
        }
        return begun;
    });
}

void Ingests::run(const std::shared_ptr<Job>& job)
{
    IngestInfo info = m_state.withLock([&](State&) { return job->info; });
    memory::Ingest ingest({*job->memories,
                           m.clock,
                           m.readPdf,
                           m.closed,
                           [&](const IngestInfo& now) {
                               update(job, now);
                               m.progress(now);
                           }},
                          std::move(info));
    (void)ingest.run(job->stop.get_token());
}

void Ingests::update(const std::shared_ptr<Job>& job, const IngestInfo& info)
{
    m_state.withLock([&](State& state) {
        job->info = info;
        auto ended = std::ranges::count_if(state.jobs,
                                           [](const auto& one) { return !isRunning(one->info); });
        std::erase_if(state.jobs, [&](const auto& one) {
            return !isRunning(one->info) && ended-- > mostEnded;
        });
    });
}

QList<IngestInfo> Ingests::list(const QString& agent) const
{
    QList<IngestInfo> all = m_state.withLock([&](const State& state) {
        QList<IngestInfo> some;
        for (const auto& job : state.jobs) {
            if (agent.isEmpty() || job->info.agent == agent) {
                some.append(job->info);
            }
        }
        return some;
    });
    std::ranges::stable_partition(all, isRunning);
    return all;
}

Result<IngestInfo> Ingests::stop(const QString& id)
{
    auto found = m_state.withLock([&](const State& state) {
        const auto at =
            std::ranges::find_if(state.jobs, [&](const auto& job) { return job->info.id == id; });
        return at == state.jobs.end() ? std::nullopt
                                      : std::optional(std::pair((*at)->info, (*at)->stop));
    });
    if (!found) {
        return fail(ErrorCode::NotFound, u"There is no ingestion %1."_s.arg(id));
    }
    found->second.request_stop();
    return found->first;
}

void Ingests::close()
{
    std::unique_ptr<Pool> thread;
    std::vector<std::stop_source> stops;
    m_state.withLock([&](State& state) {
        state.isClosed = true;
        thread = std::move(state.thread);
        for (const auto& job : state.jobs) {
            stops.push_back(job->stop);
        }
    });
    for (auto& stop : stops) {
        stop.request_stop();
    }
    // The thread ends here, outside the lock, once each job has seen that it is to stop.
}

} // namespace sb::runtime
