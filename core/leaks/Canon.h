#pragma once
#include <QByteArrayView>
#include <vector>

namespace sb::leaks {

/// A text reduced to its ASCII letters and digits, in which a value is found however it was broken
/// into lines, spaced, quoted or punctuated: with colons between the pairs of hex, with % before
/// them, as UTF-16, in either alphabet of base64. It remembers where each character stood.
class Canon
{
public:
    enum class Mode {
        AsIs,
        /// Without what a terminal would swallow (colours) and what stands for a line's end in
        /// JSON and in source text (\n). Slower, and only needed where hasEscapes() was true.
        Unescaped,
    };

    /// What stands open at the end of a text: an escape sequence cut in two.
    enum class State : quint8 { Text, Backslash, Escape, Sequence, Mark, MarkPlus, MarkHex };

    /// Reads the text, at most 2 GiB; replaces what was read before.
    void read(QByteArrayView text, Mode mode, State state = State::Text);

    [[nodiscard]] const uchar* data() const { return m_chars.data(); }
    [[nodiscard]] qsizetype size() const { return m_size; }
    /// Where the character stood in the text.
    [[nodiscard]] qsizetype placeOf(qsizetype index) const;
    /// Whether there was anything that Unescaped would read differently. After AsIs only.
    [[nodiscard]] bool hasEscapes() const { return m_hasEscapes; }
    /// The state at a place of the text, from which to go on there.
    [[nodiscard]] static State stateAt(QByteArrayView text, State state);

private:
    void readAsIs(QByteArrayView text);
    void readUnescaped(QByteArrayView text, State state);

    QByteArrayView m_text;
    std::vector<uchar> m_chars;
    std::vector<quint32> m_places; ///< AsIs: characters before each block; Unescaped: each place
    qsizetype m_size = 0;
    Mode m_mode = Mode::AsIs;
    bool m_hasEscapes = false;
};

constexpr bool isCanonical(uchar c)
{
    return (c >= '0' && c <= '9') || (uchar(c | 0x20) >= 'a' && uchar(c | 0x20) <= 'z');
}

} // namespace sb::leaks
