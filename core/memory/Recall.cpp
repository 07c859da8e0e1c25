#include "core/memory/Recall.h"

#include "core/memory/MemoryRows.h"
#include "core/memory/Words.h"

#include <QHash>
#include <atomic>
#include <bit>
#include <cmath>

namespace sb::memory {

using protocol::HitReason;
using protocol::MemoryFilter;
using protocol::MemoryHit;
using protocol::MemoryInfo;
using protocol::Relation;
using protocol::SearchMemory;
using namespace Qt::StringLiterals;

namespace {

constexpr Milliseconds longestWait{2000}; // for the query's vector
constexpr qsizetype longestQuery = 4000;  // characters
constexpr int mostHits = 100;
constexpr int perWay = 50;
constexpr double rankOffset = 60;
constexpr double leastSimilarity = 0.15; // below it, chance makes them alike
constexpr double forRelevance = 0.7;     // the λ of MMR; the rest is for being unlike the others
constexpr qsizetype beyondLimit = 20;    // so many more than asked for compete for the places
constexpr qsizetype mostSeeds = 5;
constexpr qsizetype mostOnTheWay = 8; // neighbours whose neighbours are looked at
constexpr int mostEdges = 24;         // of one memory in one direction

struct Candidate
{
    QString id;
    double relevance = 0;
    QList<HitReason> reasons;
};

/// Collects what the ways of looking find, by reciprocal rank.
class Fusion
{
public:
    void add(const QString& way, int rank, const QString& id, const QString& what)
    {
        auto place = m_places.constFind(id);
        if (place == m_places.constEnd()) {
            place = m_places.insert(id, m_candidates.size());
            m_candidates.append({id, 0, {}});
        }
        Candidate& candidate = m_candidates[*place];
        candidate.relevance += 1 / (rankOffset + rank);
        candidate.reasons.append({way, rank, what});
    }
    /// Best first.
    [[nodiscard]] QList<Candidate> ranked() const
    {
        QList<Candidate> all = m_candidates;
        std::ranges::stable_sort(all, std::ranges::greater(), &Candidate::relevance);
        return all;
    }

private:
    QList<Candidate> m_candidates;
    QHash<QString, qsizetype> m_places;
};

bool passes(const MemoryInfo& memory, const MemoryFilter& filter)
{
    const TimeUs then = filter.trueAt;
    return (filter.types.isEmpty() || filter.types.contains(memory.type)) &&
           (filter.provenances.isEmpty() || filter.provenances.contains(memory.provenance)) &&
           (then == 0 ||
            (memory.validFrom <= then && (memory.validTo == 0 || memory.validTo > then))) &&
           memory.createdAt >= filter.since && (filter.withForgotten || !isHidden(memory));
}

/// The relation of what is found to the one that led to it.
QString relationWords(Relation relation, bool isForward)
{
    switch (relation) {
    case Relation::RelatedTo:
        return u"related to "_s;
    case Relation::Updates:
        return isForward ? u"updated by "_s : u"updates "_s;
    case Relation::Contradicts:
        return isForward ? u"contradicted by "_s : u"contradicts "_s;
    case Relation::CausedBy:
        return isForward ? u"cause of "_s : u"caused by "_s;
    case Relation::ResultOf:
        return isForward ? u"led to "_s : u"result of "_s;
    case Relation::PartOf:
        return isForward ? u"has the part "_s : u"part of "_s;
    }
    return {};
}

struct Neighbour
{
    QString id;
    double strength = 0;
    QString from; ///< the one that led to it
    Relation relation = Relation::RelatedTo;
    bool isForward = false;
    [[nodiscard]] QString words() const { return relationWords(relation, isForward) + from; }
};

/// What lies within two edges of the best, the most strongly tied first.
class Neighbourhood
{
public:
    Neighbourhood(store::Connection& connection, const QList<Candidate>& best)
        : m_connection(connection)
    {
        const auto seeds = best.first(std::min(best.size(), mostSeeds));
        for (const Candidate& seed : seeds) {
            spread(seed.id, seed.relevance);
        }
        QList<Neighbour> way = m_found.values();
        std::ranges::sort(way, order);
        for (const Neighbour& one : way.first(std::min(way.size(), mostOnTheWay))) {
            const bool isSeed = std::ranges::contains(seeds, one.id, &Candidate::id);
            if (!isSeed) {
                spread(one.id, one.strength / 2, one.from);
            }
        }
    }
    [[nodiscard]] QList<Neighbour> ranked() const
    {
        QList<Neighbour> all = m_found.values();
        std::ranges::sort(all, order);
        return all.first(std::min<qsizetype>(all.size(), perWay));
    }

private:
    static bool order(const Neighbour& a, const Neighbour& b)
    {
        return std::tie(b.strength, a.id) < std::tie(a.strength, b.id);
    }
    /// Not back to `origin`: that is no news.
    void spread(const QString& from, double strength, const QString& origin = {})
    {
        store::forEachRow(
            m_connection,
            "SELECT * FROM (SELECT to_id, relation, weight, 1 FROM memory_edge WHERE from_id = ?1 "
            "AND known_to = 0 LIMIT ?2) UNION ALL SELECT * FROM (SELECT from_id, relation, weight, "
            "0 FROM memory_edge WHERE to_id = ?1 AND known_to = 0 LIMIT ?2)",
            [&](SQLite::Statement& row) {
                const QString id = store::text(row, 0);
                if (id == origin) {
                    return;
                }
                const auto relation =
                    enumFromName(store::text(row, 1), static_cast<Relation*>(nullptr));
                Neighbour& one = m_found[id];
                if (one.id.isEmpty()) {
                    one.id = id;
                    one.from = from;
                    one.relation = relation.value_or(Relation::RelatedTo);
                    one.isForward = store::integer(row, 3) != 0;
                }
                one.strength += strength * row.getColumn(2).getDouble();
            },
            from,
            mostEdges);
    }

    store::Connection& m_connection;
    QHash<QString, Neighbour> m_found;
};

/// Takes the best one by one, each as unlike those before it as its rank allows.
QList<Candidate> diversified(QList<Candidate> pool, qsizetype limit, const Index& index)
{
    pool.resize(std::min(pool.size(), limit + beyondLimit));
    const auto count = size_t(pool.size());
    QStringList ids;
    for (const Candidate& one : pool) {
        ids.append(one.id);
    }
    const std::vector<float> alike = index.similarities(ids);
    QList<Candidate> taken;
    std::vector<double> likeness(count);
    std::vector<bool> isTaken(count);
    while (taken.size() < std::min(limit, pool.size())) {
        size_t next = 0;
        double highest = -2;
        for (size_t i = 0; i < count; ++i) {
            const double value =
                forRelevance * pool[qsizetype(i)].relevance / pool.first().relevance -
                (1 - forRelevance) * likeness[i];
            if (!isTaken[i] && value > highest) {
                highest = value;
                next = i;
            }
        }
        isTaken[next] = true;
        taken.append(pool[qsizetype(next)]);
        for (size_t i = 0; i < count; ++i) {
            likeness[i] = std::max(likeness[i], double(alike[i * count + next]));
        }
    }
    return taken;
}

struct Query
{
    QString words;
    int limit = 0;
    MemoryFilter filter;
};

/// How the query's vector came, if it did.
using QueryVector = Result<std::vector<std::vector<float>>>;

Result<SearchMemory::Reply>
searchNow(Memories& memories, Index& index, const Query& query, const QueryVector& vector)
{
    SearchMemory::Reply reply;
    Fusion fusion;
    if (vector && !vector->empty()) {
        int rank = 0;
        for (const auto& found : index.nearest(vector->front(), perWay, query.filter)) {
            if (found.score > leastSimilarity) {
                fusion.add(u"vector"_s,
                           ++rank,
                           found.id,
                           u"similarity "_s + QString::number(found.score, 'f', 2));
            }
        }
        if (const auto info = index.info(); !info.problem.isEmpty()) {
            reply.notice =
                u"%1 memories have no vectors yet, because they cannot be made: %2"_s.arg(
                    QString::number(info.waiting), info.problem);
        }
    } else if (!vector) {
        reply.notice = u"Only words and links were searched, because no vectors could be made: "_s +
                       vector.error().message;
    }
    if (const auto found = index.matching(query.words, perWay, query.filter)) {
        int rank = 0;
        for (const auto& one : *found) {
            fusion.add(u"text"_s, ++rank, one.id, one.what);
        }
    } else {
        reply.notice = u"Words could not be searched: "_s + found.error().message;
    }
    SB_CHECK(memories.database().read([&](store::Connection& connection) -> Result<> {
        int rank = 0;
        for (const Neighbour& one : Neighbourhood(connection, fusion.ranked()).ranked()) {
            fusion.add(u"graph"_s, ++rank, one.id, one.words());
        }
        QList<Candidate> candidates = fusion.ranked();
        QStringList ids;
        for (const Candidate& one : candidates) {
            ids.append(one.id);
        }
        const auto weights = index.weightsOf(ids, query.filter);
        for (qsizetype i = 0; i < candidates.size(); ++i) {
            candidates[i].relevance *= weights[size_t(i)] < 0 ? 0 : 0.5 + 0.5 * weights[size_t(i)];
        }
        candidates.removeIf([](const Candidate& one) { return one.relevance == 0; });
        std::ranges::stable_sort(candidates, std::ranges::greater(), &Candidate::relevance);
        for (const Candidate& one : diversified(std::move(candidates), query.limit, index)) {
            // The index may be a moment behind; what is shown is what is so.
            store::forEachRow(
                connection,
                "SELECT " SB_MEMORY_COLUMNS " FROM " SB_MEMORY_TABLES
                " WHERE m.id = ? AND m.known_to = 0",
                [&](SQLite::Statement& row) {
                    MemoryInfo memory = infoFrom(row, memories.journal().agent());
                    if (passes(memory, query.filter)) {
                        reply.hits.append({std::move(memory), one.relevance, one.reasons});
                    }
                },
                one.id);
        }
        return {};
    }));
    return reply;
}

/// By words alone, over the versions that were current then.
Result<SearchMemory::Reply> searchPast(Memories& memories, const Query& query)
{
    std::vector<Term> terms = termsOf(query.words, false);
    terms.resize(std::min<size_t>(terms.size(), 64));
    QHash<QByteArray, int> wanted;
    for (size_t i = 0; i < terms.size(); ++i) {
        wanted.insert(terms[i].term, int(i));
    }
    struct Match
    {
        MemoryInfo memory;
        quint64 terms = 0;
        double score = 0;
    };
    std::vector<Match> matches;
    std::vector<double> frequency(terms.size());
    double all = 1;
    const TimeUs then = query.filter.knownAt;
    SB_CHECK(memories.database().read([&](store::Connection& connection) -> Result<> {
        store::forEachRow(
            connection,
            "SELECT " SB_MEMORY_COLUMNS " FROM " SB_MEMORY_TABLES
            " WHERE m.known_from <= ?1 AND (m.known_to = 0 OR m.known_to > ?1)",
            [&](SQLite::Statement& row) {
                quint64 matched = 0;
                for (const Term& term : termsOf(store::text(row, 5), true)) {
                    if (const auto i = wanted.constFind(term.term); i != wanted.constEnd()) {
                        matched |= quint64(1) << *i;
                        ++frequency[size_t(*i)];
                    }
                }
                ++all;
                if (matched == 0) {
                    return;
                }
                MemoryInfo memory = infoFrom(row, memories.journal().agent());
                if (memory.accessedAt > then) {
                    memory.accessedAt = 0;
                    memory.accessCount = 0;
                }
                if (passes(memory, query.filter)) {
                    matches.push_back({std::move(memory), matched});
                }
            },
            then);
        return {};
    }));
    for (Match& match : matches) {
        for (size_t i = 0; i < terms.size(); ++i) {
            if ((match.terms >> i & 1) != 0) {
                match.score += std::log(1 + all / (frequency[i] + 0.5));
            }
        }
        match.score *= 0.5 + 0.5 * weightAt(match.memory, then);
    }
    std::ranges::stable_sort(matches, std::ranges::greater(), &Match::score);
    SearchMemory::Reply reply;
    for (Match& match : matches) {
        if (reply.hits.size() == query.limit) {
            break;
        }
        QStringList words;
        for (size_t i = 0; i < terms.size(); ++i) {
            if ((match.terms >> i & 1) != 0) {
                words.append(terms[i].word);
            }
        }
        const QString what =
            (words.size() == 1 ? u"the word "_s : u"the words "_s) + words.join(u", "_s);
        reply.hits.append({std::move(match.memory),
                           match.score,
                           {{u"text"_s, int(reply.hits.size()) + 1, what}}});
    }
    return reply;
}

/// The query's vector and the patience for it: whichever comes first goes on.
struct Race
{
    std::atomic_flag isOver;
    std::move_only_function<void(QueryVector)> next;
    Subscription timer;
    void settle(QueryVector vector)
    {
        if (!isOver.test_and_set()) {
            next(std::move(vector));
        }
    }
};

} // namespace

Recall::Recall(Memories& memories, Index& index, Clock& clock, Executor& pool)
    : m_memories(memories), m_index(index), m_clock(clock), m_pool(pool)
{
}

Future<SearchMemory::Reply> Recall::search(QString words, int limit, MemoryFilter filter)
{
    Query query{
        std::move(words).left(longestQuery), std::clamp(limit, 1, mostHits), std::move(filter)};
    if (query.words.trimmed().isEmpty()) {
        return Future<SearchMemory::Reply>::ready(
            fail(ErrorCode::InvalidInput, u"Say which words to look for in the memory."_s));
    }
    Memories& memories = m_memories;
    Index& index = m_index;
    if (query.filter.knownAt != 0) {
        return runOn(m_pool,
                     [&memories, query = std::move(query)] { return searchPast(memories, query); });
    }
    const auto embedder = index.embedder();
    if (embedder->isImmediate()) {
        return runOn(m_pool, [&memories, &index, embedder, query = std::move(query)] {
            return searchNow(memories, index, query, embedder->embed({query.words}).wait());
        });
    }
    Promise<SearchMemory::Reply> promise;
    auto future = promise.future();
    auto race = std::make_shared<Race>(); // shared by the two that run
    race->next = [&memories, &index, query, promise = std::move(promise)](QueryVector vector) {
        promise.set(searchNow(memories, index, query, vector));
    };
    race->timer = m_clock.after(longestWait, m_pool, [weak = std::weak_ptr(race)] {
        if (const auto self = weak.lock()) {
            self->settle(fail(ErrorCode::Timeout, u"The embedder takes too long to answer."_s));
        }
    });
    embedder->embed({query.words}).then(m_pool, [race](QueryVector vector) {
        race->settle(std::move(vector));
        race->timer.reset();
    });
    return future;
}

} // namespace sb::memory
