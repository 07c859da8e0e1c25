#include "app/wasm-host/Confine.h"
#include "core/base/Defence.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <initializer_list>
#include <linux/landlock.h>
#include <seccomp.h>
#include <string_view>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sb::wasmhost {

namespace {

// What the engine itself may need beyond the guest's memory: modules, stacks, copies of input and
// output.
constexpr std::uint64_t Overhead = 128ULL << 20;

struct Ruleset // landlock_ruleset_attr of version 6, whatever the headers know
{
    std::uint64_t files;
    std::uint64_t network;
    std::uint64_t scoped;
};

// Everything is handled and nothing allowed.
int closeLandlock()
{
    const long version =
        syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version <= 0) {
        return 0;
    }
    Ruleset rules{(1ULL << 13) - 1, 0, 0};
    rules.files |= version >= 2 ? 1ULL << 13 : 0;
    rules.files |= version >= 3 ? 1ULL << 14 : 0;
    rules.files |= version >= 5 ? 1ULL << 15 : 0;
    rules.network = version >= 4 ? 3 : 0; // binding and connecting
    rules.scoped = version >= 6 ? 3 : 0;  // abstract sockets, signals
    const std::size_t size = version >= 6   ? sizeof rules
                             : version >= 4 ? 2 * sizeof(std::uint64_t)
                                            : sizeof(std::uint64_t);
    const int ruleset = int(syscall(SYS_landlock_create_ruleset, &rules, size, 0));
    if (ruleset < 0 || syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) {
        return -1;
    }
    close(ruleset);
    return int(version);
}

bool limit(decltype(RLIMIT_AS) which, std::uint64_t value)
{
    const rlimit both{value, value};
    return setrlimit(which, &both) == 0;
}

// Private memory in use now: the engine's libraries and what they have set up.
std::uint64_t usedMemory()
{
    std::uint64_t kilobytes = 0;
    if (FILE* file = std::fopen("/proc/self/status", "re")) {
        char line[256];
        while (std::fgets(line, sizeof line, file) != nullptr) {
            if (std::string_view(line).starts_with("VmData:")) {
                kilobytes = std::strtoull(line + 7, nullptr, 10);
            }
        }
        std::fclose(file);
    }
    return kilobytes << 10;
}

constexpr int Allowed[] = {
    // Talking to Signalbox, and nothing else: there is no other descriptor.
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendto),
    SCMP_SYS(read),
    SCMP_SYS(write),
    // Memory; mapping some and changing what may be done with it have rules of their own below.
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    // Threads that are there already, time, random numbers, the end.
    SCMP_SYS(futex),
    SCMP_SYS(sched_yield),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getrandom),
    SCMP_SYS(getrusage),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

// Files and sockets, for the test in which the guest gets the engine's own WASI: then this second
// fence must give way too, or nothing would be shown about the first.
constexpr int Opening[] = {
    SCMP_SYS(openat),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(newfstatat),
    SCMP_SYS(fstat),
    SCMP_SYS(fcntl),
    SCMP_SYS(close),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(lseek),
    SCMP_SYS(readlinkat),
    SCMP_SYS(socket),
    SCMP_SYS(ioctl),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(timerfd_create),
};

class Filter
{
public:
    Filter() : m_context(seccomp_init(SCMP_ACT_KILL_PROCESS)) { m_error = m_context ? 0 : -ENOMEM; }
    ~Filter() { seccomp_release(m_context); }
    Filter(const Filter&) = delete;
    Filter& operator=(const Filter&) = delete;

    void allow(int call)
    {
        if (call >= 0) { // a negative number stands for a call that this processor doesn't have
            keep(seccomp_rule_add(m_context, SCMP_ACT_ALLOW, call, 0));
        }
    }
    void allow(int call, scmp_arg_cmp when)
    {
        keep(seccomp_rule_add_array(m_context, SCMP_ACT_ALLOW, call, 1, &when));
    }
    bool load()
    {
        keep(seccomp_attr_set(m_context, SCMP_FLTATR_CTL_OPTIMIZE, 2));
        keep(seccomp_attr_set(m_context, SCMP_FLTATR_CTL_TSYNC, 1));
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

int confineProcess(std::uint64_t memoryBytes)
{
    if (!defended("wasm.confined")) {
        return 0;
    }
    const std::uint64_t memory = usedMemory() + memoryBytes + Overhead;
    bool good = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && limit(RLIMIT_CORE, 0) &&
                limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_NOFILE, 16) && limit(RLIMIT_MEMLOCK, 0);
    if (defended("wasm.memory-cap")) {
        good = good && limit(RLIMIT_DATA, memory);
    }
    if (!good) {
        return -1;
    }
    return defended("wasm.wasi-closed") ? closeLandlock() : 0;
}

bool confineSystemCalls()
{
    if (!defended("wasm.confined")) {
        return true;
    }
    Filter filter;
    for (const int call : Allowed) {
        filter.allow(call);
    }
    // Memory that can be run is made by no one here, and no file is mapped.
    for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) {
        filter.allow(call, scmp_arg_cmp{2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0});
    }
    // A broken assertion ends us and signals nobody else.
    filter.allow(SCMP_SYS(tgkill), scmp_arg_cmp{0, SCMP_CMP_EQ, std::uint64_t(getpid()), 0});
    if (!defended("wasm.wasi-closed")) {
        for (const int call : Opening) {
            filter.allow(call);
        }
    }
    return filter.load();
}

} // namespace sb::wasmhost
