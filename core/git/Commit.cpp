#include "core/git/RepositoryPrivate.h"

#include <QFile>
#include <QSet>

#include <ctime>
#include <git2/sys/mempack.h>
#include <sys/stat.h>

namespace sb::git {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 kLargestFile = qint64(256) << 20;

/// One path as the commit will have it.
struct Change
{
    QByteArray path;
    bool removed = false;
    git_index_entry entry{}; ///< entry.path points to nothing until it is used
};

struct Gathered
{
    QList<Change> changes;
    git_oid tree{};
    TreeHandle before; ///< empty before the first commit
    CommitHandle parent;
};

bool isSelected(const QString& path, const QStringList& wanted)
{
    return wanted.isEmpty() || std::ranges::any_of(wanted, [&](const QString& one) {
               return path == one || path.startsWith(one + u'/') || one == "."_L1;
           });
}

/// A commit made while something else is under way would be a wrong one.
Result<> checkReady(git_repository* repository)
{
    if (QFile::exists(QString::fromUtf8(git_repository_path(repository)) + u"index.lock"_s)) {
        return fail(
            ErrorCode::Locked,
            u"Another program is at work in the repository: its index is locked. When none is, "
            "remove .git/index.lock."_s);
    }
    git_index* raw = nullptr;
    SB_GIT(git_repository_index(&raw, repository), "The repository's index could not be read");
    const IndexHandle index(raw);
    if (git_index_has_conflicts(raw) != 0) {
        return fail(ErrorCode::Conflict,
                    u"Some files have merge conflicts; they must be resolved before a commit."_s);
    }
    if (git_repository_state(repository) != GIT_REPOSITORY_STATE_NONE) {
        return fail(
            ErrorCode::Conflict,
            u"The repository is in the middle of a merge, a rebase or the like; that must be "
            "finished or given up before a commit."_s);
    }
    return {};
}

/// What a filter program makes of a file is not what lies in the workspace, and programs are not
/// started here.
Result<> checkFilter(git_repository* repository, const QByteArray& path)
{
    const char* value = nullptr;
    SB_GIT(git_attr_get(&value,
                        repository,
                        GIT_ATTR_CHECK_FILE_THEN_INDEX | GIT_ATTR_CHECK_NO_SYSTEM,
                        path.constData(),
                        "filter"),
           "The attributes of a file could not be read");
    if (git_attr_value(value) == GIT_ATTR_VALUE_STRING) {
        return fail(
            ErrorCode::Unsupported,
            u"%1 must pass the filter \"%2\" before it is committed, and no filter is run here."_s
                .arg(QString::fromUtf8(path), QString::fromUtf8(value)));
    }
    return {};
}

/// Puts a file's content into the repository's object store and describes it.
Result<git_index_entry>
store(git_repository* repository, const QByteArray& path, bool keepMode, quint32 oldMode)
{
    const QByteArray full = QByteArray(git_repository_workdir(repository)) + path;
    struct stat facts{};
    if (lstat(full.constData(), &facts) != 0 ||
        (!S_ISREG(facts.st_mode) && !S_ISLNK(facts.st_mode))) {
        return fail(
            ErrorCode::Conflict,
            u"%1 changed while the commit was being put together."_s.arg(QString::fromUtf8(path)));
    }
    if (facts.st_size > kLargestFile) {
        return fail(
            ErrorCode::Unsupported,
            u"%1 is larger than 256 MiB, too large to commit."_s.arg(QString::fromUtf8(path)));
    }
    git_index_entry entry{};
    const bool executable =
        keepMode ? oldMode == GIT_FILEMODE_BLOB_EXECUTABLE : (facts.st_mode & S_IXUSR) != 0;
    entry.mode = S_ISLNK(facts.st_mode) ? GIT_FILEMODE_LINK
                 : executable           ? GIT_FILEMODE_BLOB_EXECUTABLE
                                        : GIT_FILEMODE_BLOB;
    // Taken before the content, so that a later change is seen as one.
    entry.ctime = {int32_t(facts.st_ctim.tv_sec), uint32_t(facts.st_ctim.tv_nsec)};
    entry.mtime = {int32_t(facts.st_mtim.tv_sec), uint32_t(facts.st_mtim.tv_nsec)};
    entry.dev = uint32_t(facts.st_dev);
    entry.ino = uint32_t(facts.st_ino);
    entry.uid = facts.st_uid;
    entry.gid = facts.st_gid;
    entry.file_size = uint32_t(facts.st_size);
    SB_GIT(git_blob_create_from_workdir(&entry.id, repository, path.constData()),
           "A file could not be read for the commit");
    return entry;
}

bool keepsModes(git_repository* repository)
{
    git_config* raw = nullptr;
    if (git_repository_config_snapshot(&raw, repository) < 0) {
        return false;
    }
    const ConfigHandle config(raw);
    int filemode = 1;
    git_config_get_bool(&filemode, raw, "core.filemode");
    return filemode == 0;
}

/// Everything selected that differs from the last commit, its content stored.
Result<QList<Change>> gatherChanges(git_repository* repository, const QStringList& wanted)
{
    git_status_options options;
    git_status_options_init(&options, GIT_STATUS_OPTIONS_VERSION);
    options.show = GIT_STATUS_SHOW_INDEX_AND_WORKDIR;
    options.flags = GIT_STATUS_OPT_INCLUDE_UNTRACKED | GIT_STATUS_OPT_RECURSE_UNTRACKED_DIRS |
                    GIT_STATUS_OPT_EXCLUDE_SUBMODULES | GIT_STATUS_OPT_SORT_CASE_SENSITIVELY;
    git_status_list* raw = nullptr;
    SB_GIT(git_status_list_new(&raw, repository, &options),
           "The repository could not be looked through");
    const StatusHandle list(raw);
    git_index* rawIndex = nullptr;
    SB_GIT(git_repository_index(&rawIndex, repository), "The repository's index could not be read");
    const IndexHandle index(rawIndex);
    const bool keepMode = keepsModes(repository);

    QList<Change> changes;
    QSet<QString> met;
    for (size_t i = 0; i < git_status_list_entrycount(raw); ++i) {
        const git_status_entry& item = *git_status_byindex(raw, i);
        const git_diff_delta* delta =
            item.index_to_workdir != nullptr ? item.index_to_workdir : item.head_to_index;
        const QByteArray path =
            delta->new_file.path != nullptr ? delta->new_file.path : delta->old_file.path;
        const QString name = QString::fromUtf8(path);
        if (!isSelected(name, wanted)) {
            continue;
        }
        if (path.endsWith('/')) { // a repository inside the workspace: not ours to record
            continue;
        }
        for (const QString& one : wanted) {
            if (isSelected(name, {one})) {
                met.insert(one);
            }
        }
        const git_index_entry* known = git_index_get_bypath(rawIndex, path.constData(), 0);
        const unsigned bits = item.status;
        const bool gone =
            (bits & GIT_STATUS_WT_DELETED) != 0 ||
            ((bits & GIT_STATUS_INDEX_DELETED) != 0 && (bits & GIT_STATUS_WT_NEW) == 0);
        if (gone) {
            if (known != nullptr && (known->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) != 0) {
                continue; // left out of a sparse checkout, not deleted
            }
            changes.append({path, true, {}});
            continue;
        }
        SB_CHECK(checkFilter(repository, path));
        SB_TRY(const git_index_entry entry,
               store(repository, path, keepMode, known != nullptr ? known->mode : 0));
        changes.append({path, false, entry});
    }
    for (const QString& one : wanted) {
        if (met.contains(one)) {
            continue;
        }
        int ignored = 0;
        git_ignore_path_is_ignored(&ignored, repository, one.toUtf8().constData());
        return fail(
            ErrorCode::InvalidInput,
            ignored != 0
                ? u"%1 is ignored by the repository (.gitignore)."_s.arg(one)
                : u"There is nothing to commit in %1: no change there, or no such file."_s.arg(
                      one));
    }
    return changes;
}

/// The commit's content, from the last commit and what changed since.
Result<Gathered> gather(git_repository* repository, const QStringList& wanted)
{
    SB_CHECK(checkReady(repository));
    Gathered result;
    SB_TRY(result.parent, headCommit(repository));
    SB_TRY(result.before, headTree(repository));
    SB_TRY(result.changes, gatherChanges(repository, wanted));

    git_index* raw = nullptr;
    SB_GIT(git_index_new(&raw), "The commit could not be put together");
    const IndexHandle index(raw);
    if (result.before) {
        SB_GIT(git_index_read_tree(raw, result.before.get()),
               "The last commit's files could not be read");
    }
    for (const Change& change : result.changes) { // first, since a file may have become a folder
        if (change.removed) {
            git_index_remove(raw, change.path.constData(), 0);
        }
    }
    for (const Change& change : result.changes) {
        if (!change.removed) {
            git_index_entry entry = change.entry;
            entry.path = change.path.constData();
            SB_GIT(git_index_add(raw, &entry), "A file could not be put into the commit");
        }
    }
    SB_GIT(git_index_write_tree_to(&result.tree, raw, repository),
           "The commit's files could not be written");
    const bool same = result.before
                          ? git_oid_equal(git_tree_id(result.before.get()), &result.tree) != 0
                          : git_index_entrycount(raw) == 0;
    if (same) {
        return fail(ErrorCode::InvalidInput, u"There is nothing to commit: no file has changed."_s);
    }
    return result;
}

SignatureHandle signatureOf(const Person& person, TimeUs time)
{
    git_signature* raw = nullptr;
    const auto seconds = time_t(time / 1'000'000);
    struct tm local{};
    localtime_r(&seconds, &local);
    git_signature_new(&raw,
                      person.name.toUtf8().constData(),
                      person.email.toUtf8().constData(),
                      seconds,
                      int(local.tm_gmtoff / 60));
    return SignatureHandle(raw);
}

Result<QByteArray> tidy(const QString& message)
{
    const QByteArray bytes = message.toUtf8();
    if (bytes.contains('\0') || bytes.size() > (64 << 10)) {
        return fail(ErrorCode::InvalidInput,
                    u"The commit message holds a NUL character or is longer than 64 KiB."_s);
    }
    Buffer buffer;
    SB_GIT(git_message_prettify(&buffer.buffer, bytes.constData(), 0, '#'),
           "The commit message could not be used");
    if (buffer.bytes().trimmed().isEmpty()) {
        return fail(ErrorCode::InvalidInput, u"A commit needs a message."_s);
    }
    return buffer.bytes();
}

} // namespace

Result<Preview> Repository::preview(const CommitRequest& request)
{
    SB_CHECK(tidy(request.message));
    // A repository of its own, whose new objects stay in memory.
    SB_TRY(const RepositoryHandle scratch, openInside(m->workspace));
    git_odb* rawOdb = nullptr;
    SB_GIT(git_repository_odb(&rawOdb, scratch.get()),
           "The repository's objects could not be read");
    const OdbHandle odb(rawOdb);
    git_odb_backend* memory = nullptr;
    SB_GIT(git_mempack_new(&memory), "The commit could not be previewed");
    SB_GIT(git_odb_add_backend(rawOdb, memory, 1000), "The commit could not be previewed");

    SB_TRY(const Gathered gathered, gather(scratch.get(), request.paths));
    git_tree* rawTree = nullptr;
    SB_GIT(git_tree_lookup(&rawTree, scratch.get(), &gathered.tree),
           "The commit could not be previewed");
    const TreeHandle tree(rawTree);
    git_diff_options options;
    git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
    options.max_size = 16 << 20;
    git_diff* rawDiff = nullptr;
    SB_GIT(git_diff_tree_to_tree(&rawDiff, scratch.get(), gathered.before.get(), rawTree, &options),
           "The commit could not be previewed");
    const DiffHandle diff(rawDiff);

    Preview result;
    SB_TRY(result.diff, render(rawDiff, 256 << 10));
    result.tree = oidText(&gathered.tree);
    result.parent = gathered.parent ? oidText(git_commit_id(gathered.parent.get())) : QString();
    for (size_t i = 0; i < git_diff_num_deltas(rawDiff); ++i) {
        result.paths.append(QString::fromUtf8(git_diff_get_delta(rawDiff, i)->new_file.path));
    }
    SB_TRY(result.author, authorOf(scratch.get(), request.fallback));
    return result;
}

Result<Commit> Repository::commit(const CommitRequest& request)
{
    SB_TRY(const QByteArray message, tidy(request.message));
    SB_TRY(const Gathered gathered, gather(m->get(), request.paths));
    if (!request.expectedTree.isEmpty() && oidText(&gathered.tree) != request.expectedTree) {
        return fail(ErrorCode::Conflict,
                    u"Files have changed since the commit was shown; nothing was committed."_s);
    }
    SB_TRY(const Person author, authorOf(m->get(), request.fallback));
    const TimeUs time = request.time != 0 ? request.time : TimeUs(std::time(nullptr)) * 1'000'000;
    const SignatureHandle signature = signatureOf(author, time);
    if (!signature) {
        return fail(
            ErrorCode::InvalidInput,
            u"\"%1 <%2>\" cannot be the author of a commit; see user.name and user.email in the "
            "repository's configuration."_s.arg(author.name, author.email));
    }

    // The index first: if the commit then fails the changes are staged, which harms nobody.
    git_index* rawIndex = nullptr;
    SB_GIT(git_repository_index(&rawIndex, m->get()), "The repository's index could not be read");
    const IndexHandle index(rawIndex);
    for (const Change& change : gathered.changes) {
        if (change.removed) {
            git_index_remove(rawIndex, change.path.constData(), 0);
        }
    }
    for (const Change& change : gathered.changes) {
        if (!change.removed) {
            git_index_entry entry = change.entry;
            entry.path = change.path.constData();
            SB_GIT(git_index_add(rawIndex, &entry), "A file could not be staged");
        }
    }
    SB_GIT(git_index_write(rawIndex), "The repository's index could not be written");

    git_tree* rawTree = nullptr;
    SB_GIT(git_tree_lookup(&rawTree, m->get(), &gathered.tree),
           "The commit's files could not be read");
    const TreeHandle tree(rawTree);
    const git_commit* parents[] = {gathered.parent.get()};
    git_oid id{};
    SB_GIT(git_commit_create(&id,
                             m->get(),
                             "HEAD",
                             signature.get(),
                             signature.get(),
                             nullptr,
                             message.constData(),
                             rawTree,
                             gathered.parent ? 1 : 0,
                             parents),
           "The commit could not be made");
    Commit result;
    result.id = oidText(&id);
    result.summary = QString::fromUtf8(message).section(u'\n', 0, 0);
    result.author = author;
    result.time = time;
    if (gathered.parent) {
        result.parents.append(oidText(git_commit_id(gathered.parent.get())));
    }
    return result;
}

} // namespace sb::git
