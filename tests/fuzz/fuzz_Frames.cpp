#include "core/protocol/Commands.h"
#include "core/protocol/Events.h"
#include "core/server/Frames.h"
#include "tests/fuzz/Fuzz.h"

#include <QJsonObject>

using namespace sb;
using server::Frames;

namespace {

QList<QJsonObject> readIn(QByteArrayView data, qsizetype piece, bool& bad)
{
    Frames frames(4096);
    QList<QJsonObject> objects;
    bad = false;
    for (qsizetype at = 0; at < data.size() && !bad; at += piece) {
        frames.append(data.sliced(at, std::min(piece, data.size() - at)));
        QJsonObject object;
        auto step = frames.next(object);
        for (; step == Frames::Step::Frame; step = frames.next(object)) {
            objects.append(object);
        }
        bad = step == Frames::Step::Bad;
    }
    return objects;
}

} // namespace

// What any program of this user may send to the control socket.
void fuzz(QByteArrayView data)
{
    bool bad = false;
    bool badInPieces = false;
    const auto objects = readIn(data, std::max<qsizetype>(1, data.size()), bad);
    FUZZ_CHECK(readIn(data, 5, badInPieces) == objects);
    FUZZ_CHECK(bad == badInPieces);
    for (const QJsonObject& object : objects) {
        const auto command = protocol::commandFromJson(object.value(u"command").toObject());
        if (command) {
            // What was understood is written and read again as the same.
            const auto written = protocol::commandToJson(*command);
            const auto again = protocol::commandFromJson(written);
            FUZZ_CHECK(again && protocol::commandToJson(*again) == written);
        } else {
            FUZZ_CHECK(!command.error().message.isEmpty());
        }
        (void)protocol::eventFromJson(object.value(u"event").toObject());
        QJsonObject one;
        Frames reader(64 << 20);
        reader.append(Frames::encode(object));
        FUZZ_CHECK(reader.next(one) == Frames::Step::Frame && reader.isEmpty());
    }
}
