#pragma once
#include "core/memory/Index.h"
#include "core/memory/IndexCache.h"
#include "core/memory/VectorGraph.h"

#include <QHash>
#include <QSet>
#include <atomic>
#include <condition_variable>
#include <deque>

namespace sb::memory {

struct Index::Private : std::enable_shared_from_this<Private>
{
    explicit Private(Parts given) : parts(std::move(given)) {}

    // --- what is searched; under `itemsMutex`

    struct Item
    {
        QString id; ///< empty: the label is free
        IndexedFacts facts;
    };
    struct Space
    {
        VectorSpace about;
        std::shared_ptr<Embedder> embedder;
        std::shared_ptr<VectorGraph> graph; ///< null until the dimension is known; shared with
                                            ///< searches that go on while it is exchanged
    };
    [[nodiscard]] Space activeSpace() const;
    /// The one that vectors are made for.
    [[nodiscard]] Space targetSpace() const;
    [[nodiscard]] const Item* find(const QString& id) const;
    [[nodiscard]] const Item* at(quint32 label) const;

    // --- opening, in Index.cpp

    Result<> open();
    void takeUpGraph(const QList<SavedGraph>& graphs);
    [[nodiscard]] QString graphPath() const;

    // --- following, in IndexWork.cpp; one turn at a time, on the pool

    void listen(const QList<protocol::Entry>& entries);
    void wake();
    void turn();
    /// Does a piece of what there is to do; false: there is nothing.
    bool step();
    void end();
    void compareAll();
    void takeIn(const QStringList& ids);
    bool write(std::vector<IndexCache::Change>& changes, const Space& target);
    void loadVectors();
    void cacheFailed(const Error& error);
    void stuck(const Error& error);
    void failed(const Error& error);
    void rest(const Error& error, std::function<void(Private&)> after);
    void save();
    void saveLater();
    void tellChanged();
    void tell();
    void settleWaiters();
    [[nodiscard]] bool isDone(qint64 seq) const;

    // --- vectors, in IndexEmbed.cpp; within a turn

    struct Answer
    {
        quint64 question = 0;
        quint32 space = 0;
        std::vector<quint32> labels;
        std::vector<quint64> digests; ///< of the texts
        Result<std::vector<std::vector<float>>> vectors;
    };
    void takeEmbedder();
    void beginAnew(const std::shared_ptr<Embedder>& embedder);
    void exchangeSpaces();
    void collectUnembedded();
    void embedSome();
    void takeAnswer(Answer answer);
    bool acceptDimension(Space& target, const std::vector<std::vector<float>>& vectors);

    Parts parts;
    std::unique_ptr<IndexCache> cache;

    mutable std::shared_mutex itemsMutex;
    std::vector<Item> items{1}; ///< by label; 0 is nobody's
    QHash<QString, quint32> labels;
    std::vector<quint32> freeLabels;
    qint64 shown = 0; ///< items that are not hidden
    Space active;
    std::optional<Space> next;

    struct Waiter
    {
        qint64 seq;
        Promise<> promise;
    };
    static constexpr size_t mostAtOnce = 32;
    mutable std::mutex workMutex;
    std::condition_variable idle;
    bool isRunning = false;
    bool isStopping = false;
    bool mustCompare = false;
    bool mustTidy = false; ///< there are vectors of spaces that are gone
    std::deque<QString> changedIds;
    QSet<qint64> erasedSeqs;
    qint64 heardSeq = 0; ///< newest entry that was heard of
    QByteArray heardHash;
    qint64 takenSeq = 0;         ///< newest entry up to which all is taken in
    std::deque<quint32> toLoad;  ///< whose vectors are in the cache, but not in the graph
    std::deque<quint32> toEmbed; ///< who have none in the target space
    size_t inFlight = 0;         ///< texts that the embedder has
    quint64 question = 0;        ///< the newest; answers to older ones are not waited for any more
    std::deque<Answer> answers;
    size_t atOnce = mostAtOnce; ///< texts that are embedded in one go; fewer after a refusal
    bool isResting = false;     ///< the embedder failed; until the timer strikes
    bool isStuck = false;       ///< a database failed; until the timer strikes
    bool mustPersist = false;   ///< takenSeq on disk is not the newest
    int failures = 0;
    QString problem;
    std::shared_ptr<Embedder> wanted;
    std::vector<Waiter> waiters;
    Subscription restTimer;
    Subscription saveTimer;
    Subscription tellTimer;
    qint64 toldUs = 0;
    bool tellPlanned = false;
    bool savePlanned = false;

    // Of the turn alone.
    quint64 stamp = 0;
    quint32 newestSpace = 0;
    bool hasSucceeded = false; ///< this embedder made vectors already

    std::mutex saveMutex;
    std::atomic<quint64> graphStamp = 0; ///< all vectors up to it are in the active graph
    std::atomic<qint64> unsaved = 0;     ///< changes to the graph since its file was written
    std::atomic<bool> mustSave = false;
    QByteArray persistedHash;

    Subscription subscription;
};

/// An embedder that answered with more or fewer vectors than it got texts.
Error wrongCount(const Embedder& embedder);

} // namespace sb::memory
