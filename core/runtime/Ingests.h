#pragma once
#include "core/base/Guarded.h"
#include "core/memory/Ingest.h"

namespace sb::runtime {

/// Files and folders on their way into memories: one after another, in a thread of their own. Safe
/// to use from any thread.
class Ingests
{
public:
    struct Parts
    {
        Clock& clock;
        std::function<Result<memory::PdfText>(const QString& path, std::stop_token stop)> readPdf;
        QStringList closed; ///< folders that are never read: Signalbox's own
        std::function<void(const protocol::IngestInfo&)> progress; ///< from its thread
    };
    explicit Ingests(Parts parts);
    ~Ingests();

    /// Begins to read each of the paths, which are absolute; `memories` must stay until close().
    /// NotFound, InvalidInput: none of them is begun then.
    Result<QList<protocol::IngestInfo>>
    begin(const QString& agent, memory::Memories& memories, const QStringList& paths);
    /// Those of one agent (empty: of all), running ones first; of those that ended, the last few.
    [[nodiscard]] QList<protocol::IngestInfo> list(const QString& agent) const;
    /// What was made stays. One that ended already is answered as it is. NotFound.
    Result<protocol::IngestInfo> stop(const QString& id);
    /// Stops everything, and waits for it; nothing begins any more.
    void close();

private:
    struct Job
    {
        protocol::IngestInfo info;
        std::stop_source stop;
        memory::Memories* memories = nullptr;
    };
    struct State
    {
        std::vector<std::shared_ptr<Job>> jobs; ///< in the order in which they were begun
        std::unique_ptr<Pool> thread;           ///< made at first use
        bool isClosed = false;
    };
    void run(const std::shared_ptr<Job>& job);
    void update(const std::shared_ptr<Job>& job, const protocol::IngestInfo& info);

    Parts m;
    Guarded<State> m_state;
};

} // namespace sb::runtime
