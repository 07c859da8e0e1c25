#include "core/taint/Fingerprint.h"

#include "core/base/Defence.h"

#include <QByteArray>
#include <bit>

using namespace Qt::StringLiterals;

namespace sb::taint {

namespace {

constexpr size_t run = neverUnder;
constexpr size_t window = size_t(shortestQuote) - run + 1;
constexpr qsizetype longestText = qsizetype(1) << 20; // characters; of more, both ends
constexpr qsizetype shortestEncoded = 24;
constexpr int deepest = 2;
constexpr qsizetype mostDecoded = 256 * 1024; // characters in all
constexpr quint64 base = 0x9e3779b97f4a7c15ULL;

constexpr quint64 power(quint64 of, size_t exponent)
{
    quint64 result = 1;
    for (size_t i = 0; i < exponent; ++i) {
        result *= of;
    }
    return result;
}
constexpr quint64 leaving = power(base, run);

constexpr quint64 mixed(quint64 hash)
{
    hash ^= hash >> 32U;
    hash *= 0xd6e8feb86659fd93ULL;
    hash ^= hash >> 32U;
    return hash;
}

/// What an ASCII character folds to; 0: it does not count.
constexpr std::array<char16_t, 128> asciiTable()
{
    std::array<char16_t, 128> table{};
    for (char16_t c = 0x21; c < 0x7f; ++c) {
        table[c] = c >= u'A' && c <= u'Z' ? char16_t(c + 32) : c;
    }
    for (const char16_t ignored : {u'"', u'\'', u'`', u'\\'}) {
        table[ignored] = 0;
    }
    return table;
}
constexpr auto ascii = asciiTable();

char16_t foldedWide(char16_t c)
{
    if (c >= 0xff01 && c <= 0xff5e) {
        return ascii[size_t(c - 0xff01 + 0x21)]; // full-width forms of ASCII
    }
    const QChar character(c);
    switch (character.category()) {
    case QChar::Other_Format:
    case QChar::Other_Control:
    case QChar::Separator_Space:
    case QChar::Separator_Line:
    case QChar::Separator_Paragraph:
    case QChar::Mark_NonSpacing:
    case QChar::Mark_Enclosing:
        return 0;
    default:
        break;
    }
    // Typographic quotes stand for plain ones.
    return c >= 0x2018 && c <= 0x201f ? char16_t(0) : character.toCaseFolded().unicode();
}

/// Adds the least hash of every window of runs.
void winnow(const std::vector<char16_t>& text, std::vector<quint64>& into)
{
    if (text.size() < run) {
        return;
    }
    std::array<quint64, window> last{};
    quint64 hash = 0;
    quint64 least = 0;
    size_t leastAt = 0;
    bool any = false;
    for (size_t i = 0; i < text.size(); ++i) {
        hash = hash * base + text[i] + 1;
        if (i >= run) {
            hash -= leaving * (text[i - run] + 1U);
        }
        if (i + 1 < run) {
            continue;
        }
        const size_t at = i + 1 - run;
        const quint64 value = mixed(hash);
        last[at % window] = value;
        if (!any || value <= least) {
            any = true;
            least = value;
            leastAt = at;
            if (at + 1 >= window) {
                into.push_back(value);
            }
        } else if (at >= leastAt + window) {
            least = value;
            leastAt = at;
            for (size_t j = at + 1 - window; j < at; ++j) {
                if (last[j % window] <= least) {
                    least = last[j % window];
                    leastAt = j;
                }
            }
            into.push_back(least);
        } else if (at + 1 == window) {
            into.push_back(least);
        }
    }
    if (text.size() < run + window - 1) {
        into.push_back(least);
    }
}

QString ends(const QString& text)
{
    return text.size() <= longestText
               ? text
               : QString(text.first(longestText / 4 * 3) + u'\n' + text.last(longestText / 4));
}

/// The decoded bytes as text, when they look like one.
QString readable(const QByteArray& bytes)
{
    if (bytes.size() < qsizetype(run) / 2 || !bytes.isValidUtf8()) {
        return {};
    }
    const auto odd = std::ranges::count_if(bytes, [](char c) {
        return (quint8(c) < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f;
    });
    return odd * 20 > bytes.size() ? QString() : QString::fromUtf8(bytes);
}

bool isBase64(char16_t c)
{
    return (c >= u'A' && c <= u'Z') || (c >= u'a' && c <= u'z') || (c >= u'0' && c <= u'9') ||
           c == u'+' || c == u'/' || c == u'-' || c == u'_' || c == u'=';
}

bool isHex(char16_t c)
{
    return (c >= u'0' && c <= u'9') || (c >= u'a' && c <= u'f') || (c >= u'A' && c <= u'F');
}

void decode(const QString& text, int depth, qsizetype& room, QStringList& into)
{
    const auto take = [&](const QString& found) {
        if (found.isEmpty() || room < found.size()) {
            return;
        }
        room -= found.size();
        into.append(found);
        if (depth < deepest) {
            decode(found, depth + 1, room, into);
        }
    };
    if (text.contains(u'%')) {
        const QString plain = QString::fromUtf8(QByteArray::fromPercentEncoding(text.toUtf8()));
        if (plain != text) {
            take(plain);
        }
    }
    // Long words of the alphabet; a line's end within one does not end it.
    qsizetype at = 0;
    while (at < text.size()) {
        if (!isBase64(text[at].unicode())) {
            ++at;
            continue;
        }
        qsizetype end = at + 1;
        while (end < text.size() &&
               (isBase64(text[end].unicode()) || text[end] == u'\n' || text[end] == u'\r')) {
            ++end;
        }
        QByteArray word;
        bool hex = true;
        if (end - at >= shortestEncoded) {
            for (const QChar one : QStringView(text).sliced(at, end - at)) {
                const char16_t c = one.unicode();
                if (c != u'\n' && c != u'\r') {
                    word += char(c == u'-' ? u'+' : c == u'_' ? u'/' : c);
                    hex = hex && isHex(c);
                }
            }
        }
        at = end;
        if (word.size() >= shortestEncoded) {
            take(readable(hex ? QByteArray::fromHex(word) : QByteArray()));
            // A path or a word may stand right before it: every start of the four is tried.
            for (qsizetype skip = 0; skip < 4; ++skip) {
                const QString found = readable(QByteArray::fromBase64(word.sliced(skip)));
                if (!found.isEmpty()) {
                    take(found);
                    break;
                }
            }
        }
    }
}

} // namespace

std::vector<char16_t> folded(QStringView text)
{
    std::vector<char16_t> result;
    result.reserve(size_t(text.size()));
    if (!defended("taint.folding")) {
        for (const QChar c : text) {
            result.push_back(c.unicode());
        }
        return result;
    }
    for (qsizetype i = 0; i < text.size(); ++i) {
        const char16_t c = text[i].unicode();
        if (c == u'$') {
            const auto rest = text.sliced(i + 1);
            if (rest.startsWith(u"{IFS}")) {
                i += 5;
                continue;
            }
            if (rest.startsWith(u"IFS")) {
                i += 3;
                continue;
            }
        }
        const char16_t one = c < 0x80 ? ascii[c] : foldedWide(c);
        if (one != 0) {
            result.push_back(one);
        }
    }
    return result;
}

QStringList decodedParts(const QString& text)
{
    QStringList parts;
    if (defended("taint.decoding")) {
        qsizetype room = mostDecoded;
        decode(text, 1, room, parts);
    }
    return parts;
}

std::vector<quint64> hashesOf(const QString& text)
{
    std::vector<quint64> hashes;
    const QString whole = ends(text);
    winnow(folded(whole), hashes);
    const auto parts = decodedParts(whole);
    for (const QString& part : parts) {
        winnow(folded(part), hashes);
    }
    std::ranges::sort(hashes);
    const auto doubles = std::ranges::unique(hashes);
    hashes.erase(doubles.begin(), doubles.end());
    return hashes;
}

bool Fingerprint::has(quint64 hash) const
{
    std::call_once(m_made, [this] { make(); });
    if (m_table.empty()) {
        return false;
    }
    const size_t mask = m_table.size() - 1;
    const auto value = std::max(quint32(hash >> 32U), quint32(1));
    for (size_t place = size_t(hash) & mask; m_table[place] != 0; place = (place + 1) & mask) {
        if (m_table[place] == value) {
            return true;
        }
    }
    return false;
}

void Fingerprint::make() const
{
    std::vector<quint64> hashes;
    const QString whole = ends(m_text);
    winnow(folded(whole), hashes);
    const auto parts = decodedParts(whole);
    for (const QString& part : parts) {
        winnow(folded(part), hashes);
    }
    if (hashes.empty()) {
        return;
    }
    m_table.assign(std::bit_ceil(hashes.size() * 2), 0);
    const size_t mask = m_table.size() - 1;
    for (const quint64 hash : hashes) {
        const auto value = std::max(quint32(hash >> 32U), quint32(1));
        size_t place = size_t(hash) & mask;
        while (m_table[place] != 0 && m_table[place] != value) {
            place = (place + 1) & mask;
        }
        m_table[place] = value;
    }
}

} // namespace sb::taint
