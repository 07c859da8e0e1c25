#pragma once
#include "core/sandbox/HelperProtocol.h"

namespace sb::helper {

/// Tells the launching side. Waits for room only where the message decides what the outcome is.
void report(const sandbox::helper::Report& message);
void report(sandbox::helper::ReportKind kind, int value);

/// The first report: hands over a pidfd of this process, by which the other side knows when the
/// namespace is gone, and the door where there is one (else -1). Both are closed here.
void reportStart(int landlock, std::uint32_t flags, int door);

/// Nothing was run, because of errno at this step.
[[noreturn]] void giveUp(const char* step);

/// Sends one descriptor over a socket of our own; takes one, -1 when there was none.
bool sendDescriptor(int socket, int fd);
int receiveDescriptor(int socket);

} // namespace sb::helper
