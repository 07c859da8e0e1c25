#pragma once
#include "core/base/Result.h"
#include "core/memory/Vectors.h"

#include <functional>
#include <memory>
#include <shared_mutex>

namespace sb::memory {

/// Unit vectors with labels, found by nearness: hnswlib behind a lock, because its search takes
/// none against changes. Safe to use from any thread. Whatever changes the graph waits for the
/// searches that go on and holds up those that come, for the quarter of a millisecond that one
/// vector takes.
class VectorGraph
{
public:
    explicit VectorGraph(int dimension);
    /// Takes up what save() wrote. Corrupt when the file is not what it was, or of another
    /// dimension.
    static Result<std::unique_ptr<VectorGraph>>
    load(const QString& path, int dimension, quint64 digest);
    ~VectorGraph();

    [[nodiscard]] int dimension() const { return m_dimension; }
    [[nodiscard]] qsizetype size() const;
    /// How many places are taken by vectors that were removed.
    [[nodiscard]] qsizetype removed() const;

    /// Adds a vector (padded, of length 1), or puts it in the place of the label's former one.
    /// Internal when memory runs out.
    Result<> add(quint32 label, std::span<const Half> vector);
    void remove(quint32 label);
    /// The same, and nothing of the vector stays behind: a removed one still shows the way.
    void erase(quint32 label);
    [[nodiscard]] bool contains(quint32 label) const;
    [[nodiscard]] std::vector<quint32> labels() const;

    struct Near
    {
        quint32 label = 0;
        float similarity = 0;
    };
    using Allowed = std::function<bool(quint32 label)>;
    /// The nearest, best first, of those that are allowed (empty: all). Exact up to 4,096 vectors.
    [[nodiscard]] std::vector<Near>
    nearest(std::span<const Half> vector, int count, const Allowed& allowed = {}) const;
    /// The same among these labels alone, by looking at each.
    [[nodiscard]] std::vector<Near>
    nearestAmong(std::span<const Half> vector, int count, const std::vector<quint32>& labels) const;
    /// 0 when one is not there.
    [[nodiscard]] float similarity(quint32 one, quint32 other) const;
    /// Of each with each, row by row.
    [[nodiscard]] std::vector<float> similarities(const std::vector<quint32>& labels) const;
    /// Empty when it is not there.
    [[nodiscard]] std::vector<float> vectorOf(quint32 label) const;

    /// Writes it to a file that load() takes with the digest that this answers with. Io or
    /// DiskFull.
    Result<quint64> save(const QString& path) const;

private:
    struct Graph;
    [[nodiscard]] const Half* find(quint32 label) const;
    [[nodiscard]] bool isSmall() const;
    int m_dimension;
    mutable std::shared_mutex m_mutex;
    std::unique_ptr<Graph> m_graph;
};

} // namespace sb::memory
