#include "core/llm/HttpErrors.h"

#include "core/llm/Decoder.h"

#include <QJsonObject>
#include <QTimeZone>

namespace sb::llm {

using namespace Qt::StringLiterals;

namespace {

struct Told
{
    QString message;
    QString kind; // its type or code
};

Told toldBy(const QJsonValue& error)
{
    if (error.isString()) {
        return {error.toString(), {}};
    }
    const QJsonObject object = error.toObject();
    Told told;
    for (const auto key : {"message"_L1, "detail"_L1, "error_description"_L1, "error"_L1}) {
        if (object[key].isString()) {
            told.message = object[key].toString();
            break;
        }
    }
    told.kind = object["type"_L1].toString() + u' ' + object["code"_L1].toVariant().toString();
    return told;
}

Told toldBy(const QByteArray& body)
{
    const auto object = lenientObject(body);
    if (!object) {
        const QString text = QString::fromUtf8(body).trimmed();
        // A web page says nothing that fits into a sentence.
        return {text.startsWith(u'<') ? QString() : text, {}};
    }
    const QJsonValue error = (*object)["error"_L1];
    return toldBy(error.isObject() ? error : QJsonValue(*object));
}

bool isOutOfCredit(const Told& told)
{
    return told.kind.contains("insufficient_quota"_L1) || told.kind.contains("billing"_L1);
}

} // namespace

QString Service::name() const
{
    return u"The model service \"%1\""_s.arg(id);
}

QString Service::place() const
{
    const int port = url.port(url.scheme() == "https"_L1 ? 443 : 80);
    const QString host = url.host().contains(u':') ? u'[' + url.host() + u']' : url.host();
    return host + u':' + QString::number(port);
}

QString quotable(const QString& words)
{
    QString plain = words;
    for (QChar& c : plain) {
        if (c.category() == QChar::Other_Control || c.category() == QChar::Other_Format) {
            c = u' ';
        }
    }
    plain = plain.simplified();
    if (plain.size() > 300) {
        plain = plain.left(299) + u'…';
    }
    return plain;
}

Error statusError(const Service& service,
                  int status,
                  const QByteArray& body,
                  const QString& location)
{
    const Told told = toldBy(body);
    const QString words = quotable(told.message);
    const QString said = words.isEmpty()
                             ? u"(HTTP %1)"_s.arg(status)
                             : u"(HTTP %1: \"%2\")"_s.arg(QString::number(status), words);
    const auto error = [&](ErrorCode code, const QString& happened, const QString& todo) {
        return Error{code,
                     service.name() + u' ' + happened + u' ' + said + u". "_s + todo,
                     service.url.toString()};
    };
    if (status < 400) {
        const QString where = QUrl(location).host();
        return error(ErrorCode::InvalidInput,
                     where.isEmpty()
                         ? u"redirects to another address"_s
                         : u"redirects to %1, which is not followed"_s.arg(quotable(where)),
                     u"Set base_url to the address that really answers."_s);
    }
    if (status == 401) {
        return error(ErrorCode::Forbidden,
                     u"does not accept the key"_s,
                     u"Check the key that the configuration names for it."_s);
    }
    if (status == 402 || isOutOfCredit(told)) {
        return error(ErrorCode::Forbidden,
                     u"says that the account has no credit left"_s,
                     u"Top it up or choose another model."_s);
    }
    if (status == 403) {
        return error(ErrorCode::Forbidden,
                     u"refuses this request"_s,
                     u"Check that the key may use the model \"%1\"."_s.arg(service.model));
    }
    if (status == 404 || status == 405) {
        return error(ErrorCode::NotFound,
                     u"knows no model \"%1\" at this address"_s.arg(service.model),
                     u"Check the model's name and base_url."_s);
    }
    if (status == 429) {
        return error(ErrorCode::Unavailable,
                     u"limits how often it may be asked"_s,
                     u"Wait a little or choose another model."_s);
    }
    if (status == 413) {
        return error(ErrorCode::InvalidInput,
                     u"finds the request too large"_s,
                     u"Shorten the conversation or choose a model with a larger window."_s);
    }
    if (status >= 500 || status == 408 || status == 409 || status == 425) {
        return error(
            ErrorCode::Unavailable, u"failed"_s, u"Try again later or choose another model."_s);
    }
    return error(ErrorCode::InvalidInput,
                 u"rejected the request"_s,
                 u"Check that the model \"%1\" supports what was asked for."_s.arg(service.model));
}

Error networkError(const Service& service, QNetworkReply::NetworkError error, const QString& words)
{
    const QString place = service.place();
    const QString context = service.url.toString();
    switch (error) {
    case QNetworkReply::ConnectionRefusedError:
        return {ErrorCode::Unavailable,
                service.name() + u" refused the connection at %1. Is it running?"_s.arg(place),
                context};
    case QNetworkReply::HostNotFoundError:
        return {
            ErrorCode::Unavailable,
            service.name() +
                u" cannot be found: no address is known for %1. Check base_url and the network."_s
                    .arg(service.url.host()),
            context};
    case QNetworkReply::RemoteHostClosedError:
        return {
            ErrorCode::Unavailable,
            service.name() +
                u" closed the connection at %1 before it had answered. Try again, or look at its log."_s
                    .arg(place),
            context};
    case QNetworkReply::SslHandshakeFailedError:
        return {
            ErrorCode::Unavailable,
            service.name() +
                u" could not be reached safely at %1 (%2). Check base_url and the certificate."_s
                    .arg(place, quotable(words)),
            context};
    case QNetworkReply::ProtocolUnknownError:
        return {ErrorCode::InvalidInput,
                service.name() +
                    u" has a base_url that is no http or https address: \"%1\". Correct it."_s.arg(
                        quotable(context)),
                context};
    default:
        return {ErrorCode::Unavailable,
                service.name() +
                    u" could not be reached at %1 (%2). Check base_url and the network."_s.arg(
                        place, quotable(words)),
                context};
    }
}

Error errorInStream(const QJsonValue& error)
{
    const Told told = toldBy(error);
    const QString words = quotable(told.message);
    const QString message = words.isEmpty() ? u"it reported an error without words"_s
                                            : u"it reported \"%1\""_s.arg(words);
    ErrorCode code = ErrorCode::Unavailable;
    if (told.kind.contains("authentication"_L1) || told.kind.contains("permission"_L1) ||
        isOutOfCredit(told)) {
        code = ErrorCode::Forbidden;
    } else if (told.kind.contains("invalid_request"_L1)) {
        code = ErrorCode::InvalidInput;
    } else if (told.kind.contains("not_found"_L1)) {
        code = ErrorCode::NotFound;
    }
    return {code, message, {}};
}

std::optional<Milliseconds>
retryAfter(const QByteArray& milliseconds, const QByteArray& header, TimeUs now)
{
    const auto limited = [](double ms) {
        return Milliseconds(qint64(std::clamp(ms, 0.0, 86'400'000.0)));
    };
    bool ok = false;
    if (const double ms = milliseconds.trimmed().toDouble(&ok); ok && ms >= 0) {
        return limited(ms);
    }
    if (const double seconds = header.trimmed().toDouble(&ok); ok && seconds >= 0) {
        return limited(seconds * 1000);
    }
    const QString text = QString::fromLatin1(header.trimmed());
    QDateTime date = QLocale::c().toDateTime(text, u"ddd, dd MMM yyyy HH:mm:ss 'GMT'"_s);
    if (!date.isValid()) {
        return std::nullopt;
    }
    date.setTimeZone(QTimeZone::UTC);
    return limited(double(date.toMSecsSinceEpoch()) - double(now) / 1000.0);
}

} // namespace sb::llm
