#include "core/sandbox/OutputKeeper.h"
#include "core/base/Defence.h"
#include "core/sandbox/Sandbox.h"

#include <QLocale>

namespace sb::sandbox {

using namespace Qt::StringLiterals;

OutputKeeper::OutputKeeper(qint64 capacity)
    : m_headCapacity(qsizetype(std::max<qint64>(capacity, 2) / 2))
    , m_tailCapacity(qsizetype(std::max<qint64>(capacity, 2)) - m_headCapacity)
{
}

void OutputKeeper::append(QByteArrayView bytes)
{
    m_total += bytes.size();
    if (!defended("sandbox.output-size")) {
        m_head += bytes;
        return;
    }
    if (m_head.size() < m_headCapacity) {
        const auto taken = std::min(bytes.size(), m_headCapacity - m_head.size());
        m_head += bytes.first(taken);
        bytes = bytes.sliced(taken);
    }
    if (bytes.size() >= m_tailCapacity) {
        m_tail = bytes.last(m_tailCapacity).toByteArray();
        return;
    }
    m_tail += bytes;
    if (m_tail.size() > 2 * m_tailCapacity) {
        m_tail = m_tail.last(m_tailCapacity);
    }
}

QString OutputKeeper::text() const
{
    auto tail = m_tail.size() > m_tailCapacity ? QByteArrayView(m_tail).last(m_tailCapacity)
                                               : QByteArrayView(m_tail);
    const qint64 leftOut = m_total - m_head.size() - tail.size();
    OutputFilter filter;
    QString text = filter.filter(m_head);
    if (leftOut == 0) {
        text += filter.filter(tail);
        return text + filter.finish();
    }
    text += filter.finish();
    // The tail starts somewhere inside a character, perhaps.
    while (!tail.isEmpty() && (uchar(tail.front()) & 0xc0) == 0x80) {
        tail = tail.sliced(1);
    }
    text += u"\n[… %1 bytes left out …]\n"_s.arg(QLocale(QLocale::English).toString(leftOut));
    OutputFilter second;
    text += second.filter(tail);
    return text + second.finish();
}

} // namespace sb::sandbox
