#include "core/store/Database.h"

#include "core/store/Migrations.h"

#include <QDir>
#include <QFile>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

// Outside any namespace, as the macro wants it: pulls the migrations out of the static library.
static void loadMigrations()
{
    Q_INIT_RESOURCE(sql);
}

namespace sb::store {

namespace {

// A batch is cut when it has run this long, so that the first of many appenders does not wait for
// all of them.
constexpr std::chrono::milliseconds longestBatch{20};
constexpr size_t keptReaders = 4;

/// Holds FILE.lock, with the holder's process id in it, for as long as it lives.
class WriterLock
{
public:
    ~WriterLock()
    {
        if (m_fd >= 0) {
            ::close(m_fd);
        }
    }
    Result<> take(const QString& path)
    {
        const QByteArray name = QFile::encodeName(path + QStringLiteral(".lock"));
        m_fd = ::open(name.constData(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (m_fd < 0) {
            return fail(errno == ENOSPC ? ErrorCode::DiskFull : ErrorCode::Io,
                        QStringLiteral("The file %1.lock cannot be made: %2.")
                            .arg(path, qt_error_string(errno)),
                        path);
        }
        if (::flock(m_fd, LOCK_EX | LOCK_NB) != 0) {
            char holder[16] = {};
            const auto size = ::pread(m_fd, holder, sizeof holder - 1, 0);
            const QString pid = QString::fromLatin1(holder, size > 0 ? size : 0).trimmed();
            return fail(
                ErrorCode::Locked,
                pid.isEmpty()
                    ? QStringLiteral("The database %1 is in use by another process.").arg(path)
                    : QStringLiteral("The database %1 is in use by process %2.").arg(path, pid),
                path);
        }
        const QByteArray pid = QByteArray::number(::getpid()) + '\n';
        if (::ftruncate(m_fd, 0) != 0 ||
            ::pwrite(m_fd, pid.constData(), size_t(pid.size()), 0) < 0) {
            // The lock is what counts; without the number the other side's message is less exact.
        }
        return {};
    }

private:
    int m_fd = -1;
};

} // namespace

struct Database::Private
{
    struct Item
    {
        Write job; ///< empty: a checkpoint that truncates the log
        Done done;
    };

    Settings settings;
    WriterLock lock;
    std::unique_ptr<Connection> connection; // lives on the writer's thread
    int logPages = 0;                       // the writer's
    std::optional<Error> broken;            // the writer's: set once, fails everything after

    std::mutex mutex;
    std::condition_variable wake;
    std::deque<Item> queue;
    bool stopping = false;
    std::thread::id writerId;
    std::thread writer;

    std::mutex readersMutex;
    std::vector<std::unique_ptr<Connection>> readers; // those that nobody uses now

    Result<> start();
    void loop();
    void runBatch(std::deque<Item>& items);
    Result<> runJob(Item& item);
    void settle(std::vector<std::pair<Done, Result<>>>& outcomes,
                const std::optional<Error>& error);
    Result<> checkpoint(int mode);
};

namespace {

// Tells the writer how long the log became with this commit.
int noteLog(void* pages, sqlite3*, const char*, int count)
{
    *static_cast<int*>(pages) = count;
    return SQLITE_OK;
}

} // namespace

Result<> Database::Private::start()
{
    try {
        const bool isNew = !QFile::exists(settings.path);
        // Created here first, because SQLite would give it the umask's permissions, and its
        // companions the same.
        const int fd = ::open(
            QFile::encodeName(settings.path).constData(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0) {
            return fail(errno == ENOSPC ? ErrorCode::DiskFull : ErrorCode::Io,
                        QStringLiteral("The database %1 cannot be opened: %2.")
                            .arg(settings.path, qt_error_string(errno)),
                        settings.path);
        }
        ::close(fd);
        connection =
            std::make_unique<Connection>(settings.path, Connection::Mode::Writer, settings.vfs);
        SQLite::Database& database = connection->database();
        database.exec("PRAGMA secure_delete=ON");
        database.exec("PRAGMA synchronous=FULL");
        database.exec("PRAGMA wal_autocheckpoint=0");
        database.exec("PRAGMA cache_size=-4096");
        database.exec("PRAGMA foreign_keys=ON");
        if (database.execAndGet("PRAGMA journal_mode=WAL").getString() != "wal") {
            return fail(
                ErrorCode::Unsupported,
                QStringLiteral("The folder of %1 cannot hold a database with a write-ahead log "
                               "(a network drive?).")
                    .arg(settings.path),
                settings.path);
        }
        SB_CHECK(migrate(*connection, settings.path, settings.migrations));
        if (isNew) {
            // The new name must survive a power cut as well as the bytes do.
            const int folder =
                ::open(QFile::encodeName(QFileInfo(settings.path).absolutePath()).constData(),
                       O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            if (folder >= 0) {
                ::fsync(folder);
                ::close(folder);
            }
        }
        sqlite3_wal_hook(database.getHandle(), noteLog, &logPages);
        return {};
    } catch (const std::exception& exception) {
        return std::unexpected(errorFrom(exception, settings.path));
    }
}

void Database::Private::loop()
{
    for (;;) {
        std::deque<Item> items;
        {
            std::unique_lock guard(mutex);
            wake.wait(guard, [&] { return stopping || !queue.empty(); });
            if (queue.empty()) {
                return;
            }
            items.swap(queue);
        }
        while (!items.empty()) {
            if (!items.front().job) {
                auto done = std::move(items.front().done);
                items.pop_front();
                done(checkpoint(SQLITE_CHECKPOINT_TRUNCATE));
                continue;
            }
            runBatch(items);
            if (logPages >= settings.logPages * 16) {
                // A reader in an old snapshot may keep it from finishing; then it goes on after a
                // later batch.
                (void)checkpoint(SQLITE_CHECKPOINT_PASSIVE);
            }
        }
        bool idle = false;
        {
            const std::scoped_lock guard(mutex);
            idle = queue.empty();
        }
        if (idle && logPages >= settings.logPages) {
            (void)checkpoint(SQLITE_CHECKPOINT_PASSIVE);
        }
    }
}

// Runs jobs from the front in one transaction, and answers for each of them.
void Database::Private::runBatch(std::deque<Item>& items)
{
    std::vector<std::pair<Done, Result<>>> outcomes;
    if (broken) {
        outcomes.emplace_back(std::move(items.front().done), Result<>());
        items.pop_front();
        settle(outcomes, broken);
        return;
    }
    std::optional<Error> error; // of the whole batch
    try {
        connection->exec("BEGIN IMMEDIATE");
        const auto began = std::chrono::steady_clock::now();
        do {
            Item item = std::move(items.front());
            items.pop_front();
            outcomes.emplace_back(std::move(item.done), Result<>());
            connection->run("SAVEPOINT job");
            auto result = runJob(item);
            connection->resetStatements();
            // Some errors (a full disk) make SQLite roll back everything, not only this job.
            if (sqlite3_get_autocommit(connection->database().getHandle()) != 0) {
                error = result ? Error{ErrorCode::Io,
                                       QStringLiteral("The database %1 gave the change up.")
                                           .arg(settings.path),
                                       {}}
                               : result.error();
                break;
            }
            if (!result) {
                connection->run("ROLLBACK TO job");
            }
            connection->run("RELEASE job");
            outcomes.back().second = std::move(result);
        } while (!items.empty() && items.front().job &&
                 std::chrono::steady_clock::now() - began < longestBatch);
        if (!error) {
            connection->run("COMMIT");
        }
    } catch (const std::exception& exception) {
        error = errorFrom(exception, settings.path);
        const auto* sqlite = dynamic_cast<const SQLite::Exception*>(&exception);
        if (sqlite && sqlite->getExtendedErrorCode() == SQLITE_IOERR_FSYNC) {
            // After a failed fsync the system may drop the pages and call the next one a success.
            broken =
                Error{ErrorCode::Io,
                      QStringLiteral("The disk failed to keep what was written to %1; nothing more "
                                     "is written until the program starts again.")
                          .arg(settings.path),
                      error->context};
        }
    }
    connection->resetStatements();
    if (error && sqlite3_get_autocommit(connection->database().getHandle()) == 0) {
        try {
            connection->exec("ROLLBACK");
        } catch (const std::exception& exception) {
            broken = errorFrom(exception, settings.path);
        }
    }
    if (outcomes.empty()) { // not even BEGIN worked
        outcomes.emplace_back(std::move(items.front().done), Result<>());
        items.pop_front();
    }
    settle(outcomes, error);
}

Result<> Database::Private::runJob(Item& item)
{
    try {
        return item.job(*connection);
    } catch (const std::exception& exception) {
        return std::unexpected(errorFrom(exception, settings.path));
    }
}

void Database::Private::settle(std::vector<std::pair<Done, Result<>>>& outcomes,
                               const std::optional<Error>& error)
{
    for (auto& [done, result] : outcomes) {
        // A job that failed by itself keeps its own reason.
        done(error && result ? Result<>(std::unexpected(*error)) : std::move(result));
    }
}

Result<> Database::Private::checkpoint(int mode)
{
    int inLog = 0;
    int moved = 0;
    const int code = sqlite3_wal_checkpoint_v2(
        connection->database().getHandle(), nullptr, mode, &inLog, &moved);
    if (code != SQLITE_OK) {
        return std::unexpected(
            errorFrom(SQLite::Exception(connection->database().getHandle(), code), settings.path));
    }
    if (moved >= inLog) {
        logPages = 0; // the next commit starts it anew
    }
    return {};
}

Database::Database() : m(std::make_unique<Private>()) {}

Result<std::unique_ptr<Database>> Database::open(Settings settings, Clock&)
{
    loadMigrations();
    std::unique_ptr<Database> database(new Database);
    Private& p = *database->m;
    p.settings = std::move(settings);
    SB_CHECK(p.lock.take(p.settings.path));
    Promise<> started;
    auto outcome = started.future();
    auto life = [&p, started = std::move(started)] {
        auto result = p.start();
        const bool ok = result.has_value();
        if (!ok) {
            p.connection.reset();
        }
        p.writerId = std::this_thread::get_id();
        started.set(std::move(result));
        if (ok) {
            p.loop();
            p.connection.reset(); // the last one to close: checkpoints and removes the log
        }
    };
    try {
        p.writer = std::thread(std::move(life));
    } catch (const std::system_error& error) {
        return fail(ErrorCode::Unavailable,
                    QStringLiteral("No thread can be started for %1: %2.")
                        .arg(p.settings.path, QString::fromLocal8Bit(error.what())),
                    p.settings.path);
    }
    SB_CHECK(std::move(outcome).wait());
    return database;
}

Database::~Database()
{
    {
        // Readers go first, so that the writer is the last to close and leaves no log behind.
        const std::scoped_lock guard(m->readersMutex);
        m->readers.clear();
    }
    if (m->writer.joinable()) {
        SB_ASSERT(!isWriter());
        {
            const std::scoped_lock guard(m->mutex);
            m->stopping = true;
        }
        m->wake.notify_one();
        m->writer.join();
    }
}

const QString& Database::path() const
{
    return m->settings.path;
}

const QString& Database::vfs() const
{
    return m->settings.vfs;
}

Result<std::unique_ptr<Connection>> Database::scratch() const
{
    try {
        // SQLite's name for a database that is nobody else's.
        auto connection =
            std::make_unique<Connection>(QString(), Connection::Mode::Writer, QString());
        connection->exec("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF");
        SB_CHECK(migrate(*connection, {}, m->settings.migrations));
        return connection;
    } catch (const std::exception& exception) {
        return std::unexpected(errorFrom(exception, m->settings.path));
    }
}

bool Database::isWriter() const
{
    return m->writerId == std::this_thread::get_id();
}

void Database::enqueue(Write job, Done done)
{
    SB_ASSERT(job);
    bool wake = false;
    {
        const std::scoped_lock guard(m->mutex);
        SB_ASSERT(!m->stopping);
        wake = m->queue.empty();
        m->queue.push_back({std::move(job), std::move(done)});
    }
    if (wake) {
        m->wake.notify_one();
    }
}

Future<> Database::truncateLog()
{
    Promise<> promise;
    auto future = promise.future();
    {
        const std::scoped_lock guard(m->mutex);
        m->queue.push_back({{}, [promise = std::move(promise)](Result<> result) {
                                promise.set(std::move(result));
                            }});
    }
    m->wake.notify_one();
    return future;
}

Result<> Database::readRaw(const std::function<void(Connection&)>& reading)
{
    std::unique_ptr<Connection> connection;
    {
        const std::scoped_lock guard(m->readersMutex);
        if (!m->readers.empty()) {
            connection = std::move(m->readers.back());
            m->readers.pop_back();
        }
    }
    try {
        if (!connection) {
            connection = std::make_unique<Connection>(
                m->settings.path, Connection::Mode::Reader, m->settings.vfs);
        }
        connection->adopt();
        connection->run("BEGIN");
        reading(*connection);
        connection->resetStatements();
        connection->run("COMMIT");
        connection->resetStatements();
    } catch (const std::exception& exception) {
        // The connection is not put back: a new one starts clean.
        return std::unexpected(errorFrom(exception, m->settings.path));
    }
    const std::scoped_lock guard(m->readersMutex);
    if (m->readers.size() < keptReaders) {
        m->readers.push_back(std::move(connection));
    }
    return {};
}

} // namespace sb::store
