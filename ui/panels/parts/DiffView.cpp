#include "ui/panels/parts/DiffView.h"

#include "ui/models/VisibleText.h"

#include <QScrollBar>
#include <QSyntaxHighlighter>
#include <QTextBlock>
#include <QTextLayout>
#include <QWheelEvent>
#include <cmath>

using namespace Qt::StringLiterals;

namespace sb::panels {

class DiffView::Highlighter final : public QSyntaxHighlighter
{
public:
    Highlighter(theme::Theme& theme, QTextDocument* document)
        : QSyntaxHighlighter(document), m_theme(theme)
    {
    }

protected:
    // The first lines of a file's part begin like changes ("--- a/x"), so a hunk's header tells
    // where changes begin.
    void highlightBlock(const QString& line) override
    {
        enum State { Header, Hunk };
        int state = previousBlockState() == Hunk ? Hunk : Header;
        QTextCharFormat format;
        if (line.startsWith(QLatin1StringView("@@"))) {
            state = Hunk;
            format.setForeground(m_theme.colour(theme::Tone::Accent));
        } else if (line.startsWith(QLatin1StringView("diff ")) ||
                   line.startsWith(QLatin1StringView("index ")) ||
                   line.startsWith(QLatin1StringView("--- a/")) ||
                   line.startsWith(QLatin1StringView("--- /dev/"))) {
            state = Header;
            format.setForeground(m_theme.colour(theme::Tone::Secondary));
        } else if (state == Header) {
            format.setForeground(m_theme.colour(theme::Tone::Secondary));
        } else if (line.startsWith(QLatin1Char('+'))) {
            format.setForeground(m_theme.colour(theme::Tone::Added));
            format.setBackground(m_theme.soft(theme::Tone::Added));
        } else if (line.startsWith(QLatin1Char('-'))) {
            format.setForeground(m_theme.colour(theme::Tone::Removed));
            format.setBackground(m_theme.soft(theme::Tone::Removed));
        }
        setCurrentBlockState(state);
        if (format.isValid()) {
            setFormat(0, int(line.size()), format);
        }
        QTextCharFormat mark;
        mark.setForeground(m_theme.colour(theme::Tone::Failed));
        mark.setFontUnderline(true);
        for (auto at = line.indexOf(u"⟨U+"); at >= 0; at = line.indexOf(u"⟨U+", at + 1)) {
            const auto end = line.indexOf(u'⟩', at);
            if (end > at && end - at < 12) {
                setFormat(int(at), int(end - at + 1), mark);
            }
        }
    }

private:
    theme::Theme& m_theme;
};

DiffView::DiffView(theme::Theme& theme, const QString& accessibleName, QWidget* parent)
    : QPlainTextEdit(parent), m_theme(theme), m_highlighter(new Highlighter(theme, document()))
{
    setReadOnly(true);
    setFrameShape(QFrame::NoFrame);
    setAccessibleName(accessibleName);
    setTabChangesFocus(true);
    setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    setWordWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    auto option = document()->defaultTextOption();
    option.setTextDirection(Qt::LeftToRight);
    document()->setDefaultTextOption(option);
    QSizePolicy policy(QSizePolicy::Ignored, QSizePolicy::Fixed);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
    restyle();
    connect(&theme, &theme::Theme::changed, this, &DiffView::restyle);
}

namespace {

// Without git's own words about a file whose names the next lines say again: on a small card they
// push the change itself out of sight.
QString withoutPreamble(const QString& diff)
{
    const auto lines = diff.split(u'\n');
    QStringList kept;
    for (qsizetype i = 0; i < lines.size(); ++i) {
        const auto& line = lines.at(i);
        if (line.startsWith("diff --git "_L1) || line.startsWith("index "_L1)) {
            qsizetype next = i + 1;
            while (next < lines.size() && !lines.at(next).startsWith("diff --git "_L1) &&
                   !lines.at(next).startsWith("@@"_L1) && !lines.at(next).startsWith("--- "_L1)) {
                ++next;
            }
            if (next < lines.size() && lines.at(next).startsWith("--- "_L1)) {
                continue;
            }
        }
        kept.append(line);
    }
    return kept.join(u'\n');
}

} // namespace

void DiffView::setDiff(const QString& diff)
{
    auto text = withoutPreamble(diff);
    while (text.endsWith(QLatin1Char('\n'))) {
        text.chop(1);
    }
    setPlainText(models::visibleText(text, models::Strictness::Prose).text);
    updateGeometry();
}

void DiffView::setMaximumLines(int lines)
{
    m_maximumLines = lines;
    updateGeometry();
}

int DiffView::heightForWidth(int width) const
{
    const int columns = std::max(
        8, (width - 2 * theme::space::related) / std::max(1, fontMetrics().averageCharWidth()));
    int lines = 0;
    for (auto block = document()->firstBlock(); block.isValid() && lines < m_maximumLines;
         block = block.next()) {
        if (block.length() < columns * 3 / 4) {
            ++lines;
            continue;
        }
        // Where words break is not to be guessed.
        QTextLayout wrapped(block.text(), font());
        auto option = document()->defaultTextOption();
        option.setWrapMode(wordWrapMode());
        wrapped.setTextOption(option);
        wrapped.beginLayout();
        while (lines < m_maximumLines) {
            auto part = wrapped.createLine();
            if (!part.isValid()) {
                break;
            }
            part.setLineWidth(width - 2 * theme::space::related);
            ++lines;
        }
        wrapped.endLayout();
    }
    // As high as the layout makes a line, which is a little more than the font's metrics say.
    QTextLayout layout(QStringLiteral("Xg"), font());
    layout.beginLayout();
    const auto line = layout.createLine();
    layout.endLayout();
    return int(std::ceil(line.height() * std::min(lines, m_maximumLines))) +
           2 * theme::space::related + theme::space::inside;
}

QSize DiffView::sizeHint() const
{
    const int width = this->width() > 0 ? this->width() : fontMetrics().averageCharWidth() * 40;
    return {width, heightForWidth(width)};
}

QSize DiffView::minimumSizeHint() const
{
    return {fontMetrics().averageCharWidth() * 8, fontMetrics().lineSpacing()};
}

void DiffView::restyle()
{
    setFont(m_theme.mono());
    document()->setDocumentMargin(theme::space::related);
    auto colours = palette();
    colours.setColor(QPalette::Base, m_theme.soft(theme::Tone::Secondary));
    colours.setColor(QPalette::Text, m_theme.colour(theme::Tone::Text));
    setPalette(colours);
    m_highlighter->rehighlight();
    updateGeometry();
}

void DiffView::wheelEvent(QWheelEvent* event)
{
    if (hasFocus() && verticalScrollBar()->maximum() > 0) {
        QPlainTextEdit::wheelEvent(event);
    } else {
        event->ignore();
    }
}

} // namespace sb::panels
