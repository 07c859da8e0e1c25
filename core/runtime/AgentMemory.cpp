#include "core/runtime/AgentMemory.h"

#include "core/base/Ids.h"
#include "core/memory/Upkeep.h"
#include "core/runtime/Suspicion.h"

namespace sb::runtime {

using namespace Qt::StringLiterals;
using memory::Origin;
using protocol::MemoryChange;
using protocol::MemoryChanged;
using protocol::MemoryFilter;
using protocol::MemoryHit;
using protocol::MemoryInfo;
using protocol::MemoryOp;
using protocol::Provenance;

namespace {

constexpr int newestLooked = 200; ///< memories of a type that a new one is held against
constexpr int foundLooked = 20;
constexpr Milliseconds mostBehind{2000}; ///< that a search waits for the index
constexpr int mostRuns = 1000;           ///< of the upkeep, one after the other
constexpr taint::Labels strange{
    taint::Label::ExternalNetwork, taint::Label::UntrustedFile, taint::Label::UntrustedAgent};

/// Hands a result on, made into another one.
template <class R, class T, class F>
Future<R> mapped(Future<T> future, F f)
{
    Promise<R> promise;
    auto answer = promise.future();
    std::move(future).then(
        [promise = std::move(promise), f = std::move(f)](Result<T> result) mutable {
            if (result) {
                promise.set(f(std::move(*result)));
            } else {
                promise.set(std::unexpected(result.error()));
            }
        });
    return answer;
}

/// Runs f (→ Future<R>) on the pool, and answers with what that comes to.
template <class R, class F>
Future<R> later(Executor& pool, F f)
{
    Promise<R> promise;
    auto answer = promise.future();
    pool.post([f = std::move(f), promise = std::move(promise)]() mutable {
        f().then(
            [promise = std::move(promise)](Result<R> result) { promise.set(std::move(result)); });
    });
    return answer;
}

} // namespace

struct AgentMemory::Opened
{
    std::unique_ptr<memory::Index> index;
    std::unique_ptr<memory::Recall> recall;
    std::unique_ptr<memory::Upkeep> upkeep;
};

namespace {

/// Runs the upkeep until there is nothing left to look at.
Result<QString> tidied(memory::Upkeep& upkeep,
                       const QString& process,
                       const QString& cause,
                       const std::stop_token& stop)
{
    memory::Upkeep::Report sum;
    for (int run = 0; run < mostRuns; ++run) {
        SB_TRY(const auto report, upkeep.run(stop, process, cause));
        sum.linked += report.linked;
        sum.merged += report.merged;
        sum.forgotten += report.forgotten;
        if (report.isDone) {
            break;
        }
    }
    if (sum.linked + sum.merged + sum.forgotten == 0) {
        return QString();
    }
    return u"%1 edges drawn, %2 memories merged, %3 forgotten."_s.arg(sum.linked)
        .arg(sum.merged)
        .arg(sum.forgotten);
}

} // namespace

AgentMemory::AgentMemory(Parts parts)
    : m(std::move(parts)), m_memories(m.journal, m.database, suspicionOf)
{
}

AgentMemory::~AgentMemory()
{
    close();
}

void AgentMemory::close()
{
    std::shared_ptr<Opened> last;
    {
        const std::scoped_lock lock(m_opening);
        m_isClosed = true;
        last = std::move(m_opened);
    }
    if (last) {
        last.reset();
        m_gone.acquire();
    }
}

std::shared_ptr<AgentMemory::Opened> AgentMemory::openNow()
{
    const std::scoped_lock lock(m_opening);
    return m_opened;
}

Result<std::shared_ptr<AgentMemory::Opened>> AgentMemory::opened()
{
    const std::scoped_lock lock(m_opening);
    if (m_isClosed) {
        return fail(ErrorCode::Unavailable, u"The program is closing."_s);
    }
    if (!m_opened) {
        std::shared_ptr<Opened> made(new Opened, [this](Opened* opened) {
            delete opened;
            m_gone.release();
        });
        auto index = memory::Index::open(
            {m.folder, m.journal, m.database, m.pool, m.clock, m.embedder(), [this] {
                 tellIndex();
             }});
        if (!index) {
            made.reset();
            m_gone.acquire(); // what was never in use
            return std::unexpected(index.error());
        }
        made->index = std::move(*index);
        made->recall = std::make_unique<memory::Recall>(m_memories, *made->index, m.clock, m.pool);
        made->upkeep = std::make_unique<memory::Upkeep>(
            memory::Upkeep::Parts{m_memories, m.clock, memory::neighboursIn(*made->index)});
        m_opened = std::move(made);
    }
    return m_opened;
}

void AgentMemory::tellIndex()
{
    // In a job of its own: the index tells while it is being opened, too.
    m.pool.post([this] {
        if (const auto open = openNow()) {
            m.indexed(open->index->info());
        }
    });
}

void AgentMemory::use(std::shared_ptr<memory::Embedder> embedder)
{
    if (const auto open = openNow()) {
        open->index->use(std::move(embedder));
    }
}

Result<std::optional<MemoryInfo>> AgentMemory::findSame(const MemoryChange& save)
{
    MemoryFilter filter;
    filter.types = {save.type.value_or(protocol::MemoryType::Fact)};
    SB_TRY(auto listed, m_memories.list(filter, 0, newestLooked));
    auto candidates = std::move(listed.memories);
    if (const auto open = openNow()) {
        const auto found = open->index->matching(*save.content, foundLooked);
        SB_CHECK(m.database.read([&](store::Connection& connection) -> Result<> {
            for (const auto& one : found.value_or(std::vector<memory::Index::Found>())) {
                if (const auto memory = memory::readMemory(connection, one.id);
                    memory && memory->type == filter.types.first()) {
                    candidates.append(*memory);
                }
            }
            return {};
        }));
    }
    for (const MemoryInfo& one : std::as_const(candidates)) {
        // What was true once and is said again is true anew.
        const bool stands = one.forgottenAt == 0 && one.mergedInto.isEmpty() && one.validTo == 0;
        if (stands && one.validFrom == save.validFrom.value_or(one.validFrom) &&
            save.validTo.value_or(0) == 0 && tools::saysTheSame(one.content, *save.content)) {
            return one;
        }
    }
    return std::nullopt;
}

Future<tools::Remembering::Saved> AgentMemory::save(QList<MemoryChange> changes, Origin origin)
{
    return later<Saved>(m.pool,
                        [this, changes = std::move(changes), origin = std::move(origin)]() mutable {
                            return saveNow(std::move(changes), std::move(origin));
                        });
}

Future<tools::Remembering::Saved> AgentMemory::saveNow(QList<MemoryChange> changes, Origin origin)
{
    MemoryChange& first = changes.first();
    if (first.source && first.source->channel.isEmpty() && !first.source->process.isEmpty()) {
        first.source->channel = m.channelOf(first.source->process);
    }
    const auto same = findSame(first);
    if (!same) {
        return Future<Saved>::ready(std::unexpected(same.error()));
    }
    const bool isStrange = !(taint::joined(origin.sources) & strange).isEmpty();
    // What strangers said first becomes no more trusted by being said again; what the agent says
    // now stands beside it.
    const bool isKnown = *same && (isStrange || (*same)->provenance != Provenance::Untrusted);
    QString id = isKnown ? (*same)->id : first.id;
    if (id.isEmpty()) {
        id = newId("mem"_L1);
    }
    if (isKnown) {
        const MemoryInfo& old = **same;
        MemoryChange edit;
        edit.op = MemoryOp::Edit;
        edit.id = id;
        if (first.importance.value_or(0) > old.importance) {
            edit.importance = first.importance;
        }
        if (first.validFrom && *first.validFrom != old.validFrom) {
            edit.validFrom = first.validFrom;
        }
        first = edit; // the words stay: which of them has the slip, nobody knows
    } else {
        first.id = id;
    }
    for (MemoryChange& change : changes) {
        if (change.op == MemoryOp::Link) {
            change.from = change.from.isEmpty() ? id : change.from;
            change.to = change.to.isEmpty() ? id : change.to;
        }
    }
    changes.removeIf([](const MemoryChange& change) {
        return change.op == MemoryOp::Link && change.from == change.to;
    });
    return mapped<Saved>(m_memories.change(std::move(changes), std::move(origin)),
                         [isKnown, same = *same, id](MemoryChanged changed) -> Result<Saved> {
                             const auto at =
                                 std::ranges::find(changed.memories, id, &MemoryInfo::id);
                             MemoryInfo saved;
                             if (at != changed.memories.end()) {
                                 saved = *at;
                                 changed.memories.erase(at);
                             } else if (isKnown) {
                                 saved = *same; // it was up to date already
                             }
                             changed.memories.prepend(saved);
                             return Saved{std::move(changed), !isKnown};
                         });
}

Future<MemoryChanged> AgentMemory::change(QList<MemoryChange> changes, Origin origin)
{
    return m_memories.change(std::move(changes), std::move(origin));
}

namespace {

/// Answers when the index has taken in what the journal holds now, or after a while: a service may
/// be slow to make vectors, and words find meanwhile.
Future<> caughtUpSoon(memory::Index& index, Clock& clock, Executor& executor)
{
    struct Race
    {
        std::mutex mutex;
        std::optional<Promise<>> promise;
        Subscription timer;
        void end()
        {
            std::optional<Promise<>> mine;
            Subscription ended;
            {
                const std::scoped_lock lock(mutex);
                mine.swap(promise);
                ended = std::move(timer);
            }
            if (mine) {
                mine->set({});
            }
        }
    };
    auto caught = index.caughtUp();
    if (caught.isReady()) {
        return caught;
    }
    const auto race = std::make_shared<Race>();
    auto future = race->promise.emplace().future();
    {
        const std::scoped_lock lock(race->mutex);
        race->timer = clock.after(mostBehind, executor, [weak = std::weak_ptr(race)] {
            if (const auto still = weak.lock()) {
                still->end();
            }
        });
    }
    std::move(caught).then(executor, [race](Result<>) { race->end(); });
    return future;
}

} // namespace

Future<protocol::SearchMemory::Reply>
AgentMemory::search(QString words, int limit, MemoryFilter filter)
{
    using Reply = protocol::SearchMemory::Reply;
    return later<Reply>(m.pool, [this, words = std::move(words), limit, filter]() {
        const auto open = opened();
        if (!open) {
            return Future<Reply>::ready(std::unexpected(open.error()));
        }
        // What was saved before is found now. Closing does not wait for a service's vectors; a
        // search that has begun keeps what it looks in.
        Promise<Reply> promise;
        auto answer = promise.future();
        caughtUpSoon(*(*open)->index, m.clock, m.pool)
            .then(m.pool,
                  [weak = std::weak_ptr(*open), words, limit, filter, promise = std::move(promise)](
                      Result<>) mutable {
                      const auto kept = weak.lock();
                      if (!kept) {
                          promise.set(fail(ErrorCode::Cancelled, u"The program is closing."_s));
                          return;
                      }
                      kept->recall->search(words, limit, filter)
                          .then([kept, promise = std::move(promise)](Result<Reply> reply) {
                              promise.set(std::move(reply));
                          });
                  });
        return answer;
    });
}

namespace {

/// What several memories answered, until the last one has.
struct Gathered
{
    struct One
    {
        MemoryHit hit;
        bool isOwn = true;
        QList<taint::Source> sources;
    };
    std::mutex mutex;
    std::vector<One> all;
    QStringList notices;
    std::optional<Error> failed; ///< of the agent's own
    size_t left = 0;
    Promise<tools::Remembering::Recalled> promise;
};

/// A hit in another agent's memory comes in as what another agent wrote, unless the owner wrote it,
/// whose word is the same to all of them. Its way there is that agent's record to tell.
QList<taint::Source> foreignSources(const MemoryInfo& memory, const QList<taint::Source>& sources)
{
    auto labels = taint::joined(sources);
    if (memory.provenance != Provenance::Owner) {
        labels |= taint::Labels{taint::Label::UntrustedAgent};
    }
    return labels.isEmpty()
               ? QList<taint::Source>()
               : QList<taint::Source>{taint::entering(
                     labels, {}, u"%1 of the agent %2"_s.arg(memory.id, memory.agent))};
}

void finish(Gathered& gathered, int limit)
{
    if (gathered.failed) {
        gathered.promise.set(std::unexpected(*gathered.failed));
        return;
    }
    std::ranges::stable_sort(
        gathered.all, std::greater(), [](const auto& one) { return one.hit.score; });
    tools::Remembering::Recalled recalled;
    for (auto& one : gathered.all) {
        if (recalled.hits.size() == limit) {
            break;
        }
        recalled.sources += one.isOwn ? one.sources : foreignSources(one.hit.memory, one.sources);
        recalled.hits.append(std::move(one.hit));
    }
    recalled.sources =
        taint::passedOn(taint::condensed(recalled.sources), {}, u"what is remembered"_s);
    recalled.notice = gathered.notices.join(u' ');
    gathered.promise.set(std::move(recalled));
}

} // namespace

Future<tools::Remembering::Recalled>
AgentMemory::recall(QString words, int limit, MemoryFilter filter)
{
    const auto gathered = std::make_shared<Gathered>();
    auto answer = gathered->promise.future();
    m.pool.post([this, gathered, words = std::move(words), limit, filter] {
        std::vector<AgentMemory*> all = m.readable();
        all.insert(all.begin(), this);
        gathered->left = all.size();
        for (AgentMemory* const one : all) {
            one->search(words, limit, filter)
                .then(m.pool,
                      [this, one, gathered, limit](Result<protocol::SearchMemory::Reply> reply) {
                          const bool isOwn = one == this;
                          std::vector<Gathered::One> hits;
                          if (reply) {
                              const auto read = one->m.database.read(
                                  [&](store::Connection& connection) -> Result<> {
                                      for (const MemoryHit& hit : std::as_const(reply->hits)) {
                                          hits.push_back(
                                              {hit,
                                               isOwn,
                                               memory::readSources(connection, hit.memory.id)});
                                      }
                                      return {};
                                  });
                              if (!read) {
                                  reply = std::unexpected(read.error());
                              }
                          }
                          const std::scoped_lock lock(gathered->mutex);
                          if (reply) {
                              std::ranges::move(hits, std::back_inserter(gathered->all));
                              if (!reply->notice.isEmpty() &&
                                  !gathered->notices.contains(reply->notice)) {
                                  gathered->notices.append(reply->notice);
                              }
                          } else if (isOwn) {
                              gathered->failed = reply.error();
                          } else {
                              gathered->notices.append(
                                  u"The memory of the agent %1 cannot be read now."_s.arg(
                                      one->m.journal.agent()));
                          }
                          if (--gathered->left == 0) {
                              finish(*gathered, limit);
                          }
                      });
        }
    });
    return answer;
}

Future<QString> AgentMemory::tidy(QString process, QString cause, std::stop_token stop)
{
    return later<QString>(m.pool, [this, process, cause, stop]() -> Future<QString> {
        const auto open = opened();
        if (!open) {
            return Future<QString>::ready(std::unexpected(open.error()));
        }
        Promise<QString> promise;
        auto answer = promise.future();
        // What has no vector yet has no neighbours either. Closing does not wait for those that a
        // service still makes.
        (*open)->index->caughtUp().then(
            m.pool,
            [weak = std::weak_ptr(*open), process, cause, stop, promise = std::move(promise)](
                Result<>) {
                const auto still = weak.lock();
                promise.set(still ? tidied(*still->upkeep, process, cause, stop)
                                  : fail(ErrorCode::Cancelled, u"The program is closing."_s));
            });
        return answer;
    });
}

qint64 AgentMemory::count()
{
    const auto listed = m_memories.list({}, 0, 1);
    return listed ? listed->total : 0;
}

Result<protocol::GetMemoryStats::Reply> AgentMemory::stats()
{
    SB_TRY(auto reply, m_memories.stats());
    const auto open = opened();
    if (open) {
        reply.index = (*open)->index->info();
    } else {
        reply.index.problem = open.error().message;
    }
    return reply;
}

} // namespace sb::runtime
