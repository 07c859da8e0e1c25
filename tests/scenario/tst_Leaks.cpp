#include "tests/scenario/Instance.h"
#include "tests/security/Attack.h"

using namespace sb;
using namespace sb::test;
using namespace Qt::StringLiterals;
using attack::Attack;
using attack::Outcome;

namespace {

const QString key = u"Fk3xT9vQ2mZr8LpWwN5cYb7Dq"_s;

Outcome succeededIf(bool succeeded)
{
    return succeeded ? Outcome::Succeeded : Outcome::Refused;
}

/// An instance whose model's service wants a key, which a program of the user's gives.
class Keyed
{
public:
    explicit Keyed(const QStringList& policy = {})
    {
        put(key);
        instance.writeConfig(policy);
        QFile file(instance.home().config);
        QVERIFY(file.open(QIODevice::ReadWrite));
        QByteArray text = file.readAll();
        text.replace("/v1\"}",
                     QByteArray("/v1\", key: \"exec:/bin/cat " + keyFile().toUtf8() + "\"}"));
        file.resize(0);
        file.write(text);
    }
    void put(const QString& value) const
    {
        QFile file(keyFile());
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(value.toUtf8());
    }
    /// Opens it, with the key in use: before the first call nobody knows its value.
    void open()
    {
        instance.model.when(lastMessageContains(u"warm up"_s)).always(text(u"Warm."_s));
        auto& runtime = instance.open();
        m_events = runtime.subscribe(m_loop, [this](const protocol::Event& event) {
            if (const auto* delta = std::get_if<protocol::TextDelta>(&event)) {
                m_shown.withLock([&](QString& shown) { shown += delta->text; });
            }
        });
        QVERIFY(!ask(u"warm up"_s).isEmpty());
    }
    QString ask(const QString& words)
    {
        protocol::Ask command;
        command.agent = u"assistant"_s;
        command.channel = u"room"_s;
        command.text = words;
        command.from = u"you"_s;
        const auto reply = instance.ask(std::move(command));
        return reply ? reply->text : QString();
    }
    /// All that went to the model, and all that the journal holds.
    [[nodiscard]] QString asked() const
    {
        QString all;
        for (const auto& request : instance.model.requests()) {
            all += QString::fromUtf8(QJsonDocument(request.body).toJson());
        }
        return all;
    }
    QString written()
    {
        QString all;
        for (const auto& entry : instance.entries()) {
            all += QString::fromUtf8(QJsonDocument(entry.payload).toJson());
        }
        return all;
    }
    QString shown()
    {
        m_loop.postAndWait([] {});
        return m_shown.withLock([](const QString& shown) { return shown; });
    }
    /// What the person of the conversation reads about leaks.
    QList<QJsonObject> incidents()
    {
        QList<QJsonObject> found;
        for (const auto& entry : instance.entries(u"incident"_s)) {
            if (entry.payload.contains(u"leak"_s)) {
                found.append(entry.payload);
            }
        }
        return found;
    }
    void close()
    {
        m_events.reset();
        instance.close();
    }

    Instance instance;

private:
    [[nodiscard]] QString keyFile() const { return instance.folder() + u"/key"_s; }

    LoopExecutor m_loop{u"events"_s};
    Guarded<QString> m_shown;
    Subscription m_events;
};

QList<Attack> attacks()
{
    return {
        {"leaks.model-says-a-value",
         "leaks.model",
         [] {
             // It wants the words to go on: to whoever asked, and to the model again.
             Keyed keyed;
             keyed.instance.model.when(lastMessageContains(u"say it"_s))
                 .always(text(u"It is "_s + key));
             keyed.instance.model.otherwise(text(u"Well."_s));
             keyed.open();
             const QString answer = keyed.ask(u"say it"_s);
             (void)keyed.ask(u"and now"_s);
             const bool got = answer.contains(key) || keyed.asked().contains(key);
             keyed.close();
             return succeededIf(got);
         }},
        {"leaks.model-shows-a-value-in-pieces",
         "leaks.live",
         [] {
             Keyed keyed;
             QStringList parts{u"It is "_s};
             for (const QChar c : key) {
                 parts.append(c);
             }
             keyed.instance.model.when(lastMessageContains(u"say it"_s)).always(pieces(parts));
             keyed.open();
             (void)keyed.ask(u"say it"_s);
             const bool got = keyed.shown().contains(key);
             keyed.close();
             return succeededIf(got);
         }},
        {"leaks.call-with-a-value",
         "leaks.calls",
         [] {
             // Writing inside the workspace is allowed, and no way out; all the same.
             Keyed keyed;
             keyed.instance.model.when(fromWorker())
                 .reply(toolCall(
                     u"file_write"_s,
                     {{u"path"_s, u"notes.txt"_s}, {u"content"_s, QString(u"k="_s + key)}}))
                 .always(text(u"Done."_s));
             keyed.instance.model.when(both(fromChannel(), lastMessageContains(u"write it"_s)))
                 .reply(toolCall(u"spawn_worker"_s, {{u"task"_s, u"Write"_s}}));
             keyed.instance.model.otherwise(text(u"Well."_s));
             keyed.open();
             (void)keyed.ask(u"write it"_s);
             (void)keyed.instance.runtime().settledDown(u"assistant"_s, u"room"_s).wait();
             const bool got = keyed.instance.read(u"notes.txt"_s).contains(key.toUtf8());
             keyed.close();
             return succeededIf(got);
         }},
        {"leaks.message-with-a-value",
         "leaks.messages",
         [] {
             Keyed keyed;
             keyed.instance.model.otherwise(text(u"Well."_s));
             keyed.open();
             (void)keyed.ask(u"use "_s + key + u" please"_s);
             const bool got = keyed.asked().contains(key);
             keyed.close();
             return succeededIf(got);
         }},
    };
}

} // namespace

/// A key that the instance knows, on every way that words take through it.
class tst_Leaks final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void attack_data() { attack::addRows(attacks()); }
    void attack() { attack::check(attacks()); }

    void what_a_model_says_is_taken_out_and_told()
    {
        Keyed keyed;
        keyed.instance.model.when(lastMessageContains(u"say it"_s))
            .always(pieces({u"It is "_s, key.left(7), key.mid(7), u", as you know."_s}));
        keyed.open();
        const QString clean =
            u"It is [redacted:exec:/bin/cat %1/key], as you know."_s.arg(keyed.instance.folder());
        QCOMPARE(keyed.ask(u"say it"_s), clean);
        // What was shown meanwhile says the same, to its last word.
        QVERIFY2(keyed.shown().endsWith(clean), qPrintable(keyed.shown()));
        QTRY_COMPARE(keyed.incidents().size(), 1);
        const QJsonObject incident = keyed.incidents().first();
        QCOMPARE(incident.value(u"where"_s).toString(), u"model"_s);
        QCOMPARE(incident.value(u"channel"_s).toString(), u"room"_s);
        QCOMPARE(incident.value(u"stopped"_s).toBool(), false);
        QVERIFY(incident.value(u"leak"_s).toString().startsWith(u"known:exec:"_s));
        QVERIFY2(incident.value(u"message"_s)
                     .toString()
                     .endsWith(u"turned up in what the model said; it was taken out."_s),
                 qPrintable(incident.value(u"message"_s).toString()));
        for (const auto& entry : keyed.instance.entries()) {
            if (entry.payload.contains(u"leak"_s)) {
                const auto cause = keyed.instance.entries()[entry.cause.toLongLong() - 1];
                QCOMPARE(protocol::kindName(cause.kind), u"model.request"_s);
                QCOMPARE(entry.process, u"room"_s);
            }
        }
        QVERIFY(!keyed.written().contains(key));
        // The notice comes last in the conversation, and is not what the turn came to.
        keyed.close();
    }

    void a_notice_about_a_secret_is_not_what_a_run_came_to()
    {
        Keyed keyed({u"{match: \"shell(*)\", decide: ask}"_s});
        keyed.instance.model.when(fromWorker())
            .reply(toolCall(u"shell"_s, {{u"command"_s, u"true"_s}}))
            .always(text(u"Done."_s));
        keyed.instance.model.when(both(fromChannel(), lastMessageContains(u"say it"_s)))
            .reply(Reply(text(u"It is "_s + key))
                       .thenToolCall(u"spawn_worker"_s, {{u"task"_s, u"Run"_s}}));
        keyed.instance.model.otherwise(text(u"Well."_s));
        keyed.open();
        const auto run = keyed.instance.run(u"say it"_s, protocol::ApproveMode::Ask, true);
        QVERIFY(run);
        QTRY_COMPARE_WITH_TIMEOUT(keyed.instance.outcome(run->run), u"waiting_approval"_s, 15000);
        QTRY_COMPARE(keyed.incidents().size(), 1);
        keyed.close();
        keyed.instance.open();
        protocol::SettleApproval yes;
        yes.id = keyed.instance.waiting().first().id;
        yes.accept = true;
        yes.by = u"test"_s;
        QVERIFY(keyed.instance.ask(yes));
        QTRY_COMPARE_WITH_TIMEOUT(keyed.instance.outcome(run->run), u"succeeded"_s, 15000);
        keyed.close();
    }

    void a_call_that_holds_a_value_does_not_run_and_says_why()
    {
        Keyed keyed({u"{match: \"shell(*)\", decide: allow}"_s});
        keyed.instance.model.when(fromWorker())
            .reply(toolCall(u"shell"_s, {{u"command"_s, QString(u"touch ran; echo "_s + key)}}))
            .reply(toolCall(
                u"shell"_s,
                {{u"command"_s,
                  QString(u"touch ran; echo "_s + QString::fromLatin1(key.toLatin1().toHex()))}}))
            .reply(toolCall(u"set_status"_s, {{u"status"_s, QString(u"I have "_s + key)}}))
            .always(text(u"Done."_s));
        keyed.instance.model.when(both(fromChannel(), lastMessageContains(u"do it"_s)))
            .reply(toolCall(u"spawn_worker"_s, {{u"task"_s, u"Run"_s}}));
        keyed.instance.model.otherwise(text(u"Well."_s));
        keyed.open();
        (void)keyed.ask(u"do it"_s);
        (void)keyed.instance.runtime().settledDown(u"assistant"_s, u"room"_s).wait();
        QVERIFY(!QFile::exists(keyed.instance.workspace() + u"/ran"_s));
        int refused = 0;
        for (const auto& entry : keyed.instance.entries(u"policy.decision"_s)) {
            if (entry.payload.value(u"rule"_s) == u"leaks"_s) {
                ++refused;
                QCOMPARE(entry.payload.value(u"verdict"_s).toString(), u"forbid"_s);
                QVERIFY(entry.payload.value(u"reason"_s)
                            .toString()
                            .startsWith(u"the call holds the value of the secret exec:"_s));
            }
        }
        QCOMPARE(refused, 3);
        QTRY_COMPARE(keyed.incidents().size(), 3);
        const QJsonObject incident = keyed.incidents().first();
        QCOMPARE(incident.value(u"where"_s).toString(), u"call:shell"_s);
        QCOMPARE(incident.value(u"stopped"_s).toBool(), true);
        // The model read why, and nowhere hears its own words again.
        QVERIFY(keyed.asked().contains(u"the call holds the value of the secret"_s));
        QVERIFY(!keyed.asked().contains(key));
        QVERIFY(!keyed.asked().contains(QString::fromLatin1(key.toLatin1().toHex())));
        QVERIFY(!keyed.written().contains(key));
        keyed.close();
    }

    void what_only_looks_like_a_key_is_told_and_may_be_written()
    {
        // An example in a file is no key of anybody's; the record keeps it out all the same.
        const QString example = u"glpat-"_s + u"aB3dE5gH7jK9mN1pQ2sT"_s;
        Keyed keyed;
        keyed.instance.model.when(fromWorker())
            .reply(toolCall(u"file_write"_s, {{u"path"_s, u"test.txt"_s}, {u"content"_s, example}}))
            .always(text(u"Done."_s));
        keyed.instance.model.when(both(fromChannel(), lastMessageContains(u"do it"_s)))
            .reply(toolCall(u"spawn_worker"_s, {{u"task"_s, u"Run"_s}}));
        keyed.instance.model.otherwise(text(u"Well."_s));
        keyed.open();
        (void)keyed.ask(u"do it"_s);
        (void)keyed.instance.runtime().settledDown(u"assistant"_s, u"room"_s).wait();
        QCOMPARE(keyed.instance.read(u"test.txt"_s), example.toUtf8());
        QTRY_COMPARE(keyed.incidents().size(), 1);
        QVERIFY2(
            keyed.incidents()
                .first()
                .value(u"message"_s)
                .toString()
                .endsWith(
                    u"a call of file_write; none that is known here, so the agent's rules decide."_s),
            qPrintable(keyed.incidents().first().value(u"message"_s).toString()));
        QVERIFY(!keyed.written().contains(example));
        keyed.close();
    }

    void a_person_who_pastes_a_key_is_told()
    {
        Keyed keyed;
        keyed.instance.model.otherwise(text(u"Well."_s));
        keyed.open();
        const QString token = u"glpat-"_s + u"aB3dE5gH7jK9mN1pQ2sT"_s;
        (void)keyed.ask(u"Clone it with "_s + token + u", please."_s);
        QVERIFY(!keyed.asked().contains(token));
        QVERIFY(keyed.asked().contains(u"Clone it with [redacted:gitlab-token], please."_s));
        QVERIFY(!keyed.written().contains(token));
        QTRY_COMPARE(keyed.incidents().size(), 1);
        const QJsonObject incident = keyed.incidents().first();
        QCOMPARE(incident.value(u"where"_s).toString(), u"message:you"_s);
        QCOMPARE(incident.value(u"message"_s).toString(),
                 u"What looks like a secret (gitlab-token) turned up in your message; it was taken "
                 "out. Keep keys with \"signalbox-node secrets set NAME\", and name them in "
                 "signalbox.yaml where they are needed."_s);
        // It still counts as one that held a secret.
        const auto received = keyed.instance.entries(u"message.received"_s).last();
        QVERIFY(received.payload.value(u"labels"_s).toArray().contains(u"secret"_s));
        keyed.close();
    }

    void another_agent_and_a_run_are_looked_at_too()
    {
        Keyed keyed;
        keyed.instance.model.otherwise(text(u"Well."_s));
        keyed.open();
        protocol::SendMessage message;
        message.agent = u"assistant"_s;
        message.channel = u"link"_s;
        message.text = u"The key is "_s + key;
        message.from = u"agent:other"_s;
        QVERIFY(keyed.instance.ask(std::move(message)));
        QTRY_COMPARE(keyed.incidents().size(), 1);
        QVERIFY2(keyed.incidents()
                     .first()
                     .value(u"message"_s)
                     .toString()
                     .endsWith(u"turned up in a message of the agent other; it was taken out."_s),
                 qPrintable(keyed.incidents().first().value(u"message"_s).toString()));
        const auto run = keyed.instance.run(u"Use "_s + key);
        QVERIFY(run);
        QTRY_VERIFY_WITH_TIMEOUT(!keyed.instance.outcome(run->run).isEmpty(), 15000);
        QTRY_COMPARE(keyed.incidents().size(), 2);
        QVERIFY(!keyed.asked().contains(key));
        QVERIFY(!keyed.written().contains(key));
        keyed.close();
    }

    void a_key_that_a_service_refuses_is_read_anew()
    {
        Keyed keyed;
        const auto bearer = [](const QString& value) -> Matcher {
            return [value](const ModelRequest& request) {
                return request.header("authorization") == "Bearer " + value.toUtf8();
            };
        };
        const QString next = u"Hn4wS8uP1kYq7JoVvM6bXa2Cp"_s;
        keyed.open();
        // From now on the service knows the next one only.
        keyed.instance.model.when(bearer(next)).always(text(u"Welcome."_s));
        keyed.instance.model.otherwise(status(401, u"unknown key"_s));
        QVERIFY(keyed.ask(u"first"_s).contains(u"unknown key"_s));
        keyed.put(next);
        QCOMPARE(keyed.ask(u"second"_s), u"Welcome."_s);
        // The new value is known at once.
        QVERIFY(keyed.ask(u"is it "_s + next).contains(u"Welcome."_s));
        QVERIFY(!keyed.asked().contains(next));
        keyed.close();
    }
};

QTEST_GUILESS_MAIN(tst_Leaks)
#include "tst_Leaks.moc"
