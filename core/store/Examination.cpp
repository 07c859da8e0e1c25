#include "core/store/Examination.h"

#include "core/store/Connection.h"

#include <QDir>
#include <QFile>

namespace sb::store {

Result<Examination> examine(const QString& path, const QString& folder)
{
    try {
        constexpr int patienceMs = 5000;
        SQLite::Database database(
            QFile::encodeName(path).toStdString(), SQLite::OPEN_READONLY, patienceMs);
        Examination seen;
        seen.version = database.execAndGet("PRAGMA user_version").getInt();
        seen.newest = int(QDir(folder).entryList({QStringLiteral("*.sql")}, QDir::Files).size());
        const QString said =
            QString::fromStdString(database.execAndGet("PRAGMA quick_check(1)").getString());
        seen.damage = said == u"ok" ? QString() : said;
        return seen;
    } catch (const std::exception& exception) {
        return std::unexpected(errorFrom(exception, path));
    }
}

} // namespace sb::store
