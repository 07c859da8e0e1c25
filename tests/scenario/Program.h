#pragma once
#include "tests/scenario/Instance.h"
#include "tests/support/ScriptedModel.h"
#include "tests/unit/RawHttp.h"

#include <QDir>
#include <QFile>
#include <QJsonDocument>
#include <QProcess>
#include <QRegularExpression>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>

namespace sb::test {

/// What a call of the program came to.
struct Ended
{
    int code = -1; ///< -1: it did not end in time, or was killed
    bool crashed = false;
    QByteArray out;
    QByteArray err;

    /// Standard output, line by line; a line that is no JSON object becomes an empty one.
    [[nodiscard]] QList<QJsonObject> lines() const
    {
        QList<QJsonObject> objects;
        for (const QByteArray& line : out.split('\n')) {
            if (!line.isEmpty()) {
                objects.append(QJsonDocument::fromJson(line).object());
            }
        }
        return objects;
    }
    [[nodiscard]] QJsonObject last() const
    {
        const auto all = lines();
        return all.isEmpty() ? QJsonObject() : all.last();
    }
    /// What standard error says, on one line, for QVERIFY2.
    [[nodiscard]] QByteArray said() const
    {
        return "exit " + QByteArray::number(code) + "\n--- err:\n" + err + "--- out:\n" + out;
    }
    /// Exactly one sentence of ours on standard error.
    [[nodiscard]] bool isOneSentence() const
    {
        return err.startsWith("signalbox-node: ") && err.count('\n') == 1 &&
               (err.endsWith(".\n") || err.endsWith("?\n"));
    }
};

/// The real program on a home of its own, driven as an outsider would, with the scripted model as
/// its service.
class Program
{
public:
    Program()
    {
        environment.remove(QStringLiteral("SIGNALBOX_HOME"));
        environment.insert(QStringLiteral("SIGNALBOX_TOUR_FAST"), QStringLiteral("1"));
        writeConfig({});
    }
    ~Program()
    {
        // A file that a test made unwritable must not keep the folder from being removed.
        QFile::setPermissions(m_folder.path(),
                              QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
    }

    [[nodiscard]] QString folder() const { return m_folder.path(); }
    [[nodiscard]] QString home() const { return m_folder.path() + QStringLiteral("/home"); }
    [[nodiscard]] QString workspace() const
    {
        return m_folder.path() + QStringLiteral("/workspace");
    }
    [[nodiscard]] QString config() const { return home() + QStringLiteral("/signalbox.yaml"); }
    [[nodiscard]] QString database(const QString& agent = QStringLiteral("assistant")) const
    {
        return home() + QStringLiteral("/data/agents/") + agent + QStringLiteral("/agent.db");
    }

    static bool put(const QString& path, const QByteArray& bytes)
    {
        QDir().mkpath(QFileInfo(path).path());
        QFile file(path);
        return file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size();
    }
    static QByteArray get(const QString& path)
    {
        QFile file(path);
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    }
    [[nodiscard]] QByteArray inWorkspace(const QString& name) const
    {
        return get(workspace() + u'/' + name);
    }

    /// The agent "assistant" on the scripted model; `policy` holds its rules.
    [[nodiscard]] QByteArray configText(const QStringList& policy = {},
                                        const QString& more = {}) const
    {
        QString text = QStringLiteral("models:\n"
                                      "  providers:\n"
                                      "    - {id: local, api: openai-chat, base_url: \"%1\"}\n"
                                      "  routes: {default: local/m}\n"
                                      "agents:\n"
                                      "  - id: assistant\n"
                                      "    workspace: %2\n")
                           .arg(model.openAiUrl(), workspace());
        if (!policy.isEmpty()) {
            text += QStringLiteral("    policy:\n");
            for (const QString& rule : policy) {
                text += QStringLiteral("      - ") + rule + u'\n';
            }
        }
        return QString(text + more).toUtf8();
    }
    void writeConfig(const QStringList& policy, const QString& more = {})
    {
        QDir().mkpath(workspace());
        QVERIFY(put(config(), configText(policy, more)));
    }

    /// The worker runs a script of the workspace, which a rule allows: no rule allows a line that
    /// writes by itself.
    void playAllowedScript(const QByteArray& script)
    {
        put(workspace() + QStringLiteral("/job.sh"), script);
        playShell(QStringLiteral("sh job.sh"));
        writeConfig({allowScript});
    }
    const QString allowScript = QStringLiteral("{match: \"shell(sh job.sh)\", decide: allow}");

    /// The scripted model's part in "one worker runs this command". It depends on nothing but what
    /// it is asked, so that a program that was killed may ask again.
    void playShell(const QString& command)
    {
        model.when(fromWorker()).alwaysFrom([command](const ModelRequest& request) {
            return request.lastRole() == u"tool"
                       ? text(QStringLiteral("Written."))
                       : toolCall(QStringLiteral("shell"), {{QStringLiteral("command"), command}});
        });
        model.when(fromChannel()).alwaysFrom([](const ModelRequest& request) {
            if (request.lastMessage().contains(u"[worker wrk-")) {
                return text(QStringLiteral("It is done."));
            }
            if (request.lastRole() == u"tool") {
                return text(QStringLiteral("On its way."));
            }
            return toolCall(QStringLiteral("spawn_worker"),
                            {{QStringLiteral("task"), QStringLiteral("Do it")}});
        });
    }

    /// Starts `signalbox-node --home HOME WORDS`.
    std::unique_ptr<QProcess> start(const QStringList& words, bool withHome = true)
    {
        auto process = std::make_unique<QProcess>();
        process->setProcessEnvironment(environment);
        process->setWorkingDirectory(m_folder.path());
        process->setProgram(QStringLiteral(SB_BIN_DIR "/signalbox-node"));
        process->setArguments(withHome ? QStringList{QStringLiteral("--home"), home()} + words
                                       : words);
        if (beforeExec) {
            process->setChildProcessModifier(beforeExec);
        }
        process->start();
        process->waitForStarted();
        return process;
    }
    static Ended wait(QProcess& process, int milliseconds = 30000)
    {
        Ended ended;
        if (!process.waitForFinished(milliseconds)) {
            ended.err = "(it did not end in time)";
            process.kill();
            process.waitForFinished();
        } else {
            ended.crashed = process.exitStatus() == QProcess::CrashExit;
            ended.code = ended.crashed ? -1 : process.exitCode();
        }
        ended.out = process.readAllStandardOutput();
        ended.err += process.readAllStandardError();
        return ended;
    }
    Ended run(const QStringList& words, bool withHome = true)
    {
        auto process = start(words, withHome);
        process->closeWriteChannel();
        return wait(*process);
    }
    /// The journal of an agent, oldest first.
    QList<QJsonObject> journal(const QString& agent = QStringLiteral("assistant"))
    {
        return run({QStringLiteral("journal"),
                    QStringLiteral("tail"),
                    QStringLiteral("--json"),
                    QStringLiteral("-n"),
                    QStringLiteral("5000"),
                    QStringLiteral("--agent"),
                    agent})
            .lines();
    }
    int count(const QString& kind)
    {
        const auto entries = journal();
        return int(std::ranges::count_if(
            entries, [&](const QJsonObject& entry) { return entry[u"kind"] == kind; }));
    }
    QList<QJsonObject> waiting()
    {
        return run({QStringLiteral("approvals"), QStringLiteral("list"), QStringLiteral("--json")})
            .lines();
    }
    /// Runs a task that parks at a question; answers with the question's id.
    QString park(const QString& task = QStringLiteral("Write a line"))
    {
        const auto parked = run({QStringLiteral("run"), QStringLiteral("--json"), task});
        const auto questions = waiting();
        return parked.code == 3 && !questions.isEmpty() ? questions.last()[u"id"].toString()
                                                        : QString();
    }

    ScriptedModel model;
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    std::function<void()> beforeExec; ///< in the child, before the program starts

private:
    QTemporaryDir m_folder;
};

/// `serve` of a program, from "ready" on.
class Serving
{
public:
    explicit Serving(Program& program, const QStringList& more = {})
        : m_program(program)
        , m_process(program.start(QStringList{QStringLiteral("serve"),
                                              QStringLiteral("--listen"),
                                              QStringLiteral("127.0.0.1:0")} +
                                  more))
    {
        while (!m_process->canReadLine() && m_process->waitForReadyRead(10000)) {
        }
        line = m_process->readLine();
        static const QRegularExpression ready(QStringLiteral("^ready 127\\.0\\.0\\.1:([0-9]+)\n$"));
        port = quint16(ready.match(QString::fromUtf8(line)).captured(1).toUInt());
    }
    ~Serving()
    {
        if (m_process->state() != QProcess::NotRunning) {
            m_process->kill();
            m_process->waitForFinished();
        }
    }
    /// Asks it to end as a service manager would, and waits.
    Ended end(int milliseconds = 5000)
    {
        m_process->terminate();
        return Program::wait(*m_process, milliseconds);
    }
    void kill()
    {
        m_process->kill();
        m_process->waitForFinished();
    }
    [[nodiscard]] RawHttp http() const
    {
        RawHttp client(port);
        client.token = Program::get(m_program.home() + QStringLiteral("/run/token")).trimmed();
        return client;
    }
    QProcess& process() { return *m_process; }

    quint16 port = 0;
    QByteArray line;

private:
    Program& m_program;
    std::unique_ptr<QProcess> m_process;
};

} // namespace sb::test
