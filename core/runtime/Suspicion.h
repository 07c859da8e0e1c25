#pragma once
#include <QString>

namespace sb::runtime {

/// Why a text that is to be remembered reads like an instruction to the agent: one sentence, or
/// empty when it does not. A help, never a fence: what nobody vouches for stays out of prompts
/// whether it is noticed or not.
QString suspicionOf(const QString& text);

} // namespace sb::runtime
