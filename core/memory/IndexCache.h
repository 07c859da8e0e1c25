#pragma once
#include "core/base/Clock.h"
#include "core/memory/Vectors.h"
#include "core/memory/Words.h"
#include "core/store/Connection.h"

#include <functional>
#include <mutex>
#include <optional>

namespace sb::memory {

/// What the index knows of one memory; it lies in the file as it lies in memory, which a cache can
/// afford.
struct IndexedFacts
{
    qint64 seq = 0;     ///< of the version that was taken in
    quint64 digest = 0; ///< of its content
    TimeUs knownFrom = 0;
    TimeUs accessedAt = 0;
    TimeUs createdAt = 0;
    TimeUs validFrom = 0;
    TimeUs validTo = 0;
    quint64 stamp = 0; ///< counts the vectors that were written
    quint32 space = 0; ///< for which there is a vector; 0: for none
    float importance = 0;
    quint16 terms = 0; ///< how many it is found by
    quint8 type = 0;
    quint8 provenance = 0;
    quint8 pinned = 0;
    quint8 hidden = 0; ///< forgotten, or merged into another
    quint16 unused = 0;
};
static_assert(sizeof(IndexedFacts) == 80 && std::is_trivially_copyable_v<IndexedFacts>);

/// A kind of vectors: those of one embedder can be compared with each other only.
struct VectorSpace
{
    quint32 number = 0;
    QString embedder;
    int dimension = 0; ///< 0: not known yet
};

/// Which file of the graph is good, and for what.
struct SavedGraph
{
    quint64 digest = 0;
    quint32 space = 0;
    quint64 stamp = 0; ///< of the newest vector in it
};

/// memory-index.db: the words, vectors and facts of memories. One writer connection, which is also
/// the one that checkpoints, and one that reads, each behind a lock. Errors are those of
/// store::errorFrom.
class IndexCache
{
public:
    /// Opens the file, or makes it anew when it is missing, damaged or of another version.
    static Result<std::unique_ptr<IndexCache>> open(const QString& path);
    ~IndexCache();
    /// Throws all of it away and begins anew.
    Result<> remake();

    struct Content
    {
        qint64 seq = 0;  ///< of the journal, up to which everything was taken in
        QByteArray hash; ///< of that entry
        QList<VectorSpace> spaces;
        QList<SavedGraph> graphs;
    };
    using Item = std::function<void(quint32 label, QString id, const IndexedFacts& facts)>;
    /// Reads everything but words and vectors.
    Result<Content> load(const Item& item);

    /// A change to one memory.
    struct Change
    {
        quint32 label = 0;
        QString id;
        IndexedFacts facts;
        std::optional<std::vector<Term>> terms;  ///< nothing: as they are
        std::optional<std::vector<Half>> vector; ///< for facts.space; nothing: as it is
        bool isRemoved = false;                  ///< the memory is gone
        bool isErased = false;                   ///< nothing of its old words may stay in the file
        /// Takes the vector of a text, made unit; zeros are kept as an empty one.
        void setVector(quint32 space, quint64 stamp, std::vector<float>& vectorOfText);
    };
    /// All of it or nothing.
    Result<> write(const std::vector<Change>& changes);
    /// Everything up to this entry of the journal was taken in.
    Result<> writeTaken(qint64 seq, const QByteArray& hash);

    Result<> addSpace(const VectorSpace& space);
    /// Removes all spaces but these, with their vectors.
    Result<> keepOnly(const QList<quint32>& spaces);
    /// Remembers what file of the graph is good, before it takes its place.
    Result<> addGraph(const SavedGraph& graph);
    Result<> keepOnlyGraph(quint64 digest);
    /// Vectors, without those that are not there; an empty one is of a text without words.
    Result<std::vector<std::pair<quint32, std::vector<Half>>>>
    vectors(quint32 space, const std::vector<quint32>& labels);

    /// How many memories have each of these terms.
    Result<std::vector<qint64>> frequencies(const std::vector<QByteArray>& terms);
    /// Terms that begin so, at most `most`, and how many memories have each.
    Result<std::vector<std::pair<QByteArray, qint64>>> beginningWith(const QByteArray& start,
                                                                     int most);
    struct Wanted
    {
        QByteArray term;
        int most = 0;
    };
    /// For each term the labels of memories that have it, newest first, at most so many.
    Result<std::vector<std::vector<quint32>>> labelsWith(const std::vector<Wanted>& terms);

    [[nodiscard]] const QString& path() const { return m_path; }

private:
    struct Side;
    explicit IndexCache(QString path);
    template <class F>
    auto guarded(Side& side, F&& f) -> std::invoke_result_t<F, Side&>;
    void make();
    Result<> makeAnew();
    QString m_path;
    std::unique_ptr<Side> m_writer;
    std::unique_ptr<Side> m_reader;
};

} // namespace sb::memory
