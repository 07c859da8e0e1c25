#include "tests/scenario/Program.h"

#include <QTcpServer>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

using namespace sb::test;
using namespace Qt::StringLiterals;

/// What is wrong around the program is told in one sentence, with a fitting exit code, and nothing
/// is lost.
class tst_BadInput final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void a_bad_configuration_data()
    {
        QTest::addColumn<QByteArray>(
            "yaml"); // null: none at all; "<folder>": a folder in its place
        QTest::addColumn<QByteArrayList>("told");
        QTest::newRow("missing") << QByteArray() << QByteArrayList{"signalbox.yaml", "init"};
        QTest::newRow("a folder") << QByteArray("<folder>")
                                  << QByteArrayList{"signalbox.yaml", "folder"};
        QTest::newRow("empty") << QByteArray("") << QByteArrayList{"signalbox.yaml"};
        QTest::newRow("no YAML") << QByteArray("agents: [\n")
                                 << QByteArrayList{"signalbox.yaml:", "YAML"};
        QTest::newRow("binary") << QByteArray("\x00\xff\xfe\x01", 4)
                                << QByteArrayList{"signalbox.yaml"};
        QTest::newRow("unknown key")
            << QByteArray("models:\n  providers: [{id: local, api: openai-chat, base_url: "
                          "\"http://127.0.0.1:1/v1\"}]\n"
                          "  routes: {default: local/m}\nagents:\n  - id: a\n    workspce: /tmp\n")
            << QByteArrayList{"signalbox.yaml:6:5", "workspce", "workspace"};
        QTest::newRow("unknown provider")
            << QByteArray("models:\n  providers: [{id: local, api: openai-chat, base_url: "
                          "\"http://127.0.0.1:1/v1\"}]\n"
                          "  routes: {default: locl/m}\nagents:\n  - {id: a, workspace: /tmp}\n")
            << QByteArrayList{"signalbox.yaml:3:", "locl", "local"};
    }
    void a_bad_configuration()
    {
        QFETCH(QByteArray, yaml);
        QFETCH(QByteArrayList, told);
        Program program;
        QVERIFY(QFile::remove(program.config()));
        if (yaml == "<folder>") {
            QVERIFY(QDir().mkpath(program.config()));
        } else if (!yaml.isNull()) {
            QVERIFY(Program::put(program.config(), yaml));
        }
        for (const QStringList& words :
             {QStringList{u"run"_s, u"Hello"_s},
              QStringList{u"serve"_s, u"--listen"_s, u"127.0.0.1:0"_s}}) {
            const auto ended = program.run(words);
            QVERIFY2(ended.code == 2 && ended.isOneSentence() && ended.out.isEmpty(), ended.said());
            for (const QByteArray& part : told) {
                QVERIFY2(ended.err.contains(part), ended.said());
            }
        }
        // What needs no configuration works without it.
        QCOMPARE(program.run({u"journal"_s, u"verify"_s}).code, 0);
        const auto doctor = program.run({u"doctor"_s});
        QVERIFY2(doctor.code == 1 && doctor.out.contains("!! configuration"), doctor.said());
    }

    void a_workspace_that_is_no_folder_data()
    {
        QTest::addColumn<bool>("isFile");
        QTest::newRow("missing") << false;
        QTest::newRow("a file") << true;
    }
    void a_workspace_that_is_no_folder()
    {
        QFETCH(bool, isFile);
        Program program;
        QVERIFY(QDir(program.workspace()).removeRecursively());
        if (isFile) {
            QVERIFY(Program::put(program.workspace(), "no folder"));
        }
        program.playShell(u"echo hello"_s);
        const auto doctor = program.run({u"doctor"_s});
        QVERIFY2(doctor.code == 1 && doctor.out.contains(program.workspace().toUtf8()),
                 doctor.said());
        const auto ended =
            program.run({u"run"_s, u"--approve"_s, u"allow"_s, u"--json"_s, u"Hello"_s});
        QVERIFY2(!ended.crashed && ended.code >= 0, ended.said());
        // The worker is told, in a sentence that names the folder; the conversation is not lost.
        bool told = false;
        for (const auto& line : ended.lines()) {
            told = told || (line[u"kind"].toString() == u"tool.result" &&
                            line[u"payload"][u"error"].toBool() &&
                            line[u"payload"][u"text"].toString().contains(u"workspace"));
        }
        QVERIFY2(told || (ended.code == 2 && ended.err.contains(program.workspace().toUtf8())),
                 ended.said());
        QCOMPARE(program.run({u"journal"_s, u"verify"_s}).code, 0);
    }

    void a_workspace_around_signalbox_itself_data()
    {
        QTest::addColumn<QString>("below");
        QTest::newRow("around the home") << QString();
        QTest::newRow("the home") << u"/home"_s;
        QTest::newRow("the data") << u"/home/data"_s;
        QTest::newRow("inside the data") << u"/home/data/keys"_s;
        QTest::newRow("the system") << u"!/etc"_s;
    }

    // Whoever could move Signalbox's own folders could put others in their place.
    void a_workspace_around_signalbox_itself()
    {
        QFETCH(const QString, below);
        Program program;
        const QString workspace =
            below.startsWith(u'!') ? below.mid(1) : QString(program.folder() + below);
        QCOMPARE(program.run({u"approvals"_s, u"list"_s}).code, 0); // makes the folders
        QDir().mkpath(program.home() + u"/data/keys"_s);
        QVERIFY(Program::put(program.home() + u"/data/keys/planted"_s, "a key"));
        QByteArray config = program.configText();
        config.replace(program.workspace().toUtf8(), workspace.toUtf8());
        QVERIFY(Program::put(program.config(), config));
        program.model.when(fromChannel()).alwaysFrom([](const ModelRequest&) {
            return toolCall(u"spawn_worker"_s, {{u"task"_s, u"Read"_s}});
        });
        const auto ended = program.run({u"run"_s, u"Read the key"_s});
        QVERIFY2(ended.code == 2 && ended.isOneSentence() && ended.err.contains("workspace"),
                 ended.said());
        QVERIFY(program.model.requests().isEmpty());
    }

    void a_database_that_is_no_database_data()
    {
        QTest::addColumn<int>("damage");
        QTest::newRow("not SQLite") << 0;
        QTest::newRow("header gone") << 1;
        QTest::newRow("cut in half") << 2;
        QTest::newRow("noise in the middle") << 3;
        QTest::newRow("empty") << 4;
    }
    void a_database_that_is_no_database()
    {
        QFETCH(int, damage);
        Program program;
        program.model.otherwise(text(u"Hello."_s));
        for (int i = 0; i < 3; ++i) {
            QCOMPARE(program.run({u"run"_s, u"Hello"_s}).code, 0);
        }
        QByteArray bytes = Program::get(program.database());
        QVERIFY(bytes.size() > 20000);
        switch (damage) {
        case 0:
            bytes = "This is no database.\n";
            break;
        case 1:
            bytes.replace(0, 100, QByteArray(100, '\0'));
            break;
        case 2:
            bytes.truncate(bytes.size() / 2);
            break;
        case 3:
            bytes.replace(4096, bytes.size() - 8192, QByteArray(bytes.size() - 8192, char(0xa5)));
            break;
        default:
            bytes.clear();
            break;
        }
        QVERIFY(Program::put(program.database(), bytes));
        if (damage != 4) {
            const auto run = program.run({u"run"_s, u"Hello"_s});
            QVERIFY2(run.code == 1 && run.isOneSentence() && run.err.contains("agent.db"),
                     run.said());
            QCOMPARE(Program::get(program.database()).left(50),
                     bytes.left(50)); // nothing was made new over it
        }
        const auto verified = program.run({u"journal"_s, u"verify"_s});
        QVERIFY2(verified.code == (damage == 4 ? 0 : 1) && !verified.crashed, verified.said());
        // Another agent's record is checked all the same.
        program.writeConfig({},
                            u"  - {id: second, workspace: \"%1\"}\n"_s.arg(program.workspace()));
        QCOMPARE(program.run({u"run"_s, u"--agent"_s, u"second"_s, u"Hello"_s}).code, 0);
        const auto both = program.run({u"journal"_s, u"verify"_s});
        QVERIFY2(both.out.contains("ok   second"), both.said());
    }

    void a_database_of_a_newer_version()
    {
        Program program;
        program.model.otherwise(text(u"Hello."_s));
        QCOMPARE(program.run({u"run"_s, u"Hello"_s}).code, 0);
        {
            SQLite::Database database(program.database().toStdString(), SQLite::OPEN_READWRITE);
            database.exec("PRAGMA user_version=99");
        }
        const auto run = program.run({u"run"_s, u"Hello"_s});
        QVERIFY2(run.code == 1 && run.isOneSentence() && run.err.contains("newer"), run.said());
        const auto verified = program.run({u"journal"_s, u"verify"_s});
        QVERIFY2(verified.code == 1 && verified.out.contains("newer"), verified.said());
        Serving serving(program); // in a degraded state that explains itself
        QVERIFY(serving.port > 0);
        QCOMPARE(serving.end().code, 0);
    }

    void an_instance_database_of_a_newer_version()
    {
        Program program;
        program.model.otherwise(text(u"Hello."_s));
        QCOMPARE(program.run({u"run"_s, u"hi"_s}).code, 0);
        {
            SQLite::Database database(
                QString(program.home() + u"/data/instance.db"_s).toStdString(),
                SQLite::OPEN_READWRITE);
            database.exec("PRAGMA user_version = 99");
        }
        const auto ended = program.run({u"run"_s, u"hi"_s});
        QVERIFY2(ended.code == 1 && ended.isOneSentence() && ended.err.contains("newer version"),
                 ended.said());
    }

    void a_database_that_another_process_has()
    {
        Program program;
        program.model.otherwise(text(u"Hello."_s));
        QCOMPARE(program.run({u"run"_s, u"Hello"_s}).code, 0);
        const int lock = ::open(QFile::encodeName(program.database() + u".lock"_s).constData(),
                                O_RDWR | O_CLOEXEC);
        QVERIFY(lock >= 0 && ::flock(lock, LOCK_EX | LOCK_NB) == 0);
        const auto run = program.run({u"run"_s, u"Hello"_s});
        ::close(lock);
        QVERIFY2(run.code == 1 && run.isOneSentence() && run.err.contains("in use"), run.said());
        QCOMPARE(program.run({u"run"_s, u"Hello"_s}).code, 0);
        QCOMPARE(program.run({u"journal"_s, u"verify"_s}).code, 0);
    }

    void a_full_disk()
    {
        Program program;
        program.model.otherwise(text(QString(60'000, u'x')));
        QCOMPARE(program.run({u"run"_s, u"Hello"_s}).code, 0);
        // No file may grow beyond this: what a full disk does to a database, for one process.
        program.beforeExec = [] {
            ::signal(SIGXFSZ, SIG_IGN);
            rlimit limit{400'000, 400'000};
            ::setrlimit(RLIMIT_FSIZE, &limit);
        };
        Ended ended;
        for (int i = 0; i < 6 && (ended.code == 0 || i == 0); ++i) {
            ended = program.run({u"run"_s, u"Hello again"_s});
        }
        QVERIFY2(ended.code == 1 && !ended.crashed && !ended.err.isEmpty(), ended.err);
        QVERIFY2(ended.err.contains("full") || ended.out.contains("full") ||
                     ended.out.contains("disk"),
                 ended.said().left(2000));
        program.beforeExec = {};
        const auto verified = program.run({u"journal"_s, u"verify"_s});
        QVERIFY2(verified.code == 0, verified.said());
        QCOMPARE(program.run({u"run"_s, u"Hello again"_s}).code, 0);
    }

    void a_port_in_use()
    {
        Program program;
        QTcpServer taken;
        QVERIFY(taken.listen(QHostAddress::LocalHost));
        const auto ended =
            program.run({u"serve"_s, u"--listen"_s, u"127.0.0.1:%1"_s.arg(taken.serverPort())});
        QVERIFY2(ended.code == 1 && ended.isOneSentence() && ended.err.contains("in use"),
                 ended.said());
    }

    void a_model_that_talks_nonsense_data()
    {
        QTest::addColumn<int>("nonsense");
        QTest::newRow("100 MB") << 0;
        QTest::newRow("invalid UTF-8") << 1;
        QTest::newRow("malformed JSON") << 2;
        QTest::newRow("cut off") << 3;
        QTest::newRow("no answer at all") << 4;
        QTest::newRow("not a stream") << 5;
    }
    void a_model_that_talks_nonsense()
    {
        QFETCH(int, nonsense);
        Program program;
        switch (nonsense) {
        case 0:
            program.model.otherwise(
                text(u"a"_s).endless("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" +
                                     QByteArray(60'000, 'x') + "\"}}]}\n\n"));
            break;
        case 1:
            program.model.otherwise(
                rawStream("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\xff\xfe\xc0 "
                          "b\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"));
            break;
        case 2:
            program.model.otherwise(rawStream("data: {oops\n\ndata: [DONE]\n\n"));
            break;
        case 3:
            program.model.otherwise(text(u"Half a"_s).drop());
            break;
        case 4:
            program.model.otherwise(dropped());
            break;
        default:
            program.model.otherwise(rawStream("<html>Welcome to the hotel's network</html>"));
            break;
        }
        auto process = program.start({u"run"_s, u"--json"_s, u"Hello"_s});
        process->closeWriteChannel();
        const auto ended = Program::wait(*process, 60000);
        QVERIFY2(!ended.crashed && (ended.code == 0 || ended.code == 1), ended.said().left(3000));
        const QString outcome = ended.last()[u"outcome"].toString();
        QCOMPARE(outcome, ended.code == 0 ? u"succeeded"_s : u"failed"_s);
        if (ended.code == 1) {
            QVERIFY2(!ended.last()[u"text"].toString().isEmpty(), ended.said().left(3000));
        }
        QVERIFY(ended.out.size() < 20'000'000);
        QCOMPARE(program.run({u"journal"_s, u"verify"_s}).code, 0);
        // The next message goes through.
        program.model.otherwise(text(u"Hello."_s));
        QCOMPARE(program.run({u"run"_s, u"Hello"_s}).code, 0);
    }

    void a_path_out_of_the_workspace()
    {
        Program program;
        program.model.when(fromWorker()).alwaysFrom([](const ModelRequest& request) {
            return request.lastRole() == u"tool"
                       ? text(u"Refused."_s)
                       : toolCall(u"file_read"_s, {{u"path"_s, u"../../etc/passwd"_s}});
        });
        program.playShell({});
        const auto ended =
            program.run({u"run"_s, u"--approve"_s, u"allow"_s, u"--json"_s, u"Read it"_s});
        QVERIFY2(ended.code == 0 && !ended.out.contains("root:x"), ended.said());
        bool forbidden = false;
        for (const auto& line : ended.lines()) {
            forbidden = forbidden || (line[u"kind"].toString() == u"tool.result" &&
                                      line[u"payload"][u"error"].toBool());
        }
        QVERIFY(forbidden);
    }

    void a_home_with_a_long_path()
    {
        // A Unix socket's path has 108 bytes; a home's may have more.
        Program program;
        program.model.otherwise(text(u"Hello."_s));
        const QString home =
            program.folder() + u'/' + QString(100, u'a') + u'/' + QString(100, u'b');
        QVERIFY(Program::put(home + u"/signalbox.yaml"_s, program.configText()));
        const QStringList at{u"--home"_s, home};
        const auto run = program.run(at + QStringList{u"run"_s, u"Hello"_s}, false);
        QVERIFY2(run.code == 0, run.said());
        auto serve =
            program.start(at + QStringList{u"serve"_s, u"--listen"_s, u"127.0.0.1:0"_s}, false);
        QVERIFY(serve->waitForReadyRead(10000));
        const auto through = program.run(at + QStringList{u"run"_s, u"Hello"_s}, false);
        QVERIFY2(through.code == 0, through.said());
        serve->terminate();
        QCOMPARE(Program::wait(*serve, 5000).code, 0);
    }

    void a_home_that_cannot_be_written_data()
    {
        QTest::addColumn<QString>("home");
        QTest::newRow("a file") << u"file"_s;
        QTest::newRow("below a file") << u"file/home"_s;
        QTest::newRow("a device") << u"/dev/null/home"_s;
        QTest::newRow("proc") << u"/proc/home"_s;
    }
    void a_home_that_cannot_be_written()
    {
        QFETCH(QString, home);
        Program program;
        QVERIFY(Program::put(program.folder() + u"/file"_s, "a file\n"));
        for (const QStringList& words : {QStringList{u"init"_s},
                                         QStringList{u"run"_s, u"x"_s},
                                         QStringList{u"tour"_s},
                                         QStringList{u"serve"_s},
                                         QStringList{u"approvals"_s, u"list"_s},
                                         QStringList{u"journal"_s, u"verify"_s}}) {
            const auto ended = program.run(QStringList{u"--home"_s, home} + words, false);
            QVERIFY2((ended.code == 1 || ended.code == 2) && ended.isOneSentence(), ended.said());
        }
        QCOMPARE(Program::get(program.folder() + u"/file"_s), QByteArray("a file\n"));
    }

    void a_home_of_somebody_else()
    {
        if (::getuid() == 0) {
            QSKIP("the superuser writes everywhere");
        }
        Program program;
        QVERIFY(QFile::setPermissions(program.folder(), QFile::ReadOwner | QFile::ExeOwner));
        const auto ended =
            program.run({u"--home"_s, program.folder() + u"/new"_s, u"tour"_s}, false);
        QVERIFY2(ended.code == 1 && ended.isOneSentence(), ended.said());
    }

    void no_standard_input_or_output()
    {
        Program program;
        program.model.otherwise(text(u"Hello."_s));
        program.beforeExec = [] { ::close(STDIN_FILENO); };
        const auto ended = program.run({u"run"_s, u"Hello"_s});
        QVERIFY2(ended.code == 0 && ended.out.contains("Hello."), ended.said());
        program.beforeExec = [] {
            ::close(STDIN_FILENO);
            ::close(STDOUT_FILENO);
            ::close(STDERR_FILENO);
        };
        const auto silent = program.run({u"run"_s, u"Hello"_s});
        QVERIFY2(silent.code == 0, silent.said());
        program.beforeExec = {};
        QCOMPARE(program.run({u"journal"_s, u"verify"_s}).code, 0);
    }

    void a_reader_that_goes_away()
    {
        Program program;
        program.model.otherwise(text(u"Hello."_s));
        QCOMPARE(program.run({u"run"_s, u"Hello"_s}).code, 0);
        auto process = program.start({u"run"_s, u"--json"_s, u"Hello"_s});
        process->closeReadChannel(QProcess::StandardOutput);
        const auto ended = Program::wait(*process);
        QVERIFY2(!ended.crashed && ended.code == 0, ended.said());
        QCOMPARE(program.run({u"journal"_s, u"verify"_s}).code, 0);
    }
};

QTEST_GUILESS_MAIN(tst_BadInput)
#include "tst_BadInput.moc"
