#include "core/leaks/Checksums.h"

#include <QByteArray>
#include <array>

namespace sb::leaks {

namespace {

constexpr std::array<quint32, 256> crcTable()
{
    std::array<quint32, 256> table{};
    for (quint32 i = 0; i < 256; ++i) {
        quint32 value = i;
        for (int bit = 0; bit < 8; ++bit) {
            value = (value & 1) != 0 ? (value >> 1) ^ 0xEDB8'8320U : value >> 1;
        }
        table[i] = value;
    }
    return table;
}
constexpr auto crcs = crcTable();

quint32 crc32(QByteArrayView bytes)
{
    quint32 sum = 0xFFFF'FFFFU;
    for (const char c : bytes) {
        sum = (sum >> 8) ^ crcs[(sum ^ uchar(c)) & 0xff];
    }
    return ~sum;
}

// One step of bech32's polynomial (BIP 173).
quint32 step(quint32 sum, quint32 value)
{
    constexpr std::array<quint32, 5> generator = {
        0x3b6a'57b2, 0x2650'8e6d, 0x1ea1'19fa, 0x3d42'33dd, 0x2a14'62b3};
    const quint32 top = sum >> 25;
    sum = ((sum & 0x1ff'ffff) << 5) ^ value;
    for (quint32 i = 0; i < 5; ++i) {
        sum ^= ((top >> i) & 1) != 0 ? generator[i] : 0;
    }
    return sum;
}

} // namespace

bool hasBase62Sum(QByteArrayView afterPrefix)
{
    constexpr qsizetype sumSize = 6;
    if (afterPrefix.size() <= sumSize) {
        return false;
    }
    static constexpr char digits[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    quint32 sum = crc32(afterPrefix.chopped(sumSize));
    for (qsizetype i = 1; i <= sumSize; ++i) {
        if (afterPrefix[afterPrefix.size() - i] != digits[sum % 62]) {
            return false;
        }
        sum /= 62;
    }
    return true;
}

bool hasBech32Sum(QByteArrayView key)
{
    static constexpr QByteArrayView alphabet("qpzry9x8gf2tvdw0s3jn54khce6mua7l");
    const qsizetype one = key.lastIndexOf('1');
    if (one < 1) {
        return false;
    }
    const auto small = [](char c) { return c >= 'A' && c <= 'Z' ? char(c | 0x20) : c; };
    quint32 sum = 1;
    for (const char c : key.first(one)) {
        sum = step(sum, quint32(uchar(small(c))) >> 5);
    }
    sum = step(sum, 0);
    for (const char c : key.first(one)) {
        sum = step(sum, quint32(uchar(small(c))) & 31);
    }
    for (const char c : key.sliced(one + 1)) {
        const qsizetype value = alphabet.indexOf(small(c));
        if (value < 0) {
            return false;
        }
        sum = step(sum, quint32(value));
    }
    return sum == 1;
}

} // namespace sb::leaks
