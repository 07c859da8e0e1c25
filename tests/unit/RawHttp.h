#pragma once
#include <QByteArray>
#include <QHash>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sb::test {

/// A client that writes and reads bytes of HTTP/1.1 as it is told, so that a test can also
/// misbehave.
class RawHttp
{
public:
    struct Response
    {
        int status = 0;                        ///< 0: the connection ended before an answer
        QHash<QByteArray, QByteArray> headers; ///< names in lower case
        QByteArray body;
    };

    explicit RawHttp(quint16 port, int receiveBuffer = 0)
        : m_port(port), m_fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        if (receiveBuffer > 0) {
            ::setsockopt(m_fd, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, sizeof receiveBuffer);
        }
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        m_connected =
            ::connect(m_fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    RawHttp(RawHttp&& other) noexcept
        : m_port(other.m_port)
        , m_fd(std::exchange(other.m_fd, -1))
        , m_connected(other.m_connected)
        , m_buffer(std::move(other.m_buffer))
    {
    }
    RawHttp& operator=(RawHttp&&) = delete;
    ~RawHttp() { close(); }

    void close()
    {
        if (m_fd >= 0) {
            ::close(std::exchange(m_fd, -1));
        }
    }
    [[nodiscard]] bool connected() const { return m_connected; }
    [[nodiscard]] int fd() const { return m_fd; }

    bool send(const QByteArray& bytes) const
    {
        qsizetype sent = 0;
        while (sent < bytes.size()) {
            const auto part =
                ::send(m_fd, bytes.constData() + sent, size_t(bytes.size() - sent), MSG_NOSIGNAL);
            if (part <= 0) {
                return false;
            }
            sent += part;
        }
        return true;
    }

    [[nodiscard]] QByteArray head(const QByteArray& line, const QByteArray& extra = {}) const
    {
        return line + " HTTP/1.1\r\nHost: 127.0.0.1:" + QByteArray::number(m_port) +
               "\r\nAuthorization: Bearer " + token + "\r\n" + extra;
    }
    bool
    request(const QByteArray& line, const QByteArray& body = {}, const QByteArray& extra = {}) const
    {
        const QByteArray length =
            body.isEmpty() ? QByteArray()
                           : "Content-Length: " + QByteArray::number(body.size()) + "\r\n";
        return send(head(line, extra) + length + "\r\n" + body);
    }

    /// Waits for more bytes; false at the end of the connection or when nothing came for so long.
    bool more(int timeoutMs = 5000)
    {
        pollfd waiting{m_fd, POLLIN, 0};
        if (::poll(&waiting, 1, timeoutMs) <= 0) {
            m_timedOut = true;
            return false;
        }
        char buffer[65536];
        const auto got = ::recv(m_fd, buffer, sizeof buffer, 0);
        if (got <= 0) {
            return false;
        }
        m_buffer.append(buffer, got);
        return true;
    }
    [[nodiscard]] bool timedOut() const { return m_timedOut; }

    /// Headers of the next answer; the body stays unread.
    Response readHead()
    {
        Response response;
        qsizetype end = -1;
        while ((end = m_buffer.indexOf("\r\n\r\n")) < 0) {
            if (!more()) {
                return response;
            }
        }
        const auto lines = m_buffer.left(end).split('\n');
        m_buffer.remove(0, end + 4);
        response.status = lines.first().split(' ').value(1).toInt();
        for (const auto& line : lines.mid(1)) {
            const auto colon = line.indexOf(':');
            response.headers[line.left(colon).toLower()] = line.mid(colon + 1).trimmed();
        }
        return response;
    }
    Response read(bool hasBody = true)
    {
        Response response = readHead();
        if (response.headers.value("transfer-encoding") == "chunked") {
            for (QByteArray part = readChunk(); !part.isEmpty(); part = readChunk()) {
                response.body += part;
            }
        } else if (hasBody) {
            const auto length = response.headers.value("content-length").toLongLong();
            while (m_buffer.size() < length && more()) {
            }
            response.body = m_buffer.left(length);
            m_buffer.remove(0, length);
        }
        return response;
    }
    /// One piece of a chunked body; empty at its end and when the connection broke.
    QByteArray readChunk()
    {
        qsizetype line = -1;
        while ((line = m_buffer.indexOf("\r\n")) < 0) {
            if (!more()) {
                return {};
            }
        }
        const auto size = m_buffer.left(line).toLongLong(nullptr, 16);
        while (m_buffer.size() < line + 2 + size + 2) {
            if (!more()) {
                return {};
            }
        }
        const QByteArray piece = m_buffer.mid(line + 2, size);
        m_buffer.remove(0, line + 2 + size + 2);
        return piece;
    }
    /// The next event of a stream that has data (comments and bare ids are passed over); empty at
    /// its end.
    QByteArray readEvent()
    {
        for (;;) {
            qsizetype end = -1;
            while ((end = m_events.indexOf("\n\n")) < 0) {
                const QByteArray piece = readChunk();
                if (piece.isEmpty()) {
                    return {};
                }
                m_events += piece;
            }
            const QByteArray event = m_events.left(end);
            m_events.remove(0, end + 2);
            if (event.contains("data:") || keepAll) {
                return event;
            }
        }
    }

    QByteArray token = "a-token-of-some-length-for-tests";
    bool keepAll = false; ///< readEvent gives comments, too

private:
    quint16 m_port;
    int m_fd;
    bool m_connected = false;
    bool m_timedOut = false;
    QByteArray m_buffer;
    QByteArray m_events;
};

} // namespace sb::test
