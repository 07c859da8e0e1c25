#include "tests/scenario/Program.h"

#include <sys/stat.h>

using namespace sb::test;
using namespace Qt::StringLiterals;

namespace {

QByteArray chatBody(const QByteArray& text, bool stream = false)
{
    return QJsonDocument(
               QJsonObject{{u"model"_s, u"assistant"_s},
                           {u"user"_s, u"room"_s},
                           {u"stream"_s, stream},
                           {u"messages"_s,
                            QJsonArray{QJsonObject{{u"role"_s, u"user"_s},
                                                   {u"content"_s, QString::fromUtf8(text)}}}}})
        .toJson(QJsonDocument::Compact);
}

QString replyOf(const RawHttp::Response& response)
{
    return QJsonDocument::fromJson(response.body)[u"choices"][0][u"message"][u"content"].toString();
}

const QByteArray chatLine = "POST /v1/chat/completions";
const QByteArray jsonHeader = "Content-Type: application/json\r\n";

} // namespace

/// `serve`, and the other verbs while a runtime lives on the home.
class tst_CommandLineServe final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void it_says_when_it_is_ready_and_answers()
    {
        Program program;
        program.model.otherwise(text(u"Hello yourself."_s));
        Serving serving(program);
        QVERIFY2(serving.port > 0, serving.process().readAllStandardError());
        const auto health = [&] {
            auto http = serving.http();
            http.request("GET /healthz");
            return http.read();
        }();
        QCOMPARE(health.status, 200);

        struct stat token = {};
        QCOMPARE(::stat(QFile::encodeName(program.home() + u"/run/token"_s).constData(), &token),
                 0);
        QCOMPARE(token.st_mode & 0777, 0600U);
        auto stranger = serving.http();
        stranger.token = "guessed";
        stranger.request(chatLine, chatBody("Hello"), jsonHeader);
        QCOMPARE(stranger.read().status, 401);

        auto http = serving.http();
        http.request(chatLine, chatBody("Hello"), jsonHeader);
        const auto answered = http.read();
        QVERIFY2(answered.status == 200, answered.body);
        QCOMPARE(replyOf(answered), u"Hello yourself."_s);

        auto events = serving.http();
        events.request("GET /v1/events?cursor=");
        QCOMPARE(events.readHead().status, 200);
        QByteArray seen;
        while (!seen.contains("message.sent")) {
            const auto event = events.readEvent();
            QVERIFY2(!event.isEmpty(), seen);
            seen += event;
        }
        QVERIFY(seen.contains("message.received"));

        QElapsedTimer timer;
        timer.start();
        const auto ended = serving.end();
        QVERIFY2(ended.code == 0, ended.said());
        QVERIFY2(timer.elapsed() < 2000, QByteArray::number(timer.elapsed()));
        QCOMPARE(program.run({u"journal"_s, u"verify"_s}).code, 0);
    }

    void it_ends_at_once_in_the_middle_of_everything()
    {
        Program program;
        program.playAllowedScript("echo begun > mark; sleep 600\n");
        Serving serving(program);
        auto hanging = serving.http();
        hanging.request(chatLine, chatBody("Sleep"), jsonHeader);
        auto events = serving.http();
        events.request("GET /v1/events");
        QTRY_COMPARE_WITH_TIMEOUT(program.inWorkspace(u"mark"_s), QByteArray("begun\n"), 15000);
        QElapsedTimer timer;
        timer.start();
        const auto ended = serving.end();
        QVERIFY2(ended.code == 0, ended.said());
        QVERIFY2(timer.elapsed() < 2000, QByteArray::number(timer.elapsed()));
        QCOMPARE(program.run({u"journal"_s, u"verify"_s}).code, 0);
    }

    void a_second_serve_is_refused_with_the_pid()
    {
        Program program;
        Serving first(program);
        QVERIFY(first.port > 0);
        const auto second = program.run({u"serve"_s, u"--listen"_s, u"127.0.0.1:0"_s});
        QVERIFY2(second.code == 1 && second.isOneSentence(), second.said());
        QVERIFY2(second.err.contains(QByteArray::number(first.process().processId())),
                 second.said());
        auto http = first.http();
        http.request("GET /healthz");
        QCOMPARE(http.read().status, 200);
    }

    void a_port_in_use_is_said_in_one_sentence()
    {
        Program one;
        Program two;
        Serving serving(one);
        const auto refused =
            two.run({u"serve"_s, u"--listen"_s, u"127.0.0.1:%1"_s.arg(serving.port)});
        QVERIFY2(refused.code == 1 && refused.isOneSentence(), refused.said());
        QVERIFY2(refused.err.contains(QByteArray::number(serving.port)) && refused.out.isEmpty(),
                 refused.said());
    }

    void run_and_tour_use_the_living_runtime()
    {
        Program program;
        program.model.otherwise(text(u"Forty-two."_s));
        Serving serving(program);
        const auto run = program.run({u"run"_s, u"--json"_s, u"What is it?"_s});
        QVERIFY2(run.code == 0, run.said());
        QCOMPARE(run.last()[u"text"].toString(), u"Forty-two."_s);
        const auto tour = program.run({u"tour"_s, u"--json"_s});
        QVERIFY2(tour.code == 0 && tour.last()[u"outcome"].toString() == u"succeeded", tour.said());
        const auto verified = program.run({u"journal"_s, u"verify"_s});
        QVERIFY2(verified.code == 0, verified.said());
        const auto doctor = program.run({u"doctor"_s});
        QVERIFY2(doctor.code == 0 && doctor.out.contains(QByteArray(
                                         "running: serve, pid " +
                                         QByteArray::number(serving.process().processId()))),
                 doctor.said());
        const auto unknown = program.run({u"run"_s, u"--agent"_s, u"nobody"_s, u"x"_s});
        QVERIFY2(unknown.code == 2 && unknown.isOneSentence(), unknown.said());
    }

    void a_parked_run_is_carried_on_by_the_living_runtime()
    {
        Program program;
        program.playShell(u"echo once >> log"_s);
        Serving serving(program);
        const QString id = program.park();
        QVERIFY(!id.isEmpty());
        auto http = serving.http();
        http.request("GET /v1/approvals");
        QVERIFY(http.read().body.contains(id.toUtf8()));
        const auto accepted = program.run({u"approvals"_s, u"accept"_s, id, u"--json"_s});
        QVERIFY2(accepted.code == 0 && accepted.last()[u"state"].toString() == u"accepted",
                 accepted.said());
        QTRY_COMPARE_WITH_TIMEOUT(program.inWorkspace(u"log"_s), QByteArray("once\n"), 15000);
        QTRY_COMPARE_WITH_TIMEOUT(
            program.journal().last()[u"kind"].toString(), u"run.finished"_s, 15000);
        QCOMPARE(program.journal().last()[u"outcome"].toString(), u"succeeded"_s);
        const auto again = program.run({u"approvals"_s, u"reject"_s, id});
        QVERIFY2(again.code == 1 && again.err.contains("cli"), again.said());
    }

    void an_approval_reaches_another_run_that_is_alive()
    {
        Program program;
        Latch hold;
        program.model.when(both(fromChannel(), lastMessageContains(u"Stay"_s)))
            .reply(text(u"I "_s).wait(hold).thenText(u"stayed."_s));
        program.playShell(u"echo once >> log"_s);
        const QString id = program.park();
        auto living = program.start({u"run"_s, u"--json"_s, u"Stay"_s});
        QTRY_COMPARE_WITH_TIMEOUT(hold.waiting(), 1, 10000);
        const auto accepted = program.run({u"approvals"_s, u"accept"_s, id, u"--json"_s});
        QVERIFY2(accepted.code == 0, accepted.said());
        QTRY_COMPARE_WITH_TIMEOUT(program.inWorkspace(u"log"_s), QByteArray("once\n"), 15000);
        hold.open();
        const auto ended = Program::wait(*living);
        QVERIFY2(ended.code == 0 && ended.last()[u"text"].toString() == u"I stayed.", ended.said());
        QCOMPARE(program.inWorkspace(u"log"_s), QByteArray("once\n"));
    }

    void a_serve_beside_a_run_speaks_for_it_and_takes_over()
    {
        Program program;
        Latch hold;
        program.model.when(lastMessageContains(u"Stay"_s))
            .reply(text(u"I "_s).wait(hold).thenText(u"stayed."_s));
        program.model.otherwise(text(u"Hello."_s));
        auto living = program.start({u"run"_s, u"--json"_s, u"Stay"_s});
        QTRY_COMPARE_WITH_TIMEOUT(hold.waiting(), 1, 10000);
        Serving serving(program);
        QVERIFY2(serving.port > 0, serving.process().readAllStandardError());
        auto http = serving.http();
        http.request(chatLine, chatBody("Hello"), jsonHeader);
        QCOMPARE(replyOf(http.read()), u"Hello."_s);
        hold.open();
        QCOMPARE(Program::wait(*living).code, 0);
        const auto ask = [&] {
            auto later = serving.http();
            later.request(chatLine, chatBody("Hello again"), jsonHeader);
            return later.connected() ? replyOf(later.read()) : QString();
        };
        QTRY_COMPARE_WITH_TIMEOUT(ask(), u"Hello."_s, 10000);
        QCOMPARE(serving.end().code, 0);
    }

    void what_was_interrupted_goes_on_at_the_next_start()
    {
        Program program;
        Latch never;
        program.model.when(lastMessageContains(u"Think"_s))
            .reply(text(u"Lost "_s).wait(never))
            .always(text(u"Found."_s));
        {
            Serving serving(program);
            auto http = serving.http();
            http.request(chatLine, chatBody("Think"), jsonHeader);
            QTRY_COMPARE_WITH_TIMEOUT(never.waiting(), 1, 10000);
            serving.kill();
        }
        Serving serving(program);
        const auto said = [&] {
            for (const auto& entry : program.journal()) {
                if (entry[u"kind"].toString() == u"message.sent") {
                    return entry[u"payload"][u"text"].toString();
                }
            }
            return QString();
        };
        QTRY_COMPARE_WITH_TIMEOUT(said(), u"Found."_s, 15000);
        QCOMPARE(serving.end().code, 0);
    }

    void the_configuration_is_reloaded_and_a_bad_one_keeps_the_old()
    {
        Program program;
        program.playAllowedScript("echo once >> log\n");
        program.writeConfig({});
        Serving serving(program);
        const auto instance = [&](const QString& kind) {
            int count = 0;
            for (const auto& entry : program.journal(u"_instance"_s)) {
                count += entry[u"kind"].toString() == kind ? 1 : 0;
            }
            return count;
        };
        QTRY_COMPARE_WITH_TIMEOUT(instance(u"config.changed"_s), 1, 10000);
        // A good one is in force for what begins from now on.
        program.writeConfig({program.allowScript});
        QTRY_COMPARE_WITH_TIMEOUT(instance(u"config.changed"_s), 2, 10000);
        const auto run = program.run({u"run"_s, u"--json"_s, u"Write"_s});
        QVERIFY2(run.code == 0, run.said());
        QCOMPARE(program.inWorkspace(u"log"_s), QByteArray("once\n"));
        // A bad one changes nothing, and says why.
        Program::put(program.config(),
                     program.configText({u"{match: \"shell\", decide: perhaps}"_s}));
        QTRY_COMPARE_WITH_TIMEOUT(instance(u"incident"_s), 1, 10000);
        const auto refused =
            program.journal(u"_instance"_s).last()[u"payload"][u"message"].toString();
        QVERIFY2(refused.contains(u"perhaps") && refused.contains(u"signalbox.yaml:"),
                 qPrintable(refused));
        QByteArray told;
        QTRY_VERIFY((told += serving.process().readAllStandardError(),
                     told.contains("signalbox-node: ") && told.contains("perhaps")));
        QCOMPARE(program.run({u"run"_s, u"--json"_s, u"Write"_s}).code, 0);
        QCOMPARE(program.inWorkspace(u"log"_s), QByteArray("once\nonce\n"));
        QVERIFY(QFile::remove(program.config()));
        QTRY_COMPARE_WITH_TIMEOUT(instance(u"incident"_s), 2, 10000);
        QCOMPARE(program.run({u"run"_s, u"--json"_s, u"Write"_s}).code, 0);
        QCOMPARE(program.run({u"journal"_s, u"verify"_s}).code, 0);
        QCOMPARE(serving.end().code, 0);
    }

    void tail_follows_what_happens()
    {
        Program program;
        program.model.otherwise(text(u"Forty-two."_s));
        Serving serving(program);
        QCOMPARE(program.run({u"run"_s, u"First"_s}).code, 0);
        auto tail = program.start({u"journal"_s, u"tail"_s, u"-f"_s, u"-n"_s, u"1"_s, u"--json"_s});
        QVERIFY(tail->waitForReadyRead(5000));
        QCOMPARE(program.run({u"run"_s, u"Second"_s}).code, 0);
        QByteArray seen;
        QTRY_VERIFY_WITH_TIMEOUT(
            (tail->waitForReadyRead(50),
             (seen += tail->readAllStandardOutput()).count("run.finished") == 2),
            10000);
        tail->terminate();
        QCOMPARE(Program::wait(*tail, 3000).code, 0);
    }
};

QTEST_GUILESS_MAIN(tst_CommandLineServe)
#include "tst_CommandLineServe.moc"
