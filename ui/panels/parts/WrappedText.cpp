#include "ui/panels/parts/WrappedText.h"

#include <QAbstractTextDocumentLayout>
#include <QScrollBar>
#include <QTextBlock>
#include <QWheelEvent>
#include <cmath>

namespace sb::panels {

WrappedText::WrappedText(theme::Theme& theme,
                         Look look,
                         const QString& accessibleName,
                         QWidget* parent)
    : QTextEdit(parent), m_theme(theme), m_look(look)
{
    setReadOnly(true);
    setAcceptRichText(false);
    setFrameShape(QFrame::NoFrame);
    setAccessibleName(accessibleName);
    setTabChangesFocus(true);
    setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    setWordWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setVerticalScrollBarPolicy(Qt::ScrollBarAsNeeded);
    QSizePolicy policy(QSizePolicy::Ignored, QSizePolicy::Fixed);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
    restyle();
    connect(&theme, &theme::Theme::changed, this, &WrappedText::restyle);
}

void WrappedText::setVisibleText(const models::VisibleText& text)
{
    if (text == m_shown && !document()->isEmpty()) {
        return;
    }
    m_shown = text;
    setPlainText(text.text);
    if (m_look == Look::Code) {
        // Code reads from left to right, whatever letters it holds; order is part of what is
        // approved.
        auto option = document()->defaultTextOption();
        option.setTextDirection(Qt::LeftToRight);
        option.setAlignment(Qt::AlignLeft | Qt::AlignAbsolute);
        document()->setDefaultTextOption(option);
    }
    applyMarks();
    m_measured = {-1, 0};
    updateGeometry();
}

void WrappedText::setMaximumLines(int lines)
{
    m_maximumLines = lines;
    m_measured = {-1, 0};
    updateGeometry();
}

void WrappedText::restyle()
{
    setFont(m_look == Look::Code    ? m_theme.mono()
            : m_look == Look::Quiet ? m_theme.secondary()
                                    : m_theme.body());
    auto colours = palette();
    colours.setColor(QPalette::Text,
                     m_theme.colour(m_look == Look::Quiet     ? theme::Tone::Secondary
                                    : m_look == Look::Failure ? theme::Tone::Failed
                                                              : theme::Tone::Text));
    colours.setColor(QPalette::Base,
                     m_look == Look::Code ? m_theme.soft(theme::Tone::Secondary)
                                          : QColor(Qt::transparent));
    setPalette(colours);
    document()->setDocumentMargin(m_look == Look::Code ? theme::space::related : 0);
    applyMarks();
    m_measured = {-1, 0};
    updateGeometry();
}

void WrappedText::applyMarks()
{
    QList<ExtraSelection> selections;
    for (const auto& mark : m_shown.marks) {
        if (selections.size() == 500) {
            break; // beyond that the codes alone must do
        }
        ExtraSelection selection;
        selection.cursor = QTextCursor(document());
        selection.cursor.setPosition(int(mark.start));
        selection.cursor.setPosition(int(mark.start + mark.length), QTextCursor::KeepAnchor);
        selection.format.setForeground(m_theme.colour(theme::Tone::Failed));
        selection.format.setBackground(m_theme.soft(theme::Tone::Failed));
        selections.append(selection);
    }
    setExtraSelections(selections);
}

int WrappedText::heightForWidth(int width) const
{
    if (m_measured.first == width) {
        return m_measured.second;
    }
    // A document of its own, for the view would set its own width again in the middle of measuring.
    QTextDocument measured;
    measured.setDefaultFont(font());
    measured.setDefaultTextOption(document()->defaultTextOption());
    measured.setDocumentMargin(document()->documentMargin());
    measured.setPlainText(m_shown.text);
    measured.setTextWidth(std::max(width, 1));
    const int needed = int(std::ceil(measured.size().height()));
    const int most =
        fontMetrics().lineSpacing() * m_maximumLines + int(2 * document()->documentMargin());
    m_measured = {width, std::min(needed, most)};
    return m_measured.second;
}

QSize WrappedText::sizeHint() const
{
    const int width = this->width() > 0 ? this->width() : fontMetrics().averageCharWidth() * 40;
    return {width, heightForWidth(width)};
}

QSize WrappedText::minimumSizeHint() const
{
    return {fontMetrics().averageCharWidth() * 8, fontMetrics().lineSpacing()};
}

void WrappedText::wheelEvent(QWheelEvent* event)
{
    // Inside a list of cards the wheel belongs to the list, unless somebody is at work in here.
    if (hasFocus() && verticalScrollBar()->maximum() > 0) {
        QTextEdit::wheelEvent(event);
    } else {
        event->ignore();
    }
}

} // namespace sb::panels
