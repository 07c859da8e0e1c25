#pragma once
#include "core/base/SecretString.h"
#include "core/egress/Egress.h"
#include "core/egress/Message.h"
#include "core/egress/Target.h"

#include <vector>

namespace sb::egress {

/// A header whose value holds a placeholder.
struct Place
{
    qsizetype header = 0; ///< its index in the head
    Injection injection;
};

/// Where placeholders stand in the head of a request to this target, plain or inside Basic's
/// base64. Forbidden when one stands where its key does not belong: another host, another header.
Result<std::vector<Place>>
findPlaceholders(const Head& head, const Target& target, const QList<Injection>& injections);

/// Makes a plain request one over TLS where a key is put in, and where its port is 443.
Target upgraded(const Target& target, const QList<Injection>& injections);

/// The value of the header with the key in it. InvalidInput for a key that no header can hold.
Result<SecretString> withKey(const QByteArray& value, const Place& place, const SecretString& key);

/// Keeps what it knows out of what passes: each occurrence becomes as many asterisks, also one
/// that comes in pieces.
class EchoGuard
{
public:
    void know(SecretString secret);
    [[nodiscard]] bool isIdle() const { return m_secrets.empty(); }
    /// What may go on now. The last piece gives out what was held back.
    QByteArray pass(const QByteArray& piece, bool last);
    [[nodiscard]] int hits() const { return m_hits; }

private:
    std::vector<SecretString> m_secrets;
    QByteArray m_held;
    int m_hits = 0;
};

/// Overwrites the bytes and empties the array; nothing else may share them.
void wipe(QByteArray& bytes);

} // namespace sb::egress
