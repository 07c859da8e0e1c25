#pragma once
#include "core/base/Result.h"
#include "core/secrets/Locked.h"

#include <QByteArray>
#include <QList>
#include <QString>

namespace sb::secrets {

/// What a guess of the passphrase costs: Argon2id's passes over so much memory.
struct VaultCost
{
    quint32 passes = 3;
    quint32 memoryKiB = 256 << 10;
    bool operator==(const VaultCost&) const = default;
};
/// libsodium's "interactive": the least that is accepted.
inline constexpr VaultCost leastVaultCost{2, 64 << 10};

/// The bytes of a vault as README.md lays them out. Pure: no files, no passphrases.
struct VaultFile
{
    struct Record
    {
        QString name;
        QByteArray nonce; ///< 24 bytes
        QByteArray box;   ///< the value under XChaCha20-Poly1305
    };

    VaultCost cost;
    QByteArray salt;        ///< 16 bytes
    QByteArray save;        ///< 16 random bytes, others at each save
    QByteArray check;       ///< 16 bytes that only the right passphrase gives
    quint32 count = 0;      ///< of records, as sealed
    QByteArray seal;        ///< 16 bytes over all of the above
    quint64 generation = 0; ///< counts the saves
    QList<Record> records;

    /// Corrupt: damaged, cut off or with a cost that no vault has; TooNew.
    static Result<VaultFile> decode(const QByteArray& bytes);
    [[nodiscard]] QByteArray encode() const;
    /// -1 when there is none.
    [[nodiscard]] qsizetype indexOf(QStringView name) const;
};

/// The keys that a passphrase gives for one vault.
class VaultKeys
{
public:
    /// Takes some hundred milliseconds and the memory of `cost`. Unavailable: not so much memory.
    static Result<VaultKeys>
    derive(const SecretString& passphrase, const QByteArray& salt, const VaultCost& cost);

    [[nodiscard]] bool belongTo(const VaultFile& file) const;
    /// What VaultFile::check must be.
    [[nodiscard]] QByteArray check() const;
    /// Seals the header, when all else is set.
    void seal(VaultFile& file) const;
    /// Corrupt: the header is not what was sealed.
    [[nodiscard]] Result<> checkSeal(const VaultFile& file) const;
    /// Puts a value into the record with this number, whose name is set.
    void seal(VaultFile& file, qsizetype index, const SecretString& value) const;
    /// Corrupt: not what was stored under this name, at this place, in this vault.
    [[nodiscard]] Result<SecretString> open(const VaultFile& file, qsizetype index) const;

private:
    VaultKeys(QByteArray salt, const VaultCost& cost);

    QByteArray m_salt;
    VaultCost m_cost;
    Locked m_recordKey;
    Locked m_checkKey;
    Locked m_sealKey;
};

} // namespace sb::secrets
