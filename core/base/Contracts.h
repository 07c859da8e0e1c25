#pragma once

namespace sb {
/// Prints the broken contract with its place and ends the process.
[[noreturn]] void contractBroken(const char* condition, const char* file, int line);
} // namespace sb

/// For programmer errors only, never for input from a model, the network, a file or a person.
#define SB_ASSERT(condition)                                                                       \
    ((condition) ? (void)0 : ::sb::contractBroken(#condition, __FILE__, __LINE__))
