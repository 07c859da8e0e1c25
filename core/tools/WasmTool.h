#pragma once
#include "core/base/Clock.h"
#include "core/tools/Tool.h"
#include "core/wasm/Hosts.h"
#include "core/wasm/KvStore.h"

namespace sb::tools {

/// A tool entry of a skill, as its manifest has it.
struct WasmToolSpec
{
    QString skill; ///< the skill's name
    QString name;  ///< of the tool, as the model calls it
    QString description;
    QJsonObject schema;  ///< JSON Schema of its arguments
    QString module;      ///< absolute path of the .wasm
    QByteArray digest{}; ///< SHA-256 that the module must have; empty: as it is when it is planned
    wasm::Limits limits{};
    /// "fs_read", "fs_write", "fs_list", "net_fetch:HOST[:PORT]", "shell_exec", "kv". What is not
    /// listed is refused without the gate being asked.
    QStringList capabilities{};
    QString dataFolder{}; ///< where its store lies; without one there is no store
};

/// A tool that is WebAssembly. Calling it changes nothing by itself; what it wants of the world it
/// asks for by host calls, and each of those passes the gate as a call of its own.
class WasmTool final : public Tool
{
public:
    struct Parts
    {
        wasm::Hosts& hosts;
        wasm::KvStores& stores;
        Executor& pool; ///< for the store's file
        Clock& clock;
        /// Takes a host call through the gate, as the process that called the tool. Whatever the
        /// gate says is an Output; an Error when the call was cancelled.
        std::function<Future<Output>(Context, llm::ToolCall)> through;
        /// What the agent lets skills have at most, in the spelling of `capabilities`. Without this
        /// function a skill's own list is the only one, and the gate decides.
        std::function<QStringList(const Context&)> granted{};
    };

    /// InvalidInput for limits or capabilities that make no sense, or a tool without a name.
    static Result<std::unique_ptr<WasmTool>> create(WasmToolSpec spec, Parts parts);

    [[nodiscard]] const llm::ToolSpec& spec() const override { return m_toolSpec; }
    /// A tool that can reach nothing can be run again; one with capabilities may have done
    /// something.
    [[nodiscard]] bool isIdempotent() const override { return m_spec.capabilities.isEmpty(); }
    Result<Plan> plan(const QJsonObject& arguments, const Context& context) override;
    Future<Output> run(Permit permit,
                       Plan plan,
                       Context context,
                       std::function<void(const QString&)> progress,
                       std::stop_token stop) override;

private:
    WasmTool(WasmToolSpec spec, Parts parts);

    WasmToolSpec m_spec;
    llm::ToolSpec m_toolSpec;
    Parts m;
};

} // namespace sb::tools
