#include "core/llm/AnthropicMessages.h"
#include "core/llm/OpenAiChat.h"
#include "tests/support/ScriptedModel.h"

#include <QFile>
#include <QProcess>
#include <QSslSocket>
#include <QTemporaryDir>
#include <QTest>

using namespace sb;
using namespace sb::llm;
using namespace sb::test;
using namespace Qt::StringLiterals;

namespace {

Request hello()
{
    Request request;
    request.model = u"m"_s;
    request.system = u"You are terse."_s;
    request.messages = {{Role::User, u"hello"_s, {}, {}, false}};
    return request;
}

ToolSpec shellTool()
{
    return {u"shell"_s, u"Runs a command."_s, QJsonObject{{u"type"_s, u"object"_s}}};
}

} // namespace

/// Both clients against the scripted service over a real socket. Rows named openai and anthropic
/// run the same check.
class tst_LlmHttp final : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<Provider> provider(bool anthropic, HttpSettings settings = {})
    {
        settings.id = u"local"_s;
        if (settings.baseUrl.isEmpty()) {
            settings.baseUrl = anthropic ? m_model->anthropicUrl() : m_model->openAiUrl();
        }
        if (anthropic) {
            return std::make_unique<AnthropicMessages>(settings, *m_executor, m_clock);
        }
        return std::make_unique<OpenAiChat>(settings, *m_executor, m_clock);
    }
    std::unique_ptr<Provider> provider()
    {
        QFETCH_GLOBAL(bool, anthropic);
        return provider(anthropic);
    }
    Result<Response> ask(Provider& service, Request request = hello())
    {
        return service.complete(std::move(request), {}, {}).wait();
    }

    std::unique_ptr<ScriptedModel> m_model;
    std::unique_ptr<LoopExecutor> m_executor;
    FakeClock m_clock;

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
        m_executor = std::make_unique<LoopExecutor>(u"llm"_s);
    }
    void cleanup()
    {
        m_executor.reset();
        m_model.reset();
    }

    void streamsText()
    {
        QFETCH_GLOBAL(bool, anthropic);
        m_model->otherwise(pieces({u"Hel"_s, u"lo “"_s, u"\"w\\orld\n"_s}).withUsage(7, 3));
        auto service = provider();
        QStringList shown;
        StreamSink sink;
        sink.delta = [&](const QString& piece) { shown.append(piece); };
        const auto response = service->complete(hello(), sink, {}).wait();
        QVERIFY2(response, qPrintable(response ? QString() : response.error().message));
        QCOMPARE(response->text, u"Hello “\"w\\orld\n"_s);
        QCOMPARE(shown.join(QString()), response->text);
        QCOMPARE(response->finish, FinishReason::Stop);
        QCOMPARE(response->usage, (Usage{7, 3, 0}));
        QCOMPARE(response->model, u"local/m"_s);
        QVERIFY(!response->id.isEmpty());
        const ModelRequest sent = m_model->requests().value(0);
        QCOMPARE(sent.anthropic, anthropic);
        QCOMPARE(sent.system(), u"You are terse."_s);
        QCOMPARE(sent.lastMessage(), u"hello"_s);
        QCOMPARE(sent.body["stream"_L1].toBool(), true);
    }

    void collectsToolCalls()
    {
        m_model->otherwise(text(u"Let me see."_s)
                               .thenToolCall(u"shell"_s, {{u"command"_s, u"make test"_s}}, u"a1"_s)
                               .thenToolCall(u"file_read"_s, {{u"path"_s, u"x"_s}}, u"a2"_s));
        auto service = provider();
        const auto response = ask(*service);
        QVERIFY(response);
        const QList<ToolCall> expected{{u"a1"_s, u"shell"_s, {{u"command"_s, u"make test"_s}}, {}},
                                       {u"a2"_s, u"file_read"_s, {{u"path"_s, u"x"_s}}, {}}};
        QCOMPARE(response->toolCalls, expected);
        QCOMPARE(response->text, u"Let me see."_s);
        QCOMPARE(response->finish, FinishReason::ToolCalls);
    }

    void sendsToolsAndTrace()
    {
        Request request = hello();
        request.tools = {shellTool()};
        request.traceParent = u"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"_s;
        auto service = provider();
        QVERIFY(ask(*service, request));
        const ModelRequest sent = m_model->requests().value(0);
        QCOMPARE(sent.tools(), QStringList{u"shell"_s});
        QCOMPARE(sent.header("traceparent"), request.traceParent.toLatin1());
    }

    void sendsTheKeyAndNothingWithoutOne()
    {
        QFETCH_GLOBAL(bool, anthropic);
        HttpSettings settings;
        settings.key = [] {
            return Future<Key>::ready(
                std::make_shared<const SecretString>(QByteArray("sk-very-secret")));
        };
        auto service = provider(anthropic, settings);
        QVERIFY(ask(*service));
        QVERIFY(ask(*provider()));
        const auto sent = m_model->requests();
        QCOMPARE(sent[0].header(anthropic ? "x-api-key" : "authorization"),
                 anthropic ? QByteArray("sk-very-secret") : QByteArray("Bearer sk-very-secret"));
        QCOMPARE(sent[0].header("anthropic-version"),
                 anthropic ? QByteArray("2023-06-01") : QByteArray());
        QVERIFY(sent[1].header("authorization").isEmpty() && sent[1].header("x-api-key").isEmpty());
    }

    void tellsWhenTheKeyCannotBeHad()
    {
        QFETCH_GLOBAL(bool, anthropic);
        HttpSettings settings;
        settings.key = [] {
            return Future<Key>::ready(
                fail(ErrorCode::NotFound, u"The environment has no LOCAL_KEY."_s));
        };
        const auto response = ask(*provider(anthropic, settings));
        QVERIFY(!response);
        QCOMPARE(
            response.error().message,
            u"The key of the model service \"local\" cannot be had: The environment has no LOCAL_KEY."_s);
        QCOMPARE(m_model->requestCount(), 0);
    }

    void sendsAHistoryThatServicesAccept()
    {
        QFETCH_GLOBAL(bool, anthropic);
        Request request = hello();
        request.messages = {
            {Role::User, u"one"_s, {}, {}, false},
            {Role::User, u"two"_s, {}, {}, false},
            {Role::Assistant,
             u"calling "_s,
             {{u"c:1"_s, u"shell"_s, {{u"command"_s, u"ls"_s}}, {}}},
             {},
             false},
            {Role::User, u"three"_s, {}, {}, false},
            {Role::Tool, u"out"_s, {}, u"c:1"_s, true},
            {Role::Tool, u"orphan"_s, {}, u"c9"_s, false},
        };
        QVERIFY(ask(*provider(), request));
        const QJsonArray sent = m_model->requests().value(0).messages();
        // Single quotes stand for double ones, to be readable.
        QByteArray expected =
            anthropic ? "[{'content':[{'text':'one','type':'text'},{'text':'two','type':'text'}],'"
                        "role':'user'},"
                        "{'content':[{'text':'calling','type':'text'},{'id':'c_1','input':{'"
                        "command':'ls'},"
                        "'name':'shell','type':'tool_use'}],'role':'assistant'},"
                        "{'content':[{'content':'out','is_error':true,'tool_use_id':'c_1','type':'"
                        "tool_result'},"
                        "{'text':'three','type':'text'}],'role':'user'}]"
                      : "[{'content':'one','role':'user'},{'content':'two','role':'user'},"
                        "{'content':'calling ','role':'assistant','tool_calls':[{'function':"
                        "{'arguments':'{\\'command\\':\\'ls\\'}','name':'shell'},'id':'c:1','type':"
                        "'function'}]},"
                        "{'content':'out','role':'tool','tool_call_id':'c:1'},{'content':'three','"
                        "role':'user'}]";
        QCOMPARE(QJsonDocument(sent).toJson(QJsonDocument::Compact), expected.replace('\'', '"'));
    }

    void acceptsJsonInPlaceOfAStream()
    {
        m_model->otherwise(
            text(u"whole"_s).thenToolCall(u"shell"_s, {{u"command"_s, u"ls"_s}}).asJson());
        QString shown;
        StreamSink sink;
        sink.delta = [&](const QString& piece) { shown += piece; };
        auto service = provider();
        const auto second = service->complete(hello(), sink, {}).wait();
        QVERIFY(second);
        QCOMPARE(second->text, u"whole"_s);
        QCOMPARE(shown, u"whole"_s);
        QCOMPARE(second->toolCalls.size(), 1);
        QCOMPARE(second->toolCalls[0].arguments, (QJsonObject{{u"command"_s, u"ls"_s}}));
        QCOMPARE(second->finish, FinishReason::ToolCalls);
    }

    void makesUpIdsThatLackOrRepeat()
    {
        m_model->otherwise(toolCall(u"a"_s, {}, u"-"_s)
                               .thenToolCall(u"b"_s, {}, u"x"_s)
                               .thenToolCall(u"c"_s, {}, u"x"_s));
        auto service = provider();
        const auto response = ask(*service);
        QVERIFY(response);
        QCOMPARE(response->toolCalls.size(), 3);
        QSet<QString> ids;
        for (const ToolCall& call : response->toolCalls) {
            QVERIFY(!call.id.isEmpty());
            ids.insert(call.id);
        }
        QCOMPARE(ids.size(), 3);
        QCOMPARE(response->toolCalls[1].id, u"x"_s);
    }

    void keepsMalformedArguments()
    {
        m_model->otherwise(
            rawToolCall(u"shell"_s, u"{\"command\": \"make"_s).withFinish(u"length"_s));
        auto service = provider();
        const auto response = ask(*service);
        QVERIFY(response);
        QCOMPARE(response->toolCalls.size(), 1);
        QCOMPARE(response->toolCalls[0].malformed, u"{\"command\": \"make"_s);
        QVERIFY(response->toolCalls[0].arguments.isEmpty());
    }

    void toleratesAMissingEndMark()
    {
        m_model->otherwise(text(u"all said"_s).withoutEndMark());
        auto service = provider();
        const auto response = ask(*service);
        QVERIFY(response);
        QCOMPARE(response->text, u"all said"_s);
    }

    void replacesInvalidUtf8()
    {
        QFETCH_GLOBAL(bool, anthropic);
        m_model->otherwise(rawStream(
            anthropic
                ? QByteArray(
                      "data: "
                      "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_"
                      "delta\",\"text\":\"a\xff\xfe b\"}}\n\n"
                      "data: "
                      "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n")
                : QByteArray("data: {\"choices\":[{\"delta\":{\"content\":\"a\xff\xfe "
                             "b\"},\"finish_reason\":\"stop\"}]}\n\n")));
        auto service = provider();
        const auto response = ask(*service);
        QVERIFY2(response, qPrintable(response ? QString() : response.error().message));
        QCOMPARE(response->text, u"a\uFFFD\uFFFD b"_s);
    }

    void reusesItsConnection()
    {
        auto service = provider();
        for (int i = 0; i < 20; ++i) {
            QVERIFY(ask(*service));
        }
        QCOMPARE(m_model->connectionCount(), 1);
    }

    void servesManyAtOnce()
    {
        m_model->setRecording(false);
        const Latch go;
        m_model->otherwise(text(u"a"_s).wait(go).thenText(u"b"_s));
        auto service = provider();
        std::vector<Future<Response>> calls;
        for (int i = 0; i < 600; ++i) {
            calls.push_back(service->complete(hello(), {}, {}));
        }
        // More than the 255 that Qt gives to one host: all of them are under way.
        QTRY_COMPARE_WITH_TIMEOUT(go.waiting(), 600, 20000);
        Latch(go).open();
        for (auto& call : calls) {
            const auto response = std::move(call).wait();
            QVERIFY2(response, qPrintable(response ? QString() : response.error().message));
            QCOMPARE(response->text, u"ab"_s);
        }
    }

    void cancelsAtOnce()
    {
        const Latch never;
        m_model->otherwise(text(u"a"_s).wait(never));
        auto service = provider();
        std::stop_source stop;
        auto call = service->complete(hello(), {}, stop.get_token());
        QVERIFY(m_model->waitForRequests(1));
        stop.request_stop();
        const auto response = std::move(call).wait();
        QVERIFY(!response);
        QCOMPARE(response.error().code, ErrorCode::Cancelled);
        // One that comes too late is not even sent.
        const auto late = service->complete(hello(), {}, stop.get_token()).wait();
        QVERIFY(!late);
        QCOMPARE(late.error().code, ErrorCode::Cancelled);
        QCOMPARE(m_model->requestCount(), 1);
    }

    void answersWhatRunsWhenItGoes()
    {
        m_model->otherwise(hanging());
        auto service = provider();
        auto call = service->complete(hello(), {}, {});
        QVERIFY(m_model->waitForRequests(1));
        service.reset();
        const auto response = std::move(call).wait();
        QVERIFY(!response);
        QCOMPARE(response.error().code, ErrorCode::Cancelled);
    }

    void theProgramServesAScript()
    {
        QFETCH_GLOBAL(bool, anthropic);
        QTemporaryDir folder;
        QFile script(folder.filePath(u"script.json"_s));
        QVERIFY(script.open(QIODevice::WriteOnly));
        script.write(QByteArray("{'rules': [{'when': {'last': 'hello'}, 'replies': [{'status': "
                                "500, 'message': 'sick'}],"
                                " 'always': {'pieces': ['a', 'b'],"
                                " 'tool_calls': [{'name': 't', 'arguments': {'x': 1}}]}}]}")
                         .replace('\'', '"'));
        script.close();
        QProcess program;
        program.setProcessChannelMode(QProcess::ForwardedErrorChannel);
        program.start(QStringLiteral(SB_TEST_BIN_DIR "/scripted-model"),
                      {u"0"_s, u"--script"_s, script.fileName()});
        QVERIFY(program.waitForReadyRead());
        const QByteArray ready = program.readLine().trimmed();
        QVERIFY(ready.startsWith("ready 127.0.0.1:"));
        HttpSettings settings;
        settings.baseUrl =
            u"http://"_s + QString::fromLatin1(ready.mid(6)) + (anthropic ? u""_s : u"/v1"_s);
        auto service = provider(anthropic, settings);
        QVERIFY(ask(*service).error().message.contains("\"sick\""_L1));
        const auto response = ask(*service);
        QVERIFY(response);
        QCOMPARE(response->text, u"ab"_s);
        QCOMPARE(response->toolCalls.value(0).arguments, (QJsonObject{{u"x"_s, 1}}));
        program.kill();
        program.waitForFinished();
    }

    void needsNoPluginsUntilTls()
    {
        const QStringList before = QCoreApplication::libraryPaths();
        QCoreApplication::setLibraryPaths({});
        auto service = provider();
        const auto plain = ask(*service);
        const bool stillEmpty = QCoreApplication::libraryPaths().isEmpty();
        ensureTlsPlugins();
        const bool tls = QSslSocket::supportsSsl();
        QCoreApplication::setLibraryPaths(before);
        QVERIFY(plain);
        QVERIFY(stillEmpty);
        QVERIFY(tls);
    }
};

QTEST_GUILESS_MAIN(tst_LlmHttp)
#include "tst_LlmHttp.moc"
