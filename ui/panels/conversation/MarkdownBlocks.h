#pragma once
#include "ui/theme/Theme.h"

#include <QString>
#include <QTextDocument>
#include <memory>

namespace sb::panels {

/// A top-level piece of Markdown that can be laid out by itself.
struct MarkdownBlock
{
    bool code = false;  ///< a fenced block: text is the code itself
    bool closed = true; ///< false: a fence whose end has not come yet
    QString text;
    QString language; ///< the first word behind the fence
    bool operator==(const MarkdownBlock&) const = default;
};

/// Cuts Markdown at blank lines and fences. Lists, quotes and indented parts stay whole, so that
/// their numbers and nesting survive. The last block of a text that still grows may change when
/// more is added; the others never do.
QList<MarkdownBlock> splitMarkdown(const QString& text);

/// Where the last block of `text` begins, for parsing only what may still change: an offset into
/// text.
qsizetype lastBlockStart(const QString& text);

/// A document that never loads anything: no pictures, no style sheets, whatever the text asks for.
class SafeDocument final : public QTextDocument
{
public:
    SafeDocument();

protected:
    QVariant loadResource(int type, const QUrl& name) override;
};

/// How the text of a block is set.
enum class ProseStyle { Message, Secondary };
std::unique_ptr<QTextDocument>
makeProse(const QString& markdown, const theme::Theme& theme, ProseStyle style);
/// Monospaced, left to right, wrapped anywhere, without colours yet.
std::unique_ptr<QTextDocument> makeCode(const QString& code, const theme::Theme& theme);

} // namespace sb::panels
