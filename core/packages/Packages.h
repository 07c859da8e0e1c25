#pragma once
#include "core/packages/Injection.h"
#include "core/packages/Manifest.h"
#include "core/packages/Trust.h"

#include <QMap>

namespace sb::packages {

struct PackageId
{
    Kind kind = Kind::Skill;
    QString publisher;
    QString name;
    bool operator==(const PackageId&) const = default;
};

enum class SignatureState {
    Missing,  ///< there is no manifest.sig, or none that can be read
    Wrong,    ///< the signature does not fit the manifest
    FirstUse, ///< it fits, and nobody has decided about this publisher yet
    Known,    ///< it fits, and the key is the pinned one
    Rotated,  ///< it fits, and the pinned key handed over to this one
    OtherKey, ///< it fits, but this name belongs to another key
    Revoked,  ///< the key (or the one that handed over) was revoked
};

/// Text in a package that looks like an attack on the model.
struct FileFinding
{
    QString file; ///< "tool NAME" for a tool's description
    Finding finding;
    bool operator==(const FileFinding&) const = default;
};

/// All that a person needs to know before they decide.
struct Inspection
{
    std::optional<Manifest> manifest; ///< nothing when it could not be read
    QByteArray digest;                ///< SHA-256 of the manifest's bytes: what consent is given to
    SignatureState signature = SignatureState::Missing;
    QString fingerprint;       ///< of the key that signed; empty: none did
    QString pinnedFingerprint; ///< of the key that is pinned for the name; empty: none is
    QStringList problems;      ///< why it cannot be installed, a sentence each; empty: it can
    QStringList warnings;      ///< what a person should look at, a sentence each
    QList<FileFinding> findings;
    std::optional<QVersionNumber> installedVersion;
    bool isDowngrade = false;
    QStringList newCapabilities; ///< beyond what the installed version has; at first all of them

    [[nodiscard]] bool isInstallable() const { return problems.isEmpty(); }
    bool operator==(const Inspection&) const = default;
};

/// What a person said yes to, for one manifest.
struct Consent
{
    QByteArray digest; ///< Inspection::digest
    bool trustPublisher = false;
    bool acceptDowngrade = false;
    QStringList capabilities; ///< those of newCapabilities that were shown
};

struct Installed
{
    PackageId id;
    std::optional<Manifest> manifest;
    QString folder;
    QString problem; ///< why it is not used at present; empty: it is sound
    bool operator==(const Installed&) const = default;
};

/// A package whose every byte was checked when it was read.
struct Package
{
    Manifest manifest;
    QMap<QString, QByteArray> files;
};

/// Skills, hands and agents below one folder: ROOT/KIND/PUBLISHER/NAME. Nothing of a package is
/// believed because of where it lies: each use reads it whole and checks signature and hashes
/// again.
class Packages
{
public:
    /// The trust store must outlive it.
    Packages(QString root,
             Trust& trust,
             QVersionNumber program = QVersionNumber::fromString(QStringLiteral(SB_VERSION)));

    /// Looks at a folder; changes nothing. Fails only when there is no such folder, or the trust
    /// store cannot be believed.
    [[nodiscard]] Result<Inspection> inspect(const QString& folder) const;
    /// Reads the folder once more, and writes what it has checked. Forbidden when the package has
    /// problems or the consent does not cover what it asks for; Conflict when it is not the one
    /// that consent was given to.
    [[nodiscard]] Result<Installed> install(const QString& folder, const Consent& consent);
    /// NotFound when it is not installed.
    [[nodiscard]] Result<> remove(const PackageId& id);
    [[nodiscard]] Result<QList<Installed>> list() const;
    /// The package's bytes, signature, pinned key and hashes checked now. NotFound; Forbidden or
    /// Corrupt with the reason.
    [[nodiscard]] Result<Package> load(const PackageId& id) const;

private:
    struct Reading;
    [[nodiscard]] Result<Reading> read(const QString& folder) const;
    [[nodiscard]] Result<> judgeSignature(Reading& reading) const;
    [[nodiscard]] Result<> compareInstalled(Reading& reading) const;
    [[nodiscard]] QString folderOf(const PackageId& id) const;

    QString m_root;
    Trust& m_trust;
    QVersionNumber m_program;
};

/// For publishers: fills in the manifest's list of files and signs it. The draft manifest.yaml must
/// be in the folder; its other keys stay as they are. `rotations` are those by which earlier users
/// get from the key that they know to this one.
[[nodiscard]] Result<Manifest>
signFolder(const QString& folder, const PublisherKey& key, const QList<Rotation>& rotations = {});

/// Applies a publisher's own revocation; InvalidInput when it is not genuine.
[[nodiscard]] Result<> applyRevocation(Trust& trust, const Revocation& revocation);

} // namespace sb::packages
