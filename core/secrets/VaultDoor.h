#pragma once
#include "core/base/Executor.h"
#include "core/base/Future.h"
#include "core/secrets/Secrets.h"
#include "core/secrets/Vault.h"

namespace sb::secrets {

/// The vault, with somebody at its door who asks for the passphrase: once in a run, however many
/// wait, three times when it is wrong, and not again once a person said no. Safe to use from any
/// thread.
class VaultDoor : public std::enable_shared_from_this<VaultDoor>
{
public:
    /// `pool` outlives it.
    VaultDoor(const QString& file, AskPassphrase ask, Executor& pool);

    [[nodiscard]] bool exists() const { return m_vault.exists(); }
    [[nodiscard]] bool isUnlocked() const { return m_vault.isUnlocked(); }
    [[nodiscard]] bool canAsk() const { return bool(m_ask); }
    [[nodiscard]] QByteArray stamp() const { return m_vault.stamp(); }
    Future<SecretString> read(const QString& name);
    /// Makes the vault when there is none.
    Future<> write(const QString& name, SecretString value);
    Future<QStringList> names();
    /// Also after a person said no.
    Future<> unlock();
    Future<> changePassphrase(SecretString passphrase);

private:
    struct Waiting
    {
        std::vector<std::move_only_function<void(Result<>)>> callbacks;
        bool isAsking = false;
        bool wasRefused = false;
    };
    /// Runs the work on the pool, and again once the vault is open, should it be locked or absent.
    template <class T>
    Future<T> open(bool mayCreate, std::function<Result<T>(Vault&)> work);
    void opened(PassphraseQuestion::Kind kind, std::move_only_function<void(Result<>)> then);
    void ask(const PassphraseQuestion& question);
    void answered(const PassphraseQuestion& question, Result<SecretString> passphrase);
    void finish(const Result<>& result, bool wasRefused);

    Vault m_vault;
    const AskPassphrase m_ask;
    Executor& m_pool;
    Guarded<Waiting> m_waiting;
};

} // namespace sb::secrets
