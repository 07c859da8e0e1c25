#include "core/wasm/HostProcess_linux.h"
#include "core/base/Defence.h"

#include <QFile>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace sb::wasm {

using namespace Qt::StringLiterals;
using sandbox::Descriptor;

namespace {

std::unexpected<Error> systemError(const QString& what, int error)
{
    return fail(ErrorCode::Unavailable,
                u"WebAssembly cannot be run: %1 (%2)."_s.arg(
                    what, QString::fromLocal8Bit(std::strerror(error))));
}

} // namespace

Result<HostProcess> HostProcess::start(const QString& program, qint64 memoryBytes)
{
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return systemError(u"no socket"_s, errno);
    }
    Descriptor ours(ends[0]);
    // Above the number that it gets in the child, so that putting it there closes nothing.
    const Descriptor low(ends[1]);
    const Descriptor theirs(::fcntl(low.get(), F_DUPFD_CLOEXEC, host::SocketFd + 1));
    if (!theirs || ::fcntl(ours.get(), F_SETFL, O_NONBLOCK) != 0) {
        return systemError(u"no socket"_s, errno);
    }

    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, theirs.get(), host::SocketFd);
    posix_spawn_file_actions_addclosefrom_np(&actions, host::SocketFd + 1);
    posix_spawn_file_actions_addchdir_np(&actions, "/");
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);

    QByteArray path = QFile::encodeName(program);
    QByteArray option("--memory");
    QByteArray memory = QByteArray::number(memoryBytes);
    char* const words[] = {path.data(), option.data(), memory.data(), nullptr};
    char* environment[] = {nullptr, nullptr};
#ifdef SB_SWITCHABLE_DEFENCES
    QByteArray off = QByteArray("SB_DEFENCES_OFF=") + defencesOff();
    environment[0] = off.data();
#endif
    pid_t pid = -1;
    const int error =
        ::posix_spawn(&pid, path.constData(), &actions, &attributes, words, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (error != 0) {
        return systemError(program + u" does not start"_s, error);
    }
    Descriptor process(int(::syscall(SYS_pidfd_open, pid, 0)));
    if (!process) {
        const int reason = errno;
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
        return systemError(u"its process cannot be watched"_s, reason);
    }
    return HostProcess(std::move(ours), std::move(process));
}

bool HostProcess::send(std::string_view bytes)
{
    m_waiting.append(bytes);
    return flush();
}

bool HostProcess::flush()
{
    std::size_t done = 0;
    while (done < m_waiting.size()) {
        const auto sent =
            ::send(m_socket.get(), m_waiting.data() + done, m_waiting.size() - done, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0 && errno != EAGAIN) {
            m_waiting.clear(); // it is gone; the end of its stream tells
            return true;
        }
        if (sent < 0) {
            break;
        }
        done += std::size_t(sent);
    }
    m_waiting.erase(0, done);
    return m_waiting.empty();
}

bool HostProcess::receive()
{
    std::array<char, 64 << 10>
        buffer; // NOLINT(cppcoreguidelines-pro-type-member-init): filled below
    for (int rounds = 0; rounds < 16; ++rounds) { // others wait as well
        const auto got = ::recv(m_socket.get(), buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && errno == EAGAIN) {
            return true;
        }
        if (got <= 0) {
            return false;
        }
        m_reader.append(buffer.data(), std::size_t(got));
        if (std::size_t(got) < buffer.size()) {
            return true;
        }
    }
    return true;
}

void HostProcess::kill() const
{
    ::syscall(SYS_pidfd_send_signal, m_process.get(), SIGKILL, nullptr, 0);
}

QString HostProcess::bury() const
{
    siginfo_t information{};
    if (::waitid(P_PIDFD, id_t(m_process.get()), &information, WEXITED | WNOHANG) != 0) {
        return u"its process is gone"_s;
    }
    if (information.si_code == CLD_EXITED) {
        return u"its process ended by itself"_s;
    }
    if (information.si_status == SIGSYS) {
        return u"its process was ended because it tried a forbidden system call"_s;
    }
    return u"its process crashed (signal %1)"_s.arg(information.si_status);
}

} // namespace sb::wasm
