#include "core/memory/Chunks.h"

#include <QRegularExpression>
#include <QTest>
#include <QTextBoundaryFinder>

using namespace sb;
using memory::Chunk;
using memory::chunksOf;
using memory::decodedText;
using memory::TextKind;
using namespace Qt::StringLiterals;

namespace {

QString bodyOf(const Chunk& chunk)
{
    return chunk.text.mid(chunk.text.indexOf(u'\n') + 1);
}

QString headOf(const Chunk& chunk)
{
    return chunk.text.left(chunk.text.indexOf(u'\n'));
}

QString sentences(const QString& word, int count)
{
    QString text;
    for (int i = 0; i < count; ++i) {
        text += u"The %1 number %2 stands at the quay. "_s.arg(word).arg(i);
    }
    return text;
}

} // namespace

/// Files as pieces that make sense alone.
class tst_Chunks final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void a_piece_says_where_it_stands()
    {
        const QString text = u"# Harbour\n\nAll about it.\n\n## Cranes\n\n"_s +
                             sentences(u"crane"_s, 20) + u"\n\n### Red ones\n\n"_s +
                             sentences(u"red crane"_s, 20) + u"\n\nShips\n-----\n\n"_s +
                             sentences(u"ship"_s, 20) + u'\n';
        const auto pieces = chunksOf(text, TextKind::Markdown, u"docs/guide.md"_s);
        QStringList heads;
        for (const Chunk& piece : pieces) {
            heads.append(headOf(piece));
        }
        QCOMPARE(heads,
                 QStringList({u"docs/guide.md › Harbour"_s,
                              u"docs/guide.md › Harbour › Cranes › Red ones"_s,
                              u"docs/guide.md › Harbour › Ships"_s}));
        QVERIFY(pieces[0].text.contains(u"All about it."_s));
        QCOMPARE(pieces[0].line, 1);
        QCOMPARE(pieces[0].lastLine, 7);
        QCOMPARE(pieces[1].line, 9);
        QCOMPARE(pieces[2].line, 13);
        QCOMPARE(pieces[2].lastLine, 16);
    }

    void a_heading_stays_with_what_follows_and_a_fence_is_no_heading()
    {
        const QString text =
            u"intro "_s + sentences(u"a"_s, 18) +
            u"\n\n## Build\n\n```sh\n# no heading\n\nmake all\n```\n\nThen wait.\n"_s;
        const auto pieces = chunksOf(text, TextKind::Markdown, u"x.md"_s);
        QCOMPARE(pieces.size(), 2);
        QCOMPARE(pieces[1].text,
                 u"x.md › Build\n## Build\n\n```sh\n# no heading\n\nmake all\n```\n\nThen wait."_s);
    }

    void functions_stay_whole()
    {
        QString text = u"#include <harbour>\n\n"_s;
        for (int i = 0; i < 6; ++i) {
            text += u"void crane%1()\n{\n"_s.arg(i);
            for (int line = 0; line < 10; ++line) {
                text += u"    lift(%1, container(%2)); // up and over\n"_s.arg(i).arg(line);
                text += line == 4 ? u"\n"_s : QString();
            }
            text += u"}\n\n"_s;
        }
        const auto pieces = chunksOf(text, TextKind::Code, u"src/crane.cpp"_s);
        QVERIFY(pieces.size() >= 3);
        for (const Chunk& piece : pieces) {
            QVERIFY2(bodyOf(piece).startsWith(u"void"_s) || &piece == &pieces.first(),
                     qPrintable(piece.text));
            QVERIFY2(bodyOf(piece).endsWith(u'}'), qPrintable(piece.text));
            QCOMPARE(headOf(piece), u"src/crane.cpp"_s);
        }
    }

    void whatever_it_is_no_word_is_lost_and_no_piece_is_too_long_data()
    {
        QTest::addColumn<QString>("text");
        QTest::newRow("one long line of words") << sentences(u"crane"_s, 400);
        QTest::newRow("one word of 20,000 letters") << QString(20'000, u'x');
        QTest::newRow("Chinese") << u"港口里有许多起重机。它们把集装箱从船上吊下来。"_s.repeated(
            200);
        QTest::newRow("Arabic") << u"في الميناء رافعات كثيرة. ترفع الحاويات من السفن. "_s.repeated(
            150);
        QTest::newRow("emoji")
            << u"👩‍👩‍👧‍👦🏳️‍🌈🇩🇪👍🏽"_s.repeated(400);
        QTest::newRow("combining marks") << u"ä̈́ö̂ü̧"_s.repeated(700);
        QTest::newRow("a grapheme without end") << QString(u'a' + QString(5000, QChar(0x301)));
        QTest::newRow("paragraphs") << QString(sentences(u"ship"_s, 9) + u"\n\n"_s).repeated(30);
        QTest::newRow("Windows lines")
            << QString(sentences(u"ship"_s, 3) + u"\r\n\r\n"_s).repeated(30);
        QTest::newRow("headings only") << u"# A\n## B\n"_s.repeated(300);
        QTest::newRow("a heading of 5,000") << u"# "_s + QString(5000, u'h') + u"\n\ntext\n"_s;
        QTest::newRow("an open fence") << u"```\n"_s + sentences(u"x"_s, 200);
        QTest::newRow("indented code") << u"    if (x) {\n        y();\n    }\n\n"_s.repeated(200);
    }
    void whatever_it_is_no_word_is_lost_and_no_piece_is_too_long()
    {
        QFETCH(QString, text);
        static const QRegularExpression space(u"\\s+"_s);
        for (const auto kind : {TextKind::Plain, TextKind::Markdown, TextKind::Code}) {
            const auto pieces = chunksOf(text, kind, u"folder/name.txt"_s);
            QString all;
            int line = 1;
            for (const Chunk& piece : pieces) {
                QVERIFY(piece.text.size() <= memory::MostOfPiece);
                QVERIFY(piece.line >= line && piece.lastLine >= piece.line);
                line = piece.line;
                QVERIFY(piece.text.isValidUtf16());
                QCOMPARE(piece.digest.size(), 64);
                all += bodyOf(piece);
            }
            QVERIFY(all.remove(space) == QString(text).remove(space));
        }
    }

    void no_piece_begins_inside_a_character()
    {
        const QString text =
            u"👩‍👩‍👧‍👦🏳️‍🌈🇩🇪👍🏽"_s.repeated(400);
        QTextBoundaryFinder finder(QTextBoundaryFinder::Grapheme, text);
        qsizetype at = 0;
        for (const Chunk& piece : chunksOf(text, TextKind::Plain, u"x"_s)) {
            finder.setPosition(at);
            QVERIFY(finder.isAtBoundary());
            at += bodyOf(piece).size();
        }
        QCOMPARE(at, text.size());
    }

    void pieces_are_of_a_good_size()
    {
        QString text;
        for (int i = 0; i < 200; ++i) {
            text += sentences(u"thing%1"_s.arg(i), 1 + i % 7) + u"\n\n"_s;
        }
        const auto pieces = chunksOf(text, TextKind::Plain, u"x.txt"_s);
        for (const Chunk& piece : pieces.first(pieces.size() - 1)) {
            QVERIFY(piece.text.size() >= memory::FewestOfPiece);
        }
    }

    void a_change_touches_few_pieces()
    {
        QString text;
        for (int i = 0; i < 300; ++i) {
            text += sentences(u"thing%1"_s.arg(i), 1 + (i * 31) % 5) + u"\n\n"_s;
        }
        QSet<QString> before;
        for (const Chunk& piece : chunksOf(text, TextKind::Plain, u"x.txt"_s)) {
            before.insert(piece.digest);
        }
        int fresh = 0;
        const auto after = chunksOf(u"Something new.\n\n"_s + text, TextKind::Plain, u"x.txt"_s);
        for (const Chunk& piece : after) {
            fresh += before.contains(piece.digest) ? 0 : 1;
        }
        QVERIFY2(fresh * 4 < after.size(), qPrintable(u"%1 of %2"_s.arg(fresh).arg(after.size())));
    }

    void nothing_makes_no_piece()
    {
        QCOMPARE(chunksOf({}, TextKind::Plain, u"x"_s).size(), 0);
        QCOMPARE(chunksOf(u" \n\n\t\n"_s, TextKind::Markdown, u"x"_s).size(), 0);
    }

    void encodings_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QString>("text");
        const QString text = u"Hafenkräne — “schwer”"_s;
        QTest::newRow("UTF-8") << text.toUtf8() << text;
        QTest::newRow("UTF-8 with a mark") << "\xEF\xBB\xBF" + text.toUtf8() << text;
        QByteArray little("\xFF\xFE");
        QByteArray big("\xFE\xFF");
        for (const QChar c : text) {
            little += char(c.cell());
            little += char(c.row());
            big += char(c.row());
            big += char(c.cell());
        }
        QTest::newRow("UTF-16 LE") << little << text;
        QTest::newRow("UTF-16 BE") << big << text;
        QTest::newRow("Latin-1") << QByteArray("Hafenkr\xE4ne") << u"Hafenkräne"_s;
        QTest::newRow("Latin-1 at the end") << QByteArray("caf\xE9") << u"café"_s;
        QTest::newRow("Windows") << QByteArray("Hafenkr\xE4ne \x97 \x93schwer\x94") << text;
        QTest::newRow("none") << QByteArray() << QString();
    }
    void encodings()
    {
        QFETCH(QByteArray, bytes);
        QFETCH(QString, text);
        const auto decoded = decodedText(bytes);
        QVERIFY(decoded.has_value());
        QCOMPARE(*decoded, text);
    }

    void a_character_that_is_cut_in_two_is_left_out()
    {
        const QByteArray bytes = u"Kräne und Kräne"_s.toUtf8();
        const auto decoded = decodedText(QByteArrayView(bytes).first(13 + 1), false);
        QVERIFY(decoded.has_value());
        QCOMPARE(*decoded, u"Kräne und Kr"_s);
    }

    void what_is_no_text_is_told_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        QTest::newRow("NUL") << QByteArray("PNG\0\1\2", 6);
        QTest::newRow("controls") << QByteArray("\1\2\3\4\5\6\7abc\x0e\x0f").repeated(50);
        QTest::newRow("UTF-16 with NUL") << QByteArray("\xFF\xFE\x41\x00\x00\x00", 6);
        QTest::newRow("UTF-16 of nothing but surrogates")
            << QByteArray("\xFF\xFE\x00\xDC\x00\xDC", 6);
    }
    void what_is_no_text_is_told()
    {
        QFETCH(QByteArray, bytes);
        QVERIFY(!decodedText(bytes));
    }

    void kinds_of_files()
    {
        QCOMPARE(memory::textKindOf(u"/x/README.md"_s), TextKind::Markdown);
        QCOMPARE(memory::textKindOf(u"/x/Main.CPP"_s), TextKind::Code);
        QCOMPARE(memory::textKindOf(u"/x/CMakeLists.txt"_s), TextKind::Code);
        QCOMPARE(memory::textKindOf(u"/x/notes.txt"_s), TextKind::Plain);
        QCOMPARE(memory::textKindOf(u"/x/NEWS"_s), TextKind::Plain);
    }
};

QTEST_GUILESS_MAIN(tst_Chunks)
#include "tst_Chunks.moc"
