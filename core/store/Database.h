#pragma once
#include "core/base/Clock.h"
#include "core/base/Future.h"
#include "core/store/Connection.h"

#include <optional>

namespace sb::store {

/// One SQLite file in WAL mode. One thread of its own is the only one that writes it and
/// checkpoints it; everything that waits for it is committed together, with one fsync
/// (synchronous=FULL: what is acknowledged survives a power cut). Readers have snapshots of their
/// own and never wait for the writer. Safe to use from any thread.
class Database
{
public:
    struct Settings
    {
        QString path;
        QString migrations; ///< resource folder of numbered files, ":/sql/agent"
        QString vfs{};      ///< an SQLite VFS by name, for tests; empty: the system's
        /// Pages in the write-ahead log from which on an idle writer moves them into the file; a
        /// busy one waits for 16 times as many.
        int logPages = 1000;
    };
    /// Opens or creates the file, and migrates it. Locked when another process (or another
    /// Database) writes it, TooNew, Corrupt, DiskFull or Io otherwise; each with a sentence for a
    /// person.
    static Result<std::unique_ptr<Database>> open(Settings settings, Clock& clock);
    /// Finishes everything that was queued, checkpoints and closes. No reading may be going on.
    ~Database();

    [[nodiscard]] const QString& path() const;
    [[nodiscard]] const QString& vfs() const;

    /// A job on the writer, inside a transaction. An error or an SQLite exception undoes this job
    /// alone.
    using Write = std::move_only_function<Result<>(Connection&)>;
    /// Called on the writer's thread once the job is on disk, or with what kept it from being. Keep
    /// it short.
    using Done = std::move_only_function<void(Result<>)>;
    /// Queues a job. Jobs run in order; those that wait share a transaction, each in a savepoint,
    /// and one commit. When the commit fails all of them fail; their `done`s are called, in order,
    /// before any other job runs.
    void enqueue(Write job, Done done);

    /// Runs f (Connection& → Result<T>) on the writer; the answer comes when it is on disk.
    template <class F, class T = typename std::invoke_result_t<F, Connection&>::value_type>
    Future<T> write(F f)
    {
        Promise<T> promise;
        auto future = promise.future();
        // Shared by the two halves of the same job, of which the queue owns both.
        auto value = std::make_shared<std::optional<Result<T>>>();
        enqueue(
            [f = std::move(f), value](Connection& connection) mutable -> Result<> {
                value->emplace(f(connection));
                if (!**value) {
                    return std::unexpected((*value)->error());
                }
                return {};
            },
            [promise = std::move(promise), value](Result<> outcome) {
                if (!outcome) {
                    promise.set(std::unexpected(outcome.error()));
                } else {
                    promise.set(std::move(**value));
                }
            });
        return future;
    }

    /// Runs f (Connection& → Result<T>) in the calling thread on a read-only connection, in one
    /// snapshot.
    template <class F, class R = std::invoke_result_t<F, Connection&>>
    R read(F f)
    {
        std::optional<R> result;
        SB_CHECK(readRaw([&](Connection& connection) { result.emplace(f(connection)); }));
        return std::move(*result);
    }

    /// Empties the write-ahead log into the file and cuts it to nothing, so that overwritten bytes
    /// are gone from it. Locked when readers keep it from happening for too long.
    Future<> truncateLog();

    /// An empty database with this one's schema, for the calling thread alone: in memory, or in a
    /// file without a name where it grows large. Nothing of it lasts.
    [[nodiscard]] Result<std::unique_ptr<Connection>> scratch() const;

    /// Whether the calling thread is the writer.
    [[nodiscard]] bool isWriter() const;

private:
    Database();
    Result<> readRaw(const std::function<void(Connection&)>& reading);
    struct Private;
    std::unique_ptr<Private> m;
};

} // namespace sb::store
