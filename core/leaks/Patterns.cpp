#include "core/leaks/Patterns.h"

#include "core/leaks/Checksums.h"

#include <QByteArray>
#include <array>
#include <cmath>

namespace sb::leaks {

namespace {

using A = Pattern::Alphabet;
using R = Pattern::Rule;

constexpr qsizetype longestRun = 8192; // what goes on longer is decided by what was seen

constexpr bool isDigit(char c)
{
    return c >= '0' && c <= '9';
}

constexpr bool isAlnum(char c)
{
    return isDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

constexpr bool isWord(char c)
{
    return isAlnum(c) || c == '_';
}

constexpr char small(char c)
{
    return c >= 'A' && c <= 'Z' ? char(c | 0x20) : c;
}

constexpr bool belongsTo(A alphabet, char c)
{
    switch (alphabet) {
    case A::Alnum:
        return isAlnum(c);
    case A::Word:
        return isWord(c);
    case A::WordDash:
        return isWord(c) || c == '-';
    case A::Upper:
        return isDigit(c) || (c >= 'A' && c <= 'Z');
    case A::Hex:
        return isDigit(c) || (c >= 'a' && c <= 'f');
    case A::Base64:
        return isAlnum(c) || c == '+' || c == '/' || c == '=';
    case A::Bearer:
        return isWord(c) || c == '-' || c == '.' || c == '~' || c == '+' || c == '/' || c == '=';
    case A::Dotted:
        return isWord(c) || c == '-' || c == '.';
    }
    return false;
}

template <class F>
qsizetype run(QByteArrayView text, qsizetype at, F belongs)
{
    qsizetype end = at;
    while (end < text.size() && belongs(text[end])) {
        ++end;
    }
    return end - at;
}

bool startsWith(QByteArrayView text, qsizetype at, QByteArrayView what)
{
    return text.size() - at >= what.size() && text.sliced(at, what.size()) == what;
}

bool looksRandom(QByteArrayView value, int unbroken)
{
    int length = 0;
    bool digit = false;
    bool enough = unbroken == 0;
    for (const char c : value) {
        digit = digit || isDigit(c);
        length = isWord(c) ? length + 1 : 0;
        enough = enough || length >= unbroken;
    }
    return digit && enough;
}

// Bits a character, of the value's own distribution.
double entropy(QByteArrayView value)
{
    std::array<int, 256> counts{};
    for (const char c : value) {
        ++counts[uchar(c)];
    }
    double bits = 0;
    for (const int count : counts) {
        if (count > 0) {
            const double share = double(count) / double(value.size());
            bits -= share * std::log2(share);
        }
    }
    return bits;
}

// Within a word it is a coincidence, unless that "word" is the n of an escaped newline in JSON.
bool beginsAWord(QByteArrayView text, qsizetype at)
{
    if (at == 0 || !isAlnum(text[at - 1])) {
        return true;
    }
    return at > 1 && text[at - 2] == '\\';
}

Finding openAt(qsizetype from)
{
    Finding finding;
    finding.openFrom = from;
    return finding;
}

Finding found(const Pattern& pattern, qsizetype start, qsizetype size)
{
    Finding finding;
    finding.start = start;
    finding.size = size;
    finding.name = pattern.name;
    return finding;
}

// The checks behind a run that is long enough.
bool fits(const Pattern& pattern, QByteArrayView text, qsizetype at, QByteArrayView value)
{
    switch (pattern.rule) {
    case R::OpenAi:
        return value.contains("T3BlbkFJ"); // "OpenAI" in base64, in the middle of every key
    case R::Telegram: {
        qsizetype digits = 0;
        while (digits < at && digits < 11 && isDigit(text[at - 1 - digits])) {
            ++digits;
        }
        return digits >= 8 && digits <= 10;
    }
    case R::Discord: {
        const qsizetype first = value.indexOf('.');
        const qsizetype second = value.indexOf('.', first + 1);
        const qsizetype head = first + 3;
        return first > 0 && second - first == 7 && !value.sliced(second + 1).contains('.') &&
               head >= 23 && head <= 28 && value.size() - second - 1 >= 27;
    }
    case R::SendGrid:
        return value[22] == '.' && value.count('.') == 1;
    case R::WebToken:
        return value.count('.') == 2 && !value.endsWith('.');
    case R::Run:
    case R::Sum62:
    case R::Age:
    case R::Mark:
    case R::Bearer:
    case R::Pem:
    case R::Address:
    case R::Assignment:
        return true;
    }
    return false;
}

bool sumIsRight(const Pattern& pattern, QByteArrayView whole, QByteArrayView value)
{
    switch (pattern.rule) {
    case R::Sum62:
        return hasBase62Sum(value);
    case R::Age:
        return hasBech32Sum(whole);
    case R::WebToken: {
        const QByteArray header = QByteArray::fromBase64(
            whole.first(whole.indexOf('.')).toByteArray(), QByteArray::Base64UrlEncoding);
        return header.startsWith('{') && header.contains("\"alg\"");
    }
    case R::Run:
    case R::OpenAi:
    case R::Mark:
    case R::Telegram:
    case R::Discord:
    case R::SendGrid:
    case R::Bearer:
    case R::Pem:
    case R::Address:
    case R::Assignment:
        return true;
    }
    return true;
}

Finding simple(const Pattern& pattern, QByteArrayView text, qsizetype at, bool ends)
{
    const bool inside = pattern.rule == R::Mark || pattern.rule == R::Telegram;
    if (!inside && !beginsAWord(text, at)) {
        return {};
    }
    const auto prefix = qsizetype(qstrlen(pattern.anchor));
    const qsizetype most = pattern.most == 0 ? longestRun : pattern.most;
    const qsizetype size = run(text.first(std::min(text.size(), at + prefix + most + 1)),
                               at + prefix,
                               [&](char c) { return belongsTo(pattern.alphabet, c); });
    if (size > most && pattern.most != 0) {
        return {};
    }
    if (at + prefix + size == text.size() && !ends && size <= most) {
        return openAt(at);
    }
    // A dot that ends a sentence belongs to the sentence.
    QByteArrayView value = text.sliced(at + prefix, size);
    if (pattern.alphabet == A::Dotted && pattern.most == 0) {
        while (value.endsWith('.')) {
            value.chop(1);
        }
    }
    if (value.size() < pattern.least || !looksRandom(value, pattern.unbroken) ||
        !fits(pattern, text, at, value)) {
        return {};
    }
    Finding finding = found(pattern, at, prefix + value.size());
    finding.verified = sumIsRight(pattern, text.sliced(at, finding.size), value);
    return finding;
}

Finding bearer(const Pattern& pattern, QByteArrayView text, qsizetype at, bool ends)
{
    if (at < 1 || small(text[at - 1]) != 'b' || !beginsAWord(text, at - 1)) {
        return {};
    }
    const qsizetype start = at + 6 + run(text, at + 6, [](char c) { return c == ' '; });
    const qsizetype size = run(text, start, [](char c) { return belongsTo(A::Bearer, c); });
    if (start + size == text.size() && !ends && size < longestRun) {
        return openAt(at - 1);
    }
    return size >= pattern.least && looksRandom(text.sliced(start, size), pattern.unbroken)
               ? found(pattern, start, size)
               : Finding{};
}

// From BEGIN to END, or as far as it goes on looking like a key when the end was cut off.
Finding block(const Pattern& pattern, QByteArrayView text, qsizetype at, bool ends)
{
    constexpr qsizetype longestLabel = 64;
    const auto isLabel = [](char c) { return belongsTo(A::Upper, c) || c == ' '; };
    const qsizetype label = at + 11; // behind "-----BEGIN "
    const qsizetype words = run(text, label, isLabel);
    if (words > longestLabel) {
        return {};
    }
    if (text.size() - label - words < 5 && !ends) {
        return openAt(at);
    }
    const QByteArrayView kind = text.sliced(label, words);
    if (!startsWith(text, label + words, "-----") ||
        (!kind.endsWith("PRIVATE KEY") && !kind.startsWith("PGP PRIVATE KEY"))) {
        return {};
    }
    Finding finding = found(pattern, at, 0);
    if (kind.startsWith("OPENSSH")) {
        finding.name = "openssh-key";
    } else if (kind.startsWith("PGP")) {
        finding.name = "pgp-key";
    }
    const qsizetype body = label + words + 5;
    qsizetype end = body;
    while (end < text.size()) {
        if (text[end] == '-' && startsWith(text, end, "-----END ")) {
            end += 9;
            end += run(text, end, isLabel);
            end += run(text, end, [](char c) { return c == '-'; });
            if (end == text.size() && !ends && !text.endsWith("-----")) {
                return openAt(at);
            }
            finding.size = end - at;
            return finding;
        }
        // Base64, its headers, and newlines, also as JSON writes them.
        const char c = text[end];
        if (!belongsTo(A::Base64, c) && c != '\n' && c != '\r' && c != ' ' && c != '\t' &&
            c != '\\' && c != ':' && c != ',' && c != '-' && c != '.') {
            break;
        }
        ++end;
    }
    if (end == text.size() && !ends) {
        return openAt(at);
    }
    finding.size = end - body >= 16 ? end - at : 0;
    return finding;
}

// What stands for a password in documents.
bool isPlaceholder(QByteArrayView value)
{
    for (const char* word : {"password",
                             "passwd",
                             "pass",
                             "secret",
                             "pwd",
                             "pw",
                             "xxx",
                             "...",
                             "changeme",
                             "token",
                             "user",
                             "redacted"}) {
        if (value.compare(QByteArrayView(word), Qt::CaseInsensitive) == 0) {
            return true;
        }
    }
    const char first = value.front();
    return first == '$' || first == '{' || first == '<' || first == '%' || first == '*' ||
           first == '[' || first == '(' || std::ranges::count(value, first) == value.size();
}

Finding address(const Pattern& pattern, QByteArrayView text, qsizetype at, bool ends)
{
    constexpr qsizetype most = 256;
    if (at == 0 || !isAlnum(text[at - 1])) {
        return {};
    }
    const auto belongs = [](char c) {
        return c > ' ' && c != '/' && c != '"' && c != '\'' && c != '<' && c != '>' && c != '\\' &&
               c != '@' && c != '`' && c != '?' && c != '#';
    };
    const qsizetype start = at + 3;
    const qsizetype size = run(text.first(std::min(text.size(), start + most)), start, belongs);
    if (start + size == text.size() && !ends && size < most) {
        return openAt(at);
    }
    const QByteArrayView both = text.sliced(start, size);
    const qsizetype colon = both.indexOf(':');
    if (colon < 0 || start + size >= text.size() || text[start + size] != '@') {
        return {};
    }
    const QByteArrayView value = both.sliced(colon + 1);
    if (value.size() < 3 || isPlaceholder(value)) {
        return {};
    }
    return found(pattern, start + colon + 1, value.size());
}

// Names of variables that some provider's documentation gives to a key with no prefix of its own.
struct Named
{
    const char* word; ///< in the variable's name, small letters
    const char* name;
    A alphabet;
    qsizetype size;
};
constexpr Named namedKeys[] = {
    {"aws_secret", "aws-secret", A::Base64, 40},
    {"secretaccesskey", "aws-secret", A::Base64, 40},
    {"secret_access_key", "aws-secret", A::Base64, 40},
    {"cloudflare", "cloudflare-key", A::WordDash, 40},
    {"cf_api", "cloudflare-key", A::WordDash, 40},
    {"datadog", "datadog-key", A::Hex, 32},
    {"datadog", "datadog-key", A::Hex, 40},
    {"dd_api", "datadog-key", A::Hex, 32},
    {"dd_app", "datadog-key", A::Hex, 40},
    {"heroku", "heroku-key", A::WordDash, 36},
    {"twilio", "twilio-key", A::Hex, 32},
    {"mailgun", "mailgun-key", A::Hex, 32},
    {"azure", "azure-key", A::Alnum, 32},
    {"discord", "discord-token", A::Dotted, 59},
};

const char* nameOf(const Pattern& pattern, QByteArrayView variable, QByteArrayView value)
{
    const QByteArray lower = variable.toByteArray().toLower();
    for (const Named& named : namedKeys) {
        if (value.size() == named.size && lower.contains(named.word) &&
            std::ranges::all_of(value, [&](char c) { return belongsTo(named.alphabet, c); })) {
            return named.name;
        }
    }
    return pattern.name;
}

// NAME = "value", NAME: value, "name": "value", also as JSON escapes quotes.
Finding assignment(const Pattern& pattern, QByteArrayView text, qsizetype at, bool ends)
{
    constexpr qsizetype most = 48; // of a name, on both sides of the anchor
    const auto isName = [](char c) { return isWord(c) || c == '-'; };
    qsizetype begin = at;
    while (begin > 0 && at - begin < most && (isName(text[begin - 1]) || text[begin - 1] == '.')) {
        --begin;
    }
    qsizetype i = at + qsizetype(qstrlen(pattern.anchor));
    const qsizetype rest = run(text, i, isName);
    if (rest > most) {
        return {};
    }
    i += rest;
    const QByteArrayView variable = text.sliced(begin, i - begin);
    const auto quotes = [&] {
        return run(text, i, [](char c) { return c == '"' || c == '\'' || c == '\\'; });
    };
    const auto blanks = [&] { return run(text, i, [](char c) { return c == ' ' || c == '\t'; }); };
    i += std::min<qsizetype>(quotes(), 2);
    i += std::min<qsizetype>(blanks(), 16);
    const qsizetype signs = run(text, i, [](char c) { return c == '=' || c == ':' || c == '>'; });
    if (i + signs == text.size() && !ends) {
        return openAt(at);
    }
    if (signs < 1 || signs > 2 || startsWith(text, i, "==") || startsWith(text, i, "::")) {
        return {};
    }
    i += signs;
    i += std::min<qsizetype>(blanks(), 16);
    const qsizetype quoted = std::min<qsizetype>(quotes(), 2);
    i += quoted;
    const qsizetype size = run(text, i, [](char c) {
        return c > ' ' && c < 0x7f && c != '"' && c != '\'' && c != '`' && c != ',' && c != ';' &&
               c != '<' && c != '>' && c != '(' && c != ')' && c != '{' && c != '}' && c != '[' &&
               c != ']' && c != '\\' && c != '|' && c != '&';
    });
    if (i + size == text.size() && !ends && size <= pattern.most) {
        return openAt(at);
    }
    const QByteArrayView value = text.sliced(i, size);
    // Code reads other variables and calls functions; a value without quotes must look like a key.
    const char behind = i + size < text.size() ? text[i + size] : '\n';
    if (size < pattern.least || size > pattern.most || isPlaceholder(value) ||
        (quoted == 0 && (behind == '(' || behind == '[' || behind == '{' || behind == '<' ||
                         size < 12 || value.contains("->")))) {
        return {};
    }
    const auto digits = std::ranges::count_if(value, isDigit);
    const auto letters =
        std::ranges::count_if(value, [](char c) { return isAlnum(c) && !isDigit(c); });
    const char* name = nameOf(pattern, variable, value);
    const bool isNamed = name != pattern.name;
    const bool isPassword = pattern.name == QByteArrayView("password");
    // Words with dashes, dots and slashes between are names and paths.
    qsizetype unbroken = 0;
    for (qsizetype k = 0, length = 0; k < size; ++k) {
        length = isAlnum(value[k]) ? length + 1 : 0;
        unbroken = std::max(unbroken, length);
    }
    const bool isQuoted = isPassword && quoted > 0; // a person's own words are enough
    if (digits < (isQuoted ? 1 : 2) || letters < 3 || entropy(value) < (isPassword ? 2.5 : 3.0) ||
        (!isNamed && !isQuoted && (digits < 3 || unbroken < 12))) {
        return {};
    }
    Finding finding = found(pattern, i, size);
    finding.name = name;
    return finding;
}

} // namespace

bool anchorAt(const Pattern& pattern, QByteArrayView text, qsizetype at)
{
    const char* anchor = pattern.anchor;
    for (; *anchor != 0; ++anchor, ++at) {
        if (at >= text.size() ||
            (pattern.rule == R::Assignment ? small(text[at]) : text[at]) != *anchor) {
            return false;
        }
    }
    return true;
}

Finding findAt(const Pattern& pattern, QByteArrayView text, qsizetype at, bool ends)
{
    switch (pattern.rule) {
    case R::Run:
    case R::Sum62:
    case R::Age:
    case R::OpenAi:
    case R::Mark:
    case R::Telegram:
    case R::Discord:
    case R::WebToken:
    case R::SendGrid:
        return simple(pattern, text, at, ends);
    case R::Bearer:
        return bearer(pattern, text, at, ends);
    case R::Pem:
        return block(pattern, text, at, ends);
    case R::Address:
        return address(pattern, text, at, ends);
    case R::Assignment:
        return assignment(pattern, text, at, ends);
    }
    return {};
}

} // namespace sb::leaks
