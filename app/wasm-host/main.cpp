#include "app/wasm-host/Confine.h"
#include "app/wasm-host/Engine.h"
#include "app/wasm-host/Probe.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <sys/prctl.h>
#include <unistd.h>

using namespace sb::wasmhost;
using namespace sb::wasm::host;

namespace {

// The handler that C++ calls when memory runs out takes no argument.
Engine* outOfMemory = nullptr;

void serve(Wire& wire, Engine& engine)
{
    for (;;) {
        const Frame frame = wire.receive();
        const std::string_view payload = frame.payload;
        switch (frame.kind) {
        case Kind::Load:
            if (payload.size() >= HashBytes) {
                engine.load(payload.substr(0, HashBytes), payload.substr(HashBytes));
            }
            break;
        case Kind::Call: {
            const auto head = headOf<CallHead>(payload);
            const auto rest = payload.substr(std::min(sizeof(CallHead), payload.size()));
            if (!head || head->nameBytes > rest.size()) {
                _exit(2);
            }
            engine.call(*head, rest.substr(0, head->nameBytes), rest.substr(head->nameBytes));
            engine.prepare();
            break;
        }
        case Kind::Answer:
        case Kind::Ready:
        case Kind::HostCall:
        case Kind::Log:
        case Kind::Done:
            _exit(2);
        }
    }
}

int start(const char* memory, const char* attempt)
{
    WasmEdge_LogOff();
    Wire wire;
    const std::uint64_t memoryBytes = std::strtoull(memory, nullptr, 10);
    // Lives as long as the process, which ends by _exit.
    auto& engine = *new Engine(wire, memoryBytes);
    outOfMemory = &engine;
    std::set_new_handler([] { outOfMemory->giveUpForMemory(); });
    ReadyHead ready;
    const int landlock = confineProcess(memoryBytes);
    if (landlock < 0) {
        std::perror("signalbox-wasm-host: it could not be confined");
        return 1;
    }
    ready.landlock = std::uint32_t(landlock);
    engine.startWatchdog();
    if (!confineSystemCalls()) {
        std::perror("signalbox-wasm-host: system calls could not be filtered");
        return 1;
    }
    if (attempt != nullptr) {
        _exit(probe(attempt));
    }
    wire.send(frame(Kind::Ready, ready, {}));
    serve(wire, engine);
    return 0;
}

} // namespace

int main(int argc, char** argv)
{
    // When Signalbox dies, so does what it lets run; a guest in a loop would not notice otherwise.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (argc == 3 && std::strcmp(argv[1], "--memory") == 0) {
        return start(argv[2], nullptr);
    }
    if (argc == 3 && std::strcmp(argv[1], "--probe") == 0) {
        return start("67108864", argv[2]);
    }
    std::fputs("signalbox-wasm-host is started by Signalbox and runs WebAssembly for it.\n"
               "signalbox-wasm-host --probe NAME tries to break its own confinement.\n",
               stderr);
    return 2;
}
