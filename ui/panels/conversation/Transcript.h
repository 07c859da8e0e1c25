#pragma once
#include "core/protocol/Values.h"

#include <QObject>

namespace sb::panels {

/// The items of one conversation in the order in which they are shown: by seq, tools below the
/// delegate that they belong to. A reply that is being written is one more row at the end.
class Transcript final : public QObject
{
    Q_OBJECT
public:
    struct Row
    {
        protocol::TranscriptItem item;
        bool open = false;      ///< a tool or delegate that is unfolded
        bool hidden = false;    ///< inside a folded delegate
        bool child = false;     ///< under a delegate: indented
        bool streaming = false; ///< the reply that is being written
        qint64 duration = 0;    ///< of an ended delegate, in µs; 0: not known
    };

    Transcript(QString agent, QString channel, QObject* parent = nullptr);

    [[nodiscard]] const QString& agent() const { return m_agent; }
    [[nodiscard]] const QString& channel() const { return m_channel; }
    [[nodiscard]] int count() const { return int(m_rows.size()); }
    [[nodiscard]] const Row& row(int index) const { return m_rows.at(index); }
    [[nodiscard]] int indexOf(const QString& itemId) const; ///< -1: not here
    [[nodiscard]] int indexOfSeq(qint64 seq) const; ///< the item of that entry; -1: not here
    [[nodiscard]] qint64 firstSeq() const;          ///< of the oldest item; 0 without any
    [[nodiscard]] bool hasOlder() const { return m_older; }
    [[nodiscard]] bool isLoaded() const { return m_loaded; }
    [[nodiscard]] bool isStreaming() const;

    /// Who knows how long a process took, in µs; 0: not known.
    void setDurations(std::function<qint64(const QString& process)> durations);
    /// Its duration may be known now.
    void processEnded(const QString& process);

    /// A page of older items, or the first page.
    void addPage(const QList<protocol::TranscriptItem>& items, bool older);
    /// A new or changed item. A message of the agent ends the reply that was being written.
    void upsert(const protocol::TranscriptItem& item);
    /// The next piece of a reply; an empty one begins it anew.
    void stream(const QString& process, const QString& text);
    void endStream();
    void setOpen(int index, bool open);
    /// Forgets everything, for a fresh start after events were lost.
    void clear();

Q_SIGNALS:
    void reset();
    void inserted(int first, int count);
    void removed(int index);
    void changed(int index);  ///< its text, state or fold
    void visibilityChanged(); ///< children were hidden or shown
    void streamed(int index); ///< text was added at the end of that row

private:
    [[nodiscard]] int placeOf(const protocol::TranscriptItem& item) const;
    [[nodiscard]] Row makeRow(const protocol::TranscriptItem& item) const;

    [[nodiscard]] qint64 durationOf(const protocol::TranscriptItem& item) const;

    std::function<qint64(const QString& process)> m_durations;
    QString m_agent;
    QString m_channel;
    QList<Row> m_rows;
    bool m_older = false;
    bool m_loaded = false;
};

} // namespace sb::panels
