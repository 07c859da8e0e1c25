// What the memory panel shows: whose memory, as of when, narrowed to what, and what a search finds.
#include "ui/models/MemoryWords.h"
#include "ui/panels/memory/BulletinView.h"
#include "ui/panels/memory/GraphLegend.h"
#include "ui/panels/memory/IngestBar.h"
#include "ui/panels/memory/LinkBar.h"
#include "ui/panels/memory/MemoryDetails.h"
#include "ui/panels/memory/MemoryPanel.h"
#include "ui/panels/memory/TimeBar.h"
#include "ui/widgets/Format.h"
#include "ui/widgets/Labels.h"
#include "ui/widgets/StateFile.h"

#include <QButtonGroup>
#include <QComboBox>
#include <QLineEdit>
#include <QMenu>
#include <QPushButton>
#include <QScrollArea>
#include <QStackedWidget>
#include <QTableView>
#include <QToolButton>

using namespace Qt::StringLiterals;

namespace sb::panels {

namespace {

constexpr qsizetype wholeBelow = 300; // so many are looked at as a whole at first
constexpr int mostHits = 50;

template <class T>
QList<T> checkedIn(const QMenu* menu)
{
    QList<T> values;
    for (const auto* action : menu->actions()) {
        if (action->isChecked()) {
            values.append(T(action->data().toInt()));
        }
    }
    return values;
}

QString placesKey(const QString& agent, bool isWhole)
{
    return agent + (isWhole ? u"/all"_s : u"/near"_s);
}

} // namespace

void MemoryPanel::readAgents()
{
    const auto& bridge = context().bridge;
    if (!bridge.isLoaded()) {
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

void MemoryPanel::showAgent(const QString& agent)
{
    m_agents->setCurrentIndex(m_agents->findData(agent));
    if (agent != m_agent) {
        keepPlaces();
        m_agent = agent;
        m_edits.setAgent(agent);
        m_ingests->setAgent(agent);
        m_linkBar->end();
        m_notice->hide();
        m_stats = {};
        m_failure.clear();
        m_around.clear();
        m_isFresh = true;
        m_isLoaded = false;
        m_isStale = true;
        m_moment = 0;
        m_time->setRange(0, context().clock.nowUs());
        m_time->goToNow();
        m_table.load({}, {}, filter());
        choose({}, nullptr);
        lookFor();
    }
    if (m_isStale && isVisible()) {
        reload();
    }
    refresh();
}

protocol::MemoryFilter MemoryPanel::filter() const
{
    protocol::MemoryFilter filter;
    filter.types = checkedIn<protocol::MemoryType>(m_typesMenu);
    filter.provenances = checkedIn<protocol::Provenance>(m_vouchersMenu);
    filter.withForgotten = m_forgotten->isChecked();
    filter.knownAt = m_moment;
    return filter;
}

bool MemoryPanel::isFiltered() const
{
    const auto now = filter();
    return !now.types.isEmpty() || !now.provenances.isEmpty();
}

void MemoryPanel::applyFilter()
{
    const auto now = filter();
    const auto words = [](auto* button, const QString& all, const QString& some) {
        button->setText(some.isEmpty() ? all : some);
        button->setAccessibleName(button->text());
    };
    words(m_types,
          tr("All types"),
          now.types.isEmpty()     ? QString()
          : now.types.size() == 1 ? models::memoryTypeText(now.types.first())
                                  : tr("%n types", nullptr, int(now.types.size())));
    words(m_vouchers,
          tr("Vouched for by anyone"),
          now.provenances.isEmpty() ? QString()
          : now.provenances.size() == 1
              ? tr("Vouched for by: %1").arg(models::provenanceText(now.provenances.first()))
              : tr("Vouched for by %n of them", nullptr, int(now.provenances.size())));
    if (!m_agent.isEmpty()) {
        reload();
        lookFor();
    }
}

void MemoryPanel::reload()
{
    if (m_agent.isEmpty()) {
        return;
    }
    if (!isVisible()) {
        m_isStale = true;
        return;
    }
    if (m_isAsking) {
        m_asksAgain = true; // a slider that is dragged wishes faster than anybody can answer
        return;
    }
    m_isStale = false;
    m_isAsking = true;
    protocol::GetMemoryGraph command;
    command.agent = m_agent;
    command.filter = filter();
    context().bridge.request(command,
                             this,
                             [this, agent = m_agent, moment = m_moment](
                                 const Result<protocol::GetMemoryGraph::Reply>& reply) {
                                 m_isAsking = false;
                                 const bool mustAsk = std::exchange(m_asksAgain, false);
                                 if (agent == m_agent && moment == m_moment) {
                                     loaded(reply);
                                 }
                                 if (mustAsk || agent != m_agent || moment != m_moment) {
                                     reload();
                                 }
                             });
    readStats();
    refresh();
}

void MemoryPanel::readStats()
{
    protocol::GetMemoryStats command;
    command.agent = m_agent;
    context().bridge.request(
        command,
        this,
        [this, agent = m_agent](const Result<protocol::GetMemoryStats::Reply>& reply) {
            if (agent != m_agent || !reply) {
                return; // the graph's answer says what is wrong
            }
            m_stats = *reply;
            m_time->setRange(m_stats.first, context().clock.nowUs());
            m_bulletin->show(m_agent, m_stats.bulletin, [this](const QString& id) {
                const auto* memory = m_table.find(id);
                return memory == nullptr ? QString() : models::memoryLine(memory->content);
            });
            refresh();
        });
}

void MemoryPanel::loaded(const Result<protocol::GetMemoryGraph::Reply>& reply)
{
    m_failure = reply ? QString() : reply.error().message;
    m_isLoaded = reply.has_value();
    m_isCut = reply && reply->isCut;
    m_table.setNow(context().clock.nowUs());
    if (!reply) {
        m_table.load({}, {}, filter());
        return;
    }
    if (std::exchange(m_isFresh, false) && reply->memories.size() > wholeBelow) {
        models::MemoryTable all; // only to ask it for the one to begin with
        all.load(reply->memories, reply->edges, filter());
        m_around = all.middle();
    }
    m_table.load(reply->memories, reply->edges, filter());
    choose(m_chosen, nullptr);
}

void MemoryPanel::updated(const QList<protocol::MemoryUpdated>& changes)
{
    bool isOurs = false;
    bool isOfChosen = false;
    for (const auto& one : changes) {
        if (one.agent != m_agent) {
            continue;
        }
        isOurs = true;
        if (!isPast() && m_isLoaded) {
            m_table.apply(one.change);
        }
        const QString current = m_chosen.value(0);
        isOfChosen = isOfChosen ||
                     std::ranges::any_of(one.change.memories,
                                         [&](const auto& m) { return m.id == current; }) ||
                     std::ranges::any_of(one.change.edges, [&](const auto& e) {
                         return e.from == current || e.to == current;
                     });
    }
    if (!isOurs) {
        return;
    }
    if (isOfChosen) {
        showDetails();
    }
    refreshActions();
    if (!m_search->text().trimmed().isEmpty()) {
        m_typing.start();
    }
    m_statsSoon.start();
}

void MemoryPanel::showGraph(bool isAnother)
{
    const bool isWhole = m_around.isEmpty();
    auto graph = isWhole ? models::memoryGraph(m_table.memories(), m_table.edges())
                         : models::memoryGraphAround(
                               m_table.memories(), m_table.edges(), m_around, m_hops->checkedId());
    const auto known = KnownPlaces::fromText(
        m_places->values().value(placesKey(m_agent, isWhole)).toString(), graph);
    if (m_middle->currentWidget() != m_graph) {
        m_graph->resize(m_middle->size()); // a page that is not shown has not got its size yet
    }
    m_graph->setGraph(std::move(graph), known, isAnother);
    m_legend->show(m_graph->graph());
    m_graph->setChosen(m_chosen);
    if (const auto* middle = m_table.find(m_around)) {
        m_aroundLine = models::memoryLine(middle->content, 60);
    }
    const auto count = qsizetype(m_graph->graph().nodes.size());
    m_scope->setProperty(
        "words",
        isWhole ? tr("All memories: %1").arg(widgets::countText(count))
                : tr("Around “%1”: %2 memories").arg(m_aroundLine, widgets::countText(count)));
    for (auto* button : m_hops->buttons()) {
        button->setVisible(!isWhole);
    }
    m_all->setVisible(!isWhole);
    m_scopeWords->setToolTip(m_scope->property("words").toString());
    m_scopeWords->setAccessibleName(m_scope->property("words").toString());
    placeOverlays();
}

void MemoryPanel::keepPlaces()
{
    if (!m_agent.isEmpty() && !m_graph->graph().nodes.empty() && m_moment == 0) {
        m_places->set(placesKey(m_agent, m_around.isEmpty()), m_graph->known().toText());
    }
}

// Which page stands in the middle, and what the empty one says.
void MemoryPanel::refresh()
{
    const auto nothing = [this](const QString& text,
                                const QString& button = {},
                                std::function<void()> pressed = {}) {
        m_nothing->setText(text);
        m_nothing->setButton(button, std::move(pressed));
        m_middle->setCurrentWidget(m_nothingPage);
    };
    const bool isEmpty = m_table.rowCount() == 0;
    const bool isGraph = m_shownView == View::Graph;
    if (!m_failure.isEmpty()) {
        nothing(tr("The memory cannot be read: %1").arg(m_failure), tr("Try again"), [this] {
            reload();
        });
    } else if (!m_isLoaded && !context().bridge.isLoaded()) {
        nothing(tr("Waiting for the runtime…"));
    } else if (!m_isLoaded) {
        nothing(tr("Reading the memory of %1…").arg(m_agent));
    } else if (m_shownView == View::Bulletin) {
        m_middle->setCurrentWidget(m_bulletin);
    } else if (isEmpty && isPast()) {
        nothing(tr("Nothing was known at %1 yet.").arg(m_time->momentText()),
                tr("Back to now"),
                [this] { m_time->goToNow(); });
    } else if (isEmpty && isFiltered()) {
        nothing(tr("No memory fits the filters."), tr("Show all of them"), [this] {
            for (auto* menu : {m_typesMenu, m_vouchersMenu}) {
                for (auto* action : menu->actions()) {
                    action->setChecked(false);
                }
            }
        });
    } else if (isEmpty && m_stats.forgotten > 0 && !m_forgotten->isChecked()) {
        nothing(tr("Everything is forgotten."), tr("Show what was forgotten"), [this] {
            m_forgotten->setChecked(true);
        });
    } else if (isEmpty) {
        nothing(tr("Nothing is remembered yet. The agent remembers by itself while you talk to it. "
                   "You can also drop files or folders here, and it reads them."),
                tr("Add files…"),
                [this] { m_add->click(); });
    } else if (isGraph && m_graph->graph().nodes.empty()) {
        nothing(isPast()
                    ? tr("“%1” was not known at %2 yet.").arg(m_aroundLine, m_time->momentText())
                    : tr("“%1” is not among what is shown.").arg(m_aroundLine),
                tr("Show all memories"),
                [this] { goAround({}); });
    } else {
        m_middle->setCurrentWidget(isGraph ? static_cast<QWidget*>(m_graph) : m_tableView);
    }
    m_export->setEnabled(m_isLoaded && !isEmpty);
    m_details->setVisible(!m_chosen.isEmpty() || m_middle->currentWidget() != m_nothingPage);
    tellIndex();
    refreshActions();
}

void MemoryPanel::lookFor()
{
    m_typing.stop();
    const QString words = m_search->text().simplified();
    const auto asked = ++m_searches;
    if (words.isEmpty() || m_agent.isEmpty()) {
        m_hitsSide->hide();
        m_hits.set({});
        return;
    }
    m_hitsSide->show();
    if (m_hits.rowCount() == 0) {
        m_hitsWords->setText(tr("Searching…"));
    }
    protocol::SearchMemory command;
    command.agent = m_agent;
    command.words = words;
    command.limit = mostHits;
    command.filter = filter();
    context().bridge.request(
        command, this, [this, asked, words](const Result<protocol::SearchMemory::Reply>& reply) {
            if (asked != m_searches) {
                return; // something else is looked for by now
            }
            if (!reply) {
                m_hits.set({});
                m_hitsWords->setText(tr("The search failed: %1").arg(reply.error().message));
                return;
            }
            m_hits.set(reply->hits);
            QString said = reply->hits.isEmpty()
                               ? tr("Nothing found for “%1”.").arg(words)
                               : tr("%n found, the best first.", nullptr, int(reply->hits.size()));
            if (!reply->notice.isEmpty()) {
                said += u' ' + reply->notice;
            }
            m_hitsWords->setText(said);
        });
}

void MemoryPanel::momentChanged()
{
    keepPlaces(); // as they are now; those of a day in the past are not kept
    m_moment = m_time->moment();
    m_linkBar->end();
    reload();
    if (!m_search->text().trimmed().isEmpty()) {
        m_typing.start();
    }
    showDetails();
    refreshActions();
}

void MemoryPanel::tellIndex()
{
    QStringList parts;
    if (m_isLoaded) {
        parts.append(tr("%1 memories").arg(widgets::countText(m_table.rowCount())) +
                     (m_isCut ? tr(" (the weightiest; there are more)") : QString()));
    }
    if (m_isLoaded && !isPast()) {
        parts.append(models::indexText(m_stats.index));
    }
    m_state->setText(parts.join(u" · "_s));
    m_state->setTone(m_stats.index.problem.isEmpty() ? theme::Tone::Secondary
                                                     : theme::Tone::Waiting);
    m_state->setToolTip(m_state->text());
}

} // namespace sb::panels
