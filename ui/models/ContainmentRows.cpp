#include "ui/models/ContainmentRows.h"

#include "core/protocol/Codec.h"
#include "ui/models/Words.h"
#include "ui/widgets/Format.h"

#include <QCoreApplication>
#include <QHash>
#include <QJsonDocument>

using namespace Qt::StringLiterals;

namespace sb::models {

using protocol::ContainmentInfo;
using protocol::GrantInfo;
using protocol::ProbeInfo;
using widgets::countText;
using widgets::exactTimeText;

namespace {

// Gives the sentences below a context that the translators' tools find.
struct Containment
{
    Q_DECLARE_TR_FUNCTIONS(Containment)
};

const QString between = u" · "_s;

// What people care for most stands first; the rest follows by name.
const QStringList& knownGroups()
{
    static const QStringList groups{u"secrets"_s,
                                    u"files"_s,
                                    u"network"_s,
                                    u"processes"_s,
                                    u"kernel"_s,
                                    u"resources"_s,
                                    u"terminal"_s};
    return groups;
}

QString groupOf(const QString& probeId)
{
    const auto dot = probeId.indexOf(u'.');
    return dot > 0 ? probeId.left(dot) : QString();
}

QString groupWord(const QString& group)
{
    switch (knownGroups().indexOf(group)) {
    case 0:
        return Containment::tr("Secrets");
    case 1:
        return Containment::tr("Files");
    case 2:
        return Containment::tr("Network");
    case 3:
        return Containment::tr("Processes");
    case 4:
        return Containment::tr("Kernel");
    case 5:
        return Containment::tr("Resources");
    case 6:
        return Containment::tr("Terminal");
    default:
        return group.isEmpty() ? Containment::tr("Other")
                               : QString(group.at(0).toUpper() + group.mid(1));
    }
}

// What others wrote, for a place with one line.
QString oneLine(const QString& text)
{
    constexpr int most = 1000; // no line is wider, and measuring a book would take its time
    return widgets::visibleText(text.left(most).simplified());
}

QString joined(const QStringList& parts)
{
    QStringList said = parts;
    said.removeAll(QString());
    return said.join(between);
}

ContainmentRow rowOf(const ProbeInfo& probe)
{
    ContainmentRow row{markOf(probe), probe.id, oneLine(probe.question), {}};
    const auto by = oneLine(probe.by);
    const auto detail = oneLine(probe.detail);
    switch (row.mark) {
    case Mark::Open:
        row.second = joined({protectedWord(probe.id), detail.isEmpty() ? by : detail});
        break;
    case Mark::Unknown:
        row.second = detail.isEmpty() ? by : detail;
        break;
    default:
        row.second = by.isEmpty() ? detail : by;
        break;
    }
    if (row.title.isEmpty()) {
        row.title = oneLine(probe.id);
    }
    return row;
}

QString givenText(const GrantInfo& grant, const QString& at)
{
    return Containment::tr("given by %1, %2").arg(oneLine(deciderText(grant.by)), at);
}

qsizetype countOf(const QList<ProbeInfo>& probes, Mark mark)
{
    return std::ranges::count_if(probes, [&](const auto& probe) { return markOf(probe) == mark; });
}

} // namespace

QString markWord(Mark mark)
{
    switch (mark) {
    case Mark::Heading:
        return {};
    case Mark::Open:
        return Containment::tr("Open");
    case Mark::Unknown:
        return Containment::tr("Could not be tried");
    case Mark::Held:
        return Containment::tr("Held");
    case Mark::Listed:
        return Containment::tr("Listed");
    case Mark::Given:
        return Containment::tr("Given");
    case Mark::TakenBack:
        return Containment::tr("Taken back");
    case Mark::Trusted:
        return Containment::tr("Trusted");
    case Mark::Forgotten:
        return Containment::tr("Forgotten");
    }
    return {};
}

Mark markOf(const ProbeInfo& probe)
{
    return probe.verdict == "held"_L1   ? Mark::Held
           : probe.verdict == "open"_L1 ? Mark::Open
                                        : Mark::Unknown;
}

QString protectedWord(const QString& probeId)
{
    return groupWord(groupOf(probeId));
}

QString attemptTimeText(qint64 milliseconds)
{
    return Containment::tr("%1 ms").arg(countText(milliseconds));
}

QString grantRowId(const QString& grant)
{
    return u"grant:"_s + grant;
}

QList<ContainmentRow> probeRows(const QList<ProbeInfo>& probes)
{
    QList<ContainmentRow> rows;
    rows.reserve(probes.size() + 8);
    if (const auto open = countOf(probes, Mark::Open); open > 0) {
        rows.append(
            {Mark::Heading, {}, Containment::tr("Went through: %1").arg(countText(open)), {}});
        for (const auto& probe : probes) {
            if (markOf(probe) == Mark::Open) {
                rows.append(rowOf(probe));
            }
        }
    }
    QHash<QString, QList<ProbeInfo>> byGroup;
    for (const auto& probe : probes) {
        byGroup[groupOf(probe.id)].append(probe);
    }
    auto groups = byGroup.keys();
    std::ranges::sort(groups, [](const QString& a, const QString& b) {
        const auto rank = [](const QString& group) {
            const auto known = knownGroups().indexOf(group);
            return known >= 0 ? known : group.isEmpty() ? qsizetype(1000) : qsizetype(100);
        };
        return std::pair(rank(a), a) < std::pair(rank(b), b);
    });
    for (const auto& group : std::as_const(groups)) {
        const auto& members = byGroup[group];
        rows.append({Mark::Heading,
                     {},
                     Containment::tr("%1 · %2 of %3 held")
                         .arg(groupWord(group),
                              countText(countOf(members, Mark::Held)),
                              countText(members.size())),
                     {}});
        for (const auto wanted : {Mark::Unknown, Mark::Held}) {
            for (const auto& probe : members) {
                if (markOf(probe) == wanted) {
                    rows.append(rowOf(probe));
                }
            }
        }
        if (rows.last().mark == Mark::Heading) {
            rows.removeLast(); // all of them went through and stand above
        }
    }
    return rows;
}

QList<ContainmentRow> reachRows(const ContainmentInfo& info, TimeUs now)
{
    QList<ContainmentRow> rows;
    const auto heading = [&](const QString& text) { rows.append({Mark::Heading, {}, text, {}}); };
    if (!info.hosts.isEmpty()) {
        heading(Containment::tr("Listed in signalbox.yaml"));
        for (const auto& host : info.hosts) {
            rows.append({Mark::Listed, u"host:"_s + host, oneLine(host), {}});
        }
    }
    QList<GrantInfo> inForce;
    QList<GrantInfo> takenBack;
    for (const auto& grant : info.grants) {
        (grant.revokedAt == 0 ? inForce : takenBack).append(grant);
    }
    std::ranges::stable_sort(inForce, std::ranges::greater(), &GrantInfo::at);
    std::ranges::stable_sort(takenBack, std::ranges::greater(), &GrantInfo::revokedAt);
    const auto append = [&](const GrantInfo& grant, Mark mark, const QString& second) {
        QString kind; // a host needs no word for what it is
        if (grant.kind != "network"_L1) {
            kind = oneLine(grant.kind);
        }
        rows.append({mark, grantRowId(grant.id), oneLine(grant.what), joined({kind, second})});
    };
    if (!inForce.isEmpty()) {
        heading(Containment::tr("Given for good"));
        for (const auto& grant : std::as_const(inForce)) {
            append(grant,
                   Mark::Given,
                   Containment::tr("by %1, %2")
                       .arg(oneLine(deciderText(grant.by)), widgets::clockText(grant.at, now)));
        }
    }
    if (!takenBack.isEmpty()) {
        heading(Containment::tr("Taken back"));
        for (const auto& grant : std::as_const(takenBack)) {
            append(grant,
                   Mark::TakenBack,
                   joined({widgets::clockText(grant.revokedAt, now),
                           givenText(grant, widgets::clockText(grant.at, now))}));
        }
    }
    return rows;
}

QList<ContainmentRow> publisherRows(const QList<protocol::PublisherInfo>& publishers, TimeUs now)
{
    QList<ContainmentRow> rows;
    for (const auto& one : publishers) {
        const auto count = int(one.packages.size());
        rows.append(
            {one.isForgotten ? Mark::Forgotten : Mark::Trusted,
             one.name,
             oneLine(one.name),
             joined({one.isForgotten ? Containment::tr("%Ln packages not used", nullptr, count)
                                     : Containment::tr("%Ln packages", nullptr, count),
                     Containment::tr("since %1").arg(widgets::clockText(one.since, now)),
                     oneLine(one.fingerprint)})});
    }
    return rows;
}

Headline headline(const ContainmentInfo& info, const QString& when)
{
    using enum Headline::State;
    if (!info.problem.isEmpty()) {
        return {Problem, widgets::visibleText(info.problem)};
    }
    if (info.probedAt == 0) {
        return {NotTried, Containment::tr("Not tried yet")};
    }
    const int total = int(info.probes.size());
    const auto open = countOf(info.probes, Mark::Open);
    const auto unknown = countOf(info.probes, Mark::Unknown);
    if (open > 0) {
        return {Open,
                Containment::tr("%1 of %Ln attempts went through, tried %2", nullptr, total)
                    .arg(countText(open), when)};
    }
    const auto held = countText(total - unknown);
    if (unknown > 0 || total == 0) {
        return {Unsure,
                Containment::tr("%1 of %Ln attempts were held back, %2 could not be made, tried %3",
                                nullptr,
                                total)
                    .arg(held, countText(unknown), when)};
    }
    return {Held,
            Containment::tr("%1 of %Ln attempts were held back, tried %2", nullptr, total)
                .arg(held, when)};
}

QString countersText(const ContainmentInfo& info)
{
    if (info.requests == 0 && info.refused == 0) {
        return Containment::tr("No request went through the proxy since Signalbox started.");
    }
    return Containment::tr("Through the proxy since Signalbox started: %Ln requests, %1 refused, "
                           "%2 received, %3 sent.",
                           nullptr,
                           int(std::min<qint64>(info.requests, std::numeric_limits<int>::max())))
        .arg(countText(info.refused),
             widgets::sizeText(info.bytesIn),
             widgets::sizeText(info.bytesOut));
}

QString containmentText(const ContainmentInfo& info)
{
    QHash<QString, const ProbeInfo*> probes;
    for (const auto& probe : info.probes) {
        probes.insert(probe.id, &probe);
    }
    QHash<QString, const GrantInfo*> grants;
    for (const auto& grant : info.grants) {
        grants.insert(grantRowId(grant.id), &grant);
    }
    QStringList lines{Containment::tr("Agent %1: %2")
                          .arg(info.agent, headline(info, exactTimeText(info.probedAt)).text)};
    if (!info.remark.isEmpty()) {
        lines.append(widgets::visibleText(info.remark));
    }
    for (const auto& row : probeRows(info.probes)) {
        if (row.mark == Mark::Heading) {
            lines += {QString(), row.title};
            continue;
        }
        const auto& probe = *probes.value(row.id);
        lines.append(joined({u"  "_s + markWord(row.mark),
                             row.title,
                             oneLine(probe.by),
                             oneLine(probe.detail),
                             attemptTimeText(probe.ms)}));
    }
    lines += {QString(), Containment::tr("May reach")};
    const auto reach = reachRows(info, 0);
    for (const auto& row : reach) {
        if (row.mark == Mark::Listed) {
            lines.append(u"  "_s +
                         joined({row.title, Containment::tr("listed in signalbox.yaml")}));
        } else if (row.mark != Mark::Heading) {
            const auto& grant = *grants.value(row.id);
            QStringList parts{row.title, givenText(grant, exactTimeText(grant.at))};
            if (grant.revokedAt != 0) {
                parts.append(Containment::tr("taken back %1").arg(exactTimeText(grant.revokedAt)));
            }
            parts.append(Containment::tr("journal entry %1").arg(grant.seq));
            lines.append(u"  "_s + joined(parts));
        }
    }
    if (reach.isEmpty()) {
        lines.append(u"  "_s + Containment::tr("nothing"));
    }
    lines += {QString(), countersText(info)};
    return lines.join(u'\n') + u'\n';
}

QString containmentJson(const ContainmentInfo& info)
{
    return QString::fromUtf8(QJsonDocument(protocol::toJson(info)).toJson());
}

void ContainmentRows::setRows(const QList<ContainmentRow>& rows)
{
    if (rows != m_rows) {
        beginResetModel();
        m_rows = rows;
        endResetModel();
    }
}

QModelIndex ContainmentRows::find(const QString& id) const
{
    for (int row = 0; !id.isEmpty() && row < m_rows.size(); ++row) {
        if (m_rows.at(row).id == id) {
            return index(row);
        }
    }
    return {};
}

int ContainmentRows::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : int(m_rows.size());
}

QVariant ContainmentRows::data(const QModelIndex& index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) {
        return {};
    }
    const auto& row = m_rows.at(index.row());
    switch (role) {
    case Qt::DisplayRole:
        return row.title;
    case Qt::AccessibleTextRole:
        return joined({markWord(row.mark), row.title, row.second});
    case Qt::ToolTipRole:
        // Plain text in the clothes of rich text: only that wraps.
        return u"<span style=\"white-space:pre-wrap\">%1</span>"_s.arg(
            QStringList{row.title, row.second}.join(u'\n').trimmed().toHtmlEscaped());
    case MarkRole:
        return int(row.mark);
    case SecondRole:
        return row.second;
    case IdRole:
        return row.id;
    default:
        return {};
    }
}

Qt::ItemFlags ContainmentRows::flags(const QModelIndex& index) const
{
    if (!index.isValid()) {
        return {};
    }
    return m_rows.at(index.row()).mark == Mark::Heading
               ? Qt::ItemFlags(Qt::ItemNeverHasChildren)
               : Qt::ItemIsEnabled | Qt::ItemIsSelectable | Qt::ItemNeverHasChildren;
}

} // namespace sb::models
