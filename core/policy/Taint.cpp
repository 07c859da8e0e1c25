#include "core/policy/Taint.h"

#include "core/base/Defence.h"

using namespace Qt::StringLiterals;

namespace sb::policy {

using taint::Label;
using taint::Sink;

namespace {

int gravity(const TaintVerdict& verdict)
{
    return (verdict.rule.decide == taint::Decide::Forbid ? 100 : 0) + (verdict.isPrecise ? 10 : 0) +
           // Of two that say the same, the one whose harm is plainer.
           (verdict.rule.label == Label::Secret            ? 5
            : verdict.rule.label == Label::Pii             ? 4
            : verdict.rule.label == Label::ExternalNetwork ? 3
            : verdict.rule.label == Label::UntrustedAgent  ? 2
                                                           : 1);
}

QString sinkWords(Sink sink)
{
    switch (sink) {
    case Sink::Shell:
        return u"run as a command"_s;
    case Sink::Network:
        return u"go out to the network"_s;
    case Sink::Message:
        return u"be sent to somebody else"_s;
    case Sink::FileOutside:
        return u"be written outside the workspace"_s;
    case Sink::Memory:
        return u"become what the agent remembers"_s;
    }
    return {};
}

QString labelWords(Label label)
{
    switch (label) {
    case Label::ExternalNetwork:
        return u"text from the network"_s;
    case Label::UserInput:
        return u"what a person wrote"_s;
    case Label::Pii:
        return u"personal data"_s;
    case Label::Secret:
        return u"a secret"_s;
    case Label::UntrustedAgent:
        return u"what another agent wrote"_s;
    case Label::UntrustedFile:
        return u"text from a file that nobody vouched for"_s;
    }
    return {};
}

/// "the page https://… (entry 41)": the place where the label entered.
QString placeWords(const Action& action, Label label, bool isPrecise)
{
    for (const taint::Flow& flow : action.flows) {
        if (flow.isPrecise != isPrecise) {
            continue;
        }
        for (const taint::Source& source : flow.sources) {
            if (source.labels.has(label) && !source.path.isEmpty()) {
                const auto& first = source.path.first();
                const QString what =
                    first.what.size() > 160 ? QString(first.what.left(159) + u'…') : first.what;
                return first.entry == 0 ? what : u"%1 (entry %2)"_s.arg(what).arg(first.entry);
            }
        }
    }
    return {};
}

} // namespace

QList<Sink> sinksOf(const Action& action)
{
    QList<Sink> sinks = action.sinks;
    const auto add = [&](Sink sink) {
        if (!sinks.contains(sink)) {
            sinks.append(sink);
        }
    };
    switch (action.effect) {
    case Effect::Execute:
        add(Sink::Shell);
        if (action.reachesNetwork) {
            add(Sink::Network);
        }
        break;
    case Effect::Network:
        add(Sink::Network);
        break;
    case Effect::WriteWorkspace:
        if (action.leavesWorkspace) {
            add(Sink::FileOutside);
        }
        break;
    case Effect::None:
    case Effect::ReadWorkspace:
        break;
    }
    return sinks;
}

QString TaintVerdict::name() const
{
    return u"taint(%1, %2)"_s.arg(taint::sinkName(rule.sink), taint::labelName(rule.label));
}

std::optional<TaintVerdict> judgeTaint(const QList<taint::Rule>& rules, const Action& action)
{
    if (!defended("taint.gate")) {
        return std::nullopt;
    }
    taint::Labels precise;
    for (const taint::Flow& flow : action.flows) {
        precise |= flow.isPrecise ? flow.labels : taint::Labels();
    }
    const taint::Labels influence = defended("taint.influence") ? action.labels : taint::Labels();
    if ((precise | influence).isEmpty()) {
        return std::nullopt;
    }
    const auto sinks = sinksOf(action);
    std::optional<TaintVerdict> gravest;
    for (const taint::Rule& rule : rules) {
        if (rule.decide == taint::Decide::Allow || !sinks.contains(rule.sink)) {
            continue;
        }
        const bool isPrecise = precise.has(rule.label);
        if (!isPrecise && (rule.preciseOnly || !influence.has(rule.label))) {
            continue;
        }
        const TaintVerdict verdict{rule, isPrecise};
        if (!gravest || gravity(verdict) > gravity(*gravest)) {
            gravest = verdict;
        }
    }
    return gravest;
}

QString reasonOf(const TaintVerdict& verdict, const Action& action)
{
    const QString what = labelWords(verdict.rule.label);
    const QString sink = sinkWords(verdict.rule.sink);
    const bool isForbidden = verdict.rule.decide == taint::Decide::Forbid;
    const QString place = placeWords(action, verdict.rule.label, verdict.isPrecise);
    if (verdict.isPrecise) {
        const QString from = place.isEmpty() ? QString() : u" from "_s + place;
        return isForbidden ? u"It holds %1%2, which must not %3."_s.arg(what, from, sink)
                           : u"It holds %1%2, which may %3 only when a person says so."_s.arg(
                                 what, from, sink);
    }
    const QString from = place.isEmpty() ? QString() : u", "_s + place;
    return isForbidden ? u"The agent has read %1%2; nothing that it makes of it may %3."_s.arg(
                             what, from, sink)
                       : u"The agent has read %1%2, which may be behind this; no rule names it "
                         "whole, so a person is asked before it may %3."_s.arg(what, from, sink);
}

} // namespace sb::policy
