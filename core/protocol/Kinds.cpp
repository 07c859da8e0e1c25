#include "core/protocol/Kinds.h"

#include <array>

namespace sb::protocol {

namespace {
constexpr std::array names{
    "message.received",    "message.sent",      "turn.started",       "process.started",
    "process.status",      "process.ended",     "model.request",      "model.response",
    "tool.call",           "policy.decision",   "approval.requested", "approval.settled",
    "tool.started",        "tool.result",       "memory.changed",     "checkpoint.created",
    "checkpoint.restored", "history.compacted", "egress.request",     "incident",
    "config.changed",      "payload.erased",    "run.started",        "run.finished",
};
static_assert(names.size() == size_t(Kind::RunFinished) + 1);
} // namespace

QString kindName(Kind kind)
{
    return QString::fromLatin1(names[size_t(kind)]);
}

std::optional<Kind> kindFromName(QStringView name)
{
    for (size_t i = 0; i < names.size(); ++i) {
        if (name == QLatin1StringView(names[i])) {
            return Kind(i);
        }
    }
    return std::nullopt;
}

QList<Kind> allKinds()
{
    QList<Kind> kinds;
    for (size_t i = 0; i < names.size(); ++i) {
        kinds.append(Kind(i));
    }
    return kinds;
}

} // namespace sb::protocol
