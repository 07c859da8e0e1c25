#include "ui/panels/conversation/MarkdownBlocks.h"

#include <QAbstractTextDocumentLayout>
#include <QFontInfo>
#include <QFontMetricsF>
#include <QTextBlock>
#include <QTextCursor>
#include <QTextDocumentFragment>
#include <QTextFrame>
#include <QTextList>
#include <QTextTable>

using namespace Qt::StringLiterals;

namespace sb::panels {

namespace {

struct Fence
{
    QChar mark;
    int length = 0;
    int indent = 0;
    QStringView info;
};

// ``` or ~~~, at least three, indented by at most three spaces.
std::optional<Fence> fenceOf(QStringView line)
{
    Fence fence;
    while (fence.indent < line.size() && line.at(fence.indent) == u' ') {
        ++fence.indent;
    }
    if (fence.indent > 3 || fence.indent == line.size()) {
        return std::nullopt;
    }
    fence.mark = line.at(fence.indent);
    if (fence.mark != u'`' && fence.mark != u'~') {
        return std::nullopt;
    }
    qsizetype end = fence.indent;
    while (end < line.size() && line.at(end) == fence.mark) {
        ++end;
    }
    fence.length = int(end - fence.indent);
    fence.info = line.mid(end).trimmed();
    if (fence.length < 3 || (fence.mark == u'`' && fence.info.contains(u'`'))) {
        return std::nullopt;
    }
    return fence;
}

bool isListItem(QStringView line)
{
    const QStringView text = line.trimmed();
    if (text.size() >= 2 && (text.at(0) == u'-' || text.at(0) == u'*' || text.at(0) == u'+')) {
        return text.at(1) == u' ';
    }
    qsizetype digits = 0;
    while (digits < text.size() && digits < 9 && text.at(digits) >= u'0' &&
           text.at(digits) <= u'9') {
        ++digits;
    }
    return digits > 0 && digits + 1 < text.size() &&
           (text.at(digits) == u'.' || text.at(digits) == u')') && text.at(digits + 1) == u' ';
}

/// Walks over the lines and tells where a block begins.
class Splitter
{
public:
    explicit Splitter(const QString& text) : m_text(text)
    {
        qsizetype position = 0;
        while (position <= m_text.size()) {
            qsizetype end = m_text.indexOf(u'\n', position);
            const bool last = end < 0;
            end = last ? m_text.size() : end;
            QStringView line = QStringView(m_text).mid(position, end - position);
            if (line.endsWith(u'\r')) {
                line.chop(1);
            }
            take(line, position, end);
            if (last) {
                break;
            }
            position = end + 1;
        }
        finish(m_text.size());
    }

    QList<MarkdownBlock> blocks;
    qsizetype lastStart = 0;

private:
    void take(QStringView line, qsizetype start, qsizetype end)
    {
        if (m_fence) {
            const auto fence = fenceOf(line);
            if (fence && fence->mark == m_fence->mark && fence->length >= m_fence->length &&
                fence->info.isEmpty()) {
                closeFence(start, true);
                m_start = -1;
            }
            return;
        }
        if (line.trimmed().isEmpty()) {
            m_blank = m_start >= 0;
            return;
        }
        const bool indented = line.at(0) == u' ' || line.at(0) == u'\t';
        const bool continuesList = m_list && (indented || isListItem(line));
        if (m_start >= 0 && m_blank && !continuesList && !(indented && !m_list)) {
            finish(start);
        }
        const auto fence = fenceOf(line);
        // A fence inside of a list belongs to the list's item.
        if (fence && !(m_start >= 0 && m_list && fence->indent > 0)) {
            finish(start);
            m_fence = fence;
            m_start = start;
            m_codeStart = end + 1;
            m_language = fence->info.split(u' ').first().toString();
            return;
        }
        if (m_start < 0) {
            m_start = start;
        }
        m_list = m_list || isListItem(line);
        m_blank = false;
    }

    void closeFence(qsizetype end, bool closed)
    {
        MarkdownBlock block;
        block.code = true;
        block.closed = closed;
        block.language = m_language;
        if (m_codeStart < end) {
            block.text = m_text.mid(m_codeStart, end - m_codeStart);
            if (closed && block.text.endsWith(u'\n')) {
                block.text.chop(1);
            }
        }
        lastStart = m_start;
        blocks.append(block);
        m_fence.reset();
        m_blank = false;
        m_list = false;
    }

    void finish(qsizetype end)
    {
        if (m_fence) {
            closeFence(end, false);
        } else if (m_start >= 0) {
            MarkdownBlock block;
            block.text = m_text.mid(m_start, end - m_start);
            while (block.text.endsWith(u'\n') || block.text.endsWith(u'\r')) {
                block.text.chop(1);
            }
            lastStart = m_start;
            blocks.append(block);
        }
        m_start = -1;
        m_blank = false;
        m_list = false;
    }

    const QString& m_text;
    qsizetype m_start = -1; // of the open block
    qsizetype m_codeStart = 0;
    bool m_blank = false; // a blank line was seen since
    bool m_list = false;
    std::optional<Fence> m_fence;
    QString m_language;
};

/// Goes over a document that setMarkdown made, and sets it as the theme wants it.
class Setter
{
public:
    Setter(QTextDocument& document, const theme::Theme& theme, ProseStyle style)
        : m_document(document)
        , m_theme(theme)
        , m_size(QFontInfo(document.defaultFont()).pixelSize())
        , m_secondary(style == ProseStyle::Secondary)
    {
        const double natural = QFontMetricsF(document.defaultFont()).lineSpacing();
        m_lineHeight = theme::proseLineHeight * m_size / natural * 100;
    }

    void run()
    {
        QTextCursor cursor(&m_document);
        cursor.beginEditBlock();
        for (QTextBlock block = m_document.begin(); block.isValid(); block = block.next()) {
            setBlock(cursor, block);
        }
        for (QTextFrame* frame : m_document.rootFrame()->childFrames()) {
            if (auto* table = qobject_cast<QTextTable*>(frame)) {
                setTable(*table);
            }
        }
        cursor.endEditBlock();
    }

private:
    void setBlock(QTextCursor& cursor, const QTextBlock& block)
    {
        QTextBlockFormat format = block.blockFormat();
        const int heading = format.headingLevel();
        const bool code = format.hasProperty(QTextFormat::BlockCodeFence) ||
                          format.hasProperty(QTextFormat::BlockCodeLanguage);
        const bool inTable = QTextCursor(block).currentTable() != nullptr;
        const bool last = !block.next().isValid();
        format.setTopMargin(heading > 0 && block.position() > 0 ? 8 : 0);
        format.setBottomMargin(last || inTable ? 0 : block.textList() ? 2 : 8);
        if (code) {
            format.setBottomMargin(0);
            format.setBackground(m_theme.soft(theme::Tone::Secondary));
            format.setLayoutDirection(Qt::LeftToRight);
        } else {
            format.setLineHeight(m_lineHeight, QTextBlockFormat::ProportionalHeight);
        }
        cursor.setPosition(block.position());
        cursor.setBlockFormat(format);
        const bool quote = format.hasProperty(QTextFormat::BlockQuoteLevel);
        // Formats change while we walk, so the stretches are gathered first, and done from the end.
        struct Stretch
        {
            int start;
            int length;
            QTextCharFormat format;
            QString text;
        };
        QList<Stretch> stretches;
        for (auto it = block.begin(); !it.atEnd(); ++it) {
            const QTextFragment fragment = it.fragment();
            stretches.prepend(
                {fragment.position(), fragment.length(), fragment.charFormat(), fragment.text()});
        }
        for (const Stretch& stretch : std::as_const(stretches)) {
            QTextCharFormat change;
            bool any = false;
            if (stretch.format.isImageFormat()) {
                putWordsForPicture(
                    cursor, stretch.start, stretch.length, stretch.format.toImageFormat());
                continue;
            }
            if (heading > 0) {
                change.setProperty(QTextFormat::FontSizeAdjustment, 0);
                change.setProperty(QTextFormat::FontPixelSize,
                                   int(std::lround(m_size * (heading == 1   ? 1.25
                                                             : heading == 2 ? 1.12
                                                                            : 1.0))));
                change.setFontWeight(QFont::DemiBold);
                any = true;
            }
            if (code || stretch.format.fontFixedPitch()) {
                change.setFontFamilies(m_theme.mono().families());
                change.setProperty(QTextFormat::FontPixelSize,
                                   std::max(11, int(std::lround(m_size * 0.95))));
                if (!code) {
                    change.setBackground(m_theme.soft(theme::Tone::Secondary));
                }
                any = true;
            }
            if (stretch.format.isAnchor()) {
                change.setForeground(m_theme.colour(theme::Tone::Accent));
                change.setFontUnderline(true);
                any = true;
            } else if (quote || m_secondary) {
                change.setForeground(m_theme.colour(theme::Tone::Secondary));
                any = true;
            }
            if (any) {
                cursor.setPosition(stretch.start);
                cursor.setPosition(stretch.start + stretch.length, QTextCursor::KeepAnchor);
                cursor.mergeCharFormat(change);
            }
        }
    }

    // Pictures are never fetched: their description and address stand for them.
    void
    putWordsForPicture(QTextCursor& cursor, int start, int length, const QTextImageFormat& image)
    {
        const QString words = image.property(QTextFormat::ImageAltText).toString();
        cursor.setPosition(start);
        cursor.setPosition(start + length, QTextCursor::KeepAnchor);
        QTextCharFormat format;
        format.setForeground(m_theme.colour(theme::Tone::Secondary));
        const QString address = image.name();
        const QString shown = words.isEmpty() ? address : QString(words + u" – "_s + address);
        cursor.insertText(QString(u'[' + shown + u']'), format);
    }

    void setTable(QTextTable& table)
    {
        QTextTableFormat format = table.format();
        format.setBorder(0);
        format.setBorderCollapse(true);
        format.setCellPadding(theme::space::inside);
        format.setCellSpacing(0);
        format.setTopMargin(0);
        format.setBottomMargin(theme::space::inside);
        table.setFormat(format);
        for (int row = 0; row < table.rows();
             ++row) { // a hairline below each row, none between columns
            for (int column = 0; column < table.columns(); ++column) {
                QTextTableCell cell = table.cellAt(row, column);
                QTextTableCellFormat cellFormat = cell.format().toTableCellFormat();
                cellFormat.setBottomBorder(1);
                cellFormat.setBottomBorderStyle(QTextFrameFormat::BorderStyle_Solid);
                cellFormat.setBottomBorderBrush(m_theme.hairline());
                cell.setFormat(cellFormat);
            }
        }
    }

    QTextDocument& m_document;
    const theme::Theme& m_theme;
    int m_size;
    bool m_secondary;
    double m_lineHeight;
};

} // namespace

QList<MarkdownBlock> splitMarkdown(const QString& text)
{
    return Splitter(text).blocks;
}

qsizetype lastBlockStart(const QString& text)
{
    return Splitter(text).lastStart;
}

SafeDocument::SafeDocument()
{
    setUndoRedoEnabled(false);
    setDocumentMargin(0);
}

QVariant SafeDocument::loadResource(int, const QUrl&)
{
    return {};
}

std::unique_ptr<QTextDocument>
makeProse(const QString& markdown, const theme::Theme& theme, ProseStyle style)
{
    auto document = std::make_unique<SafeDocument>();
    document->setDefaultFont(style == ProseStyle::Secondary ? theme.secondary() : theme.body());
    document->setIndentWidth(24);
    QTextOption option;
    option.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    option.setTextDirection(Qt::LayoutDirectionAuto);
    document->setDefaultTextOption(option);
    document->setMarkdown(markdown,
                          QTextDocument::MarkdownFeatures(QTextDocument::MarkdownDialectGitHub) |
                              QTextDocument::MarkdownNoHTML);
    Setter(*document, theme, style).run();
    return document;
}

std::unique_ptr<QTextDocument> makeCode(const QString& code, const theme::Theme& theme)
{
    auto document = std::make_unique<SafeDocument>();
    document->setDefaultFont(theme.mono());
    QTextOption option;
    option.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    option.setTextDirection(Qt::LeftToRight);
    option.setTabStopDistance(QFontMetricsF(theme.mono()).horizontalAdvance(u' ') * 4);
    document->setDefaultTextOption(option);
    document->setPlainText(code);
    return document;
}

} // namespace sb::panels
