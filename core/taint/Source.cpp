#include "core/taint/Source.h"

#include <QHash>

using namespace Qt::StringLiterals;

namespace sb::taint {

namespace {

constexpr qsizetype longestPath = 8;

/// Entered at the same place: that is the first step.
QString placeOf(const Source& source)
{
    const auto& first = source.path.first();
    const QString where = first.entry == 0 ? first.process : QString::number(first.entry);
    return where + u'\n' + first.what;
}

} // namespace

Source entering(Labels labels, const QString& process, const QString& what)
{
    Source source;
    source.labels = labels;
    source.path.append({0, process, 0, what});
    return source;
}

Labels joined(const QList<Source>& sources)
{
    Labels labels;
    for (const Source& source : sources) {
        labels |= source.labels;
    }
    return labels;
}

QList<Source> condensed(const QList<Source>& sources, qsizetype most)
{
    QList<Source> kept;
    QHash<QString, qsizetype> places;
    for (const Source& source : sources) {
        if (source.path.isEmpty()) {
            continue;
        }
        const QString place = placeOf(source);
        const auto found = places.constFind(place);
        if (found == places.constEnd()) {
            places.insert(place, kept.size());
            kept.append(source);
            continue;
        }
        Source& known = kept[*found];
        known.labels |= source.labels;
        if (source.exact && !known.exact) {
            known.exact = true;
            known.path = source.path;
        }
    }
    if (kept.size() <= most) {
        return kept;
    }
    // Those whose words are here, and the graver ones, are worth a line of their own.
    const auto weight = [](const Source& source) {
        const bool grave = !(source.labels & Labels{Label::Secret, Label::Pii}).isEmpty();
        const bool foreign =
            !(source.labels & Labels{Label::ExternalNetwork, Label::UntrustedAgent}).isEmpty();
        return (source.exact ? 4 : 0) + (grave ? 2 : 0) + (foreign ? 1 : 0);
    };
    std::ranges::stable_sort(kept, std::greater(), weight);
    Source rest;
    rest.exact = false;
    for (qsizetype i = most - 1; i < kept.size(); ++i) {
        rest.labels |= kept[i].labels;
        rest.exact = rest.exact || kept[i].exact;
    }
    rest.path = kept[most - 1].path.first(1);
    rest.path.first().what =
        u"%1 and %2 other sources"_s.arg(rest.path.first().what).arg(kept.size() - most);
    kept.resize(most - 1);
    kept.append(rest);
    return kept;
}

QList<Source> passedOn(QList<Source> sources, const QString& process, const QString& what)
{
    for (Source& source : sources) {
        source.path.append({0, process, 0, what});
        if (source.path.size() > longestPath) {
            source.path.removeAt(longestPath / 2);
        }
    }
    return sources;
}

QList<Source> settled(QList<Source> sources, qint64 entry, TimeUs time)
{
    for (Source& source : sources) {
        for (auto& step : source.path) {
            if (step.entry == 0) {
                step.entry = entry;
                step.time = time;
            }
        }
    }
    return sources;
}

QJsonArray toJson(const QList<Source>& sources)
{
    QJsonArray array;
    for (const Source& source : sources) {
        array.append(QJsonObject{{u"labels"_s, QJsonArray::fromStringList(source.labels.names())},
                                 {u"exact"_s, source.exact},
                                 {u"path"_s, protocol::toJsonValue(source.path)}});
    }
    return array;
}

QList<Source> sourcesFromJson(const QJsonArray& array)
{
    QList<Source> sources;
    for (const auto& value : array) {
        const QJsonObject object = value.toObject();
        Source source;
        QStringList names;
        const bool isRead =
            protocol::fromJsonValue(object.value(u"labels"_s), names, u"labels"_s) &&
            protocol::fromJsonValue(object.value(u"path"_s), source.path, u"path"_s) &&
            !source.path.isEmpty();
        source.labels = Labels::fromNames(names);
        source.exact = object.value(u"exact"_s).toBool(true);
        if (!isRead || source.labels.names().size() != names.size()) {
            source = entering({Label::ExternalNetwork,
                               Label::UserInput,
                               Label::Pii,
                               Label::Secret,
                               Label::UntrustedAgent,
                               Label::UntrustedFile},
                              {},
                              u"a source that cannot be read"_s);
        }
        sources.append(std::move(source));
    }
    return sources;
}

QJsonObject settledMessage(QJsonObject message, qint64 entry, TimeUs time)
{
    const auto found = message.constFind(u"sources"_s);
    if (found != message.constEnd()) {
        const auto sources = settled(sourcesFromJson(found->toArray()), entry, time);
        message.insert(u"sources"_s, toJson(sources));
    }
    return message;
}

} // namespace sb::taint
