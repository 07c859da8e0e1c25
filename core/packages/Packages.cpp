#include "core/packages/Packages.h"

#include "core/base/Defence.h"
#include "core/base/Ids.h"
#include "core/packages/Folder.h"
#include "core/packages/Skill.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QSaveFile>
#include <cstdio>
#include <fcntl.h>

using namespace Qt::StringLiterals;

namespace sb::packages {

namespace {

const QString manifestName = QString::fromUtf16(manifestFile);
const QString signatureName = QString::fromUtf16(signatureFile);
const QString skillName = u"SKILL.md"_s;

QByteArray sha256(const QByteArray& bytes)
{
    return QCryptographicHash::hash(bytes, QCryptographicHash::Sha256);
}

/// Follows the hand-overs from the key that is known; nothing when they do not lead to `key`.
bool leadsTo(const QByteArray& known,
             const QByteArray& key,
             const QList<Rotation>& rotations,
             const QString& publisher)
{
    QByteArray current = known;
    for (const Rotation& rotation : rotations) {
        if (rotation.from == current && isGenuine(rotation, publisher)) {
            current = rotation.to;
        }
    }
    return current == key;
}

bool isText(const QString& path)
{
    static const QStringList endings{
        u".md"_s, u".txt"_s, u".yaml"_s, u".yml"_s, u".json"_s, u".toml"_s, u".html"_s};
    return std::ranges::any_of(
        endings, [&](const QString& ending) { return path.endsWith(ending, Qt::CaseInsensitive); });
}

} // namespace

struct Packages::Reading
{
    Inspection inspection;
    QByteArray manifestBytes;
    QByteArray signatureBytes;
    Signature signature;
    QMap<QString, QByteArray> files; ///< those that the manifest lists and that fit
};

Packages::Packages(QString root, Trust& trust, QVersionNumber program)
    : m_root(std::move(root)), m_trust(trust), m_program(std::move(program))
{
}

QString Packages::folderOf(const PackageId& id) const
{
    return m_root + u'/' + kindName(id.kind) + u'/' + id.publisher + u'/' + id.name;
}

Result<Packages::Reading> Packages::read(const QString& path) const
{
    SB_TRY(const auto folder, Folder::open(path));
    Reading reading;
    Inspection& seen = reading.inspection;
    auto& problems = seen.problems;

    auto manifestBytes = folder.read(manifestName, Caps().manifestBytes);
    if (!manifestBytes) {
        problems.append(manifestBytes.error().message);
        return reading;
    }
    reading.manifestBytes = *std::move(manifestBytes);
    seen.digest = sha256(reading.manifestBytes);
    auto parsed = parseManifest(reading.manifestBytes);
    if (!parsed) {
        problems.append(parsed.error().message);
        return reading;
    }
    seen.manifest = *std::move(parsed);
    if (auto bytes = folder.read(signatureName, Caps().signatureBytes)) {
        reading.signatureBytes = *std::move(bytes);
        if (auto signature = parseSignature(reading.signatureBytes)) {
            reading.signature = *std::move(signature);
        } else {
            problems.append(signature.error().message);
        }
    } else {
        problems.append(bytes.error().code == ErrorCode::NotFound
                            ? u"The package is not signed: manifest.sig is missing."_s
                            : bytes.error().message);
    }
    SB_CHECK(judgeSignature(reading));

    const Manifest& manifest = *seen.manifest;
    if (m_program < manifest.minimumVersion) {
        problems.append(u"It needs Signalbox %1 or later; this is %2."_s.arg(
            manifest.minimumVersion.toString(), m_program.toString()));
    }
    qint64 total = 0;
    for (const FileEntry& entry : manifest.files) {
        auto bytes = folder.read(entry.path, Caps().fileBytes);
        if (!bytes) {
            const bool absent = bytes.error().code == ErrorCode::NotFound;
            if (!absent || defended("packages.missing-file")) {
                problems.append(bytes.error().message);
            }
            continue;
        }
        total += bytes->size();
        if (total > Caps().totalBytes && defended("packages.size-caps")) {
            problems.append(u"The package is larger than %1 MiB."_s.arg(Caps().totalBytes >> 20));
            return reading;
        }
        if (sha256(*bytes) != entry.sha256 && defended("packages.file-hash")) {
            problems.append(u"The file \"%1\" is not the one that was signed."_s.arg(entry.path));
            continue;
        }
        reading.files.insert(entry.path, *std::move(bytes));
    }
    const auto everything = folder.everything();
    if (!everything) {
        problems.append(everything.error().message);
        return reading;
    }
    for (const QString& found : *everything) {
        const bool listed = found == manifestName || found == signatureName ||
                            std::ranges::contains(manifest.files, found, &FileEntry::path);
        if (!listed && defended("packages.extra-file")) {
            problems.append(u"The file \"%1\" is not in the manifest."_s.arg(found.left(200)));
        }
    }
    return reading;
}

Result<> Packages::judgeSignature(Reading& reading) const
{
    Inspection& seen = reading.inspection;
    const Signature& signature = reading.signature;
    if (!seen.manifest || signature.key.isEmpty()) {
        return {};
    }
    const QString publisher = seen.manifest->publisher;
    seen.fingerprint = fingerprintOf(signature.key);
    SB_TRY(const auto pins, m_trust.pins());
    const auto pin = std::ranges::find(pins, publisher, &Pin::publisher);
    const bool known = pin != pins.end();
    seen.pinnedFingerprint = known ? fingerprintOf(pin->key) : QString();

    if (!verifies(manifestDomain, reading.manifestBytes, signature.bytes, signature.key) &&
        defended("packages.signature")) {
        seen.signature = SignatureState::Wrong;
        seen.problems.append(
            u"The signature does not fit the manifest: one of them was changed."_s);
        return {};
    }
    for (const QByteArray& key : {signature.key, known ? pin->key : signature.key}) {
        SB_TRY(const auto reason, m_trust.revoked(key));
        if (reason && defended("packages.revocation")) {
            seen.signature = SignatureState::Revoked;
            seen.problems.append(u"The key %1 was revoked%2."_s.arg(
                fingerprintOf(key),
                reason->isEmpty() ? QString() : QString(u": "_s + reason->left(200))));
            return {};
        }
    }
    if (!known) {
        seen.signature = SignatureState::FirstUse;
        seen.warnings.append(u"Nothing of the publisher \"%1\" was installed before; compare the "
                             "key %2 with what they publish."_s.arg(publisher, seen.fingerprint));
        for (const Pin& other : pins) {
            if (lookOf(other.publisher) == lookOf(publisher)) {
                seen.warnings.append(u"The name \"%1\" looks like \"%2\", which is another "
                                     "publisher."_s.arg(publisher, other.publisher));
            }
        }
    } else if (pin->key == signature.key) {
        seen.signature = SignatureState::Known;
    } else if (leadsTo(pin->key, signature.key, signature.rotations, publisher)) {
        seen.signature = SignatureState::Rotated;
        seen.warnings.append(
            u"The publisher \"%1\" has a new key %2, vouched for by the one that is known, %3."_s
                .arg(publisher, seen.fingerprint, seen.pinnedFingerprint));
    } else {
        seen.signature = SignatureState::OtherKey;
        if (defended("packages.pinned-key")) {
            seen.problems.append(
                u"It is signed with the key %1, but the publisher \"%2\" is known "
                "by the key %3."_s.arg(seen.fingerprint, publisher, seen.pinnedFingerprint));
        }
    }
    return {};
}

Result<> Packages::compareInstalled(Reading& reading) const
{
    Inspection& seen = reading.inspection;
    if (!seen.manifest) {
        return {};
    }
    const Manifest& manifest = *seen.manifest;
    QStringList before;
    const auto folder = Folder::open(folderOf({manifest.kind, manifest.publisher, manifest.name}));
    if (folder) {
        const auto bytes = folder->read(manifestName, Caps().manifestBytes);
        const auto installed = bytes ? parseManifest(*bytes) : std::unexpected(bytes.error());
        if (installed) {
            seen.installedVersion = installed->version;
            seen.isDowngrade = manifest.version < installed->version;
            before = installed->capabilities;
        }
    }
    if (seen.isDowngrade) {
        seen.warnings.append(u"Version %1 is older than %2, which is installed."_s.arg(
            manifest.version.toString(), seen.installedVersion->toString()));
    }
    for (const QString& capability : manifest.capabilities) {
        if (!before.contains(capability)) {
            seen.newCapabilities.append(capability);
        }
    }
    if (seen.installedVersion && !seen.newCapabilities.isEmpty()) {
        seen.warnings.append(u"It asks for more than version %1: %2."_s.arg(
            seen.installedVersion->toString(), seen.newCapabilities.join(u", "_s)));
    }
    return {};
}

Result<Inspection> Packages::inspect(const QString& folder) const
{
    SB_TRY(auto reading, read(folder));
    SB_CHECK(compareInstalled(reading));
    Inspection& seen = reading.inspection;
    if (seen.manifest && seen.manifest->kind == Kind::Skill) {
        const auto skill = parseSkill(reading.files.value(skillName));
        if (!skill) {
            seen.problems.append(skill.error().message);
        }
    }
    for (const auto& [path, bytes] : reading.files.asKeyValueRange()) {
        for (Finding& finding : isText(path) ? scan(QString::fromUtf8(bytes)) : QList<Finding>()) {
            seen.findings.append({path, std::move(finding)});
        }
    }
    for (const ToolEntry& tool : seen.manifest ? seen.manifest->tools : QList<ToolEntry>()) {
        for (Finding& finding : scan(tool.description)) {
            seen.findings.append({u"tool "_s + tool.name, std::move(finding)});
        }
    }
    return std::move(seen);
}

Result<Installed> Packages::install(const QString& folder, const Consent& consent)
{
    SB_TRY(auto reading, read(folder));
    SB_CHECK(compareInstalled(reading));
    const Inspection& seen = reading.inspection;
    if (!seen.isInstallable() || !seen.manifest) {
        return fail(ErrorCode::Forbidden, seen.problems.value(0), folder);
    }
    const Manifest& manifest = *seen.manifest;
    if (consent.digest != seen.digest && defended("packages.consent")) {
        return fail(ErrorCode::Conflict,
                    u"The package changed after it was looked at; look at it again."_s,
                    folder);
    }
    if (seen.signature == SignatureState::FirstUse && !consent.trustPublisher &&
        defended("packages.first-use")) {
        return fail(ErrorCode::Forbidden,
                    u"The publisher \"%1\" with the key %2 is not trusted yet."_s.arg(
                        manifest.publisher, seen.fingerprint),
                    folder);
    }
    if (seen.isDowngrade && !consent.acceptDowngrade && defended("packages.downgrade")) {
        return fail(ErrorCode::Forbidden, seen.warnings.last(), folder);
    }
    for (const QString& capability : seen.newCapabilities) {
        if (!consent.capabilities.contains(capability) && defended("packages.capabilities")) {
            return fail(ErrorCode::Forbidden,
                        u"Nobody has agreed to the capability \"%1\"."_s.arg(capability),
                        folder);
        }
    }
    const PackageId id{manifest.kind, manifest.publisher, manifest.name};
    const QString target = folderOf(id);
    const QString draft = m_root + u"/.new-"_s + QString::fromLatin1(randomBytes(6).toHex());
    if (!QDir().mkpath(QFileInfo(target).path())) {
        return fail(ErrorCode::Io, u"The folder of packages cannot be made."_s, m_root);
    }
    auto files = reading.files;
    files.insert(manifestName, reading.manifestBytes);
    files.insert(signatureName, reading.signatureBytes);
    if (auto written = writeFolder(draft, files); !written) {
        QDir(draft).removeRecursively();
        return std::unexpected(written.error());
    }
    // The key first: a package without its publisher's key is not used, the other way round nothing
    // is lost.
    if (auto pinned = m_trust.pin(manifest.publisher, reading.signature.key); !pinned) {
        QDir(draft).removeRecursively();
        return std::unexpected(pinned.error());
    }
    const QByteArray from = QFile::encodeName(draft);
    const QByteArray to = QFile::encodeName(target);
    // In one step, so that there is one whole package at any time: the old one or the new one.
    const bool replaces = QFileInfo::exists(target);
    const auto moved = ::renameat2(
        AT_FDCWD, from.constData(), AT_FDCWD, to.constData(), replaces ? RENAME_EXCHANGE : 0);
    const int code = errno;
    QDir(draft).removeRecursively(); // what was there before, or what could not be moved
    if (moved != 0) {
        return fail(ErrorCode::Io,
                    u"The package cannot be put into %1: %2."_s.arg(target, qt_error_string(code)),
                    target);
    }
    return Installed{id, manifest, target, {}};
}

Result<> Packages::remove(const PackageId& id)
{
    if (!nameProblem(id.publisher).isEmpty() || !nameProblem(id.name).isEmpty() ||
        !QFileInfo::exists(folderOf(id))) {
        return fail(ErrorCode::NotFound,
                    u"The %1 %2/%3 is not installed."_s.arg(
                        kindName(id.kind), id.publisher.left(64), id.name.left(64)));
    }
    // Out of the way in one step, so that half a package is never found.
    const QString gone = m_root + u"/.old-"_s + QString::fromLatin1(randomBytes(6).toHex());
    if (!QDir().rename(folderOf(id), gone) || !QDir(gone).removeRecursively()) {
        return fail(ErrorCode::Io, u"%1 cannot be removed."_s.arg(folderOf(id)), folderOf(id));
    }
    return {};
}

Result<Package> Packages::load(const PackageId& id) const
{
    const QString folder = folderOf(id);
    if (!nameProblem(id.publisher).isEmpty() || !nameProblem(id.name).isEmpty() ||
        !QFileInfo::exists(folder)) {
        return fail(ErrorCode::NotFound,
                    u"The %1 %2/%3 is not installed."_s.arg(
                        kindName(id.kind), id.publisher.left(64), id.name.left(64)));
    }
    SB_TRY(auto reading, read(folder));
    const Inspection& seen = reading.inspection;
    if (!seen.isInstallable() || !seen.manifest) {
        return fail(ErrorCode::Corrupt, seen.problems.value(0), folder);
    }
    const Manifest& manifest = *seen.manifest;
    if (PackageId{manifest.kind, manifest.publisher, manifest.name} != id) {
        return fail(ErrorCode::Corrupt, u"Another package lies in %1."_s.arg(folder), folder);
    }
    if (seen.signature == SignatureState::FirstUse && defended("packages.first-use")) {
        return fail(ErrorCode::Forbidden,
                    u"The publisher \"%1\" is not trusted any more."_s.arg(id.publisher),
                    folder);
    }
    return Package{manifest, std::move(reading.files)};
}

Result<QList<Installed>> Packages::list() const
{
    QList<Installed> all;
    for (const Kind kind : {Kind::Skill, Kind::Hand, Kind::Agent}) {
        const QDir publishers(m_root + u'/' + kindName(kind));
        for (const QString& publisher : publishers.entryList(QDir::Dirs | QDir::NoDotAndDotDot)) {
            const QDir names(publishers.filePath(publisher));
            for (const QString& name : names.entryList(QDir::Dirs | QDir::NoDotAndDotDot)) {
                const PackageId id{kind, publisher, name};
                const auto package = load(id);
                all.append({id,
                            package ? std::optional(package->manifest) : std::nullopt,
                            folderOf(id),
                            package ? QString() : package.error().message});
            }
        }
    }
    return all;
}

Result<Manifest>
signFolder(const QString& path, const PublisherKey& key, const QList<Rotation>& rotations)
{
    SB_TRY(const auto folder, Folder::open(path));
    SB_TRY(const auto draft, folder.read(manifestName, Caps().manifestBytes));
    SB_CHECK(parseManifest(draft, Stage::Draft));
    SB_TRY(const auto everything, folder.everything());
    QList<FileEntry> files;
    for (const QString& name : everything) {
        if (name == manifestName || name == signatureName) {
            continue;
        }
        if (const auto problem = pathProblem(name); !problem.isEmpty()) {
            return fail(ErrorCode::InvalidInput, u"The path \"%1\" %2."_s.arg(name, problem), name);
        }
        SB_TRY(const auto bytes, folder.read(name, Caps().fileBytes));
        files.append({name, sha256(bytes)});
    }
    SB_TRY(const auto text, withFiles(draft, files));
    // What is written must be what a user will read.
    SB_TRY(auto manifest, parseManifest(text));
    if (const auto skill = folder.read(skillName, longestSkill); manifest.kind == Kind::Skill) {
        SB_CHECK(skill ? parseSkill(*skill) : std::unexpected(skill.error()));
    }
    const Signature signature{key.publicKey(), key.sign(manifestDomain, text), rotations};
    for (const auto& [name, bytes] :
         {std::pair{manifestName, text}, std::pair{signatureName, writeSignature(signature)}}) {
        QSaveFile file(path + u'/' + name);
        if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size() ||
            !file.commit()) {
            return fail(
                ErrorCode::Io, u"%1 cannot be written: %2."_s.arg(name, file.errorString()), name);
        }
    }
    return manifest;
}

Result<> applyRevocation(Trust& trust, const Revocation& revocation)
{
    if (!isGenuine(revocation)) {
        return fail(ErrorCode::InvalidInput,
                    u"The revocation is not signed by the key that it is about."_s);
    }
    return trust.revoke(revocation.key, revocation.reason.left(200));
}

} // namespace sb::packages
