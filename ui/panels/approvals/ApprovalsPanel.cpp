#include "ui/panels/approvals/ApprovalsPanel.h"

#include "ui/panels/approvals/CardList.h"
#include "ui/widgets/Labels.h"

#include <QAction>
#include <QBoxLayout>

using namespace Qt::StringLiterals;

namespace sb::panels {

using protocol::ApprovalInfo;

ApprovalsPanel::ApprovalsPanel(const Context& context, QWidget* parent)
    : Panel(context, u"approvals"_s, tr("Approvals"), u"approvals"_s, parent)
{
    auto* content = new QWidget(this);
    auto* layout = new QVBoxLayout(content);
    layout->setContentsMargins({});
    layout->setSpacing(0);
    m_allClear = new QWidget(content);
    auto* clear = new QVBoxLayout(m_allClear);
    clear->setContentsMargins(
        theme::space::margin, theme::space::margin, theme::space::margin, theme::space::inside);
    clear->addWidget(new widgets::ToneLabel(context.theme,
                                            widgets::ToneLabel::Role::Body,
                                            theme::Tone::Secondary,
                                            tr("Nothing waits for you."),
                                            m_allClear));
    m_cards = new CardList(context, m_model, content);
    layout->addWidget(m_allClear);
    layout->addWidget(m_cards, 1);
    setContent(content);

    connect(&context.bridge, &bridge::Bridge::snapshotLoaded, this, [this] {
        m_failure.clear();
        m_model.reset(this->context().bridge.approvals());
    });
    connect(&context.bridge, &bridge::Bridge::snapshotFailed, this, [this](const Error& error) {
        m_failure = error.message;
        refresh();
    });
    connect(&context.bridge,
            &bridge::Bridge::approvalsChanged,
            this,
            [this](const QList<ApprovalInfo>& approvals) {
                for (const auto& approval : approvals) {
                    m_model.apply(approval);
                }
            });
    connect(&m_model, &models::ApprovalsModel::changed, this, &ApprovalsPanel::refresh);
    connect(m_cards, &CardList::linkActivated, this, &Panel::linkActivated);
    connect(m_cards, &CardList::settled, this, [this](const ApprovalInfo& approval) {
        m_model.apply(approval);
    });
    m_tick.setInterval(1000);
    connect(&m_tick, &QTimer::timeout, m_cards, &CardList::tick);
    addActions();
    if (context.bridge.isLoaded()) {
        m_model.reset(context.bridge.approvals());
    }
    refresh();
}

void ApprovalsPanel::addActions()
{
    const auto add = [this](const QString& text,
                            const QString& icon,
                            const QKeySequence& shortcut,
                            auto triggered) {
        auto* action = new QAction(context().theme.icon(icon), text, this);
        action->setShortcut(shortcut);
        action->setShortcutContext(Qt::WidgetWithChildrenShortcut);
        action->setAutoRepeat(false); // a key that is held down is one decision, not many
        connect(action, &QAction::triggered, this, triggered);
        addAction(action);
    };
    add(tr("Accept the current approval"), u"check"_s, Qt::Key_A, [this] {
        act([](ApprovalCard& card) { card.accept(); });
    });
    add(tr("Always allow the address that the current approval asks for"),
        u"approvals"_s,
        {},
        [this] { act([](ApprovalCard& card) { card.acceptForGood(); }); });
    add(tr("Edit the current approval"), u"edit"_s, Qt::Key_E, [this] {
        act([](ApprovalCard& card) { card.edit(); });
    });
    add(tr("Reject the current approval"), u"cross"_s, Qt::Key_R, [this] {
        act([](ApprovalCard& card) { card.reject(); });
    });
    add(tr("Next approval"), u"arrow-down"_s, Qt::Key_J, [this] { m_cards->step(1); });
    add(tr("Previous approval"), u"approvals"_s, Qt::Key_K, [this] { m_cards->step(-1); });
}

void ApprovalsPanel::act(void (*what)(ApprovalCard&))
{
    if (auto* card = m_cards->current()) {
        what(*card);
    } else if (m_model.waiting() > 0) {
        m_cards->showCard(m_model.at(0).id); // nobody decides about what has not been looked at
    }
}

QWidget* ApprovalsPanel::focusTarget()
{
    if (isEmptyShown()) {
        return Panel::focusTarget();
    }
    auto* card = m_cards->current();
    if (card == nullptr && m_model.waiting() > 0) {
        card = m_cards->card(m_model.at(0).id);
    }
    return card != nullptr ? static_cast<QWidget*>(card) : m_cards;
}

bool ApprovalsPanel::open(const Link& link)
{
    return link.to == Link::To::Approval && m_cards->showCard(link.id);
}

void ApprovalsPanel::refresh()
{
    setBadge(m_model.waiting());
    m_allClear->setVisible(m_model.waiting() == 0);
    const bool mustTick = isVisible() && m_model.rowCount() > 0;
    if (mustTick != m_tick.isActive()) {
        mustTick ? m_tick.start() : m_tick.stop();
    }
    if (m_model.rowCount() > 0) {
        setEmptyText({});
    } else if (!m_failure.isEmpty()) {
        setEmptyText(tr("The approvals cannot be shown: %1").arg(m_failure));
    } else if (!context().bridge.isLoaded()) {
        setEmptyText(tr("Loading the approvals…"));
    } else {
        setEmptyText(tr("Nothing waits for you. When a rule says that a person decides, the "
                        "question appears here."));
    }
}

void ApprovalsPanel::showEvent(QShowEvent* event)
{
    Panel::showEvent(event);
    m_cards->tick();
    refresh();
}

void ApprovalsPanel::hideEvent(QHideEvent* event)
{
    Panel::hideEvent(event);
    refresh();
}

} // namespace sb::panels
