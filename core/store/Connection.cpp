#include "core/store/Connection.h"

#include <QStorageInfo>
#include <sqlite3.h>

namespace sb::store {

namespace {

bool isNearlyFull(const QString& path)
{
    const QStorageInfo storage(QFileInfo(path).absolutePath());
    return storage.isValid() && storage.bytesAvailable() >= 0 && storage.bytesAvailable() < 1 << 20;
}

} // namespace

Error errorFrom(const std::exception& exception, const QString& path)
{
    const auto* sqlite = dynamic_cast<const SQLite::Exception*>(&exception);
    const QString detail = QString::fromUtf8(exception.what());
    if (!sqlite) {
        return {
            ErrorCode::Internal, QStringLiteral("The database work failed: %1.").arg(detail), path};
    }
    switch (sqlite->getErrorCode() & 0xff) {
    case SQLITE_FULL:
        return {ErrorCode::DiskFull,
                QStringLiteral("The disk is full; %1 could not be written.").arg(path),
                detail};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return {ErrorCode::Locked,
                QStringLiteral("The database %1 is locked by another program.").arg(path),
                detail};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
        return {ErrorCode::Corrupt,
                QStringLiteral("The database %1 is damaged, or is not a database.").arg(path),
                detail};
    case SQLITE_CONSTRAINT:
        return {ErrorCode::Conflict,
                QStringLiteral("The change contradicts what is already stored (%1).").arg(detail),
                path};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return {
            ErrorCode::Io, QStringLiteral("The database %1 cannot be written.").arg(path), detail};
    case SQLITE_CANTOPEN:
        return {
            ErrorCode::Io, QStringLiteral("The database %1 cannot be opened.").arg(path), detail};
    case SQLITE_IOERR:
        // Not every full disk says so: growing the shared-memory file fails with a plain I/O error.
        if (isNearlyFull(path)) {
            return {ErrorCode::DiskFull,
                    QStringLiteral("The disk is full; %1 could not be written.").arg(path),
                    detail};
        }
        return {ErrorCode::Io,
                QStringLiteral("The disk failed to read or write %1.").arg(path),
                detail};
    case SQLITE_INTERRUPT:
        return {ErrorCode::Cancelled, QStringLiteral("It was cancelled."), path};
    default:
        return {
            ErrorCode::Internal, QStringLiteral("The database work failed: %1.").arg(detail), path};
    }
}

void bind(SQLite::Statement& statement, int index, const QString& value)
{
    const QByteArray utf8 = value.toUtf8();
    statement.bind(index, std::string(utf8.constData(), size_t(utf8.size())));
}

void bind(SQLite::Statement& statement, int index, const QByteArray& value)
{
    // A null pointer would bind NULL, where an empty blob is meant.
    statement.bind(index,
                   value.isEmpty() ? static_cast<const void*>("") : value.constData(),
                   int(value.size()));
}

void bind(SQLite::Statement& statement, int index, std::nullptr_t)
{
    statement.bind(index);
}

QString text(const SQLite::Statement& statement, int column)
{
    const auto value = statement.getColumn(column);
    const char* bytes = value.getText();
    return QString::fromUtf8(bytes, value.getBytes());
}

QByteArray blob(const SQLite::Statement& statement, int column)
{
    const auto value = statement.getColumn(column);
    const auto* bytes = static_cast<const char*>(value.getBlob());
    return {bytes, value.getBytes()};
}

qint64 integer(const SQLite::Statement& statement, int column)
{
    return statement.getColumn(column).getInt64();
}

Connection::Connection(const QString& path, Mode mode, const QString& vfs)
    : m_mode(mode), m_thread(std::this_thread::get_id())
{
    const int flags =
        mode == Mode::Writer ? SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE : SQLite::OPEN_READONLY;
    m_database = std::make_unique<SQLite::Database>(path.toStdString(),
                                                    flags | SQLITE_OPEN_NOMUTEX,
                                                    mode == Mode::Writer ? 2000 : 5000,
                                                    vfs.toStdString());
    sqlite3_extended_result_codes(m_database->getHandle(), 1);
    if (mode == Mode::Reader) {
        // Only the writer checkpoints, also when the last one to close is a reader.
        sqlite3_db_config(m_database->getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
        m_database->exec("PRAGMA query_only=ON");
    }
}

Connection::~Connection() = default;

SQLite::Database& Connection::database()
{
    SB_ASSERT(m_thread == std::this_thread::get_id());
    return *m_database;
}

SQLite::Statement& Connection::prepare(const char* sql)
{
    SB_ASSERT(m_thread == std::this_thread::get_id());
    auto found = m_statements.find(std::string_view(sql));
    if (found == m_statements.end()) {
        found = m_statements.emplace(sql, SQLite::Statement(*m_database, sql)).first;
    } else {
        found->second.tryReset();
        found->second.clearBindings();
    }
    m_used.push_back(&found->second);
    return found->second;
}

void Connection::resetStatements()
{
    for (SQLite::Statement* statement : m_used) {
        statement->tryReset();
    }
    m_used.clear();
}

} // namespace sb::store
