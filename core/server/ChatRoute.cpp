#include "core/base/Ids.h"
#include "core/server/Routes.h"

#include <QDateTime>
#include <QJsonDocument>

namespace sb::server {

using protocol::Ask;
using protocol::Kind;

namespace {

struct ChatRequest
{
    Ask ask;
    bool stream = false;
    bool includeUsage = false;
};

Result<QString> textOf(const QJsonValue& content)
{
    if (content.isString()) {
        return content.toString();
    }
    if (!content.isArray()) {
        return fail(ErrorCode::InvalidInput,
                    QStringLiteral("A message's \"content\" must be a string or text parts."));
    }
    QStringList parts;
    for (const auto& part : content.toArray()) {
        if (part[u"type"].toString() != u"text" || !part[u"text"].isString()) {
            return fail(ErrorCode::InvalidInput,
                        QStringLiteral("Only text can be sent to an agent."));
        }
        parts.append(part[u"text"].toString());
    }
    return parts.join(u'\n');
}

Result<ChatRequest> parseChat(const Exchange& exchange)
{
    SB_TRY(const auto object, parseObject(exchange.body));
    ChatRequest request;
    request.ask.agent = object.value(u"model").toString();
    if (request.ask.agent.isEmpty()) {
        return fail(ErrorCode::InvalidInput,
                    QStringLiteral("\"model\" must be the id of an agent."));
    }
    const auto messages = object.value(u"messages").toArray();
    QJsonValue content(QJsonValue::Undefined);
    for (const auto& message : messages) {
        if (message[u"role"].toString() == u"user") {
            content = message[u"content"];
        }
    }
    if (content.isUndefined()) {
        return fail(ErrorCode::InvalidInput,
                    QStringLiteral("\"messages\" must hold a message of role \"user\"."));
    }
    SB_TRY(request.ask.text, textOf(content));
    if (request.ask.text.trimmed().isEmpty()) {
        return fail(ErrorCode::InvalidInput, QStringLiteral("The last user message is empty."));
    }
    const QString user = object.value(u"user").toString();
    request.ask.channel = user.isEmpty() ? QStringLiteral("api") : channelIdFor(user);
    request.ask.from = QStringLiteral("api");
    request.ask.key = QString::fromUtf8(exchange.header("Idempotency-Key"));
    if (request.ask.key.size() > 200) {
        return fail(ErrorCode::InvalidInput,
                    QStringLiteral("The Idempotency-Key may have 200 characters."));
    }
    request.stream = object.value(u"stream").toBool();
    request.includeUsage = object.value(u"stream_options")[u"include_usage"].toBool();
    return request;
}

QJsonObject usageOf(const Ask::Reply& reply)
{
    return {{QStringLiteral("prompt_tokens"), reply.inputTokens},
            {QStringLiteral("completion_tokens"), reply.outputTokens},
            {QStringLiteral("total_tokens"), reply.inputTokens + reply.outputTokens}};
}

// The runtime knows one thing by name here: the agent.
Reply refusalOf(const Error& error)
{
    return error.code == ErrorCode::NotFound
               ? Reply::error(404, error.message, QStringLiteral("model_not_found"))
               : Reply::failure(error);
}

QJsonObject envelope(const QString& id, const QString& model, qint64 created, const QString& object)
{
    return {{QStringLiteral("id"), id},
            {QStringLiteral("object"), object},
            {QStringLiteral("created"), created},
            {QStringLiteral("model"), model}};
}

Reply completionOf(const QString& model, const Result<Ask::Reply>& reply)
{
    if (!reply) {
        return refusalOf(reply.error());
    }
    if (reply->failed) {
        return Reply::error(502, reply->text, QStringLiteral("turn_failed"));
    }
    auto object = envelope(newId(QLatin1StringView("chatcmpl")),
                           model,
                           QDateTime::currentSecsSinceEpoch(),
                           QStringLiteral("chat.completion"));
    const QJsonObject message{{QStringLiteral("role"), QStringLiteral("assistant")},
                              {QStringLiteral("content"), reply->text}};
    object.insert(
        QStringLiteral("choices"),
        QJsonArray{QJsonObject{{QStringLiteral("index"), 0},
                               {QStringLiteral("message"), message},
                               {QStringLiteral("finish_reason"), QStringLiteral("stop")}}});
    object.insert(QStringLiteral("usage"), usageOf(*reply));
    return Reply::json(200, object);
}

qsizetype trailingSpaces(const QString& text)
{
    qsizetype count = 0;
    while (count < text.size() && text[text.size() - 1 - count].isSpace()) {
        ++count;
    }
    return count;
}

/// One streamed turn. The reply that counts is what Ask answers with; deltas are pictures of it
/// that may have holes. So the stream shows deltas only while they can be told to be this turn's,
/// keeps count of what it showed, and at the end sends whatever is missing.
class ChatStream final : public ChannelSink, public std::enable_shared_from_this<ChatStream>
{
public:
    ChatStream(Services& services, Exchange& exchange, ChatRequest request)
        : m_services(services)
        , m_exchange(exchange)
        , m_request(std::move(request))
        , m_base(envelope(newId(QLatin1StringView("chatcmpl")),
                          m_request.ask.agent,
                          QDateTime::currentSecsSinceEpoch(),
                          QStringLiteral("chat.completion.chunk")))
    {
        // The key tells this message's entry from others' in the channel.
        if (m_request.ask.key.isEmpty()) {
            m_request.ask.key = newId(QLatin1StringView("http"));
        }
    }
    ~ChatStream() override { leave(); }

    void start()
    {
        m_listening = true;
        m_services.hub.add(m_request.ask.agent, m_request.ask.channel, *this);
        m_services.ask(m_request.ask, [self = weak_from_this()](Result<Ask::Reply> reply) {
            if (const auto alive = self.lock()) {
                alive->end(reply);
            }
        });
    }

    void onEntry(const protocol::Entry& entry) override
    {
        const auto& payload = entry.payload;
        if (entry.kind == Kind::MessageReceived &&
            payload.value(u"key").toString() == m_request.ask.key) {
            m_seq = entry.seq;
            open();
        } else if (entry.kind == Kind::TurnStarted) {
            m_mine = m_seq > 0 && payload.value(u"takes").toArray().contains(QJsonValue(m_seq));
            show();
        } else if (entry.kind == Kind::MessageSent) {
            stepEnded(payload.value(u"text").toString());
        } else if (payload.value(u"turn_open") == QJsonValue(false)) {
            stepEnded({});
        }
    }

    void onDelta(const QString& text) override
    {
        m_step += text;
        if (m_stepShown == 0) {
            // The reply is trimmed, so the picture of it is, too.
            qsizetype spaces = 0;
            while (spaces < m_step.size() && m_step[spaces].isSpace()) {
                ++spaces;
            }
            m_step.remove(0, spaces);
        }
        show();
    }

private:
    void leave()
    {
        if (std::exchange(m_listening, false)) {
            m_services.hub.remove(m_request.ask.agent, m_request.ask.channel, *this);
        }
    }

    // An answer that is refused at once still has a status of its own; the stream begins when the
    // message was taken.
    void open()
    {
        if (!m_exchange.isStreaming()) {
            m_exchange.openStream();
            send(chunk({{QStringLiteral("role"), QStringLiteral("assistant")},
                        {QStringLiteral("content"), QString()}}));
        }
    }

    void show()
    {
        if (!m_mine) {
            return;
        }
        const qsizetype end = m_step.size() - trailingSpaces(m_step);
        if (end > m_stepShown) {
            showText(m_step.mid(m_stepShown, end - m_stepShown));
            m_stepShown = end;
        }
    }

    void showText(const QString& text)
    {
        if (text.isEmpty()) {
            return;
        }
        const bool first = m_stepShown == 0 && !m_shown.isEmpty();
        const QString whole = first ? QString(QStringLiteral("\n\n") + text) : text;
        m_shown += whole;
        send(chunk({{QStringLiteral("content"), whole}}));
    }

    // A model call of the turn came to its end, with this text (trimmed) as its part of the reply.
    void stepEnded(const QString& text)
    {
        if (m_mine && text.size() > m_stepShown &&
            QStringView(text).left(m_stepShown) == QStringView(m_step).left(m_stepShown)) {
            showText(text.mid(m_stepShown));
        }
        m_step.clear();
        m_stepShown = 0;
    }

    void end(const Result<Ask::Reply>& reply)
    {
        leave();
        if (!reply && !m_exchange.isStreaming()) {
            m_exchange.answer(refusalOf(reply.error()));
            return;
        }
        open();
        m_ending = true;
        if (!reply || reply->failed) {
            const auto error =
                reply ? errorObject(502, reply->text, QStringLiteral("turn_failed"))
                      : errorObject(500, reply.error().message, errorCodeName(reply.error().code));
            send(QJsonObject{{QStringLiteral("error"), error}});
        } else {
            finishText(reply->text);
            send(chunk({}, QStringLiteral("stop")));
            if (m_request.includeUsage) {
                auto usage = m_base;
                usage.insert(QStringLiteral("choices"), QJsonArray());
                usage.insert(QStringLiteral("usage"), usageOf(*reply));
                send(usage);
            }
        }
        m_exchange.writePage("data: [DONE]\n\n");
        m_exchange.finish();
    }

    void finishText(const QString& text)
    {
        QString rest;
        if (text.startsWith(m_shown)) {
            rest = text.mid(m_shown.size());
        } else {
            // What was shown had a hole, or was taken back by a retry: the true reply follows it,
            // whole.
            rest = QStringLiteral("\n\n") + text;
        }
        if (!rest.isEmpty()) {
            send(chunk({{QStringLiteral("content"), rest}}));
        }
    }

    [[nodiscard]] QJsonObject chunk(const QJsonObject& delta, const QString& finish = {}) const
    {
        QJsonObject object = m_base;
        const QJsonValue reason =
            finish.isEmpty() ? QJsonValue(QJsonValue::Null) : QJsonValue(finish);
        object.insert(QStringLiteral("choices"),
                      QJsonArray{QJsonObject{{QStringLiteral("index"), 0},
                                             {QStringLiteral("delta"), delta},
                                             {QStringLiteral("finish_reason"), reason}}});
        return object;
    }

    // The end of a reply may be longer than what a listener is allowed to leave unread; it comes
    // only once.
    void send(const QJsonObject& object)
    {
        const QByteArray line =
            "data: " + QJsonDocument(object).toJson(QJsonDocument::Compact) + "\n\n";
        if (m_ending) {
            m_exchange.writePage(line);
        } else {
            m_exchange.write(line);
        }
    }

    Services& m_services;
    Exchange& m_exchange; // owns this through onClosed
    ChatRequest m_request;
    QJsonObject m_base;
    qint64 m_seq = 0;    ///< of the message's entry
    bool m_mine = false; ///< the turn that runs took this message
    bool m_listening = false;
    bool m_ending = false;
    QString m_shown;           ///< all text that was sent
    QString m_step;            ///< what the model call at work has said
    qsizetype m_stepShown = 0; ///< how much of it was sent
};

} // namespace

void serveChat(Services& services, const std::shared_ptr<Exchange>& exchange)
{
    auto request = parseChat(*exchange);
    if (!request) {
        exchange->answer(Reply::failure(request.error()));
        return;
    }
    exchange->body.clear();
    if (request->stream) {
        auto stream = std::make_shared<ChatStream>(services, *exchange, *std::move(request));
        exchange->onClosed = [stream] {};
        stream->start();
        return;
    }
    const QString model = request->ask.agent;
    services.ask(std::move(request->ask),
                 [exchange = std::weak_ptr(exchange), model](Result<Ask::Reply> reply) {
                     if (const auto open = exchange.lock()) {
                         open->answer(completionOf(model, reply));
                     }
                 });
}

} // namespace sb::server
