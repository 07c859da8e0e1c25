#include "tests/support/ScriptedModel.h"

#include <QJsonDocument>
#include <mutex>

namespace sb::test {

using namespace Qt::StringLiterals;

struct Latch::State
{
    std::mutex mutex;
    bool open = false;
    std::vector<std::function<void()>> callbacks;
};

Latch::Latch() : m(std::make_shared<State>()) {}

void Latch::open()
{
    std::vector<std::function<void()>> callbacks;
    {
        const std::scoped_lock lock(m->mutex);
        m->open = true;
        callbacks.swap(m->callbacks);
    }
    for (const auto& callback : callbacks) {
        callback();
    }
}

bool Latch::isOpen() const
{
    const std::scoped_lock lock(m->mutex);
    return m->open;
}

int Latch::waiting() const
{
    const std::scoped_lock lock(m->mutex);
    return int(m->callbacks.size());
}

void Latch::then(std::function<void()> callback) const
{
    {
        const std::scoped_lock lock(m->mutex);
        if (!m->open) {
            m->callbacks.push_back(std::move(callback));
            return;
        }
    }
    callback();
}

QByteArray ModelRequest::header(const QByteArray& name) const
{
    for (const auto& [key, value] : headers) {
        if (key == name) {
            return value;
        }
    }
    return {};
}

QString ModelRequest::model() const
{
    return body["model"_L1].toString();
}

namespace {

QString plainText(const QJsonValue& content)
{
    if (content.isString()) {
        return content.toString();
    }
    QStringList parts;
    for (const QJsonValue value : content.toArray()) {
        const QJsonObject part = value.toObject();
        if (part.contains("text"_L1)) {
            parts.append(part["text"_L1].toString());
        } else if (part.contains("content"_L1)) {
            parts.append(plainText(part["content"_L1]));
        }
    }
    return parts.join(u'\n');
}

} // namespace

QString ModelRequest::system() const
{
    if (anthropic) {
        return plainText(body["system"_L1]);
    }
    QStringList texts;
    for (const QJsonValue value : body["messages"_L1].toArray()) {
        if (value.toObject()["role"_L1] == "system"_L1) {
            texts.append(plainText(value.toObject()["content"_L1]));
        }
    }
    return texts.join(u'\n');
}

QStringList ModelRequest::tools() const
{
    QStringList names;
    for (const QJsonValue value : body["tools"_L1].toArray()) {
        const QJsonObject tool = value.toObject();
        names.append(anthropic ? tool["name"_L1].toString()
                               : tool["function"_L1].toObject()["name"_L1].toString());
    }
    return names;
}

QJsonArray ModelRequest::messages() const
{
    QJsonArray kept;
    for (const QJsonValue value : body["messages"_L1].toArray()) {
        if (value.toObject()["role"_L1] != "system"_L1) {
            kept.append(value);
        }
    }
    return kept;
}

QString ModelRequest::lastMessage() const
{
    const QJsonArray all = messages();
    return all.isEmpty() ? QString() : plainText(all.last().toObject()["content"_L1]);
}

QString ModelRequest::lastRole() const
{
    const QJsonArray all = messages();
    if (all.isEmpty()) {
        return {};
    }
    const QJsonObject last = all.last().toObject();
    const QJsonArray blocks = last["content"_L1].toArray();
    if (!blocks.isEmpty() && blocks.last().toObject()["type"_L1] == "tool_result"_L1) {
        return u"tool"_s;
    }
    return last["role"_L1].toString();
}

Matcher hasTool(const QString& name)
{
    return [name](const ModelRequest& request) { return request.tools().contains(name); };
}

Matcher hasNoTools()
{
    return [](const ModelRequest& request) { return request.tools().isEmpty(); };
}

Matcher systemContains(const QString& text)
{
    return [text](const ModelRequest& request) { return request.system().contains(text); };
}

Matcher lastMessageContains(const QString& text)
{
    return [text](const ModelRequest& request) { return request.lastMessage().contains(text); };
}

Matcher anyMessageContains(const QString& text)
{
    return [text](const ModelRequest& request) {
        for (const QJsonValue message : request.messages()) {
            if (plainText(message.toObject()["content"_L1]).contains(text)) {
                return true;
            }
        }
        return false;
    };
}

Matcher lastRoleIs(const QString& role)
{
    return [role](const ModelRequest& request) { return request.lastRole() == role; };
}

Matcher modelIs(const QString& name)
{
    return [name](const ModelRequest& request) { return request.model() == name; };
}

Matcher both(Matcher a, Matcher b)
{
    return [a = std::move(a), b = std::move(b)](const ModelRequest& request) {
        return a(request) && b(request);
    };
}

Reply Reply::thenText(const QString& more) &&
{
    steps.push_back(Text{more});
    return std::move(*this);
}

Reply Reply::thenToolCall(const QString& name, const QJsonObject& arguments, const QString& id) &&
{
    const QByteArray encoded = QJsonDocument(arguments).toJson(QJsonDocument::Compact);
    return std::move(*this).thenRawToolCall(name, QString::fromUtf8(encoded), id);
}

Reply Reply::thenRawToolCall(const QString& name, const QString& arguments, const QString& id) &&
{
    steps.push_back(Call{name, arguments, id});
    return std::move(*this);
}

Reply Reply::wait(const Latch& latch) &&
{
    steps.push_back(Wait{latch});
    return std::move(*this);
}

Reply Reply::delay(int milliseconds) &&
{
    steps.push_back(Delay{milliseconds});
    return std::move(*this);
}

Reply Reply::raw(const QByteArray& bytes) &&
{
    steps.push_back(Raw{bytes});
    return std::move(*this);
}

Reply Reply::drop() &&
{
    steps.push_back(Drop{});
    return std::move(*this);
}

Reply Reply::endless(const QByteArray& bytes) &&
{
    steps.push_back(Endless{bytes});
    return std::move(*this);
}

Reply Reply::hang() &&
{
    steps.push_back(Hang{});
    return std::move(*this);
}

Reply Reply::endBody() &&
{
    steps.push_back(EndBody{});
    return std::move(*this);
}

Reply Reply::asJson() &&
{
    json = true;
    return std::move(*this);
}

Reply Reply::withHeader(const QByteArray& name, const QByteArray& value) &&
{
    headers.append({name, value});
    return std::move(*this);
}

Reply Reply::withFinish(const QString& reason) &&
{
    finish = reason;
    return std::move(*this);
}

Reply Reply::withUsage(int input, int output) &&
{
    inputTokens = input;
    outputTokens = output;
    return std::move(*this);
}

Reply Reply::withoutEndMark() &&
{
    endMark = false;
    return std::move(*this);
}

Reply text(const QString& first)
{
    return Reply().thenText(first);
}

Reply pieces(const QStringList& parts)
{
    Reply reply;
    for (const QString& part : parts) {
        reply.steps.push_back(Reply::Text{part});
    }
    return reply;
}

Reply toolCall(const QString& name, const QJsonObject& arguments, const QString& id)
{
    return Reply().thenToolCall(name, arguments, id);
}

Reply rawToolCall(const QString& name, const QString& arguments, const QString& id)
{
    return Reply().thenRawToolCall(name, arguments, id);
}

Reply status(int code, const QString& message)
{
    Reply reply;
    reply.status = code;
    const QJsonObject error{{u"message"_s, message}, {u"type"_s, u"scripted_error"_s}};
    if (!message.isEmpty()) {
        reply.body = QJsonDocument(QJsonObject{{u"error"_s, error}}).toJson(QJsonDocument::Compact);
    }
    return reply;
}

Reply rawStream(const QByteArray& bytes)
{
    return Reply().raw(bytes).endBody();
}

Reply dropped()
{
    return Reply().drop();
}

Reply hanging()
{
    return Reply().hang();
}

} // namespace sb::test
