#pragma once
#include "core/base/Clock.h"
#include "core/protocol/Codec.h"
#include "core/protocol/Kinds.h"

namespace sb::protocol {

// Enums that travel. Each has its names in Values.cpp.

enum class ProcessKind { Channel, Branch, Worker, Compactor, Cortex };
enum class ProcessState { Running, WaitingApproval, Succeeded, Failed, Cancelled, Interrupted };
enum class ApprovalState { Waiting, Accepted, Rejected, Expired };
enum class Risk { Low, Medium, High, Critical };
enum class Outcome { Succeeded, Failed, Cancelled, WaitingApproval };
enum class ApproveMode { Ask, Allow, Deny };
enum class ItemKind { User, Agent, Tool, Delegate, Notice };

#define SB_PROTOCOL_ENUM(E)                                                                        \
    QString enumName(E value);                                                                     \
    std::optional<E> enumFromName(QStringView name, E*);
SB_PROTOCOL_ENUM(ProcessKind)
SB_PROTOCOL_ENUM(ProcessState)
SB_PROTOCOL_ENUM(ApprovalState)
SB_PROTOCOL_ENUM(Risk)
SB_PROTOCOL_ENUM(Outcome)
SB_PROTOCOL_ENUM(ApproveMode)
SB_PROTOCOL_ENUM(ItemKind)
#undef SB_PROTOCOL_ENUM

/// The answer to what has none but that it was done.
struct Done
{
    bool operator==(const Done&) const = default;
    template <class S, class V>
    static void fields(S&, V&&)
    {
    }
};

/// A journal entry as people and programs read it.
struct Entry
{
    qint64 seq = 0; ///< counts within the agent's chain, from 1
    TimeUs time = 0;
    QString agent;   ///< "_instance" for the instance's own chain
    QString process; ///< the process's id; empty for the runtime itself
    Kind kind = Kind::Incident;
    QString cause;   ///< "12" in the same chain, "other:12" in another; empty for none
    QString traceId; ///< 32 hex digits, W3C trace context
    QString spanId;  ///< 16 hex digits
    QJsonObject payload;
    bool erased = false; ///< the payload was erased; the chain still holds
    QByteArray hash;     ///< 32 bytes

    bool operator==(const Entry&) const = default;
};

/// The entry as one line of `--json`: seq, time (RFC 3339), agent, process, kind, cause, trace_id,
/// span_id, payload; a run.finished has outcome and text beside them.
QJsonObject entryToJson(const Entry& entry);
Result<Entry> entryFromJson(const QJsonObject& object);
QJsonValue toJsonValue(const Entry& entry);
Result<> fromJsonValue(const QJsonValue& json, Entry& entry, const QString& where);

struct AgentInfo
{
    QString id;
    QString workspace; ///< absolute path
    QString model;     ///< "provider/model" of the default route
    QString problem;   ///< why it cannot work now; empty when all is well
    bool operator==(const AgentInfo&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("id", s.id);
        v("workspace", s.workspace);
        v("model", s.model);
        v("problem", s.problem);
    }
};

struct ChannelInfo
{
    QString agent;
    QString id; ///< unique in the agent
    QString title;
    QString origin;     ///< "window", "run", "api", "tour", "agent"
    qint64 lastSeq = 0; ///< of the newest message, for marks of what is unread
    TimeUs lastTime = 0;
    QString lastText; ///< its first line
    int running = 0;  ///< processes at work for it, its own turn included
    int waiting = 0;  ///< approvals that wait
    bool operator==(const ChannelInfo&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("id", s.id);
        v("title", s.title);
        v("origin", s.origin);
        v("last_seq", s.lastSeq);
        v("last_time", s.lastTime);
        v("last_text", s.lastText);
        v("running", s.running);
        v("waiting", s.waiting);
    }
};

struct ProcessInfo
{
    QString agent;
    QString id;
    ProcessKind kind = ProcessKind::Worker;
    ProcessState state = ProcessState::Running;
    QString parent; ///< id of the process that gets its result
    QString channel;
    QString task;
    QString status; ///< what it last said of itself
    QString result; ///< its conclusion, or why it failed
    TimeUs startedAt = 0;
    TimeUs endedAt = 0; ///< 0 while it lives
    int toolCalls = 0;
    int modelCalls = 0;
    qint64 inputTokens = 0;
    qint64 outputTokens = 0;
    qint64 startedSeq = 0;
    bool operator==(const ProcessInfo&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("id", s.id);
        v("kind", s.kind);
        v("state", s.state);
        v("parent", s.parent);
        v("channel", s.channel);
        v("task", s.task);
        v("status", s.status);
        v("result", s.result);
        v("started_at", s.startedAt);
        v("ended_at", s.endedAt);
        v("tool_calls", s.toolCalls);
        v("model_calls", s.modelCalls);
        v("input_tokens", s.inputTokens);
        v("output_tokens", s.outputTokens);
        v("started_seq", s.startedSeq);
    }
};

/// One step on the way by which something came to where it is now.
struct FlowStep
{
    qint64 entry = 0; ///< seq of the journal entry that tells of it
    QString process;  ///< whose it was there; empty for the runtime itself
    TimeUs time = 0;
    QString what; ///< "the page https://…", "the file README.md", "your message"
    bool operator==(const FlowStep&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("entry", s.entry);
        v("process", s.process);
        v("time", s.time);
        v("what", s.what);
    }
};

/// What flows into a call, and from where.
struct FlowInfo
{
    QString argument;   ///< the one that holds it; empty: the call as a whole
    QStringList labels; ///< "external_network", "secret" …
    bool isPrecise =
        false;            ///< quoted word for word, or found in it; else an influence on the model
    QList<FlowStep> path; ///< from where it entered, oldest first
    bool operator==(const FlowInfo&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("argument", s.argument);
        v("labels", s.labels);
        v("precise", s.isPrecise);
        v("path", s.path);
    }
};

/// A question to a person, with the host's facts about what would happen.
struct ApprovalInfo
{
    QString id; ///< unique in the instance
    QString agent;
    QString process;
    QString channel;
    QString run; ///< the run that it belongs to; empty for a conversation
    QString tool;
    ApprovalState state = ApprovalState::Waiting;
    Risk risk = Risk::Medium;
    QStringList riskReasons;
    QList<FlowInfo> flows; ///< what came from elsewhere and would flow into it
    QJsonObject arguments; ///< as the model gave them
    QJsonObject schema;    ///< JSON Schema of the arguments, for editing
    QStringList argv; ///< exactly what would be executed; empty for a tool that starts no program
    QString command;  ///< one line that tells what would happen, for lists
    QString cwd;
    QStringList paths;       ///< resolved, absolute
    QString diff;            ///< unified diff of what would be written
    QStringList environment; ///< names of the variables it would see
    QString rule;            ///< the rule that asked, as written, or "default"
    QString reason;          ///< why a person is asked
    QString justification;   ///< the agent's own words, never the host's
    QString planHash;        ///< hex; the decision is bound to it
    TimeUs requestedAt = 0;
    TimeUs expiresAt = 0;
    TimeUs settledAt = 0;
    QString by;   ///< who decided: "window", "cli", "rehearsal", "expiry", …
    QString note; ///< the person's guidance
    std::optional<QJsonObject> editedArguments;
    qint64 callSeq = 0; ///< the tool.call
    qint64 requestSeq = 0;
    qint64 settleSeq = 0; ///< the approval.settled; 0 while it waits
    bool operator==(const ApprovalInfo&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("id", s.id);
        v("agent", s.agent);
        v("process", s.process);
        v("channel", s.channel);
        v("run", s.run);
        v("tool", s.tool);
        v("state", s.state);
        v("risk", s.risk);
        v("risk_reasons", s.riskReasons);
        v("flows", s.flows);
        v("arguments", s.arguments);
        v("schema", s.schema);
        v("argv", s.argv);
        v("command", s.command);
        v("cwd", s.cwd);
        v("paths", s.paths);
        v("diff", s.diff);
        v("environment", s.environment);
        v("rule", s.rule);
        v("reason", s.reason);
        v("justification", s.justification);
        v("plan_hash", s.planHash);
        v("requested_at", s.requestedAt);
        v("expires_at", s.expiresAt);
        v("settled_at", s.settledAt);
        v("by", s.by);
        v("note", s.note);
        v("edited_arguments", s.editedArguments);
        v("call_seq", s.callSeq);
        v("request_seq", s.requestSeq);
        v("settle_seq", s.settleSeq);
    }
};

/// One thing in a conversation. Items are inserted and updated by their id; order is that of seq.
struct TranscriptItem
{
    QString id;
    qint64 seq = 0;
    TimeUs time = 0;
    ItemKind kind = ItemKind::Notice;
    QString author;  ///< "you", an agent's or process's id
    QString text;    ///< Markdown for User and Agent; one line for the others
    QString detail;  ///< of a Tool: its output; of a Delegate: its task or result
    QString process; ///< of a Delegate and of a Tool: which one
    ProcessState state = ProcessState::Succeeded; ///< of Delegate and Tool
    QString parentItem;                           ///< a Tool stands under its Delegate
    bool operator==(const TranscriptItem&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("id", s.id);
        v("seq", s.seq);
        v("time", s.time);
        v("kind", s.kind);
        v("author", s.author);
        v("text", s.text);
        v("detail", s.detail);
        v("process", s.process);
        v("state", s.state);
        v("parent_item", s.parentItem);
    }
};

/// What the status bar shows.
struct Totals
{
    int running = 0;              ///< branches, workers and turns at work
    int waiting = 0;              ///< approvals that wait
    qint64 costMicroUsd = 0;      ///< today, local time; from the configured prices
    bool costKnown = false;       ///< false while no model in use has a price
    QString journalProblem;       ///< empty: none is known
    TimeUs journalVerifiedAt = 0; ///< when verify last held; 0: not since the program started
    bool operator==(const Totals&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("running", s.running);
        v("waiting", s.waiting);
        v("cost_micro_usd", s.costMicroUsd);
        v("cost_known", s.costKnown);
        v("journal_problem", s.journalProblem);
        v("journal_verified_at", s.journalVerifiedAt);
    }
};

struct VerifyReport
{
    QString agent;
    bool ok = false;
    qint64 entries = 0;
    qint64 erased = 0;   ///< entries whose payload was erased on purpose
    qint64 firstBad = 0; ///< seq of the first bad entry; 0 when ok
    QString message;     ///< one sentence
    double seconds = 0;
    QString head; ///< hex of the chain's last hash
    bool operator==(const VerifyReport&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("ok", s.ok);
        v("entries", s.entries);
        v("erased", s.erased);
        v("first_bad", s.firstBad);
        v("message", s.message);
        v("seconds", s.seconds);
        v("head", s.head);
    }
};

} // namespace sb::protocol
