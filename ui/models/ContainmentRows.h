#pragma once
#include "core/protocol/Containment.h"
#include "core/protocol/Keys.h"

#include <QAbstractListModel>

/// What holds an agent and what it may reach, as rows, sentences and text to copy.
namespace sb::models {

/// What a row says of itself with an icon and a word.
enum class Mark { Heading, Open, Unknown, Held, Listed, Given, TakenBack, Trusted, Forgotten };

/// "Held", "Open", "Could not be tried", …; nothing for a heading.
QString markWord(Mark mark);
/// A verdict that is not known counts as one that could not be tried: never as held.
Mark markOf(const protocol::ProbeInfo& probe);
/// "Files", "Network", …: what the attempt was after, read from the part of its id before the dot.
QString protectedWord(const QString& probeId);
/// "3 ms".
QString attemptTimeText(qint64 milliseconds);

struct ContainmentRow
{
    Mark mark = Mark::Heading;
    QString id;     ///< of the attempt; "grant:…" or "host:…"; empty for a heading
    QString title;  ///< one line, with hidden characters made visible
    QString second; ///< says less, so it stands below or beside
    bool operator==(const ContainmentRow&) const = default;
};

/// What went through first; then by what they protect, within that what could not be tried first.
QList<ContainmentRow> probeRows(const QList<protocol::ProbeInfo>& probes);
/// The file's hosts, what a person gave and, the newest first, what was taken back.
QList<ContainmentRow> reachRows(const protocol::ContainmentInfo& info, TimeUs now);
/// How reachRows() names a permission.
QString grantRowId(const QString& grant);

/// Publishers whose packages are used, and those that were forgotten since the program started.
QList<ContainmentRow> publisherRows(const QList<protocol::PublisherInfo>& publishers, TimeUs now);

/// The one line of verdict.
struct Headline
{
    enum class State { NotTried, Held, Unsure, Open, Problem };
    State state = State::NotTried;
    QString text;
};
/// `when` is how the time of the attempts is to be written.
Headline headline(const protocol::ContainmentInfo& info, const QString& when);
/// What went through the proxy, in one line.
QString countersText(const protocol::ContainmentInfo& info);

/// Everything that the page shows, to be pasted somewhere.
QString containmentText(const protocol::ContainmentInfo& info);
QString containmentJson(const protocol::ContainmentInfo& info);

/// Rows with headings between; a heading cannot be selected.
class ContainmentRows final : public QAbstractListModel
{
    Q_OBJECT
public:
    enum Role {
        MarkRole = Qt::UserRole + 1, ///< int(Mark)
        SecondRole,
        IdRole,
    };
    explicit ContainmentRows(QObject* parent = nullptr) : QAbstractListModel(parent) {}

    /// Rows that say the same as those before change nothing.
    void setRows(const QList<ContainmentRow>& rows);
    /// The row with that id, or nothing.
    [[nodiscard]] QModelIndex find(const QString& id) const;

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;

private:
    QList<ContainmentRow> m_rows;
};

} // namespace sb::models
