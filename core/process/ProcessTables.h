#pragma once
#include "core/protocol/Values.h"
#include "core/store/Rows.h"

#include <QJsonDocument>

/// What writing and reading the processes' tables share.
namespace sb::process {

inline QString jsonText(const QJsonObject& object)
{
    return QString::fromUtf8(QJsonDocument(object).toJson(QJsonDocument::Compact));
}

inline QJsonObject jsonObject(const QString& text)
{
    return QJsonDocument::fromJson(text.toUtf8()).object();
}

inline QString jsonText(const QJsonArray& array)
{
    return QString::fromUtf8(QJsonDocument(array).toJson(QJsonDocument::Compact));
}

inline QJsonArray jsonArray(const QString& text)
{
    return QJsonDocument::fromJson(text.toUtf8()).array();
}

inline QString field(const protocol::Entry& entry, const char* name)
{
    return entry.payload.value(QLatin1StringView(name)).toString();
}

inline std::optional<protocol::TranscriptItem>
findItem(store::Connection& connection, const QString& channel, const QString& id)
{
    std::optional<protocol::TranscriptItem> item;
    store::forEachRow(
        connection,
        "SELECT item FROM transcript WHERE channel = ? AND id = ?",
        [&](SQLite::Statement& row) {
            if (auto read =
                    protocol::fromJson<protocol::TranscriptItem>(jsonObject(store::text(row, 0)))) {
                item = std::move(*read);
            }
        },
        channel,
        id);
    return item;
}

/// The channel that a process belongs to; a channel's process id is the channel's own.
inline QString channelOf(store::Connection& connection, const QString& process)
{
    QString channel = process;
    store::forEachRow(
        connection,
        "SELECT channel FROM process WHERE id = ?",
        [&](SQLite::Statement& row) { channel = store::text(row, 0); },
        process);
    return channel;
}

inline QString messageItemId(qint64 seq)
{
    return u'm' + QString::number(seq);
}

inline QString toolItemId(qint64 callSeq)
{
    return u't' + QString::number(callSeq);
}

} // namespace sb::process
