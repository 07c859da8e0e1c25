#include "core/llm/AnthropicMessages.h"
#include "core/llm/OpenAiChat.h"
#include "tests/support/ScriptedModel.h"

#include <QTcpServer>
#include <QTest>

using namespace sb;
using namespace sb::llm;
using namespace sb::test;
using namespace Qt::StringLiterals;

Q_DECLARE_METATYPE(sb::test::Reply)

/// Every way in which a service can fail, over a real socket: each ends in one clear sentence,
/// never in a hang.
class tst_LlmErrors final : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<Provider> provider(HttpSettings settings = {})
    {
        QFETCH_GLOBAL(bool, anthropic);
        settings.id = u"local"_s;
        if (settings.baseUrl.isEmpty()) {
            settings.baseUrl = anthropic ? m_model->anthropicUrl() : m_model->openAiUrl();
        }
        if (anthropic) {
            return std::make_unique<AnthropicMessages>(settings, *m_executor, *m_clock);
        }
        return std::make_unique<OpenAiChat>(settings, *m_executor, *m_clock);
    }
    static Request hello()
    {
        Request request;
        request.model = u"m"_s;
        request.messages = {{Role::User, u"hello"_s, {}, {}, false}};
        return request;
    }
    Error errorOf(HttpSettings settings = {})
    {
        auto service = provider(std::move(settings));
        const auto response = service->complete(hello(), {}, {}).wait();
        return response ? Error{ErrorCode::Internal, u"it succeeded: "_s + response->text, {}}
                        : response.error();
    }
    // Turns the clock until the call is answered: what the other thread has seen so far is not
    // known here.
    Result<Response> answerWhileTimePasses(Future<Response> call, Milliseconds step)
    {
        std::binary_semaphore done(0);
        std::optional<Result<Response>> response;
        std::move(call).then([&](Result<Response> result) {
            response.emplace(std::move(result));
            done.release();
        });
        do {
            m_clock->advance(step);
        } while (!done.try_acquire_for(std::chrono::milliseconds(5)));
        return std::move(*response);
    }

    [[nodiscard]] QString place() const { return u"127.0.0.1:%1"_s.arg(m_model->port()); }

    std::unique_ptr<ScriptedModel> m_model;
    std::unique_ptr<LoopExecutor> m_executor;
    std::unique_ptr<FakeClock> m_clock; // Fri, 15 Jan 2027 08:00:00 GMT

private Q_SLOTS:
    void initTestCase_data()
    {
        QTest::addColumn<bool>("anthropic");
        QTest::newRow("openai") << false;
        QTest::newRow("anthropic") << true;
    }
    void init()
    {
        m_model = std::make_unique<ScriptedModel>();
        m_clock = std::make_unique<FakeClock>(1'800'000'000'000'000);
        m_executor = std::make_unique<LoopExecutor>(u"llm"_s);
    }
    void cleanup()
    {
        m_executor.reset();
        m_model.reset();
    }

    void saysItInOneSentence_data()
    {
        QTest::addColumn<Reply>("reply");
        QTest::addColumn<ErrorCode>("code");
        QTest::addColumn<QString>("message");
        const QString name = u"The model service \"local\" "_s;
        QTest::newRow("401")
            << status(401, u"Bad key sk-very-secret"_s) << ErrorCode::Forbidden
            << name +
                   u"does not accept the key (HTTP 401: \"Bad key [the key]\"). Check the key that the configuration names for it."_s;
        QTest::newRow("402")
            << status(402) << ErrorCode::Forbidden
            << name +
                   u"says that the account has no credit left (HTTP 402). Top it up or choose another model."_s;
        QTest::newRow("403")
            << status(403, u"no"_s) << ErrorCode::Forbidden
            << name +
                   u"refuses this request (HTTP 403: \"no\"). Check that the key may use the model \"m\"."_s;
        QTest::newRow("404")
            << status(404, u"no such model"_s) << ErrorCode::NotFound
            << name +
                   u"knows no model \"m\" at this address (HTTP 404: \"no such model\"). Check the model's name and base_url."_s;
        QTest::newRow("400")
            << status(400, u"too many\nmessages\x1b[31m"_s) << ErrorCode::InvalidInput
            << name +
                   u"rejected the request (HTTP 400: \"too many messages [31m\"). Check that the model \"m\" supports what was asked for."_s;
        QTest::newRow("429")
            << status(429, u"slow down"_s) << ErrorCode::Unavailable
            << name +
                   u"limits how often it may be asked (HTTP 429: \"slow down\"). Wait a little or choose another model."_s;
        QTest::newRow("500")
            << status(500) << ErrorCode::Unavailable
            << name + u"failed (HTTP 500). Try again later or choose another model."_s;
        QTest::newRow("529")
            << status(529, u"overloaded"_s) << ErrorCode::Unavailable
            << name +
                   u"failed (HTTP 529: \"overloaded\"). Try again later or choose another model."_s;
        QTest::newRow("redirect")
            << status(307).withHeader("Location", "http://example.org/v1")
            << ErrorCode::InvalidInput
            << name +
                   u"redirects to example.org, which is not followed (HTTP 307). Set base_url to the address that really answers."_s;
        QTest::newRow("dropped")
            << dropped() << ErrorCode::Unavailable
            << name +
                   u"closed the connection at PLACE before it had answered. Try again, or look at its log."_s;
        QTest::newRow("cut off")
            << text(u"half"_s).drop() << ErrorCode::Unavailable
            << name + u"broke off in the middle of its answer. Try again, or look at its log."_s;
        QTest::newRow("ended early")
            << text(u"half"_s).endBody() << ErrorCode::Unavailable
            << name + u"broke off in the middle of its answer. Try again, or look at its log."_s;
        const QString unusable = u"The answer of the model service \"local\" cannot be used: "_s;
        QTest::newRow("empty") << rawStream({}) << ErrorCode::Unavailable
                               << unusable + u"it is empty. Try again, or look at its log."_s;
        QTest::newRow("malformed JSON")
            << rawStream("data: {\"choices\": [\n\n") << ErrorCode::Unavailable
            << unusable +
                   u"it sent something that is no JSON object. Try again, or look at its log."_s;
        QTest::newRow("malformed document")
            << rawStream("{\"choices\": [") << ErrorCode::Unavailable
            << unusable +
                   u"it sent something that is no JSON object. Try again, or look at its log."_s;
        QTest::newRow("empty document") << rawStream("{}") << ErrorCode::Unavailable << QString();
        QTest::newRow("garbage") << rawStream(QByteArray("\x00\xff\x13garbage\n\n\n", 13))
                                 << ErrorCode::Unavailable
                                 << unusable + u"it is empty. Try again, or look at its log."_s;
        QTest::newRow("web page")
            << rawStream("<!DOCTYPE html><html>hi</html>") << ErrorCode::InvalidInput
            << name + u"answered with a web page instead of a model's answer. Check base_url."_s;
        QTest::newRow("error in the stream")
            << text(u"a"_s)
                   .raw("data: "
                        "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":"
                        "\"Overloaded\"}}\n\n")
                   .endBody()
            << ErrorCode::Unavailable
            << unusable + u"it reported \"Overloaded\". Try again, or look at its log."_s;
        QTest::newRow("key refused in the stream")
            << rawStream("data: "
                         "{\"type\":\"error\",\"error\":{\"type\":\"authentication_error\","
                         "\"message\":\"no\"}}\n\n")
            << ErrorCode::Forbidden
            << unusable + u"it reported \"no\". Try again, or look at its log."_s;
    }
    void saysItInOneSentence()
    {
        QFETCH(Reply, reply);
        QFETCH(ErrorCode, code);
        QFETCH(QString, message);
        m_model->otherwise(reply);
        HttpSettings settings;
        settings.key = [] {
            return Future<Key>::ready(
                std::make_shared<const SecretString>(QByteArray("sk-very-secret")));
        };
        const Error error = errorOf(settings);
        if (!message.isEmpty()) {
            QCOMPARE(error.message, message.replace(u"PLACE"_s, place()));
        }
        QCOMPARE(error.code, code);
    }

    void refusedConnection()
    {
        QTcpServer probe; // a port that was free a moment ago
        QVERIFY(probe.listen(QHostAddress::LocalHost));
        const quint16 port = probe.serverPort();
        probe.close();
        HttpSettings settings;
        settings.baseUrl = u"http://127.0.0.1:%1"_s.arg(port);
        const Error error = errorOf(settings);
        QCOMPARE(error.code, ErrorCode::Unavailable);
        QCOMPARE(
            error.message,
            u"The model service \"local\" refused the connection at 127.0.0.1:%1. Is it running?"_s
                .arg(port));
    }

    void unknownHostAndBadAddresses()
    {
        HttpSettings settings;
        settings.baseUrl = u"http://no-such-host.invalid:1"_s;
        QCOMPARE(
            errorOf(settings).message,
            u"The model service \"local\" cannot be found: no address is known for no-such-host.invalid. Check base_url and the network."_s);
        settings.baseUrl = u"file:///etc/passwd"_s;
        QCOMPARE(errorOf(settings).code, ErrorCode::InvalidInput);
        settings.baseUrl = u"nonsense"_s;
        QCOMPARE(errorOf(settings).code, ErrorCode::InvalidInput);
        // TLS to a service that speaks none.
        settings.baseUrl = u"https://127.0.0.1:%1"_s.arg(m_model->port());
        const Error error = errorOf(settings);
        QCOMPARE(error.code, ErrorCode::Unavailable);
        QVERIFY2(error.message.startsWith(u"The model service \"local\" "_s),
                 qPrintable(error.message));
    }

    void nobodyTakesTheConnection()
    {
        QTcpServer mute; // the kernel connects, and nobody ever shakes hands
        QVERIFY(mute.listen(QHostAddress::LocalHost));
        HttpSettings settings;
        settings.baseUrl = u"https://127.0.0.1:%1"_s.arg(mute.serverPort());
        auto service = provider(settings);
        auto call = service->complete(hello(), {}, {});
        QTRY_VERIFY(m_clock->waiting() > 0);
        m_clock->advance(Milliseconds(30'000));
        const auto response = std::move(call).wait();
        QVERIFY(!response);
        QCOMPARE(response.error().code, ErrorCode::Timeout);
        QCOMPARE(
            response.error().message,
            u"The model service \"local\" could not be reached at 127.0.0.1:%1 within 30 s. Check base_url and the network."_s
                .arg(mute.serverPort()));
    }

    void silenceBeforeTheFirstWord()
    {
        m_model->otherwise(hanging());
        HttpSettings settings;
        settings.connect = Milliseconds(1'000'000'000);
        settings.total = settings.connect;
        auto service = provider(settings);
        auto call = service->complete(hello(), {}, {});
        QVERIFY(m_model->waitForRequests(1));
        const auto response = answerWhileTimePasses(std::move(call), Milliseconds(120'000));
        QVERIFY(!response);
        QCOMPARE(response.error().code, ErrorCode::Timeout);
        QCOMPARE(
            response.error().message,
            u"The model service \"local\" did not begin to answer within 120 s. Is it overloaded?"_s);
    }

    void silenceInTheMiddle()
    {
        QFETCH_GLOBAL(bool, anthropic);
        const Latch never;
        m_model->otherwise(text(u"half"_s).wait(never));
        auto service = provider();
        std::binary_semaphore came(0);
        StreamSink sink;
        sink.delta = [&](const QString&) { came.release(); };
        auto call = service->complete(hello(), sink, {});
        QVERIFY(came.try_acquire_for(std::chrono::seconds(10)));
        m_clock->advance(Milliseconds(anthropic ? 60'000 : 30'000));
        const auto response = std::move(call).wait();
        QVERIFY(!response);
        QCOMPARE(response.error().code, ErrorCode::Timeout);
        QCOMPARE(
            response.error().message,
            u"The model service \"local\" fell silent for %1 s in the middle of its answer. Try again, or look at its log."_s
                .arg(anthropic ? 60 : 30));
    }

    void silenceAfterTheLastWordIsNoFailure_data()
    {
        QTest::addColumn<bool>("endMark");
        QTest::newRow("no end mark") << false;
        QTest::newRow("no end of the body") << true;
    }
    void silenceAfterTheLastWordIsNoFailure()
    {
        QFETCH_GLOBAL(bool, anthropic);
        QFETCH(bool, endMark);
        const Latch never;
        QByteArray bytes =
            anthropic
                ? "data: "
                  "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":"
                  "\"all\"}}\n\n"
                  "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n"
                : "data: "
                  "{\"choices\":[{\"delta\":{\"content\":\"all\"},\"finish_reason\":\"stop\"}]}"
                  "\n\n";
        if (endMark) {
            bytes += anthropic ? "data: {\"type\":\"message_stop\"}\n\n" : "data: [DONE]\n\n";
        }
        m_model->otherwise(Reply().raw(bytes).wait(never));
        auto service = provider();
        std::binary_semaphore came(0);
        StreamSink sink;
        sink.delta = [&](const QString&) { came.release(); };
        auto call = service->complete(hello(), sink, {});
        QVERIFY(came.try_acquire_for(std::chrono::seconds(10)));
        const auto response =
            answerWhileTimePasses(std::move(call), Milliseconds(endMark ? 500 : 60'000));
        QVERIFY(response);
        QCOMPARE(response->text, u"all"_s);
    }

    void tooLongAltogether()
    {
        const Latch never;
        m_model->otherwise(text(u"half"_s).wait(never));
        HttpSettings settings;
        settings.total = Milliseconds(5'000);
        auto service = provider(settings);
        auto call = service->complete(hello(), {}, {});
        QVERIFY(m_model->waitForRequests(1));
        m_clock->advance(Milliseconds(5'000));
        const auto response = std::move(call).wait();
        QVERIFY(!response);
        QCOMPARE(
            response.error().message,
            u"The model service \"local\" did not finish its answer within 5 s. Ask for less or choose a faster model."_s);
    }

    void endlessAnswers_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QString>("message");
        QTest::newRow("text")
            << QByteArray()
            << u"The model service \"local\" sent more than 8 MiB of text and was cut off. Choose another model or ask for less."_s;
        const QString raw =
            u"The model service \"local\" sent more than 32 MiB and was cut off. Choose another model or look at the service."_s;
        QTest::newRow("one line") << QByteArray(4000, 'd') << raw;
        QTest::newRow("comments") << QByteArray(": ping\n\n") << raw;
        QTest::newRow("document") << QByteArray("{\"a\":") << raw;
        QTest::newRow("blanks") << QByteArray(4000, ' ') << raw;
    }
    void endlessAnswers()
    {
        QFETCH_GLOBAL(bool, anthropic);
        QFETCH(QByteArray, bytes);
        if (bytes.isEmpty()) { // rows are made once for both interfaces
            bytes = anthropic ? "data: "
                                "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_"
                                "delta\",\"text\":\""
                              : "data: {\"choices\":[{\"delta\":{\"content\":\"";
            bytes += QByteArray(4000, 'x');
            bytes += anthropic ? "\"}}\n\n" : "\"}}]}\n\n";
        }
        QFETCH(QString, message);
        m_model->otherwise(Reply().endless(bytes));
        const Error error = errorOf();
        QCOMPARE(error.message, message);
        QCOMPARE(error.code, ErrorCode::InvalidInput);
    }

    void tellsHowLongToWait_data()
    {
        QTest::addColumn<QByteArray>("header");
        QTest::addColumn<QByteArray>("value");
        QTest::addColumn<int>("milliseconds");
        QTest::newRow("seconds") << QByteArray("Retry-After") << QByteArray("7") << 7000;
        QTest::newRow("date") << QByteArray("Retry-After")
                              << QByteArray("Fri, 15 Jan 2027 08:00:20 GMT") << 20000;
        QTest::newRow("past") << QByteArray("Retry-After")
                              << QByteArray("Fri, 15 Jan 2027 07:00:20 GMT") << 0;
        QTest::newRow("milliseconds") << QByteArray("retry-after-ms") << QByteArray("250") << 250;
        QTest::newRow("nonsense") << QByteArray("Retry-After") << QByteArray("soon") << -1;
    }
    void tellsHowLongToWait()
    {
        QFETCH(QByteArray, header);
        QFETCH(QByteArray, value);
        QFETCH(int, milliseconds);
        m_model->otherwise(status(429).withHeader(header, value));
        auto service = provider();
        qint64 asked = -1;
        StreamSink sink;
        sink.retryAfter = [&](Milliseconds wait) { asked = wait.count(); };
        QVERIFY(!service->complete(hello(), sink, {}).wait());
        QCOMPARE(asked, milliseconds);
    }
};

QTEST_GUILESS_MAIN(tst_LlmErrors)
#include "tst_LlmErrors.moc"
