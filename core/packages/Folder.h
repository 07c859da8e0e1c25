#pragma once
#include "core/packages/Manifest.h"

#include <QMap>

namespace sb::packages {

/// A package's folder, read through its descriptor: each step of a path is opened without following
/// a link, so what is read lies below the folder whatever happens around it meanwhile.
class Folder
{
public:
    /// NotFound when there is no such folder; Forbidden when the path's last part is a link.
    static Result<Folder> open(const QString& path);
    Folder(Folder&& other) noexcept : m_fd(std::exchange(other.m_fd, -1)) {}
    Folder& operator=(Folder&&) = delete;
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder();

    /// A regular file's bytes. NotFound, Forbidden (a link or something that is no file),
    /// InvalidInput (longer than it may be), Io.
    [[nodiscard]] Result<QByteArray> read(const QString& path, qint64 longest) const;
    /// The paths of everything in it that is no folder, sorted; links and devices among them.
    /// InvalidInput when it holds more or is nested deeper than a package may be.
    [[nodiscard]] Result<QStringList> everything() const;

private:
    explicit Folder(int fd) : m_fd(fd) {}
    int m_fd;
};

/// Writes the files into a new folder, readable for the owner alone, each on disk when it returns.
/// The folder must not exist.
[[nodiscard]] Result<> writeFolder(const QString& path, const QMap<QString, QByteArray>& files);

} // namespace sb::packages
