#include "app/node/RunFollower.h"
#include "app/node/SecretsVerb.h"
#include "core/runtime/Session.h"

namespace sb::node {

using runtime::Session;

namespace {

Exit start(const Arguments& arguments, Session& session, protocol::StartRun command)
{
    EndSignal end;
    const bool asksPerson =
        hasTerminal() && !command.rehearsed && command.approve == protocol::ApproveMode::Ask;
    RunFollower follower(session.client(), session.events(), {arguments.json, asksPerson});
    auto started = session.client().request(std::move(command)).wait();
    if (!started) {
        return complain(started.error(), arguments.json);
    }
    // Its channel was made before the run began in it; that belongs to it as well.
    protocol::QueryJournal first;
    first.agent = started->agent;
    first.process = started->run;
    first.before = started->seq;
    auto before = session.client().request(std::move(first)).wait();
    const qint64 from =
        before && !before->entries.isEmpty() ? before->entries.last().seq : started->seq;
    return follower.follow(started->agent, started->run, from - 1, end);
}

} // namespace

Exit openingFailed(const Error& error, bool json)
{
    const Exit exit = complain(error, json);
    const bool configuration = error.context.endsWith(QLatin1StringView("signalbox.yaml"));
    return configuration ? Exit::Usage : exit;
}

Exit runVerb(Arguments arguments, QStringList words)
{
    auto read = readOptions(
        arguments, std::move(words), {QStringLiteral("--agent"), QStringLiteral("--approve")}, {});
    if (!read) {
        return complain(read.error(), arguments.json);
    }
    const QString task = arguments.rest.join(u' ').trimmed();
    if (task.isEmpty()) {
        return complain({ErrorCode::InvalidInput, QStringLiteral("run needs a task in words."), {}},
                        arguments.json);
    }
    const QString approve =
        arguments.options.value(QStringLiteral("--approve"), QStringLiteral("ask"));
    const auto mode = protocol::enumFromName(approve, static_cast<protocol::ApproveMode*>(nullptr));
    if (!mode) {
        return complain(
            {ErrorCode::InvalidInput,
             QStringLiteral("--approve is ask, allow or deny, not \"%1\".").arg(approve),
             {}},
            arguments.json);
    }
    auto session = Session::open(
        arguments.home,
        {QStringLiteral("run"), arguments.program, true, false, terminalPassphrase()});
    if (!session) {
        return openingFailed(session.error(), arguments.json);
    }
    protocol::StartRun command;
    command.agent = arguments.options.value(QStringLiteral("--agent"));
    command.task = task;
    command.approve = *mode;
    command.unattended = !hasTerminal();
    return start(arguments, **session, std::move(command));
}

Exit tourVerb(Arguments arguments, QStringList words)
{
    auto read = readOptions(arguments, std::move(words), {}, {});
    if (!read || !arguments.rest.isEmpty()) {
        return complain(
            read ? Error{ErrorCode::InvalidInput, QStringLiteral("tour takes no arguments."), {}}
                 : read.error(),
            arguments.json);
    }
    auto session = Session::open(arguments.home, {QStringLiteral("run"), arguments.program, false});
    if (!session) {
        return openingFailed(session.error(), arguments.json);
    }
    if (!arguments.json) {
        printLine("The tour: an agent finds, fixes and commits a bug in a small repository.\n"
                  "Recorded is only what the model says. The processes, the sandbox, the question "
                  "to you, the edit, "
                  "the commit and the journal are real.\n");
    }
    protocol::StartRun command;
    command.tour = true;
    command.rehearsed = !hasTerminal();
    Exit exit = start(arguments, **session, std::move(command));
    protocol::VerifyJournal verify;
    verify.agent = QStringLiteral("tour");
    auto verified = (*session)->client().request(std::move(verify)).wait();
    if (!verified) {
        // What kept it from beginning was said already.
        return exit == Exit::Succeeded ? complain(verified.error(), false) : exit;
    }
    for (const auto& report : verified->reports) {
        if (!report.ok) {
            exit = Exit::Failed;
        }
        if (!arguments.json) {
            printLine(QStringLiteral("\nJournal: %1").arg(report.message).toUtf8());
        } else if (!report.ok) {
            std::fprintf(stderr, "signalbox-node: %s\n", report.message.toUtf8().constData());
        }
    }
    return exit;
}

} // namespace sb::node
