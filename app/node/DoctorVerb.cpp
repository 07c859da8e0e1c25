#include "app/node/DoctorChecks.h"
#include "core/journal/SigningKey.h"
#include "core/runtime/Session.h"

#include <QFileInfo>
#include <QJsonObject>
#include <QSysInfo>

namespace sb::node {

using runtime::Session;

namespace {

using Kind = Finding::Kind;

void add(QList<Finding>& findings, const char* what, bool ok, QString says)
{
    findings.append({QString::fromLatin1(what), ok ? Kind::Good : Kind::Bad, std::move(says), {}});
}

QString answerOf(const QString& verdict)
{
    return verdict == u"held"   ? QStringLiteral("no")
           : verdict == u"open" ? QStringLiteral("YES")
                                : QStringLiteral("not tried");
}

// What commands of this agent really cannot do, found by trying.
void addContainment(QList<Finding>& findings, protocol::RuntimeClient& client, const QString& agent)
{
    const auto found = client.request(protocol::GetContainment{agent, true}).wait();
    const QString problem = found ? found->problem : found.error().message;
    if (!problem.isEmpty()) {
        add(findings, "containment", false, QStringLiteral("%1: %2").arg(agent, problem));
        return;
    }
    for (const auto& probe : found->probes) {
        QStringList why{probe.by, probe.detail};
        why.removeAll(QString());
        QJsonObject more = protocol::toJson(probe);
        more.insert(QStringLiteral("agent"), agent);
        findings.append(
            {QStringLiteral("containment"),
             // What could not be tried is no hole, and no claim either: it says so.
             probe.verdict != u"open" ? Kind::Good : Kind::Bad,
             QStringLiteral("%1: %2 %3%4")
                 .arg(agent,
                      probe.question,
                      answerOf(probe.verdict),
                      why.isEmpty() ? QString()
                                    : QStringLiteral(" (%1)").arg(why.join(QStringLiteral("; ")))),
             more});
    }
}

} // namespace

Exit doctorVerb(Arguments arguments, QStringList words)
{
    auto read = readOptions(arguments, std::move(words), {}, {});
    if (!read || !arguments.rest.isEmpty()) {
        return complain(
            read ? Error{ErrorCode::InvalidInput, QStringLiteral("doctor takes no arguments."), {}}
                 : read.error(),
            arguments.json);
    }
    QList<Finding> findings;
    add(findings,
        "program",
        true,
        QStringLiteral("signalbox-node %1, Qt %2, %3")
            .arg(QStringLiteral(SB_VERSION),
                 QString::fromLatin1(qVersion()),
                 QSysInfo::prettyProductName()));
    add(findings, "home", true, QFileInfo(arguments.home.config).path());
    auto config = config::load(arguments.home.config, arguments.home.user);
    add(findings,
        "configuration",
        config.has_value(),
        config ? QStringLiteral("%1: %2 %3")
                     .arg(arguments.home.config)
                     .arg(config->agents.size())
                     .arg(config->agents.size() == 1 ? QStringLiteral("agent")
                                                     : QStringLiteral("agents"))
               : config.error().message);
    if (config) {
        for (const auto& agent : config->agents) {
            const QString problem = config::workspaceProblem(agent, arguments.home.user);
            add(findings,
                "workspace",
                problem.isEmpty(),
                problem.isEmpty() ? QStringLiteral("%1: %2").arg(agent.id, agent.workspace)
                                  : problem);
        }
    }
    addDatabases(findings, arguments.home); // before anything opens and changes them
    if (config) {
        addPackages(findings, arguments.home, *config);
        addRules(findings, arguments.home, *config);
    }
    auto session = Session::open(arguments.home, {QStringLiteral("run"), arguments.program, false});
    if (!session) {
        add(findings, "runtime", false, session.error().message);
    } else {
        auto ping = (*session)->client().request(protocol::Ping{}).wait();
        if (ping && (*session)->own() == nullptr) {
            add(findings,
                "runtime",
                true,
                QStringLiteral("running: %1, pid %2").arg(ping->role).arg(ping->pid));
        } else {
            add(findings,
                "runtime",
                ping.has_value(),
                ping ? QStringLiteral("none is running") : ping.error().message);
        }
        if (runtime::Runtime* const own = (*session)->own()) {
            const auto& can = own->sandbox().capabilities();
            add(findings,
                "sandbox",
                can.usable,
                can.usable ? QStringLiteral("bubblewrap %1, Landlock %2")
                                 .arg(can.bubblewrap,
                                      can.landlock ? QStringLiteral("on")
                                                   : QStringLiteral("not on this kernel"))
                           : can.problem);
            auto key = journal::SigningKey::loadOrCreate(arguments.home.data);
            add(findings,
                "journal key",
                key.has_value(),
                key ? QStringLiteral("fingerprint %1").arg(key->fingerprint())
                    : key.error().message);
        }
    }
    if (session && config) {
        for (const auto& agent : config->agents) {
            addContainment(findings, (*session)->client(), agent.id);
        }
    }
    bool healthy = true;
    for (const auto& finding : findings) {
        healthy = healthy && finding.kind != Kind::Bad;
        if (arguments.json) {
            QJsonObject line = finding.more;
            line.insert(QStringLiteral("check"), finding.what);
            line.insert(QStringLiteral("ok"), finding.kind != Kind::Bad);
            if (finding.kind == Kind::Hint) {
                line.insert(QStringLiteral("hint"), true);
            }
            line.insert(QStringLiteral("message"), finding.says);
            printJson(line);
        } else {
            printLine(QStringLiteral("%1 %2  %3")
                          .arg(finding.kind == Kind::Good   ? QStringLiteral("ok")
                               : finding.kind == Kind::Hint ? QStringLiteral("??")
                                                            : QStringLiteral("!!"),
                               finding.what.leftJustified(14),
                               finding.says)
                          .toUtf8());
        }
    }
    return healthy ? Exit::Succeeded : Exit::Failed;
}

} // namespace sb::node
