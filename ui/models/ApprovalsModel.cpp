#include "ui/models/ApprovalsModel.h"

#include "ui/widgets/Badge.h"

namespace sb::models {

using protocol::ApprovalInfo;
using protocol::ApprovalState;

namespace {

bool isWaiting(const ApprovalInfo& approval)
{
    return approval.state == ApprovalState::Waiting;
}

// Ids break ties, so that the order is the same in every window.
bool standsBefore(const ApprovalInfo& a, const ApprovalInfo& b)
{
    if (isWaiting(a) != isWaiting(b)) {
        return isWaiting(a);
    }
    if (isWaiting(a)) {
        return std::tie(a.requestedAt, a.id) < std::tie(b.requestedAt, b.id);
    }
    return std::tie(b.settledAt, b.id) < std::tie(a.settledAt, a.id);
}

} // namespace

ApprovalsModel::ApprovalsModel(QObject* parent) : QAbstractListModel(parent) {}

void ApprovalsModel::reset(const QList<ApprovalInfo>& approvals)
{
    beginResetModel();
    m_rows = approvals;
    std::ranges::sort(m_rows, standsBefore);
    m_waiting = int(std::ranges::count_if(m_rows, isWaiting));
    if (m_rows.size() > m_waiting + maxSettled()) {
        m_rows.resize(m_waiting + maxSettled());
    }
    endResetModel();
    Q_EMIT changed();
}

void ApprovalsModel::apply(const ApprovalInfo& approval)
{
    const int known = row(approval.id);
    if (known < 0) {
        const int at = place(approval);
        beginInsertRows({}, at, at);
        m_rows.insert(at, approval);
        m_waiting += isWaiting(approval) ? 1 : 0;
        endInsertRows();
        trim();
        Q_EMIT changed();
        return;
    }
    const auto old = m_rows.at(known);
    if (old == approval || (!isWaiting(old) && isWaiting(approval))) {
        return;
    }
    // Its new place among the others, as if it were not there.
    int at = place(approval);
    if (at > known + 1 || at < known) {
        beginMoveRows({}, known, known, {}, at);
        m_rows.removeAt(known);
        at -= at > known ? 1 : 0;
        m_rows.insert(at, old);
        m_waiting += int(isWaiting(approval)) - int(isWaiting(old));
        m_rows[at] = approval;
        endMoveRows();
    } else {
        m_waiting += int(isWaiting(approval)) - int(isWaiting(old));
        at = known;
        m_rows[at] = approval;
    }
    Q_EMIT dataChanged(index(at), index(at));
    trim();
    Q_EMIT changed();
}

int ApprovalsModel::place(const ApprovalInfo& approval) const
{
    // A row that has to move stands in the wrong order itself, so a binary search could be led
    // astray.
    for (int at = 0; at < m_rows.size(); ++at) {
        if (m_rows.at(at).id != approval.id && standsBefore(approval, m_rows.at(at))) {
            return at;
        }
    }
    return int(m_rows.size());
}

int ApprovalsModel::row(const QString& id) const
{
    const auto found = std::ranges::find(m_rows, id, &ApprovalInfo::id);
    return found == m_rows.cend() ? -1 : int(found - m_rows.cbegin());
}

const ApprovalInfo* ApprovalsModel::find(const QString& id) const
{
    const int found = row(id);
    return found < 0 ? nullptr : &m_rows.at(found);
}

void ApprovalsModel::trim()
{
    const int keep = m_waiting + maxSettled();
    if (m_rows.size() > keep) {
        beginRemoveRows({}, keep, int(m_rows.size()) - 1);
        m_rows.resize(keep);
        endRemoveRows();
    }
}

int ApprovalsModel::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : int(m_rows.size());
}

QVariant ApprovalsModel::data(const QModelIndex& index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) {
        return {};
    }
    const auto& approval = m_rows.at(index.row());
    switch (role) {
    case Qt::DisplayRole:
        return approval.command.isEmpty() ? approval.tool : approval.command;
    case Qt::AccessibleTextRole:
        return tr("%1, %2, %3: %4")
            .arg(widgets::approvalBadge(approval.state).word,
                 widgets::riskBadge(approval.risk).word,
                 approval.tool,
                 approval.command);
    case IdRole:
        return approval.id;
    case StateRole:
        return int(approval.state);
    case RiskRole:
        return int(approval.risk);
    default:
        return {};
    }
}

} // namespace sb::models
