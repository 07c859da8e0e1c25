#pragma once
#include "core/taint/Context.h"

namespace sb::taint {

enum class Decide { Allow, Ask, Forbid };
QString decideName(Decide decide);
std::optional<Decide> decideFromName(QStringView name);

/// What a label does at a sink.
struct Rule
{
    Sink sink = Sink::Shell;
    Label label = Label::Secret;
    bool preciseOnly = false; ///< speaks of what an argument holds itself, not of influence
    Decide decide = Decide::Ask;
    bool operator==(const Rule&) const = default;
};

/// An agent's rules for labels, and what it trusts.
struct Settings
{
    QList<Rule> rules = standardRules();
    QStringList trustedFiles; ///< globs over paths in the workspace: what the owner vouches for
    bool operator==(const Settings&) const = default;

    /// What holds where nobody set anything: README.md of core/policy has the table.
    static QList<Rule> standardRules();
    /// Puts a decision in the place of the standard ones for that sink and label.
    void set(Sink sink, Label label, Decide decide);
};

} // namespace sb::taint
