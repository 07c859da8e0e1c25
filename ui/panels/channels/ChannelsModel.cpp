#include "ui/panels/channels/ChannelsModel.h"

#include "ui/widgets/PlainLine.h"

using namespace Qt::StringLiterals;

namespace sb::panels {

int ChannelsModel::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : int(m_rows.size());
}

QString ChannelsModel::titleOf(const protocol::ChannelInfo& channel)
{
    return channel.title.isEmpty() ? tr("New conversation") : widgets::plainLine(channel.title);
}

QVariant ChannelsModel::data(const QModelIndex& index, int role) const
{
    const Row& row = m_rows.at(index.row());
    switch (role) {
    case Qt::DisplayRole:
        return row.heading ? row.agent.id : titleOf(row.channel);
    case HeadingRole:
        return row.heading;
    case UnreadRole:
        return row.unread;
    case Qt::ToolTipRole: {
        QString text = row.heading ? row.agent.workspace : titleOf(row.channel);
        if (row.heading && !row.agent.problem.isEmpty()) {
            text += u'\n' + row.agent.problem;
        }
        return QString(u"<qt>"_s + text.toHtmlEscaped().replace(u'\n', u"<br>"_s) + u"</qt>"_s);
    }
    case Qt::AccessibleTextRole: {
        if (row.heading) {
            return row.agent.problem.isEmpty()
                       ? tr("Agent %1").arg(row.agent.id)
                       : tr("Agent %1, which cannot work: %2").arg(row.agent.id, row.agent.problem);
        }
        QStringList parts{titleOf(row.channel), tr("agent %1").arg(row.channel.agent)};
        if (row.unread) {
            parts.append(tr("unread"));
        }
        if (row.channel.running > 0) {
            parts.append(tr("%n running", nullptr, row.channel.running));
        }
        if (row.channel.waiting > 0) {
            parts.append(tr("%n waiting for you", nullptr, row.channel.waiting));
        }
        parts.append(widgets::plainLine(row.channel.lastText));
        return parts.join(u", "_s);
    }
    default:
        return {};
    }
}

Qt::ItemFlags ChannelsModel::flags(const QModelIndex& index) const
{
    if (!index.isValid() || m_rows.at(index.row()).heading) {
        return Qt::ItemIsEnabled;
    }
    return Qt::ItemIsEnabled | Qt::ItemIsSelectable;
}

void ChannelsModel::setRows(const QList<protocol::AgentInfo>& agents,
                            QList<protocol::ChannelInfo> channels,
                            const QString& filter,
                            const std::function<bool(const protocol::ChannelInfo&)>& unread)
{
    std::ranges::stable_sort(channels, std::ranges::greater{}, &protocol::ChannelInfo::lastTime);
    QList<protocol::AgentInfo> groups = agents;
    for (const auto& channel :
         channels) { // of an agent that is no longer configured, or the tour's
        if (std::ranges::none_of(groups,
                                 [&](const auto& agent) { return agent.id == channel.agent; })) {
            groups.append({.id = channel.agent, .workspace = {}, .model = {}, .problem = {}});
        }
    }
    QHash<QString, QList<Row>> byAgent;
    for (const auto& channel : channels) {
        const bool matches = filter.isEmpty() ||
                             titleOf(channel).contains(filter, Qt::CaseInsensitive) ||
                             channel.agent.contains(filter, Qt::CaseInsensitive) ||
                             channel.lastText.contains(filter, Qt::CaseInsensitive);
        if (matches) {
            Row row;
            row.channel = channel;
            row.unread = unread(channel);
            byAgent[channel.agent].append(row);
        }
    }
    QList<Row> rows;
    for (const auto& agent : groups) {
        const QList<Row> own = byAgent.value(agent.id);
        if (own.isEmpty() && !filter.isEmpty()) {
            continue;
        }
        Row heading;
        heading.heading = true;
        heading.agent = agent;
        rows.append(heading);
        rows += own;
    }
    const auto sameThing = [](const Row& a, const Row& b) {
        return a.heading == b.heading && a.agent.id == b.agent.id &&
               a.channel.agent == b.channel.agent && a.channel.id == b.channel.id;
    };
    if (std::ranges::equal(rows, m_rows, sameThing)) {
        for (int i = 0; i < int(rows.size()); ++i) {
            if (rows.at(i) != m_rows.at(i)) {
                m_rows[i] = rows.at(i);
                Q_EMIT dataChanged(index(i), index(i));
            }
        }
        return;
    }
    beginResetModel();
    m_rows = std::move(rows);
    endResetModel();
}

QModelIndex ChannelsModel::find(const QString& agent, const QString& channel) const
{
    for (int i = 0; i < int(m_rows.size()); ++i) {
        const Row& row = m_rows.at(i);
        if (!row.heading && row.channel.id == channel && row.channel.agent == agent) {
            return index(i);
        }
    }
    return {};
}

int ChannelsModel::channelCount() const
{
    return int(std::ranges::count(m_rows, false, &Row::heading));
}

} // namespace sb::panels
