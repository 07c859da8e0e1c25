#pragma once
#include "core/server/Reactor.h"

#include <QByteArray>
#include <QJsonObject>
#include <deque>
#include <map>
#include <optional>
#include <vector>

struct MHD_Connection;
struct MHD_Response;

namespace sb::server {

/// A whole answer.
struct Reply
{
    int status = 200;
    QByteArray body;
    QByteArray type = "application/json";
    std::vector<std::pair<QByteArray, QByteArray>> headers;

    static Reply json(int status, const QJsonObject& object);
    /// OpenAI's shape of an error, for every route: {"error": {"message", "type", "code"}}.
    static Reply error(int status, const QString& message, const QString& code);
    /// The runtime's error as an answer.
    static Reply failure(const Error& error);
};

/// The object inside Reply::error, for errors that come in the middle of a stream.
QJsonObject errorObject(int status, const QString& message, const QString& code);

/// What all exchanges share; only used on the reactor's thread.
struct Limits
{
    qsizetype maxBody = 0;
    qsizetype pendingBytes = 0;
    int pendingEvents = 0;
};
struct Counters
{
    std::map<std::pair<QByteArray, int>, qint64> requests; ///< by route and status
    qint64 connections = 0;
    qint64 listeners = 0;
    qint64 streams = 0;
    qint64 dropped = 0;
};

/// One request and its answer. Shared by libmicrohttpd's callbacks and by whoever in the runtime
/// still owes an answer: the client may leave before it comes. Only used on the reactor's thread.
class Exchange final : public std::enable_shared_from_this<Exchange>
{
public:
    Exchange(MHD_Connection* connection,
             int fd,
             Reactor& reactor,
             const Limits& limits,
             Counters& counters);

    QByteArray method;
    QByteArray path;
    QByteArray route = "other"; ///< for the counters
    bool holdsToken = false;    ///< whether its sender showed the token
    QByteArray body;
    std::function<void()> onClosed;  ///< the exchange is over, however it ended; called once
    std::function<void()> onDrained; ///< everything written to the stream has left; may write more

    /// A request header; empty when it was not sent.
    [[nodiscard]] QByteArray header(const char* name) const;
    /// How often it was sent.
    [[nodiscard]] int headerCount(const char* name) const;
    /// The values of all query arguments, decoded, and the names of those without a value.
    [[nodiscard]] QList<QByteArray> arguments() const;
    /// A query argument, decoded; nothing when it was not given.
    [[nodiscard]] std::optional<QByteArray> argument(const char* name) const;
    /// Whether anybody still waits for the answer.
    [[nodiscard]] bool isOpen() const { return m_connection != nullptr && !m_gone; }
    [[nodiscard]] bool isAnswered() const { return m_reply.has_value() || m_streaming; }

    /// Answers, at once or later. A second answer, and one to a client that left, is ignored.
    void answer(Reply reply);
    /// Answers with server-sent events: from now on write().
    void openStream();
    [[nodiscard]] bool isStreaming() const { return m_streaming; }
    /// Adds to the stream. A listener that has too much unread is dropped: false.
    bool write(const QByteArray& chunk);
    /// Adds to the stream whatever its size: a page once everything before it has left, or the end
    /// of a reply.
    void writePage(const QByteArray& chunk);
    [[nodiscard]] bool isDrained() const { return m_pending.empty(); }
    /// Ends the stream once everything has left.
    void finish();

    // For the daemon.
    enum class Step { Queued, Waiting, Close };
    /// Takes a piece of the body; false when it becomes longer than it may.
    bool takeBody(QByteArrayView piece);
    /// Queues the answer, or suspends the connection until there is one.
    Step settle();
    qint64 read(char* buffer, size_t size);
    /// The connection is through with this request.
    void over();
    /// Gives the client up: frees what waits for it and closes its connection.
    void abandon();
    /// Writes a whole answer past libmicrohttpd, which takes none in the middle of a body; the
    /// connection must be closed afterwards.
    void answerRaw(int status, const char* reason);
    void heartbeat(qint64 now, qint64 interval);

    bool discardBody = false;
    bool dispatched = false;
    std::optional<Reply> refusal; ///< decided when the headers were read; given when the body was

private:
    void suspend();
    void resume();
    void append(const QByteArray& chunk);

    MHD_Connection* m_connection;
    int m_fd;
    Reactor& m_reactor;
    const Limits& m_limits;
    Counters& m_counters;
    std::optional<Reply> m_reply;
    std::deque<QByteArray> m_pending;
    qsizetype m_pendingBytes = 0;
    qsizetype m_firstOffset = 0; ///< how much of the first pending chunk has left
    qint64 m_lastWrite = 0;
    qint64 m_taken = 0; ///< of the body, kept or not
    bool m_streaming = false;
    bool m_finished = false;
    bool m_gone = false;
    bool m_suspended = false;
};

} // namespace sb::server
