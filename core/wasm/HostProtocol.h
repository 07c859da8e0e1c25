#pragma once
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

/// What core/wasm and app/wasm-host say to each other over a stream socket: frames of a header and
/// a payload. Without Qt, for the host has none. README.md describes the order of the frames.
namespace sb::wasm::host {

/// Both sides must say the same; a host of another build is not used.
inline constexpr std::uint32_t Version = 1;
/// The host finds its end of the socket here.
inline constexpr int SocketFd = 3;

inline constexpr std::uint32_t PageBytes = 64 << 10;
inline constexpr std::uint32_t MostModuleBytes = 16 << 20;
inline constexpr std::uint32_t MostInputBytes = 8 << 20;
inline constexpr std::uint32_t MostOutputBytes = 8 << 20;
inline constexpr std::uint32_t MostHostCallBytes = 1 << 20;
inline constexpr std::uint32_t MostLogBytes = 4 << 10; ///< of one line
inline constexpr std::uint32_t MostFrameBytes = MostModuleBytes + (1 << 20);
inline constexpr std::uint32_t HashBytes = 32;

enum class Kind : std::uint8_t {
    Load = 'L',     ///< to the host: SHA-256, then the module
    Call = 'C',     ///< to the host: CallHead, the tool's name, its input
    Answer = 'A',   ///< to the host: what a HostCall is answered with
    Ready = 'R',    ///< from the host, once: ReadyHead
    HostCall = 'H', ///< from the host, which waits for the Answer: the request as JSON
    Log = 'G',      ///< from the host: one byte of level, then text
    Done = 'D', ///< from the host: DoneHead, then the output, or a sentence that says what failed
};

struct Header
{
    std::uint32_t bytes = 0; ///< of the payload
    Kind kind = Kind::Load;
    std::uint8_t zero[3] = {};
};

struct ReadyHead
{
    std::uint32_t version = Version;
    std::uint32_t landlock = 0; ///< its version, 0 where this kernel has none
};

struct CallHead
{
    std::uint8_t hash[HashBytes] = {};
    std::uint64_t instructions = 0;
    std::uint32_t wallMs = 0;
    std::uint32_t outputBytes = 0;
    std::uint32_t hostCalls = 0;
    std::uint32_t logBytes = 0;
    std::uint32_t nameBytes = 0;
    std::uint32_t zero = 0;
};

/// How a call ended, as the host saw it.
enum class Ending : std::uint8_t {
    Finished = 0,
    OutOfInstructions = 1,
    OutOfTime = 2,
    OutOfMemory = 3,
    OutputTooLarge = 4,
    TooManyHostCalls = 5,
    BadModule = 6,     ///< no WebAssembly, or without what a tool must have
    UnknownModule = 7, ///< not loaded (any more): load it and call again
    OutOfBounds = 8,   ///< it pointed outside of its own memory
    Trapped = 9,       ///< unreachable, division by zero, a wild load …
    Failed = 10,       ///< it ended itself with an exit code
};
inline constexpr std::uint8_t LastEnding = std::uint8_t(Ending::Failed);

struct DoneHead
{
    Ending ending = Ending::Trapped;
    std::uint8_t zero[3] = {};
    std::uint32_t hostCalls = 0;
    std::uint64_t instructions = 0;
    std::uint64_t durationUs = 0; ///< of the guest, without its waiting for host calls
    std::uint64_t peakKb = 0;     ///< the process's largest size so far
};

static_assert(sizeof(Header) == 8 && sizeof(ReadyHead) == 8 && sizeof(CallHead) == 64 &&
              sizeof(DoneHead) == 32);

/// A frame as it goes over the socket.
inline std::string frame(Kind kind, std::string_view payload, std::string_view more = {})
{
    Header header;
    header.bytes = std::uint32_t(payload.size() + more.size());
    header.kind = kind;
    std::string bytes(sizeof header, '\0');
    std::memcpy(bytes.data(), &header, sizeof header);
    bytes.reserve(bytes.size() + header.bytes);
    bytes.append(payload);
    bytes.append(more);
    return bytes;
}

template <class Head>
std::string frame(Kind kind, const Head& head, std::string_view more)
    requires std::is_trivially_copyable_v<Head> && (!std::is_convertible_v<Head, std::string_view>)
{
    return frame(kind, std::string_view(reinterpret_cast<const char*>(&head), sizeof head), more);
}

/// The head of a payload; nothing when the payload is too short for one.
template <class Head>
std::optional<Head> headOf(std::string_view payload)
{
    if (payload.size() < sizeof(Head)) {
        return std::nullopt;
    }
    Head head;
    std::memcpy(static_cast<void*>(&head), payload.data(), sizeof head);
    return head;
}

struct Frame
{
    Kind kind = Kind::Load;
    std::string payload;
};

/// Cuts a stream into frames. What breaks the rules (too long, not zero where it must be) breaks
/// the stream for good: nothing that comes after it can be trusted to begin where it seems to.
class FrameReader
{
public:
    explicit FrameReader(std::uint32_t most) : m_most(most) {}

    void append(const char* bytes, std::size_t count) { m_bytes.append(bytes, count); }

    /// The next whole frame; nothing when more bytes are needed or the stream is broken.
    std::optional<Frame> next()
    {
        const auto head = headOf<Header>(std::string_view(m_bytes).substr(m_done));
        if (m_broken || !head) {
            drop();
            return std::nullopt;
        }
        if (head->bytes > m_most || head->zero[0] != 0 || head->zero[1] != 0 ||
            head->zero[2] != 0) {
            m_broken = true;
            return std::nullopt;
        }
        if (m_bytes.size() - m_done < sizeof(Header) + head->bytes) {
            drop();
            return std::nullopt;
        }
        Frame found{head->kind, m_bytes.substr(m_done + sizeof(Header), head->bytes)};
        m_done += sizeof(Header) + head->bytes;
        return found;
    }
    [[nodiscard]] bool isBroken() const { return m_broken; }

private:
    void drop()
    {
        m_bytes.erase(0, m_done);
        m_done = 0;
    }

    std::string m_bytes;
    std::size_t m_done = 0; ///< of m_bytes, handed out already
    std::uint32_t m_most;
    bool m_broken = false;
};

} // namespace sb::wasm::host
