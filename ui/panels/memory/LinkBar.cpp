#include "ui/panels/memory/LinkBar.h"

#include "ui/models/MemoryWords.h"
#include "ui/panels/parts/FlowLayout.h"
#include "ui/widgets/Labels.h"

#include <QComboBox>
#include <QKeyEvent>
#include <QPushButton>

using namespace Qt::StringLiterals;

namespace sb::panels {

LinkBar::LinkBar(const Context& context, QWidget* parent)
    : QWidget(parent)
    , m_words(new widgets::ToneLabel(
          context.theme, widgets::ToneLabel::Role::Body, theme::Tone::Text, {}, this))
    , m_relation(new QComboBox(this))
    , m_link(new QPushButton(tr("Link"), this))
    , m_cancel(new QPushButton(tr("Cancel"), this))
{
    setObjectName(u"linkBar"_s);
    auto* row = new FlowLayout(this);
    row->setContentsMargins(
        theme::space::margin, theme::space::inside, theme::space::margin, theme::space::inside);
    m_words->setWordWrap(false);
    m_relation->setAccessibleName(tr("How the first relates to the second"));
    for (const auto relation : models::allRelations()) {
        m_relation->addItem(models::relationText(relation), int(relation));
    }
    for (auto* button : {m_link, m_cancel}) {
        button->setAutoDefault(false);
    }
    m_link->setObjectName(u"link"_s);
    for (QWidget* part : std::initializer_list<QWidget*>{m_words, m_relation, m_link, m_cancel}) {
        row->addWidget(part);
    }
    connect(m_link, &QPushButton::clicked, this, [this] {
        Q_EMIT linkWanted(protocol::Relation(m_relation->currentData().toInt()));
    });
    connect(m_cancel, &QPushButton::clicked, this, &LinkBar::end);
    hide();
}

void LinkBar::begin(const QString& id, const QString& line)
{
    m_from = id;
    m_fromLine = line;
    m_to.clear();
    tell();
    show();
    m_relation->setFocus(Qt::ShortcutFocusReason);
}

void LinkBar::setTarget(const QString& id, const QString& line)
{
    if (isOpen() && id != m_from) {
        m_to = id;
        m_toLine = line;
        tell();
    }
}

void LinkBar::end()
{
    m_from.clear();
    m_to.clear();
    hide();
}

void LinkBar::tell()
{
    m_words->setText(
        m_to.isEmpty()
            ? tr("Link “%1”: now choose the other memory, in the graph, the table or the search.")
                  .arg(m_fromLine)
            : tr("Link “%1” to “%2”:").arg(m_fromLine, m_toLine));
    m_link->setEnabled(!m_to.isEmpty());
}

void LinkBar::keyPressEvent(QKeyEvent* event)
{
    if (event->key() == Qt::Key_Escape) {
        end();
        return;
    }
    QWidget::keyPressEvent(event);
}

} // namespace sb::panels
