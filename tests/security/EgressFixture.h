#pragma once
#include "core/base/Guarded.h"
#include "core/egress/Proxy.h"

#include <QCoreApplication>
#include <QTemporaryDir>
#include <QTest>
#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

/// What tests of the way out share. They run in a network of their own, in which every address of
/// the internet is this machine: 8.8.8.8, 169.254.169.254 and 10.0.0.1 are reached for real, and
/// whatever listens here answers.
namespace egresskit {

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::egress;

namespace detail {

inline void writeFile(const char* path, const QByteArray& text)
{
    const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        [[maybe_unused]] const auto written = ::write(fd, text.data(), size_t(text.size()));
        ::close(fd);
    }
}

// "ip route add local 0/0 dev lo": every address of the family is ours.
inline bool everythingIsLocal(int netlink, unsigned char family)
{
    struct
    {
        nlmsghdr header;
        rtmsg route;
        rtattr attribute;
        int device;
    } request{};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = RTM_NEWROUTE;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK;
    request.route.rtm_family = family;
    request.route.rtm_table = RT_TABLE_LOCAL;
    request.route.rtm_protocol = RTPROT_BOOT;
    request.route.rtm_scope = RT_SCOPE_HOST;
    request.route.rtm_type = RTN_LOCAL;
    request.attribute.rta_type = RTA_OIF;
    request.attribute.rta_len = RTA_LENGTH(sizeof(int));
    request.device = int(::if_nametoindex("lo"));
    if (::send(netlink, &request, sizeof request, 0) < 0) {
        return false;
    }
    char answer[1024];
    const auto got = ::recv(netlink, answer, sizeof answer, 0);
    nlmsgerr error{};
    if (got < ssize_t(NLMSG_HDRLEN + sizeof error)) {
        return false;
    }
    std::memcpy(&error, answer + NLMSG_HDRLEN, sizeof error);
    return error.error == 0;
}

} // namespace detail

/// First thing in main(), while there is one thread. False when this kernel gives no such network.
inline bool enterOwnNetwork()
{
    const QByteArray uid = QByteArray::number(::getuid());
    const QByteArray gid = QByteArray::number(::getgid());
    if (::unshare(CLONE_NEWNET) != 0) {
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
            return false;
        }
        detail::writeFile("/proc/self/setgroups", "deny");
        detail::writeFile("/proc/self/uid_map", "0 " + uid + " 1");
        detail::writeFile("/proc/self/gid_map", "0 " + gid + " 1");
    }
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
    const bool up = ::ioctl(socket, SIOCSIFFLAGS, &request) == 0;
    ::close(socket);
    const int netlink = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    const bool four = detail::everythingIsLocal(netlink, AF_INET);
    detail::everythingIsLocal(netlink, AF_INET6); // a kernel without IPv6 has nothing to guard
    ::close(netlink);
    return up && four;
}

/// A certificate authority and one server's certificate, made anew.
class Certificates
{
public:
    explicit Certificates(const QStringList& names)
    {
        EVP_PKEY* authorityKey = EVP_EC_gen("P-256");
        X509* authority = certificate(authorityKey, nullptr, authorityKey, {});
        m_key = EVP_EC_gen("P-256");
        m_leaf = certificate(m_key, authority, authorityKey, names);
        authorities = m_folder.filePath(u"ca.pem"_s);
        FILE* file = std::fopen(authorities.toLocal8Bit().constData(), "w");
        PEM_write_X509(file, authority);
        std::fclose(file);
        X509_free(authority);
        EVP_PKEY_free(authorityKey);
    }
    ~Certificates()
    {
        X509_free(m_leaf);
        EVP_PKEY_free(m_key);
    }
    Certificates(const Certificates&) = delete;
    Certificates& operator=(const Certificates&) = delete;

    [[nodiscard]] SSL_CTX* server() const
    {
        SSL_CTX* context = SSL_CTX_new(TLS_server_method());
        SSL_CTX_use_certificate(context, m_leaf);
        SSL_CTX_use_PrivateKey(context, m_key);
        return context;
    }
    QString authorities; ///< a file

private:
    static X509*
    certificate(EVP_PKEY* key, X509* issuer, EVP_PKEY* issuerKey, const QStringList& names)
    {
        static long serial = 0;
        X509* made = X509_new();
        X509_set_version(made, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(made), ++serial);
        X509_gmtime_adj(X509_getm_notBefore(made), -3600);
        X509_gmtime_adj(X509_getm_notAfter(made), 3600);
        X509_set_pubkey(made, key);
        const char* title = issuer == nullptr ? "test authority" : "test server";
        X509_NAME_add_entry_by_txt(X509_get_subject_name(made),
                                   "CN",
                                   MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(title),
                                   -1,
                                   -1,
                                   0);
        X509_set_issuer_name(made, X509_get_subject_name(issuer == nullptr ? made : issuer));
        QByteArray alternatives;
        for (const QString& name : names) {
            alternatives += alternatives.isEmpty() ? "" : ",";
            alternatives += QHostAddress(name).isNull() ? "DNS:" : "IP:";
            alternatives += name.toLatin1();
        }
        X509V3_CTX context{};
        X509V3_set_ctx(&context, issuer == nullptr ? made : issuer, made, nullptr, nullptr, 0);
        const auto extend = [&](int what, const char* value) {
            X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, what, value);
            X509_add_ext(made, extension, -1);
            X509_EXTENSION_free(extension);
        };
        if (issuer == nullptr) {
            extend(NID_basic_constraints, "critical,CA:TRUE");
        } else {
            extend(NID_subject_alt_name, alternatives.constData());
        }
        X509_sign(made, issuerKey, EVP_sha256());
        return made;
    }

    QTemporaryDir m_folder;
    EVP_PKEY* m_key = nullptr;
    X509* m_leaf = nullptr;
};

/// A listening socket on a port of its own; all addresses unless one is named.
inline std::pair<int, quint16> listenOn(const QString& address = {}, quint16 port = 0)
{
    const QHostAddress four(address);
    const bool six = address.isEmpty();
    const int fd = ::socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    const int off = 0;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_storage storage{};
    socklen_t size = 0;
    if (six) {
        ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        auto* to = reinterpret_cast<sockaddr_in6*>(&storage);
        to->sin6_family = AF_INET6;
        to->sin6_port = htons(port);
        size = sizeof *to;
    } else {
        auto* to = reinterpret_cast<sockaddr_in*>(&storage);
        to->sin_family = AF_INET;
        to->sin_port = htons(port);
        to->sin_addr.s_addr = htonl(four.toIPv4Address());
        size = sizeof *to;
    }
    if (::bind(fd, reinterpret_cast<sockaddr*>(&storage), size) != 0 || ::listen(fd, 512) != 0) {
        qFatal("no socket: %s", std::strerror(errno));
    }
    sockaddr_storage bound{};
    socklen_t length = sizeof bound;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &length);
    return {fd,
            ntohs(six ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                      : reinterpret_cast<sockaddr_in*>(&bound)->sin_port)};
}

inline QByteArray ok(const QByteArray& body, const QByteArray& more = {})
{
    return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" + more +
           "Content-Length: " + QByteArray::number(body.size()) + "\r\n\r\n" + body;
}

/// A server with a thread for each connection. Keeps what it was asked, and at which address.
class Server
{
public:
    /// Answers one request (head and body); nothing closes the connection.
    using Handler = std::function<QByteArray(const QByteArray& request)>;

    explicit Server(Handler handler,
                    const QString& address = {},
                    const Certificates* certificates = nullptr,
                    quint16 wanted = 0)
        : m_handler(std::move(handler))
        , m_tls(certificates == nullptr ? nullptr : certificates->server())
    {
        std::tie(m_fd, port) = listenOn(address, wanted);
        m_thread = std::thread([this] { accept(); });
    }
    ~Server()
    {
        ::shutdown(m_fd, SHUT_RDWR);
        m_thread.join();
        ::close(m_fd);
        m_open.withLock([](std::set<int>& open) {
            for (const int fd : open) {
                ::shutdown(fd, SHUT_RDWR);
            }
        });
        for (auto& thread : m_threads) {
            thread.join();
        }
        SSL_CTX_free(m_tls);
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    [[nodiscard]] QByteArray asked()
    {
        return m_asked.withLock([](const QByteArray& asked) { return asked; });
    }
    [[nodiscard]] QStringList addresses()
    {
        return m_addresses.withLock([](const QStringList& addresses) { return addresses; });
    }
    quint16 port = 0;

private:
    struct Line
    {
        int fd;
        SSL* ssl;
        [[nodiscard]] qsizetype read(char* to, size_t most) const
        {
            return ssl != nullptr ? SSL_read(ssl, to, int(most)) : ::recv(fd, to, most, 0);
        }
        void write(const QByteArray& bytes) const
        {
            qsizetype sent = 0;
            while (sent < bytes.size()) {
                const auto now =
                    ssl != nullptr
                        ? SSL_write(ssl, bytes.data() + sent, int(bytes.size() - sent))
                        : ::send(
                              fd, bytes.data() + sent, size_t(bytes.size() - sent), MSG_NOSIGNAL);
                if (now <= 0) {
                    return;
                }
                sent += now;
            }
        }
    };

    void accept()
    {
        while (true) {
            sockaddr_storage where{};
            socklen_t size = sizeof where;
            const int fd = ::accept4(m_fd, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0) {
                return;
            }
            ::getsockname(fd, reinterpret_cast<sockaddr*>(&where), &size);
            m_addresses.withLock([&](QStringList& addresses) {
                addresses.append(QHostAddress(reinterpret_cast<sockaddr*>(&where)).toString());
            });
            m_open.withLock([fd](std::set<int>& open) { open.insert(fd); });
            m_threads.emplace_back([this, fd] { serve(fd); });
        }
    }
    void serve(int fd)
    {
        SSL* ssl = nullptr;
        if (m_tls != nullptr) {
            ssl = SSL_new(m_tls);
            SSL_set_fd(ssl, fd);
        }
        const Line line{fd, ssl};
        if (ssl == nullptr || SSL_accept(ssl) == 1) {
            talk(line);
        }
        if (ssl != nullptr) {
            SSL_shutdown(ssl);
            SSL_free(ssl);
        }
        ERR_clear_error();
        m_open.withLock([fd](std::set<int>& open) { open.erase(fd); });
        ::close(fd);
    }
    void talk(const Line& line)
    {
        QByteArray in;
        char piece[65536];
        while (true) {
            const qsizetype end = messageEnd(in);
            if (end >= 0) {
                const QByteArray answer = m_handler(in.first(end));
                in.remove(0, end);
                if (answer.isEmpty()) {
                    return;
                }
                line.write(answer);
                continue;
            }
            const auto got = line.read(piece, sizeof piece);
            if (got <= 0) {
                return;
            }
            in.append(piece, qsizetype(got));
            m_asked.withLock([&](QByteArray& asked) { asked.append(piece, qsizetype(got)); });
        }
    }
    // Trusting, as a server behind a proxy often is.
    static qsizetype messageEnd(const QByteArray& in)
    {
        const qsizetype head = in.indexOf("\r\n\r\n");
        if (head < 0) {
            return -1;
        }
        const QByteArray lines = in.first(head + 2).toLower();
        if (lines.contains("transfer-encoding: chunked")) {
            const qsizetype last = in.indexOf("0\r\n\r\n", head + 4);
            return last < 0 ? -1 : last + 5;
        }
        const qsizetype at = lines.indexOf("content-length: ");
        const qsizetype length =
            at < 0 ? 0 : lines.sliced(at + 16, lines.indexOf('\r', at) - at - 16).toLongLong();
        return in.size() >= head + 4 + length ? head + 4 + length : -1;
    }

    Handler m_handler;
    SSL_CTX* m_tls;
    int m_fd = -1;
    Guarded<QByteArray> m_asked;
    Guarded<QStringList> m_addresses;
    Guarded<std::set<int>> m_open;
    std::vector<std::thread> m_threads; // of the accepting thread, until that has ended
    std::thread m_thread;
};

/// Names as the test says; each look-up of a name takes the next of its answers, the last for good.
class TestResolver final : public Resolver
{
public:
    void set(const QString& name, const QList<QStringList>& answers)
    {
        m_names.withLock([&](auto& names) { names[name] = answers; });
    }
    Future<QList<QHostAddress>> resolve(const QString& name) override
    {
        QList<QHostAddress> addresses;
        m_names.withLock([&](auto& names) {
            asked.append(name);
            auto& answers = names[name];
            if (answers.isEmpty()) {
                return;
            }
            for (const QString& address : std::as_const(answers.first())) {
                addresses.append(QHostAddress(address));
            }
            if (answers.size() > 1) {
                answers.removeFirst();
            }
        });
        if (addresses.isEmpty()) {
            return Future<QList<QHostAddress>>::ready(
                fail(ErrorCode::Unavailable, u"The name %1 could not be resolved."_s.arg(name)));
        }
        return Future<QList<QHostAddress>>::ready(addresses);
    }
    QStringList asked;

private:
    Guarded<QHash<QString, QList<QStringList>>> m_names;
};

/// A client's end of a connection to the proxy.
class Line
{
public:
    explicit Line(quint16 port)
    {
        m_fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const timeval patience{.tv_sec = 20, .tv_usec = 0};
        ::setsockopt(m_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        m_connected = ::connect(m_fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    }
    ~Line() { ::close(m_fd); }
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;
    [[nodiscard]] bool isConnected() const { return m_connected; }
    [[nodiscard]] int fd() const { return m_fd; }
    void write(const QByteArray& bytes) const
    {
        [[maybe_unused]] const auto sent =
            ::send(m_fd, bytes.data(), size_t(bytes.size()), MSG_NOSIGNAL);
    }
    /// Until the text is there, or the other side closed; all that came.
    QByteArray readUntil(const QByteArray& text)
    {
        char piece[65536];
        while (!m_in.contains(text)) {
            const auto got = ::recv(m_fd, piece, sizeof piece, 0);
            if (got <= 0) {
                break;
            }
            m_in.append(piece, qsizetype(got));
        }
        return std::exchange(m_in, {});
    }
    QByteArray readAll() { return readUntil("\0 never \0"_ba); }

private:
    int m_fd;
    bool m_connected;
    QByteArray m_in;
};

/// A proxy with everything that it asks for, and one listening socket of agent "assistant".
class World
{
public:
    explicit World(const Rules& rules, const QString& authorities = {}, Limits limits = {})
        : m_rules(rules)
    {
        auto made = Proxy::create(
            {.clock = clock,
             .resolver = resolver,
             .rules =
                 [this](const QString&) {
                     return m_rules.withLock([](const Rules& r) { return r; });
                 },
             .ask =
                 [this](const Question& question) {
                     questions.withLock([&](QList<Question>& all) { all.append(question); });
                     return answer ? answer(question) : Future<bool>::ready(false);
                 },
             .record =
                 [this](const Session&, const QJsonObject& payload) {
                     return Future<qint64>::ready(records.withLock([&](QList<QJsonObject>& all) {
                         all.append(payload);
                         return qint64(all.size());
                     }));
                 },
             .resolveSecret =
                 [this](const QString& reference) {
                     return keys.contains(reference)
                                ? Future<SecretString>::ready(
                                      SecretString(QByteArray(keys.value(reference).constData())))
                                : Future<SecretString>::ready(
                                      fail(ErrorCode::NotFound, u"There is no such key."_s));
                 },
             .scanner = [this](const Session&) { return scanner ? scanner() : nullptr; },
             .limits = limits,
             .authorities = authorities});
        if (!made) {
            qFatal("%s", qPrintable(made.error().message));
        }
        proxy = *std::move(made);
        const auto [fd, at] = listenOn(u"127.0.0.1"_s);
        port = at;
        session.agent = u"assistant"_s;
        m_serving = proxy->serve(fd, session);
    }

    void setRules(const Rules& rules)
    {
        m_rules.withLock([&](Rules& r) { r = rules; });
    }
    void stopServing() { m_serving.reset(); }

    /// One request on a connection of its own; the whole answer.
    [[nodiscard]] QByteArray raw(const QByteArray& bytes) const
    {
        Line line(port);
        line.write(bytes);
        return line.readAll();
    }
    [[nodiscard]] QByteArray get(const QByteArray& url, const QByteArray& headers = {}) const
    {
        return raw("GET " + url + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers +
                   "\r\n");
    }
    /// All records as text, to look for what must not be in it.
    [[nodiscard]] QByteArray written()
    {
        return records.withLock([](const QList<QJsonObject>& all) {
            QByteArray text;
            for (const QJsonObject& record : all) {
                text += QJsonDocument(record).toJson(QJsonDocument::Compact) + '\n';
            }
            return text;
        });
    }

    SystemClock clock;
    TestResolver resolver;
    QHash<QString, QByteArray> keys;
    Guarded<QList<Question>> questions;
    Guarded<QList<QJsonObject>> records;
    std::function<Future<bool>(const Question&)> answer;
    std::function<std::unique_ptr<BodyScanner>()> scanner;
    Session session;
    quint16 port = 0;

private:
    Guarded<Rules> m_rules; // before the proxy, which asks for them until it is gone

public:
    std::unique_ptr<Proxy> proxy;

private:
    Subscription m_serving;
};

inline int statusOf(const QByteArray& answer)
{
    return answer.startsWith("HTTP/1.1 ") ? answer.sliced(9, 3).toInt() : 0;
}

} // namespace egresskit

/// QTEST_GUILESS_MAIN in a network of its own.
#define EGRESS_TEST_MAIN(Test)                                                                     \
    int main(int argc, char** argv)                                                                \
    {                                                                                              \
        if (!egresskit::enterOwnNetwork()) {                                                       \
            qFatal("this kernel gives no network of one's own");                                   \
        }                                                                                          \
        std::signal(SIGPIPE, SIG_IGN); /* a TLS peer that leaves is told by an error */            \
        QCoreApplication application(argc, argv);                                                  \
        Test test;                                                                                 \
        /* whose crash handler would take that signal for a crash */                               \
        QStringList arguments = QCoreApplication::arguments();                                     \
        arguments.insert(1, QStringLiteral("-nocrashhandler"));                                    \
        return QTest::qExec(&test, arguments);                                                     \
    }
