#pragma once
#include "core/base/Result.h"

#include <QString>

namespace sb::store {

/// What a look at a database came to.
struct Examination
{
    int version = 0; ///< of its schema
    int newest = 0;  ///< that this program knows
    QString damage;  ///< what SQLite's quick check found first; empty: nothing
};

/// Opens the file for reading only, while others may have it open, and changes nothing in it; the
/// folder is that of its migrations. Reads the whole file. Errors are those of Database::open;
/// TooNew is none of them.
Result<Examination> examine(const QString& path, const QString& folder);

} // namespace sb::store
