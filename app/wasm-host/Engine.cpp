#include "app/wasm-host/Engine.h"
#include "core/base/Defence.h"

#include <cstdio>
#include <sys/resource.h>
#include <unistd.h>

namespace sb::wasmhost {

using namespace wasm::host;
using Steady = std::chrono::steady_clock;

namespace {

constexpr std::size_t MostKeptBytes = 64 << 20; // of modules
constexpr std::uint64_t Unmetered = ~std::uint64_t(0);

// (module (func (export "f")))
constexpr std::uint8_t Nothing[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02,
    0x01, 0x00, 0x07, 0x05, 0x01, 0x01, 0x66, 0x00, 0x00, 0x0a, 0x04, 0x01, 0x02, 0x00, 0x0b};

WasmEdge_String text(std::string_view words)
{
    return WasmEdge_StringWrap(words.data(), std::uint32_t(words.size()));
}

const WasmEdge_FunctionInstanceContext* functionOf(const WasmEdge_ModuleInstanceContext* instance,
                                                   std::string_view name)
{
    return WasmEdge_ModuleInstanceFindFunction(instance, text(name));
}

// Whether a function takes and gives exactly this: "ii" → "I" is (i32, i32) -> i64.
bool isShaped(const WasmEdge_FunctionInstanceContext* function,
              std::string_view parameters,
              std::string_view results)
{
    if (function == nullptr) {
        return false;
    }
    const auto* type = WasmEdge_FunctionInstanceGetFunctionType(function);
    WasmEdge_ValType in[4];
    WasmEdge_ValType out[4];
    const auto ins = WasmEdge_FunctionTypeGetParameters(type, in, 4);
    const auto outs = WasmEdge_FunctionTypeGetReturns(type, out, 4);
    if (ins != parameters.size() || outs != results.size()) {
        return false;
    }
    const auto isOf = [](const WasmEdge_ValType& given, char letter) {
        return letter == 'I' ? WasmEdge_ValTypeIsI64(given) : WasmEdge_ValTypeIsI32(given);
    };
    for (std::size_t i = 0; i < ins; ++i) {
        if (!isOf(in[i], parameters[i])) {
            return false;
        }
    }
    for (std::size_t i = 0; i < outs; ++i) {
        if (!isOf(out[i], results[i])) {
            return false;
        }
    }
    return true;
}

// Whether the module has a start section (number 8). Only asked of modules that were validated.
bool hasStart(std::string_view bytes)
{
    std::size_t at = 8;
    while (at < bytes.size()) {
        const auto id = std::uint8_t(bytes[at++]);
        std::uint64_t length = 0;
        for (int shift = 0; at < bytes.size() && shift < 35; shift += 7) {
            const auto byte = std::uint8_t(bytes[at++]);
            length |= std::uint64_t(byte & 0x7f) << shift;
            if ((byte & 0x80) == 0) {
                break;
            }
        }
        if (id == 8) {
            return true;
        }
        at += length;
    }
    return false;
}

// How many pages the exported memory begins with; a module has one memory at most.
std::uint64_t firstPages(const WasmEdge_ASTModuleContext* module)
{
    std::vector<const WasmEdge_ExportTypeContext*> exports(
        WasmEdge_ASTModuleListExportsLength(module));
    WasmEdge_ASTModuleListExports(module, exports.data(), std::uint32_t(exports.size()));
    for (const auto* one : exports) {
        if (WasmEdge_ExportTypeGetExternalType(one) == WasmEdge_ExternalType_Memory) {
            return WasmEdge_MemoryTypeGetLimit(WasmEdge_ExportTypeGetMemoryType(module, one)).Min;
        }
    }
    return 0;
}

} // namespace

Engine::Engine(Wire& wire, std::uint64_t memoryBytes)
    : m_wire(wire)
    , m_configure(WasmEdge_ConfigureCreate())
    , m_meter(WasmEdge_StatisticsCreate())
    , m_memoryBytes(memoryBytes)
{
    auto* configure = m_configure.get();
    WasmEdge_ConfigureStatisticsSetCostMeasuring(configure, true);
    WasmEdge_ConfigureSetForceInterpreter(configure, true);
    if (defended("wasm.memory-cap")) {
        WasmEdge_ConfigureSetMaxMemoryPage(configure, std::uint32_t(memoryBytes / PageBytes));
    }
    m_loader.reset(WasmEdge_LoaderCreate(configure));
    m_validator.reset(WasmEdge_ValidatorCreate(configure));
    m_executor.reset(WasmEdge_ExecutorCreate(configure, m_meter.get()));
    m_store.reset(WasmEdge_StoreCreate());
    for (const char* name : {"openfang", "signalbox"}) {
        m_imports.emplace_back(hostModule(name, *this));
    }
    m_imports.emplace_back(wasiModule(*this));
    for (const auto& import : m_imports) {
        WasmEdge_ExecutorRegisterImport(m_executor.get(), m_store.get(), import.get());
    }

    WasmEdge_ASTModuleContext* parsed = nullptr;
    WasmEdge_ModuleInstanceContext* instance = nullptr;
    WasmEdge_StatisticsSetCostLimit(m_meter.get(), Unmetered);
    WasmEdge_LoaderParseFromBytes(
        m_loader.get(), &parsed, WasmEdge_BytesWrap(Nothing, sizeof Nothing));
    m_nothingModule.reset(parsed);
    WasmEdge_ValidatorValidate(m_validator.get(), parsed);
    WasmEdge_ExecutorInstantiate(m_executor.get(), &instance, m_store.get(), parsed);
    m_nothing.reset(instance);
    m_noop = functionOf(instance, "f");
    // What cancels an executor is the handle of something that it was given to run on a thread of
    // its own. One such run, over at once, gives a handle for all that this executor will run here:
    // calls then need no thread each.
    m_stopper.reset(WasmEdge_ExecutorAsyncInvoke(m_executor.get(), m_noop, nullptr, 0));
    WasmEdge_AsyncWait(m_stopper.get());
}

Engine::~Engine() = default;

void Engine::startWatchdog()
{
    m_watchdog = std::make_unique<Watchdog>([this] {
        if (defended("wasm.wall-clock")) {
            WasmEdge_AsyncCancel(m_stopper.get());
        }
    });
}

void Engine::load(std::string_view hash, std::string_view bytes)
{
    Module module{std::string(hash), {}, {}, bytes.size(), 0, false};
    WasmEdge_ASTModuleContext* parsed = nullptr;
    auto result = WasmEdge_LoaderParseFromBytes(
        m_loader.get(),
        &parsed,
        WasmEdge_BytesWrap(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                           std::uint32_t(bytes.size())));
    module.ast.reset(parsed);
    if (WasmEdge_ResultOK(result)) {
        result = WasmEdge_ValidatorValidate(m_validator.get(), parsed);
    }
    if (WasmEdge_ResultOK(result)) {
        module.startsItself = hasStart(bytes);
        module.memoryPages = firstPages(parsed);
    } else {
        module.problem = WasmEdge_ResultGetMessage(result);
        module.ast.reset();
    }
    m_modules.push_front(std::move(module));
    forget();
}

void Engine::forget()
{
    std::size_t total = 0;
    for (auto it = m_modules.begin(); it != m_modules.end();) {
        total += it->bytes;
        if (total > MostKeptBytes && it != m_modules.begin()) {
            if (it->hash == m_spareHash) {
                m_spare.reset();
                m_spareHash.clear();
            }
            it = m_modules.erase(it);
        } else {
            ++it;
        }
    }
}

Engine::Module* Engine::find(std::string_view hash)
{
    for (auto it = m_modules.begin(); it != m_modules.end(); ++it) {
        if (it->hash == hash) {
            m_modules.splice(m_modules.begin(), m_modules, it);
            return &m_modules.front();
        }
    }
    return nullptr;
}

void Engine::resume()
{
    m_resumed = Steady::now();
    m_watchdog->arm(m_resumed + std::chrono::milliseconds(m_guest.limits.wallMs) - m_used);
}

void Engine::pause()
{
    m_expired = m_watchdog->disarm() || m_expired;
    m_used += Steady::now() - m_resumed;
}

void Engine::call(const CallHead& limits, std::string_view name, std::string_view input)
{
    m_guest = {limits, std::string(name), std::string(input)};
    m_expired = false;
    m_used = {};
    WasmEdge_StatisticsClear(m_meter.get());
    WasmEdge_StatisticsSetCostLimit(m_meter.get(),
                                    defended("wasm.fuel") ? limits.instructions : Unmetered);
    resume();
    Module* module = find({reinterpret_cast<const char*>(limits.hash), HashBytes});
    Answer answer = module != nullptr ? run(*module)
                                      : problem(Ending::UnknownModule, "The module is not loaded.");
    pause();
    if (m_expired) {
        // It may have bitten when there was nothing left to stop: that must not stop the next call.
        WasmEdge_StatisticsSetCostLimit(m_meter.get(), Unmetered);
        WasmEdge_ExecutorInvoke(m_executor.get(), m_noop, nullptr, 0, nullptr, 0);
    }
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    DoneHead head;
    head.ending = answer.ending;
    head.hostCalls = m_guest.hostCalls;
    head.instructions = WasmEdge_StatisticsGetTotalCost(m_meter.get());
    head.durationUs =
        std::uint64_t(std::chrono::duration_cast<std::chrono::microseconds>(m_used).count());
    head.peakKb = std::uint64_t(usage.ru_maxrss);
    m_wire.send(frame(Kind::Done, head, answer.bytes));
}

void Engine::prepare()
{
    m_last.reset();
    // A start function would run for nobody, and unmetered.
    if (m_modules.empty() || m_modules.front().startsItself || !m_modules.front().ast) {
        return;
    }
    Module& module = m_modules.front();
    WasmEdge_StatisticsClear(m_meter.get());
    WasmEdge_StatisticsSetCostLimit(m_meter.get(), m_guest.limits.instructions);
    WasmEdge_ModuleInstanceContext* made = nullptr;
    const auto result =
        WasmEdge_ExecutorInstantiate(m_executor.get(), &made, m_store.get(), module.ast.get());
    m_spare.reset(made);
    m_spareHash = WasmEdge_ResultOK(result) ? module.hash : std::string();
}

Engine::Answer Engine::problem(Ending ending, std::string words) const
{
    return {ending, std::move(words)};
}

// Why the engine gave up, from what it says and what an import noted down.
Engine::Answer Engine::failed(WasmEdge_Result result)
{
    if (m_guest.ending == Ending::Finished) {
        return {Ending::Finished, std::move(m_guest.output)};
    }
    if (m_guest.ending == Ending::Failed) {
        return problem(Ending::Failed,
                       "It ended itself with exit code " + std::to_string(m_guest.exitCode) + ".");
    }
    if (m_guest.ending) {
        return problem(*m_guest.ending, {});
    }
    switch (WasmEdge_ResultGetCode(result)) {
    case WasmEdge_ErrCode_CostLimitExceeded:
        return problem(Ending::OutOfInstructions, {});
    case WasmEdge_ErrCode_Interrupted:
        return problem(Ending::OutOfTime, {});
    default:
        return problem(Ending::Trapped, WasmEdge_ResultGetMessage(result));
    }
}

WasmEdge_Result Engine::invoke(const WasmEdge_FunctionInstanceContext* function,
                               std::initializer_list<WasmEdge_Value> arguments,
                               WasmEdge_Value* result)
{
    return WasmEdge_ExecutorInvoke(m_executor.get(),
                                   function,
                                   arguments.begin(),
                                   std::uint32_t(arguments.size()),
                                   result,
                                   result != nullptr ? 1 : 0);
}

WasmEdge_Result Engine::instantiate(Module& module, Instance& instance)
{
    if (m_spare && m_spareHash == module.hash) {
        instance = std::move(m_spare);
        return WasmEdge_Result_Success;
    }
    WasmEdge_ModuleInstanceContext* made = nullptr;
    const auto result =
        WasmEdge_ExecutorInstantiate(m_executor.get(), &made, m_store.get(), module.ast.get());
    instance.reset(made);
    return result;
}

Engine::Answer Engine::run(Module& module)
{
    if (!module.ast) {
        return problem(Ending::BadModule, module.problem);
    }
    m_last.reset();
    // The engine would quietly give it a smaller one.
    if (defended("wasm.memory-cap") && module.memoryPages * PageBytes > m_memoryBytes) {
        return problem(Ending::OutOfMemory, {});
    }
    // Taken down once its answer is sent, in prepare().
    Instance& instance = m_last;
    if (const auto result = instantiate(module, instance); !WasmEdge_ResultOK(result)) {
        Answer answer = failed(result);
        // An import that there is not, a table or a memory that is too large …
        if (answer.ending == Ending::Trapped) {
            answer.ending = Ending::BadModule;
        }
        return answer;
    }
    auto* memory = WasmEdge_ModuleInstanceFindMemory(instance.get(), text("memory"));
    if (memory == nullptr) {
        return problem(Ending::BadModule, "it exports no memory");
    }
    Answer answer = functionOf(instance.get(), "execute") != nullptr ? runExecute(instance.get())
                                                                     : runStart(instance.get());
    if (defended("wasm.output-cap") && answer.ending == Ending::Finished &&
        answer.bytes.size() > m_guest.limits.outputBytes) {
        return problem(Ending::OutputTooLarge, {});
    }
    return answer;
}

Engine::Answer Engine::runExecute(WasmEdge_ModuleInstanceContext* instance)
{
    const auto* alloc = functionOf(instance, "alloc");
    const auto* execute = functionOf(instance, "execute");
    if (!isShaped(alloc, "i", "i") || !isShaped(execute, "ii", "I")) {
        return problem(Ending::BadModule,
                       "its functions are not alloc(i32) -> i32 and execute(i32, i32) -> i64");
    }
    auto* memory = WasmEdge_ModuleInstanceFindMemory(instance, text("memory"));
    // What a library needs before anything else, where it was built as a reactor.
    if (const auto* initialize = functionOf(instance, "_initialize");
        isShaped(initialize, "", "")) {
        if (const auto result = invoke(initialize, {}, nullptr); !WasmEdge_ResultOK(result)) {
            return failed(result);
        }
    }
    const auto size = WasmEdge_ValueGenI32(std::int32_t(m_guest.input.size()));
    WasmEdge_Value address{};
    if (const auto result = invoke(alloc, {size}, &address); !WasmEdge_ResultOK(result)) {
        return failed(result);
    }
    const auto room =
        memoryAt(memory, std::uint32_t(WasmEdge_ValueGetI32(address)), m_guest.input.size());
    if (!room) {
        return problem(Ending::OutOfBounds, {});
    }
    std::memcpy(room->data(), m_guest.input.data(), room->size());
    WasmEdge_Value packed{};
    if (const auto result = invoke(execute, {address, size}, &packed); !WasmEdge_ResultOK(result)) {
        return failed(result);
    }
    const auto answer = std::uint64_t(WasmEdge_ValueGetI64(packed));
    const auto length = std::uint32_t(answer);
    if (defended("wasm.output-cap") && length > m_guest.limits.outputBytes) {
        return problem(Ending::OutputTooLarge, {});
    }
    const auto output = memoryAt(memory, std::uint32_t(answer >> 32), length);
    if (!output) {
        return problem(Ending::OutOfBounds, {});
    }
    return {Ending::Finished, std::string(output->data(), output->size())};
}

Engine::Answer Engine::runStart(WasmEdge_ModuleInstanceContext* instance)
{
    const auto* start = functionOf(instance, "_start");
    if (!isShaped(start, "", "")) {
        return problem(Ending::BadModule, "it exports neither execute nor _start");
    }
    if (const auto result = invoke(start, {}, nullptr); !WasmEdge_ResultOK(result)) {
        return failed(result);
    }
    return {Ending::Finished, std::move(m_guest.output)};
}

std::string Engine::askHost(const std::string& request)
{
    pause();
    m_wire.send(frame(Kind::HostCall, request));
    Frame answer = m_wire.receive();
    if (answer.kind != Kind::Answer) {
        _exit(2);
    }
    resume();
    return std::move(answer.payload);
}

std::optional<std::uint32_t> Engine::give(const WasmEdge_CallingFrameContext* frame,
                                          std::string_view bytes)
{
    const auto* alloc = functionOf(WasmEdge_CallingFrameGetModuleInstance(frame), "alloc");
    if (!isShaped(alloc, "i", "i")) {
        m_guest.ending = Ending::BadModule;
        return std::nullopt;
    }
    WasmEdge_Value address{};
    const auto result = invoke(alloc, {WasmEdge_ValueGenI32(std::int32_t(bytes.size()))}, &address);
    if (!WasmEdge_ResultOK(result)) {
        if (!m_guest.ending) {
            m_guest.ending = failed(result).ending;
        }
        return std::nullopt;
    }
    const auto at = std::uint32_t(WasmEdge_ValueGetI32(address));
    const auto room = memoryAt(WasmEdge_CallingFrameGetMemoryInstance(frame, 0), at, bytes.size());
    if (!room) {
        m_guest.ending = Ending::OutOfBounds;
        return std::nullopt;
    }
    std::memcpy(room->data(), bytes.data(), bytes.size());
    return at;
}

void Engine::giveUpForMemory()
{
    DoneHead head;
    head.ending = Ending::OutOfMemory;
    head.hostCalls = m_guest.hostCalls;
    // No memory for a frame: on the stack.
    char bytes[sizeof(Header) + sizeof head];
    Header header;
    header.bytes = sizeof head;
    header.kind = Kind::Done;
    std::memcpy(bytes, &header, sizeof header);
    std::memcpy(bytes + sizeof header, &head, sizeof head);
    (void)!write(SocketFd, bytes, sizeof bytes);
    _exit(0);
}

} // namespace sb::wasmhost
