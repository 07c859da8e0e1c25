#pragma once
#include "core/base/Contracts.h"
#include "core/base/Result.h"

#include <QByteArray>
#include <QString>
#include <SQLiteCpp/SQLiteCpp.h>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace sb::store {

/// What an exception out of SQLite (or elsewhere) means for a person: DiskFull, Locked, Corrupt,
/// Conflict (a UNIQUE constraint), Io, else Internal.
Error errorFrom(const std::exception& exception, const QString& path);

// Values of ours in statements. Parameters count from 1, columns from 0, as in SQLite.
inline void bind(SQLite::Statement& statement, int index, qint64 value)
{
    statement.bind(index, int64_t(value));
}
inline void bind(SQLite::Statement& statement, int index, int value)
{
    statement.bind(index, int32_t(value));
}
inline void bind(SQLite::Statement& statement, int index, bool value)
{
    statement.bind(index, int32_t(value));
}
inline void bind(SQLite::Statement& statement, int index, double value)
{
    statement.bind(index, value);
}
void bind(SQLite::Statement& statement, int index, const QString& value);
/// Binds a blob.
void bind(SQLite::Statement& statement, int index, const QByteArray& value);
/// Binds NULL.
void bind(SQLite::Statement& statement, int index, std::nullptr_t);

[[nodiscard]] QString text(const SQLite::Statement& statement, int column);
[[nodiscard]] QByteArray blob(const SQLite::Statement& statement, int column);
[[nodiscard]] qint64 integer(const SQLite::Statement& statement, int column);

/// A database handle for one thread at a time, with its prepared statements. Throws
/// SQLite::Exception; whoever owns the job (Database) catches.
class Connection
{
public:
    enum class Mode { Writer, Reader };
    Connection(const QString& path, Mode mode, const QString& vfs);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// The statement for this text, reset and without bindings, from the cache. It stays valid
    /// while the connection lives; preparing the same text again starts it anew.
    SQLite::Statement& prepare(const char* sql);

    /// Prepares and binds the values, in order: for (auto& row = query(…); row.executeStep();) …
    template <class... Values>
    SQLite::Statement& query(const char* sql, const Values&... values)
    {
        SQLite::Statement& statement = prepare(sql);
        int index = 0;
        (bind(statement, ++index, values), ...);
        return statement;
    }
    /// Prepares, binds and executes; answers with the number of rows changed.
    template <class... Values>
    int run(const char* sql, const Values&... values)
    {
        SQLite::Statement& statement = query(sql, values...);
        const int changed = statement.exec();
        statement.reset();
        return changed;
    }
    /// Executes statements without parameters, which are not kept.
    void exec(const char* sql) { database().exec(sql); }

    [[nodiscard]] SQLite::Database& database();
    [[nodiscard]] Mode mode() const { return m_mode; }

private:
    friend class Database;
    /// Ends every reading that is still open, so that none of them holds a snapshot.
    void resetStatements();
    /// From here on the calling thread uses it.
    void adopt() { m_thread = std::this_thread::get_id(); }

    struct Hash
    {
        using is_transparent = void;
        size_t operator()(std::string_view text) const
        {
            return std::hash<std::string_view>()(text);
        }
    };
    Mode m_mode;
    std::thread::id m_thread;
    std::unique_ptr<SQLite::Database> m_database;
    std::unordered_map<std::string, SQLite::Statement, Hash, std::equal_to<>> m_statements;
    std::vector<SQLite::Statement*> m_used; ///< since the last resetStatements()
};

} // namespace sb::store
