#pragma once

namespace sb::helper {

/// Tries the containment from inside; see core/sandbox/Probes.h. The words are "key=value".
int probe(int count, char** words);

} // namespace sb::helper
