#include "core/llm/Embeddings.h"

#include "core/llm/Decoder.h"
#include "core/llm/HttpErrors.h"
#include "core/llm/HttpSetup.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QNetworkAccessManager>
#include <QNetworkReply>
#include <unordered_map>

namespace sb::llm {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 errorBodyCap = 64 << 10;

QUrl urlFor(QString base)
{
    if (base.isEmpty()) {
        base = u"https://api.openai.com/v1"_s;
    }
    while (base.endsWith(u'/')) {
        base.chop(1);
    }
    return QUrl(base + "/embeddings"_L1);
}

} // namespace

// Everything here but `embed` and `post` runs on the executor.
class Embeddings::Engine : public std::enable_shared_from_this<Engine>
{
public:
    Engine(Settings settings, Executor& executor, Clock& clock)
        : m_settings(std::move(settings))
        , m_service{m_settings.http.id, urlFor(m_settings.http.baseUrl), m_settings.model}
        , m_executor(executor)
        , m_clock(clock)
    {
    }

    void begin(QStringList texts, Promise<Vectors> promise);
    void shutDown();

private:
    struct Call
    {
        QStringList texts;
        Vectors vectors;
        qsizetype asked = 0; // texts in the request that is on its way
        Promise<Vectors> promise;
        QNetworkReply* reply = nullptr;
        QByteArray body;
        Subscription timer;
    };

    Call* find(quint64 id)
    {
        const auto found = m_calls.find(id);
        return found == m_calls.end() ? nullptr : &found->second;
    }
    void next(quint64 id);
    void send(quint64 id, const Key& key);
    void onData(quint64 id);
    void onFinished(quint64 id);
    Result<> take(Call& call);
    void settle(quint64 id, Result<> outcome);
    void dropReply(Call& call);

    const Settings m_settings;
    const Service m_service;
    Executor& m_executor;
    Clock& m_clock;
    std::unique_ptr<QNetworkAccessManager> m_network;
    std::unordered_map<quint64, Call> m_calls;
    quint64 m_lastId = 0;
    qsizetype m_dimension = 0; // of all vectors so far
    bool m_isDown = false;
};

void Embeddings::Engine::begin(QStringList texts, Promise<Vectors> promise)
{
    if (m_isDown) {
        return; // the promise says so
    }
    const quint64 id = ++m_lastId;
    Call& call = m_calls[id];
    call.texts = std::move(texts);
    call.promise = std::move(promise);
    next(id);
}

// Asks for the next texts, or answers when there are none left.
void Embeddings::Engine::next(quint64 id)
{
    Call& call = *find(id);
    if (call.vectors.size() == size_t(call.texts.size())) {
        settle(id, {});
        return;
    }
    if (m_service.url.scheme() != "http"_L1 && m_service.url.scheme() != "https"_L1) {
        // Qt would also open file: and data:
        settle(id,
               std::unexpected(networkError(m_service, QNetworkReply::ProtocolUnknownError, {})));
        return;
    }
    if (!m_settings.http.key) {
        send(id, {});
        return;
    }
    m_settings.http.key().then(m_executor, [self = shared_from_this(), id](Result<Key> key) {
        if (!self->find(id)) {
            return;
        }
        if (!key) {
            const QString what =
                u"The key of the model service \"%1\" cannot be had"_s.arg(self->m_service.id);
            self->settle(id, std::unexpected(key.error().inFrontOf(what)));
            return;
        }
        self->send(id, *key);
    });
}

void Embeddings::Engine::send(quint64 id, const Key& key)
{
    Call& call = *find(id);
    QJsonArray input;
    qsizetype characters = 0;
    call.asked = 0;
    for (auto at = qsizetype(call.vectors.size()); at < call.texts.size(); ++at) {
        const QString& text = call.texts[at];
        characters += text.size();
        if (call.asked > 0 &&
            (call.asked == m_settings.batch || characters > m_settings.batchCharacters)) {
            break;
        }
        // Services refuse a text that is empty; a space is as empty.
        input.append(text.isEmpty() ? u" "_s : text);
        ++call.asked;
    }
    QNetworkRequest request = requestTo(m_service.url);
    request.setRawHeader("Accept", "application/json");
    if (key) {
        key->expose([&](QByteArrayView secret) {
            if (!secret.isEmpty()) {
                request.setRawHeader("Authorization", "Bearer " + secret.toByteArray());
            }
        });
    }
    if (m_service.url.scheme() == "https"_L1) {
        ensureTlsPlugins();
    }
    if (!m_network) {
        m_network = std::make_unique<QNetworkAccessManager>();
        useNoProxy(*m_network);
    }
    const QJsonObject body{
        {u"model"_s, m_service.model}, {u"input"_s, input}, {u"encoding_format"_s, u"float"_s}};
    call.body.clear();
    call.reply = m_network->post(request, QJsonDocument(body).toJson(QJsonDocument::Compact));
    // The connections end with the reply, which ends before the engine.
    QObject::connect(call.reply, &QNetworkReply::readyRead, call.reply, [this, id] { onData(id); });
    QObject::connect(
        call.reply, &QNetworkReply::finished, call.reply, [this, id] { onFinished(id); });
    call.timer = m_clock.after(m_settings.timeout, m_executor, [weak = weak_from_this(), id] {
        const auto self = weak.lock();
        if (self && self->find(id)) {
            self->settle(
                id,
                fail(
                    ErrorCode::Unavailable,
                    self->m_service.name() +
                        u" did not make vectors within %1 s. Is it busy, or the model too large for it?"_s
                            .arg(self->m_settings.timeout.count() / 1000)));
        }
    });
}

void Embeddings::Engine::onData(quint64 id)
{
    const auto self = shared_from_this();
    Call* const call = find(id);
    if (!call) {
        return;
    }
    call->body += call->reply->readAll();
    if (call->body.size() > m_settings.http.rawCap) {
        settle(id,
               fail(ErrorCode::InvalidInput,
                    m_service.name() +
                        u" sent more than %1 MiB for a few vectors and was cut off."_s.arg(
                            m_settings.http.rawCap >> 20)));
    }
}

void Embeddings::Engine::onFinished(quint64 id)
{
    const auto self = shared_from_this();
    onData(id); // the last piece
    Call* const call = find(id);
    if (!call) {
        return;
    }
    QNetworkReply& reply = *call->reply;
    const int status = reply.attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
    if (status == 401 && m_settings.http.keyRefused) {
        m_settings.http.keyRefused();
    }
    Result<> outcome;
    if (status >= 300) {
        outcome = std::unexpected(statusError(m_service,
                                              status,
                                              call->body.left(errorBodyCap),
                                              QString::fromLatin1(reply.rawHeader("Location"))));
    } else if (reply.error() != QNetworkReply::NoError) {
        outcome = std::unexpected(networkError(m_service, reply.error(), reply.errorString()));
    } else {
        outcome = take(*call);
    }
    if (!outcome) {
        settle(id, std::move(outcome));
        return;
    }
    dropReply(*call);
    next(id);
}

// The vectors of one answer, which may come in any order.
Result<> Embeddings::Engine::take(Call& call)
{
    const auto unusable = [&](const QString& why) {
        return fail(ErrorCode::InvalidInput,
                    m_service.name() + u" gave an answer that holds no usable vectors: "_s + why,
                    m_service.url.toString());
    };
    const auto object = lenientObject(call.body);
    if (!object) {
        return unusable(u"it is no JSON object. Check base_url."_s);
    }
    const QJsonArray data = (*object)["data"_L1].toArray();
    if (data.size() != call.asked) {
        return unusable(u"%1 vectors for %2 texts. Does the model \"%3\" make vectors?"_s.arg(
            QString::number(data.size()), QString::number(call.asked), m_service.model));
    }
    Vectors vectors(size_t(call.asked));
    for (qsizetype i = 0; i < data.size(); ++i) {
        const QJsonArray numbers = data[i]["embedding"_L1].toArray();
        const qint64 place = data[i]["index"_L1].toInteger(i);
        if (place < 0 || place >= call.asked || !vectors[size_t(place)].empty()) {
            return unusable(u"two are for the same text."_s);
        }
        if (numbers.isEmpty()) {
            return unusable(u"one is empty."_s);
        }
        if (m_dimension == 0) {
            m_dimension = numbers.size();
        }
        if (numbers.size() != m_dimension) {
            return fail(
                ErrorCode::Conflict,
                m_service.name() +
                    u" makes vectors of %1 numbers now and made them of %2 before. Has the model \"%3\" been exchanged?"_s
                        .arg(QString::number(numbers.size()),
                             QString::number(m_dimension),
                             m_service.model));
        }
        auto& vector = vectors[size_t(place)];
        vector.reserve(size_t(numbers.size()));
        for (const auto& number : numbers) {
            if (!number.isDouble()) {
                return unusable(u"one holds something that is no number."_s);
            }
            vector.push_back(float(number.toDouble()));
        }
    }
    std::ranges::move(vectors, std::back_inserter(call.vectors));
    return {};
}

void Embeddings::Engine::dropReply(Call& call)
{
    call.timer.reset();
    if (QNetworkReply* const reply = std::exchange(call.reply, nullptr)) {
        reply->disconnect();
        if (!reply->isFinished()) {
            reply->abort();
        }
        reply->deleteLater();
    }
}

void Embeddings::Engine::settle(quint64 id, Result<> outcome)
{
    auto node = m_calls.extract(id);
    dropReply(node.mapped());
    if (outcome) {
        node.mapped().promise.set(std::move(node.mapped().vectors));
    } else {
        node.mapped().promise.set(std::unexpected(std::move(outcome).error()));
    }
}

void Embeddings::Engine::shutDown()
{
    m_isDown = true;
    for (auto& [id, call] : std::exchange(m_calls, {})) {
        dropReply(call);
    }
    m_network.reset();
}

Embeddings::Embeddings(Settings settings, Executor& executor, Clock& clock)
    : m_engine(std::make_shared<Engine>(std::move(settings), executor, clock)), m_executor(executor)
{
}

Embeddings::~Embeddings()
{
    m_executor.post([engine = std::move(m_engine)] { engine->shutDown(); });
}

Future<Embeddings::Vectors> Embeddings::embed(QStringList texts)
{
    Promise<Vectors> promise;
    auto future = promise.future();
    m_executor.post(
        [engine = m_engine, texts = std::move(texts), promise = std::move(promise)]() mutable {
            engine->begin(std::move(texts), std::move(promise));
        });
    return future;
}

} // namespace sb::llm
