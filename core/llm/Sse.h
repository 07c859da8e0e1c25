#pragma once
#include <QByteArray>
#include <QByteArrayView>

namespace sb::llm {

/// Reads server-sent events from bytes that come in any pieces. It holds at most one unfinished
/// event.
class SseParser
{
public:
    struct Event
    {
        QByteArrayView name; ///< empty for an unnamed one
        QByteArrayView data; ///< the lines of data, joined by \n
    };

    /// Takes the next bytes; views that next() gave out before end here.
    void append(QByteArray bytes);
    /// The next whole event with data in it; false when more bytes are needed.
    bool next(Event& event);

private:
    bool nextLine(QByteArrayView& line);
    void keepUnfinished();
    void startEvent();

    QByteArray m_buffer;
    qsizetype m_position = 0; // of the first byte that is not read yet
    qsizetype m_scanned = 0;  // no line ends between m_position and here
    bool m_start = true;
    bool m_skipLineFeed = false;
    // The event that is being read. Its data stays a view as long as it is one line in one piece.
    QByteArray m_name;
    QByteArray m_data;
    QByteArrayView m_dataView;
    bool m_hasData = false;
    bool m_given = false; // next() gave it out; it ends with the next call
};

} // namespace sb::llm
