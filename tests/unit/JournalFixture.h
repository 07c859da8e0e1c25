#pragma once
#include "core/journal/Journal.h"
#include "core/journal/SigningKey.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>

/// A journal in a folder of its own, that can be closed, spoiled and opened again.
class JournalFixture
{
public:
    QString path() const { return folder.filePath(QStringLiteral("agent.db")); }

    /// Adds a migration of the test's own behind those of the program.
    void addMigration(const QByteArray& sql)
    {
        const QDir program(QStringLiteral(":/sql/agent"));
        migrations = folder.filePath(QStringLiteral("sql"));
        QDir().mkpath(migrations);
        const auto files = program.entryList(QDir::Files, QDir::Name);
        for (const QString& name : files) {
            QFile::copy(program.filePath(name), migrations + u'/' + name);
        }
        QFile own(migrations +
                  QStringLiteral("/%1_test.sql").arg(files.size() + 1, 4, 10, QLatin1Char('0')));
        SB_ASSERT(own.open(QIODevice::WriteOnly) && own.write(sql) == sql.size());
    }

    sb::Result<> openDatabase(const QString& vfs = {}, int logPages = 1000)
    {
        SB_TRY(database,
               sb::store::Database::open(
                   {.path = path(), .migrations = migrations, .vfs = vfs, .logPages = logPages},
                   clock));
        return {};
    }
    sb::Result<>
    open(sb::journal::Journal::Settings settings = {}, const QString& vfs = {}, int logPages = 1000)
    {
        close();
        SB_CHECK(openDatabase(vfs, logPages));
        settings.agent = QStringLiteral("assistant");
        settings.signingKey = key.secret;
        SB_TRY(journal, sb::journal::Journal::open(std::move(settings), *database, clock));
        return {};
    }
    void close()
    {
        journal.reset();
        database.reset();
    }
    sb::Result<sb::protocol::Entry>
    add(const QString& text, sb::protocol::Kind kind = sb::protocol::Kind::MessageReceived)
    {
        return journal->append(entry(text, kind)).wait();
    }
    static sb::journal::NewEntry
    entry(const QString& text, sb::protocol::Kind kind = sb::protocol::Kind::MessageReceived)
    {
        return {.kind = kind,
                .process = QStringLiteral("chn-1"),
                .cause = QStringLiteral("other:7"),
                .payload = {{QStringLiteral("text"), text}},
                .traceId = QStringLiteral("4bf92f3577b34da6a3ce929d0e0e4736"),
                .spanId = QStringLiteral("00f067aa0ba902b7")};
    }
    sb::protocol::VerifyReport verify()
    {
        return journal->verify({}, {}).value_or(sb::protocol::VerifyReport());
    }
    /// The check for a chain that may not open.
    sb::protocol::VerifyReport verifyClosed()
    {
        close();
        if (auto opened = openDatabase(); !opened) {
            sb::protocol::VerifyReport report;
            report.message = opened.error().message;
            return report;
        }
        auto report = sb::journal::Journal::verifyDatabase(
            *database, QStringLiteral("assistant"), key.publicKey, {}, {});
        close();
        return report.value_or(sb::protocol::VerifyReport());
    }
    /// Executes SQL behind the journal's back; the database must be closed.
    void spoil(const QString& sql) const
    {
        SQLite::Database(path().toStdString(), SQLite::OPEN_READWRITE).exec(sql.toStdString());
    }

    QTemporaryDir folder;
    QString migrations = QStringLiteral(":/sql/agent");
    sb::FakeClock clock;
    sb::journal::SigningKey key = *sb::journal::SigningKey::loadOrCreate(folder.path());
    std::unique_ptr<sb::store::Database> database;
    std::unique_ptr<sb::journal::Journal> journal;
};
