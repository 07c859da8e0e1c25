#pragma once
#include "core/base/Clock.h"
#include "core/base/Future.h"
#include "core/base/Subscription.h"
#include "core/protocol/Commands.h"
#include "core/store/Database.h"

#include <QJsonObject>
#include <functional>
#include <memory>
#include <stop_token>

namespace sb::journal {

/// What is to be written down. Agent, seq, time and hashes are the journal's.
struct NewEntry
{
    protocol::Kind kind = protocol::Kind::Incident;
    QString process{};
    QString cause{}; ///< "12", "other:12", or empty
    QJsonObject payload{};
    QString traceId{};
    QString spanId{};
};

/// A table that is a reading of the journal: written in the entry's own transaction, and
/// rebuildable from it. apply() must depend on nothing but the entry and its own tables.
class Projection
{
public:
    virtual ~Projection() = default;
    struct Table
    {
        QString name;
        QString entry; ///< the column with the seq of the entry that a row is about
    };
    /// The tables that it owns; a rebuild empties them first.
    [[nodiscard]] virtual QList<Table> tables() const = 0;
    /// SQLite's exceptions may fly. When the journal is folded anew, an entry that was erased comes
    /// with what kept() had left of its payload.
    virtual Result<> apply(store::Connection& connection, const protocol::Entry& entry) = 0;
    /// What of a payload may outlive its erasure: ids, states and counts that tell what belongs
    /// where, and nothing of what anybody said.
    [[nodiscard]] virtual QJsonObject kept(const protocol::Entry&) const { return {}; }
    /// The entry's payload is being erased: removes from the own tables what came from it, apart
    /// from what follows from kept(). The entry is given whole, or (in a fold) with what was kept;
    /// the tables must look the same afterwards.
    virtual Result<> erase(store::Connection&, const protocol::Entry&) { return {}; }
};

/// What a job on the writer may do: read and append within one transaction. All of it is durable,
/// or none.
class Transaction
{
public:
    virtual ~Transaction() = default;
    virtual store::Connection& connection() = 0;
    /// Chains, stores and projects an entry; later reads of this transaction see it.
    virtual Result<protocol::Entry> append(NewEntry entry) = 0;
};

/// One agent's append-only, hash-chained record, in agent.db. Safe to use from any thread.
/// The byte layout is written down in README.md.
class Journal
{
public:
    struct Settings
    {
        QString agent;         ///< id of the chain
        QByteArray signingKey; ///< Ed25519 secret key, 64 bytes; empty: heads are not signed
        std::vector<std::unique_ptr<Projection>> projections;
        /// Removes secrets from a payload before it is hashed and stored. Called from any thread.
        std::function<QJsonObject(QJsonObject)> redact;
        /// A signed head is stored whenever the chain grew by this many entries.
        int headEvery = 1000;
    };
    /// Takes up the chain where it ends. Corrupt when the stored end does not fit its signed head.
    static Result<std::unique_ptr<Journal>>
    open(Settings settings, store::Database& database, Clock& clock);
    ~Journal(); ///< writes a signed head when the chain grew since the last one

    [[nodiscard]] const QString& agent() const;

    /// Appends one entry; the answer comes when it is on disk. Entries queued by one thread keep
    /// their order, so a durable entry means that all that this thread queued before it is durable
    /// too.
    Future<protocol::Entry> append(NewEntry entry);

    /// Runs f (returning Result<T>) on the writer, with everything that it appends in one
    /// transaction.
    template <class F, class T = typename std::invoke_result_t<F, Transaction&>::value_type>
    Future<T> transact(F f)
    {
        Promise<T> promise;
        auto future = promise.future();
        auto value = std::make_shared<std::optional<Result<T>>>();
        transactRaw(
            [f = std::move(f), value](Transaction& transaction) mutable -> Result<> {
                value->emplace(f(transaction));
                if (!**value) {
                    return std::unexpected((*value)->error());
                }
                return {};
            },
            [promise = std::move(promise), value](Result<> outcome) {
                if (!outcome) {
                    promise.set(std::unexpected(outcome.error()));
                } else {
                    promise.set(std::move(**value));
                }
            });
        return future;
    }

    /// The payload without its secrets, as an entry would hold it.
    [[nodiscard]] QJsonObject redacted(QJsonObject payload) const;

    /// Stores bytes that entries refer to (a prompt, a tool list, a before-image), once per content
    /// and journal object's life; answers with the payload's hash, hex. Parts are stored whole, up
    /// to 256 MiB, and are not redacted: a before-image must come back as it was. The caller
    /// redacts prompts.
    Future<QString> storePart(QByteArray bytes);
    /// NotFound when there is none (or it was erased), Corrupt when its bytes changed.
    Result<QByteArray> part(const QString& hash);

    /// Entries committed from now on, in order, in batches, on the executor. None is lost or sent
    /// twice, however slow the listener is: what it cannot take in time is read back from disk.
    Subscription subscribe(Executor& executor,
                           std::function<void(const QList<protocol::Entry>&)> listener);

    // Readings. They block on disk: on a pool thread, never on an agent's or the GUI's.
    Result<protocol::Entry> entry(qint64 seq);
    Result<protocol::QueryJournal::Reply> query(const protocol::QueryJournal& query);
    /// Up to `limit` entries after seq, oldest first.
    Result<QList<protocol::Entry>> after(qint64 seq, int limit);
    [[nodiscard]] qint64 lastSeq() const;

    using Progress = std::function<void(qint64 done, qint64 total)>;
    /// Reads everything back from disk and checks chain, payloads, signed heads; then folds the
    /// journal anew and holds the projections' tables against that. What is not sound is a report
    /// with ok = false that names the first bad entry, not an Error.
    Result<protocol::VerifyReport> verify(const Progress& progress, std::stop_token stop);
    /// The chain alone, of a journal that could not be opened because its end is damaged. Without a
    /// public key, heads are only held against the key that stands in them.
    static Result<protocol::VerifyReport> verifyDatabase(store::Database& database,
                                                         const QString& agent,
                                                         const QByteArray& publicKey,
                                                         const Progress& progress,
                                                         std::stop_token stop);
    /// One JSON line an entry with its inclusion proof, headed by the signed head; see README.md.
    Result<qint64> exportTo(QIODevice& out, const Progress& progress, std::stop_token stop);
    /// Erases an entry's payload, the parts that it names, what projections took from it and the
    /// backups kept beside the database; then appends payload.erased. NotFound, or Conflict when it
    /// is erased already.
    Future<protocol::Entry> erase(qint64 seq, QString reason, QString by);
    /// Empties every projection and folds the whole journal into it again.
    Result<> rebuildProjections();

private:
    Journal();
    void transactRaw(std::move_only_function<Result<>(Transaction&)> job,
                     std::move_only_function<void(Result<>)> done);
    struct Private;
    std::unique_ptr<Private> m;
};

} // namespace sb::journal
