#pragma once
#include "core/protocol/Values.h"
#include "core/taint/Labels.h"

#include <QJsonArray>

namespace sb::taint {

/// A place where something entered that is in a text, and the way by which it came here.
struct Source
{
    Labels labels;
    /// The text holds the source's own words; else it was only written under its influence.
    bool exact = true;
    /// From where it entered to here, never empty. The last step's entry is 0 as long as the entry
    /// that tells of it is not written yet.
    QList<protocol::FlowStep> path;
    bool operator==(const Source&) const = default;
};

/// A source that enters with the entry that is about to be written.
Source entering(Labels labels, const QString& process, const QString& what);

/// The join of all of them.
Labels joined(const QList<Source>& sources);
/// What entered at the same place counts once; beyond `most` the rest is put together in one.
QList<Source> condensed(const QList<Source>& sources, qsizetype most = 12);
/// The same sources one step further on. Long ways lose their middle.
QList<Source> passedOn(QList<Source> sources, const QString& process, const QString& what);
/// Fills in the entry and its time where they were not known yet.
QList<Source> settled(QList<Source> sources, qint64 entry, TimeUs time);

QJsonArray toJson(const QList<Source>& sources);
/// What cannot be read counts with all labels: a label is never lost by damage.
QList<Source> sourcesFromJson(const QJsonArray& array);
/// settled() for a message as JSON, before it is stored: its "sources".
QJsonObject settledMessage(QJsonObject message, qint64 entry, TimeUs time);

} // namespace sb::taint
