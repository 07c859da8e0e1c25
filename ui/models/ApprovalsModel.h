#pragma once
#include "core/protocol/Values.h"

#include <QAbstractListModel>

namespace sb::models {

/// All approvals that the window knows: those that wait first, the oldest on top; then the settled
/// ones, newest first.
class ApprovalsModel final : public QAbstractListModel
{
    Q_OBJECT
public:
    enum Role {
        IdRole = Qt::UserRole + 1,
        StateRole, ///< int(ApprovalState)
        RiskRole,  ///< int(Risk)
    };

    explicit ApprovalsModel(QObject* parent = nullptr);

    /// Replaces everything, as after a snapshot.
    void reset(const QList<protocol::ApprovalInfo>& approvals);
    /// Inserts or updates. A settled one never becomes a waiting one again: news that come late
    /// change nothing.
    void apply(const protocol::ApprovalInfo& approval);

    [[nodiscard]] const protocol::ApprovalInfo& at(int row) const { return m_rows.at(row); }
    /// The approval with this id, or nothing; the pointer holds until the model changes.
    [[nodiscard]] const protocol::ApprovalInfo* find(const QString& id) const;
    /// The first waiting() rows are those that wait.
    [[nodiscard]] int waiting() const { return m_waiting; }
    [[nodiscard]] static constexpr int maxSettled() { return 200; }

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;

Q_SIGNALS:
    /// Whatever happened, once for each change.
    void changed();

private:
    [[nodiscard]] int place(const protocol::ApprovalInfo& approval) const;
    [[nodiscard]] int row(const QString& id) const;
    void trim();

    QList<protocol::ApprovalInfo> m_rows;
    int m_waiting = 0;
};

} // namespace sb::models
