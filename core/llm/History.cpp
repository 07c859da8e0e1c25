#include "core/llm/History.h"

#include "core/base/Ids.h"

#include <QSet>

namespace sb::llm {

using namespace Qt::StringLiterals;

namespace {

bool isEmpty(const Message& message)
{
    return message.role != Role::Tool && message.toolCalls.isEmpty() &&
           message.text.trimmed().isEmpty();
}

Message missingResult(const QString& id)
{
    Message message;
    message.role = Role::Tool;
    message.toolCallId = id;
    message.text = u"There is no result: the call was interrupted."_s;
    message.isError = true;
    return message;
}

// Most histories are sound; telling so is cheaper than building them anew.
bool isSound(const QList<Message>& messages)
{
    QSet<QString> seen;
    QSet<QString> open;
    for (const Message& message : messages) {
        if (isEmpty(message)) {
            return false;
        }
        if (message.role == Role::Tool) {
            if (!open.remove(message.toolCallId)) {
                return false;
            }
            continue;
        }
        if (!open.isEmpty()) {
            return false;
        }
        for (const ToolCall& call : message.toolCalls) {
            if (message.role != Role::Assistant || call.id.isEmpty() || call.name.isEmpty() ||
                seen.contains(call.id)) {
                return false;
            }
            seen.insert(call.id);
            open.insert(call.id);
        }
    }
    return open.isEmpty();
}

} // namespace

QList<Message> repaired(QList<Message> messages)
{
    if (isSound(messages)) {
        return messages;
    }
    QList<Message> result;
    result.reserve(messages.size());
    QSet<QString> seen;
    for (qsizetype i = 0; i < messages.size(); ++i) {
        Message message = messages.at(i);
        if (message.role == Role::Tool || isEmpty(message)) {
            continue; // results are fetched by the message that called
        }
        if (message.role != Role::Assistant) {
            message.toolCalls.clear();
        }
        QList<Message> results;
        QSet<qsizetype> taken;
        for (ToolCall& call : message.toolCalls) {
            // The result stands somewhere before the next message of the assistant.
            qsizetype found = -1;
            for (qsizetype j = i + 1; j < messages.size() && messages.at(j).role != Role::Assistant;
                 ++j) {
                if (messages.at(j).role == Role::Tool && messages.at(j).toolCallId == call.id &&
                    !taken.contains(j)) {
                    found = j;
                    break;
                }
            }
            taken.insert(found);
            Message answer = found < 0 ? missingResult(call.id) : messages.at(found);
            if (call.id.isEmpty() || seen.contains(call.id)) {
                call.id = newId("call"_L1);
            }
            if (call.name.isEmpty()) {
                call.name = u"unknown"_s;
            }
            seen.insert(call.id);
            answer.toolCallId = call.id;
            results.append(std::move(answer));
        }
        result.append(std::move(message));
        result.append(std::move(results));
    }
    return result;
}

QJsonObject sentArguments(const ToolCall& call)
{
    // The model should see what it got wrong; services accept nothing but an object here.
    return call.malformed.isEmpty() ? call.arguments
                                    : QJsonObject{{u"malformed"_s, call.malformed.left(2000)}};
}

} // namespace sb::llm
