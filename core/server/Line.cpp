#include "core/server/Line.h"

#include "core/server/Folders.h"

#include <QFile>
#include <cerrno>
#include <cstring>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace sb::server {

Result<Fd> connectLocal(const QString& path)
{
    const QByteArray native = QFile::encodeName(path);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (native.size() >= qsizetype(sizeof address.sun_path)) {
        return fail(
            ErrorCode::InvalidInput, QStringLiteral("The socket's path is too long."), path);
    }
    std::memcpy(address.sun_path, native.constData(), size_t(native.size()));
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) {
        return systemFailure(QStringLiteral("No socket can be opened"), errno, path);
    }
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        switch (errno) {
        case ENOENT:
        case ENOTDIR:
        case ECONNREFUSED:
        case ENOTSOCK:
            return fail(
                ErrorCode::NotFound, QStringLiteral("No running Signalbox listens here."), path);
        case EAGAIN:
            return fail(ErrorCode::Unavailable,
                        QStringLiteral("The running Signalbox does not answer."),
                        path);
        case EACCES:
            return fail(ErrorCode::Forbidden,
                        QStringLiteral("The running Signalbox belongs to another user."),
                        path);
        default:
            return systemFailure(
                QStringLiteral("The running Signalbox cannot be reached"), errno, path);
        }
    }
    return socket;
}

std::optional<uid_t> peerOf(int fd)
{
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        return std::nullopt;
    }
    return peer.uid;
}

Line::Line(Fd socket, Reactor& reactor, qsizetype longestFrame, Handlers handlers)
    : m_socket(std::move(socket))
    , m_reactor(reactor)
    , m_handlers(std::move(handlers))
    , m_in(longestFrame)
{
}

Line::~Line()
{
    close();
}

Result<> Line::open()
{
    m_watched = EPOLLIN;
    return m_reactor.watch(m_socket.get(), m_watched, [this](unsigned events) { ready(events); });
}

void Line::close()
{
    if (m_socket) {
        m_reactor.unwatch(m_socket.get());
        m_socket = Fd();
    }
    m_out.clear();
    m_outOffset = 0;
}

void Line::sendBytes(const QByteArray& line)
{
    if (!isOpen()) {
        return;
    }
    const bool wasEmpty = pendingBytes() == 0;
    if (m_outOffset > m_out.size() / 2) {
        m_out.remove(0, std::exchange(m_outOffset, 0)); // what has left must not pile up
    }
    m_out += line;
    if (wasEmpty && !flush()) {
        // The loss is told from the loop: whoever sends is in the middle of something.
        ::shutdown(m_socket.get(), SHUT_RDWR);
        m_out.clear();
        m_outOffset = 0;
    }
    updateWatch();
}

void Line::setReading(bool on)
{
    if (m_reading == on || !isOpen()) {
        m_reading = on;
        return;
    }
    m_reading = on;
    updateWatch();
    if (on && !m_in.isEmpty() && !m_taking && !takeLines()) {
        lose();
    }
}

void Line::updateWatch()
{
    const unsigned wanted =
        (m_reading ? unsigned(EPOLLIN) : 0U) | (pendingBytes() > 0 ? unsigned(EPOLLOUT) : 0U);
    if (isOpen() && wanted != m_watched) {
        m_watched = wanted;
        m_reactor.change(m_socket.get(), wanted);
    }
}

void Line::ready(unsigned events)
{
    if ((events & EPOLLOUT) != 0 && !flush()) {
        lose();
        return;
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !readSome()) {
        lose();
        return;
    }
    updateWatch();
}

bool Line::flush()
{
    while (pendingBytes() > 0) {
        const auto sent = ::send(
            m_socket.get(), m_out.constData() + m_outOffset, size_t(pendingBytes()), MSG_NOSIGNAL);
        if (sent < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        m_outOffset += sent;
    }
    m_out.clear();
    m_outOffset = 0;
    return true;
}

bool Line::readSome()
{
    char buffer[64 << 10];
    const auto got = ::recv(m_socket.get(), buffer, sizeof buffer, 0);
    if (got < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    if (got == 0) {
        return false;
    }
    m_in.append(QByteArrayView(buffer, qsizetype(got)));
    return takeLines();
}

bool Line::takeLines()
{
    m_taking = true;
    bool good = true;
    while (good && m_reading && isOpen()) {
        QJsonObject object;
        const auto step = m_in.next(object);
        if (step == Frames::Step::More) {
            break;
        }
        good = step == Frames::Step::Frame;
        if (good) {
            m_handlers.received(std::move(object));
        }
    }
    m_taking = false;
    return good;
}

void Line::lose()
{
    if (isOpen()) {
        close();
        m_handlers.lost();
    }
}

} // namespace sb::server
