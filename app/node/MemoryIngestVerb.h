#pragma once
#include "app/node/CommandLine.h"
#include "core/runtime/Session.h"

namespace sb::node {

/// memory ingest PATH…: begins, tells how far it is, and waits for the end. Ctrl+C stops it; what
/// was read stays.
Exit ingestPaths(const Arguments& arguments, runtime::Session& session);

} // namespace sb::node
