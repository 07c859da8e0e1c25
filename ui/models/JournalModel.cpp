#include "ui/models/JournalModel.h"

#include "ui/models/EntrySummary.h"
#include "ui/models/Words.h"
#include "ui/widgets/Format.h"

#include <QJsonDocument>
#include <QPointer>

namespace sb::models {

using protocol::Entry;
using protocol::QueryJournal;

namespace {

constexpr int pageSize = 200;

bool isNewer(const Entry& a, const Entry& b)
{
    if (a.agent == b.agent) {
        return a.seq > b.seq; // within a chain seq is the order, whatever the clock did
    }
    return std::tie(a.time, a.agent) > std::tie(b.time, b.agent);
}

std::pair<QString, qint64> keyOf(const Entry& entry)
{
    return {entry.agent, entry.seq};
}

} // namespace

bool JournalFilter::accepts(const Entry& entry) const
{
    if (!agent.isEmpty() && entry.agent != agent) {
        return false;
    }
    if (!kinds.isEmpty() && !kinds.contains(entry.kind)) {
        return false;
    }
    const auto words = text.split(QLatin1Char(' '), Qt::SkipEmptyParts);
    if (words.isEmpty()) {
        return true;
    }
    const auto payload =
        QString::fromUtf8(QJsonDocument(entry.payload).toJson(QJsonDocument::Compact));
    return std::ranges::all_of(
        words, [&](const QString& word) { return payload.contains(word, Qt::CaseInsensitive); });
}

JournalModel::JournalModel(Query query, QObject* parent)
    : QAbstractTableModel(parent), m_query(std::move(query))
{
    m_flush.setSingleShot(true);
    m_flush.setInterval(33);
    connect(&m_flush, &QTimer::timeout, this, &JournalModel::flush);
}

QStringList JournalModel::shownAgents() const
{
    return m_filter.agent.isEmpty() ? m_agents : QStringList{m_filter.agent};
}

void JournalModel::setAgents(const QStringList& agents)
{
    if (agents == m_agents) {
        return;
    }
    m_agents = agents;
    if (m_filter.agent.isEmpty()) {
        reload();
    }
}

void JournalModel::setFilter(const JournalFilter& filter)
{
    if (filter == m_filter) {
        return;
    }
    m_filter = filter;
    reload();
}

// All is in place before the views hear of the reset, for they may ask for more at once.
void JournalModel::restart(Start start)
{
    ++m_generation;
    beginResetModel();
    m_rows.clear();
    m_present.clear();
    m_chains.clear();
    m_arrived.clear();
    m_problem.clear();
    m_target = std::move(start.target);
    m_inFlight = 0;
    m_live = start.before.isEmpty();
    for (const auto& agent : shownAgents()) {
        m_chains[agent].before = start.before.value(agent);
    }
    endResetModel();
    ask();
    Q_EMIT stateChanged();
}

void JournalModel::reload()
{
    restart({});
}

void JournalModel::showAround(const QString& agent, qint64 seq)
{
    m_filter = {.agent = agent, .kinds = {}, .text = {}};
    restart({.before = {{agent, seq + pageSize / 4}}, .target = {agent, seq}});
}

void JournalModel::showOlder()
{
    if (m_rows.isEmpty()) {
        return;
    }
    QHash<QString, qint64> before;
    for (auto chain = m_chains.cbegin(); chain != m_chains.cend(); ++chain) {
        before[chain.key()] =
            chain->buffer.isEmpty() ? chain->before : chain->buffer.first().seq + 1;
    }
    restart({.before = before, .target = {}});
}

// Asks every chain that has nothing left to show and may have more.
void JournalModel::ask()
{
    for (const auto& agent : shownAgents()) {
        auto& chain = m_chains[agent];
        if (!chain.buffer.isEmpty() || !chain.more || chain.asked) {
            continue;
        }
        chain.asked = true;
        ++m_inFlight;
        QueryJournal query;
        query.agent = agent;
        query.before = chain.before;
        query.text = m_filter.text;
        query.limit = pageSize;
        for (const auto kind : m_filter.kinds) {
            query.kinds.append(protocol::kindName(kind));
        }
        m_query(query,
                [self = QPointer(this), agent, generation = m_generation](
                    Result<QueryJournal::Reply> reply) {
                    if (self && self->m_generation == generation) {
                        self->answered(agent, std::move(reply));
                    }
                });
    }
}

void JournalModel::answered(const QString& agent, Result<QueryJournal::Reply> reply)
{
    --m_inFlight;
    auto& chain = m_chains[agent];
    chain.asked = false;
    if (!reply) {
        m_problem = reply.error().message;
        chain.more =
            false; // one failure must not become a storm of questions; reload() starts over
    } else {
        chain.more = reply->more && !reply->entries.isEmpty();
        for (auto& entry : reply->entries) {
            chain.before = entry.seq;
            chain.buffer.append(std::move(entry));
        }
    }
    mergeBuffers();
    if (m_inFlight == 0 && m_target.second != 0) {
        const auto target = std::exchange(m_target, {});
        Q_EMIT found(find(target.first, target.second));
    }
    Q_EMIT stateChanged();
}

void JournalModel::mergeBuffers()
{
    QList<Entry> ready;
    while (true) {
        Chain* newest = nullptr;
        bool mustWait = false;
        for (auto& chain : m_chains) {
            if (chain.buffer.isEmpty()) {
                mustWait = mustWait || chain.more;
            } else if (newest == nullptr || isNewer(chain.buffer.first(), newest->buffer.first())) {
                newest = &chain;
            }
        }
        if (mustWait || newest == nullptr) {
            break;
        }
        if (auto entry = newest->buffer.takeFirst(); !m_present.contains(keyOf(entry))) {
            ready.append(std::move(entry));
        }
    }
    appendRows(ready);
}

void JournalModel::appendRows(const QList<Entry>& entries)
{
    if (entries.isEmpty()) {
        return;
    }
    const int first = int(m_rows.size());
    beginInsertRows({}, first, first + int(entries.size()) - 1);
    for (const auto& entry : entries) {
        m_present.insert(keyOf(entry));
    }
    m_rows.append(entries);
    endInsertRows();
}

void JournalModel::append(const QList<Entry>& entries)
{
    if (!m_live) {
        return;
    }
    for (const auto& entry : entries) {
        if (m_chains.contains(entry.agent) && m_filter.accepts(entry)) {
            m_arrived.append(entry);
        }
    }
    if (m_arrived.size() > maxRows()) {
        m_arrived.remove(0, m_arrived.size() - maxRows());
    }
    if (!m_arrived.isEmpty() && !m_flush.isActive()) {
        m_flush.start();
    }
}

void JournalModel::flush()
{
    QList<Entry> fresh;
    QSet<std::pair<QString, qint64>> seen;
    for (auto& entry : std::exchange(m_arrived, {})) {
        if (const auto key = keyOf(entry); !m_present.contains(key) && !seen.contains(key)) {
            seen.insert(key);
            fresh.append(std::move(entry));
        }
    }
    if (fresh.isEmpty() || !m_live) {
        return;
    }
    std::ranges::stable_sort(fresh, isNewer);
    // Chains are read side by side, so a straggler may be older than the newest row; it is put on
    // top all the same, for rows that somebody reads must not shift.
    beginInsertRows({}, 0, int(fresh.size()) - 1);
    m_present.unite(seen);
    m_rows = fresh + m_rows;
    endInsertRows();
    if (m_rows.size() <= maxRows()) {
        return;
    }
    beginRemoveRows({}, maxRows(), int(m_rows.size()) - 1);
    for (qsizetype row = maxRows(); row < m_rows.size(); ++row) {
        m_present.remove(keyOf(m_rows.at(row)));
        auto& chain = m_chains[m_rows.at(row).agent];
        chain.more = true;
        chain.buffer.clear();
        chain.before = std::max(chain.before, m_rows.at(row).seq + 1);
    }
    m_rows.resize(maxRows());
    endRemoveRows();
}

int JournalModel::find(const QString& agent, qint64 seq) const
{
    if (!m_present.contains({agent, seq})) {
        return -1;
    }
    const auto found = std::ranges::find_if(
        m_rows, [&](const Entry& entry) { return entry.seq == seq && entry.agent == agent; });
    return int(found - m_rows.cbegin());
}

QList<int> JournalModel::causedBy(const QString& agent, qint64 seq) const
{
    const auto near = QString::number(seq);
    const QString far = agent + QLatin1Char(':') + near;
    QList<int> rows;
    for (int row = int(m_rows.size()) - 1; row >= 0; --row) {
        const auto& entry = m_rows.at(row);
        if ((entry.agent == agent && entry.cause == near) || entry.cause == far) {
            rows.append(row);
        }
    }
    return rows;
}

bool JournalModel::isCapped() const
{
    return m_rows.size() >= maxRows() && std::ranges::any_of(m_chains, [](const Chain& chain) {
               return chain.more || !chain.buffer.isEmpty();
           });
}

int JournalModel::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : int(m_rows.size());
}

int JournalModel::columnCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : int(ColumnCount);
}

bool JournalModel::canFetchMore(const QModelIndex& parent) const
{
    return !parent.isValid() && m_inFlight == 0 && m_rows.size() < maxRows() &&
           std::ranges::any_of(m_chains, &Chain::more);
}

void JournalModel::fetchMore(const QModelIndex& parent)
{
    if (canFetchMore(parent)) {
        ask();
        Q_EMIT stateChanged();
    }
}

QVariant JournalModel::data(const QModelIndex& index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) {
        return {};
    }
    const auto& entry = m_rows.at(index.row());
    switch (role) {
    case Qt::DisplayRole:
        switch (index.column()) {
        case Time:
            return timeOfDayText(entry.time);
        case Agent:
            return entry.agent;
        case Kind:
            return protocol::kindName(entry.kind);
        case Process:
            return entry.process;
        case Summary:
            return entrySummary(entry);
        default:
            return {};
        }
    case Qt::ToolTipRole:
        return index.column() == Time ? widgets::exactTimeText(entry.time) : QVariant();
    case Qt::AccessibleTextRole:
        return tr("%1: %2").arg(
            headerData(index.column(), Qt::Horizontal, Qt::DisplayRole).toString(),
            data(index, Qt::DisplayRole).toString());
    case KindRole:
        return int(entry.kind);
    case FailureRole:
        return entryIsFailure(entry);
    default:
        return {};
    }
}

QVariant JournalModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal || role != Qt::DisplayRole) {
        return {};
    }
    switch (section) {
    case Time:
        return tr("Time");
    case Agent:
        return tr("Agent");
    case Kind:
        return tr("Kind");
    case Process:
        return tr("Process");
    case Summary:
        return tr("Summary");
    default:
        return {};
    }
}

} // namespace sb::models
