#include "app/sandbox-helper/Report.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sb::helper {

using namespace sandbox::helper;

namespace {

constexpr std::size_t MostDescriptors = 2;

bool sendWith(int socket, const void* bytes, std::size_t size, const int* fds, std::size_t count)
{
    iovec part{const_cast<void*>(bytes), size};
    alignas(cmsghdr) char space[CMSG_SPACE(MostDescriptors * sizeof(int))] = {};
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
        memcpy(CMSG_DATA(rights), fds, count * sizeof(int));
    }
    ssize_t sent = 0;
    do {
        sent = sendmsg(socket, &header, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

} // namespace

void report(const Report& message)
{
    // What was refused is news, not an answer: it never makes us wait for a reader.
    const int flags = MSG_NOSIGNAL | (message.kind == ReportKind::Refused ? MSG_DONTWAIT : 0);
    while (send(ControlFd, &message, sizeof message, flags) < 0 && errno == EINTR) {
    }
}

void report(ReportKind kind, int value)
{
    Report message;
    message.kind = kind;
    message.value = value;
    report(message);
}

void reportStart(int landlock, std::uint32_t flags, int door)
{
    const int self = int(syscall(SYS_pidfd_open, getpid(), 0));
    int handed[MostDescriptors];
    std::size_t count = 0;
    if (self >= 0) {
        flags |= WithInit;
        handed[count++] = self;
    }
    if (door >= 0) {
        flags |= WithDoor;
        handed[count++] = door;
    }
    Report message;
    message.flags = flags;
    message.value = landlock;
    sendWith(ControlFd, &message, sizeof message, handed, count);
    for (std::size_t i = 0; i < count; ++i) {
        close(handed[i]);
    }
}

void giveUp(const char* step)
{
    const int error = errno;
    dprintf(STDERR_FILENO, "signalbox-sandbox-helper: %s: %s\n", step, strerror(error));
    report(ReportKind::Failed, error);
    _exit(126);
}

bool sendDescriptor(int socket, int fd)
{
    const char byte = 0;
    return sendWith(socket, &byte, 1, &fd, 1);
}

int receiveDescriptor(int socket)
{
    char byte = 0;
    iovec part{&byte, 1};
    alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = space;
    header.msg_controllen = sizeof space;
    ssize_t got = 0;
    do {
        got = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    const cmsghdr* rights = got > 0 ? CMSG_FIRSTHDR(&header) : nullptr;
    int fd = -1;
    if (rights && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS) {
        memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    }
    return fd;
}

} // namespace sb::helper
