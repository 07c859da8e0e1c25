#include "ui/panels/Panel.h"

#include "ui/widgets/Labels.h"

#include <QStackedLayout>

namespace sb::panels {

Panel::Panel(const Context& context, QString id, QString title, QString icon, QWidget* parent)
    : QWidget(parent)
    , m_context(context)
    , m_id(std::move(id))
    , m_title(std::move(title))
    , m_icon(std::move(icon))
    , m_stack(new QStackedLayout(this))
{
    setObjectName(m_id);
    setAccessibleName(m_title);
    m_stack->setContentsMargins({});
}

void Panel::setCurrentChannel(const QString&, const QString&) {}

bool Panel::open(const Link&)
{
    return false;
}

void Panel::setContent(QWidget* content)
{
    m_content = content;
    m_stack->addWidget(content);
    if (!isEmptyShown()) {
        m_stack->setCurrentWidget(content);
    }
}

void Panel::setEmptyText(const QString& text,
                         const QString& buttonText,
                         std::function<void()> pressed)
{
    if (text.isEmpty()) {
        if (m_content) {
            m_stack->setCurrentWidget(m_content);
        }
        return;
    }
    if (!m_empty) {
        m_empty = new widgets::EmptyState(m_context.theme, m_icon, this);
        m_stack->addWidget(m_empty);
    }
    m_empty->setText(text);
    m_empty->setButton(buttonText, std::move(pressed));
    m_stack->setCurrentWidget(m_empty);
}

bool Panel::isEmptyShown() const
{
    return m_empty && m_stack->currentWidget() == m_empty;
}

void Panel::setBadge(int count)
{
    if (count != m_badge) {
        m_badge = count;
        Q_EMIT badgeChanged(count);
    }
}

} // namespace sb::panels
