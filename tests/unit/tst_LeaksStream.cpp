#include "core/leaks/Watch.h"
#include "tests/unit/LeaksKit.h"

#include <QTest>
#include <thread>

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::leaks;
using leakskit::knowing;

namespace {

const QByteArray value = "Fk3xT9vQ2mZr8LpWwN5c";

QByteArray streamed(const std::shared_ptr<const Scanner>& scanner, const QByteArrayList& chunks)
{
    Stream stream(scanner);
    QByteArray clean;
    for (const QByteArray& chunk : chunks) {
        stream.feed(chunk);
        clean += stream.redacted();
    }
    stream.finish();
    return clean + stream.redacted();
}

} // namespace

class tst_LeaksStream : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void cutAnywhere()
    {
        const auto scanner = knowing(value);
        for (const QByteArray& form : {value,
                                       value.toBase64(),
                                       value.toHex(':'),
                                       QByteArray(value).replace("v", "\x1b[1mv")}) {
            const QByteArray text = "before " + form + " behind";
            for (qsizetype cut = 0; cut <= text.size(); ++cut) {
                const QByteArray clean = streamed(scanner, {text.first(cut), text.sliced(cut)});
                QVERIFY2(clean.startsWith("before [redacted:env:KEY]") && clean.endsWith(" behind"),
                         clean.constData());
                QVERIFY(clean.size() < 40);
            }
        }
    }

    void aByteAtATime()
    {
        const auto scanner = knowing(value);
        QByteArrayList bytes;
        for (const char c : QByteArray("x" + value + "y" + value.toHex() + "z")) {
            bytes.append(QByteArray(1, c));
        }
        QCOMPARE(streamed(scanner, bytes), "x[redacted:env:KEY]y[redacted:env:KEY]z");
    }

    void holdsBackOnlyWhatItMust()
    {
        const auto scanner = knowing(value);
        Stream stream(scanner);
        QVERIFY(stream.feed("plain text;").isEmpty());
        QCOMPARE(stream.redacted(), "plain text;");
        stream.feed(QByteArray("and then " + value.first(7)));
        QCOMPARE(stream.redacted(), "and then ");
        QCOMPARE(stream.decided(), 20);
        stream.feed("!");
        QCOMPARE(stream.redacted(), ""); // it may go on behind something
        stream.feed(" n;");
        QCOMPARE(stream.redacted(), value.first(7) + "! n;");
        QCOMPARE(stream.feed(value).size(), 1);
        QCOMPARE(stream.redacted(), "[redacted:env:KEY]");
        stream.feed("a passwo");
        QCOMPARE(stream.redacted(), "a ");
        stream.finish();
        QCOMPARE(stream.redacted(), "passwo");
    }

    void offsetsCountFromTheBeginning()
    {
        const auto scanner = knowing(value);
        Stream stream(scanner, Stream::Keep::Hits);
        QList<Hit> hits;
        for (int i = 0; i < 100; ++i) {
            hits +=
                stream.feed(QByteArray(QByteArray(999, '.') + (i == 70 ? value : QByteArray())));
        }
        hits += stream.finish();
        QCOMPARE(hits,
                 QList<Hit>({{u"known:env:KEY"_s, 71 * 999, value.size(), Encoding::Plain, true}}));
        QCOMPARE(stream.redacted(), "");
    }

    void anEndlessKeyIsNotHeldForEver()
    {
        Stream stream(Scanner::create());
        const QByteArray token = "sk-ant-" + leakskit::madeUp(300'000);
        QByteArray clean;
        for (qsizetype at = 0; at < token.size(); at += 1000) {
            stream.feed(token.sliced(at, std::min<qsizetype>(1000, token.size() - at)));
            clean += stream.redacted();
        }
        stream.feed(" end");
        stream.finish();
        clean += stream.redacted();
        QVERIFY2(clean.startsWith("[redacted:anthropic-key]"), clean.first(100).constData());
    }

    void aHeldPatternHidesNoValue()
    {
        // What looks like the beginning of an endless web token, and a value on each border.
        const auto scanner = knowing(value);
        for (qsizetype size = 16'000; size < 17'000; size += 7) {
            const QByteArray text =
                "eyJ" + leakskit::madeUp(size) + value + leakskit::madeUp(20'000);
            QByteArrayList chunks;
            for (qsizetype at = 0; at < text.size(); at += 1024) {
                chunks.append(text.sliced(at, std::min<qsizetype>(1024, text.size() - at)));
            }
            QVERIFY(!streamed(scanner, chunks).contains(value));
        }
    }

    void watchRaisesOneIncidentForEachName()
    {
        QList<Incident> incidents;
        const Watch watch([scanner = knowing(value)] { return scanner; },
                          [&](const Incident& incident) { incidents.append(incident); });
        const Origin origin{u"model"_s, u"assistant"_s, u"general"_s, u"wrk-1"_s, 7};
        const QString text = QString::fromLatin1("a " + value + ' ' + value.toBase64() + " AKIA" +
                                                 leakskit::madeUp(16, "ABCD23EFG4HJK5"));
        const Screened screened = watch.screen(text, origin);
        QCOMPARE(screened.text, u"a [redacted:env:KEY] [redacted:env:KEY] [redacted:aws-key]"_s);
        QCOMPARE(firstKnown(screened.hits), u"known:env:KEY"_s);
        QCOMPARE(incidents.size(), 2);
        QCOMPARE(incidents[0].what, u"known:env:KEY"_s);
        QCOMPARE(incidents[0].offset, 2);
        QCOMPARE(incidents[0].origin.entry, 7);
        QCOMPARE(incidents[1].what, u"pattern:aws-key"_s);
        // One that is off changes nothing.
        QCOMPARE(Watch().screen(text, origin).text, text);
    }

    void bodies()
    {
        QList<Incident> incidents;
        const Watch watch([scanner = knowing(value)] { return scanner; },
                          [&](const Incident& incident) { incidents.append(incident); });
        BodyWatch body(watch, {u"egress:example.com"_s});
        QVERIFY(!body.feed(QByteArray("{\"data\": \"" + value.first(9))));
        QCOMPARE(body.safeBytes(), 10);
        QVERIFY(body.feed(QByteArray(value.sliced(9) + "\"}")));
        QVERIFY(body.feed("more"));
        QCOMPARE(body.safeBytes(), 0);
        QCOMPARE(incidents.size(), 1);
        QCOMPARE(incidents[0].fate, Fate::Stopped);
        BodyWatch other(watch, {u"egress:example.com"_s});
        QVERIFY(!other.feed(QByteArray("the key is sk-" + leakskit::madeUp(40) + " ")));
        QVERIFY(!other.finish());
        QCOMPARE(incidents.size(), 2);
        QCOMPARE(incidents[1].fate, Fate::Passed);
    }

    void manyThreads()
    {
        const auto scanner = knowing(value);
        std::atomic<int> wrong = 0;
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&] {
                for (int i = 0; i < 50; ++i) {
                    const QByteArray text =
                        QByteArray(1000, ' ') + value.toBase64() + QByteArray(1000, 'x');
                    wrong += leakskit::scan(scanner, text).size() == 1 ? 0 : 1;
                }
            });
        }
        for (auto& thread : threads) {
            thread.join();
        }
        QCOMPARE(wrong.load(), 0);
    }
};

QTEST_GUILESS_MAIN(tst_LeaksStream)
#include "tst_LeaksStream.moc"
