#include "app/sandbox-helper/SystemCalls.h"
#include "app/sandbox-helper/SystemCallClasses.h"
#include "core/sandbox/HelperProtocol.h"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sb::helper {

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t Architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t Architecture = AUDIT_ARCH_AARCH64;
#elif defined(__riscv) && __riscv_xlen == 64
constexpr std::uint32_t Architecture = AUDIT_ARCH_RISCV64;
#else
#error "The filter of system calls has not been written for this processor."
#endif

// One table entry for each number; those above (and the x32 twins of x86-64, far above) are
// unknown.
constexpr int Numbers = 512;
constexpr int LastKnown = 462; // mseal, of Linux 6.10

enum class Action : std::uint8_t {
    Refuse,
    Allow,
    Missing, ///< as if this kernel had no such call, and not worth telling
    Unknown, ///< later than LastKnown
    Clone,   ///< allowed but for these arguments, here and below
    Ioctl,
    Socket,
    Personality,
};

constexpr std::uint64_t Namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                     CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

class Table
{
public:
    Table()
    {
        for (int call = LastKnown + 1; call < Numbers; ++call) {
            m_actions[call] = Action::Unknown;
        }
        allow(calls::Files);
        allow(calls::Memory);
        allow(calls::Processes);
        allow(calls::Identities);
        allow(calls::Time);
        allow(calls::Signals);
        allow(calls::Waiting);
        allow(calls::Sockets);
        allow(calls::Sharing);
        put(SCMP_SYS(clone), Action::Clone);
        // It hides its flags behind a pointer; the C library falls back to clone.
        put(SCMP_SYS(clone3), Action::Missing);
        put(SCMP_SYS(ioctl), Action::Ioctl);
        put(SCMP_SYS(socket), Action::Socket);
        put(SCMP_SYS(socketpair), Action::Socket);
        put(SCMP_SYS(personality), Action::Personality);
#ifdef SB_SWITCHABLE_DEFENCES
        switchOff();
#endif
    }
    [[nodiscard]] Action at(int call) const { return m_actions[call]; }

private:
    template <std::size_t N>
    void allow(const int (&numbers)[N])
    {
        for (const int call : numbers) {
            put(call, Action::Allow);
        }
    }
    void put(int call, Action action)
    {
        if (call >= 0 && call < Numbers) {
            m_actions[call] = action;
        }
    }
#ifdef SB_SWITCHABLE_DEFENCES
    // What is refused only for not being listed has a name here, by which a test lets it through.
    void switchOff()
    {
        const auto off = [this](const char* defence, std::initializer_list<int> numbers) {
            for (const int call : numbers) {
                if (!defended(defence)) {
                    put(call, Action::Allow);
                }
            }
        };
        off("sandbox.calls.tracing",
            {SCMP_SYS(ptrace),
             SCMP_SYS(process_vm_readv),
             SCMP_SYS(process_vm_writev),
             SCMP_SYS(kcmp),
             SCMP_SYS(pidfd_getfd)});
        off("sandbox.calls.namespaces", {SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(clone)});
        off("sandbox.calls.keys", {SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(keyctl)});
        off("sandbox.calls.rings",
            {SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register)});
        off("sandbox.calls.page-faults", {SCMP_SYS(userfaultfd)});
        off("sandbox.calls.handles", {SCMP_SYS(name_to_handle_at), SCMP_SYS(open_by_handle_at)});
        off("sandbox.calls.measuring", {SCMP_SYS(perf_event_open)});
        off("sandbox.calls.segments", {SCMP_SYS(modify_ldt)});
        off("sandbox.calls.hidden-memory", {SCMP_SYS(memfd_secret)});
        off("sandbox.calls.notification", {SCMP_SYS(fanotify_init), SCMP_SYS(fanotify_mark)});
        off("sandbox.calls.mounts", {SCMP_SYS(statmount), SCMP_SYS(listmount)});
        off("sandbox.calls.personality", {SCMP_SYS(personality)});
        off("sandbox.calls.terminal", {SCMP_SYS(ioctl)});
        off("sandbox.calls.socket-families", {SCMP_SYS(socket), SCMP_SYS(socketpair)});
    }
#endif
    Action m_actions[Numbers] = {};
};

// The filter itself, as the kernel runs it: a tree of comparisons over the ranges of numbers that
// are treated alike, so that each call passes eight or nine steps.
class Program
{
public:
    Program(const Table& table, std::uint32_t refused, std::uint32_t unknown)
        : m_refused(refused), m_unknown(unknown)
    {
        emit(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch));
        emit(BPF_JMP | BPF_JEQ | BPF_K, Architecture, 1, 0);
        // Another door of the processor has other numbers: whoever comes by it means no good.
        emit(BPF_RET | BPF_K,
             defended("sandbox.calls.native") ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ALLOW);
        emit(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
        Range ranges[Numbers + 1];
        int count = 0;
        for (int call = 0; call < Numbers; ++call) {
            if (count == 0 || ranges[count - 1].action != table.at(call)) {
                ranges[count++] = {std::uint32_t(call), table.at(call)};
            }
        }
        tree(ranges, count);
    }
    /// Null when it did not fit.
    [[nodiscard]] sock_fprog* get()
    {
        m_program = {static_cast<unsigned short>(m_size), m_code};
        return m_good ? &m_program : nullptr;
    }

private:
    struct Range
    {
        std::uint32_t first;
        Action action;
    };

    void emit(std::uint32_t code, std::uint32_t k, std::uint8_t yes = 0, std::uint8_t no = 0)
    {
        if (m_size < sizeof m_code / sizeof *m_code) {
            m_code[m_size++] = {static_cast<unsigned short>(code), yes, no, k};
        } else {
            m_good = false;
        }
    }
    void give(std::uint32_t answer) { emit(BPF_RET | BPF_K, answer); }
    void load(unsigned argument)
    {
        emit(BPF_LD | BPF_W | BPF_ABS,
             std::uint32_t(offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t)));
    }
    void tree(const Range* ranges, int count)
    {
        if (count == 1) {
            leaf(ranges->action);
            return;
        }
        const int half = count / 2;
        const std::size_t jump = m_size;
        emit(BPF_JMP | BPF_JGE | BPF_K, ranges[half].first);
        const std::size_t lower = m_size;
        tree(ranges, half);
        const std::size_t length = m_size - lower;
        m_good = m_good && length <= UINT8_MAX; // how far a jump reaches
        m_code[jump].jt = std::uint8_t(length);
        tree(ranges + half, count - half);
    }
    void leaf(Action action)
    {
        switch (action) {
        case Action::Refuse:
            give(m_refused);
            return;
        case Action::Allow:
            give(SECCOMP_RET_ALLOW);
            return;
        case Action::Missing:
            give(SECCOMP_RET_ERRNO | ENOSYS);
            return;
        case Action::Unknown:
            give(m_unknown);
            return;
        case Action::Clone:
            load(0);
            emit(BPF_JMP | BPF_JSET | BPF_K, std::uint32_t(Namespaces), 1, 0);
            give(SECCOMP_RET_ALLOW);
            give(m_refused);
            return;
        case Action::Ioctl:
            // Typing on somebody's terminal, and changing how a terminal's line is driven. The
            // kernel reads 32 bits of the request.
            load(1);
            emit(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 3, 0);
            emit(BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX, 2, 0);
            emit(BPF_JMP | BPF_JEQ | BPF_K, TIOCSETD, 1, 0);
            give(SECCOMP_RET_ALLOW);
            give(m_refused);
            return;
        case Action::Socket:
            // Only Unix and Internet sockets, and those end at the sandbox's own empty network.
            // Others (vsock, netlink, raw packets, the kernel's cryptography …) are not all bound
            // by the network namespace.
            load(0);
            emit(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 3, 0);
            emit(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 2, 0);
            emit(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 1, 0);
            give(m_refused);
            give(SECCOMP_RET_ALLOW);
            return;
        case Action::Personality:
            // The plain one, asking for it, and addresses that debuggers can repeat.
            load(0);
            emit(BPF_JMP | BPF_JEQ | BPF_K, PER_LINUX, 3, 0);
            emit(BPF_JMP | BPF_JEQ | BPF_K, 0xffffffff, 2, 0);
            emit(BPF_JMP | BPF_JEQ | BPF_K, ADDR_NO_RANDOMIZE, 1, 0);
            give(m_refused);
            give(SECCOMP_RET_ALLOW);
            return;
        }
    }

    std::uint32_t m_refused;
    std::uint32_t m_unknown;
    sock_filter m_code[1024];
    std::size_t m_size = 0;
    bool m_good = true;
    sock_fprog m_program{};
};

int install(Program program, unsigned flags)
{
    const sock_fprog* code = program.get();
    if (!code) {
        errno = E2BIG;
        return -1;
    }
    return int(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, code));
}

} // namespace

int refusal(int call)
{
    return call < 0 || call > LastKnown ? ENOSYS : EPERM;
}

int restrictSystemCalls()
{
    const Table table;
    const Program telling(table, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_USER_NOTIF);
    // With the second flag only a fatal signal disturbs a call that waits for its answer; without
    // it a program's timer could restart the call for ever. It needs Linux 5.19.
    int listener =
        install(telling, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
    if (listener < 0 && errno == EINVAL) {
        listener = install(telling, SECCOMP_FILTER_FLAG_NEW_LISTENER);
    }
    if (listener >= 0) {
        return listener;
    }
    const Program silent(table, SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_ERRNO | ENOSYS);
    return install(silent, 0) == 0 ? -1 : -2;
}

} // namespace sb::helper
