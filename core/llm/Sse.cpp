#include "core/llm/Sse.h"

#include <cstring>

namespace sb::llm {

void SseParser::append(QByteArray bytes)
{
    if (m_given) {
        startEvent();
    }
    keepUnfinished();
    if (m_position >= m_buffer.size()) {
        m_buffer = std::move(bytes);
        m_scanned = 0;
    } else {
        m_buffer.remove(0, m_position);
        m_scanned -= m_position;
        m_buffer += bytes;
    }
    m_position = 0;
}

void SseParser::keepUnfinished()
{
    if (m_hasData && !m_dataView.isNull()) {
        m_data = m_dataView.toByteArray();
        m_dataView = {};
    }
}

bool SseParser::nextLine(QByteArrayView& line)
{
    if (m_skipLineFeed && m_position < m_buffer.size()) {
        m_skipLineFeed = false;
        if (m_buffer.at(m_position) == '\n') {
            ++m_position;
        }
    }
    const char* const all = m_buffer.constData();
    const qsizetype from = std::max(m_scanned, m_position);
    const auto left = size_t(m_buffer.size() - from);
    const auto* feed =
        left ? static_cast<const char*>(std::memchr(all + from, '\n', left)) : nullptr;
    const size_t before = feed ? size_t(feed - (all + from)) : left;
    const auto* end =
        before ? static_cast<const char*>(std::memchr(all + from, '\r', before)) : nullptr;
    if (end) {
        m_skipLineFeed = true; // the other half of CR LF may still be on its way
    } else {
        end = feed;
    }
    if (!end) {
        m_scanned = m_buffer.size();
        return false;
    }
    line = QByteArrayView(all + m_position, end - (all + m_position));
    m_position = end - all + 1;
    m_scanned = m_position;
    if (m_start) {
        m_start = false;
        if (line.startsWith("\xEF\xBB\xBF")) {
            line = line.sliced(3);
        }
    }
    return true;
}

void SseParser::startEvent()
{
    m_given = false;
    m_hasData = false;
    m_dataView = {};
    m_data.resize(0);
    m_name.resize(0);
}

bool SseParser::next(Event& event)
{
    if (m_given) {
        startEvent();
    }
    QByteArrayView line;
    while (nextLine(line)) {
        if (line.isEmpty()) {
            if (!m_hasData) {
                startEvent();
                continue;
            }
            event.name = m_name;
            event.data = m_dataView.isNull() ? QByteArrayView(m_data) : m_dataView;
            m_given = true;
            return true;
        }
        const qsizetype colon = line.indexOf(':');
        const QByteArrayView field = colon < 0 ? line : line.first(colon);
        QByteArrayView value = colon < 0 ? QByteArrayView() : line.sliced(colon + 1);
        if (value.startsWith(' ')) {
            value = value.sliced(1);
        }
        if (field == "data") {
            if (!m_hasData) {
                m_hasData = true;
                m_dataView = value;
            } else {
                keepUnfinished();
                m_data += '\n';
                m_data += value;
            }
        } else if (field == "event") {
            m_name = value.toByteArray();
        } // comments, ids and reconnection times mean nothing here
    }
    return false;
}

} // namespace sb::llm
