#include "core/packages/Trust.h"

#include "core/base/Contracts.h"
#include "core/base/Defence.h"

#include <QFile>
#include <QFileInfo>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLockFile>
#include <QSaveFile>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace Qt::StringLiterals;

namespace sb::packages {

namespace {

constexpr qint64 longestFile = 4 << 20;
constexpr QByteArrayView sealDomain = "signalbox publishers seal v1";

QByteArray base64At(const QJsonObject& object, QStringView key)
{
    return QByteArray::fromBase64(object.value(key).toString().toLatin1());
}

} // namespace

struct FileTrust::Content
{
    QList<Pin> pins;
    QMap<QByteArray, QString> revoked;

    [[nodiscard]] QJsonObject json() const
    {
        QJsonArray publishers;
        for (const Pin& pin : pins) {
            QJsonArray earlier;
            for (const QByteArray& key : pin.earlier) {
                earlier.append(QString::fromLatin1(key.toBase64()));
            }
            publishers.append(QJsonObject{{u"name"_s, pin.publisher},
                                          {u"key"_s, QString::fromLatin1(pin.key.toBase64())},
                                          {u"since"_s, timeText(pin.since)},
                                          {u"earlier"_s, earlier}});
        }
        QJsonArray keys;
        for (const auto& [key, reason] : revoked.asKeyValueRange()) {
            keys.append(QJsonObject{{u"key"_s, QString::fromLatin1(key.toBase64())},
                                    {u"reason"_s, reason}});
        }
        return {{u"publishers"_s, publishers}, {u"revoked"_s, keys}};
    }

    static Content fromJson(const QJsonObject& object)
    {
        Content content;
        for (const auto& value : object.value(u"publishers").toArray()) {
            const auto one = value.toObject();
            Pin pin{one.value(u"name").toString(),
                    base64At(one, u"key"),
                    timeFromText(one.value(u"since").toString()).value_or(0),
                    {}};
            for (const auto& key : one.value(u"earlier").toArray()) {
                pin.earlier.append(QByteArray::fromBase64(key.toString().toLatin1()));
            }
            content.pins.append(std::move(pin));
        }
        for (const auto& value : object.value(u"revoked").toArray()) {
            const auto one = value.toObject();
            content.revoked.insert(base64At(one, u"key"), one.value(u"reason").toString());
        }
        return content;
    }
};

Result<std::optional<Pin>> Trust::find(const QString& publisher) const
{
    SB_TRY(const auto known, pins());
    const auto found = std::ranges::find(known, publisher, &Pin::publisher);
    return found == known.end() ? std::optional<Pin>() : std::optional<Pin>(*found);
}

FileTrust::FileTrust(QString path, const SecretString& homeSecret, const Clock& clock)
    : m_path(std::move(path)), m_clock(clock)
{
    m_seal = homeSecret.expose([](QByteArrayView secret) {
        SB_ASSERT(secret.size() >= 32);
        QByteArray key(crypto_generichash_KEYBYTES, '\0');
        crypto_generichash_state state;
        crypto_generichash_init(&state, nullptr, 0, size_t(key.size()));
        for (const QByteArrayView part : {sealDomain, secret}) {
            crypto_generichash_update(
                &state, reinterpret_cast<const unsigned char*>(part.data()), size_t(part.size()));
        }
        crypto_generichash_final(
            &state, reinterpret_cast<unsigned char*>(key.data()), size_t(key.size()));
        sodium_memzero(&state, sizeof state);
        return SecretString(std::move(key));
    });
}

QByteArray FileTrust::sealOf(const QByteArray& bytes) const
{
    return m_seal.expose([&](QByteArrayView key) {
        QByteArray seal(crypto_generichash_BYTES, '\0');
        crypto_generichash(reinterpret_cast<unsigned char*>(seal.data()),
                           size_t(seal.size()),
                           reinterpret_cast<const unsigned char*>(bytes.constData()),
                           size_t(bytes.size()),
                           reinterpret_cast<const unsigned char*>(key.data()),
                           size_t(key.size()));
        return seal.toHex();
    });
}

Result<FileTrust::Content> FileTrust::load() const
{
    const auto doubt = [&](const QString& reason) {
        return fail(ErrorCode::Corrupt,
                    u"The list of trusted publishers %1 %2; move it away to be asked about each "
                    "publisher again."_s.arg(m_path, reason),
                    m_path);
    };
    const int fd = ::open(QFile::encodeName(m_path).constData(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno == ENOENT  ? Result<Content>(Content())
               : errno == ELOOP ? Result<Content>(doubt(u"is a link"_s))
                                : Result<Content>(doubt(u"cannot be read"_s));
    }
    QFile file;
    if (!file.open(fd, QIODevice::ReadOnly, QFileDevice::AutoCloseHandle)) {
        return doubt(u"cannot be read"_s);
    }
    struct stat facts{};
    if (::fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_uid != ::geteuid() ||
        (facts.st_mode & 022) != 0) {
        return doubt(u"can be written by others"_s);
    }
    const QByteArray bytes = file.read(longestFile);
    const auto line = bytes.indexOf('\n');
    const QByteArray body = line < 0 ? QByteArray() : bytes.sliced(line + 1);
    const QByteArray seal = sealOf(body);
    const bool sealed = line == seal.size() &&
                        sodium_memcmp(bytes.constData(), seal.constData(), size_t(line)) == 0;
    if (!sealed && defended("packages.trust-seal")) {
        return doubt(u"was changed by something else than Signalbox"_s);
    }
    const auto document = QJsonDocument::fromJson(body);
    if (!document.isObject()) {
        return doubt(u"holds no list"_s);
    }
    return Content::fromJson(document.object());
}

Result<> FileTrust::change(const std::function<void(Content&)>& edit)
{
    // Two programs may decide at the same time; the second reads what the first wrote.
    QLockFile lock(m_path + u".lock"_s);
    lock.setStaleLockTime(std::chrono::seconds(30));
    if (!lock.tryLock(std::chrono::seconds(5))) {
        return fail(ErrorCode::Locked,
                    u"The list of trusted publishers is being changed by another program."_s,
                    m_path);
    }
    SB_TRY(auto content, load());
    edit(content);
    const QByteArray body = QJsonDocument(content.json()).toJson();
    const QByteArray bytes = sealOf(body) + '\n' + body;
    QSaveFile file(m_path);
    file.setDirectWriteFallback(false);
    if (!file.open(QIODevice::WriteOnly) ||
        !file.setPermissions(QFileDevice::ReadOwner | QFileDevice::WriteOwner) ||
        file.write(bytes) != bytes.size() || !file.commit()) {
        return fail(
            ErrorCode::Io,
            u"The list of trusted publishers cannot be written: %1."_s.arg(file.errorString()),
            m_path);
    }
    return {};
}

Result<QList<Pin>> FileTrust::pins() const
{
    SB_TRY(const auto content, load());
    return content.pins;
}

Result<std::optional<QString>> FileTrust::revoked(const QByteArray& key) const
{
    SB_TRY(const auto content, load());
    const auto found = content.revoked.constFind(key);
    return found == content.revoked.cend() ? std::optional<QString>()
                                           : std::optional<QString>(*found);
}

Result<> FileTrust::pin(const QString& publisher, const QByteArray& key)
{
    return change([&](Content& content) {
        const auto found = std::ranges::find(content.pins, publisher, &Pin::publisher);
        if (found == content.pins.end()) {
            content.pins.append({publisher, key, m_clock.nowUs(), {}});
        } else if (found->key != key) {
            found->earlier.append(std::exchange(found->key, key));
            found->since = m_clock.nowUs();
        }
    });
}

Result<> FileTrust::forget(const QString& publisher)
{
    return change([&](Content& content) {
        content.pins.removeIf([&](const Pin& pin) { return pin.publisher == publisher; });
    });
}

Result<> FileTrust::revoke(const QByteArray& key, const QString& reason)
{
    return change([&](Content& content) { content.revoked.insert(key, reason); });
}

} // namespace sb::packages
