#include "core/llm/AnthropicMessages.h"
#include "core/llm/OpenAiChat.h"
#include "tests/support/ScriptedModel.h"

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
};

QTEST_GUILESS_MAIN(tst_LlmHttp)
#include "tst_LlmHttp.moc"
