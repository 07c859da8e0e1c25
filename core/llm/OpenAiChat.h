#pragma once
#include "core/llm/HttpProvider.h"

namespace sb::llm {

/// The "chat completions" interface, which most services and local model servers speak.
class OpenAiChat final : public HttpProvider
{
public:
    /// baseUrl includes the version: https://api.openai.com/v1, http://127.0.0.1:4010/v1.
    OpenAiChat(const HttpSettings& settings, Executor& executor, Clock& clock);
};

} // namespace sb::llm
