#include "core/git/RepositoryPrivate.h"

namespace sb::git {

using namespace Qt::StringLiterals;

std::unexpected<Error> failed(int code, const QString& what)
{
    ErrorCode kind = ErrorCode::Io;
    switch (code) {
    case GIT_ENOTFOUND:
    case GIT_EUNBORNBRANCH:
        kind = ErrorCode::NotFound;
        break;
    case GIT_ELOCKED:
        kind = ErrorCode::Locked;
        break;
    case GIT_EEXISTS:
    case GIT_ECONFLICT:
    case GIT_EMODIFIED:
    case GIT_EUNMERGED:
    case GIT_EMERGECONFLICT:
    case GIT_EINDEXDIRTY:
        kind = ErrorCode::Conflict;
        break;
    case GIT_EINVALID:
    case GIT_EINVALIDSPEC:
    case GIT_EAMBIGUOUS:
        kind = ErrorCode::InvalidInput;
        break;
    case GIT_EMISMATCH:
        kind = ErrorCode::Corrupt;
        break;
    default: // libgit2's codes are an open set
        break;
    }
    const git_error* last = git_error_last();
    QString words = last != nullptr && last->message != nullptr
                        ? QString::fromUtf8(last->message).trimmed()
                        : u"error %1"_s.arg(code);
    if (words.contains("No space left"_L1)) {
        kind = ErrorCode::DiskFull;
    }
    if (!words.endsWith(u'.')) {
        words += u'.';
    }
    return fail(kind, what + u": "_s + words);
}

QString oidText(const git_oid* id)
{
    char text[GIT_OID_MAX_HEXSIZE + 1] = {};
    git_oid_tostr(text, sizeof text, id);
    return QString::fromLatin1(text);
}

Repository::Repository(std::unique_ptr<Private> parts) : m(std::move(parts)) {}
Repository::Repository(Repository&&) noexcept = default;
Repository& Repository::operator=(Repository&&) noexcept = default;
Repository::~Repository() = default;

Result<CommitHandle> headCommit(git_repository* repository)
{
    git_oid id{};
    const int code = git_reference_name_to_id(&id, repository, "HEAD");
    if (code == GIT_ENOTFOUND || code == GIT_EUNBORNBRANCH) {
        return CommitHandle(); // before the first commit
    }
    if (code < 0) {
        return failed(code, u"The repository's HEAD could not be read"_s);
    }
    git_commit* raw = nullptr;
    SB_GIT(git_commit_lookup(&raw, repository, &id), "The last commit could not be read");
    return CommitHandle(raw);
}

Result<TreeHandle> headTree(git_repository* repository)
{
    SB_TRY(const CommitHandle commit, headCommit(repository));
    if (!commit) {
        return TreeHandle();
    }
    git_tree* raw = nullptr;
    SB_GIT(git_commit_tree(&raw, commit.get()), "The last commit's files could not be read");
    return TreeHandle(raw);
}

Result<Person> authorOf(git_repository* repository, const Person& fallback)
{
    git_config* raw = nullptr;
    SB_GIT(git_repository_config_snapshot(&raw, repository),
           "The repository's configuration could not be read");
    const ConfigHandle config(raw);
    const auto value = [&](const char* name) {
        const char* text = nullptr;
        return git_config_get_string(&text, raw, name) == 0 ? QString::fromUtf8(text).trimmed()
                                                            : QString();
    };
    Person person{value("user.name"), value("user.email")};
    return person.name.isEmpty() || person.email.isEmpty() ? fallback : person;
}

Result<std::optional<QString>> Repository::head()
{
    SB_TRY(const CommitHandle commit, headCommit(m->get()));
    if (!commit) {
        return std::nullopt;
    }
    return oidText(git_commit_id(commit.get()));
}

Result<std::optional<QString>> Repository::branch()
{
    git_reference* raw = nullptr;
    SB_GIT(git_reference_lookup(&raw, m->get(), "HEAD"), "The repository's HEAD could not be read");
    const ReferenceHandle head(raw);
    if (git_reference_type(raw) != GIT_REFERENCE_SYMBOLIC) {
        return std::nullopt;
    }
    QString name = QString::fromUtf8(git_reference_symbolic_target(raw));
    constexpr auto prefix = "refs/heads/"_L1;
    if (name.startsWith(prefix)) {
        name.remove(0, prefix.size());
    }
    return name;
}

namespace {

QString underway(git_repository* repository)
{
    switch (git_repository_state(repository)) {
    case GIT_REPOSITORY_STATE_NONE:
        return {};
    case GIT_REPOSITORY_STATE_MERGE:
        return u"a merge"_s;
    case GIT_REPOSITORY_STATE_REVERT:
    case GIT_REPOSITORY_STATE_REVERT_SEQUENCE:
        return u"a revert"_s;
    case GIT_REPOSITORY_STATE_CHERRYPICK:
    case GIT_REPOSITORY_STATE_CHERRYPICK_SEQUENCE:
        return u"a cherry-pick"_s;
    case GIT_REPOSITORY_STATE_BISECT:
        return u"a bisection"_s;
    default:
        return u"a rebase"_s;
    }
}

StatusEntry entryOf(const git_status_entry& item)
{
    const git_diff_delta* delta =
        item.index_to_workdir != nullptr ? item.index_to_workdir : item.head_to_index;
    const char* path =
        delta->new_file.path != nullptr ? delta->new_file.path : delta->old_file.path;
    StatusEntry entry;
    entry.path = QString::fromUtf8(path);
    const unsigned bits = item.status;
    if ((bits & GIT_STATUS_CONFLICTED) != 0) {
        entry.index = entry.worktree = u'U';
        return entry;
    }
    const auto mark = [bits](unsigned added, unsigned modified, unsigned deleted, unsigned type) {
        return (bits & added) != 0      ? u'A'
               : (bits & modified) != 0 ? u'M'
               : (bits & deleted) != 0  ? u'D'
               : (bits & type) != 0     ? u'T'
                                        : u' ';
    };
    entry.index = mark(GIT_STATUS_INDEX_NEW,
                       GIT_STATUS_INDEX_MODIFIED,
                       GIT_STATUS_INDEX_DELETED,
                       GIT_STATUS_INDEX_TYPECHANGE);
    entry.worktree =
        mark(0, GIT_STATUS_WT_MODIFIED, GIT_STATUS_WT_DELETED, GIT_STATUS_WT_TYPECHANGE);
    if ((bits & GIT_STATUS_WT_NEW) != 0) {
        entry.worktree = u'?';
        if (entry.index == u' ') {
            entry.index = u'?';
        }
    }
    return entry;
}

} // namespace

Result<Status> Repository::status(int cap)
{
    Status result;
    SB_TRY(const auto on, branch());
    SB_TRY(const auto commit, head());
    result.branch = on.value_or(QString());
    result.head = commit.value_or(QString());
    result.underway = underway(m->get());

    git_status_options options;
    git_status_options_init(&options, GIT_STATUS_OPTIONS_VERSION);
    options.show = GIT_STATUS_SHOW_INDEX_AND_WORKDIR;
    options.flags = GIT_STATUS_OPT_INCLUDE_UNTRACKED | GIT_STATUS_OPT_EXCLUDE_SUBMODULES |
                    GIT_STATUS_OPT_SORT_CASE_SENSITIVELY;
    git_status_list* raw = nullptr;
    SB_GIT(git_status_list_new(&raw, m->get(), &options),
           "The repository could not be looked through");
    const StatusHandle list(raw);
    const auto count = qint64(git_status_list_entrycount(raw));
    for (qint64 i = 0; i < std::min<qint64>(count, cap); ++i) {
        result.entries.append(entryOf(*git_status_byindex(raw, size_t(i))));
    }
    result.more = int(std::max<qint64>(0, count - cap));
    return result;
}

Result<QList<Commit>> Repository::log(int max)
{
    QList<Commit> commits;
    SB_TRY(const auto tip, head());
    if (!tip) {
        return commits;
    }
    git_revwalk* raw = nullptr;
    SB_GIT(git_revwalk_new(&raw, m->get()), "The history could not be read");
    const WalkHandle walk(raw);
    SB_GIT(git_revwalk_simplify_first_parent(raw), "The history could not be read");
    SB_GIT(git_revwalk_push_head(raw), "The history could not be read");
    git_oid id{};
    while (commits.size() < max) {
        const int code = git_revwalk_next(&id, raw);
        if (code == GIT_ITEROVER) {
            break;
        }
        if (code < 0) {
            return failed(code, u"The history could not be read"_s);
        }
        git_commit* rawCommit = nullptr;
        SB_GIT(git_commit_lookup(&rawCommit, m->get(), &id), "A commit could not be read");
        const CommitHandle handle(rawCommit);
        Commit commit;
        commit.id = oidText(&id);
        commit.summary = QString::fromUtf8(git_commit_summary(rawCommit));
        const git_signature* author = git_commit_author(rawCommit);
        commit.author = {QString::fromUtf8(author->name), QString::fromUtf8(author->email)};
        commit.time = TimeUs(git_commit_time(rawCommit)) * 1'000'000;
        for (unsigned i = 0; i < git_commit_parentcount(rawCommit); ++i) {
            commit.parents.append(oidText(git_commit_parent_id(rawCommit, i)));
        }
        commits.append(commit);
    }
    return commits;
}

} // namespace sb::git
