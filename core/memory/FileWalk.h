#pragma once
#include <QStringList>
#include <stop_token>

namespace sb::memory {

/// The most files that are read from one folder.
constexpr qsizetype MostFiles = 100'000;

struct FoundFile
{
    QString path;
    qint64 bytes = 0;
    bool operator==(const FoundFile&) const = default;
};

struct FoundFiles
{
    QList<FoundFile> files; ///< by name, folder by folder
    QStringList problems;   ///< a sentence for each folder or link that was passed over unwanted
};

/// What a person would call the files of a folder: those in it and in its folders, without hidden
/// ones, packages that were downloaded, and what a build made (told by its name, or by a
/// CACHEDIR.TAG, CMakeCache.txt or pyvenv.cfg in it). Links are not followed: what they lead to
/// inside the folder is met by itself, and the rest does not belong to it. `closed` are folders
/// that stay out. Paths are absolute, with links resolved. Blocks on disk.
FoundFiles filesIn(const QString& folder, const QStringList& closed, const std::stop_token& stop);

} // namespace sb::memory
