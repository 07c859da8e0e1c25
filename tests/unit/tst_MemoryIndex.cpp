#include "tests/unit/MemoryIndexFixture.h"
#include "tests/unit/MemoryTexts.h"

#include <QElapsedTimer>
#include <QProcess>
#include <QTest>
#include <thread>

using namespace sb;
using namespace sb::test;
using namespace Qt::StringLiterals;
using memory::Index;

namespace {

QByteArray bytesOf(const QString& path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

void overwrite(const QString& path, const QByteArray& bytes)
{
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly | QIODevice::Truncate));
    QCOMPARE(file.write(bytes), bytes.size());
}

} // namespace

class tst_MemoryIndex final : public QObject
{
    Q_OBJECT

    static void saveTexts(MemoryIndexFixture& m)
    {
        QList<MemoriesFixture::Change> changes;
        for (qsizetype i = 0; i < memoryTexts().size(); ++i) {
            changes.append(MemoriesFixture::saving(u"mem-%1"_s.arg(i), memoryTexts()[i]));
        }
        QVERIFY(m.change(std::move(changes)));
    }

private Q_SLOTS:
    void findsWhatWasSavedByWordsAndByVector()
    {
        MemoryIndexFixture m;
        saveTexts(m);
        QVERIFY(m.caughtUp());
        for (const auto& question : memoryQuestions()) {
            const QString answer = u"mem-%1"_s.arg(question.answer);
            QVERIFY2(m.nearest(question.words, 5).contains(answer), qPrintable(question.words));
        }
        const auto found = *m.index->matching(u"Which CRANE is in the harbour?"_s, 5);
        QCOMPARE(found.front().id, u"mem-1"_s);
        QCOMPARE(found.front().what, u"the words crane, harbour"_s);
        const auto info = m.index->info();
        QCOMPARE(info.indexed, memoryTexts().size());
        QCOMPARE(info.waiting, 0);
        QCOMPARE(info.backend, u"hashed-1"_s);
        QCOMPARE(info.dimension, 384);
        QCOMPARE(info.problem, QString());
        QVERIFY(m.told > 0);
        QVERIFY(m.index->similarity(u"mem-0"_s, u"mem-0"_s) > 0.99);
        QVERIFY(m.index->similarity(u"mem-0"_s, u"mem-44"_s) < 0.3);
        QCOMPARE(m.index->vectorOf(u"mem-3"_s).size(), size_t(384));
        QVERIFY(m.index->vectorOf(u"mem-none"_s).empty());
    }

    void findsWordsOfAnyScriptAndWordsThatAreBeingTyped()
    {
        QFETCH(QString, words);
        QFETCH(QString, answer);
        MemoryIndexFixture m;
        saveTexts(m);
        QVERIFY(m.caughtUp());
        QCOMPARE(m.matching(words).value(0), answer);
    }
    void findsWordsOfAnyScriptAndWordsThatAreBeingTyped_data()
    {
        QTest::addColumn<QString>("words");
        QTest::addColumn<QString>("answer");
        QTest::newRow("chinese word") << u"备份"_s << u"mem-41"_s;
        QTest::newRow("chinese sentence") << u"谁要去上海？"_s << u"mem-42"_s;
        QTest::newRow("one character") << u"坏"_s << u"mem-44"_s;
        QTest::newRow("arabic with other points") << u"قَاهِرَة"_s << u"mem-47"_s;
        QTest::newRow("emoji") << u"🙈"_s << u"mem-50"_s;
        QTest::newRow("russian") << u"ОЛЕГ"_s << u"mem-53"_s;
        QTest::newRow("japanese") << u"オフィス"_s << u"mem-54"_s;
        QTest::newRow("no umlaut key") << u"strassenbahn"_s << u"mem-55"_s;
        QTest::newRow("stem") << u"cranes inspecting"_s << u"mem-1"_s;
        QTest::newRow("half typed") << u"therm"_s << u"mem-16"_s;
    }

    void takesAnyQuery()
    {
        MemoryIndexFixture m;
        saveTexts(m);
        QVERIFY(m.caughtUp());
        for (const QString& words : {u"\"crane"_s,
                                     u"crane AND"_s,
                                     u"NOT crane"_s,
                                     u"crane*"_s,
                                     u"(crane"_s,
                                     u"terms:crane"_s,
                                     u"crane^2 NEAR(pier 3)"_s,
                                     u"'; DROP TABLE text; -- crane"_s,
                                     u"crane\n\t\0"_s,
                                     u"-crane +pier"_s,
                                     u"{crane} : [pier]"_s}) {
            const auto found = m.index->matching(words, 5);
            QVERIFY2(found, found ? "" : qPrintable(words + u": "_s + found.error().message));
            QVERIFY2(!found->empty() && found->front().id == u"mem-1"_s, qPrintable(words));
        }
        for (const QString& words : {QString(),
                                     u" "_s,
                                     u"*"_s,
                                     u"\"\"\""_s,
                                     u"%_"_s,
                                     QString(u'\0'),
                                     QString(QChar(0xd800)),
                                     QString(100'000, u'x'),
                                     u"zebra "_s.repeated(10'000)}) {
            const auto found = m.index->matching(words, 5);
            QVERIFY(found);
            QVERIFY(found->empty());
        }
    }

    void followsEditsForgettingAndMerging()
    {
        MemoryIndexFixture m;
        QVERIFY(m.save(u"mem-a"_s, u"The ferry leaves at noon."_s));
        QVERIFY(m.save(u"mem-b"_s, u"The ferry leaves at midnight."_s));
        QVERIFY(m.caughtUp());
        QCOMPARE(m.nearest(u"ferry"_s).size(), 2);

        auto edit = MemoriesFixture::editing(u"mem-a"_s);
        edit.content = u"The tram leaves at noon."_s;
        QVERIFY(m.change({edit}));
        QVERIFY(m.caughtUp());
        QCOMPARE(m.matching(u"ferry"_s), QStringList{u"mem-b"_s});
        QCOMPARE(m.matching(u"tram"_s), QStringList{u"mem-a"_s});
        QCOMPARE(m.nearest(u"The tram leaves at noon."_s).first(), u"mem-a"_s);

        QVERIFY(m.change({MemoriesFixture::forgetting(u"mem-a"_s)}));
        QVERIFY(m.caughtUp());
        QCOMPARE(m.matching(u"tram"_s), QStringList());
        QCOMPARE(m.nearest(u"tram"_s), QStringList{u"mem-b"_s});
        QVERIFY(m.index->vectorOf(u"mem-a"_s).empty());
        protocol::MemoryFilter all;
        all.withForgotten = true;
        QCOMPARE(m.matching(u"tram"_s, all), QStringList{u"mem-a"_s});

        QVERIFY(m.change({MemoriesFixture::forgetting(u"mem-a"_s, false)}));
        QVERIFY(m.caughtUp());
        QCOMPARE(m.matching(u"tram"_s), QStringList{u"mem-a"_s});
        QCOMPARE(m.nearest(u"tram"_s).first(), u"mem-a"_s);
    }

    void whatIsErasedLeavesNoTrace()
    {
        MemoryIndexFixture m;
        saveTexts(m);
        const auto saved = m.save(u"mem-secret"_s, u"The password is xylophonic."_s);
        QVERIFY(saved && m.caughtUp());
        QCOMPARE(m.matching(u"xylophonic"_s).size(), 1);
        const auto vector = m.index->vectorOf(u"mem-secret"_s);
        QVERIFY(m.journal->erase(saved->seq, u"It was private."_s, u"owner"_s).wait());
        QVERIFY(m.caughtUp());
        QCOMPARE(m.matching(u"xylophonic"_s), QStringList());
        QVERIFY(m.index->vectorOf(u"mem-secret"_s).empty());
        m.index.reset();
        for (const auto end : {""_L1, "-wal"_L1}) {
            QVERIFY(!bytesOf(m.file(u"memory-index.db"_s + end)).contains("xylophonic"));
        }
        const auto halves = memory::toHalves(vector);
        const QByteArray bytes(reinterpret_cast<const char*>(halves.data()),
                               qsizetype(halves.size() * sizeof(memory::Half)));
        QVERIFY(!bytesOf(m.file(u"memory-index.db"_s)).contains(bytes));
        QVERIFY(!bytesOf(m.file(u"memory-index.hnsw"_s)).contains(bytes));
    }

    void narrowsByAFilter()
    {
        MemoryIndexFixture m;
        using protocol::MemoryType;
        QVERIFY(m.save(u"mem-fact"_s, u"Bees sleep at night."_s));
        QVERIFY(m.save(u"mem-goal"_s, u"Bees must be counted."_s, MemoryType::Goal));
        auto old = MemoriesFixture::saving(u"mem-old"_s, u"Bees were brown."_s);
        old.validTo = 1000;
        const TimeUs before = m.clock.nowUs();
        QVERIFY(m.change({old}));
        QVERIFY(m.caughtUp());
        const auto both = [&](const protocol::MemoryFilter& filter) {
            QStringList words = m.matching(u"bees"_s, filter);
            QStringList vectors = m.nearest(u"bees"_s, 50, filter);
            words.sort();
            vectors.sort();
            return words == vectors ? words : QStringList{u"they differ"_s};
        };
        QCOMPARE(both({}).size(), 3);
        protocol::MemoryFilter filter;
        filter.types = {MemoryType::Goal, MemoryType::Todo};
        QCOMPARE(both(filter), QStringList{u"mem-goal"_s});
        filter = {};
        filter.trueAt = m.clock.nowUs();
        QCOMPARE(both(filter), (QStringList{u"mem-fact"_s, u"mem-goal"_s}));
        filter = {};
        filter.since = before + 1;
        QCOMPARE(both(filter), QStringList{u"mem-old"_s});
        filter = {};
        filter.provenances = {protocol::Provenance::Untrusted};
        QCOMPARE(both(filter), QStringList());
    }

    void aWarmIndexNeedsNoVectorsAgain()
    {
        const auto embedder = std::make_shared<CountingEmbedder>();
        MemoryIndexFixture m(embedder);
        saveTexts(m);
        QVERIFY(m.caughtUp());
        const int asked = embedder->asked;
        QCOMPARE(asked, int(memoryTexts().size()));
        m.openIndex();
        QVERIFY(m.caughtUp());
        QCOMPARE(embedder->asked, asked);
        QCOMPARE(m.nearest(memoryTexts()[7], 1), QStringList{u"mem-7"_s});
        // What came while it was closed is taken in, and no more than that.
        m.index.reset();
        QVERIFY(m.save(u"mem-new"_s, u"The swan came back."_s));
        QVERIFY(m.change({MemoriesFixture::forgetting(u"mem-7"_s)}));
        m.openIndex();
        QVERIFY(m.caughtUp());
        QCOMPARE(embedder->asked, asked + 1);
        QCOMPARE(m.nearest(u"swans"_s, 1), QStringList{u"mem-new"_s});
        QVERIFY(!m.nearest(memoryTexts()[7]).contains(u"mem-7"_s));
    }

    void isMadeAnewWhenAFileIsSpoilt()
    {
        QFETCH(QString, name);
        QFETCH(QString, how);
        MemoryIndexFixture m;
        saveTexts(m);
        QVERIFY(m.caughtUp());
        const auto before = m.nearest(u"harbour crane"_s, 10);
        m.index.reset();
        const QString path = m.file(name);
        QByteArray bytes = bytesOf(path);
        QVERIFY(bytes.size() > 1000);
        if (how == u"missing") {
            QVERIFY(QFile::remove(path));
        } else if (how == u"cut") {
            overwrite(path, bytes.first(bytes.size() / 2));
        } else if (how == u"empty") {
            overwrite(path, {});
        } else if (how == u"rubbish") {
            overwrite(path, QByteArray(int(bytes.size()), 'x'));
        } else if (how == u"one byte") {
            bytes[bytes.size() / 2] = char(bytes[bytes.size() / 2] ^ 1);
            overwrite(path, bytes);
        } else if (how == u"another version") {
            SQLite::Database(path.toStdString(), SQLite::OPEN_READWRITE)
                .exec("PRAGMA user_version = 99");
        } else if (how == u"another past") {
            SQLite::Database(path.toStdString(), SQLite::OPEN_READWRITE)
                .exec("UPDATE state SET hash = x'00'; DELETE FROM item WHERE label % 2");
        }
        m.openIndex();
        QVERIFY(m.caughtUp());
        QCOMPARE(m.index->info().indexed, memoryTexts().size());
        QCOMPARE(m.nearest(u"harbour crane"_s, 10), before);
        QCOMPARE(m.matching(u"crane"_s), QStringList{u"mem-1"_s});
    }
    void isMadeAnewWhenAFileIsSpoilt_data()
    {
        QTest::addColumn<QString>("name");
        QTest::addColumn<QString>("how");
        for (const auto& how : {u"missing"_s, u"cut"_s, u"empty"_s, u"rubbish"_s}) {
            for (const auto& name : {u"memory-index.db"_s, u"memory-index.hnsw"_s}) {
                QTest::addRow("%s %s", qPrintable(name), qPrintable(how)) << name << how;
            }
        }
        QTest::newRow("hnsw one byte") << u"memory-index.hnsw"_s << u"one byte"_s;
        QTest::newRow("db another version") << u"memory-index.db"_s << u"another version"_s;
        QTest::newRow("db another past") << u"memory-index.db"_s << u"another past"_s;
    }

    void damageThatShowsLaterIsMendedToo()
    {
        MemoryIndexFixture m;
        saveTexts(m);
        QVERIFY(m.caughtUp());
        m.index.reset();
        const QString path = m.file(u"memory-index.db"_s);
        {
            // The words' pages point nowhere: found out when the next memory is written.
            SQLite::Database database(path.toStdString(), SQLite::OPEN_READWRITE);
            database.exec("DELETE FROM text_data WHERE id > 1");
        }
        m.openIndex();
        QVERIFY(m.save(u"mem-x"_s, u"The crane was painted."_s));
        auto edit = MemoriesFixture::editing(u"mem-1"_s);
        edit.content = u"The crane at pier eight is inspected."_s;
        QVERIFY(m.change({edit}));
        QVERIFY(m.caughtUp());
        QTRY_COMPARE(m.matching(u"crane"_s).size(), 2);
        QCOMPARE(m.index->info().indexed, memoryTexts().size() + 1);
    }

    void anotherEmbedderMakesAllAnewWhileTheOldOneFinds()
    {
        MemoryIndexFixture m;
        saveTexts(m);
        QVERIFY(m.caughtUp());
        const auto other = std::make_shared<ToldEmbedder>(u"other/model"_s);
        other->isHeld = true;
        m.index->use(other);
        QTRY_COMPARE(other->waiting(), 1);
        QCOMPARE(m.index->info().backend, u"other/model"_s);
        QCOMPARE(m.index->info().waiting, memoryTexts().size());
        QCOMPARE(m.index->embedder()->name(), u"hashed-1"_s); // for queries, meanwhile
        QCOMPARE(m.nearest(memoryTexts()[7], 1), QStringList{u"mem-7"_s});
        QVERIFY(m.save(u"mem-new"_s, u"The swan came back."_s));
        QTRY_COMPARE(m.matching(u"swan"_s), QStringList{u"mem-new"_s});
        other->letGo();
        QVERIFY(m.caughtUp());
        QCOMPARE(m.index->embedder()->name(), u"other/model"_s);
        QCOMPARE(m.index->info().dimension, 64);
        QCOMPARE(m.index->info().waiting, 0);
        auto vector = memory::HashedEmbedder::vectorOf(u"The swan came back."_s);
        QVERIFY(m.index->nearest(vector, 1).empty()); // of another dimension
        vector.resize(64);
        QCOMPARE(m.index->nearest(vector, 1).front().id, u"mem-new"_s);
        // And after a restart with it nothing is to do.
        const int asked = other->asked;
        m.embedder = other;
        m.openIndex();
        QVERIFY(m.caughtUp());
        QCOMPARE(other->asked, asked);
        QCOMPARE(m.index->nearest(vector, 1).front().id, u"mem-new"_s);
    }

    void anotherEmbedderCanBeTakenBack()
    {
        const auto hashed = std::make_shared<CountingEmbedder>();
        MemoryIndexFixture m(hashed);
        saveTexts(m);
        QVERIFY(m.caughtUp());
        const auto other = std::make_shared<ToldEmbedder>(u"other/model"_s);
        other->isHeld = true;
        m.index->use(other);
        QTRY_COMPARE(other->waiting(), 1);
        m.index->use(hashed);
        QVERIFY(m.caughtUp());
        other->letGo();
        QCOMPARE(m.index->info().backend, u"hashed-1"_s);
        QCOMPARE(m.index->info().waiting, 0);
        QCOMPARE(m.nearest(memoryTexts()[7], 1), QStringList{u"mem-7"_s});
    }

    void anotherModelUnderTheSameNameMakesAllAnew()
    {
        const auto embedder = std::make_shared<ToldEmbedder>(u"local/model"_s, 64);
        MemoryIndexFixture m(embedder);
        saveTexts(m);
        QVERIFY(m.caughtUp());
        embedder->dimension = 32;
        QVERIFY(m.save(u"mem-new"_s, u"The swan came back."_s));
        QVERIFY(m.caughtUp());
        QCOMPARE(m.index->info().dimension, 32);
        QCOMPARE(m.index->info().waiting, 0);
        QCOMPARE(m.index->vectorOf(u"mem-3"_s).size(), size_t(32));
    }

    void aServiceThatIsDownIsAskedAgainLater()
    {
        const auto embedder = std::make_shared<ToldEmbedder>(u"local/model"_s);
        embedder->fail(Error{ErrorCode::Unavailable, u"The service refused the connection."_s, {}});
        MemoryIndexFixture m(embedder);
        saveTexts(m);
        QVERIFY(m.caughtUp()); // as far as can be
        QCOMPARE(m.index->info().problem, u"The service refused the connection."_s);
        QCOMPARE(m.index->info().waiting, memoryTexts().size());
        QCOMPARE(m.matching(u"crane"_s), QStringList{u"mem-1"_s});
        const int asked = embedder->asked;
        m.clock.advance(std::chrono::seconds(1));
        QTRY_VERIFY(embedder->asked > asked);
        QVERIFY(m.caughtUp());
        embedder->fail({});
        QTRY_VERIFY(m.clock.waiting() > 0);
        m.clock.advance(std::chrono::minutes(5));
        QTRY_COMPARE(m.index->info().waiting, 0);
        QCOMPARE(m.index->info().problem, QString());
    }

    void aTextThatTheServiceRefusesDoesNotHoldUpTheOthers()
    {
        const auto embedder = std::make_shared<ToldEmbedder>(u"local/model"_s);
        embedder->refused = u"violin"_s;
        MemoryIndexFixture m(embedder);
        QVERIFY(m.save(u"mem-first"_s, u"It works."_s));
        QVERIFY(m.caughtUp());
        saveTexts(m);
        QVERIFY(m.caughtUp());
        QCOMPARE(m.index->info().waiting, 0);
        QVERIFY(m.index->vectorOf(u"mem-34"_s).empty());
        QVERIFY(!m.index->vectorOf(u"mem-33"_s).empty());
        QCOMPARE(m.matching(u"violin"_s), QStringList{u"mem-34"_s});
    }

    void textsWithoutWordsDoNoHarm()
    {
        MemoryIndexFixture m;
        QVERIFY(m.save(u"mem-marks"_s, u"?!"_s));
        QVERIFY(m.save(u"mem-words"_s, u"What?!"_s));
        QVERIFY(m.caughtUp());
        m.openIndex();
        QVERIFY(m.caughtUp());
        QCOMPARE(m.index->info().waiting, 0);
        QCOMPARE(m.nearest(u"what"_s), QStringList{u"mem-words"_s});
        QVERIFY(m.nearest(u"?!"_s).isEmpty());
    }

    void takesInsertsAndDeletesWhileItSearches()
    {
        MemoryIndexFixture m;
        saveTexts(m);
        QVERIFY(m.caughtUp());
        std::atomic<bool> isOver = false;
        std::atomic<int> searches = 0;
        std::vector<std::jthread> searchers;
        for (int t = 0; t < 2; ++t) {
            searchers.emplace_back([&] {
                while (!isOver) {
                    const bool found =
                        m.nearest(u"harbour crane inspected"_s, 5).contains(u"mem-1"_s) &&
                        m.matching(u"crane"_s).contains(u"mem-1"_s);
                    if (!found) {
                        return;
                    }
                    ++searches;
                }
            });
        }
        for (int i = 0; i < 40; ++i) {
            QList<MemoriesFixture::Change> changes;
            for (int k = 0; k < 10; ++k) {
                changes.append(MemoriesFixture::saving(u"mem-%1-%2"_s.arg(i).arg(k),
                                                       u"Number %1 of round %2"_s.arg(k).arg(i)));
            }
            QVERIFY(m.change(changes));
            if (i > 0) {
                QVERIFY(m.change({MemoriesFixture::forgetting(u"mem-%1-3"_s.arg(i - 1))}));
            }
        }
        QVERIFY(m.caughtUp());
        const int enough = searches + 10;
        QTRY_VERIFY(searches >= enough); // none of them stopped early
        isOver = true;
        searchers.clear();
        QCOMPARE(m.index->info().indexed, memoryTexts().size() + 400 - 39);
    }

    // The child saves, forgets and links, and says what was acknowledged; at any moment it is gone.
    void nothingAcknowledgedIsMissingAfterAKill()
    {
        QTemporaryDir folder;
        qsizetype known = 0;
        const int kills = qEnvironmentVariableIntValue("SB_MEMORY_KILLS") > 0
                              ? qEnvironmentVariableIntValue("SB_MEMORY_KILLS")
                              : 25;
        std::srand(7);
        for (int round = 0; round < kills; ++round) {
            QProcess child;
            child.start(QStringLiteral(SB_TEST_BIN_DIR "/memory_child"), {folder.path()});
            QVERIFY(child.waitForStarted());
            const int lines = 1 + std::rand() % 12;
            QByteArray out;
            while (out.count('\n') < lines) {
                QVERIFY2(child.waitForReadyRead(20'000), out.constData());
                out += child.readAllStandardOutput();
            }
            child.kill();
            child.waitForFinished();
            out += child.readAllStandardOutput();
            const auto said = out.first(out.lastIndexOf('\n') + 1).trimmed().split('\n');
            QVERIFY2(said.first().startsWith("found "), out.constData());
            // What earlier lives acknowledged, this one's index had.
            QVERIFY2(said.first().mid(6).toLongLong() >= known,
                     qPrintable(u"round %1: %2 of %3"_s.arg(round)
                                    .arg(QString::fromUtf8(said.first()))
                                    .arg(known)));
            if (said.last().startsWith("saved ")) {
                known = std::max(known, qsizetype(said.last().mid(6).toLongLong()));
            }
        }
        qInfo("%d kills, %lld memories", kills, static_cast<long long>(known));
    }
};

QTEST_GUILESS_MAIN(tst_MemoryIndex)
#include "tst_MemoryIndex.moc"
