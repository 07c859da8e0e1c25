#include "core/tools/GitTool.h"

#include "core/git/Fence.h"

namespace sb::tools {

using namespace Qt::StringLiterals;

namespace {

QString translated(const char* text)
{
    return QCoreApplication::translate("sb::tools::Git", text);
}

/// Where a plan keeps what the commit builds on: the tree that it will have, and the commit before
/// it.
QString treeKey(const QString& root)
{
    return root + u"/.git"_s;
}
QString parentKey(const QString& root)
{
    return root + u"/.git/HEAD"_s;
}

/// Opens the repository behind the fence and does something with it there.
template <class F>
auto withRepository(git::Library& library, const Workspace& workspace, F f)
    -> std::invoke_result_t<F, git::Repository&>
{
    library.prepare();
    const QString& root = workspace.root();
    return git::fenced(root, [&]() -> std::invoke_result_t<F, git::Repository&> {
        SB_TRY(git::Repository repository, git::Repository::open(library, root));
        return f(repository);
    });
}

git::CommitRequest requestOf(const Plan& plan, const Context& context, const QStringList& paths)
{
    git::CommitRequest request;
    request.message = plan.arguments.value(u"message"_s).toString();
    request.paths = paths;
    request.fallback = {u"Signalbox agent"_s, context.agent + u"@signalbox.invalid"_s};
    return request;
}

/// The paths that the model named, from the workspace; the plan learns when one leads out.
Result<QStringList> pathsOf(const QJsonObject& arguments, const Workspace& workspace, Plan& plan)
{
    QStringList relative;
    for (const QString& given : listOf(arguments, u"paths"_s)) {
        // A link is committed as a link, so it is the link that is meant.
        SB_TRY(const Place place, workspace.resolve(given, LastLink::Keep));
        if (place.leavesWorkspace) {
            plan.action.leavesWorkspace = true;
            plan.paths.append(place.absolute);
        }
        relative.append(place.relative);
    }
    return relative;
}

QString figures(const git::Diff& diff)
{
    return u"%1 files, +%2 -%3"_s.arg(diff.files).arg(diff.insertions).arg(diff.deletions);
}

} // namespace

// --- git_status

GitStatusTool::GitStatusTool(Files files, git::Library& library)
    : PoolTool(toolSpec("git_status",
                        "Shows the branch of the workspace's git repository and which files "
                        "differ, in the short form "
                        "of git: staged and unstaged mark, then the path. ?? is a new file.",
                        {},
                        0),
               std::move(files))
    , m_library(library)
{
}

Result<Plan> GitStatusTool::plan(const QJsonObject& arguments, const Context& context)
{
    Plan plan = begin(arguments, context, policy::Effect::ReadWorkspace);
    plan.command = translated("Look at the repository's state");
    return plan;
}

Result<Output> GitStatusTool::perform(const Plan&, const Context& context)
{
    SB_TRY(const Workspace workspace, open(context));
    SB_TRY(const git::Status status,
           withRepository(m_library, workspace, [](git::Repository& repository) {
               return repository.status();
           }));
    QStringList lines;
    lines.append(status.branch.isEmpty() ? u"On no branch (HEAD is detached)"_s
                                         : u"On branch "_s + status.branch);
    if (status.head.isEmpty()) {
        lines.append(u"No commits yet"_s);
    } else {
        lines.append(u"Last commit "_s + status.head);
    }
    if (!status.underway.isEmpty()) {
        lines.append(u"In the middle of "_s + status.underway);
    }
    if (status.entries.isEmpty()) {
        lines.append(u"Nothing differs from the last commit"_s);
    }
    for (const git::StatusEntry& entry : status.entries) {
        QString path = entry.path;
        path.replace(u'\n', QChar(0xfffd)); // one entry, one line
        lines.append(QString(entry.index) + entry.worktree + u' ' + path);
    }
    if (status.more > 0) {
        lines.append(u"[%1 more are not shown]"_s.arg(status.more));
    }
    Output output;
    output.text = lines.join(u'\n');
    output.facts = {{u"branch"_s, status.branch},
                    {u"head"_s, status.head},
                    {u"changed"_s, status.entries.size() + status.more}};
    return output;
}

// --- git_diff

GitDiffTool::GitDiffTool(Files files, git::Library& library)
    : PoolTool(
          toolSpec(
              "git_diff",
              "Shows how tracked files of the workspace's git repository differ from what is "
              "staged, or, with "
              "staged, what is staged differs from the last commit. New files are in git_status.",
              {textProperty("path", "Only this file or folder, relative to the workspace."),
               switchProperty("staged", "Compare what is staged with the last commit.")},
              0),
          std::move(files))
    , m_library(library)
{
}

Result<Plan> GitDiffTool::plan(const QJsonObject& arguments, const Context& context)
{
    Plan plan = begin(arguments, context, policy::Effect::ReadWorkspace);
    SB_TRY(const Workspace workspace, open(context));
    SB_CHECK(placeOf(arguments.value(u"path"_s).toString(u"."_s), workspace, plan, LastLink::Keep));
    //: %1 is a file or folder
    plan.command = translated("Compare %1").arg(oneLine(plan.action.subject));
    return plan;
}

Result<Output> GitDiffTool::perform(const Plan& plan, const Context& context)
{
    SB_TRY(const Workspace workspace, open(context));
    git::DiffRequest request;
    request.staged = plan.arguments.value(u"staged"_s).toBool();
    if (plan.action.subject != "."_L1) {
        request.paths.append(plan.action.subject);
    }
    SB_TRY(const git::Diff diff,
           withRepository(m_library, workspace, [&](git::Repository& repository) {
               return repository.diff(request);
           }));
    Output output;
    output.text = diff.text.isEmpty() ? u"[Nothing differs.]"_s : diff.text;
    if (diff.truncated) {
        output.text +=
            u"[The rest is not shown (%1 in all); name a path to see less.]"_s.arg(figures(diff));
    }
    output.facts = {{u"files"_s, diff.files},
                    {u"insertions"_s, diff.insertions},
                    {u"deletions"_s, diff.deletions},
                    {u"truncated"_s, diff.truncated}};
    return output;
}

// --- git_commit

GitCommitTool::GitCommitTool(Files files, git::Library& library)
    : PoolTool(
          toolSpec("git_commit",
                   "Commits changes of the workspace's git repository on the current branch: "
                   "exactly the files "
                   "and folders in paths, or without paths everything that changed and is not "
                   "ignored, new and "
                   "deleted files too. Hooks are not run.",
                   {textProperty(
                        "message",
                        "The commit message: a short first line, then, after an empty line, why."),
                    listProperty("paths", "Files or folders, relative to the workspace.")},
                   1),
          std::move(files))
    , m_library(library)
{
}

Result<Plan> GitCommitTool::plan(const QJsonObject& arguments, const Context& context)
{
    Plan plan = begin(arguments, context, policy::Effect::WriteWorkspace);
    const QString message = arguments.value(u"message"_s).toString().trimmed();
    plan.action.subject = message;
    const QString summary = oneLine(message.section(u'\n', 0, 0));
    //: %1 is the first line of a commit's message
    plan.command = translated("Commit “%1”").arg(summary);
    SB_TRY(const Workspace workspace, open(context));
    SB_TRY(const QStringList paths, pathsOf(arguments, workspace, plan));
    if (plan.action.leavesWorkspace) {
        return plan;
    }
    const git::CommitRequest request = requestOf(plan, context, paths);
    SB_TRY(const git::Preview preview,
           withRepository(m_library, workspace, [&](git::Repository& repository) {
               return repository.preview(request);
           }));
    for (const QString& path : preview.paths) {
        plan.paths.append(workspace.root() + u'/' + path);
    }
    plan.diff = harmless(preview.diff.text);
    if (preview.diff.truncated) {
        plan.diff += translated("… the rest of the differences is not shown.") + u'\n';
    }
    //: %1 is the first line of a commit's message, %2 is such as: 3 files, +10 -2
    plan.command = translated("Commit “%1” (%2)").arg(summary, figures(preview.diff));
    plan.digests.insert(treeKey(workspace.root()), preview.tree);
    plan.digests.insert(parentKey(workspace.root()), preview.parent);
    return plan;
}

Result<Output> GitCommitTool::perform(const Plan& plan, const Context& context)
{
    SB_TRY(const Workspace workspace, open(context));
    const QString& root = workspace.root();
    Plan scratch = begin(plan.arguments, context, policy::Effect::WriteWorkspace);
    SB_TRY(const QStringList paths, pathsOf(plan.arguments, workspace, scratch));
    const QString tree = plan.digests.value(treeKey(root));
    if (plan.action.leavesWorkspace || scratch.action.leavesWorkspace || tree.isEmpty()) {
        return fail(ErrorCode::Forbidden, u"Nothing is committed from outside of the workspace."_s);
    }
    git::CommitRequest request = requestOf(plan, context, paths);
    request.expectedTree = tree;
    struct Made
    {
        git::Commit commit;
        QString branch;
    };
    SB_TRY(
        const Made made,
        withRepository(m_library, workspace, [&](git::Repository& repository) -> Result<Made> {
            SB_TRY(const auto head, repository.head());
            if (head.value_or(QString()) != plan.digests.value(parentKey(root))) {
                return fail(
                    ErrorCode::Conflict,
                    u"The branch has moved since the commit was shown; nothing was committed."_s);
            }
            SB_TRY(const auto branch, repository.branch());
            SB_TRY(const git::Commit commit, repository.commit(request));
            return Made{commit, branch.value_or(QString())};
        }));
    Output output;
    output.text = u"Committed %1%2: %3"_s.arg(
        made.commit.id.left(12),
        made.branch.isEmpty() ? QString() : QString(u" on "_s + made.branch),
        made.commit.summary);
    output.facts = {{u"commit"_s, made.commit.id},
                    {u"branch"_s, made.branch},
                    {u"files"_s, plan.paths.size()},
                    {u"author"_s,
                     QString(made.commit.author.name + u" <"_s + made.commit.author.email + u'>')}};
    return output;
}

} // namespace sb::tools
