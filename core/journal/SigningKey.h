#pragma once
#include "core/base/Result.h"

#include <QByteArray>

namespace sb::journal {

/// The key that signs a home's journals.
struct SigningKey
{
    QByteArray secret;    ///< Ed25519, 64 bytes: Journal::Settings::signingKey
    QByteArray publicKey; ///< 32 bytes

    /// Reads FOLDER/keys/journal.ed25519 or makes it, readable for the owner alone. Two processes
    /// that make it at the same time end with the same key. Corrupt when the file holds no key.
    static Result<SigningKey> loadOrCreate(const QString& folder);
    /// Short enough to read out: the first 16 hex digits of SHA-256 over the public key, in groups
    /// of four.
    [[nodiscard]] QString fingerprint() const;
};

} // namespace sb::journal
