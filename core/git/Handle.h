#pragma once
#include "core/base/Result.h"

#include <git2.h>
#include <memory>

/// Inside core/git only: owners of libgit2's objects, and its failures as ours.
namespace sb::git {

template <auto Free>
struct Freer
{
    template <class T>
    void operator()(T* pointer) const
    {
        Free(pointer);
    }
};
template <class T, auto Free>
using Handle = std::unique_ptr<T, Freer<Free>>;

using RepositoryHandle = Handle<git_repository, git_repository_free>;
using IndexHandle = Handle<git_index, git_index_free>;
using TreeHandle = Handle<git_tree, git_tree_free>;
using CommitHandle = Handle<git_commit, git_commit_free>;
using ReferenceHandle = Handle<git_reference, git_reference_free>;
using StatusHandle = Handle<git_status_list, git_status_list_free>;
using DiffHandle = Handle<git_diff, git_diff_free>;
using DiffStatsHandle = Handle<git_diff_stats, git_diff_stats_free>;
using PatchHandle = Handle<git_patch, git_patch_free>;
using ConfigHandle = Handle<git_config, git_config_free>;
using SignatureHandle = Handle<git_signature, git_signature_free>;
using OdbHandle = Handle<git_odb, git_odb_free>;
using WalkHandle = Handle<git_revwalk, git_revwalk_free>;

/// A buffer that libgit2 fills.
struct Buffer
{
    git_buf buffer{};
    Buffer() = default;
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { git_buf_dispose(&buffer); }
    [[nodiscard]] QByteArray bytes() const { return {buffer.ptr, qsizetype(buffer.size)}; }
};

/// The failure that libgit2 has just reported in this thread: "<what>: <its words>."
std::unexpected<Error> failed(int code, const QString& what);

/// SB_GIT(git_call(…), "It could not be done"): returns the failure from this function.
#define SB_GIT(call, what)                                                                         \
    if (const int sbGit = (call); sbGit < 0) {                                                     \
        return failed(sbGit, QStringLiteral(what));                                                \
    }

} // namespace sb::git
