#include "core/egress/Tls.h"

#include <QHostAddress>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace sb::egress {

using namespace Qt::StringLiterals;

void SslFree::operator()(ssl_st* ssl) const
{
    SSL_free(ssl);
}

void SslFree::operator()(ssl_ctx_st* context) const
{
    SSL_CTX_free(context);
}

Result<Tls> Tls::create(const QString& authorities)
{
    Tls tls;
    tls.m_context.reset(SSL_CTX_new(TLS_client_method()));
    if (!tls.m_context) {
        return fail(ErrorCode::Unsupported, u"OpenSSL cannot speak TLS here."_s);
    }
    SSL_CTX* context = tls.m_context.get();
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_mode(context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                         SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_default_verify_paths(context); // none at all only means that nobody is trusted
    if (!authorities.isEmpty() &&
        SSL_CTX_load_verify_locations(context, authorities.toLocal8Bit().constData(), nullptr) !=
            1) {
        ERR_clear_error();
        return fail(ErrorCode::InvalidInput,
                    u"The certificates in %1 cannot be read."_s.arg(authorities));
    }
    static constexpr unsigned char protocols[] = "\x08http/1.1";
    SSL_CTX_set_alpn_protos(context, protocols, sizeof protocols - 1);
    ERR_clear_error();
    return tls;
}

Result<Ssl> Tls::client(int fd, const QString& host) const
{
    Ssl ssl(SSL_new(m_context.get()));
    const QByteArray name = host.toLatin1();
    const bool address = !QHostAddress(host).isNull();
    const bool named =
        ssl && SSL_set_fd(ssl.get(), fd) == 1 &&
        (address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), name.constData()) == 1
                 : SSL_set1_host(ssl.get(), name.constData()) == 1 &&
                       SSL_set_tlsext_host_name(ssl.get(), name.constData()) == 1);
    if (!named) {
        ERR_clear_error();
        return fail(ErrorCode::Internal, u"TLS could not be prepared for %1."_s.arg(host));
    }
    SSL_set_connect_state(ssl.get());
    return ssl;
}

QString tlsFault(const ssl_st* ssl)
{
    const long verdict = SSL_get_verify_result(ssl);
    if (verdict != X509_V_OK) {
        ERR_clear_error();
        return u"its certificate is not trusted ("_s +
               QString::fromLatin1(X509_verify_cert_error_string(verdict)) + u')';
    }
    const unsigned long error = ERR_get_error();
    ERR_clear_error();
    const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
    return reason == nullptr ? u"the connection broke during TLS"_s : QString::fromLatin1(reason);
}

HelloReader::HelloReader()
    : m_context(SSL_CTX_new(TLS_server_method()))
    , m_ssl(m_context ? SSL_new(m_context.get()) : nullptr)
{
    if (!m_ssl) {
        m_found = Found::Broken; // out of memory: nothing can be told, so nothing passes
        return;
    }
    SSL_CTX_set_client_hello_cb(m_context.get(), &HelloReader::hello, nullptr);
    m_ssl.reset(SSL_new(m_context.get()));
    SSL_set_app_data(m_ssl.get(), this);
    SSL_set_bio(m_ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_null()));
    SSL_set_accept_state(m_ssl.get());
}

int HelloReader::hello(ssl_st* ssl, int*, void*)
{
    auto* self = static_cast<HelloReader*>(SSL_get_app_data(ssl));
    const unsigned char* data = nullptr;
    size_t size = 0;
    self->m_found = Found::NoName;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) == 1) {
        // One name of the type "host name": list length, type, length, name (RFC 6066).
        const auto number = [data](size_t at) { return size_t(data[at]) << 8 | data[at + 1]; };
        const bool sound =
            size > 5 && number(0) == size - 2 && data[2] == 0 && number(3) == size - 5;
        self->m_found = sound ? Found::Name : Found::Broken;
        self->m_name =
            sound ? QByteArray(reinterpret_cast<const char*>(data) + 5, qsizetype(size - 5))
                  : QByteArray();
    }
    return SSL_CLIENT_HELLO_RETRY; // it is known now; nobody shakes hands here
}

HelloReader::Found HelloReader::feed(QByteArrayView bytes)
{
    if (m_found != Found::More || bytes.isEmpty()) {
        return m_found;
    }
    if (std::exchange(m_first, false) && bytes.front() != 0x16) {
        return m_found = Found::NotTls;
    }
    BIO_write(SSL_get_rbio(m_ssl.get()), bytes.data(), int(bytes.size()));
    const int done = SSL_accept(m_ssl.get());
    const int state = SSL_get_error(m_ssl.get(), done);
    ERR_clear_error();
    if (m_found == Found::More && state != SSL_ERROR_WANT_READ) {
        m_found = Found::Broken;
    }
    return m_found;
}

} // namespace sb::egress
