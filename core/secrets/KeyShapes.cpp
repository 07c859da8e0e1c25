#include "core/secrets/KeyShapes.h"

namespace sb::secrets {

namespace {

template <class View>
char16_t charAt(View text, qsizetype i)
{
    if constexpr (std::is_same_v<View, QStringView>) {
        return text[i].unicode();
    } else {
        return static_cast<unsigned char>(text[i]);
    }
}

bool isDigit(char16_t c)
{
    return c >= u'0' && c <= u'9';
}

bool isAlnum(char16_t c)
{
    return isDigit(c) || (c >= u'a' && c <= u'z') || (c >= u'A' && c <= u'Z');
}

template <class View>
bool startsWith(View text, qsizetype at, const char* prefix)
{
    for (; *prefix; ++prefix, ++at) {
        if (at >= text.size() || charAt(text, at) != static_cast<unsigned char>(*prefix)) {
            return false;
        }
    }
    return true;
}

template <class View, class F>
qsizetype run(View text, qsizetype at, F belongs)
{
    qsizetype end = at;
    while (end < text.size() && belongs(charAt(text, end))) {
        ++end;
    }
    return end - at;
}

// Letters and digits without a break, with at least one digit: words that people write are seldom
// so.
template <class View>
bool looksRandom(View text, qsizetype at, qsizetype size, int unbroken)
{
    int length = 0;
    bool digit = false;
    bool enough = false;
    for (qsizetype i = at; i < at + size; ++i) {
        const char16_t c = charAt(text, i);
        digit = digit || isDigit(c);
        length = isAlnum(c) || c == u'_' ? length + 1 : 0;
        enough = enough || length >= unbroken;
    }
    return digit && enough;
}

enum class Alphabet { Alnum, Word, WordDash, Upper, Bearer, Jwt };

bool belongsTo(Alphabet alphabet, char16_t c)
{
    switch (alphabet) {
    case Alphabet::Alnum:
        return isAlnum(c);
    case Alphabet::Word:
        return isAlnum(c) || c == u'_';
    case Alphabet::WordDash:
        return isAlnum(c) || c == u'_' || c == u'-';
    case Alphabet::Upper:
        return isDigit(c) || (c >= u'A' && c <= u'Z');
    case Alphabet::Bearer:
        return isAlnum(c) || c == u'_' || c == u'-' || c == u'.' || c == u'~' || c == u'+' ||
               c == u'/' || c == u'=';
    case Alphabet::Jwt:
        return isAlnum(c) || c == u'_' || c == u'-' || c == u'.';
    }
    return false;
}

struct Shape
{
    const char* prefix;
    Alphabet alphabet;
    qsizetype least; ///< characters after the prefix
    int unbroken;
    const char* name;
};

constexpr Shape shapes[] = {
    {"sk-ant-", Alphabet::WordDash, 20, 8, "anthropic-key"},
    {"sk-", Alphabet::WordDash, 20, 12, "api-key"},
    {"sk_live_", Alphabet::Alnum, 16, 16, "stripe-key"},
    {"ghp_", Alphabet::Alnum, 30, 30, "github-token"},
    {"gho_", Alphabet::Alnum, 30, 30, "github-token"},
    {"ghu_", Alphabet::Alnum, 30, 30, "github-token"},
    {"ghs_", Alphabet::Alnum, 30, 30, "github-token"},
    {"ghr_", Alphabet::Alnum, 30, 30, "github-token"},
    {"github_pat_", Alphabet::Word, 30, 20, "github-token"},
    {"glpat-", Alphabet::WordDash, 20, 8, "gitlab-token"},
    {"gsk_", Alphabet::Alnum, 30, 30, "api-key"},
    {"AIza", Alphabet::WordDash, 35, 8, "google-key"},
    {"AKIA", Alphabet::Upper, 16, 16, "aws-key"},
    {"ASIA", Alphabet::Upper, 16, 16, "aws-key"},
    {"xoxb-", Alphabet::WordDash, 20, 8, "slack-token"},
    {"xoxp-", Alphabet::WordDash, 20, 8, "slack-token"},
    {"xoxa-", Alphabet::WordDash, 20, 8, "slack-token"},
    {"xoxr-", Alphabet::WordDash, 20, 8, "slack-token"},
    {"xoxs-", Alphabet::WordDash, 20, 8, "slack-token"},
    {"xapp-", Alphabet::WordDash, 20, 8, "slack-token"},
    {"xai-", Alphabet::WordDash, 30, 20, "api-key"},
    {"hf_", Alphabet::Alnum, 30, 30, "api-key"},
    {"npm_", Alphabet::Alnum, 36, 36, "npm-token"},
};

// From BEGIN to END, or as far as it goes on looking like a key when the end was cut off.
template <class View>
KeyShape privateKey(View text, qsizetype at)
{
    const qsizetype label = at + 11; // behind "-----BEGIN "
    const qsizetype words =
        run(text, label, [](char16_t c) { return belongsTo(Alphabet::Upper, c) || c == u' '; });
    static constexpr char ending[] = "PRIVATE KEY";
    constexpr qsizetype endingSize = sizeof ending - 1;
    bool isPrivate = words >= endingSize && startsWith(text, label + words - endingSize, ending);
    isPrivate = isPrivate || (words > endingSize && startsWith(text, label, "PGP PRIVATE KEY"));
    if (!isPrivate || !startsWith(text, label + words, "-----")) {
        return {};
    }
    qsizetype end = label + words + 5;
    const qsizetype body = end;
    while (end < text.size()) {
        const char16_t c = charAt(text, end);
        if (startsWith(text, end, "-----END ")) {
            end += 9;
            end += run(
                text, end, [](char16_t k) { return belongsTo(Alphabet::Upper, k) || k == u' '; });
            end += run(text, end, [](char16_t k) { return k == u'-'; });
            return {at, end - at, "private-key"};
        }
        // Base64, its headers, and newlines, also as JSON writes them.
        const bool inside = isAlnum(c) || c == u'+' || c == u'/' || c == u'=' || c == u'\n' ||
                            c == u'\r' || c == u' ' || c == u'\t' || c == u'\\' || c == u':' ||
                            c == u',' || c == u'-' || c == u'.';
        if (!inside) {
            break;
        }
        ++end;
    }
    return end - body >= 16 ? KeyShape{at, end - at, "private-key"} : KeyShape{};
}

template <class View>
KeyShape bearer(View text, qsizetype at)
{
    if (at + 23 > text.size()) {
        return {};
    }
    static constexpr char word[] = "earer";
    for (qsizetype i = 0; i < 5; ++i) {
        if ((charAt(text, at + 1 + i) | 0x20) != static_cast<unsigned char>(word[i])) {
            return {};
        }
    }
    const qsizetype blanks = run(text, at + 6, [](char16_t c) { return c == u' '; });
    const qsizetype start = at + 6 + blanks;
    const qsizetype size =
        run(text, start, [](char16_t c) { return belongsTo(Alphabet::Bearer, c); });
    if (blanks < 1 || size < 16 || !looksRandom(text, start, size, 8)) {
        return {};
    }
    return {start, size, "bearer-token"};
}

// Three parts with dots between, the first of which is {"… in base64.
template <class View>
KeyShape webToken(View text, qsizetype at)
{
    const qsizetype size = run(text, at, [](char16_t c) { return belongsTo(Alphabet::Jwt, c); });
    int dots = 0;
    for (qsizetype i = at; i < at + size; ++i) {
        dots += charAt(text, i) == u'.' ? 1 : 0;
    }
    if (size < 40 || dots != 2 || !looksRandom(text, at, size, 12)) {
        return {};
    }
    return {at, size, "web-token"};
}

template <class View>
KeyShape shapeAt(View text, qsizetype at)
{
    const char16_t first = charAt(text, at);
    if (first == u'-') {
        return startsWith(text, at, "-----BEGIN ") ? privateKey(text, at) : KeyShape{};
    }
    if (at > 0 && isAlnum(charAt(text, at - 1))) {
        // Within a word it is a coincidence, unless that "word" is the n of an escaped newline in
        // JSON text.
        const bool escape = at > 1 && charAt(text, at - 2) == u'\\';
        if (!escape) {
            return {};
        }
    }
    if (first == u'B' || first == u'b') {
        return bearer(text, at);
    }
    if (first == u'e') {
        return startsWith(text, at, "eyJ") ? webToken(text, at) : KeyShape{};
    }
    for (const Shape& shape : shapes) {
        if (static_cast<unsigned char>(shape.prefix[0]) != first ||
            !startsWith(text, at, shape.prefix)) {
            continue;
        }
        const auto prefix = qsizetype(std::char_traits<char>::length(shape.prefix));
        const qsizetype size =
            run(text, at + prefix, [&](char16_t c) { return belongsTo(shape.alphabet, c); });
        if (size >= shape.least && looksRandom(text, at + prefix, size, shape.unbroken)) {
            return {at, prefix + size, shape.name};
        }
    }
    return {};
}

} // namespace

KeyShape keyShapeAt(QStringView text, qsizetype at)
{
    return shapeAt(text, at);
}

KeyShape keyShapeAt(QByteArrayView text, qsizetype at)
{
    return shapeAt(text, at);
}

} // namespace sb::secrets
