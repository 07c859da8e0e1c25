#pragma once
#include "core/base/Clock.h"
#include "core/base/SecretString.h"
#include "core/packages/Signature.h"

#include <optional>

namespace sb::packages {

/// A publisher whose key a person has accepted.
struct Pin
{
    QString publisher;
    QByteArray key;
    TimeUs since = 0;
    QList<QByteArray> earlier; ///< keys that were rotated away
    bool operator==(const Pin&) const = default;
};

/// Which key belongs to which publisher's name, by decision of a person: a name that is not known
/// is asked about (trust on first use), and a name that is known has one key and no other.
class Trust
{
public:
    virtual ~Trust() = default;
    /// Every known publisher. An error means that the store cannot be believed; nothing is known
    /// then, and nothing may be installed.
    [[nodiscard]] virtual Result<QList<Pin>> pins() const = 0;
    /// Why the key was revoked; nothing: it was not.
    [[nodiscard]] virtual Result<std::optional<QString>> revoked(const QByteArray& key) const = 0;

    /// A person's decision, or a genuine rotation: from now on this key and no other.
    [[nodiscard]] virtual Result<> pin(const QString& publisher, const QByteArray& key) = 0;
    /// Back to "not known"; its packages are not used until somebody trusts the name again.
    [[nodiscard]] virtual Result<> forget(const QString& publisher) = 0;
    /// The key is never believed again, for any name.
    [[nodiscard]] virtual Result<> revoke(const QByteArray& key, const QString& reason) = 0;

    [[nodiscard]] Result<std::optional<Pin>> find(const QString& publisher) const;
};

/// The store as one JSON file below the home. It is the user's own (0600), no link, written beside
/// and renamed into place, sealed with a key (BLAKE2b, keyed) that lies elsewhere, so that a line
/// added by hand or by a tool that may write this file alone is noticed; and like the whole home it
/// does not exist inside a sandbox.
class FileTrust final : public Trust
{
public:
    /// The seal's key is any secret of the home, at least 32 bytes (the journal's signing key); a
    /// key of its own is derived from it. The clock must outlive it.
    FileTrust(QString path, const SecretString& homeSecret, const Clock& clock);

    [[nodiscard]] Result<QList<Pin>> pins() const override;
    [[nodiscard]] Result<std::optional<QString>> revoked(const QByteArray& key) const override;
    [[nodiscard]] Result<> pin(const QString& publisher, const QByteArray& key) override;
    [[nodiscard]] Result<> forget(const QString& publisher) override;
    [[nodiscard]] Result<> revoke(const QByteArray& key, const QString& reason) override;

private:
    struct Content;
    [[nodiscard]] Result<Content> load() const;
    [[nodiscard]] QByteArray sealOf(const QByteArray& bytes) const;
    [[nodiscard]] Result<> change(const std::function<void(Content&)>& edit);

    QString m_path;
    SecretString m_seal;
    const Clock& m_clock;
};

} // namespace sb::packages
