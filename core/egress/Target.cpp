#include "core/egress/Target.h"

#include "core/base/Defence.h"

#include <QHash>
#include <QUrl>

namespace sb::egress {

using namespace Qt::StringLiterals;

namespace {

std::unexpected<Error> unusable(const QString& why)
{
    return fail(ErrorCode::InvalidInput, u"The address cannot be used: "_s + why);
}

bool isNumber(QStringView label)
{
    if (label.startsWith("0x"_L1)) {
        return std::ranges::all_of(label.sliced(2),
                                   [](QChar c) { return c.isDigit() || (c >= u'a' && c <= u'f'); });
    }
    return !label.isEmpty() &&
           std::ranges::all_of(label, [](QChar c) { return c >= u'0' && c <= u'9'; });
}

// One part of an IPv4 address as inet_aton reads it: 0x is hexadecimal, a leading 0 octal.
std::optional<quint64> numberOf(QStringView label)
{
    bool ok = true;
    quint64 value = 0;
    if (label.startsWith("0x"_L1)) {
        value = label.size() == 2 ? 0 : label.sliced(2).toULongLong(&ok, 16);
    } else {
        value = label.toULongLong(&ok, label.size() > 1 && label.startsWith(u'0') ? 8 : 10);
    }
    return ok && value <= 0xffffffffU ? std::optional(value) : std::nullopt;
}

std::optional<quint32> ipv4Of(const QString& host)
{
    const auto labels = QStringView(host).split(u'.');
    if (labels.size() > 4) {
        return {};
    }
    quint64 address = 0;
    for (qsizetype i = 0; i < labels.size(); ++i) {
        const auto value = numberOf(labels[i]);
        if (!value) {
            return {};
        }
        const bool last = i + 1 == labels.size();
        if (*value >= (last ? quint64(1) << (8 * (5 - labels.size())) : 256)) {
            return {};
        }
        address |= last ? *value : *value << (8 * (3 - i));
    }
    return quint32(address);
}

Result<QString> hostOf(const QString& written)
{
    QString host = written;
    if (host.startsWith(u'[')) {
        if (host.size() < 4 || !host.endsWith(u']')) {
            return unusable(u"%1 is no IPv6 address."_s.arg(written));
        }
        const QHostAddress address(host.sliced(1).chopped(1));
        if (host.contains(u'%') || address.protocol() != QAbstractSocket::IPv6Protocol) {
            return unusable(u"%1 is no IPv6 address."_s.arg(written));
        }
        return address.toString();
    }
    const bool ascii = std::ranges::all_of(host, [](QChar c) { return c.unicode() < 0x80; });
    if (!ascii) {
        host = QString::fromLatin1(QUrl::toAce(host, QUrl::IgnoreIDNWhitelist));
    }
    host = host.toLower();
    if (host.endsWith(u'.')) {
        host.chop(1); // the same name, written in full
    }
    if (host.isEmpty() || host.size() > 253) {
        return unusable(u"it names no host."_s);
    }
    const auto labels = QStringView(host).split(u'.');
    for (const QStringView label : labels) {
        if (label.isEmpty() || label.size() > 63) {
            return unusable(u"%1 is no name of a host."_s.arg(written));
        }
        for (const QChar c : label) {
            const bool plain =
                (c >= u'a' && c <= u'z') || (c >= u'0' && c <= u'9') || c == u'-' || c == u'_';
            if (!plain && defended("egress.host-syntax")) {
                return unusable(u"its host holds characters that no name has."_s);
            }
        }
    }
    if (isNumber(labels.last())) {
        const auto address = ipv4Of(host);
        if (!address) {
            return unusable(u"%1 is no address."_s.arg(host));
        }
        return QHostAddress(*address).toString();
    }
    return host;
}

struct Entry
{
    QString host; ///< "*" or "*.example.org" or a host in normal form
    QString port; ///< a number or "*"
};

std::optional<Entry> readEntry(const QString& text)
{
    const QString plain = text.trimmed().toLower();
    const auto colon = plain.lastIndexOf(u':');
    if (colon <= 0) {
        return {};
    }
    Entry entry{plain.first(colon), plain.sliced(colon + 1)};
    if (entry.host == "*"_L1) {
        return entry;
    }
    const bool wild = entry.host.startsWith("*."_L1);
    const auto host = hostOf(wild ? entry.host.sliced(2) : entry.host);
    if (!host) {
        return {};
    }
    entry.host = wild ? QString(u"*."_s + *host) : *host;
    return entry;
}

// Letters of other scripts that look like Latin ones in most fonts. Fullwidth and other
// compatibility forms are no part of it: preparing an A-label maps those already.
char16_t latinOf(char16_t c)
{
    static const QHash<char16_t, char16_t> alike{
        {u'а', u'a'}, {u'в', u'b'}, {u'с', u'c'}, {u'ԁ', u'd'}, {u'е', u'e'}, {u'ҽ', u'e'},
        {u'ғ', u'f'}, {u'ԍ', u'g'}, {u'һ', u'h'}, {u'н', u'h'}, {u'і', u'i'}, {u'ї', u'i'},
        {u'ј', u'j'}, {u'к', u'k'}, {u'ӏ', u'l'}, {u'м', u'm'}, {u'п', u'n'}, {u'о', u'o'},
        {u'р', u'p'}, {u'ԛ', u'q'}, {u'г', u'r'}, {u'ѕ', u's'}, {u'т', u't'}, {u'ц', u'u'},
        {u'ѵ', u'v'}, {u'ԝ', u'w'}, {u'ш', u'w'}, {u'х', u'x'}, {u'у', u'y'}, {u'ү', u'y'},
        {u'з', u'3'}, {u'б', u'6'}, {u'ь', u'b'}, {u'α', u'a'}, {u'β', u'b'}, {u'ϲ', u'c'},
        {u'ε', u'e'}, {u'η', u'n'}, {u'ι', u'i'}, {u'κ', u'k'}, {u'ν', u'v'}, {u'ο', u'o'},
        {u'ρ', u'p'}, {u'σ', u'o'}, {u'τ', u't'}, {u'υ', u'u'}, {u'χ', u'x'}, {u'ω', u'w'},
        {u'γ', u'y'}, {u'ϳ', u'j'}, {u'ա', u'w'}, {u'զ', u'q'}, {u'հ', u'h'}, {u'ո', u'n'},
        {u'ս', u'u'}, {u'օ', u'o'}, {u'ց', u'g'}, {u'ք', u'p'}, {u'յ', u'j'}, {u'ı', u'i'},
        {u'ł', u'l'}, {u'ø', u'o'}, {u'đ', u'd'}, {u'ħ', u'h'}, {u'ŧ', u't'}, {u'ɑ', u'a'},
        {u'ɡ', u'g'}, {u'ɩ', u'i'}, {u'ʏ', u'y'}, {u'ᴀ', u'a'}, {u'ᴄ', u'c'}, {u'ᴏ', u'o'},
    };
    return alike.value(c, c);
}

QString skeleton(const QString& host)
{
    QString plain;
    for (const QChar c : host.normalized(QString::NormalizationForm_KD)) {
        if (c.category() == QChar::Mark_NonSpacing) {
            continue; // é looks like e
        }
        plain += QChar(latinOf(c.unicode()));
    }
    return plain;
}

} // namespace

QString Target::place() const
{
    return (host.contains(u':') ? QString(u'[' + host + u']') : host) + u':' +
           QString::number(port);
}

QByteArray Target::hostHeader() const
{
    const bool usual = port == (scheme == "https"_L1 ? 443 : 80);
    QByteArray name = host.toLatin1();
    if (host.contains(u':')) {
        name = '[' + name + ']';
    }
    return usual ? name : name + ':' + QByteArray::number(port);
}

Result<Target> readAuthority(const QByteArray& authority, int defaultPort)
{
    if (authority.contains('@') && defended("egress.userinfo")) {
        return unusable(u"it holds a user name or password, which would be sent along."_s);
    }
    const QByteArray place = authority.sliced(authority.lastIndexOf('@') + 1);
    if (place.contains('%') && defended("egress.percent")) {
        return unusable(u"its host holds percent escapes."_s);
    }
    const QString text = QString::fromUtf8(QByteArray::fromPercentEncoding(place));
    if (text.contains(QChar::ReplacementCharacter) || text.size() > 512) {
        return unusable(u"it names no host."_s);
    }
    const auto colon = text.lastIndexOf(u':');
    const bool hasPort = colon > text.lastIndexOf(u']');
    Target target;
    target.port = defaultPort;
    if (hasPort) {
        const QStringView digits = QStringView(text).sliced(colon + 1);
        const bool plain =
            std::ranges::all_of(digits, [](QChar c) { return c >= u'0' && c <= u'9'; });
        target.port = plain && digits.size() <= 5 ? digits.toInt() : 0;
    }
    if (target.port < 1 || target.port > 65535) {
        return unusable(u"it names no port between 1 and 65535."_s);
    }
    SB_TRY(target.host, hostOf(hasPort ? text.first(colon) : text));
    target.path = "/";
    return target;
}

Result<Target> readUrl(const QByteArray& url)
{
    const QByteArray start = url.first(std::min<qsizetype>(url.size(), 8)).toLower();
    const bool secure = start.startsWith("https://");
    if (!secure && !start.startsWith("http://")) {
        return unusable(u"only whole addresses with http:// or https:// can be requested."_s);
    }
    const qsizetype from = secure ? 8 : 7;
    qsizetype end = from;
    while (end < url.size() && url[end] != '/' && url[end] != '?' && url[end] != '#') {
        if (uchar(url[end]) <= 0x20 || url[end] == 0x7f || url[end] == '\\') {
            return unusable(u"its host holds characters that no name has."_s);
        }
        ++end;
    }
    SB_TRY(Target target, readAuthority(url.sliced(from, end - from), secure ? 443 : 80));
    target.scheme = secure ? u"https"_s : u"http"_s;
    QByteArray path = url.sliced(end);
    path.truncate(path.contains('#') ? path.indexOf('#') : path.size());
    if (std::ranges::any_of(path, [](char c) { return uchar(c) <= 0x20 || c == 0x7f; })) {
        return unusable(u"its path holds blanks or control characters."_s);
    }
    target.path = path.startsWith('/') ? path : '/' + path;
    return target;
}

Listed findListed(const Target& target, const QStringList& list)
{
    Listed best;
    for (const QString& text : list) {
        const auto entry = readEntry(text);
        if (!entry || (entry->port != "*"_L1 && entry->port.toInt() != target.port)) {
            continue;
        }
        if (entry->host == target.host) {
            const bool exact = entry->port != "*"_L1;
            best = {text, exact ? Listing::Exact : Listing::Wildcard};
            if (exact) {
                return best;
            }
            continue;
        }
        const bool wild =
            entry->host == "*"_L1 || (entry->host.startsWith("*."_L1) &&
                                      target.host.endsWith(QStringView(entry->host).sliced(1)));
        if (wild && best.listing == Listing::None && !target.isAddress()) {
            best = {text, Listing::Wildcard};
        }
    }
    return best;
}

QString looksLike(const Target& target, const QStringList& list)
{
    if (!target.host.contains("xn--"_L1)) {
        return {};
    }
    const QString shown = skeleton(QUrl::fromAce(target.host.toLatin1(), QUrl::IgnoreIDNWhitelist));
    for (const QString& text : list) {
        const auto entry = readEntry(text);
        if (!entry || entry->host == "*"_L1) {
            continue;
        }
        const QString host = entry->host.startsWith("*."_L1) ? entry->host.sliced(2) : entry->host;
        const QString other = skeleton(QUrl::fromAce(host.toLatin1(), QUrl::IgnoreIDNWhitelist));
        if (host != target.host && (shown == other || shown.endsWith(QString(u'.' + other))) &&
            !target.host.endsWith(QString(u'.' + host))) {
            return host;
        }
    }
    return {};
}

QString readable(const QString& host)
{
    const QString shown = QUrl::fromAce(host.toLatin1(), QUrl::IgnoreIDNWhitelist);
    return shown == host ? host : QString(shown + u" ("_s + host + u')');
}

} // namespace sb::egress
