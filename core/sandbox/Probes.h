#pragma once
#include "core/sandbox/Sandbox.h"

namespace sb::sandbox {

enum class Verdict : quint8 {
    Held,    ///< it was tried, and refused
    Open,    ///< it was tried, and worked: a hole
    Unknown, ///< it could not be tried here
};
/// "held", "open", "unknown".
QString verdictName(Verdict verdict);

/// One claim of containment, tried.
struct Probe
{
    QString group;    ///< what it protects: "files", "network", "kernel" …
    QString id;       ///< stable: "home-read"
    QString question; ///< for a person: "Can a command read your home?"
    Verdict verdict = Verdict::Unknown;
    QString by;     ///< what enforces it here
    QString detail; ///< what the attempt met
    double milliseconds = 0;
};

/// Whose containment is tried.
struct ProbeTarget
{
    QString workspace;
    bool workspaceReadOnly = false;
    bool network = false;
    bool ownServers = true;
    Limits limits{};
};

/// Really tries each claim, in commands that are launched like any other in this workspace and with
/// these limits; limits that take long to reach (disk, memory of all, processor, time) are tried
/// with small figures, which the detail says. Plants a file in the home and a folder in the
/// workspace for as long as it takes, and removes them. Blocks for about a second and a half, so
/// call it on a pool. Fails as launches do where nothing can be run at all.
Result<QList<Probe>> probe(Sandbox& sandbox, const ProbeTarget& target);

} // namespace sb::sandbox
