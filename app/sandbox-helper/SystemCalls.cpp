#include "app/sandbox-helper/SystemCalls.h"
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

// By class. libseccomp's names for calls that a processor doesn't have are negative, and skipped.
constexpr int Files[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(open),
    SCMP_SYS(close),
    SCMP_SYS(stat),
    SCMP_SYS(fstat),
    SCMP_SYS(lstat),
    SCMP_SYS(lseek),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(access),
    SCMP_SYS(pipe),
    SCMP_SYS(dup),
    SCMP_SYS(dup2),
    SCMP_SYS(sendfile),
    SCMP_SYS(fcntl),
    SCMP_SYS(flock),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(truncate),
    SCMP_SYS(ftruncate),
    SCMP_SYS(getdents),
    SCMP_SYS(getcwd),
    SCMP_SYS(chdir),
    SCMP_SYS(fchdir),
    SCMP_SYS(rename),
    SCMP_SYS(mkdir),
    SCMP_SYS(rmdir),
    SCMP_SYS(creat),
    SCMP_SYS(link),
    SCMP_SYS(unlink),
    SCMP_SYS(symlink),
    SCMP_SYS(readlink),
    SCMP_SYS(chmod),
    SCMP_SYS(fchmod),
    SCMP_SYS(chown),
    SCMP_SYS(fchown),
    SCMP_SYS(lchown),
    SCMP_SYS(umask),
    SCMP_SYS(utime),
    SCMP_SYS(mknod),
    SCMP_SYS(statfs),
    SCMP_SYS(fstatfs),
    SCMP_SYS(sync),
    SCMP_SYS(readahead),
    SCMP_SYS(setxattr),
    SCMP_SYS(lsetxattr),
    SCMP_SYS(fsetxattr),
    SCMP_SYS(getxattr),
    SCMP_SYS(lgetxattr),
    SCMP_SYS(fgetxattr),
    SCMP_SYS(listxattr),
    SCMP_SYS(llistxattr),
    SCMP_SYS(flistxattr),
    SCMP_SYS(removexattr),
    SCMP_SYS(lremovexattr),
    SCMP_SYS(fremovexattr),
    SCMP_SYS(io_setup),
    SCMP_SYS(io_destroy),
    SCMP_SYS(io_getevents),
    SCMP_SYS(io_submit),
    SCMP_SYS(io_cancel),
    SCMP_SYS(io_pgetevents),
    SCMP_SYS(getdents64),
    SCMP_SYS(fadvise64),
    SCMP_SYS(utimes),
    SCMP_SYS(inotify_init),
    SCMP_SYS(inotify_init1),
    SCMP_SYS(inotify_add_watch),
    SCMP_SYS(inotify_rm_watch),
    SCMP_SYS(openat),
    SCMP_SYS(openat2),
    SCMP_SYS(mkdirat),
    SCMP_SYS(mknodat),
    SCMP_SYS(fchownat),
    SCMP_SYS(futimesat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(unlinkat),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(linkat),
    SCMP_SYS(symlinkat),
    SCMP_SYS(readlinkat),
    SCMP_SYS(fchmodat),
    SCMP_SYS(fchmodat2),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(splice),
    SCMP_SYS(tee),
    SCMP_SYS(vmsplice),
    SCMP_SYS(sync_file_range),
    SCMP_SYS(syncfs),
    SCMP_SYS(utimensat),
    SCMP_SYS(fallocate),
    SCMP_SYS(dup3),
    SCMP_SYS(pipe2),
    SCMP_SYS(preadv),
    SCMP_SYS(pwritev),
    SCMP_SYS(preadv2),
    SCMP_SYS(pwritev2),
    SCMP_SYS(copy_file_range),
    SCMP_SYS(statx),
    SCMP_SYS(close_range),
    SCMP_SYS(cachestat),
    SCMP_SYS(ioprio_set),
    SCMP_SYS(ioprio_get),
};
constexpr int Memory[] = {
    SCMP_SYS(mmap),
    SCMP_SYS(mprotect),
    SCMP_SYS(munmap),
    SCMP_SYS(brk),
    SCMP_SYS(mremap),
    SCMP_SYS(msync),
    SCMP_SYS(mincore),
    SCMP_SYS(madvise),
    SCMP_SYS(mlock),
    SCMP_SYS(mlock2),
    SCMP_SYS(munlock),
    SCMP_SYS(mlockall),
    SCMP_SYS(munlockall),
    SCMP_SYS(remap_file_pages),
    SCMP_SYS(mbind),
    SCMP_SYS(set_mempolicy),
    SCMP_SYS(get_mempolicy),
    SCMP_SYS(memfd_create),
    SCMP_SYS(membarrier),
    SCMP_SYS(pkey_mprotect),
    SCMP_SYS(pkey_alloc),
    SCMP_SYS(pkey_free),
    SCMP_SYS(map_shadow_stack),
    SCMP_SYS(mseal),
    SCMP_SYS(riscv_flush_icache),
};
constexpr int Processes[] = {
    SCMP_SYS(getpid),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(wait4),
    SCMP_SYS(waitid),
    SCMP_SYS(getppid),
    SCMP_SYS(getpgrp),
    SCMP_SYS(getpgid),
    SCMP_SYS(setpgid),
    SCMP_SYS(getsid),
    SCMP_SYS(setsid),
    SCMP_SYS(gettid),
    SCMP_SYS(futex),
    SCMP_SYS(futex_waitv),
    SCMP_SYS(futex_wake),
    SCMP_SYS(futex_wait),
    SCMP_SYS(futex_requeue),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(get_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(arch_prctl),
    SCMP_SYS(set_thread_area),
    SCMP_SYS(get_thread_area),
    SCMP_SYS(prctl),
    SCMP_SYS(pidfd_open),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_setparam),
    SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_setscheduler),
    SCMP_SYS(sched_getscheduler),
    SCMP_SYS(sched_get_priority_max),
    SCMP_SYS(sched_get_priority_min),
    SCMP_SYS(sched_rr_get_interval),
    SCMP_SYS(sched_setaffinity),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_setattr),
    SCMP_SYS(sched_getattr),
    SCMP_SYS(getpriority),
    SCMP_SYS(setpriority),
    SCMP_SYS(getcpu),
    SCMP_SYS(getrlimit),
    SCMP_SYS(setrlimit),
    SCMP_SYS(prlimit64),
    SCMP_SYS(getrusage),
    SCMP_SYS(uname),
    SCMP_SYS(sysinfo),
    SCMP_SYS(getrandom),
    // A command may confine itself further.
    SCMP_SYS(seccomp),
    SCMP_SYS(landlock_create_ruleset),
    SCMP_SYS(landlock_add_rule),
    SCMP_SYS(landlock_restrict_self),
    SCMP_SYS(riscv_hwprobe),
};
// Asked by everybody; changing them fails for want of a capability.
constexpr int Identities[] = {
    SCMP_SYS(getuid),
    SCMP_SYS(getgid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getegid),
    SCMP_SYS(setuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setreuid),
    SCMP_SYS(setregid),
    SCMP_SYS(getgroups),
    SCMP_SYS(setgroups),
    SCMP_SYS(setresuid),
    SCMP_SYS(getresuid),
    SCMP_SYS(setresgid),
    SCMP_SYS(getresgid),
    SCMP_SYS(setfsuid),
    SCMP_SYS(setfsgid),
    SCMP_SYS(capget),
    SCMP_SYS(capset),
};
constexpr int Time[] = {
    SCMP_SYS(nanosleep),
    SCMP_SYS(getitimer),
    SCMP_SYS(alarm),
    SCMP_SYS(setitimer),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(times),
    SCMP_SYS(time),
    SCMP_SYS(timer_create),
    SCMP_SYS(timer_settime),
    SCMP_SYS(timer_gettime),
    SCMP_SYS(timer_getoverrun),
    SCMP_SYS(timer_delete),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(timerfd_gettime),
};
constexpr int Signals[] = {
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigpending),
    SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(rt_sigqueueinfo),
    SCMP_SYS(rt_tgsigqueueinfo),
    SCMP_SYS(rt_sigsuspend),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(pause),
    SCMP_SYS(kill),
    SCMP_SYS(tkill),
    SCMP_SYS(tgkill),
    SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(signalfd),
    SCMP_SYS(signalfd4),
};
constexpr int Waiting[] = {
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(select),
    SCMP_SYS(pselect6),
    SCMP_SYS(epoll_create),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(eventfd),
    SCMP_SYS(eventfd2),
};
// What creates them stands further down: only of some families.
constexpr int Sockets[] = {
    SCMP_SYS(connect),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(sendto),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(recvmmsg),
    SCMP_SYS(shutdown),
    SCMP_SYS(bind),
    SCMP_SYS(listen),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(setsockopt),
    SCMP_SYS(getsockopt),
};
// Of the sandbox's own ipc namespace.
constexpr int Sharing[] = {
    SCMP_SYS(shmget),
    SCMP_SYS(shmat),
    SCMP_SYS(shmctl),
    SCMP_SYS(shmdt),
    SCMP_SYS(semget),
    SCMP_SYS(semop),
    SCMP_SYS(semctl),
    SCMP_SYS(semtimedop),
    SCMP_SYS(msgget),
    SCMP_SYS(msgsnd),
    SCMP_SYS(msgrcv),
    SCMP_SYS(msgctl),
    SCMP_SYS(mq_open),
    SCMP_SYS(mq_unlink),
    SCMP_SYS(mq_timedsend),
    SCMP_SYS(mq_timedreceive),
    SCMP_SYS(mq_notify),
    SCMP_SYS(mq_getsetattr),
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
        allow(Files);
        allow(Memory);
        allow(Processes);
        allow(Identities);
        allow(Time);
        allow(Signals);
        allow(Waiting);
        allow(Sockets);
        allow(Sharing);
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
    void allow(const int (&calls)[N])
    {
        for (const int call : calls) {
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
        const auto off = [this](const char* defence, std::initializer_list<int> calls) {
            for (const int call : calls) {
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
