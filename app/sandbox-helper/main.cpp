// Process 1 of the sandbox: see README.md. Everything here runs before the command or beside it, so
// it trusts nothing that the command could have changed and keeps no descriptor that the command
// could reach.
#include "app/sandbox-helper/Confine.h"
#include "app/sandbox-helper/Door.h"
#include "app/sandbox-helper/Probe.h"
#include "app/sandbox-helper/Refusals.h"
#include "app/sandbox-helper/Report.h"
#include "app/sandbox-helper/SystemCalls.h"
#include "app/sandbox-helper/Watch.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace sb::sandbox::helper;
using namespace sb::helper;
using sb::defended;

namespace {

[[noreturn]] void startCommand(const Parameters& parameters, int landlock, int supervisor)
{
    // Ignored signals and a blocked mask would be inherited.
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    if (!applyLimits(parameters.limits)) {
        giveUp("the limits could not be set");
    }
    if (landlock > 0 &&
        !restrictReach(landlock,
                       {parameters.workspace, parameters.readOnly, parameters.ownServers})) {
        giveUp("Landlock could not be set");
    }
    const int listener = restrictSystemCalls();
    if (listener == -2) {
        giveUp("the filter of system calls could not be set");
    }
    if (listener >= 0) {
        if (!sendDescriptor(supervisor, listener)) {
            giveUp("the filter of system calls could not be handed over");
        }
        close(listener);
    }
    close(supervisor);
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

// What process 1 does while the command runs. Whatever ends it ends the namespace.
class Supervisor
{
public:
    Supervisor(const Parameters& parameters, bool pidsCapped) : m_watch(parameters, pidsCapped) {}

    [[noreturn]] void run(pid_t command, int deaths, int handover)
    {
        for (;;) {
            pollfd waits[] = {{deaths, POLLIN, 0},
                              {ControlFd, POLLIN, 0},
                              {handover, POLLIN, 0},
                              {m_refusals.listener(), POLLIN, 0}};
            if (poll(waits, 4, m_watch.waitMs()) < 0 && errno != EINTR) {
                _exit(1);
            }
            if (const auto excess = m_watch.lookWhenDue()) {
                m_refusals.tell();
                report(ReportKind::Exceeded, int(*excess));
                _exit(1);
            }
            if (waits[2].revents) {
                if (const int listener = receiveDescriptor(handover); listener >= 0) {
                    m_refusals.listen(listener);
                }
                close(handover);
                handover = -1;
            }
            if (waits[3].revents) {
                m_refusals.answer();
            }
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

private:
    // Buries the dead. Ends the namespace when the command itself is among them.
    void bury(pid_t command)
    {
        for (;;) {
            int status = 0;
            const pid_t pid = waitpid(-1, &status, WNOHANG);
            if (pid < 0 && m_commandEnded) {
                _exit(0);
            }
            if (pid <= 0) {
                return;
            }
            if (pid == command) {
                m_refusals.tell();
                report(ReportKind::Ended, status);
                m_commandEnded = true;
                if (defended("sandbox.end-with-command")) {
                    _exit(0);
                }
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
        m_refusals.tell();
        _exit(1); // told to end, or Signalbox is gone: the kernel kills all others with us
    }

    Watch m_watch;
    Refusals m_refusals;
    bool m_commandEnded = false;
};

} // namespace

int main(int argc, char** argv)
{
    // The command of a probing launch: it tries from inside what nobody should be able to do.
    if (argc > 1 && getpid() != 1 && strcmp(argv[1], ProbeVerb) == 0) {
        return probe(argc - 2, argv + 2);
    }
    if (getpid() != 1) {
        dprintf(STDERR_FILENO,
                "signalbox-sandbox-helper is started by Signalbox inside its sandbox.\n");
        return 2;
    }
    if (fcntl(ControlFd, F_SETFD, FD_CLOEXEC) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        giveUp("it was not started as it should be");
    }
    const Parameters parameters = readParameters();
    if (defended("sandbox.descriptors")) {
        // Whatever else was left open on the way here is nobody's business inside.
        syscall(SYS_close_range, 3, ControlFd - 1, 0);
        syscall(SYS_close_range, ControlFd + 1, ~0U, 0);
    }
    volunteerForOom();
    const bool capped = parameters.capPids && defended("sandbox.process-cap") &&
                        capPids(parameters.limits.processes);
    // Landlock also guards process 1, by standing round the command alone.
    const bool confined = defended("sandbox.landlock") && defended("sandbox.init-closed");
    const int landlock = parameters.landlock && confined ? landlockVersion() : 0;
    // Closes /proc/1 to the command, which itself becomes whole again when it is started.
    if (defended("sandbox.init-closed")) {
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    }

    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    const int deaths = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    // The listener of the filter comes back through this: only the command's process can make it.
    int handover[2] = {-1, -1};
    if (deaths < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, handover) != 0) {
        giveUp("signals cannot be read");
    }
    int door = -1;
    if (parameters.door) {
        door = openDoor();
        if (door < 0) {
            giveUp("the way out could not be opened");
        }
    }
    reportStart(landlock, capped ? std::uint32_t(PidsCapped) : 0, door);
    Supervisor supervisor(parameters, capped);
    const pid_t command = fork();
    if (command < 0) {
        giveUp("no process could be started");
    }
    if (command == 0) {
        startCommand(parameters, landlock, handover[1]);
    }
    close(handover[1]);
    // The command's pipe is its own; held here it would look alive for longer than it is.
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    supervisor.run(command, deaths, handover[0]);
}
