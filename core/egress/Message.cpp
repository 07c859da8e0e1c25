#include "core/egress/Message.h"

#include "core/base/Defence.h"

#include <array>
#include <llhttp.h>

namespace sb::egress {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype kMostHead = 64 << 10;
constexpr qsizetype kMostHeaders = 200;

bool same(QByteArrayView a, QByteArrayView b)
{
    return a.compare(b, Qt::CaseInsensitive) == 0;
}

} // namespace

int Head::count(QByteArrayView name) const
{
    return int(std::ranges::count_if(headers, [&](const Header& h) { return same(h.name, name); }));
}

QByteArray Head::value(QByteArrayView name) const
{
    const auto found =
        std::ranges::find_if(headers, [&](const Header& h) { return same(h.name, name); });
    return found == headers.end() ? QByteArray() : found->value;
}

struct MessageReader::Private
{
    llhttp_t parser{};
    llhttp_settings_t settings{};
    Head head;
    QByteArray body;
    qsizetype headBytes = 0;
    bool begun = false;
    bool inName = false;
    bool hasHead = false;
    bool complete = false;
    bool noBody = false;

    static Private& of(llhttp_t* parser) { return *static_cast<Private*>(parser->data); }
    int room(size_t bytes)
    {
        headBytes += qsizetype(bytes);
        return headBytes > kMostHead || head.headers.size() > kMostHeaders ? HPE_USER : HPE_OK;
    }

    static int onBegin(llhttp_t* p)
    {
        of(p).begun = true;
        return HPE_OK;
    }
    static int onUrl(llhttp_t* p, const char* at, size_t size)
    {
        of(p).head.target.append(at, qsizetype(size));
        return of(p).room(size);
    }
    static int onStatus(llhttp_t* p, const char* at, size_t size)
    {
        of(p).head.reason.append(at, qsizetype(size));
        return of(p).room(size);
    }
    static int onName(llhttp_t* p, const char* at, size_t size)
    {
        Private& self = of(p);
        if (!std::exchange(self.inName, true)) {
            self.head.headers.emplace_back();
        }
        self.head.headers.back().name.append(at, qsizetype(size));
        return self.room(size);
    }
    static int onValue(llhttp_t* p, const char* at, size_t size)
    {
        Private& self = of(p);
        self.inName = false;
        if (!self.hasHead) { // trailers are read and not kept
            self.head.headers.back().value.append(at, qsizetype(size));
        }
        return self.room(size);
    }
    static int onValueEnd(llhttp_t* p)
    {
        of(p).inName = false;
        return HPE_OK;
    }
    static int onHead(llhttp_t* p)
    {
        Private& self = of(p);
        Head& head = self.head;
        head.minor = p->http_minor;
        if (p->http_major != 1) {
            return HPE_USER;
        }
        const bool request = p->type == HTTP_REQUEST;
        if (request) {
            head.method = llhttp_method_name(llhttp_method_t(p->method));
        } else {
            head.status = p->status_code;
        }
        head.chunked = (p->flags & F_CHUNKED) != 0;
        head.length = (p->flags & F_CONTENT_LENGTH) != 0 ? qint64(p->content_length) : -1;
        const bool bodiless = !request && (self.noBody || head.status < 200 || head.status == 204 ||
                                           head.status == 304);
        head.untilClose = !request && !bodiless && llhttp_message_needs_eof(p) == 1;
        head.hasBody = !bodiless && (head.chunked || head.length > 0 || head.untilClose);
        head.keepAlive = llhttp_should_keep_alive(p) == 1;
        self.hasHead = true;
        return self.noBody && !request ? 1 : 0;
    }
    static int onBody(llhttp_t* p, const char* at, size_t size)
    {
        of(p).body.append(at, qsizetype(size));
        return HPE_OK;
    }
    static int onComplete(llhttp_t* p)
    {
        of(p).complete = true;
        return HPE_PAUSED;
    }
};

MessageReader::MessageReader(Kind kind) : m(std::make_unique<Private>())
{
    llhttp_settings_init(&m->settings);
    m->settings.on_message_begin = &Private::onBegin;
    m->settings.on_url = &Private::onUrl;
    m->settings.on_status = &Private::onStatus;
    m->settings.on_header_field = &Private::onName;
    m->settings.on_header_value = &Private::onValue;
    m->settings.on_header_value_complete = &Private::onValueEnd;
    m->settings.on_headers_complete = &Private::onHead;
    m->settings.on_body = &Private::onBody;
    m->settings.on_message_complete = &Private::onComplete;
    llhttp_init(&m->parser, kind == Kind::Request ? HTTP_REQUEST : HTTP_RESPONSE, &m->settings);
    m->parser.data = m.get();
    // Each of these stays off: they are what makes two readers disagree about where a message ends.
    const int lenientLengths = defended("egress.one-length") ? 0 : 1;
    llhttp_set_lenient_chunked_length(&m->parser, lenientLengths);
    llhttp_set_lenient_transfer_encoding(&m->parser, defended("egress.transfer-encoding") ? 0 : 1);
    const int lenientLines = defended("egress.line-ends") ? 0 : 1;
    llhttp_set_lenient_optional_cr_before_lf(&m->parser, lenientLines);
    llhttp_set_lenient_optional_lf_after_cr(&m->parser, lenientLines);
    llhttp_set_lenient_optional_crlf_after_chunk(&m->parser, lenientLines);
    llhttp_set_lenient_headers(&m->parser, defended("egress.header-syntax") ? 0 : 1);
    llhttp_set_lenient_spaces_after_chunk_size(&m->parser, defended("egress.chunk-size") ? 0 : 1);
}

MessageReader::~MessageReader() = default;

Result<qsizetype> MessageReader::feed(QByteArrayView bytes)
{
    if (m->complete || bytes.isEmpty()) {
        return 0;
    }
    const llhttp_errno_t error = llhttp_execute(&m->parser, bytes.data(), size_t(bytes.size()));
    if (error == HPE_OK) {
        return bytes.size();
    }
    const char* at = llhttp_get_error_pos(&m->parser);
    const qsizetype taken = at == nullptr ? bytes.size() : at - bytes.data();
    if (error == HPE_PAUSED) {
        return taken;
    }
    if (error == HPE_PAUSED_UPGRADE) {
        m->complete = true;
        return taken;
    }
    if (error == HPE_USER) {
        return fail(ErrorCode::InvalidInput, u"its head is too large or not of HTTP/1"_s);
    }
    const char* reason = llhttp_get_error_reason(&m->parser);
    return fail(ErrorCode::InvalidInput,
                QString::fromLatin1(reason == nullptr || *reason == '\0' ? llhttp_errno_name(error)
                                                                         : reason));
}

Result<> MessageReader::end()
{
    if (m->complete) {
        return {};
    }
    const llhttp_errno_t error = llhttp_finish(&m->parser);
    if (m->complete) { // its body ends with the connection
        return {};
    }
    return error == HPE_OK && !m->begun
               ? Result<>{}
               : fail(ErrorCode::InvalidInput, u"it ended in the middle of a message"_s);
}

void MessageReader::next()
{
    if (llhttp_get_errno(&m->parser) == HPE_PAUSED_UPGRADE) {
        llhttp_resume_after_upgrade(&m->parser);
    } else if (llhttp_get_errno(&m->parser) == HPE_PAUSED) {
        llhttp_resume(&m->parser);
    }
    m->head = {};
    m->body.clear();
    m->headBytes = 0;
    m->begun = m->inName = m->hasHead = m->complete = false;
}

void MessageReader::expectNoBody(bool none)
{
    m->noBody = none;
}

bool MessageReader::hasBegun() const
{
    return m->begun;
}

bool MessageReader::hasHead() const
{
    return m->hasHead;
}

bool MessageReader::isComplete() const
{
    return m->complete;
}

const Head& MessageReader::head() const
{
    return m->head;
}

QByteArray MessageReader::takeBody()
{
    return std::exchange(m->body, {});
}

bool isHopByHop(const Head& head, QByteArrayView name)
{
    static constexpr std::array<QByteArrayView, 10> always{"Connection",
                                                           "Keep-Alive",
                                                           "Proxy-Connection",
                                                           "Proxy-Authenticate",
                                                           "Proxy-Authorization",
                                                           "TE",
                                                           "Trailer",
                                                           "Transfer-Encoding",
                                                           "Upgrade",
                                                           "HTTP2-Settings"};
    if (!defended("egress.hop-by-hop")) {
        return same(name, "Transfer-Encoding");
    }
    if (std::ranges::any_of(always, [&](QByteArrayView hop) { return same(hop, name); })) {
        return true;
    }
    for (const Header& header : head.headers) {
        if (same(header.name, "Connection")) {
            for (const QByteArray& option : header.value.split(',')) {
                if (same(option.trimmed(), name)) {
                    return true;
                }
            }
        }
    }
    return false;
}

QByteArray writeRequestHead(const Head& head,
                            const QByteArray& host,
                            const QByteArray& path,
                            const std::map<qsizetype, SecretString>& values)
{
    // Enough from the start: growing would leave copies of a key behind.
    qsizetype size = 256 + head.method.size() + path.size() + host.size();
    for (const Header& header : head.headers) {
        size += header.name.size() + header.value.size() + 4;
    }
    for (const auto& [index, value] : values) {
        size += value.expose([](QByteArrayView bytes) { return bytes.size(); });
    }
    QByteArray text;
    text.reserve(size);
    const bool ownHost = !defended("egress.host-header") && head.count("Host") > 0;
    text += head.method + ' ' + path +
            " HTTP/1.1\r\nHost: " + (ownHost ? head.value("Host") : host) + "\r\n";
    for (qsizetype i = 0; i < head.headers.size(); ++i) {
        const Header& header = head.headers[i];
        if (isHopByHop(head, header.name) || same(header.name, "Content-Length") ||
            same(header.name, "Host")) {
            continue;
        }
        // A key needs an answer that can be searched for it.
        if (!values.empty() && same(header.name, "Accept-Encoding")) {
            continue;
        }
        text += header.name + ": ";
        if (const auto value = values.find(i); value != values.end()) {
            value->second.expose([&text](QByteArrayView bytes) { text.append(bytes); });
        } else {
            text += header.value;
        }
        text += "\r\n";
    }
    if (!values.empty()) {
        text += "Accept-Encoding: identity\r\n";
    }
    if (head.chunked) {
        text += "Transfer-Encoding: chunked\r\n";
    } else if (head.length >= 0) {
        text += "Content-Length: " + QByteArray::number(head.length) + "\r\n";
    }
    text += "\r\n";
    return text;
}

QByteArray writeResponseHead(const Head& head, bool chunked, bool keepAlive)
{
    QByteArray text;
    text.reserve(512);
    text += "HTTP/1.1 " + QByteArray::number(head.status) + ' ' + head.reason + "\r\n";
    for (const Header& header : head.headers) {
        const bool length = same(header.name, "Content-Length");
        if (isHopByHop(head, header.name) || (length && head.chunked)) {
            continue;
        }
        text += header.name + ": " + header.value + "\r\n";
    }
    if (head.status >= 200) {
        if (chunked) {
            text += "Transfer-Encoding: chunked\r\n";
        }
        text += keepAlive ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
    }
    text += "\r\n";
    return text;
}

QByteArray chunk(const QByteArray& bytes)
{
    return bytes.isEmpty()
               ? QByteArray("0\r\n\r\n")
               : QByteArray(QByteArray::number(bytes.size(), 16) + "\r\n" + bytes + "\r\n");
}

QByteArray writeAnswer(int status, const QString& sentence, bool keepAlive, bool bodiless)
{
    const char* reason = "";
    switch (status) {
    case 400:
        reason = "Bad Request";
        break;
    case 403:
        reason = "Forbidden";
        break;
    case 408:
        reason = "Request Timeout";
        break;
    case 429:
        reason = "Too Many Requests";
        break;
    case 502:
        reason = "Bad Gateway";
        break;
    case 503:
        reason = "Service Unavailable";
        break;
    case 504:
        reason = "Gateway Timeout";
        break;
    default:
        break;
    }
    const QByteArray body = sentence.toUtf8() + '\n';
    return "HTTP/1.1 " + QByteArray::number(status) + ' ' + reason +
           "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " +
           QByteArray::number(body.size()) +
           "\r\nVia: 1.1 signalbox\r\nConnection: " + (keepAlive ? "keep-alive" : "close") +
           "\r\n\r\n" + (bodiless ? QByteArray() : body);
}

} // namespace sb::egress
