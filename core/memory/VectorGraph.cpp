#include "core/memory/VectorGraph.h"

#include "core/base/Contracts.h"
#include "core/memory/Words.h"

#define NO_MANUAL_VECTORIZATION // ours is chosen when the program runs
#include <hnswlib/hnswlib.h>

#include <QFile>
#include <array>
#include <mutex>

namespace sb::memory {

using namespace Qt::StringLiterals;

namespace {

// With these, the nearest ten of a hundred thousand are the true ones 995 times in a thousand and
// more; see tests/bench/bench_memory.cpp.
constexpr size_t linksEach = 16;
constexpr size_t lookedAtInAdding = 80;
constexpr size_t lookedAtInSearch = 150;
constexpr size_t leastRoom = 1024;
// Up to so many, looking at each takes no longer than the graph does, and is exact: among texts
// that are nearly the same, the graph leaves some that no edge leads to.
constexpr size_t mostLookedAtEach = 4096;
// hnswlib puts a label of 8 bytes behind the links (132 bytes) and the vector: with these two it
// stands where a label may.
constexpr size_t halvesBehind = 2;

class DotSpace final : public hnswlib::SpaceInterface<float>
{
public:
    explicit DotSpace(int dimension) : m_size(paddedSize(dimension)) {}
    size_t get_data_size() override { return (m_size + halvesBehind) * sizeof(Half); }
    hnswlib::DISTFUNC<float> get_dist_func() override
    {
        return [](const void* one, const void* other, const void* size) {
            return 1 - dot(static_cast<const Half*>(one),
                           static_cast<const Half*>(other),
                           *static_cast<const size_t*>(size));
        };
    }
    void* get_dist_func_param() override { return &m_size; }

private:
    size_t m_size;
};

class AllowedFilter final : public hnswlib::BaseFilterFunctor
{
public:
    explicit AllowedFilter(const VectorGraph::Allowed& allowed) : m_allowed(allowed) {}
    bool operator()(hnswlib::labeltype label) override { return m_allowed(quint32(label)); }

private:
    const VectorGraph::Allowed& m_allowed;
};

// The file as it lies on disk; nothing when it cannot be read.
std::optional<quint64> digestOfFile(const QString& path, qint64* size)
{
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly)) {
        return std::nullopt;
    }
    *size = file.size();
    const uchar* bytes = *size > 0 ? file.map(0, *size) : nullptr;
    return bytes ? std::optional(digestOf(bytes, size_t(*size))) : std::nullopt;
}

} // namespace

struct VectorGraph::Graph
{
    using Nsw = hnswlib::HierarchicalNSW<float>;
    explicit Graph(int dimension)
        : space(dimension)
        , nsw(std::make_unique<Nsw>(&space, leastRoom, linksEach, lookedAtInAdding))
    {
        nsw->setEf(lookedAtInSearch);
    }
    Graph(int dimension, const QString& path) : space(dimension)
    {
        nsw = std::make_unique<Nsw>(&space, QFile::encodeName(path).toStdString());
        nsw->setEf(lookedAtInSearch);
    }
    DotSpace space;
    std::unique_ptr<Nsw> nsw;
};

VectorGraph::VectorGraph(int dimension)
    : m_dimension(dimension), m_graph(std::make_unique<Graph>(dimension))
{
}

VectorGraph::~VectorGraph() = default;

Result<std::unique_ptr<VectorGraph>>
VectorGraph::load(const QString& path, int dimension, quint64 digest)
{
    // hnswlib believes what it reads, so it is given nothing but what was written by it.
    qint64 size = 0;
    if (digestOfFile(path, &size) != digest) {
        return fail(
            ErrorCode::Corrupt, u"The file of vectors is not the one that was saved."_s, path);
    }
    try {
        auto graph = std::make_unique<Graph>(dimension, path);
        if (graph->nsw->data_size_ != graph->space.get_data_size() ||
            graph->nsw->label_offset_ != graph->nsw->offsetData_ + graph->nsw->data_size_) {
            return fail(ErrorCode::Corrupt, u"The file of vectors is of another model."_s, path);
        }
        std::unique_ptr<VectorGraph> made(new VectorGraph(dimension));
        made->m_graph = std::move(graph);
        return made;
    } catch (const std::exception& exception) {
        return fail(ErrorCode::Corrupt,
                    u"The file of vectors cannot be used."_s,
                    path + u": "_s + QString::fromUtf8(exception.what()));
    }
}

qsizetype VectorGraph::size() const
{
    const std::shared_lock lock(m_mutex);
    return qsizetype(m_graph->nsw->getCurrentElementCount() - m_graph->nsw->getDeletedCount());
}

qsizetype VectorGraph::removed() const
{
    const std::shared_lock lock(m_mutex);
    return qsizetype(m_graph->nsw->getDeletedCount());
}

Result<> VectorGraph::add(quint32 label, std::span<const Half> vector)
{
    SB_ASSERT(vector.size() == paddedSize(m_dimension));
    std::vector<Half> whole(vector.begin(), vector.end());
    whole.resize(whole.size() + halvesBehind);
    const std::unique_lock lock(m_mutex);
    auto& nsw = *m_graph->nsw;
    try {
        if (nsw.getCurrentElementCount() == nsw.getMaxElements()) {
            nsw.resizeIndex(nsw.getMaxElements() * 3 / 2);
        }
        nsw.addPoint(whole.data(), label);
        return {};
    } catch (const std::exception& exception) {
        return fail(ErrorCode::Internal,
                    u"A vector could not be taken into the index."_s,
                    QString::fromUtf8(exception.what()));
    }
}

void VectorGraph::remove(quint32 label)
{
    const std::unique_lock lock(m_mutex);
    if (find(label)) {
        m_graph->nsw->markDelete(label);
    }
}

void VectorGraph::erase(quint32 label)
{
    std::vector<Half> other(paddedSize(m_dimension));
    other[label % size_t(m_dimension)] = toHalves(std::array{1.0F})[0];
    if (contains(label)) {
        (void)add(label, other);
        remove(label);
    }
}

// Under the lock. The vector of a label that is there.
const Half* VectorGraph::find(quint32 label) const
{
    const auto& nsw = *m_graph->nsw;
    const auto found = nsw.label_lookup_.find(label);
    if (found == nsw.label_lookup_.end() || nsw.isMarkedDeleted(found->second)) {
        return nullptr;
    }
    return reinterpret_cast<const Half*>(nsw.getDataByInternalId(found->second));
}

bool VectorGraph::contains(quint32 label) const
{
    const std::shared_lock lock(m_mutex);
    return find(label) != nullptr;
}

std::vector<quint32> VectorGraph::labels() const
{
    const std::shared_lock lock(m_mutex);
    std::vector<quint32> labels;
    const auto& nsw = *m_graph->nsw;
    labels.reserve(nsw.label_lookup_.size());
    for (const auto& [label, place] : nsw.label_lookup_) {
        if (!nsw.isMarkedDeleted(place)) {
            labels.push_back(quint32(label));
        }
    }
    return labels;
}

bool VectorGraph::isSmall() const
{
    const std::shared_lock lock(m_mutex);
    return m_graph->nsw->getCurrentElementCount() <= mostLookedAtEach;
}

std::vector<VectorGraph::Near>
VectorGraph::nearest(std::span<const Half> vector, int count, const Allowed& allowed) const
{
    SB_ASSERT(vector.size() == paddedSize(m_dimension));
    AllowedFilter filter(allowed);
    std::vector<Near> result;
    if (isSmall()) {
        auto all = labels();
        if (allowed) {
            std::erase_if(all, [&](quint32 label) { return !allowed(label); });
        }
        return nearestAmong(vector, count, all);
    }
    const std::shared_lock lock(m_mutex);
    auto found = m_graph->nsw->searchKnn(vector.data(), size_t(count), allowed ? &filter : nullptr);
    result.resize(found.size());
    for (size_t i = result.size(); i > 0; --i, found.pop()) { // the farthest is on top
        result[i - 1] = {quint32(found.top().second), 1 - found.top().first};
    }
    return result;
}

std::vector<VectorGraph::Near> VectorGraph::nearestAmong(std::span<const Half> vector,
                                                         int count,
                                                         const std::vector<quint32>& labels) const
{
    SB_ASSERT(vector.size() == paddedSize(m_dimension));
    std::vector<Near> result;
    result.reserve(labels.size());
    {
        const std::shared_lock lock(m_mutex);
        for (const quint32 label : labels) {
            if (const Half* own = find(label)) {
                result.push_back({label, dot(vector.data(), own, vector.size())});
            }
        }
    }
    const auto end = result.begin() + std::min<qsizetype>(count, qsizetype(result.size()));
    std::ranges::partial_sort(result, end, std::ranges::greater(), &Near::similarity);
    result.erase(end, result.end());
    return result;
}

float VectorGraph::similarity(quint32 one, quint32 other) const
{
    const std::shared_lock lock(m_mutex);
    const Half* first = find(one);
    const Half* second = find(other);
    return first && second ? dot(first, second, paddedSize(m_dimension)) : 0;
}

std::vector<float> VectorGraph::similarities(const std::vector<quint32>& labels) const
{
    const size_t count = labels.size();
    std::vector<const Half*> vectors(count);
    std::vector<float> all(count * count);
    const std::shared_lock lock(m_mutex);
    for (size_t i = 0; i < count; ++i) {
        vectors[i] = find(labels[i]);
        for (size_t k = 0; k <= i && vectors[i]; ++k) {
            if (vectors[k]) {
                all[i * count + k] = all[k * count + i] =
                    dot(vectors[i], vectors[k], paddedSize(m_dimension));
            }
        }
    }
    return all;
}

std::vector<float> VectorGraph::vectorOf(quint32 label) const
{
    const std::shared_lock lock(m_mutex);
    const Half* own = find(label);
    return own ? toFloats({own, paddedSize(m_dimension)}, m_dimension) : std::vector<float>();
}

Result<quint64> VectorGraph::save(const QString& path) const
{
    size_t expected = 0;
    {
        const std::shared_lock lock(m_mutex);
        expected = m_graph->nsw->indexFileSize();
        m_graph->nsw->saveIndex(QFile::encodeName(path).toStdString());
    }
    // hnswlib does not tell when the disk is full.
    qint64 size = 0;
    const auto digest = digestOfFile(path, &size);
    if (!digest || size_t(size) != expected) {
        QFile::remove(path);
        return fail(ErrorCode::Io,
                    u"The vectors could not be written to disk; they are made anew at the next "
                    u"start."_s,
                    path);
    }
    return *digest;
}

} // namespace sb::memory
