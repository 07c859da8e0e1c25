#include "core/egress/Address.h"

#include "core/base/Defence.h"

#include <array>

namespace sb::egress {

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
    Range{v4(169, 254, 169, 254), 32, AddressKind::Metadata},
    Range{v4(169, 254, 170, 2), 32, AddressKind::Metadata},   // of containers
    Range{v4(169, 254, 170, 23), 32, AddressKind::Metadata},  // of pods
    Range{v4(100, 100, 100, 200), 32, AddressKind::Metadata}, // inside the carriers' range
    Range{v4(192, 0, 0, 192), 32, AddressKind::Metadata},
    Range{v4(168, 63, 129, 16), 32, AddressKind::Metadata}, // looks public and is a host's own
    Range{v4(10, 0, 0, 0), 8, AddressKind::Private},
    Range{v4(172, 16, 0, 0), 12, AddressKind::Private},
    Range{v4(192, 168, 0, 0), 16, AddressKind::Private},
    Range{v4(100, 64, 0, 0), 10, AddressKind::CarrierNat},
    Range{v4(198, 18, 0, 0), 15, AddressKind::Benchmarking},
    Range{v4(0, 0, 0, 0), 8, AddressKind::ThisNetwork},
    Range{v4(127, 0, 0, 0), 8, AddressKind::Loopback},
    Range{v4(169, 254, 0, 0), 16, AddressKind::LinkLocal},
    Range{v4(192, 0, 2, 0), 24, AddressKind::Documentation},
    Range{v4(198, 51, 100, 0), 24, AddressKind::Documentation},
    Range{v4(203, 0, 113, 0), 24, AddressKind::Documentation},
    Range{v4(192, 0, 0, 0), 24, AddressKind::Reserved},
    Range{v4(192, 88, 99, 0), 24, AddressKind::Reserved},
    Range{v4(255, 255, 255, 255), 32, AddressKind::Broadcast},
    Range{v4(224, 0, 0, 0), 4, AddressKind::Multicast},
    Range{v4(240, 0, 0, 0), 4, AddressKind::Reserved},
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

// Each class is a defence of its own, so that an attack can show which one stopped it.
bool guarded(AddressKind kind)
{
    switch (kind) {
    case AddressKind::Public:
        return false;
    case AddressKind::Private:
        return defended("egress.private");
    case AddressKind::CarrierNat:
        return defended("egress.carrier-nat");
    case AddressKind::UniqueLocal:
        return defended("egress.unique-local");
    case AddressKind::Benchmarking:
        return defended("egress.benchmarking");
    case AddressKind::Loopback:
        return defended("egress.loopback");
    case AddressKind::LinkLocal:
        return defended("egress.link-local");
    case AddressKind::Metadata:
        return defended("egress.metadata");
    case AddressKind::ThisNetwork:
        return defended("egress.this-network");
    case AddressKind::Multicast:
        return defended("egress.multicast");
    case AddressKind::Broadcast:
        return defended("egress.broadcast");
    case AddressKind::Documentation:
        return defended("egress.documentation");
    case AddressKind::Reserved:
        return defended("egress.reserved");
    }
    return true;
}

bool unwraps(Wrapping wrapping)
{
    switch (wrapping) {
    case Wrapping::None:
        return true;
    case Wrapping::Mapped:
        return defended("egress.mapped");
    case Wrapping::Compatible:
        return defended("egress.compatible");
    case Wrapping::Nat64:
        return defended("egress.nat64");
    case Wrapping::SixToFour:
        return defended("egress.6to4");
    case Wrapping::Teredo:
        return defended("egress.teredo");
    }
    return true;
}

} // namespace

Judged judge(const QHostAddress& address)
{
    if (address.protocol() == QAbstractSocket::IPv4Protocol) {
        return {kindOfV4(address.toIPv4Address()), Wrapping::None};
    }
    if (address.protocol() != QAbstractSocket::IPv6Protocol) {
        return {};
    }
    const Q_IPV6ADDR bytes = address.toIPv6Address();
    const auto word = [&bytes](int at) {
        return v4(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
    };
    const auto zero = [&bytes](int from, int to) {
        return std::all_of(bytes.c + from, bytes.c + to, [](quint8 byte) { return byte == 0; });
    };
    if (zero(0, 10) && (word(8) & 0xffff) == 0xffff) {
        return {kindOfV4(word(12)), Wrapping::Mapped};
    }
    if (zero(0, 15)) {
        return {bytes[15] == 1 ? AddressKind::Loopback : AddressKind::ThisNetwork, Wrapping::None};
    }
    if (zero(0, 12)) {
        return {kindOfV4(word(12)), Wrapping::Compatible};
    }
    if (word(0) == 0x0064ff9b) {
        return {kindOfV4(word(12)), Wrapping::Nat64}; // the well-known prefix and the local one
    }
    if ((word(0) >> 16) == 0x2002) {
        return {kindOfV4(word(0) << 16 | word(4) >> 16), Wrapping::SixToFour};
    }
    if (word(0) == 0x20010000) {
        // The client's address is stored inverted. A public one is refused as well: it is a tunnel
        // past everything that looks at addresses.
        const AddressKind inside = kindOfV4(~word(12));
        return {inside == AddressKind::Public ? AddressKind::Reserved : inside, Wrapping::Teredo};
    }
    if (word(0) == 0xfd000ec2 && zero(4, 14) && (word(12) & 0xffff) == 0x0254) {
        return {AddressKind::Metadata, Wrapping::None};
    }
    if ((bytes[0] & 0xfe) == 0xfc) {
        return {AddressKind::UniqueLocal, Wrapping::None};
    }
    if (bytes[0] == 0xff) {
        return {AddressKind::Multicast, Wrapping::None};
    }
    if ((word(0) >> 22) == (0xfe800000U >> 22)) {
        return {AddressKind::LinkLocal, Wrapping::None};
    }
    if (word(0) == 0x20010db8 || (word(0) >> 12) == (0x3fff0000U >> 12)) {
        return {AddressKind::Documentation, Wrapping::None};
    }
    if (word(0) == 0x20010002 && zero(4, 6)) {
        return {AddressKind::Benchmarking, Wrapping::None};
    }
    // Of the rest only 2000::/3 is the public internet.
    const bool global = (bytes[0] & 0xe0) == 0x20;
    return {global ? AddressKind::Public : AddressKind::Reserved, Wrapping::None};
}

QString kindText(AddressKind kind)
{
    switch (kind) {
    case AddressKind::Public:
        return u"the public internet"_s;
    case AddressKind::Private:
    case AddressKind::UniqueLocal:
        return u"a private network"_s;
    case AddressKind::CarrierNat:
        return u"a provider's inner network"_s;
    case AddressKind::Benchmarking:
        return u"a network for measurements"_s;
    case AddressKind::Loopback:
    case AddressKind::ThisNetwork:
        return u"this machine"_s;
    case AddressKind::LinkLocal:
        return u"the local link"_s;
    case AddressKind::Metadata:
        return u"a cloud's metadata service"_s;
    case AddressKind::Multicast:
    case AddressKind::Broadcast:
        return u"many machines at once"_s;
    case AddressKind::Documentation:
        return u"a range for examples"_s;
    case AddressKind::Reserved:
        return u"a reserved range"_s;
    }
    return {};
}

bool mayConnect(const QString& host, Listing listing, const QHostAddress& address)
{
    const Judged judged = judge(address);
    if (!unwraps(judged.wrapping) || !guarded(judged.kind)) {
        return true;
    }
    switch (judged.kind) {
    case AddressKind::Public:
        return true;
    case AddressKind::Private:
    case AddressKind::CarrierNat:
    case AddressKind::UniqueLocal:
    case AddressKind::Benchmarking:
        return listing == Listing::Exact;
    case AddressKind::Loopback:
    case AddressKind::LinkLocal:
    case AddressKind::Metadata:
    case AddressKind::ThisNetwork:
    case AddressKind::Multicast:
    case AddressKind::Broadcast:
    case AddressKind::Documentation:
    case AddressKind::Reserved:
        return listing == Listing::Exact &&
               (host == "localhost"_L1 || !QHostAddress(host).isNull());
    }
    return false;
}

} // namespace sb::egress
