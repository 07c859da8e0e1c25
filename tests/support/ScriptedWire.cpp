#include "tests/support/ScriptedWire.h"

#include <QJsonDocument>

namespace sb::test {

using namespace Qt::StringLiterals;

namespace {

// A JSON string with its quotes. Qt's writer would need a document around it.
QByteArray quoted(const QString& text)
{
    QByteArray out = "\"";
    for (const char c : text.toUtf8()) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (uchar(c) < 0x20) {
            constexpr char digits[] = "0123456789abcdef";
            out += "\\u00";
            out += digits[uchar(c) >> 4];
            out += digits[uchar(c) & 15];
        } else {
            out += c;
        }
    }
    return out + '"';
}

void event(QByteArray& out, const QByteArray& name, const QByteArray& data)
{
    out += "event: " + name + "\ndata: {\"type\":\"" + name + "\"" + data + "}\n\n";
}

bool hasCalls(const Reply& reply)
{
    return std::ranges::any_of(reply.steps, [](const Reply::Step& step) {
        return std::holds_alternative<Reply::Call>(step);
    });
}

} // namespace

ScriptedWire::ScriptedWire(bool anthropic, const QString& model, quint64 number)
    : m_anthropic(anthropic)
    , m_id((anthropic ? "msg_" : "chatcmpl-") + QByteArray::number(number))
    , m_model(quoted(model))
{
}

QString ScriptedWire::idOf(const Reply::Call& call, int index) const
{
    return call.id.isEmpty() ? u"call_%1_%2"_s.arg(QString::fromLatin1(m_id)).arg(index) : call.id;
}

void ScriptedWire::chunk(QByteArray& out, const QByteArray& delta, const QByteArray& finish) const
{
    out += R"(data: {"id":")" + m_id +
           R"(","object":"chat.completion.chunk","created":1,"model":)" + m_model +
           R"(,"choices":[{"index":0,"delta":{)" + delta + R"(},"finish_reason":)" + finish +
           "}]}\n\n";
}

void ScriptedWire::begin(QByteArray& out, const Reply& reply)
{
    if (m_anthropic) {
        event(out,
              "message_start",
              R"(,"message":{"id":")" + m_id + R"(","type":"message","role":"assistant","model":)" +
                  m_model + R"(,"content":[],"stop_reason":null,"usage":{"input_tokens":)" +
                  QByteArray::number(reply.inputTokens) + R"(,"output_tokens":1}})");
    } else {
        chunk(out, R"("role":"assistant","content":"")", "null");
    }
}

void ScriptedWire::closeBlock(QByteArray& out)
{
    if (m_block >= 0) {
        event(out, "content_block_stop", ",\"index\":" + QByteArray::number(m_block));
    }
}

void ScriptedWire::text(QByteArray& out, const QString& piece)
{
    if (!m_anthropic) {
        chunk(out, "\"content\":" + quoted(piece), "null");
        return;
    }
    if (!m_inText) {
        closeBlock(out);
        ++m_block;
        m_inText = true;
        event(out,
              "content_block_start",
              ",\"index\":" + QByteArray::number(m_block) +
                  R"(,"content_block":{"type":"text","text":""})");
    }
    event(out,
          "content_block_delta",
          ",\"index\":" + QByteArray::number(m_block) + R"(,"delta":{"type":"text_delta","text":)" +
              quoted(piece) + "}");
}

void ScriptedWire::call(QByteArray& out, const Reply::Call& call)
{
    const int index = m_calls++;
    const QString id = idOf(call, index);
    const QString first = call.arguments.left(call.arguments.size() / 2);
    const QString second = call.arguments.mid(first.size());
    if (m_anthropic) {
        closeBlock(out);
        ++m_block;
        m_inText = false;
        const QByteArray place = ",\"index\":" + QByteArray::number(m_block);
        const QByteArray idPart = id == u"-" ? QByteArray() : ",\"id\":" + quoted(id);
        event(out,
              "content_block_start",
              place + R"(,"content_block":{"type":"tool_use")" + idPart +
                  ",\"name\":" + quoted(call.name) + ",\"input\":{}}");
        for (const QString& part : {first, second}) {
            event(out,
                  "content_block_delta",
                  place + R"(,"delta":{"type":"input_json_delta","partial_json":)" + quoted(part) +
                      "}");
        }
        return;
    }
    const QByteArray head = R"("tool_calls":[{"index":)" + QByteArray::number(index);
    const QByteArray idPart = id == u"-" ? QByteArray() : ",\"id\":" + quoted(id);
    chunk(out,
          head + idPart + R"(,"type":"function","function":{"name":)" + quoted(call.name) +
              R"(,"arguments":)" + quoted(first) + "}}]",
          "null");
    chunk(out, head + R"(,"function":{"arguments":)" + quoted(second) + "}}]", "null");
}

void ScriptedWire::end(QByteArray& out, const Reply& reply)
{
    if (m_anthropic) {
        closeBlock(out);
        const QString reason = !reply.finish.isEmpty() ? reply.finish
                               : hasCalls(reply)       ? u"tool_use"_s
                                                       : u"end_turn"_s;
        event(out,
              "message_delta",
              R"(,"delta":{"stop_reason":)" + quoted(reason) + R"(},"usage":{"output_tokens":)" +
                  QByteArray::number(reply.outputTokens) + "}");
        if (reply.endMark) {
            event(out, "message_stop", "");
        }
        return;
    }
    const QString reason = !reply.finish.isEmpty() ? reply.finish
                           : hasCalls(reply)       ? u"tool_calls"_s
                                                   : u"stop"_s;
    chunk(out, "", quoted(reason));
    out += R"(data: {"id":")" + m_id + R"(","choices":[],"usage":{"prompt_tokens":)" +
           QByteArray::number(reply.inputTokens) + R"(,"completion_tokens":)" +
           QByteArray::number(reply.outputTokens) + "}}\n\n";
    if (reply.endMark) {
        out += "data: [DONE]\n\n";
    }
}

QByteArray ScriptedWire::document(const Reply& reply) const
{
    QString all;
    QJsonArray calls;
    for (const Reply::Step& step : reply.steps) {
        if (const auto* piece = std::get_if<Reply::Text>(&step)) {
            all += piece->text;
        } else if (const auto* wanted = std::get_if<Reply::Call>(&step)) {
            const QString id = idOf(*wanted, int(calls.size()));
            if (m_anthropic) {
                calls.append(QJsonObject{
                    {u"type"_s, u"tool_use"_s},
                    {u"id"_s, id},
                    {u"name"_s, wanted->name},
                    {u"input"_s, QJsonDocument::fromJson(wanted->arguments.toUtf8()).object()}});
            } else {
                calls.append(QJsonObject{
                    {u"id"_s, id},
                    {u"type"_s, u"function"_s},
                    {u"function"_s,
                     QJsonObject{{u"name"_s, wanted->name}, {u"arguments"_s, wanted->arguments}}}});
            }
        }
    }
    const QString id = QString::fromLatin1(m_id);
    QJsonObject answer{{u"id"_s, id}};
    if (m_anthropic) {
        QJsonArray content{QJsonObject{{u"type"_s, u"text"_s}, {u"text"_s, all}}};
        for (const QJsonValue value : std::as_const(calls)) {
            content.append(value);
        }
        answer.insert(u"type"_s, u"message"_s);
        answer.insert(u"content"_s, content);
        answer.insert(u"stop_reason"_s, calls.isEmpty() ? u"end_turn"_s : u"tool_use"_s);
        answer.insert(u"usage"_s,
                      QJsonObject{{u"input_tokens"_s, reply.inputTokens},
                                  {u"output_tokens"_s, reply.outputTokens}});
    } else {
        QJsonObject message{{u"role"_s, u"assistant"_s}, {u"content"_s, all}};
        if (!calls.isEmpty()) {
            message.insert(u"tool_calls"_s, calls);
        }
        const QJsonObject choice{
            {u"index"_s, 0},
            {u"message"_s, message},
            {u"finish_reason"_s, calls.isEmpty() ? u"stop"_s : u"tool_calls"_s}};
        answer.insert(u"object"_s, u"chat.completion"_s);
        answer.insert(u"choices"_s, QJsonArray{choice});
        answer.insert(u"usage"_s,
                      QJsonObject{{u"prompt_tokens"_s, reply.inputTokens},
                                  {u"completion_tokens"_s, reply.outputTokens}});
    }
    return QJsonDocument(answer).toJson(QJsonDocument::Compact);
}

} // namespace sb::test
