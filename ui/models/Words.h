#pragma once
#include "core/protocol/Values.h"

#include <QString>

/// Words and figures of these models; those that the whole window shares are in
/// ui/widgets/Format.h.
namespace sb::models {

/// Local time of day with milliseconds, for tables.
QString timeOfDayText(TimeUs time);
/// "12.3k", "4.1M"; small counts whole.
QString briefCountText(qint64 count);
QString processKindText(protocol::ProcessKind kind);
/// Who decided, as said in a sentence: "you" for this window, else the name as given.
QString deciderText(const QString& by);

/// One argument as a POSIX shell would want it typed, so that the borders between arguments are
/// seen.
QString quotedArgument(const QString& argument);
/// All arguments, quoted, with spaces between.
QString quotedCommand(const QStringList& argv);

} // namespace sb::models
