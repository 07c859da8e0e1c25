#include "tests/support/ScriptedModel.h"

#include "core/base/Executor.h"
#include "tests/support/ScriptedWire.h"

#include <QDeadlineTimer>
#include <QJsonDocument>
#include <QPointer>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTimer>
#include <condition_variable>
#include <deque>
#include <mutex>

namespace sb::test {

using namespace Qt::StringLiterals;

struct ScriptedModel::Rule::Data
{
    Matcher matcher;
    mutable std::mutex mutex;
    std::deque<Reply> replies;
    std::optional<Reply> last;
    std::function<Reply(const ModelRequest&)> make;

    std::optional<Reply> next(const ModelRequest& request)
    {
        if (!matcher(request)) {
            return std::nullopt;
        }
        std::function<Reply(const ModelRequest&)> maker;
        {
            const std::scoped_lock lock(mutex);
            if (!replies.empty()) {
                Reply reply = std::move(replies.front());
                replies.pop_front();
                return reply;
            }
            if (!make) {
                return last;
            }
            maker = make;
        }
        return maker(request);
    }
};

ScriptedModel::Rule& ScriptedModel::Rule::reply(Reply next)
{
    const std::scoped_lock lock(m->mutex);
    m->replies.push_back(std::move(next));
    return *this;
}

ScriptedModel::Rule& ScriptedModel::Rule::always(Reply last)
{
    const std::scoped_lock lock(m->mutex);
    m->last = std::move(last);
    return *this;
}

ScriptedModel::Rule& ScriptedModel::Rule::alwaysFrom(std::function<Reply(const ModelRequest&)> make)
{
    const std::scoped_lock lock(m->mutex);
    m->make = std::move(make);
    return *this;
}

namespace {

// What the test's thread and the server's thread both touch.
struct Shared
{
    mutable std::mutex mutex;
    mutable std::condition_variable came;
    std::vector<std::function<std::optional<Reply>(const ModelRequest&)>> rules;
    Reply otherwise = text(u"done"_s);
    QList<ModelRequest> requests;
    int count = 0;
    int connections = 0;
    bool recording = true;
    std::atomic<int> delay = 0;
};

// A way to the server's thread that outlives the server: a latch may open after it has gone.
struct Door
{
    std::mutex mutex;
    Executor* executor = nullptr;

    void post(Job job)
    {
        const std::scoped_lock lock(mutex);
        if (executor) {
            executor->post(std::move(job));
        }
    }
};

QByteArray reasonPhrase(int status)
{
    return status == 200 ? "OK" : status < 400 ? "Moved" : "Error";
}

// One connection: reads a request, plays a reply, and so on until either side hangs up.
class Connection final : public QObject
{
public:
    Connection(QTcpSocket* socket, std::shared_ptr<Shared> shared, std::shared_ptr<Door> door)
        : QObject(socket), m_socket(socket), m_shared(std::move(shared)), m_door(std::move(door))
    {
        socket->setSocketOption(QAbstractSocket::LowDelayOption, 1);
        connect(socket, &QTcpSocket::readyRead, this, [this] {
            m_in += m_socket->readAll();
            read();
        });
        connect(socket, &QTcpSocket::bytesWritten, this, [this] { pump(); });
        connect(socket, &QTcpSocket::disconnected, socket, &QObject::deleteLater);
    }

private:
    void read()
    {
        if (m_playing) {
            return;
        }
        if (!m_in.isEmpty() && (m_in[0] < 'A' || m_in[0] > 'Z')) {
            m_socket->disconnectFromHost(); // no HTTP: a TLS client, for one
            return;
        }
        const qsizetype end = m_in.indexOf("\r\n\r\n");
        if (end < 0) {
            return;
        }
        ModelRequest request;
        qsizetype length = 0;
        qsizetype line = m_in.indexOf("\r\n");
        const QList<QByteArray> words = m_in.left(line).split(' ');
        request.path = words.value(1);
        while (line < end) {
            const qsizetype next = m_in.indexOf("\r\n", line + 2);
            const QByteArray header = m_in.sliced(line + 2, next - line - 2);
            const qsizetype colon = header.indexOf(':');
            const QByteArray name = header.left(colon).toLower();
            const QByteArray value = header.mid(colon + 1).trimmed();
            if (name == "content-length") {
                length = value.toLongLong();
            }
            request.headers.append({name, value});
            line = next;
        }
        if (m_in.size() < end + 4 + length) {
            return;
        }
        request.body = QJsonDocument::fromJson(m_in.sliced(end + 4, length)).object();
        m_in.remove(0, end + 4 + length);
        request.anthropic = request.path.endsWith("/messages");
        play(std::move(request));
    }

    void play(ModelRequest request)
    {
        m_playing = true;
        m_step = 0;
        m_headSent = false;
        m_reply = choose(request);
        static std::atomic<quint64> number = 0;
        m_wire.emplace(request.anthropic, request.model(), ++number);
        m_stream = request.body["stream"_L1].toBool() && !m_reply.json;
        const int delay = m_shared->delay;
        if (delay > 0) {
            QTimer::singleShot(delay, Qt::PreciseTimer, this, [this] { run(); });
        } else {
            run();
        }
    }

    Reply choose(const ModelRequest& request)
    {
        std::vector<std::function<std::optional<Reply>(const ModelRequest&)>> rules;
        Reply fallback;
        {
            const std::scoped_lock lock(m_shared->mutex);
            ++m_shared->count;
            if (m_shared->recording) {
                m_shared->requests.append(request);
            }
            rules = m_shared->rules;
            fallback = m_shared->otherwise;
        }
        m_shared->came.notify_all();
        for (const auto& rule : rules) {
            if (auto reply = rule(request)) {
                return std::move(*reply);
            }
        }
        return fallback;
    }

    QByteArray head(const QByteArray& type, qint64 length) const
    {
        QByteArray out = "HTTP/1.1 " + QByteArray::number(m_reply.status) + ' ' +
                         reasonPhrase(m_reply.status) + "\r\nContent-Type: " + type + "\r\n";
        out += length < 0 ? QByteArray("Transfer-Encoding: chunked\r\n")
                          : "Content-Length: " + QByteArray::number(length) + "\r\n";
        for (const auto& [name, value] : m_reply.headers) {
            out += name + ": " + value + "\r\n";
        }
        return out + "\r\n";
    }

    // Frames what has gathered as one HTTP chunk.
    void flush()
    {
        if (m_out.isEmpty()) {
            return;
        }
        QByteArray bytes;
        if (!std::exchange(m_headSent, true)) {
            bytes = head("text/event-stream", -1);
        }
        bytes += QByteArray::number(m_out.size(), 16) + "\r\n" + m_out + "\r\n";
        m_out.clear();
        m_socket->write(bytes);
    }

    void begin()
    {
        if (m_stream && !std::exchange(m_begun, true)) {
            m_wire->begin(m_out, m_reply);
        }
    }

    void run()
    {
        if (m_reply.status != 200) {
            m_socket->write(head("application/json", m_reply.body.size()) + m_reply.body);
            finish();
            return;
        }
        while (m_step < m_reply.steps.size()) {
            const Reply::Step step = m_reply.steps[m_step++];
            if (!std::visit([this](const auto& one) { return perform(one); }, step)) {
                return;
            }
        }
        if (!m_stream) {
            const QByteArray document = m_wire->document(m_reply);
            m_socket->write(head("application/json", document.size()) + document);
            finish();
            return;
        }
        begin();
        m_wire->end(m_out, m_reply);
        endBody();
    }

    void endBody()
    {
        flush();
        if (!m_headSent) {
            m_socket->write(head("text/event-stream", -1));
        }
        m_socket->write("0\r\n\r\n");
        finish();
    }

    void finish()
    {
        m_playing = false;
        m_begun = false;
        if (!m_in.isEmpty()) {
            read();
        }
    }

    // Each returns whether the next step may follow at once.
    bool perform(const Reply::Text& step)
    {
        if (m_stream) {
            begin();
            m_wire->text(m_out, step.text);
            if (m_step < m_reply.steps.size() || m_reply.steps.size() > 1) {
                flush(); // several texts are several chunks
            }
        }
        return true;
    }
    bool perform(const Reply::Call& step)
    {
        if (m_stream) {
            begin();
            m_wire->call(m_out, step);
        }
        return true;
    }
    bool perform(const Reply::Wait& step)
    {
        if (step.latch.isOpen()) {
            return true;
        }
        flush();
        step.latch.then([door = m_door, self = QPointer<Connection>(this)] {
            door->post([self] {
                if (self) {
                    self->run();
                }
            });
        });
        return false;
    }
    bool perform(const Reply::Delay& step)
    {
        flush();
        QTimer::singleShot(step.milliseconds, Qt::PreciseTimer, this, [this] { run(); });
        return false;
    }
    bool perform(const Reply::Raw& step)
    {
        m_begun = true; // raw bytes stand for themselves
        m_out += step.bytes;
        flush();
        return true;
    }
    bool perform(const Reply::Drop&)
    {
        flush();
        m_socket->disconnectFromHost();
        return false;
    }
    bool perform(const Reply::Endless& step)
    {
        m_begun = true;
        while (m_endless.size() < 32768) {
            m_endless += step.bytes;
        }
        flush();
        pump();
        return false;
    }
    bool perform(const Reply::Hang&)
    {
        flush();
        return false;
    }
    bool perform(const Reply::EndBody&)
    {
        endBody();
        return false;
    }

    void pump()
    {
        while (!m_endless.isEmpty() && m_socket->bytesToWrite() < 262144 &&
               m_socket->state() == QAbstractSocket::ConnectedState) {
            m_out += m_endless;
            flush();
        }
    }

    QTcpSocket* m_socket;
    std::shared_ptr<Shared> m_shared;
    std::shared_ptr<Door> m_door;
    QByteArray m_in;
    QByteArray m_out;
    QByteArray m_endless;
    Reply m_reply;
    std::optional<ScriptedWire> m_wire;
    size_t m_step = 0;
    bool m_playing = false;
    bool m_stream = false;
    bool m_begun = false;
    bool m_headSent = false;
};

} // namespace

struct ScriptedModel::Private
{
    LoopExecutor executor{u"scripted-model"_s};
    QTcpServer* server = nullptr; // lives on the executor, as does everything below it
    std::shared_ptr<Shared> shared = std::make_shared<Shared>();
    std::shared_ptr<Door> door = std::make_shared<Door>();
    quint16 port = 0;
};

ScriptedModel::ScriptedModel(quint16 port) : m(std::make_unique<Private>())
{
    m->door->executor = &m->executor;
    m->executor.postAndWait([this, port] {
        auto* const server = m->server = new QTcpServer;
        server->setListenBacklogSize(1024);
        QObject::connect(server, &QTcpServer::newConnection, server, [server, this] {
            while (QTcpSocket* const socket = server->nextPendingConnection()) {
                {
                    const std::scoped_lock lock(m->shared->mutex);
                    ++m->shared->connections;
                }
                new Connection(socket, m->shared, m->door);
            }
        });
        server->setMaxPendingConnections(4096);
        if (server->listen(QHostAddress::LocalHost, port)) {
            m->port = server->serverPort();
        }
    });
}

ScriptedModel::~ScriptedModel()
{
    {
        const std::scoped_lock lock(m->door->mutex);
        m->door->executor = nullptr;
    }
    m->executor.postAndWait([this] { delete m->server; });
}

bool ScriptedModel::isListening() const
{
    return m->port != 0;
}

quint16 ScriptedModel::port() const
{
    return m->port;
}

QString ScriptedModel::openAiUrl() const
{
    return u"http://127.0.0.1:%1/v1"_s.arg(m->port);
}

QString ScriptedModel::anthropicUrl() const
{
    return u"http://127.0.0.1:%1"_s.arg(m->port);
}

ScriptedModel::Rule ScriptedModel::when(Matcher matcher)
{
    auto data = std::make_shared<Rule::Data>();
    data->matcher = std::move(matcher);
    const std::scoped_lock lock(m->shared->mutex);
    m->shared->rules.push_back([data](const ModelRequest& request) { return data->next(request); });
    return Rule(data);
}

void ScriptedModel::otherwise(Reply reply)
{
    const std::scoped_lock lock(m->shared->mutex);
    m->shared->otherwise = std::move(reply);
}

void ScriptedModel::setDelay(int milliseconds)
{
    m->shared->delay = milliseconds;
}

void ScriptedModel::setRecording(bool on)
{
    const std::scoped_lock lock(m->shared->mutex);
    m->shared->recording = on;
}

QList<ModelRequest> ScriptedModel::requests() const
{
    // A list of its own: Qt's lists ask without a barrier whether they are shared, which
    // ThreadSanitizer takes for a race when the last other owner let go in another thread.
    const std::scoped_lock lock(m->shared->mutex);
    return {m->shared->requests.cbegin(), m->shared->requests.cend()};
}

int ScriptedModel::requestCount() const
{
    const std::scoped_lock lock(m->shared->mutex);
    return m->shared->count;
}

bool ScriptedModel::waitForRequests(int count, int milliseconds) const
{
    std::unique_lock lock(m->shared->mutex);
    return m->shared->came.wait_for(
        lock, std::chrono::milliseconds(milliseconds), [&] { return m->shared->count >= count; });
}

int ScriptedModel::connectionCount() const
{
    const std::scoped_lock lock(m->shared->mutex);
    return m->shared->connections;
}

} // namespace sb::test
