#include "core/server/Folders.h"
#include "core/server/SocketClient.h"
#include "tests/scenario/Program.h"

#include <SQLiteCpp/SQLiteCpp.h>

using namespace sb;
using namespace sb::test;
using namespace Qt::StringLiterals;

namespace {

/// Installs an example skill of the publisher "signalbox", as a person would do it.
bool install(Program& program, const QString& skill)
{
    const QString key = program.folder() + u"/publisher.key"_s;
    const QString folder = program.folder() + u"/draft/"_s + skill;
    const QString from = QStringLiteral(SB_SOURCE_DIR "/resources/skills/") + skill;
    for (const QString& name : QDir(from).entryList(QDir::Files)) {
        Program::put(folder + u'/' + name, Program::get(from + u'/' + name));
    }
    QList<QStringList> steps{
        {u"package"_s, u"sign"_s, folder, u"--key"_s, key},
        {u"package"_s, u"install"_s, folder, u"--trust"_s, u"--capabilities"_s, u"all"_s}};
    if (!QFile::exists(key)) {
        steps.prepend({u"package"_s, u"keygen"_s, key});
    }
    for (const QStringList& step : std::as_const(steps)) {
        const auto done = program.run(step);
        if (done.code != 0) {
            qWarning("%s", done.said().constData());
            return false;
        }
    }
    return true;
}

/// doctor's lines of one check.
QList<QJsonObject> checks(const Ended& doctor, const QString& what)
{
    QList<QJsonObject> found;
    for (const auto& line : doctor.lines()) {
        if (line[u"check"] == what) {
            found.append(line);
        }
    }
    return found;
}

} // namespace

/// What keeps an instance in order, from the command line: doctor, publishers, permissions, keys.
class tst_Upkeep final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void doctor_opens_every_database_and_changes_none()
    {
        Program program;
        program.model.otherwise(text(u"Done."_s));
        QCOMPARE(program.run({u"run"_s, u"A task"_s}).code, 0);
        const auto good = program.run({u"doctor"_s, u"--json"_s});
        QVERIFY2(good.code == 0, good.said());
        const auto databases = checks(good, u"database"_s);
        QStringList names;
        for (const auto& one : databases) {
            names.append(one[u"database"].toString());
            QVERIFY(one[u"ok"].toBool());
            QVERIFY(one[u"schema"].toInt() > 0);
            QCOMPARE(one[u"schema"], one[u"newest_schema"]);
        }
        QCOMPARE(names, (QStringList{u"_instance"_s, u"assistant"_s}));

        // From a newer version.
        {
            SQLite::Database newer(program.database().toStdString(), SQLite::OPEN_READWRITE);
            newer.exec("PRAGMA user_version=999");
        }
        const auto later = checks(program.run({u"doctor"_s, u"--json"_s}), u"database"_s).last();
        QVERIFY(!later[u"ok"].toBool());
        QVERIFY2(later[u"message"].toString().contains(u"schema 999, which a newer version"),
                 qPrintable(later[u"message"].toString()));

        // Overwritten in the middle.
        Program other;
        other.model.otherwise(text(u"Done."_s));
        QCOMPARE(other.run({u"run"_s, u"A task"_s}).code, 0);
        QFile file(other.database());
        QVERIFY(file.open(QIODevice::ReadWrite));
        for (qint64 at = 8192; at < file.size(); at += 4096) {
            file.seek(at);
            file.write(QByteArray(64, '\x5a'));
        }
        file.close();
        const QByteArray before = Program::get(other.database());
        const auto bad = other.run({u"doctor"_s});
        QVERIFY2(bad.code == 1 && bad.out.contains("!! database        assistant: "), bad.said());
        QCOMPARE(Program::get(other.database()), before);
    }

    void doctor_says_which_rules_speak_of_no_tool()
    {
        Program program;
        program.writeConfig({u"{match: \"shel(git push *)\", decide: deny}"_s,
                             u"{match: \"file_*\", decide: allow}"_s,
                             u"{match: \"network\", decide: ask}"_s,
                             u"{match: \"spawn_worker\", decide: allow}"_s});
        const auto doctor = program.run({u"doctor"_s, u"--json"_s});
        const auto hints = checks(doctor, u"policy"_s);
        QCOMPARE(hints.size(), 1);
        QVERIFY(hints.first()[u"ok"].toBool()); // a tool may come later: this is a hint
        QVERIFY(hints.first()[u"hint"].toBool());
        QCOMPARE(hints.first()[u"message"].toString(),
                 u"assistant: the rule \"shel(git push *)\" speaks of no tool that this agent has; "
                 u"did you mean \"shell\"?"_s);
        QVERIFY(program.run({u"doctor"_s}).out.contains("?? policy          assistant: the rule"));
    }

    void publishers_are_listed_and_forgotten()
    {
        Program program;
        const auto none = program.run({u"package"_s, u"publishers"_s});
        QVERIFY2(none.code == 0 && none.out.startsWith("No publisher is trusted yet"), none.said());
        QVERIFY(install(program, u"csv-table"_s));
        QVERIFY(install(program, u"file-tally"_s));
        program.writeConfig({}, u"    skills: [csv-table]\n"_s);
        const auto listed = program.run({u"package"_s, u"publishers"_s, u"--json"_s}).lines();
        QCOMPARE(listed.size(), 1);
        QCOMPARE(listed.first()[u"publisher"].toString(), u"signalbox"_s);
        QCOMPARE(listed.first()[u"fingerprint"].toString().size(), 39);
        QVERIFY(timeFromText(listed.first()[u"since"].toString()).value_or(0) > 0);
        QCOMPARE(listed.first()[u"packages"].toArray(),
                 (QJsonArray{u"skill csv-table"_s, u"skill file-tally"_s}));
        const auto good = program.run({u"doctor"_s, u"--json"_s});
        QVERIFY2(good.code == 0, good.said());
        QCOMPARE(checks(good, u"package"_s).size(), 2);
        QVERIFY(checks(good, u"skill"_s)
                    .first()[u"message"]
                    .toString()
                    .startsWith(u"assistant uses skill signalbox/csv-table "));

        // It takes a word, because of what goes with it.
        const auto refused = program.run({u"package"_s, u"forget"_s, u"signalbox"_s});
        QVERIFY2(refused.code == 1 && refused.isOneSentence() && refused.err.contains("--yes") &&
                     refused.err.contains("skill csv-table, skill file-tally"),
                 refused.said());
        const auto unknown = program.run({u"package"_s, u"forget"_s, u"signalbux"_s, u"--yes"_s});
        QVERIFY2(unknown.code == 2 && unknown.isOneSentence() && unknown.err.contains("signalbox"),
                 unknown.said());
        QCOMPARE(program.run({u"package"_s, u"list"_s, u"--yes"_s}).code, 2);
        const auto gone =
            program.run({u"package"_s, u"forget"_s, u"signalbox"_s, u"--yes"_s, u"--json"_s});
        QVERIFY2(gone.code == 0, gone.said());
        QCOMPARE(gone.last()[u"forgotten"].toString(), u"signalbox"_s);
        QCOMPARE(program.run({u"package"_s, u"publishers"_s, u"--json"_s}).lines().size(), 0);

        // Its packages are there, and not used; doctor says so, and why.
        const auto doctor = program.run({u"doctor"_s, u"--json"_s});
        QCOMPARE(doctor.code, 1);
        for (const auto& package : checks(doctor, u"package"_s)) {
            QVERIFY(package[u"hint"].toBool());
            QVERIFY(package[u"message"].toString().contains(u"cannot be used: "));
        }
        const auto skill = checks(doctor, u"skill"_s).first();
        QVERIFY(!skill[u"ok"].toBool());
        QVERIFY(skill[u"message"].toString().startsWith(u"assistant cannot use csv-table: "));

        // Trusted again with the next installation.
        QVERIFY(install(program, u"csv-table"_s));
        QCOMPARE(program.run({u"doctor"_s}).code, 0);
    }

    void a_runtime_takes_back_what_it_forgot()
    {
        Program program;
        QVERIFY(install(program, u"csv-table"_s));
        Serving serving(program);
        const auto connected =
            server::SocketClient::connect(server::socketPathFor(program.home() + u"/run"_s));
        QVERIFY(connected);
        auto& client = **connected;
        const auto listed = [&] {
            const auto reply = client.request(protocol::ListPublishers{}).wait();
            return reply ? reply->publishers : QList<protocol::PublisherInfo>();
        };
        const auto before = listed();
        QCOMPARE(before.size(), 1);
        QCOMPARE(before.first().packages, QStringList{u"skill csv-table"_s});
        const protocol::ForgetPublisher forget{u"signalbox"_s, u"test"_s};
        const protocol::RememberPublisher remember{u"signalbox"_s, u"test"_s};
        QCOMPARE(client.request(remember).wait().error().code, ErrorCode::NotFound);
        const auto gone = client.request(forget).wait();
        QVERIFY(gone && gone->isForgotten);
        QCOMPARE(listed().first().isForgotten, true);
        QCOMPARE(client.request(forget).wait().error().code, ErrorCode::NotFound);
        QVERIFY(program.run({u"package"_s, u"list"_s}).out.contains("cannot be used: "));
        const auto back = client.request(remember).wait();
        QVERIFY(back && !back->isForgotten);
        QCOMPARE(back->fingerprint, before.first().fingerprint);
        QVERIFY(!program.run({u"package"_s, u"list"_s}).out.contains("cannot be used: "));
        QStringList recorded;
        for (const auto& entry : program.journal(u"_instance"_s)) {
            const auto payload = entry[u"payload"].toObject();
            if (payload[u"publisher"].toString() == u"signalbox") {
                recorded.append(payload[u"what"].toString() + u" by "_s +
                                payload[u"by"].toString());
            }
        }
        QCOMPARE(recorded, (QStringList{u"forgotten by test"_s, u"trusted again by test"_s}));
    }

    void an_address_is_allowed_from_now_on()
    {
        Program program;
        program.playShell(u"curl -sS --max-time 20 http://unlisted.invalid/"_s);
        program.writeConfig({u"{match: \"shell(curl *)\", decide: allow}"_s},
                            u"    network: {allow: [\"nowhere.invalid:1\"]}\n"_s);
        Serving serving(program);
        // A conversation waits for the answer.
        const RawHttp client = serving.http();
        client.request(
            "POST /v1/chat/completions",
            R"({"model":"assistant","messages":[{"role":"user","content":"Fetch it"}]})");
        QTRY_COMPARE_WITH_TIMEOUT(program.waiting().size(), 1, 20000);
        const auto question = program.waiting().first();
        const QString id = question[u"id"].toString();
        QCOMPARE(question[u"tool"].toString(), u"network"_s);
        for (const QStringList& wrong :
             {QStringList{u"approvals"_s, u"reject"_s, id, u"--always"_s},
              QStringList{u"approvals"_s, u"list"_s, u"--always"_s},
              QStringList{
                  u"approvals"_s, u"accept"_s, id, u"--always"_s, u"--arguments"_s, u"{}"_s}}) {
            const auto refused = program.run(wrong);
            QVERIFY2(refused.code == 2 && refused.isOneSentence(), refused.said());
        }
        const auto shown = program.run({u"approvals"_s, u"show"_s, id});
        QVERIFY2(shown.out.contains("a yes is for once; with accept --always"), shown.said());
        const auto accepted =
            program.run({u"approvals"_s, u"accept"_s, id, u"--always"_s, u"--json"_s});
        QVERIFY2(accepted.code == 0, accepted.said());
        QVERIFY(accepted.last()[u"edited_arguments"].toObject()[u"remember"].toBool());
        const auto given = [&] {
            const auto entries = program.journal();
            return std::ranges::any_of(entries, [](const QJsonObject& entry) {
                return entry[u"kind"] == u"config.changed"_s &&
                       QJsonDocument(entry).toJson().contains("unlisted.invalid:80");
            });
        };
        QTRY_VERIFY(given());
        const auto settled = program.run({u"approvals"_s, u"show"_s, id});
        QVERIFY2(settled.out.contains("a yes is from now on, until it is taken back"),
                 settled.said());
    }

    void always_is_for_addresses_only()
    {
        Program program;
        program.playShell(u"echo once >> log"_s);
        const QString id = program.park();
        const auto refused = program.run({u"approvals"_s, u"accept"_s, id, u"--always"_s});
        QVERIFY2(refused.code == 2 && refused.isOneSentence() &&
                     refused.err.contains("signalbox.yaml"),
                 refused.said());
        QCOMPARE(program.waiting().size(), 1); // nothing was decided by that
    }

    void a_key_that_is_rotated_is_used_by_the_living_runtime()
    {
        Program program;
        program.model.otherwise(text(u"Forty-two."_s));
        const QString file = program.folder() + u"/key"_s;
        QVERIFY(Program::put(file, "sk-the-first-of-two-0123456789\n"));
        const QString reference = u"exec:/usr/bin/cat "_s + file;
        QByteArray config = program.configText();
        config.replace("base_url:", QByteArray("key: \"" + reference.toUtf8() + "\", base_url:"));
        QVERIFY(Program::put(program.config(), config));
        Serving serving(program);
        const auto key = [&] {
            const auto run = program.run({u"run"_s, u"What is it?"_s});
            return run.code == 0 ? program.model.requests().last().header("authorization")
                                 : run.said();
        };
        QCOMPARE(key(), "Bearer sk-the-first-of-two-0123456789");
        QVERIFY(QFile::remove(file));
        QVERIFY(Program::put(file, "sk-the-second-of-two-987654321\n"));
        QCOMPARE(key(), "Bearer sk-the-first-of-two-0123456789"); // as remembered
        const auto rotated = program.run({u"secrets"_s, u"rotate"_s, reference, u"--untried"_s});
        QVERIFY2(rotated.code == 0 && rotated.err.isEmpty(), rotated.said());
        QCOMPARE(key(), "Bearer sk-the-second-of-two-987654321");
        const auto entries = program.journal(u"_instance"_s);
        QVERIFY(std::ranges::any_of(entries, [&](const QJsonObject& entry) {
            const auto payload = entry[u"payload"].toObject();
            return payload[u"key"].toString() == reference &&
                   payload[u"what"].toString() == u"rotated";
        }));
    }
};

QTEST_GUILESS_MAIN(tst_Upkeep)
#include "tst_Upkeep.moc"
