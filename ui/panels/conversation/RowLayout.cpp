#include "ui/panels/conversation/RowLayout.h"

#include "ui/widgets/CodeHighlighter.h"
#include "ui/widgets/Format.h"

#include <QAbstractTextDocumentLayout>
#include <QApplication>
#include <QPointer>
#include <QTextBlock>
#include <QTextCursor>
#include <QTextDocumentFragment>

using namespace Qt::StringLiterals;

namespace sb::panels {

using protocol::ItemKind;
using theme::Tone;
namespace space = theme::space;

namespace {

constexpr qsizetype maximumMessage = 200'000; // characters of one message that are laid out
constexpr qsizetype maximumDetail = 20'000;   // of a tool's output
constexpr qsizetype parseWhileWriting =
    3'000; // a block longer than this is parsed once it is complete
constexpr int childIndent = 24;

QString shortened(const QString& text, qsizetype maximum)
{
    if (text.size() <= maximum) {
        return text;
    }
    const qsizetype tail = maximum / 3;
    return text.left(maximum - tail) +
           RowLayout::tr("\n… %1 characters are not shown here; the journal has them …\n")
               .arg(widgets::countText(text.size() - maximum)) +
           text.right(tail);
}

// A person who presses Enter means a new line; Markdown would join them.
QString withHardBreaks(const QString& text)
{
    if (!text.contains(u'\n') || text.contains("```"_L1)) {
        return text;
    }
    QString result = text;
    return result.replace(u'\n', u"  \n"_s);
}

} // namespace

bool RowLayout::hasBadge() const
{
    return m_row.item.kind == ItemKind::Delegate ||
           m_row.item.state != protocol::ProcessState::Succeeded;
}

QString RowLayout::durationWords() const
{
    return m_row.duration > 0 ? widgets::durationText(m_row.duration) : QString();
}

int RowLayout::trailWidth(const theme::Theme& theme) const
{
    int width = 0;
    if (hasBadge()) {
        width += widgets::badgeSize(theme, widgets::stateBadge(m_row.item.state)).width() +
                 space::related;
    }
    if (const QString words = durationWords(); !words.isEmpty()) {
        width += QFontMetrics(theme.secondary()).horizontalAdvance(words) + space::related;
    }
    return width;
}

std::pair<int, int> RowLayout::column(int available, const theme::Theme& theme)
{
    const QFontMetrics metrics(theme.body());
    const int readable = metrics.averageCharWidth() * theme::proseColumns;
    const int width = std::max(60, std::min(available - 2 * space::margin, readable));
    return {std::max(int(space::margin), (available - width) / 2), width};
}

int RowLayout::guess(const Transcript::Row& row, int available, const theme::Theme& theme)
{
    if (row.hidden) {
        return 0;
    }
    const QFontMetrics metrics(theme.body());
    const int line = int(metrics.height() * 1.25);
    const auto [left, width] = column(available, theme);
    const int perLine = std::max(8, width / std::max(1, metrics.averageCharWidth()));
    switch (row.item.kind) {
    case ItemKind::Tool:
    case ItemKind::Delegate:
        return theme.rowHeight() + (row.open ? 4 * line : 0);
    case ItemKind::Notice:
        return line * int(1 + row.item.text.size() / perLine) + space::related;
    case ItemKind::User:
    case ItemKind::Agent:
        break;
    }
    const auto size = std::min(row.item.text.size(), maximumMessage);
    const auto breaks = std::min<qsizetype>(row.item.text.count(u'\n'), 4000);
    return int(size / perLine + breaks + 1) * line + line + space::group;
}

RowLayout::RowLayout(const Transcript::Row& row, int available, const Style& style) : m_row(row)
{
    const theme::Theme& theme = style.theme;
    std::tie(m_left, m_width) = column(available, theme);
    const int lineHeight = QFontMetrics(theme.body()).height();
    m_markSize = std::max(theme::smallIcon, lineHeight - 2);
    m_copySize = theme.iconSize();
    if (row.hidden) {
        return;
    }
    const auto& item = row.item;
    switch (item.kind) {
    case ItemKind::User:
    case ItemKind::Agent: {
        m_header = true;
        m_bubble = item.kind == ItemKind::User;
        m_headerRect =
            QRect(m_left, space::margin, m_width, QFontMetrics(theme.secondary()).height());
        m_topPadding = m_headerRect.bottom() + 1 + space::inside + (m_bubble ? space::related : 0);
        m_bottomPadding = space::inside + (m_bubble ? space::related : 0);
        if (m_bubble) {
            m_left += space::margin;
            m_width -= 2 * space::margin;
        }
        const QString text = shortened(item.text, maximumMessage);
        if (row.streaming) {
            grow(text, style);
            return;
        }
        addMarkdown(m_bubble ? withHardBreaks(text) : text, style, ProseStyle::Message);
        break;
    }
    case ItemKind::Tool:
    case ItemKind::Delegate: {
        m_line = true;
        if (row.child) {
            m_left += childIndent;
            m_width -= childIndent;
        }
        m_lineRect = QRect(m_left, 0, m_width, theme.rowHeight());
        m_topPadding = m_lineRect.bottom() + 1;
        if (row.open) {
            m_topPadding += space::inside;
            m_bottomPadding = space::related;
            m_left += childIndent;
            m_width -= childIndent;
            const bool tool = item.kind == ItemKind::Tool;
            // The line above has it already, unless it was cut off there.
            const QFontMetrics line(tool ? theme.mono() : theme.body());
            const int room = m_lineRect.width() - 2 * (m_markSize + space::inside) - space::inside -
                             trailWidth(theme);
            const bool whole = item.detail.isEmpty() || item.text.contains(u'\n') ||
                               line.horizontalAdvance(widgets::visibleText(item.text)) > room;
            if (tool) {
                if (whole) {
                    addCode(widgets::visibleText(shortened(item.text, maximumDetail)), {}, style);
                }
                if (!item.detail.isEmpty()) {
                    QString output = shortened(item.detail, maximumDetail);
                    while (output.endsWith(u'\n')) {
                        output.chop(1);
                    }
                    addCode(widgets::visibleText(output), {}, style);
                }
            } else {
                if (whole) {
                    addMarkdown(shortened(item.text, maximumDetail), style, ProseStyle::Secondary);
                }
                if (!item.detail.isEmpty()) {
                    addMarkdown(shortened(item.detail, maximumDetail), style, ProseStyle::Message);
                }
            }
        }
        break;
    }
    case ItemKind::Notice:
        m_topPadding = space::inside;
        m_bottomPadding = space::inside;
        m_left += m_markSize + space::related;
        m_width -= m_markSize + space::related;
        addMarkdown(shortened(item.text, maximumDetail), style, ProseStyle::Secondary);
        break;
    }
    place();
}

RowLayout::~RowLayout() = default;

void RowLayout::addMarkdown(const QString& markdown, const Style& style, ProseStyle prose)
{
    for (MarkdownBlock& source : splitMarkdown(markdown)) {
        Block block;
        block.source = std::move(source);
        fillBlock(block, style, prose);
        m_blocks.push_back(std::move(block));
    }
}

void RowLayout::addCode(const QString& code, const QString& language, const Style& style)
{
    Block block;
    block.source.code = true;
    block.source.text = code;
    block.source.language = language;
    fillBlock(block, style, ProseStyle::Message);
    m_blocks.push_back(std::move(block));
}

void RowLayout::fillBlock(Block& block, const Style& style, ProseStyle prose)
{
    block.raw = false;
    if (block.source.code) {
        block.document = makeCode(block.source.text, style.theme);
        block.document->setTextWidth(m_width - 2 * space::related - m_copySize - space::inside);
        if (block.source.closed) {
            colour(block, style);
        }
    } else {
        block.document = makeProse(block.source.text, style.theme, prose);
        block.document->setTextWidth(m_width);
    }
}

void RowLayout::colour(Block& block, const Style& style)
{
    // The document may be replaced before the colours come; then they are for nobody.
    QTextDocument* document = block.document.get();
    const auto apply = [](QTextDocument& target, const widgets::CodeHighlighter::Lines& lines) {
        QTextBlock line = target.begin();
        for (qsizetype i = 0; i < lines.size() && line.isValid(); ++i, line = line.next()) {
            if (!lines.at(i).isEmpty()) {
                line.layout()->setFormats(lines.at(i));
                target.markContentsDirty(line.position(), line.length());
            }
        }
    };
    const auto now =
        style.highlighter.highlight(block.source.text,
                                    block.source.language,
                                    style.theme.soft(Tone::Secondary),
                                    document,
                                    [this, guard = QPointer<RowLayout>(this), document, apply](
                                        const widgets::CodeHighlighter::Lines& lines) {
                                        apply(*document, lines);
                                        if (guard && !lines.isEmpty()) {
                                            place();
                                            Q_EMIT repaintNeeded();
                                        }
                                    });
    if (now) {
        apply(*document, *now);
    }
}

void RowLayout::grow(const QString& wholeText, const Style& style)
{
    const QString tail = wholeText.mid(m_settled);
    QList<MarkdownBlock> sources = splitMarkdown(tail);
    // The block that was the last one so far is the only one of ours that may still change.
    size_t settledBlocks = m_blocks.empty() ? 0 : m_blocks.size() - 1;
    if (m_settled == 0 && m_blocks.size() <= 1) {
        settledBlocks = 0;
    }
    for (qsizetype i = 0; i < sources.size(); ++i) {
        const size_t index = settledBlocks + size_t(i);
        const bool last = i + 1 == sources.size();
        MarkdownBlock& source = sources[i];
        if (index >= m_blocks.size()) {
            Block block;
            block.source = source;
            fillBlock(block, style, ProseStyle::Message);
            m_blocks.push_back(std::move(block));
            continue;
        }
        Block& block = m_blocks[index];
        if (block.source == source && (last || !block.raw)) {
            continue;
        }
        const bool grows = block.source.code == source.code &&
                           block.source.language == source.language &&
                           source.text.startsWith(block.source.text);
        const bool plain = source.code || source.text.size() > parseWhileWriting;
        if (last && grows && plain) {
            QTextCursor cursor(block.document.get());
            cursor.movePosition(QTextCursor::End);
            cursor.insertText(source.text.mid(block.source.text.size()));
            block.raw = !source.code;
            block.source = source;
            if (source.code && source.closed) {
                colour(block, style);
            }
        } else if (source.code && grows && block.source.text == source.text) {
            block.source = source; // only its end came
            colour(block, style);
        } else {
            block.source = source;
            fillBlock(block, style, ProseStyle::Message);
        }
    }
    if (!sources.isEmpty()) {
        m_blocks.erase(m_blocks.begin() + std::ptrdiff_t(settledBlocks + size_t(sources.size())),
                       m_blocks.end());
        m_settled += lastBlockStart(tail);
    }
    m_row.item.text = wholeText;
    place();
}

bool RowLayout::settle(const Transcript::Row& row, const Style& style)
{
    if (!m_row.streaming || row.item.kind != ItemKind::Agent || row.item.text != m_row.item.text) {
        return false;
    }
    if (!m_blocks.empty() && m_blocks.back().raw) {
        fillBlock(m_blocks.back(), style, ProseStyle::Message);
    } else if (!m_blocks.empty() && m_blocks.back().source.code && !m_blocks.back().source.closed) {
        colour(m_blocks.back(), style);
    }
    m_row = row;
    place();
    return true;
}

void RowLayout::place()
{
    int y = m_topPadding;
    for (size_t i = 0; i < m_blocks.size(); ++i) {
        Block& block = m_blocks[i];
        if (i > 0) {
            y += space::related;
        }
        const int text = int(std::ceil(block.document->documentLayout()->documentSize().height()));
        block.top = y;
        block.height = text + (block.source.code ? 2 * space::related : 0);
        y += block.height;
    }
    m_height = y + m_bottomPadding;
    if (m_row.streaming && m_blocks.empty()) {
        m_height += space::group;
    }
}

QRect RowLayout::blockRect(const Block& block) const
{
    const QRect box(m_left, block.top, m_width, block.height);
    return block.source.code ? box.adjusted(space::related,
                                            space::related,
                                            -space::related - m_copySize - space::inside,
                                            -space::related)
                             : box;
}

RowPosition RowLayout::end() const
{
    if (m_blocks.empty()) {
        return {};
    }
    return {int(m_blocks.size()) - 1, std::max(0, m_blocks.back().document->characterCount() - 1)};
}

RowPosition RowLayout::positionAt(const QPoint& point) const
{
    for (size_t i = 0; i < m_blocks.size(); ++i) {
        const Block& block = m_blocks[i];
        const bool last = i + 1 == m_blocks.size();
        if (point.y() < block.top) {
            return {int(i), 0};
        }
        if (point.y() < block.top + block.height ||
            (last && point.y() < m_height - m_bottomPadding)) {
            const QPointF inside = point - blockRect(block).topLeft();
            const int hit = block.document->documentLayout()->hitTest(inside, Qt::FuzzyHit);
            return {int(i), std::max(0, hit)};
        }
    }
    return end();
}

bool RowLayout::isTextAt(const QPoint& point) const
{
    return std::ranges::any_of(m_blocks,
                               [&](const Block& b) { return blockRect(b).contains(point); });
}

std::pair<RowPosition, RowPosition> RowLayout::wordAt(RowPosition position) const
{
    if (position.block >= int(m_blocks.size())) {
        return {position, position};
    }
    QTextCursor cursor(m_blocks[size_t(position.block)].document.get());
    cursor.setPosition(position.character);
    cursor.select(QTextCursor::WordUnderCursor);
    return {{position.block, cursor.selectionStart()}, {position.block, cursor.selectionEnd()}};
}

QString RowLayout::text(RowPosition from, RowPosition to) const
{
    QStringList parts;
    for (int i = from.block; i <= to.block && i < int(m_blocks.size()); ++i) {
        QTextDocument* document = m_blocks[size_t(i)].document.get();
        const int last = std::max(0, document->characterCount() - 1);
        QTextCursor cursor(document);
        cursor.setPosition(i == from.block ? std::min(from.character, last) : 0);
        cursor.setPosition(i == to.block ? std::min(to.character, last) : last,
                           QTextCursor::KeepAnchor);
        parts.append(cursor.selection().toPlainText());
    }
    return parts.join(u"\n\n"_s);
}

QString RowLayout::linkAt(const QPoint& point) const
{
    for (const Block& block : m_blocks) {
        const QRect rect = blockRect(block);
        if (rect.contains(point)) {
            return block.document->documentLayout()->anchorAt(point - rect.topLeft());
        }
    }
    return {};
}

QString RowLayout::copyButtonAt(const QPoint& point) const
{
    for (const Block& block : m_blocks) {
        const QRect text = blockRect(block);
        const QRect button(text.right() + 1,
                           block.top,
                           m_copySize + 2 * space::related,
                           m_copySize + 2 * space::related);
        if (block.source.code && button.contains(point)) {
            return block.source.text;
        }
    }
    return {};
}

std::optional<std::pair<RowPosition, RowPosition>> RowLayout::find(const QString& words,
                                                                   RowPosition from) const
{
    for (int i = from.block; i < int(m_blocks.size()); ++i) {
        const QTextCursor hit =
            m_blocks[size_t(i)].document->find(words, i == from.block ? from.character : 0);
        if (!hit.isNull()) {
            return std::pair{RowPosition{i, hit.selectionStart()},
                             RowPosition{i, hit.selectionEnd()}};
        }
    }
    return std::nullopt;
}

QRect RowLayout::rectOf(RowPosition position) const
{
    if (position.block >= int(m_blocks.size())) {
        return {0, 0, 1, m_height};
    }
    const Block& block = m_blocks[size_t(position.block)];
    const QTextBlock paragraph = block.document->findBlock(position.character);
    const QRectF bounds = block.document->documentLayout()->blockBoundingRect(paragraph);
    const QTextLine line =
        paragraph.layout()->lineForTextPosition(position.character - paragraph.position());
    const double y = bounds.y() + (line.isValid() ? line.y() : 0);
    const double height = line.isValid() ? line.height() : bounds.height();
    return QRectF(m_left, blockRect(block).y() + y, m_width, height).toAlignedRect();
}

} // namespace sb::panels
