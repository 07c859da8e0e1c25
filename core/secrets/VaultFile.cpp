#include "core/secrets/VaultFile.h"

#include <QtEndian>

using namespace Qt::StringLiterals;

namespace sb::secrets {

namespace {

constexpr QByteArrayView magic("SBVAULT", 8); // with the zero byte
constexpr quint32 version = 1;
constexpr qsizetype headerSize = 64;
constexpr qsizetype prologueSize = 112; // with check, seal and checksum
constexpr qsizetype blockSize = 16;
constexpr quint32 mostRecords = 10'000;
constexpr quint32 mostName = 1024;
constexpr quint32 mostBox = 1 << 20;
// More would not be waited for; a file that asks for it wants to stop the program.
constexpr VaultCost mostVaultCost{64, 4 << 20};
constexpr qsizetype nonceSize = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr qsizetype tagSize = crypto_aead_xchacha20poly1305_ietf_ABYTES;

template <class T>
void put(QByteArray& bytes, T value)
{
    char raw[sizeof(T)];
    qToLittleEndian(value, raw);
    bytes.append(raw, sizeof raw);
}

template <class T>
T get(QByteArrayView bytes, qsizetype at)
{
    return qFromLittleEndian<T>(bytes.data() + at);
}

const unsigned char* raw(QByteArrayView bytes)
{
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

QByteArray hash(const QByteArray& bytes, const Locked* key)
{
    QByteArray digest(blockSize, '\0');
    crypto_generichash(reinterpret_cast<unsigned char*>(digest.data()),
                       size_t(digest.size()),
                       raw(bytes),
                       size_t(bytes.size()),
                       key ? key->data() : nullptr,
                       key ? key->size() : 0);
    return digest;
}

QByteArray header(const VaultFile& file)
{
    QByteArray bytes;
    bytes.reserve(headerSize);
    bytes.append(magic);
    put(bytes, version);
    put(bytes, file.cost.passes);
    put(bytes, file.cost.memoryKiB);
    put(bytes, file.count);
    put(bytes, file.generation);
    bytes.append(file.salt);
    bytes.append(file.save);
    return bytes;
}

std::unexpected<Error> damaged(const QString& how)
{
    return fail(ErrorCode::Corrupt, u"The vault is damaged: %1."_s.arg(how));
}

// What a record is bound to: this save of the vault, its place and its name.
QByteArray bound(const VaultFile& file, qsizetype index)
{
    QByteArray bytes;
    if (defended("secrets.vault-save")) {
        bytes += file.save;
    }
    if (defended("secrets.vault-names")) {
        put(bytes, quint32(index));
        bytes += file.records[index].name.toUtf8();
    }
    return bytes;
}

Result<> checkCost(const VaultCost& cost)
{
    if (cost.passes > mostVaultCost.passes || cost.memoryKiB > mostVaultCost.memoryKiB) {
        return damaged(u"it asks for more work than any vault of this program"_s);
    }
    if (defended("secrets.vault-cost") &&
        (cost.passes < leastVaultCost.passes || cost.memoryKiB < leastVaultCost.memoryKiB)) {
        return fail(ErrorCode::Corrupt,
                    u"The vault would protect the passphrase too weakly, as none of this program "
                    u"does; it may have been put there by somebody else."_s);
    }
    return {};
}

} // namespace

qsizetype VaultFile::indexOf(QStringView name) const
{
    const auto found = std::ranges::find(records, name, &Record::name);
    return found == records.end() ? -1 : found - records.begin();
}

QByteArray VaultFile::encode() const
{
    QByteArray bytes = header(*this) + check + seal;
    QByteArray rest;
    for (const Record& record : records) {
        const QByteArray name = record.name.toUtf8();
        put(rest, quint32(name.size()));
        put(rest, quint32(record.box.size()));
        rest += name + record.nonce + record.box;
    }
    bytes += hash(bytes + rest, nullptr);
    return bytes + rest;
}

Result<VaultFile> VaultFile::decode(const QByteArray& bytes)
{
    if (!bytes.startsWith(magic)) {
        return damaged(u"it does not begin as a vault does"_s);
    }
    if (bytes.size() < headerSize) {
        return damaged(u"it is cut off"_s);
    }
    if (get<quint32>(bytes, 8) != version) {
        return fail(ErrorCode::TooNew, u"The vault was written by a later version of Signalbox."_s);
    }
    if (bytes.size() < prologueSize) {
        return damaged(u"it is cut off"_s);
    }
    // Tells a bad disk from a wrong passphrase. Who alters a vault on purpose can do this sum too,
    // and then meets the records.
    const qsizetype summed = prologueSize - blockSize;
    if (hash(bytes.first(summed) + bytes.sliced(prologueSize), nullptr) !=
        bytes.sliced(summed, blockSize)) {
        return damaged(u"its checksum does not fit"_s);
    }
    VaultFile file;
    file.cost = {get<quint32>(bytes, 12), get<quint32>(bytes, 16)};
    file.count = get<quint32>(bytes, 20);
    file.generation = get<quint64>(bytes, 24);
    file.salt = bytes.sliced(32, blockSize);
    file.save = bytes.sliced(48, blockSize);
    file.check = bytes.sliced(headerSize, blockSize);
    file.seal = bytes.sliced(headerSize + blockSize, blockSize);
    SB_CHECK(checkCost(file.cost));
    qsizetype at = prologueSize;
    while (at < bytes.size()) {
        if (bytes.size() - at < 8 || file.records.size() >= mostRecords) {
            return damaged(u"it ends in the middle of an entry"_s);
        }
        const auto nameSize = get<quint32>(bytes, at);
        const auto boxSize = get<quint32>(bytes, at + 4);
        at += 8;
        if (nameSize == 0 || nameSize > mostName || boxSize < tagSize || boxSize > mostBox ||
            bytes.size() - at < qsizetype(nameSize) + nonceSize + qsizetype(boxSize)) {
            return damaged(u"it ends in the middle of an entry"_s);
        }
        Record record{QString::fromUtf8(bytes.sliced(at, nameSize)),
                      bytes.sliced(at + nameSize, nonceSize),
                      bytes.sliced(at + nameSize + nonceSize, boxSize)};
        if (file.indexOf(record.name) >= 0) {
            return damaged(u"a name stands in it twice"_s);
        }
        at += qsizetype(nameSize) + nonceSize + qsizetype(boxSize);
        file.records.append(std::move(record));
    }
    if (defended("secrets.vault-complete") && quint32(file.records.size()) != file.count) {
        return damaged(u"entries are missing"_s);
    }
    return file;
}

VaultKeys::VaultKeys(QByteArray salt, const VaultCost& cost)
    : m_salt(std::move(salt))
    , m_cost(cost)
    , m_recordKey(crypto_aead_xchacha20poly1305_ietf_KEYBYTES)
    , m_checkKey(crypto_generichash_KEYBYTES)
    , m_sealKey(crypto_generichash_KEYBYTES)
{
}

Result<VaultKeys>
VaultKeys::derive(const SecretString& passphrase, const QByteArray& salt, const VaultCost& cost)
{
    static_assert(blockSize == crypto_pwhash_SALTBYTES);
    VaultKeys keys(salt, cost);
    const Locked master(crypto_kdf_KEYBYTES);
    const int done = passphrase.expose([&](QByteArrayView words) {
        return crypto_pwhash(master.data(),
                             master.size(),
                             words.data(),
                             size_t(words.size()),
                             raw(salt),
                             cost.passes,
                             size_t(cost.memoryKiB) << 10,
                             crypto_pwhash_ALG_ARGON2ID13);
    });
    if (done != 0) {
        return fail(ErrorCode::Unavailable,
                    u"The vault needs %1 MiB of memory for a moment to be opened, which are not "
                    u"free."_s.arg(cost.memoryKiB >> 10));
    }
    constexpr char context[] = "sbvault1";
    crypto_kdf_derive_from_key(
        keys.m_recordKey.data(), keys.m_recordKey.size(), 1, context, master.data());
    crypto_kdf_derive_from_key(
        keys.m_checkKey.data(), keys.m_checkKey.size(), 2, context, master.data());
    crypto_kdf_derive_from_key(
        keys.m_sealKey.data(), keys.m_sealKey.size(), 3, context, master.data());
    return keys;
}

QByteArray VaultKeys::check() const
{
    QByteArray bytes;
    put(bytes, version);
    put(bytes, m_cost.passes);
    put(bytes, m_cost.memoryKiB);
    return hash(bytes + m_salt, &m_checkKey);
}

bool VaultKeys::belongTo(const VaultFile& file) const
{
    return file.salt == m_salt && file.cost == m_cost && file.check.size() == blockSize &&
           sodium_memcmp(check().constData(), file.check.constData(), blockSize) == 0;
}

void VaultKeys::seal(VaultFile& file) const
{
    file.count = quint32(file.records.size());
    file.seal = hash(header(file), &m_sealKey);
}

Result<> VaultKeys::checkSeal(const VaultFile& file) const
{
    if (defended("secrets.vault-header") &&
        sodium_memcmp(
            hash(header(file), &m_sealKey).constData(), file.seal.constData(), blockSize) != 0) {
        return fail(ErrorCode::Corrupt,
                    u"The vault was altered: its head is not what was stored; put back a copy of "
                    u"the vault, and change the keys in it."_s);
    }
    return {};
}

void VaultKeys::seal(VaultFile& file, qsizetype index, const SecretString& value) const
{
    VaultFile::Record& record = file.records[index];
    record.nonce = QByteArray(nonceSize, '\0');
    randombytes_buf(record.nonce.data(), size_t(nonceSize));
    const QByteArray with = bound(file, index);
    value.expose([&](QByteArrayView bytes) {
        record.box = QByteArray(bytes.size() + tagSize, '\0');
        crypto_aead_xchacha20poly1305_ietf_encrypt(
            reinterpret_cast<unsigned char*>(record.box.data()),
            nullptr,
            raw(bytes),
            size_t(bytes.size()),
            raw(with),
            size_t(with.size()),
            nullptr,
            raw(record.nonce),
            m_recordKey.data());
    });
}

Result<SecretString> VaultKeys::open(const VaultFile& file, qsizetype index) const
{
    const VaultFile::Record& record = file.records[index];
    const QByteArray with = bound(file, index);
    const auto size = size_t(record.box.size() - tagSize);
    const Locked value(size);
    int done = crypto_aead_xchacha20poly1305_ietf_decrypt(value.data(),
                                                          nullptr,
                                                          nullptr,
                                                          raw(record.box),
                                                          size_t(record.box.size()),
                                                          raw(with),
                                                          size_t(with.size()),
                                                          raw(record.nonce),
                                                          m_recordKey.data());
    if (!defended("secrets.vault-tag") && done != 0) {
        // What a cipher without a tag would have given.
        done = crypto_stream_xchacha20_xor_ic(
            value.data(), raw(record.box), size, raw(record.nonce), 1, m_recordKey.data());
    }
    if (done != 0) {
        return fail(
            ErrorCode::Corrupt,
            u"The vault was altered: what stands under \"%1\" is not what was stored there; "
            u"put back a copy of the vault, and change that key."_s.arg(record.name));
    }
    return value.secret(0, size);
}

} // namespace sb::secrets
