#include "core/leaks/Watch.h"

namespace sb::leaks {

namespace {

constexpr qsizetype mostShown = 64 << 10;

QString firstKnown(const QList<Hit>& hits)
{
    for (const Hit& hit : hits) {
        if (hit.isKnown()) {
            return hit.what;
        }
    }
    return {};
}

} // namespace

QString Screened::known() const
{
    return firstKnown(hits);
}

void Watch::raise(const Hit& hit, const Origin& origin, bool stopped) const
{
    if (hit.verified && m_sink) {
        m_sink({origin, hit.what, encodingName(hit.encoding), hit.offset, stopped});
    }
}

Screened Watch::look(const QString& text) const
{
    Screened screened{text, {}};
    if (m_scanners) {
        const auto scanner = m_scanners();
        if (auto redacted = scanner->redact(QStringView(text))) {
            screened.hits = scanner->scan(QStringView(text));
            screened.text = std::move(*redacted);
        }
    }
    return screened;
}

Screened Watch::screen(const QString& text, const Origin& origin) const
{
    Screened screened = look(text);
    QStringList raised;
    for (const Hit& hit : screened.hits) {
        if (!raised.contains(hit.what)) {
            raised.append(hit.what);
            raise(hit, origin, false);
        }
    }
    return screened;
}

LiveWatch::LiveWatch(Watch watch, Origin origin)
    : m_watch(std::move(watch))
    , m_origin(std::move(origin))
    , m_inner(std::unique_ptr<Inner>(new Inner{Stream(m_watch.scanner()), {}, {}, {}}))
{
}

QString LiveWatch::pass(const std::function<QList<Hit>(Stream&)>& step)
{
    QList<Hit> news;
    const QString text = m_inner.withLock([&](std::unique_ptr<Inner>& inner) {
        const QList<Hit> hits = step(inner->stream);
        for (const Hit& hit : hits) {
            if (!inner->raised.contains(hit.what)) {
                inner->raised.append(hit.what);
                news.append(hit);
            }
        }
        if (inner->known.isEmpty()) {
            inner->known = firstKnown(hits);
        }
        const QByteArray passed = inner->stream.redacted();
        inner->shown += passed;
        if (inner->shown.size() > 2 * mostShown) {
            inner->shown = inner->shown.last(mostShown);
        }
        return QString::fromUtf8(passed);
    });
    for (const Hit& hit : news) {
        m_watch.raise(hit, m_origin, hit.isKnown());
    }
    return text;
}

QString LiveWatch::feed(const QString& text)
{
    return pass([&](Stream& stream) { return stream.feed(text.toUtf8()); });
}

QString LiveWatch::finish()
{
    return pass([](Stream& stream) { return stream.finish(); });
}

Screened LiveWatch::screen(const QString& text)
{
    Screened screened = m_watch.look(text);
    for (const Hit& hit : screened.hits) {
        const bool isNew = m_inner.withLock([&](std::unique_ptr<Inner>& inner) {
            const bool first = !inner->raised.contains(hit.what);
            if (first) {
                inner->raised.append(hit.what);
            }
            return first;
        });
        if (isNew) {
            m_watch.raise(hit, m_origin, false);
        }
    }
    return screened;
}

QString LiveWatch::known() const
{
    return m_inner.withLock([](const auto& inner) { return inner->known; });
}

QString LiveWatch::shown() const
{
    return m_inner.withLock([](const auto& inner) {
        return QString::fromUtf8(inner->shown.last(std::min(inner->shown.size(), mostShown)));
    });
}

BodyWatch::BodyWatch(Watch watch, Origin origin)
    : m_watch(std::move(watch))
    , m_origin(std::move(origin))
    , m_stream(m_watch.scanner(), Stream::Keep::Hits)
{
}

bool BodyWatch::feed(QByteArrayView bytes)
{
    return take(m_stream.feed(bytes));
}

bool BodyWatch::finish()
{
    return take(m_stream.finish());
}

bool BodyWatch::take(const QList<Hit>& hits)
{
    for (const Hit& hit : hits) {
        m_holds = m_holds || hit.isKnown();
        m_watch.raise(hit, m_origin, hit.isKnown());
    }
    return m_holds;
}

} // namespace sb::leaks
