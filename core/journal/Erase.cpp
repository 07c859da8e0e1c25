#include "core/journal/JournalPrivate.h"
#include "core/journal/Rows.h"

#include <QDir>
#include <QFile>

namespace sb::journal {

using protocol::Entry;

namespace {

// Every text in the value that could be the name of a stored part.
void collectHashes(const QJsonValue& value, QSet<QString>& hashes)
{
    if (value.isString()) {
        const QString text = value.toString();
        if (text.size() == 64 && QByteArray::fromHex(text.toLatin1()).size() == 32) {
            hashes.insert(text);
        }
    } else if (value.isArray()) {
        for (const auto& item : value.toArray()) {
            collectHashes(item, hashes);
        }
    } else if (value.isObject()) {
        for (const auto& member : value.toObject()) {
            collectHashes(member, hashes);
        }
    }
}

// A backup from before a migration holds a copy; it is of no use beyond that migration, so it goes
// as a whole.
void removeBackups(const QString& path)
{
    const QFileInfo file(path);
    const QDir folder = file.absoluteDir();
    for (const QString& name :
         folder.entryList({file.fileName() + QStringLiteral(".before-*")}, QDir::Files)) {
        QFile::remove(folder.filePath(name));
    }
}

} // namespace

Result<Entry>
Journal::Private::erase(Writing& writing, qint64 seq, const QString& reason, const QString& by)
{
    store::Connection& connection = writing.connection();
    auto& row = connection.query(
        "SELECT " SB_ENTRY_COLUMNS " FROM " SB_ENTRY_TABLES " WHERE e.seq = ?", seq);
    if (!row.executeStep()) {
        return fail(
            ErrorCode::NotFound,
            QStringLiteral("The journal of %1 has no entry %2.").arg(settings.agent).arg(seq));
    }
    const Entry entry = entryFrom(row);
    row.reset();
    if (entry.erased) {
        return fail(ErrorCode::Conflict,
                    QStringLiteral("The payload of entry %1 is erased already.").arg(seq));
    }
    if (entry.kind == protocol::Kind::PayloadErased) {
        // It holds nothing but who erased what and why, and verify needs it.
        return fail(
            ErrorCode::Forbidden,
            QStringLiteral("Entry %1 records an erasure and cannot be erased itself.").arg(seq));
    }
    connection.run("DELETE FROM payload WHERE seq = ?", seq);
    QSet<QString> hashes;
    collectHashes(entry.payload, hashes);
    QJsonObject kept;
    int erasedParts = 0;
    for (const QString& hash : hashes) {
        erasedParts +=
            connection.run("DELETE FROM part WHERE hash = ?", QByteArray::fromHex(hash.toLatin1()));
    }
    for (const auto& projection : settings.projections) {
        const QJsonObject structure = projection->kept(entry);
        for (auto field = structure.begin(); field != structure.end(); ++field) {
            kept.insert(field.key(), field.value());
        }
        SB_CHECK(projection->erase(connection, entry));
    }
    return writing.append({
        .kind = protocol::Kind::PayloadErased,
        .process = {},
        .cause = QString::number(seq),
        .payload =
            {
                {QStringLiteral("seq"), seq},
                {QStringLiteral("reason"), reason},
                {QStringLiteral("by"), by},
                {QStringLiteral("parts"), erasedParts},
                {QStringLiteral("kept"), kept},
            },
        .traceId = entry.traceId,
        .spanId = {},
    });
}

Future<Entry> Journal::erase(qint64 seq, QString reason, QString by)
{
    Promise<Entry> promise;
    auto future = promise.future();
    store::Database& database = m->database;
    transact([this, seq, reason = std::move(reason), by = std::move(by)](Transaction& transaction) {
        // Parts that are gone must not be taken for stored ones; storing one again costs little.
        m->parts.withLock([](auto& parts) { parts.clear(); });
        return m->erase(static_cast<Private::Writing&>(transaction), seq, reason, by);
    }).then([&database, promise = std::move(promise)](Result<Entry> erased) mutable {
        if (!erased) {
            promise.set(std::move(erased));
            return;
        }
        removeBackups(database.path());
        // The log still holds the pages as they were.
        database.truncateLog().then(
            [promise = std::move(promise), erased = std::move(erased)](Result<> truncated) mutable {
                if (!truncated) {
                    promise.set(std::unexpected(truncated.error().inFrontOf(QStringLiteral(
                        "The payload is erased, but the database's log still holds a copy"))));
                } else {
                    promise.set(std::move(erased));
                }
            });
    });
    return future;
}

} // namespace sb::journal
