#include "tests/unit/FaultyDisk.h"
#include "tests/unit/JournalFixture.h"

#include <QDir>
#include <QElapsedTimer>
#include <QProcess>
#include <QTest>
#include <random>

using namespace sb;
using journal::Journal;
using protocol::Entry;

class tst_JournalCrash : public QObject
{
    Q_OBJECT

    // What a killed or cut off journal must hold: a sound chain with every acknowledged entry in
    // it.
    static QString problemIn(Journal& log, const QHash<qint64, QByteArray>& acknowledged)
    {
        const auto report = log.verify({}, {});
        if (!report || !report->ok) {
            return report ? report->message : report.error().message;
        }
        const auto entries = log.after(0, 1'000'000);
        if (!entries) {
            return entries.error().message;
        }
        for (const auto& [seq, hash] : acknowledged.asKeyValueRange()) {
            if (seq > entries->size() || (*entries)[seq - 1].hash != hash) {
                return QStringLiteral("The acknowledged entry %1 of %2 is lost.")
                    .arg(seq)
                    .arg(entries->size());
            }
        }
        for (const Entry& entry : *entries) {
            const int number = entry.payload.value(QStringLiteral("i")).toInt();
            const bool half =
                number == -1 &&
                (entry.seq == entries->size() ||
                 (*entries)[entry.seq].payload.value(QStringLiteral("i")).toInt() != -2);
            if (half) {
                return QStringLiteral("Entry %1 is one half of a transaction.").arg(entry.seq);
            }
        }
        return {};
    }

private Q_SLOTS:
    void killedAtRandomPointsNothingAcknowledgedIsLost()
    {
        constexpr int kills = 200;
        std::mt19937 chance{std::random_device{}()};
        SystemClock clock;
        std::unique_ptr<QTemporaryDir> folder;
        QHash<qint64, QByteArray> acknowledged;
        qint64 total = 0;
        for (int i = 0; i < kills; ++i) {
            if (i % 20 ==
                0) { // a fresh database now and then, so that opening for the first time is hit too
                folder = std::make_unique<QTemporaryDir>();
                acknowledged.clear();
            }
            QProcess child;
            child.setProcessChannelMode(QProcess::ForwardedErrorChannel);
            child.start(QStringLiteral(SB_TEST_BIN_DIR "/journal_child"), {folder->path()});
            QVERIFY(child.waitForStarted());
            if (i % 4 != 0) { // else while it is starting
                QVERIFY(child.waitForReadyRead(30'000));
            }
            const int patience = int(chance() % 40);
            QElapsedTimer timer;
            timer.start();
            while (timer.elapsed() < patience) {
                child.waitForReadyRead(int(patience - timer.elapsed()));
            }
            child.kill(); // SIGKILL
            QVERIFY(child.waitForFinished());
            QCOMPARE(child.exitStatus(), QProcess::CrashExit);
            for (const QByteArray& line : child.readAllStandardOutput().split('\n')) {
                const auto words = line.split(' ');
                QVERIFY2(words[0] != "open", line.constData());
                if (words.size() == 2 && words[0] != "pair") {
                    acknowledged.insert(words[0].toLongLong(), QByteArray::fromHex(words[1]));
                    ++total;
                }
            }
            const auto key = journal::SigningKey::loadOrCreate(folder->path());
            QVERIFY(key);
            auto database =
                store::Database::open({.path = folder->filePath(QStringLiteral("agent.db")),
                                       .migrations = QStringLiteral(":/sql/agent")},
                                      clock);
            QVERIFY2(database, database ? "" : qPrintable(database.error().message));
            Journal::Settings settings;
            settings.agent = QStringLiteral("child");
            settings.signingKey = key->secret;
            auto log = Journal::open(std::move(settings), **database, clock);
            QVERIFY2(log, log ? "" : qPrintable(log.error().message));
            const QString problem = problemIn(**log, acknowledged);
            QVERIFY2(problem.isEmpty(), qPrintable(QStringLiteral("kill %1: ").arg(i) + problem));
        }
        QVERIFY(total > kills / 4);
        qInfo("%d kills, %lld acknowledged entries", kills, static_cast<long long>(total));
    }

    // Everything that was not synced is lost in part or whole, in any order, as when the power
    // goes.
    void whenThePowerGoesNothingAcknowledgedIsLost()
    {
        constexpr unsigned cuts = 120;
        qint64 total = 0;
        for (unsigned seed = 0; seed < cuts; ++seed) {
            std::mt19937 chance(seed);
            JournalFixture m;
            QHash<qint64, QByteArray> acknowledged;
            for (int life = 0; life < 2;
                 ++life) { // the second starts from what the first left behind
                FaultyDisk disk;
                Journal::Settings settings;
                settings.headEvery = 11;
                const auto opened = m.open(std::move(settings), disk.name(), 10);
                QVERIFY2(opened, opened ? "" : qPrintable(opened.error().message));
                std::atomic<int> done{0};
                std::mutex mutex;
                std::vector<std::jthread> appenders;
                for (int t = 0; t < 2; ++t) {
                    appenders.emplace_back([&, t] {
                        for (int i = 0;; ++i) {
                            const auto entry = m.add(QString(int((i * 37 + t) % 900), u'x'));
                            if (!entry) {
                                return; // the power is gone
                            }
                            ++done;
                            const std::scoped_lock lock(mutex);
                            acknowledged.insert(entry->seq, entry->hash);
                        }
                    });
                }
                const int enough = int(chance() % 60);
                while (done < enough) {
                    std::this_thread::yield();
                }
                disk.cutPower(seed);
                appenders.clear();
                m.close();
                QFile::remove(m.path() +
                              QStringLiteral("-shm")); // lives in memory, gone with the power
                total += acknowledged.size();
                const auto again = m.open();
                QVERIFY2(again,
                         again ? ""
                               : qPrintable(QStringLiteral("cut %1: ").arg(seed) +
                                            again.error().message));
                const QString problem = problemIn(*m.journal, acknowledged);
                QVERIFY2(problem.isEmpty(),
                         qPrintable(QStringLiteral("cut %1: ").arg(seed) + problem));
                m.close();
            }
        }
        qInfo("%u cuts, %lld acknowledged entries", 2 * cuts, static_cast<long long>(total));
    }
};

QTEST_GUILESS_MAIN(tst_JournalCrash)
#include "tst_JournalCrash.moc"
