#pragma once
#include "core/base/Guarded.h"
#include "core/journal/Journal.h"
#include "core/protocol/Containment.h"

namespace sb::approvals {

/// The grants in config.changed entries, as a table.
class GrantProjection final : public journal::Projection
{
public:
    [[nodiscard]] QList<Table> tables() const override;
    Result<> apply(store::Connection& connection, const protocol::Entry& entry) override;
    Result<> erase(store::Connection& connection, const protocol::Entry& entry) override;
};

/// Standing permissions of one agent: what a person allowed "always". Given and taken back by
/// entries of the journal, so that it stays known who did it and why. Safe to use from any thread.
class Grants
{
public:
    /// Reads those in force. The journal must have a GrantProjection.
    Grants(journal::Journal& journal, store::Database& database);

    /// What is in force of a kind ("network": "host:port"); from memory.
    [[nodiscard]] QStringList inForce(const QString& kind) const;
    /// All, newest first, those taken back as well. Blocks on disk.
    Result<QList<protocol::GrantInfo>> list();

    /// Gives a permission; what is in force already stays as it is. `cause` is the seq of the
    /// approval.settled that gave it.
    Future<protocol::GrantInfo> give(QString kind, QString what, QString by, QString cause);
    /// NotFound for an unknown id, Conflict when it was taken back already.
    Future<protocol::GrantInfo> revoke(QString id, QString by);

private:
    journal::Journal& m_journal;
    store::Database& m_database;
    // Shared with what is on its way through the writer.
    std::shared_ptr<Guarded<QList<protocol::GrantInfo>>> m_inForce;
};

} // namespace sb::approvals
