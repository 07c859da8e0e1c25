#include "app/wasm-host/Guest.h"
#include "core/base/Defence.h"

#include <vector>

namespace sb::wasmhost {

using namespace wasm::host;

namespace {

std::vector<WasmEdge_ValType> types(std::string_view letters)
{
    std::vector<WasmEdge_ValType> made;
    for (const char letter : letters) {
        made.push_back(letter == 'I' ? WasmEdge_ValTypeGenI64() : WasmEdge_ValTypeGenI32());
    }
    return made;
}

std::uint32_t word(const WasmEdge_Value& value)
{
    return std::uint32_t(WasmEdge_ValueGetI32(value));
}

WasmEdge_Result hostCall(void* data,
                         const WasmEdge_CallingFrameContext* frame,
                         const WasmEdge_Value* in,
                         WasmEdge_Value* out)
{
    auto& desk = *static_cast<Desk*>(data);
    Guest& guest = desk.guest();
    const auto request =
        memoryAt(WasmEdge_CallingFrameGetMemoryInstance(frame, 0), word(in[0]), word(in[1]));
    if (!request) {
        return guest.end(Ending::OutOfBounds);
    }
    ++guest.hostCalls;
    if (defended("wasm.host-calls") &&
        (guest.hostCalls > guest.limits.hostCalls || request->size() > MostHostCallBytes)) {
        return guest.end(Ending::TooManyHostCalls);
    }
    const std::string answer = desk.askHost(std::string(request->data(), request->size()));
    const auto address = desk.give(frame, answer);
    if (!address) {
        return WasmEdge_Result_Fail;
    }
    out[0] = WasmEdge_ValueGenI64(
        std::int64_t((std::uint64_t(*address) << 32) | std::uint32_t(answer.size())));
    return WasmEdge_Result_Success;
}

WasmEdge_Result hostLog(void* data,
                        const WasmEdge_CallingFrameContext* frame,
                        const WasmEdge_Value* in,
                        WasmEdge_Value*)
{
    auto& desk = *static_cast<Desk*>(data);
    const auto text =
        memoryAt(WasmEdge_CallingFrameGetMemoryInstance(frame, 0), word(in[1]), word(in[2]));
    if (!text) {
        return desk.guest().end(Ending::OutOfBounds);
    }
    log(desk, std::uint8_t(word(in[0]) & 0xff), {text->data(), text->size()});
    return WasmEdge_Result_Success;
}

} // namespace

std::optional<std::span<char>>
memoryAt(WasmEdge_MemoryInstanceContext* memory, std::uint32_t address, std::uint64_t count)
{
    const std::uint64_t size =
        memory != nullptr ? std::uint64_t(WasmEdge_MemoryInstanceGetPageSize(memory)) * PageBytes
                          : 0;
    if (defended("wasm.bounds") && (address > size || count > size - address)) {
        return std::nullopt;
    }
    if (size == 0) {
        return std::span<char>();
    }
    auto* base = reinterpret_cast<char*>(WasmEdge_MemoryInstanceGetPointer(memory, 0, 1));
    return std::span<char>(base + address, count);
}

void log(Desk& desk, std::uint8_t level, std::string_view text)
{
    Guest& guest = desk.guest();
    text = text.substr(0, MostLogBytes);
    if (defended("wasm.log-cap")) {
        // Empty lines cost something too.
        if (guest.logged >= guest.limits.logBytes) {
            return;
        }
        text = text.substr(0, guest.limits.logBytes - guest.logged);
    }
    guest.logged += text.size() + 1;
    desk.wire().send(frame(Kind::Log, std::string_view(reinterpret_cast<char*>(&level), 1), text));
}

void addFunction(WasmEdge_ModuleInstanceContext* module,
                 const char* name,
                 const char* parameters,
                 const char* results,
                 WasmEdge_HostFunc_t function,
                 Desk& desk)
{
    const auto in = types(parameters);
    const auto out = types(results);
    auto* type = WasmEdge_FunctionTypeCreate(
        in.data(), std::uint32_t(in.size()), out.data(), std::uint32_t(out.size()));
    WasmEdge_ModuleInstanceAddFunction(module,
                                       WasmEdge_StringWrap(name, std::uint32_t(std::strlen(name))),
                                       WasmEdge_FunctionInstanceCreate(type, function, &desk, 0));
    WasmEdge_FunctionTypeDelete(type);
}

WasmEdge_ModuleInstanceContext* hostModule(const char* name, Desk& desk)
{
    auto* module =
        WasmEdge_ModuleInstanceCreate(WasmEdge_StringWrap(name, std::uint32_t(std::strlen(name))));
    addFunction(module, "host_call", "ii", "I", hostCall, desk);
    addFunction(module, "host_log", "iii", "", hostLog, desk);
    return module;
}

} // namespace sb::wasmhost
