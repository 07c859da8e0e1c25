#include "core/base/Contracts.h"

#include <cstdio>
#include <cstdlib>

namespace sb {

void contractBroken(const char* condition, const char* file, int line)
{
    std::fprintf(stderr, "signalbox: contract broken: %s (%s:%d)\n", condition, file, line);
    std::abort();
}

} // namespace sb
