#include "core/memory/Export.h"

#include "core/memory/MemoryRows.h"

#include <QIODevice>
#include <QXmlStreamWriter>

namespace sb::memory {

using protocol::ExportFormat;
using protocol::MemoryEdge;
using protocol::MemoryInfo;
using namespace Qt::StringLiterals;

namespace {

std::unexpected<Error> notWritten(const QIODevice& out)
{
    return fail(ErrorCode::Io, u"The memory could not be written: %1."_s.arg(out.errorString()));
}

Result<> writeAll(QIODevice& out, const QByteArray& bytes)
{
    if (out.write(bytes) != bytes.size()) {
        return notWritten(out);
    }
    return {};
}

QByteArray compact(const QJsonObject& object)
{
    return QJsonDocument(object).toJson(QJsonDocument::Compact);
}

template <class T>
Result<> writeList(QIODevice& out, const QByteArray& name, const QList<T>& values)
{
    SB_CHECK(writeAll(out, "\"" + name + "\":["));
    for (qsizetype i = 0; i < values.size(); ++i) {
        SB_CHECK(writeAll(out, (i == 0 ? "\n" : ",\n") + compact(protocol::toJson(values[i]))));
    }
    return writeAll(out, "\n]");
}

/// A line a memory and a line an edge, so that two exports can be compared.
Result<> writeJson(QIODevice& out, const Exported& exported)
{
    QByteArray head = compact({{u"format"_s, u"signalbox.memory.1"_s},
                               {u"agent"_s, exported.agent},
                               {u"written_at"_s, timeText(exported.at)}});
    head.chop(1);
    SB_CHECK(writeAll(out, head + ",\n"));
    SB_CHECK(writeList(out, "memories", exported.memories));
    SB_CHECK(writeAll(out, ",\n"));
    SB_CHECK(writeList(out, "edges", exported.edges));
    return writeAll(out, "}\n");
}

/// Without the few characters that XML has no way to write.
QString xmlText(QString text)
{
    text.removeIf([](QChar c) {
        return (c < u' ' && c != u'\t' && c != u'\n' && c != u'\r') || c == QChar(0xfffe) ||
               c == QChar(0xffff);
    });
    return text;
}

/// The fields of a memory or an edge that a GraphML file tells, with their types.
struct Field
{
    const char* name;
    const char* type;
};
constexpr std::array memoryFields{Field{"type", "string"},
                                  Field{"content", "string"},
                                  Field{"importance", "double"},
                                  Field{"provenance", "string"},
                                  Field{"pinned", "boolean"},
                                  Field{"promoted", "boolean"},
                                  Field{"suspicion", "string"},
                                  Field{"labels", "string"},
                                  Field{"valid_from", "string"},
                                  Field{"valid_to", "string"},
                                  Field{"created_at", "string"},
                                  Field{"forgotten_at", "string"},
                                  Field{"merged_into", "string"},
                                  Field{"file", "string"},
                                  Field{"line", "int"},
                                  Field{"seq", "long"}};
constexpr std::array edgeFields{Field{"relation", "string"},
                                Field{"weight", "double"},
                                Field{"by", "string"},
                                Field{"known_from", "string"}};

void writeKeys(QXmlStreamWriter& xml, const QString& owner, const auto& fields)
{
    for (const Field& field : fields) {
        xml.writeEmptyElement(u"key"_s);
        xml.writeAttribute(u"id"_s, owner + u'_' + QLatin1StringView(field.name));
        xml.writeAttribute(u"for"_s, owner);
        xml.writeAttribute(u"attr.name"_s, QString::fromLatin1(field.name));
        xml.writeAttribute(u"attr.type"_s, QString::fromLatin1(field.type));
    }
}

void writeData(QXmlStreamWriter& xml,
               const QString& owner,
               const auto& fields,
               const QJsonObject& values)
{
    for (const Field& field : fields) {
        const auto name = QLatin1StringView(field.name);
        const QJsonValue value = values.value(name);
        QString text = value.isDouble() ? QString::number(value.toDouble(), 'g', 15)
                                        : value.toVariant().toString();
        const bool isTime =
            name.endsWith("_at"_L1) || name.endsWith("_from"_L1) || name.endsWith("_to"_L1);
        if (isTime) {
            text = value.toInteger() == 0 ? QString() : timeText(value.toInteger());
        }
        if (!text.isEmpty()) {
            xml.writeStartElement(u"data"_s);
            xml.writeAttribute(u"key"_s, owner + u'_' + name);
            xml.writeCharacters(xmlText(text));
            xml.writeEndElement();
        }
    }
}

Result<> writeGraphMl(QIODevice& out, const Exported& exported)
{
    const QString node = u"node"_s;
    const QString edge = u"edge"_s;
    QXmlStreamWriter xml(&out);
    xml.setAutoFormatting(true);
    xml.writeStartDocument();
    xml.writeStartElement(u"graphml"_s);
    xml.writeDefaultNamespace(u"http://graphml.graphdrawing.org/xmlns"_s);
    writeKeys(xml, node, memoryFields);
    writeKeys(xml, edge, edgeFields);
    xml.writeStartElement(u"graph"_s);
    xml.writeAttribute(u"id"_s, xmlText(exported.agent));
    xml.writeAttribute(u"edgedefault"_s, u"directed"_s);
    for (const MemoryInfo& memory : exported.memories) {
        QJsonObject values = protocol::toJson(memory);
        values.insert("labels"_L1, memory.labels.join(u' '));
        values.insert("file"_L1, memory.source.file);
        if (memory.source.line != 0) {
            values.insert("line"_L1, memory.source.line);
        }
        xml.writeStartElement(node);
        xml.writeAttribute(u"id"_s, memory.id);
        writeData(xml, node, memoryFields, values);
        xml.writeEndElement();
    }
    for (const MemoryEdge& drawn : exported.edges) {
        xml.writeStartElement(edge);
        xml.writeAttribute(u"source"_s, drawn.from);
        xml.writeAttribute(u"target"_s, drawn.to);
        writeData(xml, edge, edgeFields, protocol::toJson(drawn));
        xml.writeEndElement();
    }
    xml.writeEndDocument();
    if (xml.hasError()) {
        return notWritten(out);
    }
    return {};
}

} // namespace

Result<> writeExport(QIODevice& out, const Exported& exported, ExportFormat format)
{
    switch (format) {
    case ExportFormat::Json:
        return writeJson(out, exported);
    case ExportFormat::GraphMl:
        return writeGraphMl(out, exported);
    case ExportFormat::Html:
        return writeHtml(out, exported);
    }
    return {};
}

} // namespace sb::memory
