#include "core/memory/HashedEmbedder.h"
#include "core/memory/Vectors.h"
#include "core/memory/Words.h"
#include "tests/unit/MemoryTexts.h"

#include <QTest>
#include <numeric>

using namespace sb;
using namespace sb::memory;
using namespace sb::test;
using namespace Qt::StringLiterals;

namespace {

double likeness(const QString& one, const QString& other)
{
    const auto a = HashedEmbedder::vectorOf(one);
    const auto b = HashedEmbedder::vectorOf(other);
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// How many of the questions find their answer among the nearest `count` texts.
int found(const QList<MemoryQuestion>& questions, int count)
{
    QList<std::vector<float>> vectors;
    for (const QString& text : memoryTexts()) {
        vectors.append(HashedEmbedder::vectorOf(text));
    }
    int hits = 0;
    for (const auto& question : questions) {
        const auto wanted = HashedEmbedder::vectorOf(question.words);
        const auto score = [&](qsizetype i) {
            return std::inner_product(wanted.begin(), wanted.end(), vectors[i].begin(), 0.0);
        };
        int better = 0;
        for (qsizetype i = 0; i < vectors.size(); ++i) {
            better += i != question.answer && score(i) >= score(question.answer) ? 1 : 0;
        }
        if (better >= count) {
            qInfo("not among %d: %s", count, qPrintable(question.words));
        }
        hits += better < count ? 1 : 0;
    }
    return hits;
}

QStringList shown(const QString& text)
{
    QStringList words;
    for (const Word& word : wordsOf(text)) {
        words.append(QString::fromUcs4(word.text.data(), qsizetype(word.text.size())));
    }
    return words;
}

} // namespace

class tst_HashedEmbedder final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void cutsTextsOfAnyScriptIntoWords()
    {
        QFETCH(QString, text);
        QFETCH(QStringList, words);
        QCOMPARE(shown(text), words);
    }
    void cutsTextsOfAnyScriptIntoWords_data()
    {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QStringList>("words");
        const auto row = [](const char* name, const QString& text, const QStringList& words) {
            QTest::newRow(name) << text << words;
        };
        row("empty", u" \n\t"_s, {});
        row("english",
            u"Don't re-open port 8080!"_s,
            {u"dont"_s, u"re"_s, u"open"_s, u"port"_s, u"8080"_s});
        row("accents", u"Ćevapi à la CRÈME"_s, {u"cevapi"_s, u"a"_s, u"la"_s, u"creme"_s});
        row("sharp s", u"STRASSE straße"_s, {u"strasse"_s, u"strasse"_s});
        row("full width", u"ＡＢＣ１２"_s, {u"abc12"_s});
        row("chinese", u"用户abc，你好"_s, {u"用户"_s, u"abc"_s, u"你好"_s});
        row("arabic points", u"مُحَمَّد إلى القاهرة"_s, {u"محمد"_s, u"الي"_s, u"القاهره"_s});
        row("emoji",
            u"ok👍🏽👨‍👩‍👧 x"_s,
            {u"ok"_s, u"👍"_s, u"👨"_s, u"👩"_s, u"👧"_s, u"x"_s});
        row("half a surrogate", u"a"_s + QChar(0xd83d) + u"b"_s, {u"a"_s, u"b"_s});
        row("thai", u"สวัสดีครับ"_s, {u"สวัสดีครับ"_s});
    }

    void findsStems()
    {
        QFETCH(QString, one);
        QFETCH(QString, other);
        const auto stem = [](const QString& word) { return stemOf(word.toStdU32String()); };
        QCOMPARE(stem(one), stem(other));
    }
    void findsStems_data()
    {
        QTest::addColumn<QString>("one");
        QTest::addColumn<QString>("other");
        for (const auto& [one, other] :
             QList<std::pair<QString, QString>>{{u"run"_s, u"running"_s},
                                                {u"deploy"_s, u"deployed"_s},
                                                {u"query"_s, u"queries"_s},
                                                {u"cache"_s, u"caching"_s},
                                                {u"fall"_s, u"falling"_s},
                                                {u"box"_s, u"boxes"_s},
                                                {u"slow"_s, u"slowly"_s},
                                                {u"class"_s, u"classes"_s},
                                                {u"كتاب"_s, u"الكتاب"_s}}) {
            QTest::newRow(qPrintable(other)) << one << other;
        }
    }

    void isOfLengthOneAndTheSameEachTime()
    {
        for (const QString& text : memoryTexts()) {
            const auto vector = HashedEmbedder::vectorOf(text);
            QCOMPARE(vector.size(), size_t(HashedEmbedder::dimension));
            QVERIFY(std::abs(std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0) -
                             1) < 1e-5);
            QVERIFY(vector == HashedEmbedder::vectorOf(text));
        }
        // Kept vectors are worth nothing when this changes: give the embedder another name then.
        const auto vector = HashedEmbedder::vectorOf(u"The signal box, 信号 🚂"_s);
        QList<qsizetype> places(HashedEmbedder::dimension);
        std::iota(places.begin(), places.end(), 0);
        std::ranges::sort(places, std::greater(), [&](qsizetype i) { return vector[size_t(i)]; });
        QCOMPARE(places.first(3), (QList<qsizetype>{110, 328, 345}));
    }

    void hasNothingForATextWithoutLetters()
    {
        for (const QString& text : {QString(), u"..., -- !"_s}) {
            const auto vector = HashedEmbedder::vectorOf(text);
            QCOMPARE(vector.size(), size_t(HashedEmbedder::dimension));
            QVERIFY(std::ranges::all_of(vector, [](float x) { return x == 0; }));
        }
    }

    void bringsTogetherWhatIsSpeltOtherwise()
    {
        QFETCH(QString, one);
        QFETCH(QString, other);
        QFETCH(QString, stranger);
        const double near = likeness(one, other);
        const double far = likeness(one, stranger);
        QVERIFY2(near > 0.3 && near > far + 0.2, qPrintable(u"%1 against %2"_s.arg(near).arg(far)));
    }
    void bringsTogetherWhatIsSpeltOtherwise_data()
    {
        QTest::addColumn<QString>("one");
        QTest::addColumn<QString>("other");
        QTest::addColumn<QString>("stranger");
        QTest::newRow("stems") << u"deploying the services"_s << u"service deployments"_s
                               << u"peeling an orange"_s;
        QTest::newRow("misspelt") << u"accomodation adress"_s << u"accommodation address"_s
                                  << u"administration"_s;
        QTest::newRow("chinese") << u"数据库备份"_s << u"备份数据库的时间"_s << u"咖啡机坏了"_s;
        QTest::newRow("arabic") << u"كلمات المرور"_s << u"كلمة مرور جديدة"_s
                                << u"السفر إلى القاهرة"_s;
        QTest::newRow("emoji") << u"🔴"_s << u"status 🔴"_s << u"status 🟢"_s;
    }

    void findsMemoriesByQuestionsInOtherWords()
    {
        const int atFive = found(memoryQuestions(), 5);
        const int atOne = found(memoryQuestions(), 1);
        const int meaning = found(meaningQuestions(), 5);
        qInfo("of %d questions %d are answered among five, %d at once; of %d with other words %d",
              int(memoryQuestions().size()),
              atFive,
              atOne,
              int(meaningQuestions().size()),
              meaning);
        QVERIFY(atFive >= 52); // of 56
        QVERIFY(atOne >= 46);
    }

    void makesHalvesThatMultiplyAsFloatsDo()
    {
        const auto a = HashedEmbedder::vectorOf(memoryTexts()[1]);
        const auto b = HashedEmbedder::vectorOf(memoryQuestions()[1].words);
        const auto x = toHalves(a);
        const auto y = toHalves(b);
        const double exact = std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
        QVERIFY(std::abs(double(dot(x.data(), y.data(), x.size())) - exact) < 1e-3);
        const auto back = toFloats(x, HashedEmbedder::dimension);
        for (size_t i = 0; i < a.size(); ++i) {
            QVERIFY(std::abs(back[i] - a[i]) < 1e-3F);
        }
        QCOMPARE(toHalves(std::vector<float>(5, 1.0F)).size(), size_t(16));
        std::vector<float> broken{1, std::numeric_limits<float>::quiet_NaN()};
        QVERIFY(!normalise(broken));
        QCOMPARE(broken, std::vector<float>(2));
    }
};

QTEST_GUILESS_MAIN(tst_HashedEmbedder)
#include "tst_HashedEmbedder.moc"
