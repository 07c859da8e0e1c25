#pragma once
#include "core/protocol/Values.h"

namespace sb::models {

/// One line that says what an entry records, in words that depend on its kind; hidden characters
/// are made visible. A payload without the fields that its kind is known for is summed up by the
/// fields that it has.
QString entrySummary(const protocol::Entry& entry);

/// Whether the entry tells of something that went wrong or was refused.
bool entryIsFailure(const protocol::Entry& entry);

} // namespace sb::models
