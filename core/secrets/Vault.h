#pragma once
#include "core/base/Guarded.h"
#include "core/secrets/VaultFile.h"

#include <QStringList>
#include <optional>

namespace sb::secrets {

/// An encrypted file of values by name, for machines where no keychain answers. Opened with a
/// passphrase, of which nothing is kept but the keys that it gives, in locked memory. Other
/// processes may use the same file: each call reads it anew, and writes are taken in turn. All
/// calls block on the disk. Safe to use from any thread.
class Vault
{
public:
    /// Nothing is read or made yet. The path is absolute; `cost` is that of a vault that is made.
    explicit Vault(QString path, VaultCost cost = {});
    Vault(const Vault&) = delete;
    Vault& operator=(const Vault&) = delete;
    ~Vault() = default;

    [[nodiscard]] const QString& path() const { return m_path; }
    [[nodiscard]] bool exists() const;
    /// Changes whenever the file is replaced; empty without a file.
    [[nodiscard]] QByteArray stamp() const;
    [[nodiscard]] bool isUnlocked() const;

    /// Makes an empty vault and leaves it unlocked. Conflict: there is one; InvalidInput: the
    /// passphrase is shorter than leastPassphrase; Io, DiskFull.
    Result<> create(const SecretString& passphrase);
    /// NotFound: there is no vault; Forbidden: another passphrase; Corrupt; TooNew; Io.
    Result<> unlock(const SecretString& passphrase);
    /// Forgets the keys.
    void lock();

    /// In the file's order; needs no passphrase.
    [[nodiscard]] Result<QStringList> names() const;
    /// Locked: the passphrase is needed first (again, when another process changed it); NotFound;
    /// Corrupt: damaged, altered, or older than what was read before.
    Result<SecretString> read(const QString& name);
    /// Puts a value in its place, on disk when it answers; an empty one removes it. Errors as of
    /// read.
    Result<> write(const QString& name, const SecretString& value);
    /// The vault must be unlocked.
    Result<> changePassphrase(const SecretString& passphrase);

    static constexpr qsizetype leastPassphrase = 8; ///< bytes

private:
    struct State
    {
        std::optional<VaultKeys> keys;
        quint64 generation = 0; ///< the newest that was seen with these keys
    };
    Result<VaultFile> load() const;
    Result<> save(const VaultFile& file) const;
    /// Calls f with the file and its keys, under the lock.
    template <class F>
    auto opened(State& state, F f) -> std::invoke_result_t<F, VaultFile&, const VaultKeys&>;
    Result<> resave(State& state,
                    VaultFile file,
                    const VaultKeys& keys,
                    const std::vector<SecretString>& values);

    const QString m_path;
    const VaultCost m_cost;
    Guarded<State> m_state;
};

} // namespace sb::secrets
