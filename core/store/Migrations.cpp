#include "core/store/Migrations.h"

#include "core/store/Connection.h"

#include <QDir>
#include <QFile>
#include <QtEndian>
#include <fcntl.h>
#include <unistd.h>

namespace sb::store {

namespace {

void syncFile(const QString& path)
{
    const int fd = ::open(QFile::encodeName(path).constData(), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ::fsync(fd);
        ::close(fd);
    }
}

Result<> backup(Connection& connection, const QString& path, int toVersion)
{
    const QString copy =
        path + QStringLiteral(".before-%1").arg(toVersion, 4, 10, QLatin1Char('0'));
    // One is left over when an earlier attempt stopped half way; the database itself was not
    // changed then.
    QFile::remove(copy);
    try {
        SQLite::Statement statement(connection.database(), "VACUUM INTO ?");
        bind(statement, 1, copy);
        statement.exec();
    } catch (const std::exception& exception) {
        QFile::remove(copy);
        return std::unexpected(
            errorFrom(exception, path)
                .inFrontOf(QStringLiteral("No backup could be made before the update")));
    }
    QFile::setPermissions(copy, QFileDevice::ReadOwner | QFileDevice::WriteOwner);
    syncFile(copy);
    syncFile(QFileInfo(path).absolutePath());
    return {};
}

std::unexpected<Error> tooNew(const QString& path, int current, int newest)
{
    return fail(ErrorCode::TooNew,
                QStringLiteral("The database %1 was written by a newer version of Signalbox (its "
                               "schema is %2, this version knows %3); update Signalbox to open it.")
                    .arg(path)
                    .arg(current)
                    .arg(newest),
                path);
}

QStringList migrationsIn(const QString& folder)
{
    return QDir(folder).entryList({QStringLiteral("*.sql")}, QDir::Files, QDir::Name);
}

} // namespace

Result<> migrate(Connection& connection, const QString& path, const QString& folder)
{
    const QStringList files = migrationsIn(folder);
    SB_ASSERT(!files.isEmpty());
    const int newest = int(files.size());
    SQLite::Database& database = connection.database();
    const int current = database.execAndGet("PRAGMA user_version").getInt();
    if (current > newest) {
        return tooNew(path, current, newest);
    }
    for (int version = current + 1; version <= newest; ++version) {
        const QString& name = files[version - 1];
        SB_ASSERT(name.section(u'_', 0, 0).toInt() == version); // no gaps, no doubles
        if (current > 0 && version == current + 1) {
            SB_CHECK(backup(connection, path, version));
        }
        QFile file(folder + u'/' + name);
        if (!file.open(QIODevice::ReadOnly)) {
            return fail(ErrorCode::Internal,
                        QStringLiteral("The migration %1 is missing from this program.").arg(name));
        }
        database.exec("BEGIN IMMEDIATE");
        database.exec(file.readAll().constData());
        database.exec(QStringLiteral("PRAGMA user_version=%1").arg(version).toStdString());
        database.exec("COMMIT");
    }
    return {};
}

Result<> refuseNewer(const QString& path, const QString& folder)
{
    // SQLite's file format: "user version", 4 bytes, big-endian, at offset 60.
    constexpr qint64 offset = 60;
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly | QIODevice::Unbuffered) || !file.seek(offset)) {
        return {};
    }
    const QByteArray bytes = file.read(4);
    const int current = bytes.size() == 4 ? int(qFromBigEndian<quint32>(bytes.constData())) : 0;
    const int newest = int(migrationsIn(folder).size());
    if (current > newest) {
        return tooNew(path, current, newest);
    }
    return {};
}

} // namespace sb::store
