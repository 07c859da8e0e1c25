#include "core/policy/Policy.h"

#include "core/policy/Glob.h"
#include "core/policy/Risk.h"
#include "core/policy/Shell.h"
#include "core/policy/Taint.h"

#include <QDir>
#include <QRegularExpression>
#include <QUrl>

using namespace Qt::StringLiterals;

namespace sb::policy {

namespace {

constexpr qsizetype maxMatch = 1000;

struct Match
{
    QString tool;
    std::optional<QString> pattern;
};

Match splitMatch(const QString& match)
{
    const auto open = match.indexOf(u'(');
    if (open < 0) {
        return {match, std::nullopt};
    }
    return {match.first(open),
            match.sliced(open + 1, std::max<qsizetype>(0, match.size() - open - 2))};
}

bool needsNumber(Operator op)
{
    return op == Operator::Gt || op == Operator::Ge || op == Operator::Lt || op == Operator::Le;
}

// A pattern cannot make the program search for ever: PCRE gives up, and giving up counts against
// the action.
QRegularExpression expression(const QString& pattern)
{
    return QRegularExpression(u"(*LIMIT_MATCH=200000)(*LIMIT_DEPTH=5000)"_s + pattern,
                              QRegularExpression::UseUnicodePropertiesOption);
}

// The value at a dotted path. A key that holds dots itself is found too; a number is an index into
// an array.
QJsonValue valueAt(const QJsonValue& value, QStringView path)
{
    if (path.isEmpty()) {
        return value;
    }
    const auto dot = path.indexOf(u'.');
    const auto head = dot < 0 ? path : path.first(dot);
    const auto rest = dot < 0 ? QStringView() : path.sliced(dot + 1);
    if (value.isObject()) {
        const auto object = value.toObject();
        if (const auto whole = object.constFind(path); whole != object.constEnd()) {
            return *whole;
        }
        const auto found = object.constFind(head);
        return found == object.constEnd() ? QJsonValue(QJsonValue::Undefined)
                                          : valueAt(*found, rest);
    }
    if (value.isArray()) {
        bool ok = false;
        const int index = head.toInt(&ok);
        const auto array = value.toArray();
        if (ok && index >= 0 && index < array.size()) {
            return valueAt(array.at(index), rest);
        }
    }
    return QJsonValue(QJsonValue::Undefined);
}

bool same(const QJsonValue& a, const QJsonValue& b)
{
    return a == b || (a.isDouble() && b.isDouble() && a.toDouble() == b.toDouble());
}

// Also true where a program would likely take one for the other: "5000" and 5000, "true" and true.
bool nearlySame(const QJsonValue& a, const QJsonValue& b)
{
    if (same(a, b)) {
        return true;
    }
    const auto number = [](const QJsonValue& value) -> std::optional<double> {
        bool ok = false;
        const double read =
            value.isString() ? value.toString().trimmed().toDouble(&ok) : value.toDouble();
        return value.isDouble() || ok ? std::optional(read) : std::nullopt;
    };
    if (a.isString() != b.isString()) {
        const auto left = number(a);
        const auto right = number(b);
        if (left && right) {
            return *left == *right;
        }
        const auto& text = a.isString() ? a : b;
        const auto& other = a.isString() ? b : a;
        return other.isBool() && text.toString() == (other.toBool() ? "true"_L1 : "false"_L1);
    }
    return false;
}

// Whether a condition holds. `strict` is for allow rules: what is missing or of another type does
// not hold there; for deny and ask rules a doubt counts as true, so that nothing slips past in
// another type.
bool holds(const Condition& condition, const QJsonObject& arguments, bool strict)
{
    const QJsonValue actual = valueAt(arguments, condition.argument);
    const bool missing = actual.isUndefined();
    const auto equal = [&](const QJsonValue& wanted) {
        return !missing && (strict ? same(actual, wanted) : nearlySame(actual, wanted));
    };
    switch (condition.op) {
    case Operator::Eq:
        return equal(condition.value);
    case Operator::Ne:
        return missing ? !strict
                       : !(strict ? nearlySame(actual, condition.value)
                                  : same(actual, condition.value));
    case Operator::In: {
        const auto wanted = condition.value.toArray();
        return std::ranges::any_of(wanted, [&](const QJsonValue& one) { return equal(one); });
    }
    case Operator::Matches: {
        if (missing || !actual.isString()) {
            return !strict && !missing;
        }
        const auto match = expression(condition.value.toString()).match(actual.toString());
        return match.isValid() ? match.hasMatch() : !strict;
    }
    case Operator::Gt:
    case Operator::Ge:
    case Operator::Lt:
    case Operator::Le:
        break;
    }
    if (!actual.isDouble() || !condition.value.isDouble()) {
        return !strict;
    }
    const double left = actual.toDouble();
    const double right = condition.value.toDouble();
    switch (condition.op) {
    case Operator::Gt:
        return left > right;
    case Operator::Ge:
        return left >= right;
    case Operator::Lt:
        return left < right;
    case Operator::Le:
        return left <= right;
    case Operator::Eq:
    case Operator::Ne:
    case Operator::In:
    case Operator::Matches:
        break;
    }
    return !strict;
}

bool holdsAll(const Rule& rule, const QJsonObject& arguments)
{
    const bool strict = rule.decide == Decide::Allow;
    return std::ranges::all_of(rule.where, [&](const Condition& condition) {
        return holds(condition, arguments, strict);
    });
}

// A shell pattern's trailing " *" is optional: "git push *" speaks of a bare "git push" too.
bool shellPatternMatches(const QString& pattern, const QString& text)
{
    return globMatches(pattern, text) ||
           (pattern.endsWith(" *"_L1) && globMatches(QStringView(pattern).chopped(2), text));
}

bool isFile(Effect effect)
{
    return effect == Effect::ReadWorkspace || effect == Effect::WriteWorkspace;
}

// What an action's subject looks like in every spelling; the first one is what an allow rule sees.
QStringList spellings(const Action& action)
{
    if (isFile(action.effect)) {
        QStringList texts{QDir::cleanPath(action.subject)};
        if (texts.first() != action.subject) {
            texts.append(action.subject);
        }
        return texts;
    }
    if (action.effect == Effect::Network) {
        QStringList texts{action.subject};
        QUrl url(action.subject);
        if (url.isValid() && !url.host().isEmpty()) {
            texts.append(url.toString(QUrl::FullyEncoded | QUrl::NormalizePathSegments));
            url.setUserInfo(QString());
            url.setHost(url.host().endsWith(u'.') ? url.host().chopped(1) : url.host());
            if ((url.scheme() == "https"_L1 && url.port() == 443) ||
                (url.scheme() == "http"_L1 && url.port() == 80)) {
                url.setPort(-1);
            }
            texts.append(url.toString(QUrl::FullyEncoded | QUrl::NormalizePathSegments));
            texts.append(url.toString(QUrl::PrettyDecoded | QUrl::NormalizePathSegments));
            texts.removeDuplicates();
        }
        return texts;
    }
    return {action.subject};
}

// An action, taken apart once for all rules.
struct Facts
{
    const Action& action;
    bool isShell = false;
    ShellLine line;
    ShellReach reach;
    QStringList texts;
};

// Whether a deny or ask rule speaks of the action: when any part of it could match.
bool concerns(const Rule& rule, const Facts& facts)
{
    const Match match = splitMatch(rule.match);
    if (!globMatches(match.tool, facts.action.tool)) {
        return false;
    }
    if (match.pattern) {
        const QString& pattern = *match.pattern;
        const bool matches =
            facts.isShell ? facts.reach.tooMuch ||
                                std::ranges::any_of(facts.reach.texts,
                                                    [&](const QString& text) {
                                                        return shellPatternMatches(pattern, text);
                                                    })
                          : std::ranges::any_of(facts.texts, [&](const QString& text) {
                                return globMatches(pattern, text);
                            });
        if (!matches) {
            return false;
        }
    }
    return holdsAll(rule, facts.action.arguments);
}

// Which rule allows it: one that covers all of it, or several that cover a shell line's commands
// between them. The second value names a rule that would, were the line certain.
struct Permission
{
    const Rule* rule = nullptr;
    const Rule* doubted = nullptr;
    bool isNamed = false; ///< all of it was named, letter for letter
};

bool namesWhole(const std::optional<QString>& pattern)
{
    return pattern && !pattern->contains(u'*') && !pattern->contains(u'?');
}

Permission permission(const QList<Rule>& rules, const Facts& facts)
{
    QList<std::pair<const Rule*, Match>> candidates;
    for (const Rule& rule : rules) {
        if (rule.decide != Decide::Allow) {
            continue;
        }
        const Match match = splitMatch(rule.match);
        if (globMatches(match.tool, facts.action.tool) && holdsAll(rule, facts.action.arguments)) {
            candidates.append({&rule, match});
        }
    }
    if (!facts.isShell) {
        for (const auto& [rule, match] : std::as_const(candidates)) {
            if (!match.pattern || globMatches(*match.pattern, facts.texts.first())) {
                return {rule, nullptr, namesWhole(match.pattern)};
            }
        }
        return {};
    }
    const Rule* first = nullptr;
    bool isNamed = true;
    for (const ShellCommand& command : facts.line.commands) {
        const auto covers = [&](const auto& candidate) {
            const auto& pattern = candidate.second.pattern;
            return !pattern || shellPatternMatches(*pattern, command.canonical) ||
                   shellPatternMatches(*pattern, command.raw);
        };
        const auto found = std::ranges::find_if(candidates, covers);
        if (found == candidates.end()) {
            return {};
        }
        first = first ? first : found->first;
        isNamed = isNamed && std::ranges::any_of(candidates, [&](const auto& candidate) {
                      return namesWhole(candidate.second.pattern) && covers(candidate);
                  });
    }
    const bool certain = facts.line.isCertain() && !facts.reach.tooMuch;
    return certain ? Permission{first, nullptr, isNamed} : Permission{nullptr, first, false};
}

bool hostListed(const QString& host, const QStringList& allowed)
{
    const auto plain = [](const QString& text) {
        const QString lower = text.trimmed().toLower();
        const auto colon = lower.lastIndexOf(u':');
        const QString name = colon < 0 ? lower : lower.first(colon);
        return (name.endsWith(u'.') ? name.chopped(1) : name) +
               (colon < 0 ? QString() : lower.sliced(colon));
    };
    const QString wanted = plain(host);
    const auto colon = wanted.lastIndexOf(u':');
    if (colon <= 0) {
        return false; // an address without a port was not worked out properly
    }
    return std::ranges::any_of(allowed, [&](const QString& entry) {
        const QString listed = plain(entry);
        if (!listed.startsWith("*."_L1)) {
            return listed == wanted;
        }
        const auto tail = QStringView(listed).sliced(1); // ".example.org:443"
        return wanted.size() > tail.size() && wanted.endsWith(tail);
    });
}

Decision defaultFor(const Action& action)
{
    Decision decision;
    decision.rule = u"default"_s;
    switch (action.effect) {
    case Effect::None:
        decision.verdict = Verdict::Allow;
        decision.reason = u"It stays inside the runtime."_s;
        break;
    case Effect::ReadWorkspace:
        decision.verdict = Verdict::Allow;
        decision.reason = u"Reading inside the workspace is allowed."_s;
        break;
    case Effect::WriteWorkspace:
        decision.verdict = Verdict::Allow;
        decision.reason =
            u"Writing inside the workspace is allowed; what was there before is kept."_s;
        break;
    case Effect::Execute:
        decision.verdict = Verdict::Ask;
        decision.reason = u"Running a command asks a person where no rule allows it."_s;
        break;
    case Effect::Network:
        decision.verdict = Verdict::Allow;
        decision.reason = u"The address %1 is listed for this agent."_s.arg(action.host);
        break;
    }
    return decision;
}

} // namespace

Result<> checkRule(const Rule& rule)
{
    const auto bad = [&](const QString& why) {
        return fail(ErrorCode::InvalidInput, u"The rule \"%1\" %2."_s.arg(rule.match, why));
    };
    if (rule.match.trimmed().isEmpty()) {
        return fail(ErrorCode::InvalidInput,
                    u"A rule's match must name a tool, as in \"shell(git push *)\"."_s);
    }
    if (rule.match.size() > maxMatch) {
        return bad(u"is longer than %1 characters"_s.arg(maxMatch));
    }
    const bool opens = rule.match.contains(u'(');
    if (opens != rule.match.endsWith(u')') || (!opens && rule.match.contains(u')'))) {
        return bad(u"must be written tool or tool(pattern)"_s);
    }
    const Match match = splitMatch(rule.match);
    const bool named = !match.tool.isEmpty() && std::ranges::all_of(match.tool, [](QChar c) {
        return c.isLetterOrNumber() || u"_-*?.:/"_s.contains(c);
    });
    if (!named) {
        return bad(
            u"must start with a tool's name; only letters, digits and _ - . : / * ? may stand there"_s);
    }
    if (match.pattern && match.pattern->trimmed().isEmpty()) {
        return bad(
            u"has an empty pattern; leave the parentheses out to match every use of the tool"_s);
    }
    if (match.pattern && (match.pattern->contains(u'\n') || match.pattern->contains(anyRun) ||
                          match.pattern->contains(anyWords))) {
        return bad(u"holds a character that no pattern can match"_s);
    }
    for (const Condition& condition : rule.where) {
        const auto wrong = [&](const QString& why) {
            return bad(u"has a condition on \"%1\" that %2"_s.arg(condition.argument, why));
        };
        if (condition.argument.isEmpty() || condition.argument.split(u'.').contains(QString())) {
            return wrong(u"does not name an argument"_s);
        }
        if (needsNumber(condition.op) && !condition.value.isDouble()) {
            return wrong(u"compares with something that is no number"_s);
        }
        if (condition.op == Operator::In && !condition.value.isArray()) {
            return wrong(u"needs a list"_s);
        }
        if (condition.op == Operator::Matches) {
            if (!condition.value.isString()) {
                return wrong(u"needs a regular expression in quotes"_s);
            }
            const auto regular = expression(condition.value.toString());
            if (!regular.isValid()) {
                return wrong(u"is no valid regular expression (%1)"_s.arg(regular.errorString()));
            }
        }
    }
    return {};
}

Decision
decide(const QList<Rule>& rules, const Action& action, const QList<taint::Rule>& labelRules)
{
    Facts facts{action, action.tool == "shell"_L1, {}, {}, {}};
    if (facts.isShell) {
        facts.line = readShell(action.subject);
        facts.reach = reachOf(facts.line);
    } else {
        facts.texts = spellings(action);
    }
    const RiskEstimate estimate = estimateRisk(action, facts.line, facts.reach);
    Decision decision = defaultFor(action);
    decision.risk = estimate.risk;
    decision.riskReasons = estimate.reasons;
    const auto forbid = [&](const QString& reason) {
        decision.verdict = Verdict::Forbid;
        decision.reason = reason;
        return decision;
    };
    const auto speak = [&](Verdict verdict, const Rule& rule, const QString& reason) {
        decision.verdict = verdict;
        decision.rule = rule.match;
        decision.reason = reason.arg(rule.match);
        if (rule.risk) {
            decision.risk = *rule.risk;
            decision.riskReasons.prepend(u"The rule says so."_s);
        }
        return decision;
    };
    if (action.leavesWorkspace) {
        return forbid(u"It reaches outside the workspace, which no rule can allow."_s);
    }
    if (facts.isShell && action.subject.size() > maxShellLine) {
        return forbid(
            u"The command line is longer than 64 KiB; write it to a file and run that."_s);
    }
    const bool unlisted =
        action.effect == Effect::Network && !hostListed(action.host, action.allowedHosts);
    if (unlisted && action.host.isEmpty()) {
        return forbid(u"It names no address that could be looked up in the agent's list."_s);
    }
    const auto label = judgeTaint(labelRules, action);
    const auto speakOfLabel = [&](Verdict verdict) {
        decision.verdict = verdict;
        decision.rule = label->name();
        decision.reason = reasonOf(*label, action);
        if (label->isPrecise || verdict == Verdict::Forbid) {
            decision.risk = std::max(decision.risk, protocol::Risk::High);
            decision.riskReasons.prepend(decision.reason);
        }
        return decision;
    };
    if (label && label->rule.decide == taint::Decide::Forbid) {
        return speakOfLabel(Verdict::Forbid);
    }
    for (const Rule& rule : rules) {
        if (rule.decide == Decide::Deny && concerns(rule, facts)) {
            return speak(Verdict::Forbid, rule, u"The rule \"%1\" forbids it."_s);
        }
    }
    const Rule* asking = nullptr;
    for (const Rule& rule : rules) {
        if (rule.decide == Decide::Ask && concerns(rule, facts) &&
            (!asking || rule.risk.value_or(estimate.risk) > asking->risk.value_or(estimate.risk))) {
            asking = &rule;
        }
    }
    if (asking) {
        speak(Verdict::Ask, *asking, u"The rule \"%1\" asks a person."_s);
    }
    if (label && label->isPrecise) {
        return speakOfLabel(Verdict::Ask);
    }
    if (asking) {
        return decision;
    }
    if (unlisted) {
        // The list is a capability: no rule widens it, but a person may, for this once.
        decision.verdict = Verdict::Ask;
        decision.risk = std::max(decision.risk, protocol::Risk::High);
        decision.reason =
            u"The address %1 is not on the list of what this agent may reach."_s.arg(action.host);
        return decision;
    }
    const Permission allowed = permission(rules, facts);
    const bool isAllowed = allowed.rule || (action.effect != Effect::Execute && !allowed.doubted);
    if (label && isAllowed && !allowed.isNamed) {
        return speakOfLabel(Verdict::Ask);
    }
    if (allowed.rule) {
        return speak(Verdict::Allow, *allowed.rule, u"The rule \"%1\" allows it."_s);
    }
    if (allowed.doubted) {
        decision.reason = u"The rule \"%1\" cannot allow this line, because it holds %2."_s.arg(
            allowed.doubted->match, facts.line.doubts.value(0, u"too much to be checked"_s));
    }
    return decision;
}

ShellCommands splitShell(const QString& line)
{
    const ShellLine read = readShell(line);
    ShellCommands commands;
    commands.certain = read.isCertain();
    for (const ShellCommand& command : read.commands) {
        commands.commands.append(command.raw);
    }
    return commands;
}

} // namespace sb::policy
