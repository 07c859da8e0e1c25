#pragma once
#include "ui/panels/conversation/MarkdownBlocks.h"
#include "ui/panels/conversation/Transcript.h"
#include "ui/widgets/Badge.h"

#include <QRect>

class QPainter;

namespace sb::widgets {
class CodeHighlighter;
}

namespace sb::panels {

/// A place in the text of a row: which block, which character. Ordered as one reads.
struct RowPosition
{
    int block = 0;
    int character = 0;
    auto operator<=>(const RowPosition&) const = default;
};

/// One row of the transcript, laid out for a width. Coordinates are the row's own.
class RowLayout final : public QObject
{
    Q_OBJECT
public:
    struct Style
    {
        const theme::Theme& theme;
        widgets::CodeHighlighter& highlighter;
        TimeUs now;
    };

    /// `available` is the width of the whole view; the text takes at most the readable width of it.
    RowLayout(const Transcript::Row& row, int available, const Style& style);
    ~RowLayout() override;

    [[nodiscard]] int height() const { return m_height; }
    /// A guess without laying anything out.
    static int guess(const Transcript::Row& row, int available, const theme::Theme& theme);
    /// The left edge and width of the text column in a view of that width.
    static std::pair<int, int> column(int available, const theme::Theme& theme);

    /// More text at the end of a message that is being written; only its last block is laid out
    /// anew.
    void grow(const QString& wholeText, const Style& style);
    /// The reply is complete: takes the finished row over when its text is what was written. False:
    /// lay it out anew.
    bool settle(const Transcript::Row& row, const Style& style);

    struct Paint
    {
        const theme::Theme& theme;
        QRect clip; ///< in the row's coordinates
        std::optional<std::pair<RowPosition, RowPosition>> selection;
        bool current = false; ///< has the keyboard's focus
        TimeUs now = 0;
        bool active = true; ///< the window is active
    };
    void paint(QPainter& painter, const Paint& how) const;

    /// The place in the text nearest to the point.
    [[nodiscard]] RowPosition positionAt(const QPoint& point) const;
    [[nodiscard]] RowPosition start() const { return {}; }
    [[nodiscard]] RowPosition end() const;
    /// The word around a place.
    [[nodiscard]] std::pair<RowPosition, RowPosition> wordAt(RowPosition position) const;
    [[nodiscard]] QString text(RowPosition from, RowPosition to) const;
    /// The address of the link at the point; empty: none.
    [[nodiscard]] QString linkAt(const QPoint& point) const;
    /// The code whose copy button is at the point; empty: none.
    [[nodiscard]] QString copyButtonAt(const QPoint& point) const;
    /// Whether a click there folds or unfolds.
    [[nodiscard]] bool isFoldAt(const QPoint& point) const
    {
        return m_line && m_lineRect.contains(point);
    }
    [[nodiscard]] bool isTextAt(const QPoint& point) const;
    [[nodiscard]] bool isTimeAt(const QPoint& point) const
    {
        return m_header && m_headerRect.contains(point);
    }
    /// The first occurrence of the words at or behind `from`.
    [[nodiscard]] std::optional<std::pair<RowPosition, RowPosition>> find(const QString& words,
                                                                          RowPosition from) const;
    /// Where the place is, for scrolling to it.
    [[nodiscard]] QRect rectOf(RowPosition position) const;

Q_SIGNALS:
    void repaintNeeded(); ///< colours of code arrived

private:
    struct Block
    {
        MarkdownBlock source;
        std::unique_ptr<QTextDocument> document;
        int top = 0;
        int height = 0;
        bool raw = false; ///< a long block that is still being written: its end is plain so far
    };

    void addMarkdown(const QString& markdown, const Style& style, ProseStyle prose);
    void addCode(const QString& code, const QString& language, const Style& style);
    void fillBlock(Block& block, const Style& style, ProseStyle prose);
    void colour(Block& block, const Style& style);
    void place();
    [[nodiscard]] QRect blockRect(const Block& block) const; ///< of its text
    void paintLine(QPainter& painter, const Paint& how) const;
    /// Whether the line ends in a badge: a delegate always says its state, a tool only when it is
    /// not the usual one.
    [[nodiscard]] bool hasBadge() const;
    [[nodiscard]] QString durationWords() const;
    /// The width of badge and duration, with the space before them.
    [[nodiscard]] int trailWidth(const theme::Theme& theme) const;
    void paintHeader(QPainter& painter, const Paint& how) const;

    Transcript::Row m_row;
    int m_left = 0;
    int m_width = 0;
    int m_topPadding = 0;
    int m_bottomPadding = 0;
    int m_height = 0;
    int m_markSize = 0;
    int m_copySize = 0;
    bool m_header = false; ///< author and time stand above
    bool m_line = false;   ///< a tool, delegate: one line that folds
    bool m_bubble = false; ///< the person's own messages stand on a quiet ground
    QRect m_headerRect;
    QRect m_lineRect;
    std::vector<Block> m_blocks;
    qsizetype m_settled = 0; ///< of a growing text: up to here the blocks are final
};

} // namespace sb::panels
