#include "core/base/Clock.h"
#include "core/config/Config.h"
#include "core/config/ConfigWatcher.h"

#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>
#include <unistd.h>

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::config;

namespace {

const QByteArray design =
    "models:\n"
    "  providers:\n"
    "    - {id: local, api: openai-chat, base_url: \"http://127.0.0.1:4010/v1\", key: "
    "\"env:LOCAL_KEY\"}\n"
    "    - {id: claude, api: anthropic, key: \"keychain:anthropic\"}\n"
    "  routes: {default: local/some-model, worker: claude/some-model}   # by process type; "
    "\"fallback: [..]\" lists follow\n"
    "agents:\n"
    "  - id: assistant\n"
    "    workspace: ~/work/demo\n"
    "    network: {allow: [\"gitlab.com:443\"]}\n"
    "    policy:                      # deny beats ask beats allow, whatever the order\n"
    "      - {match: \"shell(git push *)\", decide: ask, risk: high}\n"
    "      - {match: \"shell(make test)\", decide: allow}\n"
    "      - {match: \"place_order\", where: {notional: {gt: 5000}}, decide: ask, risk: "
    "critical}\n";

const QByteArray models =
    "models:\n"
    "  providers:\n"
    "    - {id: local, api: openai-chat, base_url: \"http://127.0.0.1:4010/v1\"}\n"
    "  routes: {default: local/m}\n";

const QByteArray agents = "agents:\n"
                          "  - {id: a, workspace: /w}\n";

Result<Config> read(const QByteArray& yaml)
{
    return parse(yaml, u"signalbox.yaml"_s, {u"/home/me"_s, u"/etc/box"_s});
}

QString problemOf(const QByteArray& yaml)
{
    const auto config = read(yaml);
    return config ? u"(no problem)"_s : config.error().message;
}

void write(const QString& path, const QByteArray& bytes)
{
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly | QIODevice::Truncate));
    file.write(bytes);
}

} // namespace

class TestConfig : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void theDesignsExampleIsRead()
    {
        const auto config = read(design);
        QVERIFY2(config, config ? "" : qPrintable(config.error().message));
        Config wanted;
        Provider local;
        local.id = u"local"_s;
        local.baseUrl = u"http://127.0.0.1:4010/v1"_s;
        local.key = u"env:LOCAL_KEY"_s;
        Provider claude;
        claude.id = u"claude"_s;
        claude.api = Api::Anthropic;
        claude.key = u"keychain:anthropic"_s;
        wanted.providers = {local, claude};
        wanted.routes.standard = {u"local"_s, u"some-model"_s};
        wanted.routes.byProcess = {{u"worker"_s, {u"claude"_s, u"some-model"_s}}};
        Agent agent;
        agent.id = u"assistant"_s;
        agent.name = u"assistant"_s;
        agent.workspace = u"/home/me/work/demo"_s;
        agent.allowedHosts = {u"gitlab.com:443"_s};
        agent.rules = {{u"shell(git push *)"_s, {}, policy::Decide::Ask, protocol::Risk::High},
                       {u"shell(make test)"_s, {}, policy::Decide::Allow, std::nullopt},
                       {u"place_order"_s,
                        {{u"notional"_s, policy::Operator::Gt, 5000}},
                        policy::Decide::Ask,
                        protocol::Risk::Critical}};
        wanted.agents = {agent};
        QVERIFY(*config == wanted);
        QCOMPARE(config->approvals.expireAfter, Milliseconds(24 * 3600 * 1000));
        QVERIFY(config->agent(u"assistant"));
        QVERIFY(!config->agent(u"other"));
        QVERIFY(config->provider(u"claude"));
    }

    void everyKeyIsRead()
    {
        const auto config =
            read("\n"
                 "models:\n"
                 "  providers:\n"
                 "    - id: one\n"
                 "      api: openai-chat\n"
                 "      base_url: https://one.example/v1/\n"
                 "      key: file:~/keys/one\n"
                 "      first_byte_timeout: 90s\n"
                 "      idle_timeout: 1.5m\n"
                 "      total_timeout: 900\n"
                 "      prices:\n"
                 "        big/model: {input: 3, output: 15, cached_input: 0.3}\n"
                 "        small: {input: 0, output: 0.5}\n"
                 "    - {id: played, api: rehearsal, script: play.json}\n"
                 "  routes: {default: one/big/model, channel: one/small, fallback: [one/small, "
                 "played/x]}\n"
                 "agents:\n"
                 "  - id: helper-2\n"
                 "    name: The helper\n"
                 "    instructions: |\n"
                 "      Be brief.\n"
                 "      Be right.\n"
                 "    workspace: box\n"
                 "    network: {allow: [\"*.Example.org:8443\", \"[::1]:80\"]}\n"
                 "    policy:\n"
                 "      - {match: \"*\", where: {branch: main, n: {ge: 1, lt: 2.5}, \"a.b\": {in: "
                 "[x, 2, true]}, c: {matches: \"^x\"}}, decide: deny}\n"
                 "    skills: [csv-table, acme/file-tally]\n"
                 "    limits: {workers: 1000, branches: 2, tool_calls: 50, output_tokens: 100, "
                 "command_timeout: 2h, memory_mb: 512, processes: 64, open_files: 99, "
                 "cpu_seconds: 7, tmp_mb: 3, workspace_mb: 100}\n"
                 "approvals: {expire_after: 7d}\n");
        QVERIFY2(config, config ? "" : qPrintable(config.error().message));
        const Provider& one = config->providers[0];
        QCOMPARE(one.baseUrl, u"https://one.example/v1"_s);
        QCOMPARE(one.key, u"file:/home/me/keys/one"_s);
        QCOMPARE(one.firstByteTimeout, Milliseconds(90'000));
        QCOMPARE(one.idleTimeout, Milliseconds(90'000));
        QCOMPARE(one.totalTimeout, Milliseconds(900'000));
        QCOMPARE(one.prices[u"big/model"_s].cachedInput, 0.3);
        QCOMPARE(one.prices[u"small"_s].cachedInput, 0.0);
        QCOMPARE(config->providers[1].script, u"/etc/box/play.json"_s);
        const auto chain = [&](const QString& process) {
            QStringList texts;
            for (const Route& route : config->routes.chain(process)) {
                texts.append(route.text());
            }
            return texts;
        };
        QCOMPARE(chain(u"channel"_s), (QStringList{u"one/small"_s, u"played/x"_s}));
        QCOMPARE(chain(u"worker"_s),
                 (QStringList{u"one/big/model"_s, u"one/small"_s, u"played/x"_s}));
        const Agent& agent = config->agents[0];
        QCOMPARE(agent.instructions, u"Be brief.\nBe right.\n"_s);
        QCOMPARE(agent.workspace, u"/etc/box/box"_s);
        QCOMPARE(agent.allowedHosts, (QStringList{u"*.example.org:8443"_s, u"[::1]:80"_s}));
        using policy::Operator;
        const QList<policy::Condition> where{{u"branch"_s, Operator::Eq, u"main"_s},
                                             {u"n"_s, Operator::Ge, 1},
                                             {u"n"_s, Operator::Lt, 2.5},
                                             {u"a.b"_s, Operator::In, QJsonArray{u"x"_s, 2, true}},
                                             {u"c"_s, Operator::Matches, u"^x"_s}};
        QVERIFY(agent.rules[0].where == where);
        QCOMPARE(agent.skills, (QStringList{u"csv-table"_s, u"acme/file-tally"_s}));
        QCOMPARE(agent.limits.workers, 1000);
        QCOMPARE(agent.limits.memoryBytes, qint64(512) << 20);
        QCOMPARE(agent.limits.commandTimeout, Milliseconds(7'200'000));
        QCOMPARE(agent.limits.openFiles, 99);
        QCOMPARE(agent.limits.cpuSeconds, 7);
        QCOMPARE(agent.limits.tmpBytes, qint64(3) << 20);
        QCOMPARE(agent.limits.workspaceBytes, qint64(100) << 20);
        QCOMPARE(config->approvals.expireAfter, Milliseconds(7LL * 86'400'000));
    }

    void keysOfTheMemory()
    {
        const QByteArray two = "agents:\n"
                               "  - {id: a, workspace: /w, memory: {readers: [b], "
                               "bulletin_words: 120}}\n"
                               "  - {id: b, workspace: /w}\n";
        const auto standard = read(models + two);
        QVERIFY2(standard, standard ? "" : qPrintable(standard.error().message));
        QCOMPARE(standard->agents[0].memory.readers, (QStringList{u"b"_s}));
        QCOMPARE(standard->agents[0].memory.bulletinWords, 120);
        QCOMPARE(standard->agents[1].memory.bulletinWords, 500);
        QVERIFY(standard->memory == Memory());
        const auto embeddings = [&](const QByteArray& what) {
            const auto config = read("memory: {embeddings: " + what + "}\n" + models + two);
            return config ? config->memory.embeddings : Embeddings{problemOf(what), {}, {}};
        };
        QVERIFY(embeddings("hashed") == Embeddings());
        QVERIFY(embeddings("{provider: local, model: nomic/embed}") ==
                (Embeddings{u"local"_s, u"nomic/embed"_s, {}}));
        QVERIFY(embeddings("{folder: ~/models/mini}") ==
                (Embeddings{{}, {}, u"/home/me/models/mini"_s}));
    }

    void keysForTheProxyAndForTheStores()
    {
        const auto config =
            read("models:\n"
                 "  providers:\n"
                 "    - {id: local, api: anthropic, key: 'hashicorp:team/llm#key'}\n"
                 "    - {id: two, api: anthropic, key: 'exec:~/bin/key \"of two\" --now'}\n"
                 "    - {id: three, api: anthropic, key: 'vault:three'}\n"
                 "  routes: {default: local/m}\n"
                 "secrets:\n"
                 "  hashicorp: {address: 'https://vault.example:8200/', token: 'env:VAULT_TOKEN', "
                 "mount: kv/, namespace: team/a}\n"
                 "agents:\n"
                 "  - id: a\n"
                 "    workspace: /w\n"
                 "    network:\n"
                 "      allow: ['GitLab.com:443', '*.example.org:443']\n"
                 "      inject:\n"
                 "        - {host: 'gitlab.com:443', header: Authorization, "
                 "placeholder: 'signalbox:gitlab', key: 'keychain:gitlab'}\n"
                 "        - {host: 'api.example.org:443', header: X-Api-Key, placeholder: "
                 "'signalbox:x', key: 'vault:three'}\n"
                 "      bytes_per_day: 500 MiB\n"
                 "      connections: 3\n");
        QVERIFY2(config, config ? "" : qPrintable(config.error().message));
        QCOMPARE(config->providers[1].key, u"exec:/home/me/bin/key \"of two\" --now"_s);
        const HashiCorp wanted{
            u"https://vault.example:8200"_s, u"env:VAULT_TOKEN"_s, u"team/a"_s, u"kv"_s};
        QVERIFY(config->secrets.hashicorp == wanted);
        const Network network{
            {{u"gitlab.com:443"_s, u"Authorization"_s, u"signalbox:gitlab"_s, u"keychain:gitlab"_s},
             {u"api.example.org:443"_s, u"X-Api-Key"_s, u"signalbox:x"_s, u"vault:three"_s}},
            qint64(500) << 20,
            3};
        QVERIFY(config->agents[0].network == network);
        QCOMPARE(config->keyReferences(),
                 (QStringList{u"hashicorp:team/llm#key"_s,
                              u"exec:/home/me/bin/key \"of two\" --now"_s,
                              u"vault:three"_s,
                              u"keychain:gitlab"_s,
                              u"env:VAULT_TOKEN"_s}));
    }

    void mistakes_data()
    {
        QTest::addColumn<QByteArray>("yaml");
        QTest::addColumn<QString>("message");
        const auto row = [](const char* name, const QByteArray& yaml, const char* message) {
            QTest::newRow(name) << yaml << QString::fromUtf8(message);
        };
        const auto provider = [](const QByteArray& inside) {
            return QByteArray("models:\n  providers:\n    - {" + inside +
                              "}\n  routes: {default: local/m}\n" + agents);
        };
        const auto routes = [](const QByteArray& inside) {
            return QByteArray("models:\n  providers:\n    - {id: local, api: anthropic}\n    "
                              "- {id: claude, api: anthropic}\n  routes: {" +
                              inside + "}\n" + agents);
        };
        const auto agent = [](const QByteArray& inside) {
            return QByteArray(models + "agents:\n  - {" + inside + "}\n");
        };
        const auto rule = [&](const QByteArray& inside) {
            return QByteArray(models +
                              "agents:\n  - id: a\n    workspace: /w\n    policy:\n      - {" +
                              inside + "}\n");
        };
        row("empty", "", "signalbox.yaml:1:1: the file is empty.");
        row("only a comment", "# nothing\n", "signalbox.yaml:1:1: the file is empty.");
        row("a text", "hello", "signalbox.yaml:1:1: the file must be a set of keys (key: value).");
        row("a list", "- a", "signalbox.yaml:1:1: the file must be a set of keys (key: value).");
        row("unknown key",
            "modles: {}\n",
            "signalbox.yaml:1:1: \"modles\" is not a known key of the file; did you mean "
            "\"models\"?");
        row("unknown key, nothing near",
            "xyzzyxyzzy: {}\n",
            "signalbox.yaml:1:1: \"xyzzyxyzzy\" is not a known key of the file; known here: "
            "models, agents, approvals, secrets, memory.");
        row("unknown key of an agent",
            agent("id: a, workspace: /w, polcy: []"),
            "signalbox.yaml:6:28: \"polcy\" is not a known key of an agent; did you mean "
            "\"policy\"?");
        row("no models", agents, "signalbox.yaml:1:1: the file needs the key \"models\".");
        row("no agents", models, "signalbox.yaml:1:1: the file needs the key \"agents\".");
        row("agents empty",
            models + "agents: []\n",
            "signalbox.yaml:5:9: agents must name at least one agent.");
        row("agents a map",
            models + "agents: {id: a}\n",
            "signalbox.yaml:5:9: agents must be a list (lines that start with -, or [a, "
            "b]).");
        row("duplicate key",
            "models: {}\nmodels: {}\n",
            "signalbox.yaml:2:1: the key \"models\" stands here a second time.");
        row("provider without id",
            provider("api: anthropic"),
            "signalbox.yaml:3:7: a provider needs the key \"id\".");
        row("provider without api",
            provider("id: local"),
            "signalbox.yaml:3:7: the provider \"local\" needs the key \"api\".");
        row("unknown api",
            provider("id: local, api: openai"),
            "signalbox.yaml:3:24: api cannot be \"openai\"; it is one of openai-chat, "
            "anthropic, rehearsal.");
        row("no base_url",
            provider("id: local, api: openai-chat"),
            "signalbox.yaml:3:7: the provider \"local\" needs the key \"base_url\".");
        row("bad base_url",
            provider("id: local, api: openai-chat, base_url: localhost"),
            "signalbox.yaml:3:47: base_url must be an address that starts with http:// or "
            "https://.");
        row("password in base_url",
            provider("id: local, api: openai-chat, base_url: 'http://u:p@h/'"),
            "signalbox.yaml:3:47: base_url must not hold a user or password; use key with a "
            "reference.");
        row("bad provider id",
            provider("id: 'a/b', api: anthropic"),
            "signalbox.yaml:3:12: a provider's id may hold letters, digits, dot, _ and - "
            "only, at most 64.");
        row("a key itself",
            provider("id: local, api: anthropic, key: sk-ant-verysecret"),
            "signalbox.yaml:3:40: keys are references, never values: env:NAME, "
            "keychain:NAME, file:PATH, vault:NAME, exec:COMMAND or hashicorp:PATH#FIELD.");
        row("a key with a colon",
            provider("id: local, api: anthropic, key: 'very:secret'"),
            "signalbox.yaml:3:40: keys are references, never values: env:NAME, "
            "keychain:NAME, file:PATH, vault:NAME, exec:COMMAND or hashicorp:PATH#FIELD.");
        row("env of what",
            provider("id: local, api: anthropic, key: 'env:my key'"),
            "signalbox.yaml:3:40: env: must be followed by the name of an environment "
            "variable.");
        row("empty reference",
            provider("id: local, api: anthropic, key: 'env:'"),
            "signalbox.yaml:3:40: keys are references, never values: env:NAME, "
            "keychain:NAME, file:PATH, vault:NAME, exec:COMMAND or hashicorp:PATH#FIELD.");
        row("api_key",
            provider("id: local, api: anthropic, api_key: sk-verysecret"),
            "signalbox.yaml:3:35: \"api_key\" is not a known key of a provider; known here: "
            "id, api, base_url, key, "
            "first_byte_timeout, idle_timeout, total_timeout, prices, script.");
        row("bad duration",
            provider("id: local, api: anthropic, idle_timeout: soon"),
            "signalbox.yaml:3:49: idle_timeout must be a time such as 90s, 15m, 24h or 7d, "
            "at most 366 days.");
        row("bad price",
            provider("id: local, api: anthropic, prices: {m: {input: free, output: 1}}"),
            "signalbox.yaml:3:55: input must be a number from 0 to 1000000.");
        row("script elsewhere",
            provider("id: local, api: anthropic, script: x"),
            "signalbox.yaml:3:43: only a rehearsal has a script.");
        row("duplicate provider",
            "models:\n  providers:\n    - {id: x, api: anthropic}\n    - {id: x, api: "
            "anthropic}\n",
            "signalbox.yaml:4:12: the provider \"x\" is already there, on line 3.");
        row("no default",
            routes("worker: local/m"),
            "signalbox.yaml:5:11: routes needs the key \"default\".");
        row("no slash",
            routes("default: local"),
            "signalbox.yaml:5:21: the route \"local\" must be written provider/model.");
        row("unknown provider",
            routes("default: cluade/m"),
            "signalbox.yaml:5:21: the route \"cluade/m\" names the provider \"cluade\", "
            "which is not listed under providers; did you mean \"claude\"?");
        row("unknown process",
            routes("default: local/m, wroker: local/m"),
            "signalbox.yaml:5:30: \"wroker\" is not a known key of routes; did you mean "
            "\"worker\"?");
        row("fallback is no list",
            routes("default: local/m, fallback: local/m"),
            "signalbox.yaml:5:40: fallback must be a list (lines that start with -, or [a, "
            "b]).");
        row("bad agent id",
            agent("id: My Agent, workspace: /w"),
            "signalbox.yaml:6:10: the agent's id \"My Agent\" may hold a-z, 0-9, _ and - "
            "only, at most 64.");
        row("reserved",
            agent("id: _instance, workspace: /w"),
            "signalbox.yaml:6:10: the id \"_instance\" is reserved.");
        row("long id",
            agent("id: " + QByteArray(65, 'a') + ", workspace: /w"),
            "signalbox.yaml:6:10: the agent's id "
            "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…\" may hold a-z, "
            "0-9, _ and - only, at most 64.");
        row("duplicate agent",
            models + "agents:\n  - {id: a, workspace: /w}\n  - {id: a, workspace: /x}\n",
            "signalbox.yaml:7:10: the agent \"a\" is already there, on line 6.");
        row("no workspace",
            agent("id: a"),
            "signalbox.yaml:6:5: the agent \"a\" needs the key \"workspace\".");
        row("workspace of another",
            agent("id: a, workspace: ~you/x"),
            "signalbox.yaml:6:24: workspace can start with ~/ for your own home, not with "
            "that of another user.");
        row("workspace with a variable",
            agent("id: a, workspace: $HOME/x"),
            "signalbox.yaml:6:24: workspace cannot hold a variable; write ~ for the home "
            "folder, or the whole path.");
        row("workspace a list",
            agent("id: a, workspace: [x]"),
            "signalbox.yaml:6:24: workspace must be a text.");
        row("address without a port",
            agent("id: a, workspace: /w, network: {allow: [gitlab.com]}"),
            "signalbox.yaml:6:46: the address \"gitlab.com\" must be written host:port, as "
            "in gitlab.com:443 or *.example.org:443.");
        row("address with a scheme",
            agent("id: a, workspace: /w, network: {allow: ['https://gitlab.com:443']}"),
            "signalbox.yaml:6:46: the address \"https://gitlab.com:443\" must be written "
            "host:port, as in gitlab.com:443 or *.example.org:443.");
        row("skill",
            agent("id: a, workspace: /w, skills: [../x]"),
            "signalbox.yaml:6:37: the skill \"../x\" must be written name or publisher/name, as in "
            "csv-table.");
        row("skill twice",
            agent("id: a, workspace: /w, skills: [x, x]"),
            "signalbox.yaml:6:40: the skill \"x\" is listed twice.");
        row("limit",
            agent("id: a, workspace: /w, limits: {workers: 0}"),
            "signalbox.yaml:6:46: workers must be a number from 1 to 10000.");
        row("limit in halves",
            agent("id: a, workspace: /w, limits: {workers: 1.5}"),
            "signalbox.yaml:6:46: workers must be a whole number.");
        row("rule without decide",
            rule("match: shell"),
            "signalbox.yaml:9:9: a rule needs the key \"decide\".");
        row("rule without match",
            rule("decide: allow"),
            "signalbox.yaml:9:9: a rule needs the key \"match\".");
        row("bad decide",
            rule("match: shell, decide: maybe"),
            "signalbox.yaml:9:32: decide cannot be \"maybe\"; it is one of allow, ask, "
            "deny.");
        row("bad risk",
            rule("match: shell, decide: ask, risk: huge"),
            "signalbox.yaml:9:43: risk cannot be \"huge\"; it is one of low, medium, high, "
            "critical.");
        row("bad match",
            rule("match: 'shell(git', decide: ask"),
            "signalbox.yaml:9:17: the rule \"shell(git\" must be written tool or "
            "tool(pattern).");
        row("bad operator",
            rule("match: t, decide: ask, where: {n: {gr: 1}}"),
            "signalbox.yaml:9:45: \"gr\" is not a known key of a condition; did you mean "
            "\"gt\"?");
        row("text compared",
            rule("match: t, decide: ask, where: {n: {gt: '1'}}"),
            "signalbox.yaml:9:49: the rule \"t\" has a condition on \"n\" that compares with "
            "something that is no number.");
        row("bad expression",
            rule("match: t, decide: ask, where: {n: {matches: '('}}"),
            "signalbox.yaml:9:54: the rule \"t\" has a condition on \"n\" that is no valid "
            "regular expression (missing closing parenthesis).");
        row("list compared",
            rule("match: t, decide: ask, where: {n: [1]}"),
            "signalbox.yaml:9:44: a list needs an operator: {n: {in: […]}}.");
        const auto inject = [&](const QByteArray& inside) {
            return QByteArray(models +
                              "agents:\n  - id: a\n    workspace: /w\n    network:\n      "
                              "allow: ['h:443']\n      inject:\n        - {" +
                              inside + "}\n");
        };
        row("inject elsewhere",
            inject("host: 'other:443', header: A, placeholder: 'abcdefgh', key: 'env:K'"),
            "signalbox.yaml:11:18: \"other:443\" must stand under allow as well, else no "
            "request goes there.");
        row("inject everywhere",
            inject("host: '*.h.org:443', header: A, placeholder: 'abcdefgh', key: 'env:K'"),
            "signalbox.yaml:11:18: a key is injected for one host, so host cannot begin with "
            "*.");
        row("inject a value",
            inject("host: 'h:443', header: A, placeholder: 'abcdefgh', key: 'verysecret'"),
            "signalbox.yaml:11:68: keys are references, never values: env:NAME, "
            "keychain:NAME, file:PATH, vault:NAME, exec:COMMAND or hashicorp:PATH#FIELD.");
        row("inject into the host",
            inject("host: 'h:443', header: Host, placeholder: 'abcdefgh', key: 'env:K'"),
            "signalbox.yaml:11:35: the field Host cannot carry a key.");
        row("inject a second field",
            inject("host: 'h:443', header: \"A: b\\nC\", placeholder: 'abcdefgh', key: 'env:K'"),
            "signalbox.yaml:11:35: header must be the name of an HTTP field, such as "
            "Authorization.");
        row("inject for a short word",
            inject("host: 'h:443', header: A, placeholder: abc, key: 'env:K'"),
            "signalbox.yaml:11:51: placeholder must be 8 to 128 plain characters without "
            "spaces.");
        row("inject twice",
            inject("host: 'h:443', header: A, placeholder: abcdefgh, key: 'env:K'}\n        - "
                   "{host: 'h:443', header: B, placeholder: abcdefgh, key: 'env:L'"),
            "signalbox.yaml:12:51: this placeholder stands already for another key of that "
            "host.");
        row("no inject",
            inject("hots: 'h:443'"),
            "signalbox.yaml:11:12: \"hots\" is not a known key of an injection; did you mean "
            "\"host\"?");
        row("bytes in words",
            agent("id: a, workspace: /w, network: {bytes_per_day: many}"),
            "signalbox.yaml:6:53: bytes_per_day must be a size such as 500MB or 2GB, at most "
            "1024TB.");
        row("too few files",
            agent("id: a, workspace: /w, limits: {open_files: 3}"),
            "signalbox.yaml:6:49: open_files must be a number from 16 to 1048576.");
        row("hashicorp is nowhere",
            provider("id: local, api: anthropic, key: 'hashicorp:a#b'"),
            "signalbox.yaml:3:40: a key in hashicorp: needs the address and token under "
            "secrets.hashicorp.");
        row("hashicorp without a field",
            provider("id: local, api: anthropic, key: 'hashicorp:a/b'"),
            "signalbox.yaml:3:40: hashicorp: must be followed by a path and a field, as in "
            "hashicorp:team/gitlab#token.");
        row("hashicorp that climbs",
            provider("id: local, api: anthropic, key: 'hashicorp:a/../sys/b#c'"),
            "signalbox.yaml:3:40: hashicorp: must be followed by a path and a field, as in "
            "hashicorp:team/gitlab#token.");
        row("a program in this folder",
            provider("id: local, api: anthropic, key: 'exec:./key'"),
            "signalbox.yaml:3:40: exec: needs the whole path of the program, or its name "
            "alone.");
        row("a program of two lines",
            provider("id: local, api: anthropic, key: \"exec:key\\nrm\""),
            "signalbox.yaml:3:40: exec: must be followed by one line, a program and its "
            "arguments.");
        row("an open quotation",
            provider("id: local, api: anthropic, key: 'exec:key \"a'"),
            "signalbox.yaml:3:40: exec: has a quotation mark that is not closed.");
        const auto hashicorp = [&](const QByteArray& inside) {
            return QByteArray(models + agents + "secrets: {hashicorp: {" + inside + "}}\n");
        };
        row("token in the open",
            hashicorp("address: 'http://vault.example:8200', token: 'env:T'"),
            "signalbox.yaml:7:32: the token would travel unencrypted to \"vault.example\"; use "
            "https://.");
        row("token in itself",
            hashicorp("address: 'http://127.0.0.1:8200', token: 'hashicorp:a#b'"),
            "signalbox.yaml:7:64: the token of hashicorp cannot lie in hashicorp itself.");
        row("token as a value",
            hashicorp("address: 'http://127.0.0.1:8200', token: hvs.abc"),
            "signalbox.yaml:7:64: keys are references, never values: env:NAME, keychain:NAME, "
            "file:PATH, vault:NAME, exec:COMMAND or hashicorp:PATH#FIELD.");
        row("no token",
            hashicorp("address: 'http://127.0.0.1:8200'"),
            "signalbox.yaml:7:22: hashicorp needs the key \"token\".");
        row("bad mount",
            hashicorp("address: 'http://127.0.0.1:8200', token: 'env:T', mount: '../sys'"),
            "signalbox.yaml:7:80: mount may hold letters, digits, _, - and / only.");
        row("approvals",
            models + agents + "approvals: {expire: 1h}\n",
            "signalbox.yaml:7:13: \"expire\" is not a known key of approvals; known here: "
            "expire_after.");
        row("never expires",
            models + agents + "approvals: {expire_after: 0}\n",
            "signalbox.yaml:7:27: expire_after must be a time such as 90s, 15m, 24h or 7d, "
            "at most 366 days.");
        row("anchor",
            "models: &m {}\n",
            "signalbox.yaml:1:9: anchors and aliases (& and *) are not used here; a text "
            "that starts with & needs quotes.");
        row("bomb",
            "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n",
            "signalbox.yaml:1:4: anchors and aliases (& and *) are not used here; a text "
            "that starts with & needs quotes.");
        row("star without quotes", rule("match: *, decide: ask"), nullptr);
        const auto memory = [&](const QByteArray& inside) {
            return QByteArray("memory: {" + inside + "}\n" + models + agents);
        };
        row("memory, unknown key",
            memory("embedings: hashed"),
            "signalbox.yaml:1:10: \"embedings\" is not a known key of memory; did you mean "
            "\"embeddings\"?");
        row("embeddings, unknown word",
            memory("embeddings: hash"),
            "signalbox.yaml:1:22: embeddings cannot be \"hash\"; it is hashed, {provider: ID, "
            "model: NAME} or {folder: PATH}.");
        row("embeddings, unknown provider",
            memory("embeddings: {provider: lokal, model: m}"),
            "signalbox.yaml:1:33: there is no provider \"lokal\"; did you mean \"local\"?");
        row("embeddings without a model",
            memory("embeddings: {provider: local}"),
            "signalbox.yaml:1:22: embeddings needs the key \"model\".");
        row("embeddings, both",
            memory("embeddings: {folder: /m, model: m}"),
            "signalbox.yaml:1:31: embeddings come from a folder or from a provider, not both.");
        row("embeddings of a provider that has none",
            "memory: {embeddings: {provider: claude, model: m}}\n" + routes("default: local/m"),
            "signalbox.yaml:1:33: the provider \"claude\" makes no embeddings; it takes one with "
            "the api openai-chat.");
        row("unknown reader",
            models + "agents:\n  - {id: one, workspace: /w, memory: {readers: [tow]}}\n"
                     "  - {id: two, workspace: /w}\n",
            "signalbox.yaml:6:49: there is no agent \"tow\"; did you mean \"two\"?");
        row("a reader of itself",
            agent("id: one, workspace: /w, memory: {readers: [one]}"),
            "signalbox.yaml:6:49: an agent always reads its own memory.");
        row("a reader twice",
            agent("id: one, workspace: /w, memory: {readers: [x, x]}"),
            "signalbox.yaml:6:52: the reader \"x\" is listed twice.");
        row("too long a bulletin",
            agent("id: one, workspace: /w, memory: {bulletin_words: 900}"),
            nullptr);
        row("tag",
            "models: !!binary abc\n",
            "signalbox.yaml:1:9: tags (such as !!str) are not used here; a text that starts "
            "with ! needs quotes.");
        row("two documents",
            models + agents + "---\na: b\n",
            "signalbox.yaml:8:1: a second document (---) starts here; only one is read.");
        row("a tab", "models:\n\tproviders: []\n", nullptr);
        row("unclosed", "models: {providers: [\n", nullptr);
        row("zero byte",
            QByteArray("models: \0x\n", 11),
            "signalbox.yaml:1:1: the file holds a zero byte.");
        row("latin 1",
            "models:\n  x: caf\xe9\n",
            "signalbox.yaml:2:9: the file is not written in UTF-8.");
        row("utf 16",
            QByteArray("\xff\xfem\0o\0", 6),
            "signalbox.yaml:1:1: the file is not written in UTF-8.");
        row("columns are characters",
            "models: {}\n\"\xc3\xa9\xc3\xa9\": {}\n\"\xf0\x9f\x98\x80\": {a: b, a: c}\n",
            "signalbox.yaml:3:13: the key \"a\" stands here a second time.");
    }
    void mistakes()
    {
        QFETCH(QByteArray, yaml);
        QFETCH(QString, message);
        const QString said = problemOf(yaml);
        if (message.isEmpty()) {
            QVERIFY2(said.startsWith("signalbox.yaml:"_L1) && said.endsWith(u'.'),
                     qPrintable(said));
            QVERIFY(!said.contains(u'\n'));
        } else {
            QCOMPARE(said, message);
        }
        QVERIFY2(!said.contains("verysecret"_L1) && !said.contains("very:secret"_L1),
                 qPrintable(said)); // a pasted key is never shown
    }

    void windowsLinesAndABomAreTaken()
    {
        QByteArray windows = design;
        windows.replace("\n", "\r\n");
        QCOMPARE(problemOf("\xEF\xBB\xBF" + windows), u"(no problem)"_s);
        QVERIFY(*read("\xEF\xBB\xBF" + windows) == *read(design));
    }

    void hugeAndDeepFilesAreRefusedQuickly()
    {
        QElapsedTimer timer;
        timer.start();
        QCOMPARE(problemOf(QByteArray((1 << 20) + 1, ' ')),
                 u"signalbox.yaml is larger than 1 MiB, which no configuration needs."_s);
        QVERIFY(problemOf(QByteArray(1 << 20, '[')).contains("nested too deeply"_L1));
        QVERIFY(
            problemOf(QByteArray("a:\n ").repeated(1).append(QByteArray("- ").repeated(400'000)))
                .contains("nested too deeply"_L1));
        QVERIFY(
            problemOf(QByteArray("- a\n").repeated(200'000)).contains("more than 50000 values"_L1));
        QVERIFY(problemOf(QByteArray("{").repeated(1 << 20)).contains("nested too deeply"_L1));
        for (const char* piece : {"a: ",
                                  "? ",
                                  "\"",
                                  "'",
                                  "|\n",
                                  "a: b: ",
                                  "- ",
                                  "[a, ",
                                  "!x ",
                                  "%x\n",
                                  "a,",
                                  ": ",
                                  "\t",
                                  "#",
                                  "&a "}) {
            QVERIFY(!read(QByteArray(piece).repeated(20'000)));
        }
        QVERIFY2(timer.elapsed() < 15'000, qPrintable(QString::number(timer.elapsed())));
    }

    void theStarterParses()
    {
        for (const QString& workspace :
             {u"~/work"_s, u"/a path/with \"quotes\" and \\"_s, u"/é"_s}) {
            const auto config = read(starterYaml(workspace));
            QVERIFY2(config, config ? "" : qPrintable(config.error().message));
            QCOMPARE(config->agents.size(), 1);
            QCOMPARE(config->agents[0].id, u"assistant"_s);
            QCOMPARE(config->agents[0].workspace,
                     workspace.startsWith(u'~') ? u"/home/me/work"_s : workspace);
        }
        // The commented lines are right too.
        QByteArray all;
        for (QByteArray line : starterYaml(u"/w"_s).split('\n')) {
            const auto mark = line.indexOf("# ");
            const QByteArray rest = mark < 0 ? QByteArray() : line.mid(mark + 2);
            if (rest.startsWith("- {") || rest.startsWith("network:") ||
                rest.startsWith("worker:") || rest.startsWith("fallback:") ||
                rest.startsWith("instructions:") ||
                rest.startsWith("memory: {embeddings: {provider:")) {
                line = line.first(mark) + rest;
            }
            all += line + '\n';
        }
        const auto config = read(all);
        QVERIFY2(config, config ? "" : qPrintable(config.error().message));
        QCOMPARE(config->providers.size(), 3);
        QCOMPARE(config->agents[0].rules.size(), 3);
        QCOMPARE(config->memory.embeddings.provider, u"local"_s);
    }

    void loadSaysWhatIsWrongWithTheFile()
    {
        const QTemporaryDir dir;
        const QString path = dir.filePath(u"signalbox.yaml"_s);
        auto missing = load(path, dir.path());
        QVERIFY(!missing);
        QCOMPARE(missing.error().code, ErrorCode::NotFound);
        QCOMPARE(missing.error().message,
                 u"There is no signalbox.yaml in %1; \"signalbox-node init\" writes one."_s.arg(
                     dir.path()));
        QDir(dir.path()).mkdir(u"folder"_s);
        QCOMPARE(load(dir.filePath(u"folder"_s), dir.path()).error().code, ErrorCode::InvalidInput);
        write(path, design);
        QVERIFY(load(path, dir.path()));
        write(path, "agents: 3\n");
        const auto bad = load(path, dir.path());
        QCOMPARE(bad.error().message, u"signalbox.yaml:1:1: the file needs the key \"models\"."_s);
        QCOMPARE(bad.error().context, path);
        if (geteuid() != 0) {
            QFile::setPermissions(path, {});
            QCOMPARE(load(path, dir.path()).error().code, ErrorCode::Io);
        }
    }

    void aMissingWorkspaceDegradesTheAgentOnly()
    {
        const QTemporaryDir dir;
        Agent agent;
        agent.workspace = dir.filePath(u"absent"_s);
        QCOMPARE(workspaceProblem(agent, u"/nowhere"_s),
                 u"The workspace %1 does not exist."_s.arg(agent.workspace));
        agent.workspace = dir.path();
        QCOMPARE(workspaceProblem(agent, u"/nowhere"_s), QString());
        QVERIFY(workspaceProblem(agent, dir.path()).contains("whole home folder"_L1));
        agent.workspace = u"/"_s;
        QVERIFY(workspaceProblem(agent, dir.path()).contains("whole file system"_L1));
        agent.workspace = dir.filePath(u"file"_s);
        write(agent.workspace, "x");
        QVERIFY(workspaceProblem(agent, dir.path()).contains("not a folder"_L1));
    }

    void changesAreFollowedAndMistakesKeepTheOld()
    {
        const QTemporaryDir dir;
        const QString path = dir.filePath(u"signalbox.yaml"_s);
        write(path, design);
        SystemClock clock;
        ContextExecutor executor;
        struct Told
        {
            ConfigWatcher::Shared config;
            std::optional<Error> problem;
        };
        QList<Told> told;
        const auto initial = load(path, dir.path());
        QVERIFY(initial);
        ConfigWatcher watcher(
            path,
            dir.path(),
            *initial,
            executor,
            clock,
            [&](const auto& config, const auto& problem) { told.append({config, problem}); });
        watcher.start();
        QTRY_VERIFY(watcher.current());
        QTest::qWait(50); // the first reading found nothing new
        QVERIFY(told.isEmpty());

        // Written in place.
        write(path, QByteArray(design).replace("some-model", "other-model"));
        QTRY_COMPARE(told.size(), 1);
        QVERIFY(!told[0].problem);
        QCOMPARE(told[0].config->routes.standard.model, u"other-model"_s);
        QVERIFY(watcher.current() == told[0].config);

        // A mistake keeps the old one.
        write(path, QByteArray(design).replace("agents:", "agnets:"));
        QTRY_COMPARE(told.size(), 2);
        QVERIFY(told[1].problem);
        QCOMPARE(
            told[1].problem->message,
            u"signalbox.yaml:6:1: \"agnets\" is not a known key of the file; did you mean \"agents\"?"_s);
        QVERIFY(told[1].config == told[0].config);
        QCOMPARE(watcher.problem(), told[1].problem);

        // Replaced as editors do it, twice, so that the new file is watched as well.
        for (const char* model : {"third", "fourth"}) {
            const auto before = told.size();
            write(dir.filePath(u".signalbox.yaml.swp"_s),
                  QByteArray(design).replace("some-model", model));
            QVERIFY(::rename(qPrintable(dir.filePath(u".signalbox.yaml.swp"_s)),
                             qPrintable(path)) == 0);
            QTRY_COMPARE(told.size(), before + 1);
            QVERIFY(!told.last().problem);
            QCOMPARE(told.last().config->routes.standard.model, QString::fromLatin1(model));
        }
        write(path, QByteArray(design).replace("some-model", "fifth"));
        QTRY_COMPARE(told.last().config->routes.standard.model, u"fifth"_s);

        // Gone, and back as it was.
        const auto before = told.size();
        QVERIFY(QFile::remove(path));
        QTRY_COMPARE(told.size(), before + 1);
        QCOMPARE(told.last().problem->code, ErrorCode::NotFound);
        write(path, QByteArray(design).replace("some-model", "fifth"));
        QTRY_COMPARE(told.size(), before + 2);
        QVERIFY(!told.last().problem);
    }

    void aWatcherOnAnotherThreadEndsCleanly()
    {
        const QTemporaryDir dir;
        const QString path = dir.filePath(u"signalbox.yaml"_s);
        write(path, design);
        SystemClock clock;
        LoopExecutor loop(u"config"_s);
        for (int i = 0; i < 20; ++i) {
            std::atomic<int> calls = 0;
            {
                ConfigWatcher watcher(path,
                                      dir.path(),
                                      *load(path, dir.path()),
                                      loop,
                                      clock,
                                      [&](const auto&, const auto&) { ++calls; });
                watcher.start();
                write(path, QByteArray(design).replace("some-model", QByteArray::number(i)));
            }
            const int after = calls;
            loop.postAndWait([] {});
            QCOMPARE(calls.load(), after);
        }
    }
};

QTEST_GUILESS_MAIN(TestConfig)
#include "tst_Config.moc"
