#pragma once
#include "core/base/Result.h"
#include "core/protocol/Values.h"
#include "core/taint/Rules.h"

#include <QJsonObject>
#include <QStringList>

/// Rules → decision. Pure: no I/O, no clock, no state.
namespace sb::policy {

enum class Decide { Allow, Ask, Deny };
enum class Verdict { Allow, Ask, Forbid };

/// What an action does to the world; decides what happens where no rule speaks.
enum class Effect {
    None,           ///< stays inside the runtime (set_status, branch …): allowed
    ReadWorkspace,  ///< allowed
    WriteWorkspace, ///< allowed, and checkpointed
    Execute,        ///< runs a command: asks
    Network,        ///< reaches out: forbidden unless the address is listed
};

enum class Operator { Eq, Ne, Gt, Ge, Lt, Le, In, Matches };

/// One entry of `where`: the argument (dotted path) compared with a value.
struct Condition
{
    QString argument;
    Operator op = Operator::Eq;
    QJsonValue value;
    bool operator==(const Condition&) const = default;
};

/// One entry of `policy`: {match: "shell(git push *)", where: {…}, decide: ask, risk: high}.
struct Rule
{
    QString match;          ///< as written: tool, or tool(pattern); both parts may hold * and ?
    QList<Condition> where; ///< all must hold
    Decide decide = Decide::Ask;
    std::optional<protocol::Risk> risk;
    bool operator==(const Rule&) const = default;
};

/// What a tool is about to do, as far as policy needs to know.
struct Action
{
    QString tool;
    QString subject; ///< what a pattern matches: the command line, the path inside the workspace,
                     ///< the URL
    QJsonObject arguments;
    Effect effect = Effect::Execute;
    bool leavesWorkspace = false; ///< some path of it lies outside: forbidden, whatever the rules
    QString host;                 ///< "name:port" for Effect::Network
    QStringList allowedHosts;     ///< the agent's network list, "host:port", "*.host:port"
    bool reachesNetwork = false;  ///< of Effect::Execute: the program it starts can reach out
    QList<taint::Sink> sinks;     ///< where it leads besides what follows from its effect
    taint::Labels labels;         ///< of all that the model had read when it made the call
    QList<taint::Flow> flows;     ///< what flows into its arguments, and from where
};

struct Decision
{
    Verdict verdict = Verdict::Forbid;
    QString reason; ///< one sentence for a person
    QString rule;   ///< the rule's match as written; "default" where none spoke
    protocol::Risk risk = protocol::Risk::Medium;
    QStringList riskReasons;
    bool operator==(const Decision&) const = default;
};

/// Checks a rule's match and conditions as far as that is possible without an action.
Result<> checkRule(const Rule& rule);

/// The sinks that an action leads into.
QList<taint::Sink> sinksOf(const Action& action);

/// What the labels do at the sinks of an action; nothing where no rule for labels speaks of it.
struct TaintVerdict
{
    taint::Rule rule;
    bool isPrecise = false; ///< an argument holds it itself
    /// "taint(network, secret)"
    [[nodiscard]] QString name() const;
};
std::optional<TaintVerdict> judgeTaint(const QList<taint::Rule>& rules, const Action& action);

/// Labels come first: what they forbid, no rule allows, and what they ask about because an argument
/// holds it itself asks even where a rule allows. Where the model was only under an influence, an
/// allow rule still allows a command that it names whole, without a * or ?. Then the rules:
/// Deny beats ask beats allow, whatever the order; of several ask rules the one with the highest
/// risk speaks. For shell, a deny or ask rule speaks when it matches any command that the line
/// could run, in whatever spelling; every command needs an allow rule that matches it, and no rule
/// allows a line with substitutions, redirections or anything else that the splitter cannot vouch
/// for. Leaving the workspace is forbidden and an address outside the list asks even where a rule
/// allows them: those two are capabilities, and rules only narrow what a capability gives.
Decision decide(const QList<Rule>& rules,
                const Action& action,
                const QList<taint::Rule>& labelRules = taint::Settings::standardRules());

/// The simple commands of a shell line: split at ; && || | & and newlines outside quotes. `certain`
/// is false where the line holds what can run or hide something else: substitutions, variables,
/// assignments, here-documents, redirections (other than 2>&1 and /dev/null), subshells, keywords,
/// and programs that run others (sudo, env, eval …).
struct ShellCommands
{
    QStringList commands;
    bool certain = true;
};
ShellCommands splitShell(const QString& line);

} // namespace sb::policy
