#include "core/leaks/Checksums.h"
#include "tests/unit/LeaksKit.h"

#include <QCryptographicHash>
#include <QDirIterator>
#include <QFile>
#include <QTest>
#include <QUuid>
#include <set>

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::leaks;
using leakskit::hex;
using leakskit::madeUp;

namespace {

const QByteArray upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const QByteArray base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// The end that makes GitHub's and npm's checksum right, found by trying is too slow: computed.
QByteArray withSum(const QByteArray& body)
{
    quint32 sum = 0xFFFF'FFFFU;
    for (const char c : body) {
        sum ^= uchar(c);
        for (int bit = 0; bit < 8; ++bit) {
            sum = (sum & 1) != 0 ? (sum >> 1) ^ 0xEDB8'8320U : sum >> 1;
        }
    }
    sum = ~sum;
    QByteArray end;
    for (int i = 0; i < 6; ++i) {
        end.prepend("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[sum % 62]);
        sum /= 62;
    }
    return body + end;
}

struct Key
{
    const char* name;
    QByteArray text;
    QByteArray before{};
};

QList<Key> keys()
{
    const auto p = [](const char* prefix, const QByteArray& rest) -> QByteArray {
        return QByteArray(prefix) + rest;
    };
    const QByteArray web =
        QByteArray("{\"alg\":\"HS256\",\"typ\":\"JWT\"}")
            .toBase64(QByteArray::Base64UrlEncoding | QByteArray::OmitTrailingEquals) +
        ".eyJ" + madeUp(40) + '.' + madeUp(43);
    const auto pem = [](const char* kind) -> QByteArray {
        return QByteArray("-----BEGIN ") + kind + "-----\n" + madeUp(64) + '\n' + madeUp(64) +
               "\n-----END " + kind + "-----";
    };
    return {
        {"openai-key", p("sk-", madeUp(20)) + "T3BlbkFJ" + madeUp(20)},
        {"openai-key", p("sk-proj-", madeUp(58)) + "T3BlbkFJ" + madeUp(58)},
        {"anthropic-key", p("sk-ant-", "api03-") + madeUp(93) + "AA"},
        {"openrouter-key", p("sk-or-", "v1-") + hex(64)},
        {"api-key", p("sk-", hex(32))},
        {"groq-key", p("gsk_", madeUp(52))},
        {"xai-key", p("xai-", madeUp(80))},
        {"perplexity-key", p("pplx-", madeUp(48))},
        {"nvidia-key", p("nvapi-", madeUp(64))},
        {"huggingface-token", p("hf_", madeUp(34))},
        {"replicate-token", p("r8_", madeUp(37))},
        {"aws-key", p("AKIA", madeUp(16, upper))},
        {"aws-secret", madeUp(40, base64), p("aws_secret", "_access_key = ")},
        {"google-key", p("AIza", madeUp(35))},
        {"google-oauth", p("GOCSPX-", madeUp(28))},
        {"google-oauth", p("ya29.", "a0" + madeUp(120))},
        {"azure-key", p("AccountKey=", madeUp(86, base64)) + "=="},
        {"azure-key", "7Q~" + madeUp(31), "abc"},
        {"digitalocean-token", p("dop_v1_", hex(64))},
        {"heroku-key", p("HRKU-", "AA" + madeUp(58))},
        {"cloudflare-key", madeUp(40), p("CLOUDFLARE", "_API_TOKEN=")},
        {"datadog-key", hex(32), p("DD_API", "_KEY: ")},
        {"flyio-token", p("fm2_", madeUp(120, base64))},
        {"tailscale-key", p("tskey-", "auth-k" + madeUp(11) + "-" + madeUp(30))},
        {"supabase-key", p("sbp_", hex(40))},
        {"planetscale-token", p("pscale_", "tkn_" + madeUp(43))},
        {"github-token", p("ghp_", withSum(madeUp(30)))},
        {"github-token", p("ghs_", withSum(madeUp(30)))},
        {"github-token", p("github_", "pat_") + madeUp(22) + '_' + madeUp(59)},
        {"gitlab-token", p("glpat-", madeUp(20))},
        {"npm-token", p("npm_", withSum(madeUp(30)))},
        {"pypi-token", p("pypi-", "AgEIcHlwaS5vcmc" + madeUp(150))},
        {"dockerhub-token", p("dckr_", "pat_" + madeUp(27))},
        {"rubygems-key", p("rubygems_", hex(48))},
        {"crates-token", p("cio", madeUp(32))},
        {"terraform-token", p(".atlasv1.", madeUp(67)), "AbCdEfGhIjKlMn"},
        {"vault-token", p("hvs.", madeUp(90))},
        {"doppler-token", p("dp.", "pt." + madeUp(43))},
        {"pulumi-token", p("pul-", hex(40))},
        {"slack-token", p("xoxb-", "123456789012-123456789012-" + madeUp(24))},
        {"slack-webhook",
         p("hooks.slack.com/",
           "services/T" + madeUp(8, upper) + "/B" + madeUp(8, upper) + "/" + madeUp(24))},
        {"discord-token", p("MTA", madeUp(21)) + '.' + madeUp(6) + '.' + madeUp(38)},
        {"discord-webhook", p("discord.com/", "api/webhooks/123456789012345678/" + madeUp(68))},
        {"telegram-token", p(":AA", madeUp(33)), "123456789"},
        {"twilio-key", p("SK", hex(32))},
        {"sendgrid-key", p("SG.", madeUp(22) + '.' + madeUp(43))},
        {"mailgun-key", p("key-", hex(32))},
        {"brevo-key", p("xkeysib-", hex(64) + '-' + madeUp(16))},
        {"stripe-key", p("sk_", "live_" + madeUp(24))},
        {"stripe-key", p("rk_", "live_" + madeUp(24))},
        {"shopify-token", p("shpat_", hex(32))},
        {"square-token", p("sq0csp-", madeUp(43))},
        {"atlassian-token", p("ATATT3", madeUp(180)) + "=1A2B3C4D"},
        {"linear-key", p("lin_", "api_" + madeUp(40))},
        {"notion-token", p("ntn_", madeUp(46))},
        {"databricks-token", p("dapi", hex(32))},
        {"figma-token", p("figd_", madeUp(40))},
        {"postman-key", p("PMAK-", hex(24) + '-' + hex(34))},
        {"grafana-token", p("glsa_", madeUp(32) + '_' + hex(8))},
        {"newrelic-key", p("NRAK-", madeUp(27, upper))},
        {"sentry-token", p("sntryu_", hex(64))},
        {"dynatrace-token", p("dt0c01.", madeUp(24, upper) + '.' + madeUp(64, upper))},
        {"contentful-token", p("CFPAT-", madeUp(43))},
        {"age-key",
         p("AGE-SECRET-KEY-", "1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX")},
        {"private-key", pem("RSA PRIVATE KEY")},
        {"private-key", pem("PRIVATE KEY")},
        {"openssh-key", pem("OPENSSH PRIVATE KEY")},
        {"pgp-key", pem("PGP PRIVATE KEY BLOCK")},
        {"web-token", web},
        {"bearer-token", madeUp(32), "Authorization: Bearer "},
        {"url-password", madeUp(12), "postgres://app:"},
        {"password", "hunter2-and-more", "db_password = \""},
        {"secret", madeUp(32), "client_secret: "},
    };
}

} // namespace

class tst_LeaksPatterns : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void atLeastFortyProviders()
    {
        std::set<std::string> names;
        for (const Pattern& pattern : patterns()) {
            names.insert(pattern.name);
            QVERIFY(qstrlen(pattern.anchor) >= 3);
        }
        QVERIFY2(names.size() >= 60, qPrintable(QString::number(names.size())));
        std::set<std::string> shown;
        for (const Key& key : keys()) {
            shown.insert(key.name);
        }
        QVERIFY2(shown.size() >= 55, qPrintable(QString::number(shown.size())));
    }

    void everyProvider_data()
    {
        QTest::addColumn<int>("index");
        const auto all = keys();
        for (int i = 0; i < all.size(); ++i) {
            QTest::addRow("%s %d", all[i].name, i) << i;
        }
    }
    void everyProvider()
    {
        QFETCH(int, index);
        const Key key = keys()[index];
        const auto scanner = Scanner::create();
        const bool atHost = qstrcmp(key.name, "url-password") == 0;
        const QByteArray behind = atHost ? "@db.example.com/x" : "\" and more\n";
        for (const QByteArray& front : {QByteArray("the key is "), QByteArray(2000, '.')}) {
            const QByteArray text = front + key.before + key.text + behind;
            const QByteArray clean = leakskit::redact(scanner, text);
            QCOMPARE(clean, front + key.before + "[redacted:" + key.name + ']' + behind);
            const auto hits = leakskit::scan(scanner, text);
            QCOMPARE(hits.size(), 1);
            QVERIFY(hits[0].verified);
            QCOMPARE(hits[0].offset, front.size() + key.before.size());
            QCOMPARE(hits[0].length, key.text.size());
        }
        // At the very end, and cut in two at every place.
        for (qsizetype cut = 0; cut <= key.text.size(); cut += cut < 40 ? 1 : 17) {
            Stream stream(scanner);
            const QByteArray text = "k " + key.before + key.text + (atHost ? behind : QByteArray());
            const qsizetype at = 2 + key.before.size() + cut;
            QByteArray clean;
            stream.feed(text.first(at));
            clean += stream.redacted();
            stream.feed(text.sliced(at));
            stream.finish();
            clean += stream.redacted();
            QCOMPARE(clean,
                     "k " + key.before + "[redacted:" + key.name + ']' +
                         (atHost ? behind : QByteArray()));
        }
    }

    void bothEnginesFindTheSame()
    {
        if (!hasVectorscan()) {
            QSKIP("vectorscan is not installed");
        }
        QByteArray text;
        for (const Key& key : keys()) {
            text += "x " + key.before + key.text + " PassWord AKIA" + "sk-sk-ghp_ TOKEN ://\n";
        }
        std::vector<Anchor> ours;
        std::vector<Anchor> theirs;
        findAnchors(text, ours, Engine::Filter);
        findAnchors(text, theirs, Engine::Vectorscan);
        QCOMPARE(ours.size(), theirs.size());
        for (size_t i = 0; i < ours.size(); ++i) {
            QCOMPARE(ours[i].at, theirs[i].at);
            QVERIFY(ours[i].pattern == theirs[i].pattern);
        }
    }

    void checksums()
    {
        // From the tests of age's own documentation of the format: any bech32 string of BIP 173.
        QVERIFY(hasBech32Sum("A12UEL5L"));
        QVERIFY(hasBech32Sum("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw"));
        QVERIFY(!hasBech32Sum("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxv"));
        QVERIFY(hasBase62Sum(withSum(madeUp(30))));
        QVERIFY(!hasBase62Sum(madeUp(36)));
        // A wrong one is taken out all the same, but no incident.
        const auto hits = leakskit::scan(Scanner::create(), QByteArray("ghp_") + madeUp(36));
        QCOMPARE(leakskit::names(hits), QStringList{u"pattern:github-token"_s});
        QVERIFY(!hits[0].verified);
    }

    // None of these may hit.
    void ordinaryText_data()
    {
        QTest::addColumn<QByteArray>("text");
        QByteArray uuids;
        QByteArray hashes;
        QByteArray images;
        QByteArray lock = "{\n  \"lockfileVersion\": 3,\n  \"packages\": {\n";
        QByteArray yarn;
        QByteArray cargo;
        for (int i = 0; i < 400; ++i) {
            const QByteArray number = QByteArray::number(i);
            uuids += QUuid::createUuidV5(QUuid(), number).toByteArray(QUuid::WithoutBraces) + '\n';
            const auto hash = [&](QCryptographicHash::Algorithm kind) {
                return QCryptographicHash::hash(number, kind);
            };
            hashes += hash(QCryptographicHash::Md5).toHex() + "  a.txt\n" +
                      hash(QCryptographicHash::Sha1).toHex() + " refs/heads/b" + number + '\n' +
                      hash(QCryptographicHash::Sha256).toHex() + ' ' +
                      hash(QCryptographicHash::Sha512).toHex() + '\n';
            const QByteArray sum = hash(QCryptographicHash::Sha512).toBase64();
            lock += "    \"node_modules/js-tokens" + number +
                    "\": {\n      \"version\": \"4.0.0\",\n" +
                    "      \"resolved\": "
                    "\"https://registry.example/js-tokens/-/js-tokens-4.0.0.tgz\",\n" +
                    "      \"integrity\": \"sha512-" + sum + "\"\n    },\n";
            yarn += "js-tokens@^4.0.0:\n  version \"4.0.0\"\n  resolved "
                    "\"https://registry.example/js-tokens/-/js-tokens-4.0.0.tgz#" +
                    hash(QCryptographicHash::Sha1).toHex() + "\"\n  integrity sha512-" + sum + '\n';
            cargo += "[[package]]\nname = \"secrecy\"\nversion = \"0.8.0\"\nchecksum = \"" +
                     hash(QCryptographicHash::Sha256).toHex() + "\"\n";
        }
        for (int i = 0; i < 60; ++i) {
            images += "![](data:image/png;base64," + madeUp(4000 + i, base64) + "==)\n";
        }
        QTest::newRow("uuids") << uuids;
        QTest::newRow("hashes") << hashes;
        QTest::newRow("package-lock.json") << lock;
        QTest::newRow("yarn.lock") << yarn;
        QTest::newRow("Cargo.lock") << cargo;
        QTest::newRow("images in base64") << images;
        QTest::newRow("code that speaks of secrets") << QByteArray(
            "const password = await promptForPassword2(\"Password: \");\n"
            "password: string; secret: Buffer; apiKey = process.env.API_KEY_2;\n"
            "token = tokens[tokenIndex1234567890]; auto token = lexer.nextToken(3);\n"
            "if (password == \"\") { return; } String apiKey = config.get(\"api.key.v2\");\n"
            "PASSWORD=$DB_PASSWORD  TOKEN=${GITHUB_TOKEN}  secret: {{ .Values.secretName1 }}\n"
            "access_token: <your-access-token-here>   password=********   api_key = "
            "\"YOUR_API_KEY\"\n"
            "tokenizer = AutoTokenizer.from_pretrained(\"bert-base-uncased-v1.2\")\n"
            "max_tokens: 128000, secretName: my-app-secret-prod, token_type: \"bearer\"\n"
            "git clone https://user:password@example.com/x ; http://localhost:8080/a@b\n"
            "a task-list-for-beginners-2024 sk-learn-tutorial-for-all-beginners-of-2024\n"
            "Bearer certificates-are-good-for-you, the key-value-store, monkey-0123456789\n"
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGuUo3q6b0Hq1v0q3m2o1p0q9r8s7t6u5v4w3x2y1z0a "
            "me@host\n"
            "-----BEGIN CERTIFICATE-----\n"
            "MIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJRTESMBAGA1UE\n"
            "-----END CERTIFICATE-----\n"
            "<a href=\"https://github.com/login?next=1#token\">MTA MTI MDA SKILL SKetch hf_hub\n");
        // This program's own sources, with everything in them that speaks of keys.
        QByteArray sources;
        for (const char* folder : {"/core", "/ui", "/app", "/packaging", "/resources"}) {
            QDirIterator files(
                QStringLiteral(SB_SOURCE_DIR) + QLatin1StringView(folder),
                {u"*.cpp"_s, u"*.h"_s, u"*.md"_s, u"*.py"_s, u"*.sql"_s, u"*.cmake"_s, u"*.txt"_s},
                QDir::Files,
                QDirIterator::Subdirectories);
            while (files.hasNext()) {
                const QString name = files.next();
                QFile file(name);
                if (file.open(QIODevice::ReadOnly)) {
                    sources += "// " + name.toUtf8() + '\n' + file.readAll();
                }
            }
        }
        QTest::newRow("sources") << sources;
    }
    void ordinaryText()
    {
        QFETCH(QByteArray, text);
        const auto scanner = Scanner::create();
        for (const Hit& hit : leakskit::scan(scanner, text)) {
            const auto line = text.lastIndexOf('\n', hit.offset) + 1;
            QFAIL(qPrintable(hit.what + u": "_s +
                             QString::fromUtf8(
                                 text.sliced(line, std::min<qsizetype>(text.size() - line, 300)))));
        }
    }
};

QTEST_GUILESS_MAIN(tst_LeaksPatterns)
#include "tst_LeaksPatterns.moc"
