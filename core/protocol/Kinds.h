#pragma once
#include <QString>
#include <optional>

namespace sb::protocol {

/// What a journal entry records. The names are a contract (`kindName`): more may be added, none
/// renamed.
enum class Kind {
    MessageReceived,
    MessageSent,
    TurnStarted, ///< an owner took mailbox rows into its history
    ProcessStarted,
    ProcessStatus,
    ProcessEnded,
    ModelRequest,
    ModelResponse,
    ToolCall,
    PolicyDecision,
    ApprovalRequested,
    ApprovalSettled,
    ToolStarted, ///< the intent: durable before the effect
    ToolResult,
    MemoryChanged,
    CheckpointCreated,
    CheckpointRestored,
    HistoryCompacted,
    EgressRequest,
    Incident,
    ConfigChanged,
    PayloadErased,
    RunStarted,
    RunFinished,
};

/// "message.received", "tool.call", …
QString kindName(Kind kind);
std::optional<Kind> kindFromName(QStringView name);
/// Every kind, in the order of the enum.
QList<Kind> allKinds();

} // namespace sb::protocol
