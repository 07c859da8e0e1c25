#include "core/llm/OpenAiChat.h"
#include "core/llm/Router.h"
#include "tests/support/ScriptedModel.h"

#include <QTest>
#include <deque>

using namespace sb;
using namespace sb::llm;
using namespace Qt::StringLiterals;

namespace {

struct Act
{
    QString show; // streamed before the answer
    Result<Response> answer;
    int retryAfterMs = -1;
    bool hangs = false;
};

Act says(const QString& text)
{
    Response response;
    response.text = text;
    return {text, response};
}

Act fails(ErrorCode code, const QString& message = u"It failed."_s, const QString& show = {})
{
    return {show, fail(code, message)};
}

// Plays its acts one by one; the last one goes on for ever.
class Actor final : public Provider
{
public:
    explicit Actor(std::deque<Act> acts) : m_acts(std::move(acts)) {}
    Future<Response> complete(Request request, StreamSink sink, std::stop_token stop) override
    {
        calls.append(request.model);
        Act act = m_acts.front();
        if (m_acts.size() > 1) {
            m_acts.pop_front();
        }
        if (!act.show.isEmpty()) {
            sink.delta(act.show);
        }
        if (act.hangs) {
            auto promise = std::make_shared<Promise<Response>>();
            auto future = promise->future();
            m_hanging.push_back(std::make_unique<std::stop_callback<std::function<void()>>>(
                stop, [promise] { promise->set(fail(ErrorCode::Cancelled, u"Cancelled."_s)); }));
            return future;
        }
        if (act.retryAfterMs >= 0) {
            sink.retryAfter(Milliseconds(act.retryAfterMs));
        }
        return Future<Response>::ready(act.answer);
    }
    QStringList calls;

private:
    std::deque<Act> m_acts;
    std::vector<std::unique_ptr<std::stop_callback<std::function<void()>>>> m_hanging;
};

struct Shown
{
    QString text;
    int resets = 0;
    StreamSink sink(bool withReset = true)
    {
        StreamSink sink;
        sink.delta = [this](const QString& piece) { text += piece; };
        if (withReset) {
            sink.reset = [this] {
                text.clear();
                ++resets;
            };
        }
        return sink;
    }
};

} // namespace

/// Retries, pauses, the breaker and fallbacks, with a clock that the test turns. Everything runs in
/// this thread.
class tst_LlmReliable final : public QObject
{
    Q_OBJECT

private:
    // Makes the service of "a/x" and, when it has acts, "b/y" behind it.
    std::unique_ptr<Reliable> reliable(std::deque<Act> a, std::deque<Act> b = {})
    {
        m_a = std::make_shared<Actor>(std::move(a));
        QStringList names{u"a/x"_s};
        Providers providers{{u"a"_s, m_a}};
        if (!b.empty()) {
            m_b = std::make_shared<Actor>(std::move(b));
            providers.emplace(u"b"_s, m_b);
            names.append(u"b/y/z"_s);
        }
        Reliable::Settings settings;
        settings.random = [] { return 1.0; };
        return std::make_unique<Reliable>(
            names, providers, m_breakers, settings, m_executor, *m_clock);
    }
    // Starts a call and turns the clock until it is answered; how long that took by the clock is in
    // m_took.
    Result<Response> ask(Reliable& service, StreamSink sink = {})
    {
        std::optional<Result<Response>> answer;
        const qint64 start = m_clock->steadyUs();
        service.complete({}, std::move(sink), {}).then([&](Result<Response> result) {
            answer.emplace(std::move(result));
        });
        while (!answer) {
            m_clock->advance(Milliseconds(100));
        }
        m_took = (m_clock->steadyUs() - start) / 1000;
        return std::move(*answer);
    }

    InlineExecutor m_executor;
    std::unique_ptr<FakeClock> m_clock;
    std::shared_ptr<Breakers> m_breakers;
    std::shared_ptr<Actor> m_a;
    std::shared_ptr<Actor> m_b;
    qint64 m_took = 0;

private Q_SLOTS:
    void init()
    {
        m_clock = std::make_unique<FakeClock>();
        m_breakers = std::make_shared<Breakers>(Breakers::Settings{}, *m_clock);
    }

    void passesASuccessThrough()
    {
        auto service = reliable({says(u"hi"_s)});
        Shown shown;
        const auto response = ask(*service, shown.sink());
        QVERIFY(response);
        QCOMPARE(response->text, u"hi"_s);
        QCOMPARE(response->attempts, 1);
        QCOMPARE(shown.text, u"hi"_s);
        QCOMPARE(m_a->calls, QStringList{u"x"_s});
    }

    void retriesWithGrowingPauses()
    {
        auto service =
            reliable({fails(ErrorCode::Unavailable), fails(ErrorCode::Timeout), says(u"hi"_s)});
        const auto response = ask(*service);
        QVERIFY(response);
        QCOMPARE(response->attempts, 3);
        QCOMPARE(m_took, 1500); // 500 + 1000
    }

    void givesUpAfterThreeRetries()
    {
        auto service = reliable({fails(ErrorCode::Unavailable)});
        const auto response = ask(*service);
        QVERIFY(!response);
        QCOMPARE(response.error().message, u"It failed. (4 tries)"_s);
        QCOMPARE(m_a->calls.size(), 4);
    }

    void doesNotRetryWhatWillNotChange_data()
    {
        QTest::addColumn<ErrorCode>("code");
        QTest::newRow("key") << ErrorCode::Forbidden;
        QTest::newRow("request") << ErrorCode::InvalidInput;
        QTest::newRow("model") << ErrorCode::NotFound;
        QTest::newRow("cancelled") << ErrorCode::Cancelled;
    }
    void doesNotRetryWhatWillNotChange()
    {
        QFETCH(ErrorCode, code);
        auto service = reliable({fails(code), says(u"never"_s)});
        const auto response = ask(*service);
        QVERIFY(!response);
        QCOMPARE(response.error(), (Error{code, u"It failed."_s, {}}));
        QCOMPARE(m_a->calls.size(), 1);
    }

    void waitsAsLongAsAsked()
    {
        Act busy = fails(ErrorCode::Unavailable);
        busy.retryAfterMs = 20'000;
        auto service = reliable({busy, says(u"hi"_s)});
        QVERIFY(ask(*service));
        QCOMPARE(m_took, 20'000);
    }

    void doesNotWaitForVeryLong()
    {
        Act busy = fails(ErrorCode::Unavailable);
        busy.retryAfterMs = 3'600'000;
        auto service = reliable({busy, says(u"never"_s)});
        QVERIFY(!ask(*service));
        QCOMPARE(m_took, 0);
    }

    void takesBackWhatWasShown()
    {
        auto service = reliable(
            {fails(ErrorCode::Unavailable, u"It broke off."_s, u"half"_s), says(u"whole"_s)});
        Shown shown;
        const auto response = ask(*service, shown.sink());
        QVERIFY(response);
        QCOMPARE(shown.text, u"whole"_s);
        QCOMPARE(shown.resets, 1);
    }

    void doesNotSpeakTwiceToWhoCannotForget()
    {
        auto service = reliable(
            {fails(ErrorCode::Unavailable, u"It broke off."_s, u"half"_s), says(u"whole"_s)},
            {says(u"other"_s)});
        Shown shown;
        const auto response = ask(*service, shown.sink(false));
        QVERIFY(!response);
        QCOMPARE(response.error().message, u"It broke off."_s);
        QCOMPARE(shown.text, u"half"_s);
    }

    void fallsBack()
    {
        auto service = reliable({fails(ErrorCode::Forbidden)}, {says(u"from b"_s)});
        const auto response = ask(*service);
        QVERIFY(response);
        QCOMPARE(response->text, u"from b"_s);
        QCOMPARE(response->attempts, 2);
        QCOMPARE(m_b->calls, QStringList{u"y/z"_s}); // a model's name may hold slashes
    }

    void namesTheFirstFailureWhenAllFail()
    {
        auto service = reliable({fails(ErrorCode::Forbidden, u"A says no."_s)},
                                {fails(ErrorCode::InvalidInput, u"B says no."_s)});
        const auto response = ask(*service);
        QVERIFY(!response);
        QCOMPARE(response.error().message,
                 u"A says no. The fallback \"b/y/z\" failed too. (2 tries)"_s);
        QCOMPARE(response.error().code, ErrorCode::Forbidden);
    }

    void opensTheBreakerAndProbes()
    {
        auto service = reliable({fails(ErrorCode::Unavailable)});
        QVERIFY(!ask(*service)); // 4 failures
        QVERIFY(!ask(*service)); // 2 more, and it opens
        QCOMPARE(m_a->calls.size(), 6);
        const auto shut = ask(*service);
        QVERIFY(!shut);
        QCOMPARE(
            shut.error().message,
            u"The model service \"a\" failed several times in a row and is left alone for another 60 s. Try again then, or choose another model."_s);
        QCOMPARE(m_a->calls.size(), 6);
        m_clock->advance(Milliseconds(60'000));
        QVERIFY(!ask(*service)); // one probe, which fails and shuts it again
        QCOMPARE(m_a->calls.size(), 7);
        QVERIFY(!ask(*service));
        QCOMPARE(m_a->calls.size(), 7);
    }

    void closesTheBreakerAfterAGoodProbe()
    {
        std::deque<Act> acts(6, fails(ErrorCode::Unavailable));
        acts.push_back(says(u"back"_s));
        auto service = reliable(acts);
        QVERIFY(!ask(*service));
        QVERIFY(!ask(*service));
        m_clock->advance(Milliseconds(60'000));
        QVERIFY(ask(*service));
        QVERIFY(ask(*service));
        QCOMPARE(m_breakers->openFor(u"a/x"_s).count(), 0);
    }

    void letsOneProbeThrough()
    {
        for (int i = 0; i < 6; ++i) {
            m_breakers->failed(u"a/x"_s);
        }
        QCOMPARE(m_breakers->enter(u"a/x"_s), Breakers::Pass::Open);
        m_clock->advance(Milliseconds(60'000));
        QCOMPARE(m_breakers->enter(u"a/x"_s), Breakers::Pass::Probe);
        QCOMPARE(m_breakers->enter(u"a/x"_s), Breakers::Pass::Open);
        m_breakers->gaveUp(u"a/x"_s);
        QCOMPARE(m_breakers->enter(u"a/x"_s), Breakers::Pass::Probe);
        m_breakers->succeeded(u"a/x"_s);
        QCOMPARE(m_breakers->enter(u"a/x"_s), Breakers::Pass::Closed);
    }

    void cancelsDuringAPause()
    {
        auto service = reliable({fails(ErrorCode::Unavailable)});
        std::stop_source stop;
        std::optional<Result<Response>> answer;
        service->complete({}, {}, stop.get_token()).then([&](Result<Response> result) {
            answer.emplace(std::move(result));
        });
        QVERIFY(!answer);
        QCOMPARE(m_clock->waiting(), 1);
        stop.request_stop();
        QVERIFY(answer && !*answer);
        QCOMPARE(answer->error().code, ErrorCode::Cancelled);
        QCOMPARE(m_clock->waiting(), 0);
    }

    void answersWhatRunsWhenItGoes()
    {
        Act hangs;
        hangs.hangs = true;
        auto service = reliable({hangs});
        std::optional<Result<Response>> answer;
        service->complete({}, {}, {}).then([&](Result<Response> result) {
            answer.emplace(std::move(result));
        });
        QVERIFY(!answer);
        service.reset();
        QVERIFY(answer && !*answer);
        QCOMPARE(answer->error().code, ErrorCode::Cancelled);
    }

    void routesByKindOfProcess()
    {
        const auto a = std::make_shared<Actor>(std::deque<Act>{says(u"a"_s)});
        const auto b = std::make_shared<Actor>(std::deque<Act>{fails(ErrorCode::Forbidden)});
        const Router router({{u"default"_s, {u"a/one"_s}},
                             {u"worker"_s, {u"b/two"_s}},
                             {u"fallback"_s, {u"a/spare"_s, u"b/two"_s}}},
                            {{u"a"_s, a}, {u"b"_s, b}},
                            {},
                            {},
                            m_executor,
                            *m_clock);
        QCOMPARE(router.modelFor(u"channel"_s), u"a/one"_s);
        QCOMPARE(router.modelFor(u"worker"_s), u"b/two"_s);
        QVERIFY(router.forProcess(u"channel"_s).complete({}, {}, {}).wait());
        QVERIFY(router.forProcess(u"worker"_s).complete({}, {}, {}).wait());
        QCOMPARE(a->calls, (QStringList{u"one"_s, u"spare"_s}));
        QCOMPARE(b->calls, QStringList{u"two"_s});
    }

    void saysWhenNothingIsRouted()
    {
        const Router router({}, {}, {}, {}, m_executor, *m_clock);
        const auto response = router.forProcess(u"worker"_s).complete({}, {}, {}).wait();
        QVERIFY(!response);
        QCOMPARE(
            response.error().message,
            u"No model is set for this kind of process. Name one under models: routes: in signalbox.yaml."_s);
        QCOMPARE(router.modelFor(u"worker"_s), QString());
    }

    void worksOverARealSocket()
    {
        test::ScriptedModel model;
        model.when(test::hasNoTools())
            .reply(test::status(429).withHeader("Retry-After", "2"))
            .reply(test::text(u"ha"_s).drop())
            .reply(test::text(u"whole"_s));
        LoopExecutor executor(u"llm"_s);
        HttpSettings settings;
        settings.id = u"local"_s;
        settings.baseUrl = model.openAiUrl();
        const auto http = std::make_shared<OpenAiChat>(settings, executor, *m_clock);
        Reliable service({u"local/m"_s}, {{u"local"_s, http}}, m_breakers, {}, executor, *m_clock);
        Shown shown;
        std::atomic<bool> done = false;
        std::optional<Result<Response>> answer;
        service.complete({}, shown.sink(), {}).then([&](Result<Response> result) {
            answer.emplace(std::move(result));
            done = true;
        });
        QTRY_VERIFY((m_clock->advance(Milliseconds(100)), done.load()));
        QVERIFY(*answer);
        QCOMPARE((*answer)->attempts, 3);
        QCOMPARE((*answer)->model, u"local/m"_s);
        QCOMPARE(shown.text, u"whole"_s);
    }
};

QTEST_GUILESS_MAIN(tst_LlmReliable)
#include "tst_LlmReliable.moc"
