#pragma once
#include <QHostAddress>
#include <QString>

namespace sb::tools {

/// Whose an address is, whatever form it is written in.
enum class AddressKind {
    Public,
    Private, ///< of a house's own network: RFC 1918, carrier-grade NAT, unique local
    Local,   ///< of this machine or link, a cloud's metadata service, or of no single machine
};

/// IPv4 addresses inside IPv6 ones (mapped, compatible, NAT64, 6to4) count as what they hold.
AddressKind addressKind(const QHostAddress& address);

/// Whether a request to `host` may connect to this address. A name on the list may lead to a
/// private address only when it is listed itself, without a wildcard; to a local one only when it
/// is an address or localhost itself, so that no name server can turn a listed name into a way to
/// this machine.
bool mayConnect(const QString& host, bool listedByName, const QHostAddress& address);

} // namespace sb::tools
