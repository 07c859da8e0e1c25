#pragma once
#include "core/base/Clock.h"
#include "core/protocol/Values.h"

#include <QAbstractTableModel>
#include <QHash>
#include <QSortFilterProxyModel>

namespace sb::models {

/// Branches, workers and compactors, alive or ended, a row each. Channels have a panel of their
/// own.
class WorkersModel final : public QAbstractTableModel
{
    Q_OBJECT
public:
    enum Column { Task, Agent, State, Time, ToolCalls, Status, Tokens, ColumnCount };
    enum Role {
        SortRole = Qt::UserRole + 1, ///< comparable values: numbers for numbers
        StateRole,                   ///< int(ProcessState)
        EndedRole,                   ///< bool
        AgentRole,
        IdRole,
    };

    explicit WorkersModel(const Clock& clock, QObject* parent = nullptr);

    /// Replaces everything, as after a snapshot.
    void reset(const QList<protocol::ProcessInfo>& processes);
    /// Inserts or updates; the newest ended ones beyond maxEnded() push the oldest out.
    void apply(const QList<protocol::ProcessInfo>& processes);
    /// Lets the times of the living rows be read again. Nothing else changes.
    void tick();

    [[nodiscard]] static bool hasEnded(const protocol::ProcessInfo& info);
    [[nodiscard]] const protocol::ProcessInfo& at(int row) const { return m_rows.at(row); }
    /// The row of a process, or -1.
    [[nodiscard]] int find(const QString& agent, const QString& id) const;
    /// How many have not ended.
    [[nodiscard]] int alive() const { return m_alive; }
    [[nodiscard]] static constexpr int maxEnded() { return 2000; }

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    [[nodiscard]] qint64 duration(const protocol::ProcessInfo& info) const;
    [[nodiscard]] QString text(const protocol::ProcessInfo& info, int column) const;
    [[nodiscard]] QVariant sortValue(const protocol::ProcessInfo& info, int column) const;
    [[nodiscard]] QString toolTip(const protocol::ProcessInfo& info, int column) const;
    void reindex(int from);
    void trim();

    const Clock& m_clock;
    QList<protocol::ProcessInfo> m_rows; // in the order of their coming
    QHash<std::pair<QString, QString>, int> m_index;
    int m_alive = 0;
};

/// Order and filter of the table: the living first, then the newest; by text, agent and whether
/// ended ones are shown.
class WorkersFilter final : public QSortFilterProxyModel
{
    Q_OBJECT
public:
    explicit WorkersFilter(QObject* parent = nullptr);
    /// Every word must be in the task, the agent's name, the status or the id.
    void setText(const QString& text);
    void setShowEnded(bool show);

protected:
    bool filterAcceptsRow(int row, const QModelIndex& parent) const override;
    bool lessThan(const QModelIndex& left, const QModelIndex& right) const override;

private:
    QStringList m_words;
    bool m_showEnded = true;
};

} // namespace sb::models
