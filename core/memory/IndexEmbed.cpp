// How the index comes by vectors, and what happens when another embedder is to make them.
#include "core/memory/IndexPrivate.h"
#include "core/memory/MemoryRows.h"

namespace sb::memory {

using namespace Qt::StringLiterals;

namespace {

constexpr size_t immediateAtOnce = 256;
constexpr size_t largestDimension = 16'384;

} // namespace

Error wrongCount(const Embedder& embedder)
{
    return {ErrorCode::Internal,
            u"The embedder \"%1\" did not make one vector for each text."_s.arg(embedder.name()),
            {}};
}

void IndexCache::Change::setVector(quint32 space, quint64 stamp, std::vector<float>& vectorOfText)
{
    facts.space = space;
    facts.stamp = stamp;
    vector = normalise(vectorOfText) ? toHalves(vectorOfText) : std::vector<Half>();
}

// Who has no vector in the target space: by and by they get one.
void Index::Private::collectUnembedded()
{
    const quint32 target = targetSpace().about.number;
    std::deque<quint32> all;
    for (quint32 label = 1; label < items.size(); ++label) {
        const Item& item = items[label];
        if (!item.id.isEmpty() && item.facts.hidden == 0 && item.facts.space != target) {
            all.push_back(label);
        }
    }
    const std::scoped_lock lock(workMutex);
    toEmbed = std::move(all);
    inFlight = 0; // those are among them again
    ++question;
}

void Index::Private::takeEmbedder()
{
    std::shared_ptr<Embedder> embedder;
    {
        const std::scoped_lock lock(workMutex);
        embedder.swap(wanted);
        isResting = false;
        hasSucceeded = false;
        failures = 0;
        problem.clear();
        atOnce = mostAtOnce;
    }
    const QString name = embedder->name();
    bool isKnown = false;
    {
        const std::unique_lock lock(itemsMutex);
        Space& target = next ? *next : active;
        isKnown = true;
        if (target.about.embedder == name) {
            target.embedder = embedder;
        } else if (active.about.embedder == name) {
            active.embedder = embedder;
            next.reset();
        } else {
            isKnown = false;
        }
    }
    if (!isKnown) {
        beginAnew(embedder);
        return;
    }
    collectUnembedded();
    const std::scoped_lock lock(workMutex);
    mustTidy = true;
}

// New vectors for everything. The old ones are searched until the new ones are all there.
void Index::Private::beginAnew(const std::shared_ptr<Embedder>& embedder)
{
    Space space;
    space.embedder = embedder;
    space.about = {++newestSpace, embedder->name(), 0};
    if (auto added = cache->addSpace(space.about); !added) {
        cacheFailed(added.error());
        const std::scoped_lock lock(workMutex);
        if (!wanted) {
            wanted = embedder;
        }
        return;
    }
    bool isEmpty = false;
    {
        const std::unique_lock lock(itemsMutex);
        isEmpty = !active.graph || active.graph->size() == 0;
        if (isEmpty) {
            active = space;
            next.reset();
        } else {
            next = space;
        }
    }
    collectUnembedded();
    const std::scoped_lock lock(workMutex);
    mustTidy = true;
    if (isEmpty) {
        toLoad.clear();
    }
}

// Every vector of the target is there: from now on they are searched.
void Index::Private::exchangeSpaces()
{
    {
        const std::unique_lock lock(itemsMutex);
        active = std::move(*next);
        next.reset();
    }
    graphStamp = stamp;
    ++unsaved;
    mustSave = true;
    const std::scoped_lock lock(workMutex);
    mustTidy = true;
}

// False: they cannot be used now.
bool Index::Private::acceptDimension(Space& target, const std::vector<std::vector<float>>& vectors)
{
    size_t dimension = 0;
    for (const auto& vector : vectors) {
        if (dimension == 0) {
            dimension = vector.size();
        }
        if (!vector.empty() && (vector.size() != dimension || dimension > largestDimension)) {
            failed({ErrorCode::Conflict,
                    u"The embedder \"%1\" makes vectors of lengths that do not fit together."_s.arg(
                        target.about.embedder),
                    {}});
            return false;
        }
    }
    if (dimension == 0 || int(dimension) == target.about.dimension) {
        return true;
    }
    if (target.about.dimension != 0) {
        beginAnew(target.embedder); // another model answers under the same name
        return false;
    }
    target.about.dimension = int(dimension);
    target.graph = std::make_shared<VectorGraph>(int(dimension));
    if (auto added = cache->addSpace(target.about); !added) {
        cacheFailed(added.error());
        return false;
    }
    const std::unique_lock lock(itemsMutex);
    Space& own = next ? *next : active;
    own.about = target.about;
    own.graph = target.graph;
    return true;
}

void Index::Private::embedSome()
{
    const Space target = targetSpace();
    const bool isImmediate = target.embedder->isImmediate();
    Answer answer;
    answer.space = target.about.number;
    QStringList ids;
    {
        const std::scoped_lock lock(workMutex);
        const size_t most = isImmediate ? immediateAtOnce : atOnce;
        while (!toEmbed.empty() && answer.labels.size() < most) {
            const quint32 label = toEmbed.front();
            toEmbed.pop_front();
            const Item* item = at(label);
            if (item && item->facts.hidden == 0 && item->facts.space != answer.space) {
                answer.labels.push_back(label);
                answer.digests.push_back(item->facts.digest);
                ids.append(item->id);
            }
        }
    }
    if (ids.isEmpty()) {
        return;
    }
    auto texts = parts.database.read([&](store::Connection& connection) -> Result<QStringList> {
        QStringList contents;
        for (const QString& id : ids) {
            contents.append(QString());
            store::forEachRow(
                connection,
                "SELECT content FROM memory WHERE id = ? AND known_to = 0",
                [&](SQLite::Statement& row) { contents.last() = store::text(row, 0); },
                id);
        }
        return contents;
    });
    if (!texts) {
        const std::scoped_lock lock(workMutex);
        toEmbed.insert(toEmbed.begin(), answer.labels.begin(), answer.labels.end());
    }
    if (!texts) {
        stuck(texts.error());
        return;
    }
    if (isImmediate) {
        answer.vectors = target.embedder->embed(*texts).wait();
        takeAnswer(std::move(answer));
        return;
    }
    {
        const std::scoped_lock lock(workMutex);
        inFlight = answer.labels.size();
        answer.question = ++question;
    }
    target.embedder->embed(*texts).then(
        [weak = weak_from_this(),
         answer = std::move(answer)](Result<std::vector<std::vector<float>>> vectors) mutable {
            const auto self = weak.lock();
            if (!self) {
                return;
            }
            answer.vectors = std::move(vectors);
            {
                const std::scoped_lock lock(self->workMutex);
                self->answers.push_back(std::move(answer));
            }
            self->wake();
        });
}

void Index::Private::takeAnswer(Answer answer)
{
    Space target = targetSpace();
    auto& vectors = answer.vectors;
    const auto putBack = [&] {
        const std::scoped_lock lock(workMutex);
        toEmbed.insert(toEmbed.begin(), answer.labels.begin(), answer.labels.end());
    };
    if (!vectors && vectors.error().code == ErrorCode::InvalidInput && hasSucceeded) {
        // It takes others, so it is this text, or one of these, that it does not like.
        if (answer.labels.size() > 1) {
            putBack();
            const std::scoped_lock lock(workMutex);
            atOnce = 1;
            return;
        }
        vectors = std::vector<std::vector<float>>(1);
    }
    if (!vectors || vectors->size() != answer.labels.size()) {
        putBack();
        failed(vectors ? wrongCount(*target.embedder) : vectors.error());
        return;
    }
    if (!acceptDimension(target, *vectors)) {
        putBack();
        return;
    }
    std::vector<IndexCache::Change> changes;
    for (size_t i = 0; i < answer.labels.size(); ++i) {
        const Item* item = at(answer.labels[i]);
        if (item && item->facts.hidden == 0 && item->facts.digest == answer.digests[i]) {
            IndexCache::Change change;
            change.label = answer.labels[i];
            change.id = item->id;
            change.facts = item->facts;
            change.setVector(target.about.number, ++stamp, (*vectors)[i]);
            changes.push_back(std::move(change));
        }
    }
    if (write(changes, target)) {
        const std::scoped_lock lock(workMutex);
        hasSucceeded = true;
        failures = 0;
        problem.clear();
        atOnce = std::min(mostAtOnce, atOnce * 2);
    }
}

} // namespace sb::memory
