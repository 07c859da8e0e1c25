#include "tests/fuzz/Fuzz.h"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    fuzz(QByteArrayView(reinterpret_cast<const char*>(data), qsizetype(size)));
    return 0;
}
