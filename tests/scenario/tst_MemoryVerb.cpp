#include "tests/scenario/Program.h"

#include <QRandomGenerator>

using namespace sb::test;
using namespace Qt::StringLiterals;

namespace {

/// A PDF file of one line a page, as small as it gets.
QByteArray pdf(const QList<QByteArray>& lines)
{
    QByteArray kids;
    QList<QByteArray> objects{"<</Type/Catalog/Pages 2 0 R>>",
                              QByteArray(),
                              "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"};
    for (const QByteArray& line : lines) {
        const QByteArray number = QByteArray::number(objects.size() + 1);
        const QByteArray next = QByteArray::number(objects.size() + 2);
        kids += number + " 0 R ";
        objects.append("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents " + next +
                       " 0 R/Resources<</Font<</F 3 0 R>>>>>>");
        const QByteArray text = "BT /F 12 Tf 50 700 Td (" + line + ") Tj ET";
        objects.append("<</Length " + QByteArray::number(text.size()) + ">>stream\n" + text +
                       "\nendstream");
    }
    objects[1] =
        "<</Type/Pages/Count " + QByteArray::number(lines.size()) + "/Kids[" + kids + "]>>";
    QByteArray file = "%PDF-1.4\n";
    QByteArray table;
    for (qsizetype i = 0; i < objects.size(); ++i) {
        table += QByteArray::number(file.size()).rightJustified(10, '0') + " 00000 n \n";
        file += QByteArray::number(i + 1) + " 0 obj\n" + objects[i] + "\nendobj\n";
    }
    const QByteArray start = QByteArray::number(file.size());
    const QByteArray count = QByteArray::number(objects.size() + 1);
    return file + "xref\n0 " + count + "\n0000000000 65535 f \n" + table + "trailer<</Size " +
           count + "/Root 1 0 R>>\nstartxref\n" + start + "\n%%EOF\n";
}

/// About 700 characters: a piece of its own.
QByteArray paragraph(const QByteArray& word)
{
    QByteArray text;
    for (int i = 0; i < 20; ++i) {
        text += "The " + word + " number " + QByteArray::number(i) + " stands at the quay. ";
    }
    return text + "\n\n";
}

/// A home, and a folder of notes beside it.
class Notes : public Program
{
public:
    [[nodiscard]] QString notes() const { return folder() + u"/notes"_s; }
    void note(const QString& name, const QByteArray& bytes)
    {
        QVERIFY(put(notes() + u'/' + name, bytes));
    }
    Ended memory(const QStringList& words) { return run(QStringList{u"memory"_s} + words); }
    QJsonObject ingest() { return memory({u"ingest"_s, u"--json"_s, notes()}).last(); }
    QList<QJsonObject> find(const QStringList& words)
    {
        return memory(QStringList{u"search"_s, u"--json"_s} + words).lines();
    }
    /// Content by place, of all that is remembered.
    QStringList all()
    {
        const auto exported = memory({u"export"_s});
        QStringList lines;
        for (const auto& value :
             QJsonDocument::fromJson(exported.out).object()[u"memories"].toArray()) {
            const QJsonObject one = value.toObject();
            lines.append(one[u"source"][u"file"].toString() + u' ' +
                         QString::number(one[u"source"][u"line"].toInt()) + u' ' +
                         one[u"content"].toString());
        }
        lines.sort();
        return lines;
    }
};

} // namespace

/// What an agent knows, from the command line.
class tst_MemoryVerb final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void a_folder_is_read_and_asked()
    {
        Notes notes;
        notes.note(u"harbour.md"_s,
                   "# Harbour\n\n## Cranes\n\n" + paragraph("crane") +
                       "## Opening hours\n\nThe lock opens at half past six in the morning.\n");
        notes.note(u"deep/manual.pdf"_s,
                   pdf({"A tug is a small strong boat.", "A walrus was seen at the pier."}));
        notes.note(u"picture.png"_s, QByteArray("\x89PNG\r\n\x1a\n\0\0\0", 11));
        notes.note(u"broken.pdf"_s, "%PDF-1.7 and nothing more");
        const auto ended = notes.memory({u"ingest"_s, notes.notes()});
        QVERIFY2(ended.code == 0, ended.said());
        QCOMPARE(QString::fromUtf8(ended.out),
                 u"%1: 4 pieces of 4 files read.\n"_s.arg(notes.notes()));
        QCOMPARE(ended.err.count('\n'), 2);
        QVERIFY2(ended.err.contains("broken.pdf was passed over: it is damaged, or locked with a "
                                    "password.") &&
                     ended.err.contains("picture.png was passed over: it is not text."),
                 ended.said());

        const auto hits = notes.find({u"when"_s, u"does"_s, u"the"_s, u"lock"_s, u"open"_s});
        QVERIFY(!hits.isEmpty());
        const auto first = hits.first()[u"memory"].toObject();
        QVERIFY(first[u"content"].toString().contains(u"half past six"_s));
        QCOMPARE(first[u"source"][u"file"].toString(), notes.notes() + u"/harbour.md"_s);
        QCOMPARE(first[u"source"][u"line"].toInt(), 7);
        QCOMPARE(first[u"provenance"].toString(), u"untrusted"_s);
        QVERIFY(!hits.first()[u"reasons"].toArray().isEmpty());

        const auto page = notes.memory({u"search"_s, u"walrus"_s});
        QVERIFY2(page.code == 0 && page.out.contains("deep/manual.pdf, page 2"), page.said());
        QCOMPARE(notes.memory({u"stats"_s, u"--json"_s}).last()[u"memories"].toInt(), 4);

        const auto again = notes.ingest();
        QCOMPARE(again[u"state"].toString(), u"done"_s);
        QCOMPARE(again[u"memories"].toInt(), 0);
        QCOMPARE(again[u"known"].toInt(), 4);
    }

    void a_living_runtime_does_it()
    {
        Notes notes;
        notes.note(u"harbour.txt"_s, paragraph("crane") + paragraph("ship"));
        Serving serving(notes);
        QCOMPARE(notes.ingest()[u"memories"].toInt(), 2);
        QCOMPARE(notes.find({u"ship"_s, u"--limit"_s, u"1"_s}).size(), 1);
        QCOMPARE(notes.all().size(), 2);
        QCOMPARE(serving.end().code, 0);
        QCOMPARE(notes.all().size(), 2);
    }

    void what_is_known_is_shown_forgotten_and_remembered()
    {
        Notes notes;
        notes.note(u"harbour.txt"_s, "The walrus sleeps under the pier.\n");
        (void)notes.ingest();
        const QString id = notes.find({u"walrus"_s}).value(0)[u"memory"][u"id"].toString();
        const auto shown = notes.memory({u"show"_s, id});
        QVERIFY2(shown.code == 0 && shown.out.contains("sleeps under the pier"), shown.said());
        QVERIFY(shown.out.contains("harbour.txt:1"));

        const auto forgotten = notes.memory({u"forget"_s, u"--json"_s, id});
        QVERIFY2(forgotten.code == 0, forgotten.said());
        QVERIFY(notes.find({u"walrus"_s}).isEmpty());
        QCOMPARE(notes.memory({u"search"_s, u"walrus"_s}).out,
                 QByteArray("Nothing that is remembered fits.\n"));
        const auto undone =
            notes.memory({u"undo"_s, QString::number(forgotten.last()[u"seq"].toInteger())});
        QVERIFY2(undone.code == 0, undone.said());
        QCOMPARE(notes.find({u"walrus"_s}).size(), 1);
        // By type and by time: it is a fact, and nobody knew it in 2001.
        QCOMPARE(notes.find({u"walrus"_s, u"--type"_s, u"fact"_s}).size(), 1);
        QVERIFY(notes.find({u"walrus"_s, u"--type"_s, u"goal"_s}).isEmpty());
        QVERIFY(notes.find({u"walrus"_s, u"--at"_s, u"2001-01-01"_s}).isEmpty());
    }

    void it_is_carried_away_in_three_forms()
    {
        Notes notes;
        notes.note(u"harbour.txt"_s, "The walrus sleeps under the pier.\n");
        (void)notes.ingest();
        QCOMPARE(notes.all().size(), 1);
        const auto graph = notes.memory({u"export"_s, u"--format"_s, u"graphml"_s});
        QVERIFY2(graph.code == 0 && graph.out.contains("<graphml"), graph.said());
        // The ending of the file tells the form.
        const auto page = notes.memory({u"export"_s, u"page.html"_s});
        QVERIFY2(page.code == 0 && page.out.startsWith("1 memories and 0 edges in "), page.said());
        QVERIFY(Program::get(notes.folder() + u"/page.html"_s).contains("walrus"));
        QVERIFY(QDir(notes.home() + u"/run"_s).entryList({u"memory-*"_s}).isEmpty());
    }

    void wrong_usage_is_told_in_one_sentence_data()
    {
        QTest::addColumn<QStringList>("words");
        QTest::newRow("nothing") << QStringList();
        QTest::newRow("unknown") << QStringList{u"dream"_s};
        QTest::newRow("no words") << QStringList{u"search"_s};
        QTest::newRow("a limit that is none")
            << QStringList{u"search"_s, u"x"_s, u"--limit"_s, u"many"_s};
        QTest::newRow("an unknown type")
            << QStringList{u"search"_s, u"x"_s, u"--type"_s, u"rumour"_s};
        QTest::newRow("no time") << QStringList{u"search"_s, u"x"_s, u"--at"_s, u"yesterday"_s};
        QTest::newRow("an option of another") << QStringList{u"stats"_s, u"--format"_s, u"json"_s};
        QTest::newRow("an unknown agent") << QStringList{u"stats"_s, u"--agent"_s, u"nobody"_s};
        QTest::newRow("an unknown form") << QStringList{u"export"_s, u"--format"_s, u"pdf"_s};
        QTest::newRow("a path that is not there") << QStringList{u"ingest"_s, u"/nowhere"_s};
        QTest::newRow("an empty path") << QStringList{u"ingest"_s, QString()};
        QTest::newRow("a device") << QStringList{u"ingest"_s, u"/dev/zero"_s};
        QTest::newRow("an unknown memory") << QStringList{u"show"_s, u"mem-none"_s};
        QTest::newRow("forgetting what is not there") << QStringList{u"forget"_s, u"mem-none"_s};
        QTest::newRow("undoing a word") << QStringList{u"undo"_s, u"it"_s};
        QTest::newRow("undoing what changed nothing") << QStringList{u"undo"_s, u"999999"_s};
    }
    void wrong_usage_is_told_in_one_sentence()
    {
        QFETCH(QStringList, words);
        Notes notes;
        const auto ended = notes.memory(words);
        QVERIFY2(ended.code == 2 && ended.isOneSentence(), ended.said());
    }

    void its_own_folders_are_never_read()
    {
        Notes notes;
        (void)notes.memory({u"stats"_s}); // makes the databases
        QVERIFY(Program::put(notes.home() + u"/data/letter"_s, "A walrus.\n"));
        QVERIFY(Program::put(notes.home() + u"/run/token"_s, "A walrus.\n"));
        QVERIFY(Program::put(notes.workspace() + u"/plan.txt"_s, "A walrus.\n"));
        const auto ended = notes.memory({u"ingest"_s, notes.folder()});
        QVERIFY2(ended.code == 0, ended.said());
        for (const QString& one : notes.all()) {
            QVERIFY2(!one.contains(u"/data/"_s) && !one.contains(u"/run/"_s), qPrintable(one));
        }
        QCOMPARE(notes.find({u"walrus"_s}).size(), 1);
    }

    void stopped_by_hand_it_goes_on_later()
    {
        Notes notes;
        makeMany(notes);
        auto reading = notes.start({u"memory"_s, u"ingest"_s, u"--json"_s, notes.notes()});
        QVERIFY(untilSaved(*reading) > 0);
        ::kill(pid_t(reading->processId()), SIGINT);
        const auto ended = Program::wait(*reading);
        QVERIFY2(ended.code == 1, ended.said());
        QCOMPARE(ended.last()[u"state"].toString(), u"stopped"_s);
        const int made = ended.last()[u"memories"].toInt();
        QVERIFY(made > 0 && made < manyPieces);
        const auto rest = notes.ingest();
        QCOMPARE(rest[u"known"].toInt(), made);
        QCOMPARE(rest[u"memories"].toInt(), manyPieces - made);
    }

    /// SIGNALBOX_KILL_ROUNDS=100 is the whole form.
    void killed_at_any_moment_nothing_is_lost_or_doubled()
    {
        bool isNumber = false;
        const int given = qEnvironmentVariableIntValue("SIGNALBOX_KILL_ROUNDS", &isNumber);
        const int rounds = isNumber ? given : 10;
        QStringList expected;
        int killed = 0;
        for (int round = 0; round < rounds;) {
            Notes notes;
            makeMany(notes);
            int acknowledged = 0;
            // Several times over the same home, each further than the last.
            for (; round < rounds; ++round) {
                auto reading = notes.start({u"memory"_s, u"ingest"_s, u"--json"_s, notes.notes()});
                m_saved = 0;
                if (round % 3 != 0) {
                    (void)untilSaved(*reading);
                }
                QTest::qWait(int(QRandomGenerator::global()->bounded(1, 150)));
                reading->kill();
                const auto ended = Program::wait(*reading);
                killed += ended.crashed ? 1 : 0;
                for (const auto& picture : ended.lines()) {
                    acknowledged = std::max(
                        acknowledged, picture[u"memories"].toInt() + picture[u"known"].toInt());
                }
                acknowledged = std::max(acknowledged, m_saved);
                const int kept =
                    notes.memory({u"stats"_s, u"--json"_s}).last()[u"memories"].toInt();
                QVERIFY2(kept >= acknowledged,
                         qPrintable(u"%1 of %2"_s.arg(kept).arg(acknowledged)));
                if (kept == manyPieces) {
                    ++round;
                    break;
                }
            }
            const auto rest = notes.ingest();
            QCOMPARE(rest[u"state"].toString(), u"done"_s);
            QCOMPARE(rest[u"memories"].toInt() + rest[u"known"].toInt(), manyPieces);
            QStringList all = notes.all();
            all.replaceInStrings(notes.folder(), QString());
            QCOMPARE(all.size(), manyPieces);
            if (expected.isEmpty()) {
                Notes whole;
                makeMany(whole);
                (void)whole.ingest();
                expected = whole.all();
                expected.replaceInStrings(whole.folder(), QString());
            }
            QCOMPARE(all, expected);
            QCOMPARE(notes.run({u"journal"_s, u"verify"_s}).code, 0);
        }
        QVERIFY(killed > rounds / 2);
    }

private:
    static constexpr int manyFiles = 60;
    static constexpr int manyPieces = manyFiles * 8;

    static void makeMany(Notes& notes)
    {
        for (int i = 0; i < manyFiles; ++i) {
            QByteArray text;
            for (int piece = 0; piece < 8; ++piece) {
                text +=
                    paragraph("thing" + QByteArray::number(i) + '-' + QByteArray::number(piece));
            }
            notes.note(u"%1/%2.txt"_s.arg(i % 7).arg(i), text);
        }
    }

    /// Reads pictures until one tells of something that was saved; answers with how much.
    int untilSaved(QProcess& reading)
    {
        m_saved = 0;
        while (m_saved == 0 && (reading.canReadLine() || reading.waitForReadyRead(10000))) {
            const auto picture = QJsonDocument::fromJson(reading.readLine()).object();
            m_saved = picture[u"memories"].toInt() + picture[u"known"].toInt();
        }
        return m_saved;
    }
    int m_saved = 0;
};

QTEST_GUILESS_MAIN(tst_MemoryVerb)
#include "tst_MemoryVerb.moc"
