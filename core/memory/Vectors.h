#pragma once
#include <QtGlobal>
#include <span>
#include <vector>

/// Vectors as the index keeps them: halves (16-bit floating point), which take half the room and
/// half the time of floats and rank as they do.
namespace sb::memory {

using Half = quint16;

/// How many halves a vector of this dimension has: filled up with zeros to whole steps of the
/// processor.
constexpr size_t paddedSize(int dimension)
{
    return (size_t(dimension) + 15) / 16 * 16;
}

std::vector<Half> toHalves(std::span<const float> vector);
std::vector<float> toFloats(std::span<const Half> halves, int dimension);

/// Dot product of `size` halves, a multiple of 16.
float dot(const Half* one, const Half* other, size_t size);

/// Makes the length 1; a vector of zeros, or of what is no number, becomes zeros and answers false.
bool normalise(std::span<float> vector);

} // namespace sb::memory
