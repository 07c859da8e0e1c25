#include "core/llm/HttpProvider.h"

#include "core/llm/Decoder.h"
#include "core/llm/HttpErrors.h"
#include "core/llm/HttpSetup.h"
#include "core/llm/Sse.h"

#include <QNetworkAccessManager>
#include <QNetworkReply>
#include <QNetworkRequest>

namespace sb::llm {

using namespace Qt::StringLiterals;

namespace {

constexpr int mostManagers = 8;
constexpr qint64 readAhead = 1 << 20; // bytes that Qt may hold before we took them
constexpr qint64 errorBodyCap = 64 << 10;
constexpr qint64 limitFrom = 64 << 10; // ordinary answers need no limit, which costs events
constexpr Milliseconds endGrace{500};  // between a stream's end mark and its end

enum class Form { Unknown, Events, Whole };

QString seconds(Milliseconds time)
{
    return QString::number(double(time.count()) / 1000.0, 'g', 4);
}

QString mebibytes(qint64 bytes)
{
    return QString::number(double(bytes) / double(1 << 20), 'g', 4);
}

} // namespace

// Everything here but `complete` and `post` runs on the executor.
class HttpProvider::Engine : public std::enable_shared_from_this<Engine>
{
public:
    Engine(HttpSettings settings, std::unique_ptr<Wire> wire, Executor& executor, Clock& clock)
        : m_settings(std::move(settings))
        , m_wire(std::move(wire))
        , m_url(m_wire->url())
        , m_template(requestTo(m_url))
        , m_secure(m_url.scheme() == "https"_L1)
        , m_executor(executor)
        , m_clock(clock)
    {
    }

    void begin(Request request, StreamSink sink, std::stop_token stop, Promise<Response> promise);
    void shutDown();

private:
    struct Manager
    {
        std::unique_ptr<QNetworkAccessManager> network;
        int active = 0;
    };

    struct Call
    {
        quint64 id = 0;
        Request request;
        StreamSink sink;
        Promise<Response> promise;
        Key key;
        std::optional<std::stop_callback<std::function<void()>>> onStop;
        QNetworkReply* reply = nullptr;
        int manager = -1;
        int status = 0;
        Form form = Form::Unknown;
        SseParser events;
        std::unique_ptr<Decoder> decoder;
        QByteArray whole; // an answer that is no stream, or an error's body
        qint64 startedUs = 0;
        qint64 lastUs = 0;   // when the last piece came
        qint64 firstUs = -1; // when the first piece with something in it came
        qint64 raw = 0;
        bool sent = false;    // the request is on its way
        bool heard = false;   // an event came
        bool limited = false; // Qt was told how far it may read ahead
    };

    void withKey(quint64 id, Result<Key> key);
    void send(Call& call);
    void onSent(quint64 id);
    void onData(quint64 id);
    void onFinished(quint64 id);
    Result<> take(Call& call, QByteArray bytes);
    Result<> takeEvents(Call& call);
    void show(Call& call);
    void settle(Call& call);
    void failCall(Call& call, Error error);
    void drop(quint64 id);
    void cancel(quint64 id);
    void watch();
    void look();
    [[nodiscard]] qint64 deadline(const Call& call) const;
    // A stream may be silent for longer than it may take to begin, if somebody set it so.
    [[nodiscard]] Milliseconds firstByte() const
    {
        return std::max(m_settings.firstByte, m_settings.idle);
    }
    [[nodiscard]] Error timeoutError(const Call& call) const;
    [[nodiscard]] Error unusable(const Call& call, const Error& why) const;
    [[nodiscard]] Service service(const Call& call) const;
    int freeManager();

    Call* find(quint64 id)
    {
        const auto found = m_calls.find(id);
        return found == m_calls.end() ? nullptr : found->second.get();
    }

    const HttpSettings m_settings;
    const std::unique_ptr<Wire> m_wire;
    const QUrl m_url;
    const QNetworkRequest m_template;
    const bool m_secure;
    Executor& m_executor;
    Clock& m_clock;
    std::vector<Manager> m_managers;
    std::unordered_map<quint64, std::unique_ptr<Call>> m_calls;
    quint64 m_lastId = 0;
    bool m_down = false;
    Subscription m_watch;
    qint64 m_watchDue = -1;
};

void HttpProvider::Engine::begin(Request request,
                                 StreamSink sink,
                                 std::stop_token stop,
                                 Promise<Response> promise)
{
    if (m_down || stop.stop_requested()) {
        promise.set(fail(ErrorCode::Cancelled, u"The model call was cancelled."_s));
        return;
    }
    const quint64 id = ++m_lastId;
    auto& call = *(m_calls[id] = std::make_unique<Call>());
    call.id = id;
    call.request = std::move(request);
    call.sink = std::move(sink);
    call.promise = std::move(promise);
    call.startedUs = call.lastUs = m_clock.steadyUs();
    if (stop.stop_possible()) {
        call.onStop.emplace(std::move(stop), [weak = weak_from_this(), &executor = m_executor, id] {
            if (const auto self = weak.lock()) {
                executor.post([self, id] { self->cancel(id); });
            }
        });
    }
    watch();
    if (!m_settings.key) {
        send(call);
        return;
    }
    m_settings.key().then(m_executor, [self = shared_from_this(), id](Result<Key> key) {
        self->withKey(id, std::move(key));
    });
}

void HttpProvider::Engine::withKey(quint64 id, Result<Key> key)
{
    Call* const call = find(id);
    if (!call) {
        return; // cancelled meanwhile
    }
    if (!key) {
        Error error = std::move(key).error();
        error.message =
            u"The key of the model service \"%1\" cannot be had: "_s.arg(m_settings.id) +
            error.message;
        failCall(*call, std::move(error));
        return;
    }
    call->key = std::move(*key);
    send(*call);
}

// The managers share the load: each has connections of its own, and a call that waits for one would
// look idle.
int HttpProvider::Engine::freeManager()
{
    for (size_t i = 0; i < m_managers.size(); ++i) {
        if (m_managers[i].active < connectionsPerHost) {
            return int(i);
        }
    }
    if (m_managers.size() < mostManagers) {
        Manager manager;
        manager.network = std::make_unique<QNetworkAccessManager>();
        useNoProxy(*manager.network);
        m_managers.push_back(std::move(manager));
        return int(m_managers.size()) - 1;
    }
    const auto least = std::ranges::min_element(m_managers, {}, &Manager::active);
    return int(least - m_managers.begin());
}

void HttpProvider::Engine::send(Call& call)
{
    if (!m_secure && m_url.scheme() != "http"_L1) {
        failCall(call, networkError(service(call), QNetworkReply::ProtocolUnknownError, {}));
        return; // Qt would also open file: and data:
    }
    if (m_secure) {
        ensureTlsPlugins();
    }
    QNetworkRequest request = m_template;
    if (!call.request.traceParent.isEmpty()) {
        request.setRawHeader("traceparent", call.request.traceParent.toLatin1());
    }
    const auto setHeaders = [&](QByteArrayView key) {
        for (const auto& [name, value] : m_wire->headers(key)) {
            request.setRawHeader(name, value);
        }
    };
    if (call.key) {
        call.key->expose(setHeaders);
    } else {
        setHeaders({});
    }
    call.decoder = m_wire->decoder();
    call.manager = freeManager();
    ++m_managers[size_t(call.manager)].active;
    QNetworkReply* const reply =
        m_managers[size_t(call.manager)].network->post(request, m_wire->body(call.request));
    call.reply = reply;
    // The connections end with the reply, which ends before the engine.
    QObject::connect(
        reply, &QNetworkReply::requestSent, reply, [this, id = call.id] { onSent(id); });
    QObject::connect(reply, &QNetworkReply::readyRead, reply, [this, id = call.id] { onData(id); });
    QObject::connect(
        reply, &QNetworkReply::finished, reply, [this, id = call.id] { onFinished(id); });
}

void HttpProvider::Engine::onSent(quint64 id)
{
    if (Call* const call = find(id)) {
        call->sent = true;
        call->lastUs = m_clock.steadyUs();
    }
}

void HttpProvider::Engine::onData(quint64 id)
{
    const auto self = shared_from_this();
    Call* const call = find(id);
    if (!call) {
        return;
    }
    QByteArray bytes = call->reply->readAll();
    call->raw += bytes.size();
    call->lastUs = m_clock.steadyUs();
    if (call->raw > limitFrom && !std::exchange(call->limited, true)) {
        call->reply->setReadBufferSize(readAhead);
    }
    // What is within the cap is still read, so that what strikes first does not hang on how the
    // bytes came.
    const qint64 beyond = call->raw - m_settings.rawCap;
    if (beyond > 0) {
        bytes.chop(std::min<qint64>(beyond, bytes.size()));
    }
    auto taken = take(*call, std::move(bytes));
    if (taken && beyond > 0) {
        taken = fail(
            ErrorCode::InvalidInput,
            service(*call).name() +
                u" sent more than %1 MiB and was cut off. Choose another model or look at the service."_s
                    .arg(mebibytes(m_settings.rawCap)));
    }
    if (!taken) {
        failCall(*call, std::move(taken).error());
    }
}

Result<> HttpProvider::Engine::take(Call& call, QByteArray bytes)
{
    if (call.status == 0) {
        call.status = call.reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
    }
    if (call.status >= 300) {
        call.whole += bytes.left(errorBodyCap - call.whole.size());
        return {};
    }
    if (call.form == Form::Unknown) {
        call.whole += bytes;
        const auto first = std::ranges::find_if_not(
            call.whole, [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; });
        if (first == call.whole.cend()) {
            call.whole.clear();
            return {};
        }
        if (*first == '<') {
            return fail(
                ErrorCode::InvalidInput,
                service(call).name() +
                    u" answered with a web page instead of a model's answer. Check base_url."_s);
        }
        call.form = *first == '{' || *first == '[' ? Form::Whole : Form::Events;
        bytes = call.form == Form::Events ? std::exchange(call.whole, {}) : QByteArray();
    }
    if (call.form == Form::Whole) {
        call.whole += bytes;
        return {};
    }
    call.events.append(std::move(bytes));
    return takeEvents(call);
}

Result<> HttpProvider::Engine::takeEvents(Call& call)
{
    SseParser::Event event;
    Result<> result;
    while (result && !call.decoder->hasEnded() && call.events.next(event)) {
        call.heard = true;
        result = call.decoder->event(event.name, event.data);
        if (!result) {
            result = std::unexpected(unusable(call, result.error()));
        } else if (call.decoder->size() > m_settings.textCap) {
            result = fail(
                ErrorCode::InvalidInput,
                service(call).name() +
                    u" sent more than %1 MiB of text and was cut off. Choose another model or ask for less."_s
                        .arg(mebibytes(m_settings.textCap)));
        }
    }
    show(call);
    return result;
}

void HttpProvider::Engine::show(Call& call)
{
    const QString text = call.decoder->takePending();
    if (call.firstUs < 0 && (!text.isEmpty() || call.decoder->hasToolCalls())) {
        call.firstUs = m_clock.steadyUs();
    }
    if (!text.isEmpty() && call.sink.delta) {
        call.sink.delta(text);
    }
}

void HttpProvider::Engine::onFinished(quint64 id)
{
    const auto self = shared_from_this();
    Call* const call = find(id);
    if (!call) {
        return;
    }
    if (call->reply->bytesAvailable() > 0) {
        onData(id); // the last piece
        if (!find(id)) {
            return;
        }
    }
    const auto error = call->reply->error();
    const int status = call->reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
    if (status >= 300) {
        if (call->sink.retryAfter) {
            if (const auto wait = retryAfter(call->reply->rawHeader("retry-after-ms"),
                                             call->reply->rawHeader("Retry-After"),
                                             m_clock.nowUs())) {
                call->sink.retryAfter(*wait);
            }
        }
        if (status == 401 && m_settings.keyRefused) {
            m_settings.keyRefused();
        }
        const QString location = QString::fromLatin1(call->reply->rawHeader("Location"));
        failCall(*call, statusError(service(*call), status, call->whole, location));
    } else if (call->form == Form::Whole && error == QNetworkReply::NoError) {
        auto taken = lenientObject(call->whole).and_then([&](const QJsonObject& object) {
            return call->decoder->whole(object);
        });
        if (!taken) {
            failCall(*call, unusable(*call, taken.error()));
            return;
        }
        show(*call);
        settle(*call);
    } else if (call->decoder->isComplete()) {
        settle(*call); // the model had said all; only the end mark is missing
    } else if (call->heard || call->form == Form::Whole) {
        failCall(*call,
                 {ErrorCode::Unavailable,
                  service(*call).name() +
                      u" broke off in the middle of its answer. Try again, or look at its log."_s,
                  m_url.toString()});
    } else if (error != QNetworkReply::NoError) {
        failCall(*call, networkError(service(*call), error, call->reply->errorString()));
    } else {
        failCall(*call, unusable(*call, {ErrorCode::Unavailable, u"it is empty"_s, {}}));
    }
}

void HttpProvider::Engine::settle(Call& call)
{
    if (!call.decoder->isComplete()) {
        failCall(call,
                 unusable(call, {ErrorCode::Unavailable, u"it ended without saying why"_s, {}}));
        return;
    }
    Response response = call.decoder->take();
    response.model = m_settings.id + u'/' + call.request.model;
    if (call.firstUs >= 0) {
        response.firstChunkMs = (call.firstUs - call.startedUs) / 1000;
    }
    const Promise<Response> promise = std::move(call.promise);
    drop(call.id);
    promise.set(std::move(response));
}

void HttpProvider::Engine::failCall(Call& call, Error error)
{
    if (call.key) {
        call.key->expose([&](QByteArrayView key) {
            if (key.size() >= 4) {
                error.message.replace(QString::fromUtf8(key), u"[the key]"_s);
            }
        });
    }
    const Promise<Response> promise = std::move(call.promise);
    drop(call.id);
    promise.set(std::unexpected(std::move(error)));
}

void HttpProvider::Engine::drop(quint64 id)
{
    const auto node = m_calls.extract(id);
    if (node.empty()) {
        return;
    }
    Call& call = *node.mapped();
    if (call.reply) {
        --m_managers[size_t(call.manager)].active;
        call.reply->disconnect();
        if (!call.reply->isFinished()) {
            call.reply->abort();
        }
        call.reply->deleteLater();
    }
}

void HttpProvider::Engine::cancel(quint64 id)
{
    if (Call* const call = find(id); call) {
        failCall(*call, {ErrorCode::Cancelled, u"The model call was cancelled."_s, {}});
    }
}

qint64 HttpProvider::Engine::deadline(const Call& call) const
{
    if (call.decoder && call.decoder->hasEnded()) {
        return call.lastUs + endGrace.count() * 1000;
    }
    const Milliseconds silence = call.heard  ? m_settings.idle
                                 : call.sent ? firstByte()
                                             : m_settings.connect;
    return std::min(call.lastUs + silence.count() * 1000,
                    call.startedUs + m_settings.total.count() * 1000);
}

// One timer watches all calls: a timer for each would cost more than the call.
void HttpProvider::Engine::watch()
{
    if (m_calls.empty()) {
        return;
    }
    // It strikes after the shortest of all times and is then set anew, so a call itself sets no
    // timer.
    const qint64 now = m_clock.steadyUs();
    const Milliseconds shortest =
        std::min({m_settings.idle, m_settings.connect, m_settings.total, endGrace});
    const qint64 due = now + shortest.count() * 1000;
    if (m_watchDue >= 0 && m_watchDue <= due) {
        return;
    }
    m_watchDue = due;
    m_watch = m_clock.after(shortest, m_executor, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
            self->look();
        }
    });
}

void HttpProvider::Engine::look()
{
    m_watchDue = -1;
    const qint64 now = m_clock.steadyUs();
    std::vector<quint64> late;
    for (const auto& [id, call] : m_calls) {
        if (deadline(*call) <= now) {
            late.push_back(id);
        }
    }
    for (const quint64 id : late) {
        Call* const call = find(id);
        if (!call) {
            continue;
        }
        if (call->decoder && call->decoder->isComplete()) {
            settle(*call);
        } else {
            failCall(*call, timeoutError(*call));
        }
    }
    watch();
}

Error HttpProvider::Engine::timeoutError(const Call& call) const
{
    const QString name = service(call).name();
    const qint64 whole = call.startedUs + m_settings.total.count() * 1000;
    if (m_clock.steadyUs() >= whole) {
        return {
            ErrorCode::Timeout,
            name +
                u" did not finish its answer within %1 s. Ask for less or choose a faster model."_s
                    .arg(seconds(m_settings.total)),
            m_url.toString()};
    }
    if (call.heard) {
        return {
            ErrorCode::Timeout,
            name +
                u" fell silent for %1 s in the middle of its answer. Try again, or look at its log."_s
                    .arg(seconds(m_settings.idle)),
            m_url.toString()};
    }
    if (!call.sent) {
        return {ErrorCode::Timeout,
                name + u" could not be reached at %1 within %2 s. Check base_url and the network."_s
                           .arg(service(call).place(), seconds(m_settings.connect)),
                m_url.toString()};
    }
    return {ErrorCode::Timeout,
            name + u" did not begin to answer within %1 s. Is it overloaded?"_s.arg(
                       seconds(firstByte())),
            m_url.toString()};
}

Error HttpProvider::Engine::unusable(const Call& call, const Error& why) const
{
    return {
        why.code,
        u"The answer of the model service \"%1\" cannot be used: %2. Try again, or look at its log."_s
            .arg(service(call).id, why.message),
        m_url.toString()};
}

Service HttpProvider::Engine::service(const Call& call) const
{
    return {m_settings.id, m_url, call.request.model};
}

void HttpProvider::Engine::shutDown()
{
    m_down = true;
    m_watch.reset();
    while (!m_calls.empty()) {
        Call& call = *m_calls.begin()->second;
        failCall(call,
                 {ErrorCode::Cancelled, u"The model call was cancelled: the program ends."_s, {}});
    }
    m_managers.clear(); // and with them what is left of the replies
}

HttpProvider::HttpProvider(HttpSettings settings,
                           std::unique_ptr<Wire> wire,
                           Executor& executor,
                           Clock& clock)
    : m_engine(std::make_shared<Engine>(std::move(settings), std::move(wire), executor, clock))
    , m_executor(executor)
{
}

HttpProvider::~HttpProvider()
{
    if (m_executor.isCurrent()) {
        m_engine->shutDown();
    } else {
        m_executor.post([engine = m_engine] { engine->shutDown(); });
    }
}

Future<Response> HttpProvider::complete(Request request, StreamSink sink, std::stop_token stop)
{
    Promise<Response> promise;
    auto future = promise.future();
    m_executor.post([engine = m_engine,
                     request = std::move(request),
                     sink = std::move(sink),
                     stop = std::move(stop),
                     promise = std::move(promise)]() mutable {
        engine->begin(std::move(request), std::move(sink), std::move(stop), std::move(promise));
    });
    return future;
}

} // namespace sb::llm
