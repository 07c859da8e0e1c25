#include "core/llm/Sse.h"
#include "tests/fuzz/Fuzz.h"

#include <QList>
#include <algorithm>
#include <utility>

namespace {

using Events = QList<std::pair<QByteArray, QByteArray>>;

Events readIn(QByteArrayView data, qsizetype piece)
{
    sb::llm::SseParser parser;
    Events events;
    for (qsizetype at = 0; at < data.size(); at += piece) {
        parser.append(data.sliced(at, std::min(piece, data.size() - at)).toByteArray());
        for (sb::llm::SseParser::Event event; parser.next(event);) {
            events.append({event.name.toByteArray(), event.data.toByteArray()});
        }
    }
    return events;
}

} // namespace

// However the network cuts the bytes, the events are the same.
void fuzz(QByteArrayView data)
{
    const Events whole = readIn(data, std::max<qsizetype>(1, data.size()));
    FUZZ_CHECK(readIn(data, 1) == whole);
    FUZZ_CHECK(readIn(data, 7) == whole);
    for (const auto& [name, text] : whole) {
        FUZZ_CHECK(!name.contains('\n') && text.size() <= data.size());
    }
}
