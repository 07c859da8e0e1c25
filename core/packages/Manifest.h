#pragma once
#include "core/base/Result.h"

#include <QByteArray>
#include <QJsonObject>
#include <QList>
#include <QStringList>
#include <QVersionNumber>

namespace sb::packages {

enum class Kind { Skill, Hand, Agent };
/// "skill", "hand", "agent".
[[nodiscard]] QString kindName(Kind kind);
/// The inverse; nothing for another word.
[[nodiscard]] std::optional<Kind> kindFromName(QStringView name);

/// What one WASM call may use. The defaults are also the runtime's.
struct ToolLimits
{
    qint64 instructions = 1'000'000;
    int seconds = 30;
    int memoryMb = 64;
    int outputKb = 256;
    bool operator==(const ToolLimits&) const = default;
};

/// A tool that a package brings.
struct ToolEntry
{
    QString name;
    QString description;
    QJsonObject schema; ///< JSON Schema of its arguments
    QString module;     ///< the .wasm file, as the manifest lists it
    ToolLimits limits;
    bool operator==(const ToolEntry&) const = default;
};

struct FileEntry
{
    QString path;      ///< below the package's folder, with slashes
    QByteArray sha256; ///< 32 bytes
    bool operator==(const FileEntry&) const = default;
};

/// manifest.yaml as a value; README.md lists the keys.
struct Manifest
{
    Kind kind = Kind::Skill;
    QString name;
    QVersionNumber version;
    QString publisher;
    QString description;
    QVersionNumber minimumVersion; ///< of Signalbox
    QStringList capabilities;      ///< sorted, each once
    QList<FileEntry> files;        ///< everything in the folder but the manifest and its signature
    QList<ToolEntry> tools;

    /// "skill acme/csv-tools 1.2.0"
    [[nodiscard]] QString title() const;
    bool operator==(const Manifest&) const = default;
};

inline constexpr auto manifestFile = u"manifest.yaml";
inline constexpr auto signatureFile = u"manifest.sig";

struct Caps
{
    qint64 manifestBytes = 256 << 10;
    qint64 signatureBytes = 16 << 10;
    qint64 fileBytes = 16 << 20;
    qint64 totalBytes = 64 << 20;
    int files = 1000;
    int depth = 8; ///< folders in folders
};

/// Reads and checks a manifest; the message of a refusal is one sentence that starts with file,
/// line and column. A draft, which is still to be signed, needs no list of files.
enum class Stage { Draft, Final };
[[nodiscard]] Result<Manifest> parseManifest(const QByteArray& yaml, Stage stage = Stage::Final);

/// The draft's text with its list of files replaced by this one; everything else, comments as well,
/// stays as its author wrote it.
[[nodiscard]] Result<QByteArray> withFiles(const QByteArray& yaml, const QList<FileEntry>& files);

/// Why the name of a publisher or a package is no canonical one (lower-case letters, digits and
/// single hyphens, of ASCII alone); empty: it is.
[[nodiscard]] QString nameProblem(const QString& name);
/// Why a path may not stand in a manifest; empty: it may. Allowed are plain relative paths of
/// portable characters that mean the same file on every system.
[[nodiscard]] QString pathProblem(const QString& path);
/// A name as the eye sees it: "paypa1" and "paypal" are the same.
[[nodiscard]] QString lookOf(const QString& name);

} // namespace sb::packages
