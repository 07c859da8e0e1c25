#pragma once
#include "core/base/Clock.h"
#include "core/base/Future.h"
#include "core/base/Result.h"
#include "core/taint/Source.h"

#include <QJsonObject>
#include <QList>
#include <QString>
#include <functional>
#include <stop_token>

namespace sb::llm {

enum class Role { User, Assistant, Tool };
enum class FinishReason { Stop, ToolCalls, Length, ContentFilter };

struct ToolCall
{
    QString id;
    QString name;
    QJsonObject arguments;
    QString malformed; ///< the raw text when the model's arguments were no JSON object; arguments
                       ///< are empty then
    bool operator==(const ToolCall&) const = default;
};

struct Message
{
    Role role = Role::User;
    QString text;
    QList<ToolCall> toolCalls; ///< of an Assistant
    QString toolCallId;        ///< of a Tool: which call it answers
    bool isError = false;      ///< of a Tool
    /// Where what it says comes from; for the gate, and never sent to a service.
    QList<taint::Source> sources = {};
    bool operator==(const Message&) const = default;
};

struct ToolSpec
{
    QString name;
    QString description;
    QJsonObject schema; ///< JSON Schema of the arguments
    bool operator==(const ToolSpec&) const = default;
};

struct Usage
{
    qint64 inputTokens = 0; ///< all of the input, the cached part included
    qint64 outputTokens = 0;
    qint64 cachedInputTokens = 0; ///< read from the service's cache
    bool operator==(const Usage&) const = default;
};

struct Request
{
    QString model; ///< without the provider's id
    QString system;
    QList<Message> messages;
    QList<ToolSpec> tools;
    int maxOutputTokens = 4096;
    QString traceParent; ///< W3C traceparent header; may be empty
    QString processKind; ///< "channel", "branch", "worker" …: who asks; the rehearsal goes by it
};

struct Response
{
    QString text;
    QList<ToolCall> toolCalls;
    FinishReason finish = FinishReason::Stop;
    Usage usage;
    QString id;
    QString model;    ///< "provider/model" that answered
    int attempts = 1; ///< tries and fallbacks that it took
    qint64 firstChunkMs = 0;
};

/// Pieces of text as they come; called on the provider's thread. A `reset` tells that a failed try
/// is thrown away and what was shown of it must go.
struct StreamSink
{
    std::function<void(const QString& text)> delta;
    std::function<void()> reset;
    /// The service asked to be left alone for so long; told before an Unavailable answer. Reliable
    /// reads it.
    std::function<void(Milliseconds)> retryAfter = {};
};

/// One model service. Safe to call from any thread; answers once per call, at the latest when its
/// timeouts strike or stop is requested (Cancelled). Errors: Unavailable (refused, 5xx, 429, an
/// answer cut short …; retryable), Timeout (retryable), Forbidden (401, 403, no credit), NotFound
/// (404), InvalidInput (400, unusable answer), Cancelled. The message never holds a key.
class Provider
{
public:
    virtual ~Provider() = default;
    virtual Future<Response> complete(Request request, StreamSink sink, std::stop_token stop) = 0;
};

QJsonObject toJson(const Message& message);
Result<Message> messageFromJson(const QJsonObject& object);
QJsonObject toJson(const ToolCall& call);
Result<ToolCall> toolCallFromJson(const QJsonObject& object);
QJsonObject toJson(const Usage& usage);
/// "stop", "tool_calls", "length", "content_filter".
QString finishReasonName(FinishReason reason);

} // namespace sb::llm
