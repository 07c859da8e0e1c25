#include "core/approvals/Approvals.h"

#include <QJsonDocument>

namespace sb::approvals {

using protocol::Entry;
using protocol::Kind;

namespace {

QByteArray compact(const QJsonObject& object)
{
    return QJsonDocument(object).toJson(QJsonDocument::Compact);
}

} // namespace

QList<journal::Projection::Table> ApprovalProjection::tables() const
{
    return {{QStringLiteral("approval"), QStringLiteral("request_seq")}};
}

QJsonObject ApprovalProjection::kept(const Entry& entry) const
{
    QJsonObject kept;
    if (entry.kind == Kind::ApprovalSettled) {
        kept.insert(QStringLiteral("state"), entry.payload.value(QStringLiteral("state")));
    }
    return kept;
}

Result<> ApprovalProjection::apply(store::Connection& connection, const Entry& entry)
{
    if (entry.kind == Kind::ApprovalRequested) {
        QJsonObject json = entry.payload;
        json.insert(QStringLiteral("request_seq"), entry.seq);
        connection.run(
            "INSERT INTO approval(id, state, requested_at, expires_at, settled_at, request_seq, "
            "json) VALUES(?, 'waiting', ?, ?, 0, ?, ?)",
            json.value(QStringLiteral("id")).toString(),
            json.value(QStringLiteral("requested_at")).toInteger(),
            json.value(QStringLiteral("expires_at")).toInteger(),
            entry.seq,
            QString::fromUtf8(compact(json)));
    } else if (entry.kind == Kind::ApprovalSettled) {
        // Found by its cause, so that the question stays settled also when this entry is erased.
        auto& row = connection.query("SELECT json FROM approval WHERE request_seq = ?",
                                     entry.cause.toLongLong());
        if (!row.executeStep()) {
            return {};
        }
        QJsonObject json = QJsonDocument::fromJson(store::blob(row, 0)).object();
        row.reset();
        const QString state =
            entry.payload.value(QStringLiteral("state")).toString(QStringLiteral("rejected"));
        json.insert(QStringLiteral("state"), state);
        json.insert(QStringLiteral("settled_at"), entry.time);
        json.insert(QStringLiteral("settle_seq"), entry.seq);
        json.insert(QStringLiteral("by"), entry.payload.value(QStringLiteral("by")).toString());
        json.insert(QStringLiteral("note"), entry.payload.value(QStringLiteral("note")).toString());
        json.insert(QStringLiteral("edited_arguments"),
                    entry.payload.value(QStringLiteral("arguments")));
        json.insert(QStringLiteral("whole_arguments"),
                    entry.payload.value(QStringLiteral("whole_arguments")));
        connection.run(
            "UPDATE approval SET state = ?, settled_at = ?, json = ? WHERE request_seq = ?",
            state,
            entry.time,
            QString::fromUtf8(compact(json)),
            entry.cause.toLongLong());
    }
    return {};
}

Result<> ApprovalProjection::erase(store::Connection& connection, const Entry& entry)
{
    if (entry.kind == Kind::ApprovalRequested) {
        connection.run("DELETE FROM approval WHERE request_seq = ?", entry.seq);
    } else if (entry.kind == Kind::ApprovalSettled) {
        connection.run(
            "UPDATE approval SET json = json_remove(json_set(json, '$.by', '', '$.note', ''), "
            "'$.edited_arguments', '$.whole_arguments') WHERE request_seq = ?",
            entry.cause.toLongLong());
    }
    return {};
}

} // namespace sb::approvals
