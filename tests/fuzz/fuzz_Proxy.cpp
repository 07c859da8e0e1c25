#include "core/egress/Message.h"
#include "core/egress/Target.h"
#include "tests/fuzz/Fuzz.h"

#include <QList>

using namespace sb::egress;

namespace {

struct Seen
{
    QList<QByteArray> messages; ///< first line and body of each
    bool bad = false;
    bool operator==(const Seen&) const = default;
};

Seen readIn(QByteArrayView data, qsizetype piece, MessageReader::Kind kind)
{
    MessageReader reader(kind);
    Seen seen;
    QByteArray body;
    for (qsizetype at = 0; at < data.size() && !seen.bad; at += piece) {
        auto rest = data.sliced(at, std::min(piece, data.size() - at));
        while (!rest.isEmpty() && !seen.bad) {
            const auto taken = reader.feed(rest);
            if (!taken) {
                seen.bad = true;
                break;
            }
            FUZZ_CHECK(*taken >= 0 && *taken <= rest.size());
            FUZZ_CHECK(*taken > 0 || reader.isComplete());
            rest = rest.sliced(*taken);
            body += reader.takeBody();
            if (reader.isComplete()) {
                const Head& head = reader.head();
                seen.messages.append(head.method + ' ' + head.target + ' ' +
                                     QByteArray::number(head.status) + '\n' + body);
                body.clear();
                reader.next();
            }
        }
    }
    return seen;
}

} // namespace

// What a sandboxed program says to the proxy, and what a server answers.
void fuzz(QByteArrayView data)
{
    for (const auto kind : {MessageReader::Kind::Request, MessageReader::Kind::Response}) {
        const Seen whole = readIn(data, std::max<qsizetype>(1, data.size()), kind);
        const Seen pieces = readIn(data, 3, kind);
        // A bad message is noticed sooner or later, but never read as another one.
        for (qsizetype i = 0; i < std::min(whole.messages.size(), pieces.messages.size()); ++i) {
            FUZZ_CHECK(whole.messages[i] == pieces.messages[i]);
        }
        FUZZ_CHECK(whole.bad == pieces.bad);
    }
    const QByteArray line = data.toByteArray().split('\n').first();
    if (const auto target = readUrl(line)) {
        // One normal form: read again, it is the same place.
        const auto again = readAuthority(target->place().toLatin1(), 0);
        FUZZ_CHECK(again && again->host == target->host && again->port == target->port);
        FUZZ_CHECK(target->path.startsWith('/'));
    }
    if (const auto target = readAuthority(line, 443)) {
        const auto again = readAuthority(target->place().toLatin1(), 0);
        FUZZ_CHECK(again && again->host == target->host && again->port == target->port);
        (void)findListed(*target, {QStringLiteral("*.example.org:443"), target->place()});
    }
}
