#pragma once
#include "core/store/Database.h"

#include <SQLiteCpp/SQLiteCpp.h>

/// A few words for talking to SQLite in Qt's types. Statements throw; guarded() turns that into a Result.
namespace sb::process::sql {

inline void bind(SQLite::Statement& statement, int index, const QString& value)
{
    statement.bind(index, value.toStdString());
}
inline void bind(SQLite::Statement& statement, int index, qint64 value)
{
    statement.bind(index, static_cast<int64_t>(value));
}
inline void bind(SQLite::Statement& statement, int index, int value)
{
    statement.bind(index, value);
}
inline void bind(SQLite::Statement& statement, int index, std::nullptr_t)
{
    statement.bind(index);
}
inline void bind(SQLite::Statement& statement, int index, const std::optional<QString>& value)
{
    if (value) {
        bind(statement, index, *value);
    } else {
        statement.bind(index);
    }
}

template <class... Args>
SQLite::Statement& prepare(store::Connection& connection, const char* sql, const Args&... args)
{
    SQLite::Statement& statement = connection.prepare(sql);
    int index = 0;
    (bind(statement, ++index, args), ...);
    return statement;
}

/// Runs a statement; returns the number of rows it changed.
template <class... Args>
int exec(store::Connection& connection, const char* sql, const Args&... args)
{
    return prepare(connection, sql, args...).exec();
}

/// Calls f(statement) for every row.
template <class F, class... Args>
void rows(store::Connection& connection, const char* sql, F&& f, const Args&... args)
{
    SQLite::Statement& statement = prepare(connection, sql, args...);
    while (statement.executeStep()) {
        f(statement);
    }
    statement.reset();
}

inline QString text(SQLite::Statement& statement, int column)
{
    const SQLite::Column value = statement.getColumn(column);
    return QString::fromUtf8(value.getText(), value.getBytes());
}
inline qint64 number(SQLite::Statement& statement, int column)
{
    return statement.getColumn(column).getInt64();
}

/// Runs f (returning Result<T>) and turns what SQLite throws into an Error.
template <class F>
std::invoke_result_t<F> guarded(store::Connection& connection, F&& f)
{
    try {
        return f();
    } catch (const std::exception& exception) {
        return std::unexpected(store::errorFrom(
            exception, QString::fromStdString(connection.raw().getFilename())));
    }
}

} // namespace sb::process::sql
