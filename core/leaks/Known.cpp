#include "core/leaks/Known.h"

#include "core/base/Defence.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <sodium.h>

namespace sb::leaks {

namespace {

constexpr qsizetype leastLoose = 12; // from here on also with something in between
constexpr qsizetype longestGap = 64; // bytes between two characters of one value
constexpr qsizetype pieceSize = 256; // longer values are looked for piece by piece
constexpr qsizetype longestWhole = 320;
constexpr qsizetype strideMost = 8;
constexpr qsizetype gram = 4;

inline quint32 foldedAt(const uchar* four)
{
    quint32 word = 0;
    std::memcpy(&word, four, sizeof word);
    return word | 0x2020'2020U; // digits have that bit already
}

constexpr uchar small(uchar c)
{
    return c >= 'A' && c <= 'Z' ? uchar(c | 0x20) : c;
}

// Which single defence stands between a form and its being missed.
bool isDefended(Encoding encoding)
{
    switch (encoding) {
    case Encoding::Plain:
        return defended("leaks.known");
    case Encoding::Base64:
        return defended("leaks.base64");
    case Encoding::Hex:
        return defended("leaks.hex");
    case Encoding::Percent:
        return defended("leaks.percent");
    case Encoding::Json:
        return defended("leaks.json");
    case Encoding::Reversed:
        return defended("leaks.reversed");
    }
    return true;
}

} // namespace

void narrow(QStringView text, QByteArray& into)
{
    into.resizeForOverwrite(text.size());
    const auto* in = reinterpret_cast<const char16_t*>(text.utf16());
    auto* out = reinterpret_cast<uchar*>(into.data());
    for (qsizetype i = 0; i < text.size(); ++i) {
        const char16_t c = in[i];
        // ␛ and ‹ become what Canon knows them by.
        const auto other = uchar(c == u'\u241b'   ? 0x9b
                                 : c == u'\u2039' ? 0xb9
                                                  : (0x80 | ((c ^ (c >> 7)) & 0x7f)));
        out[i] = c < 0x80 ? uchar(c) : other;
    }
}

namespace {

/// Of a character of several bytes in UTF-8: not its first.
bool isContinuation(char c)
{
    return (uchar(c) & 0xc0) == 0x80;
}

} // namespace

/// Writes forms behind each other into one array that never moves, so that no piece of a value is
/// left behind in freed memory.
class Known::Writer
{
public:
    Writer(Known& known, qsizetype capacity) : m_known(known) { m_bytes.reserve(capacity); }

    void begin(Encoding encoding, quint16 value)
    {
        m_form = {};
        m_form.at = quint32(m_bytes.size());
        m_form.encoding = encoding;
        m_form.value = value;
        m_first = m_last = m_written = 0;
    }
    void put(char c)
    {
        ++m_written;
        if (isCanonical(uchar(c))) {
            m_bytes.append(c);
            m_first = m_first == 0 ? m_written : m_first;
            m_last = m_written;
        }
    }
    void putHex(uchar byte)
    {
        static constexpr char digits[] = "0123456789abcdef";
        put(digits[byte >> 4]);
        put(digits[byte & 15]);
        m_form.anyCase = true;
    }
    // Whether the form is long enough to be looked for.
    bool end(qsizetype before = 0, qsizetype after = 0)
    {
        const qsizetype size = m_bytes.size() - qsizetype(m_form.at);
        if (size < leastForm) {
            sodium_memzero(m_bytes.data() + m_form.at, size_t(size));
            m_bytes.truncate(m_form.at);
            return false;
        }
        m_form.size = quint16(size);
        m_form.span = quint16(m_last - m_first + 1);
        m_form.before = quint8(std::min<qsizetype>(before, 255));
        m_form.after = quint8(std::min<qsizetype>(after, 255));
        m_known.m_index.push_back(m_form);
        m_known.m_longest = std::max(m_known.m_longest, size);
        return true;
    }
    SecretString take() { return SecretString(std::move(m_bytes)); }

    // All forms of a piece of a value. False when there is no plain one.
    bool write(QByteArrayView piece, quint16 value)
    {
        const auto each = [&](Encoding encoding, auto putByte) {
            begin(encoding, value);
            for (const char c : piece) {
                putByte(c);
            }
            return end();
        };
        // In characters: a text may hold each as several bytes, or as one.
        qsizetype before = 0;
        qsizetype first = 0;
        for (; first < piece.size() && !isCanonical(uchar(piece[first])); ++first) {
            before += isContinuation(piece[first]) ? 0 : 1;
        }
        qsizetype after = 0;
        for (qsizetype last = piece.size(); last > first && !isCanonical(uchar(piece[last - 1]));
             --last) {
            after += isContinuation(piece[last - 1]) ? 0 : 1;
        }
        begin(Encoding::Plain, value);
        for (const char c : piece) {
            put(c);
        }
        const bool plain = end(before, after);
        begin(Encoding::Reversed, value);
        for (qsizetype i = piece.size(); i-- > 0;) {
            put(piece[i]);
        }
        end(after, before);
        each(Encoding::Hex, [&](char c) { putHex(uchar(c)); }); // also %41%42
        each(Encoding::Hex, [&](char c) {
            put('x');
            putHex(uchar(c));
        });
        each(Encoding::Hex, [&](char c) {
            put('0');
            put('x');
            putHex(uchar(c));
        });
        each(Encoding::Json, [&](char c) {
            put('u');
            put('0');
            put('0');
            putHex(uchar(c));
        });
        const auto isFree = [](char c) {
            return isCanonical(uchar(c)) || c == '-' || c == '.' || c == '_' || c == '~';
        };
        if (!std::ranges::all_of(piece, isFree)) {
            each(Encoding::Percent, [&](char c) {
                if (isFree(c)) {
                    put(char(small(uchar(c))));
                } else {
                    put('%');
                    putHex(uchar(c));
                }
            });
        }
        writeBase64(piece, value);
        return plain;
    }

private:
    // As it looks inside a longer text in base64, for each of the three places where it can begin,
    // without the characters at the edges that hold bits of its neighbours.
    void writeBase64(QByteArrayView piece, quint16 value)
    {
        static constexpr char digits[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for (qsizetype shift = 0; shift < 3; ++shift) {
            begin(Encoding::Base64, value);
            const qsizetype bits = (shift + piece.size()) * 8;
            const qsizetype first = shift == 0 ? 0 : shift + 1;
            for (qsizetype i = first; i * 6 + 6 <= bits; ++i) {
                unsigned six = 0;
                for (qsizetype bit = i * 6; bit < i * 6 + 6; ++bit) {
                    const auto byte = uchar(piece[bit / 8 - shift]);
                    six = six << 1 | ((byte >> (7 - bit % 8)) & 1);
                }
                put(digits[six]);
            }
            end(first, bits % 6 == 0 ? 0 : 1);
        }
    }

    Known& m_known;
    QByteArray m_bytes;
    Form m_form;
    qsizetype m_written = 0;
    qsizetype m_first = 0;
    qsizetype m_last = 0;
};

bool Known::isTellable(QByteArrayView value)
{
    constexpr qsizetype longestWord = 15;
    const bool isWord = std::ranges::all_of(
        value, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
    return value.size() >= leastBytes && !(isWord && value.size() <= longestWord);
}

Known::Known(std::vector<Value> values) : m_values(std::move(values))
{
    qsizetype capacity = 64;
    for (const Value& value : m_values) {
        value.bytes.expose([&](QByteArrayView bytes) {
            capacity += 28 * bytes.size() + 256 * (bytes.size() / pieceSize + 1);
        });
    }
    Writer writer(*this, capacity);
    for (size_t i = 0; i < m_values.size(); ++i) {
        m_values[i].bytes.expose([&](QByteArrayView bytes) {
            const qsizetype step = bytes.size() > longestWhole ? pieceSize : bytes.size();
            for (qsizetype at = 0; at < bytes.size(); at += step) {
                const QByteArrayView piece = bytes.sliced(at, std::min(step, bytes.size() - at));
                if (!writer.write(piece, quint16(i)) && at == 0) {
                    QString text = QString::fromUtf8(piece);
                    QByteArray narrowed;
                    narrow(text, narrowed);
                    text.detach();
                    sodium_memzero(text.data(), size_t(text.size()) * sizeof(QChar));
                    m_raw.push_back({SecretString(QByteArray(piece.data(), piece.size())),
                                     SecretString(std::move(narrowed)),
                                     quint16(i)});
                }
            }
        });
    }
    m_forms = writer.take();
    fillTables();
}

void Known::fillTables()
{
    if (m_index.empty()) {
        return;
    }
    qsizetype shortest = m_index.front().size;
    for (const Form& form : m_index) {
        shortest = std::min<qsizetype>(shortest, form.size);
    }
    // Wherever a form stands in a text, one of so many fingerprints in a row is looked at.
    m_stride = std::clamp<qsizetype>(shortest - gram + 1, 1, strideMost);
    randombytes_buf(&m_key, sizeof m_key);
    m_key |= 1;
    const size_t count = m_index.size() * size_t(m_stride);
    const int bits = count > 4000 ? 19 : 16;
    m_filterShift = 64 - bits;
    QByteArray filter(qsizetype(1) << (bits - 3), '\0');
    QByteArray entries(qsizetype(count * sizeof(Entry)), Qt::Uninitialized);
    auto* entry = reinterpret_cast<Entry*>(entries.data());
    m_forms.expose([&](QByteArrayView forms) {
        const auto* bytes = reinterpret_cast<const uchar*>(forms.data());
        for (size_t f = 0; f < m_index.size(); ++f) {
            for (qsizetype offset = 0; offset < m_stride; ++offset) {
                const quint64 hash = foldedAt(bytes + m_index[f].at + offset) * m_key;
                const quint64 bit = hash >> m_filterShift;
                filter.data()[bit / 8] = char(uchar(filter.data()[bit / 8]) | 1U << (bit % 8));
                *entry++ = {quint32(hash), quint32(f * strideMost + size_t(offset))};
            }
        }
    });
    std::ranges::sort(reinterpret_cast<Entry*>(entries.data()), entry, {}, &Entry::print);
    m_filter = SecretString(std::move(filter));
    m_entries = SecretString(std::move(entries));
}

template <class F>
void Known::candidates(const uchar* four, F&& f) const
{
    const auto print = quint32(foldedAt(four) * m_key);
    m_entries.expose([&](QByteArrayView bytes) {
        const auto* begin = reinterpret_cast<const Entry*>(bytes.data());
        const auto* end = begin + bytes.size() / qsizetype(sizeof(Entry));
        for (const Entry* entry = std::ranges::lower_bound(begin, end, print, {}, &Entry::print);
             entry != end && entry->print == print;
             ++entry) {
            f(m_index[entry->place / strideMost], qsizetype(entry->place % strideMost));
        }
    });
}

bool Known::equals(const Form& form, const uchar* text, qsizetype size) const
{
    return m_forms.expose([&](QByteArrayView forms) {
        const auto* bytes = reinterpret_cast<const uchar*>(forms.data()) + form.at;
        if (!form.anyCase) {
            return std::memcmp(bytes, text, size_t(size)) == 0;
        }
        for (qsizetype i = 0; i < size; ++i) {
            if (bytes[i] != small(text[i])) {
                return false;
            }
        }
        return true;
    });
}

bool Known::accepts(const Form& form, const Canon& canon, qsizetype index) const
{
    if (!isDefended(form.encoding)) {
        return false;
    }
    const qsizetype first = canon.placeOf(index);
    qsizetype last = canon.placeOf(index + form.size - 1);
    if (last - first + 1 <= form.span) {
        return true;
    }
    if (form.size < leastLoose || !defended("leaks.split")) {
        return false;
    }
    last = first;
    for (qsizetype i = 1; i < form.size; ++i) {
        const qsizetype place = canon.placeOf(index + i);
        if (place - last > longestGap) {
            return false;
        }
        last = place;
    }
    return true;
}

Known::Match
Known::matchOf(const Form& form, QByteArrayView text, const Canon& canon, qsizetype index) const
{
    qsizetype start = canon.placeOf(index);
    qsizetype end = canon.placeOf(index + form.size - 1) + 1;
    // What belongs to it around: the edges in base64, and punctuation of the value itself.
    const bool coded = form.encoding == Encoding::Base64;
    const auto belongs = [&](char c) {
        return coded ? isCanonical(uchar(c)) || c == '+' || c == '/' || c == '-' || c == '_' ||
                           c == '='
                     : !isCanonical(uchar(c)) && uchar(c) > ' ';
    };
    constexpr int longestCharacter = 4;
    for (int n = 0; n < form.before && start > 0 && belongs(text[start - 1]); ++n) {
        --start;
        for (int i = 1; i < longestCharacter && start > 0 && isContinuation(text[start]); ++i) {
            --start;
        }
    }
    for (int n = 0; n < form.after && end < text.size() && belongs(text[end]); ++n) {
        const bool wide = uchar(text[end]) >= 0x80;
        ++end;
        for (int i = 1;
             wide && i < longestCharacter && end < text.size() && isContinuation(text[end]);
             ++i) {
            ++end;
        }
    }
    for (int n = 0; coded && n < 2 && end < text.size() && text[end] == '='; ++n) {
        ++end;
    }
    return {start, end - start, form.encoding, &m_values[form.value]};
}

// Whether what follows until the end may be the beginning of a form.
bool Known::mayHoldAt(const Canon& canon, qsizetype index) const
{
    const uchar* text = canon.data() + index;
    const qsizetype size = canon.size() - index;
    const auto begins = [&](const Form& form) {
        return form.size > size && equals(form, text, size);
    };
    if (size < gram) {
        return std::ranges::any_of(m_index, begins);
    }
    bool may = false;
    candidates(text, [&](const Form& form, qsizetype offset) {
        may = may || (offset == 0 && begins(form));
    });
    return may;
}

qsizetype
Known::find(QByteArrayView text, const Canon& canon, bool ends, std::vector<Match>& matches) const
{
    const qsizetype size = canon.size();
    if (m_index.empty() || size == 0) {
        return text.size();
    }
    struct Place
    {
        qsizetype index;
        const Form* form;
    };
    std::vector<Place> places;
    const auto* bits = m_filter.expose(
        [](QByteArrayView filter) { return reinterpret_cast<const uchar*>(filter.data()); });
    const auto passes = [&](const uchar* four) {
        const quint64 bit = (foldedAt(four) * m_key) >> m_filterShift;
        return ((bits[bit / 8] >> (bit % 8)) & 1) != 0;
    };
    for (qsizetype i = 0; i + gram <= size; i += m_stride) {
        if (!passes(canon.data() + i)) {
            continue;
        }
        candidates(canon.data() + i, [&](const Form& form, qsizetype offset) {
            const qsizetype index = i - offset;
            if (index >= 0 && index + form.size <= size &&
                equals(form, canon.data() + index, form.size)) {
                places.push_back({index, &form});
            }
        });
    }
    // The longest of those that begin at one place: a value may begin like another one.
    std::ranges::sort(places, [](const Place& a, const Place& b) {
        return a.index != b.index ? a.index < b.index : a.form->size > b.form->size;
    });
    qsizetype next = 0;
    for (const Place& place : places) {
        if (place.index >= next && accepts(*place.form, canon, place.index)) {
            matches.push_back(matchOf(*place.form, text, canon, place.index));
            next = place.index + place.form->size;
        }
    }
    if (ends) {
        return text.size();
    }
    // From the back, as far as the gaps allow.
    qsizetype held = text.size();
    qsizetype behind = text.size();
    for (qsizetype i = size - 1; i >= std::max<qsizetype>(0, size - m_longest); --i) {
        const qsizetype place = canon.placeOf(i);
        if (behind - place > longestGap) {
            break;
        }
        behind = place;
        if ((size - i < gram || passes(canon.data() + i)) && mayHoldAt(canon, i)) {
            held = place;
        }
    }
    return held;
}

qsizetype
Known::findRaw(QByteArrayView text, Text kind, bool ends, std::vector<Match>& matches) const
{
    qsizetype held = text.size();
    if (!defended("leaks.known")) {
        return held;
    }
    for (const Raw& raw : m_raw) {
        const SecretString& secret = kind == Text::Utf8 ? raw.utf8 : raw.narrowed;
        secret.expose([&](QByteArrayView value) {
            for (qsizetype at = text.indexOf(value); at >= 0;
                 at = text.indexOf(value, at + value.size())) {
                matches.push_back({at, value.size(), Encoding::Plain, &m_values[raw.value]});
            }
            for (qsizetype at = std::max<qsizetype>(0, text.size() - value.size() + 1);
                 !ends && at < text.size();
                 ++at) {
                if (value.startsWith(text.sliced(at))) {
                    held = std::min(held, at);
                    break;
                }
            }
        });
    }
    return held;
}

} // namespace sb::leaks
