#include "core/store/Migrations.h"

#include "core/store/Connection.h"

#include <QDir>
#include <QFile>
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

} // namespace

Result<> migrate(Connection& connection, const QString& path, const QString& folder)
{
    const QStringList files =
        QDir(folder).entryList({QStringLiteral("*.sql")}, QDir::Files, QDir::Name);
    SB_ASSERT(!files.isEmpty());
    const int newest = int(files.size());
    SQLite::Database& database = connection.database();
    const int current = database.execAndGet("PRAGMA user_version").getInt();
    if (current > newest) {
        return fail(
            ErrorCode::TooNew,
            QStringLiteral("The database %1 was written by a newer version of Signalbox (its "
                           "schema is %2, this version knows %3); update Signalbox to open it.")
                .arg(path)
                .arg(current)
                .arg(newest),
            path);
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

} // namespace sb::store
