#pragma once
#include "core/base/Result.h"

#include <QByteArray>
#include <QList>
#include <QString>
#include <memory>
#include <optional>

namespace sb::tools {

/// Where a path that a model gave leads to.
struct Place
{
    QString absolute; ///< links resolved as far as it exists
    QString relative; ///< from the workspace, free of links and dots; "." is the workspace; empty
                      ///< when it is outside
    bool leavesWorkspace = false;
    bool operator==(const Place&) const = default;
};

/// What a path means whose last part is a link: the file that it leads to, or the link itself.
enum class LastLink { Follow, Keep };

/// Some lines of a file, as they stand in it.
struct Excerpt
{
    QByteArray bytes;
    qint64 size = 0;        ///< of the whole file
    qint64 lines = 0;       ///< in bytes
    qint64 linesBefore = 0; ///< skipped in front; fewer than asked for when the file is shorter
    bool atEnd = false;     ///< nothing follows
    bool lineCut = false;   ///< the last line is longer than the cap and was cut
    bool binary = false;    ///< then bytes is empty
};

struct FolderEntry
{
    enum class Kind { Folder, File, Link, Other };
    QString name;
    Kind kind = Kind::File;
    qint64 size = 0; ///< of a File
    QString target;  ///< of a Link
    bool operator==(const FolderEntry&) const = default;
};

struct Listing
{
    QList<FolderEntry> entries; ///< folders first, then by name
    qint64 total = 0;           ///< also those left out by the cap
};

/// All handling of paths and files for tools, in one place. A path is worked out once, to one that
/// holds no link, and is then opened with the kernel's promise (openat2) that it stays beneath the
/// workspace and meets no link: whoever swaps a folder for a link in between gets an error, never a
/// file outside. Blocks on files; safe from any thread.
class Workspace
{
public:
    /// NotFound where there is no such folder.
    static Result<Workspace> open(const QString& root);
    Workspace(Workspace&&) noexcept;
    Workspace& operator=(Workspace&&) noexcept;
    ~Workspace();

    /// Absolute, links resolved.
    [[nodiscard]] const QString& root() const;

    /// Works out a path: relative to the workspace, absolute, with dots, links or a leading ~ (the
    /// user's home). The file need not exist. InvalidInput for what can be no path: empty,
    /// overlong, with control characters. A path that leads out is no error; nothing of what lies
    /// there is opened.
    [[nodiscard]] Result<Place> resolve(const QString& given,
                                        LastLink lastLink = LastLink::Follow) const;

    /// The whole file; nothing where there is none. InvalidInput when it is no regular file or
    /// larger than the cap.
    [[nodiscard]] Result<std::optional<QByteArray>> read(const QString& relative,
                                                         qint64 maxBytes) const;

    /// Lines of a file from `firstLine` (from 1), at most maxLines and maxBytes, however large the
    /// file is.
    [[nodiscard]] Result<Excerpt>
    readLines(const QString& relative, qint64 firstLine, qint64 maxLines, qint64 maxBytes) const;

    /// Replaces or creates the file in one step that survives a power cut, keeping its mode, and
    /// only when it is still the one with this digest ("" for: there is none); else Conflict, and
    /// nothing has changed. Missing folders are made.
    [[nodiscard]] Result<>
    write(const QString& relative, const QByteArray& bytes, const QString& expectedDigest) const;

    /// Removes the file, only when it is still the one with this digest; else Conflict.
    [[nodiscard]] Result<> remove(const QString& relative, const QString& expectedDigest) const;

    /// What is in one folder.
    [[nodiscard]] Result<Listing> list(const QString& relative, int cap) const;

private:
    struct Private;
    explicit Workspace(std::unique_ptr<Private> parts);
    std::unique_ptr<Private> m;
};

/// SHA-256 in hex, as Plan::digests has it.
QString digestOf(QByteArrayView bytes);
/// Whether these bytes, the beginning of a file, are no text: a NUL, or UTF-16's mark.
bool looksBinary(QByteArrayView bytes);

} // namespace sb::tools
