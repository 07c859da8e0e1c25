#include "core/wasm/HostCall.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QUrl>
#include <array>

namespace sb::wasm {

using namespace Qt::StringLiterals;

namespace {

struct Entry
{
    Method method;
    const char* name;
    const char* capability;              ///< empty: needs none
    std::array<const char*, 2> required; ///< parameters that must be texts
};

constexpr std::array entries{
    Entry{Method::TimeNow, "time_now", "", {}},
    Entry{Method::FsRead, "fs_read", "fs_read", {"path"}},
    Entry{Method::FsWrite, "fs_write", "fs_write", {"path", "content"}},
    Entry{Method::FsList, "fs_list", "fs_list", {"path"}},
    Entry{Method::NetFetch, "net_fetch", "net_fetch", {"url"}},
    Entry{Method::ShellExec, "shell_exec", "shell_exec", {"command"}},
    Entry{Method::KvGet, "kv_get", "kv", {"key"}},
    Entry{Method::KvSet, "kv_set", "kv", {"key"}},
    Entry{Method::EnvRead, "env_read", "env_read", {"name"}},
    Entry{Method::AgentSend, "agent_send", "agent_send", {}},
    Entry{Method::AgentSpawn, "agent_spawn", "agent_spawn", {}},
};

// One word for sh, whatever it holds.
QString quoted(const QString& word)
{
    return u'\'' + QString(word).replace(u'\'', u"'\\''"_s) + u'\'';
}

// OpenFang's guests give a program and its arguments; a command alone is a line for the shell.
QString commandLine(const QJsonObject& params)
{
    const QString command = params.value(u"command"_s).toString();
    if (!params.contains(u"args"_s)) {
        return command;
    }
    QStringList words{quoted(command)};
    for (const auto& argument : params.value(u"args"_s).toArray()) {
        words.append(quoted(argument.toString()));
    }
    return words.join(u' ');
}

// "host:port" of a net_fetch capability, the port empty where it says none.
std::pair<QString, QString> hostAndPort(const QString& text)
{
    const auto colon = text.lastIndexOf(u':');
    if (colon < 0 || text.endsWith(u']')) {
        return {text, {}};
    }
    return {text.left(colon), text.mid(colon + 1)};
}

bool hostMatches(const QString& pattern, const QString& host)
{
    if (pattern == u"*" || pattern.compare(host, Qt::CaseInsensitive) == 0) {
        return true;
    }
    // "*.example.com" is everything below example.com, and not example.com.
    return pattern.startsWith(u"*.") && pattern.size() > 2 &&
           host.endsWith(QStringView(pattern).mid(1), Qt::CaseInsensitive) &&
           host.size() > pattern.size() - 1;
}

bool gives(const QString& capability, const QString& needed)
{
    const QString kind = needed.section(u':', 0, 0);
    if (kind != u"net_fetch") {
        return capability == needed;
    }
    if (capability.section(u':', 0, 0) != kind) {
        return false;
    }
    const auto [pattern, patternPort] = hostAndPort(capability.mid(kind.size() + 1));
    const auto [host, port] = hostAndPort(needed.mid(kind.size() + 1));
    const bool usual = port == u"443" || port == u"80";
    return hostMatches(pattern, host) &&
           (patternPort.isEmpty() ? usual : patternPort == u"*" || patternPort == port);
}

} // namespace

Result<HostCall> readHostCall(const QByteArray& json)
{
    const auto document = QJsonDocument::fromJson(json);
    if (!document.isObject()) {
        return fail(ErrorCode::InvalidInput, u"A host call must be a JSON object."_s);
    }
    const QJsonObject object = document.object();
    const QString name = object.value(u"method"_s).toString();
    for (const Entry& entry : entries) {
        if (name != QLatin1StringView(entry.name)) {
            continue;
        }
        const QJsonValue params = object.value(u"params"_s);
        if (!params.isObject() && !params.isUndefined() && !params.isNull()) {
            return fail(ErrorCode::InvalidInput, u"\"params\" must be an object."_s);
        }
        HostCall call{entry.method, params.toObject()};
        for (const char* key : entry.required) {
            if (key != nullptr && !call.params.value(QLatin1StringView(key)).isString()) {
                return fail(ErrorCode::InvalidInput,
                            u"%1 needs the text \"%2\"."_s.arg(name, QLatin1StringView(key)));
            }
        }
        return call;
    }
    return fail(ErrorCode::InvalidInput,
                u"There is no host call \"%1\"."_s.arg(name.left(60).simplified()));
}

QByteArray okAnswer(const QJsonValue& value)
{
    return QJsonDocument(QJsonObject{{u"ok"_s, value}}).toJson(QJsonDocument::Compact);
}

QByteArray errorAnswer(const QString& sentence)
{
    return QJsonDocument(QJsonObject{{u"error"_s, sentence}}).toJson(QJsonDocument::Compact);
}

std::optional<ToolRequest> toolFor(const HostCall& call)
{
    const QJsonObject& params = call.params;
    const auto only = [&](std::initializer_list<QString> names) {
        QJsonObject kept;
        for (const auto& name : names) {
            if (params.contains(name)) {
                kept.insert(name, params.value(name));
            }
        }
        return kept;
    };
    switch (call.method) {
    case Method::FsRead:
        return ToolRequest{u"file_read"_s, only({u"path"_s})};
    case Method::FsWrite:
        return ToolRequest{u"file_write"_s, only({u"path"_s, u"content"_s})};
    case Method::FsList:
        return ToolRequest{u"file_list"_s, only({u"path"_s})};
    case Method::NetFetch:
        return ToolRequest{u"web_fetch"_s, only({u"url"_s})};
    case Method::ShellExec:
        return ToolRequest{u"shell"_s, {{u"command"_s, commandLine(params)}}};
    case Method::TimeNow:
    case Method::KvGet:
    case Method::KvSet:
    case Method::EnvRead:
    case Method::AgentSend:
    case Method::AgentSpawn:
        return std::nullopt;
    }
    return std::nullopt;
}

Result<QString> neededCapability(const HostCall& call)
{
    if (call.method == Method::NetFetch) {
        const QUrl url(call.params.value(u"url"_s).toString(), QUrl::StrictMode);
        const bool isWeb = url.scheme() == u"https" || url.scheme() == u"http";
        if (!url.isValid() || !isWeb || url.host().isEmpty()) {
            return fail(ErrorCode::InvalidInput, u"net_fetch needs an http or https address."_s);
        }
        return u"net_fetch:%1:%2"_s.arg(url.host())
            .arg(url.port(url.scheme() == u"https" ? 443 : 80));
    }
    for (const Entry& entry : entries) {
        if (entry.method == call.method) {
            return QString::fromLatin1(entry.capability);
        }
    }
    return QString();
}

bool covers(const QStringList& capabilities, const QString& needed)
{
    return needed.isEmpty() || std::ranges::any_of(capabilities, [&](const QString& one) {
               return gives(one, needed);
           });
}

Result<> checkCapability(const QString& capability)
{
    if (capability.startsWith(u"net_fetch:") && capability.size() > 10) {
        return {};
    }
    static const QStringList known{
        u"fs_read"_s, u"fs_write"_s, u"fs_list"_s, u"shell_exec"_s, u"kv"_s};
    if (known.contains(capability)) {
        return {};
    }
    return fail(ErrorCode::InvalidInput,
                u"A WebAssembly tool cannot have the capability \"%1\"; there are %2 and "
                "net_fetch:HOST."_s.arg(capability, known.join(u", "_s)));
}

} // namespace sb::wasm
