#include "core/egress/Injector.h"

#include "core/base/Defence.h"

#include <cstring>

namespace sb::egress {

using namespace Qt::StringLiterals;

namespace {

bool isFor(const Injection& injection, const Target& target)
{
    const auto place = readAuthority(injection.host.toUtf8(), 443);
    return place && place->host == target.host &&
           (place->port == target.port || (target.scheme == "http"_L1 && target.port == 80));
}

// What stands behind "Basic ", decoded; nothing for other values.
std::optional<QByteArray> basicOf(const QByteArray& value)
{
    if (value.size() < 6 ||
        QByteArrayView(value).first(6).compare("Basic ", Qt::CaseInsensitive) != 0) {
        return {};
    }
    return QByteArray::fromBase64(value.sliced(6).trimmed());
}

} // namespace

Result<std::vector<Place>>
findPlaceholders(const Head& head, const Target& target, const QList<Injection>& injections)
{
    std::vector<Place> places;
    for (const Injection& injection : injections) {
        const QByteArray placeholder = injection.placeholder.toUtf8();
        if (placeholder.isEmpty()) {
            continue;
        }
        for (qsizetype i = 0; i < head.headers.size(); ++i) {
            const Header& header = head.headers[i];
            const auto basic = basicOf(header.value);
            if (!header.value.contains(placeholder) && !(basic && basic->contains(placeholder))) {
                continue;
            }
            if (!isFor(injection, target) && defended("egress.injection-host")) {
                return fail(
                    ErrorCode::Forbidden,
                    u"The placeholder %1 stands for a key of %2 and is of no use for %3."_s.arg(
                        injection.placeholder, injection.host, target.place()));
            }
            const bool named = QByteArrayView(header.name)
                                   .compare(injection.header.toUtf8(), Qt::CaseInsensitive) == 0;
            if (!named && defended("egress.injection-header")) {
                return fail(
                    ErrorCode::Forbidden,
                    u"The placeholder %1 belongs into the header %2, not into %3."_s.arg(
                        injection.placeholder, injection.header, QString::fromLatin1(header.name)));
            }
            places.push_back({i, injection});
        }
    }
    return places;
}

Target upgraded(const Target& target, const QList<Injection>& injections)
{
    Target secure = target;
    if (target.scheme != "http"_L1) {
        return secure;
    }
    for (const Injection& injection : injections) {
        if (isFor(injection, target) && defended("egress.upgrade")) {
            secure.scheme = u"https"_s;
            secure.port = readAuthority(injection.host.toUtf8(), 443)->port;
            return secure;
        }
    }
    if (target.port == 443) {
        secure.scheme = u"https"_s;
    }
    return secure;
}

Result<SecretString> withKey(const QByteArray& value, const Place& place, const SecretString& key)
{
    const QByteArray placeholder = place.injection.placeholder.toUtf8();
    return key.expose([&](QByteArrayView bytes) -> Result<SecretString> {
        const QByteArrayView plain = bytes.trimmed(); // a file's last line end is no part of a key
        if (plain.isEmpty() ||
            (defended("egress.key-lines") &&
             std::ranges::any_of(plain, [](char c) { return uchar(c) < 0x20; }))) {
            return fail(
                ErrorCode::InvalidInput,
                u"The key for %1 is empty or has more than one line, so no header can hold it."_s
                    .arg(place.injection.host));
        }
        const auto put = [&](const QByteArray& where) {
            QByteArray whole;
            // Enough from the start: growing would leave copies behind.
            whole.reserve(where.size() + where.count(placeholder) * plain.size() + 1);
            qsizetype from = 0;
            for (qsizetype at = where.indexOf(placeholder); at >= 0;
                 at = where.indexOf(placeholder, from)) {
                whole.append(QByteArrayView(where).sliced(from, at - from)).append(plain);
                from = at + placeholder.size();
            }
            return whole.append(QByteArrayView(where).sliced(from));
        };
        if (value.contains(placeholder)) {
            return SecretString(put(value));
        }
        QByteArray decoded = put(basicOf(value).value_or(QByteArray()));
        QByteArray encoded = decoded.toBase64();
        wipe(decoded);
        QByteArray whole;
        whole.reserve(encoded.size() + 6);
        whole.append("Basic ").append(encoded);
        wipe(encoded);
        return SecretString(std::move(whole));
    });
}

void EchoGuard::know(SecretString secret)
{
    if (secret.expose([](QByteArrayView bytes) { return bytes.size(); }) >= 4) {
        m_secrets.push_back(std::move(secret)); // shorter ones would eat ordinary text
    }
}

QByteArray EchoGuard::pass(const QByteArray& piece, bool last)
{
    if (m_secrets.empty() || !defended("egress.echo")) {
        return piece;
    }
    QByteArray bytes = m_held + piece;
    m_held.clear();
    qsizetype hold = 0;
    for (const SecretString& secret : m_secrets) {
        secret.expose([&](QByteArrayView needle) {
            for (qsizetype at = bytes.indexOf(needle); at >= 0;
                 at = bytes.indexOf(needle, at + needle.size())) {
                std::memset(bytes.data() + at, '*', size_t(needle.size()));
                ++m_hits;
            }
            qsizetype length = std::min(needle.size() - 1, bytes.size());
            while (length > hold && !bytes.endsWith(needle.first(length))) {
                --length;
            }
            hold = std::max(hold, length);
        });
    }
    if (!last && hold > 0) {
        m_held = bytes.last(hold);
        bytes.chop(hold);
    }
    return bytes;
}

void wipe(QByteArray& bytes)
{
    if (!bytes.isEmpty()) {
        ::explicit_bzero(bytes.data(), size_t(bytes.size()));
    }
    bytes.clear();
}

} // namespace sb::egress
