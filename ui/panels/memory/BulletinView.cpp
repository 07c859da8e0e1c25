#include "ui/panels/memory/BulletinView.h"

#include "ui/panels/parts/FlowLayout.h"
#include "ui/widgets/Format.h"
#include "ui/widgets/Labels.h"

#include <QBoxLayout>
#include <QListWidget>
#include <QPushButton>
#include <QSplitter>
#include <QTextBrowser>

using namespace Qt::StringLiterals;

namespace sb::panels {

using theme::Tone;
using widgets::ToneLabel;

BulletinView::BulletinView(const Context& context, QWidget* parent)
    : QWidget(parent)
    , m_context(context)
    , m_page(new QWidget(this))
    , m_nothing(new widgets::EmptyState(context.theme, u"memory"_s, this))
    , m_from(nullptr)
{
    auto* stack = new QVBoxLayout(this);
    stack->setContentsMargins({});
    stack->addWidget(m_nothing);
    stack->addWidget(m_page, 1);
    m_nothing->setText(tr("No bulletin yet. It is written from the first memories, and then every "
                          "prompt of a channel carries it."));
    auto* column = new QVBoxLayout(m_page);
    column->setContentsMargins(
        theme::space::margin, theme::space::related, theme::space::margin, theme::space::related);
    column->setSpacing(theme::space::inside);
    auto* head = new QWidget(m_page);
    auto* row = new FlowLayout(head);
    row->setContentsMargins({});
    auto* title = new ToneLabel(context.theme,
                                ToneLabel::Role::Title,
                                Tone::Text,
                                tr("What every prompt carries now"),
                                head);
    title->setWordWrap(false);
    m_from = new ToneLabel(context.theme, ToneLabel::Role::Secondary, Tone::Secondary, {}, head);
    m_from->setWordWrap(false);
    m_entry = new QPushButton(tr("Why: its journal entry"), head);
    m_entry->setAutoDefault(false);
    for (QWidget* part : std::initializer_list<QWidget*>{title, m_from, m_entry}) {
        row->addWidget(part);
    }
    column->addWidget(head);
    auto* sides = new QSplitter(Qt::Horizontal, m_page);
    sides->setChildrenCollapsible(false);
    m_text = new QTextBrowser(sides);
    m_text->setAccessibleName(tr("The bulletin"));
    m_text->setFrameShape(QFrame::NoFrame);
    m_text->setOpenLinks(false);
    m_memories = new QListWidget(sides);
    m_memories->setAccessibleName(tr("Memories that it was made of"));
    m_memories->setToolTip(tr("The memories that it was made of; Return shows one"));
    m_memories->setTextElideMode(Qt::ElideRight);
    m_memories->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    sides->setStretchFactor(0, 3);
    sides->setStretchFactor(1, 2);
    column->addWidget(sides, 1);
    connect(m_entry, &QPushButton::clicked, this, [this] {
        Q_EMIT linkActivated({Link::To::Entry, m_agent, {}, m_bulletin.seq});
    });
    connect(m_memories, &QListWidget::itemActivated, this, [this](const QListWidgetItem* item) {
        Q_EMIT jumpWanted(item->data(Qt::UserRole).toString());
    });
    m_page->hide();
}

void BulletinView::show(const QString& agent,
                        const protocol::BulletinInfo& bulletin,
                        const std::function<QString(const QString& id)>& lineOf)
{
    m_agent = agent;
    m_bulletin = bulletin;
    m_nothing->setVisible(bulletin.seq == 0);
    m_page->setVisible(bulletin.seq != 0);
    const auto words = bulletin.text.split(u' ', Qt::SkipEmptyParts).size();
    m_from->setText(
        tr("%1 words, written %2 by %3")
            .arg(widgets::countText(words),
                 widgets::ageText(bulletin.at, m_context.clock.nowUs()),
                 bulletin.by == "rules"_L1 ? tr("rules") : widgets::visibleText(bulletin.by)));
    const QString shown = widgets::visibleText(bulletin.text);
    if (m_text->toPlainText() != shown) {
        m_text->setPlainText(shown); // as it stands in the prompt, marks and all
    }
    m_memories->clear();
    for (const auto& id : bulletin.memories) {
        const QString line = lineOf(id);
        auto* item = new QListWidgetItem(line.isEmpty() ? id : line, m_memories);
        item->setData(Qt::UserRole, id);
        item->setToolTip(line);
    }
}

} // namespace sb::panels
