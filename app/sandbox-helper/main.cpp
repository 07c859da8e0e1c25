// Process 1 of the sandbox: see README.md. Everything here runs before the command or beside it, so
// it trusts nothing that the command could have changed and keeps no descriptor that the command
// could reach.
#include "app/sandbox-helper/Confine.h"
#include "app/sandbox-helper/Door.h"
#include "app/sandbox-helper/Limit.h"
#include "app/sandbox-helper/Usage.h"
#include "core/sandbox/HelperProtocol.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace sb::sandbox::helper;

namespace {

struct Parameters
{
    sb::helper::Limits limits;
    bool capPids = false;
    bool landlock = true;
    bool readOnly = false;
    bool door = false;
    const char* workspace = nullptr;
    char** command = nullptr;
};

void report(ReportKind kind, int value)
{
    const Report message{kind, 0, value};
    while (send(ControlFd, &message, sizeof message, MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
}

// Hands over a pidfd of this process with the first report: by it the other side knows when the
// namespace is gone. The door goes along: whoever answers at it stands outside.
void reportStart(int landlock, std::uint32_t flags, int door)
{
    const int self = int(syscall(SYS_pidfd_open, getpid(), 0));
    int handed[2];
    std::size_t count = 0;
    if (self >= 0) {
        flags |= WithInit;
        handed[count++] = self;
    }
    if (door >= 0) {
        flags |= WithDoor;
        handed[count++] = door;
    }
    Report message{ReportKind::Started, flags, landlock};
    iovec part{&message, sizeof message};
    alignas(cmsghdr) char space[CMSG_SPACE(sizeof handed)] = {};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (count > 0) {
        header.msg_control = space;
        header.msg_controllen = CMSG_SPACE(count * sizeof(int));
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(rights), handed, count * sizeof(int));
    }
    while (sendmsg(ControlFd, &header, MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
    for (std::size_t i = 0; i < count; ++i) {
        close(handed[i]);
    }
}

[[noreturn]] void giveUp(const char* step)
{
    const int error = errno;
    dprintf(STDERR_FILENO, "signalbox-sandbox-helper: %s: %s\n", step, strerror(error));
    report(ReportKind::Failed, error);
    _exit(126);
}

char* readAll(int fd, std::size_t& size)
{
    struct stat information{};
    if (fstat(fd, &information) != 0) {
        return nullptr;
    }
    size = std::size_t(information.st_size);
    auto* bytes = static_cast<char*>(malloc(size + 1));
    for (std::size_t done = 0; bytes && done < size;) {
        const ssize_t got = pread(fd, bytes + done, size - done, off_t(done));
        if (got <= 0) {
            return nullptr;
        }
        done += std::size_t(got);
    }
    if (bytes) {
        bytes[size] = 0;
    }
    return bytes;
}

void setParameter(Parameters& parameters, const char* key, const char* value)
{
    const auto number = strtoull(value, nullptr, 10);
    if (strcmp(key, "memory") == 0) {
        parameters.limits.memoryBytes = number;
    } else if (strcmp(key, "memory_total") == 0) {
        parameters.limits.totalMemoryBytes = number;
    } else if (strcmp(key, "file") == 0) {
        parameters.limits.fileBytes = number;
    } else if (strcmp(key, "disk_reserve") == 0) {
        parameters.limits.diskReserveBytes = number;
    } else if (strcmp(key, "processes") == 0) {
        parameters.limits.processes = number;
    } else if (strcmp(key, "files") == 0) {
        parameters.limits.openFiles = number;
    } else if (strcmp(key, "cpu") == 0) {
        parameters.limits.cpuSeconds = number;
    } else if (strcmp(key, "cap_pids") == 0) {
        parameters.capPids = number != 0;
    } else if (strcmp(key, "landlock") == 0) {
        parameters.landlock = number != 0;
    } else if (strcmp(key, "read_only") == 0) {
        parameters.readOnly = number != 0;
    } else if (strcmp(key, "door") == 0) {
        parameters.door = number != 0;
    } else if (strcmp(key, "workspace") == 0) {
        parameters.workspace = value;
    } else {
        errno = EINVAL; // a helper of another version would leave a limit out
        giveUp("unknown parameter");
    }
}

Parameters readParameters()
{
    std::size_t size = 0;
    char* bytes = readAll(ParametersFd, size);
    if (!bytes || size == 0 || bytes[size - 1] != 0) {
        errno = EINVAL;
        giveUp("the parameters are missing");
    }
    close(ParametersFd);
    std::size_t count = 0;
    for (std::size_t i = 0; i < size; ++i) {
        count += bytes[i] == 0;
    }
    auto** words = static_cast<char**>(calloc(count + 1, sizeof(char*)));
    std::size_t index = 0;
    for (char* word = bytes; words && word < bytes + size; word += strlen(word) + 1) {
        words[index++] = word;
    }
    Parameters parameters;
    for (std::size_t i = 0; words && i < count; ++i) {
        if (strcmp(words[i], "--") == 0) {
            parameters.command = words + i + 1;
            break;
        }
        if (char* equals = strchr(words[i], '=')) {
            *equals = 0;
            setParameter(parameters, words[i], equals + 1);
        }
    }
    if (!parameters.command || !parameters.command[0] || !parameters.workspace) {
        errno = EINVAL;
        giveUp("the parameters are incomplete");
    }
    return parameters;
}

[[noreturn]] void startCommand(const Parameters& parameters, int landlock)
{
    // Ignored signals and a blocked mask would be inherited.
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    if (!sb::helper::applyLimits(parameters.limits)) {
        giveUp("the limits could not be set");
    }
    if (landlock > 0 &&
        !sb::helper::restrictFiles(landlock, parameters.workspace, parameters.readOnly)) {
        giveUp("Landlock could not be set");
    }
    if (!sb::helper::restrictSystemCalls()) {
        giveUp("the filter of system calls could not be set");
    }
    execvp(parameters.command[0], parameters.command);
    const int error = errno;
    const char* name = parameters.command[0];
    if (error == ENOENT && !strchr(name, '/')) {
        dprintf(STDERR_FILENO, "signalbox: %s: command not found\n", name);
    } else {
        dprintf(STDERR_FILENO, "signalbox: %s cannot be started: %s\n", name, strerror(error));
    }
    _exit(error == ENOENT ? 127 : 126);
}

// Buries the dead. Ends the namespace when the command itself is among them.
void bury(pid_t command)
{
    for (;;) {
        int status = 0;
        const pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid <= 0) {
            return;
        }
        if (pid == command) {
            report(ReportKind::Ended, status);
            _exit(0);
        }
    }
}

void obey()
{
    std::uint8_t order = 0;
    const ssize_t got = recv(ControlFd, &order, 1, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got == 1 && Order(order) == Order::Terminate) {
        kill(-1, SIGTERM);
        kill(-1, SIGCONT); // a stopped process would not hear it
        return;
    }
    _exit(1); // told to end, or Signalbox is gone: the kernel kills all others with us
}

std::int64_t nowMs()
{
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return std::int64_t(time.tv_sec) * 1000 + time.tv_nsec / 1'000'000;
}

// Looks after what no limit of the kernel holds without a control group or a quota: memory and
// number of all processes together, and the room on the workspace's disk.
class Watch
{
public:
    Watch(const Parameters& parameters, bool capped)
        : m_limits(parameters.limits)
        , m_workspace(parameters.readOnly ? nullptr : parameters.workspace)
        , m_longest(capped ? 500 : FirstMs)
        , m_next(nowMs() + FirstMs)
    {
        if (m_workspace) {
            const auto space = sb::helper::diskSpace(m_workspace);
            // On a disk that is nearly full already, a command may use half of what is left.
            m_reserve.bytes = space.bytes > m_limits.diskReserveBytes ? m_limits.diskReserveBytes
                                                                      : space.bytes / 2;
            m_reserve.files = space.files / 10;
        }
    }

    [[nodiscard]] int waitMs() const
    {
        const auto left = m_next - nowMs();
        return left > 0 ? int(left) : 0;
    }
    // A busy sandbox wakes us all the time; the clock decides, not the silence.
    void lookWhenDue()
    {
        if (nowMs() >= m_next) {
            const auto room = look() / BytesPerMs;
            m_next = nowMs() + std::int64_t(room < 50 ? 50 : lower(room, m_longest));
        }
    }

private:
    static constexpr std::uint64_t FirstMs = 100;          // most commands have ended by then
    static constexpr std::uint64_t BytesPerMs = 4'000'000; // about as fast as memory can be filled

    static std::uint64_t lower(std::uint64_t a, std::uint64_t b) { return a < b ? a : b; }
    [[noreturn]] static void end(Excess excess)
    {
        report(ReportKind::Exceeded, int(excess));
        _exit(1);
    }
    // Returns how many bytes are left until one of the limits is reached.
    std::uint64_t look() const
    {
        const auto usage = sb::helper::measure(m_limits.totalMemoryBytes);
        if (usage.memoryBytes > m_limits.totalMemoryBytes) {
            end(Excess::Memory);
        }
        if (usage.processes > m_limits.processes + ReservedPids) {
            end(Excess::Processes);
        }
        const auto room = m_limits.totalMemoryBytes - usage.memoryBytes;
        if (!m_workspace) {
            return room;
        }
        const auto space = sb::helper::diskSpace(m_workspace);
        if (space.bytes < m_reserve.bytes || space.files < m_reserve.files) {
            end(Excess::Disk);
        }
        return lower(room, space.bytes - m_reserve.bytes);
    }

    const sb::helper::Limits m_limits;
    const char* m_workspace;
    sb::helper::DiskSpace m_reserve;
    const std::uint64_t m_longest;
    std::int64_t m_next;
};

} // namespace

int main()
{
    if (getpid() != 1) {
        dprintf(STDERR_FILENO,
                "signalbox-sandbox-helper is started by Signalbox inside its sandbox.\n");
        return 2;
    }
    if (fcntl(ControlFd, F_SETFD, FD_CLOEXEC) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        giveUp("it was not started as it should be");
    }
    const Parameters parameters = readParameters();
    // Whatever else was left open on the way here is nobody's business inside.
    syscall(SYS_close_range, 3, ControlFd - 1, 0);
    syscall(SYS_close_range, ControlFd + 1, ~0U, 0);
    sb::helper::volunteerForOom();
    const bool capped = parameters.capPids && sb::helper::capPids(parameters.limits.processes);
    const int landlock = parameters.landlock ? sb::helper::landlockVersion() : 0;
    // Closes /proc/1 to the command, which itself becomes whole again when it is started.
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);

    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    const int deaths = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (deaths < 0) {
        giveUp("signals cannot be read");
    }
    int door = -1;
    if (parameters.door) {
        door = sb::helper::openDoor();
        if (door < 0) {
            giveUp("the way out could not be opened");
        }
    }
    reportStart(landlock, capped ? std::uint32_t(PidsCapped) : 0, door);
    Watch watch(parameters, capped);
    const pid_t command = fork();
    if (command < 0) {
        giveUp("no process could be started");
    }
    if (command == 0) {
        startCommand(parameters, landlock);
    }
    // The command's pipe is its own; held here it would look alive for longer than it is.
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    for (;;) {
        pollfd waits[] = {{deaths, POLLIN, 0}, {ControlFd, POLLIN, 0}};
        if (poll(waits, 2, watch.waitMs()) < 0 && errno != EINTR) {
            _exit(1);
        }
        watch.lookWhenDue();
        if (waits[0].revents) {
            signalfd_siginfo information;
            while (read(deaths, &information, sizeof information) > 0) {
            }
            bury(command);
        }
        if (waits[1].revents) {
            obey();
        }
    }
}
