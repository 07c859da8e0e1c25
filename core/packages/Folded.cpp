#include "core/packages/Folded.h"

#include "core/base/Defence.h"

#include <QHash>
#include <QRegularExpression>

using namespace Qt::StringLiterals;

namespace sb::packages {

namespace {

/// A character of the text, with its place.
struct Piece
{
    char32_t code = 0;
    qsizetype at = 0;
};
using Pieces = QList<Piece>;

Pieces piecesOf(const QString& text)
{
    Pieces pieces;
    pieces.reserve(text.size());
    for (qsizetype i = 0; i < text.size(); ++i) {
        const QChar c = text[i];
        if (c.isHighSurrogate() && i + 1 < text.size() && text[i + 1].isLowSurrogate()) {
            pieces.append({QChar::surrogateToUcs4(c, text[i + 1]), i});
            ++i;
        } else {
            pieces.append({c.unicode(), i});
        }
    }
    return pieces;
}

bool isZeroWidth(char32_t code)
{
    return code == 0x00AD || code == 0x034F || code == 0x061C || code == 0x115F || code == 0x1160 ||
           code == 0x17B4 || code == 0x17B5 || (code >= 0x180B && code <= 0x180F) ||
           (code >= 0x200B && code <= 0x200F) || (code >= 0x2060 && code <= 0x2064) ||
           (code >= 0x206A && code <= 0x206F) || (code >= 0xFE00 && code <= 0xFE0F) ||
           code == 0x3164 || code == 0xFEFF || code == 0xFFA0 ||
           (code >= 0xE0100 && code <= 0xE01EF);
}

bool isBidi(char32_t code)
{
    return (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

bool isTag(char32_t code)
{
    return code >= 0xE0020 && code <= 0xE007E;
}

/// Letters of other alphabets that look like Latin ones.
char32_t latinFor(char32_t code)
{
    static const QHash<char32_t, char32_t> twins{
        {U'а', U'a'}, {U'ӓ', U'a'}, {U'в', U'b'}, {U'ь', U'b'}, {U'с', U'c'}, {U'ԁ', U'd'},
        {U'е', U'e'}, {U'ё', U'e'}, {U'є', U'e'}, {U'ɡ', U'g'}, {U'һ', U'h'}, {U'н', U'h'},
        {U'і', U'i'}, {U'ї', U'i'}, {U'ӏ', U'l'}, {U'ј', U'j'}, {U'к', U'k'}, {U'м', U'm'},
        {U'п', U'n'}, {U'о', U'o'}, {U'р', U'p'}, {U'ԛ', U'q'}, {U'г', U'r'}, {U'ѕ', U's'},
        {U'т', U't'}, {U'ц', U'u'}, {U'ѵ', U'v'}, {U'ԝ', U'w'}, {U'ш', U'w'}, {U'х', U'x'},
        {U'у', U'y'}, {U'ү', U'y'}, {U'з', U'z'}, {U'α', U'a'}, {U'β', U'b'}, {U'ϲ', U'c'},
        {U'ε', U'e'}, {U'η', U'n'}, {U'ι', U'i'}, {U'κ', U'k'}, {U'ν', U'v'}, {U'ο', U'o'},
        {U'ρ', U'p'}, {U'σ', U'o'}, {U'τ', U't'}, {U'υ', U'u'}, {U'χ', U'x'}, {U'γ', U'y'},
        {U'ω', U'w'}, {U'ı', U'i'}, {U'ɑ', U'a'}, {U'ɩ', U'i'}, {U'օ', U'o'}, {U'ս', U'u'},
        {U'ո', U'n'}, {U'հ', U'h'}, {U'ց', U'g'}, {U'զ', U'q'}, {U'ѡ', U'w'}, {U'ɪ', U'i'},
        {U'ʀ', U'r'}, {U'ɴ', U'n'}, {U'ᴏ', U'o'}, {U'ᴇ', U'e'}, {U'ѐ', U'e'}, {U'ѝ', U'n'}};
    return twins.value(code, 0);
}

bool isLatin(char32_t code)
{
    return (code >= U'a' && code <= U'z') || (code >= U'A' && code <= U'Z');
}

void appendTo(Pieces& out, const QString& text, qsizetype at)
{
    for (const char32_t code : text.toUcs4()) {
        out.append({code, at});
    }
}

// Text between a right-to-left override and its end is shown backwards; so it is read.
Pieces withoutDisguise(const Pieces& in)
{
    Pieces out;
    out.reserve(in.size());
    qsizetype reversedFrom = -1;
    const auto turn = [&] {
        if (reversedFrom >= 0) {
            std::reverse(out.begin() + reversedFrom, out.end());
            reversedFrom = -1;
        }
    };
    for (const auto& [code, at] : in) {
        if (code < 0x80) {
            if (code == '\n') {
                turn();
            }
            out.append({code, at});
        } else if (isBidi(code) && defended("injection.bidi")) {
            turn();
            if (code == 0x202E) {
                reversedFrom = out.size();
            }
        } else if (isTag(code) && defended("injection.tag-characters")) {
            out.append({code - 0xE0000, at});
        } else if (isZeroWidth(code) && defended("injection.zero-width")) {
            continue;
        } else if (defended("injection.compatibility-forms")) {
            const QString one = QString::fromUcs4(&code, 1);
            const QString apart = one.normalized(QString::NormalizationForm_KD);
            const bool latin = !apart.isEmpty() && isLatin(apart[0].unicode());
            // An accent on a Latin letter is left out; й without its accent would be another
            // letter.
            if (latin) {
                for (const QChar c : apart) {
                    if (c.category() != QChar::Mark_NonSpacing) {
                        out.append({c.unicode(), at});
                    }
                }
            } else {
                appendTo(out, one.normalized(QString::NormalizationForm_KC), at);
            }
        } else {
            out.append({code, at});
        }
    }
    turn();
    return out;
}

// A word that mixes Latin letters with their twins, or one of twins alone in a line that is mostly
// Latin, is meant to be read as Latin.
void exposeTwins(Pieces& pieces)
{
    if (!defended("injection.homoglyphs")) {
        return;
    }
    qsizetype lineStart = 0;
    while (lineStart < pieces.size()) {
        qsizetype lineEnd = lineStart;
        qsizetype latin = 0;
        qsizetype others = 0;
        for (; lineEnd < pieces.size() && pieces[lineEnd].code != U'\n'; ++lineEnd) {
            const char32_t code = pieces[lineEnd].code;
            latin += isLatin(code) ? 1 : 0;
            others += !isLatin(code) && QChar::isLetter(code) ? 1 : 0;
        }
        for (qsizetype i = lineStart; others > 0 && i < lineEnd;) {
            qsizetype end = i;
            qsizetype wordLatin = 0;
            bool all = true;
            for (; end < lineEnd && QChar::isLetter(pieces[end].code); ++end) {
                const char32_t code = QChar::toLower(pieces[end].code);
                wordLatin += isLatin(code) ? 1 : 0;
                all = all && (isLatin(code) || latinFor(code) != 0);
            }
            if (all && (wordLatin > 0 || latin > others)) {
                for (; i < end; ++i) {
                    const char32_t twin = latinFor(QChar::toLower(pieces[i].code));
                    pieces[i].code = twin != 0 ? twin : pieces[i].code;
                }
            }
            i = std::max(i + 1, end);
        }
        lineStart = lineEnd + 1;
    }
}

// "i g n o r e": letters one by one are a word. Two blanks, or another sign, end it.
Pieces withoutSpacing(const Pieces& in)
{
    if (!defended("injection.spaced-letters")) {
        return in;
    }
    constexpr qsizetype shortest = 5;
    const auto isLetter = [&](qsizetype i) {
        return i >= 0 && i < in.size() && QChar::isLetter(in[i].code);
    };
    Pieces out;
    out.reserve(in.size());
    for (qsizetype i = 0; i < in.size();) {
        qsizetype letters = 0;
        if (isLetter(i) && !isLetter(i - 1)) {
            qsizetype j = i;
            while (isLetter(j) && !isLetter(j + 1)) {
                ++letters;
                const bool goesOn = j + 2 < in.size() && isLetter(j + 2) && !isLetter(j + 3) &&
                                    (in[j + 1].code == U' ' || in[j + 1].code == U'.' ||
                                     in[j + 1].code == U'-' || in[j + 1].code == U'_');
                if (!goesOn) {
                    break;
                }
                j += 2;
            }
        }
        if (letters < shortest) {
            out.append(in[i]);
            ++i;
            continue;
        }
        for (qsizetype n = 0; n < letters; ++n) {
            out.append(in[i + 2 * n]);
        }
        i += 2 * letters - 1;
    }
    return out;
}

Folded finish(const Pieces& in, qsizetype end)
{
    Pieces pieces = withoutDisguise(in);
    exposeTwins(pieces);
    pieces = withoutSpacing(pieces);
    Folded folded;
    folded.text.reserve(pieces.size());
    folded.origin.reserve(pieces.size() + 1);
    bool blank = false;
    for (const auto& [code, at] : std::as_const(pieces)) {
        if (code != U'\n' && QChar::isSpace(code)) {
            blank = true; // many are one
            continue;
        }
        if (std::exchange(blank, false)) {
            folded.text += u' ';
            folded.origin.append(at);
        }
        const char32_t lower = QChar::toCaseFolded(code);
        if (lower == U'ß') {
            folded.text += u"ss"_s;
        } else {
            folded.text += QChar::fromUcs4(lower);
        }
        while (folded.origin.size() < folded.text.size()) {
            folded.origin.append(at);
        }
    }
    folded.origin.append(end);
    return folded;
}

/// &#105; &#x69; &lt; … : the character, and how long its spelling is; 0: this is none.
std::pair<char32_t, qsizetype> entityAt(QStringView text)
{
    static const QHash<QStringView, char32_t> names{{u"lt", U'<'},
                                                    {u"gt", U'>'},
                                                    {u"amp", U'&'},
                                                    {u"quot", U'"'},
                                                    {u"apos", U'\''},
                                                    {u"nbsp", U' '},
                                                    {u"zwj", 0x200D},
                                                    {u"zwnj", 0x200C},
                                                    {u"shy", 0x00AD}};
    const auto end = text.first(std::min<qsizetype>(text.size(), 12)).indexOf(u';');
    if (end < 2) {
        return {0, 0};
    }
    const QStringView name = text.sliced(1, end - 1);
    if (name[0] != u'#') {
        return {names.value(name, 0), names.contains(name) ? end + 1 : 0};
    }
    bool good = false;
    const bool hex = name.size() > 1 && (name[1] == u'x' || name[1] == u'X');
    const uint code = hex ? name.sliced(2).toUInt(&good, 16) : name.sliced(1).toUInt(&good);
    const bool usable = good && code > 0 && code <= QChar::LastValidCodePoint &&
                        !QChar::isSurrogate(char32_t(code));
    return usable ? std::pair{char32_t(code), end + 1} : std::pair{char32_t(0), qsizetype(0)};
}

bool startsTag(QStringView text)
{
    return text.size() > 1 && !text.startsWith(u"<!--") &&
           (text[1].isLetter() || text[1] == u'/' || text[1] == u'!');
}

} // namespace

Folded fold(const QString& text)
{
    return finish(piecesOf(text), text.size());
}

Folded foldShown(const QString& html)
{
    constexpr qsizetype longestTag = 2000;
    Pieces pieces;
    pieces.reserve(html.size());
    const QStringView all = html;
    for (qsizetype i = 0; i < html.size();) {
        const QStringView rest = all.sliced(i);
        if (rest.startsWith(u"<!--") && defended("injection.comments")) {
            const auto end = rest.indexOf(u"-->");
            i += end < 0 ? rest.size() : end + 3;
            continue;
        }
        if (rest[0] == u'<' && startsTag(rest) && defended("injection.markup")) {
            const auto end = rest.first(std::min(rest.size(), longestTag)).indexOf(u'>');
            if (end > 0) {
                i += end + 1;
                continue;
            }
        }
        if (rest[0] == u'&' && defended("injection.entities")) {
            if (const auto [code, length] = entityAt(rest); length > 0) {
                pieces.append({code, i});
                i += length;
                continue;
            }
        }
        const bool pair = rest[0].isHighSurrogate() && rest.size() > 1 && rest[1].isLowSurrogate();
        pieces.append({pair ? QChar::surrogateToUcs4(rest[0], rest[1]) : rest[0].unicode(), i});
        i += pair ? 2 : 1;
    }
    return finish(pieces, html.size());
}

QList<Invisible> invisibleParts(const QString& text)
{
    constexpr int most = 200;
    constexpr qsizetype longestPart = 20'000;
    QList<Invisible> parts;
    for (qsizetype i = text.indexOf(u"<!--"_s); i >= 0 && parts.size() < most;) {
        auto end = text.indexOf(u"-->"_s, i + 4);
        end = end < 0 ? text.size() : end;
        if (defended("injection.comments")) {
            parts.append({Invisible::By::Comment,
                          i,
                          end - i,
                          text.sliced(i + 4, std::max<qsizetype>(0, end - i - 4))});
        }
        i = text.indexOf(u"<!--"_s, end);
    }
    // What a style hides, up to the element's end or, when it cannot be told, for a while.
    static const QRegularExpression hiding(
        u"<([a-z][a-z0-9]*)\\b[^<>]{0,500}?(?:style\\s*=\\s*[\"']?[^\"'<>]{0,300}?"
        "(?:display\\s*:\\s*none|visibility\\s*:\\s*hidden|opacity\\s*:\\s*0(?:\\.0*)?\\b|"
        "font-size\\s*:\\s*0|color\\s*:\\s*(?:white|#fff(?:fff)?|transparent)\\b|"
        "(?:left|top|text-indent)\\s*:\\s*-\\d{3,}|clip\\s*:\\s*rect\\(0)|\\shidden\\b(?!\\s*=\\s*["
        "\"']?"
        "(?:until|false))|aria-hidden\\s*=\\s*[\"']?true)[^<>]{0,500}>"_s,
        QRegularExpression::CaseInsensitiveOption);
    for (auto matches = hiding.globalMatch(text); matches.hasNext() && parts.size() < most;) {
        const auto match = matches.next();
        const auto start = match.capturedEnd();
        auto end = text.indexOf(u"</"_s + match.captured(1), start, Qt::CaseInsensitive);
        end = std::min(end < 0 ? text.size() : end, start + longestPart);
        if (defended("injection.hidden-by-style")) {
            parts.append(
                {Invisible::By::Style, start, end - start, text.sliced(start, end - start)});
        }
    }
    // Tag characters spell ASCII that nothing shows; a flag's emoji is the one honest use.
    for (qsizetype i = 0; i + 1 < text.size() && parts.size() < most; ++i) {
        const auto codeAt = [&](qsizetype at) -> char32_t {
            return at + 1 < text.size() && text[at].isHighSurrogate()
                       ? QChar::surrogateToUcs4(text[at], text[at + 1])
                       : 0;
        };
        if (!isTag(codeAt(i))) {
            continue;
        }
        constexpr qsizetype longestFlag = 6; // letters of a region's code
        const bool flag = i >= 2 && codeAt(i - 2) == 0x1F3F4;
        const qsizetype start = i;
        QString hidden;
        for (; isTag(codeAt(i)); i += 2) {
            hidden += QChar(char16_t(codeAt(i) - 0xE0000));
        }
        if (defended("injection.tag-characters") && !(flag && hidden.size() <= longestFlag)) {
            parts.append({Invisible::By::Characters, start, i - start, hidden});
        }
    }
    return parts;
}

} // namespace sb::packages
