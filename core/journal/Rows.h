#pragma once
#include "core/protocol/Values.h"
#include "core/store/Connection.h"

namespace sb::journal {

/// The columns that entryFrom() reads, in its order: SELECT <these> FROM <these tables> …
#define SB_ENTRY_COLUMNS                                                                           \
    "e.seq, e.time_us, e.agent, e.process, e.kind, e.cause, e.trace_id, e.span_id, e.hash, "       \
    "p.bytes"
#define SB_ENTRY_TABLES "entry e LEFT JOIN payload p ON p.seq = e.seq"

/// The entry in the statement's row. A kind that this version does not know reads as an incident
/// that says so.
protocol::Entry entryFrom(const SQLite::Statement& row);

/// Up to `limit` entries after seq, oldest first.
QList<protocol::Entry> entriesAfter(store::Connection& connection, qint64 seq, int limit);

} // namespace sb::journal
