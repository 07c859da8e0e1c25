#include "core/llm/Decoder.h"

#include "core/base/Ids.h"

#include <QJsonDocument>
#include <QSet>

namespace sb::llm {

using namespace Qt::StringLiterals;

Result<QJsonObject> lenientObject(QByteArrayView data)
{
    QJsonParseError error;
    auto document =
        QJsonDocument::fromJson(QByteArray::fromRawData(data.data(), data.size()), &error);
    if (error.error == QJsonParseError::IllegalUTF8String) {
        document = QJsonDocument::fromJson(QString::fromUtf8(data).toUtf8(), &error);
    }
    if (error.error != QJsonParseError::NoError || !document.isObject()) {
        return fail(ErrorCode::Unavailable, u"it sent something that is no JSON object"_s);
    }
    return document.object();
}

void Decoder::addText(const QString& text)
{
    m_pending += text;
    m_response.text += text;
    m_size += text.size();
}

void Decoder::addArguments(PartialCall& call, const QString& text)
{
    call.arguments += text;
    m_size += text.size();
}

Response Decoder::take()
{
    QSet<QString> seen;
    for (PartialCall& partial : m_calls) {
        ToolCall call;
        call.id = partial.id;
        if (call.id.isEmpty() || seen.contains(call.id)) {
            call.id = newId("call"_L1);
        }
        seen.insert(call.id);
        call.name = partial.name.isEmpty() ? u"unknown"_s : partial.name;
        if (!partial.whole.isEmpty()) {
            call.arguments = partial.whole;
        } else if (!partial.arguments.trimmed().isEmpty()) {
            QJsonParseError error;
            const auto document = QJsonDocument::fromJson(partial.arguments.toUtf8(), &error);
            if (error.error == QJsonParseError::NoError && document.isObject()) {
                call.arguments = document.object();
            } else {
                call.malformed = partial.arguments;
            }
        }
        m_response.toolCalls.append(std::move(call));
    }
    if (!m_response.toolCalls.isEmpty() && m_response.finish == FinishReason::Stop) {
        m_response.finish = FinishReason::ToolCalls; // some services call it a stop
    }
    return std::move(m_response);
}

} // namespace sb::llm
