#pragma once
#include <QList>
#include <QString>

/// What a person must not be fooled by: characters that cannot be seen, that reorder others, or
/// that look like another.
namespace sb::models {

/// A stretch of the shown text that stands for a suspicious character.
struct VisibleMark
{
    qsizetype start = 0;
    qsizetype length = 0;
    bool operator==(const VisibleMark&) const = default;
};

struct VisibleText
{
    QString
        text; ///< to be shown: every suspicious character has its code beside it or in its place
    QList<VisibleMark> marks; ///< in order
    int invisible = 0;        ///< characters replaced by their code
    int lookAlike = 0;        ///< characters that have their code put behind
    bool rightToLeft = false; ///< holds letters that are written from right to left
    bool operator==(const VisibleText&) const = default;
};

enum class Strictness {
    Prose, ///< file contents: typographic dashes and quotation marks are nothing special
    Exact, ///< commands and paths: whatever looks like ASCII and isn't
};

/// Makes hidden characters visible as ⟨U+200B⟩ and marks look-alikes: а⟨U+0430⟩. Line feeds and
/// tabs stay.
VisibleText visibleText(const QString& raw, Strictness strictness);

/// JSON text that means the same, with every suspicious character inside its strings written as an
/// escape (\u200b): for editing what must not be seen wrongly.
QString visibleJson(const QString& json);

/// One sentence about what was made visible; empty when there was nothing.
QString visibleTextNotice(const VisibleText& text);

} // namespace sb::models
