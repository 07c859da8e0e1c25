#include "core/base/Defence.h"
#include "core/sandbox/Probes.h"
#include "tests/security/SandboxFixture.h"

#include <QElapsedTimer>
#include <QSet>

using namespace sb;
using namespace sb::sandbox;
using namespace Qt::StringLiterals;

/// The probes tell the truth: what holds, and, where a defence is off, that it does not.
class tst_SandboxProbes : public QObject
{
    Q_OBJECT

    SystemClock m_clock;
    SandboxFixture m_fixture{m_clock};

    ProbeTarget target() const
    {
        ProbeTarget target;
        target.workspace = m_fixture.workspace;
        return target;
    }
    QMap<QString, Probe> probes()
    {
        QMap<QString, Probe> byId;
        const auto found = probe(m_fixture.sandbox, target());
        if (found) {
            for (const auto& one : *found) {
                byId[one.id] = one;
            }
        }
        return byId;
    }

private Q_SLOTS:
    void initTestCase()
    {
        const auto& can = m_fixture.sandbox.capabilities();
        QVERIFY2(can.usable, qPrintable(can.problem));
    }

    void everythingHolds()
    {
        QElapsedTimer timer;
        timer.start();
        const auto found = probe(m_fixture.sandbox, target());
        const auto took = timer.elapsed();
        QVERIFY2(found, qPrintable(found ? QString() : found.error().message));
        QVERIFY2(found->size() >= 45, qPrintable(QString::number(found->size())));
        QSet<QString> ids;
        for (const auto& one : *found) {
            QVERIFY2(one.verdict == Verdict::Held,
                     qPrintable(QString(one.id % u": "_s % verdictName(one.verdict) % u", "_s %
                                        one.detail)));
            QVERIFY(!one.question.isEmpty() && one.question.endsWith(u'?'));
            QVERIFY2(!one.by.isEmpty(), qPrintable(one.id));
            ids << one.id;
            if (one.milliseconds > 20) {
                qInfo() << one.id << one.milliseconds << one.detail;
            }
        }
        QCOMPARE(ids.size(), found->size());
        qInfo() << found->size() << "probes in" << took << "ms";
        // What was put out is taken in again.
        QCOMPARE(QDir(m_fixture.workspace)
                     .entryList(QDir::AllEntries | QDir::Hidden | QDir::NoDotAndDotDot),
                 QStringList());
        QVERIFY(QDir(QDir::homePath())
                    .entryList({u".signalbox-probe-*"_s}, QDir::AllEntries | QDir::Hidden)
                    .isEmpty());
    }
    void limitsAreThoseOfTheAgent()
    {
        auto small = target();
        small.limits.openFiles = 40;
        small.limits.memoryBytes = 64 << 20;
        const auto found = probe(m_fixture.sandbox, small);
        QVERIFY(found);
        const auto files = std::ranges::find(*found, u"limit-files"_s, &Probe::id);
        QCOMPARE(files->detail, u"40 and no more"_s);
    }
    void readOnlyWorkspacesAreProbedToo()
    {
        auto readOnly = target();
        readOnly.workspaceReadOnly = true;
        const auto found = probe(m_fixture.sandbox, readOnly);
        QVERIFY(found);
        for (const auto& one : *found) {
            QVERIFY2(one.verdict != Verdict::Open, qPrintable(one.id));
        }
    }
    void whereNothingRunsItFails()
    {
        Sandbox none({u"/nonexistent/helper"_s, u"bwrap"_s, {}}, m_clock);
        const auto found = probe(none, target());
        QVERIFY(!found);
        QCOMPARE(found.error().code, ErrorCode::Unsupported);
    }

#ifdef SB_SWITCHABLE_DEFENCES
    void whatIsOffIsTold_data()
    {
        QTest::addColumn<QString>("defence");
        QTest::addColumn<QString>("id");
        const auto row = [](const char* defence, const char* id) {
            QTest::newRow(id) << QString::fromLatin1(defence) << QString::fromLatin1(id);
        };
        row("sandbox.home-hidden", "home-read");
        row("sandbox.private-tmp", "outside-write");
        row("sandbox.private-tmp", "socket-path");
        row("sandbox.network-apart", "loopback-host");
        row("sandbox.network-apart", "socket-abstract");
        row("sandbox.own-proc", "processes-seen");
        row("sandbox.init-closed", "init-environment");
        row("sandbox.calls.tracing", "ptrace");
        row("sandbox.calls.namespaces", "user-namespace");
        row("sandbox.calls.rings", "io-uring");
        row("sandbox.calls.keys", "keyring");
        row("sandbox.calls.native", "other-door");
        row("sandbox.rebuilt-environment", "environment");
        row("sandbox.output-filter", "terminal-escapes");
        row("sandbox.memory-limit", "limit-memory");
        row("sandbox.file-size", "limit-file");
        row("sandbox.tmp-size", "limit-tmp");
        row("sandbox.open-files", "limit-files");
        row("sandbox.process-cap", "limit-processes");
        row("sandbox.workspace-quota", "limit-workspace");
        row("sandbox.total-memory", "limit-memory-all");
        row("sandbox.end-with-command", "outlive");
    }
    void whatIsOffIsTold()
    {
        QFETCH(QString, defence);
        QFETCH(QString, id);
        setDefencesOff(defence.toLatin1().constData());
        const auto found = probes();
        setDefencesOff("");
        QVERIFY2(found.value(id).verdict == Verdict::Open, qPrintable(found.value(id).detail));
        QCOMPARE(found.value(id).by, QString());
    }
#endif
};

QTEST_GUILESS_MAIN(tst_SandboxProbes)
#include "tst_SandboxProbes.moc"
