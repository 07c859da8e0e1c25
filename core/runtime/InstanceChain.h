#pragma once
#include "core/config/Config.h"
#include "core/journal/Journal.h"
#include "core/runtime/Home.h"
#include "core/secrets/Secrets.h"

namespace sb::runtime {

/// The id under which the instance's own chain is asked for.
QString instanceChainId();

/// The instance's own record, in instance.db: which configuration was in force from when on, and
/// which one was refused.
class InstanceChain
{
public:
    struct Parts
    {
        const Home& home;
        Clock& clock;
        QByteArray signingKey;
        std::function<QJsonObject(QJsonObject)> redact;
        Executor& feed; ///< where the listener is told
        std::function<void(const QList<protocol::Entry>&)> listener;
    };
    /// Blocks on disk. Errors are those of store and journal.
    static Result<std::unique_ptr<InstanceChain>> open(Parts parts);

    /// Writes config.changed when the file is not the one that was recorded last. Blocks on disk.
    Result<> recordConfig(const QString& path, const QStringList& agents);
    /// Writes down that a changed file was not taken, and why.
    void recordRefusal(const QString& path, const QString& why);
    /// Writes down that a key was stored, removed or rotated; never its value.
    void recordKeyChange(const secrets::Change& change);
    /// Writes down what a person decided about a publisher ("forgotten", "trusted again"). Blocks
    /// on disk.
    Result<> recordPublisher(const QString& publisher,
                             const QString& fingerprint,
                             const QString& what,
                             const QString& by);
    /// Writes an incident down that belongs to no agent.
    void recordNotice(const QString& text);

    journal::Journal& journal() { return *m_journal; }

private:
    InstanceChain() = default;
    std::unique_ptr<store::Database> m_database;
    std::unique_ptr<journal::Journal> m_journal;
    Subscription m_entries;
};

} // namespace sb::runtime
