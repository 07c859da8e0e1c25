#include "app/wasm-host/Wire.h"

#include <cerrno>
#include <sys/socket.h>
#include <unistd.h>

namespace sb::wasmhost {

using namespace wasm::host;

Frame Wire::receive()
{
    char buffer[64 << 10];
    for (;;) {
        if (auto frame = m_reader.next()) {
            return std::move(*frame);
        }
        const ssize_t got = m_reader.isBroken() ? 0 : ::recv(SocketFd, buffer, sizeof buffer, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            _exit(0);
        }
        m_reader.append(buffer, std::size_t(got));
    }
}

void Wire::send(const std::string& bytes)
{
    for (std::size_t done = 0; done < bytes.size();) {
        const ssize_t sent =
            ::send(SocketFd, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            _exit(0);
        }
        done += sent > 0 ? std::size_t(sent) : 0;
    }
}

} // namespace sb::wasmhost
