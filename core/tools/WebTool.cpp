#include "core/tools/WebTool.h"

#include "core/tools/WebToolAddress.h"

#include <QHostInfo>
#include <QNetworkAccessManager>
#include <QNetworkProxy>
#include <QNetworkReply>
#include <QPointer>
#include <QStringDecoder>
#include <QUrl>

namespace sb::tools {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 kMostBytes = 1 << 20;
constexpr qsizetype kMostText = 64 << 10;
constexpr Milliseconds kPatience{30'000};

QString hostOf(const QUrl& url)
{
    QString host = url.host(QUrl::FullyEncoded).toLower();
    while (host.endsWith(u'.')) {
        host.chop(1); // the same name, written in full
    }
    return host;
}

QString hostAndPort(const QUrl& url)
{
    const QString host = hostOf(url);
    const int port = url.port(url.scheme() == "https"_L1 ? 443 : 80);
    return (host.contains(u':') ? u'[' + host + u']' : host) + u':' + QString::number(port);
}

QString decoded(const QByteArray& bytes, const QString& contentType)
{
    const qsizetype at = contentType.indexOf("charset="_L1, 0, Qt::CaseInsensitive);
    QString name = at < 0 ? QString() : contentType.mid(at + 8).section(u';', 0, 0).trimmed();
    name.remove(u'"');
    QStringDecoder decoder(name.toLatin1().constData());
    if (name.isEmpty() || !decoder.isValid()) {
        decoder = QStringDecoder(QStringDecoder::Utf8);
    }
    return decoder(bytes);
}

bool isText(const QString& contentType, const QByteArray& bytes)
{
    const QString type = contentType.section(u';', 0, 0).trimmed().toLower();
    if (type.isEmpty()) {
        return !looksBinary(bytes);
    }
    return type.startsWith("text/"_L1) || type.endsWith("json"_L1) || type.endsWith("xml"_L1) ||
           type.endsWith("yaml"_L1) || type.endsWith("javascript"_L1) || type.endsWith("toml"_L1);
}

/// One request, from the look-up of the name to the answer. Lives on the loop and deletes itself
/// when it has answered.
class Fetch final : public QObject
{
public:
    Fetch(QUrl url, QString listed, const Context& context, Promise<Output> promise)
        : m_url(std::move(url))
        , m_listedByName(context.allowedHosts.contains(listed, Qt::CaseInsensitive))
        , m_promise(std::move(promise))
    {
        m_manager.setProxy(
            QNetworkProxy(QNetworkProxy::NoProxy)); // a proxy would choose the address
        m_manager.setRedirectPolicy(QNetworkRequest::ManualRedirectPolicy);
    }

    void start(Executor& loop, Clock& clock, const std::stop_token& stop)
    {
        QPointer<Fetch> self(this);
        m_timer = clock.after(kPatience, loop, [self] {
            if (self) {
                self->finish(fail(ErrorCode::Timeout, u"The server did not answer within 30 s."_s));
            }
        });
        m_stop.emplace(stop, [self, &loop] {
            loop.post([self] {
                if (self) {
                    self->finish(fail(ErrorCode::Cancelled, u"It was cancelled."_s));
                }
            });
        });
        const QString host = hostOf(m_url);
        if (const QHostAddress literal(host); !literal.isNull()) {
            connectTo({literal});
            return;
        }
        QHostInfo::lookupHost(host, this, [this](const QHostInfo& info) {
            if (info.error() != QHostInfo::NoError) {
                finish(fail(ErrorCode::Unavailable,
                            u"The name %1 could not be resolved: %2."_s.arg(hostOf(m_url),
                                                                            info.errorString())));
                return;
            }
            connectTo(info.addresses());
        });
    }

private:
    void connectTo(const QList<QHostAddress>& addresses)
    {
        const QString host = hostOf(m_url);
        const auto chosen = std::ranges::find_if(addresses, [&](const QHostAddress& address) {
            return mayConnect(host, m_listedByName, address);
        });
        if (chosen == addresses.end()) {
            finish(fail(ErrorCode::Forbidden,
                        u"%1 leads to an address of a private network or of this machine, which is "
                        "refused unless it is on the agent's list itself."_s.arg(host)));
            return;
        }
        m_address = chosen->toString();

        // The connection goes to the address that was checked; the name serves the server and the
        // certificate only.
        QUrl target = m_url;
        target.setHost(m_address);
        QNetworkRequest request(target);
        const QString name = host.contains(u':') ? QString(u'[' + host + u']') : host;
        request.setRawHeader(
            "Host",
            (m_url.port() < 0 ? name : name + u':' + QString::number(m_url.port())).toLatin1());
        request.setPeerVerifyName(host);
        request.setRawHeader("User-Agent", "Signalbox/" SB_VERSION);
        request.setRawHeader("Accept",
                             "text/*, application/json, application/xml;q=0.9, */*;q=0.1");
        request.setAttribute(QNetworkRequest::Http2AllowedAttribute, false);
        request.setAttribute(QNetworkRequest::CookieLoadControlAttribute, QNetworkRequest::Manual);
        request.setAttribute(QNetworkRequest::CookieSaveControlAttribute, QNetworkRequest::Manual);
        m_reply = m_manager.get(request);
        m_reply->setReadBufferSize(kMostBytes);
        connect(m_reply, &QIODevice::readyRead, this, [this] {
            m_body += m_reply->read(kMostBytes - m_body.size());
            if (m_body.size() >= kMostBytes) {
                m_cut = true;
                finish(answer());
            }
        });
        connect(m_reply, &QNetworkReply::finished, this, [this] {
            m_body += m_reply->read(kMostBytes - m_body.size());
            const bool answered =
                m_reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).isValid();
            if (!answered) {
                finish(fail(ErrorCode::Unavailable,
                            u"The server could not be reached: %1."_s.arg(m_reply->errorString())));
                return;
            }
            finish(answer());
        });
    }

    Result<Output> answer()
    {
        const int status = m_reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
        const QString type = m_reply->header(QNetworkRequest::ContentTypeHeader).toString();
        Output output;
        output.facts = {{u"url"_s, m_url.toString(QUrl::FullyEncoded)},
                        {u"status"_s, status},
                        {u"address"_s, m_address},
                        {u"content_type"_s, type.left(200)},
                        {u"bytes"_s, m_body.size()},
                        {u"truncated"_s, m_cut}};
        if (status >= 300 && status < 400 && m_reply->hasRawHeader("Location")) {
            const QUrl to = m_url.resolved(QUrl::fromEncoded(m_reply->rawHeader("Location")));
            const QString where = to.toString(QUrl::FullyEncoded).left(4096);
            output.facts.insert(u"redirect"_s, where);
            output.text =
                u"[%1: it has moved to %2. Redirects are not followed; fetch that address if "
                "you need it.]"_s.arg(status)
                    .arg(where);
            return output;
        }
        output.isError = status >= 400;
        if (!isText(type, m_body)) {
            output.text = u"[%1: %2, %3 bytes; only text can be shown.]"_s.arg(status)
                              .arg(type.isEmpty() ? u"no text"_s : type.left(200))
                              .arg(m_body.size());
            return output;
        }
        QString text = decoded(m_body, type);
        if (type.contains("html"_L1, Qt::CaseInsensitive)) {
            text = textOfHtml(text);
        }
        const bool long_ = text.size() > kMostText;
        text.truncate(kMostText);
        output.text = output.isError ? u"[%1]\n"_s.arg(status) + text : text;
        if (long_ || m_cut) {
            output.text += u"\n[The rest is not shown.]"_s;
        }
        return output;
    }

    void finish(Result<Output> output)
    {
        if (std::exchange(m_finished, true)) {
            return;
        }
        m_stop.reset();
        m_timer.reset();
        if (m_reply != nullptr) {
            m_reply->disconnect(this);
            m_reply->abort();
        }
        if (!output && output.error().code != ErrorCode::Cancelled) {
            output = failure(output.error().message);
        }
        m_promise.set(std::move(output));
        deleteLater();
    }

    QUrl m_url;
    bool m_listedByName;
    Promise<Output> m_promise;
    QNetworkAccessManager m_manager;
    QNetworkReply* m_reply = nullptr; // of m_manager
    QString m_address;
    QByteArray m_body;
    bool m_cut = false;
    bool m_finished = false;
    Subscription m_timer;
    std::optional<std::stop_callback<std::function<void()>>> m_stop;
};

} // namespace

WebTool::WebTool(Executor& loop, Clock& clock)
    : BuiltinTool(toolSpec(
          "web_fetch",
          "Fetches one address with GET and returns its text; HTML comes back as plain text. Only "
          "addresses on the agent's list can be reached. Redirects are reported, not followed.",
          {textProperty("url", "The whole address, with http:// or https://.")},
          1))
    , m_loop(loop)
    , m_clock(clock)
{
}

Result<Plan> WebTool::plan(const QJsonObject& arguments, const Context& context)
{
    Plan plan = begin(arguments, context, policy::Effect::Network);
    const QString given = arguments.value(u"url"_s).toString().trimmed();
    const auto unusable = [](const QString& why) {
        return fail(ErrorCode::InvalidInput, u"The address cannot be used: "_s + why);
    };
    if (given.size() > 8000) {
        return unusable(u"it is longer than 8,000 characters."_s);
    }
    QUrl url(given, QUrl::StrictMode);
    if (!url.isValid() || url.isRelative()) {
        return unusable(u"it is no whole URL."_s);
    }
    if (url.scheme() != "http"_L1 && url.scheme() != "https"_L1) {
        return unusable(u"only http and https can be fetched."_s);
    }
    if (!url.userInfo().isEmpty() || url.authority().contains(u'@')) {
        return unusable(u"it holds a user name or password, which would be sent along."_s);
    }
    const QString host = hostOf(url);
    if (host.isEmpty() || host.contains(u'%') || url.port(1) == 0) {
        return unusable(u"it names no host, or port 0."_s);
    }
    url.setFragment({});
    plan.action.host = hostAndPort(url);
    plan.action.subject = url.toString(QUrl::FullyEncoded);
    plan.command =
        QCoreApplication::translate("sb::tools::Web", "Fetch %1").arg(oneLine(plan.action.subject));
    plan.patience = kPatience + Milliseconds(5'000);
    return plan;
}

Future<Output> WebTool::run(
    Permit, Plan plan, Context context, std::function<void(const QString&)>, std::stop_token stop)
{
    Promise<Output> promise;
    auto future = promise.future();
    m_loop.post([this,
                 plan = std::move(plan),
                 context = std::move(context),
                 promise = std::move(promise),
                 stop = std::move(stop)]() mutable {
        auto* fetch = new Fetch(QUrl(plan.action.subject, QUrl::StrictMode),
                                plan.action.host,
                                context,
                                std::move(promise)); // deletes itself when it has answered
        fetch->start(m_loop, m_clock, stop);
    });
    return future;
}

QString textOfHtml(const QString& html)
{
    QString text;
    text.reserve(html.size() / 2);
    const auto skipTo = [&](qsizetype from, QLatin1StringView what) {
        const qsizetype at = html.indexOf(what, from, Qt::CaseInsensitive);
        return at < 0 ? html.size() : at;
    };
    const auto breakLine = [&text] {
        if (!text.isEmpty() && !text.endsWith(u'\n')) {
            text += u'\n';
        }
    };
    qsizetype at = 0;
    while (at < html.size()) {
        const QChar c = html.at(at);
        if (c == u'<') {
            if (QStringView(html).sliced(at).startsWith("<!--"_L1)) {
                at = std::min(html.size(), skipTo(at + 4, "-->"_L1) + 3);
                continue;
            }
            const qsizetype end = skipTo(at, ">"_L1);
            qsizetype nameEnd = at + 1;
            while (nameEnd < end &&
                   (html.at(nameEnd).isLetterOrNumber() || html.at(nameEnd) == u'/')) {
                ++nameEnd;
            }
            const QString name = html.sliced(at + 1, nameEnd - at - 1).toLower();
            at = std::min(html.size(), end + 1);
            if (name == "script"_L1 || name == "style"_L1) {
                const QString closing = u"</"_s + name;
                const qsizetype close = html.indexOf(closing, at, Qt::CaseInsensitive);
                at = close < 0 ? html.size() : close;
                continue;
            }
            static const QStringList inlineTags{u"a"_s,
                                                u"b"_s,
                                                u"i"_s,
                                                u"em"_s,
                                                u"strong"_s,
                                                u"code"_s,
                                                u"span"_s,
                                                u"small"_s,
                                                u"sub"_s,
                                                u"sup"_s,
                                                u"u"_s,
                                                u"kbd"_s};
            if (!inlineTags.contains(name.startsWith(u'/') ? name.mid(1) : name)) {
                breakLine();
            }
            continue;
        }
        if (c == u'&') {
            const qsizetype length = QStringView(html).sliced(at).left(12).indexOf(u';');
            const qsizetype end = at + length;
            if (length > 0) {
                const QString entity = html.sliced(at + 1, end - at - 1);
                QString plain;
                if (entity.startsWith(u'#')) {
                    const bool hex = entity.size() > 1 && entity.at(1).toLower() == u'x';
                    const char32_t code = entity.mid(hex ? 2 : 1).toUInt(nullptr, hex ? 16 : 10);
                    if (code >= 32 && code <= 0x10ffff && !QChar::isSurrogate(code)) {
                        plain = QString::fromUcs4(&code, 1);
                    }
                } else {
                    static const QHash<QString, QString> named{{u"amp"_s, u"&"_s},
                                                               {u"lt"_s, u"<"_s},
                                                               {u"gt"_s, u">"_s},
                                                               {u"quot"_s, u"\""_s},
                                                               {u"apos"_s, u"'"_s},
                                                               {u"nbsp"_s, u" "_s}};
                    plain = named.value(entity);
                }
                if (!plain.isEmpty()) {
                    text += plain;
                    at = end + 1;
                    continue;
                }
            }
        }
        if (c.isSpace()) {
            if (!text.isEmpty() && !text.back().isSpace()) {
                text += u' ';
            }
        } else {
            text += c;
        }
        ++at;
    }
    return text.trimmed();
}

} // namespace sb::tools
