#include "core/approvals/Grants.h"

#include "core/base/Ids.h"

namespace sb::approvals {

using protocol::Entry;
using protocol::GrantInfo;
using protocol::Kind;

namespace {

const QString givenKey = QStringLiteral("grant");
const QString revokedKey = QStringLiteral("revoked");

GrantInfo infoFrom(const SQLite::Statement& row)
{
    GrantInfo info;
    info.id = store::text(row, 0);
    info.kind = store::text(row, 1);
    info.what = store::text(row, 2);
    info.by = store::text(row, 3);
    info.at = store::integer(row, 4);
    info.seq = store::integer(row, 5);
    info.revokedAt = store::integer(row, 6);
    return info;
}

#define SB_GRANT_COLUMNS "id, kind, what, given_by, at, seq, revoked_at"

} // namespace

QList<journal::Projection::Table> GrantProjection::tables() const
{
    return {{QStringLiteral("grants"), QStringLiteral("seq")}};
}

Result<> GrantProjection::apply(store::Connection& connection, const Entry& entry)
{
    if (entry.kind != Kind::ConfigChanged) {
        return {};
    }
    const QJsonObject given = entry.payload.value(givenKey).toObject();
    if (!given.isEmpty()) {
        connection.run("INSERT INTO grants (" SB_GRANT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, 0)",
                       given.value(QStringLiteral("id")).toString(),
                       given.value(QStringLiteral("kind")).toString(),
                       given.value(QStringLiteral("what")).toString(),
                       entry.payload.value(QStringLiteral("by")).toString(),
                       entry.time,
                       entry.seq);
    }
    if (const QString revoked = entry.payload.value(revokedKey).toString(); !revoked.isEmpty()) {
        connection.run("UPDATE grants SET revoked_at = ? WHERE id = ?", entry.time, revoked);
    }
    return {};
}

Result<> GrantProjection::erase(store::Connection& connection, const Entry& entry)
{
    // What nobody can read any more gives nothing any more.
    connection.run("DELETE FROM grants WHERE seq = ?", entry.seq);
    return {};
}

Grants::Grants(journal::Journal& journal, store::Database& database)
    : m_journal(journal)
    , m_database(database)
    , m_inForce(std::make_shared<Guarded<QList<GrantInfo>>>())
{
    // When this cannot be read nothing is granted, and every later reading says why.
    for (const GrantInfo& info : list().value_or(QList<GrantInfo>())) {
        if (info.revokedAt == 0) {
            m_inForce->withLock([&](auto& all) { all.append(info); });
        }
    }
}

QStringList Grants::inForce(const QString& kind) const
{
    return m_inForce->withLock([&](const QList<GrantInfo>& all) {
        QStringList list;
        for (const GrantInfo& info : all) {
            if (info.kind == kind) {
                list.append(info.what);
            }
        }
        return list;
    });
}

Result<QList<GrantInfo>> Grants::list()
{
    return m_database.read([](store::Connection& connection) -> Result<QList<GrantInfo>> {
        QList<GrantInfo> all;
        auto& rows = connection.query("SELECT " SB_GRANT_COLUMNS " FROM grants ORDER BY seq DESC");
        while (rows.executeStep()) {
            all.append(infoFrom(rows));
        }
        return all;
    });
}

Future<GrantInfo> Grants::give(QString kind, QString what, QString by, QString cause)
{
    Promise<GrantInfo> promise;
    auto future = promise.future();
    m_journal
        .transact([kind = std::move(kind),
                   what = std::move(what),
                   by = std::move(by),
                   cause =
                       std::move(cause)](journal::Transaction& transaction) -> Result<GrantInfo> {
            auto& row = transaction.connection().query(
                "SELECT " SB_GRANT_COLUMNS
                " FROM grants WHERE kind = ? AND what = ? AND revoked_at = 0",
                kind,
                what);
            if (row.executeStep()) {
                return infoFrom(row);
            }
            row.reset();
            GrantInfo info;
            info.id = newId(QLatin1StringView("grt"));
            info.kind = kind;
            info.what = what;
            info.by = by;
            SB_TRY(const Entry entry,
                   transaction.append({.kind = Kind::ConfigChanged,
                                       .cause = cause,
                                       .payload = {{givenKey,
                                                    QJsonObject{{QStringLiteral("id"), info.id},
                                                                {QStringLiteral("kind"), kind},
                                                                {QStringLiteral("what"), what}}},
                                                   {QStringLiteral("by"), by}}}));
            info.at = entry.time;
            info.seq = entry.seq;
            return info;
        })
        .then([inForce = m_inForce, promise = std::move(promise)](Result<GrantInfo> given) {
            if (given) {
                inForce->withLock([&](QList<GrantInfo>& all) {
                    all.removeIf([&](const GrantInfo& info) { return info.id == given->id; });
                    all.append(*given);
                });
            }
            promise.set(std::move(given));
        });
    return future;
}

Future<GrantInfo> Grants::revoke(QString id, QString by)
{
    // From memory first: what is on its way to the disk must not let another request through.
    m_inForce->withLock([&](QList<GrantInfo>& all) {
        all.removeIf([&](const GrantInfo& info) { return info.id == id; });
    });
    return m_journal.transact([id = std::move(id), by = std::move(by)](
                                  journal::Transaction& transaction) -> Result<GrantInfo> {
        const auto read = [&]() -> std::optional<GrantInfo> {
            auto& row = transaction.connection().query(
                "SELECT " SB_GRANT_COLUMNS " FROM grants WHERE id = ?", id);
            return row.executeStep() ? std::optional(infoFrom(row)) : std::nullopt;
        };
        auto info = read();
        if (!info) {
            return fail(ErrorCode::NotFound, QStringLiteral("There is no permission %1.").arg(id));
        }
        if (info->revokedAt != 0) {
            return fail(
                ErrorCode::Conflict,
                QStringLiteral("The permission for %1 was taken back already.").arg(info->what));
        }
        SB_TRY(const Entry entry,
               transaction.append({.kind = Kind::ConfigChanged,
                                   .cause = QString::number(info->seq),
                                   .payload = {{revokedKey, id},
                                               {QStringLiteral("what"), info->what},
                                               {QStringLiteral("by"), by}}}));
        info->revokedAt = entry.time;
        return *info;
    });
}

} // namespace sb::approvals
