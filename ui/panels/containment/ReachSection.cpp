#include "ui/panels/containment/ReachSection.h"

#include "ui/panels/containment/MarkedList.h"
#include "ui/panels/parts/FlowLayout.h"
#include "ui/widgets/Format.h"
#include "ui/widgets/Labels.h"

#include <QAction>
#include <QBoxLayout>
#include <QPushButton>

using namespace Qt::StringLiterals;

namespace sb::panels {

namespace space = theme::space;
using models::ContainmentRows;
using models::Mark;
using protocol::GrantInfo;
using theme::Tone;
using widgets::ToneLabel;

ReachSection::ReachSection(const Context& context, QWidget* parent)
    : QWidget(parent)
    , m_context(context)
    , m_list(new MarkedList(context.theme,
                            {Mark::Listed, Mark::Given, Mark::TakenBack},
                            tr("What the agent may reach"),
                            this))
    , m_takeBackAction(
          new QAction(context.theme.icon(u"undo"_s), tr("Take the selected permission back"), this))
    , m_takeBack(new QPushButton(tr("Take back"), this))
    , m_journal(new QPushButton(tr("Journal"), this))
    , m_config(new QPushButton(tr("Open signalbox.yaml"), this))
    , m_failure(new ToneLabel(context.theme, ToneLabel::Role::Body, Tone::Failed, {}, this))
    , m_hint(new ToneLabel(context.theme, ToneLabel::Role::Body, Tone::Secondary, {}, this))
    , m_counters(
          new ToneLabel(context.theme, ToneLabel::Role::Secondary, Tone::Secondary, {}, this))
{
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, space::related, 0, space::margin);
    layout->setSpacing(space::related);
    const auto inset = [&](QWidget* widget) {
        widget->setContentsMargins(space::margin, 0, space::margin, 0);
        widget->setMinimumWidth(1);
        layout->addWidget(widget);
    };
    inset(new ToneLabel(context.theme, ToneLabel::Role::Title, Tone::Text, tr("May reach"), this));
    m_list->setModel(&m_rows);
    m_list->setObjectName(u"reach"_s);
    m_list->setMaximumLines(24);
    m_takeBackAction->setShortcut(Qt::Key_Delete);
    m_takeBackAction->setShortcutContext(Qt::WidgetWithChildrenShortcut);
    m_takeBackAction->setAutoRepeat(false);
    m_list->addAction(m_takeBackAction); // the list's menu is made of its actions
    connect(m_takeBackAction, &QAction::triggered, this, &ReachSection::takeBack);
    layout->addWidget(m_list);
    auto* buttons = new QWidget(this);
    auto* row = new FlowLayout(buttons);
    row->setContentsMargins(space::margin, 0, space::margin, 0);
    m_takeBack->setIcon(context.theme.icon(u"undo"_s));
    m_takeBack->setObjectName(u"takeBack"_s);
    m_journal->setIcon(context.theme.icon(u"journal"_s));
    m_journal->setObjectName(u"grantInJournal"_s);
    m_config->setIcon(context.theme.icon(u"file"_s));
    m_config->setObjectName(u"openConfig"_s);
    m_config->setToolTip(tr("The listed hosts are changed there"));
    for (auto* button : {m_takeBack, m_journal, m_config}) {
        button->setAutoDefault(false);
        button->setMinimumWidth(1); // in the narrowest dock it is cut, rather than all beside it
        row->addWidget(button);
    }
    layout->addWidget(buttons);
    inset(m_failure);
    m_failure->hide();
    inset(m_hint);
    inset(m_counters);
    m_counters->setObjectName(u"counters"_s);
    layout->addStretch(1);

    connect(m_list->selectionModel(),
            &QItemSelectionModel::selectionChanged,
            this,
            &ReachSection::refresh);
    connect(m_takeBack, &QPushButton::clicked, this, &ReachSection::takeBack);
    connect(m_journal, &QPushButton::clicked, this, [this] {
        if (const auto* grant = selected()) {
            Q_EMIT linkActivated({Link::To::Entry, m_info.agent, {}, grant->seq});
        }
    });
    connect(m_config, &QPushButton::clicked, this, &ReachSection::configWanted);
    refresh();
}

void ReachSection::show(const protocol::ContainmentInfo& info)
{
    const bool isAnother = info.agent != m_info.agent;
    const auto current = m_list->currentIndex().data(ContainmentRows::IdRole).toString();
    m_info = info;
    m_rows.setRows(models::reachRows(info, m_context.clock.nowUs()));
    if (isAnother) {
        m_failure->hide();
        m_list->setCurrentIndex({});
    } else if (const auto index = m_rows.find(current); index != m_list->currentIndex()) {
        m_list->setCurrentIndex(index);
    }
    refresh();
}

const GrantInfo* ReachSection::selected() const
{
    const auto chosen = m_list->selectionModel()->selectedIndexes();
    if (chosen.isEmpty()) {
        return nullptr;
    }
    const auto id = chosen.first().data(ContainmentRows::IdRole).toString();
    const auto found = std::ranges::find_if(
        m_info.grants, [&](const auto& grant) { return models::grantRowId(grant.id) == id; });
    return found != m_info.grants.end() ? &*found : nullptr;
}

bool ReachSection::canTakeBack() const
{
    const auto* grant = selected();
    return grant != nullptr && grant->revokedAt == 0 &&
           !m_leaving.contains({m_info.agent, grant->id});
}

void ReachSection::takeBack()
{
    if (!canTakeBack()) {
        return;
    }
    const auto grant = *selected();
    const std::pair key{m_info.agent, grant.id};
    m_leaving.insert(key);
    m_failure->hide();
    refresh();
    m_context.bridge.request(
        protocol::RevokeGrant{m_info.agent, grant.id, u"window"_s},
        this,
        [this, key, what = grant.what](Result<GrantInfo> reply) {
            m_leaving.remove(key);
            if (reply) {
                // The button that was pressed will be of no use; the list has what comes next.
                if (m_takeBack->hasFocus()) {
                    m_list->setFocus(Qt::OtherFocusReason);
                }
                Q_EMIT takenBack(key.first, *reply);
            } else if (key.first == m_info.agent) {
                m_failure->setText(tr("%1 was not taken back: %2")
                                       .arg(widgets::visibleText(what), reply.error().message));
                m_failure->show();
            }
            refresh();
        });
}

QString ReachSection::hint() const
{
    const bool hasHosts = !m_info.hosts.isEmpty();
    const bool hasGrants =
        std::ranges::any_of(m_info.grants, [](const auto& grant) { return grant.revokedAt == 0; });
    if (!hasHosts && !hasGrants) {
        return tr("Nothing outside this machine. Hosts are listed in signalbox.yaml under network, "
                  "allow; others can be given for good when the agent asks for them.");
    }
    if (!hasHosts) {
        return tr("signalbox.yaml lists no host. They stand there under network, allow.");
    }
    if (!hasGrants) {
        return tr("No standing permission. One can be given when the agent asks for a host that "
                  "is not listed; the listed ones are changed in signalbox.yaml.");
    }
    return tr("The listed hosts are changed in signalbox.yaml.");
}

void ReachSection::refresh()
{
    const auto* grant = selected();
    const bool isLeaving = grant != nullptr && m_leaving.contains({m_info.agent, grant->id});
    const auto what = grant != nullptr ? widgets::visibleText(grant->what) : QString();
    m_takeBack->setVisible(!m_info.grants.isEmpty());
    m_journal->setVisible(!m_info.grants.isEmpty());
    // While the answer is on its way it stays as it is, or the focus would leave it.
    m_takeBack->setEnabled(canTakeBack() || isLeaving);
    m_takeBack->setText(isLeaving ? tr("Taking back…") : tr("Take back"));
    m_takeBack->setToolTip(grant == nullptr ? tr("Select a permission that was given for good")
                           : grant->revokedAt != 0
                               ? tr("This permission was taken back already")
                               : tr("From the next request on, %1 needs a new answer of yours")
                                     .arg(what.toHtmlEscaped()));
    m_takeBack->setAccessibleName(grant != nullptr ? tr("Take back %1").arg(what) : QString());
    m_journal->setEnabled(grant != nullptr && grant->seq > 0);
    m_journal->setText(grant != nullptr && grant->seq > 0
                           ? tr("Journal entry %1").arg(widgets::countText(grant->seq))
                           : tr("Journal entry"));
    m_journal->setToolTip(tr("Show in the journal how it was given"));
    m_list->setVisible(m_rows.rowCount() > 0);
    m_hint->setText(hint());
    m_counters->setText(models::countersText(m_info));
}

} // namespace sb::panels
