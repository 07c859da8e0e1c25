#pragma once
#include "core/llm/HttpProvider.h"

namespace sb::llm {

/// Anthropic's "messages" interface.
class AnthropicMessages final : public HttpProvider
{
public:
    /// baseUrl is https://api.anthropic.com unless given; a /v1 at its end does no harm.
    AnthropicMessages(const HttpSettings& settings, Executor& executor, Clock& clock);
};

} // namespace sb::llm
