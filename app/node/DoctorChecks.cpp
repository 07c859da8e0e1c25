#include "app/node/DoctorChecks.h"

#include "core/config/Reader.h"
#include "core/journal/SigningKey.h"
#include "core/policy/Glob.h"
#include "core/process/Delegation.h"
#include "core/runtime/Skills.h"
#include "core/store/Examination.h"
#include "core/tools/BuiltinSupport.h"
#include "core/tools/Builtins.h"

#include <QDir>
#include <QFileInfo>

namespace sb::node {

using namespace Qt::StringLiterals;
using Kind = Finding::Kind;

namespace {

void addDatabase(QList<Finding>& findings,
                 const QString& name,
                 const QString& path,
                 const QString& migrations)
{
    if (!QFileInfo::exists(path)) {
        return; // it is made at first use
    }
    Finding finding{u"database"_s, Kind::Good, {}, {{u"path"_s, path}, {u"database"_s, name}}};
    const auto seen = store::examine(path, migrations);
    if (!seen) {
        finding.kind = Kind::Bad;
        finding.says = u"%1: %2"_s.arg(name, seen.error().message);
    } else {
        finding.more.insert(u"schema"_s, seen->version);
        finding.more.insert(u"newest_schema"_s, seen->newest);
        const QString schema =
            seen->version == seen->newest ? u"schema %1"_s.arg(seen->version)
            : seen->version < seen->newest
                ? u"schema %1, which becomes %2 when it is opened next"_s.arg(seen->version)
                      .arg(seen->newest)
                : u"schema %1, which a newer version of Signalbox wrote (this one knows %2)"_s
                      .arg(seen->version)
                      .arg(seen->newest);
        finding.kind =
            seen->version > seen->newest || !seen->damage.isEmpty() ? Kind::Bad : Kind::Good;
        finding.says = u"%1: %2, %3"_s.arg(
            name,
            schema,
            seen->damage.isEmpty() ? u"quick check found nothing wrong"_s
                                   : u"DAMAGED: %1"_s.arg(tools::oneLine(seen->damage)));
    }
    findings.append(finding);
}

Result<std::unique_ptr<runtime::Installed>> installedIn(const runtime::Home& home,
                                                        const Clock& clock)
{
    SB_TRY(const auto key, journal::SigningKey::loadOrCreate(home.data));
    return std::make_unique<runtime::Installed>(home, key.secret, clock);
}

// What the agent's tools are called, or why that cannot be told. Skills that cannot be used are
// told elsewhere; here their tools are missing.
QStringList toolNames(const tools::Registry& shared,
                      const runtime::Installed* installed,
                      const config::Agent& agent)
{
    QStringList names{u"network"_s}; // what an address outside the list is asked about as
    for (const auto kind : {protocol::ProcessKind::Channel,
                            protocol::ProcessKind::Branch,
                            protocol::ProcessKind::Worker}) {
        for (const auto& spec : shared.specs(kind)) {
            names.append(spec.name);
        }
    }
    if (!agent.skills.isEmpty()) {
        names.append(u"read_skill"_s);
    }
    for (const QString& skill : agent.skills) {
        const auto found = installed ? installed->find(skill) : fail(ErrorCode::NotFound, skill);
        if (found && found->manifest) {
            for (const auto& tool : found->manifest->tools) {
                names.append(tool.name);
            }
        }
    }
    names.sort();
    names.removeDuplicates();
    return names;
}

} // namespace

void addDatabases(QList<Finding>& findings, const runtime::Home& home)
{
    addDatabase(findings, u"_instance"_s, home.instanceDatabase(), u":/sql/instance"_s);
    const QDir agents(QFileInfo(home.agentFolder(u"x"_s)).path());
    for (const QString& id : agents.entryList(QDir::Dirs | QDir::NoDotAndDotDot, QDir::Name)) {
        addDatabase(findings, id, home.agentFolder(id) + u"/agent.db"_s, u":/sql/agent"_s);
    }
}

void addPackages(QList<Finding>& findings, const runtime::Home& home, const config::Config& config)
{
    const bool isUsed = std::ranges::any_of(
        config.agents, [](const auto& agent) { return !agent.skills.isEmpty(); });
    if (!isUsed && !QFileInfo::exists(home.data + u"/packages"_s)) {
        return;
    }
    const SystemClock clock;
    const auto installed = installedIn(home, clock);
    const auto all =
        installed ? (*installed)->packages().list() : std::unexpected(installed.error());
    if (!all) {
        findings.append({u"package"_s, Kind::Bad, all.error().message});
        return;
    }
    for (const auto& one : *all) {
        const QString title = one.id.publisher + u'/' + one.id.name;
        findings.append(
            {u"package"_s,
             // Nobody waits for it: what is really missed is told with the agent that lists it.
             one.problem.isEmpty() ? Kind::Good : Kind::Hint,
             tools::oneLine(one.problem.isEmpty() && one.manifest
                                ? one.manifest->title()
                                : u"%1 %2 cannot be used: %3"_s.arg(
                                      packages::kindName(one.id.kind), title, one.problem)),
             {{u"package"_s, title}, {u"kind"_s, packages::kindName(one.id.kind)}}});
    }
    for (const auto& agent : config.agents) {
        for (const QString& skill : agent.skills) {
            const auto found = (*installed)->find(skill);
            const auto loaded =
                found ? (*installed)->packages().load(found->id) : std::unexpected(found.error());
            findings.append(
                {u"skill"_s,
                 loaded ? Kind::Good : Kind::Bad,
                 tools::oneLine(loaded ? u"%1 uses %2"_s.arg(agent.id, loaded->manifest.title())
                                       : u"%1 cannot use %2: %3"_s.arg(
                                             agent.id, skill, loaded.error().message)),
                 {{u"agent"_s, agent.id}, {u"skill"_s, skill}}});
        }
    }
}

void addRules(QList<Finding>& findings, const runtime::Home& home, const config::Config& config)
{
    // The tools as the runtime has them; none of them is started.
    SystemClock clock;
    Pool pool(1, u"doctor"_s);
    git::Library git;
    sandbox::Sandbox sandbox({}, clock);
    tools::Registry shared;
    for (auto& tool : tools::builtinWorkerTools({sandbox, pool, git, {}})) {
        shared.add(std::move(tool), {protocol::ProcessKind::Worker});
    }
    process::addDelegationTools(shared, [](const QString&) { return nullptr; });
    const auto installed = installedIn(home, clock);
    for (const auto& agent : config.agents) {
        const auto names = toolNames(shared, installed ? installed->get() : nullptr, agent);
        for (const auto& rule : agent.rules) {
            const QString tool = rule.match.section(u'(', 0, 0);
            if (std::ranges::any_of(
                    names, [&](const auto& name) { return policy::globMatches(tool, name); })) {
                continue;
            }
            findings.append(
                {u"policy"_s,
                 Kind::Hint,
                 u"%1: the rule \"%2\" speaks of no tool that this agent has%3"_s.arg(
                     agent.id, tools::oneLine(rule.match), config::suggestion(tool, names)),
                 {{u"agent"_s, agent.id}, {u"rule"_s, rule.match}}});
        }
    }
}

} // namespace sb::node
