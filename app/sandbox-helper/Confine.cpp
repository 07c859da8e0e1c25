#include "app/sandbox-helper/Confine.h"

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <initializer_list>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sb::helper {

namespace {

// Headers older than the kernel lack the later names, so those stand here.
constexpr std::uint64_t Refer = 1ULL << 13;       // version 2
constexpr std::uint64_t Truncate = 1ULL << 14;    // version 3
constexpr std::uint64_t IoctlDevice = 1ULL << 15; // version 5
constexpr std::uint64_t FirstVersion = (1ULL << 13) - 1;
constexpr std::uint64_t Reading =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE;
constexpr std::uint64_t ScopeAbstractSockets = 1;
constexpr std::uint64_t ScopeSignals = 2;

struct Ruleset // landlock_ruleset_attr of version 6
{
    std::uint64_t files;
    std::uint64_t network;
    std::uint64_t scoped;
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

constexpr int Forbidden[] = {
    // Other processes' memory and state.
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(process_madvise),
    SCMP_SYS(kcmp),
    SCMP_SYS(pidfd_getfd),
    // Mounts and namespaces.
    SCMP_SYS(mount),
    SCMP_SYS(umount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fspick),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    // Keys, tracing, page faults handled by programs, rings: wide doors into the kernel.
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(fanotify_init),
    SCMP_SYS(lookup_dcookie),
    // Files by handle, which go round folders that aren't shown.
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(name_to_handle_at),
    // The machine itself.
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(create_module),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(quotactl_fd),
    SCMP_SYS(syslog),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(vhangup),
    SCMP_SYS(nfsservctl),
    SCMP_SYS(uselib),
    SCMP_SYS(vm86),
    SCMP_SYS(vm86old),
    SCMP_SYS(modify_ldt),
};

// libseccomp's own macros for this are C.
constexpr scmp_arg_cmp
argument(unsigned number, scmp_compare compare, std::uint64_t first, std::uint64_t second = 0)
{
    return {number, compare, first, second};
}

// One filter under construction. Every rule that can't be added makes the whole fail.
class Filter
{
public:
    Filter() : m_context(seccomp_init(SCMP_ACT_ALLOW)) { m_error = m_context ? 0 : -ENOMEM; }
    ~Filter() { seccomp_release(m_context); }
    Filter(const Filter&) = delete;
    Filter& operator=(const Filter&) = delete;

    void refuse(int call)
    {
        // A call that this processor doesn't have needs no rule: its number is a negative stand-in.
        if (call >= 0) {
            keep(seccomp_rule_add(m_context, SCMP_ACT_ERRNO(EPERM), call, 0));
        }
    }
    void refuse(int call, scmp_arg_cmp when)
    {
        keep(seccomp_rule_add_array(m_context, SCMP_ACT_ERRNO(EPERM), call, 1, &when));
    }
    void missing(int call) { keep(seccomp_rule_add(m_context, SCMP_ACT_ERRNO(ENOSYS), call, 0)); }
    bool load()
    {
        // A tree of comparisons: short ways for the calls that a command really makes.
        keep(seccomp_attr_set(m_context, SCMP_FLTATR_CTL_OPTIMIZE, 2));
        keep(m_error == 0 ? seccomp_load(m_context) : 0);
        errno = -m_error;
        return m_error == 0;
    }

private:
    void keep(int result)
    {
        if (m_error == 0 && result < 0) {
            m_error = result;
        }
    }
    scmp_filter_ctx m_context;
    int m_error = 0;
};

} // namespace

int landlockVersion()
{
    const long version =
        syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version > 0 ? int(version) : 0;
}

bool restrictFiles(int version, const char* workspace, bool workspaceReadOnly)
{
    std::uint64_t all = FirstVersion;
    all |= version >= 2 ? Refer : 0;
    all |= version >= 3 ? Truncate : 0;
    all |= version >= 5 ? IoctlDevice : 0;
    // Version 6 keeps signals and abstract sockets inside: process 1 stands outside of this domain.
    const Ruleset attributes{all, 0, version >= 6 ? ScopeAbstractSockets | ScopeSignals : 0};
    const std::size_t size = version >= 6   ? sizeof attributes
                             : version >= 4 ? 2 * sizeof(std::uint64_t)
                                            : sizeof(std::uint64_t);
    const int ruleset = int(syscall(SYS_landlock_create_ruleset, &attributes, size, 0));
    if (ruleset < 0) {
        return false;
    }
    const std::uint64_t device =
        (Reading | LANDLOCK_ACCESS_FS_WRITE_FILE | Truncate | IoctlDevice) & all;
    const bool good = allow(ruleset, "/", Reading) && allow(ruleset, "/dev", device) &&
                      allow(ruleset, "/dev/shm", all) && allow(ruleset, "/tmp", all) &&
                      allow(ruleset, workspace, workspaceReadOnly ? Reading : all) &&
                      syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    const int error = errno;
    close(ruleset);
    errno = error;
    return good;
}

bool restrictSystemCalls()
{
    Filter filter;
    for (const int call : Forbidden) {
        filter.refuse(call);
    }
    // New namespaces by clone. clone3 hides its flags behind a pointer; the C library falls back to
    // clone.
    constexpr std::uint64_t namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                         CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
    for (std::uint64_t flag = 1; flag != 0 && flag <= namespaces; flag <<= 1) {
        if (flag & namespaces) {
            filter.refuse(SCMP_SYS(clone), argument(0, SCMP_CMP_MASKED_EQ, flag, flag));
        }
    }
    filter.missing(SCMP_SYS(clone3));
    // Typing on somebody's terminal. The kernel reads 32 bits of the request.
    for (const std::uint64_t request : {std::uint64_t(TIOCSTI), std::uint64_t(TIOCLINUX)}) {
        filter.refuse(SCMP_SYS(ioctl), argument(1, SCMP_CMP_MASKED_EQ, 0xffffffffULL, request));
    }
    // Only Unix and Internet sockets, and those end at the sandbox's own empty network. Others
    // (vsock, netlink, raw packets, the kernel's cryptography …) are not all bound by the network
    // namespace.
    for (const int call : {SCMP_SYS(socket), SCMP_SYS(socketpair)}) {
        filter.refuse(call, argument(0, SCMP_CMP_GT, std::uint64_t(AF_INET6)));
        filter.refuse(call, argument(0, SCMP_CMP_EQ, std::uint64_t(AF_UNSPEC)));
        for (std::uint64_t family = AF_INET + 1; family < AF_INET6; ++family) {
            filter.refuse(call, argument(0, SCMP_CMP_EQ, family));
        }
    }
    return filter.load();
}

} // namespace sb::helper
