#include "core/process/DaySummary.h"

#include "core/process/ProcessTables.h"

namespace sb::process {

using protocol::ItemKind;
using protocol::TranscriptItem;
using store::Connection;

namespace {

constexpr TimeUs usPerDay = 24LL * 3600 * 1'000'000;
constexpr int daysBack = 7;
constexpr qsizetype quoted = 140;            ///< characters of a message in a summary by rules
constexpr qsizetype mostConversations = 6;   ///< that a summary by rules tells of
constexpr qsizetype mostTranscript = 24'000; ///< characters that a model reads
constexpr qsizetype longestMessage = 1'000;  ///< of one message in it
constexpr taint::Labels strange{
    taint::Label::ExternalNetwork, taint::Label::UntrustedFile, taint::Label::UntrustedAgent};

QString shortened(const QString& text, qsizetype cap)
{
    const QString line = text.simplified();
    return line.size() > cap ? QString(line.left(cap - 1) + u'…') : line;
}

/// From which entry on a conversation's model had strangers' words before it.
qint64 firstStrange(Connection& connection, const QString& channel)
{
    qint64 seq = std::numeric_limits<qint64>::max();
    const auto look = [&](const char* statement) {
        store::forEachRow(
            connection,
            statement,
            [&](SQLite::Statement& row) { seq = std::min(seq, store::integer(row, 0)); },
            channel);
    };
    look("SELECT seq FROM history WHERE process = ? AND (message LIKE '%external_network%' OR "
         "message LIKE '%untrusted_file%' OR message LIKE '%untrusted_agent%') ORDER BY seq LIMIT "
         "1");
    look("SELECT seq FROM summary WHERE process = ? AND (sources LIKE '%external_network%' OR "
         "sources LIKE '%untrusted_file%' OR sources LIKE '%untrusted_agent%') ORDER BY seq LIMIT "
         "1");
    return seq;
}

/// Where a message of somebody outside came from.
QList<taint::Source> sourcesOfMessage(Connection& connection, qint64 seq)
{
    QList<taint::Source> sources;
    store::forEachRow(
        connection,
        "SELECT message FROM mailbox WHERE seq = ?",
        [&](SQLite::Statement& row) {
            sources = taint::sourcesFromJson(
                jsonObject(store::text(row, 0)).value(QStringLiteral("sources")).toArray());
        },
        seq);
    return sources;
}

} // namespace

TimeUs dayStart(TimeUs time)
{
    return time - time % usPerDay;
}

Result<QList<Day>> readDaysDue(Connection& connection, TimeUs now)
{
    const TimeUs today = dayStart(now);
    TimeUs from = today - daysBack * usPerDay;
    store::forEachRow(
        connection,
        "SELECT max(valid_to) FROM memory WHERE id >= 'day-' AND id < 'day.'",
        [&](SQLite::Statement& row) { from = std::max(from, store::integer(row, 0)); });
    std::map<TimeUs, Day> days;
    QHash<QString, qint64> strangeFrom;
    QHash<QString, QString> titles;
    store::forEachRow(
        connection,
        "SELECT t.channel, t.item, c.title FROM transcript t JOIN channel c ON c.id = t.channel "
        "WHERE c.last_time >= ? ORDER BY t.seq",
        [&](SQLite::Statement& row) {
            const auto item = protocol::fromJson<TranscriptItem>(jsonObject(store::text(row, 1)));
            if (!item || item->time < from || item->time >= today ||
                (item->kind != ItemKind::User && item->kind != ItemKind::Agent)) {
                return;
            }
            Day& day = days[dayStart(item->time)];
            const QString channel = store::text(row, 0);
            const QString title = store::text(row, 2);
            ++day.messages;
            day.lastEntry = item->seq;
            if (!day.channels.contains(channel)) {
                day.channels.append(channel);
                day.conversations.append(title);
            }
            if (!strangeFrom.contains(channel)) {
                strangeFrom.insert(channel, firstStrange(connection, channel));
            }
            const bool isPersons = item->kind == ItemKind::User;
            if (isPersons) {
                const auto sources = sourcesOfMessage(connection, item->seq);
                const auto labels = taint::joined(sources);
                if (!(labels & strange).isEmpty() || labels.has(taint::Label::Secret)) {
                    return;
                }
                day.sources += sources;
            } else if (item->seq > strangeFrom.value(channel)) {
                return;
            }
            day.said.append({title, item->author, item->text, isPersons});
        },
        from);
    QList<Day> due;
    for (auto& [start, day] : days) {
        day.from = start;
        day.to = start + usPerDay;
        day.date = timeText(start).left(10);
        day.sources = taint::condensed(day.sources);
        due.append(std::move(day));
    }
    return due;
}

QString dayText(const Day& day)
{
    QString text =
        QStringLiteral("On %1 there were %2 messages in %3: %4.")
            .arg(day.date)
            .arg(day.messages)
            .arg(day.conversations.size() == 1
                     ? QStringLiteral("one conversation")
                     : QStringLiteral("%1 conversations").arg(day.conversations.size()))
            .arg(shortened(day.conversations.mid(0, mostConversations).join(QStringLiteral("; ")),
                           400));
    QStringList told;
    for (const auto& said : day.said) {
        if (said.isPersons && !told.contains(said.conversation) &&
            told.size() < mostConversations) {
            told.append(said.conversation);
            text += QStringLiteral(" %1 began with: \"%2\".")
                        .arg(shortened(said.conversation, 60), shortened(said.text, quoted));
        }
    }
    return text;
}

QString dayTranscript(const Day& day)
{
    QString text = QStringLiteral("%1\n").arg(day.date);
    QString conversation;
    for (const auto& said : day.said) {
        if (said.conversation != conversation) {
            conversation = said.conversation;
            text += QStringLiteral("\n# %1\n").arg(shortened(conversation, 120));
        }
        text += QStringLiteral("%1: %2\n").arg(said.author, shortened(said.text, longestMessage));
        if (text.size() > mostTranscript) {
            break;
        }
    }
    return text;
}

} // namespace sb::process
