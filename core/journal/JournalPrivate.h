#pragma once
#include "core/base/Guarded.h"
#include "core/journal/Chain.h"
#include "core/journal/Journal.h"
#include "core/journal/Listeners.h"

namespace sb::journal {

/// An entry that is redacted, serialised and hashed as far as can be done before its place in the
/// chain is known.
struct Prepared
{
    protocol::Entry entry;
    QByteArray salt;
    QByteArray bytes;
    Hash payloadHash{};
};

/// Where the chain ends.
struct ChainEnd
{
    qint64 seq = 0;
    Hash last{}; ///< 32 zero bytes in front of the first entry
    Frontier frontier;
    qint64 headAt = 0; ///< count of the newest stored head
};

struct Journal::Private
{
    Private(Settings given, store::Database& db, Clock& time);

    Settings settings;
    store::Database& database;
    Clock& clock;
    QByteArray agentUtf8;
    QByteArray publicKey; // empty: heads are not signed

    // The writer thread's own. `working` runs ahead of `committed` inside a batch and falls back to
    // it when the batch fails.
    ChainEnd working;
    ChainEnd committed;
    std::atomic<qint64> lastSeq{0};

    struct Part
    {
        QByteArray hash;
        bool durable = false;
    };
    Guarded<QHash<QByteArray, Part>>
        parts; // by SHA-256 of the content; only to avoid storing it twice

    Listeners listeners;

    class Writing;
    using Job = std::move_only_function<Result<>(store::Connection&, QList<protocol::Entry>&)>;
    using Done = std::move_only_function<void(Result<>, QList<protocol::Entry>&)>;

    Prepared prepare(NewEntry entry) const;
    Result<protocol::Entry> append(store::Connection& connection, Prepared prepared);
    Result<> writeHead(store::Connection& connection);
    /// A job on the writer that appends: keeps the chain's end and the listeners right in every
    /// outcome.
    void enqueue(Job job, Done done);
    /// Signs the chain as it is now, unless its newest head does already.
    Future<> storeHead();
    Result<protocol::Entry>
    erase(Writing& writing, qint64 seq, const QString& reason, const QString& by);
};

/// Appends within one transaction and collects what it appended.
class Journal::Private::Writing final : public Transaction
{
public:
    Writing(Private& journal, store::Connection& connection, QList<protocol::Entry>& entries)
        : m_journal(journal), m_connection(connection), m_entries(entries)
    {
    }
    store::Connection& connection() override { return m_connection; }
    Result<protocol::Entry> append(NewEntry entry) override;
    /// An append that failed fails the transaction, also when the job went on.
    [[nodiscard]] const std::optional<Error>& error() const { return m_error; }

private:
    Private& m_journal;
    store::Connection& m_connection;
    QList<protocol::Entry>& m_entries;
    std::optional<Error> m_error;
};

/// Reads the chain's end and checks it against the newest head.
Result<ChainEnd> readChainEnd(store::Connection& connection, const QByteArray& agent);

} // namespace sb::journal
