#include "tests/unit/JournalFixture.h"

#include <QBuffer>
#include <QProcess>
#include <QTest>

using namespace sb;

namespace {

struct Verdict
{
    int exitCode = -1;
    QString output;
};

// The script that is shipped, run as a stranger would.
Verdict verdictOf(const QByteArray& exported, const QStringList& more = {})
{
    const QTemporaryDir folder;
    QFile file(folder.filePath(QStringLiteral("export.jsonl")));
    if (!file.open(QIODevice::WriteOnly) || file.write(exported) != exported.size()) {
        return {};
    }
    file.close();
    QProcess python;
    python.setProcessChannelMode(QProcess::MergedChannels);
    python.start(QStringLiteral("python3"),
                 QStringList{QStringLiteral("-I"),
                             QStringLiteral(SB_SOURCE_DIR "/packaging/verify_export.py"),
                             file.fileName()} +
                     more);
    if (!python.waitForFinished(60'000)) {
        return {};
    }
    return {python.exitCode(), QString::fromUtf8(python.readAll()).trimmed()};
}

} // namespace

class tst_JournalExport : public QObject
{
    Q_OBJECT

    JournalFixture m;
    QByteArray m_exported;

private Q_SLOTS:
    void initTestCase()
    {
        QVERIFY(m.open());
        for (int i = 0; i < 1236; ++i) {
            (void)m.journal->append(
                JournalFixture::entry(QStringLiteral("Zeile %1 – \"ü\" \\ \n").arg(i)));
        }
        QVERIFY(m.journal->erase(5, QStringLiteral("asked"), QStringLiteral("cli")).wait());
        QBuffer buffer(&m_exported);
        QVERIFY(buffer.open(QIODevice::WriteOnly));
        QCOMPARE(m.journal->exportTo(buffer, {}, {}), Result<qint64>(1237));
    }

    void theScriptVerifiesAnExport()
    {
        const QString expected =
            QStringLiteral("1237 entries verified, 1 of them with their payload erased");
        const auto verdict = verdictOf(m_exported);
        QCOMPARE(verdict.output, expected);
        QCOMPARE(verdict.exitCode, 0);
        QCOMPARE(verdictOf(m_exported, {QString::fromLatin1(m.key.publicKey.toHex())}).exitCode, 0);
        QCOMPARE(verdictOf(m_exported, {QString(64, u'0')}).exitCode, 1);
    }

    void chainsOfEverySmallSizeHaveProofs()
    {
        JournalFixture small;
        QVERIFY(small.open());
        for (int size = 1; size <= 17; ++size) {
            QVERIFY(small.add(QString::number(size)));
            QBuffer buffer;
            QVERIFY(buffer.open(QIODevice::WriteOnly));
            QVERIFY(small.journal->exportTo(buffer, {}, {}));
            const auto verdict = verdictOf(buffer.data());
            QCOMPARE(verdict.output, QStringLiteral("%1 entries verified").arg(size));
        }
    }

    void theScriptRefusesWhatWasChanged_data()
    {
        QTest::addColumn<int>("line");
        QTest::addColumn<QByteArray>("from");
        QTest::addColumn<QByteArray>("to");
        QTest::addColumn<QString>("message");
        QTest::newRow("payload") << 700 << QByteArray("Zeile") << QByteArray("Seile")
                                 << "entry 700: its payload";
        QTest::newRow("cause") << 700 << QByteArray("other:7") << QByteArray("other:8")
                               << "entry 700: its fields";
        QTest::newRow("seq") << 700 << QByteArray("\"seq\":700") << QByteArray("\"seq\":701")
                             << "entry 700: it is missing";
        QTest::newRow("proof") << 700 << QByteArray("\"proof\":[\"")
                               << QByteArray("\"proof\":[\"00") << "entry 700: its proof";
        QTest::newRow("broken line")
            << 700 << QByteArray("{") << QByteArray("[") << "entry 700: it cannot be read";
        QTest::newRow("count") << 0 << QByteArray("1237") << QByteArray("1236") << "the signature";
        QTest::newRow("agent") << 0 << QByteArray("assistant") << QByteArray("assistent")
                               << "the signature";
        QTest::newRow("signature") << 0 << QByteArray("\"signature\":\"")
                                   << QByteArray("\"signature\":\"00") << "the signature";
        QTest::newRow("no head") << 0 << QByteArray("signalbox.journal.1") << QByteArray("x")
                                 << "this is no export";
        QTest::newRow("line dropped")
            << 700 << QByteArray() << QByteArray() << "entry 700: it is missing";
        QTest::newRow("tail dropped")
            << 1237 << QByteArray() << QByteArray() << "entry 1237: it is missing";
    }
    void theScriptRefusesWhatWasChanged()
    {
        QFETCH(int, line);
        QFETCH(QByteArray, from);
        QFETCH(QByteArray, to);
        QFETCH(QString, message);
        QList<QByteArray> lines = m_exported.split('\n');
        if (from.isEmpty()) {
            lines.removeAt(line);
        } else {
            const auto at = lines[line].indexOf(from);
            QVERIFY(at >= 0);
            lines[line].replace(at, from.size(), to);
        }
        const auto verdict = verdictOf(lines.join('\n'));
        QCOMPARE(verdict.exitCode, 1);
        QVERIFY2(verdict.output.startsWith(QStringLiteral("verify_export: ") + message),
                 qPrintable(verdict.output));
    }
};

QTEST_GUILESS_MAIN(tst_JournalExport)
#include "tst_JournalExport.moc"
