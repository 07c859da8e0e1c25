#include "app/node/RunFollower.h"
#include "core/runtime/Session.h"

#include <QJsonDocument>

namespace sb::node {

using runtime::Session;

namespace {

Error usageError(const QString& message)
{
    return {ErrorCode::InvalidInput, message, {}};
}

// For how long a yes to a question about an address holds.
QString reachText(const protocol::ApprovalInfo& approval)
{
    const bool isWaiting = approval.state == protocol::ApprovalState::Waiting;
    if (!protocol::isForGood(approval)) {
        return isWaiting ? QStringLiteral("for once; with accept --always from now on")
                         : QStringLiteral("for once");
    }
    return isWaiting ? QStringLiteral("from now on, because nobody waits for it any more")
                     : QStringLiteral("from now on, until it is taken back");
}

void show(const protocol::ApprovalInfo& approval, bool json)
{
    if (json) {
        printJson(protocol::toJson(approval));
        return;
    }
    QString text =
        QStringLiteral(
            "%1  %2\n  agent    %3, process %4\n  tool     %5\n  does     %6\n  in       %7\n"
            "  risk     %8\n  because  %9\n")
            .arg(approval.id,
                 enumName(approval.state),
                 approval.agent,
                 approval.process,
                 approval.tool,
                 approval.command,
                 approval.cwd,
                 enumName(approval.risk),
                 approval.reason);
    text += QStringLiteral("  rule     %1\n  asked    %2\n  expires  %3\n")
                .arg(approval.rule, timeText(approval.requestedAt), timeText(approval.expiresAt));
    if (approval.editedArguments) {
        text += QStringLiteral("  changed  %1\n")
                    .arg(QString::fromUtf8(
                        QJsonDocument(*approval.editedArguments).toJson(QJsonDocument::Compact)));
    }
    if (!protocol::addressOf(approval).isEmpty()) {
        text += QStringLiteral("  a yes is %1\n").arg(reachText(approval));
    }
    if (!approval.by.isEmpty()) {
        text +=
            QStringLiteral("  settled  %1 by %2\n").arg(timeText(approval.settledAt), approval.by);
    }
    if (!approval.note.isEmpty()) {
        text += QStringLiteral("  note     %1\n").arg(approval.note);
    }
    if (!approval.justification.isEmpty()) {
        text += QStringLiteral("  the agent says: %1\n").arg(approval.justification);
    }
    if (!approval.diff.isEmpty()) {
        text += approval.diff + u'\n';
    }
    printLine(text.toUtf8());
}

Exit list(const Arguments& arguments, Session& session)
{
    protocol::ListApprovals command;
    command.all = arguments.options.contains(QStringLiteral("--all"));
    command.agent = arguments.options.value(QStringLiteral("--agent"));
    auto reply = session.client().request(std::move(command)).wait();
    if (!reply) {
        return complain(reply.error(), arguments.json);
    }
    for (const auto& approval : reply->approvals) {
        if (arguments.json) {
            printJson(protocol::toJson(approval));
        } else {
            printLine(QStringLiteral("%1  %2  %3  %4  %5")
                          .arg(approval.id,
                               enumName(approval.state),
                               enumName(approval.risk),
                               approval.agent,
                               approval.command)
                          .toUtf8());
        }
    }
    if (reply->approvals.isEmpty() && !arguments.json) {
        printLine("Nothing waits for you.");
    }
    return Exit::Succeeded;
}

Exit settle(const Arguments& arguments, Session& session, const QString& id, bool accept)
{
    protocol::SettleApproval command;
    command.id = id;
    command.accept = accept;
    command.by = QStringLiteral("cli");
    command.note = arguments.options.value(QStringLiteral("--note"));
    if (arguments.options.contains(QStringLiteral("--arguments"))) {
        const auto edited = QJsonDocument::fromJson(
            arguments.options.value(QStringLiteral("--arguments")).toUtf8());
        if (!edited.isObject()) {
            return complain(usageError(QStringLiteral("--arguments needs a JSON object.")),
                            arguments.json);
        }
        command.arguments = edited.object();
    }
    if (arguments.options.contains(QStringLiteral("--always"))) {
        const auto asked = session.client().request(protocol::GetApproval{id}).wait();
        if (!asked) {
            return complain(asked.error(), arguments.json);
        }
        const QString address = protocol::addressOf(*asked);
        if (address.isEmpty()) {
            return complain(
                usageError(QStringLiteral("--always is for questions about an address; what a tool "
                                          "may always do is said by a rule in signalbox.yaml.")),
                arguments.json);
        }
        command.arguments = protocol::addressArguments(address, true);
    }
    EndSignal end;
    RunFollower follower(session.client(), session.events(), {arguments.json, false});
    auto settled = session.client().request(std::move(command)).wait();
    if (!settled) {
        return complain(settled.error(), arguments.json);
    }
    show(*settled, arguments.json);
    if (session.own() == nullptr) {
        return Exit::Succeeded; // the living runtime carries it on
    }
    // Nobody else is there to carry it on: it is done here, to its end or to the next question.
    if (!settled->run.isEmpty()) {
        const Exit exit = follower.follow(settled->agent, settled->run, settled->settleSeq, end);
        return accept ? exit : Exit::Succeeded;
    }
    auto done = session.own()->settledDown(settled->agent, settled->channel).wait();
    return done ? Exit::Succeeded : complain(done.error(), arguments.json);
}

} // namespace

Exit approvalsVerb(Arguments arguments, QStringList words)
{
    auto read = readOptions(
        arguments,
        std::move(words),
        {QStringLiteral("--agent"), QStringLiteral("--note"), QStringLiteral("--arguments")},
        {QStringLiteral("--all"), QStringLiteral("--always")});
    if (!read) {
        return complain(read.error(), arguments.json);
    }
    const QString what = arguments.rest.value(0);
    const bool takesId = what == u"show" || what == u"accept" || what == u"reject";
    if ((what != u"list" && !takesId) || arguments.rest.size() != (takesId ? 2 : 1)) {
        return complain(usageError(QStringLiteral(
                            "approvals is followed by list, show ID, accept ID or reject ID.")),
                        arguments.json);
    }
    const bool isForGood = arguments.options.contains(QStringLiteral("--always"));
    if (isForGood &&
        (what != u"accept" || arguments.options.contains(QStringLiteral("--arguments")))) {
        return complain(
            usageError(QStringLiteral("--always goes with accept ID, and not with --arguments.")),
            arguments.json);
    }
    auto session = Session::open(arguments.home, {QStringLiteral("run"), arguments.program, false});
    if (!session) {
        return openingFailed(session.error(), arguments.json);
    }
    if (what == u"list") {
        return list(arguments, **session);
    }
    const QString id = arguments.rest[1];
    if (what == u"show") {
        auto found = (*session)->client().request(protocol::GetApproval{id}).wait();
        if (!found) {
            return complain(found.error(), arguments.json);
        }
        show(*found, arguments.json);
        return Exit::Succeeded;
    }
    return settle(arguments, **session, id, what == u"accept");
}

} // namespace sb::node
