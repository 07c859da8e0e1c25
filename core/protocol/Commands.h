#pragma once
#include "core/protocol/Containment.h"
#include "core/protocol/Keys.h"
#include "core/protocol/Memory.h"

#include <variant>

/// What can be asked of a runtime. Each command has a name, a Reply, and its fields.
namespace sb::protocol {

/// Who answers, and on which home.
struct Ping
{
    static constexpr auto name = "ping";
    struct Reply
    {
        qint64 pid = 0;
        QString version;
        QString role; ///< "window", "serve", "run"
        template <class S, class V>
        static void fields(S& s, V&& v)
        {
            v("pid", s.pid);
            v("version", s.version);
            v("role", s.role);
        }
    };
    template <class S, class V>
    static void fields(S&, V&&)
    {
    }
};

/// Asks a window to come to the front.
struct Activate
{
    static constexpr auto name = "activate";
    using Reply = Done;
    QString token; ///< of xdg-activation or startup notification; may be empty
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("token", s.token);
    }
};

/// Everything that a window needs to start with.
struct GetSnapshot
{
    static constexpr auto name = "snapshot";
    struct Reply
    {
        QList<AgentInfo> agents;
        QList<ChannelInfo> channels;
        QList<ProcessInfo> processes;  ///< those alive, and the last 50 that ended
        QList<ApprovalInfo> approvals; ///< those that wait, and the last 20 settled
        Totals totals;
        QString configPath;
        QString configProblem; ///< why the configuration on disk is not in force; empty: it is
        QList<KeyProblem> keyProblems;
        template <class S, class V>
        static void fields(S& s, V&& v)
        {
            v("agents", s.agents);
            v("channels", s.channels);
            v("processes", s.processes);
            v("approvals", s.approvals);
            v("totals", s.totals);
            v("config_path", s.configPath);
            v("config_problem", s.configProblem);
            v("key_problems", s.keyProblems);
        }
    };
    template <class S, class V>
    static void fields(S&, V&&)
    {
    }
};

/// Writes a commented signalbox.yaml with the agent "assistant", and makes its workspace. Conflict
/// when there is one.
struct WriteConfig
{
    static constexpr auto name = "write_config";
    struct Reply
    {
        QString path;
        QString workspace;
        template <class S, class V>
        static void fields(S& s, V&& v)
        {
            v("path", s.path);
            v("workspace", s.workspace);
        }
    };
    template <class S, class V>
    static void fields(S&, V&&)
    {
    }
};

struct OpenChannel
{
    static constexpr auto name = "open_channel";
    using Reply = ChannelInfo;
    QString agent;
    QString id; ///< empty: a new one
    QString title;
    QString origin;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("id", s.id);
        v("title", s.title);
        v("origin", s.origin);
    }
};

/// Answers once the message is on disk.
struct SendMessage
{
    static constexpr auto name = "send_message";
    struct Reply
    {
        qint64 seq = 0;
        template <class S, class V>
        static void fields(S& s, V&& v)
        {
            v("seq", s.seq);
        }
    };
    QString agent;
    QString channel;
    QString text;
    QString from; ///< "you", or whoever speaks
    QString key;  ///< a second message with the same key is the same message; empty: none
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("channel", s.channel);
        v("text", s.text);
        v("from", s.from);
        v("key", s.key);
    }
};

/// Sends a message and answers when the turn that took it has ended. Meanwhile TextDelta events
/// tell how the reply grows.
struct Ask
{
    static constexpr auto name = "ask";
    struct Reply
    {
        QString text;
        bool failed = false; ///< the turn failed; the text says why
        qint64 inputTokens = 0;
        qint64 outputTokens = 0;
        template <class S, class V>
        static void fields(S& s, V&& v)
        {
            v("text", s.text);
            v("failed", s.failed);
            v("input_tokens", s.inputTokens);
            v("output_tokens", s.outputTokens);
        }
    };
    QString agent;
    QString channel; ///< made when it is not there
    QString text;
    QString from;
    QString key;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("channel", s.channel);
        v("text", s.text);
        v("from", s.from);
        v("key", s.key);
    }
};

/// A page of a conversation, oldest first, ending before `before` (0: at its end).
struct GetTranscript
{
    static constexpr auto name = "transcript";
    struct Reply
    {
        QList<TranscriptItem> items;
        bool more = false; ///< there are older ones
        template <class S, class V>
        static void fields(S& s, V&& v)
        {
            v("items", s.items);
            v("more", s.more);
        }
    };
    QString agent;
    QString channel;
    qint64 before = 0;
    int limit = 200;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("channel", s.channel);
        v("before", s.before);
        v("limit", s.limit);
    }
};

/// The end of what a process's tools printed (a ring of 64 KiB).
struct GetOutput
{
    static constexpr auto name = "output";
    struct Reply
    {
        QString text;
        template <class S, class V>
        static void fields(S& s, V&& v)
        {
            v("text", s.text);
        }
    };
    QString agent;
    QString process;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("process", s.process);
    }
};

/// Ends a branch, a worker or a channel's turn, with all that it started.
struct CancelProcess
{
    static constexpr auto name = "cancel";
    using Reply = Done;
    QString agent;
    QString process;
    QString by;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("process", s.process);
        v("by", s.by);
    }
};

struct ListApprovals
{
    static constexpr auto name = "approvals";
    struct Reply
    {
        QList<ApprovalInfo> approvals; ///< oldest first
        template <class S, class V>
        static void fields(S& s, V&& v)
        {
            v("approvals", s.approvals);
        }
    };
    QString agent;    ///< empty: all
    bool all = false; ///< settled ones too
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("all", s.all);
    }
};

struct GetApproval
{
    static constexpr auto name = "approval";
    using Reply = ApprovalInfo;
    QString id;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("id", s.id);
    }
};

/// Decides. Conflict when somebody already did: the message names who.
struct SettleApproval
{
    static constexpr auto name = "settle";
    using Reply = ApprovalInfo;
    QString id;
    bool accept = false;
    std::optional<QJsonObject> arguments; ///< edited ones
    QString note;                         ///< why not, or guidance for the agent
    QString by;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("id", s.id);
        v("accept", s.accept);
        v("arguments", s.arguments);
        v("note", s.note);
        v("by", s.by);
    }
};

/// Journal entries, newest first, filtered.
struct QueryJournal
{
    static constexpr auto name = "journal";
    struct Reply
    {
        QList<Entry> entries;
        bool more = false;
        template <class S, class V>
        static void fields(S& s, V&& v)
        {
            v("entries", s.entries);
            v("more", s.more);
        }
    };
    QString agent;
    qint64 before = 0; ///< only entries below this seq; 0: from the end
    qint64 after = 0;  ///< only entries above this seq
    QStringList kinds; ///< empty: all
    QString process;
    QString text; ///< words that the payload contains
    int limit = 200;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("before", s.before);
        v("after", s.after);
        v("kinds", s.kinds);
        v("process", s.process);
        v("text", s.text);
        v("limit", s.limit);
    }
};

/// Reads a chain back from disk and checks it. Progress comes as VerifyProgress events.
struct VerifyJournal
{
    static constexpr auto name = "verify";
    struct Reply
    {
        QList<VerifyReport> reports;
        template <class S, class V>
        static void fields(S& s, V&& v)
        {
            v("reports", s.reports);
        }
    };
    QString agent; ///< empty: every chain of the instance
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
    }
};

/// Writes one chain, with a proof for each entry, to a file on the runtime's machine.
struct ExportJournal
{
    static constexpr auto name = "export";
    struct Reply
    {
        qint64 entries = 0;
        QString path;
        template <class S, class V>
        static void fields(S& s, V&& v)
        {
            v("entries", s.entries);
            v("path", s.path);
        }
    };
    QString agent;
    QString path;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("path", s.path);
    }
};

/// Erases the payload of one entry for good; the chain keeps holding.
struct ErasePayload
{
    static constexpr auto name = "erase";
    using Reply = Done;
    QString agent;
    qint64 seq = 0;
    QString reason;
    QString by;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("seq", s.seq);
        v("reason", s.reason);
        v("by", s.by);
    }
};

/// Puts a file back as it was before a write; refused with Conflict when it changed since.
struct UndoWrite
{
    static constexpr auto name = "undo_write";
    using Reply = Done;
    QString agent;
    qint64 checkpoint = 0; ///< seq of the checkpoint.created
    QString by;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("checkpoint", s.checkpoint);
        v("by", s.by);
    }
};

/// Starts a task that ends with a run.finished entry.
struct StartRun
{
    static constexpr auto name = "run";
    struct Reply
    {
        QString run; ///< its id
        QString agent;
        QString channel;
        qint64 seq = 0; ///< of its run.started
        template <class S, class V>
        static void fields(S& s, V&& v)
        {
            v("run", s.run);
            v("agent", s.agent);
            v("channel", s.channel);
            v("seq", s.seq);
        }
    };
    QString agent; ///< empty: the first of the configuration
    QString task;
    ApproveMode approve = ApproveMode::Ask;
    bool unattended =
        false; ///< nobody can be asked here: it parks, and ends its turn with waiting_approval
    bool tour = false;      ///< the bundled tour instead of a task
    bool rehearsed = false; ///< the tour plays the person as well
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("task", s.task);
        v("approve", s.approve);
        v("unattended", s.unattended);
        v("tour", s.tour);
        v("rehearsed", s.rehearsed);
    }
};

using Command = std::variant<Ping,
                             Activate,
                             GetSnapshot,
                             WriteConfig,
                             OpenChannel,
                             SendMessage,
                             Ask,
                             GetTranscript,
                             GetOutput,
                             CancelProcess,
                             ListApprovals,
                             GetApproval,
                             SettleApproval,
                             QueryJournal,
                             VerifyJournal,
                             ExportJournal,
                             ErasePayload,
                             UndoWrite,
                             StartRun,
                             GetContainment,
                             RevokeGrant,
                             GetVault,
                             UnlockVault,
                             KeyChanged,
                             ListPublishers,
                             ForgetPublisher,
                             RememberPublisher,
                             SearchMemory,
                             ListMemories,
                             GetMemory,
                             GetMemoryGraph,
                             ChangeMemory,
                             MergeMemories,
                             SplitMemory,
                             UndoMemoryChange,
                             GetMemoryStats,
                             ExportMemory,
                             IngestPaths,
                             ListIngests,
                             StopIngest>;

/// {"command": NAME, …fields}.
QJsonObject commandToJson(const Command& command);
Result<Command> commandFromJson(const QJsonObject& object);

} // namespace sb::protocol
