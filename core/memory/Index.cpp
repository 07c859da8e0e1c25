#include "core/memory/IndexPrivate.h"
#include "core/memory/Memories.h"

#include <QDir>
#include <cmath>
#include <span>

namespace sb::memory {

using protocol::MemoryFilter;
using namespace Qt::StringLiterals;

namespace {

/// Of a query's terms, so many are looked up.
constexpr size_t mostTerms = 24;
constexpr double endedShare = 0.25; // of the weight of what is no longer so
/// Terms are searched from the rarest on, until so many rows were read: a ranked search for common
/// words reads all there is.
constexpr qint64 mostRows = 1000;
/// Of a term that is more common than that, and rarer than all the others, the newest so many.
constexpr int mostOfCommon = 300;
constexpr int mostCompletions = 6;
constexpr int leastCompleted = 3; // characters

/// With fewer memories than that to choose from, looking at each is quicker than the graph.
constexpr size_t fewEnough = 3000;

bool narrows(const MemoryFilter& filter)
{
    return !filter.types.isEmpty() || !filter.provenances.isEmpty() || filter.trueAt != 0 ||
           filter.since != 0;
}

bool passes(const IndexedFacts& facts, const MemoryFilter& filter)
{
    const TimeUs then = filter.trueAt;
    return (filter.types.isEmpty() || filter.types.contains(protocol::MemoryType(facts.type))) &&
           (filter.provenances.isEmpty() ||
            filter.provenances.contains(protocol::Provenance(facts.provenance))) &&
           (then == 0 ||
            (facts.validFrom <= then && (facts.validTo == 0 || facts.validTo > then))) &&
           facts.createdAt >= filter.since && (filter.withForgotten || facts.hidden == 0);
}

struct Sought
{
    QByteArray term;
    QString word;
    qint64 count = 0;
};

} // namespace

Index::Private::Space Index::Private::activeSpace() const
{
    const std::shared_lock lock(itemsMutex);
    return active;
}

Index::Private::Space Index::Private::targetSpace() const
{
    const std::shared_lock lock(itemsMutex);
    return next ? *next : active;
}

// Both under the lock.
const Index::Private::Item* Index::Private::at(quint32 label) const
{
    return label < items.size() && !items[label].id.isEmpty() ? &items[label] : nullptr;
}

const Index::Private::Item* Index::Private::find(const QString& id) const
{
    return at(labels.value(id));
}

QString Index::Private::graphPath() const
{
    return QDir(parts.folder).filePath(u"memory-index.hnsw"_s);
}

Result<> Index::Private::open()
{
    if (!QDir().mkpath(parts.folder)) {
        return fail(ErrorCode::Io,
                    u"The folder %1 for the index of memories cannot be made."_s.arg(parts.folder));
    }
    SB_TRY(cache, IndexCache::open(QDir(parts.folder).filePath(u"memory-index.db"_s)));
    const auto take = [&](quint32 label, QString id, const IndexedFacts& facts) {
        if (label >= items.size()) {
            items.resize(std::max<size_t>(label + 1, items.size() * 3 / 2));
        }
        stamp = std::max(stamp, facts.stamp);
        shown += facts.hidden == 0 ? 1 : 0;
        labels.insert(id, label);
        items[label] = {std::move(id), facts};
    };
    auto content = cache->load(take);
    if (!content) {
        items.assign(1, {});
        labels.clear();
        shown = 0;
        SB_CHECK(cache->remake());
        SB_TRY(content, cache->load(take));
    }
    while (items.size() > 1 && items.back().id.isEmpty()) {
        items.pop_back();
    }
    for (quint32 label = 1; label < items.size(); ++label) {
        if (items[label].id.isEmpty()) {
            freeLabels.push_back(label);
        }
    }
    active.embedder = parts.embedder;
    active.about.embedder = parts.embedder->name();
    for (const VectorSpace& space : content->spaces) {
        newestSpace = std::max(newestSpace, space.number);
        if (space.embedder == active.about.embedder) {
            active.about = space;
        }
    }
    mustTidy = content->spaces.size() > (active.about.number == 0 ? 0 : 1);
    if (active.about.number == 0) {
        active.about.number = ++newestSpace;
        SB_CHECK(cache->addSpace(active.about));
    }
    takeUpGraph(content->graphs);
    collectUnembedded();

    // First it listens, so that what comes while it compares is not missed.
    subscription = parts.journal.subscribe(
        parts.pool, [weak = weak_from_this()](const QList<protocol::Entry>& entries) {
            if (const auto self = weak.lock()) {
                self->listen(entries);
            }
        });
    const qint64 last = parts.journal.lastSeq();
    const auto newest = last > 0 ? parts.journal.entry(last) : Result<protocol::Entry>();
    {
        const std::scoped_lock lock(workMutex);
        mustCompare =
            content->seq != last || (last > 0 && (!newest || newest->hash != content->hash));
        takenSeq = mustCompare ? 0 : last;
        heardSeq = std::max(heardSeq, last);
        if (newest) {
            heardHash = newest->hash;
        }
        persistedHash = content->hash;
    }
    wake();
    return {};
}

// The file of the graph as far as it is good; what it lacks is loaded from the cache later.
void Index::Private::takeUpGraph(const QList<SavedGraph>& graphs)
{
    const int dimension = active.about.dimension;
    if (dimension == 0) {
        return;
    }
    quint64 upTo = 0;
    for (const SavedGraph& saved : graphs) {
        if (saved.space != active.about.number) {
            continue;
        }
        if (auto loaded = VectorGraph::load(graphPath(), dimension, saved.digest)) {
            active.graph = std::move(*loaded);
            upTo = saved.stamp;
            break;
        }
    }
    // Places of removed vectors are used again, but searches pass through them meanwhile.
    if (!active.graph || active.graph->removed() > active.graph->size()) {
        active.graph = std::make_shared<VectorGraph>(dimension);
        upTo = 0;
    }
    const auto belongs = [&](const Item& item) {
        return !item.id.isEmpty() && item.facts.space == active.about.number;
    };
    std::vector<bool> isThere(items.size());
    for (const quint32 label : active.graph->labels()) {
        if (label < items.size() && belongs(items[label])) {
            isThere[label] = items[label].facts.stamp <= upTo;
        } else {
            active.graph->remove(label);
            ++unsaved;
        }
    }
    for (quint32 label = 1; label < items.size(); ++label) {
        if (belongs(items[label]) && !isThere[label]) {
            toLoad.push_back(label);
        }
    }
    graphStamp = toLoad.empty() ? stamp : upTo;
}

Result<std::unique_ptr<Index>> Index::open(Parts parts)
{
    auto made = std::make_shared<Private>(std::move(parts));
    if (auto opened = made->open(); !opened) {
        return std::unexpected(std::move(opened).error());
    }
    return std::unique_ptr<Index>(new Index(std::move(made)));
}

Index::Index(std::shared_ptr<Private> made) : m(std::move(made)) {}

Index::~Index()
{
    m->end();
}

std::vector<Index::Found>
Index::nearest(const std::vector<float>& vector, int count, const MemoryFilter& filter) const
{
    const Private::Space space = m->activeSpace();
    std::vector<float> unit = vector;
    if (!space.graph || int(vector.size()) != space.about.dimension || count <= 0 ||
        !normalise(unit)) {
        return {};
    }
    const std::vector<Half> halves = toHalves(unit);
    std::vector<VectorGraph::Near> near;
    const auto isAllowed = [&](quint32 label) {
        const auto* item = m->at(label);
        return item && passes(item->facts, filter);
    };
    if (narrows(filter)) {
        std::vector<quint32> allowed;
        std::shared_lock lock(m->itemsMutex);
        for (quint32 label = 1; label < m->items.size() && allowed.size() <= fewEnough; ++label) {
            if (isAllowed(label)) {
                allowed.push_back(label);
            }
        }
        if (allowed.size() > fewEnough) {
            near = space.graph->nearest(halves, count, isAllowed);
        } else {
            lock.unlock();
            near = space.graph->nearestAmong(halves, count, allowed);
        }
    } else {
        near = space.graph->nearest(halves, count);
    }
    std::vector<Found> found;
    found.reserve(near.size());
    const std::shared_lock lock(m->itemsMutex);
    for (const auto& [label, similarity] : near) {
        if (isAllowed(label)) {
            found.push_back({m->items[label].id, similarity});
        }
    }
    return found;
}

Result<std::vector<Index::Found>>
Index::matching(const QString& words, int count, const MemoryFilter& filter)
{
    std::vector<Term> terms = termsOf(words, false);
    if (!std::ranges::all_of(terms, &Term::isCommon)) {
        std::erase_if(terms, &Term::isCommon);
    }
    terms.resize(std::min(terms.size(), mostTerms));
    std::vector<QByteArray> names;
    for (const Term& term : terms) {
        names.push_back(term.term);
    }
    SB_TRY(const auto counts, m->cache->frequencies(names));
    std::vector<Sought> sought;
    for (size_t i = 0; i < terms.size(); ++i) {
        if (counts[i] > 0) {
            sought.push_back({names[i], terms[i].word, counts[i]});
        } else if (terms[i].word.size() >= leastCompleted) {
            // No memory has it: it may be the beginning of a word that is being typed.
            SB_TRY(const auto longer, m->cache->beginningWith(names[i], mostCompletions));
            for (const auto& [term, number] : longer) {
                sought.push_back({term, terms[i].word, number});
            }
        }
    }
    std::ranges::stable_sort(sought, {}, &Sought::count);

    qint64 all = 0;
    {
        const std::shared_lock lock(m->itemsMutex);
        all = m->labels.size();
    }
    std::vector<IndexCache::Wanted> wanted;
    qint64 rows = 0;
    for (const Sought& one : sought) {
        if (rows > 0 && rows + one.count > mostRows) {
            break;
        }
        wanted.push_back({one.term, one.count > mostRows ? mostOfCommon : int(mostRows)});
        rows += one.count;
    }
    SB_TRY(const auto found, m->cache->labelsWith(wanted));
    struct Hit
    {
        double score = 0;
        quint64 sought = 0; ///< a bit each
    };
    QHash<quint32, Hit> hits;
    hits.reserve(std::min(rows, mostRows));
    for (size_t i = 0; i < found.size(); ++i) {
        const double weight =
            std::log(1 + (double(all) + 1) / (double(std::min(sought[i].count, all)) + 0.5));
        for (const quint32 label : found[i]) {
            Hit& hit = hits[label];
            hit.score += weight;
            hit.sought |= quint64(1) << (i % 64);
        }
    }

    std::vector<std::pair<double, quint32>> order;
    order.reserve(size_t(hits.size()));
    std::vector<Found> result;
    const std::shared_lock lock(m->itemsMutex);
    for (const auto& [label, hit] : hits.asKeyValueRange()) {
        const auto* item = m->at(label);
        if (item && passes(item->facts, filter)) {
            // Of two that have the same words the shorter one says less else.
            order.emplace_back(hit.score / (1 + 0.08 * std::log1p(double(item->facts.terms))),
                               label);
        }
    }
    const auto end = order.begin() + std::min<qsizetype>(count, qsizetype(order.size()));
    std::ranges::partial_sort(order, end, std::ranges::greater());
    for (const auto& [score, label] : std::span(order.begin(), end)) {
        QStringList shown;
        for (size_t i = 0; i < wanted.size(); ++i) {
            if ((hits[label].sought >> (i % 64) & 1) != 0 && !shown.contains(sought[i].word)) {
                shown.append(sought[i].word);
            }
        }
        result.push_back(
            {m->items[label].id,
             score,
             (shown.size() == 1 ? u"the word "_s : u"the words "_s) + shown.join(u", "_s)});
    }
    return result;
}

std::vector<double> Index::weightsOf(const QStringList& ids, const MemoryFilter& filter) const
{
    std::vector<double> weights;
    weights.reserve(size_t(ids.size()));
    const TimeUs now = m->parts.clock.nowUs();
    protocol::MemoryInfo outline;
    const std::shared_lock lock(m->itemsMutex);
    for (const QString& id : ids) {
        const auto* item = m->find(id);
        if (!item || !passes(item->facts, filter)) {
            weights.push_back(-1);
            continue;
        }
        outline.type = protocol::MemoryType(item->facts.type);
        outline.importance = double(item->facts.importance);
        outline.isPinned = item->facts.pinned != 0;
        outline.knownFrom = item->facts.knownFrom;
        outline.accessedAt = item->facts.accessedAt;
        // What is no longer so is found behind what is; only an event is always of the past.
        const bool hasEnded = item->facts.validTo != 0 && item->facts.validTo <= now &&
                              outline.type != protocol::MemoryType::Event;
        weights.push_back(weightAt(outline, now) * (hasEnded ? endedShare : 1));
    }
    return weights;
}

double Index::similarity(const QString& one, const QString& other) const
{
    std::shared_lock lock(m->itemsMutex);
    const quint32 first = m->labels.value(one);
    const quint32 second = m->labels.value(other);
    const auto graph = m->active.graph;
    lock.unlock();
    return graph ? double(graph->similarity(first, second)) : 0;
}

std::vector<float> Index::similarities(const QStringList& ids) const
{
    std::vector<quint32> all;
    std::shared_lock lock(m->itemsMutex);
    for (const QString& id : ids) {
        all.push_back(m->labels.value(id));
    }
    const auto graph = m->active.graph;
    lock.unlock();
    return graph ? graph->similarities(all) : std::vector<float>(all.size() * all.size());
}

std::vector<float> Index::vectorOf(const QString& id) const
{
    std::shared_lock lock(m->itemsMutex);
    const quint32 label = m->labels.value(id);
    const auto graph = m->active.graph;
    lock.unlock();
    return graph ? graph->vectorOf(label) : std::vector<float>();
}

std::shared_ptr<Embedder> Index::embedder() const
{
    return m->activeSpace().embedder;
}

protocol::MemoryIndexInfo Index::info() const
{
    protocol::MemoryIndexInfo info;
    const Private::Space target = m->targetSpace();
    info.backend = target.about.embedder;
    info.dimension = target.about.dimension;
    const std::scoped_lock lock(m->workMutex);
    if (m->wanted) {
        info.backend = m->wanted->name();
    }
    info.waiting =
        qint64(m->toLoad.size() + m->toEmbed.size() + m->inFlight) + qint64(m->changedIds.size());
    info.problem = m->problem;
    const std::shared_lock itemsLock(m->itemsMutex);
    info.indexed =
        std::max<qint64>(0, m->shown - qint64(m->toLoad.size() + m->toEmbed.size() + m->inFlight));
    return info;
}

void Index::use(std::shared_ptr<Embedder> embedder)
{
    {
        const std::scoped_lock lock(m->workMutex);
        m->wanted = std::move(embedder);
    }
    m->wake();
}

Future<> Index::caughtUp()
{
    Promise<> promise;
    auto future = promise.future();
    const qint64 seq = m->parts.journal.lastSeq();
    {
        const std::scoped_lock lock(m->workMutex);
        if (!m->isDone(seq)) {
            m->waiters.push_back({seq, std::move(promise)});
            return future;
        }
    }
    promise.set({});
    return future;
}

} // namespace sb::memory
