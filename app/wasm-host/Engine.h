#pragma once
#include "app/wasm-host/Guest.h"
#include "app/wasm-host/Watchdog.h"

#include <list>
#include <memory>

namespace sb::wasmhost {

template <auto Delete>
struct Deleter
{
    template <class T>
    void operator()(T* object) const
    {
        Delete(object);
    }
};
template <class T, auto Delete>
using Owned = std::unique_ptr<T, Deleter<Delete>>;

using AstModule = Owned<WasmEdge_ASTModuleContext, WasmEdge_ASTModuleDelete>;
using Instance = Owned<WasmEdge_ModuleInstanceContext, WasmEdge_ModuleInstanceDelete>;

/// WasmEdge, set up once: the interpreter with its cost meter and its cap on memory. Compiling
/// ahead of time would need memory that can be written and run, and pays only beyond what a call
/// may use up.
class Engine final : public Desk
{
public:
    Engine(Wire& wire, std::uint64_t memoryBytes);
    ~Engine() override;
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    /// Starts the watchdog's thread. No thread can be started once system calls are filtered, and
    /// this one must be filtered too.
    void startWatchdog();

    /// Parses and validates a module and keeps it under its hash; a bad one is remembered as bad.
    void load(std::string_view hash, std::string_view bytes);
    /// Runs a call in an instance of its own and sends how it ended.
    void call(const wasm::host::CallHead& limits, std::string_view name, std::string_view input);
    /// Clears up after the last call and makes the next instance of what was called last, while
    /// nobody waits for it.
    void prepare();
    /// Tells that memory ran out, and ends the process: an engine that was refused memory somewhere
    /// in its middle can't be trusted any more.
    [[noreturn]] void giveUpForMemory();

    [[nodiscard]] Guest& guest() override { return m_guest; }
    Wire& wire() override { return m_wire; }
    std::string askHost(const std::string& request) override;
    std::optional<std::uint32_t> give(const WasmEdge_CallingFrameContext* frame,
                                      std::string_view bytes) override;

private:
    struct Module
    {
        std::string hash;
        AstModule ast; ///< nothing when it is bad
        std::string problem{};
        std::size_t bytes = 0;
        std::uint64_t memoryPages = 0; ///< that its memory begins with
        bool startsItself = false; ///< has a start function, which runs while it is instantiated
    };
    struct Answer
    {
        wasm::host::Ending ending = wasm::host::Ending::Finished;
        std::string bytes{}; ///< the output, or a sentence that says what failed
    };

    Answer run(Module& module);
    Answer runExecute(WasmEdge_ModuleInstanceContext* instance);
    Answer runStart(WasmEdge_ModuleInstanceContext* instance);
    Answer failed(WasmEdge_Result result);
    Answer problem(wasm::host::Ending ending, std::string text) const;
    WasmEdge_Result invoke(const WasmEdge_FunctionInstanceContext* function,
                           std::initializer_list<WasmEdge_Value> arguments,
                           WasmEdge_Value* result);
    WasmEdge_Result instantiate(Module& module, Instance& instance);
    Module* find(std::string_view hash);
    void forget();
    void resume();
    void pause();

    Wire& m_wire;
    Owned<WasmEdge_ConfigureContext, WasmEdge_ConfigureDelete> m_configure;
    Owned<WasmEdge_StatisticsContext, WasmEdge_StatisticsDelete> m_meter;
    Owned<WasmEdge_LoaderContext, WasmEdge_LoaderDelete> m_loader;
    Owned<WasmEdge_ValidatorContext, WasmEdge_ValidatorDelete> m_validator;
    Owned<WasmEdge_ExecutorContext, WasmEdge_ExecutorDelete> m_executor;
    Owned<WasmEdge_StoreContext, WasmEdge_StoreDelete> m_store;
    std::vector<Instance> m_imports;
    AstModule m_nothingModule;
    Instance m_nothing; ///< has one function, which does nothing
    const WasmEdge_FunctionInstanceContext* m_noop = nullptr;
    Owned<WasmEdge_Async, WasmEdge_AsyncDelete> m_stopper; ///< cancels what the executor runs
    std::unique_ptr<Watchdog> m_watchdog;

    std::list<Module> m_modules; ///< the one used last in front
    Guest m_guest;
    std::string m_spareHash;
    Instance m_spare;
    Instance m_last; ///< of the call that was answered last
    bool m_expired = false;
    Watchdog::Time m_resumed;
    Watchdog::Time::duration m_used{}; ///< of the call's time, up to m_resumed
    Watchdog::Time m_started;
    std::uint64_t m_memoryBytes;
};

} // namespace sb::wasmhost
