#include "ui/panels/containment/PublishersSection.h"

#include "ui/panels/containment/MarkedList.h"
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
using protocol::PublisherInfo;
using theme::Tone;
using widgets::ToneLabel;

PublishersSection::PublishersSection(const Context& context, QWidget* parent)
    : QWidget(parent)
    , m_context(context)
    , m_list(new MarkedList(
          context.theme, {Mark::Trusted, Mark::Forgotten}, tr("Publishers of packages"), this))
    , m_changeAction(new QAction(tr("Forget the selected publisher, or trust it again"), this))
    , m_change(new QPushButton(this))
    , m_failure(new ToneLabel(context.theme, ToneLabel::Role::Body, Tone::Failed, {}, this))
    , m_hint(new ToneLabel(context.theme, ToneLabel::Role::Body, Tone::Secondary, {}, this))
{
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, space::related, 0, space::margin);
    layout->setSpacing(space::related);
    const auto inset = [&](QWidget* widget) {
        widget->setContentsMargins(space::margin, 0, space::margin, 0);
        widget->setMinimumWidth(1);
        layout->addWidget(widget);
    };
    inset(new ToneLabel(
        context.theme, ToneLabel::Role::Title, Tone::Text, tr("Trusted publishers"), this));
    m_list->setModel(&m_rows);
    m_list->setObjectName(u"publishers"_s);
    m_list->setMaximumLines(12);
    m_list->addAction(m_changeAction); // the list's menu is made of its actions
    connect(m_changeAction, &QAction::triggered, this, &PublishersSection::change);
    layout->addWidget(m_list);
    auto* row = new QHBoxLayout;
    row->setContentsMargins(space::margin, 0, space::margin, 0);
    m_change->setObjectName(u"changePublisher"_s);
    m_change->setAutoDefault(false);
    m_change->setMinimumWidth(1); // in the narrowest dock it is cut
    row->addWidget(m_change);
    row->addStretch(1);
    layout->addLayout(row);
    inset(m_failure);
    m_failure->hide();
    inset(m_hint);
    layout->addStretch(1);

    connect(m_list->selectionModel(),
            &QItemSelectionModel::selectionChanged,
            this,
            &PublishersSection::refresh);
    connect(m_change, &QPushButton::clicked, this, &PublishersSection::change);
    refresh();
}

void PublishersSection::read()
{
    m_context.bridge.request(
        protocol::ListPublishers{},
        this,
        [this](const Result<protocol::ListPublishers::Reply>& reply) {
            m_isRead = true;
            if (reply) {
                m_publishers = reply->publishers;
            }
            m_failure->setText(
                reply ? QString()
                      : tr("The publishers cannot be shown: %1").arg(reply.error().message));
            m_failure->setVisible(!reply);
            showRows();
        });
}

const PublisherInfo* PublishersSection::selected() const
{
    const auto chosen = m_list->selectionModel()->selectedIndexes();
    if (chosen.isEmpty()) {
        return nullptr;
    }
    const auto found = std::ranges::find(m_publishers,
                                         chosen.first().data(ContainmentRows::IdRole).toString(),
                                         &PublisherInfo::name);
    return found != m_publishers.end() ? &*found : nullptr;
}

void PublishersSection::change()
{
    const auto* one = selected();
    if (one == nullptr || !m_leaving.isEmpty()) {
        return;
    }
    m_leaving = one->name;
    m_failure->hide();
    const auto answered = [this, name = one->name](const Result<PublisherInfo>& reply) {
        take(reply, name);
    };
    if (one->isForgotten) {
        m_context.bridge.request(
            protocol::RememberPublisher{one->name, u"window"_s}, this, answered);
    } else {
        m_context.bridge.request(protocol::ForgetPublisher{one->name, u"window"_s}, this, answered);
    }
    refresh();
}

void PublishersSection::take(const Result<PublisherInfo>& reply, const QString& name)
{
    m_leaving.clear();
    if (reply) {
        std::ranges::replace_if(
            m_publishers, [&](const auto& one) { return one.name == name; }, *reply);
        Q_EMIT changed(*reply);
    } else {
        m_failure->setText(
            tr("%1 stays as it was: %2").arg(widgets::visibleText(name), reply.error().message));
        m_failure->show();
    }
    showRows();
}

QString PublishersSection::hint() const
{
    if (!m_isRead) {
        return tr("Loading…");
    }
    if (m_publishers.isEmpty()) {
        return tr("None. You decide about each when the first package of theirs is installed, with "
                  "“signalbox-node package install”.");
    }
    const auto* one = selected();
    if (one != nullptr && one->isForgotten) {
        return tr("Their packages are not used. Until Signalbox ends one press brings the same key "
                  "back; afterwards a package of theirs must be installed again.");
    }
    return tr("Their packages are used by the agents that list them. Those of a publisher that is "
              "forgotten are not, from the next use on.");
}

void PublishersSection::showRows()
{
    const auto current = m_list->currentIndex().data(ContainmentRows::IdRole).toString();
    m_rows.setRows(models::publisherRows(m_publishers, m_context.clock.nowUs()));
    if (const auto index = m_rows.find(current); index != m_list->currentIndex()) {
        m_list->setCurrentIndex(index);
    }
    refresh();
}

void PublishersSection::refresh()
{
    const auto* one = selected();
    const auto name = one != nullptr ? widgets::visibleText(one->name) : QString();
    const bool isForgotten = one != nullptr && one->isForgotten;
    m_list->setVisible(!m_publishers.isEmpty());
    m_change->setVisible(!m_publishers.isEmpty());
    // While the answer is on its way it stays as it is, or the focus would leave it.
    m_change->setEnabled(one != nullptr);
    m_change->setIcon(m_context.theme.icon(isForgotten ? u"undo"_s : u"cross"_s));
    m_change->setText(isForgotten ? tr("Trust again") : tr("Forget"));
    m_change->setToolTip(
        one == nullptr ? tr("Select a publisher")
        : isForgotten
            ? tr("Use the packages of %1 again").arg(name.toHtmlEscaped())
            : tr("From the next use on, no package of %1 is loaded").arg(name.toHtmlEscaped()));
    m_change->setAccessibleName(one == nullptr ? QString()
                                : isForgotten  ? tr("Trust %1 again").arg(name)
                                               : tr("Forget %1").arg(name));
    m_hint->setText(hint());
}

} // namespace sb::panels
