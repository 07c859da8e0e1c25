#include "core/memory/FileWalk.h"

#include <QDir>
#include <QFileInfo>
#include <QSet>

namespace sb::memory {

using namespace Qt::StringLiterals;

namespace {

bool isMade(const QFileInfo& folder)
{
    static const QSet<QString> names{u"node_modules"_s,
                                     u"bower_components"_s,
                                     u"__pycache__"_s,
                                     u"CMakeFiles"_s,
                                     u"build"_s,
                                     u"dist"_s,
                                     u"target"_s};
    if (names.contains(folder.fileName())) {
        return true;
    }
    const QDir inside(folder.filePath());
    return inside.exists(u"CACHEDIR.TAG"_s) || inside.exists(u"CMakeCache.txt"_s) ||
           inside.exists(u"pyvenv.cfg"_s);
}

bool liesIn(const QString& path, const QString& folder)
{
    return path == folder || path.startsWith(folder + u'/');
}

} // namespace

FoundFiles filesIn(const QString& folder, const QStringList& closed, const std::stop_token& stop)
{
    FoundFiles found;
    const QString root = QFileInfo(folder).canonicalFilePath();
    QSet<QString> out{u"/proc"_s, u"/sys"_s, u"/dev"_s};
    for (const QString& path : closed) {
        out.insert(QFileInfo(path).canonicalFilePath());
    }
    QStringList waiting{root};
    while (!waiting.isEmpty() && !stop.stop_requested()) {
        const QDir here(waiting.takeLast());
        if (out.contains(here.path())) {
            continue;
        }
        if (!here.isReadable()) {
            found.problems.append(u"The folder %1 cannot be read."_s.arg(here.path()));
            continue;
        }
        QStringList folders;
        for (const QFileInfo& entry :
             here.entryInfoList(QDir::AllEntries | QDir::NoDotAndDotDot, QDir::Name)) {
            if (entry.isSymbolicLink()) {
                if (const QString target = entry.canonicalFilePath();
                    !target.isEmpty() && !liesIn(target, root)) {
                    found.problems.append(
                        u"The link %1 leads out of the folder and was not followed."_s.arg(
                            entry.filePath()));
                }
            } else if (entry.isDir()) {
                if (!isMade(entry)) {
                    folders.prepend(entry.filePath());
                }
            } else if (entry.isFile()) {
                if (found.files.size() == MostFiles) {
                    found.problems.append(
                        u"%1 holds more than %2 files, and the rest was not read."_s.arg(root).arg(
                            MostFiles));
                    return found;
                }
                found.files.append({entry.filePath(), entry.size()});
            }
        }
        waiting.append(folders);
    }
    return found;
}

} // namespace sb::memory
