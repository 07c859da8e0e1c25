#include "tests/scenario/Instance.h"

using namespace sb;
using namespace sb::test;
using protocol::ApproveMode;

namespace {

QJsonObject task(const char* words)
{
    return {{QStringLiteral("task"), QLatin1StringView(words)}};
}

QJsonObject command(const char* line)
{
    return {{QStringLiteral("command"), QLatin1StringView(line)}};
}

constexpr auto room = "room";
const QString channel = QString::fromLatin1(room);

} // namespace

/// What the processes of an agent do for a person, on the real runtime with real stores, sandbox
/// and sockets.
class tst_Processes final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void a_conversation_without_a_name_is_called_by_its_first_message()
    {
        Instance instance;
        instance.model.otherwise(text(QStringLiteral("Hello.")));
        instance.open();
        protocol::OpenChannel command;
        command.agent = QStringLiteral("assistant");
        command.origin = QStringLiteral("window");
        const auto made = instance.ask(command);
        QVERIFY(made);
        const auto title = [&] {
            const auto snapshot = instance.ask(protocol::GetSnapshot{});
            QString found;
            for (const auto& one : snapshot->channels) {
                found = one.id == made->id ? one.title : found;
            }
            return found;
        };
        QCOMPARE(title(), QString());
        QVERIFY(instance.say(made->id, QStringLiteral("Why is the build slow?\nIt was not.")) > 0);
        QCOMPARE(title(), QStringLiteral("Why is the build slow?"));
        QVERIFY(instance.say(made->id, QStringLiteral("And another thing")) > 0);
        QCOMPARE(title(), QStringLiteral("Why is the build slow?"));
        QTRY_VERIFY(!instance.sent(made->id).isEmpty());
    }

    void a_run_whose_worker_failed_has_failed()
    {
        Instance instance;
        instance.model.when(fromWorker()).always(status(400, QStringLiteral("no such model")));
        instance.model.when(fromChannel())
            .reply(toolCall(QStringLiteral("spawn_worker"),
                            {{QStringLiteral("task"), QStringLiteral("Do it")}}))
            .always(text(QStringLiteral("All is well.")));
        instance.open();
        const auto run = instance.run(QStringLiteral("Do it"));
        QVERIFY(run);
        QTRY_COMPARE_WITH_TIMEOUT(instance.outcome(run->run), QStringLiteral("failed"), 60000);
    }

    void a_message_is_answered_and_every_step_has_its_cause()
    {
        Instance instance;
        instance.model.otherwise(text(QStringLiteral("Hello yourself.")));
        instance.open();
        QVERIFY(instance.say(channel, QStringLiteral("Hello")) > 0);
        QTRY_COMPARE(instance.sent(channel), QStringList{QStringLiteral("Hello yourself.")});

        // Upwards from the reply: response → request → turn → message.
        const auto all = instance.entries();
        auto entry = all.last();
        QStringList kinds;
        while (!entry.cause.isEmpty()) {
            kinds.append(protocol::kindName(entry.kind));
            entry = all[entry.cause.toInt() - 1];
        }
        kinds.append(protocol::kindName(entry.kind));
        QCOMPARE(kinds,
                 (QStringList{QStringLiteral("message.sent"),
                              QStringLiteral("model.response"),
                              QStringLiteral("model.request"),
                              QStringLiteral("turn.started"),
                              QStringLiteral("message.received")}));
        auto verified = instance.ask(protocol::VerifyJournal{});
        QVERIFY(verified && verified->reports.first().ok);
    }

    void a_run_delegates_runs_a_command_in_the_sandbox_and_reports()
    {
        Instance instance;
        instance.write(QStringLiteral("note.txt"), "the answer is 42\n");
        instance.model.when(fromWorker())
            .reply(toolCall(QStringLiteral("shell"), command("cat note.txt")))
            .reply(text(QStringLiteral("The note says 42.")));
        instance.model
            .when(both(fromChannel(), lastMessageContains(QStringLiteral("[worker wrk-"))))
            .reply(text(QStringLiteral("It is 42.")));
        instance.model.when(both(fromChannel(), lastRoleIs(QStringLiteral("tool"))))
            .reply(text(QStringLiteral("On its way.")));
        instance.model.when(fromChannel())
            .reply(toolCall(QStringLiteral("spawn_worker"), task("Read note.txt")));
        instance.open();
        auto run = instance.run(QStringLiteral("What does the note say?"), ApproveMode::Allow);
        QVERIFY(run);
        QTRY_COMPARE_WITH_TIMEOUT(instance.outcome(run->run), QStringLiteral("succeeded"), 15000);
        QCOMPARE(instance.sent(run->channel),
                 (QStringList{QStringLiteral("On its way."), QStringLiteral("It is 42.")}));
        bool seen = false;
        for (const auto& entry : instance.entries(QStringLiteral("tool.result"))) {
            seen = seen || entry.payload.value(QStringLiteral("text"))
                               .toString()
                               .contains(u"the answer is 42");
        }
        QVERIFY(seen);
        // The intent was on disk before the effect, and the question before the intent.
        QStringList kinds;
        for (const auto& entry : instance.entries()) {
            if (entry.process.startsWith(QLatin1StringView("wrk-"))) {
                kinds.append(protocol::kindName(entry.kind));
            }
        }
        QCOMPARE(kinds,
                 (QStringList{QStringLiteral("process.started"),
                              QStringLiteral("model.request"),
                              QStringLiteral("model.response"),
                              QStringLiteral("tool.call"),
                              QStringLiteral("policy.decision"),
                              QStringLiteral("approval.requested"),
                              QStringLiteral("approval.settled"),
                              QStringLiteral("tool.started"),
                              QStringLiteral("tool.result"),
                              QStringLiteral("model.request"),
                              QStringLiteral("model.response"),
                              QStringLiteral("process.ended")}));
    }

    void while_a_worker_works_the_channel_answers_at_once()
    {
        Instance instance;
        Latch minute; // stands for the minute that the worker takes
        instance.model.when(fromWorker())
            .reply(text(QStringLiteral("Half ")).wait(minute).thenText(QStringLiteral("done.")));
        instance.model
            .when(both(fromChannel(), lastMessageContains(QStringLiteral("are you there"))))
            .reply(text(QStringLiteral("Yes, the worker is still at it.")));
        instance.model
            .when(both(fromChannel(), lastMessageContains(QStringLiteral("[worker wrk-"))))
            .reply(text(QStringLiteral("The worker is done.")));
        instance.model.when(both(fromChannel(), lastRoleIs(QStringLiteral("tool"))))
            .reply(text(QStringLiteral("Started.")));
        instance.model.when(fromChannel())
            .reply(toolCall(QStringLiteral("spawn_worker"), task("Something long")));
        instance.open();
        instance.say(channel, QStringLiteral("Do something long"));
        QTRY_COMPARE(minute.waiting(), 1);
        instance.say(channel, QStringLiteral("are you there?"));
        QTRY_VERIFY(
            instance.sent(channel).contains(QStringLiteral("Yes, the worker is still at it.")));
        QCOMPARE(minute.waiting(), 1); // still at work
        // The status block told the model what runs.
        QVERIFY(instance.model.requests().last().system().contains(u"Something long"));
        minute.open();
        QTRY_VERIFY(instance.sent(channel).contains(QStringLiteral("The worker is done.")));
    }

    void messages_during_a_turn_enter_the_next_one_together()
    {
        Instance instance;
        Latch thinking;
        instance.model.when(lastMessageContains(QStringLiteral("one")))
            .reply(
                text(QStringLiteral("First ")).wait(thinking).thenText(QStringLiteral("answer.")));
        instance.model.otherwise(text(QStringLiteral("Both seen.")));
        instance.open();
        instance.say(channel, QStringLiteral("one"));
        QTRY_COMPARE(thinking.waiting(), 1);
        instance.say(channel, QStringLiteral("two"));
        instance.say(channel, QStringLiteral("three"));
        thinking.open();
        QTRY_COMPARE(instance.sent(channel).size(), 2);
        QCOMPARE(instance.model.requestCount(), 2);
        const auto last = instance.model.requests().last();
        const auto messages = last.messages();
        QString all;
        for (const auto& message : messages) {
            all += message.toObject().value(QStringLiteral("content")).toString() + u'|';
        }
        QVERIFY2(all.contains(u"two") && all.contains(u"three"), qPrintable(all));
    }

    void a_branch_thinks_with_the_conversation_and_concludes()
    {
        Instance instance;
        instance.model.when(fromBranch()).reply(text(QStringLiteral("Blue, because you said so.")));
        instance.model
            .when(both(fromChannel(), lastMessageContains(QStringLiteral("[branch brn-"))))
            .reply(text(QStringLiteral("Blue.")));
        instance.model.when(both(fromChannel(), lastRoleIs(QStringLiteral("tool"))))
            .reply(text(QStringLiteral("Thinking.")));
        instance.model.when(both(fromChannel(), lastMessageContains(QStringLiteral("colour"))))
            .reply(toolCall(QStringLiteral("branch"),
                            {{QStringLiteral("question"), QStringLiteral("Which colour?")}}));
        instance.model.otherwise(text(QStringLiteral("Noted.")));
        instance.open();
        instance.say(channel, QStringLiteral("I like blue."));
        QTRY_COMPARE(instance.sent(channel).size(), 1);
        instance.say(channel, QStringLiteral("Which colour for the door?"));
        QTRY_VERIFY(instance.sent(channel).contains(QStringLiteral("Blue.")));
        for (const auto& request : instance.model.requests()) {
            if (fromBranch()(request)) {
                const QString whole = QString::fromUtf8(QJsonDocument(request.messages()).toJson());
                QVERIFY(whole.contains(u"I like blue."));
                QVERIFY(whole.contains(u"Which colour?"));
                QVERIFY(!request.tools().contains(QStringLiteral("shell")));
            }
        }
    }

    void a_tool_of_another_process_does_not_exist()
    {
        Instance instance;
        instance.model.when(lastRoleIs(QStringLiteral("user")))
            .reply(toolCall(QStringLiteral("shell"), command("touch here")));
        instance.model.otherwise(text(QStringLiteral("I cannot.")));
        instance.open();
        instance.say(channel, QStringLiteral("Run something yourself"));
        QTRY_COMPARE(instance.sent(channel), QStringList{QStringLiteral("I cannot.")});
        QVERIFY(!QFile::exists(instance.workspace() + QStringLiteral("/here")));
        const auto decided = instance.entries(QStringLiteral("policy.decision"));
        QCOMPARE(decided.size(), 1);
        QCOMPARE(decided.first().payload.value(QStringLiteral("rule")).toString(),
                 QStringLiteral("capability"));
        QVERIFY(instance.entries(QStringLiteral("tool.started")).isEmpty());
    }

    void a_path_out_of_the_workspace_is_forbidden_whatever_was_approved()
    {
        Instance instance;
        instance.model.when(fromWorker())
            .reply(toolCall(QStringLiteral("file_read"),
                            {{QStringLiteral("path"), QStringLiteral("../../etc/passwd")}}))
            .reply(text(QStringLiteral("Refused.")));
        instance.model.when(both(fromChannel(), lastRoleIs(QStringLiteral("tool"))))
            .always(text(QStringLiteral("…")));
        instance.model
            .when(both(fromChannel(), lastMessageContains(QStringLiteral("[worker wrk-"))))
            .reply(text(QStringLiteral("No.")));
        instance.model.when(fromChannel())
            .reply(toolCall(QStringLiteral("spawn_worker"), task("Read it")));
        instance.open();
        auto run = instance.run(QStringLiteral("Read the passwords"), ApproveMode::Allow);
        QTRY_COMPARE_WITH_TIMEOUT(instance.outcome(run->run), QStringLiteral("succeeded"), 15000);
        for (const auto& entry : instance.entries(QStringLiteral("tool.result"))) {
            QVERIFY(!entry.payload.value(QStringLiteral("text")).toString().contains(u"root:"));
        }
    }

    void going_in_circles_ends_a_worker()
    {
        Instance instance;
        instance.model.when(fromWorker())
            .always(toolCall(QStringLiteral("file_list"),
                             {{QStringLiteral("path"), QStringLiteral(".")}}));
        instance.model.when(both(fromChannel(), lastRoleIs(QStringLiteral("tool"))))
            .always(text(QStringLiteral("…")));
        instance.model
            .when(both(fromChannel(), lastMessageContains(QStringLiteral("[worker wrk-"))))
            .reply(text(QStringLiteral("It went in circles.")));
        instance.model.when(fromChannel())
            .reply(toolCall(QStringLiteral("spawn_worker"), task("Look")));
        instance.open();
        instance.say(channel, QStringLiteral("Look"));
        QTRY_VERIFY_WITH_TIMEOUT(
            instance.sent(channel).contains(QStringLiteral("It went in circles.")), 15000);
        const auto ended = instance.entries(QStringLiteral("process.ended"));
        QCOMPARE(ended.last().payload.value(QStringLiteral("state")).toString(),
                 QStringLiteral("failed"));
        QCOMPARE(instance.entries(QStringLiteral("tool.started")).size(), 7);
        // From the fourth on the model was told.
        int warned = 0;
        for (const auto& request : instance.model.requests()) {
            warned += request.lastMessage().contains(u"several times") ? 1 : 0;
        }
        QVERIFY(warned >= 2);
    }

    void a_worker_without_progress_is_stopped()
    {
        FakeClock clock;
        Instance instance(clock);
        instance.model.when(fromWorker()).reply(text(QStringLiteral("I begin ")).hang());
        instance.model.when(both(fromChannel(), lastRoleIs(QStringLiteral("tool"))))
            .always(text(QStringLiteral("…")));
        instance.model
            .when(both(fromChannel(), lastMessageContains(QStringLiteral("[worker wrk-"))))
            .reply(text(QStringLiteral("It was stuck.")));
        instance.model.when(fromChannel())
            .reply(toolCall(QStringLiteral("spawn_worker"), task("Get stuck")));
        instance.writeConfig({}, {});
        instance.open();
        instance.say(channel, QStringLiteral("Go"));
        QTRY_VERIFY(std::ranges::any_of(instance.model.requests(), fromWorker()));
        QTRY_VERIFY_WITH_TIMEOUT((clock.advance(Milliseconds(2000)),
                                  instance.sent(channel).contains(QStringLiteral("It was stuck."))),
                                 20000);
    }

    void a_cancelled_worker_is_gone_with_its_command_and_its_owner_hears_of_it()
    {
        Instance instance;
        instance.model.when(fromWorker())
            .reply(toolCall(QStringLiteral("shell"), command("echo started > mark; sleep 600")));
        instance.model.when(both(fromChannel(), lastRoleIs(QStringLiteral("tool"))))
            .always(text(QStringLiteral("…")));
        instance.model.when(both(fromChannel(), lastMessageContains(QStringLiteral("cancelled"))))
            .reply(text(QStringLiteral("Stopped it.")));
        instance.model.when(fromChannel())
            .reply(toolCall(QStringLiteral("spawn_worker"), task("Sleep")));
        instance.writeConfig({QStringLiteral("{match: \"shell\", decide: allow}")});
        instance.write(QStringLiteral("mark"), "");
        instance.open();
        instance.writeConfig({});
        instance.say(channel, QStringLiteral("Sleep"));
        QTRY_VERIFY_WITH_TIMEOUT(!instance.waiting().isEmpty() ||
                                     instance.read(QStringLiteral("mark")) == "started\n",
                                 15000);
        for (const auto& approval : instance.waiting()) {
            protocol::SettleApproval yes;
            yes.id = approval.id;
            yes.accept = true;
            yes.by = QStringLiteral("test");
            QVERIFY(instance.ask(std::move(yes)));
        }
        QTRY_COMPARE_WITH_TIMEOUT(
            instance.read(QStringLiteral("mark")), QByteArray("started\n"), 15000);
        auto snapshot = instance.ask(protocol::GetSnapshot{});
        QVERIFY(snapshot && !snapshot->processes.isEmpty());
        protocol::CancelProcess cancel;
        cancel.agent = QStringLiteral("assistant");
        cancel.process = snapshot->processes.first().id;
        cancel.by = QStringLiteral("the test");
        QVERIFY(instance.ask(cancel));
        QTRY_VERIFY_WITH_TIMEOUT(instance.sent(channel).contains(QStringLiteral("Stopped it.")),
                                 15000);
        QCOMPARE(instance.entries(QStringLiteral("process.ended"))
                     .last()
                     .payload.value(QStringLiteral("state"))
                     .toString(),
                 QStringLiteral("cancelled"));
    }

    void a_parked_run_survives_the_program_and_does_its_work_once()
    {
        Instance instance;
        instance.model.when(fromWorker())
            .reply(toolCall(QStringLiteral("shell"), command("echo once >> log")))
            .reply(text(QStringLiteral("Written.")));
        instance.model.when(both(fromChannel(), lastRoleIs(QStringLiteral("tool"))))
            .always(text(QStringLiteral("…")));
        instance.model
            .when(both(fromChannel(), lastMessageContains(QStringLiteral("[worker wrk-"))))
            .reply(text(QStringLiteral("Done.")));
        instance.model.when(fromChannel())
            .reply(toolCall(QStringLiteral("spawn_worker"), task("Write a line")));
        instance.open();
        auto run = instance.run(QStringLiteral("Write a line"), ApproveMode::Ask, true);
        QTRY_COMPARE_WITH_TIMEOUT(
            instance.outcome(run->run), QStringLiteral("waiting_approval"), 15000);
        instance.close();
        QVERIFY(instance.read(QStringLiteral("log")).isEmpty());

        instance.open(false);
        const auto waiting = instance.waiting();
        QCOMPARE(waiting.size(), 1);
        protocol::SettleApproval yes;
        yes.id = waiting.first().id;
        yes.accept = true;
        yes.by = QStringLiteral("cli");
        QVERIFY(instance.ask(yes));
        QTRY_COMPARE_WITH_TIMEOUT(instance.outcome(run->run), QStringLiteral("succeeded"), 15000);
        QCOMPARE(instance.read(QStringLiteral("log")), QByteArray("once\n"));
        int begun = 0;
        for (const auto& entry : instance.entries(QStringLiteral("tool.started"))) {
            begun += entry.payload.value(QStringLiteral("tool")).toString() == u"shell" ? 1 : 0;
        }
        QCOMPARE(begun, 1);
        auto second = instance.ask(yes);
        QVERIFY(!second);
        QCOMPARE(second.error().code, ErrorCode::Conflict);
    }

    void a_result_that_waited_for_a_dead_program_is_delivered_once()
    {
        Instance instance;
        Latch never;
        instance.model.when(fromWorker()).reply(text(QStringLiteral("Worker's result.")));
        // The turn that takes the result hangs: the program goes before the channel has said
        // anything.
        instance.model
            .when(both(fromChannel(), lastMessageContains(QStringLiteral("[worker wrk-"))))
            .reply(text(QStringLiteral("Lost ")).wait(never).thenText(QStringLiteral("words")))
            .reply(text(QStringLiteral("The result is here.")));
        instance.model.when(both(fromChannel(), lastRoleIs(QStringLiteral("tool"))))
            .always(text(QStringLiteral("…")));
        instance.model.when(fromChannel())
            .reply(toolCall(QStringLiteral("spawn_worker"), task("Work")));
        instance.open();
        instance.say(channel, QStringLiteral("Work"));
        QTRY_COMPARE_WITH_TIMEOUT(never.waiting(), 1, 15000);
        instance.close();
        instance.open();
        QTRY_VERIFY_WITH_TIMEOUT(
            instance.sent(channel).contains(QStringLiteral("The result is here.")), 15000);
        const auto last = instance.model.requests().last();
        const QString whole = QString::fromUtf8(QJsonDocument(last.messages()).toJson());
        QCOMPARE(whole.count(QStringLiteral("Worker's result.")), 1);
    }

    void failures_of_the_model_end_in_a_clear_message_data()
    {
        QTest::addColumn<int>("code");
        QTest::addColumn<QString>("expected");
        QTest::newRow("401") << 401 << QStringLiteral("local");
        QTest::newRow("400") << 400 << QStringLiteral("local");
    }
    void failures_of_the_model_end_in_a_clear_message()
    {
        QFETCH(int, code);
        QFETCH(QString, expected);
        Instance instance;
        instance.model.otherwise(status(code, QStringLiteral("no good")));
        instance.open();
        auto run = instance.run(QStringLiteral("Anything"));
        QTRY_COMPARE_WITH_TIMEOUT(instance.outcome(run->run), QStringLiteral("failed"), 20000);
        const auto incidents = instance.entries(QStringLiteral("incident"));
        QCOMPARE(incidents.size(), 1);
        QVERIFY2(incidents.first()
                     .payload.value(QStringLiteral("message"))
                     .toString()
                     .contains(expected),
                 qPrintable(incidents.first().payload.value(QStringLiteral("message")).toString()));
        // The conversation goes on afterwards; nothing is stuck.
        instance.model.otherwise(text(QStringLiteral("Back again.")));
        instance.say(channel, QStringLiteral("Hello?"));
        QTRY_VERIFY(instance.sent(channel).contains(QStringLiteral("Back again.")));
    }

    void a_message_sent_twice_with_one_key_is_one_message()
    {
        Instance instance;
        instance.model.otherwise(text(QStringLiteral("Yes.")));
        instance.open();
        protocol::SendMessage message;
        message.agent = QStringLiteral("assistant");
        message.channel = channel;
        message.text = QStringLiteral("Pay the bill");
        message.key = QStringLiteral("k1");
        auto first = instance.ask(message);
        auto second = instance.ask(message);
        QVERIFY(first && second);
        QCOMPARE(first->seq, second->seq);
        QTRY_COMPARE(instance.sent(channel).size(), 1);
        QCOMPARE(instance.entries(QStringLiteral("message.received")).size(), 1);
    }

    void a_write_can_be_undone_until_somebody_changes_the_file()
    {
        Instance instance;
        instance.write(QStringLiteral("plan.txt"), "old\n");
        instance.model.when(fromWorker())
            .reply(toolCall(QStringLiteral("file_write"),
                            {{QStringLiteral("path"), QStringLiteral("plan.txt")},
                             {QStringLiteral("content"), QStringLiteral("new\n")}}))
            .reply(text(QStringLiteral("Changed.")));
        instance.model.when(both(fromChannel(), lastRoleIs(QStringLiteral("tool"))))
            .always(text(QStringLiteral("…")));
        instance.model
            .when(both(fromChannel(), lastMessageContains(QStringLiteral("[worker wrk-"))))
            .reply(text(QStringLiteral("Ok.")));
        instance.model.when(fromChannel())
            .reply(toolCall(QStringLiteral("spawn_worker"), task("Change it")));
        instance.open();
        auto run = instance.run(QStringLiteral("Change the plan"));
        QTRY_COMPARE_WITH_TIMEOUT(instance.outcome(run->run), QStringLiteral("succeeded"), 15000);
        QCOMPARE(instance.read(QStringLiteral("plan.txt")), QByteArray("new\n"));
        const auto checkpoints = instance.entries(QStringLiteral("checkpoint.created"));
        QCOMPARE(checkpoints.size(), 1);
        protocol::UndoWrite undo;
        undo.agent = QStringLiteral("assistant");
        undo.checkpoint = checkpoints.first().seq;
        undo.by = QStringLiteral("test");
        instance.write(QStringLiteral("plan.txt"), "somebody else's\n");
        auto refused = instance.ask(undo);
        QVERIFY(!refused);
        QCOMPARE(refused.error().code, ErrorCode::Conflict);
        instance.write(QStringLiteral("plan.txt"), "new\n");
        QVERIFY(instance.ask(undo));
        QCOMPARE(instance.read(QStringLiteral("plan.txt")), QByteArray("old\n"));
    }

    void a_message_of_any_length_reaches_the_model_whole_also_after_a_restart()
    {
        Instance instance;
        const QString longText =
            QStringLiteral("begin ") + QString(200'000, u'ä') + QStringLiteral(" end");
        instance.model.otherwise(text(QStringLiteral("Read.")));
        instance.open();
        instance.say(channel, longText);
        QTRY_COMPARE(instance.sent(channel).size(), 1);
        QCOMPARE(instance.model.requests().last().lastMessage(), longText);
        instance.close();
        instance.open();
        instance.say(channel, QStringLiteral("And now?"));
        QTRY_COMPARE(instance.sent(channel).size(), 2);
        QCOMPARE(instance.model.requests()
                     .last()
                     .messages()
                     .first()
                     .toObject()
                     .value(QStringLiteral("content"))
                     .toString(),
                 longText);
    }

    void a_cancelled_run_ends_cancelled_although_its_channel_was_only_waiting()
    {
        Instance instance;
        instance.model.when(fromWorker()).reply(text(QStringLiteral("I begin ")).hang());
        instance.model.when(both(fromChannel(), lastRoleIs(QStringLiteral("tool"))))
            .always(text(QStringLiteral("Started.")));
        instance.model.when(fromChannel())
            .always(toolCall(QStringLiteral("spawn_worker"), task("Go on for ever")));
        instance.open();
        auto run = instance.run(QStringLiteral("Go on"));
        QTRY_COMPARE(instance.sent(run->channel).size(), 1); // the turn is over, the worker is not
        QTRY_VERIFY(std::ranges::any_of(instance.model.requests(), fromWorker()));
        protocol::CancelProcess cancel;
        cancel.agent = QStringLiteral("assistant");
        cancel.process = run->run;
        cancel.by = QStringLiteral("the test");
        QVERIFY(instance.ask(cancel));
        QTRY_COMPARE_WITH_TIMEOUT(instance.outcome(run->run), QStringLiteral("cancelled"), 15000);
        QCOMPARE(instance.sent(run->channel).size(), 1);
        // And the next start wakes nothing of it.
        const int asked = instance.model.requestCount();
        instance.close();
        instance.open();
        instance.say(channel, QStringLiteral("Something else"));
        QTRY_VERIFY(!instance.sent(channel).isEmpty());
        QCOMPARE(instance.entries(QStringLiteral("run.finished")).size(), 1);
        QCOMPARE(instance.sent(run->channel).size(), 1);
        QVERIFY(instance.model.requestCount() > asked);
    }

    void what_a_run_was_told_to_allow_ends_with_the_run()
    {
        Instance instance;
        instance.model.when(fromWorker())
            .always(toolCall(QStringLiteral("shell"), command("true")));
        instance.model.when(both(fromChannel(), lastRoleIs(QStringLiteral("tool"))))
            .always(text(QStringLiteral("Started.")));
        instance.model.when(both(fromChannel(), lastMessageContains(QStringLiteral("again"))))
            .always(toolCall(QStringLiteral("spawn_worker"), task("Run it")));
        instance.model.otherwise(text(QStringLiteral("Hello.")));
        instance.open();
        auto run = instance.run(QStringLiteral("Say hello"), ApproveMode::Allow);
        QTRY_COMPARE_WITH_TIMEOUT(instance.outcome(run->run), QStringLiteral("succeeded"), 15000);
        instance.say(run->channel, QStringLiteral("And again, with a command"));
        QTRY_COMPARE_WITH_TIMEOUT(instance.waiting().size(), 1, 15000);
        QVERIFY(instance.entries(QStringLiteral("approval.settled")).isEmpty());
    }

    void two_answers_at_once_after_a_restart_wake_a_parked_worker_once()
    {
        Instance instance;
        instance.model.when(fromWorker())
            .reply(toolCall(QStringLiteral("shell"), command("echo once >> log")))
            .always(text(QStringLiteral("Written.")));
        instance.model.when(both(fromChannel(), lastRoleIs(QStringLiteral("tool"))))
            .always(text(QStringLiteral("…")));
        instance.model
            .when(both(fromChannel(), lastMessageContains(QStringLiteral("[worker wrk-"))))
            .always(text(QStringLiteral("Done.")));
        instance.model.when(fromChannel())
            .reply(toolCall(QStringLiteral("spawn_worker"), task("Write a line")));
        instance.open();
        auto run = instance.run(QStringLiteral("Write a line"), ApproveMode::Ask, true);
        QTRY_COMPARE_WITH_TIMEOUT(
            instance.outcome(run->run), QStringLiteral("waiting_approval"), 15000);
        instance.close();
        auto& runtime = instance.open(false);
        // The take-up of a serve that starts, and a script's answer at the same moment.
        auto takingUp = runtime.takeUp();
        protocol::SettleApproval yes;
        yes.id = instance.waiting().first().id;
        yes.accept = true;
        yes.by = QStringLiteral("cli");
        QVERIFY(instance.ask(yes));
        (void)std::move(takingUp).wait();
        QTRY_COMPARE_WITH_TIMEOUT(instance.outcome(run->run), QStringLiteral("succeeded"), 15000);
        QCOMPARE(instance.read(QStringLiteral("log")), QByteArray("once\n"));
        int ended = 0;
        for (const auto& entry : instance.entries(QStringLiteral("process.ended"))) {
            ended += entry.process.startsWith(QLatin1StringView("wrk-")) ? 1 : 0;
        }
        QCOMPARE(ended, 1);
    }

    void a_long_conversation_is_summarised_and_nothing_leaves_before()
    {
        Instance instance;
        Latch summary;
        instance.model.when(systemContains(QStringLiteral("You shorten")))
            .reply(text(QStringLiteral("They spoke "))
                       .wait(summary)
                       .thenText(QStringLiteral("of many things.")))
            .always(text(QStringLiteral("They spoke of many things.")));
        instance.model.otherwise(
            text(QString(6000, u'x')).withUsage(100'000 * 9 / 10 + 20'000, 1500));
        instance.open();
        for (int i = 0; i < 4; ++i) {
            instance.say(channel, QStringLiteral("Message %1").arg(i));
            QTRY_VERIFY_WITH_TIMEOUT(
                instance.sent(channel).size() == i + 1 || summary.waiting() == 1, 15000);
        }
        QTRY_COMPARE_WITH_TIMEOUT(summary.waiting(), 1, 15000);
        QVERIFY(instance.entries(QStringLiteral("history.compacted")).isEmpty());
        const auto before = instance.model.requests();
        for (const auto& request : before) {
            if (fromChannel()(request)) {
                QVERIFY(QJsonDocument(request.messages()).toJson().contains("Message 0"));
            }
        }
        summary.open();
        QTRY_COMPARE_WITH_TIMEOUT(
            instance.entries(QStringLiteral("history.compacted")).size(), 1, 15000);
        instance.say(channel, QStringLiteral("Message last"));
        QTRY_VERIFY_WITH_TIMEOUT(
            std::ranges::any_of(instance.model.requests(),
                                lastMessageContains(QStringLiteral("Message last"))),
            15000);
        // And after a restart it is still so.
        instance.close();
        instance.open();
        instance.say(channel, QStringLiteral("After the restart"));
        const auto saysSummary = [&](const QString& asked) {
            return std::ranges::any_of(instance.model.requests(), [&](const ModelRequest& request) {
                return fromChannel()(request) && request.lastMessage().contains(asked) &&
                       request.system().contains(u"They spoke of many things.");
            });
        };
        QTRY_VERIFY_WITH_TIMEOUT(saysSummary(QStringLiteral("After the restart")), 15000);
        QVERIFY(saysSummary(QStringLiteral("Message last")));
    }
};

QTEST_GUILESS_MAIN(tst_Processes)
#include "tst_Processes.moc"
