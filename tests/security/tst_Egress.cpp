#include "core/egress/Injector.h"
#include "core/egress/Target.h"
#include "core/egress/Tls.h"
#include "tests/security/EgressFixture.h"

using namespace egresskit;

class tst_Egress : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void readsAuthorities_data()
    {
        QTest::addColumn<QByteArray>("written");
        QTest::addColumn<QString>("place"); // empty: refused
        const auto row = [](const char* written, const char* place) {
            QTest::newRow(written) << QByteArray(written) << QString::fromUtf8(place);
        };
        row("Example.COM:80", "example.com:80");
        row("example.com.:80", "example.com:80");
        row("example.com", "example.com:8080");
        row("127.1:80", "127.0.0.1:80");
        row("2130706433:80", "127.0.0.1:80");
        row("0x7f000001:80", "127.0.0.1:80");
        row("0177.0.0.01:80", "127.0.0.1:80");
        row("0x7f.0.1:80", "127.0.0.1:80");
        row("169.254.169.254.:80", "169.254.169.254:80");
        row("0:80", "0.0.0.0:80");
        row("[::1]:80", "[::1]:80");
        row("[::FFFF:7f00:1]:80", "[::ffff:127.0.0.1]:80");
        row("bücher.example:80", "xn--bcher-kva.example:80");
        row("１２７.0.0.1:80", "127.0.0.1:80");
        row("example。com:80", "example.com:80");
        row("a_b.example:80", "a_b.example:80");
        row("256.0.0.1:80", "");
        row("1.2.3.4.5:80", "");
        row("0x:80", "0.0.0.0:80");
        row("4294967296:80", "");
        row("[::1:80", "");
        row("[fe80::1%25lo]:80", "");
        row("[127.0.0.1]:80", "");
        row("a..b:80", "");
        row("..:80", "");
        row(".:80", "");
        row(":80", "");
        row("", "");
        row("example.com:0", "");
        row("example.com:65536", "");
        row("example.com:+80", "");
        row("example.com:80:80", "");
        row("user@example.com:80", "");
        row("%65xample.com:80", "");
        row("exa mple.com:80", "");
        row("exa\\mple.com:80", "");
        row("example.com\x01:80", "");
        row("\xff\xfe:80", "");
    }
    void readsAuthorities()
    {
        QFETCH(QByteArray, written);
        QFETCH(QString, place);
        const auto target = readAuthority(written, 8080);
        QCOMPARE(target ? target->place() : QString(), place);
    }

    void readsUrls()
    {
        const auto target = readUrl("http://Example.com:81?a=b#c");
        QVERIFY(target);
        QCOMPARE(target->place(), u"example.com:81"_s);
        QCOMPARE(target->path, "/?a=b"_ba);
        QCOMPARE(readUrl("https://a.example/x")->hostHeader(), "a.example"_ba);
        QCOMPARE(readUrl("https://a.example:80/x")->hostHeader(), "a.example:80"_ba);
        for (const char* url : {"ftp://a/",
                                "//a/",
                                "/x",
                                "a.example",
                                "http://a\\@b/",
                                "http:///x",
                                "http://a\tb/",
                                "http://a/b c"}) {
            QVERIFY2(!readUrl(url), url);
        }
    }

    void judgesAddresses_data()
    {
        QTest::addColumn<AddressKind>("kind");
        const auto rows = [](AddressKind kind, std::initializer_list<const char*> addresses) {
            for (const char* address : addresses) {
                QTest::newRow(address) << kind;
            }
        };
        rows(AddressKind::Public,
             {"8.8.8.8",
              "172.15.0.1",
              "172.32.0.1",
              "100.63.0.1",
              "100.128.0.1",
              "192.169.0.1",
              "2606:4700::1111",
              "::ffff:8.8.8.8",
              "64:ff9b::808:808",
              "2002:808:808::1"});
        rows(AddressKind::Private,
             {"10.0.0.1",
              "172.16.0.1",
              "172.31.255.255",
              "192.168.1.1",
              "::ffff:10.0.0.1",
              "64:ff9b::a00:1",
              "64:ff9b:1::a00:1",
              "2002:a00:1::1",
              "2001:0:1:2:3:4:f5ff:fffe"}); // Teredo: 10.0.0.1 inverted
        rows(AddressKind::CarrierNat, {"100.64.0.1", "100.127.255.255"});
        rows(AddressKind::UniqueLocal, {"fc00::1", "fd12::1"});
        rows(AddressKind::Benchmarking, {"198.18.0.1", "198.19.255.255", "2001:2::1"});
        rows(AddressKind::Loopback,
             {"127.0.0.1",
              "127.255.0.1",
              "::1",
              "::ffff:127.0.0.1",
              "::127.0.0.1",
              "64:ff9b::7f00:1",
              "2002:7f00:1::"});
        rows(AddressKind::LinkLocal, {"169.254.1.1", "fe80::1", "febf::1"});
        rows(AddressKind::Metadata,
             {"169.254.169.254",
              "169.254.170.2",
              "100.100.100.200",
              "192.0.0.192",
              "fd00:ec2::254",
              "168.63.129.16",
              "64:ff9b:1::a9fe:a9fe"});
        rows(AddressKind::ThisNetwork, {"0.0.0.0", "0.1.2.3", "::"});
        rows(AddressKind::Multicast, {"224.0.0.1", "239.255.255.250", "ff02::1"});
        rows(AddressKind::Broadcast, {"255.255.255.255"});
        rows(AddressKind::Documentation,
             {"192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"});
        rows(AddressKind::Reserved,
             {"240.0.0.1",
              "192.88.99.1",
              "fec0::1",
              "100::1",
              "4000::1",
              "2001:0:1:2:3:4:f7f7:f7f7"});
    }
    void judgesAddresses()
    {
        QFETCH(AddressKind, kind);
        QCOMPARE(int(judge(QHostAddress(QString::fromLatin1(QTest::currentDataTag()))).kind),
                 int(kind));
    }

    void onlyAnExactEntryOpensAPrivateAddress()
    {
        const QHostAddress loopback(u"127.0.0.1"_s);
        const QHostAddress office(u"10.1.2.3"_s);
        QVERIFY(mayConnect(u"example.com"_s, Listing::Wildcard, QHostAddress(u"8.8.8.8"_s)));
        QVERIFY(!mayConnect(u"a.example.com"_s, Listing::Wildcard, office));
        QVERIFY(mayConnect(u"git.example.com"_s, Listing::Exact, office));
        QVERIFY(!mayConnect(u"git.example.com"_s, Listing::Exact, loopback)); // rebound
        QVERIFY(mayConnect(u"localhost"_s, Listing::Exact, loopback));
        QVERIFY(!mayConnect(u"localhost"_s, Listing::Wildcard, loopback));
        QVERIFY(mayConnect(u"127.0.0.1"_s, Listing::Exact, loopback));
    }

    void findsWhatIsListed()
    {
        const QStringList list{u"gitlab.com:443"_s,
                               u"*.example.org:443"_s,
                               u"many.test:*"_s,
                               u"*:9999"_s,
                               u"Bücher.example:80"_s,
                               u"10.0.0.1:80"_s};
        const auto how = [&](const char* place) {
            return int(findListed(*readAuthority(place, 0), list).listing);
        };
        QCOMPARE(how("gitlab.com:443"), int(Listing::Exact));
        QCOMPARE(how("gitlab.com.:443"), int(Listing::Exact));
        QCOMPARE(how("gitlab.com:80"), int(Listing::None));
        QCOMPARE(how("evilgitlab.com:443"), int(Listing::None));
        QCOMPARE(how("gitlab.com.evil.test:443"), int(Listing::None));
        QCOMPARE(how("a.b.example.org:443"), int(Listing::Wildcard));
        QCOMPARE(how("example.org:443"), int(Listing::None));
        QCOMPARE(how("evilexample.org:443"), int(Listing::None));
        QCOMPARE(how("many.test:1"), int(Listing::Wildcard));
        QCOMPARE(how("any.test:9999"), int(Listing::Wildcard));
        QCOMPARE(how("8.8.8.8:9999"), int(Listing::None)); // a wildcard names no address
        QCOMPARE(how("xn--bcher-kva.example:80"), int(Listing::Exact));
        QCOMPARE(how("012.1:80"), int(Listing::Exact));
    }

    void knowsLookAlikes()
    {
        const QStringList list{u"paypal.com:443"_s, u"*.example.org:443"_s, u"bücher.example:80"_s};
        const auto like = [&](const char* place) {
            return looksLike(*readAuthority(place, 0), list);
        };
        QCOMPARE(like("p\u0430ypal.com:443"), u"paypal.com"_s);
        QCOMPARE(like("\u0440\u0430\u0443\u0440\u0430\u04cf.com:443"), u"paypal.com"_s);
        QCOMPARE(like("www.ex\u0430mple.org:443"), u"example.org"_s);
        QCOMPARE(like("b\u00fccher.example:80"), QString());
        QCOMPARE(like("paypal.com:443"), QString());
        QCOMPARE(like("m\u00fcnchen.example:443"), QString());
    }

    void blotsOutAnEchoInPieces()
    {
        for (int cut = 0; cut <= 20; ++cut) {
            EchoGuard guard;
            guard.know(SecretString("s3cret-key"_ba));
            const QByteArray text = "abs3s3cret-keyx s3cret";
            QByteArray out = guard.pass(text.first(cut), false);
            out += guard.pass(text.sliced(cut), true);
            QCOMPARE(out, "abs3**********x s3cret"_ba);
        }
    }

    void anAgentReachesItsHostAndNothingElse()
    {
        // Real servers on several addresses with the same port, and a name for each.
        const auto saying = [](const char* what) {
            return [what](const QByteArray&) { return ok(what); };
        };
        Server two(saying("two"), u"127.0.0.2"_s);
        Server three(saying("three"), u"127.0.0.3"_s, nullptr, two.port);
        Server outside(saying("outside"), u"93.184.216.34"_s, nullptr, two.port);
        Server other(saying("other"), u"93.184.216.35"_s, nullptr, two.port);
        const QByteArray port = QByteArray::number(two.port);
        const QString colon = u':' + QString::number(two.port);
        World world({.allow = {u"outside.test"_s + colon, u"127.0.0.2"_s + colon}});
        world.resolver.set(u"outside.test"_s, {{u"93.184.216.34"_s}});
        world.resolver.set(u"other.test"_s, {{u"93.184.216.35"_s}});
        world.resolver.set(u"two.test"_s, {{u"127.0.0.2"_s}});
        QVERIFY(world.get("http://outside.test:" + port + "/").endsWith("outside"));
        QVERIFY(world.get("http://127.0.0.2:" + port + "/").endsWith("two"));
        for (const char* host : {"other.test",
                                 "two.test",
                                 "127.0.0.3",
                                 "93.184.216.35",
                                 "93.184.216.34",
                                 "a.outside.test",
                                 "localhost",
                                 "[::1]"}) {
            const QByteArray answer = world.get("http://" + QByteArray(host) + ':' + port + "/");
            QCOMPARE(statusOf(answer), 403);
            QVERIFY(answer.contains("Content-Type: text/plain"));
            const QByteArray tunnel =
                world.raw("CONNECT " + QByteArray(host) + ':' + port + " HTTP/1.1\r\n\r\n");
            QCOMPARE(statusOf(tunnel), 403);
        }
        QCOMPARE(statusOf(world.get("http://outside.test:1/")), 403); // its other ports neither
        QCOMPARE(three.asked(), QByteArray());
        QCOMPARE(other.asked(), QByteArray());
        QCOMPARE(outside.addresses(), QStringList{u"93.184.216.34"_s});
        QCOMPARE(two.addresses(), QStringList{u"127.0.0.2"_s});
        // No name outside the list is even looked up: that would be a way out by itself.
        QCOMPARE(world.resolver.asked, QStringList{u"outside.test"_s});
    }

    void sendsWhatWasMeantForTheServerOnly()
    {
        Server server(
            [](const QByteArray&) { return ok("fine", "Connection: X-Own\r\nX-Own: 1\r\n"); });
        World world({.allow = {u"a.test:*"_s}});
        world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
        const QByteArray url = "http://a.test:" + QByteArray::number(server.port) + "/p?q=1";
        const QByteArray answer = world.get(url,
                                            "Proxy-Authorization: Basic eA==\r\nX-Hop: 1\r\n"
                                            "Connection: X-Hop\r\nKeep-Alive: 5\r\nX-Mine: 2\r\n");
        QVERIFY(answer.endsWith("fine"));
        QVERIFY(!answer.contains("X-Own"));
        QCOMPARE(server.asked(),
                 "GET /p?q=1 HTTP/1.1\r\nHost: a.test:" + QByteArray::number(server.port) +
                     "\r\nX-Mine: 2\r\n\r\n");
    }

    void carriesBodiesBothWays()
    {
        Server server([](const QByteArray& request) -> QByteArray {
            const qsizetype head = request.indexOf("\r\n\r\n");
            return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                   chunk(request.sliced(head + 4)) + chunk({});
        });
        World world({.allow = {u"a.test:*"_s}});
        world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
        const QByteArray url = "http://a.test:" + QByteArray::number(server.port) + "/";
        const QByteArray big(3 << 20, 'X'); // no digit of a chunk's size
        const QByteArray answer = world.raw(
            "POST " + url + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " +
            QByteArray::number(big.size()) + "\r\n\r\n" + big);
        QCOMPARE(answer.count('X'), big.size());
        QVERIFY(answer.endsWith("0\r\n\r\n"));
        // Chunks go on as chunks; an old client gets them without.
        Line line(world.port);
        line.write(
            "POST " + url +
            " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
        QVERIFY(line.readUntil("0\r\n\r\n").contains("3\r\nabc\r\n"));
        line.write("GET " + url + " HTTP/1.0\r\n\r\n");
        const QByteArray old = line.readAll();
        QVERIFY(old.contains("Connection: close"));
        QVERIFY(!old.contains("chunked"));
        QCOMPARE(server.addresses().size(), 2); // the second line's requests shared a connection
    }

    void keepsConnectionsAndTellsInterimAnswers()
    {
        Server server([](const QByteArray&) {
            return "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"_ba;
        });
        World world({.allow = {u"a.test:*"_s}});
        world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
        const QByteArray request = "GET http://a.test:" + QByteArray::number(server.port) +
                                   "/ HTTP/1.1\r\nHost: x\r\n\r\n";
        Line line(world.port);
        for (int i = 0; i < 3; ++i) {
            line.write(request);
            QVERIFY(line.readUntil("keep-alive\r\n\r\n").startsWith("HTTP/1.1 100"));
        }
        line.write(request + request); // and one right behind another
        QCOMPARE(line.readUntil("keep-alive\r\n\r\n").count("204") >= 1, true);
        QCOMPARE(server.addresses().size(), 1);
    }

    void retriesWhenAKeptConnectionWasClosed()
    {
        std::atomic<int> count = 0;
        Server server([&](const QByteArray&) { return ++count == 2 ? QByteArray() : ok("x"); });
        World world({.allow = {u"a.test:*"_s}});
        world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
        const QByteArray request = "GET http://a.test:" + QByteArray::number(server.port) +
                                   "/ HTTP/1.1\r\nHost: x\r\n\r\n";
        Line line(world.port);
        line.write(request);
        QCOMPARE(statusOf(line.readUntil("\r\n\r\nx")), 200);
        line.write(request); // the server closes instead of an answer
        QCOMPARE(statusOf(line.readUntil("\r\n\r\nx")), 200);
        QCOMPARE(count.load(), 3);
    }

    void tunnels()
    {
        const Certificates certificates({u"a.test"_s});
        Server server([](const QByteArray&) { return ok("through"); }, {}, &certificates);
        World world({.allow = {u"a.test:*"_s}});
        world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
        Line line(world.port);
        line.write("CONNECT a.test:" + QByteArray::number(server.port) +
                   " HTTP/1.1\r\nHost: x\r\n\r\n");
        QCOMPARE(statusOf(line.readUntil("\r\n\r\n")), 200);
        SSL_CTX* context = SSL_CTX_new(TLS_client_method());
        SSL* ssl = SSL_new(context);
        SSL_set_tlsext_host_name(ssl, "a.test");
        SSL_set_fd(ssl, line.fd());
        QCOMPARE(SSL_connect(ssl), 1);
        const QByteArray request = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
        SSL_write(ssl, request.data(), int(request.size()));
        QByteArray answer(1000, 0);
        answer.truncate(std::max(0, SSL_read(ssl, answer.data(), 1000)));
        QVERIFY(answer.endsWith("through"));
        SSL_free(ssl);
        SSL_CTX_free(context);
        QVERIFY(world.written().contains("\"content\":\"unscanned\""));
        QCOMPARE(world.proxy->stats().tunnels, 1);
    }

    void writesEveryRequestDownBeforeItIsMade()
    {
        Server server([](const QByteArray&) { return ok("x"); });
        World world({.allow = {u"a.test:*"_s}});
        world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
        QCOMPARE(statusOf(world.get("http://a.test:" + QByteArray::number(server.port) +
                                    "/path?token=hidden")),
                 200);
        QTRY_COMPARE(world.records.withLock([](auto& all) { return all.size(); }), 2);
        const auto all = world.records.withLock([](auto& records) { return records; });
        QCOMPARE(all[0].value(u"phase"_s).toString(), u"intent"_s);
        QCOMPARE(all[0].value(u"verdict"_s).toString(), u"allowed"_s);
        QCOMPARE(all[0].value(u"rule"_s).toString(), u"a.test:*"_s);
        QCOMPARE(all[0].value(u"address"_s).toString(), u"93.184.216.34"_s);
        QCOMPARE(all[1].value(u"phase"_s).toString(), u"done"_s);
        QCOMPARE(all[1].value(u"intent"_s).toInt(), 1);
        QCOMPARE(all[1].value(u"status"_s).toInt(), 200);
        QVERIFY(all[1].value(u"bytes_in"_s).toInt() > 0);
        QVERIFY(!world.written().contains("hidden"));
    }

    void asksAPersonAboutWhatIsNotListed()
    {
        Server server([](const QByteArray&) { return ok("x"); });
        World world({});
        world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
        world.resolver.set(u"inner.test"_s, {{u"10.0.0.1"_s}});
        const QByteArray port = QByteArray::number(server.port);
        QCOMPARE(statusOf(world.get("http://a.test:" + port + "/")), 403);
        world.answer = [](const Question&) { return Future<bool>::ready(true); };
        QCOMPARE(statusOf(world.get("http://a.test:" + port + "/")), 200);
        // A yes is for public addresses; the list itself can say more.
        QCOMPARE(statusOf(world.get("http://inner.test:" + port + "/")), 403);
        world.answer = [&](const Question& question) {
            world.setRules({.allow = {question.entry}});
            return Future<bool>::ready(true);
        };
        QCOMPARE(statusOf(world.get("http://inner.test:" + port + "/")), 200);
        const auto asked = world.questions.withLock([](auto& all) { return all; });
        QCOMPARE(asked.size(), 4);
        QCOMPARE(asked[0].entry, u"a.test:"_s + QString::fromLatin1(port));
        QCOMPARE(asked[0].session.agent, u"assistant"_s);
    }

    void forgetsAQuestionWhoseClientLeft()
    {
        World world({});
        Promise<bool> never;
        world.answer = [&](const Question&) { return never.future(); };
        {
            Line line(world.port);
            line.write("GET http://a.test/ HTTP/1.1\r\nHost: x\r\n\r\n");
            QTRY_COMPARE(world.questions.withLock([](auto& all) { return all.size(); }), 1);
        }
        QTRY_COMPARE(world.proxy->stats().clients, 0);
    }

    void putsKeysIn()
    {
        const Certificates certificates({u"git.test"_s});
        Server server([](const QByteArray&) { return ok("x"); }, {}, &certificates);
        const QString place = u"git.test:"_s + QString::number(server.port);
        World world({.allow = {place},
                     .inject = {{place, u"Authorization"_s, u"signalbox:git"_s, u"keys/git"_s}}},
                    certificates.authorities);
        world.resolver.set(u"git.test"_s, {{u"93.184.216.34"_s}});
        world.keys[u"keys/git"_s] = "t0p-s3cret\n";
        const QByteArray url = "http://" + place.toLatin1() + "/repo";
        QCOMPARE(statusOf(world.get(url, "Authorization: Bearer signalbox:git\r\n")), 200);
        QVERIFY(server.asked().contains("Authorization: Bearer t0p-s3cret\r\n"));
        // The default port of a plain request is enough, and Basic holds it in base64.
        QCOMPARE(statusOf(world.get("http://git.test/repo",
                                    "Authorization: Basic " + "me:signalbox:git"_ba.toBase64() +
                                        "\r\n")),
                 200);
        QVERIFY(server.asked().contains(QByteArray("Basic " + "me:t0p-s3cret"_ba.toBase64())));
        QVERIFY(!world.written().contains("s3cret"));
        QVERIFY(world.written().contains("\"key\":\"keys/git\""));
        QCOMPARE(world.proxy->stats().injected, 2);
    }

    void saysWhatIsWrongWithAServer()
    {
        const Certificates certificates({u"right.test"_s});
        Server tls([](const QByteArray&) { return ok("x"); }, {}, &certificates);
        Server nonsense([](const QByteArray&) { return "nonsense\r\n\r\n"_ba; });
        Server closing([](const QByteArray&) { return QByteArray(); });
        World world({.allow = {u"*:*"_s}}, certificates.authorities);
        world.resolver.set(u"wrong.test"_s, {{u"93.184.216.34"_s}});
        const auto at = [](const char* scheme, quint16 port) -> QByteArray {
            return scheme + "://wrong.test:"_ba + QByteArray::number(port) + "/";
        };
        const QByteArray mistrusted = world.get(at("https", tls.port));
        QCOMPARE(statusOf(mistrusted), 502);
        QVERIFY(mistrusted.contains("certificate"));
        QCOMPARE(statusOf(world.get(at("http", nonsense.port))), 502);
        QCOMPARE(statusOf(world.get(at("http", closing.port))), 502);
        QCOMPARE(statusOf(world.get(at("http", 1))), 502);
        const QByteArray unknown = world.get("http://nowhere.test/");
        QCOMPARE(statusOf(unknown), 502);
        QVERIFY(unknown.contains("could not be resolved"));
    }

    void triesTheNextAddress()
    {
        Server server([](const QByteArray&) { return ok("x"); }, u"93.184.216.35"_s);
        World world({.allow = {u"a.test:*"_s}});
        world.resolver.set(u"a.test"_s, {{u"10.0.0.1"_s, u"93.184.216.34"_s, u"93.184.216.35"_s}});
        QCOMPARE(statusOf(world.get("http://a.test:" + QByteArray::number(server.port) + "/")),
                 200);
        QCOMPARE(server.addresses(), QStringList{u"93.184.216.35"_s});
    }

    void givesUpInTime()
    {
        FakeClock clock;
        TestResolver resolver;
        resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
        auto proxy =
            Proxy::create({.clock = clock, .resolver = resolver, .rules = [](const QString&) {
                               return Rules{.allow = {u"a.test:*"_s}};
                           }});
        QVERIFY(proxy);
        const auto [fd, port] = listenOn(u"127.0.0.1"_s);
        const Subscription serving = (*proxy)->serve(fd, {});
        // A server that takes the connection and says nothing.
        const auto [mute, mutePort] = listenOn({});
        {
            Line line(port);
            line.write("GET http://a.test:" + QByteArray::number(mutePort) +
                       "/ HTTP/1.1\r\nHost: x\r\n\r\n");
            QTRY_COMPARE((*proxy)->stats().servers, 1);
            QTRY_VERIFY((*proxy)->stats().bytesOut > 0);
            while ((*proxy)->stats().servers > 0) {
                clock.advance(Milliseconds(20'000));
            }
            QCOMPARE(statusOf(line.readAll()), 504);
        }
        QTRY_COMPARE((*proxy)->stats().clients, 0);
        // Half a request.
        Line slow(port);
        slow.write("GET http://a.te");
        QTRY_COMPARE((*proxy)->stats().clients, 1);
        while ((*proxy)->stats().clients > 0) {
            clock.advance(Milliseconds(20'000));
        }
        QCOMPARE(slow.readAll(), QByteArray());
        // A fetch has its own patience, and can be cancelled.
        auto late = (*proxy)->fetch(
            {.url = u"http://a.test:%1/"_s.arg(mutePort), .patience = Milliseconds(5'000)}, {});
        QTRY_COMPARE((*proxy)->stats().servers, 1);
        while ((*proxy)->stats().servers > 0) {
            clock.advance(Milliseconds(1'000));
        }
        QCOMPARE(std::move(late).wait().error().code, ErrorCode::Timeout);
        std::stop_source stop;
        auto cancelled =
            (*proxy)->fetch({.url = u"http://a.test:%1/"_s.arg(mutePort)}, {}, stop.get_token());
        QTRY_COMPARE((*proxy)->stats().servers, 1);
        stop.request_stop();
        QCOMPARE(std::move(cancelled).wait().error().code, ErrorCode::Cancelled);
        ::close(mute);
    }

    void slowOnesHoldNobodyUp()
    {
        Server server([](const QByteArray&) { return ok("x"); });
        World world({.allow = {u"a.test:*"_s}});
        world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
        const QByteArray request =
            "GET http://a.test:" + QByteArray::number(server.port) + "/ HTTP/1.1\r\nHost: x\r\n";
        std::vector<std::unique_ptr<Line>> slow;
        for (int i = 0; i < 200; ++i) {
            slow.push_back(std::make_unique<Line>(world.port));
            slow.back()->write(request.first(10 + i % 20));
        }
        QElapsedTimer timer;
        timer.start();
        for (int i = 0; i < 20; ++i) {
            QCOMPARE(statusOf(world.raw(request + "Connection: close\r\n\r\n")), 200);
        }
        QVERIFY(timer.elapsed() < 5'000);
    }

    void endsWithItsSession()
    {
        World world({.allow = {u"a.test:*"_s}});
        Line line(world.port);
        line.write("GET http:");
        QTRY_COMPARE(world.proxy->stats().clients, 1);
        world.stopServing();
        QCOMPARE(line.readAll(), QByteArray());
        QTRY_COMPARE(world.proxy->stats().clients, 0);
        QTRY_VERIFY(!Line(world.port).isConnected());
    }

    void fetchesAndFollows()
    {
        Server server([](const QByteArray& request) {
            return request.startsWith("GET /old")
                       ? "HTTP/1.1 302 Found\r\nLocation: /new?x=1\r\nContent-Length: 0\r\n\r\n"_ba
                       : ok("arrived");
        });
        World world({.allow = {u"a.test:*"_s}});
        world.resolver.set(u"a.test"_s, {{u"93.184.216.34"_s}});
        const QString top = u"http://a.test:%1"_s.arg(server.port);
        const auto reply = world.proxy->fetch({.url = top + u"/old"_s}, world.session).wait();
        QVERIFY(reply);
        QCOMPARE(reply->body, "arrived"_ba);
        QCOMPARE(reply->url, QString(top + u"/new?x=1"_s));
        QCOMPARE(reply->hops, QStringList{top + u"/old"_s});
        QCOMPARE(reply->address, u"93.184.216.34"_s);
        QCOMPARE(reply->header("content-TYPE"), "text/plain"_ba);
        const auto cut =
            world.proxy->fetch({.url = top + u"/new"_s, .maxBytes = 3}, world.session).wait();
        QCOMPARE(cut->body, "arr"_ba);
        QVERIFY(cut->truncated);
        const auto loop =
            world.proxy->fetch({.url = top + u"/old"_s, .redirects = 0}, world.session).wait();
        QCOMPARE(loop->status, 302);
        QCOMPARE(
            world.proxy->fetch({.url = u"http://b.test/"_s}, world.session).wait().error().code,
            ErrorCode::Forbidden);
    }

    void readsHellosInPieces()
    {
        SSL_CTX* context = SSL_CTX_new(TLS_client_method());
        SSL* ssl = SSL_new(context);
        SSL_set_tlsext_host_name(ssl, "inside.test");
        SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        SSL_connect(ssl);
        QByteArray hello(4096, 0);
        hello.truncate(BIO_read(SSL_get_wbio(ssl), hello.data(), 4096));
        SSL_free(ssl);
        SSL_CTX_free(context);
        HelloReader reader;
        for (qsizetype i = 0; i + 1 < hello.size(); ++i) {
            QCOMPARE(int(reader.feed(QByteArrayView(hello).sliced(i, 1))),
                     int(HelloReader::Found::More));
        }
        QCOMPARE(int(reader.feed(QByteArrayView(hello).last(1))), int(HelloReader::Found::Name));
        QCOMPARE(reader.name(), "inside.test"_ba);
        HelloReader ssh;
        QCOMPARE(int(ssh.feed("SSH-2.0-x\r\n")), int(HelloReader::Found::NotTls));
        HelloReader broken;
        QCOMPARE(int(broken.feed("\x16\x01\x01\x01\x01 hello, world, who are you")),
                 int(HelloReader::Found::Broken));
    }
};

EGRESS_TEST_MAIN(tst_Egress)
#include "tst_Egress.moc"
