#pragma once
#include "core/base/Result.h"

namespace sb::store {

class Connection;

/// Brings a database to the newest schema of the folder's numbered files ("NNNN_what.sql"), each in
/// a transaction of its own; PRAGMA user_version holds the number. A database with content is first
/// copied to PATH.before-NNNN. TooNew when it was written by a later version of the program.
Result<> migrate(Connection& connection, const QString& path, const QString& folder);

/// TooNew when the database was written by a later version of the program. Reads nothing but the
/// file's header, so that a start can afford it; no file is fine.
Result<> refuseNewer(const QString& path, const QString& folder);

} // namespace sb::store
