// What the index does in the background: one turn at a time on the pool, in small steps.
#include "core/memory/IndexPrivate.h"
#include "core/memory/MemoryRows.h"

#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QSet>
#include <filesystem>

namespace sb::memory {

using protocol::Kind;
using protocol::MemoryInfo;
using namespace Qt::StringLiterals;

namespace {

constexpr size_t idsAtOnce = 256;
constexpr size_t loadedAtOnce = 128;
constexpr qint64 longestTurnMs = 50; // then others on the pool have theirs
constexpr Milliseconds tellEvery{100};
constexpr Milliseconds saveAfter{3000};
constexpr qint64 worthSaving = 500; // changes to the graph; fewer are caught up with quickly
constexpr Milliseconds firstRest{1000};
constexpr int mostDoublings = 8; // of the rest after a failure: about four minutes

quint64 digestOfText(const QString& text)
{
    return digestOf(text.constData(), size_t(text.size()) * sizeof(QChar));
}

IndexedFacts factsOf(const MemoryInfo& memory)
{
    IndexedFacts facts;
    facts.seq = memory.seq;
    facts.digest = digestOfText(memory.content);
    facts.knownFrom = memory.knownFrom;
    facts.accessedAt = memory.accessedAt;
    facts.createdAt = memory.createdAt;
    facts.validFrom = memory.validFrom;
    facts.validTo = memory.validTo;
    facts.importance = float(memory.importance);
    facts.type = quint8(memory.type);
    facts.provenance = quint8(memory.provenance);
    facts.pinned = memory.isPinned ? 1 : 0;
    facts.hidden = isHidden(memory) ? 1 : 0;
    return facts;
}

} // namespace

void Index::Private::listen(const QList<protocol::Entry>& entries)
{
    bool isIdle = false;
    {
        const std::scoped_lock lock(workMutex);
        for (const protocol::Entry& entry : entries) {
            if (entry.kind == Kind::MemoryChanged) {
                for (const auto& change : entry.payload["changes"_L1].toArray()) {
                    const QString id = change["memory"_L1]["id"_L1].toString();
                    if (!id.isEmpty()) {
                        changedIds.push_back(id);
                    }
                }
            } else if (entry.kind == Kind::ToolResult &&
                       entry.payload["tool"_L1] == "memory_recall"_L1) {
                for (const auto& id : entry.payload["facts"_L1]["memories"_L1].toArray()) {
                    changedIds.push_back(id.toString());
                }
            } else if (entry.kind == Kind::PayloadErased) {
                erasedSeqs.insert(entry.payload["seq"_L1].toInteger());
            }
            heardSeq = entry.seq;
            heardHash = entry.hash;
        }
        isIdle = !isRunning && !mustCompare && changedIds.empty() && erasedSeqs.isEmpty();
        if (isIdle) {
            takenSeq = heardSeq;
        }
    }
    if (isIdle) {
        settleWaiters();
    } else {
        wake();
    }
}

void Index::Private::wake()
{
    {
        const std::scoped_lock lock(workMutex);
        if (isRunning || isStopping) {
            return; // a running turn looks again before it ends
        }
        isRunning = true;
    }
    parts.pool.post([self = shared_from_this()] { self->turn(); });
}

void Index::Private::turn()
{
    QElapsedTimer timer;
    timer.start();
    while (step()) {
        tellChanged();
        if (timer.hasExpired(longestTurnMs)) {
            parts.pool.post([self = shared_from_this()] { self->turn(); });
            return;
        }
    }
}

bool Index::Private::step()
{
    enum class Do {
        Nothing,
        Compare,
        Take,
        Embedder,
        Tidy,
        Load,
        Settle,
        Embed,
        Exchange,
        Persist
    };
    Do what = Do::Nothing;
    QStringList ids;
    QSet<qint64> erased;
    qint64 seq = 0;
    QByteArray hash;
    {
        const std::scoped_lock lock(workMutex);
        if (isStopping) {
            isRunning = false;
            idle.notify_all();
            return false;
        }
        if (isStuck) {
            // Nothing until the timer strikes.
        } else if (mustCompare) {
            what = Do::Compare;
            mustCompare = false;
        } else if (!changedIds.empty() || !erasedSeqs.isEmpty()) {
            what = Do::Take;
            erased.swap(erasedSeqs);
            while (!changedIds.empty() && size_t(ids.size()) < idsAtOnce) {
                ids.append(std::move(changedIds.front()));
                changedIds.pop_front();
            }
        } else if (wanted) {
            what = Do::Embedder;
        } else if (!toLoad.empty()) {
            what = Do::Load;
        } else if (!answers.empty()) {
            what = Do::Settle;
        } else if (!toEmbed.empty() && inFlight == 0 && !isResting) {
            what = Do::Embed;
        } else if (next && toEmbed.empty() && inFlight == 0) {
            what = Do::Exchange;
        } else if (mustTidy) {
            what = Do::Tidy;
            mustTidy = false;
        } else {
            takenSeq = heardSeq;
            if (mustPersist) {
                what = Do::Persist;
                mustPersist = false;
                seq = heardSeq;
                hash = persistedHash = heardHash;
            }
        }
        if (what == Do::Nothing) {
            isRunning = false;
            idle.notify_all();
        }
    }
    switch (what) {
    case Do::Nothing:
        settleWaiters();
        tellChanged();
        saveLater();
        return false;
    case Do::Compare:
        compareAll();
        break;
    case Do::Take:
        for (const Item& item : items) {
            if (!erased.isEmpty() && !item.id.isEmpty() && erased.contains(item.facts.seq)) {
                ids.append(item.id);
            }
        }
        takeIn(ids);
        break;
    case Do::Embedder:
        takeEmbedder();
        break;
    case Do::Tidy: {
        const QList<quint32> kept{activeSpace().about.number, targetSpace().about.number};
        if (auto done = cache->keepOnly(kept); !done) {
            cacheFailed(done.error());
        }
        break;
    }
    case Do::Load:
        loadVectors();
        break;
    case Do::Settle: {
        std::unique_lock lock(workMutex);
        Answer answer = std::move(answers.front());
        answers.pop_front();
        if (answer.question == question) {
            inFlight = 0;
            lock.unlock();
            takeAnswer(std::move(answer));
        }
    } break;
    case Do::Embed:
        embedSome();
        break;
    case Do::Exchange:
        exchangeSpaces();
        break;
    case Do::Persist:
        if (auto done = cache->writeTaken(seq, hash); !done) {
            cacheFailed(done.error());
        }
        break;
    }
    return true;
}

// Finds what is different between the memories and the index, however that came about.
void Index::Private::compareAll()
{
    struct Row
    {
        QString id;
        qint64 seq;
        bool isEmpty;
        TimeUs accessedAt;
    };
    const qint64 last = parts.journal.lastSeq();
    const auto newest = last > 0 ? parts.journal.entry(last) : Result<protocol::Entry>();
    auto rows = parts.database.read([](store::Connection& connection) -> Result<std::vector<Row>> {
        std::vector<Row> all;
        store::forEachRow(
            connection,
            "SELECT m.id, m.seq, m.content = '', ifnull(a.at, 0) FROM " SB_MEMORY_TABLES
            " WHERE m.known_to = 0",
            [&](SQLite::Statement& row) {
                all.push_back({store::text(row, 0),
                               store::integer(row, 1),
                               store::integer(row, 2) != 0,
                               store::integer(row, 3)});
            });
        return all;
    });
    if (!rows) {
        stuck(rows.error());
        return;
    }
    std::deque<QString> different;
    std::vector<bool> isThere(items.size());
    for (Row& row : *rows) {
        const quint32 label = labels.value(row.id);
        isThere[label] = true;
        const IndexedFacts& facts = items[label].facts;
        if (label == 0 || facts.seq != row.seq || facts.accessedAt != row.accessedAt ||
            (row.isEmpty && facts.terms > 0)) {
            different.push_back(std::move(row.id));
        }
    }
    for (size_t label = 1; label < items.size(); ++label) {
        if (!isThere[label] && !items[label].id.isEmpty()) {
            different.push_back(items[label].id);
        }
    }
    const std::scoped_lock lock(workMutex);
    changedIds.insert(changedIds.end(), different.begin(), different.end());
    mustPersist = true;
    if (newest && last >= heardSeq) {
        heardSeq = last;
        heardHash = newest->hash;
    }
}

void Index::Private::takeIn(const QStringList& ids)
{
    using Infos = QHash<QString, MemoryInfo>;
    auto infos = parts.database.read([&](store::Connection& connection) -> Result<Infos> {
        Infos found;
        for (const QString& id : ids) {
            if (found.contains(id)) {
                continue;
            }
            store::forEachRow(
                connection,
                "SELECT " SB_MEMORY_COLUMNS " FROM " SB_MEMORY_TABLES
                " WHERE m.id = ? AND m.known_to = 0",
                [&](SQLite::Statement& row) { found.insert(id, infoFrom(row, {})); },
                id);
        }
        return found;
    });
    if (!infos) {
        stuck(infos.error());
        return;
    }
    Space target = targetSpace();
    std::vector<IndexCache::Change> changes;
    QSet<QString> seen;
    QStringList texts;
    std::vector<size_t> textOf; // which change a text belongs to
    auto newLabel = quint32(items.size());
    size_t freeUsed = 0;
    for (const QString& id : ids) {
        if (seen.contains(id)) {
            continue;
        }
        seen.insert(id);
        const quint32 known = labels.value(id);
        const auto info = infos->constFind(id);
        if (info == infos->constEnd()) {
            if (known != 0) {
                IndexCache::Change change;
                change.label = known;
                change.id = id;
                change.facts = items[known].facts;
                change.isRemoved = change.isErased = true;
                changes.push_back(std::move(change));
            }
            continue;
        }
        IndexCache::Change change;
        change.label = known;
        change.id = id;
        change.facts = factsOf(*info);
        if (known == 0) {
            change.label = freeUsed < freeLabels.size() ? freeLabels[freeLabels.size() - ++freeUsed]
                                                        : newLabel++;
        }
        IndexedFacts& facts = change.facts;
        const IndexedFacts& old = items[known].facts; // of nobody: all zeros
        const bool isSame = known != 0 && old.digest == facts.digest;
        facts.terms = old.terms;
        if (isSame && facts.hidden == 0) {
            facts.space = old.space;
            facts.stamp = old.stamp;
        }
        if (!isSame) {
            change.terms = termsOf(info->content, true);
            facts.terms = quint16(std::min<size_t>(change.terms->size(), 0xffff));
            change.isErased = info->content.isEmpty();
        }
        if (facts.hidden == 0 && facts.space != target.about.number) {
            textOf.push_back(changes.size());
            texts.append(info->content);
        }
        changes.push_back(std::move(change));
    }
    std::vector<quint32> unembedded;
    bool isEmbedded = false;
    if (!texts.isEmpty() && target.embedder->isImmediate()) {
        auto vectors = target.embedder->embed(texts).wait();
        if (!vectors || vectors->size() != size_t(texts.size())) {
            failed(vectors ? wrongCount(*target.embedder) : vectors.error());
        } else if (acceptDimension(target, *vectors)) {
            for (size_t i = 0; i < textOf.size(); ++i) {
                changes[textOf[i]].setVector(target.about.number, ++stamp, (*vectors)[i]);
            }
            isEmbedded = true;
        }
    }
    if (!isEmbedded) {
        for (const size_t i : textOf) {
            unembedded.push_back(changes[i].label);
        }
    }
    freeLabels.resize(freeLabels.size() - freeUsed);
    if (!write(changes, target)) {
        return; // all of it is compared again
    }
    const std::scoped_lock lock(workMutex);
    toEmbed.insert(toEmbed.end(), unembedded.begin(), unembedded.end());
}

// To disk first, then into what is searched.
bool Index::Private::write(std::vector<IndexCache::Change>& changes, const Space& target)
{
    if (changes.empty()) {
        return true;
    }
    if (auto written = cache->write(changes); !written) {
        cacheFailed(written.error());
        return false;
    }
    {
        const std::unique_lock lock(itemsMutex);
        for (const IndexCache::Change& change : changes) {
            if (change.label >= items.size()) {
                items.resize(change.label + 1);
            }
            Item& item = items[change.label];
            shown -= !item.id.isEmpty() && item.facts.hidden == 0 ? 1 : 0;
            if (change.isRemoved) {
                labels.remove(item.id);
                item = {};
                freeLabels.push_back(change.label);
                continue;
            }
            if (item.id.isEmpty()) {
                item.id = change.id;
                labels.insert(change.id, change.label);
            }
            item.facts = change.facts;
            shown += change.facts.hidden == 0 ? 1 : 0;
        }
    }
    const Space now = activeSpace();
    for (const IndexCache::Change& change : changes) {
        const bool isNew = change.vector && !change.vector->empty();
        const bool isGone = change.isRemoved || change.facts.space == 0 || change.terms;
        for (const auto& graph : {now.graph, target.graph}) {
            if (!graph || (isNew && graph == target.graph) || !isGone) {
                continue;
            }
            if (change.isErased) {
                graph->erase(change.label);
                mustSave = true;
            } else {
                graph->remove(change.label);
            }
        }
        if (isNew) {
            if (auto added = target.graph->add(change.label, *change.vector); !added) {
                failed(added.error());
            }
        }
        unsaved += isNew || isGone ? 1 : 0;
    }
    const std::scoped_lock lock(workMutex);
    mustPersist = true;
    if (toLoad.empty()) {
        graphStamp = stamp;
    }
    return true;
}

void Index::Private::loadVectors()
{
    std::vector<quint32> some;
    {
        const std::scoped_lock lock(workMutex);
        while (!toLoad.empty() && some.size() < loadedAtOnce) {
            some.push_back(toLoad.front());
            toLoad.pop_front();
        }
    }
    const Space space = activeSpace();
    auto vectors = cache->vectors(space.about.number, some);
    if (!vectors) {
        cacheFailed(vectors.error());
        return;
    }
    QSet<quint32> missing(some.begin(), some.end());
    for (const auto& [label, halves] : *vectors) {
        const bool fits = halves.size() == paddedSize(space.about.dimension);
        if (fits || halves.empty()) {
            missing.remove(label);
        }
        const Item& item = items[label];
        if (fits && !item.id.isEmpty() && item.facts.space == space.about.number) {
            if (auto added = space.graph->add(label, halves); !added) {
                failed(added.error());
            }
            ++unsaved;
        }
    }
    if (!missing.isEmpty()) {
        const std::unique_lock lock(itemsMutex);
        for (const quint32 label : missing) {
            items[label].facts.space = 0;
        }
    }
    const std::scoped_lock lock(workMutex);
    toEmbed.insert(toEmbed.end(), missing.begin(), missing.end());
    if (toLoad.empty()) {
        graphStamp = stamp;
    }
}

// The cache cannot be written or read. A damaged one is made anew; else it is tried again later,
// and then everything is compared, so that nothing is missing.
void Index::Private::cacheFailed(const Error& error)
{
    if (error.code == ErrorCode::Corrupt) {
        if (auto remade = cache->remake(); !remade) {
            stuck(remade.error());
            return;
        }
        Space space = targetSpace();
        space.about.number = ++newestSpace;
        space.graph = space.about.dimension > 0
                          ? std::make_shared<VectorGraph>(space.about.dimension)
                          : nullptr;
        {
            const std::unique_lock lock(itemsMutex);
            items.assign(1, {});
            labels.clear();
            freeLabels.clear();
            shown = 0;
            active = space;
            next.reset();
        }
        if (auto added = cache->addSpace(space.about); !added) {
            stuck(added.error());
            return;
        }
        const std::scoped_lock lock(workMutex);
        toLoad.clear();
        toEmbed.clear();
        mustCompare = true;
        return;
    }
    stuck(error);
}

// Until the timer strikes, nothing is taken in.
void Index::Private::stuck(const Error& error)
{
    rest(error, [](Private& self) {
        self.isStuck = false;
        self.mustCompare = true;
    });
    const std::scoped_lock lock(workMutex);
    isStuck = true;
}

// The embedder does not do its work: words find meanwhile.
void Index::Private::failed(const Error& error)
{
    rest(error, [](Private& self) { self.isResting = false; });
    const std::scoped_lock lock(workMutex);
    isResting = true;
}

void Index::Private::rest(const Error& error, std::function<void(Private&)> after)
{
    int doublings = 0;
    {
        const std::scoped_lock lock(workMutex);
        problem = error.message;
        doublings = std::min(failures++, mostDoublings);
    }
    auto timer = parts.clock.after(firstRest * (1 << doublings),
                                   parts.pool,
                                   [weak = weak_from_this(), after = std::move(after)] {
                                       if (const auto self = weak.lock()) {
                                           {
                                               const std::scoped_lock lock(self->workMutex);
                                               after(*self);
                                           }
                                           self->wake();
                                       }
                                   });
    const std::scoped_lock lock(workMutex);
    restTimer = std::move(timer);
}

bool Index::Private::isDone(qint64 seq) const
{
    if (isStuck) {
        return true;
    }
    // A step takes off the lists what it works at.
    return !isRunning && takenSeq >= seq && !mustCompare && changedIds.empty() && !wanted &&
           toLoad.empty() && (isResting || (toEmbed.empty() && inFlight == 0));
}

void Index::Private::settleWaiters()
{
    std::vector<Waiter> done;
    {
        const std::scoped_lock lock(workMutex);
        const auto rest = std::ranges::partition(
            waiters, [&](const Waiter& waiter) { return !isDone(waiter.seq); });
        std::ranges::move(rest, std::back_inserter(done));
        waiters.erase(rest.begin(), rest.end());
    }
    for (const Waiter& waiter : done) {
        waiter.promise.set({});
    }
}

void Index::Private::tellChanged()
{
    if (!parts.changed) {
        return;
    }
    const qint64 now = parts.clock.steadyUs();
    {
        const std::scoped_lock lock(workMutex);
        if (tellPlanned) {
            return;
        }
        tellPlanned = true;
        if (now - toldUs < std::chrono::microseconds(tellEvery).count()) {
            tellTimer = parts.clock.after(tellEvery, parts.pool, [weak = weak_from_this()] {
                if (const auto self = weak.lock()) {
                    self->tell();
                }
            });
            return;
        }
    }
    tell();
}

void Index::Private::tell()
{
    {
        const std::scoped_lock lock(workMutex);
        tellPlanned = false;
        if (isStopping) {
            return;
        }
        toldUs = parts.clock.steadyUs();
    }
    parts.changed();
}

void Index::Private::saveLater()
{
    const Space space = activeSpace();
    const qint64 many = std::max<qint64>(worthSaving, space.graph ? space.graph->size() / 50 : 0);
    const std::scoped_lock lock(workMutex);
    if (savePlanned || isStopping || !(mustSave || unsaved > many)) {
        return;
    }
    savePlanned = true;
    saveTimer = parts.clock.after(saveAfter, parts.pool, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) {
            return;
        }
        {
            const std::scoped_lock guard(self->workMutex);
            self->savePlanned = false;
            if (self->isRunning || self->isStopping) {
                return; // the turn plans it again when it has ended
            }
        }
        self->save();
    });
}

void Index::Private::save()
{
    const std::scoped_lock saving(saveMutex);
    const Space space = activeSpace();
    if (!cache || !space.graph || unsaved == 0) {
        return;
    }
    {
        const std::scoped_lock lock(workMutex);
        if (!toLoad.empty()) {
            return; // half of a graph is worth nothing
        }
        mustSave = false;
    }
    // What comes in between is in the file and is taken in once more: that does no harm.
    const SavedGraph saved{0, space.about.number, graphStamp};
    unsaved = 0;
    const QString made = graphPath() + u".new"_s;
    const auto digest = space.graph->save(made);
    if (!digest) {
        unsaved = 1;
        return; // it is made anew at the next start
    }
    SavedGraph good = saved;
    good.digest = *digest;
    std::error_code error;
    if (cache->addGraph(good)) {
        std::filesystem::rename(QFile::encodeName(made).toStdString(),
                                QFile::encodeName(graphPath()).toStdString(),
                                error);
        if (!error) {
            (void)cache->keepOnlyGraph(*digest);
        }
    }
}

void Index::Private::end()
{
    subscription.reset();
    std::vector<Waiter> left;
    {
        std::unique_lock lock(workMutex);
        isStopping = true;
        idle.wait(lock, [&] { return !isRunning; });
        left.swap(waiters);
    }
    restTimer.reset();
    tellTimer.reset();
    saveTimer.reset();
    left.clear();
    save();
    bool isClean = false;
    {
        const std::scoped_lock lock(workMutex);
        isClean = !isStuck && !mustCompare && changedIds.empty() && erasedSeqs.isEmpty();
    }
    if (isClean && heardHash != persistedHash) {
        (void)cache->writeTaken(heardSeq, heardHash);
    }
    const std::scoped_lock saving(saveMutex);
    cache.reset();
}

} // namespace sb::memory
