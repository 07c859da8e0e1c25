// Takes pictures of the three panels with much, little, nothing and awkward things in them, light
// and dark, at 100 and 200 %: "the test of a panel". Usage: panel_shots DIR [FILTER]
#include "tests/support/DemoRuntime.h"
#include "ui/panels/approvals/ApprovalsPanel.h"
#include "ui/panels/approvals/CardList.h"
#include "ui/panels/containment/ContainmentPanel.h"
#include "ui/panels/journal/JournalPanel.h"
#include "ui/panels/workers/WorkersPanel.h"

#include <QApplication>
#include <QDir>
#include <QPushButton>
#include <QTest>
#include <QTreeView>
#include <cstdio>

using namespace sb;
using namespace sb::panels;
using namespace Qt::StringLiterals;

namespace {

const QString rightToLeft = u"اقرأ الملف ثم اكتب ملخصا قصيرا عنه"_s;

void fillMany(test::DemoRuntime& runtime)
{
    const auto worker = runtime.snapshot.processes.at(1);
    for (int i = 0; i < 10'000; ++i) {
        auto info = worker;
        info.id = u"wrk-%1"_s.arg(i);
        info.task = u"Task number %1 of very many"_s.arg(i);
        info.startedAt -= i * 1'000'000LL;
        info.state = i % 7 == 0 ? protocol::ProcessState::Failed : protocol::ProcessState::Running;
        info.endedAt = i % 7 == 0 ? info.startedAt + 500'000 : 0;
        runtime.snapshot.processes.append(info);
    }
    const auto approval = runtime.snapshot.approvals.at(1);
    for (int i = 0; i < 1000; ++i) {
        auto info = approval;
        info.id = u"apr-%1"_s.arg(i);
        info.requestedAt += i;
        info.command = u"git push origin branch-%1"_s.arg(i);
        info.argv = {u"git"_s, u"push"_s, u"origin"_s, u"branch-%1"_s.arg(i)};
        runtime.snapshot.approvals.append(info);
    }
    auto& journal = runtime.journals[u"fixer"_s];
    while (journal.size() < 10'000) {
        auto entry = journal.at(journal.size() % 40);
        entry.seq = journal.size() + 1;
        journal.append(entry);
    }
}

void makeAwkward(test::DemoRuntime& runtime, const QString& text)
{
    runtime.snapshot.processes = {runtime.snapshot.processes.first()};
    runtime.snapshot.processes.first().task = text;
    runtime.snapshot.processes.first().status = text;
    runtime.outputs[runtime.snapshot.processes.first().id] = text + u'\n' + text;
    runtime.snapshot.approvals = {runtime.snapshot.approvals.at(1)};
    auto& approval = runtime.snapshot.approvals.first();
    approval.command = text;
    approval.argv = {u"sh"_s, u"-c"_s, text};
    approval.reason = text;
    approval.justification = text;
    approval.cwd = u"/home/"_s + text;
    approval.paths = {u"/home/"_s + text + u"/end.txt"_s};
    approval.rule = text;
    auto& journal = runtime.journals[u"fixer"_s];
    journal = {journal.first()};
    journal.first().payload = {{u"text"_s, text}, {u"from"_s, u"you"_s}};
}

void shoot(const QString& folder,
           const QString& name,
           const std::function<void(test::DemoRuntime&)>& prepare,
           const std::function<void(Panel&)>& act = {})
{
    static const QFont systemFont = QApplication::font();
    for (const bool isDark : {false, true}) {
        for (const double scale : {1.0, 2.0}) {
            QApplication::setFont(systemFont); // a theme scales what it finds
            theme::Theme theme({.scheme = isDark ? theme::Scheme::Dark : theme::Scheme::Light,
                                .fontScale = scale});
            test::DemoRuntime runtime;
            FakeClock clock(test::DemoRuntime::now);
            runtime.fillWithExamples();
            prepare(runtime);
            bridge::Bridge bridge(runtime);
            const Context context{bridge, theme, clock, QDir::tempPath()};
            const auto one = [&](Panel* panel, QSize size) {
                const auto file =
                    u"%1/%2-%3-%4-%5.png"_s
                        .arg(folder, panel->objectName(), name, isDark ? u"dark"_s : u"light"_s)
                        .arg(int(scale * 100));
                panel->resize(size);
                panel->setAutoFillBackground(true);
                panel->show();
                QTest::qWait(120);
                if (act) {
                    act(*panel);
                    QTest::qWait(120);
                }
                panel->grab().save(file);
                std::printf("%s\n", qPrintable(file));
                delete panel;
            };
            auto* workers = new WorkersPanel(context);
            auto* approvals = new ApprovalsPanel(context);
            auto* journal = new JournalPanel(context);
            auto* wide = new WorkersPanel(context);
            auto* containment = new ContainmentPanel(context);
            bridge.start();
            one(workers, {430, 560});
            one(approvals, {430, 640});
            one(journal, {1240, 320});
            wide->setObjectName(u"workers-wide"_s);
            one(wide, {1240, 420});
            one(containment, {1240, 640});
        }
    }
}

} // namespace

int main(int argc, char** argv)
{
    QApplication application(argc, argv);
    QApplication::setStyle(u"Fusion"_s);
    if (argc < 2) {
        std::fprintf(stderr, "usage: panel_shots DIR [NAME]\n");
        return 2;
    }
    const auto folder = QString::fromLocal8Bit(argv[1]);
    QDir().mkpath(folder);
    const auto wanted = argc > 2 ? QString::fromLocal8Bit(argv[2]) : QString();
    const auto maybe = [&](const QString& name, auto... what) {
        if (wanted.isEmpty() || wanted == name) {
            shoot(folder, name, what...);
        }
    };
    const auto key = [](Qt::Key code) {
        return [code](Panel& panel) {
            panel.focusTarget()->setFocus();
            QTest::keyClick(panel.focusTarget(), code);
        };
    };
    maybe(u"examples"_s, [](auto&) {});
    maybe(u"many"_s, fillMany);
    maybe(u"empty"_s, [](test::DemoRuntime& runtime) {
        runtime.snapshot = {};
        runtime.journals.clear();
    });
    maybe(u"long"_s, [](test::DemoRuntime& runtime) { makeAwkward(runtime, QString(4000, u'x')); });
    maybe(u"rtl"_s, [](test::DemoRuntime& runtime) { makeAwkward(runtime, rightToLeft); });
    maybe(
        u"error"_s,
        [](test::DemoRuntime& runtime) {
            runtime.failures[u"journal"_s] = {
                ErrorCode::Corrupt, u"The file agent.db is damaged at page 7."_s, {}};
            runtime.failures[u"output"_s] = {
                ErrorCode::Unavailable, u"The runtime does not answer."_s, {}};
            runtime.failures[u"settle"_s] = {
                ErrorCode::DiskFull, u"The disk is full, so nothing can be recorded."_s, {}};
        },
        key(Qt::Key_A));
    maybe(
        u"edit"_s,
        [](test::DemoRuntime& runtime) { runtime.snapshot.approvals.removeAt(1); },
        key(Qt::Key_E));
    maybe(u"reject"_s, [](auto&) {}, key(Qt::Key_R));
    const auto addresses = [](test::DemoRuntime& runtime) {
        auto& approvals = runtime.snapshot.approvals;
        approvals.remove(1, approvals.size() - 1);
        auto& first = approvals.first();
        first.tool = u"network"_s;
        first.risk = protocol::Risk::High;
        first.riskReasons = {u"the address is not on the agent's list"_s,
                             u"what goes through a tunnel cannot be looked at"_s};
        first.command = u"Reach registry.npmjs.org:443"_s;
        first.argv.clear();
        first.diff.clear();
        first.paths.clear();
        first.environment.clear();
        first.cwd.clear();
        first.justification.clear();
        first.planHash.clear();
        first.rule = u"default"_s;
        first.reason =
            u"A command of it wants to reach an address that is not on the agent's list."_s;
        first.arguments = protocol::addressArguments(u"registry.npmjs.org:443"_s, false);
        auto second = first;
        second.id += u'x';
        const auto longName = u"a-name-that-is-longer-than-a-button.of.some.example.com:8443"_s;
        second.command = u"Reach "_s + longName;
        second.arguments = protocol::addressArguments(longName, true);
        approvals.append(second);
    };
    maybe(u"address"_s, addresses);
    maybe(u"always"_s, addresses, [](Panel& panel) {
        if (auto* button = panel.findChild<QPushButton*>(u"acceptForGood"_s)) {
            button->click();
        }
    });
    maybe(
        u"critical"_s,
        [](test::DemoRuntime& runtime) { runtime.snapshot.approvals.remove(0, 2); },
        key(Qt::Key_A));
    maybe(
        u"verify"_s,
        [](test::DemoRuntime& runtime) {
            runtime.reports.append({u"_instance"_s,
                                    false,
                                    17,
                                    0,
                                    12,
                                    u"The hash of its payload does not fit."_s,
                                    0.0,
                                    {}});
        },
        [](Panel& panel) {
            for (auto* button : panel.findChildren<QPushButton*>()) {
                if (button->text() == u"Verify"_s) {
                    button->click();
                }
            }
        });
    return 0;
}
