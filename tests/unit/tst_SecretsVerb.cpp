#include "tests/security/Attack.h"
#include "tests/unit/SecretsFixture.h"

#include <QDir>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <csignal>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::test;
using attack::Outcome;

namespace {

// A home of its own, in a session where no keychain answers.
struct Node
{
    QTemporaryDir folder;
    QString home = folder.filePath(u"home"_s);
    QProcessEnvironment variables = QProcessEnvironment::systemEnvironment();

    Node()
    {
        for (const char* name : {"DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY"}) {
            variables.remove(QString::fromLatin1(name));
        }
        for (const char* name :
             {"HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"}) {
            const QString place = folder.filePath(QString::fromLatin1(name));
            QDir().mkpath(place);
            variables.insert(QString::fromLatin1(name), place);
        }
        QDir().mkpath(home);
#ifdef SB_SWITCHABLE_DEFENCES
        variables.insert(u"SB_DEFENCES_OFF"_s, QString::fromLatin1(defencesOff()));
#endif
    }

    struct Said
    {
        int exit = -1;
        QByteArray out; ///< of a terminal: all that was on it
        QByteArray err;
    };

    [[nodiscard]] QStringList words(const QStringList& verb) const
    {
        return QStringList{u"--home"_s, home, u"secrets"_s} + verb;
    }

    // Without a terminal.
    [[nodiscard]] Said run(const QStringList& verb, const QByteArray& input = {}) const
    {
        QProcess process;
        process.setProcessEnvironment(variables);
        // Its own session, else it finds the terminal of whoever runs the tests.
        QProcess::UnixProcessParameters apart;
        apart.flags = QProcess::UnixProcessFlag::CreateNewSession;
        process.setUnixProcessParameters(apart);
        process.start(QStringLiteral(SB_BIN_DIR "/signalbox-node"), words(verb));
        process.write(input);
        process.closeWriteChannel();
        if (!process.waitForFinished(60'000)) {
            process.kill();
            process.waitForFinished();
        }
        return {
            process.exitCode(), process.readAllStandardOutput(), process.readAllStandardError()};
    }

    // At a terminal: each prompt is waited for and answered.
    [[nodiscard]] Said at(const QStringList& verb,
                          const QList<std::pair<QByteArray, QByteArray>>& talk) const
    {
        QList<QByteArray> texts{QByteArray(SB_BIN_DIR "/signalbox-node")};
        for (const QString& word : words(verb)) {
            texts.append(word.toUtf8());
        }
        QList<QByteArray> environment;
        for (const QString& line : variables.toStringList()) {
            environment.append(line.toUtf8());
        }
        std::vector<char*> argv;
        std::vector<char*> envp;
        for (QByteArray& text : texts) {
            argv.push_back(text.data());
        }
        for (QByteArray& line : environment) {
            envp.push_back(line.data());
        }
        argv.push_back(nullptr);
        envp.push_back(nullptr);
        int terminal = -1;
        const pid_t pid = ::forkpty(&terminal, nullptr, nullptr, nullptr);
        if (pid == 0) {
            ::execve(argv[0], argv.data(), envp.data());
            ::_exit(127);
        }
        Said said;
        qsizetype read = 0;
        auto next = talk.begin();
        pollfd waiting{terminal, POLLIN, 0};
        while (::poll(&waiting, 1, 60'000) > 0) {
            char buffer[4096];
            const auto got = ::read(terminal, buffer, sizeof buffer);
            if (got <= 0) {
                break;
            }
            said.out.append(buffer, got);
            if (next != talk.end() && said.out.indexOf(next->first, read) >= 0) {
                read = said.out.size();
                const QByteArray line = next->second + '\n';
                (void)!::write(terminal, line.constData(), size_t(line.size()));
                ++next;
            }
        }
        int status = 0;
        ::waitpid(pid, &status, 0);
        ::close(terminal);
        said.exit = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        return said;
    }

    void configure(const QByteArray& baseUrl) const
    {
        writeTo(home + u"/signalbox.yaml"_s,
                "models:\n  providers:\n    - {id: local, api: openai-chat, base_url: \"" +
                    baseUrl +
                    "\", key: \"vault:k\"}\n  routes: {default: local/m}\nagents:\n  - {id: a, "
                    "workspace: /tmp}\n");
    }
    // A vault that opens quickly.
    void makeVault() const
    {
        QDir().mkpath(home + u"/data"_s);
        secrets::Vault vault(home + u"/data/vault"_s, secrets::leastVaultCost);
        if (!vault.create(secret("correct horse")) || !vault.write(u"k"_s, secret("old-value"))) {
            qFatal("no vault");
        }
    }
    [[nodiscard]] QByteArray valueOf(const QString& name) const
    {
        secrets::Vault vault(home + u"/data/vault"_s, secrets::leastVaultCost);
        return vault.unlock(secret("correct horse")) ? shown(vault.read(name)) : "locked";
    }
};

// Somebody gives a value as an argument, where everybody on the machine can read it.
Outcome valueInArguments()
{
    const Node node;
    node.makeVault();
    const auto said = node.at({u"set"_s, u"n"_s, u"value-in-argv"_s},
                              {{"Passphrase of the vault: ", "correct horse"}});
    return node.valueOf(u"n"_s) == "value-in-argv" || said.out.contains("value-in-argv")
               ? Outcome::Succeeded
               : Outcome::Refused;
}

const QList<attack::Attack>& attacks()
{
    static const QList<attack::Attack> list{
        {"secrets.value-in-argv", "secrets.argv", valueInArguments}};
    return list;
}

} // namespace

class TestSecretsVerb : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void attack_data() { attack::addRows(attacks()); }
    void attack() { attack::check(attacks()); }

    void keysAreStoredListedAndRemoved()
    {
        Node node;
        // The first key makes the vault; nothing that is typed is shown.
        auto said = node.at({u"set"_s, u"gitlab"_s},
                            {{"nothing is shown): ", "value-of-gitlab"},
                             {"at least 8 characters): ", "correct horse"},
                             {"The same again: ", "correct horse"}});
        QVERIFY2(said.exit == 0, said.out.constData());
        QVERIFY(said.out.contains("key: \"vault:gitlab\""));
        QVERIFY(!said.out.contains("value-of"));
        QVERIFY(!said.out.contains("correct"));
        QCOMPARE(node.valueOf(u"gitlab"_s), "value-of-gitlab");
        QVERIFY(!bytesOf(node.home + u"/data/vault"_s).contains("value-of"));

        node.configure("http://127.0.0.1:1");
        const auto listed = node.run({u"list"_s});
        QCOMPARE(listed.out,
                 "vault:gitlab  nothing uses it\n"
                 "vault:k  provider local; not in the vault\n");
        said = node.at({u"remove"_s, u"vault:gitlab"_s},
                       {{"Passphrase of the vault: ", "wrong one"},
                        {"That was not it. Passphrase of the vault: ", "correct horse"}});
        QVERIFY2(said.exit == 0, said.out.constData());
        QCOMPARE(node.valueOf(u"gitlab"_s), "error: The vault holds no entry \"gitlab\".");
    }

    void withoutATerminalTheVaultStaysLocked()
    {
        Node node;
        node.makeVault();
        // Neither the environment nor standard input opens it.
        node.variables.insert(u"SIGNALBOX_PASSPHRASE"_s, u"correct horse"_s);
        const auto said = node.run({u"set"_s, u"n"_s}, "value\ncorrect horse\n");
        QCOMPARE(said.exit, 1);
        QVERIFY2(said.err.contains("The vault is locked, and nobody can be asked"),
                 said.err.constData());
        QCOMPARE(node.run({u"set"_s, u"n"_s}).exit, 2);
        QCOMPARE(node.run({u"set"_s}).exit, 2);
        QCOMPARE(node.run({u"reveal"_s, u"k"_s}).exit, 2);
        QCOMPARE(node.run({u"set"_s, u"n"_s, u"--value"_s, u"x"_s}).exit, 2);
    }

    void aNewKeyIsTriedBeforeItIsTaken()
    {
        Node node;
        node.makeVault();
        // The service is asked by another process, so this one must answer meanwhile.
        LoopExecutor loop(u"service"_s);
        std::unique_ptr<ScriptedHttp> server;
        loop.postAndWait([&] {
            server = std::make_unique<ScriptedHttp>([](const QByteArray& request) {
                return request.contains("Bearer good-value")
                           ? ScriptedHttp::json("{\"data\":[]}")
                           : ScriptedHttp::json("{\"error\":\"bad-value\"}", 401);
            });
        });
        node.configure(server->address().toUtf8() + "/v1");
        const auto rotate = [&](const QByteArray& value) {
            return node.at(
                {u"rotate"_s, u"k"_s},
                {{"nothing is shown): ", value}, {"Passphrase of the vault: ", "correct horse"}});
        };
        auto said = rotate("bad-value");
        QCOMPARE(said.exit, 1);
        QVERIFY2(said.out.contains("The new value was not taken, the old one stays: the provider "
                                   "\"local\" does not accept it."),
                 said.out.constData());
        QCOMPARE(node.valueOf(u"k"_s), "old-value");
        said = rotate("good-value");
        QVERIFY2(said.exit == 0, said.out.constData());
        QCOMPARE(node.valueOf(u"k"_s), "good-value");
        loop.postAndWait([&] { server.reset(); });
    }
};

QTEST_GUILESS_MAIN(TestSecretsVerb)
#include "tst_SecretsVerb.moc"
