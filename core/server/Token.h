#pragma once
#include "core/base/Result.h"
#include "core/base/SecretString.h"

namespace sb::server {

/// The bearer token of the HTTP server: 32 random bytes as base64url in a file that only its owner
/// can read.
struct Token
{
    /// Reads the token, or makes file and folder (0600, 0700) with a new one. A file that others
    /// could read, or that holds no usable token, is replaced; one that belongs to somebody else or
    /// is a link is refused (Forbidden).
    static Result<SecretString> loadOrCreate(const QString& path);
    /// Compares in a time that does not depend on where they differ.
    static bool matches(const SecretString& token, QByteArrayView given);
};

} // namespace sb::server
