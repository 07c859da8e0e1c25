#include "core/secrets/KeyCommand.h"
#include "core/secrets/KeyFile.h"
#include "tests/security/Attack.h"
#include "tests/security/SecretsVictims.h"
#include "tests/unit/SecretsFixture.h"

#include <QElapsedTimer>
#include <QProcess>
#include <fcntl.h>

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::secrets;
using namespace sb::test;
using attack::Outcome;

namespace {

const QByteArray words = "correct horse battery";

Outcome won(bool attacker)
{
    return attacker ? Outcome::Succeeded : Outcome::Refused;
}

/// A vault that somebody can write to, who does not know its passphrase.
struct StolenVault
{
    QTemporaryDir folder;
    QString path = folder.filePath(u"vault"_s);
    QByteArray before; ///< the file when "a" was still the key that was revoked since

    StolenVault()
    {
        Vault vault(path, leastVaultCost);
        if (!vault.create(secret(words)) || !vault.write(u"a"_s, secret("revoked-of-a")) ||
            !vault.write(u"b"_s, secret("value-of-b"))) {
            qFatal("no vault");
        }
        before = bytesOf(path);
        if (!vault.write(u"a"_s, secret("current-of-a"))) {
            qFatal("no vault");
        }
    }
    /// Changes the file as the attacker likes; the checksum fits again.
    void alter(const std::function<void(VaultFile&)>& change) const
    {
        auto file = VaultFile::decode(bytesOf(path));
        if (!file) {
            qFatal("it cannot be altered");
        }
        change(*file);
        writeTo(path, file->encode());
    }
    [[nodiscard]] QByteArray valueOf(const QString& name) const
    {
        Vault vault(path, leastVaultCost);
        const auto opened = vault.unlock(secret(words));
        return opened ? shown(vault.read(name)) : "error: " + opened.error().message.toUtf8();
    }
    [[nodiscard]] bool opens() const
    {
        return Vault(path, leastVaultCost).unlock(secret(words)).has_value();
    }
};

Outcome bitFlip()
{
    const StolenVault vault;
    vault.alter([](VaultFile& file) { file.records[1].box[0] = char(file.records[1].box[0] ^ 1); });
    return won(vault.valueOf(u"b"_s) == "walue-of-b");
}

Outcome swappedEntries()
{
    const StolenVault vault;
    vault.alter([](VaultFile& file) { std::swap(file.records[0].name, file.records[1].name); });
    return won(vault.valueOf(u"b"_s) == "current-of-a");
}

Outcome oldEntry()
{
    const StolenVault vault;
    vault.alter(
        [&](VaultFile& file) { file.records[0] = VaultFile::decode(vault.before)->records[0]; });
    return won(vault.valueOf(u"a"_s) == "revoked-of-a");
}

Outcome oldHeader()
{
    const StolenVault vault;
    vault.alter([&](VaultFile& file) {
        auto old = *VaultFile::decode(vault.before);
        old.records = file.records;
        file = old;
    });
    return won(vault.opens());
}

Outcome entryCutOff()
{
    const StolenVault vault;
    // The head still speaks of two.
    vault.alter([](VaultFile& file) { file.records.removeLast(); });
    return won(vault.opens());
}

Outcome emptied()
{
    const StolenVault vault;
    vault.alter([](VaultFile& file) {
        file.records.clear();
        file.count = 0;
    });
    return won(vault.opens());
}

Outcome weakCost()
{
    // Made by whoever wants to guess the passphrase cheaply, once it is used here.
    const QTemporaryDir folder;
    VaultFile file;
    file.cost = {1, 8};
    file.salt = QByteArray(16, 's');
    file.save = QByteArray(16, 'v');
    const auto keys = VaultKeys::derive(secret(words), file.salt, file.cost);
    file.check = keys->check();
    keys->seal(file);
    writeTo(folder.filePath(u"vault"_s), file.encode());
    Vault vault(folder.filePath(u"vault"_s), leastVaultCost);
    return won(vault.unlock(secret(words)) && vault.write(u"new"_s, secret("value-of-new")));
}

Outcome olderCopy()
{
    const StolenVault vault;
    Vault running(vault.path, leastVaultCost);
    if (!running.unlock(secret(words)) || shown(running.read(u"a"_s)) != "current-of-a") {
        qFatal("no vault");
    }
    writeTo(vault.path, vault.before);
    return won(shown(running.read(u"a"_s)) == "revoked-of-a");
}

QString program(const QTemporaryDir& folder, const QByteArray& body, int mode = 0700)
{
    const QString path = folder.filePath(u"give"_s);
    writeTo(path, "#!/bin/sh\n" + body, mode);
    return path;
}

Outcome shellWords(const QString& line)
{
    const QTemporaryDir folder;
    const QString mark = folder.filePath(u"mark"_s);
    (void)runKeyCommand(QString(line).replace(u"MARK"_s, mark), Milliseconds(10'000));
    return won(QFile::exists(mark));
}

Outcome flood()
{
    const auto value = runKeyCommand(u"head -c 100000000 /dev/zero"_s, Milliseconds(60'000));
    return won(value && value->expose([](QByteArrayView v) { return v.size() == 100'000'000; }));
}

Outcome hang()
{
    QElapsedTimer timer;
    timer.start();
    (void)runKeyCommand(u"sleep 2"_s, Milliseconds(100));
    return won(timer.elapsed() >= 2'000);
}

Outcome environment()
{
    qputenv("SB_OTHER_KEY", "key-of-another-service");
    const auto value = runKeyCommand(u"cat /proc/self/environ"_s, Milliseconds(10'000));
    return won(shown(value).contains("key-of-another-service"));
}

Outcome complaints()
{
    // Where this program's standard error goes: a log, say.
    const QTemporaryDir folder;
    const QString log = folder.filePath(u"log"_s);
    const int kept = ::dup(STDERR_FILENO);
    const int file = ::open(QFile::encodeName(log).constData(), O_WRONLY | O_CREAT, 0600);
    ::dup2(file, STDERR_FILENO);
    (void)runKeyCommand(program(folder, "echo 'cannot renew key-with-value' >&2; echo other"),
                        Milliseconds(10'000));
    ::dup2(kept, STDERR_FILENO);
    ::close(kept);
    ::close(file);
    return won(bytesOf(log).contains("key-with-value"));
}

Outcome othersProgram()
{
    const QTemporaryDir folder;
    const auto value =
        runKeyCommand(program(folder, "echo planted-key", 0777), Milliseconds(10'000));
    return won(shown(value) == "planted-key");
}

Outcome fileOfMode(int mode)
{
    const QTemporaryDir folder;
    ::chmod(QFile::encodeName(folder.path()).constData(), 0755);
    const QString path = folder.filePath(u"key"_s);
    writeTo(path, "value-of-the-file", mode);
    return won(readKeyFile(path).has_value());
}

Outcome fifo()
{
    const QTemporaryDir folder;
    const QString path = folder.filePath(u"key"_s);
    const QByteArray name = QFile::encodeName(path);
    ::mkfifo(name.constData(), 0600);
    // What was written waits for a reader, as long as one end is open.
    const int reader = ::open(name.constData(), O_RDONLY | O_NONBLOCK);
    const int writer = ::open(name.constData(), O_WRONLY | O_NONBLOCK);
    (void)!::write(writer, "planted-key\n", 12);
    ::close(writer);
    const auto file = readKeyFile(path);
    ::close(reader);
    return won(file && shown(file->value) == "planted-key");
}

Outcome environLink()
{
    const QTemporaryDir folder;
    const QString path = folder.filePath(u"key"_s);
    QFile::link(u"/proc/self/environ"_s, path);
    const auto file = readKeyFile(path);
    return won(file && shown(file->value).contains("PATH="));
}

Outcome othersFile()
{
    const QTemporaryDir folder;
    const QString path = folder.filePath(u"key"_s);
    writeTo(path, "planted-key");
    if (::chown(QFile::encodeName(path).constData(), 65534, gid_t(-1)) != 0) {
        qFatal("nobody's file cannot be made");
    }
    const auto file = readKeyFile(path);
    return won(file && shown(file->value) == "planted-key");
}

QByteArray kv(const QByteArray& value)
{
    return ScriptedHttp::json(R"({"data":{"data":{"f":")" + value + R"("}}})");
}

Outcome plainHttp()
{
    SecretsFixture f;
    qputenv("SB_TEST_TOKEN", "token-for-the-vault");
    ScriptedHttp server([](const QByteArray&) { return kv("value-in-the-open"); },
                        QHostAddress::AnyIPv4);
    // An address that is not the loopback's, though it leads here.
    f.secrets->setHashiCorp(
        HashiCorpPlace{server.address(u"0.0.0.0"_s), u"env:SB_TEST_TOKEN"_s, {}});
    (void)f.resolve(u"hashicorp:p#f"_s);
    return won(server.requests().value(0).contains("token-for-the-vault"));
}

Outcome redirected()
{
    SecretsFixture f;
    qputenv("SB_TEST_TOKEN", "token-for-the-vault");
    ScriptedHttp thief([](const QByteArray&) { return kv("planted-key"); },
                       QHostAddress(u"127.0.0.2"_s));
    ScriptedHttp server([&](const QByteArray&) {
        return "HTTP/1.1 307 X\r\nLocation: " + thief.address(u"127.0.0.2"_s).toUtf8() +
               "/v1/secret/data/p\r\nContent-Length: 0\r\n\r\n";
    });
    f.secrets->setHashiCorp(HashiCorpPlace{server.address(), u"env:SB_TEST_TOKEN"_s, {}});
    (void)f.resolve(u"hashicorp:p#f"_s);
    return won(thief.requests().value(0).contains("token-for-the-vault"));
}

Outcome pastedKey()
{
    SecretsFixture f;
    return won(f.resolve(u"hvs.very-secret-token"_s).contains("very-secret"));
}

Outcome deadKey()
{
    SecretsFixture f;
    {
        Vault vault(f.vaultFile, leastVaultCost);
        if (!vault.create(secret(words)) || !vault.write(u"k"_s, secret("good-value"))) {
            qFatal("no vault");
        }
    }
    f.passphrases = {words};
    (void)f.answer(f.secrets->rotate(u"vault:k"_s, secret("dead-value"), [](const Lease&) {
        return Future<>::ready(fail(ErrorCode::Forbidden, u"No."_s));
    }));
    return won(f.resolve(u"vault:k"_s) == "dead-value");
}

// A child that had three values and let go of them; is one of them still in its memory?
Outcome freedMemory()
{
    const QTemporaryDir folder;
    const QString give = program(folder, "printf 'value-%s-%s' given by-a-program");
    writeTo(folder.filePath(u"key"_s), "value-read-from-a-file");
    {
        Vault vault(folder.filePath(u"vault"_s), leastVaultCost);
        if (!vault.create(secret(words)) ||
            !vault.write(u"k"_s, secret("value-out-of-the-vault"))) {
            qFatal("no vault");
        }
    }
    QProcess child;
    auto variables = QProcessEnvironment::systemEnvironment();
    variables.insert(u"SB_SECRETS_CHILD"_s, folder.path());
#ifdef SB_SWITCHABLE_DEFENCES
    variables.insert(u"SB_DEFENCES_OFF"_s, QString::fromLatin1(defencesOff()));
#endif
    child.setProcessEnvironment(variables);
    child.start(QCoreApplication::applicationFilePath(), {u"insideAChild"_s});
    QByteArray said;
    while (!said.contains("let go") && child.waitForReadyRead(60'000)) {
        said += child.readAllStandardOutput();
    }
    if (!said.contains("let go")) {
        qFatal("the child did not get that far: %s", said.constData());
    }
    const bool isLeft = isInMemory(child.processId(), "value-given-by-a-program") ||
                        isInMemory(child.processId(), "value-read-from-a-file") ||
                        isInMemory(child.processId(), "value-out-of-the-vault");
    child.closeWriteChannel();
    child.waitForFinished(60'000);
    return won(isLeft);
}

QList<attack::Attack> everybodys()
{
    return {
        {"secrets.vault-bit-flip", "secrets.vault-tag", bitFlip},
        {"secrets.vault-swapped-entries", "secrets.vault-names", swappedEntries},
        {"secrets.vault-revoked-entry-put-back", "secrets.vault-save", oldEntry},
        {"secrets.vault-header-rolled-back", "secrets.vault-save", oldHeader},
        {"secrets.vault-entry-cut-off", "secrets.vault-complete", entryCutOff},
        {"secrets.vault-emptied", "secrets.vault-header", emptied},
        {"secrets.vault-weak-parameters", "secrets.vault-cost", weakCost},
        {"secrets.vault-older-copy-in-a-run", "secrets.vault-rollback", olderCopy},
        {"secrets.exec-semicolon",
         "secrets.exec-no-shell",
         [] { return shellWords(u"printf key; touch MARK"_s); }},
        {"secrets.exec-substitution",
         "secrets.exec-no-shell",
         [] { return shellWords(u"printf $(touch MARK)"_s); }},
        {"secrets.exec-redirection",
         "secrets.exec-no-shell",
         [] { return shellWords(u"printf key > MARK"_s); }},
        {"secrets.exec-flood", "secrets.exec-output", flood},
        {"secrets.exec-hang", "secrets.exec-time", hang},
        {"secrets.exec-reads-other-keys", "secrets.exec-environment", environment},
        {"secrets.exec-value-in-log", "secrets.exec-complaints", complaints},
        {"secrets.exec-program-of-others", "secrets.exec-program", othersProgram},
        {"secrets.file-readable-by-others",
         "secrets.file-readable",
         [] { return fileOfMode(0644); }},
        {"secrets.file-writable-by-others",
         "secrets.file-writable",
         [] { return fileOfMode(0622); }},
        {"secrets.file-is-a-fifo", "secrets.file-regular", fifo},
        {"secrets.file-links-to-proc", "secrets.file-on-disk", environLink},
        {"secrets.hashicorp-in-the-open", "secrets.hashicorp-plain", plainHttp},
        {"secrets.hashicorp-redirect", "secrets.hashicorp-redirect", redirected},
        {"secrets.pasted-key-in-error", "secrets.pasted-key", pastedKey},
        {"secrets.rotate-to-a-dead-key", "secrets.rotate-validated", deadKey},
        {"secrets.freed-memory", "secrets.wipe", freedMemory},
        {"secrets.memory-of-another-process",
         "secrets.dumps",
         [] { return won(anotherProcessReadsMemory()); }},
    };
}

const QList<attack::Attack>& attacks()
{
    static const QList<attack::Attack> list = [] {
        QList<attack::Attack> all = everybodys();
        if (::geteuid() == 0) { // only root can make a file that is another's
            all.append({"secrets.file-of-another-user", "secrets.file-owner", othersFile});
        }
        return all;
    }();
    return list;
}

} // namespace

class TestSecretsAttacks : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void attack_data() { attack::addRows(attacks()); }
    void attack() { attack::check(attacks()); }

    // What freedMemory() runs in a process of its own.
    void insideAChild()
    {
        const QString folder = qEnvironmentVariable("SB_SECRETS_CHILD");
        if (folder.isEmpty()) {
            QSKIP("runs inside the attack on freed memory");
        }
        {
            const auto given = runKeyCommand(folder + u"/give"_s, Milliseconds(10'000));
            const auto read = readKeyFile(folder + u"/key"_s);
            Vault vault(folder + u"/vault"_s, leastVaultCost);
            QVERIFY(vault.unlock(secret(words)));
            const auto stored = vault.read(u"k"_s);
            QVERIFY(given && read && stored);
            const SecretString copy = stored->clone();
            QVERIFY(!copy.isEmpty());
        }
        std::puts("let go");
        std::fflush(stdout);
        (void)std::getchar();
    }
};

QTEST_GUILESS_MAIN(TestSecretsAttacks)
#include "tst_SecretsAttacks.moc"
