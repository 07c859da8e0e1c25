#include "tests/security/wasm/WasmFixture.h"

#include <QElapsedTimer>

using namespace sb;
using namespace sb::wasm;
using namespace wasmkit;

/// Processes that run WebAssembly: how calls end, and that none touches another.
class tst_WasmHosts : public QObject
{
    Q_OBJECT

    static Limits limits(qint64 instructions, int wallMs)
    {
        Limits made;
        made.instructions = instructions;
        made.wall = Milliseconds(wallMs);
        return made;
    }

private Q_SLOTS:
    void runsATool()
    {
        Runtime runtime;
        const auto outcome = runtime.run(built("attacks"), R"("hello")");
        QVERIFY2(outcome.ending == Ending::Finished, qPrintable(outcome.problem));
        QCOMPARE(outcome.output, QByteArray(R"("hello")"));
        QVERIFY(outcome.instructions > 0 && outcome.instructions < 1000);
        QCOMPARE(outcome.problem, QString());
    }
    void runsAWasiCommand()
    {
        Runtime runtime;
        const auto command = built("command");
        const auto echoed = runtime.run(command, R"({"a": 1})");
        QVERIFY2(echoed.ending == Ending::Finished, qPrintable(echoed.problem));
        QCOMPARE(echoed.output, QByteArray(R"({"a": 1})"));
        QCOMPARE(echoed.log, u"done\n\n"_s);
        QCOMPARE(runtime.run(command, "n").output, QByteArray("test"));
        const auto failed = runtime.run(command, "x");
        QCOMPARE(failed.ending, Ending::Failed);
        QCOMPARE(failed.problem,
                 u"The tool \"test\" was ended: it ended itself with exit code 3."_s);
    }
    void eachCallIsFresh()
    {
        Runtime runtime;
        const auto module = built("attacks");
        for (int i = 0; i < 3; ++i) {
            QCOMPARE(runtime.run(module, "c").output, QByteArray("1"));
        }
        QCOMPARE(runtime.hosts.processes(), 1);
    }
    void modulesTakeTurns()
    {
        Runtime runtime;
        const auto module = built("attacks");
        const auto other = built("shape8");
        for (int i = 0; i < 4; ++i) {
            QCOMPARE(runtime.run(module, "zero").output, QByteArray("zero"));
            QCOMPARE(runtime.run(other, "two").output, QByteArray("two"));
        }
        QCOMPARE(runtime.hosts.processes(), 1);
    }
    void ownersDoNotShare()
    {
        Runtime runtime;
        auto call = runtime.call(built("attacks"), "s");
        runtime.run(call);
        call.owner = u"other/test"_s;
        runtime.run(call);
        QCOMPARE(runtime.hosts.processes(), 2);
    }

    void endings_data()
    {
        QTest::addColumn<QByteArray>("module");
        QTest::addColumn<QByteArray>("input");
        QTest::addColumn<Ending>("ending");
        QTest::addColumn<QString>("problem");
        const auto row = [](const char* name,
                            const QByteArray& module,
                            const char* input,
                            Ending ending,
                            const char* problem) {
            QTest::newRow(name) << module << QByteArray(input) << ending
                                << u"The tool \"test\" was ended: "_s +
                                       QString::fromLatin1(problem);
        };
        const auto attacks = built("attacks").bytes;
        row("loop",
            attacks,
            "l",
            Ending::OutOfInstructions,
            "it used up its budget of 1000000 instructions.");
        row("start loops",
            startLoops(),
            "",
            Ending::OutOfInstructions,
            "it used up its budget of 1000000 instructions.");
        row("large output",
            attacks,
            "o",
            Ending::OutputTooLarge,
            "its output is larger than 262144 bytes.");
        row("negative length",
            attacks,
            "n",
            Ending::OutputTooLarge,
            "its output is larger than 262144 bytes.");
        row("output outside",
            attacks,
            "e",
            Ending::OutOfBounds,
            "it pointed outside of its own memory.");
        row("flood",
            attacks,
            "f",
            Ending::TooManyHostCalls,
            "it made more or larger host calls than the 100 that are allowed.");
        row("large table",
            largeTable(),
            "",
            Ending::OutOfMemory,
            "it needs more than its 64 MiB of memory.");
        row("large memory",
            largeMemory(),
            "",
            Ending::OutOfMemory,
            "it needs more than its 64 MiB of memory.");
        row("wrong type",
            built("shape3").bytes,
            "",
            Ending::BadModule,
            "its module cannot be used: its functions are not alloc(i32) -> i32 and execute(i32, "
            "i32) -> i64.");
        row("unknown import",
            built("shape5").bytes,
            "",
            Ending::BadModule,
            "its module cannot be used: unknown import.");
        row("nothing to run",
            built("shape6").bytes,
            "",
            Ending::BadModule,
            "its module cannot be used: it exports neither execute nor _start.");
        row("division",
            built("shape7").bytes,
            "x",
            Ending::Trapped,
            "it broke off: integer divide by zero.");
        row("broken",
            QByteArray("\0asm\1\0\0\0\1\2\3", 11),
            "",
            Ending::BadModule,
            "its module cannot be used: length out of bounds.");
    }
    void endings()
    {
        QFETCH(const QByteArray, module);
        QFETCH(const QByteArray, input);
        QFETCH(const Ending, ending);
        QFETCH(const QString, problem);
        Runtime runtime;
        const auto outcome = runtime.run(wasmkit::module(module), input);
        QCOMPARE(outcome.problem, problem);
        QCOMPARE(outcome.ending, ending);
        QCOMPARE(outcome.output, QByteArray());
        // Whatever it did, the next call finds everything in order.
        QCOMPARE(runtime.run(built("attacks"), "still here").output, QByteArray("still here"));
    }

    // The two meters, each alone.
    void budgetIsExact()
    {
        Runtime runtime;
        auto call = runtime.call(built("attacks"), "l");
        call.limits = limits(50'000, 600'000);
        const auto outcome = runtime.run(call);
        QCOMPARE(outcome.ending, Ending::OutOfInstructions);
        QVERIFY(outcome.instructions >= 50'000 && outcome.instructions <= 50'010);
        QCOMPARE(runtime.hosts.processes(), 1);
    }
    void watchdogStopsWhatTheBudgetDoesNot()
    {
        Runtime runtime;
        auto call = runtime.call(built("attacks"), "l");
        call.limits = limits(1'000'000'000'000, 150);
        QElapsedTimer timer;
        timer.start();
        const auto outcome = runtime.run(call);
        QCOMPARE(outcome.problem, u"The tool \"test\" was ended: it did not end within 0.15 s."_s);
        QVERIFY(timer.elapsed() < 5000);
        QCOMPARE(runtime.hosts.processes(), 1); // cancelled, not killed
        QCOMPARE(runtime.run(built("attacks"), "still here").output, QByteArray("still here"));
    }
    void killsWhatCannotBeCancelled()
    {
        Hosts::Settings settings;
        settings.grace = Milliseconds(100);
        Runtime runtime(settings);
        runtime.run(built("shape4"), ""); // so that the start does not count
        auto call = runtime.call(built("shape4"), "x");
        call.limits.wall = Milliseconds(100);
        const auto outcome = runtime.run(call);
        QCOMPARE(outcome.ending, Ending::OutOfTime);
        QCOMPARE(runtime.hosts.processes(), 0);
        QCOMPARE(runtime.run(built("attacks"), "still here").output, QByteArray("still here"));
    }
    void waitingForAHostCallCostsNoTime()
    {
        Runtime runtime;
        auto call = runtime.call(built("attacks"), R"({"method":"time_now"})");
        call.limits.wall = Milliseconds(100);
        std::vector<Subscription> timers;
        LoopExecutor later(u"later"_s);
        call.hostCall = [&](const QByteArray&, Reply reply) {
            auto held = std::make_shared<Reply>(std::move(reply));
            timers.push_back(
                runtime.clock.after(Milliseconds(400), later, [held] { (*held)(R"({"ok":1})"); }));
        };
        const auto outcome = runtime.run(call);
        QCOMPARE(outcome.output, QByteArray(R"({"ok":1})"));
        QVERIFY(outcome.durationUs < 100'000);
        QCOMPARE(outcome.hostCalls, 1);
    }

    void callsRunSideBySide()
    {
        Runtime runtime;
        auto runaway = runtime.call(built("attacks"), "l");
        runaway.limits = limits(1'000'000'000'000, 60'000);
        std::stop_source stop;
        std::vector<Future<Outcome>> loops;
        for (int i = 0; i < 3; ++i) {
            loops.push_back(runtime.hosts.call(runaway, stop.get_token()));
        }
        for (int i = 0; i < 5; ++i) {
            QCOMPARE(runtime.run(built("attacks"), "swift").output, QByteArray("swift"));
        }
        QCOMPARE(runtime.hosts.processes(), 4);
        stop.request_stop();
        for (auto& loop : loops) {
            const auto outcome = std::move(loop).wait();
            QVERIFY(!outcome);
            QCOMPARE(outcome.error().code, ErrorCode::Cancelled);
        }
        QTRY_COMPARE(runtime.hosts.processes(), 1);
    }
    void whatWaitsForAProcessGetsOne()
    {
        Hosts::Settings settings;
        settings.mostForOwner = 2;
        Runtime runtime(settings);
        std::vector<Future<Outcome>> calls;
        for (int i = 0; i < 20; ++i) {
            auto call = runtime.call(built("attacks"), QByteArray::number(i));
            call.limits.memoryBytes = i % 3 == 0 ? 32 << 20 : 64 << 20; // processes differ by this
            calls.push_back(runtime.hosts.call(call, {}));
        }
        for (int i = 0; i < 20; ++i) {
            const auto outcome = std::move(calls[size_t(i)]).wait();
            QVERIFY(outcome);
            QCOMPARE(outcome->output, QByteArray::number(i));
        }
        QVERIFY(runtime.hosts.processes() <= 2);
    }
    void aCrashEndsOneCallAlone()
    {
        Runtime runtime;
        std::vector<Future<Outcome>> calls;
        for (int i = 0; i < 6; ++i) {
            // A table that large makes the engine's memory run out, and its process end.
            calls.push_back(runtime.hosts.call(
                runtime.call(i == 2 ? module(largeTable()) : built("attacks"), "sound"), {}));
        }
        for (int i = 0; i < 6; ++i) {
            const auto outcome = std::move(calls[size_t(i)]).wait();
            QVERIFY(outcome);
            QCOMPARE(outcome->ending, i == 2 ? Ending::OutOfMemory : Ending::Finished);
        }
    }

    void idleProcessesEnd()
    {
        FakeClock clock;
        Hosts hosts({.program = QStringLiteral(SB_BIN_DIR "/signalbox-wasm-host")}, clock);
        const Runtime other;
        const auto outcome = hosts.call(other.call(built("attacks"), "s"), {}).wait();
        QVERIFY(outcome);
        QCOMPARE(hosts.processes(), 1);
        QTRY_COMPARE(clock.waiting(), 1);
        // The timer that is set may be for an earlier moment; each look sets the next.
        for (int i = 0; i < 100 && hosts.processes() == 1; ++i) {
            clock.advance(Milliseconds(1000));
            QTest::qWait(1);
        }
        QTRY_COMPARE(hosts.processes(), 0);
    }
    void cancelledBeforeItBegins()
    {
        Runtime runtime;
        std::stop_source stop;
        stop.request_stop();
        const auto outcome =
            runtime.hosts.call(runtime.call(built("attacks"), "s"), stop.get_token()).wait();
        QVERIFY(!outcome);
        QCOMPARE(outcome.error().code, ErrorCode::Cancelled);
    }
    void cancelledWhileItAsks()
    {
        Runtime runtime;
        std::stop_source stop;
        auto call = runtime.call(built("attacks"), "{}");
        Guarded<std::optional<Reply>> held;
        call.hostCall = [&](const QByteArray&, Reply reply) {
            held.withLock([&](auto& kept) { kept.emplace(std::move(reply)); });
            stop.request_stop();
        };
        const auto outcome = runtime.hosts.call(call, stop.get_token()).wait();
        QVERIFY(!outcome);
        QCOMPARE(outcome.error().code, ErrorCode::Cancelled);
        held.withLock([](auto& kept) { (*kept)("late"); }); // and nobody is disturbed
    }
    void answersThatComeTooLateAreDropped()
    {
        Guarded<std::optional<Reply>> held;
        std::optional<Future<Outcome>> future;
        {
            Runtime runtime;
            auto call = runtime.call(built("attacks"), "{}");
            call.hostCall = [&](const QByteArray&, Reply reply) {
                held.withLock([&](auto& kept) { kept.emplace(std::move(reply)); });
            };
            future = runtime.hosts.call(call, {});
            QTRY_VERIFY(held.withLock([](const auto& kept) { return kept.has_value(); }));
        }
        QVERIFY(!std::move(*future).wait());
        held.withLock([](auto& kept) { (*kept)("late"); });
    }
    void endsWithItsOwner()
    {
        std::optional<Future<Outcome>> future;
        {
            Runtime runtime;
            auto call = runtime.call(built("attacks"), "l");
            call.limits = limits(1'000'000'000'000, 60'000);
            future = runtime.hosts.call(call, {});
        }
        const auto outcome = std::move(*future).wait();
        QVERIFY(!outcome);
        QCOMPARE(outcome.error().code, ErrorCode::Cancelled);
    }
    void aMissingProgramIsTold()
    {
        SystemClock clock;
        Hosts hosts({.program = u"/nonexistent/host"_s}, clock);
        const Runtime other;
        const auto outcome = hosts.call(other.call(built("attacks"), "s"), {}).wait();
        QVERIFY(!outcome);
        QCOMPARE(outcome.error().code, ErrorCode::Unavailable);
    }
    void anotherProgramIsTold()
    {
        SystemClock clock;
        Hosts hosts({.program = u"/bin/true"_s}, clock);
        const Runtime other;
        const auto outcome = hosts.call(other.call(built("attacks"), "s"), {}).wait();
        QVERIFY(outcome);
        QCOMPARE(outcome->problem, u"The tool \"test\" was ended: its process ended by itself."_s);
    }
    void senselessLimitsAreTold()
    {
        Runtime runtime;
        auto call = runtime.call(built("attacks"), "s");
        call.limits.memoryBytes = 100'000;
        const auto outcome = runtime.hosts.call(call, {}).wait();
        QVERIFY(!outcome);
        QCOMPARE(
            outcome.error(),
            (Error{ErrorCode::InvalidInput,
                   u"A WebAssembly tool's limit \"memory\" must be a multiple of 65536, and is "
                   "100000."_s,
                   {}}));
    }
    void confinementHolds()
    {
        const auto probes = probeConfinement(QStringLiteral(SB_BIN_DIR "/signalbox-wasm-host"));
        QVERIFY(probes);
        QCOMPARE(probes->size(), 8);
        for (const auto& probe : *probes) {
            QVERIFY2(probe.refused, qPrintable(probe.name));
        }
    }
};

QTEST_GUILESS_MAIN(tst_WasmHosts)
#include "tst_WasmHosts.moc"
