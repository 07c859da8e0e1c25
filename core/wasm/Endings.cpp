#include "core/wasm/Endings.h"

namespace sb::wasm {

using namespace Qt::StringLiterals;

QString sentence(const Call& call, host::Ending ending, const QString& detail)
{
    const auto mib = [](qint64 bytes) { return QString::number(double(bytes) / (1 << 20)); };
    const auto& limits = call.limits;
    switch (ending) {
    case host::Ending::Finished:
        return {};
    case host::Ending::OutOfInstructions:
        return u"it used up its budget of %1 instructions"_s.arg(limits.instructions);
    case host::Ending::OutOfTime:
        return u"it did not end within %1 s"_s.arg(double(limits.wall.count()) / 1000);
    case host::Ending::OutOfMemory:
        return u"it needs more than its %1 MiB of memory"_s.arg(mib(limits.memoryBytes));
    case host::Ending::OutputTooLarge:
        return u"its output is larger than %1 bytes"_s.arg(limits.outputBytes);
    case host::Ending::TooManyHostCalls:
        return u"it made more or larger host calls than the %1 that are allowed"_s.arg(
            limits.hostCalls);
    case host::Ending::BadModule:
    case host::Ending::UnknownModule:
        return u"its module cannot be used: %1"_s.arg(detail);
    case host::Ending::OutOfBounds:
        return u"it pointed outside of its own memory"_s;
    case host::Ending::Trapped:
        return u"it broke off: %1"_s.arg(detail);
    case host::Ending::Failed:
        return detail.isEmpty() ? u"it failed"_s
                                : detail.left(1).toLower() + detail.mid(1).chopped(1);
    }
    return {};
}

Ending endingOf(host::Ending ending)
{
    switch (ending) {
    case host::Ending::Finished:
        return Ending::Finished;
    case host::Ending::OutOfInstructions:
        return Ending::OutOfInstructions;
    case host::Ending::OutOfTime:
        return Ending::OutOfTime;
    case host::Ending::OutOfMemory:
        return Ending::OutOfMemory;
    case host::Ending::OutputTooLarge:
        return Ending::OutputTooLarge;
    case host::Ending::TooManyHostCalls:
        return Ending::TooManyHostCalls;
    case host::Ending::BadModule:
    case host::Ending::UnknownModule:
        return Ending::BadModule;
    case host::Ending::OutOfBounds:
        return Ending::OutOfBounds;
    case host::Ending::Trapped:
        return Ending::Trapped;
    case host::Ending::Failed:
        return Ending::Failed;
    }
    return Ending::HostEnded;
}

} // namespace sb::wasm
