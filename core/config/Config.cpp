#include "core/config/Config.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>

using namespace Qt::StringLiterals;

namespace sb::config {

QList<Route> Routes::chain(const QString& process) const
{
    QList<Route> routes{byProcess.value(process, standard)};
    for (const Route& route : fallback) {
        if (!routes.contains(route)) {
            routes.append(route);
        }
    }
    return routes;
}

QStringList Config::keyReferences() const
{
    QStringList references;
    const auto add = [&](const QString& reference) {
        if (!reference.isEmpty() && !references.contains(reference)) {
            references.append(reference);
        }
    };
    for (const Provider& provider : providers) {
        add(provider.key);
    }
    for (const Agent& agent : agents) {
        for (const Injection& injection : agent.network.injections) {
            add(injection.key);
        }
    }
    if (secrets.hashicorp) {
        add(secrets.hashicorp->token);
    }
    return references;
}

const Agent* Config::agent(QStringView id) const
{
    const auto found = std::ranges::find(agents, id, &Agent::id);
    return found == agents.end() ? nullptr : &*found;
}

const Provider* Config::provider(QStringView id) const
{
    const auto found = std::ranges::find(providers, id, &Provider::id);
    return found == providers.end() ? nullptr : &*found;
}

bool isAgentId(QStringView id)
{
    return !id.isEmpty() && id.size() <= 64 && id != u"_instance" &&
           std::ranges::all_of(id, [](QChar c) {
               return (c >= u'a' && c <= u'z') || (c >= u'0' && c <= u'9') || c == u'_' ||
                      c == u'-';
           });
}

Result<Config> load(const QString& path, const QString& home)
{
    const QFileInfo info(path);
    if (!info.exists()) {
        return fail(ErrorCode::NotFound,
                    u"There is no %1 in %2; \"signalbox-node init\" writes one."_s.arg(
                        info.fileName(), info.absolutePath()),
                    path);
    }
    if (info.isDir()) {
        return fail(ErrorCode::InvalidInput, u"%1 is a folder, not a file."_s.arg(path), path);
    }
    if (!info.isFile()) {
        return fail(ErrorCode::InvalidInput, u"%1 is not a regular file."_s.arg(path), path);
    }
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly)) {
        return fail(
            ErrorCode::Io, u"%1 cannot be read (%2)."_s.arg(path, file.errorString()), path);
    }
    const QByteArray bytes = file.read((1 << 20) + 1); // one byte more than parse() takes
    if (file.error() != QFileDevice::NoError) {
        return fail(
            ErrorCode::Io, u"%1 cannot be read (%2)."_s.arg(path, file.errorString()), path);
    }
    auto config = parse(bytes, info.fileName(), {home, info.absolutePath()});
    if (!config) {
        config.error().context = path;
    }
    return config;
}

QByteArray starterYaml(const QString& workspace)
{
    // A path in double quotes needs these two characters escaped, and nothing else that a path may
    // hold by right.
    QString path = workspace;
    path.replace(u'\\', u"\\\\"_s)
        .replace(u'"', u"\\\""_s)
        .replace(u'\n', u"\\n"_s)
        .replace(u'\t', u"\\t"_s);
    return QByteArray(
               R"yaml(# Signalbox's configuration. It is read again whenever it changes; a mistake keeps what was valid before.

models:
  # Keys are references, never values: env:NAME, keychain:NAME, file:PATH, vault:NAME or "exec:pass show NAME".
  # "signalbox-node secrets set NAME" stores one and says how it is named here.
  providers:
    # Any service that speaks OpenAI's chat completions: a local one …
    - {id: local, api: openai-chat, base_url: "http://127.0.0.1:11434/v1"}
    # … or one with a key:
    # - {id: openai, api: openai-chat, base_url: "https://api.openai.com/v1", key: "env:OPENAI_API_KEY"}
    # - {id: claude, api: anthropic, key: "keychain:anthropic"}

  # provider/model, by type of process: channel, branch, worker, compactor, cortex. What is not named takes the default.
  routes:
    default: local/llama3.1
    # worker: claude/claude-sonnet-4-5
    # fallback: [openai/gpt-4.1-mini]     # tried in turn when a route does not answer

agents:
  - id: assistant
    # The one folder that the agent can see and change.
    workspace: "@WORKSPACE@"
    # instructions: Answer briefly. Run the tests before you commit.

    # Addresses that it may reach, as host:port or *.host:port. Everything else is forbidden.
    # With "inject" the proxy puts a key into requests to one host; the sandbox sees the placeholder only.
    # network: {allow: ["gitlab.com:443"], inject: [{host: "gitlab.com:443", header: Authorization, placeholder: "signalbox:gitlab", key: "env:GITLAB_TOKEN"}]}

    # Without a rule: reading and writing inside the workspace is allowed (writes can be undone), running a command
    # asks you, leaving the workspace is forbidden. Deny beats ask beats allow, whatever the order.
    policy:
      - {match: "shell(git push *)", decide: ask, risk: high}
      # - {match: "shell(make test)", decide: allow}
      # - {match: "file_write(secrets/*)", decide: deny}

    # Which other agents may recall what this one remembers:
    # memory: {readers: [another]}

approvals:
  # No answer by then means no.
  expire_after: 24h

# What recall compares memories with; the built-in way needs nothing. A provider's model, or an ONNX model in a folder:
# memory: {embeddings: {provider: local, model: nomic-embed-text}}
# memory: {embeddings: {folder: ~/models/all-MiniLM-L6-v2}}
)yaml")
        .replace("@WORKSPACE@", path.toUtf8());
}

QString workspaceProblem(const Agent& agent, const QString& home)
{
    const QFileInfo info(agent.workspace);
    if (!info.exists()) {
        return u"The workspace %1 does not exist."_s.arg(agent.workspace);
    }
    if (!info.isDir()) {
        return u"The workspace %1 is not a folder."_s.arg(agent.workspace);
    }
    const QString real = info.canonicalFilePath();
    if (real == "/"_L1 || real.isEmpty()) {
        return u"The workspace must not be the whole file system."_s;
    }
    if (!home.isEmpty() && real == QFileInfo(home).canonicalFilePath()) {
        return u"The workspace must not be the whole home folder, which holds keys; name a folder inside it."_s;
    }
    if (!info.isReadable() || !info.isExecutable()) {
        return u"The workspace %1 cannot be read."_s.arg(agent.workspace);
    }
    if (!info.isWritable()) {
        return u"The workspace %1 is not writable."_s.arg(agent.workspace);
    }
    return {};
}

Result<> writeStarter(const QString& path, const QString& workspace)
{
    QFile file(path);
    // Never over a file that is there: it may hold days of somebody's rules.
    if (!file.open(QIODevice::WriteOnly | QIODevice::NewOnly)) {
        if (file.exists()) {
            return fail(ErrorCode::Conflict,
                        QStringLiteral("%1 is there already; it was left as it is.").arg(path),
                        path);
        }
        return fail(ErrorCode::Io,
                    QStringLiteral("%1 cannot be written: %2.").arg(path, file.errorString()),
                    path);
    }
    const QByteArray yaml = starterYaml(workspace);
    if (file.write(yaml) != yaml.size() || !file.flush()) {
        const QString why = file.errorString();
        file.remove();
        return fail(
            ErrorCode::Io, QStringLiteral("%1 cannot be written: %2.").arg(path, why), path);
    }
    if (!QDir().mkpath(workspace)) {
        return fail(ErrorCode::Io,
                    QStringLiteral("The workspace %1 cannot be made.").arg(workspace),
                    workspace);
    }
    return {};
}

} // namespace sb::config
