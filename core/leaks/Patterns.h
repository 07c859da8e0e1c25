#pragma once
#include <QByteArrayView>
#include <span>

namespace sb::leaks {

/// A kind of key that a provider hands out, by what its documentation says about prefix, alphabet
/// and length.
struct Pattern
{
    enum class Alphabet { Alnum, Word, WordDash, Upper, Hex, Base64, Bearer, Dotted };
    enum class Rule {
        Run,        ///< so many characters of the alphabet behind the anchor
        Sum62,      ///< the same, with GitHub's and npm's checksum at the end
        Age,        ///< the same, with a bech32 checksum
        OpenAi,     ///< the same, with OpenAI's mark in the middle
        Mark,       ///< the same in the middle of a word: the anchor need not begin one
        Telegram,   ///< digits before the anchor
        Discord,    ///< three parts with dots between
        WebToken,   ///< the same, the first of which is JSON in base64
        SendGrid,   ///< two parts of known lengths
        Bearer,     ///< an HTTP header's value
        Pem,        ///< a block from BEGIN to END
        Address,    ///< scheme://user:password@host
        Assignment, ///< a name that speaks of a secret, and a value that looks random
    };

    const char* name;
    const char* anchor; ///< at least three characters; nothing else is looked at without it
    Alphabet alphabet = Alphabet::Alnum;
    quint16 least = 0;
    quint16 most = 0;     ///< 0: as far as it goes
    quint16 unbroken = 8; ///< letters and digits in a row, one of them a digit: words are seldom so
    Rule rule = Rule::Run;
};

/// All of them. Constant data.
[[nodiscard]] std::span<const Pattern> patterns();

/// What stands at an anchor.
struct Finding
{
    qsizetype start = 0; ///< of the part that is secret
    qsizetype size = 0;  ///< 0: nothing
    const char* name = "";
    bool verified = true;    ///< false when the format has a checksum, and it is wrong
    qsizetype openFrom = -1; ///< the text ends before this is decided: where it must be held back
};

/// Looks whether the pattern, whose anchor stands at `at`, really is there. `ends` tells that no
/// more text will come.
[[nodiscard]] Finding findAt(const Pattern& pattern, QByteArrayView text, qsizetype at, bool ends);

/// Whether the anchor stands there; upper and lower case are one for names (Rule::Assignment).
[[nodiscard]] bool anchorAt(const Pattern& pattern, QByteArrayView text, qsizetype at);

} // namespace sb::leaks
