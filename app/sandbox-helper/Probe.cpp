// Runs as the command of a launch, confined like any other, and says what it could do. Nothing here
// is asked of the configuration: each answer is what the kernel answered.
#include "app/sandbox-helper/Probe.h"

#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sb::helper {

namespace {

// How an attempt ended. A number goes with it for the detail: errno, or a count.
struct Finding
{
    enum Verdict { Held, Open, Unknown } verdict;
    long number;
};

Finding held(long number)
{
    return {Finding::Held, number};
}
Finding open()
{
    return {Finding::Open, 0};
}
Finding unknown(long number = 0)
{
    return {Finding::Unknown, number};
}
// For calls that answer below zero when they are refused.
Finding byAnswer(long answer)
{
    return answer < 0 ? held(errno) : open();
}
Finding byDescriptor(long fd)
{
    const Finding finding = byAnswer(fd);
    if (fd >= 0) {
        close(int(fd));
    }
    return finding;
}

const char* word(int count, char** words, const char* key)
{
    const std::size_t length = strlen(key);
    for (int i = 0; i < count; ++i) {
        if (strncmp(words[i], key, length) == 0 && words[i][length] == '=') {
            return words[i] + length + 1;
        }
    }
    return "";
}

// What the launching side prepared.
struct Given
{
    int count;
    char** words;
    [[nodiscard]] const char* text(const char* key) const { return word(count, words, key); }
    [[nodiscard]] long long number(const char* key) const { return atoll(text(key)); }
};

Finding readFile(const char* path)
{
    return byDescriptor(::open(path, O_RDONLY | O_CLOEXEC));
}
Finding writeFile(const char* path, int more = 0)
{
    return byDescriptor(::open(path, O_WRONLY | O_CLOEXEC | more, 0600));
}
Finding listFolder(const char* path)
{
    return byDescriptor(::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}
long entries(const char* path, bool numbersOnly)
{
    DIR* folder = opendir(path);
    if (!folder) {
        return -1;
    }
    long count = 0;
    while (const dirent* entry = readdir(folder)) {
        const char first = entry->d_name[0];
        count += numbersOnly ? first >= '1' && first <= '9' : first != '.';
    }
    closedir(folder);
    return count;
}

Finding connectTo(int family, int type, const void* address, socklen_t size)
{
    const int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return held(errno);
    }
    long answer = connect(fd, static_cast<const sockaddr*>(address), size);
    int error = errno;
    if (answer < 0 && error == EINPROGRESS) {
        // There is a way; an answer within a fifth of a second makes no difference to that.
        pollfd wait{fd, POLLOUT, 0};
        poll(&wait, 1, 200);
        socklen_t length = sizeof error;
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
        answer = error == ECONNREFUSED || error == ENETUNREACH || error == EHOSTUNREACH ? -1 : 0;
    }
    close(fd);
    errno = error;
    return byAnswer(answer);
}
Finding connectInternet(const char* host, long long port, int type)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(std::uint16_t(port));
    inet_pton(AF_INET, host, &address.sin_addr);
    return connectTo(AF_INET, type, &address, sizeof address);
}
Finding connectUnix(const char* path, bool abstract)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    snprintf(address.sun_path + abstract, sizeof address.sun_path - 1, "%s", path);
    return connectTo(AF_UNIX,
                     SOCK_STREAM,
                     &address,
                     socklen_t(offsetof(sockaddr_un, sun_path) + abstract + strlen(path)));
}
Finding makeSocket(int family, int type)
{
    return byDescriptor(socket(family, type | SOCK_CLOEXEC, 0));
}

// Something that may end or change the process that tries it: in a child, which answers by its
// exit code (0 open, else errno), or dies of it.
template <class F>
Finding inChild(F f)
{
    const pid_t child = fork();
    if (child < 0) {
        return unknown(errno);
    }
    if (child == 0) {
        const long answer = f();
        _exit(answer < 0 ? errno : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) {
        return held(WTERMSIG(status));
    }
    return WEXITSTATUS(status) == 0 ? open() : held(WEXITSTATUS(status));
}

Finding typeOnTerminal()
{
    // Its own terminal, so that nothing is typed anywhere: the call is what counts.
    const int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0) {
        return unknown(errno);
    }
    const char byte = 'x';
    const Finding finding = byAnswer(ioctl(terminal, TIOCSTI, &byte));
    close(terminal);
    return finding;
}

Finding otherDoor()
{
#if defined(__x86_64__)
    return inChild([] {
        long answer = 20; // getpid by the 32-bit numbers
        asm volatile("int $0x80" : "+a"(answer) : : "memory", "r8", "r9", "r10", "r11");
        return answer;
    });
#else
    return unknown();
#endif
}

Finding dumpCore()
{
    const pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && !WCOREDUMP(status) ? held(0) : open();
}

Finding capabilities()
{
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    if (syscall(SYS_capget, &header, data) != 0) {
        return unknown(errno);
    }
    const bool none =
        (data[0].effective | data[0].permitted | data[1].effective | data[1].permitted) == 0;
    return none && setuid(0) != 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? held(0) : open();
}

Finding memoryBeyond(long long limit)
{
    void* got = mmap(nullptr,
                     std::size_t(limit) + (64 << 20),
                     PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                     -1,
                     0);
    return got == MAP_FAILED ? held(errno) : open();
}

Finding fileBeyond(long long limit)
{
    signal(SIGXFSZ, SIG_IGN);
    const int fd = ::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        return unknown(errno);
    }
    const Finding finding = byAnswer(pwrite(fd, "x", 1, off_t(limit)));
    close(fd);
    return finding;
}

// A file system of limited size refuses what is larger as a whole, before it takes any of it.
Finding roomBeyond(const char* folder, long long limit)
{
    signal(SIGXFSZ, SIG_IGN);
    const int fd = ::open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        return unknown(errno);
    }
    const Finding finding = byAnswer(fallocate(fd, 0, 0, off_t(limit) + (1 << 20)));
    close(fd);
    return finding;
}

Finding descriptorsBeyond(long long limit)
{
    long count = 3;
    int fd = dup(0);
    const int first = fd;
    int last = fd;
    while (fd >= 0 && count <= limit) {
        last = fd;
        ++count;
        fd = dup(0);
    }
    if (first >= 0) {
        syscall(SYS_close_range, first, last, 0);
    }
    return count <= limit ? held(count) : open();
}

Finding processesBeyond(long long limit)
{
    long count = 0;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return unknown(errno);
    }
    int error = 0;
    // The kernel keeps 300 numbers of a namespace for itself where it caps them.
    while (count <= limit + 300) {
        const pid_t child = fork();
        if (child < 0) {
            error = errno;
            break;
        }
        if (child == 0) {
            close(ends[1]);
            char byte = 0;
            (void)!read(ends[0], &byte, 1); // until the parent lets go
            _exit(0);
        }
        ++count;
    }
    close(ends[1]);
    close(ends[0]);
    while (waitpid(-1, nullptr, 0) > 0) {
    }
    return error != 0 ? held(count) : open();
}

std::int64_t nowUs()
{
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return std::int64_t(time.tv_sec) * 1'000'000 + time.tv_nsec / 1000;
}

template <class F>
void attempt(const char* id, F f)
{
    static constexpr const char* words[] = {"held", "open", "unknown"};
    const auto start = nowUs();
    errno = 0;
    const Finding finding = f();
    printf("%s\t%s\t%ld\t%lld\n",
           id,
           words[finding.verdict],
           finding.number,
           static_cast<long long>(nowUs() - start));
}

void tryFiles(const Given& given)
{
    attempt("home-read", [&] { return readFile(given.text("home_file")); });
    attempt("home-list", [&] { return listFolder(given.text("home")); });
    attempt("outside-read", [&] { return readFile(given.text("outside_file")); });
    attempt("outside-write", [&] { return writeFile(given.text("outside_new"), O_CREAT); });
    attempt("system-write", [&] {
        const Finding made = writeFile("/usr/bin/signalbox-probe", O_CREAT);
        return made.verdict == Finding::Open ? made : writeFile("/etc/passwd");
    });
    attempt("passwords-read", [&] { return readFile("/etc/shadow"); });
    attempt("run-empty", [&] {
        const long count = entries("/run", false);
        return count <= 0 ? held(count) : open();
    });
    attempt("disk-device", [&] {
        const Finding made =
            byAnswer(mknod("/tmp/signalbox-probe", S_IFBLK | 0600, makedev(254, 0)));
        return made.verdict == Finding::Open ? readFile("/tmp/signalbox-probe") : made;
    });
    attempt("kernel-memory", [&] {
        const Finding device = readFile("/dev/mem");
        const int fd = ::open("/proc/kcore", O_RDONLY | O_CLOEXEC);
        char bytes[4];
        const bool shown = fd >= 0 && read(fd, bytes, 4) == 4; // an empty stand-in ends at once
        close(fd);
        return shown ? open() : device;
    });
    attempt("core-pattern", [&] { return writeFile("/proc/sys/kernel/core_pattern"); });
    attempt("sysrq", [&] {
        const int fd = ::open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);
        struct stat file{};
        // Nothing is written: what counts is whether this is the kernel's own file.
        const bool real = fd >= 0 && fstat(fd, &file) == 0 && !S_ISCHR(file.st_mode);
        const int error = errno;
        close(fd);
        return real ? open() : held(error);
    });
}

void tryProcesses(const Given& given)
{
    attempt("processes-seen", [&] {
        const long count = entries("/proc", true);
        return count >= 0 && count <= 3 ? held(count) : open();
    });
    attempt("signal-outside", [&] { return byAnswer(kill(pid_t(given.number("host_pid")), 0)); });
    attempt("init-environment", [&] { return readFile("/proc/1/environ"); });
    attempt("init-memory", [&] { return readFile("/proc/1/mem"); });
    attempt("ptrace",
            [&] { return inChild([] { return ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }); });
    attempt("memory-read", [&] {
        char byte = 0;
        iovec here{&byte, 1};
        const pid_t child = fork();
        if (child == 0) {
            pause();
            _exit(0);
        }
        const Finding finding = byAnswer(process_vm_readv(child, &here, 1, &here, 1, 0));
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        return finding;
    });
    attempt("core-dump", dumpCore);
}

void tryNetwork(const Given& given)
{
    attempt("loopback-host",
            [&] { return connectInternet("127.0.0.1", given.number("host_tcp"), SOCK_STREAM); });
    // An address that is set aside for documents: nobody is disturbed, and a route is a route.
    attempt("network-tcp", [&] { return connectInternet("192.0.2.1", 443, SOCK_STREAM); });
    attempt("network-udp", [&] { return connectInternet("192.0.2.1", 53, SOCK_DGRAM); });
    attempt("metadata", [&] { return connectInternet("169.254.169.254", 80, SOCK_STREAM); });
    attempt("names", [&] {
        const Finding file = readFile("/etc/resolv.conf");
        return file.verdict == Finding::Open
                   ? file
                   : connectUnix("/run/systemd/resolve/io.systemd.Resolve", false);
    });
    attempt("socket-path", [&] { return connectUnix(given.text("host_path"), false); });
    attempt("socket-abstract", [&] { return connectUnix(given.text("host_abstract"), true); });
    attempt("dbus", [&] {
        if (getenv("DBUS_SESSION_BUS_ADDRESS")) {
            return open();
        }
        char path[64];
        snprintf(path, sizeof path, "/run/user/%lld/bus", given.number("host_uid"));
        const Finding session = connectUnix(path, false);
        return session.verdict == Finding::Open ? session
                                                : connectUnix("/run/dbus/system_bus_socket", false);
    });
    attempt("socket-netlink", [&] { return makeSocket(AF_NETLINK, SOCK_RAW); });
    attempt("socket-packet", [&] { return makeSocket(AF_PACKET, SOCK_RAW); });
    attempt("socket-vsock", [&] { return makeSocket(AF_VSOCK, SOCK_STREAM); });
}

void tryKernel()
{
    attempt("capabilities", capabilities);
    attempt("mount", [] { return byAnswer(mount("none", "/tmp", "tmpfs", 0, nullptr)); });
    attempt("user-namespace", [] { return inChild([] { return long(unshare(CLONE_NEWUSER)); }); });
    attempt("io-uring", [] {
        char parameters[256] = {};
        return byDescriptor(syscall(SYS_io_uring_setup, 1, parameters));
    });
    attempt("keyring", [] {
        constexpr long threadKeyring = -1;
        return byAnswer(syscall(SYS_add_key, "user", "signalbox", "x", 1, threadKeyring));
    });
    attempt("bpf", [] {
        char attributes[128] = {};
        attributes[0] = 1; // a map, of type hash
        return byDescriptor(syscall(SYS_bpf, 0, attributes, sizeof attributes));
    });
    attempt("page-faults", [] { return byDescriptor(syscall(SYS_userfaultfd, O_CLOEXEC | 1)); });
    attempt("file-handles", [] {
        int handle[34] = {128};
        int mount = 0;
        return byAnswer(syscall(SYS_name_to_handle_at, AT_FDCWD, "/", handle, &mount, 0));
    });
    attempt("other-door", otherDoor);
    attempt("terminal-typing", typeOnTerminal);
}

void tryLimits(const Given& given)
{
    attempt("limit-memory", [&] { return memoryBeyond(given.number("memory")); });
    attempt("limit-file", [&] { return fileBeyond(given.number("file")); });
    attempt("limit-tmp", [&] { return roomBeyond("/tmp", given.number("tmp")); });
    attempt("limit-shm", [&] { return roomBeyond("/dev/shm", given.number("tmp")); });
    attempt("limit-files", [&] { return descriptorsBeyond(given.number("files")); });
    fflush(stdout); // the next may end us
    attempt("limit-processes", [&] { return processesBeyond(given.number("processes")); });
}

} // namespace

int probe(int count, char** words)
{
    static char buffer[64 << 10];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    const Given given{count, words};
    tryFiles(given);
    tryProcesses(given);
    tryNetwork(given);
    tryKernel();
    for (char** variable = environ; *variable; ++variable) {
        printf("environment\tname\t%.*s\t0\n", int(strcspn(*variable, "=")), *variable);
    }
    printf("terminal-escapes\traw\t\033]0;signalbox\007\t0\n");
    fflush(stdout); // before there are children with a copy of what was not printed yet
    tryLimits(given);
    fflush(stdout);
    return 0;
}

} // namespace sb::helper
