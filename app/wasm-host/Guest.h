#pragma once
#include "app/wasm-host/Wire.h"

#include <optional>
#include <span>
#include <wasmedge/wasmedge.h>

namespace sb::wasmhost {

/// One call as the guest's imports see it: what it was given, what it may still use up, and why it
/// was ended, where that was not the engine.
struct Guest
{
    wasm::host::CallHead limits;
    std::string name; ///< the tool's
    std::string input;
    std::size_t inputRead = 0; ///< through WASI's standard input
    std::string output{};      ///< through WASI's standard output
    std::uint32_t hostCalls = 0;
    std::uint64_t logged = 0;
    std::optional<wasm::host::Ending> ending{};
    std::uint32_t exitCode = 0;

    /// Ends the guest for this reason; the value is for an import to return.
    WasmEdge_Result end(wasm::host::Ending why)
    {
        ending = why;
        return WasmEdge_Result_Fail;
    }
};

/// What imports may ask of the engine. There is one for each process, for it runs one call at a
/// time.
class Desk
{
public:
    virtual ~Desk() = default;
    [[nodiscard]] virtual Guest& guest() = 0;
    virtual Wire& wire() = 0;
    /// Sends the request and waits for its answer. The clock stands still meanwhile: a person may
    /// be asked, and the guest uses up nothing.
    virtual std::string askHost(const std::string& request) = 0;
    /// Makes room in the guest by its own `alloc` and writes the bytes there; nothing when the
    /// guest was ended instead.
    virtual std::optional<std::uint32_t> give(const WasmEdge_CallingFrameContext* frame,
                                              std::string_view bytes) = 0;
};

/// The bytes of a guest's memory from an address on; nothing when they do not all lie in it.
std::optional<std::span<char>>
memoryAt(WasmEdge_MemoryInstanceContext* memory, std::uint32_t address, std::uint64_t count);

/// A line for the log, as much of it as the call's limit leaves.
void log(Desk& desk, std::uint8_t level, std::string_view text);

/// `openfang` or `signalbox`: host_call and host_log. The engine owns it from now on.
WasmEdge_ModuleInstanceContext* hostModule(const char* name, Desk& desk);

/// WASI preview 1 with nothing opened.
WasmEdge_ModuleInstanceContext* wasiModule(Desk& desk);

/// An import under construction: "ii" → "I" means (i32, i32) -> i64.
void addFunction(WasmEdge_ModuleInstanceContext* module,
                 const char* name,
                 const char* parameters,
                 const char* results,
                 WasmEdge_HostFunc_t function,
                 Desk& desk);

} // namespace sb::wasmhost
