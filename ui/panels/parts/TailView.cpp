#include "ui/panels/parts/TailView.h"

#include "ui/widgets/Format.h"

#include <QPushButton>
#include <QScopedValueRollback>
#include <QScrollBar>
#include <QTextBlock>

namespace sb::panels {

TailView::TailView(theme::Theme& theme, QWidget* parent)
    : QPlainTextEdit(parent), m_theme(theme), m_latest(new QPushButton(this))
{
    setReadOnly(true);
    setUndoRedoEnabled(false);
    setFrameShape(QFrame::NoFrame);
    setTabChangesFocus(true);
    setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    setAccessibleName(tr("Output"));
    setWordWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    auto option = document()->defaultTextOption();
    option.setTextDirection(Qt::LeftToRight);
    document()->setDefaultTextOption(option);
    m_latest->setAutoDefault(false);
    m_latest->setIcon(theme.icon(QStringLiteral("arrow-down")));
    m_latest->hide();
    connect(m_latest, &QPushButton::clicked, this, &TailView::follow);
    connect(verticalScrollBar(), &QScrollBar::valueChanged, this, [this] {
        // Only who sees it scrolls it.
        if (m_isFitting || !isVisible()) {
            return;
        }
        m_isFollowing = verticalScrollBar()->value() >= verticalScrollBar()->maximum();
        if (m_isFollowing) {
            m_missedLines = 0;
            m_latest->hide();
        }
    });
    restyle();
    connect(&theme, &theme::Theme::changed, this, &TailView::restyle);
}

void TailView::setTail(const QString& text)
{
    {
        const QScopedValueRollback fitting(m_isFitting, true);
        setPlainText(text.right(capacity));
    }
    follow();
}

void TailView::appendTail(const QString& text)
{
    const auto added = text.right(capacity);
    const QScopedValueRollback fitting(m_isFitting, true);
    QTextCursor cursor(document());
    cursor.beginEditBlock();
    cursor.movePosition(QTextCursor::End);
    cursor.insertText(added);
    int removedLines = 0;
    if (const int surplus = document()->characterCount() - 1 - capacity; surplus > 0) {
        cursor.setPosition(0);
        cursor.setPosition(surplus, QTextCursor::KeepAnchor);
        removedLines = cursor.blockNumber();
        cursor.removeSelectedText();
    }
    cursor.endEditBlock();
    if (m_isFollowing) {
        follow();
        return;
    }
    // What is being read stays where it is, although lines above it are gone.
    verticalScrollBar()->setValue(verticalScrollBar()->value() - removedLines);
    m_missedLines += added.count(QLatin1Char('\n'));
    m_latest->setText(tr("Jump to latest · %1 new").arg(widgets::countText(m_missedLines)));
    placeButton();
    m_latest->show();
}

void TailView::follow()
{
    m_isFollowing = true;
    const QScopedValueRollback fitting(m_isFitting, true);
    verticalScrollBar()->setValue(verticalScrollBar()->maximum());
    m_missedLines = 0;
    m_latest->hide();
}

void TailView::resizeEvent(QResizeEvent* event)
{
    {
        const QScopedValueRollback fitting(m_isFitting, true);
        QPlainTextEdit::resizeEvent(event);
    }
    if (m_isFollowing) {
        follow();
    }
    placeButton();
}

void TailView::showEvent(QShowEvent* event)
{
    QPlainTextEdit::showEvent(event);
    if (m_isFollowing) {
        follow(); // what came while it was hidden had no place yet
    }
}

void TailView::placeButton()
{
    m_latest->adjustSize();
    const auto area = viewport()->geometry();
    m_latest->move(area.center().x() - m_latest->width() / 2,
                   area.bottom() - m_latest->height() - theme::space::related);
}

void TailView::restyle()
{
    setFont(m_theme.mono());
    document()->setDocumentMargin(theme::space::related);
}

} // namespace sb::panels
