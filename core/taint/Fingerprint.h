#pragma once
#include <QList>
#include <QString>
#include <mutex>
#include <vector>

namespace sb::taint {

/// Two texts that share this many folded characters in a row (letters, digits and signs; blanks,
/// quotes and backslashes do not count) are found to do so.
inline constexpr qsizetype shortestQuote = 24;
/// No shorter common run is ever taken for a quote.
inline constexpr qsizetype neverUnder = 20;

/// The text as quotes are compared: in small letters, without blanks, quotes, backslashes, $IFS and
/// what cannot be seen.
std::vector<char16_t> folded(QStringView text);

/// What a text holds in base64, hex or percent signs, decoded; nothing where it holds none. Texts
/// within those too, down to a small depth.
QStringList decodedParts(const QString& text);

/// The winnowed hashes of a text and of its decoded parts, each once.
std::vector<quint64> hashesOf(const QString& text);

/// A text that others may quote. Its hashes are made when they are first asked for; safe to use
/// from any thread.
class Fingerprint
{
public:
    explicit Fingerprint(QString text) : m_text(std::move(text)) {}
    /// Whether the text holds the run that the hash stands for.
    [[nodiscard]] bool has(quint64 hash) const;

private:
    void make() const;

    QString m_text;
    mutable std::once_flag m_made;
    // Open addressing; half of each hash is its place and the other half its value. 0: free.
    mutable std::vector<quint32> m_table;
};

} // namespace sb::taint
