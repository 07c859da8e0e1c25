#include "core/tools/ShellTool.h"

#include "core/egress/Egress.h"

#include "core/base/Defence.h"

namespace sb::tools {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 kMostSeconds = 600;
constexpr qsizetype kLongestCommand = 100'000; // an argument of a program may have 128 KiB at most

Output outputOf(const sandbox::Outcome& outcome)
{
    Output output;
    output.text = outcome.output;
    if (!output.text.isEmpty() && !output.text.endsWith(u'\n')) {
        output.text += u'\n';
    }
    const QString seconds = QString::number(double(outcome.durationMs) / 1000, 'f', 1);
    if (outcome.cancelled) {
        output.text +=
            u"[cancelled after %1 s; everything that it had started was stopped]"_s.arg(seconds);
    } else if (outcome.timedOut) {
        output.text +=
            u"[timed out after %1 s; everything that it had started was stopped]"_s.arg(seconds);
    } else if (outcome.signal != 0) {
        output.text += u"[ended by signal %1 after %2 s]"_s.arg(outcome.signal).arg(seconds);
    } else {
        output.text += u"[exit code %1, %2 s]"_s.arg(outcome.exitCode).arg(seconds);
    }
    output.isError = outcome.exitCode != 0;
    output.facts = {{u"exit_code"_s, outcome.exitCode},
                    {u"duration_ms"_s, outcome.durationMs},
                    {u"timed_out"_s, outcome.timedOut},
                    {u"output_bytes"_s, outcome.outputBytes}};
    if (outcome.signal != 0) {
        output.facts.insert(u"signal"_s, outcome.signal);
    }
    if (outcome.cancelled) {
        output.facts.insert(u"cancelled"_s, true);
    }
    return output;
}

/// A command whose output is looked through while it runs.
struct Watched
{
    leaks::LiveWatch live;
    std::stop_source stop;
    std::optional<std::stop_callback<std::function<void()>>> outer;

    Watched(const leaks::Watch& watch, leaks::Origin origin) : live(watch, std::move(origin)) {}

    // What may be kept and shown; stops the command when it should not go on.
    QByteArray pass(QByteArrayView bytes, bool ends)
    {
        QByteArray passed = ends ? live.finish() : live.feed(bytes);
        if (!live.known().isEmpty() && defended("leaks.kill")) {
            stop.request_stop();
        }
        return passed;
    }

    Output outputOf(const sandbox::Outcome& outcome)
    {
        Output output = tools::outputOf(outcome);
        const QString& known = live.known();
        if (known.isEmpty()) {
            return output;
        }
        output.text = outcome.output;
        if (!output.text.isEmpty() && !output.text.endsWith(u'\n')) {
            output.text += u'\n';
        }
        output.text +=
            u"[stopped: the output held the value of a secret (%1), which was taken out; the "
            u"command "
            "and everything that it had started were killed. Do not try to print it in another way.]"_s
                .arg(known.sliced(known.indexOf(u':') + 1));
        output.isError = true;
        output.facts.insert(u"leak"_s, known);
        return output;
    }
};

} // namespace

ShellTool::ShellTool(sandbox::Sandbox& sandbox, leaks::Watch watch, MakeDoor door)
    : BuiltinTool(toolSpec(
          "shell",
          "Runs a command line with /bin/sh in a sandbox: the workspace is writable, the rest of "
          "the system read-only, "
          "there is no terminal, and the network is reached only through the proxy that http_proxy "
          "names, which asks a person about addresses outside the agent's list. Standard output "
          "and error come back together, with "
          "the exit code at the "
          "end; a long output loses its middle. Everything that the command started is stopped "
          "when it ends.",
          {textProperty("command", "The command line."),
           textProperty("cwd",
                        "The folder to run it in, relative to the workspace; the workspace itself "
                        "if left out."),
           integerProperty("timeout_s",
                           "Seconds until it is stopped; the agent's usual limit if left out.",
                           1,
                           kMostSeconds)},
          1))
    , m_sandbox(sandbox)
    , m_watch(std::move(watch))
    , m_door(std::move(door))
{
}

Result<Plan> ShellTool::plan(const QJsonObject& arguments, const Context& context)
{
    Plan plan = begin(arguments, context, policy::Effect::Execute);
    const QString command = arguments.value(u"command"_s).toString();
    if (command.trimmed().isEmpty()) {
        return fail(ErrorCode::InvalidInput, u"The command is empty."_s);
    }
    if (command.contains(QChar(0)) || !command.isValidUtf16() || command.size() > kLongestCommand) {
        return fail(
            ErrorCode::InvalidInput,
            u"The command holds a NUL character, is no valid text, or is longer than 100,000 "
            "characters."_s);
    }
    SB_TRY(const QString ground, m_sandbox.ground(context.workspace));
    SB_TRY(const Workspace workspace, Workspace::open(ground));
    SB_TRY(const Place cwd, workspace.resolve(arguments.value(u"cwd"_s).toString(u"."_s)));
    plan.action.subject = command;
    plan.action.leavesWorkspace = cwd.leavesWorkspace;
    plan.command = oneLine(command);
    if (cwd.leavesWorkspace) {
        plan.paths.append(cwd.absolute);
        return plan;
    }
    const qint64 usual = std::chrono::ceil<std::chrono::seconds>(context.limits.wall).count();
    const Milliseconds wall(1000 * integerOf(arguments, u"timeout_s"_s, usual, 1, kMostSeconds));
    sandbox::LaunchRequest request;
    request.argv = {u"/bin/sh"_s, u"-c"_s, command};
    request.workspace = workspace.root();
    request.cwd = cwd.absolute;
    request.limits = context.limits;
    request.limits.wall = wall;
    request.network = bool(m_door);
    SB_TRY(plan.launch, m_sandbox.plan(request));
    // It may be silent until its own time is up, and a little for stopping it; while a person is
    // asked about an address, its time stands still.
    plan.patience = wall + Milliseconds(15'000);
    if (m_door) {
        plan.patience += egress::Limits().question;
    }
    return plan;
}

Future<Output> ShellTool::run(Permit,
                              Plan plan,
                              Context context,
                              std::function<void(const QString&)> progress,
                              std::stop_token stop)
{
    if (!plan.launch || plan.action.leavesWorkspace) {
        return Future<Output>::ready(
            fail(ErrorCode::Forbidden, u"The command would run outside of the workspace."_s));
    }
    Promise<Output> promise;
    auto future = promise.future();
    // Lives until the launch has ended.
    const auto door = m_door && plan.launch->network ? m_door(context) : nullptr;
    std::function<void(int)> opened;
    std::function<Milliseconds()> excused;
    if (door) {
        opened = [door](int listeningFd) { door->opened(listeningFd); };
        excused = [door] { return door->waitedForPeople(); };
    }
    if (!m_watch.isOn()) {
        m_sandbox
            .launch(std::move(*plan.launch),
                    std::move(progress),
                    std::move(stop),
                    std::move(opened),
                    std::move(excused))
            .then([promise = std::move(promise)](Result<sandbox::Outcome> outcome) {
                promise.set(outcome.transform(outputOf));
            });
        return future;
    }
    // Shared by the callbacks of the output and of the end, which the sandbox calls from a thread
    // of its own.
    const auto watched = std::make_shared<Watched>(
        m_watch,
        leaks::Origin{u"tool:shell"_s, context.agent, {}, context.process, context.callSeq});
    watched->outer.emplace(stop, [source = watched->stop]() mutable { source.request_stop(); });
    m_sandbox
        .launch(std::move(*plan.launch),
                std::move(progress),
                watched->stop.get_token(),
                std::move(opened),
                std::move(excused),
                [watched](QByteArrayView bytes, bool ends) { return watched->pass(bytes, ends); })
        .then([watched, promise = std::move(promise)](Result<sandbox::Outcome> outcome) {
            watched->outer.reset();
            promise.set(outcome.transform(
                [&](const sandbox::Outcome& ended) { return watched->outputOf(ended); }));
        });
    return future;
}

} // namespace sb::tools
