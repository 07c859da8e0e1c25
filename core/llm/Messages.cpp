#include "core/llm/Provider.h"

#include "core/base/Defence.h"

#include <QJsonArray>

namespace sb::llm {

using namespace Qt::StringLiterals;

namespace {

QString roleName(Role role)
{
    switch (role) {
    case Role::User:
        return u"user"_s;
    case Role::Assistant:
        return u"assistant"_s;
    case Role::Tool:
        return u"tool"_s;
    }
    return {};
}

std::optional<Role> roleFromName(const QString& name)
{
    for (const Role role : {Role::User, Role::Assistant, Role::Tool}) {
        if (name == roleName(role)) {
            return role;
        }
    }
    return std::nullopt;
}

} // namespace

QString finishReasonName(FinishReason reason)
{
    switch (reason) {
    case FinishReason::Stop:
        return u"stop"_s;
    case FinishReason::ToolCalls:
        return u"tool_calls"_s;
    case FinishReason::Length:
        return u"length"_s;
    case FinishReason::ContentFilter:
        return u"content_filter"_s;
    }
    return {};
}

QJsonObject toJson(const ToolCall& call)
{
    QJsonObject object{
        {u"id"_s, call.id}, {u"name"_s, call.name}, {u"arguments"_s, call.arguments}};
    if (!call.malformed.isEmpty()) {
        object.insert(u"malformed"_s, call.malformed);
    }
    return object;
}

Result<ToolCall> toolCallFromJson(const QJsonObject& object)
{
    const QJsonValue arguments = object[u"arguments"_s];
    if (!object[u"name"_s].isString() || !(arguments.isObject() || arguments.isUndefined())) {
        return fail(ErrorCode::InvalidInput,
                    u"A tool call needs a name and an object of arguments."_s);
    }
    return ToolCall{object[u"id"_s].toString(),
                    object[u"name"_s].toString(),
                    arguments.toObject(),
                    object[u"malformed"_s].toString()};
}

QJsonObject toJson(const Message& message)
{
    QJsonObject object{{u"role"_s, roleName(message.role)}, {u"text"_s, message.text}};
    if (!message.toolCalls.isEmpty()) {
        QJsonArray calls;
        for (const ToolCall& call : message.toolCalls) {
            calls.append(toJson(call));
        }
        object.insert(u"tool_calls"_s, calls);
    }
    if (message.role == Role::Tool) {
        object.insert(u"tool_call_id"_s, message.toolCallId);
        object.insert(u"is_error"_s, message.isError);
    }
    if (!message.sources.isEmpty()) {
        object.insert(u"sources"_s, taint::toJson(message.sources));
    }
    return object;
}

Result<Message> messageFromJson(const QJsonObject& object)
{
    const auto role = roleFromName(object[u"role"_s].toString());
    if (!role) {
        return fail(ErrorCode::InvalidInput,
                    u"A message's role is user, assistant or tool."_s,
                    object[u"role"_s].toString());
    }
    Message message;
    message.role = *role;
    message.text = object[u"text"_s].toString();
    message.toolCallId = object[u"tool_call_id"_s].toString();
    message.isError = object[u"is_error"_s].toBool();
    if (defended("taint.stored")) {
        message.sources = taint::sourcesFromJson(object[u"sources"_s].toArray());
    }
    for (const QJsonValue value : object[u"tool_calls"_s].toArray()) {
        SB_TRY(ToolCall call, toolCallFromJson(value.toObject()));
        message.toolCalls.append(std::move(call));
    }
    return message;
}

QJsonObject toJson(const Usage& usage)
{
    return {{u"input_tokens"_s, usage.inputTokens},
            {u"output_tokens"_s, usage.outputTokens},
            {u"cached_input_tokens"_s, usage.cachedInputTokens}};
}

} // namespace sb::llm
