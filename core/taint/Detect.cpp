#include "core/taint/Detect.h"

using namespace Qt::StringLiterals;

namespace sb::taint {

namespace {

bool isDigit(QChar c)
{
    return c >= u'0' && c <= u'9';
}

bool isAsciiLetter(QChar c)
{
    return (c >= u'a' && c <= u'z') || (c >= u'A' && c <= u'Z');
}

bool isOfAddress(QChar c)
{
    return isAsciiLetter(c) || isDigit(c) || c == u'.' || c == u'_' || c == u'-' || c == u'+' ||
           c == u'%';
}

bool isAddressAt(QStringView text, qsizetype at)
{
    if (at == 0 || !isOfAddress(text[at - 1]) || text[at - 1] == u'.') {
        return false;
    }
    // "git@host:path" is how a repository is named, not a person.
    qsizetype begin = at;
    while (begin > 0 && isOfAddress(text[begin - 1])) {
        --begin;
    }
    const auto name = text.sliced(begin, at - begin);
    qsizetype end = at + 1;
    while (end < text.size() && (isAsciiLetter(text[end]) || isDigit(text[end]) ||
                                 text[end] == u'.' || text[end] == u'-')) {
        ++end;
    }
    auto host = text.sliced(at + 1, end - at - 1);
    while (host.endsWith(u'.') || host.endsWith(u'-')) {
        host.chop(1);
    }
    const auto dot = host.lastIndexOf(u'.');
    const auto top = host.sliced(dot + 1);
    if (dot <= 0 || top.size() < 2 || !std::ranges::all_of(top, isAsciiLetter)) {
        return false;
    }
    return !(name == "git"_L1 && end < text.size() && text[end] == u':');
}

bool luhn(const QList<int>& digits)
{
    int sum = 0;
    for (qsizetype i = 0; i < digits.size(); ++i) {
        const int digit = digits[digits.size() - 1 - i];
        sum += i % 2 == 0 ? digit : (digit * 2 > 9 ? digit * 2 - 9 : digit * 2);
    }
    return sum % 10 == 0;
}

bool isCard(const QList<int>& digits)
{
    if (digits.size() < 13 || digits.size() > 19 || !luhn(digits)) {
        return false;
    }
    const int two = digits[0] * 10 + digits[1];
    return digits[0] == 4 || (two >= 51 && two <= 55) || (two >= 22 && two <= 27) || two == 34 ||
           two == 37 || two == 36 || two == 38 || two == 60 || two == 62 || two == 65;
}

bool isIban(QStringView word)
{
    if (word.size() < 15 || word.size() > 34 || !isAsciiLetter(word[0]) ||
        !isAsciiLetter(word[1]) || !isDigit(word[2]) || !isDigit(word[3])) {
        return false;
    }
    int rest = 0;
    for (qsizetype i = 0; i < word.size(); ++i) {
        const QChar c = word[(i + 4) % word.size()];
        if (isDigit(c)) {
            rest = (rest * 10 + c.digitValue()) % 97;
        } else if (isAsciiLetter(c)) {
            rest = (rest * 100 + c.toUpper().unicode() - u'A' + 10) % 97;
        } else {
            return false;
        }
    }
    return rest == 1;
}

bool isNumberBreak(QChar c)
{
    return c == u' ' || c == u'-' || c == u'.' || c == u'/' || c == u'(' || c == u')' ||
           c == QChar(0xa0);
}

/// A run of digits with breaks between, from `at` on: is it a card's number or, with a +, a
/// telephone's? Sets `end` behind it.
bool isNumberAt(QStringView text, qsizetype at, qsizetype& end)
{
    const bool international = text[at] == u'+';
    QList<int> digits;
    qsizetype i = at + (international ? 1 : 0);
    qsizetype breaks = 0;
    end = i;
    for (; i < text.size() && digits.size() <= 19; ++i) {
        if (isDigit(text[i])) {
            digits.append(text[i].digitValue());
            breaks = 0;
            end = i + 1;
            continue;
        }
        // Another number may follow a card's after a blank.
        if (!international && breaks == 0 && isCard(digits)) {
            return !text[i].isLetterOrNumber();
        }
        if (!isNumberBreak(text[i]) || digits.isEmpty() || ++breaks > 2) {
            break;
        }
    }
    const bool ends = end == text.size() || !text[end].isLetterOrNumber();
    return ends && (international ? digits.size() >= 9 && digits.size() <= 15 && digits[0] != 0
                                  : isCard(digits));
}

} // namespace

bool holdsPersonal(QStringView text)
{
    for (qsizetype i = 0; i < text.size(); ++i) {
        const QChar c = text[i];
        const bool isStart = i == 0 || (!text[i - 1].isLetterOrNumber() && text[i - 1] != u'_');
        if (c == u'@') {
            if (isAddressAt(text, i)) {
                return true;
            }
        } else if (isStart && (isDigit(c) || c == u'+')) {
            qsizetype end = i;
            if (isNumberAt(text, i, end)) {
                return true;
            }
            i = std::max(i, end - 1);
        } else if (isStart && isAsciiLetter(c) && i + 3 < text.size() && isDigit(text[i + 2]) &&
                   isDigit(text[i + 3])) {
            // As printed, an IBAN has a blank after each four.
            QString word;
            for (qsizetype j = i; j < text.size() && word.size() <= 34; ++j) {
                if (isAsciiLetter(text[j]) || isDigit(text[j])) {
                    word += text[j];
                    if (isIban(word)) {
                        return true;
                    }
                } else if (text[j] != u' ' || word.size() % 4 != 0) {
                    break;
                }
            }
        }
    }
    return false;
}

bool holdsRedacted(QStringView text)
{
    return text.contains("[redacted:"_L1);
}

bool isKeyFile(QStringView path)
{
    const auto name = path.sliced(path.lastIndexOf(u'/') + 1).toString().toLower();
    if (name.endsWith(".pub"_L1) || name.endsWith(".example"_L1) || name.endsWith(".sample"_L1) ||
        name.endsWith(".template"_L1)) {
        return false;
    }
    static const QStringList names{u".env"_s,
                                   u".netrc"_s,
                                   u"_netrc"_s,
                                   u".pgpass"_s,
                                   u".htpasswd"_s,
                                   u".npmrc"_s,
                                   u".pypirc"_s,
                                   u".git-credentials"_s,
                                   u"id_rsa"_s,
                                   u"id_dsa"_s,
                                   u"id_ecdsa"_s,
                                   u"id_ed25519"_s,
                                   u"credentials"_s,
                                   u"credentials.json"_s,
                                   u"secrets.yaml"_s,
                                   u"secrets.yml"_s,
                                   u"secrets.json"_s};
    static const QStringList ends{
        u".pem"_s, u".key"_s, u".p12"_s, u".pfx"_s, u".jks"_s, u".keystore"_s, u".kdbx"_s};
    return names.contains(name) || name.startsWith(".env."_L1) ||
           std::ranges::any_of(ends, [&](const QString& end) { return name.endsWith(end); });
}

} // namespace sb::taint
