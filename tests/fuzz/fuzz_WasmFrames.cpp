#include "core/wasm/HostCall.h"
#include "core/wasm/HostProtocol.h"
#include "tests/fuzz/Fuzz.h"

#include <QJsonDocument>
#include <vector>

using namespace sb::wasm;

namespace {

struct Seen
{
    std::vector<std::string> frames; ///< kind and payload of each
    bool broken = false;
    bool operator==(const Seen&) const = default;
};

Seen readIn(QByteArrayView data, qsizetype piece)
{
    constexpr std::uint32_t most = 4096;
    host::FrameReader reader(most);
    Seen seen;
    for (qsizetype at = 0; at < data.size(); at += piece) {
        reader.append(data.data() + at, std::size_t(std::min(piece, data.size() - at)));
        while (auto frame = reader.next()) {
            FUZZ_CHECK(frame->payload.size() <= most);
            (void)host::headOf<host::DoneHead>(frame->payload);
            seen.frames.push_back(char(frame->kind) + frame->payload);
        }
    }
    seen.broken = reader.isBroken();
    return seen;
}

} // namespace

// What a host that was taken over might send, and what a guest asks for.
void fuzz(QByteArrayView data)
{
    const Seen whole = readIn(data, std::max<qsizetype>(1, data.size()));
    FUZZ_CHECK(whole == readIn(data, 1));
    FUZZ_CHECK(whole == readIn(data, 7));

    const auto call = readHostCall(data.toByteArray());
    if (!call) {
        FUZZ_CHECK(!call.error().message.isEmpty());
        return;
    }
    const auto needed = neededCapability(*call);
    const auto tool = toolFor(*call);
    if (!needed) {
        return;
    }
    // What reaches a tool of the agent's always needs a capability, and no list gives none of it.
    FUZZ_CHECK(!tool || !needed->isEmpty());
    FUZZ_CHECK(needed->isEmpty() || !covers({}, *needed));
    if (tool) {
        FUZZ_CHECK(covers({*needed}, *needed));
        FUZZ_CHECK(!covers({QStringLiteral("kv")}, *needed));
        const QByteArray answer = okAnswer(tool->arguments);
        FUZZ_CHECK(QJsonDocument::fromJson(answer).isObject());
    }
}
