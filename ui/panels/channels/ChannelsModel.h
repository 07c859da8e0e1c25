#pragma once
#include "ui/panels/Panel.h"

#include <QAbstractListModel>

namespace sb::panels {

/// Agents, each followed by its conversations, the newest first. Flat: an agent is a heading among
/// the rows.
class ChannelsModel final : public QAbstractListModel
{
    Q_OBJECT
public:
    enum Role { HeadingRole = Qt::UserRole, ChannelRole, UnreadRole };
    struct Row
    {
        bool heading = false;
        protocol::AgentInfo agent; ///< of a heading
        protocol::ChannelInfo channel;
        bool unread = false;
        bool operator==(const Row&) const = default;
    };

    using QAbstractListModel::QAbstractListModel;
    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] Qt::ItemFlags flags(const QModelIndex& index) const override;

    void setRows(const QList<protocol::AgentInfo>& agents,
                 QList<protocol::ChannelInfo> channels,
                 const QString& filter,
                 const std::function<bool(const protocol::ChannelInfo&)>& unread);
    [[nodiscard]] const Row& row(int index) const { return m_rows.at(index); }
    [[nodiscard]] QModelIndex find(const QString& agent, const QString& channel) const;
    [[nodiscard]] int channelCount() const;
    static QString titleOf(const protocol::ChannelInfo& channel);

private:
    QList<Row> m_rows;
};

} // namespace sb::panels
