#include "core/journal/Payload.h"
#include "tests/unit/FaultyDisk.h"
#include "tests/unit/JournalFixture.h"

#include <QCryptographicHash>
#include <QJsonDocument>
#include <QTest>
#include <random>
#include <semaphore>

using namespace sb;
using journal::Journal;
using journal::NewEntry;
using protocol::Entry;
using protocol::Kind;

namespace {

/// Counts texts by kind: a reading with a table of its own.
class TextCounts final : public journal::Projection
{
public:
    static constexpr const char* schema =
        "CREATE TABLE test_counts(kind TEXT PRIMARY KEY, n INTEGER, last TEXT, seq INTEGER)";

    QList<Table> tables() const override
    {
        return {{QStringLiteral("test_counts"), QStringLiteral("seq")}};
    }
    Result<> apply(store::Connection& connection, const Entry& entry) override
    {
        const QString text = entry.payload.value(QStringLiteral("text")).toString();
        if (text == u"refuse") {
            return fail(ErrorCode::InvalidInput, QStringLiteral("refused"));
        }
        connection.run(
            "INSERT INTO test_counts VALUES(?1, 1, ?2, ?3) ON CONFLICT(kind) DO UPDATE SET "
            "n = n + 1, last = ?2, seq = ?3",
            protocol::kindName(entry.kind),
            text,
            entry.seq);
        return {};
    }
    Result<> erase(store::Connection& connection, const Entry& entry) override
    {
        connection.run("UPDATE test_counts SET last = '' WHERE last = ?",
                       entry.payload.value(QStringLiteral("text")).toString());
        return {};
    }
};

Journal::Settings withCounts()
{
    Journal::Settings settings;
    settings.projections.push_back(std::make_unique<TextCounts>());
    return settings;
}

QStringList counts(store::Database& database)
{
    return database
        .read([](store::Connection& connection) -> Result<QStringList> {
            QStringList list;
            auto& rows = connection.query("SELECT kind, n, last FROM test_counts ORDER BY kind");
            while (rows.executeStep()) {
                list << QStringLiteral("%1 %2 %3")
                            .arg(store::text(rows, 0), store::text(rows, 1), store::text(rows, 2));
            }
            return list;
        })
        .value_or(QStringList());
}

} // namespace

class tst_Journal : public QObject
{
    Q_OBJECT

    std::unique_ptr<JournalFixture> m;

private Q_SLOTS:
    void init()
    {
        m = std::make_unique<JournalFixture>();
        m->addMigration(TextCounts::schema);
    }

    void anEntryComesBackAsItWasWritten()
    {
        QVERIFY(m->open());
        const auto written = m->add(QStringLiteral("Grüße, \"world\"\n"));
        QVERIFY(written);
        QCOMPARE(written->seq, 1);
        QCOMPARE(written->time, m->clock.nowUs());
        QCOMPARE(written->agent, QStringLiteral("assistant"));
        QCOMPARE(written->hash.size(), 32);
        QCOMPARE(m->journal->entry(1), written);
        QVERIFY(m->open());
        QCOMPARE(m->journal->entry(1), written);
        QCOMPARE(m->journal->lastSeq(), 1);
        QCOMPARE(m->journal->entry(2).error().code, ErrorCode::NotFound);
    }

    void theChainGoesOnAfterReopening()
    {
        for (int round = 0; round < 4; ++round) {
            Journal::Settings each;
            each.headEvery = 7;
            QVERIFY(m->open(std::move(each)));
            for (int i = 0; i < 10; ++i) {
                QVERIFY(m->add(QString::number(i)));
            }
        }
        const auto report = m->verify();
        QVERIFY2(report.ok, qPrintable(report.message));
        QCOMPARE(report.entries, 40);
        QCOMPARE(report.erased, 0);
        QCOMPARE(report.head, QString::fromLatin1(m->journal->entry(40)->hash.toHex()));
    }

    void manyAppendersGetGaplessSeqs()
    {
        QVERIFY(m->open());
        std::vector<std::thread> threads;
        std::atomic<int> bad{0};
        for (int t = 0; t < 8; ++t) {
            threads.emplace_back([&, t] {
                qint64 last = 0;
                for (int i = 0; i < 300; ++i) {
                    const auto entry = m->add(QStringLiteral("%1 %2").arg(t).arg(i));
                    bad += !entry || entry->seq <= last || m->journal->lastSeq() < entry->seq;
                    last = entry ? entry->seq : last;
                }
            });
        }
        for (auto& thread : threads) {
            thread.join();
        }
        QCOMPARE(bad.load(), 0);
        QCOMPARE(m->journal->lastSeq(), 2400);
        const auto report = m->verify();
        QVERIFY2(report.ok, qPrintable(report.message));
        QCOMPARE(report.entries, 2400);
    }

    void aTransactionIsAllOrNothing()
    {
        QVERIFY(m->open(withCounts()));
        const auto both =
            m->journal
                ->transact([](journal::Transaction& transaction) -> Result<qint64> {
                    SB_TRY(auto first,
                           transaction.append(JournalFixture::entry(QStringLiteral("a"))));
                    NewEntry next = JournalFixture::entry(QStringLiteral("b"), Kind::MessageSent);
                    next.cause = QString::number(first.seq);
                    SB_TRY(auto second, transaction.append(next));
                    return second.seq;
                })
                .wait();
        QCOMPARE(both, Result<qint64>(2));
        QCOMPARE(m->journal->entry(2)->cause, QStringLiteral("1"));
        const auto none =
            m->journal
                ->transact([](journal::Transaction& transaction) -> Result<qint64> {
                    SB_CHECK(transaction.append(JournalFixture::entry(QStringLiteral("c"))));
                    return fail(ErrorCode::Conflict, QStringLiteral("no"));
                })
                .wait();
        QCOMPARE(none.error().code, ErrorCode::Conflict);
        // Also when a job forgets to look at what its append answered.
        const auto careless =
            m->journal
                ->transact([](journal::Transaction& transaction) -> Result<qint64> {
                    (void)transaction.append(JournalFixture::entry(QStringLiteral("refuse")));
                    return 1;
                })
                .wait();
        QCOMPARE(careless.error().message, QStringLiteral("refused"));
        QCOMPARE(m->journal->lastSeq(), 2);
        QCOMPARE(counts(*m->database),
                 (QStringList{QStringLiteral("message.received 1 a"),
                              QStringLiteral("message.sent 1 b")}));
        QCOMPARE(m->add(QStringLiteral("d"))->seq, 3);
        QVERIFY(m->verify().ok);
    }

    void projectionsRebuiltEqualThoseThatWereLive()
    {
        QVERIFY(m->open(withCounts()));
        for (int i = 0; i < 1203; ++i) {
            (void)m->journal->append(JournalFixture::entry(
                QString::number(i), i % 3 ? Kind::ToolResult : Kind::ToolCall));
        }
        QVERIFY(m->add(QStringLiteral("end")));
        const auto live = counts(*m->database);
        QCOMPARE(live.size(), 3);
        QVERIFY(m->verify().ok);
        QVERIFY(m->database
                    ->write([](store::Connection& connection) -> Result<> {
                        connection.run("UPDATE test_counts SET n = 0");
                        return {};
                    })
                    .wait());
        QVERIFY(!m->verify().ok);
        QVERIFY(m->journal->rebuildProjections());
        QCOMPARE(counts(*m->database), live);
        QVERIFY(m->verify().ok);
    }

    void aReadingThatIsNotTheJournalsIsNamed_data()
    {
        QTest::addColumn<QString>("sql");
        QTest::addColumn<qint64>("named");
        const auto row = [](const char* name, const char* sql, qint64 named) {
            QTest::newRow(name) << QString::fromLatin1(sql) << named;
        };
        row("changed", "UPDATE test_counts SET last = 'x' WHERE seq = 9", 9);
        row("gone", "DELETE FROM test_counts WHERE seq = 9", 9);
        row("made up", "INSERT INTO test_counts VALUES('zzz', 1, '', 4)", 4);
        row("of another type", "UPDATE test_counts SET n = '3' || '' WHERE seq = 10", 10);
        row("another column", "ALTER TABLE test_counts ADD COLUMN more", 1);
        row("another index", "CREATE INDEX shadow ON test_counts(n)", 1);
    }

    void aReadingThatIsNotTheJournalsIsNamed()
    {
        QFETCH(const QString, sql);
        QFETCH(const qint64, named);
        QVERIFY(m->open(withCounts()));
        for (int i = 0; i < 10; ++i) {
            QVERIFY(m->add(QString::number(i), i == 8 ? Kind::ToolCall : Kind::ToolResult));
        }
        QVERIFY(m->verify().ok);
        m->close();
        m->spoil(sql);
        QVERIFY(m->open(withCounts()));
        const auto report = m->verify();
        QVERIFY(!report.ok);
        QCOMPARE(report.firstBad, named);
        QVERIFY(report.message.contains(named == 1 ? u"tables" : u"test_counts"));
    }

    void secretsAreTakenOutBeforeTheyAreHashed()
    {
        Journal::Settings settings;
        settings.redact = [](QJsonObject payload) {
            payload[QStringLiteral("text")] = payload[QStringLiteral("text")].toString().replace(
                QStringLiteral("hunter2"), QStringLiteral("***"));
            return payload;
        };
        QVERIFY(m->open(std::move(settings)));
        QCOMPARE(
            m->add(QStringLiteral("it is hunter2"))->payload[QStringLiteral("text")].toString(),
            QStringLiteral("it is ***"));
        m->close();
        QFile file(m->path());
        QVERIFY(file.open(QIODevice::ReadOnly));
        QVERIFY(!file.readAll().contains("hunter2"));
    }

    void anyChangedColumnIsNamed_data()
    {
        QTest::addColumn<QString>("sql");
        QTest::addColumn<qint64>("bad");
        const auto row = [](const char* name, const char* sql, qint64 bad) {
            QTest::newRow(name) << QString::fromLatin1(sql) << bad;
        };
        row("time", "UPDATE entry SET time_us = time_us + 1 WHERE seq = 25", 25);
        row("agent", "UPDATE entry SET agent = 'x' WHERE seq = 25", 25);
        row("process", "UPDATE entry SET process = 'x' WHERE seq = 25", 25);
        row("kind", "UPDATE entry SET kind = 'incident' WHERE seq = 25", 25);
        row("cause", "UPDATE entry SET cause = '1' WHERE seq = 25", 25);
        row("trace", "UPDATE entry SET trace_id = '' WHERE seq = 25", 25);
        row("span", "UPDATE entry SET span_id = '' WHERE seq = 25", 25);
        row("payload hash", "UPDATE entry SET payload_hash = zeroblob(32) WHERE seq = 25", 25);
        row("previous hash", "UPDATE entry SET prev_hash = zeroblob(32) WHERE seq = 25", 25);
        row("hash", "UPDATE entry SET hash = zeroblob(32) WHERE seq = 25", 25);
        row("the last entry", "UPDATE entry SET process = 'x' WHERE seq = 50", 50);
        row("salt", "UPDATE payload SET salt = zeroblob(16) WHERE seq = 25", 25);
        row("payload",
            "UPDATE payload SET bytes = replace(CAST(bytes AS TEXT), '24', '42') WHERE seq = 25",
            25);
        row("payload gone", "DELETE FROM payload WHERE seq = 25", 25);
        row("entry gone",
            "DELETE FROM entry WHERE seq = 25; DELETE FROM payload WHERE seq = 25",
            25);
        row("tail cut", "DELETE FROM entry WHERE seq > 45; DELETE FROM payload WHERE seq > 45", 46);
        row("swapped",
            "UPDATE entry SET seq = -1 WHERE seq = 25; UPDATE entry SET seq = 25 WHERE seq = 26;"
            "UPDATE entry SET seq = 26 WHERE seq = -1; UPDATE payload SET seq = -1 WHERE seq = 25;"
            "UPDATE payload SET seq = 25 WHERE seq = 26; UPDATE payload SET seq = 26 WHERE seq = "
            "-1",
            25);
        row("signature", "UPDATE head SET signature = zeroblob(64) WHERE count = 30", 21);
        row("head's time", "UPDATE head SET time_us = 1 WHERE count = 30", 21);
        row("head's root", "UPDATE head SET root = zeroblob(32) WHERE count = 30", 21);
        row("head's key", "UPDATE head SET public_key = zeroblob(32) WHERE count = 50", 41);
        row("head without signature",
            "UPDATE head SET public_key = x'', signature = x'' WHERE count = 50",
            41);
    }
    void anyChangedColumnIsNamed()
    {
        QFETCH(QString, sql);
        QFETCH(qint64, bad);
        Journal::Settings settings;
        settings.headEvery = 10;
        QVERIFY(m->open(std::move(settings)));
        for (int i = 0; i < 49; ++i) {
            (void)m->journal->append(JournalFixture::entry(QStringLiteral("entry %1").arg(i)));
        }
        QVERIFY(m->add(QStringLiteral("entry 49")));
        m->close();
        QVERIFY(m->verifyClosed().ok);
        m->spoil(sql);
        const auto report = m->verifyClosed();
        QVERIFY(!report.ok);
        QCOMPARE(report.firstBad, bad);
        QVERIFY(report.message.contains(QString::number(bad)));
    }

    void aChangeUnderTheRunningJournalIsNoticed()
    {
        QVERIFY(m->open());
        for (int i = 0; i < 20; ++i) {
            QVERIFY(m->add(QString::number(i)));
        }
        m->spoil(QStringLiteral("UPDATE entry SET process = 'x' WHERE seq = 9"));
        QCOMPARE(m->verify().firstBad, 9);
        m->spoil(QStringLiteral("UPDATE entry SET process = 'chn-1' WHERE seq = 9"));
        QVERIFY(m->verify().ok);
        m->spoil(QStringLiteral("DELETE FROM entry WHERE seq > 15"));
        QCOMPARE(m->verify().firstBad, 16);
    }

    void aForgedRestOfTheChainDoesNotFitTheSignature()
    {
        // Somebody with the database but without the key writes another history, properly chained.
        QVERIFY(m->open());
        QVERIFY(m->add(QStringLiteral("true")));
        m->close();
        JournalFixture forger;
        QVERIFY(forger.open());
        QVERIFY(forger.add(QStringLiteral("false")));
        forger.close();
        QVERIFY(QFile::remove(m->path()) && QFile::copy(forger.path(), m->path()));
        const auto report = m->verifyClosed();
        QVERIFY(!report.ok);
        QVERIFY2(report.message.contains(QStringLiteral("not this home's")),
                 qPrintable(report.message));
    }

    void aDamagedEndIsRefusedAtOpening()
    {
        QVERIFY(m->open());
        for (int i = 0; i < 5; ++i) {
            QVERIFY(m->add(QString::number(i)));
        }
        m->close();
        m->spoil(QStringLiteral("DELETE FROM entry WHERE seq = 5"));
        const auto opened = m->open();
        QVERIFY(!opened);
        QCOMPARE(opened.error().code, ErrorCode::Corrupt);
        QVERIFY2(opened.error().message.contains(QStringLiteral("at entry 5")),
                 qPrintable(opened.error().message));
    }

    void anyChangedByteIsHarmlessOrNamed()
    {
        QVERIFY(m->open());
        for (int i = 0; i < 300; ++i) {
            (void)m->journal->append(
                JournalFixture::entry(QStringLiteral("entry number %1").arg(i)));
        }
        const auto part = m->journal->storePart(QByteArray(3000, 'p')).wait();
        QVERIFY(part);
        QVERIFY(m->add(*part));
        const auto before = m->journal->after(0, 1000);
        m->close();
        QFile file(m->path());
        QVERIFY(file.open(QIODevice::ReadWrite));
        const QByteArray whole = file.readAll();
        std::mt19937 chance(42);
        int named = 0;
        for (int i = 0; i < 200; ++i) {
            const qint64 at = qint64(chance() % unsigned(whole.size()));
            file.seek(at);
            file.write(QByteArray(1, char(whole[at] ^ (1 << (chance() % 8)))));
            file.flush();
            const auto report = m->verifyClosed();
            if (report.ok) {
                // A byte that nobody uses, or that does not change what is read.
                QVERIFY(m->open());
                QCOMPARE(m->journal->after(0, 1000), before);
                m->close();
            } else {
                ++named;
                QVERIFY2(!report.message.isEmpty(), qPrintable(QString::number(at)));
            }
            QVERIFY(file.resize(0));
            file.seek(0);
            file.write(whole);
            file.flush();
            QFile::remove(m->path() + QStringLiteral("-wal"));
            QFile::remove(m->path() + QStringLiteral("-shm"));
        }
        QVERIFY2(named > 40, qPrintable(QString::number(named)));
        QVERIFY(m->verifyClosed().ok);
    }

    void anErasedPayloadIsGoneAndTheChainHolds()
    {
        QVERIFY(m->open(withCounts()));
        const auto part = m->journal->storePart("the number is 555-0199 in the prompt").wait();
        QVERIFY(m->add(QStringLiteral("before")));
        NewEntry entry = JournalFixture::entry(QStringLiteral("call 555-0199"));
        entry.payload[QStringLiteral("parts")] = QJsonArray{*part};
        QVERIFY(m->journal->append(entry).wait());
        QFile backup(m->path() + QStringLiteral(".before-0002"));
        QVERIFY(backup.open(QIODevice::WriteOnly));
        backup.close();

        const auto erased =
            m->journal->erase(2, QStringLiteral("asked by its owner"), QStringLiteral("cli"))
                .wait();
        QVERIFY(erased);
        QCOMPARE(erased->kind, Kind::PayloadErased);
        QCOMPARE(erased->cause, QStringLiteral("2"));
        const auto left = m->journal->entry(2);
        QVERIFY(left->erased);
        QVERIFY(left->payload.isEmpty());
        QCOMPARE(m->journal->part(*part).error().code, ErrorCode::NotFound);
        QVERIFY(!backup.exists());
        for (const auto& suffix : {u"", u"-wal"}) {
            QFile file(m->path() + QString(suffix));
            QVERIFY(file.open(QIODevice::ReadOnly));
            QVERIFY2(!file.readAll().contains("555-0199"), qPrintable(file.fileName()));
        }
        const auto report = m->verify(); // also that the reading is what the erased journal makes
        QVERIFY2(report.ok, qPrintable(report.message));
        QCOMPARE(report.erased, 1);

        QCOMPARE(m->journal->erase(2, {}, {}).wait().error().code, ErrorCode::Conflict);
        QCOMPARE(m->journal->erase(3, {}, {}).wait().error().code, ErrorCode::Forbidden);
        QCOMPARE(m->journal->erase(9, {}, {}).wait().error().code, ErrorCode::NotFound);
        QVERIFY(m->journal->rebuildProjections());
    }

    void partsAreStoredOnceAndChecked()
    {
        QVERIFY(m->open());
        const QByteArray bytes(100'000, 'x');
        auto first = m->journal->storePart(bytes);
        auto second = m->journal->storePart(bytes);
        const auto hash = std::move(first).wait();
        QVERIFY(hash);
        QCOMPARE(std::move(second).wait(), hash);
        QCOMPARE(m->journal->part(*hash), Result<QByteArray>(bytes));
        QCOMPARE(m->journal->part(QStringLiteral("00")).error().code, ErrorCode::NotFound);
        QVERIFY(m->add(*hash));
        const auto rows = m->database->read([](store::Connection& connection) -> Result<int> {
            return connection.database().execAndGet("SELECT count(*) FROM part").getInt();
        });
        QCOMPARE(rows, Result<int>(1));
        m->spoil(QStringLiteral("UPDATE part SET bytes = x'00'"));
        QCOMPARE(m->journal->part(*hash).error().code, ErrorCode::Corrupt);
        QCOMPARE(m->verify().firstBad, 1);
    }

    void aLargePayloadKeepsHeadAndTail()
    {
        QVERIFY(m->open());
        NewEntry entry = JournalFixture::entry(QStringLiteral("begin ") + QString(300'000, u'ü') +
                                               QStringLiteral(" end"));
        entry.payload[QStringLiteral("small")] = 5;
        const auto written = m->journal->append(entry).wait();
        QVERIFY(written);
        QCOMPARE(m->journal->entry(1), written);
        const QString text = written->payload[QStringLiteral("text")].toString();
        QVERIFY(text.startsWith(u"begin ") && text.endsWith(u" end"));
        QVERIFY(text.contains(QStringLiteral("characters left out of 300010")));
        QCOMPARE(written->payload[QStringLiteral("small")].toInt(), 5);
        QVERIFY(
            written->payload[QStringLiteral("capped")].toObject()[QStringLiteral("bytes")].toInt() >
            600'000);

        QJsonArray list;
        for (int i = 0; i < 20'000; ++i) {
            list.append(QStringLiteral("item %1").arg(i));
        }
        QJsonObject lists{{QStringLiteral("list"), list}};
        QVERIFY(journal::payloadBytes(lists).size() <= journal::payloadCap);
        QCOMPARE(lists[QStringLiteral("list")].toArray().first().toString(),
                 QStringLiteral("item 0"));
        QCOMPARE(lists[QStringLiteral("list")].toArray().last().toString(),
                 QStringLiteral("item 19999"));
        QJsonObject wide;
        for (int i = 0; i < 20'000; ++i) {
            wide.insert(QStringLiteral("member %1").arg(i), i);
        }
        QVERIFY(journal::payloadBytes(wide).size() <= journal::payloadCap);
    }

    void queriesFilter()
    {
        QVERIFY(m->open());
        QVERIFY(m->add(QStringLiteral("The quick brown fox")));
        QVERIFY(m->add(QStringLiteral("jumps over 100% of C:\\dogs"), Kind::MessageSent));
        QVERIFY(m->add(QStringLiteral("ÄRGER mit dem Fuchs")));
        NewEntry other = JournalFixture::entry(QStringLiteral("the last fox"), Kind::ToolResult);
        other.process = QStringLiteral("wrk-2");
        QVERIFY(m->journal->append(other).wait());

        const auto seqs = [&](const protocol::QueryJournal& query) {
            QList<qint64> list;
            const auto reply = m->journal->query(query);
            for (const auto& entry : reply->entries) {
                list << entry.seq;
            }
            return list;
        };
        using Query = protocol::QueryJournal;
        const auto text = [](const QString& words) {
            Query query;
            query.text = words;
            return query;
        };
        QCOMPARE(seqs({}), (QList<qint64>{4, 3, 2, 1}));
        QCOMPARE(seqs(text(QStringLiteral("FOX"))), (QList<qint64>{4, 1}));
        QCOMPARE(seqs(text(QStringLiteral("fox quick"))), (QList<qint64>{1}));
        QCOMPARE(seqs(text(QStringLiteral("100%"))), (QList<qint64>{2}));
        QCOMPARE(seqs(text(QStringLiteral("c:\\d"))), (QList<qint64>{2}));
        QCOMPARE(seqs(text(QStringLiteral("ärger"))), (QList<qint64>{3}));
        Query query;
        query.kinds = {QStringLiteral("tool.result"), QStringLiteral("message.sent")};
        QCOMPARE(seqs(query), (QList<qint64>{4, 2}));
        query = {};
        query.process = QStringLiteral("wrk-2");
        QCOMPARE(seqs(query), (QList<qint64>{4}));
        query = {};
        query.before = 4;
        query.after = 1;
        query.limit = 1;
        QCOMPARE(seqs(query), (QList<qint64>{3}));
        QVERIFY(m->journal->query(query)->more);
        query.limit = 2;
        QVERIFY(!m->journal->query(query)->more);
        QCOMPARE(m->journal->after(2, 10)->size(), 2);
        QCOMPARE(m->journal->after(0, 1)->first().seq, 1);
    }

    void aSlowListenerMissesNothing()
    {
        QVERIFY(m->open());
        LoopExecutor slow(QStringLiteral("slow"));
        LoopExecutor quick(QStringLiteral("quick"));
        std::binary_semaphore gate(0);
        std::atomic<qint64> quickSeen{0};
        QList<qint64> slowSeen; // on the slow executor
        std::atomic<qint64> slowCount{0};
        const auto one = m->journal->subscribe(slow, [&](const QList<Entry>& entries) {
            if (slowSeen.isEmpty()) {
                gate.acquire();
            }
            for (const Entry& entry : entries) {
                slowSeen << entry.seq;
            }
            slowCount = slowSeen.size();
        });
        const auto two = m->journal->subscribe(
            quick, [&](const QList<Entry>& entries) { quickSeen += entries.size(); });
        for (int i = 1; i < 20'000; ++i) {
            (void)m->journal->append(JournalFixture::entry(QString::number(i)));
        }
        QVERIFY(m->add(QStringLiteral("last"))); // durable although nobody listens
        QTRY_COMPARE(quickSeen.load(), 20'000);
        gate.release();
        QTRY_COMPARE(slowCount.load(), 20'000);
        for (int i = 0; i < 20'000; ++i) {
            QCOMPARE(slowSeen[i], i + 1);
        }
    }

    void anEndedSubscriptionIsSilent()
    {
        QVERIFY(m->open());
        int seen = 0;
        InlineExecutor here;
        auto subscription = m->journal->subscribe(
            here, [&](const QList<Entry>& entries) { seen += int(entries.size()); });
        QVERIFY(m->add(QStringLiteral("1")));
        subscription.reset();
        QVERIFY(m->add(QStringLiteral("2")));
        QCOMPARE(seen, 1);
    }

    void aFullDiskFailsAppendsAndTheChainGoesOn()
    {
        FaultyDisk disk;
        QVERIFY(m->open(withCounts(), disk.name()));
        QVERIFY(m->add(QStringLiteral("1")));
        disk.setRoom(30'000);
        QList<Future<Entry>> futures;
        for (int i = 0; i < 2000; ++i) {
            futures.append(m->journal->append(JournalFixture::entry(QString(200, u'x'))));
        }
        int written = 0;
        for (auto& future : futures) {
            const auto entry = std::move(future).wait();
            if (entry) {
                ++written;
            } else {
                QCOMPARE(entry.error().code, ErrorCode::DiskFull);
            }
        }
        QVERIFY(written < 2000);
        QCOMPARE(m->journal->lastSeq(), 1 + written);
        QCOMPARE(m->journal->storePart(QByteArray(50'000, 'x')).wait().error().code,
                 ErrorCode::DiskFull);
        disk.setRoom(-1);
        QVERIFY(m->journal->storePart(QByteArray(50'000, 'x')).wait());
        QCOMPARE(m->add(QStringLiteral("after"))->seq, 2 + written);
        const auto report = m->verify();
        QVERIFY2(report.ok, qPrintable(report.message));
        QCOMPARE(report.entries, 2 + written);
        const auto live = counts(*m->database);
        QVERIFY(m->journal->rebuildProjections());
        QCOMPARE(counts(*m->database), live);
        m->close();
    }

    void verifyingCanBeFollowedAndCancelled()
    {
        QVERIFY(m->open());
        for (int i = 0; i < 5000; ++i) {
            (void)m->journal->append(JournalFixture::entry(QString::number(i)));
        }
        QVERIFY(m->add(QStringLiteral("last")));
        QList<qint64> done;
        QVERIFY(m->journal->verify([&](qint64 now, qint64) { done << now; }, {})->ok);
        QVERIFY(done.size() >= 2);
        QCOMPARE(done.last(), 5001);
        std::stop_source stop;
        stop.request_stop();
        QCOMPARE(m->journal->verify({}, stop.get_token()).error().code, ErrorCode::Cancelled);
    }

    void theKeyIsMadeOnceAndChecked()
    {
        const auto again = journal::SigningKey::loadOrCreate(m->folder.path());
        QVERIFY(again);
        QCOMPARE(again->secret, m->key.secret);
        QCOMPARE(again->fingerprint(), m->key.fingerprint());
        const QString path = m->folder.filePath(QStringLiteral("keys/journal.ed25519"));
        QCOMPARE(QFile::permissions(path) & (QFile::ReadGroup | QFile::ReadOther),
                 QFile::Permissions());
        QFile file(path);
        QVERIFY(file.open(QIODevice::ReadWrite));
        QVERIFY(file.resize(40));
        QCOMPARE(journal::SigningKey::loadOrCreate(m->folder.path()).error().code,
                 ErrorCode::Corrupt);
    }
};

QTEST_GUILESS_MAIN(tst_Journal)
#include "tst_Journal.moc"
