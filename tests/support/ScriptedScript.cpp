#include "tests/support/ScriptedModel.h"

namespace sb::test {

using namespace Qt::StringLiterals;

namespace {

Reply replyFrom(const QJsonObject& object)
{
    if (const int code = object["status"_L1].toInt(200); code != 200) {
        Reply reply = status(code, object["message"_L1].toString());
        const QJsonObject headers = object["headers"_L1].toObject();
        for (auto it = headers.begin(); it != headers.end(); ++it) {
            reply.headers.append({it.key().toUtf8(), it.value().toVariant().toString().toUtf8()});
        }
        return reply;
    }
    Reply reply;
    if (const int delay = object["delay_ms"_L1].toInt(); delay > 0) {
        reply.steps.push_back(Reply::Delay{delay});
    }
    for (const QJsonValue piece : object["pieces"_L1].toArray()) {
        reply.steps.push_back(Reply::Text{piece.toString()});
    }
    if (object.contains("text"_L1)) {
        reply.steps.push_back(Reply::Text{object["text"_L1].toString()});
    }
    for (const QJsonValue value : object["tool_calls"_L1].toArray()) {
        const QJsonObject call = value.toObject();
        const QString name = call["name"_L1].toString();
        const QString id = call["id"_L1].toString();
        reply = call["arguments"_L1].isString()
                    ? std::move(reply).thenRawToolCall(name, call["arguments"_L1].toString(), id)
                    : std::move(reply).thenToolCall(name, call["arguments"_L1].toObject(), id);
    }
    if (object["drop"_L1].toBool()) {
        reply.steps.push_back(Reply::Drop{});
    }
    if (object["hang"_L1].toBool()) {
        reply.steps.push_back(Reply::Hang{});
    }
    if (object["endless"_L1].toBool()) {
        reply.steps.push_back(Reply::Endless{"data: {\"choices\":[]}\n\n"});
    }
    return reply;
}

Matcher matcherFrom(const QJsonObject& when)
{
    Matcher all = [](const ModelRequest&) { return true; };
    const std::pair<QLatin1StringView, Matcher (*)(const QString&)> kinds[] = {
        {"tool"_L1, hasTool},
        {"system"_L1, systemContains},
        {"last"_L1, lastMessageContains},
        {"any"_L1, anyMessageContains},
        {"role"_L1, lastRoleIs},
        {"model"_L1, modelIs},
    };
    for (const auto& [key, make] : kinds) {
        if (when.contains(key)) {
            all = both(std::move(all), make(when[key].toString()));
        }
    }
    return all;
}

QString unknownKey(const QJsonObject& object, const QStringList& known, const QString& where)
{
    for (const QString& key : object.keys()) {
        if (!known.contains(key)) {
            return u"%1 has an unknown key \"%2\"; known are %3."_s.arg(
                where, key, known.join(u", "_s));
        }
    }
    return {};
}

const QStringList& replyKeys()
{
    static const QStringList keys{u"text"_s,
                                  u"pieces"_s,
                                  u"tool_calls"_s,
                                  u"status"_s,
                                  u"message"_s,
                                  u"headers"_s,
                                  u"delay_ms"_s,
                                  u"drop"_s,
                                  u"hang"_s,
                                  u"endless"_s};
    return keys;
}

} // namespace

QString ScriptedModel::load(const QJsonObject& script)
{
    QString wrong =
        unknownKey(script, {u"delay_ms"_s, u"rules"_s, u"otherwise"_s}, u"The script"_s);
    const QJsonArray rules = script["rules"_L1].toArray();
    for (qsizetype i = 0; i < rules.size() && wrong.isEmpty(); ++i) {
        const QString where = u"Rule %1"_s.arg(i + 1);
        const QJsonObject rule = rules.at(i).toObject();
        wrong = unknownKey(rule, {u"when"_s, u"replies"_s, u"always"_s}, where);
        if (wrong.isEmpty()) {
            wrong = unknownKey(rule["when"_L1].toObject(),
                               {u"tool"_s, u"system"_s, u"last"_s, u"any"_s, u"role"_s, u"model"_s},
                               where);
        }
        Rule made = when(matcherFrom(rule["when"_L1].toObject()));
        for (const QJsonValue value : rule["replies"_L1].toArray()) {
            wrong = wrong.isEmpty() ? unknownKey(value.toObject(), replyKeys(), where) : wrong;
            made.reply(replyFrom(value.toObject()));
        }
        if (rule.contains("always"_L1)) {
            wrong = wrong.isEmpty() ? unknownKey(rule["always"_L1].toObject(), replyKeys(), where)
                                    : wrong;
            made.always(replyFrom(rule["always"_L1].toObject()));
        }
    }
    if (script.contains("otherwise"_L1)) {
        wrong = wrong.isEmpty()
                    ? unknownKey(script["otherwise"_L1].toObject(), replyKeys(), u"The default"_s)
                    : wrong;
        otherwise(replyFrom(script["otherwise"_L1].toObject()));
    }
    setDelay(script["delay_ms"_L1].toInt());
    return wrong;
}

} // namespace sb::test
