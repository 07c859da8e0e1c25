#include "core/secrets/Redactor.h"
#include "tests/unit/LeaksKit.h"

#include <QElapsedTimer>
#include <QJsonArray>
#include <QJsonDocument>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::secrets;

class tst_Redactor : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void textBytesAndJson()
    {
        Redactor redactor;
        redactor.add(u"env:A"_s, leakskit::secret("correct horse"));
        redactor.add(u"env:B"_s, leakskit::secret("correct horse battery"));
        redactor.add(u"env:short"_s, leakskit::secret("abc"));
        QCOMPARE(redactor.redact(u"a correct horse battery b"_s), u"a [redacted:env:B] b"_s);
        QCOMPARE(redactor.redact(u"correct horsecorrect horse, abc"_s),
                 u"[redacted:env:A][redacted:env:A], abc"_s);
        QCOMPARE(redactor.redact(QByteArray("{\"a\":\"correct horse\"}")),
                 QByteArray("{\"a\":\"[redacted:env:A]\"}"));
        const QJsonObject payload{
            {u"n"_s, 5},
            {u"deep"_s, QJsonArray{1, QJsonObject{{u"x"_s, u"is correct horse"_s}}}},
            {u"correct horse"_s, true}};
        const QJsonObject clean{
            {u"n"_s, 5},
            {u"deep"_s, QJsonArray{1, QJsonObject{{u"x"_s, u"is [redacted:env:A]"_s}}}},
            {u"[redacted:env:A]"_s, true}};
        QCOMPARE(redactor.redact(payload), clean);
        QCOMPARE(redactor.redact(clean), clean);
    }

    void whatWasRedactedStaysAsItIs()
    {
        Redactor redactor;
        redactor.add(u"env:GITHUB_TOKEN_1234567890"_s, leakskit::secret("a-value-of-some-length"));
        const QString text = u"password = \"[redacted:env:GITHUB_TOKEN_1234567890]\""_s;
        QCOMPARE(redactor.redact(text), text);
    }

    void aScannerKnowsWhatWasAddedBefore()
    {
        Redactor redactor;
        const auto before = redactor.scanner();
        redactor.add(u"env:A"_s, leakskit::secret("correct horse"));
        QVERIFY(before->scan(QStringView(u"correct horse")).isEmpty());
        QCOMPARE(redactor.scanner()->scan(QStringView(u"correct horse")).size(), 1);
    }

    void aPayloadCostsLittle()
    {
        Redactor redactor;
        for (int i = 0; i < 10; ++i) {
            redactor.add(u"env:K"_s, leakskit::secret("sk-x" + leakskit::madeUp(30 + i)));
        }
        const QJsonObject payload{
            {u"tool"_s, u"file_read"_s},
            {u"arguments"_s,
             QJsonObject{{u"path"_s, u"src/engine/Interlocking.cpp"_s}, {u"lines"_s, 200}}},
            {u"process"_s, u"wrk-7k3q9m2x5a"_s},
            {u"reason"_s, u"Reading inside the workspace is allowed."_s},
            {u"text"_s,
             u"The test expects three signals on the branch line, the table lists two of them."_s},
            {u"id"_s, u"call_0123456789abcdef"_s}};
        constexpr int rounds = 20'000;
        qint64 best = std::numeric_limits<qint64>::max();
        for (int repeat = 0; repeat < 5; ++repeat) {
            QElapsedTimer timer;
            timer.start();
            for (int i = 0; i < rounds; ++i) {
                QVERIFY(!redactor.redact(payload).isEmpty());
            }
            best = std::min(best, timer.nsecsElapsed() / rounds);
        }
        qInfo("%lld ns for a payload", best);
    }
};

QTEST_GUILESS_MAIN(tst_Redactor)
#include "tst_Redactor.moc"
