#pragma once
#include "core/base/Result.h"
#include "core/base/SecretString.h"

#include <QByteArray>
#include <QList>

namespace sb::packages {

/// 32 hexadecimal digits of SHA-256 over a public key, in groups of four: what two people compare.
[[nodiscard]] QString fingerprintOf(const QByteArray& publicKey);

/// The key that a publisher signs with.
class PublisherKey
{
public:
    static PublisherKey create();
    /// Reads a key that save() wrote. NotFound, Forbidden (others can read it), Corrupt.
    static Result<PublisherKey> load(const QString& path);
    /// Writes it for the owner alone; Conflict when something lies there already.
    [[nodiscard]] Result<> save(const QString& path) const;

    [[nodiscard]] const QByteArray& publicKey() const { return m_publicKey; }
    /// Ed25519 over the domain's name, a zero byte and the bytes: what is signed for one purpose is
    /// nothing for another.
    [[nodiscard]] QByteArray sign(QByteArrayView domain, QByteArrayView bytes) const;

private:
    SecretString m_secret; ///< Ed25519, 64 bytes
    QByteArray m_publicKey;
};

/// The domains of everything that is signed here.
inline constexpr QByteArrayView manifestDomain = "signalbox package manifest v1";
inline constexpr QByteArrayView rotationDomain = "signalbox key rotation v1";
inline constexpr QByteArrayView revocationDomain = "signalbox key revocation v1";

[[nodiscard]] bool verifies(QByteArrayView domain,
                            QByteArrayView bytes,
                            const QByteArray& signature,
                            const QByteArray& publicKey);

/// A publisher's word that another key is now theirs; signed by the old key and by the new one, so
/// that nobody can hand themselves over to a key that is not theirs, either.
struct Rotation
{
    QByteArray from;
    QByteArray to;
    QByteArray byOld;
    QByteArray byNew;
    bool operator==(const Rotation&) const = default;
};
[[nodiscard]] Rotation
rotate(const QString& publisher, const PublisherKey& from, const PublisherKey& to);
[[nodiscard]] bool isGenuine(const Rotation& rotation, const QString& publisher);

/// A key's own word that it must not be believed any more.
struct Revocation
{
    QByteArray key;
    QString reason;
    QByteArray signature;
    bool operator==(const Revocation&) const = default;
};
[[nodiscard]] Revocation revoke(const PublisherKey& key, const QString& reason);
[[nodiscard]] bool isGenuine(const Revocation& revocation);
/// As a file that a publisher can hand out, and back.
[[nodiscard]] QByteArray writeRevocation(const Revocation& revocation);
[[nodiscard]] Result<Revocation> parseRevocation(const QByteArray& yaml);

/// manifest.sig
struct Signature
{
    QByteArray key; ///< the publisher's public key; believed only when it is the pinned one
    QByteArray bytes;
    QList<Rotation> rotations; ///< oldest first
    bool operator==(const Signature&) const = default;
};
[[nodiscard]] QByteArray writeSignature(const Signature& signature);
[[nodiscard]] Result<Signature> parseSignature(const QByteArray& yaml);

} // namespace sb::packages
