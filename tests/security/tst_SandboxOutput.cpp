#include "core/sandbox/OutputKeeper.h"
#include "core/sandbox/Sandbox.h"

#include <QTest>

using namespace sb::sandbox;
using namespace Qt::StringLiterals;

class tst_SandboxOutput : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void harmless_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QString>("text");
        QTest::newRow("plain") << QByteArray("one\ttwo\n") << u"one\ttwo\n"_s;
        QTest::newRow("colour") << QByteArray("\033[31mred\033[0m") << u"␛[31mred␛[0m"_s;
        QTest::newRow("title") << QByteArray("\033]0;owned\007") << u"␛]0;owned␇"_s;
        QTest::newRow("C1 CSI") << QByteArray("\xc2\x9b"
                                              "2J")
                                << u"‹U+009B›2J"_s;
        QTest::newRow("raw C1") << QByteArray("\x9b"
                                              "2J")
                                << u"\uFFFD2J"_s;
        QTest::newRow("backspace") << QByteArray("no\b\byes\x7f") << u"no␈␈yes␡"_s;
        QTest::newRow("NUL") << QByteArray("a\0b", 3) << u"a␀b"_s;
        QTest::newRow("line ends") << QByteArray("a\r\nb\r\n") << u"a\nb\n"_s;
        QTest::newRow("painted over")
            << QByteArray("rm -rf /\rls      \n") << u"rm -rf /\nls      \n"_s;
        QTest::newRow("last return") << QByteArray("50 %\r") << u"50 %\n"_s;
        QTest::newRow("two returns") << QByteArray("a\r\r\nb") << u"a\n\nb"_s;
        QTest::newRow("bidi") << u"a\u202Egpj.exe"_s.toUtf8() << u"a‹U+202E›gpj.exe"_s;
        QTest::newRow("isolate") << u"\u2066x\u2069"_s.toUtf8() << u"‹U+2066›x‹U+2069›"_s;
        QTest::newRow("zero width")
            << u"pass\u200Bword\uFEFF"_s.toUtf8() << u"pass‹U+200B›word‹U+FEFF›"_s;
        QTest::newRow("tags") << QByteArray("\xf3\xa0\x81\xa1") << u"‹U+E0061›"_s;
        QTest::newRow("line separator") << u"a\u2028b"_s.toUtf8() << u"a‹U+2028›b"_s;
        QTest::newRow("words") << u"größer 漢字 👍"_s.toUtf8() << u"größer 漢字 👍"_s;
        QTest::newRow("invalid") << QByteArray("a\xff\xfe z") << u"a\uFFFD\uFFFD z"_s;
        QTest::newRow("overlong") << QByteArray("\xc0\xaf") << u"\uFFFD\uFFFD"_s;
        QTest::newRow("surrogate") << QByteArray("\xed\xa0\x80.") << u"\uFFFD\uFFFD\uFFFD."_s;
        QTest::newRow("beyond Unicode") << QByteArray("\xf5\x80.") << u"\uFFFD\uFFFD."_s;
        QTest::newRow("cut off") << QByteArray("a\xe2\x82") << u"a\uFFFD"_s;
        QTest::newRow("cut short") << QByteArray("\xe2\x82z") << u"\uFFFDz"_s;
    }
    void harmless()
    {
        QFETCH(QByteArray, bytes);
        QFETCH(QString, text);
        OutputFilter whole;
        QString seen = whole.filter(bytes);
        seen += whole.finish();
        QCOMPARE(seen, text);
        // The same byte by byte, and cut in two anywhere.
        for (qsizetype cut = 0; cut <= bytes.size(); ++cut) {
            OutputFilter filter;
            QString parts = filter.filter(QByteArrayView(bytes).first(cut));
            parts += filter.filter(QByteArrayView(bytes).sliced(cut));
            parts += filter.finish();
            QCOMPARE(parts, text);
        }
        OutputFilter filter;
        QString parts;
        for (const char& byte : std::as_const(bytes)) {
            parts += filter.filter(QByteArrayView(&byte, 1));
        }
        parts += filter.finish();
        QCOMPARE(parts, text);
    }

    void keepsHeadAndTail()
    {
        OutputKeeper keeper(10);
        for (char c = 'a'; c <= 'z'; ++c) {
            keeper.append(QByteArrayView(&c, 1));
        }
        QCOMPARE(keeper.total(), 26);
        QCOMPARE(keeper.text(), u"abcde\n[… 16 bytes left out …]\nvwxyz"_s);
    }
    void keepsAllThatFits()
    {
        OutputKeeper keeper(8);
        keeper.append("größ");
        keeper.append("e");
        QCOMPARE(keeper.text(), u"größe"_s);
        keeper.append("123456789");
        QCOMPARE(keeper.text(), u"grö\n[… 8 bytes left out …]\n6789"_s);
    }
};

QTEST_GUILESS_MAIN(tst_SandboxOutput)
#include "tst_SandboxOutput.moc"
