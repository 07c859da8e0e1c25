#include "app/node/MemoryIngestVerb.h"

#include "core/base/Guarded.h"

#include <QDir>

#include <poll.h>
#include <unistd.h>

namespace sb::node {

using namespace Qt::StringLiterals;
using protocol::IngestInfo;

namespace {

QString counted(qint64 count, QLatin1StringView one)
{
    return QString::number(count) + u' ' + one + (count == 1 ? QString() : u"s"_s);
}

constexpr int askEveryMs = 500; ///< in case a picture of progress, the last one say, got lost

QString mebibytes(qint64 bytes)
{
    return QString::number(double(bytes) / (1 << 20), 'f', 1);
}

/// Tells of jobs as they go on: a line that changes on a terminal, with --json one for each
/// picture.
class Teller
{
public:
    explicit Teller(bool json) : m_json(json), m_isTerminal(::isatty(STDERR_FILENO) == 1) {}

    void tell(const IngestInfo& job)
    {
        IngestInfo& known = m_jobs[job.id];
        // Those that were asked for and those that came by themselves overtake each other.
        if (hasEnded(known) || known == job ||
            (!hasEnded(job) && job.bytesDone < known.bytesDone)) {
            return;
        }
        known = job;
        if (m_json) {
            printJson(protocol::toJson(job));
            return;
        }
        if (m_isTerminal) {
            std::fprintf(stderr,
                         "\r\x1b[K%lld of %lld files, %s of %s MiB, %lld pieces",
                         job.filesDone,
                         job.files,
                         qPrintable(mebibytes(job.bytesDone)),
                         qPrintable(mebibytes(job.bytes)),
                         job.memories);
        }
        if (hasEnded(job)) {
            end(job);
        }
    }
    [[nodiscard]] bool haveAllEnded() const { return std::ranges::all_of(m_jobs, hasEnded); }
    [[nodiscard]] Exit exit() const
    {
        const bool isDone =
            std::ranges::all_of(m_jobs, [](const IngestInfo& job) { return job.state == u"done"; });
        return isDone ? Exit::Succeeded : Exit::Failed;
    }

private:
    static bool hasEnded(const IngestInfo& job)
    {
        return !job.state.isEmpty() && job.state != u"running";
    }
    void end(const IngestInfo& job) const
    {
        if (m_isTerminal) {
            std::fputs("\r\x1b[K", stderr);
        }
        for (const QString& sentence : job.problems) {
            std::fprintf(stderr, "signalbox-node: %s\n", sentence.toUtf8().constData());
        }
        if (job.state == u"failed" && job.memories + job.known == 0) {
            return; // the sentence says it all
        }
        QString line = u"%1: %2 of %3 read"_s.arg(
            job.path, counted(job.memories, "piece"_L1), counted(job.filesDone, "file"_L1));
        if (job.known > 0) {
            line += u", %1 were known"_s.arg(job.known);
        }
        if (job.forgotten > 0) {
            line += u", %1 that are gone were forgotten"_s.arg(job.forgotten);
        }
        if (job.state == u"stopped") {
            line += u"; stopped, and the same command goes on from here"_s;
        }
        printLine((line + u'.').toUtf8());
    }

    bool m_json;
    bool m_isTerminal;
    QMap<QString, IngestInfo> m_jobs;
};

} // namespace

Exit ingestPaths(const Arguments& arguments, runtime::Session& session)
{
    protocol::IngestPaths command;
    command.agent = arguments.options.value(u"--agent"_s);
    command.by = u"owner"_s;
    for (const QString& path : arguments.rest.sliced(1)) {
        if (path.isEmpty()) {
            return complain({ErrorCode::InvalidInput, u"A path to be read is empty."_s, {}},
                            arguments.json);
        }
        command.paths.append(QDir::current().absoluteFilePath(path));
    }
    const EndSignal end;
    Guarded<std::vector<IngestInfo>> arrived;
    const auto subscription =
        session.client().subscribe(session.events(), [&](const protocol::Event& event) {
            if (const auto* ingest = std::get_if<protocol::MemoryIngest>(&event)) {
                arrived.withLock([&](auto& jobs) { jobs.push_back(ingest->job); });
            }
        });
    const auto begun = session.client().request(std::move(command)).wait();
    if (!begun) {
        return complain(begun.error(), arguments.json);
    }
    QSet<QString> ours;
    Teller teller(arguments.json);
    for (const IngestInfo& job : begun->jobs) {
        ours.insert(job.id);
        teller.tell(job);
    }
    bool isStopping = false;
    int sinceAsked = 0;
    while (true) {
        auto jobs = arrived.withLock([](auto& all) { return std::exchange(all, {}); });
        if (sinceAsked >= askEveryMs) {
            sinceAsked = 0;
            const auto listed = session.client().request(protocol::ListIngests{}).wait();
            if (!listed) {
                return complain(listed.error(), arguments.json);
            }
            jobs.insert(jobs.end(), listed->jobs.begin(), listed->jobs.end());
        }
        for (const IngestInfo& job : jobs) {
            if (ours.contains(job.id)) {
                teller.tell(job);
            }
        }
        if (teller.haveAllEnded()) {
            return teller.exit();
        }
        constexpr int waitMs = 50;
        pollfd signal{end.descriptor(), POLLIN, 0};
        if (::poll(isStopping ? nullptr : &signal, isStopping ? 0 : 1, waitMs) > 0) {
            isStopping = true;
            for (const QString& id : std::as_const(ours)) {
                (void)session.client().request(protocol::StopIngest{id}).wait();
            }
        }
        sinceAsked += waitMs;
    }
}

} // namespace sb::node
