#include "core/base/Executor.h"

#include <QCoreApplication>
#include <QProcess>
#include <QTest>
#include <QThread>
#include <thread>

using namespace sb;
using namespace Qt::StringLiterals;

namespace {

int shared = 0;

// Each hands `shared` from one thread to another; ThreadSanitizer ends the program with 66 when
// nothing that it knows of lies between.
void withNothing()
{
    std::atomic<bool> written = false;
    std::thread writer([&] {
        shared = 1;
        written.store(true, std::memory_order_relaxed);
    });
    while (!written.load(std::memory_order_relaxed)) {
        std::this_thread::yield();
    }
    ++shared;
    writer.join();
}

// Sound, but ThreadSanitizer does not know how Qt makes one thread wait for another.
void throughQtAlone()
{
    QThread writer;
    QObject there;
    there.moveToThread(&writer);
    writer.start();
    QMetaObject::invokeMethod(&there, [] { shared = 1; }, Qt::BlockingQueuedConnection);
    ++shared;
    writer.quit();
    writer.wait();
}

void throughALoop()
{
    {
        LoopExecutor loop(u"writer"_s);
        loop.post([] { shared = 1; });
    }
    ++shared;
}

void throughAContext()
{
    ContextExecutor here;
    bool done = false;
    std::jthread writer([&] {
        shared = 1;
        here.post([&] { done = true; });
    });
    if (QTest::qWaitFor([&] { return done; })) {
        ++shared;
    }
}

struct HandOver
{
    const char* name;
    void (*run)();
    bool reported;
};
constexpr HandOver handOvers[] = {
    {"nothing", withNothing, true},
    {"Qt", throughQtAlone, true},
    {"loop", throughALoop, false},
    {"context", throughAContext, false},
};

} // namespace

/// Whether the build that looks for races would find one: a check that cannot fail is none.
class tst_ThreadSanitizer : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aRaceIsReportedAndAHandOverOfTheExecutorsIsNot_data()
    {
        QTest::addColumn<bool>("reported");
        for (const HandOver& one : handOvers) {
            QTest::newRow(one.name) << one.reported;
        }
    }
    void aRaceIsReportedAndAHandOverOfTheExecutorsIsNot()
    {
        QFETCH(const bool, reported);
        QProcess child;
        child.setProcessChannelMode(QProcess::MergedChannels);
        child.start(QCoreApplication::applicationFilePath(),
                    {u"--hand-over"_s, QString::fromLatin1(QTest::currentDataTag())});
        QVERIFY(child.waitForFinished(60000));
        const QByteArray said = child.readAll();
        QCOMPARE(said.contains("WARNING: ThreadSanitizer: data race"), reported);
        QCOMPARE(child.exitStatus(), QProcess::NormalExit);
        QCOMPARE(child.exitCode(), reported ? 66 : 0);
    }
};

int main(int argc, char** argv)
{
    QCoreApplication app(argc, argv);
    if (argc == 3 && app.arguments().at(1) == "--hand-over"_L1) {
        const auto* const one = std::ranges::find_if(handOvers, [&](const HandOver& each) {
            return app.arguments().at(2) == QLatin1StringView(each.name);
        });
        if (one == std::end(handOvers)) {
            return 2;
        }
        one->run();
        return 0;
    }
    tst_ThreadSanitizer test;
    return QTest::qExec(&test, argc, argv);
}
#include "tst_ThreadSanitizer.moc"
