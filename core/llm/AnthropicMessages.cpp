#include "core/llm/AnthropicMessages.h"

#include "core/llm/Decoder.h"
#include "core/llm/History.h"
#include "core/llm/HttpErrors.h"

#include <QJsonArray>
#include <QJsonDocument>

namespace sb::llm {

using namespace Qt::StringLiterals;

namespace {

const QString publicUrl = u"https://api.anthropic.com"_s;

FinishReason finishFrom(const QString& reason)
{
    if (reason == "tool_use"_L1) {
        return FinishReason::ToolCalls;
    }
    if (reason == "max_tokens"_L1 || reason == "model_context_window_exceeded"_L1) {
        return FinishReason::Length;
    }
    return reason == "refusal"_L1 ? FinishReason::ContentFilter : FinishReason::Stop;
}

class AnthropicDecoder final : public Decoder
{
public:
    Result<> event(QByteArrayView, QByteArrayView data) override
    {
        SB_TRY(const QJsonObject event, lenientObject(data));
        const QString type = event["type"_L1].toString();
        if (type == "content_block_delta"_L1) {
            readDelta(event);
        } else if (type == "content_block_start"_L1) {
            readBlock(event["content_block"_L1].toObject(), event["index"_L1].toInteger());
        } else if (type == "message_start"_L1) {
            const QJsonObject message = event["message"_L1].toObject();
            m_response.id = message["id"_L1].toString();
            readUsage(message["usage"_L1].toObject());
        } else if (type == "message_delta"_L1) {
            readUsage(event["usage"_L1].toObject());
            readFinish(event["delta"_L1].toObject());
        } else if (type == "message_stop"_L1) {
            m_ended = true;
        } else if (type == "error"_L1) {
            return std::unexpected(errorInStream(event["error"_L1]));
        } // ping, content_block_stop and what may be added later
        return {};
    }

    Result<> whole(const QJsonObject& answer) override
    {
        if (answer["type"_L1].toString() == "error"_L1) {
            return std::unexpected(errorInStream(answer["error"_L1]));
        }
        if (!answer["content"_L1].isArray()) {
            return fail(ErrorCode::Unavailable, u"its answer holds no content"_s);
        }
        m_response.id = answer["id"_L1].toString();
        readUsage(answer["usage"_L1].toObject());
        const QJsonArray blocks = answer["content"_L1].toArray();
        for (qsizetype i = 0; i < blocks.size(); ++i) {
            readBlock(blocks.at(i).toObject(), i);
        }
        readFinish(answer);
        m_complete = true;
        m_ended = true;
        return {};
    }

private:
    void readBlock(const QJsonObject& block, qint64 index)
    {
        const QString type = block["type"_L1].toString();
        if (type == "text"_L1) {
            addText(block["text"_L1].toString());
        } else if (type == "tool_use"_L1) {
            PartialCall call;
            call.index = index;
            call.id = block["id"_L1].toString();
            call.name = block["name"_L1].toString();
            call.whole = block["input"_L1].toObject();
            m_calls.push_back(std::move(call));
        } // thinking stays with the service
    }

    void readDelta(const QJsonObject& event)
    {
        const QJsonObject delta = event["delta"_L1].toObject();
        const QString type = delta["type"_L1].toString();
        if (type == "text_delta"_L1) {
            addText(delta["text"_L1].toString());
        } else if (type == "input_json_delta"_L1) {
            const qint64 index = event["index"_L1].toInteger();
            const auto call = std::ranges::find(m_calls, index, &PartialCall::index);
            if (call != m_calls.end()) {
                addArguments(*call, delta["partial_json"_L1].toString());
            }
        }
    }

    void readUsage(const QJsonObject& usage)
    {
        // Later counts replace earlier ones; the input is told only once by most services.
        if (usage.contains("input_tokens"_L1)) {
            m_response.usage.cachedInputTokens = usage["cache_read_input_tokens"_L1].toInteger();
            m_response.usage.inputTokens = usage["input_tokens"_L1].toInteger() +
                                           m_response.usage.cachedInputTokens +
                                           usage["cache_creation_input_tokens"_L1].toInteger();
        }
        m_response.usage.outputTokens =
            usage["output_tokens"_L1].toInteger(m_response.usage.outputTokens);
    }

    void readFinish(const QJsonObject& holder)
    {
        const QString reason = holder["stop_reason"_L1].toString();
        if (!reason.isEmpty()) {
            m_response.finish = finishFrom(reason);
            m_complete = true;
        }
    }
};

// Ids and names that another service made may hold characters that this one refuses.
QString plainName(QString name)
{
    for (QChar& c : name) {
        const bool plain = (c >= u'a' && c <= u'z') || (c >= u'A' && c <= u'Z') ||
                           (c >= u'0' && c <= u'9') || c == u'_' || c == u'-';
        if (!plain) {
            c = u'_';
        }
    }
    return name.left(128);
}

QJsonObject textBlock(const QString& text)
{
    return {{u"type"_s, u"text"_s}, {u"text"_s, text}};
}

// Users and tool results are one role here, and roles must take turns, beginning and ending with
// the user.
class Turns
{
public:
    void add(const QString& role, QJsonObject block)
    {
        if (role != m_role) {
            flush();
            m_role = role;
        }
        m_blocks.append(std::move(block));
    }
    [[nodiscard]] bool isEmpty() const { return m_messages.isEmpty() && m_blocks.isEmpty(); }
    [[nodiscard]] const QString& role() const { return m_role; }
    QJsonArray take()
    {
        flush();
        return std::move(m_messages);
    }

private:
    void flush()
    {
        if (!m_blocks.isEmpty()) {
            m_messages.append(QJsonObject{{u"role"_s, m_role}, {u"content"_s, m_blocks}});
            m_blocks = {};
        }
    }
    QJsonArray m_messages;
    QString m_role;
    QJsonArray m_blocks;
};

QJsonArray messageBodies(const QList<Message>& messages)
{
    const QString user = u"user"_s;
    const QString assistant = u"assistant"_s;
    Turns turns;
    for (const Message& message : repaired(messages)) {
        switch (message.role) {
        case Role::User:
            turns.add(user, textBlock(message.text));
            break;
        case Role::Tool: {
            QJsonObject block{{u"type"_s, u"tool_result"_s},
                              {u"tool_use_id"_s, plainName(message.toolCallId)}};
            if (!message.text.isEmpty()) {
                block.insert(u"content"_s, message.text);
            }
            if (message.isError) {
                block.insert(u"is_error"_s, true);
            }
            turns.add(user, block);
            break;
        }
        case Role::Assistant:
            if (turns.isEmpty()) {
                turns.add(user, textBlock(u"(The conversation so far was left out.)"_s));
            }
            if (!message.text.trimmed().isEmpty()) {
                turns.add(assistant, textBlock(message.text.trimmed()));
            }
            for (const ToolCall& call : message.toolCalls) {
                turns.add(assistant,
                          {{u"type"_s, u"tool_use"_s},
                           {u"id"_s, plainName(call.id)},
                           {u"name"_s, plainName(call.name)},
                           {u"input"_s, sentArguments(call)}});
            }
            break;
        }
    }
    if (turns.role() != user) {
        turns.add(user, textBlock(u"Go on."_s));
    }
    return turns.take();
}

class AnthropicWire final : public Wire
{
public:
    explicit AnthropicWire(QString base)
    {
        if (base.isEmpty()) {
            base = publicUrl;
        }
        while (base.endsWith(u'/')) {
            base.chop(1);
        }
        m_url = QUrl(base + (base.endsWith("/v1"_L1) ? "/messages"_L1 : "/v1/messages"_L1));
    }

    QUrl url() const override { return m_url; }

    Headers headers(QByteArrayView key) const override
    {
        Headers headers{{"anthropic-version", "2023-06-01"}};
        if (!key.isEmpty()) {
            headers.append({"x-api-key", key.toByteArray()});
        }
        return headers;
    }

    QByteArray body(const Request& request) const override
    {
        QJsonObject body{{u"model"_s, request.model},
                         {u"max_tokens"_s, request.maxOutputTokens},
                         {u"messages"_s, messageBodies(request.messages)},
                         {u"stream"_s, true}};
        if (!request.system.isEmpty()) {
            body.insert(u"system"_s, request.system);
        }
        if (!request.tools.isEmpty()) {
            QJsonArray tools;
            for (const ToolSpec& tool : request.tools) {
                tools.append(QJsonObject{{u"name"_s, tool.name},
                                         {u"description"_s, tool.description},
                                         {u"input_schema"_s, tool.schema}});
            }
            body.insert(u"tools"_s, tools);
        }
        return QJsonDocument(body).toJson(QJsonDocument::Compact);
    }

    std::unique_ptr<Decoder> decoder() const override
    {
        return std::make_unique<AnthropicDecoder>();
    }

private:
    QUrl m_url;
};

HttpSettings withDefaults(HttpSettings settings)
{
    if (settings.idle.count() <= 0) {
        settings.idle = Milliseconds(60'000);
    }
    return settings;
}

} // namespace

AnthropicMessages::AnthropicMessages(const HttpSettings& settings, Executor& executor, Clock& clock)
    : HttpProvider(withDefaults(settings),
                   std::make_unique<AnthropicWire>(settings.baseUrl),
                   executor,
                   clock)
{
}

} // namespace sb::llm
