#include "core/memory/IndexCache.h"

#include <QFile>
#include <cstring>
#include <unordered_map>

namespace sb::memory {

using namespace Qt::StringLiterals;

namespace {

// Anything else in the file's header, and it is thrown away and made anew. Raise it whenever words
// are cut in another way, or the tables change.
constexpr int formatVersion = 1;
constexpr int spaceShift = 40;

// A vector's key: its space above, its label below.
qint64 keyOf(quint32 space, quint32 label)
{
    return (qint64(space) << spaceShift) | label;
}

// The tokenizer sees terms that are cut already: ASCII letters and digits, and whatever lies beyond
// ASCII, are letters to it, and spaces stand between them.
constexpr auto schema = R"(
CREATE TABLE item (label INTEGER PRIMARY KEY, id TEXT NOT NULL, facts BLOB NOT NULL);
CREATE TABLE word (term TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
CREATE VIRTUAL TABLE text USING fts5(terms, detail = none, columnsize = 0, tokenize = 'ascii');
CREATE TABLE vector (key INTEGER PRIMARY KEY, halves BLOB NOT NULL);
CREATE TABLE space (number INTEGER PRIMARY KEY, embedder TEXT NOT NULL, dimension INTEGER NOT NULL);
CREATE TABLE graph (digest INTEGER PRIMARY KEY, space INTEGER NOT NULL, stamp INTEGER NOT NULL);
CREATE TABLE state (seq INTEGER NOT NULL, hash BLOB NOT NULL);
INSERT INTO state VALUES (0, x'');
)";

QByteArray bytesOf(const void* data, size_t size)
{
    return QByteArray::fromRawData(static_cast<const char*>(data), qsizetype(size));
}

QByteArray quoted(const QByteArray& term)
{
    return '"' + term + '"';
}

void removeFiles(const QString& path)
{
    for (const auto end : {""_L1, "-wal"_L1, "-shm"_L1}) {
        QFile::remove(path + end);
    }
}

} // namespace

struct IndexCache::Side
{
    void open(const QString& path, bool writes)
    {
        database = std::make_unique<SQLite::Database>(
            QFile::encodeName(path).toStdString(),
            writes ? SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE : SQLite::OPEN_READONLY,
            5000);
        // What a power cut takes is made anew from the journal. Only the writer checkpoints.
        database->exec(writes ? "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA "
                                "secure_delete = ON"
                              : "PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0; PRAGMA "
                                "cache_size = -16000");
    }
    void close()
    {
        statements.clear();
        database.reset();
    }
    template <class... Values>
    SQLite::Statement& query(const char* sql, const Values&... values)
    {
        auto found = statements.find(sql);
        if (found == statements.end()) {
            found = statements.emplace(sql, SQLite::Statement(*database, sql)).first;
        }
        found->second.tryReset();
        found->second.clearBindings();
        int index = 0;
        (store::bind(found->second, ++index, values), ...);
        return found->second;
    }
    template <class... Values>
    void run(const char* sql, const Values&... values)
    {
        auto& statement = query(sql, values...);
        statement.exec();
        statement.reset();
    }

    std::mutex mutex;
    std::unique_ptr<SQLite::Database> database; // null when it could not be made anew
    std::unordered_map<std::string_view, SQLite::Statement> statements; // of literals
};

IndexCache::IndexCache(QString path)
    : m_path(std::move(path))
    , m_writer(std::make_unique<Side>())
    , m_reader(std::make_unique<Side>())
{
}

IndexCache::~IndexCache()
{
    m_reader.reset(); // the writer goes last, so that it is the one that empties the log
}

template <class F>
auto IndexCache::guarded(Side& side, F&& f) -> std::invoke_result_t<F, Side&>
{
    const std::scoped_lock lock(side.mutex);
    if (!side.database) {
        return fail(ErrorCode::Corrupt, u"The index of memories is closed."_s, m_path);
    }
    std::optional<Error> error;
    try {
        return f(side);
    } catch (const std::exception& exception) {
        error = store::errorFrom(exception, m_path);
    }
    // No statement may be left half read: it would hold its snapshot.
    for (auto& [sql, statement] : side.statements) {
        statement.tryReset();
    }
    return std::unexpected(std::move(*error));
}

void IndexCache::make()
{
    m_writer->open(m_path, true);
    SQLite::Database& database = *m_writer->database;
    const int version = database.execAndGet("PRAGMA user_version").getInt();
    const bool isNew = database.execAndGet("SELECT count(*) FROM sqlite_schema").getInt() == 0;
    if (version != (isNew ? 0 : formatVersion)) {
        throw std::runtime_error("another version");
    }
    if (isNew) {
        SQLite::Transaction transaction(database);
        database.exec(schema);
        database.exec("PRAGMA user_version = " + std::to_string(formatVersion));
        transaction.commit();
    }
    m_reader->open(m_path, false);
}

Result<> IndexCache::makeAnew()
{
    m_reader->close();
    m_writer->close();
    removeFiles(m_path);
    try {
        make();
        return {};
    } catch (const std::exception& exception) {
        m_reader->close();
        m_writer->close();
        return std::unexpected(store::errorFrom(exception, m_path));
    }
}

Result<> IndexCache::remake()
{
    const std::scoped_lock lock(m_writer->mutex, m_reader->mutex);
    return makeAnew();
}

Result<std::unique_ptr<IndexCache>> IndexCache::open(const QString& path)
{
    std::unique_ptr<IndexCache> cache(new IndexCache(path));
    try {
        cache->make();
    } catch (const std::exception&) {
        SB_CHECK(cache->makeAnew()); // it was damaged, or of another version
    }
    return cache;
}

Result<IndexCache::Content> IndexCache::load(const Item& item)
{
    return guarded(*m_writer, [&](Side& side) -> Result<Content> {
        Content content;
        auto& state = side.query("SELECT seq, hash FROM state");
        while (state.executeStep()) {
            content.seq = store::integer(state, 0);
            content.hash = store::blob(state, 1);
        }
        auto& spaces = side.query("SELECT number, embedder, dimension FROM space ORDER BY number");
        while (spaces.executeStep()) {
            content.spaces.append({quint32(store::integer(spaces, 0)),
                                   store::text(spaces, 1),
                                   int(store::integer(spaces, 2))});
        }
        auto& graphs = side.query("SELECT digest, space, stamp FROM graph");
        while (graphs.executeStep()) {
            content.graphs.append({quint64(store::integer(graphs, 0)),
                                   quint32(store::integer(graphs, 1)),
                                   quint64(store::integer(graphs, 2))});
        }
        auto& items = side.query("SELECT label, id, facts FROM item");
        while (items.executeStep()) {
            IndexedFacts facts;
            const SQLite::Column column = items.getColumn(2);
            if (column.getBytes() != int(sizeof facts)) {
                return fail(ErrorCode::Corrupt, u"The index of memories is damaged."_s, m_path);
            }
            std::memcpy(&facts, column.getBlob(), sizeof facts);
            item(quint32(store::integer(items, 0)), store::text(items, 1), facts);
        }
        return content;
    });
}

Result<> IndexCache::write(const std::vector<Change>& changes)
{
    return guarded(*m_writer, [&](Side& side) -> Result<> {
        SQLite::Transaction transaction(*side.database);
        QHash<QByteArray, int> counts;
        const auto count = [&](QByteArrayView terms, int by) {
            for (qsizetype at = 0; at < terms.size();) {
                qsizetype end = terms.indexOf(' ', at);
                end = end < 0 ? terms.size() : end;
                if (end > at) {
                    counts[terms.sliced(at, end - at).toByteArray()] += by;
                }
                at = end + 1;
            }
        };
        bool isErased = false;
        for (const Change& change : changes) {
            const qint64 label = change.label;
            if (change.terms || change.isRemoved) {
                auto& old = side.query("SELECT terms FROM text WHERE rowid = ?", label);
                const bool isThere = old.executeStep();
                if (isThere) {
                    count(store::text(old, 0).toUtf8(), -1);
                }
                old.reset();
                if (isThere) {
                    if (change.isErased && !std::exchange(isErased, true)) {
                        side.database->exec(
                            "INSERT INTO text (text, rank) VALUES ('secure-delete', 1)");
                    }
                    side.run("DELETE FROM text WHERE rowid = ?", label);
                }
            }
            if (change.isRemoved) {
                side.run("DELETE FROM item WHERE label = ?", label);
            } else {
                side.run("INSERT INTO item (label, id, facts) VALUES (?, ?, ?) ON CONFLICT (label) "
                         "DO UPDATE SET id = excluded.id, facts = excluded.facts",
                         label,
                         change.id,
                         bytesOf(&change.facts, sizeof change.facts));
            }
            if (change.terms && !change.terms->empty()) {
                QByteArray terms;
                for (const Term& term : *change.terms) {
                    terms += term.term + ' ';
                }
                count(terms, 1);
                side.run("INSERT INTO text (rowid, terms) VALUES (?, ?)",
                         label,
                         QString::fromUtf8(terms));
            }
            if (change.vector && change.facts.space != 0) {
                side.run("INSERT OR REPLACE INTO vector (key, halves) VALUES (?, ?)",
                         keyOf(change.facts.space, change.label),
                         bytesOf(change.vector->data(), change.vector->size() * sizeof(Half)));
            } else if (change.facts.space == 0 || change.isRemoved) {
                auto& spaces = side.query("SELECT number FROM space");
                while (spaces.executeStep()) {
                    side.run("DELETE FROM vector WHERE key = ?",
                             keyOf(quint32(store::integer(spaces, 0)), change.label));
                }
                spaces.reset();
            }
        }
        for (const auto& [term, by] : counts.asKeyValueRange()) {
            if (by != 0) {
                side.run("INSERT INTO word (term, count) VALUES (?, ?) ON CONFLICT (term) DO "
                         "UPDATE SET count = count + excluded.count",
                         QString::fromUtf8(term),
                         by);
            }
        }
        if (isErased) {
            side.run("DELETE FROM word WHERE count <= 0");
            side.database->exec("INSERT INTO text (text, rank) VALUES ('secure-delete', 0)");
        }
        transaction.commit();
        if (isErased) {
            side.database->exec("PRAGMA wal_checkpoint(TRUNCATE)");
        }
        return {};
    });
}

Result<> IndexCache::writeTaken(qint64 seq, const QByteArray& hash)
{
    return guarded(*m_writer, [&](Side& side) -> Result<> {
        side.run("UPDATE state SET seq = ?, hash = ?", seq, hash);
        return {};
    });
}

Result<> IndexCache::addSpace(const VectorSpace& space)
{
    return guarded(*m_writer, [&](Side& side) -> Result<> {
        side.run("INSERT OR REPLACE INTO space (number, embedder, dimension) VALUES (?, ?, ?)",
                 qint64(space.number),
                 space.embedder,
                 space.dimension);
        return {};
    });
}

Result<> IndexCache::keepOnly(const QList<quint32>& spaces)
{
    return guarded(*m_writer, [&](Side& side) -> Result<> {
        QList<quint32> gone;
        auto& all = side.query("SELECT number FROM space");
        while (all.executeStep()) {
            if (const auto number = quint32(store::integer(all, 0)); !spaces.contains(number)) {
                gone.append(number);
            }
        }
        all.reset();
        for (const quint32 space : gone) {
            SQLite::Transaction transaction(*side.database);
            side.run("DELETE FROM vector WHERE key BETWEEN ? AND ?",
                     keyOf(space, 0),
                     keyOf(space + 1, 0) - 1);
            side.run("DELETE FROM space WHERE number = ?", qint64(space));
            side.run("DELETE FROM graph WHERE space = ?", qint64(space));
            transaction.commit();
        }
        return {};
    });
}

Result<> IndexCache::addGraph(const SavedGraph& graph)
{
    return guarded(*m_writer, [&](Side& side) -> Result<> {
        side.run("INSERT OR REPLACE INTO graph (digest, space, stamp) VALUES (?, ?, ?)",
                 qint64(graph.digest),
                 qint64(graph.space),
                 qint64(graph.stamp));
        return {};
    });
}

Result<> IndexCache::keepOnlyGraph(quint64 digest)
{
    return guarded(*m_writer, [&](Side& side) -> Result<> {
        side.run("DELETE FROM graph WHERE digest <> ?", qint64(digest));
        return {};
    });
}

Result<std::vector<std::pair<quint32, std::vector<Half>>>>
IndexCache::vectors(quint32 space, const std::vector<quint32>& labels)
{
    using Vectors = std::vector<std::pair<quint32, std::vector<Half>>>;
    return guarded(*m_reader, [&](Side& side) -> Result<Vectors> {
        Vectors vectors;
        vectors.reserve(labels.size());
        for (const quint32 label : labels) {
            auto& row = side.query("SELECT halves FROM vector WHERE key = ?", keyOf(space, label));
            if (row.executeStep()) {
                const SQLite::Column column = row.getColumn(0);
                std::vector<Half> halves(size_t(column.getBytes()) / sizeof(Half));
                if (!halves.empty()) {
                    std::memcpy(halves.data(), column.getBlob(), halves.size() * sizeof(Half));
                }
                vectors.emplace_back(label, std::move(halves));
            }
            row.reset();
        }
        return vectors;
    });
}

Result<std::vector<qint64>> IndexCache::frequencies(const std::vector<QByteArray>& terms)
{
    return guarded(*m_reader, [&](Side& side) -> Result<std::vector<qint64>> {
        std::vector<qint64> counts;
        counts.reserve(terms.size());
        SQLite::Transaction snapshot(*side.database); // one look at the log instead of many
        for (const QByteArray& term : terms) {
            auto& row =
                side.query("SELECT count FROM word WHERE term = ?", QString::fromUtf8(term));
            counts.push_back(row.executeStep() ? store::integer(row, 0) : 0);
            row.reset();
        }
        snapshot.commit();
        return counts;
    });
}

Result<std::vector<std::pair<QByteArray, qint64>>>
IndexCache::beginningWith(const QByteArray& start, int most)
{
    using Counts = std::vector<std::pair<QByteArray, qint64>>;
    return guarded(*m_reader, [&](Side& side) -> Result<Counts> {
        Counts counts;
        const QString from = QString::fromUtf8(start);
        auto& row = side.query(
            "SELECT term, count FROM word WHERE term >= ? AND term < ? AND count > 0 LIMIT ?",
            from,
            from + QChar(0xffff),
            most);
        while (row.executeStep()) {
            counts.emplace_back(store::text(row, 0).toUtf8(), store::integer(row, 1));
        }
        row.reset();
        return counts;
    });
}

Result<std::vector<std::vector<quint32>>> IndexCache::labelsWith(const std::vector<Wanted>& terms)
{
    return guarded(*m_reader, [&](Side& side) -> Result<std::vector<std::vector<quint32>>> {
        std::vector<std::vector<quint32>> labels;
        labels.reserve(terms.size());
        SQLite::Transaction snapshot(*side.database); // one look at the log instead of many
        for (const auto& [term, most] : terms) {
            auto& row =
                side.query("SELECT rowid FROM text WHERE text MATCH ? ORDER BY rowid DESC LIMIT ?",
                           QString::fromUtf8(quoted(term)),
                           most);
            auto& found = labels.emplace_back();
            while (row.executeStep()) {
                found.push_back(quint32(store::integer(row, 0)));
            }
            row.reset();
        }
        snapshot.commit();
        return labels;
    });
}

} // namespace sb::memory
