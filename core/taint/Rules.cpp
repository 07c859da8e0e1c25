#include "core/taint/Rules.h"

namespace sb::taint {

QString decideName(Decide decide)
{
    switch (decide) {
    case Decide::Allow:
        return QStringLiteral("allow");
    case Decide::Ask:
        return QStringLiteral("ask");
    case Decide::Forbid:
        return QStringLiteral("forbid");
    }
    return QStringLiteral("forbid");
}

std::optional<Decide> decideFromName(QStringView name)
{
    for (const Decide decide : {Decide::Allow, Decide::Ask, Decide::Forbid}) {
        if (name == decideName(decide)) {
            return decide;
        }
    }
    return std::nullopt;
}

QList<Rule> Settings::standardRules()
{
    QList<Rule> rules;
    for (const Sink sink : {Sink::Network, Sink::Message, Sink::FileOutside, Sink::Memory}) {
        rules.append({sink, Label::Secret, false, Decide::Forbid});
    }
    for (const Sink sink : {Sink::Network, Sink::Message}) {
        // An address or a number is in half of what is read (every commit has one): only what is
        // itself sent counts.
        rules.append({sink, Label::Pii, true, Decide::Ask});
    }
    for (const Label label :
         {Label::ExternalNetwork, Label::UntrustedFile, Label::UntrustedAgent}) {
        rules.append({Sink::Shell, label, false, Decide::Ask});
        rules.append({Sink::Memory, label, true, Decide::Ask});
    }
    return rules;
}

void Settings::set(Sink sink, Label label, Decide decide)
{
    rules.removeIf([&](const Rule& rule) { return rule.sink == sink && rule.label == label; });
    if (decide != Decide::Allow) {
        rules.append({sink, label, false, decide});
    }
}

} // namespace sb::taint
