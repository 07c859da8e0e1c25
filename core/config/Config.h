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
    qint64 memoryBytes = qint64(2) << 30; ///< of one process of a command
    int processes = 256;                  ///< of one command
    bool operator==(const AgentLimits&) const = default;
};

struct Agent
{
    QString id;
    QString name; ///< for people; the id where none is given
    QString instructions;
    QString workspace;        ///< absolute and clean; it need not exist
    QStringList allowedHosts; ///< "host:port", "*.host:port"; lower case
    QList<policy::Rule> rules;
    AgentLimits limits;
    bool operator==(const Agent&) const = default;
};

struct Approvals
{
    Milliseconds expireAfter{24 * 3600 * 1000};
    bool operator==(const Approvals&) const = default;
};

struct Config
{
    QList<Provider> providers;
    Routes routes;
    QList<Agent> agents;
    Approvals approvals;

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
