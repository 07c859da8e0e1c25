#include "app/sandbox-helper/Confine.h"
#include "core/sandbox/HelperProtocol.h"

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sb::helper {

namespace {

// Headers older than the kernel lack the later names, so those stand here.
constexpr std::uint64_t Refer = 1ULL << 13;       // version 2
constexpr std::uint64_t Truncate = 1ULL << 14;    // version 3
constexpr std::uint64_t ConnectTcp = 1ULL << 1;   // version 4
constexpr std::uint64_t IoctlDevice = 1ULL << 15; // version 5
constexpr std::uint64_t FirstVersion = (1ULL << 13) - 1;
constexpr std::uint64_t Reading =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE;
constexpr std::uint64_t ScopeAbstractSockets = 1; // version 6
constexpr std::uint64_t ScopeSignals = 2;
constexpr int RuleForPort = 2;

struct Ruleset // landlock_ruleset_attr of version 6
{
    std::uint64_t files;
    std::uint64_t network;
    std::uint64_t scoped;
};

struct PortRule // landlock_net_port_attr
{
    std::uint64_t access;
    std::uint64_t port;
};

bool allow(int ruleset, const char* path, std::uint64_t access)
{
    const int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT; // what isn't there needs no rule
    }
    landlock_path_beneath_attr rule{};
    rule.allowed_access = access;
    rule.parent_fd = fd;
    const bool added =
        syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    close(fd);
    return added;
}

bool allowDoor(int ruleset)
{
    const PortRule rule{ConnectTcp, sandbox::helper::DoorPort};
    return syscall(SYS_landlock_add_rule, ruleset, RuleForPort, &rule, 0) == 0;
}

} // namespace

int landlockVersion()
{
    const long version =
        syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version > 0 ? int(version) : 0;
}

bool restrictReach(int version, const Reach& reach)
{
    std::uint64_t all = FirstVersion;
    all |= version >= 2 ? Refer : 0;
    all |= version >= 3 ? Truncate : 0;
    all |= version >= 5 ? IoctlDevice : 0;
    const bool ports = version >= 4 && !reach.ownServers && defended("sandbox.landlock-ports");
    // Version 6 keeps signals and abstract sockets inside: process 1 stands outside of this domain.
    const std::uint64_t scopes =
        ScopeSignals | (defended("sandbox.network-apart") ? ScopeAbstractSockets : 0);
    const Ruleset attributes{all, ports ? ConnectTcp : 0, version >= 6 ? scopes : 0};
    const std::size_t size = version >= 6   ? sizeof attributes
                             : version >= 4 ? 2 * sizeof(std::uint64_t)
                                            : sizeof(std::uint64_t);
    const int ruleset = int(syscall(SYS_landlock_create_ruleset, &attributes, size, 0));
    if (ruleset < 0) {
        return false;
    }
    const std::uint64_t device =
        (Reading | LANDLOCK_ACCESS_FS_WRITE_FILE | Truncate | IoctlDevice) & all;
    const bool writable = !reach.workspaceReadOnly || !defended("sandbox.read-only-workspace");
    const bool good = allow(ruleset, "/", Reading) && allow(ruleset, "/dev", device) &&
                      allow(ruleset, "/dev/shm", all) && allow(ruleset, "/tmp", all) &&
                      allow(ruleset, reach.workspace, writable ? all : Reading) &&
                      (!ports || allowDoor(ruleset)) &&
                      syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    const int error = errno;
    close(ruleset);
    errno = error;
    return good;
}

} // namespace sb::helper
