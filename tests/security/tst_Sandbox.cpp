#include "core/sandbox/Sandbox.h"

#include <QTemporaryDir>
#include <QTest>

using namespace sb;
using namespace sb::sandbox;
using namespace Qt::StringLiterals;

class tst_Sandbox : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void runs()
    {
        SystemClock clock;
        Sandbox sandbox({QStringLiteral(SB_BIN_DIR "/signalbox-sandbox-helper"), u"bwrap"_s, {}},
                        clock);
        const auto& can = sandbox.capabilities();
        QVERIFY2(can.usable, qPrintable(can.problem));
        qInfo() << can.bubblewrap << can.landlock << can.pidsCapped << can.remark;
        QTemporaryDir dir;
        auto plan = sandbox.plan(
            {.argv =
                 {u"sh"_s,
                  u"-c"_s,
                  u"id; pwd; env; ls -la / . /etc; ls /proc; cat /proc/self/status; ulimit -a; echo hi > x; cat /proc/sys/kernel/pid_max"_s},
             .workspace = dir.path(),
             .cwd = dir.path()});
        QVERIFY(plan);
        auto outcome =
            sandbox
                .launch(*plan, [](const QString& s) { fprintf(stderr, "%s", qPrintable(s)); }, {})
                .wait();
        QVERIFY(outcome);
        QCOMPARE(outcome->exitCode, 0);
        qInfo() << outcome->durationMs;
    }
};

QTEST_GUILESS_MAIN(tst_Sandbox)
#include "tst_Sandbox.moc"
