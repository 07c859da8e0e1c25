#pragma once
#include <QByteArray>
#include <QJsonObject>

namespace sb::server {

/// JSON objects, one a line, out of bytes that come in any pieces. It holds at most one unfinished
/// line.
class Frames
{
public:
    enum class Step {
        Frame, ///< the object was filled in
        More,  ///< the next line is not whole yet
        Bad,   ///< no JSON object, or longer than it may be; nothing after it is read
    };
    explicit Frames(qsizetype longest) : m_longest(longest) {}

    void append(QByteArrayView bytes);
    [[nodiscard]] Step next(QJsonObject& object);
    /// Whether bytes wait that next() has not seen.
    [[nodiscard]] bool isEmpty() const { return m_position == m_bytes.size(); }

    static QByteArray encode(const QJsonObject& object);

private:
    qsizetype m_longest;
    QByteArray m_bytes;
    qsizetype m_position = 0; ///< of the line that is read next
    qsizetype m_searched = 0; ///< up to here no line ends after m_position
};

} // namespace sb::server
