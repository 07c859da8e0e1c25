#include "core/secrets/HashiCorp.h"

#include "core/secrets/Locked.h"

#include <QHostAddress>
#include <QJsonDocument>
#include <QJsonObject>
#include <QNetworkAccessManager>
#include <QNetworkProxy>
#include <QNetworkReply>
#include <QNetworkRequest>

using namespace Qt::StringLiterals;

namespace sb::secrets {

namespace {

constexpr qint64 mostBytes = 1 << 20;
constexpr int mostRedirects = 3;

bool isHere(const QUrl& url)
{
    return url.host() == "localhost"_L1 || QHostAddress(url.host()).isLoopback();
}

bool sameOrigin(const QUrl& a, const QUrl& b)
{
    const auto port = [](const QUrl& url) {
        return url.port(url.scheme() == "https"_L1 ? 443 : 80);
    };
    return a.scheme() == b.scheme() && a.host() == b.host() && port(a) == port(b);
}

// What was asked and did not come, without a word of the answer: it may hold values.
Error statusError(int status, const QString& where, const QString& what)
{
    switch (status) {
    case 400:
        return {ErrorCode::InvalidInput,
                u"%1 did not understand the question for %2."_s.arg(where, what),
                {}};
    case 401:
    case 403:
        return {
            ErrorCode::Forbidden, u"%1 does not let this token read %2."_s.arg(where, what), {}};
    case 404:
        return {ErrorCode::NotFound, u"%1 holds nothing under %2."_s.arg(where, what), {}};
    case 503:
        return {ErrorCode::Unavailable, u"%1 is sealed or under maintenance."_s.arg(where), {}};
    default:
        return {ErrorCode::Unavailable,
                u"%1 answered with status %2."_s.arg(where, QString::number(status)),
                {}};
    }
}

} // namespace

struct HashiCorp::Call
{
    QUrl url;
    QString path;
    QString field;
    QByteArray nameSpace;
    QString where; // for people
    SecretString token;
    Milliseconds patience;
    std::function<void()> beforeTls;
    Promise<Answer> promise;
    QNetworkReply* reply = nullptr;
    int redirects = 0;
    bool isTooMuch = false;
};

struct HashiCorp::Live
{
    std::unique_ptr<QNetworkAccessManager> network;
};

HashiCorp::HashiCorp(Executor& loop, std::function<void()> beforeTls, Milliseconds patience)
    : m_loop(loop)
    , m_beforeTls(std::move(beforeTls))
    , m_patience(patience)
    , m_live(std::make_shared<Live>())
{
}

HashiCorp::~HashiCorp()
{
    close();
}

void HashiCorp::close()
{
    // The promise of what still runs goes with its reply.
    m_loop.post([live = m_live] { live->network.reset(); });
}

Future<HashiCorp::Answer>
HashiCorp::read(const HashiCorpPlace& place, const QString& reference, SecretString token)
{
    const auto call = std::make_shared<Call>(); // shared by the steps of the request
    const auto hash = reference.lastIndexOf(u'#');
    call->path = reference.left(std::max<qsizetype>(0, hash));
    call->field = reference.mid(hash + 1);
    if (hash <= 0 || call->field.isEmpty() || call->path.contains(".."_L1)) {
        return Future<Answer>::ready(
            fail(ErrorCode::InvalidInput, u"hashicorp: must be followed by PATH#FIELD."_s));
    }
    call->url = QUrl(place.address);
    call->where = u"The vault at %1"_s.arg(call->url.host());
    if (!call->url.isValid() || call->url.host().isEmpty() ||
        (call->url.scheme() != "https"_L1 && call->url.scheme() != "http"_L1)) {
        return Future<Answer>::ready(
            fail(ErrorCode::InvalidInput,
                 u"The address of HashiCorp Vault must start with https://."_s));
    }
    call->url.setPath(call->url.path() + u"/v1/"_s + place.mount + u"/data/"_s + call->path);
    call->nameSpace = place.nameSpace.toUtf8();
    call->token = std::move(token);
    call->patience = m_patience;
    call->beforeTls = m_beforeTls;
    auto future = call->promise.future();
    m_loop.post([live = m_live, call] { send(live, call); });
    return future;
}

void HashiCorp::send(const std::shared_ptr<Live>& live, const std::shared_ptr<Call>& call)
{
    if (defended("secrets.hashicorp-plain") && call->url.scheme() != "https"_L1 &&
        !isHere(call->url)) {
        call->promise.set(fail(ErrorCode::InvalidInput,
                               u"The token would travel unencrypted to \"%1\"; use https://."_s.arg(
                                   call->url.host())));
        return;
    }
    if (call->url.scheme() == "https"_L1 && call->beforeTls) {
        call->beforeTls();
    }
    if (!live->network) {
        live->network = std::make_unique<QNetworkAccessManager>();
        live->network->setProxy(QNetworkProxy::NoProxy); // the token is for that host alone
    }
    QNetworkRequest request(call->url);
    request.setAttribute(QNetworkRequest::Http2AllowedAttribute, false);
    request.setAttribute(QNetworkRequest::RedirectPolicyAttribute,
                         QNetworkRequest::ManualRedirectPolicy);
    request.setAttribute(QNetworkRequest::CookieLoadControlAttribute, QNetworkRequest::Manual);
    request.setAttribute(QNetworkRequest::CookieSaveControlAttribute, QNetworkRequest::Manual);
    request.setAttribute(QNetworkRequest::CacheSaveControlAttribute, false);
    request.setTransferTimeout(call->patience);
    request.setRawHeader("X-Vault-Request", "true");
    if (!call->nameSpace.isEmpty()) {
        request.setRawHeader("X-Vault-Namespace", call->nameSpace);
    }
    call->token.expose(
        [&](QByteArrayView token) { request.setRawHeader("X-Vault-Token", token.toByteArray()); });
    QNetworkReply* const reply = live->network->get(request);
    call->reply = reply;
    QObject::connect(reply, &QNetworkReply::readyRead, reply, [call, reply] {
        if (reply->bytesAvailable() > mostBytes) {
            call->isTooMuch = true;
            reply->abort();
        }
    });
    QObject::connect(
        reply, &QNetworkReply::finished, reply, [live, call] { finished(live, call); });
}

void HashiCorp::finished(const std::shared_ptr<Live>& live, const std::shared_ptr<Call>& call)
{
    QNetworkReply* const reply = call->reply;
    reply->deleteLater();
    const QString what = u"%1 (field %2)"_s.arg(call->path, call->field);
    const int status = reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
    if (status >= 300 && status < 400) {
        const QUrl next =
            call->url.resolved(QUrl(QString::fromLatin1(reply->rawHeader("Location"))));
        if ((defended("secrets.hashicorp-redirect") && !sameOrigin(next, call->url)) ||
            ++call->redirects > mostRedirects) {
            call->promise.set(
                fail(ErrorCode::Unavailable,
                     u"%1 sends on to \"%2\", which does not get the token; if it should, make it "
                     u"the address."_s.arg(call->where, next.host())));
            return;
        }
        call->url = next;
        send(live, call);
        return;
    }
    if (status >= 400) {
        call->promise.set(std::unexpected(statusError(status, call->where, what)));
        return;
    }
    if (reply->error() != QNetworkReply::NoError) {
        const bool late =
            !call->isTooMuch && reply->error() == QNetworkReply::OperationCanceledError;
        call->promise.set(
            fail(late ? ErrorCode::Timeout : ErrorCode::Unavailable,
                 call->isTooMuch ? u"%1 answered with more than a megabyte."_s.arg(call->where)
                 : late          ? u"%1 did not answer in time."_s.arg(call->where)
                        : u"%1 cannot be reached (%2)."_s.arg(call->where, reply->errorString())));
        return;
    }
    QByteArray body = reply->readAll();
    const QJsonObject object = QJsonDocument::fromJson(body).object();
    wipe(body);
    const QJsonObject outer = object.value("data"_L1).toObject();
    if (!outer.value("data"_L1).isObject()) {
        call->promise.set(fail(
            ErrorCode::InvalidInput,
            u"%1 did not answer as a KV engine of version 2 does; check secrets.hashicorp.mount."_s
                .arg(call->where)));
        return;
    }
    QString text = outer.value("data"_L1).toObject().value(call->field).toString();
    if (text.isEmpty()) {
        call->promise.set(
            fail(ErrorCode::NotFound, u"%1 holds no text under %2."_s.arg(call->where, what)));
        return;
    }
    Answer answer;
    answer.value = SecretString(text.toUtf8());
    wipe(text);
    if (const double seconds = object.value("lease_duration"_L1).toDouble(); seconds > 0) {
        answer.lease = Milliseconds(qint64(std::min(seconds, 1e9) * 1000));
    }
    call->promise.set(std::move(answer));
}

} // namespace sb::secrets
