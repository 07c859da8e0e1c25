#include "core/tools/WasmTool.h"
#include "tests/security/Attack.h"
#include "tests/security/wasm/WasmFixture.h"
#include "tests/unit/ToolTestKit.h"

#include <QJsonDocument>

using namespace sb;
using namespace sb::wasm;
using namespace wasmkit;
using attack::Attack;

namespace {

attack::Outcome refusedIf(bool refused)
{
    return refused ? attack::Outcome::Refused : attack::Outcome::Succeeded;
}

wasm::Outcome runAttack(const char* input, const std::function<void(Call&)>& change = {})
{
    Runtime runtime;
    auto call = runtime.call(built("attacks"), input);
    call.limits.instructions = 50'000'000;
    if (change) {
        change(call);
    }
    return runtime.run(std::move(call));
}

// Reading and writing outside of the guest's memory brings the process down: no other call may have
// to pay for that, and this one is told what it did.
Attack outside(const char* name, const char* input)
{
    return {name, "wasm.bounds", [input] {
                return refusedIf(runAttack(input).ending == Ending::OutOfBounds);
            }};
}

// What somebody who broke out of the engine would try next, in a process that is confined.
Attack hijacked(const char* name, const char* probe)
{
    return {name, "wasm.confined", [probe] {
                const auto probes =
                    probeConfinement(QStringLiteral(SB_BIN_DIR "/signalbox-wasm-host"));
                const auto found =
                    std::ranges::find(*probes, QLatin1StringView(probe), &Probe::name);
                return refusedIf(found != probes->end() && found->refused);
            }};
}

// A skill's tool with everything around it; `gate` counts what gets as far as the gate.
struct Skill
{
    explicit Skill(tools::WasmToolSpec spec, const std::optional<QStringList>& granted = {})
    {
        spec.skill = u"hostile"_s;
        spec.name = u"attack"_s;
        spec.limits.instructions = 50'000'000;
        spec.limits.hostCalls = 200;
        tools::WasmTool::Parts parts{runtime.hosts, stores, pool, runtime.clock, {}, {}};
        parts.through = [this](const tools::Context&, const llm::ToolCall& call) {
            gate.withLock([&](auto& calls) { calls.append(call.name); });
            return Future<tools::Output>::ready(tools::Output{u"done"_s, false, {}});
        };
        if (granted) {
            parts.granted = [granted](const tools::Context&) { return *granted; };
        }
        tool = std::move(*tools::WasmTool::create(std::move(spec), std::move(parts)));
    }
    tools::Output run(const QJsonObject& arguments)
    {
        return toolkit::call(*tool, arguments, place.context);
    }

    Runtime runtime;
    KvStores stores;
    Pool pool{1, u"pool"_s};
    toolkit::Place place;
    Guarded<QStringList> gate;
    std::unique_ptr<tools::Tool> tool;
};

tools::WasmToolSpec specOf(const QString& module, const QStringList& capabilities)
{
    tools::WasmToolSpec spec;
    spec.module = module;
    spec.capabilities = capabilities;
    return spec;
}

QJsonObject request(const QString& method, const QJsonObject& params)
{
    return {{u"method"_s, method}, {u"params"_s, params}};
}

attack::Outcome asksFor(const QStringList& listed,
                        const std::optional<QStringList>& granted,
                        const QJsonObject& wanted)
{
    Skill skill(specOf(path("attacks"), listed), granted);
    skill.run(wanted);
    return refusedIf(skill.gate.withLock([](const auto& calls) { return calls.isEmpty(); }));
}

QList<Attack> meters()
{
    return {
        {"wasm.endless-loop",
         "wasm.fuel",
         [] {
             const auto outcome = runAttack("l", [](Call& call) {
                 call.limits.instructions = 100'000;
                 call.limits.wall = Milliseconds(700);
             });
             return refusedIf(outcome.ending == Ending::OutOfInstructions);
         }},
        {"wasm.endless-start",
         "wasm.fuel",
         [] {
             Runtime runtime;
             auto call = runtime.call(module(startLoops()), "");
             call.limits.wall = Milliseconds(700);
             return refusedIf(runtime.run(call).ending == Ending::OutOfInstructions);
         }},
        {"wasm.endless-loop-with-a-huge-budget",
         "wasm.wall-clock",
         [] {
             const auto outcome = runAttack("l", [](Call& call) {
                 call.limits.instructions = 150'000'000;
                 call.limits.wall = Milliseconds(100);
             });
             return refusedIf(outcome.ending == Ending::OutOfTime);
         }},
        {"wasm.code-that-cannot-be-interrupted",
         "wasm.kill",
         [] {
             Hosts::Settings settings;
             settings.grace = Milliseconds(100);
             Runtime runtime(settings);
             (void)runtime.run(built("attacks"), "start");
             auto call = runtime.call(built("shape4"), "x");
             call.limits.wall = Milliseconds(100);
             (void)runtime.run(call);
             return refusedIf(runtime.hosts.processes() == 0);
         }},
        {"wasm.memory-bomb",
         "wasm.memory-cap",
         [] {
             const auto outcome =
                 runAttack("g", [](Call& call) { call.limits.memoryBytes = 16 << 20; });
             return refusedIf(outcome.output == "full" && outcome.peakKb < 200 << 10);
         }},
        {"wasm.memory-large-from-the-start",
         "wasm.memory-cap",
         [] {
             Runtime runtime;
             return refusedIf(runtime.run(module(largeMemory()), "").ending == Ending::OutOfMemory);
         }},
        {"wasm.table-bomb",
         "wasm.memory-cap",
         [] {
             Runtime runtime;
             auto call = runtime.call(module(largeTable()), "");
             call.limits.memoryBytes = 1 << 20;
             return refusedIf(runtime.run(call).ending == Ending::OutOfMemory);
         }},
        {"wasm.deep-recursion",
         "wasm.memory-cap",
         [] {
             const auto outcome = runAttack("r", [](Call& call) {
                 call.limits.memoryBytes = 5 << 20;
                 call.limits.instructions = 60'000'000;
             });
             return refusedIf(outcome.ending == Ending::OutOfMemory);
         }},
        {"wasm.large-output",
         "wasm.output-cap",
         [] { return refusedIf(runAttack("o").ending == Ending::OutputTooLarge); }},
        {"wasm.large-standard-output",
         "wasm.output-cap",
         [] {
             Runtime runtime;
             auto call = runtime.call(built("command"), QByteArray(100'000, 'a'));
             call.limits.outputBytes = 50'000;
             return refusedIf(runtime.run(call).ending == Ending::OutputTooLarge);
         }},
        {"wasm.huge-module",
         "wasm.module-size",
         [] {
             // A section that no engine reads, as large as it likes: 0x84 0x80 0x80 0x08 is 16 MiB
             // + 4.
             const auto made = moduleFromBytes(QByteArray("\0asm\1\0\0\0\0\x84\x80\x80\x08", 13) +
                                               QByteArray((16 << 20) + 4, 0));
             if (!made) {
                 return attack::Outcome::Refused;
             }
             Runtime runtime;
             const auto outcome = runtime.run(*made, "");
             return refusedIf(!outcome.problem.contains(u"neither execute nor _start") &&
                              !outcome.problem.contains(u"exports no memory"));
         }},
    };
}

QList<Attack> pointers()
{
    return {
        outside("wasm.output-outside-memory", "e"),
        outside("wasm.output-beyond-the-end", "w"),
        outside("wasm.host-call-outside-memory", "p"),
        outside("wasm.log-outside-memory", "q"),
        {"wasm.alloc-outside-memory",
         "wasm.bounds",
         [] {
             Runtime runtime;
             return refusedIf(runtime.run(built("shape1"), "somewhere").ending ==
                              Ending::OutOfBounds);
         }},
    };
}

QList<Attack> imports()
{
    return {
        {"wasm.host-call-flood",
         "wasm.host-calls",
         [] { return refusedIf(runAttack("f").ending == Ending::TooManyHostCalls); }},
        {"wasm.huge-host-call",
         "wasm.host-calls",
         [] {
             std::atomic<qsizetype> seen = 0;
             (void)runAttack("h", [&](Call& call) {
                 call.hostCall = [&](const QByteArray& request, Reply reply) {
                     seen = request.size();
                     reply("{}");
                 };
             });
             return refusedIf(seen == 0);
         }},
        {"wasm.log-flood",
         "wasm.log-cap",
         [] { return refusedIf(runAttack("t").log.size() <= 2 * Limits().logBytes); }},
        {"wasm.log-with-terminal-escapes",
         "wasm.log-escapes",
         [] { return refusedIf(!runAttack("x").log.contains(QChar(0x1b))); }},
        {"wasm.wasi-file",
         "wasm.wasi-closed",
         [] { return refusedIf(!runAttack("a").output.contains("root:")); }},
        {"wasm.wasi-environment",
         "wasm.wasi-closed",
         [] { return refusedIf(!runAttack("v").output.contains('=')); }},
        {"wasm.wasi-socket",
         "wasm.wasi-closed",
         [] {
             Runtime runtime;
             return refusedIf(runtime.run(built("shape5"), "x").output != "y");
         }},
        hijacked("wasm.hijacked-host-opens-a-file", "open"),
        hijacked("wasm.hijacked-host-makes-a-file", "write"),
        hijacked("wasm.hijacked-host-makes-a-socket", "socket"),
        hijacked("wasm.hijacked-host-forks", "fork"),
        hijacked("wasm.hijacked-host-starts-a-program", "exec"),
        hijacked("wasm.hijacked-host-makes-code", "runnable-memory"),
        hijacked("wasm.hijacked-host-signals-others", "signal"),
    };
}

QList<Attack> skills()
{
    return {
        {"wasm.capability-not-in-the-manifest",
         "wasm.capability",
         [] {
             return asksFor({u"fs_read"_s},
                            {},
                            request(u"fs_write"_s, {{u"path"_s, u"x"_s}, {u"content"_s, u"y"_s}}));
         }},
        {"wasm.another-host-than-in-the-manifest",
         "wasm.capability",
         [] {
             return asksFor(
                 {u"net_fetch:good.example"_s},
                 {},
                 request(u"net_fetch"_s, {{u"url"_s, u"https://good.example@bad.example/"_s}}));
         }},
        {"wasm.capability-beyond-the-agent",
         "wasm.capability-subset",
         [] {
             return asksFor({u"shell_exec"_s, u"fs_read"_s},
                            QStringList{u"fs_read"_s},
                            request(u"shell_exec"_s, {{u"command"_s, u"id"_s}}));
         }},
        {"wasm.store-flood",
         "wasm.kv-cap",
         [] {
             const QTemporaryDir data;
             auto spec = specOf(path("attacks"), {u"kv"_s});
             spec.dataFolder = data.path();
             // The tool's own argument object begins with a brace; this one needs another letter.
             Runtime runtime;
             KvStores stores;
             auto call = runtime.call(built("attacks"), "k");
             call.limits.instructions = 50'000'000;
             call.limits.hostCalls = 200;
             call.hostCall = [&](const QByteArray& json, Reply reply) {
                 const auto params =
                     QJsonDocument::fromJson(json).object().value(u"params"_s).toObject();
                 const auto kept = stores.set(
                     spec.dataFolder, params.value(u"key"_s).toString(), params.value(u"value"_s));
                 reply(kept ? "{\"ok\":true}" : "{\"error\":\"full\"}");
             };
             (void)runtime.run(call);
             return refusedIf(QFileInfo(data.filePath(u"kv.json"_s)).size() <= KvStores::MostBytes);
         }},
        {"wasm.module-swapped-after-the-plan",
         "wasm.digest",
         [] {
             const QTemporaryDir folder;
             const QString file = folder.filePath(u"tool.wasm"_s);
             QFile::copy(path("shape8"), file);
             Skill skill(specOf(file, {u"fs_read"_s}));
             const auto wanted = request(u"fs_read"_s, {{u"path"_s, u"a"_s}});
             auto plan = skill.tool->plan(wanted, skill.place.context);
             QFile::remove(file);
             QFile::copy(path("attacks"), file);
             (void)toolkit::run(*skill.tool, std::move(*plan), skill.place.context);
             return refusedIf(
                 skill.gate.withLock([](const auto& calls) { return calls.isEmpty(); }));
         }},
    };
}

} // namespace

/// Hostile WebAssembly against the real host program.
class tst_WasmAttacks : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void attack_data() { attack::addRows(meters() + pointers() + imports() + skills()); }
    void attack() { sb::attack::check(meters() + pointers() + imports() + skills()); }
};

QTEST_GUILESS_MAIN(tst_WasmAttacks)
#include "tst_WasmAttacks.moc"
