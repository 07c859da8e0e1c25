#pragma once
#include "core/journal/Journal.h"

#include <span>

namespace sb::journal {

using Projections = std::span<const std::unique_ptr<Projection>>;

/// Applies all entries that `source` holds to the projections' tables in `target`, which must be
/// empty. An erased entry is applied with what was kept of it, and erased again where the journal
/// says so. SQLite's exceptions may fly. Cancelled when told to stop.
Result<> fold(store::Connection& source,
              store::Connection& target,
              Projections projections,
              const Journal::Progress& progress,
              const std::stop_token& stop);

/// What is wrong, and the entry to name for it.
struct Finding
{
    qint64 seq = 0;
    QString what;
};

/// Holds the projections' tables in `live` against `folded`, row by row, and the two schemas
/// against each other; nothing when all of it is the same.
std::optional<Finding>
compareReadings(store::Connection& live, store::Connection& folded, Projections projections);

} // namespace sb::journal
