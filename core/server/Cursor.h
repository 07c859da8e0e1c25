#pragma once
#include "core/base/Result.h"

#include <map>

namespace sb::server {

/// How far somebody has read: the last seq of each chain. As text "assistant:12,_instance:3", fit
/// for a URL.
using Cursor = std::map<QString, qint64>;

QByteArray cursorText(const Cursor& cursor);
/// The inverse; InvalidInput when the text is no cursor. An empty text has read nothing.
Result<Cursor> cursorFromText(const QByteArray& text);

} // namespace sb::server
