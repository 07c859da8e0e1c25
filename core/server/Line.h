#pragma once
#include "core/server/Frames.h"
#include "core/server/Reactor.h"

#include <sys/types.h>

namespace sb::server {

/// The two ends of the control socket.
Result<Fd> connectLocal(const QString& path);
/// The user at the other end of a Unix socket; nothing when it cannot be told.
std::optional<uid_t> peerOf(int fd);

/// JSON objects over a socket, one a line, on the reactor's thread.
class Line
{
public:
    struct Handlers
    {
        std::function<void(QJsonObject)> received;
        std::function<void()>
            lost; ///< the other end is gone, or sent nonsense; called once, and never by close()
    };
    Line(Fd socket, Reactor& reactor, qsizetype longestFrame, Handlers handlers);
    ~Line();
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;

    Result<> open();
    /// Sends; what the socket does not take now leaves later.
    void send(const QJsonObject& object) { sendBytes(Frames::encode(object)); }
    void sendBytes(const QByteArray& line);
    [[nodiscard]] qsizetype pendingBytes() const { return m_out.size() - m_outOffset; }
    /// Stops or goes on reading.
    void setReading(bool on);
    [[nodiscard]] bool isOpen() const { return bool(m_socket); }
    void close();

private:
    void ready(unsigned events);
    bool readSome();
    bool takeLines();
    bool flush();
    void lose();
    void updateWatch();

    Fd m_socket;
    Reactor& m_reactor;
    Handlers m_handlers;
    Frames m_in;
    QByteArray m_out;
    qsizetype m_outOffset = 0;
    bool m_reading = true;
    bool m_taking = false;
    unsigned m_watched = 0;
};

} // namespace sb::server
