#include "core/runtime/AgentRuntime.h"

// What an agent's person is told of a secret that stood where none may.

namespace sb::runtime {

using protocol::Kind;

namespace {

/// One sentence or two for the person of the conversation.
QString leakText(const leaks::Incident& incident)
{
    const QString place = incident.origin.where.section(u':', 0, 0);
    const QString name = incident.origin.where.section(u':', 1);
    const QLatin1StringView agent("agent:");
    const QString where =
        place == u"tool"     ? QStringLiteral("the output of %1").arg(name)
        : place == u"call"   ? QStringLiteral("a call of %1").arg(name)
        : place == u"model"  ? QStringLiteral("what the model said")
        : place == u"egress" ? QStringLiteral("a request to the network")
        : name == u"you"     ? QStringLiteral("your message")
        : name.startsWith(agent)
            ? QStringLiteral("a message of the agent %1").arg(name.mid(agent.size()))
            : QStringLiteral("a message of %1").arg(name);
    const QString what = incident.what.startsWith(u"known:")
                             ? QStringLiteral("The value of the secret %1 turned up in %2")
                             : QStringLiteral("What looks like a secret (%1) turned up in %2");
    QString text = what.arg(incident.what.section(u':', 1), where);
    switch (incident.fate) {
    case leaks::Fate::TakenOut:
        text += QStringLiteral("; it was taken out.");
        break;
    case leaks::Fate::Stopped:
        text += QStringLiteral("; it was stopped.");
        break;
    case leaks::Fate::Passed:
        text += place == u"call"
                    ? QStringLiteral("; none that is known here, so the agent's rules decide.")
                    : QStringLiteral("; none that is known here, so it was let through.");
        break;
    }
    if (place == u"message" && !name.startsWith(agent)) {
        text += QStringLiteral(" Keep keys with \"signalbox-node secrets set NAME\", and name "
                               "them in signalbox.yaml where they are needed.");
    }
    return text;
}

} // namespace

void AgentRuntime::recordLeak(const leaks::Incident& incident)
{
    const auto& origin = incident.origin;
    QString channel = origin.channel;
    if (channel.isEmpty()) {
        const auto info = m_database->read([&](store::Connection& connection) {
            return process::readProcess(connection, origin.process);
        });
        channel = info && *info ? (*info)->channel : origin.process;
    }
    (void)m_journal->append(
        {.kind = Kind::Incident,
         .process = origin.process,
         .cause = origin.entry > 0 ? QString::number(origin.entry) : QString(),
         .payload = {{QStringLiteral("message"), leakText(incident)},
                     {QStringLiteral("channel"), channel},
                     {QStringLiteral("leak"), incident.what},
                     {QStringLiteral("encoding"), incident.encoding},
                     {QStringLiteral("where"), origin.where},
                     {QStringLiteral("offset"), incident.offset},
                     {QStringLiteral("stopped"), incident.fate == leaks::Fate::Stopped}}});
}

} // namespace sb::runtime
