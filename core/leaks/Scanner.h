#pragma once
#include "core/leaks/Anchors.h"
#include "core/leaks/Known.h"

#include <QByteArray>
#include <QList>
#include <QString>
#include <memory>
#include <optional>

namespace sb::leaks {

/// A secret found in a text. It never holds any of it.
struct Hit
{
    QString what;      ///< "known:env:GITHUB_TOKEN" or "pattern:github-token"
    qint64 offset = 0; ///< bytes from the beginning; UTF-16 units where the text was a QString
    qint64 length = 0;
    Encoding encoding = Encoding::Plain;
    bool verified = true; ///< false for a pattern whose checksum is wrong: an example, perhaps
    [[nodiscard]] bool isKnown() const { return what.startsWith(QLatin1StringView("known:")); }
    bool operator==(const Hit&) const = default;
};

/// "plain", "base64", "hex", "percent", "json", "reversed".
[[nodiscard]] QString encodingName(Encoding encoding);

/// Knows values and patterns. Never changes, so that any number of threads and streams share one;
/// a value more makes a new one.
class Scanner
{
public:
    /// Patterns only.
    [[nodiscard]] static std::shared_ptr<const Scanner> create();
    /// This one and one value more; this one itself when it knows the value, or the value
    /// cannot be told from a word (Known::isTellable).
    [[nodiscard]] static std::shared_ptr<const Scanner>
    with(const std::shared_ptr<const Scanner>& scanner,
         const QString& name,
         const SecretString& value);

    /// Everything in a whole text, in order, without overlaps.
    [[nodiscard]] QList<Hit> scan(QByteArrayView utf8) const;
    [[nodiscard]] QList<Hit> scan(QStringView text) const;

    /// The text with "[redacted:NAME]" in every such place; nothing when there is none.
    [[nodiscard]] std::optional<QByteArray> redact(QByteArrayView utf8) const;
    [[nodiscard]] std::optional<QString> redact(QStringView text) const;

private:
    friend class Stream;
    struct Piece
    {
        qsizetype start = 0;
        qsizetype size = 0;
        const Known::Value* value = nullptr; ///< else a pattern
        const char* name = "";
        Encoding encoding = Encoding::Plain;
        bool verified = true;
        [[nodiscard]] QString label() const;
    };
    struct Workspace;
    enum class End {
        Open,   ///< more may come
        Forced, ///< more may come, but no pattern is waited for any longer
        Final,
    };

    explicit Scanner(std::vector<Known::Value> values) : m_known(std::move(values)) {}

    // Looks through a text from `from` on; what stands before is only looked back at. Answers up to
    // where the text is decided, and leaves what it found in the workspace's pieces.
    qsizetype look(Workspace& space,
                   QByteArrayView text,
                   qsizetype from,
                   Text kind,
                   End end,
                   Canon::State state) const;
    static void
    patterns(Workspace& space, QByteArrayView text, qsizetype from, bool ends, qsizetype& decided);
    std::vector<Piece> all(Workspace& space, QByteArrayView text, Text kind) const;
    [[nodiscard]] static Workspace& workspace();

    Known m_known;
};

/// One output, looked through as it comes, with whatever stands across the borders of its pieces.
/// For one thread at a time.
class Stream
{
public:
    enum class Keep {
        Text, ///< redacted() gives the text
        Hits, ///< only hits are wanted
    };
    explicit Stream(std::shared_ptr<const Scanner> scanner, Keep keep = Keep::Text);

    /// What became certain with these bytes (UTF-8, or anything else).
    QList<Hit> feed(QByteArrayView bytes);
    /// No more will come.
    QList<Hit> finish();
    /// What can be shown since the last call, with "[redacted:NAME]" for what was found. Bytes that
    /// may be the beginning of a secret are held back until more of them, or finish(), decides:
    /// for patterns some 16 KiB at most, then it decides with what is there.
    [[nodiscard]] QByteArray redacted();
    /// How many of the bytes fed are decided: none after these belongs to a hit told so far.
    [[nodiscard]] qint64 decided() const { return m_released; }

private:
    void take(QByteArrayView bytes, bool ends, QList<Hit>& hits);

    std::shared_ptr<const Scanner> m_scanner; // shared with all other streams
    Keep m_keep;
    QByteArray m_buffer;      ///< what was released last, for looking back, and what is held
    qsizetype m_lookBack = 0; ///< how much of it is released
    qint64 m_released = 0;
    QByteArray m_out;
    Canon::State m_state = Canon::State::Text;
    bool m_swallows = false; ///< an endless key: its rest is left out
};

} // namespace sb::leaks
