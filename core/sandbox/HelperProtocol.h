#pragma once
#include "core/base/Defence.h"

#include <cstdint>

/// What core/sandbox and app/sandbox-helper say to each other. Constants and plain structs only,
/// and the names of defences: the helper has no Qt.
namespace sb::sandbox::helper {

/// Descriptors as bubblewrap gets them. It passes on those that it does not use up itself.
enum Descriptor : int {
    ArgumentsFd = 3, ///< bubblewrap's own arguments
    ParametersFd =
        4, ///< the helper's: strings that end with NUL, "key=value" …, "--", then the command
    ControlFd = 5,    ///< a SOCK_SEQPACKET socket: orders in, reports out
    FirstFileFd = 6,  ///< small files for /etc, one after the other
    FirstFreeFd = 32, ///< what the launching side uses itself lies above
};

inline constexpr const char* Folder = "/.signalbox";
inline constexpr const char* Program = "/.signalbox/helper";
/// The helper's first argument where it is the command itself and probes.
inline constexpr const char* ProbeVerb = "probe";
/// The namespace's kernel.pid_max, where the kernel has one for each namespace (6.14 and later).
inline constexpr const char* PidMax = "/.signalbox/pid_max";

/// The one way out of a sandbox with network: a socket that listens inside and is answered outside.
inline constexpr std::uint16_t DoorPort = 3128;
inline constexpr int DoorBacklog = 128;

/// The kernel keeps the first 300 numbers for itself once the numbers have wrapped round.
inline constexpr int ReservedPids = 300;

enum class Order : std::uint8_t {
    Terminate = 'T', ///< SIGTERM to everything
    Kill = 'K',      ///< end at once, and the namespace with it
};

enum class ReportKind : std::uint8_t {
    Started = 'S', ///< value: Landlock's version, 0 without; flags below; with a pidfd of process 1
                   ///< and, where it was asked for, the door's listening socket
    Ended = 'X',   ///< value: the command's status as waitpid gives it
    Exceeded = 'M', ///< value: an Excess; everything was ended for it
    Failed = 'F',   ///< value: errno; a step of confinement failed and nothing was run
    Refused = 'R',  ///< a system call was, so many times (flags); value: the first process; its
                    ///< program and the call's name below
};

enum class Excess : std::int32_t { Memory = 1, Processes = 2, Disk = 3, Quota = 4, Cpu = 5 };

enum StartedFlags : std::uint32_t {
    PidsCapped = 1, ///< pid_max of the namespace is set
    WithInit = 2,   ///< a pidfd of process 1 comes along, before the door
    WithDoor = 4,   ///< the door's listening socket comes along
};

struct Report
{
    ReportKind kind = ReportKind::Started;
    std::uint32_t flags = 0;
    std::int32_t value = 0;
    char program[16] = {}; ///< ends with NUL, as the name does
    char name[32] = {};
};

} // namespace sb::sandbox::helper
