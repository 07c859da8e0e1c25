#pragma once
#include "core/base/Result.h"
#include "core/protocol/Commands.h"

#include <QAbstractTableModel>
#include <QHash>
#include <QSet>
#include <QTimer>
#include <functional>

namespace sb::models {

/// What the journal's table is narrowed to.
struct JournalFilter
{
    QString agent;               ///< one chain; empty: all of setAgents()
    QList<protocol::Kind> kinds; ///< empty: all
    QString text;                ///< words that the payload contains
    bool operator==(const JournalFilter&) const = default;

    /// Whether a new entry belongs into the table.
    [[nodiscard]] bool accepts(const protocol::Entry& entry) const;
};

/// Journal entries, newest first, over one chain or merged over all by time. Older ones are asked
/// for page by page as the view needs them; new ones are put on top once a frame. It holds at most
/// maxRows() entries: above that the oldest leave, and can be asked for again.
class JournalModel final : public QAbstractTableModel
{
    Q_OBJECT
public:
    enum Column { Time, Agent, Kind, Process, Summary, ColumnCount };
    enum Role {
        KindRole = Qt::UserRole + 1, ///< int(protocol::Kind)
        FailureRole,                 ///< bool: the entry tells of a failure
    };
    using Answer = std::function<void(Result<protocol::QueryJournal::Reply>)>;
    /// Sends a query and answers in the model's thread, now or later.
    using Query = std::function<void(const protocol::QueryJournal&, Answer)>;

    explicit JournalModel(Query query, QObject* parent = nullptr);

    /// The chains there are; asks anew when that changes what is shown.
    void setAgents(const QStringList& agents);
    void setFilter(const JournalFilter& filter);
    [[nodiscard]] const JournalFilter& filter() const { return m_filter; }
    /// Throws the rows away and asks for the newest page.
    void reload();
    /// Shows one chain around an entry, without filter by kind or text; found() follows.
    void showAround(const QString& agent, qint64 seq);
    /// Goes on with entries older than the last row where the cap stopped paging; newer ones are
    /// left behind.
    void showOlder();
    /// New entries, as they are appended.
    void append(const QList<protocol::Entry>& entries);

    [[nodiscard]] const protocol::Entry& at(int row) const { return m_rows.at(row); }
    /// The row of an entry, or -1.
    [[nodiscard]] int find(const QString& agent, qint64 seq) const;
    /// Rows of the entries that name this one as their cause, of those that are loaded.
    [[nodiscard]] QList<int> causedBy(const QString& agent, qint64 seq) const;
    /// An answer is awaited.
    [[nodiscard]] bool isLoading() const { return m_inFlight > 0; }
    /// Why the last question failed; empty when it didn't.
    [[nodiscard]] const QString& problem() const { return m_problem; }
    /// The rows are the newest there are, and new ones are put on top.
    [[nodiscard]] bool isLive() const { return m_live; }
    /// Older ones exist but the cap is reached.
    [[nodiscard]] bool isCapped() const;
    [[nodiscard]] static constexpr int maxRows() { return 4000; }

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    bool canFetchMore(const QModelIndex& parent) const override;
    void fetchMore(const QModelIndex& parent) override;

Q_SIGNALS:
    /// Loading began or ended, or a problem came or went.
    void stateChanged();
    /// showAround() is done; row is -1 when there is no such entry.
    void found(int row);

private:
    // Where the reading of one chain stands. `buffer` holds what was read but cannot be shown yet,
    // because another chain may still have something newer.
    struct Chain
    {
        QList<protocol::Entry> buffer; // newest first
        qint64 before = 0;
        bool more = true;
        bool asked = false;
    };

    struct Start
    {
        QHash<QString, qint64>
            before; // where to read from in each chain; empty: from the end, and live
        std::pair<QString, qint64> target; // an entry to be found; seq 0: none
    };

    void restart(Start start);
    void ask();
    void answered(const QString& agent, Result<protocol::QueryJournal::Reply> reply);
    void mergeBuffers();
    void appendRows(const QList<protocol::Entry>& entries);
    void flush();
    [[nodiscard]] QStringList shownAgents() const;

    Query m_query;
    QStringList m_agents;
    JournalFilter m_filter;
    QList<protocol::Entry> m_rows;
    QSet<std::pair<QString, qint64>> m_present;
    QHash<QString, Chain> m_chains;
    QList<protocol::Entry> m_arrived; // not in the table yet, oldest first
    QTimer m_flush;
    QString m_problem;
    std::pair<QString, qint64> m_target;
    quint64 m_generation = 0;
    int m_inFlight = 0;
    bool m_live = true;
};

} // namespace sb::models
