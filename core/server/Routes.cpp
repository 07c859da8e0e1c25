#include "core/server/Routes.h"

#include "core/base/Defence.h"

#include <QCryptographicHash>
#include <QJsonDocument>

namespace sb::server {

namespace {

constexpr qsizetype longestChannelId = 64;
const QByteArray approvalsPath = "/v1/approvals";
const QByteArray approvalPrefix = "/v1/approvals/";

void addLine(QByteArray& text, const char* name, qint64 value, const QByteArray& labels = {})
{
    text += name;
    if (!labels.isEmpty()) {
        text += '{' + labels + '}';
    }
    text += ' ' + QByteArray::number(value) + '\n';
}

void addHelp(QByteArray& text, const char* name, const char* type, const char* help)
{
    text += QByteArray("# HELP ") + name + ' ' + help + "\n# TYPE " + name + ' ' + type + '\n';
}

QByteArray label(const char* name, QByteArray value)
{
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    return name + QByteArray("=\"") + value + '"';
}

} // namespace

std::optional<Route> findRoute(const QByteArray& path)
{
    if (path == "/healthz") {
        return Route{serveHealth, "healthz", RouteClass::Health, "GET, HEAD"};
    }
    if (path == "/metrics") {
        return Route{serveMetrics, "metrics", RouteClass::Audit, "GET, HEAD"};
    }
    if (path == "/v1/chat/completions") {
        return Route{serveChat, "chat", RouteClass::Message, "POST"};
    }
    if (path == "/v1/models") {
        return Route{serveModels, "models", RouteClass::Read, "GET, HEAD"};
    }
    if (path == "/v1/events") {
        return Route{serveEvents, "events", RouteClass::Audit, "GET"};
    }
    if (path == approvalsPath) {
        return Route{serveApprovals, "approvals", RouteClass::Read, "GET, HEAD"};
    }
    if (path.startsWith(approvalPrefix) && path.size() > approvalPrefix.size() &&
        path.indexOf('/', approvalPrefix.size()) < 0) {
        return Route{serveApproval, "approval", RouteClass::Decide, "GET, HEAD, POST"};
    }
    return std::nullopt;
}

Result<QJsonObject> parseObject(const QByteArray& body)
{
    QJsonParseError problem;
    const auto document = QJsonDocument::fromJson(body, &problem);
    if (problem.error != QJsonParseError::NoError) {
        return fail(ErrorCode::InvalidInput,
                    QStringLiteral("The body is not JSON: %1 at byte %2.")
                        .arg(problem.errorString())
                        .arg(problem.offset));
    }
    if (!document.isObject()) {
        return fail(ErrorCode::InvalidInput, QStringLiteral("The body must be a JSON object."));
    }
    return document.object();
}

QString channelIdFor(const QString& user)
{
    QString id;
    for (const QChar c : QStringView(user).left(longestChannelId)) {
        const bool stays = (c >= u'a' && c <= u'z') || (c >= u'A' && c <= u'Z') ||
                           (c >= u'0' && c <= u'9') || QStringView(u"-_.@+").contains(c);
        id += stays ? c : QChar(u'_');
    }
    if (id.startsWith(u'.')) {
        id[0] = u'_';
    }
    if (id != user) {
        const auto hash =
            QCryptographicHash::hash(user.toUtf8(), QCryptographicHash::Sha256).toHex().left(10);
        id = id.left(longestChannelId - 11) + u'-' + QString::fromLatin1(hash);
    }
    return id;
}

void serveHealth(Services& services, const std::shared_ptr<Exchange>& exchange)
{
    QJsonObject health{{QStringLiteral("status"), QStringLiteral("ok")}};
    // Versions and loads tell a stranger what to try.
    if (exchange->holdsToken || !defended("http.health-details")) {
        health.insert(QStringLiteral("version"), services.settings.version);
        health.insert(QStringLiteral("role"), services.settings.role);
        health.insert(QStringLiteral("connections"), services.counters.connections);
        health.insert(QStringLiteral("streams"), services.counters.streams);
    }
    exchange->answer(Reply::json(200, health));
}

void serveMetrics(Services& services, const std::shared_ptr<Exchange>& exchange)
{
    const auto& counters = services.counters;
    Reply reply;
    reply.type = "text/plain; version=0.0.4; charset=utf-8";
    QByteArray& text = reply.body;
    if (services.settings.metrics) {
        text = services.settings.metrics();
        if (!text.isEmpty() && !text.endsWith('\n')) {
            text += '\n';
        }
    }
    addHelp(text, "signalbox_build_info", "gauge", "Version and role of this program.");
    addLine(text,
            "signalbox_build_info",
            1,
            label("version", services.settings.version.toUtf8()) + ',' +
                label("role", services.settings.role.toUtf8()));
    addHelp(text,
            "signalbox_http_requests_total",
            "counter",
            "Requests answered, by route and status.");
    for (const auto& [key, count] : counters.requests) {
        addLine(text,
                "signalbox_http_requests_total",
                count,
                label("route", key.first) + ',' + label("status", QByteArray::number(key.second)));
    }
    addHelp(text, "signalbox_http_connections", "gauge", "Open connections.");
    addLine(text, "signalbox_http_connections", counters.connections);
    addHelp(text, "signalbox_http_streams", "gauge", "Answers that are being streamed.");
    addLine(text, "signalbox_http_streams", counters.streams);
    addHelp(text, "signalbox_http_event_listeners", "gauge", "Listeners of /v1/events.");
    addLine(text, "signalbox_http_event_listeners", counters.listeners);
    addHelp(text,
            "signalbox_http_dropped_listeners_total",
            "counter",
            "Listeners dropped because they did not read.");
    addLine(text, "signalbox_http_dropped_listeners_total", counters.dropped);
    exchange->answer(std::move(reply));
}

void serveModels(Services& services, const std::shared_ptr<Exchange>& exchange)
{
    services.ask(
        protocol::GetSnapshot{},
        [exchange = std::weak_ptr(exchange)](Result<protocol::GetSnapshot::Reply> snapshot) {
            const auto open = exchange.lock();
            if (!open) {
                return;
            }
            if (!snapshot) {
                open->answer(Reply::failure(snapshot.error()));
                return;
            }
            QJsonArray models;
            for (const auto& agent : std::as_const(snapshot->agents)) {
                models.append(
                    QJsonObject{{QStringLiteral("id"), agent.id},
                                {QStringLiteral("object"), QStringLiteral("model")},
                                {QStringLiteral("created"), 0},
                                {QStringLiteral("owned_by"), QStringLiteral("signalbox")}});
            }
            open->answer(Reply::json(200,
                                     {{QStringLiteral("object"), QStringLiteral("list")},
                                      {QStringLiteral("data"), models}}));
        });
}

void serveApprovals(Services& services, const std::shared_ptr<Exchange>& exchange)
{
    protocol::ListApprovals list;
    const auto all = exchange->argument("all");
    list.all = all && *all != "0" && *all != "false";
    list.agent = QString::fromUtf8(exchange->argument("agent").value_or(QByteArray()));
    services.ask(
        std::move(list),
        [exchange = std::weak_ptr(exchange)](Result<protocol::ListApprovals::Reply> reply) {
            if (const auto open = exchange.lock()) {
                open->answer(reply ? Reply::json(200, toJson(*reply))
                                   : Reply::failure(reply.error()));
            }
        });
}

namespace {

Result<protocol::SettleApproval> parseDecision(const QByteArray& body)
{
    SB_TRY(const auto object, parseObject(body));
    protocol::SettleApproval settle;
    settle.by = QStringLiteral("http");
    const QString decision = object.value(u"decision").toString();
    if (decision != u"accept" && decision != u"reject") {
        return fail(ErrorCode::InvalidInput,
                    QStringLiteral("\"decision\" must be \"accept\" or \"reject\"."));
    }
    settle.accept = decision == u"accept";
    const auto note = object.value(u"note");
    if (!note.isUndefined() && !note.isNull() && !note.isString()) {
        return fail(ErrorCode::InvalidInput, QStringLiteral("\"note\" must be a string."));
    }
    settle.note = note.toString();
    const auto arguments = object.value(u"arguments");
    if (!arguments.isUndefined() && !arguments.isNull()) {
        if (!arguments.isObject()) {
            return fail(ErrorCode::InvalidInput,
                        QStringLiteral("\"arguments\" must be an object."));
        }
        if (!settle.accept) {
            return fail(ErrorCode::InvalidInput,
                        QStringLiteral("Only what is accepted can have edited arguments."));
        }
        settle.arguments = arguments.toObject();
    }
    return settle;
}

// Somebody was faster: the answer names who, and what was decided.
void answerSettled(Services& services,
                   const std::shared_ptr<Exchange>& exchange,
                   const QString& id,
                   const Error& error)
{
    services.ask(protocol::GetApproval{id},
                 [exchange = std::weak_ptr(exchange), error](Result<protocol::ApprovalInfo> info) {
                     const auto open = exchange.lock();
                     if (!open) {
                         return;
                     }
                     auto object =
                         errorObject(409, error.message, QStringLiteral("already_settled"));
                     if (info) {
                         object.insert(QStringLiteral("by"), info->by);
                         object.insert(QStringLiteral("state"), enumName(info->state));
                     }
                     open->answer(Reply::json(409, {{QStringLiteral("error"), object}}));
                 });
}

} // namespace

void serveApproval(Services& services, const std::shared_ptr<Exchange>& exchange)
{
    const QString id = QString::fromUtf8(exchange->path.mid(approvalPrefix.size()));
    if (exchange->method != "POST") {
        services.ask(protocol::GetApproval{id},
                     [exchange = std::weak_ptr(exchange)](Result<protocol::ApprovalInfo> reply) {
                         if (const auto open = exchange.lock()) {
                             open->answer(reply ? Reply::json(200, toJson(*reply))
                                                : Reply::failure(reply.error()));
                         }
                     });
        return;
    }
    auto settle = parseDecision(exchange->body);
    if (!settle) {
        exchange->answer(Reply::failure(settle.error()));
        return;
    }
    settle->id = id;
    services.ask(
        *std::move(settle),
        [&services, exchange = std::weak_ptr(exchange), id](Result<protocol::ApprovalInfo> reply) {
            const auto open = exchange.lock();
            if (!open) {
                return;
            }
            if (reply) {
                open->answer(Reply::json(200, toJson(*reply)));
            } else if (reply.error().code == ErrorCode::Conflict) {
                answerSettled(services, open, id, reply.error());
            } else {
                open->answer(Reply::failure(reply.error()));
            }
        });
}

} // namespace sb::server
