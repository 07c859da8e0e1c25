#include "core/store/Connection.h"
#include "tests/scenario/Program.h"

#include <QRandomGenerator>

using namespace sb::test;
using namespace Qt::StringLiterals;

namespace {

constexpr int offsets = 40;

/// All that SQLite gives back of a database file, in order; empty when it cannot be read whole.
QByteArray contentOf(const QString& path)
{
    QByteArray all;
    try {
        sb::store::Connection connection(path, sb::store::Connection::Mode::Reader, {});
        QList<QByteArray> tables;
        SQLite::Statement schema(connection.database(),
                                 "SELECT name, sql FROM sqlite_schema ORDER BY name");
        while (schema.executeStep()) {
            all += sb::store::blob(schema, 0) + ' ' + sb::store::blob(schema, 1) + '\n';
            if (sb::store::blob(schema, 1).startsWith("CREATE TABLE")) {
                tables.append(sb::store::blob(schema, 0));
            }
        }
        SQLite::Statement damage(connection.database(), "PRAGMA integrity_check");
        while (damage.executeStep()) {
            all += sb::store::blob(damage, 0);
        }
        for (const QByteArray& table : tables) {
            SQLite::Statement rows(connection.database(),
                                   QByteArray("SELECT * FROM \"" + table + "\"").toStdString());
            while (rows.executeStep()) {
                for (int i = 0; i < rows.getColumnCount(); ++i) {
                    const auto column = rows.getColumn(i);
                    all += QByteArray(static_cast<const char*>(column.getBlob()), column.getBytes())
                               .toHex() +
                           '|';
                }
                all += '\n';
            }
        }
    } catch (const std::exception&) {
        return {};
    }
    return all;
}

} // namespace

/// A changed byte of the record is noticed, wherever it is.
class tst_CommandLineTamper final : public QObject
{
    Q_OBJECT

    std::unique_ptr<Program> m_program;
    QString m_path;
    QByteArray m_sound;

private Q_SLOTS:
    void initTestCase()
    {
        m_program = std::make_unique<Program>();
        QVERIFY(QFile::remove(m_program->config()));
        QCOMPARE(m_program->run({u"tour"_s}).code, 0);
        QCOMPARE(m_program->run({u"journal"_s, u"verify"_s}).code, 0);
        m_path = m_program->database(u"tour"_s);
        m_sound = Program::get(m_path);
        QVERIFY(!m_sound.isEmpty());
        QVERIFY(Program::get(m_path + u"-wal"_s).isEmpty()); // all of it is in the one file
    }

    void cleanup()
    {
        QFile::remove(m_path + u"-wal"_s);
        QFile::remove(m_path + u"-shm"_s);
        QVERIFY(Program::put(m_path, m_sound));
    }

    void a_changed_payload_is_named()
    {
        const QByteArray words = "The test in this repository fails";
        const auto entries = m_program->journal(u"tour"_s);
        qint64 expected = 0;
        for (const auto& entry : entries) {
            if (expected == 0 && entry[u"payload"][u"task"].toString().toUtf8().startsWith(words)) {
                expected = entry[u"seq"].toInteger();
            }
        }
        QVERIFY(expected > 0);
        // In the payload table it stands as "task":"…; the projections hold copies of it.
        auto changed = m_sound;
        const auto at = changed.indexOf(QByteArray("\"task\":\"" + words));
        QVERIFY(at > 0);
        changed[at + 20] = 'X';
        QVERIFY(Program::put(m_path, changed));
        const auto verified = m_program->run({u"journal"_s, u"verify"_s, u"--json"_s});
        QVERIFY2(verified.code == 1, verified.said());
        QJsonObject report;
        for (const auto& line : verified.lines()) {
            report = line[u"agent"].toString() == u"tour" ? line : report;
        }
        QVERIFY(!report[u"ok"].toBool());
        const QString told = report[u"message"].toString();
        QVERIFY2(told.contains(QString::number(expected)), qPrintable(told));
        const auto forPeople = m_program->run({u"journal"_s, u"verify"_s});
        QVERIFY2(forPeople.code == 1 && forPeople.out.contains("BAD"), forPeople.said());
    }

    void a_changed_byte_anywhere_is_noticed_unless_it_says_nothing()
    {
        const QByteArray content = contentOf(m_path);
        QVERIFY(!content.isEmpty());
        auto* random = QRandomGenerator::global();
        int noticed = 0;
        for (int i = 0; i < offsets; ++i) {
            const qint64 at = random->bounded(m_sound.size());
            auto changed = m_sound;
            changed[at] = char(changed[at] ^ (1 << random->bounded(8)));
            cleanup();
            QVERIFY(Program::put(m_path, changed));
            const bool saysNothing = contentOf(m_path) == content;
            const auto verified = m_program->run({u"journal"_s, u"verify"_s});
            QVERIFY2(!verified.crashed && (verified.code == 0 || verified.code == 1),
                     verified.said());
            QVERIFY2(verified.code == 1 || saysNothing,
                     QByteArray("offset " + QByteArray::number(at) + " of " +
                                QByteArray::number(m_sound.size()) + ' ' + verified.said()));
            noticed += verified.code;
        }
        QVERIFY(noticed > 0);
    }

    void a_changed_cell_of_any_table_is_noticed()
    {
        QStringList changes;
        {
            sb::store::Connection connection(m_path, sb::store::Connection::Mode::Reader, {});
            SQLite::Statement columns(
                connection.database(),
                "SELECT m.name, c.name, c.type FROM sqlite_schema m, pragma_table_info(m.name) c "
                "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'");
            while (columns.executeStep()) {
                const QString table = sb::store::text(columns, 0);
                const QString column = sb::store::text(columns, 1);
                // A head's peaks only save the writer work, and a part's id only tells rows apart.
                if ((table == u"head" && column == u"peaks") ||
                    (table == u"part" && column == u"id")) {
                    continue;
                }
                const QString value = sb::store::text(columns, 2) == u"INTEGER"
                                          ? u"ifnull(%1, 0) + 7"_s.arg(column)
                                          : u"CAST(ifnull(%1, '') || 'x' AS %2)"_s.arg(
                                                column, sb::store::text(columns, 2));
                changes.append(
                    u"UPDATE OR IGNORE \"%1\" SET %2 = %3 WHERE %2 IS (SELECT max(%2) FROM "
                    "\"%1\")"_s.arg(table, column, value));
            }
        }
        QVERIFY(changes.size() > 60);
        int tried = 0;
        for (const QString& change : changes) {
            cleanup();
            {
                SQLite::Database database(m_path.toStdString(), SQLite::OPEN_READWRITE);
                if (database.tryExec(change.toStdString()) != SQLite::OK) {
                    QFAIL(QByteArray(change.toUtf8() + ' ' + database.getErrorMsg()));
                }
                if (database.getTotalChanges() == 0) {
                    continue; // an empty table
                }
                ++tried;
            }
            const auto verified = m_program->run({u"journal"_s, u"verify"_s, u"--json"_s});
            QVERIFY2(verified.code == 1, QByteArray(change.toUtf8() + ' ' + verified.said()));
            QVERIFY2(verified.out.contains("at entry"),
                     QByteArray(change.toUtf8() + ' ' + verified.said()));
        }
        QVERIFY(tried > 55);
    }

    void what_remains_after_erasing_is_what_the_journal_makes()
    {
        m_program->writeConfig({});
        sb::SystemClock clock;
        auto runtime =
            sb::runtime::Runtime::open({sb::runtime::Home::locate(m_program->home()),
                                        u"run"_s,
                                        QStringLiteral(SB_BIN_DIR "/signalbox-sandbox-helper"),
                                        true},
                                       clock);
        QVERIFY2(runtime, runtime ? "" : qPrintable(runtime.error().message));
        sb::protocol::ErasePayload erase;
        erase.agent = u"tour"_s;
        erase.reason = u"asked to"_s;
        erase.by = u"test"_s;
        sb::protocol::VerifyJournal verify;
        verify.agent = u"tour"_s;
        int erased = 0;
        for (erase.seq = 1; erase.seq <= 92; ++erase.seq) {
            erased += (*runtime)->request(erase).wait().has_value();
            const auto verified = (*runtime)->request(verify).wait();
            QVERIFY(verified && verified->reports.size() == 1);
            QVERIFY2(
                verified->reports.first().ok,
                qPrintable(QString::number(erase.seq) + u' ' + verified->reports.first().message));
        }
        QVERIFY(erased > 80);
    }

    void an_erased_message_is_gone_from_every_reading()
    {
        Instance instance;
        instance.model.otherwise(text(u"Noted."_s));
        auto& runtime = instance.open();
        const QString room = u"room"_s;
        QVERIFY(instance.say(room, u"My number is 555-0199"_s) > 0);
        QTRY_COMPARE(instance.sent(room).size(), 1);
        for (const auto& entry : instance.entries()) {
            if (QJsonDocument(entry.payload).toJson().contains("555-0199")) {
                sb::protocol::ErasePayload erase;
                erase.agent = u"assistant"_s;
                erase.seq = entry.seq;
                erase.reason = u"asked to"_s;
                erase.by = u"test"_s;
                const auto erased = instance.ask(std::move(erase));
                QVERIFY2(erased.has_value(), erased ? "" : qPrintable(erased.error().message));
            }
        }
        sb::protocol::GetTranscript page;
        page.agent = u"assistant"_s;
        page.channel = room;
        const auto transcript = instance.ask(page);
        QVERIFY(transcript.has_value());
        for (const auto& item : transcript->items) {
            QVERIFY(!item.text.contains(u"555-0199"));
        }
        const auto verified = runtime.request(sb::protocol::VerifyJournal{}).wait();
        QVERIFY(verified && verified->reports.first().ok);
        QVERIFY(instance.say(room, u"And now?"_s) > 0);
        QTRY_COMPARE(instance.sent(room).size(), 2);
        instance.close();
        const QByteArray file =
            Program::get(instance.home().agentFolder(u"assistant"_s) + u"/agent.db"_s);
        QVERIFY(!file.isEmpty() && !file.contains("555-0199"));
        instance.open();
        QVERIFY(instance.say(room, u"Still there?"_s) > 0);
        QTRY_COMPARE(instance.sent(room).size(), 3);
    }

    void an_end_that_was_cut_off_is_noticed()
    {
        {
            // As somebody would who wants the last hour to be forgotten.
            SQLite::Database database(m_path.toStdString(), SQLite::OPEN_READWRITE);
            database.exec("DELETE FROM payload WHERE seq > 40; DELETE FROM entry WHERE seq > 40");
        }
        const auto verified = m_program->run({u"journal"_s, u"verify"_s});
        QVERIFY2(verified.code == 1 && verified.out.contains("41"), verified.said());
    }
};

QTEST_GUILESS_MAIN(tst_CommandLineTamper)
#include "tst_CommandLineTamper.moc"
