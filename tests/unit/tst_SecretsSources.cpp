#include "core/secrets/KeyCommand.h"
#include "tests/unit/SecretsFixture.h"

#include <QElapsedTimer>
#include <QJsonDocument>

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::secrets;
using namespace sb::test;

namespace {

QString script(const QTemporaryDir& folder, const QByteArray& body)
{
    const QString path = folder.filePath(u"give-key"_s);
    writeTo(path, "#!/bin/sh\n" + body, 0700);
    return path;
}

QByteArray kv(const QByteArray& fields, int lease = 0)
{
    return ScriptedHttp::json("{\"lease_id\":\"\",\"lease_duration\":" + QByteArray::number(lease) +
                              ",\"data\":{\"data\":{" + fields +
                              "},\"metadata\":{\"version\":3}}}");
}

} // namespace

class TestSecretsSources : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void wordsOfACommand_data()
    {
        QTest::addColumn<QString>("line");
        QTest::addColumn<QStringList>("words");
        QTest::newRow("plain") << u"pass show api/key"_s
                               << QStringList{u"pass"_s, u"show"_s, u"api/key"_s};
        QTest::newRow("spaces") << u"  a\t b  "_s << QStringList{u"a"_s, u"b"_s};
        QTest::newRow("quotes") << u"a \"b c\" 'd \"e'f \"\""_s
                                << QStringList{u"a"_s, u"b c"_s, u"d \"ef"_s, u""_s};
        QTest::newRow("a shell would do more") << u"a $(b) `c` | d > e && f; g * ~ \\n"_s
                                               << QStringList{u"a"_s,
                                                              u"$(b)"_s,
                                                              u"`c`"_s,
                                                              u"|"_s,
                                                              u"d"_s,
                                                              u">"_s,
                                                              u"e"_s,
                                                              u"&&"_s,
                                                              u"f;"_s,
                                                              u"g"_s,
                                                              u"*"_s,
                                                              u"~"_s,
                                                              u"\\n"_s};
        QTest::newRow("open") << u"a 'b"_s << QStringList();
        QTest::newRow("nothing") << u"  "_s << QStringList();
        QTest::newRow("no program") << u"\"\" a"_s << QStringList();
    }
    void wordsOfACommand()
    {
        QFETCH(const QString, line);
        QFETCH(const QStringList, words);
        const auto read = commandWords(line);
        QCOMPARE(read.value_or(QStringList()), words);
        QCOMPARE(read.has_value(), !words.isEmpty());
    }

    void aProgramGivesTheKey()
    {
        SecretsFixture f;
        const QString path = script(f.folder, "echo \"key of $1\"; echo noise >&2");
        QCOMPARE(f.resolve(u"exec:%1 'the api'"_s.arg(path)), "key of the api");
        QCOMPARE(f.redactor.redact(u"<key of the api>"_s),
                 u"<[redacted:exec:%1 'the api']>"_s.arg(path));
        QCOMPARE(f.resolve(u"exec:printf abcdefgh"_s), "abcdefgh"); // from the system's folders
    }

    void aProgramIsAskedOnce()
    {
        SecretsFixture f;
        const QString path =
            script(f.folder, "echo x >> \"$0.runs\"; echo key-number-$(wc -l < \"$0.runs\")");
        std::vector<Future<SecretString>> futures;
        for (int i = 0; i < 20; ++i) {
            futures.push_back(f.secrets->resolve(u"exec:"_s + path));
        }
        for (auto& future : futures) {
            QCOMPARE(shown(f.answer(std::move(future))), "key-number-1");
        }
        QCOMPARE(f.resolve(u"exec:"_s + path), "key-number-1");
        f.secrets->forget(u"exec:"_s + path);
        QCOMPARE(f.resolve(u"exec:"_s + path), "key-number-2");
        f.secrets->forgetAll();
        QCOMPARE(f.resolve(u"exec:"_s + path), "key-number-3");
    }

    void programsThatFail()
    {
        Secrets::Settings settings;
        settings.commandPatience = Milliseconds(300);
        SecretsFixture f(std::move(settings));
        const auto message = [&](const QByteArray& body) {
            QByteArray said = f.resolve(u"exec:"_s + script(f.folder, body));
            f.secrets->forgetAll();
            return said.replace(f.folder.path().toUtf8(), "DIR");
        };
        QCOMPARE(message("echo very-secret; exit 3"),
                 "error: The program DIR/give-key, which gives a key, failed with exit 3.");
        QCOMPARE(message("true"),
                 "error: The program DIR/give-key, which gives a key, printed nothing.");
        QCOMPARE(message("kill -9 $$"),
                 "error: The program DIR/give-key, which gives a key, was killed.");
        QCOMPARE(message("yes very-secret | head -c 70000"),
                 "error: The program DIR/give-key, which gives a key, printed more than 64 KiB.");
        QElapsedTimer timer;
        timer.start();
        QCOMPARE(message("sleep 30"),
                 "error: The program DIR/give-key, which gives a key, did not end within 0.3 s.");
        // Also one that closes its output, and one that leaves a child with it.
        QCOMPARE(message("exec >/dev/null; sleep 30"),
                 "error: The program DIR/give-key, which gives a key, did not end within 0.3 s.");
        QCOMPARE(message("sleep 30 & echo key"),
                 "error: The program DIR/give-key, which gives a key, did not end within 0.3 s.");
        QVERIFY(timer.elapsed() < 20'000);
        QCOMPARE(f.errorOf(u"exec:/nowhere/at/all"_s), u"not_found"_s);
        QCOMPARE(f.errorOf(u"exec:no-such-program-here"_s), u"not_found"_s);
        QCOMPARE(f.errorOf(u"exec:./here"_s), u"invalid_input"_s);
        QCOMPARE(f.errorOf(u"exec:/etc/passwd"_s), u"not_found"_s);
        QCOMPARE(f.errorOf(u"exec:echo \"a"_s), u"invalid_input"_s);
    }

    void hashicorp()
    {
        SecretsFixture f;
        qputenv("SB_TEST_TOKEN", "token-for-the-vault");
        ScriptedHttp server(
            [](const QByteArray&) { return kv("\"token\":\"value-of-gitlab\",\"number\":5"); });
        QCOMPARE(f.errorOf(u"hashicorp:team/gitlab#token"_s), u"not_found"_s);
        f.secrets->setHashiCorp(
            HashiCorpPlace{server.address(), u"env:SB_TEST_TOKEN"_s, u"team/a"_s, u"kv"_s});
        QCOMPARE(f.resolve(u"hashicorp:team/gitlab#token"_s), "value-of-gitlab");
        QCOMPARE(f.resolve(u"hashicorp:team/gitlab#token"_s), "value-of-gitlab"); // remembered
        QCOMPARE(server.requests().size(), 1);
        const QByteArray request = server.requests().first();
        QVERIFY(request.startsWith("GET /v1/kv/data/team/gitlab HTTP/1.1\r\n"));
        const QByteArray lower = request.toLower();
        QVERIFY(lower.contains("\r\nx-vault-token: token-for-the-vault\r\n"));
        QVERIFY(lower.contains("\r\nx-vault-namespace: team/a\r\n"));
        QVERIFY(lower.contains("\r\nx-vault-request: true\r\n"));
        QCOMPARE(f.redactor.redact(u"<value-of-gitlab>"_s),
                 u"<[redacted:hashicorp:team/gitlab#token]>"_s);
        QCOMPARE(f.errorOf(u"hashicorp:team/gitlab#number"_s), u"not_found"_s);
        QCOMPARE(f.errorOf(u"hashicorp:team/gitlab#absent"_s), u"not_found"_s);
        QCOMPARE(f.errorOf(u"hashicorp:team/gitlab"_s), u"invalid_input"_s);
        QCOMPARE(f.errorOf(u"hashicorp:../sys/mounts#a"_s), u"invalid_input"_s);
    }

    void aLeaseIsKept()
    {
        LoopExecutor loop(u"keys"_s);
        ContextExecutor here;
        Pool pool(1, u"pool"_s);
        FakeClock clock;
        Redactor redactor;
        int asked = 0;
        ScriptedHttp server([&](const QByteArray& request) {
            return kv("\"k\":\"value-number-" + QByteArray::number(++asked) + "\"",
                      request.contains("leased") ? 60 : 0);
        });
        Secrets secrets({}, loop, pool, clock, redactor);
        qputenv("SB_TEST_TOKEN", "token-for-the-vault");
        secrets.setHashiCorp(HashiCorpPlace{server.address(), u"env:SB_TEST_TOKEN"_s, {}});
        const auto ask = [&](const QString& path) {
            return shown(answerOf(secrets.resolve(u"hashicorp:%1#k"_s.arg(path)), here));
        };
        QCOMPARE(ask(u"leased"_s), "value-number-1");
        clock.advance(Milliseconds(59'000));
        QCOMPARE(ask(u"leased"_s), "value-number-1");
        clock.advance(Milliseconds(1'000));
        QCOMPARE(ask(u"leased"_s), "value-number-2");
        QCOMPARE(ask(u"other"_s), "value-number-3");
        clock.advance(Milliseconds(599'000));
        QCOMPARE(ask(u"other"_s), "value-number-3");
        clock.advance(Milliseconds(1'000));
        QCOMPARE(ask(u"other"_s), "value-number-4");
    }

    void hashicorpThatFails_data()
    {
        QTest::addColumn<QByteArray>("answer");
        QTest::addColumn<QByteArray>("message");
        const auto row = [](int status, const char* message) {
            QTest::addRow("%d", status)
                << ScriptedHttp::json("{\"errors\":[\"very-secret\"]}", status)
                << QByteArray(message);
        };
        row(400, "The vault at 127.0.0.1 did not understand the question for a (field b).");
        row(403, "The vault at 127.0.0.1 does not let this token read a (field b).");
        row(404, "The vault at 127.0.0.1 holds nothing under a (field b).");
        row(500, "The vault at 127.0.0.1 answered with status 500.");
        row(503, "The vault at 127.0.0.1 is sealed or under maintenance.");
        QTest::newRow("version 1")
            << ScriptedHttp::json(R"({"data":{"b":"x"}})")
            << QByteArray("The vault at 127.0.0.1 did not answer as a KV engine of version 2 does; "
                          "check secrets.hashicorp.mount.");
        QTest::newRow("no json") << ScriptedHttp::json("very-secret {")
                                 << QByteArray(
                                        "The vault at 127.0.0.1 did not answer as a KV engine "
                                        "of version 2 does; check secrets.hashicorp.mount.");
        QTest::newRow("deleted")
            << ScriptedHttp::json(R"({"data":{"data":null,"metadata":{}}})")
            << QByteArray("The vault at 127.0.0.1 did not answer as a KV engine of version 2 does; "
                          "check secrets.hashicorp.mount.");
        QTest::newRow("elsewhere")
            << QByteArray(
                   "HTTP/1.1 307 X\r\nLocation: http://vault.example/v1/x\r\nContent-Length: "
                   "0\r\n\r\n")
            << QByteArray(
                   "The vault at 127.0.0.1 sends on to \"vault.example\", which does not get "
                   "the token; if it should, make it the address.");
        QTest::newRow("too much")
            << ScriptedHttp::json("\"" + QByteArray(3 << 20, 'x') + "\"")
            << QByteArray("The vault at 127.0.0.1 answered with more than a megabyte.");
        QTest::newRow("silent") << QByteArray()
                                << QByteArray("The vault at 127.0.0.1 did not answer in time.");
    }
    void hashicorpThatFails()
    {
        QFETCH(const QByteArray, answer);
        QFETCH(const QByteArray, message);
        Secrets::Settings settings;
        settings.hashicorpPatience = Milliseconds(answer.isEmpty() ? 200 : 10'000);
        SecretsFixture f(std::move(settings));
        qputenv("SB_TEST_TOKEN", "token-for-the-vault");
        ScriptedHttp server([&](const QByteArray&) { return answer; });
        f.secrets->setHashiCorp(HashiCorpPlace{server.address(), u"env:SB_TEST_TOKEN"_s, {}});
        QCOMPARE(f.resolve(u"hashicorp:a#b"_s), "error: " + message);
    }

    void hashicorpRedirectsInPlace()
    {
        SecretsFixture f;
        qputenv("SB_TEST_TOKEN", "token-for-the-vault");
        ScriptedHttp server([](const QByteArray& request) {
            return request.startsWith("GET /v1/secret/data/a ")
                       ? QByteArray("HTTP/1.1 307 X\r\nLocation: /v1/secret/data/moved\r\n"
                                    "Content-Length: 0\r\n\r\n")
                       : kv("\"b\":\"value-of-b\"");
        });
        f.secrets->setHashiCorp(HashiCorpPlace{server.address(), u"env:SB_TEST_TOKEN"_s, {}});
        QCOMPARE(f.resolve(u"hashicorp:a#b"_s), "value-of-b");
        QCOMPARE(server.requests().size(), 2);
        f.secrets->setHashiCorp(HashiCorpPlace{server.address(), u"env:SB_NO_SUCH"_s, {}});
        QVERIFY(f.resolve(u"hashicorp:a#b"_s)
                    .startsWith("error: The token of HashiCorp Vault cannot be had: "));
        f.secrets->setHashiCorp(
            HashiCorpPlace{u"http://vault.example"_s, u"env:SB_TEST_TOKEN"_s, {}});
        QCOMPARE(f.resolve(u"hashicorp:a#b"_s),
                 "error: The token would travel unencrypted to \"vault.example\"; use https://.");
    }

    void aQuestionThatRunsWhenTheProgramEnds()
    {
        ScriptedHttp server([](const QByteArray&) { return QByteArray(); });
        std::optional<Future<SecretString>> future;
        {
            SecretsFixture f;
            qputenv("SB_TEST_TOKEN", "token-for-the-vault");
            f.secrets->setHashiCorp(HashiCorpPlace{server.address(), u"env:SB_TEST_TOKEN"_s, {}});
            future.emplace(f.secrets->resolve(u"hashicorp:a#b"_s));
            QTRY_COMPARE(server.requests().size(), 1);
            f.secrets.reset();
        }
        QCOMPARE(std::move(*future).wait().error().code, ErrorCode::Cancelled);
    }
};

QTEST_GUILESS_MAIN(TestSecretsSources)
#include "tst_SecretsSources.moc"
