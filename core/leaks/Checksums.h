#pragma once
#include <QByteArrayView>

/// Checksums that keys of some providers carry, so that a text which only resembles one can be
/// told.
namespace sb::leaks {

/// GitHub and npm: the last six characters are the CRC-32 of those before them, in base 62.
[[nodiscard]] bool hasBase62Sum(QByteArrayView afterPrefix);

/// The bech32 checksum of a whole key, "AGE-SECRET-KEY-1…": the part before the last 1, and data.
[[nodiscard]] bool hasBech32Sum(QByteArrayView key);

} // namespace sb::leaks
