#include "ui/panels/conversation/FindBar.h"

#include "ui/widgets/Labels.h"

#include <QHBoxLayout>
#include <QKeyEvent>
#include <QToolButton>

using namespace Qt::StringLiterals;

namespace sb::panels {

FindBar::FindBar(theme::Theme& theme, QWidget* parent)
    : QWidget(parent)
    , m_words(new QLineEdit(this))
    , m_answer(new widgets::ToneLabel(
          theme, widgets::ToneLabel::Role::Secondary, theme::Tone::Secondary, {}, this))
{
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(
        theme::space::margin, theme::space::inside, theme::space::margin, theme::space::inside);
    layout->setSpacing(theme::space::inside);
    m_words->setPlaceholderText(tr("Find in this conversation"));
    m_words->setAccessibleName(tr("Find in this conversation"));
    m_words->setClearButtonEnabled(true);
    m_words->installEventFilter(this);
    m_answer->setWordWrap(false);
    layout->addWidget(m_words, 1);
    layout->addWidget(m_answer);
    const auto button = [&](const QString& icon, const QString& name, auto pressed) {
        auto* result = new QToolButton(this);
        result->setIcon(theme.icon(icon));
        result->setToolTip(name);
        result->setAccessibleName(name);
        result->setAutoRaise(true);
        result->setFocusPolicy(Qt::TabFocus);
        connect(result, &QToolButton::clicked, this, pressed);
        layout->addWidget(result);
    };
    button(u"chevron-up"_s, tr("Previous (Shift+Enter)"), [this] {
        Q_EMIT findRequested(words(), true);
    });
    button(u"chevron-down"_s, tr("Next (Enter)"), [this] { Q_EMIT findRequested(words(), false); });
    button(u"cross"_s, tr("Close (Esc)"), [this] { close(); });
    connect(m_words, &QLineEdit::textChanged, this, [this] { m_answer->clear(); });
    hide();
}

void FindBar::open()
{
    show();
    m_words->setFocus(Qt::ShortcutFocusReason);
    m_words->selectAll();
}

void FindBar::close()
{
    hide();
    m_answer->clear();
    Q_EMIT closed();
}

void FindBar::setFound(bool found)
{
    m_answer->setText(found || words().isEmpty() ? QString() : tr("Not found"));
}

bool FindBar::eventFilter(QObject* watched, QEvent* event)
{
    if (watched == m_words && event->type() == QEvent::KeyPress) {
        const auto* key = static_cast<QKeyEvent*>(event);
        if (key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter) {
            Q_EMIT findRequested(words(), key->modifiers() & Qt::ShiftModifier);
            return true;
        }
        if (key->key() == Qt::Key_Escape) {
            close();
            return true;
        }
    }
    return QWidget::eventFilter(watched, event);
}

} // namespace sb::panels
