#pragma once
#include "core/base/Result.h"

#include <QByteArray>
#include <QByteArrayView>
#include <memory>

struct ssl_st;
struct ssl_ctx_st;
struct bio_st;

namespace sb::egress {

struct SslFree
{
    void operator()(ssl_st* ssl) const;
    void operator()(ssl_ctx_st* context) const;
};
using Ssl = std::unique_ptr<ssl_st, SslFree>;

/// TLS towards servers: 1.2 or later, the certificate always checked against the host's name.
class Tls
{
public:
    /// `authorities` is a file with further certificates to trust beside the system's; may be
    /// empty. InvalidInput when it cannot be read.
    static Result<Tls> create(const QString& authorities);
    /// The client's side of a connection to this host on the descriptor. Not shaken hands yet.
    [[nodiscard]] Result<Ssl> client(int fd, const QString& host) const;

private:
    std::unique_ptr<ssl_ctx_st, SslFree> m_context;
};

/// What OpenSSL has to say about the last failure, in one line.
QString tlsFault(const ssl_st* ssl);

/// Reads the first bytes of a tunnel: whom the TLS inside asks for. OpenSSL does the parsing.
class HelloReader
{
public:
    enum class Found {
        More,   ///< not all of it is there yet
        Name,   ///< see name()
        NoName, ///< TLS that asks for nobody in particular
        NotTls,
        Broken, ///< begins like TLS and is none
    };
    HelloReader();
    Found feed(QByteArrayView bytes);
    /// As it stands in the message.
    [[nodiscard]] const QByteArray& name() const { return m_name; }

private:
    static int hello(ssl_st* ssl, int* alert, void* self);
    std::unique_ptr<ssl_ctx_st, SslFree> m_context;
    Ssl m_ssl;
    QByteArray m_name;
    Found m_found = Found::More;
    bool m_first = true;
};

} // namespace sb::egress
