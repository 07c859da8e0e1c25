#pragma once
#include "core/leaks/Scanner.h"

#include <QJsonObject>
#include <QStringList>
#include <functional>

namespace sb::leaks {

/// Where a text comes from.
struct Origin
{
    QString where{}; ///< "tool:shell", "model", "call:shell", "message:you", "egress"
    QString agent{};
    QString channel{};
    QString process{};
    qint64 entry = 0; ///< seq of what it belongs to: the tool.call, the model.request, the message
};

/// What became of a text that held a secret.
enum class Fate {
    TakenOut, ///< it went on without the secret
    Stopped,  ///< what printed it was killed, or what would have carried it was refused
    Passed,   ///< it went on as it was: what only looks like a secret may well belong there
};

/// A secret stood where none may. It holds nothing of it, not even a hash.
struct Incident
{
    Origin origin;
    QString what; ///< as in Hit
    QString encoding;
    qint64 offset = 0;
    Fate fate = Fate::TakenOut;
};

/// Name of the first known value among them, "known:env:GITHUB_TOKEN"; empty when there is none.
[[nodiscard]] QString firstKnown(const QList<Hit>& hits);

/// A text that was looked through.
struct Screened
{
    QString text; ///< redacted
    QList<Hit> hits;
};

/// The arguments of a call that were looked through.
struct ScreenedObject
{
    QJsonObject object; ///< redacted; empty where that leaves no JSON
    QList<Hit> hits;
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

    /// A whole text that goes on without its secrets: a tool's answer, a model's.
    [[nodiscard]] Screened screen(const QString& text, const Origin& origin) const;

    /// The same without incidents.
    [[nodiscard]] Screened look(const QString& text) const;
    /// All of an object in one go, so that a value is found in keys as well, and where it is spread
    /// over several texts.
    [[nodiscard]] ScreenedObject look(const QJsonObject& object) const;

    [[nodiscard]] bool isOn() const { return bool(m_scanners); }
    [[nodiscard]] std::shared_ptr<const Scanner> scanner() const { return m_scanners(); }
    /// Raises one incident for each name; none for a pattern whose checksum is wrong.
    void raise(const QList<Hit>& hits, const Origin& origin, Fate fate) const;

private:
    friend class Told;
    void tell(const Hit& hit, const Origin& origin, Fate fate) const;

    Scanners m_scanners;
    Sink m_sink;
};

/// The names that incidents of one origin were raised for.
class Told
{
public:
    Told(Watch watch, Origin origin) : m_watch(std::move(watch)), m_origin(std::move(origin)) {}
    /// What is known meets one fate, what only looks like a secret another.
    void raise(const QList<Hit>& hits, Fate known, Fate pattern);
    /// Name of the first known value that came; empty when there was none.
    [[nodiscard]] const QString& known() const { return m_known; }

private:
    Watch m_watch;
    Origin m_origin;
    QStringList m_names;
    QString m_known;
};

/// The output of a program, looked through as it comes. For one thread at a time.
class LiveWatch
{
public:
    LiveWatch(const Watch& watch, Origin origin);

    /// What of it may be kept and shown by now. Once known() has a name, whoever printed it must be
    /// stopped.
    [[nodiscard]] QByteArray feed(QByteArrayView bytes);
    [[nodiscard]] QByteArray finish();
    [[nodiscard]] const QString& known() const { return m_told.known(); }

private:
    [[nodiscard]] QByteArray passed(const QList<Hit>& hits);

    Stream m_stream;
    Told m_told;
};

/// What may be shown of a model's answer while it comes. It raises nothing: whoever has the whole
/// answer does. For one thread at a time.
class LiveText
{
public:
    explicit LiveText(const Watch& watch) : m_watch(watch) { begin(); }

    /// What may be shown by now; a value that is spread over many pieces never is.
    [[nodiscard]] QString feed(const QString& piece);
    /// What had been held back, when the answer is complete.
    [[nodiscard]] QString finish();
    /// The answer begins anew.
    void begin();

private:
    Watch m_watch;
    std::optional<Stream> m_stream; ///< none where nothing is watched
};

/// A body on its way out, for the proxy: known values, in any of the encodings, must not leave.
class BodyWatch
{
public:
    BodyWatch(const Watch& watch, Origin origin);

    /// Whether what was fed so far holds a known value. Patterns only raise an incident: a key that
    /// this program never had may well be on its way to whom it belongs.
    bool feed(QByteArrayView bytes);
    /// The same at the body's end.
    bool finish();
    /// How many of the bytes fed may be sent on: those after these may be the beginning of a value.
    [[nodiscard]] qint64 safeBytes() const
    {
        return m_told.known().isEmpty() ? m_stream.decided() : 0;
    }

private:
    bool take(const QList<Hit>& hits);

    Stream m_stream;
    Told m_told;
};

} // namespace sb::leaks
