#pragma once
#include "core/base/Guarded.h"
#include "core/wasm/Hosts.h"

#include <QFile>
#include <QTest>

/// Modules that the build made from tests/security/wasm, and a runtime for them.
namespace wasmkit {

using namespace Qt::StringLiterals;

inline sb::wasm::Module module(const QByteArray& bytes)
{
    auto made = sb::wasm::moduleFromBytes(bytes);
    if (!made) {
        qFatal("%s", qPrintable(made.error().message));
    }
    return *made;
}

inline QString path(const char* name)
{
    return QStringLiteral(SB_WASM_MODULES) + u'/' + QLatin1StringView(name) + u".wasm"_s;
}

inline sb::wasm::Module built(const char* name)
{
    auto made = sb::wasm::moduleFromFile(path(name));
    if (!made) {
        qFatal("%s", qPrintable(made.error().message));
    }
    return *made;
}

// (module (memory (export "memory") 1) (func $s (loop (br 0))) (start $s))
inline QByteArray startLoops()
{
    return QByteArray::fromHex("0061736d01000000"
                               "010401600000"
                               "03020100"
                               "0503010001"
                               "070a01066d656d6f72790200"
                               "080100"
                               "0a0901070003400c000b0b");
}

// (module (table 33554432 funcref) (memory (export "memory") 1))
inline QByteArray largeTable()
{
    return QByteArray::fromHex("0061736d01000000"
                               "0407017000"
                               "80808010"
                               "0503010001"
                               "070a01066d656d6f72790200");
}

// (module (memory (export "memory") 4096))
inline QByteArray largeMemory()
{
    return QByteArray::fromHex("0061736d01000000"
                               "050401008020"
                               "070a01066d656d6f72790200");
}

struct Runtime
{
    explicit Runtime(sb::wasm::Hosts::Settings settings = {})
        : hosts(
              [&] {
                  settings.program = QStringLiteral(SB_BIN_DIR "/signalbox-wasm-host");
                  return std::move(settings);
              }(),
              clock)
    {
    }

    sb::wasm::Call call(const sb::wasm::Module& module, const QByteArray& input) const
    {
        sb::wasm::Call made;
        made.owner = u"assistant/test"_s;
        made.tool = u"test"_s;
        made.module = module;
        made.input = input;
        return made;
    }
    sb::wasm::Outcome run(sb::wasm::Call made)
    {
        auto outcome = hosts.call(std::move(made), {}).wait();
        if (!outcome) {
            sb::wasm::Outcome none;
            none.problem = u"error: "_s + outcome.error().message;
            return none;
        }
        return *outcome;
    }
    sb::wasm::Outcome run(const sb::wasm::Module& module, const QByteArray& input)
    {
        return run(call(module, input));
    }

    sb::SystemClock clock;
    sb::wasm::Hosts hosts;
};

} // namespace wasmkit
