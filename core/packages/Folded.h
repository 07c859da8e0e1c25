#pragma once
#include <QList>
#include <QString>

namespace sb::packages {

/// A text as it is read when all disguises have fallen: one alphabet, one case, nothing invisible;
/// and for each of its characters the place that it came from.
struct Folded
{
    QString text;
    QList<qsizetype> origin; ///< as many as the text has units, and one more for its end

    [[nodiscard]] qsizetype originOf(qsizetype position) const { return origin[position]; }
};

/// A piece of the text that a person does not see.
struct Invisible
{
    enum class By { Comment, Style, Characters };
    By by = By::Comment;
    qsizetype offset = 0;
    qsizetype length = 0;
    QString text; ///< what is hidden there
};

/// Compatibility forms (NFKC), invisible and direction characters, tag characters, accents of Latin
/// letters, look-alikes from other alphabets, letters set apart by blanks.
[[nodiscard]] Folded fold(const QString& text);
/// The same of what a browser shows of HTML: without comments and tags, and with its entities
/// decoded.
[[nodiscard]] Folded foldShown(const QString& html);

/// Comments, elements that CSS hides, and runs of invisible characters among letters.
[[nodiscard]] QList<Invisible> invisibleParts(const QString& text);

} // namespace sb::packages
