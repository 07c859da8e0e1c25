#include "ui/panels/conversation/Composer.h"

#include <QKeyEvent>
#include <QMimeData>
#include <QTimer>

namespace sb::panels {

Composer::Composer(theme::Theme& theme, QWidget* parent) : QPlainTextEdit(parent)
{
    setTabChangesFocus(true);
    setAccessibleName(tr("Message"));
    setToolTip(tr("Enter sends, Shift+Enter begins a new line"));
    setVerticalScrollBarPolicy(Qt::ScrollBarAsNeeded);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setWordWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    connect(this, &QPlainTextEdit::textChanged, this, &Composer::fitHeight);
    connect(&theme, &theme::Theme::changed, this, &Composer::fitHeight);
    fitHeight();
}

void Composer::fitHeight()
{
    // The document of a plain text edit is as high as it has lines.
    const int lines = std::clamp(int(document()->size().height()), 1, maximumLines);
    const int margins = int(2 * document()->documentMargin()) + 2 * frameWidth() + 2;
    const int height = lines * fontMetrics().lineSpacing() + margins;
    if (height != minimumHeight() || height != maximumHeight()) {
        setFixedHeight(height);
    }
}

void Composer::resizeEvent(QResizeEvent* event)
{
    QPlainTextEdit::resizeEvent(event);
    fitHeight();
}

void Composer::keyPressEvent(QKeyEvent* event)
{
    if (event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter) {
        if (m_composing || m_justCommitted) {
            event->accept(); // it ended the composition, or will
            return;
        }
        if (event->modifiers() & Qt::ShiftModifier) {
            textCursor().insertBlock();
            ensureCursorVisible();
            return;
        }
        Q_EMIT sendRequested();
        return;
    }
    if (event->key() == Qt::Key_Escape && !m_composing) {
        Q_EMIT leaveRequested();
        return;
    }
    QPlainTextEdit::keyPressEvent(event);
}

void Composer::inputMethodEvent(QInputMethodEvent* event)
{
    m_composing = !event->preeditString().isEmpty();
    if (!event->commitString().isEmpty()) {
        // Some input methods let the Enter through that committed: it arrives before the event loop
        // turns.
        m_justCommitted = true;
        QTimer::singleShot(0, this, [this] { m_justCommitted = false; });
    }
    QPlainTextEdit::inputMethodEvent(event);
}

void Composer::insertFromMimeData(const QMimeData* source)
{
    insertPlainText(source->text());
    ensureCursorVisible();
}

} // namespace sb::panels
