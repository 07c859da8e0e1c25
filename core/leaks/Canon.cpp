#include "core/leaks/Canon.h"

#include "core/base/Defence.h"

#include <array>
#include <bit>
#include <cstring>
#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace sb::leaks {

namespace {

constexpr qsizetype blockSize = 64;
constexpr uchar escape = 0x1b;
// Third bytes of ␛ and ‹ in UTF-8, as the sandbox's output filter shows ESC and hidden characters
// (‹U+200B›). Other characters share them; then Unescaped reads the same as AsIs.
constexpr uchar shownEscape = 0x9b;
constexpr uchar shownMark = 0xb9;

constexpr quint8 keeps = 1;
constexpr quint8 escapes = 2;

constexpr std::array<quint8, 256> classTable()
{
    std::array<quint8, 256> table{};
    for (unsigned c = 0; c < 256; ++c) {
        table[c] = isCanonical(uchar(c)) ? keeps : 0;
    }
    table[escape] = table['\\'] = table[shownEscape] = table[shownMark] = escapes;
    return table;
}
constexpr auto classes = classTable();

struct Reduced
{
    uchar* out;
    bool hasEscapes;
};

Reduced reduce(const uchar* in, qsizetype size, uchar* out)
{
    quint8 seen = 0;
    for (qsizetype i = 0; i < size; ++i) {
        const quint8 kind = classes[in[i]];
        *out = in[i];
        out += kind & keeps;
        seen |= kind;
    }
    return {out, (seen & escapes) != 0};
}

#ifdef __x86_64__

// For each mask of eight bytes, the order that moves the kept ones to the front.
constexpr std::array<quint64, 256> orderTable()
{
    std::array<quint64, 256> table{};
    for (unsigned mask = 0; mask < 256; ++mask) {
        unsigned n = 0;
        for (unsigned i = 0; i < 8; ++i) {
            if (((mask >> i) & 1) != 0) {
                table[mask] |= quint64(i) << (8 * n++);
            }
        }
    }
    return table;
}
constexpr auto orders = orderTable();

// A whole block, sixteen bytes at a time. Writes up to eight bytes beyond the end of what it keeps.
__attribute__((target("ssse3,popcnt"))) Reduced reduceBlock(const uchar* in, uchar* out)
{
    // The letter or digit ranges as one comparison each: shifted so that the range ends at 127.
    const __m128i small = _mm_set1_epi8(0x20);
    const __m128i letterShift = _mm_set1_epi8(char(127 - 'z'));
    const __m128i letterLeast = _mm_set1_epi8(char(127 - 26));
    const __m128i digitShift = _mm_set1_epi8(char(127 - '9'));
    const __m128i digitLeast = _mm_set1_epi8(char(127 - 10));
    __m128i special = _mm_setzero_si128();
    for (int part = 0; part < blockSize; part += 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + part));
        const __m128i letters =
            _mm_cmpgt_epi8(_mm_add_epi8(_mm_or_si128(bytes, small), letterShift), letterLeast);
        const __m128i digits = _mm_cmpgt_epi8(_mm_add_epi8(bytes, digitShift), digitLeast);
        const auto mask = unsigned(_mm_movemask_epi8(_mm_or_si128(letters, digits)));
        special = _mm_or_si128(
            special,
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(char(escape))),
                                      _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
                         _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(char(shownEscape))),
                                      _mm_cmpeq_epi8(bytes, _mm_set1_epi8(char(shownMark))))));
        const unsigned low = mask & 0xff;
        const unsigned high = mask >> 8;
        _mm_storel_epi64(reinterpret_cast<__m128i*>(out),
                         _mm_shuffle_epi8(bytes, _mm_cvtsi64_si128(qint64(orders[low]))));
        out += std::popcount(low);
        _mm_storel_epi64(
            reinterpret_cast<__m128i*>(out),
            _mm_shuffle_epi8(_mm_srli_si128(bytes, 8), _mm_cvtsi64_si128(qint64(orders[high]))));
        out += std::popcount(high);
    }
    return {out, _mm_movemask_epi8(special) != 0};
}

bool hasShuffle()
{
    static const bool has = __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("popcnt");
    return has;
}

#else

Reduced reduceBlock(const uchar* in, uchar* out)
{
    return reduce(in, blockSize, out);
}

constexpr bool hasShuffle()
{
    return false;
}

#endif

bool isHex(uchar c)
{
    return (c >= '0' && c <= '9') || (uchar(c | 0x20) >= 'a' && uchar(c | 0x20) <= 'f');
}

// One byte onward; whether the byte belongs to the text.
bool advance(Canon::State& state, uchar c)
{
    using S = Canon::State;
    switch (state) {
    case S::Text:
        break;
    case S::Backslash:
        state = S::Text;
        if ((c == 'n' || c == 'r' || c == 't') && defended("leaks.json")) {
            return false;
        }
        if (c == '\\') {
            return false; // an escaped backslash
        }
        break;
    case S::Escape:
        state = c == '[' ? S::Sequence : S::Text;
        if (c == '[') {
            return false;
        }
        break;
    case S::Sequence:
        if (c >= 0x20 && c < 0x40) {
            return false;
        }
        state = S::Text;
        if (c >= 0x40 && c < 0x7f) {
            return false;
        }
        break;
    case S::Mark:
        state = c == 'U' ? S::MarkPlus : S::Text;
        if (c == 'U') {
            return false;
        }
        break;
    case S::MarkPlus:
        state = c == '+' ? S::MarkHex : S::Text;
        break;
    case S::MarkHex:
        if (isHex(c)) {
            return false;
        }
        state = S::Text;
        break;
    }
    if (c == '\\') {
        state = S::Backslash;
    } else if ((c == escape || c == shownEscape) && defended("leaks.escapes")) {
        state = S::Escape;
    } else if (c == shownMark) {
        state = S::Mark;
    }
    return isCanonical(c);
}

} // namespace

void Canon::read(QByteArrayView text, Mode mode, State state)
{
    m_text = text;
    m_mode = mode;
    if (qsizetype(m_chars.size()) < text.size() + blockSize) {
        m_chars.resize(size_t(text.size() + blockSize));
    }
    m_places.clear();
    if (mode == Mode::AsIs) {
        readAsIs(text);
    } else {
        readUnescaped(text, state);
    }
}

void Canon::readAsIs(QByteArrayView text)
{
    const auto* in = reinterpret_cast<const uchar*>(text.data());
    uchar* out = m_chars.data();
    m_hasEscapes = false;
    const bool shuffles = hasShuffle();
    m_places.reserve(size_t(text.size() / blockSize + 1));
    for (qsizetype at = 0; at < text.size(); at += blockSize) {
        m_places.push_back(quint32(out - m_chars.data()));
        const qsizetype size = std::min(blockSize, text.size() - at);
        // The last block is filled up with what nothing keeps.
        std::array<uchar, blockSize> last;
        const uchar* block = in + at;
        if (shuffles && size < blockSize) {
            last.fill(0);
            std::memcpy(last.data(), block, size_t(size));
            block = last.data();
        }
        const Reduced reduced = shuffles ? reduceBlock(block, out) : reduce(block, size, out);
        out = reduced.out;
        m_hasEscapes = m_hasEscapes || reduced.hasEscapes;
    }
    m_size = out - m_chars.data();
}

void Canon::readUnescaped(QByteArrayView text, State state)
{
    m_size = 0;
    for (qsizetype i = 0; i < text.size(); ++i) {
        const auto c = uchar(text[i]);
        if (advance(state, c)) {
            m_chars[size_t(m_size++)] = c;
            m_places.push_back(quint32(i));
        }
    }
}

qsizetype Canon::placeOf(qsizetype index) const
{
    if (m_mode == Mode::Unescaped) {
        return m_places[size_t(index)];
    }
    const auto block = std::ranges::upper_bound(m_places, quint32(index)) - m_places.begin() - 1;
    qsizetype left = index - m_places[size_t(block)];
    qsizetype at = block * blockSize;
    for (;; ++at) {
        if (isCanonical(uchar(m_text[at])) && left-- == 0) {
            return at;
        }
    }
}

Canon::State Canon::stateAt(QByteArrayView text, State state)
{
    for (const char c : text) {
        (void)advance(state, uchar(c));
    }
    return state;
}

} // namespace sb::leaks
