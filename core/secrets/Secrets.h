#pragma once
#include "core/base/Clock.h"
#include "core/base/Executor.h"
#include "core/base/Future.h"
#include "core/base/SecretString.h"
#include "core/secrets/HashiCorp.h"

#include <QString>
#include <QStringList>
#include <functional>
#include <memory>

namespace sb::secrets {

class Redactor;

/// A value for as long as somebody uses it: all who hold it share one copy in locked memory, which
/// is wiped when the last one lets go of it.
using Lease = std::shared_ptr<const SecretString>;

/// What the person who is asked for a passphrase must know.
struct PassphraseQuestion
{
    enum class Kind { Unlock, Create };
    Kind kind = Kind::Unlock;
    int attempt = 1; ///< above 1: the one before was wrong, or too short
    QString vault;   ///< path of the file
};
/// Asks a person, wherever there is one. Called from any thread. An error means that none was
/// given.
using AskPassphrase = std::function<Future<SecretString>(const PassphraseQuestion& question)>;

/// What happened to a value; for the journal. Never the value.
struct Change
{
    enum class Kind { Stored, Removed, Rotated };
    Kind kind = Kind::Stored;
    QString reference;
};

/// Tries a new value before it takes the place of the old one, by asking a provider for its models
/// say. An error keeps the old one.
using Validate = std::function<Future<>(const Lease& value)>;

struct Rotated
{
    long inFlight = 0; ///< users of the old value when it was replaced
    Future<> drained;  ///< answers when the last of them has ended and the old value is wiped
};

/// What is known of the vault without its passphrase.
struct VaultState
{
    bool exists = false;
    bool isLocked = false;
    bool canAsk = false; ///< there is somebody who can be asked for the passphrase
};

/// Resolves references to keys, and keeps values. Safe to use from any thread.
class Secrets
{
public:
    struct Settings
    {
        /// Told once a file whose mode lets others in; one sentence. From any thread; may be empty.
        std::function<void(const QString&)> warn = {};
        /// How long a locked keychain may ask its owner for the password.
        Milliseconds keychainPatience{120'000};
        QString vaultFile = {}; ///< absolute; empty: there is no vault
        /// Empty: nobody can be asked, and the vault stays locked.
        AskPassphrase askPassphrase = {};
        /// From any thread; may be empty.
        std::function<void(const Change&)> changed = {};
        /// Called on the loop before the first https request; may be empty.
        std::function<void()> beforeTls = {};
        Milliseconds commandPatience{10'000};
        Milliseconds hashicorpPatience{10'000};
    };
    /// `loop` must have a Qt event loop, and every Secrets of a process the same one: QtKeychain's
    /// jobs stand in one queue. `pool` reads files and runs programs. All outlive it.
    Secrets(Settings settings, Executor& loop, Executor& pool, Clock& clock, Redactor& redactor);
    ~Secrets();
    Secrets(const Secrets&) = delete;
    Secrets& operator=(const Secrets&) = delete;

    /// Where hashicorp: is asked from now on; nothing: nowhere. What came from elsewhere is
    /// forgotten.
    void setHashiCorp(std::optional<HashiCorpPlace> place);

    /// The value behind a reference (README.md lists the kinds), shared with all who ask meanwhile.
    /// InvalidInput: no reference; NotFound: nothing there; Forbidden: the keychain's owner, a
    /// file's mode or a service says no; Unavailable: no keychain, no service; Locked: the vault
    /// is, and no passphrase was given; Corrupt: the vault is damaged or was altered; Timeout.
    /// Values from the keychain, the vault, programs and services are remembered until forget(),
    /// those of programs and services for ten minutes or their lease at most.
    Future<Lease> lease(const QString& reference);
    /// The same as a copy of one's own. rotate() does not count who holds one.
    Future<SecretString> resolve(const QString& reference);
    /// Lets the next one ask anew: after a key was refused, or stored by another process.
    void forget(const QString& reference);
    void forgetAll();

    /// Stores a value in the keychain, or in the vault where no keychain answers, and gives the
    /// reference under which it is found. "vault:NAME" wants the vault also where a keychain
    /// answers. InvalidInput: no value, or no name; errors as of lease().
    Future<QString> store(const QString& name, SecretString value);
    /// Removes what keychain:NAME or vault:NAME points to. No failure where there was nothing.
    Future<> remove(const QString& reference);
    /// Looks at the disk.
    [[nodiscard]] VaultState vaultState() const;
    /// Names in the vault, without a passphrase; none where there is no vault.
    Future<QStringList> vaultNames();
    /// Asks for the passphrase if the vault is locked, also after a person said no before.
    Future<> unlockVault();
    Future<> changePassphrase(SecretString passphrase);

    /// Tries a new value, and when it is good puts it in the place of the old: in the store, and
    /// for all who ask from now on. The old one stays with those who hold it. Only keychain: and
    /// vault: take a value; without one the value is read anew where it is kept (also exec:,
    /// hashicorp:). Conflict: a rotation of this reference is under way. Whatever fails, the old
    /// value stays.
    Future<Rotated>
    rotate(const QString& reference, std::optional<SecretString> value, Validate validate);

private:
    struct Private;
    std::shared_ptr<Private> m; // shared with the jobs that it posted
};

} // namespace sb::secrets
