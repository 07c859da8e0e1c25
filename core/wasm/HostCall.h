#pragma once
#include "core/base/Result.h"

#include <QByteArray>
#include <QJsonObject>
#include <QString>
#include <QStringList>

namespace sb::wasm {

enum class Method {
    TimeNow,
    FsRead,
    FsWrite,
    FsList,
    NetFetch,
    ShellExec,
    KvGet,
    KvSet,
    EnvRead,
    AgentSend,
    AgentSpawn,
};

/// A request of a guest: {"method": "fs_read", "params": {"path": "notes.txt"}}.
struct HostCall
{
    Method method = Method::TimeNow;
    QJsonObject params;
};

/// Reads a request. InvalidInput, in a sentence for the guest's author, for anything else: no
/// object, an unknown method, a parameter that is missing or no text.
Result<HostCall> readHostCall(const QByteArray& json);

/// {"ok": value} or {"error": "…"}.
QByteArray okAnswer(const QJsonValue& value);
QByteArray errorAnswer(const QString& sentence);

/// The tool that does it, and with which arguments: fs_read is file_read, shell_exec is shell …
struct ToolRequest
{
    QString tool;
    QJsonObject arguments;
};
/// Nothing for what is no tool of the agent's: time, the skill's store, and what is always refused.
std::optional<ToolRequest> toolFor(const HostCall& call);

/// What the request needs: "fs_read", "net_fetch:example.com:443", "shell_exec", "kv" …; empty for
/// what everybody may (time_now). InvalidInput where that can't be told: an address without a host.
Result<QString> neededCapability(const HostCall& call);

/// Whether one of these capabilities gives what is needed. "net_fetch:*.example.com" gives every
/// host below it on the usual ports, "net_fetch:example.com:8443" that port, "net_fetch:*" all.
bool covers(const QStringList& capabilities, const QString& needed);

/// InvalidInput for a capability that does not exist; a manifest's mistake is told, not ignored.
Result<> checkCapability(const QString& capability);

} // namespace sb::wasm
