#include "core/llm/History.h"
#include "core/llm/Pricing.h"
#include "core/llm/Rehearsal.h"
#include "core/llm/Sse.h"

#include <QTemporaryDir>
#include <QTest>

using namespace sb;
using namespace sb::llm;
using namespace Qt::StringLiterals;

namespace {

Message user(const QString& text)
{
    return {Role::User, text, {}, {}, false};
}
Message assistant(const QString& text, const QList<ToolCall>& calls = {})
{
    return {Role::Assistant, text, calls, {}, false};
}
Message result(const QString& id, const QString& text)
{
    return {Role::Tool, text, {}, id, false};
}
ToolCall call(const QString& id, const QString& name = u"shell"_s)
{
    return {id, name, {}, {}};
}

QList<std::pair<QByteArray, QByteArray>> eventsOf(const QList<QByteArray>& pieces)
{
    SseParser parser;
    QList<std::pair<QByteArray, QByteArray>> events;
    SseParser::Event event;
    for (const QByteArray& piece : pieces) {
        parser.append(piece);
        while (parser.next(event)) {
            events.append({event.name.toByteArray(), event.data.toByteArray()});
        }
    }
    return events;
}

// Single quotes stand for double ones, to be readable.
QByteArray trajectory()
{
    return QByteArray("{'title': 't', 'processes': ["
                      "{'process': 'channel', 'otherwise': 'Only a recording.', 'steps': ["
                      "{'expect': ['tests'], 'text': 'A worker looks into it.',"
                      " 'tool_calls': [{'name': 'spawn_worker', 'arguments': {'task': 'fix'}}],"
                      " 'usage': {'input_tokens': 5}},"
                      "{'expect': ['wrk-'], 'text': 'Done.'}]},"
                      "{'process': 'worker', 'when': 'other', 'steps': [{'text': 'other work'}]},"
                      "{'process': 'worker', 'steps': [{'text': 'some work'}]}]}")
        .replace('\'', '"');
}

} // namespace

class tst_LlmParts final : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<Rehearsal> rehearsal(Rehearsal::Settings settings = {})
    {
        auto made =
            Rehearsal::fromJson(trajectory(), u"rehearsal"_s, settings, m_executor, m_clock);
        return made ? std::move(*made) : nullptr;
    }
    static Request request(const QString& kind, const QList<Message>& messages)
    {
        Request request;
        request.processKind = kind;
        request.messages = messages;
        return request;
    }

    InlineExecutor m_executor;
    FakeClock m_clock;

private Q_SLOTS:
    void readsEventsInAnyPieces()
    {
        const QByteArray stream =
            "\xEF\xBB\xBF: hello\n\ndata: one\n\nevent: named\r\ndata: two\r\ndata:three\r\n\r\n"
            "id: 7\ndata\n\nevent: no data\n\ndata: last\r\rdata: unfinished\n";
        const QList<std::pair<QByteArray, QByteArray>> expected{
            {"", "one"}, {"named", "two\nthree"}, {"", ""}, {"", "last"}};
        QCOMPARE(eventsOf({stream}), expected);
        QList<QByteArray> bytes;
        for (const char c : stream) {
            bytes.append(QByteArray(1, c));
        }
        QCOMPARE(eventsOf(bytes), expected);
        for (qsizetype i = 0; i < stream.size(); ++i) {
            QCOMPARE(eventsOf({stream.first(i), stream.sliced(i)}), expected);
        }
    }

    void leavesASoundHistoryAlone()
    {
        const QList<Message> sound{user(u"a"_s),
                                   assistant({}, {call(u"1"_s), call(u"2"_s)}),
                                   result(u"2"_s, u"two"_s),
                                   result(u"1"_s, u"one"_s),
                                   assistant(u"done"_s)};
        QCOMPARE(repaired(sound), sound);
    }

    void repairsAHistory()
    {
        const QList<Message> broken{user(u"a"_s),
                                    user(u"  "_s),
                                    result(u"0"_s, u"orphan"_s),
                                    assistant(u"x"_s, {call(u"1"_s), call(u"2"_s)}),
                                    user(u"in between"_s),
                                    result(u"2"_s, u"late"_s),
                                    result(u"2"_s, u"twice"_s),
                                    assistant({})};
        Message missing = result(u"1"_s, u"There is no result: the call was interrupted."_s);
        missing.isError = true;
        const QList<Message> expected{user(u"a"_s),
                                      assistant(u"x"_s, {call(u"1"_s), call(u"2"_s)}),
                                      missing,
                                      result(u"2"_s, u"late"_s),
                                      user(u"in between"_s)};
        QCOMPARE(repaired(broken), expected);
    }

    void tellsRepeatedIdsApart()
    {
        const auto fixed = repaired({assistant({}, {call(u"1"_s)}),
                                     result(u"1"_s, u"first"_s),
                                     assistant({}, {call(u"1"_s), call({}, {})}),
                                     result(u"1"_s, u"second"_s)});
        QCOMPARE(fixed.size(), 5);
        QVERIFY(fixed[2].toolCalls[0].id != u"1"_s);
        QCOMPARE(fixed[3].toolCallId, fixed[2].toolCalls[0].id);
        QCOMPARE(fixed[3].text, u"second"_s);
        QCOMPARE(fixed[4].toolCallId, fixed[2].toolCalls[1].id);
        QCOMPARE(fixed[2].toolCalls[1].name, u"unknown"_s);
    }

    void messagesSurviveJson()
    {
        Message failed = result(u"1"_s, u"no"_s);
        failed.isError = true;
        ToolCall bad = call(u"2"_s);
        bad.malformed = u"{"_s;
        for (const Message& message :
             {user(u"a"_s),
              assistant(u"b"_s, {{u"1"_s, u"shell"_s, {{u"command"_s, u"ls"_s}}, {}}, bad}),
              failed}) {
            const auto back = messageFromJson(toJson(message));
            QVERIFY(back);
            QCOMPARE(*back, message);
        }
        QVERIFY(!messageFromJson({{u"role"_s, u"king"_s}}));
    }

    void countsCosts()
    {
        const Pricing pricing({{u"a/m"_s, {3.0, 15.0, 0.3}}, {u"b"_s, {1.0, 2.0, {}}}});
        QCOMPARE(pricing.costMicroUsd(u"a/m"_s, {1000, 100, 400}),
                 std::optional<qint64>(1800 + 120 + 1500));
        QCOMPARE(pricing.costMicroUsd(u"b/any"_s, {10, 10, 5}), std::optional<qint64>(30));
        QCOMPARE(pricing.costMicroUsd(u"c/m"_s, {10, 10, 0}), std::optional<qint64>());
    }

    void rehearsesInOrder()
    {
        auto model = rehearsal();
        QVERIFY(model);
        QCOMPARE(model->title(), u"t"_s);
        QList<Message> history{user(u"fix the tests"_s)};
        QString shown;
        StreamSink sink;
        int pieces = 0;
        sink.delta = [&](const QString& piece) {
            shown += piece;
            ++pieces;
        };
        const auto first = model->complete(request(u"channel"_s, history), sink, {}).wait();
        QVERIFY(first);
        QCOMPARE(shown, u"A worker looks into it."_s);
        QVERIFY(pieces > 1);
        QCOMPARE(first->toolCalls.value(0).name, u"spawn_worker"_s);
        QCOMPARE(first->finish, FinishReason::ToolCalls);
        QCOMPARE(first->usage.inputTokens, 5);
        history += {assistant(first->text, first->toolCalls),
                    result(first->toolCalls[0].id, u"started wrk-1"_s)};
        // Another process of the program goes on where the history stands.
        const auto second = rehearsal()->complete(request(u"channel"_s, history), {}, {}).wait();
        QVERIFY(second);
        QCOMPARE(second->text, u"Done."_s);
        history += {assistant(second->text), result(u"x"_s, u"y"_s)};
        const auto third = model->complete(request(u"channel"_s, history), {}, {}).wait();
        QVERIFY(!third);
        QCOMPARE(third.error().message,
                 u"The rehearsal \"t\" is over for the channel: all its 2 steps were played."_s);
    }

    void saysWhenItDoesNotFit()
    {
        auto model = rehearsal();
        const QList<Message> history{
            user(u"fix the tests"_s),
            assistant(u"A worker looks into it."_s, {call(u"1"_s, u"spawn_worker"_s)}),
            result(u"1"_s, u"refused"_s)};
        const auto response = model->complete(request(u"channel"_s, history), {}, {}).wait();
        QVERIFY(!response);
        QCOMPARE(
            response.error().message,
            u"The rehearsal \"t\" does not fit what happened: step 2 of the channel was recorded after \"wrk-\", but the last message is \"refused\"."_s);
        QVERIFY(!model->complete(request(u"branch"_s, {}), {}, {}).wait());
    }

    void answersAPersonWhoSaysSomethingElse()
    {
        auto model = rehearsal();
        const auto response =
            model->complete(request(u"channel"_s, {user(u"what is the weather?"_s)}), {}, {})
                .wait();
        QVERIFY(response);
        QCOMPARE(response->text, u"Only a recording."_s);
        const auto next = model
                              ->complete(request(u"channel"_s,
                                                 {user(u"what is the weather?"_s),
                                                  assistant(u"Only a recording."_s),
                                                  user(u"fix the tests"_s)}),
                                         {},
                                         {})
                              .wait();
        QVERIFY(next);
        QCOMPARE(next->text, u"A worker looks into it."_s);
    }

    void tellsProcessesOfAKindApart()
    {
        auto model = rehearsal();
        QCOMPARE(
            model->complete(request(u"worker"_s, {user(u"the other task"_s)}), {}, {}).wait()->text,
            u"other work"_s);
        QCOMPARE(model->complete(request(u"worker"_s, {user(u"a task"_s)}), {}, {}).wait()->text,
                 u"some work"_s);
    }

    void pacesAndCancels()
    {
        Rehearsal::Settings settings;
        settings.firstPause = Milliseconds(100);
        settings.pause = Milliseconds(10);
        auto model = rehearsal(settings);
        QString shown;
        StreamSink sink;
        sink.delta = [&](const QString& piece) { shown += piece; };
        std::optional<Result<Response>> answer;
        std::stop_source stop;
        model->complete(request(u"channel"_s, {user(u"tests"_s)}), sink, stop.get_token())
            .then([&](Result<Response> done) { answer.emplace(std::move(done)); });
        QCOMPARE(shown, QString());
        m_clock.advance(Milliseconds(100));
        QCOMPARE(shown, u"A worker looks "_s);
        QVERIFY(!answer);
        stop.request_stop();
        QVERIFY(answer && !*answer);
        QCOMPARE(answer->error().code, ErrorCode::Cancelled);
        answer.reset();
        model->complete(request(u"channel"_s, {user(u"tests"_s)}), {}, {})
            .then([&](Result<Response> done) { answer.emplace(std::move(done)); });
        model.reset();
        QVERIFY(answer && !*answer);
    }

    void refusesABadTrajectory_data()
    {
        QTest::addColumn<QByteArray>("json");
        QTest::addColumn<QString>("message");
        QTest::newRow("no JSON")
            << QByteArray("{")
            << u"The rehearsal is no JSON object: unterminated object at byte 1."_s;
        QTest::newRow("key")
            << QByteArray("{\"step\": 1}")
            << u"The rehearsal has an unknown key \"step\" in its top; known are title, processes."_s;
        QTest::newRow("empty") << QByteArray("{}") << u"The rehearsal holds no processes."_s;
        QTest::newRow("empty step")
            << QByteArray("{\"processes\": [{\"process\": \"worker\", \"steps\": [{}]}]}")
            << u"The rehearsal has neither text nor tool calls in step 1 of the worker."_s;
    }
    void refusesABadTrajectory()
    {
        QFETCH(QByteArray, json);
        QFETCH(QString, message);
        const auto made = Rehearsal::fromJson(json, u"r"_s, {}, m_executor, m_clock);
        QVERIFY(!made);
        QCOMPARE(made.error().message, message);
        QVERIFY(!Rehearsal::fromFile(u"/no/such/file"_s, u"r"_s, {}, m_executor, m_clock));
    }
};

QTEST_GUILESS_MAIN(tst_LlmParts)
#include "tst_LlmParts.moc"
