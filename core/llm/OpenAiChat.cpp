#include "core/llm/OpenAiChat.h"

#include "core/llm/Decoder.h"
#include "core/llm/History.h"
#include "core/llm/HttpErrors.h"

#include <QJsonArray>
#include <QJsonDocument>

namespace sb::llm {

using namespace Qt::StringLiterals;

namespace {

const QString publicUrl = u"https://api.openai.com/v1"_s;

FinishReason finishFrom(const QString& reason)
{
    if (reason == "tool_calls"_L1 || reason == "function_call"_L1) {
        return FinishReason::ToolCalls;
    }
    if (reason == "length"_L1) {
        return FinishReason::Length;
    }
    return reason == "content_filter"_L1 ? FinishReason::ContentFilter : FinishReason::Stop;
}

// A text, or a list of parts of which some are text.
QString textOf(const QJsonValue& content)
{
    if (!content.isArray()) {
        return content.toString();
    }
    QString text;
    for (const QJsonValue part : content.toArray()) {
        text += part.toObject().value("text"_L1).toString();
    }
    return text;
}

class OpenAiDecoder final : public Decoder
{
public:
    Result<> event(QByteArrayView, QByteArrayView data) override
    {
        if (data == "[DONE]") {
            m_complete = true;
            m_ended = true;
            return {};
        }
        SB_TRY(const QJsonObject chunk, lenientObject(data));
        if (const QJsonValue error = chunk["error"_L1]; error.isObject() || error.isString()) {
            return std::unexpected(errorInStream(error));
        }
        readHead(chunk);
        const QJsonArray choices = chunk["choices"_L1].toArray();
        if (!choices.isEmpty()) {
            const QJsonObject choice = choices.at(0).toObject();
            readPart(choice["delta"_L1].toObject());
            readFinish(choice);
        }
        return {};
    }

    Result<> whole(const QJsonObject& answer) override
    {
        if (const QJsonValue error = answer["error"_L1]; error.isObject() || error.isString()) {
            return std::unexpected(errorInStream(error));
        }
        const QJsonArray choices = answer["choices"_L1].toArray();
        if (choices.isEmpty()) {
            return fail(ErrorCode::Unavailable, u"its answer holds no choice"_s);
        }
        readHead(answer);
        const QJsonObject choice = choices.at(0).toObject();
        readPart(choice["message"_L1].toObject());
        readFinish(choice);
        m_complete = true;
        m_ended = true;
        return {};
    }

private:
    void readHead(const QJsonObject& chunk)
    {
        if (m_response.id.isEmpty()) {
            m_response.id = chunk["id"_L1].toString();
        }
        const QJsonValue usage = chunk["usage"_L1];
        if (usage.isObject()) {
            const QJsonObject counts = usage.toObject();
            m_response.usage.inputTokens = counts["prompt_tokens"_L1].toInteger();
            m_response.usage.outputTokens = counts["completion_tokens"_L1].toInteger();
            m_response.usage.cachedInputTokens =
                counts["prompt_tokens_details"_L1].toObject().value("cached_tokens"_L1).toInteger();
        }
    }

    void readFinish(const QJsonObject& choice)
    {
        const QString reason = choice["finish_reason"_L1].toString();
        if (!reason.isEmpty()) {
            m_response.finish = finishFrom(reason);
            m_complete = true;
        }
    }

    void readPart(const QJsonObject& part)
    {
        for (const auto key : {"content"_L1, "refusal"_L1}) {
            if (const QJsonValue content = part[key]; content.isString() || content.isArray()) {
                addText(textOf(content));
            }
        }
        const QJsonArray calls = part["tool_calls"_L1].toArray();
        for (qsizetype i = 0; i < calls.size(); ++i) {
            readCall(calls.at(i).toObject(), i);
        }
    }

    void readCall(const QJsonObject& piece, qint64 place)
    {
        const QString id = piece["id"_L1].toString();
        const QJsonObject function = piece["function"_L1].toObject();
        const QString name = function["name"_L1].toString();
        PartialCall& call = callFor(piece["index"_L1].toInteger(place), id, name);
        if (call.id.isEmpty()) {
            call.id = id;
        }
        if (call.name.isEmpty()) {
            call.name = name;
        }
        const QJsonValue arguments = function["arguments"_L1];
        if (arguments.isObject()) {
            call.whole = arguments.toObject();
        } else {
            addArguments(call, arguments.toString());
        }
    }

    // Some services number every call 0, and only a new id with a name tells that another one
    // begins.
    PartialCall& callFor(qint64 index, const QString& id, const QString& name)
    {
        for (auto call = m_calls.rbegin(); call != m_calls.rend(); ++call) {
            if (call->index == index) {
                const bool another =
                    !id.isEmpty() && !name.isEmpty() && !call->id.isEmpty() && call->id != id;
                if (!another) {
                    return *call;
                }
                break;
            }
        }
        PartialCall call;
        call.index = index;
        return m_calls.emplace_back(std::move(call));
    }
};

QJsonObject messageBody(const Message& message)
{
    switch (message.role) {
    case Role::User:
        return {{u"role"_s, u"user"_s}, {u"content"_s, message.text}};
    case Role::Tool:
        return {{u"role"_s, u"tool"_s},
                {u"tool_call_id"_s, message.toolCallId},
                {u"content"_s, message.text}};
    case Role::Assistant:
        break;
    }
    QJsonObject body{{u"role"_s, u"assistant"_s}, {u"content"_s, message.text}};
    if (!message.toolCalls.isEmpty()) {
        QJsonArray calls;
        for (const ToolCall& call : message.toolCalls) {
            const QByteArray arguments =
                QJsonDocument(sentArguments(call)).toJson(QJsonDocument::Compact);
            calls.append(
                QJsonObject{{u"id"_s, call.id},
                            {u"type"_s, u"function"_s},
                            {u"function"_s,
                             QJsonObject{{u"name"_s, call.name},
                                         {u"arguments"_s, QString::fromUtf8(arguments)}}}});
        }
        body.insert(u"tool_calls"_s, calls);
    }
    return body;
}

class OpenAiWire final : public Wire
{
public:
    explicit OpenAiWire(QString base)
    {
        if (base.isEmpty()) {
            base = publicUrl;
        }
        while (base.endsWith(u'/')) {
            base.chop(1);
        }
        m_url = QUrl(base + "/chat/completions"_L1);
    }

    QUrl url() const override { return m_url; }

    Headers headers(QByteArrayView key) const override
    {
        if (key.isEmpty()) {
            return {};
        }
        return {{"Authorization", "Bearer " + key.toByteArray()}};
    }

    QByteArray body(const Request& request) const override
    {
        QJsonArray messages;
        if (!request.system.isEmpty()) {
            messages.append(QJsonObject{{u"role"_s, u"system"_s}, {u"content"_s, request.system}});
        }
        for (const Message& message : repaired(request.messages)) {
            messages.append(messageBody(message));
        }
        QJsonObject body{{u"model"_s, request.model},
                         {u"messages"_s, messages},
                         {u"stream"_s, true},
                         {u"stream_options"_s, QJsonObject{{u"include_usage"_s, true}}}};
        // OpenAI's newer models refuse the old name; other services mostly know only that one.
        const bool own = m_url.host() == "api.openai.com"_L1;
        body.insert(own ? u"max_completion_tokens"_s : u"max_tokens"_s, request.maxOutputTokens);
        QByteArray json = QJsonDocument(body).toJson(QJsonDocument::Compact);
        if (!request.tools.isEmpty()) {
            json.chop(1); // the closing brace
            json += ",\"tools\":" + toolsOf(request.tools) + '}';
        }
        return json;
    }

    std::unique_ptr<Decoder> decoder() const override { return std::make_unique<OpenAiDecoder>(); }

private:
    // The tools are most of a short request, and the same list comes with every one of a process
    // kind; so it is written once.
    const QByteArray& toolsOf(const QList<ToolSpec>& tools) const
    {
        for (const Written& known : m_written) {
            if (known.tools.constData() == tools.constData() &&
                known.tools.size() == tools.size()) {
                return known.json;
            }
        }
        QJsonArray list;
        for (const ToolSpec& tool : tools) {
            list.append(QJsonObject{{u"type"_s, u"function"_s},
                                    {u"function"_s,
                                     QJsonObject{{u"name"_s, tool.name},
                                                 {u"description"_s, tool.description},
                                                 {u"parameters"_s, tool.schema}}}});
        }
        if (m_written.size() >= listsKept) {
            m_written.erase(m_written.begin());
        }
        return m_written.emplace_back(tools, QJsonDocument(list).toJson(QJsonDocument::Compact))
            .json;
    }

    struct Written
    {
        QList<ToolSpec> tools; ///< kept, so that its address stands for this list and no other
        QByteArray json;
    };
    static constexpr size_t listsKept = 8;

    QUrl m_url;
    mutable std::vector<Written> m_written; // bodies are only written on the provider's executor
};

HttpSettings withDefaults(HttpSettings settings)
{
    if (settings.idle.count() <= 0) {
        settings.idle = Milliseconds(30'000);
    }
    return settings;
}

} // namespace

OpenAiChat::OpenAiChat(const HttpSettings& settings, Executor& executor, Clock& clock)
    : HttpProvider(
          withDefaults(settings), std::make_unique<OpenAiWire>(settings.baseUrl), executor, clock)
{
}

} // namespace sb::llm
