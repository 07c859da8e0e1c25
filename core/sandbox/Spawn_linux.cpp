#include "core/sandbox/Spawn_linux.h"
#include "core/base/Contracts.h"
#include "core/sandbox/HelperProtocol.h"

#include <QFile>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace sb::sandbox {

using namespace Qt::StringLiterals;

namespace {

std::unexpected<Error> systemError(const QString& what, int error)
{
    return fail(ErrorCode::Unavailable,
                u"The sandbox could not be started: %1 (%2)."_s.arg(
                    what, QString::fromLocal8Bit(std::strerror(error))));
}

// Our ends are numbered above the child's fixed numbers, so that putting one in place never closes
// another.
Result<Descriptor> lifted(Descriptor fd)
{
    if (!fd) {
        return systemError(u"a descriptor could not be had"_s, errno);
    }
    if (fd.get() >= helper::FirstFreeFd) {
        return fd;
    }
    Descriptor higher(::fcntl(fd.get(), F_DUPFD_CLOEXEC, int(helper::FirstFreeFd)));
    if (!higher) {
        return systemError(u"a descriptor could not be had"_s, errno);
    }
    return higher;
}

class Actions
{
public:
    Actions() { posix_spawn_file_actions_init(&m_actions); }
    ~Actions() { posix_spawn_file_actions_destroy(&m_actions); }
    Actions(const Actions&) = delete;
    Actions& operator=(const Actions&) = delete;
    void put(const Descriptor& from, int to)
    {
        posix_spawn_file_actions_adddup2(&m_actions, from.get(), to);
    }
    posix_spawn_file_actions_t* get() { return &m_actions; }

private:
    posix_spawn_file_actions_t m_actions;
};

class Attributes
{
public:
    Attributes()
    {
        posix_spawnattr_init(&m_attributes);
        sigset_t none;
        sigset_t all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_setsigmask(&m_attributes, &none);
        posix_spawnattr_setsigdefault(&m_attributes, &all);
        // A session of its own: Ctrl+C in our terminal is for us to handle.
        posix_spawnattr_setflags(
            &m_attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    }
    ~Attributes() { posix_spawnattr_destroy(&m_attributes); }
    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;
    // False where the C library cannot do so.
    bool startIn(int controlGroup)
    {
#ifdef POSIX_SPAWN_SETCGROUP
        short flags = 0;
        posix_spawnattr_getflags(&m_attributes, &flags);
        return posix_spawnattr_setcgroup_np(&m_attributes, controlGroup) == 0 &&
               posix_spawnattr_setflags(&m_attributes, short(flags | POSIX_SPAWN_SETCGROUP)) == 0;
#else
        (void)controlGroup;
        return false;
#endif
    }
    posix_spawnattr_t* get() { return &m_attributes; }

private:
    posix_spawnattr_t m_attributes;
};

} // namespace

Result<Descriptor> memoryFile(const char* name, QByteArrayView bytes)
{
    Descriptor fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd) {
        return systemError(u"no file in memory"_s, errno);
    }
    for (qsizetype done = 0; done < bytes.size();) {
        const auto wrote = ::write(fd.get(), bytes.data() + done, size_t(bytes.size() - done));
        if (wrote < 0 && errno != EINTR) {
            return systemError(u"no file in memory"_s, errno);
        }
        done += std::max<qsizetype>(0, wrote);
    }
    ::lseek(fd.get(), 0, SEEK_SET);
    ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    return lifted(std::move(fd));
}

Result<Spawned> spawn(const SpawnRequest& request)
{
    SB_ASSERT(helper::FirstFileFd + request.files.size() <= helper::FirstFreeFd);
    SB_TRY(const auto argumentsFd, memoryFile("arguments", request.arguments));
    SB_TRY(const auto parametersFd, memoryFile("parameters", request.parameters));
    std::vector<Descriptor> files;
    for (const auto& content : request.files) {
        SB_TRY(auto file, memoryFile("file", content));
        files.push_back(std::move(file));
    }
    SB_TRY(const auto input,
           request.standardInput.isEmpty()
               ? lifted(Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)))
               : memoryFile("input", request.standardInput));

    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return systemError(u"no pipe"_s, errno);
    }
    Descriptor output(ends[0]);
    SB_TRY(const auto childOutput, lifted(Descriptor(ends[1])));
    ::fcntl(output.get(), F_SETFL, O_NONBLOCK);
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return systemError(u"no socket"_s, errno);
    }
    Descriptor control(ends[0]);
    SB_TRY(const auto childControl, lifted(Descriptor(ends[1])));
    ::fcntl(control.get(), F_SETFL, O_NONBLOCK);

    Actions actions;
    actions.put(input, STDIN_FILENO);
    actions.put(childOutput, STDOUT_FILENO);
    actions.put(childOutput, STDERR_FILENO);
    actions.put(argumentsFd, helper::ArgumentsFd);
    actions.put(parametersFd, helper::ParametersFd);
    actions.put(childControl, helper::ControlFd);
    int number = helper::FirstFileFd;
    for (const auto& file : files) {
        actions.put(file, number++);
    }
    // Others opened theirs without the flag, perhaps.
    if (defended("sandbox.descriptors")) {
        posix_spawn_file_actions_addclosefrom_np(actions.get(), number);
    }
    posix_spawn_file_actions_addchdir_np(actions.get(), "/");

    std::vector<QByteArray> variables;
    std::vector<char*> environment;
    variables.reserve(size_t(request.environment.size()));
    for (const auto& [name, value] : request.environment.asKeyValueRange()) {
        variables.push_back(QFile::encodeName(name) + '=' + QFile::encodeName(value));
        environment.push_back(variables.back().data());
    }
    environment.push_back(nullptr);
    QByteArray program = QFile::encodeName(request.bubblewrap);
    QByteArray argumentsWord("--args");
    QByteArray argumentsNumber = QByteArray::number(int(helper::ArgumentsFd));
    QByteArray dashes("--");
    QByteArray helperProgram(helper::Program);
    char* const words[] = {program.data(),
                           argumentsWord.data(),
                           argumentsNumber.data(),
                           dashes.data(),
                           helperProgram.data(),
                           nullptr};
    Attributes attributes;
    if (request.controlGroup >= 0 && !attributes.startIn(request.controlGroup)) {
        return systemError(u"it cannot be put into its control group"_s, ENOTSUP);
    }
    pid_t pid = -1;
    const int error = ::posix_spawn(
        &pid, program.constData(), actions.get(), attributes.get(), words, environment.data());
    if (error != 0) {
        return systemError(request.bubblewrap + u" does not start"_s, error);
    }
    Descriptor process(int(::syscall(SYS_pidfd_open, pid, 0)));
    if (!process) {
        const int reason = errno;
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
        return systemError(u"it cannot be watched"_s, reason);
    }
    return Spawned{std::move(process), {}, std::move(output), std::move(control)};
}

} // namespace sb::sandbox
