#pragma once
#include "core/config/Reader.h"

namespace sb::config {

/// {embeddings: hashed}, {embeddings: {provider: local, model: nomic-embed-text}} or {embeddings:
/// {folder: ~/models/minilm}}; `config` has the providers already.
Result<Memory> readMemory(Reader& reader, const YamlNode& node, const Config& config);

/// {readers: [assistant], bulletin_words: 500} of an agent.
Result<AgentMemory> readAgentMemory(Reader& reader, const YamlNode& node);

/// Holds an agent's readers, as that node names them, against the agents that there are.
Result<>
checkReaders(Reader& reader, const YamlNode& node, const Agent& agent, const Config& config);

} // namespace sb::config
