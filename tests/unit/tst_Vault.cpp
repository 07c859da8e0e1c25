#include "tests/unit/SecretsFixture.h"

#include <QElapsedTimer>
#include <thread>

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::secrets;
using namespace sb::test;

namespace {

const QByteArray words = "correct horse battery";

struct OneVault
{
    QTemporaryDir folder;
    QString path = folder.filePath(u"vault"_s);
    Vault vault{path, leastVaultCost};

    explicit OneVault(const QList<std::pair<QString, QByteArray>>& entries = {})
    {
        if (!vault.create(secret(words))) {
            qFatal("no vault");
        }
        for (const auto& [name, value] : entries) {
            if (!vault.write(name, secret(value))) {
                qFatal("no entry");
            }
        }
    }
};

QString code(const Result<>& result)
{
    return result ? u"ok"_s : errorCodeName(result.error().code);
}

} // namespace

class TestVault : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void valuesAreThereForWhoKnowsThePassphrase()
    {
        OneVault one({{u"anthropic"_s, "value-of-a"}, {u"gitlab é"_s, "value-of-b"}});
        QCOMPARE(shown(one.vault.read(u"anthropic"_s)), "value-of-a");
        const QByteArray bytes = bytesOf(one.path);
        QVERIFY(!bytes.contains("value-of"));
        QCOMPARE(QFile::permissions(one.path) & QFileDevice::Permissions(0x0077),
                 QFileDevice::Permissions());

        Vault other(one.path, leastVaultCost);
        QCOMPARE(*other.names(), (QStringList{u"anthropic"_s, u"gitlab é"_s}));
        QCOMPARE(other.read(u"anthropic"_s).error().code, ErrorCode::Locked);
        QCOMPARE(code(other.write(u"x"_s, secret("y"))), u"locked"_s);
        const auto wrong = other.unlock(secret("correct horse batterz"));
        QCOMPARE(wrong.error().code, ErrorCode::Forbidden);
        QCOMPARE(wrong.error().message, u"This is not the passphrase of the vault."_s);
        QVERIFY(other.unlock(secret(words)));
        QCOMPARE(shown(other.read(u"gitlab é"_s)), "value-of-b");
        QCOMPARE(other.read(u"absent"_s).error().code, ErrorCode::NotFound);
        other.lock();
        QCOMPARE(other.read(u"anthropic"_s).error().code, ErrorCode::Locked);
    }

    void entriesComeAndGo()
    {
        OneVault one({{u"a"_s, "1"}, {u"b"_s, "2"}, {u"c"_s, "3"}});
        QVERIFY(one.vault.write(u"b"_s, secret("two")));
        QVERIFY(one.vault.write(u"a"_s, {}));
        QVERIFY(one.vault.write(u"never"_s, {}));
        QCOMPARE(*one.vault.names(), (QStringList{u"b"_s, u"c"_s}));
        QCOMPARE(shown(one.vault.read(u"b"_s)), "two");
        QCOMPARE(shown(one.vault.read(u"c"_s)), "3");
        QCOMPARE(code(one.vault.write(QString(), secret("x"))), u"invalid_input"_s);
        QCOMPARE(code(one.vault.create(secret(words))), u"conflict"_s);
        QCOMPARE(one.folder.path().isEmpty(), false);
        // Nothing is left beside it but the file that writers take their turns by.
        QCOMPARE(QDir(one.folder.path()).entryList(QDir::Files),
                 (QStringList{u"vault"_s, u"vault.lock"_s}));
    }

    void aShortPassphraseIsRefused()
    {
        const QTemporaryDir folder;
        Vault vault(folder.filePath(u"v"_s), leastVaultCost);
        QCOMPARE(code(vault.create(secret("seven 7"))), u"invalid_input"_s);
        QVERIFY(!vault.exists());
        QCOMPARE(vault.unlock(secret(words)).error().code, ErrorCode::NotFound);
        QCOMPARE(vault.names().error().code, ErrorCode::NotFound);
    }

    void theLayoutIsWhatTheReadmeSays()
    {
        OneVault one({{u"name"_s, "12345"}});
        const QByteArray bytes = bytesOf(one.path);
        QCOMPARE(bytes.first(8), QByteArray("SBVAULT\0", 8));
        const auto number = [&](qsizetype at, int size) {
            quint64 value = 0;
            for (int i = size - 1; i >= 0; --i) {
                value = value << 8 | quint8(bytes[at + i]);
            }
            return value;
        };
        QCOMPARE(number(8, 4), 1U);
        QCOMPARE(number(12, 4), 2U);
        QCOMPARE(number(16, 4), 65536U);
        QCOMPARE(number(20, 4), 1U);
        QCOMPARE(number(24, 8), 2U); // made, then written once
        QCOMPARE(number(112, 4), 4U);
        QCOMPARE(number(116, 4), 5U + 16U);
        QCOMPARE(bytes.sliced(120, 4), QByteArray("name"));
        QCOMPARE(bytes.size(), 112 + 8 + 4 + 24 + 5 + 16);
    }

    void damageIsToldFromAWrongPassphrase()
    {
        OneVault one({{u"a"_s, "value-of-a"}, {u"b"_s, "value-of-b"}});
        const QByteArray good = bytesOf(one.path);
        // Any bit, the header's included.
        for (qsizetype at = 0; at < good.size(); at += 7) {
            QByteArray bad = good;
            bad[at] = char(bad[at] ^ 0x10);
            const auto read = VaultFile::decode(bad);
            QVERIFY2(!read, qPrintable(QString::number(at)));
            QVERIFY(read.error().code ==
                    (at >= 8 && at < 12 ? ErrorCode::TooNew : ErrorCode::Corrupt));
        }
        for (qsizetype size = 0; size < good.size(); size += 5) {
            QCOMPARE(VaultFile::decode(good.first(size)).error().code, ErrorCode::Corrupt);
        }
        writeTo(one.path, good.first(good.size() - 1));
        Vault other(one.path, leastVaultCost);
        QCOMPARE(code(other.unlock(secret(words))), u"corrupt"_s);
        writeTo(one.path, "something else entirely");
        QCOMPARE(other.unlock(secret(words)).error().message,
                 u"The vault is damaged: it does not begin as a vault does."_s);
        QByteArray later = good;
        later[8] = 2;
        writeTo(one.path, later);
        QCOMPARE(code(other.unlock(secret(words))), u"too_new"_s);
    }

    void aCostThatNobodyWaitsForIsRefused()
    {
        OneVault one;
        auto file = VaultFile::decode(bytesOf(one.path));
        file->cost = {1'000'000, 64 << 10};
        QCOMPARE(VaultFile::decode(file->encode()).error().code, ErrorCode::Corrupt);
        file->cost = {2, 4'000'000'000U};
        QCOMPARE(VaultFile::decode(file->encode()).error().code, ErrorCode::Corrupt);
    }

    void thePassphraseCanBeChanged()
    {
        OneVault one({{u"a"_s, "value-of-a"}});
        Vault other(one.path, leastVaultCost);
        QVERIFY(other.unlock(secret(words)));
        QVERIFY(one.vault.changePassphrase(secret("another long one")));
        QCOMPARE(shown(one.vault.read(u"a"_s)), "value-of-a");
        // Who knew the old one must be asked anew.
        QCOMPARE(other.read(u"a"_s).error().code, ErrorCode::Locked);
        QCOMPARE(code(other.unlock(secret(words))), u"forbidden"_s);
        QVERIFY(other.unlock(secret("another long one")));
        QCOMPARE(shown(other.read(u"a"_s)), "value-of-a");
    }

    void writersTakeTurns()
    {
        OneVault one;
        std::vector<std::thread> threads;
        std::atomic<bool> wrong = false;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&, t] {
                Vault mine(one.path, leastVaultCost);
                wrong = wrong || !mine.unlock(secret(words));
                for (int i = 0; i < 5; ++i) {
                    wrong = wrong || !mine.write(u"t%1-%2"_s.arg(t).arg(i), secret("value"));
                }
            });
        }
        for (auto& thread : threads) {
            thread.join();
        }
        QVERIFY(!wrong);
        QCOMPARE(one.vault.names()->size(), 20);
    }

    void onePersonIsAskedOnceHoweverManyWait()
    {
        SecretsFixture f;
        {
            Vault vault(f.vaultFile, leastVaultCost);
            QVERIFY(vault.create(secret(words)));
            QVERIFY(vault.write(u"a"_s, secret("value-of-a")));
            QVERIFY(vault.write(u"b"_s, secret("value-of-b")));
        }
        f.passphrases = {"wrong passphrase", words};
        std::vector<Future<SecretString>> futures;
        for (int i = 0; i < 10; ++i) {
            futures.push_back(f.secrets->resolve(i % 2 == 0 ? u"vault:a"_s : u"vault:b"_s));
        }
        for (int i = 0; i < 10; ++i) {
            QCOMPARE(shown(f.answer(std::move(futures[size_t(i)]))),
                     i % 2 == 0 ? "value-of-a" : "value-of-b");
        }
        QCOMPARE(f.copyOf(f.questions), (QStringList{u"unlock 1"_s, u"unlock 2"_s}));
        // What another process writes is seen without being asked anew.
        {
            Vault vault(f.vaultFile, leastVaultCost);
            QVERIFY(vault.unlock(secret(words)));
            QVERIFY(vault.write(u"a"_s, secret("newer-of-a")));
        }
        QCOMPARE(f.resolve(u"vault:a"_s), "newer-of-a");
        QCOMPARE(*f.answer(f.secrets->vaultNames()), (QStringList{u"a"_s, u"b"_s}));
        QVERIFY(f.answer(f.secrets->remove(u"vault:a"_s)));
        QCOMPARE(f.errorOf(u"vault:a"_s), u"not_found"_s);
        QCOMPARE(f.copyOf(f.questions).size(), 2);
    }

    void whoSaysNoIsNotAskedAgain()
    {
        SecretsFixture f;
        {
            Vault vault(f.vaultFile, leastVaultCost);
            QVERIFY(vault.create(secret(words)));
            QVERIFY(vault.write(u"a"_s, secret("value-of-a")));
        }
        QCOMPARE(f.resolve(u"vault:a"_s),
                 "error: The vault stays locked, because its passphrase was not given.");
        QCOMPARE(f.errorOf(u"vault:a"_s), u"locked"_s);
        QCOMPARE(f.copyOf(f.questions), QStringList{u"unlock 1"_s});
        // Three wrong ones are a no as well.
        f.passphrases = {"wrong 1 wrong", "wrong 2 wrong", "wrong 3 wrong", "never asked"};
        QCOMPARE(f.answer(f.secrets->unlockVault()).error().message,
                 u"This is not the passphrase of the vault."_s);
        QCOMPARE(f.passphrases.size(), 1);
        f.passphrases = {words};
        QVERIFY(f.answer(f.secrets->unlockVault()));
        QCOMPARE(f.resolve(u"vault:a"_s), "value-of-a");
    }

    void whereNobodyCanBeAsked()
    {
        LoopExecutor loop(u"keys"_s);
        Pool pool(1, u"pool"_s);
        SystemClock clock;
        Redactor redactor;
        const QTemporaryDir folder;
        Secrets::Settings settings;
        settings.vaultFile = folder.filePath(u"vault"_s);
        {
            Vault vault(settings.vaultFile, leastVaultCost);
            QVERIFY(vault.create(secret(words)));
        }
        Secrets secrets(settings, loop, pool, clock, redactor);
        QCOMPARE(secrets.resolve(u"vault:a"_s).wait().error().code, ErrorCode::Locked);
        Secrets without({}, loop, pool, clock, redactor);
        QCOMPARE(without.resolve(u"vault:a"_s).wait().error().code, ErrorCode::Unsupported);
        QVERIFY(without.vaultNames().wait()->isEmpty());
    }

    void figures()
    {
        OneVault one({{u"a"_s, "value-of-a"}});
        QElapsedTimer timer;
        timer.start();
        Vault other(one.path);
        QVERIFY(other.unlock(secret(words)));
        qInfo("unlocking at the least cost: %lld ms", timer.restart());
        for (int i = 0; i < 100; ++i) {
            (void)other.read(u"a"_s);
        }
        qInfo("a read: %lld us", timer.nsecsElapsed() / 100 / 1000);
        timer.restart();
        QVERIFY(other.write(u"b"_s, secret("value-of-b")));
        qInfo("a write: %lld ms", timer.restart());
        QVERIFY(other.changePassphrase(secret("at the usual cost")));
        qInfo("deriving at the usual cost: %lld ms", timer.restart());
    }
};

QTEST_GUILESS_MAIN(TestVault)
#include "tst_Vault.moc"
