#pragma once
#include <QByteArrayView>
#include <cstdio>
#include <cstdlib>

/// What holds for every input; libFuzzer keeps the one that broke it.
#define FUZZ_CHECK(condition)                                                                      \
    ((condition)                                                                                   \
         ? (void)0                                                                                 \
         : (std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), std::abort()))

/// The body of a target: `data` is what somebody outside made up.
void fuzz(QByteArrayView data);
