#pragma once
#include "core/protocol/Keys.h"
#include "core/protocol/Memory.h"

#include <variant>

/// What a runtime tells without being asked. Pictures of progress (TextDelta, OutputTail,
/// VerifyProgress, MemoryIndexed, MemoryIngest) may be dropped or merged on the way to a slow
/// listener; of the others a listener that cannot keep up loses all at once, gets Lagged, and asks
/// for a new snapshot.
namespace sb::protocol {

struct EntryAppended
{
    static constexpr auto name = "entry";
    Entry entry;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("entry", s.entry);
    }
};

/// The next piece of a reply while it is written.
struct TextDelta
{
    static constexpr auto name = "delta";
    QString agent;
    QString channel;
    QString process;
    QString text;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("channel", s.channel);
        v("process", s.process);
        v("text", s.text);
    }
};

/// What was shown of a reply is thrown away: the model is asked again.
struct TextReset
{
    static constexpr auto name = "delta_reset";
    QString agent;
    QString channel;
    QString process;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("channel", s.channel);
        v("process", s.process);
    }
};

/// The next piece of what a process's tool prints, terminal escapes made harmless.
struct OutputTail
{
    static constexpr auto name = "output";
    QString agent;
    QString process;
    QString text;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("process", s.process);
        v("text", s.text);
    }
};

struct AgentChanged
{
    static constexpr auto name = "agent";
    AgentInfo agent;
    bool removed = false;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("removed", s.removed);
    }
};

struct ChannelChanged
{
    static constexpr auto name = "channel";
    ChannelInfo channel;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("channel", s.channel);
    }
};

struct ProcessChanged
{
    static constexpr auto name = "process";
    ProcessInfo process;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("process", s.process);
    }
};

struct ApprovalChanged
{
    static constexpr auto name = "approval";
    ApprovalInfo approval;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("approval", s.approval);
    }
};

/// An item of a conversation appeared or changed.
struct TranscriptChanged
{
    static constexpr auto name = "transcript";
    QString agent;
    QString channel;
    TranscriptItem item;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("channel", s.channel);
        v("item", s.item);
    }
};

struct TotalsChanged
{
    static constexpr auto name = "totals";
    Totals totals;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("totals", s.totals);
    }
};

struct ConfigChanged
{
    static constexpr auto name = "config";
    QString problem; ///< empty: the new configuration is in force
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("problem", s.problem);
    }
};

/// Keys that are wanted and cannot be had: all of them as they are now.
struct KeysChanged
{
    static constexpr auto name = "keys";
    QList<KeyProblem> problems;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("problems", s.problems);
    }
};

struct VerifyProgress
{
    static constexpr auto name = "verify_progress";
    QString agent;
    qint64 done = 0;
    qint64 total = 0;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("done", s.done);
        v("total", s.total);
    }
};

/// Somebody started the program again: the window comes to the front.
struct Activated
{
    static constexpr auto name = "activated";
    QString token;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("token", s.token);
    }
};

/// This listener was too slow and lost events.
struct Lagged
{
    static constexpr auto name = "lagged";
    template <class S, class V>
    static void fields(S&, V&&)
    {
    }
};

using Event = std::variant<EntryAppended,
                           TextDelta,
                           TextReset,
                           OutputTail,
                           AgentChanged,
                           ChannelChanged,
                           ProcessChanged,
                           ApprovalChanged,
                           TranscriptChanged,
                           TotalsChanged,
                           ConfigChanged,
                           KeysChanged,
                           VerifyProgress,
                           MemoryUpdated,
                           MemoryIndexed,
                           MemoryIngest,
                           Activated,
                           Lagged>;

/// {"event": NAME, …fields}.
QJsonObject eventToJson(const Event& event);
Result<Event> eventFromJson(const QJsonObject& object);

} // namespace sb::protocol
