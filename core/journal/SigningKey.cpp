#include "core/journal/SigningKey.h"

#include "core/journal/Chain.h"

#include <QDir>
#include <QFile>
#include <QTemporaryFile>
#include <sodium.h>
#include <unistd.h>

namespace sb::journal {

namespace {

Result<SigningKey> load(const QString& path)
{
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly)) {
        return fail(ErrorCode::Io,
                    QStringLiteral("The journal's key %1 cannot be read: %2.")
                        .arg(path, file.errorString()),
                    path);
    }
    const QByteArray secret = QByteArray::fromHex(file.read(1024).trimmed());
    unsigned char derived[crypto_sign_PUBLICKEYBYTES];
    unsigned char again[crypto_sign_SECRETKEYBYTES];
    // A secret key is its seed followed by the public key, so one that was cut or changed does not
    // fit itself.
    if (secret.size() != crypto_sign_SECRETKEYBYTES ||
        crypto_sign_seed_keypair(
            derived, again, reinterpret_cast<const unsigned char*>(secret.constData())) != 0 ||
        std::memcmp(again, secret.constData(), sizeof again) != 0) {
        return fail(ErrorCode::Corrupt,
                    QStringLiteral("The file %1 holds no journal key.").arg(path),
                    path);
    }
    file.setPermissions(QFileDevice::ReadOwner | QFileDevice::WriteOwner);
    return SigningKey{secret, secret.right(crypto_sign_PUBLICKEYBYTES)};
}

} // namespace

Result<SigningKey> SigningKey::loadOrCreate(const QString& folder)
{
    const QString keys = folder + QStringLiteral("/keys");
    const QString path = keys + QStringLiteral("/journal.ed25519");
    if (QFile::exists(path)) {
        return load(path);
    }
    QDir().mkpath(keys);
    QFile::setPermissions(keys,
                          QFileDevice::ReadOwner | QFileDevice::WriteOwner | QFileDevice::ExeOwner);
    unsigned char publicKey[crypto_sign_PUBLICKEYBYTES];
    unsigned char secret[crypto_sign_SECRETKEYBYTES];
    crypto_sign_keypair(publicKey, secret);
    // Written beside and linked into place: the first of two makers wins, and nobody sees half a
    // key.
    QTemporaryFile file(path + QStringLiteral(".XXXXXX"));
    const QByteArray text =
        QByteArray(reinterpret_cast<const char*>(secret), sizeof secret).toHex() + '\n';
    sodium_memzero(secret, sizeof secret);
    if (!file.open() || file.write(text) != text.size() || !file.flush() ||
        ::fsync(file.handle()) != 0) {
        return fail(ErrorCode::Io,
                    QStringLiteral("The journal's key %1 cannot be written: %2.")
                        .arg(path, file.errorString()),
                    path);
    }
    if (::link(QFile::encodeName(file.fileName()).constData(),
               QFile::encodeName(path).constData()) != 0 &&
        errno != EEXIST) {
        return fail(ErrorCode::Io,
                    QStringLiteral("The journal's key %1 cannot be written: %2.")
                        .arg(path, qt_error_string(errno)),
                    path);
    }
    return load(path);
}

QString SigningKey::fingerprint() const
{
    const QByteArray hex = toBytes(sha256(publicKey)).toHex();
    return QString::fromLatin1(hex.mid(0, 4) + ' ' + hex.mid(4, 4) + ' ' + hex.mid(8, 4) + ' ' +
                               hex.mid(12, 4));
}

} // namespace sb::journal
