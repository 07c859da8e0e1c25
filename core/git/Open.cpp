#include "core/git/RepositoryPrivate.h"

#include <QDir>
#include <QDirIterator>
#include <QFile>
#include <QFileInfo>

namespace sb::git {

using namespace Qt::StringLiterals;

namespace {

bool isBeneath(const QString& path, const QString& folder)
{
    return path == folder || path.startsWith(folder + u'/');
}

std::unexpected<Error> leadsOut(const QString& what)
{
    return fail(
        ErrorCode::Forbidden,
        u"The workspace's git repository cannot be used: %1 lies outside of the workspace."_s.arg(
            what));
}

QByteArray firstBytes(const QString& path, qint64 count)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.read(count) : QByteArray();
}

/// The folder that .git is or names, with links resolved; it must be inside.
Result<QString> gitFolder(const QString& workspace)
{
    const QFileInfo entry(workspace + u"/.git"_s);
    if (!entry.exists() && !entry.isSymLink()) {
        return fail(
            ErrorCode::NotFound, u"There is no git repository in the workspace."_s, workspace);
    }
    const QString real = entry.canonicalFilePath();
    if (!isBeneath(real, workspace)) {
        return leadsOut(u".git"_s);
    }
    if (QFileInfo(real).isDir()) {
        return real;
    }
    // A linked worktree or a submodule: a file that names the real folder.
    const QByteArray text = firstBytes(real, 8192).trimmed();
    if (!QFileInfo(real).isFile() || !text.startsWith("gitdir:")) {
        return fail(ErrorCode::Corrupt, u"The workspace's .git is no git repository."_s, workspace);
    }
    const QString named =
        QDir(workspace).absoluteFilePath(QString::fromUtf8(text.mid(7).trimmed()));
    const QString folder = QFileInfo(named).canonicalFilePath();
    if (!isBeneath(folder, workspace)) {
        return leadsOut(u"the folder that .git names"_s);
    }
    return folder;
}

/// A link in .git would have this process, which is in no sandbox, read or write wherever it leads.
Result<> checkLinks(const QString& folder, const QString& workspace)
{
    QStringList folders{folder};
    while (!folders.isEmpty()) {
        const QString current = folders.takeLast();
        QDirIterator entries(current,
                             QDir::AllEntries | QDir::NoDotAndDotDot | QDir::Hidden | QDir::System);
        while (entries.hasNext()) {
            const QFileInfo entry = entries.nextFileInfo();
            if (entry.isSymLink() && !isBeneath(entry.canonicalFilePath(), workspace)) {
                return leadsOut(u".git/"_s + QDir(folder).relativeFilePath(entry.filePath()));
            }
            // The 256 folders of objects hold nothing but objects, which are checked by their hash.
            const bool ofObjects =
                current == folder + u"/objects"_s && entry.fileName().size() == 2;
            if (entry.isDir() && !entry.isSymLink() && !ofObjects) {
                folders.append(entry.filePath());
            }
        }
    }
    const QString objects = folder + u"/objects"_s;
    for (QByteArray line : firstBytes(objects + u"/info/alternates"_s, 65536).split('\n')) {
        line = line.trimmed();
        if (line.isEmpty() || line.startsWith('#')) {
            continue;
        }
        const QString named = QDir(objects).absoluteFilePath(QString::fromUtf8(line));
        if (!isBeneath(QFileInfo(named).canonicalFilePath(), workspace)) {
            return leadsOut(u"a store of objects that it borrows from"_s);
        }
    }
    return {};
}

} // namespace

Result<RepositoryHandle> openInside(const QString& workspace)
{
    SB_TRY(const QString folder, gitFolder(workspace));
    SB_CHECK(checkLinks(folder, workspace));

    git_repository* raw = nullptr;
    const int code = git_repository_open_ext(
        &raw, workspace.toUtf8().constData(), GIT_REPOSITORY_OPEN_NO_SEARCH, nullptr);
    RepositoryHandle repository(raw);
    if (code < 0) {
        return failed(code, u"The workspace's git repository could not be opened"_s);
    }
    const auto real = [](const char* path) {
        return path == nullptr ? QString() : QFileInfo(QString::fromUtf8(path)).canonicalFilePath();
    };
    if (real(git_repository_workdir(raw)) != workspace) {
        return leadsOut(u"its working folder"_s);
    }
    const QString common = real(git_repository_commondir(raw));
    if (!isBeneath(real(git_repository_path(raw)), workspace) || !isBeneath(common, workspace)) {
        return leadsOut(u"a part of it"_s);
    }
    if (common != folder) {
        SB_CHECK(checkLinks(common, workspace));
    }
    return repository;
}

Result<Repository> Repository::open(Library& library, const QString& workspace)
{
    library.prepare();
    const QString real = QFileInfo(workspace).canonicalFilePath();
    if (real.isEmpty()) {
        return fail(ErrorCode::NotFound, u"The workspace is not there."_s, workspace);
    }
    auto parts = std::make_unique<Private>();
    parts->workspace = real;
    SB_TRY(parts->repository, openInside(real));
    return Repository(std::move(parts));
}

Result<Repository>
Repository::init(Library& library, const QString& workspace, const QString& branch)
{
    library.prepare();
    git_repository_init_options options;
    git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
    const QByteArray name = branch.toUtf8();
    options.initial_head = name.constData();
    git_repository* raw = nullptr;
    const int code = git_repository_init_ext(&raw, workspace.toUtf8().constData(), &options);
    const RepositoryHandle repository(raw);
    if (code < 0) {
        return failed(code, u"A git repository could not be made in the workspace"_s);
    }
    return open(library, workspace);
}

} // namespace sb::git
