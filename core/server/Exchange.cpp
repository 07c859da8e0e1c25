#include "core/server/Exchange.h"

#include "core/base/Defence.h"
#include "core/server/Door.h"

#include <QJsonDocument>
#include <cstring>
#include <microhttpd.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace sb::server {

namespace {

QString errorType(int status)
{
    switch (status) {
    case 401:
        return QStringLiteral("authentication_error");
    case 403:
        return QStringLiteral("permission_error");
    default:
        return status < 500 ? QStringLiteral("invalid_request_error")
                            : QStringLiteral("server_error");
    }
}

int statusOf(ErrorCode code)
{
    switch (code) {
    case ErrorCode::InvalidInput:
        return 400;
    case ErrorCode::NotFound:
        return 404;
    case ErrorCode::Conflict:
        return 409;
    case ErrorCode::Forbidden:
        return 403;
    case ErrorCode::Unavailable:
    case ErrorCode::Cancelled:
    case ErrorCode::Locked:
        return 503;
    case ErrorCode::Timeout:
        return 504;
    case ErrorCode::DiskFull:
        return 507;
    case ErrorCode::Unsupported:
        return 501;
    case ErrorCode::Io:
    case ErrorCode::Corrupt:
    case ErrorCode::TooNew:
    case ErrorCode::Internal:
        return 500;
    }
    return 500;
}

ssize_t readStream(void* self, uint64_t, char* buffer, size_t size)
{
    return (*static_cast<std::shared_ptr<Exchange>*>(self))->read(buffer, size);
}

void releaseStream(void* self)
{
    delete static_cast<std::shared_ptr<Exchange>*>(self);
}

void releaseBytes(void* bytes)
{
    delete static_cast<QByteArray*>(bytes);
}

} // namespace

Reply Reply::json(int status, const QJsonObject& object)
{
    Reply reply;
    reply.status = status;
    reply.body = QJsonDocument(object).toJson(QJsonDocument::Compact);
    return reply;
}

QJsonObject errorObject(int status, const QString& message, const QString& code)
{
    return {{QStringLiteral("message"), message},
            {QStringLiteral("type"), errorType(status)},
            {QStringLiteral("code"), code}};
}

Reply Reply::error(int status, const QString& message, const QString& code)
{
    return json(status, {{QStringLiteral("error"), errorObject(status, message, code)}});
}

Reply Reply::failure(const Error& failed)
{
    return error(statusOf(failed.code), failed.message, errorCodeName(failed.code));
}

Exchange::Exchange(
    MHD_Connection* connection, int fd, Reactor& reactor, const Limits& limits, Counters& counters)
    : m_connection(connection), m_fd(fd), m_reactor(reactor), m_limits(limits), m_counters(counters)
{
}

QByteArray Exchange::header(const char* name) const
{
    return m_connection
               ? QByteArray(MHD_lookup_connection_value(m_connection, MHD_HEADER_KIND, name))
               : QByteArray();
}

int Exchange::headerCount(const char* name) const
{
    struct Search
    {
        const char* name;
        int found = 0;
    } search{name};
    const auto count = [](void* self, MHD_ValueKind, const char* key, const char*) {
        auto* wanted = static_cast<Search*>(self);
        wanted->found += qstricmp(key, wanted->name) == 0 ? 1 : 0;
        return MHD_YES;
    };
    if (m_connection) {
        MHD_get_connection_values(m_connection, MHD_HEADER_KIND, count, &search);
    }
    return search.found;
}

QList<QByteArray> Exchange::arguments() const
{
    QList<QByteArray> values;
    const auto add = [](void* self, MHD_ValueKind, const char* name, const char* value) {
        static_cast<QList<QByteArray>*>(self)->append(value != nullptr ? value : name);
        return MHD_YES;
    };
    if (m_connection) {
        MHD_get_connection_values(m_connection, MHD_GET_ARGUMENT_KIND, add, &values);
    }
    return values;
}

std::optional<QByteArray> Exchange::argument(const char* name) const
{
    const char* value = nullptr;
    size_t size = 0;
    if (!m_connection ||
        MHD_lookup_connection_value_n(
            m_connection, MHD_GET_ARGUMENT_KIND, name, std::strlen(name), &value, &size) !=
            MHD_YES) {
        return std::nullopt;
    }
    return QByteArray(value, qsizetype(size));
}

void Exchange::answer(Reply reply)
{
    if (!isOpen() || isAnswered()) {
        return;
    }
    m_reply = std::move(reply);
    resume();
}

void Exchange::openStream()
{
    if (!isOpen() || isAnswered()) {
        return;
    }
    m_streaming = true;
    m_lastWrite = steadyMs();
    ++m_counters.streams;
    // The kernel would otherwise keep megabytes for a listener that does not read.
    const int size = int(m_limits.pendingBytes);
    ::setsockopt(m_fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    resume();
}

void Exchange::append(const QByteArray& chunk)
{
    m_pending.push_back(chunk);
    m_pendingBytes += chunk.size();
    m_lastWrite = steadyMs();
}

bool Exchange::write(const QByteArray& chunk)
{
    if (!isOpen() || m_finished) {
        return false;
    }
    if (m_pendingBytes + chunk.size() > m_limits.pendingBytes ||
        int(m_pending.size()) >= m_limits.pendingEvents) {
        ++m_counters.dropped;
        abandon();
        return false;
    }
    append(chunk);
    resume();
    return true;
}

void Exchange::writePage(const QByteArray& chunk)
{
    if (isOpen() && !m_finished && !chunk.isEmpty()) {
        append(chunk);
        resume();
    }
}

void Exchange::finish()
{
    m_finished = true;
    resume();
}

bool Exchange::takeBody(QByteArrayView piece)
{
    m_taken += piece.size();
    if (m_taken > m_limits.maxBody && defended("http.body-cap")) {
        return false;
    }
    if (!discardBody) {
        body.append(piece);
    }
    return true;
}

Exchange::Step Exchange::settle()
{
    if (m_gone) {
        return Step::Close;
    }
    if (!isAnswered()) {
        suspend();
        return Step::Waiting;
    }
    MHD_Response* response = nullptr;
    int status = 200;
    if (m_streaming) {
        response =
            MHD_create_response_from_callback(MHD_SIZE_UNKNOWN,
                                              16 << 10,
                                              readStream,
                                              new std::shared_ptr<Exchange>(shared_from_this()),
                                              releaseStream);
        MHD_add_response_header(response, "Content-Type", "text/event-stream; charset=utf-8");
    } else {
        status = m_reply->status;
        auto* bytes = new QByteArray(std::move(m_reply->body));
        response = MHD_create_response_from_buffer_with_free_callback_cls(
            size_t(bytes->size()), bytes->constData(), releaseBytes, bytes);
        MHD_add_response_header(response, "Content-Type", m_reply->type.constData());
        for (const auto& [name, value] : m_reply->headers) {
            MHD_add_response_header(response, name.constData(), value.constData());
        }
    }
    for (const auto& [name, value] : protectingHeaders()) {
        MHD_add_response_header(response, name.constData(), value.constData());
    }
    const auto queued = MHD_queue_response(m_connection, unsigned(status), response);
    MHD_destroy_response(response);
    ++m_counters.requests[{route, status}];
    return queued == MHD_YES ? Step::Queued : Step::Close;
}

qint64 Exchange::read(char* buffer, size_t size)
{
    if (m_gone) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (m_pending.empty() && !m_finished && onDrained) {
        onDrained();
    }
    size_t filled = 0;
    while (filled < size && !m_pending.empty()) {
        const QByteArray& first = m_pending.front();
        const size_t part = std::min(size - filled, size_t(first.size() - m_firstOffset));
        std::memcpy(buffer + filled, first.constData() + m_firstOffset, part);
        filled += part;
        m_firstOffset += qsizetype(part);
        m_pendingBytes -= qsizetype(part);
        if (m_firstOffset == first.size()) {
            m_pending.pop_front();
            m_firstOffset = 0;
        }
    }
    if (filled > 0) {
        return qint64(filled);
    }
    if (m_finished) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    suspend();
    return 0;
}

void Exchange::over()
{
    // It can be over while it is suspended only when the daemon stops, and then everything was
    // resumed before.
    m_connection = nullptr;
    m_pending.clear();
    m_pendingBytes = 0;
    if (m_streaming) {
        --m_counters.streams;
    }
    onDrained = nullptr;
    if (auto closed = std::exchange(onClosed, nullptr)) {
        closed();
    }
}

void Exchange::abandon()
{
    if (!isOpen()) {
        return;
    }
    m_gone = true;
    m_pending.clear();
    m_pendingBytes = 0;
    ::shutdown(m_fd, SHUT_RDWR);
    resume();
}

void Exchange::answerRaw(int status, const char* reason)
{
    const auto reply =
        Reply::error(status, QString::fromLatin1(reason), QStringLiteral("invalid_input"));
    QByteArray bytes = "HTTP/1.1 " + QByteArray::number(status) + ' ' +
                       (status == 413 ? "Content Too Large" : "Request Timeout") +
                       "\r\nConnection: close\r\nContent-Type: application/json\r\n";
    for (const auto& [name, value] : protectingHeaders()) {
        bytes += name + ": " + value + "\r\n";
    }
    bytes += "Content-Length: " + QByteArray::number(reply.body.size()) + "\r\n\r\n" + reply.body;
    ++m_counters.requests[{route, status}];
    [[maybe_unused]] const auto sent =
        ::send(m_fd, bytes.constData(), size_t(bytes.size()), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void Exchange::heartbeat(qint64 now, qint64 interval)
{
    if (m_streaming && m_pending.empty() && now - m_lastWrite >= interval) {
        write(": still here\n\n");
    }
}

void Exchange::suspend()
{
    MHD_suspend_connection(m_connection);
    m_suspended = true;
    // Nobody else notices now that the client goes away.
    const auto watched = m_reactor.watch(m_fd, EPOLLRDHUP, [this](unsigned) { abandon(); });
    if (!watched) {
        abandon();
    }
}

void Exchange::resume()
{
    if (m_suspended) {
        m_suspended = false;
        m_reactor.unwatch(m_fd);
        MHD_resume_connection(m_connection);
    }
}

} // namespace sb::server
