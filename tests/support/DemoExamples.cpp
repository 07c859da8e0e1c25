#include "tests/support/DemoRuntime.h"

#include <QCryptographicHash>

using namespace Qt::StringLiterals;

namespace sb::test {

using namespace protocol;

namespace {

constexpr TimeUs second = 1'000'000;

const QString codeReply =
    uR"(The test fails because `mean()` divides before it checks for an empty list. Two changes:

1. return `None` for an empty list, as the docstring says;
2. let the caller in `report.py` handle it.

```python
def mean(values: list[float]) -> float | None:
    """The arithmetic mean; None for no values."""
    if not values:
        return None
    return sum(values) / len(values)
```

| case | before | after |
| --- | --- | --- |
| `mean([])` | ZeroDivisionError | `None` |
| `mean([1, 2])` | 1.5 | 1.5 |

I ran the tests in the sandbox: **14 passed**. Shall I commit it?)"_s;

const QString diff = uR"(--- a/stats/mean.py
+++ b/stats/mean.py
@@ -1,4 +1,6 @@
 def mean(values: list[float]) -> float | None:
     """The arithmetic mean; None for no values."""
-    return sum(values) / len(values)
+    if not values:
+        return None
+    return sum(values) / len(values)
)"_s;

ApprovalInfo approval(const QString& id, const QString& tool, Risk risk, const QString& command)
{
    ApprovalInfo info;
    info.id = id;
    info.agent = u"fixer"_s;
    info.process = u"wrk-7k3q9m2x5a"_s;
    info.channel = u"main"_s;
    info.tool = tool;
    info.risk = risk;
    info.command = command;
    info.cwd = u"/home/ana/work/stats"_s;
    info.environment = {u"PATH"_s, u"HOME"_s, u"LANG"_s, u"TERM"_s, u"TMPDIR"_s};
    info.planHash = QString::fromLatin1(
        QCryptographicHash::hash(id.toUtf8(), QCryptographicHash::Sha256).toHex());
    info.requestedAt = DemoRuntime::now - 95 * second;
    info.expiresAt = DemoRuntime::now + 3600 * second;
    info.callSeq = 41;
    info.requestSeq = 43;
    return info;
}

ProcessInfo
process(const QString& id, ProcessKind kind, ProcessState state, const QString& task, int age)
{
    ProcessInfo info;
    info.agent = u"fixer"_s;
    info.id = id;
    info.kind = kind;
    info.state = state;
    info.parent = u"chn-main"_s;
    info.channel = u"main"_s;
    info.task = task;
    info.startedAt = DemoRuntime::now - age * second;
    info.endedAt = state == ProcessState::Running || state == ProcessState::WaitingApproval
                       ? 0
                       : DemoRuntime::now - age / 3 * second;
    info.toolCalls = age / 9;
    info.modelCalls = age / 14 + 1;
    info.inputTokens = age * 120;
    info.outputTokens = age * 9;
    info.startedSeq = 30;
    return info;
}

} // namespace

void DemoRuntime::fillWithExamples()
{
    snapshot.configPath = u"/home/ana/.config/signalbox/signalbox.yaml"_s;
    for (const auto& agent : {u"assistant"_s, u"fixer"_s}) {
        memories[agent] = DemoMemory(agent);
        memories[agent].fillWithExamples(now);
    }
    snapshot.agents = {{u"assistant"_s, u"/home/ana/work/notes"_s, u"local/qwen3"_s, {}},
                       {u"fixer"_s, u"/home/ana/work/stats"_s, u"claude/sonnet"_s, {}}};
    snapshot.totals = {.running = 2,
                       .waiting = 3,
                       .costMicroUsd = 421'300,
                       .costKnown = true,
                       .journalProblem = {}};

    const auto channel =
        [](const QString& agent, const QString& id, const QString& title, int ageMinutes) {
            ChannelInfo info;
            info.agent = agent;
            info.id = id;
            info.title = title;
            info.origin = u"window"_s;
            info.lastTime = now - ageMinutes * 60 * second;
            info.lastSeq = 40;
            return info;
        };
    ChannelInfo main = channel(u"fixer"_s, u"main"_s, u"Repair the failing test"_s, 1);
    main.running = 2;
    main.waiting = 3;
    main.lastText = u"I ran the tests in the sandbox: 14 passed. Shall I commit it?"_s;
    ChannelInfo release = channel(u"fixer"_s, u"release"_s, u"Notes for release 2.4"_s, 180);
    release.lastText = u"The list of changes since 2.3 is in CHANGES.md."_s;
    ChannelInfo rtl = channel(u"assistant"_s, u"rtl"_s, u"مرحبا بالعالم"_s, 1500);
    ChannelInfo notes =
        channel(u"assistant"_s,
                u"notes"_s,
                u"Meeting notes, and a title that is far too long for a narrow list"_s,
                12);
    notes.running = 1;
    snapshot.channels = {main, release, notes, rtl};

    ProcessInfo fix = process(u"wrk-7k3q9m2x5a"_s,
                              ProcessKind::Worker,
                              ProcessState::WaitingApproval,
                              u"Make test_mean_of_nothing pass without changing the test"_s,
                              184);
    fix.status = u"Wants to write stats/mean.py"_s;
    ProcessInfo tests = process(u"wrk-2m8x4c7d1f"_s,
                                ProcessKind::Worker,
                                ProcessState::Running,
                                u"Run the whole test suite and say what fails"_s,
                                42);
    tests.status = u"pytest: 11 of 14"_s;
    ProcessInfo think = process(u"brn-5t6y7u8i9o"_s,
                                ProcessKind::Branch,
                                ProcessState::Running,
                                u"What did we decide about empty lists?"_s,
                                6);
    ProcessInfo done = process(u"wrk-1q2w3e4r5t"_s,
                               ProcessKind::Worker,
                               ProcessState::Succeeded,
                               u"Find where mean() is called"_s,
                               300);
    done.result = u"Three callers: report.py:12, report.py:40, cli.py:88."_s;
    ProcessInfo failed = process(u"wrk-9z8x7c6v5b"_s,
                                 ProcessKind::Worker,
                                 ProcessState::Failed,
                                 u"Fetch the style guide"_s,
                                 500);
    failed.result = u"web_fetch is forbidden: no address is listed for this agent."_s;
    snapshot.processes = {fix, tests, think, done, failed};
    outputs[tests.id] =
        u"============ test session starts ============\ncollected 14 items\n\n"
        u"tests/test_mean.py ....F...   [ 57%]\ntests/test_report.py ...       [ 78%]\n"_s;

    ApprovalInfo write =
        approval(u"apr-3f5g7h9j1k"_s, u"file_edit"_s, Risk::Medium, u"Change stats/mean.py"_s);
    write.paths = {u"/home/ana/work/stats/stats/mean.py"_s};
    write.arguments = {
        {u"path"_s, u"stats/mean.py"_s},
        {u"old"_s, u"    return sum(values) / len(values)"_s},
        {u"new"_s,
         u"    if not values:\n        return None\n    return sum(values) / len(values)"_s}};
    write.diff = diff;
    write.rule = u"file_edit(stats/**) ask"_s;
    write.reason = u"The rule asks before a file under stats/ is changed."_s;
    write.riskReasons = {u"writes inside the workspace"_s, u"is checkpointed and can be undone"_s};
    write.justification = u"The function divides by zero for an empty list."_s;
    ApprovalInfo push = approval(
        u"apr-8d6s4a2p0o"_s, u"shell"_s, Risk::High, u"git push origin main --force-with-lease"_s);
    push.argv = {u"git"_s, u"push"_s, u"origin"_s, u"main"_s, u"--force-with-lease"_s};
    push.arguments = {{u"command"_s, push.command}};
    push.schema = QJsonObject{
        {u"type"_s, u"object"_s},
        {u"properties"_s,
         QJsonObject{{u"command"_s, QJsonObject{{u"type"_s, u"string"_s}}},
                     {u"timeout_s"_s, QJsonObject{{u"type"_s, u"integer"_s}, {u"minimum"_s, 1}}}}},
        {u"required"_s, QJsonArray{u"command"_s}}};
    push.rule = u"shell(git push *) ask high"_s;
    push.reason = u"A push leaves this machine."_s;
    push.riskReasons = {u"leaves this machine"_s, u"rewrites a branch that others may have"_s};
    ApprovalInfo hidden = approval(u"apr-0z9x8c7v6b"_s,
                                   u"shell"_s,
                                   Risk::Critical,
                                   u"rm -rf ./build\u202E/emoh/ && curl https://аpple.example"_s);
    hidden.argv = {u"sh"_s, u"-c"_s, hidden.command};
    hidden.arguments = {{u"command"_s, hidden.command}};
    hidden.schema = push.schema;
    hidden.rule = u"default"_s;
    hidden.reason = u"No rule covers this command."_s;
    hidden.riskReasons = {
        u"deletes files"_s, u"text direction is overridden"_s, u"look-alike letters"_s};
    ApprovalInfo settled =
        approval(u"apr-5l4k3j2h1g"_s, u"shell"_s, Risk::Low, u"python3 -m pytest -q"_s);
    settled.argv = {u"python3"_s, u"-m"_s, u"pytest"_s, u"-q"_s};
    settled.state = ApprovalState::Accepted;
    settled.by = u"window"_s;
    settled.settledAt = now - 240 * second;
    snapshot.approvals = {write, push, hidden, settled};

    auto& talk = transcripts[u"fixer/main"_s];
    talk = {
        item(ItemKind::User,
             30,
             u"you"_s,
             u"`make test` fails since this morning. Please find out why and repair it."_s),
        item(
            ItemKind::Agent,
            31,
            u"fixer"_s,
            u"I'll have a worker look at it while we talk. What I know so far: only *test_mean_of_nothing* fails."_s),
        item(ItemKind::Delegate,
             32,
             u"fixer"_s,
             u"Make test_mean_of_nothing pass without changing the test"_s,
             u"The function divides by zero for an empty list; the docstring promises None."_s),
        item(ItemKind::Tool,
             33,
             u"wrk-7k3q9m2x5a"_s,
             u"file_read stats/mean.py"_s,
             u"def mean(values):\n    return sum(values) / len(values)\n"_s),
        item(ItemKind::Tool,
             34,
             u"wrk-7k3q9m2x5a"_s,
             u"shell python3 -m pytest -q"_s,
             u"....F.........\n1 failed, 13 passed in 0.41s\n"_s),
        item(ItemKind::Agent, 36, u"fixer"_s, codeReply),
        item(ItemKind::Notice, 37, {}, u"Waits for your approval: Change stats/mean.py"_s),
        item(ItemKind::User, 38, u"you"_s, u"Looks right. And what about `median`?"_s)};
    talk[2].process = fix.id;
    talk[2].state = ProcessState::WaitingApproval;
    for (const int i : {3, 4}) {
        talk[i].process = fix.id;
        talk[i].parentItem = talk[2].id;
    }
    talk[4].state = ProcessState::Failed;
    transcripts[u"assistant/rtl"_s] = {
        item(ItemKind::User,
             10,
             u"you"_s,
             u"مرحبا، هل يمكنك أن تقرأ هذا النص من اليمين إلى اليسار؟"_s),
        item(
            ItemKind::Agent,
            11,
            u"assistant"_s,
            u"نعم. هذه **فقرة** فيها كلمة English في الوسط، وقائمة:\n\n- البند الأول\n- البند الثاني\n\n```\nplain code stays left to right\n```"_s)};
    transcripts[u"assistant/notes"_s] = {
        item(ItemKind::User, 10, u"you"_s, QString(4000, u'x')),
        item(
            ItemKind::Agent,
            11,
            u"assistant"_s,
            u"<b>raw html</b> <img src=\"http://127.0.0.1/x.png\"> ![remote](http://127.0.0.1/y.png) [link](https://example.org)"_s)};
    fillJournal();
    fillContainment();
}

void DemoRuntime::fillJournal()
{
    auto& journal = journals[u"fixer"_s];
    qint64 seq = 0;
    const auto add =
        [&](Kind kind, const QString& process, qint64 cause, const QJsonObject& payload) {
            Entry entry;
            entry.seq = ++seq;
            entry.time = now - (60 - seq) * 5 * second;
            entry.agent = u"fixer"_s;
            entry.process = process;
            entry.kind = kind;
            entry.cause = cause > 0 ? QString::number(cause) : QString();
            entry.traceId = u"4bf92f3577b34da6a3ce929d0e0e4736"_s;
            entry.spanId = u"00f067aa0ba902b7"_s;
            entry.payload = payload;
            entry.hash =
                QCryptographicHash::hash(QByteArray::number(seq), QCryptographicHash::Sha256);
            journal.append(entry);
            return seq;
        };
    const QString worker = u"wrk-7k3q9m2x5a"_s;
    for (int round = 0; round < 5; ++round) {
        const qint64 said =
            add(Kind::MessageReceived,
                {},
                0,
                {{u"text"_s, u"make test fails, please repair it"_s}, {u"from"_s, u"you"_s}});
        const qint64 started =
            add(Kind::ProcessStarted, worker, said, {{u"task"_s, u"Make the test pass"_s}});
        const qint64 asked = add(Kind::ModelRequest,
                                 worker,
                                 started,
                                 {{u"model"_s, u"claude/sonnet"_s}, {u"tokens"_s, 1840}});
        const qint64 replied =
            add(Kind::ModelResponse,
                worker,
                asked,
                {{u"text"_s, u""_s}, {u"tool_calls"_s, 1}, {u"duration_ms"_s, 1240}});
        const qint64 call = add(Kind::ToolCall,
                                worker,
                                replied,
                                {{u"tool"_s, u"shell"_s},
                                 {u"arguments"_s, QJsonObject{{u"command"_s, u"make test"_s}}}});
        const qint64 decided =
            add(Kind::PolicyDecision,
                worker,
                call,
                {{u"decision"_s, u"allow"_s}, {u"rule"_s, u"shell(make test) allow"_s}});
        const qint64 ran = add(
            Kind::ToolStarted, worker, decided, {{u"argv"_s, QJsonArray{u"make"_s, u"test"_s}}});
        add(Kind::ToolResult,
            worker,
            ran,
            {{u"exit"_s, round < 4 ? 2 : 0},
             {u"output"_s, u"1 failed, 13 passed"_s},
             {u"duration_ms"_s, 812}});
    }
    add(Kind::Incident,
        {},
        0,
        {{u"message"_s, u"web_fetch was forbidden: no address is listed for this agent."_s}});
    add(Kind::CheckpointCreated, worker, 40, {{u"path"_s, u"stats/mean.py"_s}, {u"bytes"_s, 112}});
    reports = {
        {u"fixer"_s, true, seq, 0, 0, u"All 42 entries hold."_s, 0.01, u"9f86d081884c7d65"_s},
        {u"assistant"_s, true, 12, 0, 0, u"All 12 entries hold."_s, 0.01, u"2c26b46b68ffc68f"_s}};
}

void DemoRuntime::fillContainment()
{
    publishers = {{u"acme"_s,
                   u"60b7 25f1 0c9b 85c7 0d97 880d fe81 91b3"_s,
                   now - 40 * 86'400 * second,
                   {u"skill changelog"_s}},
                  {u"signalbox"_s,
                   u"9f86 d081 884c 7d65 9a2f eaa0 c55a d015"_s,
                   now - 3 * 86'400 * second,
                   {u"skill statistics"_s, u"skill unit-convert"_s}}};
    const auto held =
        [](const QString& id, const QString& question, const QString& by, int ms = 2) {
            return ProbeInfo{id, question, u"held"_s, by, u"EACCES: Permission denied"_s, ms};
        };
    const QString mounts = u"mount namespace"_s;
    const QString landlock = u"Landlock, mount namespace"_s;
    const QString network = u"network namespace"_s;
    const QString proxy = u"egress proxy"_s;
    const QString calls = u"seccomp"_s;
    const QString ids = u"process namespace"_s;
    const QString limit = u"rlimit"_s;
    attempts[u"fixer"_s] = {
        held(u"files.home"_s, u"Can a command read files of your home?"_s, landlock),
        held(u"files.write-home"_s, u"Can a command write into your home?"_s, landlock),
        held(u"files.system"_s, u"Can a command change a file of the system?"_s, mounts),
        held(u"files.workspace-git"_s, u"Can a command change the hooks of git?"_s, mounts),
        held(u"files.other-workspace"_s, u"Can a command read another agent's folder?"_s, mounts),
        held(u"files.devices"_s, u"Can a command read a disk?"_s, mounts),
        held(
            u"secrets.keys"_s, u"Can a command read the keys of the models?"_s, u"no key inside"_s),
        held(u"secrets.environment"_s, u"Can a command see your environment?"_s, u"a new one"_s, 1),
        held(u"secrets.ssh-agent"_s, u"Can a command use your SSH agent?"_s, mounts),
        held(u"secrets.dbus"_s, u"Can a command ask your keyring over D-Bus?"_s, mounts),
        held(
            u"network.outside"_s, u"Can a command reach an address that is not listed?"_s, network),
        held(u"network.loopback"_s, u"Can a command reach a server on this machine?"_s, network),
        held(u"network.metadata"_s, u"Can a command reach the cloud's metadata?"_s, proxy, 12),
        held(u"network.names"_s, u"Can a command resolve names by itself?"_s, network, 4),
        held(u"network.raw"_s, u"Can a command send raw packets?"_s, u"capabilities, seccomp"_s),
        held(u"processes.see"_s, u"Can a command see your other programs?"_s, ids),
        held(u"processes.signal"_s, u"Can a command stop your other programs?"_s, ids),
        held(u"processes.trace"_s, u"Can a command read another's memory?"_s, calls),
        held(u"processes.outlive"_s, u"Can a command leave something running?"_s, ids, 41),
        held(u"kernel.namespaces"_s, u"Can a command make namespaces of its own?"_s, calls),
        held(u"kernel.modules"_s, u"Can a command load a module?"_s, calls),
        held(u"kernel.keyring"_s, u"Can a command use the kernel's keyring?"_s, calls),
        held(u"kernel.root"_s, u"Can a command become root?"_s, u"no new privileges"_s),
        held(u"resources.memory"_s, u"Can a command take all memory?"_s, limit, 120),
        held(u"resources.processes"_s, u"Can a command start without end?"_s, limit, 87),
        held(u"resources.disk"_s, u"Can a command fill the disk?"_s, u"quota, rlimit"_s, 33),
        held(u"resources.files"_s, u"Can a command open files without end?"_s, limit)};
    attempts[u"assistant"_s] = attempts[u"fixer"_s];

    auto& fixer = containments[u"fixer"_s];
    fixer.agent = u"fixer"_s;
    fixer.probes = attempts[u"fixer"_s];
    fixer.probedAt = now - 27 * 60 * second;
    fixer.hosts = {u"pypi.org:443"_s, u"*.pythonhosted.org:443"_s, u"github.com:443"_s};
    const auto grant = [](const QString& id, const QString& what, int minutes, qint64 seq) {
        return GrantInfo{id, u"network"_s, what, u"window"_s, now - minutes * 60 * second, seq, 0};
    };
    fixer.grants = {grant(u"grt-4h2k8d"_s, u"docs.python.org:443"_s, 95, 38),
                    grant(u"grt-9x1m3c"_s, u"codeload.github.com:443"_s, 12, 41),
                    grant(u"grt-0a7p5w"_s, u"paste.example.net:443"_s, 2900, 12)};
    fixer.grants.last().revokedAt = now - 2800 * 60 * second;
    fixer.requests = 214;
    fixer.refused = 3;
    fixer.bytesIn = 18'874'368;
    fixer.bytesOut = 96'256;
    containments[u"assistant"_s].agent = u"assistant"_s;
}

void DemoRuntime::addLongConversation(int count)
{
    ChannelInfo info;
    info.agent = u"assistant"_s;
    info.id = u"long"_s;
    info.title = u"A long conversation"_s;
    info.origin = u"window"_s;
    info.lastTime = now;
    info.lastSeq = count;
    snapshot.channels.append(info);
    auto& talk = transcripts[u"assistant/long"_s];
    talk.reserve(count);
    for (int i = 1; i <= count; ++i) {
        switch (i % 5) {
        case 1:
            talk.append(item(
                ItemKind::User,
                i,
                u"you"_s,
                u"Question %1: how does part %2 of the program decide what comes next?"_s.arg(i)
                    .arg(i % 37)));
            break;
        case 2:
            talk.append(item(
                ItemKind::Agent,
                i,
                u"assistant"_s,
                u"Message %1. It keeps a queue; each entry has a **priority**, and the oldest of "
                u"the highest wins. That is enough for the "
                u"cases that we saw so far, although a heap would be better above a few thousand "
                u"entries.\n\n"
                u"- first, the queue is locked\n- then the best entry is taken\n- then `run()` is called\n"_s
                    .arg(i)));
            break;
        case 3:
            talk.append(item(ItemKind::Tool,
                             i,
                             u"assistant"_s,
                             u"file_read src/queue_%1.cpp"_s.arg(i),
                             u"int next() { return 0; }\n"_s));
            break;
        case 4:
            talk.append(item(
                ItemKind::Agent,
                i,
                u"assistant"_s,
                u"Here is the loop:\n\n```cpp\nfor (auto& job : queue) {\n    if (job.ready(%1)) {\n        job.run(); // in its own thread\n    }\n}\n```\n\nIt ends when the queue is empty."_s
                    .arg(i)));
            break;
        default:
            talk.append(
                item(ItemKind::Agent, i, u"assistant"_s, u"A short answer, number %1."_s.arg(i)));
            break;
        }
    }
}

} // namespace sb::test
