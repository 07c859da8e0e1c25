#pragma once
#include <QHostAddress>
#include <QString>

namespace sb::egress {

/// Whose an address is, whatever form it is written in.
enum class AddressKind {
    Public,
    Private,       ///< RFC 1918: a house's own network
    CarrierNat,    ///< 100.64.0.0/10
    UniqueLocal,   ///< fc00::/7
    Benchmarking,  ///< 198.18.0.0/15
    Loopback,      ///< this machine
    LinkLocal,     ///< 169.254.0.0/16, fe80::/10
    Metadata,      ///< where a cloud tells a machine its keys
    ThisNetwork,   ///< 0.0.0.0/8, ::
    Multicast,     ///< 224.0.0.0/4, ff00::/8
    Broadcast,     ///< 255.255.255.255
    Documentation, ///< 192.0.2.0/24 and its like
    Reserved,      ///< everything else that no public machine has
};

/// What holds an IPv4 address inside an IPv6 one.
enum class Wrapping { None, Mapped, Compatible, Nat64, SixToFour, Teredo };

struct Judged
{
    AddressKind kind = AddressKind::Reserved;
    Wrapping wrapping = Wrapping::None;
    bool operator==(const Judged&) const = default;
};

/// An IPv4 address inside an IPv6 one counts as what it holds.
Judged judge(const QHostAddress& address);

/// "a private network", "this machine", … as a sentence wants it.
QString kindText(AddressKind kind);

/// How the host of a request is on the agent's list.
enum class Listing {
    None,
    Wildcard, ///< by *.example.org, by any port, or by a person's yes for this once
    Exact,    ///< that very name or address, with its port
};

/// Whether a request to `host` may connect to this address. A name on the list may lead to a
/// private address only when it is listed itself, without a wildcard; to a local one (loopback,
/// link, metadata …) only when the host is an address or localhost itself, so that no name server
/// can turn a listed name into a way to this machine.
bool mayConnect(const QString& host, Listing listing, const QHostAddress& address);

} // namespace sb::egress
