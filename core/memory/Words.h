#pragma once
#include <QByteArray>
#include <QStringList>
#include <vector>

namespace sb::memory {

/// A piece of a text that can be compared with pieces of others.
struct Word
{
    enum class Kind {
        Letters, ///< between spaces and marks, as most scripts write
        Run,     ///< a run of a script that puts no spaces between words (Chinese, Thai, …)
        Symbol,  ///< an emoji or another sign
    };
    Kind kind = Kind::Letters;
    std::u32string text; ///< composed (NFKC), folded to one case, without accents
    bool operator==(const Word&) const = default;
};

/// The words of any text, in order.
std::vector<Word> wordsOf(QStringView text);

/// A word without the endings that English puts behind it and the article that Arabic puts in front
/// of it; other words stay.
std::u32string stemOf(std::u32string word);

/// Whether so many English texts have this word that it tells nothing.
bool isCommon(const std::u32string& word);

/// What a text is found by, each once: the stem of a word, a sign, and of a run its characters
/// (`withSingles`, or where there is but one) and pairs of neighbours. In UTF-8, of letters, digits
/// and signs only.
struct Term
{
    QByteArray term;
    QString word; ///< as it stands in the text, for showing
    bool isCommon = false;
};
std::vector<Term> termsOf(QStringView text, bool withSingles);

/// 64 bits that are the same for the same bytes on every machine and day. Not for anything that an
/// enemy could gain from.
quint64 digestOf(const void* bytes, size_t size, quint64 seed = 0);

} // namespace sb::memory
