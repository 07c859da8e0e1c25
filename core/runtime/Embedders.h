#pragma once
#include "core/config/Config.h"
#include "core/memory/Embedder.h"
#include "core/runtime/Models.h"

namespace sb::runtime {

/// What makes vectors of memories, as the configuration says. One that cannot be had answers every
/// call with why, so that recall goes on with words. The network's thread has an event loop.
std::shared_ptr<memory::Embedder> makeEmbedder(const config::Config& config,
                                               const Models::Keys& keys,
                                               Executor& network,
                                               Executor& pool,
                                               Clock& clock);

} // namespace sb::runtime
