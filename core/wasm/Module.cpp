#include "core/base/Defence.h"
#include "core/wasm/HostProtocol.h"
#include "core/wasm/Hosts.h"

#include <QCryptographicHash>
#include <QFile>

namespace sb::wasm {

using namespace Qt::StringLiterals;

namespace {

Result<> within(qint64 value, qint64 least, qint64 most, const QString& name)
{
    if (value < least || value > most) {
        return fail(
            ErrorCode::InvalidInput,
            u"A WebAssembly tool's limit \"%1\" must be from %2 to %3, and is %4."_s.arg(
                name, QString::number(least), QString::number(most), QString::number(value)));
    }
    return {};
}

} // namespace

Result<> checkLimits(const Limits& limits)
{
    SB_CHECK(within(limits.instructions, 1, 1'000'000'000'000, u"instructions"_s));
    SB_CHECK(within(limits.wall.count(), 1, 600'000, u"wall"_s));
    SB_CHECK(within(limits.memoryBytes, host::PageBytes, qint64(1) << 30, u"memory"_s));
    SB_CHECK(within(limits.outputBytes, 1, host::MostOutputBytes, u"output"_s));
    SB_CHECK(within(limits.hostCalls, 0, 10'000, u"host_calls"_s));
    SB_CHECK(within(limits.logBytes, 0, 1 << 20, u"log"_s));
    if (limits.memoryBytes % host::PageBytes != 0) {
        return fail(
            ErrorCode::InvalidInput,
            u"A WebAssembly tool's limit \"memory\" must be a multiple of 65536, and is %1."_s.arg(
                limits.memoryBytes));
    }
    return {};
}

Result<Module> moduleFromBytes(QByteArray bytes)
{
    if (defended("wasm.module-size") && bytes.size() > host::MostModuleBytes) {
        return fail(
            ErrorCode::InvalidInput,
            u"The WebAssembly module is larger than %1 MiB."_s.arg(host::MostModuleBytes >> 20));
    }
    if (!bytes.startsWith(QByteArrayView("\0asm\1\0\0\0", 8))) {
        return fail(ErrorCode::InvalidInput, u"The file is no WebAssembly module (version 1)."_s);
    }
    Module module;
    module.hash = QCryptographicHash::hash(bytes, QCryptographicHash::Sha256);
    module.bytes = std::move(bytes);
    return module;
}

Result<Module> moduleFromFile(const QString& path)
{
    QFile file(path);
    if (!file.exists()) {
        return fail(ErrorCode::NotFound, u"The WebAssembly module %1 does not exist."_s.arg(path));
    }
    // Asked of the open file, and read no further than the most that a module may have.
    if (!file.open(QIODevice::ReadOnly)) {
        return fail(ErrorCode::Io, u"The WebAssembly module %1 cannot be read."_s.arg(path));
    }
    return moduleFromBytes(file.read(qint64(host::MostModuleBytes) + 1))
        .transform_error([&](const Error& error) { return error.inFrontOf(path); });
}

} // namespace sb::wasm
