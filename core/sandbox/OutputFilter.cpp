#include "core/base/Defence.h"
#include "core/sandbox/Sandbox.h"

namespace sb::sandbox {

using namespace Qt::StringLiterals;

namespace {

constexpr int AfterCarriageReturn = 1;

// Characters that show nothing, or that change how others are shown.
bool isHidden(char32_t c)
{
    return (c >= 0x80 && c < 0xa0) // C1 controls; 0x9b alone starts an escape sequence
           || c == 0xad || c == 0x34f || c == 0x61c || c == 0x115f || c == 0x1160 || c == 0x17b4 ||
           c == 0x17b5 || (c >= 0x180b && c <= 0x180f) || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0x3164 ||
           (c >= 0xfe00 && c <= 0xfe0e) // not 0xfe0f, which only asks for the coloured picture
           || c == 0xfeff || c == 0xffa0 || (c >= 0xfff9 && c <= 0xfffb) ||
           (c >= 0x1d173 && c <= 0x1d17a) || (c >= 0xe0000 && c <= 0xe0fff);
}

void appendVisible(QString& text, char32_t c)
{
    if (!defended("sandbox.output-filter")) {
        text += QChar::fromUcs4(c);
    } else if (c == U'\n' || c == U'\t' || (c >= 0x20 && c < 0x7f)) {
        text += QChar(char16_t(c));
    } else if (c < 0x20) {
        text += QChar(char16_t(0x2400 + c)); // ␀ … ␟: the control's own picture, so ESC is ␛
    } else if (c == 0x7f) {
        text += QChar(char16_t(0x2421));
    } else if (isHidden(c)) {
        text += u"‹U+%1›"_s.arg(uint(c), 4, 16, QLatin1Char('0')).toUpper();
    } else {
        text += QChar::fromUcs4(c);
    }
}

// How many bytes a character has that starts so; 0: none does.
int lengthOf(uchar first)
{
    return first < 0x80   ? 1
           : first < 0xc2 ? 0
           : first < 0xe0 ? 2
           : first < 0xf0 ? 3
           : first < 0xf5 ? 4
                          : 0;
}

// Which second bytes may follow: the rest are overlong forms, surrogates and numbers beyond
// Unicode.
bool fits(uchar first, uchar second)
{
    const uchar low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const uchar high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    return second >= low && second <= high;
}

} // namespace

QString OutputFilter::filter(QByteArrayView chunk)
{
    QByteArray joined;
    if (!m_rest.isEmpty()) {
        joined = m_rest + chunk.toByteArray();
        m_rest.clear();
        chunk = joined;
    }
    QString text;
    text.reserve(chunk.size());
    qsizetype i = 0;
    while (i < chunk.size()) {
        const auto first = uchar(chunk[i]);
        // A lone carriage return would let a line be painted over: it ends the line instead.
        if (m_state == AfterCarriageReturn) {
            m_state = 0;
            text += u'\n';
            if (first == '\n') {
                ++i;
                continue;
            }
        }
        if (first == '\r' && defended("sandbox.output-filter")) {
            m_state = AfterCarriageReturn;
            ++i;
            continue;
        }
        const int length = lengthOf(first);
        int have = length > 0 ? 1 : 0;
        while (have > 0 && have < length && i + have < chunk.size()) {
            const auto next = uchar(chunk[i + have]);
            if (have == 1 ? !fits(first, next) : (next & 0xc0) != 0x80) {
                break;
            }
            ++have;
        }
        if (have == length && length > 0) {
            char32_t c = length == 1 ? first : first & (0x7f >> length);
            for (int k = 1; k < length; ++k) {
                c = (c << 6) | (uchar(chunk[i + k]) & 0x3f);
            }
            appendVisible(text, c);
            i += length;
        } else if (length > 0 && i + have == chunk.size()) {
            m_rest =
                chunk.sliced(i).toByteArray(); // cut in two: the rest comes with the next chunk
            break;
        } else {
            text += QChar(QChar::ReplacementCharacter);
            i += std::max(1, have);
        }
    }
    return text;
}

QString OutputFilter::finish()
{
    QString text;
    if (m_state == AfterCarriageReturn) {
        text += u'\n';
    }
    if (!m_rest.isEmpty()) {
        text += QChar(QChar::ReplacementCharacter);
    }
    m_state = 0;
    m_rest.clear();
    return text;
}

} // namespace sb::sandbox
