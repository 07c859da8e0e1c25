#pragma once
#include "core/memory/Memories.h"

namespace sb::process {

/// A day (UTC) on which somebody talked with the agent.
struct Day
{
    QString date; ///< "2026-11-20"
    TimeUs from = 0;
    TimeUs to = 0; ///< the first moment of the next one
    struct Said
    {
        QString conversation; ///< its title
        QString author;
        QString text;
        bool isPersons = false;
    };
    QList<Said> said;          ///< what may be told again: none of it carries what strangers wrote
    int messages = 0;          ///< all of them
    QStringList conversations; ///< titles
    QStringList channels;
    qint64 lastEntry = 0;         ///< seq of the last message
    QList<taint::Source> sources; ///< of what is in `said`

    /// Of the memory that sums it up, so that there is one a day.
    [[nodiscard]] QString memoryId() const { return QStringLiteral("day-") + date; }
};

/// The days before `now`'s that have no summary yet, oldest first; not more than a week back. What
/// an agent said after it had read strangers' words is counted, and not told again.
Result<QList<Day>> readDaysDue(store::Connection& connection, TimeUs now);

/// A day in a few sentences, without a model.
QString dayText(const Day& day);
/// What a model is to sum up.
QString dayTranscript(const Day& day);

/// The first moment of a time's day, UTC.
TimeUs dayStart(TimeUs time);

} // namespace sb::process
