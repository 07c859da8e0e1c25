#include "ui/panels/containment/ContainmentPanel.h"

#include "ui/panels/containment/AttemptDetails.h"
#include "ui/panels/containment/MarkedList.h"
#include "ui/panels/containment/PublishersSection.h"
#include "ui/panels/containment/ReachSection.h"
#include "ui/panels/parts/FlowLayout.h"
#include "ui/widgets/Format.h"
#include "ui/widgets/Labels.h"

#include <QAccessible>
#include <QAction>
#include <QBoxLayout>
#include <QClipboard>
#include <QComboBox>
#include <QGuiApplication>
#include <QKeyEvent>
#include <QMenu>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
#include <QScrollBar>
#include <QSignalBlocker>
#include <QSplitter>
#include <QToolButton>

using namespace Qt::StringLiterals;

namespace sb::panels {

namespace space = theme::space;
using models::ContainmentRows;
using models::Headline;
using models::Mark;
using protocol::ContainmentInfo;
using protocol::GrantInfo;
using theme::Tone;
using widgets::ToneLabel;

ContainmentPanel::ContainmentPanel(const Context& context, QWidget* parent)
    : Panel(context, u"containment"_s, tr("Containment"), u"containment"_s, parent)
{
    auto* content = new QWidget(this);
    auto* layout = new QVBoxLayout(content);
    layout->setContentsMargins({});
    layout->setSpacing(0);
    buildHead(content);
    m_splitter = new QSplitter(Qt::Horizontal, content);
    m_splitter->setChildrenCollapsible(false);
    layout->addWidget(m_splitter, 1);
    m_list = new MarkedList(
        context.theme, {Mark::Open, Mark::Unknown, Mark::Held}, tr("Attempts"), m_splitter);
    m_list->setModel(&m_rows);
    m_list->setObjectName(u"attempts"_s);
    const auto scroller = [](QWidget* around) {
        auto* made = new QScrollArea(around);
        made->setFrameShape(QFrame::NoFrame);
        made->setWidgetResizable(true);
        made->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
        made->setFocusPolicy(Qt::NoFocus); // what is in it can have the focus and is scrolled to
        return made;
    };
    m_empty = scroller(m_splitter); // a low dock has no room for three lines and a button
    m_nothing = new widgets::EmptyState(context.theme, u"containment"_s, m_empty);
    m_empty->setWidget(m_nothing);
    m_empty->setAccessibleName(tr("Attempts"));
    m_side = scroller(m_splitter);
    m_side->setObjectName(u"side"_s);
    m_side->setAccessibleName(tr("Details, and what the agent may reach"));
    auto* side = new QWidget(m_side);
    auto* column = new QVBoxLayout(side);
    column->setContentsMargins({});
    column->setSpacing(0);
    m_details = new AttemptDetails(context.theme, side);
    m_details->hide();
    column->addWidget(m_details);
    m_reach = new ReachSection(context, side);
    column->addWidget(m_reach);
    m_publishers = new PublishersSection(context, side);
    column->addWidget(m_publishers, 1);
    m_side->setWidget(side);
    m_splitter->addWidget(m_list);
    m_splitter->addWidget(m_empty);
    m_splitter->addWidget(m_side);
    addActions();
    // Where even the verdict has no room, all of it scrolls.
    m_splitter->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Ignored);
    auto* whole = scroller(this);
    whole->setWidget(content);
    whole->setAccessibleName(title());
    setContent(whole);
    const auto keepLegible = [this] { setMinimumHeight(7 * this->context().theme.rowHeight()); };
    keepLegible();
    connect(&context.theme, &theme::Theme::changed, this, keepLegible);

    connect(m_list->selectionModel(),
            &QItemSelectionModel::selectionChanged,
            this,
            &ContainmentPanel::showCurrent);
    connect(m_reach, &ReachSection::linkActivated, this, &Panel::linkActivated);
    connect(m_reach, &ReachSection::configWanted, this, [this] {
        Q_EMIT actionRequested(u"open-config"_s);
    });
    connect(m_reach,
            &ReachSection::takenBack,
            this,
            [this](const QString& agent, const GrantInfo& changed) {
                if (agent != m_info.agent) {
                    return;
                }
                for (auto& grant : m_info.grants) {
                    if (grant.id == changed.id) {
                        grant = changed;
                    }
                }
                refresh();
                say(tr("%1 was taken back").arg(changed.what));
            });
    connect(m_publishers,
            &PublishersSection::changed,
            this,
            [this](const protocol::PublisherInfo& publisher) {
                say(publisher.isForgotten ? tr("%1 is forgotten").arg(publisher.name)
                                          : tr("%1 is trusted again").arg(publisher.name));
            });
    m_soon.setSingleShot(true);
    m_soon.setInterval(1000);
    connect(&m_soon, &QTimer::timeout, this, [this] { ask(false); });
    connectBridge();
    readAgents();
}

void ContainmentPanel::buildHead(QWidget* content)
{
    auto& theme = context().theme;
    auto* bar = new QWidget(content);
    m_head = new QBoxLayout(QBoxLayout::LeftToRight, bar);
    m_head->setContentsMargins(space::margin, space::related, space::margin, space::inside);
    m_head->setSpacing(space::related);
    auto* line = new QHBoxLayout;
    line->setSpacing(space::related);
    m_picture = new QLabel(bar);
    line->addWidget(m_picture, 0, Qt::AlignTop);
    auto* words = new QVBoxLayout;
    words->setSpacing(space::inside);
    m_verdict = new ToneLabel(theme, ToneLabel::Role::Title, Tone::Text, {}, bar);
    m_verdict->setObjectName(u"verdict"_s);
    m_remark = new ToneLabel(theme, ToneLabel::Role::Body, Tone::Secondary, {}, bar);
    m_remark->setObjectName(u"remark"_s);
    for (auto* label : {m_verdict, m_remark}) {
        label->setMinimumWidth(1);
        words->addWidget(label);
    }
    line->addLayout(words, 1);
    m_head->addLayout(line, 1);
    auto* controls = new QWidget(bar);
    auto* row = new FlowLayout(controls);
    row->setContentsMargins({});
    m_agents = new QComboBox(controls);
    m_agents->setAccessibleName(tr("Agent"));
    m_agents->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    m_agents->setMinimumContentsLength(12);
    m_try = new QPushButton(theme.icon(u"refresh"_s), tr("Try now"), controls);
    m_try->setAutoDefault(false);
    m_try->setObjectName(u"try"_s);
    m_try->setToolTip(tr(
        "Start commands in this agent's sandbox that really try to get out; it takes a second or "
        "two and leaves nothing behind"));
    m_copy = new QToolButton(controls);
    m_copy->setText(tr("Copy"));
    m_copy->setIcon(theme.icon(u"copy"_s));
    m_copy->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    m_copy->setPopupMode(QToolButton::InstantPopup);
    m_copy->setFocusPolicy(Qt::StrongFocus);
    m_copy->setMenu(new QMenu(m_copy));
    for (QWidget* control : std::initializer_list<QWidget*>{m_agents, m_try, m_copy}) {
        row->addWidget(control);
    }
    m_head->addWidget(controls, 0, Qt::AlignTop);
    content->layout()->addWidget(bar);
    m_progress = new QProgressBar(content);
    m_progress->setRange(0, 0);
    m_progress->setTextVisible(false);
    m_progress->setFixedHeight(space::inside);
    m_progress->setAccessibleName(tr("Trying"));
    auto policy = m_progress->sizePolicy();
    policy.setRetainSizeWhenHidden(true); // nothing below jumps when it comes and goes
    m_progress->setSizePolicy(policy);
    m_progress->hide();
    content->layout()->addWidget(m_progress);
    connect(m_try, &QPushButton::clicked, this, [this] { ask(true); });
    connect(m_agents, &QComboBox::activated, this, [this] {
        m_hasPicked = true;
        showAgent(m_agents->currentData().toString());
    });
    connect(&theme, &theme::Theme::changed, this, &ContainmentPanel::showHeadline);
}

void ContainmentPanel::connectBridge()
{
    auto& bridge = context().bridge;
    connect(&bridge, &bridge::Bridge::snapshotLoaded, this, [this] {
        m_isStale = true; // after events were lost too
        readAgents();
    });
    connect(&bridge, &bridge::Bridge::snapshotFailed, this, [this](const Error& error) {
        setEmptyText(tr("What holds the agents cannot be shown: %1").arg(error.message));
    });
    connect(&bridge, &bridge::Bridge::agentsChanged, this, [this] {
        m_isStale = true;
        readAgents();
    });
    connect(&bridge,
            &bridge::Bridge::entriesAppended,
            this,
            [this](const QList<protocol::Entry>& entries) {
                const bool concerns = std::ranges::any_of(entries, [this](const auto& entry) {
                    return entry.agent == m_agent && (entry.kind == protocol::Kind::ConfigChanged ||
                                                      entry.kind == protocol::Kind::EgressRequest);
                });
                if (concerns) {
                    readAgainSoon();
                }
            });
}

void ContainmentPanel::addActions()
{
    const auto add = [this](const QString& text, const QString& icon, auto triggered) {
        auto* action = new QAction(context().theme.icon(icon), text, this);
        connect(action, &QAction::triggered, this, triggered);
        addAction(action);
        return action;
    };
    add(tr("Try the containment now"), u"refresh"_s, [this] { ask(true); });
    auto* text = add(tr("Copy the containment as text"), u"copy"_s, [this] {
        copy(models::containmentText(m_info));
    });
    auto* json = add(tr("Copy the containment as JSON"), u"copy"_s, [this] {
        copy(models::containmentJson(m_info));
    });
    m_copy->menu()->addActions({text, json});
    QWidget::addActions({m_reach->takeBackAction(), m_publishers->changeAction()});
}

QWidget* ContainmentPanel::focusTarget()
{
    if (isEmptyShown()) {
        return Panel::focusTarget();
    }
    if (!m_list->isHidden()) {
        return m_list;
    }
    if (auto* button = m_nothing->findChild<QPushButton*>(); !button->isHidden()) {
        return button;
    }
    return m_try;
}

void ContainmentPanel::setCurrentChannel(const QString& agent, const QString& channel)
{
    Q_UNUSED(channel)
    m_followed = agent;
    if (!m_hasPicked && m_agents->findData(agent) >= 0) {
        showAgent(agent);
    }
}

void ContainmentPanel::readAgents()
{
    const auto& bridge = context().bridge;
    if (!bridge.isLoaded()) {
        setEmptyText(tr("Loading what holds the agents…"));
        return;
    }
    {
        const QSignalBlocker blocker(m_agents);
        m_agents->clear();
        for (const auto& agent : bridge.agents()) {
            m_agents->addItem(agent.id, agent.id);
        }
    }
    m_agents->setVisible(m_agents->count() > 1);
    if (m_agents->count() == 0) {
        setEmptyText(tr("No agents yet. They are described in signalbox.yaml."),
                     bridge.lacksConfig() ? tr("Write a signalbox.yaml")
                                          : tr("Open signalbox.yaml"),
                     [this] { Q_EMIT actionRequested(u"open-config"_s); });
        return;
    }
    setEmptyText({});
    // The conversation may be known before the agents are.
    const auto& wanted = m_hasPicked || m_followed.isEmpty() ? m_agent : m_followed;
    const auto known = m_agents->findData(wanted) >= 0 ? wanted : m_agent;
    showAgent(m_agents->findData(known) >= 0 ? known : m_agents->itemData(0).toString());
}

void ContainmentPanel::showAgent(const QString& agent)
{
    m_agents->setCurrentIndex(m_agents->findData(agent));
    if (agent != m_agent) {
        m_agent = agent;
        m_info = {};
        m_info.agent = agent;
        m_hasInfo = false;
        m_isStale = true;
        m_failure.clear();
    }
    if (m_isStale && isVisible()) {
        ask(false);
    }
    refresh();
}

void ContainmentPanel::ask(bool mustTry)
{
    if (m_agent.isEmpty() || (mustTry && isTrying())) {
        return;
    }
    m_soon.stop();
    m_isStale = false;
    if (mustTry) {
        m_wantsList = m_nothing->isAncestorOf(window()->focusWidget());
        m_trying.insert(m_agent);
        m_failure.clear();
        refresh();
    }
    if (!mustTry) {
        m_publishers->read();
    }
    context().bridge.request(
        protocol::GetContainment{m_agent, mustTry},
        this,
        [this, agent = m_agent, mustTry](const Result<ContainmentInfo>& reply) {
            take(agent, mustTry, reply);
        });
}

void ContainmentPanel::take(const QString& agent,
                            bool hasTried,
                            const Result<ContainmentInfo>& reply)
{
    if (hasTried) {
        m_trying.remove(agent);
    }
    if (agent != m_agent) {
        return; // it is asked for again when that agent is shown
    }
    if (!reply) {
        m_failure =
            hasTried ? tr("The attempts were not made: %1").arg(reply.error().message)
                     : tr("What holds %1 cannot be shown: %2").arg(m_agent, reply.error().message);
    } else {
        const auto before = std::exchange(m_info, *reply);
        m_info.agent = agent;
        if (m_hasInfo && before.probedAt > m_info.probedAt && m_info.problem.isEmpty()) {
            // An answer that was on its way while the attempts were made knows less than theirs.
            m_info.probes = before.probes;
            m_info.probedAt = before.probedAt;
        }
        m_hasInfo = true;
        m_failure.clear();
    }
    refresh();
    if (hasTried) {
        if (std::exchange(m_wantsList, false) && !m_list->isHidden()) {
            m_list->setFocus(Qt::OtherFocusReason);
        }
        say(m_failure.isEmpty() ? m_verdict->text() : m_failure);
    }
}

void ContainmentPanel::readAgainSoon()
{
    m_isStale = true;
    if (isVisible() && !m_soon.isActive()) {
        m_soon.start(); // once for many
    }
}

void ContainmentPanel::refresh()
{
    const auto current = m_list->currentIndex().data(ContainmentRows::IdRole).toString();
    m_rows.setRows(models::probeRows(m_info.probes));
    if (const auto index = m_rows.find(current); index != m_list->currentIndex()) {
        m_list->setCurrentIndex(index);
    }
    m_reach->show(m_info);
    m_reach->setVisible(m_hasInfo);
    setBadge(int(std::ranges::count_if(
        m_info.probes, [](const auto& probe) { return models::markOf(probe) == Mark::Open; })));
    showNothing();
    showHeadline();
    showCurrent();
    m_progress->setVisible(isTrying());
    m_copy->setEnabled(m_hasInfo);
}

void ContainmentPanel::showNothing()
{
    m_list->setVisible(m_rows.rowCount() > 0);
    m_empty->setVisible(m_rows.rowCount() == 0);
    const auto offer = [this](const QString& text, const QString& button = {}) {
        m_nothing->setText(text);
        m_nothing->setButton(button, [this] { ask(m_hasInfo); });
        // One button for one thing.
        m_try->setVisible(m_rows.rowCount() > 0 || button.isEmpty());
    };
    if (isTrying()) {
        offer(tr("Trying…"));
    } else if (!m_hasInfo) {
        offer(m_failure.isEmpty() ? tr("Loading…") : m_failure,
              m_failure.isEmpty() ? QString() : tr("Read again"));
    } else if (!m_info.problem.isEmpty()) {
        offer(tr("There is nothing to try: no command of %1 starts before this is put right. "
                 "“signalbox-node doctor” says what this machine lacks and how to get it.")
                  .arg(m_agent),
              tr("Try again"));
    } else if (m_info.probedAt == 0) {
        offer(tr("Not tried yet. A try takes a second or two and leaves nothing behind."),
              tr("Try now"));
    } else {
        offer(tr("No attempt was made."), tr("Try again"));
    }
    m_try->setText(isTrying() ? tr("Trying…") : tr("Try now"));
}

void ContainmentPanel::showHeadline()
{
    const auto show = [this](const QString& icon, Tone tone, const QString& text) {
        auto& theme = context().theme;
        m_verdict->setTone(tone == Tone::Secondary ? Tone::Text : tone);
        m_verdict->setText(text);
        const int side = std::max(theme::smallIcon, QFontMetrics(theme.title()).height());
        m_picture->setPixmap(theme.pixmap(icon, side, theme.colour(tone), devicePixelRatioF()));
    };
    const auto head =
        models::headline(m_info, widgets::clockText(m_info.probedAt, context().clock.nowUs()));
    m_verdict->setToolTip(m_info.probedAt != 0
                              ? tr("Tried %1").arg(widgets::exactTimeText(m_info.probedAt))
                              : QString());
    if (isTrying()) {
        show(u"refresh"_s, Tone::Secondary, tr("Trying what a command of %1 can do…").arg(m_agent));
    } else if (!m_hasInfo) {
        show(m_failure.isEmpty() ? u"clock"_s : u"failed"_s,
             Tone::Secondary,
             m_failure.isEmpty() ? tr("Loading…") : tr("Nothing is known"));
    } else {
        switch (head.state) {
        case Headline::State::NotTried:
            show(u"info"_s, Tone::Secondary, head.text);
            break;
        case Headline::State::Held:
            show(u"verify"_s, Tone::Secondary, head.text);
            break;
        case Headline::State::Unsure:
            show(u"interrupted"_s, Tone::Waiting, head.text);
            break;
        case Headline::State::Open:
        case Headline::State::Problem:
            show(u"failed"_s, Tone::Failed, head.text);
            break;
        }
    }
    const bool failed = !m_failure.isEmpty() && m_hasInfo;
    const auto remark = failed ? m_failure : widgets::visibleText(m_info.remark);
    m_remark->setTone(failed ? Tone::Failed : Tone::Secondary);
    m_remark->setText(remark);
    m_remark->setVisible(!remark.isEmpty());
}

void ContainmentPanel::showCurrent()
{
    const auto chosen = m_list->selectionModel()->selectedIndexes();
    const auto id =
        chosen.isEmpty() ? QString() : chosen.first().data(ContainmentRows::IdRole).toString();
    const auto found = std::ranges::find(m_info.probes, id, &protocol::ProbeInfo::id);
    const bool isShown = !id.isEmpty() && found != m_info.probes.end();
    if (isShown) {
        m_details->show(*found);
        if (m_list->hasFocus()) {
            m_side->verticalScrollBar()->setValue(0);
        }
    }
    m_details->setVisible(isShown);
}

// For those who do not see the line change.
void ContainmentPanel::say(const QString& sentence)
{
    QAccessibleAnnouncementEvent event(this, sentence);
    QAccessible::updateAccessibility(&event);
}

void ContainmentPanel::copy(const QString& text)
{
    if (m_hasInfo) {
        QGuiApplication::clipboard()->setText(text);
    }
}

void ContainmentPanel::showEvent(QShowEvent* event)
{
    Panel::showEvent(event);
    if (m_isStale) {
        ask(false);
    }
}

void ContainmentPanel::resizeEvent(QResizeEvent* event)
{
    Panel::resizeEvent(event);
    const int unit = QFontMetrics(context().theme.body()).averageCharWidth();
    const auto orientation =
        width() > 110 * unit || width() > 2 * height() ? Qt::Horizontal : Qt::Vertical;
    m_head->setDirection(width() > 80 * unit ? QBoxLayout::LeftToRight : QBoxLayout::TopToBottom);
    if (orientation != m_splitter->orientation() || event->oldSize().isEmpty()) {
        m_splitter->setOrientation(orientation);
        const int whole = orientation == Qt::Horizontal ? width() : height();
        m_splitter->setSizes({whole * 3 / 5, whole * 3 / 5, whole * 2 / 5});
    }
    m_splitter->setMinimumHeight((orientation == Qt::Horizontal ? 4 : 8) *
                                 context().theme.rowHeight());
}

void ContainmentPanel::keyPressEvent(QKeyEvent* event)
{
    if (event->key() == Qt::Key_Escape && !m_details->isHidden()) {
        m_list->setCurrentIndex({});
        m_list->clearSelection();
        return;
    }
    Panel::keyPressEvent(event);
}

} // namespace sb::panels
