#pragma once
#include "core/base/Result.h"

namespace sb::secrets {

/// Takes this process out of core dumps, and its memory out of the reach of other processes of the
/// same user (debuggers included), as far as the system lets it. For processes that hold keys,
/// first thing in main(). Programs that it starts are not touched. Unsupported: the system would
/// not.
Result<> keepOutOfDumps();

} // namespace sb::secrets
