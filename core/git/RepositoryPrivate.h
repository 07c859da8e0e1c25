#pragma once
#include "core/git/Handle.h"
#include "core/git/Repository.h"

/// Inside core/git only: what the parts of Repository share.
namespace sb::git {

struct Repository::Private
{
    QString workspace; ///< absolute, links resolved
    RepositoryHandle repository;

    [[nodiscard]] git_repository* get() const { return repository.get(); }
};

/// The commit on HEAD; empty before the first one.
Result<CommitHandle> headCommit(git_repository* repository);
/// Its tree; empty before the first commit.
Result<TreeHandle> headTree(git_repository* repository);
/// Who the repository's own configuration says commits, else the fallback.
Result<Person> authorOf(git_repository* repository, const Person& fallback);

/// Opens WORKSPACE/.git after checking that it stays inside; see Repository::open.
Result<RepositoryHandle> openInside(const QString& workspace);

/// Text and figures of a diff.
Result<Diff> render(git_diff* diff, qint64 maxBytes);

QString oidText(const git_oid* id);

/// Keeps the strings of a list alive for libgit2.
class PathList
{
public:
    explicit PathList(const QStringList& paths)
    {
        for (const QString& path : paths) {
            m_bytes.push_back(path.toUtf8());
        }
        for (QByteArray& bytes : m_bytes) {
            m_pointers.push_back(bytes.data());
        }
    }
    [[nodiscard]] git_strarray get() { return {m_pointers.data(), m_pointers.size()}; }

private:
    std::vector<QByteArray> m_bytes;
    std::vector<char*> m_pointers;
};

} // namespace sb::git
