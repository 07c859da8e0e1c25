#include "core/journal/SigningKey.h"
#include "core/runtime/Skills.h"
#include "tests/scenario/Program.h"
#include "tests/scenario/TaintStage.h"
#include "tests/security/Attack.h"

using namespace sb;
using namespace sb::test;
using namespace Qt::StringLiterals;

namespace {

/// A home with the example skills installed by the program, as a person would do it.
class Shop
{
public:
    Shop() { key = instance.folder() + u"/publisher.key"_s; }

    Ended node(const QStringList& words)
    {
        return program.run(QStringList{u"--home"_s, instance.folder() + u"/home"_s} + words, false);
    }
    /// A signed copy of an example.
    QString prepared(const QString& skill)
    {
        if (!QFile::exists(key)) {
            const auto made = node({u"package"_s, u"keygen"_s, key});
            if (made.code != 0) {
                qWarning("%s", made.said().constData());
            }
        }
        const QString folder = instance.folder() + u"/draft/"_s + skill;
        const QString from = QStringLiteral(SB_SOURCE_DIR "/resources/skills/") + skill;
        QDir().mkpath(folder);
        for (const QString& name : QDir(from).entryList(QDir::Files)) {
            Program::put(folder + u'/' + name, Program::get(from + u'/' + name));
        }
        return sign(folder) ? folder : QString();
    }
    bool sign(const QString& folder)
    {
        const auto done = node({u"package"_s, u"sign"_s, folder, u"--key"_s, key});
        if (done.code != 0) {
            qWarning("%s", done.said().constData());
        }
        return done.code == 0;
    }
    bool install(const QString& skill)
    {
        const auto done = node({u"package"_s,
                                u"install"_s,
                                prepared(skill),
                                u"--trust"_s,
                                u"--capabilities"_s,
                                u"all"_s});
        if (done.code != 0) {
            qWarning("%s", done.said().constData());
        }
        return done.code == 0;
    }
    [[nodiscard]] QString installedFile(const QString& skill, const QString& name) const
    {
        return instance.home().data + u"/packages/skill/signalbox/"_s + skill + u'/' + name;
    }

    /// The worker of the next run makes these calls and then says "Done."
    void plays(const std::vector<Reply>& calls)
    {
        auto rule = instance.model.when(fromWorker());
        for (const Reply& call : calls) {
            rule.reply(call);
        }
        rule.always(text(u"Done."_s));
        instance.model.when(fromChannel()).alwaysFrom([](const ModelRequest& request) {
            if (request.lastMessage().contains(u"[worker wrk-")) {
                return text(u"It is done."_s);
            }
            return request.lastRole() == u"tool"
                       ? text(u"On its way."_s)
                       : toolCall(u"spawn_worker"_s, {{u"task"_s, u"Do it"_s}});
        });
    }
    /// Runs a task to its end.
    bool run(protocol::ApproveMode approve = protocol::ApproveMode::Ask)
    {
        const auto started = instance.run(u"Do it"_s, approve);
        return started &&
               QTest::qWaitFor([&] { return !instance.outcome(started->run).isEmpty(); }, 20'000);
    }
    /// What a tool has answered, the oldest first.
    QList<QJsonObject> results(const QString& tool)
    {
        QList<QJsonObject> found;
        for (const auto& entry : instance.entries(u"tool.result"_s)) {
            if (entry.payload.value(u"tool"_s) == tool) {
                found.append(entry.payload);
            }
        }
        return found;
    }
    QString result(const QString& tool)
    {
        const auto all = results(tool);
        return all.isEmpty() ? QString() : all.last().value(u"text"_s).toString();
    }
    QList<QJsonObject> decisions(const QString& tool)
    {
        QList<QJsonObject> found;
        for (const auto& entry : instance.entries(u"policy.decision"_s)) {
            if (entry.payload.value(u"tool"_s) == tool) {
                found.append(entry.payload);
            }
        }
        return found;
    }

    Program program;
    Instance instance;
    QString key;
};

Reply tally(const QString& path)
{
    return toolCall(u"file_tally"_s, {{u"path"_s, path}});
}

/// What a skill made of a file of keys is sent away. Nothing of the answer is the file's own words,
/// so only the way that it came by tells.
attack::Outcome throughASkill()
{
    Shop shop;
    const Page page("Thanks.");
    if (!shop.install(u"file-tally"_s)) {
        return attack::Outcome::Refused; // and fails where it must succeed
    }
    shop.instance.writeConfig(
        {},
        u"    skills: [file-tally]\n    network: {allow: [\"%1\"]}\n"
        "    taint: {network: {untrusted_file: allow}}\n"_s.arg(page.place()));
    shop.instance.write(u".env"_s, "one two three");
    shop.plays(
        {tally(u".env"_s), toolCall(u"web_fetch"_s, {{u"url"_s, page.url(u"?three=words"_s)}})});
    shop.instance.open();
    (void)shop.run(protocol::ApproveMode::Deny);
    const auto decided = shop.decisions(u"web_fetch"_s);
    const bool isAllowed = !decided.isEmpty() && decided.first().value(u"verdict"_s) == "allow"_L1;
    shop.instance.close();
    return isAllowed ? attack::Outcome::Succeeded : attack::Outcome::Refused;
}

QList<attack::Attack> attacks()
{
    return {{"skills.keys-through-a-skill", "taint.host-calls", throughASkill}};
}

} // namespace

class tst_Skills final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void a_signed_skill_answers_through_the_real_host()
    {
        Shop shop;
        QVERIFY(shop.install(u"csv-table"_s));
        shop.instance.writeConfig({}, u"    skills: [csv-table]\n"_s);
        shop.plays({toolCall(u"read_skill"_s, {{u"name"_s, u"csv-table"_s}}),
                    toolCall(u"csv_table"_s, {{u"csv"_s, u"a,b\n1,\"x, y\"\n"_s}})});
        shop.instance.open();
        QVERIFY(shop.run());
        QVERIFY(shop.result(u"read_skill"_s).startsWith(u"Use `csv_table` with the text"));
        QCOMPARE(shop.result(u"csv_table"_s),
                 u"{\"columns\":[\"a\",\"b\"],\"rows\":[{\"a\":\"1\",\"b\":\"x, y\"}]}\n"_s);
        shop.instance.close();
    }

    void what_a_tool_asks_for_passes_the_gate_as_a_call_of_its_own()
    {
        Shop shop;
        QVERIFY(shop.install(u"file-tally"_s));
        shop.instance.writeConfig({}, u"    skills: [signalbox/file-tally]\n"_s);
        shop.instance.write(u"notes.txt"_s, "one two\nthree");
        shop.plays({tally(u"notes.txt"_s), tally(u"notes.txt"_s), tally(u"../../outside.txt"_s)});
        shop.instance.open();
        QVERIFY(shop.run());
        const auto answers = shop.results(u"file_tally"_s);
        QCOMPARE(answers.size(), 3);
        QCOMPARE(answers[0].value(u"text"_s).toString(),
                 u"{\"bytes\":13,\"words\":3,\"lines\":2,\"words_before\":null}"_s);
        QCOMPARE(answers[1].value(u"text"_s).toString(),
                 u"{\"bytes\":13,\"words\":3,\"lines\":2,\"words_before\":3}"_s);
        QVERIFY(answers[2].value(u"error"_s).toBool());
        // Where its words come from is known, although the tool stood between.
        QVERIFY(answers[0].value(u"labels"_s).toArray().contains(u"untrusted_file"_s));

        const auto decided = shop.decisions(u"file_read"_s);
        QCOMPARE(decided.size(), 3);
        QCOMPARE(decided[0].value(u"verdict"_s).toString(), u"allow"_s);
        QCOMPARE(decided[2].value(u"verdict"_s).toString(), u"forbid"_s);
        // Each belongs to the call that asked.
        QString worker;
        QList<qint64> tallies;
        QList<qint64> within;
        for (const auto& entry : shop.instance.entries(u"tool.call"_s)) {
            if (entry.payload.value(u"tool"_s) == u"file_tally"_s) {
                tallies.append(entry.seq);
            } else if (entry.payload.value(u"tool"_s) == u"file_read"_s) {
                QCOMPARE(entry.cause, QString::number(tallies.last()));
                worker = entry.process;
                within.append(entry.payload.value(u"within"_s).toInteger());
            }
        }
        QCOMPARE(within, tallies);

        // The model has read the answers of its own calls and nothing else, also after a restart.
        shop.instance.close();
        SystemClock clock;
        auto database = store::Database::open(
            {shop.instance.home().agentFolder(u"assistant"_s) + u"/agent.db"_s,
             u":/sql/agent"_s,
             {}},
            clock);
        QVERIFY(database);
        const auto history = (*database)->read([&](store::Connection& connection) {
            return process::readHistory(connection, worker);
        });
        QVERIFY(history);
        QStringList answered;
        for (const auto& remembered : history->messages) {
            if (remembered.message.role == llm::Role::Tool) {
                answered.append(remembered.message.toolCallId);
            }
        }
        QCOMPARE(answered.size(), 3);
        QVERIFY(!answered.join(u' ').contains(u"wasm-"));
    }

    void a_person_is_asked_about_what_a_tool_asks_for()
    {
        Shop shop;
        QVERIFY(shop.install(u"file-tally"_s));
        shop.instance.writeConfig({u"{match: \"file_read(*)\", decide: ask}"_s},
                                  u"    skills: [file-tally]\n"_s);
        shop.instance.write(u"notes.txt"_s, "one two\nthree");
        shop.plays({tally(u"notes.txt"_s), tally(u"notes.txt"_s)});
        shop.instance.open();
        const auto started = shop.instance.run(u"Do it"_s);
        QVERIFY(started);
        const auto settle = [&](bool accept) {
            QTRY_COMPARE_WITH_TIMEOUT(shop.instance.waiting().size(), 1, 15'000);
            const auto question = shop.instance.waiting().first();
            QCOMPARE(question.tool, u"file_read"_s);
            QCOMPARE(question.justification, u"The tool file_tally asks for it."_s);
            protocol::SettleApproval word;
            word.id = question.id;
            word.accept = accept;
            word.by = u"test"_s;
            QVERIFY(shop.instance.ask(word));
            QTRY_VERIFY_WITH_TIMEOUT(shop.instance.waiting().isEmpty() ||
                                         shop.instance.waiting().first().id != question.id,
                                     15'000);
        };
        settle(true);
        settle(false);
        QTRY_COMPARE_WITH_TIMEOUT(shop.instance.outcome(started->run), u"succeeded"_s, 15'000);
        const auto answers = shop.results(u"file_tally"_s);
        QCOMPARE(answers.size(), 2);
        QCOMPARE(answers[0].value(u"error"_s).toBool(), false);
        QCOMPARE(answers[1].value(u"error"_s).toBool(), true);
        shop.instance.close();
    }

    void a_worker_that_is_cancelled_takes_the_question_of_its_tool_along()
    {
        Shop shop;
        QVERIFY(shop.install(u"file-tally"_s));
        shop.instance.writeConfig({u"{match: \"file_read(*)\", decide: ask}"_s},
                                  u"    skills: [file-tally]\n"_s);
        shop.instance.write(u"notes.txt"_s, "one two");
        shop.plays({tally(u"notes.txt"_s)});
        shop.instance.open();
        QVERIFY(shop.instance.run(u"Do it"_s));
        QTRY_COMPARE_WITH_TIMEOUT(shop.instance.waiting().size(), 1, 15'000);
        protocol::CancelProcess cancel;
        cancel.agent = u"assistant"_s;
        cancel.process = shop.instance.waiting().first().process;
        cancel.by = u"test"_s;
        QVERIFY(shop.instance.ask(cancel));
        QTRY_VERIFY_WITH_TIMEOUT(shop.instance.waiting().isEmpty(), 15'000);
        shop.instance.close();
    }

    void after_a_restart_the_tool_is_asked_about_once()
    {
        Shop shop;
        QVERIFY(shop.install(u"file-tally"_s));
        shop.instance.writeConfig({u"{match: \"file_read(*)\", decide: ask}"_s},
                                  u"    skills: [file-tally]\n"_s);
        shop.instance.write(u"notes.txt"_s, "one two");
        shop.plays({tally(u"notes.txt"_s)});
        shop.instance.open();
        const auto started = shop.instance.run(u"Do it"_s);
        QVERIFY(started);
        for (const auto& tool : {u"file_read"_s, u"file_tally"_s, u"file_read"_s}) {
            // What the tool had asked is withdrawn with it; whether it runs again, a person says.
            QTRY_VERIFY_WITH_TIMEOUT(shop.instance.waiting().size() == 1 &&
                                         shop.instance.waiting().first().tool == tool,
                                     15'000);
            protocol::SettleApproval yes;
            yes.id = shop.instance.waiting().first().id;
            yes.accept = true;
            yes.by = u"test"_s;
            if (tool == u"file_read"_s && shop.results(u"file_read"_s).isEmpty()) {
                shop.instance.close();
                shop.instance.open();
            } else {
                QVERIFY(shop.instance.ask(yes));
            }
        }
        QTRY_COMPARE_WITH_TIMEOUT(shop.instance.outcome(started->run), u"succeeded"_s, 15'000);
        QCOMPARE(shop.results(u"file_tally"_s).size(), 1);
        QCOMPARE(shop.result(u"file_tally"_s),
                 u"{\"bytes\":7,\"words\":2,\"lines\":1,\"words_before\":null}"_s);
        shop.instance.close();
    }

    void attack_data() { attack::addRows(attacks()); }
    void attack() { attack::check(attacks()); }

    void a_rule_forbids_what_a_tool_asks_for()
    {
        Shop shop;
        QVERIFY(shop.install(u"file-tally"_s));
        shop.instance.writeConfig({u"{match: \"file_read(secret*)\", decide: deny}"_s},
                                  u"    skills: [file-tally]\n"_s);
        shop.instance.write(u"secret.txt"_s, "one two three");
        shop.plays({tally(u"secret.txt"_s)});
        shop.instance.open();
        QVERIFY(shop.run());
        QCOMPARE(shop.decisions(u"file_read"_s).first().value(u"verdict"_s).toString(),
                 u"forbid"_s);
        QVERIFY(shop.results(u"file_tally"_s).first().value(u"error"_s).toBool());
        QVERIFY2(shop.result(u"file_tally"_s).contains(u"Refused: "),
                 qPrintable(shop.result(u"file_tally"_s)));
        shop.instance.close();
    }

    void a_tool_that_calls_itself_network_gives_itself_no_address()
    {
        // A person who says yes to this call must not have said yes to an address, whatever the
        // arguments are called.
        Shop shop;
        const QString folder = shop.prepared(u"csv-table"_s);
        QVERIFY(!folder.isEmpty());
        const QString manifest = folder + u"/manifest.yaml"_s;
        QVERIFY(Program::put(manifest,
                             Program::get(manifest)
                                 .replace("name: csv_table", "name: network")
                                 .replace("      required: [csv]",
                                          "        address: {type: string}\n"
                                          "        remember: {type: boolean}\n"
                                          "      required: [csv]")));
        QVERIFY(shop.sign(folder));
        const auto installed = shop.node({u"package"_s, u"install"_s, folder, u"--trust"_s});
        QVERIFY2(installed.code == 0, installed.said().constData());
        shop.instance.writeConfig({u"{match: \"network(*)\", decide: ask}"_s},
                                  u"    skills: [csv-table]\n"_s);
        shop.plays({toolCall(u"network"_s,
                             {{u"csv"_s, u"a\n1\n"_s},
                              {u"address"_s, u"collector.invalid:443"_s},
                              {u"remember"_s, true}})});
        shop.instance.open();
        const auto started = shop.instance.run(u"Do it"_s);
        QVERIFY(started);
        QTRY_COMPARE_WITH_TIMEOUT(shop.instance.waiting().size(), 1, 15'000);
        const auto question = shop.instance.waiting().first();
        QCOMPARE(question.tool, u"network"_s);
        protocol::SettleApproval yes;
        yes.id = question.id;
        yes.accept = true;
        yes.by = u"test"_s;
        QVERIFY(shop.instance.ask(yes));
        QTRY_VERIFY_WITH_TIMEOUT(!shop.instance.outcome(started->run).isEmpty(), 20'000);
        QVERIFY2(shop.result(u"network"_s).startsWith(u"{\"columns\""),
                 qPrintable(shop.result(u"network"_s)));
        const auto info = shop.instance.ask(protocol::GetContainment{u"assistant"_s, false});
        QVERIFY(info && info->grants.isEmpty());
        shop.instance.close();
    }

    void a_module_that_was_changed_is_not_run()
    {
        Shop shop;
        QVERIFY(shop.install(u"csv-table"_s));
        shop.instance.writeConfig({}, u"    skills: [csv-table]\n"_s);
        shop.plays({toolCall(u"csv_table"_s, {{u"csv"_s, u"a\n1\n"_s}}),
                    toolCall(u"read_skill"_s, {{u"name"_s, u"csv-table"_s}})});
        shop.instance.open();
        const QString module = shop.installedFile(u"csv-table"_s, u"table.wasm"_s);
        QFile::setPermissions(module, QFile::ReadOwner | QFile::WriteOwner);
        QVERIFY(Program::put(module, Program::get(module) + '\0'));
        QVERIFY(shop.run());
        QVERIFY(shop.results(u"csv_table"_s).first().value(u"error"_s).toBool());
        QCOMPARE(shop.result(u"csv_table"_s),
                 u"The file \"table.wasm\" is not the one that was signed."_s);
        QCOMPARE(shop.result(u"read_skill"_s), shop.result(u"csv_table"_s));
        shop.instance.close();

        // From the next start on it is not even offered, and the worker can read why.
        shop.instance.open();
        const qsizetype before = shop.instance.model.requests().size();
        QVERIFY(shop.run());
        bool asked = false;
        for (const auto& request : shop.instance.model.requests().mid(before)) {
            asked = asked || request.tools().contains(u"read_skill"_s);
            QVERIFY(!request.tools().contains(u"csv_table"_s));
        }
        QVERIFY(asked);
        shop.instance.close();
        const auto listed = shop.node({u"package"_s, u"list"_s, u"--json"_s});
        QCOMPARE(listed.last()[u"problem"_s].toString(),
                 u"The file \"table.wasm\" is not the one that was signed."_s);
    }

    void an_agent_without_the_skill_does_not_have_the_tool()
    {
        Shop shop;
        QVERIFY(shop.install(u"csv-table"_s));
        shop.instance.writeConfig(
            {},
            u"  - id: other\n    workspace: %1\n    skills: [csv-table]\n"_s.arg(
                shop.instance.workspace()));
        shop.plays({toolCall(u"csv_table"_s, {{u"csv"_s, u"a\n1\n"_s}})});
        shop.instance.open();
        QVERIFY(shop.run());
        QCOMPARE(shop.decisions(u"csv_table"_s).first().value(u"rule"_s).toString(),
                 u"capability"_s);
        for (const auto& request : shop.instance.model.requests()) {
            QVERIFY(!request.tools().contains(u"csv_table"_s));
            QVERIFY(!request.tools().contains(u"read_skill"_s));
        }
        shop.instance.close();
    }

    void a_list_that_changes_is_followed()
    {
        Shop shop;
        QVERIFY(shop.install(u"csv-table"_s));
        shop.instance.writeConfig({});
        SystemClock clock;
        Pool pool(1, u"pool"_s);
        LoopExecutor loop(u"agent"_s);
        const tools::Registry shared;
        const auto home = shop.instance.home();
        runtime::Skills skills({home,
                                QStringLiteral(SB_BIN_DIR "/signalbox-wasm-host"),
                                clock,
                                pool,
                                shared,
                                [&]() -> Result<QByteArray> {
                                    SB_TRY(const auto key,
                                           journal::SigningKey::loadOrCreate(home.data));
                                    return key.secret;
                                },
                                {}});
        config::Agent agent;
        agent.id = u"a"_s;
        const auto& registry = skills.registryFor(agent, loop);
        const auto names = [&] {
            QStringList found;
            loop.postAndWait([&] {
                for (const auto& spec : registry.specs(protocol::ProcessKind::Worker)) {
                    found.append(spec.name);
                }
            });
            return found;
        };
        QCOMPARE(names(), QStringList());
        agent.skills = QStringList{u"csv-table"_s};
        skills.update(agent);
        QTRY_COMPARE(names(), (QStringList{u"csv_table"_s, u"read_skill"_s}));
        agent.skills = QStringList{u"no-such"_s};
        skills.update(agent);
        QTRY_COMPARE(names(), (QStringList{u"read_skill"_s}));
        agent.skills.clear();
        skills.update(agent);
        QTRY_COMPARE(names(), QStringList());
    }

    void the_verb_wants_the_word_of_a_person()
    {
        Shop shop;
        const QString folder = shop.prepared(u"file-tally"_s);
        QVERIFY(!folder.isEmpty());
        const auto install = [&](const QStringList& flags) {
            return shop.node(QStringList{u"package"_s, u"install"_s, folder} + flags);
        };
        auto seen = shop.node({u"package"_s, u"inspect"_s, folder, u"--json"_s});
        QCOMPARE(seen.code, 0);
        QCOMPARE(seen.last()[u"signature"_s].toString(), u"first-use"_s);
        QCOMPARE(seen.last()[u"new_capabilities"_s].toArray(), (QJsonArray{u"fs_read"_s, u"kv"_s}));
        QVERIFY(!seen.last()[u"fingerprint"_s].toString().isEmpty());

        auto ended = install({});
        QCOMPARE(ended.code, 1);
        QVERIFY2(ended.isOneSentence(), ended.said().constData());
        QVERIFY(ended.err.contains("--trust"));
        QVERIFY(ended.err.contains("--capabilities fs_read,kv"));
        ended = install({u"--trust"_s, u"--capabilities"_s, u"fs_read"_s});
        QCOMPARE(ended.code, 1);
        QVERIFY(ended.err.contains("--capabilities kv"));
        ended = install({u"--trust"_s, u"--capabilities"_s, u"shell_exec"_s});
        QCOMPARE(ended.code, 2);
        ended = install({u"--trust"_s, u"--capabilities"_s, u"fs_read,kv"_s, u"--json"_s});
        QVERIFY2(ended.code == 0, ended.said().constData());
        QCOMPARE(ended.last()[u"installed"_s].toString(), u"signalbox/file-tally"_s);

        // An older version, and one by somebody else.
        const QString manifest = folder + u"/manifest.yaml"_s;
        const QByteArray good = Program::get(manifest);
        QVERIFY(Program::put(manifest, QByteArray(good).replace("1.0.0", "0.9.0")));
        QVERIFY(shop.sign(folder));
        ended = install({});
        QCOMPARE(ended.code, 1);
        QVERIFY(ended.err.contains("--accept-downgrade"));
        QCOMPARE(install({u"--accept-downgrade"_s}).code, 0);
        shop.key += u"2"_s;
        QCOMPARE(shop.node({u"package"_s, u"keygen"_s, shop.key}).code, 0);
        QCOMPARE(shop.node({u"package"_s, u"keygen"_s, shop.key}).code, 1);
        QVERIFY(shop.sign(folder));
        ended = install({u"--trust"_s});
        QCOMPARE(ended.code, 1);
        QVERIFY2(ended.isOneSentence() && ended.err.contains("is known by the key"),
                 ended.said().constData());

        QCOMPARE(shop.node({u"package"_s, u"list"_s, u"--json"_s}).last()[u"version"_s].toString(),
                 u"0.9.0"_s);
        QCOMPARE(shop.node({u"package"_s, u"remove"_s, u"file-tally"_s}).code, 0);
        ended = shop.node({u"package"_s, u"remove"_s, u"file-tally"_s});
        QCOMPARE(ended.code, 2);
        QVERIFY(ended.isOneSentence());
        for (const QStringList& bad : {QStringList{},
                                       {u"inspect"_s},
                                       {u"sign"_s, folder},
                                       {u"list"_s, u"x"_s},
                                       {u"list"_s, u"--trust"_s},
                                       {u"inspect"_s, u"/no/such/folder"_s},
                                       {u"sell"_s, folder}}) {
            ended = shop.node(QStringList{u"package"_s} + bad);
            QVERIFY2(ended.code == 2 && ended.isOneSentence(), ended.said().constData());
        }
    }
};

QTEST_GUILESS_MAIN(tst_Skills)
#include "tst_Skills.moc"
