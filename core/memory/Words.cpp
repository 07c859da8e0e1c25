#include "core/memory/Words.h"

#include <QSet>
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace sb::memory {

using namespace Qt::StringLiterals;

namespace {

bool isAscii(QStringView text)
{
    return std::ranges::all_of(text, [](QChar c) { return c.unicode() < 128; });
}

// Accents of Latin, Greek and Cyrillic letters, points of Hebrew and Arabic, and the stroke that
// only lengthens an Arabic word: people leave them out.
bool isLeftOut(char32_t c)
{
    return (c >= 0x0300 && c <= 0x036f) || (c >= 0x0591 && c <= 0x05c7) ||
           (c >= 0x064b && c <= 0x065f) || c == 0x0670 || (c >= 0x06d6 && c <= 0x06ed) ||
           c == 0x0640 || c == 0xfe0e || c == 0xfe0f || c == 0x200d;
}

bool isInRun(char32_t c)
{
    switch (QChar::script(c)) {
    case QChar::Script_Han:
    case QChar::Script_Hiragana:
    case QChar::Script_Katakana:
    case QChar::Script_Hangul: // particles are written onto the word
    case QChar::Script_Bopomofo:
    case QChar::Script_Thai:
    case QChar::Script_Lao:
    case QChar::Script_Khmer:
    case QChar::Script_Myanmar:
    case QChar::Script_Tibetan:
        return QChar::isLetter(c) || QChar::isMark(c);
    default:
        return false;
    }
}

bool isSign(char32_t c)
{
    return (QChar::category(c) == QChar::Symbol_Other && c != QChar::ReplacementCharacter) ||
           (c >= 0x1f1e6 && c <= 0x1f1ff);
}

// How Arabic letters that are written in several ways are written here.
char32_t plain(char32_t c)
{
    switch (c) {
    case 0x0649: // alef maksura
        return 0x064a;
    case 0x0629: // teh marbuta
        return 0x0647;
    default:
        return c;
    }
}

std::u32string folded(QStringView text)
{
    if (isAscii(text)) {
        std::u32string plainText(size_t(text.size()), U' ');
        std::ranges::transform(text, plainText.begin(), [](QChar c) {
            const char16_t u = c.unicode();
            return char32_t(u >= 'A' && u <= 'Z' ? u + 32 : u);
        });
        return plainText;
    }
    QString apart = text.toString().normalized(QString::NormalizationForm_KD).toCaseFolded();
    apart.replace(QChar(0xdf), u"ss"_s); // folding one character into two is more than Qt does
    apart.removeIf([](QChar c) { return isLeftOut(c.unicode()); });
    const QList<uint> points = apart.normalized(QString::NormalizationForm_C).toUcs4();
    std::u32string result(size_t(points.size()), U' ');
    std::ranges::transform(points, result.begin(), [](uint c) { return plain(c); });
    return result;
}

bool endsWith(const std::u32string& word, std::u32string_view end)
{
    return word.ends_with(end);
}

bool isVowel(char32_t c)
{
    return c == U'a' || c == U'e' || c == U'i' || c == U'o' || c == U'u' || c == U'y';
}

bool hasVowel(std::u32string_view word)
{
    return std::ranges::any_of(word, isVowel);
}

// "runn" is "run", "fall" is "fall".
void undouble(std::u32string& word)
{
    const size_t size = word.size();
    if (size > 3 && word[size - 1] == word[size - 2] && !isVowel(word.back()) &&
        word.back() != U'l' && word.back() != U's' && word.back() != U'z') {
        word.pop_back();
    }
}

bool cut(std::u32string& word, std::u32string_view end, size_t least)
{
    if (!word.ends_with(end) || word.size() < end.size() + least ||
        !hasVowel(std::u32string_view(word).substr(0, word.size() - end.size()))) {
        return false;
    }
    word.resize(word.size() - end.size());
    return true;
}

void stemEnglish(std::u32string& word)
{
    if (endsWith(word, U"ies") && word.size() > 4) {
        word.replace(word.size() - 3, 3, U"y");
    } else if (endsWith(word, U"sses") || endsWith(word, U"xes") || endsWith(word, U"ches") ||
               endsWith(word, U"shes")) {
        word.resize(word.size() - 2);
    } else if (endsWith(word, U"s") && !endsWith(word, U"ss") && !endsWith(word, U"us") &&
               !endsWith(word, U"is")) {
        word.pop_back();
    }
    if (cut(word, U"ing", 3) || cut(word, U"ed", 3)) {
        undouble(word);
    } else {
        cut(word, U"ly", 3);
    }
    if (word.size() > 3 && word.back() == U'e') {
        word.pop_back();
    }
    if (word.size() > 3 && word.back() == U'y') {
        word.back() = U'i';
    }
}

QByteArray utf8(std::u32string_view text)
{
    return QString::fromUcs4(text.data(), qsizetype(text.size())).toUtf8();
}

} // namespace

std::vector<Word> wordsOf(QStringView text)
{
    std::vector<Word> words;
    const std::u32string all = folded(text);
    const auto kindOf = [](char32_t c) -> std::optional<Word::Kind> {
        if (c < 128) {
            const bool counts = (c >= U'a' && c <= U'z') || (c >= U'0' && c <= U'9');
            return counts ? std::optional(Word::Kind::Letters) : std::nullopt;
        }
        if (isInRun(c)) {
            return Word::Kind::Run;
        }
        if (QChar::isLetterOrNumber(c) || QChar::isMark(c)) {
            return Word::Kind::Letters;
        }
        return isSign(c) ? std::optional(Word::Kind::Symbol) : std::nullopt;
    };
    bool open = false; // the next character may belong to the last word
    for (size_t i = 0; i < all.size(); ++i) {
        const char32_t c = all[i];
        const auto kind = kindOf(c);
        if (!kind) {
            // The apostrophe inside of a word is none of its letters, and no border either.
            const bool inside = (c == U'\'' || c == 0x2019) && open && i + 1 < all.size() &&
                                words.back().kind == Word::Kind::Letters &&
                                kindOf(all[i + 1]) == Word::Kind::Letters;
            open = inside;
            continue;
        }
        if (!open || words.back().kind != *kind || *kind == Word::Kind::Symbol) {
            words.push_back({*kind, {}});
        }
        words.back().text.push_back(c);
        open = true;
    }
    return words;
}

std::u32string stemOf(std::u32string word)
{
    if (word.size() >= 4 &&
        std::ranges::all_of(word, [](char32_t c) { return c >= U'a' && c <= U'z'; })) {
        stemEnglish(word);
        return word;
    }
    if (word.size() >= 5 && word[0] >= 0x0620 && word[0] <= 0x064a) {
        for (const std::u32string_view article : {std::u32string_view(U"وال"),
                                                  std::u32string_view(U"بال"),
                                                  std::u32string_view(U"ال"),
                                                  std::u32string_view(U"لل")}) {
            if (word.starts_with(article) && word.size() >= article.size() + 3) {
                return word.substr(article.size());
            }
        }
    }
    return word;
}

bool isCommon(const std::u32string& word)
{
    static constexpr auto common = std::to_array<std::u32string_view>(
        {U"a",     U"about",  U"after", U"all",  U"also", U"an",   U"and",   U"any",   U"are",
         U"as",    U"at",     U"be",    U"been", U"but",  U"by",   U"can",   U"could", U"did",
         U"do",    U"does",   U"for",   U"from", U"had",  U"has",  U"have",  U"he",    U"her",
         U"his",   U"how",    U"i",     U"if",   U"in",   U"into", U"is",    U"it",    U"its",
         U"me",    U"my",     U"no",    U"not",  U"of",   U"on",   U"or",    U"our",   U"out",
         U"she",   U"should", U"so",    U"than", U"that", U"the",  U"their", U"them",  U"then",
         U"there", U"these",  U"they",  U"this", U"to",   U"was",  U"we",    U"were",  U"what",
         U"when",  U"where",  U"which", U"who",  U"why",  U"will", U"with",  U"would", U"you",
         U"your"});
    static_assert(std::ranges::is_sorted(common));
    return word.size() <= 6 && std::ranges::binary_search(common, std::u32string_view(word));
}

std::vector<Term> termsOf(QStringView text, bool withSingles)
{
    std::vector<Term> terms;
    QSet<QByteArray> seen;
    const auto add = [&](std::u32string_view term, std::u32string_view shown, bool common) {
        QByteArray bytes = utf8(term.substr(0, 64));
        if (!seen.contains(bytes)) {
            seen.insert(bytes);
            QString word = QString::fromUcs4(shown.data(), qsizetype(shown.size()));
            terms.push_back({std::move(bytes), std::move(word), common});
        }
    };
    for (const Word& word : wordsOf(text)) {
        if (word.kind != Word::Kind::Run) {
            const bool isSign = word.kind == Word::Kind::Symbol;
            add(isSign ? word.text : stemOf(word.text), word.text, isCommon(word.text));
            continue;
        }
        const std::u32string_view run = word.text;
        for (size_t i = 0; i < run.size(); ++i) {
            if (withSingles || run.size() == 1) {
                add(run.substr(i, 1), run.substr(i, 1), false);
            }
            if (i + 1 < run.size()) {
                add(run.substr(i, 2), run.substr(i, 2), false);
            }
        }
    }
    return terms;
}

quint64 digestOf(const void* bytes, size_t size, quint64 seed)
{
    // Four lanes, so that the multiplications do not wait for each other.
    constexpr quint64 odd = 0x9e3779b97f4a7c15;
    constexpr quint64 other = 0xbf58476d1ce4e5b9;
    const auto* at = static_cast<const unsigned char*>(bytes);
    std::array<quint64, 4> lanes{seed ^ odd, seed + other, seed * odd + 1, ~seed};
    size_t left = size;
    for (; left >= 32; left -= 32, at += 32) {
        std::array<quint64, 4> block;
        std::memcpy(block.data(), at, 32);
        for (size_t i = 0; i < 4; ++i) {
            lanes[i] = std::rotl((lanes[i] ^ block[i]) * odd, 29);
        }
    }
    quint64 sum = size * other;
    for (const quint64 lane : lanes) {
        sum = std::rotl(sum ^ (lane * other), 31) * odd;
    }
    while (left > 0) {
        quint64 piece = 0;
        const size_t some = std::min<size_t>(left, 8);
        std::memcpy(&piece, at, some);
        sum = std::rotl((sum ^ piece) * odd, 27);
        at += some;
        left -= some;
    }
    sum = (sum ^ (sum >> 30)) * other;
    sum = (sum ^ (sum >> 27)) * 0x94d049bb133111eb;
    return sum ^ (sum >> 31);
}

} // namespace sb::memory
