#include "app/sandbox-helper/Door.h"
#include "core/sandbox/HelperProtocol.h"

#include <arpa/inet.h>
#include <cerrno>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sb::helper {

namespace {

// bubblewrap has brought it up already; where it had no right to, listening would seem to work and
// nobody could connect.
bool loopbackIsUp(int fd)
{
    ifreq request{};
    request.ifr_name[0] = 'l';
    request.ifr_name[1] = 'o';
    if (ioctl(fd, SIOCGIFFLAGS, &request) != 0) {
        return false;
    }
    errno = ENETDOWN;
    return (request.ifr_flags & IFF_UP) != 0;
}

} // namespace

int openDoor()
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    const int yes = 1;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(sandbox::helper::DoorPort);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (loopbackIsUp(fd) && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
        listen(fd, sandbox::helper::DoorBacklog) == 0) {
        return fd;
    }
    const int error = errno;
    close(fd);
    errno = error;
    return -1;
}

} // namespace sb::helper
