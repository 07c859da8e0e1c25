#include "core/journal/Journal.h"

#include "core/base/Ids.h"
#include "core/journal/Fold.h"
#include "core/journal/JournalPrivate.h"
#include "core/journal/Payload.h"
#include "core/journal/Rows.h"

#include <sodium.h>

namespace sb::journal {

using protocol::Entry;

namespace {

constexpr qsizetype largestPart = 256 << 20;
constexpr qsizetype rememberedParts = 20'000;

// Salts come from the system in larger pieces; each thread has its own, and no piece is used twice.
QByteArray newSalt()
{
    thread_local std::array<char, 4096> pool;
    thread_local size_t used = pool.size();
    if (used == pool.size()) {
        randombytes_buf(pool.data(), pool.size());
        used = 0;
    }
    QByteArray salt(pool.data() + used, 16);
    sodium_memzero(pool.data() + used, 16);
    used += 16;
    return salt;
}

} // namespace

Journal::Private::Private(Settings given, store::Database& db, Clock& time)
    : settings(std::move(given))
    , database(db)
    , clock(time)
    , agentUtf8(settings.agent.toUtf8())
    , publicKey(settings.signingKey.right(crypto_sign_PUBLICKEYBYTES))
    , listeners([this](qint64 seq, int limit) {
        return database.read([&](store::Connection& connection) -> Result<QList<Entry>> {
            return entriesAfter(connection, seq, limit);
        });
    })
{
}

Result<std::unique_ptr<Journal>>
Journal::open(Settings settings, store::Database& database, Clock& clock)
{
    SB_ASSERT(!settings.agent.isEmpty() && settings.headEvery > 0);
    SB_ASSERT(settings.signingKey.isEmpty() ||
              settings.signingKey.size() == crypto_sign_SECRETKEYBYTES);
    if (sodium_init() < 0) {
        return fail(ErrorCode::Unsupported,
                    QStringLiteral("This machine gives no random numbers."));
    }
    std::unique_ptr<Journal> journal(new Journal);
    journal->m = std::make_unique<Private>(std::move(settings), database, clock);
    Private& p = *journal->m;
    SB_TRY(p.committed, database.read([&](store::Connection& connection) {
        return readChainEnd(connection, p.agentUtf8);
    }));
    p.working = p.committed;
    p.lastSeq = p.committed.seq;
    return journal;
}

Journal::Journal() = default;

Journal::~Journal()
{
    if (m) {
        // Also waits for everything that was queued before, which still refers to this journal.
        // When the disk has no room for the head, the chain is as sound without it.
        (void)m->storeHead().wait();
    }
}

const QString& Journal::agent() const
{
    return m->settings.agent;
}

qint64 Journal::lastSeq() const
{
    return m->lastSeq;
}

Prepared Journal::Private::prepare(NewEntry entry) const
{
    Prepared prepared;
    Entry& e = prepared.entry;
    e.agent = settings.agent;
    e.process = std::move(entry.process);
    e.kind = entry.kind;
    e.cause = std::move(entry.cause);
    e.traceId = std::move(entry.traceId);
    e.spanId = std::move(entry.spanId);
    for (QString* text : {&e.process, &e.cause, &e.traceId, &e.spanId}) {
        text->remove(QChar::Null); // SQLite's texts end there, and the hash covers what is stored
    }
    e.payload =
        settings.redact ? settings.redact(std::move(entry.payload)) : std::move(entry.payload);
    prepared.salt = newSalt();
    prepared.bytes = payloadBytes(e.payload);
    prepared.payloadHash = payloadHash(prepared.salt, prepared.bytes);
    return prepared;
}

Result<Entry> Journal::Private::append(store::Connection& connection, Prepared prepared)
{
    Entry& e = prepared.entry;
    e.seq = working.seq + 1;
    e.time = clock.nowUs();
    const QByteArray process = e.process.toUtf8();
    const QByteArray kind = protocol::kindName(e.kind).toLatin1();
    const QByteArray cause = e.cause.toUtf8();
    const QByteArray trace = e.traceId.toUtf8();
    const QByteArray span = e.spanId.toUtf8();
    const Hash hash = entryHash({
        .seq = e.seq,
        .time = e.time,
        .agent = agentUtf8,
        .process = process,
        .kind = kind,
        .cause = cause,
        .traceId = trace,
        .spanId = span,
        .payloadHash = view(prepared.payloadHash),
        .prevHash = view(working.last),
    });
    e.hash = toBytes(hash);

    // Text and blobs outlive the execution, so SQLite need not copy them.
    const auto text = [](SQLite::Statement& statement, int index, const QByteArray& utf8) {
        statement.bindNoCopy(index, utf8.constData());
    };
    const auto bytes = [](SQLite::Statement& statement, int index, QByteArrayView blob) {
        statement.bindNoCopy(index, static_cast<const void*>(blob.data()), int(blob.size()));
    };
    SQLite::Statement& payload =
        connection.prepare("INSERT INTO payload(seq, salt, bytes) VALUES(?, ?, ?)");
    store::bind(payload, 1, e.seq);
    bytes(payload, 2, prepared.salt);
    bytes(payload, 3, prepared.bytes);
    payload.exec();
    SQLite::Statement& entry =
        connection.prepare("INSERT INTO entry(seq, time_us, agent, process, kind, cause, trace_id, "
                           "span_id, payload_hash, "
                           "prev_hash, hash) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    store::bind(entry, 1, e.seq);
    store::bind(entry, 2, e.time);
    text(entry, 3, agentUtf8);
    text(entry, 4, process);
    text(entry, 5, kind);
    text(entry, 6, cause);
    text(entry, 7, trace);
    text(entry, 8, span);
    bytes(entry, 9, view(prepared.payloadHash));
    bytes(entry, 10, view(working.last));
    bytes(entry, 11, e.hash);
    entry.exec();

    working.seq = e.seq;
    working.last = hash;
    working.frontier.push(hash);
    for (const auto& projection : settings.projections) {
        SB_CHECK(projection->apply(connection, e));
    }
    if (working.seq - working.headAt >= settings.headEvery) {
        SB_CHECK(writeHead(connection));
    }
    return std::move(e);
}

Result<> Journal::Private::writeHead(store::Connection& connection)
{
    const TimeUs now = clock.nowUs();
    const Hash root = working.frontier.root();
    QByteArray signature;
    if (!settings.signingKey.isEmpty()) {
        const QByteArray message = headMessage(agentUtf8, working.seq, now, root, working.last);
        signature.resize(crypto_sign_BYTES);
        crypto_sign_detached(
            reinterpret_cast<unsigned char*>(signature.data()),
            nullptr,
            reinterpret_cast<const unsigned char*>(message.constData()),
            size_t(message.size()),
            reinterpret_cast<const unsigned char*>(settings.signingKey.constData()));
    }
    connection.run(
        "INSERT INTO head(count, time_us, root, last_hash, peaks, public_key, signature) "
        "VALUES(?, ?, ?, ?, ?, ?, ?)",
        working.seq,
        now,
        toBytes(root),
        toBytes(working.last),
        working.frontier.peaks(),
        publicKey,
        signature);
    working.headAt = working.seq;
    return {};
}

Result<Entry> Journal::Private::Writing::append(NewEntry entry)
{
    auto appended = m_journal.append(m_connection, m_journal.prepare(std::move(entry)));
    if (!appended) {
        m_error = appended.error();
    } else {
        m_entries.append(*appended);
    }
    return appended;
}

void Journal::Private::enqueue(Job job, Done done)
{
    struct State
    {
        QList<Entry> entries;
        bool failedAlone = false;
    };
    auto state = std::make_shared<State>(); // shared by the two halves of one job
    database.enqueue(
        [this, job = std::move(job), state](store::Connection& connection) mutable -> Result<> {
            const ChainEnd before = working;
            Result<> result;
            try {
                result = job(connection, state->entries);
            } catch (const std::exception& exception) {
                result = std::unexpected(store::errorFrom(exception, database.path()));
            }
            if (!result) {
                working = before; // the store undoes this job's changes
                state->failedAlone = true;
            }
            return result;
        },
        [this, done = std::move(done), state](Result<> outcome) mutable {
            if (outcome) {
                committed = working;
                if (!state->entries.isEmpty()) {
                    lastSeq = state->entries.last().seq;
                    listeners.publish(state->entries);
                }
            } else if (!state->failedAlone) {
                working = committed; // the whole batch is undone
            }
            done(std::move(outcome), state->entries);
        });
}

Future<Entry> Journal::append(NewEntry entry)
{
    Promise<Entry> promise;
    auto future = promise.future();
    m->enqueue(
        [this, prepared = m->prepare(std::move(entry))](store::Connection& connection,
                                                        QList<Entry>& entries) mutable -> Result<> {
            SB_TRY(entries.emplaceBack(), m->append(connection, std::move(prepared)));
            return {};
        },
        [promise = std::move(promise)](Result<> outcome, QList<Entry>& entries) {
            if (!outcome) {
                promise.set(std::unexpected(outcome.error()));
            } else {
                promise.set(std::move(entries.first()));
            }
        });
    return future;
}

void Journal::transactRaw(std::move_only_function<Result<>(Transaction&)> job,
                          std::move_only_function<void(Result<>)> done)
{
    m->enqueue(
        [this, job = std::move(job)](store::Connection& connection,
                                     QList<Entry>& entries) mutable -> Result<> {
            Private::Writing writing(*m, connection, entries);
            SB_CHECK(job(writing));
            if (writing.error()) {
                return std::unexpected(*writing.error());
            }
            return {};
        },
        [done = std::move(done)](Result<> outcome, QList<Entry>&) mutable {
            done(std::move(outcome));
        });
}

Future<> Journal::Private::storeHead()
{
    Promise<> promise;
    auto future = promise.future();
    enqueue(
        [this](store::Connection& connection, QList<Entry>&) -> Result<> {
            return working.headAt == working.seq ? Result<>() : writeHead(connection);
        },
        [promise = std::move(promise)](Result<> outcome, QList<Entry>&) {
            promise.set(std::move(outcome));
        });
    return future;
}

QJsonObject Journal::redacted(QJsonObject payload) const
{
    return m->settings.redact ? m->settings.redact(std::move(payload)) : payload;
}

Future<QString> Journal::storePart(QByteArray bytes)
{
    if (bytes.size() > largestPart) {
        return Future<QString>::ready(fail(
            ErrorCode::InvalidInput,
            QStringLiteral("A part of %1 bytes is too large for the journal.").arg(bytes.size())));
    }
    const QByteArray content = toBytes(sha256(bytes));
    const auto known = m->parts.withLock([&](const auto& parts) { return parts.value(content); });
    if (known.durable) {
        return Future<QString>::ready(QString::fromLatin1(known.hash.toHex()));
    }
    Promise<QString> promise;
    auto future = promise.future();
    auto hash = std::make_shared<QByteArray>(); // shared by the two halves of one job
    m->database.enqueue(
        [this, content, bytes = std::move(bytes), hash](store::Connection& connection) -> Result<> {
            // An earlier job of the same batch may have stored it; they succeed or fail together.
            *hash = m->parts.withLock([&](const auto& parts) { return parts.value(content).hash; });
            if (!hash->isEmpty()) {
                return {};
            }
            const QByteArray salt = newSalt();
            *hash = toBytes(payloadHash(salt, bytes));
            connection.run(
                "INSERT INTO part(hash, salt, bytes) VALUES(?, ?, ?)", *hash, salt, bytes);
            m->parts.withLock([&](auto& parts) {
                if (parts.size() >= rememberedParts) {
                    parts.clear(); // it is only there to save room on disk
                }
                parts.insert(content, {*hash, false});
            });
            return {};
        },
        [this, content, hash, promise = std::move(promise)](Result<> outcome) {
            m->parts.withLock([&](auto& parts) {
                const auto found = parts.find(content);
                if (found != parts.end() && outcome) {
                    found->durable = true;
                } else if (found != parts.end() && !found->durable) {
                    parts.erase(found);
                }
            });
            if (!outcome) {
                promise.set(std::unexpected(outcome.error()));
            } else {
                promise.set(QString::fromLatin1(hash->toHex()));
            }
        });
    return future;
}

Subscription Journal::subscribe(Executor& executor,
                                std::function<void(const QList<Entry>&)> listener)
{
    return m->listeners.add(executor, m->lastSeq, std::move(listener));
}

Result<> Journal::rebuildProjections()
{
    return m->database
        .write([this](store::Connection& connection) -> Result<> {
            for (const auto& projection : m->settings.projections) {
                for (const auto& table : projection->tables()) {
                    connection.exec(
                        QStringLiteral("DELETE FROM \"%1\"").arg(table.name).toUtf8().constData());
                }
            }
            return fold(connection, connection, m->settings.projections, {}, {});
        })
        .wait();
}

} // namespace sb::journal
