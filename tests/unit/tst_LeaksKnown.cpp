#include "tests/unit/LeaksKit.h"

#include <QTest>

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::leaks;
using leakskit::knowing;

namespace {

const QByteArray value = "Fk3xT9vQ2mZr8LpW-wN5c/Yb7";

QByteArray reversed(QByteArray bytes)
{
    std::ranges::reverse(bytes);
    return bytes;
}

QByteArray spaced(const QByteArray& bytes, int every, const QByteArray& between)
{
    QByteArray out;
    for (qsizetype i = 0; i < bytes.size(); ++i) {
        out += i > 0 && i % every == 0 ? between : QByteArray();
        out += bytes[i];
    }
    return out;
}

QByteArray eachByte(const QByteArray& bytes, const char* before)
{
    QByteArray out;
    for (const char c : bytes) {
        out += before + QByteArray(1, c).toHex();
    }
    return out;
}

QByteArray wide(const QByteArray& bytes, bool bigEndian)
{
    QByteArray out;
    for (const char c : bytes) {
        out += bigEndian ? '\0' : c;
        out += bigEndian ? c : '\0';
    }
    return out;
}

} // namespace

class tst_LeaksKnown : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void whatStandsAroundAValueStays()
    {
        for (const QString& key :
             {u"a-stored-key-é"_s, u"é-a-stored-key"_s, u"-a-stored-key-日本-"_s}) {
            const auto scanner =
                Scanner::with(Scanner::create(), u"env:KEY"_s, SecretString(key.toUtf8()));
            const QString text = u"<"_s + key + u">"_s;
            QCOMPARE(scanner->redact(QStringView(text)), u"<[redacted:env:KEY]>"_s);
            QCOMPARE(scanner->redact(QByteArrayView(text.toUtf8())),
                     QByteArray("<[redacted:env:KEY]>"));
        }
    }

    void inEveryEncoding_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<QString>("encoding");
        const auto row = [](const char* name, const QByteArray& text, const char* encoding) {
            QTest::newRow(name) << text << QString::fromLatin1(encoding);
        };
        row("plain", value, "plain");
        for (int shift = 0; shift < 3; ++shift) {
            const QByteArray padded = QByteArray("xyz").left(shift) + value;
            row(qPrintable(u"base64 %1"_s.arg(shift)), padded.toBase64(), "base64");
            row(qPrintable(u"base64 %1, more behind"_s.arg(shift)),
                QByteArray(padded + "tail").toBase64(),
                "base64");
            row(qPrintable(u"base64url %1"_s.arg(shift)),
                padded.toBase64(QByteArray::Base64UrlEncoding | QByteArray::OmitTrailingEquals),
                "base64");
        }
        row("base64 in lines", spaced(QByteArray(value + "tail").toBase64(), 8, "\n"), "base64");
        row("hex", value.toHex(), "hex");
        row("hex, capitals", value.toHex().toUpper(), "hex");
        row("hex with colons", value.toHex(':'), "hex");
        row("hex with blanks", value.toHex(' '), "hex");
        row("hexdump", spaced(value.toHex(' '), 24, "\n0010  "), "");
        row("hex as in C", eachByte(value, "\\x"), "hex");
        row("hex in a list", spaced(eachByte(value, "0x"), 4, ", "), "hex");
        row("every byte in percent", eachByte(value, "%"), "hex");
        row("percent", value.toPercentEncoding(), "percent");
        row("percent, small", value.toPercentEncoding().replace("%2F", "%2f"), "percent");
        row("json, all escaped", eachByte(value, "\\u00"), "json");
        row("json, slash escaped", QByteArray(value).replace("/", "\\/"), "plain");
        row("reversed", reversed(value), "reversed");
        row("a character a line", spaced(value, 1, "\n"), "plain");
        row("in lines", spaced(value, 5, "\r\n    "), "plain");
        row("in lines, escaped", spaced(value, 5, "\\n"), "plain");
        row("quoted and joined", spaced(value, 4, "\" + \""), "plain");
        row("utf-16", wide(value, false), "plain");
        row("utf-16 be", wide(value, true), "plain");
        row("colours", spaced(value, 3, "\x1b[38;5;12m"), "plain");
        row("colours, as shown", spaced(value, 3, "␛[0m"), "plain");
        row("unseen characters", spaced(value, 3, "\xe2\x80\x8b"), "plain");
        row("unseen characters, as shown", spaced(value, 3, "‹U+200B›"), "plain");
        row("half an escape before", "\x1b[" + value, "plain");
        row("half an escape of json before", "\\" + value, "plain");
    }
    void inEveryEncoding()
    {
        QFETCH(QByteArray, text);
        QFETCH(QString, encoding);
        const auto scanner = knowing(value);
        for (const QByteArray& whole : {text,
                                        QByteArray("some text: <" + text + "> and more"),
                                        QByteArray(QByteArray(70'000, '.') + text)}) {
            const auto hits = leakskit::scan(scanner, whole);
            if (encoding.isEmpty()) { // offsets between the lines are not understood
                QVERIFY(hits.isEmpty());
                continue;
            }
            QCOMPARE(leakskit::names(hits), QStringList{u"known:env:KEY"_s});
            QCOMPARE(encodingName(hits[0].encoding), encoding);
            const QByteArray clean = leakskit::redact(scanner, whole);
            QVERIFY2(clean.contains("[redacted:env:KEY]") && !clean.contains("wN5c"),
                     clean.constData());
            // As a QString as well.
            const QString string = QString::fromUtf8(whole);
            QCOMPARE(scanner->redact(QStringView(string)).value_or(u"nothing"_s).toUtf8(),
                     QString::fromUtf8(clean).toUtf8());
        }
    }

    void onlyTheWholeValue()
    {
        const auto scanner = knowing(value);
        for (const QByteArray& text : {value.chopped(1),
                                       value.sliced(1),
                                       QByteArray(value.toLower()),
                                       value.chopped(1).toBase64(),
                                       QByteArray(value).replace('x', 'y')}) {
            QVERIFY2(leakskit::scan(scanner, text).isEmpty(), text.constData());
        }
        // Too far apart to be one.
        QVERIFY(leakskit::scan(scanner, spaced(value, 5, QByteArray(100, ' '))).isEmpty());
    }

    void exactPlaces()
    {
        auto scanner = knowing(value);
        scanner = Scanner::with(scanner, u"env:OTHER"_s, leakskit::secret("!an other one!"));
        const QByteArray text = "a " + value + value + " b <!an other one!>";
        const QList<Hit> expected = {
            {u"known:env:KEY"_s, 2, value.size(), Encoding::Plain, true},
            {u"known:env:KEY"_s, 2 + value.size(), value.size(), Encoding::Plain, true},
            {u"known:env:OTHER"_s, 6 + 2 * value.size(), 14, Encoding::Plain, true}};
        QCOMPARE(leakskit::scan(scanner, text), expected);
        QCOMPARE(leakskit::redact(scanner, text),
                 "a [redacted:env:KEY][redacted:env:KEY] b <[redacted:env:OTHER]>");
    }

    void shortAndStrangeValues()
    {
        for (const char* odd :
             {"hunter2", "pa-ss!", "!?$%&/()=.,;", "grün-und-lang", "日本語の秘密の鍵", "ab1!cd"}) {
            const auto scanner = knowing(odd);
            const QByteArray text = "x " + QByteArray(odd) + " y";
            QCOMPARE(leakskit::redact(scanner, text), "x [redacted:env:KEY] y");
            QCOMPARE(scanner->redact(QStringView(QString::fromUtf8(text))).value_or(u"nothing"_s),
                     u"x [redacted:env:KEY] y"_s);
        }
        QVERIFY(leakskit::scan(knowing("short"), "it is short").isEmpty());
        // What services that check no key are given must not blot the word out everywhere.
        for (const char* word : {"ollama", "password", "notNeeded"}) {
            QVERIFY(leakskit::scan(knowing(word), "x " + QByteArray(word) + " y").isEmpty());
        }
        QVERIFY(
            !leakskit::scan(knowing("correcthorsebattery"), "x correcthorsebattery y").isEmpty());
        // Short ones only as they are: with something between they are ordinary words.
        QVERIFY(leakskit::scan(knowing("hunter2"), "hunter 2").isEmpty());
    }

    void longValues()
    {
        // A key file: found piece by piece, so that little needs to be held back.
        const QByteArray file = leakskit::madeUp(5000);
        const auto scanner = knowing(file, u"file:key"_s);
        for (const QByteArray& text :
             {file, file.toBase64(), file.toHex(), spaced(file, 64, "\n")}) {
            const QByteArray clean = leakskit::redact(scanner, "a" + text + "b");
            QVERIFY2(clean.size() < 1000, qPrintable(QString::number(clean.size())));
        }
    }

    void manyValues()
    {
        auto scanner = Scanner::create();
        QList<QByteArray> values;
        for (int i = 0; i < 120; ++i) {
            values.append(leakskit::madeUp(20 + i));
            scanner = Scanner::with(scanner, QString::number(i), leakskit::secret(values.last()));
        }
        for (int i = 0; i < 120; ++i) {
            QCOMPARE(leakskit::names(leakskit::scan(scanner, "x " + values[i].toBase64())),
                     QStringList{u"known:%1"_s.arg(i)});
        }
        // The same value under a second name stays what it was.
        QCOMPARE(Scanner::with(scanner, u"again"_s, leakskit::secret(values[3])), scanner);
    }
};

QTEST_GUILESS_MAIN(tst_LeaksKnown)
#include "tst_LeaksKnown.moc"
