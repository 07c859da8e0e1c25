#include "core/tools/WebTool.h"

#include "core/egress/Target.h"
#include "core/packages/Injection.h"

#include <QStringDecoder>
#include <QUrl>

namespace sb::tools {

using namespace Qt::StringLiterals;

namespace {

constexpr int kMostRedirects = 5;
constexpr qint64 kMostBytes = 1 << 20;
constexpr qsizetype kMostText = 64 << 10;
constexpr Milliseconds kPatience{30'000};

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

Output answerOf(const egress::FetchReply& reply)
{
    const QString type = QString::fromLatin1(reply.header("Content-Type"));
    Output output;
    output.facts = {{u"url"_s, reply.url},
                    {u"status"_s, reply.status},
                    {u"address"_s, reply.address},
                    {u"content_type"_s, type.left(200)},
                    {u"bytes"_s, reply.body.size()},
                    {u"truncated"_s, reply.truncated}};
    QString before;
    if (!reply.hops.isEmpty()) {
        output.facts.insert(u"redirected_from"_s, QJsonArray::fromStringList(reply.hops));
        before = u"[Redirected to %1]\n"_s.arg(reply.url.left(4096));
    }
    output.isError = reply.status >= 400;
    if (!isText(type, reply.body)) {
        output.text = before + u"[%1: %2, %3 bytes; only text can be shown.]"_s.arg(reply.status)
                                   .arg(type.isEmpty() ? u"no text"_s : type.left(200))
                                   .arg(reply.body.size());
        return output;
    }
    QString text = decoded(reply.body, type);
    // As it came: what a reader would not see, an agent must not take for its owner's words.
    const QString warning = packages::headerFor(packages::scan(text), text, u"page"_s);
    if (type.contains("html"_L1, Qt::CaseInsensitive)) {
        text = textOfHtml(text);
    }
    const bool cut = text.size() > kMostText || reply.truncated;
    text.truncate(kMostText);
    output.text = (warning.isEmpty() ? QString() : QString(warning + u'\n')) + before +
                  (output.isError ? u"[%1]\n"_s.arg(reply.status) : QString()) + text;
    if (cut) {
        output.text += u"\n[The rest is not shown.]"_s;
    }
    return output;
}

} // namespace

WebTool::WebTool(Way way, Executor& pool)
    : BuiltinTool(toolSpec(
          "web_fetch",
          "Fetches one address with GET and returns its text; HTML comes back as plain text. Only "
          "addresses on the agent's list can be reached. Up to five redirects are followed, each "
          "only to an address that is on the list as well.",
          {textProperty("url", "The whole address, with http:// or https://.")},
          1))
    , m_way(std::move(way))
    , m_pool(pool)
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
    if (url.host().isEmpty() || url.host().contains(u'%')) {
        return unusable(u"it names no host."_s);
    }
    url.setFragment({});
    plan.action.subject = url.toString(QUrl::FullyEncoded);
    // As the proxy will read it, so that what is judged is what is fetched.
    SB_TRY(const egress::Target target, egress::readUrl(plan.action.subject.toUtf8()));
    plan.action.host = target.place();
    plan.command =
        QCoreApplication::translate("sb::tools::Web", "Fetch %1").arg(oneLine(plan.action.subject));
    plan.patience = kPatience + Milliseconds(5'000);
    return plan;
}

Future<Output> WebTool::run(
    Permit, Plan plan, Context context, std::function<void(const QString&)>, std::stop_token stop)
{
    auto way = m_way();
    if (!way) {
        return Future<Output>::ready(std::unexpected(way.error()));
    }
    egress::FetchRequest request;
    request.url = plan.action.subject;
    request.headers = {{"User-Agent", "Signalbox/" SB_VERSION},
                       {"Accept", "text/*, application/json, application/xml;q=0.9, */*;q=0.1"}};
    // What the gate let through is reachable for this once, also when only a person allowed it.
    request.allow = context.allowedHosts;
    request.approved = plan.action.host;
    request.redirects = kMostRedirects;
    request.maxBytes = kMostBytes;
    request.patience = kPatience;
    egress::Session session;
    session.agent = context.agent;
    session.process = context.process;
    session.callSeq = context.callSeq;
    Promise<Output> promise;
    auto future = promise.future();
    (*way)
        ->fetch(std::move(request), session, std::move(stop))
        .then(m_pool, [promise = std::move(promise)](const Result<egress::FetchReply>& reply) {
            if (reply) {
                promise.set(answerOf(*reply));
            } else if (reply.error().code == ErrorCode::Cancelled) {
                promise.set(std::unexpected(reply.error()));
            } else {
                promise.set(failure(reply.error().message));
            }
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
