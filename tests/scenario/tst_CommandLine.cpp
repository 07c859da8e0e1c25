#include "tests/scenario/Program.h"

using namespace sb::test;
using namespace Qt::StringLiterals;

namespace {

/// Whether an entry has the fields that the contract promises, in their types.
bool isEntry(const QJsonObject& line)
{
    static const QRegularExpression rfc3339(
        u"^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d+Z$"_s);
    const auto cause = line[u"cause"];
    return line[u"seq"].isDouble() && rfc3339.match(line[u"time"].toString()).hasMatch() &&
           line[u"agent"].isString() && line[u"process"].isString() &&
           !line[u"kind"].toString().isEmpty() &&
           (cause.isNull() || cause.isDouble() || cause.isString()) && line.contains("cause"_L1) &&
           line[u"payload"].isObject();
}

} // namespace

/// The contract of verbs, options, output and exit codes, from outside.
class tst_CommandLine final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init_writes_once_and_what_it_writes_parses()
    {
        Program program;
        QVERIFY(QFile::remove(program.config()));
        const auto first = program.run({u"init"_s});
        QVERIFY2(first.code == 0, first.said());
        const auto written = Program::get(program.config());
        QVERIFY(written.contains("assistant") && written.contains("#"));
        QVERIFY(QDir(program.home() + u"/workspace"_s).exists());
        const auto doctor = program.run({u"doctor"_s, u"--json"_s});
        QVERIFY2(doctor.code == 0, doctor.said());

        const auto second = program.run({u"init"_s});
        QVERIFY2(second.code == 2 && second.isOneSentence(), second.said());
        QCOMPARE(Program::get(program.config()), written);
    }

    void wrong_usage_is_told_in_one_sentence_data()
    {
        QTest::addColumn<QStringList>("words");
        QTest::newRow("run without a task") << QStringList{u"run"_s};
        QTest::newRow("run with an empty task") << QStringList{u"run"_s, u"  "_s};
        QTest::newRow("unknown option") << QStringList{u"run"_s, u"--fast"_s, u"x"_s};
        QTest::newRow("option without its value") << QStringList{u"run"_s, u"x"_s, u"--agent"_s};
        QTest::newRow("unknown approve mode")
            << QStringList{u"run"_s, u"--approve"_s, u"maybe"_s, u"x"_s};
        QTest::newRow("unknown agent") << QStringList{u"run"_s, u"--agent"_s, u"nobody"_s, u"x"_s};
        QTest::newRow("agent that is a path")
            << QStringList{u"run"_s, u"--agent"_s, u"../x"_s, u"x"_s};
        QTest::newRow("init with words") << QStringList{u"init"_s, u"now"_s};
        QTest::newRow("tour with words") << QStringList{u"tour"_s, u"now"_s};
        QTest::newRow("serve with words") << QStringList{u"serve"_s, u"now"_s};
        QTest::newRow("listen without a port")
            << QStringList{u"serve"_s, u"--listen"_s, u"127.0.0.1"_s};
        QTest::newRow("listen on a wrong port")
            << QStringList{u"serve"_s, u"--listen"_s, u"127.0.0.1:99999"_s};
        QTest::newRow("listen on every interface")
            << QStringList{u"serve"_s, u"--listen"_s, u"0.0.0.0:0"_s};
        QTest::newRow("listen on a name")
            << QStringList{u"serve"_s, u"--listen"_s, u"example.com:80"_s};
        QTest::newRow("approvals alone") << QStringList{u"approvals"_s};
        QTest::newRow("approvals with an unknown verb")
            << QStringList{u"approvals"_s, u"burn"_s, u"x"_s};
        QTest::newRow("accept without an id") << QStringList{u"approvals"_s, u"accept"_s};
        QTest::newRow("accept of what is not there")
            << QStringList{u"approvals"_s, u"accept"_s, u"apr-nothing"_s};
        QTest::newRow("show of what is not there")
            << QStringList{u"approvals"_s, u"show"_s, u"apr-nothing"_s};
        QTest::newRow("journal alone") << QStringList{u"journal"_s};
        QTest::newRow("tail of nobody")
            << QStringList{u"journal"_s, u"tail"_s, u"--agent"_s, u"nobody"_s};
        QTest::newRow("verify of nobody")
            << QStringList{u"journal"_s, u"verify"_s, u"--agent"_s, u"nobody"_s};
        QTest::newRow("tail of no number")
            << QStringList{u"journal"_s, u"tail"_s, u"-n"_s, u"many"_s};
        QTest::newRow("export with too much")
            << QStringList{u"journal"_s, u"export"_s, u"a"_s, u"b"_s};
        QTest::newRow("doctor with words") << QStringList{u"doctor"_s, u"who"_s};
    }
    void wrong_usage_is_told_in_one_sentence()
    {
        QFETCH(QStringList, words);
        Program program;
        const auto ended = program.run(words);
        QVERIFY2(ended.code == 2 && ended.isOneSentence() && ended.out.isEmpty(), ended.said());
        const auto json = program.run(words + QStringList{u"--json"_s});
        if (words.last() != u"--agent") {
            QVERIFY2(json.code == 2 && json.lines().size() == 1 && json.last()[u"error"].isObject(),
                     json.said());
        }
    }

    void an_unknown_verb_or_option_shows_the_usage()
    {
        Program program;
        for (const QStringList& words : {QStringList{u"dance"_s},
                                         QStringList{},
                                         QStringList{u"--fast"_s, u"run"_s},
                                         QStringList{u"replay"_s, u"x"_s}}) {
            const auto ended = program.run(words);
            QVERIFY2(ended.code == 2 && ended.err.contains("usage: signalbox-node"), ended.said());
        }
        const auto help = program.run({u"--help"_s}, false);
        QVERIFY2(help.code == 0 && help.out.startsWith("usage:") && help.err.isEmpty(),
                 help.said());
        const auto version = program.run({u"--version"_s}, false);
        QVERIFY(version.code == 0 && version.out.startsWith("signalbox-node "));
    }

    void an_unknown_agent_is_answered_with_those_there_are()
    {
        Program program;
        const auto ended = program.run({u"run"_s, u"--agent"_s, u"nobody"_s, u"x"_s});
        QVERIFY2(ended.code == 2 && ended.err.contains("assistant"), ended.said());
    }

    void a_home_that_a_script_left_empty_is_refused()
    {
        Program program;
        for (const auto& words : {QStringList{u"--home"_s, QString(), u"doctor"_s},
                                  QStringList{u"--home="_s, u"doctor"_s},
                                  QStringList{u"--home"_s}}) {
            const auto ended = program.run(words, false);
            QVERIFY2(ended.code == 2 && ended.err.contains("--home needs a folder."), ended.said());
        }
    }

    void home_comes_from_the_option_then_the_variable_then_xdg()
    {
        Program program;
        const QString a = program.folder() + u"/a"_s;
        const QString b = program.folder() + u"/b"_s;
        program.environment.insert(u"SIGNALBOX_HOME"_s, b);
        QCOMPARE(program.run({u"--home"_s, a, u"init"_s}, false).code, 0);
        QVERIFY(QFile::exists(a + u"/signalbox.yaml"_s) && !QFile::exists(b));
        QCOMPARE(program.run({u"init"_s}, false).code, 0);
        QVERIFY(QFile::exists(b + u"/signalbox.yaml"_s));
        // A relative folder is one below the working folder.
        QCOMPARE(program.run({u"--home=c"_s, u"init"_s}, false).code, 0);
        QVERIFY(QFile::exists(program.folder() + u"/c/signalbox.yaml"_s));

        program.environment.remove(u"SIGNALBOX_HOME"_s);
        program.environment.insert(u"HOME"_s, program.folder() + u"/user"_s);
        for (const char* part : {"CONFIG", "DATA", "STATE"}) {
            program.environment.insert(u"XDG_%1_HOME"_s.arg(QLatin1StringView(part)),
                                       program.folder() + u"/xdg-"_s +
                                           QString::fromLatin1(part).toLower());
        }
        program.environment.insert(u"XDG_RUNTIME_DIR"_s, program.folder() + u"/xdg-run"_s);
        const auto xdg = program.run({u"init"_s}, false);
        QVERIFY2(xdg.code == 0, xdg.said());
        QVERIFY(QFile::exists(program.folder() + u"/xdg-config/signalbox/signalbox.yaml"_s));
        QVERIFY(QDir(program.folder() + u"/xdg-data/signalbox"_s).exists());
        QVERIFY(QDir(program.folder() + u"/user/signalbox"_s).exists());
        const auto tour = program.run({u"tour"_s, u"--json"_s}, false);
        QVERIFY2(tour.code == 0, tour.said());
        QVERIFY(QFile::exists(program.folder() + u"/xdg-data/signalbox/agents/tour/agent.db"_s));
    }

    void a_run_prints_every_entry_and_ends_with_the_outcome()
    {
        Program program;
        program.playAllowedScript("echo once >> log\n");
        const auto ended = program.run({u"run"_s, u"--json"_s, u"Write a line"_s});
        QVERIFY2(ended.code == 0, ended.said());
        qint64 seq = 0;
        QStringList kinds;
        for (const auto& line : ended.lines()) {
            QVERIFY2(isEntry(line), QJsonDocument(line).toJson());
            QVERIFY(line[u"seq"].toInteger() > seq);
            seq = line[u"seq"].toInteger();
            QCOMPARE(line[u"agent"].toString(), u"assistant"_s);
            kinds.append(line[u"kind"].toString());
        }
        for (const char* kind : {"message.received",
                                 "message.sent",
                                 "process.started",
                                 "process.ended",
                                 "model.request",
                                 "model.response",
                                 "tool.call",
                                 "policy.decision",
                                 "tool.result"}) {
            QVERIFY2(kinds.contains(QLatin1StringView(kind)), kind);
        }
        QCOMPARE(kinds.count(u"run.finished"_s), 1);
        QCOMPARE(kinds.last(), u"run.finished"_s);
        QCOMPARE(ended.last()[u"outcome"].toString(), u"succeeded"_s);
        QCOMPARE(ended.last()[u"text"].toString(), u"It is done."_s);
        QCOMPARE(program.inWorkspace(u"log"_s), QByteArray("once\n"));
        // They are the journal's own entries, none left out.
        QSet<qint64> printed;
        for (const auto& line : ended.lines()) {
            printed.insert(line[u"seq"].toInteger());
        }
        for (const auto& entry : program.journal()) {
            QVERIFY(isEntry(entry));
            QVERIFY2(printed.contains(entry[u"seq"].toInteger()), QJsonDocument(entry).toJson());
        }
    }

    void a_run_for_people_shows_the_reply()
    {
        Program program;
        program.model.otherwise(text(u"Forty-two."_s));
        const auto ended = program.run({u"run"_s, u"What"_s, u"is"_s, u"it?"_s});
        QVERIFY2(ended.code == 0 && ended.out.contains("Forty-two."), ended.said());
        QVERIFY(program.model.requests().first().lastMessage().contains(u"What is it?"));
    }

    void a_failed_run_exits_with_1_and_says_why()
    {
        Program program;
        program.model.otherwise(status(401, u"bad key"_s));
        const auto ended = program.run({u"run"_s, u"--json"_s, u"Anything"_s});
        QVERIFY2(ended.code == 1, ended.said());
        QCOMPARE(ended.last()[u"outcome"].toString(), u"failed"_s);
        QVERIFY(!ended.last()[u"text"].toString().isEmpty());
    }

    void an_interrupted_run_is_cancelled()
    {
        Program program;
        program.model.otherwise(hanging());
        auto process = program.start({u"run"_s, u"--json"_s, u"Anything"_s});
        QVERIFY(program.model.waitForRequests(1));
        process->terminate();
        const auto ended = Program::wait(*process, 5000);
        QVERIFY2(ended.code == 1, ended.said());
        QCOMPARE(ended.last()[u"outcome"].toString(), u"cancelled"_s);
    }

    void approve_allow_and_deny()
    {
        Program program;
        program.playShell(u"echo once >> log"_s);
        const auto denied =
            program.run({u"run"_s, u"--json"_s, u"--approve"_s, u"deny"_s, u"Write"_s});
        QVERIFY2(denied.code == 0 || denied.code == 1, denied.said());
        QCOMPARE(program.inWorkspace(u"log"_s), QByteArray());
        QVERIFY(program.waiting().isEmpty());
        const auto allowed = program.run({u"run"_s, u"--json"_s, u"--approve=allow"_s, u"Write"_s});
        QVERIFY2(allowed.code == 0, allowed.said());
        QCOMPARE(program.inWorkspace(u"log"_s), QByteArray("once\n"));
    }

    void a_parked_run_goes_on_in_the_foreground_once_accepted()
    {
        Program program;
        program.playShell(u"echo once >> log"_s);
        const auto parked = program.run({u"run"_s, u"--json"_s, u"Write a line"_s});
        QVERIFY2(parked.code == 3, parked.said());
        QCOMPARE(parked.last()[u"kind"].toString(), u"run.finished"_s);
        QCOMPARE(parked.last()[u"outcome"].toString(), u"waiting_approval"_s);
        const auto waiting = program.waiting();
        QCOMPARE(waiting.size(), 1);
        const auto& question = waiting.first();
        QVERIFY(!question[u"id"].toString().isEmpty());
        QCOMPARE(question[u"agent"].toString(), u"assistant"_s);
        QCOMPARE(question[u"tool"].toString(), u"shell"_s);
        QCOMPARE(question[u"state"].toString(), u"waiting"_s);
        const QString id = question[u"id"].toString();
        const auto shown = program.run({u"approvals"_s, u"show"_s, id, u"--json"_s});
        QCOMPARE(shown.last()[u"id"].toString(), id);
        QVERIFY(program.run({u"approvals"_s, u"show"_s, id}).out.contains("echo once >> log"));

        // What the caller's environment holds makes no difference to the plan.
        program.environment.insert(u"LANG"_s, u"xx_YY"_s);
        program.environment.insert(u"EDITOR"_s, u"ed"_s);
        const auto accepted = program.run({u"approvals"_s, u"accept"_s, id, u"--json"_s});
        QVERIFY2(accepted.code == 0, accepted.said());
        QCOMPARE(accepted.lines().first()[u"state"].toString(), u"accepted"_s);
        QCOMPARE(accepted.last()[u"outcome"].toString(), u"succeeded"_s);
        QCOMPARE(program.inWorkspace(u"log"_s), QByteArray("once\n"));
        QVERIFY(program.waiting().isEmpty());
        const auto all = program.run({u"approvals"_s, u"list"_s, u"--all"_s, u"--json"_s}).lines();
        QCOMPARE(all.size(), 1);
        QCOMPARE(all.first()[u"state"].toString(), u"accepted"_s);

        for (const char* verb : {"accept", "reject"}) {
            const auto again = program.run({u"approvals"_s, QString::fromLatin1(verb), id});
            QVERIFY2(again.code == 1 && again.isOneSentence() &&
                         again.err.contains("accepted by cli"),
                     again.said());
        }
        QCOMPARE(program.inWorkspace(u"log"_s), QByteArray("once\n"));
        QCOMPARE(program.run({u"journal"_s, u"verify"_s}).code, 0);
    }

    void a_rejected_question_tells_the_agent_why_and_runs_nothing()
    {
        Program program;
        program.playShell(u"echo once >> log"_s);
        const QString id = program.park();
        const auto rejected = program.run(
            {u"approvals"_s, u"reject"_s, id, u"--note"_s, u"use the other file"_s, u"--json"_s});
        QVERIFY2(rejected.code == 0, rejected.said());
        QCOMPARE(rejected.lines().first()[u"state"].toString(), u"rejected"_s);
        QCOMPARE(program.inWorkspace(u"log"_s), QByteArray());
        bool told = false;
        for (const auto& request : program.model.requests()) {
            told = told || request.lastMessage().contains(u"use the other file");
        }
        QVERIFY(told);
        QVERIFY(program.waiting().isEmpty());
    }

    void edited_arguments_are_what_runs()
    {
        Program program;
        program.playShell(u"echo once >> log"_s);
        const QString id = program.park();
        const auto broken =
            program.run({u"approvals"_s, u"accept"_s, id, u"--arguments"_s, u"{oops"_s});
        QVERIFY2(broken.code == 2 && broken.isOneSentence(), broken.said());
        // What the tool would not take must not use the question up.
        const auto unfit = program.run(
            {u"approvals"_s, u"accept"_s, id, u"--arguments"_s, u"{\"cmd\": \"echo x\"}"_s});
        QVERIFY2(unfit.code == 2 && unfit.isOneSentence(), unfit.said());
        QCOMPARE(program.waiting().size(), 1);
        const auto accepted = program.run({u"approvals"_s,
                                           u"accept"_s,
                                           id,
                                           u"--arguments"_s,
                                           u"{\"command\": \"echo edited >> log\"}"_s,
                                           u"--json"_s});
        QVERIFY2(accepted.code == 0, accepted.said());
        QCOMPARE(program.inWorkspace(u"log"_s), QByteArray("edited\n"));
        const auto shown = program.run({u"approvals"_s, u"show"_s, id});
        QVERIFY2(shown.out.contains("changed  {\"command\":\"echo edited >> log\"}"), shown.said());
    }

    void a_person_at_a_terminal_is_asked_there_data()
    {
        QTest::addColumn<QByteArray>("typed");
        QTest::addColumn<QByteArray>("written");
        QTest::newRow("y") << QByteArray("y\n") << QByteArray("once\n");
        QTest::newRow("Yes") << QByteArray("Yes\n") << QByteArray("once\n");
        QTest::newRow("Return, then y") << QByteArray("\n\ny\n") << QByteArray("once\n");
        QTest::newRow("n") << QByteArray("n\n") << QByteArray();
        QTest::newRow("words") << QByteArray("use the other file\n") << QByteArray();
    }

    void a_person_at_a_terminal_is_asked_there()
    {
        QFETCH(const QByteArray, typed);
        QFETCH(const QByteArray, written);
        Program program;
        program.playShell(u"echo once >> log"_s);
        // `script` gives the program a terminal of its own.
        QProcess terminal;
        terminal.setProcessEnvironment(program.environment);
        terminal.setProcessChannelMode(QProcess::MergedChannels);
        terminal.start(u"script"_s,
                       {u"-qec"_s,
                        QStringLiteral(SB_BIN_DIR "/signalbox-node --home '%1' run 'Write a line'")
                            .arg(program.home()),
                        u"/dev/null"_s});
        QByteArray seen;
        QTRY_VERIFY_WITH_TIMEOUT((terminal.waitForReadyRead(50),
                                  seen += terminal.readAll(),
                                  seen.contains("Accept? Type y or n")),
                                 20000);
        QVERIFY2(seen.contains("echo once >> log"), seen);
        terminal.write(typed);
        QVERIFY(terminal.waitForFinished(20000));
        QCOMPARE(program.inWorkspace(u"log"_s), written);
        QVERIFY(program.waiting().isEmpty());
        const auto settled =
            program.run({u"approvals"_s, u"list"_s, u"--all"_s, u"--json"_s}).last();
        QCOMPARE(settled[u"by"].toString(), u"terminal"_s);
        QCOMPARE(settled[u"note"].toString(),
                 typed.startsWith("use") ? u"use the other file"_s : QString());
    }

    void a_second_question_of_the_same_run_parks_it_again()
    {
        Program program;
        program.model.when(fromWorker()).alwaysFrom([](const ModelRequest& request) {
            const int results = int(request.messages().toVariantList().size());
            return request.lastRole() == u"tool" && results >= 5
                       ? text(u"Both."_s)
                       : toolCall(u"shell"_s,
                                  {{u"command"_s,
                                    request.lastRole() == u"tool" ? u"echo two >> log"_s
                                                                  : u"echo one >> log"_s}});
        });
        program.playShell({});
        const QString first = program.park();
        const auto accepted = program.run({u"approvals"_s, u"accept"_s, first, u"--json"_s});
        QVERIFY2(accepted.code == 3, accepted.said());
        QCOMPARE(accepted.last()[u"outcome"].toString(), u"waiting_approval"_s);
        QCOMPARE(program.inWorkspace(u"log"_s), QByteArray("one\n"));
        const auto waiting = program.waiting();
        QCOMPARE(waiting.size(), 1);
        const auto done = program.run(
            {u"approvals"_s, u"accept"_s, waiting.first()[u"id"].toString(), u"--json"_s});
        QVERIFY2(done.code == 0, done.said());
        QCOMPARE(program.inWorkspace(u"log"_s), QByteArray("one\ntwo\n"));
    }

    void the_tour_ends_in_a_commit_and_a_sound_journal()
    {
        Program program;
        QVERIFY(QFile::remove(program.config())); // it needs none
        const auto tour = program.run({u"tour"_s, u"--json"_s});
        QVERIFY2(tour.code == 0 && tour.err.isEmpty(), tour.said());
        QStringList kinds;
        for (const auto& line : tour.lines()) {
            QVERIFY2(isEntry(line), QJsonDocument(line).toJson());
            kinds.append(line[u"kind"].toString());
            if (line[u"kind"].toString() == u"approval.settled") {
                QCOMPARE(line[u"payload"][u"by"].toString(), u"rehearsal"_s);
            }
        }
        QVERIFY(kinds.contains(u"approval.settled"_s) && kinds.contains(u"checkpoint.created"_s));
        QCOMPARE(tour.last()[u"outcome"].toString(), u"succeeded"_s);
        QVERIFY(QDir(program.home() + u"/data/tour/workspace/.git"_s).exists());
        QCOMPARE(program.run({u"journal"_s, u"verify"_s}).code, 0);
        const auto again = program.run({u"tour"_s});
        QVERIFY2(again.code == 0 && again.err == "succeeded\n" && again.out.contains("sound"),
                 again.said());
        QVERIFY(!again.err.contains("Accept?"));
    }

    void the_journal_is_read_checked_and_exported()
    {
        Program program;
        program.model.otherwise(text(u"Forty-two."_s));
        QCOMPARE(program.run({u"run"_s, u"What is it?"_s}).code, 0);
        const auto all = program.journal();
        const auto three =
            program.run({u"journal"_s, u"tail"_s, u"-n"_s, u"3"_s, u"--json"_s}).lines();
        QCOMPARE(three, all.mid(all.size() - 3));
        QVERIFY(program.run({u"journal"_s, u"tail"_s}).out.contains("run.finished"));
        const auto verified = program.run({u"journal"_s, u"verify"_s, u"--json"_s});
        QVERIFY2(verified.code == 0, verified.said());
        for (const auto& report : verified.lines()) {
            QVERIFY(report[u"ok"].toBool());
        }

        const QString file = program.folder() + u"/out.jsonl"_s;
        const auto exported = program.run({u"journal"_s, u"export"_s, file});
        QVERIFY2(exported.code == 0, exported.said());
        const auto output = program.run({u"journal"_s, u"export"_s});
        QCOMPARE(output.out.count('\n'), Program::get(file).count('\n'));
        QVERIFY(QDir(program.home() + u"/run"_s).entryList({u"export-*"_s}).isEmpty());
        const auto check = [&](const QByteArray& lines) {
            const QString copy = program.folder() + u"/copy.jsonl"_s;
            Program::put(copy, lines);
            QProcess python;
            python.start(u"python3"_s,
                         {QStringLiteral(SB_SOURCE_DIR "/packaging/verify_export.py"), copy});
            return Program::wait(python);
        };
        const auto sound = check(output.out);
        QVERIFY2(sound.code == 0 && sound.out.contains("verified"), sound.said());
        auto changed = output.out;
        changed.replace("Forty-two.", "Forty-one.");
        QCOMPARE(check(changed).code, 1);

        const auto missing =
            program.run({u"journal"_s, u"export"_s, program.folder() + u"/no/such/folder/x"_s});
        QVERIFY2(missing.code == 1 && missing.isOneSentence(), missing.said());
    }

    void the_instance_has_a_chain_of_its_own()
    {
        Program program;
        program.model.otherwise(text(u"Yes."_s));
        QCOMPARE(program.run({u"run"_s, u"Hello"_s}).code, 0);
        QCOMPARE(program.run({u"run"_s, u"Hello again"_s}).code, 0);
        const auto first = program.journal(u"_instance"_s);
        QCOMPARE(first.size(), 1); // the configuration did not change between the two
        QCOMPARE(first.first()[u"kind"].toString(), u"config.changed"_s);
        const auto payload = first.first()[u"payload"].toObject();
        QCOMPARE(payload[u"path"].toString(), program.config());
        QCOMPARE(payload[u"sha256"].toString(),
                 QString::fromLatin1(QCryptographicHash::hash(Program::get(program.config()),
                                                              QCryptographicHash::Sha256)
                                         .toHex()));
        QCOMPARE(payload[u"agents"].toArray(), QJsonArray{u"assistant"_s});
        program.writeConfig({u"{match: \"shell(make test)\", decide: allow}"_s});
        QCOMPARE(program.run({u"run"_s, u"Hello again"_s}).code, 0);
        QCOMPARE(program.journal(u"_instance"_s).size(), 2);
        const auto verified = program.run({u"journal"_s, u"verify"_s, u"--json"_s});
        QStringList chains;
        for (const auto& report : verified.lines()) {
            QVERIFY(report[u"ok"].toBool());
            chains.append(report[u"agent"].toString());
        }
        QCOMPARE(chains, (QStringList{u"assistant"_s, u"_instance"_s}));
        QCOMPARE(program.run({u"run"_s, u"--agent"_s, u"_instance"_s, u"x"_s}).code, 2);
    }

    void doctor_says_what_works()
    {
        Program program;
        const auto good = program.run({u"doctor"_s, u"--json"_s});
        QStringList checks;
        for (const auto& line : good.lines()) {
            checks.append(line[u"check"].toString());
            QVERIFY2(line[u"ok"].toBool(), QJsonDocument(line).toJson());
        }
        QCOMPARE(good.code, 0);
        QVERIFY(checks.contains(u"sandbox"_s) && checks.contains(u"configuration"_s));
        Program::put(program.config(), "agents: [\n");
        const auto bad = program.run({u"doctor"_s});
        QVERIFY2(bad.code == 1 && bad.out.contains("!! configuration"), bad.said());
    }
};

QTEST_GUILESS_MAIN(tst_CommandLine)
#include "tst_CommandLine.moc"
