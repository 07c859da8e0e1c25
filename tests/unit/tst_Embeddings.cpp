#include "core/base/Contracts.h"
#include "core/llm/Embeddings.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTest>
#include <mutex>

using namespace sb;
using namespace sb::llm;
using namespace Qt::StringLiterals;

namespace {

/// A service on loopback that answers as the test says; on a thread of its own.
class Service
{
public:
    struct Asked
    {
        QByteArray head;
        QJsonObject body;
    };
    /// The bytes to answer with; empty: none, ever.
    using Answer = std::function<QByteArray(const Asked&)>;

    Service()
    {
        m_loop.postAndWait([this] {
            m_server = std::make_unique<QTcpServer>();
            QObject::connect(m_server.get(), &QTcpServer::newConnection, m_server.get(), [this] {
                while (QTcpSocket* socket = m_server->nextPendingConnection()) {
                    QObject::connect(
                        socket, &QTcpSocket::readyRead, socket, [this, socket] { serve(*socket); });
                }
            });
            SB_ASSERT(m_server->listen(QHostAddress::LocalHost));
            m_port = m_server->serverPort();
        });
    }
    ~Service() { stop(); }
    void stop()
    {
        m_loop.postAndWait([this] { m_server.reset(); });
    }
    [[nodiscard]] QString url() const { return u"http://127.0.0.1:%1/v1"_s.arg(m_port); }
    void answer(Answer answer)
    {
        const std::scoped_lock lock(m_mutex);
        m_answer = std::move(answer);
    }
    [[nodiscard]] QList<Asked> asked() const
    {
        const std::scoped_lock lock(m_mutex);
        return m_asked;
    }

private:
    void serve(QTcpSocket& socket)
    {
        QByteArray& bytes = m_bytes[&socket];
        bytes += socket.readAll();
        const qsizetype end = bytes.indexOf("\r\n\r\n");
        if (end < 0) {
            return;
        }
        const QByteArray head = bytes.first(end);
        const qsizetype at = head.toLower().indexOf("content-length: ");
        const qsizetype size = head.mid(at + 16).split('\r').first().toLongLong();
        if (bytes.size() < end + 4 + size) {
            return;
        }
        Asked asked{head, QJsonDocument::fromJson(bytes.sliced(end + 4, size)).object()};
        bytes.clear();
        const std::scoped_lock lock(m_mutex);
        m_asked.append(asked);
        socket.write(m_answer(asked));
    }

    LoopExecutor m_loop{u"service"_s};
    std::unique_ptr<QTcpServer> m_server;
    QHash<QTcpSocket*, QByteArray> m_bytes;
    quint16 m_port = 0;
    mutable std::mutex m_mutex;
    Answer m_answer;
    QList<Asked> m_asked;
};

QByteArray http(int status, const QByteArray& body)
{
    return "HTTP/1.1 " + QByteArray::number(status) +
           " X\r\nContent-Type: application/json\r\nContent-Length: " +
           QByteArray::number(body.size()) + "\r\n\r\n" + body;
}

/// A vector a text: its length, and the number of the text, backwards in order.
Service::Answer lengths(int dimension = 2)
{
    return [dimension](const Service::Asked& asked) {
        const QJsonArray input = asked.body["input"_L1].toArray();
        QJsonArray data;
        for (qsizetype i = input.size() - 1; i >= 0; --i) {
            QJsonArray vector{input[i].toString().size()};
            while (vector.size() < dimension) {
                vector.append(0.5);
            }
            data.append(QJsonObject{{u"index"_s, i}, {u"embedding"_s, vector}});
        }
        return http(200, QJsonDocument(QJsonObject{{u"data"_s, data}}).toJson());
    };
}

} // namespace

class tst_Embeddings final : public QObject
{
    Q_OBJECT

    Embeddings::Settings settings() const
    {
        Embeddings::Settings made;
        made.http.id = u"local"_s;
        made.http.baseUrl = m_service->url();
        made.model = u"nomic"_s;
        return made;
    }
    std::unique_ptr<Embeddings> client() { return client(settings()); }
    std::unique_ptr<Embeddings> client(Embeddings::Settings made)
    {
        return std::make_unique<Embeddings>(std::move(made), *m_loop, m_clock);
    }

    std::unique_ptr<Service> m_service;
    std::unique_ptr<LoopExecutor> m_loop;
    FakeClock m_clock;

private Q_SLOTS:
    void init()
    {
        m_service = std::make_unique<Service>();
        m_loop = std::make_unique<LoopExecutor>(u"llm"_s);
    }
    void cleanup()
    {
        m_loop.reset();
        m_service.reset();
    }

    void makesOneVectorATextInOrder()
    {
        m_service->answer(lengths());
        auto service = client();
        const auto again = service->embed({u"a"_s, u"bbb"_s, u"你好"_s, QString()}).wait();
        QVERIFY2(again, again ? "" : qPrintable(again.error().message));
        QCOMPARE(*again, (Embeddings::Vectors{{1, 0.5}, {3, 0.5}, {2, 0.5}, {1, 0.5}}));
        const auto asked = m_service->asked().last();
        QVERIFY(asked.head.startsWith("POST /v1/embeddings "));
        QVERIFY(!asked.head.toLower().contains("authorization"));
        QCOMPARE(asked.body["model"_L1].toString(), u"nomic"_s);
        QVERIFY(service->embed({}).wait()->empty());
    }

    void asksInBatches()
    {
        m_service->answer(lengths());
        auto made = settings();
        made.batch = 3;
        made.batchCharacters = 10;
        auto service = client(std::move(made));
        QStringList texts;
        for (int i = 1; i <= 8; ++i) {
            texts.append(QString(i, u'x'));
        }
        const auto vectors = service->embed(texts).wait();
        QVERIFY(vectors);
        QCOMPARE(vectors->size(), size_t(8));
        QCOMPARE(vectors->back().front(), 8.0F);
        QList<qsizetype> sizes;
        for (const auto& asked : m_service->asked()) {
            sizes.append(asked.body["input"_L1].toArray().size());
        }
        QCOMPARE(sizes, (QList<qsizetype>{3, 2, 1, 1, 1}));
    }

    void sendsTheKeyAndTellsWhenItIsRefused()
    {
        m_service->answer(lengths());
        auto made = settings();
        std::atomic<int> refused = 0;
        made.http.key = [] {
            return Future<Key>::ready(
                std::make_shared<const SecretString>(QByteArray("sk-secret")));
        };
        made.http.keyRefused = [&] { ++refused; };
        auto service = client(std::move(made));
        QVERIFY(service->embed({u"a"_s}).wait());
        QVERIFY(m_service->asked().first().head.contains("Bearer sk-secret"));
        m_service->answer(
            [](const auto&) { return http(401, R"({"error":{"message":"bad key"}})"); });
        QCOMPARE(service->embed({u"a"_s}).wait().error().code, ErrorCode::Forbidden);
        QCOMPARE(refused, 1);
    }

    void saysWhatIsWrongWithAnAnswer()
    {
        QFETCH(QByteArray, answer);
        QFETCH(int, code);
        QFETCH(QString, words);
        m_service->answer([answer](const auto&) { return answer; });
        auto service = client();
        const auto vectors = service->embed({u"a"_s}).wait();
        QVERIFY(!vectors);
        QCOMPARE(int(vectors.error().code), code);
        QVERIFY2(vectors.error().message.contains(words), qPrintable(vectors.error().message));
        QVERIFY(vectors.error().message.startsWith(u"The model service \"local\""_s));
    }
    void saysWhatIsWrongWithAnAnswer_data()
    {
        QTest::addColumn<QByteArray>("answer");
        QTest::addColumn<int>("code");
        QTest::addColumn<QString>("words");
        const auto row =
            [](const char* name, const QByteArray& answer, ErrorCode code, const QString& words) {
                QTest::newRow(name) << answer << int(code) << words;
            };
        row("500", http(500, "{}"), ErrorCode::Unavailable, u"failed"_s);
        row("429", http(429, "{}"), ErrorCode::Unavailable, u"limits how often"_s);
        row("404", http(404, "{}"), ErrorCode::NotFound, u"knows no model \"nomic\""_s);
        row("400",
            http(400, R"({"error":"input too long"})"),
            ErrorCode::InvalidInput,
            u"input too long"_s);
        row("web page", http(200, "<html>"), ErrorCode::InvalidInput, u"no JSON object"_s);
        row("no vectors", http(200, "{}"), ErrorCode::InvalidInput, u"0 vectors for 1 texts"_s);
        row("empty vector",
            http(200, R"({"data":[{"embedding":[]}]})"),
            ErrorCode::InvalidInput,
            u"one is empty"_s);
        row("words",
            http(200, R"({"data":[{"embedding":["x"]}]})"),
            ErrorCode::InvalidInput,
            u"no number"_s);
        row("wrong place",
            http(200, R"({"data":[{"index":7,"embedding":[1]}]})"),
            ErrorCode::InvalidInput,
            u"the same text"_s);
    }

    void saysWhenTheLengthOfVectorsChanges()
    {
        m_service->answer(lengths(2));
        auto service = client();
        QVERIFY(service->embed({u"a"_s}).wait());
        m_service->answer(lengths(3));
        const auto vectors = service->embed({u"a"_s}).wait();
        QCOMPARE(vectors.error().code, ErrorCode::Conflict);
        QCOMPARE(vectors.error().message,
                 u"The model service \"local\" makes vectors of 3 numbers now and made them of 2 "
                 u"before. Has the model \"nomic\" been exchanged?"_s);
    }

    void doesNotWaitForEver()
    {
        m_service->answer([](const auto&) { return QByteArray(); });
        auto service = client();
        auto future = service->embed({u"a"_s});
        QTRY_COMPARE(m_service->asked().size(), 1);
        QVERIFY(!future.isReady());
        m_clock.advance(std::chrono::seconds(30));
        const auto vectors = std::move(future).wait();
        QCOMPARE(vectors.error().code, ErrorCode::Unavailable);
        QVERIFY(vectors.error().message.contains(u"did not make vectors within 30 s"_s));
    }

    void whatIsAskedWhenItGoesIsCancelled()
    {
        m_service->answer([](const auto&) { return QByteArray(); });
        auto service = client();
        auto future = service->embed({u"a"_s});
        QTRY_COMPARE(m_service->asked().size(), 1);
        service.reset();
        QCOMPARE(std::move(future).wait().error().code, ErrorCode::Cancelled);
    }

    void saysWhenNobodyAnswers()
    {
        auto made = settings();
        m_service->stop();
        auto service = client(made);
        const auto vectors = service->embed({u"a"_s}).wait();
        QCOMPARE(vectors.error().code, ErrorCode::Unavailable);
        QVERIFY(vectors.error().message.contains(u"Is it running?"_s));
        made.http.baseUrl = u"file:///etc"_s;
        auto wrong = client(std::move(made));
        QCOMPARE(wrong->embed({u"a"_s}).wait().error().code, ErrorCode::InvalidInput);
    }
};

QTEST_GUILESS_MAIN(tst_Embeddings)
#include "tst_Embeddings.moc"
