#pragma once
#include "core/store/Connection.h"

namespace sb::store {

/// Calls f(row) for every row that the statement gives with these values. Throws as Connection
/// does.
template <class F, class... Values>
void forEachRow(Connection& connection, const char* sql, F&& f, const Values&... values)
{
    SQLite::Statement& statement = connection.query(sql, values...);
    while (statement.executeStep()) {
        f(statement);
    }
    statement.reset();
}

} // namespace sb::store
