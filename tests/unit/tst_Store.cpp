#include "core/store/Database.h"
#include "tests/unit/FaultyDisk.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>
#include <atomic>
#include <latch>
#include <semaphore>

using namespace sb;
using store::Connection;
using store::Database;

class tst_Store : public QObject
{
    Q_OBJECT

    SystemClock m_clock;
    std::unique_ptr<QTemporaryDir> m_folder;

    QString path() const { return m_folder->filePath(QStringLiteral("test.db")); }
    void addMigration(const QString& name, const QByteArray& sql)
    {
        QDir(m_folder->path()).mkpath(QStringLiteral("sql"));
        QFile file(m_folder->filePath(QStringLiteral("sql/") + name));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(sql);
    }
    Result<std::unique_ptr<Database>> open(const QString& vfs = {})
    {
        return Database::open(
            {.path = path(), .migrations = m_folder->filePath(QStringLiteral("sql")), .vfs = vfs},
            m_clock);
    }
    static Result<qint64> count(Database& database)
    {
        return database.read([](Connection& connection) -> Result<qint64> {
            return connection.database().execAndGet("SELECT count(*) FROM t").getInt64();
        });
    }
    static Future<> insert(Database& database, int value)
    {
        return database.write([value](Connection& connection) -> Result<> {
            connection.run("INSERT INTO t(x) VALUES(?)", value);
            return {};
        });
    }

private Q_SLOTS:
    void init()
    {
        m_folder = std::make_unique<QTemporaryDir>();
        addMigration(QStringLiteral("0001_t.sql"), "CREATE TABLE t(x INTEGER UNIQUE);");
    }

    void writesAreReadBackAfterReopening()
    {
        {
            auto database = open();
            QVERIFY(database);
            QVERIFY(insert(**database, 5).wait());
            QCOMPARE(count(**database), Result<qint64>(1));
        }
        QVERIFY(!QFile::exists(path() + QStringLiteral("-wal"))); // closing leaves one file
        auto database = open();
        QVERIFY(database);
        QCOMPARE(count(**database), Result<qint64>(1));
        QCOMPARE(QFile::permissions(path()) & (QFile::ReadOther | QFile::ReadGroup),
                 QFile::Permissions());
    }

    void theProgramCarriesItsMigrations()
    {
        for (const auto& folder : {u":/sql/agent", u":/sql/instance"}) {
            const QTemporaryDir home;
            auto database = Database::open(
                {.path = home.filePath(QStringLiteral("x.db")), .migrations = QString(folder)},
                m_clock);
            QVERIFY(database);
        }
    }

    void aFailedJobUndoesOnlyItself()
    {
        auto database = open();
        QVERIFY(database);
        std::binary_semaphore gate(0);
        auto wait = (*database)->write([&](Connection&) -> Result<> {
            gate.acquire(); // the others gather behind this one, in one batch
            return {};
        });
        auto first = insert(**database, 1);
        auto doubled = insert(**database, 1);
        auto refused = (*database)->write([](Connection& connection) -> Result<> {
            connection.run("INSERT INTO t(x) VALUES(7)");
            return fail(ErrorCode::Forbidden, QStringLiteral("no"));
        });
        auto last = insert(**database, 2);
        gate.release();
        QVERIFY(std::move(wait).wait());
        QVERIFY(std::move(first).wait());
        QCOMPARE(std::move(doubled).wait().error().code, ErrorCode::Conflict);
        QCOMPARE(std::move(refused).wait().error().code, ErrorCode::Forbidden);
        QVERIFY(std::move(last).wait());
        QCOMPARE(count(**database), Result<qint64>(2));
    }

    void whatWaitsSharesOneSync()
    {
        FaultyDisk disk;
        auto database = open(disk.name());
        QVERIFY(database);
        QVERIFY(insert(**database, -1).wait());
        std::binary_semaphore gate(0);
        auto wait = (*database)->write([&](Connection&) -> Result<> {
            gate.acquire();
            return {};
        });
        std::latch all(1000);
        for (int i = 0; i < 1000; ++i) {
            insert(**database, i).then([&](Result<> result) {
                if (result) {
                    all.count_down();
                }
            });
        }
        const int before = disk.syncs();
        gate.release();
        all.wait();
        const int used = disk.syncs() - before;
        QVERIFY2(used <= 20, qPrintable(QString::number(used)));
        database->reset();
    }

    void aReaderSeesOneSnapshotAndCannotWrite()
    {
        auto database = open();
        QVERIFY(database);
        QVERIFY(insert(**database, 1).wait());
        const auto seen = (*database)->read([&](Connection& connection) -> Result<QList<qint64>> {
            const auto now = [&] {
                return connection.database().execAndGet("SELECT count(*) FROM t").getInt64();
            };
            QList<qint64> counts{now()};
            (void)insert(**database, 2).wait();
            counts << now();
            return counts;
        });
        QCOMPARE(seen, Result<QList<qint64>>(QList<qint64>{1, 1}));
        QCOMPARE(count(**database), Result<qint64>(2));
        const auto written = (*database)->read([&](Connection& connection) -> Result<int> {
            return connection.run("INSERT INTO t(x) VALUES(3)");
        });
        QVERIFY(!written);
        QCOMPARE(written.error().code, ErrorCode::Io);
        // Neither the failed reading nor the unfinished statement spoils the next one.
        QCOMPARE(count(**database), Result<qint64>(2));
    }

    void oneWriterAtATime()
    {
        auto database = open();
        QVERIFY(database);
        auto second = open();
        QVERIFY(!second);
        QCOMPARE(second.error().code, ErrorCode::Locked);
        QVERIFY(
            second.error().message.contains(QString::number(QCoreApplication::applicationPid())));
        database->reset();
        QVERIFY(open());
    }

    void aChangeOfSchemaIsBackedUpFirst()
    {
        {
            auto database = open();
            QVERIFY(database);
            QVERIFY(insert(**database, 5).wait());
        }
        addMigration(QStringLiteral("0002_more.sql"),
                     "ALTER TABLE t ADD COLUMN y; UPDATE t SET x = x + 1;");
        addMigration(QStringLiteral("0003_more.sql"), "CREATE TABLE u(x);");
        {
            auto database = open();
            QVERIFY(database);
            const auto x = (*database)->read([](Connection& connection) -> Result<int> {
                return connection.database().execAndGet("SELECT x FROM t").getInt();
            });
            QCOMPARE(x, Result<int>(6));
        }
        Connection backup(path() + QStringLiteral(".before-0002"), Connection::Mode::Reader, {});
        QCOMPARE(backup.database().execAndGet("SELECT x FROM t").getInt(), 5);
        QCOMPARE(backup.database().execAndGet("PRAGMA user_version").getInt(), 1);
        QVERIFY(!QFile::exists(path() + QStringLiteral(".before-0003")));
    }

    void aFailedMigrationChangesNothing()
    {
        QVERIFY(open());
        addMigration(QStringLiteral("0002_bad.sql"), "CREATE TABLE u(x); CREATE TABLE u(x);");
        QVERIFY(!open());
        addMigration(QStringLiteral("0002_bad.sql"), "CREATE TABLE u(x);");
        QVERIFY(open());
    }

    void aNewerVersionIsRefused()
    {
        addMigration(QStringLiteral("0002_more.sql"), "CREATE TABLE u(x);");
        QVERIFY(open());
        QFile::remove(m_folder->filePath(QStringLiteral("sql/0002_more.sql")));
        auto database = open();
        QVERIFY(!database);
        QCOMPARE(database.error().code, ErrorCode::TooNew);
        QVERIFY(database.error().message.contains(QStringLiteral("newer version")));
    }

    void aDamagedFileIsRefused()
    {
        QFile file(path());
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(QByteArray(8192, 'z'));
        file.close();
        auto database = open();
        QVERIFY(!database);
        QCOMPARE(database.error().code, ErrorCode::Corrupt);
    }

    void aMissingFolderIsSaid()
    {
        auto database = Database::open({.path = m_folder->filePath(QStringLiteral("not/there.db")),
                                        .migrations = m_folder->filePath(QStringLiteral("sql"))},
                                       m_clock);
        QVERIFY(!database);
        QCOMPARE(database.error().code, ErrorCode::Io);
    }

    void aFullDiskFailsTheBatchAndIsSurvived()
    {
        FaultyDisk disk;
        auto database = open(disk.name());
        QVERIFY(database);
        QVERIFY(insert(**database, 1).wait());
        disk.setRoom(0);
        std::binary_semaphore gate(0);
        // It writes as well: should it be a batch of its own, because it took long, that one fails
        // too.
        auto wait = (*database)->write([&](Connection& connection) -> Result<> {
            gate.acquire();
            connection.run("INSERT INTO t(x) VALUES(9)");
            return {};
        });
        auto second = insert(**database, 2);
        auto third = insert(**database, 3);
        gate.release();
        QCOMPARE(std::move(wait).wait().error().code, ErrorCode::DiskFull);
        QCOMPARE(std::move(second).wait().error().code, ErrorCode::DiskFull);
        QCOMPARE(std::move(third).wait().error().code, ErrorCode::DiskFull);
        disk.setRoom(-1);
        QVERIFY(insert(**database, 4).wait());
        QCOMPARE(count(**database), Result<qint64>(2));
        database->reset();
    }

    void aFailedSyncStopsTheWriter()
    {
        FaultyDisk disk;
        {
            auto database = open(disk.name());
            QVERIFY(database);
            QVERIFY(insert(**database, 1).wait());
            disk.setSyncsFail(true);
            QCOMPARE(insert(**database, 2).wait().error().code, ErrorCode::Io);
            disk.setSyncsFail(false);
            // The disk may only pretend from here on.
            QCOMPARE(insert(**database, 3).wait().error().code, ErrorCode::Io);
        }
        auto database = open(disk.name());
        QVERIFY(database);
        QVERIFY(insert(**database, 4).wait());
        database->reset();
    }

    void truncatingTheLogEmptiesIt()
    {
        auto database = open();
        QVERIFY(database);
        QVERIFY(insert(**database, 1).wait());
        QVERIFY(QFileInfo(path() + QStringLiteral("-wal")).size() > 0);
        QVERIFY((*database)->truncateLog().wait());
        QCOMPARE(QFileInfo(path() + QStringLiteral("-wal")).size(), 0);
    }

    void everythingQueuedIsWrittenBeforeItCloses()
    {
        {
            auto database = open();
            QVERIFY(database);
            for (int i = 0; i < 500; ++i) {
                (void)insert(**database, i);
            }
        }
        auto database = open();
        QVERIFY(database);
        QCOMPARE(count(**database), Result<qint64>(500));
    }

    void manyThreadsReadWhileOneWrites()
    {
        auto database = open();
        QVERIFY(database);
        std::atomic<bool> stop{false};
        std::atomic<int> wrong{0};
        std::vector<std::thread> readers;
        for (int t = 0; t < 6; ++t) {
            readers.emplace_back([&] {
                qint64 last = 0;
                while (!stop) {
                    const auto now = count(**database);
                    wrong += !now || *now < last;
                    last = now.value_or(last);
                }
            });
        }
        for (int i = 0; i < 200; ++i) {
            QVERIFY(insert(**database, i).wait());
        }
        stop = true;
        for (auto& reader : readers) {
            reader.join();
        }
        QCOMPARE(wrong.load(), 0);
    }
};

QTEST_GUILESS_MAIN(tst_Store)
#include "tst_Store.moc"
