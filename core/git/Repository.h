#pragma once
#include "core/base/Clock.h"
#include "core/base/Result.h"
#include "core/git/Library.h"

#include <QStringList>
#include <memory>
#include <optional>

namespace sb::git {

/// One path that differs. The marks are git's: M, A, D, T, U (conflict), ? (untracked), space for
/// no difference.
struct StatusEntry
{
    QString path;          ///< from the workspace
    QChar index = u' ';    ///< what is staged, against the last commit
    QChar worktree = u' '; ///< what is not, against the staged
    bool operator==(const StatusEntry&) const = default;
};

struct Status
{
    QString branch;             ///< empty when HEAD is detached
    QString head;               ///< the commit, 40 hex digits; empty before the first one
    QString underway;           ///< "a merge", "a rebase" …; empty when nothing is
    QList<StatusEntry> entries; ///< sorted by path
    int more = 0;               ///< entries left out by the cap
};

struct DiffRequest
{
    bool staged = false; ///< last commit → staged; else staged → files
    QStringList paths;   ///< files or folders from the workspace, taken literally; empty: all
    qint64 maxBytes = 128 << 10;
};

struct Diff
{
    QString text; ///< unified; cut at a line when there is more than the cap
    bool truncated = false;
    int files = 0;
    int insertions = 0;
    int deletions = 0;
};

struct Person
{
    QString name;
    QString email;
    bool operator==(const Person&) const = default;
};

struct CommitRequest
{
    QString message;
    QStringList paths; ///< exactly these files or folders; empty: everything that changed and is
                       ///< not ignored
    Person fallback;   ///< the author where the repository's configuration names none
    TimeUs time = 0;   ///< 0: now
    /// The tree that Preview showed; when what would be committed is another by now, it is a
    /// Conflict.
    QString expectedTree;
};

/// What a commit would record. Nothing has been written.
struct Preview
{
    Diff diff;
    QString tree;      ///< 40 hex digits: names every byte of the commit's content
    QString parent;    ///< the commit that it builds on; empty for the first
    QStringList paths; ///< that change, sorted
    Person author;
};

struct Commit
{
    QString id; ///< 40 hex digits
    QString summary;
    Person author;
    TimeUs time = 0;
    QStringList parents;
};

/// The repository whose working folder is exactly the workspace. One thread at a time. It reads and
/// writes files where .git says, so use it inside fenced(workspace, …).
class Repository
{
public:
    /// Opens WORKSPACE/.git. NotFound where there is none; Forbidden when it, or what it refers to,
    /// lies outside of the workspace. Nothing above the workspace is looked at.
    static Result<Repository> open(Library& library, const QString& workspace);
    /// Makes an empty repository (for tests and the tour); the folder must exist.
    static Result<Repository> init(Library& library,
                                   const QString& workspace,
                                   const QString& branch = QStringLiteral("main"));
    Repository(Repository&&) noexcept;
    Repository& operator=(Repository&&) noexcept;
    ~Repository();

    /// What differs, ignored files left out; at most `cap` entries.
    Result<Status> status(int cap = 1000);
    Result<Diff> diff(const DiffRequest& request);
    /// What commit() would record; fails where commit() would fail for reasons that can be known
    /// before.
    Result<Preview> preview(const CommitRequest& request);
    /// Records the changes in one commit on HEAD. No hook and no filter program runs; a path that
    /// needs one is refused.
    Result<Commit> commit(const CommitRequest& request);
    /// The commit that HEAD stands on; nothing before the first one.
    Result<std::optional<QString>> head();
    /// The branch that HEAD is on, also before its first commit; nothing when detached.
    Result<std::optional<QString>> branch();
    /// The newest commits, first parents first, newest first.
    Result<QList<Commit>> log(int max);

private:
    struct Private;
    explicit Repository(std::unique_ptr<Private> parts);
    std::unique_ptr<Private> m;
};

/// The unified diff of a file's content before and after (nothing: no such file), with git's header
/// lines; empty when they are the same. Binary content is only named. Cut at a line after maxBytes.
Result<Diff> unifiedDiff(Library& library,
                         const std::optional<QByteArray>& before,
                         const std::optional<QByteArray>& after,
                         const QString& path,
                         qint64 maxBytes = 256 << 10);

} // namespace sb::git
