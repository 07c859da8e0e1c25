#include "core/tools/WebToolAddress.h"

#include <algorithm>
#include <array>

namespace sb::tools {

using namespace Qt::StringLiterals;

namespace {

struct Range
{
    quint32 network;
    int bits;
    AddressKind kind;
};

constexpr quint32 v4(quint32 a, quint32 b, quint32 c, quint32 d)
{
    return a << 24 | b << 16 | c << 8 | d;
}

// The first that fits counts.
constexpr std::array kRanges{
    Range{
        v4(100, 100, 100, 200), 32, AddressKind::Local}, // a metadata service inside the next range
    Range{v4(100, 64, 0, 0), 10, AddressKind::Private},
    Range{v4(10, 0, 0, 0), 8, AddressKind::Private},
    Range{v4(172, 16, 0, 0), 12, AddressKind::Private},
    Range{v4(192, 168, 0, 0), 16, AddressKind::Private},
    Range{v4(198, 18, 0, 0), 15, AddressKind::Private},
    Range{v4(0, 0, 0, 0), 8, AddressKind::Local},
    Range{v4(127, 0, 0, 0), 8, AddressKind::Local},
    Range{v4(169, 254, 0, 0), 16, AddressKind::Local},
    Range{v4(192, 0, 0, 0), 24, AddressKind::Local},
    Range{v4(192, 0, 2, 0), 24, AddressKind::Local},
    Range{v4(192, 88, 99, 0), 24, AddressKind::Local},
    Range{v4(198, 51, 100, 0), 24, AddressKind::Local},
    Range{v4(203, 0, 113, 0), 24, AddressKind::Local},
    Range{v4(224, 0, 0, 0), 3, AddressKind::Local}, // multicast and all that follows
};

AddressKind kindOfV4(quint32 address)
{
    for (const Range& range : kRanges) {
        if ((address ^ range.network) >> (32 - range.bits) == 0) {
            return range.kind;
        }
    }
    return AddressKind::Public;
}

} // namespace

AddressKind addressKind(const QHostAddress& address)
{
    if (address.protocol() == QAbstractSocket::IPv4Protocol) {
        return kindOfV4(address.toIPv4Address());
    }
    if (address.protocol() != QAbstractSocket::IPv6Protocol) {
        return AddressKind::Local;
    }
    const Q_IPV6ADDR bytes = address.toIPv6Address();
    const auto word = [&bytes](int at) {
        return v4(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
    };
    const auto zero = [&bytes](int from, int to) {
        return std::all_of(bytes.c + from, bytes.c + to, [](quint8 byte) { return byte == 0; });
    };
    if (zero(0, 10) && (word(8) & 0xffff) == 0xffff) {
        return kindOfV4(word(12)); // mapped
    }
    if (word(0) == 0x0064ff9b) {
        return kindOfV4(word(12)); // NAT64, its well-known prefix and the local one
    }
    if ((word(0) >> 16) == 0x2002) {
        return kindOfV4(word(0) << 16 | word(4) >> 16); // 6to4
    }
    if ((bytes[0] & 0xfe) == 0xfc) {
        const bool metadata = word(0) == 0xfd000ec2 && zero(4, 14) && (word(12) & 0xffff) == 0x0254;
        return metadata ? AddressKind::Local : AddressKind::Private;
    }
    // Of the rest only 2000::/3 is the public internet; Teredo and the documentation's prefix are
    // not.
    const bool global = (bytes[0] & 0xe0) == 0x20 && word(0) != 0x20010000 && word(0) != 0x20010db8;
    return global ? AddressKind::Public : AddressKind::Local;
}

bool mayConnect(const QString& host, bool listedByName, const QHostAddress& address)
{
    switch (addressKind(address)) {
    case AddressKind::Public:
        return true;
    case AddressKind::Private:
        return listedByName;
    case AddressKind::Local:
        return listedByName && (host == "localhost"_L1 || !QHostAddress(host).isNull());
    }
    return false;
}

} // namespace sb::tools
