#include "tests/unit/SecretsFixture.h"

#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QJsonDocument>
#include <QProcess>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::secrets;
using test::secret;
using test::shown;

namespace {

// Pieces put together at run time, so that no scanner takes this file for one that leaks keys.
QString madeUp(const char* prefix, int length)
{
    QString text = QString::fromLatin1(prefix);
    for (int i = 0; i < length; ++i) {
        text += QLatin1Char("aB3dE5gH7jK9mN1pQ"[i % 17]);
    }
    return text;
}

using Fixture = test::SecretsFixture;

} // namespace

class TestSecrets : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void theEnvironment()
    {
        Fixture f;
        qputenv("SB_TEST_KEY", "value-of-the-key");
        QCOMPARE(f.resolve(u"env:SB_TEST_KEY"_s), "value-of-the-key");
        QCOMPARE(f.redactor.redact(u"it is value-of-the-key, see?"_s),
                 u"it is [redacted:env:SB_TEST_KEY], see?"_s);
        qunsetenv("SB_TEST_KEY");
        QCOMPARE(f.resolve(u"env:SB_TEST_KEY"_s),
                 "error: The environment variable SB_TEST_KEY, which holds a key, is not set.");
    }

    void files()
    {
        Fixture f;
        const QTemporaryDir dir;
        const auto write = [&](const QString& name, const QByteArray& bytes) {
            QFile file(dir.filePath(name));
            if (file.open(QIODevice::WriteOnly)) {
                file.write(bytes);
            }
            file.setPermissions(QFileDevice::ReadOwner | QFileDevice::WriteOwner);
            return QString(u"file:"_s + dir.filePath(name));
        };
        const auto error = [&](const QString& reference) {
            const auto result = f.answer(f.secrets->resolve(reference));
            return result ? u"none"_s : errorCodeName(result.error().code);
        };
        QCOMPARE(f.resolve(write(u"one"_s, "key-one\n")), "key-one");
        QCOMPARE(f.resolve(write(u"two"_s, "key-two\r\n")), "key-two");
        QCOMPARE(f.resolve(write(u"three"_s, "key-three\n\n")), "key-three\n");
        QCOMPARE(f.resolve(write(u"four"_s, " key four ")), " key four ");
        QVERIFY(f.copyOf(f.warnings).isEmpty());
        QCOMPARE(error(write(u"empty"_s, "\n")), u"invalid_input"_s);
        QCOMPARE(error(write(u"huge"_s, QByteArray(70'000, 'x'))), u"invalid_input"_s);
        QCOMPARE(error(u"file:"_s + dir.filePath(u"absent"_s)), u"not_found"_s);
        QCOMPARE(error(u"file:"_s + dir.path()), u"invalid_input"_s);
        QCOMPARE(error(u"file:/proc/self/status"_s), u"invalid_input"_s);

        // The folder keeps strangers out, so the mode is only worth a word.
        const QString open = write(u"open"_s, "key-open");
        QFile::setPermissions(dir.filePath(u"open"_s),
                              QFileDevice::ReadOwner | QFileDevice::ReadGroup |
                                  QFileDevice::ReadOther);
        QCOMPARE(f.resolve(open), "key-open");
        QCOMPARE(f.resolve(open), "key-open");
        QCOMPARE(f.copyOf(f.warnings),
                 QStringList{
                     u"The mode of the key file %1 lets others in; \"chmod 600\" closes it."_s.arg(
                         dir.filePath(u"open"_s))});
        // Where it does not, the file counts as lost.
        ::chmod(QFile::encodeName(dir.path()).constData(), 0755);
        QCOMPARE(
            f.resolve(open),
            u"error: Anybody on this machine can read the key file %1; \"chmod 600\" closes it."_s
                .arg(dir.filePath(u"open"_s))
                .toUtf8());
        QFile::setPermissions(dir.filePath(u"open"_s),
                              QFileDevice::ReadOwner | QFileDevice::WriteOther);
        QVERIFY(f.resolve(open).startsWith("error: Anybody on this machine can change"));
    }

    void otherReferencesAreRefusedWithoutBeingShown()
    {
        Fixture f;
        for (const QString& reference :
             {u"verysecret"_s, u"env:"_s, u":x"_s, u""_s, u"https:x"_s}) {
            QCOMPARE(f.resolve(reference),
                     "error: A key is named by a reference: env:NAME, file:PATH, keychain:NAME, "
                     "vault:NAME, exec:COMMAND or hashicorp:PATH#FIELD.");
        }
    }

    void noKeychainGivesOneClearSentence()
    {
        // In a process of its own, without a session bus.
        auto environment = QProcessEnvironment::systemEnvironment();
        environment.remove(u"DBUS_SESSION_BUS_ADDRESS"_s);
        environment.remove(u"DISPLAY"_s);
        const QTemporaryDir dir;
        environment.insert(u"XDG_RUNTIME_DIR"_s, dir.path());
        environment.insert(u"SB_KEYCHAIN"_s, u"absent"_s);
        QCOMPARE(
            runAgain(QCoreApplication::applicationFilePath(), {u"insideASession"_s}, environment),
            QString());
    }

    void aRealSecretService()
    {
        for (const QString& program : {u"dbus-run-session"_s, u"gnome-keyring-daemon"_s}) {
            if (QStandardPaths::findExecutable(program).isEmpty()) {
                QSKIP("dbus-run-session or gnome-keyring-daemon is not installed");
            }
        }
        const QTemporaryDir dir;
        auto environment = QProcessEnvironment::systemEnvironment();
        for (const char* name :
             {"HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"}) {
            const QString folder = dir.filePath(QString::fromLatin1(name));
            QDir().mkpath(folder);
            QFile::setPermissions(
                folder, QFileDevice::ReadOwner | QFileDevice::WriteOwner | QFileDevice::ExeOwner);
            environment.insert(QString::fromLatin1(name), folder);
        }
        environment.insert(u"SB_KEYCHAIN"_s, u"present"_s);
        const QString script =
            u"printf secret | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1 && exec \"$0\" insideASession"_s;
        QCOMPARE(
            runAgain(u"dbus-run-session"_s,
                     {u"--"_s, u"sh"_s, u"-c"_s, script, QCoreApplication::applicationFilePath()},
                     environment),
            QString());
    }

    // What the two tests above run in a session of their own.
    void insideASession()
    {
        const QByteArray session = qgetenv("SB_KEYCHAIN");
        if (session.isEmpty()) {
            QSKIP("runs inside the tests above");
        }
        Fixture f;
        QElapsedTimer timer;
        timer.start();
        const auto first = f.answer(f.secrets->resolve(u"keychain:anthropic"_s));
        QVERIFY(!first);
        qInfo("the first answer took %lld ms", timer.elapsed());
        if (session == "absent") {
            QCOMPARE(first.error().message,
                     u"No keychain answers in this session, so \"keychain:anthropic\" cannot be "
                     u"used; start a Secret Service (gnome-keyring, KWallet), or store the key in "
                     u"the vault and name it vault:anthropic."_s);
            QCOMPARE(first.error().code, ErrorCode::Unavailable);
            // Then the vault takes it, and is made for it.
            f.passphrases = {"eight-or-more"};
            QCOMPARE(f.answer(f.secrets->store(u"x"_s, secret("value-x"))), u"vault:x"_s);
            QCOMPARE(f.answer(f.secrets->store(u"y"_s, secret("value-y"))), u"vault:y"_s);
            QCOMPARE(f.copyOf(f.questions), QStringList{u"create 1"_s}); // asked once
            QCOMPARE(f.resolve(u"vault:x"_s), "value-x");
            QCOMPARE(f.redactor.redact(u"<value-x>"_s), u"<[redacted:vault:x]>"_s);
            QCOMPARE(f.copyOf(f.changes), (QStringList{u"stored vault:x"_s, u"stored vault:y"_s}));
            return;
        }
        QCOMPARE(first.error().message, u"The keychain holds no entry \"anthropic\"."_s);
        QCOMPARE(first.error().code, ErrorCode::NotFound);
        QCOMPARE(f.answer(f.secrets->store(u"anthropic"_s, secret("a-stored-key-é"))),
                 u"keychain:anthropic"_s);
        QVERIFY(!QFile::exists(f.vaultFile));
        QCOMPARE(f.resolve(u"keychain:anthropic"_s), "a-stored-key-é");
        timer.restart();
        QCOMPARE(f.resolve(u"keychain:anthropic"_s), "a-stored-key-é"); // remembered
        QCOMPARE(f.redactor.redact(u"<a-stored-key-é>"_s), u"<[redacted:keychain:anthropic]>"_s);

        // A second one finds it as well. It must share the loop: QtKeychain's queue belongs to one
        // thread.
        Redactor redactor;
        Secrets other({}, f.loop, f.pool, f.clock, redactor);
        QCOMPARE(shown(other.resolve(u"keychain:anthropic"_s).wait()), "a-stored-key-é");

        // A new value that is no good changes nothing; a good one is there for all at once.
        const auto refused = f.answer(
            f.secrets->rotate(u"keychain:anthropic"_s, secret("a-bad-key"), [](const Lease&) {
                return Future<>::ready(fail(ErrorCode::Forbidden, u"The service said no."_s));
            }));
        QCOMPARE(refused.error().message,
                 u"The new value was not taken, the old one stays: The service said no."_s);
        f.secrets->forget(u"keychain:anthropic"_s);
        QCOMPARE(f.resolve(u"keychain:anthropic"_s), "a-stored-key-é");
        QVERIFY(f.answer(f.secrets->rotate(u"keychain:anthropic"_s, secret("a-good-key"), {})));
        QCOMPARE(f.resolve(u"keychain:anthropic"_s), "a-good-key");
        f.secrets->forget(u"keychain:anthropic"_s);
        QCOMPARE(f.resolve(u"keychain:anthropic"_s), "a-good-key");

        QVERIFY(f.answer(f.secrets->remove(u"keychain:anthropic"_s)));
        QCOMPARE(f.answer(f.secrets->resolve(u"keychain:anthropic"_s)).error().code,
                 ErrorCode::NotFound);
        QVERIFY(f.answer(
            f.secrets->remove(u"keychain:anthropic"_s))); // removing it twice is no failure
        // The other one still remembers it, until it is told to forget.
        QCOMPARE(shown(other.resolve(u"keychain:anthropic"_s).wait()), "a-stored-key-é");
        other.forget(u"keychain:anthropic"_s);
        QCOMPARE(other.resolve(u"keychain:anthropic"_s).wait().error().code, ErrorCode::NotFound);
    }

    void knownValuesAreReplacedEverywhere()
    {
        Redactor redactor;
        redactor.add(u"env:A"_s, secret("correct horse"));
        redactor.add(u"env:B"_s, secret("correct horse battery"));
        redactor.add(u"env:C"_s, secret("grün-und-lang"));
        redactor.add(u"env:short"_s, secret("abc"));
        const auto text = [&](const QString& value) { return redactor.redact(value); };
        QCOMPARE(text(u"correct horse"_s), u"[redacted:env:A]"_s);
        QCOMPARE(text(u"a correct horse battery b"_s),
                 u"a [redacted:env:B] b"_s); // the longer one, whole
        QCOMPARE(text(u"correct horsecorrect horse"_s), u"[redacted:env:A][redacted:env:A]"_s);
        QCOMPARE(text(u"ccorrect horse"_s), u"c[redacted:env:A]"_s);
        QCOMPARE(text(u"correct hors"_s), u"correct hors"_s);
        QCOMPARE(text(u"so grün-und-lang!"_s), u"so [redacted:env:C]!"_s);
        QCOMPARE(text(u"abc"_s), u"abc"_s);
        QCOMPARE(text(u"correct%20horse"_s), u"[redacted:env:A]"_s);
        for (const char* before : {"", "x", "xy", "xyz"}) {
            const QByteArray coded =
                QByteArray(QByteArray(before) + "correct horse battery" + "tail").toBase64();
            const QString clean = text(QString::fromLatin1(coded));
            QVERIFY2(clean.contains("[redacted:env:"_L1), qPrintable(clean));
        }
        QCOMPARE(redactor.redact(QByteArray("{\"a\":\"correct horse\",\"b\":\"grün-und-lang\"}")),
                 QByteArray("{\"a\":\"[redacted:env:A]\",\"b\":\"[redacted:env:C]\"}"));

        const QJsonObject payload{
            {u"plain"_s, u"nothing"_s},
            {u"n"_s, 5},
            {u"deep"_s, QJsonArray{1, QJsonObject{{u"x"_s, u"is correct horse"_s}}}},
            {u"correct horse"_s, true}};
        const QJsonObject clean{
            {u"plain"_s, u"nothing"_s},
            {u"n"_s, 5},
            {u"deep"_s, QJsonArray{1, QJsonObject{{u"x"_s, u"is [redacted:env:A]"_s}}}},
            {u"[redacted:env:A]"_s, true}};
        QCOMPARE(redactor.redact(payload), clean);
        QCOMPARE(redactor.redact(clean), clean);
    }

    void keyShapes_data()
    {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("clean");
        const auto key = [](const char* name, const QString& value, const char* mark) {
            QTest::addRow("%s", name) << QString(u"the key is "_s + value + u", keep it"_s)
                                      << QString(u"the key is [redacted:"_s +
                                                 QString::fromLatin1(mark) + u"], keep it"_s);
        };
        key("openai", madeUp("sk-", 48), "api-key");
        key("openai project", madeUp("sk-proj-", 60), "api-key");
        key("anthropic", madeUp("sk-ant-api03-", 80), "anthropic-key");
        key("github", madeUp("ghp_", 36), "github-token");
        key("github fine", madeUp("github_pat_", 60), "github-token");
        key("gitlab", madeUp("glpat-", 20), "gitlab-token");
        key("google", madeUp("AIza", 35), "google-key");
        key("slack", madeUp("xoxb-", 40), "slack-token");
        key("aws", u"AKIA"_s + u"ABCD1234EFGH5678"_s, "aws-key");
        key("hugging face", madeUp("hf_", 34), "huggingface-token");
        key("web token",
            madeUp("eyJ", 20) + u'.' + madeUp("eyJ", 30) + u'.' + madeUp("", 30),
            "web-token");
        QTest::newRow("bearer") << QString(u"Authorization: Bearer "_s + madeUp("", 24))
                                << u"Authorization: Bearer [redacted:bearer-token]"_s;
        QTest::newRow("bearer, small")
            << QString(u"authorization: bearer "_s + madeUp("", 24) + u"\r\nHost: x"_s)
            << u"authorization: bearer [redacted:bearer-token]\r\nHost: x"_s;
        QTest::newRow("quoted") << QString(u"{\"k\": \""_s + madeUp("sk-", 48) + u"\"}"_s)
                                << u"{\"k\": \"[redacted:api-key]\"}"_s;
        QTest::newRow("escaped newline")
            << QString(u"x\\n"_s + madeUp("sk-", 48)) << u"x\\n[redacted:api-key]"_s;
        QTest::newRow("assigned") << QString(u"KEY="_s + madeUp("sk-", 48))
                                  << u"KEY=[redacted:api-key]"_s;
        const QString body = madeUp("", 64) + u'\n' + madeUp("", 64) + u'\n';
        const QString begin = u"-----BEGIN RSA PRIVATE"_s + u" KEY-----"_s;
        const QString end = u"-----END RSA PRIVATE"_s + u" KEY-----"_s;
        QTest::newRow("pem") << QString(u"a\n"_s + begin + u'\n' + body + end + u"\nb"_s)
                             << u"a\n[redacted:private-key]\nb"_s;
        QTest::newRow("pem cut off")
            << QString(begin + u'\n' + body + u"\""_s) << u"[redacted:private-key]\""_s;
        QTest::newRow("pem in json")
            << QString(u"\""_s + QString(begin + u"\\n"_s + body + end).replace(u'\n', u"\\n"_s) +
                       u"\"x"_s)
            << u"\"[redacted:private-key]\"x"_s;
        // What only resembles one.
        for (const char* plain : {"a task-list-for-beginners-2024-and-later",
                                  "sk-learn-tutorial-for-all-beginners-of-2024",
                                  "disk-0123456789abcdefghijklmn",
                                  "the bearer of bad news and more of the same",
                                  "Bearer certificates-are-good-for-you",
                                  "-----BEGIN CERTIFICATE-----\nMIIB",
                                  "-----BEGIN PUBLIC KEY-----\nMIIB",
                                  "AKIA is a prefix",
                                  "sk-short1",
                                  "ghp_short",
                                  "3f786850e387550fdab836ed7e6dc881de23001b",
                                  "----- begin -----",
                                  "-----BEGIN ",
                                  "-----"}) {
            QTest::addRow("plain: %s", plain)
                << QString::fromLatin1(plain) << QString::fromLatin1(plain);
        }
    }
    void keyShapes()
    {
        QFETCH(QString, text);
        QFETCH(QString, clean);
        const Redactor redactor;
        QCOMPARE(redactor.redact(text), clean);
        QCOMPARE(QString::fromUtf8(redactor.redact(text.toUtf8())), clean);
        QCOMPARE(redactor.redact(QJsonObject{{u"t"_s, text}}), (QJsonObject{{u"t"_s, clean}}));
    }

    void manyThreadsAtOnce()
    {
        Redactor redactor;
        std::atomic<bool> wrong = false;
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&, t] {
                for (int i = 0; i < 15; ++i) {
                    const QByteArray value =
                        "thread-" + QByteArray::number(t) + "-value-" + QByteArray::number(i);
                    redactor.add(u"x"_s, SecretString(QByteArray(value)));
                    const QString clean =
                        redactor.redact(QString(u"a "_s + QString::fromLatin1(value) + u" b"_s));
                    wrong = wrong || clean.contains("thread"_L1);
                }
            });
        }
        for (auto& thread : threads) {
            thread.join();
        }
        QVERIFY(!wrong);
    }

    void aPayloadCostsLittle()
    {
        Redactor redactor;
        for (int i = 0; i < 10; ++i) {
            redactor.add(u"env:K"_s, SecretString(madeUp("sk-x", 30 + i).toUtf8()));
        }
        const QJsonObject payload{
            {u"tool"_s, u"file_read"_s},
            {u"arguments"_s,
             QJsonObject{{u"path"_s, u"src/engine/Interlocking.cpp"_s}, {u"lines"_s, 200}}},
            {u"process"_s, u"wrk-7k3q9m2x5a"_s},
            {u"reason"_s, u"Reading inside the workspace is allowed."_s},
            {u"text"_s,
             u"The test expects three signals on the branch line, the table lists two of them."_s},
            {u"id"_s, u"call_0123456789abcdef"_s}};
        const auto size = QJsonDocument(payload).toJson(QJsonDocument::Compact).size();
        QVERIFY2(size > 260 && size < 420, qPrintable(QString::number(size)));
        QVERIFY(redactor.redact(payload) == payload);
        constexpr int rounds = 20'000;
        qint64 best = std::numeric_limits<qint64>::max();
        for (int repeat = 0; repeat < 5; ++repeat) {
            QElapsedTimer timer;
            timer.start();
            for (int i = 0; i < rounds; ++i) {
                (void)redactor.redact(payload);
            }
            best = std::min(best, timer.nsecsElapsed() / rounds);
        }
        qInfo("%lld ns for a payload of %lld bytes", best, qint64(size));
#ifdef QT_NO_DEBUG
        QVERIFY2(
            best < 6000,
            qPrintable(QString::number(best))); // the goal is 3000; the rest is for a busy machine
#endif
    }

private:
    // Runs a program to its end; what it printed when it failed.
    static QString runAgain(const QString& program,
                            const QStringList& arguments,
                            const QProcessEnvironment& environment)
    {
        QProcess process;
        process.setProcessEnvironment(environment);
        process.setProcessChannelMode(QProcess::MergedChannels);
        process.start(program, arguments);
        if (!process.waitForFinished(60'000)) {
            process.kill();
            process.waitForFinished();
            return u"it did not end: "_s + QString::fromUtf8(process.readAll());
        }
        const QByteArray output = process.readAll();
        return process.exitCode() == 0 && output.contains("0 skipped") ? QString()
                                                                       : QString::fromUtf8(output);
    }
};

QTEST_GUILESS_MAIN(TestSecrets)
#include "tst_Secrets.moc"
