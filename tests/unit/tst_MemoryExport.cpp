#include "core/memory/Export.h"

#include <QBuffer>
#include <QCryptographicHash>
#include <QJsonDocument>
#include <QRegularExpression>
#include <QTest>
#include <QXmlStreamReader>

using namespace sb;
using namespace sb::protocol;
using namespace Qt::StringLiterals;

namespace {

const QString hostile =
    u"</script><script>alert(1)</script> <img src=x onerror=alert(2)> & \"quotes\" ]]> {{rows}} "
    "<!-- \u2028 港口 مرفأ ⛵"_s;

memory::Exported sample()
{
    memory::Exported exported;
    exported.agent = u"<b>assistant</b>"_s;
    exported.at = 1'800'000'000'000'000;
    MemoryInfo one;
    one.id = u"mem-1"_s;
    one.type = MemoryType::Goal;
    one.content = hostile;
    one.importance = 0.9;
    one.labels = {u"external_network"_s, u"pii"_s};
    one.isPinned = true;
    one.validFrom = one.createdAt = one.knownFrom = exported.at;
    one.source.file = u"/home/x/a&b.md"_s;
    one.source.line = 7;
    one.seq = 3;
    MemoryInfo two;
    two.id = u"mem-2"_s;
    two.content = u"control \u0001 and\nline"_s;
    two.provenance = Provenance::Untrusted;
    two.suspicion = u"It gives orders."_s;
    exported.memories = {one, two};
    MemoryEdge edge;
    edge.from = u"mem-1"_s;
    edge.to = u"mem-2"_s;
    edge.relation = Relation::Contradicts;
    edge.weight = 0.25;
    edge.by = u"owner"_s;
    exported.edges = {edge};
    return exported;
}

QByteArray written(const memory::Exported& exported, ExportFormat format)
{
    QBuffer buffer;
    buffer.open(QIODevice::WriteOnly);
    const auto done = memory::writeExport(buffer, exported, format);
    return done ? buffer.data() : QByteArray();
}

QByteArray between(const QByteArray& bytes, const QByteArray& from, const QByteArray& to)
{
    const qsizetype begin = bytes.indexOf(from) + from.size();
    return bytes.sliced(begin, bytes.indexOf(to, begin) - begin);
}

/// A disk that is full after some bytes.
class FullDevice final : public QIODevice
{
public:
    FullDevice() { open(QIODevice::WriteOnly | QIODevice::Unbuffered); }

protected:
    qint64 readData(char*, qint64) override { return -1; }
    qint64 writeData(const char*, qint64) override
    {
        setErrorString(u"No space left on device"_s);
        return -1;
    }
};

} // namespace

class tst_MemoryExport : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void jsonHoldsEverything();
    void graphMlIsValid();
    void htmlIsOnePage();
    void htmlEscapesEverything();
    void htmlRunsNothingElse();
    void emptyMemory_data();
    void emptyMemory();
    void fullDisk_data();
    void fullDisk();
};

void tst_MemoryExport::jsonHoldsEverything()
{
    const auto exported = sample();
    const auto json = QJsonDocument::fromJson(written(exported, ExportFormat::Json)).object();
    QCOMPARE(json.value("format"_L1).toString(), u"signalbox.memory.1"_s);
    QCOMPARE(json.value("agent"_L1).toString(), exported.agent);
    QCOMPARE(json.value("written_at"_L1).toString(), u"2027-01-15T08:00:00.000000Z"_s);
    QList<MemoryInfo> memories;
    QList<MemoryEdge> edges;
    QVERIFY(fromJsonValue(json.value("memories"_L1), memories, u"memories"_s));
    QVERIFY(fromJsonValue(json.value("edges"_L1), edges, u"edges"_s));
    QCOMPARE(memories, exported.memories);
    QCOMPARE(edges, exported.edges);
}

void tst_MemoryExport::graphMlIsValid()
{
    const auto exported = sample();
    QXmlStreamReader xml(written(exported, ExportFormat::GraphMl));
    QHash<QString, QString> keys;
    QHash<QString, QHash<QString, QString>> elements; // by id, or by source and target
    QString current;
    while (!xml.atEnd()) {
        if (xml.readNext() != QXmlStreamReader::StartElement) {
            continue;
        }
        const auto attributes = xml.attributes();
        QCOMPARE(xml.namespaceUri(), u"http://graphml.graphdrawing.org/xmlns"_s);
        if (xml.name() == u"key") {
            keys.insert(attributes.value("id"_L1).toString(),
                        attributes.value("attr.name"_L1).toString());
        } else if (xml.name() == u"graph") {
            QCOMPARE(attributes.value("edgedefault"_L1), u"directed"_s);
        } else if (xml.name() == u"node") {
            current = attributes.value("id"_L1).toString();
        } else if (xml.name() == u"edge") {
            current = attributes.value("source"_L1) + u'>' + attributes.value("target"_L1);
        } else if (xml.name() == u"data") {
            const QString key = attributes.value("key"_L1).toString();
            QVERIFY2(keys.contains(key), qUtf8Printable(key));
            elements[current].insert(keys.value(key), xml.readElementText());
        }
    }
    QVERIFY2(!xml.hasError(), qUtf8Printable(xml.errorString()));
    QCOMPARE(elements.size(), 3);
    const auto one = elements.value(u"mem-1"_s);
    QCOMPARE(one.value(u"content"_s), hostile);
    QCOMPARE(one.value(u"type"_s), u"goal"_s);
    QCOMPARE(one.value(u"importance"_s), u"0.9"_s);
    QCOMPARE(one.value(u"pinned"_s), u"true"_s);
    QCOMPARE(one.value(u"labels"_s), u"external_network pii"_s);
    QCOMPARE(one.value(u"valid_from"_s), u"2027-01-15T08:00:00.000000Z"_s);
    QVERIFY(!one.contains(u"valid_to"_s));
    QCOMPARE(one.value(u"file"_s), u"/home/x/a&b.md"_s);
    QCOMPARE(one.value(u"line"_s), u"7"_s);
    QCOMPARE(elements.value(u"mem-2"_s).value(u"content"_s), u"control  and\nline"_s);
    const auto edge = elements.value(u"mem-1>mem-2"_s);
    QCOMPARE(edge.value(u"relation"_s), u"contradicts"_s);
    QCOMPARE(edge.value(u"weight"_s), u"0.25"_s);
}

void tst_MemoryExport::htmlIsOnePage()
{
    auto exported = sample();
    const auto page = written(exported, ExportFormat::Html);
    QVERIFY(page.startsWith("<!DOCTYPE html>"));
    QVERIFY(!page.contains("{{policy}}"));
    // Nothing is fetched from anywhere: neither http nor https stands in it at all.
    QVERIFY(!QString::fromUtf8(page).contains(QRegularExpression(u"https?:"_s)));
    QVERIFY(!page.contains("url("));
    QVERIFY(!page.contains("@import"));
    QVERIFY(!page.contains(" src=\""));
    const auto graph = QJsonDocument::fromJson(between(page, "id=\"data\">", "</script>")).object();
    QCOMPARE(graph.value("nodes"_L1).toArray().size(), 2);
    QCOMPARE(graph.value("nodes"_L1).toArray().first().toObject().value("text"_L1).toString(),
             hostile);
    QCOMPARE(graph.value("edges"_L1).toArray().first().toArray(),
             (QJsonArray{0, 1, u"contradicts"_s, 0.25}));
    QVERIFY(page.contains("prefers-color-scheme: dark"));
    QVERIFY(page.contains("goal, pinned") || page.contains("agent, pinned"));
    QVERIFY(page.contains("untrusted, suspicious"));
    // An edge to what is not written out is left out.
    exported.edges.first().to = u"elsewhere"_s;
    QVERIFY(written(exported, ExportFormat::Html).contains("\"edges\":[]"));
}

void tst_MemoryExport::htmlEscapesEverything()
{
    const auto page = written(sample(), ExportFormat::Html);
    QCOMPARE(page.count("<script"), 2);
    QCOMPARE(page.count("</script"), 2);
    QVERIFY(!page.contains("<img"));
    QVERIFY(!page.contains("<b>assistant"));
    QVERIFY(!page.contains("<!--"));
    QCOMPARE(page.count("alert(1)"), 2); // as text in the table, and in the data
    QVERIFY(page.contains("&lt;/script&gt;&lt;script&gt;alert(1)"));
    QVERIFY(page.contains("\\u003c/script\\u003e"));
    QVERIFY(page.contains("a&amp;b.md:7"));
    QCOMPARE(page.count("<tr data-id="), 2);
    QVERIFY(page.contains("{{rows}}")); // a memory's own words are no mark of the template
}

void tst_MemoryExport::htmlRunsNothingElse()
{
    const auto page = written(sample(), ExportFormat::Html);
    const auto policy = between(page, "Content-Security-Policy\" content=\"", "\"");
    const auto allows = [&](const QByteArray& directive, const QByteArray& bytes) {
        const QByteArray hash =
            QCryptographicHash::hash(bytes, QCryptographicHash::Sha256).toBase64();
        return policy.contains(QByteArray(directive + " 'sha256-" + hash + "'"));
    };
    QVERIFY(policy.contains("default-src 'none'"));
    QVERIFY(!policy.contains("unsafe"));
    QVERIFY(allows("style-src", between(page, "<style>", "</style>")));
    QVERIFY(allows("script-src", between(page, "<script>", "</script>")));
    QVERIFY(!QString::fromUtf8(page).contains(QRegularExpression(u"<[^>]*\\s(style|on\\w+)="_s)));
}

void tst_MemoryExport::emptyMemory_data()
{
    QTest::addColumn<ExportFormat>("format");
    QTest::newRow("json") << ExportFormat::Json;
    QTest::newRow("graphml") << ExportFormat::GraphMl;
    QTest::newRow("html") << ExportFormat::Html;
}

void tst_MemoryExport::emptyMemory()
{
    QFETCH(ExportFormat, format);
    memory::Exported exported;
    exported.agent = u"assistant"_s;
    QVERIFY(written(exported, format).contains("assistant"));
}

void tst_MemoryExport::fullDisk_data()
{
    emptyMemory_data();
}

void tst_MemoryExport::fullDisk()
{
    QFETCH(ExportFormat, format);
    FullDevice device;
    const auto done = memory::writeExport(device, sample(), format);
    QVERIFY(!done);
    QCOMPARE(done.error().message, u"The memory could not be written: No space left on device."_s);
}

QTEST_GUILESS_MAIN(tst_MemoryExport)
#include "tst_MemoryExport.moc"
