#pragma once
#include "core/base/Result.h"
#include "core/egress/Address.h"

#include <QByteArray>
#include <QStringList>

namespace sb::egress {

/// Where a request goes, in its one normal form.
struct Target
{
    QString scheme; ///< "http", "https", or "connect" for a tunnel
    QString host;   ///< lower case, A-labels, no dot at the end; an address in its usual spelling
    int port = 0;
    QByteArray path; ///< what follows the authority, with the query; "/" at least

    [[nodiscard]] bool isAddress() const { return !QHostAddress(host).isNull(); }
    /// "host:port" as it stands on a list; an IPv6 address in brackets.
    [[nodiscard]] QString place() const;
    /// The Host header: without the port where it is the scheme's own.
    [[nodiscard]] QByteArray hostHeader() const;
};

/// "host:port", or "host" with a default port (0: it must be there). Addresses may come in any
/// spelling that a resolver understands (decimal, octal, hexadecimal, shortened): they become the
/// usual one. InvalidInput for user names, percent escapes, and what cannot be a host.
Result<Target> readAuthority(const QByteArray& authority, int defaultPort);

/// A whole http:// or https:// URL, as in the first line of a request to a proxy.
Result<Target> readUrl(const QByteArray& url);

/// The entry of the list that names the target, and how. Entries: host:port, *.host:port (one or
/// more names in front), host:* (any port), *:port (any name). A wildcard never names an address.
struct Listed
{
    QString entry;
    Listing listing = Listing::None;
};
Listed findListed(const Target& target, const QStringList& list);

/// The listed host that the target's name only looks like (Cyrillic а for Latin a), or nothing.
QString looksLike(const Target& target, const QStringList& list);

/// A name for a person: what an A-label says, beside the A-label itself.
QString readable(const QString& host);

} // namespace sb::egress
