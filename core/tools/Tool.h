#pragma once
#include "core/base/Future.h"
#include "core/llm/Provider.h"
#include "core/policy/Policy.h"
#include "core/protocol/Values.h"
#include "core/sandbox/Sandbox.h"

#include <QJsonObject>
#include <functional>
#include <memory>
#include <stop_token>

namespace sb::tools {

/// In whose name and where a tool acts.
struct Context
{
    QString agent;
    QString process;
    QString workspace; ///< absolute, links resolved
    QStringList allowedHosts;
    sandbox::Limits limits{}; ///< of one command
    qint64 callSeq =
        0; ///< seq of the tool.call: the same again when a call is repeated after a crash
};

/// What a call would do, worked out before anybody is asked: the facts that policy judges, a person
/// sees, and the decision binds to. Making a plan changes nothing.
struct Plan
{
    QJsonObject arguments; ///< checked against the schema
    policy::Action action;
    QString command;                           ///< one line that tells what would happen
    QStringList paths;                         ///< resolved, absolute
    QString diff;                              ///< unified diff of what would be written
    std::optional<sandbox::LaunchPlan> launch; ///< of a tool that starts a program
    QMap<QString, QString>
        digests; ///< path → SHA-256 of a file that the plan builds on ("" for one that is absent)
    /// What a write would replace: path → content, nothing where there is no file. The gate makes
    /// it durable before the effect (checkpoint.created), so that the write can be undone.
    QMap<QString, std::optional<QByteArray>> before;
    QMap<QString, QString>
        after; ///< path → SHA-256 of what such a write leaves, so that an undo knows its own work
    Milliseconds patience{60'000}; ///< how long it may stay silent before it counts as stuck
    /// SHA-256, hex, over tool, arguments, paths, diff, launch and digests.
    [[nodiscard]] QString hash() const;
};

struct Output
{
    QString text; ///< what the model gets, capped
    bool isError = false;
    QJsonObject facts; ///< exit_code, duration_ms, commit … for the journal and the window
    /// Where the text comes from, for a tool that knows better than what follows from its effect.
    std::optional<QList<taint::Source>> sources = {};
};

/// Only the gate can make one, so only the gate can run a tool.
class Permit
{
    Permit() = default;
    friend class Gate;

public:
    Permit(Permit&&) = default;
    Permit& operator=(Permit&&) = default;
    Permit(const Permit&) = delete;
    Permit& operator=(const Permit&) = delete;
};

/// One capability that a process's model can call. Stateless: the same object serves all agents.
class Tool
{
public:
    virtual ~Tool() = default;
    [[nodiscard]] virtual const llm::ToolSpec& spec() const = 0;
    /// Doing it twice is the same as doing it once: recovery may repeat it without asking.
    [[nodiscard]] virtual bool isIdempotent() const = 0;
    /// Works out what the call would do; blocks on files at most. InvalidInput for arguments that
    /// make no sense; a path that leaves the workspace is no error here: it is a fact
    /// (action.leavesWorkspace) that the gate forbids.
    virtual Result<Plan> plan(const QJsonObject& arguments, const Context& context) = 0;
    /// Does it, as planned and not otherwise. A failure of the tool itself is an Output with
    /// isError; an Error means that it could not be tried. `progress` gets output as it comes.
    virtual Future<Output> run(Permit permit,
                               Plan plan,
                               Context context,
                               std::function<void(const QString&)> progress,
                               std::stop_token stop) = 0;
};

} // namespace sb::tools
