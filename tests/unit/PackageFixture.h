#pragma once
#include "core/packages/Packages.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QTemporaryDir>
#include <QTest>

namespace sb::test {

/// Why it failed; empty: it did not.
template <class T>
QByteArray said(const Result<T>& result)
{
    return result ? QByteArray() : result.error().message.toUtf8();
}

/// A publisher with a key, and folders with packages of theirs.
class PackageFixture
{
public:
    PackageFixture()
        : trust(dir.filePath(QStringLiteral("publishers.json")),
                SecretString(QByteArray(64, 'k')),
                clock)
        , packages(dir.filePath(QStringLiteral("packages")), trust)
    {
    }

    void write(const QString& folder, const QString& name, const QByteArray& bytes) const
    {
        const QString path = dir.filePath(folder) + u'/' + name;
        QDir().mkpath(QFileInfo(path).path());
        QFile file(path);
        QVERIFY(file.open(QIODevice::WriteOnly | QIODevice::Truncate));
        file.write(bytes);
    }
    [[nodiscard]] QByteArray read(const QString& folder, const QString& name) const
    {
        QFile file(dir.filePath(folder) + u'/' + name);
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    }
    [[nodiscard]] QString path(const QString& folder) const { return dir.filePath(folder); }

    /// A skill with a tool, not signed yet.
    static QByteArray draft(const QByteArray& version = "1.0.0",
                            const QByteArray& publisher = "acme",
                            const QByteArray& capabilities = "[file_read]")
    {
        return "format: 1\nkind: skill\nname: csv-tools\nversion: " + version +
               "\npublisher: " + publisher +
               "\ndescription: Sums columns.\nsignalbox: 0.1.0\n# what it may do\ncapabilities: " +
               capabilities +
               "\ntools:\n  - name: csv_sum\n    description: Sums a column of a CSV file.\n"
               "    module: tools/csv.wasm\n"
               "    schema: {type: object, properties: {column: {type: integer, minimum: 0}}}\n"
               "    limits: {instructions: 5000000, memory_mb: 16}\n";
    }
    QString draftFolder(const QString& folder, const QByteArray& manifest = draft()) const
    {
        write(folder, QStringLiteral("manifest.yaml"), manifest);
        write(folder,
              QStringLiteral("SKILL.md"),
              "---\nname: csv-tools\ndescription: Works with CSV.\n---\n# CSV\nUse csv_sum.\n");
        write(folder, QStringLiteral("tools/csv.wasm"), QByteArray("\0asm\1\0\0\0", 8));
        return path(folder);
    }
    /// The same, signed.
    QString signedFolder(const QString& folder, const QByteArray& manifest = draft()) const
    {
        return signedBy(key, folder, manifest);
    }
    QString signedBy(const packages::PublisherKey& by,
                     const QString& folder,
                     const QByteArray& manifest = draft(),
                     const QList<packages::Rotation>& rotations = {}) const
    {
        const QString where = draftFolder(folder, manifest);
        const auto made = packages::signFolder(where, by, rotations);
        return made ? where : QString();
    }
    /// A manifest as given, signed as it is, whatever is in the folder.
    void signBytes(const packages::PublisherKey& by,
                   const QString& folder,
                   const QByteArray& manifest) const
    {
        write(folder, QStringLiteral("manifest.yaml"), manifest);
        write(folder,
              QStringLiteral("manifest.sig"),
              packages::writeSignature(
                  {by.publicKey(), by.sign(packages::manifestDomain, manifest), {}}));
    }

    /// A person who says yes to all that is shown.
    [[nodiscard]] packages::Consent yes(const QString& folder) const
    {
        const auto seen = packages.inspect(folder);
        return seen ? packages::Consent{seen->digest, true, true, seen->newCapabilities}
                    : packages::Consent{};
    }
    bool install(const QString& folder) { return bool(packages.install(folder, yes(folder))); }

    [[nodiscard]] static packages::PackageId id()
    {
        return {packages::Kind::Skill, QStringLiteral("acme"), QStringLiteral("csv-tools")};
    }

    QTemporaryDir dir;
    FakeClock clock;
    packages::PublisherKey key = packages::PublisherKey::create();
    packages::FileTrust trust;
    packages::Packages packages;
};

} // namespace sb::test
