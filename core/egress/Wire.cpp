#include "core/egress/Wire.h"

#include <cerrno>
#include <cstring>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace sb::egress {

void Outbox::clear()
{
    if (!m_bytes.isEmpty()) {
        ::explicit_bzero(m_bytes.data(), size_t(m_bytes.size()));
    }
    m_bytes.clear();
    m_sent = 0;
}

std::optional<qsizetype> Outbox::flush(Wire& wire)
{
    qsizetype total = 0;
    while (!isEmpty()) {
        const Wire::Moved moved = wire.write(QByteArrayView(m_bytes).sliced(m_sent));
        if (moved.io == Wire::Io::Again) {
            return total;
        }
        if (moved.io != Wire::Io::Done) {
            return {};
        }
        m_sent += moved.bytes;
        total += moved.bytes;
    }
    if (!m_bytes.isEmpty()) {
        clear();
    }
    return total;
}

Wire::Wire(Loop& loop, Fd fd, Actor& owner) : m_loop(loop), m_owner(owner), m_fd(std::move(fd))
{
    m_id = m_loop.watch(m_fd.get(), *this);
}

Wire::~Wire()
{
    m_loop.forget(m_id, m_fd.get());
}

void Wire::ready(unsigned events)
{
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 || m_ssl) {
        m_readable = true;
    }
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0 || m_ssl) {
        m_writable = true;
    }
    m_connected = m_connected || (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
    m_hungUp = m_hungUp || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    m_owner.wake(); // the last thing: it may delete this
}

Wire::Io Wire::connected()
{
    if (!m_connected) {
        return Io::Again;
    }
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(m_fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
        m_fault = QString::fromLocal8Bit(std::strerror(error == 0 ? errno : error));
        return Io::Failed;
    }
    return Io::Done;
}

Wire::Io Wire::shakeHands()
{
    ERR_clear_error();
    return tlsOutcome(SSL_do_handshake(m_ssl.get())).io;
}

Wire::Moved Wire::tlsOutcome(int result)
{
    if (result > 0) {
        return {Io::Done, result};
    }
    switch (SSL_get_error(m_ssl.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return {Io::Again, 0};
    case SSL_ERROR_ZERO_RETURN:
        return {Io::End, 0};
    default:
        m_fault = tlsFault(m_ssl.get());
        return {Io::Failed, 0};
    }
}

Wire::Moved Wire::read(char* to, qsizetype most)
{
    if (m_ssl) {
        if (!m_readable && SSL_pending(m_ssl.get()) == 0) {
            return {};
        }
        ERR_clear_error();
        const Moved moved = tlsOutcome(SSL_read(m_ssl.get(), to, int(most)));
        m_readable = moved.io == Io::Done;
        return moved;
    }
    if (!m_readable) {
        return {};
    }
    const auto got = ::recv(m_fd.get(), to, size_t(most), 0);
    if (got > 0) {
        // Less than there was room for: the kernel has no more, and will tell when it has.
        m_readable = got == most || m_hungUp;
        return {Io::Done, got};
    }
    if (got == 0) {
        return {Io::End, 0};
    }
    if (errno == EAGAIN || errno == EINTR) {
        m_readable = errno == EINTR;
        return {};
    }
    m_fault = QString::fromLocal8Bit(std::strerror(errno));
    return {Io::Failed, 0};
}

Wire::Moved Wire::write(QByteArrayView bytes)
{
    if (m_ssl) {
        if (!m_writable) {
            return {};
        }
        ERR_clear_error();
        const Moved moved = tlsOutcome(SSL_write(m_ssl.get(), bytes.data(), int(bytes.size())));
        m_writable = moved.io == Io::Done;
        return moved;
    }
    if (!m_writable) {
        return {};
    }
    const auto sent = ::send(m_fd.get(), bytes.data(), size_t(bytes.size()), MSG_NOSIGNAL);
    if (sent >= 0) {
        m_writable = sent == bytes.size();
        return {Io::Done, sent};
    }
    if (errno == EAGAIN || errno == EINTR) {
        m_writable = errno == EINTR;
        return {};
    }
    m_fault = QString::fromLocal8Bit(std::strerror(errno));
    return {Io::Failed, 0};
}

void Wire::finish()
{
    if (m_ssl) {
        ERR_clear_error();
        SSL_shutdown(m_ssl.get());
        ERR_clear_error();
    }
    ::shutdown(m_fd.get(), SHUT_WR);
}

} // namespace sb::egress
