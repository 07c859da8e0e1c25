#include "core/journal/Fold.h"
#include "core/journal/JournalPrivate.h"
#include "core/journal/Rows.h"

#include <QJsonDocument>
#include <sodium.h>
#include <sqlite3.h>

namespace sb::journal {

namespace {

// Entries that one thread reads and hashes in one go.
constexpr qint64 chunkSize = 2048;
constexpr int hashingThreads = 2;

/// What one thread found out about the entries [first, last].
struct Chunk
{
    std::vector<Hash> hashes; // recomputed, up to the first bad entry
    QByteArray linksTo;       // prev_hash of its first entry
    std::vector<qint64> missingPayloads;
    std::vector<qint64> erasures; // entries whose erasure is recorded here
    std::optional<Finding> bad;
    std::optional<Error> error; // kept it from finding out
};

/// Whether it says something about what is stored, and not about this process (no memory, no file
/// descriptor …).
bool isAboutTheFile(const Error& error)
{
    return error.code == ErrorCode::Corrupt || error.code == ErrorCode::Io;
}

/// The statement of one thread's connection; plain SQLite, because this loop has 2 µs an entry.
class Rows
{
public:
    explicit Rows(store::Connection& connection)
    {
        const char* sql =
            "SELECT e.seq, e.time_us, e.agent, e.process, e.kind, e.cause, e.trace_id, e.span_id, "
            "e.payload_hash, e.prev_hash, e.hash, p.salt, p.bytes FROM entry e LEFT JOIN payload p "
            "ON "
            "p.seq = e.seq WHERE e.seq BETWEEN ? AND ? ORDER BY e.seq";
        m_database = connection.database().getHandle();
        check(sqlite3_prepare_v2(m_database, sql, -1, &m_statement, nullptr));
    }
    ~Rows() { sqlite3_finalize(m_statement); }
    Rows(const Rows&) = delete;
    Rows& operator=(const Rows&) = delete;

    void start(qint64 first, qint64 last)
    {
        sqlite3_reset(m_statement);
        check(sqlite3_bind_int64(m_statement, 1, first));
        check(sqlite3_bind_int64(m_statement, 2, last));
    }
    bool next()
    {
        const int code = sqlite3_step(m_statement);
        if (code != SQLITE_ROW && code != SQLITE_DONE) {
            check(code);
        }
        return code == SQLITE_ROW;
    }
    [[nodiscard]] qint64 number(int column) const
    {
        return sqlite3_column_int64(m_statement, column);
    }
    [[nodiscard]] bool isNull(int column) const
    {
        return sqlite3_column_type(m_statement, column) == SQLITE_NULL;
    }
    [[nodiscard]] QByteArrayView bytes(int column) const
    {
        const auto* data = static_cast<const char*>(sqlite3_column_blob(m_statement, column));
        return {data, sqlite3_column_bytes(m_statement, column)};
    }

private:
    void check(int code) const
    {
        if (code != SQLITE_OK) {
            throw SQLite::Exception(m_database, code);
        }
    }
    sqlite3* m_database = nullptr;
    sqlite3_stmt* m_statement = nullptr;
};

void readChunk(
    Rows& rows, qint64 first, qint64 last, QByteArrayView agent, const QString& path, Chunk& chunk)
{
    chunk.hashes.reserve(size_t(last - first + 1));
    qint64 seq = first;
    const auto bad = [&](const QString& what) { chunk.bad = Finding{seq, what}; };
    try {
        rows.start(first, last);
        for (; rows.next(); ++seq) {
            if (rows.number(0) != seq) {
                return bad(QStringLiteral("it is missing"));
            }
            const QByteArrayView prev = rows.bytes(9);
            const Hash hash = entryHash({
                .seq = seq,
                .time = rows.number(1),
                .agent = rows.bytes(2),
                .process = rows.bytes(3),
                .kind = rows.bytes(4),
                .cause = rows.bytes(5),
                .traceId = rows.bytes(6),
                .spanId = rows.bytes(7),
                .payloadHash = rows.bytes(8),
                .prevHash = prev,
            });
            if (rows.bytes(2) != agent) {
                return bad(QStringLiteral("it belongs to another journal"));
            }
            if (rows.bytes(10) != view(hash)) {
                return bad(QStringLiteral("its fields do not fit its hash"));
            }
            if (seq == first) {
                chunk.linksTo = prev.toByteArray();
            } else if (prev != view(chunk.hashes.back())) {
                return bad(QStringLiteral("it does not follow the entry before it"));
            }
            if (rows.isNull(12)) {
                chunk.missingPayloads.push_back(seq);
            } else if (view(payloadHash(rows.bytes(11), rows.bytes(12))) != rows.bytes(8)) {
                return bad(QStringLiteral("its payload was changed"));
            } else if (rows.bytes(4) == "payload.erased") {
                const auto payload = QJsonDocument::fromJson(rows.bytes(12).toByteArray()).object();
                chunk.erasures.push_back(payload.value(QStringLiteral("seq")).toInteger());
            }
            chunk.hashes.push_back(hash);
        }
        if (seq <= last) {
            bad(QStringLiteral("it is missing"));
        }
    } catch (const std::exception& exception) {
        const Error error = store::errorFrom(exception, path);
        if (isAboutTheFile(error)) {
            bad(QStringLiteral("it cannot be read (%1)").arg(QString::fromUtf8(exception.what())));
        } else {
            chunk.error = error;
        }
    }
}

struct Head
{
    qint64 count = 0;
    TimeUs time = 0;
    QByteArray root;
    QByteArray last;
    QByteArray publicKey;
    QByteArray signature;
};

std::vector<Head> readHeads(store::Connection& connection)
{
    std::vector<Head> heads;
    auto& rows = connection.query(
        "SELECT count, time_us, root, last_hash, public_key, signature FROM head ORDER BY count");
    while (rows.executeStep()) {
        heads.push_back({store::integer(rows, 0),
                         store::integer(rows, 1),
                         store::blob(rows, 2),
                         store::blob(rows, 3),
                         store::blob(rows, 4),
                         store::blob(rows, 5)});
    }
    rows.reset();
    return heads;
}

/// Reads a chain with several threads while the calling one puts the pieces together, in order.
class Verifier
{
public:
    Verifier(store::Database& database,
             const QString& agent,
             QByteArray publicKey,
             qint64 atLeast,
             Projections projections,
             const Journal::Progress& progress,
             std::stop_token stop)
        : m_database(database)
        , m_agent(agent.toUtf8())
        , m_publicKey(std::move(publicKey))
        , m_atLeast(atLeast)
        , m_projections(projections)
        , m_progress(progress)
        , m_stop(std::move(stop))
    {
        m_report.agent = agent;
    }

    Result<protocol::VerifyReport> run()
    {
        const auto began = std::chrono::steady_clock::now();
        try {
            // A connection of its own, so that nothing comes out of a cache of the running journal.
            store::Connection connection(
                m_database.path(), store::Connection::Mode::Reader, m_database.vfs());
            connection.exec("BEGIN");
            m_total = connection.database()
                          .execAndGet("SELECT ifnull(max(seq), 0) FROM entry")
                          .getInt64();
            m_heads = readHeads(connection);
            // Cuts a long reading short when the check is cancelled.
            sqlite3* const handle = connection.database().getHandle();
            const std::stop_callback interrupt(m_stop, [handle] { sqlite3_interrupt(handle); });
            if (readEntries()) {
                readReadings(connection);
                if (!m_bad && !m_error) {
                    checkStructure(connection);
                    readRest(connection);
                }
            }
        } catch (const std::exception& exception) {
            const Error error = store::errorFrom(exception, m_database.path());
            if (isAboutTheFile(error)) {
                found({m_report.entries + 1,
                       QStringLiteral("it cannot be read (%1)").arg(error.context)});
            } else {
                m_error = error;
            }
        }
        if (m_error) {
            return std::unexpected(*m_error);
        }
        if (m_stop.stop_requested()) {
            return fail(ErrorCode::Cancelled, QStringLiteral("The check was cancelled."));
        }
        m_report.seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
        m_report.ok = !m_bad;
        m_report.head = QString::fromLatin1(toBytes(m_last).toHex());
        if (m_bad) {
            m_report.firstBad = m_bad->seq;
            m_report.message = QStringLiteral("The journal of %1 is not sound at entry %2: %3.")
                                   .arg(m_report.agent)
                                   .arg(m_bad->seq)
                                   .arg(m_bad->what);
        } else {
            m_report.message =
                QStringLiteral(
                    "The journal of %1 is sound: %2 entries, %3 erased, %4 signed heads.")
                    .arg(m_report.agent)
                    .arg(m_report.entries)
                    .arg(m_report.erased)
                    .arg(m_heads.size());
        }
        return m_report;
    }

private:
    void found(Finding finding)
    {
        if (!m_bad || finding.seq < m_bad->seq) {
            m_bad = std::move(finding);
        }
    }

    // The entries and the heads over them; false when that cannot go on.
    bool readEntries()
    {
        const qint64 chunks = (m_total + chunkSize - 1) / chunkSize;
        std::vector<Chunk> results(static_cast<size_t>(chunks));
        std::vector<char> ready(static_cast<size_t>(chunks), 0);
        std::mutex mutex;
        std::condition_variable changed;
        std::atomic<qint64> next{0};
        std::atomic<bool> enough{false};
        const auto work = [&] {
            std::unique_ptr<store::Connection> connection;
            std::unique_ptr<Rows> rows; // goes before its connection
            for (qint64 c = next++; c < chunks; c = next++) {
                Chunk chunk;
                if (!enough && !m_stop.stop_requested()) {
                    readInto(chunk, c * chunkSize + 1, connection, rows);
                }
                const std::scoped_lock lock(mutex);
                results[size_t(c)] = std::move(chunk);
                ready[size_t(c)] = 1;
                changed.notify_one();
            }
        };
        std::vector<std::jthread> threads;
        try {
            for (int i = 0; i < int(std::min<qint64>(hashingThreads, chunks)); ++i) {
                threads.emplace_back(work);
            }
        } catch (const std::system_error&) {
            // The machine gives no more threads: fewer do, or this one alone.
            if (threads.empty()) {
                work();
            }
        }
        for (qint64 c = 0; c < chunks; ++c) {
            {
                std::unique_lock lock(mutex);
                changed.wait(lock, [&] { return ready[size_t(c)] != 0; });
            }
            if (m_stop.stop_requested()) {
                return false;
            }
            merge(results[size_t(c)], c * chunkSize + 1);
            results[size_t(c)] = {};
            if (m_progress) {
                m_progress(m_report.entries, m_total * rounds());
            }
            if (m_bad || m_error) {
                enough = true;
                return false;
            }
        }
        return checkEnd();
    }

    void readInto(Chunk& chunk,
                  qint64 first,
                  std::unique_ptr<store::Connection>& connection,
                  std::unique_ptr<Rows>& rows) const
    {
        try {
            if (!rows) {
                connection = std::make_unique<store::Connection>(
                    m_database.path(), store::Connection::Mode::Reader, m_database.vfs());
                rows = std::make_unique<Rows>(*connection);
            }
            const qint64 last = std::min(first + chunkSize - 1, m_total);
            readChunk(*rows, first, last, m_agent, m_database.path(), chunk);
        } catch (const std::exception& exception) {
            chunk.error = store::errorFrom(exception, m_database.path());
        }
    }

    void merge(Chunk& chunk, qint64 first)
    {
        if (!chunk.hashes.empty() && chunk.linksTo != view(m_last)) {
            return found({first, QStringLiteral("it does not follow the entry before it")});
        }
        for (const Hash& hash : chunk.hashes) {
            m_frontier.push(hash);
            m_last = hash;
            ++m_report.entries;
            while (m_nextHead < m_heads.size() && m_heads[m_nextHead].count <= m_frontier.count()) {
                checkHead(m_heads[m_nextHead++]);
            }
        }
        m_missing.insert(
            m_missing.end(), chunk.missingPayloads.begin(), chunk.missingPayloads.end());
        m_erasures.insert(chunk.erasures.begin(), chunk.erasures.end());
        if (chunk.bad) {
            found(*chunk.bad);
        }
        m_error = chunk.error;
    }

    void checkHead(const Head& head)
    {
        // What lies below the last good head is proved; the first entry that is not is the one to
        // name.
        const qint64 from = m_provedUpTo + 1;
        const auto bad = [&](const QString& what) {
            found({std::min(from, std::max<qint64>(head.count, 1)),
                   QStringLiteral("%1 (signed head over %2 entries)").arg(what).arg(head.count)});
        };
        if (head.count != m_frontier.count() || head.root != view(m_frontier.root()) ||
            head.last != view(m_last)) {
            return bad(QStringLiteral("it or one of those after it is not what was signed"));
        }
        if (!m_publicKey.isEmpty() && head.publicKey != m_publicKey) {
            return bad(head.publicKey.isEmpty()
                           ? QStringLiteral("nobody signed it")
                           : QStringLiteral("it was signed with a key that is not this home's"));
        }
        if (!head.publicKey.isEmpty()) {
            const QByteArray message =
                headMessage(m_agent, head.count, head.time, m_frontier.root(), m_last);
            if (head.publicKey.size() != crypto_sign_PUBLICKEYBYTES ||
                head.signature.size() != crypto_sign_BYTES ||
                crypto_sign_verify_detached(
                    reinterpret_cast<const unsigned char*>(head.signature.constData()),
                    reinterpret_cast<const unsigned char*>(message.constData()),
                    size_t(message.size()),
                    reinterpret_cast<const unsigned char*>(head.publicKey.constData())) != 0) {
                return bad(QStringLiteral("the signature over it is not valid"));
            }
        }
        m_provedUpTo = head.count;
    }

    bool checkEnd()
    {
        if (m_nextHead < m_heads.size()) {
            found({m_total + 1,
                   QStringLiteral("it is missing; %1 entries were signed and %2 are left")
                       .arg(m_heads.back().count)
                       .arg(m_total)});
        } else if (m_total < m_atLeast) {
            found({m_total + 1,
                   QStringLiteral("it is missing; %1 entries were written and %2 are left")
                       .arg(m_atLeast)
                       .arg(m_total)});
        }
        return !m_bad;
    }

    // The chain is read once, and once more for what is made from it.
    [[nodiscard]] qint64 rounds() const { return m_projections.empty() ? 1 : 2; }

    // In the snapshot in which the number of entries was read, so that tables and entries fit.
    void readReadings(store::Connection& connection)
    {
        if (m_projections.empty()) {
            return;
        }
        auto folded = m_database.scratch();
        if (!folded) {
            m_error = folded.error();
            return;
        }
        (*folded)->exec("BEGIN");
        const auto progress = [this](qint64 done, qint64 total) {
            if (m_progress) {
                m_progress(total + done, total * rounds());
            }
        };
        const Result<> made = fold(connection, **folded, m_projections, progress, m_stop);
        if (!made) {
            m_error = made.error();
        } else if (auto finding = compareReadings(connection, **folded, m_projections)) {
            finding->seq = std::clamp<qint64>(finding->seq, 1, std::max<qint64>(m_total, 1));
            found(std::move(*finding));
        }
    }

    // Trees and indices: a wrong index hides rows from whoever looks them up.
    void checkStructure(store::Connection& connection)
    {
        SQLite::Statement check(connection.database(), "PRAGMA integrity_check(1)");
        if (check.executeStep() && store::text(check, 0) != u"ok") {
            found({1,
                   QStringLiteral("the database is damaged from there on (%1)")
                       .arg(store::text(check, 0))});
        }
    }

    // Erasures are recorded after what they erased, perhaps while this check was running.
    void readRest(store::Connection& connection)
    {
        connection.exec("COMMIT");
        auto& rows = connection.query("SELECT p.bytes FROM entry e JOIN payload p ON p.seq = e.seq "
                                      "WHERE e.seq > ? AND e.kind = "
                                      "'payload.erased'",
                                      m_total);
        while (rows.executeStep()) {
            const auto payload = QJsonDocument::fromJson(store::blob(rows, 0)).object();
            m_erasures.insert(payload.value(QStringLiteral("seq")).toInteger());
        }
        rows.reset();
        for (const qint64 seq : m_missing) {
            if (!m_erasures.contains(seq)) {
                return found({seq, QStringLiteral("its payload is missing, and nobody erased it")});
            }
        }
        m_report.erased = qint64(m_missing.size());
        auto& parts = connection.query("SELECT hash, salt, bytes FROM part ORDER BY id");
        while (parts.executeStep()) {
            const QByteArray hash = store::blob(parts, 0);
            if (toBytes(payloadHash(store::blob(parts, 1), store::blob(parts, 2))) == hash) {
                continue;
            }
            auto& user = connection.query(
                "SELECT ifnull(min(e.seq), ?) FROM entry e JOIN payload p ON p.seq = e.seq WHERE "
                "instr(CAST(p.bytes AS TEXT), ?) > 0",
                m_total,
                QString::fromLatin1(hash.toHex()));
            user.executeStep();
            return found({store::integer(user, 0),
                          QStringLiteral("the stored part %1 that it names was changed")
                              .arg(QString::fromLatin1(hash.toHex()))});
        }
    }

    store::Database& m_database;
    QByteArray m_agent;
    QByteArray m_publicKey;
    qint64 m_atLeast;
    Projections m_projections;
    const Journal::Progress& m_progress;
    std::stop_token m_stop;

    protocol::VerifyReport m_report;
    std::optional<Finding> m_bad;
    std::optional<Error> m_error;
    qint64 m_total = 0;
    std::vector<Head> m_heads;
    size_t m_nextHead = 0;
    Frontier m_frontier;
    Hash m_last{};
    qint64 m_provedUpTo = 0;
    std::vector<qint64> m_missing;
    std::set<qint64> m_erasures;
};

} // namespace

Result<protocol::VerifyReport> Journal::verify(const Progress& progress, std::stop_token stop)
{
    return Verifier(m->database,
                    agent(),
                    m->publicKey,
                    lastSeq(),
                    m->settings.projections,
                    progress,
                    std::move(stop))
        .run();
}

Result<protocol::VerifyReport> Journal::verifyDatabase(store::Database& database,
                                                       const QString& agent,
                                                       const QByteArray& publicKey,
                                                       const Progress& progress,
                                                       std::stop_token stop)
{
    return Verifier(database, agent, publicKey, 0, {}, progress, std::move(stop)).run();
}

} // namespace sb::journal
