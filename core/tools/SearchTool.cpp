#include "core/tools/SearchTool.h"

namespace sb::tools {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype kMostMatches = 200;

Output outputOf(const sandbox::Outcome& outcome)
{
    Output output;
    output.facts = {{u"exit_code"_s, outcome.exitCode}, {u"duration_ms"_s, outcome.durationMs}};
    if (outcome.cancelled || outcome.timedOut) {
        return failure(
            outcome.cancelled
                ? u"The search was cancelled."_s
                : u"The search took longer than 30 s and was stopped; search in a smaller "
                  "folder or with a glob."_s);
    }
    if (outcome.exitCode == 127 || outcome.exitCode == 126) {
        return failure(u"Searching needs ripgrep, which this machine lacks; install the package "
                       "\"ripgrep\"."_s);
    }
    QStringList lines = outcome.output.split(u'\n', Qt::SkipEmptyParts);
    for (QString& line : lines) {
        if (line.startsWith("./"_L1)) {
            line.remove(0, 2);
        }
    }
    // 1 says that nothing matched; anything else that something went wrong, perhaps beside some
    // matches.
    if (outcome.exitCode == 1 && lines.isEmpty()) {
        output.text = u"[Nothing matches.]"_s;
        output.facts.insert(u"matches"_s, 0);
        return output;
    }
    output.isError = outcome.exitCode != 0;
    const bool more = lines.size() > kMostMatches;
    if (more) {
        lines.resize(kMostMatches);
        lines.append(
            u"[There are more than %1 matches; narrow the pattern, the path or the glob.]"_s.arg(
                kMostMatches));
    }
    output.text = lines.join(u'\n');
    output.facts.insert(u"matches"_s, more ? kMostMatches : lines.size());
    output.facts.insert(u"truncated"_s, more);
    return output;
}

} // namespace

SearchTool::SearchTool(sandbox::Sandbox& sandbox)
    : BuiltinTool(toolSpec(
          "file_search",
          "Searches the text of the workspace's files with ripgrep. Each match comes back as "
          "path:line:text, 200 at "
          "most. Files that .gitignore names, hidden files and binary files are left out.",
          {textProperty("pattern", "A regular expression in ripgrep's (Rust's) syntax."),
           textProperty(
               "path",
               "The file or folder to search, relative to the workspace; all of it if left out."),
           textProperty("glob", "Only files whose path matches this, such as *.cpp or !tests/**."),
           switchProperty("ignore_case", "Take upper and lower case as the same."),
           switchProperty("literal", "Take the pattern as plain text.")},
          1))
    , m_sandbox(sandbox)
{
}

Result<Plan> SearchTool::plan(const QJsonObject& arguments, const Context& context)
{
    Plan plan = begin(arguments, context, policy::Effect::ReadWorkspace);
    const QString pattern = arguments.value(u"pattern"_s).toString();
    const QString glob = arguments.value(u"glob"_s).toString();
    const auto usable = [](const QString& text) {
        return !text.contains(QChar(0)) && text.isValidUtf16() && text.size() <= 10'000;
    };
    if (pattern.isEmpty() || !usable(pattern) || !usable(glob)) {
        return fail(
            ErrorCode::InvalidInput,
            u"The pattern is empty, or the pattern or glob holds a NUL character or is longer "
            "than 10,000 characters."_s);
    }
    SB_TRY(const Workspace workspace, Workspace::open(context.workspace));
    SB_TRY(const Place place,
           placeOf(arguments.value(u"path"_s).toString(u"."_s), workspace, plan));
    plan.command = QCoreApplication::translate("sb::tools::Search", "Search for “%1” in %2")
                       .arg(oneLine(pattern), oneLine(plan.action.subject));
    if (place.leavesWorkspace) {
        return plan;
    }

    sandbox::LaunchRequest request;
    request.argv = {u"rg"_s,
                    u"--no-config"_s,
                    u"--no-require-git"_s,
                    u"--color=never"_s,
                    u"--no-heading"_s,
                    u"--with-filename"_s,
                    u"--line-number"_s,
                    u"--sort=path"_s,
                    u"--max-columns=300"_s,
                    u"--max-columns-preview"_s,
                    u"--max-count=%1"_s.arg(kMostMatches)};
    if (arguments.value(u"ignore_case"_s).toBool()) {
        request.argv.append(u"--ignore-case"_s);
    }
    if (arguments.value(u"literal"_s).toBool()) {
        request.argv.append(u"--fixed-strings"_s);
    }
    if (!glob.isEmpty()) {
        request.argv.append(u"--glob="_s + glob);
    }
    // Without a path it would read its standard input. With one of its own form nothing can pass
    // for an option.
    request.argv += QStringList{u"-e"_s,
                                pattern,
                                u"--"_s,
                                u"./"_s + (place.relative == "."_L1 ? QString() : place.relative)};
    request.workspace = workspace.root();
    request.cwd = workspace.root();
    request.workspaceReadOnly = true;
    request.limits.wall = Milliseconds(30'000);
    request.limits.outputBytes = 512 << 10; // beyond any 200 lines of 300 columns
    SB_TRY(plan.launch, m_sandbox.plan(request));
    return plan;
}

Future<Output> SearchTool::run(
    Permit, Plan plan, Context, std::function<void(const QString&)>, std::stop_token stop)
{
    if (!plan.launch || plan.action.leavesWorkspace) {
        return Future<Output>::ready(
            fail(ErrorCode::Forbidden, u"The search would leave the workspace."_s));
    }
    Promise<Output> promise;
    auto future = promise.future();
    m_sandbox.launch(std::move(*plan.launch), {}, std::move(stop))
        .then([promise = std::move(promise)](Result<sandbox::Outcome> outcome) {
            promise.set(outcome.transform(outputOf));
        });
    return future;
}

} // namespace sb::tools
