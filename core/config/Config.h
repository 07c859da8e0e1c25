#pragma once
#include "core/base/Clock.h"
#include "core/base/Result.h"
#include "core/policy/Policy.h"

#include <QMap>
#include <QString>
#include <QStringList>
#include <optional>

/// signalbox.yaml as a value. README.md lists the keys.
namespace sb::config {

enum class Api { OpenAiChat, Anthropic, Rehearsal };

/// US dollars per million tokens.
struct Price
{
    double input = 0;
    double output = 0;
    double cachedInput = 0;
    bool operator==(const Price&) const = default;
};

struct Provider
{
    QString id;
    Api api = Api::OpenAiChat;
    QString baseUrl; ///< without a slash at the end; empty: the service's public address
    QString key; ///< a reference, never a value; empty: none is sent. A file's path is absolute.
    std::optional<Milliseconds> firstByteTimeout;
    std::optional<Milliseconds> idleTimeout;
    std::optional<Milliseconds> totalTimeout;
    QMap<QString, Price> prices; ///< by model
    QString script; ///< Rehearsal: absolute path of the trajectory; empty: the bundled one
    bool operator==(const Provider&) const = default;
};

/// "provider/model"; the model's own name may hold slashes.
struct Route
{
    QString provider;
    QString model;
    [[nodiscard]] QString text() const { return provider + u'/' + model; }
    bool operator==(const Route&) const = default;
};

struct Routes
{
    Route standard;                 ///< `default`
    QMap<QString, Route> byProcess; ///< "channel", "branch", "worker", "compactor", "cortex"
    QList<Route> fallback;
    /// What to try for a type of process, in order, each once.
    [[nodiscard]] QList<Route> chain(const QString& process) const;
    bool operator==(const Routes&) const = default;
};

struct AgentLimits
{
    int workers = 8;         ///< at once
    int branches = 4;        ///< at once
    int toolCalls = 200;     ///< of one worker
    int outputTokens = 4096; ///< of one model answer
    Milliseconds commandTimeout{60'000};
    qint64 memoryBytes = qint64(2) << 30;     ///< of one process of a command
    int processes = 256;                      ///< of one command
    int openFiles = 1024;                     ///< of each process of a command
    int cpuSeconds = 600;                     ///< of one command, all its processes together
    qint64 tmpBytes = qint64(256) << 20;      ///< /tmp and /dev/shm of a command, each
    qint64 workspaceBytes = qint64(16) << 30; ///< what one command may add to the workspace
    bool operator==(const AgentLimits&) const = default;
};

/// A key that the egress proxy puts into the plain requests to one host, in the place of a word
/// that is worth nothing elsewhere: the sandbox never sees the key.
struct Injection
{
    QString host;        ///< "gitlab.com:443": one host, no wildcard; lower case
    QString header;      ///< the field that it is put into, as written
    QString placeholder; ///< what the sandbox sends for the key
    QString key;         ///< a reference, never a value
    bool operator==(const Injection&) const = default;
};

struct Network
{
    QList<Injection> injections;
    qint64 bytesPerDay = qint64(2) << 30; ///< both ways together
    int connections = 64;                 ///< at once
    bool operator==(const Network&) const = default;
};

/// What an agent's memory is to others, and to its prompts.
struct AgentMemory
{
    QStringList readers;     ///< agents that may recall from it
    int bulletinWords = 500; ///< the most that a bulletin may hold
    bool operator==(const AgentMemory&) const = default;
};

struct Agent
{
    QString id;
    QString name; ///< for people; the id where none is given
    QString instructions;
    QString workspace;        ///< absolute and clean; it need not exist
    QStringList allowedHosts; ///< "host:port", "*.host:port"; lower case
    Network network;
    QList<policy::Rule> rules;
    taint::Settings taint; ///< what labels do at the sinks
    QStringList skills;    ///< installed packages: "publisher/name", or "name" alone
    AgentMemory memory;
    AgentLimits limits;
    bool operator==(const Agent&) const = default;
};

struct Approvals
{
    Milliseconds expireAfter{24 * 3600 * 1000};
    bool operator==(const Approvals&) const = default;
};

/// Where "hashicorp:PATH#FIELD" is asked: KV version 2 of HashiCorp Vault (or OpenBao).
struct HashiCorp
{
    QString address;   ///< https://…, or http:// on this machine; without a slash at the end
    QString token;     ///< a reference, never a value
    QString nameSpace; ///< may be empty
    QString mount;     ///< of the KV engine
    bool operator==(const HashiCorp&) const = default;
};

struct Stores
{
    std::optional<HashiCorp> hashicorp;
    bool operator==(const Stores&) const = default;
};

/// What makes vectors of memories: a provider's model, a model in a folder, or (all empty) the
/// built-in one.
struct Embeddings
{
    QString provider; ///< its id
    QString model;
    QString folder; ///< absolute
    bool operator==(const Embeddings&) const = default;
};

struct Memory
{
    Embeddings embeddings;
    bool operator==(const Memory&) const = default;
};

struct Config
{
    QList<Provider> providers;
    Routes routes;
    QList<Agent> agents;
    Approvals approvals;
    Stores secrets;
    Memory memory;

    /// Each reference to a key that the file names, once, in its order.
    [[nodiscard]] QStringList keyReferences() const;
    /// nullptr when there is none.
    [[nodiscard]] const Agent* agent(QStringView id) const;
    [[nodiscard]] const Provider* provider(QStringView id) const;
    bool operator==(const Config&) const = default;
};

/// What paths are relative to.
struct Environment
{
    QString home;   ///< what ~ stands for
    QString folder; ///< of the file
};

/// Reads and checks a whole file. The error's message starts with "fileName:line:column: " and is
/// one sentence.
Result<Config>
parse(const QByteArray& yaml, const QString& fileName, const Environment& environment);

/// The same for a file on disk. NotFound where there is none, Io where it cannot be read.
Result<Config> load(const QString& path, const QString& home);

/// A commented signalbox.yaml with the agent "assistant"; it parses as it stands.
QByteArray starterYaml(const QString& workspace);

/// Writes that file, and makes the workspace. Conflict when there is a file already: it is left as
/// it is.
Result<> writeStarter(const QString& path, const QString& workspace);

/// Why the agent cannot work on this machine now (its workspace is missing or not writable …): one
/// sentence, or empty. Looks at the disk.
QString workspaceProblem(const Agent& agent, const QString& home);

/// Whether an agent may have this id: [a-z0-9_-], 1 to 64, and not "_instance".
bool isAgentId(QStringView id);

} // namespace sb::config
