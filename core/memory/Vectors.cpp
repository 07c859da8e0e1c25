#include "core/memory/Vectors.h"

#include <QFloat16>
#include <algorithm>
#include <array>
#include <cmath>

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace sb::memory {

static_assert(sizeof(qfloat16) == sizeof(Half));

namespace {

float dotAnywhere(const Half* one, const Half* other, size_t size)
{
    constexpr size_t step = 16;
    std::array<float, step> x;
    std::array<float, step> y;
    std::array<float, step> sums{};
    for (size_t i = 0; i < size; i += step) {
        qFloatFromFloat16(x.data(), reinterpret_cast<const qfloat16*>(one + i), step);
        qFloatFromFloat16(y.data(), reinterpret_cast<const qfloat16*>(other + i), step);
        for (size_t k = 0; k < step; ++k) {
            sums[k] += x[k] * y[k];
        }
    }
    float sum = 0;
    for (const float part : sums) {
        sum += part;
    }
    return sum;
}

#ifdef __x86_64__
#define SB_WIDE __attribute__((target("avx2,fma,f16c")))
// The next eight, multiplied and added.
SB_WIDE inline __m256 addProducts(const Half* one, const Half* other, __m256 sums)
{
    return _mm256_fmadd_ps(
        _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(one))),
        _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(other))),
        sums);
}

SB_WIDE float dotWide(const Half* one, const Half* other, size_t size)
{
    __m256 even = _mm256_setzero_ps();
    __m256 odd = _mm256_setzero_ps();
    for (size_t i = 0; i < size; i += 16) {
        even = addProducts(one + i, other + i, even);
        odd = addProducts(one + i + 8, other + i + 8, odd);
    }
    const __m256 both = _mm256_add_ps(even, odd);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(both), _mm256_extractf128_ps(both, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    four = _mm_add_ss(four, _mm_shuffle_ps(four, four, 1));
    return _mm_cvtss_f32(four);
}
#undef SB_WIDE
#endif

using Dot = float (*)(const Half*, const Half*, size_t);

Dot bestDot()
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
        __builtin_cpu_supports("f16c")) {
        return dotWide;
    }
#endif
    return dotAnywhere;
}

} // namespace

std::vector<Half> toHalves(std::span<const float> vector)
{
    std::vector<Half> halves(paddedSize(int(vector.size())));
    qFloatToFloat16(
        reinterpret_cast<qfloat16*>(halves.data()), vector.data(), qsizetype(vector.size()));
    return halves;
}

std::vector<float> toFloats(std::span<const Half> halves, int dimension)
{
    std::vector<float> floats(std::min(size_t(dimension), halves.size()));
    qFloatFromFloat16(
        floats.data(), reinterpret_cast<const qfloat16*>(halves.data()), qsizetype(floats.size()));
    return floats;
}

float dot(const Half* one, const Half* other, size_t size)
{
    static const Dot best = bestDot();
    return best(one, other, size);
}

bool normalise(std::span<float> vector)
{
    double sum = 0;
    for (const float x : vector) {
        sum += double(x) * double(x);
    }
    if (!std::isfinite(sum) || sum <= 0) {
        std::ranges::fill(vector, 0.0F);
        return false;
    }
    const double scale = 1 / std::sqrt(sum);
    for (float& x : vector) {
        x = float(double(x) * scale);
    }
    return true;
}

} // namespace sb::memory
