#pragma once
#include "core/base/Guarded.h"
#include "core/leaks/Scanner.h"

#include <QStringList>
#include <functional>

namespace sb::leaks {

/// Where a text comes from.
struct Origin
{
    QString where{}; ///< "tool:shell", "model", "message", "egress:HOST"
    QString agent{};
    QString channel{};
    QString process{};
    qint64 callSeq = 0; ///< of the tool.call, where there is one
};

/// A secret stood where none may. It holds nothing of it, not even a hash.
struct Incident
{
    Origin origin;
    QString what; ///< as in Hit
    QString encoding;
    qint64 offset = 0;
    bool stopped = false; ///< what printed it was killed, or what would have sent it was refused
};

/// A text that was looked through.
struct Screened
{
    QString text; ///< redacted
    QList<Hit> hits;
    /// Name of the first known value, "known:env:GITHUB_TOKEN"; empty when there was none.
    [[nodiscard]] QString known() const;
};

/// Looks through what passes and raises incidents. A default one lets everything through, for tests
/// of other things. Cheap to copy.
class Watch
{
public:
    using Scanners = std::function<std::shared_ptr<const Scanner>()>;
    using Sink = std::function<void(const Incident&)>;

    Watch() = default;
    /// The scanner in force now, and whom to tell; both are called from any thread.
    Watch(Scanners scanners, Sink sink) : m_scanners(std::move(scanners)), m_sink(std::move(sink))
    {
    }

    /// A whole text: a tool's answer, a model's, a message. Raises one incident for each name.
    [[nodiscard]] Screened screen(const QString& text, const Origin& origin) const;

    /// The same without incidents.
    [[nodiscard]] Screened look(const QString& text) const;

    [[nodiscard]] bool isOn() const { return bool(m_scanners); }
    [[nodiscard]] std::shared_ptr<const Scanner> scanner() const { return m_scanners(); }
    /// Tells of a hit, unless it is a pattern whose checksum is wrong.
    void raise(const Hit& hit, const Origin& origin, bool stopped) const;

private:
    Scanners m_scanners;
    Sink m_sink;
};

/// What an output looks like while it comes. Safe to use from any thread.
class LiveWatch
{
public:
    LiveWatch(Watch watch, Origin origin);

    /// What can be shown of it now; known() tells whether a known value has come.
    [[nodiscard]] QString feed(const QString& text);
    [[nodiscard]] QString finish();
    /// What was kept of the output, in the end; tells only of what was not told already.
    [[nodiscard]] Screened screen(const QString& text);
    /// Name of the first known value that came; empty when there was none.
    [[nodiscard]] QString known() const;
    /// The last 64 KiB of everything that could be shown.
    [[nodiscard]] QString shown() const;

private:
    struct Inner
    {
        Stream stream;
        QString known;
        QStringList raised;
        QByteArray shown;
    };
    QString pass(const std::function<QList<Hit>(Stream&)>& step);

    Watch m_watch;
    Origin m_origin;
    Guarded<std::unique_ptr<Inner>> m_inner;
};

/// A body on its way out, for the proxy: known values, in any of the encodings, must not leave.
class BodyWatch
{
public:
    BodyWatch(Watch watch, Origin origin);

    /// Whether what was fed so far holds a known value. Patterns only raise an incident: a key that
    /// this program never had may well be on its way to whom it belongs.
    bool feed(QByteArrayView bytes);
    /// The same at the body's end.
    bool finish();
    /// How many of the bytes fed may be sent on: those after these may be the beginning of a value.
    [[nodiscard]] qint64 safeBytes() const { return m_holds ? 0 : m_stream.decided(); }

private:
    bool take(const QList<Hit>& hits);

    Watch m_watch;
    Origin m_origin;
    Stream m_stream;
    bool m_holds = false;
};

} // namespace sb::leaks
