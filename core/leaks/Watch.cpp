#include "core/leaks/Watch.h"

#include "core/base/Defence.h"

#include <QJsonDocument>

namespace sb::leaks {

QString firstKnown(const QList<Hit>& hits)
{
    const auto found = std::ranges::find_if(hits, &Hit::isKnown);
    return found != hits.end() ? found->what : QString();
}

void Watch::tell(const Hit& hit, const Origin& origin, Fate fate) const
{
    if (m_sink) {
        m_sink({origin, hit.what, encodingName(hit.encoding), hit.offset, fate});
    }
}

void Watch::raise(const QList<Hit>& hits, const Origin& origin, Fate fate) const
{
    Told(*this, origin).raise(hits, fate, fate);
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

ScreenedObject Watch::look(const QJsonObject& object) const
{
    ScreenedObject screened{object, {}};
    if (m_scanners && !object.isEmpty()) {
        const auto scanner = m_scanners();
        const QByteArray json = QJsonDocument(object).toJson(QJsonDocument::Compact);
        if (const auto redacted = scanner->redact(QByteArrayView(json))) {
            screened.hits = scanner->scan(QByteArrayView(json));
            screened.object = QJsonDocument::fromJson(*redacted).object();
        }
    }
    return screened;
}

Screened Watch::screen(const QString& text, const Origin& origin) const
{
    Screened screened = look(text);
    raise(screened.hits, origin, Fate::TakenOut);
    return screened;
}

void Told::raise(const QList<Hit>& hits, Fate known, Fate pattern)
{
    for (const Hit& hit : hits) {
        if (hit.verified && !m_names.contains(hit.what)) {
            m_names.append(hit.what);
            m_watch.tell(hit, m_origin, hit.isKnown() ? known : pattern);
        }
    }
    if (m_known.isEmpty()) {
        m_known = firstKnown(hits);
    }
}

LiveWatch::LiveWatch(const Watch& watch, Origin origin)
    : m_stream(watch.scanner()), m_told(watch, std::move(origin))
{
}

QByteArray LiveWatch::passed(const QList<Hit>& hits)
{
    m_told.raise(hits, Fate::Stopped, Fate::TakenOut);
    return m_stream.redacted();
}

QByteArray LiveWatch::feed(QByteArrayView bytes)
{
    return passed(m_stream.feed(bytes));
}

QByteArray LiveWatch::finish()
{
    return passed(m_stream.finish());
}

void LiveText::begin()
{
    m_stream.reset();
    if (m_watch.isOn() && defended("leaks.live")) {
        m_stream.emplace(m_watch.scanner());
    }
}

QString LiveText::feed(const QString& piece)
{
    if (!m_stream) {
        return piece;
    }
    (void)m_stream->feed(piece.toUtf8());
    return QString::fromUtf8(m_stream->redacted());
}

QString LiveText::finish()
{
    if (!m_stream) {
        return {};
    }
    (void)m_stream->finish();
    return QString::fromUtf8(m_stream->redacted());
}

BodyWatch::BodyWatch(const Watch& watch, Origin origin)
    : m_stream(watch.scanner(), Stream::Keep::Hits), m_told(watch, std::move(origin))
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
    m_told.raise(hits, Fate::Stopped, Fate::Passed);
    return !m_told.known().isEmpty();
}

} // namespace sb::leaks
