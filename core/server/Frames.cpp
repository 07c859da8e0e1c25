#include "core/server/Frames.h"

#include "core/base/Defence.h"

#include <QJsonDocument>

namespace sb::server {

void Frames::append(QByteArrayView bytes)
{
    if (m_position > 0) { // what was read must not pile up
        m_bytes.remove(0, m_position);
        m_searched -= m_position;
        m_position = 0;
    }
    m_bytes.append(bytes);
}

Frames::Step Frames::next(QJsonObject& object)
{
    const auto end = m_bytes.indexOf('\n', std::max(m_position, m_searched));
    const qsizetype size = (end < 0 ? m_bytes.size() : end) - m_position;
    if (size > m_longest && defended("socket.frame-cap")) {
        return Step::Bad;
    }
    if (end < 0) {
        m_searched = m_bytes.size();
        return Step::More;
    }
    const auto document = QJsonDocument::fromJson(m_bytes.sliced(m_position, size));
    m_position = end + 1;
    m_searched = m_position;
    if (!document.isObject()) {
        return Step::Bad;
    }
    object = document.object();
    return Step::Frame;
}

QByteArray Frames::encode(const QJsonObject& object)
{
    return QJsonDocument(object).toJson(QJsonDocument::Compact) + '\n';
}

} // namespace sb::server
