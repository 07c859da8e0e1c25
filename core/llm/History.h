#pragma once
#include "core/llm/Provider.h"

namespace sb::llm {

/// The messages in a shape that every service accepts: each tool call is followed by exactly one
/// result (a missing one is made up and says so, an orphan is dropped, one that came late moves
/// up), ids are unique and neither calls nor messages are empty.
QList<Message> repaired(QList<Message> messages);

/// What a call's arguments are sent back as: the object, or the malformed text wrapped in one.
QJsonObject sentArguments(const ToolCall& call);

} // namespace sb::llm
