#pragma once
#include "app/node/CommandLine.h"

namespace sb::node {

/// package inspect FOLDER | install FOLDER [--trust] [--accept-downgrade] [--capabilities LIST] |
/// list | remove NAME | publishers | forget PUBLISHER [--yes] | sign FOLDER --key FILE | keygen
/// FILE. Nobody is asked: what a person has to agree to is shown, and the flags that say so are
/// named.
Exit packageVerb(Arguments arguments, QStringList words);

} // namespace sb::node
