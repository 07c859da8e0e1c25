#pragma once
#include "core/base/Clock.h"
#include "core/journal/Journal.h"
#include "core/memory/Embedder.h"
#include "core/protocol/Memory.h"

namespace sb::memory {

/// What of an agent's memories recall looks in: words and vectors, kept beside the database as a
/// cache. Follows the journal by itself, a few milliseconds behind. Safe to use from any thread;
/// searching goes on while it takes in what is new, or makes itself anew.
class Index
{
public:
    struct Parts
    {
        QString folder; ///< where its files lie
        journal::Journal& journal;
        store::Database& database;
        Executor& pool; ///< for making vectors and writing files
        Clock& clock;
        std::shared_ptr<Embedder> embedder;
        /// Called, not more often than ten times a second, when info() is another one; from any
        /// thread.
        std::function<void()> changed{};
    };
    /// Opens the files; what is missing, damaged or of another embedder is made anew in the
    /// background. Blocks on disk. Io or DiskFull when the folder cannot be written.
    static Result<std::unique_ptr<Index>> open(Parts parts);
    /// Writes what is not written yet. The pool must still run.
    ~Index();

    struct Found
    {
        QString id;
        double score = 0; ///< similarity (vector) or rank (text); higher is better
        QString what{};   ///< the words that were found
    };
    /// The nearest by vector, best first, of those that the filter lets through. Blocks for
    /// microseconds. Forgotten memories have no vectors; of a filter's past (knownAt) nothing is
    /// known here. Empty for a vector of another dimension.
    [[nodiscard]] std::vector<Found> nearest(const std::vector<float>& vector,
                                             int count,
                                             const protocol::MemoryFilter& filter = {}) const;
    /// By words, best first: those with the rarest words of the query.
    Result<std::vector<Found>>
    matching(const QString& words, int count, const protocol::MemoryFilter& filter = {});
    /// How much each memory weighs now (weightAt); less than 0 when it is not in the index, or the
    /// filter does not let it through.
    [[nodiscard]] std::vector<double> weightsOf(const QStringList& ids,
                                                const protocol::MemoryFilter& filter) const;
    /// Of two memories that are in it; 0 when one has no vector.
    [[nodiscard]] double similarity(const QString& one, const QString& other) const;
    /// Of each with each, row by row.
    [[nodiscard]] std::vector<float> similarities(const QStringList& ids) const;
    /// The vector of a memory; empty when it has none (yet).
    [[nodiscard]] std::vector<float> vectorOf(const QString& id) const;

    [[nodiscard]] protocol::MemoryIndexInfo info() const;
    /// The one that made the vectors in which nearest() looks: a query needs it as well.
    [[nodiscard]] std::shared_ptr<Embedder> embedder() const;
    /// Takes another embedder; makes all vectors anew in the background, and finds with the old
    /// ones meanwhile where it can, else with words. The same one again: tries at once what failed.
    void use(std::shared_ptr<Embedder> embedder);
    /// Answers when everything that is in the journal now has been taken in, or cannot be.
    Future<> caughtUp();

private:
    struct Private;
    explicit Index(std::shared_ptr<Private> made);
    std::shared_ptr<Private> m; // shared with the jobs that it posted to its pool
};

} // namespace sb::memory
