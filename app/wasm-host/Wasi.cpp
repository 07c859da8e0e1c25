#include "app/wasm-host/Guest.h"
#include "core/base/Defence.h"

#include <algorithm>
#include <ctime>
#include <sys/random.h>
#include <unistd.h>

/// WASI preview 1, of our own: what a tool may have of it is its name, its input and output, clocks
/// and random numbers. Everything else is answered with an error, and nothing here touches a file
/// descriptor of this process.
namespace sb::wasmhost {

using namespace wasm::host;

namespace {

// Errors as WASI numbers them.
enum Errno : std::uint32_t {
    Success = 0,
    BadFd = 8,
    Fault = 21,
    Invalid = 28,
    SPipe = 70,
    NotCapable = 76
};

// One call of an import: arguments by position, memory, and the way out.
class Call
{
public:
    Call(void* data,
         const WasmEdge_CallingFrameContext* frame,
         const WasmEdge_Value* in,
         WasmEdge_Value* out)
        : m_desk(*static_cast<Desk*>(data))
        , m_memory(WasmEdge_CallingFrameGetMemoryInstance(frame, 0))
        , m_in(in)
        , m_out(out)
    {
    }
    [[nodiscard]] Guest& guest() const { return m_desk.guest(); }
    [[nodiscard]] Desk& desk() const { return m_desk; }
    [[nodiscard]] std::uint32_t word(int position) const
    {
        return std::uint32_t(WasmEdge_ValueGetI32(m_in[position]));
    }
    [[nodiscard]] std::optional<std::span<char>> bytes(std::uint32_t at, std::uint64_t count) const
    {
        return memoryAt(m_memory, at, count);
    }
    template <class T>
    [[nodiscard]] bool put(std::uint32_t at, T value) const
    {
        const auto place = bytes(at, sizeof value);
        if (place) {
            std::memcpy(place->data(), &value, sizeof value);
        }
        return place.has_value();
    }
    template <class T>
    [[nodiscard]] std::optional<T> get(std::uint32_t at) const
    {
        const auto place = bytes(at, sizeof(T));
        if (!place) {
            return std::nullopt;
        }
        T value;
        std::memcpy(&value, place->data(), sizeof value);
        return value;
    }
    WasmEdge_Result answer(std::uint32_t error) const
    {
        m_out[0] = WasmEdge_ValueGenI32(std::int32_t(error));
        return WasmEdge_Result_Success;
    }
    WasmEdge_Result answer(bool inBounds) const { return answer(inBounds ? Success : Fault); }

private:
    Desk& m_desk;
    WasmEdge_MemoryInstanceContext* m_memory;
    const WasmEdge_Value* m_in;
    WasmEdge_Value* m_out;
};

using Frame = const WasmEdge_CallingFrameContext*;
using In = const WasmEdge_Value*;
using Out = WasmEdge_Value*;

WasmEdge_Result notCapable(void* data, Frame frame, In in, Out out)
{
    return Call(data, frame, in, out).answer(NotCapable);
}
WasmEdge_Result badFd(void* data, Frame frame, In in, Out out)
{
    return Call(data, frame, in, out).answer(BadFd);
}
WasmEdge_Result success(void* data, Frame frame, In in, Out out)
{
    return Call(data, frame, in, out).answer(Success);
}

WasmEdge_Result argsSizes(void* data, Frame frame, In in, Out out)
{
    const Call call(data, frame, in, out);
    return call.answer(call.put(call.word(0), std::uint32_t(1)) &&
                       call.put(call.word(1), std::uint32_t(call.guest().name.size() + 1)));
}
WasmEdge_Result args(void* data, Frame frame, In in, Out out)
{
    const Call call(data, frame, in, out);
    const std::string& name = call.guest().name;
    const auto text = call.bytes(call.word(1), name.size() + 1);
    if (!text || !call.put(call.word(0), call.word(1))) {
        return call.answer(Fault);
    }
    std::memcpy(text->data(), name.c_str(), name.size() + 1);
    return call.answer(Success);
}
WasmEdge_Result environmentSizes(void* data, Frame frame, In in, Out out)
{
    const Call call(data, frame, in, out);
    return call.answer(call.put(call.word(0), std::uint32_t(0)) &&
                       call.put(call.word(1), std::uint32_t(0)));
}

// Only real time and the time since some start; a process's own times are not for guests.
std::optional<clockid_t> clockOf(std::uint32_t id)
{
    switch (id) {
    case 0:
        return CLOCK_REALTIME;
    case 1:
        return CLOCK_MONOTONIC;
    default:
        return std::nullopt;
    }
}
WasmEdge_Result clockTime(void* data, Frame frame, In in, Out out)
{
    const Call call(data, frame, in, out);
    const auto clock = clockOf(call.word(0));
    timespec time{};
    if (!clock || clock_gettime(*clock, &time) != 0) {
        return call.answer(Invalid);
    }
    return call.answer(call.put(
        call.word(2), std::uint64_t(time.tv_sec) * 1'000'000'000 + std::uint64_t(time.tv_nsec)));
}
WasmEdge_Result clockResolution(void* data, Frame frame, In in, Out out)
{
    const Call call(data, frame, in, out);
    if (!clockOf(call.word(0))) {
        return call.answer(Invalid);
    }
    return call.answer(call.put(call.word(1), std::uint64_t(1)));
}
WasmEdge_Result randomBytes(void* data, Frame frame, In in, Out out)
{
    const Call call(data, frame, in, out);
    const auto room = call.bytes(call.word(0), call.word(1));
    for (std::size_t done = 0; room && done < room->size();) {
        const ssize_t got = getrandom(room->data() + done, room->size() - done, 0);
        if (got <= 0) {
            return call.answer(Invalid);
        }
        done += std::size_t(got);
    }
    return call.answer(room.has_value());
}

// The vectors of a read or a write, one after the other; false when one lies out of bounds.
template <class F>
bool forVectors(const Call& call, F each)
{
    const std::uint32_t count = call.word(2);
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto entry = std::uint64_t(call.word(1)) + std::uint64_t(i) * 8;
        const auto at =
            entry <= UINT32_MAX ? call.get<std::uint32_t>(std::uint32_t(entry)) : std::nullopt;
        const auto length = entry + 4 <= UINT32_MAX
                                ? call.get<std::uint32_t>(std::uint32_t(entry + 4))
                                : std::nullopt;
        const auto bytes = at && length ? call.bytes(*at, *length) : std::nullopt;
        if (!bytes) {
            return false;
        }
        if (!each(*bytes)) {
            return true;
        }
    }
    return true;
}
WasmEdge_Result read(void* data, Frame frame, In in, Out out)
{
    const Call call(data, frame, in, out);
    if (call.word(0) != STDIN_FILENO) {
        return call.answer(BadFd);
    }
    Guest& guest = call.guest();
    std::uint32_t total = 0;
    const bool inBounds = forVectors(call, [&](std::span<char> room) {
        const auto count = std::min(room.size(), guest.input.size() - guest.inputRead);
        std::memcpy(room.data(), guest.input.data() + guest.inputRead, count);
        guest.inputRead += count;
        total += std::uint32_t(count);
        return count == room.size();
    });
    return call.answer(inBounds && call.put(call.word(3), total));
}
WasmEdge_Result write(void* data, Frame frame, In in, Out out)
{
    const Call call(data, frame, in, out);
    const std::uint32_t fd = call.word(0);
    if (fd != STDOUT_FILENO && fd != STDERR_FILENO) {
        return call.answer(BadFd);
    }
    Guest& guest = call.guest();
    std::uint32_t total = 0;
    bool tooLarge = false;
    const bool inBounds = forVectors(call, [&](std::span<char> text) {
        if (fd == STDERR_FILENO) {
            log(call.desk(), 2, {text.data(), text.size()});
        } else if (defended("wasm.output-cap") &&
                   guest.output.size() + text.size() > guest.limits.outputBytes) {
            tooLarge = true;
            return false;
        } else {
            guest.output.append(text.data(), text.size());
        }
        total += std::uint32_t(text.size());
        return true;
    });
    if (tooLarge) {
        return guest.end(Ending::OutputTooLarge);
    }
    return call.answer(inBounds && call.put(call.word(3), total));
}
WasmEdge_Result close(void* data, Frame frame, In in, Out out)
{
    const Call call(data, frame, in, out);
    return call.answer(call.word(0) <= STDERR_FILENO ? Success : BadFd);
}
WasmEdge_Result seek(void* data, Frame frame, In in, Out out)
{
    const Call call(data, frame, in, out);
    return call.answer(call.word(0) <= STDERR_FILENO ? SPipe : BadFd);
}
WasmEdge_Result describe(void* data, Frame frame, In in, Out out)
{
    const Call call(data, frame, in, out);
    if (call.word(0) > STDERR_FILENO) {
        return call.answer(BadFd);
    }
    struct
    {
        std::uint8_t type = 2; // a character device, which C libraries buffer by line
        std::uint8_t zero = 0;
        std::uint16_t flags = 0;
        std::uint32_t more = 0;
        std::uint64_t rights = 0;
        std::uint64_t inherited = 0;
    } stat;
    stat.rights = call.word(0) == STDIN_FILENO ? 1U << 1 : 1U << 6;
    return call.answer(call.put(call.word(1), stat));
}
WasmEdge_Result exitGuest(void* data, Frame frame, In in, Out out)
{
    const Call call(data, frame, in, out);
    call.guest().exitCode = call.word(0);
    return call.guest().end(call.word(0) == 0 ? Ending::Finished : Ending::Failed);
}

struct Import
{
    const char* name;
    const char* parameters;
    WasmEdge_HostFunc_t function;
};

constexpr Import Imports[] = {
    {"args_get", "ii", args},
    {"args_sizes_get", "ii", argsSizes},
    {"environ_get", "ii", success},
    {"environ_sizes_get", "ii", environmentSizes},
    {"clock_res_get", "ii", clockResolution},
    {"clock_time_get", "iIi", clockTime},
    {"random_get", "ii", randomBytes},
    {"sched_yield", "", success},
    {"fd_read", "iiii", read},
    {"fd_write", "iiii", write},
    {"fd_close", "i", close},
    {"fd_seek", "iIii", seek},
    {"fd_tell", "ii", badFd},
    {"fd_fdstat_get", "ii", describe},
    // Descriptors beyond the three do not exist, and those three are no files.
    {"fd_prestat_get", "ii", badFd},
    {"fd_prestat_dir_name", "iii", badFd},
    {"fd_advise", "iIIi", badFd},
    {"fd_allocate", "iII", badFd},
    {"fd_datasync", "i", badFd},
    {"fd_fdstat_set_flags", "ii", badFd},
    {"fd_fdstat_set_rights", "iII", badFd},
    {"fd_filestat_get", "ii", badFd},
    {"fd_filestat_set_size", "iI", badFd},
    {"fd_filestat_set_times", "iIIi", badFd},
    {"fd_pread", "iiiIi", badFd},
    {"fd_pwrite", "iiiIi", badFd},
    {"fd_readdir", "iiiIi", badFd},
    {"fd_renumber", "ii", badFd},
    {"fd_sync", "i", badFd},
    {"path_create_directory", "iii", notCapable},
    {"path_filestat_get", "iiiii", notCapable},
    {"path_filestat_set_times", "iiiiIIi", notCapable},
    {"path_link", "iiiiiii", notCapable},
    {"path_open", "iiiiiIIii", notCapable},
    {"path_readlink", "iiiiii", notCapable},
    {"path_remove_directory", "iii", notCapable},
    {"path_rename", "iiiiii", notCapable},
    {"path_symlink", "iiiii", notCapable},
    {"path_unlink_file", "iii", notCapable},
    // Waiting would only use up the call's time.
    {"poll_oneoff", "iiii", notCapable},
    {"proc_raise", "i", notCapable},
    {"sock_accept", "iii", notCapable},
    {"sock_recv", "iiiiii", notCapable},
    {"sock_send", "iiiii", notCapable},
    {"sock_shutdown", "ii", notCapable},
};

} // namespace

WasmEdge_ModuleInstanceContext* wasiModule(Desk& desk)
{
    if (!defended("wasm.wasi-closed")) {
        // Only a test gets here: the engine's own WASI, with all that it would open.
        const char* const opened[] = {"/:/"};
        std::uint32_t variables = 0;
        while (environ[variables] != nullptr) {
            ++variables;
        }
        return WasmEdge_ModuleInstanceCreateWASI(nullptr, 0, environ, variables, opened, 1);
    }
    constexpr std::string_view name = "wasi_snapshot_preview1";
    auto* module =
        WasmEdge_ModuleInstanceCreate(WasmEdge_StringWrap(name.data(), std::uint32_t(name.size())));
    for (const Import& import : Imports) {
        addFunction(module, import.name, import.parameters, "i", import.function, desk);
    }
    addFunction(module, "proc_exit", "i", "", exitGuest, desk);
    return module;
}

} // namespace sb::wasmhost
