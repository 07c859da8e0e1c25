#pragma once
#include "app/node/CommandLine.h"

namespace sb::node {

/// memory search WORDS… | show ID | stats | export [FILE] | ingest PATH… | forget ID… | undo SEQ.
Exit memoryVerb(Arguments arguments, QStringList words);

} // namespace sb::node
