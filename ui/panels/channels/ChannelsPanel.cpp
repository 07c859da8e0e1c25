#include "ui/panels/channels/ChannelsPanel.h"

#include "ui/panels/channels/ChannelDelegate.h"
#include "ui/widgets/Labels.h"
#include "ui/widgets/StateFile.h"

#include <QBoxLayout>
#include <QKeyEvent>
#include <QLineEdit>
#include <QListView>
#include <QMenu>
#include <QScopedValueRollback>
#include <QToolButton>

using namespace Qt::StringLiterals;

namespace sb::panels {

namespace space = theme::space;

ChannelsPanel::ChannelsPanel(const Context& context, QWidget* parent)
    : Panel(context, u"channels"_s, tr("Channels"), u"channel"_s, parent)
    , m_seen(std::make_unique<widgets::StateFile>(context.stateDir + u"/channels.json"_s))
    , m_firstEver(m_seen->values().isEmpty())
{
    auto& theme = context.theme;
    auto* content = new QWidget(this);
    auto* layout = new QVBoxLayout(content);
    layout->setContentsMargins({});
    layout->setSpacing(space::inside);
    auto* top = new QHBoxLayout;
    top->setContentsMargins(space::margin, space::related, space::margin, 0);
    top->setSpacing(space::inside);
    m_filter = new QLineEdit(content);
    m_filter->setPlaceholderText(tr("Filter"));
    m_filter->setAccessibleName(tr("Filter the conversations"));
    m_filter->setClearButtonEnabled(true);
    m_filter->installEventFilter(this);
    top->addWidget(m_filter, 1);
    m_new = new QToolButton(content);
    m_agents = new QMenu(m_new);
    m_new->setIcon(theme.icon(u"plus"_s));
    m_new->setToolTip(tr("Begin a new conversation (Ctrl+N)"));
    m_new->setAccessibleName(tr("Begin a new conversation"));
    m_new->setFocusPolicy(Qt::TabFocus);
    m_new->setAutoRaise(true);
    top->addWidget(m_new);
    layout->addLayout(top);

    m_list = new QListView(content);
    m_list->setModel(&m_model);
    m_list->setItemDelegate(new ChannelDelegate(theme, context.clock, m_list));
    m_list->setAccessibleName(tr("Conversations"));
    m_list->setFrameShape(QFrame::NoFrame);
    m_list->setMouseTracking(true);
    m_list->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_list->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    m_list->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    layout->addWidget(m_list, 1);
    setContent(content);

    connect(m_filter, &QLineEdit::textChanged, this, &ChannelsPanel::refresh);
    connect(m_new, &QToolButton::clicked, this, &ChannelsPanel::beginWithCurrentAgent);
    connect(m_agents, &QMenu::aboutToShow, this, &ChannelsPanel::fillAgentMenu);
    connect(m_list->selectionModel(),
            &QItemSelectionModel::currentChanged,
            this,
            [this](const QModelIndex& index) {
                if (!m_selecting) {
                    show(index);
                }
            });
    connect(m_list, &QListView::activated, this, [this](const QModelIndex& index) {
        show(index);
        Q_EMIT actionRequested(u"focus-conversation"_s);
    });
    connect(&theme, &theme::Theme::changed, this, [this] { m_list->doItemsLayout(); });

    auto& bridge = context.bridge;
    connect(&bridge, &bridge::Bridge::snapshotLoaded, this, [this] {
        if (std::exchange(m_firstEver, false)) {
            for (const auto& channel : this->context().bridge.channels()) {
                m_seen->set(channel.agent + u'/' + channel.id, double(channel.lastSeq));
            }
        }
        refresh();
    });
    connect(&bridge, &bridge::Bridge::snapshotFailed, this, [this](const Error& error) {
        setEmptyText(tr("The conversations could not be loaded. %1").arg(error.message));
    });
    connect(&bridge, &bridge::Bridge::channelsChanged, this, [this] {
        markSeen();
        refresh();
    });
    connect(&bridge, &bridge::Bridge::agentsChanged, this, &ChannelsPanel::refresh);
    // Ages are written in minutes; seconds are not worth waking up for.
    m_ages.setInterval(60'000);
    connect(&m_ages, &QTimer::timeout, m_list->viewport(), qOverload<>(&QWidget::update));
    m_ages.start();

    auto* begin = new QAction(theme.icon(u"plus"_s), tr("New conversation"), this);
    begin->setObjectName(u"new-conversation"_s);
    begin->setShortcut(QKeySequence::New);
    connect(begin, &QAction::triggered, this, &ChannelsPanel::beginWithCurrentAgent);
    addAction(begin);
    setEmptyText(tr("Loading the conversations …"));
}

ChannelsPanel::~ChannelsPanel() = default;

QWidget* ChannelsPanel::focusTarget()
{
    return isEmptyShown() ? this : static_cast<QWidget*>(m_list);
}

bool ChannelsPanel::search()
{
    m_filter->setFocus(Qt::ShortcutFocusReason);
    m_filter->selectAll();
    return true;
}

bool ChannelsPanel::isUnread(const protocol::ChannelInfo& channel) const
{
    return double(channel.lastSeq) >
           m_seen->values().value(channel.agent + u'/' + channel.id).toDouble();
}

void ChannelsPanel::markSeen()
{
    const auto* channel = context().bridge.channel(m_agent, m_channel);
    if (channel && window()->isActiveWindow()) {
        m_seen->set(m_agent + u'/' + m_channel, double(channel->lastSeq));
    }
}

void ChannelsPanel::setCurrentChannel(const QString& agent, const QString& channel)
{
    m_agent = agent;
    m_channel = channel;
    markSeen();
    refresh();
}

bool ChannelsPanel::event(QEvent* event)
{
    if (event->type() == QEvent::WindowActivate) {
        markSeen();
        refresh();
    }
    return Panel::event(event);
}

bool ChannelsPanel::eventFilter(QObject* watched, QEvent* event)
{
    if (watched == m_filter && event->type() == QEvent::KeyPress) {
        const auto* key = static_cast<QKeyEvent*>(event);
        if (key->key() == Qt::Key_Down || key->key() == Qt::Key_Return) {
            m_list->setFocus(Qt::OtherFocusReason);
            if (!m_list->currentIndex().isValid() && m_model.channelCount() > 0) {
                m_list->setCurrentIndex(m_model.index(1));
            }
            return true;
        }
        if (key->key() == Qt::Key_Escape && !m_filter->text().isEmpty()) {
            m_filter->clear();
            return true;
        }
    }
    return Panel::eventFilter(watched, event);
}

void ChannelsPanel::refresh()
{
    const auto& bridge = context().bridge;
    if (!bridge.isLoaded()) {
        return;
    }
    const QScopedValueRollback guard(m_selecting, true);
    m_model.setRows(bridge.agents(),
                    bridge.channels(),
                    m_filter->text().trimmed(),
                    [this](const auto& channel) { return isUnread(channel); });
    const QModelIndex current = m_model.find(m_agent, m_channel);
    if (m_list->currentIndex() != current) {
        m_list->setCurrentIndex(current);
    }
    m_new->setEnabled(!bridge.agents().isEmpty());
    m_new->setMenu(bridge.agents().size() > 1 ? m_agents : nullptr);
    m_new->setPopupMode(bridge.agents().size() > 1 ? QToolButton::MenuButtonPopup
                                                   : QToolButton::DelayedPopup);
    if (bridge.agents().isEmpty() && bridge.channels().isEmpty()) {
        setEmptyText(tr("No agents yet. They are described in signalbox.yaml."),
                     bridge.lacksConfig() ? tr("Write a signalbox.yaml")
                                          : tr("Open signalbox.yaml"),
                     [this] { Q_EMIT actionRequested(u"open-config"_s); });
    } else {
        setEmptyText({});
    }
}

void ChannelsPanel::fillAgentMenu()
{
    m_agents->clear();
    for (const auto& agent : context().bridge.agents()) {
        m_agents->addAction(context().theme.icon(u"agent"_s),
                            tr("With %1").arg(agent.id),
                            this,
                            [this, id = agent.id] { begin(id); });
    }
}

void ChannelsPanel::beginWithCurrentAgent()
{
    const auto& agents = context().bridge.agents();
    if (agents.isEmpty()) {
        return;
    }
    const bool known =
        std::ranges::any_of(agents, [&](const auto& agent) { return agent.id == m_agent; });
    begin(known ? m_agent : agents.first().id);
}

void ChannelsPanel::begin(const QString& agent)
{
    protocol::OpenChannel command;
    command.agent = agent;
    command.origin = u"window"_s;
    context().bridge.request(command, this, [this](Result<protocol::ChannelInfo> reply) {
        if (reply) {
            Q_EMIT linkActivated({Link::To::Channel, reply->agent, reply->id, 0});
            Q_EMIT actionRequested(u"focus-conversation"_s);
        } else {
            Q_EMIT problem(
                tr("The conversation could not be begun. %1").arg(reply.error().message));
        }
    });
}

void ChannelsPanel::show(const QModelIndex& index)
{
    if (!index.isValid() || index.data(ChannelsModel::HeadingRole).toBool()) {
        return;
    }
    const auto& channel = m_model.row(index.row()).channel;
    if (channel.agent != m_agent || channel.id != m_channel) {
        Q_EMIT linkActivated({Link::To::Channel, channel.agent, channel.id, 0});
    }
}

} // namespace sb::panels
