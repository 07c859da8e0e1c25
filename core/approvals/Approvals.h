#pragma once
#include "core/base/Clock.h"
#include "core/base/Future.h"
#include "core/journal/Journal.h"
#include "core/protocol/Commands.h"

#include <memory>

namespace sb::approvals {

/// The table of an agent's questions to people: a fold of approval.requested and approval.settled.
class ApprovalProjection final : public journal::Projection
{
public:
    [[nodiscard]] QList<Table> tables() const override;
    [[nodiscard]] QJsonObject kept(const protocol::Entry& entry) const override;
    Result<> apply(store::Connection& connection, const protocol::Entry& entry) override;
    Result<> erase(store::Connection& connection, const protocol::Entry& entry) override;
};

/// One agent's questions to people. They persist, are settled once, and expire to "no". Safe to use
/// from any thread.
class Approvals
{
public:
    /// Timers and notices run on the executor. Arms the expiry of those that wait, and settles
    /// those that expired while nobody was there.
    Approvals(journal::Journal& journal,
              store::Database& database,
              Clock& clock,
              Executor& executor,
              Milliseconds timeToLive = std::chrono::hours(24));
    ~Approvals();

    /// Where a question comes from, for its journal entries.
    struct Origin
    {
        QString cause;
        QString traceId{};
    };
    /// Asks. Fills in id, time, expiry (unless given) and state; answers when the question is on
    /// disk.
    Future<protocol::ApprovalInfo> request(protocol::ApprovalInfo draft, Origin origin);
    /// Answers once the question is settled; at once when it already is. NotFound for an unknown
    /// id.
    Future<protocol::ApprovalInfo> settled(QString id);
    /// Decides. Conflict names who was first; NotFound for an unknown id.
    Future<protocol::ApprovalInfo> settle(protocol::SettleApproval decision);
    /// Settles as rejected because nobody needs the answer any more.
    Future<protocol::ApprovalInfo> withdraw(QString id, QString why);

    // Readings; they block on disk.
    Result<QList<protocol::ApprovalInfo>> list(bool all);
    Result<protocol::ApprovalInfo> get(const QString& id);

    /// Every question that is asked or settled, after it is on disk.
    Subscription onChanged(Executor& executor,
                           std::function<void(const protocol::ApprovalInfo&)> listener);

private:
    struct Private;
    std::shared_ptr<Private> m;
};

} // namespace sb::approvals
