#include "core/memory/OnnxEmbedder.h"
#include "core/memory/WordPiece.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <cstring>

using namespace sb;
using namespace sb::memory;
using namespace Qt::StringLiterals;

namespace {

// The few words of protobuf that a model file needs, so that the test makes its own.
QByteArray varint(quint64 value)
{
    QByteArray bytes;
    for (; value >= 0x80; value >>= 7) {
        bytes.append(char((value & 0x7f) | 0x80));
    }
    bytes.append(char(value));
    return bytes;
}

QByteArray number(int field, quint64 value)
{
    return varint(quint64(field) << 3) + varint(value);
}

QByteArray bytes(int field, const QByteArray& value)
{
    return varint(quint64(field) << 3 | 2) + varint(quint64(value.size())) + value;
}

constexpr int floats = 1;
constexpr int integers = 7;

QByteArray port(const QByteArray& name, int type, const QList<QByteArray>& shape)
{
    QByteArray dimensions;
    for (const QByteArray& one : shape) {
        bool isNumber = false;
        const int size = one.toInt(&isNumber);
        dimensions += bytes(1, isNumber ? number(1, quint64(size)) : bytes(2, one));
    }
    return bytes(1, name) + bytes(2, bytes(1, number(1, quint64(type)) + bytes(2, dimensions)));
}

/// A model that has one vector of `size` numbers for each of the pieces and knows nothing else.
QByteArray modelOf(int pieces, int size, const QList<QByteArray>& inputs, const QByteArray& output)
{
    QByteArray table(qsizetype(pieces) * size * qsizetype(sizeof(float)), '\0');
    for (int i = 0; i < pieces; ++i) {
        for (int k = 0; k < size; ++k) {
            const float value = i % size == k ? float(i) : 0.0F;
            std::memcpy(table.data() + (qsizetype(i) * size + k) * qsizetype(sizeof value),
                        &value,
                        sizeof value);
        }
    }
    QByteArray graph = bytes(
        1, bytes(1, "table") + bytes(1, inputs.first()) + bytes(2, output) + bytes(4, "Gather"));
    graph += bytes(2, "tiny");
    graph += bytes(5,
                   number(1, quint64(pieces)) + number(1, quint64(size)) + number(2, floats) +
                       bytes(8, "table") + bytes(9, table));
    for (const QByteArray& input : inputs) {
        graph += bytes(11, port(input, integers, {"batch", "length"}));
    }
    graph += bytes(12, port(output, floats, {"batch", "length", QByteArray::number(size)}));
    return number(1, 8) + bytes(7, graph) + bytes(8, bytes(1, "") + number(2, 13));
}

const QStringList vocabulary{u"[PAD]"_s,  u"[UNK]"_s,  u"[CLS]"_s, u"[SEP]"_s, u"the"_s,
                             u"signal"_s, u"##box"_s,  u"##es"_s,  u"box"_s,   u"un"_s,
                             u"##aff"_s,  u"##able"_s, u"!"_s,     u"你"_s,    u"好"_s,
                             u"Hello"_s,  u"cafe"_s,   u"don"_s,   u"'"_s,     u"t"_s};

class Folder
{
public:
    Folder()
    {
        write(u"vocab.txt"_s, vocabulary.join(u'\n').toUtf8() + '\n');
        write(u"model.onnx"_s,
              modelOf(int(vocabulary.size()),
                      4,
                      {"input_ids", "attention_mask", "token_type_ids"},
                      "last_hidden_state"));
    }
    void write(const QString& name, const QByteArray& content) const
    {
        QFile file(path() + u'/' + name);
        QVERIFY(file.open(QIODevice::WriteOnly) && file.write(content) == content.size());
    }
    [[nodiscard]] QString path() const { return m_folder.path(); }

private:
    QTemporaryDir m_folder;
};

} // namespace

class tst_OnnxEmbedder final : public QObject
{
    Q_OBJECT

    Pool m_pool{1, u"pool"_s};

private Q_SLOTS:
    void cutsAsTheModelWasTaught()
    {
        QFETCH(QString, text);
        QFETCH(QStringList, expected);
        QFETCH(bool, lowerCase);
        const auto pieces = WordPiece::fromVocabulary(vocabulary.join(u'\n').toUtf8(), lowerCase);
        QVERIFY(pieces);
        QStringList shown;
        for (const qint64 one : pieces->encode(text, 12)) {
            shown.append(vocabulary[one]);
        }
        QCOMPARE(shown.takeFirst(), u"[CLS]"_s);
        QCOMPARE(shown.takeLast(), u"[SEP]"_s);
        QCOMPARE(shown, expected);
    }
    void cutsAsTheModelWasTaught_data()
    {
        QTest::addColumn<QString>("text");
        QTest::addColumn<bool>("lowerCase");
        QTest::addColumn<QStringList>("expected");
        const auto row = [](const char* name,
                            const QString& text,
                            const QStringList& pieces,
                            bool lower = true) { QTest::newRow(name) << text << lower << pieces; };
        row("nothing", u""_s, {});
        row("words", u"The signalboxes"_s, {u"the"_s, u"signal"_s, u"##box"_s, u"##es"_s});
        row("longest first", u"unaffable!"_s, {u"un"_s, u"##aff"_s, u"##able"_s, u"!"_s});
        row("unknown as a whole", u"unaffx box"_s, {u"[UNK]"_s, u"box"_s});
        row("accents", u"CAFÉ"_s, {u"cafe"_s});
        row("case kept", u"Hello hello"_s, {u"Hello"_s, u"[UNK]"_s}, false);
        row("ideographs", u"你好!"_s, {u"你"_s, u"好"_s, u"!"_s});
        row("marks", u"don't"_s, {u"don"_s, u"'"_s, u"t"_s});
        row("controls", u"the\u200b\nbox\u0007"_s, {u"the"_s, u"box"_s});
        row("a word without an end", QString(200, u'x'), {u"[UNK]"_s});
        row("cut off", u"the "_s.repeated(50), QStringList(10, u"the"_s));
        row("emoji", u"🚂 box"_s, {u"[UNK]"_s, u"box"_s});
    }

    void takesTheMeanOfThePieces()
    {
        const Folder folder;
        auto embedder = OnnxEmbedder::open(folder.path(), m_pool);
        QVERIFY2(embedder, embedder ? "" : qPrintable(embedder.error().message));
        QVERIFY((*embedder)->name().startsWith(u"onnx:"_s));
        QVERIFY(!(*embedder)->isImmediate());
        // [CLS] 2, the 4, box 8, [SEP] 3: place 0 gets 12, place 2 gets 2, place 3 gets 3.
        const auto vectors =
            (*embedder)->embed({u"the box"_s, u"unaffable signalboxes!"_s, u"the box"_s}).wait();
        QVERIFY2(vectors,
                 vectors ? "" : qPrintable(vectors.error().message + vectors.error().context));
        const double length = std::sqrt(12 * 12 + 2 * 2 + 3 * 3);
        const std::vector<double> expected{12 / length, 0, 2 / length, 3 / length};
        for (const size_t same : {size_t(0), size_t(2)}) {
            QCOMPARE((*vectors)[same].size(), size_t(4));
            for (size_t i = 0; i < 4; ++i) { // what fills up the shorter one does not count
                QVERIFY(std::abs(double((*vectors)[same][i]) - expected[i]) < 1e-5);
            }
        }
        QVERIFY((*embedder)->embed({}).wait()->empty());
        QStringList many;
        for (int i = 0; i < 50; ++i) {
            many.append(u"the box "_s.repeated(i));
        }
        QCOMPARE((*embedder)->embed(many).wait()->size(), size_t(50));
    }

    void anotherModelHasAnotherName()
    {
        const Folder one;
        const Folder other;
        other.write(u"vocab.txt"_s, (vocabulary.join(u'\n') + u"\nmore"_s).toUtf8());
        const auto name = [&](const Folder& folder) {
            return (*OnnxEmbedder::open(folder.path(), m_pool))->name();
        };
        QCOMPARE(name(one), name(Folder()));
        QVERIFY(name(one) != name(other));
        other.write(u"vocab.txt"_s, vocabulary.join(u'\n').toUtf8() + '\n');
        QCOMPARE(name(one), name(other));
        other.write(u"tokenizer_config.json"_s, R"({"do_lower_case": false})");
        QVERIFY(name(one) != name(other));
    }

    void saysWhatIsMissing()
    {
        const Folder folder;
        const auto message = [&] {
            const auto opened = OnnxEmbedder::open(folder.path(), m_pool);
            return opened ? QString() : opened.error().message;
        };
        folder.write(u"tokenizer_config.json"_s, "[]");
        QVERIFY(message().contains(u"is no JSON object"_s));
        folder.write(u"tokenizer_config.json"_s, "{}");
        folder.write(u"vocab.txt"_s, "hello\nworld");
        QVERIFY(message().contains(u"The vocabulary has no [CLS]"_s));
        QVERIFY(QFile::remove(folder.path() + u"/vocab.txt"_s));
        QVERIFY(message().contains(u"no readable vocab.txt"_s));
        QVERIFY(QFile::remove(folder.path() + u"/model.onnx"_s));
        QVERIFY(message().contains(u"no readable model.onnx"_s));
        QCOMPARE(OnnxEmbedder::open(u"/none/such"_s, m_pool).error().message,
                 u"There is no folder /none/such with a model."_s);
    }

    void saysWhatIsWrongWithAModel()
    {
        QFETCH(QByteArray, model);
        QFETCH(QString, words);
        const Folder folder;
        folder.write(u"model.onnx"_s, model);
        auto embedder = OnnxEmbedder::open(folder.path(), m_pool);
        QVERIFY(embedder);
        for (int again = 0; again < 2; ++again) {
            const auto vectors = (*embedder)->embed({u"the box"_s}).wait();
            QVERIFY(!vectors);
            QVERIFY2(vectors.error().message.contains(words), qPrintable(vectors.error().message));
        }
    }
    void saysWhatIsWrongWithAModel_data()
    {
        QTest::addColumn<QByteArray>("model");
        QTest::addColumn<QString>("words");
        const QByteArray good = modelOf(20, 4, {"input_ids"}, "out");
        QTest::newRow("rubbish") << QByteArray(1000, 'x') << u"Is model.onnx whole?"_s;
        QTest::newRow("cut") << good.first(good.size() / 2) << u"Is model.onnx whole?"_s;
        QTest::newRow("another input")
            << modelOf(20, 4, {"pixels"}, "out") << u"it wants the input \"pixels\""_s;
        QTest::newRow("no ids") << modelOf(20, 4, {"attention_mask"}, "out")
                                << u"it has no input \"input_ids\""_s;
        QTest::newRow("too few pieces")
            << modelOf(3, 4, {"input_ids"}, "out") << u"could not be run"_s;
    }
};

QTEST_GUILESS_MAIN(tst_OnnxEmbedder)
#include "tst_OnnxEmbedder.moc"
