#include "core/packages/Signature.h"

#include "core/base/Defence.h"
#include "core/config/Yaml.h"
#include "core/packages/Manifest.h"

#include <QCryptographicHash>
#include <QFile>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace Qt::StringLiterals;

namespace sb::packages {

using config::YamlNode;

namespace {

constexpr qsizetype mostRotations = 16;

const unsigned char* bytesOf(QByteArrayView view)
{
    return reinterpret_cast<const unsigned char*>(view.data());
}

QByteArray message(QByteArrayView domain, QByteArrayView bytes)
{
    QByteArray whole;
    whole.reserve(domain.size() + 1 + bytes.size());
    whole.append(domain).append('\0').append(bytes);
    return whole;
}

QByteArray rotationBytes(const QString& publisher, const QByteArray& from, const QByteArray& to)
{
    return publisher.toUtf8() + '\0' + from + to;
}

QByteArray revocationBytes(const QByteArray& key, const QString& reason)
{
    return key + reason.toUtf8();
}

Result<QByteArray>
binaryAt(const YamlNode& map, const QString& key, qsizetype size, const QString& fileName)
{
    const YamlNode* node = map.find(key);
    if (node != nullptr && node->kind == YamlNode::Kind::Scalar) {
        const auto decoded = QByteArray::fromBase64Encoding(
            node->text.toLatin1(), QByteArray::AbortOnBase64DecodingErrors);
        if (decoded && (*decoded).size() == size) {
            return *decoded;
        }
    }
    return config::yamlError(fileName,
                             node != nullptr ? node->line : map.line,
                             node != nullptr ? node->column : map.column,
                             u"\"%1\" must be %2 bytes in base64"_s.arg(key).arg(size));
}

Result<YamlNode> mapOf(const QByteArray& yaml, const QString& fileName, const QString& formatKey)
{
    if (yaml.size() > Caps().signatureBytes) {
        return fail(ErrorCode::InvalidInput, u"%1 is larger than 16 KiB."_s.arg(fileName));
    }
    SB_TRY(auto root, config::readYaml(yaml, fileName));
    const YamlNode* format = root.find(formatKey);
    if (format == nullptr || format->text != u"1") {
        return config::yamlError(
            fileName, root.line, root.column, u"\"%1: 1\" is missing"_s.arg(formatKey));
    }
    return root;
}

} // namespace

QString fingerprintOf(const QByteArray& publicKey)
{
    const auto hex =
        QCryptographicHash::hash(publicKey, QCryptographicHash::Sha256).toHex().first(32);
    QString text;
    for (qsizetype i = 0; i < hex.size(); i += 4) {
        text += (i > 0 ? u" "_s : QString()) + QLatin1StringView(hex.sliced(i, 4));
    }
    return text;
}

PublisherKey PublisherKey::create()
{
    PublisherKey key;
    QByteArray secret(crypto_sign_SECRETKEYBYTES, '\0');
    key.m_publicKey.resize(crypto_sign_PUBLICKEYBYTES);
    crypto_sign_keypair(reinterpret_cast<unsigned char*>(key.m_publicKey.data()),
                        reinterpret_cast<unsigned char*>(secret.data()));
    key.m_secret = SecretString(std::move(secret));
    return key;
}

Result<PublisherKey> PublisherKey::load(const QString& path)
{
    QFile file(path);
    if (!file.exists()) {
        return fail(ErrorCode::NotFound, u"There is no key at %1."_s.arg(path), path);
    }
    if (!file.open(QIODevice::ReadOnly)) {
        return fail(
            ErrorCode::Io, u"The key %1 cannot be read: %2."_s.arg(path, file.errorString()), path);
    }
    struct stat facts{};
    if (::fstat(file.handle(), &facts) != 0 || (facts.st_mode & 077) != 0) {
        return fail(ErrorCode::Forbidden,
                    u"The key %1 can be read by others, so it is not used."_s.arg(path),
                    path);
    }
    QByteArray seed = QByteArray::fromHex(file.read(1024).trimmed());
    if (seed.size() != crypto_sign_SEEDBYTES) {
        return fail(ErrorCode::Corrupt, u"The file %1 holds no publisher's key."_s.arg(path), path);
    }
    PublisherKey key;
    QByteArray secret(crypto_sign_SECRETKEYBYTES, '\0');
    key.m_publicKey.resize(crypto_sign_PUBLICKEYBYTES);
    crypto_sign_seed_keypair(reinterpret_cast<unsigned char*>(key.m_publicKey.data()),
                             reinterpret_cast<unsigned char*>(secret.data()),
                             bytesOf(seed));
    sodium_memzero(seed.data(), size_t(seed.size()));
    key.m_secret = SecretString(std::move(secret));
    return key;
}

Result<> PublisherKey::save(const QString& path) const
{
    const QByteArray native = QFile::encodeName(path);
    const int fd =
        ::open(native.constData(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST) {
        return fail(ErrorCode::Conflict, u"There is a file at %1 already."_s.arg(path), path);
    }
    QFile file;
    if (fd < 0 || !file.open(fd, QIODevice::WriteOnly, QFileDevice::AutoCloseHandle)) {
        return fail(ErrorCode::Io,
                    u"The key %1 cannot be written: %2."_s.arg(path, qt_error_string(errno)),
                    path);
    }
    const bool written = m_secret.expose([&](QByteArrayView secret) {
        QByteArray line = secret.first(crypto_sign_SEEDBYTES).toByteArray().toHex() + '\n';
        const bool whole = file.write(line) == line.size() && file.flush();
        sodium_memzero(line.data(), size_t(line.size()));
        return whole && ::fsync(fd) == 0;
    });
    if (!written) {
        return fail(ErrorCode::Io,
                    u"The key %1 cannot be written: %2."_s.arg(path, file.errorString()),
                    path);
    }
    return {};
}

QByteArray PublisherKey::sign(QByteArrayView domain, QByteArrayView bytes) const
{
    const QByteArray whole = message(domain, bytes);
    QByteArray signature(crypto_sign_BYTES, '\0');
    m_secret.expose([&](QByteArrayView secret) {
        crypto_sign_detached(reinterpret_cast<unsigned char*>(signature.data()),
                             nullptr,
                             bytesOf(whole),
                             size_t(whole.size()),
                             bytesOf(secret));
    });
    return signature;
}

bool verifies(QByteArrayView domain,
              QByteArrayView bytes,
              const QByteArray& signature,
              const QByteArray& publicKey)
{
    if (signature.size() != crypto_sign_BYTES || publicKey.size() != crypto_sign_PUBLICKEYBYTES) {
        return false;
    }
    const auto fits = [&](const QByteArray& whole) {
        return crypto_sign_verify_detached(
                   bytesOf(signature), bytesOf(whole), size_t(whole.size()), bytesOf(publicKey)) ==
               0;
    };
    // Off, a signature made for some other purpose over the same bytes does as well.
    return fits(message(domain, bytes)) ||
           (!defended("packages.domain") && fits(bytes.toByteArray()));
}

Rotation rotate(const QString& publisher, const PublisherKey& from, const PublisherKey& to)
{
    const auto bytes = rotationBytes(publisher, from.publicKey(), to.publicKey());
    return {from.publicKey(),
            to.publicKey(),
            from.sign(rotationDomain, bytes),
            to.sign(rotationDomain, bytes)};
}

bool isGenuine(const Rotation& rotation, const QString& publisher)
{
    const auto bytes = rotationBytes(publisher, rotation.from, rotation.to);
    return (!defended("packages.rotation-by-old") ||
            verifies(rotationDomain, bytes, rotation.byOld, rotation.from)) &&
           verifies(rotationDomain, bytes, rotation.byNew, rotation.to);
}

Revocation revoke(const PublisherKey& key, const QString& reason)
{
    return {key.publicKey(),
            reason,
            key.sign(revocationDomain, revocationBytes(key.publicKey(), reason))};
}

bool isGenuine(const Revocation& revocation)
{
    return verifies(revocationDomain,
                    revocationBytes(revocation.key, revocation.reason),
                    revocation.signature,
                    revocation.key);
}

QByteArray writeRevocation(const Revocation& revocation)
{
    QString reason = revocation.reason;
    reason.replace(u'\\', u"\\\\"_s).replace(u'"', u"\\\""_s).replace(u'\n', u"\\n"_s);
    return "signalbox-revocation: 1\nkey: \"" + revocation.key.toBase64() + "\"\nreason: \"" +
           reason.toUtf8() + "\"\nsignature: \"" + revocation.signature.toBase64() + "\"\n";
}

Result<Revocation> parseRevocation(const QByteArray& yaml)
{
    const QString fileName = u"revocation"_s;
    SB_TRY(const auto root, mapOf(yaml, fileName, u"signalbox-revocation"_s));
    Revocation revocation;
    SB_TRY(revocation.key, binaryAt(root, u"key"_s, crypto_sign_PUBLICKEYBYTES, fileName));
    SB_TRY(revocation.signature, binaryAt(root, u"signature"_s, crypto_sign_BYTES, fileName));
    if (const YamlNode* reason = root.find(u"reason")) {
        revocation.reason = reason->text;
    }
    return revocation;
}

QByteArray writeSignature(const Signature& signature)
{
    QByteArray text = "signalbox-signature: 1\nkey_id: \"" +
                      fingerprintOf(signature.key).toLatin1() + "\"\nkey: \"" +
                      signature.key.toBase64() + "\"\nsignature: \"" + signature.bytes.toBase64() +
                      "\"\n";
    if (!signature.rotations.isEmpty()) {
        text += "rotations:\n";
    }
    for (const Rotation& rotation : signature.rotations) {
        text += "  - from: \"" + rotation.from.toBase64() + "\"\n    to: \"" +
                rotation.to.toBase64() + "\"\n    by_old: \"" + rotation.byOld.toBase64() +
                "\"\n    by_new: \"" + rotation.byNew.toBase64() + "\"\n";
    }
    return text;
}

Result<Signature> parseSignature(const QByteArray& yaml)
{
    const QString fileName = QString::fromUtf16(signatureFile);
    SB_TRY(const auto root, mapOf(yaml, fileName, u"signalbox-signature"_s));
    Signature signature;
    SB_TRY(signature.key, binaryAt(root, u"key"_s, crypto_sign_PUBLICKEYBYTES, fileName));
    SB_TRY(signature.bytes, binaryAt(root, u"signature"_s, crypto_sign_BYTES, fileName));
    const YamlNode* id = root.find(u"key_id");
    if (id == nullptr || id->text != fingerprintOf(signature.key)) {
        return config::yamlError(
            fileName, root.line, root.column, u"\"key_id\" is not the key's fingerprint"_s);
    }
    const YamlNode* rotations = root.find(u"rotations");
    if (rotations != nullptr && qsizetype(rotations->items.size()) > mostRotations) {
        return config::yamlError(fileName,
                                 rotations->line,
                                 rotations->column,
                                 u"\"rotations\" may have %1 entries"_s.arg(mostRotations));
    }
    for (size_t i = 0; rotations != nullptr && i < rotations->items.size(); ++i) {
        const YamlNode& item = rotations->items[i];
        Rotation rotation;
        SB_TRY(rotation.from, binaryAt(item, u"from"_s, crypto_sign_PUBLICKEYBYTES, fileName));
        SB_TRY(rotation.to, binaryAt(item, u"to"_s, crypto_sign_PUBLICKEYBYTES, fileName));
        SB_TRY(rotation.byOld, binaryAt(item, u"by_old"_s, crypto_sign_BYTES, fileName));
        SB_TRY(rotation.byNew, binaryAt(item, u"by_new"_s, crypto_sign_BYTES, fileName));
        signature.rotations.append(std::move(rotation));
    }
    return signature;
}

} // namespace sb::packages
