#include "core/memory/Export.h"

#include "core/base/Contracts.h"

#include <QCryptographicHash>
#include <QFile>
#include <QIODevice>
#include <QJsonDocument>

namespace sb::memory {

using protocol::MemoryEdge;
using protocol::MemoryInfo;
using namespace Qt::StringLiterals;

namespace {

QByteArray resource(const QString& name)
{
    QFile file(u":/memory/"_s + name);
    const bool isOpen = file.open(QIODevice::ReadOnly);
    SB_ASSERT(isOpen);
    return file.readAll();
}

/// What a policy calls an inline script or style by.
QByteArray hashOf(const QByteArray& bytes)
{
    return "'sha256-" + QCryptographicHash::hash(bytes, QCryptographicHash::Sha256).toBase64() +
           "'";
}

QByteArray escaped(const QString& text)
{
    return text.toHtmlEscaped().toUtf8();
}

/// As it may stand within a script element: nothing in it can end the element.
QByteArray scriptJson(const QJsonObject& object)
{
    QByteArray json = QJsonDocument(object).toJson(QJsonDocument::Compact);
    json.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026");
    return json;
}

/// A day, as everybody reads it.
QString dayText(TimeUs time)
{
    return time == 0 ? QString() : timeText(time).left(10);
}

QByteArray rowOf(const MemoryInfo& memory)
{
    QString truth = dayText(memory.validFrom);
    if (memory.validTo != 0) {
        truth += u" – "_s + dayText(memory.validTo);
    }
    QString source = memory.source.file;
    if (memory.source.line != 0) {
        source += u':' + QString::number(memory.source.line);
    }
    if (source.isEmpty()) {
        source = memory.source.channel.isEmpty() ? memory.source.process : memory.source.channel;
    }
    QString standing = enumName(memory.provenance);
    for (const auto& [says, word] : {std::pair(memory.isPinned, u", pinned"_s),
                                     std::pair(memory.isPromoted, u", promoted"_s),
                                     std::pair(!memory.suspicion.isEmpty(), u", suspicious"_s),
                                     std::pair(memory.forgottenAt != 0, u", forgotten"_s),
                                     std::pair(!memory.mergedInto.isEmpty(), u", merged"_s)}) {
        standing += says ? word : QString();
    }
    return "<tr data-id=\"" + escaped(memory.id) + "\"><td><span class=\"dot t-" +
           enumName(memory.type).toUtf8() + "\"></span>" + enumName(memory.type).toUtf8() +
           "</td><td class=\"text\" dir=\"auto\">" + escaped(memory.content) +
           "</td><td class=\"number\">" + QByteArray::number(memory.importance, 'f', 2) +
           "</td><td>" + escaped(standing) + "</td><td>" + escaped(truth) + "</td><td>" +
           escaped(dayText(memory.createdAt)) + "</td><td class=\"source\">" + escaped(source) +
           "</td></tr>\n";
}

QJsonObject graphOf(const Exported& exported)
{
    QHash<QString, int> places;
    QJsonArray nodes;
    for (const MemoryInfo& memory : exported.memories) {
        places.insert(memory.id, int(nodes.size()));
        nodes.append(
            QJsonObject{{u"id"_s, memory.id},
                        {u"type"_s, enumName(memory.type)},
                        {u"text"_s, memory.content},
                        {u"weight"_s, memory.importance},
                        {u"hidden"_s, memory.forgottenAt != 0 || !memory.mergedInto.isEmpty()}});
    }
    QJsonArray edges;
    for (const MemoryEdge& edge : exported.edges) {
        const auto from = places.constFind(edge.from);
        const auto to = places.constFind(edge.to);
        if (from != places.constEnd() && to != places.constEnd()) {
            edges.append(QJsonArray{*from, *to, enumName(edge.relation), edge.weight});
        }
    }
    return {{u"nodes"_s, nodes}, {u"edges"_s, edges}};
}

} // namespace

Result<> writeHtml(QIODevice& out, const Exported& exported)
{
    const QByteArray style = resource(u"page.css"_s);
    const QByteArray script = resource(u"page.js"_s);
    QByteArray rows;
    for (const MemoryInfo& memory : exported.memories) {
        rows += rowOf(memory);
    }
    const std::array<std::pair<QByteArray, QByteArray>, 7> parts{
        {{"policy",
          "default-src 'none'; style-src " + hashOf(style) + "; script-src " + hashOf(script) +
              "; base-uri 'none'; form-action 'none'"},
         {"agent", escaped(exported.agent)},
         {"about",
          escaped(u"%1 memories and %2 edges, written at %3"_s.arg(exported.memories.size())
                      .arg(exported.edges.size())
                      .arg(timeText(exported.at).left(19).replace(u'T', u' ') + u" UTC"))},
         {"style", style},
         {"rows", rows},
         {"graph", scriptJson(graphOf(exported))},
         {"script", script}}};
    // The template is walked through once, so that nothing in a memory is taken for a mark.
    const QByteArray page = resource(u"page.html"_s);
    qsizetype at = 0;
    while (at < page.size()) {
        const qsizetype mark = page.indexOf("{{", at);
        QByteArray piece = page.sliced(at, (mark < 0 ? page.size() : mark) - at);
        at += piece.size();
        if (mark >= 0) {
            const qsizetype end = page.indexOf("}}", mark);
            const QByteArray name = page.sliced(mark + 2, end - mark - 2);
            const auto part = std::ranges::find(parts, name, [](const auto& p) { return p.first; });
            SB_ASSERT(part != parts.end());
            piece += part->second;
            at = end + 2;
        }
        if (out.write(piece) != piece.size()) {
            return fail(ErrorCode::Io,
                        u"The memory could not be written: %1."_s.arg(out.errorString()));
        }
    }
    return {};
}

} // namespace sb::memory
